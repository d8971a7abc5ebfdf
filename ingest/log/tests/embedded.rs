//! The embedded log on a real directory keeps the contract.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test panics when it fails")]

mod contract;

use contract::{Home, letter, read_all};
use event_log::{EmbeddedConfig, EmbeddedLog, EventLog, OpenError};
use std::{num::NonZeroU32, path::Path, sync::Arc};

struct InDirectory {
    directory: tempfile::TempDir,
    config: EmbeddedConfig,
    log: Arc<EmbeddedLog>,
}

/// Small segments, so that the contract passes through several, and hardly any memory, so that it reads files.
fn config(directory: &Path, data_partitions: u32) -> EmbeddedConfig {
    let usual = EmbeddedConfig::new(directory, NonZeroU32::new(data_partitions).unwrap());
    EmbeddedConfig { segment_bytes: 16 << 10, memory_bytes: 4 << 10, ..usual }
}

impl Home for InDirectory {
    const LETTER_BYTES: usize = 8 << 20;
    async fn begin(data_partitions: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path(), data_partitions);
        let log = Arc::new(EmbeddedLog::open(&config).unwrap());
        Self { directory, config, log }
    }
    fn log(&self) -> Arc<dyn EventLog> {
        Arc::clone(&self.log) as _
    }
    async fn reopen(self) -> Self {
        let Self { directory, config, log } = self;
        let log = Arc::into_inner(log).expect("somebody still has the log");
        drop(log);
        let log = Arc::new(EmbeddedLog::open(&config).unwrap());
        Self { directory, config, log }
    }
}

contract!(InDirectory);

#[tokio::test]
async fn one_directory_is_one_logs_alone() {
    let home = InDirectory::begin(1).await;
    assert!(matches!(EmbeddedLog::open(&home.config), Err(OpenError::InUse)));
    let home = home.reopen().await;
    home.log().close().await.unwrap();
    EmbeddedLog::open(&home.config).expect("closing frees the directory");
    drop(home.directory);
}

#[tokio::test]
async fn another_number_of_partitions_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(EmbeddedLog::open(&config(directory.path(), 2)).unwrap());
    let refused = EmbeddedLog::open(&config(directory.path(), 3));
    assert!(matches!(refused, Err(OpenError::Partitions { found: 2, configured: 3 })), "{refused:?}");
}

#[tokio::test]
async fn letters_are_the_same_from_memory_and_from_files() {
    let directory = tempfile::tempdir().unwrap();
    let roomy = EmbeddedConfig { memory_bytes: 64 << 20, ..config(directory.path(), 3) };
    let log = EmbeddedLog::open(&roomy).unwrap();
    for round in 0..20 {
        log.append((0..30).map(|n| letter(n, round * 30 + u128::from(n))).collect()).await.unwrap();
    }
    let from_memory = read_all(&log).await;
    drop(log);
    let log = EmbeddedLog::open(&roomy).unwrap();
    assert_eq!(read_all(&log).await, from_memory);
    assert!(std::fs::read_dir(directory.path()).unwrap().count() > 5, "several segments were read");
}
