//! One bed: its traces, how honest each is, and what the analysis says of them.

use super::course::Course;
use super::lead::Lead;
use super::rules::Rules;
use super::stretch::{BedId, Place, Stretch};
use super::strip::{KEPT, Slot, Strip};
use super::way::{Leg, Way};
use clinical::perinatal::chart::AtBed;
use clinical::perinatal::ctg::{Fetus, HERTZ, Sample};
use clinical::perinatal::trace::{Age, Arrival, ClockError, LostBecause, Trace, TraceState};
use model::{FrameQuality, Moment, Version};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// How a stretch came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Came {
    /// Just now, by our clock.
    Now(Moment),
    /// It was read from history at a moment of our clock: it was on no screen before that, and says nothing of the line.
    Before(Moment),
}

impl Came {
    /// When it was there.
    const fn at(self) -> Moment {
        match self {
            Self::Now(at) | Self::Before(at) => at,
        }
    }
    /// Whether it was read from history.
    const fn is_history(self) -> bool {
        matches!(self, Self::Before(_))
    }
}

/// The analysis waits so long for samples that come a little late.
const GRACE: i64 = 2 * HERTZ as i64;
/// After so long without samples it goes on without them.
const SILENT: i64 = 5_000_000;
/// Late samples are read where they belong not more often than this.
const ANEW: i64 = 5_000_000;
/// For so long newer stretches may be older by their clock before it is believed that the clock was set back.
const SET_BACK: i64 = 10_000_000;
/// So many merges are remembered for viewers that have not seen them.
const MERGES: usize = 256;

/// One trace and what is said of it.
#[derive(Clone, Debug)]
struct Line {
    trace: Trace,
    state: TraceState,
    since: Moment,
    late: u64,
    value: Option<f32>,
}

/// A stretch that is in the strip.
#[derive(Clone, Debug)]
struct Piece {
    version: Version,
    leads: Vec<Lead>,
    slots: Range<i64>,
}

/// What is said of one trace.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LineNow {
    /// Which.
    pub lead: Lead,
    /// One of five words, with the reason.
    pub state: TraceState,
    /// Since when, by our clock.
    pub since: Moment,
    /// How old its newest sample is; `None` where none came while the bed was watched.
    pub age: Option<Age>,
    /// Samples that were merged late.
    pub late: u64,
    /// The newest value, where the trace is live or late; never one that may be something else.
    pub value: Option<f32>,
}

/// A viewer's place in a bed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cursor {
    epoch: u64,
    slot: i64,
    merges: u64,
}

/// What a viewer has not seen yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct News {
    /// What it has seen is void.
    pub anew: bool,
    /// Slots that it is not told of: it was too slow.
    pub skipped: Option<Range<i64>>,
    /// New slots.
    pub fresh: Range<i64>,
    /// Slots it has seen that became others since.
    pub changed: Vec<Range<i64>>,
}

/// A bed.
#[derive(Clone)]
pub struct Bed {
    id: BedId,
    place: Place,
    device: String,
    rules: Arc<Rules>,
    strip: Strip,
    course: Course,
    way: Way,
    lines: BTreeMap<Lead, Line>,
    pieces: HashMap<u128, Piece>,
    order: VecDeque<u128>,
    /// The newest number of a live stretch of each device.
    sequences: BTreeMap<String, u64>,
    /// What was measured now and then, and when, by the source's clock.
    spots: BTreeMap<&'static str, (f32, Moment)>,
    /// So many fetuses are said to be monitored, whether or not anything came of them.
    fetuses: usize,
    /// Since when only old samples come though the numbers go on.
    behind: Option<Moment>,
    /// When a live stretch came last; when the bed was first seen, where none did.
    heard: Moment,
    began: Moment,
    anew_at: Moment,
    epoch: u64,
    merges: VecDeque<Range<i64>>,
    merged: u64,
}

impl Bed {
    /// A bed of which nothing has come yet; its monitoring began at a moment, by the source's clock.
    pub fn new(place: &Place, began: Moment, rules: Arc<Rules>, now: Moment) -> Self {
        Self {
            id: BedId::of(place),
            place: place.clone(),
            device: String::new(),
            strip: Strip::new(began),
            course: Course::new(rules.clone(), 0),
            rules,
            way: Way::default(),
            lines: BTreeMap::new(),
            pieces: HashMap::new(),
            order: VecDeque::new(),
            sequences: BTreeMap::new(),
            spots: BTreeMap::new(),
            fetuses: 0,
            behind: None,
            heard: now,
            began,
            anew_at: now.plus_micros(-ANEW),
            epoch: 1,
            merges: VecDeque::new(),
            merged: 0,
        }
    }

