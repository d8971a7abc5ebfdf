//! The windows: a page in the browser on the same sessions and feeds that every other reader has.
//!
//! The room decides nothing and keeps nothing: each request carries a token, the hall's [`Authenticator`] says whose
//! it is, and the answer comes from that principal's own reading room session or feed. What the page shows is
//! therefore what the same person would see over SQL.
//!
//! What is shown and done besides rows (notices, worklists, broken glasses, the publisher's view) is asked of the hall's [`Office`],
//! which asks the services that everybody else asks.
//!
//! It is *not* a way around either: there is no route here that reads rows by another path.

mod beds;
mod booklet;
mod feed;
mod laboratory;
mod office;
mod page;
mod pregnancy;
mod refusal;
mod rows;
mod summary;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::routing::{get, post};
use query::beds::Boards;
use query::{Authenticator, ReadingRoom};
use std::fmt;
use std::sync::Arc;
use tower::ServiceBuilder;
use tower_http::set_header::SetResponseHeaderLayer;
use views::Views;

pub use booklet::{BookletRows, BookletSize, html as booklet_html, statements as booklet_statements};
pub use office::{Acknowledged, Asked, AtBed, Declined, Deed, Office, Review, Transfer, Turn, Why};

/// What every request is answered from.
struct Windows {
    room: Arc<ReadingRoom>,
    views: Arc<Views>,
    authenticator: Arc<dyn Authenticator>,
    office: Arc<dyn Office>,
    boards: Arc<Boards>,
}

impl fmt::Debug for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Windows").finish_non_exhaustive()
    }
}

/// The largest body taken: a review with its words.
const LARGEST_BODY: usize = 16 << 10;

/// Only what this node serves is loaded, sent to or framed: a page with patient data talks to nobody else.
const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/// The page and what it asks for.
///
/// - `GET /` and its script, style and icon: to anybody; they hold no data.
/// - `GET /api/summary`: facility, role, purpose, freshness, and rows per category.
/// - `GET /api/laboratory/codes?patient=`: which laboratory codes there are of one of the caller's patients.
/// - `GET /api/laboratory?patient=&code=`: one code's results of that patient.
/// - `GET /api/diabetes/booklet?patient=[&size=a4|a6]`: the shared-care booklet of that patient, as HTML.
/// - `GET /api/pregnancies[?beds=]`, `GET /api/pregnancy?patient=[&beds=]`: the pregnancies of the view, and everything of one woman's.
/// - `GET /api/feed[?after=]`: what appears, changes and vanishes, a JSON object per line, with heartbeats.
/// - `GET /api/beds`, `GET /api/beds/bed?bed=`: the beds that are watched, and one of them, four JSON objects a second.
/// - `GET /api/beds/history?bed=&from_us=&until_us=`, `GET /api/beds/seen?bed=&at_us=`: what was measured at a bed before, and
///   what was on the screen at a moment.
/// - `POST /api/beds/act`, `POST /api/beds/transfer`: alarms that somebody knows of, notes beside a trace, a transfer that is asked
///   for.
/// - `GET /api/referrals`, `POST /api/referrals/turn`: the facility's referrals, and their steps.
/// - `GET /api/notices`, `POST /api/notices/acknowledge`: what the facility is told, and that it was.
/// - `GET /api/worklist[?cohort=]`, `POST /api/worklist/act`: whom of a cohort to call, and who has taken it.
/// - `GET /api/glasses`, `POST /api/glasses/review`: broken glasses, what was read under each, and their review.
/// - `GET /api/published[?from_us=&until_us=]`: what became of what the facility published.
///
/// Everything below `/api` needs `Authorization: Bearer <token>`. Serve it over TLS, or on loopback. A patient's
/// number stands in the query of four of the paths: layers around this router must not log a request's URI.
pub fn router(
    room: Arc<ReadingRoom>,
    views: Arc<Views>,
    boards: Arc<Boards>,
    authenticator: Arc<dyn Authenticator>,
    office: Arc<dyn Office>,
) -> Router {
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
    };
    let data = Router::new()
        .route("/api/summary", get(summary::summary))
        .route("/api/laboratory", get(laboratory::series))
        .route("/api/laboratory/codes", get(laboratory::codes))
        .route("/api/diabetes/booklet", get(booklet::booklet))
        .route("/api/pregnancies", get(pregnancy::list))
        .route("/api/pregnancy", get(pregnancy::sheet))
        .route("/api/feed", get(feed::feed))
        .route("/api/beds", get(beds::wall))
        .route("/api/beds/bed", get(beds::bed))
        .route("/api/beds/history", get(beds::history))
        .route("/api/beds/seen", get(beds::seen))
        .route("/api/beds/act", post(office::at_bed))
        .route("/api/beds/transfer", post(office::transfer))
        .route("/api/referrals", get(office::referrals))
        .route("/api/referrals/turn", post(office::turn))
        .route("/api/notices", get(office::notices))
        .route("/api/notices/acknowledge", post(office::acknowledge))
        .route("/api/worklist", get(office::worklist))
        .route("/api/worklist/act", post(office::work_on))
        .route("/api/glasses", get(office::glasses))
        .route("/api/glasses/review", post(office::review))
        .route("/api/published", get(office::published))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(header(CACHE_CONTROL, "no-store"))
        .with_state(Arc::new(Windows { room, views, authenticator, office, boards }));
    page::routes().merge(data).layer(
        ServiceBuilder::new()
            .layer(header(CONTENT_SECURITY_POLICY, POLICY))
            .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .layer(header(REFERRER_POLICY, "no-referrer"))
            .layer(header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
            .layer(header(HeaderName::from_static("cross-origin-resource-policy"), "same-origin")),
    )
}
