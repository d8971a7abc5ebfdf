//! Observation → laboratory results, vital signs and entries of a pregnancy's record.

use super::case::{Case, Parts};
use super::code::{self, Prefer};
use super::{Reason, Refusal, perinatal, time, value};
use model::{Category, ChangeKind, LabResult, LabStatus, Moment, Payload, Record, Value as Stated, VitalSign};
use serde_json::Value;

const EFFECTIVE: [&str; 5] = [
    "/effectiveDateTime",
    "/effectiveInstant",
    "/effectivePeriod/start",
    "/effectivePeriod/end",
    "/effectiveTiming/event/0",
];
const OCCURRED: [&str; 2] = ["/effectiveDateTime", "/issued"];

/// Blood pressure panels and the components they are known to have, so that a panel taken back without
/// its components takes both pressures back.
const PRESSURE_PANELS: [&str; 2] = ["85354-9", "55284-4"];
const PRESSURES: [&str; 2] = ["8480-6", "8462-4"];

pub(super) fn convert(case: &Case<'_>) -> Result<Vec<Record>, Refusal> {
    let records = records(case, "")?;
    if records.is_empty() {
        return Err(case.refuse(
            Reason::NotAFact,
            ".hasMember",
            "an observation that only groups others says nothing itself",
        ));
    }
    Ok(records)
}

/// The records of one observation; none when it only groups others. `order` is what it belongs to, if its holder knows.
pub(super) fn records(case: &Case<'_>, order: &str) -> Result<Vec<Record>, Refusal> {
    let entries = perinatal::is_one(case);
    let is_entry = |holder: &Value| entries || perinatal::found(holder).is_some();
    let category = match category(case) {
        // Beside an entry what else the same observation says is one too, where it is of no other category.
        Err(_) if is_entry(case.json) || case.list("/component").iter().any(is_entry) => Category::Perinatal,
        stated => stated?,
    };
    let of = |holder: &Value| if is_entry(holder) { Category::Perinatal } else { category };
    let own = of(case.json);
    let status = status(case, own)?;
    // Where it says no time of its own, it was when its specimen was taken; when it was reported comes last.
    let collected = match case.first(&EFFECTIVE)? {
        None => collected(case)?,
        own => own,
    };
    let occurred = match collected {
        Some(at) => at,
        None => case.occurred(&OCCURRED, status.change)?,
    };
    let recorded = case.start("/issued")?;
    let parts = |category, payload| Parts { category, occurred, recorded, change: status.change, payload };
    let components = case.list("/component");
    let mut records = Vec::new();

    if status.change == ChangeKind::Delete {
        records.push(case.record("", parts(own, None))?);
        let mut suffixes = suffixes(case);
        let codes =
            case.json.get("code").into_iter().flat_map(code::codings).filter_map(|coding| coding.get("code")?.as_str());
        if suffixes.is_empty() && codes.into_iter().any(|code| PRESSURE_PANELS.contains(&code)) {
            suffixes = PRESSURES.map(str::to_owned).to_vec();
        }
        for (place, suffix) in suffixes.into_iter().enumerate() {
            records.push(case.record(&suffix, parts(components.get(place).map_or(own, of), None))?);
        }
        return Ok(records);
    }

    let reading = Reading {
        case,
        at: occurred,
        note: notes(case),
        lab: status.lab,
        order: if order.is_empty() { belongs_to(case) } else { order.to_owned() },
    };
    let mut said: Vec<(String, Payload)> = Vec::new();
    let mut aged: Option<(String, Payload)> = None;
    if let Some(payload) = reading.payload(case.json, "", own)? {
        said.push((String::new(), payload));
    }
    for ((index, component), suffix) in components.iter().enumerate().zip(suffixes(case)) {
        let path = format!(".component[{index}]");
        let payload = reading.payload(component, &path, of(component))?;
        let payload = payload.ok_or_else(|| no_value(case, &path))?;
        if aged.is_none() && perinatal::found(component).is_some_and(|found| found.known.is_age()) {
            aged = Some((suffix, payload));
        } else {
            said.push((suffix, payload));
        }
    }
    // An age beside other entries is theirs; alone it is an entry.
    if let Some((suffix, age)) = aged {
        let days = if let Payload::Perinatal(entry) = &age { entry.gestational_days } else { None };
        let mut held = false;
        for (_, payload) in &mut said {
            if let Payload::Perinatal(entry) = payload {
                entry.gestational_days = entry.gestational_days.or(days);
                held = true;
            }
        }
        if !held {
            said.push((suffix, age));
        }
    }
    for (suffix, payload) in said {
        records.push(case.record(&suffix, parts(payload.category(), Some(payload)))?);
    }
    if records.is_empty() && case.list("/hasMember").is_empty() {
        return Err(no_value(case, ""));
    }
    Ok(records)
}

