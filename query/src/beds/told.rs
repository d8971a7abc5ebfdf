//! What is told of a bed, in words and numbers that need no table to be read.

use super::bed::LineNow;
use super::course::Judged;
use super::strip::Strip;
use clinical::diabetes::day_of;
use clinical::perinatal::chart::AtBed;
use clinical::perinatal::ctg::{
    Acceleration, Contraction, CtgLimits, Deceleration, Excursion, Figo, Jsog, JsogReason, Nichd, NotAssessable,
    Rating, Reading, Verdict,
};
use clinical::perinatal::pregnancy::GestationalAge;
use clinical::perinatal::trace::{Age, TraceState};
use model::Moment;

/// One of a closed list: a short name, and what is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Word {
    /// The short name.
    pub code: &'static str,
    /// In Japanese.
    pub ja: &'static str,
    /// In English.
    pub en: &'static str,
}

macro_rules! word {
    ($of:expr) => {{
        let of = $of;
        Word { code: of.code(), ja: of.japanese(), en: of.english() }
    }};
}

/// What is said of one trace.
#[derive(Clone, PartialEq, Debug)]
pub struct LineTold {
    /// Which: `fhr1` … `fhr3`, `uc`, `mhr`, `spo2`.
    pub lead: &'static str,
    /// Live, late, lost, frozen or suspect.
    pub state: Word,
    /// Why, where it is not live.
    pub because: Option<Word>,
    /// Since when, by our clock.
    pub since: Moment,
    /// How old its newest sample is, in microseconds: as far as the clocks are known, and at most.
    pub age: Option<Age>,
    /// Samples that were merged late.
    pub late: u64,
    /// The newest value, where the trace is live or late.
    pub value: Option<f32>,
}

/// A level with its reasons.
#[derive(Clone, PartialEq, Debug)]
pub struct LevelTold {
    /// 1 to 5.
    pub number: u8,
    /// The same in words.
    pub level: Word,
    /// What the guideline proposes, for a physician to judge.
    pub proposals: &'static str,
    /// Where the matrix comes from, while nobody has confirmed it: to be shown with the level.
    pub unverified: Option<&'static str>,
    /// Who has confirmed it, where somebody has: the facility; document, person and day.
    pub confirmed: Option<(String, String)>,
    /// The version of the matrix.
    pub version: String,
    /// Why, the worst first.
    pub reasons: Vec<ReasonTold>,
}

/// One reason of a level.
#[derive(Clone, PartialEq, Debug)]
pub struct ReasonTold {
    /// The row of the matrix.
    pub row: Word,
    /// The column.
    pub column: Word,
    /// The level of the cell.
    pub level: u8,
    /// When the deceleration begins, by the source's clock.
    pub at: Option<Moment>,
    /// The matrix has no entry there, and the worst of its neighbours stands in.
    pub filled: bool,
    /// A gradual deceleration without a contraction is counted as late.
    pub counted_as_late: bool,
}

/// A stretch of a trace that has a name.
#[derive(Clone, PartialEq, Debug)]
pub struct EventTold {
    /// The trace it is of; `uc` of a contraction.
    pub lead: &'static str,
    /// That of the window it was read in.
    pub standing: Word,
    /// What it is.
    pub kind: Word,
    /// How severe, of decelerations.
    pub severity: Option<Word>,
    /// When it begins, by the source's clock.
    pub from: Moment,
    /// Its extreme.
    pub extreme: Moment,
    /// The first moment after it.
    pub until: Moment,
    /// The heart rate at the extreme; the rise above the tone of a contraction.
    pub value: f32,
    /// Whether its end was seen.
    pub whole: bool,
}

/// Ten minutes of one fetus.
#[derive(Clone, PartialEq, Debug)]
pub struct WindowTold {
    /// Whose trace.
    pub lead: &'static str,
    /// When it begins, by the source's clock.
    pub from: Moment,
    /// The first moment after it.
    pub until: Moment,
    /// Provisional or final.
    pub standing: Word,
    /// The part of it that was measured.
    pub measured: f32,
    /// The part of it that may be the mother's pulse.
    pub suspect: f32,
    /// The JSOG's level, or why there is none.
    pub jsog: Result<LevelTold, Word>,
    /// FIGO's category, of final windows that are assessable; from memory.
    pub figo: Option<Word>,
    /// The NICHD's, likewise.
    pub nichd: Option<Word>,
    /// The baseline, in beats per minute.
    pub baseline: Option<u16>,
    /// Variability: beats per minute, and what that is called.
    pub variability: Option<(f32, Word)>,
    /// Short-term variability in milliseconds, by epoch (`stv16`, `stv240`): two quantities.
    pub short_term: Vec<(&'static str, f32)>,
    /// Whether the pattern is sinusoidal.
    pub sinusoidal: bool,
    /// Contractions that peak in it; `None` where they are not seen.
    pub contractions: Option<usize>,
    /// Whether there are too many; `None` where they are not seen.
    pub tachysystole: Option<bool>,
    /// What is drawn: accelerations, decelerations, contractions.
    pub events: Vec<EventTold>,
}

/// By what of the pregnancy a bed is read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadBy {
    /// The age of the pregnancy when the monitoring began, in weeks and days; `None` where nothing in the view dates it: it is read as
    /// from 32 weeks on.
    pub week: Option<(u16, u16)>,
    /// By what growth restriction or an abnormal placenta is known.
    pub little_reserve: Vec<Word>,
}

