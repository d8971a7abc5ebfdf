//! Files that are merged: a slice at a time, every living row once, each patient's rows together.

use super::Node;
use crate::cold::merge::Merge;
use crate::cold::write::SLICE_ROWS;
use crate::testing::{record, rng, saying};
use model::{Category, Offset, PartitionId, Position, Record, Version};
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::BTreeMap;

const SOURCE: &str = "alpha-hospital";

/// A result of a patient: the first version, or one that supersedes it.
fn result(id: u64, patient: u64, version: u64, random: &mut StdRng) -> Record {
    let drawn = record(Category::Laboratory, SOURCE, &format!("{patient:03}"), &format!("r-{id:05}"), random);
    saying(&drawn, Version::new(version).unwrap(), drawn.payload().unwrap().clone())
}

/// Puts records and commits them as one file.
async fn commit(node: &mut Node, next: &mut u64, records: Vec<Record>) {
    for record in records {
        let facts = node.book.write().facts(&record);
        let position = Position { partition: PartitionId(9), offset: Offset(*next) };
        *next += 1;
        node.frontier.include(position);
        node.store.put(position, &record, &facts);
    }
    node.publish();
    node.store.commit().await.unwrap();
}

/// How many rows of each patient the files have.
fn by_patient(files: &[std::sync::Arc<crate::cold::TableFile>]) -> BTreeMap<String, usize> {
    let mut rows = BTreeMap::new();
    for runs in files.iter().map(|file| &file.runs) {
        for at in 0..runs.patients() {
            *rows.entry(runs.number(at).unwrap().to_owned()).or_default() += runs.range(at).unwrap().len();
        }
    }
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_merged_in_slices_of_whole_patients_and_lose_dead_rows_alone() {
    let mut node = Node::new().await;
    let (mut random, mut next, mut id) = (rng(11), 0, 0);
    let mut patient_of = Vec::new();
    for file in 0..3_u64 {
        let mut records = Vec::new();
        // Patients that all files have, some that one file has, and one with more rows than a slice.
        for patient in (0..60).filter(|patient| patient % 4 != 3 || patient % 3 == file) {
            let rows = if patient == 20 { SLICE_ROWS + 9 } else { random.random_range(1..6) };
            for _ in 0..rows {
                records.push(result(id, patient, 1, &mut random));
                patient_of.push(patient);
                id += 1;
            }
        }
        // Some of the files before are superseded.
        for old in (0..id / 2).filter(|old| file > 0 && old % 7 == file) {
            records.push(result(old, patient_of[old as usize], 2, &mut random));
        }
        commit(&mut node, &mut next, records).await;
    }
    let files = |node: &Node| node.store.snapshot().cold.of(Category::Laboratory).cloned().collect::<Vec<_>>();
    let before = files(&node);
    assert_eq!(before.len(), 3);
    let rows = by_patient(&before);
    let digest = node.store.content_digest().await.unwrap();
    let dead = node.store.snapshot().dead.settled.clone();
    assert!(dead.len() > 50, "{}", dead.len());

    let slices: Vec<_> = Merge::of(&before).unwrap().map(Result::unwrap).collect();
    assert!(slices.len() > 3);
    let mut told = BTreeMap::new();
    for (at, slice) in slices.iter().enumerate() {
        let length: usize = slice.iter().map(|chunk| chunk.len()).sum();
        assert!(length >= SLICE_ROWS || at + 1 == slices.len(), "slice {at} has {length} rows");
        assert!(length <= SLICE_ROWS + 3 * (SLICE_ROWS + 9) + 40, "slice {at} has {length} rows");
        let mut here = BTreeMap::new();
        for chunk in slice {
            let numbers = crate::hot::texts(&chunk.batch, crate::hot::place::PATIENT).unwrap();
            for number in numbers.iter().flatten() {
                *here.entry(number.to_owned()).or_default() += 1;
            }
        }
        for (number, rows) in here {
            assert_eq!(told.insert(number, rows), None, "a patient is in one slice");
        }
    }
    assert_eq!(told, rows);

    let done = node.store.compact().await.unwrap();
    assert_eq!((done.files, done.removed), (3, dead.len()));
    let after = files(&node);
    assert_eq!(after.len(), 1);
    let numbers: Vec<_> = (0..after[0].runs.patients()).map(|at| after[0].runs.number(at).unwrap()).collect();
    assert!(numbers.is_sorted_by(|one, other| one < other), "each patient once, in order");
    let keys = |files: &[std::sync::Arc<crate::cold::TableFile>]| {
        let chunks = Merge::of(files).unwrap().flat_map(Result::unwrap);
        let mut keys: Vec<u64> =
            chunks.flat_map(|chunk| chunk.keys.iter().map(|key| key.0).collect::<Vec<_>>()).collect();
        keys.sort_unstable();
        keys
    };
    let living: Vec<u64> = keys(&before).into_iter().filter(|key| !dead.contains(*key)).collect();
    assert_eq!(keys(&after), living);
    assert_eq!(after[0].runs.keys, [(living[0], *living.last().unwrap())]);
    assert_eq!(node.store.content_digest().await.unwrap(), digest);

    // A file whose rows are all dead is merged into nothing.
    let all = (0..id).map(|old| result(old, patient_of[old as usize], 3, &mut random)).collect();
    commit(&mut node, &mut next, all).await;
    let digest = node.store.content_digest().await.unwrap();
    assert_eq!(digest.rows, id);
    node.store.compact().await.unwrap();
    let last = files(&node);
    assert_eq!(by_patient(&last).values().sum::<usize>() as u64, id);
    assert_eq!(node.store.content_digest().await.unwrap(), digest);
}
