//! `ajisai ledger`: who saw what, and the proof of it.

mod offline;
mod online;
mod verify;

use crate::cli::{config, terminal};
use crate::client::{Client, Connection};
use crate::config::{Config, Source};
use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use ledger::{Language, VerifyingKey};
use model::{ConsentId, FacilityId, LinkId, PatientNumber, PatientRef, RecordId, RecordRef};
use offline::Desk;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// 台帳：誰が何を見たか。署名、患者への報告、撤回の受領書、見た者の洗い出し、書き出し、検証。
/// The ledger of who saw what: sign, report to a patient, receipts of withdrawals, recall, export, verify.
///
/// 動いているノードに尋ねる。`--config` か `--data-dir` を付けると、止めたノードのログを自分で読む。`verify` は単独で動く。
/// They ask a running node. With `--config` or `--data-dir` they read a stopped node's log themselves. `verify` stands alone.
#[derive(Debug, Args)]
pub struct LedgerCommand {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// 台帳の先頭に署名して表示する（運用者）。Sign the ledger's head and print it (operators).
    ///
    /// 表示された署名を外部に預けておけば、後からの書き換えが分かる（`verify --witness`）。
    /// Keep what it prints elsewhere: it shows any later rewriting (`verify --witness`).
    #[command(after_help = "例 Examples:\n  \
        ajisai ledger head --as operator.token > head-2026-04-01.txt\n  \
        ajisai ledger head --config ajisai.toml   （止めたノード a stopped node）")]
    Head {
        #[command(flatten)]
        place: Place,
    },
    /// 二つの大きさの台帳がつながっていることの証明（運用者）。The proof that one ledger continues another (operators).
    #[command(after_help = "例 Example:\n  ajisai ledger consistency --from 120 --to 4711 --as operator.token\n\n\
        一行に一つのSHA-256（RFC 9162 2.1.4）。One SHA-256 to a line.")]
    Consistency {
        /// 前の大きさ The earlier size.
        #[arg(long, value_name = "SIZE")]
        from: u64,
        /// 後の大きさ The later size.
        #[arg(long, value_name = "SIZE")]
        to: u64,
        #[command(flatten)]
        place: Place,
    },
    /// 患者本人への開示・閲覧の報告。A patient's own report of who saw what.
    #[command(after_help = "例 Examples:\n  \
        ajisai ledger report --patient nagasaki-mc:00012345 --json report.json --as hospital.token\n  \
        ajisai ledger report --patient nagasaki-mc:00012345 --config ajisai.toml   （止めたノード a stopped node）")]
    Report {
        /// 施設ID:患者番号 FACILITY:NUMBER
        #[arg(long, value_name = "FACILITY:NUMBER", value_parser = patient)]
        patient: PatientRef,
        /// 証明つきの報告の書き出し先 Where to write the report with its proofs.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// 言語（省略時は両方） In which language; in both when not given.
        #[arg(long, value_enum, value_name = "LANGUAGE")]
        language: Option<Tongue>,
        #[command(flatten)]
        place: Place,
    },
    /// 同意撤回の受領書。The receipts of withdrawals.
    #[command(after_help = "例 Examples:\n  \
        ajisai ledger receipts --patient nagasaki-mc:00012345 --as hospital.token\n  \
        ajisai ledger receipts --consent c-0f3a --dir receipts --as hospital.token\n\n\
        終了コード Exit codes: 0 ある there are, 3 ない there are none, 1 失敗 failed")]
    Receipts {
        #[command(flatten)]
        of: ReceiptsOf,
        /// 署名つきの受領書の書き出し先（一件一ファイル） Where to write the signed receipts, one to a file.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// 言語（省略時は両方） In which language; in both when not given.
        #[arg(long, value_enum, value_name = "LANGUAGE")]
        language: Option<Tongue>,
        #[command(flatten)]
        place: Place,
    },
    /// 撤回・訂正・削除・誤った紐付けの情報を見た者を洗い出す。
    /// List who has seen what has since been withdrawn, corrected, deleted or shown under a wrong link.
    #[command(after_help = "例 Examples:\n  \
        ajisai ledger recall --consent c-0f3a --as hospital.token\n  \
        ajisai ledger recall --record nagasaki-mc:lab-1 --as hospital.token\n  \
        ajisai ledger recall --link l-77 --config ajisai.toml   （止めたノード a stopped node）")]
    Recall {
        #[command(flatten)]
        cause: CauseArgs,
        /// 言語（省略時は両方） In which language; in both when not given.
        #[arg(long, value_enum, value_name = "LANGUAGE")]
        language: Option<Tongue>,
        #[command(flatten)]
        place: Place,
    },
    /// 検証できる形で書き出す。Export in a form that can be verified.
    ///
    /// 運用者は全体を、施設は自施設が見たものと自施設の患者が見られたものをAuditEventとして書き出す。
    /// An operator exports the whole, which names every patient; a facility what it saw and what was seen of its patients,
    /// as AuditEvents.
    #[command(after_help = "例 Examples:\n  \
        ajisai ledger export --dir audit --as operator.token\n  \
        ajisai ledger export --dir audit --balp https://ajisai.example.jp --as operator.token\n  \
        ajisai ledger export --dir audit --balp https://ajisai.example.jp --no-entries --as hospital.token\n\n\
        できるファイル Files: entries.ndjson heads.ndjson verifying-key.txt, audit-events.ndjson (--balp: FHIR R4 AuditEvent)")]
    Export {
        /// 書き出し先（空であること） Where to; it must be empty or absent.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// IHE BALP の AuditEvent も書く。識別子の名前空間の元になるURI。Write IHE BALP AuditEvents too; identifiers get systems below this URI.
        #[arg(long, value_name = "URI")]
        balp: Option<String>,
        /// AuditEvent だけを書く。Write the AuditEvents only.
        #[arg(long, requires = "balp")]
        no_entries: bool,
        #[command(flatten)]
        place: Place,
    },
    /// 書き出したもの、患者の報告、受領書を検証する。Verify an export, a patient's report, or a receipt.
    #[command(after_help = "例 Examples:\n  \
        ajisai ledger verify audit\n  \
        ajisai ledger verify audit --key published.txt --witness head-2026-03-01.txt\n  \
        ajisai ledger verify report.json --key published.txt\n  \
        ajisai ledger verify receipts/c-0f3a.txt --key published.txt\n\n\
        終了コード Exit codes: 0 すべて正しい whole, 1 誤りがある something is wrong")]
    Verify {
        /// 書き出したディレクトリ、報告、受領書 The directory of an export, a report's file, or a receipt's.
        #[arg(value_name = "DIR|FILE")]
        what: PathBuf,
        /// 公開された検証鍵 The published key; without it the export's own is used.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// 以前に預かった署名 A signed head kept from before.
        #[arg(long, value_name = "FILE")]
        witness: Option<PathBuf>,
    },
}

