//! A statement on its way: planned, run and handed out row by row, each step within its limit.

use super::account::Account;
use super::course::{Course, Giving};
use super::room::{ReadingRoom, Seen, plan};
use super::statement::{Ending, Statement};
use crate::QueryError;
use crate::freshness::frontier_text;
use crate::told::Telling;
use datafusion::arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use futures::{Stream, StreamExt};
use model::{AuditOutcome, Frontier, Moment, Principal};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Sleep;
use views::Opening;

/// What a statement answers: how fresh it is, its columns, and its rows as they come.
#[derive(Debug)]
pub struct Answer {
    /// The columns.
    pub schema: SchemaRef,
    /// Everything before this is in the answer.
    pub frontier: Frontier,
    /// The moment at which consents and periods were judged.
    pub moment: Moment,
    /// How long before that moment the newest rows were published.
    pub age: Duration,
    /// The rows.
    pub rows: AnswerRows,
}

/// What is known before the first row.
pub(super) struct Head {
    pub(super) schema: SchemaRef,
    pub(super) frontier: Frontier,
    pub(super) moment: Moment,
    pub(super) age: Duration,
}

// === Outcome ===

/// How a statement ended. Set once, by the statement's task; absent when the task was aborted or panicked.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome(Arc<OnceLock<Result<u64, QueryError>>>);

impl Outcome {
    pub(super) fn error(&self, ending: &Ending) -> QueryError {
        match self.0.get() {
            Some(Err(error)) => error.clone(),
            _ if ending.ended() => QueryError::Cancelled,
            _ => QueryError::internal("a statement's task ended without an outcome"),
        }
    }
}

// === Work ===

/// The task of one statement.
pub(super) struct Work {
    pub(super) room: Arc<ReadingRoom>,
    pub(super) principal: Principal,
    pub(super) statement: Statement,
    pub(super) timeout: Duration,
    pub(super) outcome: Outcome,
    pub(super) course: Arc<Course>,
}

/// A batch, and of which attempt it is.
pub(super) type Numbered = (u32, RecordBatch);

/// How one attempt went.
enum Attempt {
    Whole,
    /// Something was taken from the principal before anything was given: another is made.
    Again,
}

/// What one attempt works with.
struct View {
    state: SessionState,
    plan: LogicalPlan,
    /// Its number.
    attempt: u32,
    opening: Option<Arc<Opening>>,
    frontier: Frontier,
    moment: Moment,
    age: Duration,
}

/// Why the rows of an attempt ended early.
enum Short {
    /// Something that it shows was taken from the principal.
    Taken,
    /// Anything else.
    Failed(QueryError),
}

impl Work {
    pub(super) async fn run(self, head: oneshot::Sender<Head>, rows: mpsc::Sender<Numbered>) {
        let mut telling = self.room.told().begin(self.statement.door);
        let mut head = Some(head);
        let result = self.steps(&mut head, &rows, &mut telling).await;
        let result = result.map(|()| telling.rows());
        telling.end(result.as_ref().err());
        // INVARIANT: set before `head` and `rows` close, or their readers would see an end without an outcome.
        let _ = self.outcome.0.set(result);
        drop((head, rows));
    }

    async fn steps(
        &self,
        head: &mut Option<oneshot::Sender<Head>>,
        rows: &mpsc::Sender<Numbered>,
        telling: &mut Telling,
    ) -> Result<(), QueryError> {
        self.become_fresh().await?;
        let _seat = self.room.seats().take(&self.principal.facility).await?;
        let reading = self.read(head, rows, telling);
        match tokio::time::timeout(self.timeout, reading).await {
            Ok(result) => result,
            Err(_) => Err(QueryError::TooLong { limit: self.timeout }),
        }
    }

    async fn become_fresh(&self) -> Result<(), QueryError> {
        let wanted = self.statement.at_least.frontier();
        let wait = self.statement.at_least.wait(self.room.limits().at_least);
        if self.room.source().reached(wanted, wait).await {
            return Ok(());
        }
        let reached = frontier_text(&self.room.source().frontier());
        Err(QueryError::NotFreshEnough { wanted: frontier_text(wanted), reached, waited: wait })
    }

