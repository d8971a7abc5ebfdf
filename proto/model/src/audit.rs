//! Who saw what: the events that the node itself writes, for the ledger.

use crate::label::closed_set;
use crate::{
    BedDeed, BedPlace, Category, ConsentId, CriticalAction, FacilityId, Frontier, MemberId, Moment, NoticeId, OwnWords,
    PatientRef, Position, Principal, Purpose, Role, WorklistAct, WorklistEntry,
};
use std::collections::BTreeMap;
use std::fmt;

closed_set! {
    /// What an audit event is about.
    Act, ActSet, u16, UnknownAct, "act" {
        /// A statement was answered.
        Query = "query",
        /// A live feed was watched.
        Feed = "feed",
        /// Rows left as files.
        Export = "export",
        /// A system fetched rows by its certificate.
        MachinePull = "machine-pull",
        /// Records were committed to where a viewer sees them, read or not.
        Disclosure = "disclosure",
        /// The receipt of a withdrawal.
        Receipt = "receipt",
        /// The glass was broken.
        BreakGlass = "break-glass",
        /// A person said that they were told.
        Acknowledgement = "acknowledgement",
        /// A person was told of a critical result.
        Delivery = "delivery",
        /// A person did something about a critical result.
        Action = "action",
        /// A person did something with an entry of a worklist.
        Worklist = "worklist",
        /// Something was done at a bed that is watched.
        Bed = "bed",
    }
}

closed_set! {
    /// How an act ended.
    AuditOutcome, AuditOutcomeSet, u8, UnknownAuditOutcome, "audit outcome" {
        /// It was done to its end.
        Completed = "completed",
        /// It was refused; nothing was shown.
        Refused = "refused",
        /// It failed; what was shown until then counts.
        Failed = "failed",
        /// The caller ended it; what was shown until then counts.
        Cancelled = "cancelled",
        /// The node ended it because a permission ended; what was shown until then counts.
        Closed = "closed",
        /// It goes on: this says what was shown so far.
        Ongoing = "ongoing",
    }
}

/// A text that is not a SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a SHA-256: write 64 lower-case hex digits")]
pub struct DigestError;

/// A SHA-256. Written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Digest {
    type Err = DigestError;
    fn from_str(text: &str) -> Result<Self, DigestError> {
        fn digit(byte: u8) -> Option<u8> {
            match byte {
                b'0'..=b'9' => Some(byte - b'0'),
                b'a'..=b'f' => Some(byte - b'a' + 10),
                _ => None,
            }
        }
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return Err(DigestError);
        }
        let mut bytes = [0; 32];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            let (Some(high), Some(low)) = (digit(*high), digit(*low)) else { return Err(DigestError) };
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }
}

/// 32 random bytes that keep one patient's line of an audit event from being guessed by another patient who holds a
/// proof of their own line. Fresh for every event; secret from patients and viewers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 32]);

impl Salt {
    /// The salt with these bytes; draw them at random.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(******)")
    }
}

/// An act's id, the same in all parts of it. Written as 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActId(pub u128);

impl fmt::Display for ActId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for ActId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Who acted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Agent {
    /// For which facility.
    pub facility: FacilityId,
    /// The person; `None` for a system.
    pub member: Option<MemberId>,
    /// In which role.
    pub role: Role,
}

impl From<&Principal> for Agent {
    fn from(Principal { facility, member, role, purpose: _ }: &Principal) -> Self {
        Self { facility: facility.clone(), member: member.clone(), role: *role }
    }
}

/// Rows per category; a category with no rows is not in it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
// INVARIANT: in order of category, each once, none of no rows. Few are ever there, so that a list is less than a tree: a statement has one
// for each of thousands of patients.
pub struct Counts(Vec<(Category, u64)>);

impl Counts {
    /// Counts `rows` more of `category`.
    pub fn add(&mut self, category: Category, rows: u64) {
        if rows == 0 {
            return;
        }
        match self.0.binary_search_by_key(&category, |(known, _)| *known) {
            Ok(at) => {
                if let Some((_, count)) = self.0.get_mut(at) {
                    *count = count.saturating_add(rows);
                }
            }
            Err(at) => self.0.insert(at, (category, rows)),
        }
    }
    /// The rows of `category`.
    pub fn of(&self, category: Category) -> u64 {
        let found = self.0.iter().find(|(known, _)| *known == category);
        found.map_or(0, |(_, rows)| *rows)
    }
    /// All rows.
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |all, (_, count)| all.saturating_add(*count))
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Categories with rows, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Category, u64)> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<(Category, u64)> for Counts {
    fn from_iter<I: IntoIterator<Item = (Category, u64)>>(counts: I) -> Self {
        let mut all = Self::default();
        for (category, rows) in counts {
            all.add(category, rows);
        }
        all
    }
}

