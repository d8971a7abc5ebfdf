//! Labour: the alerts of the WHO's labour care guide, the length of the second stage, and the Bishop score. Most figures are from
//! memory; each limit says so.

use super::{MaternalLimit, MaternalLimits, Reached};
use crate::{OutOfDomainError, within};
use model::Moment;

/// An examination of the cervix.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Examination {
    /// When.
    pub at: Moment,
    /// How far it is open, cm.
    pub dilatation: f64,
}

/// How long the cervix has been as far open as it is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Progress {
    /// Whole centimetres.
    pub centimetres: u8,
    /// When it was first found so.
    pub since: Moment,
    /// Hours since.
    pub hours: f64,
    /// The limit of the guide that is reached; `None` below 5 cm, and from 10 cm on, where the second stage has its own
    /// ([`second_stage`]).
    pub alert: Option<Reached>,
}

/// The progress of the first stage at a moment, from examinations in any order; `None` before the first.
///
/// # Errors
/// When a dilatation is outside 0 to 10 cm.
pub fn progress(
    examinations: &[Examination],
    until: Moment,
    limits: &MaternalLimits,
) -> Result<Option<Progress>, OutOfDomainError> {
    let mut known: Vec<(Moment, u8)> = Vec::new();
    for one in examinations.iter().filter(|one| one.at <= until) {
        let dilatation = within("dilatation", one.dilatation, (0.0, 10.0), "0 to 10 cm")?;
        known.push((one.at, dilatation.floor() as u8));
    }
    known.sort_unstable();
    // a cervix does not close: what is found less open than before was found by another hand
    let Some(centimetres) = known.iter().map(|(_, centimetres)| *centimetres).max() else { return Ok(None) };
    let Some(since) = known.iter().find(|(_, one)| *one == centimetres).map(|(at, _)| *at) else { return Ok(None) };
    let hours = until.since(since) as f64 / 3_600e6;
    let limit = match centimetres {
        5 => Some(MaternalLimit::At5),
        6 => Some(MaternalLimit::At6),
        7 => Some(MaternalLimit::At7),
        8 => Some(MaternalLimit::At8),
        9 => Some(MaternalLimit::At9),
        _ => None,
    };
    let alert = limit.and_then(|limit| limits.from(limit, Some(hours)));
    Ok(Some(Progress { centimetres, since, hours, alert }))
}

/// What is noted on the guide beside the cervix. What is `None` was not looked at.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct LabourSigns {
    /// Baseline of the fetal heart rate, beats/min.
    pub fetal_rate: Option<f64>,
    /// Systolic pressure, mmHg.
    pub systolic: Option<f64>,
    /// Pulse, beats/min.
    pub pulse: Option<f64>,
    /// Temperature, °C.
    pub temperature: Option<f64>,
    /// Contractions in ten minutes.
    pub contractions: Option<f64>,
}