    async fn read(
        &self,
        head: &mut Option<oneshot::Sender<Head>>,
        rows: &mpsc::Sender<Numbered>,
        telling: &mut Telling,
    ) -> Result<(), QueryError> {
        while let Attempt::Again = self.attempt(head, rows, telling).await? {
            tracing::debug!("permissions changed before anything was given; the statement begins anew");
            telling.begin_again();
        }
        Ok(())
    }

    /// Runs over one view, to its end or to the end of a permission.
    async fn attempt(
        &self,
        head: &mut Option<oneshot::Sender<Head>>,
        rows: &mpsc::Sender<Numbered>,
        telling: &mut Telling,
    ) -> Result<Attempt, QueryError> {
        let (state, seen) = self.room.state_of_view(&self.principal, self.statement.door)?;
        let Seen { frontier, moment, age, tally, opening } = seen;
        let attempt = self.course.begin(opening.clone());
        let plan = plan(&state, &self.statement.reading).await.map_err(|error| self.outward(error))?;
        let witness = self.room.source().witness();
        let account = witness.map(|witness| {
            let of = (tally, opening.clone());
            Account::open(witness, &self.principal, &self.statement.reading, of, (&frontier, moment))
        });
        let view = View { state, plan, attempt, opening, frontier, moment, age };
        let outcome = match self.hand_out(&view, head, rows, telling).await {
            Ok(()) => Ok(AuditOutcome::Completed),
            Err(Short::Taken) if self.course.may_begin_again() => {
                // What was read of a view that has ended reached nobody.
                if let Some(account) = account {
                    account.strike();
                }
                return Ok(Attempt::Again);
            }
            Err(Short::Taken) => Err((AuditOutcome::Closed, QueryError::PermissionsChanged)),
            Err(Short::Failed(QueryError::Cancelled)) => return Err(QueryError::Cancelled),
            Err(Short::Failed(error)) => Err((AuditOutcome::Failed, error)),
        };
        // An answer is whole only when the ledger says who got it.
        let (ends, answer) = match outcome {
            Ok(ends) => (ends, Ok(Attempt::Whole)),
            Err((ends, error)) => (ends, Err(error)),
        };
        if let Some(account) = account {
            account.close(ends).await?;
        }
        answer
    }

    /// Hands out the rows of each set of parameters, batch by batch.
    async fn hand_out(
        &self,
        view: &View,
        head: &mut Option<oneshot::Sender<Head>>,
        rows: &mpsc::Sender<Numbered>,
        telling: &mut Telling,
    ) -> Result<(), Short> {
        let sets = &self.statement.parameters;
        for at in 0..sets.len().max(1) {
            let plan = match sets.get(at) {
                Some(set) => view.plan.clone().replace_params_with_values(set),
                None => Ok(view.plan.clone()),
            };
            let plan = plan.map_err(|error| self.failed(error))?;
            let mut stream = begin(&view.state, &plan).await.map_err(|error| self.failed(error))?;
            let schema = columns(&plan);
            if let Some(head) = head.take() {
                let (schema, frontier) = (Arc::clone(&schema), view.frontier.clone());
                let _ = head.send(Head { schema, frontier, moment: view.moment, age: view.age });
            }
            while let Some(batch) = unless_taken(view, stream.next()).await? {
                let batch = announced(batch.map_err(|error| self.failed(error))?, &schema).map_err(Short::Failed)?;
                telling.count(batch.num_rows());
                if unless_taken(view, rows.send((view.attempt, batch))).await?.is_err() {
                    // Nobody reads any more.
                    return Err(Short::Failed(QueryError::Cancelled));
                }
            }
        }
        // What waits to be taken may still be taken back.
        match &view.opening {
            Some(opening) if opening.is_ended() && rows.capacity() < rows.max_capacity() => Err(Short::Taken),
            _ => Ok(()),
        }
    }

    fn outward(&self, error: datafusion::error::DataFusionError) -> QueryError {
        QueryError::from_datafusion(error, self.room.limits().memory_bytes)
    }
    fn failed(&self, error: datafusion::error::DataFusionError) -> Short {
        Short::Failed(self.outward(error))
    }
}

/// What comes, unless the view ends before.
async fn unless_taken<T>(view: &View, comes: impl Future<Output = T>) -> Result<T, Short> {
    let Some(opening) = &view.opening else { return Ok(comes.await) };
    tokio::select! {
        biased;
        () = opening.ended() => Err(Short::Taken),
        came = comes => Ok(came),
    }
}

