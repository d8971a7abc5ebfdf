//! The matrix of the JSOG's five levels, and who has confirmed it.
//!
//! Its cells were written down from memory; that the levels of each variability lie within their published range was read.
//! Until a facility has compared them with the guideline, everything rated by them says so in its type.

use super::{Level, Verified};
use crate::perinatal::ctg::{Deceleration, DecelerationKind, Severity, VariabilityClass};
use crate::{Certainty, Source};
use model::{FacilityId, Moment};

/// Changes with every change of the shipped cells.
pub const JSOG_VERSION: &str = "2026-11-23";

/// Where the cells come from.
pub const JSOG_MATRIX: Source = Source {
    text: "胎児心拍数波形のレベル分類, JSOG 2010 (Okai; 産科編2023 表1, 2), cells from memory",
    certainty: Certainty::Memory,
};

/// A row of the matrix: variability and baseline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum JsogRow {
    /// Variability normal, baseline 110 to 160.
    NormalNormal,
    /// Variability normal, above 160.
    NormalTachycardia,
    /// Variability normal, 80 to 109.
    NormalBradycardia,
    /// Variability normal, below 80.
    NormalSevereBradycardia,
    /// Variability decreased, 110 to 160.
    DecreasedNormal,
    /// Variability decreased, above 160.
    DecreasedTachycardia,
    /// Variability decreased, 80 to 109.
    DecreasedBradycardia,
    /// Variability decreased, below 80.
    DecreasedSevereBradycardia,
    /// Variability absent.
    Absent,
    /// Variability increased.
    Increased,
    /// A sinusoidal pattern.
    Sinusoidal,
}

impl JsogRow {
    /// All rows, in the matrix's order.
    pub const ALL: [Self; 11] = [
        Self::NormalNormal,
        Self::NormalTachycardia,
        Self::NormalBradycardia,
        Self::NormalSevereBradycardia,
        Self::DecreasedNormal,
        Self::DecreasedTachycardia,
        Self::DecreasedBradycardia,
        Self::DecreasedSevereBradycardia,
        Self::Absent,
        Self::Increased,
        Self::Sinusoidal,
    ];

    /// The row of a variability and a baseline; `bands` are the limits of severe bradycardia, bradycardia and tachycardia.
    pub fn of(class: VariabilityClass, baseline: f64, bands: [f64; 3]) -> Self {
        let [severe, low, high] = bands;
        let band = if baseline < severe {
            3
        } else if baseline < low {
            2
        } else if baseline > high {
            1
        } else {
            0
        };
        match (class, band) {
            (VariabilityClass::Absent, _) => Self::Absent,
            (VariabilityClass::Increased, _) => Self::Increased,
            (VariabilityClass::Moderate, 0) => Self::NormalNormal,
            (VariabilityClass::Moderate, 1) => Self::NormalTachycardia,
            (VariabilityClass::Moderate, 2) => Self::NormalBradycardia,
            (VariabilityClass::Moderate, _) => Self::NormalSevereBradycardia,
            (VariabilityClass::Decreased, 0) => Self::DecreasedNormal,
            (VariabilityClass::Decreased, 1) => Self::DecreasedTachycardia,
            (VariabilityClass::Decreased, 2) => Self::DecreasedBradycardia,
            (VariabilityClass::Decreased, _) => Self::DecreasedSevereBradycardia,
        }
    }
}

/// A column of the matrix: the deceleration.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum JsogColumn {
    /// None.
    Nothing,
    /// Early.
    Early,
    /// Variable, mild.
    VariableMild,
    /// Variable, severe.
    VariableSevere,
    /// Late, mild.
    LateMild,
    /// Late, severe.
    LateSevere,
    /// Prolonged, mild.
    ProlongedMild,
    /// Prolonged, severe.
    ProlongedSevere,
}

impl JsogColumn {
    /// All columns, in the matrix's order.
    pub const ALL: [Self; 8] = [
        Self::Nothing,
        Self::Early,
        Self::VariableMild,
        Self::VariableSevere,
        Self::LateMild,
        Self::LateSevere,
        Self::ProlongedMild,
        Self::ProlongedSevere,
    ];

    /// The column of a deceleration.
    pub fn of(deceleration: &Deceleration) -> Self {
        match (deceleration.kind, deceleration.severity) {
            (DecelerationKind::Early, _) => Self::Early,
            (DecelerationKind::Variable, Severity::Mild) => Self::VariableMild,
            (DecelerationKind::Variable, Severity::Severe) => Self::VariableSevere,
            (DecelerationKind::Late | DecelerationKind::GradualAlone, Severity::Mild) => Self::LateMild,
            (DecelerationKind::Late | DecelerationKind::GradualAlone, Severity::Severe) => Self::LateSevere,
            (DecelerationKind::Prolonged, Severity::Mild) => Self::ProlongedMild,
            (DecelerationKind::Prolonged, Severity::Severe) => Self::ProlongedSevere,
        }
    }
}

