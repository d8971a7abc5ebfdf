//! Signals of beds: stretches of samples, and the sessions they belong to.

use crate::Moment;

/// Which fetus of a mother: 1 to 3.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FetusNumber(u8);

/// A number that is no fetus's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the number of a fetus, 1 to 3")]
pub struct FetusNumberError;

impl FetusNumber {
    /// All three.
    pub const ALL: [Self; 3] = [Self(1), Self(2), Self(3)];

    /// The n-th, from 1.
    ///
    /// # Errors
    /// Below 1 and past 3.
    pub fn new(number: u32) -> Result<Self, FetusNumberError> {
        Self::ALL.into_iter().find(|fetus| u32::from(fetus.0) == number).ok_or(FetusNumberError)
    }
    /// The number, from 1.
    pub const fn get(self) -> u8 {
        self.0
    }
    /// The channel of its heart rate.
    pub const fn channel(self) -> WaveformChannel {
        WaveformChannel::FetalHeartRate(self.0)
    }
}

/// What a waveform channel carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WaveformChannel {
    /// Fetal heart rate, beats per minute, of the n-th fetus (1 to 3).
    FetalHeartRate(u8),
    /// Uterine activity, relative units or mmHg.
    UterineActivity,
    /// Maternal heart rate, beats per minute.
    MaternalHeartRate,
    /// Oxygen saturation, percent.
    Spo2,
    /// Non-invasive blood pressure, systolic, mmHg.
    SystolicPressure,
    /// Non-invasive blood pressure, diastolic, mmHg.
    DiastolicPressure,
    /// Non-invasive blood pressure, mean, mmHg.
    MeanPressure,
    /// Temperature, degrees Celsius.
    Temperature,
}

impl WaveformChannel {
    /// All, in order of the wire.
    pub const ALL: [Self; 10] = [
        Self::FetalHeartRate(1),
        Self::FetalHeartRate(2),
        Self::FetalHeartRate(3),
        Self::UterineActivity,
        Self::MaternalHeartRate,
        Self::Spo2,
        Self::SystolicPressure,
        Self::DiastolicPressure,
        Self::MeanPressure,
        Self::Temperature,
    ];

    /// `fhr1` … `fhr3`, `uc`, `mhr`, `spo2`, `nibp_sys`, `nibp_dia`, `nibp_mean`, `temp`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::FetalHeartRate(2) => "fhr2",
            Self::FetalHeartRate(3) => "fhr3",
            Self::FetalHeartRate(_) => "fhr1",
            Self::UterineActivity => "uc",
            Self::MaternalHeartRate => "mhr",
            Self::Spo2 => "spo2",
            Self::SystolicPressure => "nibp_sys",
            Self::DiastolicPressure => "nibp_dia",
            Self::MeanPressure => "nibp_mean",
            Self::Temperature => "temp",
        }
    }
    /// From its code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.code() == code)
    }
}

/// How trustworthy one sample is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum FrameQuality {
    /// A good sample.
    Good = 0,
    /// Doubtful.
    Fair = 1,
    /// Signal lost; the value is meaningless.
    Lost = 2,
}

/// One channel's samples within a frame.
#[derive(Clone, PartialEq, Debug)]
pub struct WaveformFrame {
    /// What it carries.
    pub channel: WaveformChannel,
    /// The samples, oldest first.
    pub samples: Vec<f32>,
    /// One quality per sample, as long as `samples`.
    pub quality: Vec<FrameQuality>,
}

/// When the hops before the node took a frame, each by its own clock; `None` where it did not say. The node's own is the
/// event's `admitted_at`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Hops {
    /// The device, when it took the first sample; uncorrected, as `occurred` of the record need not be.
    pub device: Option<Moment>,
    /// The ward's gateway or central monitor, when it took the frame from the device.
    pub gateway: Option<Moment>,
    /// The hospital's edge, when it took it from there.
    pub edge: Option<Moment>,
}

/// A short stretch of sampled signals from one device at one bed.
///
/// What is measured now and then (pressure, temperature) is a channel of one sample.
#[derive(Clone, PartialEq, Debug)]
pub struct Waveform {
    /// The monitoring session at the source, that of the bed's [`BedSession`].
    pub session: String,
    /// The device; may be empty.
    pub device: String,
    /// Samples per second; 4 for cardiotocograms.
    pub hertz: f32,
    /// Frame number of this device within the session, without gaps.
    pub sequence: u64,
    /// The channels; the first sample of each was taken at the record's `occurred`.
    pub frames: Vec<WaveformFrame>,
    /// When the hops took it.
    pub hops: Hops,
    /// The source held it back, for instance while a line was cut: its age says nothing of clocks or of the line now.
    pub held_back: bool,
}

/// A bed's monitoring of one patient. The first version of its record opens it; later versions change it (transducers are
/// exchanged, a device comes) or close it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BedSession {
    /// The session its waveforms name.
    pub session: String,
    /// The bed as the ward calls it.
    pub bed: String,
    /// When monitoring began.
    pub opened: Moment,
    /// When it ended; `None` while it goes on. Not before `opened`.
    pub closed: Option<Moment>,
    /// Why it ended (`birth`, `transfer` …); may be empty.
    pub closing: String,
    /// How the ward names the fetus on `fhr1`, `fhr2` and `fhr3`, in this order; at most three.
    pub fetuses: Vec<String>,
    /// The devices at the bed, as their waveforms name them.
    pub devices: Vec<String>,
}
