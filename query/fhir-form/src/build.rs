//! What all resources have: id, meta, whose they are, and what FHIR has no place for.

use crate::Mine;
use crate::code::{ACT, CONFIDENTIALITY, DEPARTMENT, EXTENSION, FACILITY, LABEL, PATIENT_NUMBER, RECORD, put_text};
use model::{Label, Moment, PatientNumber, Record, Role};
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_128;

/// A record on its way to a resource.
#[derive(Clone, Copy)]
pub(crate) struct Form<'a> {
    pub(crate) record: &'a Record,
    pub(crate) mine: Option<Mine<'a>>,
}

pub(crate) type Json = Map<String, Value>;

/// Whether FHIR takes the text for an id.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

/// An id for a text that FHIR does not take for one: a digest of it.
fn digest(text: &str) -> String {
    format!("x-{:032x}", xxh3_128(text.as_bytes()))
}

/// The id of the `Patient` of a number, so that whatever refers to it can name it.
fn patient_id(number: &PatientNumber) -> String {
    let number = number.as_str();
    if is_id(number) { number.to_owned() } else { digest(number) }
}

fn number(facility: &str, number: &PatientNumber) -> Value {
    json!({
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
        "system": format!("{PATIENT_NUMBER}{facility}"),
        "value": number.as_str(),
    })
}

pub(crate) fn extension(name: &str, key: &str, value: impl Into<Value>) -> Value {
    json!({"url": format!("{EXTENSION}{name}"), key: value.into()})
}

impl Form<'_> {
    pub(crate) fn source(&self) -> &str {
        self.record.patient.facility().as_str()
    }
    pub(crate) fn occurred(&self) -> String {
        self.record.occurred.to_string()
    }
    pub(crate) fn recorded(&self) -> String {
        self.record.recorded.to_string()
    }

    /// The resource's id: the record's own where it is one of this type, else a digest of it.
    fn id(&self, resource_type: &str) -> String {
        let id = self.record.id.as_str();
        let own = id.strip_prefix(resource_type).and_then(|rest| rest.strip_prefix('/')).filter(|rest| is_id(rest));
        own.map_or_else(|| digest(id), str::to_owned)
    }

    /// What every resource begins with.
    ///
    /// `told` is when the fact was true as a reader of the resource will take it; where that is another time, an extension
    /// says the right one.
    pub(crate) fn begin(&self, resource_type: &str, told: Option<Moment>) -> Json {
        let mut json = Json::new();
        json.insert("resourceType".to_owned(), Value::from(resource_type));
        json.insert("id".to_owned(), Value::from(self.id(resource_type)));
        json.insert("meta".to_owned(), self.meta());
        json.insert("identifier".to_owned(), json!([self.record_identifier()]));
        let mut extensions = self.extensions();
        if told != Some(self.record.occurred) {
            extensions.push(extension("occurred", "valueDateTime", self.occurred()));
        }
        if !extensions.is_empty() {
            json.insert("extension".to_owned(), Value::from(extensions));
        }
        json
    }

    /// As [`Form::begin`], of a resource that is about a patient under `subject`, or `patient`.
    pub(crate) fn about(&self, resource_type: &str, subject: &str, told: Option<Moment>) -> Json {
        let mut json = self.begin(resource_type, told);
        json.insert(subject.to_owned(), self.subject());
        json
    }

    /// Makes it the `Patient` of the record's number.
    pub(crate) fn be_patient(&self, json: &mut Json) {
        let own = self.record.patient.number();
        let mut identifiers = vec![number(self.source(), own)];
        // The viewer's own is another facility's, so it carries no type: a reader of the source's file must not take it.
        identifiers.extend(self.mine.map(|mine| self.mine_plain(mine)));
        identifiers.push(self.record_identifier());
        json.insert("id".to_owned(), Value::from(patient_id(own)));
        json.insert("identifier".to_owned(), Value::from(identifiers));
    }

    fn mine_plain(&self, mine: Mine<'_>) -> Value {
        json!({"system": format!("{PATIENT_NUMBER}{}", mine.facility.as_str()), "value": mine.number.as_str()})
    }

    pub(crate) fn record_identifier(&self) -> Value {
        json!({"system": format!("{RECORD}{}", self.source()), "value": self.record.id.as_str()})
    }

    fn subject(&self) -> Value {
        let own = self.record.patient.number();
        let mut subject = json!({
            "reference": format!("Patient/{}", patient_id(own)),
            "identifier": number(self.source(), own),
        });
        if let (Some(mine), Some(subject)) = (self.mine, subject.as_object_mut()) {
            let extension = extension("my-patient-number", "valueIdentifier", self.mine_plain(mine));
            subject.insert("extension".to_owned(), json!([extension]));
        }
        subject
    }

    fn meta(&self) -> Value {
        let (mut security, mut tags) = (Vec::new(), Vec::new());
        for label in Label::ALL.iter().copied().filter(|label| self.record.labels.contains(*label)) {
            let (system, list) = match label {
                Label::Restricted | Label::VeryRestricted => (CONFIDENTIALITY, &mut security),
                Label::Lts | Label::Uninformed | Label::Undelivered => (LABEL, &mut security),
                // It is no sensitivity: as a label that is not known it would be read as one.
                Label::Released => (LABEL, &mut tags),
                _ => (ACT, &mut security),
            };
            list.push(json!({"system": system, "code": label.code()}));
        }
        let mut meta = Json::new();
        meta.insert("versionId".to_owned(), Value::from(self.record.version.get().to_string()));
        meta.insert("lastUpdated".to_owned(), Value::from(self.recorded()));
        meta.insert("source".to_owned(), Value::from(format!("{FACILITY}{}", self.source())));
        for (key, list) in [("security", security), ("tag", tags)] {
            if !list.is_empty() {
                meta.insert(key.to_owned(), Value::from(list));
            }
        }
        Value::Object(meta)
    }

    fn extensions(&self) -> Vec<Value> {
        let mut all = Vec::new();
        if let Some(department) = &self.record.department {
            let code = json!({"coding": [{"system": DEPARTMENT, "code": department.as_str()}]});
            all.push(extension("Department", "valueCodeableConcept", code));
        }
        let author = &self.record.author;
        if author.role != Role::System {
            all.push(extension("author-role", "valueCode", author.role.code()));
        }
        if let Some(member) = &author.member {
            let mut identifier = Json::new();
            put_text(&mut identifier, "system", "urn:ajisai:member");
            put_text(&mut identifier, "value", member.as_str());
            all.push(extension("author", "valueIdentifier", identifier));
        }
        all
    }
}
