//! A file system in memory that loses what a real one may lose.
//!
//! Until a file is synced, a crash may keep, lose or tear each written page on its own, in any order; a file's new
//! length may or may not survive; and a created or removed file may come back or vanish until its directory is synced.
//! What happens is drawn from a seed, so a failure can be played again.

use super::{DirectoryLock, Storage, StorageFile};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
};

const PAGE: usize = 4096;
const SECTOR: usize = 512;

/// A simulated disk with one directory. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    next_inode: u64,
    /// Grows at every restart: handles from before it are dead.
    boot: u64,
    dead: bool,
    locked_in: Option<u64>,
    operations_until_crash: Option<u64>,
    capacity: Option<usize>,
    failing_syncs: u32,
    syncs_lie: bool,
    directory_syncs_lie: bool,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// Pages written and not synced.
    dirty: BTreeSet<usize>,
    /// From here on the durable bytes were cut off, and not synced yet.
    cut: Option<usize>,
}

#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    inode: u64,
    boot: u64,
}

#[derive(Debug)]
struct SimulatedLock {
    disk: SimulatedDisk,
    boot: u64,
}

impl SimulatedDisk {
    /// An empty disk without faults and without bound.
    pub fn new() -> Self {
        Self::default()
    }
    /// The power fails in the middle of the operation after `operations` more that write, sync, create or remove.
    pub fn crash_after(&self, operations: u64) {
        self.0.lock().operations_until_crash = Some(operations);
    }
    /// Whether the power has failed.
    pub fn is_dead(&self) -> bool {
        self.0.lock().dead
    }
    /// The power fails now, if it has not yet, and comes back: what was not synced is kept, lost or torn under `seed`.
    pub fn restart(&self, seed: u64) {
        let mut state = self.0.lock();
        let mut draw = Draw(seed);
        let names: BTreeSet<String> = state.names.keys().chain(state.durable_names.keys()).cloned().collect();
        let mut survived = BTreeMap::new();
        for name in names {
            let (now, durable) = (state.names.get(&name).copied(), state.durable_names.get(&name).copied());
            let kept = if now == durable || draw.coin() { now } else { durable };
            if let Some(inode) = kept {
                survived.insert(name, inode);
            }
        }
        let kept: BTreeSet<u64> = survived.values().copied().collect();
        state.inodes.retain(|inode, _| kept.contains(inode));
        for inode in state.inodes.values_mut() {
            inode.lose(&mut draw);
        }
        state.durable_names.clone_from(&survived);
        state.names = survived;
        state.boot += 1;
        state.dead = false;
        state.locked_in = None;
        state.operations_until_crash = None;
    }
    /// The disk holds at most `bytes` from now on, all files together; `None` lifts the bound.
    pub fn set_capacity(&self, bytes: Option<usize>) {
        self.0.lock().capacity = bytes;
    }
    /// Bytes in all files.
    pub fn used(&self) -> usize {
        self.0.lock().used()
    }
    /// The next `count` file syncs report an error, and what they should have kept is marked clean all the same.
    pub fn fail_syncs(&self, count: u32) {
        self.0.lock().failing_syncs = count;
    }
    /// From now on a file sync says that it is done and does nothing: the fault the simulation must be able to find.
    pub fn ignore_syncs(&self) {
        self.0.lock().syncs_lie = true;
    }
    /// The same for directory syncs.
    pub fn ignore_directory_syncs(&self) {
        self.0.lock().directory_syncs_lie = true;
    }
    /// Changes one byte of a file, on the platter too, as decay would.
    pub fn decay(&self, name: &str, at: usize) {
        let mut state = self.0.lock();
        let Some(inode) = state.names.get(name).copied() else { return };
        let Some(inode) = state.inodes.get_mut(&inode) else { return };
        for content in [&mut inode.now, &mut inode.durable] {
            if let Some(byte) = content.get_mut(at) {
                *byte ^= 0x5a;
            }
        }
    }
    /// Counts one changing operation; `true` when the power fails during it.
    fn step(state: &mut State) -> bool {
        match &mut state.operations_until_crash {
            Some(0) => {
                state.dead = true;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }
    fn changing<T>(&self, change: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.0.lock();
        if state.dead || Self::step(&mut state) {
            return Err(power_failed());
        }
        change(&mut state)
    }
    fn file(&self, state: &State, inode: u64) -> Arc<dyn StorageFile> {
        Arc::new(SimulatedFile { disk: self.clone(), inode, boot: state.boot })
    }
}

impl State {
    fn used(&self) -> usize {
        self.names.values().filter_map(|inode| self.inodes.get(inode)).map(|inode| inode.now.len()).sum()
    }
    fn free(&self) -> usize {
        self.capacity.map_or(usize::MAX, |capacity| capacity.saturating_sub(self.used()))
    }
    fn inode(&mut self, inode: u64) -> io::Result<&mut Inode> {
        self.inodes.get_mut(&inode).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Inode {
    fn write(&mut self, bytes: &[u8], at: usize) {
        let end = at + bytes.len();
        if self.now.len() < end {
            self.now.resize(end, 0);
        }
        if let Some(place) = self.now.get_mut(at..end) {
            place.copy_from_slice(bytes);
        }
        self.dirty.extend(at / PAGE..end.div_ceil(PAGE));
    }
    fn truncate(&mut self, length: usize) {
        if length < self.now.len() {
            self.cut = Some(self.cut.map_or(length, |cut| cut.min(length)));
        }
        self.now.resize(length, 0);
        self.dirty.retain(|page| page * PAGE < length);
    }
    /// Makes durable the length and the pages that are dirty, and no others: a page once marked clean is not written
    /// again, even if it never reached the disk.
    fn sync(&mut self) {
        if let Some(cut) = self.cut.take() {
            self.durable.truncate(cut);
        }
        self.durable.resize(self.now.len(), 0);
        for page in std::mem::take(&mut self.dirty) {
            let (start, end) = (page * PAGE, (page * PAGE + PAGE).min(self.now.len()));
            if let (Some(to), Some(from)) = (self.durable.get_mut(start..end), self.now.get(start..end)) {
                to.copy_from_slice(from);
            }
        }
    }
    /// Becomes what a crash leaves of it.
    fn lose(&mut self, draw: &mut Draw) {
        let (old, new) = (self.durable.len(), self.now.len());
        let length = match draw.below(3) {
            0 => old,
            1 => new,
            _ => old.min(new) + draw.below(old.abs_diff(new) + 1),
        };
        let mut left = self.durable.clone();
        left.resize(length, 0);
        for page in std::mem::take(&mut self.dirty) {
            let sectors = PAGE / SECTOR;
            let (from, until) = match draw.below(3) {
                0 => (0, 0),
                1 => (0, sectors),
                _ => {
                    let from = draw.below(sectors);
                    (from, from + draw.below(sectors - from + 1))
                }
            };
            let start = page * PAGE + from * SECTOR;
            let end = (page * PAGE + until * SECTOR).min(length).min(self.now.len());
            if let (Some(to), Some(from)) = (left.get_mut(start..end), self.now.get(start..end)) {
                to.copy_from_slice(from);
            }
        }
        self.cut = None;
        self.now.clone_from(&left);
        self.durable = left;
    }
}

/// SplitMix64: small, seeded, and good enough to choose which page is lost.
#[derive(Debug)]
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % (bound.max(1) as u64)).unwrap_or(0)
    }
    fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }
}

