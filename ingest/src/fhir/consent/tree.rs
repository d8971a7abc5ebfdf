//! A FHIR R4 `Consent` as it is written: every element that could change what it permits, and nothing of ours yet.
//!
//! Unlike the readers of records, this one looks at every key: an element that is not known could narrow what the
//! patient permits, so a consent that has one is refused.

use super::super::Reason;
use super::super::time;
use super::time::end;
use model::Moment;
use serde_json::{Map, Value};

/// What is wrong, where, and the rule; never a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    pub reason: Reason,
    pub path: String,
    pub rule: &'static str,
}

impl Fault {
    pub fn new(reason: Reason, path: impl Into<String>, rule: &'static str) -> Self {
        Self { reason, path: path.into(), rule }
    }
}

pub(super) type Read<T> = Result<T, Fault>;

/// `Consent.status`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Status {
    Draft,
    Proposed,
    Active,
    Rejected,
    Inactive,
    EnteredInError,
}

/// `provision.type`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Permit,
    Deny,
}

/// A `Coding`; the system may be empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Code {
    pub system: String,
    pub code: String,
}

impl Code {
    pub fn is(&self, system: &str, code: &str) -> bool {
        self.system == system && self.code == code
    }
    pub fn pair(&self) -> (&str, &str) {
        (&self.system, &self.code)
    }
}

/// A `CodeableConcept`: codings that say the same, and a text.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Concept {
    pub codings: Vec<Code>,
    pub text: String,
}

impl Concept {
    pub fn is(&self, system: &str, code: &str) -> bool {
        self.codings.iter().any(|coding| coding.is(system, code))
    }
}

/// `actor`: in which role who takes part.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Actor {
    pub role: Concept,
    pub reference: Value,
}

/// `data.meaning`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    Instance,
    Related,
    Dependents,
    AuthoredBy,
}

/// `data`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Data {
    pub meaning: Meaning,
    pub reference: Value,
}

/// A `Period`, half open: FHIR's end is the last matching moment, ours the first after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Span {
    pub from: Option<Moment>,
    pub until: Option<Moment>,
}

/// A provision and its exceptions. An empty list is an absent criterion.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Provision {
    /// Where it stands, from `$`.
    pub path: String,
    pub kind: Option<Kind>,
    pub period: Option<Span>,
    pub actors: Vec<Actor>,
    pub actions: Vec<Concept>,
    pub labels: Vec<Code>,
    pub purposes: Vec<Code>,
    pub classes: Vec<Code>,
    pub codes: Vec<Concept>,
    pub data_period: Option<Span>,
    pub data: Vec<Data>,
    pub nested: Vec<Provision>,
}

impl Provision {
    /// Whether it says anything but when it is in force.
    pub fn is_narrowed(&self) -> bool {
        !(self.actors.is_empty()
            && self.actions.is_empty()
            && self.labels.is_empty()
            && self.purposes.is_empty()
            && self.classes.is_empty()
            && self.codes.is_empty()
            && self.data_period.is_none()
            && self.data.is_empty())
    }
}

/// A consent as it is written.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Tree {
    pub status: Status,
    pub scope: Concept,
    /// Whether it claims a profile of IHE Privacy Consent on FHIR.
    pub pcf: bool,
    /// `dateTime`.
    pub dated: Option<Moment>,
    pub updated: Option<Moment>,
    pub performers: Vec<Value>,
    pub organizations: Vec<Value>,
    pub policy_rule: Option<Concept>,
    pub provision: Option<Provision>,
}

const UNDERSTOOD: &str = "no modifier extension is understood";
const KNOWN_ELEMENT: &str = "an element of FHIR R4: one that is not known could narrow what is permitted";

/// An object and where it stands.
struct At<'a> {
    members: &'a Map<String, Value>,
    path: &'a str,
}

