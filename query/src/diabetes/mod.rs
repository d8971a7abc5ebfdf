//! Diabetes as a view shows it: persons read out of one view's tables, and what is made of them.
//!
//! Nothing here has a way to a row of its own: all is made of the tables of one view, as that view shows them, and what is read of
//! those is counted there. What it means is `clinical::diabetes`'s to say.

mod gather;
mod persons;

pub use persons::{PersonFacts, Persons, PersonsRead};
