//! Each rule over a case: which of what was noted it takes, and which limits that reaches.
//!
//! Which values belong together is a choice of this project: a pulse and a pressure at most fifteen minutes apart, signs of one
//! hour, what tells of a bleeding within a day. What is older than that is missing.

mod bleeding;
mod coagulation;
mod early_warning;
mod glucose;
mod hypertension;
mod labour;
mod second_stage;

use super::fact::{Fact, HdpSign, LabMeasure, Noted};
use super::limit_key::{Finding, LimitKey};
use super::rule::{Case, Found, LimitReached, Missing, Rule, Said};
use crate::Source;
use crate::perinatal::maternal::{Delivery, MaternalLimit, Reached};
use model::{Category, FacilityId, Moment};

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// A pulse and a pressure that make a shock index.
const PAIR: i64 = 15 * MINUTE;
/// Signs that are scored together.
const TOGETHER: i64 = HOUR;
/// Signs of labour that are looked at together.
const LABOUR: i64 = 4 * HOUR;

/// A value with when and where.
#[derive(Clone, Copy)]
struct Value<'a> {
    value: f64,
    at: Moment,
    source: &'a FacilityId,
}

/// The figure of a fact, where it is of a kind.
type Figure = fn(&Fact) -> Option<f64>;

macro_rules! figure {
    ($kind:ident) => {
        |fact| if let Fact::$kind(value) = fact { Some(*value) } else { None }
    };
}

const PULSE: Figure = figure!(Pulse);
const SYSTOLIC: Figure = figure!(Systolic);
const DIASTOLIC: Figure = figure!(Diastolic);
const BREATHING: Figure = figure!(Breathing);
const TEMPERATURE: Figure = figure!(Temperature);
const SATURATION: Figure = figure!(Saturation);
const DILATATION: Figure = figure!(Dilatation);
const EFFACEMENT: Figure = figure!(Effacement);
const STATION: Figure = figure!(Station);
const CONTRACTIONS: Figure = figure!(Contractions);
const DIC: Figure = figure!(DicScore);
const URINE: Figure = figure!(Urine);
const LOST: Figure = |fact| if let Fact::BloodLoss(value, _) = fact { Some(*value) } else { None };
const FIBRINOGEN: Figure = |fact| lab(fact, LabMeasure::Fibrinogen);

fn lab(fact: &Fact, which: LabMeasure) -> Option<f64> {
    match fact {
        Fact::Lab(measure, value) if *measure == which => Some(*value),
        _ => None,
    }
}

fn missing(what: &'static str, category: Category) -> Missing {
    Missing { what, category }
}

impl Found {
    fn new() -> Self {
        Self { said: Said::CannotBeSaid, class: None, reached: vec![], missing: vec![], used: vec![] }
    }
    fn uses(&mut self, values: impl IntoIterator<Item = Option<(Moment, FacilityId)>>) {
        self.used.extend(values.into_iter().flatten());
    }
    fn lacks(&mut self, lacks: bool, what: &'static str, category: Category) {
        if lacks {
            self.missing.push(missing(what, category));
        }
    }
}

impl Value<'_> {
    fn origin(&self) -> (Moment, FacilityId) {
        (self.at, self.source.clone())
    }
}

fn origin(value: Option<Value<'_>>) -> Option<(Moment, FacilityId)> {
    value.map(|value| value.origin())
}

impl<'a> Case<'a> {
    /// What a rule finds; `None` where it is not asked.
    pub(super) fn find(&self, rule: Rule) -> Option<Found> {
        match rule {
            Rule::Haemorrhage => self.bleeding(),
            Rule::ObstetricDic => self.obstetric_dic(),
            Rule::BloodLoss => self.lost(),
            Rule::Crisis => Some(self.crisis()),
            Rule::Hypertension => Some(self.hypertension()),
            Rule::Meows => self.meows(),
            Rule::EarlyWarning => self.early_warning(),
            Rule::LabourCare => self.labour(),
            Rule::SecondStage => self.second_stage(),
            Rule::Bishop => self.bishop(),
            Rule::Glucose => Some(self.glucose()),
        }
    }

    fn values(&self, of: Figure) -> impl DoubleEndedIterator<Item = Value<'a>> {
        self.notes.iter().filter_map(move |note| {
            let note: &'a Noted = note;
            of(&note.fact).map(|value| Value { value, at: note.at, source: &note.source })
        })
    }

    /// The newest figure that is not older than a moment.
    fn newest(&self, of: Figure, from: Moment) -> Option<Value<'a>> {
        self.values(of).next_back().filter(|value| value.at >= from)
    }

    fn reached(&self, one: Reached, at: Moment) -> LimitReached {
        let row = one.limit.row();
        LimitReached {
            key: LimitKey::Figure(one.limit),
            limit: Some(self.tables.maternal.value(one.limit)),
            value: Some(one.value),
            unit: row.unit,
            at,
            since: at,
            source: self.tables.maternal.source(one.limit),
            monitor: false,
        }
    }

    /// Something that is no number, found at a moment.
    fn finding(finding: Finding, at: Moment, source: Option<Source>) -> LimitReached {
        let key = LimitKey::Finding(finding);
        LimitReached { key, limit: None, value: None, unit: "", at, since: at, source, monitor: false }
    }

    fn delivery(&self) -> Option<Delivery> {
        self.of.ending.as_ref().filter(|_| self.born.is_some()).and_then(|ending| ending.delivery)
    }

    fn children(&self) -> u8 {
        let registered = self.of.record.registration.as_ref().and_then(|one| one.children);
        let born = u8::try_from(self.of.newborns.len()).unwrap_or(u8::MAX);
        registered.unwrap_or(1).max(born).max(1)
    }

    // === bleeding ===

    /// The newest pulse that has a systolic pressure at most fifteen minutes away, and that pressure.
    fn pair(&self) -> Option<(Value<'a>, Value<'a>)> {
        // a monitor has hundreds of pulses to a pressure
        let pressures: Vec<Value<'a>> = self.values(SYSTOLIC).collect();
        self.values(PULSE).rev().filter(|_| !pressures.is_empty()).find_map(|pulse| {
            let apart = |one: &Value<'_>| one.at.since(pulse.at).abs();
            let near = pressures.iter().copied().filter(|one| apart(one) <= PAIR).min_by_key(apart)?;
            Some((pulse, near))
        })
    }

    // === blood pressure ===

    // === early warning ===

    // === labour ===

    // === glucose ===
}
