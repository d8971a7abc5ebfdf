//! Who counts as having diabetes, and why. A denominator, not a diagnosis.

use super::day::Date;
use super::drug::DrugTable;
use super::facts::{Dated, Diagnosis, Facts, Measure};
use crate::lab::decimal::dec;
use crate::{Certainty, Source};
use model::{CodeSystem, FacilityId, Moment};
use rust_decimal::Decimal;
use std::collections::BTreeSet;

/// What a code says of the kind of diabetes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DiabetesType {
    /// Type 1.
    One,
    /// Type 2.
    Two,
    /// Another named cause.
    Other,
    /// Diabetes, kind not said.
    Unspecified,
    /// First seen in a pregnancy.
    Gestational,
}

impl DiabetesType {
    /// All.
    pub const ALL: [Self; 5] = [Self::One, Self::Two, Self::Other, Self::Unspecified, Self::Gestational];

    /// `type-1`, `type-2`, `other`, `unspecified` or `gestational`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::One => "type-1",
            Self::Two => "type-2",
            Self::Other => "other",
            Self::Unspecified => "unspecified",
            Self::Gestational => "gestational",
        }
    }
}

/// A row of codes: system, beginning of the code, what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodeRow {
    /// The code system.
    pub system: CodeSystem,
    /// The beginning of the code, without points.
    pub beginning: String,
    /// What it says.
    pub says: DiabetesType,
}

const ICD: &[(&str, DiabetesType)] = &[
    ("E10", DiabetesType::One),
    ("E11", DiabetesType::Two),
    ("E12", DiabetesType::Other),
    ("E13", DiabetesType::Other),
    ("E14", DiabetesType::Unspecified),
    // diabetes before the pregnancy
    ("O240", DiabetesType::One),
    ("O241", DiabetesType::Two),
    ("O242", DiabetesType::Other),
    ("O243", DiabetesType::Unspecified),
    ("O244", DiabetesType::Gestational),
    ("O249", DiabetesType::Gestational),
];
/// Concepts as records outside Japan carry them; whole codes.
const SNOMED: &[(&str, DiabetesType)] = &[
    ("46635009", DiabetesType::One),
    ("44054006", DiabetesType::Two),
    ("73211009", DiabetesType::Unspecified),
    ("11687002", DiabetesType::Gestational),
];

/// What must be found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// A code, not suspected, on so many days.
    Codes {
        /// Days.
        days: usize,
    },
    /// A code, not suspected, and a diabetes drug.
    CodeAndDrug,
    /// HbA1c at least this, on so many days outside pregnancy.
    Hba1c {
        /// NGSP percent.
        at_least: Decimal,
        /// Days.
        days: usize,
    },
    /// HbA1c at least this, and a glucose in the range of diabetes, outside pregnancy.
    Hba1cAndGlucose {
        /// NGSP percent.
        hba1c: Decimal,
        /// mg/dL.
        fasting: Decimal,
        /// mg/dL, casual and two hours after a load.
        casual: Decimal,
    },
}

/// A rule of the denominator. One that holds is enough.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct DenominatorRule {
    /// A short stable name.
    pub key: &'static str,
    /// What must be found.
    pub evidence: Evidence,
    /// Where it comes from; `None` for a facility's own.
    pub source: Option<Source>,
}

/// Changes with every change of the shipped rules.
pub const DENOMINATOR_VERSION: &str = "2026-11-23";

const USUAL: Option<Source> = Some(Source {
    text: "denominators of Japanese claims and record studies, from memory",
    certainty: Certainty::Memory,
});

/// The shipped rules.
pub const DENOMINATOR_RULES: &[DenominatorRule] = &[
    DenominatorRule { key: "codes-on-two-days", evidence: Evidence::Codes { days: 2 }, source: USUAL },
    DenominatorRule { key: "code-and-drug", evidence: Evidence::CodeAndDrug, source: USUAL },
    DenominatorRule { key: "hba1c-twice", evidence: Evidence::Hba1c { at_least: dec("6.5"), days: 2 }, source: USUAL },
    DenominatorRule {
        key: "hba1c-and-glucose",
        evidence: Evidence::Hba1cAndGlucose { hba1c: dec("6.5"), fasting: dec("126"), casual: dec("200") },
        source: USUAL,
    },
];

