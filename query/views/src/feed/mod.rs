//! The feeds.

/// Placeholder
#[derive(Debug, Default)]
pub struct Feeds;