/// Rows shown per source patient ref; a patient of whom nothing was shown is not in it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Shown(BTreeMap<PatientRef, Counts>);

impl Shown {
    /// Counts `rows` more of `patient`'s `category`.
    pub fn add(&mut self, patient: &PatientRef, category: Category, rows: u64) {
        if rows == 0 {
            return;
        }
        match self.0.get_mut(patient) {
            Some(counts) => counts.add(category, rows),
            None => {
                self.0.insert(patient.clone(), Counts::from_iter([(category, rows)]));
            }
        }
    }
    /// Counts so many rows more of `patient`.
    pub fn add_all(&mut self, patient: PatientRef, counts: &Counts) {
        if !counts.is_empty() {
            let shown = self.0.entry(patient).or_default();
            counts.iter().for_each(|(category, rows)| shown.add(category, rows));
        }
    }
    /// What was shown of `patient`.
    pub fn of(&self, patient: &PatientRef) -> Option<&Counts> {
        self.0.get(patient)
    }
    /// The patients, in order, and what was shown of each.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&PatientRef, &Counts)> {
        self.0.iter()
    }
    /// How many patients.
    pub fn patients(&self) -> usize {
        self.0.len()
    }
    /// Whether nothing was shown.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Splits off the first `patients` of them.
    pub(crate) fn split(&mut self, patients: usize) -> Self {
        match self.0.keys().nth(patients).cloned() {
            Some(next) => {
                let rest = self.0.split_off(&next);
                Self(std::mem::replace(&mut self.0, rest))
            }
            None => std::mem::take(self),
        }
    }
}

/// What a withdrawal did. The node signs it and keeps it in the ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The consent that was withdrawn.
    pub consent: ConsentId,
    /// The patient, as the disclosing facility knows them.
    pub patient: PatientRef,
    /// The withdrawal's place in the log.
    pub position: Position,
    /// When the patient withdrew, as the withdrawal says.
    pub withdrawn_at: Moment,
    /// What was hidden, and from which facility.
    pub hidden: BTreeMap<FacilityId, Counts>,
    /// When the last query that was open had passed the position; `None` when none was open.
    pub queries_passed: Option<Moment>,
    /// When the last feed that was open had passed the position; `None` when none was open.
    pub feeds_passed: Option<Moment>,
    /// When the last export that was open had passed the position; `None` when none was open.
    pub exports_passed: Option<Moment>,
}

/// What was done, with what only such an act has.
///
/// `statement` is the SHA-256 of the normalised statement. The statement itself may name patients and is not kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A statement was answered from everything before `seen`.
    Query {
        /// The statement's digest.
        statement: Digest,
        /// How far the log had been read.
        seen: Frontier,
    },
    /// A feed carried what lies from `since` to before `seen`, and the history that a grant between them opened.
    Feed {
        /// The digest of what was asked for.
        statement: Digest,
        /// Where it began.
        since: Frontier,
        /// Where it has come to.
        seen: Frontier,
        /// Seconds of live watching.
        seconds: u64,
    },
    /// Rows left as files, from everything before `seen`.
    Export {
        /// The digest of what was asked for.
        statement: Digest,
        /// How far the log had been read.
        seen: Frontier,
    },
    /// A system fetched rows, from everything before `seen`.
    MachinePull {
        /// The digest of what was asked for.
        statement: Digest,
        /// How far the log had been read.
        seen: Frontier,
    },
    /// Records between `since` and `seen` became visible to the agent's facility.
    Disclosure {
        /// Where the commit began.
        since: Frontier,
        /// Where it ended.
        seen: Frontier,
    },
    /// The consent of a patient was withdrawn.
    Receipt(Box<Receipt>),
    /// A person broke the glass.
    BreakGlass {
        /// SHA-256 of the reason as it was written.
        reason: Digest,
        /// How far the log had been read.
        seen: Frontier,
    },
    /// A person said that they were told of a notice.
    Acknowledgement {
        /// Which.
        notice: NoticeId,
    },
    /// A notice of a critical result came to a person for the first time.
    Delivery {
        /// Which.
        notice: NoticeId,
    },
    /// A person did something about a critical result.
    Action {
        /// Which.
        notice: NoticeId,
        /// What they did.
        action: CriticalAction,
        /// In their own words.
        remark: OwnWords,
    },
    /// A person did something with an entry of a worklist.
    Worklist {
        /// Which.
        entry: WorklistEntry,
        /// What they did.
        act: WorklistAct,
        /// In their own words.
        remark: OwnWords,
    },
    /// Something was done at a bed that is watched.
    Bed {
        /// Which bed.
        bed: BedPlace,
        /// What was done.
        deed: BedDeed,
    },
}