impl ReadBy {
    /// The age as the tables write it: `28w3d`, or `unknown`.
    pub fn week_text(&self) -> String {
        self.week.map_or_else(|| "unknown".to_owned(), |(weeks, days)| format!("{weeks}w{days}d"))
    }
}

const ACCELERATION: Word = Word { code: "acceleration", ja: "一過性頻脈", en: "acceleration" };
const CONTRACTION: Word = Word { code: "contraction", ja: "子宮収縮", en: "contraction" };

/// By what a bed is read.
pub fn read_by(at_bed: &AtBed) -> ReadBy {
    ReadBy {
        week: at_bed.age.map(GestationalAge::weeks_and_days),
        little_reserve: at_bed.because.iter().map(|one| word!(*one)).collect(),
    }
}

/// What is told of one trace.
pub fn line(line: &LineNow) -> LineTold {
    let LineNow { lead, state, since, age, late, value } = *line;
    let because = match state {
        TraceState::Live | TraceState::Late => None,
        TraceState::Lost(because) => Some(word!(because)),
        TraceState::Frozen(because) => Some(word!(because)),
        TraceState::Suspect(because) => Some(word!(because)),
    };
    let state = Word { code: state.code(), ja: state.japanese(), en: state.code() };
    LineTold { lead: lead.code(), state, because, since, age, late, value }
}

/// What is told of a window of a strip.
pub fn window(strip: &Strip, judged: &Judged, limits: &CtgLimits) -> WindowTold {
    let window = &judged.window;
    let lead = super::Lead::of(judged.fetus).code();
    let at = |second: usize| strip.moment_of(judged.slot(second));
    let reading = window.reading.as_ref().ok();
    let (figo, nichd) =
        judged.beside.as_ref().map_or((None, None), |(figo, nichd)| (figo_word(figo), nichd_word(nichd)));
    let accelerations = window
        .accelerations
        .iter()
        .map(|one: &Acceleration| excursion(&one.excursion, (lead, word!(window.standing)), (ACCELERATION, None), &at));
    let decelerations = window.decelerations.iter().map(|one: &Deceleration| {
        excursion(&one.excursion, (lead, word!(window.standing)), (word!(one.kind), Some(word!(one.severity))), &at)
    });
    let contractions = window.contractions.iter().flatten().map(|one: &Contraction| EventTold {
        lead: super::Lead::Uterus.code(),
        standing: word!(window.standing),
        kind: CONTRACTION,
        severity: None,
        from: at(one.onset),
        extreme: at(one.peak),
        until: at(one.end),
        value: one.rise,
        whole: true,
    });
    WindowTold {
        lead,
        from: at(window.from),
        until: at(window.until),
        standing: word!(window.standing),
        measured: window.measured,
        suspect: window.suspect,
        jsog: jsog(&judged.jsog, &at),
        figo,
        nichd,
        baseline: reading.map(|reading| reading.baseline.bpm),
        variability: reading.map(|reading: &Reading| (reading.variability.amplitude, word!(reading.variability.class))),
        short_term: reading
            .iter()
            .flat_map(|reading| &reading.short_term)
            .map(|one| (one.epoch.code(), one.milliseconds))
            .collect(),
        sinusoidal: reading.is_some_and(|reading| reading.sinusoid.is_some()),
        contractions: window.contractions.as_ref().map(Vec::len),
        tachysystole: window.tachysystole(limits),
        events: accelerations.chain(decelerations).chain(contractions).collect(),
    }
}

fn excursion(
    one: &Excursion,
    (lead, standing): (&'static str, Word),
    (kind, severity): (Word, Option<Word>),
    at: &impl Fn(usize) -> Moment,
) -> EventTold {
    EventTold {
        lead,
        standing,
        kind,
        severity,
        from: at(one.onset),
        extreme: at(one.extreme),
        until: at(one.end),
        value: one.rate,
        whole: one.whole,
    }
}

fn jsog(jsog: &Jsog, at: &impl Fn(usize) -> Moment) -> Result<LevelTold, Word> {
    let rating = match jsog {
        Jsog::NotAssessable(why) => return Err(not_assessable(*why)),
        Jsog::Rated(rating) => rating,
    };
    let (verdict, unverified, confirmed): (&Verdict, _, _) = match rating {
        Rating::Unverified { verdict, source } => (verdict, Some(source.text), None),
        Rating::Confirmed { verdict, by } => {
            let how = format!("{} ({}, {})", by.document(), by.by(), day_of(by.on()));
            (verdict, None, Some((by.facility().as_str().to_owned(), how)))
        }
    };
    let reason = |one: &JsogReason| ReasonTold {
        row: word!(one.row),
        column: word!(one.column),
        level: one.level.number(),
        at: one.deceleration.map(at),
        filled: one.filled,
        counted_as_late: one.counted_as_late,
    };
    Ok(LevelTold {
        number: verdict.level.number(),
        level: word!(verdict.level),
        proposals: verdict.level.proposals(),
        unverified,
        confirmed,
        version: verdict.version.clone(),
        reasons: verdict.reasons.iter().map(reason).collect(),
    })
}

fn not_assessable(why: NotAssessable) -> Word {
    word!(why)
}

fn figo_word(figo: &Figo) -> Option<Word> {
    match figo {
        Figo::NotAssessable(_) => None,
        Figo::Rated { category, .. } => Some(word!(*category)),
    }
}

fn nichd_word(nichd: &Nichd) -> Option<Word> {
    match nichd {
        Nichd::NotAssessable(_) => None,
        Nichd::Rated { category, .. } => Some(word!(*category)),
    }
}
