//! The second stage of labour over a case.

use super::{Case, Fact, Found, HOUR, LimitReached, Said, Value};
use crate::perinatal::maternal::{SecondStage, second_stage};
use model::{Category, Moment};

impl<'a> Case<'a> {
    /// When the cervix was first found fully open in the labour that goes on, and the last examination of it.
    fn full(&self) -> Option<(Value<'a>, Value<'a>)> {
        let labour = self.examined()?;
        let full = labour.iter().copied().find(|one| one.value >= 10.0)?;
        labour.last().map(|last| (full, *last))
    }

    /// Asked from the full dilatation on until the birth.
    pub(super) fn second_stage(&self) -> Option<Found> {
        if self.born.is_some() {
            return None;
        }
        let (full, last) = self.full()?;
        let analgesia = self.notes.iter().rev().find_map(|note| match note.fact {
            Fact::Epidural(given) if note.at >= full.at.plus_micros(-super::DAY) => {
                Some((given, note.at, &note.source))
            }
            _ => None,
        });
        let stage = SecondStage {
            full_at: full.at,
            births: self.of.record.registration.as_ref().and_then(|one| one.para),
            epidural: analgesia.is_some_and(|(given, ..)| given),
        };
        let told = second_stage(&stage, self.until, &self.tables.maternal);
        let mut found = Found::new();
        found.uses([Some(full.origin()), Some(last.origin())]);
        found.uses([analgesia.map(|(_, at, source)| (at, source.clone()))]);
        if let Some(one) = told.alert {
            let since: Moment = full.at.plus_micros((self.tables.maternal.value(one.limit) * HOUR as f64) as i64);
            found.reached.push(LimitReached { since, ..self.reached(one, self.until) });
        }
        found.lacks(stage.births.is_none() && told.reached != Some(false), "para", Category::Perinatal);
        found.lacks(analgesia.is_none() && told.alert.is_some(), "epidural", Category::Perinatal);
        (found.said, found.class) = match told.reached {
            Some(true) => (Said::Reached, Some("long")),
            Some(false) => (Said::NotReached, Some("usual")),
            None => (Said::CannotBeSaid, None),
        };
        Some(found)
    }
}
