//! How releases, broken glasses, agreements and kinships change the book.

use super::{Outcome, Touched, TouchedViewers};
use crate::agreements::{Agreement, Restated};
use crate::emergencies::{Glass, Shattered};
use crate::planted::{Bug, is};
use crate::{Book, FacilityIx, PatientIx};
use model::{
    AgreementChange, AgreementEnd, BreakGlass, BreakGlassEnd, BreakGlassReview, KinshipChange, Release, ViewerAgreement,
};
use smallvec::SmallVec;

impl Book {
    pub(super) fn release(&mut self, release: &Release) -> (Outcome, Touched) {
        let patient = self.patient(&release.patient);
        if self.emergencies.release(patient, release) && !is(Bug::ReleaseMissesSplice) {
            (Outcome::Applied, Touched::Patient { patient, viewers: TouchedViewers::All })
        } else {
            (Outcome::Unchanged, Touched::Nothing)
        }
    }

    pub(super) fn break_glass(&mut self, glass: &BreakGlass) -> (Outcome, Touched) {
        let patient = self.patient(&glass.patient);
        let facility = self.directory.facility(&glass.facility);
        let broken = Glass::new(glass, facility, self.directory.member(&glass.member));
        let (from, until) = (broken.from, broken.until);
        let shattered = self.emergencies.shatter(patient, broken);
        if shattered == Shattered::Changed {
            self.consents.note_boundaries(from, until);
        }
        told(shattered, patient, facility)
    }
    pub(super) fn close_glass(&mut self, end: &BreakGlassEnd) -> (Outcome, Touched) {
        let patient = self.patient(&end.patient);
        let facility = self.directory.facility(&end.facility);
        told(self.emergencies.close(patient, facility, &end.id), patient, facility)
    }
    pub(super) fn review_glass(&mut self, review: &BreakGlassReview) -> (Outcome, Touched) {
        let patient = self.patient(&review.patient);
        let facility = self.directory.facility(&review.facility);
        told(self.emergencies.review(patient, facility, (&review.id, review.outcome)), patient, facility)
    }

    pub(super) fn agree(&mut self, change: &AgreementChange) -> (Outcome, Touched) {
        let facility = self.directory.facility(change.facility());
        let restated = match change {
            AgreementChange::Stated(ViewerAgreement { id, source, members, period, .. }) => {
                let mut members: Vec<_> = members.iter().map(|member| self.directory.member(member)).collect();
                members.sort_unstable();
                members.dedup();
                let (from, until) = crate::consents::sides(period);
                self.consents.note_boundaries(from, until);
                let (id, source) = (id.clone(), self.directory.facility(source));
                let members = members.into_boxed_slice();
                self.agreements.state(facility, Agreement { id, source, members, from, until, ended: false })
            }
            AgreementChange::Ended(AgreementEnd { id, .. }) => self.agreements.end(facility, id),
        };
        match restated {
            Restated::Changed => (Outcome::Applied, Touched::Viewers(SmallVec::from_slice(&[facility]))),
            Restated::Unchanged => (Outcome::Unchanged, Touched::Nothing),
            Restated::Final => (Outcome::AgreementIsEnded, Touched::Nothing),
            Restated::Unknown => (Outcome::UnknownAgreement, Touched::Nothing),
        }
    }

    /// A kinship opens nothing, so that it touches nobody.
    pub(super) fn relate(&mut self, change: &KinshipChange) -> (Outcome, Touched) {
        let restated = match change {
            KinshipChange::Stated(kinship) => {
                let (mother, newborn) = (self.patient(kinship.mother()), self.patient(kinship.newborn()));
                self.kinships.state(mother, &kinship.id, (newborn, kinship.fetus))
            }
            KinshipChange::Ended(end) => {
                let mother = self.patient(&end.mother);
                self.kinships.end(mother, &end.id)
            }
        };
        let outcome = match restated {
            Restated::Changed => Outcome::Applied,
            Restated::Unchanged => Outcome::Unchanged,
            Restated::Final => Outcome::KinshipIsEnded,
            Restated::Unknown => Outcome::UnknownKinship,
        };
        (outcome, Touched::Nothing)
    }
}

fn told(shattered: Shattered, patient: PatientIx, facility: FacilityIx) -> (Outcome, Touched) {
    let outcome = match shattered {
        Shattered::Changed => {
            let viewers = TouchedViewers::Facilities(SmallVec::from_slice(&[facility]));
            return (Outcome::Applied, Touched::Patient { patient, viewers });
        }
        Shattered::Noted => Outcome::Applied,
        Shattered::Unchanged => Outcome::Unchanged,
        Shattered::Taken => Outcome::FirstStatementStands,
        Shattered::Final => Outcome::GlassIsClosed,
        Shattered::Unknown => Outcome::UnknownGlass,
    };
    (outcome, Touched::Nothing)
}
