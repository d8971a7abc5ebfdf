//! `OBR` and `OBX` → laboratory results, vital signs, entries of a pregnancy's record, reports and imaging.

use super::case::{Case, Out, Parts, key};
use super::code::Prefer;
use super::group::Group;
use super::visit::told_by;
use super::{Family, Reason, Remark, device, perinatal, value};
use hl7v2::{ErrorCode, Part, Segment};
use model::{
    Category, ChangeKind, Coding, Document, Imaging, LabResult, LabStatus, Labels, Moment, Payload, Record, Value,
    VitalSign,
};

/// Says of notes that no record holds them.
pub(super) fn leave_notes<'n, 'm: 'n>(notes: impl IntoIterator<Item = &'n Segment<'m>>, out: &mut Out) {
    for note in notes.into_iter().map(|note| note.field(3)).filter(|note| note.present().is_some()) {
        out.leave(Reason::Comment, &note, "a note beside an order, a vital sign or a drug stays at its source");
    }
}

/// The text of notes, a line each; empty when they say nothing.
pub(super) fn written<'n, 'm: 'n>(notes: impl Iterator<Item = &'n Segment<'m>>) -> String {
    let texts = notes.map(|note| note.field(3).whole_text()).filter(|text| !text.is_empty());
    texts.collect::<Vec<_>>().join("\n")
}

pub(super) fn convert(case: &Case<'_>, group: &Group<'_>, out: &mut Out) {
    let before = out.records.len();
    let held = records(case, group, out);
    // A report and an image hold the notes as part of their text.
    let holds = |record: &Record| matches!(record.payload(), Some(Payload::Document(_) | Payload::Imaging(_)));
    if !out.records.get(before..).unwrap_or_default().iter().any(holds) {
        // A vaccination holds those of the order, a result its own.
        let order = case.kind.family != Family::Immunization;
        let left = group.notes.iter().zip(&group.noted).filter(|(_, of)| match of {
            Some(obx) => !held.contains(obx),
            None => order,
        });
        leave_notes(left.map(|(note, _)| note), out);
    }
}

/// Makes the records of a group. Gives the places of the observations whose record holds their notes.
fn records(case: &Case<'_>, group: &Group<'_>, out: &mut Out) -> Vec<usize> {
    let none = Vec::new();
    match case.kind.family {
        Family::Medication => {
            for obx in &group.obx {
                out.leave(Reason::NoCategory, &obx.field(3), "a remark on a drug has no category of its own");
            }
            return none;
        }
        Family::Immunization => {
            for obx in group.obx.iter().filter(|obx| !super::immunization::is_read(obx)) {
                out.leave(Reason::NoCategory, &obx.field(3), "a remark on a vaccination has no category of its own");
            }
            return none;
        }
        Family::Problem | Family::Document => {
            for obx in &group.obx {
                out.leave(
                    Reason::NoCategory,
                    &obx.field(3),
                    "an observation beside a problem has no category of its own",
                );
            }
            return none;
        }
        Family::Imaging => {
            imaging(case, group, out);
            return none;
        }
        Family::Visit | Family::Result | Family::Order => {}
    }
    if case.kind.family == Family::Result {
        let rest = device::take(case, group, out);
        if rest.len() < group.obx.len() {
            if !rest.is_empty() {
                // Without the notes of the group, which are then said to be left.
                results(case, &group.only(rest), out);
            }
            return none;
        }
    }
    if group.obx.is_empty() {
        if let Some(obr) = group.obr {
            let rule = "an order is no fact of the patient until there is a result";
            out.leave(Reason::NoCategory, &obr.field(4), rule);
        }
        return none;
    }
    match sort(case, group) {
        Sort::Imaging => imaging(case, group, out),
        Sort::Report => out.put(report(case, group)),
        Sort::Results => return results(case, group, out),
    }
    // What a report of ultrasound measures of a pregnancy is an entry as well, not text alone.
    let measured = |obx: &&Segment<'_>| perinatal::found(case, obx).is_some() && !is_narrative(obx);
    let entries: Vec<Segment<'_>> = group.obx.iter().filter(measured).copied().collect();
    if !entries.is_empty() {
        results(case, &group.only(entries), out);
    }
    none
}

enum Sort {
    Results,
    Report,
    Imaging,
}

