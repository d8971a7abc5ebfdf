//! All messages of `../shared/data/hl7v2` and of the SS-MIX2 storages, through the mapping: what became of them.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::panic,
    reason = "a test may stop where it stands, and says what it found"
)]

use expect_test::expect;
use hl7v2::batch;
use ingest::hl7::{Fate, Feed, Outcome, read};
use model::{Body, FacilityId, Moment};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn shared(folder: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from)
        .join(folder);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test looked at nothing", folder.display());
    None
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut next = vec![folder.to_owned()];
    while let Some(folder) = next.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { next.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn feed() -> Feed {
    // Other projects' messages are for training; in ours `P` is what is taken.
    Feed { take_tests: true, ..Feed::new(FacilityId::parse("hospital").unwrap()) }
}

fn received() -> Moment {
    Moment::parse("2026-04-01T09:30:00+09:00").unwrap()
}

/// What became of a folder, in words that a reader can check.
fn account(folder: &Path, feed: &Feed) -> String {
    let mut messages: BTreeMap<&str, usize> = BTreeMap::new();
    let mut records: BTreeMap<String, usize> = BTreeMap::new();
    let mut remarks: BTreeMap<String, usize> = BTreeMap::new();
    let mut passed_over: BTreeMap<String, u32> = BTreeMap::new();
    let wanted = |file: &&PathBuf| {
        let ending = file.extension().and_then(|ending| ending.to_str());
        matches!(ending, None | Some("hl7" | "out")) && !file.ends_with("LICENSE")
    };
    for file in files(folder).iter().filter(wanted) {
        let bytes = std::fs::read(file).unwrap();
        for piece in batch::pieces(&bytes) {
            let bytes = match piece {
                batch::Piece::Message(bytes) | batch::Piece::Envelope(bytes) | batch::Piece::Stray(bytes) => bytes,
            };
            let outcome = read(bytes, feed, received());
            let again = read(bytes, feed, received());
            assert_eq!(outcome.events, again.events, "the same message twice is the same events");
            let ids: BTreeSet<_> = outcome.events.iter().map(|event| event.key.id.as_str().to_owned()).collect();
            assert_eq!(
                ids.len(),
                outcome.events.len(),
                "{}: every event of a message has an id of its own",
                file.display()
            );
            count(&outcome, &mut messages, &mut records, &mut remarks);
            for (segment, count) in outcome.passed_over {
                *passed_over.entry(segment.as_str().to_owned()).or_default() += count;
            }
        }
    }
    let mut text = String::new();
    writeln!(text, "messages {messages:?}").unwrap();
    writeln!(text, "records {records:?}").unwrap();
    for (remark, count) in remarks {
        writeln!(text, "{count:>5} {remark}").unwrap();
    }
    writeln!(text, "passed over {passed_over:?}").unwrap();
    text
}

fn count(
    outcome: &Outcome,
    messages: &mut BTreeMap<&str, usize>,
    records: &mut BTreeMap<String, usize>,
    remarks: &mut BTreeMap<String, usize>,
) {
    let fate = match outcome.fate() {
        Fate::Left if outcome.events.is_empty() => "taken, nothing in it",
        Fate::Left => "taken",
        Fate::Aside => "aside",
        Fate::Refused if outcome.events.is_empty() => "refused",
        Fate::Refused => "refused in part",
        Fate::Rejected => "rejected",
    };
    *messages.entry(fate).or_default() += 1;
    for event in &outcome.events {
        let Body::Record(record) = &event.body else { panic!("only records come of messages") };
        // What leaves by the wire must come in again by its door.
        if let Err(error) = wire::read_event(wire::write_event(event)) {
            panic!("a {} is refused at the door: {error}", record.category());
        }
        *records.entry(format!("{} {}", record.category(), record.change().code())).or_default() += 1;
    }
    for remark in &outcome.remarks {
        let place = &remark.fault.location;
        let place = format!("{}-{}", place.segment.as_str(), place.field);
        *remarks.entry(format!("{} {place}: {}", remark.reason, remark.fault.rule)).or_default() += 1;
    }
}

#[test]
fn every_message_of_other_projects_is_accounted_for() {
    let Some(folder) = shared("hl7v2") else { return };
    expect![[r#"
        messages {"aside": 12, "refused": 76, "refused in part": 16, "taken": 148, "taken, nothing in it": 63}
        records {"allergy upsert": 29, "condition upsert": 36, "document upsert": 3, "encounter upsert": 37, "imaging upsert": 1, "immunization upsert": 34, "laboratory upsert": 31, "medication upsert": 57, "patient upsert": 64}
           42 ambiguous_patient PID-3: one number of the source, or the feed's `assigning_authorities` set
            8 comment NTE-3: a note beside an order, a vital sign or a drug stays at its source
            1 invalid_element AL1-6: a time as YYYYMMDDHHMMSS, from the right as far as it is known, with an offset such as +0900 or without
            2 invalid_element MSH-7: a time as YYYYMMDDHHMMSS, from the right as far as it is known, with an offset such as +0900 or without
            1 invalid_element PRB-2: a time as YYYYMMDDHHMMSS, from the right as far as it is known, with an offset such as +0900 or without
            2 invalid_element PRB-7: a time as YYYYMMDDHHMMSS, from the right as far as it is known, with an offset such as +0900 or without
            1 invalid_element RXA-22: a time as YYYYMMDDHHMMSS, from the right as far as it is known, with an offset such as +0900 or without
            1 invalid_element RXA-3: a time as YYYYMMDDHHMMSS, from the right as far as it is known, with an offset such as +0900 or without
            1 missing_element MSH-9: a document is described in `TXA`
            4 missing_element OBX-3: what was measured, as a code or text
            4 missing_element PID-0: a message is about a patient, in `PID`
            2 missing_element RXA-5: the vaccine, as a code or text
            3 missing_element TXA-2: what sort of document it is
           15 no_category OBR-4: an order is no fact of the patient until there is a result
           13 no_category OBX-3: a remark on a drug has no category of its own
           59 no_category OBX-3: a remark on a vaccination has no category of its own
           20 no_category OBX-3: an observation beside a problem has no category of its own
            1 no_category RXA-5: a vaccine that was given
            5 no_interval OBX-7: an interval of two numbers, or one with a sign
            4 no_value OBX-5: a value, or a status that says why there is none
            7 patient_merge MRG-1: patients that are merged, moved or linked: a person confirms it, and the source sends the records anew
            1 unknown_code PRB-1: an action: AD, UP, CO, DE, LI, UC or UN
           11 unknown_code PV1-2: a class of visit: I, O, E, P, R, B
           18 unknown_patient PID-3: the patient's number at the source
            6 unsupported_type MSH-9: a type that is mapped to records: ADT, ORU, OUL, OML, ORM, OMG, OMI, RDE, OMP, RAS, RDS, VXU, PPR, MDM
        passed over {"FT1": 1, "IN1": 18, "IN2": 12, "NK1": 77, "PD1": 10, "PR1": 5, "ROL": 2, "RXR": 1, "VAR": 8}
    "#]].assert_eq(&account(&folder.join("linuxforhealth"), &feed()));
    expect![[r#"
        messages {"aside": 35, "refused": 14, "refused in part": 1, "taken": 88, "taken, nothing in it": 1}
        records {"allergy upsert": 26, "condition upsert": 26, "document delete": 4, "document upsert": 22, "encounter upsert": 33, "imaging delete": 1, "imaging upsert": 6, "immunization upsert": 8, "laboratory upsert": 69, "medication upsert": 13, "patient delete": 2, "patient upsert": 46, "vital-sign upsert": 40}
           11 ambiguous_patient PID-3: one number of the source, or the feed's `assigning_authorities` set
           13 binary OBX-5: text; binary content stays at its source
           26 comment NTE-3: a note beside an order, a vital sign or a drug stays at its source
            3 invalid_element PRB-2: a time as YYYYMMDDHHMMSS, from the right as far as it is known, with an offset such as +0900 or without
            1 missing_element OBX-3: what was measured, as a code or text
            6 no_category OBR-4: an order is no fact of the patient until there is a result
            3 no_category OBX-3: a remark on a drug has no category of its own
           20 no_category OBX-3: a remark on a vaccination has no category of its own
           53 no_department PV1-3: a department code has 1 to 16 visible ASCII characters
           20 no_interval OBX-7: an interval of two numbers, or one with a sign
            9 patient_merge MRG-1: patients that are merged, moved or linked: a person confirms it, and the source sends the records anew
           29 unsupported_type MSH-9: a type that is mapped to records: ADT, ORU, OUL, OML, ORM, OMG, OMI, RDE, OMP, RAS, RDS, VXU, PPR, MDM
        passed over {"ACC": 12, "AIG": 2, "AIL": 2, "AIP": 2, "AIS": 2, "ARV": 33, "BLG": 14, "CDO": 3, "CON": 6, "CTD": 8, "CTI": 14, "DB1": 21, "FT1": 17, "GT1": 27, "IAR": 1, "IN1": 31, "IN2": 25, "INV": 8, "NK1": 26, "ODS": 1, "PD1": 40, "PDA": 6, "PR1": 12, "PRT": 83, "RF1": 10, "RGS": 2, "ROL": 40, "RQ1": 1, "RQD": 1, "RXC": 15, "RXR": 21, "SAC": 14, "SCH": 1}
    "#]].assert_eq(&account(&folder.join("ms-fhir-converter"), &feed()));
    expect![[r#"
        messages {"aside": 1, "taken": 1009, "taken, nothing in it": 3}
        records {"allergy upsert": 162, "document upsert": 67, "encounter upsert": 400, "laboratory upsert": 3129, "patient upsert": 401}
           48 comment NTE-3: a note beside an order, a vital sign or a drug stays at its source
           64 no_value OBX-5: a value, or a status that says why there is none
            1 patient_merge MRG-1: patients that are merged, moved or linked: a person confirms it, and the source sends the records anew
        passed over {"PD1": 401}
    "#]].assert_eq(&account(&folder.join("simhospital"), &feed()));
}

#[test]
fn every_file_of_the_storages_is_accounted_for() {
    let Some(folder) = shared("ss-mix2") else { return };
    expect![[r#"
        messages {"aside": 1, "refused": 1, "refused in part": 2, "taken": 17, "taken, nothing in it": 1}
        records {"allergy upsert": 5, "condition upsert": 1, "document upsert": 1, "encounter upsert": 4, "imaging upsert": 12, "laboratory upsert": 11, "medication upsert": 14, "patient upsert": 4, "vital-sign upsert": 2}
            2 missing_element AL1-3: what the patient does not tolerate, as a code or text
            2 missing_element IAM-3: what the patient does not tolerate, as a code or text
            1 no_category OBR-4: an order of a test of function is no fact until there is a result
            4 no_category OBR-4: an order that its child orders state in parts
            4 no_category OBX-3: a remark on a drug has no category of its own
            2 no_category ORC-1: a drug's order says which drug, in `RXE`, `RXO`, `RXD` or `RXA`
            2 unknown_patient PID-3: the patient's number at the source
            1 unreadable MSH-18: bytes that are neither ASCII, UTF-8 nor ISO-2022-JP need a name here, or the feed's `charset` set
            1 unsupported_type MSH-9: a type that is mapped to records: ADT, ORU, OUL, OML, ORM, OMG, OMI, RDE, OMP, RAS, RDS, VXU, PPR, MDM
        passed over {"CTI": 2, "DB1": 3, "IN1": 3, "NK1": 3, "ODS": 2, "RXC": 8, "RXR": 12, "ZE1": 6, "ZE2": 2, "ZI1": 1, "ZPR": 3}
    "#]].assert_eq(&account(&folder.join("nho-sample"), &feed()));
    expect![[r#"
        messages {"taken": 155}
        records {"allergy upsert": 61, "condition upsert": 27, "encounter upsert": 45, "laboratory upsert": 155, "medication upsert": 60, "patient upsert": 45, "vital-sign upsert": 10}
        passed over {"DB1": 5, "IN1": 5, "NK1": 5, "RXR": 60}
    "#]].assert_eq(&account(&folder.join("five-patients"), &feed()));
}
