//! The HEDIS measures of diabetes, and the continuation of care in Japan.

use super::{Asked, Counts, Exclusion, MeasureYear, Outcome, OutsideReason, QualityMeasure};
use crate::diabetes::answer::Found;
use crate::diabetes::day::{day_of, days_between};
use crate::diabetes::due::last_contact;
use crate::diabetes::facts::{Dated, Facts, KidneyReplacement, Measure, Observation, Reading, Retinopathy};
use crate::diabetes::kidney::filtrations;
use crate::{Certainty, Source};
use model::{Category, FacilityId, Moment};

const GSD: Source = Source {
    text: "HEDIS Glycemic Status Assessment (GSD, from 2024; selecthealth.org)",
    certainty: Certainty::Primary,
};
const KED: Source =
    Source { text: "HEDIS Kidney Health Evaluation (KED; bcbsnd, hopkinsmedicine)", certainty: Certainty::Primary };
const MEMORY: Source = Source { text: "HEDIS, from memory", certainty: Certainty::Memory };
const CHOICE: Source = Source { text: "no legal number exists; 180 days are a choice", certainty: Certainty::Memory };

pub(super) const MEASURES: &[QualityMeasure] = &[
    QualityMeasure {
        key: "hedis-gsd-below-8-my2024",
        ja: "血糖管理良好（HbA1cまたはGMI 8.0%未満）",
        en: "Glycaemic status below 8.0 %",
        ages: (18, 75),
        counts: Counts::Met,
        source: GSD,
        excluded,
        asked: |asked| glycaemic(asked, |value| value < 8.0),
    },
    QualityMeasure {
        key: "hedis-gsd-above-9-my2024",
        ja: "血糖管理不良（HbA1cまたはGMI 9.0%超、または未測定）",
        en: "Glycaemic status above 9.0 %, or none",
        ages: (18, 75),
        counts: Counts::MetOrMissing,
        source: GSD,
        excluded,
        asked: |asked| glycaemic(asked, |value| value > 9.0),
    },
    QualityMeasure {
        key: "hedis-ked-my2024",
        ja: "腎機能評価（eGFRと尿アルブミン/Cr比）",
        en: "Kidney health evaluation: eGFR and urine albumin",
        ages: (18, 85),
        counts: Counts::Met,
        source: KED,
        excluded: excluded_with_dialysis,
        asked: kidney,
    },
    QualityMeasure {
        key: "hedis-eed-my2024",
        ja: "眼科検査（当年、または前年に網膜症なし）",
        en: "Eye examination this year, or a negative one last year",
        ages: (18, 75),
        counts: Counts::Met,
        source: MEMORY,
        excluded,
        asked: eye,
    },
    QualityMeasure {
        key: "hedis-bpd-my2024",
        ja: "血圧管理（最終血圧 140/90 未満）",
        en: "Last blood pressure below 140/90",
        ages: (18, 75),
        counts: Counts::Met,
        source: MEMORY,
        excluded,
        asked: pressure,
    },
    QualityMeasure {
        key: "jp-continuation-180-2026",
        ja: "受診継続（前年に受診、年末時点で180日以内に受診・検査・処方）",
        en: "Care goes on: in care the year before, seen within 180 days of the year's end",
        ages: (18, 130),
        counts: Counts::Met,
        source: CHOICE,
        excluded: excluded_with_moving,
        asked: continuation,
    },
];

fn excluded(facts: &Facts, year: MeasureYear) -> Option<Exclusion> {
    let in_year = |what: Observation| facts.observations.iter().any(|one| one.value == what && year.contains(one.at));
    if in_year(Observation::Hospice) {
        Some(Exclusion::Hospice)
    } else if facts.died.is_some_and(|died| died <= year.end()) {
        Some(Exclusion::Died)
    } else {
        None
    }
}

fn excluded_with_dialysis(facts: &Facts, year: MeasureYear) -> Option<Exclusion> {
    let dialysis = Observation::KidneyReplacement(KidneyReplacement::Dialysis);
    let ever = facts.observations.iter().any(|one| one.value == dialysis && one.at <= year.end());
    excluded(facts, year).or(ever.then_some(Exclusion::KidneyReplacement))
}

fn excluded_with_moving(facts: &Facts, year: MeasureYear) -> Option<Exclusion> {
    let moved = facts.observations.iter().any(|one| one.value == Observation::MovedAway && year.contains(one.at));
    excluded(facts, year).or(moved.then_some(Exclusion::MovedAway))
}

/// The values of a measure in the year, not taken in hospital where that is asked.
fn in_year<'a>(asked: &Asked<'a>, measure: Measure) -> Vec<&'a Dated<Reading>> {
    let values = asked.facts.values(measure, asked.year.end()).into_iter();
    values.filter(|one| asked.year.contains(one.at)).collect()
}

fn missing(asked: &Asked<'_>, category: Category) -> Outcome {
    Outcome::Missing(asked.facts.reach.absent(category))
}

