//! An entry of the ledger: an audit event at its place in the log, and how it becomes a leaf.
//!
//! A leaf commits to the entry's head (who, why, what, when, where in the log) and to one line per patient, each line
//! salted. So a patient can be given the proof of their own line of a statement that showed a thousand others, and
//! learns nothing about those: not their numbers, and nothing that a guess could be checked against.

use crate::canon::{Fields, sha256};
use crate::tree::{self, Proof, leaf_hash};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use model::{
    ActId, Agent, AuditEvent, AuditOutcome, BedDeed, BedHandover, BedPlace, BedWatcher, Body, Counts, Digest, Event,
    Moment, PatientRef, Position, Purpose, Receipt, Salt, What, WorklistEntry,
};
use sha2::Sha256;

const ENTRY: &str = "ajisai ledger entry 1";
const LINE: &str = "ajisai ledger line 1";
const LINE_SALT: &str = "ajisai ledger line salt 1";
const SALT: &str = "ajisai ledger salt 1";

/// An audit event at its place in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The letter's place.
    pub position: Position,
    /// What it says.
    pub event: AuditEvent,
}

/// What an entry says besides the patients' lines, which it commits to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EntryHead {
    /// The letter's place in the log.
    pub position: Position,
    /// Which act; the same in all its parts.
    pub id: ActId,
    /// Which part of it.
    pub part: u32,
    /// Who.
    pub agent: Agent,
    /// Why.
    pub purpose: Purpose,
    /// What.
    pub what: What,
    /// When it began.
    pub began: Moment,
    /// When it, or this part of it, ended.
    pub ended: Moment,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// How many patients' lines there are.
    pub lines: u64,
    /// The root of the tree of the lines.
    pub lines_root: Digest,
    /// The digest of the salt.
    pub salt: Digest,
}

/// One patient's line of an entry, with what it takes to prove it and nothing of any other line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The patient.
    pub patient: PatientRef,
    /// The rows that were shown.
    pub counts: Counts,
    /// Which line of the entry, from 0.
    pub number: u64,
    /// The line's own salt.
    pub salt: Digest,
    /// From the line to the root of the lines.
    pub proof: Proof,
}

// === impl Entry ===

impl Entry {
    /// The entry that a letter of the log is; `None` for every other letter.
    pub fn of(position: Position, event: &Event) -> Option<Self> {
        match &event.body {
            Body::Audit(event) => Some(Self { position, event: event.as_ref().clone() }),
            Body::Record(_) | Body::Consent(_) | Body::Directory(_) | Body::Referral(_) => None,
        }
    }
    /// What it says besides the lines.
    pub fn head(&self) -> EntryHead {
        let AuditEvent { id, part, agent, purpose, what, began, ended, outcome, shown, salt } = &self.event;
        EntryHead {
            position: self.position,
            id: *id,
            part: *part,
            agent: agent.clone(),
            purpose: *purpose,
            what: what.clone(),
            began: *began,
            ended: *ended,
            outcome: *outcome,
            lines: shown.patients() as u64,
            lines_root: self.lines_root(),
            salt: sha256(&[SALT.as_bytes(), &[0], salt.as_bytes()]),
        }
    }
    /// The hash of its leaf.
    pub fn leaf(&self) -> Digest {
        leaf_hash(&self.head().bytes())
    }
    /// A patient's line; `None` when the entry has none of theirs.
    pub fn line(&self, patient: &PatientRef) -> Option<Line> {
        let number = self.event.shown.iter().position(|(shown, _)| shown == patient)?;
        let counts = self.event.shown.of(patient)?.clone();
        let proof = Proof(self.lines().prove_inclusion(number).as_bytes().to_vec());
        let number = number as u64;
        Some(Line { patient: patient.clone(), counts, number, salt: line_salt(&self.event.salt, number), proof })
    }

    fn lines(&self) -> MemoryBackedTree<Sha256, Vec<u8>> {
        let mut tree = MemoryBackedTree::new();
        for (number, (patient, counts)) in (0..).zip(self.event.shown.iter()) {
            tree.push(line_bytes(&line_salt(&self.event.salt, number), patient, counts));
        }
        tree
    }
    fn lines_root(&self) -> Digest {
        // The same root as `lines()` gives, without keeping the tree.
        let mut tree = tree::Tree::default();
        for (number, (patient, counts)) in (0..).zip(self.event.shown.iter()) {
            tree.append(leaf_hash(&line_bytes(&line_salt(&self.event.salt, number), patient, counts)));
        }
        tree.root()
    }
}

fn line_salt(salt: &Salt, number: u64) -> Digest {
    sha256(&[LINE_SALT.as_bytes(), &[0], salt.as_bytes(), &number.to_be_bytes()])
}

