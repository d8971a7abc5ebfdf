//! What was seen before: the same event twice is one event, also when both are under way at once, also after a
//! restart, also when the node died between append and index.
//!
//! An event passes through two memories. While it is under way, and until the index holds it, it has a *claim* here in
//! memory. A follower reads the log behind the appends and writes what it finds into the *index* on disk, together
//! with how far it has come, in one act: the index is a function of the log, and after a crash it simply reads on.

mod claims;
mod follower;
mod index;

pub(crate) use claims::{Candidate, Claims, Resolution};
pub(crate) use follower::{CatchUpError, Follower, catch_up};
pub(crate) use index::{Entry, Index, content_of};
