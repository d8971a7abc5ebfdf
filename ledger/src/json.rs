//! The JSON twins of what the ledger writes into files. Reading goes through the model's parsing constructors; what is
//! not understood is refused, and so is any other spelling than the one written here: what no hash covers is not there.

use crate::entry::{Entry, EntryHead, Line};
use crate::tree::Proof;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::{
    ActId, Agent, AuditEvent, BedDeed, BedHandover, BedPlace, BedWatcher, Category, ConsentId, Counts, DefinitionName,
    Digest, FacilityId, MemberId, Moment, PatientNumber, PatientRef, Receipt, ReferralId, Salt, Shown, What,
    WorklistEntry,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

/// Why a line of a file is not what it must be. It carries nothing of the line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Not JSON, or not of this shape.
    #[error("is not JSON of the ledger's form: {reason}, at column {column}")]
    Json {
        /// The kind of fault.
        reason: &'static str,
        /// Where.
        column: usize,
    },
    /// Another spelling than the ledger's own, such as a field given twice or spaces: what people and programs would
    /// read could then differ.
    #[error("is not spelled as the ledger spells it")]
    Spelling,
    /// A field whose value is none of the model's.
    #[error("`{field}` has a value that the ledger does not know")]
    Field {
        /// Which.
        field: &'static str,
    },
}

impl From<serde_json::Error> for FormError {
    fn from(error: serde_json::Error) -> Self {
        // The library's own words may repeat what was read.
        let reason = match error.classify() {
            serde_json::error::Category::Io => "it cannot be read",
            serde_json::error::Category::Syntax => "a character is wrong",
            serde_json::error::Category::Data => "a field is missing, unknown, repeated or of the wrong kind",
            serde_json::error::Category::Eof => "it ends too early",
        };
        Self::Json { reason, column: error.column() }
    }
}

fn text<T: FromStr>(field: &'static str, text: &str) -> Result<T, FormError> {
    text.parse().map_err(|_| FormError::Field { field })
}
fn id<T, E>(field: &'static str, parsed: Result<T, E>) -> Result<T, FormError> {
    parsed.map_err(|_| FormError::Field { field })
}
fn moment(field: &'static str, text: &str) -> Result<Moment, FormError> {
    id(field, Moment::parse(text))
}
fn hex<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], FormError> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    let bytes = bytes.filter(|_| rest.is_empty()).and_then(|bytes| <[u8; N]>::try_from(bytes).ok());
    bytes.ok_or(FormError::Field { field })
}

