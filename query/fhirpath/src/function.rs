//! The functions.

use crate::expression::{Expression, Function};
use crate::meaning::{Evaluation, Focus, Items, Outcome, single, trouble, truth};
use crate::operator::{is_same, united};
use crate::path;
use crate::value::{Atom, Item, decimal};
use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};
use std::borrow::Cow;

/// A function, with what stands in its brackets, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) function: Function,
    pub(crate) arguments: &'a [Expression],
    pub(crate) at: usize,
}

impl<'a> Evaluation<'a> {
    pub(crate) fn call(&mut self, call: Call<'a>, input: Items<'a>, focus: &Focus<'a>) -> Outcome<Items<'a>> {
        let Call { function, arguments, at } = call;
        let yes = |truth: bool| Ok(vec![Item::Boolean(truth)]);
        match function {
            Function::Where | Function::Exists | Function::All | Function::Select => {
                self.each(function, arguments.first(), input, focus)
            }
            Function::Iif => {
                let mut arguments = arguments.iter();
                let (condition, then, otherwise) = (arguments.next(), arguments.next(), arguments.next());
                let here = Focus { this: single(&input, at)?.cloned(), ..focus.clone() };
                let holds = condition.map(|condition| self.holds(condition, &here)).transpose()?.unwrap_or(false);
                match if holds { then } else { otherwise } {
                    Some(branch) => self.evaluate(branch, &here),
                    None => Ok(Vec::new()),
                }
            }
            Function::Empty => yes(input.is_empty()),
            Function::Not => Ok(truth(&input, at)?.map(|truth| Item::Boolean(!truth)).into_iter().collect()),
            Function::HasValue => {
                yes(matches!(input.as_slice(), [one] if !matches!(one.atom(), Atom::Nothing | Atom::Complex(_))))
            }
            Function::Count => Ok(vec![Item::Integer(i64::try_from(input.len()).unwrap_or(i64::MAX))]),
            Function::First => Ok(input.into_iter().take(1).collect()),
            Function::Last => Ok(input.into_iter().next_back().into_iter().collect()),
            Function::Tail => Ok(input.into_iter().skip(1).collect()),
            Function::Single => Ok(single(&input, at)?.cloned().into_iter().collect()),
            Function::Skip | Function::Take => {
                let Some(many) = self.integer(arguments.first(), focus, at)? else {
                    return trouble(at, "how many is an integer");
                };
                let many = usize::try_from(many).unwrap_or(0);
                Ok(if function == Function::Skip {
                    input.into_iter().skip(many).collect()
                } else {
                    input.into_iter().take(many).collect()
                })
            }
            Function::Distinct => united(self, input, Vec::new(), at),
            Function::IsDistinct => {
                let all = input.len();
                yes(united(self, input, Vec::new(), at)?.len() == all)
            }
            Function::Union | Function::Combine | Function::Intersect | Function::Exclude => {
                let other = self.argument(arguments.first(), focus)?;
                self.sets(function, input, other, at)
            }
            Function::Extension => {
                let Some(url) = self.text(arguments.first(), focus, at)? else { return Ok(Vec::new()) };
                let mut found = path::member(&input, "extension", false);
                found.retain(|item| match item {
                    Item::Node(node) => node.json.get("url").and_then(serde_json::Value::as_str) == Some(&*url),
                    _ => false,
                });
                Ok(found)
            }
            Function::Join => {
                let between = self.text(arguments.first(), focus, at)?.unwrap_or_default();
                let mut joined = String::new();
                for (place, item) in input.iter().enumerate() {
                    let Some(text) = written(item) else { return trouble(at, "`join` joins texts") };
                    if place > 0 {
                        joined.push_str(&between);
                    }
                    joined.push_str(&text);
                    self.spend(1 + (text.len() + between.len()) / 64, at)?;
                }
                self.made(joined, at)
            }
            Function::LowBoundary => self.boundary(&input, false, at),
            Function::HighBoundary => self.boundary(&input, true, at),
            Function::ResourceKey => match single(&input, at)? {
                None => Ok(Vec::new()),
                Some(Item::Node(node)) if node.json.get("resourceType").is_some() => {
                    Ok(path::resource_key(node.json).map(Item::text).into_iter().collect())
                }
                Some(_) => trouble(at, "`getResourceKey` is asked of a resource"),
            },
            Function::ToText | Function::ToInteger | Function::ToDecimal | Function::ToBoolean => {
                let Some(item) = single(&input, at)? else { return Ok(Vec::new()) };
                Ok(converted(function, item).into_iter().collect())
            }
            Function::Abs | Function::Ceiling | Function::Floor | Function::Round | Function::Truncate => {
                let digits = self.integer(arguments.first(), focus, at)?;
                numbers(function, &input, digits, at)
            }
            _ => self.texts(call, &input, focus),
        }
    }

    /// The functions that ask something of each item.
    fn each(
        &mut self,
        function: Function,
        asked: Option<&'a Expression>,
        input: Items<'a>,
        focus: &Focus<'a>,
    ) -> Outcome<Items<'a>> {
        let Some(asked) = asked else { return Ok(vec![Item::Boolean(!input.is_empty())]) };
        let mut found = Vec::new();
        for (index, item) in input.into_iter().enumerate() {
            let here = Focus { this: Some(item.clone()), index: Some(index), row: focus.row };
            if function == Function::Select {
                found.append(&mut self.evaluate(asked, &here)?);
                self.spend(found.len() / 8, asked.at)?;
                continue;
            }
            let holds = self.holds(asked, &here)?;
            match function {
                Function::Exists if holds => return Ok(vec![Item::Boolean(true)]),
                Function::All if !holds => return Ok(vec![Item::Boolean(false)]),
                Function::Where if holds => found.push(item),
                _ => {}
            }
        }
        Ok(match function {
            Function::Exists => vec![Item::Boolean(false)],
            Function::All => vec![Item::Boolean(true)],
            _ => found,
        })
    }

