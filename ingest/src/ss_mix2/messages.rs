//! What is in the files: HL7 v2 messages by the mapping of every other message, and what only a storage has.
//!
//! A place states what its data type is *for*, and nothing else. Every ADT message carries demographics and many prescriptions
//! carry allergies; were these taken from wherever they stand, deleting a visit would delete the patient, and replacing a
//! prescription an allergy. So each type has its categories ([`states`]), and demographics come from `ADT-00` alone.
//!
//! Values stay as they are written (`100<`, `＜0.5`, `1+`): they are typed where they are read, by one set of rules for every
//! way in.

use super::diet;
use super::folder::Body;
use super::kind::{DataType, ExtendedKind, Kind, MESSAGES, Treatment};
use super::name::FileName;
use super::plan::{Interpreter, Said};
use crate::hl7::{self, Fate, Feed, Outcome, Remark};
use crate::refusal::{Refusal, RefusalReason};
use hl7v2::{Fault, Message};
use model::{
    Author, Body as EventBody, Category, CategorySet, ChangeKind, CodeSystem, Coding, Document, FacilityId, Labels,
    Moment, PatientRef, Payload, Record, RecordId, Role, Version,
};
use std::borrow::Cow;

/// What to do with a file whose message is about another patient than its path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OtherPatient {
    /// Refuse it: results in the wrong patient's record are worse than none.
    #[default]
    Refuse,
    /// The path is right: for storages whose messages were put together from several sources.
    TakePath,
}

/// Reads files as messages.
#[derive(Clone, Debug)]
pub struct Messages {
    feed: Feed,
    other_patient: OtherPatient,
}

impl Messages {
    /// Messages of this feed. Its assigning authorities are not asked: the path says whose number it is.
    pub fn new(feed: Feed, other_patient: OtherPatient) -> Self {
        Self { feed, other_patient }
    }
}

/// The categories that a place of this type states.
pub const fn states(data: &DataType) -> CategorySet {
    let of = CategorySet::of;
    match data {
        DataType::Standard(kind) => match kind.treatment() {
            Treatment::Counted => CategorySet::NONE,
            Treatment::Record(category) => match kind {
                Kind::Adt00 => {
                    of(Category::Patient).with(Category::Allergy).with(Category::VitalSign).with(Category::Laboratory)
                }
                Kind::Oml11 => of(Category::Laboratory).with(Category::VitalSign).with(Category::Document),
                Kind::Omg13 => {
                    of(Category::Document).with(Category::Laboratory).with(Category::VitalSign).with(Category::Imaging)
                }
                _ => of(category),
            },
        },
        DataType::Extended(_) => {
            of(Category::VitalSign).with(Category::Laboratory).with(Category::Document).with(Category::Imaging)
        }
    }
}

pub(super) fn of_fault(reason: RefusalReason, fault: &Fault) -> Refusal {
    Refusal::new(reason, &fault.location.to_string(), format!("{} ({})", fault.rule, fault.code.text()))
}

fn of_remark(remark: &Remark) -> Refusal {
    let reason = match remark.reason {
        hl7::Reason::Unreadable => RefusalReason::Unreadable,
        _ => RefusalReason::Invalid,
    };
    let fault = &remark.fault;
    Refusal::new(reason, &fault.location.to_string(), format!("{} ({})", fault.rule, remark.reason))
}

impl Interpreter for Messages {
    fn interpret(&self, name: &FileName, body: &Body) -> Result<Said, Refusal> {
        let bytes = body.bytes().map(|bytes| bytes.as_ref()).unwrap_or_default();
        let mut said = match (&name.data, body) {
            (DataType::Extended(kind), Body::Content { main, .. }) if !is_message(main, bytes) => {
                Said { records: vec![self.document(name, kind, (main, bytes))?], kept: None }
            }
            _ => self.message(name, bytes)?,
        };
        said.records.retain(|record| states(&name.data).contains(record.category()));
        for record in &mut said.records {
            // The scope may withhold by it, so what the path knows and the message does not say counts.
            if record.department.is_none() && name.department.is_some() {
                record.department.clone_from(&name.department);
                record.version = Version::new(record.version.get().saturating_add(1)).unwrap_or(record.version);
            }
        }
        Ok(said)
    }
}

