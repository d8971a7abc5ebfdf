//! `PID` → demographics; `MRG` is set aside.

use super::case::{Case, Out, Parts};
use super::{Family, Feed, Reason, Remark};
use hl7v2::{ErrorCode, Part, Representation, Segment, Xad, Xpn};
use model::{
    Category, ChangeKind, Demographics, DepartmentCode, Labels, PatientNumber, PatientRef, Payload, Record, Sex,
};

/// The patient, by the source's own number.
///
/// | identifiers of `PID-3` | number |
/// | --- | --- |
/// | of a configured authority: one value | that value |
/// | none configured, typed `PI`, `MR` or `MRN`: one value | that value |
/// | none configured and none typed so: one value in `PID-3`, else `PID-2` | that value |
/// | several values | ambiguous |
pub(super) fn reference(pid: &Segment<'_>, feed: &Feed) -> Result<PatientRef, Remark> {
    let field = pid.field(3);
    let number = number(&field, feed).or_else(|remark| match remark.reason {
        // Senders before 2.3 write it there.
        Reason::UnknownPatient if feed.assigning_authorities.is_empty() => {
            number(&pid.field(2), feed).map_err(|_| remark)
        }
        _ => Err(remark),
    })?;
    Ok(PatientRef::new(feed.source.clone(), number))
}

/// The source's own number among the identifiers of a field.
fn number(field: &Part<'_>, feed: &Feed) -> Result<PatientNumber, Remark> {
    let all: Vec<_> = field.repetitions().map(|part| part.cx()).filter(|cx| !cx.id.is_empty()).collect();
    let of_authority = |cx: &&hl7v2::Cx<'_>| {
        feed.assigning_authorities.iter().any(|own| *own == cx.authority.namespace || *own == cx.authority.universal)
    };
    let typed = |cx: &&hl7v2::Cx<'_>| matches!(&*cx.kind, "PI" | "MR" | "MRN");
    let fitting: Vec<_> = if feed.assigning_authorities.is_empty() {
        let typed: Vec<_> = all.iter().filter(typed).collect();
        if typed.is_empty() { all.iter().collect() } else { typed }
    } else {
        all.iter().filter(of_authority).collect()
    };
    let refuse = |reason, code, rule: &'static str| Err(Remark::new(reason, field.fault(code, rule)));
    match fitting.split_first() {
        None if all.is_empty() => {
            refuse(Reason::UnknownPatient, ErrorCode::RequiredFieldMissing, "the patient's number at the source")
        }
        None => refuse(Reason::UnknownPatient, ErrorCode::UnknownKey, "a number of the source's assigning authority"),
        Some((first, others)) if others.iter().all(|other| other.id == first.id) => {
            let rule = "a patient number has 1 to 64 bytes without control characters";
            PatientNumber::parse(&first.id)
                .map_err(|_| Remark::new(Reason::UnknownPatient, field.fault(ErrorCode::DataType, rule)))
        }
        Some(_) => refuse(
            Reason::AmbiguousPatient,
            ErrorCode::UnknownKey,
            "one number of the source, or the feed's `assigning_authorities` set",
        ),
    }
}

pub(super) fn convert(case: &Case<'_>, out: &mut Out) {
    let Some(pid) = case.section.pid else { return };
    if let Some(mrg) = case.section.mrg {
        let rule =
            "patients that are merged, moved or linked: a person confirms it, and the source sends the records anew";
        out.leave(Reason::PatientMerge, &mrg.field(1), rule);
    }
    for place in case.places() {
        // Names of wards, in many messages. No scope names one, so nothing is withheld by it.
        if DepartmentCode::parse(&place.text()).is_err() {
            out.leave(Reason::NoDepartment, &place, "a department code has 1 to 16 visible ASCII characters");
        }
    }
    if case.message.is_damaged() {
        let rule = "every byte has a character in the set that is named";
        out.leave(Reason::DamagedText, &case.message.header().field(18), rule);
    }
    let states_identity = case.kind.family == Family::Visit && !matches!(case.kind.trigger, 24 | 37 | 60);
    if states_identity || case.feed.demographics_everywhere {
        out.put(demographics(case, &pid));
    }
}

