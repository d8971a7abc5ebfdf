//! The proof of the ledger: what was tampered with is found and named (`bundles`), reports and recalls say what a plain
//! filter over the entries says (`reports`, `recalls`, `published`), a line gives away nothing of the others (`lines`), and the
//! export has the shapes of IHE's own examples (`balp`).

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, also in its helpers"
)]

mod world;

mod balp;
mod bundles;
mod lines;
mod published;
mod recalls;
mod reports;
