//! Bugs planted on purpose, so that the proof of the store, the scan and the feeds can be asked whether it would notice
//! them.
//!
//! Only the crate's own tests can plant one; elsewhere every question here is the constant `false`, and the compiler
//! leaves nothing of it. A bug is planted in a thread and in those it starts.

macro_rules! bugs {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// A bug that can be planted.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Bug { $($(#[$doc])* $name),+ }

        impl Bug {
            /// All of them.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

bugs! {
    /// Hot rows of a patient of whom anything is visible are shown whole.
    HotTierBypass,
    /// Hot rows that were superseded or deleted are shown.
    HotDeadShown,
    /// Rows in files that were superseded or deleted are shown.
    ColdDeadShown,
    /// Rows in files are not asked for their times.
    ColdBoundsIgnored,
    /// Hot rows are not asked whether they are still held back.
    HotHoldIgnored,
    /// A statement is answered by the visibility of the one before, whatever happened since.
    StaleSight,
    /// A feed is not told what a change of the book hides.
    MissedRetraction,
    /// A feed is not told what a change of the book opens.
    MissedSplice,
    /// A feed goes on with the visibility from before a change of the book.
    StaleVisibilityKept,
    /// An unlink is not told to the feeds.
    PartedNotTold,
    /// The clock changes nothing for feeds.
    TickForgotten,
    /// A feed is not told that a newer version is not for it.
    SupersededStays,
    /// A feed is not told that a record was taken back.
    DeletedStays,
    /// A feed takes a newer version for a new record.
    ChangeTakenForNew,
    /// A group does not learn a class that came after it.
    ClassNotLearnt,
    /// A listener is told nothing of the rows that were there before it.
    HistoryForgotten,
    /// A letter of the book is not kept for the next opening.
    LetterLost,
    /// Which rows are dead is forgotten when files are merged.
    MergedDeadLive,
    /// After an opening the classes of the files are numbered in another order.
    ClassesBoundBackwards,
}

#[cfg(test)]
pub(crate) use switch::{carry, is, plant};

/// Nothing is planted.
#[cfg(not(test))]
pub(crate) const fn is(_: Bug) -> bool {
    false
}
/// Nothing is planted.
#[cfg(not(test))]
pub(crate) const fn carry() -> impl FnOnce() + Send + 'static {
    || ()
}

#[cfg(test)]
mod switch {
    use super::Bug;
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Plants a bug in this thread, or none.
    pub(crate) fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }
    pub(crate) fn is(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }
    /// What is planted, for a thread that is about to begin: to be called there.
    pub(crate) fn carry() -> impl FnOnce() + Send + 'static {
        let planted = PLANTED.get();
        move || plant(planted)
    }
}
