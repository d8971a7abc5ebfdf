//! A statement on its way: planned, run and handed out row by row, each step within its limit.

use super::account::Account;
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
}

impl Work {
    pub(super) async fn run(self, head: oneshot::Sender<Head>, rows: mpsc::Sender<RecordBatch>) {
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
        rows: &mpsc::Sender<RecordBatch>,
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
        rows: &mpsc::Sender<RecordBatch>,
        telling: &mut Telling,
    ) -> Result<(), QueryError> {
        let memory = self.room.limits().memory_bytes;
        let outward = |error| QueryError::from_datafusion(error, memory);
        let (state, Seen { frontier, moment, age, tally }) = self.room.state_of_view(&self.principal)?;
        let plan = plan(&state, &self.statement.reading).await.map_err(outward)?;
        let witness = self.room.source().witness();
        let mut account = witness.map(|witness| {
            Account::open(witness, &self.principal, &self.statement.reading, tally, (&frontier, moment))
        });

        let sets = &self.statement.parameters;
        for at in 0..sets.len().max(1) {
            let plan = match sets.get(at) {
                Some(set) => plan.clone().replace_params_with_values(set).map_err(outward)?,
                None => plan.clone(),
            };
            let mut stream = begin(&state, &plan).await.map_err(outward)?;
            let schema = columns(&plan);
            if let Some(head) = head.take() {
                let _ = head.send(Head { schema: Arc::clone(&schema), frontier: frontier.clone(), moment, age });
            }
            while let Some(batch) = stream.next().await {
                let batch = match batch {
                    Ok(batch) => announced(batch, &schema)?,
                    Err(error) => {
                        if let Some(account) = account.take() {
                            account.close(AuditOutcome::Failed).await?;
                        }
                        return Err(outward(error));
                    }
                };
                telling.count(batch.num_rows());
                if rows.send(batch).await.is_err() {
                    // Nobody reads any more.
                    return Err(QueryError::Cancelled);
                }
            }
        }
        // An answer is whole only when the ledger says who got it.
        match account {
            Some(account) => account.close(AuditOutcome::Completed).await,
            None => Ok(()),
        }
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
    rows: mpsc::Receiver<RecordBatch>,
    task: tokio::task::AbortHandle,
    outcome: Outcome,
    ending: Ending,
    deadline: Option<(Pin<Box<Sleep>>, Duration)>,
    over: bool,
}

impl AnswerRows {
    pub(super) fn new(
        rows: mpsc::Receiver<RecordBatch>,
        task: tokio::task::AbortHandle,
        outcome: Outcome,
        ending: Ending,
    ) -> Self {
        Self { rows, task, outcome, ending, deadline: None, over: false }
    }
    /// Gives up at `instant` even if the statement's task does not come to its own limit.
    pub(super) fn until(mut self, instant: Instant, limit: Duration) -> Self {
        self.deadline = Some((Box::pin(tokio::time::sleep_until(instant.into())), limit));
        self
    }
    /// What ends the statement from outside.
    pub fn ending(&self) -> Ending {
        self.ending.clone()
    }
}

impl Stream for AnswerRows {
    type Item = Result<RecordBatch, QueryError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        if let Poll::Ready(item) = self.rows.poll_recv(context) {
            if let Some(batch) = item {
                return Poll::Ready(Some(Ok(batch)));
            }
            self.over = true;
            return Poll::Ready(match self.outcome.0.get() {
                Some(Ok(_)) => None,
                _ => Some(Err(self.outcome.error(&self.ending))),
            });
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
