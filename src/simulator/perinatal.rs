//! The perinatal centre: registrations, check-ups, and cardiotocograms.
//!
//! Check-ups (妊婦健診) come every 4 weeks until week 24, every 2 until week 36, then weekly; what they find is `pregnancy`'s.
//!
//! Cardiotocogram, 4 samples per second. Fetal heart rate = a baseline (normal 140, deviation 8; slow
//! Ornstein–Uhlenbeck drift) + long-term variability (two sines of 2–6 cycles per minute, 5–12 bpm) + short-term
//! variability (AR(1), 1.5 bpm) + accelerations (15–25 bpm for 15–40 s, about every 4 minutes) − decelerations.
//! Contractions are bell-shaped (60–90 s) every 2.5–7 minutes over a tone of 8–15. 82 % of sessions are reassuring; in
//! 9 % contractions bring variable decelerations (abrupt, 20–60 s), in 6 % late ones (25 s after the peak, gradual),
//! in 3 % one prolonged deceleration (3–6 minutes). Signal is lost in bursts (mean 3 s, about 2 % of the time) and
//! fair for two seconds around a loss.

use super::SimulationError;
use super::care::{DAY, MINUTE, Stage};
use super::dice::Dice;
use super::people::{Person, civil_date};
use super::pregnancy::{Pregnancy, is_load_due};
use super::region::Site;
use super::scribe::{Amendment, Draft, coding};
use super::tables::Trait;
use super::visit::{note, vitals};
use model::{
    Author, BedSession, ChangeKind, CodeSystem, Event, FrameQuality, Hops, Labels, Moment, PatientRef, Payload,
    Perinatal, Role, Value, Waveform, WaveformChannel, WaveformFrame,
};

const HERTZ: u32 = 4;

/// Registration and the check-ups so far.
pub(super) fn history(stage: &mut Stage<'_>, person: &mut Person, start: Moment) -> Result<(), SimulationError> {
    let (Some(patient), Some(now)) = (person.at(Site::Perinatal).cloned(), person.gestation) else { return Ok(()) };
    let first = 56.min(now);
    let at = |days: i64| start.plus_micros(-(now - days) * DAY);
    register(stage, person, &patient, (at(first), first))?;
    let off = person.pregnancy.as_ref().map_or(0, |pregnancy| pregnancy.period_off);
    let dated = first + 14;
    if off != 0 && dated < now {
        let sure = Value::Text("CRL".to_owned());
        item(stage, person, &patient, at(dated), dated, "ultrasound-dating", "超音波による妊娠週数", sure)?;
    }
    let mut checkups = Vec::new();
    let mut days = first + 28;
    while days < now {
        checkups.push(days);
        days += interval(days);
    }
    if person.pregnancy.as_ref().is_some_and(|pregnancy| pregnancy.misses_last) && checkups.len() > 2 {
        checkups.pop();
    }
    checkups.into_iter().try_for_each(|days| checkup_at(stage, person, &patient, at(days), days))
}

/// What is asked when a pregnancy is registered.
fn register(
    stage: &mut Stage<'_>,
    person: &mut Person,
    patient: &PatientRef,
    (at, days): (Moment, i64),
) -> Result<(), SimulationError> {
    let Some(pregnancy) = person.pregnancy.as_ref() else { return Ok(()) };
    let children = if pregnancy.fetuses.len() > 1 { "双胎" } else { "単胎" };
    let word = |text: &str| Value::Text(text.to_owned());
    // the first day of the last period as she remembers it
    let period = civil_date(at.plus_micros(-(days + pregnancy.period_off) * DAY)).map(|day| day.to_string());
    let mut asked = vec![
        ("registration", "妊娠届出・初診", word(children)),
        ("gravida", "妊娠回数", quantity(f64::from(pregnancy.gravida), "")),
        ("para", "分娩回数", quantity(f64::from(pregnancy.para), "")),
        ("height", "身長", quantity(person.height, "cm")),
        ("weight-before", "妊娠前体重", quantity(person.weight, "kg")),
        ("last-period", "最終月経開始日", word(&period.unwrap_or_default())),
    ];
    asked.extend(pregnancy.history.iter().map(|known| ("history", "既往・合併症・喫煙", word(known))));
    asked.into_iter().try_for_each(|(code, shown, value)| item(stage, person, patient, at, days, code, shown, value))
}

fn quantity(value: f64, unit: &str) -> Value {
    Value::Quantity { value: (value * 10.0).round() / 10.0, unit: unit.to_owned(), comparator: String::new() }
}

/// Days until the next check-up.
pub(super) fn interval(gestational_days: i64) -> i64 {
    match gestational_days / 7 {
        0..24 => 28,
        24..36 => 14,
        _ => 7,
    }
}

