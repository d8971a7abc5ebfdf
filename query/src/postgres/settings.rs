//! `SET` and `SHOW`: what a session may set, and what it may not.

use crate::QueryError;
use crate::freshness::AtLeast;
use datafusion::sql::sqlparser::ast::{Expr, Ident, Set, Value, ValueWithSpan};
use std::collections::BTreeMap;
use std::time::Duration;

/// Settings that clients send as a matter of course. They are kept and shown back, and change only how values are
/// written, where they change anything.
const KEPT: &[(&str, &str)] = &[
    ("application_name", ""),
    ("bytea_output", "hex"),
    ("client_encoding", "UTF8"),
    ("client_min_messages", "notice"),
    ("datestyle", "ISO, YMD"),
    ("extra_float_digits", "1"),
    ("idle_in_transaction_session_timeout", "0"),
    ("intervalstyle", "postgres"),
    ("lock_timeout", "0"),
    ("search_path", "public"),
    ("standard_conforming_strings", "on"),
    ("timezone", "UTC"),
];

/// Settings with a fixed value: they may be shown, and set to the value they have.
const FIXED: &[(&str, &str)] = &[
    ("default_transaction_read_only", "on"),
    ("is_superuser", "off"),
    ("server_encoding", "UTF8"),
    ("server_version", crate::postgres::startup::SERVER_VERSION),
    ("transaction_isolation", "read committed"),
    ("transaction_read_only", "on"),
];

/// What a session has set.
#[derive(Debug, Default, Clone)]
pub(super) struct Settings {
    kept: BTreeMap<&'static str, String>,
    at_least: String,
    wait: Option<Duration>,
    timeout: Option<Duration>,
}

impl Settings {
    /// Sets one by name.
    ///
    /// # Errors
    /// When there is no such setting, it is fixed, or the value is not one of its kind.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), QueryError> {
        let name = name.to_lowercase();
        match name.as_str() {
            "ajisai.at_least" => {
                if !value.is_empty() {
                    AtLeast::parse(value)?;
                }
                value.clone_into(&mut self.at_least);
            }
            "ajisai.wait_ms" => self.wait = Some(milliseconds(&name, value)?),
            "statement_timeout" => {
                let limit = milliseconds(&name, value)?;
                self.timeout = (!limit.is_zero()).then_some(limit);
            }
            "search_path" if !value.split(',').any(|schema| schema.trim().trim_matches('"') == "public") => {
                return Err(wrong(String::from(
                    "`search_path` must hold `public`, the only schema with tables; it stays so",
                )));
            }
            "client_encoding" | "names" if !matches!(value.to_uppercase().as_str(), "UTF8" | "UTF-8" | "UNICODE") => {
                return Err(wrong("`client_encoding` is UTF8 and stays so".to_owned()));
            }
            "timezone" if !matches!(value.to_uppercase().as_str(), "UTC" | "ETC/UTC" | "GMT" | "DEFAULT" | "") => {
                return Err(wrong(
                    "`timezone` is UTC and stays so; write `occurred AT TIME ZONE 'Asia/Tokyo'` for local times"
                        .to_owned(),
                ));
            }
            other => {
                if let Some((name, _)) = KEPT.iter().find(|(kept, _)| *kept == other) {
                    self.kept.insert(name, value.to_owned());
                } else if let Some((name, fixed)) = FIXED.iter().find(|(fixed, _)| *fixed == other) {
                    if !fixed.eq_ignore_ascii_case(value) {
                        return Err(wrong(format!("`{name}` is `{fixed}` and stays so")));
                    }
                } else {
                    return Err(unknown(other));
                }
            }
        }
        Ok(())
    }

    /// A `SET` statement.
    ///
    /// # Errors
    /// As [`Settings::set`].
    pub(super) fn apply(&mut self, set: &Set) -> Result<(), QueryError> {
        match set {
            Set::SingleAssignment { variable, values, .. } => {
                let name = variable.0.iter().filter_map(|part| part.as_ident()).map(|ident| ident.value.as_str());
                let name = name.collect::<Vec<_>>().join(".");
                let value = values.iter().map(text).collect::<Vec<_>>().join(", ");
                self.set(&name, if value.eq_ignore_ascii_case("default") { default_of(&name) } else { &value })
            }
            Set::SetTimeZone { value, .. } => self.set("timezone", &text(value)),
            Set::SetNames { charset_name, .. } => self.set("client_encoding", &charset_name.value),
            // Every statement sees one view and changes nothing: each level asked for holds.
            Set::SetTransaction { .. } | Set::SetNamesDefault {} => Ok(()),
            Set::ParenthesizedAssignments { .. }
            | Set::MultipleAssignments { .. }
            | Set::SetSessionAuthorization(_)
            | Set::SetSessionParam(_)
            | Set::SetRole { .. } => Err(QueryError::ReadOnly { what: "SET".to_owned() }),
        }
    }

    /// The name and value of a setting, for `SHOW`; `None` when the engine may know it.
    ///
    /// # Errors
    /// When there is no such setting.
    pub(super) fn show(&self, variable: &[Ident]) -> Result<Option<(String, String)>, QueryError> {
        let words = variable.iter().map(|ident| ident.value.to_lowercase()).collect::<Vec<_>>();
        let name = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["time", "zone"] => "timezone".to_owned(),
            ["transaction", "isolation", "level"] => "transaction_isolation".to_owned(),
            ["all"] | ["tables"] | ["columns", ..] | ["functions", ..] => return Ok(None),
            _ => words.join("."),
        };
        let name_of = |name: &str| name.to_owned();
        let milliseconds =
            |limit: Option<Duration>| limit.map_or("0".to_owned(), |limit| format!("{}ms", limit.as_millis()));
        Ok(Some(match name.as_str() {
            "ajisai.at_least" => (name_of(&name), self.at_least.clone()),
            "ajisai.wait_ms" => (name_of(&name), milliseconds(self.wait)),
            "statement_timeout" => (name_of(&name), milliseconds(self.timeout)),
            other => {
                let (name, standard) =
                    KEPT.iter().chain(FIXED).find(|(known, _)| *known == other).ok_or_else(|| unknown(other))?;
                (name_of(name), self.kept.get(name).cloned().unwrap_or_else(|| name_of(standard)))
            }
        }))
    }

    /// How fresh the session's answers must be.
    ///
    /// # Errors
    /// None in practice: the text was read when it was set.
    pub(super) fn at_least(&self) -> Result<AtLeast, QueryError> {
        if self.at_least.is_empty() {
            return Ok(AtLeast::new(model::Frontier::start(), self.wait));
        }
        Ok(AtLeast::new(AtLeast::parse(&self.at_least)?.frontier().clone(), self.wait))
    }
    /// How long the session's statements may run, where it set a limit.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }
}

