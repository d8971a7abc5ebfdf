//! Reading letters that are no longer in memory.

use super::{
    frame,
    index::{ChunkPlace, slot},
    recovery::journal_name,
    segment,
    storage::Storage,
};
use crate::{ReadError, Stored};
use bytes::Bytes;
use parking_lot::Mutex;
use std::{collections::VecDeque, sync::Arc};
use tokio::sync::OnceCell;

/// How many chunks are kept decoded. Partitions share chunks, so whoever reads them all in step reads each chunk once.
const CHUNKS_KEPT: usize = 32;

/// The letters of one chunk, partition by partition.
#[derive(Debug)]
pub(super) struct Chunk {
    partitions: Vec<Vec<Stored>>,
}

impl Chunk {
    pub(super) fn partition(&self, partition: model::PartitionId) -> &[Stored] {
        self.partitions.get(slot(partition)).map_or(&[], Vec::as_slice)
    }
}

type Slot = Arc<OnceCell<Arc<Chunk>>>;

/// Reads and decodes chunks, each once for all who ask at the same time.
#[derive(Debug)]
pub(super) struct Chunks {
    storage: Arc<dyn Storage>,
    partitions: usize,
    kept: Mutex<VecDeque<(ChunkPlace, Slot)>>,
}

impl Chunks {
    pub(super) fn new(storage: Arc<dyn Storage>, partitions: usize) -> Self {
        Self { storage, partitions, kept: Mutex::new(VecDeque::new()) }
    }
    /// The chunk at a place.
    pub(super) async fn get(&self, place: ChunkPlace) -> Result<Arc<Chunk>, ReadError> {
        let slot = self.slot(place);
        let chunk = slot
            .get_or_try_init(|| async {
                let (storage, partitions) = (Arc::clone(&self.storage), self.partitions);
                let read = tokio::task::spawn_blocking(move || load(&*storage, place, partitions));
                let chunk = read.await.map_err(|error| ReadError::Unavailable { reason: error.to_string() })??;
                Ok(Arc::new(chunk))
            })
            .await?;
        Ok(Arc::clone(chunk))
    }
    /// The place's slot, made the most recently used.
    fn slot(&self, place: ChunkPlace) -> Slot {
        let mut kept = self.kept.lock();
        let known = kept.iter().position(|(at, _)| *at == place).and_then(|found| kept.remove(found));
        let entry = known.unwrap_or_else(|| (place, Slot::default()));
        let slot = Arc::clone(&entry.1);
        kept.push_back(entry);
        if kept.len() > CHUNKS_KEPT {
            kept.pop_front();
        }
        slot
    }
}

fn load(storage: &dyn Storage, place: ChunkPlace, partitions: usize) -> Result<Chunk, ReadError> {
    let name = journal_name(place.sequence);
    let bytes = read_range(storage, &name, place).map_err(|error| {
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            damaged(&name, place.start, "the file is shorter than what was acknowledged")
        } else {
            ReadError::Unavailable { reason: format!("reading `{name}`: {error}") }
        }
    })?;
    decode(&Bytes::from(bytes), place, partitions).map_err(|damage| damaged(&name, damage.at, damage.reason))
}

fn read_range(storage: &dyn Storage, name: &str, place: ChunkPlace) -> std::io::Result<Vec<u8>> {
    let length = usize::try_from(place.end - place.start).map_err(std::io::Error::other)?;
    let mut bytes = vec![0; length];
    storage.open(name)?.read_at(&mut bytes, place.start)?;
    Ok(bytes)
}

fn decode(bytes: &Bytes, place: ChunkPlace, partitions: usize) -> Result<Chunk, segment::Damage> {
    let mut chunk = Chunk { partitions: vec![Vec::new(); partitions] };
    let mut at = 0;
    while at < bytes.len() {
        let start = place.start + at as u64;
        let rest = bytes.get(at..).unwrap_or_default();
        let group = frame::read_group(rest, start, |letter| {
            let stored = letter.to_stored(bytes)?;
            let letters = chunk.partitions.get_mut(slot(stored.position.partition));
            let letters = letters.ok_or("a letter of a partition that does not exist")?;
            if letters.last().is_some_and(|last| last.position.offset.next() != stored.position.offset) {
                return Err("a letter whose offset does not follow the one before it");
            }
            letters.push(stored);
            Ok(())
        });
        let (_, length) =
            group.map_err(|fault| segment::Damage { at: start + fault.at as u64, reason: fault.reason })?;
        at += length;
    }
    Ok(chunk)
}

fn damaged(file: &str, at: u64, reason: &str) -> ReadError {
    ReadError::Damaged { file: file.to_owned(), at, reason: reason.to_owned() }
}
