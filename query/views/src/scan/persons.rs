//! Of whom a view may show something, without looking at a row.

use super::sight::Sight;
use crate::hot::{place, texts};
use crate::store::Snapshot;
use consent_filter::ClassIx;
use model::{CategorySet, PatientNumber};
use std::collections::{BTreeSet, HashSet};

/// The viewing facility's own numbers of the persons of whom tables of these categories may show something: its own patients
/// who have rows there, and those who are linked to a patient of whom something is open. Each once, in an order in which their rows
/// lie side by side: own ones by number, then the others by source and the source's number.
pub(crate) fn persons(sight: &Sight, snapshot: &Snapshot, categories: CategorySet) -> Vec<PatientNumber> {
    let mut own: BTreeSet<PatientNumber> = BTreeSet::new();
    let files = |category| snapshot.cold.of(category).filter(|file| file.source == *sight.facility());
    for category in categories.iter().filter(|_| sight.own().is_some()) {
        for runs in files(category).map(|file| &file.runs) {
            own.extend((0..runs.patients()).filter_map(|at| PatientNumber::parse(runs.number(at)?).ok()));
        }
        for chunk in snapshot.hot_of(category) {
            let Some(patients) = texts(&chunk.batch, place::PATIENT) else { continue };
            let mut last = "";
            for (row, class) in chunk.classes.iter().enumerate() {
                if patients.value(row) != last && sight.own_class(ClassIx::from_u32(*class)) {
                    last = patients.value(row);
                    own.extend(PatientNumber::parse(last));
                }
            }
        }
    }
    let mut known: HashSet<&PatientNumber> = own.iter().collect();
    let linked: Vec<PatientNumber> =
        sight.linked().map(|seen| &seen.own).filter(|number| known.insert(number)).cloned().collect();
    own.into_iter().chain(linked).collect()
}
