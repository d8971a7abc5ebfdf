//! What was refused is kept, durably and apart.

use super::fixture::*;
use crate::quarantine::{Aside, Form, Quarantine, QuarantineError, QuarantineSize};
use crate::{Refusal, RefusalReason};
use bytes::Bytes;

fn refusal() -> Refusal {
    Refusal::new(RefusalReason::Invalid, "record.version", "must be above 0")
}
fn keep(quarantine: &Quarantine, at: &str, bytes: &'static str) -> Result<String, QuarantineError> {
    let (origin, name) = (String::new(), String::new());
    let aside = Aside { form: Form::Event, bytes: Bytes::from(bytes), refusal: refusal(), origin, name };
    quarantine.keep(&facility(at), &[aside]).remove(0)
}

#[test]
fn it_is_there_after_a_restart_with_its_reason_and_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let id = {
        let quarantine = Quarantine::open(directory.path(), 100, clock()).unwrap();
        keep(&quarantine, "hospital", "bytes").unwrap()
    };
    let quarantine = Quarantine::open(directory.path(), 100, clock()).unwrap();
    assert_eq!(quarantine.size(), QuarantineSize { events: 1, bytes: 5 });
    let (head, bytes, _) = quarantine.get(&facility("hospital"), &id).unwrap();
    assert_eq!(bytes, "bytes");
    assert_eq!((head.reason.as_str(), head.field.as_str()), ("invalid", "record.version"));
    assert_eq!((head.rule.as_str(), head.size, head.received_us), ("must be above 0", 5, now().micros()));
}

#[test]
fn a_full_share_is_said_and_leaves_others_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let quarantine = Quarantine::open(directory.path(), 10, clock()).unwrap();
    let first = keep(&quarantine, "hospital", "12345678").unwrap();
    assert_eq!(keep(&quarantine, "hospital", "123"), Err(QuarantineError::Full { limit: 10 }));
    keep(&quarantine, "hospital", "12").unwrap();
    keep(&quarantine, "clinic", "123").unwrap();
    quarantine.remove(&facility("hospital"), &first).unwrap();
    keep(&quarantine, "hospital", "123").unwrap();
    assert_eq!(quarantine.size(), QuarantineSize { events: 3, bytes: 8 });
}

#[test]
fn another_facilitys_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let quarantine = Quarantine::open(directory.path(), 100, clock()).unwrap();
    let id = keep(&quarantine, "hospital", "x").unwrap();
    let clinic = facility("clinic");
    assert_eq!(quarantine.get(&clinic, &id), Err(QuarantineError::NotFound));
    assert_eq!(quarantine.remove(&clinic, &id), Err(QuarantineError::NotFound));
    assert_eq!(quarantine.note(&clinic, &id, &refusal()), Err(QuarantineError::NotFound));
    assert_eq!(quarantine.list(&clinic, "", 10), Ok(Vec::new()));
    assert_eq!(quarantine.get(&facility("hospital"), "no id"), Err(QuarantineError::NotFound));
}

#[test]
fn it_is_listed_in_the_order_it_came_page_by_page() {
    let directory = tempfile::tempdir().unwrap();
    let quarantine = Quarantine::open(directory.path(), 1000, clock()).unwrap();
    let mut ids = Vec::new();
    for _ in 0..5 {
        // Facilities whose keys lie on both sides.
        keep(&quarantine, "hospita", "x").unwrap();
        ids.push(keep(&quarantine, "hospital", "x").unwrap());
        keep(&quarantine, "hospital-2", "x").unwrap();
    }
    let hospital = facility("hospital");
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = quarantine.list(&hospital, &after, 2).unwrap();
        let Some(last) = page.last() else { break };
        after.clone_from(&last.id);
        seen.extend(page.into_iter().map(|head| head.id));
    }
    assert_eq!(seen, ids);
}
