//! The pregnancies of the caller's view, and one woman's as a sheet.
//!
//! Rows of the tables `pregnancies`, `pregnancy_checkups`, `maternal_warnings`, `growth_tables`, `beds`, `ctg_windows` and `patient`, as the same
//! caller would get them over SQL. What is said here beside them is an order: who needs looking at first.

use crate::Windows;
use crate::refusal::{Refusal, bearer};
use crate::rows::{Row, collect, day_number, day_of, statement};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use query::beds::{BedId, FacilityId, Place};
use query::{Answer, frontier_text};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

/// At most so many pregnancies are listed.
const LONGEST: usize = 1_000;
/// The length of a pregnancy from its first day to its due date. It orders a list and is no rule.
const TERM: i64 = 280;

type Object = Map<String, Value>;

const LISTED: &str = "SELECT my_patient_id, pregnancy, outcome, gravida, para, children, due_date, due_basis, due_dates_before, \
     gestational_days, gestational_age, checkups, last_checkup_at, checkup_due, risk_factors, risk_not_looked_at, \
     smallest_deviation, ended_at, ended_age, delivery, sources, elsewhere, elsewhere_at FROM pregnancies LIMIT 1001";
/// That the cervix is ripe is no warning.
const WARNED: &str = "SELECT DISTINCT my_patient_id, pregnancy, rule, class, rule_certainty FROM maternal_warnings \
     WHERE said = 'reached' AND rule <> 'bishop' ORDER BY my_patient_id, pregnancy, rule";
/// A bed is looked for among those opened since so long ago, microseconds: a statement about beds reads the frames of that time too.
const OPENED_SINCE: i64 = 48 * 3_600_000_000;
const OPEN_BEDS: &str = "SELECT source, patient_id, my_patient_id, session, bed, opened FROM waveform WHERE kind = 'bed' \
     AND closed IS NULL AND my_patient_id IS NOT NULL AND occurred >= CAST($1 AS TIMESTAMP WITH TIME ZONE) \
     ORDER BY opened, source, session";

/// When and of which state something was answered: of several answers the oldest.
#[derive(Default)]
struct AsOf {
    frontier: String,
    moment_us: i64,
    age_ms: u64,
    /// Since when beds are looked for.
    since: String,
}

impl AsOf {
    fn take(&mut self, answer: &Answer) {
        if self.moment_us == 0 {
            self.frontier = frontier_text(&answer.frontier);
            self.moment_us = answer.moment.micros();
            self.since = answer.moment.plus_micros(-OPENED_SINCE).to_string();
        }
        self.age_ms = self.age_ms.max(u64::try_from(answer.age.as_millis()).unwrap_or(u64::MAX));
    }

    fn told(&self) -> Object {
        let mut told = Object::new();
        told.insert("frontier".to_owned(), json!(self.frontier));
        told.insert("moment_us".to_owned(), json!(self.moment_us));
        told.insert("age_ms".to_owned(), json!(self.age_ms));
        told.insert("today".to_owned(), json!(day_of(day_number(self.moment_us))));
        told
    }
}

async fn objects(mut answer: Answer, as_of: &mut AsOf) -> Result<Vec<Object>, Refusal> {
    as_of.take(&answer);
    collect(&mut answer, |row: Row<'_>| row.object()).await
}

fn text<'a>(row: &'a Object, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(row: &Object, name: &str) -> Option<i64> {
    row.get(name).and_then(Value::as_i64)
}

fn sheet_key(row: &Object) -> (String, i64) {
    (text(row, "my_patient_id").to_owned(), number(row, "pregnancy").unwrap_or_default())
}

/// A bed as the board names it, so that the page can open it there.
fn bed(row: &Object) -> Option<Value> {
    let place = Place::of_row(text(row, "source"), text(row, "patient_id"), text(row, "session"))?;
    let id = BedId::of(&place).to_string();
    Some(json!({ "id": id, "bed": row.get("bed"), "source": row.get("source"), "opened": row.get("opened") }))
}

/// Who a person is: of what several sources say, the first that says it, the caller's own before others'.
fn who(rows: Vec<Object>) -> HashMap<String, Object> {
    let mut found: HashMap<String, Object> = HashMap::new();
    for row in rows {
        let one = found.entry(text(&row, "my_patient_id").to_owned()).or_default();
        for (name, value) in row {
            if one.get(&name).is_none_or(|said| said.is_null() || said == "") {
                one.insert(name, value);
            }
        }
    }
    found
}

/// The statement of who some persons are.
fn persons(numbers: &[&str]) -> String {
    let places: Vec<String> = (1..=numbers.len()).map(|at| format!("${at}")).collect();
    format!(
        "SELECT my_patient_id, name, kana, birth_date, sex FROM patient WHERE my_patient_id IN ({}) \
         ORDER BY source <> ajisai_facility(), recorded DESC, source, record_id",
        places.join(", ")
    )
}

/// The names of the facilities that a value speaks of, in Japanese and English.
fn names(windows: &Windows, of: &[&Value]) -> Value {
    fn words<'a>(value: &'a Value, into: &mut BTreeSet<&'a str>) {
        match value {
            Value::String(text) => into.extend(text.split([' ', ',']).filter(|word| !word.is_empty())),
            Value::Array(all) => all.iter().for_each(|one| words(one, into)),
            Value::Object(all) => all.values().for_each(|one| words(one, into)),
            _ => {}
        }
    }
    let mut said = BTreeSet::new();
    of.iter().for_each(|value| words(value, &mut said));
    let book = windows.views.book().read();
    let named = said.into_iter().filter_map(|word| {
        let stated = book.stated_facility(&FacilityId::parse(word).ok()?)?;
        Some((word.to_owned(), json!([stated.name, stated.name_en])))
    });
    Value::Object(named.collect())
}

