//! Who left where they lay: what closes a bed that was opened by its device's messages.

use super::Kind;
use super::case::Case;
use super::device::place_of;
use model::{Moment, PatientRef};

/// A patient left the place where they lay.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Left {
    /// Who.
    pub patient: PatientRef,
    /// When, as the message says.
    pub at: Moment,
    /// Where they lie now, written as the session of a device's frames is; `None` where they were discharged.
    pub to: Option<String>,
}

/// What an event of a visit says of it: `A03` a discharge, `A02` a transfer to another place. A time that cannot be read is told with
/// the visit itself.
pub(super) fn left(case: &Case<'_>) -> Option<Left> {
    let Kind { family: super::Family::Visit, trigger, .. } = case.kind else { return None };
    let pv1 = case.section.pv1;
    let (at, to) = match trigger {
        3 => ([pv1.map(|pv1| pv1.field(45)), case.evn(6), case.evn(2)], None),
        2 => ([case.evn(6), case.evn(2), None], Some(place_of(case)?)),
        _ => return None,
    };
    let at = case.first_start(at).ok()?.unwrap_or(case.written);
    Some(Left { patient: case.patient.clone(), at, to })
}
