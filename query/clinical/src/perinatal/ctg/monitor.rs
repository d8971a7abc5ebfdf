//! A trace read as it comes, with bounded memory: what it says of a window in the end is what [`super::analyse`] says of it.
//!
//! Cleaning, seconds, the baseline (which looks twenty minutes ahead), excursions and windows follow one another, each as
//! soon as nothing that is still to come can change it. A window is final at most half an hour after its last second;
//! until then, and for the last ten minutes at any moment, there is a provisional reading of what has come.

use super::analyse::{CONTEXT, baseline_of, own_baseline};
use super::excursion::{ExcursionScanner, excursions};
use super::uterus::{ContractionScanner, TONE_REACH, TONE_STEP, contractions, rises};
use super::window::{Found, Part, ReadingRules, Standing, WINDOW, Window};
use super::{
    Baseline, Bridge, Clean, Cleaner, Contraction, CtgLimits, Excursion, FETUSES, Fetus, Frame, HERTZ, Minute,
    SameHeart, Sample, Second, TwinWatch,
};

/// A window that is final.
#[derive(Clone, PartialEq, Debug)]
pub struct Told {
    /// Whose.
    pub fetus: Fetus,
    /// What is said.
    pub window: Window,
}

/// Reads the traces of one mother as they come.
#[derive(Clone, Debug)]
pub struct Monitor {
    rules: ReadingRules,
    uterus: Uterus,
    lanes: Vec<Lane>,
    twins: Option<TwinWatch>,
}

/// The end of a growing list, of which the beginning was let go.
#[derive(Clone, Debug)]
struct Kept<T> {
    first: usize,
    all: Vec<T>,
}

impl<T> Kept<T> {
    fn new() -> Self {
        Self { first: 0, all: Vec::new() }
    }
    fn end(&self) -> usize {
        self.first + self.all.len()
    }
    fn part(&self) -> Part<'_, T> {
        Part { first: self.first, all: &self.all }
    }
    /// Lets go of what comes before a place, in large pieces.
    fn let_go(&mut self, before: usize) {
        let count = before.saturating_sub(self.first).min(self.all.len());
        if count >= WINDOW / 10 {
            self.all.drain(..count);
            self.first += count;
        }
    }
}

impl Monitor {
    /// Watches some fetuses, at least one and at most three.
    pub fn new(rules: ReadingRules, fetuses: u8) -> Self {
        let count = usize::from(fetuses).clamp(1, FETUSES);
        let lanes = Fetus::ALL.iter().take(count).map(|fetus| Lane::new(*fetus, &rules.limits)).collect();
        let twins = (count > 1).then(|| TwinWatch::new(&rules.limits));
        Self { uterus: Uterus::new(&rules.limits), lanes, twins, rules }
    }

    /// Takes the next frame; gives the windows that became final by it.
    pub fn push(&mut self, frame: &Frame) -> Vec<Told> {
        let Self { rules, uterus, lanes, twins } = self;
        if let Some(twins) = twins {
            twins.push(frame);
        }
        uterus.push(frame.uterus);
        let mut told = Vec::new();
        for lane in lanes.iter_mut() {
            let sample = frame.fetal.get(lane.fetus.place()).copied().unwrap_or(Sample::LOST);
            if lane.push(sample, frame.maternal) {
                lane.advance(false, uterus, rules, &mut told);
            }
        }
        let oldest = lanes.iter().map(|lane| lane.next).min().unwrap_or_default();
        uterus.let_go(oldest);
        told
    }

    /// Takes several frames.
    pub fn push_all(&mut self, frames: &[Frame]) -> Vec<Told> {
        frames.iter().flat_map(|frame| self.push(frame)).collect()
    }

    /// The trace has ended: what is left becomes final.
    pub fn finish(mut self) -> Vec<Told> {
        self.uterus.end();
        let mut told = Vec::new();
        for lane in &mut self.lanes {
            lane.end();
            lane.advance(true, &self.uterus, &self.rules, &mut told);
        }
        told
    }

    /// The last ten whole minutes as far as they can be read now; `None` before there are ten, or for a fetus that is not
    /// watched. It may still change.
    pub fn provisional(&self, fetus: Fetus) -> Option<Window> {
        self.lanes.iter().find(|lane| lane.fetus == fetus)?.provisional(&self.uterus, &self.rules)
    }

