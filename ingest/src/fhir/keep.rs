//! What is kept of a resource that was refused, so that it can be read anew by itself.
//!
//! A resource in a Bundle is not what it is without it: whose it is stands in the `Patient` beside it, and the Bundle's labels
//! are its own. So what is kept is its Bundle, with its own entry first and of the others only those that reading it takes:
//! what it refers to, and the Composition of a document. These carry FHIR's word for what is there for another's sake,
//! `search.mode` `include`, and are not sent again when it is replayed. A resource among lines is kept in the same way, in a
//! Bundle made for it, if another line is needed to read it.

use super::Resource;
use super::reference::{identifier_key, identifiers, without_history};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};

/// The types that are kept for another's sake.
const READ: [&str; 7] =
    ["Patient", "Medication", "Specimen", "ServiceRequest", "Organization", "Practitioner", "PractitionerRole"];

/// The bodies of what was refused, from all resources that came with them.
pub(super) struct Keeper<'a> {
    /// By `Type/id`, what stands alone.
    alone: HashMap<String, &'a Value>,
    /// Patients that stand alone, by each of their identifiers.
    named: HashMap<String, &'a Value>,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(all: impl Iterator<Item = &'a Resource>) -> Self {
        let (mut alone, mut named) = (HashMap::new(), HashMap::new());
        for resource in all.filter(|resource| resource.bundle().is_none()) {
            let (json, kind) = (resource.json(), resource.resource_type());
            if let Some(id) = json.get("id").and_then(Value::as_str).filter(|_| READ.contains(&kind)) {
                alone.entry(format!("{kind}/{id}")).or_insert(json);
            }
            if kind == "Patient" {
                for key in identifiers(json).filter_map(identifier_key) {
                    named.entry(key).or_insert(json);
                }
            }
        }
        Self { alone, named }
    }

    /// The bytes to keep of a resource.
    pub(super) fn body(&self, resource: &Resource) -> Bytes {
        let mut included: Vec<Value> = Vec::new();
        let mut seen: HashSet<*const Value> = HashSet::from([std::ptr::from_ref(resource.json())]);
        let mut next: Vec<&Value> = vec![resource.json()];
        let composition = resource.bundle().and_then(|bundle| bundle.composition());
        if let Some(composition) = composition {
            // What the document says of all of it. Of what it refers to, only whose it is.
            if seen.insert(composition) {
                included.push(include(resource, composition));
            }
            next.extend(composition.get("subject"));
        }
        while let Some(json) = next.pop() {
            let mut found = Vec::new();
            self.referred(json, resource, &mut found);
            for other in found {
                let kind = other.get("resourceType").and_then(Value::as_str).unwrap_or_default();
                if READ.contains(&kind) && seen.insert(other) {
                    included.push(include(resource, other));
                    next.push(other);
                }
            }
        }
        let (mut bundle, own) = match resource.bundle() {
            Some(bundle) => {
                let own = |(key, _): &(&String, &Value)| *key != "entry";
                let whole = bundle.json().as_object().into_iter().flatten().filter(own);
                let whole: Map<_, _> = whole.map(|(key, value)| (key.clone(), value.clone())).collect();
                (whole, json!({"fullUrl": resource.full_url(), "resource": resource.json()}))
            }
            // Alone it says the same.
            None if included.is_empty() => return resource.json().to_string().into(),
            None => {
                let bundle = [("resourceType", "Bundle"), ("type", "collection")];
                let bundle = bundle.map(|(key, value)| (key.to_owned(), Value::from(value))).into_iter().collect();
                (bundle, json!({"resource": resource.json()}))
            }
        };
        included.insert(0, own);
        bundle.insert("entry".to_owned(), included.into());
        Value::Object(bundle).to_string().into()
    }

    /// The resources that `json` refers to, wherever in it.
    fn referred<'b>(&'b self, json: &'b Value, of: &'b Resource, found: &mut Vec<&'b Value>) {
        match json {
            Value::Array(list) => list.iter().for_each(|inner| self.referred(inner, of, found)),
            Value::Object(object) => {
                if let Some(target) = object.get("reference").and_then(Value::as_str).map(without_history) {
                    let bundled = of.bundle().and_then(|bundle| bundle.find(target));
                    found.extend(bundled.or_else(|| self.alone.get(target).copied()));
                }
                if let Some(key) = object.get("identifier").and_then(identifier_key) {
                    let states =
                        |patient: &&Value| identifiers(patient).filter_map(identifier_key).any(|other| other == key);
                    let bundled = of.bundle().into_iter().flat_map(|bundle| bundle.of_type("Patient"));
                    found.extend(bundled.filter(states));
                    found.extend(self.named.get(&key).copied());
                }
                object.values().for_each(|inner| self.referred(inner, of, found));
            }
            _ => {}
        }
    }
}

/// An entry that is there for another's sake, under the name it has in the Bundle.
fn include(resource: &Resource, other: &Value) -> Value {
    let url = resource.bundle().and_then(|bundle| bundle.url_of(other));
    let mut entry = json!({"resource": other, "search": {"mode": "include"}});
    if let (Some(url), Some(entry)) = (url, entry.as_object_mut()) {
        entry.insert("fullUrl".to_owned(), url.into());
    }
    entry
}
