//! The record store, the scan that takes a visibility, and the feed.

mod error;
mod files;
mod hot;
mod index;
mod letters;
mod rows;
pub mod table;
#[cfg(test)]
mod testing;

pub use error::StoreError;
pub use letters::BookLetters;
