//! A chart from records, as a view shows them.

use super::code::{Fact0, LAB_CODES, LOADS, RECORD_CODES, Reads};
use super::{Chart, ChartCode, Fact, LabMeasure, Noted};
use crate::diabetes::{Date, is_fasting};
use crate::lab::LabRow;
use crate::perinatal::maternal::DicDisease;
use crate::perinatal::pregnancy::{Basis, DueDate, GestationalAge};
use model::{
    CodeSystem, Coding, Condition, FacilityId, FetusNumber, Moment, PatientNumber, PatientRef, Payload, Perinatal,
    Value, VitalSign,
};
use rust_decimal::prelude::ToPrimitive;

/// What became of a record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Learned {
    /// It is noted.
    Taken,
    /// Nothing that is asked here, or nothing that could be read: another unit, a bound, a word that is none of the code's.
    NotAsked,
}

/// A value that no patient has. It is no note.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{code}` holds a value that no patient has")]
pub struct Refused {
    /// Of which code.
    pub code: &'static str,
}

/// Of which category a coded value is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Entry,
    VitalSign,
}

impl Chart {
    /// Takes in what a record says, true at a moment, from a facility. Laboratory results are read whole first
    /// ([`Self::learn_lab`]).
    ///
    /// # Errors
    /// When a value is none a patient has.
    pub fn learn(&mut self, payload: &Payload, at: Moment, source: &FacilityId) -> Result<Learned, Refused> {
        match payload {
            Payload::Perinatal(Perinatal { code, gestational_days, value }) => {
                let age = gestational_days.and_then(|days| GestationalAge::from_days(i32::try_from(days).ok()?).ok());
                let fact = self.counted(|| read((Kind::Entry, code), value, (age, at, source)))?;
                // an age says how far a pregnancy is, whatever else the entry says
                let taken = fact.is_some() || age.is_some();
                if let Some(fact) = fact {
                    self.notes.push(Noted { fact, age, at, source: source.clone(), entry: true, monitor: false });
                } else if let Some(age) = age {
                    let fact = Fact::Dated(Basis::Stated { on: crate::diabetes::day_of(at), age });
                    self.notes.push(Noted {
                        fact,
                        age: Some(age),
                        at,
                        source: source.clone(),
                        entry: true,
                        monitor: false,
                    });
                }
                Ok(if taken { Learned::Taken } else { Learned::NotAsked })
            }
            Payload::VitalSign(VitalSign { code, value }) => {
                let fact = self.counted(|| read((Kind::VitalSign, code), value, (None, at, source)))?;
                Ok(self.note(fact, at, source))
            }
            Payload::Condition(condition) => {
                let at = condition.onset.unwrap_or(at);
                Ok(self.note(of_condition(condition), at, source))
            }
            Payload::Patient(who) => {
                self.born = self.born.or(who.birth_date);
                Ok(Learned::Taken)
            }
            _ => Ok(Learned::NotAsked),
        }
    }

    /// Takes in a laboratory result that was read whole, with the code it came with.
    pub fn learn_lab(&mut self, code: (&CodeSystem, &str), row: &LabRow, at: Moment, source: &FacilityId) -> Learned {
        let fact = of_lab(code, row);
        self.note(fact, at, source)
    }

    fn counted(&mut self, read: impl FnOnce() -> Result<Option<Fact>, Refused>) -> Result<Option<Fact>, Refused> {
        read().inspect_err(|_| self.refused = self.refused.saturating_add(1))
    }

    fn note(&mut self, fact: Option<Fact>, at: Moment, source: &FacilityId) -> Learned {
        let Some(fact) = fact else { return Learned::NotAsked };
        self.notes.push(Noted { fact, age: None, at, source: source.clone(), entry: false, monitor: false });
        Learned::Taken
    }
}

/// The row of a code, and the fetus its end names.
fn row((kind, code): (Kind, &Coding)) -> Option<(&'static ChartCode, u8)> {
    match &code.system {
        CodeSystem::Local if kind == Kind::Entry => {
            let (name, fetus) = match code.code.split_once('/') {
                Some((name, fetus)) => (name, fetus.parse().ok().filter(|fetus| (1..=5).contains(fetus))?),
                None => (code.code.as_str(), 1),
            };
            Some((RECORD_CODES.iter().find(|row| row.local == name)?, fetus))
        }
        CodeSystem::Jlac10 => Some((RECORD_CODES.iter().find(|row| row.jlac10 == Some(&code.code))?, 1)),
        CodeSystem::Loinc => {
            let is = |row: &&ChartCode| row.loinc.iter().any(|(loinc, _)| *loinc == code.code);
            Some((RECORD_CODES.iter().find(is)?, 1))
        }
        _ => None,
    }
}

