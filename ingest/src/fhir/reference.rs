//! Who and what references lead to, across files.

use super::{Context, Reason, Resource, institution};
use model::PatientNumber;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

/// The patients, medications, specimens, orders, organisations and practitioners of all files that belong together.
///
/// Let it [`learn`](Self::learn) every resource before the first is converted. Bundles and `contained` resources
/// are looked at first; this is for what they do not hold.
#[derive(Clone, Default)]
pub struct References {
    patients: HashMap<String, Result<PatientNumber, Reason>>,
    /// Who keeps them, where that is said: the names of the organisation.
    managed: HashMap<String, Vec<String>>,
    /// Medications whole; of specimens and orders what results say of them.
    others: HashMap<String, Value>,
    /// The identifiers of organisations and practitioners.
    actors: HashMap<String, Vec<String>>,
}

impl fmt::Debug for References {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { patients, managed: _, others, actors } = self;
        let (patients, others, actors) = (patients.len(), others.len(), actors.len());
        write!(f, "References({patients} patient keys, {actors} actor keys, {others} other keys)")
    }
}

impl References {
    /// Keeps what others may refer to: a `Patient`'s number under its id, its `fullUrl` and its identifiers, a
    /// `Medication`, what a `Specimen` is and when it was taken, the identifiers of a `ServiceRequest`, and those of an
    /// `Organization`, `Practitioner` or `PractitionerRole`. Other resources are passed over.
    pub fn learn(&mut self, resource: &Resource, context: &Context) {
        let json = resource.json();
        let kind = resource.resource_type();
        let wanted: &[&str] = match kind {
            "Medication" => &["resourceType", "code", "ingredient", "form"],
            "Specimen" => &["resourceType", "type", "collection"],
            "ServiceRequest" => &["resourceType", "identifier"],
            "Patient" | "Organization" | "Practitioner" | "PractitionerRole" => &[],
            _ => return,
        };
        let mut keys = Vec::new();
        keys.extend(json.get("id").and_then(Value::as_str).map(|id| format!("{kind}/{id}")));
        keys.extend(resource.full_url().map(str::to_owned));
        if !wanted.is_empty() {
            let part = |key: &&str| Some(((*key).to_owned(), json.get(*key)?.clone()));
            let kept: Value = wanted.iter().filter_map(part).collect::<serde_json::Map<_, _>>().into();
            for key in keys {
                self.others.entry(key).or_insert_with(|| kept.clone());
            }
            return;
        }
        if kind != "Patient" {
            let names: Vec<String> = identifiers(json).filter_map(identifier_key).collect();
            for key in keys {
                self.actors.entry(key).or_insert_with(|| names.clone());
            }
            return;
        }
        let number = number_of(json, context);
        keys.extend(identifiers(json).filter_map(identifier_key));
        let keeper = managed(json);
        for key in keys {
            if !keeper.is_empty() {
                self.managed.entry(key.clone()).or_insert_with(|| keeper.clone());
            }
            let known = self.patients.entry(key).or_insert_with(|| number.clone());
            // One key, two numbers: nobody can say whose record it is.
            if *known != number {
                *known = Err(Reason::AmbiguousPatient);
            }
        }
    }

    /// The patient numbers learnt, each once.
    pub fn numbers(&self) -> BTreeSet<PatientNumber> {
        self.patients.values().filter_map(|number| number.clone().ok()).collect()
    }

    /// The names of the organisation that keeps a patient.
    pub(super) fn managed(&self, key: &str) -> &[String] {
        self.managed.get(key).map(Vec::as_slice).unwrap_or_default()
    }
    pub(super) fn patient(&self, key: &str) -> Option<Result<PatientNumber, Reason>> {
        self.patients.get(key).cloned()
    }
    /// The identifiers of an organisation or practitioner, as `<system>|<value>`.
    pub(super) fn actor(&self, key: &str) -> &[String] {
        self.actors.get(key).map(Vec::as_slice).unwrap_or_default()
    }
    /// What is kept of a medication, specimen or order.
    pub(super) fn other(&self, key: &str) -> Option<&Value> {
        self.others.get(key)
    }
}

