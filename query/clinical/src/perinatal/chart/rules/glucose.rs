//! Glucose in a pregnancy.

use super::{Case, Fact, Found, LabMeasure, Noted, Said, Value, lab, origin};
use crate::diabetes::day_of;
use crate::perinatal::maternal::{Glucose, GlucoseClass, GlucoseFacts, MaternalLimit, glucose};
use crate::perinatal::pregnancy::History;
use model::{Category, Moment};

impl<'a> Case<'a> {
    pub(super) fn glucose(&self) -> Found {
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
