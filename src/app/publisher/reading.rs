//! What is read for an answer: letters of the log, with progress and a bound, and the source's own rows.

use super::{Out, of_history, of_store};
use crate::history::{HistoryError, PastRow};
use crate::pipeline::{Rooms as House, read_letter};
use crate::publisher::{Codes, Held, Span};
use consent_filter::Book;
use event_log::{EventLog, PartitionKey, ReadError, ReadLimit, Stored};
use model::{
    Body, Category, Event, FacilityId, LabResult, Moment, Offset, PartitionId, Payload, Position, Principal, Purpose,
    Record, Role,
};
use parking_lot::RwLock;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonic::Status;
use views::StoreError;
use wire::v1;
use wire::v1::published_response::Part;

/// How long a read of the log may take; what is asked for is there.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a caller is told how far the reading has come.
const PROGRESS: Duration = Duration::from_millis(200);
/// Rows looked at at most.
const ROWS: u64 = 5_000_000;
/// Rows judged while the book is held once.
const AT_ONCE: usize = 1024;

pub(super) fn counted(many: usize) -> u64 {
    u64::try_from(many).unwrap_or(u64::MAX)
}

/// Reads letters, and says how far it is.
pub(super) struct Letters<'a> {
    log: &'a Arc<dyn EventLog>,
    out: &'a Out,
    done: u64,
    total: u64,
    said: Instant,
}

/// A partition, from where and until before where.
type Stretch = (PartitionId, Offset, Offset);

impl<'a> Letters<'a> {
    pub(super) fn of(log: &'a Arc<dyn EventLog>, out: &'a Out) -> Self {
        Self { log, out, done: 0, total: 0, said: Instant::now() }
    }
    /// The partitions where patients' letters lie.
    pub(super) fn data(&self) -> impl Iterator<Item = PartitionId> + use<> {
        (1..=self.log.data_partitions()).map(PartitionId)
    }
    /// Whether somebody still waits for the answer.
    pub(super) fn heard(&self) -> Result<(), Status> {
        if self.out.is_closed() { Err(Status::cancelled("the caller has gone away")) } else { Ok(()) }
    }

    /// Gives every letter of a stretch to `take`, as long as `left` lets it; says whether that was all. Where the log has
    /// dropped the beginning it is not.
    pub(super) async fn each(
        &mut self,
        (partition, from, until): Stretch,
        left: &mut u64,
        mut take: impl FnMut(Stored),
    ) -> Result<bool, Status> {
        let (mut at, mut whole) = (from, true);
        self.total += until.0.saturating_sub(from.0);
        while at < until {
            self.heard()?;
            let read = match self.log.read(partition, at, ReadLimit::default(), PATIENCE).await {
                Err(ReadError::OutOfRange { first, .. }) if at < first => {
                    (at, whole) = (first, false);
                    continue;
                }
                read => read.map_err(|error| of_history(error.into()))?,
            };
            let Some(last) = read.last().map(|stored| stored.position.offset) else {
                let reason = format!("no letter came at {partition}:{at}");
                return Err(of_history(HistoryError::Log(ReadError::Unavailable { reason })));
            };
            self.progress(last.next().min(until).0.saturating_sub(at.0));
            at = last.next();
            for stored in read.into_iter().filter(|stored| stored.position.offset < until) {
                if *left == 0 {
                    return Ok(false);
                }
                *left -= 1;
                take(stored);
            }
        }
        Ok(whole)
    }

    /// The same of one source's records alone. Others' letters are passed by and not opened.
    pub(super) async fn records(
        &mut self,
        stretch: Stretch,
        (source, left): (&FacilityId, &mut u64),
        unreadable: &mut u64,
        mut take: impl FnMut((Position, Moment), &Record),
    ) -> Result<bool, Status> {
        let mut prefix = source.as_str().as_bytes().to_vec();
        // No facility's id is the beginning of another's key.
        prefix.push(0);
        self.each(stretch, left, |stored| {
            let PartitionKey::Patient(key) = &stored.letter.key else { return };
            if !key.starts_with(&prefix) {
                return;
            }
            match read_letter(stored.letter.payload) {
                Ok(Event { body: Body::Record(record), .. }) => take((stored.position, stored.appended_at), &record),
                Ok(_) => {}
                Err(_) => *unreadable += 1,
            }
        })
        .await
    }

    fn progress(&mut self, letters: u64) {
        self.done += letters;
        if self.said.elapsed() >= PROGRESS {
            self.said = Instant::now();
            let part = Some(Part::Progress(v1::Progress { done: self.done, total: self.total }));
            // A caller who reads slowly misses a report and loses nothing.
            let _full = self.out.try_send(Ok(v1::PublishedResponse { part }));
        }
    }
}

/// The source's rows as they stand, judged.
pub(super) struct Rows {
    pub(super) held: Held,
    pub(super) codes: Codes,
    /// Whether all were looked at.
    pub(super) is_whole: bool,
}

impl Rows {
    /// Reads every row of the source by the source's own view.
    pub(super) async fn read(
        house: &House,
        source: &FacilityId,
        span: &Span,
        moment: Moment,
        out: &Out,
    ) -> Result<Self, Status> {
        let (house, span, out) = (house.clone(), span.clone(), out.clone());
        let machine =
            Principal { facility: source.clone(), member: None, role: Role::System, purpose: Purpose::Operations };
        let reading = tokio::task::spawn_blocking(move || Self::judged(&house, &machine, (span, moment), &out));
        let ended = |_| Status::internal("the counting of rows ended early");
        reading.await.map_err(ended)?.map_err(of_store)
    }

    fn judged(
        house: &House,
        machine: &Principal,
        (span, moment): (Span, Moment),
        out: &Out,
    ) -> Result<Self, StoreError> {
        let (visibility, glance) = {
            let book = house.book.read();
            (book.visibility(machine, moment), house.store.glance())
        };
        let shown = glance.under(&house.book.read(), &visibility, &[], true);
        let held = Held::of(machine.facility.clone(), span.clone(), moment);
        let mut rows = Self { held, codes: Codes::default(), is_whole: true };
        let sites = house.register.sites();
        let mut waiting = Vec::with_capacity(AT_ONCE);
        let mut left = ROWS;
        for category in Category::ALL.iter().copied() {
            shown.records(category, |position, record| {
                if left == 0 {
                    rows.is_whole = false;
                    return false;
                }
                left -= 1;
                if let Some(result) = laboratory(&record).filter(|_| span.holds(position)) {
                    rows.codes.take(result, sites.of(&machine.facility).codes());
                }
                waiting.push(PastRow::of(position, &record));
                if waiting.len() == AT_ONCE {
                    rows.judge(&house.book, &mut waiting);
                    // Nobody waits: what was counted so far is thrown away.
                    return !out.is_closed();
                }
                true
            })?;
            rows.judge(&house.book, &mut waiting);
        }
        Ok(rows)
    }

    fn judge(&mut self, book: &RwLock<Book>, waiting: &mut Vec<PastRow>) {
        let book = book.read();
        for row in waiting.drain(..) {
            self.held.take(&book, row.position, row.known_facts(&book).as_ref());
        }
    }
}

fn laboratory(record: &Record) -> Option<&LabResult> {
    match record.payload() {
        Some(Payload::Laboratory(result)) => Some(result),
        _ => None,
    }
}
