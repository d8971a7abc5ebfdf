//! How much a healthy person's values move, and how much of a change that explains.

use crate::{Certainty, Source};

/// Changes with every change of [`VARIATION`].
pub const VARIATION_VERSION: &str = "2026-11-22";

/// The variation of an item, coefficients in percent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Variation {
    /// The item's key.
    pub item: &'static str,
    /// Within one person, from day to day.
    pub within_subject: f64,
    /// Of the method. Shipped as half of the biological one, what a method should reach; a laboratory sets its own.
    pub analytical: f64,
    /// Where the biological one comes from.
    pub source: Source,
}

const RICOS: Source = Source {
    text: "within-subject variation, Ricós et al. database, 2014 edition, from memory",
    certainty: Certainty::Memory,
};
const META: Source = Source {
    text: "meta-analysis of creatinine, Front Med 2022;9:1009358 (5.0 % without outliers)",
    certainty: Certainty::Primary,
};

const fn row(item: &'static str, within_subject: f64) -> Variation {
    Variation { item, within_subject, analytical: within_subject / 2.0, source: RICOS }
}

/// The table.
pub const VARIATION: &[Variation] = &[
    row("wbc", 11.4),
    row("rbc", 3.2),
    row("haemoglobin", 2.85),
    row("haematocrit", 2.7),
    row("platelets", 9.1),
    row("mcv", 1.4),
    row("mch", 1.4),
    row("total-protein", 2.75),
    row("albumin", 3.2),
    row("ck", 22.8),
    row("ast", 12.3),
    row("alt", 19.4),
    row("ld", 8.6),
    row("alp", 6.45),
    row("ggt", 13.4),
    row("che", 7.0),
    row("amylase", 8.7),
    Variation { item: "creatinine", within_subject: 5.0, analytical: 2.5, source: META },
    row("uric-acid", 8.6),
    row("urea-nitrogen", 12.1),
    row("glucose", 5.6),
    row("hba1c", 1.9),
    row("triglyceride", 19.9),
    row("total-cholesterol", 5.95),
    row("hdl-cholesterol", 7.3),
    row("ldl-cholesterol", 7.8),
    row("sodium", 0.6),
    row("potassium", 4.6),
    row("chloride", 1.2),
    row("calcium", 2.1),
    row("phosphate", 8.15),
    row("magnesium", 3.6),
    row("iron", 26.5),
    row("bilirubin", 21.8),
    row("crp", 42.2),
    row("tsh", 19.3),
    row("free-t4", 5.7),
];

/// The reference change value in percent: `√2 · 1.96 · √(CVa² + CVi²)` (Harris and Yasaka 1983; Fraser; certainty: A as
/// given in the domain notes). A change beyond it has a probability below 5 % in a person nothing happened to.
pub fn reference_change(analytical: f64, within_subject: f64) -> f64 {
    std::f64::consts::SQRT_2 * 1.96 * analytical.hypot(within_subject)
}
