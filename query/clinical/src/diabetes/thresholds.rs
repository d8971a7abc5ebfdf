//! A facility's own limits as a file: what it says holds before the shipped rows, what it does not say stays shipped.
//!
//! ```
//! use clinical::diabetes::Thresholds;
//! let text = "
//! version: '2026-11'
//! asks: [nagasaki-mc]
//! diabetes:
//!   rules: [{ codes: 2 }, { codes: 1, drug: true }, { hba1c: 6.5, days: 2 }]
//!   codes: [{ system: local, code: DM2, says: type-2 }]
//! kidney: { rapid: -3, albumin-days: 365 }
//! targets:
//!   - { age: { from: 18, to: 39 }, below: 6.5 }
//!   - { age: { from: 75 }, category: II, risky-drug: true, below: 8.5, floor: 7.5 }
//! due:
//!   - { check: hba1c, months: 2 }
//!   - { check: eye, finding: simple, days: 120 }
//! drugs:
//!   grace-days: 14
//!   codes:
//!     - { system: local, code: MET500, classes: [biguanide] }
//! ";
//! let thresholds = Thresholds::parse(text)?;
//! assert_eq!(thresholds.tables().kidney.rapid, -3.0);
//! assert_eq!(thresholds.asks()[0].as_str(), "nagasaki-mc");
//! let wrong = Thresholds::parse("version: '1'\nkidney:\n  rapid: quick\n").unwrap_err();
//! assert_eq!(wrong.line, 3);
//! # Ok::<(), clinical::diabetes::ThresholdsError>(())
//! ```

mod counting;

use self::counting::Diabetes;
use super::drug::DrugClass;
use super::due::{Check, DueRow, Interval};
use super::facts::Retinopathy;
use super::tables::Tables;
use super::target::{ElderlyCategory, TargetRow};
use model::{CodeSystem, FacilityId};
use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::sync::Arc;

/// Why a text states no limits, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{rule}", Place(*line))]
pub struct ThresholdsError {
    /// Which line, from 1; 0 where it is the file as a whole.
    pub line: u64,
    /// What is wrong, with the field.
    pub rule: String,
}

struct Place(u64);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, "line {}: ", self.0) }
    }
}

/// A facility's tables, and the facilities it asks about each of its patients.
#[derive(Clone, PartialEq, Debug)]
pub struct Thresholds {
    tables: Arc<Tables>,
    asks: Vec<FacilityId>,
}

impl Thresholds {
    /// Rows of one list at most.
    pub const ROWS: usize = 1_000;

    /// Reads a file.
    ///
    /// # Errors
    /// With the line and the field, where it states no limits.
    pub fn parse(text: &str) -> Result<Self, ThresholdsError> {
        read(text)?.into_thresholds().map_err(|rule| ThresholdsError { line: 0, rule })
    }

    /// The tables: the shipped ones with what the file says.
    pub fn tables(&self) -> &Arc<Tables> {
        &self.tables
    }
    /// The facilities that are asked about each patient. Where nothing of the patient is open there, and no link is known, what is
    /// not there may lie with them (`not-linked`).
    pub fn asks(&self) -> &[FacilityId] {
        &self.asks
    }
}

// === The file ===

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    version: String,
    #[serde(default)]
    asks: Vec<String>,
    #[serde(default)]
    diabetes: Diabetes,
    #[serde(default)]
    kidney: Kidney,
    #[serde(default)]
    targets: Vec<Target>,
    #[serde(default)]
    due: Vec<Due>,
    #[serde(default)]
    drugs: Drugs,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Kidney {
    g: Option<[f64; 5]>,
    albumin: Option<[Number; 2]>,
    protein: Option<[Number; 2]>,
    stage_four: Option<f64>,
    albumin_days: Option<u32>,
    chronic_days: Option<u32>,
    slope_days: Option<u32>,
    slope_values: Option<usize>,
    slope_years: Option<f64>,
    rapid: Option<f64>,
    acute_share: Option<f64>,
    acute_days: Option<u32>,
    falls: Option<[u8; 3]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ages {
    #[serde(default)]
    from: u16,
    #[serde(default = "oldest")]
    to: u16,
}

const fn oldest() -> u16 {
    130
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Target {
    age: Ages,
    category: Option<Category>,
    risky_drug: Option<bool>,
    below: Number,
    floor: Option<Number>,
}

#[derive(Deserialize, Clone, Copy)]
enum Category {
    I,
    #[serde(rename = "II")]
    Ii,
    #[serde(rename = "III")]
    Iii,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Due {
    check: String,
    finding: Option<Finding>,
    months: Option<u8>,
    days: Option<u16>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Finding {
    None,
    Simple,
    PreProliferative,
    Proliferative,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Drugs {
    grace_days: Option<u16>,
    assumed_days: Option<u16>,
    #[serde(default)]
    yj: Vec<Beginning>,
    #[serde(default)]
    hot: Vec<Hot>,
    #[serde(default)]
    codes: Vec<Code>,
}

/// The beginning of YJ codes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Beginning {
    yj: String,
    classes: Vec<String>,
}

/// What a HOT code is as a YJ code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hot {
    hot: String,
    yj: String,
}

/// A whole code of another system.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    #[serde(default)]
    system: String,
    code: String,
    classes: Vec<String>,
}

/// A number, exactly as it is written.
#[derive(Clone, Copy)]
struct Number(Decimal);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // the shortest decimal that is this double is what was written
        let number = f64::deserialize(from)?;
        number.to_string().parse().map(Self).map_err(|_| D::Error::custom("a number that a decimal can hold"))
    }
}

