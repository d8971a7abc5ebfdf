//! One patient's part of a message under conversion: what every record has in common.

use super::group::{Group, Section};
use super::{Feed, Kind, Reason, Remark, code, patient};
use hl7v2::{ErrorCode, Fault, Message, Part, Segment, Ts};
use model::{
    Author, Category, ChangeKind, DepartmentCode, Label, Labels, Moment, PatientRef, Payload, Record, RecordId, Role,
    Version,
};
use std::cell::RefCell;
use std::collections::HashMap;

/// What came of it.
#[derive(Default)]
pub(super) struct Out {
    pub records: Vec<Record>,
    pub remarks: Vec<Remark>,
}

impl Out {
    /// Takes a record, or notes why there is none.
    pub fn put(&mut self, record: Result<Record, Remark>) {
        match record {
            Ok(record) => self.records.push(record),
            Err(remark) => self.remarks.push(remark),
        }
    }
    /// Notes what is left out of a segment.
    pub fn leave(&mut self, reason: Reason, part: &Part<'_>, rule: &'static str) {
        self.remarks.push(Remark::new(reason, part.fault(ErrorCode::TableValue, rule)));
    }
}

/// What a kind of record adds.
pub(super) struct Parts {
    /// What tells it apart from the patient's other records of its kind.
    pub key: Vec<String>,
    /// The record id's first word.
    pub kind: &'static str,
    pub category: Category,
    pub occurred: Option<Moment>,
    pub recorded: Option<Moment>,
    pub change: ChangeKind,
    /// How final it is: of two versions of one moment, the higher holds.
    pub rank: u8,
    pub labels: Labels,
    pub payload: Option<Payload>,
}

/// One patient's part of a message.
pub(super) struct Case<'m> {
    pub message: &'m Message<'m>,
    pub section: &'m Section<'m>,
    pub kind: Kind,
    pub feed: &'m Feed,
    pub patient: PatientRef,
    /// When the message was written; when it was received, where it does not say.
    pub written: Moment,
    /// A digest of what the message says: of its header the type and event alone, which are said of the rest (an admission
    /// and its cancellation may differ in nothing else).
    digest: u64,
    /// How often each id was given: a message may state two things that nothing in it tells apart.
    taken: RefCell<HashMap<RecordId, u32>>,
}

impl<'m> Case<'m> {
    pub fn new(
        message: &'m Message<'m>,
        section: &'m Section<'m>,
        kind: Kind,
        feed: &'m Feed,
        received: Moment,
    ) -> Result<Self, Remark> {
        let pid = section.pid.ok_or_else(|| {
            let fault = Fault::new(super::pid(), ErrorCode::SegmentSequence, "a message is about a patient, in `PID`");
            Remark::new(Reason::MissingElement, fault)
        })?;
        let patient = patient::reference(&pid, feed)?;
        let written = moment(&message.header().field(7), feed)?.unwrap_or(received);
        let text = message.text();
        let header = text.find(['\r', '\n']).unwrap_or(text.len());
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        hasher.update(message.header().field(9).raw().as_bytes());
        hasher.update(text.get(header..).unwrap_or_default().as_bytes());
        let digest = hasher.digest();
        Ok(Self { message, section, kind, feed, patient, written, digest, taken: RefCell::default() })
    }

    /// The beginning of a time.
    pub fn start(&self, part: &Part<'_>) -> Result<Option<Moment>, Remark> {
        moment(part, self.feed)
    }
    /// The end of a time.
    pub fn end(&self, part: &Part<'_>) -> Result<Option<Moment>, Remark> {
        let end = |ts: Ts| ts.end(&self.feed.zone);
        bounded(part, end)
    }
    /// The first of several times that is stated.
    pub fn first_start<const N: usize>(&self, parts: [Option<Part<'_>>; N]) -> Result<Option<Moment>, Remark> {
        for part in parts.into_iter().flatten() {
            if let Some(moment) = self.start(&part)? {
                return Ok(Some(moment));
            }
        }
        Ok(None)
    }
    /// A field of `EVN`.
    pub fn evn(&self, field: u16) -> Option<Part<'m>> {
        self.message.segment("EVN").map(|evn| evn.field(field))
    }

    /// The department: the entering organisation of the order, else that of the visit.
    ///
    /// An order's that cannot be read is refused, not dropped: the scope may withhold by it.
    fn department(&self, group: Option<&Group<'_>>) -> Result<Option<DepartmentCode>, Remark> {
        let organisation = group.and_then(|group| group.orc).and_then(|orc| orc.field(17).component(1).present());
        let Some(part) = organisation else {
            let codes = self.places().filter_map(|part| DepartmentCode::parse(&part.text()).ok());
            return Ok(codes.into_iter().next());
        };
        DepartmentCode::parse(&part.text()).map(Some).map_err(|_| {
            let rule = "a department code has 1 to 16 visible ASCII characters";
            Remark::new(Reason::InvalidElement, part.fault(ErrorCode::DataType, rule))
        })
    }