fn is_message(main: &str, bytes: &[u8]) -> bool {
    main.to_ascii_lowercase().ends_with(".hl7") || bytes.starts_with(b"MSH|")
}

impl Messages {
    fn message(&self, name: &FileName, bytes: &[u8]) -> Result<Said, Refusal> {
        let number = name.patient.as_str();
        let bytes = match self.other_patient {
            OtherPatient::Refuse => Cow::Borrowed(bytes),
            OtherPatient::TakePath => about(bytes, number),
        };
        let message = Message::parse(&bytes, &self.feed.options);
        let message = message.map_err(|fault| of_fault(RefusalReason::Unreadable, &fault))?;
        if let DataType::Standard(kind) = name.data {
            of_its_type(&message, kind)?;
        }
        // `PID-3` names one patient, under whatever authority; the path says that it is the facility's own number.
        let stated = message.segment("PID").map(|pid| pid.field(3));
        let same = stated.is_some_and(|field| field.repetitions().any(|part| part.component(1).text() == number));
        if !same {
            let rule = "names the patient of the path; a storage whose paths are right whatever its messages say can be \
                        configured so";
            return Err(Refusal::new(RefusalReason::Invalid, "PID^1^3", rule));
        }
        if name.data == DataType::Standard(Kind::Omd) {
            return Ok(Said { records: diet::records(&message, name, &self.feed)?, kept: None });
        }
        let Outcome { events, remarks, .. } = hl7::convert(&message, &self.feed, name.stamp);
        let records: Vec<Record> = events
            .into_iter()
            .filter_map(|event| match event.body {
                EventBody::Record(record) => Some(*record),
                EventBody::Consent(_) | EventBody::Directory(_) | EventBody::Referral(_) | EventBody::Audit(_) => None,
            })
            .filter(|record| record.patient.number() == &name.patient)
            .collect();
        // A segment that is nothing but its name says nothing, and nothing can be wrong with it.
        let says = |remark: &&Remark| {
            let at = remark.fault.location;
            let there = message.all(at.segment.as_str()).nth(usize::try_from(at.sequence.max(1) - 1).unwrap_or(0));
            there.is_none_or(|segment| segment.fields() > 0)
        };
        let worst = remarks.iter().filter(says).max_by_key(|remark| remark.reason.fate());
        let kept = worst.filter(|remark| remark.reason.fate() > Fate::Left).map(of_remark);
        match kept {
            Some(refusal) if records.is_empty() => Err(refusal),
            kept => Ok(Said { records, kept }),
        }
    }

    /// A document of the extended storage, as it is written: XML for most.
    fn document(&self, name: &FileName, kind: &ExtendedKind, (main, bytes): (&str, &[u8])) -> Result<Record, Refusal> {
        let ending = main.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let rule = "is text in UTF-8, such as an XML document; other documents stay where they are";
        let content =
            std::str::from_utf8(text).map_err(|_| Refusal::new(RefusalReason::Unreadable, "main document", rule))?;
        let coding = coding_of(kind);
        let document = Document {
            title: coding.display.clone(),
            kind: coding,
            content_type: if ending == "txt" { "text/plain" } else { "text/xml" }.to_owned(),
            content: content.to_owned(),
        };
        let date = name.date.map_or_else(|| "-".to_owned(), |date| date.strftime("%Y%m%d").to_string());
        let mut id =
            format!("ss-mix2/document/{}/{}/{date}/{}", name.patient.as_str(), name.data.code(), name.order.as_str());
        if id.len() > 100 || !id.bytes().all(|b| b.is_ascii_graphic()) {
            id = format!("ss-mix2/document/~{:032x}", xxhash_rust::xxh3::xxh3_128(id.as_bytes()));
        }
        let occurred = name.date.and_then(|date| Moment::parse(&date.to_string()).ok()).unwrap_or(name.stamp);
        let digest = xxhash_rust::xxh3::xxh3_64(bytes);
        stated(&self.feed.source, name, (&id, digest), occurred, Payload::Document(document))
    }
}

