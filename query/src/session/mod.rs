//! One principal's statements: parsed, planned over their own catalogue, run within limits.

mod account;
mod course;
mod room;
mod running;
mod seats;
mod size;
mod statement;
mod yielding;

pub(crate) use course::shown;
pub use room::ReadingRoom;
pub(crate) use room::{now, plan};
pub(crate) use running::columns;
pub use running::{Answer, AnswerRows};
pub(crate) use size::check_text;
pub use statement::{Door, Ending, Reading, Statement};
