//! Who counts as having diabetes, as a facility says it: rules in the place of the shipped ones, codes beside them.

use super::{Number, rows};
use crate::diabetes::denominator::{CodeRow, Denominator, DenominatorRule, DiabetesType, Evidence};
use model::CodeSystem;
use rust_decimal::Decimal;
use serde::Deserialize;

/// Who counts as having diabetes.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Diabetes {
    #[serde(default)]
    rules: Vec<CountedBy>,
    #[serde(default)]
    codes: Vec<Disease>,
}

/// One rule; which of the fields are there says what it asks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CountedBy {
    codes: Option<usize>,
    drug: Option<bool>,
    hba1c: Option<Number>,
    days: Option<usize>,
    fasting: Option<Number>,
    casual: Option<Number>,
}

/// What a code says of diabetes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Disease {
    #[serde(default)]
    system: String,
    code: String,
    says: String,
}

impl Diabetes {
    pub(super) fn over(self, version: &str, shipped: Denominator) -> Result<Denominator, String> {
        let rules = rows("diabetes.rules", self.rules, CountedBy::rule)?;
        let codes = rows("diabetes.codes", self.codes, Disease::row)?;
        let mut own = shipped;
        if !rules.is_empty() {
            own = own.with_rules(version, rules);
        }
        if !codes.is_empty() {
            own = own.with_codes(version, codes);
        }
        Ok(own)
    }
}

impl CountedBy {
    fn rule(self) -> Result<DenominatorRule, String> {
        const FORMS: &str =
            "one of `codes: 2`, `codes: 1, drug: true`, `hba1c: 6.5, days: 2`, `hba1c: 6.5, fasting: 126, casual: 200`";
        let wrong = |rule: &str| Err(format!("{rule}; a rule is {FORMS}"));
        let (days, percent, glucose) =
            (1..=365, Decimal::from(3)..=Decimal::from(20), Decimal::from(50)..=Decimal::from(1000));
        let (key, evidence) = match self {
            Self { codes: Some(1), drug: Some(true), hba1c: None, days: None, fasting: None, casual: None } => {
                ("own-code-and-drug", Evidence::CodeAndDrug)
            }
            Self {
                codes: Some(on),
                drug: None | Some(false),
                hba1c: None,
                days: None,
                fasting: None,
                casual: None,
            } => {
                if !days.contains(&on) {
                    return wrong("`codes`: on 1 to 365 days");
                }
                ("own-codes", Evidence::Codes { days: on })
            }
            Self { codes: None, drug: None, hba1c: Some(least), days: on, fasting: None, casual: None } => {
                let on = on.unwrap_or(1);
                if !percent.contains(&least.0) || !days.contains(&on) {
                    return wrong("`hba1c`: NGSP percent from 3 to 20, on 1 to 365 `days`");
                }
                ("own-hba1c", Evidence::Hba1c { at_least: least.0, days: on })
            }
            Self {
                codes: None,
                drug: None,
                hba1c: Some(least),
                days: None,
                fasting: Some(fasting),
                casual: Some(casual),
            } => {
                if !percent.contains(&least.0) || !glucose.contains(&fasting.0) || !glucose.contains(&casual.0) {
                    return wrong("`hba1c`: NGSP percent from 3 to 20; `fasting`, `casual`: 50 to 1000 mg/dL");
                }
                let (hba1c, fasting, casual) = (least.0, fasting.0, casual.0);
                ("own-hba1c-and-glucose", Evidence::Hba1cAndGlucose { hba1c, fasting, casual })
            }
            _ => return wrong("these fields are no rule together"),
        };
        Ok(DenominatorRule { key, evidence, source: None })
    }
}