/// What is looked at first: warnings, then a check-up that is overdue, then who is nearest to her due date; those who are not
/// pregnant any more after them.
fn attention(row: &Object, warned: bool, today: i64) -> (bool, bool, u8, i64, Reverse<i64>) {
    let ended = match text(row, "outcome") {
        "pregnant" => 0,
        "born" => 1,
        _ => 2,
    };
    let overdue = overdue(row, today);
    let distance = number(row, "gestational_days").map_or(i64::MAX, |days| (TERM - days).abs());
    (!warned, !overdue, ended, distance, Reverse(number(row, "ended_at").unwrap_or_default()))
}

/// Whether the day by which a check-up was due is over. Days are written so that they sort.
fn overdue(row: &Object, today: i64) -> bool {
    let due = text(row, "checkup_due");
    !due.is_empty() && day_of(today).is_some_and(|today| due < today.as_str())
}

/// `?beds=`.
#[derive(Debug, Deserialize)]
pub(crate) struct With {
    #[serde(default)]
    beds: bool,
}

/// `GET /api/pregnancies[?beds=true]`: the pregnancies of the caller's view, in the order in which they need looking at. Open beds are
/// told where they are asked for: that reads frames, and is counted as such.
pub(crate) async fn list(
    State(windows): State<Arc<Windows>>,
    headers: HeaderMap,
    Query(With { beds: wanted }): Query<With>,
) -> Result<Json<Value>, Refusal> {
    let principal = windows.authenticator.token(bearer(&headers)?).await?;
    let mut as_of = AsOf::default();
    let ask = async |sql: &str, texts: &[&str]| {
        windows.room.run(&principal, statement(sql, texts)?).await.map_err(Refusal::from)
    };
    let mut women = objects(ask(LISTED, &[]).await?, &mut as_of).await?;
    let cut = women.len() > LONGEST;
    women.truncate(LONGEST);
    let numbers: BTreeSet<String> = women.iter().map(|row| text(row, "my_patient_id").to_owned()).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let (mut warnings, mut beds, mut known) = (BTreeMap::new(), BTreeMap::new(), HashMap::new());
    if !numbers.is_empty() {
        for row in objects(ask(WARNED, &[]).await?, &mut as_of).await? {
            let one =
                json!({ "rule": row.get("rule"), "class": row.get("class"), "certainty": row.get("rule_certainty") });
            warnings.entry(sheet_key(&row)).or_insert_with(Vec::new).push(one);
        }
        if wanted {
            let since = as_of.since.clone();
            // of several beds of a woman the one that was opened last
            let open = objects(ask(OPEN_BEDS, &[&since]).await?, &mut as_of).await?;
            beds = open.iter().filter_map(|row| Some((text(row, "my_patient_id").to_owned(), bed(row)?))).collect();
        }
        known = who(objects(ask(&persons(&numbers), &numbers).await?, &mut as_of).await?);
    }
    let today = day_number(as_of.moment_us);
    women.sort_by_cached_key(|row| (attention(row, warnings.contains_key(&sheet_key(row)), today), sheet_key(row)));
    for row in &mut women {
        let key = sheet_key(row);
        row.insert("overdue".to_owned(), json!(overdue(row, today)));
        row.insert("warnings".to_owned(), json!(warnings.remove(&key).unwrap_or_default()));
        for name in ["name", "kana", "birth_date"] {
            row.insert(name.to_owned(), json!(known.get(&key.0).and_then(|who| who.get(name))));
        }
    }
    let women = json!(women);
    let mut told = as_of.told();
    let beds = if wanted { json!(beds) } else { Value::Null };
    told.insert("names".to_owned(), names(&windows, &[&women, &beds]));
    told.insert("beds".to_owned(), beds);
    told.insert("cut".to_owned(), json!(cut));
    told.insert("women".to_owned(), women);
    Ok(Json(Value::Object(told)))
}

// === One woman ===

/// `?patient=` and `?beds=`.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    patient: String,
    #[serde(default)]
    beds: bool,
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted").finish_non_exhaustive()
    }
}

