//! Full disks, failed syncs, damage, and files of other times: what the embedded log makes of them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test panics when it fails")]

use bytes::Bytes;
use event_log::{
    AppendError, EmbeddedConfig, EmbeddedLog, EventLog, Letter, OpenError, PartitionKey, ReadError, ReadLimit,
    TraceContext, embedded::storage::SimulatedDisk,
};
use model::{Offset, PartitionId, Position};
use std::{fs, num::NonZeroU32, path::Path, sync::Arc, time::Duration};

const FIRST: &str = "00000000000000000000.journal";
const FIRST_INDEX: &str = "00000000000000000000.index";

fn config(directory: impl AsRef<Path>) -> EmbeddedConfig {
    let usual = EmbeddedConfig::new(directory.as_ref(), NonZeroU32::new(2).unwrap());
    EmbeddedConfig { segment_bytes: 4000, memory_bytes: 0, ..usual }
}

fn on(disk: &SimulatedDisk) -> Result<EmbeddedLog, OpenError> {
    EmbeddedLog::open_on(Arc::new(disk.clone()), &config("simulated"))
}

fn letter(event: u128) -> Letter {
    let trace = TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Some("vendor=1"));
    let key = match event % 3 {
        0 => PartitionKey::Control,
        patient => PartitionKey::Patient(Bytes::from(format!("hospital\0{patient}"))),
    };
    Letter { key, event, trace: trace.ok().filter(|_| event.is_multiple_of(2)), payload: vec![b'a'; 300].into() }
}

/// Appends letters one by one and returns where they are.
async fn append(log: &EmbeddedLog, events: std::ops::Range<u128>) -> Vec<(Position, Letter)> {
    let mut told = Vec::new();
    for event in events {
        told.push((log.append(vec![letter(event)]).await.unwrap()[0], letter(event)));
    }
    told
}

async fn read(log: &EmbeddedLog, at: Position) -> Result<Letter, ReadError> {
    let found = log.read(at.partition, at.offset, ReadLimit { letters: 1, bytes: 0 }, Duration::ZERO).await?;
    Ok(found[0].letter.clone())
}

async fn assert_holds(log: &EmbeddedLog, told: &[(Position, Letter)]) {
    for (position, letter) in told {
        assert_eq!(read(log, *position).await.as_ref(), Ok(letter), "at {position}");
    }
    let letters: u64 = log.end().await.unwrap().iter().map(|(_, next)| next.0).sum();
    assert_eq!(letters, told.len() as u64);
}

/// Appends until the disk is full.
async fn fill(log: &EmbeddedLog, told: &mut Vec<(Position, Letter)>) {
    for event in 1000.. {
        match log.append(vec![letter(event)]).await {
            Ok(at) => told.push((at[0], letter(event))),
            Err(AppendError::Full { .. }) => return,
            Err(error) => panic!("a full disk is said to be full, not: {error}"),
        }
    }
}

