//! HL7 v2 as a way in: messages become records of the model, or a remark that says why not.
//!
//! [`read`] takes the bytes of one message, [`convert`] one that is read already. Both are pure: the events of a message
//! are a function of its bytes, the [`Feed`] and, only where the message says no time, the moment of receipt. The same
//! message twice makes the same events with the same ids, whichever way it came.
//!
//! Nothing of a message disappears unsaid. What becomes no record is a [`Remark`], whose [`Reason`] decides its [`Fate`],
//! or a segment that nothing is made of, and then it is counted in [`Outcome::passed_over`]. The caller keeps the bytes of
//! a message that is refused or set aside. The table of what becomes of each field is `docs/hl7-mapping.md`.
//!
//! ```
//! use ingest::hl7::{Feed, read};
//! let bytes = b"MSH|^~\\&|LIS|HOSP|||20260401093000||ORU^R01|7|P|2.5\rPID|||0042^^^HOSP^PI\rOBR|1|A1||E001^panel\rOBX|1|NM|718-7^Hb^LN||13.2|g/dL|11.6-14.8||||F";
//! let feed = Feed::new(model::FacilityId::parse("nagasaki-mc")?);
//! let outcome = read(bytes, &feed, model::Moment::parse("2026-04-01")?);
//! assert!(outcome.remarks.is_empty());
//! assert_eq!(outcome.events.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod case;
mod code;
mod device;
mod document;
mod group;
mod immunization;
mod left;
mod medication;
mod patient;
mod perinatal;
mod problem;
mod remark;
mod result;
mod value;
mod visit;

pub(crate) use case::key;
pub use device::{DeviceChannel, DeviceChannelError};
pub use left::Left;
pub use remark::{Fate, Reason, Remark};

use case::Case;
pub use hl7v2::Charset;
use hl7v2::{ErrorCode, Fault, Location, Message, Options, SegmentId};
use jiff::tz::TimeZone;
use model::{CodeSystem, Event, EventKey, FacilityId, Moment};
use std::collections::{BTreeMap, HashMap};

/// What a sender's messages do not say of themselves.
#[derive(Clone, Debug)]
pub struct Feed {
    /// The facility whose messages these are: the source of every record, and the owner of every patient number.
    pub source: FacilityId,
    /// The names under which the sender may write itself in `MSH-4`, namespace or universal id. Empty: any.
    pub sending_facilities: Vec<String>,
    /// The assigning authorities in `PID-3` under which the facility's own numbers come, namespace or universal id.
    /// Empty: the identifiers typed `PI` or `MR`, else the only one there is.
    pub assigning_authorities: Vec<String>,
    /// Code systems by the names this sender gives them, before the standard names.
    pub code_systems: BTreeMap<String, CodeSystem>,
    /// Which channel of a bed a device's code is, beside the nomenclature's (IHE DEC).
    pub channels: Vec<DeviceChannel>,
    /// The zone of times without an offset.
    pub zone: TimeZone,
    /// How messages are read: the character set of those that name none, and the limits.
    pub options: Options,
    /// Take messages for training and debugging (`MSH-11` other than `P`) too.
    pub take_tests: bool,
    /// Take demographics from every message that has a `PID`, not from `ADT` alone.
    pub demographics_everywhere: bool,
}

impl Feed {
    /// A feed of a facility: times in Japan, character sets as the messages name them, production messages only.
    pub fn new(source: FacilityId) -> Self {
        Self {
            source,
            sending_facilities: Vec::new(),
            assigning_authorities: Vec::new(),
            code_systems: BTreeMap::new(),
            channels: Vec::new(),
            zone: TimeZone::fixed(jiff::tz::offset(9)),
            options: Options::default(),
            take_tests: false,
            demographics_everywhere: false,
        }
    }
}

/// What a message comes to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The events to send, in the message's order. There may be some beside remarks: what could be read of a message is not
    /// lost for what could not.
    pub events: Vec<Event>,
    /// What became no record, and why.
    pub remarks: Vec<Remark>,
    /// Who left where they lay: closes the beds of monitors that name none.
    pub left: Vec<Left>,
    /// The segments that nothing is made of, by name, and how many.
    pub passed_over: BTreeMap<SegmentId, u32>,
}

