//! Ways through a resource: elements, types, keys.

use crate::expression::{TypeFunction, TypeTest};
use crate::meaning::{Items, Outcome, single, type_test};
use crate::types::{TypeName, is_temporal, of_choice, of_element};
use crate::value::{Item, Node};
use serde_json::{Map, Value};

static NULL: Value = Value::Null;

/// The elements of that name of all items.
pub(crate) fn member<'a>(items: &[Item<'a>], name: &str, first: bool) -> Items<'a> {
    let mut found = Vec::new();
    for item in items {
        let Item::Node(node) = item else { continue };
        match node.json {
            Value::Object(object) => {
                if first && object.get("resourceType").and_then(Value::as_str) == Some(name) {
                    found.push(item.clone());
                } else {
                    element(object, name, &mut found);
                }
            }
            // A primitive's own id and extensions stand beside it.
            _ => {
                if let (Some(Value::Object(beside)), "id" | "extension") = (node.beside, name) {
                    element(beside, name, &mut found);
                }
            }
        }
    }
    found
}

/// What stands beside a primitive: few resources have any, so it is looked for and no name is made.
fn beside<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.iter().find(|(key, _)| key.strip_prefix('_') == Some(name)).map(|(_, beside)| beside)
}

fn element<'a>(object: &'a Map<String, Value>, name: &str, found: &mut Items<'a>) {
    let beside = beside(object, name);
    match (object.get(name), beside) {
        (Some(json), beside) => push(json, beside, of_element(name), found),
        (None, Some(beside)) => push(&NULL, Some(beside), of_element(name), found),
        (None, None) => {
            for (key, json) in object {
                // `dateTime` is an element of its own, not a `date` that is a time.
                let suffix = key.strip_prefix(name).filter(|_| key != "dateTime");
                if let Some(kind) = suffix.and_then(of_choice) {
                    push(json, self::beside(object, key), Some(kind), found);
                }
            }
        }
    }
}

/// One item for each of a list, and for anything else itself; what is null and has nothing beside it is not there.
fn push<'a>(json: &'a Value, beside: Option<&'a Value>, kind: Option<&'static str>, found: &mut Items<'a>) {
    let mut add = |json: &'a Value, beside: Option<&'a Value>| {
        let beside = beside.filter(|beside| beside.is_object());
        if !json.is_null() || beside.is_some() {
            found.push(Item::Node(Node { json, beside, kind }));
        }
    };
    match (json, beside) {
        (Value::Array(list), beside) => {
            for (place, json) in list.iter().enumerate() {
                add(json, beside.and_then(|beside| beside.get(place)));
            }
        }
        (Value::Null, Some(Value::Array(all))) => all.iter().for_each(|beside| add(&NULL, Some(beside))),
        (json, beside) => add(json, beside),
    }
}

// === types ===

/// Whether an item is of a type, as far as its element's name and its JSON say.
pub(crate) fn is_of(item: &Item<'_>, kind: &TypeName) -> bool {
    match item {
        Item::Boolean(_) => kind.takes("boolean"),
        Item::Integer(_) => kind.takes("integer"),
        Item::Decimal(_) => kind.takes("decimal"),
        Item::Text(_) => kind.takes("string"),
        Item::Time(time) => kind.takes(time.type_name()),
        Item::Node(node) => match (node.kind, node.json) {
            (Some(stated), _) => kind.takes(stated),
            (None, Value::Bool(_)) => kind.as_str() == "boolean",
            (None, Value::Number(number)) => {
                kind.is_number() && (kind.as_str() == "decimal" || number.is_i64() || number.is_u64())
            }
            (None, Value::String(text)) => {
                let name = kind.as_str();
                kind.is_text() && (!is_temporal(name) || crate::Temporal::of_type(name, text).is_some())
            }
            (None, Value::Object(object)) => match object.get("resourceType").and_then(Value::as_str) {
                Some(resource) => [resource, "Resource", "DomainResource"].contains(&kind.as_str()),
                None => kind.is_complex(),
            },
            (None, Value::Null | Value::Array(_)) => false,
        },
    }
}

/// The item, known to be of a type: a text that is a date is one from here on.
pub(crate) fn narrowed<'a>(item: &Item<'a>, kind: &TypeName) -> Item<'a> {
    let name = ["date", "dateTime", "instant", "time"].into_iter().find(|name| *name == kind.as_str());
    match item {
        Item::Node(node) if node.kind.is_none() && name.is_some() => Item::Node(Node { kind: name, ..*node }),
        other => other.clone(),
    }
}

pub(crate) fn typed<'a>(
    resource: &'a Value,
    function: TypeFunction,
    kind: Option<&TypeName>,
    input: Items<'a>,
    at: usize,
) -> Outcome<Items<'a>> {
    match (function, kind) {
        (TypeFunction::OfType, Some(kind)) => {
            Ok(input.iter().filter(|item| is_of(item, kind)).map(|item| narrowed(item, kind)).collect())
        }
        (TypeFunction::Is, Some(kind)) => type_test(&input, TypeTest::Is, kind, at),
        (TypeFunction::As, Some(kind)) => type_test(&input, TypeTest::As, kind, at),
        (TypeFunction::ReferenceKey, kind) => {
            let Some(reference) = single(&input, at)? else { return Ok(Vec::new()) };
            Ok(reference_key(resource, reference, kind).map(Item::text).into_iter().collect())
        }
        (TypeFunction::OfType | TypeFunction::Is | TypeFunction::As, None) => Ok(Vec::new()),
    }
}

// === keys ===

/// What comes before a resource's type and id in its key: who it is of, where it says so (`meta.source`).
///
/// Resources of several sources stand in one table and their ids are their sources' own.
fn origin(resource: &Value) -> String {
    let source = resource.pointer("/meta/source").and_then(Value::as_str).filter(|source| !source.is_empty());
    source.map(|source| format!("{source}/")).unwrap_or_default()
}

/// The key of a resource: `Type/id`, behind its source where it states one.
pub(crate) fn resource_key(resource: &Value) -> Option<String> {
    let text = |name| resource.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    Some(format!("{}{}/{}", origin(resource), text("resourceType")?, text("id")?))
}

/// The key of the resource that a reference names: the last `Type/id` of it, of the same source as what refers.
fn reference_key(resource: &Value, reference: &Item<'_>, kind: Option<&TypeName>) -> Option<String> {
    let Item::Node(node) = reference else { return None };
    let text = node.json.get("reference")?.as_str()?;
    let plain = text.split_once("/_history/").map_or(text, |(before, _)| before);
    let mut parts = plain.rsplit('/');
    let (id, name) = (parts.next()?, parts.next()?);
    let is_type = name.starts_with(|first: char| first.is_ascii_uppercase());
    let wanted = kind.is_none_or(|kind| kind.as_str() == name);
    (!id.is_empty() && is_type && wanted).then(|| format!("{}{name}/{id}", origin(resource)))
}