/// What the observations of an order make together.
///
/// | `OBR-24`, `OBR-4`, `OBX` | records |
/// | --- | --- |
/// | a section of imaging (CT, NMR, NMS, RAD, RX, XRC, RUS, OUS, VUS, CUS) | one imaging record with the report |
/// | a section of function tests and reports (AU, CTH, EC, EN, PF, PHY, SR) | one document |
/// | JLAC10 of physiology (`9…`) that is not of vital signs | one document |
/// | no section, and all observations are `TX`, `FT`, `ED` or `RP` | one document |
/// | any other | one record each |
fn sort(case: &Case<'_>, group: &Group<'_>) -> Sort {
    let Some(obr) = group.obr else { return Sort::Results };
    let section = obr.field(24).text();
    match &*section {
        "CT" | "NMR" | "NMS" | "RAD" | "RX" | "XRC" | "RUS" | "OUS" | "VUS" | "CUS" => return Sort::Imaging,
        "AU" | "CTH" | "EC" | "EN" | "PF" | "PHY" | "SR" => return Sort::Report,
        _ => {}
    }
    let asked = obr.field(4).coded();
    if asked.system == "JC10" && asked.code.starts_with('9') && !is_vital(&asked.code) {
        return Sort::Report;
    }
    let is_report = case.kind.family == Family::Result && section.is_empty() && group.obx.iter().all(is_narrative);
    if is_report { Sort::Report } else { Sort::Results }
}

fn is_narrative(obx: &Segment<'_>) -> bool {
    matches!(&*obx.field(2).text(), "TX" | "FT" | "ED" | "RP")
}

/// JLAC10 analytes and LOINC codes of vital signs and body measures.
pub(super) fn is_vital(code: &str) -> bool {
    const JLAC10: [&str; 6] = ["9A751", "9A761", "9P300", "9P200", "9N001", "9N006"];
    const LOINC: [&str; 13] = [
        "8480-6", "8462-4", "8478-0", "8867-4", "9279-1", "8310-5", "8302-2", "29463-7", "3141-9", "39156-5",
        "59408-5", "2708-6", "9843-4",
    ];
    LOINC.contains(&code) || JLAC10.iter().any(|analyte| code.starts_with(analyte))
}

// === one by one ===

/// What a status letter does (HL7 tables 0085 and 0123).
///
/// | letter | change | laboratory status |
/// | --- | --- | --- |
/// | P, R, S, I, O; none at all | upsert | preliminary |
/// | F, U, V, B | upsert | final |
/// | C, A | correct | corrected |
/// | X | upsert; a vital sign: delete | cancelled |
/// | D, W | delete | – |
/// | N | none: it was not asked for | – |
fn status(letter: &str) -> Option<(ChangeKind, LabStatus, u8)> {
    Some(match letter {
        "" | "P" | "R" | "S" | "I" | "O" => (ChangeKind::Upsert, LabStatus::Preliminary, 0),
        "F" | "U" | "V" | "B" => (ChangeKind::Upsert, LabStatus::Final, 1),
        "C" | "A" => (ChangeKind::Correct, LabStatus::Corrected, 2),
        "X" => (ChangeKind::Upsert, LabStatus::Cancelled, 3),
        "D" | "W" => (ChangeKind::Delete, LabStatus::Cancelled, 4),
        _ => return None,
    })
}

