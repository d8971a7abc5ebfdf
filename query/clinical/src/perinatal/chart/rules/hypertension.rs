//! Pressure: the hypertensive crisis and the hypertensive disorder of a pregnancy.

use super::{Case, DAY, Fact, Finding, Found, HdpSign, LabMeasure, LimitReached, Noted, Said, Value, lab, origin};
use crate::diabetes::day_of;
use crate::perinatal::chart::pregnancies::pressures;
use crate::perinatal::maternal::{
    Crisis, HdpClass, HdpFeature, HypertensionFacts, MaternalLimit, Pressure, PressureClass, crisis, hdp,
    pressure_class,
};
use crate::perinatal::pregnancy::{GestationalAge, History};
use model::{Category, FacilityId, Moment};

impl<'a> Case<'a> {
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

    pub(super) fn crisis(&self) -> Found {
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

    pub(super) fn known_before(&self, history: History, is: fn(&Fact) -> Option<bool>) -> bool {
        let registered = self.of.record.registration.as_ref().is_some_and(|one| one.history.contains(&history));
        registered
            || self
                .notes
                .iter()
                .any(|note| is(&note.fact).is_some_and(|by_code| by_code || day_of(note.at) < self.of.begun))
    }

    pub(super) fn hypertension(&self) -> Found {
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
            .for_each(|one| one.since = if one.key.code().starts_with("severe") { one.since } else { onset_at });
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
            let (finding, at) = match feature {
                HdpFeature::Protein(one) | HdpFeature::Organ(one) => {
                    let of = [day, ratio, ast, alt, creatinine, platelets].into_iter().flatten();
                    let at = of.filter(|value| value.value == one.value).map(|value| value.at).min();
                    found.reached.push(self.reached(*one, at.unwrap_or(self.until)));
                    continue;
                }
                HdpFeature::Neurological => (Finding::Neurological, neurological),
                HdpFeature::Coagulation => (Finding::Coagulation, coagulation),
                HdpFeature::Pain => (Finding::AbdominalPain, pain),
                HdpFeature::Uteroplacental => (Finding::Uteroplacental, uteroplacental),
            };
            let at = at.map_or(self.until, |(_, at)| at);
            let source = Some(MaternalLimit::HdpWeek.row().source);
            found.reached.push(Self::finding(finding, at, source));
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
}
