//! May this principal see this record, and why, or why not.

use crate::classes::{Class, Times};
use crate::consents::{Grant, Terms};
use crate::decision::{Decision, Permit, Reason};
use crate::directory::Viewer;
use crate::exceptions::{self, Question};
use crate::planted::{Bug, is};
use crate::{Book, ConsentIx, FacilityIx, Facts, PatientIx};
use model::{Moment, Principal, Purpose, Role};

impl Book {
    /// Decides about one record: the reference for every other answer of this book.
    ///
    /// | gate | opens when |
    /// | --- | --- |
    /// | viewer | the facility is in the directory and active; a named person is a member of it now, in that role; the role sees clinical data |
    /// | own | the record's source is the viewing facility: permitted, whatever the gates below say |
    /// | source | the source is in the directory and active |
    /// | tag | the record is not `UNDELIVERED` |
    /// | consent | one consent of the patient ref covers this viewer (who has agreed, if it was taken by proxy), is active, in its period and not a guardian's past majority, covers purpose, data period, category, department and labels, and no exception of it denies the record |
    /// | glass | instead of a consent, for purpose `BTG`: this member has broken the glass over the patient, in this role, it is not over, and the source lets the role break it |
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
        if !self.directory.standing(class.source).active && !is(Bug::InactiveSourceDiscloses) {
            return Err(Reason::SourceInactive);
        }
        if class.undelivered && !is(Bug::UndeliveredLeaves) {
            return Err(Reason::Undelivered);
        }
        // Asked before the gates, though it is the last of them: it and the grants lie far apart in memory, and this way
        // they are fetched side by side.
        let own_patient = self.own_ref(facts.patient, &viewer);
        match self.consent_gate(facts, class, &viewer, moment) {
            Ok(consent) => {
                let rule = self.scope_gate(facts, class, &viewer, moment)?;
                Ok(Permit::Shared { consent, rule, own_patient: own_patient.ok_or(Reason::NotLinked)? })
            }
            Err(unconsented) => {
                let glass = self.glass_gate(facts.patient, class.source, &viewer, moment);
                let glass = glass.map_err(|reason| reason.map_or(unconsented, |reason| reason.max(unconsented)))?;
                let rule = self.scope_gate(facts, class, &viewer, moment)?;
                Ok(Permit::BrokenGlass { glass, rule, own_patient: own_patient.ok_or(Reason::NotLinked)? })
            }
        }
    }

    fn consent_gate(&self, facts: &Facts, class: &Class, viewer: &Viewer, moment: Moment) -> Result<ConsentIx, Reason> {
        let mut furthest = Reason::NoConsent;
        for grant in self.patients.grants(facts.patient) {
            let passed = self.consent_verdict(grant, (facts, class), viewer, moment);
            match passed {
                Ok(()) => return Ok(grant.id),
                Err(reason) => furthest = furthest.max(reason),
            }
        }
        Err(furthest)
    }

    /// Whether this consent opens the record, or the gate at which it does not.
    #[inline]
    pub(crate) fn consent_verdict(
        &self,
        grant: &Grant,
        (facts, class): (&Facts, &Class),
        viewer: &Viewer,
        moment: Moment,
    ) -> Result<(), Reason> {
        let terms = self.open_to(grant, class.source, viewer, moment)?;
        terms.admit(class, facts.occurred.micros())?;
        // Most consents have none, and then nothing more is asked.
        if terms.exceptions == exceptions::NONE
            || self.consents.trees.leave_open(
                terms.exceptions,
                &self.question(class, viewer, moment),
                facts.occurred.micros(),
            )
        {
            Ok(())
        } else {
            Err(Reason::DeniedByException)
        }
    }

    /// The terms of a grant that is in force for this viewer, whatever the record; or the gate at which it is not.
    #[inline]
    pub(crate) fn open_to(
        &self,
        grant: &Grant,
        source: FacilityIx,
        viewer: &Viewer,
        moment: Moment,
    ) -> Result<&Terms, Reason> {
        self.consents.covers(grant, viewer, &self.directory)?;
        let terms = self.consents.terms(grant.terms).ok_or(Reason::NoConsent)?;
        if terms.proxy && !is(Bug::AgreementIgnored) && !self.agreements.agree(viewer, source, moment.micros()) {
            return Err(Reason::NoViewerAgreement);
        }
        grant.in_force(moment.micros())?;
        if terms.of_age <= moment.micros() && self.directory.standing(source).guardians_stop && !is(Bug::GuardiansGoOn)
        {
            return Err(Reason::GuardianConsentEnded);
        }
        terms.purpose(viewer.purpose)?;
        Ok(terms)
    }

    pub(crate) fn question<'a>(&'a self, class: &'a Class, viewer: &'a Viewer, moment: Moment) -> Question<'a> {
        Question { viewer, directory: &self.directory, class, moment: moment.micros() }
    }

    /// The place of the viewer's glass that is broken now; or the gate at which none is, where they have broken one.
    pub(crate) fn glass_gate(
        &self,
        patient: PatientIx,
        source: FacilityIx,
        viewer: &Viewer,
        moment: Moment,
    ) -> Result<u32, Option<Reason>> {
        if viewer.purpose != Purpose::BreakGlass && !is(Bug::GlassForAnyPurpose) {
            return Err(None);
        }
        let mut furthest = None;
        for (at, glass) in (0..).zip(self.emergencies.glasses(patient)) {
            if !glass.is_of(viewer) {
                continue;
            }
            let allowed = self.directory.may_break_glass(source, viewer.kind, glass.role);
            match glass.in_force(moment.micros()) {
                Ok(()) if allowed => return Ok(at),
                Ok(()) => furthest = furthest.max(Some(Reason::NotPreauthorisedForBreakGlass)),
                Err(reason) => furthest = furthest.max(Some(reason)),
            }
        }
        Err(furthest)
    }

    /// What rules ask of a record beside its class.
    #[inline]
    pub(crate) fn times(&self, facts: &Facts, class: &Class, moment: Moment) -> Times {
        let released = self.emergencies.released(facts.patient, class.category);
        Times {
            occurred: facts.occurred.micros(),
            age: moment.since(facts.recorded),
            released: released.is_some_and(|until| {
                let recorded = facts.recorded.micros();
                recorded < until || recorded == until && !is(Bug::ReleaseExclusive)
            }),
        }
    }

    fn scope_gate(&self, facts: &Facts, class: &Class, viewer: &Viewer, moment: Moment) -> Result<u16, Reason> {
        let ruling = self.classes.ruling(class).filter(|ruling| ruling.has_scope).ok_or(Reason::NoScope)?;
        let times = self.times(facts, class, moment);
        let mut furthest = Reason::OutOfScope;
        for rule in &ruling.rules {
            match rule.admit(viewer, &times) {
                Ok(()) => return Ok(rule.rule),
                Err(reason) => furthest = furthest.max(reason),
            }
        }
        Err(furthest)
    }

    /// The viewing facility's own ref of the patient's person.
    pub(crate) fn own_ref(&self, patient: PatientIx, viewer: &Viewer) -> Option<PatientIx> {
        let person = self.patients.person(patient);
        let own = person.and_then(|person| self.links.member_at(person, viewer.facility));
        own.or(is(Bug::LinkIgnored).then_some(patient))
    }
}
