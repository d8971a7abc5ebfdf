//! `ajisai quarantine edit`: put right in a person's own editor.

use super::super::consent::refused;
use super::super::terminal::remark;
use super::{REFUSED_AGAIN, replay};
use crate::client::Calls;
use anyhow::{Context as _, bail};
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode};
use wire::v1;
use wire::v1::ingest_service_client::IngestServiceClient;

/// Lets a person edit it until it is taken, or they have had enough.
pub(super) async fn edit(
    door: &mut IngestServiceClient<Calls>,
    id: String,
    editor: Option<String>,
) -> anyhow::Result<ExitCode> {
    let response = door.get_quarantined(v1::GetQuarantinedRequest { id: id.clone() }).await;
    let response = response.map_err(|status| anyhow::anyhow!(refused(&status)))?.into_inner();
    let head = response.event.context("an answer without an event")?;
    let Some(suffix) = suffix(&head.form) else {
        bail!(
            "これはテキストではありません。`show --output` で書き出し、直して `replay --replacement` で送ってください\n\
             `{id}` is no text: write it out with `show --output`, mend it and send it with `replay --replacement`"
        );
    };
    let came = response.bytes.to_vec();
    let lines = Lines::of(&came);
    // Readable by its owner alone, and removed when it is dropped.
    let file = tempfile::Builder::new().prefix("ajisai-").suffix(suffix).tempfile()?;
    std::fs::write(file.path(), lines.shown(&came))?;
    remark(format!("理由 why: {}: {} {}", head.reason, head.field, head.rule));
    let editor = editor.or_else(|| std::env::var("VISUAL").ok()).or_else(|| std::env::var("EDITOR").ok());
    let editor = editor.filter(|editor| !editor.trim().is_empty()).unwrap_or_else(|| "vi".to_owned());
    loop {
        open(&editor, file.path())?;
        // By its path: an editor may have put another file in its place.
        let edited = lines.sent(std::fs::read(file.path())?);
        if edited == came {
            remark("変更がないので送りません not changed: nothing is sent");
            return Ok(ExitCode::FAILURE);
        }
        let code = replay(door, id.clone(), edited).await?;
        if code != ExitCode::from(REFUSED_AGAIN) || !again()? {
            return Ok(code);
        }
    }
}

/// How the file's name ends, so that editors know what it is; `None`: it is no text.
fn suffix(form: &str) -> Option<&'static str> {
    match form {
        "hl7v2" | "ss-mix2" => Some(".hl7"),
        "fhir" => Some(".json"),
        _ => None,
    }
}

/// The command is a shell's, so that it may have arguments.
fn open(editor: &str, file: &Path) -> anyhow::Result<()> {
    let ended = Command::new("sh").args(["-c", &format!("{editor} \"$1\""), "editor"]).arg(file).status();
    let ended = ended.with_context(|| format!("starting {editor}"))?;
    if !ended.success() {
        bail!("`{editor}` が失敗したので送りません\n`{editor}` failed ({ended}): nothing is sent");
    }
    Ok(())
}

/// Whether to go on editing what was refused again. Where nobody can answer, not.
fn again() -> anyhow::Result<bool> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Ok(false);
    }
    write!(std::io::stderr(), "もう一度直しますか edit again? [y/N] ")?;
    let mut answer = String::new();
    input.lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "はい"))
}

/// How lines end. HL7 ends them with CR alone, which few editors show as lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lines {
    /// CR alone: shown with LF, sent with CR.
    Cr,
    /// As they are.
    Other,
}

impl Lines {
    fn of(bytes: &[u8]) -> Self {
        if bytes.contains(&b'\r') && !bytes.contains(&b'\n') { Self::Cr } else { Self::Other }
    }

    // No byte of a character is one of the two in ISO-2022-JP, Shift_JIS, EUC-JP or UTF-8.
    fn shown(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Cr => bytes.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect(),
            Self::Other => bytes.to_vec(),
        }
    }

    fn sent(self, mut bytes: Vec<u8>) -> Vec<u8> {
        if self == Self::Other {
            return bytes;
        }
        bytes.retain(|byte| *byte != b'\r');
        bytes.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b'\r');
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_editor_saves_untouched_is_what_came() {
        for came in ["MSH|^~\\&|A\rPID|1\r", "MSH|A\r\nPID|1\r\n", "MSH|A\nPID", "{\"a\": 1}", ""] {
            let lines = Lines::of(came.as_bytes());
            assert_eq!(lines.sent(lines.shown(came.as_bytes())), came.as_bytes());
        }
        let lines = Lines::of(b"MSH|A\rPID|1\r");
        assert_eq!(lines.shown(b"MSH|A\rPID|1\r"), b"MSH|A\nPID|1\n");
        assert_eq!(lines.sent(b"MSH|A\r\nPID|2\n".to_vec()), b"MSH|A\rPID|2\r");
    }

    #[test]
    fn an_event_is_no_text() {
        assert_eq!((suffix("event"), suffix("")), (None, None));
        assert_eq!(suffix("fhir"), Some(".json"));
    }
}
