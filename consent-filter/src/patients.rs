//! The patient refs the book knows, each with its person and its grants.

use crate::consents::Grant;
use crate::grants::{Grants, Run};
use crate::index::PersonIx;
use crate::intern::{HashIndex, quick_hash};
use crate::links::Member;
use crate::{FacilityIx, PatientIx};
use model::PatientRef;

/// What a decision needs of a patient ref, in 16 bytes.
#[derive(Clone, Copy, Debug)]
struct Patient {
    source: FacilityIx,
    person: PersonIx,
    /// Where its grants lie, and how many they are.
    grants: Run,
}

#[derive(Clone, Default, Debug)]
pub(crate) struct Patients {
    refs: Vec<PatientRef>,
    entries: Vec<Patient>,
    index: HashIndex,
    grants: Grants,
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
        self.entries.push(Patient { source, person: PersonIx::NOWHERE, grants: Run::default() });
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
    /// Reads the entry; see [`crate::Book::look_ahead`].
    pub(crate) fn touch(&self, ix: PatientIx) -> u32 {
        self.entries.get(ix.get()).map_or(0, |patient| patient.source.as_u32())
    }
    /// Reads the first cache lines of its grants; see [`crate::Book::look_ahead`].
    pub(crate) fn touch_grants(&self, ix: PatientIx) -> u32 {
        const IN_A_LINE: usize = 64 / size_of::<Grant>();
        self.grants(ix).iter().step_by(IN_A_LINE).take(4).fold(0, |sum, grant| sum ^ grant.terms.as_u32())
    }
    pub(crate) fn set_person(&mut self, ix: PatientIx, person: PersonIx) {
        if let Some(patient) = self.entries.get_mut(ix.get()) {
            patient.person = person;
        }
    }
    /// Its grants, in the order of their first statement.
    pub(crate) fn grants(&self, ix: PatientIx) -> &[Grant] {
        self.entries.get(ix.get()).map(|patient| self.grants.get(patient.grants)).unwrap_or_default()
    }
    pub(crate) fn grant_mut(&mut self, ix: PatientIx, place: usize) -> Option<&mut Grant> {
        let run = self.entries.get(ix.get())?.grants;
        self.grants.get_mut(run)?.get_mut(place)
    }
    /// Adds a grant; `false` when there is no room for another.
    pub(crate) fn add_grant(&mut self, ix: PatientIx, grant: Grant) -> bool {
        let Some(patient) = self.entries.get_mut(ix.get()) else { return false };
        match self.grants.add(patient.grants, grant) {
            Some(run) => {
                patient.grants = run;
                true
            }
            None => false,
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
    /// How many grants there are, and the bytes they lie in.
    pub(crate) fn grant_bytes(&self) -> (usize, usize) {
        (self.grants.count(), self.grants.bytes())
    }
}