impl Outcome {
    /// The heaviest fate among the remarks; [`Fate::Left`] when there are none.
    pub fn fate(&self) -> Fate {
        self.remarks.iter().map(|remark| remark.reason.fate()).max().unwrap_or(Fate::Left)
    }
    fn of(remark: Remark) -> Self {
        Self { remarks: vec![remark], ..Self::default() }
    }
}

/// The events of one message's bytes. `received` is stamped on them, and is their time where the message says none.
pub fn read(bytes: &[u8], feed: &Feed, received: Moment) -> Outcome {
    match Message::parse(bytes, &feed.options) {
        Ok(message) => convert(&message, feed, received),
        Err(fault) => Outcome::of(Remark::new(Reason::Unreadable, fault)),
    }
}

/// The events of one message. As [`read`].
pub fn convert(message: &Message<'_>, feed: &Feed, received: Moment) -> Outcome {
    let kind = match Kind::of(message, feed) {
        Ok(kind) => kind,
        Err(remark) => return Outcome::of(remark),
    };
    let mut outcome = Outcome::default();
    let mut places: HashMap<EventKey, usize> = HashMap::new();
    for section in group::sections(message, kind) {
        let case = match Case::new(message, &section, kind, feed, received) {
            Ok(case) => case,
            Err(remark) => {
                outcome.remarks.push(remark);
                continue;
            }
        };
        let mut out = case::Out::default();
        patient::convert(&case, &mut out);
        visit::convert(&case, &mut out);
        outcome.left.extend(left::left(&case));
        problem::convert(&case, &mut out);
        result::leave_notes(&section.notes, &mut out);
        if kind.family == Family::Document {
            document::convert(&case, &mut out);
        } else {
            for group in &section.groups {
                medication::convert(&case, group, &mut out);
                result::convert(&case, group, &mut out);
            }
        }
        outcome.remarks.append(&mut out.remarks);
        for record in out.records {
            match crate::fhir::event(record, received) {
                // A message that names its patient twice may say the same twice.
                Ok(event) => match places.get(&event.key).and_then(|at| outcome.events.get(*at)) {
                    None => {
                        places.insert(event.key.clone(), outcome.events.len());
                        outcome.events.push(event);
                    }
                    Some(earlier) if *earlier == event => {}
                    Some(_) => {
                        let rule =
                            "a message says one thing of a record; under a second `PID` of the patient it says another";
                        let fault = Fault::new(pid(), ErrorCode::DuplicateKey, rule);
                        outcome.remarks.push(Remark::new(Reason::InvalidElement, fault));
                    }
                },
                Err(_) => outcome.remarks.push(Remark::new(
                    Reason::InvalidElement,
                    Fault::new(
                        Location::header(0),
                        ErrorCode::Internal,
                        "a record's id is too long to carry its version",
                    ),
                )),
            }
        }
    }
    if message.segment("PID").is_none() {
        let fault = Fault::new(pid(), ErrorCode::SegmentSequence, "a message is about a patient, in `PID`");
        outcome.remarks.push(Remark::new(Reason::MissingElement, fault));
    }
    for segment in message.segments() {
        // Of a drug the route is not read, of a vaccination it is.
        let route = kind.family == Family::Immunization && segment.id() == "RXR";
        if !route && !USED.iter().any(|name| segment.id() == **name) {
            *outcome.passed_over.entry(segment.id()).or_default() += 1;
        }
    }
    outcome
}

/// The segments that something is made of, or that say where and when.
const USED: [&str; 25] = [
    "MSH", "EVN", "PID", "MRG", "PV1", "PV2", "AL1", "IAM", "DG1", "PRB", "ORC", "OBR", "OBX", "SPM", "TXA", "RXE",
    "RXO", "RXA", "RXD", "TQ1", "IPC", "ZDS", "SFT", "UAC", "NTE",
];

/// A report without the request it answers.
fn no_request(rule: &'static str) -> Fault {
    Fault::new(
        SegmentId::new("OBR").map_or(Location::header(0), |id| Location::segment(id, 1)),
        ErrorCode::SegmentSequence,
        rule,
    )
}