    /// Where the visit says its department: a location that is a clinic, the hospital service.
    pub fn places(&self) -> impl Iterator<Item = Part<'m>> {
        let location = self.section.pv1.map(|pv1| pv1.field(3)).filter(|at| at.component(6).raw() == "C");
        let service = self.section.pv1.map(|pv1| pv1.field(10).component(1));
        [location.map(|at| at.component(1)), service].into_iter().flatten().filter_map(|part| part.present())
    }

    /// The version: the message's time to the millisecond, how final it is, and a digest, so that two messages of one
    /// moment have an order and the same message twice has one version.
    fn version(&self, rank: u8) -> Version {
        let millis = u64::try_from(self.written.micros() / 1000).unwrap_or(0);
        let number = millis * 1_000_000 + u64::from(rank.min(9)) * 100_000 + self.digest % 100_000;
        Version::new(number).unwrap_or(Version::FIRST)
    }

    /// The record id: `hl7/<kind>/<patient number>/<key>`; a digest of it where it would be too long or not ASCII.
    fn id(&self, kind: &str, key: &[String], at: &Segment<'_>) -> Result<RecordId, Remark> {
        let number = self.patient.number().as_str();
        let mut text = format!("hl7/{kind}/{number}");
        for part in key {
            text.push('/');
            text.push_str(part);
        }
        // The event id adds `/` and 19 digits and ends at 128.
        if text.len() > 100 || !text.bytes().all(|b| b.is_ascii_graphic()) {
            text = format!("hl7/{kind}/~{:032x}", xxhash_rust::xxh3::xxh3_128(text.as_bytes()));
        }
        RecordId::parse(&text).map_err(|_| {
            Remark::new(Reason::InvalidElement, at.fault(0, ErrorCode::DataType, "an id of 1 to 100 characters"))
        })
    }

    /// Puts a record together; `at` is the segment that states it.
    pub fn record(&self, at: &Segment<'_>, group: Option<&Group<'_>>, parts: Parts) -> Result<Record, Remark> {
        let Parts { key, kind, category, occurred, recorded, change, rank, labels, payload } = parts;
        let mut id = self.id(kind, &key, at)?;
        let before = {
            let mut taken = self.taken.borrow_mut();
            let count = taken.entry(id.clone()).or_default();
            *count += 1;
            *count - 1
        };
        if before > 0 {
            let counted: Vec<String> = key.into_iter().chain([format!("~{}", before + 1)]).collect();
            id = self.id(kind, &counted, at)?;
        }
        let author = Author { member: None, role: Role::System };
        let order = group.and_then(|group| group.orc).map(|orc| orc.field(28));
        let labels = labels.union(order.map_or(Labels::NONE, |order| confidentiality(&order)));
        Record::new(
            self.patient.clone(),
            id,
            self.version(rank),
            category,
            occurred.unwrap_or(self.written),
            recorded.unwrap_or(self.written),
            labels,
            self.department(group)?,
            author,
            change,
            payload,
        )
        .map_err(|_| {
            let rule = "a record that is not a deletion says something";
            Remark::new(Reason::MissingElement, at.fault(0, ErrorCode::RequiredFieldMissing, rule))
        })
    }

    /// The code of a field, in the system that is preferred among those it is stated in.
    pub fn coding(&self, part: &Part<'_>, prefer: code::Prefer) -> Option<model::Coding> {
        code::coding(&part.coded(), prefer, self.feed)
    }
}

/// The beginning of a time, within the model's years.
fn moment(part: &Part<'_>, feed: &Feed) -> Result<Option<Moment>, Remark> {
    bounded(part, |ts| ts.start(&feed.zone))
}

fn bounded(part: &Part<'_>, of: impl Fn(Ts) -> Option<jiff::Timestamp>) -> Result<Option<Moment>, Remark> {
    let Some(ts) = part.ts()? else { return Ok(None) };
    let moment = of(ts).and_then(|moment| Moment::from_micros(moment.as_microsecond()).ok());
    moment.map(Some).ok_or_else(|| part.fault(ErrorCode::DataType, "a time between the years 1800 and 2300").into())
}

/// Confidentiality codes (HL7 tables 0177 and 0272) as labels. What is not understood withholds.
pub(super) fn confidentiality(part: &Part<'_>) -> Labels {
    let label = |code: &str| match code {
        "" | "U" | "UC" | "N" => None,
        "R" | "RE" => Some(Label::Restricted),
        "V" | "VR" => Some(Label::VeryRestricted),
        "HIV" | "AID" => Some(Label::Hiv),
        "PSY" => Some(Label::Psy),
        "ETH" => Some(Label::Eth),
        _ => Some(Label::Restricted),
    };
    part.repetitions().filter_map(|code| label(&code.text())).collect()
}

/// What can stand in an id: the text, without spaces.
pub(crate) fn key(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join("_")
}