impl What {
    /// Which act it is.
    pub const fn act(&self) -> Act {
        match self {
            Self::Query { .. } => Act::Query,
            Self::Feed { .. } => Act::Feed,
            Self::Export { .. } => Act::Export,
            Self::MachinePull { .. } => Act::MachinePull,
            Self::Disclosure { .. } => Act::Disclosure,
            Self::Receipt(_) => Act::Receipt,
            Self::BreakGlass { .. } => Act::BreakGlass,
            Self::Acknowledgement { .. } => Act::Acknowledgement,
            Self::Delivery { .. } => Act::Delivery,
            Self::Action { .. } => Act::Action,
            Self::Worklist { .. } => Act::Worklist,
            Self::Bed { .. } => Act::Bed,
        }
    }
    /// The digest of the statement, or of the reason.
    pub const fn statement(&self) -> Option<Digest> {
        match self {
            Self::Query { statement, .. }
            | Self::Feed { statement, .. }
            | Self::Export { statement, .. }
            | Self::MachinePull { statement, .. }
            | Self::BreakGlass { reason: statement, .. } => Some(*statement),
            Self::Disclosure { .. }
            | Self::Receipt(_)
            | Self::Acknowledgement { .. }
            | Self::Delivery { .. }
            | Self::Action { .. }
            | Self::Worklist { .. }
            | Self::Bed { .. } => None,
        }
    }
    /// Where it began to look, for acts that last.
    pub const fn since(&self) -> Option<&Frontier> {
        match self {
            Self::Feed { since, .. } | Self::Disclosure { since, .. } => Some(since),
            _ => None,
        }
    }
    /// How far the log had been read.
    pub const fn seen(&self) -> Option<&Frontier> {
        match self {
            Self::Query { seen, .. }
            | Self::Feed { seen, .. }
            | Self::Export { seen, .. }
            | Self::MachinePull { seen, .. }
            | Self::Disclosure { seen, .. }
            | Self::BreakGlass { seen, .. } => Some(seen),
            Self::Receipt(_)
            | Self::Acknowledgement { .. }
            | Self::Delivery { .. }
            | Self::Action { .. }
            | Self::Worklist { .. }
            | Self::Bed { .. } => None,
        }
    }
    /// Seconds of live watching.
    pub const fn seconds(&self) -> u64 {
        match self {
            Self::Feed { seconds, .. } => *seconds,
            _ => 0,
        }
    }
}

/// One act of one agent, or a part of one. Only the node writes these; the door refuses them from anyone else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEvent {
    /// Which act; the same in all its parts.
    pub id: ActId,
    /// Which part of it, from 0: an act that showed very many patients, or lasted long, is told in parts.
    pub part: u32,
    /// Who.
    pub agent: Agent,
    /// Why.
    pub purpose: Purpose,
    /// What.
    pub what: What,
    /// When the act began.
    pub began: Moment,
    /// When it ended, or this part of it.
    pub ended: Moment,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// The rows that were shown; none where it is a receipt.
    pub shown: Shown,
    /// Keeps the patients' lines from being guessed.
    pub salt: Salt,
}

impl AuditEvent {
    /// The patients to whom something was shown or hidden by it, in order. What somebody did with an entry of a worklist
    /// or at a bed showed nobody anything, and what they wrote is theirs: it is not in the patient's report.
    pub fn patients(&self) -> impl Iterator<Item = &PatientRef> {
        let receipt = match &self.what {
            What::Receipt(receipt) => Some(&receipt.patient),
            _ => None,
        };
        receipt.into_iter().chain(self.shown.iter().map(|(patient, _)| patient))
    }
}