/// The systems under which Japanese files write a facility's own patient number; the facility's number follows the dot.
pub(super) const NUMBER_SYSTEMS: [&str; 3] = [
    "urn:oid:1.2.392.100495.20.3.51.",
    // Health check-ups and the older referral documents.
    "urn:oid:1.2.392.200119.6.102.",
    "http://jpfhir.jp/fhir/eCS/Idsystem/JP_Hospital_PatientID",
];

pub(super) fn identifiers(patient: &Value) -> impl Iterator<Item = &Value> {
    patient.get("identifier").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default().iter()
}

pub(super) fn identifier_key(identifier: &Value) -> Option<String> {
    let system = identifier.get("system")?.as_str()?;
    let value = identifier.get("value")?.as_str()?;
    Some(format!("{system}|{value}"))
}

/// The names that a resource gives to the organisation at the other end of a `Reference`: identifiers as `<system>|<value>`, and
/// the reference itself.
pub(super) fn names_of(holder: &Value, reference: &Value) -> Vec<String> {
    let mut names: Vec<String> = reference.get("identifier").and_then(identifier_key).into_iter().collect();
    let Some(target) = reference.get("reference").and_then(Value::as_str).map(without_history) else { return names };
    match target.strip_prefix('#') {
        Some(local) => {
            let contained = holder.get("contained").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let found = contained.iter().filter(|inner| inner.get("id").and_then(Value::as_str) == Some(local));
            names.extend(found.flat_map(identifiers).filter_map(identifier_key));
        }
        None => names.push(target.to_owned()),
    }
    names
}

/// The names of the organisation that keeps a `Patient`.
pub(super) fn managed(patient: &Value) -> Vec<String> {
    patient.get("managingOrganization").map(|reference| names_of(patient, reference)).unwrap_or_default()
}

/// Whether the identifier is the source's own number for the patient.
pub(super) fn is_number(identifier: &Value, context: &Context) -> bool {
    if identifier.get("use").and_then(Value::as_str) == Some("old") {
        return false;
    }
    let system = identifier.get("system").and_then(Value::as_str).unwrap_or_default();
    if let Some(own) = &context.patient_number_system {
        return system == own;
    }
    let typed = identifier
        .pointer("/type/coding")
        .and_then(Value::as_array)
        .is_some_and(|codings| codings.iter().any(|coding| coding.get("code").and_then(Value::as_str) == Some("MR")));
    let numbered = typed || NUMBER_SYSTEMS.iter().any(|known| system.starts_with(known));
    numbered && !institution::numbers_another_s(system, context)
}

/// The source's number for a `Patient`.
///
/// | identifiers that are the source's number | result |
/// | --- | --- |
/// | one value | that value |
/// | several values | ambiguous |
/// | none, but one of another institution | refused |
/// | none, no system configured | the resource's id |
/// | none, a system configured | unknown |
pub(super) fn number_of(patient: &Value, context: &Context) -> Result<PatientNumber, Reason> {
    let mut values = identifiers(patient)
        .filter(|identifier| is_number(identifier, context))
        .filter_map(|identifier| identifier.get("value")?.as_str());
    let text = match values.next() {
        Some(first) if values.all(|other| other == first) => first,
        Some(_) => return Err(Reason::AmbiguousPatient),
        None if context.patient_number_system.is_some() => return Err(Reason::UnknownPatient),
        None if identifiers(patient).any(|identifier| institution::is_another_s_number(identifier, context)) => {
            return Err(Reason::OtherInstitution);
        }
        None => patient.get("id").and_then(Value::as_str).ok_or(Reason::UnknownPatient)?,
    };
    PatientNumber::parse(text).map_err(|_| Reason::InvalidElement)
}

/// `Patient/1/_history/2` is the same patient as `Patient/1`.
pub(super) fn without_history(reference: &str) -> &str {
    reference.split_once("/_history/").map_or(reference, |(resource, _)| resource)
}

/// `Type/id` of an absolute address, for files that name resources now with, now without their server.
pub(super) fn relative(reference: &str) -> Option<&str> {
    if !reference.starts_with("http") {
        return None;
    }
    let (at, _) = reference.rmatch_indices('/').nth(1)?;
    reference.get(at + 1..)
}
