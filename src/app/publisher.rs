//! `PublisherService`: what became of the caller's own records at those who receive them.
//!
//! What was delivered and seen is read from the ledger's letters of the period; what was corrected from the records'
//! letters and, for the patients concerned, from their entries of the ledger; what is held back from the rows and the
//! book as they stand. Each reading has a bound. Where it is reached the answer says which part is not whole.

mod reading;

use super::explain::{of_history, of_store};
use super::ledger::{LedgerDesk, caller, failed, invalid};
use crate::history::{AsOf, History};
use crate::publisher::{Codes, Corrected, Held, HeldFor, Span, Versions};
use consent_filter::FacilityIx;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use ledger::{Consumed, Corrections, Entry, Publication, Stretch, Subject};
use model::{Body, Counts, FacilityId, Moment, Offset, PartitionId, Position, Principal, Record, Role, RoleSet};
use reading::{Letters, Rows, counted};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use wire::v1;
use wire::v1::published_response::Part;
use wire::v1::publisher_service_server::{PublisherService, PublisherServiceServer};

/// So many questions are answered at once: each reads rows and letters.
const AT_ONCE: usize = 1;
/// Who may ask. Counts are no clinical data.
const MAY_ASK: RoleSet = RoleSet::of(Role::Clerk).with(Role::Auditor).with(Role::LaboratoryStaff).with(Role::System);
/// The period where none is said.
const USUAL: i64 = 30 * 86_400_000_000;
/// Codes that are told.
const CODES: usize = 100;
/// The form of the question in the ledger.
const FORM: &str = "publisher published";

/// Letters of the ledger read at most.
const LEDGER_LETTERS: u64 = 5_000_000;
/// Letters of records read at most, in each of the two readings; those of others are only passed by.
const RECORD_LETTERS: u64 = 20_000_000;
/// Records of the period looked after at most: some 100 bytes each.
const RECORDS: usize = 500_000;
/// Entries read at most for who saw what was corrected.
const ENTRIES: usize = 200_000;

/// What the answers are taken from. Cheap to clone.
#[derive(Clone)]
pub(super) struct PublisherDesk {
    ledger: LedgerDesk,
    history: Arc<History>,
    places: Arc<Semaphore>,
    /// Whether the node writes down what becomes visible.
    disclosures: bool,
}

impl std::fmt::Debug for PublisherDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublisherDesk").field("ledger", &self.ledger).finish_non_exhaustive()
    }
}

/// What goes out, and where a caller who has gone away is noticed.
type Out = mpsc::Sender<Result<v1::PublishedResponse, Status>>;

/// Whose records, and of which period.
struct Question {
    source: FacilityId,
    from: Moment,
    until: Moment,
    now: Moment,
}

/// What was found, with the names of the parts that are not whole.
#[derive(Default)]
struct Found {
    corrected: Corrected,
    corrections: Corrections,
    partial: BTreeSet<&'static str>,
    unreadable: u64,
}

impl Question {
    fn parse(request: v1::PublishedRequest, caller: &Principal, now: Moment) -> Result<Self, Status> {
        let v1::PublishedRequest { from_us, until_us } = request;
        let moment = |field, micros: Option<i64>| {
            micros.map(Moment::from_micros).transpose().map_err(|error| invalid(field)(&error))
        };
        let until = moment("until_us", until_us)?.unwrap_or(now).min(now);
        let from = moment("from_us", from_us)?.unwrap_or(until.plus_micros(-USUAL));
        if from >= until {
            return Err(invalid("from_us")(&"must lie before `until_us`, and before now"));
        }
        Ok(Self { source: caller.facility.clone(), from, until, now })
    }
}

impl PublisherDesk {
    pub(super) fn new(ledger: LedgerDesk, disclosures: bool) -> Self {
        let history = Arc::new(History::new(ledger.node.rooms().clone()));
        Self { ledger, history, places: Arc::new(Semaphore::new(AT_ONCE)), disclosures }
    }
    /// The service over it.
    pub(super) fn service(self) -> PublisherServiceServer<Self> {
        PublisherServiceServer::new(self)
    }

    /// The letters of the period, as far as readers see.
    async fn span(&self, question: &Question) -> Result<Span, Status> {
        let until = if question.until >= question.now { None } else { Some(question.until) };
        // A letter taken in at the very moment that is named counts for it: so each side is the moment before.
        let before = |moment: Moment| AsOf::Moment(moment.plus_micros(-1));
        let from = self.history.place(Some(&before(question.from))).await.map_err(of_history)?.frontier;
        let until = self.history.place(until.map(before).as_ref()).await.map_err(of_history)?.frontier;
        Ok(Span { from, until })
    }

