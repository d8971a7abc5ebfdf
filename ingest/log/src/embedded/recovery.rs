//! Opening a directory: finding every whole group, and nothing else.

use super::{
    config::OpenError,
    frame,
    index::SegmentIndex,
    segment::{self, Damage, Header, HeaderFault, Tail},
    storage::{Storage, StorageFile},
};
use std::{io, num::NonZeroU32, sync::Arc};

/// What was found.
#[derive(Debug)]
pub(super) struct Recovered {
    /// The segments that take no more letters, in order.
    pub(super) sealed: Vec<SegmentIndex>,
    /// The segment that does.
    pub(super) active: SegmentIndex,
    pub(super) file: Arc<dyn StorageFile>,
    /// How many bytes of an incomplete commit were cut off.
    pub(super) torn_bytes: u64,
}

const JOURNAL: &str = ".journal";

pub(super) fn journal_name(sequence: u64) -> String {
    format!("{sequence:020}{JOURNAL}")
}

fn sidecar_name(sequence: u64) -> String {
    format!("{sequence:020}.index")
}

/// Finds the log in `storage`, or begins one. Only the last segment is read whole.
pub(super) fn recover(
    storage: &dyn Storage,
    data_partitions: NonZeroU32,
    segment_bytes: u64,
) -> Result<Recovered, OpenError> {
    let mut sequences = sequences(storage)?;
    if let Some(unborn) = drop_unborn_segment(storage, sequences.last().copied())? {
        sequences.retain(|sequence| *sequence != unborn);
    }
    let Some(last) = sequences.pop() else {
        return begin(storage, data_partitions, segment_bytes);
    };
    let mut headers = Vec::with_capacity(sequences.len());
    for sequence in &sequences {
        headers.push(read_header(storage, *sequence)?);
    }
    let active = recover_last(storage, last, data_partitions, segment_bytes)?;
    headers.push(active.header);

    let mut sealed = Vec::with_capacity(sequences.len());
    for pair in headers.windows(2) {
        if let [header, following] = pair {
            sealed.push(read_sealed(storage, header, following)?);
        }
    }
    let (active, file, torn_bytes) = (active.index, active.file, active.torn_bytes);
    Ok(Recovered { sealed, active, file, torn_bytes })
}

/// The numbers of the segments there, which must be without gaps.
fn sequences(storage: &dyn Storage) -> Result<Vec<u64>, OpenError> {
    let names = storage.list().map_err(|source| OpenError::io("listing", "the log's directory", source))?;
    let mut found: Vec<u64> =
        names.iter().filter_map(|name| name.strip_suffix(JOURNAL)).filter_map(|number| number.parse().ok()).collect();
    found.sort_unstable();
    for pair in found.windows(2) {
        if let [before, after] = pair
            && before + 1 != *after
        {
            return Err(OpenError::Missing { file: journal_name(before + 1) });
        }
    }
    Ok(found)
}

/// Removes the last segment if a crash came between its creation and the sync of its header. Nothing in it can have
/// been acknowledged.
fn drop_unborn_segment(storage: &dyn Storage, last: Option<u64>) -> Result<Option<u64>, OpenError> {
    let Some(sequence) = last else { return Ok(None) };
    let Err(OpenError::Damaged { .. }) = read_header(storage, sequence) else { return Ok(None) };
    let name = journal_name(sequence);
    let bytes = open(storage, &name).and_then(|file| read_whole(&*file, &name))?;
    if frame::last_commit_in(&bytes).is_some() {
        return Ok(None);
    }
    storage.remove(&name).map_err(|source| OpenError::io("removing", &name, source))?;
    storage.sync_directory().map_err(|source| OpenError::io("syncing", "the log's directory", source))?;
    tracing::warn!(segment = sequence, "removed a log segment whose creation a crash had interrupted");
    Ok(Some(sequence))
}

