//! What the windows show and do beside rows: notices, broken glasses and their review, the publisher's view.
//!
//! Nothing of it is this room's: the hall brings an [`Office`], which asks the services that everybody else asks, in the
//! name of whom the token stands for. What is typed comes in the body of a request, never in its path.

use crate::Windows;
use crate::refusal::{Refusal, bearer};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// What a window asks.
pub enum Asked {
    /// The facility's notices.
    Notices,
    /// Says that the caller was told, and of a critical result what they did.
    Acknowledge(Acknowledged),
    /// Whom of a cohort to call; of the first there is where none is named.
    Worklist {
        /// The cohort's name.
        cohort: Option<String>,
    },
    /// Takes, releases or finishes an entry of a worklist.
    WorkOn(Deed),
    /// Broken glasses in which the facility has a part, with what was read under each.
    Glasses,
    /// Reviews a broken glass.
    Review(Review),
    /// Does something at a bed.
    AtBed {
        /// The bed's number.
        bed: String,
        /// What.
        deed: AtBed,
    },
    /// Asks for a transfer from a bed of the caller's facility.
    Transfer(Transfer),
    /// The facility's referrals, sent and received, and whom one can be sent to.
    Referrals,
    /// Takes a step of a referral.
    Turn(Turn),
    /// What became of what the facility published.
    Published {
        /// From when on, in microseconds since 1970.
        from_us: Option<i64>,
        /// Until before when.
        until_us: Option<i64>,
    },
}

/// That somebody was told.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledged {
    /// The notice.
    pub id: String,
    /// What they did about a critical result; absent where they only know of it.
    #[serde(default)]
    pub action: Option<String>,
    /// In their own words, beside an action; may be empty. May be patient data.
    #[serde(default)]
    pub remark: String,
}

/// What somebody does with an entry of a worklist.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deed {
    /// The cohort's name.
    pub cohort: String,
    /// The patient's number at the caller's facility. Patient data.
    pub patient: String,
    /// `take`, `release` or `done`.
    pub act: String,
    /// In the caller's own words; may be empty. May be patient data.
    #[serde(default)]
    pub remark: String,
}

/// What somebody does at a bed.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AtBed {
    /// Says that they know of alarms.
    Acknowledge {
        /// Which; none means all.
        #[serde(default)]
        alarms: Vec<String>,
    },
    /// Writes beside the trace.
    Note {
        /// The moment on the trace, by the source's clock; now where it is absent.
        at_us: Option<i64>,
        /// In their own words. Patient data.
        text: String,
        /// The note of their own that this one puts right; may be empty.
        #[serde(default)]
        replaces: String,
    },
    /// Takes a note of their own back.
    TakeBack {
        /// Its id.
        id: String,
    },
}

/// A transfer that is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// The bed's number.
    pub bed: String,
    /// The receiving facility.
    pub to: String,
    /// Why. Patient data.
    pub reason: String,
    /// For so many hours the receiving facility is to see everything; 0: nothing is opened.
    pub open_hours: u32,
}

/// A step of a referral.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// The referral's id.
    pub id: String,
    /// The sending facility.
    pub from: String,
    /// `accepted`, `declined`, `departed`, `arrived`, `completed`, `cancelled` or `closed`.
    pub step: String,
    /// In the caller's own words; may be empty. May be patient data.
    #[serde(default)]
    pub words: String,
}

/// A review of a broken glass.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// The glass's id.
    pub id: String,
    /// The viewing facility that broke it.
    pub viewer: String,
    /// The patient's number at the caller's facility. Patient data.
    pub patient: String,
    /// `justified` or `unjustified`.
    pub outcome: String,
    /// What was found, in words; may be empty. May be patient data.
    #[serde(default)]
    pub text: String,
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declined {
    /// Why, from the list that HTTP has.
    pub why: Why,
    /// In words, for the caller.
    pub message: String,
}

/// Why, as HTTP has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The token does not stand for anyone.
    Token,
    /// The caller's role may not.
    Role,
    /// Something asked for cannot be.
    Invalid,
    /// There is no such thing for the caller.
    Nothing,
    /// Too much is asked at once; asked again it is answered.
    Busy,
    /// The node cannot answer just now.
    Unavailable,
    /// Anything else.
    Internal,
}

/// Asks the node's services in the name of whom a token stands for.
pub trait Office: Send + Sync + 'static {
    /// The answer, as JSON.
    ///
    /// # Errors
    /// When the token is refused, or the service refuses.
    fn answer<'a>(&'a self, token: &'a str, asked: Asked) -> BoxFuture<'a, Result<Value, Declined>>;
}

// Redacted: what a person typed may be patient data.
impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Notices => "Notices",
            Self::Acknowledge(_) => "Acknowledge(******)",
            Self::Worklist { .. } => "Worklist",
            Self::WorkOn(_) => "WorkOn(******)",
            Self::Glasses => "Glasses",
            Self::Review(_) => "Review(******)",
            Self::AtBed { .. } => "AtBed(******)",
            Self::Transfer(_) => "Transfer(******)",
            Self::Referrals => "Referrals",
            Self::Turn(_) => "Turn(******)",
            Self::Published { .. } => "Published",
        })
    }
}

