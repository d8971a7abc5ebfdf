use super::*;
use std::num::NonZeroU32;

fn header() -> Header {
    Header { data_partitions: NonZeroU32::new(2).unwrap(), sequence: 4, first_group: 9, bases: vec![0, 100, 200] }
}

/// An index of groups of about 400 KB, of three letters in partition 1 each, and in every tenth one in partition 2.
fn index(groups: u64) -> SegmentIndex {
    let mut index = SegmentIndex::new(&header());
    for group in 1..=groups {
        index.commit(400_000, &[0, 100 + 3 * group, 200 + group / 10]);
    }
    index
}

#[test]
fn every_letter_is_found_in_the_chunk_that_holds_it() {
    let index = index(100);
    let first = Header::length(header().data_partitions);
    for group in 0..100 {
        let at = first + group * 400_000;
        for offset in 100 + 3 * group..103 + 3 * group {
            let place = index.find(PartitionId(1), Offset(offset)).unwrap();
            assert!(place.start <= at && at < place.end, "offset {offset} is not in {place:?}");
        }
    }
    let sparse = index.find(PartitionId(2), Offset(203)).unwrap();
    let at = first + 39 * 400_000;
    assert!(sparse.start <= at && at < sparse.end, "a partition with few letters is found too");
}

#[test]
fn letters_outside_the_segment_are_not_found() {
    let index = index(100);
    for (partition, offset) in [(0, 0), (1, 99), (1, 400), (2, 199), (2, 210), (3, 0)] {
        assert_eq!(index.find(PartitionId(partition), Offset(offset)), None, "{partition}:{offset}");
    }
}

#[test]
fn a_sidecar_comes_back_as_it_was_written() {
    let index = index(50);
    assert_eq!(SegmentIndex::from_sidecar(&index.to_sidecar(), &header()), Some(index));
}

#[test]
fn a_sidecar_that_is_cut_or_changed_or_of_another_segment_counts_as_none() {
    let sidecar = index(20).to_sidecar();
    for at in 0..sidecar.len() {
        assert_eq!(SegmentIndex::from_sidecar(&sidecar[..at], &header()), None, "cut at {at}");
        let mut changed = sidecar.clone();
        changed[at] ^= 1;
        assert_eq!(SegmentIndex::from_sidecar(&changed, &header()), None, "changed at {at}");
    }
    let other = Header { sequence: 5, ..header() };
    assert_eq!(SegmentIndex::from_sidecar(&sidecar, &other), None);
}
