//! Laboratory values that hang together.
//!
//! A value is the person's own middle (a z-score within the reference interval, deviation 0.7) plus day-to-day
//! variation (deviation 0.35), on a quarter of the interval's width, so that a healthy person is inside the interval about 95 times
//! of 100. On top of that: HbA1c and glucose move together (mean glucose = 28.7·HbA1c − 46.7, fasting 0.85 of it,
//! deviation 12 mg/dL); creatinine follows the person's eGFR by the Japanese formula
//! (194·Cr^−1.094·age^−0.287·0.739 if female) and the reported eGFR is computed from the reported creatinine; kidney
//! disease raises urea and potassium and lowers haemoglobin; pregnancy lowers haemoglobin by 1.8 g/dL; inflammation
//! (0 to 1, from the visit) raises CRP and white cells; AST and ALT share the state of the liver; haematocrit and red
//! cells follow haemoglobin.

use super::dice::Dice;
use super::people::Person;
use super::scribe::coding;
use super::tables::{Analyte, Tables, Trait};
use model::{CodeSystem, LabResult, LabStatus, Label, Labels, Sex, Value};

/// One measured analyte with the labels it carries.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    pub(super) result: LabResult,
    pub(super) labels: Labels,
}

/// What the values of one specimen share.
struct Specimen {
    inflammation: f64,
    creatinine: f64,
    haemoglobin: f64,
    hba1c: f64,
    liver: f64,
}

/// Measures the analytes of `panels` in one specimen of the person, as final results of `order`.
pub(super) fn measure(
    tables: &Tables,
    person: &mut Person,
    panels: &[&str],
    inflammation: f64,
    order: &str,
) -> Vec<Measured> {
    let mut dice = person.dice.clone();
    let adult_age = person.age.max(18) as f64;
    let female = person.female();
    let factor = 194.0 * adult_age.powf(-0.287) * if female { 0.739 } else { 1.0 };
    let true_creatinine = (person.egfr / factor).powf(-1.0 / 1.094);
    let kidney_loss = if person.has(Trait::Kidney) { (60.0 - person.egfr).max(0.0) } else { 0.0 };
    let specimen = Specimen {
        inflammation,
        creatinine: true_creatinine * dice.normal(0.0, 0.04).exp(),
        haemoglobin: dice.normal(if female { 13.2 } else { 15.1 }, 0.8)
            - 0.03 * kidney_loss
            - if person.has(Trait::Pregnancy) { 1.8 } else { 0.0 },
        hba1c: person.hba1c + dice.normal(0.0, 0.15),
        liver: dice.normal(0.0, 0.25),
    };
    let mut measured = Vec::new();
    for (analyte, set_point) in tables.analytes.iter().zip(&person.set_points) {
        if !analyte.panels.iter().any(|panel| panels.contains(panel)) {
            continue;
        }
        let z = set_point + dice.normal(0.0, 0.35);
        measured.push(Measured {
            result: LabResult { order: order.to_owned(), ..result(analyte, person, &specimen, z, &mut dice) },
            labels: if analyte.key == "HIV" { Labels::of(Label::Hiv).with(Label::Restricted) } else { Labels::NONE },
        });
    }
    person.dice = dice;
    measured
}

fn result(analyte: &Analyte, person: &Person, specimen: &Specimen, z: f64, dice: &mut Dice) -> LabResult {
    let (low, high) = interval(analyte, person);
    let bare = LabResult {
        code: coding(CodeSystem::Jlac10, analyte.jlac10, analyte.name),
        value: Value::Absent("unknown".to_owned()),
        reference_low: low,
        reference_high: high,
        flag: String::new(),
        // The specimen is digits 10 to 12 of the code.
        specimen: analyte.jlac10.chars().skip(9).take(3).collect(),
        status: LabStatus::Final,
        order: String::new(),
        note: String::new(),
    };
    if analyte.key == "HIV" {
        let positive = person.has(Trait::Hiv);
        let (code, shown) = if positive { ("+", "陽性") } else { ("-", "陰性") };
        let flag = if positive { "A" } else { "N" }.to_owned();
        return LabResult { value: Value::Coded(coding(CodeSystem::Local, code, shown)), flag, ..bare };
    }
    let value = round(value(analyte, person, specimen, z, dice), analyte.decimals);
    let unit = analyte.unit.to_owned();
    // CRP is reported with a lower limit of measurement.
    let (value, comparator) = if analyte.key == "CRP" && value < 0.02 { (0.02, "<") } else { (value, "") };
    let flag = flag(analyte.key, value, low, high).to_owned();
    LabResult { value: Value::Quantity { value, unit, comparator: comparator.to_owned() }, flag, ..bare }
}

