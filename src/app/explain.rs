//! `ExplainService`: why a record is shown to a viewer, or is not; and what a viewer could see at an earlier time.
//!
//! The disclosing facility is told everything of its own records. A viewer is told of itself, and only of what its view
//! shows it now: a record is looked for in that view, so that neither the answer nor the work done for it tells what is
//! hidden from what is not there.

mod question;
mod spelled;
mod view_of;

use crate::app::explain::question::Question;
pub(super) use crate::app::explain::question::parse_purpose;
use crate::app::explain::spelled::{code, full, openings};
use crate::history::{AsOf, History, HistoryError, PastRow, Place};
use crate::pipeline::Rooms;
use consent_filter::{Book, Explanation, Facts, Patients, ViewerAnswer};
use futures::stream::BoxStream;
use model::{Moment, Position, Principal, Record, RecordRef, Role};
use parking_lot::RwLock;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use views::StoreError;
use wire::v1;
use wire::v1::explain_service_server::{ExplainService, ExplainServiceServer};

/// The service over the book, the store and the log.
pub(super) fn service(rooms: Rooms) -> ExplainServiceServer<ExplainDesk> {
    ExplainServiceServer::new(ExplainDesk(Desk {
        history: Arc::new(History::new(rooms.clone())),
        rooms,
        places: Arc::new(Semaphore::new(AT_ONCE)),
        looks: Arc::new(Semaphore::new(LOOKS_AT_ONCE)),
    }))
}

/// So many questions that read the log are answered at once; the next is turned away.
const AT_ONCE: usize = 2;
/// So many records are looked for in a viewer's view at once; the next waits.
const LOOKS_AT_ONCE: usize = 2;

/// Answers `ExplainService`.
#[derive(Debug)]
pub(super) struct ExplainDesk(Desk);

/// What answers rest on.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    rooms: Rooms,
    history: Arc<History>,
    places: Arc<Semaphore>,
    looks: Arc<Semaphore>,
}

/// Who is told every gate: the people and systems of the disclosing facility, but not a patient who signs in there.
fn is_discloser(caller: &Principal, source: &model::FacilityId) -> bool {
    caller.facility == *source && caller.role != Role::Patient
}

fn now() -> Moment {
    (crate::identity::system_clock())()
}

fn caller_of<T>(request: &Request<T>) -> Result<Principal, Status> {
    let unknown = || Status::unauthenticated("who asks is not known");
    request.extensions().get::<Principal>().cloned().ok_or_else(unknown)
}

/// A book an answer is judged by.
#[derive(Clone)]
enum Judge {
    /// The node's own, as it goes on.
    Live(Arc<RwLock<Book>>),
    /// One made for the past, with numbers of its own.
    Past(Arc<RwLock<Book>>),
}

impl Judge {
    /// Why a record as it stood is shown to the viewer, or is not. The node's own book has numbers for every class its
    /// tables hold; what it has none for it has no permission for either.
    fn explain(&self, row: &PastRow, viewer: &Principal, moment: Moment) -> Explanation {
        match self {
            Self::Live(book) => {
                let book = book.read();
                let facts = row.known_facts(&book).unwrap_or_else(|| unknown(row));
                book.explain(&facts, viewer, moment)
            }
            Self::Past(book) => {
                let mut book = book.write();
                let facts = row.facts(&mut book);
                book.explain(&facts, viewer, moment)
            }
        }
    }
}

/// Facts that no book knows.
fn unknown(row: &PastRow) -> Facts {
    let (patient, class) = (u32::MAX, u32::MAX);
    Facts {
        patient: consent_filter::PatientIx::from_u32(patient),
        class: consent_filter::ClassIx::from_u32(class),
        occurred: row.occurred,
        recorded: row.recorded,
    }
}

// === impl Desk ===