fn read(text: &str) -> Result<Form, ThresholdsError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: 8, max_nodes: 40 * Thresholds::ROWS },
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(0, |place| place.line());
        let said = error.without_snippet().to_string();
        // the place stands in a field of its own
        let rule = said.split(" at line ").next().unwrap_or(&said).to_owned();
        ThresholdsError { line, rule }
    })
}

impl Form {
    fn into_thresholds(self) -> Result<Thresholds, String> {
        let version = self.version;
        if version.trim().is_empty() || version.chars().count() > 40 {
            return Err("`version`: 1 to 40 characters".to_owned());
        }
        let asks = self
            .asks
            .iter()
            .map(|id| FacilityId::parse(id).map_err(|error| format!("`asks`: `{id}` is no facility id: {error}")));
        let asks = asks.collect::<Result<Vec<_>, _>>()?;
        let shipped = Tables::shipped();
        let denominator = self.diabetes.over(&version, shipped.denominator)?;
        let kidney = self.kidney.over(&version, shipped.kidney)?;
        let targets = rows("targets", self.targets, Target::row)?;
        let due = rows("due", self.due, Due::row)?;
        let drugs = self.drugs.over(&version, shipped.drugs)?;
        let targets = if targets.is_empty() { shipped.targets } else { shipped.targets.with(&version, targets) };
        let due = if due.is_empty() { shipped.due } else { shipped.due.with(&version, due) };
        let tables = Tables { denominator, drugs, targets, due, kidney };
        Ok(Thresholds { tables: Arc::new(tables), asks })
    }
}

/// The rows of a list, each with its place where it is wrong.
fn rows<T, U>(list: &str, rows: Vec<T>, read: impl Fn(T) -> Result<U, String>) -> Result<Vec<U>, String> {
    if rows.len() > Thresholds::ROWS {
        return Err(format!("`{list}`: at most {} rows", Thresholds::ROWS));
    }
    let numbered = rows.into_iter().enumerate();
    numbered.map(|(at, row)| read(row).map_err(|rule| format!("`{list}`, row {}: {rule}", at + 1))).collect()
}

fn falling(limits: &[f64]) -> bool {
    limits.iter().all(|limit| limit.is_finite() && *limit > 0.0) && limits.is_sorted_by(|a, b| a > b)
}

