//! What one statement may take.

use std::time::Duration;

/// Limits of the reading room. Every statement is held to them alone, so that none hurts another.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long one statement may run, planning and sending of rows included. A caller may ask for less.
    pub statement: Duration,
    /// How many bytes one statement may hold for sorting, grouping and joining.
    pub memory_bytes: usize,
    /// How many statements of one facility run at the same time.
    pub concurrent_per_facility: usize,
    /// How many statements run at the same time in all.
    pub concurrent: usize,
    /// How long a statement waits for its turn when too many run.
    pub turn: Duration,
    /// How long a statement waits for the view to become as fresh as was asked. A caller may ask for less.
    pub at_least: Duration,
    /// How many prepared statements one facility may hold open over Flight SQL.
    pub prepared_per_facility: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            statement: Duration::from_secs(60),
            memory_bytes: 512 * 1024 * 1024,
            concurrent_per_facility: 16,
            concurrent: 64,
            turn: Duration::from_secs(5),
            at_least: Duration::from_secs(10),
            prepared_per_facility: 1_000,
        }
    }
}