fn power_failed() -> io::Error {
    io::Error::other("the simulated power failed")
}

// === impl Storage ===

impl Storage for SimulatedDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let state = self.0.lock();
        if state.dead { Err(power_failed()) } else { Ok(state.names.keys().cloned().collect()) }
    }
    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.changing(|state| {
            if state.names.contains_key(name) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            state.next_inode += 1;
            let inode = state.next_inode;
            state.inodes.insert(inode, Inode::default());
            state.names.insert(name.to_owned(), inode);
            Ok(self.file(state, inode))
        })
    }
    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        let state = self.0.lock();
        if state.dead {
            return Err(power_failed());
        }
        let inode = state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.file(&state, *inode))
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.changing(|state| match state.names.remove(name) {
            Some(_) => Ok(()),
            None => Err(io::ErrorKind::NotFound.into()),
        })
    }
    fn sync_directory(&self) -> io::Result<()> {
        self.changing(|state| {
            if !state.directory_syncs_lie {
                state.durable_names.clone_from(&state.names);
            }
            Ok(())
        })
    }
    fn lock(&self) -> io::Result<DirectoryLock> {
        let mut state = self.0.lock();
        if state.locked_in.is_some() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.locked_in = Some(state.boot);
        Ok(Box::new(SimulatedLock { disk: self.clone(), boot: state.boot }))
    }
}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        let mut state = self.disk.0.lock();
        if state.locked_in == Some(self.boot) {
            state.locked_in = None;
        }
    }
}

// === impl StorageFile ===

impl SimulatedFile {
    fn alive(&self, state: &State) -> io::Result<()> {
        if state.dead || state.boot != self.boot { Err(power_failed()) } else { Ok(()) }
    }
}

impl StorageFile for SimulatedFile {
    fn length(&self) -> io::Result<u64> {
        let mut state = self.disk.0.lock();
        self.alive(&state)?;
        Ok(state.inode(self.inode)?.now.len() as u64)
    }
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        self.alive(&state)?;
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let content = &state.inode(self.inode)?.now;
        let found = content.get(at..at.saturating_add(buffer.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        self.alive(&state)?;
        let at = usize::try_from(at).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let free = state.free();
        let power_fails = SimulatedDisk::step(&mut state);
        let inode = state.inode(self.inode)?;
        if power_fails {
            let written = bytes.len() / 2;
            inode.write(bytes.get(..written).unwrap_or_default(), at);
            return Err(power_failed());
        }
        let new = (at + bytes.len()).saturating_sub(inode.now.len());
        if new > free {
            let fits = bytes.len() - (new - free).min(bytes.len());
            inode.write(bytes.get(..fits).unwrap_or_default(), at);
            return Err(io::ErrorKind::StorageFull.into());
        }
        inode.write(bytes, at);
        Ok(())
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        self.alive(&state)?;
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
        state.inode(self.inode)?.truncate(length);
        Ok(())
    }
    fn allocate(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        self.alive(&state)?;
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let free = state.free();
        let inode = state.inode(self.inode)?;
        if length.saturating_sub(inode.now.len()) > free {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if inode.now.len() < length {
            inode.now.resize(length, 0);
        }
        Ok(())
    }
    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        self.alive(&state)?;
        if SimulatedDisk::step(&mut state) {
            return Err(power_failed());
        }
        let (fails, lies) = (state.failing_syncs > 0, state.syncs_lie);
        state.failing_syncs = state.failing_syncs.saturating_sub(1);
        let inode = state.inode(self.inode)?;
        if fails {
            inode.dirty.clear();
            return Err(io::Error::other("the simulated disk failed to sync"));
        }
        if !lies {
            inode.sync();
        }
        Ok(())
    }
}
