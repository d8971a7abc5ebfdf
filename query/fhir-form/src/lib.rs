//! Records as FHIR R4 resources.
//!
//! The mirror of the adapter `ingest::fhir`: what it reads of what stands here is the same record, as far as FHIR can say it
//! (docs/fhir-mapping.md says where it cannot). What FHIR has no place for stands in extensions and codes under `urn:ajisai:…`.
//! Pure: a resource is a function of its record and of the viewer's own number for the patient.
//!
//! ```
//! use model::*;
//! let patient = PatientRef::new(FacilityId::parse("nagasaki-mc")?, PatientNumber::parse("0042")?);
//! let code = Coding { system: CodeSystem::Loinc, code: "8867-4".to_owned(), display: "脈拍".to_owned() };
//! let value = Value::Quantity { value: 72.0, unit: "/min".to_owned(), comparator: String::new() };
//! let record = Record::new(
//!     patient, RecordId::parse("Observation/v1")?, Version::FIRST, Category::VitalSign,
//!     Moment::parse("2026-04-01")?, Moment::parse("2026-04-01")?, Labels::NONE, None,
//!     Author { member: None, role: Role::System }, ChangeKind::Upsert, Some(Payload::VitalSign(VitalSign { code, value })),
//! )?;
//! let resource = fhir_form::resource(&record, None).ok_or("a record that stands has a form")?;
//! assert_eq!(resource["resourceType"], "Observation");
//! assert_eq!(resource["subject"]["reference"], "Patient/0042");
//! assert_eq!(resource["valueQuantity"]["value"], 72);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod build;
mod clinical;
mod code;
mod observation;
mod paper;

use build::Form;
use model::{Category, ChangeKind, FacilityId, PatientNumber, Payload, Record};
use serde_json::Value;

/// The viewing facility, and its own number for the record's patient.
#[derive(Clone, Copy, Debug)]
pub struct Mine<'a> {
    /// Whose number it is.
    pub facility: &'a FacilityId,
    /// The number.
    pub number: &'a PatientNumber,
}

/// The resource types that records take the form of, and the categories that each is made of.
pub const TYPES: &[(&str, &[Category])] = &[
    ("AllergyIntolerance", &[Category::Allergy]),
    ("CarePlan", &[Category::CarePlan]),
    ("Communication", &[Category::Message]),
    ("Condition", &[Category::Condition]),
    ("DiagnosticReport", &[Category::Document]),
    ("DocumentReference", &[Category::Document]),
    ("Encounter", &[Category::Encounter]),
    ("ImagingStudy", &[Category::Imaging]),
    ("Immunization", &[Category::Immunization]),
    ("MedicationRequest", &[Category::Medication]),
    ("Observation", &[Category::Laboratory, Category::VitalSign, Category::Perinatal, Category::Waveform]),
    ("Patient", &[Category::Patient]),
];

/// The categories whose records may be resources of this type; `None` where no record takes its form.
pub fn categories(resource_type: &str) -> Option<&'static [Category]> {
    TYPES.iter().find(|(name, _)| *name == resource_type).map(|(_, categories)| *categories)
}

/// The record as a resource; `None` for a deletion, of which nothing is left to say.
pub fn resource(record: &Record, mine: Option<Mine<'_>>) -> Option<Value> {
    if record.change() == ChangeKind::Delete {
        return None;
    }
    let form = Form { record, mine };
    Some(match record.payload()? {
        Payload::Patient(demographics) => form.patient(demographics),
        Payload::Laboratory(result) => form.laboratory(result),
        Payload::VitalSign(sign) => form.vital_sign(sign),
        Payload::Perinatal(entry) => form.perinatal(entry),
        Payload::Waveform(waveform) => form.waveform(waveform),
        Payload::Bed(session) => form.bed(session),
        Payload::Condition(condition) => form.condition(condition),
        Payload::Allergy(allergy) => form.allergy(allergy),
        Payload::Medication(medication) => form.medication(medication),
        Payload::Encounter(encounter) => form.encounter(encounter),
        Payload::CarePlan(plan) => form.care_plan(plan),
        Payload::Document(document) => form.document(document),
        Payload::Imaging(imaging) => form.imaging(imaging),
        Payload::Message(message) => form.message(message),
        Payload::Immunization(given) => form.immunization(given),
    })
}
