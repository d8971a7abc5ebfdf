//! Each rule over a case: which of what was noted it takes, and which limits that reaches.
//!
//! Which values belong together is a choice of this project: a pulse and a pressure at most fifteen minutes apart, signs of one
//! hour, what tells of a bleeding within a day. What is older than that is missing.

mod coagulation;
mod second_stage;

use super::fact::{Fact, HdpSign, LabMeasure, Noted};
use super::pregnancies::pressures;
use super::rule::{Case, Found, LimitReached, Missing, Rule, Said};
use crate::diabetes::day_of;
use crate::perinatal::maternal::{
    Bleeding, Cervix, Colour, Consciousness, Crisis, Delivery, EarlySigns, Examination, Glucose, GlucoseClass,
    GlucoseFacts, Haemorrhage, HaemorrhageLevel, HaemorrhageReason, HdpClass, HdpFeature, HypertensionFacts,
    LabourSigns, Loss, MEOWS, MaternalLimit, Pressure, PressureClass, Reached, Sign, bishop, blood_loss, crisis,
    early_warning, glucose, haemorrhage, hdp, labour_alerts, meows, pressure_class, progress,
};
use crate::perinatal::pregnancy::{GestationalAge, History};
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
            key: row.key,
            limit: Some(self.tables.maternal.value(one.limit)),
            value: Some(one.value),
            unit: row.unit,
            at,
            since: at,
            source: self.tables.maternal.source(one.limit),
            monitor: false,
        }
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

    /// Blood noted from a day before the birth on; without one, within a day before the last that was noted.
    fn losses(&self) -> Vec<(Loss, &'a FacilityId)> {
        let Some(last) = self.values(LOST).next_back() else { return Vec::new() };
        let from = self.born.unwrap_or(last.at).plus_micros(-DAY);
        let noted = self.notes.iter().filter_map(|note| match note.fact {
            Fact::BloodLoss(millilitres, amount) => Some((Loss { at: note.at, millilitres, amount }, &note.source)),
            _ => None,
        });
        noted.filter(|(loss, _)| loss.at >= from).collect()
    }

    fn goes_on(&self, from: Moment) -> Option<(bool, Moment, &'a FacilityId)> {
        let said = self.notes.iter().rev().find_map(|note| match note.fact {
            Fact::GoesOn(goes_on) => Some((goes_on, note.at, &note.source)),
            _ => None,
        });
        said.filter(|(_, at, _)| *at >= from)
    }

    fn bleeding(&self) -> Option<Found> {
        let pair = self.pair();
        let losses = self.losses();
        let newest = [pair.map(|(pulse, _)| pulse.at), losses.last().map(|(loss, _)| loss.at)];
        let of_blood = [self.values(DIC).next_back(), self.values(FIBRINOGEN).next_back()];
        let of_blood_at = of_blood.iter().flatten().map(|value| value.at);
        let anchor = newest.into_iter().flatten().chain(of_blood_at).max()?;
        let from = anchor.plus_micros(-DAY);
        let pair = pair.filter(|(pulse, _)| pulse.at >= from);
        let (dic, fibrinogen) = (self.newest(DIC, from), self.newest(FIBRINOGEN, from));
        let goes_on = self.goes_on(from);
        let loss = (!losses.is_empty()).then(|| losses.iter().map(|(loss, _)| loss.millilitres).sum::<f64>());
        let rate = |delivery| {
            let bleeding = Bleeding {
                delivery,
                heart_rate: pair.map(|(pulse, _)| pulse.value),
                systolic: pair.map(|(_, systolic)| systolic.value),
                loss,
                dic_score: dic.map(|value| value.value),
                fibrinogen: fibrinogen.map(|value| value.value),
                goes_on_with_abnormal_signs: goes_on.is_some_and(|(goes_on, ..)| goes_on),
            };
            haemorrhage(&bleeding, &self.tables.maternal).ok()
        };
        let told: Haemorrhage = rate(self.delivery().unwrap_or(Delivery::Caesarean))?;
        // where it was not said how, what holds of both ways holds
        let open = self.delivery().is_none() && rate(Delivery::Vaginal)?.level != told.level;
        let asked = self.born.is_some()
            || loss.is_some()
            || dic.is_some()
            || goes_on.is_some()
            || open
            || told.level > Some(HaemorrhageLevel::BelowThreshold);
        if !asked {
            return None;
        }
        let mut found = Found::new();
        let loss_at = losses.last().map(|(loss, source)| (loss.at, FacilityId::clone(source)));
        for (_, reason) in &told.reasons {
            let at = |limit| match limit {
                MaternalLimit::LossVaginal | MaternalLimit::LossCaesarean => loss_at.as_ref().map(|(at, _)| *at),
                MaternalLimit::DicScore => dic.map(|value| value.at),
                MaternalLimit::Fibrinogen => fibrinogen.map(|value| value.at),
                _ => pair.map(|(pulse, systolic)| pulse.at.max(systolic.at)),
            };
            match reason {
                HaemorrhageReason::Limit(one) => {
                    found.reached.push(self.reached(*one, at(one.limit).unwrap_or(anchor)));
                }
                HaemorrhageReason::GoesOn => {
                    let at = goes_on.map_or(anchor, |(_, at, _)| at);
                    let source = Some(MaternalLimit::ShockCritical.row().source);
                    let key = "bleeding-goes-on";
                    found.reached.push(LimitReached {
                        key,
                        limit: None,
                        value: None,
                        unit: "",
                        at,
                        since: at,
                        source,
                        monitor: false,
                    });
                }
            }
        }
        found.uses([
            pair.map(|(pulse, _)| pulse.origin()),
            pair.map(|(_, systolic)| systolic.origin()),
            loss_at,
            origin(dic),
            origin(fibrinogen),
            goes_on.map(|(_, at, source)| (at, source.clone())),
        ]);
        found.said = match told.level {
            Some(_) if open => Said::CannotBeSaid,
            Some(HaemorrhageLevel::BelowThreshold) => Said::NotReached,
            Some(_) => Said::Reached,
            None => Said::CannotBeSaid,
        };
        found.class = told.level.filter(|_| !open).map(HaemorrhageLevel::code);
        found.lacks(open, "delivery", Category::Perinatal);
        if told.level < Some(HaemorrhageLevel::Critical) {
            found.lacks(pair.is_none(), "shock-index", Category::VitalSign);
            found.lacks(loss.is_none(), "blood-loss", Category::Perinatal);
            found.lacks(dic.is_none(), "dic-score", Category::Perinatal);
            found.lacks(fibrinogen.is_none(), "fibrinogen", Category::Laboratory);
        }
        Some(found)
    }

    fn lost(&self) -> Option<Found> {
        let losses = self.losses();
        let (last, source) = losses.last()?;
        let all: Vec<Loss> = losses.iter().map(|(loss, _)| *loss).collect();
        let of = |delivery| blood_loss(&all, self.until, (delivery, self.children()), &self.tables.maternal).ok();
        let told = of(self.delivery().unwrap_or(Delivery::Caesarean))?;
        let open =
            self.delivery().is_none() && of(Delivery::Vaginal)?.above_usual.is_some() && told.above_usual.is_none();
        let mut found = Found::new();
        found.uses([Some((last.at, FacilityId::clone(source)))]);
        found.reached.extend(told.above_usual.map(|one| self.reached(one, last.at)));
        found.lacks(open, "delivery", Category::Perinatal);
        (found.said, found.class) = match (found.reached.is_empty(), open) {
            (_, true) => (Said::CannotBeSaid, None),
            (true, false) => (Said::NotReached, Some("usual")),
            (false, false) => (Said::Reached, Some("above-usual")),
        };
        Some(found)
    }

    // === blood pressure ===

    fn pressures(&self) -> Vec<(Moment, Pressure)> {
        pressures(self.notes.iter().copied())
    }

    fn source_at(&self, at: Moment) -> Option<(Moment, FacilityId)> {
        let note = self.notes.iter().find(|note| note.at == at && matches!(note.fact, Fact::Systolic(_)))?;
        Some((at, note.source.clone()))
    }

    /// The limits of a pair that a pressure reaches.
    fn of_pressure(&self, (at, pressure): (Moment, Pressure), limits: [MaternalLimit; 2]) -> Vec<LimitReached> {
        let [systolic, diastolic] = limits;
        let table = &self.tables.maternal;
        let either =
            [table.from(systolic, Some(pressure.systolic())), table.from(diastolic, Some(pressure.diastolic()))];
        either.into_iter().flatten().map(|one| self.reached(one, at)).collect()
    }

    fn crisis(&self) -> Found {
        let mut found = Found::new();
        let known = self.pressures();
        let Some(last) = known.last().copied() else {
            found.lacks(true, "pressure", Category::VitalSign);
            return found;
        };
        found.uses([self.source_at(last.0)]);
        let severe = [MaternalLimit::SevereSystolic, MaternalLimit::SevereDiastolic];
        match crisis(&known, self.until, &self.tables.maternal) {
            Some(Crisis::Emergency { .. }) => {
                let limits = [MaternalLimit::EmergencySystolic, MaternalLimit::EmergencyDiastolic];
                found.reached = self.of_pressure(last, limits);
                (found.said, found.class) = (Said::Reached, Some("emergency"));
            }
            Some(Crisis::Persisting { since }) => {
                found.reached = self.of_pressure(last, severe);
                found.reached.iter_mut().for_each(|one| one.since = since);
                (found.said, found.class) = (Said::Reached, Some("persisting"));
            }
            None if pressure_class(last.1, &self.tables.maternal) >= PressureClass::Severe => {
                // one severe pressure, and nobody has measured again
                found.lacks(true, "pressure-again", Category::VitalSign);
                found.class = Some(PressureClass::Severe.code());
            }
            None => (found.said, found.class) = (Said::NotReached, Some("none")),
        }
        found
    }

    /// The most extreme laboratory value from a moment on.
    fn worst(&self, which: LabMeasure, from: Moment, lowest: bool) -> Option<Value<'a>> {
        let of = self.notes.iter().filter(|note| note.at >= from).filter_map(|note| {
            let note: &'a Noted = note;
            lab(&note.fact, which).map(|value| Value { value, at: note.at, source: &note.source })
        });
        if lowest {
            of.min_by(|a, b| a.value.total_cmp(&b.value))
        } else {
            of.max_by(|a, b| a.value.total_cmp(&b.value))
        }
    }

    fn sign(&self, which: HdpSign, from: Moment) -> Option<(bool, Moment)> {
        let of = self.notes.iter().filter(|note| note.at >= from).filter_map(|note| match note.fact {
            Fact::Sign(sign, found) if sign == which => Some((found, note.at)),
            _ => None,
        });
        // found once is found
        of.max_by_key(|(found, at)| (*found, *at))
    }

    fn known_before(&self, history: History, is: fn(&Fact) -> Option<bool>) -> bool {
        let registered = self.of.record.registration.as_ref().is_some_and(|one| one.history.contains(&history));
        registered
            || self
                .notes
                .iter()
                .any(|note| is(&note.fact).is_some_and(|by_code| by_code || day_of(note.at) < self.of.begun))
    }

    fn hypertension(&self) -> Found {
        let mut found = Found::new();
        let table = &self.tables.maternal;
        let known: Vec<(Moment, Pressure)> =
            // what a bed's cuff measured is of the day, and gone with it: a disorder rests on what was written down
            pressures(self.notes.iter().copied().filter(|note| !note.monitor))
                .into_iter()
                .filter(|(at, _)| day_of(*at) >= self.of.begun)
                .collect();
        let high = |one: &(Moment, Pressure)| pressure_class(one.1, table) >= PressureClass::Hypertensive;
        let rank = |one: &(Moment, Pressure)| (pressure_class(one.1, table), (one.1.systolic() * 10.0) as i64, one.0);
        let highs: Vec<(Moment, Pressure)> = known.iter().copied().filter(high).collect();
        let (Some((onset_at, _)), Some((highest_at, highest))) =
            (highs.first().copied(), highs.iter().copied().max_by_key(rank))
        else {
            found.uses([known.last().and_then(|(at, _)| self.source_at(*at))]);
            found.lacks(known.is_empty(), "pressure", Category::VitalSign);
            if !known.is_empty() {
                (found.said, found.class) = (Said::NotReached, Some(PressureClass::NotHypertensive.code()));
            }
            return found;
        };
        found.uses([self.source_at(onset_at), self.source_at(highest_at)]);
        let limits = if pressure_class(highest, table) >= PressureClass::Severe {
            [MaternalLimit::SevereSystolic, MaternalLimit::SevereDiastolic]
        } else {
            [MaternalLimit::Systolic, MaternalLimit::Diastolic]
        };
        found.reached = self.of_pressure((highest_at, highest), limits);
        found
            .reached
            .iter_mut()
            .for_each(|one| one.since = if one.key.starts_with("severe") { one.since } else { onset_at });
        found.said = Said::Reached;
        let Some(onset) = self.aged(onset_at) else {
            found.lacks(true, "due-date", Category::Perinatal);
            found.class = Some(PressureClass::Hypertensive.code());
            return found;
        };
        self.disorder((onset, highest), &mut found);
        found
    }

    /// The age at a moment; after the birth, past the oldest age, the oldest.
    fn aged(&self, at: Moment) -> Option<GestationalAge> {
        let due = self.of.record.due?;
        let past = due.day_of(GestationalAge::OLDEST).is_some_and(|last| day_of(at) > last);
        if past { Some(GestationalAge::OLDEST) } else { due.age_at(at) }
    }

    /// Which disorder it is, by what was found since twenty weeks.
    fn disorder(&self, (onset, pressure): (GestationalAge, Pressure), found: &mut Found) {
        let twenty = i64::from((self.tables.maternal.value(MaternalLimit::HdpWeek) * 7.0) as u16) * DAY;
        let from =
            crate::diabetes::start_of(self.of.begun).map(|begun| begun.plus_micros(twenty)).unwrap_or(self.until);
        let worst = |which, lowest| self.worst(which, from, lowest);
        let (day, ratio) = (worst(LabMeasure::ProteinDay, false), worst(LabMeasure::ProteinRatio, false));
        let (ast, alt) = (worst(LabMeasure::Ast, false), worst(LabMeasure::Alt, false));
        let (creatinine, platelets) = (worst(LabMeasure::Creatinine, false), worst(LabMeasure::Platelets, true));
        let [neurological, coagulation, pain, uteroplacental] =
            [HdpSign::Neurological, HdpSign::Coagulation, HdpSign::Pain, HdpSign::Uteroplacental]
                .map(|sign| self.sign(sign, from));
        let number = |value: Option<Value<'_>>| value.map(|value| value.value);
        let said = |sign: Option<(bool, Moment)>| sign.map(|(found, _)| found);
        let now = self.aged(self.until).unwrap_or(onset);
        let facts = HypertensionFacts {
            pressure,
            onset,
            now,
            known_before: self.known_before(History::Hypertension, |fact| match fact {
                Fact::Hypertension(by_code) => Some(*by_code),
                _ => None,
            }),
            protein_day: number(day),
            protein_ratio: number(ratio),
            ast: number(ast),
            alt: number(alt),
            creatinine: number(creatinine),
            platelets: number(platelets),
            neurological: said(neurological),
            coagulation: said(coagulation),
            pain: said(pain),
            uteroplacental: said(uteroplacental),
        };
        let Some(told) = hdp(&facts, &self.tables.maternal) else { return };
        found.class = Some(match (told.class, told.severe) {
            (HdpClass::GestationalHypertension, false) => "GH",
            (HdpClass::GestationalHypertension, true) => "GH-severe",
            (HdpClass::Preeclampsia, false) => "PE",
            (HdpClass::Preeclampsia, true) => "PE-severe",
            (HdpClass::ChronicHypertension, false) => "CH",
            (HdpClass::ChronicHypertension, true) => "CH-severe",
            (HdpClass::SuperimposedPreeclampsia, false) => "SPE",
            (HdpClass::SuperimposedPreeclampsia, true) => "SPE-severe",
        });
        found.uses([day, ratio, ast, alt, creatinine, platelets].map(origin));
        for feature in &told.features {
            let (key, at) = match feature {
                HdpFeature::Protein(one) | HdpFeature::Organ(one) => {
                    let of = [day, ratio, ast, alt, creatinine, platelets].into_iter().flatten();
                    let at = of.filter(|value| value.value == one.value).map(|value| value.at).min();
                    found.reached.push(self.reached(*one, at.unwrap_or(self.until)));
                    continue;
                }
                HdpFeature::Neurological => ("neurological", neurological),
                HdpFeature::Coagulation => ("coagulation", coagulation),
                HdpFeature::Pain => ("abdominal-pain", pain),
                HdpFeature::Uteroplacental => ("uteroplacental", uteroplacental),
            };
            let at = at.map_or(self.until, |(_, at)| at);
            let source = Some(MaternalLimit::HdpWeek.row().source);
            found.reached.push(LimitReached {
                key,
                limit: None,
                value: None,
                unit: "",
                at,
                since: at,
                source,
                monitor: false,
            });
        }
        // with a feature found, another changes nothing of the kind
        if told.features.is_empty() {
            for what in told.not_looked_at {
                let category = match what {
                    "protein" | "transaminases" | "creatinine" | "platelets" => Category::Laboratory,
                    _ => Category::Perinatal,
                };
                found.lacks(true, what, category);
            }
        }
    }

    // === early warning ===

    fn meows(&self) -> Option<Found> {
        const SIGNS: [(Sign, Figure, &str, &str); 6] = [
            (Sign::Systolic, SYSTOLIC, "systolic", "mmHg"),
            (Sign::Diastolic, DIASTOLIC, "diastolic", "mmHg"),
            (Sign::HeartRate, PULSE, "pulse", "bpm"),
            (Sign::Breathing, BREATHING, "breathing", "/min"),
            (Sign::Temperature, TEMPERATURE, "temperature", "Cel"),
            (Sign::Saturation, SATURATION, "saturation", "%"),
        ];
        let newest = SIGNS.iter().filter_map(|(_, of, ..)| self.values(*of).next_back()).map(|value| value.at).max()?;
        let from = newest.plus_micros(-TOGETHER);
        let awake = self.awake(from);
        let taken: Vec<(Sign, &str, &str, Value<'a>)> = SIGNS
            .iter()
            .filter_map(|(sign, of, name, unit)| self.newest(*of, from).map(|value| (*sign, *name, *unit, value)))
            .collect();
        let signs: Vec<(Sign, f64)> = taken.iter().map(|(sign, _, _, value)| (*sign, value.value)).collect();
        let told = meows(&signs, awake.map(|(awake, ..)| awake), &self.tables.meows).ok()?;
        let mut found = Found::new();
        found.uses(taken.iter().map(|(.., value)| Some(value.origin())));
        found.uses([awake.map(|(_, at, source)| (at, source.clone()))]);
        let own = self.tables.meows.version() != crate::perinatal::maternal::MEOWS_VERSION;
        let source = (!own).then_some(MEOWS);
        let mut coloured = told.coloured.clone();
        coloured.sort_by_key(|(sign, colour)| (std::cmp::Reverse(*colour), *sign));
        if told.less_than_alert == Some(true) {
            let at = awake.map_or(newest, |(_, at, _)| at);
            let key = "meows-red-consciousness";
            found.reached.push(LimitReached {
                key,
                limit: None,
                value: None,
                unit: "",
                at,
                since: at,
                source,
                monitor: false,
            });
        }
        for (sign, colour) in coloured {
            let Some((_, name, unit, value)) = taken.iter().find(|(of, ..)| *of == sign) else { continue };
            let limit =
                self.tables.meows.rows().iter().find(|row| row.sign == sign).and_then(|row| row.limit_of(value.value));
            let (value, at) = (Some(value.value), value.at);
            found.reached.push(LimitReached {
                key: meows_key(colour, name),
                limit,
                value,
                unit,
                at,
                since: at,
                source,
                monitor: false,
            });
        }
        if told.calls.is_none() {
            for sign in &told.missing {
                let name = SIGNS.iter().find(|(of, ..)| of == sign).map_or("sign", |(_, _, name, _)| *name);
                found.lacks(true, name, Category::VitalSign);
            }
            found.lacks(told.less_than_alert.is_none(), "consciousness", Category::Perinatal);
        }
        (found.said, found.class) = match told.calls {
            Some(true) => (Said::Reached, Some("calls")),
            Some(false) => (Said::NotReached, Some("does-not-call")),
            None => (Said::CannotBeSaid, None),
        };
        Some(found)
    }

    /// Urine below the limit hour after hour, the last hour first: the last value and how many hours.
    fn urine(&self) -> Option<(Value<'a>, f64, bool)> {
        let limit = self.tables.maternal.value(MaternalLimit::MercUrine);
        let mut of = self.values(URINE).rev();
        let last = of.next()?;
        if last.value >= limit {
            return Some((last, 1.0, true));
        }
        let (mut hours, mut before, mut whole) = (1.0, last.at, false);
        for value in of {
            if value.at == before {
                continue;
            }
            if before.since(value.at) > 3 * HOUR / 2 {
                break;
            }
            if value.value >= limit {
                whole = true;
                break;
            }
            hours += 1.0;
            before = value.at;
        }
        Some((last, hours, whole))
    }

    fn early_warning(&self) -> Option<Found> {
        const SIGNS: [(Figure, &str); 5] = [
            (SYSTOLIC, "systolic"),
            (DIASTOLIC, "diastolic"),
            (PULSE, "pulse"),
            (BREATHING, "breathing"),
            (SATURATION, "saturation"),
        ];
        let urine = self.urine();
        let signs = SIGNS.iter().filter_map(|(of, _)| self.values(*of).next_back()).map(|value| value.at);
        let newest = signs.chain(urine.map(|(value, ..)| value.at)).max()?;
        let from = newest.plus_micros(-LABOUR);
        let taken @ [systolic, diastolic, pulse, breathing, saturation] = SIGNS.map(|(of, _)| self.newest(of, from));
        let urine = urine.filter(|(value, ..)| value.at >= from);
        let awake = self.awake(from);
        let number = |value: Option<Value<'_>>| value.map(|value| value.value);
        let signs = EarlySigns {
            systolic: number(systolic),
            diastolic: number(diastolic),
            pulse: number(pulse),
            breathing: number(breathing),
            saturation: number(saturation),
            urine: urine.map(|(value, hours, _)| (value.value, hours)),
        };
        let mut found = Found::new();
        found.uses(taken.map(origin));
        found.uses([urine.map(|(value, ..)| value.origin()), awake.map(|(_, at, source)| (at, source.clone()))]);
        for one in early_warning(&signs, &self.tables.maternal) {
            let of = match one.limit {
                MaternalLimit::MercSystolicLow | MaternalLimit::MercSystolicHigh => systolic,
                MaternalLimit::MercDiastolicHigh => diastolic,
                MaternalLimit::MercPulseLow | MaternalLimit::MercPulseHigh => pulse,
                MaternalLimit::MercBreathingLow | MaternalLimit::MercBreathingHigh => breathing,
                MaternalLimit::MercSaturation => saturation,
                _ => urine.map(|(value, ..)| value),
            };
            found.reached.push(self.reached(one, of.map_or(newest, |value| value.at)));
        }
        if let Some((_, at, _)) = awake.filter(|(awake, ..)| *awake != Consciousness::Alert) {
            let source = Some(MaternalLimit::MercPulseLow.row().source);
            let key = "merc-consciousness";
            found.reached.push(LimitReached {
                key,
                limit: None,
                value: None,
                unit: "",
                at,
                since: at,
                source,
                monitor: false,
            });
        }
        if found.reached.is_empty() {
            for ((_, name), value) in SIGNS.iter().zip(&taken) {
                found.lacks(value.is_none(), name, Category::VitalSign);
            }
            found.lacks(awake.is_none(), "consciousness", Category::Perinatal);
            let limit = self.tables.maternal.value(MaternalLimit::MercUrineHours);
            // too little in the last hour, and the hours before are not known
            let open = urine.is_none_or(|(value, hours, whole)| {
                !whole && hours < limit && value.value < self.tables.maternal.value(MaternalLimit::MercUrine)
            });
            found.lacks(open, "urine", Category::Perinatal);
        }
        (found.said, found.class) = match (found.reached.is_empty(), found.missing.is_empty()) {
            (false, _) => (Said::Reached, Some("calls")),
            (true, true) => (Said::NotReached, Some("does-not-call")),
            (true, false) => (Said::CannotBeSaid, None),
        };
        Some(found)
    }

    /// How awake she is, as it was noted last, not before a moment.
    fn awake(&self, from: Moment) -> Option<(Consciousness, Moment, &'a FacilityId)> {
        let said = self.notes.iter().rev().find_map(|note| {
            let note: &'a Noted = note;
            match note.fact {
                Fact::Awake(awake) => Some((awake, note.at, &note.source)),
                _ => None,
            }
        });
        said.filter(|(_, at, _)| *at >= from)
    }

    // === labour ===

    /// The examinations of the labour that goes on, in order; `None` where she is in none.
    fn examined(&self) -> Option<Vec<Value<'a>>> {
        let mut examined: Vec<Value<'a>> = self.values(DILATATION).collect();
        let last = examined.last()?.at;
        if self.until.since(last) > DAY || examined.iter().all(|one| one.value < 5.0) {
            return None;
        }
        // an earlier examination of another labour, or of none, says nothing of this one
        let pairs = examined.iter().rev().zip(examined.iter().rev().skip(1));
        let near = pairs.take_while(|(after, before)| after.at.since(before.at) <= DAY);
        let from = near.last().map_or(last, |(_, before)| before.at);
        examined.retain(|one| one.at >= from);
        Some(examined)
    }

    fn labour(&self) -> Option<Found> {
        if self.born.is_some() {
            return None;
        }
        let examined = self.examined()?;
        let last = examined.last()?;
        let examinations: Vec<Examination> =
            examined.iter().map(|one| Examination { at: one.at, dilatation: one.value }).collect();
        let progress = progress(&examinations, self.until, &self.tables.maternal).ok()??;
        let newest = |of| self.newest(of, self.until.plus_micros(-LABOUR));
        let fetal = self.fetal_rates(self.until.plus_micros(-LABOUR));
        let [systolic, pulse, temperature, contractions] = [SYSTOLIC, PULSE, TEMPERATURE, CONTRACTIONS].map(newest);
        let number = |value: Option<Value<'_>>| value.map(|value| value.value);
        let signs = LabourSigns {
            fetal_rate: fetal.first().map(|value| value.value),
            systolic: number(systolic),
            pulse: number(pulse),
            temperature: number(temperature),
            contractions: number(contractions),
        };
        let mut found = Found::new();
        found.uses(fetal.iter().map(|value| Some(value.origin())));
        found.uses([Some(last.origin()), origin(systolic), origin(pulse), origin(temperature), origin(contractions)]);
        if let Some(alert) = progress.alert {
            let hours = self.tables.maternal.value(alert.limit);
            let since = progress.since.plus_micros((hours * HOUR as f64) as i64);
            found.reached.push(LimitReached { since, ..self.reached(alert, last.at) });
        }
        let others =
            fetal.iter().skip(1).map(|value| LabourSigns { fetal_rate: Some(value.value), ..LabourSigns::default() });
        for one in std::iter::once(signs).chain(others).flat_map(|signs| labour_alerts(&signs, &self.tables.maternal)) {
            let of = match one.limit {
                MaternalLimit::LcgFetalLow | MaternalLimit::LcgFetalHigh => {
                    fetal.iter().copied().find(|value| value.value == one.value)
                }
                MaternalLimit::LcgSystolicLow | MaternalLimit::LcgSystolicHigh => systolic,
                MaternalLimit::LcgPulseLow | MaternalLimit::LcgPulseHigh => pulse,
                MaternalLimit::LcgTemperature => temperature,
                _ => contractions,
            };
            found.reached.push(self.reached(one, of.map_or(last.at, |value| value.at)));
        }
        if found.reached.is_empty() {
            found.lacks(fetal.len() < usize::from(self.children()), "fetal-heart-rate", Category::Perinatal);
            found.lacks(systolic.is_none(), "systolic", Category::VitalSign);
            found.lacks(pulse.is_none(), "pulse", Category::VitalSign);
            found.lacks(temperature.is_none(), "temperature", Category::VitalSign);
            found.lacks(contractions.is_none(), "contractions", Category::Perinatal);
        }
        (found.said, found.class) = match (found.reached.is_empty(), found.missing.is_empty()) {
            (false, _) => (Said::Reached, Some("alert")),
            (true, true) => (Said::NotReached, Some("no-alert")),
            (true, false) => (Said::CannotBeSaid, None),
        };
        Some(found)
    }

    /// The newest heart rate of each fetus that is not older than a moment.
    fn fetal_rates(&self, from: Moment) -> Vec<Value<'a>> {
        let mut newest: std::collections::BTreeMap<u8, Value<'a>> = std::collections::BTreeMap::new();
        for note in self.notes.iter().filter(|note| note.at >= from) {
            let note: &'a Noted = note;
            if let Fact::FetalRate(fetus, value) = note.fact {
                newest.insert(fetus, Value { value, at: note.at, source: &note.source });
            }
        }
        newest.into_values().collect()
    }

    fn bishop(&self) -> Option<Found> {
        if self.born.is_some() || self.of.age.is_none() && self.of.record.due.is_some() {
            return None;
        }
        let is_cervix = |fact: &Fact| Rule::Bishop.asks(fact);
        let newest = self.notes.iter().rev().find(|note| is_cervix(&note.fact))?.at;
        let from = newest.plus_micros(-TOGETHER);
        let word = |of: fn(&Fact) -> bool| self.notes.iter().rev().find(|note| note.at >= from && of(&note.fact));
        let (dilatation, effacement, station) =
            (self.newest(DILATATION, from), self.newest(EFFACEMENT, from), self.newest(STATION, from));
        let firm = word(|fact| matches!(fact, Fact::Firm(_)));
        let points = word(|fact| matches!(fact, Fact::Points(_)));
        let mut found = Found::new();
        found.uses([origin(dilatation), origin(effacement), origin(station)]);
        found.uses([firm, points].map(|note| note.map(|note| (note.at, note.source.clone()))));
        let consistency = firm.and_then(|note| if let Fact::Firm(firm) = note.fact { Some(firm) } else { None });
        let position = points.and_then(|note| if let Fact::Points(points) = note.fact { Some(points) } else { None });
        let (Some(dilatation), Some(effacement), Some(station), Some(consistency), Some(position)) =
            (dilatation, effacement, station, consistency, position)
        else {
            found.lacks(dilatation.is_none(), "dilatation", Category::Perinatal);
            found.lacks(effacement.is_none(), "effacement", Category::Perinatal);
            found.lacks(station.is_none(), "station", Category::Perinatal);
            found.lacks(consistency.is_none(), "consistency", Category::Perinatal);
            found.lacks(position.is_none(), "position", Category::Perinatal);
            return Some(found);
        };
        let (dilatation, effacement, station) = (dilatation.value, effacement.value, station.value);
        let told =
            bishop(&Cervix { dilatation, effacement, station, consistency, position }, &self.tables.maternal).ok()?;
        let score = Reached { limit: MaternalLimit::Ripe, value: f64::from(told.score) };
        (found.said, found.class) = if told.ripe {
            found.reached.push(self.reached(score, newest));
            (Said::Reached, Some("ripe"))
        } else {
            (Said::NotReached, Some("not-ripe"))
        };
        Some(found)
    }

    // === glucose ===

    fn glucose(&self) -> Found {
        let begun = crate::diabetes::start_of(self.of.begun).unwrap_or(self.until);
        let until = self.born.unwrap_or(self.until);
        let highest = |which| {
            let of = self.notes.iter().filter(|note| note.at >= begun && note.at <= until).filter_map(|note| {
                let note: &'a Noted = note;
                lab(&note.fact, which).map(|value| Value { value, at: note.at, source: &note.source })
            });
            of.max_by(|a, b| a.value.total_cmp(&b.value))
        };
        let measures = [
            LabMeasure::GlucoseFasting,
            LabMeasure::GlucoseOneHour,
            LabMeasure::GlucoseTwoHours,
            LabMeasure::GlucoseCasual,
            LabMeasure::Hba1c,
        ];
        let values @ [fasting, one_hour, two_hours, casual, hba1c] = measures.map(highest);
        let number = |value: Option<Value<'_>>| value.map(|value| value.value);
        let facts = GlucoseFacts {
            before: self.known_before(History::Diabetes, |fact| match fact {
                Fact::Diabetes(by_code) => Some(*by_code),
                _ => None,
            }),
            fasting: number(fasting),
            one_hour: number(one_hour),
            two_hours: number(two_hours),
            casual: number(casual),
            hba1c: number(hba1c),
        };
        let mut found = Found::new();
        found.uses(values.map(origin));
        let Ok(Glucose { class, reached, look_for_overt }) = glucose(&facts, &self.tables.maternal) else {
            return found;
        };
        for one in reached {
            let of = match one.limit {
                MaternalLimit::GlucoseFasting | MaternalLimit::OvertFasting => fasting,
                MaternalLimit::GlucoseOneHour => one_hour,
                MaternalLimit::GlucoseTwoHours => two_hours,
                MaternalLimit::OvertHba1c => hba1c,
                _ => casual.filter(|value| value.value == one.value).or(two_hours),
            };
            found.reached.push(self.reached(one, of.map_or(until, |value| value.at)));
        }
        // a test is whole when its three values are of one day
        let whole = self.loads(begun, until).iter().any(|day| day.iter().all(|taken| *taken));
        let class = if class == GlucoseClass::Neither && !whole { GlucoseClass::CannotBeSaid } else { class };
        if class == GlucoseClass::CannotBeSaid {
            let of_last = self.loads(begun, until).pop().unwrap_or([false; 3]);
            let names = ["glucose-fasting", "glucose-1h", "glucose-2h"];
            for (name, _) in names.into_iter().zip(of_last).filter(|(_, taken)| !taken) {
                found.lacks(true, name, Category::Laboratory);
            }
        }
        found.said = match class {
            GlucoseClass::Neither if !look_for_overt => Said::NotReached,
            GlucoseClass::CannotBeSaid if !look_for_overt => Said::CannotBeSaid,
            _ => Said::Reached,
        };
        found.class = match class {
            GlucoseClass::CannotBeSaid | GlucoseClass::Neither if look_for_overt => Some("look-for-overt"),
            GlucoseClass::CannotBeSaid => None,
            class => Some(class.code()),
        };
        found
    }

    /// Of each day with a value of a 75 g test, which of the three it has.
    fn loads(&self, from: Moment, until: Moment) -> Vec<[bool; 3]> {
        let mut days: Vec<(crate::diabetes::Date, [bool; 3])> = Vec::new();
        for note in self.notes.iter().filter(|note| note.at >= from && note.at <= until) {
            let which = match note.fact {
                Fact::Lab(LabMeasure::GlucoseFasting, _) => 0,
                Fact::Lab(LabMeasure::GlucoseOneHour, _) => 1,
                Fact::Lab(LabMeasure::GlucoseTwoHours, _) => 2,
                _ => continue,
            };
            let day = day_of(note.at);
            if days.last().is_none_or(|(last, _)| *last != day) {
                days.push((day, [false; 3]));
            }
            if let Some(taken) = days.last_mut().and_then(|(_, taken)| taken.get_mut(which)) {
                *taken = true;
            }
        }
        days.into_iter().map(|(_, taken)| taken).collect()
    }
}

/// A sign's key with its colour.
fn meows_key(colour: Colour, sign: &str) -> &'static str {
    match (colour, sign) {
        (Colour::Red, "systolic") => "meows-red-systolic",
        (Colour::Red, "diastolic") => "meows-red-diastolic",
        (Colour::Red, "pulse") => "meows-red-pulse",
        (Colour::Red, "breathing") => "meows-red-breathing",
        (Colour::Red, "temperature") => "meows-red-temperature",
        (Colour::Red, _) => "meows-red-saturation",
        (_, "systolic") => "meows-yellow-systolic",
        (_, "diastolic") => "meows-yellow-diastolic",
        (_, "pulse") => "meows-yellow-pulse",
        (_, "breathing") => "meows-yellow-breathing",
        (_, "temperature") => "meows-yellow-temperature",
        (_, _) => "meows-yellow-saturation",
    }
}
