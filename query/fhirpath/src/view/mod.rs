//! ViewDefinitions: what is to be read out of resources of one type, as rows.

mod columns;
mod definition;
mod rows;

pub use definition::DefinitionError;
pub use rows::{Cell, RowError};

use crate::expression::Expression;

/// A ViewDefinition, read.
#[derive(Debug)]
pub struct View {
    name: Option<String>,
    resource: String,
    conditions: Vec<Placed>,
    select: Vec<Select>,
    columns: Vec<Column>,
}

/// A column of a view.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether it holds a list.
    pub collection: bool,
    /// What the definition says of it.
    pub description: Option<String>,
}

/// What a column holds, from its FHIR type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `boolean`
    Boolean,
    /// `integer`, `positiveInt`, `unsignedInt`, `integer64`
    Integer,
    /// `decimal`
    Decimal,
    /// `date`
    Date,
    /// `dateTime`
    DateTime,
    /// `instant`
    Instant,
    /// `time`
    Time,
    /// Every other primitive type, and a column that states none.
    Text,
}

/// An expression and where it stands in the definition.
#[derive(Debug)]
struct Placed {
    place: String,
    expression: Expression,
}

/// A `select`, or one of `unionAll`.
#[derive(Debug)]
struct Select {
    over: Over,
    columns: Vec<(Placed, Kind, bool)>,
    select: Vec<Select>,
    union: Vec<Select>,
    /// How many columns its rows have.
    width: usize,
}

/// What a select makes rows over.
#[derive(Debug)]
enum Over {
    /// What it stands in.
    Here,
    /// `forEach`
    Each(Placed),
    /// `forEachOrNull`
    EachOrNull(Placed),
    /// `repeat`
    Repeat(Vec<Placed>),
}

impl View {
    /// The definition's own name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
    /// The type of the resources it reads.
    pub fn resource(&self) -> &str {
        &self.resource
    }
    /// Its columns, in the order of its rows' cells.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }
}
