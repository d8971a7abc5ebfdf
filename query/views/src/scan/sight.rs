//! A visibility with what a scan needs beside it: the patients' numbers.

use crate::planted::{Bug, is};
use consent_filter::{Book, Bounds, ClassIx, GrantView, PatientIx, Patients, Visibility};
use model::{FacilityId, PatientNumber};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One patient of another facility of whom something may be visible.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) ix: PatientIx,
    /// The source's number.
    pub(crate) number: PatientNumber,
    /// The viewing facility's own number for the person.
    pub(crate) own: PatientNumber,
    /// The place among the patients of its source, by number.
    rank: u32,
}

/// What one principal sees, ready to run over rows.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) visibility: Arc<Visibility>,
    /// Whether the viewing facility's own rows are looked at.
    own: bool,
    /// Sorted by number in the book.
    seen: Vec<Seen>,
    /// Bit *i* is set when the patient numbered *i* in the book is among `seen`.
    bits: Vec<u64>,
    /// For each source the places of its patients in `seen`, by the source's number of them.
    sources: Vec<(FacilityId, Vec<u32>)>,
    /// For each of `seen` the place of its source in `sources`.
    source_of: Vec<u32>,
    /// The places in `seen` by the viewing facility's own number.
    by_own: Vec<u32>,
}

impl Sight {
    /// Everything the visibility shows.
    pub(crate) fn new(book: &Book, visibility: Arc<Visibility>) -> Self {
        let listed = visibility.sources().filter_map(|(_, patients)| match patients {
            Patients::Listed(patients) => Some(patients),
            Patients::Whole => None,
        });
        let patients: Vec<PatientIx> = listed.flatten().copied().collect();
        Self::of(book, visibility, &patients, true)
    }

    /// What the visibility shows of some patients of other facilities, and of the viewer's own rows if `own`.
    pub(crate) fn of(book: &Book, visibility: Arc<Visibility>, patients: &[PatientIx], own: bool) -> Self {
        let mut seen = Vec::with_capacity(patients.len());
        let mut bits = vec![0_u64; book.patient_count().div_ceil(64)];
        for ix in patients.iter().copied() {
            let own = visibility.own_patient(ix).and_then(|own| book.patient_ref(own));
            let (Some(own), Some(patient)) = (own, book.patient_ref(ix)) else { continue };
            if let Some(word) = bits.get_mut(ix.get() / 64) {
                *word |= 1 << (ix.get() % 64);
            }
            seen.push(Seen { ix, number: patient.number().clone(), own: own.number().clone(), rank: u32::MAX });
        }
        seen.sort_unstable_by_key(|one| one.ix);
        seen.dedup_by_key(|one| one.ix);
        let mut sources: BTreeMap<FacilityId, Vec<u32>> = BTreeMap::new();
        for (at, one) in seen.iter().enumerate() {
            let source = book.patient_ref(one.ix).map(|patient| patient.facility().clone());
            if let (Some(source), Ok(at)) = (source, u32::try_from(at)) {
                sources.entry(source).or_default().push(at);
            }
        }
        for places in sources.values_mut() {
            places.sort_unstable_by(|a, b| {
                let number = |at: &u32| seen.get(*at as usize).map(|one| &one.number);
                number(a).cmp(&number(b))
            });
        }
        let sources: Vec<(FacilityId, Vec<u32>)> = sources.into_iter().collect();
        let mut source_of = vec![u32::MAX; seen.len()];
        for (source, (_, places)) in (0..).zip(&sources) {
            for (rank, place) in (0..).zip(places) {
                if let (Some(of), Some(one)) = (source_of.get_mut(*place as usize), seen.get_mut(*place as usize)) {
                    (*of, one.rank) = (source, rank);
                }
            }
        }
        let mut by_own: Vec<u32> = (0..).take(seen.len()).collect();
        let own_number = |at: &u32| seen.get(*at as usize).map(|one| &one.own);
        by_own.sort_unstable_by(|a, b| own_number(a).cmp(&own_number(b)));
        Self { visibility, own, seen, bits, sources, source_of, by_own }
    }

