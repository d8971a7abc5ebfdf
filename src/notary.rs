//! The notary: reads the ledger out of the log, keeps the node's signing key, and signs heads.
//!
//! Below `node.data_dir` it keeps `ledger/`: the key (`key.pem`, made on first use, readable by the node's user alone),
//! the key that verifies (`verifying-key.txt`, to be published), and every head it ever signed (`heads.ndjson`). Before
//! it signs it holds the log against the last of those: a log that is no longer the history that was signed is an error
//! that nothing here mends.
//!
//! The ledger is read whole ([`History`], for the commands, on a stopped node), or kept on disk and brought up with the
//! log while the node runs ([`Shelf`], [`keep`]).

mod past;
mod reader;
mod shelf;

use event_log::{EventLog, ReadError, ReadLimit};
use ledger::{
    Entry, FormError, KeyError, Names, Nodes, Proof, SignerName, SigningKey, Tree, TreeHead, VerifyingKey, head_line,
    prove_consistency, prove_inclusion, read_head_line,
};
use model::{Body, Digest, Event, Moment, Offset, PartitionId, Position};
use parking_lot::Mutex;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub use past::RecallOf;
pub use reader::{Reader, Signed, names};
pub use shelf::{Shelf, ShelfError};

/// Why nothing can be signed or read.
#[derive(Debug, thiserror::Error)]
pub enum NotaryError {
    /// A file.
    #[error("`{path}`: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The key, or its name.
    #[error("`{path}` {source}")]
    Key {
        /// The file.
        path: String,
        /// Why.
        source: KeyError,
    },
    /// The node's name cannot be a signer's.
    #[error("`node.name`: {0}")]
    Name(KeyError),
    /// There is no randomness to make a key of.
    #[error("the system gives no randomness for the ledger's key: {0}")]
    Randomness(String),
    /// The log.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A head that was kept.
    #[error("`{path}`, line {line}, is not a head that this node's key signed; restore the file from a backup")]
    Head {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
    },
    /// What was signed is not what the log holds.
    #[error(
        "the log is not the history that was signed: its first {size} audit events are not those of the head of \
         {moment}; compare it with a backup and with heads that others keep"
    )]
    History {
        /// The size of the signed head.
        size: u64,
        /// When it was signed.
        moment: Moment,
    },
    /// The ledger on disk.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// Nodes of the tree are missing.
    #[error(
        "nodes of the ledger's tree are missing; delete the ledger's `shelf` directory, it is built again from the log"
    )]
    Nodes,
    /// A line could not be written as JSON.
    #[error("a line of the ledger {0}")]
    Form(#[from] FormError),
}

fn file(path: &Path) -> impl FnOnce(io::Error) -> NotaryError {
    let path = path.display().to_string();
    |source| NotaryError::File { path, source }
}

/// A ledger that can be signed.
pub trait Ledgered {
    /// How many entries it has, and the offset of the control partition before which every audit event is in it.
    fn reach(&self) -> (u64, Offset);
    /// How many entries it has.
    fn size(&self) -> u64 {
        self.reach().0
    }
    /// Its nodes.
    fn nodes(&self) -> &dyn Nodes;
    /// The root of its first `size` entries; `None` when there are not so many.
    fn root_at(&self, size: u64) -> Option<Digest> {
        if size > self.size() { None } else { Tree::resume(size, self.nodes()).map(|tree| tree.root()) }
    }
    /// The proof of an entry; `None` when there is no such entry.
    fn proof(&self, index: u64) -> Option<Proof> {
        prove_inclusion(self.nodes(), self.size(), index)
    }
}

/// The ledger as the log has it, read whole.
#[derive(Debug, Default)]
pub struct History {
    tree: Tree,
    nodes: Vec<Digest>,
    next: Offset,
    /// What facilities and people are called.
    pub names: Names,
    /// Letters of the control partition that could not be read: whether they are entries is not known.
    pub unreadable: u64,
}

