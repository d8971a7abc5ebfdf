//! The node's key, and notes signed with it.
//!
//! A signed note is text that people can read and other tools can check: the form of transparency logs' checkpoints
//! (C2SP `signed-note`). Its last lines are an empty one and `— name base64(key hash, signature)`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::Signer as _;
use pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding};
use std::fmt;

use crate::canon::sha256;

/// Why a text is not a key, or a name not a signer's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the name of a signer.
    #[error("`{name}` is not a signer's name: use 1 to 80 visible ASCII characters other than `+`")]
    Name {
        /// The name.
        name: String,
    },
    /// Not a secret key.
    #[error("is not an Ed25519 key in PEM (`-----BEGIN PRIVATE KEY-----`, PKCS#8); restore the node's key file")]
    Secret,
    /// Not a public key.
    #[error("is not a verifier's key (`name+hash+key`, one line)")]
    Public,
}

/// Why a note is not one that this key signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// No text, empty line and signature.
    #[error("is not a signed note")]
    Form,
    /// No signature of this signer by this key.
    #[error("is not signed by this key")]
    Unsigned,
    /// The signature is not over this text.
    #[error("was changed after it was signed, or never signed by this key")]
    Signature,
}

/// Who signs: the node's name among signers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SignerName(String);

impl SignerName {
    /// Parses a name.
    ///
    /// # Errors
    /// When it is empty, too long, or has a character that is not allowed.
    pub fn parse(name: &str) -> Result<Self, KeyError> {
        let fits = !name.is_empty() && name.len() <= 80 && name.bytes().all(|b| b.is_ascii_graphic() && b != b'+');
        if fits { Ok(Self(name.to_owned())) } else { Err(KeyError::Name { name: name.chars().take(80).collect() }) }
    }
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SignerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key that signs. It never leaves the node.
#[derive(Clone)]
pub struct SigningKey {
    name: SignerName,
    key: ed25519_dalek::SigningKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, ******)", self.name)
    }
}

impl SigningKey {
    /// The key made from 32 bytes drawn at random.
    pub fn from_seed(name: SignerName, seed: &[u8; 32]) -> Self {
        Self { name, key: ed25519_dalek::SigningKey::from_bytes(seed) }
    }
    /// Reads a key file.
    ///
    /// # Errors
    /// When it is not PKCS#8 in PEM with an Ed25519 key.
    pub fn from_pem(name: SignerName, pem: &str) -> Result<Self, KeyError> {
        let key = ed25519_dalek::SigningKey::from_pkcs8_pem(pem).map_err(|_| KeyError::Secret)?;
        Ok(Self { name, key })
    }
    /// The key file.
    ///
    /// # Errors
    /// Never for a key that was made here; the library does not promise it.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        self.key.to_pkcs8_pem(LineEnding::LF).map(|pem| pem.as_str().to_owned()).map_err(|_| KeyError::Secret)
    }
    /// The key that verifies what this one signs. Publish it.
    pub fn verifying(&self) -> VerifyingKey {
        VerifyingKey { name: self.name.clone(), key: self.key.verifying_key() }
    }
    /// The text with a signature below. A text without a newline at its end gets one.
    pub fn sign(&self, text: &str) -> String {
        let mut note = text.to_owned();
        if !note.ends_with('\n') {
            note.push('\n');
        }
        let signature = self.key.sign(note.as_bytes()).to_bytes();
        let mut bytes = self.verifying().key_hash().to_vec();
        bytes.extend_from_slice(&signature);
        note.push_str(&format!("\n— {} {}\n", self.name, BASE64.encode(bytes)));
        note
    }
}