impl Kidney {
    fn over(self, version: &str, shipped: super::kidney::KidneyLimits) -> Result<super::kidney::KidneyLimits, String> {
        let wrong = |field: &str, rule: &str| Err(format!("`kidney`, `{field}`: {rule}"));
        if self.g.is_some_and(|g| !falling(&g)) {
            return wrong("g", "five limits above 0, each below the one before");
        }
        for (field, limits) in [("albumin", self.albumin), ("protein", self.protein)] {
            if limits.is_some_and(|[low, high]| low.0 <= Decimal::ZERO || high.0 <= low.0) {
                return wrong(field, "two limits above 0, the second above the first");
            }
        }
        if self.stage_four.is_some_and(|limit| !falling(&[limit])) {
            return wrong("stage-four", "above 0");
        }
        if self.rapid.is_some_and(|slope| !slope.is_finite() || slope >= 0.0) {
            return wrong("rapid", "a slope below 0, in mL/min/1.73 m2 a year");
        }
        if self.acute_share.is_some_and(|share| !(0.0..1.0).contains(&share)) {
            return wrong("acute-share", "a share from 0 to below 1");
        }
        if self.slope_values.is_some_and(|values| values < 3) {
            return wrong("slope-values", "at least 3");
        }
        if self.slope_years.is_some_and(|years| !(0.0..=50.0).contains(&years)) {
            return wrong("slope-years", "0 to 50");
        }
        let days = [
            ("albumin-days", self.albumin_days),
            ("chronic-days", self.chronic_days),
            ("slope-days", self.slope_days),
            ("acute-days", self.acute_days),
        ];
        if let Some((field, _)) = days.iter().find(|(_, days)| days.is_some_and(|days| !(1..=36_525).contains(&days))) {
            return wrong(field, "1 to 36525 days");
        }
        if self
            .falls
            .is_some_and(|falls| !falls.is_sorted_by(|a, b| a < b) || falls.iter().any(|fall| !(1..100).contains(fall)))
        {
            return wrong("falls", "three percentages from 1 to 99, rising");
        }
        let stated = self.g.is_some()
            || self.albumin.is_some()
            || self.protein.is_some()
            || self.stage_four.is_some()
            || self.slope_values.is_some()
            || self.slope_years.is_some()
            || self.rapid.is_some()
            || self.acute_share.is_some()
            || self.falls.is_some()
            || days.iter().any(|(_, days)| days.is_some());
        Ok(super::kidney::KidneyLimits {
            version: if stated { version.to_owned() } else { shipped.version },
            g: self.g.unwrap_or(shipped.g),
            albumin: self.albumin.map_or(shipped.albumin, |limits| limits.map(|limit| limit.0)),
            protein: self.protein.map_or(shipped.protein, |limits| limits.map(|limit| limit.0)),
            dipstick: shipped.dipstick,
            stage_four: self.stage_four.unwrap_or(shipped.stage_four),
            confirm: shipped.confirm,
            albumin_days: self.albumin_days.unwrap_or(shipped.albumin_days),
            chronic_days: self.chronic_days.unwrap_or(shipped.chronic_days),
            slope_days: self.slope_days.unwrap_or(shipped.slope_days),
            slope_needs: (
                self.slope_values.unwrap_or(shipped.slope_needs.0),
                self.slope_years.unwrap_or(shipped.slope_needs.1),
            ),
            rapid: self.rapid.unwrap_or(shipped.rapid),
            acute_share: self.acute_share.unwrap_or(shipped.acute_share),
            acute_days: self.acute_days.unwrap_or(shipped.acute_days),
            falls: self.falls.unwrap_or(shipped.falls),
        })
    }
}

impl Target {
    fn row(self) -> Result<TargetRow, String> {
        let percent = |value: Decimal| value >= Decimal::from(3) && value <= Decimal::from(20);
        if self.age.from > self.age.to {
            return Err("`age`: it ends before it begins".to_owned());
        }
        let (below, floor) = (self.below.0, self.floor.map(|floor| floor.0));
        if !percent(below) || floor.is_some_and(|floor| !percent(floor) || floor >= below) {
            return Err("`below` and `floor`: NGSP percent from 3 to 20, the floor below the target".to_owned());
        }
        let category = self.category.map(|category| match category {
            Category::I => ElderlyCategory::I,
            Category::Ii => ElderlyCategory::II,
            Category::Iii => ElderlyCategory::III,
        });
        let age = (self.age.from, self.age.to);
        Ok(TargetRow { category, age, risky_drug: self.risky_drug, below, floor, source: None })
    }
}

impl Due {
    fn row(self) -> Result<DueRow, String> {
        let check = Check::ALL.into_iter().find(|check| check.code() == self.check);
        let check = check.ok_or_else(|| {
            let known: Vec<&str> = Check::ALL.iter().map(|check| check.code()).collect();
            format!("`check`: one of {}", known.join(", "))
        })?;
        let finding = self.finding.map(|finding| match finding {
            Finding::None => Retinopathy::None,
            Finding::Simple => Retinopathy::Simple,
            Finding::PreProliferative => Retinopathy::PreProliferative,
            Finding::Proliferative => Retinopathy::Proliferative,
        });
        if finding.is_some() && check != Check::Eye {
            return Err("`finding`: of the eyes only".to_owned());
        }
        let after = match (self.months, self.days) {
            (Some(months), None) if (1..=120).contains(&months) => Interval::Months(months),
            (None, Some(days)) if (1..=3_653).contains(&days) => Interval::Days(days),
            _ => return Err("`months` (1 to 120) or `days` (1 to 3653), one of them".to_owned()),
        };
        Ok(DueRow { check, finding, after, source: None })
    }
}

