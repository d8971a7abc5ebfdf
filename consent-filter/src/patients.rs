//! The patient refs the book knows, each with its person and its grants.

use crate::consents::Grant;
use crate::index::PersonIx;
use crate::intern::{HashIndex, quick_hash};
use crate::links::Member;
use crate::{FacilityIx, PatientIx};
use model::PatientRef;

/// What a decision needs of a patient ref.
#[derive(Clone, Debug)]
struct Patient {
    source: FacilityIx,
    person: PersonIx,
    /// In the order of their first statement. A slice of exact size: most patients hold a handful, and spare
    /// capacity would be a good part of a grant's bytes.
    grants: Box<[Grant]>,
}

#[derive(Clone, Default, Debug)]
pub(crate) struct Patients {
    refs: Vec<PatientRef>,
    entries: Vec<Patient>,
    index: HashIndex,
}

// === impl Patients ===

impl Patients {
    pub(crate) fn find(&self, patient: &PatientRef) -> Option<PatientIx> {
        let is = |at: u32| self.refs.get(at as usize) == Some(patient);
        self.index.find(quick_hash(patient), is).map(PatientIx::from_u32)
    }
    /// Adds a ref that is not known yet.
    pub(crate) fn push(&mut self, patient: &PatientRef, source: FacilityIx) -> PatientIx {
        let Some(number) = self.index.push(quick_hash(patient)) else { return PatientIx::NOWHERE };
        self.refs.push(patient.clone());
        self.entries.push(Patient { source, person: PersonIx::NOWHERE, grants: Box::default() });
        PatientIx::from_u32(number)
    }
    pub(crate) fn reference(&self, ix: PatientIx) -> Option<&PatientRef> {
        self.refs.get(ix.get())
    }
    pub(crate) fn source(&self, ix: PatientIx) -> Option<FacilityIx> {
        self.entries.get(ix.get()).map(|patient| patient.source)
    }
    /// The person this ref is linked into; `None` when it has no links.
    pub(crate) fn person(&self, ix: PatientIx) -> Option<PersonIx> {
        self.entries.get(ix.get()).map(|patient| patient.person).filter(|person| *person != PersonIx::NOWHERE)
    }
    pub(crate) fn set_person(&mut self, ix: PatientIx, person: PersonIx) {
        if let Some(patient) = self.entries.get_mut(ix.get()) {
            patient.person = person;
        }
    }
    pub(crate) fn grants(&self, ix: PatientIx) -> &[Grant] {
        self.entries.get(ix.get()).map(|patient| patient.grants.as_ref()).unwrap_or_default()
    }
    pub(crate) fn grant_mut(&mut self, ix: PatientIx, place: usize) -> Option<&mut Grant> {
        self.entries.get_mut(ix.get())?.grants.get_mut(place)
    }
    pub(crate) fn add_grant(&mut self, ix: PatientIx, grant: Grant) {
        if let Some(patient) = self.entries.get_mut(ix.get()) {
            let mut grants = Vec::with_capacity(patient.grants.len() + 1);
            grants.extend_from_slice(&patient.grants);
            grants.push(grant);
            patient.grants = grants.into_boxed_slice();
        }
    }
    /// Sorts by facility, then by the facility's own number.
    pub(crate) fn sort_members(&self, members: &mut [Member]) {
        let number = |member: &Member| self.reference(member.patient).map(PatientRef::number);
        members.sort_by(|a, b| a.facility.cmp(&b.facility).then_with(|| number(a).cmp(&number(b))));
    }
    pub(crate) fn iter(&self) -> impl Iterator<Item = (PatientIx, &PatientRef)> {
        self.refs.iter().enumerate().map(|(at, patient)| (PatientIx::at(at), patient))
    }
    pub(crate) fn len(&self) -> usize {
        self.refs.len()
    }
    /// Bytes of the refs, without their grants. A number of up to 24 bytes lies inside its ref.
    pub(crate) fn bytes(&self) -> usize {
        self.refs.capacity() * size_of::<PatientRef>()
            + self.entries.capacity() * size_of::<Patient>()
            + self.index.bytes()
    }
    /// How many grants there are, and the bytes of their slices.
    pub(crate) fn grant_bytes(&self) -> (usize, usize) {
        // Each slice of its own also costs the allocator's header and rounding: 16 bytes as a rule.
        const ALLOCATION: usize = 16;
        let slices = self.entries.iter().map(|patient| patient.grants.len()).filter(|grants| *grants > 0);
        slices.fold((0, 0), |(grants, bytes), len| (grants + len, bytes + len * size_of::<Grant>() + ALLOCATION))
    }
}
