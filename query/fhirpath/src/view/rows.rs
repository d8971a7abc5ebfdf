//! The rows of one resource.

use super::{Kind, Over, Placed, Select, View};
use crate::EvaluationError;
use crate::function::written;
use crate::limits::{REPEAT_DEPTH, ROWS};
use crate::meaning::{Evaluation, Focus};
use crate::temporal::Temporal;
use crate::value::{Atom, Item};
use rust_decimal::Decimal;
use serde_json::Value;

/// One cell of a row.
#[derive(Clone, PartialEq, Debug)]
pub enum Cell {
    /// Nothing is stated.
    Null,
    /// Of a [`Kind::Boolean`].
    Boolean(bool),
    /// Of a [`Kind::Integer`].
    Integer(i64),
    /// Of a [`Kind::Decimal`], exactly.
    Decimal(Decimal),
    /// Of any other kind, as it is written; dates and times as FHIR writes them.
    Text(String),
    /// Of a collection.
    List(Vec<Cell>),
}

/// Why a resource has no rows under a view. It says nothing of the resource.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{place}: {wrong}")]
pub struct RowError {
    /// Where in the definition: a path such as `select[0].column[1].path`.
    pub place: String,
    /// What it breaks, and at which character of the expression.
    pub wrong: EvaluationError,
}

type Row = Vec<Cell>;

fn wrong(placed: &Placed, wrong: EvaluationError) -> RowError {
    RowError { place: placed.place.clone(), wrong }
}
fn rule<T>(placed: &Placed, rule: &'static str) -> Result<T, RowError> {
    Err(wrong(placed, EvaluationError { at: placed.expression.at, rule }))
}

impl View {
    /// The rows that a resource makes; none where it is of another type or a condition does not hold.
    ///
    /// # Errors
    /// Where an expression has no value for the resource: several values where one is expected, a condition that is no
    /// truth, a value that is not of its column's type, or more than [`crate::limits`] allow.
    pub fn rows(&self, resource: &Value) -> Result<Vec<Row>, RowError> {
        if resource.get("resourceType").and_then(Value::as_str) != Some(self.resource.as_str()) {
            return Ok(Vec::new());
        }
        let mut evaluation = Evaluation::of(resource);
        let focus = Focus { this: Some(Item::of_json(resource)), index: None, row: 0 };
        for condition in &self.conditions {
            let items = evaluation.evaluate(&condition.expression, &focus).map_err(|error| wrong(condition, error))?;
            match items.as_slice() {
                [] => return Ok(Vec::new()),
                [one] => match one.atom() {
                    Atom::Boolean(true) => {}
                    Atom::Boolean(false) | Atom::Nothing => return Ok(Vec::new()),
                    _ => return rule(condition, "a condition is `true` or `false`"),
                },
                _ => return rule(condition, "a condition is one `true` or `false`"),
            }
        }
        let mut making = Making { evaluation, made: 0 };
        making.product(&self.select, &focus, vec![Vec::with_capacity(self.columns.len())])
    }
}

struct Making<'a> {
    evaluation: Evaluation<'a>,
    /// Rows made on the way, those of parts included.
    made: usize,
}

