//! What facilities have stated about their laboratories: a fold of their statements, and what holds where nothing was stated.
//!
//! Each table is stated whole and is a version. Results are read under the tables that hold when they are asked for, so a
//! new table is at once the reading of every result, however old; the results themselves stay as they came.

mod change;
mod parse;
#[cfg(test)]
mod tests;

pub use change::{LabTableChange, columns};
pub use parse::{RowError, SiteError};

use crate::lab::{CriticalTable, DeltaTable, EscalationPolicy, ITEMS, IntervalTable, LocalMap, Site, UnitSpellings};
use model::{FacilityId, LabTable, LabTableKind, Moment, Position};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// One facility's tables, ready to read results with.
#[derive(Clone, Debug)]
pub struct SiteTables {
    codes: Option<LocalMap>,
    critical: CriticalTable,
    intervals: Option<IntervalTable>,
    units: UnitSpellings,
    delta: DeltaTable,
    /// Of the table `settings`; the window of delta checks is applied to `delta`.
    settings: Settings,
    stated: BTreeMap<LabTableKind, Stated>,
}

/// Single settings of a facility.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Settings {
    escalation: EscalationPolicy,
    blank_flag_is_normal: bool,
    delta_window_days: Option<u32>,
}

/// A table as it was stated, and where its versions lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stated {
    table: Arc<LabTable>,
    versions: Vec<(Position, Moment)>,
}

impl Stated {
    /// The table that holds.
    pub fn table(&self) -> &LabTable {
        &self.table
    }
    /// Its version: the first statement is 1.
    pub fn version(&self) -> u64 {
        self.versions.len() as u64
    }
    /// Where a version lies in the log, and when it was admitted.
    pub fn place(&self, version: u64) -> Option<(Position, Moment)> {
        let at = usize::try_from(version).ok()?.checked_sub(1)?;
        self.versions.get(at).copied()
    }
}

/// What holds where a facility has stated nothing.
static SHIPPED: LazyLock<Arc<SiteTables>> = LazyLock::new(|| {
    Arc::new(SiteTables {
        codes: None,
        critical: CriticalTable::shipped(),
        intervals: None,
        units: UnitSpellings::shipped().clone(),
        delta: DeltaTable::shipped(),
        settings: Settings::default(),
        stated: BTreeMap::new(),
    })
});

impl SiteTables {
    /// What holds where a facility has stated nothing.
    pub fn shipped() -> &'static Arc<Self> {
        &SHIPPED
    }
    /// What a result is read with.
    pub fn site(&self) -> Site<'_> {
        Site {
            map: self.codes.as_ref(),
            spellings: &self.units,
            intervals: self.intervals.as_ref(),
            critical: &self.critical,
            blank_flag_is_normal: self.settings.blank_flag_is_normal,
        }
    }
    /// What its own codes mean; `None` where it has stated none.
    pub fn codes(&self) -> Option<&LocalMap> {
        self.codes.as_ref()
    }
    /// Its critical limits.
    pub fn critical(&self) -> &CriticalTable {
        &self.critical
    }
    /// Its rules for delta checks.
    pub fn delta(&self) -> &DeltaTable {
        &self.delta
    }
    /// How long each step after a critical value may take.
    pub fn escalation(&self) -> EscalationPolicy {
        self.settings.escalation
    }
    /// A table as it was stated; `None` where it never was.
    pub fn stated(&self, kind: LabTableKind) -> Option<&Stated> {
        self.stated.get(&kind)
    }
}

/// All facilities' tables: the fold of their statements.
#[derive(Clone, Debug, Default)]
pub struct Sites {
    of: BTreeMap<String, Arc<SiteTables>>,
}

impl Sites {
    /// A facility's tables.
    pub fn of(&self, facility: &FacilityId) -> &Arc<SiteTables> {
        self.of_id(facility.as_str())
    }
    /// The tables of the facility with this id.
    pub fn of_id(&self, facility: &str) -> &Arc<SiteTables> {
        self.of.get(facility).unwrap_or(&SHIPPED)
    }
    /// How many days back any comparison of any facility's results looks.
    pub fn window_days(&self) -> u32 {
        let tables = self.of.values().chain([&*SHIPPED]);
        tables.flat_map(|tables| ITEMS.iter().map(|item| tables.delta.window_days(item))).max().unwrap_or_default()
    }

    /// Whether no facility has stated anything.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Takes in a statement; the version it is. A statement taken in before changes nothing. One that cannot be read is
    /// no version, and what held goes on: a table is taken whole or not at all.
    ///
    /// # Errors
    /// At the first row that is wrong.
    pub fn apply(&mut self, position: Position, at: Moment, table: &LabTable) -> Result<u64, SiteError> {
        let before = self.of(table.facility());
        let versions = before.stated(table.kind()).map(|stated| stated.versions.as_slice()).unwrap_or_default();
        if versions.last().is_some_and(|(last, _)| *last >= position) {
            return Ok(versions.len() as u64);
        }
        let mut versions = versions.to_vec();
        versions.push((position, at));
        let version = versions.len() as u64;
        let mut tables = SiteTables::clone(before);
        tables.read(table, version)?;
        tables.stated.insert(table.kind(), Stated { table: Arc::new(table.clone()), versions });
        self.of.insert(table.facility().as_str().to_owned(), Arc::new(tables));
        Ok(version)
    }

    /// What a statement would change, and the version it would be.
    ///
    /// # Errors
    /// At the first row that is wrong.
    pub fn rehearse(&self, table: &LabTable) -> Result<(u64, Vec<LabTableChange>), SiteError> {
        let before = self.of(table.facility());
        let stated = before.stated(table.kind());
        let version = stated.map_or(0, Stated::version) + 1;
        SiteTables::clone(before).read(table, version)?;
        let rows = stated.map(|stated| stated.table().rows()).unwrap_or_default();
        Ok((version, change::changes(table.kind(), rows, table.rows())))
    }
}
