//! The samples of one bed of the last hour, four slots a second, each with when it came.

use super::lead::Lead;
use super::stretch::Stretch;
use clinical::perinatal::ctg::{Frame, HERTZ, Sample};
use model::{FrameQuality, Moment};
use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

/// Microseconds of a slot.
pub const SLOT: i64 = 1_000_000 / HERTZ as i64;
/// So many slots are kept: an hour.
pub const KEPT: i64 = 3_600 * HERTZ as i64;

/// What is known of a slot of one trace.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Slot {
    /// The sample.
    pub sample: Sample,
    /// Whether it came after newer ones had.
    pub late: bool,
    /// When it was here, by our clock: milliseconds after it was measured, by the source's.
    pub after: i32,
}

/// The last hour.
#[derive(Clone)]
pub struct Strip {
    origin: Moment,
    /// The number of the first slot that is kept; slots are counted from `origin`.
    first: i64,
    len: usize,
    lanes: [Option<VecDeque<Option<Slot>>>; Lead::ALL.len()],
}

impl Strip {
    /// An empty one whose slots are counted from a moment, by the source's clock.
    pub fn new(origin: Moment) -> Self {
        Self { origin, first: 0, len: 0, lanes: [const { None }; Lead::ALL.len()] }
    }

    /// Counts slots from where a sample stands that is older than all before: so the same samples lie in the same slots in whichever
    /// order they came, and what is read of them later from a table begins at the same moments. `true` where that moved the
    /// slots; by less than one where any sample is kept.
    pub fn anchor(&mut self, measured: Moment) -> bool {
        if self.is_untouched() {
            let before = std::mem::replace(&mut self.origin, measured);
            return before != measured;
        }
        let slot = self.slot_of(measured);
        if slot >= self.first || self.end() - slot > KEPT {
            return false;
        }
        let off = measured.since(self.moment_of(slot));
        self.origin = self.origin.plus_micros(off);
        off != 0
    }

    /// Whether no sample was ever put here.
    pub fn is_untouched(&self) -> bool {
        self.lanes.iter().all(Option::is_none)
    }