fn default_of(name: &str) -> &'static str {
    let name = name.to_lowercase();
    KEPT.iter().chain(FIXED).find(|(known, _)| *known == name).map_or("", |(_, standard)| standard)
}

fn unknown(name: &str) -> QueryError {
    let name: String = name.chars().take(60).collect();
    wrong(format!("there is no setting `{name}` here"))
}

fn wrong(message: String) -> QueryError {
    QueryError::Setting { message }
}

/// `250`, `'250'`, `'250ms'`, `'5s'`, `'1min'`.
fn milliseconds(name: &str, text: &str) -> Result<Duration, QueryError> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: u64 = match text.strip_prefix(digits).unwrap_or_default().trim() {
        "" | "ms" if digits.is_empty() => 0,
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        _ => return Err(wrong(format!("`{name}` takes milliseconds, or a text such as '5s'"))),
    };
    let number = if digits.is_empty() { 0 } else { digits.parse::<u64>().unwrap_or(u64::MAX) };
    Ok(Duration::from_millis(number.saturating_mul(unit)))
}

/// A setting's value as text, without its quotes.
fn text(value: &Expr) -> String {
    match value {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => text.clone(),
        Expr::Identifier(ident) => ident.value.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: &str) -> Result<Settings, QueryError> {
        let mut settings = Settings::default();
        settings.set(name, value).map(|()| settings)
    }

    #[test]
    fn the_engines_own_settings_cannot_be_reached() {
        for name in ["datafusion.execution.batch_size", "datafusion.catalog.location", "role", "session_authorization"]
        {
            assert!(matches!(set(name, "x"), Err(QueryError::Setting { .. })), "{name}");
        }
    }

    #[test]
    fn what_is_fixed_can_be_set_to_what_it_is_and_to_nothing_else() {
        assert!(set("default_transaction_read_only", "on").is_ok());
        assert!(set("default_transaction_read_only", "off").is_err());
        assert!(set("timezone", "UTC").is_ok());
        assert!(set("timezone", "Asia/Tokyo").is_err());
    }

    #[test]
    fn times_are_read_with_their_unit() {
        for (text, expected) in [("250", 250), ("250ms", 250), ("5s", 5_000), ("1min", 60_000)] {
            assert_eq!(
                set("statement_timeout", text).unwrap().timeout(),
                Some(Duration::from_millis(expected)),
                "{text}"
            );
        }
        assert_eq!(set("statement_timeout", "0").unwrap().timeout(), None);
        assert!(set("statement_timeout", "soon").is_err());
    }

    #[test]
    fn a_freshness_that_cannot_be_read_is_refused_when_it_is_set() {
        assert!(set("ajisai.at_least", "3:1842").is_ok());
        assert!(matches!(set("ajisai.at_least", "newest"), Err(QueryError::BadFrontier { .. })));
    }
}
