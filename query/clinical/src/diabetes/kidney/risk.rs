//! Risk cell of chronic kidney disease.

use super::KidneyLimits;
use super::albumin::{Albuminuria, AlbuminuriaStage, albuminuria, ratios};
use super::filtration::{GStage, filtration, filtrations};
use crate::diabetes::answer::Answer;
use crate::diabetes::facts::{Facts, Measure};
use model::Moment;

/// The colour of a cell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CkdRisk {
    /// 緑
    Green,
    /// 黄
    Yellow,
    /// 橙
    Orange,
    /// 赤
    Red,
}

impl CkdRisk {
    /// All.
    pub const ALL: [Self; 4] = [Self::Green, Self::Yellow, Self::Orange, Self::Red];

    /// `green`, `yellow`, `orange` or `red`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Orange => "orange",
            Self::Red => "red",
        }
    }
}

/// Whether what is abnormal has lasted for more than the chronic days.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Persistence {
    /// It was abnormal that long ago too.
    Lasting,
    /// It was looked at that long ago, and was not abnormal.
    New,
    /// It was not looked at that long ago.
    Unknown,
    /// Nothing is abnormal.
    Normal,
}

/// A cell of the map, and how it was come by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CkdCell {
    /// The row.
    pub g: GStage,
    /// The column, and what it was read from.
    pub a: Albuminuria,
    /// The colour.
    pub risk: CkdRisk,
    /// Whether it has lasted: without that it is no chronic disease.
    pub persistence: Persistence,
}

/// The colour of a cell (CKD 診療ガイド, in diabetes; certainty: memory, standard).
///
/// | | A1 | A2 | A3 |
/// |---|---|---|---|
/// | G1, G2 | green | yellow | orange |
/// | G3a | yellow | orange | red |
/// | G3b | orange | red | red |
/// | G4, G5 | red | red | red |
pub const fn ckd_risk(g: GStage, a: AlbuminuriaStage) -> CkdRisk {
    use {AlbuminuriaStage as A, CkdRisk as R, GStage as G};
    match (g, a) {
        (G::G1 | G::G2, A::A1) => R::Green,
        (G::G1 | G::G2, A::A2) | (G::G3a, A::A1) => R::Yellow,
        (G::G1 | G::G2, A::A3) | (G::G3a, A::A2) | (G::G3b, A::A1) => R::Orange,
        (G::G3a, A::A3) | (G::G3b, A::A2 | A::A3) | (G::G4 | G::G5, _) => R::Red,
    }
}

/// The cell of a person at a moment.
///
/// # Errors
/// When filtration or albuminuria are absent.
pub fn ckd_cell(facts: &Facts, limits: &KidneyLimits, now: Moment) -> Answer<CkdCell> {
    let egfr = filtration(facts, now).map_err(|absent| absent.needed(Measure::Egfr))?;
    let albumin = albuminuria(facts, limits, now).map_err(|absent| absent.needed(Measure::AlbuminRatio))?;
    let (g, a) = (GStage::of(egfr.value.value, limits), albumin.value);
    let cell = CkdCell { g, a, risk: ckd_risk(g, a.stage), persistence: persistence(facts, limits, (g, a), now) };
    let mut found = egfr.map(|_| cell);
    found.at = found.at.max(albumin.at);
    found.sources.extend(albumin.sources);
    found.sources.sort();
    found.sources.dedup();
    Ok(found)
}

fn persistence(facts: &Facts, limits: &KidneyLimits, (g, a): (GStage, Albuminuria), now: Moment) -> Persistence {
    const DAY: i64 = 86_400_000_000;
    let low = g > GStage::G2;
    if !low && a.stage == AlbuminuriaStage::A1 {
        return Persistence::Normal;
    }
    let ago = now.plus_micros(-i64::from(limits.chronic_days) * DAY);
    let mut then = Vec::new();
    if low {
        let values = filtrations(facts, now).into_iter().filter(|one| one.0 < ago);
        then.extend(values.map(|one| GStage::of(one.2.value, limits) > GStage::G2));
    }
    if a.stage > AlbuminuriaStage::A1 {
        let values = ratios(facts, limits, now).into_iter().filter(|one| one.0 < ago);
        then.extend(values.filter_map(|one| Some(AlbuminuriaStage::of(one.2, limits.albumin)? > AlbuminuriaStage::A1)));
    }
    match (then.is_empty(), then.contains(&true)) {
        (true, _) => Persistence::Unknown,
        (_, true) => Persistence::Lasting,
        (_, false) => Persistence::New,
    }
}
