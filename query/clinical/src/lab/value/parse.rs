//! Reading a result. The order of the rules matters; what none reads is text.

use super::number::{comparator_after, comparator_before, number};
use super::{Comparator, Expect, Grade, Missing, ResultText, ResultValue};
use crate::lab::fold::fold;
use rust_decimal::Decimal;

/// Words for a result that has no value, where they begin the text. Folded. (certainty C: as laboratories print them)
const MISSING: &[(&str, Missing)] = &[
    ("測定不能", Missing::NotMeasurable),
    ("測定不可", Missing::NotMeasurable),
    ("判定不能", Missing::NotMeasurable),
    ("算出不能", Missing::NotMeasurable),
    ("計算不能", Missing::NotMeasurable),
    ("検査不能", Missing::NotMeasurable),
    ("ソクテイフノウ", Missing::NotMeasurable),
    ("測定範囲外", Missing::NotMeasurable),
    ("エラー", Missing::NotMeasurable),
    ("検体不足", Missing::TooLittle),
    ("検体量不足", Missing::TooLittle),
    ("量不足", Missing::TooLittle),
    ("検体不良", Missing::Unfit),
    ("検体不適", Missing::Unfit),
    ("溶血", Missing::Unfit),
    ("凝固", Missing::Unfit),
    ("フィブリン析出", Missing::Unfit),
    ("乳び", Missing::Unfit),
    ("乳ビ", Missing::Unfit),
    ("検体なし", Missing::NoSpecimen),
    ("検体無し", Missing::NoSpecimen),
    ("検体未着", Missing::NoSpecimen),
    ("未提出", Missing::NoSpecimen),
    ("未採取", Missing::NoSpecimen),
    ("未実施", Missing::NotDone),
    ("未検", Missing::NotDone),
    ("実施せず", Missing::NotDone),
    ("検査せず", Missing::NotDone),
    ("中止", Missing::NotDone),
    ("検査中止", Missing::NotDone),
    ("取消", Missing::NotDone),
    ("削除", Missing::NotDone),
    ("検査中", Missing::Pending),
    ("測定中", Missing::Pending),
    ("再検中", Missing::Pending),
    ("後報", Missing::Pending),
    ("後日報告", Missing::Pending),
    ("追って報告", Missing::Pending),
    ("コメント参照", Missing::Elsewhere),
    ("別紙", Missing::Elsewhere),
    ("報告書参照", Missing::Elsewhere),
    ("下記参照", Missing::Elsewhere),
];

pub(super) fn read(written: &str, expect: Expect) -> ResultText {
    let text = fold(written);
    let structured = structured(&text);
    let (value, second, note) = meaning(structured.as_deref().unwrap_or(&text), expect);
    ResultText { original: written.to_owned(), value, second, note }
}

/// A structured number of HL7 v2 (`>^100`, `=^440`, `^2^+`, `^1^:^40`) as one text: its first component is a comparator or
/// empty, which `10^5` has not.
fn structured(text: &str) -> Option<String> {
    let (comparator, rest) = text.split_once('^')?;
    let sign = match comparator {
        "" | "=" => "",
        "<" | "<=" | ">" | ">=" => comparator,
        _ => return None,
    };
    Some(format!("{sign}{}", rest.replace('^', "")))
}

type Meaning = (ResultValue, Option<ResultValue>, String);

fn alone(value: ResultValue) -> Meaning {
    (value, None, String::new())
}

fn meaning(text: &str, expect: Expect) -> Meaning {
    // most results are plain numbers, which no other rule reads
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && let Some((value, "")) = number(text)
    {
        return alone(ResultValue::Number { comparator: Comparator::Equal, value });
    }
    if let Some(missing) = missing(text, expect) {
        return missing;
    }
    if let Some(value) = signed_by_expectation(text, expect) {
        return alone(value);
    }
    if let Some(grade) = grade(text) {
        return alone(grade);
    }
    if let Some(titre) = titre(text) {
        return alone(titre);
    }
    if let Some(found) = range(text).or_else(|| fraction(text)).or_else(|| quantity(text)) {
        return found;
    }
    double(text).unwrap_or_else(|| (ResultValue::Text, None, String::new()))
}

