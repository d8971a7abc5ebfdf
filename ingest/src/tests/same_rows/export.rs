//! What a hospital's FHIR server would say of the files of its SS-MIX2 storage.
//!
//! The mapping is not ours: it is the concept maps of JAMI's working group (`ss-mix2/jami-concept-maps` in the shared data,
//! `OBX` of `OML-11` and `ADT-00` to `Observation`, `SPM` to `Specimen`, `ORC` to `ServiceRequest`, `OBR` to
//! `DiagnosticReport`, `PID` to `Patient`), with what JP-CLINS adds to a result: the department, and when it was issued. The fields are cut out of the text here, by nothing
//! that the adapters use.

use serde_json::{Map, Value, json};

/// How a server writes what FHIR leaves open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// The interval as text alone, as it stands in `OBX-7`; else as two quantities.
    pub intervals_as_text: bool,
    /// The laboratory's own codings after the standard ones, or before.
    pub local_codes_first: bool,
}

/// The text of a file of the storage, as its escape sequences say.
pub(super) fn text_of(bytes: &[u8]) -> String {
    encoding_rs::ISO_2022_JP.decode_without_bom_handling(bytes).0.into_owned()
}

/// The segments of a message, each as its fields; `MSH` counts its separator as a field.
fn segments(text: &str) -> Vec<Vec<&str>> {
    let lines = text.split(['\r', '\n']).filter(|line| !line.is_empty());
    lines.map(|line| line.split('|').collect()).collect()
}
fn field<'a>(segment: &[&'a str], number: usize) -> &'a str {
    segment.get(number).copied().unwrap_or_default()
}
fn part(field: &str, number: usize) -> &str {
    field.split('^').nth(number - 1).unwrap_or_default()
}

/// `YYYYMMDD[HHMM[SS[.f]]]` as FHIR writes it; `None` where there is none.
fn time(hl7: &str) -> Option<String> {
    let (digits, fraction) = hl7.find('.').map_or((hl7, ""), |at| hl7.split_at(at));
    let at = |from: usize, to: usize| digits.get(from..to);
    let day = format!("{}-{}-{}", at(0, 4)?, at(4, 6)?, at(6, 8)?);
    let Some(clock) = at(8, 12) else { return Some(day) };
    Some(format!("{day}T{}:{}:{}{fraction}+09:00", clock.get(..2)?, clock.get(2..)?, at(12, 14).unwrap_or("00")))
}

/// The code systems as JP Core names them.
fn system(name: &str) -> &str {
    match name {
        "JC10" => "urn:oid:1.2.392.200119.4.504",
        "LN" => "http://loinc.org",
        _ => "http://abc-hospital.local/fhir/Observation/localcode",
    }
}

fn concept(field: &str, style: Style) -> Value {
    let mut codings: Vec<Value> = [1, 4]
        .into_iter()
        .filter(|first| !part(field, *first).is_empty())
        .map(|first| {
            json!({"system": system(part(field, first + 2)), "code": part(field, first), "display": part(field, first + 1)})
        })
        .collect();
    if style.local_codes_first {
        codings.reverse();
    }
    match codings.is_empty() {
        true => json!({"text": part(field, 2)}),
        false => json!({"coding": codings}),
    }
}

fn quantity(number: &str, unit: &str) -> Value {
    let value: Value = serde_json::from_str(number).unwrap_or_else(|_| json!(number.parse::<f64>().unwrap()));
    let mut quantity = json!({"value": value});
    if !unit.is_empty() {
        quantity["unit"] = json!(part(unit, 1));
    }
    quantity
}

/// `value[x]`, by `OBX-2`.
fn value(obx: &[&str], style: Style, into: &mut Map<String, Value>) {
    let (kind, stated, unit) = (field(obx, 2), field(obx, 5), field(obx, 6));
    let plain = |text: &str| text.parse::<f64>().is_ok();
    let pair = |stated: Value| ("valueQuantity", stated);
    let (key, stated) = match kind {
        _ if stated.is_empty() => match field(obx, 11) {
            // The status says it.
            "X" => return,
            _ => ("dataAbsentReason", json!({"coding": [{"code": "temp-unknown"}]})),
        },
        "NM" if plain(stated) => pair(quantity(stated, unit)),
        "SN" if part(stated, 3).is_empty() => {
            let mut quantity = quantity(part(stated, 2), unit);
            quantity["comparator"] = json!(part(stated, 1));
            pair(quantity)
        }
        "SN" if part(stated, 3) == ":" => {
            let (above, below) = (quantity(part(stated, 2), ""), quantity(part(stated, 4), ""));
            ("valueRatio", json!({"numerator": above, "denominator": below}))
        }
        "SN" => ("valueRange", json!({"low": quantity(part(stated, 2), ""), "high": quantity(part(stated, 4), "")})),
        "CWE" => ("valueCodeableConcept", concept(stated, style)),
        // What is no number (`100<`) cannot be a quantity.
        _ => ("valueString", json!(stated)),
    };
    into.insert(key.to_owned(), stated);
}

fn interval(written: &str, style: Style) -> Option<Value> {
    if written.is_empty() {
        return None;
    }
    if !style.intervals_as_text
        && let Some((low, high)) = written.split_once('-')
        && let (Ok(low), Ok(high)) = (low.parse::<f64>(), high.parse::<f64>())
    {
        return Some(json!([{"low": {"value": low}, "high": {"value": high}}]));
    }
    Some(json!([{"text": written}]))
}

