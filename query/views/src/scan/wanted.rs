//! Whose rows a scan has use for, as far as its filters say so.

use super::pruning::Pruning;
use super::sight::{Seen, Sight};
use crate::hot::Chunk;
use model::FacilityId;
use std::collections::BTreeSet;

/// Persons of a sight. What is found costs in proportion to them, not to whom else the sight shows.
pub(crate) struct Wanted<'a> {
    sight: &'a Sight,
    /// Numbers of the viewer's own patients; `None` for all.
    own: Option<BTreeSet<&'a str>>,
    /// Patients of other facilities, by the place of their source in the sight, and by the source's number; `None` for all.
    others: Option<Vec<Vec<&'a Seen>>>,
}

impl<'a> Wanted<'a> {
    pub(crate) fn of(sight: &'a Sight, pruning: &'a Pruning) -> Self {
        let known = match (&pruning.own_patients, &pruning.patients) {
            (Some(numbers), _) => Some(sight.known_as(numbers.iter().map(String::as_str))),
            (None, Some(_)) => Some(sight.by_source()),
            (None, None) => None,
        };
        let others = known.map(|mut known| {
            // By the viewer's own number they were found.
            if let Some(numbers) = &pruning.patients {
                known.iter_mut().for_each(|patients| patients.retain(|seen| numbers.contains(seen.number.as_str())));
            }
            known
        });
        Self { sight, own: pruning.own(), others }
    }

    /// Numbers of the viewer's own patients, in order; `None` for all.
    pub(crate) fn own(&self) -> Option<&BTreeSet<&'a str>> {
        self.own.as_ref()
    }

    /// The patients of another facility, by that facility's number of them.
    pub(crate) fn patients_of(&self, source: &FacilityId) -> Vec<&'a Seen> {
        match &self.others {
            Some(others) => {
                let found = self.sight.place_of(source).and_then(|place| others.get(place));
                found.cloned().unwrap_or_default()
            }
            None => self.sight.patients_of(source).collect(),
        }
    }

    /// The rows of a hot chunk that are of wanted persons, in order; `None` for all. What is visible of them is not asked here, nor whether
    /// their source is of use.
    pub(crate) fn rows(&self, chunk: &Chunk) -> Option<Vec<u32>> {
        let (own, others) = (self.own.as_ref()?, self.others.as_ref()?);
        let by_patient = chunk.by_patient();
        let mut rows = Vec::new();
        for seen in others.iter().flatten() {
            rows.extend_from_slice(by_patient.numbered(seen.ix.as_u32()));
        }
        let own = own.iter().copied();
        by_patient.named(&chunk.batch, (self.sight.facility().as_str(), own), &mut rows);
        rows.sort_unstable();
        Some(rows)
    }
}