    /// Whether the viewing facility's own rows are looked at and visible to this principal.
    pub(crate) fn own(&self) -> Option<GrantView<'_>> {
        self.visibility.own().filter(|_| self.own)
    }

    /// The facility whose view it is.
    pub(crate) fn facility(&self) -> &FacilityId {
        &self.visibility.viewer().facility
    }

    /// The patients of other facilities of whom something may be visible, by source and the source's number of them.
    pub(crate) fn linked(&self) -> impl Iterator<Item = &Seen> {
        let places = self.sources.iter().flat_map(|(_, places)| places);
        places.filter_map(|at| self.seen.get(*at as usize))
    }

    /// The place of a source among those of whose patients something may be visible.
    pub(crate) fn place_of(&self, source: &FacilityId) -> Option<usize> {
        self.sources.binary_search_by(|(id, _)| id.cmp(source)).ok()
    }

    /// The patients of other facilities whom the viewing facility knows by one of these numbers, which are in order; by the place of
    /// their source, and by the source's number of them. Costs in proportion to the numbers, not to all patients.
    pub(crate) fn known_as<'a>(&self, numbers: impl Iterator<Item = &'a str>) -> Vec<Vec<&Seen>> {
        let own = |at: &u32| self.seen.get(*at as usize).map_or("", |one| one.own.as_str());
        let mut found: Vec<Vec<&Seen>> = vec![Vec::new(); self.sources.len()];
        let mut first = 0;
        for number in numbers {
            // Each lies after the one before, mostly near.
            let rest = self.by_own.get(first..).unwrap_or_default();
            let mut near = 1;
            while rest.get(near).is_some_and(|at| own(at) < number) {
                near *= 2;
            }
            let (from, until) = (near / 2, rest.len().min(near + 1));
            let within = rest.get(from..until).unwrap_or_default();
            first += from + within.partition_point(|at| own(at) < number);
            for at in self.by_own.get(first..).unwrap_or_default().iter().take_while(|at| own(at) == number) {
                let source = self.source_of.get(*at as usize).and_then(|source| found.get_mut(*source as usize));
                if let (Some(source), Some(seen)) = (source, self.seen.get(*at as usize)) {
                    source.push(seen);
                }
            }
        }
        for patients in &mut found {
            patients.sort_unstable_by_key(|seen| seen.rank);
        }
        found
    }

    /// All patients of other facilities, by the place of their source, and by the source's number of them.
    pub(crate) fn by_source(&self) -> Vec<Vec<&Seen>> {
        let of = |(_, places): &(FacilityId, Vec<u32>)| {
            places.iter().filter_map(|at| self.seen.get(*at as usize)).collect::<Vec<&Seen>>()
        };
        self.sources.iter().map(of).collect()
    }

    /// The patients of a source, by the source's number of them.
    pub(crate) fn patients_of(&self, source: &FacilityId) -> impl Iterator<Item = &Seen> {
        let found = self.place_of(source).and_then(|place| self.sources.get(place));
        let places = found.map(|(_, places)| places.as_slice()).unwrap_or_default();
        places.iter().filter_map(|at| self.seen.get(*at as usize))
    }

    /// A patient by the book's number, if anything of them may be visible. Fast where nothing is.
    #[inline]
    pub(crate) fn patient(&self, ix: PatientIx) -> Option<&Seen> {
        let word = self.bits.get(ix.get() / 64)?;
        if word >> (ix.get() % 64) & 1 == 0 {
            return None;
        }
        let at = self.seen.binary_search_by_key(&ix, |one| one.ix).ok()?;
        self.seen.get(at)
    }

    /// Whether rows of this class are the viewing facility's own and visible to this principal.
    #[inline]
    pub(crate) fn own_class(&self, class: ClassIx) -> bool {
        self.own().is_some_and(|own| own.alternatives().any(|bounds| bounds.classes.contains(class)))
    }
}

/// Whether a row lies within the bounds.
#[inline]
pub(crate) fn admits(bounds: &Bounds<'_>, class: ClassIx, occurred: i64, recorded: i64) -> bool {
    bounds.classes.contains(class)
        && bounds.occurred_from <= occurred
        && occurred < bounds.occurred_until
        && (recorded <= bounds.recorded_until || is(Bug::HotHoldIgnored))
}
