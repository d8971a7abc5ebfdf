//! One resource under conversion: what every type has in common.

use super::{Context, Reason, References, Refusal, Resource, institution, label, time};
use model::{Author, Category, ChangeKind, DepartmentCode, Labels, Moment, Payload, Record, RecordId, Role, Version};
use serde_json::Value;

/// The resource types that something is made from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Patient,
    Observation,
    Condition,
    MedicationRequest,
    Encounter,
    EpisodeOfCare,
    AllergyIntolerance,
    DocumentReference,
    DiagnosticReport,
    CarePlan,
    ImagingStudy,
    Immunization,
    /// No record comes of it, but a change of consent.
    Consent,
}

impl Kind {
    fn from_text(text: &str) -> Option<Self> {
        Some(match text {
            "Patient" => Self::Patient,
            "Observation" => Self::Observation,
            "Condition" => Self::Condition,
            "MedicationRequest" => Self::MedicationRequest,
            "Encounter" => Self::Encounter,
            "EpisodeOfCare" => Self::EpisodeOfCare,
            "AllergyIntolerance" => Self::AllergyIntolerance,
            "DocumentReference" => Self::DocumentReference,
            "DiagnosticReport" => Self::DiagnosticReport,
            "CarePlan" => Self::CarePlan,
            "ImagingStudy" => Self::ImagingStudy,
            "Immunization" => Self::Immunization,
            "Consent" => Self::Consent,
            _ => return None,
        })
    }
}

/// What a type adds to make a record.
pub(super) struct Parts {
    pub category: Category,
    pub occurred: Moment,
    pub recorded: Option<Moment>,
    pub change: ChangeKind,
    /// Absent for a deletion.
    pub payload: Option<Payload>,
}

/// One resource under conversion.
pub(super) struct Case<'a> {
    kind: Kind,
    /// The resource.
    pub json: &'a Value,
    /// The resource that contains it, where it is `contained`.
    pub outer: Option<&'a Value>,
    /// `$`, or `$.contained[n]`.
    root: String,
    pub resource: &'a Resource,
    pub context: &'a Context,
    pub references: &'a References,
}

impl<'a> Case<'a> {
    pub fn new(resource: &'a Resource, context: &'a Context, references: &'a References) -> Result<Self, Refusal> {
        let json = resource.json();
        let name = resource.resource_type();
        let refuse = |reason, path: &str, rule| Refusal::new(reason, name, resource.place(), path, rule);
        if name.is_empty() || !json.is_object() {
            return Err(refuse(Reason::NotAResource, "$", "a resource is an object with a `resourceType`"));
        }
        let Some(kind) = Kind::from_text(name) else {
            return Err(refuse(Reason::UnsupportedResource, "$.resourceType", "no category is made from this type"));
        };
        let case = Self { kind, json, outer: None, root: "$".to_owned(), resource, context, references };
        case.check_modifiers()?;
        institution::check(&case)?;
        Ok(case)
    }

    /// The case of an Observation contained in this one.
    pub fn contained(&self, index: usize, json: &'a Value) -> Result<Self, Refusal> {
        let case = Self {
            kind: Kind::Observation,
            json,
            outer: Some(self.json),
            root: format!("$.contained[{index}]"),
            ..*self
        };
        case.check_modifiers()?;
        Ok(case)
    }

    fn check_modifiers(&self) -> Result<(), Refusal> {
        let said = |key| {
            self.json
                .get(key)
                .is_some_and(|value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()))
        };
        for key in ["modifierExtension", "implicitRules"] {
            if said(key) {
                return Err(self.refuse(
                    Reason::UnknownModifier,
                    format!(".{key}"),
                    "no modifier extension is understood",
                ));
            }
        }
        Ok(())
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// A refusal at `path`, which begins with `.` or is empty for the resource itself.
    pub fn refuse(&self, reason: Reason, path: impl AsRef<str>, rule: &'static str) -> Refusal {
        let path = format!("{}{}", self.root, path.as_ref());
        Refusal::new(reason, self.resource.resource_type(), self.resource.place(), path, rule)
    }

