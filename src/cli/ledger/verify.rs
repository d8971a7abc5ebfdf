//! Verifying offline: an export, a patient's report, a receipt. Neither a node nor its log is needed.

use crate::cli::terminal;
use anyhow::{Context, bail};
use ledger::{Finding, Language, Names, Report, Verdict, Verifier, VerifyingKey, open_receipt, receipt_text};
use std::io::BufRead as _;
use std::path::Path;
use std::process::ExitCode;

pub(super) fn verify(what: &Path, key: Option<&Path>, witness: Option<&Path>) -> anyhow::Result<ExitCode> {
    let read = |path: &Path| std::fs::read_to_string(path).with_context(|| path.display().to_string());
    let is_report = what.is_file();
    let key_file = match key {
        Some(file) => file.to_path_buf(),
        None if is_report => {
            bail!("--key が要ります a report or a receipt needs --key, the key as the node published it")
        }
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
        let text = read(what)?;
        // A report is JSON, a receipt a note.
        if !text.starts_with('{') {
            let receipt = open_receipt(&text, &public)?;
            terminal::say(receipt_text(&receipt, &Names::default(), Language::Japanese));
            terminal::say(receipt_text(&receipt, &Names::default(), Language::English));
            terminal::say("署名は正しい The signature is right.");
            return Ok(ExitCode::SUCCESS);
        }
        let (report, head) = Report::verify(&text, &public)?;
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