    /// The slot a moment lies in, rounded: a source's samples need not fall on ours.
    pub fn slot_of(&self, measured: Moment) -> i64 {
        slot_of(self.origin, measured)
    }
    /// When a slot was measured, by the source's clock.
    pub fn moment_of(&self, slot: i64) -> Moment {
        self.origin.plus_micros(slot.saturating_mul(SLOT))
    }
    /// The first slot that is kept.
    pub fn first(&self) -> i64 {
        self.first
    }
    /// The first slot after the newest.
    pub fn end(&self) -> i64 {
        self.first + self.len as i64
    }
    /// The traces of which anything came.
    pub fn leads(&self) -> impl Iterator<Item = Lead> + '_ {
        Lead::ALL.into_iter().zip(&self.lanes).filter(|(_, lane)| lane.is_some()).map(|(lead, _)| lead)
    }

    /// Puts a sample where it belongs. `false` where that is before what is kept.
    pub fn put(&mut self, lead: Lead, at: i64, slot: Slot) -> bool {
        self.reach_back(at);
        if at < self.first {
            return false;
        }
        self.reach(at + 1);
        let (len, first) = (self.len, self.first);
        let Some(lane) = self.lanes.get_mut(lead as usize) else { return false };
        let lane = lane.get_or_insert_with(|| VecDeque::from(vec![None; len]));
        match usize::try_from(at - first).ok().and_then(|place| lane.get_mut(place)) {
            Some(place) => {
                *place = Some(slot);
                true
            }
            None => false,
        }
    }

    /// Lays a stretch that was read from history where it belongs.
    pub fn lay(&mut self, stretch: &Stretch) {
        for (lead, samples) in &stretch.traces {
            for (sample, slots) in samples.iter().zip(self.slots_of(stretch)) {
                for at in slots {
                    self.put(*lead, at, Slot { sample: *sample, late: false, after: i32::MAX });
                }
            }
        }
    }

    /// The slots of each sample of a stretch: a sample stands until the next, but not for more than ten seconds; of several
    /// within one slot the last stands.
    pub fn slots_of(&self, stretch: &Stretch) -> impl Iterator<Item = Range<i64>> + use<> {
        let (origin, measured, step) = (self.origin, stretch.measured, stretch.step);
        (0_i64..).map(move |at| {
            let from = slot_of(origin, measured.plus_micros(step.saturating_mul(at)));
            let until = slot_of(origin, measured.plus_micros(step.saturating_mul(at + 1)));
            from..until.clamp(from + 1, from + 10 * HERTZ as i64)
        })
    }

    /// Makes room from an earlier slot on, where it lies within the hour.
    fn reach_back(&mut self, first: i64) {
        if first < self.first && self.end() - first <= KEPT {
            let more = self.first - first;
            for lane in self.lanes.iter_mut().flatten() {
                lane.extend(std::iter::repeat_n(None, usize::try_from(more).unwrap_or(0)));
                lane.rotate_right(usize::try_from(more).unwrap_or(0));
            }
            self.first = first;
            self.len += usize::try_from(more).unwrap_or(0);
        }
    }

    /// Makes room until a slot, and lets go of what is too old then.
    fn reach(&mut self, end: i64) {
        let more = usize::try_from(end - self.end()).unwrap_or(0);
        self.len += more;
        for lane in self.lanes.iter_mut().flatten() {
            lane.resize(self.len, None);
        }
        let gone = usize::try_from(end - KEPT - self.first).unwrap_or(0);
        if gone > 0 {
            for lane in self.lanes.iter_mut().flatten() {
                lane.drain(..gone.min(lane.len()));
            }
            self.first += gone as i64;
            self.len -= gone.min(self.len);
        }
    }

    /// Takes back what a stretch said.
    pub fn erase(&mut self, leads: &[Lead], slots: Range<i64>) {
        for lead in leads {
            for at in slots.clone() {
                if let Some(place) = self.place(*lead, at) {
                    *place = None;
                }
            }
        }
    }

    /// Forgets what lies after a slot.
    pub fn cut(&mut self, end: i64) {
        let len = usize::try_from(end - self.first).unwrap_or(0).min(self.len);
        for lane in self.lanes.iter_mut().flatten() {
            lane.truncate(len);
        }
        self.len = len;
    }

    fn place(&mut self, lead: Lead, at: i64) -> Option<&mut Option<Slot>> {
        let at = usize::try_from(at - self.first).ok()?;
        self.lanes.get_mut(lead as usize)?.as_mut()?.get_mut(at)
    }

    /// What is known of a slot; `None` where nothing came.
    pub fn get(&self, lead: Lead, at: i64) -> Option<Slot> {
        let at = usize::try_from(at - self.first).ok()?;
        *self.lanes.get(lead as usize)?.as_ref()?.get(at)?
    }

    /// The newest slot of a trace of which something came, until a slot.
    pub fn last(&self, lead: Lead, end: i64) -> Option<i64> {
        (self.first..end.min(self.end())).rev().find(|at| self.get(lead, *at).is_some())
    }

    /// All traces at one slot, as the analysis reads them.
    pub fn frame(&self, at: i64) -> Frame {
        let sample = |lead: Lead| self.get(lead, at).map_or(Sample::LOST, |slot| slot.sample);
        Frame {
            fetal: [Lead::First, Lead::Second, Lead::Third].map(sample),
            uterus: sample(Lead::Uterus),
            maternal: sample(Lead::Mother),
        }
    }

    /// What had come by a moment of our clock.
    pub fn until(&self, moment: Moment) -> Self {
        let mut seen =
            Self { origin: self.origin, first: self.first, len: 0, lanes: [const { None }; Lead::ALL.len()] };
        for lead in self.leads() {
            for at in self.first..self.end() {
                if let Some(slot) = self.as_seen(lead, at, moment) {
                    seen.put(lead, at, slot);
                }
            }
        }
        seen
    }

    /// What had come of a slot by a moment of our clock; `None` where nothing had.
    pub fn as_seen(&self, lead: Lead, at: i64, moment: Moment) -> Option<Slot> {
        let slot = self.get(lead, at)?;
        let came = self.moment_of(at).plus_micros(i64::from(slot.after) * 1_000);
        (came <= moment).then_some(slot)
    }
}

// What is measured is patient data.
impl fmt::Debug for Strip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strip").field("first", &self.first).field("len", &self.len).finish_non_exhaustive()
    }
}

fn slot_of(origin: Moment, measured: Moment) -> i64 {
    (measured.since(origin) + SLOT / 2).div_euclid(SLOT)
}

impl Slot {
    /// What the sample is: `g`ood, `f`air or `l`ost; in capitals where it came late.
    pub const fn mark(self) -> char {
        let mark = match self.sample.quality {
            FrameQuality::Good => 'g',
            FrameQuality::Fair => 'f',
            FrameQuality::Lost => 'l',
        };
        if self.late { mark.to_ascii_uppercase() } else { mark }
    }

