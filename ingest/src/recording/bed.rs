//! Tracks as the events of a bed.

use super::Track;
use model::{
    Author, BedSession, Body, Category, ChangeKind, DepartmentCode, Event, EventId, EventKey, Hops, IdError, Labels,
    Moment, PatientRef, Payload, Record, RecordError, RecordId, Role, Version, Waveform, WaveformFrame,
};

/// A bed and who lies in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bed {
    /// The mother; her facility is the source of the events.
    pub patient: PatientRef,
    /// The monitoring session: names its records, so visible ASCII and short.
    pub session: String,
    /// The bed as the ward calls it.
    pub bed: String,
    /// The device.
    pub device: String,
    /// The department that makes the records.
    pub department: Option<DepartmentCode>,
    /// How the ward names the fetus on `fhr1`, `fhr2` and `fhr3`.
    pub fetuses: Vec<String>,
}

/// Why there is no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BedError {
    /// The session cannot be in a record's id.
    #[error("the session `{session}` cannot name records: {why}")]
    Session {
        /// The session.
        session: String,
        /// The rule it breaks.
        why: IdError,
    },
    /// A record that is none.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl Bed {
    /// The event that opens it.
    ///
    /// # Errors
    /// When the session cannot name records.
    pub fn opened(&self, at: Moment) -> Result<Event, BedError> {
        self.stated(at, None, at, Version::FIRST)
    }

    /// The event that closes it.
    ///
    /// # Errors
    /// When the session cannot name records.
    pub fn closed(&self, opened: Moment, at: Moment, closing: &str) -> Result<Event, BedError> {
        let second = Version::new(2).unwrap_or(Version::FIRST);
        self.stated(opened, Some((at.max(opened), closing)), at, second)
    }

    fn stated(
        &self,
        opened: Moment,
        closed: Option<(Moment, &str)>,
        recorded: Moment,
        version: Version,
    ) -> Result<Event, BedError> {
        let session = BedSession {
            session: self.session.clone(),
            bed: self.bed.clone(),
            opened,
            closed: closed.map(|(at, _)| at),
            closing: closed.map_or_else(String::new, |(_, why)| why.to_owned()),
            fetuses: self.fetuses.clone(),
            devices: vec![self.device.clone()],
        };
        self.event(&format!("bed/{}", self.session), version, (opened, recorded), Payload::Bed(session))
    }

    /// The frames of tracks that begin at a moment, each of so many seconds. Tracks of different rates are in frames of
    /// their own. `held_back`: they come later than they were measured, and that says nothing of the line.
    pub fn frames<'a>(&'a self, tracks: &'a [Track], begins: Moment, seconds: f64, held_back: bool) -> Frames<'a> {
        let mut rates: Vec<f64> = Vec::new();
        for track in tracks {
            if !rates.contains(&track.hertz) {
                rates.push(track.hertz);
            }
        }
        let steps = tracks.iter().map(|track| (track.samples.len() as f64 / (track.hertz * seconds)).ceil());
        Frames {
            bed: self,
            tracks,
            rates,
            begins,
            seconds,
            held_back,
            steps: steps.fold(0.0, f64::max) as u64,
            step: 0,
            rate: 0,
            sequence: 0,
        }
    }

    fn event(
        &self,
        id: &str,
        version: Version,
        (occurred, recorded): (Moment, Moment),
        payload: Payload,
    ) -> Result<Event, BedError> {
        let named = |why| BedError::Session { session: self.session.clone(), why };
        let record = Record::new(
            self.patient.clone(),
            RecordId::parse(id).map_err(named)?,
            version,
            Category::Waveform,
            occurred,
            recorded,
            Labels::NONE,
            self.department.clone(),
            Author { member: None, role: Role::System },
            ChangeKind::Upsert,
            Some(payload),
        )?;
        let id = EventId::parse(&format!("{id}.{}", version.get())).map_err(named)?;
        let key = EventKey { source: self.patient.facility().clone(), id };
        // The door stamps the moment of admission.
        Ok(Event { key, admitted_at: recorded, body: Body::Record(Box::new(record)) })
    }
}

/// The frames of a recording, in order of time. Each comes with the moment at which its last sample was there.
#[derive(Debug)]
pub struct Frames<'a> {
    bed: &'a Bed,
    tracks: &'a [Track],
    rates: Vec<f64>,
    begins: Moment,
    seconds: f64,
    held_back: bool,
    steps: u64,
    step: u64,
    rate: usize,
    sequence: u64,
}

impl Frames<'_> {
    /// How long the tracks are, in microseconds: that of the longest.
    pub fn length(&self) -> i64 {
        let lengths = self.tracks.iter().map(|track| micros(track.samples.len(), track.hertz));
        lengths.max().unwrap_or_default()
    }

    /// How many steps of time the frames take; of each there is a frame of each rate.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The frame of one step and rate; `None` where its tracks have ended.
    fn frame(&self, step: u64, hertz: f64) -> Option<Result<(Moment, Event), BedError>> {
        // Steps may hold broken numbers of samples: their bounds are rounded, so that none is left out or sent twice.
        let bound = |step: u64| (step as f64 * self.seconds * hertz).round() as usize;
        let (from, until) = (bound(step), bound(step + 1));
        let frames = self.tracks.iter().filter(|track| track.hertz.to_bits() == hertz.to_bits());
        let frames: Vec<WaveformFrame> = frames
            .filter_map(|track| {
                let until = until.min(track.samples.len());
                let samples = track.samples.get(from..until).filter(|samples| !samples.is_empty())?;
                let quality = track.quality.get(from..until)?;
                Some(WaveformFrame { channel: track.channel, samples: samples.to_vec(), quality: quality.to_vec() })
            })
            .collect();
        let longest = frames.iter().map(|frame| frame.samples.len()).max()?;
        let first = self.begins.plus_micros(micros(from, hertz));
        let last = self.begins.plus_micros(micros(from + longest, hertz));
        let waveform = Waveform {
            session: self.bed.session.clone(),
            device: self.bed.device.clone(),
            hertz: hertz as f32,
            sequence: self.sequence,
            frames,
            hops: Hops { device: Some(first), ..Hops::default() },
            held_back: self.held_back,
        };
        let id = format!("ctg/{}/{}", self.bed.session, self.sequence);
        let event = self.bed.event(&id, Version::FIRST, (first, last), Payload::Waveform(waveform));
        Some(event.map(|event| (last, event)))
    }
}

fn micros(samples: usize, hertz: f64) -> i64 {
    (samples as f64 / hertz * 1e6).round() as i64
}

impl Iterator for Frames<'_> {
    type Item = Result<(Moment, Event), BedError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.step < self.steps {
            let (step, hertz) = (self.step, self.rates.get(self.rate).copied());
            self.rate += 1;
            let Some(hertz) = hertz else {
                (self.step, self.rate) = (step + 1, 0);
                continue;
            };
            if let Some(frame) = self.frame(step, hertz) {
                self.sequence += 1;
                return Some(frame);
            }
        }
        None
    }
}
