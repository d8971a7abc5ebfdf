//! From the rows of a statement to tables that results are read with.

use super::{Settings, SiteTables};
use crate::diabetes::BiologicalSex;
use crate::lab::{
    CriticalTable, DeltaTable, Direction, Interval, IntervalError, IntervalRow, IntervalTable, Item, LocalMap,
    MapError, Rule, RuleKind, Unit, UnitError, UnitSpellings,
};
use model::{LabTable, LabTableKind};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// Why a table was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SiteError {
    /// A row of the codes.
    #[error(transparent)]
    Codes(#[from] MapError),
    /// A row of the intervals.
    #[error(transparent)]
    Intervals(#[from] IntervalError),
    /// A row of any table.
    #[error("row {row}: {rule}")]
    Row {
        /// Which row, from 1.
        row: usize,
        /// What is wrong with it.
        rule: RowError,
    },
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// It has more cells than the table has columns.
    #[error("has {found} cells where the table has {most} columns")]
    Cells {
        /// How many it has.
        found: usize,
        /// How many it may have.
        most: usize,
    },
    /// No item has this key.
    #[error("no item is called `{key}`; `SELECT DISTINCT item FROM lab_results` and docs/laboratory.md list them")]
    Item {
        /// What was written.
        key: String,
    },
    /// A cell is no number.
    #[error("`{column}` is no number such as 2.5")]
    Number {
        /// Which column.
        column: &'static str,
    },
    /// A cell is none of a few words.
    #[error("`{column}` must be one of {known}")]
    Word {
        /// Which column.
        column: &'static str,
        /// What it may be.
        known: &'static str,
    },
    /// Limits that are none.
    #[error("the limits are the wrong way round, or not above zero")]
    Limits,
    /// The item's variation is not known, so the method's own cannot be set beside it.
    #[error("no biological variation of `{key}` is known here; state a rule instead")]
    Variation {
        /// The item.
        key: String,
    },
    /// The unit is not UCUM.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// The same row twice.
    #[error("an earlier row speaks of the same")]
    Twice,
}

/// One row with its number and its table's columns.
struct Row<'a> {
    number: usize,
    columns: &'static [&'static str],
    cells: &'a [String],
}

type Read<T> = Result<T, RowError>;

impl<'a> Row<'a> {
    fn fails(&self, rule: RowError) -> SiteError {
        SiteError::Row { row: self.number, rule }
    }
    fn text(&self, at: usize) -> &'a str {
        self.cells.get(at).map_or("", String::as_str)
    }
    fn column(&self, at: usize) -> &'static str {
        self.columns.get(at).copied().unwrap_or_default()
    }
    fn item(&self) -> Read<&'static Item> {
        Item::by_key(self.text(0)).ok_or_else(|| RowError::Item { key: self.text(0).to_owned() })
    }
    /// A number; `None` where the cell is empty.
    fn number<T: std::str::FromStr>(&self, at: usize) -> Read<Option<T>> {
        let text = self.text(at);
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| RowError::Number { column: self.column(at) })
    }
    fn must<T: std::str::FromStr>(&self, at: usize) -> Read<T> {
        self.number(at)?.ok_or(RowError::Number { column: self.column(at) })
    }
    fn flag(&self, at: usize) -> Read<bool> {
        match self.text(at) {
            "yes" => Ok(true),
            "no" | "" => Ok(false),
            _ => Err(RowError::Word { column: self.column(at), known: "yes, no" }),
        }
    }
}

/// Rows whose first cells are not all empty, with their numbers.
fn rows(table: &LabTable) -> Result<Vec<Row<'_>>, SiteError> {
    let (columns, about) = super::columns(table.kind());
    let mut seen = BTreeSet::new();
    let mut rows = Vec::with_capacity(table.rows().len());
    for (number, cells) in (1..).zip(table.rows()) {
        let row = Row { number, columns, cells };
        if cells.len() > columns.len() {
            return Err(row.fails(RowError::Cells { found: cells.len(), most: columns.len() }));
        }
        let key: Vec<&str> = (0..about).map(|at| row.text(at)).collect();
        if !seen.insert(key) {
            return Err(row.fails(RowError::Twice));
        }
        rows.push(row);
    }
    Ok(rows)
}

fn each<T>(rows: &[Row<'_>], read: impl Fn(&Row<'_>) -> Read<T>) -> Result<Vec<T>, SiteError> {
    rows.iter().map(|row| read(row).map_err(|rule| row.fails(rule))).collect()
}

impl SiteTables {
    /// Replaces one of the tables.
    pub(super) fn read(&mut self, table: &LabTable, version: u64) -> Result<(), SiteError> {
        let rows = rows(table)?;
        let name = format!("{}-{version}", table.facility());
        match table.kind() {
            LabTableKind::Codes => {
                let cells = rows.iter().map(|row| [0, 1, 2, 3, 4].map(|at| row.text(at)));
                let map = LocalMap::read(table.facility().as_str(), version, cells)?;
                self.codes = (!rows.is_empty()).then_some(map);
            }
            LabTableKind::Critical => self.critical = critical(&rows, &name)?,
            LabTableKind::Intervals => {
                let read = IntervalTable::new(&name, each(&rows, interval)?)?;
                self.intervals = (!rows.is_empty()).then_some(read);
            }
            LabTableKind::Units => self.units = units(&rows, &name)?,
            LabTableKind::Delta => {
                self.delta = delta(&rows, &name)?;
                self.look_back();
            }
            LabTableKind::Settings => {
                self.settings = settings(&rows)?;
                self.look_back();
            }
        }
        Ok(())
    }

