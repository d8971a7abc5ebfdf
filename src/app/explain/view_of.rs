//! What a viewer could see of one patient at an earlier time.

use super::question::ViewQuestion;
use super::spelled::code;
use super::{Desk, ended, is_discloser, now, of_history, of_store};
use crate::history::{PastRow, Place};
use consent_filter::{Decision, Explanation};
use futures::StreamExt;
use futures::stream::BoxStream;
use model::{AuditOutcome, Category, Moment, Principal};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use views::{Account, Asked, StoreError};
use wire::v1;
use wire::v1::view_of_response::Part;

/// What is told goes out through here; a caller who has gone away is noticed here.
type Out = mpsc::Sender<Result<v1::ViewOfResponse, Status>>;

/// How often a caller is told how far the reading has come.
const PROGRESS: Duration = Duration::from_millis(200);

/// The statement's form in the ledger.
const FORM: &str = "VIEW OF PATIENT AS OF";

/// The records of one category so far.
#[derive(Default)]
struct Counted {
    shown: u64,
    hidden: u64,
    first: Option<Moment>,
    last: Option<Moment>,
}

impl Counted {
    fn take(&mut self, row: &PastRow, shown: bool) {
        if !shown {
            self.hidden += 1;
            return;
        }
        self.shown += 1;
        self.first = Some(self.first.map_or(row.occurred, |first| first.min(row.occurred)));
        self.last = self.last.max(Some(row.occurred));
    }
    fn spelled(&self, category: Category) -> v1::ViewedCategory {
        v1::ViewedCategory {
            category: v1::Category::from(category).into(),
            shown: self.shown,
            hidden: self.hidden,
            first_us: self.first.map(Moment::micros),
            last_us: self.last.map(Moment::micros),
        }
    }
}

