//! `diabetes_course()`: what was measured, examined and visited, day by day; what the shared-care booklet's table is made of.

use super::asked::Ask;
use crate::lab::cells::{Cell, Made};
use clinical::diabetes::{Measure, Observation, Person, day_of, filtrations};
use clinical::lab::Span;
use model::{FacilityId, Moment};
use views::table::Column;

/// What is asked: everything, of every person.
pub(super) struct Course;

/// Something of a day.
pub(super) struct Happened {
    number: String,
    at: Moment,
    source: FacilityId,
    item: &'static str,
    value: Option<f64>,
    text: Option<String>,
    unit: &'static str,
    converted: bool,
    inpatient: bool,
}

const HAPPENED: &[Made<Happened>] = &[
    Made::of(
        "my_patient_id",
        "the viewing facility's own number of the person",
        "自施設の患者番号",
        Cell::Text(|row| Some(row.number.as_str().into())),
    ),
    Made::of(
        "day",
        "the day in Japan, as `2026-03-31`",
        "日付（日本）",
        Cell::Text(|row| Some(day_of(row.at).to_string().into())),
    ),
    Made::of("at", "when it was true", "日時", Cell::Time(|row| Some(row.at))),
    Made::of(
        "item",
        "what: a measure's name (`hba1c`, `systolic`, `egfr` …), or `eye`, `foot`, `dental`, `guidance`, `smoking`, `dasc8`, `visit`",
        "項目",
        Cell::Text(|row| Some(row.item.into())),
    ),
    Made::of("value", "the number, where it is one", "数値", Cell::Float(|row| row.value)),
    Made::of(
        "text",
        "a measured bound such as `<5.0`, what was found, or the class of a visit",
        "境界値・所見・受診区分",
        Cell::Text(|row| row.text.as_deref().map(Into::into)),
    ),
    Made::of(
        "unit",
        "the number's unit (UCUM)",
        "単位",
        Cell::Text(|row| Some(row.unit).filter(|unit| !unit.is_empty()).map(Into::into)),
    ),
    Made::of("source", "the facility it comes from", "開示施設", Cell::Text(|row| Some(row.source.as_str().into()))),
    Made::of("converted", "computed from another scale (JDS, IFCC)", "換算値", Cell::Flag(|row| Some(row.converted))),
    Made::of("inpatient", "taken during an admission", "入院中", Cell::Flag(|row| Some(row.inpatient))),
];

impl Ask for Course {
    type Row = Happened;
    const NAME: &'static str = "DiabetesCourse";

    fn columns() -> &'static [Made<Happened>] {
        HAPPENED
    }
    fn rows(&self, number: &str, person: &Person<'_>, into: &mut Vec<Happened>) {
        let (facts, now) = (person.facts(), person.now());
        let row = |item, at, source: &FacilityId| Happened {
            number: number.to_owned(),
            at,
            source: source.clone(),
            item,
            value: None,
            text: None,
            unit: "",
            converted: false,
            inpatient: false,
        };
        // eGFR as it is computed everywhere, which is not always as it was reported
        for measure in Measure::all().filter(|measure| *measure != Measure::Egfr) {
            into.extend(facts.values(measure, now).into_iter().map(|one| {
                let value = one.value.number();
                let text = value.is_none().then(|| bound(&one.value.value()));
                let (unit, converted, inpatient) = (measure.unit(), one.value.is_converted(), one.value.is_inpatient());
                Happened { value, text, unit, converted, inpatient, ..row(measure.key(), one.at, &one.source) }
            }));
        }
        into.extend(filtrations(facts, now).into_iter().map(|(at, source, found)| {
            let (unit, inpatient) = (Measure::Egfr.unit(), found.inpatient);
            Happened { value: Some(found.value), unit, inpatient, ..row(Measure::Egfr.key(), at, source) }
        }));
        for one in facts.observations.iter().filter(|one| one.at <= now) {
            let Some((item, found)) = observed(one.value) else { continue };
            let text = found.map(str::to_owned);
            let value = if let Observation::Dasc8(sum) = one.value { Some(f64::from(sum)) } else { None };
            into.push(Happened { text, value, ..row(item, one.at, &one.source) });
        }
        for one in facts.visits.iter().filter(|one| one.at <= now && !one.value.planned) {
            let text = Some(one.value.class.code().to_owned());
            into.push(Happened { text, ..row("visit", one.at, &one.source) });
        }
    }
}

/// What an observation is called here, with what was found; `None` of what is no part of a person's course.
fn observed(one: Observation) -> Option<(&'static str, Option<&'static str>)> {
    Some(match one {
        Observation::Eye(finding) => ("eye", finding.map(clinical::diabetes::Retinopathy::code)),
        Observation::Foot => ("foot", None),
        Observation::Dental => ("dental", None),
        Observation::Guidance => ("guidance", None),
        Observation::Smoking(said) => ("smoking", Some(said.code())),
        Observation::Dasc8(_) => ("dasc8", None),
        _ => return None,
    })
}

/// A bound as it is written in Japan and elsewhere.
pub(super) fn bound(span: &Span) -> String {
    match (span.low, span.high) {
        (Some((low, _)), Some((high, _))) => format!("{low}-{high}"),
        (None, Some((high, reached))) => format!("{}{high}", if reached { "<=" } else { "<" }),
        (Some((low, reached)), None) => format!("{}{low}", if reached { ">=" } else { ">" }),
        (None, None) => String::new(),
    }
}

/// The columns, documented.
pub(super) fn happened() -> impl Iterator<Item = &'static Column> {
    HAPPENED.iter().map(|made| &made.column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_said_as_it_was_measured() {
        let of = |low: Option<(&str, bool)>, high: Option<(&str, bool)>| {
            let end = |end: Option<(&str, bool)>| end.map(|(end, reached)| (end.parse().unwrap(), reached));
            bound(&Span { low: end(low), high: end(high) })
        };
        assert_eq!(of(None, Some(("5.0", false))), "<5.0");
        assert_eq!(of(Some(("400", true)), None), ">=400");
        assert_eq!(of(Some(("1", true)), Some(("5", true))), "1-5");
    }
}
