//! Any bytes as an HL7 v2 message: it becomes events or remarks; the same bytes the same events, each with an id of its own;
//! and what comes of it passes the door.
#![no_main]

use ingest::hl7::{Feed, read};
use libfuzzer_sys::fuzz_target;
use model::{FacilityId, Moment};
use std::collections::BTreeSet;

fuzz_target!(|bytes: &[u8]| {
    let feed = Feed { take_tests: true, ..Feed::new(FacilityId::parse("hospital").unwrap()) };
    let received = Moment::parse("2026-04-01T09:30:00+09:00").unwrap();
    let came = read(bytes, &feed, received);
    for event in &came.events {
        assert!(wire::read_event(wire::write_event(event)).is_ok(), "the door refuses what was made here");
    }
    let ids: BTreeSet<&str> = came.events.iter().map(|event| event.key.id.as_str()).collect();
    assert_eq!(ids.len(), came.events.len(), "two events of one id");
    assert!(read(bytes, &feed, received).events == came.events, "not the same events again");
});
