//! What asks for attention at a bed, and since when.
//!
//! An alarm is told by its kind and whose trace it is; `since` is when it rose. Who looks later, or after a restart, finds the
//! same alarm by what the samples say of its beginning, so that what was acknowledged stays acknowledged, and rings again
//! when it has risen anew.

use super::bed::{Bed, LineNow};
use super::lead::Lead;
use super::rules::Rules;
use super::strip::{Slot, Strip};
use clinical::perinatal::ctg::{HERTZ, Jsog, Rating};
use clinical::perinatal::trace::{TraceLimit, TraceState};
use model::{BedAlarm, BedAlarmKind, FetusNumber, Moment};
use std::collections::{BTreeMap, BTreeSet};

/// It is said that a permission ends by the clock so long before.
pub const WARNED: i64 = 30 * 60 * 1_000_000;
/// And once more so long before: who knew of the first has not heard of this one.
pub const WARNED_AGAIN: i64 = 5 * 60 * 1_000_000;
/// A level that is an alarm.
const LOUD_FROM: u8 = 4;
/// An alarm that comes again within this time has not been over.
const OVER: i64 = 3_000_000;
/// For so long after a bed came to be watched, alarms may have risen before.
const JUST_OPENED: i64 = 10_000_000;
/// What breaks a fault for less than this has not ended it.
const BRIEF: i64 = HERTZ as i64;
/// A value that stands may be one of so many that come over and over.
const REPEATED: usize = 4;

/// An alarm that stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Risen {
    /// Which.
    pub alarm: BedAlarm,
    /// When it rose, by our clock.
    pub since: Moment,
}

/// The alarms of one bed as time goes on.
#[derive(Clone, Debug, Default)]
pub(super) struct Alarms {
    held: BTreeMap<BedAlarm, Held>,
    looked: Option<Moment>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    since: Moment,
    seen: Moment,
}

impl Alarms {
    /// Time goes on. `opened` is when the bed came to be watched.
    pub(super) fn tick(&mut self, bed: &Bed, rules: &Rules, until: Option<Moment>, (opened, now): (Moment, Moment)) {
        for alarm in found(bed, rules, until, now) {
            let since = self.since(alarm).or_else(|| {
                let may_be_older = now.since(opened) <= JUST_OPENED || alarm.kind() == BedAlarmKind::Ending;
                may_be_older.then(|| rose(bed, rules, alarm, (until, now)))
            });
            self.held.insert(alarm, Held { since: since.unwrap_or(now), seen: now });
        }
        self.held.retain(|_, held| now.since(held.seen) <= OVER);
        self.looked = Some(now);
        // the second warning is one of its own
        if let Some(until) = until
            && let Some(ending) = BedAlarm::of_bed(BedAlarmKind::Ending).and_then(|alarm| self.held.get_mut(&alarm))
        {
            let again = until.plus_micros(-WARNED_AGAIN);
            let first = until.plus_micros(-WARNED);
            ending.since = if again <= now { again } else { first };
        }
    }

    /// Since when an alarm stands that stood just now; of a level, since when a higher one did.
    fn since(&self, alarm: BedAlarm) -> Option<Moment> {
        let known = self.held.iter().filter(|(held, _)| held.covers(alarm));
        known.map(|(_, held)| held.since).min()
    }

    /// What stands now, in order.
    pub(super) fn now(&self) -> Vec<Risen> {
        let stands = |held: &Held| Some(held.seen) == self.looked;
        let all = self.held.iter().filter(|(_, held)| stands(held));
        all.map(|(alarm, held)| Risen { alarm: *alarm, since: held.since }).collect()
    }
}

fn fetus_of(lead: Lead) -> Option<FetusNumber> {
    FetusNumber::new(u32::from(lead.fetus()?.number())).ok()
}

