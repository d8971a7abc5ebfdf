//! How feeds stand, and what an edge tells of its own.

use super::book::{FeedBook, FeedError, FeedKind, key, page, prefix};
use super::{Gap, GapKind, Page};
use crate::watch::{FeedName, FeedStanding};
use fjall::PersistMode;
use jiff::civil::Date;
use model::{FacilityId, Moment};
use prost::Message;
use std::collections::BTreeMap;
use std::time::Duration;
use wire::v1;

/// The longest name of a feed, in bytes.
const LONGEST_NAME: usize = 100;

/// What an edge tells is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {rule}")]
pub struct ReportError {
    /// The field.
    pub field: &'static str,
    /// The rule it breaks.
    pub rule: &'static str,
}

/// What an edge tells of its feeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    edge: String,
    standings: Vec<v1::FeedStanding>,
    days: Vec<(v1::FeedDay, Vec<Gap>)>,
}

impl TryFrom<v1::ReportFeedsRequest> for Report {
    type Error = ReportError;

    fn try_from(request: v1::ReportFeedsRequest) -> Result<Self, ReportError> {
        let v1::ReportFeedsRequest { edge, feeds, days } = request;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !is_name(&edge) || !edge.chars().all(plain) {
            return Err(ReportError { field: "edge", rule: "is letters, digits, - and _, at most 100" });
        }
        let named = |field, feed: &str, kind: &str| match (is_name(feed), kind_of(kind)) {
            (true, Some(_)) => Ok(format!("{edge}/{feed}")),
            (false, _) => Err(ReportError { field, rule: "has a feed's name, at most 100 bytes, without /" }),
            (_, None) => Err(ReportError { field, rule: "has a kind of ss-mix2, mllp, fhir" }),
        };
        let standing = |standing: v1::FeedStanding| {
            let name = named("feeds", &standing.feed, &standing.kind)?;
            let times = [standing.heard_us, standing.silent_since_us];
            if times.into_iter().any(|time| Moment::from_micros(time).is_err()) {
                return Err(ReportError { field: "feeds", rule: "has times that are moments" });
            }
            Ok(v1::FeedStanding { feed: name, ..standing })
        };
        let day = |reported: v1::ReportedDay| {
            let missing = ReportError { field: "days.day", rule: "is required" };
            let day = reported.day.ok_or(missing)?;
            let name = named("days.day", &day.feed, &day.kind)?;
            if day.day.parse::<Date>().is_err() {
                return Err(ReportError { field: "days.day.day", rule: "is a day, as 2026-04-01" });
            }
            let gap = |gap: v1::Gap| {
                let kind = GapKind::ALL.into_iter().find(|kind| kind.code() == gap.kind);
                let unknown = ReportError { field: "days.gaps.kind", rule: "is missing, differing or vanished" };
                Ok(Gap { key: gap.key, kind: kind.ok_or(unknown)? })
            };
            let gaps = reported.gaps.into_iter().map(gap).collect::<Result<_, _>>()?;
            Ok((v1::FeedDay { feed: name, ..day }, gaps))
        };
        let standings = feeds.into_iter().map(standing).collect::<Result<_, _>>()?;
        let days = days.into_iter().map(day).collect::<Result<_, _>>()?;
        Ok(Self { edge, standings, days })
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST_NAME && !name.contains(|c: char| c == '/' || c.is_control())
}

fn kind_of(code: &str) -> Option<FeedKind> {
    FeedKind::ALL.into_iter().find(|kind| kind.code() == code)
}

impl From<&FeedStanding> for v1::FeedStanding {
    fn from(standing: &FeedStanding) -> Self {
        Self {
            feed: standing.feed.feed.clone(),
            kind: standing.kind.code().to_owned(),
            heard_us: standing.heard.map_or(0, Moment::micros),
            silent_since_us: standing.silent_since.map_or(0, Moment::micros),
            expected_seconds: standing.within.map_or(0, |within: Duration| within.as_secs()),
            told_us: 0,
        }
    }
}

impl FeedBook {
    /// Notes how this process's own feeds stand, in the place of what was noted of them before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn stand(&self, standings: &[FeedStanding]) -> Result<(), FeedError> {
        let mut of: BTreeMap<&FacilityId, Vec<v1::FeedStanding>> = BTreeMap::new();
        for standing in standings {
            of.entry(&standing.feed.facility).or_default().push(standing.into());
        }
        of.into_iter().try_for_each(|(facility, standings)| {
            self.replace(facility, |name| !name.contains('/'), standings).map(|_| ())
        })
    }

    /// Notes what an edge tells of its feeds: how they stand in the place of all it told before, its days each in its own place.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn report(&self, facility: &FacilityId, report: Report) -> Result<(), FeedError> {
        let Report { edge, standings, days } = report;
        let own = format!("{edge}/");
        if !standings.is_empty() {
            self.replace(facility, |name| name.starts_with(&own), standings)?;
        }
        days.into_iter().try_for_each(|(day, gaps)| self.put_day(facility, &day, &gaps))
    }

    /// Writes standings in the place of those whose names are `own`.
    fn replace(
        &self,
        facility: &FacilityId,
        own: impl Fn(&str) -> bool,
        standings: Vec<v1::FeedStanding>,
    ) -> Result<(), FeedError> {
        let now = self.now().micros();
        let mut batch = self.database().batch().durability(Some(PersistMode::Buffer));
        for known in self.standings(facility)? {
            if own(&known.feed) {
                batch.remove(self.standings_kept(), key(facility, &[&known.feed]));
            }
        }
        for standing in standings {
            let standing = v1::FeedStanding { told_us: now, ..standing };
            batch.insert(self.standings_kept(), key(facility, &[&standing.feed]), standing.encode_to_vec());
        }
        Ok(batch.commit()?)
    }

    /// How a facility's feeds stand, as far as it was told, by name.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn standings(&self, facility: &FacilityId) -> Result<Vec<v1::FeedStanding>, FeedError> {
        page(self.standings_kept(), &prefix(facility, &[]), Page { skip: 0, limit: usize::MAX })
    }

    /// When a feed was last heard, as far as it was noted.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn heard(&self, FeedName { facility, feed }: &FeedName) -> Result<Option<Moment>, FeedError> {
        let standings = self.standings(facility)?;
        let standing = standings.into_iter().find(|standing| standing.feed == *feed);
        Ok(standing.filter(|standing| standing.heard_us > 0).and_then(|it| Moment::from_micros(it.heard_us).ok()))
    }
}