impl<'a> At<'a> {
    /// The object, if all its members are known. `extension` may be passed over by FHIR's rules, `_member` holds
    /// nothing but extensions.
    fn new(json: &'a Value, path: &'a str, known: &[&str]) -> Read<Self> {
        let members = json.as_object().ok_or_else(|| Fault::new(Reason::InvalidElement, path, "an object"))?;
        for key in members.keys() {
            if key == "modifierExtension" || key == "implicitRules" {
                return Err(Fault::new(Reason::UnknownModifier, format!("{path}.{key}"), UNDERSTOOD));
            }
            let plain = key.strip_prefix('_').unwrap_or(key);
            if !known.contains(&plain) && plain != "id" && plain != "extension" {
                // The name of an unknown member comes from the file and is not repeated.
                return Err(Fault::new(Reason::InvalidElement, path, KNOWN_ELEMENT));
            }
        }
        Ok(Self { members, path })
    }
    fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }
    fn fault(&self, reason: Reason, key: &str, rule: &'static str) -> Fault {
        Fault::new(reason, self.path(key), rule)
    }
    fn text(&self, key: &str) -> Read<Option<&'a str>> {
        match self.members.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text.trim())),
            Some(_) => Err(self.fault(Reason::InvalidElement, key, "a text that is not empty")),
        }
    }
    fn closed<T>(&self, key: &str, list: &[(&str, T)]) -> Read<Option<T>>
    where
        T: Copy,
    {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let found = list.iter().find(|(code, _)| *code == text).map(|(_, value)| *value);
        found.map(Some).ok_or_else(|| self.fault(Reason::UnknownCode, key, "the code is in the element's closed list"))
    }
    fn required<T>(&self, key: &str, value: Option<T>) -> Read<T> {
        value.ok_or_else(|| self.fault(Reason::MissingElement, key, "the element is required by FHIR"))
    }
    /// The members of a list, each read with its path.
    fn list<T>(&self, key: &str, read: impl Fn(&'a Value, String) -> Read<T>) -> Read<Vec<T>> {
        match self.members.get(key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(list)) if !list.is_empty() => list
                .iter()
                .enumerate()
                .map(|(place, json)| read(json, format!("{}.{key}[{place}]", self.path)))
                .collect(),
            Some(_) => Err(self.fault(Reason::InvalidElement, key, "a list that is not empty")),
        }
    }
    fn one<T>(&self, key: &str, read: impl Fn(&'a Value, String) -> Read<T>) -> Read<Option<T>> {
        match self.members.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(json) => read(json, self.path(key)).map(Some),
        }
    }
    fn moment(&self, key: &str, read: fn(&str) -> Option<Moment>) -> Read<Option<Moment>> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let rule = "a FHIR date or a time with an offset, between the years 1800 and 2300";
        read(text).map(Some).ok_or_else(|| self.fault(Reason::InvalidElement, key, rule))
    }
}

fn coding(json: &Value, path: String) -> Read<Code> {
    let at = At::new(json, &path, &["system", "version", "code", "display", "userSelected"])?;
    let code = at.text("code")?;
    let code = at.required("code", code)?.to_owned();
    Ok(Code { system: at.text("system")?.unwrap_or_default().to_owned(), code })
}

fn concept(json: &Value, path: String) -> Read<Concept> {
    let at = At::new(json, &path, &["coding", "text"])?;
    let concept =
        Concept { codings: at.list("coding", coding)?, text: at.text("text")?.unwrap_or_default().to_owned() };
    if concept.codings.is_empty() && concept.text.is_empty() {
        return Err(at.fault(Reason::MissingElement, "coding", "a concept has a coding or a text"));
    }
    Ok(concept)
}

fn reference(json: &Value, path: String) -> Read<Value> {
    At::new(json, &path, &["reference", "type", "identifier", "display"])?;
    Ok(json.clone())
}

fn span(json: &Value, path: String) -> Read<Span> {
    let at = At::new(json, &path, &["start", "end"])?;
    let span = Span { from: at.moment("start", time::start)?, until: at.moment("end", end)? };
    if span.from.zip(span.until).is_some_and(|(from, until)| until < from) {
        return Err(at.fault(Reason::InvalidElement, "end", "a period ends after it begins"));
    }
    Ok(span)
}

