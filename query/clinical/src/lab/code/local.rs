//! A facility's own codes, and the versions of the map that says what they mean.

use super::{Jlac10, Jlac10Error, Loinc, LoincError};
use crate::lab::{Item, Unit, UnitError};
use std::collections::BTreeMap;

/// A code of a facility's own; the specimen where the facility uses one code for several.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LocalCode {
    /// The code.
    pub code: String,
    /// The specimen it is limited to, as the facility writes it; empty for all.
    pub specimen: String,
}

/// What a local code means.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Target {
    /// A JLAC10 code.
    Jlac10(Jlac10),
    /// A LOINC code.
    Loinc(Loinc),
    /// Looked at, and known to have no shared meaning (a comment line, a control): not asked about again.
    Nothing,
}

/// A row of the map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MapRow {
    /// What it means.
    pub target: Target,
    /// The unit of results that come without one.
    pub unit: Option<Unit>,
}

/// Why a row was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// The JLAC10 code is none.
    #[error("row {row}: {source}")]
    Jlac10 {
        /// Which row, from 1.
        row: usize,
        /// What is wrong with it.
        source: Jlac10Error,
    },
    /// The LOINC code is none.
    #[error("row {row}: {source}")]
    Loinc {
        /// Which row, from 1.
        row: usize,
        /// What is wrong with it.
        source: LoincError,
    },
    /// The unit is not UCUM.
    #[error("row {row}: {source}")]
    Unit {
        /// Which row, from 1.
        row: usize,
        /// What is wrong with it.
        source: UnitError,
    },
    /// The target's system is not one of `jlac10`, `loinc` and `nothing`.
    #[error("row {row}: `{system}` is no system of targets: write jlac10, loinc or nothing")]
    System {
        /// Which row, from 1.
        row: usize,
        /// What was written.
        system: String,
    },
    /// The same code twice.
    #[error("row {row}: this code and specimen stand in an earlier row")]
    Twice {
        /// Which row, from 1.
        row: usize,
    },
    /// No code.
    #[error("row {row}: the code is empty")]
    Empty {
        /// Which row, from 1.
        row: usize,
    },
}

/// One version of one facility's map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalMap {
    facility: String,
    version: u64,
    rows: BTreeMap<LocalCode, MapRow>,
}

/// What differs between two versions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MapChange {
    /// A code that had no meaning has one.
    Added {
        /// The code.
        code: LocalCode,
        /// What it means now.
        now: MapRow,
    },
    /// A code has no meaning any more.
    Removed {
        /// The code.
        code: LocalCode,
        /// What it meant.
        before: MapRow,
    },
    /// A code means something else, or has another unit.
    Changed {
        /// The code.
        code: LocalCode,
        /// What it meant.
        before: MapRow,
        /// What it means now.
        now: MapRow,
    },
}

impl MapChange {
    /// The code: every result that carries it is read again.
    pub fn code(&self) -> &LocalCode {
        match self {
            Self::Added { code, .. } | Self::Removed { code, .. } | Self::Changed { code, .. } => code,
        }
    }

    /// Whether results move to another item: what was counted, flagged or compared under the old one no longer holds.
    pub fn moves_results(&self) -> bool {
        let item = |row: &MapRow| row.target.item().map(|item| item.key);
        match self {
            Self::Added { now, .. } => item(now).is_some(),
            Self::Removed { before, .. } => item(before).is_some(),
            Self::Changed { before, now, .. } => item(before) != item(now),
        }
    }
}

impl Target {
    /// The item it means.
    pub fn item(&self) -> Option<&'static Item> {
        match self {
            Self::Jlac10(code) => Item::of_jlac10(code),
            Self::Loinc(code) => Item::of_loinc(code),
            Self::Nothing => None,
        }
    }
}

/// What a result's code means, and how that is known.
#[derive(Clone, PartialEq, Debug)]
pub struct Resolved {
    /// The item, if it is one known here.
    pub item: Option<&'static Item>,
    /// The JLAC10 code it came with or was mapped to.
    pub jlac10: Option<Jlac10>,
    /// The LOINC code it came with or was mapped to.
    pub loinc: Option<Loinc>,
    /// The unit of results that come without one.
    pub unit: Option<Unit>,
    /// How that is known.
    pub by: ResolvedBy,
}

