//! What a view shows of the pregnancies of those on beds: their week, and whether the fetuses have little reserve.

use super::Perinatal;
use super::charts::{Wanted, Woman};
use clinical::perinatal::PerinatalTables;
use clinical::perinatal::chart::AtBed;
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryReservation;
use model::{Moment, PatientNumber};
use std::sync::Arc;

/// Charts of those on beds.
pub(crate) struct AtBeds {
    women: Vec<Woman>,
    tables: Arc<PerinatalTables>,
    /// Held as long as the charts are.
    _memory: MemoryReservation,
}

impl Perinatal {
    /// Reads what is asked of these, by the viewing facility's own numbers.
    pub(crate) async fn at_beds(&self, whose: &[PatientNumber], context: Arc<TaskContext>) -> Result<AtBeds> {
        let (women, memory) = self.read(whose, Wanted::AtBed, context).await?;
        Ok(AtBeds { women, tables: Arc::clone(&self.tables), _memory: memory })
    }
}

impl AtBeds {
    /// What is known of a pregnancy that went on at a moment; of somebody of whom no entry is shown, nothing.
    pub(crate) fn of(&self, own: &str, at: Moment) -> AtBed {
        let woman = self.women.iter().find(|woman| woman.number.as_str() == own);
        woman.map(|woman| woman.chart.at_bed(&woman.pregnancies, at, &self.tables)).unwrap_or_default()
    }
}