/// The order's number: the placer's, else the filler's, of the request or of its control.
pub(super) fn order(group: &Group<'_>) -> String {
    let fields = [(group.obr, 2), (group.orc, 2), (group.obr, 3), (group.orc, 3)];
    fields
        .into_iter()
        .filter_map(|(segment, field)| segment?.field(field).present())
        .map(|part| part.text().into_owned())
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

/// When the specimen was taken or the request was observed.
fn observed(case: &Case<'_>, group: &Group<'_>) -> Result<Option<Moment>, Remark> {
    let spm = group.spm.map(|spm| spm.field(17));
    case.first_start([spm, group.obr.map(|obr| obr.field(7))])
}

/// What tells the orders of a patient apart: the number and what was asked for, or when, where there is no number.
fn order_key(case: &Case<'_>, group: &Group<'_>) -> Result<Vec<String>, Remark> {
    let asked = group.obr.map(|obr| obr.field(4).coded());
    let asked =
        asked.map(|asked| key(if asked.code.is_empty() { &asked.text } else { &asked.code })).unwrap_or_default();
    let number = key(&order(group));
    if !number.is_empty() {
        return Ok(vec![number, asked]);
    }
    let at = match observed(case, group)? {
        Some(at) => Some(at),
        None => group.obr.map(|obr| case.start(&obr.field(22))).transpose()?.flatten(),
    };
    // Without an order (height and weight beside a visit) there is one of each code.
    let at = match (at, group.obr) {
        (Some(at), _) => at.micros().to_string(),
        (None, Some(_)) => case.written.micros().to_string(),
        (None, None) => "-".to_owned(),
    };
    Ok(vec![at, asked])
}

/// One record for each observation. Gives the places of those whose record holds their notes.
fn results(case: &Case<'_>, group: &Group<'_>, out: &mut Out) -> Vec<usize> {
    let mut held = Vec::new();
    let base = match order_key(case, group) {
        Ok(base) => base,
        Err(remark) => {
            out.remarks.push(remark);
            return held;
        }
    };
    let mut taken: Vec<String> = Vec::new();
    for (place, obx) in group.obx.iter().enumerate() {
        match one(case, group, (place, obx), (&base, &mut taken)) {
            Ok(Some(record)) => {
                if let Some(Payload::Laboratory(_)) = record.payload() {
                    held.push(place);
                    if value::interval(obx).is_none() {
                        out.leave(Reason::NoInterval, &obx.field(7), "an interval of two numbers, or one with a sign");
                    }
                }
                out.records.push(record);
            }
            Ok(None) => out.leave(Reason::NoValue, &obx.field(5), "a value, or a status that says why there is none"),
            Err(remark) => out.remarks.push(remark),
        }
    }
    held
}

/// One observation; `None` when it says nothing.
fn one(
    case: &Case<'_>,
    group: &Group<'_>,
    (place, obx): (usize, &Segment<'_>),
    (base, taken): (&[String], &mut Vec<String>),
) -> Result<Option<Record>, Remark> {
    let field = obx.field(3);
    let coded = field.coded();
    let missing = || Remark::from(field.fault(ErrorCode::RequiredFieldMissing, "what was measured, as a code or text"));
    let vital = is_vital(&coded.code) || is_vital(&coded.other_code);
    let prefer = if vital { Prefer::VitalSign } else { Prefer::Laboratory };
    let entry = perinatal::found(case, obx);
    let code = match &entry {
        Some(found) => found.code.clone(),
        None => case.coding(&field, prefer).ok_or_else(missing)?,
    };

    let own = obx.field(11).text();
    let whole = group.obr.map(|obr| obr.field(25).text()).unwrap_or_default();
    let letter = if own.is_empty() { &whole } else { &own };
    if letter == "N" {
        return Ok(None);
    }
    let (change, status, rank) = status(letter).ok_or_else(|| {
        Remark::from(obx.fault(11, ErrorCode::TableValue, "a status: P, F, C, X, D, W, R, S, I, O, U, V, B, A or N"))
    })?;
    let change = if (vital || entry.is_some()) && status == LabStatus::Cancelled { ChangeKind::Delete } else { change };

    // The code, the sub-id, and a count where both repeat, tell the observations of an order apart.
    let mut told = told_by(&code);
    let sub = key(&obx.field(4).text());
    if !sub.is_empty() {
        told = format!("{told}.{sub}");
    }
    let before = taken.iter().filter(|other| **other == told).count();
    taken.push(told.clone());
    if before > 0 {
        told = format!("{told}~{}", before + 1);
    }

    let beside = case.evn(2).filter(|_| group.obr.is_none());
    let occurred = match case.start(&obx.field(14))? {
        Some(at) => Some(at),
        None => match observed(case, group)? {
            Some(at) => Some(at),
            None => beside.map(|at| case.start(&at)).transpose()?.flatten(),
        },
    };
    let (kind, category) = match (&entry, vital) {
        (Some(_), _) => ("perinatal", Category::Perinatal),
        (None, true) => ("vital", Category::VitalSign),
        (None, false) => ("lab", Category::Laboratory),
    };
    let payload = match (change, entry) {
        (ChangeKind::Delete, _) => None,
        (_, Some(found)) => {
            let at = occurred.unwrap_or(case.written);
            match perinatal::entry(case, group, (obx, found), at)? {
                Some(entry) => Some(Payload::Perinatal(entry)),
                None => return Ok(None),
            }
        }
        (_, None) => {
            let value = match value::stated(case, obx)? {
                Some(value) => value,
                None => match absence(status, letter) {
                    Some(why) => Value::Absent(why.to_owned()),
                    None if obx.field(5).is_null() => Value::Absent("unknown".to_owned()),
                    None => return Ok(None),
                },
            };
            Some(match vital {
                true => Payload::VitalSign(VitalSign { code, value }),
                false => {
                    let (low, high) = value::interval(obx).unwrap_or_default();
                    Payload::Laboratory(LabResult {
                        code,
                        value,
                        reference_low: low,
                        reference_high: high,
                        flag: obx.field(8).text().into_owned(),
                        specimen: specimen(group),
                        status,
                        order: order(group),
                        note: written(group.notes_of(Some(place))),
                    })
                }
            })
        }
    };
    let parts = Parts {
        key: base.iter().cloned().chain([told]).collect(),
        kind,
        category,
        occurred,
        recorded: group.obr.map(|obr| case.start(&obr.field(22))).transpose()?.flatten(),
        change,
        rank,
        labels: Labels::NONE,
        payload,
    };
    case.record(obx, Some(group), parts).map(Some)
}

/// Why there is no value, in FHIR's words, where the status says it.
fn absence(status: LabStatus, letter: &str) -> Option<&'static str> {
    match (status, letter) {
        (LabStatus::Cancelled, _) => Some("not-performed"),
        // Not yet.
        (LabStatus::Preliminary, letter) if !letter.is_empty() => Some("temp-unknown"),
        (LabStatus::Corrected, _) => Some("unknown"),
        _ => None,
    }
}

/// The specimen: its code in the Japanese table, else its text; of older senders `OBR-15`.
fn specimen(group: &Group<'_>) -> String {
    let shown = |part: Part<'_>| {
        let coded = part.coded();
        let japanese = matches!(&*coded.system, "JC10" | "JLAC10");
        let order = if japanese { [&coded.code, &coded.text] } else { [&coded.text, &coded.code] };
        order.into_iter().find(|text| !text.is_empty()).map(|text| text.to_string())
    };
    let old = || {
        let source = group.obr?.field(15).component(1);
        let texts = [source.subcomponent(2).text(), source.subcomponent(1).text()];
        texts.into_iter().find(|text| !text.is_empty()).map(|text| text.into_owned())
    };
    group.spm.and_then(|spm| shown(spm.field(4))).or_else(old).unwrap_or_default()
}

