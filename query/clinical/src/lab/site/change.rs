//! What differs between two versions of a table.

use model::LabTableKind;
use std::collections::BTreeMap;

/// A row that differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LabTableChange {
    /// The row as it was; `None` where there was none.
    pub before: Option<Vec<String>>,
    /// The row as it is now; `None` where there is none any more.
    pub now: Option<Vec<String>>,
}

/// The columns of a table, and how many of the first of them say what a row is about.
pub const fn columns(kind: LabTableKind) -> (&'static [&'static str], usize) {
    match kind {
        LabTableKind::Codes => (&["code", "specimen", "system", "target", "unit"], 2),
        LabTableKind::Critical => (&["item", "low", "high", "limit_is_critical"], 1),
        LabTableKind::Intervals => (&["item", "sex", "from_age", "below_age", "low", "high"], 4),
        LabTableKind::Units => (&["written", "ucum"], 1),
        LabTableKind::Delta => (&["item", "what", "direction", "within_days", "limit"], 4),
        LabTableKind::Settings => (&["name", "value"], 1),
    }
}

/// A row without the empty cells at its end.
fn cells(row: &[String]) -> Vec<String> {
    let said = row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
    row.iter().take(said).cloned().collect()
}

/// The rows that differ, in the order of what they are about.
pub(super) fn changes(kind: LabTableKind, before: &[Vec<String>], now: &[Vec<String>]) -> Vec<LabTableChange> {
    let (_, about) = columns(kind);
    let key =
        |row: &[String]| -> Vec<String> { (0..about).map(|at| row.get(at).cloned().unwrap_or_default()).collect() };
    let mut pairs: BTreeMap<Vec<String>, LabTableChange> = BTreeMap::new();
    let nothing = || LabTableChange { before: None, now: None };
    for row in before {
        pairs.entry(key(row)).or_insert_with(nothing).before = Some(cells(row));
    }
    for row in now {
        pairs.entry(key(row)).or_insert_with(nothing).now = Some(cells(row));
    }
    pairs.into_values().filter(|change| change.before != change.now).collect()
}
