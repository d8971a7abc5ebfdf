//! Figures of measures that facilities published: decided on once more as they come out of the log, and kept with who was counted.
//!
//! A statement that would tell too much is not taken, whoever sent it: what is shown follows from the log alone, and differencing over
//! time reveals nothing whatever way an event came.

use super::{Register, RegisterError, share_key};
use clinical::diabetes::quality::{
    Decision, Figures, KeptError, KeptRelease, KeptSeries, LEAST_CELL, MOST_RELEASES, QualityMeasure, Series,
};
use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use model::{DefinitionName, FacilityId, MeasureRelease, Moment, PatientNumber, PatientRef, Position};
use parking_lot::RwLock;
use prost::Message as _;
use query::{Benchmark, Published};
use std::collections::HashMap;
use std::sync::Arc;
use wire::v1;

/// Which series.
type Key = (FacilityId, DefinitionName, i16);

/// The published figures.
pub(super) struct Measures {
    /// facility, 0, measure, 0, year, offset → 1 or 0 for taken or not, and the release
    kept: Keyspace,
    now: RwLock<Now>,
}

#[derive(Default)]
struct Now {
    benchmark: Arc<Benchmark>,
    last: HashMap<Key, Position>,
}

/// Why a publication is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// No such measure.
    #[error("there is no measure of that name")]
    Unknown,
    /// Too small a cell, or another than the series has.
    #[error("the least cell is at least {LEAST_CELL}, and stays what it was in the series")]
    Least,
    /// A measure that this one must not stand beside is published.
    #[error("the facility publishes `{other}` of that year; the two together would tell of those between them")]
    Beside {
        /// The other one.
        other: &'static str,
    },
    /// The series is full.
    #[error("the series has {MOST_RELEASES} publications, which is the most")]
    Full,
    /// What was kept is no series.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// It would tell too much.
    #[error("its figures may not be told")]
    Unsafe,
}

impl Measures {
    pub(super) fn open(database: &Database) -> Result<Self, RegisterError> {
        let kept = database.keyspace("measures", KeyspaceCreateOptions::default)?;
        Ok(Self { kept, now: RwLock::default() })
    }

    /// Takes in a publication; one taken in before changes nothing.
    pub(super) fn apply(&self, position: Position, at: Moment, release: &MeasureRelease) -> Result<(), RegisterError> {
        let key = (release.facility.clone(), release.measure.clone(), release.year);
        if self.now.read().last.get(&key).is_some_and(|last| *last >= position) {
            return Ok(());
        }
        let mut place = prefix(&key);
        place.extend_from_slice(&position.offset.0.to_be_bytes());
        let decided = match self.kept.get(&place)? {
            // decided in an earlier life
            Some(bytes) => bytes.first() == Some(&1),
            None => {
                let decided = self.decide(release)?;
                if let Err(why) = &decided {
                    let (facility, measure, year) = (&release.facility, &release.measure, release.year);
                    tracing::warn!(%facility, %measure, year, %position, %why, "figures are not taken; what was published stays");
                }
                let mut bytes = vec![u8::from(decided.is_ok())];
                v1::MeasureRelease::from(release).encode(&mut bytes).unwrap_or_default();
                self.kept.insert(&place, bytes)?;
                decided.is_ok()
            }
        };
        let mut now = self.now.write();
        if let Some(figures) = figures(release).filter(|_| decided) {
            let published = Published { figures, least: release.least, at };
            Arc::make_mut(&mut now.benchmark).add(&release.facility, (&release.measure, release.year), published);
        }
        now.last.insert(key, position);
        Ok(())
    }

    fn decide(&self, release: &MeasureRelease) -> Result<Result<(), NotTaken>, RegisterError> {
        let key = (release.facility.clone(), release.measure.clone(), release.year);
        let mut series = match self.series(&key, release.least)? {
            Ok(series) => series,
            Err(why) => return Ok(Err(why)),
        };
        Ok(match series.offer(release.of, release.counted.clone()) {
            Decision::Publish(_) => Ok(()),
            Decision::Hold(..) | Decision::Suppress(_) => Err(NotTaken::Unsafe),
        })
    }