fn judged<'a>(met: bool, rests_on: impl IntoIterator<Item = (Moment, &'a FacilityId)>) -> Option<Outcome> {
    let found = Found::resting_on((), rests_on)?;
    Some(if met { Outcome::Met(found) } else { Outcome::NotMet(found) })
}

/// The last HbA1c or GMI of the year; of several of that day the lowest.
fn glycaemic(asked: &Asked<'_>, good: fn(f64) -> bool) -> Outcome {
    let values = [Measure::Hba1c, Measure::Gmi].into_iter().flat_map(|measure| in_year(asked, measure));
    let values: Vec<_> = values.filter_map(|one| Some((one, one.value.number()?))).collect();
    let last_day = values.iter().map(|one| one.0.day()).max();
    let of_day = values.into_iter().filter(|one| Some(one.0.day()) == last_day);
    let lowest = of_day.min_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.origin().cmp(&b.0.origin())));
    lowest
        .and_then(|(one, value)| judged(good(value), [one.origin()]))
        .unwrap_or_else(|| missing(asked, Category::Laboratory))
}

/// eGFR and urine albumin per creatinine in the year, the latter also from albumin and creatinine at most four days apart.
fn kidney(asked: &Asked<'_>) -> Outcome {
    const APART: i32 = 4;
    let filtration = filtrations(asked.facts, asked.year.end()).into_iter().rfind(|one| asked.year.contains(one.0));
    let ratio = in_year(asked, Measure::AlbuminRatio).pop().map(Dated::origin);
    let (albumin, creatinine) = (in_year(asked, Measure::UrineAlbumin), in_year(asked, Measure::UrineCreatinine));
    let pair = albumin
        .iter()
        .rev()
        .find(|one| creatinine.iter().any(|other| days_between(one.day(), other.day()).abs() <= APART));
    let albumin = ratio.max(pair.map(|one| one.origin()));
    match (filtration.map(|one| (one.0, one.1)), albumin) {
        (Some(egfr), Some(albumin)) => judged(true, [egfr, albumin]),
        (None, None) => None,
        (one, other) => judged(false, one.into_iter().chain(other)),
    }
    .unwrap_or_else(|| missing(asked, Category::Laboratory))
}

/// An eye examination in the year, or one in the year before that found no retinopathy.
fn eye(asked: &Asked<'_>) -> Outcome {
    let before = asked.year.before();
    let seen = asked.facts.observed(asked.year.end(), |one| match one {
        Observation::Eye(finding) => Some(finding),
        _ => None,
    });
    let counts = |finding: Option<Retinopathy>, at: Moment| {
        let negative = finding == Some(Retinopathy::None);
        asked.year.contains(at) || negative && before.is_ok_and(|before| before.contains(at))
    };
    let met = seen.iter().rfind(|(finding, one)| counts(*finding, one.at));
    met.and_then(|(_, one)| judged(true, [one.origin()])).unwrap_or_else(|| missing(asked, Category::Document))
}

/// The last blood pressure of the year outside hospital; of that day the lowest of each.
fn pressure(asked: &Asked<'_>) -> Outcome {
    let outside = |measure| {
        let values = in_year(asked, measure).into_iter().filter(|one| !one.value.is_inpatient());
        values.filter_map(|one| Some((one, one.value.number()?))).collect::<Vec<_>>()
    };
    let (systolic, diastolic) = (outside(Measure::Systolic), outside(Measure::Diastolic));
    let both = systolic.iter().map(|one| one.0.day()).filter(|day| diastolic.iter().any(|one| one.0.day() == *day));
    let day = both.max();
    let lowest = |values: &[(&Dated<Reading>, f64)]| {
        let of_day = values.iter().filter(|one| Some(one.0.day()) == day);
        of_day.map(|one| one.1).min_by(f64::total_cmp)
    };
    let origins = systolic.iter().chain(&diastolic).filter(|one| Some(one.0.day()) == day).map(|one| one.0.origin());
    lowest(&systolic)
        .zip(lowest(&diastolic))
        .and_then(|(high, low)| judged(high < 140.0 && low < 90.0, origins))
        .unwrap_or_else(|| missing(asked, Category::VitalSign))
}

/// In care the year before, and seen within 180 days of the year's end.
fn continuation(asked: &Asked<'_>) -> Outcome {
    const LAPSED: i32 = 180;
    let Ok(before) = asked.year.before() else { return Outcome::Outside(OutsideReason::NotInCare) };
    let then = last_contact(asked.facts, asked.drugs, before.end());
    if !then.is_ok_and(|then| before.contains(then.at)) {
        return Outcome::Outside(OutsideReason::NotInCare);
    }
    match last_contact(asked.facts, asked.drugs, asked.year.end()) {
        Ok(last) => {
            let met = days_between(last.value, day_of(asked.year.end())) <= LAPSED;
            let found = last.map(|_| ());
            if met { Outcome::Met(found) } else { Outcome::NotMet(found) }
        }
        Err(absent) => Outcome::Missing(absent),
    }
}
