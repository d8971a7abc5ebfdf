//! A chart's entries, pregnancy by pregnancy.

use super::fact::{Chart, Fact, Noted};
use crate::diabetes::{Date, day_of, days_between, days_later, start_of};
use crate::perinatal::maternal::{Delivery, Pressure};
use crate::perinatal::pregnancy::{
    Basis, Birth, Checkup, DueDate, Entry, FetalMeasure, FetusMeasured, GestationalAge, Pregnancy, Registration,
    RiskLimits, Said, Stage, TERM_DAYS, TermClass, estimated_weight,
};
use model::{FacilityId, Moment, PatientRef};
use std::collections::{BTreeMap, BTreeSet};

/// For so long after a birth what is noted counts to its pregnancy: twelve weeks (a choice, after the definition of
/// hypertensive disorders).
pub const AFTER_BIRTH_DAYS: i32 = 84;
/// Entries whose pregnancies begin at most so far apart are of one (a choice).
const SAME_DAYS: i32 = 90;
/// Younger than this, eight years, nobody is pregnant (a choice).
const YOUNGEST_DAYS: i32 = 8 * 365;
/// Two pressures taken at most so long apart are one, microseconds (a choice).
const TOGETHER: i64 = 5 * 60_000_000;

/// How a pregnancy stands at a moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Outcome {
    /// She is pregnant.
    Pregnant,
    /// The children were born.
    Born,
    /// It ended otherwise.
    Ended,
    /// No entry says how it ended, and it is past its time or another began.
    NotKnown,
}

/// When and how a pregnancy ended.
#[derive(Clone, PartialEq, Debug)]
pub struct Ending {
    /// When.
    pub at: Moment,
    /// At which age, where that is known.
    pub age: Option<GestationalAge>,
    /// What a child born at that age is called; `None` where it is no birth.
    pub term: Option<TermClass>,
    /// How, where it is a birth and that was said.
    pub delivery: Option<Delivery>,
}

/// A child of a pregnancy.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Newborn {
    /// Which fetus it was, where that was said.
    pub fetus: Option<u8>,
    /// Its own patient ref: its record goes on there.
    pub patient: PatientRef,
}

/// What was measured of a fetus at a visit.
#[derive(Clone, PartialEq, Debug)]
pub struct FetusAt {
    /// Which, from 1.
    pub number: u8,
    /// Biparietal diameter, abdominal circumference and femur length, mm.
    pub biometry: [Option<f64>; 3],
    /// Estimated weight in grams, and whether it was computed here from the three.
    pub weight: Option<(f64, bool)>,
    /// Heart rate, beats/min.
    pub rate: Option<f64>,
    /// How it lies.
    pub presentation: Option<crate::perinatal::pregnancy::Presentation>,
}

/// A visit: everything noted of a check-up on one day at one facility.
#[derive(Clone, PartialEq, Debug)]
pub struct VisitAt {
    /// When its first entry was true.
    pub at: Moment,
    /// Where.
    pub source: FacilityId,
    /// The age of the pregnancy then, by the due date that holds now.
    pub age: Option<GestationalAge>,
    /// What was found of the mother.
    pub checkup: Checkup,
    /// What was found of each fetus, by number.
    pub fetuses: Vec<FetusAt>,
}

/// One pregnancy of a chart, as it is known at a moment.
#[derive(Clone, PartialEq, Debug)]
pub struct OfPregnancy {
    /// Which of hers, from 1, as far as records here tell.
    pub number: u32,
    /// The first day, by the due date that holds; else that of its first entry.
    pub begun: Date,
    /// The record.
    pub record: Pregnancy,
    /// When its registration was noted.
    pub registered: Option<Moment>,
    /// How it stands.
    pub outcome: Outcome,
    /// How it ended.
    pub ending: Option<Ending>,
    /// The visits, in order.
    pub visits: Vec<VisitAt>,
    /// The children, as entries name them.
    pub newborns: Vec<Newborn>,
    /// The facilities whose entries it rests on, in order.
    pub sources: Vec<FacilityId>,
    /// The age of the pregnancy now; `None` when it has ended or is not dated.
    pub age: Option<GestationalAge>,
}

