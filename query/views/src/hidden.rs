//! What a change of a patient's consents hid from whom.
//!
//! Two states are held for it, and neither is a copy of the book: the patient's consents as they stood before and after
//! (some 32 bytes each), and the rows as one publication showed them. Everything else that decides (scopes, links,
//! members) is asked of the book as it stands when the rows are looked at, the same for both, so that what differs is
//! what the change did.

use crate::rows::RowKey;
use crate::scan::facts_of_patient;
use crate::store::Snapshot;
use crate::{Store, StoreError};
use consent_filter::{Audience, Book, FacilityIx, Wishes};
use model::{Category, Counts, FacilityId, Moment, PatientRef, Position};
use parking_lot::RwLock;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The rows as one publication showed them, held until this is dropped.
#[derive(Clone, Debug)]
pub struct Pinned(Arc<Snapshot>);

/// A change of one patient ref's consents.
#[derive(Clone, Debug)]
pub struct ConsentChanged {
    /// Whose.
    pub patient: PatientRef,
    /// What changed them.
    pub position: Position,
    /// The moment at which periods are judged.
    pub moment: Moment,
    /// The consents before.
    pub before: Wishes,
    /// The consents after.
    pub after: Wishes,
}

impl Store {
    /// Holds the rows as they are published now.
    pub fn pin(&self) -> Pinned {
        Pinned(self.snapshot())
    }
}

impl Pinned {
    /// Rows per facility and category that somebody there could see before the change and nobody there can see after it.
    /// Rows that another reason keeps visible are not among them, nor those that came after the change. Pin the rows as
    /// they stood just before it: a version that was replaced since is not counted.
    ///
    /// It reads no content, holds the book for one row at a time, and may take as long as the patient has rows.
    ///
    /// # Errors
    /// When a table file cannot be read.
    pub fn hidden_by(
        &self,
        change: &ConsentChanged,
        book: &RwLock<Book>,
    ) -> Result<BTreeMap<FacilityId, Counts>, StoreError> {
        let Some(ix) = book.read().find_patient(&change.patient) else { return Ok(BTreeMap::new()) };
        let last = RowKey::of(change.position);
        let (mut before, mut after) = (Audience::new(), Audience::new());
        let mut hidden: HashMap<(FacilityIx, Category), u64> = HashMap::new();
        facts_of_patient(&self.0, (ix, &change.patient), |category, key, facts| {
            // A patient ref's consents and records share a partition, so that their order is known.
            if key.partition() == last.partition() && key < last {
                let book = book.read();
                book.audience_under(&change.before, &facts, change.moment, &mut before);
                book.audience_under(&change.after, &facts, change.moment, &mut after);
                for reached in before.reached().iter().filter(|reached| !after.contains(reached.facility)) {
                    *hidden.entry((reached.facility, category)).or_default() += 1;
                }
            }
            true
        })?;
        let book = book.read();
        let mut told: BTreeMap<FacilityId, Counts> = BTreeMap::new();
        for ((facility, category), rows) in hidden {
            if let Some(facility) = book.facility_id(facility) {
                told.entry(facility.clone()).or_default().add(category, rows);
            }
        }
        Ok(told)
    }
}
