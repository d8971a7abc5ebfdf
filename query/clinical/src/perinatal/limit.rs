//! Limits as rows of a versioned table: each with its source, how certain that is, and the span a facility may move it in.

use crate::Source;

/// A limit as it is shipped.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LimitRow {
    /// Its name.
    pub key: &'static str,
    /// Its value.
    pub value: f64,
    /// What a facility may set it to.
    pub span: (f64, f64),
    /// The unit of all three.
    pub unit: &'static str,
    /// Where the value comes from.
    pub source: Source,
}

/// A facility's limit that is none.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the limit `{key}` must lie within {low} to {high} {unit}, and is {value}: correct the facility's row")]
pub struct LimitError {
    /// Which limit.
    pub key: &'static str,
    /// The lowest it may be.
    pub low: f64,
    /// The highest it may be.
    pub high: f64,
    /// In which unit.
    pub unit: &'static str,
    /// What was given.
    pub value: f64,
}

impl LimitRow {
    pub(super) fn checked(&self, value: f64) -> Result<f64, LimitError> {
        let (low, high) = self.span;
        if value.is_finite() && low <= value && value <= high {
            Ok(value)
        } else {
            Err(LimitError { key: self.key, low, high, unit: self.unit, value })
        }
    }
}

/// An enum of limits and the table that holds a facility's own values of them.
macro_rules! limits {
    ($(#[$about:meta])* $limit:ident, $table:ident, $version:literal;
     $($(#[$doc:meta])* $name:ident: $key:literal = $value:literal, $span:expr, $unit:literal, $source:expr;)*) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $limit {
            $($(#[$doc])* $name,)*
        }

        impl $limit {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The limit as it is shipped.
            pub const fn row(self) -> $crate::perinatal::LimitRow {
                match self {
                    $(Self::$name => $crate::perinatal::LimitRow {
                        key: $key, value: $value, span: $span, unit: $unit, source: $source,
                    },)*
                }
            }
        }

        /// The limits that hold at a facility: the shipped ones, and its own in place of some.
        #[derive(Clone, PartialEq, Debug)]
        pub struct $table {
            version: String,
            own: std::collections::BTreeMap<$limit, f64>,
        }

        impl $table {
            /// The shipped limits.
            pub fn shipped() -> Self {
                Self { version: $version.to_owned(), own: std::collections::BTreeMap::new() }
            }

            /// The same with a facility's own values.
            ///
            /// # Errors
            /// When a value lies outside the limit's span; the error names the limit.
            pub fn with(
                mut self,
                version: &str,
                rows: impl IntoIterator<Item = ($limit, f64)>,
            ) -> Result<Self, $crate::perinatal::LimitError> {
                for (limit, value) in rows {
                    let value = limit.row().checked(value)?;
                    self.own.insert(limit, value);
                }
                self.version = version.to_owned();
                Ok(self)
            }

            /// Its version.
            pub fn version(&self) -> &str {
                &self.version
            }

            /// The value that holds.
            pub fn value(&self, limit: $limit) -> f64 {
                self.own.get(&limit).copied().unwrap_or(limit.row().value)
            }

            /// Where it comes from; `None` for the facility's own.
            pub fn source(&self, limit: $limit) -> Option<$crate::Source> {
                (!self.own.contains_key(&limit)).then_some(limit.row().source)
            }
        }
    };
}
pub(super) use limits;

/// What every shipped table of limits must be: checked by each table's own test.
#[cfg(test)]
pub(super) fn check_rows(rows: impl Iterator<Item = LimitRow>) {
    let mut keys = std::collections::BTreeSet::new();
    for row in rows {
        assert!(keys.insert(row.key), "`{}` stands twice", row.key);
        assert_eq!(row.checked(row.value), Ok(row.value), "`{}` is outside its own span", row.key);
        assert!(!row.unit.is_empty() && !row.source.text.is_empty(), "`{}` says too little", row.key);
    }
}
