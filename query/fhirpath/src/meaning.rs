//! What an expression means for one resource. Every step is paid for, so that no expression runs on.

use crate::error::EvaluationError;
use crate::expression::{Does, Expression, Meant, Step, TypeTest};
use crate::function::Call;
use crate::limits::{STEPS, TEXT_BYTES};
use crate::types::TypeName;
use crate::value::{Atom, Item};
use crate::{boundary, operator, path};
use serde_json::Value;

pub(crate) type Items<'a> = Vec<Item<'a>>;
pub(crate) type Outcome<T> = Result<T, EvaluationError>;

pub(crate) fn trouble<T>(at: usize, rule: &'static str) -> Outcome<T> {
    Err(EvaluationError { at, rule })
}

/// One resource, and what is left to spend on it.
#[derive(Debug)]
pub(crate) struct Evaluation<'a> {
    pub(crate) resource: &'a Value,
    left: usize,
}

/// Where an expression stands.
#[derive(Clone, Debug)]
pub(crate) struct Focus<'a> {
    /// `$this`; nothing for a row that stands for nothing.
    pub(crate) this: Option<Item<'a>>,
    /// `$index`
    pub(crate) index: Option<usize>,
    /// `%rowIndex`
    pub(crate) row: usize,
}

impl<'a> Evaluation<'a> {
    pub(crate) fn of(resource: &'a Value) -> Self {
        Self { resource, left: STEPS }
    }

    /// Pays for steps.
    pub(crate) fn spend(&mut self, steps: usize, at: usize) -> Outcome<()> {
        match self.left.checked_sub(steps) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => trouble(at, "this costs more steps than one resource may"),
        }
    }

    /// A text that was made, if it is not too long.
    pub(crate) fn made(&mut self, text: String, at: usize) -> Outcome<Items<'a>> {
        if text.len() > TEXT_BYTES {
            return trouble(at, "a text has at most 1 MiB");
        }
        self.spend(text.len() / 64, at)?;
        Ok(vec![Item::text(text)])
    }

    pub(crate) fn evaluate(&mut self, expression: &'a Expression, focus: &Focus<'a>) -> Outcome<Items<'a>> {
        let at = expression.at;
        self.spend(1, at)?;
        match &expression.meant {
            Meant::Nothing => Ok(Vec::new()),
            Meant::Literal(literal) => Ok(vec![Item::of_literal(literal)]),
            Meant::This => Ok(focus.this.clone().into_iter().collect()),
            Meant::Index => match focus.index.map(i64::try_from) {
                Some(Ok(index)) => Ok(vec![Item::Integer(index)]),
                _ => trouble(at, "`$index` is known inside `where`, `select`, `all` and `exists`"),
            },
            Meant::RowIndex => Ok(vec![Item::Integer(i64::try_from(focus.row).unwrap_or(i64::MAX))]),
            Meant::Resource => Ok(vec![Item::of_json(self.resource)]),
            Meant::Minus(of) => {
                let items = self.evaluate(of, focus)?;
                match single(&items, at)?.map(Item::atom) {
                    None | Some(Atom::Nothing) => Ok(Vec::new()),
                    Some(Atom::Integer(number)) => Ok(number.checked_neg().map(Item::Integer).into_iter().collect()),
                    Some(Atom::Decimal(number)) => Ok(vec![Item::Decimal(-number)]),
                    Some(_) => trouble(at, "`-` stands before a number"),
                }
            }
            Meant::Binary(operator, left, right) => operator::evaluate(self, *operator, at, (left, right), focus),
            Meant::Type(test, of, kind) => {
                let items = self.evaluate(of, focus)?;
                type_test(&items, *test, kind, at)
            }
            Meant::Path(beginning, steps) => {
                let mut items = self.evaluate(beginning, focus)?;
                for step in steps {
                    items = self.step(step, items, focus)?;
                    self.spend(items.len() + 1, step.at)?;
                }
                Ok(items)
            }
        }
    }

    fn step(&mut self, step: &'a Step, input: Items<'a>, focus: &Focus<'a>) -> Outcome<Items<'a>> {
        let at = step.at;
        match &step.does {
            Does::Member { name, first } => Ok(path::member(&input, name, *first)),
            Does::At(place) => {
                let place = self.evaluate(place, focus)?;
                match single(&place, at)?.map(Item::atom) {
                    None => Ok(Vec::new()),
                    Some(Atom::Integer(place)) => {
                        let found = usize::try_from(place).ok().and_then(|place| input.get(place).cloned());
                        Ok(found.into_iter().collect())
                    }
                    Some(_) => trouble(at, "an index is an integer"),
                }
            }
            Does::Call(function, arguments) => self.call(Call { function: *function, arguments, at }, input, focus),
            Does::Typed(function, kind) => path::typed(self.resource, *function, kind.as_ref(), input, at),
        }
    }

    /// Whether a condition holds for an item; what is not known does not hold.
    pub(crate) fn holds(&mut self, condition: &'a Expression, focus: &Focus<'a>) -> Outcome<bool> {
        let items = self.evaluate(condition, focus)?;
        Ok(truth(&items, condition.at)?.unwrap_or(false))
    }

    /// The boundaries of a value.
    pub(crate) fn boundary(&mut self, input: &Items<'a>, high: bool, at: usize) -> Outcome<Items<'a>> {
        match single(input, at)? {
            None => Ok(Vec::new()),
            Some(item) => boundary::of(item, high, at),
        }
    }
}

/// The one item of a collection, or none.
pub(crate) fn single<'i, 'a>(items: &'i [Item<'a>], at: usize) -> Outcome<Option<&'i Item<'a>>> {
    match items {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => trouble(at, "one value is expected here and there are several"),
    }
}

/// What a collection says where a truth is asked for: one item that is no truth stands for `true`.
pub(crate) fn truth(items: &[Item<'_>], at: usize) -> Outcome<Option<bool>> {
    Ok(match single(items, at)?.map(Item::atom) {
        None | Some(Atom::Nothing) => None,
        Some(Atom::Boolean(truth)) => Some(truth),
        Some(_) => Some(true),
    })
}

/// `is` and `as`, as operator and as function.
pub(crate) fn type_test<'a>(items: &[Item<'a>], test: TypeTest, kind: &TypeName, at: usize) -> Outcome<Items<'a>> {
    let Some(item) = single(items, at)? else { return Ok(Vec::new()) };
    let is = path::is_of(item, kind);
    Ok(match test {
        TypeTest::Is => vec![Item::Boolean(is)],
        TypeTest::As if is => vec![path::narrowed(item, kind)],
        TypeTest::As => Vec::new(),
    })
}
