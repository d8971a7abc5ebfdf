//! Whose record it is, and what its other references lead to.

use super::case::{Case, Kind};
use super::reference::{self, relative, without_history};
use super::{Reason, Refusal, Unlisted, institution};
use model::{PatientNumber, PatientRef};
use serde_json::Value;

impl<'a> Case<'a> {
    /// The resource that a `Reference` leads to, inside this resource or its Bundle.
    pub fn find(&self, reference: &Value) -> Option<&'a Value> {
        let target = reference.get("reference")?.as_str()?;
        if let Some(local) = target.strip_prefix('#') {
            let holder = self.outer.unwrap_or(self.json);
            let contained = holder.get("contained")?.as_array()?;
            return contained.iter().find(|inner| inner.get("id").and_then(Value::as_str) == Some(local));
        }
        self.resource.bundle()?.find(without_history(target))
    }

    /// A medication, specimen or order in this resource, its Bundle or any file learnt.
    pub fn find_anywhere(&self, reference: &'a Value) -> Option<&'a Value> {
        if let Some(found) = self.find(reference) {
            return Some(found);
        }
        let target = without_history(reference.get("reference")?.as_str()?);
        self.references.other(target).or_else(|| self.references.other(relative(target)?))
    }

    /// The patient of this resource.
    pub fn patient(&self) -> Result<PatientRef, Refusal> {
        let key = match self.kind() {
            Kind::AllergyIntolerance | Kind::Consent | Kind::EpisodeOfCare | Kind::Immunization => "patient",
            _ => "subject",
        };
        let number = match (self.kind(), self.json.get(key), self.outer) {
            (Kind::Patient, ..) => reference::number_of(self.json, self.context),
            (_, Some(subject), _) => self.number_at(subject),
            (_, None, Some(outer)) => match outer.get("subject") {
                Some(subject) => self.number_at(subject),
                None => return Err(self.refuse(Reason::MissingElement, ".subject", "a record is about a patient")),
            },
            (_, None, None) => {
                let composition = self.resource.bundle().and_then(|bundle| bundle.composition());
                match composition.and_then(|composition| composition.get("subject")) {
                    Some(subject) => self.number_at(subject),
                    None => {
                        let rule =
                            "a record is about a patient; only in a document Bundle may the Composition name them";
                        return Err(self.refuse(Reason::MissingElement, format!(".{key}"), rule));
                    }
                }
            }
        };
        let path = if self.kind() == Kind::Patient { ".identifier".to_owned() } else { format!(".{key}") };
        let number = number.map_err(|reason| {
            let rule = match reason {
                Reason::AmbiguousPatient => "one patient number of the source fits, not several",
                Reason::OtherInstitution => institution::RULE,
                Reason::InvalidElement => {
                    "a patient number has 1 to 64 bytes without control characters or outer spaces"
                }
                _ => "the reference leads to a Patient in the Bundle or in the files read, whose number is stated",
            };
            self.refuse(reason, path, rule)
        })?;
        Ok(PatientRef::new(self.context.source.clone(), number))
    }

    /// The number of the patient that a `Reference` leads to.
    pub fn number_at(&self, subject: &Value) -> Result<PatientNumber, Reason> {
        if let Some(found) = self.find(subject) {
            if found.get("resourceType").and_then(Value::as_str) != Some("Patient") {
                return Err(Reason::UnknownPatient);
            }
            if institution::is_another_s(self, &reference::managed(found)) {
                return Err(Reason::OtherInstitution);
            }
            return reference::number_of(found, self.context);
        }
        let target = subject.get("reference").and_then(Value::as_str).map(without_history);
        if let Some(target) = target {
            let known = |key: &str| Some((key.to_owned(), self.references.patient(key)?));
            if let Some((key, number)) = known(target).or_else(|| known(relative(target)?)) {
                if institution::is_another_s(self, self.references.managed(&key)) {
                    return Err(Reason::OtherInstitution);
                }
                return number;
            }
        }
        if let Some(identifier) = subject.get("identifier")
            && let Some(number) = self.number_by_identifier(identifier)
        {
            return number;
        }
        match (self.context.unlisted, target.and_then(|target| target.strip_prefix("Patient/"))) {
            (Unlisted::ReferenceId, Some(id)) => PatientNumber::parse(id).map_err(|_| Reason::InvalidElement),
            _ => Err(Reason::UnknownPatient),
        }
    }

    fn number_by_identifier(&self, identifier: &Value) -> Option<Result<PatientNumber, Reason>> {
        if reference::is_number(identifier, self.context) {
            let value = identifier.get("value").and_then(Value::as_str)?;
            return Some(PatientNumber::parse(value).map_err(|_| Reason::InvalidElement));
        }
        let key = reference::identifier_key(identifier)?;
        let mut found: Option<Result<PatientNumber, Reason>> = None;
        let bundled = self.resource.bundle().into_iter().flat_map(|bundle| bundle.of_type("Patient"));
        for patient in bundled {
            if reference::identifiers(patient).filter_map(reference::identifier_key).any(|other| other == key) {
                let number = reference::number_of(patient, self.context);
                if found.as_ref().is_some_and(|earlier| *earlier != number) {
                    return Some(Err(Reason::AmbiguousPatient));
                }
                found = Some(number);
            }
        }
        found.or_else(|| self.references.patient(&key))
    }
}
