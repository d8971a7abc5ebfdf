//! The proof of the conscience: a slow, obvious filter (`reference`) checked against the real one on generated
//! histories (`equality`), laws by name (`laws`), and the field's own cases (`vectors`).

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, also in its helpers"
)]

mod reference;
mod world;

mod equality;
mod laws;
mod rarer;
mod trying;
mod vectors;