    async fn tell(&self, question: &Question, out: &Out) -> Result<(), Status> {
        let span = self.span(question).await?;
        let mut found = Found::default();
        let mut letters = Letters::of(self.ledger.reader.log(), out);
        let publication = consumed(question, &span, &mut letters, &mut found).await?;
        self.corrected(question, &span, &mut letters, &mut found).await?;
        let rows = Rows::read(self.ledger.node.rooms(), &question.source, &span, question.now, out).await?;
        if !rows.is_whole {
            found.partial.insert("held");
        }
        let refused = self.refused(question).await?;
        for (facility, to) in self.facilities(&publication, &found.corrections, &rows.held) {
            send(out, Part::Facility(v1::PublishedTo { facility: facility.as_str().to_owned(), ..to })).await?;
        }
        let Found { corrected, corrections: _, partial, unreadable } = found;
        let summary = v1::PublishedSummary {
            from_us: question.from.micros(),
            until_us: question.until.micros(),
            at_us: question.now.micros(),
            frontier: Some((&span.until).into()),
            rows: rows.held.rows(),
            of_period: rows.held.of_period(),
            corrected: corrected.corrected,
            deleted: corrected.deleted,
            refused,
            unmapped_results: rows.codes.results(),
            unmapped_codes: rows.codes.distinct(),
            unmapped: unmapped(&rows.codes),
            partial: partial.into_iter().map(str::to_owned).collect(),
            unreadable,
            disclosures: self.disclosures,
        };
        send(out, Part::Summary(summary)).await
    }

    /// Which records were corrected in the period, and who may have seen the versions that stand no longer.
    async fn corrected(
        &self,
        question: &Question,
        span: &Span,
        letters: &mut Letters<'_>,
        found: &mut Found,
    ) -> Result<(), Status> {
        let mut versions = Versions::default();
        let (mut left, mut whole, mut more) = (RECORD_LETTERS, true, false);
        for partition in letters.data() {
            let stretch = (partition, span.from.next(partition), span.until.next(partition));
            let take = |at: (Position, Moment), record: &Record| more |= !versions.take(at, record, RECORDS);
            whole &= letters.records(stretch, (&question.source, &mut left), &mut found.unreadable, take).await?;
        }
        if versions.asks_for_earlier() {
            let (mut left, mut unreadable) = (RECORD_LETTERS, 0);
            for partition in letters.data() {
                let stretch = (partition, Offset(0), span.from.next(partition));
                let take = |at: (Position, Moment), record: &Record| versions.take_earlier(at, record);
                whole &= letters.records(stretch, (&question.source, &mut left), &mut unreadable, take).await?;
            }
            // Versions of before the period that cannot be read may be those that were seen.
            found.unreadable += unreadable;
        }
        whole &= !more;
        found.corrected = versions.end(span);
        for (record, recall) in found.corrected.recalls.drain(..) {
            found.corrections.ask(record, recall);
        }
        whole &= self.who_saw(&mut found.corrections, letters).await?;
        if !whole {
            found.partial.insert("corrected");
        }
        Ok(())
    }

    /// Asks the entries of the patients concerned; says whether all were asked.
    async fn who_saw(&self, corrections: &mut Corrections, letters: &Letters<'_>) -> Result<bool, Status> {
        if corrections.patients().len() == 0 {
            return Ok(true);
        }
        let head = self.ledger.head().await?.head;
        let mut indices = BTreeSet::new();
        for patient in corrections.patients() {
            let of = self.ledger.reader.of(Subject::Patient(patient), &head);
            indices.extend(of.map_err(|error| failed(&error))?);
        }
        let whole = indices.len() <= ENTRIES;
        // The latest are the likeliest to have seen what was corrected lately.
        let asked: Vec<u64> = indices.into_iter().rev().take(ENTRIES).collect::<Vec<_>>().into_iter().rev().collect();
        for some in asked.chunks(512) {
            letters.heard()?;
            let entries = self.ledger.reader.entries(some.iter().copied()).await.map_err(|error| failed(&error))?;
            entries.iter().for_each(|(index, entry)| corrections.take(*index, entry));
        }
        Ok(whole)
    }

    async fn refused(&self, question: &Question) -> Result<Vec<v1::RefusedCount>, Status> {
        let quarantine = Arc::clone(self.ledger.node.admission().quarantine());
        let (source, period) = (question.source.clone(), (question.from, question.until));
        let counted = tokio::task::spawn_blocking(move || quarantine.refused(&source, period)).await;
        let counted = counted.map_err(|_| Status::internal("the counting ended early"))?.map_err(|error| {
            tracing::error!(%error, "the quarantine could not be counted");
            Status::unavailable("the quarantine cannot be read just now; try again")
        })?;
        let one = |(reason, count): (String, ingest::RefusedCount)| v1::RefusedCount {
            reason,
            waiting: count.waiting,
            replayed: count.replayed,
        };
        Ok(counted.into_iter().map(one).collect())
    }