    /// Its number.
    pub fn id(&self) -> BedId {
        self.id
    }
    /// Where, and of whom.
    pub fn place(&self) -> &Place {
        &self.place
    }
    /// The device that was heard last.
    pub fn device(&self) -> &str {
        &self.device
    }
    /// Its samples.
    pub fn strip(&self) -> &Strip {
        &self.strip
    }
    /// What the analysis says.
    pub fn course(&self) -> &Course {
        &self.course
    }
    /// The first moment of which samples are known, by the source's clock.
    pub fn began(&self) -> Moment {
        self.began
    }
    /// When a live stretch came last; when the bed was first seen, where none did.
    pub fn heard(&self) -> Moment {
        self.heard
    }
    /// How far the source's clock is thought to be off.
    pub fn clock(&self) -> ClockError {
        self.way.error()
    }

    /// The way of its newest samples, hop by hop.
    pub fn legs(&self) -> Vec<Leg> {
        self.way.legs()
    }
    /// Its monitoring began no later than at a moment, by the source's clock.
    pub fn began_by(&mut self, moment: Moment) {
        self.began = self.began.min(moment);
    }
    /// By which limits it is read.
    pub(super) fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }
    /// By what of the pregnancy it is read.
    pub fn at_bed(&self) -> &AtBed {
        &self.rules.at_bed
    }

    /// From now on it is read by other rules. What was said by those before is void: with the next tick that has time for it, what is kept
    /// of its samples is read anew.
    pub(super) fn read_by(&mut self, rules: Arc<Rules>) {
        self.course.begin_by(rules.clone());
        self.rules = rules;
    }

    /// Takes a stretch. `false` where it, or a later version of it, is here already.
    pub fn take(&mut self, stretch: &Stretch, came: Came) -> bool {
        match self.pieces.get(&stretch.record) {
            Some(piece) if piece.version >= stretch.version => return false,
            Some(_) => self.erase(stretch.record),
            None => {}
        }
        if !stretch.traces.is_empty() && self.strip.anchor(stretch.measured) {
            self.void();
        }
        let far = (self.strip.slot_of(stretch.measured) - self.strip.end()).abs();
        if far > 2 * KEPT {
            // another day, or a clock that was set: nothing of it belongs into one picture with what is here
            match came {
                Came::Before(_) => return false,
                Came::Now(now) => self.begin_anew(stretch.measured, now),
            }
        }
        let newer = self.put(stretch, came);
        self.began = self.began.min(stretch.measured);
        for (code, value) in &stretch.spots {
            let spot = self.spots.entry(code).or_insert((*value, stretch.measured));
            if stretch.measured >= spot.1 {
                *spot = (*value, stretch.measured);
            }
        }
        if let Came::Now(arrived) = came {
            self.heard = self.heard.max(arrived);
            if !stretch.device.is_empty() {
                self.device.clone_from(&stretch.device);
            }
            self.arrive(stretch, arrived, newer);
        }
        true
    }

    /// Puts samples where they belong; says whether any is newer than all before.
    fn put(&mut self, stretch: &Stretch, came: Came) -> bool {
        let end = self.strip.end();
        // from which slot to which: none yet
        let (mut first, mut last) = (i64::MAX, i64::MIN);
        for (lead, samples) in &stretch.traces {
            if let Some(fetus) = lead.fetus() {
                self.course.watch(fetus.number());
            }
            let newest = self.strip.last(*lead, end);
            for (sample, stands) in samples.iter().zip(self.strip.slots_of(stretch)) {
                let measured = self.strip.moment_of(stands.start);
                let after = i32::try_from(came.at().since(measured) / 1_000).unwrap_or(i32::MAX);
                for slot in stands.clone() {
                    let late = !came.is_history() && newest.is_some_and(|newest| slot <= newest);
                    if self.strip.put(*lead, slot, Slot { sample: *sample, late, after }) {
                        self.course.touched(slot);
                    }
                }
                (first, last) = (first.min(stands.start), last.max(stands.end));
            }
        }
        let slots = if stretch.traces.is_empty() { end..end } else { first..last };
        self.changed(slots.start..slots.end.min(end));
        self.remember(stretch, slots.clone());
        slots.end > end
    }

    fn remember(&mut self, stretch: &Stretch, slots: Range<i64>) {
        let piece = Piece { version: stretch.version, leads: stretch.leads(), slots };
        if self.pieces.insert(stretch.record, piece).is_none() {
            self.order.push_back(stretch.record);
        }
        let first = self.strip.first();
        while let Some(oldest) = self.order.front() {
            if self.pieces.get(oldest).is_some_and(|piece| piece.slots.end > first) {
                break;
            }
            self.pieces.remove(oldest);
            self.order.pop_front();
        }
    }

    /// Tells the traces what arrived.
    fn arrive(&mut self, stretch: &Stretch, arrived: Moment, newer: bool) {
        let before = self.sequences.insert(stretch.device.clone(), stretch.sequence);
        let higher = before.is_none_or(|before| stretch.sequence > before);
        if let Some(before) = before.filter(|_| !higher) {
            self.sequences.insert(stretch.device.clone(), before);
        }
        if newer {
            self.behind = None;
            if !stretch.held_back {
                self.way.observe(arrived, stretch.measured.plus_micros(stretch.length()), &stretch.hops);
            }
        } else if higher && !stretch.held_back && !stretch.traces.is_empty() {
            let since = *self.behind.get_or_insert(arrived);
            if arrived.since(since) >= SET_BACK {
                return self.set_back(stretch, arrived);
            }
        }
        let clock = self.way.error();
        for (lead, samples) in &stretch.traces {
            let mother = if lead.fetus().is_some() { self.mother(stretch, samples.len()) } else { Vec::new() };
            let line = self.lines.entry(*lead).or_insert_with(|| Line::new(*lead, &self.rules, arrived));
            let arrival =
                Arrival { arrived, measured: stretch.measured, step: stretch.step, fetal: samples, maternal: &mother };
            let merged = line.trace.arrive(&arrival, clock);
            line.late += merged.late as u64;
            if merged.new > 0 {
                line.value = samples.last().filter(|last| last.quality != FrameQuality::Lost).map(|last| last.value);
            }
        }
    }

    /// The mother's heart rate at the instants of a stretch, whichever record stated it.
    fn mother(&self, stretch: &Stretch, count: usize) -> Vec<Sample> {
        let at = |place: usize| stretch.measured.plus_micros(stretch.step.saturating_mul(place as i64));
        let sample = |place: usize| self.strip.get(Lead::Mother, self.strip.slot_of(at(place)));
        (0..count).map(|place| sample(place).map_or(Sample::LOST, |slot| slot.sample)).collect()
    }

    /// The source's clock was ahead and was set: what lies ahead of it now was never measured then.
    fn set_back(&mut self, stretch: &Stretch, arrived: Moment) {
        let end = self.strip.slot_of(stretch.measured);
        self.strip.cut(end);
        self.behind = None;
        self.way = Way::default();
        self.lines.clear();
        self.course = Course::new(self.rules.clone(), self.strip.first().min(end));
        self.pieces.retain(|_, piece| piece.slots.start < end);
        self.order.retain(|record| self.pieces.contains_key(record));
        self.void();
        self.put(stretch, Came::Now(arrived));
        self.arrive(stretch, arrived, true);
    }

    fn begin_anew(&mut self, measured: Moment, now: Moment) {
        self.strip = Strip::new(measured);
        self.course = Course::new(self.rules.clone(), 0);
        self.way = Way::default();
        self.pieces.clear();
        self.order.clear();
        self.sequences.clear();
        (self.behind, self.began, self.anew_at) = (None, measured, now);
        self.lines.clear();
        self.void();
    }

    /// Takes back what a record said; `false` where it said nothing here.
    pub fn take_back(&mut self, record: u128) -> bool {
        let known = self.pieces.contains_key(&record);
        self.erase(record);
        self.order.retain(|one| *one != record);
        known
    }

    /// Whether a record is in it.
    pub fn holds(&self, record: u128) -> bool {
        self.pieces.contains_key(&record)
    }

    fn erase(&mut self, record: u128) {
        let Some(piece) = self.pieces.remove(&record) else { return };
        self.strip.erase(&piece.leads, piece.slots.clone());
        self.course.touched(piece.slots.start);
        self.changed(piece.slots);
    }

    /// Time goes on: names what each trace is now, and lets the analysis go on. To be called a few times a second, whether or
    /// not anything came. Where late samples are waiting and there is time for it (`anew`), the hour is read anew; `true` when
    /// that was done.
    pub fn tick(&mut self, now: Moment, anew: bool) -> bool {
        for line in self.lines.values_mut() {
            let state = line.trace.state(now);
            if state != line.state {
                (line.state, line.since) = (state, now);
            }
        }
        let is_due = self.course.is_void() || self.course.is_stale() && now.since(self.anew_at) >= ANEW;
        let anew = anew && is_due;
        if anew {
            self.anew_at = now;
            self.course.read_anew(&self.strip);
        }
        let silent = now.since(self.heard) >= SILENT;
        let there = self.strip.slot_of(now.plus_micros(self.way.error().ahead() - SILENT));
        let until = if silent { there.max(self.strip.end()) } else { self.strip.end() - GRACE };
        // windows begin with the first sample, however long ago the bed was opened
        if !self.strip.is_untouched() {
            self.course.read(&self.strip, until);
        }
        anew
    }

    /// What is said of each trace at a moment.
    pub fn lines(&self, now: Moment) -> Vec<LineNow> {
        let told = |lead: Lead| match self.lines.get(&lead) {
            Some(line) => {
                let state = line.trace.state(now);
                let since = if state == line.state { line.since } else { now };
                let shown = matches!(state, TraceState::Live | TraceState::Late);
                let value = line.value.filter(|_| shown);
                LineNow { lead, state, since, age: line.trace.age(now), late: line.late, value }
            }
            None => {
                let state = TraceState::Lost(LostBecause::NothingYet);
                LineNow { lead, state, since: self.heard, age: None, late: 0, value: None }
            }
        };
        let expected = |lead: &Lead| lead.fetus().is_some_and(|fetus| usize::from(fetus.number()) <= self.fetuses);
        let there: Vec<Lead> = self.strip.leads().collect();
        Lead::ALL.into_iter().filter(|lead| there.contains(lead) || expected(lead)).map(told).collect()
    }

    /// What was measured now and then (`nibp_sys`, `temp` …), and when, by the source's clock.
    pub fn spots(&self) -> impl Iterator<Item = (&'static str, f32, Moment)> {
        self.spots.iter().map(|(code, (value, at))| (*code, *value, *at))
    }

    /// So many fetuses are monitored, says the source: one of which nothing comes is lost, and not absent.
    pub fn expect(&mut self, fetuses: usize) {
        self.fetuses = fetuses;
    }

    /// What was on the screen at a moment: what had come by then, and what the analysis made of that.
    pub fn as_seen(&self, at: Moment) -> (Strip, Course) {
        let seen = self.strip.until(at);
        let mut course = Course::new(self.rules.clone(), self.course.start().max(seen.first()));
        for lead in seen.leads() {
            course.watch(lead.fetus().map_or(1, Fetus::number));
        }
        course.read(&seen, seen.end());
        (seen, course)
    }

    // --- what viewers have seen ---

    fn void(&mut self) {
        self.epoch += 1;
        self.merges.clear();
    }

    fn changed(&mut self, slots: Range<i64>) {
        if slots.is_empty() {
            return;
        }
        self.merged += 1;
        self.merges.push_back(slots);
        while self.merges.len() > MERGES {
            self.merges.pop_front();
        }
    }

    /// What a viewer at `cursor` has not seen, at most the newest `reach` slots; the cursor moves on.
    pub fn news(&self, cursor: &mut Cursor, reach: i64) -> News {
        let (first, end) = (self.strip.first().max(self.strip.end() - reach), self.strip.end());
        let missed = self.merged - cursor.merges.min(self.merged);
        let anew = cursor.epoch != self.epoch || missed > self.merges.len() as u64;
        let begin = if anew { first } else { cursor.slot.clamp(first, end) };
        let skipped = (!anew && cursor.slot < begin).then_some(cursor.slot..begin);
        let changed = match usize::try_from(missed) {
            Ok(missed) if !anew => {
                let seen = |slots: &Range<i64>| slots.start.max(first)..slots.end.min(begin);
                self.merges.iter().rev().take(missed).map(seen).filter(|slots| !slots.is_empty()).collect()
            }
            _ => Vec::new(),
        };
        *cursor = Cursor { epoch: self.epoch, slot: end, merges: self.merged };
        News { anew, skipped, fresh: begin..end, changed }
    }
}

// What is measured is patient data.
impl fmt::Debug for Bed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bed").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Line {
    /// A trace that is heard of for the first time.
    fn new(lead: Lead, rules: &Rules, now: Moment) -> Self {
        let limits = rules.trace.clone();
        let trace = if lead.is_heart() { Trace::new(limits) } else { Trace::of_other(limits) };
        Self { trace, state: TraceState::Lost(LostBecause::NothingYet), since: now, late: 0, value: None }
    }
}

#[cfg(test)]
pub(in crate::beds) mod tests;
