//! The ledger of a running node, asked.

use super::offline::{create, finish};
use super::{CauseArgs, Languages, PrintedReceipt, ReceiptsOf, create_empty, print_receipts};
use crate::cli::consent::refused;
use crate::cli::terminal;
use crate::client::Client;
use crate::notary::write_new;
use anyhow::{Context, bail};
use ledger::VerifyingKey;
use model::PatientRef;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use wire::v1;

fn fail(status: tonic::Status) -> anyhow::Error {
    anyhow::anyhow!(refused(&status))
}

/// Says with which key the answer verifies; people compare its fingerprint with the published one.
fn say_key(key: &str) -> anyhow::Result<()> {
    let read = VerifyingKey::parse(key).context("the node's verifying key")?;
    terminal::remark(format!("検証鍵 verifying key: {key}\n指紋 fingerprint (SHA-256): {}", read.fingerprint()));
    Ok(())
}

pub(super) async fn head(client: &Client) -> anyhow::Result<ExitCode> {
    let answer = client.ledger().head(v1::HeadRequest {}).await.map_err(fail)?.into_inner();
    let v1::HeadResponse { note, verifying_key, size: _ } = answer;
    terminal::say(note.trim_end());
    say_key(&verifying_key)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn consistency(client: &Client, from: u64, to: u64) -> anyhow::Result<ExitCode> {
    let request = v1::ConsistencyRequest { from, to };
    let v1::ConsistencyResponse { proof } = client.ledger().consistency(request).await.map_err(fail)?.into_inner();
    proof.chunks(32).for_each(|hash| terminal::say(hex::encode(hash)));
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn report(
    client: &Client,
    patient: &PatientRef,
    file: Option<&Path>,
    languages: Languages,
) -> anyhow::Result<ExitCode> {
    let request = v1::ReportRequest { patient: Some(patient.into()), language: languages.wire().into() };
    let answer = client.ledger().report(request).await.map_err(fail)?.into_inner();
    let v1::ReportResponse { text, json, verifying_key, lines: _ } = answer;
    terminal::say(text);
    if let Some(path) = file {
        write_new(path, &json)?;
        terminal::remark(format!("{} に証明を書きました the proofs are in it", path.display()));
    }
    say_key(&verifying_key)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn receipts(
    client: &Client,
    of: ReceiptsOf,
    dir: Option<&Path>,
    languages: Languages,
) -> anyhow::Result<ExitCode> {
    let of = match of {
        ReceiptsOf { patient: Some(patient), .. } => v1::receipts_request::Of::Patient((&patient).into()),
        ReceiptsOf { consent: Some(id), .. } => v1::receipts_request::Of::Consent(id.as_str().to_owned()),
        ReceiptsOf { patient: None, consent: None } => bail!("name a patient or a consent"),
    };
    let request = v1::ReceiptsRequest { of: Some(of), language: languages.wire().into() };
    let answer = client.ledger().receipts(request).await.map_err(fail)?.into_inner();
    let v1::ReceiptsResponse { receipts, verifying_key } = answer;
    let printed = receipts.into_iter().map(|receipt| {
        let v1::SignedReceipt { index: _, consent, note, text } = receipt;
        PrintedReceipt { consent, note, text }
    });
    let code = print_receipts(&printed.collect::<Vec<_>>(), dir)?;
    say_key(&verifying_key)?;
    Ok(code)
}

pub(super) async fn recall(client: &Client, cause: CauseArgs, languages: Languages) -> anyhow::Result<ExitCode> {
    use v1::recall_request::Of;
    let (of, source) = match cause {
        CauseArgs { consent: Some(id), .. } => (Of::Consent(id.as_str().to_owned()), String::new()),
        CauseArgs { record: Some(record), .. } => {
            (Of::Record(record.id.as_str().to_owned()), record.source.as_str().to_owned())
        }
        CauseArgs { link: Some(id), .. } => (Of::Link(id.as_str().to_owned()), String::new()),
        CauseArgs { consent: None, record: None, link: None } => {
            bail!("name what is to be recalled: --consent, --record or --link")
        }
    };
    let request = v1::RecallRequest { of: Some(of), language: languages.wire().into(), source };
    let v1::RecallResponse { text, acts: _ } = client.ledger().recall(request).await.map_err(fail)?.into_inner();
    terminal::say(text);
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn export(
    client: &Client,
    dir: &Path,
    balp: Option<String>,
    with_entries: bool,
) -> anyhow::Result<ExitCode> {
    use v1::export_item::Item;
    let place = || dir.display().to_string();
    create_empty(dir)?;
    let mut entries = with_entries.then(|| create(dir, "entries.ndjson")).transpose()?;
    let mut heads = with_entries.then(|| create(dir, "heads.ndjson")).transpose()?;
    let mut events = balp.as_ref().map(|_| create(dir, "audit-events.ndjson")).transpose()?;
    let request = v1::ExportRequest { entries: with_entries, audit_events: balp.unwrap_or_default() };
    let mut items = client.ledger().export(request).await.map_err(fail)?.into_inner();
    let bar = terminal::progress("書き出し中 exporting", None);
    let mut key = None;
    while let Some(v1::ExportItem { item }) = items.message().await.map_err(fail)? {
        let (file, line) = match item.context("an empty item")? {
            Item::Entry(line) => (&mut entries, line),
            Item::AuditEvent(line) => (&mut events, line),
            Item::Head(line) => (&mut heads, line),
            Item::VerifyingKey(published) => {
                key = Some(published);
                continue;
            }
        };
        let file = file.as_mut().context("the node sent what was not asked for")?;
        writeln!(file, "{line}").with_context(place)?;
        bar.inc(1);
    }
    let lines = bar.position();
    bar.finish_and_clear();
    for file in [entries, heads, events].into_iter().flatten() {
        finish(file).with_context(place)?;
    }
    let key = key.context("途中で切れました the export broke off and is not whole; export again")?;
    if with_entries {
        write_new(&dir.join("verifying-key.txt"), &format!("{key}\n"))?;
    }
    terminal::remark(format!("{lines}行を {} に書き出しました {lines} lines exported", dir.display()));
    say_key(&key)?;
    Ok(ExitCode::SUCCESS)
}