impl History {
    /// Reads the control partition from its beginning to its end, and gives every entry to `visit`.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn read(
        log: &Arc<dyn EventLog>,
        visit: &mut (dyn FnMut(u64, &Entry) -> Result<(), NotaryError> + Send),
    ) -> Result<Self, NotaryError> {
        let mut history = Self::default();
        let take = &mut |position: Position, event: Option<Event>| {
            history.next = position.offset.next();
            let Some(event) = event else {
                history.unreadable += 1;
                return Ok(());
            };
            if let Body::Directory(change) = &event.body {
                history.names.observe(change);
            }
            if let Some(entry) = Entry::of(position, &event) {
                visit(history.tree.size(), &entry)?;
                history.nodes.extend(history.tree.append(entry.leaf()));
            }
            Ok(())
        };
        walk(log, (PartitionId::CONTROL, Offset(0)), take).await?;
        Ok(history)
    }
}

impl Ledgered for History {
    fn reach(&self) -> (u64, Offset) {
        (self.tree.size(), self.next)
    }
    fn nodes(&self) -> &dyn Nodes {
        &self.nodes
    }
}

/// Reads one partition from `from` to its end; a letter that cannot be read is given as `None`.
///
/// # Errors
/// When the log cannot be read, or `visit` fails.
pub async fn walk(
    log: &Arc<dyn EventLog>,
    (partition, mut from): (PartitionId, Offset),
    visit: &mut (dyn FnMut(Position, Option<Event>) -> Result<(), NotaryError> + Send),
) -> Result<(), NotaryError> {
    let end = log.end().await?.next(partition);
    while from < end {
        let letters = log.read(partition, from, ReadLimit::default(), Duration::from_secs(1)).await?;
        for stored in letters {
            if stored.position.offset >= end {
                break;
            }
            visit(stored.position, wire::read_event(stored.letter.payload).ok())?;
            from = stored.position.offset.next();
        }
    }
    Ok(())
}

/// Who signs.
#[derive(Debug)]
pub struct Notary {
    key: SigningKey,
    heads: PathBuf,
    /// Held as long as this notary is there: two would sign two histories of heads.
    _lock: fs::File,
    /// The last head, once all that were kept were held against the ledger.
    last: Mutex<Option<(TreeHead, String)>>,
}

impl Notary {
    /// Opens the notary's files below `data_dir`, and makes the key where there is none.
    ///
    /// # Errors
    /// When a file cannot be read or made, or `node` cannot be a signer's name.
    pub fn open(data_dir: &Path, node: &str) -> Result<Self, NotaryError> {
        let name = SignerName::parse(&format!("ajisai/{node}")).map_err(NotaryError::Name)?;
        let directory = data_dir.join("ledger");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(file(&directory))?;
        let lock = directory.join("lock");
        let lock = lock_alone(&lock).map_err(file(&lock))?;
        let path = directory.join("key.pem");
        let key = match fs::read_to_string(&path) {
            Ok(pem) => SigningKey::from_pem(name, &pem),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = SigningKey::from_seed(name, &seed()?);
                let pem =
                    key.to_pem().map_err(|source| NotaryError::Key { path: path.display().to_string(), source })?;
                write_new(&path, &pem)?;
                Ok(key)
            }
            Err(error) => return Err(file(&path)(error)),
        };
        let key = key.map_err(|source| NotaryError::Key { path: path.display().to_string(), source })?;
        let published = directory.join("verifying-key.txt");
        fs::write(&published, format!("{}\n", key.verifying())).map_err(file(&published))?;
        Ok(Self { key, heads: directory.join("heads.ndjson"), _lock: lock, last: Mutex::new(None) })
    }
    /// The key that verifies.
    pub fn verifying(&self) -> VerifyingKey {
        self.key.verifying()
    }
    /// The key that signs.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }
    /// The heads signed so far, as lines of `heads.ndjson`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn heads(&self) -> Result<Vec<String>, NotaryError> {
        match fs::read_to_string(&self.heads) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(file(&self.heads)(error)),
        }
    }
    /// Signs the ledger as it stands, and keeps the head. A ledger that has not grown since keeps its last head.
    ///
    /// # Errors
    /// When the log is not the history of every head signed before, or the head cannot be kept.
    pub fn sign(&self, ledger: &dyn Ledgered, moment: Moment) -> Result<(TreeHead, String), NotaryError> {
        let mut last = self.last.lock();
        let (size, next) = ledger.reach();
        let kept = match last.take() {
            Some(known) => {
                holds(ledger, &known.0)?;
                Some(known)
            }
            None => self.check(ledger)?,
        };
        if let Some(known) = kept.as_ref().filter(|(head, _)| head.size == size) {
            *last = kept.clone();
            return Ok(known.clone());
        }
        let before = kept.map_or(0, |(head, _)| head.size);
        let root = ledger.root_at(size).ok_or(NotaryError::Nodes)?;
        let head = TreeHead { size, root, next, moment };
        let note = head.sign(&self.key);
        let proof = prove_consistency(ledger.nodes(), before, size).ok_or(NotaryError::Nodes)?;
        let mut heads = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.heads)
            .map_err(file(&self.heads))?;
        let line = head_line(&note, &proof)?;
        heads.write_all(format!("{line}\n").as_bytes()).and_then(|()| heads.sync_all()).map_err(file(&self.heads))?;
        *last = Some((head, note.clone()));
        Ok((head, note))
    }

    /// Holds the ledger against every head that was kept; gives the last.
    fn check(&self, ledger: &dyn Ledgered) -> Result<Option<(TreeHead, String)>, NotaryError> {
        let mut last = None;
        for (number, line) in (1..).zip(self.heads()?) {
            let refused = || NotaryError::Head { path: self.heads.display().to_string(), line: number };
            let (note, _) = read_head_line(&line).map_err(|_| refused())?;
            let head = TreeHead::open(&note, &self.verifying()).map_err(|_| refused())?;
            holds(ledger, &head)?;
            last = Some((head, note));
        }
        Ok(last)
    }
}

