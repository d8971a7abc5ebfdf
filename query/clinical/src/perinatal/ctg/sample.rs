//! What comes in: four times a second one sample of each channel.

use model::FrameQuality;

/// Samples per second.
pub const HERTZ: usize = 4;
/// Most fetuses of one monitor.
pub const FETUSES: usize = 3;

/// A sample and how far it is to be trusted.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sample {
    /// The value; without meaning where the signal is lost.
    pub value: f32,
    /// How far it is to be trusted.
    pub quality: FrameQuality,
}

impl Sample {
    /// No signal.
    pub const LOST: Self = Self { value: 0.0, quality: FrameQuality::Lost };

    /// A good sample.
    pub const fn good(value: f32) -> Self {
        Self { value, quality: FrameQuality::Good }
    }

    /// The value, where there is one within the bounds.
    pub(in crate::perinatal) fn within(self, (low, high): (f32, f32)) -> Option<f32> {
        let seen = self.quality != FrameQuality::Lost && low <= self.value && self.value <= high;
        seen.then_some(self.value)
    }
}

/// All channels at one instant. A channel that is not connected is lost.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Frame {
    /// Fetal heart rates, beats per minute.
    pub fetal: [Sample; FETUSES],
    /// Uterine activity, in the units of the transducer.
    pub uterus: Sample,
    /// Maternal heart rate, beats per minute.
    pub maternal: Sample,
}

impl Frame {
    /// Nothing connected.
    pub const LOST: Self = Self { fetal: [Sample::LOST; FETUSES], uterus: Sample::LOST, maternal: Sample::LOST };
}

/// Which fetus: the first, second or third.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Fetus(u8);

impl Fetus {
    /// All three.
    pub const ALL: [Self; FETUSES] = [Self(1), Self(2), Self(3)];

    /// The n-th fetus, from 1; `None` past the third.
    pub fn new(number: u8) -> Option<Self> {
        (1..=FETUSES as u8).contains(&number).then_some(Self(number))
    }
    /// Its number, from 1.
    pub fn number(self) -> u8 {
        self.0
    }
    /// Its place in a frame.
    pub(super) fn place(self) -> usize {
        usize::from(self.0) - 1
    }
}
