//! Which channel a signal is.

use super::{Fault, Place, Recording, Signal};
use model::{FrameQuality, WaveformChannel};
use std::str::FromStr;

/// Seconds of uterine activity at zero after which the transducer is taken to be off; shorter ones are its floor.
const OFF_SECONDS: f64 = 60.0;

/// A signal as a channel of a bed.
#[derive(Clone, PartialEq, Debug)]
pub struct Track {
    /// What it carries.
    pub channel: WaveformChannel,
    /// Samples per second.
    pub hertz: f64,
    /// The samples; 0 where the signal is lost.
    pub samples: Vec<f32>,
    /// How far each is to be trusted.
    pub quality: Vec<FrameQuality>,
}

/// What the caller says of a signal: `FHR=fhr1`, `2=uc` by its number, `ECG=-` where it is left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    signal: String,
    channel: Option<WaveformChannel>,
}

/// A text that is no choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write SIGNAL=CHANNEL, where SIGNAL is a name or a number from 1 and CHANNEL one of fhr1, fhr2, fhr3, uc, mhr, spo2, \
    nibp_sys, nibp_dia, nibp_mean, temp, or `-` to leave it out"
)]
pub struct ChoiceError;

impl FromStr for Choice {
    type Err = ChoiceError;
    fn from_str(text: &str) -> Result<Self, ChoiceError> {
        let (signal, channel) = text.rsplit_once('=').filter(|(signal, _)| !signal.is_empty()).ok_or(ChoiceError)?;
        let channel = match channel {
            "-" => None,
            code => Some(WaveformChannel::from_code(code).ok_or(ChoiceError)?),
        };
        Ok(Self { signal: signal.to_owned(), channel })
    }
}

impl Choice {
    fn means(&self, number: usize, signal: &Signal) -> bool {
        self.signal == signal.name || self.signal.parse() == Ok(number)
    }
}

/// The tracks of a recording: each signal by what the caller says of it, else by its name.
///
/// # Errors
/// When a signal is of no known name and the caller says nothing of it, two are one channel, a channel's unit is another
/// than its own, or nothing is left; with the signal.
pub fn tracks(recording: &Recording, choices: &[Choice]) -> Result<Vec<Track>, Fault> {
    let numbered = || recording.signals.iter().enumerate().map(|(at, signal)| (at + 1, signal));
    if let Some(choice) = choices.iter().find(|choice| !numbered().any(|(number, signal)| choice.means(number, signal)))
    {
        return Err(Place::Whole.fault(format!("there is no signal `{}`", choice.signal)));
    }
    let mut tracks: Vec<Track> = Vec::new();
    for (number, signal) in numbered() {
        let fault = |rule: String| Place::Signal(number, signal.name.clone()).fault(rule);
        let channel = match choices.iter().find(|choice| choice.means(number, signal)) {
            Some(Choice { channel: None, .. }) => continue,
            Some(Choice { channel: Some(channel), .. }) => *channel,
            None => named(&signal.name)
                .ok_or_else(|| fault("its name is that of no channel: say which it is, or leave it out".to_owned()))?,
        };
        if !signal.calibrated {
            return Err(fault("it states no gain: its numbers are of no unit".to_owned()));
        }
        let units = units(channel);
        if !units.is_empty() && !units.iter().any(|unit| unit.eq_ignore_ascii_case(signal.unit.trim())) {
            return Err(fault(format!("it is in `{}`: {} is in {}", signal.unit, channel.code(), units.join(", "))));
        }
        if tracks.iter().any(|track| track.channel == channel) {
            return Err(fault(format!("another signal is {} already", channel.code())));
        }
        tracks.push(track(channel, signal));
    }
    if tracks.is_empty() { Err(Place::Whole.fault("no signal of it is a channel")) } else { Ok(tracks) }
}

/// The channel of a name as files of monitors have it.
fn named(name: &str) -> Option<WaveformChannel> {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    Some(match plain.as_str() {
        "fhr" | "fhr1" | "胎児心拍数" | "胎児心拍数1" => WaveformChannel::FetalHeartRate(1),
        "fhr2" | "胎児心拍数2" => WaveformChannel::FetalHeartRate(2),
        "fhr3" | "胎児心拍数3" => WaveformChannel::FetalHeartRate(3),
        "uc" | "ua" | "toco" | "陣痛" | "子宮収縮" => WaveformChannel::UterineActivity,
        "mhr" | "母体心拍数" => WaveformChannel::MaternalHeartRate,
        "spo2" => WaveformChannel::Spo2,
        "nibpsys" => WaveformChannel::SystolicPressure,
        "nibpdia" => WaveformChannel::DiastolicPressure,
        "nibpmean" => WaveformChannel::MeanPressure,
        "temp" | "体温" => WaveformChannel::Temperature,
        _ => return None,
    })
}

/// How a channel's unit may be written; none where any will do (a transducer of uterine activity has no scale).
fn units(channel: WaveformChannel) -> &'static [&'static str] {
    match channel {
        WaveformChannel::FetalHeartRate(_) | WaveformChannel::MaternalHeartRate => {
            &["bpm", "/min", "1/min", "{beats}/min"]
        }
        WaveformChannel::UterineActivity => &[],
        WaveformChannel::Spo2 => &["%"],
        WaveformChannel::SystolicPressure | WaveformChannel::DiastolicPressure | WaveformChannel::MeanPressure => {
            &["mmHg", "mm[Hg]"]
        }
        WaveformChannel::Temperature => &["degC", "Cel", "°C"],
    }
}

fn track(channel: WaveformChannel, signal: &Signal) -> Track {
    let rate = matches!(channel, WaveformChannel::FetalHeartRate(_) | WaveformChannel::MaternalHeartRate);
    // A heart rate of nothing is how recorders write a lost signal.
    let mut seen: Vec<Option<f32>> =
        signal.samples.iter().map(|sample| sample.filter(|value| !rate || *value > 0.0)).collect();
    if channel == WaveformChannel::UterineActivity {
        for flat in seen.chunk_by_mut(|a, b| (*a == Some(0.0)) == (*b == Some(0.0))) {
            if flat.first() == Some(&Some(0.0)) && flat.len() as f64 > OFF_SECONDS * signal.hertz {
                flat.fill(None);
            }
        }
    }
    Track {
        channel,
        hertz: signal.hertz,
        quality: seen
            .iter()
            .map(|sample| if sample.is_some() { FrameQuality::Good } else { FrameQuality::Lost })
            .collect(),
        samples: seen.into_iter().map(Option::unwrap_or_default).collect(),
    }
}