impl fmt::Debug for Acknowledged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acknowledged(******)")
    }
}

impl fmt::Debug for AtBed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AtBed(******)")
    }
}

impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transfer(******)")
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Turn(******)")
    }
}

impl fmt::Debug for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deed(******)")
    }
}

impl fmt::Debug for Review {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Review(******)")
    }
}

type Answer = Result<Json<Value>, Refusal>;

async fn ask(windows: &Windows, headers: &HeaderMap, asked: Asked) -> Answer {
    let token = bearer(headers)?;
    windows.office.answer(token, asked).await.map(Json).map_err(Refusal::Declined)
}

/// The body of a request that carries one. What was wrong with it is not repeated: it may be patient data.
fn body<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Refusal> {
    body.map(|Json(body)| body).map_err(|_| Refusal::Parameter("the body is not what this path takes"))
}

/// `GET /api/notices`.
pub(crate) async fn notices(State(windows): State<Arc<Windows>>, headers: HeaderMap) -> Answer {
    ask(&windows, &headers, Asked::Notices).await
}

/// `POST /api/notices/acknowledge`.
pub(crate) async fn acknowledge(
    State(windows): State<Arc<Windows>>,
    headers: HeaderMap,
    said: Result<Json<Acknowledged>, JsonRejection>,
) -> Answer {
    bearer(&headers)?;
    ask(&windows, &headers, Asked::Acknowledge(body(said)?)).await
}

/// `?cohort=`.
#[derive(Debug, Deserialize)]
pub(crate) struct OfCohort {
    cohort: Option<String>,
}

/// `GET /api/worklist[?cohort=]`.
pub(crate) async fn worklist(
    State(windows): State<Arc<Windows>>,
    headers: HeaderMap,
    Query(OfCohort { cohort }): Query<OfCohort>,
) -> Answer {
    ask(&windows, &headers, Asked::Worklist { cohort }).await
}

/// `POST /api/worklist/act`.
pub(crate) async fn work_on(
    State(windows): State<Arc<Windows>>,
    headers: HeaderMap,
    said: Result<Json<Deed>, JsonRejection>,
) -> Answer {
    bearer(&headers)?;
    ask(&windows, &headers, Asked::WorkOn(body(said)?)).await
}

/// `GET /api/glasses`.
pub(crate) async fn glasses(State(windows): State<Arc<Windows>>, headers: HeaderMap) -> Answer {
    ask(&windows, &headers, Asked::Glasses).await
}

/// `POST /api/glasses/review`.
pub(crate) async fn review(
    State(windows): State<Arc<Windows>>,
    headers: HeaderMap,
    said: Result<Json<Review>, JsonRejection>,
) -> Answer {
    bearer(&headers)?;
    ask(&windows, &headers, Asked::Review(body(said)?)).await
}

/// The body of `POST /api/beds/act`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActAtBed {
    bed: String,
    act: AtBed,
}

/// `POST /api/beds/act`.
pub(crate) async fn at_bed(
    State(windows): State<Arc<Windows>>,
    headers: HeaderMap,
    said: Result<Json<ActAtBed>, JsonRejection>,
) -> Answer {
    bearer(&headers)?;
    let ActAtBed { bed, act } = body(said)?;
    ask(&windows, &headers, Asked::AtBed { bed, deed: act }).await
}

/// `POST /api/beds/transfer`.
pub(crate) async fn transfer(
    State(windows): State<Arc<Windows>>,
    headers: HeaderMap,
    said: Result<Json<Transfer>, JsonRejection>,
) -> Answer {
    bearer(&headers)?;
    ask(&windows, &headers, Asked::Transfer(body(said)?)).await
}

/// `GET /api/referrals`.
pub(crate) async fn referrals(State(windows): State<Arc<Windows>>, headers: HeaderMap) -> Answer {
    ask(&windows, &headers, Asked::Referrals).await
}

/// `POST /api/referrals/turn`.
pub(crate) async fn turn(
    State(windows): State<Arc<Windows>>,
    headers: HeaderMap,
    said: Result<Json<Turn>, JsonRejection>,
) -> Answer {
    bearer(&headers)?;
    ask(&windows, &headers, Asked::Turn(body(said)?)).await
}

/// `?from_us=&until_us=`.
#[derive(Debug, Deserialize)]
pub(crate) struct Period {
    from_us: Option<i64>,
    until_us: Option<i64>,
}

/// `GET /api/published[?from_us=&until_us=]`.
pub(crate) async fn published(
    State(windows): State<Arc<Windows>>,
    headers: HeaderMap,
    Query(Period { from_us, until_us }): Query<Period>,
) -> Answer {
    ask(&windows, &headers, Asked::Published { from_us, until_us }).await
}
