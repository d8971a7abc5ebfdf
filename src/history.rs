//! The past: what had been stated, and which versions of records stood, as of an earlier place in the log.
//!
//! Nothing of it is kept beforehand. A book as of a frontier is made anew from the letters the store keeps for the book;
//! the versions of a patient's records come from the patient's partition of the log, where the tables may have dropped
//! them. Both are long work: few such questions are answered at a time, and each stops when nobody waits for it.

use crate::pipeline::{Rooms, read_letter};
use bytes::Bytes;
use consent_filter::{Book, Facts, ScopeClass};
use event_log::{PartitionKey, ReadError, ReadLimit, Stored};
use model::{
    Body, Category, ChangeKind, Event, Frontier, Moment, Offset, PartitionId, PatientRef, Position, Record, RecordId,
    RecordRef,
};
use parking_lot::RwLock;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use views::StoreError;

/// A place in the history, as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AsOf {
    /// What the log had taken in by this moment. A letter taken in at this very moment counts.
    Moment(Moment),
    /// What lies before this frontier.
    Frontier(Frontier),
    /// This letter and what lies before it in its partition; of the others what the log had taken in by then.
    Letter(Position),
}

/// A place in the history, found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What lies before it counts.
    pub frontier: Frontier,
    /// The moment it stands for, where it was asked for by one.
    pub moment: Option<Moment>,
}

