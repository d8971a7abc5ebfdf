//! What a view shows of the pregnancy of who lies on a bed: the records it is read from, as long as each is permitted.
//!
//! The records themselves are kept, and not only what they say, so that the book can be asked of each before the bed is shown.

use clinical::perinatal::PerinatalTables;
use clinical::perinatal::chart::{AtBed, Chart};
use model::{Category, CategorySet, Moment, Payload, Record};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The categories that are read of her, in this order: of who has no entry of a pregnancy nothing else is asked. They are those that
/// `ctg_windows` reads.
pub(super) const OF_HER: [Category; 3] = [Category::Perinatal, Category::Patient, Category::Condition];
/// What could not be read is asked for again after so long; in microseconds.
const AGAIN: i64 = 5_000_000;

/// All of [`OF_HER`].
pub(super) fn of_her() -> CategorySet {
    OF_HER.into_iter().fold(CategorySet::NONE, CategorySet::with)
}

/// What is known of one who lies on a bed.
#[derive(Default)]
pub(super) struct Mother {
    /// The viewing facility's number that she was asked for by; empty before.
    own: String,
    /// What was before has been read; what comes is told by the feed.
    is_read: bool,
    asked: Option<Moment>,
    records: BTreeMap<u128, Arc<Record>>,
    /// The state of the book that permitted all of them, and when the clock may end that.
    permitted: Option<(u64, Option<Moment>)>,
    told: Told,
}

/// What follows from the records, and from which moments.
#[derive(Default)]
struct Told {
    at_bed: AtBed,
    /// Whether any of them is an entry of a pregnancy.
    has_entries: bool,
    /// When the monitoring began, by which the pregnancy and its age are told.
    began: Option<Moment>,
    /// The first moment after now from which a record is true.
    turns: Option<Moment>,
}

/// By what a chart is read: when the monitoring began, now, and the facility's tables.
#[derive(Clone, Copy)]
pub(super) struct By<'a> {
    pub(super) began: Moment,
    pub(super) now: Moment,
    pub(super) tables: &'a PerinatalTables,
}

impl Mother {
    /// What reading her bed rests on.
    pub(super) fn at_bed(&self) -> &AtBed {
        &self.told.at_bed
    }
    /// Whether records of a category are asked for: of who has no entry of a pregnancy nothing else is.
    pub(super) fn asks(&self, category: Category) -> bool {
        category == Category::Perinatal || self.told.has_entries
    }

    /// She is called by this number now; what was known of another is forgotten.
    pub(super) fn called(&mut self, own: &str) {
        if self.own != own {
            *self = Self { own: own.to_owned(), ..Self::default() };
        }
    }

    /// Whether she is to be read: told once, and again a while later where that did not succeed.
    pub(super) fn is_wanted(&mut self, now: Moment) -> bool {
        let recently = self.asked.is_some_and(|asked| now.since(asked) < AGAIN);
        let wanted = !self.own.is_empty() && !self.is_read && !recently;
        if wanted {
            self.asked = Some(now);
        }
        wanted
    }

    /// What was before has been read, by this number.
    pub(super) fn read(&mut self, own: &str, records: &[Arc<Record>], by: By<'_>) {
        if self.own != own {
            return;
        }
        self.is_read = true;
        for record in records {
            self.put(record);
        }
        self.tell(by);
    }

    /// A record came.
    pub(super) fn learn(&mut self, record: &Arc<Record>, by: By<'_>) {
        let had_entries = self.told.has_entries;
        self.put(record);
        self.tell(by);
        if !had_entries && self.told.has_entries {
            // of her nothing but entries was asked so far
            (self.is_read, self.asked) = (false, None);
        }
    }

    /// A record is not shown any more.
    pub(super) fn forget(&mut self, record: u128, by: By<'_>) {
        if self.records.remove(&record).is_some() {
            self.tell(by);
        }
    }

    /// Forgets what the book does not permit any more. It is asked where its state is another than it was, and when the clock may have
    /// ended something.
    pub(super) fn keep_permitted(
        &mut self,
        (generation, turns): (u64, impl Fn() -> Option<Moment>),
        permits: impl Fn(&Record) -> bool,
        by: By<'_>,
    ) {
        let holds = |(of, until): &(u64, Option<Moment>)| *of == generation && until.is_none_or(|until| by.now < until);
        if self.records.is_empty() || self.permitted.as_ref().is_some_and(holds) {
            return;
        }
        self.permitted = Some((generation, turns()));
        let before = self.records.len();
        self.records.retain(|_, record| permits(record));
        if self.records.len() != before {
            self.tell(by);
        }
    }

    /// Time goes on, or the monitoring is known to have begun at another moment.
    pub(super) fn tick(&mut self, by: By<'_>) {
        let turned = self.told.turns.is_some_and(|turns| turns <= by.now);
        if turned || (self.told.has_entries && self.told.began != Some(by.began)) {
            self.tell(by);
        }
    }

    fn put(&mut self, record: &Arc<Record>) {
        let digest = record.reference().digest();
        if self.records.get(&digest).is_none_or(|known| known.version < record.version) {
            self.records.insert(digest, Arc::clone(record));
            self.permitted = None;
        }
    }

    /// Reads the records, as `ctg_windows` reads its rows.
    fn tell(&mut self, By { began, now, tables }: By<'_>) {
        let mut chart = Chart::default();
        let mut has_entries = false;
        let mut turns: Option<Moment> = None;
        for category in OF_HER {
            for record in self.records.values().filter(|record| record.category() == category) {
                let Some(payload) = record.payload() else { continue };
                // what is refused is counted by the chart
                let _ = chart.learn(payload, record.occurred, record.patient.facility());
                let later = |at: &Moment| *at > now;
                let onset = match payload {
                    Payload::Condition(condition) => condition.onset,
                    _ => None,
                };
                turns = [turns, Some(record.occurred).filter(later), onset.filter(later)].into_iter().flatten().min();
            }
            if category == Category::Perinatal {
                has_entries = !chart.notes.is_empty();
                if !has_entries {
                    break;
                }
            }
        }
        let at_bed = match has_entries {
            true => chart.at_bed(&chart.pregnancies(now), began, tables),
            false => AtBed::default(),
        };
        self.told = Told { at_bed, has_entries, began: Some(began), turns };
    }
}

// Whose it is, and what is known of her, is patient data.
impl fmt::Debug for Mother {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mother(******)")
    }
}