    /// The window of the settings over the rules of the delta table, whichever was stated last.
    fn look_back(&mut self) {
        let days = self.settings.delta_window_days.unwrap_or(DeltaTable::shipped().window());
        let version = self.delta.version().to_owned();
        self.delta = self.delta.clone().with_window(&version, days);
    }
}

fn critical(rows: &[Row<'_>], version: &str) -> Result<CriticalTable, SiteError> {
    let limits = each(rows, |row| {
        let item = row.item()?;
        let (low, high): (Option<Decimal>, Option<Decimal>) = (row.number(1)?, row.number(2)?);
        let harmless = !row.flag(3)?;
        if low.is_none() && high.is_none() {
            return Ok((item.key, None));
        }
        if Interval::closed(low, high).is_none() {
            return Err(RowError::Limits);
        }
        let end = |end: Option<Decimal>| end.map(|end| (end, harmless));
        Ok((item.key, Some(Interval { low: end(low), high: end(high) })))
    })?;
    if limits.is_empty() {
        return Ok(CriticalTable::shipped());
    }
    // Items and limits were looked at above.
    Ok(CriticalTable::shipped().with(version, limits).unwrap_or_else(|_| CriticalTable::shipped()))
}

fn interval(row: &Row<'_>) -> Read<IntervalRow> {
    let item = row.item()?.key.to_owned();
    let sex = match row.text(1) {
        "" => None,
        "female" => Some(BiologicalSex::Female),
        "male" => Some(BiologicalSex::Male),
        _ => return Err(RowError::Word { column: row.column(1), known: "female, male, or empty for both" }),
    };
    let interval = Interval::closed(row.number(4)?, row.number(5)?).ok_or(RowError::Limits)?;
    Ok(IntervalRow { item, sex, from_age: row.number(2)?.unwrap_or(0), below_age: row.number(3)?, interval })
}

fn units(rows: &[Row<'_>], version: &str) -> Result<UnitSpellings, SiteError> {
    each(rows, |row| Unit::ucum(row.text(1)).map(drop).map_err(RowError::Unit))?;
    if rows.is_empty() {
        return Ok(UnitSpellings::shipped().clone());
    }
    let spelled = rows.iter().map(|row| (row.text(0), row.text(1)));
    // Units were looked at above.
    Ok(UnitSpellings::with(version, spelled).unwrap_or_else(|_| UnitSpellings::shipped().clone()))
}

/// A row of the delta table.
enum DeltaRow {
    Analytical(&'static str, f64),
    Rule(Rule),
    NoRule(&'static str),
}

fn delta_row(row: &Row<'_>) -> Read<DeltaRow> {
    let item = row.item()?.key;
    let kind = match row.text(1) {
        "analytical" => {
            let percent: f64 = row.must(4)?;
            return match (0.0..=200.0).contains(&percent) {
                true => Ok(DeltaRow::Analytical(item, percent)),
                false => Err(RowError::Limits),
            };
        }
        "none" => return Ok(DeltaRow::NoRule(item)),
        "absolute" => RuleKind::Absolute,
        "percent" => RuleKind::Percent,
        "per-day" => RuleKind::PerDay,
        _ => {
            let known = "absolute, percent, per-day, analytical, none";
            return Err(RowError::Word { column: row.column(1), known });
        }
    };
    let direction = match row.text(2) {
        "rise" => Direction::Rise,
        "fall" => Direction::Fall,
        "either" => Direction::Either,
        _ => return Err(RowError::Word { column: row.column(2), known: "rise, fall, either" }),
    };
    let limit: Decimal = row.must(4)?;
    if limit <= Decimal::ZERO {
        return Err(RowError::Limits);
    }
    Ok(DeltaRow::Rule(Rule { item, kind, direction, limit, within_days: row.must(3)?, source: None }))
}

fn delta(rows: &[Row<'_>], version: &str) -> Result<DeltaTable, SiteError> {
    let mut rules: BTreeMap<&'static str, Vec<Rule>> = BTreeMap::new();
    let mut table = DeltaTable::shipped();
    for row in rows {
        match delta_row(row).map_err(|rule| row.fails(rule))? {
            DeltaRow::Analytical(item, percent) => {
                let unknown = |_| row.fails(RowError::Variation { key: item.to_owned() });
                table = table.with_analytical(version, [(item, percent)]).map_err(unknown)?;
            }
            DeltaRow::Rule(rule) => rules.entry(rule.item).or_default().push(rule),
            DeltaRow::NoRule(item) => {
                rules.entry(item).or_default();
            }
        }
    }
    // Items and limits were looked at above.
    let with = |table: DeltaTable, (item, rules)| table.clone().with_rules(version, item, rules).unwrap_or(table);
    Ok(rules.into_iter().fold(table, with))
}

fn settings(rows: &[Row<'_>]) -> Result<Settings, SiteError> {
    let mut settings = Settings::default();
    for row in rows {
        let mut read = || -> Read<()> {
            match row.text(0) {
                "critical-acknowledge-minutes" => settings.escalation.acknowledge_minutes = minutes(row)?,
                "critical-act-minutes" => settings.escalation.act_minutes = minutes(row)?,
                "blank-flag-is-normal" => settings.blank_flag_is_normal = row.flag(1)?,
                "delta-window-days" => settings.delta_window_days = Some(row.must(1)?),
                _ => {
                    let known =
                        "critical-acknowledge-minutes, critical-act-minutes, blank-flag-is-normal, delta-window-days";
                    return Err(RowError::Word { column: row.column(0), known });
                }
            }
            Ok(())
        };
        read().map_err(|rule| row.fails(rule))?;
    }
    Ok(settings)
}

fn minutes(row: &Row<'_>) -> Read<u32> {
    let minutes: u32 = row.must(1)?;
    if minutes == 0 { Err(RowError::Limits) } else { Ok(minutes) }
}
