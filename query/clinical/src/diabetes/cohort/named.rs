//! The cohorts that are shipped.

use super::criterion::Within;
use super::{Cohort, Criterion};
use crate::diabetes::due::Check;
use crate::diabetes::facts::Measure;
use crate::diabetes::kidney::NephropathyStage;
use crate::lab::decimal::dec;

/// Changes with every change of a shipped cohort.
pub const COHORTS_VERSION: &str = "2026-11-23";

/// Days within which an HbA1c says how it goes (a choice).
const HBA1C_DAYS: u16 = 180;
/// After birth a load is due from six weeks on (certainty: memory); it is asked for during a year (a choice).
const AFTER_BIRTH: (u16, u16) = (42, 365);

fn cohort(key: &str, (ja, en): (&str, &str), criterion: Criterion) -> Cohort {
    let text = str::to_owned;
    Cohort { key: text(key), version: text(COHORTS_VERSION), ja: text(ja), en: text(en), criterion }
}

fn with_diabetes(more: Vec<Criterion>) -> Criterion {
    Criterion::All([vec![Criterion::Alive, Criterion::Diabetes], more].concat())
}

fn not(criterion: Criterion) -> Criterion {
    Criterion::Not(Box::new(criterion))
}

fn lapsed(days: u16) -> Criterion {
    with_diabetes(vec![Criterion::NotSeenFor(days), not(Criterion::Admitted), not(Criterion::MovedAway)])
}

/// All of them.
pub fn named() -> Vec<Cohort> {
    let here = |criterion| with_diabetes(vec![criterion, not(Criterion::MovedAway)]);
    vec![
        cohort(
            "poor-control",
            ("血糖管理不良（HbA1c 8.0%以上）", "Poor control: HbA1c 8.0 % or more"),
            with_diabetes(vec![Criterion::AtLeast(Measure::Hba1c, dec("8.0"), Within::Days(HBA1C_DAYS))]),
        ),
        cohort(
            "rapid-decline",
            ("腎機能の急速な低下", "Rapid decline of the kidney"),
            with_diabetes(vec![Criterion::Any(vec![Criterion::RapidDecline, Criterion::FallingBelow60])]),
        ),
        cohort(
            "nephropathy-2",
            ("糖尿病性腎症第2期以上", "Nephropathy of stage 2 or more"),
            with_diabetes(vec![Criterion::StageAtLeast(NephropathyStage::Two)]),
        ),
        cohort("lapsed-60", ("受診が60日を超えて途絶", "Not seen for more than 60 days"), lapsed(60)),
        cohort("lapsed-180", ("受診中断180日超", "Not seen for more than 180 days"), lapsed(180)),
        cohort("lapsed-365", ("受診中断365日超", "Not seen for more than 365 days"), lapsed(365)),
        cohort(
            "over-treated-elderly",
            ("高齢者の過剰治療", "Over-treated elderly"),
            with_diabetes(vec![Criterion::Age(65, 130), Criterion::OverTreated]),
        ),
        cohort("overdue-eye", ("眼科検査の期限超過", "Eye examination overdue"), here(Criterion::Overdue(Check::Eye))),
        cohort(
            "overdue-urine-albumin",
            ("尿アルブミン検査の期限超過", "Urine albumin overdue"),
            here(Criterion::Overdue(Check::UrineAlbumin)),
        ),
        cohort(
            "gdm-follow-up",
            ("妊娠糖尿病の産後フォロー未実施", "No follow-up after gestational diabetes"),
            Criterion::All(vec![
                Criterion::Alive,
                Criterion::GestationalBirth(AFTER_BIRTH.0, AFTER_BIRTH.1),
                not(Criterion::GlucoseSinceBirth),
                not(Criterion::MovedAway),
            ]),
        ),
    ]
}
