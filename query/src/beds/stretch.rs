//! A stretch of samples as a record states it.

use super::lead::Lead;
use clinical::perinatal::ctg::Sample;
use model::{FacilityId, FrameQuality, Hops, Moment, PatientNumber, PatientRef, Payload, Record, Version, Waveform};
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

/// Where monitoring takes place, and of whom: what makes a bed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The patient as the source knows them. Patient data.
    pub patient: PatientRef,
    /// The monitoring session at the source. May be patient data.
    pub session: String,
}

/// A bed's number in this process. It is made with a key that only this process has, so that it tells nothing of the patient
/// and can stand in a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BedId(u64);

/// Made anew with each process.
static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl BedId {
    /// The number of a place.
    pub fn of(place: &Place) -> Self {
        Self(KEY.hash_one(place))
    }
    /// From its text; `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok()).flatten().map(Self)
    }
}

impl fmt::Display for BedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Place {
    /// From the columns `source`, `patient_id` and `session` of the table `beds`; `None` where they name nobody.
    pub fn of_row(source: &str, patient: &str, session: &str) -> Option<Self> {
        let patient = PatientRef::new(FacilityId::parse(source).ok()?, PatientNumber::parse(patient).ok()?);
        Some(Self { patient, session: session.to_owned() })
    }
    /// The facility that discloses it.
    pub fn source(&self) -> &FacilityId {
        self.patient.facility()
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({}, ******)", self.patient.facility())
    }
}

/// Samples of several traces that were measured from one moment on.
#[derive(Clone, PartialEq)]
pub struct Stretch {
    /// Whose, and in which session.
    pub place: Place,
    /// The device; may be empty.
    pub device: String,
    /// The digest of its record's reference.
    pub record: u128,
    /// The version of that record.
    pub version: Version,
    /// The device's number of it within the session.
    pub sequence: u64,
    /// When the first sample was measured, by the source's clock.
    pub measured: Moment,
    /// Microseconds from one sample to the next.
    pub step: i64,
    /// The samples of each trace, oldest first.
    pub traces: Vec<(Lead, Vec<Sample>)>,
    /// What is measured now and then (pressure, temperature), by channel.
    pub spots: Vec<(&'static str, f32)>,
    /// When the hops between took it, each by its own clock.
    pub hops: Hops,
    /// The source held it back: it says nothing of the source's clock.
    pub held_back: bool,
}

/// A bed's monitoring as its record states it: opened, changed or closed.
#[derive(Clone, PartialEq)]
pub struct Session {
    /// Whose, and which.
    pub place: Place,
    /// The digest of its record's reference.
    pub record: u128,
    /// The bed as the ward calls it.
    pub bed: String,
    /// When monitoring began, by the source's clock.
    pub opened: Moment,
    /// When it ended, by the source's clock; `None` while it goes on.
    pub closed: Option<Moment>,
    /// How the ward names the fetuses, in order.
    pub fetuses: Vec<String>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Session {
    /// What a record states; `None` where it is no bed's.
    pub fn of(record: &Record) -> Option<Self> {
        let Some(Payload::Bed(bed)) = record.payload() else { return None };
        Some(Self {
            place: Place { patient: record.patient.clone(), session: bed.session.clone() },
            record: record.reference().digest(),
            bed: bed.bed.clone(),
            opened: bed.opened,
            closed: bed.closed,
            fetuses: bed.fetuses.clone(),
        })
    }
}

impl fmt::Debug for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stretch").field("place", &self.place).finish_non_exhaustive()
    }
}

/// More samples than this are in no stretch that is worth drawing: an hour at 4 a second.
const MOST: usize = 14_400;

impl Stretch {
    /// What a record states; `None` where it is no waveform, or one without a trace that a bed has.
    pub fn of(record: &Record) -> Option<Self> {
        let Some(Payload::Waveform(wave)) = record.payload() else { return None };
        Self::parts(record, wave)
    }

    fn parts(record: &Record, wave: &Waveform) -> Option<Self> {
        let step = step_of(wave.hertz)?;
        let traces: Vec<(Lead, Vec<Sample>)> = wave
            .frames
            .iter()
            .filter_map(|frame| {
                let lead = Lead::from_code(frame.channel.code())?;
                Some((lead, samples(&frame.samples, frame.quality.iter().copied())))
            })
            .filter(|(_, samples)| !samples.is_empty())
            .collect();
        let spot = |frame: &model::WaveformFrame| {
            let at = frame.quality.iter().rposition(|quality| *quality != FrameQuality::Lost)?;
            let value = frame.samples.get(at).filter(|value| value.is_finite())?;
            Lead::from_code(frame.channel.code()).is_none().then_some((frame.channel.code(), *value))
        };
        let spots: Vec<(&'static str, f32)> = wave.frames.iter().filter_map(spot).collect();
        (!traces.is_empty() || !spots.is_empty()).then(|| Self {
            place: Place { patient: record.patient.clone(), session: wave.session.clone() },
            device: wave.device.clone(),
            record: record.reference().digest(),
            version: record.version,
            sequence: wave.sequence,
            measured: record.occurred,
            step,
            traces,
            spots,
            hops: wave.hops,
            held_back: wave.held_back,
        })
    }

    /// How long the longest of its traces lasts, in microseconds.
    pub fn length(&self) -> i64 {
        let longest = self.traces.iter().map(|(_, samples)| samples.len()).max().unwrap_or(0);
        self.step.saturating_mul(longest as i64)
    }
    /// Its traces.
    pub fn leads(&self) -> Vec<Lead> {
        self.traces.iter().map(|(lead, _)| *lead).collect()
    }
}

/// Microseconds from sample to sample; `None` for a rate that no trace has.
pub fn step_of(hertz: f32) -> Option<i64> {
    let fits = (0.1..=1_000.0).contains(&hertz);
    fits.then(|| (1e6 / f64::from(hertz)).round() as i64)
}

/// Values with their qualities; a value without one counts as lost.
pub fn samples(values: &[f32], qualities: impl Iterator<Item = FrameQuality>) -> Vec<Sample> {
    let qualities = qualities.chain(std::iter::repeat(FrameQuality::Lost));
    let finite = |value: f32, quality| if value.is_finite() { Sample { value, quality } } else { Sample::LOST };
    values.iter().zip(qualities).take(MOST).map(|(value, quality)| finite(*value, quality)).collect()
}