impl OfPregnancy {
    /// The day by which the next check-up is due: by the age at the last one, or at the registration where there was none.
    /// `None` where she is not pregnant any more, or that age is not known.
    pub fn checkup_due(&self, limits: &RiskLimits) -> Option<Date> {
        if self.outcome != Outcome::Pregnant {
            return None;
        }
        let last = self.visits.last().map(|visit| visit.at).or(self.registered)?;
        let age = self.record.due?.age_on(day_of(last))?;
        Some(days_later(day_of(last), limits.checkup_interval(age)))
    }
}

struct Group<'a> {
    start: Option<Date>,
    first: Date,
    ended: Option<Date>,
    notes: Vec<&'a Noted>,
}

impl Noted {
    /// Whether it tells of a pregnancy, and not of a woman who may be asked the same without one.
    fn says_pregnant(&self) -> bool {
        let of_her = |fact: &Fact| {
            matches!(
                fact,
                Fact::Gravida(_) | Fact::Para(_) | Fact::History(_) | Fact::Height(_) | Fact::WeightBefore(_)
            )
        };
        self.age.is_some() || !of_her(&self.fact)
    }

    /// The first day of the pregnancy that this entry tells of.
    fn start(&self) -> Option<Date> {
        if let Fact::Dated(basis) = &self.fact
            && let Ok(due) = DueDate::new(*basis)
        {
            return Some(days_later(due.date(), -i64::from(TERM_DAYS)));
        }
        self.age.map(|age| days_later(day_of(self.at), -i64::from(age.days())))
    }
}

impl Group<'_> {
    fn holds(&self, note: &Noted) -> bool {
        let day = day_of(note.at);
        let longest = i32::from(GestationalAge::OLDEST.days());
        match (note.start(), self.start, self.ended) {
            (Some(start), Some(known), _) => days_between(known, start).abs() <= SAME_DAYS,
            (_, _, Some(ended)) => days_between(ended, day) <= AFTER_BIRTH_DAYS,
            (_, known, None) => days_between(known.unwrap_or(self.first), day) <= longest,
        }
    }
}

impl Chart {
    /// The pregnancies that entries tell of until a moment, by their beginning.
    pub fn pregnancies(&self, now: Moment) -> Vec<OfPregnancy> {
        let mut entries: Vec<&Noted> = self.notes.iter().filter(|note| note.entry && note.at <= now).collect();
        // of one moment in an order of their own: that of arrival means nothing
        entries.sort_by_cached_key(|note| (note.at, note.source.clone(), format!("{:?}", note.fact)));
        let mut groups: Vec<Group<'_>> = Vec::new();
        for note in entries {
            let at = match groups.iter().rposition(|group| group.holds(note)) {
                Some(at) => at,
                None => {
                    groups.push(Group { start: None, first: day_of(note.at), ended: None, notes: Vec::new() });
                    groups.len() - 1
                }
            };
            let Some(group) = groups.get_mut(at) else { continue };
            group.start = group.start.or_else(|| note.start());
            if matches!(note.fact, Fact::Born(_) | Fact::Ended) {
                group.ended = group.ended.or(Some(day_of(note.at)));
            }
            group.notes.push(note);
        }
        // what is asked of every woman does not say that she is pregnant
        groups.retain(|group| group.notes.iter().any(|note| note.says_pregnant()));
        let mut all: Vec<OfPregnancy> = groups.iter().map(|group| self.told(group, now)).collect();
        all.retain(|one| !self.is_child(one.begun));
        all.sort_by_key(|one| one.begun);
        let last = all.len();
        for (at, one) in all.iter_mut().enumerate() {
            one.number = u32::try_from(at + 1).unwrap_or(u32::MAX);
            if one.outcome == Outcome::Pregnant && at + 1 < last {
                one.outcome = Outcome::NotKnown;
                one.age = None;
            }
        }
        all
    }

    /// Whether she was a child on a day: a newborn's gestational age is no pregnancy of its own.
    fn is_child(&self, on: Date) -> bool {
        self.born.is_some_and(|born| days_between(born, on) < YOUNGEST_DAYS)
    }

