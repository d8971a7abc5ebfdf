//! What one principal sees: the right to see, as a value.

mod build;
mod difference;
mod mask;

pub use difference::{Change, Difference};
pub use mask::ClassMask;

use crate::directory::Viewer;
use crate::planted::{Bug, is};
use crate::{FacilityIx, Facts, PatientIx};
use model::{FacilityId, Frontier, Moment, Principal};
use std::fmt;

/// What the conscience grants one principal at one moment, as the book stood then.
///
/// Nothing that stores or carries records shows one without it, and only [`crate::Book::visibility`] makes it:
///
/// ```
/// fn ask(book: &consent_filter::Book, viewer: &model::Principal, moment: model::Moment) -> consent_filter::Visibility {
///     book.visibility(viewer, moment)
/// }
/// ```
///
/// It has no constructor, no default and no public field, and cannot be changed to somebody else's:
///
/// ```compile_fail,E0451
/// fn forge(of: consent_filter::Visibility, viewer: model::Principal) -> consent_filter::Visibility {
///     consent_filter::Visibility { viewer, ..of }
/// }
/// ```
/// ```compile_fail,E0599
/// fn forge() -> consent_filter::Visibility {
///     consent_filter::Visibility::default()
/// }
/// ```
/// ```compile_fail,E0616
/// fn forge(mut of: consent_filter::Visibility, viewer: model::Principal) {
///     of.viewer = viewer;
/// }
/// ```
///
/// It stays what it is while the book moves on. [`Visibility::is_current`] says whether it is still what the book would
/// grant; [`Visibility::refresh`] follows an event at the cost of what the event touched.
#[derive(Clone)]
pub struct Visibility {
    viewer: Principal,
    moment: Moment,
    /// The next moment at which a period begins or ends.
    until: Option<Moment>,
    frontier: Frontier,
    generation: u64,
    /// How many classes the masks know.
    classes: usize,
    resolved: Option<Resolved>,
    /// INVARIANT: sorted by patient, each once; never the viewing facility's own.
    entries: Vec<Entry>,
    /// INVARIANT: sorted by facility; the patients of each are those of `entries`, sorted.
    sources: Vec<Source>,
    /// What entries are granted, each set once.
    sets: build::Sets,
}

/// The viewer, where it is one that sees anything at all.
#[derive(Clone)]
struct Resolved {
    viewer: Viewer,
    own: Alternative,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry {
    patient: PatientIx,
    own: PatientIx,
    source: FacilityIx,
    set: u32,
}

#[derive(Clone, PartialEq, Eq)]
struct Source {
    ix: FacilityIx,
    id: FacilityId,
    patients: Vec<PatientIx>,
}

/// One way in which a record may be permitted: the class is in the mask and both times lie within bounds.
/// Times are microseconds since the epoch, as in [`Moment::micros`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alternative {
    classes: ClassMask,
    occurred_from: i64,
    occurred_until: i64,
    /// How long after it was recorded; `i64::MIN` for not held back.
    hold: i64,
    /// The last `recorded` that the source has released; `i64::MAX` for not held until released.
    recorded_until: i64,
}

/// What one patient ref's records must meet: any of the alternatives.
#[derive(Clone, Copy, Debug)]
pub struct GrantView<'a> {
    alternatives: &'a [Alternative],
    moment: Moment,
}

/// An [`Alternative`] with its bounds worked out for the visibility's moment, to run over columns of rows.
///
/// A row passes when `classes.contains(class) && occurred_from <= occurred && occurred < occurred_until &&
/// recorded <= recorded_until`.
#[derive(Clone, Copy, Debug)]
pub struct Bounds<'a> {
    /// The classes permitted.
    pub classes: &'a ClassMask,
    /// The first `occurred` permitted, in microseconds.
    pub occurred_from: i64,
    /// The first `occurred` after those permitted; `i64::MAX` for no bound.
    pub occurred_until: i64,
    /// The last `recorded` permitted; `i64::MAX` for no bound.
    pub recorded_until: i64,
}

/// Which patients of a source are visible.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Patients<'a> {
    /// All: it is the viewing facility itself.
    Whole,
    /// These, sorted.
    Listed(&'a [PatientIx]),
}

// === impl Visibility ===

