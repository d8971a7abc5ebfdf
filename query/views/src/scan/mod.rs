//! The scan: rows of one table as one visibility shows them.
//!
//! The privacy check is the table itself, not a filter a planner could move or drop. Tests of single columns the scan
//! makes itself, of what the check shows and counted; what else a query filters by is used only to read less, and
//! DataFusion applies it again.

mod cold;
mod facts;
mod persons;
mod picked;
mod pieces;
mod plan;
mod provider;
mod pruning;
mod reading;
mod records;
mod rows;
mod sieve;
mod sift;
mod sight;
mod tally;
mod wanted;
mod whose;

pub(crate) use facts::facts_of_patient;
pub(crate) use persons::persons;
pub(crate) use provider::FacilityTable;
pub(crate) use records::{facts_at, facts_of, found_at, records, references};
pub(crate) use sight::Sight;
pub use tally::Tally;
