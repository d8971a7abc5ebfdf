//! The record store, the scan that takes a visibility, and the feed.

mod cold;
mod error;
mod feed;
mod files;
mod hot;
mod index;
mod letters;
mod manifest;
mod rows;
mod scan;
mod store;
pub mod table;
#[cfg(test)]
mod testing;
mod view;

pub use error::StoreError;
pub use feed::{FeedItem, FeedStart, Feeds, Put, ResetReason, Subscription, Vanishing};
pub use letters::BookLetters;
pub use store::{Committed, Compacted, ContentDigest, PutOutcome, Recovered, Store, StoreConfig};
pub use view::{View, Views};