fn status(letter: &str) -> &str {
    match letter {
        "F" => "final",
        "C" => "corrected",
        "X" => "cancelled",
        "D" => "entered-in-error",
        _ => "preliminary",
    }
}

/// The resources of one `OML-11` or `ADT-00` file, about the patient of the path it lies under.
pub(super) fn resources(text: &str, number: &str, style: Style) -> Vec<Value> {
    let segments = segments(text);
    let named = |name: &str| segments.iter().find(|segment| field(segment, 0) == name).cloned().unwrap_or_default();
    let (header, event, pid, visit) = (named("MSH"), named("EVN"), named("PID"), named("PV1"));
    let written = time(field(&header, 6)).unwrap();
    // A server counts its resources; what the counts are made of is its own affair.
    let control = field(&header, 9);
    let meta = json!({"lastUpdated": written});
    let mut all = vec![json!({
        "resourceType": "Patient", "id": format!("pat-{number}"), "meta": meta,
        "identifier": [{"system": "urn:oid:1.2.392.100495.20.3.51.11310000001", "value": number}],
        "name": [{"text": part(field(&pid, 5), 1)}],
        "birthDate": time(field(&pid, 7)).unwrap(),
        "gender": if field(&pid, 8) == "F" { "female" } else { "male" },
    })];
    let subject = json!({"reference": format!("Patient/pat-{number}")});
    let (mut specimen, mut taken, mut request) = (0, false, 0);
    let (mut obr, mut orc): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for (at, segment) in segments.iter().enumerate() {
        match field(segment, 0) {
            "SPM" => {
                (specimen, taken) = (at, time(field(segment, 17)).is_some());
                all.push(json!({
                    "resourceType": "Specimen", "id": format!("spe-{control}-{at}"), "meta": meta, "subject": subject,
                    "type": {"coding": [{
                        "system": "http://jpfhir.jp/fhir/core/CodeSystem/JP_ObservationSampleMaterialCode_CS",
                        "code": part(field(segment, 4), 1), "display": part(field(segment, 4), 2),
                    }]},
                    "collection": time(field(segment, 17)).map(|at| json!({"collectedDateTime": at})),
                }));
            }
            "OBR" => obr = segment.clone(),
            "ORC" => {
                (orc, request) = (segment.clone(), at);
                all.push(json!({
                    "resourceType": "ServiceRequest", "id": format!("req-{control}-{at}"), "meta": meta,
                    "subject": subject, "status": "completed", "intent": "order",
                    "identifier": [{"value": field(&orc, 2)}], "code": concept(field(&obr, 4), style),
                }));
                all.push(json!({
                    "resourceType": "DiagnosticReport", "id": format!("rep-{control}-{at}"), "meta": meta,
                    "subject": subject, "status": "final", "code": concept(field(&obr, 4), style),
                    "effectiveDateTime": time(field(&obr, 7)), "issued": time(field(&obr, 22)),
                }));
            }
            "OBX" => {
                let clinic = if part(field(&visit, 3), 6) == "C" { part(field(&visit, 3), 1) } else { "" };
                let place = [part(field(&orc, 17), 1), clinic].into_iter().find(|code| !code.is_empty());
                let department = place.map(|code| {
                    let system = "http://jami.jp/SS-MIX2/CodeSystem/ClinicalDepartment";
                    let url = "http://jpfhir.jp/fhir/eCS/Extension/StructureDefinition/JP_eCS_Department";
                    let coding = json!([{"system": system, "code": code}]);
                    json!([{"url": url, "valueCodeableConcept": {"coding": coding}}])
                });
                // As the map says: height and weight are vital signs.
                let vital = ["9N001", "9N006"].iter().any(|code| field(segment, 3).starts_with(code));
                let mut result = json!({
                    "resourceType": "Observation", "id": format!("obs-{control}-{at}"), "meta": meta,
                    "category": [{"coding": [{
                        "system": "http://jpfhir.jp/fhir/core/CodeSystem/JP_SimpleObservationCategory_CS",
                        "code": if vital { "vital-signs" } else { "laboratory" },
                    }]}],
                    "subject": subject, "status": status(field(segment, 11)),
                    "code": concept(field(segment, 3), style),
                });
                let object = result.as_object_mut().unwrap();
                value(segment, style, object);
                let ordered = !obr.is_empty();
                // What neither the result nor its specimen dates, the request does; beside no request, the event.
                let dates = [field(segment, 14), if taken { "" } else { field(&obr, 7) }, field(&event, 2)];
                let own = if taken || ordered { dates.split_at(2).0 } else { &dates };
                let optional = [
                    ("extension", department),
                    (
                        "basedOn",
                        ordered.then(|| json!([{"reference": format!("ServiceRequest/req-{control}-{request}")}])),
                    ),
                    ("specimen", ordered.then(|| json!({"reference": format!("Specimen/spe-{control}-{specimen}")}))),
                    ("issued", time(field(&obr, 22)).map(Value::from)),
                    ("effectiveDateTime", own.iter().find_map(|at| time(at)).map(Value::from)),
                    ("referenceRange", interval(field(segment, 7), style)),
                    (
                        "interpretation",
                        Some(field(segment, 8)).filter(|flag| !flag.is_empty()).map(|flag| {
                            let system = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
                            json!([{"coding": [{"system": system, "code": flag}]}])
                        }),
                    ),
                ];
                object.extend(optional.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
                all.push(result);
            }
            _ => {}
        }
    }
    all
}
