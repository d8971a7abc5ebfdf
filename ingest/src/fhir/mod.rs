//! FHIR R4 as a way in: files of resources become records of the model, or a refusal that says why.
//!
//! Three steps, each its own call, so that a publisher can show progress and stop anywhere:
//!
//! 1. [`open`] a file (NDJSON, a Bundle or one resource; gzip is seen by its first bytes) and read its [`Resource`]s.
//! 2. Let [`References`] learn the patients and medications of *all* files that belong together, because an
//!    `Observation` names its patient by a resource id and only the `Patient` resource holds the patient number.
//! 3. Ask for the [`events`] of each resource: one for each record that [`convert`] makes of it, or for a `Consent`
//!    what it states ([`consent`]).
//!
//! The functions are pure: a record is a function of its resource, the resources it refers to and the
//! [`Context`]; the same file twice makes the same events with the same ids.
//! What becomes of each element, and what is refused and why, stands in `docs/fhir-mapping.md`.
//!
//! It is *not* a FHIR validator: an element that is not carried is not looked at.
//!
//! ```
//! use ingest::fhir::{self, Context, References};
//! let context = Context::new(model::FacilityId::parse("nagasaki-mc")?, model::Moment::parse("2026-04-01")?);
//! let file = r#"{"resourceType":"Patient","id":"p1","identifier":[{"system":"urn:oid:1.2.392.100495.20.3.51.14210000000","value":"0042"}],"birthDate":"1970-01-01"}
//! {"resourceType":"Condition","id":"c1","subject":{"reference":"Patient/p1"},"code":{"text":"2型糖尿病"},"onsetDateTime":"2018"}"#.as_bytes();
//! let mut references = References::default();
//! for resource in fhir::read(file).flatten() {
//!     references.learn(&resource, &context);
//! }
//! let records = fhir::read(file)
//!     .map(|resource| fhir::convert(&resource?, &context, &references))
//!     .collect::<Result<Vec<_>, _>>()?;
//! assert_eq!(records.iter().flatten().map(|record| record.category().code()).collect::<Vec<_>>(), ["patient", "condition"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod case;
mod clinical;
mod code;
pub mod consent;
mod document;
pub mod endpoint;
mod imaging;
mod immunization;
mod institution;
mod keep;
mod label;
mod medication;
mod observation;
mod patient;
mod perinatal;
mod read;
mod reference;
mod refusal;
mod replay;
mod subject;
mod time;
mod value;

pub use read::{MAX_DOCUMENT_BYTES, Place, Reader, Resource, open, read};
pub use reference::References;
pub use refusal::{Reason, Refusal};

use case::{Case, Kind};
use consent::{Actors, Note};
use model::{
    Body, ConsentChange, ConsentId, Event, EventId, EventKey, FacilityId, IdError, Moment, PatientNumber, Record,
};
use prost::Message as _;
use std::collections::BTreeSet;
use std::path::Path;

/// What a file does not say of itself.
#[derive(Clone, Debug)]
pub struct Context {
    /// The facility whose file it is: the source of every record, and the owner of every patient number in it.
    pub source: FacilityId,
    /// When the file was received. Used only for a `Patient` that says neither when it was updated nor a birth date.
    /// Pass the same moment when the same file is published again (the file's own time), or such an event differs.
    pub received: Moment,
    /// The `identifier.system` of this facility's own patient numbers. `None`: the identifiers typed `MR`
    /// (HL7 table 0203) and those under the Japanese systems for a facility's patient numbers.
    pub patient_number_system: Option<String>,
    /// What to do with a record whose patient is not among the resources at hand.
    pub unlisted: Unlisted,
    /// The facility's own medical institution numbers (保険医療機関番号). What names another is not the facility's, and is
    /// refused. None: they are not known, and what resources say of their institution is not compared.
    pub institutions: BTreeSet<String>,
    /// Who the organisations and practitioners that consents name are in this network.
    pub actors: Actors,
}

/// What to do with a record whose patient is not among the resources at hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unlisted {
    /// Refuse it: the patient number is not known, and a wrong one is worse than none.
    Refuse,
    /// Take the id in `Patient/<id>` for the patient number: for sources whose resource ids *are* their numbers.
    ReferenceId,
}

impl Context {
    /// A context that takes patient numbers by the standard systems and refuses unlisted patients.
    pub fn new(source: FacilityId, received: Moment) -> Self {
        let (patient_number_system, institutions) = (None, BTreeSet::new());
        let (unlisted, actors) = (Unlisted::Refuse, Actors::default());
        Self { source, received, patient_number_system, unlisted, institutions, actors }
    }
}

/// Converts one resource to the records it states: none of them when any is refused.
///
/// An observation with components makes one record for each; a laboratory report with contained observations makes
/// a document and one record for each of them.
///
/// # Errors
/// A [`Refusal`] with the reason, the place in the file and the element; never a value.
pub fn convert(resource: &Resource, context: &Context, references: &References) -> Result<Vec<Record>, Refusal> {
    let case = Case::new(resource, context, references)?;
    match case.kind() {
        Kind::Patient => patient::convert(&case),
        Kind::Observation => observation::convert(&case),
        Kind::Condition => clinical::condition(&case),
        Kind::AllergyIntolerance => clinical::allergy(&case),
        Kind::Encounter => clinical::encounter(&case),
        Kind::EpisodeOfCare => perinatal::episode(&case),
        Kind::MedicationRequest => medication::convert(&case),
        Kind::DocumentReference => document::reference(&case),
        Kind::DiagnosticReport => document::report(&case),
        Kind::CarePlan => clinical::care_plan(&case),
        Kind::ImagingStudy => imaging::convert(&case),
        Kind::Immunization => immunization::convert(&case),
        Kind::Consent => {
            Err(case.refuse(Reason::UnsupportedResource, ".resourceType", "a consent is no record; ask for its events"))
        }
    }
}

