//! What the door refused, kept aside so that it can be shown, corrected and sent again.
//!
//! Kept per facility and in the order it came, durably before the refusal is answered. A facility that fills its
//! share is told so with each further refusal; what others keep is not touched.

use crate::refusal::Refusal;
use bytes::Bytes;
use event_log::Clock;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use model::{FacilityId, Moment, Position};
use parking_lot::Mutex;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use uuid::Uuid;
use wire::v1;

/// Why something could not be kept or shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuarantineError {
    /// The facility's share is used up.
    #[error("the facility's quarantine is full ({limit} bytes): replay or discard what is there")]
    Full {
        /// The share, in bytes.
        limit: u64,
    },
    /// There is no such event for this facility.
    #[error("no such event in the quarantine of the caller's facility")]
    NotFound,
    /// The storage failed.
    #[error("the quarantine's storage failed: {reason}")]
    Storage {
        /// What it said.
        reason: String,
    },
}

impl From<fjall::Error> for QuarantineError {
    fn from(error: fjall::Error) -> Self {
        Self::Storage { reason: error.to_string() }
    }
}

/// What quarantined bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Form {
    /// `ajisai.v1.Event`.
    Event,
    /// An HL7 v2 message.
    Hl7v2,
    /// A file of an SS-MIX2 storage.
    SsMix2,
    /// A FHIR resource.
    Fhir,
}

impl Form {
    /// Its name on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Hl7v2 => "hl7v2",
            Self::SsMix2 => "ss-mix2",
            Self::Fhir => "fhir",
        }
    }
}

/// Something to keep aside: refused before it was an event, or as one.
#[derive(Clone)]
pub struct Aside {
    /// What its bytes are.
    pub form: Form,
    /// The bytes as they came.
    pub bytes: Bytes,
    /// Why it was refused.
    pub refusal: Refusal,
    /// Where it came from, as far as that names no patient.
    pub origin: String,
    /// What it is called at its source; may be empty. Patient data.
    pub name: String,
}

// Redacted: name and bytes are patient data.
impl std::fmt::Debug for Aside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aside")
            .field("form", &self.form)
            .field("refusal", &self.refusal)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// How much is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QuarantineSize {
    /// Events.
    pub events: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What was refused for one reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RefusedCount {
    /// How many wait in quarantine.
    pub waiting: u64,
    /// How many have left it by being replayed.
    pub replayed: u64,
}

#[derive(Clone)]
struct Open {
    database: Database,
    /// What is known of each event: `facility \0 id` → `v1::Quarantined`.
    heads: Keyspace,
    /// Their bytes, under the same keys.
    bodies: Keyspace,
    /// What they are called at their source, where they are called something.
    names: Keyspace,
    /// What has left by being replayed: `v1::Replayed`, under the same keys.
    replayed: Keyspace,
}

#[derive(Default)]
struct State {
    open: Option<Open>,
    sizes: HashMap<FacilityId, QuarantineSize>,
}

/// The quarantine. Every call may touch the disk: call it where blocking is allowed.
pub struct Quarantine {
    directory: PathBuf,
    share: u64,
    clock: Clock,
    state: Mutex<State>,
}

fn key(facility: &FacilityId, id: Uuid) -> Vec<u8> {
    let mut key = prefix(facility);
    key.extend_from_slice(id.as_bytes());
    key
}

fn prefix(facility: &FacilityId) -> Vec<u8> {
    let mut key = facility.as_str().as_bytes().to_vec();
    key.push(0);
    key
}

fn read_head(bytes: &[u8]) -> Result<v1::Quarantined, QuarantineError> {
    v1::Quarantined::decode(bytes).map_err(|error| QuarantineError::Storage { reason: error.to_string() })
}

/// A page of one facility's entries, after the entry `after`.
fn page<M: Message + Default>(
    entries: &Keyspace,
    facility: &FacilityId,
    after: &str,
    limit: usize,
) -> Result<Vec<M>, QuarantineError> {
    let prefix = prefix(facility);
    let mut from = prefix.clone();
    if !after.is_empty() {
        from.extend_from_slice(parse(after)?.as_bytes());
        // The first key after it: keys are all of one length.
        from.push(0);
    }
    let mut found = Vec::new();
    for item in entries.range(from..) {
        let (key, value) = item.into_inner()?;
        if !key.starts_with(&prefix) || found.len() == limit {
            break;
        }
        let damaged = |error: prost::DecodeError| QuarantineError::Storage { reason: error.to_string() };
        found.push(M::decode(&*value).map_err(damaged)?);
    }
    Ok(found)
}

fn parse(id: &str) -> Result<Uuid, QuarantineError> {
    Uuid::try_parse(id).map_err(|_| QuarantineError::NotFound)
}