/// The reference interval for the person's sex.
fn interval(analyte: &Analyte, person: &Person) -> (Option<f64>, Option<f64>) {
    if person.demographics.sex == Sex::Male { analyte.male } else { analyte.female }
}

fn value(analyte: &Analyte, person: &Person, specimen: &Specimen, z: f64, dice: &mut Dice) -> f64 {
    let (low, high) = interval(analyte, person);
    let low_or_zero = low.unwrap_or(0.0);
    let high_or_double = high.unwrap_or(low_or_zero * 2.0);
    let usual = if analyte.log_normal {
        let from = if low_or_zero > 0.0 { low_or_zero } else { high_or_double / 12.0 };
        (0.5 * (from.ln() + high_or_double.ln()) + z * (high_or_double.ln() - from.ln()) / 4.0).exp()
    } else {
        0.5 * (low_or_zero + high_or_double) + z * (high_or_double - low_or_zero) / 4.0
    };
    let kidney_loss = if person.has(Trait::Kidney) { (60.0 - person.egfr).max(0.0) } else { 0.0 };
    let diabetes = person.has(Trait::Diabetes);
    match analyte.key {
        "HbA1c" => specimen.hba1c,
        "GLU" => ((28.7 * specimen.hba1c - 46.7) * 0.85 + dice.normal(0.0, 12.0)).max(45.0),
        "CRE" => specimen.creatinine,
        "eGFR" => {
            let factor = 194.0 * (person.age.max(18) as f64).powf(-0.287) * if person.female() { 0.739 } else { 1.0 };
            factor * round(specimen.creatinine, 2).max(0.1).powf(-1.094)
        }
        "UACR" if person.has(Trait::DiabeticKidney) => (250f64.ln() + dice.normal(0.0, 0.8)).exp(),
        "BUN" => usual * (1.0 + kidney_loss / 30.0),
        "K" => usual + kidney_loss / 80.0,
        "UA" => usual + kidney_loss / 40.0,
        "AST" | "ALT" => usual * specimen.liver.exp(),
        "TG" if diabetes => usual * 1.35,
        "HDL" if diabetes => usual - 6.0,
        "LDL" if person.has(Trait::Lipid) => usual + 35.0,
        "CRP" => usual + 12.0 * specimen.inflammation.powi(2),
        "WBC" => usual + 7.0 * specimen.inflammation,
        "Hb" => specimen.haemoglobin,
        "Hct" => specimen.haemoglobin * 2.95 + dice.normal(0.0, 0.5),
        "RBC" => specimen.haemoglobin / 3.05 + dice.normal(0.0, 0.06),
        _ => usual,
    }
}

fn flag(key: &str, value: f64, low: Option<f64>, high: Option<f64>) -> &'static str {
    // Critical limits in the middle of what hospitals publish.
    let (critical_low, critical_high) = match key {
        "GLU" => (50.0, 500.0),
        "K" => (2.5, 6.0),
        "Na" => (120.0, 160.0),
        "CRE" => (f64::MIN, 8.0),
        "Hb" => (6.0, 20.0),
        _ => (f64::MIN, f64::MAX),
    };
    if value < critical_low {
        "LL"
    } else if value >= critical_high {
        "HH"
    } else if low.is_some_and(|low| value < low) {
        "L"
    } else if high.is_some_and(|high| value > high) {
        "H"
    } else {
        "N"
    }
}

fn round(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value.max(0.0) * scale).round() / scale
}
