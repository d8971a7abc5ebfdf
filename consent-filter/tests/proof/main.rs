//! The proof of the conscience: a slow, obvious filter (`reference`) checked against the real one on generated
//! histories (`equality`) and long worlds (`story`, `follow`, `long`), laws by name (`laws`), and the field's own cases (`vectors`).

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    reason = "a test may stop where it stands, also in its helpers"
)]
#![expect(clippy::disallowed_methods, reason = "a failing world is kept in a file, and the run says how long it is")]

mod follow;
mod kept;
mod reference;
mod shrink;
mod story;
mod world;

mod equality;
mod laws;
mod long;
mod rarer;
mod trying;
mod vectors;