    fn told(&self, group: &Group<'_>, now: Moment) -> OfPregnancy {
        let due = due_dates(&group.notes);
        let holds = due.last().map(|(_, due)| *due);
        let begun = holds.map_or(group.first, |due| days_later(due.date(), -i64::from(TERM_DAYS)));
        let visits = self.visits(group, holds);
        let (registered, registration) = self.registration(group);
        let newborns: BTreeSet<Newborn> = group
            .notes
            .iter()
            .filter_map(|note| match &note.fact {
                Fact::Newborn(patient, fetus) => Some(Newborn { fetus: *fetus, patient: patient.clone() }),
                _ => None,
            })
            .collect();
        let newborns: Vec<Newborn> = newborns.into_iter().collect();
        let mut said: Vec<(Moment, Said)> = Vec::new();
        said.extend(registered.zip(registration).map(|(at, one)| (at, Said::Registered(one))));
        said.extend(due.into_iter().map(|(at, due)| (at, Said::Dated(due))));
        said.extend(visits.iter().map(|visit| (visit.at, Said::CheckedUp(visit.checkup.clone()))));
        said.extend(ending(group, &newborns));
        let entries: Vec<Entry> =
            (1..).zip(said).map(|(number, (at, said))| Entry { number, version: 1, at, said: Some(said) }).collect();
        let none =
            || Pregnancy { registration: None, due: None, due_before: vec![], visits: vec![], stage: Stage::Pregnant };
        let record = Pregnancy::at(&entries, now).unwrap_or_else(none);
        let age = holds.and_then(|due| due.age_at(now));
        let longest = i32::from(GestationalAge::OLDEST.days());
        let (outcome, ending) = match &record.stage {
            Stage::Born { at, age, birth } => {
                let term = age.map(GestationalAge::term);
                (Outcome::Born, Some(Ending { at: *at, age: *age, term, delivery: birth.delivery }))
            }
            Stage::Ended { at } => {
                let age = holds.and_then(|due| due.age_at(*at));
                (Outcome::Ended, Some(Ending { at: *at, age, term: None, delivery: None }))
            }
            Stage::Pregnant if days_between(begun, day_of(now)) > longest => (Outcome::NotKnown, None),
            Stage::Pregnant => (Outcome::Pregnant, None),
        };
        let sources: BTreeSet<FacilityId> = group.notes.iter().map(|note| note.source.clone()).collect();
        let age = age.filter(|_| outcome == Outcome::Pregnant);
        let sources = sources.into_iter().collect();
        OfPregnancy { number: 0, begun, record, registered, outcome, ending, visits, newborns, sources, age }
    }

    /// What was said when it was registered, and since: of each part what was said last.
    fn registration(&self, group: &Group<'_>) -> (Option<Moment>, Option<Registration>) {
        let mut found = Registration {
            born: self.born,
            height: None,
            weight: None,
            gravida: None,
            para: None,
            children: None,
            history: vec![],
        };
        let (mut registered, mut first) = (None, None);
        for note in &group.notes {
            match &note.fact {
                Fact::Registered(children) => {
                    registered = registered.or(Some(note.at));
                    found.children = children.or(found.children);
                }
                Fact::Gravida(count) => found.gravida = Some(*count),
                Fact::Para(count) => found.para = Some(*count),
                Fact::Children(count) => found.children = Some(*count),
                Fact::Height(height) => found.height = Some(*height),
                Fact::WeightBefore(weight) => found.weight = Some(*weight),
                Fact::History(history) => found.history.push(*history),
                _ => continue,
            }
            first = first.or(Some(note.at));
        }
        found.history.sort_unstable();
        found.history.dedup();
        // a height that was measured at any time is hers
        let heights = self.notes.iter().filter_map(|note| match note.fact {
            Fact::Height(height) => Some((note.at, height)),
            _ => None,
        });
        let last = heights.max_by_key(|(at, _)| *at).map(|(_, height)| height);
        found.height = found.height.or(last);
        (registered.or(first), first.map(|_| found))
    }

