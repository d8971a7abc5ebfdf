//! A publishing stream that keeps many events under way and tells what became of each.

use super::Client;
use model::{Event, Frontier, Position};
use prost::Message as _;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use wire::v1;

/// How many events wait to be sent before the sender waits; the node holds back for itself.
const WAITING: usize = 1024;

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is durable at this position.
    Accepted(Position),
    /// It had been stored before, at this position.
    Duplicate(Position),
    /// It was refused.
    Refused {
        /// Why, from the node's closed list.
        reason: String,
        /// The field.
        field: String,
        /// The rule.
        rule: String,
    },
}

impl Answer {
    fn of(outcome: v1::publish_response::Outcome) -> Self {
        match outcome {
            v1::publish_response::Outcome::Accepted(v1::Accepted { position, duplicate }) => {
                let position = position.unwrap_or_default().into();
                if duplicate { Self::Duplicate(position) } else { Self::Accepted(position) }
            }
            v1::publish_response::Outcome::Refused(v1::Refused { reason, field, rule, quarantine_id: _ }) => {
                Self::Refused { reason, field, rule }
            }
        }
    }
    /// Where the event is stored.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Accepted(position) | Self::Duplicate(position) => Some(*position),
            Self::Refused { .. } => None,
        }
    }
}

/// Why a stream ended before every event was answered.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The node ended it.
    #[error("the node ended the stream after {answered} of {sent} events: {}: {}; sent again, they are stored once",
        status.code(), status.message())]
    Ended {
        /// Events answered.
        answered: u64,
        /// Events sent.
        sent: u64,
        /// The node's word.
        status: Box<tonic::Status>,
    },
    /// The node closed the stream without a word.
    #[error("the stream closed after {answered} of {sent} events; sent again, they are stored once")]
    Closed {
        /// Events answered.
        answered: u64,
        /// Events sent.
        sent: u64,
    },
}

/// One stream of events into a node.
#[derive(Debug)]
pub struct Publisher {
    sender: mpsc::Sender<v1::PublishRequest>,
    sent: u64,
    answers: JoinHandle<(u64, Option<tonic::Status>)>,
    reached: Arc<Mutex<Frontier>>,
}

impl Publisher {
    /// Opens the stream. `heed` is called with each answer and the number of its event, counted from 0.
    pub fn open(client: &Client, mut heed: impl FnMut(u64, Answer) + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        let mut ingest = client.ingest();
        let reached = Arc::new(Mutex::new(Frontier::start()));
        let seen = reached.clone();
        let answers = tokio::spawn(async move {
            let mut answered = 0;
            let mut responses = match ingest.publish(ReceiverStream::new(receiver)).await {
                Ok(response) => response.into_inner(),
                Err(status) => return (0, Some(status)),
            };
            while let Some(response) = responses.next().await {
                match response {
                    Ok(v1::PublishResponse { sequence, outcome }) => {
                        answered += 1;
                        let Some(outcome) = outcome else { continue };
                        let answer = Answer::of(outcome);
                        if let Some(position) = answer.position() {
                            seen.lock().unwrap_or_else(PoisonError::into_inner).include(position);
                        }
                        heed(sequence, answer);
                    }
                    Err(status) => return (answered, Some(status)),
                }
            }
            (answered, None)
        });
        Self { sender, sent: 0, answers, reached }
    }
    /// Sends one event; waits while too many are under way. Gives the event's number.
    ///
    /// # Errors
    /// When the node has ended the stream.
    pub async fn send(&mut self, event: &Event) -> Result<u64, PublishError> {
        let bytes = v1::Event::from(event).encode_to_vec();
        let request = v1::PublishRequest { event: bytes.into(), traceparent: String::new() };
        if self.sender.send(request).await.is_err() {
            return Err(self.why_ended().await);
        }
        self.sent += 1;
        Ok(self.sent - 1)
    }
    /// Everything acknowledged so far.
    pub fn reached(&self) -> Frontier {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    /// Waits until every event is answered and closes the stream. Gives what was reached.
    ///
    /// # Errors
    /// When the node ended the stream before.
    pub async fn finish(self) -> Result<Frontier, PublishError> {
        let Self { sender, sent, answers, reached } = self;
        drop(sender);
        let (answered, status) = answers.await.unwrap_or((0, None));
        match status {
            Some(status) => Err(PublishError::Ended { answered, sent, status: Box::new(status) }),
            None if answered < sent => Err(PublishError::Closed { answered, sent }),
            None => Ok(reached.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        }
    }
    async fn why_ended(&mut self) -> PublishError {
        let sent = self.sent;
        match (&mut self.answers).await {
            Ok((answered, Some(status))) => PublishError::Ended { answered, sent, status: Box::new(status) },
            Ok((answered, None)) => PublishError::Closed { answered, sent },
            Err(_) => PublishError::Closed { answered: 0, sent },
        }
    }
}

#[cfg(test)]
mod tests;