impl Visibility {
    /// For whom it is.
    pub fn viewer(&self) -> &Principal {
        &self.viewer
    }
    /// At which moment.
    pub fn moment(&self) -> Moment {
        self.moment
    }
    /// The first moment at which it may no longer hold though no event arrives; `None` when the clock alone changes
    /// nothing.
    pub fn holds_until(&self) -> Option<Moment> {
        self.until
    }
    /// How far in the log the book had come.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }
    /// Whether `book` would grant the same at `moment`. Cheap, and never wrongly true.
    pub fn is_current(&self, book: &crate::Book, moment: Moment) -> bool {
        (book.generation_for(&self.viewer.facility) <= self.generation || is(Bug::StaleVisibility))
            && self.moment <= moment
            && (self.until.is_none_or(|until| moment < until) || is(Bug::VisibilityOutlivesClock))
            && (self.moment == moment || !self.sets.any_hold())
    }
    /// Moves to a later moment before [`Visibility::holds_until`], so that hold-backs lapse. Otherwise changes nothing
    /// and says `false`: make a new one.
    pub fn advance_to(&mut self, moment: Moment) -> bool {
        let within = self.moment <= moment && self.until.is_none_or(|until| moment < until);
        if within {
            self.moment = moment;
        }
        within
    }

    /// Whether the record is visible: equal to [`crate::Book::decide`], for every record the book knew.
    pub fn permits(&self, facts: &Facts) -> bool {
        let Some(resolved) = &self.resolved else { return false };
        if resolved.own.classes.contains(facts.class) {
            return true;
        }
        self.grant(facts.patient).is_some_and(|grant| grant.admits(facts))
    }
    /// The sources of which something may be visible, the viewing facility itself first, the others by number.
    pub fn sources(&self) -> impl Iterator<Item = (&FacilityId, Patients<'_>)> {
        let own = self.resolved.iter().map(|_| (&self.viewer.facility, Patients::Whole));
        own.chain(self.sources.iter().map(|source| (&source.id, Patients::Listed(&source.patients))))
    }
    /// What another facility's patient ref's records must meet; `None` when nothing of it is visible.
    /// The viewing facility's own refs have no entry here: see [`Visibility::own`].
    pub fn grant(&self, patient: PatientIx) -> Option<GrantView<'_>> {
        let entry = self.entry(patient)?;
        Some(GrantView { alternatives: self.sets.get(entry.set)?, moment: self.moment })
    }
    /// What the viewing facility's own records must meet; `None` for a principal who sees nothing.
    pub fn own(&self) -> Option<GrantView<'_>> {
        let resolved = self.resolved.as_ref()?;
        Some(GrantView { alternatives: std::slice::from_ref(&resolved.own), moment: self.moment })
    }
    /// The viewing facility's own ref of the person, for another facility's patient ref that has a grant.
    /// Of an own record, the own ref is the record's patient itself.
    pub fn own_patient(&self, patient: PatientIx) -> Option<PatientIx> {
        self.entry(patient).map(|entry| entry.own)
    }
    /// How many patient refs of other facilities something is visible of.
    pub fn patient_count(&self) -> usize {
        self.entries.len()
    }
    fn entry(&self, patient: PatientIx) -> Option<&Entry> {
        let at = self.entries.binary_search_by_key(&patient, |entry| entry.patient).ok()?;
        self.entries.get(at)
    }
}

impl fmt::Debug for Visibility {
    /// Says whose it is and how large, and nothing about patients.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visibility")
            .field("facility", &self.viewer.facility)
            .field("moment", &self.moment)
            .field("sources", &self.sources.len())
            .field("patients", &self.entries.len())
            .finish_non_exhaustive()
    }
}

// === impl GrantView ===

impl<'a> GrantView<'a> {
    /// Whether the record meets one of the alternatives. Its patient is not looked at.
    pub fn admits(&self, facts: &Facts) -> bool {
        let (occurred, age) = (facts.occurred.micros(), self.moment.since(facts.recorded));
        self.alternatives.iter().any(|alternative| {
            alternative.classes.contains(facts.class)
                && alternative.occurred_from <= occurred
                && occurred < alternative.occurred_until
                && age >= alternative.hold
                && facts.recorded.micros() <= alternative.recorded_until
        })
    }
    /// The alternatives with their bounds, at least one.
    pub fn alternatives(&self) -> impl ExactSizeIterator<Item = Bounds<'a>> {
        let moment = self.moment.micros();
        self.alternatives.iter().map(move |alternative| Bounds {
            classes: &alternative.classes,
            occurred_from: alternative.occurred_from,
            occurred_until: alternative.occurred_until,
            recorded_until: if alternative.hold == i64::MIN {
                alternative.recorded_until
            } else {
                moment.saturating_sub(alternative.hold).min(alternative.recorded_until)
            },
        })
    }
}

// === impl Alternative ===

impl Alternative {
    fn everything(classes: ClassMask) -> Self {
        Self { classes, occurred_from: i64::MIN, occurred_until: i64::MAX, hold: i64::MIN, recorded_until: i64::MAX }
    }
}
