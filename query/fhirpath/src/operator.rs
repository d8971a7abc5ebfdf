//! The operators between two expressions.

use crate::error::EvaluationError;
use crate::expression::{Expression, Operator};
use crate::meaning::{Evaluation, Focus, Items, Outcome, single, trouble, truth};
use crate::value::{Atom, Item};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use std::cmp::Ordering;

type Sides<'a> = (&'a Expression, &'a Expression);

pub(crate) fn evaluate<'a>(
    evaluation: &mut Evaluation<'a>,
    operator: Operator,
    at: usize,
    (left, right): Sides<'a>,
    focus: &Focus<'a>,
) -> Outcome<Items<'a>> {
    let left = evaluation.evaluate(left, focus)?;
    // What the left side settles alone is settled, whatever the right side holds.
    let settled = match operator {
        Operator::And if truth(&left, at)? == Some(false) => Some(false),
        Operator::Or if truth(&left, at)? == Some(true) => Some(true),
        Operator::Implies if truth(&left, at)? == Some(false) => Some(true),
        _ => None,
    };
    if let Some(settled) = settled {
        return Ok(vec![Item::Boolean(settled)]);
    }
    let right = evaluation.evaluate(right, focus)?;
    let yes_no = |truth: Option<bool>| truth.map(Item::Boolean).into_iter().collect();
    Ok(match operator {
        Operator::And | Operator::Or | Operator::Xor | Operator::Implies => {
            yes_no(logic(operator, truth(&left, at)?, truth(&right, at)?))
        }
        Operator::Equal => yes_no(equal(evaluation, &left, &right, at)?),
        Operator::NotEqual => yes_no(equal(evaluation, &left, &right, at)?.map(|equal| !equal)),
        Operator::Equivalent => yes_no(Some(equivalent(evaluation, &left, &right, at)?)),
        Operator::NotEquivalent => yes_no(Some(!equivalent(evaluation, &left, &right, at)?)),
        Operator::Less => yes_no(ordered(&left, &right, at)?.map(Ordering::is_lt)),
        Operator::LessOrEqual => yes_no(ordered(&left, &right, at)?.map(Ordering::is_le)),
        Operator::Greater => yes_no(ordered(&left, &right, at)?.map(Ordering::is_gt)),
        Operator::GreaterOrEqual => yes_no(ordered(&left, &right, at)?.map(Ordering::is_ge)),
        Operator::In => yes_no(within(evaluation, &left, &right, at)?),
        Operator::Contains => yes_no(within(evaluation, &right, &left, at)?),
        Operator::Union => united(evaluation, left, right, at)?,
        Operator::Concatenate => {
            let mut text = text_of(&left, at)?;
            text.push_str(&text_of(&right, at)?);
            evaluation.made(text, at)?
        }
        Operator::Multiply
        | Operator::Divide
        | Operator::WholeDivide
        | Operator::Modulo
        | Operator::Add
        | Operator::Subtract => {
            let (Some(left), Some(right)) = (single(&left, at)?, single(&right, at)?) else { return Ok(Vec::new()) };
            match (operator, left.atom(), right.atom()) {
                (_, Atom::Nothing, _) | (_, _, Atom::Nothing) => Vec::new(),
                (Operator::Add, Atom::Text(left), Atom::Text(right)) => {
                    evaluation.made(format!("{left}{right}"), at)?
                }
                (_, left, right) => calculate(operator, &left, &right, at)?.into_iter().collect(),
            }
        }
    })
}

/// Three-valued: what is not known may be either.
fn logic(operator: Operator, left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (operator, left, right) {
        (Operator::And, Some(false), _) | (Operator::And, _, Some(false)) => Some(false),
        (Operator::And, Some(true), Some(true)) => Some(true),
        (Operator::Or, Some(true), _) | (Operator::Or, _, Some(true)) => Some(true),
        (Operator::Or, Some(false), Some(false)) => Some(false),
        (Operator::Xor, Some(left), Some(right)) => Some(left != right),
        (Operator::Implies, Some(false), _) | (Operator::Implies, _, Some(true)) => Some(true),
        (Operator::Implies, Some(true), right) => right,
        _ => None,
    }
}

