//! Whether a view in doubt has lost a row: looked at beside the pipeline, row by row where it matters.

use super::{Opening, Passage, now};
use crate::StoreError;
use crate::scan::{facts_at, facts_of_patient};
use consent_filter::{Book, PatientIx};
use model::{Moment, Position};
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::Receiver;

/// What of a view is in doubt.
#[derive(Clone, Debug)]
pub(super) enum About {
    /// What it shows of these patients.
    Patients(Vec<PatientIx>),
    /// The version at this place, whose successor is not for this principal.
    Row(Position),
    /// Everything.
    Everything,
}

/// A view to be judged.
pub(super) struct Doubt {
    pub(super) opening: Arc<Opening>,
    pub(super) about: About,
    pub(super) passage: Passage,
}

/// Of more patients than this the rows are not looked at one by one: that their grants differ ends the view.
const MOST: usize = 1024;

pub(super) struct Judge {
    pub(super) book: Arc<RwLock<Book>>,
    /// The moment the pipeline last said.
    pub(super) moment: Arc<AtomicI64>,
}

impl Judge {
    /// Works until the openings are dropped.
    pub(super) fn run(self, doubts: &Receiver<Doubt>) {
        while let Ok(Doubt { opening, about, passage }) = doubts.recv() {
            if !opening.is_ended() {
                let lost = self.has_lost(&opening, &about).unwrap_or_else(|error| {
                    tracing::error!(%error, "a view in doubt could not be judged; it is ended");
                    true
                });
                opening.settle(lost);
            }
            passage.settle(opening.taking);
        }
    }

    fn has_lost(&self, opening: &Opening, about: &About) -> Result<bool, StoreError> {
        let old = &opening.sight.visibility;
        let moment = self.moment_for(opening);
        match about {
            About::Patients(patients) => self.has_lost_of(opening, patients, moment),
            About::Row(position) => {
                let facts = facts_at(&opening.snapshot, &self.book.read(), *position)?;
                Ok(facts.is_some_and(|facts| old.permits(&facts)))
            }
            About::Everything => {
                let new = self.book.read().visibility(old.viewer(), moment);
                if old.own().is_some() && new.own().is_none() {
                    return Ok(true);
                }
                let mut patients = old.differing(&new);
                patients.retain(|patient| old.grant(*patient).is_some());
                let lost = patients.len() > MOST || self.has_lost_of(opening, &patients, moment)?;
                if !lost {
                    opening.holds_until(new.holds_until());
                }
                Ok(lost)
            }
        }
    }

    /// Whether one of the view's rows of these patients is not permitted any more.
    fn has_lost_of(&self, opening: &Opening, patients: &[PatientIx], moment: Moment) -> Result<bool, StoreError> {
        let old = &opening.sight.visibility;
        let mut lost = false;
        for ix in patients {
            let Some(patient) = self.book.read().patient_ref(*ix).cloned() else { continue };
            facts_of_patient(&opening.snapshot, (*ix, &patient), |_, _, facts| {
                // The book is asked row by row, so that the pipeline never waits for long.
                lost = old.permits(&facts) && !self.book.read().decide(&facts, old.viewer(), moment).is_permit();
                !lost
            })?;
            if lost {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The pipeline's clock, where it has said the time since the view was opened.
    fn moment_for(&self, opening: &Opening) -> Moment {
        let told = Moment::from_micros(self.moment.load(Ordering::Acquire)).ok();
        let began = opening.sight.visibility.moment();
        told.filter(|told| *told > began).or_else(|| now().filter(|_| told.is_none())).unwrap_or(began).max(began)
    }
}
