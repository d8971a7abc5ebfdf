//! The publisher's own view: what became of one facility's records at those who receive them.
//!
//! What the ledger knows (delivered, seen) is folded in [`ledger::Publication`]; here is what the rows and the book know
//! ([`Held`]: held back now, and codes that nobody knows) and what the record versions know ([`Versions`]: corrected,
//! deleted). Values come in, values go out: reading the log and the store is the desk's part, in `app`.

mod held;
mod json;
mod unmapped;
mod versions;
mod words;

#[cfg(test)]
mod tests;

pub use held::{Held, HeldFor, Standing};
pub use json::{json_of, json_of_summary};
pub use unmapped::{Codes, Unknown, Unmapped, unknown_code};
pub use versions::{Corrected, Versions};
pub use words::{reason_words, refusal_words};

use model::{Frontier, Position};

/// A stretch of the log: what the log took in from one frontier to before another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// Where it begins.
    pub from: Frontier,
    /// Where it ends.
    pub until: Frontier,
}

impl Span {
    /// Whether a letter is in it.
    pub fn holds(&self, position: Position) -> bool {
        self.until.includes(position) && !self.from.includes(position)
    }
}
