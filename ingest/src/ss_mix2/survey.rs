//! Surveying a storage: every file in the tree against every file that was dealt with, day by day.

use super::cursor::{Cursor, Outcome, Seen};
use super::folder::{Folder, LookError, Nothing, Reading, Volume};
use super::name::FileName;
use super::sweep::{Progress, Sweeper, TakeError, Taker};
use crate::completeness::{Comparison, Feed, FeedBook, FeedError, FeedKind, Item, compare};
use jiff::civil::Date;
use model::FacilityId;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

/// One day of a storage.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Day {
    /// The tree against what was dealt with.
    pub comparison: Comparison,
    /// How many of these files were refused.
    pub refused: u64,
}

/// A storage, day by day. The day is the one on which a file was written, by its name; a file without a readable name counts
/// for the first of January 1970.
pub type Survey = BTreeMap<Date, Day>;

/// Why a storage could not be surveyed.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// It could not be read.
    #[error(transparent)]
    Look(#[from] LookError),
    /// What it came to could not be noted.
    #[error(transparent)]
    Feed(#[from] FeedError),
}

/// Files by day.
type ByDay = BTreeMap<Date, (Vec<Item>, Vec<Item>, u64)>;

fn day_of(name: &str) -> Date {
    let unknown = jiff::civil::date(1970, 1, 1);
    let Ok(name) = FileName::parse(name) else { return unknown };
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
    let at = jiff::Timestamp::from_microsecond(name.stamp.micros());
    at.map_or(unknown, |at| at.to_zoned(zone).date())
}

/// Compares a folder at a time: memory holds one folder and the gaps.
struct Surveyor<'a> {
    cursor: &'a Cursor,
    survey: Mutex<Survey>,
}

impl Surveyor<'_> {
    fn fold(&self, volume: &str, path: &str, present: Vec<(String, u128)>) -> Result<(), LookError> {
        let mut days = ByDay::new();
        let item = |name: &str, hash| Item::new(format!("{path}/{name}"), hash);
        for (name, hash) in present {
            days.entry(day_of(&name)).or_default().0.push(item(&name, hash));
        }
        for (name, Seen { hash, outcome, .. }) in self.cursor.in_folder(volume, path)? {
            let (_, taken, refused) = days.entry(day_of(&name)).or_default();
            taken.push(item(&name, hash));
            *refused += u64::from(matches!(outcome, Outcome::Refused | Outcome::Partly));
        }
        let mut survey = self.survey.lock();
        for (day, (offered, taken, refused)) in days {
            let sum = survey.entry(day).or_default();
            sum.comparison.add(compare(&offered, &taken));
            sum.refused += refused;
        }
        Ok(())
    }
}

impl Taker for Surveyor<'_> {
    fn take(&self, folders: Vec<Folder>) -> Result<(), TakeError> {
        for folder in folders {
            let present = folder.found.into_iter().map(|found| (found.name, found.hash)).collect();
            let folded = self.fold(&folder.volume, &folder.path, present);
            folded.map_err(|error| TakeError { reason: error.to_string() })?;
        }
        Ok(())
    }
}

/// Reads the whole storage anew, every byte of it, and compares it with what was dealt with.
///
/// # Errors
/// When the storage or the record of what was taken cannot be read.
pub fn survey(
    volume: &Volume,
    cursor: &Cursor,
    reading: &Reading,
    progress: &Progress,
    stop: &AtomicBool,
) -> Result<Survey, LookError> {
    let surveyor = Surveyor { cursor, survey: Mutex::default() };
    Sweeper { volume, known: &Nothing, reading, taker: &surveyor, progress, stop }.run()?;
    // Folders that were dealt with and are not there any more.
    let mut last = String::new();
    let mut gone = Vec::new();
    cursor.visit_volume(&volume.label, |folder, _, _| {
        if folder != last {
            folder.clone_into(&mut last);
            if !volume.root.join(folder).is_dir() {
                gone.push(folder.to_owned());
            }
        }
    })?;
    for folder in gone {
        surveyor.fold(&volume.label, &folder, Vec::new())?;
    }
    Ok(surveyor.survey.into_inner())
}

/// Notes a survey in the book of feeds, under the volume's label.
///
/// # Errors
/// When it cannot be written.
pub fn note(survey: &Survey, facility: &FacilityId, volume: &Volume, book: &FeedBook) -> Result<(), FeedError> {
    for (day, Day { comparison, refused }) in survey {
        let feed = Feed { facility, name: &volume.label, kind: FeedKind::SsMix2 };
        book.note(feed, *day, comparison, *refused)?;
    }
    Ok(())
}
