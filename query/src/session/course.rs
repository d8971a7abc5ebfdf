//! Whether a statement may go on showing rows, between its task and whoever takes them.
//!
//! Rows wait between the two, and a permission may end while they do. So each batch is asked for once more when it is
//! taken: it is given only while the view it is of holds. A view that ended before the first batch was given is looked at
//! anew, and nobody notices; after it, the statement ends.

use crate::QueryError;
use futures::Stream;
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use views::Opening;

/// One statement's way from its first view to its last row.
#[derive(Debug, Default)]
pub(crate) struct Course(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How often it began anew.
    attempt: u32,
    /// A batch was given.
    given: bool,
    opening: Option<Arc<Opening>>,
}

/// What becomes of a batch that is to be given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Giving {
    /// It is given.
    Given,
    /// It is of a view that has ended; others come.
    Stale,
    /// The statement is at its end.
    Over,
}

impl Course {
    /// Begins with a view; gives the number of the attempt.
    pub(super) fn begin(&self, opening: Option<Arc<Opening>>) -> u32 {
        let mut state = self.0.lock();
        state.opening = opening;
        state.attempt
    }
    /// Whether the statement may begin anew: nothing of it was given. Batches of before are stale from now on.
    pub(super) fn may_begin_again(&self) -> bool {
        let mut state = self.0.lock();
        if !state.given {
            state.attempt += 1;
        }
        !state.given
    }
    /// Asks for a batch of an attempt; pending while its view is in doubt.
    pub(super) fn give(&self, attempt: u32, context: &mut Context<'_>) -> Poll<Giving> {
        let mut state = self.0.lock();
        if attempt != state.attempt {
            return Poll::Ready(Giving::Stale);
        }
        let holds = state.opening.as_ref().map_or(Poll::Ready(true), |opening| opening.poll_holds(context));
        holds.map(|holds| match (holds, state.given) {
            (true, _) => {
                state.given = true;
                Giving::Given
            }
            (false, false) => Giving::Stale,
            (false, true) => Giving::Over,
        })
    }
    /// Whether no attempt was made after this one.
    pub(super) fn is_last(&self, attempt: u32) -> bool {
        self.0.lock().attempt == attempt
    }
    /// All was given: nothing can be taken back any more.
    pub(super) fn end(&self) {
        self.0.lock().opening = None;
    }

    /// Whether parts of what was given may still leave: pending while that is in doubt, `false` once it is taken back.
    fn poll_shown(&self, context: &mut Context<'_>) -> Poll<bool> {
        let (opening, given) = {
            let state = self.0.lock();
            (state.opening.clone(), state.given)
        };
        match opening {
            // Before the first batch there is nothing to take back, and a view that ended is looked at anew.
            Some(opening) if given => opening.poll_holds(context),
            _ => Poll::Ready(true),
        }
    }
}

/// What is made of batches (rows, parts of a message), as long as the batch it is made of may be shown: a batch takes
/// longer to leave than a permission to end.
pub(crate) fn shown<S, E>(made: S, course: Arc<Course>, refuse: fn(QueryError) -> E) -> Shown<S, E> {
    Shown { made, course, refuse, over: false }
}

/// See [`shown`].
#[derive(Debug)]
pub(crate) struct Shown<S, E> {
    made: S,
    course: Arc<Course>,
    refuse: fn(QueryError) -> E,
    over: bool,
}

impl<T, E, S: Stream<Item = Result<T, E>> + Unpin> Stream for Shown<S, E> {
    type Item = Result<T, E>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        if std::task::ready!(self.course.poll_shown(context)) {
            return Pin::new(&mut self.made).poll_next(context);
        }
        self.over = true;
        Poll::Ready(Some(Err((self.refuse)(QueryError::PermissionsChanged))))
    }
}
