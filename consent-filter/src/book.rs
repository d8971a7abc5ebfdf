//! The book: everything that permits, compiled for both questions.

use crate::agreements::{Agreements, Kinships};
use crate::classes::Classes;
use crate::consents::{Consents, StatedConsent};
use crate::directory::Directory;
use crate::emergencies::{Emergencies, Glass, StatedGlass};
use crate::index::DepartmentIx;
use crate::links::Links;
use crate::patients::Patients;
use crate::{ClassIx, ConsentIx, FacilityIx, Facts, PatientIx, ScopeClass};
use model::{
    ConsentId, DisclosureScope, Facility, FacilityId, Frontier, LinkId, Member, MemberId, Moment, PatientRef, Record,
};

/// Directory, scopes, links and consents as the log has stated them so far, with the numbers of patients,
/// facilities and classes that rows carry.
///
/// A book is a function of the consent and directory events applied to it. It has one owner; readers are given
/// [`crate::Visibility`] values or a shared reference.
#[derive(Clone, Default)]
pub struct Book {
    pub(crate) directory: Directory,
    pub(crate) classes: Classes,
    pub(crate) patients: Patients,
    pub(crate) links: Links,
    pub(crate) consents: Consents,
    pub(crate) agreements: Agreements,
    pub(crate) emergencies: Emergencies,
    pub(crate) kinships: Kinships,
    pub(crate) frontier: Frontier,
    pub(crate) generation: u64,
    /// The generation of the last change that may concern every viewer.
    pub(crate) changed_for_all: u64,
}

// === impl Book ===

impl Book {
    /// A book that permits nothing.
    pub fn new() -> Self {
        Self::default()
    }

    // --- numbers ---

    /// The number of a patient ref, given now if it had none.
    pub fn patient(&mut self, patient: &PatientRef) -> PatientIx {
        if let Some(ix) = self.patients.find(patient) {
            return ix;
        }
        let source = self.directory.facility(patient.facility());
        let ix = self.patients.push(patient, source);
        if let Some(entry) = self.directory.entry_mut(source) {
            entry.own.insert(ix.as_u32());
        }
        ix
    }
    /// The number of a patient ref, if it has one.
    pub fn find_patient(&self, patient: &PatientRef) -> Option<PatientIx> {
        self.patients.find(patient)
    }
    /// The patient ref of a number.
    pub fn patient_ref(&self, patient: PatientIx) -> Option<&PatientRef> {
        self.patients.reference(patient)
    }
    /// The facility whose number the patient is.
    pub fn patient_source(&self, patient: PatientIx) -> Option<FacilityIx> {
        self.patients.source(patient)
    }
    /// How many patient refs have a number; the numbers are `0..patient_count()`.
    pub fn patient_count(&self) -> usize {
        self.patients.len()
    }
    /// The number of a scope class, given now if it had none.
    pub fn class(&mut self, class: &ScopeClass) -> ClassIx {
        if let Some(ix) = self.classes.find(class) {
            return ix;
        }
        let department = class.department.as_ref().map_or(DepartmentIx::NOWHERE, |code| self.consents.department(code));
        self.generation += 1;
        self.changed_for_all = self.generation;
        self.classes.push(class, department, &mut self.directory)
    }
    /// The number of a scope class, if it has one.
    pub fn find_class(&self, class: &ScopeClass) -> Option<ClassIx> {
        self.classes.find(class)
    }
    /// The scope class of a number.
    pub fn scope_class(&self, class: ClassIx) -> Option<&ScopeClass> {
        self.classes.scope_class(class)
    }
    /// How many classes have a number; the numbers are `0..class_count()`.
    pub fn class_count(&self) -> usize {
        self.classes.len()
    }
    /// What decisions ask of a record; numbers its patient and its class. Its labels are all of them, the added ones too
    /// (see [`crate::labels_of`]).
    pub fn facts(&mut self, record: &Record) -> Facts {
        let class = self.class(&ScopeClass::of(record));
        Facts { patient: self.patient(&record.patient), class, occurred: record.occurred, recorded: record.recorded }
    }
    /// The number of a facility that some event named, whether or not the directory has stated it.
    pub fn facility(&self, id: &FacilityId) -> Option<FacilityIx> {
        self.directory.find(id)
    }
    /// The id of a facility's number.
    pub fn facility_id(&self, facility: FacilityIx) -> Option<&FacilityId> {
        self.directory.entry(facility).map(|entry| &entry.id)
    }
    /// The id of a consent's number, as a permit carries it.
    pub fn consent_id(&self, consent: ConsentIx) -> Option<ConsentId> {
        self.consents.id(consent)
    }

    // --- what was stated ---

