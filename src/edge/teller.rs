//! Telling the node how this edge's feeds stand and how complete they are, so that `ajisai feeds` there shows it.

use super::line::Client;
use ingest::completeness::{FeedBook, Page};
use ingest::watch::Watch;
use model::FacilityId;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wire::v1;

/// How often it is told how the feeds stand; at once when one falls silent or is back.
const TOLD: Duration = Duration::from_secs(30);
/// How often it is told which days were compared.
const DAYS: Duration = Duration::from_secs(600);
/// The rest after the node was not reached.
const AGAIN: Duration = Duration::from_secs(5);
/// Days told together.
const TOGETHER: usize = 50;
/// Gaps of a day that are told; the account here has them all.
const GAPS: usize = 1000;

pub(super) struct Teller {
    pub(super) client: Client,
    pub(super) name: String,
    pub(super) facility: FacilityId,
    pub(super) watch: Watch,
    pub(super) book: Arc<FeedBook>,
}

impl Teller {
    /// Tells for ever. That the node cannot be told is said by whoever brings it events.
    pub(super) async fn run(mut self) {
        let mut said = self.watch.said();
        let (mut days_at, mut told_until) = (Instant::now(), 0);
        loop {
            said.borrow_and_update();
            let mut told = self.tell(Vec::new()).await;
            if told.is_ok() && Instant::now() >= days_at {
                match self.days(told_until).await {
                    Ok(until) => (told_until, days_at) = (until, Instant::now() + DAYS),
                    Err(error) => told = Err(error),
                }
            }
            let rest = match told {
                Ok(()) => TOLD,
                Err(reason) => {
                    tracing::debug!(reason, "the node was not told how the feeds stand");
                    AGAIN
                }
            };
            tokio::select! {
                changed = said.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    async fn tell(&mut self, days: Vec<v1::ReportedDay>) -> Result<(), String> {
        let feeds = self.watch.standings().iter().map(Into::into).collect();
        let request = v1::ReportFeedsRequest { edge: self.name.clone(), feeds, days };
        self.client.report_feeds(request).await.map(|_| ()).map_err(|status| status.message().to_owned())
    }

    /// Tells the days that were compared after `since`; answers when the last of them was.
    async fn days(&mut self, since: i64) -> Result<i64, String> {
        let (book, facility) = (Arc::clone(&self.book), self.facility.clone());
        let found = tokio::task::spawn_blocking(move || {
            let days = book.days(&facility, "", Page { skip: 0, limit: usize::MAX })?;
            let new = days.into_iter().filter(|day| day.compared_us > since);
            let with_gaps = new.map(|day| {
                let gaps = book.gaps(&facility, &day.feed, &day.day, Page { skip: 0, limit: GAPS })?;
                Ok(v1::ReportedDay { day: Some(day), gaps })
            });
            with_gaps.collect::<Result<Vec<_>, ingest::completeness::FeedError>>()
        });
        let found = found.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let compared = |reported: &v1::ReportedDay| reported.day.as_ref().map_or(0, |day| day.compared_us);
        let until = found.iter().map(compared).fold(since, i64::max);
        for days in found.chunks(TOGETHER) {
            self.tell(days.to_vec()).await?;
        }
        Ok(until)
    }
}