impl Quarantine {
    /// Opens the quarantine in `directory`; each facility may keep `share` bytes there.
    ///
    /// # Errors
    /// When the storage cannot be opened or read.
    pub fn open(directory: &Path, share: u64, clock: Clock) -> Result<Self, QuarantineError> {
        let open = Open::at(directory)?;
        let mut sizes: HashMap<FacilityId, QuarantineSize> = HashMap::new();
        for item in open.heads.iter() {
            let head = read_head(&item.value()?)?;
            if let Ok(facility) = FacilityId::parse(&head.facility) {
                let size = sizes.entry(facility).or_default();
                size.events += 1;
                size.bytes += head.size;
            }
        }
        let state = Mutex::new(State { open: Some(open), sizes });
        Ok(Self { directory: directory.to_owned(), share, clock, state })
    }

    /// Keeps refused events of one facility aside, durably when it returns. One answer each: its id, or why it is not
    /// kept.
    pub(crate) fn keep(&self, facility: &FacilityId, refused: &[Aside]) -> Vec<Result<String, QuarantineError>> {
        let mut state = self.state.lock();
        let open = match state.reopened(&self.directory) {
            Ok(open) => open,
            Err(error) => return refused.iter().map(|_| Err(error.clone())).collect(),
        };
        let size = state.sizes.entry(facility.clone()).or_default();
        let before = *size;
        let mut batch = open.database.batch().durability(Some(PersistMode::SyncData));
        let mut answers = Vec::with_capacity(refused.len());
        for Aside { form, bytes, refusal, origin, name } in refused {
            let length = (bytes.len() + name.len()) as u64;
            if size.bytes.saturating_add(length) > self.share {
                answers.push(Err(QuarantineError::Full { limit: self.share }));
                continue;
            }
            let id = Uuid::now_v7();
            let head = v1::Quarantined {
                id: id.to_string(),
                received_us: (self.clock)().micros(),
                facility: facility.as_str().to_owned(),
                reason: refusal.reason.code().to_owned(),
                field: refusal.field.clone(),
                rule: refusal.rule.clone(),
                size: length,
                form: form.code().to_owned(),
                origin: origin.clone(),
            };
            let key = key(facility, id);
            answers.push(Ok(head.id.clone()));
            batch.insert(&open.heads, key.clone(), head.encode_to_vec());
            if !name.is_empty() {
                batch.insert(&open.names, key.clone(), name.as_bytes());
            }
            batch.insert(&open.bodies, key, bytes.as_ref());
            size.events += 1;
            size.bytes += length;
        }
        if let Err(error) = batch.commit() {
            *size = before;
            state.open = None;
            let error = QuarantineError::from(error);
            return answers.into_iter().map(|answer| answer.and(Err(error.clone()))).collect();
        }
        answers
    }

    /// What is kept of a facility, after `after`, at most `limit`, in the order it came.
    pub(crate) fn list(
        &self,
        facility: &FacilityId,
        after: &str,
        limit: usize,
    ) -> Result<Vec<v1::Quarantined>, QuarantineError> {
        let open = self.state.lock().reopened(&self.directory)?;
        page(&open.heads, facility, after, limit)
    }

    /// What of a facility has left by being replayed, after `after`, at most `limit`, in the order it had come.
    pub(crate) fn list_replayed(
        &self,
        facility: &FacilityId,
        after: &str,
        limit: usize,
    ) -> Result<Vec<v1::Replayed>, QuarantineError> {
        let open = self.state.lock().reopened(&self.directory)?;
        page(&open.replayed, facility, after, limit)
    }

