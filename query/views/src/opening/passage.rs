//! When everything that was open had passed one place in the log.

use super::Taking;
use super::now;
use model::Moment;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::watch;

/// The views that were open when an event was applied, on their way past it.
#[derive(Clone, Debug)]
pub struct Passage(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    bell: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    queries: Share,
    exports: Share,
}

/// What there is of one kind.
#[derive(Debug, Default)]
struct Share {
    open: bool,
    /// In doubt and not settled.
    waiting: usize,
    last: Option<Moment>,
}

/// When the last of those that were open had passed; `None` where none was open.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Passed {
    /// Queries.
    pub queries: Option<Moment>,
    /// Exports.
    pub exports: Option<Moment>,
}

impl Passage {
    /// Of what was open; `doubted` says which of them are in doubt.
    pub(super) fn of(open: impl Iterator<Item = (Taking, bool)>) -> Self {
        let (mut state, at) = (State::default(), now());
        for (taking, doubted) in open {
            let share = state.share(taking);
            share.open = true;
            share.waiting += usize::from(doubted);
            share.last = at;
        }
        Self(Arc::new(Inner { state: Mutex::new(state), bell: watch::Sender::new(()) }))
    }

    /// One of those in doubt has ended or goes on.
    pub(super) fn settle(&self, taking: Taking) {
        {
            let mut state = self.0.state.lock();
            let share = state.share(taking);
            share.waiting = share.waiting.saturating_sub(1);
            share.last = now();
        }
        self.0.bell.send_modify(|()| ());
    }

    /// Waits until all have passed.
    pub async fn passed(&self) -> Passed {
        let mut bell = self.0.bell.subscribe();
        loop {
            if let Some(passed) = self.0.state.lock().passed() {
                return passed;
            }
            // The sender lives in `self`, so that waiting cannot fail.
            let _ = bell.changed().await;
        }
    }
}

impl State {
    fn share(&mut self, taking: Taking) -> &mut Share {
        match taking {
            Taking::Query => &mut self.queries,
            Taking::Export => &mut self.exports,
        }
    }
    fn passed(&self) -> Option<Passed> {
        let when = |share: &Share| share.last.filter(|_| share.open);
        (self.queries.waiting == 0 && self.exports.waiting == 0)
            .then(|| Passed { queries: when(&self.queries), exports: when(&self.exports) })
    }
}
