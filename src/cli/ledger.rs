//! `ajisai ledger`: who saw what, and the proof of it.

mod past;

use crate::cli::{config, terminal};
use crate::config::Config;
use crate::notary::{History, Ledgered as _, Notary, write_new};
use crate::{app, identity};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use event_log::EventLog;
use ledger::{
    Entry, Finding, Language, Recalled, Report, ReportLine, Systems, Verdict, Verifier, VerifyingKey, audit_events,
    entry_line, recall_text,
};
use model::{ConsentId, FacilityId, LinkId, PatientNumber, PatientRef, RecordId, RecordRef};
use std::io::{BufRead as _, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// 台帳：誰が何を見たか。署名、患者への報告、見た者の洗い出し、書き出し、検証。
/// The ledger of who saw what: sign, report to a patient, recall, export, verify.
///
/// `verify` だけは単独で動く。ほかはログを読み署名するので、ノードを止めてから使う。
/// `verify` stands alone. The others read the log and sign: the node must be stopped.
#[derive(Debug, Args)]
pub struct LedgerCommand {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// 台帳の先頭に署名して表示する。Sign the ledger's head and print it.
    ///
    /// 表示された署名を外部に預けておけば、後からの書き換えが分かる（`verify --witness`）。
    /// Keep what it prints elsewhere: it shows any later rewriting (`verify --witness`).
    #[command(after_help = "例 Example:\n  ajisai ledger head --config ajisai.toml > head-2026-04-01.txt")]
    Head {
        #[command(flatten)]
        node: Node,
    },
    /// 患者本人への開示・閲覧の報告。A patient's own report of who saw what.
    #[command(after_help = "例 Example:\n  \
        ajisai ledger report --config ajisai.toml --patient nagasaki-mc:00012345 --json report.json")]
    Report {
        /// 施設ID:患者番号 FACILITY:NUMBER
        #[arg(long, value_name = "FACILITY:NUMBER", value_parser = patient)]
        patient: PatientRef,
        /// 証明つきの報告の書き出し先 Where to write the report with its proofs.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        #[command(flatten)]
        node: Node,
    },
    /// 撤回・訂正・削除・誤った紐付けの情報を見た者を洗い出す。
    /// List who has seen what has since been withdrawn, corrected, deleted or shown under a wrong link.
    #[command(after_help = "例 Examples:\n  \
        ajisai ledger recall --config ajisai.toml --consent c-0f3a\n  \
        ajisai ledger recall --config ajisai.toml --record nagasaki-mc:lab-1\n  \
        ajisai ledger recall --config ajisai.toml --link l-77")]
    Recall {
        #[command(flatten)]
        cause: CauseArgs,
        #[command(flatten)]
        node: Node,
    },
    /// 検証できる形で書き出す（全患者の情報を含む）。Export in a form that can be verified; it names every patient.
    #[command(after_help = "例 Examples:\n  \
        ajisai ledger export --config ajisai.toml --dir audit\n  \
        ajisai ledger export --config ajisai.toml --dir audit --balp https://ajisai.example.jp\n\n\
        できるファイル Files: entries.ndjson heads.ndjson verifying-key.txt, audit-events.ndjson (--balp: FHIR R4 AuditEvent)")]
    Export {
        /// 書き出し先（空であること） Where to; it must be empty or absent.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// IHE BALP の AuditEvent も書く。識別子の名前空間の元になるURI。Write IHE BALP AuditEvents too; identifiers get systems below this URI.
        #[arg(long, value_name = "URI")]
        balp: Option<String>,
        #[command(flatten)]
        node: Node,
    },
    /// 書き出したもの、または患者の報告を検証する。Verify an export, or a patient's report.
    #[command(after_help = "例 Examples:\n  \
        ajisai ledger verify audit\n  \
        ajisai ledger verify audit --key published.txt --witness head-2026-03-01.txt\n  \
        ajisai ledger verify report.json --key published.txt\n\n\
        終了コード Exit codes: 0 すべて正しい whole, 1 誤りがある something is wrong")]
    Verify {
        /// 書き出したディレクトリ、または report.json The directory of an export, or a report's file.
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

#[derive(Debug, Args)]
struct Node {
    /// 設定ファイル Configuration file.
    #[arg(long, value_name = "FILE", env = "AJISAI_CONFIG")]
    config: Option<PathBuf>,
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

/// A stopped node's log and key.
struct Desk {
    log: Arc<dyn EventLog>,
    notary: Notary,
    name: String,
}

impl Desk {
    async fn open(config: &Config) -> anyhow::Result<Self> {
        let notary = Notary::open(&config.node.data_dir, &config.node.name)?;
        Ok(Self { log: app::open_log(&config.log).await?, notary, name: config.node.name.clone() })
    }
}

impl LedgerCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// When the log or a file cannot be read or written, or the log is not the history that was signed.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let node = match &self.act {
            Act::Verify { what, key, witness } => return verify(what, key.as_deref(), witness.as_deref()),
            Act::Head { node } | Act::Report { node, .. } | Act::Recall { node, .. } | Act::Export { node, .. } => node,
        };
        let config = match config::load(node.config.as_deref()) {
            Ok(config) => config,
            Err(code) => return Ok(code),
        };
        let desk = Desk::open(&config).await?;
        let done = match self.act {
            Act::Head { .. } => head(&desk).await,
            Act::Report { patient, json, .. } => report(&desk, &patient, json.as_deref()).await,
            Act::Recall { cause, .. } => recall(&desk, &cause).await,
            Act::Export { dir, balp, .. } => export(&desk, &dir, balp.as_deref()).await,
            Act::Verify { .. } => Ok(()),
        };
        desk.log.close().await?;
        done.map(|()| ExitCode::SUCCESS)
    }
}

/// Reads the ledger, and says so when some of the control partition cannot be read.
async fn history(
    desk: &Desk,
    visit: &mut (dyn FnMut(u64, &Entry) -> Result<(), crate::notary::NotaryError> + Send),
) -> anyhow::Result<History> {
    let history = History::read(&desk.log, visit).await?;
    if history.unreadable > 0 {
        let count = history.unreadable;
        terminal::remark(format!(
            "制御パーティションに読めない手紙が{count}通あり、台帳に入っていません。\n\
             {count} letters of the control partition cannot be read and are not in the ledger."
        ));
    }
    Ok(history)
}

async fn head(desk: &Desk) -> anyhow::Result<()> {
    let history = history(desk, &mut |_, _| Ok(())).await?;
    let (_, note) = desk.notary.sign(&history, (identity::system_clock())())?;
    terminal::say(note.trim_end());
    let key = desk.notary.verifying();
    terminal::remark(format!("検証鍵 verifying key: {key}\n指紋 fingerprint (SHA-256): {}", key.fingerprint()));
    Ok(())
}

async fn report(desk: &Desk, patient: &PatientRef, json: Option<&Path>) -> anyhow::Result<()> {
    let mut about: Vec<(u64, Entry)> = Vec::new();
    let history = history(desk, &mut |index, entry| {
        if entry.event.patients().any(|shown| shown == patient) {
            about.push((index, entry.clone()));
        }
        Ok(())
    })
    .await?;
    let (head, note) = desk.notary.sign(&history, (identity::system_clock())())?;
    let proved = about
        .iter()
        .filter_map(|(index, entry)| ReportLine::of(patient, *index, entry, history.proof(*index).unwrap_or_default()));
    let report = Report { patient: patient.clone(), note, lines: proved.collect() };
    for language in [Language::Japanese, Language::English] {
        terminal::say(report.text(&head, &history.names, language));
    }
    if let Some(path) = json {
        write_new(path, &report.json(desk.notary.key())?)?;
        terminal::remark(format!("{} に証明を書きました the proofs are in it", path.display()));
    }
    Ok(())
}

async fn recall(desk: &Desk, cause: &CauseArgs) -> anyhow::Result<()> {
    let recalls = match cause {
        CauseArgs { consent: Some(id), .. } => past::of_consent(&desk.log, id).await?,
        CauseArgs { record: Some(record), .. } => past::of_record(&desk.log, record).await?,
        CauseArgs { link: Some(id), .. } => past::of_link(&desk.log, id).await?,
        _ => Vec::new(),
    };
    let Some(first) = recalls.first() else {
        bail!(
            "ログに、撤回・訂正・削除・取消しが見つかりません。\n\
             The log holds no such withdrawal, correction, deletion or unlinking; check the id."
        );
    };
    let mut found: Vec<Recalled> = Vec::new();
    let history = history(desk, &mut |index, entry| {
        found.extend(recalls.iter().filter_map(|recall| recall.of(index, entry)));
        Ok(())
    })
    .await?;
    for language in [Language::Japanese, Language::English] {
        terminal::say(recall_text(first.cause, &found, &history.names, language));
    }
    Ok(())
}

async fn export(desk: &Desk, dir: &Path, balp: Option<&str>) -> anyhow::Result<()> {
    let place = || dir.display().to_string();
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).with_context(place)?;
    if std::fs::read_dir(dir).with_context(place)?.next().is_some() {
        bail!("{} が空ではありません it is not empty; name another directory", dir.display());
    }
    // Proofs lead to the head, and the head comes last: the log is read once for it and once to write.
    let folded = history(desk, &mut |_, _| Ok(())).await?;
    desk.notary.sign(&folded, (identity::system_clock())())?;
    let create = |name: &str| {
        let path = dir.join(name);
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        file.map(BufWriter::new).with_context(|| path.display().to_string())
    };
    let mut entries = create("entries.ndjson")?;
    let mut events = balp.map(|_| create("audit-events.ndjson")).transpose()?;
    let systems = Systems::under(balp.unwrap_or_default(), &desk.name);
    let mut failed: Option<anyhow::Error> = None;
    History::read(&desk.log, &mut |index, entry| {
        // What was appended meanwhile waits for the next head.
        let Some(proof) = folded.proof(index).filter(|_| failed.is_none()) else { return Ok(()) };
        let line = entry_line(index, entry, &proof)?;
        let mut write = || -> anyhow::Result<()> {
            writeln!(entries, "{line}")?;
            if let Some(events) = &mut events {
                for event in audit_events(index, entry, &folded.names, &systems) {
                    writeln!(events, "{event}")?;
                }
            }
            Ok(())
        };
        failed = write().err();
        Ok(())
    })
    .await?;
    if let Some(error) = failed {
        return Err(error.context(place()));
    }
    finish(entries).with_context(place)?;
    events.map(finish).transpose().with_context(place)?;
    let mut heads = create("heads.ndjson")?;
    for line in desk.notary.heads()? {
        writeln!(heads, "{line}").with_context(place)?;
    }
    finish(heads).with_context(place)?;
    write_new(&dir.join("verifying-key.txt"), &format!("{}\n", desk.notary.verifying()))?;
    terminal::remark(format!(
        "{}件を {} に書き出しました {} entries exported",
        folded.size(),
        dir.display(),
        folded.size()
    ));
    Ok(())
}