    /// Everybody of whom something is to be told, in order.
    fn facilities(
        &self,
        publication: &Publication,
        corrections: &Corrections,
        held: &Held,
    ) -> BTreeMap<FacilityId, v1::PublishedTo> {
        let book = self.ledger.node.rooms().book.read();
        let mut all: BTreeMap<FacilityId, v1::PublishedTo> = BTreeMap::new();
        for (facility, consumed) in publication.consumers() {
            all.insert(facility.clone(), of_consumed(consumed));
        }
        let known = |facility: FacilityIx| book.facility_id(facility).cloned();
        for (facility, standing) in held.standing().filter_map(|(at, standing)| Some((known(at)?, standing))) {
            let to = all.entry(facility).or_default();
            to.visible = standing.visible;
            to.held = standing.held.iter().map(|(reason, rows)| of_held(reason.code(), rows)).collect();
        }
        for facility in corrections.facilities() {
            all.entry(facility.clone()).or_default().corrected = corrections.seen_at(facility);
        }
        for (facility, to) in &mut all {
            if let Some(stated) = book.stated_facility(facility) {
                to.name.clone_from(&stated.name);
                to.name_en.clone_from(&stated.name_en);
            }
        }
        all
    }
}

/// What the ledger's letters of the period say.
async fn consumed(
    question: &Question,
    span: &Span,
    letters: &mut Letters<'_>,
    found: &mut Found,
) -> Result<Publication, Status> {
    let mut publication = Publication::of(question.source.clone());
    let control = PartitionId::CONTROL;
    let (mut left, unreadable) = (LEDGER_LETTERS, &mut found.unreadable);
    let stretch = (control, span.from.next(control), span.until.next(control));
    let whole = letters
        .each(stretch, &mut left, |stored| match crate::pipeline::read_letter(stored.letter.payload) {
            Ok(event) if matches!(event.body, Body::Audit(_)) => {
                if let Some(entry) = Entry::of(stored.position, &event) {
                    publication.take(&entry);
                }
            }
            Ok(_) => {}
            Err(_) => *unreadable += 1,
        })
        .await?;
    if !whole {
        found.partial.insert("ledger");
    }
    Ok(publication)
}

fn rows_of(counts: &Counts) -> Vec<v1::CategoryRows> {
    counts
        .iter()
        .map(|(category, rows)| v1::CategoryRows { category: v1::Category::from(category).into(), rows })
        .collect()
}

fn of_stretch(stretch: &Stretch) -> v1::ConsumedRows {
    v1::ConsumedRows {
        patients: stretch.patients(),
        rows: rows_of(stretch.counts()),
        first_us: stretch.first().map(Moment::micros),
        last_us: stretch.last().map(Moment::micros),
    }
}

fn of_consumed(consumed: &Consumed) -> v1::PublishedTo {
    v1::PublishedTo {
        delivered: Some(of_stretch(&consumed.delivered)),
        seen: Some(of_stretch(&consumed.seen)),
        persons: consumed.persons(),
        acts: consumed.acts(),
        system_acts: consumed.system_acts(),
        emergency_rows: consumed.emergency_rows(),
        ..v1::PublishedTo::default()
    }
}

fn of_held(reason: &str, held: &HeldFor) -> v1::HeldRows {
    v1::HeldRows {
        reason: reason.to_owned(),
        patients: counted(held.patients.len()),
        rows: held.rows,
        of_period: held.of_period,
        next_us: held.next.map(Moment::micros),
        last_us: held.last.map(Moment::micros),
        labels: held.labels.iter().map(|label| v1::Label::from(label).into()).collect(),
    }
}

fn unmapped(codes: &Codes) -> Vec<v1::UnmappedCode> {
    let one = |found: &crate::publisher::Unmapped| v1::UnmappedCode {
        system: found.system.clone(),
        code: found.code.clone(),
        display: found.display.clone(),
        why: found.why.code().to_owned(),
        results: found.results,
    };
    codes.most_frequent(CODES).into_iter().map(one).collect()
}

async fn send(out: &Out, part: Part) -> Result<(), Status> {
    let gone = |_| Status::cancelled("the caller has gone away");
    out.send(Ok(v1::PublishedResponse { part: Some(part) })).await.map_err(gone)
}

#[tonic::async_trait]
impl PublisherService for PublisherDesk {
    type PublishedStream = BoxStream<'static, Result<v1::PublishedResponse, Status>>;

    async fn published(
        &self,
        request: Request<v1::PublishedRequest>,
    ) -> Result<Response<Self::PublishedStream>, Status> {
        let caller = caller(&request)?;
        if !MAY_ASK.contains(caller.role) {
            let rule =
                "only clerks, auditors, laboratory staff and systems of a facility are told what became of its records";
            return Err(Status::permission_denied(rule));
        }
        let question = Question::parse(request.into_inner(), &caller, (self.ledger.clock)())?;
        let full = |_| Status::resource_exhausted("another such question is being answered; ask again soon");
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(full)?;
        self.ledger.recorded(&caller, FORM).await?;
        let (out, answers) = mpsc::channel(64);
        let desk = self.clone();
        tokio::spawn(async move {
            let _place = place;
            let told = {
                let answering = desk.tell(&question, &out);
                tokio::pin!(answering);
                tokio::select! {
                    told = &mut answering => told,
                    () = out.closed() => Ok(()),
                }
            };
            if let Err(status) = told {
                let _gone = out.send(Err(status)).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(answers).boxed()))
    }
}

#[cfg(test)]
mod tests;