    /// What of a facility came from one moment to before another and was refused, by reason. What was discarded is not
    /// known any more.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub fn refused(
        &self,
        facility: &FacilityId,
        (from, until): (Moment, Moment),
    ) -> Result<BTreeMap<String, RefusedCount>, QuarantineError> {
        let open = self.state.lock().reopened(&self.directory)?;
        let came = |head: &v1::Quarantined| (from.micros()..until.micros()).contains(&head.received_us);
        let mut counts: BTreeMap<String, RefusedCount> = BTreeMap::new();
        let prefix = prefix(facility);
        for item in open.heads.prefix(&prefix) {
            let head = read_head(&item.value()?)?;
            if came(&head) {
                counts.entry(head.reason).or_default().waiting += 1;
            }
        }
        for item in open.replayed.prefix(&prefix) {
            let damaged = |error: prost::DecodeError| QuarantineError::Storage { reason: error.to_string() };
            let replayed = v1::Replayed::decode(&*item.value()?).map_err(damaged)?;
            if let Some(head) = replayed.origin.filter(came) {
                counts.entry(head.reason).or_default().replayed += 1;
            }
        }
        Ok(counts)
    }

    /// One event of a facility, with its bytes and what it is called at its source.
    pub(crate) fn get(
        &self,
        facility: &FacilityId,
        id: &str,
    ) -> Result<(v1::Quarantined, Bytes, String), QuarantineError> {
        let open = self.state.lock().reopened(&self.directory)?;
        let key = key(facility, parse(id)?);
        let head = open.heads.get(&key)?.ok_or(QuarantineError::NotFound)?;
        let body = open.bodies.get(&key)?.ok_or(QuarantineError::NotFound)?;
        let name = open.names.get(&key)?.map(|name| String::from_utf8_lossy(&name).into_owned());
        Ok((read_head(&head)?, Bytes::copy_from_slice(&body), name.unwrap_or_default()))
    }

    /// Notes why an event was refused again.
    pub(crate) fn note(&self, facility: &FacilityId, id: &str, refusal: &Refusal) -> Result<(), QuarantineError> {
        let mut state = self.state.lock();
        let open = state.reopened(&self.directory)?;
        let key = key(facility, parse(id)?);
        let mut head = read_head(&open.heads.get(&key)?.ok_or(QuarantineError::NotFound)?)?;
        head.reason = refusal.reason.code().to_owned();
        head.field.clone_from(&refusal.field);
        head.rule.clone_from(&refusal.rule);
        open.heads.insert(key, head.encode_to_vec()).map_err(|error| state.failed(error))
    }

    /// Removes what was replayed and is durable in the log now, and keeps what it was and what came of it.
    pub(crate) fn release(
        &self,
        facility: &FacilityId,
        id: &str,
        sent: &[u8],
        positions: &[Position],
    ) -> Result<(), QuarantineError> {
        let (origin, came, _) = self.get(facility, id)?;
        let digest = |bytes: &[u8]| format!("{:032x}", xxhash_rust::xxh3::xxh3_128(bytes));
        let replayed = v1::Replayed {
            origin: Some(origin),
            replayed_us: (self.clock)().micros(),
            came_as: digest(&came),
            sent_as: digest(sent),
            positions: positions.iter().map(|position| (*position).into()).collect(),
        };
        self.take_out(facility, id, Some(&replayed))
    }

    /// Removes an event, durably when it returns.
    pub(crate) fn remove(&self, facility: &FacilityId, id: &str) -> Result<(), QuarantineError> {
        self.take_out(facility, id, None)
    }

    fn take_out(
        &self,
        facility: &FacilityId,
        id: &str,
        replayed: Option<&v1::Replayed>,
    ) -> Result<(), QuarantineError> {
        let mut state = self.state.lock();
        let open = state.reopened(&self.directory)?;
        let key = key(facility, parse(id)?);
        let head = read_head(&open.heads.get(&key)?.ok_or(QuarantineError::NotFound)?)?;
        let mut batch = open.database.batch().durability(Some(PersistMode::SyncData));
        if let Some(replayed) = replayed {
            batch.insert(&open.replayed, key.clone(), replayed.encode_to_vec());
        }
        batch.remove(&open.heads, key.clone());
        batch.remove(&open.names, key.clone());
        batch.remove(&open.bodies, key);
        batch.commit().map_err(|error| state.failed(error))?;
        if let Some(size) = state.sizes.get_mut(facility) {
            size.events = size.events.saturating_sub(1);
            size.bytes = size.bytes.saturating_sub(head.size);
        }
        Ok(())
    }

    /// The facilities of which something is kept, or has left by being replayed.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub fn facilities(&self) -> Result<BTreeSet<FacilityId>, QuarantineError> {
        let open = self.state.lock().reopened(&self.directory)?;
        let mut all = BTreeSet::new();
        for entries in [&open.heads, &open.replayed] {
            for item in entries.iter() {
                let key = item.key()?;
                let name = key.split(|byte| *byte == 0).next().and_then(|name| std::str::from_utf8(name).ok());
                all.extend(name.and_then(|name| FacilityId::parse(name).ok()));
            }
        }
        Ok(all)
    }

    /// How much is kept, of all facilities together.
    pub fn size(&self) -> QuarantineSize {
        let state = self.state.lock();
        state.sizes.values().fold(QuarantineSize::default(), |sum, size| QuarantineSize {
            events: sum.events + size.events,
            bytes: sum.bytes + size.bytes,
        })
    }
}

impl State {
    /// The storage, opened again if a write failed before.
    fn reopened(&mut self, directory: &Path) -> Result<Open, QuarantineError> {
        if let Some(open) = &self.open {
            return Ok(open.clone());
        }
        let open = Open::at(directory)?;
        self.open = Some(open.clone());
        Ok(open)
    }

    /// After a failed write the storage below refuses everything until it is opened again.
    fn failed(&mut self, error: fjall::Error) -> QuarantineError {
        self.open = None;
        error.into()
    }
}

impl Open {
    fn at(directory: &Path) -> Result<Self, QuarantineError> {
        let database = Database::builder(directory).cache_size(4 << 20).worker_threads(1).open()?;
        let small = || KeyspaceCreateOptions::default().max_memtable_size(4 << 20);
        let heads = database.keyspace("heads", small)?;
        let bodies = database.keyspace("bodies", small)?;
        let (names, replayed) = (database.keyspace("names", small)?, database.keyspace("replayed", small)?);
        Ok(Self { database, heads, bodies, names, replayed })
    }
}

impl std::fmt::Debug for Quarantine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Quarantine")
            .field("directory", &self.directory)
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}