fn actor(json: &Value, path: String) -> Read<Actor> {
    let at = At::new(json, &path, &["role", "reference"])?;
    let (role, who) = (at.one("role", concept)?, at.one("reference", reference)?);
    Ok(Actor { role: at.required("role", role)?, reference: at.required("reference", who)? })
}

fn data(json: &Value, path: String) -> Read<Data> {
    let at = At::new(json, &path, &["meaning", "reference"])?;
    let meanings = [
        ("instance", Meaning::Instance),
        ("related", Meaning::Related),
        ("dependents", Meaning::Dependents),
        ("authoredby", Meaning::AuthoredBy),
    ];
    let (meaning, what) = (at.closed("meaning", &meanings)?, at.one("reference", reference)?);
    Ok(Data { meaning: at.required("meaning", meaning)?, reference: at.required("reference", what)? })
}

const PROVISION: [&str; 11] = [
    "type",
    "period",
    "actor",
    "action",
    "securityLabel",
    "purpose",
    "class",
    "code",
    "dataPeriod",
    "data",
    "provision",
];

fn provision(json: &Value, path: String) -> Read<Provision> {
    let at = At::new(json, &path, &PROVISION)?;
    Ok(Provision {
        kind: at.closed("type", &[("permit", Kind::Permit), ("deny", Kind::Deny)])?,
        period: at.one("period", span)?,
        actors: at.list("actor", actor)?,
        actions: at.list("action", concept)?,
        labels: at.list("securityLabel", coding)?,
        purposes: at.list("purpose", coding)?,
        classes: at.list("class", coding)?,
        codes: at.list("code", concept)?,
        data_period: at.one("dataPeriod", span)?,
        data: at.list("data", data)?,
        nested: at.list("provision", |json, path| {
            let nested = provision(json, path)?;
            if nested.kind.is_none() {
                let rule = "FHIR R4 requires a type in every nested provision";
                return Err(Fault::new(Reason::MissingElement, format!("{}.type", nested.path), rule));
            }
            Ok(nested)
        })?,
        path: path.clone(),
    })
}

const CONSENT: [&str; 19] = [
    "resourceType",
    "meta",
    "language",
    "text",
    "contained",
    "identifier",
    "status",
    "scope",
    "category",
    "patient",
    "dateTime",
    "performer",
    "organization",
    "sourceAttachment",
    "sourceReference",
    "policy",
    "policyRule",
    "verification",
    "provision",
];

const STATUSES: [(&str, Status); 6] = [
    ("draft", Status::Draft),
    ("proposed", Status::Proposed),
    ("active", Status::Active),
    ("rejected", Status::Rejected),
    ("inactive", Status::Inactive),
    ("entered-in-error", Status::EnteredInError),
];

/// Only the status, for a consent that is otherwise not read.
pub(super) fn status(json: &Value) -> Read<Status> {
    let members = json.as_object().ok_or_else(|| Fault::new(Reason::NotAResource, "$", "an object"))?;
    let at = At { members, path: "$" };
    let status = at.closed("status", &STATUSES)?;
    at.required("status", status)
}

/// When the resource was last written, or what it says is dated.
pub(super) fn written(json: &Value) -> Option<Moment> {
    let text = |pointer| json.pointer(pointer).and_then(Value::as_str);
    text("/meta/lastUpdated").or(text("/dateTime")).and_then(time::start)
}

/// Reads a consent whole.
pub(super) fn read(json: &Value) -> Read<Tree> {
    let at = At::new(json, "$", &CONSENT)?;
    let updated = json.pointer("/meta/lastUpdated").and_then(Value::as_str).and_then(time::start);
    let profiles = json.pointer("/meta/profile").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let scope = at.one("scope", concept)?;
    Ok(Tree {
        status: status(json)?,
        scope: at.required("scope", scope)?,
        pcf: profiles.iter().filter_map(Value::as_str).any(|profile| profile.starts_with(super::code::PCF_PROFILE)),
        dated: at.moment("dateTime", time::start)?,
        updated,
        performers: at.list("performer", reference)?,
        organizations: at.list("organization", reference)?,
        policy_rule: at.one("policyRule", concept)?,
        provision: at.one("provision", provision)?,
    })
}
