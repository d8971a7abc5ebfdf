//! Facts for tests.

use super::answer::{Reach, Standing};
use super::day::days_later;
use super::egfr::BiologicalSex;
use super::facts::{
    Dated, Diagnosis, Facts, KidneyReplacement, Measure, Observation, Reading, Retinopathy, Smoking, Supply, Visit,
};
use jiff::civil::date;
use model::{CategorySet, CodeSystem, EncounterClass, FacilityId, Moment};
use proptest::prelude::*;
use rust_decimal::Decimal;

pub fn at(day: &str) -> Moment {
    Moment::parse(day).unwrap()
}

pub fn dated<T>(day: &str, value: T) -> Dated<T> {
    Dated { value, at: at(day), source: FacilityId::parse("hospital").unwrap() }
}

pub fn reading(day: &str, measure: Measure, value: &str) -> Dated<Reading> {
    dated(day, Reading::new(measure, value.parse::<Decimal>().unwrap()).unwrap())
}

pub fn drug(day: &str, yj: &str, days: Option<u32>) -> Dated<Supply> {
    dated(day, Supply { system: CodeSystem::Yj, code: yj.to_owned(), days })
}

pub fn icd(day: &str, code: &str, suspected: bool) -> Dated<Diagnosis> {
    dated(day, Diagnosis { system: CodeSystem::Icd10, code: code.to_owned(), suspected })
}

pub fn visit(day: &str) -> Dated<Visit> {
    dated(day, Visit { class: EncounterClass::Ambulatory, planned: false, until: None })
}

pub fn readings(rows: &[(&str, Measure, &str)]) -> Facts {
    Facts {
        readings: rows.iter().map(|(day, measure, value)| reading(day, *measure, value)).collect(),
        ..Facts::default()
    }
}

pub fn observed(day: &str, value: Observation) -> Dated<Observation> {
    dated(day, value)
}

/// Facts as they come: four years of everything, from three facilities, with standings of all sorts.
pub fn any_facts() -> impl Strategy<Value = Facts> {
    let readings = proptest::collection::vec((0_i64..1_300, 0_usize..22, 1_i64..100, 0_usize..3), 0..14);
    let codes = proptest::collection::vec((0_i64..1_300, 0_usize..5, any::<bool>()), 0..4);
    let supplies = proptest::collection::vec((0_i64..1_300, 0_usize..4, 0_u32..100), 0..4);
    let visits = proptest::collection::vec((0_i64..1_300, 0_u8..4, 0_i64..60), 0..4);
    let observations = proptest::collection::vec((0_i64..1_300, 0_usize..13), 0..5);
    let person = (0_i64..30_000, 0_u8..3, 0_u8..4, proptest::option::weighted(0.1, 0_i64..1_300));
    (readings, codes, supplies, visits, observations, person).prop_map(
        |(readings, codes, supplies, visits, observations, (born, sex, standing, died))| Facts {
            birth: (born > 500).then(|| days_later(date(2026, 1, 1), -born)),
            sex: [None, Some(BiologicalSex::Female), Some(BiologicalSex::Male)][usize::from(sex)],
            died: died.map(moment),
            readings: readings.into_iter().filter_map(any_reading).collect(),
            diagnoses: codes.into_iter().map(any_code).collect(),
            supplies: supplies.into_iter().map(any_supply).collect(),
            visits: visits.into_iter().map(any_visit).collect(),
            observations: observations.into_iter().map(|(day, which)| there(day, which, OBSERVATIONS[which])).collect(),
            reach: any_reach(standing),
        },
    )
}

const OBSERVATIONS: [Observation; 13] = [
    Observation::Eye(None),
    Observation::Eye(Some(Retinopathy::None)),
    Observation::Eye(Some(Retinopathy::Proliferative)),
    Observation::Foot,
    Observation::Dental,
    Observation::Smoking(Smoking::Former),
    Observation::Dasc8(12),
    Observation::Dasc8(20),
    Observation::DiabetesSince(2010),
    Observation::KidneyReplacement(KidneyReplacement::Transplant),
    Observation::PregnancyBegan,
    Observation::PregnancyEnded,
    Observation::MovedAway,
];

/// 2023-04-01 and so many days.
fn moment(days: i64) -> Moment {
    at("2023-04-01").plus_micros(days * 86_400_000_000 + days % 7 * 3_600_000_000)
}

fn there<T>(days: i64, facility: usize, value: T) -> Dated<T> {
    let source = FacilityId::parse(["hospital", "clinic", "pharmacy"][facility % 3]).unwrap();
    Dated { value, at: moment(days), source }
}

fn any_reading((day, which, share, facility): (i64, usize, i64, usize)) -> Option<Dated<Reading>> {
    let (measure, low, high) = Measure::all().map(|one| (one, one.usual().0, one.usual().1)).nth(which)?;
    let value = Decimal::from(low) + Decimal::from(high - low) * Decimal::new(share, 2);
    Some(there(day, facility, Reading::new(measure, value.round_dp(1)).ok()?))
}

fn any_code((day, which, suspected): (i64, usize, bool)) -> Dated<Diagnosis> {
    let code = ["E11.9", "E14", "O24.4", "N18.3", "I10"][which].to_owned();
    there(day, which, Diagnosis { system: CodeSystem::Icd10, code, suspected })
}

fn any_supply((day, which, days): (i64, usize, u32)) -> Dated<Supply> {
    let code = ["3962002F2027", "2492416G2024", "3961008F1020", "2189015F1015"][which].to_owned();
    there(day, which, Supply { system: CodeSystem::Yj, code, days: (days > 0).then_some(days) })
}

fn any_visit((day, what, length): (i64, u8, i64)) -> Dated<Visit> {
    let class = if what > 1 { EncounterClass::Inpatient } else { EncounterClass::Ambulatory };
    there(day, usize::from(what), Visit { class, planned: what == 1, until: (what == 2).then(|| moment(day + length)) })
}

fn any_reach(standing: u8) -> Reach {
    let standing = match standing {
        0 => return Reach::default(),
        1 => Standing::Linked { open: CategorySet::all() },
        2 => Standing::Linked { open: CategorySet::NONE },
        _ => Standing::NotLinked,
    };
    Reach::new([(FacilityId::parse("elsewhere").unwrap(), standing)])
}

/// The same facts in another order.
pub fn turned(facts: &Facts) -> Facts {
    let mut turned = facts.clone();
    turned.readings.reverse();
    turned.diagnoses.reverse();
    turned.supplies.reverse();
    turned.visits.reverse();
    turned.observations.reverse();
    turned
}

impl Measure {
    /// Between what values are drawn in tests.
    fn usual(self) -> (i64, i64) {
        match self {
            Self::Hba1c | Self::Gmi => (5, 11),
            Self::Creatinine | Self::CystatinC | Self::ProteinRatio => (0, 4),
            Self::ProteinGrade => (1, 6),
            Self::Height => (140, 180),
            Self::Weight => (40, 100),
            Self::Egfr => (5, 110),
            _ => (40, 320),
        }
    }
}