/// Codes and rules, with a version.
#[derive(Clone, PartialEq, Debug)]
pub struct Denominator {
    version: String,
    codes: Vec<CodeRow>,
    rules: Vec<DenominatorRule>,
}

/// A rule that holds, and what it rests on.
#[derive(Clone, PartialEq, Debug)]
pub struct Reason {
    /// The rule's key.
    pub rule: &'static str,
    /// The day from which it held.
    pub since: Date,
    /// When and where, earliest first: no more facts than the rule needed.
    pub facts: Vec<(Moment, FacilityId)>,
}

/// Whether a person counts.
#[derive(Clone, PartialEq, Debug)]
pub struct HasDiabetes {
    /// The rules that hold, in their order; none where the person is not in the denominator.
    pub reasons: Vec<Reason>,
    /// The day from which the first of them held.
    pub since: Option<Date>,
    /// The kind, as codes say it; `None` where they contradict one another or none says it.
    pub kind: Option<DiabetesType>,
    /// Type 1 and type 2 are both coded: a person is to look at it.
    pub kinds_contradict: bool,
    /// Codes of gestational diabetes, when and where. They put nobody into the denominator.
    pub gestational: Vec<(Moment, FacilityId)>,
    /// Codes that were left out because they are only suspected (疑い).
    pub suspected: usize,
}

impl HasDiabetes {
    /// Whether a rule holds.
    pub fn counts(&self) -> bool {
        !self.reasons.is_empty()
    }
}

impl Denominator {
    /// The shipped codes and rules.
    pub fn shipped() -> Self {
        let row = |system: &CodeSystem, (beginning, says): &(&str, DiabetesType)| CodeRow {
            system: system.clone(),
            beginning: (*beginning).to_owned(),
            says: *says,
        };
        let codes = ICD.iter().map(|one| row(&CodeSystem::Icd10, one));
        let codes = codes.chain(SNOMED.iter().map(|one| row(&CodeSystem::Snomed, one))).collect();
        Self { version: DENOMINATOR_VERSION.to_owned(), codes, rules: DENOMINATOR_RULES.to_vec() }
    }

    /// The same with a facility's own rules in place of the shipped ones.
    #[must_use]
    pub fn with_rules(self, version: &str, rules: Vec<DenominatorRule>) -> Self {
        Self { version: version.to_owned(), rules, ..self }
    }

