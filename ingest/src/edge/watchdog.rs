//! Saying within seconds when a feed has gone silent. Pure: the moment is an argument.

use model::Moment;
use std::collections::BTreeMap;
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
