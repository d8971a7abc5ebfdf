//! What an expression gives: a collection of items, and what a single item is.

use crate::expression::Literal;
use crate::temporal::Temporal;
use crate::types::is_temporal;
use rust_decimal::Decimal;
use serde_json::Value;
use std::borrow::Cow;

/// A place in a resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'a> {
    /// Null where only the element beside it says something.
    pub(crate) json: &'a Value,
    /// What stands beside a primitive under `_name`: its id and extensions.
    pub(crate) beside: Option<&'a Value>,
    /// Its type, where the element's name says it.
    pub(crate) kind: Option<&'static str>,
}

/// One thing of a collection.
#[derive(Clone, Debug)]
pub(crate) enum Item<'a> {
    Node(Node<'a>),
    Boolean(bool),
    Integer(i64),
    Decimal(Decimal),
    Text(Cow<'a, str>),
    Time(Temporal),
}

/// What an item comes to where an operator or a function looks at it.
#[derive(Clone, Debug)]
pub(crate) enum Atom<'a> {
    Boolean(bool),
    Integer(i64),
    Decimal(Decimal),
    Text(Cow<'a, str>),
    Time(Temporal),
    Complex(&'a Value),
    /// A primitive without a value, of which only extensions are stated.
    Nothing,
    /// A number of more than 28 digits.
    TooLong,
}

impl<'a> Item<'a> {
    pub(crate) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }
    pub(crate) fn of_json(json: &'a Value) -> Self {
        Self::Node(Node { json, beside: None, kind: None })
    }
    pub(crate) fn of_literal(literal: &'a Literal) -> Self {
        match literal {
            Literal::Boolean(truth) => Self::Boolean(*truth),
            Literal::Integer(number) => Self::Integer(*number),
            Literal::Decimal(number) => Self::Decimal(*number),
            Literal::Text(text) => Self::Text(Cow::Borrowed(text)),
            Literal::Time(time) => Self::Time(*time),
        }
    }

    pub(crate) fn atom(&self) -> Atom<'a> {
        match self {
            Self::Boolean(truth) => Atom::Boolean(*truth),
            Self::Integer(number) => Atom::Integer(*number),
            Self::Decimal(number) => Atom::Decimal(*number),
            Self::Text(text) => Atom::Text(text.clone()),
            Self::Time(time) => Atom::Time(*time),
            Self::Node(node) => node.atom(),
        }
    }
}

impl<'a> Node<'a> {
    fn atom(self) -> Atom<'a> {
        match self.json {
            Value::Null => Atom::Nothing,
            Value::Bool(truth) => Atom::Boolean(*truth),
            Value::Number(number) => match number.as_i64() {
                Some(number) => Atom::Integer(number),
                None => decimal(&number.to_string()).map_or(Atom::TooLong, Atom::Decimal),
            },
            Value::String(text) => {
                let time = self.kind.filter(|kind| is_temporal(kind)).and_then(|kind| Temporal::of_type(kind, text));
                time.map_or(Atom::Text(Cow::Borrowed(text)), Atom::Time)
            }
            complex @ (Value::Array(_) | Value::Object(_)) => Atom::Complex(complex),
        }
    }
}

/// A decimal as it is written, in full or with an exponent; `None` where 28 digits do not hold it.
pub(crate) fn decimal(text: &str) -> Option<Decimal> {
    Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

impl Atom<'_> {
    /// The number, whole or not.
    pub(crate) fn number(&self) -> Option<Decimal> {
        match self {
            Self::Integer(number) => Some(Decimal::from(*number)),
            Self::Decimal(number) => Some(*number),
            _ => None,
        }
    }
}
