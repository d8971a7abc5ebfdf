//! May this principal see this record, and why, or why not.

use crate::classes::Class;
use crate::decision::{Decision, Permit, Reason};
use crate::directory::Viewer;
use crate::{Book, ConsentIx, Facts, PatientIx};
use model::{Moment, Principal, Role};

impl Book {
    /// Decides about one record: the reference for every other answer of this book.
    ///
    /// | gate | opens when |
    /// | --- | --- |
    /// | viewer | the facility is in the directory and active; a named person is a member of it now, in that role; the role sees clinical data |
    /// | own | the record's source is the viewing facility: permitted, whatever the gates below say |
    /// | source | the source is in the directory and active |
    /// | tag | the record is not `UNDELIVERED` |
    /// | consent | one consent of the patient ref covers this viewer, is active, in its period, and covers purpose, data period, category, department and labels |
    /// | scope | one rule of the source covers category, department, author, kind of viewer, role and labels, has begun, and holds the record back no longer |
    /// | link | links join the patient ref to a ref of the viewing facility |
    pub fn decide(&self, facts: &Facts, viewer: &Principal, moment: Moment) -> Decision {
        match self.judge(facts, viewer, moment) {
            Ok(permit) => Decision::Permit(permit),
            Err(reason) => Decision::Withhold(reason),
        }
    }

    /// Fetches from memory what decisions and audiences about these records will read.
    ///
    /// With 150,000 patients a decision spends nine tenths of its time waiting for memory. Called for a batch of
    /// some hundred records before they are decided one by one, this waits for all of them at once. It changes no answer.
    pub fn look_ahead(&self, batch: &[Facts]) {
        let touched = batch
            .iter()
            .fold(0_u32, |sum, facts| sum ^ self.patients.touch(facts.patient) ^ self.classes.touch(facts.class));
        let of_grants = batch.iter().fold(0_u32, |sum, facts| sum ^ self.patients.touch_grants(facts.patient));
        let of_links =
            batch.iter().fold(0_u32, |sum, facts| sum ^ self.links.touch(self.patients.person(facts.patient)));
        // Without a use the reads would be left out.
        std::hint::black_box(touched ^ of_grants ^ of_links);
    }

    fn judge(&self, facts: &Facts, principal: &Principal, moment: Moment) -> Result<Permit, Reason> {
        let class = self.classes.get(facts.class).ok_or(Reason::UnknownRecord)?;
        let viewer = match self.directory.viewer(principal, moment) {
            Err(Reason::RoleNotClinical) if principal.role == Role::Patient && class.uninformed => {
                return Err(Reason::Uninformed);
            }
            viewer => viewer?,
        };
        if class.source == viewer.facility {
            return Ok(Permit::Own);
        }
        if self.patients.source(facts.patient) != Some(class.source) {
            return Err(Reason::UnknownRecord);
        }
        if !self.directory.standing(class.source).active {
            return Err(Reason::SourceInactive);
        }
        if class.undelivered {
            return Err(Reason::Undelivered);
        }
        // Asked before the gates, though it is the last of them: it and the grants lie far apart in memory, and this way
        // they are fetched side by side.
        let own_patient = self.own_ref(facts.patient, &viewer);
        let consent = self.consent_gate(facts, class, &viewer, moment)?;
        let rule = self.scope_gate(facts, class, &viewer, moment)?;
        Ok(Permit::Shared { consent, rule, own_patient: own_patient.ok_or(Reason::NotLinked)? })
    }

    fn consent_gate(&self, facts: &Facts, class: &Class, viewer: &Viewer, moment: Moment) -> Result<ConsentIx, Reason> {
        let mut furthest = Reason::NoConsent;
        for grant in self.patients.grants(facts.patient) {
            let passed = self.consents.covers(grant, viewer, &self.directory).and_then(|()| {
                grant.in_force(moment.micros())?;
                let terms = self.consents.terms(grant.terms).ok_or(Reason::NoConsent)?;
                terms.purpose(viewer.purpose)?;
                terms.admit(class, facts.occurred.micros())
            });
            match passed {
                Ok(()) => return Ok(grant.id),
                Err(reason) => furthest = furthest.max(reason),
            }
        }
        Err(furthest)
    }

    fn scope_gate(&self, facts: &Facts, class: &Class, viewer: &Viewer, moment: Moment) -> Result<u16, Reason> {
        let ruling = self.classes.ruling(class).filter(|ruling| ruling.has_scope).ok_or(Reason::NoScope)?;
        let age = moment.since(facts.recorded);
        let mut furthest = Reason::OutOfScope;
        for rule in &ruling.rules {
            match rule.admit(viewer, facts.occurred.micros(), age) {
                Ok(()) => return Ok(rule.rule),
                Err(reason) => furthest = furthest.max(reason),
            }
        }
        Err(furthest)
    }

    /// The viewing facility's own ref of the patient's person.
    pub(crate) fn own_ref(&self, patient: PatientIx, viewer: &Viewer) -> Option<PatientIx> {
        self.patients.person(patient).and_then(|person| self.links.member_at(person, viewer.facility))
    }
}