impl<'a> Making<'a> {
    fn evaluate(&mut self, placed: &'a Placed, focus: &Focus<'a>) -> Result<Vec<Item<'a>>, RowError> {
        self.evaluation.evaluate(&placed.expression, focus).map_err(|error| wrong(placed, error))
    }

    /// Counts rows; where there are too many the place is that of the column or path that is nearest.
    fn count(&mut self, many: usize) -> Result<(), RowError> {
        self.made = self.made.saturating_add(many);
        if self.made > ROWS {
            let rule = "one resource makes at most 10000 rows";
            return Err(RowError { place: "select".to_owned(), wrong: EvaluationError { at: 1, rule } });
        }
        Ok(())
    }

    /// Each row so far with each row of each part.
    fn product(&mut self, parts: &'a [Select], focus: &Focus<'a>, so_far: Vec<Row>) -> Result<Vec<Row>, RowError> {
        let mut rows = so_far;
        for part in parts {
            let added = self.select(part, focus)?;
            rows = self.times(rows, &added)?;
        }
        Ok(rows)
    }

    fn times(&mut self, rows: Vec<Row>, added: &[Row]) -> Result<Vec<Row>, RowError> {
        self.count(rows.len().saturating_mul(added.len()))?;
        let weight = |rows: &[Row]| rows.iter().map(|row| row.iter().map(weight).sum::<usize>()).sum::<usize>();
        let copied = weight(&rows).saturating_mul(added.len()).saturating_add(weight(added).saturating_mul(rows.len()));
        self.evaluation.spend(copied, 1).map_err(|wrong| RowError { place: "select".to_owned(), wrong })?;
        let both = |row: &Row, more: &Row| row.iter().chain(more).cloned().collect();
        Ok(rows.iter().flat_map(|row| added.iter().map(move |more| both(row, more))).collect())
    }

    fn select(&mut self, select: &'a Select, focus: &Focus<'a>) -> Result<Vec<Row>, RowError> {
        let mut rows = Vec::new();
        for here in self.foci(select, focus)? {
            let mut row = Vec::with_capacity(select.width);
            for (path, kind, collection) in &select.columns {
                let items = self.evaluate(path, &here)?;
                row.push(cell(path, *kind, *collection, &items)?);
            }
            let mut made = self.product(&select.select, &here, vec![row])?;
            if !select.union.is_empty() {
                let mut all = Vec::new();
                for branch in &select.union {
                    all.append(&mut self.select(branch, &here)?);
                }
                made = self.times(made, &all)?;
            }
            self.count(made.len())?;
            rows.append(&mut made);
        }
        Ok(rows)
    }

    /// What a select makes rows over.
    fn foci(&mut self, select: &'a Select, focus: &Focus<'a>) -> Result<Vec<Focus<'a>>, RowError> {
        let items = match &select.over {
            Over::Here => return Ok(vec![focus.clone()]),
            Over::Each(path) => self.evaluate(path, focus)?,
            Over::EachOrNull(path) => {
                let items = self.evaluate(path, focus)?;
                if items.is_empty() {
                    return Ok(vec![Focus { this: None, index: None, row: 0 }]);
                }
                items
            }
            Over::Repeat(paths) => {
                let mut found = Vec::new();
                self.repeat(paths, focus, 0, &mut found)?;
                found
            }
        };
        let foci = items.into_iter().enumerate();
        Ok(foci.map(|(row, item)| Focus { this: Some(item), index: None, row }).collect())
    }

    /// What the paths reach, then what they reach from there; each before what lies below it.
    fn repeat(
        &mut self,
        paths: &'a [Placed],
        focus: &Focus<'a>,
        depth: usize,
        found: &mut Vec<Item<'a>>,
    ) -> Result<(), RowError> {
        for path in paths {
            if depth >= REPEAT_DEPTH {
                return rule(path, "`repeat` goes at most 128 deep");
            }
            for item in self.evaluate(path, focus)? {
                found.push(item.clone());
                let here = Focus { this: Some(item), index: None, row: focus.row };
                self.repeat(paths, &here, depth + 1, found)?;
            }
        }
        Ok(())
    }
}

/// What a copy of a cell costs, in steps.
fn weight(cell: &Cell) -> usize {
    match cell {
        Cell::Text(text) => 1 + text.len() / 64,
        Cell::List(cells) => 1 + cells.iter().map(weight).sum::<usize>(),
        _ => 1,
    }
}

fn cell(placed: &Placed, kind: Kind, collection: bool, items: &[Item<'_>]) -> Result<Cell, RowError> {
    let mut cells = Vec::with_capacity(items.len());
    for item in items {
        match of_kind(kind, item) {
            Ok(cell) => cells.push(cell),
            Err(broken) => return rule(placed, broken),
        }
    }
    if collection {
        return Ok(Cell::List(cells));
    }
    let mut cells = cells.into_iter();
    match (cells.next(), cells.next()) {
        (None, _) => Ok(Cell::Null),
        (Some(cell), None) => Ok(cell),
        _ => rule(placed, "there are several values: add `.first()`, a `forEach`, or `\"collection\": true`"),
    }
}

fn of_kind(kind: Kind, item: &Item<'_>) -> Result<Cell, &'static str> {
    match (kind, item.atom()) {
        (_, Atom::Nothing) => Ok(Cell::Null),
        (_, Atom::Complex(_)) => Err("the value has parts of its own: name the one that is wanted"),
        (_, Atom::TooLong) => Err("a number has at most 28 digits"),
        (Kind::Boolean, Atom::Boolean(truth)) => Ok(Cell::Boolean(truth)),
        (Kind::Boolean, _) => Err("the column is a boolean and the value is not"),
        (Kind::Integer, Atom::Integer(number)) => Ok(Cell::Integer(number)),
        // An `integer64` is a text in FHIR's JSON.
        (Kind::Integer, Atom::Text(text)) => text.parse().map(Cell::Integer).map_err(|_| NO_INTEGER),
        (Kind::Integer, _) => Err(NO_INTEGER),
        (Kind::Decimal, atom) => atom.number().map(Cell::Decimal).ok_or("the column is a decimal and the value is not"),
        (Kind::Date | Kind::DateTime | Kind::Instant | Kind::Time, _) => {
            let text = written(item).unwrap_or_default();
            let fits = match kind {
                Kind::Date => Temporal::date(&text).is_some(),
                Kind::Time => Temporal::time(&text).is_some(),
                _ => Temporal::date_time(&text).is_some(),
            };
            if fits {
                Ok(Cell::Text(text.into_owned()))
            } else {
                Err("the column is a date or time and the value is not")
            }
        }
        (Kind::Text, _) => Ok(Cell::Text(written(item).unwrap_or_default().into_owned())),
    }
}

const NO_INTEGER: &str = "the column is an integer and the value is not";
