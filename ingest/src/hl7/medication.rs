//! `RXE`, `RXO`, `RXD`, `RXA` → medication.

use super::case::{Case, Out, Parts, key};
use super::code::Prefer;
use super::group::Group;
use super::result::order;
use super::visit::told_by;
use super::{Family, Reason, Remark};
use hl7v2::{ErrorCode, Part, Segment};
use model::{Category, ChangeKind, Labels, Medication, Payload, Record};

pub(super) fn convert(case: &Case<'_>, group: &Group<'_>, out: &mut Out) {
    if let Some(rx) = group.rx {
        match rx.id().as_str() {
            "RXA" if case.kind.family == Family::Immunization => super::immunization::convert(case, group, &rx, out),
            "RXA" => out.put(dose(case, group, &rx)),
            _ => out.put(ordered(case, group, &rx)),
        }
        return;
    }
    // An order of a drug without the drug.
    if matches!(case.kind.family, Family::Medication | Family::Immunization)
        && let Some(orc) = group.orc
    {
        out.leave(Reason::NoCategory, &orc.field(1), "a drug's order says which drug, in `RXE`, `RXO`, `RXD` or `RXA`");
    }
}

/// Which field of a segment holds what.
struct Fields {
    code: u16,
    amount: u16,
    unit: u16,
    /// The amount to dispense, and its unit.
    total: u16,
    total_unit: u16,
    notes: u16,
}

fn fields(rx: &Segment<'_>) -> Fields {
    match rx.id().as_str() {
        "RXO" => Fields { code: 1, amount: 2, unit: 4, total: 11, total_unit: 12, notes: 6 },
        "RXD" => Fields { code: 2, amount: 4, unit: 5, total: 4, total_unit: 5, notes: 9 },
        _ => Fields { code: 2, amount: 3, unit: 5, total: 10, total_unit: 11, notes: 7 },
    }
}

/// An order or its dispensing.
///
/// | `ORC-1`, `ORC-5` | status |
/// | --- | --- |
/// | CA, OC, CR; ORC-5 CA | cancelled |
/// | DC, OD, DR; ORC-5 DC | stopped |
/// | HD, OH, HR; ORC-5 HD | on-hold |
/// | ORC-5 CM; `RXD` | completed |
/// | others | active |
fn ordered(case: &Case<'_>, group: &Group<'_>, rx: &Segment<'_>) -> Result<Record, Remark> {
    let fields = fields(rx);
    let control = |field: u16| group.orc.map(|orc| orc.field(field).text()).unwrap_or_default();
    let status = match (&*control(1), &*control(5)) {
        ("CA" | "OC" | "CR", _) | (_, "CA") => "cancelled",
        ("DC" | "OD" | "DR", _) | (_, "DC") => "stopped",
        ("HD" | "OH" | "HR", _) | (_, "HD") => "on-hold",
        (_, "CM") => "completed",
        _ if rx.id() == "RXD" => "completed",
        _ => "active",
    };
    let part = rx.field(fields.code);
    let code = case.coding(&part, Prefer::Drug).ok_or_else(|| no_drug(&part))?;
    let (quantity, quantity_unit) = amount(&rx.field(fields.total), &rx.field(fields.total_unit))?;
    let dispensed = (rx.id() == "RXD").then(|| rx.field(3));
    let tq1 = |field: u16| group.tq1.map(|tq1| tq1.field(field));
    let occurred =
        case.first_start([dispensed, tq1(7), group.orc.map(|orc| orc.field(15)), group.orc.map(|orc| orc.field(9))])?;
    let mut told = vec![key(&order(group)), told_by(&code)];
    // Groups within one order (Rp. 1, Rp. 2) may hold the same drug twice.
    told.extend(group.orc.and_then(|orc| orc.field(4).present()).map(|part| key(&part.text())));
    if rx.id() == "RXD" {
        told.extend(occurred.map(|at| at.micros().to_string()));
    }
    let payload = Medication {
        dosage: dosage(case, group, rx, &fields),
        code,
        status: status.to_owned(),
        quantity,
        quantity_unit,
        days: days(group),
    };
    let parts = Parts {
        key: told,
        kind: if rx.id() == "RXD" { "dispensed" } else { "drug" },
        category: Category::Medication,
        occurred,
        recorded: group.orc.map(|orc| case.start(&orc.field(9))).transpose()?.flatten(),
        change: ChangeKind::Upsert,
        rank: if status == "active" { 1 } else { 3 },
        labels: Labels::NONE,
        payload: Some(Payload::Medication(payload)),
    };
    case.record(rx, Some(group), parts)
}

pub(super) fn no_drug(part: &Part<'_>) -> Remark {
    part.fault(ErrorCode::RequiredFieldMissing, "the drug, as a code or text").into()
}

