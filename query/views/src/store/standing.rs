//! How the store stands, for those who run the node.

use super::Store;
use crate::StoreError;
use crate::scan::facts_at;
use consent_filter::{Book, Facts};
use model::{Frontier, RecordRef};

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

impl Store {
    /// What a decision asks of the version of a record that readers see; `None` where no record of that name stands.
    ///
    /// For explaining decisions to the disclosing facility; it shows no content.
    ///
    /// # Errors
    /// When the index or a table file cannot be read.
    pub fn facts_of(&self, book: &Book, record: &RecordRef) -> Result<Option<Facts>, StoreError> {
        let snapshot = self.snapshot();
        let standing = self.writer.lock().index.find(record.digest())?;
        let Some(standing) = standing.filter(|standing| !standing.deleted) else { return Ok(None) };
        facts_at(&snapshot, book, standing.position)
    }
}