    fn sets(&mut self, function: Function, input: Items<'a>, other: Items<'a>, at: usize) -> Outcome<Items<'a>> {
        match function {
            Function::Union => return united(self, input, other, at),
            Function::Combine => return Ok(input.into_iter().chain(other).collect()),
            _ => {}
        }
        self.spend(input.len().saturating_mul(other.len().max(1)), at)?;
        let wanted = function == Function::Intersect;
        let kept: Items<'a> =
            input.into_iter().filter(|item| other.iter().any(|one| is_same(one, item)) == wanted).collect();
        if wanted { united(self, kept, Vec::new(), at) } else { Ok(kept) }
    }

    /// The functions on one text. Places are counted in characters.
    fn texts(&mut self, call: Call<'a>, input: &Items<'a>, focus: &Focus<'a>) -> Outcome<Items<'a>> {
        let Call { function, arguments, at } = call;
        let Some(item) = single(input, at)? else { return Ok(Vec::new()) };
        let text = match (item.atom(), item) {
            (Atom::Text(text), _) => text,
            (Atom::Time(_), Item::Node(_)) => written(item).unwrap_or_default(),
            (Atom::Nothing, _) => return Ok(Vec::new()),
            _ => return trouble(at, "this function is asked of a text; `toString()` makes one"),
        };
        self.spend(text.len() / 64, at)?;
        let yes = |truth: bool| Ok(vec![Item::Boolean(truth)]);
        let count = |many: usize| Ok(vec![Item::Integer(i64::try_from(many).unwrap_or(i64::MAX))]);
        match function {
            Function::Upper => return self.made(text.to_uppercase(), at),
            Function::Lower => return self.made(text.to_lowercase(), at),
            Function::Trim => return self.made(text.trim().to_owned(), at),
            Function::Length => return count(text.chars().count()),
            Function::Substring => {
                let Some(from) = self.integer(arguments.first(), focus, at)? else { return Ok(Vec::new()) };
                let many = self.integer(arguments.get(1), focus, at)?;
                let Ok(from) = usize::try_from(from) else { return Ok(Vec::new()) };
                let mut left = text.chars().skip(from).peekable();
                if left.peek().is_none() {
                    return Ok(Vec::new());
                }
                let many = many.map_or(usize::MAX, |many| usize::try_from(many).unwrap_or(0));
                return self.made(left.take(many).collect(), at);
            }
            _ => {}
        }
        let Some(other) = self.text(arguments.first(), focus, at)? else { return Ok(Vec::new()) };
        match function {
            Function::StartsWith => yes(text.starts_with(&*other)),
            Function::EndsWith => yes(text.ends_with(&*other)),
            Function::Contains => yes(text.contains(&*other)),
            Function::IndexOf => {
                let before = text.split_once(&*other).map(|(before, _)| before.chars().count());
                before.map_or_else(|| Ok(vec![Item::Integer(-1)]), count)
            }
            _ => {
                let Some(by) = self.text(arguments.get(1), focus, at)? else { return Ok(Vec::new()) };
                let many = text.matches(&*other).count();
                let longest = text.len().saturating_add(many.saturating_mul(by.len()));
                if longest > crate::limits::TEXT_BYTES {
                    return trouble(at, "a text has at most 1 MiB");
                }
                self.made(text.replace(&*other, &by), at)
            }
        }
    }

    fn argument(&mut self, argument: Option<&'a Expression>, focus: &Focus<'a>) -> Outcome<Items<'a>> {
        argument.map_or_else(|| Ok(Vec::new()), |argument| self.evaluate(argument, focus))
    }
    fn integer(&mut self, argument: Option<&'a Expression>, focus: &Focus<'a>, at: usize) -> Outcome<Option<i64>> {
        let items = self.argument(argument, focus)?;
        match single(&items, at)?.map(Item::atom) {
            None | Some(Atom::Nothing) => Ok(None),
            Some(Atom::Integer(number)) => Ok(Some(number)),
            Some(_) => trouble(at, "this argument is an integer"),
        }
    }
    fn text(
        &mut self,
        argument: Option<&'a Expression>,
        focus: &Focus<'a>,
        at: usize,
    ) -> Outcome<Option<Cow<'a, str>>> {
        let items = self.argument(argument, focus)?;
        match single(&items, at)?.map(Item::atom) {
            None | Some(Atom::Nothing) => Ok(None),
            Some(Atom::Text(text)) => Ok(Some(text)),
            Some(_) => trouble(at, "this argument is a text"),
        }
    }
}

