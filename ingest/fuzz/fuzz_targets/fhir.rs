//! Any bytes as a FHIR file: every resource becomes events or a refusal; the same bytes the same events; what comes of them
//! passes the door; and there are no more resources than bytes.
#![no_main]

use ingest::fhir::{Context, References, events, read};
use libfuzzer_sys::fuzz_target;
use model::{FacilityId, Moment};

fuzz_target!(|bytes: &[u8]| {
    let context =
        Context::new(FacilityId::parse("hospital").unwrap(), Moment::parse("2026-04-01T09:30:00+09:00").unwrap());
    let mut references = References::default();
    for resource in read(bytes).flatten() {
        references.learn(&resource, &context);
    }
    let mut found = 0;
    for resource in read(bytes) {
        found += 1;
        let Ok(resource) = resource else { continue };
        let came = events(&resource, &context, &references);
        assert!(came.refusal.is_some() || !came.events.is_empty(), "neither events nor a refusal");
        for event in &came.events {
            assert!(wire::read_event(wire::write_event(event)).is_ok(), "the door refuses what was made here");
        }
        assert!(events(&resource, &context, &references).events == came.events, "not the same events again");
    }
    assert!(found <= bytes.len() + 1);
});