/// Whether the ledger begins with what the head was signed over.
fn holds(ledger: &dyn Ledgered, head: &TreeHead) -> Result<(), NotaryError> {
    if ledger.root_at(head.size) == Some(head.root) && ledger.reach().1 >= head.next {
        Ok(())
    } else {
        Err(NotaryError::History { size: head.size, moment: head.moment })
    }
}

/// Keeps the shelf up with the log until `stop`, and signs it whenever it has grown, at most once in `every`.
///
/// # Errors
/// When the log, the disk or the signed history fails: nothing more is signed then.
pub async fn keep(
    (notary, shelf): (&Notary, &Shelf),
    log: &Arc<dyn EventLog>,
    clock: &(dyn Fn() -> Moment + Send + Sync),
    every: Duration,
    stop: CancellationToken,
) -> Result<(), NotaryError> {
    loop {
        let stopping = stop.is_cancelled();
        shelf.catch_up(log).await?;
        notary.sign(shelf, clock())?;
        if stopping {
            return Ok(());
        }
        // What was acknowledged before the stop is still taken in and signed.
        let _ = tokio::time::timeout(every, stop.cancelled()).await;
    }
}

fn lock_alone(path: &Path) -> io::Result<fs::File> {
    let lock = fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    lock.try_lock().map_err(|error| match error {
        fs::TryLockError::Error(error) => error,
        fs::TryLockError::WouldBlock => io::Error::new(
            io::ErrorKind::ResourceBusy,
            "another process signs this node's ledger; stop the node, or wait for the other command",
        ),
    })?;
    Ok(lock)
}

fn seed() -> Result<[u8; 32], NotaryError> {
    use rand::TryRngCore as _;
    let mut seed = [0; 32];
    rand::rngs::OsRng.try_fill_bytes(&mut seed).map_err(|error| NotaryError::Randomness(error.to_string()))?;
    Ok(seed)
}

/// Writes a file that must not be there, for this user alone.
///
/// # Errors
/// When it is there or cannot be written.
pub fn write_new(path: &Path, text: &str) -> Result<(), NotaryError> {
    let mut written = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(file(path))?;
    written.write_all(text.as_bytes()).and_then(|()| written.sync_all()).map_err(file(path))
}

#[cfg(test)]
mod tests;