// === together ===

/// What the order's own status does to what the observations make together.
fn together(group: &Group<'_>) -> Result<(ChangeKind, u8), Remark> {
    let control = group.orc.map(|orc| orc.field(1).text()).unwrap_or_default();
    if matches!(&*control, "CA" | "OC" | "CR") {
        return Ok((ChangeKind::Delete, 4));
    }
    let Some(obr) = group.obr else { return Ok((ChangeKind::Upsert, 1)) };
    match (status(&obr.field(25).text()), &*obr.field(25).text()) {
        (Some((_, LabStatus::Cancelled, _)), _) => Ok((ChangeKind::Delete, 4)),
        (Some((change, _, rank)), _) => Ok((change, rank)),
        // Some of it is final, none of it will come: the report is what it is.
        (None, "Y" | "Z" | "N") => Ok((ChangeKind::Upsert, 0)),
        (None, _) => Err(obr.fault(25, ErrorCode::TableValue, "a status of HL7 table 0123").into()),
    }
}

/// What was asked for, of a report or an image.
fn asked(case: &Case<'_>, group: &Group<'_>, prefer: Prefer) -> Option<Coding> {
    case.coding(&group.obr?.field(4), prefer)
}

fn report(case: &Case<'_>, group: &Group<'_>) -> Result<Record, Remark> {
    let Some(obr) = group.obr else {
        return Err(Remark::from(super::no_request("a report follows its request, in `OBR`")));
    };
    let (change, rank) = together(group)?;
    let kind = asked(case, group, Prefer::Document)
        .ok_or_else(|| Remark::from(obr.fault(4, ErrorCode::RequiredFieldMissing, "what sort of report it is")))?;
    let payload = match change {
        ChangeKind::Delete => None,
        _ => {
            let title = kind.display.clone();
            let content = text_of(case, group);
            Some(Payload::Document(Document { kind, title, content_type: "text/plain".to_owned(), content }))
        }
    };
    let parts = Parts {
        key: order_key(case, group)?,
        kind: "report",
        category: Category::Document,
        occurred: observed(case, group)?,
        recorded: case.start(&obr.field(22))?,
        change,
        rank,
        labels: Labels::NONE,
        payload,
    };
    case.record(&obr, Some(group), parts)
}