/// The columns of a plan's answer, as they are announced before it runs. Each may hold NULL: values bound and plans
/// made later know better of some, and clients take the difference for another table.
pub(crate) fn columns(plan: &LogicalPlan) -> SchemaRef {
    let nullable = |field: &FieldRef| Arc::new(Field::clone(field).with_nullable(true));
    let fields = plan.schema().fields().iter().map(nullable).collect::<Vec<_>>();
    Arc::new(Schema::new_with_metadata(fields, plan.schema().metadata().clone()))
}

fn announced(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, QueryError> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let batch = RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options);
    batch.map_err(|_| QueryError::internal("columns"))
}

async fn begin(
    state: &SessionState,
    plan: &LogicalPlan,
) -> datafusion::error::Result<datafusion::execution::SendableRecordBatchStream> {
    let physical = state.create_physical_plan(plan).await?;
    execute_stream(physical, state.task_ctx())
}

// === AnswerRows ===

/// The rows of an answer. Dropping it ends the statement.
///
/// The stream ends only when the statement is whole; otherwise its last item is the error.
#[derive(Debug)]
pub struct AnswerRows {
    rows: mpsc::Receiver<Numbered>,
    /// Taken from the channel, and not given yet.
    next: Option<Numbered>,
    /// The last attempt of which a batch was not given, because its view had ended.
    stale: Option<u32>,
    course: Arc<Course>,
    task: tokio::task::AbortHandle,
    outcome: Outcome,
    ending: Ending,
    deadline: Option<(Pin<Box<Sleep>>, Duration)>,
    over: bool,
}

impl AnswerRows {
    pub(super) fn new(
        (rows, course): (mpsc::Receiver<Numbered>, Arc<Course>),
        task: tokio::task::AbortHandle,
        outcome: Outcome,
        ending: Ending,
    ) -> Self {
        Self { rows, next: None, stale: None, course, task, outcome, ending, deadline: None, over: false }
    }
    /// Gives up at `instant` even if the statement's task does not come to its own limit.
    pub(super) fn until(mut self, instant: Instant, limit: Duration) -> Self {
        self.deadline = Some((Box::pin(tokio::time::sleep_until(instant.into())), limit));
        self
    }
    /// Whether what is made of these rows may still be shown.
    pub(crate) fn course(&self) -> Arc<Course> {
        Arc::clone(&self.course)
    }
    /// What ends the statement from outside.
    pub fn ending(&self) -> Ending {
        self.ending.clone()
    }
}

impl AnswerRows {
    /// The next batch that may be given, or the end.
    fn poll_batch(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<RecordBatch, QueryError>>> {
        loop {
            let (attempt, batch) = match self.next.take() {
                Some(next) => next,
                None => match std::task::ready!(self.rows.poll_recv(context)) {
                    Some(next) => next,
                    None => {
                        self.over = true;
                        self.course.end();
                        return Poll::Ready(match self.outcome.0.get() {
                            // The statement had come to its end before the view did: nobody begins anew.
                            Some(Ok(_)) if self.stale.is_some_and(|stale| self.course.is_last(stale)) => {
                                Some(Err(QueryError::PermissionsChanged))
                            }
                            Some(Ok(_)) => None,
                            _ => Some(Err(self.outcome.error(&self.ending))),
                        });
                    }
                },
            };
            match self.course.give(attempt, context) {
                Poll::Ready(Giving::Given) => return Poll::Ready(Some(Ok(batch))),
                Poll::Ready(Giving::Stale) => self.stale = Some(attempt),
                Poll::Ready(Giving::Over) => {
                    self.over = true;
                    return Poll::Ready(Some(Err(QueryError::PermissionsChanged)));
                }
                Poll::Pending => {
                    self.next = Some((attempt, batch));
                    return Poll::Pending;
                }
            }
        }
    }
}

impl Stream for AnswerRows {
    type Item = Result<RecordBatch, QueryError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        if let Poll::Ready(item) = self.poll_batch(context) {
            return Poll::Ready(item);
        }
        if let Some((sleep, limit)) = &mut self.deadline {
            let limit = *limit;
            if sleep.as_mut().poll(context).is_ready() {
                self.over = true;
                self.task.abort();
                return Poll::Ready(Some(Err(QueryError::TooLong { limit })));
            }
        }
        Poll::Pending
    }
}

impl Drop for AnswerRows {
    fn drop(&mut self) {
        self.task.abort();
    }
}
