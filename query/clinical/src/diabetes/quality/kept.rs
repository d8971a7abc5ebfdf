//! A series as it is kept between one publication and the next: nothing of what was published may be forgotten, or differencing would
//! begin anew.

use super::series::Series;
use crate::diabetes::day::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A published series, spelled out. It names who was counted: as sensitive as the records, keep it where they are kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptSeries<K> {
    /// The form's version: 1.
    pub version: u32,
    /// Persons a number speaks of at least.
    pub least: usize,
    /// What was published, first to last.
    pub releases: Vec<KeptRelease<K>>,
}

/// One publication: of which day, and who was counted, with whether each counted in the numerator.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptRelease<K> {
    /// The day, as `2026-11-23`.
    pub of: String,
    /// Those counted.
    pub counted: Vec<(K, bool)>,
}

/// Why what was kept is no series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeptError {
    /// Written by another version.
    #[error("the series was kept in the form {found}; this version reads 1")]
    Version {
        /// Which.
        found: u32,
    },
    /// A publication's day is none, or lies before the one before it.
    #[error("publication {at} is of no day, or of one before the publication before it")]
    Day {
        /// Which publication, from 1.
        at: usize,
    },
    /// Somebody is counted twice.
    #[error("publication {at} counts somebody twice")]
    Twice {
        /// Which publication, from 1.
        at: usize,
    },
    /// A publication that would not have been made.
    #[error("publication {at} would not have been made: something is missing, or was changed")]
    Impossible {
        /// Which publication, from 1.
        at: usize,
    },
}

const VERSION: u32 = 1;

impl<K> fmt::Debug for KeptSeries<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeptSeries(at least {}, {} published)", self.least, self.releases.len())
    }
}

// Redacted: who was counted is patient data.
impl<K> fmt::Debug for KeptRelease<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeptRelease({}, ******)", self.of)
    }
}

impl<K: Ord + Clone> Series<K> {
    /// The series, spelled out.
    pub fn kept(&self) -> KeptSeries<K> {
        let release = |(figures, counted): &(super::Figures, BTreeMap<K, bool>)| KeptRelease {
            of: figures.of.to_string(),
            counted: counted.iter().map(|(person, met)| (person.clone(), *met)).collect(),
        };
        KeptSeries { version: VERSION, least: self.least, releases: self.releases.iter().map(release).collect() }
    }

    /// The series again. Every publication is decided on once more: one that would not have been made means that something was lost or
    /// changed, and then nothing may be published on it.
    ///
    /// # Errors
    /// When it is no series.
    pub fn of_kept(kept: KeptSeries<K>) -> Result<Self, KeptError> {
        if kept.version != VERSION {
            return Err(KeptError::Version { found: kept.version });
        }
        let mut series = Self::new(kept.least);
        let mut before: Option<Date> = None;
        for (at, release) in (1..).zip(kept.releases) {
            let day: Date = release.of.parse().map_err(|_| KeptError::Day { at })?;
            if before.is_some_and(|before| day < before) {
                return Err(KeptError::Day { at });
            }
            before = Some(day);
            let persons = release.counted.len();
            let counted: BTreeMap<K, bool> = release.counted.into_iter().collect();
            if counted.len() != persons {
                return Err(KeptError::Twice { at });
            }
            if !matches!(series.offer(day, counted), super::Decision::Publish(_)) {
                return Err(KeptError::Impossible { at });
            }
        }
        Ok(series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn counted(of: impl IntoIterator<Item = u32>, met: u32) -> BTreeMap<u32, bool> {
        of.into_iter().map(|person| (person, person < met)).collect()
    }

    #[test]
    fn what_was_lost_or_changed_is_noticed() {
        let mut series = Series::new(10);
        let _ = series.offer(date(2026, 1, 1), counted(0..40, 20));
        let _ = series.offer(date(2026, 2, 1), counted(0..60, 30));
        let kept = series.kept();
        assert_eq!(kept.releases.len(), 2);
        assert!(Series::of_kept(kept.clone()).is_ok_and(|again| again == series));
        let change = |change: fn(&mut KeptSeries<u32>)| {
            let mut changed = kept.clone();
            change(&mut changed);
            Series::of_kept(changed).unwrap_err()
        };
        assert_eq!(change(|kept| kept.version = 2), KeptError::Version { found: 2 });
        assert_eq!(change(|kept| kept.releases[1].of = "2025-12-31".to_owned()), KeptError::Day { at: 2 });
        assert_eq!(change(|kept| kept.releases[0].of = "soon".to_owned()), KeptError::Day { at: 1 });
        assert_eq!(change(|kept| kept.releases[1].counted.push((0, true))), KeptError::Twice { at: 2 });
        assert_eq!(change(|kept| kept.releases[0].counted.truncate(9)), KeptError::Impossible { at: 1 });
        let one_more = |kept: &mut KeptSeries<u32>| kept.releases[1].counted = counted(0..41, 20).into_iter().collect();
        assert_eq!(change(one_more), KeptError::Impossible { at: 2 }, "one person more than before");
    }

    proptest! {
        /// What is kept and read again decides as the series itself would have.
        #[test]
        fn a_series_that_was_kept_goes_on_as_it_was(
            months in proptest::collection::vec((proptest::collection::btree_set(0_u32..60, 0..60), 0_u32..60), 1..6),
            least in 2_usize..12,
        ) {
            let (mut whole, mut kept) = (Series::new(least), Series::new(least));
            for (month, (persons, met)) in (1..).zip(months) {
                let now = counted(persons, met);
                let day = date(2026, month, 1);
                prop_assert_eq!(whole.offer(day, now.clone()), kept.offer(day, now));
                kept = Series::of_kept(kept.kept()).unwrap();
            }
        }
    }
}