#[tokio::test]
async fn a_full_disk_refuses_serves_reads_and_recovers_when_space_returns() {
    for capacity in (9_000..21_000).step_by(611) {
        let disk = SimulatedDisk::new();
        disk.set_capacity(Some(capacity));
        let log = on(&disk).unwrap();
        let mut told = Vec::new();
        for _ in 0..3 {
            fill(&log, &mut told).await;
            assert_holds(&log, &told).await;
            assert!(disk.used() < capacity, "the part of the refused letter that was written is cut off again");
        }
        disk.set_capacity(Some(2 * capacity));
        told.extend(append(&log, 0..5).await);
        fill(&log, &mut told).await;
        drop(log);
        disk.restart(u64::try_from(capacity).unwrap());
        let log = on(&disk).unwrap();
        assert_holds(&log, &told).await;
        disk.set_capacity(None);
        told.extend(append(&log, 10..40).await);
        assert_holds(&log, &told).await;
    }
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_acknowledged_until_a_restart() {
    let disk = SimulatedDisk::new();
    let log = on(&disk).unwrap();
    let told = append(&log, 0..5).await;
    disk.fail_syncs(1);
    for _ in 0..3 {
        let refused = log.append(vec![letter(9)]).await;
        assert!(matches!(refused, Err(AppendError::Poisoned { .. })), "{refused:?}");
    }
    assert_holds(&log, &told).await;
    assert!(matches!(log.close().await, Err(AppendError::Poisoned { .. })));
    append(&on(&disk).unwrap(), 10..12).await;
}

#[tokio::test]
async fn what_a_restart_shows_is_durable_even_if_the_sync_before_it_failed() {
    let disk = SimulatedDisk::new();
    let log = on(&disk).unwrap();
    append(&log, 0..4).await;
    disk.fail_syncs(1);
    log.append(vec![letter(3)]).await.unwrap_err();
    drop(log);
    // The pages are marked clean and were never written; the next process still finds them in the page cache.
    let log = on(&disk).unwrap();
    let shown = log.end().await.unwrap();
    assert_eq!(shown.next(PartitionId(0)), Offset(3), "the page cache still had the letter");
    drop(log);
    disk.restart(1);
    assert_eq!(on(&disk).unwrap().end().await.unwrap(), shown);
}

#[tokio::test]
async fn damage_in_a_segment_no_longer_written_is_an_error_that_names_file_and_byte() {
    let disk = SimulatedDisk::new();
    let log = on(&disk).unwrap();
    let told = append(&log, 0..30).await;
    drop(log);
    disk.decay(FIRST, 700);
    let log = on(&disk).unwrap();
    match read(&log, told[0].0).await {
        Err(ReadError::Damaged { file, at, .. }) => {
            assert!(file == FIRST && (300..=700).contains(&at), "{file} at {at}")
        }
        other => panic!("damage was read as {other:?}"),
    }
    assert_eq!(read(&log, told[29].0).await.as_ref(), Ok(&told[29].1), "other segments are unharmed");
}

#[tokio::test]
async fn damage_before_the_end_of_the_last_segment_is_not_taken_for_a_torn_end() {
    let disk = SimulatedDisk::new();
    let log = on(&disk).unwrap();
    append(&log, 0..6).await;
    drop(log);
    disk.decay(FIRST, 700);
    match on(&disk) {
        Err(OpenError::Damaged { file, at, .. }) => {
            assert!(file == FIRST && (300..=700).contains(&at), "{file} at {at}")
        }
        other => panic!("damage was opened as {other:?}"),
    }
}

#[tokio::test]
async fn a_missing_segment_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    append(&EmbeddedLog::open(&config(&directory)).unwrap(), 0..40).await;
    fs::remove_file(directory.path().join("00000000000000000001.journal")).unwrap();
    let refused = EmbeddedLog::open(&config(&directory));
    assert!(
        matches!(&refused, Err(OpenError::Missing { file }) if file.starts_with("00000000000000000001")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_index_file_lost_or_broken_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let told = append(&EmbeddedLog::open(&config(&directory)).unwrap(), 0..40).await;
    let index = directory.path().join(FIRST_INDEX);
    let before = fs::read(&index).unwrap();
    for broken in [None, Some(Vec::new()), Some(before[..20].to_vec()), Some(vec![7; before.len()])] {
        match broken {
            None => fs::remove_file(&index).unwrap(),
            Some(bytes) => fs::write(&index, bytes).unwrap(),
        }
        assert_holds(&EmbeddedLog::open(&config(&directory)).unwrap(), &told).await;
        assert_eq!(fs::read(&index).unwrap(), before);
    }
}

#[tokio::test]
async fn a_file_cut_anywhere_keeps_the_groups_before_the_cut_and_takes_more() {
    let directory = tempfile::tempdir().unwrap();
    let told = append(&EmbeddedLog::open(&config(&directory)).unwrap(), 0..7).await;
    let whole = fs::read(directory.path().join(FIRST)).unwrap();
    for cut in (100..3300).step_by(67) {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FIRST), &whole[..cut]).unwrap();
        let log = EmbeddedLog::open(&config(&directory)).unwrap();
        let kept: u64 = log.end().await.unwrap().iter().map(|(_, next)| next.0).sum();
        let mut expected = told[..usize::try_from(kept).unwrap()].to_vec();
        // A header of 60 bytes, then groups of one letter, of 388 to 461 bytes.
        assert!((cut - 60) / 461 <= expected.len() && expected.len() <= (cut - 60) / 388, "cut at {cut} left {kept}");
        expected.extend(append(&log, 50..60).await);
        drop(log);
        assert_holds(&EmbeddedLog::open(&config(&directory)).unwrap(), &expected).await;
    }
}

#[tokio::test]
async fn a_format_version_of_the_future_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    append(&EmbeddedLog::open(&config(&directory)).unwrap(), 0..40).await;
    for segment in [FIRST, "00000000000000000002.journal"] {
        let path = directory.path().join(segment);
        let before = fs::read(&path).unwrap();
        let mut future = before.clone();
        future[8] = 2;
        fs::write(&path, future).unwrap();
        let refused = EmbeddedLog::open(&config(&directory));
        assert!(matches!(&refused, Err(OpenError::UnknownVersion { version: 2, .. })), "{refused:?}");
        fs::write(&path, before).unwrap();
    }
}

#[tokio::test]
async fn files_of_format_version_1_are_read_and_continued() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/version-1");
    for entry in fs::read_dir(fixture).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
    }
    let log = EmbeddedLog::open(&config(&directory)).unwrap();
    // Partition 0 has the events 0, 3, 6, 9; 1 and 2 have what the hash of their key gives them.
    let mut next = [0; 3];
    let told: Vec<_> = (0..12)
        .map(|event| {
            let partition = log.partition_of(&letter(event).key).0;
            let offset = &mut next[usize::try_from(partition).unwrap()];
            *offset += 1;
            (Position::new(partition, *offset - 1), letter(event))
        })
        .collect();
    assert_holds(&log, &told).await;
    let first = log.read(PartitionId(0), Offset(0), ReadLimit::default(), Duration::ZERO).await.unwrap();
    assert!(first[0].appended_at.micros() > 1_700_000_000_000_000, "its time was kept");
    append(&log, 20..30).await;
}
