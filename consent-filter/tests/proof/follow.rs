//! After every beat of a story every view equals the reference's, reason for reason; and everything that is kept from
//! beat to beat (visibilities, what was touched, who is reached) says the same.

use super::reference::{self, Grounds};
use super::story::{Beat, Story, dawn};
use super::world::{World, everybody};
use consent_filter::{Audience, Book, Decision, Facts, Patients, Permit, Reason, Touched, Visibility};
use model::*;
use std::collections::BTreeSet;

/// Where and how the book and the reference part.
#[derive(Clone, PartialEq, Debug)]
pub struct Found {
    /// The beat after which they do, from 0.
    pub beat: usize,
    pub law: &'static str,
    /// Whose view it is, by their place among the story's viewers; absent where it is nobody's in particular.
    pub viewer: Option<usize>,
}

type Answers = Vec<Vec<Result<Grounds, Reason>>>;

/// How much happened in a story: a proof over worlds in which nothing happens proves nothing.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Seen {
    /// Answers that showed another facility's record.
    pub shared: u64,
    /// Records that came into a view, or left it, though no letter of theirs arrived.
    pub spliced: u64,
    pub retracted: u64,
    /// Why records were withheld.
    pub reasons: BTreeSet<Reason>,
}

/// Follows a story to its end, or to where book and reference part.
pub fn follow(story: &Story) -> Option<Found> {
    let mut line = Line::new(story);
    line.follow()
}

/// What happens in a story, for those who ask whether anything does.
pub fn seen(story: &Story) -> Seen {
    let mut line = Line::new(story);
    line.follow();
    line.seen
}

/// As [`follow`]; a book that panics has parted too.
pub fn disagreement(story: &Story) -> Option<Found> {
    let followed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| follow(story)));
    followed.unwrap_or(Some(Found { beat: 0, law: "the book panics at nothing", viewer: None }))
}

struct Line<'a> {
    story: &'a Story,
    world: World,
    now: Moment,
    /// The records that stand, and their facts.
    records: Vec<(RecordRef, reference::Sample, Facts)>,
    /// What each viewer was answered after the beat before, record by record.
    answers: Answers,
    /// Kept open from the beginning, as the feeds keep theirs.
    open: Vec<Visibility>,
    seen: Seen,
}

