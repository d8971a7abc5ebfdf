//! Writing messages.

use crate::{Syntax, escape};

/// Writes segments field by field. What is written reads the same.
///
/// ```
/// use hl7v2::{Syntax, Writer};
/// let mut writer = Writer::new(Syntax::default());
/// writer.header("MSH").field(&[&["LAB"]]).field(&[&["HOSP"]]);
/// writer.segment("NTE").skip(2).text("a & b");
/// assert_eq!(writer.finish(), "MSH|^~\\&|LAB|HOSP\rNTE|||a \\T\\ b\r");
/// ```
#[derive(Clone)]
pub struct Writer {
    syntax: Syntax,
    text: String,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({} bytes)", self.text.len())
    }
}

impl Writer {
    /// A message in these delimiters, still without a segment.
    pub fn new(syntax: Syntax) -> Self {
        Self { syntax, text: String::with_capacity(256) }
    }
    /// Begins `MSH`, `FHS` or `BHS`; the next field is the third.
    pub fn header(&mut self, name: &str) -> &mut Self {
        let signs = self.syntax.encoding_characters();
        self.segment(name).raw(&signs)
    }
    /// Begins a segment; the next field is the first.
    pub fn segment(&mut self, name: &str) -> &mut Self {
        self.end();
        self.text.push_str(name);
        self
    }
    /// Leaves so many fields empty.
    pub fn skip(&mut self, fields: usize) -> &mut Self {
        for _ in 0..fields {
            self.text.push(char::from(self.syntax.field));
        }
        self
    }
    /// A field of one text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.field(&[&[text]])
    }
    /// A field of repetitions of components.
    pub fn field(&mut self, repetitions: &[&[&str]]) -> &mut Self {
        self.skip(1);
        for (i, components) in repetitions.iter().enumerate() {
            if i > 0 {
                self.text.push(char::from(self.syntax.repetition));
            }
            for (i, component) in components.iter().enumerate() {
                if i > 0 {
                    self.text.push(char::from(self.syntax.component));
                }
                self.text.push_str(&escape(component, &self.syntax));
            }
        }
        self
    }
    /// A field that is already written in these delimiters.
    pub fn raw(&mut self, field: &str) -> &mut Self {
        self.skip(1);
        self.text.extend(field.chars().filter(|c| !matches!(c, '\r' | '\n')));
        self
    }
    fn end(&mut self) {
        if !self.text.is_empty() {
            let kept = self.text.trim_end_matches(char::from(self.syntax.field)).len();
            self.text.truncate(kept);
            self.text.push('\r');
        }
    }
    /// The text; each segment ends in CR.
    pub fn finish(mut self) -> String {
        self.end();
        self.text
    }
}
