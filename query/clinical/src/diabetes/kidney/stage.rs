//! Stage of diabetic nephropathy.

use super::albumin::{AlbuminuriaStage, Specimen, ratios, specimens};
use super::{BOUND, KidneyLimits, NOT_CONFIRMED, filtration};
use crate::diabetes::answer::{Absent, Answer};
use crate::diabetes::facts::{Facts, KidneyReplacement, Measure, Observation};
use model::Moment;

/// Stage of diabetic nephropathy (糖尿病性腎症病期).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NephropathyStage {
    /// 第1期
    One,
    /// 第2期
    Two,
    /// 第3期
    Three,
    /// 第4期
    Four,
    /// 第5期
    Five,
}

/// Edition of the classification. The limits are the same; 2023 has other names, and counts a transplanted kidney as
/// stage 5 (certainty: primary for 2023, secondary for 2014).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Edition {
    /// 糖尿病性腎症病期分類 2014.
    Y2014,
    /// 糖尿病性腎症病期分類 2023.
    Y2023,
}

impl NephropathyStage {
    /// All.
    pub const ALL: [Self; 5] = [Self::One, Self::Two, Self::Three, Self::Four, Self::Five];

    /// 1 to 5.
    pub const fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
            Self::Four => 4,
            Self::Five => 5,
        }
    }

    /// Its name in an edition.
    pub const fn name(self, edition: Edition) -> &'static str {
        match (edition, self) {
            (Edition::Y2014, Self::One) => "第1期（腎症前期）",
            (Edition::Y2014, Self::Two) => "第2期（早期腎症期）",
            (Edition::Y2014, Self::Three) => "第3期（顕性腎症期）",
            (Edition::Y2014, Self::Four) => "第4期（腎不全期）",
            (Edition::Y2014, Self::Five) => "第5期（透析療法期）",
            (Edition::Y2023, Self::One) => "第1期（正常アルブミン尿期）",
            (Edition::Y2023, Self::Two) => "第2期（微量アルブミン尿期）",
            (Edition::Y2023, Self::Three) => "第3期（顕性アルブミン尿期）",
            (Edition::Y2023, Self::Four) => "第4期（GFR高度低下・末期腎不全期）",
            (Edition::Y2023, Self::Five) => "第5期（腎代替療法期）",
        }
    }
}

/// The stage by what is known at a moment.
///
/// | kidney replacement | eGFR | latest albumin, protein | of the last three albumins | stage |
/// |---|---|---|---|---|
/// | yes | any | any | any | 5 |
/// | no | unknown | any | any | not said: needs eGFR |
/// | no | below 30 | any | any | 4 |
/// | no | 30 or more | albumin ≥ 300 mg/g or protein ≥ 0.5 g/g | any | 3 |
/// | no | 30 or more | no albumin | none | not said: needs albumin |
/// | no | 30 or more | albumin | two positive | 2 |
/// | no | 30 or more | albumin | one positive of fewer than three | not said: not confirmed |
/// | no | 30 or more | albumin | otherwise | 1 |
///
/// Without albumin it is never 1: protein below 0.5 g/g and a clean dipstick do not tell stage 1 from stage 2.
///
/// # Errors
/// When the stage cannot be said, with the reason.
pub fn nephropathy_stage(
    facts: &Facts,
    limits: &KidneyLimits,
    edition: Edition,
    now: Moment,
) -> Answer<NephropathyStage> {
    let replaced = facts.observed(now, |one| match one {
        Observation::KidneyReplacement(KidneyReplacement::Dialysis) => Some(()),
        Observation::KidneyReplacement(KidneyReplacement::Transplant) if edition == Edition::Y2023 => Some(()),
        _ => None,
    });
    if let Some(((), seen)) = replaced.last() {
        return Ok(seen.found(NephropathyStage::Five));
    }
    let egfr = filtration(facts, now).map_err(|absent| absent.needed(Measure::Egfr))?;
    let resting = |stage, specimens: &[Specimen<'_>]| {
        let mut found = egfr.clone().map(|_| stage);
        for (at, source, _) in specimens {
            found.at = found.at.max(*at);
            found.sources.push((*source).clone());
        }
        found.sources.sort();
        found.sources.dedup();
        found
    };
    if egfr.value.value < limits.stage_four {
        return Ok(resting(NephropathyStage::Four, &[]));
    }
    let (albumins, proteins) = (ratios(facts, limits, now), specimens(facts, Measure::ProteinRatio, limits, now));
    let [_, overt_albumin] = limits.albumin;
    let [_, overt_protein] = limits.protein;
    for (specimens, overt) in [(&albumins, overt_albumin), (&proteins, overt_protein)] {
        if let Some(last) = specimens.last()
            && last.2.at_least(overt) == Some(true)
        {
            return Ok(resting(NephropathyStage::Three, &[*last]));
        }
    }
    let (looked_at, positive_needed) = limits.confirm;
    let last = albumins.get(albumins.len().saturating_sub(looked_at)..).unwrap_or_default();
    if last.is_empty() {
        return Err(facts.reach.absent(Measure::AlbuminRatio.category()).needed(Measure::AlbuminRatio));
    }
    let stages: Option<Vec<_>> = last.iter().map(|one| AlbuminuriaStage::of(one.2, limits.albumin)).collect();
    let Some(stages) = stages else { return Err(Absent::CannotBeSaid { why: BOUND }) };
    let positive = stages.iter().filter(|stage| **stage > AlbuminuriaStage::A1).count();
    if positive >= positive_needed {
        return Ok(resting(NephropathyStage::Two, last));
    }
    // the specimens still to come may confirm it
    if positive > 0 && last.len() < looked_at {
        return Err(Absent::CannotBeSaid { why: NOT_CONFIRMED });
    }
    Ok(resting(NephropathyStage::One, last))
}
