//! Diabetes drugs: classes from YJ codes, and which of them may cause hypoglycaemia.
//!
//! A YJ code begins with four digits of therapeutic category and three of the ingredient. HOT codes have no such order:
//! they mean what a facility's map to YJ says.

use super::day::{Date, days_between, days_later};
use super::facts::{Dated, Facts, Supply};
use crate::{Certainty, Source};
use model::{CodeSystem, Moment};
use std::collections::BTreeMap;
use std::ops::Bound;

/// A class of glucose-lowering drugs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DrugClass {
    /// インスリン
    Insulin,
    /// GLP-1 受容体作動薬
    Glp1,
    /// GIP/GLP-1 受容体作動薬
    GipGlp1,
    /// SU 薬
    Sulfonylurea,
    /// 速効型インスリン分泌促進薬（グリニド）
    Glinide,
    /// ビグアナイド
    Biguanide,
    /// DPP-4 阻害薬
    Dpp4,
    /// SGLT2 阻害薬
    Sglt2,
    /// α-グルコシダーゼ阻害薬
    AlphaGlucosidase,
    /// チアゾリジン
    Thiazolidinedione,
    /// イメグリミン
    Imeglimin,
}

impl DrugClass {
    /// All.
    pub const ALL: [Self; 11] = [
        Self::Insulin,
        Self::Glp1,
        Self::GipGlp1,
        Self::Sulfonylurea,
        Self::Glinide,
        Self::Biguanide,
        Self::Dpp4,
        Self::Sglt2,
        Self::AlphaGlucosidase,
        Self::Thiazolidinedione,
        Self::Imeglimin,
    ];

    /// A short stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Insulin => "insulin",
            Self::Glp1 => "glp1",
            Self::GipGlp1 => "gip-glp1",
            Self::Sulfonylurea => "sulfonylurea",
            Self::Glinide => "glinide",
            Self::Biguanide => "biguanide",
            Self::Dpp4 => "dpp4",
            Self::Sglt2 => "sglt2",
            Self::AlphaGlucosidase => "alpha-glucosidase",
            Self::Thiazolidinedione => "thiazolidinedione",
            Self::Imeglimin => "imeglimin",
        }
    }

    /// Whether it may cause severe hypoglycaemia: insulin, sulfonylureas, glinides (JDS/JGS 2016; certainty: primary).
    pub const fn risks_hypoglycaemia(self) -> bool {
        matches!(self, Self::Insulin | Self::Sulfonylurea | Self::Glinide)
    }
}

/// Changes with every change of the shipped rows.
pub const DRUGS_VERSION: &str = "2026-11-23";

const LISTED: Source = Source {
    text: "ingredient part of the YJ code as in PMDA and MHLW price list addresses of the product",
    certainty: Certainty::Secondary,
};
const FROM_MEMORY: Source =
    Source { text: "ingredient part of the YJ code, from memory", certainty: Certainty::Memory };

type Row = (&'static str, &'static [DrugClass], Source);

use DrugClass::{
    AlphaGlucosidase, Biguanide, Dpp4, GipGlp1, Glinide, Glp1, Imeglimin, Insulin, Sglt2, Sulfonylurea,
    Thiazolidinedione,
};

