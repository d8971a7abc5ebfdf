//! The offline verifier: reads an exported bundle line by line and says what is wrong with it, by index.
//!
//! Every entry carries its own proof against the last signed head, so that one bad entry does not hide which others
//! are good. The roots of all heads are computed again from the entries as well.
//!
//! What a bundle alone cannot show is that a later head exists: give the verifier a head you saw before (the witness),
//! and the public key as you know it, not as the bundle has it.

use crate::entry::Entry;
use crate::head::{HeadError, TreeHead};
use crate::json::{FormError, read_entry_line, read_head_line};
use crate::sign::VerifyingKey;
use crate::tree::{Proof, Tree, extends, includes, leaf_hash};
use roaring::RoaringTreemap;
use std::fmt;
use std::ops::Range;

/// Findings told one by one; those beyond are counted.
pub const FINDINGS: usize = 1000;
/// How far from its stated index an entry is looked for.
const NEAR: u64 = 64;
/// How many proofs are tried in all when entries are not where they say they are.
const TRIES: u64 = 1 << 20;

/// Something wrong with a bundle. Lines are counted from 1, entries and heads from 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// A line that is no entry. Its entry counts as omitted, unless another line has it.
    Unreadable {
        /// The line of `entries.ndjson`.
        line: u64,
        /// Why.
        why: FormError,
    },
    /// What stands as entry `index` is not what was signed.
    Edited {
        /// The entry.
        index: u64,
        /// The line of `entries.ndjson`.
        line: u64,
    },
    /// Entries that were signed are not there.
    Omitted {
        /// Which.
        entries: Range<u64>,
    },
    /// A line that is no entry of this ledger, or repeats one.
    Inserted {
        /// The line of `entries.ndjson`.
        line: u64,
        /// The index it claims.
        claims: u64,
    },
    /// An entry that is genuine and stands out of its order.
    Reordered {
        /// The entry.
        index: u64,
        /// The line of `entries.ndjson`.
        line: u64,
    },
    /// An entry that is genuine and says another index than its own.
    Renumbered {
        /// The entry.
        index: u64,
        /// What it says.
        claims: u64,
        /// The line of `entries.ndjson`.
        line: u64,
    },
    /// A head that is not readable or that this key did not sign.
    HeadRefused {
        /// The head; `None` for the witness.
        head: Option<u64>,
        /// Why.
        why: HeadError,
    },
    /// A head of which the next is no continuation: smaller, earlier, or of another history.
    HeadsPart {
        /// The head that does not continue the one before.
        head: u64,
    },
    /// The entries do not give the root of a head.
    RootDiffers {
        /// The size of that head.
        size: u64,
    },
    /// The witness is of another history, or of more entries than the bundle.
    WitnessDiffers {
        /// The witness's size.
        size: u64,
    },
    /// There is no head that counts, so nothing can be proved.
    NoHead,
}

/// What the verifier found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The head everything was held against.
    pub head: Option<TreeHead>,
    /// Entries that are proved.
    pub proved: u64,
    /// What is wrong, the first [`FINDINGS`] of it.
    pub findings: Vec<Finding>,
    /// How many findings there were beyond those.
    pub more: u64,
}

impl Verdict {
    /// Whether the bundle is whole and as it was signed.
    pub fn is_whole(&self) -> bool {
        self.head.is_some() && self.findings.is_empty() && self.more == 0
    }
}

/// Verifies a bundle whose entries are given to it one by one.
#[derive(Debug)]
pub struct Verifier {
    /// Heads that count, rising in size.
    heads: Vec<TreeHead>,
    witness: Option<TreeHead>,
    findings: Findings,
    lines: u64,
    proved: RoaringTreemap,
    /// Lines that prove nothing, by the index they claim.
    unproved: Vec<(u64, u64)>,
    /// The entries so far, while they came without a gap.
    tree: Option<Tree>,
    next: u64,
    shift: i64,
    tries: u64,
}