/// How the meaning of a code is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ResolvedBy {
    /// It came with it.
    Itself,
    /// The facility's map, in this version.
    Map {
        /// The version of the map.
        version: u64,
    },
}

impl Resolved {
    /// Of a JLAC10 code.
    pub fn jlac10(code: Jlac10) -> Self {
        Self { item: Item::of_jlac10(&code), jlac10: Some(code), loinc: None, unit: None, by: ResolvedBy::Itself }
    }

    /// Of a LOINC code.
    pub fn loinc(code: Loinc) -> Self {
        Self { item: Item::of_loinc(&code), jlac10: None, loinc: Some(code), unit: None, by: ResolvedBy::Itself }
    }
}

impl LocalMap {
    /// Reads a version of a facility's map: code, specimen (may be empty), system (`jlac10`, `loinc`, `nothing`),
    /// target code and unit (UCUM, may be empty) per row.
    ///
    /// # Errors
    /// At the first row that is wrong, with its number. A map is taken whole or not at all.
    pub fn read<'a>(
        facility: &str,
        version: u64,
        rows: impl IntoIterator<Item = [&'a str; 5]>,
    ) -> Result<Self, MapError> {
        let mut map = Self { facility: facility.to_owned(), version, rows: BTreeMap::new() };
        for (at, [code, specimen, system, target, unit]) in rows.into_iter().enumerate() {
            let row = at + 1;
            if code.is_empty() {
                return Err(MapError::Empty { row });
            }
            let target = match system {
                "jlac10" => Target::Jlac10(Jlac10::parse(target).map_err(|source| MapError::Jlac10 { row, source })?),
                "loinc" => Target::Loinc(Loinc::parse(target).map_err(|source| MapError::Loinc { row, source })?),
                "nothing" => Target::Nothing,
                other => return Err(MapError::System { row, system: other.to_owned() }),
            };
            let unit = (!unit.is_empty()).then(|| Unit::ucum(unit)).transpose();
            let unit = unit.map_err(|source| MapError::Unit { row, source })?;
            let code = LocalCode { code: code.to_owned(), specimen: specimen.to_owned() };
            if map.rows.insert(code, MapRow { target, unit }).is_some() {
                return Err(MapError::Twice { row });
            }
        }
        Ok(map)
    }

    /// Whose map it is.
    pub fn facility(&self) -> &str {
        &self.facility
    }
    /// Its version. Of two maps of a facility the one of the higher version holds, in whatever order they arrive.
    pub fn version(&self) -> u64 {
        self.version
    }
    /// Its rows.
    pub fn rows(&self) -> impl Iterator<Item = (&LocalCode, &MapRow)> {
        self.rows.iter()
    }

    /// The row of a code: that of its specimen before that of all specimens.
    pub fn row(&self, code: &str, specimen: &str) -> Option<&MapRow> {
        let key = |specimen: &str| LocalCode { code: code.to_owned(), specimen: specimen.to_owned() };
        self.rows.get(&key(specimen)).or_else(|| self.rows.get(&key("")))
    }

    /// What a local code means. `None` where it is unmapped.
    pub fn resolve(&self, code: &str, specimen: &str) -> Option<Resolved> {
        let row = self.row(code, specimen)?;
        let by = ResolvedBy::Map { version: self.version };
        let (jlac10, loinc) = match &row.target {
            Target::Jlac10(code) => (Some(code.clone()), None),
            Target::Loinc(code) => (None, Some(code.clone())),
            Target::Nothing => (None, None),
        };
        Some(Resolved { item: row.target.item(), jlac10, loinc, unit: row.unit.clone(), by })
    }

    /// What changes from this version to another: which codes are read again.
    pub fn changes_to(&self, other: &Self) -> Vec<MapChange> {
        let gone = self.rows.iter().filter(|(code, _)| !other.rows.contains_key(*code));
        let gone = gone.map(|(code, before)| MapChange::Removed { code: code.clone(), before: before.clone() });
        let there = other.rows.iter().filter_map(|(code, now)| match self.rows.get(code) {
            None => Some(MapChange::Added { code: code.clone(), now: now.clone() }),
            Some(before) if before == now => None,
            Some(before) => Some(MapChange::Changed { code: code.clone(), before: before.clone(), now: now.clone() }),
        });
        let mut changes: Vec<_> = gone.chain(there).collect();
        changes.sort_by(|a, b| a.code().cmp(b.code()));
        changes
    }
}
