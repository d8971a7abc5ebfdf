//! What an entry commits to, and what one patient's line gives away of the others: nothing.

use crate::world::*;
use ledger::*;
use model::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn every_line_of_an_entry_proves_itself_and_no_other(event in an_event(), other in a_patient()) {
        let entry = Entry { position: Position::new(0, 1), event };
        let head = entry.head();
        for (patient, counts) in entry.event.shown.iter() {
            let line = entry.line(patient).unwrap();
            prop_assert!(head.has(&line));
            prop_assert_eq!(&line.counts, counts);
            let mut more = line.clone();
            more.counts.add(Category::Message, 1);
            prop_assert!(!head.has(&more), "other counts");
            let another = Line { patient: patient_not(patient), ..line.clone() };
            prop_assert!(!head.has(&another), "another patient");
            let elsewhere = Line { number: line.number + 1, ..line };
            prop_assert!(!head.has(&elsewhere), "another place");
        }
        prop_assert_eq!(entry.line(&other).is_some(), entry.event.shown.of(&other).is_some());
    }

    #[test]
    fn every_field_counts(event in an_event(), other in an_event(), field in 0..10_usize) {
        let mut changed = event.clone();
        match field {
            0 => changed.id = other.id,
            1 => changed.part = other.part,
            2 => changed.agent = other.agent,
            3 => changed.purpose = other.purpose,
            4 => changed.what = other.what,
            5 => changed.began = other.began,
            6 => changed.ended = other.ended,
            7 => changed.outcome = other.outcome,
            8 => changed.shown = other.shown,
            _ => changed.salt = other.salt,
        }
        let leaf = |event: &AuditEvent| Entry { position: Position::new(0, 1), event: event.clone() }.leaf();
        prop_assert_eq!(leaf(&event) == leaf(&changed), event == changed);
        let moved = Entry { position: Position::new(0, 2), event: event.clone() };
        prop_assert_ne!(moved.leaf(), leaf(&event), "the place in the log counts too");
    }

    #[test]
    fn a_line_comes_back_from_json(event in an_event(), index in any::<u64>(), offset in any::<u64>()) {
        let entry = Entry { position: Position::new(0, offset), event };
        let line = entry_line(index, &entry, &Proof::default()).unwrap();
        prop_assert_eq!(read_entry_line(&line), Ok((index, entry, Proof::default())));
    }
}

fn patient_not(other: &PatientRef) -> PatientRef {
    let candidate = patient("nmc", "999");
    if candidate == *other { patient("nmc", "998") } else { candidate }
}

/// The same patients shown under another salt: their lines must not be recognisable from one entry to the next, nor
/// computable by someone who guesses a patient's number and what was shown.
#[test]
fn a_neighbours_line_cannot_be_guessed() {
    let entry = a_query();
    let (mine, neighbour) = (patient("nmc", "00012345"), patient("nmc", "00067890"));
    let line = entry.line(&mine).unwrap();
    // The proof of my line holds the hash of my neighbour's. I know their number and what was shown of them, and have
    // only my own salt: the head does not take what I build for theirs.
    let guessed = entry.line(&neighbour).unwrap();
    assert!(entry.head().has(&guessed));
    assert!(!entry.head().has(&Line { salt: line.salt, ..guessed }));
    let other_salt = AuditEvent { salt: Salt::from_bytes([1; 32]), ..entry.event.clone() };
    let other = Entry { event: other_salt, ..entry.clone() };
    assert_ne!(other.line(&mine).unwrap().proof, line.proof, "the neighbour's hash is another in every entry");
}

/// Computed apart from this code, from the description in `canon.rs` and RFC 6962: see `leaf.py` beside this file.
#[test]
fn the_leaf_is_the_published_one() {
    assert_eq!(a_query().leaf().to_string(), include_str!("leaf.sha256").trim());
}