/// The key that verifies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifyingKey {
    name: SignerName,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifyingKey {
    /// Reads a published key, as C2SP `signed-note` has it: `name+hash+base64(1, key)`.
    ///
    /// # Errors
    /// When it is no such line.
    pub fn parse(line: &str) -> Result<Self, KeyError> {
        let read = || {
            let (name, rest) = line.trim_end().split_once('+')?;
            let (hash, key) = rest.split_once('+')?;
            let bytes = BASE64.decode(key).ok()?;
            let bytes = <[u8; 32]>::try_from(bytes.strip_prefix(&[1])?).ok()?;
            let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).ok()?;
            let read = Self { name: SignerName::parse(name).ok()?, key };
            (read.hash_text() == hash).then_some(read)
        };
        read().ok_or(KeyError::Public)
    }
    /// Whose key it is.
    pub fn name(&self) -> &SignerName {
        &self.name
    }
    /// SHA-256 of the key, to compare by telephone: 64 hex digits.
    pub fn fingerprint(&self) -> String {
        sha256(&[self.key.as_bytes()]).to_string()
    }

    fn hash_text(&self) -> String {
        self.key_hash().iter().map(|byte| format!("{byte:02x}")).collect()
    }
    /// As C2SP `signed-note` has it: of name, newline, algorithm (1: Ed25519) and key.
    fn key_hash(&self) -> [u8; 4] {
        let digest = sha256(&[self.name.as_str().as_bytes(), b"\n\x01", self.key.as_bytes()]);
        let [a, b, c, d, ..] = *digest.as_bytes();
        [a, b, c, d]
    }

    /// The text of a note that this key signed.
    ///
    /// # Errors
    /// When it is no note, or this key did not sign it.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Form)?;
        let text = note.get(..=text.len()).ok_or(NoteError::Form)?;
        let mut found = Err(NoteError::Unsigned);
        for line in signatures.strip_suffix('\n').ok_or(NoteError::Form)?.split('\n') {
            let rest = line.strip_prefix("— ").ok_or(NoteError::Form)?;
            let (name, bytes) = rest.split_once(' ').ok_or(NoteError::Form)?;
            let bytes = BASE64.decode(bytes).map_err(|_| NoteError::Form)?;
            // Notes may carry other signers' signatures too.
            let Some(signature) = bytes.strip_prefix(&self.key_hash()).filter(|_| name == self.name.as_str()) else {
                continue;
            };
            let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| NoteError::Form)?;
            let verdict = self.key.verify_strict(text.as_bytes(), &signature);
            found = verdict.map(|()| text).map_err(|_| NoteError::Signature);
            found?;
        }
        found
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![1];
        key.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, self.hash_text(), BASE64.encode(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(SignerName::parse("ajisai/nagasaki-1").unwrap(), &[seed; 32])
    }

    #[test]
    fn a_key_comes_back_from_its_file_the_same() {
        let key = key(1);
        let pem = key.to_pem().unwrap();
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        let name = key.verifying().name().clone();
        let again = SigningKey::from_pem(name.clone(), &pem).unwrap();
        assert_eq!(again.verifying(), key.verifying());
        let public = key.verifying().to_string();
        assert!(public.starts_with("ajisai/nagasaki-1+"));
        assert_eq!(VerifyingKey::parse(&format!("{public}\n")), Ok(key.verifying()));
        let another = public.replace("nagasaki-1", "nagasaki-2");
        for text in ["", "a+b", "a+b+c", &pem, &another] {
            assert_eq!(VerifyingKey::parse(text), Err(KeyError::Public), "{text}");
        }
        assert!(matches!(SigningKey::from_pem(name, &public), Err(KeyError::Secret)));
        assert_eq!(format!("{key:?}"), "SigningKey(ajisai/nagasaki-1, ******)");
    }

    #[test]
    fn a_name_that_notes_cannot_carry_is_refused() {
        for name in ["", "a b", "a+b", "a\n", "あじさい", &"a".repeat(81)] {
            assert!(matches!(SignerName::parse(name), Err(KeyError::Name { .. })), "{name}");
        }
    }

    #[test]
    fn a_note_opens_by_the_key_that_signed_it_and_by_no_other() {
        let note = key(1).sign("one\n\ntwo");
        assert_eq!(key(1).verifying().open(&note), Ok("one\n\ntwo\n"));
        assert_eq!(key(2).verifying().open(&note), Err(NoteError::Unsigned));
        let both = format!("{note}{}", key(2).sign("one\n\ntwo").rsplit("\n\n").next().unwrap());
        assert_eq!(key(1).verifying().open(&both), Ok("one\n\ntwo\n"), "also beside another's signature");
        assert_eq!(key(2).verifying().open(&both), Ok("one\n\ntwo\n"));
    }

    proptest! {
        #[test]
        fn a_changed_note_does_not_open(
            text in "[a-z\n]{0,40}", at in any::<prop::sample::Index>(), bit in 0..7_u32,
        ) {
            let note = key(1).sign(&text);
            let mut bytes = note.clone().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            if let Ok(changed) = String::from_utf8(bytes) {
                prop_assert!(key(1).verifying().open(&changed).is_err());
            }
        }

        #[test]
        fn any_text_as_a_note_never_panics(text in "\\PC{0,60}\n{0,3}(— \\PC{0,30} [a-zA-Z0-9+/]{0,120}={0,2})?\n?") {
            prop_assert!(key(1).verifying().open(&text).is_err());
        }
    }
}
