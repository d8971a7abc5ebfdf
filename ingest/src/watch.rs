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
use tokio::sync::watch;

/// A feed that is watched.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FeedName {
    /// Whose.
    pub facility: FacilityId,
    /// Its name.
    pub feed: String,
}

/// What is to be said of a feed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// Nothing has come for longer than is expected.
    Silent {
        /// The feed.
        feed: FeedName,
        /// When something came last; when it was first watched, where nothing came since.
        since: Moment,
    },
    /// Something came again.
    Back {
        /// The feed.
        feed: FeedName,
        /// When it had fallen silent.
        since: Moment,
    },
}

/// What is expected of a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expected {
    /// What sort it is.
    pub kind: FeedKind,
    /// Something is expected at least as often as this; `None`: it may be silent.
    pub within: Option<Duration>,
    /// When it was last heard, in an earlier life.
    pub heard: Option<Moment>,
}

/// How a feed stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedStanding {
    /// The feed.
    pub feed: FeedName,
    /// What sort it is.
    pub kind: FeedKind,
    /// When it last gave a sign of life.
    pub heard: Option<Moment>,
    /// Since when it is silent.
    pub silent_since: Option<Moment>,
    /// Something is expected at least as often as this.
    pub within: Option<Duration>,
}

#[derive(Clone, Debug)]
struct Watched {
    expected: Expected,
    /// When something came last, or it was first watched: a process that was away is no silence.
    last: Moment,
    silent: bool,
}

/// Watches feeds.
#[derive(Clone, Debug, Default)]
pub struct Watchdog {
    feeds: BTreeMap<FeedName, Watched>,
}

impl Watchdog {
    /// Watches a feed from now on.
    ///
    /// What counts is a sign of life: a message, a file, or that a storage was looked at and could be read. A night without
    /// patients is then no silence, and a cable that was pulled is.
    pub fn watch(&mut self, feed: FeedName, expected: Expected, now: Moment) {
        self.feeds.insert(feed, Watched { expected, last: now, silent: false });
    }

    /// Something came.
    pub fn heard(&mut self, feed: &FeedName, now: Moment) -> Option<Notice> {
        let watched = self.feeds.get_mut(feed)?;
        let since = watched.last;
        watched.last = since.max(now);
        watched.expected.heard = Some(watched.last);
        std::mem::take(&mut watched.silent).then(|| Notice::Back { feed: feed.clone(), since })
    }

    /// What has fallen silent since it was last asked. Ask every second.
    pub fn check(&mut self, now: Moment) -> Vec<Notice> {
        let mut notices = Vec::new();
        for (feed, watched) in &mut self.feeds {
            let Some(within) = watched.expected.within else { continue };
            let within = i64::try_from(within.as_micros()).unwrap_or(i64::MAX);
            if !watched.silent && now.since(watched.last) > within {
                watched.silent = true;
                notices.push(Notice::Silent { feed: feed.clone(), since: watched.last });
            }
        }
        notices
    }

    /// How every feed stands.
    pub fn standings(&self) -> Vec<FeedStanding> {
        let standing = |(feed, watched): (&FeedName, &Watched)| FeedStanding {
            feed: feed.clone(),
            kind: watched.expected.kind,
            heard: watched.expected.heard,
            silent_since: watched.silent.then_some(watched.last),
            within: watched.expected.within,
        };
        self.feeds.iter().map(standing).collect()
    }
}

/// A watchdog that is awake.
#[derive(Clone)]
pub struct Watch {
    dog: Arc<Mutex<Watchdog>>,
    clock: Clock,
    silent: Gauge<u64>,
    /// How many notices there were, for whoever passes them on.
    said: watch::Sender<u64>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("dog", &*self.dog.lock()).finish_non_exhaustive()
    }
}

impl Watch {
    /// Nothing is watched yet.
    pub fn new(clock: Clock) -> Self {
        let silent = opentelemetry::global::meter("ajisai.ingest")
            .u64_gauge("ajisai.ingest.feed.silent")
            .with_description("1 while a feed has been silent for longer than is expected")
            .build();
        Self { dog: Arc::default(), clock, silent, said: watch::Sender::new(0) }
    }

    /// Watches a feed, as [`Watchdog::watch`]. Call what it answers at each sign of life.
    pub fn feed(&self, feed: FeedName, expected: Expected) -> Arc<dyn Fn() + Send + Sync> {
        if expected.within.is_some() {
            self.record(&feed, 0);
        }
        self.dog.lock().watch(feed.clone(), expected, (self.clock)());
        let watch = self.clone();
        Arc::new(move || {
            let notice = watch.dog.lock().heard(&feed, (watch.clock)());
            notice.iter().for_each(|notice| watch.say(notice));
        })
    }

    /// Asks every second, for ever, and says what is to be said.
    pub async fn run(self) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            second.tick().await;
            let notices = self.dog.lock().check((self.clock)());
            notices.iter().for_each(|notice| self.say(notice));
        }
    }

    /// How every feed stands.
    pub fn standings(&self) -> Vec<FeedStanding> {
        self.dog.lock().standings()
    }

    /// Changes with each notice.
    pub fn said(&self) -> watch::Receiver<u64> {
        self.said.subscribe()
    }

    fn say(&self, notice: &Notice) {
        match notice {
            Notice::Silent { feed: FeedName { facility, feed }, since } => {
                tracing::error!(
                    %facility, feed, %since,
                    "a feed has gone silent: look at its sender, its cable and its listener"
                );
            }
            Notice::Back { feed: FeedName { facility, feed }, since } => {
                tracing::info!(%facility, feed, %since, "a feed that was silent is back");
            }
        }
        let (Notice::Silent { feed, .. } | Notice::Back { feed, .. }) = notice;
        self.record(feed, u64::from(matches!(notice, Notice::Silent { .. })));
        self.said.send_modify(|said| *said += 1);
    }

    fn record(&self, feed: &FeedName, silent: u64) {
        let facility = feed.facility.as_str().to_owned();
        self.silent.record(silent, &[KeyValue::new("facility", facility), KeyValue::new("feed", feed.feed.clone())]);
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
    // A person's replay is no sign of the feed's life.
    async fn republish(&self, event: Bytes) -> Result<Published, DoorError> {
        self.door.republish(event).await
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
