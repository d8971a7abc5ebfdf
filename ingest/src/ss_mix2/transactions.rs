//! The transaction storage: a journal beside the storage, `<year>/TR_YYYYMMDDHHMMSSFFF_nnnnn.DAT`, one file after another.
//!
//! It is read for one thing: *whose* tree to look at. What happened is in the tree itself, so a journal that is cut
//! off, doubled or written in a vendor's own layout can make a look too many, and never a wrong record. A patient is named
//! by the `PID` segment of the message that is journalled, or by a name of the storage (`patient_date_type_…`); both are
//! found whatever stands around them.

use super::cursor::{Cursor, CursorError};
use super::folder::LookError;
use super::name::FileName;
use super::sweep::Hint;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes read at once.
const CHUNK: u64 = 1 << 20;
/// Bytes read again before the place where the journal was last left: what was cut off there is whole now.
const OVERLAP: u64 = 8 << 10;

/// A transaction storage and how far it was read.
#[derive(Debug)]
pub struct Transactions {
    root: PathBuf,
    /// The mark's name in the cursor.
    name: String,
    /// The file that was read last, `year/TR_….DAT`, and how far.
    at: Option<(String, u64)>,
}

impl Transactions {
    /// Opens the journal at `root`; one that was never read begins at its end, for what lies before it a sweep finds.
    ///
    /// # Errors
    /// When it cannot be listed, or the record of what was taken fails.
    pub fn open(root: &Path, volume: &str, cursor: &Cursor) -> Result<Self, LookError> {
        let name = format!("transactions {volume}");
        let mut at = cursor.mark(&name)?.and_then(|mark| {
            let mark = String::from_utf8(mark).ok()?;
            let (file, offset) = mark.rsplit_once(' ')?;
            Some((file.to_owned(), offset.parse().ok()?))
        });
        if at.is_none()
            && let Some(last) = journals(root, "")?.into_iter().next_back()
        {
            let length = std::fs::metadata(root.join(&last))?.len();
            at = Some((last, length));
        }
        Ok(Self { root: root.to_owned(), name, at })
    }

    /// Reads on to the end of the journal: where to look.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn poll(&mut self) -> Result<BTreeSet<Hint>, LookError> {
        let mut hints = BTreeSet::new();
        let from = self.at.as_ref().map_or("", |(file, _)| file);
        for journal in journals(&self.root, from)? {
            let mut offset = match &self.at {
                Some((file, offset)) if *file == journal => *offset,
                _ => 0,
            };
            let mut file = File::open(self.root.join(&journal))?;
            let length = file.metadata()?.len();
            // One that has shrunk was written anew.
            offset = if offset > length { 0 } else { offset };
            while offset < length {
                let begin = offset.saturating_sub(OVERLAP);
                file.seek(SeekFrom::Start(begin))?;
                let mut bytes = Vec::new();
                Read::by_ref(&mut file).take(offset - begin + CHUNK).read_to_end(&mut bytes)?;
                hints.extend(named_in(&bytes));
                let read = begin + bytes.len() as u64;
                if read <= offset {
                    break;
                }
                offset = read;
            }
            self.at = Some((journal, offset));
        }
        Ok(hints)
    }

    /// Notes how far it was read. Call it when what the hints led to has been taken.
    ///
    /// # Errors
    /// When the record of what was taken cannot be written.
    pub fn keep(&self, cursor: &Cursor) -> Result<(), CursorError> {
        match &self.at {
            Some((file, offset)) => cursor.set_mark(&self.name, format!("{file} {offset}").as_bytes()),
            None => Ok(()),
        }
    }
}

/// The journal's files from `from` on, in order: `year/TR_….DAT`.
fn journals(root: &Path, from: &str) -> Result<Vec<String>, std::io::Error> {
    let mut found = Vec::new();
    for year in std::fs::read_dir(root)? {
        let year = year?;
        let Ok(name) = year.file_name().into_string() else { continue };
        let is_year = name.len() == 4 && name.bytes().all(|b| b.is_ascii_digit());
        if !is_year || name.as_str() < from.get(..4).unwrap_or_default() || !year.file_type()?.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(year.path())? {
            let Ok(file) = file?.file_name().into_string() else { continue };
            let upper = file.to_ascii_uppercase();
            if upper.starts_with("TR_") && upper.ends_with(".DAT") {
                let path = format!("{name}/{file}");
                if path.as_str() >= from {
                    found.push(path);
                }
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whoever is named in a stretch of a journal.
///
/// Bytes, not text: the journal's messages are in ISO-2022-JP, in which no kanji comes before a patient's number in its
/// segment. What looks like a name by chance makes a look too many.
pub fn named_in(bytes: &[u8]) -> BTreeSet<Hint> {
    let mut hints = BTreeSet::new();
    for line in bytes.split(|b| matches!(b, b'\r' | b'\n')) {
        let segment = find(line, b"PID|").and_then(|at| line.get(at..)).unwrap_or_default();
        let number = segment.split(|b| *b == b'|').nth(3).and_then(|field| field.split(|b| *b == b'^').next());
        hints.extend(number.and_then(|number| std::str::from_utf8(number).ok()).and_then(Hint::of_patient));
        for word in line.split(|b| b.is_ascii_whitespace() || matches!(b, b',' | b'"' | b'/' | b'\\' | b'|')) {
            if word.len() < 20 || !word.contains(&b'_') {
                continue;
            }
            let name = std::str::from_utf8(word).ok().and_then(|word| FileName::parse(word).ok());
            hints.extend(name.and_then(|name| Hint::of_patient(name.patient.as_str())));
        }
    }
    hints
}

fn find(line: &[u8], needle: &[u8]) -> Option<usize> {
    line.windows(needle.len()).position(|window| window == needle)
}
