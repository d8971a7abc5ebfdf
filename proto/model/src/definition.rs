//! What a facility defines for itself: limits, cohorts, views. Their meaning is the rooms' that read them.

use crate::FacilityId;
use crate::label::closed_set;
use compact_str::CompactString;
use std::fmt;

closed_set! {
    /// What is defined.
    DefinitionKind, DefinitionKinds, u8, UnknownDefinitionKind, "definition" {
        /// Limits and tables that a facility sets in the place of shipped ones.
        Thresholds = "thresholds",
        /// Who belongs to a cohort.
        Cohort = "cohort",
        /// A table made of the tables of the facility's view.
        View = "view",
        /// A perinatal centre's own tables, such as a matrix it has confirmed.
        Perinatal = "perinatal",
    }
}

/// Why something is no definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// Not a name.
    #[error("a name begins with a-z and has at most {most} of a-z, 0-9, `_` and `-`", most = DefinitionName::LONGEST)]
    Name,
    /// Too long.
    #[error("is longer than {most} bytes", most = Definition::LONGEST)]
    Long,
    /// A control character other than a tab or an end of line.
    #[error("has a control character in line {line}")]
    Control {
        /// Which line, from 1.
        line: usize,
    },
}

/// The name of a definition: at most 63 of `a-z`, `0-9`, `_` and `-`, and `a-z` first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DefinitionName(CompactString);

impl DefinitionName {
    /// At most so many bytes.
    pub const LONGEST: usize = 63;

    /// Parses the text.
    ///
    /// # Errors
    /// When it is no name.
    pub fn parse(text: &str) -> Result<Self, DefinitionError> {
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        if !begins || text.len() > Self::LONGEST || !text.chars().all(fits) {
            return Err(DefinitionError::Name);
        }
        Ok(Self(CompactString::new(text)))
    }
    /// The text as it was parsed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DefinitionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DefinitionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DefinitionName({})", self.0)
    }
}

/// A definition of a facility, whole. Stated again under the same kind and name, it replaces the earlier statement; without
/// text it is taken back.
///
/// ```
/// use model::{Definition, DefinitionKind, DefinitionName, FacilityId};
/// let name = DefinitionName::parse("poor-control")?;
/// let text = "version: '2026-11'\n".to_owned();
/// let definition = Definition::new(FacilityId::parse("central")?, DefinitionKind::Cohort, name, text)?;
/// assert!(!definition.is_taken_back());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Definition {
    facility: FacilityId,
    kind: DefinitionKind,
    name: DefinitionName,
    text: String,
}

impl Definition {
    /// At most so many bytes of text.
    pub const LONGEST: usize = 64 * 1024;

    /// A definition.
    ///
    /// # Errors
    /// When the text is too long or no plain text.
    pub fn new(
        facility: FacilityId,
        kind: DefinitionKind,
        name: DefinitionName,
        text: String,
    ) -> Result<Self, DefinitionError> {
        if text.len() > Self::LONGEST {
            return Err(DefinitionError::Long);
        }
        let control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
        if let Some(at) = text.split('\n').position(|line| line.contains(control)) {
            return Err(DefinitionError::Control { line: at + 1 });
        }
        Ok(Self { facility, kind, name, text })
    }

    /// Whose.
    pub fn facility(&self) -> &FacilityId {
        &self.facility
    }
    /// What is defined.
    pub fn kind(&self) -> DefinitionKind {
        self.kind
    }
    /// Its name.
    pub fn name(&self) -> &DefinitionName {
        &self.name
    }
    /// What it says; empty when it is taken back.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// Whether this takes it back.
    pub fn is_taken_back(&self) -> bool {
        self.text.trim().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(name: &str, text: &str) -> Result<Definition, DefinitionError> {
        let facility = FacilityId::parse("central").unwrap();
        Definition::new(facility, DefinitionKind::Cohort, DefinitionName::parse(name)?, text.to_owned())
    }

    #[test]
    fn a_name_is_short_and_plain() {
        assert!(definition("poor-control_2", "a").is_ok());
        for bad in ["", "2nd", "-a", "Poor", "poor control", "糖尿病", &"x".repeat(64)] {
            assert_eq!(definition(bad, "a"), Err(DefinitionError::Name), "{bad}");
        }
    }

    #[test]
    fn a_text_is_plain_and_bounded_and_an_empty_one_takes_back() {
        assert_eq!(definition("a", "ok\tyes\r\nb\u{7}"), Err(DefinitionError::Control { line: 2 }));
        assert_eq!(definition("a", &"x".repeat(Definition::LONGEST + 1)), Err(DefinitionError::Long));
        assert!(definition("a", " \n").unwrap().is_taken_back());
    }
}
