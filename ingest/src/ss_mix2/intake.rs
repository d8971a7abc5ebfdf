//! Taking what is found: events through the door, the rest set aside, and only then noted as dealt with.

use super::cursor::{Changes, Cursor, FileKey, Outcome, Seen};
use super::folder::{Body, Folder, Found};
use super::kind::Kind;
use super::place::place;
use super::plan::{Interpreter, Plan, Planner};
use super::sweep::{TakeError, Taker};
use crate::door::{Door, DoorError, Published};
use crate::error::AdmissionError;
use crate::refusal::Refusal;
use crate::replay::Replayer;
use bytes::Bytes;
use model::{Position, Principal};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Handle;

/// How many files of a type came to what.
pub type Counts = BTreeMap<(String, Outcome), u64>;

/// Takes what a storage's sweeper or follower finds.
pub struct Intake {
    cursor: Arc<Cursor>,
    interpreter: Arc<dyn Interpreter>,
    door: Arc<dyn Door>,
    runtime: Handle,
    counts: Mutex<Counts>,
    files: Counter<u64>,
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").field("counts", &self.counts.lock()).finish_non_exhaustive()
    }
}

/// Why files are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// They were found.
    Found,
    /// A person sends one out of quarantine.
    Replayed,
}

/// What became of the files of a plan.
struct Done {
    positions: Vec<Position>,
    refused: Option<Refusal>,
}

impl Intake {
    /// An intake that notes in `cursor`. The runtime carries the door's work; [`Taker::take`] is called outside of it.
    pub fn new(cursor: Arc<Cursor>, interpreter: Arc<dyn Interpreter>, door: Arc<dyn Door>, runtime: Handle) -> Self {
        let files = opentelemetry::global::meter("ajisai.ingest")
            .u64_counter("ajisai.ingest.ss_mix2.files")
            .with_description("Files of SS-MIX2 storages that were dealt with, by type and outcome")
            .build();
        Self { cursor, interpreter, door, runtime, counts: Mutex::default(), files }
    }

    /// How many files of each type came to what since the start.
    pub fn counts(&self) -> Counts {
        self.counts.lock().clone()
    }

    fn plan(&self, folders: Vec<Folder>) -> Result<Plan, TakeError> {
        let planner =
            Planner { facility: self.door.facility(), cursor: &self.cursor, interpreter: self.interpreter.as_ref() };
        planner.plan(folders).map_err(|error| TakeError { reason: error.to_string() })
    }

    /// Brings events to the door; those of a replay so that what is refused again is not kept again.
    async fn bring(&self, events: Vec<Bytes>, cause: Cause) -> Result<Vec<Published>, DoorError> {
        if cause == Cause::Found {
            return self.door.publish(events).await;
        }
        let mut published = Vec::with_capacity(events.len());
        for event in events {
            published.push(self.door.republish(event).await?);
        }
        Ok(published)
    }

    /// Makes a plan come true. The cursor is written last: what was lost before is found again.
    async fn carry_out(&self, plan: Plan, cause: Cause) -> Result<Done, DoorError> {
        let Plan { events, aside, mut files, mut changes, .. } = plan;
        let mut done = Done { positions: Vec::new(), refused: aside.first().map(|aside| aside.refusal.clone()) };
        if !aside.is_empty() {
            self.door.set_aside(aside).await?;
        }
        let (places, events): (Vec<usize>, Vec<Bytes>) = events.into_iter().unzip();
        if !events.is_empty() {
            let published = self.bring(events, cause).await?;
            for (file, published) in places.into_iter().zip(published) {
                match published {
                    Published::Accepted(position) => done.positions.push(position),
                    Published::Queued => {}
                    Published::Refused(refusal) => {
                        if let Some((_, seen, _)) = files.get_mut(file) {
                            seen.outcome = Outcome::Refused;
                        }
                        done.refused.get_or_insert(refusal);
                    }
                }
            }
        }
        {
            let mut counts = self.counts.lock();
            for (_, seen, kind) in &files {
                *counts.entry((kind.clone(), seen.outcome)).or_default() += 1;
                // An extended type is whatever its storage calls it: no closed list, and perhaps a number that names somebody.
                let standard = Kind::ALL.iter().map(|kind| kind.code()).chain(["?"]).find(|code| code == kind);
                let labels = [
                    KeyValue::new("type", standard.unwrap_or("extended")),
                    KeyValue::new("outcome", seen.outcome.code()),
                ];
                self.files.add(1, &labels);
            }
        }
        changes.seen = files.into_iter().map(|(key, seen, _)| (key, seen)).collect();
        let cursor = Arc::clone(&self.cursor);
        let noted = tokio::task::spawn_blocking(move || cursor.commit(&changes)).await;
        match noted {
            Ok(Ok(())) => Ok(done),
            Ok(Err(error)) => Err(DoorError { reason: error.to_string() }),
            Err(error) => Err(DoorError { reason: error.to_string() }),
        }
    }
}

impl Taker for Intake {
    fn take(&self, folders: Vec<Folder>) -> Result<(), TakeError> {
        let plan = self.plan(folders)?;
        let done = self.runtime.block_on(self.carry_out(plan, Cause::Found));
        done.map(|_| ()).map_err(|error| TakeError { reason: error.to_string() })
    }
}

#[tonic::async_trait]
impl Replayer for Intake {
    async fn replay(
        &self,
        _: &Principal,
        name: &str,
        bytes: Bytes,
    ) -> Result<Result<Vec<Position>, Refusal>, AdmissionError> {
        let unavailable = |reason: String| AdmissionError::Unavailable { reason };
        let (volume, path) = name.split_once(": ").unwrap_or(("", name));
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let known = self.cursor.in_folder(volume, folder).map_err(|error| unavailable(error.to_string()))?;
        let seen = known.into_iter().find(|(known, _)| known == file).map(|(_, seen)| seen);
        let hash = xxhash_rust::xxh3::xxh3_128(&bytes);
        let found = Found {
            name: file.to_owned(),
            place: place(Path::new(path)),
            body: Body::File(bytes),
            print: seen.map_or(super::cursor::Print { modified_us: 0, size: 0 }, |seen| seen.print),
            hash,
        };
        let folder =
            Folder { volume: volume.to_owned(), path: folder.to_owned(), found: vec![found], ..Folder::default() };
        let key = FileKey::new(volume, &folder.path, file);
        let mut plan = self.plan(vec![folder]).map_err(|error| unavailable(error.to_string()))?;
        // It is in quarantine already, and stays there.
        if let Some(aside) = plan.aside.pop() {
            return Ok(Err(aside.refusal));
        }
        // The file itself has not changed by being replayed, edited or not.
        plan.files.clear();
        plan.changes.seen.clear();
        let done = self.carry_out(plan, Cause::Replayed).await.map_err(|error| unavailable(error.to_string()))?;
        if let Some(refusal) = done.refused {
            return Ok(Err(refusal));
        }
        if let Some(seen) = seen {
            let seen = Seen { outcome: Outcome::Taken, ..seen };
            let changes = Changes { seen: vec![(key, seen)], ..Changes::default() };
            self.cursor.commit(&changes).map_err(|error| unavailable(error.to_string()))?;
        }
        Ok(Ok(done.positions))
    }
}