/// What a sheet is made of: each part's name, and what is asked for it.
const SHEET: [(&str, &str); 5] = [
    ("pregnancies", "SELECT * FROM pregnancies WHERE my_patient_id = $1 ORDER BY pregnancy"),
    ("checkups", "SELECT * FROM pregnancy_checkups WHERE my_patient_id = $1 ORDER BY pregnancy, at, source, fetus"),
    ("warnings", "SELECT * FROM maternal_warnings WHERE my_patient_id = $1"),
    (
        "beds",
        "SELECT source, patient_id, my_patient_id, session, bed, opened, closed FROM beds WHERE my_patient_id = $1 \
      ORDER BY opened DESC, source, session LIMIT 50",
    ),
    // the newest of a week of two fetuses and more
    (
        "levels",
        "SELECT source, patient_id, session, lead, from_at, until_at, standing, week, jsog_level, jsog_unverified, jsog_confirmed_by, \
      not_assessable FROM ctg_windows WHERE my_patient_id = $1 ORDER BY from_at DESC, source, session, lead LIMIT 2016",
    ),
];
/// Parts that are made of what was measured at beds: told where they are asked for.
const OF_BEDS: [&str; 2] = ["beds", "levels"];
const GROWTH: &str = "SELECT measure, unit, gestational_days, gestational_age, mean, deviation, source_text FROM growth_tables \
     ORDER BY measure, gestational_days";

/// `GET /api/pregnancy?patient=[&beds=true]`: everything of the pregnancies of one woman.
pub(crate) async fn sheet(
    State(windows): State<Arc<Windows>>,
    headers: HeaderMap,
    Query(Wanted { patient, beds: wanted }): Query<Wanted>,
) -> Result<Json<Value>, Refusal> {
    let principal = windows.authenticator.token(bearer(&headers)?).await?;
    let patient = crate::laboratory::named(&patient, "`patient` is missing or is no patient number")?;
    let mut as_of = AsOf::default();
    let ask = async |sql: &str, texts: &[&str]| {
        windows.room.run(&principal, statement(sql, texts)?).await.map_err(Refusal::from)
    };
    let mut parts = Object::new();
    let mut numbers = vec![patient.to_owned()];
    for (part, sql) in SHEET {
        if OF_BEDS.contains(&part) && !wanted {
            parts.insert(part.to_owned(), Value::Null);
            continue;
        }
        let rows = objects(ask(sql, &[patient]).await?, &mut as_of).await?;
        match part {
            "pregnancies" if rows.is_empty() => return Err(Refusal::NoPerson),
            "pregnancies" => numbers.extend(rows.iter().flat_map(newborns)),
            _ => {}
        }
        let rows = match part {
            "beds" => rows.iter().filter_map(open_or_closed).collect(),
            "levels" => rows.into_iter().rev().filter_map(of_a_bed).collect(),
            _ => json!(rows),
        };
        parts.insert(part.to_owned(), rows);
    }
    let growth = objects(ask(GROWTH, &[]).await?, &mut as_of).await?;
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let mut known = who(objects(ask(&persons(&numbers), &numbers).await?, &mut as_of).await?);
    let patient_told = known.remove(patient).unwrap_or_default();
    let mut told = as_of.told();
    told.insert("names".to_owned(), names(&windows, &parts.values().collect::<Vec<_>>()));
    told.append(&mut parts);
    told.insert("growth".to_owned(), json!(growth));
    told.insert("number".to_owned(), json!(patient));
    told.insert("patient".to_owned(), Value::Object(patient_told));
    told.insert("newborns".to_owned(), known.into_values().map(Value::Object).collect());
    told.insert("facility".to_owned(), json!(principal.facility.as_str()));
    Ok(Json(Value::Object(told)))
}

fn open_or_closed(row: &Object) -> Option<Value> {
    let mut told = bed(row)?;
    if let Value::Object(told) = &mut told {
        told.insert("closed".to_owned(), json!(row.get("closed")));
    }
    Some(told)
}

/// A row of ten minutes, with the bed's number in the place of whose it is.
fn of_a_bed(mut row: Object) -> Option<Value> {
    let place = Place::of_row(text(&row, "source"), text(&row, "patient_id"), text(&row, "session"))?;
    row.insert("bed".to_owned(), json!(BedId::of(&place).to_string()));
    row.remove("patient_id");
    Some(Value::Object(row))
}

/// The caller's own numbers of the children of a row: `1 0012`, or the number alone.
fn newborns(row: &Object) -> Vec<String> {
    let mine = row.get("newborns_mine").and_then(Value::as_array);
    let number = |one: &Value| {
        let text = one.as_str()?;
        let number = match text.split_once(' ') {
            Some((fetus, number)) if fetus.len() == 1 && fetus.bytes().all(|byte| byte.is_ascii_digit()) => number,
            _ => text,
        };
        Some(number.to_owned())
    };
    mine.into_iter().flatten().filter_map(number).collect()
}
