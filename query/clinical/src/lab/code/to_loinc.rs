//! From JLAC10 to LOINC, where that is known.

use super::{Jlac10, Loinc, Match};
use crate::Certainty;
use crate::lab::{By, Item, SpecimenKind, Unit, convert};
use rust_decimal::Decimal;

/// Changes with every change of the map: the items' LOINC codes and the table below.
pub const LOINC_MAP_VERSION: &str = "2026-11-22";

/// Codes whose identification part says more than their analyte: analyte, identification, LOINC, certainty.
/// 1300 fasting is read from the national code sets; the load times (0106, 0112) are inferred from them.
const BY_IDENTIFICATION: &[(&str, &str, &str, Certainty)] = &[
    ("3D010", "1300", "1558-6", Certainty::Memory),
    ("3D010", "0106", "1507-3", Certainty::Memory),
    ("3D010", "0112", "1518-0", Certainty::Memory),
];

/// A LOINC code for a JLAC10 code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoincMatch {
    /// The LOINC code.
    pub code: Loinc,
    /// `Exact` where also the identification decided, `Analyte` where the specimen was not said and only one kind of
    /// specimen is known here.
    pub how: Match,
    /// How certain the pair is.
    pub certainty: Certainty,
}

/// Why there is no LOINC code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NoLoinc {
    /// No item here has this analyte in this specimen with this result part.
    #[error("no LOINC code is known here for this JLAC10 code")]
    Unknown,
    /// LOINC has another code where the unit is of another kind (mass or amount), which is not known here.
    #[error("the unit is of another kind (mass or amount) than the LOINC code known here")]
    OtherProperty,
}

/// The LOINC code of a JLAC10 code. `unit`, where given, must be of the kind the LOINC code stands for: LOINC tells mass
/// from amount, JLAC10 does not.
///
/// # Errors
/// Where none is known, or only one for another kind of unit.
pub fn to_loinc(code: &Jlac10, unit: Option<&Unit>) -> Result<LoincMatch, NoLoinc> {
    let (item, how) = match Item::of_jlac10(code) {
        Some(item) => (item, Match::AnalyteSpecimenResult),
        None => (lone_item(code).ok_or(NoLoinc::Unknown)?, Match::Analyte),
    };
    let special = BY_IDENTIFICATION.iter().find(|(analyte, identification, ..)| {
        item.specimen == SpecimenKind::Blood && *analyte == code.analyte() && *identification == code.identification()
    });
    let (text, certainty, how) = match special {
        Some((_, _, loinc, certainty)) => (*loinc, *certainty, Match::Exact),
        None => item.loinc.first().map(|(loinc, certainty)| (*loinc, *certainty, how)).ok_or(NoLoinc::Unknown)?,
    };
    let code = Loinc::parse(text).map_err(|_| NoLoinc::Unknown)?;
    if unit.is_some_and(|unit| !of_that_kind(unit, item)) {
        return Err(NoLoinc::OtherProperty);
    }
    Ok(LoincMatch { code, how, certainty })
}

/// The only item of an analyte, for a code that does not say its specimen. `None` as soon as the analyte is known here
/// in two kinds of specimen.
fn lone_item(code: &Jlac10) -> Option<&'static Item> {
    if SpecimenKind::of_jlac10(code.specimen()) != SpecimenKind::Unsaid {
        return None;
    }
    let mut items = Item::of_analyte(code);
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

fn of_that_kind(unit: &Unit, item: &Item) -> bool {
    item.own_unit().is_some_and(|own| {
        let by = convert(Decimal::ONE, unit, own, Some(item)).map(|converted| converted.by);
        matches!(by, Ok(By::Same | By::Ratio | By::OldNameOfUnit | By::Charge))
    })
}
