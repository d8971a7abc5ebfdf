//! Tree heads: what the ledger was at a moment, signed.

use crate::sign::{NoteError, SigningKey, VerifyingKey};
use crate::tree::LARGEST;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::{Digest, Moment, Offset};
use std::fmt;

/// What the ledger was at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TreeHead {
    /// How many entries it had.
    pub size: u64,
    /// The root of its tree.
    pub root: Digest,
    /// The next offset of the log's control partition: every audit event before it is in the tree.
    pub next: Offset,
    /// When.
    pub moment: Moment,
}

/// Why a note is not a tree head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Not a note of this key.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Signed, and not a tree head.
    #[error("is not a tree head of this signer")]
    Form,
}

impl TreeHead {
    /// The head as a signed note, a C2SP checkpoint: the signer's name, the size, the root, and two lines of our own.
    pub fn sign(&self, key: &SigningKey) -> String {
        let Self { size, root, next, moment } = self;
        let name = key.verifying().name().clone();
        let root = BASE64.encode(root.as_bytes());
        key.sign(&format!("{name}\n{size}\n{root}\nnext {next}\nmoment {moment}\n"))
    }
    /// Reads a signed head.
    ///
    /// # Errors
    /// When it is not a head that this key signed.
    pub fn open(note: &str, key: &VerifyingKey) -> Result<Self, HeadError> {
        let text = key.open(note)?;
        let head = Self::parse(text, key).ok_or(HeadError::Form)?;
        if head.size > LARGEST { Err(HeadError::Form) } else { Ok(head) }
    }

    fn parse(text: &str, key: &VerifyingKey) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let name = lines.next()?;
        let head = Self {
            size: lines.next()?.parse().ok()?,
            root: Digest::from_bytes(BASE64.decode(lines.next()?).ok()?.try_into().ok()?),
            next: Offset(lines.next()?.strip_prefix("next ")?.parse().ok()?),
            moment: Moment::parse(lines.next()?.strip_prefix("moment ")?).ok()?,
        };
        (name == key.name().as_str() && lines.next().is_none()).then_some(head)
    }
}

impl fmt::Display for TreeHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, root, next, moment } = self;
        write!(f, "{size} entries, root {root}, log position 0:{next}, {moment}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::SignerName;

    fn key(name: &str, seed: u8) -> SigningKey {
        SigningKey::from_seed(SignerName::parse(name).unwrap(), &[seed; 32])
    }
    fn head() -> TreeHead {
        let moment = Moment::parse("2026-04-01T09:30:00.000001+09:00").unwrap();
        TreeHead { size: 17, root: Digest::from_bytes([7; 32]), next: Offset(40), moment }
    }

    #[test]
    fn a_head_opens_as_it_was_signed() {
        let key = key("ajisai/n1", 1);
        let note = head().sign(&key);
        assert_eq!(TreeHead::open(&note, &key.verifying()), Ok(head()));
        let expected = "ajisai/n1\n17\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\nnext 40\nmoment 2026-04-01T00:30:00.000001Z\n\n— ajisai/n1 ";
        assert!(note.starts_with(expected), "{note}");
    }

    #[test]
    fn another_signers_head_or_a_signed_text_that_is_none_is_refused() {
        let mine = key("ajisai/n1", 1);
        let theirs = key("ajisai/n2", 1).verifying();
        assert_eq!(TreeHead::open(&head().sign(&mine), &theirs), Err(HeadError::Note(NoteError::Unsigned)));
        for text in ["", "ajisai/n1\n", "ajisai/n2\n1\nAA==\nnext 1\nmoment 2026-04-01\n"] {
            assert_eq!(TreeHead::open(&mine.sign(text), &mine.verifying()), Err(HeadError::Form), "{text}");
        }
        let huge = TreeHead { size: LARGEST + 1, ..head() };
        assert_eq!(TreeHead::open(&huge.sign(&mine), &mine.verifying()), Err(HeadError::Form));
    }
}