/// The observations and notes of a group as text, a line each: `name: value unit`, or the text alone where it is prose.
pub(super) fn text_of(case: &Case<'_>, group: &Group<'_>) -> String {
    let mut lines = Vec::new();
    let mut heading = String::new();
    for obx in &group.obx {
        let name = case.coding(&obx.field(3), Prefer::First);
        let name = name.map(|code| if code.display.is_empty() { code.code } else { code.display }).unwrap_or_default();
        let shown = match value::stated(case, obx) {
            Ok(Some(Value::Quantity { comparator, .. })) => {
                format!(
                    "{comparator}{} {}",
                    obx.field(5).present().map_or_else(String::new, |part| number_of(&part)),
                    value::unit(obx)
                )
            }
            Ok(Some(Value::Text(text))) => text,
            Ok(Some(Value::Coded(code))) => {
                if code.display.is_empty() {
                    code.code
                } else {
                    code.display
                }
            }
            Ok(Some(Value::Absent(_)) | None) => continue,
            Err(remark) if remark.reason == Reason::Binary => "(binary)".to_owned(),
            Err(_) => obx.field(5).whole_text().into_owned(),
        };
        let prose = matches!(&*obx.field(2).text(), "TX" | "FT");
        if prose && name != heading && !name.is_empty() {
            lines.push(name.clone());
        }
        lines.push(if prose || name.is_empty() {
            shown.trim().to_owned()
        } else {
            format!("{name}: {}", shown.trim())
        });
        heading = name;
    }
    lines
        .extend(group.notes.iter().map(|note| note.field(3).whole_text().into_owned()).filter(|text| !text.is_empty()));
    lines.join("\n")
}

/// A number as it was written, with the zeros at its end.
fn number_of(part: &Part<'_>) -> String {
    match part.nm() {
        Ok(Some(number)) => number.written.to_owned(),
        _ => part.component(2).text().into_owned(),
    }
}

/// `OMG`, `OMI`, and results of a section of imaging → imaging, with the report where there is one.
fn imaging(case: &Case<'_>, group: &Group<'_>, out: &mut Out) {
    let Some(obr) = group.obr else {
        for obx in &group.obx {
            out.leave(Reason::NoCategory, &obx.field(3), "an observation beside an imaging order");
        }
        return;
    };
    let section = obr.field(24).text();
    // OMG orders any clinical service.
    if !section.is_empty() && modality(&section).is_none() && section != "RAD" {
        out.leave(Reason::NoCategory, &obr.field(24), "an order of a section that makes no images");
        return;
    }
    if group.orc.is_some_and(|orc| orc.field(1).text() == "PA") {
        out.leave(Reason::NoCategory, &obr.field(4), "an order that its child orders state in parts");
        return;
    }
    let asked = obr.field(4).coded();
    if asked.system == "JC10" {
        out.leave(
            Reason::NoCategory,
            &obr.field(4),
            "an order of a test of function is no fact until there is a result",
        );
        return;
    }
    out.put(image(case, group, &obr));
}

fn image(case: &Case<'_>, group: &Group<'_>, obr: &Segment<'_>) -> Result<Record, Remark> {
    let (change, rank) = together(group)?;
    let payload = match change {
        ChangeKind::Delete => None,
        _ => {
            let procedure = asked(case, group, Prefer::First);
            let rule = "what was examined, as a code or text";
            let procedure =
                procedure.ok_or_else(|| Remark::from(obr.fault(4, ErrorCode::RequiredFieldMissing, rule)))?;
            // `ZDS-1` and `IPC-3` hold the study's UID, `IPC-5` its modality.
            let study = group.study.map(|study| (study.id() == "IPC", study));
            let uid = study.map(|(ipc, study)| study.field(if ipc { 3 } else { 1 }).text().into_owned());
            let stated = study.filter(|(ipc, _)| *ipc).map(|(_, study)| study.field(5).text().into_owned());
            let modality = stated.filter(|code| !code.is_empty());
            Some(Payload::Imaging(Imaging {
                modality: modality
                    // DICOM's word for what it has no word for.
                    .unwrap_or_else(|| self::modality(&obr.field(24).text()).unwrap_or("OT").to_owned()),
                procedure,
                study_uid: uid.unwrap_or_default(),
                report: text_of(case, group),
            }))
        }
    };
    let planned = group.tq1.map(|tq1| tq1.field(7));
    let ordered = group.orc.map(|orc| orc.field(9));
    let parts = Parts {
        key: order_key(case, group)?,
        kind: "imaging",
        category: Category::Imaging,
        occurred: case.first_start([Some(obr.field(7)), planned, Some(obr.field(36)), ordered])?,
        recorded: case.start(&obr.field(22))?,
        change,
        rank,
        labels: Labels::NONE,
        payload,
    };
    case.record(obr, Some(group), parts)
}

/// The DICOM modality of a section of HL7 table 0074, where it is one.
fn modality(section: &str) -> Option<&'static str> {
    Some(match section {
        "CT" => "CT",
        "NMR" => "MR",
        "NMS" => "NM",
        "RUS" | "OUS" | "VUS" | "CUS" => "US",
        "RX" | "XRC" => "RG",
        _ => return None,
    })
}
