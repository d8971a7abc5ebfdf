//! HbA1c targets: adults, and the elderly with a floor.

use super::answer::Unsaid;
use super::drug::DrugClass;
use super::facts::{Facts, Observation};
use crate::lab::decimal::dec;
use crate::{Certainty, OutOfDomainError, Source};
use model::Moment;
use rust_decimal::Decimal;
use std::collections::BTreeSet;

/// Category of an elderly person (JDS/JGS 2016).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ElderlyCategory {
    /// カテゴリー I: cognition normal and daily living independent.
    I,
    /// カテゴリー II: mild impairment, or instrumental daily living reduced.
    II,
    /// カテゴリー III: moderate dementia or worse, basic daily living reduced, or many illnesses.
    III,
}

impl ElderlyCategory {
    /// All.
    pub const ALL: [Self; 3] = [Self::I, Self::II, Self::III];

    /// From the sum of DASC-8: up to 10 is I, 11 to 16 II, from 17 III (certainty: memory).
    ///
    /// # Errors
    /// Outside 8 to 32.
    pub fn from_dasc8(sum: u8) -> Result<Self, OutOfDomainError> {
        match sum {
            8..=10 => Ok(Self::I),
            11..=16 => Ok(Self::II),
            17..=32 => Ok(Self::III),
            _ => Err(OutOfDomainError { argument: "dasc8", domain: "8 to 32" }),
        }
    }

    /// `I`, `II` or `III`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::I => "I",
            Self::II => "II",
            Self::III => "III",
        }
    }

    /// As last said of a person by DASC-8.
    pub fn of(facts: &Facts, now: Moment) -> Option<Self> {
        let said = facts.observed(now, |one| match one {
            Observation::Dasc8(sum) => Self::from_dasc8(sum).ok(),
            _ => None,
        });
        said.last().map(|one| one.0)
    }
}

/// A row of targets: whom it is for, and what it says.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TargetRow {
    /// Category; `None` for the young, of whom none is asked.
    pub category: Option<ElderlyCategory>,
    /// Completed years, from and to, both included.
    pub age: (u16, u16),
    /// Whether a drug that risks hypoglycaemia is taken; `None` for either.
    pub risky_drug: Option<bool>,
    /// HbA1c is to be below this, NGSP percent.
    pub below: Decimal,
    /// And not below this.
    pub floor: Option<Decimal>,
    /// Where it comes from; `None` for a facility's own.
    pub source: Option<Source>,
}

/// What holds for a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    /// HbA1c is to be below this, NGSP percent.
    pub below: Decimal,
    /// And not below this.
    pub floor: Option<Decimal>,
}

/// Changes with every change of the shipped rows.
pub const TARGETS_VERSION: &str = "2026-11-23";

const KUMAMOTO: Option<Source> =
    Some(Source { text: "熊本宣言 2013: below 7.0 % to prevent complications", certainty: Certainty::Primary });
const ELDERLY: Option<Source> = Some(Source {
    text: "高齢者糖尿病の血糖コントロール目標 (JDS/JGS 2016)",
    certainty: Certainty::Primary,
});

const OLDEST: u16 = 130;

type Who = (ElderlyCategory, (u16, u16), bool);

const fn elderly((category, age, risky): Who, below: &'static str, floor: Option<&'static str>) -> TargetRow {
    let floor = match floor {
        Some(floor) => Some(dec(floor)),
        None => None,
    };
    TargetRow { category: Some(category), age, risky_drug: Some(risky), below: dec(below), floor, source: ELDERLY }
}

use ElderlyCategory::{I, II, III};

/// The shipped rows. The first that fits holds.
pub const TARGET_ROWS: &[TargetRow] = &[
    TargetRow { category: None, age: (18, 64), risky_drug: None, below: dec("7.0"), floor: None, source: KUMAMOTO },
    elderly((I, (65, OLDEST), false), "7.0", None),
    elderly((II, (65, OLDEST), false), "7.0", None),
    elderly((III, (65, OLDEST), false), "8.0", None),
    elderly((I, (65, 74), true), "7.5", Some("6.5")),
    elderly((I, (75, OLDEST), true), "8.0", Some("7.0")),
    elderly((II, (65, OLDEST), true), "8.0", Some("7.0")),
    elderly((III, (65, OLDEST), true), "8.5", Some("7.5")),
];

