//! The proof of the conscience: a slow, obvious filter (`reference`) checked against the real one on generated
//! histories (`equality`), laws by name (`laws`), and the field's own cases (`vectors`).

mod equality;
mod laws;
mod reference;
mod vectors;
mod world;