fn missing(text: &str, expect: Expect) -> Option<Meaning> {
    let marks = !text.is_empty() && text.chars().all(|c| matches!(c, '*' | '-' | '_' | '.' | '/' | '?'));
    // one hyphen is a negative grade, unless a number was due
    let hyphen = text == "-";
    if text.is_empty() || marks && (!hyphen || expect == Expect::Quantity) {
        return Some(alone(ResultValue::Missing(Missing::Blank)));
    }
    let bare = text.trim_start_matches(['(', '[', '*', '※']);
    let (word, missing) = MISSING.iter().find(|(word, _)| bare.starts_with(word))?;
    let after = bare.strip_prefix(word)?.trim_matches([')', ']', ':', '。', ' ', '*', 'の', 'た', 'め']);
    Some((ResultValue::Missing(*missing), None, after.to_owned()))
}

/// `+1`: a grade where grades are due, a number where numbers are.
fn signed_by_expectation(text: &str, expect: Expect) -> Option<ResultValue> {
    let digits = text.strip_prefix('+')?;
    let (value, "") = number(digits)? else { return None };
    match expect {
        Expect::Quantity => Some(ResultValue::Number { comparator: Comparator::Equal, value }),
        Expect::Grade => Some(ResultValue::Grade {
            comparator: Comparator::Equal,
            grade: Grade::from_folded(&format!("{digits}+"))?,
        }),
        Expect::Anything => Some(ResultValue::Text),
    }
}

fn grade(text: &str) -> Option<ResultValue> {
    if let Some(grade) = Grade::from_folded(text) {
        return Some(ResultValue::Grade { comparator: Comparator::Equal, grade });
    }
    let (comparator, rest) = comparator_before(text);
    let grade = Grade::from_folded(rest).filter(|grade| matches!(grade, Grade::Plus(_)))?;
    (comparator != Comparator::Equal).then_some(ResultValue::Grade { comparator, grade })
}

/// `×40`, `x40`, `1:40`, `40倍`, each with a comparator before or after.
fn titre(text: &str) -> Option<ResultValue> {
    let (before, rest) = comparator_before(text);
    let marked = ["×", "x", "X", "1:", "1対"].iter().find_map(|mark| rest.strip_prefix(mark));
    let (dilution, rest) = number(marked.unwrap_or(rest).trim_start())?;
    let times = rest.trim_start().strip_prefix('倍').or_else(|| rest.trim_start().strip_prefix("バイ"));
    let rest = match (marked, times) {
        (_, Some(rest)) => rest.strip_prefix("希釈").unwrap_or(rest),
        (Some(_), None) => rest,
        (None, None) => return None,
    };
    let (after, "") = comparator_after(rest) else { return None };
    let comparator = one_of(before, after)?;
    (dilution > Decimal::ZERO).then_some(ResultValue::Titre { comparator, dilution })
}

/// Two comparators contradict each other; one is enough.
fn one_of(before: Comparator, after: Comparator) -> Option<Comparator> {
    match (before, after) {
        (comparator, Comparator::Equal) | (Comparator::Equal, comparator) => Some(comparator),
        _ => None,
    }
}

