//! Automatic labels: what a record's own codes say of its sensitivity, beyond what its source labelled.
//!
//! A source often leaves a result unlabelled that consent treats as sensitive. The table here adds labels, and never takes
//! one away, so that it can only withhold more. It is versioned: the same record has the same labels for everybody who
//! asks by the same version, and a new version is a rebuild of the views.

use model::{Category, CodeSystem, Coding, Label, Labels, Payload, Record, Value};

/// The version of [`RULES`]: it changes whenever a rule does.
pub const LABELLING_VERSION: &str = "2026-11-1";

/// What a rule looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sign {
    /// An ICD-10 code from the first category to the last, both with all their subcategories: `("B20", "B24")`.
    Icd10(&'static str, &'static str),
    /// An ICD-10 code that begins so, without its point: `T742`.
    Icd10Prefix(&'static str),
    /// A JLAC10 code that begins so.
    Jlac10(&'static str),
    /// The department that made the record.
    Department(&'static str),
}

/// One rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LabelRule {
    /// What it looks at.
    pub sign: Sign,
    /// What it adds.
    pub labels: Labels,
    /// Where it comes from.
    pub source: &'static str,
}

const fn rule(sign: Sign, labels: Labels, source: &'static str) -> LabelRule {
    LabelRule { sign, labels, source }
}

const HIV: Labels = Labels::of(Label::Hiv).with(Label::Restricted);
const PSY: Labels = Labels::of(Label::Psy).with(Label::Restricted);
const STD: Labels = Labels::of(Label::Std);
const ETH: Labels = Labels::of(Label::Eth);
const REPRO: Labels = Labels::of(Label::Repro).with(Label::Restricted);
const SDV: Labels = Labels::of(Label::Sdv).with(Label::Restricted);
const GDIS: Labels = Labels::of(Label::Gdis);

const JLAC10_MASTER: &str = "MEDIS JLAC10 master: analyte";
const ICD10_2013: &str = "ICD-10 (2013), MHLW";
const SS_MIX2: &str = "SS-MIX2 department codes";

/// The rules, one a row.
pub const RULES: &[LabelRule] = &[
    rule(Sign::Jlac10("5F500"), HIV, JLAC10_MASTER),
    rule(Sign::Jlac10("5F560"), HIV, JLAC10_MASTER),
    rule(Sign::Icd10("B20", "B24"), HIV, ICD10_2013),
    rule(Sign::Icd10("Z21", "Z21"), HIV, ICD10_2013),
    rule(Sign::Jlac10("5E074"), STD, JLAC10_MASTER),
    rule(Sign::Jlac10("5E075"), STD, JLAC10_MASTER),
    rule(Sign::Icd10("A50", "A64"), STD, ICD10_2013),
    rule(Sign::Icd10("F00", "F99"), PSY, ICD10_2013),
    rule(Sign::Department("02"), PSY, SS_MIX2),
    rule(Sign::Department("021"), PSY, SS_MIX2),
    rule(Sign::Icd10("F10", "F19"), ETH, ICD10_2013),
    rule(Sign::Icd10("O03", "O08"), REPRO, ICD10_2013),
    rule(Sign::Icd10("Y05", "Y05"), SDV, ICD10_2013),
    rule(Sign::Icd10Prefix("T742"), SDV, ICD10_2013),
    rule(Sign::Icd10Prefix("Z044"), SDV, ICD10_2013),
    rule(Sign::Jlac10("8B"), GDIS, JLAC10_MASTER),
    rule(Sign::Jlac10("8C"), GDIS, JLAC10_MASTER),
];

impl Sign {
    fn is_borne_by_code(&self, system: &CodeSystem, code: &str) -> bool {
        match (self, system) {
            // Category and subcategory: `B20` to `B24` holds `B242`, and not `B25`.
            (Self::Icd10(first, last), CodeSystem::Icd10) => {
                code.get(..3).is_some_and(|category| *first <= category && category <= *last)
            }
            (Self::Icd10Prefix(prefix), CodeSystem::Icd10) | (Self::Jlac10(prefix), CodeSystem::Jlac10) => {
                code.starts_with(prefix)
            }
            _ => false,
        }
    }
    fn is_borne_by_department(&self, code: &str) -> bool {
        matches!(self, Self::Department(department) if *department == code)
    }
}

/// What the rules add that recognise something.
fn of_rules(is_borne: impl Fn(&Sign) -> bool) -> Labels {
    RULES.iter().filter(|rule| is_borne(&rule.sign)).fold(Labels::NONE, |labels, rule| labels.union(rule.labels))
}

/// A code as the rules write it: upper case, without points and what lies around it.
fn plain(code: &str) -> String {
    code.trim().chars().filter(|c| *c != '.').map(|c| c.to_ascii_uppercase()).collect()
}

/// The codes a payload carries, at most two.
fn codings(payload: &Payload) -> [Option<&Coding>; 2] {
    fn coded(value: &Value) -> Option<&Coding> {
        match value {
            Value::Coded(coding) => Some(coding),
            _ => None,
        }
    }
    match payload {
        Payload::Laboratory(it) => [Some(&it.code), coded(&it.value)],
        Payload::VitalSign(it) => [Some(&it.code), coded(&it.value)],
        Payload::Perinatal(it) => [Some(&it.code), coded(&it.value)],
        Payload::Condition(it) => [Some(&it.code), None],
        Payload::Allergy(it) => [Some(&it.code), None],
        Payload::Medication(it) => [Some(&it.code), None],
        Payload::Encounter(it) => [Some(&it.reason), None],
        Payload::Document(it) => [Some(&it.kind), None],
        Payload::Imaging(it) => [Some(&it.procedure), None],
        Payload::CarePlan(it) => [Some(&it.code), None],
        Payload::Immunization(it) => [Some(&it.code), None],
        Payload::Patient(_) | Payload::Waveform(_) | Payload::Bed(_) | Payload::Message(_) => [None, None],
    }
}

/// The labels that a record's codes and department add. Demographics get none: they are not a matter of a department.
pub fn added_labels(record: &Record) -> Labels {
    if record.category() == Category::Patient {
        return Labels::NONE;
    }
    let department = record.department.as_ref().map(|code| of_rules(|sign| sign.is_borne_by_department(code.as_str())));
    let mut labels = department.unwrap_or_default();
    for coding in record.payload().into_iter().flat_map(codings).flatten() {
        if matches!(coding.system, CodeSystem::Icd10 | CodeSystem::Jlac10) {
            let code = plain(&coding.code);
            labels = labels.union(of_rules(|sign| sign.is_borne_by_code(&coding.system, &code)));
        }
    }
    labels
}

/// All labels a decision sees of a record: its source's, and those that are added.
pub fn labels_of(record: &Record) -> Labels {
    record.labels.union(added_labels(record))
}

/// The record with all its labels, so that rows, feeds and decisions say the same. Twice is as once.
#[must_use]
pub fn labelled(mut record: Record) -> Record {
    record.labels = labels_of(&record);
    record
}

#[cfg(test)]
mod tests;