    /// Traces that have been of one heart for the last minute: of these fetuses one is not watched.
    pub fn same_heart(&self) -> Vec<SameHeart> {
        self.twins.as_ref().map(TwinWatch::same_heart).unwrap_or_default()
    }

    /// How many seconds of all traces are held in memory.
    pub fn held(&self) -> usize {
        self.uterus.seconds.all.len() + self.lanes.iter().map(|lane| lane.seconds.all.len()).sum::<usize>()
    }
}

// === impl Uterus ===

#[derive(Clone, Debug)]
struct Uterus {
    samples: Vec<Sample>,
    bridge: Bridge,
    seconds: Kept<Second>,
    scanner: ContractionScanner,
    contractions: Vec<Contraction>,
}

impl Uterus {
    fn new(limits: &CtgLimits) -> Self {
        Self {
            samples: Vec::with_capacity(HERTZ),
            bridge: Bridge::new(limits),
            seconds: Kept::new(),
            scanner: ContractionScanner::new(limits, 0),
            contractions: Vec::new(),
        }
    }

    fn push(&mut self, sample: Sample) {
        self.samples.push(sample);
        if self.samples.len() == HERTZ {
            self.bridge.push(Second::of_uterus(&self.samples), &mut self.seconds.all);
            self.samples.clear();
            while self.scanner.at() + 2 * TONE_STEP + TONE_REACH <= self.seconds.end() {
                self.scan(self.scanner.at() + TONE_STEP);
            }
        }
    }

    fn scan(&mut self, until: usize) {
        let part = self.scanner.at()..until;
        for rise in rises(&self.seconds.all, self.seconds.first, part) {
            self.contractions.extend(self.scanner.push(rise));
        }
    }

    fn end(&mut self) {
        self.bridge.clone().finish(&mut self.seconds.all);
        self.scan(self.seconds.end());
        self.contractions.extend(self.scanner.finish());
    }

    /// Lets go of what no window from `oldest` on needs. A deceleration may have begun ten minutes before its window.
    fn let_go(&mut self, oldest: usize) {
        self.seconds.let_go(oldest.min(self.scanner.at().saturating_sub(TONE_REACH + TONE_STEP)));
        let far = oldest.saturating_sub(2 * WINDOW);
        if self.contractions.first().is_some_and(|one| one.end < far) {
            self.contractions.retain(|one| one.end >= far);
        }
    }
}

// === impl Lane ===

#[derive(Clone, Debug)]
struct Lane {
    fetus: Fetus,
    cleaner: Cleaner,
    /// Cleaned samples; the last of them do not fill a minute yet.
    samples: Vec<Clean>,
    /// How many of these are in seconds already.
    taken: usize,
    bridge: Bridge,
    seconds: Kept<Second>,
    minutes: Kept<Minute>,
    baseline: Kept<f32>,
    scanner: ExcursionScanner,
    excursions: Vec<Excursion>,
    /// The baseline of the window before, where it had one of its own.
    before: Option<Baseline>,
    /// Where the next window begins.
    next: usize,
    /// Samples until something may have become known.
    pause: usize,
}

impl Lane {
    fn new(fetus: Fetus, limits: &CtgLimits) -> Self {
        Self {
            fetus,
            cleaner: Cleaner::new(limits),
            samples: Vec::new(),
            taken: 0,
            bridge: Bridge::new(limits),
            seconds: Kept::new(),
            minutes: Kept::new(),
            baseline: Kept::new(),
            scanner: ExcursionScanner::new(limits, 0),
            excursions: Vec::new(),
            before: None,
            next: 0,
            pause: HERTZ,
        }
    }

    /// Takes a sample; says whether to look once more, which is every second.
    fn push(&mut self, fetal: Sample, maternal: Sample) -> bool {
        self.cleaner.push(fetal, maternal, &mut self.samples);
        self.pause -= 1;
        if self.pause > 0 {
            return false;
        }
        self.pause = HERTZ;
        self.take_cleaned();
        true
    }

    /// Cleaned samples become seconds and minutes.
    fn take_cleaned(&mut self) {
        while let Some(second) = self.samples.get(self.taken..self.taken + HERTZ) {
            self.bridge.push(Second::of(second), &mut self.seconds.all);
            self.taken += HERTZ;
        }
        while let Some(minute) = self.samples.get(..60 * HERTZ) {
            self.minutes.all.push(Minute::of(minute));
            self.samples.drain(..60 * HERTZ);
            self.taken = self.taken.saturating_sub(60 * HERTZ);
        }
    }