impl Desk {
    /// Begins to answer. What is wrong with the question is said at once, the rest through the stream.
    pub(super) fn view_of(
        &self,
        request: v1::ViewOfRequest,
        caller: Principal,
    ) -> Result<BoxStream<'static, Result<v1::ViewOfResponse, Status>>, Status> {
        let question = ViewQuestion::parse(request, &caller, &self.rooms.book)?;
        let place = self.place()?;
        let (out, answers) = mpsc::channel(64);
        let desk = self.clone();
        tokio::spawn(async move {
            let _place = place;
            let stop = CancellationToken::new();
            let told = {
                let answering = desk.tell(&question, &caller, &out, &stop);
                tokio::pin!(answering);
                tokio::select! {
                    told = &mut answering => told,
                    () = out.closed() => Ok(()),
                }
            };
            // What still runs on a thread of its own is told that nobody waits.
            stop.cancel();
            if let Err(status) = told {
                let _gone = out.send(Err(status)).await;
            }
        });
        Ok(ReceiverStream::new(answers).boxed())
    }

    async fn tell(
        &self,
        question: &ViewQuestion,
        caller: &Principal,
        out: &Out,
        stop: &CancellationToken,
    ) -> Result<(), Status> {
        let data = self.history.place(question.data.as_ref()).await.map_err(of_history)?;
        let (judge, consent) = self.judge(question.consent.as_ref(), stop).await?;
        let moment = question.viewer.at.or(consent.moment).unwrap_or_else(now);
        let discloser = is_discloser(caller, question.patient.facility());
        let (rows, unreadable) = if discloser {
            self.of_discloser(question, &data, out).await?
        } else if *caller == question.viewer.principal {
            (self.of_viewer(question, &data).await?, 0)
        } else {
            (Vec::new(), 0)
        };
        let judge = if discloser { self.knowing(judge, &rows) } else { judge };

        let mut account = self.rooms.feeds.witness().map(|witness| {
            let reading = witness.begin(caller, Asked::Statement(FORM), &data.frontier, now());
            Account::open(Arc::clone(witness), reading)
        });
        let mut counted: BTreeMap<Category, Counted> = BTreeMap::new();
        let (mut streamed, mut truncated) = (0, false);
        for row in &rows {
            let told = judge.explain(row, &question.viewer.principal, moment);
            let shown = told.decision.is_permit();
            if !shown && !discloser {
                continue;
            }
            counted.entry(row.category()).or_default().take(row, shown);
            if let Some(account) = &mut account {
                account.rows(&row.patient, row.category(), 1);
            }
            if streamed == question.limit {
                truncated = true;
                continue;
            }
            streamed += 1;
            send(out, Part::Record(viewed(row, &told))).await?;
        }
        // The end is told only when the ledger holds what was.
        if let Some(account) = account {
            if rows.is_empty() {
                account.strike();
            } else {
                account.close(AuditOutcome::Completed).await.map_err(|unwritten| {
                    tracing::error!(%unwritten, "what was told of a patient's records could not be recorded");
                    Status::unavailable("the ledger cannot be written just now; try again")
                })?;
            }
        }
        let categories = counted.iter().map(|(category, counted)| counted.spelled(*category)).collect();
        let summary = v1::ViewOfSummary {
            categories,
            data_frontier: Some((&data.frontier).into()),
            consent_frontier: Some((&consent.frontier).into()),
            at_us: moment.micros(),
            truncated,
            unreadable,
        };
        send(out, Part::Summary(summary)).await
    }

    /// Every record of the patient as it stood, in the order in which the facts were true.
    async fn of_discloser(
        &self,
        question: &ViewQuestion,
        data: &Place,
        out: &Out,
    ) -> Result<(Vec<PastRow>, u64), Status> {
        let mut said = Instant::now();
        let progress = |done, total| {
            if said.elapsed() >= PROGRESS {
                said = Instant::now();
                // A caller who reads slowly misses a report and loses nothing.
                let part = Some(Part::Progress(v1::Progress { done, total }));
                let _full = out.try_send(Ok(v1::ViewOfResponse { part }));
            }
            !out.is_closed()
        };
        let past = self.history.rows(&question.patient, &data.frontier, progress).await.map_err(of_history)?;
        let mut rows = past.rows;
        rows.sort_by(|a, b| (a.occurred, &a.record).cmp(&(b.occurred, &b.record)));
        Ok((rows, past.unreadable))
    }

    /// The patient's records that the viewer's own view shows now and whose versions stood then. Read by way of that
    /// view: an earlier time shows nothing that is hidden now, and hidden and absent patients cost the same.
    async fn of_viewer(&self, question: &ViewQuestion, data: &Place) -> Result<Vec<PastRow>, Status> {
        let (desk, viewer, patient) = (self.clone(), question.viewer.principal.clone(), question.patient.clone());
        let frontier = data.frontier.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let (visibility, glance, only) = {
                let book = desk.rooms.book.read();
                let only: Vec<_> = book.find_patient(&patient).into_iter().collect();
                (book.visibility(&viewer, now()), desk.rooms.store.glance(), only)
            };
            let shown = glance.under(&desk.rooms.book.read(), &visibility, &only, false);
            let mut rows = Vec::new();
            for category in Category::ALL.iter().copied() {
                shown.records(category, |position, record| {
                    if frontier.includes(position) {
                        rows.push(PastRow::of(position, &record));
                    }
                    true
                })?;
            }
            rows.sort_by(|a: &PastRow, b: &PastRow| (a.occurred, &a.record).cmp(&(b.occurred, &b.record)));
            Ok::<_, StoreError>(rows)
        });
        reading.await.map_err(ended)?.map_err(of_store)
    }
}

async fn send(out: &Out, part: Part) -> Result<(), Status> {
    let gone = |_| Status::cancelled("the caller has gone away");
    out.send(Ok(v1::ViewOfResponse { part: Some(part) })).await.map_err(gone)
}

fn viewed(row: &PastRow, told: &Explanation) -> v1::ViewedRecord {
    v1::ViewedRecord {
        record_id: row.record.as_str().to_owned(),
        category: v1::Category::from(row.category()).into(),
        version: row.version,
        occurred_us: row.occurred.micros(),
        recorded_us: row.recorded.micros(),
        shown: told.decision.is_permit(),
        answer: code(told.for_viewer()).to_owned(),
        reason: match told.decision {
            Decision::Permit(_) => String::new(),
            Decision::Withhold(reason) => reason.code().to_owned(),
        },
        position: Some(row.position.into()),
    }
}
