//! The table `pregnancies`: one row per pregnancy of a woman of the view.

use super::Perinatal;
use super::charts::Woman;
use super::table::Tell;
use crate::diabetes::note;
use crate::lab::cells::{Cell, Made};
use clinical::diabetes::{Absent, Date, day_of};
use clinical::perinatal::PerinatalTables;
use clinical::perinatal::chart::OfPregnancy;
use clinical::perinatal::maternal::Pressure;
use clinical::perinatal::pregnancy::{
    DueDate, Factor, FetalMeasure, GestationalAge, NO_GROWTH_TABLE, RiskRules, Screening, screen,
};
use model::Category;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The table's name.
pub(super) const PREGNANCIES: &str = "pregnancies";

pub(super) struct Pregnancies;

/// A pregnancy with what is made of it.
pub(super) struct Row {
    own: String,
    of: OfPregnancy,
    screening: Screening,
    /// What the screening could not look at, with why.
    not_looked_at: Vec<String>,
    checkup_due: Option<Date>,
    growth: Vec<Growth>,
    /// Her newborns who are patients of the viewing facility, `1 0012`.
    mine: Vec<String>,
    elsewhere: Option<(&'static str, Option<String>)>,
    refused: u32,
}

static COLUMNS: [Made<Row>; 37] = [
    Made::of(
        "my_patient_id",
        "the viewing facility's own number of the woman",
        "自施設の患者番号",
        Cell::Text(|row| Some(row.own.as_str().into())),
    ),
    Made::of(
        "pregnancy",
        "which of hers, from 1, as far as records of the view tell",
        "記録上の何回目の妊娠か",
        Cell::Long(|row| Some(i64::from(row.of.number))),
    ),
    Made::of(
        "outcome",
        "`pregnant`, `born`, `ended`, or `not-known`: no entry says how it ended",
        "妊娠の状態・転帰",
        Cell::Text(|row| Some(row.of.outcome.code().into())),
    ),
    Made::of(
        "registered_at",
        "when its registration was noted",
        "登録（届出・初診）",
        Cell::Time(|row| row.of.registered),
    ),
    Made::of(
        "gravida",
        "pregnancies, this one included",
        "妊娠回数",
        Cell::Long(|row| row.of.record.registration.as_ref()?.gravida.map(i64::from)),
    ),
    Made::of("para", "births", "分娩回数", Cell::Long(|row| row.of.record.registration.as_ref()?.para.map(i64::from))),
    Made::of(
        "children",
        "children carried, as it was said",
        "胎児数",
        Cell::Long(|row| row.of.record.registration.as_ref()?.children.map(i64::from)),
    ),
    Made::of("height", "height, cm", "身長", Cell::Float(|row| row.of.record.registration.as_ref()?.height)),
    Made::of(
        "weight_before",
        "weight before the pregnancy, kg",
        "妊娠前体重",
        Cell::Float(|row| row.of.record.registration.as_ref()?.weight),
    ),
    Made::of(
        "history",
        "what is known from before",
        "既往・合併症・喫煙",
        Cell::Texts(|row| {
            let known = row.of.record.registration.iter().flat_map(|one| &one.history);
            known.map(|one| one.code().into()).collect()
        }),
    ),
    Made::of(
        "due_date",
        "the due date that holds: the one given last",
        "分娩予定日",
        Cell::Date(|row| row.of.record.due.map(DueDate::date)),
    ),
    Made::of(
        "due_basis",
        "what it rests on: `last-period`, `conception`, `transfer`, `ultrasound`, `written`, or `stated`: an entry's age alone",
        "予定日の根拠",
        Cell::Text(|row| row.of.record.due.map(|due| due.basis().code().into())),
    ),
    Made::of(
        "due_dates_before",
        "due dates given before, in order, each with its basis",
        "以前の予定日",
        Cell::Texts(|row| {
            row.of.record.due_before.iter().map(|due| format!("{} {}", due.date(), due.basis().code()).into()).collect()
        }),
    ),
    Made::of(
        "gestational_days",
        "the age now, days; NULL when it has ended or is not dated",
        "現在の妊娠日数",
        Cell::Long(|row| row.of.age.map(|age| i64::from(age.days()))),
    ),
    Made::of(
        "gestational_age",
        "the same in weeks and days: `39w2d`",
        "現在の妊娠週数",
        Cell::Text(|row| row.of.age.map(|age| age.to_string().into())),
    ),
    Made::of(
        "checkups",
        "check-ups before the end",
        "健診回数",
        Cell::Long(|row| i64::try_from(row.of.visits.len()).ok()),
    ),
    Made::of(
        "last_checkup_at",
        "the last of them",
        "最終健診",
        Cell::Time(|row| row.of.visits.last().map(|visit| visit.at)),
    ),
    Made::of(
        "checkup_due",
        "by when the next is due, by the age at the last one (else at the registration); NULL when she is not pregnant or that is not known",
        "次の健診の期日",
        Cell::Date(|row| row.checkup_due),
    ),
    Made::of(
        "weight",
        "the weight of the last check-up that has one, kg",
        "最終の体重",
        Cell::Float(|row| row.of.visits.iter().rev().find_map(|visit| visit.checkup.weight)),
    ),
    Made::of(
        "systolic",
        "the pressure of the last check-up that has one, mmHg",
        "最終の収縮期血圧",
        Cell::Float(|row| pressure(row).map(|one| one.systolic())),
    ),
    Made::of(
        "diastolic",
        "the pressure of the last check-up that has one, mmHg",
        "最終の拡張期血圧",
        Cell::Float(|row| pressure(row).map(|one| one.diastolic())),
    ),
    Made::of(
        "growth",
        "per fetus the last estimated weight: number, age, grams, `stated` or `formula`, and deviations where the facility has a table",
        "児ごとの推定体重（最終）",
        Cell::Texts(|row| row.growth.iter().map(|one| one.text().into()).collect()),
    ),
    Made::of(
        "smallest_deviation",
        "the smallest of these deviations; NULL without a table of the facility's own",
        "最小の偏差（SD）",
        Cell::Float(smallest),
    ),
    Made::of(
        "risk_factors",
        "what screening finds, with what it rests on; its limits are from memory, and there is no score",
        "リスク因子",
        Cell::Texts(|row| row.screening.factors.iter().map(factor).collect()),
    ),
    Made::of(
        "risk_not_looked_at",
        "what could not be looked at, each with why: `pressure not-measured`, `age not-consented hospital`, `growth-table not-stated`",
        "確認できなかった項目と理由",
        Cell::Texts(|row| row.not_looked_at.iter().map(|one| one.as_str().into()).collect()),
    ),
    Made::of(
        "ended_at",
        "when the children were born, or it ended otherwise",
        "分娩・終了",
        Cell::Time(|row| row.of.ending.as_ref().map(|ending| ending.at)),
    ),
    Made::of(
        "ended_days",
        "the age then, days",
        "分娩時の妊娠日数",
        Cell::Long(|row| ended(row, |age| i64::from(age.days()))),
    ),
    Made::of(
        "ended_age",
        "the same in weeks and days",
        "分娩時の妊娠週数",
        Cell::Text(|row| ended(row, |age| age.to_string().into())),
    ),
    Made::of(
        "term",
        "`abortion`, `preterm`, `term` or `postterm`, of a birth; from memory",
        "早産・正期産など",
        Cell::Text(|row| row.of.ending.as_ref()?.term.map(|term| term.code().into())),
    ),
    Made::of(
        "delivery",
        "`vaginal` or `caesarean`, where that was said",
        "分娩様式",
        Cell::Text(|row| row.of.ending.as_ref()?.delivery.map(|how| how.code().into())),
    ),
    Made::of(
        "newborns",
        "the children as entries name them: fetus where known, facility, number",
        "新生児（記録）",
        Cell::Texts(newborns),
    ),
    Made::of(
        "newborns_mine",
        "the viewing facility's own numbers of her newborns, by kinship: fetus where known, number",
        "新生児（自施設の患者番号）",
        Cell::Texts(|row| row.mine.iter().map(|one| one.as_str().into()).collect()),
    ),
    Made::of(
        "sources",
        "the facilities whose entries it rests on",
        "根拠の施設",
        Cell::Texts(|row| row.of.sources.iter().map(|one| one.as_str().into()).collect()),
    ),
    Made::of(
        "elsewhere",
        "whether pregnancy records of hers may lie where they are not open: `not-consented` or `not-linked`",
        "開示されていない記録の可能性",
        Cell::Text(|row| row.elsewhere.as_ref().map(|(code, _)| (*code).into())),
    ),
    Made::of(
        "elsewhere_at",
        "at which facilities",
        "その施設",
        Cell::Text(|row| row.elsewhere.as_ref().and_then(|(_, at)| at.as_deref()).map(Into::into)),
    ),
    Made::of(
        "begun",
        "the first day, by the due date; else the day of the first entry",
        "妊娠の開始日",
        Cell::Date(|row| Some(row.of.begun)),
    ),
    Made::of(
        "refused",
        "values of hers that no patient has; they are not used",
        "あり得ない値の数",
        Cell::Long(|row| Some(i64::from(row.refused))),
    ),
];

pub(super) fn columns() -> &'static [Made<Row>] {
    &COLUMNS
}

