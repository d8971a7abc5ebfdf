//! Beds as JSON.
//!
//! Times are microseconds since 1970: those that end in `_us` and belong to samples by the source's clock, all others by ours.
//! Words are numbers: `words` of a line says what those mean that were not used before.

use query::beds::{
    Bed, Course, Ended, EventTold, Judged, Lead, LevelTold, LineTold, Moment, Names, News, ReadBy, Rules, SLOT, Slot,
    Strip, WindowTold, Word, line, read_by, window,
};
use serde_json::{Map, Value, json};
use std::ops::Range;

/// Where samples are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    /// On a tile: hearts and uterus, values alone.
    Wall,
    /// On a whole screen: everything.
    Bed,
}

/// Tells one viewer: each word once.
#[derive(Debug, Default)]
pub(super) struct Teller {
    said: Vec<Word>,
    /// How many of them the viewer was told.
    told: usize,
}

impl Teller {
    /// A word's number.
    fn word(&mut self, word: Word) -> Value {
        let known = self.said.iter().position(|said| *said == word);
        json!(known.unwrap_or_else(|| {
            self.said.push(word);
            self.said.len() - 1
        }))
    }

    fn maybe(&mut self, word: Option<Word>) -> Value {
        word.map_or(Value::Null, |word| self.word(word))
    }

    /// The words that are new.
    pub(super) fn words(&mut self) -> Value {
        let new = self.said.iter().enumerate().skip(self.told);
        let new: Map<String, Value> =
            new.map(|(at, word)| (at.to_string(), json!([word.code, word.ja, word.en]))).collect();
        self.told = self.said.len();
        Value::Object(new)
    }

    /// What is said of a bed besides its samples.
    pub(super) fn bed(&mut self, bed: &Bed, names: &Names, now: Moment) -> Value {
        let clock = bed.clock();
        let lines: Vec<Value> = bed.lines(now).iter().map(|one| self.line(&line(one))).collect();
        let same: Vec<Value> = bed
            .course()
            .same_heart()
            .iter()
            .map(|one| json!([Lead::of(one.pair.0).code(), Lead::of(one.pair.1).code()]))
            .collect();
        json!({
            "bed": bed.id().to_string(),
            "source": bed.place().source().as_str(),
            "patient": names.own,
            "session": bed.place().session,
            "named_bed": names.bed,
            "fetuses": names.fetuses,
            "device": bed.device(),
            "spots": bed.spots().map(|(code, value, at)| json!([code, rounded(value), at.micros()])).collect::<Vec<_>>(),
            "began_us": bed.began().micros(),
            "heard_us": bed.heard().micros(),
            "legs": bed.legs().iter().map(|leg| json!([leg.from.code(), leg.to.code(), leg.last, leg.beyond])).collect::<Vec<_>>(),
            "read_by": self.read_by(bed),
            "clock": { "ahead_us": clock.ahead(), "uncertain_us": clock.uncertainty() },
            "lines": lines,
            "same_heart": same,
        })
    }

    /// By what of the pregnancy it is read: weeks and days, where they are known.
    fn read_by(&mut self, bed: &Bed) -> Value {
        let ReadBy { week, little_reserve } = read_by(bed.at_bed());
        let because: Vec<Value> = little_reserve.into_iter().map(|word| self.word(word)).collect();
        json!({ "week": week.map(|(weeks, days)| [weeks, days]), "little_reserve": because })
    }

    fn line(&mut self, line: &LineTold) -> Value {
        json!({
            "lead": line.lead,
            "state": self.word(line.state),
            "because": self.maybe(line.because),
            "since_us": line.since.micros(),
            "age_us": line.age.map(|age| age.likely),
            "most_us": line.age.map(|age| age.most),
            "late": line.late,
            "value": line.value.map(rounded),
        })
    }

    /// The samples a viewer has not seen.
    pub(super) fn news(&mut self, bed: &Bed, news: &News, on: On) -> Value {
        let strip = bed.strip();
        let part = |slots: &Range<i64>| samples(strip, slots.clone(), on, |lead, at| strip.get(lead, at));
        json!({
            "origin_us": strip.moment_of(0).micros(),
            "slot_us": SLOT,
            "anew": news.anew,
            "skipped": news.skipped.as_ref().map(|slots| [slots.start, slots.end]),
            "fresh": part(&news.fresh),
            "changed": news.changed.iter().map(part).collect::<Vec<_>>(),
        })
    }

    /// The level of each fetus now, for a tile.
    pub(super) fn levels(&mut self, bed: &Bed, rules: &Rules) -> Value {
        let now: Vec<Value> = bed
            .course()
            .now()
            .iter()
            .map(|judged| {
                let told = window(bed.strip(), judged, &rules.reading.limits);
                let (level, unverified, not) = match &told.jsog {
                    Ok(level) => (Some(level), level.unverified.is_some(), None),
                    Err(why) => (None, false, Some(*why)),
                };
                let reasons = level.map(|level| {
                    let of = |one: &query::beds::ReasonTold| json!([self.word(one.row), self.word(one.column)]);
                    level.reasons.first().map(of)
                });
                json!({
                    "lead": told.lead,
                    "until_us": told.until.micros(),
                    "level": level.map(|level| level.number),
                    "unverified": unverified,
                    "not": self.maybe(not),
                    "why": reasons,
                    "baseline": told.baseline,
                    "tachysystole": told.tachysystole,
                    "sinusoidal": told.sinusoidal,
                })
            })
            .collect();
        json!(now)
    }

    /// The last ten whole minutes of each fetus.
    pub(super) fn last(&mut self, bed: &Bed, rules: &Rules) -> Value {
        let now: Vec<Value> = bed.course().now().iter().map(|judged| self.judged(bed.strip(), judged, rules)).collect();
        json!(now)
    }