/// Rows with a version.
#[derive(Clone, PartialEq, Debug)]
pub struct TargetTable {
    version: String,
    rows: Vec<TargetRow>,
}

/// No row is for this person.
pub const NO_TARGET: Unsaid = Unsaid {
    key: "no-target",
    en: "no target is known for this age or category",
    ja: "この年齢・カテゴリーの目標値がない",
};
/// The category of an elderly person is not known, and targets differ by it.
pub const CATEGORY_UNKNOWN: Unsaid = Unsaid {
    key: "elderly-category-unknown",
    en: "the category (cognition and daily living) is not known",
    ja: "高齢者カテゴリー（認知機能・ADL）が不明",
};

impl TargetTable {
    /// The shipped rows.
    pub fn shipped() -> Self {
        Self { version: TARGETS_VERSION.to_owned(), rows: TARGET_ROWS.to_vec() }
    }

    /// The same with a facility's own rows before the shipped ones.
    #[must_use]
    pub fn with(self, version: &str, own: Vec<TargetRow>) -> Self {
        Self { version: version.to_owned(), rows: own.into_iter().chain(self.rows).collect() }
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The ages at which another row may hold.
    pub fn ages(&self) -> impl Iterator<Item = u16> + '_ {
        self.rows.iter().flat_map(|row| [row.age.0, row.age.1.saturating_add(1)])
    }

    /// The target of a person. Of an elderly person without a category the target is what all categories say, and else
    /// none.
    ///
    /// # Errors
    /// Where none holds, with the reason.
    pub fn target(&self, age: u16, category: Option<ElderlyCategory>, risky_drug: bool) -> Result<Target, Unsaid> {
        let mut said = self.possible(age, category, risky_drug);
        match (said.next(), said.next()) {
            (None, _) => Err(NO_TARGET),
            (Some(first), None) => Ok(first),
            (Some(first), Some(second)) if first == second && said.all(|one| one == first) => Ok(first),
            _ => Err(CATEGORY_UNKNOWN),
        }
    }

