//! Entries as FHIR R4 `AuditEvent`s of IHE's Basic Audit Log Patterns (ITI BALP), for audit repositories elsewhere.
//!
//! | act | profile | subtype |
//! | --- | --- | --- |
//! | query, machine pull | PatientQuery; Query where no patient was shown | search |
//! | feed | PatientRead; Read | read |
//! | export, disclosure | PrivacyDisclosure.Source; Read where no patient was shown | disclose |
//! | receipt | PatientUpdate, of the Consent | update |
//! | break-glass | none: BALP has no pattern for it | emergency override started (DICOM 110127) |
//! | acknowledgement | none: it is about a notice | update |
//!
//! BALP wants one patient per `AuditEvent`: an entry gives one for each patient. The ledger's own index and the act's
//! id go with it, so that the two can be held against each other. The statement is never there, only its digest.

use crate::entry::Entry;
use crate::words::{self, Language, Names};
use model::{Act, AuditOutcome, Counts, Digest, PatientRef, Role, What};
use serde_json::{Value, json};

const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const PROFILES: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit";
const REST: &str = "http://hl7.org/fhir/restful-interaction";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const OBJECT_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";

/// Where the identifiers of this network live, as URIs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Systems {
    /// Of facilities.
    pub facilities: String,
    /// Of members.
    pub members: String,
    /// Of a facility's patient numbers: the facility's id is appended.
    pub patients: String,
    /// Of consents.
    pub consents: String,
    /// The node: the source of the events.
    pub node: String,
}

impl Systems {
    /// The identifiers under one base URI, for a node of this name.
    pub fn under(base: &str, node: &str) -> Self {
        let base = base.trim_end_matches('/');
        Self {
            facilities: format!("{base}/facility"),
            members: format!("{base}/member"),
            patients: format!("{base}/patient-number"),
            consents: format!("{base}/consent"),
            node: node.to_owned(),
        }
    }
}

fn coding(system: &str, code: &str, display: &str) -> Value {
    json!({ "system": system, "code": code, "display": display })
}
fn concept(system: &str, code: &str, display: &str) -> Value {
    json!({ "coding": [coding(system, code, display)] })
}

struct Pattern {
    profile: Option<&'static str>,
    kind: Value,
    subtypes: Vec<Value>,
    action: &'static str,
}

fn pattern(act: Act, of_patient: bool) -> Pattern {
    let rest = || coding("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest", "Restful Operation");
    let profile = |with: &'static str, without: &'static str| Some(if of_patient { with } else { without });
    match act {
        Act::Query | Act::MachinePull => Pattern {
            profile: profile("PatientQuery", "Query"),
            kind: rest(),
            subtypes: vec![coding(REST, "search", "search")],
            action: "E",
        },
        Act::Export | Act::Disclosure if of_patient => Pattern {
            profile: Some("PrivacyDisclosure.Source"),
            kind: coding(DCM, "110106", "Export"),
            subtypes: vec![coding(
                "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle",
                "disclose",
                "Disclose Record Lifecycle Event",
            )],
            action: "R",
        },
        Act::Feed | Act::Export | Act::Disclosure => Pattern {
            profile: profile("PatientRead", "Read"),
            kind: rest(),
            subtypes: vec![coding(REST, "read", "read")],
            action: "R",
        },
        Act::Receipt => Pattern {
            profile: Some("PatientUpdate"),
            kind: rest(),
            subtypes: vec![coding(REST, "update", "update")],
            action: "U",
        },
        Act::Acknowledgement | Act::Delivery | Act::Action | Act::Worklist | Act::Bed => {
            Pattern { profile: None, kind: rest(), subtypes: vec![coding(REST, "update", "update")], action: "U" }
        }
        Act::BreakGlass => Pattern {
            profile: None,
            kind: coding(DCM, "110113", "Security Alert"),
            subtypes: vec![coding(DCM, "110127", "Emergency Override Started")],
            action: "E",
        },
    }
}

/// The `AuditEvent`s of an entry: one for each patient, or one where there is none.
pub fn audit_events(index: u64, entry: &Entry, names: &Names, systems: &Systems) -> Vec<Value> {
    let writer = Writer { index, entry, names, systems };
    let patients: Vec<&PatientRef> = entry.event.patients().collect();
    if patients.is_empty() {
        return vec![writer.event(None)];
    }
    patients.into_iter().map(|patient| writer.event(Some(patient))).collect()
}

struct Writer<'a> {
    index: u64,
    entry: &'a Entry,
    names: &'a Names,
    systems: &'a Systems,
}