    /// The same with a facility's own codes besides (local disease codes, MEDIS exchange codes).
    #[must_use]
    pub fn with_codes(mut self, version: &str, codes: impl IntoIterator<Item = CodeRow>) -> Self {
        self.codes.extend(codes);
        version.clone_into(&mut self.version);
        self
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What a code says of diabetes; `None` for other diseases.
    pub fn says(&self, diagnosis: &Diagnosis) -> Option<DiabetesType> {
        let code: String = diagnosis.code.chars().filter(|c| *c != '.').collect();
        let fits = |row: &&CodeRow| {
            row.system == diagnosis.system
                && match row.system {
                    CodeSystem::Icd10 => code.starts_with(&row.beginning),
                    _ => code == row.beginning,
                }
        };
        self.codes.iter().filter(fits).max_by_key(|row| row.beginning.len()).map(|row| row.says)
    }

    /// Whether a person counts at a moment, and why.
    pub fn of(&self, facts: &Facts, drugs: &DrugTable, now: Moment) -> HasDiabetes {
        self.by(&self.rules, facts, drugs, now)
    }

    /// The same by other rules, with the codes of this table.
    pub fn by(&self, rules: &[DenominatorRule], facts: &Facts, drugs: &DrugTable, now: Moment) -> HasDiabetes {
        let mut codes: Vec<(DiabetesType, &Dated<Diagnosis>)> = Vec::new();
        let (mut gestational, mut suspected) = (Vec::new(), 0);
        let mut diagnoses: Vec<_> = facts.diagnoses.iter().filter(|one| one.at <= now).collect();
        diagnoses.sort_by(|a, b| a.origin().cmp(&b.origin()).then_with(|| a.value.code.cmp(&b.value.code)));
        for one in diagnoses {
            match self.says(&one.value) {
                None => {}
                Some(_) if one.value.suspected => suspected += 1,
                Some(DiabetesType::Gestational) => gestational.push((one.at, one.source.clone())),
                Some(says) => codes.push((says, one)),
            }
        }
        let coded: Vec<(Moment, &FacilityId)> = codes.iter().map(|(_, one)| one.origin()).collect();
        let reasons: Vec<_> = rules.iter().filter_map(|rule| rule.holds(&coded, facts, drugs, now)).collect();
        let said: BTreeSet<DiabetesType> = codes.iter().map(|code| code.0).collect();
        let kinds_contradict = said.contains(&DiabetesType::One) && said.contains(&DiabetesType::Two);
        // what is said precisely holds over what is not; an unspecified code contradicts nothing
        let kind = if kinds_contradict { None } else { said.first().copied() };
        let since = reasons.iter().map(|reason| reason.since).min();
        HasDiabetes { reasons, since, kind, kinds_contradict, gestational, suspected }
    }
}

impl DenominatorRule {
    /// Whether it holds, by the earliest facts that make it hold.
    fn holds(&self, coded: &[(Moment, &FacilityId)], facts: &Facts, drugs: &DrugTable, now: Moment) -> Option<Reason> {
        let at_least = |measure: Measure, bound: Decimal| -> Vec<(Moment, &FacilityId)> {
            let values = facts.values(measure, now).into_iter();
            let values = values.filter(|one| one.value.value().at_least(bound) == Some(true));
            values.filter(|one| !facts.pregnant_at(one.at)).map(Dated::origin).collect()
        };
        let found = match self.evidence {
            Evidence::Codes { days } => first_of_days(coded, days)?,
            Evidence::CodeAndDrug => {
                let drug = drugs.supplies(facts, now).first()?.0.origin();
                vec![*coded.first()?, drug]
            }
            Evidence::Hba1c { at_least: bound, days } => first_of_days(&at_least(Measure::Hba1c, bound), days)?,
            Evidence::Hba1cAndGlucose { hba1c, fasting, casual } => {
                let glucose = [
                    (Measure::FastingGlucose, fasting),
                    (Measure::CasualGlucose, casual),
                    (Measure::LoadGlucose, casual),
                ];
                let glucose = glucose.iter().flat_map(|(measure, bound)| at_least(*measure, *bound)).min()?;
                vec![*at_least(Measure::Hba1c, hba1c).first()?, glucose]
            }
        };
        let last = found.iter().map(|one| one.0).max()?;
        let mut facts: Vec<_> = found.into_iter().map(|(at, source)| (at, source.clone())).collect();
        facts.sort();
        Some(Reason { rule: self.key, since: super::day::day_of(last), facts })
    }
}

/// The first fact of each of the first so many days; `None` where there are fewer. `facts` is sorted.
fn first_of_days<'a>(facts: &[(Moment, &'a FacilityId)], days: usize) -> Option<Vec<(Moment, &'a FacilityId)>> {
    let mut found: Vec<(Moment, &FacilityId)> = Vec::new();
    for one in facts {
        let day = super::day::day_of(one.0);
        if found.last().is_none_or(|last| super::day::day_of(last.0) != day) {
            found.push(*one);
        }
        if found.len() == days {
            return Some(found);
        }
    }
    None
}

#[cfg(test)]
mod tests;