    fn visits(&self, group: &Group<'_>, due: Option<DueDate>) -> Vec<VisitAt> {
        let ended = group.notes.iter().find(|note| matches!(note.fact, Fact::Born(_) | Fact::Ended));
        let ended = ended.map(|note| note.at);
        let mut of: BTreeMap<(Date, FacilityId), Vec<&Noted>> = BTreeMap::new();
        for note in &group.notes {
            if is_of_checkup(&note.fact) && ended.is_none_or(|ended| note.at < ended) {
                of.entry((day_of(note.at), note.source.clone())).or_default().push(*note);
            }
        }
        let mut visits: Vec<VisitAt> = of
            .into_iter()
            .map(|((day, source), mut notes)| {
                let at = notes.iter().map(|note| note.at).min();
                // signs that were written down apart, on the same day at the same place
                let apart = self.notes.iter().filter(|note| !note.entry && note.source == source);
                notes.extend(apart.filter(|note| day_of(note.at) == day && is_sign(&note.fact)));
                notes.sort_by_cached_key(|note| (!note.entry, note.at, format!("{:?}", note.fact)));
                let fetuses = fetuses(&notes);
                let checkup = checkup(&notes, &fetuses);
                let at = at.or_else(|| start_of(day));
                at.map(|at| VisitAt { at, age: due.and_then(|due| due.age_on(day)), source, checkup, fetuses })
            })
            .collect::<Option<Vec<VisitAt>>>()
            .unwrap_or_default();
        visits.sort_by(|a, b| (a.at, &a.source).cmp(&(b.at, &b.source)));
        visits
    }
}

/// The due dates that were given, in order, each change once. What an entry states of its age without a basis holds only where
/// no due date was given at all.
fn due_dates(notes: &[&Noted]) -> Vec<(Moment, DueDate)> {
    let explicit = notes.iter().filter_map(|note| match &note.fact {
        Fact::Dated(Basis::Stated { .. }) => None,
        Fact::Dated(basis) => Some((note.at, DueDate::new(*basis).ok()?)),
        _ => None,
    });
    let mut dates: Vec<(Moment, DueDate)> = explicit.collect();
    dates.dedup_by(|later, before| later.1 == before.1);
    if dates.is_empty() {
        let stated = notes.iter().rev().find_map(|note| {
            let basis = Basis::Stated { on: day_of(note.at), age: note.age? };
            Some((note.at, DueDate::new(basis).ok()?))
        });
        dates.extend(stated);
    }
    dates
}

/// The birth, or the other end. Of several births (twins; two facilities that tell of one) the first is when it was, and one by
/// caesarean section makes it one.
fn ending(group: &Group<'_>, newborns: &[Newborn]) -> Option<(Moment, Said)> {
    let births: Vec<(Moment, Option<Delivery>)> = group
        .notes
        .iter()
        .filter_map(|note| match &note.fact {
            Fact::Born(delivery) => Some((note.at, *delivery)),
            _ => None,
        })
        .collect();
    if let Some((at, _)) = births.first() {
        let how = |how| births.iter().any(|(_, delivery)| *delivery == Some(how)).then_some(how);
        let delivery = how(Delivery::Caesarean).or(how(Delivery::Vaginal));
        let newborns = newborns.iter().map(|newborn| newborn.patient.clone()).collect();
        return Some((*at, Said::Born(Birth { delivery, newborns })));
    }
    let ended = group.notes.iter().find(|note| note.fact == Fact::Ended)?;
    Some((ended.at, Said::Ended))
}

fn is_of_checkup(fact: &Fact) -> bool {
    is_sign(fact)
        || matches!(
            fact,
            Fact::CheckedUp
                | Fact::Protein(_)
                | Fact::Sugar(_)
                | Fact::FundalHeight(_)
                | Fact::CervixLength(_)
                | Fact::PlacentaPraevia(_)
                | Fact::Fetal(..)
                | Fact::FetalRate(..)
                | Fact::Lie(..)
        )
}

fn is_sign(fact: &Fact) -> bool {
    matches!(fact, Fact::Weight(_) | Fact::Systolic(_) | Fact::Diastolic(_) | Fact::Protein(_) | Fact::Sugar(_))
}