impl Writer<'_> {
    fn event(&self, patient: Option<&PatientRef>) -> Value {
        let event = &self.entry.event;
        let Pattern { profile, kind, subtypes, action } = pattern(event.what.act(), patient.is_some());
        let purpose = event.purpose;
        let (_, purpose_words) = words::purpose(purpose);
        let purposes =
            vec![concept("http://terminology.hl7.org/CodeSystem/v3-ActReason", purpose.code(), purpose_words)];
        let mut written = json!({
            "resourceType": "AuditEvent",
            "type": kind,
            "subtype": subtypes,
            "action": action,
            "period": { "start": event.began.to_string(), "end": event.ended.to_string() },
            "recorded": event.ended.to_string(),
            "outcome": outcome(event.outcome),
            "outcomeDesc": event.outcome.code(),
            "purposeOfEvent": purposes,
            "agent": self.agents(),
            "source": {
                "site": self.systems.node,
                "observer": { "display": self.systems.node },
                "type": [coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server")],
            },
            "entity": self.entities(patient),
        });
        if let (Some(profile), Some(written)) = (profile, written.as_object_mut()) {
            written.insert("meta".to_owned(), json!({ "profile": [format!("{PROFILES}.{profile}")] }));
        }
        written
    }

    /// The machine that gave, the side that received, and the person, each with its role.
    fn agents(&self) -> Value {
        let agent = &self.entry.event.agent;
        let facility = self.names.facility(&agent.facility, Language::English);
        let receiver = json!({
            "display": facility,
            "identifier": { "system": self.systems.facilities, "value": agent.facility.as_str() },
        });
        let (source, destination) = ("110153", "110152");
        let mut agents = vec![
            json!({
                "type": concept(DCM, source, "Source Role ID"),
                "who": { "display": self.systems.node },
                "requestor": false,
            }),
            json!({
                "type": concept(DCM, destination, "Destination Role ID"),
                "who": receiver,
                "requestor": agent.member.is_none(),
            }),
        ];
        if let Some(member) = &agent.member {
            let kind = match self.entry.event.what.act() {
                Act::Receipt => {
                    concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "CST", "custodian")
                }
                _ => concept(
                    "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
                    "IRCP",
                    "information recipient",
                ),
            };
            agents.push(json!({
                "type": kind,
                "role": [{ "text": role_words(agent.role) }],
                "who": {
                    "display": self.names.member(member),
                    "identifier": { "system": self.systems.members, "value": member.as_str() },
                },
                "requestor": true,
            }));
        }
        Value::Array(agents)
    }

    fn entities(&self, patient: Option<&PatientRef>) -> Value {
        let event = &self.entry.event;
        let mut entities = Vec::new();
        let object =
            |code: &str, display: &str| (coding(ENTITY_TYPE, "2", "System Object"), coding(OBJECT_ROLE, code, display));
        match &event.what {
            What::Query { statement, .. } | What::MachinePull { statement, .. } => {
                let (kind, role) = object("24", "Query");
                entities.push(json!({ "type": kind, "role": role, "query": query(statement) }));
            }
            What::Receipt(receipt) => {
                let (kind, role) = object("4", "Domain Resource");
                let identifier = json!({ "system": self.systems.consents, "value": receipt.consent.as_str() });
                entities.push(json!({
                    "type": kind, "role": role, "what": { "type": "Consent", "identifier": identifier },
                }));
            }
            // What a person wrote is not for other systems.
            What::Acknowledgement { notice }
            | What::Delivery { notice }
            | What::Action { notice, action: _, remark: _ } => {
                let (kind, role) = object("4", "Domain Resource");
                entities.push(json!({ "type": kind, "role": role, "what": { "display": notice.to_string() } }));
            }
            What::Worklist { entry, act, remark: _ } => {
                let (kind, role) = object("4", "Domain Resource");
                let display = format!("worklist {}: {}", entry.cohort, act.code());
                entities.push(json!({ "type": kind, "role": role, "what": { "display": display } }));
            }
            What::Bed { bed: _, deed } => {
                let (kind, role) = object("4", "Domain Resource");
                let display = format!("bed: {}", deed.code());
                entities.push(json!({ "type": kind, "role": role, "what": { "display": display } }));
            }
            What::Feed { .. } | What::Export { .. } | What::Disclosure { .. } | What::BreakGlass { .. } => {
                let discloses = matches!(event.what, What::Export { .. } | What::Disclosure { .. });
                let is_report = discloses && patient.is_some();
                let (kind, role) = if is_report { object("3", "Report") } else { object("4", "Domain Resource") };
                let counts = patient.and_then(|patient| event.shown.of(patient)).cloned().unwrap_or_default();
                let display = words::counts(&counts, Language::English);
                let shown = if display.is_empty() { "no rows".to_owned() } else { display };
                entities.push(json!({ "type": kind, "role": role, "what": { "display": shown } }));
            }
        }
        if let Some(patient) = patient {
            let system = format!("{}/{}", self.systems.patients, patient.facility());
            let mut entity = json!({
                "type": coding(ENTITY_TYPE, "1", "Person"),
                "role": coding(OBJECT_ROLE, "1", "Patient"),
                "what": {
                    "type": "Patient",
                    "identifier": { "system": system, "value": patient.number().as_str() },
                },
            });
            let detail = event.shown.of(patient).map(details).unwrap_or_default();
            if let Some(entity) = entity.as_object_mut().filter(|_| !detail.is_empty()) {
                entity.insert("detail".to_owned(), Value::Array(detail));
            }
            entities.push(entity);
        }
        entities.push(json!({
            "type": coding(
                "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType",
                "XrequestId",
                "The X-Request-Id",
            ),
            "what": { "identifier": { "value": event.id.to_string() } },
            "detail": [
                { "type": "ledger-index", "valueString": self.index.to_string() },
                { "type": "log-position", "valueString": self.entry.position.to_string() },
                { "type": "part", "valueString": event.part.to_string() },
            ],
        }));
        Value::Array(entities)
    }
}

/// Rows per category.
fn details(counts: &Counts) -> Vec<Value> {
    let each = counts.iter();
    each.map(|(category, rows)| json!({ "type": category.code(), "valueString": rows.to_string() })).collect()
}

/// `query` is base64 of what was asked; here that is its digest, because the statement may name patients.
fn query(statement: &Digest) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("sha256:{statement}"))
}

fn role_words(role: Role) -> &'static str {
    Language::English.pick(words::role(role))
}

/// DICOM's outcome indicator: 0 success, 4 minor failure, 8 serious failure.
const fn outcome(outcome: AuditOutcome) -> &'static str {
    match outcome {
        AuditOutcome::Completed | AuditOutcome::Ongoing | AuditOutcome::Cancelled | AuditOutcome::Closed => "0",
        AuditOutcome::Refused => "4",
        AuditOutcome::Failed => "8",
    }
}
