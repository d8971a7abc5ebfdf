//! The table `feed_days`: how complete the facility's own ways in are, by feed and day, with counts and digests from the source
//! against ours.
//!
//! It names no patient. What exactly is missing does, and is asked for by `ajisai feeds gaps`.

use crate::lab::SiteSource;
use crate::lab::cells::{Cell, Made};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use model::{Moment, Principal};
use std::fmt;
use std::sync::{Arc, LazyLock};
use views::table::Column;
use wire::v1::FeedDay;

/// The table's name.
pub(crate) const FEED_DAYS: &str = "feed_days";

fn long(number: u64) -> Option<i64> {
    i64::try_from(number).ok()
}

static COLUMNS: [Made<FeedDay>; 13] = [
    Made::of("feed", "the feed's name", "経路", Cell::Text(|day: &FeedDay| Some(day.feed.as_str().into()))),
    Made::of("kind", "`ss-mix2`, `mllp` or `fhir`", "種類", Cell::Text(|day| Some(day.kind.as_str().into()))),
    Made::of(
        "day",
        "the day in Japan on which the source wrote or sent it, `2026-04-01`",
        "日（送り手が書いた・送った日）",
        Cell::Text(|day| Some(day.day.as_str().into())),
    ),
    Made::of("offered", "items the source has", "送り手の件数", Cell::Long(|day| long(day.offered))),
    Made::of(
        "dealt_with",
        "items taken, counted, or refused and kept",
        "受け取った件数",
        Cell::Long(|day| long(day.dealt_with)),
    ),
    Made::of("refused", "of these, refused", "うち拒否", Cell::Long(|day| long(day.refused))),
    Made::of(
        "missing",
        "items of the source that did not come",
        "届いていない件数",
        Cell::Long(|day| long(day.missing)),
    ),
    Made::of(
        "differing",
        "items that say something else at the source now",
        "送り手で変わった件数",
        Cell::Long(|day| long(day.differing)),
    ),
    Made::of(
        "vanished",
        "items that came and are no longer at the source",
        "送り手から消えた件数",
        Cell::Long(|day| long(day.vanished)),
    ),
    Made::of(
        "is_whole",
        "nothing is missing, differing or vanished",
        "漏れなし",
        Cell::Flag(|day| Some(day.missing == 0 && day.differing == 0 && day.vanished == 0)),
    ),
    Made::of(
        "offered_digest",
        "a digest of all that the source has",
        "送り手の要約値",
        Cell::Text(|day| Some(format!("{:016x}", day.offered_digest).into())),
    ),
    Made::of(
        "dealt_with_digest",
        "a digest of all that came: the same exactly where the day is whole",
        "受け取ったものの要約値",
        Cell::Text(|day| Some(format!("{:016x}", day.dealt_with_digest).into())),
    ),
    Made::of(
        "compared",
        "when they were compared",
        "突き合わせた日時",
        Cell::Time(|day| Moment::from_micros(day.compared_us).ok()),
    ),
];

/// The table's schema.
pub(crate) fn feed_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> =
        LazyLock::new(|| Arc::new(Schema::new(COLUMNS.iter().map(Made::field).collect::<Vec<Field>>())));
    Arc::clone(&SCHEMA)
}

/// The table's columns, for the documentation: it is made from here.
pub fn feed_columns() -> (&'static str, Vec<&'static Column>) {
    (FEED_DAYS, COLUMNS.iter().map(|made| &made.column).collect())
}

/// Who asks, and of whom.
#[derive(Clone)]
pub(crate) struct OwnFeeds {
    source: Arc<dyn SiteSource>,
    principal: Principal,
}

impl fmt::Debug for OwnFeeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnFeeds")
    }
}

impl OwnFeeds {
    pub(crate) fn of(source: Arc<dyn SiteSource>, principal: Principal) -> Self {
        Self { source, principal }
    }

    /// The table as the account of the feeds stands now.
    pub(crate) async fn table(&self) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        let Self { source, principal } = self.clone();
        let read = tokio::task::spawn_blocking(move || source.feed_days(&principal)).await;
        let days = read.map_err(|error| DataFusionError::Internal(error.to_string()))?;
        let columns = COLUMNS.iter().map(|made| made.array(&days)).collect();
        let rows = RecordBatch::try_new(feed_schema(), columns)?;
        Ok(Arc::new(MemTable::try_new(feed_schema(), vec![vec![rows]])?))
    }
}
