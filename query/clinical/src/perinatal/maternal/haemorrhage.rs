//! The shock index and the levels of the Japanese guideline on critical obstetric haemorrhage; blood loss.

use super::{MaternalLimit, MaternalLimits, Reached};
use crate::{OutOfDomainError, within};
use model::Moment;

/// Shock index: maternal heart rate (beats/min) over systolic pressure (mmHg). Dimensionless.
///
/// # Errors
/// Heart rate outside 20 to 300, systolic pressure outside 30 to 300.
pub fn shock_index(heart_rate: f64, systolic: f64) -> Result<f64, OutOfDomainError> {
    let heart_rate = within("heart_rate", heart_rate, (20.0, 300.0), "20 to 300 beats/min")?;
    let systolic = within("systolic", systolic, (30.0, 300.0), "30 to 300 mmHg")?;
    Ok(heart_rate / systolic)
}

/// The guideline's levels (産科危機的出血への対応指針 2022; certainty: primary).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum HaemorrhageLevel {
    /// Below the limits.
    BelowThreshold,
    /// 分娩時異常出血.
    Abnormal,
    /// 産科危機的出血.
    Critical,
}

/// The level that a shock index reaches by itself, by the shipped limits.
pub fn haemorrhage_level(shock_index: f64) -> HaemorrhageLevel {
    let limits = MaternalLimits::shipped();
    if limits.from(MaternalLimit::ShockCritical, Some(shock_index)).is_some() {
        HaemorrhageLevel::Critical
    } else if limits.from(MaternalLimit::ShockAbnormal, Some(shock_index)).is_some() {
        HaemorrhageLevel::Abnormal
    } else {
        HaemorrhageLevel::BelowThreshold
    }
}

/// How the child is, or was, delivered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Delivery {
    /// Vaginally.
    Vaginal,
    /// By caesarean section.
    Caesarean,
}

/// What is known of a bleeding.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bleeding {
    /// How the child is, or was, delivered.
    pub delivery: Delivery,
    /// Heart rate, beats/min.
    pub heart_rate: Option<f64>,
    /// Systolic pressure, mmHg, taken with it.
    pub systolic: Option<f64>,
    /// Blood lost so far, mL.
    pub loss: Option<f64>,
    /// Obstetric DIC score.
    pub dic_score: Option<f64>,
    /// Fibrinogen, mg/dL.
    pub fibrinogen: Option<f64>,
    /// Whether somebody says that the bleeding goes on and the vital signs are abnormal.
    pub goes_on_with_abnormal_signs: bool,
}

/// Why a bleeding has its level.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum HaemorrhageReason {
    /// A limit was reached.
    Limit(Reached),
    /// The bleeding goes on and the vital signs are abnormal.
    GoesOn,
}

/// The level of a bleeding.
#[derive(Clone, PartialEq, Debug)]
pub struct Haemorrhage {
    /// The level; `None` where nothing that is known reaches a limit, and shock index or blood loss are not known: that it
    /// is below the limits cannot be said.
    pub level: Option<HaemorrhageLevel>,
    /// The reasons for the level, or for lower ones.
    pub reasons: Vec<(HaemorrhageLevel, HaemorrhageReason)>,
    /// The shock index, where heart rate and pressure are known.
    pub shock_index: Option<f64>,
}

/// The level of a bleeding by everything that is known of it.
///
/// # Errors
/// When a value is none a patient has.
pub fn haemorrhage(bleeding: &Bleeding, limits: &MaternalLimits) -> Result<Haemorrhage, OutOfDomainError> {
    let known = |argument, value: Option<f64>, span, domain| {
        value.map(|value| within(argument, value, span, domain)).transpose()
    };
    let loss = known("loss", bleeding.loss, (0.0, 20_000.0), "0 to 20,000 mL")?;
    let dic = known("dic_score", bleeding.dic_score, (0.0, 100.0), "0 to 100 points")?;
    let fibrinogen = known("fibrinogen", bleeding.fibrinogen, (0.0, 2_000.0), "0 to 2,000 mg/dL")?;
    let shock_index =
        bleeding.heart_rate.zip(bleeding.systolic).map(|(rate, systolic)| shock_index(rate, systolic)).transpose()?;
    let loss_limit = match bleeding.delivery {
        Delivery::Vaginal => MaternalLimit::LossVaginal,
        Delivery::Caesarean => MaternalLimit::LossCaesarean,
    };
    let critical = [
        limits.from(MaternalLimit::ShockCritical, shock_index),
        limits.from(MaternalLimit::DicScore, dic),
        limits.below(MaternalLimit::Fibrinogen, fibrinogen),
    ];
    let abnormal = [limits.from(MaternalLimit::ShockAbnormal, shock_index), limits.from(loss_limit, loss)];
    let goes_on = bleeding.goes_on_with_abnormal_signs;
    let reasons: Vec<(HaemorrhageLevel, HaemorrhageReason)> = goes_on
        .then_some((HaemorrhageLevel::Critical, HaemorrhageReason::GoesOn))
        .into_iter()
        .chain(critical.into_iter().flatten().map(|one| (HaemorrhageLevel::Critical, HaemorrhageReason::Limit(one))))
        .chain(abnormal.into_iter().flatten().map(|one| (HaemorrhageLevel::Abnormal, HaemorrhageReason::Limit(one))))
        .collect();
    let known = shock_index.is_some() && loss.is_some();
    let level = reasons.iter().map(|(level, _)| *level).max().or(known.then_some(HaemorrhageLevel::BelowThreshold));
    Ok(Haemorrhage { level, reasons, shock_index })
}

/// How an amount of blood was found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Amount {
    /// Weighed or collected.
    Weighed,
    /// By eye, which finds too little.
    ByEye,
}

/// Blood that was lost.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Loss {
    /// When it was noted.
    pub at: Moment,
    /// How much, mL.
    pub millilitres: f64,
    /// How that was found.
    pub amount: Amount,
}

/// Blood lost until a moment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BloodLoss {
    /// All of it, mL.
    pub total: f64,
    /// The part of it that was found by eye, mL.
    pub by_eye: f64,
    /// The limit it is above, where it is more than nine of ten lose.
    pub above_usual: Option<Reached>,
}

/// Adds up what was lost until a moment; `children` says which percentile it is compared with.
///
/// # Errors
/// When an amount is negative, or more than a person has.
pub fn blood_loss(
    losses: &[Loss],
    until: Moment,
    (delivery, children): (Delivery, u8),
    limits: &MaternalLimits,
) -> Result<BloodLoss, OutOfDomainError> {
    let (mut total, mut by_eye) = (0.0, 0.0);
    for loss in losses.iter().filter(|loss| loss.at <= until) {
        let millilitres = within("millilitres", loss.millilitres, (0.0, 10_000.0), "0 to 10,000 mL at a time")?;
        total += millilitres;
        if loss.amount == Amount::ByEye {
            by_eye += millilitres;
        }
    }
    let usual = match (delivery, children) {
        (Delivery::Vaginal, 0 | 1) => MaternalLimit::UsualVaginal,
        (Delivery::Caesarean, 0 | 1) => MaternalLimit::UsualCaesarean,
        (Delivery::Vaginal, _) => MaternalLimit::UsualVaginalMultiple,
        (Delivery::Caesarean, _) => MaternalLimit::UsualCaesareanMultiple,
    };
    Ok(BloodLoss { total, by_eye, above_usual: limits.above(usual, Some(total)) })
}