    /// The facilities of the directory, in the order of their first mention.
    pub fn facilities(&self) -> impl Iterator<Item = &Facility> {
        self.directory.entries().filter_map(|(_, entry)| entry.stated.as_ref())
    }
    /// A facility of the directory.
    pub fn stated_facility(&self, id: &FacilityId) -> Option<&Facility> {
        self.directory.find(id).and_then(|ix| self.directory.entry(ix)).and_then(|entry| entry.stated.as_ref())
    }
    /// The members of the directory, in the order of their first mention.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.directory.members()
    }
    /// A member of the directory.
    pub fn member(&self, id: &MemberId) -> Option<&Member> {
        self.directory.find_member(id)
    }
    /// A source's scope, if it has stated one.
    pub fn scope_of(&self, facility: &FacilityId) -> Option<&DisclosureScope> {
        self.directory.find(facility).and_then(|ix| self.directory.entry(ix)).and_then(|entry| entry.scope.as_ref())
    }
    /// A patient ref's consents, in the order of their first statement, the withdrawn ones too.
    pub fn consents_of(&self, patient: &PatientRef) -> Vec<StatedConsent> {
        let grants = self.patients.find(patient).map(|ix| self.patients.grants(ix)).unwrap_or_default();
        grants.iter().filter_map(|grant| self.consents.spell_out(grant, &self.directory)).collect()
    }
    /// The glasses broken over a patient ref, in the order of their first mention; permits name one by its place here.
    pub fn glasses_of(&self, patient: &PatientRef) -> Vec<StatedGlass> {
        let Some(ix) = self.patients.find(patient) else { return Vec::new() };
        self.emergencies.glasses(ix).iter().filter_map(|glass| self.spell_out(ix, glass)).collect()
    }
    /// The broken glasses that no review has judged yet, in no particular order: the review queue.
    pub fn unreviewed_glasses(&self) -> impl Iterator<Item = StatedGlass> {
        let waiting = self.emergencies.all().filter(|(_, glass)| glass.stated && glass.review.is_none());
        waiting.filter_map(|(patient, glass)| self.spell_out(patient, glass))
    }
    pub(crate) fn spell_out(&self, patient: PatientIx, glass: &Glass) -> Option<StatedGlass> {
        let side = |micros: i64| Moment::from_micros(micros).ok();
        Some(StatedGlass {
            id: glass.id.clone(),
            patient: self.patient_ref(patient)?.clone(),
            facility: self.facility_id(glass.facility)?.clone(),
            member: self.directory.member_id(glass.member),
            role: glass.role,
            from: side(glass.from),
            until: side(glass.until),
            closed: glass.closed,
            review: glass.review,
        })
    }
    /// The kinships that hold, with this ref as mother or newborn: id, mother, newborn. They open nothing.
    pub fn kin_of(&self, patient: &PatientRef) -> Vec<(LinkId, PatientRef, PatientRef)> {
        let Some(ix) = self.patients.find(patient) else { return Vec::new() };
        let of = self.kinships.all().filter(|kin| kin.holds && (kin.mother == ix || kin.newborn == ix));
        let spelled = of.filter_map(|kin| {
            Some((kin.id.clone(), self.patient_ref(kin.mother)?.clone(), self.patient_ref(kin.newborn)?.clone()))
        });
        let mut kin: Vec<_> = spelled.collect();
        kin.sort();
        kin
    }
    /// The links that hold: id and both ends.
    pub fn links(&self) -> impl Iterator<Item = (LinkId, &PatientRef, &PatientRef)> {
        self.links.confirmed().filter_map(|(id, a, b)| Some((id?, self.patient_ref(a)?, self.patient_ref(b)?)))
    }
    /// All refs of the person `patient` belongs to, itself among them, by facility; empty for a ref without links.
    pub fn person_of(&self, patient: PatientIx) -> impl Iterator<Item = PatientIx> {
        let members = self.patients.person(patient).map(|person| self.links.members(person)).unwrap_or_default();
        members.iter().map(|member| member.patient)
    }

    // --- where it stands ---

    /// How far in the log this book has come. It counts only the letters that were applied to it.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }
    /// Grows whenever a visibility made earlier could differ from one made now at the same moment.
    pub fn generation(&self) -> u64 {
        self.generation
    }
    /// The generation of the last change that may concern what this facility sees. A visibility made for it since then
    /// is not affected by what was applied to the book for others.
    pub fn generation_for(&self, viewer: &FacilityId) -> u64 {
        let changed = self.facility(viewer).and_then(|ix| self.directory.entry(ix)).map_or(0, |entry| entry.changed);
        changed.max(self.changed_for_all)
    }
    /// The next moment after `moment` at which a period (of a consent or a membership) may begin or end without an
    /// event. It may name a moment at which nothing changes; it never skips one. Hold-backs lapse record by record:
    /// see [`Book::release_after`].
    pub fn next_change_after(&self, moment: Moment) -> Option<Moment> {
        self.consents.boundary_after(moment.micros()).and_then(|micros| Moment::from_micros(micros).ok())
    }
    /// The next moment after `moment` at which a hold-back of this record's source lapses for this record.
    pub fn release_after(&self, facts: &Facts, moment: Moment) -> Option<Moment> {
        let class = self.classes.get(facts.class)?;
        let held = self.classes.rules(class).iter().filter(|rule| rule.hold != i64::MIN);
        let lapses = held.map(|rule| facts.recorded.micros().saturating_add(rule.hold));
        lapses.filter(|lapse| *lapse > moment.micros()).min().and_then(|micros| Moment::from_micros(micros).ok())
    }
}

impl std::fmt::Debug for Book {
    /// Says how far it has come and how large it is, and nothing about patients.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Book")
            .field("frontier", &self.frontier)
            .field("patients", &self.patients.len())
            .field("classes", &self.classes.len())
            .finish_non_exhaustive()
    }
}