/// A check-up at `at`.
pub(super) fn checkup(
    stage: &mut Stage<'_>,
    person: &mut Person,
    start: Moment,
    at: Moment,
) -> Result<(), SimulationError> {
    let (Some(patient), Some(begun)) = (person.at(Site::Perinatal).cloned(), person.gestation) else { return Ok(()) };
    let days = begun + at.since(start) / DAY;
    checkup_at(stage, person, &patient, at, days)?;
    vitals(stage, person, (Site::Perinatal, &patient), at.plus_micros(5 * MINUTE), 0.0)?;
    note(stage, person, (Site::Perinatal, &patient), at.plus_micros(20 * MINUTE))
}

fn checkup_at(
    stage: &mut Stage<'_>,
    person: &mut Person,
    patient: &PatientRef,
    at: Moment,
    days: i64,
) -> Result<(), SimulationError> {
    let Some(mut pregnancy) = person.pregnancy.take() else { return Ok(()) };
    let found = found(person, &mut pregnancy, days);
    person.carried = (pregnancy.gained(days), pregnancy.raised(days));
    person.pregnancy = Some(pregnancy);
    found.into_iter().try_for_each(|(code, shown, value)| item(stage, person, patient, at, days, &code, shown, value))
}

/// What a check-up finds, with the codes of its entries.
fn found(person: &Person, pregnancy: &mut Pregnancy, days: i64) -> Vec<(String, &'static str, Value)> {
    let weeks = days as f64 / 7.0;
    let word = |text: &str| Value::Coded(coding(CodeSystem::Local, text, text));
    let (gained, raised) = (pregnancy.gained(days), pregnancy.raised(days));
    let dice = &mut pregnancy.dice;
    let mut found = vec![
        ("weight", "体重", quantity(person.weight + gained + dice.normal(0.0, 0.4), "kg")),
        ("systolic", "収縮期血圧", quantity(dice.normal(person.pressure.0 + raised, 5.0).round(), "mm[Hg]")),
        ("diastolic", "拡張期血圧", quantity(dice.normal(person.pressure.1 + 0.6 * raised, 3.5).round(), "mm[Hg]")),
    ];
    if weeks >= 16.0 {
        let wide = if pregnancy.fetuses.len() > 1 { 3.0 } else { 0.0 };
        found.push(("fundal-height", "子宮底長", quantity(dice.normal(weeks - 2.0 + wide, 1.0).max(8.0), "cm")));
    }
    if (18.0..31.0).contains(&weeks) {
        found.push(("cervix-length", "頸管長", quantity(dice.normal(38.0, 4.0).clamp(20.0, 50.0).round(), "mm")));
    }
    let sugar = if person.has(Trait::GestationalDiabetes) { "1+" } else { "-" };
    found.push(("urine-glucose", "尿糖", word(sugar)));
    if is_load_due(person, days) {
        let dice = &mut pregnancy.dice;
        for (code, shown, mean) in [
            ("glucose-fasting", "75gOGTT 空腹時", 94.0),
            ("glucose-1h", "75gOGTT 1時間値", 186.0),
            ("glucose-2h", "75gOGTT 2時間値", 160.0),
        ] {
            found.push((code, shown, quantity(dice.normal(mean, 5.0).round(), "mg/dL")));
        }
    }
    found.push(("urine-protein", "尿蛋白", word(pregnancy.protein(days))));
    let mut found: Vec<_> = found.into_iter().map(|(code, shown, value)| (code.to_owned(), shown, value)).collect();
    let several = pregnancy.fetuses.len() > 1;
    for (number, fetus) in (1..).zip(&pregnancy.fetuses) {
        let dice = &mut pregnancy.dice;
        let code = |code: &str| if several { format!("{code}/{number}") } else { code.to_owned() };
        found.push((code("fetal-heart-rate"), "胎児心拍数", quantity(fetus.rate(dice), "/min")));
        if weeks >= 18.0 {
            let measured = fetus.biometry(days, dice);
            found.push((code("bpd"), "児頭大横径", quantity(measured.bpd, "mm")));
            found.push((code("ac"), "腹囲", quantity(measured.ac, "mm")));
            found.push((code("fl"), "大腿骨長", quantity(measured.fl, "mm")));
        }
        if weeks >= 28.0 {
            found.push((code("presentation"), "胎位", word(fetus.presentation(days))));
        }
    }
    found
}

