//! Result values: what a laboratory wrote, and what it means.

mod grade;
mod number;
mod parse;
mod span;

pub use grade::Grade;
pub use number::Comparator;
pub use span::{Side, Span};

use rust_decimal::Decimal;

/// A result as it was written and as it was understood. The original is always kept, byte for byte.
#[derive(Clone, PartialEq)]
pub struct ResultText {
    original: String,
    /// What it means.
    pub value: ResultValue,
    /// The other half of a double value: `3+(300)` is a grade and a number.
    pub second: Option<ResultValue>,
    /// What stood beside the value: a unit, a comment, a flag. Folded; empty where there was nothing.
    pub note: String,
}

/// What was written may be a comment that names somebody: it stays out of logs.
impl std::fmt::Debug for ResultText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ResultText({})", self.value.kind())
    }
}

/// What a result means.
#[derive(Clone, PartialEq, Debug)]
pub enum ResultValue {
    /// A number, exact or known by a bound only (`<0.5`, `100<`).
    Number {
        /// How the true value relates to the number.
        comparator: Comparator,
        /// The number, with as many places as were written.
        value: Decimal,
    },
    /// Between two numbers, as sediments are counted (`5-9`); both ends belong to it unless said.
    Range {
        /// The lower end.
        low: Decimal,
        /// The upper end.
        high: Decimal,
        /// Whether the upper end is not part of it (`0.5～2未満`).
        below_high: bool,
    },
    /// A grade: `-`, `±`, `1+` … `5+`, positive without a grade.
    Grade {
        /// How the true grade relates to it (`>3+`).
        comparator: Comparator,
        /// The grade.
        grade: Grade,
    },
    /// A titre: the dilution that still reacts (`×40`, `1:40`, `40倍`).
    Titre {
        /// How the true titre relates to it.
        comparator: Comparator,
        /// The dilution, as its reciprocal.
        dilution: Decimal,
    },
    /// So many in so many (`52/3`: cells of a chamber).
    Fraction {
        /// How many.
        of: Decimal,
        /// In how many.
        among: Decimal,
    },
    /// No value, and why.
    Missing(Missing),
    /// Words, which stay words.
    Text,
}

/// Why a result has no value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Missing {
    /// Nothing was written, or only marks (`***`, `---`).
    Blank,
    /// It could not be measured (測定不能).
    NotMeasurable,
    /// Too little specimen (検体不足).
    TooLittle,
    /// The specimen was not fit: haemolysis, clot, lipaemia (溶血, 凝固, 乳び).
    Unfit,
    /// There was no specimen (検体なし, 未提出).
    NoSpecimen,
    /// It was not done or was cancelled (未実施, 中止).
    NotDone,
    /// It will come (検査中, 後報).
    Pending,
    /// It is said elsewhere (コメント参照, 別紙).
    Elsewhere,
}

impl Missing {
    /// FHIR's data-absent-reason.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Blank => "unknown",
            Self::NotMeasurable | Self::TooLittle | Self::Unfit => "error",
            Self::NoSpecimen | Self::NotDone => "not-performed",
            Self::Pending => "temp-unknown",
            Self::Elsewhere => "as-text",
        }
    }
}

/// What the item lets one expect. It decides what is ambiguous: `-` is a negative grade, or no number; `+1` a grade or
/// a number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Expect {
    /// Not known: `-` is negative, `+1` stays text.
    #[default]
    Anything,
    /// A quantity.
    Quantity,
    /// A grade.
    Grade,
}

impl ResultText {
    /// Reads what a laboratory wrote. It cannot fail: what is not understood is text.
    pub fn read(written: &str, expect: Expect) -> Self {
        parse::read(written, expect)
    }

    /// A number with a comparator as records carry it (empty, `<`, `<=`, `>`, `>=`); its original is the two together.
    pub fn of_number(comparator: &str, value: Decimal) -> Self {
        let original = format!("{comparator}{value}");
        match Comparator::from_code(comparator) {
            Some(comparator) => {
                Self { original, value: ResultValue::Number { comparator, value }, second: None, note: String::new() }
            }
            None => Self { original, value: ResultValue::Text, second: None, note: String::new() },
        }
    }

    /// Exactly what was written.
    pub fn original(&self) -> &str {
        &self.original
    }

    /// The part that is a number, whichever half of a double value it is.
    pub fn number(&self) -> Option<(Comparator, Decimal)> {
        [Some(&self.value), self.second.as_ref()].into_iter().flatten().find_map(|value| match value {
            ResultValue::Number { comparator, value } => Some((*comparator, *value)),
            _ => None,
        })
    }

    /// The part that is a grade.
    pub fn grade(&self) -> Option<(Comparator, Grade)> {
        [Some(&self.value), self.second.as_ref()].into_iter().flatten().find_map(|value| match value {
            ResultValue::Grade { comparator, grade } => Some((*comparator, *grade)),
            _ => None,
        })
    }

    /// All numbers the true value may be.
    pub fn span(&self) -> Option<Span> {
        self.value.span().or_else(|| self.second.as_ref().and_then(ResultValue::span))
    }

    /// The same with another value, for a conversion of its unit: what was written stays.
    #[must_use]
    pub fn with_value(&self, value: ResultValue) -> Self {
        Self { value, ..self.clone() }
    }
}

impl ResultValue {
    /// All numbers the true value may be.
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::Number { comparator, value } => Some(Span::compared(*comparator, *value)),
            Self::Range { low, high, below_high } => Some(Span::between(*low, *high, *below_high)),
            _ => None,
        }
    }

    /// A short name for a column.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Number { .. } => "number",
            Self::Range { .. } => "range",
            Self::Grade { .. } => "grade",
            Self::Titre { .. } => "titre",
            Self::Fraction { .. } => "fraction",
            Self::Missing(_) => "missing",
            Self::Text => "text",
        }
    }
}

#[cfg(test)]
mod tests;
