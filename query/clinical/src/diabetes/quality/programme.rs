//! 糖尿病性腎症重症化予防プログラム: whom it is for.

use crate::diabetes::day::{day_of, days_between};
use crate::diabetes::denominator::DiabetesType;
use crate::diabetes::facts::{Facts, Measure, Observation, Retinopathy};
use crate::diabetes::kidney::{decline, filtration};
use crate::diabetes::tables::Tables;
use crate::lab::decimal::dec;
use model::{CodeSystem, Moment};
use rust_decimal::Decimal;

/// The edition the definitions are of: 令和6年度版, 2024-03-28.
///
/// Diabetes ①–③ and the kidney ①–③ were read in the text (certainty: primary). Of kidney ④ (suspicion) the text seen was cut off;
/// urine albumin, ± and eGFR below 45 stand for it, with the older programme's yearly fall of 5, retinopathy and pressure as
/// grounds to look closer (certainty: memory).
pub const PROGRAMME_VERSION: &str = "r6-2024";

/// What the programme does for a person.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ProgrammeGroup {
    /// 受診勧奨: the criteria of diabetes are met and there is no treatment now.
    SeeDoctor,
    /// 保健指導: treated, with poor control or a sign of the kidney.
    Guidance,
}

impl ProgrammeGroup {
    /// `see-doctor` or `guidance`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SeeDoctor => "see-doctor",
            Self::Guidance => "guidance",
        }
    }
}

/// What the programme's definitions say of a person.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Programme {
    /// The grounds for diabetes that hold; none where it does not hold.
    pub diabetes: Vec<&'static str>,
    /// The grounds for kidney damage that hold.
    pub kidney: Vec<&'static str>,
    /// Grounds of ④ and of the older programme: suspicion.
    pub suspicion: Vec<&'static str>,
    /// Whether it is treated now.
    pub treated: bool,
    /// What the programme does; `None` for nothing.
    pub group: Option<ProgrammeGroup>,
}

/// Days after which a coded visit or a supply is not "now" any more (a choice).
const NOW_DAYS: i32 = 180;

const KIDNEY_CODES: [&str; 6] = ["E102", "E112", "E132", "E142", "N083", "N18"];

/// Evaluates the definitions at a moment.
///
/// A casual glucose counts from 126 mg/dL only when taken 3.5 to 10 hours after a meal. That is not known of casual values here, so
/// they do not count; a fasting one does.
pub fn programme(facts: &Facts, tables: &Tables, now: Moment) -> Programme {
    let (drugs, limits, denominator) = (&tables.drugs, &tables.kidney, &tables.denominator);
    let latest = |measure, bound: &'static str| {
        let value = facts.latest(measure, now).ok().map(|one| one.value.value());
        value.and_then(|value| value.at_least(dec(bound)))
    };
    let criteria =
        [("fasting-glucose-126", latest(Measure::FastingGlucose, "126")), ("hba1c-6.5", latest(Measure::Hba1c, "6.5"))];
    let meets: Vec<&'static str> = criteria.iter().filter(|one| one.1 == Some(true)).map(|one| one.0).collect();
    let today = day_of(now);
    let coded = facts
        .diagnoses
        .iter()
        .filter(|one| one.at <= now && !one.value.suspected)
        .filter(|one| denominator.says(&one.value).is_some_and(|says| says != DiabetesType::Gestational));
    let visited = coded.map(|one| days_between(one.day(), today)).min();
    let supplied = drugs.supplies(facts, now).into_iter().map(|one| days_between(drugs.end(one.0), today)).min();
    let last = visited.into_iter().chain(supplied).min();
    let treated = last.is_some_and(|days| days <= NOW_DAYS);
    let mut diabetes = meets.clone();
    if treated {
        diabetes.push("treated-now");
    } else if last.is_some() && !(meets.is_empty() && criteria.iter().any(|one| one.1 == Some(false))) {
        // ③ is not for those whose latest values do not meet the criteria
        diabetes.push("treated-before");
    }

    let egfr = filtration(facts, now).ok().map(|found| found.value.value);
    let below = |limit: f64| egfr.is_some_and(|value| value < limit);
    let code = facts.diagnoses.iter().filter(|one| one.at <= now && !one.value.suspected).any(|one| {
        let plain: String = one.value.code.chars().filter(|c| *c != '.').collect();
        one.value.system == CodeSystem::Icd10 && KIDNEY_CODES.iter().any(|code| plain.starts_with(code))
    });
    let protein = |rank: Decimal| {
        facts.latest(Measure::ProteinGrade, now).is_ok_and(|one| one.value.value().at_least(rank) == Some(true))
    };
    let [borderline, plus] = limits.dipstick;
    let kidney =
        [("egfr-below-30", below(limits.stage_four)), ("protein-positive", protein(plus)), ("kidney-code", code)];
    let falls = decline(facts, limits, now).is_ok_and(|found| found.value.line.per_year <= limits.rapid);
    let eyes = facts.observed(now, |one| if let Observation::Eye(finding) = one { finding } else { None });
    let pressure = latest(Measure::Systolic, "140") == Some(true) || latest(Measure::Diastolic, "90") == Some(true);
    let suspicion = [
        ("urine-albumin-30", latest(Measure::AlbuminRatio, "30") == Some(true)),
        ("protein-borderline", protein(borderline) && !protein(plus)),
        ("egfr-below-45", below(45.0) && !below(limits.stage_four)),
        ("egfr-below-60-and-falling", below(60.0) && falls),
        ("retinopathy", eyes.last().is_some_and(|one| one.0 > Retinopathy::None)),
        ("blood-pressure-140-90", pressure),
    ];
    let held = |rows: &[(&'static str, bool)]| rows.iter().filter(|one| one.1).map(|one| one.0).collect::<Vec<_>>();
    let (kidney, suspicion) = (held(&kidney), held(&suspicion));
    let poor = latest(Measure::Hba1c, "8.0") == Some(true);
    let group = match (diabetes.is_empty(), treated) {
        (true, _) => None,
        (false, false) => Some(ProgrammeGroup::SeeDoctor),
        (false, true) => (poor || !kidney.is_empty()).then_some(ProgrammeGroup::Guidance),
    };
    Programme { diabetes, kidney, suspicion, treated, group }
}
