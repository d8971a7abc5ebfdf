//! Scores of early warning: MEOWS and the maternal early warning criteria.

use super::{
    BREATHING, Case, DIASTOLIC, Fact, Figure, Finding, Found, HOUR, LABOUR, LimitKey, LimitReached, Noted, PULSE,
    SATURATION, SYSTOLIC, Said, TEMPERATURE, TOGETHER, URINE, Value, origin,
};
use crate::perinatal::maternal::{Consciousness, EarlySigns, MEOWS, MaternalLimit, Sign, early_warning, meows};
use model::{Category, FacilityId, Moment};

impl<'a> Case<'a> {
    pub(super) fn meows(&self) -> Option<Found> {
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
            found.reached.push(Self::finding(Finding::MeowsConsciousness, at, source));
        }
        for (sign, colour) in coloured {
            let Some((_, _, unit, value)) = taken.iter().find(|(of, ..)| *of == sign) else { continue };
            let limit =
                self.tables.meows.rows().iter().find(|row| row.sign == sign).and_then(|row| row.limit_of(value.value));
            let (value, at) = (Some(value.value), value.at);
            found.reached.push(LimitReached {
                key: LimitKey::Coloured(colour, sign),
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

    pub(super) fn early_warning(&self) -> Option<Found> {
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
            found.reached.push(Self::finding(Finding::MercConsciousness, at, source));
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
}