fn line_bytes(salt: &Digest, patient: &PatientRef, counts: &Counts) -> Vec<u8> {
    Fields::default().digest(1, salt).patient(2, patient).counts(3, counts).named(LINE)
}

// === impl EntryHead ===

impl EntryHead {
    /// The bytes that are hashed for the leaf.
    pub fn bytes(&self) -> Vec<u8> {
        let Self { position, id, part, agent, purpose, what, began, ended, outcome, lines, lines_root, salt } = self;
        let Agent { facility, member, role } = agent;
        Fields::default()
            .position(1, *position)
            .bytes(2, &id.0.to_be_bytes())
            .number(3, u64::from(*part))
            .text(4, facility.as_str())
            .maybe(member.as_ref(), |fields, member| fields.text(5, member.as_str()))
            .text(6, role.code())
            .text(7, purpose.code())
            .fields(8, what_fields(what))
            .moment(9, *began)
            .moment(10, *ended)
            .text(11, outcome.code())
            .number(12, *lines)
            .digest(13, lines_root)
            .digest(14, salt)
            .named(ENTRY)
    }
    /// Whether `line` is one of this entry's.
    pub fn has(&self, line: &Line) -> bool {
        let Line { patient, counts, number, salt, proof } = line;
        tree::includes(self.lines, &self.lines_root, *number, &line_bytes(salt, patient, counts), proof)
    }
}

fn what_fields(what: &What) -> Fields {
    let fields = Fields::default().text(1, what.act().code());
    match what {
        What::Query { statement, seen }
        | What::Export { statement, seen }
        | What::MachinePull { statement, seen }
        | What::BreakGlass { reason: statement, seen } => fields.digest(2, statement).frontier(4, seen),
        What::Feed { statement, since, seen, seconds } => {
            fields.digest(2, statement).frontier(3, since).frontier(4, seen).number(5, *seconds)
        }
        What::Disclosure { since, seen } => fields.frontier(3, since).frontier(4, seen),
        What::Receipt(receipt) => fields.fields(6, receipt_fields(receipt)),
        What::Acknowledgement { notice } | What::Delivery { notice } => fields.text(7, &notice.to_string()),
        What::Action { notice, action, remark } => {
            fields.text(7, &notice.to_string()).text(8, action.code()).text(9, remark.as_str())
        }
        What::Worklist { entry: WorklistEntry { cohort, patient }, act, remark } => {
            fields.text(10, cohort.as_str()).patient(11, patient).text(8, act.code()).text(9, remark.as_str())
        }
        What::Bed { bed: BedPlace { patient, session }, deed } => {
            deed_fields(fields.patient(11, patient).text(8, deed.code()).text(12, session), deed)
        }
    }
}

fn deed_fields(fields: Fields, deed: &BedDeed) -> Fields {
    let act = |ActId(id): ActId| id.to_be_bytes();
    match deed {
        BedDeed::Acknowledged { alarm } => fields.text(13, &alarm.to_string()),
        BedDeed::Noted { at, text, replaces } => {
            fields.moment(14, *at).text(9, text.as_str()).maybe(*replaces, |fields, note| fields.bytes(15, &act(note)))
        }
        BedDeed::NoteTaken { note } => fields.bytes(15, &act(*note)),
        BedDeed::HandedOver(BedHandover { referral, to, step, watchers }) => {
            let mut told = Fields::default();
            for BedWatcher { agent: Agent { facility, member, role }, since, until } in watchers {
                let watcher = Fields::default()
                    .text(1, facility.as_str())
                    .maybe(member.as_ref(), |fields, member| fields.text(2, member.as_str()))
                    .text(3, role.code())
                    .moment(4, *since)
                    .maybe(*until, |fields, until| fields.moment(5, until));
                told = told.fields(1, watcher);
            }
            fields.text(16, referral.as_str()).text(17, to.as_str()).text(18, step.code()).fields(19, told)
        }
    }
}

fn receipt_fields(receipt: &Receipt) -> Fields {
    let Receipt { consent, patient, position, withdrawn_at, hidden, queries_passed, feeds_passed, exports_passed } =
        receipt;
    let mut hidden_fields = Fields::default();
    for (facility, counts) in hidden {
        hidden_fields = hidden_fields.text(1, facility.as_str()).counts(2, counts);
    }
    Fields::default()
        .text(1, consent.as_str())
        .patient(2, patient)
        .position(3, *position)
        .moment(4, *withdrawn_at)
        .fields(5, hidden_fields)
        .maybe(*queries_passed, |fields, moment| fields.moment(6, moment))
        .maybe(*feeds_passed, |fields, moment| fields.moment(7, moment))
        .maybe(*exports_passed, |fields, moment| fields.moment(8, moment))
}