/// The alerts of the guide. What was not looked at raises none, and its absence is not said here.
pub fn labour_alerts(signs: &LabourSigns, limits: &MaternalLimits) -> Vec<Reached> {
    [
        limits.below(MaternalLimit::LcgFetalLow, signs.fetal_rate),
        limits.from(MaternalLimit::LcgFetalHigh, signs.fetal_rate),
        limits.below(MaternalLimit::LcgSystolicLow, signs.systolic),
        limits.from(MaternalLimit::LcgSystolicHigh, signs.systolic),
        limits.below(MaternalLimit::LcgPulseLow, signs.pulse),
        limits.from(MaternalLimit::LcgPulseHigh, signs.pulse),
        limits.from(MaternalLimit::LcgTemperature, signs.temperature),
        limits.up_to(MaternalLimit::LcgContractionsFew, signs.contractions),
        limits.above(MaternalLimit::LcgContractionsMany, signs.contractions),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What is known of a second stage.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SecondStage {
    /// When the cervix was first found fully open: it may have been open before.
    pub full_at: Moment,
    /// Births before this one; `None` where that is not known.
    pub births: Option<u8>,
    /// Whether somebody said that she has epidural analgesia. The WHO's figures know no exception, so what was not said is none.
    pub epidural: bool,
}

/// How long a second stage has taken.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SecondStageTold {
    /// Hours since the cervix was found fully open.
    pub hours: f64,
    /// Whether it takes longer than usual; `None` where the births before decide it and are not known.
    pub reached: Option<bool>,
    /// The limit that is reached, where it is.
    pub alert: Option<Reached>,
}

/// The length of the second stage at a moment. Where the births before are not known, what holds of both holds.
pub fn second_stage(stage: &SecondStage, until: Moment, limits: &MaternalLimits) -> SecondStageTold {
    let hours = until.since(stage.full_at).max(0) as f64 / 3_600e6;
    let [first, later] = match stage.epidural {
        false => [MaternalLimit::SecondFirst, MaternalLimit::SecondLater],
        true => [MaternalLimit::SecondFirstEpidural, MaternalLimit::SecondLaterEpidural],
    };
    let [of_first, of_later] = [first, later].map(|limit| limits.from(limit, Some(hours)));
    let (reached, alert) = match stage.births {
        Some(0) => (Some(of_first.is_some()), of_first),
        Some(_) => (Some(of_later.is_some()), of_later),
        None => match (of_first, of_later) {
            (Some(one), Some(_)) => (Some(true), Some(one)),
            (None, None) => (Some(false), None),
            _ => (None, None),
        },
    };
    SecondStageTold { hours, reached, alert }
}

/// How firm the cervix is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Consistency {
    /// 硬.
    Hard,
    /// 中.
    Medium,
    /// 軟.
    Soft,
}

/// Where it points.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CervixPosition {
    /// 後.
    Posterior,
    /// 中.
    Middle,
    /// 前.
    Anterior,
}

/// What the score is made of.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cervix {
    /// Open, cm.
    pub dilatation: f64,
    /// Effaced, %.
    pub effacement: f64,
    /// The station of the head, cm: −5 to +5.
    pub station: f64,
    /// How firm.
    pub consistency: Consistency,
    /// Where it points.
    pub position: CervixPosition,
}

/// A Bishop score.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Bishop {
    /// Points of dilatation, effacement, station, consistency, position.
    pub points: [u8; 5],
    /// Their sum, 0 to 13.
    pub score: u8,
    /// Whether the cervix is ripe (熟化): 9 and more in Japan.
    pub ripe: bool,
}

/// The Bishop score. What lies between two of its steps counts as the lower one.
///
/// # Errors
/// When a value is outside its domain.
pub fn bishop(cervix: &Cervix, limits: &MaternalLimits) -> Result<Bishop, OutOfDomainError> {
    let dilatation = within("dilatation", cervix.dilatation, (0.0, 10.0), "0 to 10 cm")?;
    let effacement = within("effacement", cervix.effacement, (0.0, 100.0), "0 to 100 %")?;
    let station = within("station", cervix.station, (-5.0, 5.0), "-5 to +5 cm")?;
    let steps = |value: f64, steps: [f64; 3]| steps.iter().filter(|step| value >= **step).count() as u8;
    let points = [
        steps(dilatation, [1.0, 3.0, 5.0]),
        steps(effacement, [40.0, 60.0, 80.0]),
        steps(station, [-2.0, -1.0, 1.0]),
        match cervix.consistency {
            Consistency::Hard => 0,
            Consistency::Medium => 1,
            Consistency::Soft => 2,
        },
        match cervix.position {
            CervixPosition::Posterior => 0,
            CervixPosition::Middle => 1,
            CervixPosition::Anterior => 2,
        },
    ];
    let score = points.iter().sum();
    Ok(Bishop { points, score, ripe: f64::from(score) >= limits.value(MaternalLimit::Ripe) })
}
