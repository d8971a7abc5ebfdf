//! Labour: the care guide and the score of Bishop.

use super::{
    CONTRACTIONS, Case, DAY, DILATATION, EFFACEMENT, Fact, Found, HOUR, LABOUR, LimitReached, Noted, PULSE, Rule,
    STATION, SYSTOLIC, Said, TEMPERATURE, TOGETHER, Value, origin,
};
use crate::perinatal::maternal::{
    Cervix, Examination, LabourSigns, MaternalLimit, Reached, bishop, labour_alerts, progress,
};
use model::{Category, Moment};

impl<'a> Case<'a> {
    /// The examinations of the labour that goes on, in order; `None` where she is in none.
    pub(super) fn examined(&self) -> Option<Vec<Value<'a>>> {
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

    pub(super) fn labour(&self) -> Option<Found> {
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

    pub(super) fn bishop(&self) -> Option<Found> {
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
}