type Stated<'a> = (Option<GestationalAge>, Moment, &'a FacilityId);

fn read(code: (Kind, &Coding), value: &Value, (age, at, source): Stated<'_>) -> Result<Option<Fact>, Refused> {
    let Some((row, fetus)) = row(code) else { return Ok(None) };
    Ok(match row.reads {
        Reads::Alone(Fact0::CheckedUp) => Some(Fact::CheckedUp),
        Reads::Alone(Fact0::Ended) => Some(Fact::Ended),
        Reads::Number { span, units, fact } => quantity(value, span, (units, row.local))?.map(fact),
        Reads::OfFetus { span, units, fact } => {
            quantity(value, span, (units, row.local))?.map(|value| fact(fetus, value))
        }
        Reads::Word(fact) => fact(&text(value)),
        Reads::WordOfFetus(fact) => fact(fetus, &text(value)),
        Reads::Day(fact) => text(value).trim().parse::<Date>().ok().map(fact).and_then(dated),
        Reads::Stated => None,
        Reads::Age => age.map(|age| Fact::Dated(Basis::Ultrasound { on: crate::diabetes::day_of(at), age })),
        Reads::Transfer => transfer(&text(value)).and_then(dated),
        Reads::Newborn => newborn(text(value).trim(), source).map(|newborn| {
            let named = code.1.code.contains('/');
            Fact::Newborn(newborn, named.then_some(fetus).filter(|fetus| FetusNumber::new(u32::from(*fetus)).is_ok()))
        }),
    })
}

/// A due date that is one.
fn dated(fact: Fact) -> Option<Fact> {
    match &fact {
        Fact::Dated(basis) => DueDate::new(*basis).is_ok().then_some(fact),
        _ => Some(fact),
    }
}

fn transfer(text: &str) -> Option<Fact> {
    let (on, days) = text.trim().split_once('/')?;
    Some(Fact::Dated(Basis::Transfer { on: on.trim().parse().ok()?, embryo_days: days.trim().parse().ok()? }))
}

/// A patient ref: `FACILITY:NUMBER`, or a number at the record's source.
fn newborn(text: &str, source: &FacilityId) -> Option<PatientRef> {
    if let Some((at, number)) = text.split_once(':')
        && let Ok(at) = FacilityId::parse(at)
    {
        return Some(PatientRef::new(at, PatientNumber::parse(number).ok()?));
    }
    Some(PatientRef::new(source.clone(), PatientNumber::parse(text).ok()?))
}