/// A running node, or a stopped one's log.
#[derive(Debug, Args)]
struct Place {
    /// 止めたノードの設定ファイル The configuration file of a stopped node.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// 止めたノードのデータのディレクトリ（組み込みログ） The data directory of a stopped node with an embedded log.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

/// Who answers.
enum Ledger {
    Running(Client),
    Stopped(Box<Desk>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Tongue {
    /// 日本語
    Ja,
    /// English
    En,
}

/// In which languages a text is printed.
#[derive(Debug, Clone, Copy)]
struct Languages(Option<Tongue>);

impl Languages {
    fn each(self) -> &'static [Language] {
        match self.0 {
            None => &[Language::Japanese, Language::English],
            Some(Tongue::Ja) => &[Language::Japanese],
            Some(Tongue::En) => &[Language::English],
        }
    }
    fn wire(self) -> wire::v1::Language {
        match self.0 {
            None => wire::v1::Language::Unspecified,
            Some(Tongue::Ja) => wire::v1::Language::Japanese,
            Some(Tongue::En) => wire::v1::Language::English,
        }
    }
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct ReceiptsOf {
    /// この患者のすべて（施設ID:患者番号） All of this patient.
    #[arg(long, value_name = "FACILITY:NUMBER", value_parser = patient)]
    patient: Option<PatientRef>,
    /// この同意の撤回 That of this consent.
    #[arg(long, value_name = "ID", value_parser = |text: &str| ConsentId::parse(text))]
    consent: Option<ConsentId>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct CauseArgs {
    /// 撤回された同意 A consent that was withdrawn.
    #[arg(long, value_name = "ID", value_parser = |text: &str| ConsentId::parse(text))]
    consent: Option<ConsentId>,
    /// 訂正・削除された記録 A record that was corrected or deleted.
    #[arg(long, value_name = "FACILITY:ID", value_parser = record)]
    record: Option<RecordRef>,
    /// 取り消された紐付け A link that was taken back.
    #[arg(long, value_name = "ID", value_parser = |text: &str| LinkId::parse(text))]
    link: Option<LinkId>,
}

fn patient(text: &str) -> Result<PatientRef, String> {
    let (facility, number) = text.split_once(':').ok_or("write FACILITY:NUMBER")?;
    let facility = FacilityId::parse(facility).map_err(|error| error.to_string())?;
    Ok(PatientRef::new(facility, PatientNumber::parse(number).map_err(|error| error.to_string())?))
}

fn record(text: &str) -> Result<RecordRef, String> {
    let (source, id) = text.split_once(':').ok_or("write FACILITY:ID")?;
    let source = FacilityId::parse(source).map_err(|error| error.to_string())?;
    Ok(RecordRef { source, id: RecordId::parse(id).map_err(|error| error.to_string())? })
}

impl Place {
    /// The exit code is that of a configuration that is wrong.
    async fn open(&self) -> anyhow::Result<Result<Ledger, ExitCode>> {
        let config = match (&self.config, &self.data_dir) {
            (None, None) => return Ok(Ok(Ledger::Running(self.connection.open().await?))),
            (Some(file), _) => match config::load(Some(file)) {
                Ok(config) => config,
                Err(code) => return Ok(Err(code)),
            },
            (None, Some(directory)) => below(directory)?,
        };
        Ok(Ok(Ledger::Stopped(Box::new(Desk::open(&config).await?))))
    }
}

/// The configuration of a node of which only the data directory is known. Its name is that of its key.
fn below(directory: &Path) -> anyhow::Result<Config> {
    let published = directory.join("ledger/verifying-key.txt");
    let key = std::fs::read_to_string(&published).with_context(|| {
        format!("{} がありません is not there: is this a node's data directory?", published.display())
    })?;
    let key = VerifyingKey::parse(&key).with_context(|| published.display().to_string())?;
    let data_dir = toml::Value::String(directory.canonicalize()?.display().to_string());
    let text = format!("[node]\ndata_dir = {data_dir}\n[identity]\njwt_keys_file = \"unused\"\n");
    let mut config = Config::read(&Source::new("", &text))?;
    key.name().as_str().strip_prefix("ajisai/").unwrap_or_default().clone_into(&mut config.node.name);
    Ok(config)
}

impl LedgerCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// When the node refuses, or the log or a file cannot be read or written, or the log is not the history that was signed.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let place = match &self.act {
            Act::Verify { what, key, witness } => return verify::verify(what, key.as_deref(), witness.as_deref()),
            Act::Head { place }
            | Act::Consistency { place, .. }
            | Act::Report { place, .. }
            | Act::Receipts { place, .. }
            | Act::Recall { place, .. }
            | Act::Export { place, .. } => place,
        };
        match place.open().await? {
            Err(code) => Ok(code),
            Ok(Ledger::Running(client)) => self.act.ask(&client).await,
            Ok(Ledger::Stopped(desk)) => {
                let done = self.act.read(&desk).await;
                desk.close().await?;
                done
            }
        }
    }
}

impl Act {
    /// Asks a running node.
    async fn ask(self, client: &Client) -> anyhow::Result<ExitCode> {
        match self {
            Self::Head { .. } => online::head(client).await,
            Self::Consistency { from, to, .. } => online::consistency(client, from, to).await,
            Self::Report { patient, json, language, .. } => {
                online::report(client, &patient, json.as_deref(), Languages(language)).await
            }
            Self::Receipts { of, dir, language, .. } => {
                online::receipts(client, of, dir.as_deref(), Languages(language)).await
            }
            Self::Recall { cause, language, .. } => online::recall(client, cause, Languages(language)).await,
            Self::Export { dir, balp, no_entries, .. } => online::export(client, &dir, balp, !no_entries).await,
            Self::Verify { .. } => Ok(ExitCode::SUCCESS),
        }
    }
    /// Reads a stopped node's log.
    async fn read(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        match self {
            Self::Head { .. } => offline::head(desk).await?,
            Self::Consistency { from, to, .. } => offline::consistency(desk, from, to).await?,
            Self::Report { patient, json, language, .. } => {
                offline::report(desk, &patient, json.as_deref(), Languages(language)).await?;
            }
            Self::Receipts { of, dir, language, .. } => {
                return offline::receipts(desk, &of, dir.as_deref(), Languages(language)).await;
            }
            Self::Recall { cause, language, .. } => offline::recall(desk, cause, Languages(language)).await?,
            Self::Export { dir, balp, no_entries, .. } => {
                offline::export(desk, &dir, balp.as_deref(), !no_entries).await?;
            }
            Self::Verify { .. } => {}
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Makes a directory for an export, for this user alone; it may be there and empty.
fn create_empty(dir: &Path) -> anyhow::Result<()> {
    let place = || dir.display().to_string();
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).with_context(place)?;
    if std::fs::read_dir(dir).with_context(place)?.next().is_some() {
        bail!("{} が空ではありません it is not empty; name another directory", dir.display());
    }
    Ok(())
}

/// A receipt as it is printed and written.
struct PrintedReceipt {
    consent: String,
    note: String,
    text: String,
}

/// Prints receipts, and writes their signed notes where a directory is named: exit code 3 where there are none.
fn print_receipts(receipts: &[PrintedReceipt], dir: Option<&Path>) -> anyhow::Result<ExitCode> {
    if receipts.is_empty() {
        terminal::remark("受領書はありません There are no receipts.");
        return Ok(ExitCode::from(3));
    }
    if let Some(dir) = dir {
        create_empty(dir)?;
    }
    for PrintedReceipt { consent, note, text } in receipts {
        terminal::say(text);
        match dir {
            // An id may hold what no file name may.
            Some(dir) => {
                let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '.' { c } else { '_' };
                let path = dir.join(format!("{}.txt", consent.chars().map(safe).collect::<String>()));
                crate::notary::write_new(&path, note)?;
                terminal::remark(format!("{} に署名つきの受領書を書きました it is signed", path.display()));
            }
            None => terminal::say(note.trim_end()),
        }
    }
    Ok(ExitCode::SUCCESS)
}