impl Desk {
    /// A place among those who read the log.
    fn place(&self) -> Result<OwnedSemaphorePermit, Status> {
        let full = |_| Status::resource_exhausted("too many questions of this kind are being answered; ask again soon");
        Arc::clone(&self.places).try_acquire_owned().map_err(full)
    }

    /// The book to judge by, and the place it stands at. `stop` ends the making of one.
    async fn judge(&self, consent: Option<&AsOf>, stop: &CancellationToken) -> Result<(Judge, Place), Status> {
        let place = self.history.place(consent).await.map_err(of_history)?;
        if consent.is_none() {
            return Ok((Judge::Live(Arc::clone(&self.rooms.book)), place));
        }
        let book = self.history.book(&place.frontier, stop).await.map_err(of_history)?;
        Ok((Judge::Past(book), place))
    }

    /// A judge that has numbers for the classes of these rows. Versions that are superseded may be of classes that no row
    /// of the tables is of: then a copy of the node's book is made, which can be given numbers.
    fn knowing<'a>(&self, judge: Judge, rows: impl IntoIterator<Item = &'a PastRow>) -> Judge {
        match &judge {
            Judge::Live(live) => {
                let book = live.read();
                if rows.into_iter().all(|row| row.known_facts(&book).is_some()) {
                    drop(book);
                    return judge;
                }
                Judge::Past(Arc::new(RwLock::new(book.clone())))
            }
            Judge::Past(_) => judge,
        }
    }

    /// The record in what the caller is shown now, if it is shown: by way of the caller's own view. Reads all rows of that
    /// source that the caller sees, so that what is hidden costs what an absent one costs.
    fn find_shown(&self, record: &RecordRef, caller: &Principal) -> Result<Option<(Position, Record)>, StoreError> {
        let (visibility, glance) = {
            let book = self.rooms.book.read();
            (book.visibility(caller, now()), self.rooms.store.glance())
        };
        let listed = visibility.sources().find_map(|(source, patients)| match patients {
            Patients::Listed(patients) if *source == record.source => Some(patients),
            _ => None,
        });
        let shown = glance.under(&self.rooms.book.read(), &visibility, listed.unwrap_or_default(), false);
        let mut found = None;
        for category in model::Category::ALL.iter().copied() {
            shown.rows(category, |row| {
                if row.source == record.source.as_str() && row.record == record.id.as_str() {
                    found = Some((category, row.position, row.patient.to_owned()));
                }
                true
            })?;
        }
        let Some((category, position, number)) = found else { return Ok(None) };
        let patient = model::PatientNumber::parse(&number).ok().and_then(|number| {
            self.rooms.book.read().find_patient(&model::PatientRef::new(record.source.clone(), number))
        });
        let only: Vec<_> = patient.into_iter().collect();
        let shown = glance.under(&self.rooms.book.read(), &visibility, &only, false);
        let mut whole = None;
        shown.records(category, |at, record| {
            if at == position {
                whole = Some((at, record));
            }
            whole.is_none()
        })?;
        Ok(whole)
    }

    async fn explain(&self, request: v1::ExplainRequest, caller: Principal) -> Result<v1::ExplainResponse, Status> {
        let stop = CancellationToken::new();
        let _stops = stop.clone().drop_guard();
        let question = Question::parse(request, &caller, &self.rooms.book)?;
        let discloser = is_discloser(&caller, &question.record.source);
        let about_self = caller == question.viewer.principal;
        let past = question.data.is_some() || question.consent.is_some();
        let _place = if past { Some(self.place()?) } else { None };

        let data = self.history.place(question.data.as_ref()).await.map_err(of_history)?;
        let (judge, consent) = self.judge(question.consent.as_ref(), &stop).await?;
        let moment = question.viewer.at.or(consent.moment).unwrap_or_else(now);
        let explanation = if discloser {
            self.for_discloser(&question, (&data, &judge), moment).await?
        } else if about_self {
            self.for_viewer(&question, (&data, judge), moment).await?
        } else {
            None
        };
        let told = explanation.as_ref().map_or(ViewerAnswer::NothingHere, Explanation::for_viewer);
        let explanation = match explanation.filter(|_| discloser) {
            Some(explanation) => {
                let openings = openings(&self.history, &explanation).await;
                Some(full(explanation, openings, question.for_patient))
            }
            None => None,
        };
        Ok(v1::ExplainResponse {
            answer: code(told).to_owned(),
            answer_ja: told.ja().to_owned(),
            answer_en: told.en().to_owned(),
            explanation,
            frontier: Some((&data.frontier).into()),
            consent_frontier: Some((&consent.frontier).into()),
            at_us: moment.micros(),
        })
    }

    /// Every gate, of the record as it stands or stood.
    async fn for_discloser(
        &self,
        question: &Question,
        (data, judge): (&Place, &Judge),
        moment: Moment,
    ) -> Result<Option<Explanation>, Status> {
        let viewer = &question.viewer.principal;
        if let (None, Judge::Live(book)) = (&question.data, judge) {
            // A table file may have to be read.
            let (store, book, record) = (Arc::clone(&self.rooms.store), Arc::clone(book), question.record.clone());
            let facts = tokio::task::spawn_blocking(move || store.facts_of(&book, &record));
            let facts = facts.await.map_err(ended)?.map_err(of_store)?;
            return Ok(facts.map(|facts| self.rooms.book.read().explain(&facts, viewer, moment)));
        }
        let row = self.history.row(&question.record, &data.frontier).await.map_err(of_history)?;
        Ok(row.map(|row| self.knowing(judge.clone(), [&row]).explain(&row, viewer, moment)))
    }

    /// What the viewer was shown then and may still see now.
    async fn for_viewer(
        &self,
        question: &Question,
        (data, judge): (&Place, Judge),
        moment: Moment,
    ) -> Result<Option<Explanation>, Status> {
        let (desk, record, caller) = (self.clone(), question.record.clone(), question.viewer.principal.clone());
        let _look = self.looks.acquire().await.map_err(|_| Status::unavailable("the node is stopping"))?;
        let found = tokio::task::spawn_blocking(move || desk.find_shown(&record, &caller));
        let found = found.await.map_err(ended)?.map_err(of_store)?;
        let stood = found.filter(|(position, _)| data.frontier.includes(*position));
        Ok(stood.map(|(position, record)| {
            let row = PastRow::of(position, &record);
            judge.explain(&row, &question.viewer.principal, moment)
        }))
    }
}

