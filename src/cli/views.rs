//! `ajisai views`: what is derived from the log, and the proof that it is.

use crate::app;
use crate::clerk::Clerk;
use crate::cli::{config, terminal};
use crate::config::Config;
use crate::identity;
use crate::pipeline::{self, Rooms, Unhindered, Withheld};
use crate::recorder::Recorder;
use crate::register::Register;
use clap::Subcommand;
use consent_filter::{Book, BookDigest};
use event_log::{EventLog, ReadLimit};
use model::Frontier;
use parking_lot::RwLock;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use views::{ContentDigest, Feeds, Store};

/// ログから導かれたもの（表・同意の台帳）を検査し、作り直す。ノードを止めてから使う。
/// Check and rebuild what is derived from the log. The node must be stopped.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
例 Examples:
  ajisai views digest --config ajisai.toml      要約値を表示 print the digests
  ajisai views rebuild --config ajisai.toml     消して、ログから作り直し、同じであることを確かめる

終了コード Exit codes: 0 同じものが戻った came back the same, 1 失敗、または違った failed, or came back different")]
pub struct ViewsCommand {
    #[command(subcommand)]
    what: What,
    /// 設定ファイル Configuration file.
    #[arg(long, value_name = "FILE", env = "AJISAI_CONFIG", global = true)]
    config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum What {
    /// 表と同意の台帳の要約値 Digests of the rows and of the book, caught up with the log.
    Digest,
    /// すべて消してログから作り直し、前と比べる Drop everything derived, rebuild it from the log, compare.
    Rebuild,
}

/// What is derived, in two digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Derived {
    rows: ContentDigest,
    book: BookDigest,
}

impl ViewsCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When the log or the store cannot be opened, or the store differs after the rebuild.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let config = match config::load(self.config.as_deref()) {
            Ok(config) => config,
            Err(code) => return Ok(code),
        };
        let log = app::open_log(&config.log).await?;
        let outcome = match self.what {
            What::Digest => {
                let derived = derive(&config, &log, Ledger::Told, "追いつき中 catching up").await?;
                terminal::remark(format!("表 rows: {}\n台帳 book: {}", derived.rows, derived.book));
                ExitCode::SUCCESS
            }
            What::Rebuild => rebuild(&config, &log).await?,
        };
        log.close().await?;
        Ok(outcome)
    }
}

async fn rebuild(config: &Config, log: &Arc<dyn EventLog>) -> anyhow::Result<ExitCode> {
    let before = derive(config, log, Ledger::Told, "いまの状態を確認 checking what there is").await?;
    Store::destroy(app::store_config(config).dir).await?;
    let register = app::register_dir(config);
    if register.try_exists()? {
        std::fs::remove_dir_all(register)?;
    }
    let begun = Instant::now();
    let after = derive(config, log, Ledger::Known, "ログから作り直し rebuilding from the log").await?;
    terminal::remark(format!(
        "表 rows: {} → {}\n台帳 book: {} → {}\n{:.1} s",
        before.rows,
        after.rows,
        before.book,
        after.book,
        begun.elapsed().as_secs_f64()
    ));
    if before == after {
        terminal::remark("同じものが戻りました。\nIt came back the same.");
        Ok(ExitCode::SUCCESS)
    } else {
        terminal::remark(
            "作り直したものが前と違います。前の状態が壊れていた可能性があります。ログが正です。\n\
             What was rebuilt differs from what was there: what was there was damaged. The log is right, and the views now follow it.",
        );
        Ok(ExitCode::FAILURE)
    }
}

/// Whether the ledger is told of what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ledger {
    /// It is: a node that was killed may have left receipts unwritten.
    Told,
    /// It knows of everything.
    Known,
}

/// Opens what is derived, lets the pipeline bring it to the end of the log, commits, and takes its digests.
async fn derive(config: &Config, log: &Arc<dyn EventLog>, ledger: Ledger, what: &str) -> anyhow::Result<Derived> {
    let (store, recovered) = Store::open(app::store_config(config)).await?;
    let (store, book) = (Arc::new(store), Arc::new(RwLock::new(Book::new())));
    let register = Arc::new(Register::open(&app::register_dir(config), Arc::clone(&book))?);
    let withheld = Arc::new(Withheld::default());
    pipeline::restore_book(&book, &register, &withheld, recovered.book_letters)?;
    let feeds = Feeds::new(Arc::clone(&book));
    let views = views::Views::new(Arc::clone(&store), Arc::clone(&book), Arc::clone(&feeds));
    let end = log.end().await?;
    let stop = CancellationToken::new();
    let watching = tokio::spawn(watch(Arc::clone(&store), end, stop.clone(), what.to_owned()));
    let clock = identity::system_clock();
    let (recorder, mut recording) = Recorder::start(Arc::clone(log), Arc::clone(&clock));
    let clerk = match ledger {
        Ledger::Told => {
            let committed = &recovered.frontier;
            Some(Arc::new(Clerk::open(log, &recorder, &clock, committed, app::keeping(config)).await?))
        }
        Ledger::Known => None,
    };
    let rooms = Rooms { log: Arc::clone(log), book, store, feeds, register, withheld, clerk };
    let ran = pipeline::run(&rooms, ReadLimit::default(), &clock, &mut Unhindered, stop).await;
    watching.abort();
    recording.close().await;
    ran?;
    drop(views);
    let book = rooms.book.read().digest();
    Ok(Derived { rows: rooms.store.content_digest().await?, book })
}

/// Shows how far it is, and stops the pipeline at the end of the log.
async fn watch(store: Arc<Store>, end: Frontier, stop: CancellationToken, what: String) {
    let bar = terminal::progress(&what, Some(end.ahead_of(&Frontier::start())));
    while !store.reached(&end, Duration::from_millis(200)).await {
        bar.set_position(store.frontier().ahead_of(&Frontier::start()));
    }
    bar.finish_and_clear();
    stop.cancel();
}
