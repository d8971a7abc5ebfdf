//! The record store, the scan that takes a visibility, and the feed.
