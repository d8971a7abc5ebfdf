//! Critical values (パニック値): limits per facility, and the way of one from its detection to what was done.

mod alert;
mod table;

pub use alert::{Alert, AlertEvent, AlertState, AlertStep, Escalation, EscalationPolicy};
pub use table::{CriticalError, CriticalRow, CriticalTable, Detection};

#[cfg(test)]
mod tests;
