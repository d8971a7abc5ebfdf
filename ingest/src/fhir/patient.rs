//! Patient → demographics.

use super::case::{Case, Parts};
use super::{Reason, Refusal};
use model::{Category, ChangeKind, Demographics, Payload, Record, Sex};
use serde_json::Value;

pub(super) fn convert(case: &Case<'_>) -> Result<Vec<Record>, Refusal> {
    // `active: false` is how FHIR takes a patient record back (a merge, an error); a death does not.
    let change = if case.json.get("active").and_then(Value::as_bool) == Some(false) {
        ChangeKind::Delete
    } else {
        ChangeKind::Upsert
    };
    let occurred = match (case.updated()?, case.start("/birthDate")?) {
        (Some(updated), _) => updated,
        (None, Some(born)) => born,
        (None, None) => case.context.received,
    };
    let payload = match change {
        ChangeKind::Delete => None,
        _ => Some(Payload::Patient(demographics(case)?)),
    };
    let parts = Parts { category: Category::Patient, occurred, recorded: None, change, payload };
    Ok(vec![case.record("", parts)?])
}

fn demographics(case: &Case<'_>) -> Result<Demographics, Refusal> {
    let sex = match case.text("/gender") {
        "" => Sex::Unknown,
        code => Sex::ALL
            .into_iter()
            .find(|sex| sex.code() == code)
            .ok_or_else(|| case.refuse(Reason::UnknownCode, ".gender", "`female`, `male`, `other` or `unknown`"))?,
    };
    let (name, kana) = names(case.list("/name"));
    let address = case.list("/address").iter().find(|address| text(address, "use") != "old");
    Ok(Demographics {
        name,
        kana,
        // A birth date of a year or a month alone is not a civil date; it is left out, not completed.
        birth_date: case.text("/birthDate").parse().ok(),
        sex,
        postal_code: address.map(|address| text(address, "postalCode").to_owned()).unwrap_or_default(),
        address: address.map(lines).unwrap_or_default(),
        deceased: case.start("/deceasedDateTime")?,
    })
}

fn text<'a>(json: &'a Value, key: &str) -> &'a str {
    json.get(key).and_then(Value::as_str).map(str::trim).unwrap_or_default()
}

fn texts<'a>(json: &'a Value, key: &str) -> Vec<&'a str> {
    let list = json.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).collect()
}

/// The name as written and its kana: `iso21090-EN-representation` says `IDE` (written) or `SYL` (kana).
fn names(all: &[Value]) -> (String, String) {
    let representation = |name: &Value| {
        let extensions = name.get("extension").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let found = extensions.iter().find(|extension| text(extension, "url").ends_with("iso21090-EN-representation"));
        found.map(|extension| text(extension, "valueCode").to_owned()).unwrap_or_default()
    };
    let current = || all.iter().filter(|name| !matches!(text(name, "use"), "old" | "maiden" | "nickname"));
    let written =
        current().filter(|name| !matches!(representation(name).as_str(), "SYL" | "ABC")).min_by_key(|name| match text(
            name, "use",
        ) {
            "official" => 0,
            "usual" => 1,
            _ => 2,
        });
    let kana = current().find(|name| representation(name) == "SYL");
    (written.map(whole_name).unwrap_or_default(), kana.map(whole_name).unwrap_or_default())
}

/// The text, or else the parts in the order of their script: family name first unless it is Latin.
fn whole_name(name: &Value) -> String {
    let written = text(name, "text");
    if !written.is_empty() {
        return written.to_owned();
    }
    let (family, given) = (text(name, "family"), texts(name, "given").join(" "));
    let parts = if family.is_ascii() { [given.as_str(), family] } else { [family, given.as_str()] };
    parts.join(" ").trim().to_owned()
}

fn lines(address: &Value) -> String {
    let written = text(address, "text");
    if !written.is_empty() {
        return written.to_owned();
    }
    let street = texts(address, "line").join(" ");
    let (city, state) = (text(address, "city"), text(address, "state"));
    let western = [street.as_str(), city, state].iter().all(|part| part.is_ascii());
    let parts = if western { [street.as_str(), city, state] } else { [state, city, street.as_str()] };
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(if western { ", " } else { "" })
}
