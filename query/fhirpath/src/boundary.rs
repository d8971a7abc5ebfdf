//! The least and the greatest value that what is written may stand for.

use crate::meaning::{Items, Outcome, trouble};
use crate::temporal::Temporal;
use crate::value::{Atom, Item};
use rust_decimal::Decimal;

/// Half a step of the last digit down or up; a date to its first or last day, a time to its first or last millisecond.
pub(crate) fn of<'a>(item: &Item<'a>, high: bool, at: usize) -> Outcome<Items<'a>> {
    let end = |time: Temporal| if high { time.high() } else { time.low() };
    Ok(match item.atom() {
        Atom::Nothing => Vec::new(),
        Atom::Time(time) => vec![Item::Time(end(time))],
        // A text that is nothing but a date, in an element whose type is not known here.
        Atom::Text(text) => match Temporal::date(&text).or_else(|| Temporal::date_time(&text)) {
            Some(time) => vec![Item::Time(end(time))],
            None => return trouble(at, "boundaries are those of a number, a date or a time"),
        },
        atom @ (Atom::Integer(_) | Atom::Decimal(_)) => {
            atom.number().and_then(|number| around(number, high)).into_iter().collect()
        }
        Atom::TooLong => return trouble(at, "a number has at most 28 digits"),
        Atom::Boolean(_) | Atom::Complex(_) => {
            return trouble(at, "boundaries are those of a number, a date or a time");
        }
    })
}

fn around<'a>(number: Decimal, high: bool) -> Option<Item<'a>> {
    let half = Decimal::try_from_i128_with_scale(5, number.scale() + 1).ok()?;
    let moved = if high { number.checked_add(half) } else { number.checked_sub(half) };
    moved.map(Item::Decimal)
}