fn begin(storage: &dyn Storage, data_partitions: NonZeroU32, segment_bytes: u64) -> Result<Recovered, OpenError> {
    let bases = (0..=data_partitions.get()).map(|_| 0).collect();
    let header = Header { data_partitions, sequence: 0, first_group: 0, bases };
    let file = create_segment(storage, &header, segment_bytes)
        .map_err(|source| OpenError::io("creating", &journal_name(0), source))?;
    Ok(Recovered { sealed: Vec::new(), active: SegmentIndex::new(&header), file, torn_bytes: 0 })
}

/// Creates a segment file that survives a crash, and reserves its space where there is enough.
pub(super) fn create_segment(
    storage: &dyn Storage,
    header: &Header,
    segment_bytes: u64,
) -> io::Result<Arc<dyn StorageFile>> {
    let name = journal_name(header.sequence);
    let file = storage.create(&name)?;
    let write = || {
        file.write_at(&header.to_bytes(), 0)?;
        reserve(&*file, Header::length(header.data_partitions), segment_bytes)?;
        file.sync()?;
        storage.sync_directory()
    };
    if let Err(error) = write() {
        if let Err(left) = storage.remove(&name) {
            tracing::warn!(segment = header.sequence, error = %left, "a log segment that could not be created is left behind");
        }
        return Err(error);
    }
    Ok(file)
}

/// Reserves space up to `length`. Reserving only makes syncs faster, so where it cannot be done the file keeps to the
/// `used` bytes and grows as it is written.
fn reserve(file: &dyn StorageFile, used: u64, length: u64) -> io::Result<()> {
    match file.allocate(length) {
        Ok(()) => Ok(()),
        Err(_) => file.truncate(used),
    }
}

struct Last {
    header: Header,
    index: SegmentIndex,
    file: Arc<dyn StorageFile>,
    torn_bytes: u64,
}

/// Reads the last segment whole, cuts off a torn end, and makes what is left durable.
fn recover_last(
    storage: &dyn Storage,
    sequence: u64,
    data_partitions: NonZeroU32,
    segment_bytes: u64,
) -> Result<Last, OpenError> {
    let name = journal_name(sequence);
    let file = open(storage, &name)?;
    let bytes = read_whole(&*file, &name)?;
    let header = parse_header(&bytes, sequence)?;
    if header.data_partitions != data_partitions {
        let (found, configured) = (header.data_partitions.get(), data_partitions.get());
        return Err(OpenError::Partitions { found, configured });
    }
    let scan = segment::scan(&bytes, &header).map_err(|damage| damaged(&name, damage))?;
    let torn_bytes = match scan.tail {
        Tail::Clean => 0,
        Tail::Torn(torn) => torn,
    };
    let repair = || {
        if torn_bytes > 0 {
            file.truncate(scan.index.end())?;
            reserve(&*file, scan.index.end(), segment_bytes)?;
        }
        // What was read may be in the page cache alone: the process before this one may have died before its sync,
        // or its sync may have failed and marked the pages clean. Written again they are dirty again, and this sync
        // is the one that counts. One group at most was ever on its way.
        let (from, until) = scan.last_group.unwrap_or((0, header.to_bytes().len()));
        file.write_at(bytes.get(from..until).unwrap_or_default(), from as u64)?;
        file.sync()?;
        storage.sync_directory()
    };
    repair().map_err(|source| OpenError::io("making durable", &name, source))?;
    if torn_bytes > 0 {
        tracing::warn!(
            segment = sequence,
            at = scan.index.end(),
            bytes = torn_bytes,
            "cut off the torn end of the log: a commit that was never acknowledged"
        );
    }
    Ok(Last { header, index: scan.index, file, torn_bytes })
}

