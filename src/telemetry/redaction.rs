//! Searches what a node has told (log lines, metrics, traces as text) for planted patient data.
//!
//! A test plants values that occur nowhere else, runs the whole house, and passes here all that came out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::fmt;

/// A planted value that came out. Shows where, and which by its place in the list: not the value, and not the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// Which planted value, from 0.
    pub planted: usize,
    /// The line, from 1.
    pub line: usize,
    /// How it was written.
    pub spelling: &'static str,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "planted value {} stands in line {} as {}", self.planted, self.line, self.spelling)
    }
}

/// Where planted values stand in the text: as they are, in upper or lower case, in hexadecimal, as a list of bytes
/// (the `Debug` of a byte slice), or inside base64. Plant values of at least 8 characters.
pub fn leaks(text: &str, planted: &[&str]) -> Vec<Leak> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let lower = line.to_lowercase();
        for (at, value) in planted.iter().enumerate() {
            if let Some(spelling) = stands_in(line, &lower, value) {
                found.push(Leak { planted: at, line: number + 1, spelling });
            }
        }
    }
    found
}

fn stands_in(line: &str, lower: &str, value: &str) -> Option<&'static str> {
    let bytes: Vec<String> = value.bytes().map(|byte| byte.to_string()).collect();
    let escaped: String = value.escape_default().collect();
    if line.contains(value) || lower.contains(&value.to_lowercase()) {
        Some("text")
    } else if lower.contains(&hex::encode(value)) {
        Some("hexadecimal")
    } else if line.contains(&escaped) {
        Some("escaped text")
    } else if line.contains(&bytes.join(", ")) || line.contains(&bytes.join(",")) {
        Some("bytes")
    } else if base64_cores(value).iter().any(|core| line.contains(core)) {
        Some("base64")
    } else {
        None
    }
}

/// What base64 makes of the value in the middle of other bytes: one spelling for each of three alignments, without
/// the characters that its neighbours change.
fn base64_cores(value: &str) -> Vec<String> {
    let mut cores = Vec::new();
    for before in 0..3_usize {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(value.as_bytes());
        let text = STANDARD_NO_PAD.encode(&bytes);
        let first = (before * 8).div_ceil(6);
        let last = bytes.len() * 8 / 6;
        cores.push(text.chars().take(last).skip(first).collect());
    }
    cores
}
