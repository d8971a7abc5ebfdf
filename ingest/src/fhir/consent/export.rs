//! A consent of ours as a FHIR R4 `Consent`.
//!
//! What it permits stands in the standard's own elements. Facilities, members and patient numbers are identifiers under
//! `urn:ajisai:…`; categories, departments, viewers' and authors' roles, and the labels that the standard has no exact code
//! for, are codes of our own. A reader that does not know a code in a `deny` must not go on as if it were not there.
//! How the consent came about, which the standard has no place for, stands in extensions that change nothing.
//!
//! Reading it back ([`super::super::events`]) gives the same consent, with the same fields where they say what they say
//! without excess: a criterion that names everything, for instance, comes back as none.

use super::code::{
    self, ACT_REASON, CONFIDENTIALITY, LOINC, OWN_CATEGORY, OWN_CONSENT, OWN_DEPARTMENT, OWN_EXTENSION, OWN_FACILITY,
    OWN_MEMBER, OWN_PATIENT, OWN_POLICY, OWN_ROLE, OWN_SIGNER, PARTICIPATION, SCOPE,
};
use super::{office, time};
use model::{
    CategorySet, Consent, ConsentId, DepartmentCode, Done, Labels, PatientRef, Period, Provision, ProvisionKind,
    PurposeSet, Role, RoleSet, Signer, Viewers, Withdrawal,
};
use serde_json::{Map, Value, json};

/// The consent as FHIR.
pub fn export(consent: &Consent) -> Value {
    let mut out = Out::default();
    let provision = out.root(consent);
    let performer = out.performer(consent);
    let mut json = frame(&consent.id, &consent.patient, office::status(consent.state));
    let extensions = extensions(consent);
    put(&mut json, "extension", Value::Array(extensions));
    put(&mut json, "contained", Value::Array(out.contained));
    put(&mut json, "dateTime", Value::from(time::precise(consent.signed_at)));
    put(&mut json, "performer", json!([performer]));
    put(&mut json, "organization", json!([organization(consent.taken_by.as_str())]));
    put(&mut json, "provision", provision);
    Value::Object(json)
}

/// A consent that was withdrawn, as FHIR: inactive, a new version of it, and nothing of what it opened.
pub fn export_withdrawn(withdrawal: &Withdrawal) -> Value {
    let mut json = frame(&withdrawal.id, &withdrawal.patient, "inactive");
    put(&mut json, "meta", json!({"lastUpdated": time::precise(withdrawal.withdrawn_at)}));
    Value::Object(json)
}