fn finish(file: BufWriter<std::fs::File>) -> std::io::Result<()> {
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
}

fn verify(what: &Path, key: Option<&Path>, witness: Option<&Path>) -> anyhow::Result<ExitCode> {
    let read = |path: &Path| std::fs::read_to_string(path).with_context(|| path.display().to_string());
    let is_report = what.is_file();
    let key_file = match key {
        Some(file) => file.to_path_buf(),
        None if is_report => bail!("--key が要ります a report needs --key, the key as the node published it"),
        None => what.join("verifying-key.txt"),
    };
    let public = VerifyingKey::parse(&read(&key_file)?).with_context(|| key_file.display().to_string())?;
    if key.is_none() {
        terminal::remark(format!(
            "書き出しに添えられた鍵で検証します。指紋を公開されたものと比べてください。\n\
             The export's own key is used; compare its fingerprint with the published one: {}",
            public.fingerprint()
        ));
    }
    if is_report {
        let (report, head) = Report::verify(&read(what)?, &public)?;
        terminal::say(format!(
            "{}行すべて正しい all {} lines are proved; {head}",
            report.lines.len(),
            report.lines.len()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let heads = read(&what.join("heads.ndjson"))?;
    let witness = witness.map(read).transpose()?;
    let verdict = verdict(&what.join("entries.ndjson"), Verifier::begin(&public, heads.lines(), witness.as_deref()))?;
    Ok(tell(&verdict))
}

fn verdict(path: &Path, mut verifier: Verifier) -> anyhow::Result<Verdict> {
    let mut entries = std::io::BufReader::new(std::fs::File::open(path).with_context(|| path.display().to_string())?);
    let mut line = Vec::new();
    while entries.read_until(b'\n', &mut line).with_context(|| path.display().to_string())? > 0 {
        // What is not UTF-8 becomes what no entry is.
        verifier.line(String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line)).as_ref());
        line.clear();
    }
    Ok(verifier.finish())
}

fn tell(verdict: &Verdict) -> ExitCode {
    verdict.findings.iter().for_each(|finding: &Finding| terminal::say(finding.to_string()));
    if verdict.more > 0 {
        terminal::say(format!("ほか{}件 and {} more", verdict.more, verdict.more));
    }
    if let Some(head) = &verdict.head {
        terminal::say(format!("{}件を証明 {} entries proved; {head}", verdict.proved, verdict.proved));
    }
    if verdict.is_whole() {
        terminal::say("すべて署名のとおり。Whole, and as it was signed.");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
