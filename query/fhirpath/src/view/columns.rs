//! The columns of a definition: their names and types.

use super::Kind;

impl Kind {
    /// From the name of a FHIR type, alone or as an address; `None` for a type that is not primitive.
    pub(super) fn of_type(name: &str) -> Option<Self> {
        let name = name.strip_prefix("http://hl7.org/fhir/StructureDefinition/").unwrap_or(name);
        let name = name.strip_prefix("FHIR.").unwrap_or(name);
        Some(match name {
            "boolean" => Self::Boolean,
            "integer" | "positiveInt" | "unsignedInt" | "integer64" => Self::Integer,
            "decimal" => Self::Decimal,
            "date" => Self::Date,
            "dateTime" => Self::DateTime,
            "instant" => Self::Instant,
            "time" => Self::Time,
            "string" | "code" | "id" | "markdown" | "uri" | "url" | "canonical" | "oid" | "uuid" | "base64Binary" => {
                Self::Text
            }
            _ => return None,
        })
    }
}

/// A name that every database takes: a letter, then letters, digits and `_`, at most 63.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
