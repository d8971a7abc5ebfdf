//! Cohorts, live: who belongs to which, for each principal that asks, kept up by the persons that something happened to.
//!
//! A [`Keeper`] keeps the rolls of one principal. It reads persons through that principal's view and nothing else: all of them
//! once, then those whom the feeds say were touched and those whom the clock makes due. What it knows is in memory alone, because
//! membership, since when and by what are functions of the view and the moment: after a restart it is worked out again.

mod definitions;
mod events;
mod keeper;
mod permissions;
mod run;

pub use events::{Event, Since};
pub use keeper::{Came, Closed, Keeper, Look};
pub use run::{Difference, Found, RunError, Side};

use crate::pipeline::{Clock, Rooms};
use clinical::diabetes::cohort::Cohort;
use model::Principal;
use parking_lot::Mutex;
use query::NamedCohort;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use views::Views;

/// Keepers of all principals that asked, on threads of their own.
pub struct Cohorts {
    rooms: Rooms,
    views: Arc<Views>,
    clock: Clock,
    keepers: Mutex<HashMap<Key, Kept>>,
    threads: Option<Runtime>,
    /// Runs over whole views, few at a time.
    runs: Semaphore,
    stop: CancellationToken,
}

/// Whose rolls, and of what.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    principal: Principal,
    /// A definition that came as a file, by its text; `None` for the facility's own and the shipped ones.
    file: Option<String>,
}

struct Kept {
    keeper: Arc<Keeper>,
    asked: Instant,
}

/// A keeper that nobody has asked for so long, and nobody watches, is let go.
const DESERTED: Duration = Duration::from_secs(600);
/// At most so many principals' rolls are kept.
const MOST: usize = 256;
/// So many whole views are read at the same time.
const RUNS: usize = 2;

/// Too many principals are followed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the node follows the cohorts of {MOST} principals already; ask again when some have gone")]
pub struct TooMany;

impl Cohorts {
    /// Over the rooms and the views of a node.
    ///
    /// # Errors
    /// When the operating system gives no threads.
    pub fn new(rooms: Rooms, views: Arc<Views>, clock: Clock, stop: CancellationToken) -> std::io::Result<Arc<Self>> {
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).div_ceil(2);
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("cohorts")
            .thread_stack_size(16 * 1024 * 1024)
            .enable_all()
            .build()?;
        let (keepers, runs) = (Mutex::default(), Semaphore::new(RUNS));
        Ok(Arc::new(Self { rooms, views, clock, keepers, threads: Some(threads), runs, stop }))
    }

    /// The keeper of a principal's cohorts: of those that its facility has by name, or of one that came as a file.
    ///
    /// # Errors
    /// When there are too many.
    pub fn keeper(&self, principal: &Principal, file: Option<(&str, &Cohort)>) -> Result<Arc<Keeper>, TooMany> {
        let key = Key { principal: principal.clone(), file: file.map(|(text, _)| text.to_owned()) };
        let mut keepers = self.keepers.lock();
        keepers.retain(|_, kept| {
            let serves =
                kept.keeper.closed().is_none() && (kept.keeper.is_watched() || kept.asked.elapsed() < DESERTED);
            if !serves {
                kept.keeper.let_go();
            }
            serves
        });
        if let Some(kept) = keepers.get_mut(&key) {
            kept.asked = Instant::now();
            return Ok(Arc::clone(&kept.keeper));
        }
        if keepers.len() >= MOST {
            return Err(TooMany);
        }
        let only = file.map(|(_, cohort)| cohort.clone());
        let stop = self.stop.child_token();
        let keeper = Keeper::new(principal.clone(), only, stop);
        if let Some(threads) = &self.threads {
            let worker =
                keeper::Worker::new(&keeper, self.rooms.clone(), Arc::clone(&self.views), Arc::clone(&self.clock));
            threads.spawn(worker.run());
        }
        keepers.insert(key, Kept { keeper: Arc::clone(&keeper), asked: Instant::now() });
        Ok(keeper)
    }

    /// What a facility has defined, and what is shipped.
    pub fn named(&self, principal: &Principal) -> Vec<NamedCohort> {
        self.rooms.register.definitions().cohorts(&principal.facility)
    }
}

impl Drop for Cohorts {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            // a runtime may not be waited for inside another one's task
            threads.shutdown_background();
        }
    }
}

impl fmt::Debug for Cohorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cohorts").field("keepers", &self.keepers.lock().len()).finish_non_exhaustive()
    }
}