    /// All windows.
    pub(super) fn windows(&mut self, bed: &Bed, rules: &Rules) -> Value {
        let all: Vec<Value> = bed.course().windows().map(|judged| self.judged(bed.strip(), judged, rules)).collect();
        json!(all)
    }

    fn judged(&mut self, strip: &Strip, judged: &Judged, rules: &Rules) -> Value {
        let told = window(strip, judged, &rules.reading.limits);
        self.window(&told)
    }

    fn window(&mut self, told: &WindowTold) -> Value {
        let events: Vec<Value> = told.events.iter().map(|event| self.event(event)).collect();
        json!({
            "lead": told.lead,
            "from_us": told.from.micros(),
            "until_us": told.until.micros(),
            "standing": self.word(told.standing),
            "measured": rounded(told.measured * 100.0),
            "suspect": rounded(told.suspect * 100.0),
            "jsog": told.jsog.as_ref().ok().map(|level| self.level(level)),
            "not": self.maybe(told.jsog.as_ref().err().copied()),
            "figo": self.maybe(told.figo),
            "nichd": self.maybe(told.nichd),
            "baseline": told.baseline,
            "amplitude": told.variability.map(|(amplitude, _)| rounded(amplitude)),
            "variability": self.maybe(told.variability.map(|(_, class)| class)),
            "sinusoidal": told.sinusoidal,
            "contractions": told.contractions,
            "tachysystole": told.tachysystole,
            "events": events,
        })
    }

    fn level(&mut self, level: &LevelTold) -> Value {
        let reasons: Vec<Value> = level
            .reasons
            .iter()
            .map(|one| {
                json!({
                    "row": self.word(one.row),
                    "column": self.word(one.column),
                    "level": one.level,
                    "at_us": one.at.map(|at| at.micros()),
                    "filled": one.filled,
                    "counted_as_late": one.counted_as_late,
                })
            })
            .collect();
        json!({
            "number": level.number,
            "level": self.word(level.level),
            "proposals": level.proposals,
            "unverified": level.unverified,
            "confirmed": level.confirmed,
            "version": level.version,
            "reasons": reasons,
        })
    }

    fn event(&mut self, event: &EventTold) -> Value {
        json!({
            "kind": self.word(event.kind),
            "severity": self.maybe(event.severity),
            "from_us": event.from.micros(),
            "extreme_us": event.extreme.micros(),
            "until_us": event.until.micros(),
            "value": rounded(event.value),
            "whole": event.whole,
        })
    }

    /// What was on the screen at a moment.
    pub(super) fn seen(&mut self, (strip, course): (&Strip, &Course), rules: &Rules, at_us: i64) -> Value {
        let all = samples(strip, strip.first()..strip.end(), On::Bed, |lead, at| strip.get(lead, at));
        let now: Vec<Value> = course.now().iter().map(|judged| self.judged(strip, judged, rules)).collect();
        let windows: Vec<Value> = course.windows().map(|judged| self.judged(strip, judged, rules)).collect();
        json!({
            "kind": "seen",
            "at_us": at_us,
            "origin_us": strip.moment_of(0).micros(),
            "slot_us": SLOT,
            "samples": all,
            "now": now,
            "windows": windows,
        })
    }
}

/// A number that differs whenever something else can be said of a bed's windows.
pub(super) fn mark(bed: &Bed) -> u64 {
    let of = |judged: &Judged| (judged.slot(judged.window.until) as u64) << 1 | u64::from(judged.is_final());
    let all = bed.course().windows().chain(bed.course().now());
    // read anew, the same minutes may be something else
    let begin = bed.course().readings().wrapping_add(1);
    all.fold(begin, |mark: u64, judged| mark.wrapping_mul(1_000_003).wrapping_add(of(judged)))
}

/// A bed that is not shown any more.
pub(super) fn ended(ended: &Ended) -> Value {
    json!({ "bed": ended.bed.to_string(), "why": ended.why.code(), "at_us": ended.at.micros() })
}

/// The last line about it.
pub(super) fn closed(ended: &Ended) -> Value {
    json!({ "kind": "closed", "why": ended.why.code(), "at_us": ended.at.micros() })
}

/// A strip that was read from history.
pub(super) fn strip(strip: &Strip) -> Value {
    json!({
        "kind": "history",
        "origin_us": strip.moment_of(0).micros(),
        "slot_us": SLOT,
        "samples": samples(strip, strip.first()..strip.end(), On::Bed, |lead, at| strip.get(lead, at)),
    })
}

/// Values of each trace; and on a whole screen what each sample is: `g`ood, `f`air, `l`ost, `.` never came; in capitals where
/// it came late.
fn samples(strip: &Strip, slots: Range<i64>, on: On, get: impl Fn(Lead, i64) -> Option<Slot>) -> Value {
    let mut told = Map::new();
    told.insert("from".to_owned(), json!(slots.start));
    for lead in strip.leads().filter(|lead| on == On::Bed || lead.fetus().is_some() || *lead == Lead::Uterus) {
        let all = || slots.clone().map(|at| get(lead, at));
        let values: Vec<Value> =
            all().map(|slot| slot.and_then(Slot::value).map_or(Value::Null, |value| json!(rounded(value)))).collect();
        told.insert(lead.code().to_owned(), json!(values));
        if on == On::Bed {
            let marks: String = all().map(|slot| slot.map_or('.', Slot::mark)).collect();
            told.insert(format!("{}_marks", lead.code()), json!(marks));
        }
    }
    Value::Object(told)
}

/// To a tenth: what a screen can show.
fn rounded(value: f32) -> f64 {
    (f64::from(value) * 10.0).round() / 10.0
}
