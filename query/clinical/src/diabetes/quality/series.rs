//! What may be published of a count that is published again and again.
//!
//! A number that is safe alone is not safe beside the one of last month: their difference may speak of one person. A
//! `Series` remembers who was counted in what was published, and publishes anew only when nothing that follows from the
//! published numbers speaks of fewer persons than the least cell.

use crate::diabetes::day::Date;
use std::collections::BTreeMap;
use std::fmt;

/// What is published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Figures {
    /// Of which day.
    pub of: Date,
    /// Persons counted; a part or its complement that is too small is not told.
    pub denominator: usize,
    /// Those who count in the numerator; `None` where they, or the others, are too few.
    pub numerator: Option<usize>,
}

/// Why nothing is published.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Suppressed {
    /// Fewer persons than the least cell.
    TooFew,
    /// A sum or difference with what was published would speak of too few. There is no earlier figure to show instead.
    Differencing,
}

/// Why the figures before stay. For those who keep the series: to whom it is published only the figures are shown, so that
/// "nothing has changed" and "too few have" look the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Held {
    /// Nobody's count has changed.
    Unchanged,
    /// Fewer persons than the least cell.
    TooFew,
    /// A sum or difference with what was published would speak of too few.
    Differencing,
}

/// What to show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// New figures.
    Publish(Figures),
    /// The figures before, with their day: they say nothing of what has changed since.
    Hold(Figures, Held),
    /// Nothing.
    Suppress(Suppressed),
}

/// One published series: one measure of one facility. `K` names persons; one person is counted in one cell of a
/// benchmark only.
///
/// It keeps who was counted, which is as sensitive as the records: keep it where they are kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Series<K> {
    pub(super) least: usize,
    pub(super) releases: Vec<(Figures, BTreeMap<K, bool>)>,
}

/// How many published values an attacker is taken to add and subtract at once.
const TOGETHER: usize = 4;

impl<K> fmt::Debug for Series<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Series(at least {}, {} published)", self.least, self.releases.len())
    }
}

impl<K: Ord + Clone> Series<K> {
    /// A series whose numbers speak of at least so many persons; at least two.
    pub fn new(least: usize) -> Self {
        Self { least: least.max(2), releases: Vec::new() }
    }

    /// What was published, first to last.
    pub fn published(&self) -> impl Iterator<Item = &Figures> {
        self.releases.iter().map(|release| &release.0)
    }

    /// Decides on the persons counted on a day, with whether each counts in the numerator; and remembers it when it is
    /// published.
    ///
    /// | persons | with what was published | before | decision |
    /// |---|---|---|---|
    /// | fewer than the least | any | something | hold |
    /// | fewer than the least | any | nothing | suppress |
    /// | the same | any | something | hold |
    /// | enough | some sum or difference speaks of too few | something | hold |
    /// | enough | none does | any | publish; the numerator only where it and the others are enough |
    pub fn offer(&mut self, of: Date, counted: BTreeMap<K, bool>) -> Decision {
        let before = self.releases.last().map(|release| release.0);
        if counted.len() < self.least {
            return before.map_or(Decision::Suppress(Suppressed::TooFew), |one| Decision::Hold(one, Held::TooFew));
        }
        if let Some((figures, _)) = self.releases.last().filter(|last| last.1 == counted) {
            return Decision::Hold(*figures, Held::Unchanged);
        }
        if !self.is_safe(&counted) {
            let suppressed = Decision::Suppress(Suppressed::Differencing);
            return before.map_or(suppressed, |one| Decision::Hold(one, Held::Differencing));
        }
        let figures = self.figures(of, &counted);
        self.releases.push((figures, counted));
        Decision::Publish(figures)
    }

    /// What may be told of those counted; the numerator only where it and the others are enough.
    pub(super) fn figures(&self, of: Date, counted: &BTreeMap<K, bool>) -> Figures {
        let met = counted.values().filter(|met| **met).count();
        Figures { of, denominator: counted.len(), numerator: self.is_told(counted).then_some(met) }
    }

    /// Whether the numerator and the others are enough to be told.
    fn is_told(&self, counted: &BTreeMap<K, bool>) -> bool {
        let met = counted.values().filter(|met| **met).count();
        met >= self.least && counted.len() - met >= self.least
    }

    /// Whether no sum of up to four published values, each added or subtracted, the new one among them, speaks of some
    /// persons but of fewer than the least.
    fn is_safe(&self, new: &BTreeMap<K, bool>) -> bool {
        let histories = self.histories(new);
        // a numerator that is not told is in no sum
        let told = self.releases.iter().map(|release| release.0.numerator.is_some());
        let told: Vec<bool> = told.chain([self.is_told(new)]).collect();
        let mut chosen = Vec::with_capacity(TOGETHER);
        chosen.push((self.releases.len(), 1_i8));
        self.all_safe((&histories, &told), &mut chosen, self.releases.len())
    }

    /// How many persons share each history: outside, counted, or counted in the numerator, per release and now.
    fn histories(&self, new: &BTreeMap<K, bool>) -> BTreeMap<Vec<Status>, usize> {
        let mut of: BTreeMap<&K, Vec<Status>> = BTreeMap::new();
        let length = self.releases.len() + 1;
        let snapshots = self.releases.iter().map(|release| &release.1).chain([new]);
        for (at, snapshot) in snapshots.enumerate() {
            for (person, met) in snapshot {
                let history = of.entry(person).or_insert_with(|| vec![Status::Outside; length]);
                if let Some(status) = history.get_mut(at) {
                    *status = if *met { Status::Numerator } else { Status::Denominator };
                }
            }
        }
        let mut found = BTreeMap::new();
        for history in of.into_values() {
            *found.entry(history).or_insert(0) += 1;
        }
        found
    }

    fn all_safe(
        &self,
        (histories, told): (&BTreeMap<Vec<Status>, usize>, &[bool]),
        chosen: &mut Vec<(usize, i8)>,
        below: usize,
    ) -> bool {
        let numerators = chosen.iter().all(|(release, _)| told.get(*release) == Some(&true));
        // of the denominators alone, of the numerators alone, and of both
        let mut spoken_of = [0_usize; 3];
        for (history, persons) in histories {
            let (counted, met) = left(history, chosen);
            for (of, remains) in
                spoken_of.iter_mut().zip([counted != 0, numerators && met != 0, counted != 0 || met != 0])
            {
                *of += if remains { *persons } else { 0 };
            }
        }
        if spoken_of.iter().any(|persons| (1..self.least).contains(persons)) {
            return false;
        }
        if chosen.len() == TOGETHER {
            return true;
        }
        for release in (0..below).rev() {
            for sign in [-1, 1] {
                chosen.push((release, sign));
                let safe = self.all_safe((histories, told), chosen, release);
                chosen.pop();
                if !safe {
                    return false;
                }
            }
        }
        true
    }
}

/// What a person was in a release.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Status {
    Outside,
    Denominator,
    Numerator,
}

/// What is left of a person with a history in a sum: of the denominators, and of the numerators.
fn left(history: &[Status], sum: &[(usize, i8)]) -> (i8, i8) {
    let (mut counted, mut met) = (0, 0);
    for (release, sign) in sum {
        match history.get(*release) {
            Some(Status::Denominator) => counted += sign,
            Some(Status::Numerator) => (counted, met) = (counted + sign, met + sign),
            Some(Status::Outside) | None => {}
        }
    }
    (counted, met)
}