/// `5-9`, `0.5~2`, `0.5~2未満`, `≧10<20`, `0.5-<2.0`, with a note after it (`/HPF`).
fn range(text: &str) -> Option<Meaning> {
    let (from, text) = comparator_before(text);
    let (low, rest) = number(text)?;
    let rest = rest.trim_start();
    let (below, rest) = match from {
        Comparator::Equal => {
            let rest = rest.strip_prefix(['-', '~'])?.trim_start();
            match rest.strip_prefix('<') {
                Some(rest) => (true, rest),
                None => (false, rest),
            }
        }
        Comparator::AtLeast => match comparator_before(rest) {
            (Comparator::Less, rest) => (true, rest),
            (Comparator::AtMost, rest) => (false, rest),
            _ => return None,
        },
        _ => return None,
    };
    let (high, rest) = number(rest)?;
    let (below, rest) = match rest.strip_prefix("未満") {
        Some(rest) => (true, rest),
        None => (below, rest),
    };
    let note = note(rest)?;
    (low <= high).then_some((ResultValue::Range { low, high, below_high: below }, None, note))
}

/// `52/3`: cells counted in so many microlitres, or among so many cells.
fn fraction(text: &str) -> Option<Meaning> {
    let (of, rest) = number(text)?;
    let (among, "") = number(rest.strip_prefix('/')?)? else { return None };
    let proper = among > Decimal::ZERO && of >= Decimal::ZERO;
    proper.then(|| alone(ResultValue::Fraction { of, among }))
}

/// A number with a comparator on one side and a note after it.
fn quantity(text: &str) -> Option<Meaning> {
    let (before, rest) = comparator_before(text);
    let (value, rest) = number(rest)?;
    let (after, rest) = comparator_after(rest);
    let comparator = one_of(before, after)?;
    let value = ResultValue::Number { comparator, value };
    // a grade, in brackets or as a word, is the other half of a double value: 2.3(±), 0.3 陰性
    let (beside, after) = match opening(rest) {
        Some((inside, after)) => (inside, after),
        None => (rest.trim(), ""),
    };
    let worded = opening(rest).is_some() || beside.chars().any(char::is_alphabetic);
    match Grade::from_folded(beside).filter(|_| worded) {
        Some(grade) => {
            let second = ResultValue::Grade { comparator: Comparator::Equal, grade };
            Some((value, Some(second), note(after)?))
        }
        None => Some((value, None, note(rest)?)),
    }
}

/// What stands in the brackets a text begins with, and what follows them.
fn opening(text: &str) -> Option<(&str, &str)> {
    let (inside, after) = text.trim_start().strip_prefix('(')?.split_once(')')?;
    Some((inside.trim(), after))
}

/// `3+(300)`, `(3+)300`, `陽性 12.3`: a grade and a number.
fn double(text: &str) -> Option<Meaning> {
    let closing = text.strip_suffix(')').and_then(|text| text.rsplit_once('('));
    // the brackets at the beginning belong to the grade
    let bracket = opening(text).and_then(|(inside, after)| Some((inside, (!after.is_empty()).then_some(after)?)));
    // a sign apart from its number may be the number's own: `- 5`
    let apart = text.split_once(' ').filter(|(first, _)| !matches!(*first, "-" | "+" | "±"));
    [closing, bracket, apart].into_iter().flatten().find_map(|(first, last)| {
        let ResultValue::Grade { comparator, grade } = grade(first.trim())? else { return None };
        let (before, inside) = comparator_before(last.trim());
        let (value, rest) = number(inside)?;
        let (after, rest) = comparator_after(rest);
        let number = ResultValue::Number { comparator: one_of(before, after)?, value };
        Some((ResultValue::Grade { comparator, grade }, Some(number), note(rest)?))
    })
}

/// What may stand after a value: nothing, a unit, a word, a flag. What begins with a digit or goes on with a sign of a
/// number is no note, and then the whole is text: `12 34`, `2020-01-02`, `1.2.3`.
fn note(rest: &str) -> Option<String> {
    let rest = rest.trim();
    let goes_on = rest.starts_with(|c: char| {
        c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | ':' | '~' | '+' | '^' | '×' | '±' | '<' | '>' | '=')
    });
    let divided = rest.strip_prefix('/').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    (!goes_on && !divided).then(|| rest.to_owned())
}
