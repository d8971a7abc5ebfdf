//! A facility's own perinatal tables as a file: what it says holds in the place of the shipped rows, what it does not say stays
//! shipped.
//!
//! ```
//! use clinical::perinatal::OwnPerinatal;
//! use model::FacilityId;
//! let text = "
//! version: '2026-11'
//! ctg: { contraction-rise: 15 }
//! maternal: { loss-vaginal: 800 }
//! meows: { systolic: { yellow-from: 140 } }
//! jsog:
//!   by: 産科部長 山田
//!   on: 2026-11-20
//!   document: 産婦人科診療ガイドライン 産科編2023 表1・表2
//!   cells:
//!     - { row: decreased-normal, column: late-mild, level: 4 }
//! growth:
//!   - measure: weight
//!     source: 院内表 2026
//!     rows:
//!       - { age: 20w0d, mean: 315, deviation: 45 }
//!       - { age: 40w0d, mean: 3200, deviation: 380 }
//! ";
//! let perinatal = FacilityId::parse("perinatal")?;
//! let own = OwnPerinatal::parse(text, &perinatal)?;
//! assert_eq!(own.tables().jsog.version(), "2026-11");
//! let wrong = OwnPerinatal::parse("version: '1'\nctg:\n  lost-part: 0.9\n", &perinatal).unwrap_err();
//! assert_eq!(wrong.line, 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::ctg::{Confirmation, CtgLimit, JsogColumn, JsogRow, Level};
use super::limit::LimitRow;
use super::maternal::{MaternalLimit, Sign};
use super::pregnancy::{FetalMeasure, GestationalAge, GrowthError, GrowthRow, GrowthTable, RiskLimit};
use super::trace::TraceLimit;
use super::{LimitError, PerinatalTables};
use crate::diabetes::{Date, start_of};
use model::FacilityId;
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Why a text states no tables, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{rule}", Place(*line))]
pub struct OwnPerinatalError {
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

/// A facility's tables.
#[derive(Clone, PartialEq, Debug)]
pub struct OwnPerinatal {
    tables: Arc<PerinatalTables>,
}

impl OwnPerinatal {
    /// Rows of one list at most.
    pub const ROWS: usize = 1_000;

    /// Reads a facility's file.
    ///
    /// # Errors
    /// With the line and the field, where it states no tables.
    pub fn parse(text: &str, facility: &FacilityId) -> Result<Self, OwnPerinatalError> {
        let tables = read(text)?.into_tables(facility)?;
        Ok(Self { tables: Arc::new(tables) })
    }

