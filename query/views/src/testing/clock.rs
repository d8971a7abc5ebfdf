//! The clock of a test's own thread: subscriptions ask the time, and worlds have their own.

use model::Moment;
use std::cell::Cell;

thread_local! {
    static SAID: Cell<Option<Moment>> = const { Cell::new(None) };
}

/// From now on it is so late in this thread; the real time where nothing is said.
pub(crate) fn say(moment: Option<Moment>) {
    SAID.set(moment);
}
pub(crate) fn said() -> Option<Moment> {
    SAID.get()
}
