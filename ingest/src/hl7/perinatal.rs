//! `OBX` → entries of a pregnancy's record, by LOINC or by a word of this project under `99AJISAI`.

use super::case::Case;
use super::group::Group;
use super::{Reason, Remark, code, value};
use crate::pregnancy::{FETUS, Known, NOTHING, SYSTEM_V2, Wrong};
use hl7v2::{ErrorCode, Segment};
use model::{CodeSystem, Coding, Moment, Perinatal, Value};

/// Younger than this nobody is pregnant (a choice, as of FHIR).
const YOUNGEST: i64 = 8 * 366 * 86_400_000_000;

/// A code that makes an observation an entry, as it is kept.
pub(super) struct Found {
    known: Known,
    pub(super) code: Coding,
}

/// What an observation says of a pregnancy, by its code.
pub(super) fn found(case: &Case<'_>, obx: &Segment<'_>) -> Option<Found> {
    let coded = obx.field(3).coded();
    let sides =
        [(&coded.code, &coded.text, &coded.system), (&coded.other_code, &coded.other_text, &coded.other_system)];
    let own = sides.iter().find_map(|(code, text, name)| {
        let known = Known::by_word(code).filter(|_| name.eq_ignore_ascii_case(SYSTEM_V2))?;
        let code = Coding { system: CodeSystem::Local, code: code.to_string(), display: text.to_string() };
        Some(Found { known, code })
    });
    own.or_else(|| {
        sides.iter().find_map(|(code, text, name)| {
            let known = Known::by_loinc(code).filter(|_| code::system(name, code, case.feed) == CodeSystem::Loinc)?;
            let code = Coding { system: CodeSystem::Loinc, code: code.to_string(), display: text.to_string() };
            Some(Found { known, code })
        })
    })
}

/// The entry that an observation states; `None` when it says nothing.
pub(super) fn entry(
    case: &Case<'_>,
    group: &Group<'_>,
    (obx, Found { known, code }): (&Segment<'_>, Found),
    at: Moment,
) -> Result<Option<Perinatal>, Remark> {
    of_a_woman(case, at)?;
    let field = obx.field(5);
    let day = || field.present()?.ts().ok()??.date();
    let stated = if known.is_day()
        && let Some(day) = day()
    {
        Some(Value::Text(day.to_string()))
    } else {
        value::stated(case, obx)?
    };
    let value = match stated {
        Some(value) => value,
        None if known.is_alone() => Value::Absent(NOTHING.to_owned()),
        None if field.is_null() => Value::Absent("unknown".to_owned()),
        None => return Ok(None),
    };
    let fetus = if known.row.of_fetus { fetus(group, obx)? } else { None };
    known.entry(code, value, fetus, at).map(Some).map_err(|wrong| {
        let (number, rule) = match wrong {
            Wrong::Value(rule) => (5, rule),
            Wrong::Unit(rule) => (6, rule),
            Wrong::Fetus => (4, FETUS),
        };
        Remark::new(Reason::InvalidElement, obx.fault(number, ErrorCode::DataType, rule))
    })
}

/// Which fetus: the sub-id (`OBX-4`), which tells observations of one code apart.
///
/// Where sub-ids only count the segments (each is that of `OBX-1`, and no code comes twice), they name no fetus.
fn fetus(group: &Group<'_>, obx: &Segment<'_>) -> Result<Option<u8>, Remark> {
    let sub = obx.field(4).text();
    let sub = sub.trim();
    if sub.is_empty() {
        return Ok(None);
    }
    let counts = group.obx.iter().all(|one| {
        let (set, sub) = (one.field(1).text(), one.field(4).text());
        !set.is_empty() && set == sub
    });
    let codes: std::collections::BTreeSet<String> =
        group.obx.iter().map(|one| one.field(3).coded().code.to_string()).collect();
    if counts && group.obx.len() > 1 && codes.len() == group.obx.len() {
        return Ok(None);
    }
    let number = sub.parse().ok().filter(|number| (1..=5).contains(number));
    number.map(Some).ok_or_else(|| Remark::new(Reason::InvalidElement, obx.fault(4, ErrorCode::DataType, FETUS)))
}

/// What is said of a man, or of a child, is no entry of a pregnancy of theirs.
fn of_a_woman(case: &Case<'_>, at: Moment) -> Result<(), Remark> {
    let Some(pid) = case.section.pid else { return Ok(()) };
    let born = case.start(&pid.field(7)).ok().flatten();
    if pid.field(8).text() == "M" || born.is_some_and(|born| at.since(born) < YOUNGEST) {
        let rule = "an entry of a pregnancy's record is the mother's: a newborn's gestational age is not taken";
        return Err(Remark::new(Reason::InvalidElement, pid.fault(8, ErrorCode::DataType, rule)));
    }
    Ok(())
}