    /// The text at a JSON pointer; empty when it is not there.
    pub fn text(&self, pointer: &str) -> &'a str {
        self.json.pointer(pointer).and_then(Value::as_str).map(str::trim).unwrap_or_default()
    }

    /// The list at a JSON pointer; empty when it is not there.
    pub fn list(&self, pointer: &str) -> &'a [Value] {
        self.json.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    // === time ===

    fn moment(&self, pointer: &str, read: fn(&str) -> Option<Moment>) -> Result<Option<Moment>, Refusal> {
        let Some(value) = self.json.pointer(pointer).filter(|value| !value.is_null()) else { return Ok(None) };
        let moment = value.as_str().and_then(read);
        let rule = "a FHIR date or a time with an offset, between the years 1800 and 2300";
        moment.map(Some).ok_or_else(|| self.refuse(Reason::InvalidElement, pointer.replace('/', "."), rule))
    }
    /// The beginning at a JSON pointer.
    pub fn start(&self, pointer: &str) -> Result<Option<Moment>, Refusal> {
        self.moment(pointer, time::start)
    }
    /// The end at a JSON pointer.
    pub fn end(&self, pointer: &str) -> Result<Option<Moment>, Refusal> {
        self.moment(pointer, time::end)
    }
    /// The first of several that is there.
    pub fn first(&self, pointers: &[&str]) -> Result<Option<Moment>, Refusal> {
        for pointer in pointers {
            if let Some(moment) = self.start(pointer)? {
                return Ok(Some(moment));
            }
        }
        Ok(None)
    }
    /// When the resource, or else its Bundle, was last written.
    pub fn updated(&self) -> Result<Option<Moment>, Refusal> {
        if let Some(moment) = self.start("/meta/lastUpdated")? {
            return Ok(Some(moment));
        }
        let outer = self.outer.and_then(|outer| outer.pointer("/meta/lastUpdated"));
        let bundle = self.resource.bundle().and_then(|bundle| bundle.json().get("timestamp"));
        Ok(outer.or(bundle).and_then(Value::as_str).and_then(time::start))
    }
    /// When the fact was true: the first of the pointers, or else when it was last written.
    pub fn occurred(&self, pointers: &[&str], change: ChangeKind) -> Result<Moment, Refusal> {
        if let Some(moment) = self.first(pointers)?.or(self.updated()?) {
            return Ok(moment);
        }
        // What is taken back is shown to nobody, so its time decides nothing; that it goes matters.
        match (change, Moment::from_micros(0)) {
            (ChangeKind::Delete, Ok(epoch)) => Ok(epoch),
            _ => {
                let path = pointers.first().map(|pointer| pointer.replace('/', ".")).unwrap_or_default();
                Err(self.refuse(Reason::Undated, path, "the resource or its Bundle says when it was"))
            }
        }
    }

    // === the record ===

    /// The version.
    ///
    /// | `meta.versionId` | `meta.lastUpdated` | version |
    /// | --- | --- | --- |
    /// | a number from 1 | any | that number |
    /// | another text, or absent | stated | its microseconds since 1970 |
    /// | another text | absent | refused: versions without an order |
    /// | absent | absent | 1; corrected 2; taken back 3 |
    fn version(&self, change: ChangeKind) -> Result<Version, Refusal> {
        let meta = self.outer.unwrap_or(self.json);
        let stated = meta.pointer("/meta/versionId").and_then(Value::as_str);
        if let Some(version) = stated.and_then(|text| text.parse().ok()).and_then(Version::new) {
            return Ok(version);
        }
        let updated = meta.pointer("/meta/lastUpdated").and_then(Value::as_str).and_then(time::start);
        match (updated, stated) {
            (Some(updated), _) => {
                Ok(u64::try_from(updated.micros()).ok().and_then(Version::new).unwrap_or(Version::FIRST))
            }
            (None, Some(_)) => {
                let rule = "a number from 1, or accompanied by `meta.lastUpdated`, so that versions have an order";
                Err(self.refuse(Reason::InvalidElement, ".meta.versionId", rule))
            }
            (None, None) => {
                let rank = match change {
                    ChangeKind::Upsert => 1,
                    ChangeKind::Correct => 2,
                    ChangeKind::Delete => 3,
                };
                Ok(Version::new(rank).unwrap_or(Version::FIRST))
            }
        }
    }

    /// The labels: the resource's own, and those of what holds it (container, Bundle, document).
    fn labels(&self) -> Labels {
        let mut labels = label::labels(self.json).union(label::security_labels(self.json));
        if let Some(outer) = self.outer {
            labels = labels.union(label::labels(outer)).union(label::security_labels(outer));
        }
        if let Some(bundle) = self.resource.bundle() {
            labels = labels.union(label::labels(bundle.json()));
            if let Some(composition) = bundle.composition() {
                labels = labels.union(label::labels(composition));
                labels = labels.union(label::confidentiality(composition.get("confidentiality")));
            }
        }
        labels
    }

    /// The department: the national extension, else the SS-MIX2 department among the service types.
    fn department(&self) -> Result<Option<DepartmentCode>, Refusal> {
        const SYSTEM: &str = "http://jami.jp/SS-MIX2/CodeSystem/ClinicalDepartment";
        let of_extension = |holder: &'a Value| {
            let extensions = holder.get("extension").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            extensions
                .iter()
                .filter(|extension| {
                    extension.get("url").and_then(Value::as_str).is_some_and(|url| url.ends_with("Department"))
                })
                .find_map(|extension| extension.pointer("/valueCodeableConcept/coding/0/code"))
        };
        let of_service = || {
            ["/serviceType/coding", "/context/practiceSetting/coding"]
                .into_iter()
                .flat_map(|pointer| self.list(pointer))
                .find(|coding| coding.get("system").and_then(Value::as_str) == Some(SYSTEM))
                .and_then(|coding| coding.get("code"))
        };
        let code = of_extension(self.json).or_else(|| of_extension(self.outer?)).or_else(of_service);
        let Some(code) = code else { return Ok(None) };
        // A department that cannot be read must not be dropped: the scope may withhold by it.
        let parsed = code.as_str().and_then(|text| DepartmentCode::parse(text).ok());
        parsed.map(Some).ok_or_else(|| {
            self.refuse(Reason::InvalidElement, ".extension", "a department code has 1 to 16 visible ASCII characters")
        })
    }

    /// The record id: `<Type>/<id>`, `#<contained id>` and `#<suffix>`; a digest where that would be too long.
    pub fn id(&self, suffix: &str) -> Result<RecordId, Refusal> {
        let fhir_id = |json: &'a Value| {
            let id = json.get("id").and_then(Value::as_str)?;
            let plain = !id.is_empty()
                && id.len() <= 64
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
            plain.then_some(id)
        };
        let rule = "an id has 1 to 64 letters, digits, `-` and `.`";
        let own = fhir_id(self.json).ok_or_else(|| self.refuse(Reason::InvalidElement, ".id", rule))?;
        let kind = self.resource.resource_type();
        let mut text = match self.outer {
            None => format!("{kind}/{own}"),
            Some(outer) => {
                let outer = fhir_id(outer).ok_or_else(|| self.refuse(Reason::InvalidElement, ".id", rule))?;
                format!("{kind}/{outer}#{own}")
            }
        };
        if !suffix.is_empty() {
            text = format!("{text}#{suffix}");
        }
        // The event id adds `/` and up to 20 digits and ends at 128.
        if text.len() > 100 {
            text = format!("{kind}/~{:032x}", xxhash_rust::xxh3::xxh3_128(text.as_bytes()));
        }
        RecordId::parse(&text).map_err(|_| self.refuse(Reason::InvalidElement, ".id", rule))
    }

    /// Puts the record together; `suffix` tells apart the records of one resource.
    pub fn record(&self, suffix: &str, parts: Parts) -> Result<Record, Refusal> {
        let Parts { category, occurred, recorded, change, payload } = parts;
        let recorded = match recorded {
            Some(recorded) => recorded,
            None => self.updated()?.unwrap_or(occurred),
        };
        let (patient, id, version) = (self.patient()?, self.id(suffix)?, self.version(change)?);
        let author = Author { member: None, role: Role::System };
        let (labels, department) = (self.labels(), self.department()?);
        Record::new(patient, id, version, category, occurred, recorded, labels, department, author, change, payload)
            .map_err(|_| self.refuse(Reason::MissingElement, "", "a record that is not a deletion says something"))
    }

    /// The code at a JSON pointer must be one of a closed list; `None` from `read` refuses it.
    pub fn closed<T>(&self, pointer: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, Refusal> {
        let path = pointer.replace('/', ".");
        match self.text(pointer) {
            "" => Err(self.refuse(Reason::MissingElement, path, "the element is required by FHIR")),
            code => read(code)
                .ok_or_else(|| self.refuse(Reason::UnknownCode, path, "the code is in the element's closed list")),
        }
    }
}