    /// The value, where a signal was measured.
    pub fn value(self) -> Option<f32> {
        (self.sample.quality != FrameQuality::Lost).then_some(self.sample.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strip() -> Strip {
        Strip::new(Moment::from_micros(1_760_000_000_000_000).unwrap())
    }

    fn slot(value: f32) -> Slot {
        Slot { sample: Sample::good(value), late: false, after: 300 }
    }

    #[test]
    fn an_hour_is_kept_and_no_more() {
        let mut strip = strip();
        for at in 0..KEPT + 100 {
            assert!(strip.put(Lead::First, at, slot(at as f32)));
        }
        assert_eq!((strip.first(), strip.end()), (100, KEPT + 100));
        assert_eq!(strip.get(Lead::First, 99), None);
        assert_eq!(strip.get(Lead::First, 100), Some(slot(100.0)));
        assert_eq!(strip.get(Lead::First, KEPT + 99), Some(slot((KEPT + 99) as f32)));
        assert!(!strip.put(Lead::First, 99, slot(1.0)), "it is too old");
        assert_eq!((strip.first(), strip.end()), (100, KEPT + 100));
        // a trace that begins later, and a jump far ahead
        assert!(strip.put(Lead::Uterus, 5 * KEPT, slot(8.0)));
        assert_eq!((strip.first(), strip.end()), (4 * KEPT + 1, 5 * KEPT + 1));
        assert_eq!(strip.get(Lead::First, 4 * KEPT + 5), None);
        assert_eq!(strip.leads().collect::<Vec<_>>(), [Lead::First, Lead::Uterus]);
    }

    #[test]
    fn what_was_before_is_put_before() {
        let mut strip = strip();
        strip.put(Lead::First, 0, slot(140.0));
        strip.put(Lead::First, 1, slot(141.0));
        assert!(strip.put(Lead::First, -8, slot(132.0)) && strip.put(Lead::Uterus, -9, slot(8.0)));
        let at = |at: i64| strip.get(Lead::First, at).map(|slot| slot.sample.value);
        assert_eq!([-9, -8, -7, 0, 1, 2].map(at), [None, Some(132.0), None, Some(140.0), Some(141.0), None]);
        assert_eq!((strip.first(), strip.end()), (-9, 2));
        assert!(!strip.put(Lead::First, 1 - KEPT, slot(1.0)), "that is more than an hour before");
    }

    #[test]
    fn slots_are_counted_from_the_oldest_sample_in_whichever_order_they_came() {
        let begins = Moment::from_micros(1_760_000_000_000_000).unwrap();
        // each a minute and some milliseconds after the one before
        let measured: Vec<Moment> = (0..20).map(|minute| begins.plus_micros(minute * 60_003_700)).collect();
        let laid = |order: &[usize]| {
            let mut strip = Strip::new(begins.plus_micros(-47_110_815));
            for at in order {
                strip.anchor(measured[*at]);
                let stands = strip.slot_of(measured[*at]);
                assert!(strip.put(Lead::First, stands, slot(*at as f32)));
            }
            let slots = strip.first()..strip.end();
            let there = slots.filter_map(|at| Some((strip.moment_of(at), strip.get(Lead::First, at)?.sample.value)));
            there.collect::<Vec<_>>()
        };
        let in_order = laid(&(0..20).collect::<Vec<_>>());
        assert_eq!((in_order.len(), in_order[0].0), (20, begins));
        assert_eq!(laid(&(0..20).rev().collect::<Vec<_>>()), in_order);
        assert_eq!(laid(&[15, 19, 0, 7, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 16, 17, 18]), in_order);
        // what is older than what is kept moves nothing
        let mut strip = strip();
        strip.put(Lead::First, 0, slot(140.0));
        assert!(!strip.anchor(begins.plus_micros(-KEPT * SLOT - 100_000)));
        assert_eq!(strip.moment_of(0), begins);
    }

    #[test]
    fn what_is_taken_back_or_cut_off_is_gone() {
        let mut strip = strip();
        for at in 0..20 {
            strip.put(Lead::First, at, slot(140.0));
            strip.put(Lead::Mother, at, slot(80.0));
        }
        strip.erase(&[Lead::First], 5..7);
        assert_eq!([4, 5, 6, 7].map(|at| strip.get(Lead::First, at).is_some()), [true, false, false, true]);
        assert_eq!(strip.frame(5).maternal, Sample::good(80.0));
        assert_eq!(strip.frame(5).fetal, [Sample::LOST; 3]);
        strip.cut(10);
        assert_eq!((strip.end(), strip.last(Lead::First, 20), strip.get(Lead::First, 12)), (10, Some(9), None));
        assert!(strip.put(Lead::First, 12, slot(1.0)));
        assert_eq!(strip.get(Lead::First, 11), None);
    }

    #[test]
    fn what_was_on_the_screen_is_what_had_come() {
        let mut strip = strip();
        strip.put(Lead::First, 0, slot(140.0));
        strip.put(Lead::First, 1, Slot { after: 60_000, late: true, ..slot(141.0) });
        let at = |slot: i64, millis: i64| strip.moment_of(slot).plus_micros(millis * 1_000);
        assert_eq!(strip.as_seen(Lead::First, 0, at(0, 299)), None);
        assert_eq!(strip.as_seen(Lead::First, 0, at(0, 300)), Some(slot(140.0)));
        assert_eq!(strip.as_seen(Lead::First, 1, at(1, 59_999)), None, "it came late, and stood there as a gap");
        assert!(strip.as_seen(Lead::First, 1, at(1, 60_000)).is_some());
        let (early, late) = (strip.until(at(1, 100)), strip.until(at(1, 60_000)));
        assert_eq!((early.end(), early.get(Lead::First, 0), late.end()), (1, Some(slot(140.0)), 2));
    }
}
