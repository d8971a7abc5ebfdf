//! Who looks, how fresh what they see is, and how many rows of each category that is.

use crate::Windows;
use crate::refusal::{Refusal, bearer};
use crate::rows::{collect, statement};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use query::frontier_text;
use serde::Serialize;
use std::sync::Arc;

/// The tables, in the order the page shows them.
pub(crate) const TABLES: [&str; 14] = [
    "patient",
    "laboratory",
    "vital_sign",
    "condition",
    "allergy",
    "medication",
    "encounter",
    "document",
    "imaging",
    "waveform",
    "perinatal",
    "care_plan",
    "message",
    "immunization",
];

#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    facility: Facility,
    role: &'static str,
    purpose: &'static str,
    /// Everything before this was counted.
    frontier: String,
    /// The moment consents were judged by, in microseconds since 1970.
    moment_us: i64,
    /// How long before that moment the newest rows were published.
    age_ms: u64,
    categories: Vec<Count>,
}

#[derive(Debug, Serialize)]
struct Facility {
    id: String,
    name: String,
    name_en: String,
}

#[derive(Debug, Serialize)]
struct Count {
    category: String,
    rows: i64,
}

/// `GET /api/summary`.
pub(crate) async fn summary(State(windows): State<Arc<Windows>>, headers: HeaderMap) -> Result<Json<Summary>, Refusal> {
    let principal = windows.authenticator.token(bearer(&headers)?).await?;
    // One statement, so that all counts are of one view.
    let mut answer = windows.room.run(&principal, statement(&counts(), &[])?).await?;
    let counted =
        collect(&mut answer, |row| Ok(Count { category: row.text("category")?, rows: row.integer("rows")? })).await?;
    let named = {
        let book = windows.views.book().read();
        book.stated_facility(&principal.facility).map(|stated| (stated.name.clone(), stated.name_en.clone()))
    };
    let (name, name_en) = named.unwrap_or_default();
    Ok(Json(Summary {
        facility: Facility { id: principal.facility.as_str().to_owned(), name, name_en },
        role: principal.role.code(),
        purpose: principal.purpose.code(),
        frontier: frontier_text(&answer.frontier),
        moment_us: answer.moment.micros(),
        age_ms: u64::try_from(answer.age.as_millis()).unwrap_or(u64::MAX),
        categories: in_order(counted),
    }))
}

fn counts() -> String {
    TABLES.map(|table| format!("SELECT '{table}' AS category, count(*) AS rows FROM {table}")).join(" UNION ALL ")
}

/// The parts of a union come in any order.
fn in_order(mut counted: Vec<Count>) -> Vec<Count> {
    counted.sort_by_key(|count| TABLES.iter().position(|table| *table == count.category));
    counted
}
