//! The registry's row: everything of the registry about one person at one moment, each item with its value, date and source,
//! or the reason why there is none.

mod items;
mod read;

pub use read::{over_treated, target, treatment};

use super::answer::Answer;
use super::day::Date;
use super::facts::Facts;
use super::person::Person;
use super::tables::Tables;
use crate::lab::Span;
use model::Moment;

/// What sort of value an item has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ItemKind {
    /// A number.
    Number,
    /// One of a few words.
    Word,
    /// Several words.
    Words,
    /// Yes or no.
    Flag,
    /// A day.
    Day,
}

/// A value of the registry.
#[derive(Clone, PartialEq, Debug)]
pub enum ItemValue {
    /// A number, in the item's unit.
    Number(f64),
    /// A measured bound such as `<5.0` where the item is a number: no number, but not nothing.
    Bound(Span),
    /// One of a few words.
    Word(&'static str),
    /// Several words.
    Words(Vec<&'static str>),
    /// Yes or no.
    Flag(bool),
    /// A day.
    Day(Date),
}

/// An item of the registry.
#[derive(Clone, Copy, Debug)]
pub struct RegistryItem {
    /// A short stable name.
    pub key: &'static str,
    /// What sort of value it has.
    pub kind: ItemKind,
    /// The unit (UCUM); empty where there is none.
    pub unit: &'static str,
    /// Japanese name.
    pub ja: &'static str,
    /// English name.
    pub en: &'static str,
    of: fn(&Person<'_>) -> Answer<ItemValue>,
}

impl RegistryItem {
    /// The item of one person: for who wants a few items and not the whole row.
    ///
    /// # Errors
    /// The reason why there is no value.
    pub fn of(&self, person: &Person<'_>) -> Answer<ItemValue> {
        (self.of)(person)
    }
}

/// An item with its answer.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Which.
    pub item: &'static RegistryItem,
    /// Value, date and sources, or the reason why not.
    pub answer: Answer<ItemValue>,
}

/// Changes with every change of the items or of what they mean.
pub const REGISTRY_VERSION: &str = "2026-11-23";

/// All items, in their order.
pub static REGISTRY_ITEMS: &[RegistryItem] = items::ITEMS;

/// The row of one person: a cell for each of [`REGISTRY_ITEMS`], in their order.
pub fn registry_row(facts: &Facts, tables: &Tables, now: Moment) -> Vec<Cell> {
    row_of(&Person::new(facts, tables, now))
}

/// The same of a person of whom other questions are asked too.
pub fn row_of(person: &Person<'_>) -> Vec<Cell> {
    REGISTRY_ITEMS.iter().map(|item| Cell { item, answer: (item.of)(person) }).collect()
}

#[cfg(test)]
mod tests;
