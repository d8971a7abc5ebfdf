//! What became of a source's records: the fold says what a plain filter over the entries says.

use crate::world::*;
use ledger::*;
use model::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const SOURCES: [&str; 2] = ["nmc", "omura"];

#[derive(Debug, Default, PartialEq, Eq)]
struct Plain {
    rows: BTreeMap<Category, u64>,
    patients: BTreeSet<PatientRef>,
    first: Option<Moment>,
    last: Option<Moment>,
}

/// What `event` says of the source's patients, added up.
fn plain<'a>(events: impl Iterator<Item = &'a AuditEvent>, source: &FacilityId) -> Plain {
    let mut told = Plain::default();
    for event in events {
        for (patient, counts) in event.shown.iter().filter(|(patient, _)| patient.facility() == source) {
            counts.iter().for_each(|(category, rows)| *told.rows.entry(category).or_default() += rows);
            told.patients.insert(patient.clone());
            told.first = Some(told.first.map_or(event.began, |first| first.min(event.began)));
            told.last = told.last.max(Some(event.ended));
        }
    }
    told
}

fn folded(stretch: &Stretch) -> (BTreeMap<Category, u64>, u64, Option<Moment>, Option<Moment>) {
    (stretch.counts().iter().collect(), stretch.patients(), stretch.first(), stretch.last())
}
fn told(plain: Plain) -> (BTreeMap<Category, u64>, u64, Option<Moment>, Option<Moment>) {
    (plain.rows, plain.patients.len() as u64, plain.first, plain.last)
}

const READINGS: [Act; 4] = [Act::Query, Act::Feed, Act::Export, Act::MachinePull];

proptest! {
    #[test]
    fn the_fold_says_what_a_plain_filter_says(events in prop::collection::vec(an_event(), 0..25), source in 0..2_usize) {
        let source = facility(SOURCES[source]);
        let mut publication = Publication::of(source.clone());
        for (offset, event) in (0..).zip(&events) {
            publication.take(&Entry { position: Position::new(0, offset), event: event.clone() });
        }
        for at in ["sato", "ueda", "nmc"] {
            let of = |wanted: &'static [Act]| {
                let here = events.iter().filter(move |event| {
                    event.agent.facility.as_str() == at && wanted.contains(&event.what.act())
                });
                here.filter(|event| event.shown.iter().any(|(patient, _)| *patient.facility() == source))
                    .collect::<Vec<_>>()
            };
            let (disclosed, read) = (of(&[Act::Disclosure]), of(&READINGS));
            let found = publication.at(&facility(at));
            if at == source.as_str() || disclosed.is_empty() && read.is_empty() {
                prop_assert!(found.is_none(), "{at} consumed nothing: {found:?}");
                continue;
            }
            let found = found.unwrap();
            prop_assert_eq!(folded(&found.delivered), told(plain(disclosed.into_iter(), &source)));
            prop_assert_eq!(folded(&found.seen), told(plain(read.iter().copied(), &source)));
            let distinct = |events: Vec<&&AuditEvent>| events.iter().map(|event| event.id).collect::<BTreeSet<_>>().len() as u64;
            let persons: BTreeSet<&MemberId> = read.iter().filter_map(|event| event.agent.member.as_ref()).collect();
            prop_assert_eq!(found.persons(), persons.len() as u64);
            prop_assert_eq!(found.acts(), distinct(read.iter().collect()));
            let systems = read.iter().filter(|event| event.agent.member.is_none()).collect();
            prop_assert_eq!(found.system_acts(), distinct(systems));
            let broken = read.iter().copied().filter(|event| event.purpose == Purpose::BreakGlass);
            prop_assert_eq!(found.emergency_rows(), plain(broken, &source).rows.values().sum::<u64>());
        }
    }

    #[test]
    fn corrections_are_what_the_recall_list_says_record_by_record(
        world in a_world(1..20),
        versions in prop::collection::vec((a_patient(), 0..4_u64, prop::sample::select(Category::ALL), 0..30_u64, 1..30_u64), 0..8),
    ) {
        let mut corrections = Corrections::default();
        let recalls: Vec<(u64, Recall)> = versions.into_iter().map(|(patient, record, category, from, lasted)| {
            let places = (Position::new(1, from), Position::new(1, from + lasted));
            (record, Recall::record(Cause::Corrected, patient, category, places))
        }).collect();
        recalls.iter().for_each(|(record, recall)| corrections.ask(*record, recall.clone()));
        for (index, entry) in (0..).zip(&world.entries) {
            // The same entry is found by each of its patients.
            (0..2).for_each(|_| corrections.take(index, entry));
        }
        let mut seen: BTreeMap<FacilityId, BTreeSet<u64>> = BTreeMap::new();
        for (index, entry) in (0..).zip(&world.entries) {
            for (record, recall) in &recalls {
                if let Some(recalled) = recall.of(index, entry) {
                    seen.entry(recalled.agent.facility).or_default().insert(*record);
                }
            }
        }
        prop_assert_eq!(corrections.facilities().collect::<Vec<_>>(), seen.keys().collect::<Vec<_>>());
        for (facility, records) in &seen {
            prop_assert_eq!(corrections.seen_at(facility), records.len() as u64);
        }
    }
}

#[test]
fn a_feed_told_in_parts_is_one_act_of_one_person() {
    let source = facility("nmc");
    let mut publication = Publication::of(source.clone());
    let mut entry = a_query();
    for part in 0..3 {
        entry.event.part = part;
        publication.take(&entry);
    }
    let consumed = publication.at(&facility("sato")).unwrap();
    assert_eq!((consumed.acts(), consumed.persons(), consumed.system_acts()), (1, 1, 0));
    assert_eq!((consumed.seen.counts().total(), consumed.seen.patients()), (48, 2), "each part showed its rows");
    assert_eq!((consumed.seen.first(), consumed.seen.last()), (Some(moment(0)), Some(moment(1))));
    assert!(consumed.delivered.counts().is_empty());
}