/// The last estimated weight of a fetus.
struct Growth {
    fetus: u8,
    age: Option<GestationalAge>,
    grams: f64,
    by_formula: bool,
    deviations: Option<f64>,
}

impl Growth {
    fn text(&self) -> String {
        let age = self.age.map_or_else(|| "?".to_owned(), |age| age.to_string());
        let how = if self.by_formula { "formula" } else { "stated" };
        let deviations = self.deviations.map(|deviations| format!(" {deviations:+.1} SD")).unwrap_or_default();
        format!("{} {age} {:.0} g {how}{deviations}", self.fetus, self.grams)
    }
}

fn pressure(row: &Row) -> Option<Pressure> {
    row.of.visits.iter().rev().find_map(|visit| visit.checkup.pressure)
}

fn smallest(row: &Row) -> Option<f64> {
    row.growth.iter().filter_map(|one| one.deviations).min_by(f64::total_cmp)
}

fn ended<T>(row: &Row, of: impl FnOnce(GestationalAge) -> T) -> Option<T> {
    row.of.ending.as_ref()?.age.map(of)
}

fn newborns(row: &Row) -> Vec<Cow<'_, str>> {
    let of = |one: &clinical::perinatal::chart::Newborn| {
        let fetus = one.fetus.map(|fetus| format!("{fetus} ")).unwrap_or_default();
        format!("{fetus}{} {}", one.patient.facility(), one.patient.number().as_str()).into()
    };
    row.of.newborns.iter().map(of).collect()
}

