//! `RXA` and `RXR` of `VXU` → immunization.

use super::case::{Case, Out, Parts, key};
use super::code::Prefer;
use super::group::Group;
use super::medication::amount_given;
use super::result::{order, written};
use super::visit::told_by;
use super::{Reason, Remark, value};
use hl7v2::{ErrorCode, Part, Segment};
use model::{Category, ChangeKind, Immunization, ImmunizationStatus, Labels, Payload, Record, Value};

/// Which dose of its series it is (LOINC).
const DOSE_NUMBER: &str = "30973-2";

/// A vaccination, given or not.
///
/// | `RXA-20`, `RXA-21` | record |
/// | --- | --- |
/// | CP or nothing | completed |
/// | PA | completed, less than a full dose |
/// | RE, NA | not done, with `RXA-18` as the reason |
/// | `RXA-21` D | delete |
pub(super) fn convert(case: &Case<'_>, group: &Group<'_>, rxa: &Segment<'_>, out: &mut Out) {
    // CVX 998: no vaccine administered; the segment only carries observations.
    if rxa.field(5).component(1).raw() == "998" {
        out.leave(Reason::NoCategory, &rxa.field(5), "a vaccine that was given");
        super::result::leave_notes(group.notes_of(None), out);
        return;
    }
    out.put(vaccination(case, group, rxa));
}

/// Whether an observation beside a vaccination is part of its record.
pub(super) fn is_read(obx: &Segment<'_>) -> bool {
    let coded = obx.field(3).coded();
    [(&coded.code, &coded.system), (&coded.other_code, &coded.other_system)]
        .into_iter()
        .any(|(code, system)| *code == DOSE_NUMBER && matches!(&**system, "LN" | "LOINC"))
}

fn vaccination(case: &Case<'_>, group: &Group<'_>, rxa: &Segment<'_>) -> Result<Record, Remark> {
    let part = rxa.field(5);
    let missing = || Remark::from(part.fault(ErrorCode::RequiredFieldMissing, "the vaccine, as a code or text"));
    let code = case.coding(&part, Prefer::Drug).ok_or_else(missing)?;
    let (status, subpotent) = match &*rxa.field(20).text() {
        "" | "CP" => (ImmunizationStatus::Completed, false),
        "PA" => (ImmunizationStatus::Completed, true),
        "RE" | "NA" => (ImmunizationStatus::NotDone, false),
        _ => return Err(rxa.fault(20, ErrorCode::TableValue, "CP, PA, RE or NA").into()),
    };
    let deleted = rxa.field(21).text() == "D";
    let at = case.start(&rxa.field(3))?;
    // What was not given has no amount, whatever the field says.
    let (quantity, quantity_unit) = match status {
        ImmunizationStatus::Completed => amount_given(rxa)?,
        ImmunizationStatus::NotDone => (None, String::new()),
    };
    let told = match own_number(group) {
        Some(number) => vec![number],
        None => {
            let mut told = vec![key(&order(group)), told_by(&code)];
            told.extend(at.map(|at| at.micros().to_string()));
            told
        }
    };
    let (reported, remarks) = source(case, rxa);
    let notes = [remarks, written(group.notes_of(None))].into_iter().filter(|text| !text.is_empty());
    let payload = Immunization {
        code,
        status,
        reason: shown(case, &rxa.field(18)),
        lot: rxa.field(15).text().into_owned(),
        manufacturer: shown(case, &rxa.field(17)),
        dose_number: dose_number(case, group)?,
        quantity,
        quantity_unit,
        site: group.rxr.map(|rxr| shown(case, &rxr.field(2))).unwrap_or_default(),
        route: group.rxr.map(|rxr| shown(case, &rxr.field(1))).unwrap_or_default(),
        reported,
        subpotent,
        note: notes.collect::<Vec<_>>().join("\n"),
    };
    let parts = Parts {
        key: told,
        // The word of doses given: vaccinations were such before they had a category.
        kind: "given",
        category: Category::Immunization,
        occurred: at,
        recorded: case.start(&rxa.field(22))?,
        change: if deleted { ChangeKind::Delete } else { ChangeKind::Upsert },
        rank: if deleted { 4 } else { 1 },
        labels: Labels::NONE,
        payload: (!deleted).then_some(Payload::Immunization(payload)),
    };
    case.record(rxa, Some(group), parts)
}

/// The vaccination's own number, `ORC-3`: whoever gave it keeps it, so that a day or a vaccine put right is the same vaccination and
/// not a second one. `9999` stands where there is none.
fn own_number(group: &Group<'_>) -> Option<String> {
    let filler = group.orc?.field(3);
    Some(key(&filler.text())).filter(|number| !number.is_empty() && number != "9999")
}

/// The text a code is shown by, or the code itself.
fn shown(case: &Case<'_>, part: &Part<'_>) -> String {
    let coded = case.coding(part, Prefer::First);
    coded.map(|coded| if coded.display.is_empty() { coded.code } else { coded.display }).unwrap_or_default()
}

/// Whether it was told by somebody else than who gave it, and what else `RXA-9` says.
///
/// `RXA-9` is the source of the information under `NIP001` (00 a new record, 01 to 08 history), and free notes under
/// anything else.
fn source(case: &Case<'_>, rxa: &Segment<'_>) -> (bool, String) {
    let mut reported = false;
    let mut notes = Vec::new();
    for part in rxa.field(9).repetitions() {
        let coded = part.coded();
        if coded.system == "NIP001" {
            reported |= matches!(&*coded.code, "01" | "02" | "03" | "04" | "05" | "06" | "07" | "08");
        } else {
            notes.push(shown(case, &part));
        }
    }
    notes.retain(|note| !note.is_empty());
    (reported, notes.join("\n"))
}

/// Which dose it is, as an observation beside it says.
fn dose_number(case: &Case<'_>, group: &Group<'_>) -> Result<String, Remark> {
    let Some(obx) = group.obx.iter().find(|obx| is_read(obx)) else { return Ok(String::new()) };
    Ok(match value::stated(case, obx)? {
        Some(Value::Quantity { value, .. }) => value.to_string(),
        Some(Value::Text(text)) => text,
        Some(Value::Coded(coded)) => {
            if coded.display.is_empty() {
                coded.code
            } else {
                coded.display
            }
        }
        Some(Value::Absent(_)) | None => String::new(),
    })
}
