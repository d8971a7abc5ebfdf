//! Numbers and what stands around them.

use rust_decimal::Decimal;

/// How the true value relates to the number that was written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Comparator {
    /// It is the number.
    Equal,
    /// Less than the number.
    Less,
    /// The number or less.
    AtMost,
    /// More than the number.
    More,
    /// The number or more.
    AtLeast,
}

impl Comparator {
    /// Empty, `<`, `<=`, `>` or `>=`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Equal => "",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        }
    }

    /// From that code.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Equal, Self::Less, Self::AtMost, Self::More, Self::AtLeast]
            .into_iter()
            .find(|comparator| comparator.code() == code)
    }

    /// The same seen from the other side of the number.
    const fn turned(self) -> Self {
        match self {
            Self::Equal => Self::Equal,
            Self::Less => Self::More,
            Self::AtMost => Self::AtLeast,
            Self::More => Self::Less,
            Self::AtLeast => Self::AtMost,
        }
    }
}

/// Signs, longest first.
const SIGNS: &[(&str, Comparator)] = &[
    ("< =", Comparator::AtMost),
    ("> =", Comparator::AtLeast),
    ("<=", Comparator::AtMost),
    ("=<", Comparator::AtMost),
    ("≦", Comparator::AtMost),
    (">=", Comparator::AtLeast),
    ("=>", Comparator::AtLeast),
    ("≧", Comparator::AtLeast),
    ("<", Comparator::Less),
    (">", Comparator::More),
];
/// Arrows say the same on either side of the number.
const ARROWS: &[(&str, Comparator)] = &[("↑", Comparator::AtLeast), ("↓", Comparator::AtMost)];
const BEFORE: &[(&str, Comparator)] = &[("U", Comparator::More), ("L", Comparator::Less)];
const AFTER: &[(&str, Comparator)] = &[
    ("以上", Comparator::AtLeast),
    ("イジョウ", Comparator::AtLeast),
    ("~", Comparator::AtLeast),
    ("以下", Comparator::AtMost),
    ("イカ", Comparator::AtMost),
    ("未満", Comparator::Less),
    ("ミマン", Comparator::Less),
    ("超過", Comparator::More),
    ("超", Comparator::More),
];

/// A comparator before what is left of the text.
pub(super) fn comparator_before(text: &str) -> (Comparator, &str) {
    let found = SIGNS
        .iter()
        .chain(ARROWS)
        .find_map(|(sign, comparator)| Some((*comparator, text.strip_prefix(sign)?.trim_start())));
    // a letter means a bound only right before a number: `U100`, `L300`
    let lettered = || {
        // with a space between it may be the flag of a low value
        let (comparator, rest) =
            BEFORE.iter().find_map(|(sign, comparator)| Some((*comparator, text.strip_prefix(sign)?)))?;
        rest.starts_with(|c: char| c.is_ascii_digit()).then_some((comparator, rest))
    };
    found.or_else(lettered).unwrap_or((Comparator::Equal, text))
}

/// A comparator after a number, and what follows it. A sign after the number is read from its other side: `100<` is
/// more than 100.
pub(super) fn comparator_after(text: &str) -> (Comparator, &str) {
    let text = text.trim_start();
    let sign = SIGNS.iter().find_map(|(sign, comparator)| Some((comparator.turned(), text.strip_prefix(sign)?)));
    let word =
        || AFTER.iter().chain(ARROWS).find_map(|(word, comparator)| Some((*comparator, text.strip_prefix(word)?)));
    sign.or_else(word).unwrap_or((Comparator::Equal, text))
}

/// A number at the beginning of folded text, and what follows it.
pub(super) fn number(text: &str) -> Option<(Decimal, &str)> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let end = unsigned.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',')).unwrap_or(unsigned.len());
    let (digits, rest) = unsigned.split_at_checked(end)?;
    // a point or comma at the end closes a sentence, but `5.` is 5
    let trimmed = digits.trim_end_matches(',');
    let rest = if trimmed.len() < digits.len() { unsigned.get(trimmed.len()..)? } else { rest };
    let plain = without_thousands(trimmed)?;
    if !plain.chars().any(|c| c.is_ascii_digit()) || plain.matches('.').count() > 1 {
        return None;
    }
    let value: Decimal = plain.trim_end_matches('.').parse().ok()?;
    // `parse` rounds what has more than 28 digits: that is text, not a number
    let written = plain.trim_start_matches('0').chars().filter(char::is_ascii_digit).count();
    if written > 28 {
        return None;
    }
    let signed = if unsigned.len() < text.len() { -value } else { value };
    if plain == "10" {
        // `10^5` is a power, not a ten with something behind it
        if let Some((power, after)) = rest.strip_prefix('^').and_then(power) {
            return Some((shift(signed.checked_div(Decimal::TEN)?, power)?, after));
        }
    }
    match EXPONENTS.iter().find_map(|mark| rest.trim_start().strip_prefix(mark)) {
        // `e` may begin a word; before a figure it is an exponent, and one that cannot be carried out makes it text
        Some(after) if after.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+')) => {
            let (power, after) = power(after)?;
            Some((shift(signed, power)?, after))
        }
        _ => Some((signed, rest)),
    }
}

/// What stands before a power of ten.
const EXPONENTS: &[&str] = &["×10^", "x10^", "*10^", "e", "E"];

/// `1,234,567.8` without its commas; `None` where a comma stands elsewhere (`1,5`), which may be a decimal comma.
fn without_thousands(digits: &str) -> Option<String> {
    if !digits.contains(',') {
        return Some(digits.to_owned());
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let proper = (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3) && !fraction.contains(',');
    proper.then(|| digits.replace(',', ""))
}

/// A power and what follows it.
fn power(text: &str) -> Option<(i32, &str)> {
    let (sign, after) = match text.strip_prefix('-') {
        Some(after) => (-1, after),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    let (digits, rest) = after.split_at_checked(end)?;
    let power: i32 = digits.parse().ok().filter(|power| *power <= 20)?;
    Some((sign * power, rest))
}

fn shift(value: Decimal, power: i32) -> Option<Decimal> {
    let factor = Decimal::TEN;
    (0..power.abs()).try_fold(
        value,
        |value, _| {
            if power > 0 { value.checked_mul(factor) } else { value.checked_div(factor) }
        },
    )
}