/// What asks for attention at a moment.
fn found(bed: &Bed, rules: &Rules, until: Option<Moment>, now: Moment) -> BTreeSet<BedAlarm> {
    let mut found = BTreeSet::new();
    let doubt = |line: &LineNow| {
        let kind = match line.state {
            TraceState::Live | TraceState::Late => return None,
            TraceState::Lost(_) => BedAlarmKind::Lost,
            TraceState::Frozen(_) => BedAlarmKind::Frozen,
            TraceState::Suspect(_) => BedAlarmKind::Suspect,
        };
        BedAlarm::of_fetus(kind, fetus_of(line.lead)?)
    };
    found.extend(bed.lines(now).iter().filter_map(doubt));
    for judged in bed.course().now() {
        let Some(fetus) = fetus_of(Lead::of(judged.fetus)) else { continue };
        if let Jsog::Rated(rating) = &judged.jsog {
            let (Rating::Unverified { verdict, .. } | Rating::Confirmed { verdict, .. }) = rating;
            let level = verdict.level.number();
            found.extend(BedAlarm::of_level(fetus, level).filter(|_| level >= LOUD_FROM));
        }
        let window = &judged.window;
        if window.reading.as_ref().is_ok_and(|reading| reading.sinusoid.is_some()) {
            found.extend(BedAlarm::of_fetus(BedAlarmKind::Sinusoidal, fetus));
        }
        if window.tachysystole(&rules.reading.limits) == Some(true) {
            found.extend(BedAlarm::of_bed(BedAlarmKind::Tachysystole));
        }
    }
    if !bed.course().same_heart().is_empty() {
        found.extend(BedAlarm::of_bed(BedAlarmKind::SameHeart));
    }
    if until.is_some_and(|until| until.since(now) <= WARNED) {
        found.extend(BedAlarm::of_bed(BedAlarmKind::Ending));
    }
    found
}

/// When an alarm rose that nobody here saw rising, as far as samples and windows tell.
fn rose(bed: &Bed, rules: &Rules, alarm: BedAlarm, (until, now): (Option<Moment>, Moment)) -> Moment {
    let strip = bed.strip();
    let ours = |slot: i64| strip.moment_of(slot).plus_micros(-bed.clock().ahead());
    let lead = alarm.fetus().and_then(|fetus| Lead::ALL.into_iter().find(|lead| fetus_of(*lead) == Some(fetus)));
    let back = |holds: &mut dyn FnMut(i64) -> bool| lasted(strip, holds);
    let slot = match (alarm.kind(), lead) {
        (BedAlarmKind::Lost, Some(lead)) => Some(back(&mut |at| strip.get(lead, at).and_then(Slot::value).is_none())),
        (BedAlarmKind::Frozen, Some(lead)) => {
            let mut values = Vec::new();
            Some(back(&mut |at| {
                let Some(value) = strip.get(lead, at).and_then(Slot::value) else { return true };
                if !values.contains(&value.to_bits()) {
                    values.push(value.to_bits());
                }
                values.len() <= REPEATED
            }))
        }
        (BedAlarmKind::Suspect, Some(lead)) => {
            let near = rules.trace.value(TraceLimit::CoincidenceNear) as f32;
            let value = |lead, at| strip.get(lead, at).and_then(Slot::value);
            Some(back(&mut |at| {
                value(lead, at).zip(value(Lead::Mother, at)).is_some_and(|(a, b)| (a - b).abs() <= near)
            }))
        }
        (BedAlarmKind::Level | BedAlarmKind::Sinusoidal | BedAlarmKind::Tachysystole, _) => {
            let of_it = |fetus| alarm.fetus().is_none_or(|own| fetus_of(Lead::of(fetus)) == Some(own));
            let windows = bed.course().now().iter().filter(|judged| of_it(judged.fetus));
            windows.map(|judged| judged.slot(judged.window.from)).min()
        }
        (BedAlarmKind::SameHeart, _) => Some(strip.end() - 60 * HERTZ as i64),
        (BedAlarmKind::Ending, _) => return until.map_or(now, |until| until.plus_micros(-WARNED)),
        _ => None,
    };
    slot.map_or(now, ours).min(now)
}

/// The first slot of the stretch at the end of a strip at which something holds, brief breaks aside.
fn lasted(strip: &Strip, holds: &mut dyn FnMut(i64) -> bool) -> i64 {
    let (mut first, mut broken) = (strip.end(), 0);
    for at in (strip.first()..strip.end()).rev() {
        if holds(at) {
            (first, broken) = (at, 0);
        } else {
            broken += 1;
            if broken > BRIEF {
                break;
            }
        }
    }
    first
}
