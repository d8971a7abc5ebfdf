//! `QueryService`: SQL in, one Arrow IPC stream out, between a header and a footer.

use crate::QueryError;
use crate::freshness::AtLeast;
use crate::principal::caller;
use crate::session::{Answer, AnswerRows, Door, ReadingRoom, Statement, shown};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tonic::{Request, Response, Status};
use wire::v1::query_response::Part;
use wire::v1::query_service_server::{QueryService, QueryServiceServer};
use wire::v1::{QueryFooter, QueryHeader, QueryRequest, QueryResponse};

/// At most this much of the Arrow stream goes into one message: far below gRPC's usual limit of 4 MiB.
const PIECE: usize = 1024 * 1024;

/// Answers `QueryService`.
#[derive(Debug, Clone)]
pub struct QueryDesk {
    room: Arc<ReadingRoom>,
}

impl QueryDesk {
    /// The service over a room.
    pub fn service(room: Arc<ReadingRoom>) -> QueryServiceServer<Self> {
        QueryServiceServer::new(Self { room })
    }
}

#[tonic::async_trait]
impl QueryService for QueryDesk {
    type QueryStream = BoxStream<'static, Result<QueryResponse, Status>>;

    async fn query(&self, request: Request<QueryRequest>) -> Result<Response<Self::QueryStream>, Status> {
        let principal = caller(&request)?;
        let QueryRequest { sql, at_least, wait_ms, timeout_ms } = request.into_inner();
        let mut statement = Statement::new(self.room.read(&sql).await?, Door::Grpc);
        let frontier = at_least.map(model::Frontier::from).unwrap_or_default();
        statement.at_least = AtLeast::new(frontier, milliseconds(wait_ms));
        statement.timeout = milliseconds(timeout_ms);
        let answer = self.room.run(&principal, statement).await?;
        let course = answer.rows.course();
        Ok(Response::new(shown(IpcAnswer::new(answer)?, course, Status::from).boxed()))
    }
}

/// A wish in milliseconds, of which 0 means none.
fn milliseconds(number: u32) -> Option<Duration> {
    (number > 0).then(|| Duration::from_millis(u64::from(number)))
}

// === IpcAnswer ===

/// The answer's messages: header, pieces, footer. An error ends it without a footer.
struct IpcAnswer {
    ready: VecDeque<QueryResponse>,
    rows: AnswerRows,
    /// `None` once the stream was finished.
    writer: Option<StreamWriter<Vec<u8>>>,
    count: u64,
    over: bool,
}

impl IpcAnswer {
    fn new(answer: Answer) -> Result<Self, QueryError> {
        let Answer { schema, frontier, moment, age, rows } = answer;
        let header = QueryHeader {
            frontier: Some((&frontier).into()),
            moment_us: moment.micros(),
            age_us: u64::try_from(age.as_micros()).unwrap_or(u64::MAX),
        };
        let writer = StreamWriter::try_new(Vec::new(), &schema).map_err(unwritable)?;
        let mut answer = Self { ready: VecDeque::new(), rows, writer: Some(writer), count: 0, over: false };
        answer.ready.push_back(part(Part::Header(header)));
        answer.take_written();
        Ok(answer)
    }

    /// Cuts what the writer has written into pieces.
    fn take_written(&mut self) {
        let Some(writer) = &mut self.writer else { return };
        let mut written = Bytes::from(std::mem::take(writer.get_mut()));
        while !written.is_empty() {
            let piece = written.split_to(written.len().min(PIECE));
            self.ready.push_back(part(Part::ArrowIpc(piece)));
        }
    }

    fn take_batch(&mut self, batch: &arrow::record_batch::RecordBatch) -> Result<(), QueryError> {
        if let Some(writer) = &mut self.writer {
            writer.write(batch).map_err(unwritable)?;
            self.count += batch.num_rows() as u64;
        }
        self.take_written();
        Ok(())
    }

    fn finish(&mut self) -> Result<(), QueryError> {
        if let Some(writer) = &mut self.writer {
            writer.finish().map_err(unwritable)?;
        }
        self.take_written();
        self.writer = None;
        self.ready.push_back(part(Part::Footer(QueryFooter { rows: self.count })));
        Ok(())
    }
}

impl Stream for IpcAnswer {
    type Item = Result<QueryResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(response) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(response)));
            }
            if self.over {
                return Poll::Ready(None);
            }
            let step = match std::task::ready!(self.rows.poll_next_unpin(context)) {
                Some(Ok(batch)) => self.take_batch(&batch),
                Some(Err(error)) => Err(error),
                None => {
                    self.over = true;
                    self.finish()
                }
            };
            if let Err(error) = step {
                self.over = true;
                self.ready.clear();
                return Poll::Ready(Some(Err(error.into())));
            }
        }
    }
}

fn part(part: Part) -> QueryResponse {
    QueryResponse { part: Some(part) }
}

fn unwritable(_: ArrowError) -> QueryError {
    QueryError::internal("arrow ipc")
}
