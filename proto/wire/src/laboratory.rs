//! A facility's laboratory tables.

use crate::error::{At, WireError};
use crate::v1;
use crate::vocabulary::Vocabulary;
use model::{FacilityId, LabTable, LabTableKind};

impl TryFrom<v1::LabTable> for LabTable {
    type Error = WireError;
    fn try_from(wire: v1::LabTable) -> Result<Self, WireError> {
        let v1::LabTable { facility, kind, rows } = wire;
        let facility = FacilityId::parse(&facility).at("facility")?;
        let kind = LabTableKind::from_number(kind).at("kind")?;
        Self::new(facility, kind, rows.into_iter().map(|row| row.cells).collect()).at("rows")
    }
}

impl From<&LabTable> for v1::LabTable {
    fn from(table: &LabTable) -> Self {
        let row = |cells: &Vec<String>| v1::LabTableRow { cells: cells.clone() };
        Self {
            facility: table.facility().as_str().to_owned(),
            kind: table.kind().number(),
            rows: table.rows().iter().map(row).collect(),
        }
    }
}
