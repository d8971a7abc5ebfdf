//! The ledger of a stopped node, read from its log.

use super::{CauseArgs, Languages, PrintedReceipt, ReceiptsOf, create_empty, print_receipts};
use crate::cli::terminal;
use crate::config::Config;
use crate::notary::{History, Ledgered as _, Notary, NotaryError, RecallOf, write_new};
use crate::{app, identity};
use anyhow::{Context, bail};
use event_log::EventLog;
use ledger::{
    Entry, Proof, Recalled, Report, ReportLine, Systems, audit_events, entry_line, prove_consistency, recall_text,
    receipt_text, sign_receipt,
};
use model::{PatientRef, What};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// A stopped node's log and key.
pub(super) struct Desk {
    log: Arc<dyn EventLog>,
    notary: Notary,
    name: String,
}

impl Desk {
    pub(super) async fn open(config: &Config) -> anyhow::Result<Self> {
        let notary = Notary::open(&config.node.data_dir, &config.node.name)?;
        Ok(Self { log: app::open_log(&config.log).await?, notary, name: config.node.name.clone() })
    }
    pub(super) async fn close(&self) -> anyhow::Result<()> {
        Ok(self.log.close().await?)
    }
}

/// Reads the ledger, and says so when some of the control partition cannot be read.
async fn history(
    desk: &Desk,
    visit: &mut (dyn FnMut(u64, &Entry) -> Result<(), NotaryError> + Send),
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

pub(super) async fn head(desk: &Desk) -> anyhow::Result<()> {
    let history = history(desk, &mut |_, _| Ok(())).await?;
    let (_, note) = desk.notary.sign(&history, (identity::system_clock())())?;
    terminal::say(note.trim_end());
    let key = desk.notary.verifying();
    terminal::remark(format!("検証鍵 verifying key: {key}\n指紋 fingerprint (SHA-256): {}", key.fingerprint()));
    Ok(())
}

pub(super) async fn consistency(desk: &Desk, from: u64, to: u64) -> anyhow::Result<()> {
    let history = history(desk, &mut |_, _| Ok(())).await?;
    let proof = if from <= to && to <= history.size() { prove_consistency(history.nodes(), from, to) } else { None };
    let size = history.size();
    print_proof(&proof.with_context(|| format!("台帳は{size}件です the ledger has {size} entries"))?);
    Ok(())
}

pub(super) fn print_proof(proof: &Proof) {
    for hash in proof.as_bytes().chunks(32) {
        terminal::say(hex::encode(hash));
    }
}

pub(super) async fn report(
    desk: &Desk,
    patient: &PatientRef,
    json: Option<&Path>,
    languages: Languages,
) -> anyhow::Result<()> {
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
    for language in languages.each() {
        terminal::say(report.text(&head, &history.names, *language));
    }
    if let Some(path) = json {
        write_new(path, &report.json(desk.notary.key())?)?;
        terminal::remark(format!("{} に証明を書きました the proofs are in it", path.display()));
    }
    Ok(())
}

pub(super) async fn receipts(
    desk: &Desk,
    of: &ReceiptsOf,
    dir: Option<&Path>,
    languages: Languages,
) -> anyhow::Result<ExitCode> {
    let mut found = Vec::new();
    let history = history(desk, &mut |_, entry| {
        if let What::Receipt(receipt) = &entry.event.what
            && (of.patient.as_ref() == Some(&receipt.patient) || of.consent.as_ref() == Some(&receipt.consent))
        {
            found.push(receipt.clone());
        }
        Ok(())
    })
    .await?;
    let mut printed = Vec::new();
    for receipt in &found {
        let each = languages.each().iter();
        printed.push(PrintedReceipt {
            consent: receipt.consent.as_str().to_owned(),
            note: sign_receipt(receipt, desk.notary.key())?,
            text: each.map(|language| receipt_text(receipt, &history.names, *language)).collect::<Vec<_>>().join("\n"),
        });
    }
    print_receipts(&printed, dir)
}

pub(super) async fn recall(desk: &Desk, cause: CauseArgs, languages: Languages) -> anyhow::Result<()> {
    let of = match cause {
        CauseArgs { consent: Some(id), .. } => RecallOf::Consent(id, None),
        CauseArgs { record: Some(record), .. } => RecallOf::Record(record),
        CauseArgs { link: Some(id), .. } => RecallOf::Link(id),
        _ => bail!("name what is to be recalled: --consent, --record or --link"),
    };
    let recalls = of.recalls(&desk.log).await?;
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
    for language in languages.each() {
        terminal::say(recall_text(first.cause, &found, &history.names, *language));
    }
    Ok(())
}

/// A file of an export, for this user alone.
pub(super) fn create(dir: &Path, name: &str) -> anyhow::Result<BufWriter<std::fs::File>> {
    let path = dir.join(name);
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    file.map(BufWriter::new).with_context(|| path.display().to_string())
}

pub(super) async fn export(desk: &Desk, dir: &Path, balp: Option<&str>, with_entries: bool) -> anyhow::Result<()> {
    let place = || dir.display().to_string();
    create_empty(dir)?;
    // Proofs lead to the head, and the head comes last: the log is read once for it and once to write.
    let folded = history(desk, &mut |_, _| Ok(())).await?;
    desk.notary.sign(&folded, (identity::system_clock())())?;
    let mut entries = with_entries.then(|| create(dir, "entries.ndjson")).transpose()?;
    let mut events = balp.map(|_| create(dir, "audit-events.ndjson")).transpose()?;
    let systems = Systems::under(balp.unwrap_or_default(), &desk.name);
    let mut failed: Option<anyhow::Error> = None;
    History::read(&desk.log, &mut |index, entry| {
        // What was appended meanwhile waits for the next head.
        let Some(proof) = folded.proof(index).filter(|_| failed.is_none()) else { return Ok(()) };
        let line = entry_line(index, entry, &proof)?;
        let mut write = || -> anyhow::Result<()> {
            if let Some(entries) = &mut entries {
                writeln!(entries, "{line}")?;
            }
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
    events.map(finish).transpose().with_context(place)?;
    if let Some(entries) = entries {
        finish(entries).with_context(place)?;
        let mut heads = create(dir, "heads.ndjson")?;
        for line in desk.notary.heads()? {
            writeln!(heads, "{line}").with_context(place)?;
        }
        finish(heads).with_context(place)?;
        write_new(&dir.join("verifying-key.txt"), &format!("{}\n", desk.notary.verifying()))?;
    }
    terminal::remark(format!(
        "{}件を {} に書き出しました {} entries exported",
        folded.size(),
        dir.display(),
        folded.size()
    ));
    Ok(())
}

pub(super) fn finish(file: BufWriter<std::fs::File>) -> std::io::Result<()> {
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
}
