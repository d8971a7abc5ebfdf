use super::*;
use crate::{Letter, PartitionKey, TraceContext, clock};
use frame::Commit;
use model::Position;
use proptest::prelude::*;

fn header() -> Header {
    Header { data_partitions: NonZeroU32::new(2).unwrap(), sequence: 3, first_group: 10, bases: vec![5, 0, 7] }
}

fn letter(payload: &[u8]) -> Letter {
    let trace = TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Some("a=b"));
    Letter {
        key: PartitionKey::Patient(bytes::Bytes::from_static(b"hospital\x00patient-1")),
        event: 42,
        trace: trace.ok(),
        payload: bytes::Bytes::copy_from_slice(payload),
    }
}

/// A segment with groups of these payloads, all in partition 2, and the byte after each group.
fn segment(groups: &[Vec<Vec<u8>>]) -> (Vec<u8>, Vec<usize>) {
    let header = header();
    let mut bytes = header.to_bytes();
    let (mut offset, mut ends) = (7, vec![bytes.len()]);
    for (group, payloads) in (10..).zip(groups) {
        let start = bytes.len() as u64;
        for payload in payloads {
            frame::put_letter(&mut bytes, &letter(payload), Position::new(2, offset), clock::moment(0));
            offset += 1;
        }
        frame::put_commit(&mut bytes, Commit { group, start, letters: payloads.len() as u32 });
        ends.push(bytes.len());
    }
    (bytes, ends)
}

fn groups() -> Vec<Vec<Vec<u8>>> {
    vec![vec![b"one".to_vec()], vec![b"two".to_vec(), vec![0; 5000], b"three".to_vec()], vec![vec![7; 300]]]
}

#[test]
fn a_header_comes_back_as_it_was_written() {
    assert_eq!(Header::parse(&header().to_bytes()), Ok(header()));
}

#[test]
fn a_header_of_another_version_is_told_from_a_broken_one() {
    let mut bytes = header().to_bytes();
    bytes[8] = 2;
    assert_eq!(Header::parse(&bytes), Err(HeaderFault::Version(2)));
    bytes[8] = 1;
    bytes[16] ^= 1;
    assert_eq!(Header::parse(&bytes), Err(HeaderFault::Unreadable));
    assert_eq!(Header::parse(&[0; 4096]), Err(HeaderFault::Unreadable));
}

#[test]
fn reserved_space_is_not_damage() {
    let (mut bytes, ends) = segment(&groups());
    bytes.resize(bytes.len() + 100_000, 0);
    let scan = scan(&bytes, &header()).unwrap();
    assert_eq!((scan.tail, scan.index.end()), (Tail::Clean, ends[3] as u64));
    assert_eq!(scan.index.ends(), [5, 0, 12]);
    assert_eq!(scan.last_group, Some((ends[2], ends[3])));
    assert_eq!(scan.index.next_group(), 13);
}

#[test]
fn a_cut_at_every_byte_leaves_the_whole_groups_before_it() {
    let (bytes, ends) = segment(&groups());
    for cut in ends[0]..=bytes.len() {
        for reserved in [0, 9000] {
            let mut torn = bytes[..cut].to_vec();
            torn.resize(cut + reserved, 0);
            let scan = scan(&torn, &header()).unwrap_or_else(|damage| panic!("cut at {cut}: {damage:?}"));
            // A group that lost nothing but zeros got them back.
            let whole = *ends.iter().rfind(|end| torn.get(..**end) == bytes.get(..**end)).unwrap();
            assert_eq!(scan.index.end(), whole as u64, "cut at {cut}");
            assert_eq!(scan.tail == Tail::Clean, torn[whole..].iter().all(|byte| *byte == 0), "cut at {cut}");
        }
    }
}

#[test]
fn a_changed_byte_in_a_group_that_others_follow_is_damage_in_that_group() {
    let (bytes, ends) = segment(&groups());
    for at in ends[0]..ends[2] {
        let mut decayed = bytes.clone();
        decayed[at] ^= 0x10;
        let damage = scan(&decayed, &header()).expect_err("damage was taken for a torn end");
        let (from, until) = if at < ends[1] { (ends[0], ends[1]) } else { (ends[1], ends[2]) };
        assert!((from as u64..until as u64).contains(&damage.at), "byte {at}: {damage:?}");
    }
}

#[test]
fn a_group_out_of_order_is_not_taken() {
    let (first, ends) = segment(&groups());
    let again = [&first[..ends[1]], &first[ends[0]..ends[1]]].concat();
    let scan = scan(&again, &header()).unwrap();
    assert_eq!(scan.index.end(), ends[1] as u64);
}

proptest! {
    #[test]
    fn groups_come_back_as_they_were_written(groups in proptest::collection::vec(
        proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..600), 1..5), 0..6)) {
        let (bytes, ends) = segment(&groups);
        let scan = scan(&bytes, &header()).unwrap();
        prop_assert_eq!(scan.index.end(), *ends.last().unwrap() as u64);
        let owner = bytes::Bytes::from(bytes);
        let mut found = Vec::new();
        for (start, payloads) in ends.iter().zip(&groups) {
            let mut letters = Vec::new();
            frame::read_group(&owner[*start..], *start as u64, |frame| { letters.push(frame.to_stored(&owner)?.letter); Ok(()) }).unwrap();
            prop_assert_eq!(&letters, &payloads.iter().map(|payload| letter(payload)).collect::<Vec<_>>());
            found.push(letters);
        }
        prop_assert_eq!(found.len(), groups.len());
    }

    #[test]
    fn any_torn_pages_of_the_last_group_leave_the_groups_before_it(
        last in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9000), 1..4),
        lost in proptest::collection::vec(any::<bool>(), 64),
    ) {
        let (whole, ends) = segment(&[groups(), vec![last]].concat());
        let before = ends[3];
        let mut torn = whole.clone();
        for (sector, lost) in (before / 512..).zip(lost) {
            for at in (sector * 512).max(before)..(sector * 512 + 512).min(torn.len()) {
                if lost { torn[at] = 0; }
            }
        }
        let scan = scan(&torn, &header()).unwrap();
        let expected = if torn == whole { whole.len() } else { before };
        prop_assert_eq!(scan.index.end(), expected as u64);
    }

    #[test]
    fn no_bytes_make_the_scan_panic(noise in proptest::collection::vec(any::<u8>(), 0..400), at in 0usize..400) {
        let (mut bytes, ends) = segment(&groups());
        let at = ends[0] + at;
        bytes.splice(at..(at + noise.len()).min(ends[3]), noise);
        if let Ok(scan) = scan(&bytes, &header()) {
            prop_assert!(ends.contains(&usize::try_from(scan.index.end()).unwrap()));
        }
    }
}
