//! What the analysis says of a bed, window by window.

use super::rules::Rules;
use super::strip::{KEPT, Strip};
use clinical::perinatal::ctg::{
    FETUSES, Fetus, Figo, HERTZ, Jsog, Monitor, Nichd, SameHeart, Standing, Told, WINDOW, Window, figo, nichd,
};
use std::sync::Arc;

/// Slots of a window.
pub(super) const WINDOW_SLOTS: i64 = (WINDOW * HERTZ) as i64;
/// Slots of a minute: there is another provisional reading each.
pub(super) const MINUTE: i64 = 60 * HERTZ as i64;
/// More windows than this are not kept for each fetus: a day of them.
const WINDOWS: usize = 144;

/// A window and what the classifications make of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Judged {
    /// Whose.
    pub fetus: Fetus,
    /// The slot from which its seconds are counted.
    base: i64,
    /// What is seen in it.
    pub window: Window,
    /// The JSOG's level.
    pub jsog: Jsog,
    /// FIGO's category and the NICHD's, which ask what was before; of final windows only.
    pub beside: Option<(Figo, Nichd)>,
}

/// The analysis of a bed as it goes on.
#[derive(Clone, Debug)]
pub struct Course {
    rules: Arc<Rules>,
    monitor: Monitor,
    fetuses: u8,
    /// The slot at which the seconds of its windows begin.
    start: i64,
    /// The next slot to be read.
    next: i64,
    /// Something that was read already has become something else.
    stale: bool,
    /// All that was read is void: it was read by other rules. Nothing is read on before it is read anew.
    void: bool,
    /// How often it was read anew: what was said of the same minutes may be something else.
    readings: u64,
    finals: Vec<Judged>,
    /// Provisional windows in the same ten minutes as the final ones to come.
    held: Vec<Judged>,
    /// The last ten whole minutes.
    now: Vec<Judged>,
}

impl Course {
    /// Begins at a slot.
    pub fn new(rules: Arc<Rules>, start: i64) -> Self {
        let monitor = Monitor::new(rules.reading.clone(), 1);
        let (finals, held, now) = (Vec::new(), Vec::new(), Vec::new());
        let (stale, void) = (false, false);
        Self { rules, monitor, fetuses: 1, start, next: start, stale, void, readings: 0, finals, held, now }
    }

    /// The slot at which the seconds of its next windows begin.
    pub fn start(&self) -> i64 {
        self.start
    }
    /// The next slot to be read.
    pub fn next(&self) -> i64 {
        self.next
    }
    /// Whether something that was read already has become something else.
    pub fn is_stale(&self) -> bool {
        self.stale
    }
    /// Whether all that was read is void, and nothing is said before it is read anew.
    pub fn is_void(&self) -> bool {
        self.void
    }
    /// How often it was read anew.
    pub fn readings(&self) -> u64 {
        self.readings
    }
    /// The last ten whole minutes of each fetus, as far as they can be read now.
    pub fn now(&self) -> &[Judged] {
        &self.now
    }
    /// Traces that have been of one heart for the last minute.
    pub fn same_heart(&self) -> Vec<SameHeart> {
        self.monitor.same_heart()
    }
    /// All windows: the final ones, then provisional ones until the last ten minutes.
    pub fn windows(&self) -> impl Iterator<Item = &Judged> {
        self.finals.iter().chain(&self.held)
    }

    /// A slot has become something else than it was.
    pub fn touched(&mut self, slot: i64) {
        self.stale |= slot < self.next;
    }

    /// Watches so many fetuses at least.
    pub fn watch(&mut self, fetuses: u8) {
        if fetuses > self.fetuses {
            self.fetuses = fetuses.min(FETUSES as u8);
            self.stale = self.next > self.start;
            if !self.stale {
                self.monitor = Monitor::new(self.rules.reading.clone(), self.fetuses);
            }
        }
    }

    /// It is read by other rules from now on: nothing of what was said by those before is said any more. What can be read anew waits for
    /// [`Course::read_anew`]; older windows are in no memory.
    pub fn begin_by(&mut self, rules: Arc<Rules>) {
        self.rules = rules;
        self.monitor = Monitor::new(self.rules.reading.clone(), self.fetuses);
        self.void = self.next > self.start;
        self.finals.clear();
        self.held.clear();
        self.now.clear();
    }

    /// Reads on until a slot. Beyond what has come there is no signal: a line that is cut makes a window not assessable.
    /// `true` when something new can be said.
    pub fn read(&mut self, strip: &Strip, until: i64) -> bool {
        self.read_looking(strip, until, |at| at % MINUTE == 0)
    }