/// A dose that was given.
///
/// | `RXA-20`, `RXA-21` | record |
/// | --- | --- |
/// | CP, PA or nothing | completed |
/// | RE, NA | cancelled: it was not given |
/// | `RXA-21` D | delete |
fn dose(case: &Case<'_>, group: &Group<'_>, rxa: &Segment<'_>) -> Result<Record, Remark> {
    let part = rxa.field(5);
    let code = case.coding(&part, Prefer::Drug).ok_or_else(|| no_drug(&part))?;
    let status = match &*rxa.field(20).text() {
        "" | "CP" | "PA" => "completed",
        "RE" | "NA" => "cancelled",
        _ => return Err(rxa.fault(20, ErrorCode::TableValue, "CP, PA, RE or NA").into()),
    };
    let deleted = rxa.field(21).text() == "D";
    let at = case.start(&rxa.field(3))?;
    let (quantity, quantity_unit) = amount_given(rxa)?;
    let mut told = vec![key(&order(group)), told_by(&code)];
    told.extend(at.map(|at| at.micros().to_string()));
    let payload =
        Medication { code, status: status.to_owned(), dosage: String::new(), quantity, quantity_unit, days: None };
    let parts = Parts {
        key: told,
        kind: "given",
        category: Category::Medication,
        occurred: at,
        recorded: case.start(&rxa.field(22))?,
        change: if deleted { ChangeKind::Delete } else { ChangeKind::Upsert },
        rank: if deleted { 4 } else { 1 },
        labels: Labels::NONE,
        payload: (!deleted).then_some(Payload::Medication(payload)),
    };
    case.record(rxa, Some(group), parts)
}

/// How much was given; 999 stands for an amount that is not known.
pub(super) fn amount_given(rxa: &Segment<'_>) -> Result<(Option<f64>, String), Remark> {
    let stated = rxa.field(6);
    if stated.raw() == "999" { Ok((None, String::new())) } else { amount(&stated, &rxa.field(7)) }
}

/// A number and its unit as it is shown (錠, mL).
fn amount(number: &Part<'_>, unit: &Part<'_>) -> Result<(Option<f64>, String), Remark> {
    let number = number.nm()?;
    let unit = unit.coded();
    let shown = [&unit.text, &unit.code].into_iter().find(|text| !text.is_empty()).map(|text| text.to_string());
    Ok((number.map(|number| number.value), shown.filter(|_| number.is_some()).unwrap_or_default()))
}

/// How to take it: the usage (JAMI's, in `TQ1-3`), the dose, the instructions, the pharmacist's notes.
fn dosage(case: &Case<'_>, group: &Group<'_>, rx: &Segment<'_>, fields: &Fields) -> String {
    let mut words = Vec::new();
    if rx.id() != "RXD" {
        let dose = rx.field(fields.amount).text();
        let unit = rx.field(fields.unit).coded();
        let unit = [&unit.text, &unit.code].into_iter().find(|text| !text.is_empty()).map(|text| text.to_string());
        if !dose.is_empty() {
            words.push(format!("{dose} {}", unit.unwrap_or_default()).trim().to_owned());
        }
    }
    if let Some(tq1) = group.tq1 {
        for repeat in tq1.field(3).repetitions() {
            // RPT.1 is a code with a text: `1013044400000000&内服・経口・１日３回朝昼夕食後&JAMISDP01`.
            let pattern = repeat.component(1);
            let texts = [pattern.subcomponent(2).text(), pattern.subcomponent(1).text()];
            words.extend(texts.into_iter().find(|text| !text.is_empty()).map(|text| text.into_owned()));
        }
        words.push(tq1.field(11).whole_text().into_owned());
    }
    for note in rx.field(fields.notes).repetitions() {
        words.extend(
            case.coding(&note, Prefer::First)
                .map(|code| if code.display.is_empty() { code.code } else { code.display }),
        );
    }
    words.retain(|word| !word.is_empty());
    words.join(", ")
}

/// Days supplied, by `TQ1-6`: `5^d`, `2^wk`, or `D5`, `W2` of older senders.
fn days(group: &Group<'_>) -> Option<u32> {
    let field = group.tq1?.field(6);
    let (number, unit) = (field.component(1).text(), field.component(2).text());
    let (number, unit) = match number.strip_prefix(['D', 'W']) {
        Some(rest) if unit.is_empty() => (rest, number.get(..1)?),
        _ => (&*number, &*unit),
    };
    let number: u32 = number.parse().ok()?;
    let days = match unit {
        "d" | "D" | "日" | "day" | "days" => number,
        "wk" | "W" | "週" | "week" | "weeks" => number.checked_mul(7)?,
        _ => return None,
    };
    (days <= 100_000).then_some(days)
}