/// A primitive as it is written; a date of a resource exactly as it stands there.
pub(crate) fn written<'a>(item: &Item<'a>) -> Option<Cow<'a, str>> {
    match (item.atom(), item) {
        (Atom::Time(_), Item::Node(node)) => node.json.as_str().map(Cow::Borrowed),
        (Atom::Time(time), _) => Some(Cow::Owned(time.to_string())),
        (Atom::Text(text), _) => Some(text),
        (Atom::Boolean(truth), _) => Some(Cow::Borrowed(if truth { "true" } else { "false" })),
        (Atom::Integer(number), _) => Some(Cow::Owned(number.to_string())),
        (Atom::Decimal(number), _) => Some(Cow::Owned(number.to_string())),
        (Atom::Complex(_) | Atom::Nothing | Atom::TooLong, _) => None,
    }
}

/// The value as another type, where it can be one.
fn converted<'a>(function: Function, item: &Item<'a>) -> Option<Item<'a>> {
    match (function, item.atom()) {
        (Function::ToText, _) => written(item).map(Item::Text),
        (Function::ToInteger, Atom::Integer(number)) => Some(Item::Integer(number)),
        (Function::ToInteger, Atom::Boolean(truth)) => Some(Item::Integer(i64::from(truth))),
        (Function::ToInteger, Atom::Text(text)) => text.parse().ok().map(Item::Integer),
        (Function::ToDecimal, Atom::Text(text)) => decimal(&text).map(Item::Decimal),
        (Function::ToDecimal, Atom::Boolean(truth)) => Some(Item::Decimal(Decimal::from(i64::from(truth)))),
        (Function::ToDecimal, number) => number.number().map(Item::Decimal),
        (Function::ToBoolean, Atom::Boolean(truth)) => Some(Item::Boolean(truth)),
        (Function::ToBoolean, Atom::Integer(number @ (0 | 1))) => Some(Item::Boolean(number == 1)),
        (Function::ToBoolean, Atom::Text(text)) => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" | "1.0" => Some(Item::Boolean(true)),
            "false" | "f" | "no" | "n" | "0" | "0.0" => Some(Item::Boolean(false)),
            _ => None,
        },
        _ => None,
    }
}

fn numbers<'a>(function: Function, input: &Items<'a>, digits: Option<i64>, at: usize) -> Outcome<Items<'a>> {
    let Some(item) = single(input, at)? else { return Ok(Vec::new()) };
    let atom = item.atom();
    if matches!(atom, Atom::Nothing) {
        return Ok(Vec::new());
    }
    let Some(number) = atom.number() else { return trouble(at, "this function is asked of a number") };
    let whole = |number: Decimal| number.to_i64().map(Item::Integer);
    let made = match function {
        Function::Ceiling => whole(number.ceil()),
        Function::Floor => whole(number.floor()),
        Function::Truncate => whole(number.trunc()),
        Function::Round => {
            let Ok(digits) = u32::try_from(digits.unwrap_or(0)) else { return trouble(at, "digits are 0 or more") };
            Some(Item::Decimal(number.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero)))
        }
        _ => match atom {
            Atom::Integer(number) => number.checked_abs().map(Item::Integer),
            _ => Some(Item::Decimal(number.abs())),
        },
    };
    Ok(made.into_iter().collect())
}
