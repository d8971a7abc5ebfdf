//! What people did at a bed: who knows of an alarm, what was written beside the traces.
//!
//! The ledger keeps it; the hall folds it and brings it here as [`Charts`]. It is shown with the bed, and to nobody to whom the bed
//! is not.

use super::alarm::Risen;
use super::stretch::Place;
use model::{ActId, BedAlarm, FacilityId, MemberId, Moment, OwnWords};
use std::fmt;
use std::sync::Arc;

/// Somebody knows of an alarm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// Of which facility they are: it holds for everybody there, and for nobody else.
    pub facility: FacilityId,
    /// Who.
    pub member: MemberId,
    /// Of which.
    pub alarm: BedAlarm,
    /// When they said so.
    pub at: Moment,
}

/// What somebody wrote beside a trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// Its id.
    pub id: ActId,
    /// The moment on the trace, by the source's clock.
    pub at: Moment,
    /// In their own words. Patient data.
    pub text: OwnWords,
    /// Of which facility they are.
    pub facility: FacilityId,
    /// Who.
    pub member: MemberId,
    /// When it was written.
    pub written: Moment,
    /// It was put right since it was first written.
    pub corrected: bool,
}

/// What people did at one bed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Chart {
    /// Who knows of which alarms, in the order in which they said so.
    pub known: Vec<Known>,
    /// What stands beside the traces, by the moment it is written at.
    pub notes: Vec<Note>,
}

impl Chart {
    /// Who of a facility first said that they know of an alarm, since it rose.
    pub fn knows(&self, facility: &FacilityId, risen: &Risen) -> Option<&Known> {
        let of_it =
            |known: &&Known| known.facility == *facility && known.alarm.covers(risen.alarm) && known.at >= risen.since;
        self.known.iter().find(of_it)
    }
}

/// Where it is kept what people did at beds.
pub trait Charts: Send + Sync + 'static {
    /// What people did at a bed. The same value comes again as long as nobody did anything.
    fn of(&self, place: &Place) -> Arc<Chart>;
}

/// Nobody ever did anything: for readers beside a node.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCharts;

impl Charts for NoCharts {
    fn of(&self, _: &Place) -> Arc<Chart> {
        Arc::default()
    }
}

impl fmt::Debug for dyn Charts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Charts")
    }
}
