//! What a criterion looks at of a person: of the rest it can be asked again and again without carrying it along.

use super::{Cohort, Criterion};
use crate::diabetes::due::Check;
use crate::diabetes::facts::{Facts, Measure};
use crate::diabetes::of_record::VITALS;
use model::{Category, CategorySet};

/// Which facts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Looks {
    /// A bit for each of [`Measure`].
    measures: u32,
    diagnoses: bool,
    supplies: bool,
    visits: bool,
    /// Whether a value was measured in hospital.
    admissions: bool,
    observations: bool,
}

/// Birth, sex, death and reach, which are always there.
const NOTHING: Looks =
    Looks { measures: 0, diagnoses: false, supplies: false, visits: false, admissions: false, observations: false };
const EVERYTHING: Looks =
    Looks { measures: u32::MAX, diagnoses: true, supplies: true, visits: true, admissions: true, observations: true };

/// What the kidney is judged by.
const KIDNEY: [Measure; 8] = [
    Measure::Creatinine,
    Measure::CystatinC,
    Measure::Egfr,
    Measure::AlbuminRatio,
    Measure::UrineAlbumin,
    Measure::UrineCreatinine,
    Measure::ProteinRatio,
    Measure::ProteinGrade,
];
const GLUCOSE: [Measure; 4] = [Measure::Hba1c, Measure::FastingGlucose, Measure::CasualGlucose, Measure::LoadGlucose];

const fn bit(measure: Measure) -> u32 {
    1 << measure as u32
}

fn bits(measures: &[Measure]) -> u32 {
    measures.iter().fold(0, |bits, measure| bits | bit(*measure))
}

impl Looks {
    /// What a criterion looks at.
    pub(super) fn of(criterion: &Criterion) -> Self {
        match criterion {
            Criterion::All(of) | Criterion::Any(of) => of.iter().map(Self::of).reduce(Self::and).unwrap_or(NOTHING),
            Criterion::Not(of) => Self::of(of),
            Criterion::Age(..) | Criterion::Alive => NOTHING,
            Criterion::AtLeast(measure, ..) | Criterion::Below(measure, ..) => {
                Self { measures: bit(*measure), ..NOTHING }
            }
            // a value in pregnancy does not count
            Criterion::Diabetes | Criterion::Kind(_) => {
                Self { measures: bits(&GLUCOSE), diagnoses: true, supplies: true, observations: true, ..NOTHING }
            }
            Criterion::StageAtLeast(_)
            | Criterion::RiskAtLeast(_)
            | Criterion::RapidDecline
            | Criterion::FallingBelow60 => {
                Self { measures: bits(&KIDNEY), admissions: true, observations: true, ..NOTHING }
            }
            Criterion::OverTreated => {
                Self { measures: bit(Measure::Hba1c), supplies: true, observations: true, ..NOTHING }
            }
            Criterion::Overdue(Check::Eye | Check::Foot | Check::Dental) => Self { observations: true, ..NOTHING },
            Criterion::Overdue(check) => Self { measures: bits(check.measures()), ..NOTHING },
            Criterion::NotSeenFor(_) => EVERYTHING,
            Criterion::Takes(_) => Self { supplies: true, ..NOTHING },
            Criterion::Coded(..) => Self { diagnoses: true, ..NOTHING },
            Criterion::Admitted => Self { visits: true, ..NOTHING },
            Criterion::MovedAway => Self { visits: true, observations: true, ..NOTHING },
            Criterion::GestationalBirth(..) => Self { diagnoses: true, observations: true, ..NOTHING },
            Criterion::GlucoseSinceBirth => Self { measures: bits(&GLUCOSE), observations: true, ..NOTHING },
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            measures: self.measures | other.measures,
            diagnoses: self.diagnoses || other.diagnoses,
            supplies: self.supplies || other.supplies,
            visits: self.visits || other.visits,
            admissions: self.admissions || other.admissions,
            observations: self.observations || other.observations,
        }
    }

    /// The tables whose rows say it.
    fn tables(self) -> CategorySet {
        let vital = VITALS.iter().any(|(measure, ..)| self.measures & bit(*measure) != 0);
        let asked = [
            (Category::Laboratory, self.measures != 0),
            (Category::VitalSign, vital),
            (Category::Condition, self.diagnoses),
            (Category::Medication, self.supplies),
            (Category::Encounter, self.visits || self.admissions),
            (Category::Perinatal, self.observations),
        ];
        let asked = asked.into_iter().filter(|(_, is_asked)| *is_asked).map(|(category, _)| category);
        // who somebody is, and whether they live, is asked of everybody
        asked.chain([Category::Patient]).collect()
    }

    /// The facts that are looked at.
    pub(super) fn only(self, facts: &Facts) -> Facts {
        fn where_so<T: Clone>(so: bool, list: &[T]) -> Vec<T> {
            if so { list.to_vec() } else { Vec::new() }
        }
        let measured = facts.readings.iter().filter(|one| self.measures & bit(one.value.measure()) != 0);
        Facts {
            birth: facts.birth,
            sex: facts.sex,
            died: facts.died,
            readings: measured.cloned().collect(),
            diagnoses: where_so(self.diagnoses, &facts.diagnoses),
            supplies: where_so(self.supplies, &facts.supplies),
            visits: where_so(self.visits, &facts.visits),
            observations: where_so(self.observations, &facts.observations),
            reach: facts.reach.clone(),
        }
    }
}

impl Cohort {
    /// The tables that are enough to say who is a member, since when and by what: of a person of whom nothing else is read, the same is
    /// said as of one of whom all is.
    pub fn tables(&self) -> CategorySet {
        Looks::of(&self.criterion).tables()
    }
}