/// Of each finding the first note that has it: entries before what was written down apart.
fn checkup(notes: &[&Noted], fetuses: &[FetusAt]) -> Checkup {
    fn first<T>(notes: &[&Noted], of: impl Fn(&Fact) -> Option<T>) -> Option<T> {
        notes.iter().find_map(|note| of(&note.fact))
    }
    let of_fetus = |one: &FetusAt| {
        let [bpd, ac, fl] = one.biometry;
        let measures = [
            (FetalMeasure::Weight, one.weight.map(|(grams, _)| grams)),
            (FetalMeasure::Bpd, bpd),
            (FetalMeasure::Ac, ac),
            (FetalMeasure::Fl, fl),
        ];
        let measures = measures.into_iter().filter_map(|(which, value)| Some((which, value?))).collect();
        FetusMeasured { number: one.number, measures, presentation: one.presentation }
    };
    Checkup {
        weight: first(notes, |fact| if let Fact::Weight(kg) = fact { Some(*kg) } else { None }),
        pressure: pressures(notes.iter().copied()).first().map(|(_, pressure)| *pressure),
        protein: first(notes, |fact| if let Fact::Protein(grade) = fact { Some(*grade) } else { None }),
        sugar: first(notes, |fact| if let Fact::Sugar(grade) = fact { Some(*grade) } else { None }),
        fundal_height: first(notes, |fact| if let Fact::FundalHeight(cm) = fact { Some(*cm) } else { None }),
        cervix: first(notes, |fact| if let Fact::CervixLength(mm) = fact { Some(*mm) } else { None }),
        placenta_praevia: first(notes, |fact| if let Fact::PlacentaPraevia(is) = fact { Some(*is) } else { None }),
        fetuses: fetuses.iter().map(of_fetus).collect(),
    }
}

fn fetuses(notes: &[&Noted]) -> Vec<FetusAt> {
    let mut found: BTreeMap<u8, FetusAt> = BTreeMap::new();
    for note in notes {
        let number = match &note.fact {
            Fact::Fetal(number, ..) | Fact::FetalRate(number, _) | Fact::Lie(number, _) => *number,
            _ => continue,
        };
        let none = || FetusAt { number, biometry: [None; 3], weight: None, rate: None, presentation: None };
        let one = found.entry(number).or_insert_with(none);
        let [bpd, ac, fl] = &mut one.biometry;
        match &note.fact {
            Fact::Fetal(_, FetalMeasure::Weight, grams) => one.weight = one.weight.or(Some((*grams, false))),
            Fact::Fetal(_, FetalMeasure::Bpd, mm) => *bpd = bpd.or(Some(*mm)),
            Fact::Fetal(_, FetalMeasure::Ac, mm) => *ac = ac.or(Some(*mm)),
            Fact::Fetal(_, FetalMeasure::Fl, mm) => *fl = fl.or(Some(*mm)),
            Fact::FetalRate(_, rate) => one.rate = one.rate.or(Some(*rate)),
            Fact::Lie(_, lie) => one.presentation = one.presentation.or(Some(*lie)),
            _ => {}
        }
    }
    for one in found.values_mut() {
        if let (None, [Some(bpd), Some(ac), Some(fl)]) = (one.weight, one.biometry) {
            one.weight = estimated_weight(bpd, ac, fl).ok().map(|grams| (grams, true));
        }
    }
    found.into_values().collect()
}

/// Pressures: each systolic one with the nearest diastolic one of the same source, taken at most five minutes apart. In order.
pub(super) fn pressures<'a>(notes: impl Iterator<Item = &'a Noted> + Clone) -> Vec<(Moment, Pressure)> {
    let of = |of: fn(&Fact) -> Option<f64>| {
        let found = notes.clone().filter_map(move |note| Some((note.at, &note.source, of(&note.fact)?)));
        found.collect::<Vec<(Moment, &FacilityId, f64)>>()
    };
    let low = of(|fact| if let Fact::Diastolic(value) = fact { Some(*value) } else { None });
    let high = of(|fact| if let Fact::Systolic(value) = fact { Some(*value) } else { None });
    let mut pairs: Vec<(Moment, Pressure)> = high
        .into_iter()
        .filter_map(|(at, source, systolic)| {
            let apart = |one: &&(Moment, &FacilityId, f64)| (one.0.since(at)).abs();
            let near = low.iter().filter(|one| one.1 == source && apart(one) <= TOGETHER).min_by_key(apart)?;
            Some((at, Pressure::new(systolic, near.2).ok()?))
        })
        .collect();
    pairs.sort_by_key(|(at, _)| *at);
    pairs
}