/// Beginning of the YJ code, classes, source. The longest beginning that fits holds.
const ROWS: &[Row] = &[
    // hormones of the pancreas, injected; the ingredient is not looked at
    ("24924", &[Insulin], FROM_MEMORY),
    ("2492416", &[Insulin], LISTED),
    ("2499410", &[Glp1], LISTED),
    ("2499411", &[Glp1], FROM_MEMORY),
    ("2499415", &[Glp1], FROM_MEMORY),
    ("2499416", &[Glp1], LISTED),
    ("2499418", &[Glp1], FROM_MEMORY),
    ("2499014", &[Glp1], LISTED),
    ("2499422", &[GipGlp1], LISTED),
    // the whole category 3961 are sulfonylureas, 3962 biguanides
    ("3961", &[Sulfonylurea], FROM_MEMORY),
    ("3961008", &[Sulfonylurea], LISTED),
    ("3962", &[Biguanide], FROM_MEMORY),
    ("3962002", &[Biguanide], LISTED),
    ("3969003", &[AlphaGlucosidase], FROM_MEMORY),
    ("3969004", &[AlphaGlucosidase], FROM_MEMORY),
    ("3969009", &[AlphaGlucosidase], FROM_MEMORY),
    ("3969006", &[Glinide], FROM_MEMORY),
    ("3969008", &[Glinide], FROM_MEMORY),
    ("3969013", &[Glinide], FROM_MEMORY),
    ("3969007", &[Thiazolidinedione], LISTED),
    ("3969010", &[Dpp4], LISTED),
    ("3969011", &[Dpp4], FROM_MEMORY),
    ("3969012", &[Dpp4], FROM_MEMORY),
    ("3969014", &[Dpp4], FROM_MEMORY),
    ("3969015", &[Dpp4], LISTED),
    ("3969016", &[Dpp4], FROM_MEMORY),
    ("3969017", &[Dpp4], FROM_MEMORY),
    ("3969024", &[Dpp4], FROM_MEMORY),
    ("3969025", &[Dpp4], FROM_MEMORY),
    ("3969018", &[Sglt2], LISTED),
    ("3969019", &[Sglt2], LISTED),
    ("3969020", &[Sglt2], FROM_MEMORY),
    ("3969021", &[Sglt2], FROM_MEMORY),
    ("3969022", &[Sglt2], LISTED),
    ("3969023", &[Sglt2], LISTED),
    ("3969026", &[Imeglimin], LISTED),
    // combinations
    ("3969100", &[Thiazolidinedione, Biguanide], FROM_MEMORY),
    ("3969101", &[Thiazolidinedione, Sulfonylurea], FROM_MEMORY),
    ("3969102", &[Thiazolidinedione, Dpp4], FROM_MEMORY),
    ("3969103", &[Glinide, AlphaGlucosidase], FROM_MEMORY),
    ("3969104", &[Dpp4, Biguanide], FROM_MEMORY),
    ("3969105", &[Dpp4, Biguanide], FROM_MEMORY),
    ("3969106", &[Dpp4, Sglt2], FROM_MEMORY),
    ("3969107", &[Dpp4, Biguanide], FROM_MEMORY),
    ("3969108", &[Dpp4, Sglt2], FROM_MEMORY),
    ("3969109", &[Dpp4, Sglt2], FROM_MEMORY),
];

/// Why a facility's row was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DrugError {
    /// Not the beginning of a YJ code.
    #[error("`{text}` is not the beginning of a YJ code: 4 to 12 digits and capital letters, the first four digits")]
    Yj {
        /// What was written.
        text: String,
    },
    /// Not a HOT code.
    #[error("`{text}` is not a HOT code: 7, 9, 11 or 13 digits")]
    Hot {
        /// What was written.
        text: String,
    },
}

/// What codes mean, and when a supply counts as current.
#[derive(Clone, PartialEq, Debug)]
pub struct DrugTable {
    version: String,
    rows: BTreeMap<String, (Vec<DrugClass>, Option<Source>)>,
    hot: BTreeMap<String, String>,
    /// Whole codes of other systems: a facility's own, RxNorm.
    others: BTreeMap<(String, String), Vec<DrugClass>>,
    /// Days after the end of a supply during which it still counts as current.
    grace_days: u16,
    /// Days taken for a supply that does not say.
    assumed_days: u16,
}

const HOT_LENGTHS: [usize; 4] = [7, 9, 11, 13];

impl DrugTable {
    /// The shipped rows, with 30 days of grace and 30 days where a supply does not say (both a choice).
    pub fn shipped() -> Self {
        let rows = ROWS.iter().map(|(yj, classes, source)| ((*yj).to_owned(), (classes.to_vec(), Some(*source))));
        Self {
            version: DRUGS_VERSION.to_owned(),
            rows: rows.collect(),
            hot: BTreeMap::new(),
            others: BTreeMap::new(),
            grace_days: 30,
            assumed_days: 30,
        }
    }

    /// The same with a facility's rows: beginnings of YJ codes with their classes, none of them for "no diabetes drug".
    ///
    /// # Errors
    /// When a beginning is none of a YJ code.
    pub fn with<'a>(
        mut self,
        version: &str,
        rows: impl IntoIterator<Item = (&'a str, Vec<DrugClass>)>,
    ) -> Result<Self, DrugError> {
        for (yj, classes) in rows {
            if !is_yj(yj) {
                return Err(DrugError::Yj { text: yj.to_owned() });
            }
            self.rows.insert(yj.to_owned(), (classes, None));
        }
        self.version = version.to_owned();
        Ok(self)
    }

