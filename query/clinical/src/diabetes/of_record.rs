//! Facts from records, as a view shows them.

use super::BiologicalSex;
use super::facts::{Dated, Diagnosis, Facts, Measure, Observation, Reading, ReadingError, Supply, Visit};
use model::{
    CodeSystem, Coding, Demographics, Encounter, FacilityId, Moment, Payload, Perinatal, Sex, Value, VitalSign,
};
use rust_decimal::Decimal;

/// What became of a record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Learned {
    /// A fact.
    Taken,
    /// Nothing that is asked here. Laboratory results are read whole first ([`Reading::of_lab`]); eyes, feet and teeth have no
    /// codes yet that were checked.
    NotAsked,
    /// It says of itself that it does not hold: entered in error, cancelled, stopped before it began.
    DoesNotStand,
}

/// JLAC10 of the vital signs (NHO; certainty: primary), LOINC (certainty: memory), and how their unit is written.
pub(super) const VITALS: [(Measure, &str, &str, &[&str]); 4] = [
    (Measure::Systolic, "9A751000000000001", "8480-6", &["mm[Hg]", "mmHg", "mm(hg)"]),
    (Measure::Diastolic, "9A761000000000001", "8462-4", &["mm[Hg]", "mmHg", "mm(hg)"]),
    (Measure::Height, "9N001000000000001", "8302-2", &["cm"]),
    (Measure::Weight, "9N006000000000001", "29463-7", &["kg"]),
];

impl Facts {
    /// Takes in what a record says, true at a moment, from a facility. The order of records means nothing, but for who the
    /// person is: there the first that says it holds.
    ///
    /// # Errors
    /// When a vital sign is a value no patient has.
    pub fn learn(&mut self, payload: &Payload, at: Moment, source: &FacilityId) -> Result<Learned, ReadingError> {
        Ok(match payload {
            Payload::Patient(who) => self.learn_person(who),
            Payload::VitalSign(sign) => match vital(sign)? {
                Some(value) => {
                    self.readings.push(Dated { value, at, source: source.clone() });
                    Learned::Taken
                }
                None => Learned::NotAsked,
            },
            Payload::Condition(one) => {
                let value = Diagnosis {
                    system: one.code.system.clone(),
                    code: one.code.code.clone(),
                    suspected: one.suspected,
                };
                self.diagnoses.push(Dated { value, at, source: source.clone() });
                Learned::Taken
            }
            Payload::Medication(one) if void(&one.status) => Learned::DoesNotStand,
            Payload::Medication(one) => {
                let value = Supply { system: one.code.system.clone(), code: one.code.code.clone(), days: one.days };
                self.supplies.push(Dated { value, at, source: source.clone() });
                Learned::Taken
            }
            Payload::Encounter(one) if void(&one.status) => Learned::DoesNotStand,
            Payload::Encounter(one) => {
                let at = one.start.unwrap_or(at);
                self.visits.push(Dated { value: visit(one), at, source: source.clone() });
                Learned::Taken
            }
            Payload::Perinatal(one) => self.learn_pregnancy(one, at, source),
            _ => Learned::NotAsked,
        })
    }

    fn learn_person(&mut self, who: &Demographics) -> Learned {
        self.birth = self.birth.or(who.birth_date);
        self.died = self.died.or(who.deceased);
        self.sex = self.sex.or(match who.sex {
            Sex::Female => Some(BiologicalSex::Female),
            Sex::Male => Some(BiologicalSex::Male),
            Sex::Other | Sex::Unknown => None,
        });
        Learned::Taken
    }

    /// A pregnancy began so many days before an entry that says how far it is; it ended with its delivery.
    fn learn_pregnancy(&mut self, one: &Perinatal, at: Moment, source: &FacilityId) -> Learned {
        const DAY: i64 = 86_400_000_000;
        let mut learned = Learned::NotAsked;
        let mut observe = |value, at| {
            self.observations.push(Dated { value, at, source: source.clone() });
            learned = Learned::Taken;
        };
        if let Some(days) = one.gestational_days {
            observe(Observation::PregnancyBegan, at.plus_micros(-i64::from(days) * DAY));
        }
        if one.code.system == CodeSystem::Local && one.code.code == "delivery" {
            observe(Observation::PregnancyEnded, at);
        }
        learned
    }