#[expect(clippy::too_many_arguments, reason = "an entry of the booklet, column by column")]
fn item(
    stage: &mut Stage<'_>,
    person: &mut Person,
    patient: &PatientRef,
    at: Moment,
    days: i64,
    code: &str,
    shown: &str,
    value: Value,
) -> Result<(), SimulationError> {
    let role = if person.dice.happens(0.6) { Role::Midwife } else { Role::Physician };
    let author = stage.author(Site::Perinatal, role, person);
    stage.write(Draft {
        patient,
        kind: "perinatal",
        occurred: at,
        recorded: at.plus_micros(3 * MINUTE),
        labels: Labels::NONE,
        department: "31",
        author,
        payload: Payload::Perinatal(Perinatal {
            code: coding(CodeSystem::Local, code, shown),
            gestational_days: u32::try_from(days).ok(),
            value,
        }),
    })?;
    Ok(())
}

/// How a recording behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pattern {
    Reassuring,
    Variable,
    Late,
    Prolonged,
}

/// One recording at a bed.
#[derive(Debug)]
pub(super) struct Recording {
    patient: PatientRef,
    bed: BedSession,
    /// The record that opened the bed.
    opening: Event,
    device: String,
    sequence: u64,
    dice: Dice,
    pattern: Pattern,
    /// Seconds since the recording began.
    seconds: f64,
    baseline: f64,
    drift: f64,
    jitter: f64,
    slow: (f64, f64, f64),
    tone: f64,
    pulse: f64,
    contraction: Bell,
    next_contraction: f64,
    acceleration: Bell,
    next_acceleration: f64,
    prolonged: Bell,
    lost_until: f64,
    next_loss: f64,
}

/// A bell-shaped excursion about `peak` (seconds).
#[derive(Debug, Clone, Copy)]
struct Bell {
    peak: f64,
    width: f64,
    height: f64,
}

impl Bell {
    const NONE: Self = Self { peak: f64::MIN, width: 1.0, height: 0.0 };
    fn at(&self, seconds: f64) -> f64 {
        let z = (seconds - self.peak) / self.width;
        self.height * (-0.5 * z * z).exp()
    }
}

impl Recording {
    /// A recording of `patient` that begins at `at` and opens the bed; `dice` is its own.
    pub(super) fn begin(
        stage: &mut Stage<'_>,
        patient: PatientRef,
        (bed, at): (u32, Moment),
        mut dice: Dice,
    ) -> Result<Self, SimulationError> {
        let device = format!("CTG-{:02}", bed + 1);
        let bed = BedSession {
            session: stage.scribe.id("session"),
            bed: format!("LDR {}", bed + 1),
            opened: at,
            closed: None,
            closing: String::new(),
            fetuses: vec!["児".to_owned()],
            devices: vec![device.clone()],
        };
        let opening = stage.write(Draft {
            patient: &patient,
            kind: "bed",
            occurred: at,
            recorded: at,
            labels: Labels::NONE,
            department: "31",
            author: Author { member: None, role: Role::System },
            payload: Payload::Bed(bed.clone()),
        })?;
        let pattern = match dice.unit() {
            u if u < 0.82 => Pattern::Reassuring,
            u if u < 0.91 => Pattern::Variable,
            u if u < 0.97 => Pattern::Late,
            _ => Pattern::Prolonged,
        };
        let prolonged = if pattern == Pattern::Prolonged {
            Bell {
                peak: dice.uniform(200.0, 900.0),
                width: dice.uniform(60.0, 120.0),
                height: dice.uniform(35.0, 60.0),
            }
        } else {
            Bell::NONE
        };
        Ok(Self {
            patient,
            bed,
            opening,
            device,
            sequence: 0,
            pattern,
            seconds: 0.0,
            baseline: dice.normal(140.0, 8.0).clamp(112.0, 158.0),
            drift: 0.0,
            jitter: 0.0,
            slow: (dice.uniform(5.0, 12.0), dice.uniform(2.0, 3.5), dice.uniform(3.5, 6.0)),
            tone: dice.uniform(8.0, 15.0),
            pulse: dice.normal(82.0, 8.0),
            contraction: Bell::NONE,
            next_contraction: dice.uniform(20.0, 200.0),
            acceleration: Bell::NONE,
            next_acceleration: dice.uniform(10.0, 180.0),
            prolonged,
            lost_until: 0.0,
            next_loss: dice.wait(140.0),
            dice,
        })
    }
    /// Closes the bed.
    pub(super) fn end(self, stage: &mut Stage<'_>, at: Moment) -> Result<(), SimulationError> {
        let closed = BedSession { closed: Some(at), closing: "recording ended".to_owned(), ..self.bed };
        let payload = Some(Payload::Bed(closed));
        stage
            .amend(&self.opening, Amendment { change: ChangeKind::Upsert, recorded: at, labels: Labels::NONE, payload })
    }
    /// Milliseconds from one sample to the next.
    pub(super) const SAMPLE_MILLIS: u32 = 1000 / HERTZ;