    fn end(&mut self) {
        self.cleaner.clone().finish(&mut self.samples);
        self.take_cleaned();
        self.bridge.clone().finish(&mut self.seconds.all);
    }

    /// Goes as far as what has come allows.
    fn advance(&mut self, ended: bool, uterus: &Uterus, rules: &ReadingRules, told: &mut Vec<Told>) {
        let end = self.seconds.end();
        loop {
            let from = self.baseline.end();
            let until = if ended { (from + WINDOW).min(end) } else { from + WINDOW };
            if from >= until || (!ended && until + CONTEXT > end) {
                break;
            }
            let curve = baseline_of(&self.seconds.all, self.seconds.first, from..until);
            let seconds = self.seconds.all.iter().skip(from - self.seconds.first);
            for (second, baseline) in seconds.zip(&curve) {
                self.excursions.extend(self.scanner.push(second.value(), *baseline));
            }
            self.baseline.all.extend(curve);
        }
        if ended {
            self.excursions.extend(self.scanner.finish());
        }
        while let Some(until) = self.ready(ended) {
            let found = Found {
                seconds: self.seconds.part(),
                baseline: self.baseline.part(),
                uterus: uterus.seconds.part(),
                minutes: self.minutes.part(),
                excursions: &self.excursions,
                contractions: &uterus.contractions,
            };
            let window = found.window((self.next, until), self.before, Standing::Final, rules);
            self.before = own_baseline(&window);
            self.next = until;
            told.push(Told { fetus: self.fetus, window });
            self.let_go();
        }
    }

    /// The end of the next window, when nothing that is still to come can change it.
    fn ready(&self, ended: bool) -> Option<usize> {
        let until = if ended { (self.next + WINDOW).min(self.seconds.end()) } else { self.next + WINDOW };
        if until <= self.next || self.baseline.end() < until {
            return None;
        }
        let closed = ended || self.scanner.under_way().is_none_or(|onset| onset >= until);
        // INVARIANT: contractions need no waiting for. What is known of the heart ends with the baseline, 20 minutes of
        // seconds lie beyond it, the tone looks 5½ minutes ahead, and no contraction lasts longer than 10.
        closed.then_some(until)
    }

    fn let_go(&mut self) {
        let needed = self.next.min(self.baseline.end().saturating_sub(CONTEXT));
        self.seconds.let_go(needed);
        self.baseline.let_go(needed);
        self.minutes.let_go(needed / 60);
        let next = self.next;
        self.excursions.retain(|one| one.end > next);
    }

    /// Reads the last ten whole minutes with what has come: what is undecided is decided as if the trace had ended.
    fn provisional(&self, uterus: &Uterus, rules: &ReadingRules) -> Option<Window> {
        let mut now = self.clone();
        now.end();
        let mut womb = uterus.seconds.clone();
        uterus.bridge.clone().finish(&mut womb.all);
        let until = now.seconds.end().min(womb.end()) / 60 * 60;
        if until < WINDOW {
            return None;
        }
        let from = until.saturating_sub(2 * WINDOW).max(now.seconds.first).max(womb.first);
        now.seconds.all.truncate(until - now.seconds.first);
        let baseline = baseline_of(&now.seconds.all, now.seconds.first, from..until);
        let seconds = now.seconds.part().between(from, until);
        let rates: Vec<Option<f32>> = seconds.iter().map(|second| second.value()).collect();
        let excursions: Vec<Excursion> =
            excursions(&rates, &baseline, &rules.limits).into_iter().map(|one| one.later(from)).collect();
        let rises = rises(&womb.all, womb.first, from..until);
        let contractions: Vec<Contraction> =
            contractions(&rises, &rules.limits).into_iter().map(|one| one.later(from)).collect();
        let found = Found {
            seconds: now.seconds.part(),
            baseline: Part { first: from, all: &baseline },
            uterus: womb.part(),
            minutes: now.minutes.part(),
            excursions: &excursions,
            contractions: &contractions,
        };
        let last = until - WINDOW;
        let before = last.checked_sub(WINDOW).filter(|before| *before >= from);
        let before = before.map(|before| found.window((before, last), None, Standing::Provisional, rules));
        Some(found.window((last, until), before.as_ref().and_then(own_baseline), Standing::Provisional, rules))
    }
}
