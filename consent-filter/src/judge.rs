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
        let consent = self.consent_gate(facts, class, &viewer, moment)?;
        let rule = scope_gate(facts, class, &viewer, moment)?;
        let own_patient = self.own_ref(facts.patient, &viewer).ok_or(Reason::NotLinked)?;
        Ok(Permit::Shared { consent, rule, own_patient })
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

    /// The viewing facility's own ref of the patient's person.
    pub(crate) fn own_ref(&self, patient: PatientIx, viewer: &Viewer) -> Option<PatientIx> {
        self.patients.person(patient).and_then(|person| self.links.member_at(person, viewer.facility))
    }
}

fn scope_gate(facts: &Facts, class: &Class, viewer: &Viewer, moment: Moment) -> Result<u16, Reason> {
    let age = moment.since(facts.recorded);
    let mut furthest = if class.has_scope { Reason::OutOfScope } else { Reason::NoScope };
    for rule in &class.rules {
        match rule.admit(viewer, facts.occurred.micros(), age) {
            Ok(()) => return Ok(rule.rule),
            Err(reason) => furthest = furthest.max(reason),
        }
    }
    Err(furthest)
}