/// Why the past cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// It is not past yet.
    #[error("the time asked for lies ahead of what the node has read of the log; ask again, or for an earlier one")]
    Ahead,
    /// The log has dropped its beginning.
    #[error(
        "the log no longer holds what was recorded before letter {first}; records as of an earlier time cannot be told"
    )]
    Gone {
        /// The first letter of the partition that is still there.
        first: Position,
    },
    /// The log cannot be read.
    #[error("the log cannot be read just now: {0}")]
    Log(#[from] ReadError),
    /// The store cannot be read.
    #[error("the record store cannot be read just now: {0}")]
    Store(#[from] StoreError),
    /// Nobody waits for the answer any more.
    #[error("the question was taken back")]
    Cancelled,
}

/// One record as it stood.
#[derive(Clone)]
pub struct PastRow {
    /// Whose.
    pub patient: PatientRef,
    /// Its id at its source.
    pub record: RecordId,
    /// Its version.
    pub version: u64,
    /// What a decision asks of it, besides its times.
    pub class: ScopeClass,
    /// When the fact was true.
    pub occurred: Moment,
    /// When the source wrote it down.
    pub recorded: Moment,
    /// Its letter's place in the log.
    pub position: Position,
}

/// A patient's records as they stood.
#[derive(Debug, Default)]
pub struct PastRows {
    /// By id.
    pub rows: Vec<PastRow>,
    /// Letters of the patient that could not be read.
    pub unreadable: u64,
}

/// Answers about the past.
#[derive(Debug)]
pub struct History {
    rooms: Rooms,
    /// The book made last: questions about one day follow each other.
    kept: tokio::sync::Mutex<Option<(Frontier, Arc<RwLock<Book>>)>>,
}

/// How long a read of the log may take; what is asked for is there, so that this is the broker's time to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often making a book is begun anew when commits have merged the letters meanwhile.
const ATTEMPTS: u32 = 3;

// === impl PastRow ===

impl PastRow {
    /// A version of a record, at its place.
    pub fn of(position: Position, record: &Record) -> Self {
        Self {
            patient: record.patient.clone(),
            record: record.id.clone(),
            version: record.version.get(),
            class: ScopeClass {
                source: record.patient.facility().clone(),
                category: record.category(),
                department: record.department.clone(),
                author_role: record.author.role,
                labels: record.labels,
            },
            occurred: record.occurred,
            recorded: record.recorded,
            position,
        }
    }
    /// Its kind.
    pub fn category(&self) -> Category {
        self.class.category
    }
    /// Its facts, if the book has numbers for its patient and its class.
    pub fn known_facts(&self, book: &Book) -> Option<Facts> {
        let (patient, class) = (book.find_patient(&self.patient)?, book.find_class(&self.class)?);
        Some(Facts { patient, class, occurred: self.occurred, recorded: self.recorded })
    }
    /// Its facts; gives numbers where there are none. For a book of the past: the node's own is numbered by its pipeline.
    pub fn facts(&self, book: &mut Book) -> Facts {
        let (patient, class) = (book.patient(&self.patient), book.class(&self.class));
        Facts { patient, class, occurred: self.occurred, recorded: self.recorded }
    }
}

// Redacted: the patient's number and the record's id are patient data.
impl std::fmt::Debug for PastRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PastRow")
            .field("position", &self.position)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

// === impl History ===

impl History {
    /// Over a node's rooms.
    pub fn new(rooms: Rooms) -> Self {
        Self { rooms, kept: tokio::sync::Mutex::new(None) }
    }

    // --- where ---

    /// Finds a place; `None` is now, as far as readers see.
    ///
    /// # Errors
    /// When it lies ahead, or the log cannot be read.
    pub async fn place(&self, as_of: Option<&AsOf>) -> Result<Place, HistoryError> {
        let now = self.rooms.store.frontier();
        match as_of {
            None => Ok(Place { frontier: now, moment: None }),
            Some(AsOf::Frontier(frontier)) if now.covers(frontier) => {
                Ok(Place { frontier: frontier.clone(), moment: None })
            }
            Some(AsOf::Moment(moment)) => {
                Ok(Place { frontier: self.frontier_at(*moment, &now).await?, moment: Some(*moment) })
            }
            Some(AsOf::Letter(position)) if now.includes(*position) => {
                let moment = self.appended_at(*position).await?;
                let others = self.frontier_at(moment, &now).await?;
                // Of its own partition everything up to it and nothing after, though the log took in more at that moment.
                let own = (position.partition, position.offset.next());
                let frontier = others.iter().filter(|(p, _)| *p != position.partition).chain([own]).collect();
                Ok(Place { frontier, moment: Some(moment) })
            }
            Some(AsOf::Frontier(_) | AsOf::Letter(_)) => Err(HistoryError::Ahead),
        }
    }

    /// When the log took a letter in.
    ///
    /// # Errors
    /// When the log does not hold it.
    pub async fn appended_at(&self, position: Position) -> Result<Moment, HistoryError> {
        Ok(self.letter(position).await?.appended_at)
    }

    async fn letter(&self, position: Position) -> Result<Stored, HistoryError> {
        let one = ReadLimit { letters: 1, bytes: 1 };
        let read = self.rooms.log.read(position.partition, position.offset, one, PATIENCE).await;
        let unavailable = || ReadError::Unavailable { reason: format!("no letter came at {position}") };
        let stored = read.map_err(gone(position.partition))?.into_iter().next().ok_or_else(unavailable)?;
        Ok(stored)
    }

    /// Of every partition what the log had taken in by a moment, at most `now`. Letters of a partition lie in the order in
    /// which they were taken in, so that the end is found by halving. Where the log's clock was set back, the end is one
    /// of the places at which later letters begin.
    async fn frontier_at(&self, moment: Moment, now: &Frontier) -> Result<Frontier, HistoryError> {
        let ends = now.iter().map(|(partition, end)| async move {
            let first = self.first(partition).await?;
            Ok::<_, HistoryError>((partition, self.end_between(partition, (first, end), moment).await?))
        });
        Ok(futures::future::try_join_all(ends).await?.into_iter().collect())
    }

    async fn end_between(
        &self,
        partition: PartitionId,
        (first, end): (Offset, Offset),
        moment: Moment,
    ) -> Result<Offset, HistoryError> {
        let (mut low, mut high) = (first.0, end.0);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.appended_at(Position { partition, offset: Offset(middle) }).await? <= moment {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(Offset(low))
    }

    /// The end of one partition at a moment: what the log had taken in by then lies before it.
    ///
    /// # Errors
    /// When the log no longer holds what it had then, or cannot be read.
    pub async fn end_at(&self, partition: PartitionId, moment: Moment) -> Result<Offset, HistoryError> {
        let first = self.first(partition).await?;
        let now = self.rooms.store.frontier();
        let end = now.iter().find(|(known, _)| *known == partition).map_or(first, |(_, end)| end);
        let found = self.end_between(partition, (first, end), moment).await?;
        if found == first && first.0 > 0 {
            return Err(HistoryError::Gone { first: Position { partition, offset: first } });
        }
        Ok(found)
    }

    /// The first letter of a partition that the log still holds.
    async fn first(&self, partition: PartitionId) -> Result<Offset, HistoryError> {
        let one = ReadLimit { letters: 1, bytes: 1 };
        match self.rooms.log.read(partition, Offset(0), one, Duration::ZERO).await {
            Ok(_) => Ok(Offset(0)),
            Err(ReadError::OutOfRange { first, .. }) => Ok(first),
            Err(error) => Err(error.into()),
        }
    }

    // --- the book ---

    /// The book as it stood at a frontier. Its numbers are its own; patients and classes of records get theirs when they
    /// are asked about.
    ///
    /// # Errors
    /// When a kept letter cannot be read from disk, or `stop` is cancelled.
    pub async fn book(&self, frontier: &Frontier, stop: &CancellationToken) -> Result<Arc<RwLock<Book>>, HistoryError> {
        let mut kept = self.kept.lock().await;
        if let Some((at, book)) = kept.as_ref()
            && at == frontier
        {
            return Ok(Arc::clone(book));
        }
        // The one kept is let go before another is made: there is room for one.
        *kept = None;
        let mut attempt = 0;
        let book = loop {
            attempt += 1;
            let letters = self.rooms.store.book_letters().await;
            let (until, stop) = (frontier.clone(), stop.clone());
            let made = tokio::task::spawn_blocking(move || make(letters, &until, &stop)).await;
            match made.map_err(|_| HistoryError::Cancelled)? {
                Err(HistoryError::Store(error)) if attempt < ATTEMPTS => {
                    tracing::debug!(%error, "letters of the book were merged while they were read; begun anew");
                }
                made => break Arc::new(RwLock::new(made?)),
            }
        };
        *kept = Some((frontier.clone(), Arc::clone(&book)));
        Ok(book)
    }

    // --- the records ---

    /// A patient's records as they stood at a frontier: the log's letters of that patient, folded. `progress` is told of
    /// letters read and to be read, and stops the reading by answering `false`.
    ///
    /// A record that a later version moved to another number of the source stays with the patient up to that version.
    ///
    /// # Errors
    /// When the log cannot be read, or no longer holds its beginning.
    pub async fn rows(
        &self,
        patient: &PatientRef,
        frontier: &Frontier,
        mut progress: impl FnMut(u64, u64) -> bool,
    ) -> Result<PastRows, HistoryError> {
        let mut fold = Fold::default();
        self.read_patient(&patient_key(patient), frontier, &mut progress, |stored| fold.take(stored, None)).await?;
        let moved = self.moved(patient, &fold).await?;
        for (key, records) in moved {
            let mut elsewhere = Fold::default();
            self.read_patient(&key, frontier, &mut progress, |stored| elsewhere.take(stored, Some(&records))).await?;
            fold.drop_older_than(&elsewhere);
        }
        Ok(fold.end())
    }

    /// Gives every letter under a patient's key before `frontier` to `take`.
    async fn read_patient(
        &self,
        key: &PartitionKey,
        frontier: &Frontier,
        progress: &mut impl FnMut(u64, u64) -> bool,
        mut take: impl FnMut(Stored),
    ) -> Result<(), HistoryError> {
        let partition = self.rooms.log.partition_of(key);
        let end = frontier.next(partition);
        let mut at = Offset(0);
        while at < end {
            if !progress(at.0, end.0) {
                return Err(HistoryError::Cancelled);
            }
            let read = self.rooms.log.read(partition, at, ReadLimit::default(), PATIENCE).await;
            let letters = read.map_err(gone(partition))?;
            let Some(last) = letters.last() else {
                let reason = format!("no letter came at {partition}:{at}");
                return Err(ReadError::Unavailable { reason }.into());
            };
            at = last.position.offset.next();
            let before = |stored: &Stored| stored.position.offset < end && stored.letter.key == *key;
            letters.into_iter().filter(before).for_each(&mut take);
        }
        Ok(())
    }

    /// Records of the fold whose standing version is another patient's by now, by that patient's key.
    async fn moved(
        &self,
        patient: &PatientRef,
        fold: &Fold,
    ) -> Result<Vec<(PartitionKey, Vec<RecordId>)>, HistoryError> {
        let own = patient_key(patient);
        let mut moved: HashMap<Bytes, Vec<RecordId>> = HashMap::new();
        for (id, held) in &fold.held {
            let record = RecordRef { source: patient.facility().clone(), id: id.clone() };
            let standing = self.rooms.store.standing_of(&record)?;
            let Some(standing) = standing.filter(|standing| standing.version > held.row.version) else { continue };
            if let PartitionKey::Patient(key) = self.letter(standing.position).await?.letter.key
                && PartitionKey::Patient(key.clone()) != own
            {
                moved.entry(key).or_default().push(id.clone());
            }
        }
        Ok(moved.into_iter().map(|(key, records)| (PartitionKey::Patient(key), records)).collect())
    }

    /// One record as it stood at a frontier; `None` where none of that name stood. The record is looked for among those of
    /// the patient it belongs to now.
    ///
    /// # Errors
    /// As for [`History::rows`].
    pub async fn row(&self, record: &RecordRef, frontier: &Frontier) -> Result<Option<PastRow>, HistoryError> {
        let Some(standing) = self.rooms.store.standing_of(record)? else { return Ok(None) };
        let stored = self.letter(standing.position).await?;
        let Ok(Event { body: Body::Record(now), .. }) = read_letter(stored.letter.payload) else { return Ok(None) };
        if frontier.includes(standing.position) {
            // What stands now stood then: a version that is in the log is never taken out of it.
            let stood = now.change() != ChangeKind::Delete;
            return Ok(stood.then(|| PastRow::of(standing.position, &now)));
        }
        let rows = self.rows(&now.patient, frontier, |_, _| true).await?.rows;
        Ok(rows.into_iter().find(|row| row.record == record.id))
    }
}

fn patient_key(patient: &PatientRef) -> PartitionKey {
    PartitionKey::Patient(Bytes::from(patient.partition_key()))
}

/// What the log says of letters it has dropped.
fn gone(partition: PartitionId) -> impl Fn(ReadError) -> HistoryError {
    move |error| match error {
        ReadError::OutOfRange { first, from, .. } if from < first => {
            HistoryError::Gone { first: Position { partition, offset: first } }
        }
        error => error.into(),
    }
}

/// Applies the letters before a frontier to a new book.
fn make(letters: views::BookLetters, until: &Frontier, stop: &CancellationToken) -> Result<Book, HistoryError> {
    let mut book = Book::new();
    for (at, letter) in letters.enumerate() {
        if at % 1024 == 0 && stop.is_cancelled() {
            return Err(HistoryError::Cancelled);
        }
        let (position, payload) = letter?;
        // One that cannot be read permits nothing, now as then.
        if until.includes(position)
            && let Ok(event) = read_letter(payload)
        {
            let _ = book.apply(position, &event.body);
        }
    }
    Ok(book)
}

/// The versions of a patient's records so far.
#[derive(Default)]
struct Fold {
    held: BTreeMap<RecordId, Held>,
    unreadable: u64,
}

struct Held {
    row: PastRow,
    deleted: bool,
}

impl Fold {
    /// A higher version wins in any order of arrival; between equal versions the one earlier in the log wins. Of some
    /// records only, where they are named.
    fn take(&mut self, stored: Stored, only: Option<&[RecordId]>) {
        let position = stored.position;
        let record = match read_letter(stored.letter.payload) {
            Ok(Event { body: Body::Record(record), .. }) => record,
            Ok(_) => return,
            Err(_) => {
                self.unreadable += 1;
                return;
            }
        };
        if only.is_some_and(|only| !only.contains(&record.id)) {
            return;
        }
        let deleted = record.change() == ChangeKind::Delete;
        let next = Held { row: PastRow::of(position, &record), deleted };
        let order = |held: &Held| (held.row.version, Reverse(held.row.position));
        match self.held.get_mut(&next.row.record) {
            Some(held) if order(held) < order(&next) => *held = next,
            Some(_) => {}
            None => {
                self.held.insert(next.row.record.clone(), next);
            }
        }
    }
    /// Lets go of what had a higher version elsewhere.
    fn drop_older_than(&mut self, elsewhere: &Self) {
        self.held.retain(|id, held| elsewhere.held.get(id).is_none_or(|other| other.row.version <= held.row.version));
    }
    fn end(self) -> PastRows {
        let rows = self.held.into_values().filter(|held| !held.deleted).map(|held| held.row).collect();
        PastRows { rows, unreadable: self.unreadable }
    }
}

#[cfg(test)]
mod tests;
