//! What a caller wishes of a statement, in the call's headers.

use crate::QueryError;
use crate::freshness::{AtLeast, frontier_text};
use crate::session::Statement;
use model::Frontier;
use std::time::Duration;
use tonic::metadata::MetadataMap;

/// `ajisai-at-least` (`3:1842` or `0:5,1:120`), `ajisai-wait-ms` and `ajisai-timeout-ms`.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    at_least: Option<Frontier>,
    wait: Option<Duration>,
    timeout: Option<Duration>,
}

impl Wishes {
    /// Reads them.
    ///
    /// # Errors
    /// When a header is there and cannot be read.
    pub(super) fn of(headers: &MetadataMap) -> Result<Self, QueryError> {
        let text = |name: &'static str| headers.get(name).map(|value| value.to_str().unwrap_or("(not text)"));
        let at_least = text("ajisai-at-least").filter(|text| !text.trim().is_empty());
        Ok(Self {
            at_least: at_least.map(|text| AtLeast::parse(text).map(|wish| wish.frontier().clone())).transpose()?,
            wait: milliseconds("ajisai-wait-ms", text("ajisai-wait-ms"))?,
            timeout: milliseconds("ajisai-timeout-ms", text("ajisai-timeout-ms"))?,
        })
    }
    /// The wish for freshness as text; empty without one.
    pub(super) fn at_least_text(&self) -> String {
        self.at_least.as_ref().map(frontier_text).unwrap_or_default()
    }
    /// With a wish for freshness made earlier, where there is none here.
    ///
    /// # Errors
    /// When the earlier wish cannot be read.
    pub(super) fn or_at_least(mut self, earlier: &str) -> Result<Self, QueryError> {
        if self.at_least.is_none() && !earlier.is_empty() {
            self.at_least = Some(AtLeast::parse(earlier)?.frontier().clone());
        }
        Ok(self)
    }
    /// Puts them on a statement.
    pub(super) fn apply(self, statement: &mut Statement) {
        statement.at_least = AtLeast::new(self.at_least.unwrap_or_default(), self.wait);
        statement.timeout = self.timeout;
    }
}

fn milliseconds(name: &str, text: Option<&str>) -> Result<Option<Duration>, QueryError> {
    let Some(text) = text else { return Ok(None) };
    match text.trim().parse::<u64>() {
        Ok(number) => Ok(Some(Duration::from_millis(number))),
        Err(_) => Err(QueryError::Setting { message: format!("`{name}` takes a whole number of milliseconds") }),
    }
}
