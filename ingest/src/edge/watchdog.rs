//! Saying within seconds when a feed has gone silent. [`Watchdog`] is pure, the moment is an argument; [`Watch`] asks it every
//! second.

use crate::completeness::{FeedKind, Item};
use crate::door::{Door, DoorError, Published, Step};
use crate::quarantine::Aside;
use bytes::Bytes;
use event_log::Clock;
use jiff::civil::Date;
use model::{FacilityId, Moment};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Gauge;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What is to be said of a feed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// Nothing has come for longer than is expected.
    Silent {
        /// The feed.
        feed: String,
        /// When something came last; when it was first watched, where nothing ever came.
        since: Moment,
    },
    /// Something came again.
    Back {
        /// The feed.
        feed: String,
        /// When it had fallen silent.
        since: Moment,
    },
}

#[derive(Clone, Debug)]
struct Watched {
    /// Something is expected at least as often as this.
    expected: Duration,
    last: Moment,
    silent: bool,
}

/// Watches feeds.
#[derive(Clone, Debug, Default)]
pub struct Watchdog {
    feeds: BTreeMap<String, Watched>,
}

impl Watchdog {
    /// Watches a feed from now on, from which something is expected at least every `expected`.
    ///
    /// What counts is a sign of life: a message, a file, or that a storage was looked at and could be read. A night without
    /// patients is then no silence, and a cable that was pulled is.
    pub fn watch(&mut self, feed: &str, expected: Duration, now: Moment) {
        self.feeds.insert(feed.to_owned(), Watched { expected, last: now, silent: false });
    }

    /// Something came.
    pub fn heard(&mut self, feed: &str, now: Moment) -> Option<Notice> {
        let watched = self.feeds.get_mut(feed)?;
        let since = watched.last;
        watched.last = since.max(now);
        std::mem::take(&mut watched.silent).then(|| Notice::Back { feed: feed.to_owned(), since })
    }

    /// What has fallen silent since it was last asked. Ask every second.
    pub fn check(&mut self, now: Moment) -> Vec<Notice> {
        let mut notices = Vec::new();
        for (feed, watched) in &mut self.feeds {
            let expected = i64::try_from(watched.expected.as_micros()).unwrap_or(i64::MAX);
            if !watched.silent && now.since(watched.last) > expected {
                watched.silent = true;
                notices.push(Notice::Silent { feed: feed.clone(), since: watched.last });
            }
        }
        notices
    }

    /// The feeds that are silent.
    pub fn silent(&self) -> impl Iterator<Item = &str> {
        self.feeds.iter().filter(|(_, watched)| watched.silent).map(|(feed, _)| feed.as_str())
    }
}

/// A watchdog that is awake.
#[derive(Clone)]
pub struct Watch {
    dog: Arc<Mutex<Watchdog>>,
    clock: Clock,
    silent: Gauge<u64>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("dog", &*self.dog.lock()).finish_non_exhaustive()
    }
}

impl Watch {
    /// Nothing is watched yet.
    pub fn new(clock: Clock) -> Self {
        let silent = opentelemetry::global::meter("ajisai.edge")
            .u64_gauge("ajisai.edge.feed.silent")
            .with_description("1 while a feed has been silent for longer than is expected")
            .build();
        Self { dog: Arc::default(), clock, silent }
    }

    /// Watches a feed, as [`Watchdog::watch`]. Call what it answers at each sign of life.
    pub fn feed(&self, feed: &str, expected: Duration) -> Arc<dyn Fn() + Send + Sync> {
        self.dog.lock().watch(feed, expected, (self.clock)());
        let (watch, feed) = (self.clone(), feed.to_owned());
        Arc::new(move || {
            let notice = watch.dog.lock().heard(&feed, (watch.clock)());
            notice.iter().for_each(|notice| watch.say(notice));
        })
    }

    /// Asks every second, for ever; says what is to be said, here and to `tell`.
    pub async fn run(self, mut tell: impl FnMut(&Notice) + Send) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            second.tick().await;
            let notices = self.dog.lock().check((self.clock)());
            for notice in &notices {
                self.say(notice);
                tell(notice);
            }
        }
    }

    /// The feeds that are silent.
    pub fn silent(&self) -> Vec<String> {
        self.dog.lock().silent().map(str::to_owned).collect()
    }

    fn say(&self, notice: &Notice) {
        let (feed, silent) = match notice {
            Notice::Silent { feed, since } => {
                tracing::error!(feed, %since, "a feed has gone silent: look at its sender, its cable and its listener");
                (feed, 1)
            }
            Notice::Back { feed, since } => {
                tracing::info!(feed, %since, "a feed that was silent is back");
                (feed, 0)
            }
        };
        self.silent.record(silent, &[KeyValue::new("feed", feed.clone())]);
    }
}

/// A door at which everything that comes is a sign of its feed's life.
pub struct WatchedDoor {
    door: Arc<dyn Door>,
    alive: Arc<dyn Fn() + Send + Sync>,
}

impl std::fmt::Debug for WatchedDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WatchedDoor({})", self.door.facility())
    }
}

impl WatchedDoor {
    /// A door whose feed is watched by what [`Watch::feed`] answers.
    pub fn new(door: Arc<dyn Door>, alive: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self { door, alive }
    }
}

#[tonic::async_trait]
impl Door for WatchedDoor {
    fn facility(&self) -> &FacilityId {
        self.door.facility()
    }
    async fn publish(&self, events: Vec<Bytes>) -> Result<Vec<Published>, DoorError> {
        (self.alive)();
        self.door.publish(events).await
    }
    async fn set_aside(&self, refused: Vec<Aside>) -> Result<(), DoorError> {
        (self.alive)();
        self.door.set_aside(refused).await
    }
    async fn note(&self, feed: FeedKind, name: &'static str, step: Step, items: Vec<(Date, Item)>) {
        (self.alive)();
        self.door.note(feed, name, step, items).await;
    }
}
