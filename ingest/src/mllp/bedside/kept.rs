//! What is known of a bed, and where that is kept.

use super::Key;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use model::{BedSession, Body, Moment, Payload, Record};
use prost::Message;
use std::path::Path;

/// What is known of a bed.
pub(super) struct Kept {
    /// Its newest record.
    pub record: Record,
    /// What that states.
    pub bed: BedSession,
    /// The first moment after its newest sample, by the source's clock.
    pub until: Moment,
    /// When something came last, by ours.
    pub heard: Moment,
    /// Whether the record is durable.
    pub durable: bool,
    /// Whether something came since this was written.
    pub newer: bool,
}

impl Kept {
    pub fn key(&self) -> Key {
        (self.record.patient.clone(), self.bed.session.clone())
    }
}

/// Why it is not known which beds are open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "which beds are open cannot be read or written: {reason}; where it is deleted, each open bed's next frame opens another"
)]
pub struct BedsideError {
    reason: String,
}

impl From<fjall::Error> for BedsideError {
    fn from(error: fjall::Error) -> Self {
        Self { reason: error.to_string() }
    }
}

/// A bed as it is stored.
#[derive(Clone, PartialEq, Message)]
struct Stored {
    /// `ajisai.v1.Event`.
    #[prost(bytes = "vec", tag = "1")]
    event: Vec<u8>,
    #[prost(sfixed64, tag = "2")]
    until_us: i64,
    #[prost(sfixed64, tag = "3")]
    heard_us: i64,
    #[prost(bool, tag = "4")]
    durable: bool,
}

/// Where it is kept.
pub(super) struct Shelf {
    database: Database,
    beds: Keyspace,
}

fn key(kept: &Kept) -> Vec<u8> {
    let (patient, session) = kept.key();
    [patient.facility().as_str(), patient.number().as_str(), &session].join("\0").into_bytes()
}

impl Shelf {
    pub fn open(directory: &Path) -> Result<Self, BedsideError> {
        let database = Database::builder(directory).cache_size(1 << 20).worker_threads(1).open()?;
        let beds = database.keyspace("beds", || KeyspaceCreateOptions::default().max_memtable_size(1 << 20))?;
        Ok(Self { database, beds })
    }

    pub fn all(&self) -> Result<Vec<Kept>, BedsideError> {
        let mut all = Vec::new();
        for item in self.beds.iter() {
            let (_, value) = item.into_inner()?;
            let damaged = || BedsideError { reason: "an entry is damaged".to_owned() };
            let stored = Stored::decode(&*value).map_err(|_| damaged())?;
            let event = wire::read_event(stored.event.into()).map_err(|_| damaged())?;
            let Body::Record(record) = event.body else { return Err(damaged()) };
            let moment = |micros| Moment::from_micros(micros).map_err(|_| damaged());
            let (until, heard) = (moment(stored.until_us)?, moment(stored.heard_us)?);
            let Some(Payload::Bed(bed)) = record.payload() else { return Err(damaged()) };
            let bed = bed.clone();
            all.push(Kept { record: *record, bed, until, heard, durable: stored.durable, newer: false });
        }
        Ok(all)
    }

    pub fn put<'k>(&self, all: impl Iterator<Item = &'k Kept>) -> Result<(), BedsideError> {
        let mut batch = self.database.batch();
        for kept in all {
            let Ok(event) = crate::fhir::event(kept.record.clone(), kept.record.recorded) else { continue };
            let (until_us, heard_us, durable) = (kept.until.micros(), kept.heard.micros(), kept.durable);
            let stored = Stored { event: wire::write_event(&event).into(), until_us, heard_us, durable };
            batch.insert(&self.beds, key(kept), stored.encode_to_vec());
        }
        batch.commit()?;
        Ok(self.database.persist(PersistMode::Buffer)?)
    }

    pub fn remove(&self, kept: &Kept) -> Result<(), BedsideError> {
        Ok(self.beds.remove(key(kept))?)
    }
}