#[derive(Debug, Default)]
struct Findings(Vec<Finding>, u64);

impl Findings {
    fn note(&mut self, finding: Finding) {
        if self.0.len() < FINDINGS { self.0.push(finding) } else { self.1 = self.1.saturating_add(1) }
    }
}

// === impl Verifier ===

impl Verifier {
    /// Begins with the key, the lines of `heads.ndjson`, and a signed head that was seen elsewhere, if there is one.
    pub fn begin<'a>(key: &VerifyingKey, heads: impl IntoIterator<Item = &'a str>, witness: Option<&str>) -> Self {
        let mut findings = Findings::default();
        let mut held: Vec<TreeHead> = Vec::new();
        for (number, line) in (0..).zip(heads) {
            let read = read_head_line(line).map_err(|_| HeadError::Form);
            let opened = read.and_then(|(note, proof)| Ok((TreeHead::open(&note, key)?, proof)));
            match opened {
                Err(why) => findings.note(Finding::HeadRefused { head: Some(number), why }),
                Ok((head, proof)) => {
                    // The first continues nothing, and has nothing to prove.
                    let follows = held.last().map_or(proof.0.is_empty(), |before| continues(before, &head, &proof));
                    if !follows {
                        findings.note(Finding::HeadsPart { head: number });
                    }
                    held.push(head);
                }
            }
        }
        if held.is_empty() {
            findings.note(Finding::NoHead);
        }
        let witness = witness.and_then(|note| {
            let opened = TreeHead::open(note, key);
            opened.map_err(|why| findings.note(Finding::HeadRefused { head: None, why })).ok()
        });
        // Every size is met once while the entries pass by.
        held.sort_by_key(|head| head.size);
        Self {
            heads: held,
            witness,
            findings,
            lines: 0,
            proved: RoaringTreemap::new(),
            unproved: Vec::new(),
            tree: Some(Tree::default()),
            next: 0,
            shift: 0,
            tries: 0,
        }
    }

    /// Takes in the next line of `entries.ndjson`.
    pub fn line(&mut self, line: &str) {
        self.lines += 1;
        if self.lines == 1 {
            self.check_roots();
        }
        match read_entry_line(line) {
            Ok((claims, entry, proof)) => self.entry(claims, &entry, &proof),
            Err(why) => {
                self.findings.note(Finding::Unreadable { line: self.lines, why });
                self.tree = None;
            }
        }
    }

    fn entry(&mut self, claims: u64, entry: &Entry, proof: &Proof) {
        let line = self.lines;
        let bytes = entry.head().bytes();
        let Some(index) = self.resolve(claims, &bytes, proof) else {
            self.unproved.push((claims, line));
            self.tree = None;
            return;
        };
        if !self.proved.insert(index) {
            self.findings.note(Finding::Inserted { line, claims });
            self.tree = None;
            return;
        }
        if index != claims {
            self.findings.note(Finding::Renumbered { index, claims, line });
        }
        if index < self.next {
            self.findings.note(Finding::Reordered { index, line });
        }
        if let Some(tree) = self.tree.as_mut().filter(|tree| tree.size() == index) {
            tree.append(leaf_hash(&bytes));
            self.check_roots();
        } else {
            self.tree = None;
        }
        self.next = self.next.max(index + 1);
    }

    /// The entry's index: the one it claims, or one near by that its proof fits.
    fn resolve(&mut self, claims: u64, bytes: &[u8], proof: &Proof) -> Option<u64> {
        let head = *self.heads.last()?;
        let fits = |index: u64| includes(head.size, &head.root, index, bytes, proof);
        if fits(claims) {
            return Some(claims);
        }
        let near = (1..=NEAR as i64).flat_map(|step| [step, -step]);
        for shift in std::iter::once(self.shift).chain(near) {
            if self.tries >= TRIES {
                return None;
            }
            self.tries += 1;
            let Some(index) = claims.checked_add_signed(shift) else { continue };
            if fits(index) {
                self.shift = shift;
                return Some(index);
            }
        }
        None
    }

    /// Holds the root of the entries so far against every head of that size.
    fn check_roots(&mut self) {
        let Some(tree) = &self.tree else { return };
        let (size, root) = (tree.size(), tree.root());
        let from = self.heads.partition_point(|head| head.size < size);
        for head in self.heads.iter().skip(from).take_while(|head| head.size == size) {
            if head.root != root {
                self.findings.note(Finding::RootDiffers { size });
            }
        }
        if self.witness.is_some_and(|witness| witness.size == size && witness.root != root) {
            self.findings.note(Finding::WitnessDiffers { size });
        }
    }

    /// Says what was found.
    pub fn finish(mut self) -> Verdict {
        if self.lines == 0 {
            self.check_roots();
        }
        let head = self.heads.last().copied();
        let size = head.map_or(0, |head| head.size);
        // What stands where no proved entry stands was edited; what stands elsewhere was inserted.
        let mut edited = RoaringTreemap::new();
        for (claims, line) in std::mem::take(&mut self.unproved) {
            if claims < size && !self.proved.contains(claims) && edited.insert(claims) {
                self.findings.note(Finding::Edited { index: claims, line });
            } else {
                self.findings.note(Finding::Inserted { line, claims });
            }
        }
        let mut from = 0;
        for present in (&self.proved | &edited).iter().chain(std::iter::once(size)) {
            if present > from {
                self.findings.note(Finding::Omitted { entries: from..present });
            }
            from = present.saturating_add(1);
        }
        if let Some(witness) = self.witness.filter(|witness| witness.size > size) {
            self.findings.note(Finding::WitnessDiffers { size: witness.size });
        }
        let Findings(findings, more) = self.findings;
        Verdict { head, proved: self.proved.len(), findings, more }
    }
}