    /// Likewise, with a provisional reading only after so many slots from the beginning as `looks` says: it costs a hundred times as much
    /// as a second that is read.
    pub fn read_looking(&mut self, strip: &Strip, until: i64, looks: impl Fn(i64) -> bool) -> bool {
        if self.void {
            return false;
        }
        if until - self.next > KEPT {
            self.begin_at(until - KEPT);
        }
        let mut told = false;
        while self.next < until {
            let windows = self.monitor.push(&strip.frame(self.next));
            self.next += 1;
            for window in windows {
                self.finish_window(window);
                told = true;
            }
            if looks(self.next - self.start) {
                self.look();
                told = true;
            }
        }
        told
    }

    /// Reads everything that is kept anew: late samples are where they belong then. What became final earlier stays.
    pub fn read_anew(&mut self, strip: &Strip) {
        let until = self.next;
        let windows = (strip.first() - self.start).max(0).unsigned_abs().div_ceil(WINDOW_SLOTS.unsigned_abs());
        // in the same ten minutes as before, unless it is known now what was before that
        let start = strip.first().min(self.start) + windows as i64 * WINDOW_SLOTS;
        let mut finals = std::mem::take(&mut self.finals);
        finals.retain(|one| one.slot(one.window.until) <= start);
        self.begin_at(start);
        self.read(strip, until);
        finals.append(&mut self.finals);
        self.finals = finals;
    }

    /// What came has ended: all of it is final.
    pub fn finish(mut self) -> Vec<Judged> {
        let fetuses = self.fetuses;
        let empty = Monitor::new(self.rules.reading.clone(), fetuses);
        for told in std::mem::replace(&mut self.monitor, empty).finish() {
            self.finish_window(told);
        }
        self.finals
    }

    /// What can be said so far: what is final, and what may still change.
    pub fn so_far(self) -> Vec<Judged> {
        let newest = |one: &Judged| {
            self.held
                .iter()
                .all(|held| held.fetus != one.fetus || held.slot(held.window.until) < one.slot(one.window.until))
        };
        let now: Vec<Judged> = self.now.iter().filter(|one| newest(one)).cloned().collect();
        self.finals.into_iter().chain(self.held).chain(now).collect()
    }

    fn begin_at(&mut self, start: i64) {
        let (fetuses, readings) = (self.fetuses, self.readings + 1);
        *self = Self::new(self.rules.clone(), start);
        (self.fetuses, self.readings) = (fetuses, readings);
        self.monitor = Monitor::new(self.rules.reading.clone(), fetuses);
    }

    /// A window became final.
    fn finish_window(&mut self, told: Told) {
        let Told { fetus, window } = told;
        self.held.retain(|one| one.fetus != fetus || one.window.from >= window.until);
        let before = self.finals.iter().filter(|one| one.fetus == fetus && one.base == self.start);
        let all: Vec<Window> = before.map(|one| one.window.clone()).chain([window.clone()]).collect();
        let beside = figo(&all).zip(nichd(&all));
        let judged = Judged { beside, ..self.judged(fetus, window) };
        self.finals.push(judged);
        let too_many = self.finals.len().saturating_sub(WINDOWS * usize::from(self.fetuses));
        self.finals.drain(..too_many);
    }

    /// Reads the last ten whole minutes.
    fn look(&mut self) {
        let fetuses = Fetus::ALL.into_iter().take(usize::from(self.fetuses));
        let read = fetuses.filter_map(|fetus| Some((fetus, self.monitor.provisional(fetus)?)));
        let now: Vec<Judged> = read.map(|(fetus, window)| self.judged(fetus, window)).collect();
        self.held.extend(now.iter().filter(|one| one.window.until.is_multiple_of(WINDOW)).cloned());
        self.now = now;
    }

    fn judged(&self, fetus: Fetus, window: Window) -> Judged {
        let jsog = self.rules.jsog.rate(&window, self.rules.reserve, &self.rules.reading.limits);
        Judged { fetus, base: self.start, window, jsog, beside: None }
    }
}

impl Judged {
    /// The slot of one of its window's seconds.
    pub fn slot(&self, second: usize) -> i64 {
        self.base + second as i64 * HERTZ as i64
    }
    /// Whether its window will not change any more.
    pub fn is_final(&self) -> bool {
        self.window.standing == Standing::Final
    }
}