    /// The same with a map from HOT codes to YJ codes (the MEDIS HOT master has it; it is not shipped).
    ///
    /// # Errors
    /// When a code is none.
    pub fn with_hot<'a>(
        mut self,
        version: &str,
        rows: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, DrugError> {
        for (hot, yj) in rows {
            if !HOT_LENGTHS.contains(&hot.len()) || !hot.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(DrugError::Hot { text: hot.to_owned() });
            }
            if !is_yj(yj) {
                return Err(DrugError::Yj { text: yj.to_owned() });
            }
            self.hot.insert(hot.to_owned(), yj.to_owned());
        }
        self.version = version.to_owned();
        Ok(self)
    }

    /// The same with whole codes of other systems: a facility's own drug codes, RxNorm.
    #[must_use]
    pub fn with_codes<'a>(
        mut self,
        version: &str,
        rows: impl IntoIterator<Item = (CodeSystem, &'a str, Vec<DrugClass>)>,
    ) -> Self {
        let row =
            |(system, code, classes): (CodeSystem, &str, _)| ((system.code().to_owned(), code.to_owned()), classes);
        self.others.extend(rows.into_iter().map(row));
        version.clone_into(&mut self.version);
        self
    }

    /// The same with other days of grace, and for supplies that do not say.
    #[must_use]
    pub fn with_days(self, version: &str, grace_days: u16, assumed_days: u16) -> Self {
        Self { version: version.to_owned(), grace_days, assumed_days, ..self }
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Days after the end of a supply during which it still counts as current.
    pub fn grace_days(&self) -> u16 {
        self.grace_days
    }

    /// The classes of a code; empty for what is no diabetes drug, and for codes that no row knows.
    pub fn classes(&self, system: &CodeSystem, code: &str) -> &[DrugClass] {
        let yj = match system {
            CodeSystem::Yj => code,
            // a longer HOT code begins with the shorter one of the same drug
            CodeSystem::Hot => match HOT_LENGTHS.iter().rev().find_map(|length| self.hot.get(code.get(..*length)?)) {
                Some(yj) => yj,
                None => return &[],
            },
            other => {
                let key = (other.code().to_owned(), code.to_owned());
                return self.others.get(&key).map_or(&[], Vec::as_slice);
            }
        };
        // every beginning of a code sorts before it, the longest last; what shares not even the category ends the search
        let near = self.rows.range::<str, _>((Bound::Unbounded, Bound::Included(yj))).rev();
        let mut near = near.take_while(|(beginning, _)| beginning.get(..4) == yj.get(..4));
        near.find(|(beginning, _)| yj.starts_with(beginning.as_str())).map_or(&[], |(_, row)| &row.0)
    }

    /// The last day a supply lasts, without grace.
    pub fn end(&self, supply: &Dated<Supply>) -> Date {
        let days = supply.value.days.unwrap_or(u32::from(self.assumed_days));
        days_later(supply.day(), i64::from(days) - i64::from(days > 0))
    }

    /// Supplies of diabetes drugs up to a moment, with their classes, earliest first.
    pub fn supplies<'a>(&'a self, facts: &'a Facts, now: Moment) -> Vec<(&'a Dated<Supply>, &'a [DrugClass])> {
        let of = |one: &'a Dated<Supply>| (one, self.classes(&one.value.system, &one.value.code));
        let mut found: Vec<_> =
            facts.supplies.iter().filter(|one| one.at <= now).map(of).filter(|row| !row.1.is_empty()).collect();
        found.sort_by(|a, b| a.0.origin().cmp(&b.0.origin()).then_with(|| a.0.value.code.cmp(&b.0.value.code)));
        found
    }

    /// The classes a person takes on a day: of supplies that have not run out for longer than the days of grace. Each
    /// class with the supply that lasts longest.
    pub fn current<'a>(&'a self, facts: &'a Facts, now: Moment) -> BTreeMap<DrugClass, &'a Dated<Supply>> {
        let today = super::day::day_of(now);
        let mut found: BTreeMap<DrugClass, &Dated<Supply>> = BTreeMap::new();
        for (supply, classes) in self.supplies(facts, now) {
            if days_between(self.end(supply), today) > i32::from(self.grace_days) {
                continue;
            }
            for class in classes {
                let longer = found.get(class).is_none_or(|before| self.end(before) <= self.end(supply));
                if longer {
                    found.insert(*class, supply);
                }
            }
        }
        found
    }
}

fn is_yj(text: &str) -> bool {
    (4..=12).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        && text.bytes().take(4).all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