/// The index of a segment that takes no more letters: from its sidecar, or, where that is missing or does not lead to
/// the following segment, from the segment itself.
fn read_sealed(storage: &dyn Storage, header: &Header, following: &Header) -> Result<SegmentIndex, OpenError> {
    let name = journal_name(header.sequence);
    let leads_on = |index: &SegmentIndex| {
        index.ends() == following.bases
            && index.next_group() == following.first_group
            && header.data_partitions == following.data_partitions
    };
    let file = open(storage, &name)?;
    let index = match read_sidecar(storage, header).filter(leads_on) {
        Some(index) => index,
        None => {
            let bytes = read_whole(&*file, &name)?;
            let scan = segment::scan(&bytes, header).map_err(|damage| damaged(&name, damage))?;
            let end = scan.index.end();
            if let Tail::Torn(_) = scan.tail {
                return Err(damaged(&name, Damage { at: end, reason: "an incomplete group before the last segment" }));
            }
            if !leads_on(&scan.index) {
                return Err(damaged(&name, Damage { at: end, reason: "the next segment does not follow this one" }));
            }
            write_sidecar(storage, &scan.index);
            scan.index
        }
    };
    let length = file.length().map_err(|source| OpenError::io("measuring", &name, source))?;
    if length < index.end() {
        return Err(damaged(&name, Damage { at: length, reason: "the file is shorter than what was acknowledged" }));
    }
    Ok(index)
}

fn read_sidecar(storage: &dyn Storage, header: &Header) -> Option<SegmentIndex> {
    let name = sidecar_name(header.sequence);
    let bytes = storage.open(&name).ok().and_then(|file| read_whole(&*file, &name).ok())?;
    SegmentIndex::from_sidecar(&bytes, header)
}

/// Writes a segment's sidecar. Without it the log is as whole and only slower to open, so a failure is told and passed.
pub(super) fn write_sidecar(storage: &dyn Storage, index: &SegmentIndex) {
    let name = sidecar_name(index.sequence());
    let write = || {
        match storage.remove(&name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        storage.create(&name)?.write_at(&index.to_sidecar(), 0)
    };
    if let Err(error) = write() {
        // On a full disk the part that was written is space that letters need more.
        let _absent = storage.remove(&name);
        tracing::warn!(segment = index.sequence(), error = %error, "a log segment has no index file and will open slowly");
    }
}

fn open(storage: &dyn Storage, name: &str) -> Result<Arc<dyn StorageFile>, OpenError> {
    storage.open(name).map_err(|source| OpenError::io("opening", name, source))
}

fn read_whole(file: &dyn StorageFile, name: &str) -> Result<Vec<u8>, OpenError> {
    let read = || {
        let length = usize::try_from(file.length()?).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        file.read_at(&mut bytes, 0)?;
        Ok(bytes)
    };
    read().map_err(|source| OpenError::io("reading", name, source))
}

fn read_header(storage: &dyn Storage, sequence: u64) -> Result<Header, OpenError> {
    const FIRST: usize = 4096;
    let name = journal_name(sequence);
    let file = open(storage, &name)?;
    let read = |wanted: u64| {
        let length = usize::try_from(file.length()?.min(wanted)).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        file.read_at(&mut bytes, 0)?;
        Ok(bytes)
    };
    let read = |wanted| read(wanted).map_err(|source| OpenError::io("reading", &name, source));
    // Headers of thousands of partitions are longer than the first read.
    parse_header(&read(FIRST as u64)?, sequence).or_else(|_| parse_header(&read(u64::from(u32::MAX))?, sequence))
}

fn parse_header(bytes: &[u8], sequence: u64) -> Result<Header, OpenError> {
    let file = journal_name(sequence);
    match Header::parse(bytes) {
        Ok(header) if header.sequence == sequence => Ok(header),
        Ok(_) => Err(damaged(&file, Damage { at: 0, reason: "the header of another segment" })),
        Err(HeaderFault::Version(version)) => Err(OpenError::UnknownVersion { file, version }),
        Err(HeaderFault::Unreadable) => Err(damaged(&file, Damage { at: 0, reason: "no readable header" })),
    }
}

fn damaged(file: &str, damage: Damage) -> OpenError {
    OpenError::Damaged { file: file.to_owned(), at: damage.at, reason: damage.reason.to_owned() }
}