fn factor(factor: &Factor) -> Cow<'_, str> {
    match factor {
        Factor::Age(years) => format!("age {years}").into(),
        Factor::BodyMassIndex(index) => format!("body-mass-index {index:.1}").into(),
        Factor::History(history) => format!("history {}", history.code()).into(),
        Factor::Children(children) => format!("children {children}").into(),
        Factor::Pressure(class) => format!("pressure {}", class.code()).into(),
        Factor::Protein(grade) => format!("urine-protein {}", grade.code()).into(),
        Factor::Sugar(grade) => format!("urine-glucose {}", grade.code()).into(),
        Factor::Small { fetus, deviations } => format!("small {fetus} {deviations:+.1} SD").into(),
        Factor::Cervix(length) => format!("cervix {length:.0} mm").into(),
        Factor::PlacentaPraevia => "placenta-praevia".into(),
        Factor::Lie(lie) => format!("lie {}", lie.code()).into(),
        Factor::Overdue(age) => format!("overdue {age}").into(),
    }
}

impl Tell for Pregnancies {
    type Row = Row;
    const NAME: &'static str = "Pregnancies";

    fn columns() -> &'static [Made<Row>] {
        &COLUMNS
    }

    fn rows(of: &Woman, perinatal: &Perinatal, into: &mut Vec<Row>) {
        let tables = perinatal.tables.as_ref();
        let rules = RiskRules {
            limits: &tables.risk,
            maternal: &tables.maternal,
            weights: tables.growth_of(FetalMeasure::Weight),
        };
        let elsewhere = match of.chart.reach.absent(Category::Perinatal) {
            Absent::NotMeasured => None,
            absent => Some((absent.code(), note(&absent))),
        };
        // a kinship does not say of which pregnancy it is: of the last that ended
        let last = of.pregnancies.iter().rposition(|one| one.ending.is_some());
        for (at, one) in of.pregnancies.iter().enumerate() {
            let mine = of.children.iter().filter(|_| last == Some(at)).map(|child| match child.fetus {
                Some(fetus) => format!("{} {}", fetus.get(), child.number.as_str()),
                None => child.number.as_str().to_owned(),
            });
            let screening = screen(&one.record, day_of(perinatal.moment), rules);
            into.push(Row {
                own: of.number.as_str().to_owned(),
                not_looked_at: screening.not_looked_at.iter().map(|what| not_looked_at(of, what)).collect(),
                screening,
                checkup_due: one.checkup_due(&tables.risk),
                growth: growth(one, tables),
                mine: mine.collect(),
                elsewhere: elsewhere.clone(),
                refused: of.chart.refused,
                of: one.clone(),
            });
        }
    }
}

/// What the screening could not look at, with why.
fn not_looked_at(of: &Woman, what: &str) -> String {
    let category = match what {
        NO_GROWTH_TABLE => return format!("{what} not-stated"),
        "age" => Category::Patient,
        _ => Category::Perinatal,
    };
    let absent = of.chart.reach.absent(category);
    let at = note(&absent).map(|at| format!(" {at}")).unwrap_or_default();
    format!("{what} {}{at}", absent.code())
}

fn growth(of: &OfPregnancy, tables: &PerinatalTables) -> Vec<Growth> {
    let mut last: BTreeMap<u8, Growth> = BTreeMap::new();
    for visit in &of.visits {
        for one in &visit.fetuses {
            let Some((grams, by_formula)) = one.weight else { continue };
            let deviations = deviations(tables, visit.age, grams);
            let growth = Growth { fetus: one.number, age: visit.age, grams, by_formula, deviations };
            last.insert(one.number, growth);
        }
    }
    last.into_values().collect()
}

/// How many deviations a weight lies from the mean of the facility's own table.
pub(super) fn deviations(tables: &PerinatalTables, age: Option<GestationalAge>, grams: f64) -> Option<f64> {
    tables.growth_of(FetalMeasure::Weight)?.deviations(age?, grams)
}