fn demographics(case: &Case<'_>, pid: &Segment<'_>) -> Result<Record, Remark> {
    // A23 deletes a patient's record, A29 the person's.
    let deleted = case.kind.family == Family::Visit && matches!(case.kind.trigger, 23 | 29);
    let payload = match deleted {
        true => None,
        false => Some(Payload::Patient(stated(case, pid)?)),
    };
    let parts = Parts {
        key: Vec::new(),
        kind: "patient",
        category: Category::Patient,
        occurred: case.evn(2).map(|at| case.start(&at)).transpose()?.flatten(),
        recorded: None,
        change: if deleted { ChangeKind::Delete } else { ChangeKind::Upsert },
        rank: if deleted { 4 } else { 1 },
        labels: Labels::NONE,
        payload,
    };
    case.record(pid, None, parts)
}

fn stated(case: &Case<'_>, pid: &Segment<'_>) -> Result<Demographics, Remark> {
    let sex = match &*pid.field(8).text() {
        "F" => Sex::Female,
        "M" => Sex::Male,
        "O" | "A" => Sex::Other,
        // Names of other tables' codes occur, and a sex that is not understood is not known.
        _ => Sex::Unknown,
    };
    let (name, kana) = names(&pid.field(5));
    let address = pid
        .field(11)
        .repetitions()
        .map(|part| part.xad())
        .find(|address| !matches!(&*address.kind, "B" | "BDL" | "BA"));
    let dead = pid.field(30).text() == "Y";
    let deceased = match case.end(&pid.field(29))? {
        Some(at) => Some(at),
        // It is said that, but not when: not before the message.
        None => dead.then_some(case.written),
    };
    Ok(Demographics {
        name,
        kana,
        // A birth date of a year or a month alone is not a civil date; it is left out, not completed.
        birth_date: pid.field(7).ts()?.and_then(|born| born.date()),
        sex,
        postal_code: address.as_ref().map(|address| address.postal_code.to_string()).unwrap_or_default(),
        address: address.as_ref().map(written_address).unwrap_or_default(),
        deceased,
    })
}

/// The name as written and its kana.
fn names(field: &Part<'_>) -> (String, String) {
    let all: Vec<Xpn<'_>> = field.repetitions().filter_map(|part| part.present()).map(|part| part.xpn()).collect();
    // Maiden names, nicknames and those in bad repute of being true are passed over where there is another.
    let current = || all.iter().filter(|name| !matches!(&*name.kind, "M" | "N" | "NOUSE" | "BAD"));
    let kana = current().find(|name| name.representation == Some(Representation::Phonetic));
    let of = |wanted| current().find(move |name| name.representation == Some(wanted));
    let written = of(Representation::Ideographic)
        .or_else(|| current().find(|name| name.representation.is_none() && name.kind == "L"))
        .or_else(|| current().find(|name| name.representation.is_none()))
        .or_else(|| of(Representation::Alphabetic))
        .or(all.first().filter(|name| name.representation != Some(Representation::Phonetic)));
    (written.map(whole_name).unwrap_or_default(), kana.map(whole_name).unwrap_or_default())
}

/// Family name first unless it is Latin, as the FHIR adapter has it.
fn whole_name(name: &Xpn<'_>) -> String {
    let given = [&*name.given, &*name.middle].join(" ").trim().to_owned();
    let parts = if name.family.is_ascii() { [given.as_str(), &*name.family] } else { [&*name.family, given.as_str()] };
    parts.join(" ").trim().to_owned()
}

fn written_address(address: &Xad<'_>) -> String {
    if !address.whole.is_empty() && !address.whole.is_ascii() {
        return address.whole.to_string();
    }
    let (street, other, city, state) = (&*address.street, &*address.other, &*address.city, &*address.state);
    let western = [street, other, city, state].iter().all(|part| part.is_ascii());
    let parts = if western { [street, other, city, state] } else { [state, city, street, other] };
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(if western { ", " } else { "" })
}
