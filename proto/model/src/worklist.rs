//! Worklists: which member of a cohort somebody calls, and what became of it.

use crate::label::closed_set;
use crate::{DefinitionName, PatientRef};

closed_set! {
    /// What is done with an entry of a worklist.
    WorklistAct, WorklistActs, u8, UnknownWorklistAct, "worklist act" {
        /// Somebody calls this person.
        Take = "take",
        /// They do not, after all.
        Release = "release",
        /// It is done.
        Done = "done",
    }
}

/// An entry of a facility's worklist: a person in a cohort.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WorklistEntry {
    /// The cohort.
    pub cohort: DefinitionName,
    /// The person, by the facility's own number.
    pub patient: PatientRef,
}