type Checked = Result<(), (&'static str, Option<usize>)>;

fn law(holds: bool, law: &'static str, viewer: impl Into<Option<usize>>) -> Checked {
    if holds { Ok(()) } else { Err((law, viewer.into())) }
}

impl<'a> Line<'a> {
    fn new(story: &'a Story) -> Self {
        let world = World::default();
        let open = story.viewers.iter().map(|viewer| world.book.visibility(viewer, dawn())).collect();
        let answers = vec![Vec::new(); story.viewers.len()];
        Self { story, world, now: dawn(), records: Vec::new(), answers, open, seen: Seen::default() }
    }

    fn follow(&mut self) -> Option<Found> {
        for (beat, what) in self.story.beats.iter().enumerate() {
            if let Err((law, viewer)) = self.take(what, beat) {
                return Some(Found { beat, law, viewer });
            }
        }
        None
    }

    fn take(&mut self, what: &Beat, beat: usize) -> Checked {
        let (before, was) = (self.now, self.world.book.generation());
        let mut touched = None;
        let quiet;
        match what {
            Beat::Clock(moment) => {
                let upto = *moment;
                quiet = self.world.book.next_change_after(before).is_none_or(|change| change > upto);
                self.now = upto;
                for (at, visibility) in self.open.iter_mut().enumerate() {
                    // As a listener does: moved where that is enough, made anew where not.
                    let current = visibility.is_current(&self.world.book, upto);
                    let moved = visibility.advance_to(upto);
                    if !moved || current {
                        let anew = self.world.book.visibility(visibility.viewer(), upto);
                        law(!current || moved && *visibility == anew, "a visibility said to be current is", at)?;
                        *visibility = anew;
                    }
                }
            }
            Beat::Told(body) => {
                quiet = true;
                let applied = self.world.tell(body.as_ref().clone());
                if let Body::Record(record) = body.as_ref() {
                    // A class that is new is learnt, and nothing shown before has it.
                    let _ = self.world.facts(&reference::sample(record));
                    self.open.iter_mut().for_each(|open| open.refresh(&self.world.book, &Touched::Nothing));
                } else {
                    for (at, visibility) in self.open.iter_mut().enumerate() {
                        if visibility.is_current(&self.world.book, before) {
                            let anew = self.world.book.visibility(visibility.viewer(), before);
                            law(*visibility == anew, "a visibility said to be current is", at)?;
                        }
                        visibility.refresh(&self.world.book, &applied.touched);
                    }
                    touched = Some(applied.touched);
                }
            }
        }
        let (old_records, old_answers) = (std::mem::take(&mut self.records), std::mem::take(&mut self.answers));
        self.look();
        for viewer in 0..self.story.viewers.len() {
            self.compare(viewer, beat)?;
        }
        let changed = |viewer: usize| {
            let (now, then, old_records) = (&self.answers[viewer], &old_answers[viewer], &old_records);
            self.records.iter().enumerate().filter(move |(at, (id, _, facts))| {
                let stood = old_records.iter().position(|(old, _, held)| old == id && held == facts);
                stood.is_some_and(|old| then[old].is_ok() != now[*at].is_ok())
            })
        };
        let (mut spliced, mut retracted) = (0, 0);
        for viewer in 0..self.story.viewers.len() {
            for (at, _) in changed(viewer) {
                if self.answers[viewer][at].is_ok() { spliced += 1 } else { retracted += 1 }
            }
        }
        self.seen.spliced += spliced;
        self.seen.retracted += retracted;
        for answer in self.answers.iter().flatten() {
            match answer {
                Ok(Grounds::Own) => {}
                Ok(_) => self.seen.shared += 1,
                Err(reason) => drop(self.seen.reasons.insert(*reason)),
            }
        }
        match (what, touched) {
            (Beat::Told(_), Some(touched)) => {
                let pairs = self.world.book.pairs(&touched);
                for viewer in 0..self.story.viewers.len() {
                    let facility = self.world.book.facility(&self.story.viewers[viewer].facility);
                    for (_, (_, _, facts)) in changed(viewer) {
                        let named = facility.is_some_and(|at| pairs.contains(&(at, facts.patient)));
                        law(named, "what an event touches names every view it changes", viewer)?;
                        law(was != self.world.book.generation(), "a change moves the generation on", viewer)?;
                    }
                }
            }
            (Beat::Told(body), None) => match body.as_ref() {
                Body::Record(record) => self.reach(&record.reference())?,
                _ => unreachable!("only records touch nothing of the book"),
            },
            (Beat::Clock(_), _) => {
                let held = |facts: &Facts| {
                    self.world.book.release_after(facts, before).is_some_and(|release| release <= self.now)
                };
                for viewer in 0..self.story.viewers.len() {
                    let silent = quiet && changed(viewer).any(|(_, (_, _, facts))| !held(facts));
                    law(!silent, "between two moments without a boundary nothing changes", viewer)?;
                }
            }
        }
        Ok(())
    }

    /// Works out anew which records stand and what everybody must be answered.
    fn look(&mut self) {
        let standing = reference::standing(&self.world.log);
        let samples: Vec<_> =
            standing.into_iter().map(|(_, record)| (record.reference(), reference::sample(record))).collect();
        self.records = samples
            .into_iter()
            .map(|(id, sample)| {
                let facts = self.world.facts(&sample);
                (id, sample, facts)
            })
            .collect();
        let answer = |viewer: &Principal| {
            let judged =
                |(_, sample, _): &_| reference::judge(&self.world.log, sample as &reference::Sample, viewer, self.now);
            self.records.iter().map(judged).collect()
        };
        self.answers = self.story.viewers.iter().map(answer).collect();
    }

    /// One view, row for row and reason for reason.
    fn compare(&self, at: usize, beat: usize) -> Checked {
        let (viewer, book) = (&self.story.viewers[at], &self.world.book);
        let anew = (at + beat).is_multiple_of(4).then(|| book.visibility(viewer, self.now));
        for ((_, sample, facts), expected) in self.records.iter().zip(&self.answers[at]) {
            let decision = book.decide(facts, viewer, self.now);
            let same = match (decision, expected) {
                (Decision::Withhold(reason), Err(expected)) => reason == *expected,
                (Decision::Permit(permit), Ok(grounds)) => self.stands_on(permit, grounds, sample, viewer),
                _ => false,
            };
            law(same, "every decision is the reference's, reason for reason", at)?;
            law(self.open[at].permits(facts) == expected.is_ok(), "a visibility kept open shows the view", at)?;
            law(scanned(book, &self.open[at], facts) == expected.is_ok(), "its bounds show the view", at)?;
            if (at + beat).is_multiple_of(8) {
                let told = book.explain(facts, viewer, self.now);
                law(told.decision == decision, "an explanation says what was decided", at)?;
            }
        }
        let same = anew.is_none_or(|anew| self.open[at] == anew);
        law(same, "a visibility kept open equals a new one", at)
    }

    fn stands_on(&self, permit: Permit, grounds: &Grounds, sample: &reference::Sample, viewer: &Principal) -> bool {
        let linked = |own| {
            self.world.book.patient_ref(own).is_some_and(|own| {
                *own.facility() == viewer.facility && reference::person(&self.world.log, &sample.patient).contains(own)
            })
        };
        match (permit, grounds) {
            (Permit::Own, Grounds::Own) => true,
            (Permit::Shared { consent, rule, own_patient }, Grounds::Shared { consent: id, rule: at }) => {
                self.world.book.consent_id(consent).as_ref() == Some(id)
                    && usize::from(rule) == *at
                    && linked(own_patient)
            }
            (Permit::BrokenGlass { glass, rule, own_patient }, Grounds::BrokenGlass { glass: id, rule: at }) => {
                let glasses = self.world.book.glasses_of(&sample.patient);
                glasses.get(glass as usize).map(|glass| &glass.id) == Some(id)
                    && usize::from(rule) == *at
                    && linked(own_patient)
            }
            _ => false,
        }
    }

    /// The audience of a record that came is who is permitted, and nobody else.
    fn reach(&self, record: &RecordRef) -> Checked {
        let Some(at) = self.records.iter().position(|(id, ..)| id == record) else { return Ok(()) };
        let (_, sample, facts) = &self.records[at];
        let mut audience = Audience::new();
        self.world.book.audience(facts, self.now, &mut audience);
        let told: BTreeSet<&FacilityId> =
            audience.reached().iter().filter_map(|reached| self.world.book.facility_id(reached.facility)).collect();
        let mut permitted = BTreeSet::new();
        for (viewer, answers) in self.story.viewers.iter().zip(&self.answers) {
            if answers[at].is_ok() {
                permitted.insert(&viewer.facility);
            }
        }
        law(permitted.is_subset(&told), "an audience misses nobody", None)?;
        let everybody = everybody();
        for facility in told.difference(&permitted) {
            let mut of = everybody.iter().filter(|viewer| viewer.facility == **facility);
            let somebody = of.any(|who| reference::decide(&self.world.log, sample, who, self.now).is_ok());
            law(somebody, "an audience is told nothing it may not see", None)?;
        }
        Ok(())
    }
}

/// Whether a scan by sources, patient lists and column bounds would show the record.
pub fn scanned(book: &Book, visibility: &Visibility, facts: &Facts) -> bool {
    let Some(class) = book.scope_class(facts.class) else { return false };
    let Some((_, patients)) = visibility.sources().find(|(source, _)| **source == class.source) else { return false };
    let grant = match patients {
        Patients::Whole => visibility.own(),
        Patients::Listed(listed) => {
            assert!(listed.windows(2).all(|pair| pair[0] < pair[1]), "sorted, each once");
            listed.binary_search(&facts.patient).ok().and_then(|_| visibility.grant(facts.patient))
        }
    };
    let (occurred, recorded) = (facts.occurred.micros(), facts.recorded.micros());
    grant.is_some_and(|grant| {
        grant.alternatives().any(|bounds| {
            bounds.classes.iter().any(|class| class == facts.class)
                && bounds.occurred_from <= occurred
                && occurred < bounds.occurred_until
                && recorded <= bounds.recorded_until
        })
    })
}
