//! The course of a pregnancy: what is registered, how the mother gains, how each fetus grows.
//!
//! Shares are those of a centre that others send their women to: twins one in eight (by the person's number, so that a small region
//! has some; none past week 36); a first child 50 %; the due date moved by
//! ultrasound 40 % (4 to 9 days); pressure that rises from week 31 to 37 on 12 %; a small fetus 8 %; the last check-up missed
//! 15 %; breech at 28 weeks 20 %, and a fifth of those to the end. Total gain is 10.5 kg (deviation 3), little of it before
//! week 12.
//!
//! The mean weight is log-quadratic in weeks (469 g at 22, 1,470 g at 30, 2,990 g at 39: figures of a memory, near the Japanese
//! standard and not it); biparietal diameter and femur length are quadratic, and the abdominal circumference is what makes the
//! formula 1.07·BPD³ + 0.30·AC²·FL give that weight.

use super::dice::Dice;
use super::people::Person;
use super::tables::Trait;

/// How a pregnancy goes.
#[derive(Debug)]
pub(super) struct Pregnancy {
    /// Its own chance: no other event of the person's life depends on it.
    pub(super) dice: Dice,
    pub(super) gravida: u8,
    pub(super) para: u8,
    /// Words of the record's code `history`.
    pub(super) history: Vec<&'static str>,
    /// By how many days the last period dates it wrongly; ultrasound puts that right.
    pub(super) period_off: i64,
    /// kg until week 40.
    gain: f64,
    /// From which day on the pressure rises.
    raised_from: Option<i64>,
    pub(super) misses_last: bool,
    pub(super) fetuses: Vec<Fetus>,
}

/// One fetus.
#[derive(Debug)]
pub(super) struct Fetus {
    /// How far from the mean it grows, deviations.
    deviations: f64,
    /// From which day on it lies head first; never where there is none.
    cephalic_from: Option<i64>,
    /// Its heart rate, beats per minute.
    rate: f64,
}

/// What is measured of a fetus, mm.
pub(super) struct Biometry {
    pub(super) bpd: f64,
    pub(super) ac: f64,
    pub(super) fl: f64,
}

/// A measure's mean and deviation at an age in weeks.
pub(super) struct Norm {
    pub(super) code: &'static str,
    pub(super) of: fn(f64) -> (f64, f64),
}

/// The curves that the simulated fetuses grow by.
pub(super) const NORMS: [Norm; 4] = [
    Norm { code: "weight", of: |weeks| (weight(weeks), 0.12 * weight(weeks)) },
    Norm { code: "bpd", of: |weeks| (bpd(weeks), 0.04 * bpd(weeks)) },
    Norm {
        code: "ac",
        of: |weeks| (ac(weight(weeks), bpd(weeks), fl(weeks)), 0.055 * ac(weight(weeks), bpd(weeks), fl(weeks))),
    },
    Norm { code: "fl", of: |weeks| (fl(weeks), 0.045 * fl(weeks)) },
];

/// The mean weight in grams.
fn weight(weeks: f64) -> f64 {
    (0.5224 + 0.33861 * weeks - 0.003_764 * weeks * weeks).exp()
}

fn bpd(weeks: f64) -> f64 {
    47.0 + 2.85 * (weeks - 20.0) - 0.055 * (weeks - 20.0) * (weeks - 30.0)
}

fn fl(weeks: f64) -> f64 {
    31.0 + 2.4 * (weeks - 20.0) - 0.04 * (weeks - 20.0) * (weeks - 30.0)
}

/// The circumference with which the formula gives a weight.
fn ac(weight: f64, bpd: f64, fl: f64) -> f64 {
    let rest = (weight - 1.07 * (bpd / 10.0).powi(3)).max(20.0);
    (rest / (0.30 * fl / 10.0)).sqrt() * 10.0
}

impl Pregnancy {
    /// Draws how a pregnancy goes.
    pub(super) fn draw(mut dice: Dice, index: u64, days: i64) -> Self {
        let para = match dice.unit() {
            u if u < 0.5 => 0,
            u if u < 0.85 => 1,
            _ => 2,
        };
        let lost = u8::from(dice.happens(0.2));
        let mut history = Vec::new();
        for (share, word, after_birth) in [
            (0.06, "smokes", false),
            (0.05, "illness", false),
            (0.2, "uterine-scar", true),
            (0.08, "preterm-birth", true),
            (0.08, "hypertensive-disorder", true),
        ] {
            if dice.happens(share) && (para > 0 || !after_birth) {
                history.push(word);
            }
        }
        let sign = if dice.happens(0.5) { 1 } else { -1 };
        let moved = dice.happens(0.4);
        let by = dice.between(4, 9);
        let twins = index % 8 == 3 && days < 37 * 7;
        let gain = dice.normal(10.5, 3.0).clamp(3.0, 18.0) + if twins { 4.0 } else { 0.0 };
        let raised = dice.happens(0.12);
        let raised_from = dice.between(31 * 7, 37 * 7);
        let misses_last = dice.happens(0.15);
        let fetuses = (0..=u8::from(twins)).map(|_| Fetus::draw(&mut dice, twins)).collect();
        Self {
            gravida: para + 1 + lost,
            para,
            history,
            period_off: if moved { sign * by } else { 0 },
            gain,
            raised_from: raised.then_some(raised_from),
            misses_last,
            fetuses,
            dice,
        }
    }