/// Shown as text and read from it.
fn shown<T: Display>(value: &T) -> String {
    value.to_string()
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatientJson {
    facility: String,
    number: String,
}

impl From<&PatientRef> for PatientJson {
    fn from(patient: &PatientRef) -> Self {
        Self { facility: patient.facility().as_str().to_owned(), number: patient.number().as_str().to_owned() }
    }
}

impl PatientJson {
    pub(crate) fn read(&self) -> Result<PatientRef, FormError> {
        let facility = id("patient.facility", FacilityId::parse(&self.facility))?;
        Ok(PatientRef::new(facility, id("patient.number", PatientNumber::parse(&self.number))?))
    }
}

/// Rows by category code.
pub(crate) type CountsJson = BTreeMap<String, u64>;

pub(crate) fn counts_out(counts: &Counts) -> CountsJson {
    counts.iter().map(|(category, rows)| (category.code().to_owned(), rows)).collect()
}

fn counts_in(field: &'static str, counts: &CountsJson) -> Result<Counts, FormError> {
    let mut read = Counts::default();
    for (category, rows) in counts {
        read.add(text::<Category>(field, category)?, *rows);
    }
    Ok(read)
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptJson {
    consent: String,
    patient: PatientJson,
    position: String,
    withdrawn_at: String,
    hidden: BTreeMap<String, CountsJson>,
    queries_passed: Option<String>,
    feeds_passed: Option<String>,
    exports_passed: Option<String>,
}

impl From<&Receipt> for ReceiptJson {
    fn from(receipt: &Receipt) -> Self {
        let Receipt { consent, patient, position, withdrawn_at, hidden, queries_passed, feeds_passed, exports_passed } =
            receipt;
        Self {
            consent: consent.as_str().to_owned(),
            patient: patient.into(),
            position: shown(position),
            withdrawn_at: shown(withdrawn_at),
            hidden: hidden.iter().map(|(at, counts)| (at.as_str().to_owned(), counts_out(counts))).collect(),
            queries_passed: queries_passed.as_ref().map(shown),
            feeds_passed: feeds_passed.as_ref().map(shown),
            exports_passed: exports_passed.as_ref().map(shown),
        }
    }
}

impl ReceiptJson {
    pub(crate) fn read(&self) -> Result<Receipt, FormError> {
        let passed = |field, text: &Option<String>| text.as_deref().map(|text| moment(field, text)).transpose();
        let mut hidden = BTreeMap::new();
        for (facility, counts) in &self.hidden {
            hidden.insert(id("hidden", FacilityId::parse(facility))?, counts_in("hidden", counts)?);
        }
        Ok(Receipt {
            consent: id("consent", ConsentId::parse(&self.consent))?,
            patient: self.patient.read()?,
            position: text("position", &self.position)?,
            withdrawn_at: moment("withdrawn_at", &self.withdrawn_at)?,
            hidden,
            queries_passed: passed("queries_passed", &self.queries_passed)?,
            feeds_passed: passed("feeds_passed", &self.feeds_passed)?,
            exports_passed: passed("exports_passed", &self.exports_passed)?,
        })
    }
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
enum WhatJson {
    Query { statement: String, seen: String },
    Feed { statement: String, since: String, seen: String, seconds: u64 },
    Export { statement: String, seen: String },
    MachinePull { statement: String, seen: String },
    Disclosure { since: String, seen: String },
    Receipt { receipt: ReceiptJson },
    BreakGlass { reason: String, seen: String },
    Acknowledgement { notice: String },
    Delivery { notice: String },
    Action { notice: String, action: String, remark: String },
    Worklist { cohort: String, patient: PatientJson, action: String, remark: String },
    Bed { patient: PatientJson, session: String, deed: DeedJson },
}

/// What was done at a bed.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum DeedJson {
    Acknowledged { alarm: String },
    Noted { at: String, text: String, replaces: Option<String> },
    NoteTaken { note: String },
    HandedOver { referral: String, to: String, step: String, watchers: Vec<WatcherJson> },
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct WatcherJson {
    facility: String,
    member: Option<String>,
    role: String,
    since: String,
    until: Option<String>,
}

impl From<&BedDeed> for DeedJson {
    fn from(deed: &BedDeed) -> Self {
        let watcher = |BedWatcher { agent: Agent { facility, member, role }, since, until }: &BedWatcher| WatcherJson {
            facility: shown(facility),
            member: member.as_ref().map(shown),
            role: shown(role),
            since: shown(since),
            until: until.as_ref().map(shown),
        };
        match deed {
            BedDeed::Acknowledged { alarm } => Self::Acknowledged { alarm: shown(alarm) },
            BedDeed::Noted { at, text, replaces } => {
                Self::Noted { at: shown(at), text: text.as_str().to_owned(), replaces: replaces.as_ref().map(shown) }
            }
            BedDeed::NoteTaken { note } => Self::NoteTaken { note: shown(note) },
            BedDeed::HandedOver(BedHandover { referral, to, step, watchers }) => Self::HandedOver {
                referral: shown(referral),
                to: shown(to),
                step: shown(step),
                watchers: watchers.iter().map(watcher).collect(),
            },
        }
    }
}

impl WatcherJson {
    fn read(&self) -> Result<BedWatcher, FormError> {
        let Self { facility, member, role, since, until } = self;
        let member = member.as_ref().map(|member| id("watchers", MemberId::parse(member))).transpose()?;
        let facility = id("watchers", FacilityId::parse(facility))?;
        Ok(BedWatcher {
            agent: Agent { facility, member, role: text("watchers", role)? },
            since: moment("watchers", since)?,
            until: until.as_ref().map(|until| moment("watchers", until)).transpose()?,
        })
    }
}

impl DeedJson {
    fn read(&self) -> Result<BedDeed, FormError> {
        let note = |note: &String| Ok::<_, FormError>(ActId(u128::from_be_bytes(hex("note", note)?)));
        Ok(match self {
            Self::Acknowledged { alarm } => BedDeed::Acknowledged { alarm: text("alarm", alarm)? },
            Self::Noted { at, text: words, replaces } => BedDeed::Noted {
                at: moment("at", at)?,
                text: text("text", words)?,
                replaces: replaces.as_ref().map(note).transpose()?,
            },
            Self::NoteTaken { note: taken } => BedDeed::NoteTaken { note: note(taken)? },
            Self::HandedOver { referral, to, step, watchers } => BedDeed::HandedOver(BedHandover {
                referral: id("referral", ReferralId::parse(referral))?,
                to: id("to", FacilityId::parse(to))?,
                step: text("step", step)?,
                watchers: watchers.iter().map(WatcherJson::read).collect::<Result<_, _>>()?,
            }),
        })
    }
}

impl From<&What> for WhatJson {
    fn from(what: &What) -> Self {
        match what {
            What::Query { statement, seen } => Self::Query { statement: shown(statement), seen: shown(seen) },
            What::Feed { statement, since, seen, seconds } => {
                Self::Feed { statement: shown(statement), since: shown(since), seen: shown(seen), seconds: *seconds }
            }
            What::Export { statement, seen } => Self::Export { statement: shown(statement), seen: shown(seen) },
            What::MachinePull { statement, seen } => {
                Self::MachinePull { statement: shown(statement), seen: shown(seen) }
            }
            What::Disclosure { since, seen } => Self::Disclosure { since: shown(since), seen: shown(seen) },
            What::Receipt(receipt) => Self::Receipt { receipt: receipt.as_ref().into() },
            What::BreakGlass { reason, seen } => Self::BreakGlass { reason: shown(reason), seen: shown(seen) },
            What::Acknowledgement { notice } => Self::Acknowledgement { notice: shown(notice) },
            What::Delivery { notice } => Self::Delivery { notice: shown(notice) },
            What::Action { notice, action, remark } => {
                Self::Action { notice: shown(notice), action: shown(action), remark: remark.as_str().to_owned() }
            }
            What::Worklist { entry: WorklistEntry { cohort, patient }, act, remark } => Self::Worklist {
                cohort: shown(cohort),
                patient: patient.into(),
                action: shown(act),
                remark: remark.as_str().to_owned(),
            },
            What::Bed { bed: BedPlace { patient, session }, deed } => {
                Self::Bed { patient: patient.into(), session: session.clone(), deed: deed.into() }
            }
        }
    }
}

impl WhatJson {
    fn read(&self) -> Result<What, FormError> {
        let digest = |digest: &str| text("statement", digest);
        let place = |field, place: &str| text(field, place);
        Ok(match self {
            Self::Query { statement, seen } => {
                What::Query { statement: digest(statement)?, seen: place("seen", seen)? }
            }
            Self::Feed { statement, since, seen, seconds } => What::Feed {
                statement: digest(statement)?,
                since: place("since", since)?,
                seen: place("seen", seen)?,
                seconds: *seconds,
            },
            Self::Export { statement, seen } => {
                What::Export { statement: digest(statement)?, seen: place("seen", seen)? }
            }
            Self::MachinePull { statement, seen } => {
                What::MachinePull { statement: digest(statement)?, seen: place("seen", seen)? }
            }
            Self::Disclosure { since, seen } => {
                What::Disclosure { since: place("since", since)?, seen: place("seen", seen)? }
            }
            Self::Receipt { receipt } => What::Receipt(Box::new(receipt.read()?)),
            Self::BreakGlass { reason, seen } => {
                What::BreakGlass { reason: digest(reason)?, seen: place("seen", seen)? }
            }
            Self::Acknowledgement { notice } => What::Acknowledgement { notice: text("notice", notice)? },
            Self::Delivery { notice } => What::Delivery { notice: text("notice", notice)? },
            Self::Action { notice, action, remark } => What::Action {
                notice: text("notice", notice)?,
                action: text("action", action)?,
                remark: text("remark", remark)?,
            },
            Self::Worklist { cohort, patient, action, remark } => What::Worklist {
                entry: WorklistEntry { cohort: id("cohort", DefinitionName::parse(cohort))?, patient: patient.read()? },
                act: text("action", action)?,
                remark: text("remark", remark)?,
            },
            Self::Bed { patient, session, deed } => {
                What::Bed { bed: BedPlace { patient: patient.read()?, session: session.clone() }, deed: deed.read()? }
            }
        })
    }
}

/// What an entry and the head of an entry have in common.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct ActJson {
    position: String,
    id: String,
    part: u32,
    facility: String,
    member: Option<String>,
    role: String,
    purpose: String,
    what: WhatJson,
    began: String,
    ended: String,
    outcome: String,
}

impl From<&EntryHead> for ActJson {
    fn from(head: &EntryHead) -> Self {
        let EntryHead { position, id, part, agent, purpose, what, began, ended, outcome, .. } = head;
        let Agent { facility, member, role } = agent;
        Self {
            position: shown(position),
            id: shown(id),
            part: *part,
            facility: facility.as_str().to_owned(),
            member: member.as_ref().map(|member| member.as_str().to_owned()),
            role: role.code().to_owned(),
            purpose: purpose.code().to_owned(),
            what: what.into(),
            began: shown(began),
            ended: shown(ended),
            outcome: outcome.code().to_owned(),
        }
    }
}

impl ActJson {
    /// The head, with what only the lines say.
    fn read(&self, (lines, lines_root, salt): (u64, Digest, Digest)) -> Result<EntryHead, FormError> {
        let member = self.member.as_deref().map(MemberId::parse).transpose();
        Ok(EntryHead {
            position: text("position", &self.position)?,
            id: ActId(u128::from_be_bytes(hex("id", &self.id)?)),
            part: self.part,
            agent: Agent {
                facility: id("facility", FacilityId::parse(&self.facility))?,
                member: id("member", member)?,
                role: text("role", &self.role)?,
            },
            purpose: text("purpose", &self.purpose)?,
            what: self.what.read()?,
            began: moment("began", &self.began)?,
            ended: moment("ended", &self.ended)?,
            outcome: text("outcome", &self.outcome)?,
            lines,
            lines_root,
            salt,
        })
    }
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct ShownJson {
    patient: PatientJson,
    rows: CountsJson,
}

/// One line of `entries.ndjson`: an entry, its index, and its proof against the bundle's last head.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct EntryJson {
    index: u64,
    act: ActJson,
    shown: Vec<ShownJson>,
    salt: String,
    proof: String,
}

/// An entry as a line of `entries.ndjson`, without the newline.
///
/// # Errors
/// Never for a valid entry; the library does not promise it.
pub fn entry_line(index: u64, entry: &Entry, proof: &Proof) -> Result<String, FormError> {
    let head = entry.head();
    let rows = entry.event.shown.iter();
    let line = EntryJson {
        index,
        act: (&head).into(),
        shown: rows.map(|(patient, counts)| ShownJson { patient: patient.into(), rows: counts_out(counts) }).collect(),
        salt: entry.event.salt.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect(),
        proof: BASE64.encode(&proof.0),
    };
    Ok(serde_json::to_string(&line)?)
}

/// Reads a line of `entries.ndjson`.
///
/// # Errors
/// When it is not one; nothing is guessed and nothing passed over.
pub fn read_entry_line(line: &str) -> Result<(u64, Entry, Proof), FormError> {
    let EntryJson { index, act, shown: rows, salt, proof } = serde_json::from_str(line)?;
    let mut shown = Shown::default();
    for ShownJson { patient, rows } in &rows {
        let patient = patient.read()?;
        counts_in("rows", rows)?.iter().for_each(|(category, rows)| shown.add(&patient, category, rows));
    }
    let salt = Salt::from_bytes(hex("salt", &salt)?);
    let nothing = Digest::from_bytes([0; 32]);
    let EntryHead { position, id, part, agent, purpose, what, began, ended, outcome, .. } =
        act.read((0, nothing, nothing))?;
    let event = AuditEvent { id, part, agent, purpose, what, began, ended, outcome, shown, salt };
    let (entry, proof) = (Entry { position, event }, read_proof(&proof)?);
    if entry_line(index, &entry, &proof)? == line { Ok((index, entry, proof)) } else { Err(FormError::Spelling) }
}

fn read_proof(proof: &str) -> Result<Proof, FormError> {
    Ok(Proof(BASE64.decode(proof).map_err(|_| FormError::Field { field: "proof" })?))
}

/// One line of `heads.ndjson`: a signed head, and the proof that it extends the one before.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct HeadJson {
    head: String,
    extends: String,
}

/// A signed head as a line of `heads.ndjson`, without the newline.
///
/// # Errors
/// Never; the library does not promise it.
pub fn head_line(note: &str, extends: &Proof) -> Result<String, FormError> {
    Ok(serde_json::to_string(&HeadJson { head: note.to_owned(), extends: BASE64.encode(&extends.0) })?)
}

/// Reads a line of `heads.ndjson`: the note, unverified, and the proof.
///
/// # Errors
/// When it is not one.
pub fn read_head_line(line: &str) -> Result<(String, Proof), FormError> {
    let HeadJson { head, extends } = serde_json::from_str(line)?;
    let proof = read_proof(&extends)?;
    if head_line(&head, &proof)? == line { Ok((head, proof)) } else { Err(FormError::Spelling) }
}

/// One line of a patient's report as JSON, with everything that proves it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProvedJson {
    index: u64,
    act: ActJson,
    lines: u64,
    lines_root: String,
    salt: String,
    proof: String,
    /// Absent where the entry is about the patient and showed no rows: a receipt.
    line: Option<LineJson>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct LineJson {
    patient: PatientJson,
    rows: CountsJson,
    number: u64,
    salt: String,
    proof: String,
}

impl ProvedJson {
    pub(crate) fn of(index: u64, head: &EntryHead, line: Option<&Line>, proof: &Proof) -> Self {
        Self {
            index,
            act: head.into(),
            lines: head.lines,
            lines_root: shown(&head.lines_root),
            salt: shown(&head.salt),
            proof: BASE64.encode(&proof.0),
            line: line.map(|Line { patient, counts, number, salt, proof }| LineJson {
                patient: patient.into(),
                rows: counts_out(counts),
                number: *number,
                salt: shown(salt),
                proof: BASE64.encode(&proof.0),
            }),
        }
    }
    pub(crate) fn read(&self) -> Result<(u64, EntryHead, Option<Line>, Proof), FormError> {
        let of_lines = (self.lines, text("lines_root", &self.lines_root)?, text("salt", &self.salt)?);
        let line = self.line.as_ref().map(|LineJson { patient, rows, number, salt, proof }| {
            Ok::<_, FormError>(Line {
                patient: patient.read()?,
                counts: counts_in("rows", rows)?,
                number: *number,
                salt: text("salt", salt)?,
                proof: read_proof(proof)?,
            })
        });
        Ok((self.index, self.act.read(of_lines)?, line.transpose()?, read_proof(&self.proof)?))
    }
}