    /// The targets of every category the person may be of.
    fn possible(
        &self,
        age: u16,
        category: Option<ElderlyCategory>,
        risky_drug: bool,
    ) -> impl Iterator<Item = Target> + '_ {
        let categories: Vec<Option<ElderlyCategory>> = match category {
            Some(category) => vec![Some(category)],
            None => ElderlyCategory::ALL.into_iter().map(Some).collect(),
        };
        categories.into_iter().filter_map(move |category| {
            let fits = |row: &&TargetRow| {
                row.age.0 <= age
                    && age <= row.age.1
                    && (row.category.is_none() || row.category == category)
                    && row.risky_drug.is_none_or(|risky| risky == risky_drug)
            };
            self.rows.iter().find(fits).map(|row| Target { below: row.below, floor: row.floor })
        })
    }

    /// Whether HbA1c lies below the floor while a drug is taken that risks hypoglycaemia. `None` where categories the
    /// person may be of differ, or no row is for this person.
    pub fn over_treated(
        &self,
        age: u16,
        category: Option<ElderlyCategory>,
        drugs: impl IntoIterator<Item = DrugClass>,
        hba1c: Decimal,
    ) -> Option<bool> {
        if !drugs.into_iter().any(DrugClass::risks_hypoglycaemia) {
            return Some(false);
        }
        let below = |target: Target| target.floor.is_some_and(|floor| hba1c < floor);
        let said: BTreeSet<bool> = self.possible(age, category, true).map(below).collect();
        if said.len() == 1 { said.first().copied() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table() -> TargetTable {
        TargetTable::shipped()
    }

    #[track_caller]
    fn check(age: u16, category: ElderlyCategory, risky: bool, below: &'static str, floor: Option<&'static str>) {
        let expected = Target { below: dec(below), floor: floor.map(dec) };
        assert_eq!(table().target(age, Some(category), risky), Ok(expected), "{age} {category:?} {risky}");
    }

    #[test]
    fn every_cell_of_the_elderly_table_is_as_published() {
        for age in [65, 74, 75, 90] {
            check(age, I, false, "7.0", None);
            check(age, II, false, "7.0", None);
            check(age, III, false, "8.0", None);
            check(age, II, true, "8.0", Some("7.0"));
            check(age, III, true, "8.5", Some("7.5"));
        }
        check(65, I, true, "7.5", Some("6.5"));
        check(74, I, true, "7.5", Some("6.5"));
        check(75, I, true, "8.0", Some("7.0"));
    }

    #[test]
    fn the_young_have_one_target_and_children_none() {
        let adult = Ok(Target { below: dec("7.0"), floor: None });
        assert_eq!(table().target(18, None, true), adult);
        assert_eq!(table().target(64, None, false), adult);
        assert_eq!(table().target(17, None, false), Err(NO_TARGET));
    }

    #[test]
    fn without_a_category_only_what_all_categories_say_is_said() {
        assert_eq!(table().target(80, None, true), Err(CATEGORY_UNKNOWN));
        assert_eq!(table().target(80, None, false), Err(CATEGORY_UNKNOWN));
        let over = |age, hba1c| table().over_treated(age, None, [DrugClass::Insulin], dec(hba1c));
        assert_eq!(
            [over(80, "6.9"), over(80, "7.0"), over(80, "7.4"), over(80, "7.5")],
            [Some(true), None, None, Some(false)]
        );
        assert_eq!([over(70, "6.4"), over(70, "6.5"), over(70, "7.5")], [Some(true), None, Some(false)]);
    }

    #[test]
    fn over_treatment_is_a_risky_drug_and_a_value_below_the_floor() {
        let over = |drug, hba1c| table().over_treated(78, Some(I), [drug], dec(hba1c));
        assert_eq!(over(DrugClass::Sulfonylurea, "6.9"), Some(true));
        assert_eq!(over(DrugClass::Sulfonylurea, "7.0"), Some(false), "the floor itself is not below it");
        assert_eq!(over(DrugClass::Dpp4, "5.5"), Some(false));
        assert_eq!(
            table().over_treated(50, None, [DrugClass::Insulin], dec("5.5")),
            Some(false),
            "no floor for the young"
        );
    }

    #[test]
    fn dasc8_sums_change_category_at_their_limits() {
        let of = |sum| ElderlyCategory::from_dasc8(sum).ok();
        assert_eq!(
            [7, 8, 10, 11, 16, 17, 32, 33].map(of),
            [None, Some(I), Some(I), Some(II), Some(II), Some(III), Some(III), None]
        );
    }

    #[test]
    fn a_facilitys_row_comes_first() {
        let own = TargetRow { below: dec("6.5"), source: None, ..TARGET_ROWS[0] };
        let table = table().with("own", vec![own]);
        assert_eq!(table.target(40, None, false).map(|target| target.below), Ok(dec("6.5")));
        assert_eq!(table.version(), "own");
    }

    proptest! {
        /// A lower HbA1c never stops being over-treatment.
        #[test]
        fn lower_never_stops_being_over_treatment(age in 18_u16..100, value in 50_i64..100, less in 0_i64..30, which in 0_usize..4) {
            let category = ElderlyCategory::ALL.get(which).copied();
            let over = |value| table().over_treated(age, category, [DrugClass::Glinide], Decimal::new(value, 1));
            if over(value) == Some(true) {
                prop_assert_eq!(over(value - less), Some(true));
            }
        }

        /// A target lies above its floor, and a worse category never has a lower target.
        #[test]
        fn targets_never_tighten_with_frailty(age in 65_u16..120, risky: bool) {
            let targets: Vec<_> = ElderlyCategory::ALL.iter().map(|one| table().target(age, Some(*one), risky).unwrap()).collect();
            for target in &targets {
                prop_assert!(target.floor.is_none_or(|floor| floor < target.below));
            }
            prop_assert!(targets[0].below <= targets[1].below && targets[1].below <= targets[2].below);
        }
    }
}
