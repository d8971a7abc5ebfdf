//! From words to an expression: precedence climbing, bounded in depth.

use crate::error::SyntaxError;
use crate::expression::{Does, Expression, Function, Literal, Meant, Operator, Step, TypeFunction, TypeTest};
use crate::lex::{Token, Word, words};
use crate::limits::{EXPRESSION_BYTES, EXPRESSION_DEPTH};
use crate::types::TypeName;
use std::collections::BTreeMap;

/// What `%name` stands for.
pub(crate) type Constants = BTreeMap<String, Literal>;

/// The names that `%` gives without a constant.
pub(crate) const GIVEN: [&str; 4] = ["rowIndex", "resource", "context", "rootResource"];

/// How tightly `is` and `as` bind.
const TYPE_BINDING: u8 = 8;

/// Reads an expression.
pub(crate) fn read(text: &str, constants: &Constants) -> Result<Expression, SyntaxError> {
    if text.len() > EXPRESSION_BYTES {
        return Err(SyntaxError::new(1, format!("an expression has at most {EXPRESSION_BYTES} bytes")));
    }
    let words = words(text)?;
    let mut parser = Parser { words: &words, next: 0, constants };
    let expression = parser.expression(0, 0)?;
    match parser.peek() {
        Some(Word::End) | None => Ok(expression),
        Some(_) => parser.error("an operator, `.`, `[` or the end is expected here"),
    }
}

struct Parser<'a> {
    words: &'a [Token],
    next: usize,
    constants: &'a Constants,
}

fn too_deep<T>(at: usize) -> Result<T, SyntaxError> {
    Err(SyntaxError::new(at, format!("an expression is nested at most {EXPRESSION_DEPTH} deep")))
}

