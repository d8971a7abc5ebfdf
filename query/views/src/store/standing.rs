//! How the store stands, for those who run the node.

use super::Store;
use crate::StoreError;
use crate::letters::{BookLetters, Letter};
use crate::scan::found_at;
use consent_filter::{Book, Facts};
use model::{Frontier, Position, RecordRef};
use parking_lot::RwLock;

impl Store {
    /// How far in the log the last commit reaches: the next start reads the log from there.
    pub fn committed(&self) -> Frontier {
        self.writer.lock().committed_frontier.clone()
    }

    /// How many rows stand, superseded and deleted ones left out. Of everything stored, so it is for administrators
    /// and metrics, never for a viewer.
    pub fn rows(&self) -> u64 {
        let snapshot = self.visible.load();
        let hot: usize = snapshot.hot.iter().flatten().map(|chunk| chunk.len()).sum();
        let cold: u64 = snapshot.cold.all().iter().map(|file| file.entry.rows).sum();
        (hot as u64 + cold).saturating_sub(snapshot.dead.len())
    }
}

/// Which version of a record stands, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StandingVersion {
    /// The version.
    pub version: u64,
    /// Its letter's place in the log.
    pub position: Position,
    /// It took the record back: no row stands.
    pub deleted: bool,
}

impl Store {
    /// Which version of a record stands now, as far as was put; `None` where no record of that name came.
    ///
    /// For explaining decisions to the disclosing facility.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn standing_of(&self, record: &RecordRef) -> Result<Option<StandingVersion>, StoreError> {
        let standing = self.writer.lock().index.find(record.digest())?;
        Ok(standing.map(|standing| StandingVersion {
            version: standing.version,
            position: standing.position,
            deleted: standing.deleted,
        }))
    }

    /// What a decision asks of the version of a record that readers see; `None` where no record of that name stands.
    ///
    /// For explaining decisions to the disclosing facility; it shows no content. The book is not held while a table file
    /// is read.
    ///
    /// # Errors
    /// When the index or a table file cannot be read.
    pub fn facts_of(&self, book: &RwLock<Book>, record: &RecordRef) -> Result<Option<Facts>, StoreError> {
        let snapshot = self.snapshot();
        let Some(standing) = self.standing_of(record)?.filter(|standing| !standing.deleted) else { return Ok(None) };
        let found = found_at(&snapshot, standing.position)?;
        Ok(found.and_then(|row| row.facts(&book.read())))
    }

    /// Every consent and directory letter kept until now, in the order they were kept: what the book was made of.
    ///
    /// Segments are read one at a time as the iterator goes on, beside commits; should commits have merged the rest of
    /// them meanwhile, the next item is an error and the reading is begun anew.
    pub async fn book_letters(&self) -> BookLetters {
        // With the committer held no commit moves letters from memory to a segment between the two looks.
        let committer = self.committer.lock().await;
        let beside = self.config.dir.join("beside");
        let segments: Vec<_> = committer.manifest.letters.iter().map(|name| beside.join(name)).collect();
        let writer = self.writer.lock();
        let frozen = writer.frozen.iter().flat_map(|frozen| frozen.letters.iter());
        let recent = frozen.chain(&writer.letters).cloned().collect::<Vec<Letter>>();
        drop(writer);
        drop(committer);
        BookLetters::new(segments).and_then(recent)
    }
}
