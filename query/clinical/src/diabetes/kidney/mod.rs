//! The kidney in diabetes: filtration, albuminuria, stage, risk, decline.

mod albumin;
mod decline;
mod filtration;
mod risk;
mod stage;

pub use albumin::{Albuminuria, AlbuminuriaBasis, AlbuminuriaStage, albuminuria};
pub use decline::{Decline, Rapid, decline};
pub use filtration::{Filtration, FiltrationBasis, GStage, filtration, filtration_cystatin, filtrations};
pub use risk::{CkdCell, CkdRisk, Persistence, ckd_cell, ckd_risk};
pub use stage::{Edition, NephropathyStage, nephropathy_stage};

use super::answer::Unsaid;
use crate::lab::decimal::dec;
use rust_decimal::Decimal;

/// Changes with every change of the shipped limits.
pub const KIDNEY_VERSION: &str = "2026-11-23";

/// Every limit of this room; a facility takes the shipped ones and changes fields, and the version with them.
#[derive(Clone, PartialEq, Debug)]
pub struct KidneyLimits {
    /// Its version.
    pub version: String,
    /// eGFR at least this is G1, G2, G3a, G3b, G4; below the last G5 (KDIGO; certainty: memory, standard).
    pub g: [f64; 5],
    /// Urine albumin per creatinine from which it is A2, A3, mg/g (certainty: primary).
    pub albumin: [Decimal; 2],
    /// Urine protein per creatinine from which it is A2, A3, g/g (0.5: primary; 0.15: memory).
    pub protein: [Decimal; 2],
    /// Rank of the dipstick's grade from which it stands for A2, A3: ± and 1+ (certainty: memory).
    pub dipstick: [Decimal; 2],
    /// eGFR below which nephropathy is of stage 4 whatever the albumin (certainty: primary).
    pub stage_four: f64,
    /// Specimens that are looked at to confirm stage 2, and how many must be positive (certainty: primary).
    pub confirm: (usize, usize),
    /// Days back within which albumin is looked for (a choice).
    pub albumin_days: u32,
    /// Days after which what persists is chronic (certainty: memory, standard).
    pub chronic_days: u32,
    /// Days back from which a slope is made (a choice).
    pub slope_days: u32,
    /// Values a slope needs, and the years they must span (certainty: memory).
    pub slope_needs: (usize, f64),
    /// A slope below this, in mL/min/1.73 m² per year, is rapid (certainty: memory).
    pub rapid: f64,
    /// A value below this share of the one before that comes back within `acute_days` is acute injury and left out: 1.5
    /// times the creatinine (KDIGO stage 1) is 1.5^-1.094 of the eGFR (certainty: memory).
    pub acute_share: f64,
    /// Days within which an acute injury comes back.
    pub acute_days: u32,
    /// Falls from the first value, in percent, that stand for an end point (certainty: memory).
    pub falls: [u8; 3],
}

impl KidneyLimits {
    /// The shipped limits.
    pub fn shipped() -> Self {
        Self {
            version: KIDNEY_VERSION.to_owned(),
            g: [90.0, 60.0, 45.0, 30.0, 15.0],
            albumin: [dec("30"), dec("300")],
            protein: [dec("0.15"), dec("0.5")],
            dipstick: [dec("2"), dec("3")],
            stage_four: 30.0,
            confirm: (3, 2),
            albumin_days: 730,
            chronic_days: 90,
            slope_days: 1096,
            slope_needs: (3, 1.0),
            rapid: -5.0,
            acute_share: 0.6417,
            acute_days: 90,
            falls: [30, 40, 57],
        }
    }
}

/// A value is a bound that lies on both sides of a limit.
pub(in crate::diabetes) const BOUND: Unsaid = Unsaid {
    key: "bound",
    en: "the value is a bound that may lie on either side of a limit",
    ja: "値が基準のどちら側か決められない（不等号つき）",
};
pub(super) const NOT_CONFIRMED: Unsaid = Unsaid {
    key: "not-confirmed",
    en: "one positive albumin of too few specimens: it needs two of three",
    ja: "アルブミン尿が3回中2回で確認されていない",
};
pub(in crate::diabetes) const TOO_FEW: Unsaid = Unsaid {
    key: "too-few-values",
    en: "too few values, or over too short a time",
    ja: "測定回数または期間が足りない",
};
pub(super) const PREGNANT: Unsaid = Unsaid { key: "pregnant", en: "not in pregnancy", ja: "妊娠中は対象外" };
pub(super) const NOT_ADULT: Unsaid =
    Unsaid { key: "not-adult", en: "the equation is for adults", ja: "18歳未満には式を用いない" };
pub(super) const WHO: Unsaid =
    Unsaid { key: "age-or-sex-unknown", en: "age or sex is not known", ja: "年齢または性別が不明" };

#[cfg(test)]
mod tests;