    /// The next `millis` of signal, as the bed's monitor sends it when the last sample was taken; `at` is the moment of the first.
    pub(super) fn frame(&mut self, stage: &mut Stage<'_>, at: Moment, millis: u32) -> Result<(), SimulationError> {
        let count = (millis / Self::SAMPLE_MILLIS) as usize;
        let channel =
            |channel| WaveformFrame { channel, samples: Vec::with_capacity(count), quality: Vec::with_capacity(count) };
        let mut heart = channel(WaveformChannel::FetalHeartRate(1));
        let mut uterus = channel(WaveformChannel::UterineActivity);
        let mut mother = channel(WaveformChannel::MaternalHeartRate);
        for _ in 0..count {
            let sample = self.sample();
            let quarter = |value: f64| ((value * 4.0).round() / 4.0) as f32;
            heart.samples.push(if sample.quality == FrameQuality::Lost { 0.0 } else { quarter(sample.heart) });
            heart.quality.push(sample.quality);
            uterus.samples.push(quarter(sample.uterus));
            uterus.quality.push(FrameQuality::Good);
            mother.samples.push(quarter(sample.mother));
            mother.quality.push(FrameQuality::Good);
        }
        let payload = Payload::Waveform(Waveform {
            session: self.bed.session.clone(),
            device: self.device.clone(),
            hertz: HERTZ as f32,
            sequence: self.sequence,
            frames: vec![heart, uterus, mother],
            hops: Hops { device: Some(at), ..Hops::default() },
            held_back: false,
        });
        self.sequence += 1;
        let patient = self.patient.clone();
        stage.write(Draft {
            patient: &patient,
            kind: "ctg",
            occurred: at,
            recorded: at.plus_micros(i64::from(millis) * 1_000),
            labels: Labels::NONE,
            department: "31",
            author: Author { member: None, role: Role::System },
            payload,
        })?;
        Ok(())
    }

    fn sample(&mut self) -> Sample {
        let t = self.seconds;
        self.seconds += 1.0 / f64::from(HERTZ);
        let dice = &mut self.dice;
        if t >= self.next_contraction {
            self.contraction =
                Bell { peak: t + 40.0, width: dice.uniform(13.0, 19.0), height: dice.uniform(25.0, 65.0) };
            self.next_contraction = t + dice.uniform(150.0, 420.0);
        }
        if t >= self.next_acceleration {
            self.acceleration =
                Bell { peak: t + 15.0, width: dice.uniform(6.0, 12.0), height: dice.uniform(15.0, 25.0) };
            self.next_acceleration = t + 60.0 + dice.wait(180.0);
        }
        if t >= self.next_loss {
            self.lost_until = t + dice.wait(3.0);
            self.next_loss = self.lost_until + dice.wait(140.0);
        }
        self.drift += dice.normal(0.0, 0.05) - 0.0005 * self.drift;
        self.jitter = 0.7 * self.jitter + dice.normal(0.0, 1.1);
        let (amplitude, first, second) = self.slow;
        let minutes = t / 60.0 * std::f64::consts::TAU;
        let long_term = 0.5 * amplitude * ((first * minutes).sin() + 0.6 * (second * minutes + 1.0).sin());
        let strength = self.contraction.height / 45.0;
        let deceleration = match self.pattern {
            Pattern::Variable => {
                // Abrupt: narrow, and steeper than a bell.
                let bell = Bell { width: 9.0, height: 45.0 * strength, ..self.contraction };
                if bell.at(t) > 6.0 { bell.at(t).max(20.0) } else { 0.0 }
            }
            Pattern::Late => Bell { peak: self.contraction.peak + 25.0, width: 20.0, height: 22.0 * strength }.at(t),
            Pattern::Prolonged => self.prolonged.at(t),
            Pattern::Reassuring => 0.0,
        };
        let heart = self.baseline + self.drift + long_term + self.jitter + self.acceleration.at(t) - deceleration;
        let quality = if t < self.lost_until {
            FrameQuality::Lost
        } else if t < self.lost_until + 2.0 && self.lost_until > 0.0 {
            FrameQuality::Fair
        } else {
            FrameQuality::Good
        };
        Sample {
            heart: heart.clamp(50.0, 220.0),
            uterus: (self.tone + self.contraction.at(t) + dice.normal(0.0, 0.6)).clamp(0.0, 100.0),
            mother: self.pulse + 3.0 * (t / 11.0).sin() + dice.normal(0.0, 0.8) + 0.15 * self.contraction.at(t),
            quality,
        }
    }
}

struct Sample {
    heart: f64,
    uterus: f64,
    mother: f64,
    quality: FrameQuality,
}