/// A cell of the matrix.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Cell {
    /// Its level.
    pub level: Level,
    /// Its level where growth is restricted or the placenta is abnormal.
    pub little_reserve: Level,
    /// Whether the matrix has no entry there, and the worst of its neighbours stands in.
    pub filled: bool,
}

/// One character a cell: `-` has no entry, `+` is 3, or 4 with little reserve.
const CELLS: [&str; 11] = [
    "12233334", "22333434", "33344444", "44-444--", "2334+445", "33444545", "44455555", "55-555--", "45555555",
    "22333434", "44445555",
];

/// Who compared a matrix with the guideline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Confirmation {
    facility: FacilityId,
    by: String,
    document: String,
    on: Moment,
}

/// Why a confirmation is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmationError {
    /// It names nobody.
    #[error("the confirmation of the JSOG matrix names nobody: say who compared it")]
    Nobody,
    /// It names no document.
    #[error("the confirmation of the JSOG matrix names no document: say what it was compared with")]
    NoDocument,
}

impl Confirmation {
    /// A facility says that somebody of it compared the matrix with a document.
    ///
    /// # Errors
    /// When the person or the document is not named.
    pub fn new(facility: FacilityId, by: &str, document: &str, on: Moment) -> Result<Self, ConfirmationError> {
        if by.trim().is_empty() {
            return Err(ConfirmationError::Nobody);
        }
        if document.trim().is_empty() {
            return Err(ConfirmationError::NoDocument);
        }
        Ok(Self { facility, by: by.trim().to_owned(), document: document.trim().to_owned(), on })
    }
    /// Which facility.
    pub fn facility(&self) -> &FacilityId {
        &self.facility
    }
    /// Who compared it there.
    pub fn by(&self) -> &str {
        &self.by
    }
    /// With what it was compared.
    pub fn document(&self) -> &str {
        &self.document
    }
    /// When.
    pub fn on(&self) -> Moment {
        self.on
    }
}

/// A matrix of levels.
#[derive(Clone, PartialEq, Debug)]
pub struct JsogTable {
    version: String,
    cells: [[Cell; 8]; 11],
    verified: Verified,
}

impl JsogTable {
    /// The shipped matrix, which nobody has confirmed.
    pub fn shipped() -> Self {
        let none = Cell { level: Level::L5, little_reserve: Level::L5, filled: true };
        let mut cells = [[none; 8]; 11];
        for (row, text) in cells.iter_mut().zip(CELLS) {
            for (cell, mark) in row.iter_mut().zip(text.bytes()) {
                *cell = match mark {
                    b'+' => Cell { level: Level::L3, little_reserve: Level::L4, filled: false },
                    digit => match Level::of(digit.wrapping_sub(b'0')) {
                        Some(level) => Cell { level, little_reserve: level, filled: false },
                        None => none,
                    },
                };
            }
        }
        Self { version: JSOG_VERSION.to_owned(), cells: filled(cells), verified: Verified::ByNobody(JSOG_MATRIX) }
    }

    /// The same as a facility has confirmed it, with the cells that it found to be others. Cells without an entry stay so
    /// unless they are among them.
    #[must_use]
    pub fn confirmed(
        mut self,
        version: &str,
        confirmation: Confirmation,
        changes: impl IntoIterator<Item = (JsogRow, JsogColumn, Level)>,
    ) -> Self {
        for (row, column, level) in changes {
            if let Some(cell) = self.cells.get_mut(row as usize).and_then(|row| row.get_mut(column as usize)) {
                *cell = Cell { level, little_reserve: cell.little_reserve.max(level), filled: false };
            }
        }
        self.version = version.to_owned();
        self.verified = Verified::By(confirmation);
        self
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }
    /// Who has confirmed it.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }
    /// A cell, for comparing the matrix with the guideline. A window is rated by [`Self::rate`], which says whether that was
    /// done.
    pub fn cell(&self, row: JsogRow, column: JsogColumn) -> Option<Cell> {
        self.cells.get(row as usize)?.get(column as usize).copied()
    }
}

/// Gives each cell without an entry the worst level of its neighbours in row and column.
fn filled(cells: [[Cell; 8]; 11]) -> [[Cell; 8]; 11] {
    let at = |row: Option<usize>, column: Option<usize>| cells.get(row?)?.get(column?).filter(|cell| !cell.filled);
    let mut whole = cells;
    for (row, line) in whole.iter_mut().enumerate() {
        for (column, cell) in line.iter_mut().enumerate().filter(|(_, cell)| cell.filled) {
            let neighbours = [
                at(row.checked_sub(1), Some(column)),
                at(Some(row), column.checked_sub(1)),
                at(Some(row), Some(column + 1)),
            ];
            if let Some(worst) = neighbours.into_iter().flatten().map(|cell| cell.level).max() {
                (cell.level, cell.little_reserve) = (worst, worst);
            }
        }
    }
    whole
}
