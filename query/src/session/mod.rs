//! One principal's statements: parsed, planned over their own catalogue, run within limits.

mod room;
mod running;
mod seats;
mod statement;

pub use room::ReadingRoom;
pub use running::{Answer, AnswerRows};
pub use statement::{Door, Ending, Reading, Statement};
