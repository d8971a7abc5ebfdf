//! The shared reference intervals of the JCCLS (日本臨床検査標準協議会 共用基準範囲), for adults.

use crate::diabetes::BiologicalSex;
use crate::lab::decimal::dec;
use crate::{Certainty, Source};
use rust_decimal::Decimal;

/// The edition.
pub const JCCLS_VERSION: &str = "2022-10-01";

/// Transcribed twice, and from pages of Miyazaki University and Yoka hospital.
const TRANSCRIBED: Source =
    Source { text: "JCCLS 共用基準範囲 2022-10-01 表1-1, from transcriptions", certainty: Certainty::Secondary };
const REMEMBERED: Source =
    Source { text: "JCCLS 共用基準範囲 2022-10-01, from memory", certainty: Certainty::Memory };

/// A shared interval: item, sex (`None` for both), low, high in the item's unit, source.
pub type SharedRow = (&'static str, Option<BiologicalSex>, Decimal, Decimal, Source);

const M: Option<BiologicalSex> = Some(BiologicalSex::Male);
const F: Option<BiologicalSex> = Some(BiologicalSex::Female);

const fn row(item: &'static str, sex: Option<BiologicalSex>, low: &'static str, high: &'static str) -> SharedRow {
    (item, sex, dec(low), dec(high), TRANSCRIBED)
}
const fn remembered(
    item: &'static str,
    sex: Option<BiologicalSex>,
    low: &'static str,
    high: &'static str,
) -> SharedRow {
    (item, sex, dec(low), dec(high), REMEMBERED)
}

/// The table. Where `../shared/data/lab-codes` says otherwise (sodium 138–146, HDL of men 40–90), the transcription of
/// the JCCLS itself holds (138–145; 38–90, that one from memory).
pub const JCCLS: &[SharedRow] = &[
    row("wbc", None, "3.3", "8.6"),
    row("rbc", M, "4.35", "5.55"),
    row("rbc", F, "3.86", "4.92"),
    row("haemoglobin", M, "13.7", "16.8"),
    row("haemoglobin", F, "11.6", "14.8"),
    row("haematocrit", M, "40.7", "50.1"),
    row("haematocrit", F, "35.1", "44.4"),
    row("mcv", None, "83.6", "98.2"),
    row("mch", None, "27.5", "33.2"),
    remembered("mchc", None, "31.7", "35.3"),
    row("platelets", None, "158", "348"),
    row("total-protein", None, "6.6", "8.1"),
    row("albumin", None, "4.1", "5.1"),
    row("urea-nitrogen", None, "8", "20"),
    row("creatinine", M, "0.65", "1.07"),
    row("creatinine", F, "0.46", "0.79"),
    row("uric-acid", M, "3.7", "7.8"),
    row("uric-acid", F, "2.6", "5.5"),
    row("sodium", None, "138", "145"),
    row("potassium", None, "3.6", "4.8"),
    row("chloride", None, "101", "108"),
    row("calcium", None, "8.8", "10.1"),
    remembered("phosphate", None, "2.7", "4.6"),
    remembered("iron", None, "40", "188"),
    row("glucose", None, "73", "109"),
    row("hba1c", None, "4.9", "6.0"),
    row("triglyceride", M, "40", "234"),
    row("triglyceride", F, "30", "117"),
    row("total-cholesterol", None, "142", "248"),
    remembered("hdl-cholesterol", M, "38", "90"),
    row("hdl-cholesterol", F, "48", "103"),
    row("ldl-cholesterol", None, "65", "163"),
    row("bilirubin", None, "0.4", "1.5"),
    row("ast", None, "13", "30"),
    row("alt", M, "10", "42"),
    row("alt", F, "7", "23"),
    row("ld", None, "124", "222"),
    row("alp", None, "38", "113"),
    row("ggt", M, "13", "64"),
    row("ggt", F, "9", "32"),
    row("ck", M, "59", "248"),
    row("ck", F, "41", "153"),
    row("amylase", None, "44", "132"),
    row("che", M, "240", "486"),
    row("che", F, "201", "421"),
    row("crp", None, "0", "0.14"),
];