    /// The tables: the shipped ones with what the file says.
    pub fn tables(&self) -> &Arc<PerinatalTables> {
        &self.tables
    }
}

// === The file ===

type Figures = BTreeMap<String, Spanned<f64>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    version: Spanned<String>,
    #[serde(default)]
    ctg: Figures,
    #[serde(default)]
    trace: Figures,
    #[serde(default)]
    maternal: Figures,
    #[serde(default)]
    risk: Figures,
    #[serde(default)]
    meows: BTreeMap<String, Spanned<Colours>>,
    jsog: Option<Jsog>,
    #[serde(default)]
    growth: Vec<Growth>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Colours {
    red_below: Option<f64>,
    yellow_up_to: Option<f64>,
    yellow_from: Option<f64>,
    red_above: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Jsog {
    by: Spanned<String>,
    on: Spanned<String>,
    document: Spanned<String>,
    #[serde(default)]
    cells: Vec<CellRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CellRow {
    row: Spanned<String>,
    column: Spanned<String>,
    level: Spanned<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Growth {
    measure: Spanned<String>,
    source: String,
    rows: Vec<AgeRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgeRow {
    age: Spanned<String>,
    mean: f64,
    deviation: f64,
}

fn read(text: &str) -> Result<Form, OwnPerinatalError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: 8, max_nodes: 40 * OwnPerinatal::ROWS },
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(0, |place| place.line());
        let said = error.without_snippet().to_string();
        // the place stands in a field of its own
        let rule = said.split(" at line ").next().unwrap_or(&said).to_owned();
        OwnPerinatalError { line, rule }
    })
}

fn at<T>(field: &Spanned<T>, rule: String) -> OwnPerinatalError {
    OwnPerinatalError { line: field.defined.line(), rule }
}

/// Limits by their keys, each within its span.
fn limits<L: Copy>(
    list: &str,
    figures: &Figures,
    all: &[L],
    row: impl Fn(L) -> LimitRow,
) -> Result<Vec<(L, f64)>, OwnPerinatalError> {
    let mut found = Vec::new();
    for (key, figure) in figures {
        let Some(limit) = all.iter().copied().find(|limit| row(*limit).key == key) else {
            let known: Vec<&str> = all.iter().map(|limit| row(*limit).key).collect();
            return Err(at(figure, format!("`{list}`: `{key}` is none of {}", known.join(", "))));
        };
        let checked = row(limit).checked(figure.value);
        found.push((limit, checked.map_err(|error| at(figure, format!("`{list}`: {error}")))?));
    }
    Ok(found)
}

fn within(list: &str, error: &LimitError) -> OwnPerinatalError {
    OwnPerinatalError { line: 0, rule: format!("`{list}`: {error}") }
}

impl Form {
    fn into_tables(self, facility: &FacilityId) -> Result<PerinatalTables, OwnPerinatalError> {
        let version = self.version.value.trim();
        if version.is_empty() || version.chars().count() > 40 {
            return Err(at(&self.version, "`version`: 1 to 40 characters".to_owned()));
        }
        let mut tables = PerinatalTables::shipped();
        macro_rules! set {
            ($field:ident, $limit:ident) => {
                let rows = limits(stringify!($field), &self.$field, $limit::ALL, $limit::row)?;
                if !rows.is_empty() {
                    let set = tables.$field.with(version, rows);
                    tables.$field = set.map_err(|error| within(stringify!($field), &error))?;
                }
            };
        }
        set!(ctg, CtgLimit);
        set!(trace, TraceLimit);
        set!(maternal, MaternalLimit);
        set!(risk, RiskLimit);
        if !self.meows.is_empty() {
            tables.meows = colours(tables.meows, version, &self.meows)?;
        }
        if let Some(jsog) = self.jsog {
            let (confirmation, cells) = jsog.read(facility)?;
            tables.jsog = tables.jsog.confirmed(version, confirmation, cells);
        }
        for growth in self.growth {
            let line = growth.measure.defined.line();
            let table = growth.read()?;
            if tables.growth_of(table.measure()).is_some() {
                let rule = format!("`growth`: `{}` stands twice", table.measure().code());
                return Err(OwnPerinatalError { line, rule });
            }
            tables.growth.push(table);
        }
        Ok(tables)
    }
}

/// Colours of signs: what is not said of a sign stays shipped.
fn colours(
    shipped: super::maternal::MeowsTable,
    version: &str,
    signs: &BTreeMap<String, Spanned<Colours>>,
) -> Result<super::maternal::MeowsTable, OwnPerinatalError> {
    let mut table = shipped;
    for (name, said) in signs {
        let Some(sign) = Sign::ALL.into_iter().find(|sign| sign.code() == name) else {
            let known: Vec<&str> = Sign::ALL.iter().map(|sign| sign.code()).collect();
            return Err(at(said, format!("`meows`: `{name}` is none of {}", known.join(", "))));
        };
        let Some(row) = table.rows().iter().find(|row| row.sign == sign).copied() else { continue };
        let Colours { red_below, yellow_up_to, yellow_from, red_above } = said.value;
        let limits = [
            red_below.or(row.red_below),
            yellow_up_to.or(row.yellow_up_to),
            yellow_from.or(row.yellow_from),
            red_above.or(row.red_above),
        ];
        table = table.with(version, [(sign, limits)]).map_err(|error| at(said, format!("`meows`: {error}")))?;
    }
    Ok(table)
}

type Cells = Vec<(JsogRow, JsogColumn, Level)>;

impl Jsog {
    fn read(self, facility: &FacilityId) -> Result<(Confirmation, Cells), OwnPerinatalError> {
        let on = self.on.value.parse::<Date>().ok().and_then(start_of);
        let on = on.ok_or_else(|| at(&self.on, "`jsog`, `on`: a day such as 2026-11-20".to_owned()))?;
        let confirmation = Confirmation::new(facility.clone(), &self.by.value, &self.document.value, on);
        let confirmation = confirmation.map_err(|error| at(&self.document, format!("`jsog`: {error}")))?;
        if self.cells.len() > OwnPerinatal::ROWS {
            return Err(at(&self.by, format!("`jsog`, `cells`: at most {} rows", OwnPerinatal::ROWS)));
        }
        let mut cells = Cells::new();
        for cell in &self.cells {
            let row = JsogRow::ALL.into_iter().find(|row| row.code() == cell.row.value).ok_or_else(|| {
                let known: Vec<&str> = JsogRow::ALL.iter().map(|row| row.code()).collect();
                at(&cell.row, format!("`jsog`, `row`: `{}` is none of {}", cell.row.value, known.join(", ")))
            })?;
            let column = JsogColumn::ALL.into_iter().find(|one| one.code() == cell.column.value).ok_or_else(|| {
                let known: Vec<&str> = JsogColumn::ALL.iter().map(|column| column.code()).collect();
                at(&cell.column, format!("`jsog`, `column`: `{}` is none of {}", cell.column.value, known.join(", ")))
            })?;
            let level =
                Level::of(cell.level.value).ok_or_else(|| at(&cell.level, "`jsog`, `level`: 1 to 5".to_owned()))?;
            if cells.iter().any(|(other, beside, _)| (*other, *beside) == (row, column)) {
                let twice = format!("`jsog`, `cells`: {}, {} stands twice", row.code(), column.code());
                return Err(at(&cell.row, twice));
            }
            cells.push((row, column, level));
        }
        Ok((confirmation, cells))
    }
}

impl Growth {
    fn read(self) -> Result<GrowthTable, OwnPerinatalError> {
        let measure = FetalMeasure::ALL.into_iter().find(|one| one.code() == self.measure.value).ok_or_else(|| {
            let known: Vec<&str> = FetalMeasure::ALL.iter().map(|one| one.code()).collect();
            at(&self.measure, format!("`growth`, `measure`: `{}` is none of {}", self.measure.value, known.join(", ")))
        })?;
        if self.rows.len() > OwnPerinatal::ROWS {
            return Err(at(&self.measure, format!("`growth`, `rows`: at most {} rows", OwnPerinatal::ROWS)));
        }
        let mut rows = Vec::new();
        for row in &self.rows {
            let age = age(&row.age.value);
            let age = age.ok_or_else(|| at(&row.age, "`growth`, `age`: weeks and days such as 20w0d".to_owned()))?;
            rows.push(GrowthRow { age, mean: row.mean, deviation: row.deviation });
        }
        GrowthTable::new(measure, &self.source, rows).map_err(|error| {
            let row = match error {
                GrowthError::Order { row } | GrowthError::NotAboveZero { row } | GrowthError::Shrinks { row } => row,
                GrowthError::TooFew | GrowthError::NoSource => 0,
            };
            let line = row.checked_sub(1).and_then(|row| self.rows.get(row));
            let line = line.map_or(self.measure.defined.line(), |row| row.age.defined.line());
            OwnPerinatalError { line, rule: format!("`growth`, `{}`: {error}", self.measure.value) }
        })
    }
}

/// `20w0d`.
fn age(text: &str) -> Option<GestationalAge> {
    let (weeks, days) = text.trim().strip_suffix('d')?.split_once('w')?;
    GestationalAge::new(weeks.parse().ok()?, days.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perinatal::ctg::Verified;

    fn own(text: &str) -> Result<OwnPerinatal, OwnPerinatalError> {
        OwnPerinatal::parse(text, &FacilityId::parse("perinatal").unwrap())
    }

    fn wrong(text: &str) -> (u64, String) {
        let error = own(text).unwrap_err();
        (error.line, error.rule)
    }

    #[test]
    fn what_is_not_said_stays_shipped() {
        assert_eq!(**own("version: own\n").unwrap().tables(), PerinatalTables::shipped());
        let one = own("version: own\nmeows: { systolic: { yellow-from: 140 } }\n").unwrap();
        let row = one.tables().meows.rows()[0];
        assert_eq!((row.yellow_from, row.red_above), (Some(140.0), Some(160.0)));
        assert_eq!(one.tables().maternal, PerinatalTables::shipped().maternal);
    }

    #[test]
    fn a_confirmed_matrix_names_who_confirmed_it_and_the_cells_that_are_others() {
        let text = "version: own\njsog:\n  by: 産科部長\n  on: 2026-11-20\n  document: 産科編2023\n  cells:\n    - { row: absent, column: none, level: 5 }\n";
        let tables = own(text).unwrap().tables().clone();
        let Verified::By(by) = tables.jsog.verified() else { panic!("not confirmed") };
        assert_eq!((by.facility().as_str(), by.by(), by.document()), ("perinatal", "産科部長", "産科編2023"));
        assert_eq!(tables.jsog.cell(JsogRow::Absent, JsogColumn::Nothing).unwrap().level, Level::L5);
        let other = tables.jsog.cell(JsogRow::NormalNormal, JsogColumn::Nothing);
        assert_eq!(other, PerinatalTables::shipped().jsog.cell(JsogRow::NormalNormal, JsogColumn::Nothing));
    }

    #[test]
    fn errors_say_the_line_and_the_field() {
        assert_eq!(wrong("version: ''\n"), (1, "`version`: 1 to 40 characters".to_owned()));
        assert_eq!(wrong("version: a\nctgs: {}\n").0, 2);
        let (line, rule) = wrong("version: a\nctg:\n  lost-part: 0.9\n");
        assert!(line == 3 && rule.starts_with("`ctg`: the limit `lost-part` must lie within"), "{line} {rule}");
        let (line, rule) = wrong("version: a\nmaternal:\n  shock-abnormal: 0.9\n  shock-critical: 1.6\n");
        assert!(line == 4 && rule.contains("`shock-critical`"), "a facility cannot be laxer: {line} {rule}");
        let (line, rule) = wrong("version: a\nrisk: { risk-agefrom: 40 }\n");
        assert!(line == 2 && rule.contains("is none of risk-age-from"), "{line} {rule}");
        let (line, rule) = wrong("version: a\nmeows:\n  systolic: { red-below: 120 }\n");
        assert!(line == 3 && rule.starts_with("`meows`: "), "{line} {rule}");
        let jsog = |rest: &str| wrong(&format!("version: a\njsog:\n  by: x\n  on: 2026-11-20\n{rest}"));
        assert!(jsog("  document: ' '\n").1.contains("names no document"));
        let (line, rule) = jsog("  document: d\n  cells:\n    - { row: absent, column: none, level: 6 }\n");
        assert!(line == 7 && rule == "`jsog`, `level`: 1 to 5", "{line} {rule}");
        let (line, rule) = jsog("  document: d\n  cells:\n    - { row: gone, column: none, level: 1 }\n");
        assert!(line == 7 && rule.contains("is none of normal-normal"), "{line} {rule}");
        let (line, rule) = wrong("version: a\njsog: { by: x, on: gestern, document: d }\n");
        assert!(line == 2 && rule.contains("`on`"), "{line} {rule}");
        let growth =
            |rows: &str| wrong(&format!("version: a\ngrowth:\n  - measure: bpd\n    source: s\n    rows:\n{rows}"));
        let two = "      - { age: 20w0d, mean: 45, deviation: 3 }\n      - { age: 20w0d, mean: 46, deviation: 3 }\n";
        assert_eq!(growth(two).0, 7);
        assert!(growth("      - { age: 20w9d, mean: 45, deviation: 3 }\n").1.contains("weeks and days"));
        assert!(
            wrong("version: a\ngrowth: [{ measure: head, source: s, rows: [] }]\n").1.contains("is none of weight")
        );
    }
}
