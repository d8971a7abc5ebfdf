//! The memory of who saw what: audit events of the log as leaves of a Merkle tree, signed heads of it, proofs, reports.
//!
//! It is *not* where readings are counted ([`model::Reading`]) nor where files are kept: bytes and values come in,
//! values go out. The moment, the key's randomness and the entries are arguments; the tree's nodes and the index are
//! kept by the caller, in order, and memory stays at a few hundred bytes however long the history.
//!
//! Every audit event of the control partition is an entry, in the log's order: the ledger is a function of the log, and
//! comes back the same when it is built again.
//!
//! ```
//! use ledger::{Entry, SignerName, SigningKey, Tree, TreeHead, includes, prove_inclusion};
//! use model::{ActId, AuditOutcome, Digest, FacilityId, Frontier, Moment, Offset, Position, Principal, Purpose, Reading};
//! use model::{Role, Salt, What};
//! # let principal = Principal {
//! #     facility: FacilityId::parse("sato-clinic")?, member: None, role: Role::System, purpose: Purpose::Treatment,
//! # };
//! # let moment = Moment::parse("2026-04-01T09:30:00+09:00")?;
//! let what = What::Query { statement: Digest::from_bytes([7; 32]), seen: Frontier::start() };
//! let reading = Reading::begin(ActId(1), &principal, what, moment);
//! let event = reading.finish(moment, AuditOutcome::Completed, || Salt::from_bytes([9; 32])).remove(0);
//! let entry = Entry { position: Position::new(0, 4), event };
//!
//! let (mut tree, mut nodes) = (Tree::default(), Vec::new());
//! nodes.extend(tree.append(entry.leaf()));
//! let head = TreeHead { size: tree.size(), root: tree.root(), next: Offset(5), moment };
//! let key = SigningKey::from_seed(SignerName::parse("ajisai/n1")?, &[1; 32]);
//! let signed = head.sign(&key);
//!
//! let head = TreeHead::open(&signed, &key.verifying())?;
//! let proof = prove_inclusion(&nodes, head.size, 0).ok_or("no such entry")?;
//! assert!(includes(head.size, &head.root, 0, &entry.head().bytes(), &proof));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod balp;
mod canon;
mod entry;
mod head;
mod index;
mod json;
mod published;
mod recall;
mod receipt;
mod report;
mod sign;
mod tree;
mod verify;
mod words;

pub use balp::{Systems, audit_events};
pub use entry::{Entry, EntryHead, Line};
pub use head::{HeadError, TreeHead};
pub use index::{MemoryIndex, Subject, index_of, keys};
pub use json::{FormError, entry_line, head_line, read_entry_line, read_head_line};
pub use published::{Consumed, Corrections, Publication, Stretch};
pub use recall::{Cause, Recall, Recalled, recall_text};
pub use receipt::{ReceiptError, open_receipt, receipt_text, sign_receipt};
pub use report::{Report, ReportError, ReportLine};
pub use sign::{KeyError, NoteError, SignerName, SigningKey, VerifyingKey};
pub use tree::{
    LARGEST, Nodes, Proof, Tree, extends, includes, leaf_hash, nodes_kept, prove_consistency, prove_inclusion,
};
pub use verify::{FINDINGS, Finding, Verdict, Verifier};
pub use words::{Language, Names, japan_time};
