//! The book's letters: the raw bytes of every consent and directory event, kept in the order they were applied, so
//! that the book is rebuilt after a restart without reading the whole log.

use crate::StoreError;
use crate::files::{Reader, Writer};
use bytes::{Buf, Bytes};
use model::Position;
use std::path::{Path, PathBuf};

/// One letter and its place in the log.
pub(crate) type Letter = (Position, Bytes);

/// Writes a segment of letters.
pub(crate) fn write<'a>(path: &Path, letters: impl IntoIterator<Item = &'a Letter>) -> Result<(), StoreError> {
    let mut writer = Writer::create(path)?;
    for (position, bytes) in letters {
        let length = u32::try_from(bytes.len()).map_err(|_| StoreError::damaged(path, "a letter is over 4 GiB"))?;
        writer.put(&position.partition.0.to_le_bytes())?;
        writer.put(&position.offset.0.to_le_bytes())?;
        writer.put(&length.to_le_bytes())?;
        writer.put(bytes)?;
    }
    writer.finish()
}

/// Reads a segment of letters.
pub(crate) fn read(path: &Path) -> Result<Vec<Letter>, StoreError> {
    let mut rest = Reader::open(path)?.body().clone();
    let mut letters = Vec::new();
    while rest.has_remaining() {
        let (Ok(partition), Ok(offset), Ok(length)) =
            (rest.try_get_u32_le(), rest.try_get_u64_le(), rest.try_get_u32_le())
        else {
            return Err(StoreError::damaged(path, "a letter's head is cut short"));
        };
        let length = length as usize;
        if rest.len() < length {
            return Err(StoreError::damaged(path, "a letter is cut short"));
        }
        letters.push((Position::new(partition, offset), rest.split_to(length)));
    }
    Ok(letters)
}

/// Letters kept for the book, in the order they were applied. Segments are read one at a time.
#[derive(Debug)]
pub struct BookLetters {
    segments: std::vec::IntoIter<PathBuf>,
    current: std::vec::IntoIter<Letter>,
    recent: std::vec::IntoIter<Letter>,
}

impl BookLetters {
    pub(crate) fn new(segments: Vec<PathBuf>) -> Self {
        Self { segments: segments.into_iter(), current: Vec::new().into_iter(), recent: Vec::new().into_iter() }
    }
    /// And then these, which no segment holds yet.
    pub(crate) fn and_then(self, recent: Vec<Letter>) -> Self {
        Self { recent: recent.into_iter(), ..self }
    }
}

impl Iterator for BookLetters {
    type Item = Result<(Position, Bytes), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(letter) = self.current.next() {
                return Some(Ok(letter));
            }
            let Some(segment) = self.segments.next() else { return self.recent.next().map(Ok) };
            match read(&segment) {
                Ok(letters) => self.current = letters.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