    /// What she has gained, kg.
    pub(super) fn gained(&self, days: i64) -> f64 {
        let weeks = days as f64 / 7.0;
        0.08 * self.gain * (weeks / 12.0).min(1.0) + 0.92 * self.gain * ((weeks - 12.0) / 28.0).max(0.0)
    }

    /// By how much the systolic pressure is above what she returns to, mmHg: a little below in the middle.
    pub(super) fn raised(&self, days: i64) -> f64 {
        let weeks = days as f64 / 7.0;
        let dip = -6.0 * (-((weeks - 20.0) / 8.0).powi(2)).exp();
        let rise = self.raised_from.filter(|from| days >= *from).map(|from| 26.0 + (days - from) as f64 / 2.0);
        dip + rise.unwrap_or(0.0).min(50.0)
    }

    /// Protein in urine as a dipstick shows it.
    pub(super) fn protein(&mut self, days: i64) -> &'static str {
        match self.raised_from {
            Some(from) if days >= from + 14 => "2+",
            Some(from) if days >= from => "1+",
            _ if self.dice.happens(0.06) => "±",
            _ => "-",
        }
    }
}

impl Fetus {
    fn draw(dice: &mut Dice, twin: bool) -> Self {
        let small = dice.happens(0.08);
        let middle = if small {
            -2.0
        } else if twin {
            -0.5
        } else {
            0.0
        };
        let deviations = dice.normal(middle, if small { 0.2 } else { 0.7 });
        let breech = dice.happens(0.2);
        let stays = dice.happens(0.2);
        let turned = dice.between(29 * 7, 35 * 7);
        let cephalic_from = if !breech { Some(0) } else { (!stays).then_some(turned) };
        Self { deviations, cephalic_from, rate: dice.normal(145.0, 6.0) }
    }

    /// How it lies, from 28 weeks on.
    pub(super) fn presentation(&self, days: i64) -> &'static str {
        match self.cephalic_from {
            Some(from) if days >= from => "cephalic",
            _ => "breech",
        }
    }

    /// Its heart rate as it is counted once.
    pub(super) fn rate(&self, dice: &mut Dice) -> f64 {
        dice.normal(self.rate, 4.0).clamp(115.0, 165.0).round()
    }

    /// What is measured at an age: as it grows, with a sonographer's error.
    pub(super) fn biometry(&self, days: i64, dice: &mut Dice) -> Biometry {
        let weeks = days as f64 / 7.0;
        // who is small is more so later
        let along = ((weeks - 14.0) / 14.0).clamp(0.4, 1.0);
        let grows = 1.0 + 0.12 * self.deviations * along;
        let long = grows.cbrt();
        let (bpd, fl) = (bpd(weeks) * long, fl(weeks) * long);
        let ac = ac(weight(weeks) * grows, bpd, fl);
        let mut measured = |value: f64, error: f64| (value * dice.normal(1.0, error)).round();
        Biometry { bpd: measured(bpd, 0.012), ac: measured(ac, 0.02), fl: measured(fl, 0.015) }
    }
}

/// The words of the facility's own tables: the curves above, said to be what they are.
pub(super) fn tables() -> String {
    let mut text = "version: simulated\ngrowth:\n".to_owned();
    for Norm { code, of } in NORMS {
        text.push_str(&format!("  - measure: {code}\n    source: 模擬の曲線（演習用、学会の標準ではない） simulated, no standard\n    rows:\n"));
        for weeks in (18..=42).step_by(2) {
            let (mean, deviation) = of(f64::from(weeks));
            text.push_str(&format!("      - {{ age: {weeks}w0d, mean: {mean:.1}, deviation: {deviation:.1} }}\n"));
        }
    }
    text
}

/// Whether the 75 g test is made at an age: between 24 and 26 weeks, of those in whose urine sugar was found.
pub(super) fn is_load_due(person: &Person, days: i64) -> bool {
    person.has(Trait::GestationalDiabetes) && (24 * 7..26 * 7).contains(&days)
}
