//! How samples are packed.

/// A format of signal(5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// No samples.
    Null,
    /// Differences of 8 bits.
    Difference,
    /// Two's complement, little end first, in so many bytes.
    Little(usize),
    /// 16 bits, big end first.
    Big16,
    /// 8 bits, 128 is zero.
    Offset8,
    /// 16 bits little end first, 32,768 is zero.
    Offset16,
    /// Two samples of 12 bits in three bytes.
    Packed12,
    /// Three samples of 10 bits in two words of 16, the low bit of each word unused.
    Packed10,
    /// Three samples of 10 bits in one word of 32, the high bits unused.
    Dense10,
}

/// Of the low bits of a number, the two's complement.
fn signed(value: u32, bits: u32) -> i32 {
    let shift = 32 - bits;
    // A reinterpretation of the bits, and an arithmetic shift.
    (value << shift).cast_signed() >> shift
}

fn word(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |word, byte| (word << 8) | u32::from(*byte))
}

impl Format {
    pub(super) fn of(text: &str) -> Option<Self> {
        Some(match text {
            "0" => Self::Null,
            "8" => Self::Difference,
            "16" => Self::Little(2),
            "24" => Self::Little(3),
            "32" => Self::Little(4),
            "61" => Self::Big16,
            "80" => Self::Offset8,
            "160" => Self::Offset16,
            "212" => Self::Packed12,
            "310" => Self::Packed10,
            "311" => Self::Dense10,
            _ => return None,
        })
    }

    /// The number that stands for no sample.
    pub(super) fn invalid(self) -> Option<i32> {
        Some(match self {
            Self::Null | Self::Difference => return None,
            Self::Little(3) => -(1 << 23),
            Self::Little(4) => i32::MIN,
            Self::Little(_) | Self::Big16 | Self::Offset16 => -(1 << 15),
            Self::Offset8 => -(1 << 7),
            Self::Packed12 => -(1 << 11),
            Self::Packed10 | Self::Dense10 => -(1 << 9),
        })
    }

    /// As many samples as the bytes hold. Those of format 8 are differences yet.
    pub(super) fn decode(self, bytes: &[u8]) -> Vec<i32> {
        match self {
            Self::Null => Vec::new(),
            Self::Difference => bytes.iter().map(|byte| i32::from(byte.cast_signed())).collect(),
            Self::Little(size) => {
                let bits = u32::try_from(size).unwrap_or(4) * 8;
                bytes.chunks_exact(size).map(|chunk| signed(word(chunk), bits)).collect()
            }
            Self::Big16 => bytes.as_chunks().0.iter().map(|pair| i32::from(i16::from_be_bytes(*pair))).collect(),
            Self::Offset8 => bytes.iter().map(|byte| i32::from(*byte) - 128).collect(),
            Self::Offset16 => {
                bytes.as_chunks().0.iter().map(|pair| i32::from(u16::from_le_bytes(*pair)) - 32_768).collect()
            }
            Self::Packed12 => packed(bytes, 3, |chunk| {
                let low = word(chunk.get(..2).unwrap_or_default());
                let last = chunk.get(2).copied().map(u32::from);
                [Some(signed(low, 12)), last.map(|last| signed(((low >> 12) << 8) | last, 12)), None]
            }),
            Self::Packed10 => packed(bytes, 4, |chunk| {
                let first = word(chunk.get(..2).unwrap_or_default());
                let second = chunk.get(2..4).map(word);
                [
                    Some(signed(first >> 1, 10)),
                    second.map(|second| signed(second >> 1, 10)),
                    second.map(|second| signed(((second >> 11) << 5) | (first >> 11), 10)),
                ]
            }),
            Self::Dense10 => packed(bytes, 4, |chunk| {
                let all = word(chunk);
                let whole = |from: u32| {
                    (from + 10 <= 8 * u32::try_from(chunk.len()).unwrap_or(0)).then(|| signed(all >> from, 10))
                };
                [whole(0), whole(10), whole(20)]
            }),
        }
    }

    /// What the numbers of one signal stand for.
    pub(super) fn finish(self, mut samples: Vec<i32>, initial: i32) -> Vec<i32> {
        if self == Self::Difference {
            let mut value = initial;
            for sample in &mut samples {
                value = value.saturating_add(*sample);
                *sample = value;
            }
        }
        samples
    }
}

/// Samples of chunks; the last chunk may be short, and is read from its second byte on.
fn packed(bytes: &[u8], size: usize, of: impl Fn(&[u8]) -> [Option<i32>; 3]) -> Vec<i32> {
    bytes.chunks(size).filter(|chunk| chunk.len() >= 2).flat_map(|chunk| of(chunk).into_iter().flatten()).collect()
}
