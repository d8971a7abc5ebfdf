//! Answers about a person, and the different ways of having none.

use super::facts::Measure;
use model::{Category, CategorySet, FacilityId, Moment};

/// What was found, with when and where.
#[derive(Clone, PartialEq, Debug)]
pub struct Found<T> {
    /// What.
    pub value: T,
    /// When the latest of the facts it rests on was true.
    pub at: Moment,
    /// The facilities whose facts it rests on, in order, each once.
    pub sources: Vec<FacilityId>,
}

/// Why there is no answer. "Not measured", "not consented" and "not linked" are three different things to do: measure,
/// ask the patient, confirm who the patient is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Absent {
    /// Everything asked for is open, and it is not there.
    NotMeasured,
    /// It is not in what is open, and the patient's records of this kind at these facilities are not. It says what
    /// this viewer was granted, never whether there is anything to see.
    NotConsented {
        /// The facilities, in order.
        at: Vec<FacilityId>,
    },
    /// It is not in what is open, and at these facilities it is not known which patient this is.
    NotLinked {
        /// The facilities, in order.
        at: Vec<FacilityId>,
    },
    /// A value it rests on is absent.
    Needs {
        /// Which.
        measure: Measure,
        /// Why that is absent.
        absent: Box<Absent>,
    },
    /// There are facts, but they do not answer.
    CannotBeSaid {
        /// Why.
        why: Unsaid,
    },
    /// The question is not asked of this person.
    DoesNotApply {
        /// Why.
        why: Unsaid,
    },
}

/// An answer about a person.
pub type Answer<T> = Result<Found<T>, Absent>;

/// Why facts do not answer, as a key and in words.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Unsaid {
    /// A short stable name.
    pub key: &'static str,
    /// In English.
    pub en: &'static str,
    /// In Japanese.
    pub ja: &'static str,
}

/// What this viewer has of a facility.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The patient is known there, and these categories are open; none where there is no consent.
    Linked {
        /// What is open.
        open: CategorySet,
    },
    /// It is not known which patient of that facility this is.
    NotLinked,
}

/// The facilities that are asked about a person, and what is open there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reach(Vec<(FacilityId, Standing)>);

// === impl Absent ===

impl Absent {
    /// `not-measured`, `not-consented`, `not-linked`, `cannot-be-said` or `does-not-apply`; of what needs an absent value,
    /// that value's.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Needs { absent, .. } => absent.code(),
            Self::NotMeasured => "not-measured",
            Self::NotConsented { .. } => "not-consented",
            Self::NotLinked { .. } => "not-linked",
            Self::CannotBeSaid { .. } => "cannot-be-said",
            Self::DoesNotApply { .. } => "does-not-apply",
        }
    }
}

impl Absent {
    /// That an answer needs a value that is absent.
    pub fn needed(self, measure: Measure) -> Self {
        Self::Needs { measure, absent: Box::new(self) }
    }
}

impl<T> Found<T> {
    /// Something that rests on several facts. `None` of no facts.
    pub fn resting_on<'a>(value: T, facts: impl IntoIterator<Item = (Moment, &'a FacilityId)>) -> Option<Self> {
        let (mut at, mut sources) = (None, Vec::new());
        for (when, source) in facts {
            at = at.max(Some(when));
            sources.push(source.clone());
        }
        sources.sort();
        sources.dedup();
        Some(Self { value, at: at?, sources })
    }

    /// The same found thing seen otherwise.
    pub fn map<U>(self, see: impl FnOnce(T) -> U) -> Found<U> {
        Found { value: see(self.value), at: self.at, sources: self.sources }
    }
}

// === impl Reach ===

impl Reach {
    /// From the standing of each facility that is asked; of several rows of one facility the last holds.
    pub fn new(rows: impl IntoIterator<Item = (FacilityId, Standing)>) -> Self {
        let mut kept: Vec<(FacilityId, Standing)> = Vec::new();
        for (facility, standing) in rows {
            match kept.iter_mut().find(|row| row.0 == facility) {
                Some(row) => row.1 = standing,
                None => kept.push((facility, standing)),
            }
        }
        kept.sort_by(|a, b| a.0.cmp(&b.0));
        Self(kept)
    }

    /// The standing of each facility, in order.
    pub fn standings(&self) -> impl Iterator<Item = (&FacilityId, Standing)> {
        self.0.iter().map(|row| (&row.0, row.1))
    }

    /// Why something of a category is not in what is open. Consent comes before links: where the patient is known, one
    /// question to the patient opens it.
    ///
    /// | a linked facility has it closed | a facility is not linked | answer |
    /// |---|---|---|
    /// | yes | any | not consented |
    /// | no | yes | not linked |
    /// | no | no | not measured |
    pub fn absent(&self, category: Category) -> Absent {
        let facilities = |of: fn(&Standing, Category) -> bool| -> Vec<FacilityId> {
            self.0.iter().filter(|row| of(&row.1, category)).map(|row| row.0.clone()).collect()
        };
        let closed = facilities(|row, category| matches!(row, Standing::Linked { open } if !open.contains(category)));
        if !closed.is_empty() {
            return Absent::NotConsented { at: closed };
        }
        let unlinked = facilities(|row, _| *row == Standing::NotLinked);
        if unlinked.is_empty() { Absent::NotMeasured } else { Absent::NotLinked { at: unlinked } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facility(name: &str) -> FacilityId {
        FacilityId::parse(name).unwrap()
    }

    #[test]
    fn not_measured_not_consented_and_not_linked_are_three_answers() {
        let open = Standing::Linked { open: CategorySet::all() };
        let closed = Standing::Linked { open: CategorySet::NONE };
        let reach = |rows: &[(&str, Standing)]| Reach::new(rows.iter().map(|(name, row)| (facility(name), *row)));
        let absent = |rows: &[(&str, Standing)]| reach(rows).absent(Category::Laboratory);
        assert_eq!(absent(&[("a", open)]), Absent::NotMeasured);
        assert_eq!(absent(&[]), Absent::NotMeasured, "a viewer with nobody to ask has asked everybody");
        assert_eq!(absent(&[("a", open), ("b", closed)]), Absent::NotConsented { at: vec![facility("b")] });
        assert_eq!(absent(&[("c", Standing::NotLinked), ("a", open)]), Absent::NotLinked { at: vec![facility("c")] });
        assert_eq!(
            absent(&[("c", Standing::NotLinked), ("b", closed)]),
            Absent::NotConsented { at: vec![facility("b")] }
        );
        let codes = [absent(&[("a", open)]).code(), absent(&[("b", closed)]).code()];
        assert_eq!(codes, ["not-measured", "not-consented"]);
    }

    #[test]
    fn what_rests_on_several_facts_names_each_source_once_and_the_latest_moment() {
        let at = |micros| Moment::from_micros(micros).unwrap();
        let (a, b) = (facility("a"), facility("b"));
        let found = Found::resting_on(1, [(at(5), &b), (at(9), &a), (at(2), &b)]).unwrap();
        assert_eq!((found.at, found.sources), (at(9), vec![a, b]));
        assert_eq!(Found::resting_on(1, []), None);
    }
}
