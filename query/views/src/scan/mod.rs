//! The scan: rows of one table as one visibility shows them.
//!
//! The privacy check is the table itself, not a filter a planner could move or drop. What a query filters by is used
//! only to read less; DataFusion applies it again.

mod cold;
mod facts;
mod persons;
mod pieces;
mod plan;
mod provider;
mod pruning;
mod records;
mod rows;
mod sight;
mod tally;

pub(crate) use facts::facts_of_patient;
pub(crate) use persons::persons;
pub(crate) use provider::FacilityTable;
pub(crate) use records::{facts_at, facts_of, found_at, records, references};
pub(crate) use sight::Sight;
pub use tally::Tally;
