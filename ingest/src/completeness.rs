//! Completeness: what a source has against what was dealt with here, per feed and day, and the exact list of gaps.
//!
//! [`compare`] is pure: two multisets of (key, digest) come to a [`Comparison`]. What a source has is said by the source:
//! a storage's tree, the control ids of the messages a listener was sent, the entries of a bundle. What was dealt with is said
//! by whoever noted it *after* it was durable: a storage's cursor, or the [`FeedBook`] for what comes as messages. It is kept
//! and not worked out from the log, for the log holds events and not the files, messages and entries they came from, and
//! what is only counted or refused never reaches it.

mod accountant;
mod book;
mod compare;
mod report;
#[cfg(test)]
mod tests;

pub(crate) use accountant::Accountant;
pub(crate) use book::Note;
pub use book::{Feed, FeedBook, FeedError, FeedKind, Page};
pub use compare::{Comparison, Gap, GapKind, Item, compare};
pub use report::{Report, ReportError};
