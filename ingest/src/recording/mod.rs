//! Recordings of bedside signals, as files: read whole, named by channel, and played as the events of a bed.
//!
//! [`wfdb`] and [`mfer`] turn bytes into a [`Recording`], whatever its signals are. [`tracks`] names its signals by channel;
//! what is not understood is refused with its place, and the caller may say what it is. [`Bed`] makes events of tracks: the
//! bed is opened, its frames follow, the bed is closed. All of it is pure: the same file makes the same events.

pub mod mfer;
pub mod wfdb;

mod bed;
mod track;

pub use bed::{Bed, BedError, Frames};
pub use track::{Choice, ChoiceError, Track, tracks};

use jiff::civil::DateTime;
use std::fmt;

/// What is wrong with a recording, and where. Names places and rules, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {rule}")]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What is expected there.
    pub rule: String,
}

/// A place in a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A line of its header, from 1.
    Line(usize),
    /// A byte of a file, from 0.
    Byte(String, usize),
    /// One of its signals, from 1, with its name.
    Signal(usize, String),
    /// None in particular.
    Whole,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line} of the header"),
            Self::Byte(file, at) => write!(f, "byte {at} of {file}"),
            Self::Signal(number, name) => write!(f, "signal {number} (`{name}`)"),
            Self::Whole => f.write_str("the recording"),
        }
    }
}

impl Place {
    fn fault(self, rule: impl Into<String>) -> Fault {
        Fault { place: self, rule: rule.into() }
    }
}

/// Signals as a file holds them.
#[derive(Clone, PartialEq)]
pub struct Recording {
    /// The name the file gives itself; may be empty.
    pub name: String,
    /// The number of the patient, where the file says one.
    pub patient: Option<String>,
    /// When it began, by the clock on the wall, where the file says it.
    pub begins: Option<DateTime>,
    /// The signals, in the file's order.
    pub signals: Vec<Signal>,
}

/// Patient data: how much of it there is, and nothing else.
impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recording({} signals)", self.signals.len())
    }
}

/// One signal.
#[derive(Clone, PartialEq)]
pub struct Signal {
    /// As the file names it; may be empty.
    pub name: String,
    /// As the file writes it; may be empty.
    pub unit: String,
    /// Whether the file says how its numbers become values of the unit.
    pub calibrated: bool,
    /// Samples per second.
    pub hertz: f64,
    /// The samples; `None` where the file says that there is none.
    pub samples: Vec<Option<f32>>,
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signal({} samples)", self.samples.len())
    }
}

#[cfg(test)]
mod tests;
