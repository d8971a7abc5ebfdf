//! The items.

use super::ItemKind::{Day, Flag, Number, Word, Words};
use super::{ItemKind, ItemValue, RegistryItem, over_treated, target, treatment};
use crate::diabetes::answer::{Absent, Answer, Found, Unsaid};
use crate::diabetes::day::{day_of, days_between};
use crate::diabetes::denominator::HasDiabetes;
use crate::diabetes::due::Check;
use crate::diabetes::facts::{Dated, Measure, Observation};
use crate::diabetes::glycaemia::{Hba1cCourse, body_mass_index};
use crate::diabetes::kidney::{
    self, Albuminuria, CkdCell, Decline, Edition, Filtration, FiltrationBasis, Persistence, Rapid,
};
use crate::diabetes::person::Person;
use crate::diabetes::target::ElderlyCategory;
use model::Category;
use rust_decimal::prelude::ToPrimitive;

const NO_KIND: Unsaid = Unsaid {
    key: "kind-not-coded",
    en: "no code says the kind, or codes contradict one another",
    ja: "病型のコードがない、または矛盾している",
};

type Names = (&'static str, &'static str);
type Of = fn(&Person<'_>) -> Answer<ItemValue>;

const fn item(key: &'static str, kind: ItemKind, unit: &'static str, (ja, en): Names, of: Of) -> RegistryItem {
    RegistryItem { key, kind, unit, ja, en, of }
}

macro_rules! reading {
    ($key:literal, $unit:literal, $names:expr, $measure:expr) => {
        item($key, Number, $unit, $names, |asked| latest(asked, $measure))
    };
}

macro_rules! due {
    ($key:literal, $ja:literal, $en:literal, $check:expr) => {
        item($key, Day, "", ($ja, $en), |asked| {
            let next = asked.tables().due.next(asked.facts(), $check, asked.now())?;
            Ok(next.map(|next| ItemValue::Day(next.due)))
        })
    };
}

pub(super) const ITEMS: &[RegistryItem] = &[
    // who
    item("diabetes", Words, "", ("糖尿病とみなす根拠", "grounds of diabetes"), |asked| {
        let has = asked.has();
        let rests_on = has.reasons.iter().flat_map(|one| one.facts.iter().map(|fact| (fact.0, &fact.1)));
        let rules = has.reasons.iter().map(|one| one.rule).collect();
        let none = || asked.facts().reach.absent(Category::Condition);
        Found::resting_on(ItemValue::Words(rules), rests_on).ok_or_else(none)
    }),
    item("type", Word, "", ("病型", "type"), |asked| {
        let has = asked.has();
        let kind = has.kind.ok_or(Absent::CannotBeSaid { why: NO_KIND })?;
        coded(asked, has).map(|found| found.map(|()| ItemValue::Word(kind.code())))
    }),
    item("gestational", Flag, "", ("妊娠糖尿病の記録", "gestational diabetes on record"), |asked| {
        let has = asked.has();
        let rests_on = has.gestational.iter().map(|one| (one.0, &one.1));
        let none = || asked.facts().reach.absent(Category::Condition);
        Found::resting_on(ItemValue::Flag(true), rests_on).ok_or_else(none)
    }),
    item("since", Day, "", ("根拠がそろった日", "day since when the grounds hold"), |asked| {
        let has = asked.has();
        let first = has.reasons.iter().min_by_key(|one| one.since);
        let found = first.and_then(|one| {
            let rests_on = one.facts.iter().map(|fact| (fact.0, &fact.1));
            Found::resting_on(ItemValue::Day(one.since), rests_on)
        });
        found.ok_or_else(|| asked.facts().reach.absent(Category::Condition))
    }),
    item(
        "duration",
        Number,
        "a",
        ("罹病期間（申告された発症年から）", "years since the stated beginning"),
        |asked| {
            let stated = asked.facts().observed(asked.now(), |one| match one {
                Observation::DiabetesSince(year) => Some(year),
                _ => None,
            });
            let (year, one) = stated.last().ok_or_else(|| asked.facts().reach.absent(Category::Condition))?;
            Ok(one.found(ItemValue::Number(f64::from((day_of(asked.now()).year() - year).max(0)))))
        },
    ),
    // glucose
    item("hba1c", Number, "%", ("HbA1c (NGSP)", "HbA1c (NGSP)"), |asked| latest(asked, Measure::Hba1c)),
    item(
        "hba1c_converted",
        Flag,
        "",
        ("HbA1c はJDS等からの換算値", "HbA1c was converted (JDS, IFCC)"),
        |asked| course(asked, |course| Some(ItemValue::Flag(course.converted))),
    ),
    item("hba1c_mean", Number, "%", ("HbA1c 1年平均", "HbA1c, mean of a year"), |asked| {
        course(asked, |course| Some(ItemValue::Number(course.mean?.0)))
    }),
    item("hba1c_slope", Number, "%/a", ("HbA1c 年間変化", "HbA1c, change per year"), |asked| {
        course(asked, |course| Some(ItemValue::Number(course.slope?.per_year)))
    }),
    item("hba1c_slope_low", Number, "%/a", ("同 95%下限", "the same, 95 % interval from"), |asked| {
        course(asked, |course| Some(ItemValue::Number(course.slope?.interval.0)))
    }),
    item("hba1c_slope_high", Number, "%/a", ("同 95%上限", "the same, 95 % interval to"), |asked| {
        course(asked, |course| Some(ItemValue::Number(course.slope?.interval.1)))
    }),
    reading!("glucose_fasting", "mg/dL", ("空腹時血糖", "fasting glucose"), Measure::FastingGlucose),
    reading!("glucose_casual", "mg/dL", ("随時血糖", "casual glucose"), Measure::CasualGlucose),
    reading!("gmi", "%", ("GMI", "glucose management indicator"), Measure::Gmi),
    // pressure, lipids, weight
    reading!("systolic", "mm[Hg]", ("収縮期血圧", "systolic pressure"), Measure::Systolic),
    reading!("diastolic", "mm[Hg]", ("拡張期血圧", "diastolic pressure"), Measure::Diastolic),
    reading!("total_cholesterol", "mg/dL", ("総コレステロール", "total cholesterol"), Measure::TotalCholesterol),
    reading!("ldl", "mg/dL", ("LDLコレステロール", "LDL cholesterol"), Measure::Ldl),
    reading!("hdl", "mg/dL", ("HDLコレステロール", "HDL cholesterol"), Measure::Hdl),
    reading!("triglyceride", "mg/dL", ("中性脂肪", "triglyceride"), Measure::Triglyceride),
    reading!("alt", "U/L", ("ALT", "ALT"), Measure::Alt),
    reading!("weight", "kg", ("体重", "weight"), Measure::Weight),
    reading!("height", "cm", ("身長", "height"), Measure::Height),
    item("bmi", Number, "kg/m2", ("BMI", "body mass index"), |asked| {
        Ok(body_mass_index(asked.facts(), asked.now())?.map(ItemValue::Number))
    }),
    // kidney
    reading!("creatinine", "mg/dL", ("クレアチニン", "creatinine"), Measure::Creatinine),
    item("egfr", Number, "mL/min/{1.73_m2}", ("eGFR", "eGFR"), |asked| egfr(asked, |one| ItemValue::Number(one.value))),
    item("egfr_basis", Word, "", ("eGFRの算出", "how eGFR was come by"), |asked| {
        egfr(asked, |one| ItemValue::Word(basis(one.basis)))
    }),
    item(
        "egfr_cys",
        Number,
        "mL/min/{1.73_m2}",
        ("eGFRcys（Crと同時ならその平均）", "eGFR from cystatin C, or the mean of both"),
        |asked| Ok(kidney::filtration_cystatin(asked.facts(), asked.now())?.map(|one| ItemValue::Number(one.value))),
    ),
    reading!("uacr", "mg/g{creat}", ("尿アルブミン/Cr比", "urine albumin per creatinine"), Measure::AlbuminRatio),
    reading!("upcr", "g/g{creat}", ("尿蛋白/Cr比", "urine protein per creatinine"), Measure::ProteinRatio),
    item("urine_protein", Word, "", ("尿蛋白定性", "urine protein, dipstick"), |asked| {
        let one = asked.facts().latest(Measure::ProteinGrade, asked.now())?;
        let word = one.value.number().map_or("", grade);
        Ok(one.found(ItemValue::Word(word)))
    }),
    item("albuminuria", Word, "", ("アルブミン尿区分", "albuminuria"), |asked| {
        albumin(asked, |one| ItemValue::Word(one.stage.code()))
    }),
    item(
        "albuminuria_basis",
        Word,
        "",
        ("同 根拠（定性は代用）", "what it was read from; a dipstick stands for it"),
        |asked| albumin(asked, |one| ItemValue::Word(one.basis.code())),
    ),
    item("nephropathy_2014", Number, "", ("腎症病期（2014）", "stage of nephropathy (2014)"), |asked| {
        stage(asked, Edition::Y2014)
    }),
    item("nephropathy_2023", Number, "", ("腎症病期（2023）", "stage of nephropathy (2023)"), |asked| {
        stage(asked, Edition::Y2023)
    }),
    item("ckd_g", Word, "", ("CKD G区分", "CKD G"), |asked| ckd(asked, |one| ItemValue::Word(one.g.code()))),
    item("ckd_a", Word, "", ("CKD A区分", "CKD A"), |asked| ckd(asked, |one| ItemValue::Word(one.a.stage.code()))),
    item("ckd_risk", Word, "", ("CKDリスク（色）", "CKD risk, colour"), |asked| {
        ckd(asked, |one| ItemValue::Word(one.risk.code()))
    }),
    item("ckd_persistence", Word, "", ("90日を超える持続", "whether it lasts for more than 90 days"), |asked| {
        ckd(asked, |one| ItemValue::Word(lasting(one.persistence)))
    }),
    item("egfr_slope", Number, "mL/min/{1.73_m2}/a", ("eGFR年間変化", "eGFR, change per year"), |asked| {
        falling(asked, |one| ItemValue::Number(one.line.per_year))
    }),
    item("egfr_slope_error", Number, "mL/min/{1.73_m2}/a", ("同 標準誤差", "the same, standard error"), |asked| {
        falling(asked, |one| ItemValue::Number(one.line.standard_error))
    }),
    item("egfr_slope_low", Number, "mL/min/{1.73_m2}/a", ("同 95%下限", "the same, 95 % interval from"), |asked| {
        falling(asked, |one| ItemValue::Number(one.line.interval.0))
    }),
    item("egfr_slope_high", Number, "mL/min/{1.73_m2}/a", ("同 95%上限", "the same, 95 % interval to"), |asked| {
        falling(asked, |one| ItemValue::Number(one.line.interval.1))
    }),
    item("egfr_rapid", Word, "", ("急速な低下", "rapid decline"), |asked| {
        falling(asked, |one| ItemValue::Word(rapid(one.rapid)))
    }),
    item("egfr_fall", Number, "%", ("eGFR低下率（初回比）", "fall of eGFR from the first value"), |asked| {
        falling(asked, |one| ItemValue::Number(one.fall_percent))
    }),
    // examined
    item("retinopathy", Word, "", ("網膜症", "retinopathy"), |asked| {
        let seen =
            asked.facts().observed(asked.now(), |one| if let Observation::Eye(finding) = one { finding } else { None });
        let (finding, one) = seen.last().ok_or_else(|| asked.facts().reach.absent(Category::Document))?;
        Ok(one.found(ItemValue::Word(finding.code())))
    }),
    item("eye_last", Day, "", ("最終眼科検査日", "last eye examination"), |asked| done(asked, Check::Eye)),
    item("foot_last", Day, "", ("最終足検査日", "last foot examination"), |asked| done(asked, Check::Foot)),
    item("dental_last", Day, "", ("最終歯科受診日", "last dental visit"), |asked| done(asked, Check::Dental)),
    item("guidance_last", Day, "", ("最終療養指導日", "last guidance"), |asked| {
        let seen = asked.facts().observed(asked.now(), |one| (one == Observation::Guidance).then_some(()));
        let (_, one) = seen.last().ok_or_else(|| asked.facts().reach.absent(Category::CarePlan))?;
        Ok(one.found(ItemValue::Day(one.day())))
    }),
    item("smoking", Word, "", ("喫煙", "smoking"), |asked| {
        let said = asked
            .facts()
            .observed(asked.now(), |one| if let Observation::Smoking(said) = one { Some(said) } else { None });
        let (said, one) = said.last().ok_or_else(|| asked.facts().reach.absent(Category::Document))?;
        Ok(one.found(ItemValue::Word(said.code())))
    }),
    // treatment and target
    item("treatment", Words, "", ("治療薬分類", "classes of diabetes drugs"), |asked| {
        let found = treatment(asked)?;
        Ok(found.map(|classes| ItemValue::Words(classes.into_iter().map(|class| class.code()).collect())))
    }),
    item("hypoglycaemia_drugs", Words, "", ("低血糖リスク薬", "drugs that risk hypoglycaemia"), |asked| {
        let found = treatment(asked)?;
        Ok(found.map(|classes| {
            let risky = classes.into_iter().filter(|class| class.risks_hypoglycaemia());
            ItemValue::Words(risky.map(|class| class.code()).collect())
        }))
    }),
    item("elderly_category", Word, "", ("高齢者カテゴリー", "category of the elderly"), |asked| {
        let said = asked.facts().observed(asked.now(), |one| match one {
            Observation::Dasc8(sum) => ElderlyCategory::from_dasc8(sum).ok(),
            _ => None,
        });
        let (category, one) = said.last().ok_or_else(|| asked.facts().reach.absent(Category::Document))?;
        Ok(one.found(ItemValue::Word(category.code())))
    }),
    item("target_below", Number, "%", ("HbA1c目標（未満）", "HbA1c target, below"), |asked| {
        Ok(target(asked)?.map(|one| ItemValue::Number(one.below.to_f64().unwrap_or(f64::NAN))))
    }),
    item("target_floor", Number, "%", ("HbA1c目標下限", "HbA1c target, floor"), |asked| {
        let found = target(asked)?;
        let floor = found.value.floor.and_then(|floor| floor.to_f64());
        let floor = floor.ok_or(Absent::DoesNotApply { why: NO_FLOOR })?;
        Ok(found.map(|_| ItemValue::Number(floor)))
    }),
    item("over_treated", Flag, "", ("過剰治療", "over-treated"), |asked| {
        Ok(over_treated(asked)?.map(ItemValue::Flag))
    }),
    // what is due
    due!("due_hba1c", "次回期限 HbA1c", "next due: HbA1c", Check::Hba1c),
    due!("due_kidney", "次回期限 腎機能", "next due: kidney", Check::Kidney),
    due!("due_urine_albumin", "次回期限 尿アルブミン", "next due: urine albumin", Check::UrineAlbumin),
    due!("due_lipids", "次回期限 脂質", "next due: lipids", Check::Lipids),
    due!("due_blood_pressure", "次回期限 血圧", "next due: blood pressure", Check::BloodPressure),
    due!("due_eye", "次回期限 眼科", "next due: eyes", Check::Eye),
    due!("due_foot", "次回期限 足", "next due: feet", Check::Foot),
    due!("due_dental", "次回期限 歯科", "next due: teeth", Check::Dental),
    item("last_contact", Day, "", ("最終接触日", "last contact"), |asked| {
        Ok(asked.last_contact()?.map(ItemValue::Day))
    }),
    item("days_since_contact", Number, "d", ("最終接触からの日数", "days since the last contact"), |asked| {
        let last = asked.last_contact()?;
        let days = days_between(last.value, day_of(asked.now()));
        Ok(last.map(|_| ItemValue::Number(f64::from(days))))
    }),
];

const NO_FLOOR: Unsaid =
    Unsaid { key: "no-floor", en: "this target has no floor", ja: "この目標に下限はない" };
const TOO_FEW: Unsaid = kidney::TOO_FEW;

/// What codes rest on: the latest code that says a kind.
fn coded(asked: &Person<'_>, has: &HasDiabetes) -> Answer<()> {
    let says = |one: &&Dated<crate::diabetes::Diagnosis>| {
        one.at <= asked.now() && !one.value.suspected && asked.tables().denominator.says(&one.value) == has.kind
    };
    let last = asked.facts().diagnoses.iter().filter(says).map(Dated::origin).max();
    Found::resting_on((), last).ok_or(Absent::CannotBeSaid { why: NO_KIND })
}

fn latest(asked: &Person<'_>, measure: Measure) -> Answer<ItemValue> {
    let one = asked.facts().latest(measure, asked.now())?;
    Ok(one.found(one.value.number().map_or(ItemValue::Bound(one.value.value()), ItemValue::Number)))
}

fn course(asked: &Person<'_>, of: fn(Hba1cCourse) -> Option<ItemValue>) -> Answer<ItemValue> {
    let found = asked.course()?;
    let value = of(found.value).ok_or(Absent::CannotBeSaid { why: TOO_FEW })?;
    Ok(found.map(|_| value))
}

fn egfr(asked: &Person<'_>, of: fn(Filtration) -> ItemValue) -> Answer<ItemValue> {
    Ok(asked.egfr()?.map(of))
}

fn albumin(asked: &Person<'_>, of: fn(Albuminuria) -> ItemValue) -> Answer<ItemValue> {
    Ok(asked.albuminuria()?.map(of))
}

fn stage(asked: &Person<'_>, edition: Edition) -> Answer<ItemValue> {
    let found = asked.stage(edition)?;
    Ok(found.map(|stage| ItemValue::Number(f64::from(stage.number()))))
}

fn ckd(asked: &Person<'_>, of: fn(CkdCell) -> ItemValue) -> Answer<ItemValue> {
    Ok(asked.ckd()?.map(of))
}

fn falling(asked: &Person<'_>, of: fn(Decline) -> ItemValue) -> Answer<ItemValue> {
    Ok(asked.decline()?.map(of))
}

fn done(asked: &Person<'_>, check: Check) -> Answer<ItemValue> {
    Ok(asked.tables().due.next(asked.facts(), check, asked.now())?.map(|next| ItemValue::Day(next.last)))
}

const fn basis(basis: FiltrationBasis) -> &'static str {
    match basis {
        FiltrationBasis::Creatinine => "creatinine",
        FiltrationBasis::CystatinC => "cystatin-c",
        FiltrationBasis::Both => "both",
        FiltrationBasis::Reported => "reported",
    }
}

fn grade(rank: f64) -> &'static str {
    const GRADES: [&str; 7] = ["-", "±", "1+", "2+", "3+", "4+", "5+"];
    GRADES.get((rank as usize).saturating_sub(1)).copied().unwrap_or_default()
}

const fn lasting(persistence: Persistence) -> &'static str {
    match persistence {
        Persistence::Lasting => "lasting",
        Persistence::New => "new",
        Persistence::Unknown => "unknown",
        Persistence::Normal => "normal",
    }
}

const fn rapid(rapid: Rapid) -> &'static str {
    match rapid {
        Rapid::Certainly => "certainly",
        Rapid::Probably => "probably",
        Rapid::No => "no",
    }
}
