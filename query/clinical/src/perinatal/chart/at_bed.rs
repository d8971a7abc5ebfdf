//! What a chart says of the fetuses on a bed: how old they are, and whether they have little reserve.

use super::fact::{Chart, Fact, HdpSign};
use super::pregnancies::OfPregnancy;
use crate::diabetes::{day_of, start_of};
use crate::perinatal::PerinatalTables;
use crate::perinatal::ctg::{Maturity, Reserve};
use crate::perinatal::pregnancy::{FetalMeasure, GestationalAge, SMALL};
use model::Moment;

const DAY: i64 = 86_400_000_000;

/// What reading a cardiotocogram asks of the pregnancy.
#[derive(Clone, PartialEq, Debug)]
pub struct AtBed {
    /// The age of the pregnancy; `None` where nothing dates it.
    pub age: Option<GestationalAge>,
    /// By the age; of one that is not known as from 32 weeks on, where an acceleration has to rise higher.
    pub maturity: Maturity,
    /// Whether growth restriction or an abnormal placenta is known.
    pub reserve: Reserve,
    /// By what it is known.
    pub because: Vec<LittleReserve>,
}

/// By what growth restriction or an abnormal placenta is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LittleReserve {
    /// The facility's own table calls the weight at the last visit small.
    Small,
    /// Somebody said so of the placenta's work.
    Uteroplacental,
    /// The placenta covers the way out.
    PlacentaPraevia,
    /// The placenta came off.
    Abruption,
}

impl Default for AtBed {
    fn default() -> Self {
        Self { age: None, maturity: Maturity::of(None), reserve: Reserve::Usual, because: Vec::new() }
    }
}

impl Chart {
    /// What is known now of the pregnancy that went on at a moment, until a day after its end. Growth restriction is a weight that
    /// the facility's own table calls small at the last visit before, or somebody's word; an abnormal placenta a praevia, or an
    /// abruption (which of them the matrix means was not read: a choice).
    pub fn at_bed(&self, pregnancies: &[OfPregnancy], at: Moment, tables: &PerinatalTables) -> AtBed {
        let on = day_of(at);
        let went_on =
            |one: &&OfPregnancy| one.begun <= on && one.ending.as_ref().is_none_or(|ending| at.since(ending.at) <= DAY);
        let Some(one) = pregnancies.iter().rev().find(went_on) else { return AtBed::default() };
        let age = one.record.due.and_then(|due| due.age_at(at));
        let from = start_of(one.begun).unwrap_or(at);
        let mut because = Vec::new();
        let visit = one.visits.iter().rev().find(|visit| visit.at <= at);
        let is_small = visit.is_some_and(|visit| {
            let weights = tables.growth_of(FetalMeasure::Weight);
            visit.fetuses.iter().any(|fetus| {
                let deviations = weights.zip(visit.age).zip(fetus.weight);
                let deviations = deviations.and_then(|((table, age), (grams, _))| table.deviations(age, grams));
                deviations.is_some_and(|deviations| deviations <= SMALL)
            })
        });
        if is_small {
            because.push(LittleReserve::Small);
        }
        let noted = || self.notes.iter().filter(|note| from <= note.at && note.at <= at);
        let of_uterus = noted().any(|note| matches!(note.fact, Fact::Sign(HdpSign::Uteroplacental, true)));
        if of_uterus {
            because.push(LittleReserve::Uteroplacental);
        }
        let praevia = noted().filter_map(|note| match note.fact {
            Fact::PlacentaPraevia(covers) => Some((note.at, covers)),
            _ => None,
        });
        if praevia.max_by_key(|(at, _)| *at).is_some_and(|(_, covers)| covers) {
            because.push(LittleReserve::PlacentaPraevia);
        }
        let abruption = Fact::DicDisease(Some(crate::perinatal::maternal::DicDisease::Abruption));
        if noted().any(|note| note.fact == abruption) {
            because.push(LittleReserve::Abruption);
        }
        let reserve = if because.is_empty() { Reserve::Usual } else { Reserve::Little };
        AtBed { age, maturity: Maturity::of(age), reserve, because }
    }
}
