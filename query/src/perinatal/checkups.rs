//! The table `pregnancy_checkups`: one row per check-up and fetus; one where nothing was measured of a fetus.

use super::Perinatal;
use super::charts::Woman;
use super::pregnancies::deviations;
use super::table::Tell;
use crate::lab::cells::{Cell, Made};
use clinical::perinatal::chart::{FetusAt, VisitAt};
use clinical::perinatal::pregnancy::FetalMeasure;

/// The table's name.
pub(super) const PREGNANCY_CHECKUPS: &str = "pregnancy_checkups";

pub(super) struct Checkups;

/// A check-up and one of its fetuses.
pub(super) struct Row {
    own: String,
    pregnancy: u32,
    visit: VisitAt,
    fetus: Option<FetusAt>,
    deviations: Option<f64>,
    table: Option<String>,
}

static COLUMNS: [Made<Row>; 26] = [
    Made::of(
        "my_patient_id",
        "the viewing facility's own number of the woman",
        "自施設の患者番号",
        Cell::Text(|row| Some(row.own.as_str().into())),
    ),
    Made::of(
        "pregnancy",
        "which of hers, as in `pregnancies`",
        "何回目の妊娠か",
        Cell::Long(|row| Some(i64::from(row.pregnancy))),
    ),
    Made::of("at", "when its first entry was true", "健診日時", Cell::Time(|row| Some(row.visit.at))),
    Made::of("source", "the facility", "施設", Cell::Text(|row| Some(row.visit.source.as_str().into()))),
    Made::of(
        "gestational_days",
        "the age then, by the due date that holds now; days",
        "妊娠日数",
        Cell::Long(|row| row.visit.age.map(|age| i64::from(age.days()))),
    ),
    Made::of(
        "gestational_age",
        "the same in weeks and days",
        "妊娠週数",
        Cell::Text(|row| row.visit.age.map(|age| age.to_string().into())),
    ),
    Made::of("weight", "weight, kg", "体重", Cell::Float(|row| row.visit.checkup.weight)),
    Made::of(
        "systolic",
        "systolic pressure, mmHg",
        "収縮期血圧",
        Cell::Float(|row| row.visit.checkup.pressure.map(|one| one.systolic())),
    ),
    Made::of(
        "diastolic",
        "diastolic pressure, mmHg",
        "拡張期血圧",
        Cell::Float(|row| row.visit.checkup.pressure.map(|one| one.diastolic())),
    ),
    Made::of(
        "urine_protein",
        "`negative`, `trace`, `1`, `2` or `3`",
        "尿蛋白",
        Cell::Text(|row| row.visit.checkup.protein.map(|one| one.code().into())),
    ),
    Made::of(
        "urine_glucose",
        "likewise",
        "尿糖",
        Cell::Text(|row| row.visit.checkup.sugar.map(|one| one.code().into())),
    ),
    Made::of("fundal_height", "fundal height, cm", "子宮底長", Cell::Float(|row| row.visit.checkup.fundal_height)),
    Made::of("cervix_length", "length of the cervix, mm", "頸管長", Cell::Float(|row| row.visit.checkup.cervix)),
    Made::of(
        "placenta_praevia",
        "whether the placenta covers the inner os",
        "前置胎盤",
        Cell::Flag(|row| row.visit.checkup.placenta_praevia),
    ),
    Made::of(
        "fetus",
        "which fetus, from 1; NULL where nothing was measured of one",
        "第何児",
        Cell::Long(|row| row.fetus.as_ref().map(|one| i64::from(one.number))),
    ),
    Made::of(
        "presentation",
        "`cephalic`, `breech` or `transverse`",
        "胎位",
        Cell::Text(|row| row.fetus.as_ref()?.presentation.map(|one| one.code().into())),
    ),
    Made::of(
        "heart_rate",
        "heart rate of the fetus, beats per minute",
        "胎児心拍数",
        Cell::Float(|row| row.fetus.as_ref()?.rate),
    ),
    Made::of("bpd", "biparietal diameter, mm", "児頭大横径", Cell::Float(|row| biometry(row, 0))),
    Made::of("ac", "abdominal circumference, mm", "腹囲", Cell::Float(|row| biometry(row, 1))),
    Made::of("fl", "femur length, mm", "大腿骨長", Cell::Float(|row| biometry(row, 2))),
    Made::of(
        "estimated_weight",
        "estimated weight of the fetus, g",
        "推定胎児体重",
        Cell::Float(|row| row.fetus.as_ref()?.weight.map(|(grams, _)| grams)),
    ),
    Made::of(
        "estimated_how",
        "`stated`, or `formula`: computed here, 1.07·BPD³ + 0.30·AC²·FL",
        "推定の方法",
        Cell::Text(|row| {
            row.fetus.as_ref()?.weight.map(|(_, formula)| if formula { "formula" } else { "stated" }.into())
        }),
    ),
    Made::of(
        "deviations",
        "how many deviations from the mean of the facility's own table; NULL without one",
        "偏差（SD）",
        Cell::Float(|row| row.deviations),
    ),
    Made::of(
        "growth_table",
        "where that table comes from",
        "発育曲線の出典",
        Cell::Text(|row| row.table.as_deref().map(Into::into)),
    ),
    Made::of(
        "estimated_source",
        "where the formula comes from, where it was used",
        "推定式の出典",
        Cell::Text(|row| {
            row.fetus
                .as_ref()?
                .weight
                .filter(|(_, formula)| *formula)
                .map(|_| clinical::perinatal::pregnancy::ESTIMATED_WEIGHT.text.into())
        }),
    ),
    Made::of(
        "estimated_certainty",
        "how certain that is",
        "その確度",
        Cell::Text(|row| {
            row.fetus
                .as_ref()?
                .weight
                .filter(|(_, formula)| *formula)
                .map(|_| clinical::perinatal::pregnancy::ESTIMATED_WEIGHT.certainty.letter().to_string().into())
        }),
    ),
];

fn biometry(row: &Row, which: usize) -> Option<f64> {
    row.fetus.as_ref()?.biometry.get(which).copied().flatten()
}

pub(super) fn columns() -> &'static [Made<Row>] {
    &COLUMNS
}

impl Tell for Checkups {
    type Row = Row;
    const NAME: &'static str = "PregnancyCheckups";

    fn columns() -> &'static [Made<Row>] {
        &COLUMNS
    }

    fn rows(of: &Woman, perinatal: &Perinatal, into: &mut Vec<Row>) {
        let tables = perinatal.tables.as_ref();
        let table = tables.growth_of(FetalMeasure::Weight).map(|table| table.source().to_owned());
        for (one, visit) in of.pregnancies.iter().flat_map(|one| one.visits.iter().map(move |visit| (one, visit))) {
            let row = |fetus: Option<&FetusAt>| {
                let grams = fetus.and_then(|fetus| fetus.weight).map(|(grams, _)| grams);
                let deviations = grams.and_then(|grams| deviations(tables, visit.age, grams));
                Row {
                    own: of.number.as_str().to_owned(),
                    pregnancy: one.number,
                    visit: visit.clone(),
                    fetus: fetus.cloned(),
                    table: table.clone().filter(|_| deviations.is_some()),
                    deviations,
                }
            };
            if visit.fetuses.is_empty() {
                into.push(row(None));
            }
            into.extend(visit.fetuses.iter().map(|fetus| row(Some(fetus))));
        }
    }
}
