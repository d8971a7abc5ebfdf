//! `diabetes_measures(year)`: what each measure of care says of each person; `diabetes_programme([day])`: whom the national programme is
//! for.

use super::asked::Ask;
use super::registry::note;
use crate::lab::cells::{Cell, Made};
use clinical::diabetes::Person;
use clinical::diabetes::quality::{
    MeasureYear, Outcome, PROGRAMME_VERSION, Programme, QUALITY_MEASURES, QualityMeasure, programme,
};
use model::FacilityId;
use std::borrow::Cow;
use views::table::Column;

// === Measures ===

/// What is asked: every measure, of one calendar year.
pub(super) struct Measures(pub(super) MeasureYear);

pub(super) struct Measured {
    number: String,
    measure: &'static QualityMeasure,
    year: i16,
    outcome: Outcome,
}

const MEASURED: &[Made<Measured>] = &[
    Made::of(
        "my_patient_id",
        "the viewing facility's own number of the person",
        "自施設の患者番号",
        Cell::Text(|row| Some(row.number.as_str().into())),
    ),
    Made::of(
        "measure",
        "the measure's name with its version (docs/diabetes.md)",
        "指標",
        Cell::Text(|row| Some(row.measure.key.into())),
    ),
    Made::of("measure_ja", "its Japanese name", "指標名", Cell::Text(|row| Some(row.measure.ja.into()))),
    Made::of("measure_en", "its English name", "指標名（英語）", Cell::Text(|row| Some(row.measure.en.into()))),
    Made::of("year", "the calendar year", "年", Cell::Long(|row| Some(i64::from(row.year)))),
    Made::of(
        "outcome",
        "`outside` the denominator, `excluded`, `met`, `not-met` or `missing`",
        "判定",
        Cell::Text(|row| Some(row.outcome.code().into())),
    ),
    Made::of(
        "reason",
        "why it is outside (`no-diabetes`, `age`, `age-unknown`, `not-in-care`), excluded (`hospice`, `died`, `kidney-replacement`, \
         `moved-away`) or missing (`not-measured`, `not-consented`, `not-linked`, `cannot-be-said`, `does-not-apply`)",
        "理由",
        Cell::Text(|row| match &row.outcome {
            Outcome::Outside(why) => Some(why.code().into()),
            Outcome::Excluded(why) => Some(why.code().into()),
            Outcome::Missing(absent) => Some(absent.code().into()),
            Outcome::Met(_) | Outcome::NotMet(_) => None,
        }),
    ),
    Made::of(
        "note",
        "of what is missing: which value is needed, at which facilities, or why it cannot be said",
        "補足",
        Cell::Text(|row| match &row.outcome {
            Outcome::Missing(absent) => note(absent).map(Cow::from),
            _ => None,
        }),
    ),
    Made::of(
        "counts",
        "whether the person counts in the numerator; NULL outside the denominator. A measure of poor results counts what is missing \
         too",
        "分子に数えるか",
        Cell::Flag(|row| row.measure.in_numerator(&row.outcome)),
    ),
    Made::of(
        "at",
        "moment of the latest fact it rests on",
        "根拠となる最新の事実の日時",
        Cell::Time(|row| match &row.outcome {
            Outcome::Met(found) | Outcome::NotMet(found) => Some(found.at),
            _ => None,
        }),
    ),
    Made::of(
        "source",
        "the facilities whose facts it rests on",
        "根拠の施設",
        Cell::Texts(|row| match &row.outcome {
            Outcome::Met(found) | Outcome::NotMet(found) => {
                found.sources.iter().map(FacilityId::as_str).map(Cow::from).collect()
            }
            _ => Vec::new(),
        }),
    ),
];

impl Ask for Measures {
    type Row = Measured;
    const NAME: &'static str = "DiabetesMeasures";

    fn columns() -> &'static [Made<Measured>] {
        MEASURED
    }
    fn rows(&self, number: &str, person: &Person<'_>, into: &mut Vec<Measured>) {
        let year = self.0;
        into.extend(QUALITY_MEASURES.iter().map(|measure| Measured {
            number: number.to_owned(),
            measure,
            year: year.year(),
            outcome: measure.of(person.facts(), person.tables(), year),
        }));
    }
}

// === Programme ===

/// What is asked: the definitions of 糖尿病性腎症重症化予防プログラム.
pub(super) struct Prevention;

pub(super) struct Prevented {
    number: String,
    programme: Programme,
}

fn words(words: &[&'static str]) -> Vec<Cow<'static, str>> {
    words.iter().copied().map(Cow::from).collect()
}

const PREVENTED: &[Made<Prevented>] = &[
    Made::of(
        "my_patient_id",
        "the viewing facility's own number of the person",
        "自施設の患者番号",
        Cell::Text(|row| Some(row.number.as_str().into())),
    ),
    Made::of(
        "version",
        "the edition of the definitions (docs/diabetes.md)",
        "定義の版",
        Cell::Text(|_| Some(PROGRAMME_VERSION.into())),
    ),
    Made::of(
        "diabetes",
        "the grounds for diabetes that hold",
        "糖尿病の該当理由",
        Cell::Texts(|row| words(&row.programme.diabetes)),
    ),
    Made::of(
        "kidney",
        "the grounds for kidney damage that hold",
        "腎障害の該当理由",
        Cell::Texts(|row| words(&row.programme.kidney)),
    ),
    Made::of(
        "suspicion",
        "the grounds to look closer",
        "腎機能低下の疑い",
        Cell::Texts(|row| words(&row.programme.suspicion)),
    ),
    Made::of("treated", "whether it is treated now", "治療中か", Cell::Flag(|row| Some(row.programme.treated))),
    Made::of(
        "group",
        "`see-doctor` (受診勧奨), `guidance` (保健指導), or NULL for nothing",
        "対象区分",
        Cell::Text(|row| row.programme.group.map(|group| group.code().into())),
    ),
];

impl Ask for Prevention {
    type Row = Prevented;
    const NAME: &'static str = "DiabetesProgramme";

    fn columns() -> &'static [Made<Prevented>] {
        PREVENTED
    }
    fn rows(&self, number: &str, person: &Person<'_>, into: &mut Vec<Prevented>) {
        let programme = programme(person.facts(), person.tables(), person.now());
        into.push(Prevented { number: number.to_owned(), programme });
    }
}

/// The columns of `diabetes_measures`, documented.
pub(super) fn measured() -> impl Iterator<Item = &'static Column> {
    MEASURED.iter().map(|made| &made.column)
}

/// The columns of `diabetes_programme`, documented.
pub(super) fn prevented() -> impl Iterator<Item = &'static Column> {
    PREVENTED.iter().map(|made| &made.column)
}