fn no_value(case: &Case<'_>, path: &str) -> Refusal {
    case.refuse(
        Reason::MissingElement,
        format!("{path}.value"),
        "a value, a dataAbsentReason or an interpretation is stated",
    )
}

// === which category ===

/// Laboratory or vital sign.
///
/// | category codes | category |
/// | --- | --- |
/// | `laboratory` among them | laboratory |
/// | `vital-signs` or `body-measurement` among them | vital sign |
/// | others (`exam`, `survey`, `social-history`, `procedure` …) | refused |
/// | none, a JP Core or JP-CLINS profile of either | by the profile |
/// | none | refused |
fn category(case: &Case<'_>) -> Result<Category, Refusal> {
    let codes: Vec<&str> = case
        .list("/category")
        .iter()
        .flat_map(code::codings)
        .filter_map(|coding| coding.get("code")?.as_str())
        .collect();
    let rule = "an observation of category `laboratory`, `vital-signs` or `body-measurement`";
    if codes.contains(&"laboratory") {
        return Ok(Category::Laboratory);
    }
    if codes.iter().any(|code| matches!(*code, "vital-signs" | "body-measurement")) {
        return Ok(Category::VitalSign);
    }
    if codes.is_empty() {
        for profile in case.list("/meta/profile").iter().filter_map(Value::as_str) {
            let name = profile.rsplit('/').next().unwrap_or_default();
            if ["JP_Observation_LabResult", "JP_Observation_Microbiology"].iter().any(|known| name.starts_with(known)) {
                return Ok(Category::Laboratory);
            }
            if ["JP_Observation_VitalSigns", "JP_Observation_BodyMeasurement"]
                .iter()
                .any(|known| name.starts_with(known))
            {
                return Ok(Category::VitalSign);
            }
        }
    }
    Err(case.refuse(Reason::UnsupportedCategory, ".category", rule))
}

// === what its status does ===

struct Status {
    change: ChangeKind,
    lab: LabStatus,
}

/// | status | change | laboratory status |
/// | --- | --- | --- |
/// | `registered`, `preliminary` | upsert | preliminary |
/// | `final` | upsert | final |
/// | `amended`, `corrected` | correct | corrected |
/// | `cancelled` | upsert; a vital sign: delete | cancelled |
/// | `entered-in-error` | delete | – |
/// | `unknown` | upsert | preliminary |
fn status(case: &Case<'_>, category: Category) -> Result<Status, Refusal> {
    case.closed("/status", |code| {
        let (change, lab) = match code {
            "registered" | "preliminary" | "unknown" => (ChangeKind::Upsert, LabStatus::Preliminary),
            "final" => (ChangeKind::Upsert, LabStatus::Final),
            "amended" | "corrected" => (ChangeKind::Correct, LabStatus::Corrected),
            "cancelled" if category == Category::Laboratory => (ChangeKind::Upsert, LabStatus::Cancelled),
            "cancelled" | "entered-in-error" => (ChangeKind::Delete, LabStatus::Cancelled),
            _ => return None,
        };
        Some(Status { change, lab })
    })
}

// === what it says ===

/// What tells the records of components apart: the component's code, numbered where one repeats or cannot serve.
/// A code, not a place in the list, so that a correction that reorders its components meets the right records.
pub(super) fn suffixes(case: &Case<'_>) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    for (index, component) in case.list("/component").iter().enumerate() {
        let coding = component.get("code").and_then(|concept| code::concept(concept, Prefer::VitalSign));
        let plain = |code: &String| {
            !code.is_empty()
                && code.len() <= 24
                && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        };
        let suffix = match coding.map(|coding| coding.code).filter(plain) {
            Some(code) if !taken.contains(&code) => code,
            Some(code) => format!("{code}.{index}"),
            None => format!("component.{index}"),
        };
        taken.push(suffix);
    }
    taken
}

struct Reading<'a, 'b> {
    case: &'b Case<'a>,
    at: Moment,
    lab: LabStatus,
    order: String,
    /// What was written beside the whole of it: a caveat of a panel is one of each of its parts.
    note: String,
}