#[tonic::async_trait]
impl ExplainService for ExplainDesk {
    async fn explain(&self, request: Request<v1::ExplainRequest>) -> Result<Response<v1::ExplainResponse>, Status> {
        let caller = caller_of(&request)?;
        self.0.explain(request.into_inner(), caller).await.map(Response::new)
    }

    type ViewOfStream = BoxStream<'static, Result<v1::ViewOfResponse, Status>>;

    async fn view_of(&self, request: Request<v1::ViewOfRequest>) -> Result<Response<Self::ViewOfStream>, Status> {
        let caller = caller_of(&request)?;
        self.0.view_of(request.into_inner(), caller).map(Response::new)
    }
}

// === statuses ===

fn ended(_: tokio::task::JoinError) -> Status {
    Status::internal("the explanation ended early")
}

pub(super) fn of_store(error: StoreError) -> Status {
    tracing::error!(%error, "a record could not be looked up for an explanation");
    Status::unavailable("the record store cannot be read just now; try again")
}

pub(super) fn of_history(error: HistoryError) -> Status {
    match error {
        HistoryError::Ahead | HistoryError::Gone { .. } => Status::out_of_range(error.to_string()),
        HistoryError::Store(error) => of_store(error),
        HistoryError::Log(error) => {
            tracing::error!(%error, "the log could not be read for an explanation");
            Status::unavailable("the log cannot be read just now; try again")
        }
        HistoryError::Cancelled => Status::cancelled("the question was taken back"),
    }
}
