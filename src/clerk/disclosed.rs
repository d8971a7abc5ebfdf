//! What became visible to whom since the last commit, counted while the corridor runs.
//!
//! Per record one look into a table: records of one patient and category have nearly always the same audience, so an
//! audience is kept once and counted, however many facilities are in it.

use super::{Telling, act};
use crate::recorder::salt;
use consent_filter::{Book, FacilityIx, PatientIx, Reached};
use model::{
    AuditEvent, AuditOutcome, Category, FacilityId, Frontier, Moment, Principal, Purpose, Reading, Role, Shown, What,
};
use parking_lot::RwLock;
use std::collections::{BTreeMap, HashMap};

/// Disclosures that an earlier life told.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) since: Frontier,
    pub(super) seen: Frontier,
}

/// Other facilities that rows of one patient and category reached, and how many rows reached exactly these.
type Audiences = Vec<(Box<[FacilityIx]>, u64)>;

/// By patient and category.
pub(super) type Rows = HashMap<(PatientIx, Category), Audiences>;

/// What became visible since the last commit.
#[derive(Default)]
pub struct Disclosed {
    fresh: Rows,
    /// Of letters that an earlier life told of, perhaps not to the end.
    again: Rows,
    others: Vec<FacilityIx>,
}

impl std::fmt::Debug for Disclosed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disclosed").field("patients", &self.fresh.len()).finish_non_exhaustive()
    }
}

impl Disclosed {
    /// Counts a new version that became visible to `reached`.
    pub(crate) fn note(&mut self, telling: Telling, (patient, category): (PatientIx, Category), reached: &[Reached]) {
        let rows = match telling {
            Telling::Nothing => return,
            Telling::Again => &mut self.again,
            Telling::Fresh => &mut self.fresh,
        };
        self.others.clear();
        // At the source the patient is its own.
        self.others.extend(reached.iter().filter(|at| at.own_patient != patient).map(|at| at.facility));
        if self.others.is_empty() {
            return;
        }
        let audiences = rows.entry((patient, category)).or_default();
        match audiences.iter_mut().find(|(audience, _)| **audience == *self.others) {
            Some((_, count)) => *count += 1,
            None => audiences.push((self.others.as_slice().into(), 1)),
        }
    }
    pub(super) fn take(&mut self) -> Rows {
        std::mem::take(&mut self.fresh)
    }
    pub(super) fn take_again(&mut self) -> Rows {
        std::mem::take(&mut self.again)
    }
}

/// The audit events: one act per viewing facility.
pub(super) fn events_of(
    rows: Rows,
    book: &RwLock<Book>,
    since: &Frontier,
    seen: &Frontier,
    moment: Moment,
) -> Vec<AuditEvent> {
    let mut shown: BTreeMap<FacilityId, Shown> = BTreeMap::new();
    for ((patient, category), audiences) in rows {
        let book = book.read();
        let Some(patient) = book.patient_ref(patient) else { continue };
        for (facilities, count) in audiences {
            for facility in facilities.iter().filter_map(|facility| book.facility_id(*facility)) {
                match shown.get_mut(facility) {
                    Some(shown) => shown.add(patient, category, count),
                    None => shown.entry(facility.clone()).or_default().add(patient, category, count),
                }
            }
        }
    }
    let place = seen.to_string();
    let event = |(facility, shown): (FacilityId, Shown)| {
        let id = act("disclosure", &[&place, facility.as_str()]);
        let principal = Principal { facility, member: None, role: Role::System, purpose: Purpose::Treatment };
        let what = What::Disclosure { since: since.clone(), seen: seen.clone() };
        let mut reading = Reading::begin(id, &principal, what, moment);
        for (patient, counts) in shown.iter() {
            counts.iter().for_each(|(category, rows)| reading.rows(patient, category, rows));
        }
        reading.finish(moment, AuditOutcome::Completed, salt)
    };
    shown.into_iter().flat_map(event).collect()
}
