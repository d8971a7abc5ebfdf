//! How the store stands, for those who run the node.

use super::Store;
use model::Frontier;

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
