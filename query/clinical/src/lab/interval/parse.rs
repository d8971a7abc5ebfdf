//! Reading an interval.

use super::{Interval, Reference};
use crate::diabetes::BiologicalSex;
use crate::lab::fold::fold;
use crate::lab::value::{Comparator, Expect, Grade, ResultText, ResultValue};

/// Marks of a sex, longest first. Latin letters count only right before a number or a colon.
const WORDS: &[(&str, BiologicalSex)] = &[
    ("男性", BiologicalSex::Male),
    ("女性", BiologicalSex::Female),
    ("FEMALE", BiologicalSex::Female),
    ("Female", BiologicalSex::Female),
    ("MALE", BiologicalSex::Male),
    ("Male", BiologicalSex::Male),
    ("男", BiologicalSex::Male),
    ("女", BiologicalSex::Female),
    ("♂", BiologicalSex::Male),
    ("♀", BiologicalSex::Female),
];
const LETTERS: &[(char, BiologicalSex)] = &[('M', BiologicalSex::Male), ('F', BiologicalSex::Female)];

pub(super) fn by_sex(written: &str) -> Vec<(Option<BiologicalSex>, Reference)> {
    let text = fold(written);
    let parts = split(&text);
    let read: Option<Vec<_>> = parts.into_iter().map(|(sex, part)| Some((sex, reference(part)?))).collect();
    // half of a text that is understood is not understood
    read.unwrap_or_default()
}

/// The text in parts, each of a sex or of all.
fn split(text: &str) -> Vec<(Option<BiologicalSex>, &str)> {
    let mut marks: Vec<(usize, usize, BiologicalSex)> = Vec::new();
    for (at, _) in text.char_indices() {
        // a mark may hold another: FEMALE
        let inside = marks.last().is_some_and(|(_, end, _)| at < *end);
        marks.extend(mark(text, at).filter(|_| !inside));
    }
    if marks.is_empty() {
        return vec![(None, trimmed(text))];
    }
    let ends = marks.iter().skip(1).map(|(at, ..)| *at).chain([text.len()]);
    let mut parts: Vec<_> = marks
        .iter()
        .zip(ends)
        .map(|((_, after, sex), end)| (Some(*sex), unbracketed(text.get(*after..end).unwrap_or_default())))
        .collect();
    let before = text.get(..marks.first().map_or(0, |(at, ..)| *at)).map(unbracketed).unwrap_or_default();
    if !before.is_empty() {
        parts.insert(0, (None, before));
    }
    parts
}

/// A mark of a sex at this place: where it begins, where it ends, which.
fn mark(text: &str, at: usize) -> Option<(usize, usize, BiologicalSex)> {
    let (before, rest) = text.split_at_checked(at)?;
    if let Some((word, sex)) = WORDS.iter().find(|(word, _)| rest.starts_with(word)) {
        return Some((at, at + word.len(), *sex));
    }
    let (letter, sex) = LETTERS.iter().find(|(letter, _)| rest.starts_with(*letter))?;
    let free = before.chars().last().is_none_or(|c| !c.is_alphabetic());
    let after = rest.get(letter.len_utf8()..)?.trim_start();
    let counts =
        after.starts_with(|c: char| c.is_ascii_digit() || matches!(c, ':' | '<' | '>' | '≦' | '≧' | '.' | ')'));
    (free && counts).then_some((at, at + letter.len_utf8(), *sex))
}

fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', ':', '/', ',', ';', '、', '。', '\n'])
}

/// Without the bracket that closed the mark before it (`(M)`, `男)`) and the one that opens the next.
fn unbracketed(text: &str) -> &str {
    trimmed(text.trim().trim_start_matches([')', ']']).trim_end_matches(['(', '[']))
}

fn reference(text: &str) -> Option<Reference> {
    if let Some(grade) = grade(text) {
        return Some(Reference::UpTo(grade));
    }
    numbers(text).map(Reference::Numbers)
}

/// `(-)`, `陰性`, `(-)~(±)`, `1+以下`.
fn grade(text: &str) -> Option<Grade> {
    let last = text.rsplit('~').next()?.trim();
    let last = ["以下", "以内", "まで"].iter().find_map(|word| last.strip_suffix(word)).unwrap_or(last);
    match ResultText::read(last.trim(), Expect::Grade).value {
        ResultValue::Grade { comparator: Comparator::Equal, grade } => Some(grade),
        _ => None,
    }
}

fn numbers(text: &str) -> Option<Interval> {
    // brackets around the whole, the unit after it, a plus sign of an upper end
    let text = text.strip_prefix(['(', '[']).and_then(|text| text.strip_suffix([')', ']'])).unwrap_or(text);
    let plain = text.replace(" to ", "~").replace("~+", "~").replace("-+", "-").replace("~ +", "~");
    let open = |text: &str| ResultText::read(text, Expect::Quantity).value;
    if let Some(rest) = plain.strip_prefix('~') {
        return exact(open(rest.trim())).map(|high| Interval { low: None, high: Some((high, true)) });
    }
    if let Some(rest) = plain.strip_suffix(['-', '~']) {
        return exact(open(rest.trim())).map(|low| Interval { low: Some((low, true)), high: None });
    }
    if let Some((low, high)) = plain.split_once("以上") {
        // 4.0以上5.0未満
        let low = exact(open(low.trim()))?;
        let (high, part) = match open(high.trim()) {
            ResultValue::Number { comparator: Comparator::AtMost, value } => (value, true),
            ResultValue::Number { comparator: Comparator::Less, value } => (value, false),
            ResultValue::Missing(_) => return Some(Interval { low: Some((low, true)), high: None }),
            _ => return None,
        };
        return (low <= high).then_some(Interval { low: Some((low, true)), high: Some((high, part)) });
    }
    match open(&plain) {
        ResultValue::Range { low, high, below_high } => {
            Some(Interval { low: Some((low, true)), high: Some((high, !below_high)) })
        }
        ResultValue::Number { comparator, value } => match comparator {
            Comparator::Equal => None,
            Comparator::Less => Some(Interval { low: None, high: Some((value, false)) }),
            Comparator::AtMost => Some(Interval { low: None, high: Some((value, true)) }),
            Comparator::More => Some(Interval { low: Some((value, false)), high: None }),
            Comparator::AtLeast => Some(Interval { low: Some((value, true)), high: None }),
        },
        _ => None,
    }
}

fn exact(value: ResultValue) -> Option<rust_decimal::Decimal> {
    match value {
        ResultValue::Number { comparator: Comparator::Equal, value } => Some(value),
        _ => None,
    }
}