impl Disease {
    fn row(self) -> Result<CodeRow, String> {
        let beginning: String = self.code.chars().filter(|c| *c != '.').collect();
        if beginning.is_empty() {
            return Err("`code`: not empty".to_owned());
        }
        let says = DiabetesType::ALL.into_iter().find(|says| says.code() == self.says).ok_or_else(|| {
            let known: Vec<&str> = DiabetesType::ALL.iter().map(|says| says.code()).collect();
            format!("`says`: one of {}", known.join(", "))
        })?;
        Ok(CodeRow { system: CodeSystem::from_text(&self.system), beginning, says })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Thresholds;
    use model::{CodeSystem, FacilityId};

    fn rule(text: &str) -> (u64, String) {
        let error = Thresholds::parse(text).unwrap_err();
        (error.line, error.rule)
    }

    #[test]
    fn who_counts_is_a_facilitys_to_say() {
        use crate::diabetes::testing::{at, icd, readings};
        use crate::diabetes::{Dated, Diagnosis, Facts, Measure};
        let counts = |text: &str, facts: &Facts| {
            let own = Thresholds::parse(text).unwrap();
            let tables = own.tables();
            let has = tables.denominator.of(facts, &tables.drugs, at("2026-11-01"));
            (tables.denominator.version().to_owned(), has.reasons.iter().map(|one| one.rule).collect::<Vec<_>>())
        };
        let rules = "version: own\ndiabetes: { rules: [{ codes: 3 }, { hba1c: 6.3 }] }\n";
        let coded = |days: &[&str]| Facts {
            diagnoses: days.iter().map(|day| icd(day, "E11.9", false)).collect(),
            ..Facts::default()
        };
        let (two, three) = (coded(&["2026-01-01", "2026-02-01"]), coded(&["2026-01-01", "2026-02-01", "2026-03-01"]));
        assert_eq!(counts("version: own\n", &two), ("2026-11-23".to_owned(), vec!["codes-on-two-days"]), "shipped");
        assert_eq!(counts(rules, &two), ("own".to_owned(), vec![]));
        assert_eq!(counts(rules, &three).1, ["own-codes"]);
        assert_eq!(counts(rules, &readings(&[("2026-01-01", Measure::Hba1c, "6.3")])).1, ["own-hba1c"]);
        let glucose = "version: own\ndiabetes: { rules: [{ hba1c: 6.0, fasting: 120, casual: 180 }] }\n";
        let both = readings(&[("2026-01-01", Measure::Hba1c, "6.0"), ("2026-01-02", Measure::FastingGlucose, "120")]);
        assert_eq!(counts(glucose, &both).1, ["own-hba1c-and-glucose"]);
        // the facility's own code beside the shipped ones, which stay
        let codes = "version: own\ndiabetes: { codes: [{ code: DM2, says: type-2 }] }\n";
        let mut mixed = coded(&["2026-01-01"]);
        let (system, code) = (CodeSystem::Local, "DM2".to_owned());
        let value = Diagnosis { system, code, suspected: false };
        mixed.diagnoses.push(Dated { value, at: at("2026-02-01"), source: FacilityId::parse("clinic").unwrap() });
        assert_eq!(counts(codes, &mixed).1, ["codes-on-two-days"]);
        assert_eq!(counts("version: own\n", &mixed).1, Vec::<&str>::new());
    }

    #[test]
    fn a_rule_that_is_none_is_refused_with_its_place() {
        let wrong = |rule_text: &str| {
            rule(&format!("version: a\ndiabetes: {{ rules: [{{ codes: 2 }}, {{ {rule_text} }}] }}\n")).1
        };
        for (text, said) in [
            ("codes: 0", "`codes`: on 1 to 365 days"),
            ("hba1c: 65", "`hba1c`: NGSP percent"),
            ("hba1c: 6.5, fasting: 7, casual: 200", "50 to 1000 mg/dL"),
            ("drug: true", "no rule together"),
            ("codes: 2, drug: true", "no rule together"),
            ("hba1c: 6.5, fasting: 126", "no rule together"),
        ] {
            let found = wrong(text);
            assert!(found.starts_with("`diabetes.rules`, row 2: ") && found.contains(said), "{text}: {found}");
        }
        assert!(rule("version: a\ndiabetes: { codes: [{ code: X, says: sweet }] }\n").1.contains("one of type-1"));
    }
}