impl Drugs {
    fn over(self, version: &str, shipped: super::drug::DrugTable) -> Result<super::drug::DrugTable, String> {
        let yj = rows("yj", self.yj, |row| Ok((row.yj, classes(&row.classes)?)))?;
        let codes = rows("codes", self.codes, |row| {
            if row.code.is_empty() {
                return Err("`code`: not empty".to_owned());
            }
            Ok((CodeSystem::from_text(&row.system), row.code, classes(&row.classes)?))
        })?;
        if self.hot.len() > 100 * Thresholds::ROWS {
            return Err(format!("`hot`: at most {} rows", 100 * Thresholds::ROWS));
        }
        let mut table = shipped;
        if !yj.is_empty() {
            let rows = yj.iter().map(|(yj, classes)| (yj.as_str(), classes.clone()));
            table = table.with(version, rows).map_err(|error| format!("`drugs`, `yj`: {error}"))?;
        }
        if !self.hot.is_empty() {
            let rows = self.hot.iter().map(|row| (row.hot.as_str(), row.yj.as_str()));
            table = table.with_hot(version, rows).map_err(|error| format!("`drugs`, `hot`: {error}"))?;
        }
        if !codes.is_empty() {
            table = table.with_codes(version, codes.iter().map(|(s, code, of)| (s.clone(), code.as_str(), of.clone())));
        }
        if self.grace_days.is_some() || self.assumed_days.is_some() {
            let (grace, assumed) = (self.grace_days.unwrap_or(table.grace_days()), self.assumed_days.unwrap_or(30));
            table = table.with_days(version, grace, assumed);
        }
        Ok(table)
    }
}

fn classes(names: &[String]) -> Result<Vec<DrugClass>, String> {
    let class = |name: &String| {
        DrugClass::ALL.into_iter().find(|class| class.code() == name).ok_or_else(|| {
            let known: Vec<&str> = DrugClass::ALL.iter().map(|class| class.code()).collect();
            format!("`classes`: `{name}` is none of {}", known.join(", "))
        })
    };
    names.iter().map(class).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> (u64, String) {
        let error = Thresholds::parse(text).unwrap_err();
        (error.line, error.rule)
    }

    #[test]
    fn what_is_not_said_stays_shipped() {
        let said = Thresholds::parse("version: own\n").unwrap();
        assert_eq!(**said.tables(), Tables::shipped());
        assert!(said.asks().is_empty());
        let one = Thresholds::parse("version: own\nkidney: { albumin-days: 365 }\n").unwrap();
        assert_eq!((one.tables().kidney.albumin_days, one.tables().kidney.version.as_str()), (365, "own"));
        assert_eq!(one.tables().targets, Tables::shipped().targets);
    }

    #[test]
    fn a_facilitys_rows_come_before_the_shipped_ones() {
        let text = "version: own\ntargets:\n  - { age: { from: 18, to: 39 }, below: 6.5 }\n";
        let table = Thresholds::parse(text).unwrap().tables().targets.clone();
        let below = |age| table.target(age, None, false).map(|target| target.below.to_string());
        assert_eq!(below(39), Ok("6.5".to_owned()));
        assert_eq!(below(40), Ok("7.0".to_owned()));
        let text = "version: own\ndrugs:\n  codes: [{ system: local, code: MET500, classes: [biguanide] }]\n";
        let drugs = Thresholds::parse(text).unwrap().tables().drugs.clone();
        assert_eq!(drugs.classes(&CodeSystem::Local, "MET500"), [DrugClass::Biguanide]);
        assert_eq!(drugs.classes(&CodeSystem::Yj, "3962002F2027"), [DrugClass::Biguanide], "shipped");
    }

    #[test]
    fn errors_say_where_and_what() {
        assert_eq!(rule("version: ''\n").1, "`version`: 1 to 40 characters");
        assert_eq!(rule("version: a\nkidney:\n  rapid: quick\n").0, 3);
        assert_eq!(rule("version: a\nkidneys: {}\n").0, 2);
        assert!(rule("version: a\nkidney: { rapid: 5 }\n").1.starts_with("`kidney`, `rapid`: a slope below 0"));
        assert!(rule("version: a\nkidney: { g: [90, 60, 60, 30, 15] }\n").1.contains("each below the one before"));
        assert!(rule("version: a\nkidney: { albumin: [300, 30] }\n").1.contains("the second above the first"));
        let target = "version: a\ntargets:\n  - { age: { from: 1, to: 9 }, below: 7, floor: 7 }\n";
        assert!(rule(target).1.starts_with("`targets`, row 1: `below` and `floor`"));
        let both = "version: a\ndue:\n  - { check: eye, months: 2 }\n  - { check: eye, months: 2, days: 3 }\n";
        assert!(rule(both).1.starts_with("`due`, row 2:"));
        assert!(rule("version: a\ndue: [{ check: hair, days: 3 }]\n").1.contains("one of hba1c, kidney"));
        assert!(rule("version: a\ndue: [{ check: foot, finding: simple, days: 3 }]\n").1.contains("of the eyes only"));
        let drug = "version: a\ndrugs: { codes: [{ code: X, classes: [wine] }] }\n";
        assert!(rule(drug).1.contains("`wine` is none of insulin"));
        assert!(rule("version: a\ndrugs: { yj: [{ yj: 'x', classes: [] }] }\n").1.starts_with("`drugs`, `yj`"));
        assert!(rule("version: a\nasks: ['not a facility']\n").1.starts_with("`asks`"));
    }
}
