//! What is wrong with an expression, and where.

/// An expression that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("at character {at}: {rule}")]
pub struct SyntaxError {
    /// The character, counted from 1.
    pub at: usize,
    /// What it breaks, and what to write instead.
    pub rule: String,
}

impl SyntaxError {
    pub(crate) fn new(at: usize, rule: impl Into<String>) -> Self {
        Self { at, rule: rule.into() }
    }
}

/// An expression that has no value for a resource. It says nothing of the resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("at character {at}: {rule}")]
pub struct EvaluationError {
    /// The character of the expression, counted from 1.
    pub at: usize,
    /// What it breaks.
    pub rule: &'static str,
}
