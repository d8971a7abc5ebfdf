//! The words of an expression.

use crate::error::SyntaxError;
use crate::temporal::Temporal;
use rust_decimal::Decimal;
use std::iter::Peekable;
use std::str::Chars;

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Word {
    /// A name, or a word such as `and`.
    Name(String),
    /// A name in backquotes: never a word of the language.
    Quoted(String),
    Text(String),
    Integer(i64),
    Decimal(Decimal),
    Time(Temporal),
    /// `%name`
    External(String),
    /// `$this`, `$index`
    Special(String),
    Sign(&'static str),
    End,
}

/// A word and the character it begins at, counted from 1.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Token {
    pub(crate) at: usize,
    pub(crate) word: Word,
}

const SIGNS: &[&str] =
    &["<=", ">=", "!=", "!~", "(", ")", "[", "]", "{", "}", ".", ",", "+", "-", "*", "/", "&", "|", "<", ">", "=", "~"];

/// The words, with an end after the last.
pub(crate) fn words(text: &str) -> Result<Vec<Token>, SyntaxError> {
    let mut reader = Reader { left: text.chars().peekable(), at: 1 };
    let mut words = Vec::new();
    loop {
        reader.pass_blanks()?;
        let at = reader.at;
        let word = reader.word()?;
        let last = word == Word::End;
        words.push(Token { at, word });
        if last {
            return Ok(words);
        }
    }
}

struct Reader<'a> {
    left: Peekable<Chars<'a>>,
    at: usize,
}

fn begins_name(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_'
}
fn of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.left.next()?;
        self.at += 1;
        Some(next)
    }
    fn peek(&mut self) -> Option<char> {
        self.left.peek().copied()
    }
    /// The character after the next one.
    fn second(&self) -> Option<char> {
        self.left.clone().nth(1)
    }
    fn while_is(&mut self, is: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(character) = self.peek().filter(|character| is(*character)) {
            taken.push(character);
            self.next();
        }
        taken
    }
    fn error<T>(&self, at: usize, rule: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError::new(at, rule))
    }

    fn pass_blanks(&mut self) -> Result<(), SyntaxError> {
        loop {
            match (self.peek(), self.second()) {
                (Some(' ' | '\t' | '\r' | '\n'), _) => {
                    self.next();
                }
                (Some('/'), Some('/')) => {
                    self.while_is(|character| character != '\n');
                }
                (Some('/'), Some('*')) => {
                    let at = self.at;
                    self.next();
                    self.next();
                    loop {
                        match (self.next(), self.peek()) {
                            (Some('*'), Some('/')) => break,
                            (None, _) => return self.error(at, "a comment ends with `*/`"),
                            _ => {}
                        }
                    }
                    self.next();
                }
                _ => return Ok(()),
            }
        }
    }

    fn word(&mut self) -> Result<Word, SyntaxError> {
        let at = self.at;
        match self.peek() {
            None => Ok(Word::End),
            Some(character) if begins_name(character) => Ok(Word::Name(self.while_is(of_name))),
            Some(character) if character.is_ascii_digit() => self.number(),
            Some('\'') => self.quoted('\'').map(Word::Text),
            Some('`') => self.quoted('`').map(Word::Quoted),
            Some('@') => self.time(),
            Some('%') => {
                self.next();
                let name = match self.peek() {
                    Some(mark @ ('`' | '\'')) => self.quoted(mark)?,
                    _ => self.while_is(|character| of_name(character) || character == '-'),
                };
                if name.is_empty() { self.error(at, "`%` is followed by a name") } else { Ok(Word::External(name)) }
            }
            Some('$') => {
                self.next();
                let name = self.while_is(of_name);
                match name.as_str() {
                    "this" | "index" => Ok(Word::Special(name)),
                    _ => self.error(at, "`$this` and `$index` are known here"),
                }
            }
            Some(_) => {
                let ahead: String = self.left.clone().take(2).collect();
                let Some(sign) = SIGNS.iter().find(|sign| ahead.starts_with(**sign)) else {
                    return self.error(at, "no word of FHIRPath begins with this character");
                };
                for _ in sign.chars() {
                    self.next();
                }
                Ok(Word::Sign(sign))
            }
        }
    }

    fn number(&mut self) -> Result<Word, SyntaxError> {
        let at = self.at;
        let whole = self.while_is(|character| character.is_ascii_digit());
        if self.peek() != Some('.') || !self.second().is_some_and(|character| character.is_ascii_digit()) {
            let number = whole.parse().map(Word::Integer);
            return number.or_else(|_| self.error(at, "an integer has at most 18 digits"));
        }
        self.next();
        let part = self.while_is(|character| character.is_ascii_digit());
        let number = Decimal::from_str_exact(&format!("{whole}.{part}")).map(Word::Decimal);
        number.or_else(|_| self.error(at, "a decimal has at most 28 digits"))
    }

    fn time(&mut self) -> Result<Word, SyntaxError> {
        let at = self.at;
        self.next();
        let mut text = String::new();
        while let Some(character) = self.peek() {
            let digit_next = self.second().is_some_and(|next| next.is_ascii_digit());
            let belongs = character.is_ascii_digit()
                || matches!(character, ':' | 'T' | 'Z')
                || (matches!(character, '-' | '+' | '.') && digit_next);
            if !belongs {
                break;
            }
            text.push(character);
            self.next();
        }
        let time = match text.strip_prefix('T') {
            Some(clock) => Temporal::time(clock),
            None if text.contains('T') => Temporal::date_time(&text),
            None => Temporal::date(&text),
        };
        let rule =
            "a date is `@YYYY-MM-DD`, a moment `@YYYY-MM-DDThh:mm:ss+hh:mm`, a time `@Thh:mm:ss`; each may end earlier";
        time.map_or_else(|| self.error(at, rule), |time| Ok(Word::Time(time)))
    }

    fn quoted(&mut self, mark: char) -> Result<String, SyntaxError> {
        let at = self.at;
        self.next();
        let mut text = String::new();
        loop {
            let here = self.at;
            match self.next() {
                None => return self.error(at, format!("a text that begins with {mark} ends with {mark}")),
                Some(character) if character == mark => return Ok(text),
                Some('\\') => match self.next() {
                    Some(character @ ('\'' | '"' | '`' | '\\' | '/')) => text.push(character),
                    Some('n') => text.push('\n'),
                    Some('r') => text.push('\r'),
                    Some('t') => text.push('\t'),
                    Some('f') => text.push('\u{c}'),
                    Some('u') => match self.escape() {
                        Some(character) => text.push(character),
                        None => return self.error(here, "`\\u` is followed by four hexadecimal digits"),
                    },
                    _ => return self.error(here, "an escape is one of \\' \\\" \\` \\\\ \\/ \\n \\r \\t \\f \\uXXXX"),
                },
                Some(character) => text.push(character),
            }
        }
    }

    /// One UTF-16 unit, or two that are a pair.
    fn escape(&mut self) -> Option<char> {
        let mut units = vec![self.unit()?];
        if matches!(units.first(), Some(0xd800..=0xdbff)) {
            if self.next() != Some('\\') || self.next() != Some('u') {
                return None;
            }
            units.push(self.unit()?);
        }
        char::decode_utf16(units).next()?.ok()
    }
    fn unit(&mut self) -> Option<u16> {
        let mut unit = 0u16;
        for _ in 0..4 {
            unit = unit << 4 | u16::try_from(self.next()?.to_digit(16)?).ok()?;
        }
        Some(unit)
    }
}