/// A record that a file states of itself: at the moment in its name, with a digest so that one rewritten in place is another
/// version.
pub(super) fn stated(
    source: &FacilityId,
    name: &FileName,
    (id, digest): (&str, u64),
    occurred: Moment,
    payload: Payload,
) -> Result<Record, Refusal> {
    let invalid = |error: String| Refusal::new(RefusalReason::Invalid, "record", error);
    let id = RecordId::parse(id).map_err(|error| invalid(error.to_string()))?;
    let millis = u64::try_from(name.stamp.micros() / 1000).unwrap_or(0);
    let version = millis.saturating_mul(1_000_000).saturating_add(100_000 + digest % 100_000);
    Record::new(
        PatientRef::new(source.clone(), name.patient.clone()),
        id,
        Version::new(version).unwrap_or(Version::FIRST),
        payload.category(),
        occurred,
        name.stamp,
        Labels::NONE,
        name.department.clone(),
        Author { member: None, role: Role::System },
        ChangeKind::Upsert,
        Some(payload),
    )
    .map_err(|error| invalid(error.to_string()))
}

/// The standard code of an extended type, else its own; shown as the source calls it.
fn coding_of(kind: &ExtendedKind) -> Coding {
    let shown = [&kind.local_name, &kind.standard_name].into_iter().find(|name| !name.is_empty());
    let display = shown.cloned().unwrap_or_default();
    if kind.standard.is_empty() {
        return Coding { system: CodeSystem::Local, code: kind.local.clone(), display };
    }
    let system = match kind.standard_system.as_str() {
        "LN" => CodeSystem::Loinc,
        other => CodeSystem::from_text(other),
    };
    Coding { system, code: kind.standard.clone(), display }
}

/// The message must be of the sort that lies under its type. Only its first component is asked: in the field a visit (`A04`) is
/// written as an admission (`A01`).
fn of_its_type(message: &Message<'_>, kind: Kind) -> Result<(), Refusal> {
    let written = message.header().field(9).component(1).text();
    let sort = |text: &str| text.split('^').next().unwrap_or_default() == written;
    if MESSAGES.iter().any(|known| known.kind == kind && sort(known.message)) {
        return Ok(());
    }
    Err(Refusal::new(RefusalReason::Invalid, "MSH^1^9", "is a message of the data type under which the file lies"))
}

/// The same message about the patient of the path: `PID-3` written anew. Bytes, for nothing but ASCII stands before it in its
/// segment.
fn about<'b>(bytes: &'b [u8], number: &str) -> Cow<'b, [u8]> {
    let begins = |at: &usize| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        before.is_none_or(|b| matches!(b, b'\r' | b'\n'))
            && bytes.get(*at..).is_some_and(|rest| rest.starts_with(b"PID|"))
    };
    let Some(pid) = (0..bytes.len()).find(begins) else { return Cow::Borrowed(bytes) };
    let (head, segment) = bytes.split_at_checked(pid).unwrap_or((bytes, &[]));
    let mut bars = segment.iter().enumerate().filter(|(_, b)| **b == b'|').map(|(at, _)| at);
    let Some(begin) = bars.nth(2) else { return Cow::Borrowed(bytes) };
    let end = bars.next().unwrap_or(segment.len());
    let line = segment.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(segment.len());
    let (Some(before), Some(after)) = (segment.get(..=begin), segment.get(end.min(line)..)) else {
        return Cow::Borrowed(bytes);
    };
    Cow::Owned([head, before, number.as_bytes(), b"^^^^PI", after].concat())
}