impl Reading<'_, '_> {
    /// What the observation, or a component at `path`, says; `None` when it has no value.
    fn payload(&self, holder: &Value, path: &str, category: Category) -> Result<Option<Payload>, Refusal> {
        let flag = flag(holder);
        let mut value = value::stated(self.case, holder, path)?;
        if category == Category::Perinatal {
            let entry = perinatal::entry(self.case, (holder, path), value, self.at)?;
            return Ok(entry.map(Payload::Perinatal));
        }
        if value.is_none() && path.is_empty() && !self.case.list("/component").is_empty() {
            return Ok(None);
        }
        if value.is_none() {
            // A susceptibility says S, I or R and nothing else.
            value = interpretation(holder).and_then(|concept| code::concept(concept, Prefer::First)).map(Stated::Coded);
        }
        if value.is_none() && path.is_empty() {
            value = match (self.lab, self.case.text("/status")) {
                (LabStatus::Cancelled, _) => Some(Stated::Absent("not-performed".to_owned())),
                (_, "registered") => Some(Stated::Absent("temp-unknown".to_owned())),
                _ => None,
            };
        }
        let Some(value) = value else { return Ok(None) };
        let prefer = if category == Category::Laboratory { Prefer::Laboratory } else { Prefer::VitalSign };
        let code = holder.get("code").and_then(|concept| code::concept(concept, prefer)).ok_or_else(|| {
            self.case.refuse(Reason::MissingElement, format!("{path}.code"), "what was measured, as a code or text")
        })?;
        if category == Category::VitalSign {
            return Ok(Some(Payload::VitalSign(VitalSign { code, value })));
        }
        let (reference_low, reference_high) = value::reference_range(holder);
        Ok(Some(Payload::Laboratory(LabResult {
            code,
            value,
            reference_low,
            reference_high,
            flag,
            specimen: specimen(self.case),
            status: self.lab,
            order: self.order.clone(),
            note: self.note.clone(),
        })))
    }
}

/// The texts of `note`, a line each.
pub(super) fn notes(case: &Case<'_>) -> String {
    let texts = case.list("/note").iter().filter_map(|note| note.get("text")?.as_str()).map(str::trim);
    texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

fn interpretation(holder: &Value) -> Option<&Value> {
    holder.get("interpretation")?.get(0)
}

/// The flag of HL7 table 0078: the code of `interpretation` under the systems that share that table.
fn flag(holder: &Value) -> String {
    let systems = [
        "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
        "http://terminology.hl7.org/CodeSystem/v2-0078",
    ];
    let codings = interpretation(holder).into_iter().flat_map(code::codings);
    let of_table = codings
        .filter(|coding| coding.get("system").and_then(Value::as_str).is_some_and(|system| systems.contains(&system)));
    of_table.filter_map(|coding| coding.get("code")?.as_str()).next().unwrap_or_default().to_owned()
}

/// The specimen: its material's code under the Japanese material table, else its text.
fn specimen(case: &Case<'_>) -> String {
    let Some(reference) = case.json.get("specimen") else { return String::new() };
    if let Some(material) = case.find_anywhere(reference).and_then(|specimen| specimen.get("type")) {
        let japanese = code::codings(material).find(|coding| {
            coding
                .get("system")
                .and_then(Value::as_str)
                .is_some_and(|system| system.ends_with("JP_ObservationSampleMaterialCode_CS"))
        });
        if let Some(code) = japanese.and_then(|coding| coding.get("code")?.as_str()) {
            return code.to_owned();
        }
        if let Some(coding) = code::concept(material, Prefer::First) {
            return if coding.display.is_empty() { coding.code } else { coding.display };
        }
    }
    reference.get("display").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// When its specimen was taken, where the specimen is at hand and says so.
fn collected(case: &Case<'_>) -> Result<Option<Moment>, Refusal> {
    let Some(specimen) = case.json.get("specimen").and_then(|reference| case.find_anywhere(reference)) else {
        return Ok(None);
    };
    for pointer in ["/collection/collectedDateTime", "/collection/collectedPeriod/start"] {
        if let Some(stated) = specimen.pointer(pointer).filter(|stated| !stated.is_null()) {
            let rule = "a FHIR date or a time with an offset, between the years 1800 and 2300";
            let path = format!(".specimen{}", pointer.replace('/', "."));
            let moment = stated.as_str().and_then(time::start);
            return moment.map(Some).ok_or_else(|| case.refuse(Reason::InvalidElement, path, rule));
        }
    }
    Ok(None)
}

/// The order it answers: the identifier or the address of `basedOn`; a contained order has no name outside.
fn belongs_to(case: &Case<'_>) -> String {
    let Some(order) = case.list("/basedOn").first() else { return String::new() };
    let identifier = order.pointer("/identifier/value").and_then(Value::as_str);
    let inner = || case.find_anywhere(order)?.pointer("/identifier/0/value")?.as_str();
    let address = || order.get("reference")?.as_str().filter(|reference| !reference.starts_with('#'));
    identifier.or_else(inner).or_else(address).unwrap_or_default().to_owned()
}
