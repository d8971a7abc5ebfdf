//! Bugs planted on purpose, so that the proof can be asked whether it would notice them.
//!
//! Compiled in only by the feature `planted`, which nothing but `tests/planted` turns on; without it every question here
//! is the constant `false`, and the compiler leaves nothing of it.

macro_rules! bugs {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// A bug that can be planted.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Bug { $($(#[$doc])* $name),+ }

        impl Bug {
            /// All of them.
            #[cfg(feature = "planted")]
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

bugs! {
    /// A withdrawal changes nothing.
    WithdrawalForgotten,
    /// A withdrawn consent may be stated again.
    WithdrawnReturns,
    /// A consent may move back.
    TransitionsIgnored,
    /// What a consent supersedes stands on.
    SupersessionForgotten,
    /// A restated consent touches only those it opens to now: who has lost it is not told.
    RestatementMissesRetraction,
    /// A withdrawal touches nobody.
    WithdrawalMissesRetraction,
    /// An unlink changes nothing.
    UnlinkForgotten,
    /// A new scope is not compiled for the classes that are known.
    ScopeNotRecompiled,
    /// A member who moves touches only where they went.
    MoveMissesRetraction,
    /// A facility that left still takes part.
    DepartureForgotten,
    /// A release touches nobody.
    ReleaseMissesSplice,
    /// A closed glass stays broken.
    GlassStaysBroken,
    /// An unjustified glass stays broken.
    ReviewForgotten,
    /// The end of an agreement changes nothing.
    AgreementGoesOn,
    /// A glass breaks though its id was closed before.
    BarredGlassBreaks,
    /// A consent holds at the first moment after its period.
    PeriodEndInclusive,
    /// A consent does not hold at the first moment of its period.
    PeriodBeginExclusive,
    /// A record at the first moment after the data period is opened.
    DataPeriodEndInclusive,
    /// The categories are not looked at.
    CategoriesIgnored,
    /// The departments are not looked at.
    DepartmentsIgnored,
    /// The labels are not looked at.
    LabelsIgnored,
    /// The purposes are not looked at.
    PurposesIgnored,
    /// A consent to a practitioner opens to colleagues.
    ColleaguesCovered,
    /// A consent by proxy needs no agreement.
    AgreementIgnored,
    /// An agreement for some members holds for all.
    AgreementForAll,
    /// An agreement holds at the first moment after its period.
    AgreementEndInclusive,
    /// Guardians' consents never stop.
    GuardiansGoOn,
    /// Exceptions are not looked at.
    ExceptionsIgnored,
    /// Of siblings that disagree, permit wins.
    PermitWins,
    /// An exception's own exceptions are not looked at.
    NestedIgnored,
    /// An exception outside its period counts.
    ExceptionPeriodIgnored,
    /// A deny that names a practitioner misses the machine of their facility.
    DenyMissesMachine,
    /// A deny for a department misses records without one.
    DenyMissesUnknownDepartment,
    /// A stretch of time between two cuts begins a microsecond late.
    CutOffByOne,
    /// A visibility takes the answer at the end of a stretch of time for its beginning.
    CutAnsweredAtItsEnd,
    /// The scope's labels are not looked at.
    ScopeLabelsIgnored,
    /// A record at the first moment of the scope is left out.
    SinceExclusive,
    /// A hold-back lasts a microsecond longer.
    HoldOffByOne,
    /// What is held until released is shown.
    HoldUntilReleaseIgnored,
    /// A record recorded at the last moment of a release stays held.
    ReleaseExclusive,
    /// A release of one category releases all.
    ReleaseOfEverything,
    /// A broken glass opens to everybody of the role at its facility.
    GlassForColleagues,
    /// A broken glass does not end by the clock.
    GlassNeverExpires,
    /// A glass needs no permission of the source.
    GlassNotPreauthorised,
    /// A broken glass opens for any purpose.
    GlassForAnyPurpose,
    /// A viewer need not know the patient.
    LinkIgnored,
    /// Undelivered records leave.
    UndeliveredLeaves,
    /// A source that left still discloses.
    InactiveSourceDiscloses,
    /// A visibility says it is current whatever was applied since.
    StaleVisibility,
    /// A visibility says it is current whatever the clock says.
    VisibilityOutlivesClock,
    /// A visibility that is refreshed keeps what it had of a patient.
    RefreshKeepsOldEntry,
    /// When periods begin and end is not remembered.
    BoundariesForgotten,
    /// The live feed shows what is held back.
    AudienceIgnoresHold,
    /// The live feed ignores exceptions.
    AudienceIgnoresExceptions,
    /// The live feed does not open for a broken glass.
    AudienceMissesGlass,
    /// A mask sets the bit beside the class.
    MaskShifted,
    /// Two sets of terms with one data period count as one.
    TermsConfused,
}

#[cfg(feature = "planted")]
mod switch {
    use super::Bug;
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Plants a bug in this thread, or none.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }
    pub(crate) fn is(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }
}
#[cfg(feature = "planted")]
pub(crate) use switch::is;
#[cfg(feature = "planted")]
pub use switch::plant;

/// Nothing is planted.
#[cfg(not(feature = "planted"))]
pub(crate) const fn is(_: Bug) -> bool {
    false
}