/// A number in one of some units; another unit, a bound, and no number at all are nothing that is read.
fn quantity(
    value: &Value,
    (low, high): (f64, f64),
    (units, code): (&[(&str, f64)], &'static str),
) -> Result<Option<f64>, Refused> {
    let Value::Quantity { value, unit, comparator } = value else { return Ok(None) };
    let Some((_, factor)) = units.iter().find(|(known, _)| known == unit).filter(|_| comparator.is_empty()) else {
        return Ok(None);
    };
    let value = value * factor;
    if value.is_finite() && low <= value && value <= high { Ok(Some(value)) } else { Err(Refused { code }) }
}

/// What a value says in words: a code or a text, a whole number too.
fn text(value: &Value) -> String {
    match value {
        Value::Coded(code) if !code.code.is_empty() => code.code.clone(),
        Value::Coded(code) => code.display.clone(),
        Value::Text(text) => text.clone(),
        Value::Quantity { value, comparator, .. } if comparator.is_empty() => value.to_string(),
        Value::Quantity { .. } | Value::Absent(_) => String::new(),
    }
}

/// Diagnoses by ICD-10 of what was there before a pregnancy, and of what a DIC may come of (from memory). What is suspected is none.
fn of_condition(condition: &Condition) -> Option<Fact> {
    let Condition { code, suspected, .. } = condition;
    if *suspected || code.system != CodeSystem::Icd10 {
        return None;
    }
    let plain: String = code.code.chars().filter(char::is_ascii_alphanumeric).collect();
    let begins = |with: &[&str]| with.iter().any(|with| plain.starts_with(with));
    if begins(&["O45"]) {
        Some(Fact::DicDisease(Some(DicDisease::Abruption)))
    } else if begins(&["O881"]) {
        Some(Fact::DicDisease(Some(DicDisease::AmnioticEmbolism)))
    } else if begins(&["O10", "O11"]) {
        Some(Fact::Hypertension(true))
    } else if begins(&["I10", "I11", "I12", "I13", "I15"]) {
        Some(Fact::Hypertension(false))
    } else if begins(&["O240", "O241", "O242", "O243"]) {
        Some(Fact::Diabetes(true))
    } else if begins(&["E10", "E11", "E12", "E13", "E14"]) {
        Some(Fact::Diabetes(false))
    } else {
        None
    }
}

/// A value in the item's unit, exact.
fn of_lab((system, code): (&CodeSystem, &str), row: &LabRow) -> Option<Fact> {
    let number = || {
        let span = row.normalised.as_ref()?.value.span()?;
        span.low.filter(|low| Some(*low) == span.high)?.0.to_f64()
    };
    if *system == CodeSystem::Loinc
        && let Some((_, measure)) = LOADS.iter().find(|(loinc, _)| *loinc == code)
    {
        // the item of a load is not in the tables: its unit is read as it is written
        let written = row.value.value.span()?;
        let value = written.low.filter(|low| Some(*low) == written.high)?.0.to_f64()?;
        let unit = row.unit.as_ref()?;
        let factor = match unit.unit.code() {
            "mg/dL" => 1.0,
            "mmol/L" => 18.0156,
            _ => return None,
        };
        return Some(Fact::Lab(*measure, value * factor)).filter(sane);
    }
    let item = row.item().filter(|_| !row.doubts.contains(&crate::lab::Doubt::Implausible))?;
    if item.key == "urine-protein" {
        return grade(row).map(Fact::Protein);
    }
    if item.key == "urine-glucose"
        && let Some(grade) = grade(row)
    {
        return Some(Fact::Sugar(grade));
    }
    let (_, measure) = LAB_CODES.iter().find(|(key, _)| *key == item.key)?;
    let measure = match measure {
        LabMeasure::GlucoseCasual if is_fasting(row) => LabMeasure::GlucoseFasting,
        other => *other,
    };
    Some(Fact::Lab(measure, number()?)).filter(sane)
}

fn grade(row: &LabRow) -> Option<crate::perinatal::pregnancy::Dipstick> {
    use crate::lab::{Comparator, Grade, ResultValue};
    use crate::perinatal::pregnancy::Dipstick;
    let ResultValue::Grade { comparator: Comparator::Equal, grade } = &row.value.value else { return None };
    Some(match grade {
        Grade::Negative => Dipstick::Negative,
        Grade::Borderline => Dipstick::Trace,
        Grade::Plus(1) | Grade::Positive => Dipstick::One,
        Grade::Plus(2) => Dipstick::Two,
        Grade::Plus(_) => Dipstick::Three,
    })
}

/// Whether a patient can have a laboratory value.
fn sane(fact: &Fact) -> bool {
    let Fact::Lab(measure, value) = fact else { return true };
    let (low, high) = match measure {
        LabMeasure::ProteinDay => (0.0, 50_000.0),
        LabMeasure::ProteinRatio => (0.0, 100.0),
        LabMeasure::Ast | LabMeasure::Alt => (0.0, 50_000.0),
        LabMeasure::Creatinine => (0.05, 50.0),
        LabMeasure::Platelets => (0.5, 6_000.0),
        LabMeasure::Fibrinogen => (0.0, 2_000.0),
        LabMeasure::Fdp | LabMeasure::DDimer => (0.0, 10_000.0),
        LabMeasure::GlucoseFasting
        | LabMeasure::GlucoseOneHour
        | LabMeasure::GlucoseTwoHours
        | LabMeasure::GlucoseCasual => (10.0, 2_000.0),
        LabMeasure::Hba1c => (2.0, 25.0),
    };
    low <= *value && *value <= high
}

/// The words of values.
pub(super) mod word {
    use crate::diabetes::Date;
    use crate::perinatal::maternal::{CervixPosition, Consciousness, Consistency, Delivery, DicDisease};
    use crate::perinatal::pregnancy::{Basis, Dipstick, History, Presentation};

    /// Reads a word by a table of spellings.
    fn one_of<T: Copy>(text: &str, words: &[(&[&str], T)]) -> Option<T> {
        let text = text.trim().to_lowercase();
        words.iter().find(|(spellings, _)| spellings.contains(&text.as_str())).map(|(_, meaning)| *meaning)
    }

    pub(crate) fn written(day: Date) -> Basis {
        Basis::Written(day)
    }
    pub(crate) fn last_period(day: Date) -> Basis {
        Basis::LastPeriod(day)
    }
    pub(crate) fn conception(day: Date) -> Basis {
        Basis::Conception(day)
    }

    pub(crate) fn yes(text: &str) -> Option<bool> {
        one_of(
            text,
            &[(&["yes", "true", "1", "有", "あり", "+"], true), (&["no", "false", "0", "無", "なし", "-"], false)],
        )
    }

    pub(crate) fn dic_disease(text: &str) -> Option<Option<DicDisease>> {
        one_of(
            text,
            &[
                (&["abruption", "早剝", "早剥", "常位胎盤早期剝離", "常位胎盤早期剥離"], Some(DicDisease::Abruption)),
                (&["amniotic-embolism", "羊水塞栓", "羊水塞栓症"], Some(DicDisease::AmnioticEmbolism)),
                (&["not-clotting", "非凝固性分娩後異常出血", "非凝固性出血"], Some(DicDisease::NotClotting)),
                (&["none", "no", "なし", "無"], None),
            ],
        )
    }

    pub(crate) fn children(text: &str) -> Option<u8> {
        let words: &[(&[&str], u8)] =
            &[(&["単胎", "1"], 1), (&["双胎", "2"], 2), (&["品胎", "三胎", "3"], 3), (&["四胎", "4"], 4)];
        one_of(text, words)
    }

    pub(crate) fn history(text: &str) -> Option<History> {
        History::ALL.into_iter().find(|history| history.code() == text.trim() || history.japanese() == text.trim())
    }

    pub(crate) fn dipstick(text: &str) -> Option<Dipstick> {
        one_of(
            text,
            &[
                (&["-", "−", "ー", "(-)", "negative", "陰性"], Dipstick::Negative),
                (&["±", "+-", "+/-", "(±)", "trace"], Dipstick::Trace),
                (&["1+", "+", "(+)", "(1+)", "+1"], Dipstick::One),
                (&["2+", "++", "(2+)", "(++)", "+2"], Dipstick::Two),
                (&["3+", "4+", "+++", "(3+)", "(+++)", "(4+)", "+3", "+4"], Dipstick::Three),
            ],
        )
    }

    pub(crate) fn awake(text: &str) -> Option<Consciousness> {
        one_of(
            text,
            &[
                (&["alert", "a", "清明", "意識清明"], Consciousness::Alert),
                (&["voice", "v"], Consciousness::Voice),
                (&["pain", "p"], Consciousness::Pain),
                (&["unresponsive", "u"], Consciousness::Unresponsive),
            ],
        )
    }

    pub(crate) fn presentation(text: &str) -> Option<Presentation> {
        one_of(
            text,
            &[
                (&["cephalic", "頭位"], Presentation::Cephalic),
                (&["breech", "骨盤位"], Presentation::Breech),
                (&["transverse", "横位"], Presentation::Transverse),
            ],
        )
    }

    pub(crate) fn consistency(text: &str) -> Option<Consistency> {
        one_of(
            text,
            &[
                (&["hard", "硬"], Consistency::Hard),
                (&["medium", "中"], Consistency::Medium),
                (&["soft", "軟"], Consistency::Soft),
            ],
        )
    }

    pub(crate) fn position(text: &str) -> Option<CervixPosition> {
        one_of(
            text,
            &[
                (&["posterior", "後", "後方"], CervixPosition::Posterior),
                (&["middle", "中", "中央"], CervixPosition::Middle),
                (&["anterior", "前", "前方"], CervixPosition::Anterior),
            ],
        )
    }

    /// `None` where the way is not said, or not in words that are known.
    pub(crate) fn delivery(text: &str) -> Option<Delivery> {
        let text = text.trim().to_lowercase();
        if text.contains("caesarean") || text.contains("cesarean") || text.contains("帝王切開") {
            Some(Delivery::Caesarean)
        } else if text.contains("vaginal") || text.contains("経腟") || text.contains("経膣") {
            Some(Delivery::Vaginal)
        } else {
            None
        }
    }
}