fn node(at: usize, below: usize, meant: Meant) -> Result<Expression, SyntaxError> {
    if below >= EXPRESSION_DEPTH {
        return too_deep(at);
    }
    Ok(Expression { at, meant, depth: below + 1 })
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Word> {
        self.words.get(self.next).map(|token| &token.word)
    }
    fn at(&self) -> usize {
        self.words.get(self.next).map_or(1, |token| token.at)
    }
    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Word::Sign(found)) if *found == sign)
    }
    fn took(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        self.next += usize::from(found);
        found
    }
    fn must(&mut self, sign: &str) -> Result<(), SyntaxError> {
        if self.took(sign) { Ok(()) } else { self.error(format!("`{sign}` is expected here")) }
    }
    fn error<T>(&self, rule: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError::new(self.at(), rule))
    }

    /// What binds at least as tightly as `least`; `level` is how many calls deep this is.
    fn expression(&mut self, least: u8, level: usize) -> Result<Expression, SyntaxError> {
        let at = self.at();
        if level >= EXPRESSION_DEPTH {
            return too_deep(at);
        }
        let mut left = self.signed(level)?;
        loop {
            let word = match self.peek() {
                Some(Word::Name(name)) => name.as_str(),
                Some(Word::Sign(sign)) => sign,
                _ => return Ok(left),
            };
            if matches!(word, "is" | "as") && TYPE_BINDING >= least {
                let test = if word == "is" { TypeTest::Is } else { TypeTest::As };
                self.next += 1;
                let name = self.type_name()?;
                left = node(at, left.depth, Meant::Type(test, Box::new(left), name))?;
                continue;
            }
            let Some(operator) = Operator::from_text(word).filter(|operator| operator.binding() >= least) else {
                return Ok(left);
            };
            let at = self.at();
            self.next += 1;
            let right = self.expression(operator.binding() + 1, level + 1)?;
            left = node(at, left.depth.max(right.depth), Meant::Binary(operator, Box::new(left), Box::new(right)))?;
        }
    }

    fn signed(&mut self, level: usize) -> Result<Expression, SyntaxError> {
        let at = self.at();
        if level >= EXPRESSION_DEPTH {
            return too_deep(at);
        }
        if self.took("-") {
            let of = self.signed(level + 1)?;
            return node(at, of.depth, Meant::Minus(Box::new(of)));
        }
        if self.took("+") {
            return self.signed(level + 1);
        }
        self.path(level)
    }

    /// A beginning and its steps.
    fn path(&mut self, level: usize) -> Result<Expression, SyntaxError> {
        let at = self.at();
        let mut steps = Vec::new();
        let mut deepest = 0;
        let beginning = match self.peek() {
            Some(Word::Name(_) | Word::Quoted(_)) if !self.is_truth() => {
                let step = self.invocation(true, level)?;
                deepest = depth_of(&step);
                steps.push(step);
                node(at, 0, Meant::This)?
            }
            _ => self.beginning(level)?,
        };
        loop {
            if self.took(".") {
                let step = self.invocation(false, level)?;
                deepest = deepest.max(depth_of(&step));
                steps.push(step);
            } else if self.is_sign("[") {
                let at = self.at();
                self.next += 1;
                let place = self.expression(0, level + 1)?;
                self.must("]")?;
                deepest = deepest.max(place.depth);
                steps.push(Step { at, does: Does::At(place) });
            } else if steps.is_empty() {
                return Ok(beginning);
            } else {
                return node(at, deepest.max(beginning.depth), Meant::Path(Box::new(beginning), steps));
            }
        }
    }

    fn is_truth(&self) -> bool {
        matches!(self.peek(), Some(Word::Name(name)) if matches!(name.as_str(), "true" | "false"))
    }

    fn beginning(&mut self, level: usize) -> Result<Expression, SyntaxError> {
        let at = self.at();
        let literal = |literal| node(at, 0, Meant::Literal(literal));
        let word = self.peek();
        if self.took("(") {
            let inner = self.expression(0, level + 1)?;
            self.must(")")?;
            return Ok(inner);
        }
        if self.took("{") {
            self.must("}")?;
            return node(at, 0, Meant::Nothing);
        }
        self.next += 1;
        match word {
            Some(Word::Name(name)) => literal(Literal::Boolean(name == "true")),
            Some(Word::Text(text)) => literal(Literal::Text(text.clone())),
            Some(Word::Integer(number)) => self.number(Literal::Integer(*number), at),
            Some(Word::Decimal(number)) => self.number(Literal::Decimal(*number), at),
            Some(Word::Time(time)) => literal(Literal::Time(*time)),
            Some(Word::Special(name)) if name == "this" => node(at, 0, Meant::This),
            Some(Word::Special(_)) => node(at, 0, Meant::Index),
            Some(Word::External(name)) => match (name.as_str(), self.constants.get(name)) {
                (_, Some(constant)) => literal(constant.clone()),
                ("rowIndex", None) => node(at, 0, Meant::RowIndex),
                ("resource" | "context" | "rootResource", None) => node(at, 0, Meant::Resource),
                _ => Err(SyntaxError::new(at, format!("there is no constant `{name}`"))),
            },
            _ => Err(SyntaxError::new(at, "a path, a value or `(` is expected here")),
        }
    }

    fn number(&mut self, number: Literal, at: usize) -> Result<Expression, SyntaxError> {
        const SPANS: [&str; 8] = ["year", "month", "week", "day", "hour", "minute", "second", "millisecond"];
        let has_unit = match self.peek() {
            Some(Word::Text(_)) => true,
            Some(Word::Name(name)) => SPANS.contains(&name.strip_suffix('s').unwrap_or(name)),
            _ => false,
        };
        if has_unit {
            return self.error("quantities are not written here: compare `.value` and `.unit`");
        }
        node(at, 0, Meant::Literal(number))
    }

    /// An element or a function.
    fn invocation(&mut self, first: bool, level: usize) -> Result<Step, SyntaxError> {
        let at = self.at();
        let name = match self.peek() {
            Some(Word::Name(name) | Word::Quoted(name)) => name.clone(),
            _ => return self.error("the name of an element or a function is expected here"),
        };
        let is_quoted = matches!(self.peek(), Some(Word::Quoted(_)));
        self.next += 1;
        if is_quoted || !self.took("(") {
            return Ok(Step { at, does: Does::Member { name, first } });
        }
        let typed = match name.as_str() {
            "ofType" => Some(TypeFunction::OfType),
            "is" => Some(TypeFunction::Is),
            "as" => Some(TypeFunction::As),
            "getReferenceKey" => Some(TypeFunction::ReferenceKey),
            _ => None,
        };
        if let Some(function) = typed {
            let may_be_left_out = function == TypeFunction::ReferenceKey && self.is_sign(")");
            let kind = if may_be_left_out { None } else { Some(self.type_name()?) };
            self.must(")")?;
            return Ok(Step { at, does: Does::Typed(function, kind) });
        }
        let Some((_, function, least, most)) = Function::ALL.iter().find(|(known, ..)| *known == name) else {
            return Err(SyntaxError::new(at, format!("there is no function `{name}` here")));
        };
        let mut arguments = Vec::new();
        if !self.is_sign(")") {
            arguments.push(self.expression(0, level + 1)?);
            while self.took(",") {
                arguments.push(self.expression(0, level + 1)?);
            }
        }
        self.must(")")?;
        if !(*least..=*most).contains(&arguments.len()) {
            let many = if least == most { format!("{least}") } else { format!("{least} to {most}") };
            return Err(SyntaxError::new(at, format!("`{name}` takes {many} arguments")));
        }
        Ok(Step { at, does: Does::Call(*function, arguments) })
    }

    fn type_name(&mut self) -> Result<TypeName, SyntaxError> {
        let at = self.at();
        let mut parts = Vec::new();
        loop {
            match self.peek() {
                Some(Word::Name(name) | Word::Quoted(name)) => parts.push(name.as_str()),
                _ => return self.error("the name of a type is expected here"),
            }
            self.next += 1;
            let followed = matches!(self.words.get(self.next + 1).map(|token| &token.word), Some(Word::Name(_)));
            if parts.len() == 2 || !matches!(parts.as_slice(), ["FHIR" | "System"]) || !followed || !self.took(".") {
                break;
            }
        }
        TypeName::of(&parts)
            .ok_or_else(|| SyntaxError::new(at, "a type is written `Quantity`, `FHIR.string` or `System.Boolean`"))
    }
}

fn depth_of(step: &Step) -> usize {
    match &step.does {
        Does::Member { .. } | Does::Typed(..) => 0,
        Does::At(place) => place.depth,
        Does::Call(_, arguments) => arguments.iter().map(|argument| argument.depth).max().unwrap_or(0),
    }
}
