//! What a facility states about its own laboratory: tables of rows, whose meaning is the laboratory rooms' to say.

use crate::FacilityId;
use crate::label::closed_set;

closed_set! {
    /// Which of a facility's laboratory tables.
    LabTableKind, LabTableKinds, u8, UnknownLabTableKind, "laboratory table" {
        /// What its own codes mean.
        Codes = "codes",
        /// Its critical limits.
        Critical = "critical",
        /// Its reference intervals.
        Intervals = "intervals",
        /// How it spells units.
        Units = "units",
        /// Its rules for delta checks.
        Delta = "delta",
        /// Single settings.
        Settings = "settings",
    }
}

/// Why rows are no laboratory table. Which row and cell, from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabTableError {
    /// Too many rows.
    #[error("has {rows} rows; at most {most} are taken", most = LabTable::MOST_ROWS)]
    Rows {
        /// How many.
        rows: usize,
    },
    /// Too many cells in a row.
    #[error("row {row} has {cells} cells; at most {most} are taken", most = LabTable::MOST_CELLS)]
    Cells {
        /// Which row.
        row: usize,
        /// How many cells.
        cells: usize,
    },
    /// A cell is too long.
    #[error("row {row}, cell {cell} is longer than {most} bytes", most = LabTable::LONGEST_CELL)]
    Long {
        /// Which row.
        row: usize,
        /// Which cell.
        cell: usize,
    },
    /// A control character.
    #[error("row {row}, cell {cell} has a control character")]
    Control {
        /// Which row.
        row: usize,
        /// Which cell.
        cell: usize,
    },
}

/// One of a facility's laboratory tables, whole. Stated again, it replaces the earlier statement; without rows it is back at
/// what is shipped.
///
/// ```
/// use model::{FacilityId, LabTable, LabTableKind};
/// let facility = FacilityId::parse("hamanomachi-lab")?;
/// let rows = vec![vec!["K01".to_owned(), String::new(), "jlac10".to_owned(), "3H015000002326101".to_owned()]];
/// let table = LabTable::new(facility, LabTableKind::Codes, rows)?;
/// assert_eq!(table.rows().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LabTable {
    facility: FacilityId,
    kind: LabTableKind,
    rows: Vec<Vec<String>>,
}

impl LabTable {
    /// At most so many rows.
    pub const MOST_ROWS: usize = 20_000;
    /// At most so many cells in a row.
    pub const MOST_CELLS: usize = 8;
    /// At most so many bytes in a cell.
    pub const LONGEST_CELL: usize = 200;

    /// A table of these rows. Cells are trimmed.
    ///
    /// # Errors
    /// When it is too large, or a cell is no plain text.
    pub fn new(facility: FacilityId, kind: LabTableKind, rows: Vec<Vec<String>>) -> Result<Self, LabTableError> {
        if rows.len() > Self::MOST_ROWS {
            return Err(LabTableError::Rows { rows: rows.len() });
        }
        for (row, cells) in (1..).zip(&rows) {
            if cells.len() > Self::MOST_CELLS {
                return Err(LabTableError::Cells { row, cells: cells.len() });
            }
            for (cell, text) in (1..).zip(cells) {
                if text.len() > Self::LONGEST_CELL {
                    return Err(LabTableError::Long { row, cell });
                }
                if text.chars().any(char::is_control) {
                    return Err(LabTableError::Control { row, cell });
                }
            }
        }
        let trim = |cells: Vec<String>| cells.iter().map(|text| text.trim().to_owned()).collect();
        Ok(Self { facility, kind, rows: rows.into_iter().map(trim).collect() })
    }

    /// Whose laboratory.
    pub fn facility(&self) -> &FacilityId {
        &self.facility
    }
    /// Which table.
    pub fn kind(&self) -> LabTableKind {
        self.kind
    }
    /// Its rows, in the order they were stated.
    pub fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[&[&str]]) -> Result<LabTable, LabTableError> {
        let rows = rows.iter().map(|cells| cells.iter().map(|cell| (*cell).to_owned()).collect()).collect();
        LabTable::new(FacilityId::parse("lab").unwrap(), LabTableKind::Codes, rows)
    }

    #[test]
    fn cells_are_trimmed_and_rows_kept_in_order() {
        let table = table(&[&[" K ", "カリウム"], &[]]).unwrap();
        assert_eq!(table.rows(), [vec!["K".to_owned(), "カリウム".to_owned()], vec![]]);
    }

    #[test]
    fn what_is_too_large_or_no_plain_text_is_refused_with_its_place() {
        let long = "x".repeat(LabTable::LONGEST_CELL + 1);
        assert_eq!(table(&[&["a"], &["a", &long]]), Err(LabTableError::Long { row: 2, cell: 2 }));
        assert_eq!(table(&[&["a\nb"]]), Err(LabTableError::Control { row: 1, cell: 1 }));
        assert_eq!(table(&[&["a"; 9]]), Err(LabTableError::Cells { row: 1, cells: 9 }));
        let many: Vec<&[&str]> = vec![&[]; LabTable::MOST_ROWS + 1];
        assert_eq!(table(&many), Err(LabTableError::Rows { rows: LabTable::MOST_ROWS + 1 }));
    }
}