    /// Marks every value as taken in hospital that lies in an admission, wherever that was. Call it when all records are in.
    pub fn mark_admissions(&mut self) {
        let inpatient = |one: &&Dated<Visit>| one.value.class == model::EncounterClass::Inpatient && !one.value.planned;
        let stays: Vec<_> = self.visits.iter().filter(inpatient).map(|one| (one.at, one.value.until)).collect();
        for one in &mut self.readings {
            if stays.iter().any(|(from, until)| *from <= one.at && until.is_none_or(|until| one.at <= until)) {
                one.value = one.value.clone().in_hospital();
            }
        }
    }
}

/// FHIR statuses of what does not stand.
fn void(status: &str) -> bool {
    matches!(status, "entered-in-error" | "cancelled" | "not-done" | "draft" | "declined" | "abandoned")
}

fn visit(one: &Encounter) -> Visit {
    let planned = matches!(one.status.as_str(), "planned" | "noshow");
    Visit { class: one.class, planned, until: one.end }
}

/// A vital sign with its own unit; a bound, another unit, or none is not taken.
fn vital(sign: &VitalSign) -> Result<Option<Reading>, ReadingError> {
    let Coding { system, code, .. } = &sign.code;
    let fits = |row: &&(Measure, &str, &str, &[&str])| match system {
        CodeSystem::Jlac10 => code == row.1,
        CodeSystem::Loinc => code == row.2,
        _ => false,
    };
    let Some((measure, .., units)) = VITALS.iter().find(fits) else { return Ok(None) };
    let Value::Quantity { value, unit, comparator } = &sign.value else { return Ok(None) };
    let metres = *measure == Measure::Height && unit == "m";
    if !comparator.is_empty() || !(units.contains(&unit.as_str()) || metres) {
        return Ok(None);
    }
    let Ok(value) = Decimal::try_from(if metres { *value * 100.0 } else { *value }) else { return Ok(None) };
    Reading::new(*measure, value).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diabetes::testing::at;
    use model::{Condition, EncounterClass, Medication};

    fn coding(system: CodeSystem, code: &str) -> Coding {
        Coding { system, code: code.to_owned(), display: String::new() }
    }

    fn sign(system: CodeSystem, code: &str, value: f64, unit: &str) -> Payload {
        let value = Value::Quantity { value, unit: unit.to_owned(), comparator: String::new() };
        Payload::VitalSign(VitalSign { code: coding(system, code), value })
    }

    fn learn(facts: &mut Facts, payload: &Payload) -> Result<Learned, ReadingError> {
        facts.learn(payload, at("2026-04-01"), &FacilityId::parse("hospital").unwrap())
    }

    fn stay(status: &str, from: &str, until: Option<&str>) -> Payload {
        Payload::Encounter(Encounter {
            class: EncounterClass::Inpatient,
            status: status.to_owned(),
            reason: Coding::default(),
            start: Some(at(from)),
            end: until.map(at),
        })
    }

    #[test]
    fn vital_signs_are_taken_in_their_unit_only() {
        let mut facts = Facts::default();
        let mut of = |system, code, value, unit| learn(&mut facts, &sign(system, code, value, unit));
        assert_eq!(of(CodeSystem::Jlac10, "9A751000000000001", 132.0, "mmHg"), Ok(Learned::Taken));
        assert_eq!(of(CodeSystem::Loinc, "8302-2", 1.6, "m"), Ok(Learned::Taken));
        assert_eq!(of(CodeSystem::Loinc, "8480-6", 17.6, "kPa"), Ok(Learned::NotAsked));
        assert_eq!(of(CodeSystem::Loinc, "9279-1", 16.0, "/min"), Ok(Learned::NotAsked));
        assert!(of(CodeSystem::Loinc, "29463-7", 64_000.0, "kg").is_err(), "grams written as kilograms");
        let numbers: Vec<_> = facts.readings.iter().map(|one| (one.value.measure(), one.value.number())).collect();
        assert_eq!(numbers, [(Measure::Systolic, Some(132.0)), (Measure::Height, Some(160.0))]);
    }

    #[test]
    fn what_does_not_stand_is_no_fact() {
        let mut facts = Facts::default();
        let drug = |status: &str| {
            Payload::Medication(Medication {
                code: coding(CodeSystem::Yj, "3962002F2027"),
                status: status.to_owned(),
                dosage: String::new(),
                quantity: None,
                quantity_unit: String::new(),
                days: Some(28),
            })
        };
        assert_eq!(learn(&mut facts, &drug("active")), Ok(Learned::Taken));
        assert_eq!(learn(&mut facts, &drug("entered-in-error")), Ok(Learned::DoesNotStand));
        assert_eq!(learn(&mut facts, &stay("cancelled", "2026-01-01", None)), Ok(Learned::DoesNotStand));
        assert_eq!((facts.supplies.len(), facts.visits.len()), (1, 0));
        let suspected = Payload::Condition(Condition {
            code: coding(CodeSystem::Icd10, "E11.9"),
            clinical_status: String::new(),
            suspected: true,
            onset: None,
            abated: None,
        });
        assert_eq!(learn(&mut facts, &suspected), Ok(Learned::Taken));
        assert!(facts.diagnoses[0].value.suspected);
    }

    #[test]
    fn values_of_an_admission_are_marked_wherever_it_was() {
        let mut facts = Facts::default();
        learn(&mut facts, &sign(CodeSystem::Loinc, "8480-6", 150.0, "mm[Hg]")).unwrap();
        learn(&mut facts, &stay("planned", "2026-03-30", Some("2026-04-03"))).unwrap();
        facts.mark_admissions();
        assert!(!facts.readings[0].value.is_inpatient(), "planned, not kept");
        learn(&mut facts, &stay("finished", "2026-03-30", Some("2026-04-01"))).unwrap();
        facts.mark_admissions();
        assert!(facts.readings[0].value.is_inpatient());
    }

    #[test]
    fn a_pregnancy_is_dated_by_how_far_it_is() {
        let mut facts = Facts::default();
        let entry = |code: &str, days| {
            let code = coding(CodeSystem::Local, code);
            Payload::Perinatal(Perinatal { code, gestational_days: days, value: Value::Absent(String::new()) })
        };
        assert_eq!(learn(&mut facts, &entry("checkup", Some(70))), Ok(Learned::Taken));
        assert!(facts.pregnant_at(at("2026-01-21")) && !facts.pregnant_at(at("2026-01-20")));
        assert_eq!(learn(&mut facts, &entry("delivery", None)), Ok(Learned::Taken));
        assert!(!facts.pregnant_at(at("2026-04-02")));
        assert_eq!(learn(&mut facts, &entry("registration", None)), Ok(Learned::NotAsked));
    }

    #[test]
    fn who_the_person_is_holds_as_first_said() {
        let mut facts = Facts::default();
        let who = |birth, sex| {
            Payload::Patient(Demographics {
                name: String::new(),
                kana: String::new(),
                birth_date: birth,
                sex,
                postal_code: String::new(),
                address: String::new(),
                deceased: None,
            })
        };
        learn(&mut facts, &who(None, Sex::Unknown)).unwrap();
        learn(&mut facts, &who(Some(jiff::civil::date(1960, 1, 1)), Sex::Female)).unwrap();
        learn(&mut facts, &who(Some(jiff::civil::date(1970, 1, 1)), Sex::Male)).unwrap();
        assert_eq!((facts.birth, facts.sex), (Some(jiff::civil::date(1960, 1, 1)), Some(BiologicalSex::Female)));
    }
}