fn pid() -> Location {
    SegmentId::new("PID").map_or(Location::header(0), |id| Location::segment(id, 1))
}

/// What a message is about, by `MSH-9`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    /// `ADT`: the patient and the visit.
    Visit,
    /// `ORU`, `OUL`: results.
    Result,
    /// `OML`, `OMG`, `ORM`: orders; results among them are what the orderer already knew.
    Order,
    /// `OMI`, and orders of imaging.
    Imaging,
    /// `RDE`, `OMP`, `RAS`, `RDS`.
    Medication,
    /// `VXU`.
    Immunization,
    /// `PPR`.
    Problem,
    /// `MDM`.
    Document,
}

/// The family, and the two parts of `MSH-9` that chose it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Kind {
    pub family: Family,
    /// The number of the trigger event, for `A08` 8; 0 where it has none.
    pub trigger: u16,
    /// `SPM` opens what follows (`OUL`, `OML^O33`) and does not close what precedes.
    pub specimen_first: bool,
}

impl Kind {
    /// Whether the message is one of ours at all, and what it is about.
    fn of(message: &Message<'_>, feed: &Feed) -> Result<Self, Remark> {
        let header = message.header();
        let refuse = |reason, field: u16, code, rule: &'static str| {
            Err(Remark::new(reason, Fault::new(Location::header(field), code, rule)))
        };
        if !feed.sending_facilities.is_empty() {
            let sender = header.field(4).hd();
            let known = |name: &String| !name.is_empty() && (*name == sender.namespace || *name == sender.universal);
            if !feed.sending_facilities.iter().any(known) {
                let rule = "the sending facility is the one this connection speaks for";
                return refuse(Reason::NotOurs, 4, ErrorCode::UnknownKey, rule);
            }
        }
        let version = header.field(12).component(1).text();
        if !version.is_empty() && !version.starts_with('2') {
            return refuse(Reason::NotOurs, 12, ErrorCode::Version, "a version of HL7 v2, such as `2.5`");
        }
        let processing = header.field(11).component(1).text();
        if !feed.take_tests && !processing.is_empty() && processing != "P" {
            let rule = "`P`: messages for training and debugging are not taken here";
            return refuse(Reason::NotOurs, 11, ErrorCode::ProcessingId, rule);
        }
        let kind = header.field(9);
        let (code, trigger) = (kind.component(1).text(), kind.component(2).text());
        let number = trigger.get(1..).and_then(|digits| digits.parse().ok()).unwrap_or(0);
        let family = match (&*code, &*trigger) {
            ("", _) => return refuse(Reason::MissingElement, 9, ErrorCode::RequiredFieldMissing, "the message's type"),
            ("ADT", _) => Family::Visit,
            ("ORU", "" | "R01" | "R30" | "R31" | "R32" | "R40") | ("OUL", _) => Family::Result,
            ("OML", "O21" | "O33" | "O35") | ("ORM", "" | "O01") => Family::Order,
            ("OMG", "O19") | ("OMI", _) => Family::Imaging,
            ("RDE", _) | ("OMP", "O09") | ("RAS", _) | ("RDS", _) => Family::Medication,
            ("VXU", _) => Family::Immunization,
            ("PPR", _) => Family::Problem,
            ("MDM", _) => Family::Document,
            ("ORU" | "OML" | "ORM" | "OMG" | "OMP", _) => {
                return refuse(Reason::UnsupportedType, 9, ErrorCode::EventCode, "an event that is mapped to records");
            }
            _ => {
                let rule = "a type that is mapped to records: ADT, ORU, OUL, OML, ORM, OMG, OMI, RDE, OMP, RAS, RDS, VXU, PPR, MDM";
                return refuse(Reason::UnsupportedType, 9, ErrorCode::MessageType, rule);
            }
        };
        let specimen_first = code == "OUL" || (code == "OML" && trigger != "O21");
        Ok(Self { family, trigger: number, specimen_first })
    }
}

#[cfg(test)]
mod tests;
