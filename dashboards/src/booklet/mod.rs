//! The shared-care booklet (糖尿病連携手帳) of one person, as a page to print.
//!
//! It is made of answers to statements over the caller's own view and of nothing else: [`statements`] says what is asked, [`html`]
//! makes the page of what was answered. The node's page and the command ask the same and get the same.

mod cells;
mod page;
mod words;

use crate::Windows;
use crate::refusal::{Refusal, bearer};
use crate::rows;
use arrow::record_batch::RecordBatch;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use futures::StreamExt as _;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub use page::html;

/// What the page looks like, on the screen and on paper.
pub const STYLE: &str = include_str!("../../web/src/booklet.css");

/// On what it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BookletSize {
    /// Two columns of a sheet.
    #[default]
    A4,
    /// As the booklet that patients carry.
    A6,
}

impl BookletSize {
    /// `a4` or `a6`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::A4 => "a4",
            Self::A6 => "a6",
        }
    }
}

/// What was answered: one list of batches per statement, in their order.
#[derive(Clone)]
pub struct BookletRows {
    /// The person's number at the caller's facility.
    pub patient: String,
    /// The caller's facility.
    pub facility: String,
    /// When it was asked, in microseconds since 1970.
    pub moment_us: i64,
    /// The answers to [`statements`].
    pub answers: [Vec<RecordBatch>; 4],
    /// Japanese and English names of facilities, by id; those without one are shown by id.
    pub names: BTreeMap<String, (String, String)>,
}

// Redacted: what it holds is patient data.
impl fmt::Debug for BookletRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BookletRows(******)")
    }
}

/// The statements, with the person's number as it stands in SQL: `$1`, or a literal.
pub fn statements(patient: &str) -> [String; 4] {
    let columns: Vec<String> =
        page::ITEMS.iter().flat_map(|key| page::PARTS.map(|part| format!("{key}{part}"))).collect();
    [
        format!(
            "SELECT source, name, kana, birth_date, sex FROM patient WHERE my_patient_id = {patient} \
             ORDER BY source <> ajisai_facility(), recorded DESC, source, record_id LIMIT 20"
        ),
        format!("SELECT {} FROM diabetes_registry WHERE my_patient_id = {patient}", columns.join(", ")),
        format!(
            "SELECT day, at, item, value, text, source, converted FROM diabetes_course() WHERE my_patient_id = {patient} \
             ORDER BY at DESC, source, item LIMIT {}",
            page::LONGEST
        ),
        format!(
            "SELECT code, max(name) AS name, source, max(occurred) AS at FROM condition WHERE my_patient_id = {patient} \
             AND code_system = 'icd10' AND NOT suspected GROUP BY code, source ORDER BY code, source LIMIT 2000"
        ),
    ]
}

/// `?patient=` and `?size=`.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    patient: String,
    #[serde(default)]
    size: BookletSize,
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted").finish_non_exhaustive()
    }
}

/// `GET /api/diabetes/booklet?patient=&size=`: the booklet's part of a page, without a head: the windows' own style holds.
pub(crate) async fn booklet(
    State(windows): State<Arc<Windows>>,
    headers: HeaderMap,
    Query(Wanted { patient, size }): Query<Wanted>,
) -> Result<impl IntoResponse, Refusal> {
    let principal = windows.authenticator.token(bearer(&headers)?).await?;
    let patient = crate::laboratory::named(&patient, "`patient` is missing or is no patient number")?;
    let mut answers = [const { Vec::new() }; 4];
    let mut moment_us = 0;
    for (sql, batches) in statements("$1").iter().zip(&mut answers) {
        let mut answer = windows.room.run(&principal, rows::statement(sql, &[patient])?).await?;
        moment_us = answer.moment.micros();
        while let Some(batch) = answer.rows.next().await {
            batches.push(batch?);
        }
    }
    let names = {
        let book = windows.views.book().read();
        let named = book
            .facilities()
            .map(|stated| (stated.id.as_str().to_owned(), (stated.name.clone(), stated.name_en.clone())));
        named.collect()
    };
    let facility = principal.facility.as_str().to_owned();
    let read = BookletRows { patient: patient.to_owned(), facility, moment_us, answers, names };
    let page = page::booklet(&read, size).ok_or(Refusal::NoPerson)?;
    Ok(([(CONTENT_TYPE, "text/html; charset=utf-8")], page))
}