/// Whether a type is read only for those that refer to it, or says who runs the place: it states nothing of a patient that a
/// category would hold, so nothing is lost where no record is made of it.
pub fn is_read_for_others(resource_type: &str) -> bool {
    [
        "Composition",
        "Device",
        "Endpoint",
        "HealthcareService",
        "Location",
        "Medication",
        "MessageHeader",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "ServiceRequest",
        "Specimen",
    ]
    .contains(&resource_type)
}

/// What a resource comes to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The events to send. A refused `Consent` may still have one: it closes what an earlier version has opened.
    pub events: Vec<Event>,
    /// Why it was refused, if it was.
    pub refusal: Option<Refusal>,
    /// It was read for others, and no record is made of it ([`is_read_for_others`]): it is neither taken nor refused.
    pub only_read: bool,
    /// What whoever sends it should know of a consent that was taken.
    pub notes: Vec<Note>,
}

/// The events of one resource, stamped with the context's time of receipt: those of its records, or of the consent it is.
pub fn events(resource: &Resource, context: &Context, references: &References) -> Outcome {
    if resource.resource_type() != "Consent" {
        let records = convert(resource, context, references);
        let events = records.map(|records| records.into_iter().map(|record| event(record, context.received)));
        return match events.map(Iterator::collect::<Result<Vec<_>, _>>) {
            Ok(Ok(events)) => Outcome { events, ..Outcome::default() },
            Ok(Err(_)) => {
                let rule = "an id has at most 100 characters";
                let refusal =
                    Refusal::new(Reason::InvalidElement, resource.resource_type(), resource.place(), "$.id", rule);
                Outcome { refusal: Some(refusal), ..Outcome::default() }
            }
            Err(Refusal { reason: Reason::UnsupportedResource, .. })
                if is_read_for_others(resource.resource_type()) =>
            {
                Outcome { only_read: true, ..Outcome::default() }
            }
            Err(refusal) => Outcome { refusal: Some(refusal), ..Outcome::default() },
        };
    }
    let case = match Case::new(resource, context, references) {
        Ok(case) => case,
        Err(refusal) => return Outcome { refusal: Some(refusal), ..Outcome::default() },
    };
    let consent::Imported { change, refusal, notes } = consent::import(&case);
    match change.map(|(id, change)| consent_event(resource, &id, change, context)).transpose() {
        Ok(event) => Outcome { events: event.into_iter().collect(), refusal, notes, ..Outcome::default() },
        Err(_) => {
            let rule = "an event id of the consent's id, its version and its content";
            let refusal = refusal.or_else(|| Some(case.refuse(Reason::InvalidElement, ".id", rule)));
            Outcome { refusal, notes, ..Outcome::default() }
        }
    }
}

/// The event of a consent's version: `<consent id>/<version>/<digest of what it states>`, so that the same version of the
/// same consent, read in the same way, is one event.
fn consent_event(
    resource: &Resource,
    id: &ConsentId,
    change: ConsentChange,
    context: &Context,
) -> Result<Event, IdError> {
    let text = |pointer| resource.json().pointer(pointer).and_then(serde_json::Value::as_str);
    let plain = |text: &&str| (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    let updated = || text("/meta/lastUpdated").and_then(time::start).map(|updated| updated.micros().to_string());
    let version = text("/meta/versionId").filter(plain).map(str::to_owned).or_else(updated);
    let digest = xxhash_rust::xxh3::xxh3_128(&wire::v1::ConsentChange::from(&change).encode_to_vec());
    let id = EventId::parse(&format!("{}/{}/{digest:032x}", id.as_str(), version.unwrap_or_else(|| "-".to_owned())))?;
    let key = EventKey { source: context.source.clone(), id };
    Ok(Event { key, admitted_at: context.received, body: Body::Consent(change) })
}

/// The id of the event that carries this version of the record: `<record id>/<version>`.
///
/// # Errors
/// When the record was not made by [`convert`] and its id is too long to take the version.
pub fn event_id(record: &Record) -> Result<EventId, IdError> {
    EventId::parse(&format!("{}/{}", record.id.as_str(), record.version.get()))
}

/// The event that carries the record; `admitted_at` is stamped anew by admission.
///
/// # Errors
/// As [`event_id`].
pub fn event(record: Record, admitted_at: Moment) -> Result<Event, IdError> {
    let key = EventKey { source: record.patient.facility().clone(), id: event_id(&record)? };
    Ok(Event { key, admitted_at, body: Body::Record(Box::new(record)) })
}

/// The patient numbers that the `Patient` resources of these files state, each once.
///
/// # Errors
/// When a file cannot be opened. Lines that cannot be read are passed over here; [`convert`]ing the file reports them.
pub fn patient_numbers<P: AsRef<Path>>(files: &[P], context: &Context) -> std::io::Result<BTreeSet<PatientNumber>> {
    let mut references = References::default();
    for file in files {
        for resource in open(file.as_ref())?.flatten() {
            references.learn(&resource, context);
        }
    }
    Ok(references.numbers())
}

#[cfg(test)]
mod tests;
