//! Escape sequences.

use crate::{Charset, Syntax, iso2022};
use std::borrow::Cow;

/// The text a part means: escape sequences taken out.
///
/// | sequence | becomes |
/// | --- | --- |
/// | `\F\` `\S\` `\T\` `\R\` `\E\` `\P\` | the delimiter |
/// | `\Xhh…\` | the bytes, in the message's character set |
/// | `\.br\` `\.sp n\` `\.ce\` | a line break, or n of them |
/// | `\.sk n\` | n spaces |
/// | `\.in\` `\.ti\` `\.fi\` `\.nf\` `\H\` `\N\` | nothing |
/// | `\Cxxyy\` `\Mxxyy(zz)\` | the text up to the next such sequence, in the set that ISO 2022 calls by it |
/// | anything else, or a sign without its partner | itself |
pub fn unescape<'t>(raw: &'t str, syntax: &Syntax) -> Cow<'t, str> {
    if syntax.escape == 0 || memchr::memchr(syntax.escape, raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let sign = char::from(syntax.escape);
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    // The escape sequence of the set that is called, without its ESC, while one is.
    let mut called: Option<Vec<u8>> = None;
    while let Some((before, after)) = rest.split_once(sign) {
        put(&mut text, before, called.as_deref());
        let Some((sequence, following)) = after.split_once(sign) else {
            text.push(sign);
            put(&mut text, after, called.as_deref());
            return Cow::Owned(text);
        };
        match meaning(sequence, syntax) {
            Some(Meaning::Text(meant)) => text.push_str(&meant),
            Some(Meaning::Call(designation)) => {
                called = Some(designation).filter(|bytes| !matches!(bytes.as_slice(), b"(B" | b"(J"));
            }
            // Not a sequence: the second sign may open one.
            None => {
                text.push(sign);
                put(&mut text, sequence, called.as_deref());
                rest = after.get(sequence.len()..).unwrap_or_default();
                continue;
            }
        }
        rest = following;
    }
    put(&mut text, rest, called.as_deref());
    Cow::Owned(text)
}

fn put(text: &mut String, raw: &str, called: Option<&[u8]>) {
    match called {
        Some(designation) if !raw.is_empty() && raw.is_ascii() => {
            let bytes = [&[iso2022::ESC], designation, raw.as_bytes()].concat();
            text.push_str(&iso2022::decode(&bytes).0);
        }
        _ => text.push_str(raw),
    }
}

enum Meaning {
    Text(Cow<'static, str>),
    Call(Vec<u8>),
}

/// More than a page of blank lines is not meant as text.
const MOST_REPEATED: usize = 100;

fn meaning(sequence: &str, syntax: &Syntax) -> Option<Meaning> {
    let sign = |b: u8| (b != 0).then(|| Meaning::Text(Cow::Owned(char::from(b).to_string())));
    let text = |text: &'static str| Some(Meaning::Text(Cow::Borrowed(text)));
    match sequence {
        "F" => return sign(syntax.field),
        "S" => return sign(syntax.component),
        "T" => return sign(syntax.subcomponent),
        "R" => return sign(syntax.repetition),
        "E" => return sign(syntax.escape),
        "P" => return sign(syntax.truncation),
        "H" | "N" => return text(""),
        _ => {}
    }
    if let Some(command) = sequence.strip_prefix('.') {
        let times = |argument: &str| argument.trim().trim_start_matches('+').parse().unwrap_or(1).min(MOST_REPEATED);
        let name = command.get(..2)?;
        let argument = command.get(2..).unwrap_or_default();
        return match name {
            "br" | "ce" => text("\n"),
            "sp" => Some(Meaning::Text(Cow::Owned("\n".repeat(times(argument))))),
            "sk" => Some(Meaning::Text(Cow::Owned(" ".repeat(times(argument))))),
            "in" | "ti" | "fi" | "nf" => text(""),
            _ => None,
        };
    }
    let (kind, digits) = sequence.split_at_checked(1)?;
    match kind {
        "X" => {
            let bytes = hexadecimal(digits)?;
            // UTF-16 has no bytes of its own to be written in digits.
            let charset = if syntax.charset == Charset::Utf16 { Charset::Utf8 } else { syntax.charset };
            Some(Meaning::Text(Cow::Owned(charset.decode(&bytes).0.into_owned())))
        }
        "C" if digits.len() == 4 => hexadecimal(digits).map(Meaning::Call),
        "M" if digits.len() == 4 || digits.len() == 6 => {
            let mut bytes = hexadecimal(digits)?;
            bytes.retain(|b| *b != 0);
            Some(Meaning::Call(bytes))
        }
        _ => None,
    }
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits
        .as_bytes()
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(value(*high)? << 4 | value(*low)?),
            _ => None,
        })
        .collect()
}

/// Text as it is written into a part: delimiters, line ends and control characters as escape sequences.
pub fn escape<'t>(text: &'t str, syntax: &Syntax) -> Cow<'t, str> {
    let delimiters = [
        (syntax.field, 'F'),
        (syntax.component, 'S'),
        (syntax.subcomponent, 'T'),
        (syntax.repetition, 'R'),
        (syntax.escape, 'E'),
        (syntax.truncation, 'P'),
    ];
    let name_of =
        |c: char| delimiters.iter().find(|(sign, _)| *sign != 0 && char::from(*sign) == c).map(|(_, name)| *name);
    let special = |c: char| name_of(c).is_some() || c.is_ascii_control();
    if syntax.escape == 0 || !text.chars().any(special) {
        return Cow::Borrowed(text);
    }
    let sign = char::from(syntax.escape);
    let mut raw = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match name_of(c) {
            Some(name) => raw.extend([sign, name, sign]),
            None if c.is_ascii_control() => {
                raw.push(sign);
                raw.push_str(&format!("X{:02X}", u32::from(c)));
                raw.push(sign);
            }
            None => raw.push(c),
        }
    }
    Cow::Owned(raw)
}

#[cfg(test)]
mod tests;