/// Sets a member; an empty list or object is no member.
fn put(json: &mut Map<String, Value>, key: &str, value: Value) {
    let empty = match &value {
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    if !empty {
        json.insert(key.to_owned(), value);
    }
}

/// What every consent has.
fn frame(id: &ConsentId, patient: &PatientRef, status: &str) -> Map<String, Value> {
    let mut json = Map::new();
    put(&mut json, "resourceType", Value::from("Consent"));
    put(&mut json, "identifier", json!([{"system": OWN_CONSENT, "value": id.as_str()}]));
    put(&mut json, "status", Value::from(status));
    put(&mut json, "scope", json!({"coding": [coding(SCOPE, "patient-privacy")]}));
    put(&mut json, "category", json!([{"coding": [coding(LOINC, "59284-0")]}]));
    put(&mut json, "patient", patient_reference(patient));
    put(&mut json, "policy", json!([{"uri": OWN_POLICY}]));
    json
}

fn coding(system: &str, code: &str) -> Value {
    json!({"system": system, "code": code})
}

fn patient_reference(patient: &PatientRef) -> Value {
    let system = format!("{OWN_PATIENT}{}", patient.facility());
    json!({"type": "Patient", "identifier": {"system": system, "value": patient.number().as_str()}})
}

fn organization(facility: &str) -> Value {
    json!({"type": "Organization", "identifier": {"system": OWN_FACILITY, "value": facility}})
}

fn practitioner(member: &str) -> Value {
    json!({"type": "Practitioner", "identifier": {"system": OWN_MEMBER, "value": member}})
}

fn extension(name: &str, key: &str, value: &str) -> Value {
    let mut json = Map::new();
    put(&mut json, "url", Value::from(format!("{OWN_EXTENSION}{name}")));
    put(&mut json, key, Value::from(value));
    Value::Object(json)
}

/// How the consent came about.
fn extensions(consent: &Consent) -> Vec<Value> {
    let paper = &consent.paper;
    let mut list = vec![extension("state", "valueCode", consent.state.code())];
    let digest = (!consent.form_digest.is_empty()).then_some(consent.form_digest.as_str());
    list.extend(digest.map(|digest| extension("form-sha256", "valueString", digest)));
    list.extend(consent.supersedes.as_ref().map(|id| extension("supersedes", "valueString", id.as_str())));
    list.extend(paper.born.map(|born| extension("born", "valueDate", &born.to_string())));
    list.extend(paper.explainer.as_ref().map(|member| extension("explainer", "valueString", member.as_str())));
    for (name, done) in [("received", &paper.received), ("activated", &paper.activated)] {
        let Some(Done { by, at }) = done else { continue };
        let mut parts = vec![extension("at", "valueDateTime", &time::precise(*at))];
        parts.extend(by.as_ref().map(|by| extension("by", "valueString", by.as_str())));
        list.push(json!({"url": format!("{OWN_EXTENSION}{name}"), "extension": parts}));
    }
    list
}

fn period(period: Period) -> Value {
    let mut json = Map::new();
    if let Some(from) = period.from() {
        put(&mut json, "start", Value::from(time::first(from)));
    }
    if let Some(until) = period.until() {
        put(&mut json, "end", Value::from(time::last(until)));
    }
    Value::Object(json)
}

fn purposes(purposes: PurposeSet) -> Value {
    if purposes == PurposeSet::all() {
        return json!([]);
    }
    purposes.iter().map(|purpose| coding(ACT_REASON, purpose.code())).collect()
}

fn categories(categories: CategorySet) -> Value {
    if categories == CategorySet::all() {
        return json!([]);
    }
    categories.iter().map(|category| coding(OWN_CATEGORY, category.code())).collect()
}

fn departments(departments: &[DepartmentCode]) -> Value {
    departments.iter().map(|code| json!({"coding": [coding(OWN_DEPARTMENT, code.as_str())]})).collect()
}

fn labels(labels: Labels) -> Vec<Value> {
    labels.iter().map(code::label_code).map(|(system, code)| coding(system, code)).collect()
}

/// The resources inside the consent as it is written.
#[derive(Default)]
struct Out {
    contained: Vec<Value>,
}

impl Out {
    fn performer(&mut self, consent: &Consent) -> Value {
        if consent.signer == Signer::Patient {
            return patient_reference(&consent.patient);
        }
        let mut relation = Map::new();
        put(&mut relation, "coding", json!([coding(OWN_SIGNER, consent.signer.code())]));
        if !consent.paper.relation.is_empty() {
            put(&mut relation, "text", Value::from(consent.paper.relation.as_str()));
        }
        self.contained.push(json!({
            "resourceType": "RelatedPerson", "id": "signer", "patient": patient_reference(&consent.patient),
            "relationship": [relation],
        }));
        json!({"reference": "#signer"})
    }

    /// A reference to those in a role, of a facility or a member where one is named.
    fn in_role(&mut self, role: Role, of: Option<(&str, Value)>) -> Value {
        let mut json = Map::new();
        put(&mut json, "resourceType", Value::from("PractitionerRole"));
        if let Some((key, of)) = of {
            put(&mut json, key, of);
        }
        put(&mut json, "code", json!([{"coding": [coding(OWN_ROLE, role.code())]}]));
        let id = format!("role-{}", self.contained.len() + 1);
        put(&mut json, "id", Value::from(id.as_str()));
        self.contained.push(Value::Object(json));
        json!({"reference": format!("#{id}")})
    }

    fn actors(&mut self, viewers: Option<&Viewers>, roles: RoleSet) -> Value {
        let named: Vec<(&str, Value)> = match viewers {
            None | Some(Viewers::AllMembers) => Vec::new(),
            Some(Viewers::Facilities(ids)) => {
                ids.iter().map(|id| ("organization", organization(id.as_str()))).collect()
            }
            Some(Viewers::Practitioners(ids)) => {
                ids.iter().map(|id| ("practitioner", practitioner(id.as_str()))).collect()
            }
        };
        let references: Vec<Value> = if roles.is_empty() {
            named.into_iter().map(|(_, reference)| reference).collect()
        } else if named.is_empty() {
            roles.iter().map(|role| self.in_role(role, None)).collect()
        } else {
            named
                .into_iter()
                .flat_map(|of| roles.iter().map(move |role| (role, of.clone())))
                .map(|(role, of)| self.in_role(role, Some(of)))
                .collect()
        };
        let receives = json!({"coding": [coding(PARTICIPATION, "IRCP")]});
        references.into_iter().map(|reference| json!({"role": receives, "reference": reference})).collect()
    }

    fn root(&mut self, consent: &Consent) -> Value {
        let mut json = Map::new();
        let nobody = match &consent.viewers {
            Viewers::AllMembers => false,
            Viewers::Facilities(ids) => ids.is_empty(),
            Viewers::Practitioners(ids) => ids.is_empty(),
        };
        if nobody || consent.purposes.is_empty() || consent.categories.is_empty() {
            // An empty list would be no criterion, which is everything.
            return json!({"type": ProvisionKind::Deny.code()});
        }
        put(&mut json, "type", Value::from(ProvisionKind::Permit.code()));
        put(&mut json, "period", period(consent.period));
        put(&mut json, "actor", self.actors(Some(&consent.viewers), RoleSet::NONE));
        put(&mut json, "purpose", purposes(consent.purposes));
        put(&mut json, "class", categories(consent.categories));
        put(&mut json, "code", departments(&consent.departments));
        put(&mut json, "dataPeriod", period(consent.data_period));
        let unsaid = Labels::NEED_SAYING.without(consent.labels);
        let mut nested = Vec::new();
        if consent.labels != Labels::NEED_SAYING {
            let mut said = vec![coding(CONFIDENTIALITY, "N")];
            said.extend(labels(consent.labels));
            put(&mut json, "securityLabel", Value::Array(said));
            if !unsaid.is_empty() && !consent.labels.is_empty() {
                nested.push(json!({"type": ProvisionKind::Deny.code(), "securityLabel": labels(unsaid)}));
            }
        }
        nested.extend(consent.exceptions.provisions().iter().map(|provision| self.provision(provision)));
        put(&mut json, "provision", Value::Array(nested));
        Value::Object(json)
    }

    fn provision(&mut self, provision: &Provision) -> Value {
        let mut json = Map::new();
        put(&mut json, "type", Value::from(provision.kind.code()));
        put(&mut json, "period", period(provision.period));
        put(&mut json, "actor", self.actors(provision.viewers.as_ref(), provision.roles));
        put(&mut json, "purpose", purposes(provision.purposes));
        put(&mut json, "class", categories(provision.categories));
        put(&mut json, "code", departments(&provision.departments));
        let authors = provision.author_roles.iter().map(|role| self.in_role(role, None));
        let authored = authors.map(|role| json!({"meaning": "authoredby", "reference": role})).collect();
        put(&mut json, "data", authored);
        put(&mut json, "securityLabel", Value::Array(labels(provision.labels)));
        put(&mut json, "dataPeriod", period(provision.data_period));
        let nested = provision.nested.iter().map(|provision| self.provision(provision)).collect();
        put(&mut json, "provision", nested);
        Value::Object(json)
    }
}
