//! Receipts of withdrawals, signed.

use crate::json::{FormError, ReceiptJson};
use crate::sign::{NoteError, SigningKey, VerifyingKey};
use crate::words::{self, Language, Names};
use model::{Moment, Receipt};

const TITLE: &str = "ajisai withdrawal receipt";

/// Why a note is not a receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not a note of this key.
    #[error("the receipt {0}")]
    Note(#[from] NoteError),
    /// Signed, and not a receipt.
    #[error("the receipt {0}")]
    Form(#[from] FormError),
    /// Signed, and something else.
    #[error("the note is signed and is not a receipt")]
    Other,
}

/// The receipt as a signed note: a title, the signer's name, and one line of JSON.
///
/// # Errors
/// Never for a valid receipt; the library does not promise it.
pub fn sign_receipt(receipt: &Receipt, key: &SigningKey) -> Result<String, FormError> {
    let json = serde_json::to_string(&ReceiptJson::from(receipt))?;
    Ok(key.sign(&format!("{TITLE}\n{}\n{json}\n", key.verifying().name())))
}

/// Reads a signed receipt.
///
/// # Errors
/// When it is not one that this key signed.
pub fn open_receipt(note: &str, key: &VerifyingKey) -> Result<Receipt, ReceiptError> {
    let text = key.open(note)?;
    let rest = text.strip_prefix(&format!("{TITLE}\n{}\n", key.name())).ok_or(ReceiptError::Other)?;
    let json: ReceiptJson = serde_json::from_str(rest).map_err(FormError::from)?;
    Ok(json.read()?)
}

/// The receipt in plain words, for the patient.
pub fn receipt_text(receipt: &Receipt, names: &Names, language: Language) -> String {
    let disclosing = names.facility(receipt.patient.facility(), language);
    let number = receipt.patient.number().as_str();
    let at = words::japan_time(receipt.withdrawn_at);
    let (consent, position) = (&receipt.consent, receipt.position);
    let mut text = match language {
        Language::Japanese => format!(
            "同意撤回の受領書\n{disclosing} の患者番号 {number}　同意 {consent}\n\
             撤回の日時 {at}（日本時間）　台帳の位置 {position}\n\nこれにより見えなくなった情報：\n"
        ),
        Language::English => format!(
            "Receipt for a withdrawal of consent\nPatient number {number} at {disclosing}, consent {consent}\n\
             Withdrawn {at} (Japan time), log position {position}\n\nWhat can no longer be seen:\n"
        ),
    };
    if receipt.hidden.is_empty() {
        text.push_str(language.pick(("  （見ていた施設はない）\n", "  (no facility had seen anything)\n")));
    }
    for (facility, counts) in &receipt.hidden {
        let facility = names.facility(facility, language);
        let rows = words::counts(counts, language);
        let rows = if rows.is_empty() { language.pick(("情報なし", "nothing")).to_owned() } else { rows };
        text.push_str(&format!("  {facility}  {rows}\n"));
    }
    text.push('\n');
    for (name, passed) in [
        (("照会", "queries"), receipt.queries_passed),
        (("継続受信", "live feeds"), receipt.feeds_passed),
        (("書き出し", "exports"), receipt.exports_passed),
    ] {
        let passed = passed.map(|moment: Moment| moment.plus_micros(9 * 3600 * 1_000_000).to_string());
        let passed = passed.map(|moment| moment.replace('T', " ").replace('Z', "")); // Japan time, to the microsecond
        let line = match (language, passed) {
            (Language::Japanese, Some(at)) => format!("開いていた{}はすべて {at}（日本時間）までに止まった\n", name.0),
            (Language::Japanese, None) => format!("開いていた{}はなかった\n", name.0),
            (Language::English, Some(at)) => {
                format!("All open {} had ended or been thinned by {at} (Japan time)\n", name.1)
            }
            (Language::English, None) => format!("No {} were open\n", name.1),
        };
        text.push_str(&line);
    }
    text.push_str(language.pick((
        "\nすでに印刷・保存された写しは、この仕組みの外にあります。\n",
        "\nCopies that were printed or saved before are beyond the reach of this system.\n",
    )));
    text
}