    /// A series as it stands, to be gone on with.
    fn series(&self, key: &Key, least: u32) -> Result<Result<Series<PatientNumber>, NotTaken>, RegisterError> {
        let (facility, measure, year) = key;
        let Some(known) = QualityMeasure::by_key(measure.as_str()) else { return Ok(Err(NotTaken::Unknown)) };
        let held = self.now.read().benchmark.of(facility, measure, *year).first().map(|first| first.least);
        let small = usize::try_from(least).unwrap_or(0) < LEAST_CELL;
        if small || held.is_some_and(|held| held != least) {
            return Ok(Err(NotTaken::Least));
        }
        if let Some(other) = known.not_beside()
            && let Ok(name) = DefinitionName::parse(other.key)
            && !self.now.read().benchmark.of(facility, &name, *year).is_empty()
        {
            return Ok(Err(NotTaken::Beside { other: other.key }));
        }
        let mut releases = Vec::new();
        for release in self.releases(key)? {
            let v1::MeasureRelease { of, counted, .. } = release;
            let counted =
                counted.into_iter().filter_map(|one| Some((PatientNumber::parse(&one.number).ok()?, one.met)));
            releases.push(KeptRelease { of, counted: counted.collect() });
        }
        if releases.len() >= MOST_RELEASES {
            return Ok(Err(NotTaken::Full));
        }
        let least = usize::try_from(least).unwrap_or(usize::MAX);
        Ok(Series::of_kept(KeptSeries { version: 1, least, releases }).map_err(NotTaken::from))
    }

    /// What was taken of a series, first to last.
    fn releases(&self, key: &Key) -> Result<Vec<v1::MeasureRelease>, RegisterError> {
        let mut found = Vec::new();
        for guard in self.kept.prefix(prefix(key)) {
            let (_, value) = guard.into_inner()?;
            let [1, bytes @ ..] = value.as_ref() else { continue };
            found.extend(v1::MeasureRelease::decode(bytes).ok());
        }
        Ok(found)
    }
}

/// What a publication tells by itself; `None` where it is too small.
fn figures(release: &MeasureRelease) -> Option<Figures> {
    let mut alone = Series::new(usize::try_from(release.least).unwrap_or(usize::MAX));
    match alone.offer(release.of, release.counted.clone()) {
        Decision::Publish(figures) => Some(figures),
        Decision::Hold(..) | Decision::Suppress(_) => None,
    }
}

fn prefix((facility, measure, year): &Key) -> Vec<u8> {
    let mut key = share_key(facility.as_str().as_bytes(), measure.as_str());
    key.push(0);
    key.extend_from_slice(&year.to_be_bytes());
    key
}

impl Register {
    /// What facilities have published.
    pub fn benchmark(&self) -> Arc<Benchmark> {
        Arc::clone(&self.measures.now.read().benchmark)
    }

    /// A facility's series as it stands, to be gone on with; `least` 0 is as the series has it.
    ///
    /// # Errors
    /// When the disk fails; within, when nothing may be published on it.
    pub fn measure_series(
        &self,
        facility: &FacilityId,
        (measure, year): (&DefinitionName, i16),
        least: u32,
    ) -> Result<Result<(u32, Series<PatientNumber>), NotTaken>, RegisterError> {
        let held = self.benchmark().of(facility, measure, year).first().map(|first| first.least);
        let usual = u32::try_from(LEAST_CELL).unwrap_or(u32::MAX);
        let least = if least == 0 { held.unwrap_or(usual) } else { least };
        let series = self.measures.series(&(facility.clone(), measure.clone(), year), least)?;
        Ok(series.map(|series| (least, series)))
    }

    /// Whom other facilities count in what they published of a measure and a year.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn counted_elsewhere(
        &self,
        facility: &FacilityId,
        (measure, year): (&DefinitionName, i16),
    ) -> Result<Vec<PatientRef>, RegisterError> {
        let others: Vec<FacilityId> = {
            let now = self.measures.now.read();
            let of =
                now.last.keys().filter(|(other, of, in_year)| other != facility && of == measure && *in_year == year);
            of.map(|(other, ..)| other.clone()).collect()
        };
        let mut found = Vec::new();
        for other in others {
            for release in self.measures.releases(&(other.clone(), measure.clone(), year))? {
                let numbers = release.counted.iter().filter_map(|one| PatientNumber::parse(&one.number).ok());
                found.extend(numbers.map(|number| PatientRef::new(other.clone(), number)));
            }
        }
        Ok(found)
    }
}