fn text_of(items: &[Item<'_>], at: usize) -> Outcome<String> {
    match single(items, at)?.map(Item::atom) {
        None | Some(Atom::Nothing) => Ok(String::new()),
        Some(Atom::Text(text)) => Ok(text.into_owned()),
        Some(_) => trouble(at, "`&` joins texts; `toString()` makes one"),
    }
}

// === equality and order ===

/// Whether two single values are equal; `None` where their precision leaves it open.
fn same(left: &Item<'_>, right: &Item<'_>) -> Option<bool> {
    match (left.atom(), right.atom()) {
        (Atom::Boolean(left), Atom::Boolean(right)) => Some(left == right),
        (Atom::Text(left), Atom::Text(right)) => Some(left == right),
        (Atom::Time(left), Atom::Time(right)) => left.compare(right).map(Ordering::is_eq),
        (Atom::Time(time), Atom::Text(text)) | (Atom::Text(text), Atom::Time(time)) => match time.like(&text) {
            Some(other) => time.compare(other).map(Ordering::is_eq),
            None => Some(false),
        },
        (Atom::Complex(left), Atom::Complex(right)) => Some(left == right),
        (left, right) => match (left.number(), right.number()) {
            (Some(left), Some(right)) => Some(left == right),
            _ => Some(false),
        },
    }
}

/// Whether one value is the same as another, where what is left open counts as different.
pub(crate) fn is_same(left: &Item<'_>, right: &Item<'_>) -> bool {
    same(left, right) == Some(true)
}

fn equal(evaluation: &mut Evaluation<'_>, left: &Items<'_>, right: &Items<'_>, at: usize) -> Outcome<Option<bool>> {
    if left.is_empty() || right.is_empty() {
        return Ok(None);
    }
    if left.len() != right.len() {
        return Ok(Some(false));
    }
    evaluation.spend(left.len(), at)?;
    let mut all = Some(true);
    for (left, right) in left.iter().zip(right) {
        match same(left, right) {
            Some(false) => return Ok(Some(false)),
            None => all = None,
            Some(true) => {}
        }
    }
    Ok(all)
}

/// As equality, but order does not matter, nor case and blanks of texts, and nothing is equivalent to nothing.
fn equivalent(evaluation: &mut Evaluation<'_>, left: &Items<'_>, right: &Items<'_>, at: usize) -> Outcome<bool> {
    if left.len() != right.len() {
        return Ok(false);
    }
    evaluation.spend(left.len().saturating_mul(right.len()), at)?;
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let alike = |left: &Item<'_>, right: &Item<'_>| match (left.atom(), right.atom()) {
        (Atom::Text(left), Atom::Text(right)) => plain(&left) == plain(&right),
        _ => is_same(left, right),
    };
    let mut free: Vec<&Item<'_>> = right.iter().collect();
    for left in left {
        match free.iter().position(|right| alike(left, right)) {
            Some(place) => free.swap_remove(place),
            None => return Ok(false),
        };
    }
    Ok(true)
}

fn within(evaluation: &mut Evaluation<'_>, one: &Items<'_>, all: &Items<'_>, at: usize) -> Outcome<Option<bool>> {
    let Some(one) = single(one, at)? else { return Ok(None) };
    evaluation.spend(all.len(), at)?;
    Ok(Some(all.iter().any(|other| is_same(one, other))))
}

fn ordered(left: &Items<'_>, right: &Items<'_>, at: usize) -> Outcome<Option<Ordering>> {
    let (Some(left), Some(right)) = (single(left, at)?, single(right, at)?) else { return Ok(None) };
    let no_order = EvaluationError { at, rule: "numbers, texts, dates and times have an order, each among themselves" };
    match (left.atom(), right.atom()) {
        (Atom::Nothing, _) | (_, Atom::Nothing) => Ok(None),
        (Atom::Text(left), Atom::Text(right)) => Ok(Some(left.cmp(&right))),
        (Atom::Time(left), Atom::Time(right)) => Ok(left.compare(right)),
        (Atom::Time(left), Atom::Text(right)) => Ok(left.compare(left.like(&right).ok_or(no_order)?)),
        (Atom::Text(left), Atom::Time(right)) => Ok(right.like(&left).ok_or(no_order)?.compare(right)),
        (left, right) => match (left.number(), right.number()) {
            (Some(left), Some(right)) => Ok(Some(left.cmp(&right))),
            _ => Err(no_order),
        },
    }
}

/// Both, each value once.
pub(crate) fn united<'a>(
    evaluation: &mut Evaluation<'a>,
    left: Items<'a>,
    right: Items<'a>,
    at: usize,
) -> Outcome<Items<'a>> {
    let mut all: Items<'a> = Vec::new();
    for item in left.into_iter().chain(right) {
        evaluation.spend(all.len() + 1, at)?;
        if !all.iter().any(|known| is_same(known, &item)) {
            all.push(item);
        }
    }
    Ok(all)
}

// === arithmetic ===

/// Exact; what overflows or divides by nothing has no value.
fn calculate<'a>(operator: Operator, left: &Atom<'_>, right: &Atom<'_>, at: usize) -> Outcome<Option<Item<'a>>> {
    if let (Atom::Integer(left), Atom::Integer(right)) = (left, right) {
        let whole = match operator {
            Operator::Add => left.checked_add(*right),
            Operator::Subtract => left.checked_sub(*right),
            Operator::Multiply => left.checked_mul(*right),
            Operator::WholeDivide => left.checked_div(*right),
            Operator::Modulo => left.checked_rem(*right),
            _ => return Ok(divided(Decimal::from(*left), Decimal::from(*right))),
        };
        return Ok(whole.map(Item::Integer));
    }
    let (Some(left), Some(right)) = (left.number(), right.number()) else {
        return trouble(at, "this is calculated with numbers; `+` also joins two texts");
    };
    Ok(match operator {
        Operator::Add => left.checked_add(right).map(Item::Decimal),
        Operator::Subtract => left.checked_sub(right).map(Item::Decimal),
        Operator::Multiply => left.checked_mul(right).map(Item::Decimal),
        Operator::WholeDivide => left.checked_div(right).and_then(|number| number.trunc().to_i64()).map(Item::Integer),
        Operator::Modulo => left.checked_rem(right).map(Item::Decimal),
        _ => divided(left, right),
    })
}

/// To 28 digits, without those that say nothing.
fn divided<'a>(left: Decimal, right: Decimal) -> Option<Item<'a>> {
    left.checked_div(right).map(|number| Item::Decimal(number.normalize()))
}
