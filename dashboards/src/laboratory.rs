//! One patient's laboratory results, for a trend.
//!
//! A patient is named by the caller's own number: the numbers of other facilities may mean other people there.

use crate::Windows;
use crate::refusal::{Refusal, bearer};
use crate::rows::{collect, statement};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use query::frontier_text;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// At most so many results of a series are shown: the newest.
const LONGEST: usize = 2_000;
/// Longer than any patient number or code.
const LONGEST_NAME: usize = 256;

/// `?patient=` and `?code=`.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    patient: String,
    #[serde(default)]
    code: String,
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted").finish_non_exhaustive()
    }
}

// === Series ===

/// The placeholders are bound to texts; the words are these and no others.
const SERIES: &str = "SELECT CAST(occurred AS BIGINT) AS occurred_us, source, code_system, name, value_number, \
     comparator, value_text, unit, reference_low, reference_high, flag, status \
     FROM laboratory WHERE my_patient_id = $1 AND code = $2 AND status <> 'cancelled' \
     ORDER BY occurred DESC, source, record_id LIMIT 2001";

#[derive(Debug, Serialize)]
pub(crate) struct Series {
    frontier: String,
    moment_us: i64,
    age_ms: u64,
    /// From the oldest to the newest.
    results: Vec<Outcome>,
    /// There are older ones than these.
    cut: bool,
}

#[derive(Serialize)]
struct Outcome {
    occurred_us: i64,
    source: String,
    code_system: String,
    name: String,
    value: Option<f64>,
    comparator: String,
    text: String,
    unit: String,
    reference_low: Option<f64>,
    reference_high: Option<f64>,
    flag: String,
    status: String,
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome").finish_non_exhaustive()
    }
}

/// `GET /api/laboratory?patient=&code=`.
pub(crate) async fn series(
    State(windows): State<Arc<Windows>>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Series>, Refusal> {
    let principal = windows.authenticator.token(bearer(&headers)?).await?;
    let patient = named(&wanted.patient, "`patient` is missing or is no patient number")?;
    let code = named(&wanted.code, "`code` is missing or is no laboratory code")?;
    let mut answer = windows.room.run(&principal, statement(SERIES, &[patient, code])?).await?;
    let mut results = collect(&mut answer, |row| {
        Ok(Outcome {
            occurred_us: row.integer("occurred_us")?,
            source: row.text("source")?,
            code_system: row.text("code_system")?,
            name: row.text("name")?,
            value: row.number("value_number")?,
            comparator: row.text("comparator")?,
            text: row.text("value_text")?,
            unit: row.text("unit")?,
            reference_low: row.number("reference_low")?,
            reference_high: row.number("reference_high")?,
            flag: row.text("flag")?,
            status: row.text("status")?,
        })
    })
    .await?;
    let cut = results.len() > LONGEST;
    results.truncate(LONGEST);
    results.reverse();
    Ok(Json(Series {
        frontier: frontier_text(&answer.frontier),
        moment_us: answer.moment.micros(),
        age_ms: u64::try_from(answer.age.as_millis()).unwrap_or(u64::MAX),
        results,
        cut,
    }))
}

// === Codes ===

const CODES: &str = "SELECT code, max(name) AS name, count(*) AS results FROM laboratory \
     WHERE my_patient_id = $1 AND code IS NOT NULL AND status <> 'cancelled' \
     GROUP BY code ORDER BY results DESC, code LIMIT 500";

#[derive(Debug, Serialize)]
pub(crate) struct Code {
    code: String,
    name: String,
    results: i64,
}

/// `GET /api/laboratory/codes?patient=`: the codes this patient has results of, the most frequent first.
pub(crate) async fn codes(
    State(windows): State<Arc<Windows>>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Vec<Code>>, Refusal> {
    let principal = windows.authenticator.token(bearer(&headers)?).await?;
    let patient = named(&wanted.patient, "`patient` is missing or is no patient number")?;
    let mut answer = windows.room.run(&principal, statement(CODES, &[patient])?).await?;
    let codes = collect(&mut answer, |row| {
        Ok(Code { code: row.text("code")?, name: row.text("name")?, results: row.integer("results")? })
    });
    Ok(Json(codes.await?))
}

pub(crate) fn named<'a>(text: &'a str, refusal: &'static str) -> Result<&'a str, Refusal> {
    let text = text.trim();
    let fits = !text.is_empty() && text.len() <= LONGEST_NAME && !text.chars().any(char::is_control);
    fits.then_some(text).ok_or(Refusal::Parameter(refusal))
}