fn continues(before: &TreeHead, head: &TreeHead, proof: &Proof) -> bool {
    head.next >= before.next
        && head.moment >= before.moment
        && extends((before.size, &before.root), (head.size, &head.root), proof)
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { line, why } => write!(f, "{line}行目は読めない line {line} {why}"),
            Self::Edited { index, line } => {
                write!(f, "記録{index}（{line}行目）は書き換えられた entry {index} (line {line}) was edited")
            }
            Self::Omitted { entries: Range { start, end } } if start + 1 == *end => {
                write!(f, "記録{start}が抜けている entry {start} was omitted")
            }
            Self::Omitted { entries: Range { start, end } } => {
                let last = end.saturating_sub(1);
                write!(f, "記録{start}から{last}が抜けている entries {start} to {last} were omitted")
            }
            Self::Inserted { line, claims } => write!(
                f,
                "{line}行目は台帳にない記録（{claims}と称する） line {line} was inserted: it claims to be entry {claims}"
            ),
            Self::Reordered { index, line } => {
                write!(f, "記録{index}（{line}行目）は順序が違う entry {index} (line {line}) was moved")
            }
            Self::Renumbered { index, claims, line } => write!(
                f,
                "記録{index}（{line}行目）は番号{claims}と偽る entry {index} (line {line}) was given number {claims}"
            ),
            Self::HeadRefused { head: Some(head), why } => write!(f, "署名{head}は認められない head {head} {why}"),
            Self::HeadRefused { head: None, why } => write!(f, "照合用の署名は認められない the witness {why}"),
            Self::HeadsPart { head } => {
                write!(f, "署名{head}は前の続きではない head {head} does not continue the one before")
            }
            Self::RootDiffers { size } => {
                write!(f, "{size}件の記録は署名と合わない the first {size} entries are not those of the signed head")
            }
            Self::WitnessDiffers { size } => write!(
                f,
                "照合用の署名（{size}件）と合わない the bundle is not the history of the witness ({size} entries)"
            ),
            Self::NoHead => write!(f, "有効な署名がない there is no head signed by this key"),
        }
    }
}
