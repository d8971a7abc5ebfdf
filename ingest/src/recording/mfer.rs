//! MFER (ISO 22077-1): tagged, nested definitions, and frames of waveforms that they describe.
//!
//! Read are waveforms of any class with data types 0 to 8, byte orders, definitions per channel, groups, frames in
//! sequence with gaps between them, the time of measurement and the patient's number. Refused with their byte: compressed data
//! (`CMP`, data type 9), a definition that ends early, a frame whose length is not what its definitions say, a channel
//! whose interval is not stated or changes. Definitions that say nothing of the signals are passed over.
//!
//! Written from the published rules as other readers state them: no file of a fetal monitor was at hand, and the
//! tests write their own. No crate reads MFER.

use super::{Fault, Place, Recording, Signal};
use jiff::civil::{Date, DateTime, Time};

const BLE: u8 = 0x01;
const TXC: u8 = 0x03;
const BLK: u8 = 0x04;
const CHN: u8 = 0x05;
const SEQ: u8 = 0x06;
const PNT: u8 = 0x07;
const LDN: u8 = 0x09;
const DTP: u8 = 0x0A;
const IVL: u8 = 0x0B;
const SEN: u8 = 0x0C;
const OFF: u8 = 0x0D;
const CMP: u8 = 0x0E;
const NUL: u8 = 0x12;
const WAV: u8 = 0x1E;
const ATT: u8 = 0x3F;
const SET: u8 = 0x67;
const END: u8 = 0x80;
const PID: u8 = 0x82;
const TIM: u8 = 0x85;

/// Most channels: beyond these a file is taken for damaged.
const MOST: usize = 1024;
/// Deepest nesting of groups and channel definitions.
const DEEPEST: usize = 8;
/// Most samples that gaps between frames may come to, of all channels together: eight of them for a day at 4 Hz.
const LONGEST_GAPS: usize = 8 * 4 * 86_400;

/// Reads a file.
///
/// # Errors
/// When it is no MFER file this crate reads; with the byte.
pub fn read(bytes: &[u8]) -> Result<Recording, Fault> {
    let mut reader = Reader::new(bytes);
    reader.definitions(bytes.len(), None, 0, false)?;
    if !reader.framed {
        return Err(reader.fault("there is no waveform (`WAV`) in it"));
    }
    let signals = reader.signals();
    Ok(Recording { name: String::new(), patient: reader.patient, begins: reader.begins, signals })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Big,
    Little,
}

/// What is defined of a channel, or of all.
#[derive(Clone, Default)]
struct Attributes {
    block: Option<usize>,
    sequences: Option<usize>,
    lead: Option<String>,
    kind: Option<Kind>,
    hertz: Option<f64>,
    scale: Option<(f64, &'static str)>,
    offset: Option<(Vec<u8>, Order)>,
    null: Option<(Vec<u8>, Order)>,
}

/// Writes one definition where it belongs.
type Define = Box<dyn FnOnce(&mut Attributes)>;

#[derive(Clone, Default)]
struct Channel {
    own: Attributes,
    /// The interval of its first frame: a signal has one.
    hertz: Option<f64>,
    unit: &'static str,
    calibrated: bool,
    samples: Vec<Option<f32>>,
}

/// `DTP`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    I16,
    U16,
    I32,
    U8,
    I8,
    U32,
    F32,
    F64,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    order: Order,
    utf8: bool,
    whole: Attributes,
    channels: Vec<Channel>,
    pointer: Option<usize>,
    framed: bool,
    padded: usize,
    patient: Option<String>,
    begins: Option<DateTime>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            order: Order::Big,
            utf8: false,
            whole: Attributes::default(),
            channels: vec![Channel::default()],
            pointer: None,
            framed: false,
            padded: 0,
            patient: None,
            begins: None,
        }
    }

    fn fault(&self, rule: impl Into<String>) -> Fault {
        Place::Byte("the file".to_owned(), self.at).fault(rule)
    }

    fn byte(&mut self, until: usize) -> Result<u8, Fault> {
        let byte = self.bytes.get(self.at).copied().filter(|_| self.at < until);
        let byte = byte.ok_or_else(|| self.fault("a definition ends early"))?;
        self.at += 1;
        Ok(byte)
    }

    /// A length; `None` where it is indefinite.
    fn length(&mut self, until: usize) -> Result<Option<usize>, Fault> {
        match self.byte(until)? {
            0x80 => Ok(None),
            short @ 0..0x80 => Ok(Some(usize::from(short))),
            long => {
                let count = long & 0x7f;
                if count > 4 {
                    return Err(self.fault("a length has at most 4 bytes"));
                }
                let mut length = 0;
                for _ in 0..count {
                    length = (length << 8) | usize::from(self.byte(until)?);
                }
                Ok(Some(length))
            }
        }
    }

    /// Reads definitions until a place; where the length was indefinite (`open`), until the end of contents before it.
    /// `channel`: those of one channel.
    fn definitions(&mut self, until: usize, channel: Option<usize>, depth: usize, open: bool) -> Result<(), Fault> {
        if depth > DEEPEST {
            return Err(self.fault("definitions are nested too deeply"));
        }
        while self.at < until {
            let tag = self.byte(until)?;
            if tag == 0 {
                // Filling between definitions; at the end of an indefinite length two of them.
                if open && self.bytes.get(self.at) == Some(&0) {
                    self.at += 1;
                    return Ok(());
                }
                continue;
            }
            if tag == END && depth == 0 {
                return Ok(());
            }
            let of = if tag == ATT { Some(self.number(until)?) } else { None };
            let length = self.length(until)?;
            match (tag, length) {
                (ATT | SET, length) => {
                    if tag == ATT && channel.is_some() {
                        return Err(self.fault("a channel is defined within another"));
                    }
                    let end = match length {
                        None => until,
                        Some(length) => self.end(length, until)?,
                    };
                    if let Some(of) = of.filter(|of| *of >= self.channels.len()) {
                        return Err(self.fault(format!(
                            "channel {} is defined, there are {}",
                            of + 1,
                            self.channels.len()
                        )));
                    }
                    self.definitions(end, of.or(channel), depth + 1, length.is_none())?;
                }
                (_, None) => return Err(self.fault("only groups and channels may have an indefinite length")),
                (_, Some(length)) => {
                    let end = self.end(length, until)?;
                    let value = self.bytes.get(self.at..end).unwrap_or_default();
                    self.define(tag, value, channel)?;
                    self.at = end;
                }
            }
        }
        if open { Err(self.fault("a definition of indefinite length has no end")) } else { Ok(()) }
    }

    fn end(&self, length: usize, until: usize) -> Result<usize, Fault> {
        let end = self.at.checked_add(length).filter(|end| *end <= until);
        end.ok_or_else(|| self.fault(format!("a definition of {length} bytes ends early")))
    }

    /// The number of a channel: seven bits a byte.
    fn number(&mut self, until: usize) -> Result<usize, Fault> {
        let mut number = 0_usize;
        loop {
            let byte = self.byte(until)?;
            number = (number << 7) | usize::from(byte & 0x7f);
            if number > MOST {
                return Err(self.fault("there are at most 1024 channels"));
            }
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
    }

    /// A whole number of up to 4 bytes.
    fn unsigned(&self, value: &[u8]) -> Result<usize, Fault> {
        match value.len() {
            1..=4 => Ok(usize::try_from(unsigned(value, self.order)).unwrap_or(usize::MAX)),
            _ => Err(self.fault("a number has 1 to 4 bytes")),
        }
    }

    fn define(&mut self, tag: u8, value: &[u8], channel: Option<usize>) -> Result<(), Fault> {
        match tag {
            BLE => {
                self.order = match value {
                    [0] => Order::Big,
                    [1] => Order::Little,
                    _ => return Err(self.fault("the byte order is 0 or 1")),
                };
            }
            TXC => self.utf8 = value.to_ascii_uppercase().starts_with(b"UTF"),
            CHN => {
                let count = Some(self.unsigned(value)?).filter(|count| (1..=MOST).contains(count));
                let count = count.ok_or_else(|| self.fault("there are 1 to 1024 channels"))?;
                if self.framed && count != self.channels.len() {
                    return Err(self.fault("the number of channels changes after a frame"));
                }
                self.channels.resize(count, Channel::default());
            }
            PNT => self.pointer = if value.is_empty() { None } else { Some(self.unsigned(value)?) },
            CMP if value.iter().any(|byte| *byte != 0) => return Err(self.fault("compressed waveforms are not read")),
            PID => self.patient = Some(self.text(value)?).filter(|text| !text.is_empty()),
            TIM => self.begins = Some(self.time(value)?),
            WAV => self.frame(value)?,
            BLK | SEQ | LDN | DTP | IVL | SEN | OFF | NUL => {
                let read = self.attribute(tag, value)?;
                let place = match channel {
                    None => &mut self.whole,
                    Some(number) => match self.channels.get_mut(number) {
                        Some(channel) => &mut channel.own,
                        None => return Ok(()),
                    },
                };
                read(place);
            }
            _ => {}
        }
        Ok(())
    }

    /// One definition of a channel or of all; an empty one takes it back.
    fn attribute(&self, tag: u8, value: &[u8]) -> Result<Define, Fault> {
        let stated = !value.is_empty();
        Ok(match tag {
            BLK | SEQ => {
                let number = if stated { Some(self.unsigned(value)?) } else { None };
                Box::new(move |all| *(if tag == BLK { &mut all.block } else { &mut all.sequences }) = number)
            }
            LDN => {
                let lead = if stated { Some(self.lead(value)?) } else { None };
                Box::new(move |all| all.lead = lead)
            }
            DTP => {
                let kind = value.first().map(|number| self.kind(*number)).transpose()?;
                Box::new(move |all| all.kind = kind)
            }
            IVL => {
                let hertz = if stated { Some(self.hertz(value)?) } else { None };
                Box::new(move |all| all.hertz = hertz)
            }
            SEN => {
                let scale = if stated { Some(self.scale(value)?) } else { None };
                Box::new(move |all| all.scale = scale)
            }
            _ => {
                let raw = Some((value.to_vec(), self.order)).filter(|_| stated);
                Box::new(move |all| *(if tag == OFF { &mut all.offset } else { &mut all.null }) = raw)
            }
        })
    }

    fn kind(&self, number: u8) -> Result<Kind, Fault> {
        Ok(match number {
            0 => Kind::I16,
            1 | 4 => Kind::U16,
            2 => Kind::I32,
            3 => Kind::U8,
            5 => Kind::I8,
            6 => Kind::U32,
            7 => Kind::F32,
            8 => Kind::F64,
            _ => return Err(self.fault("the data type is 0 to 8 (9, compressed, is not read)")),
        })
    }

    /// Unit, exponent and mantissa.
    fn scaled(&self, value: &[u8]) -> Result<(u8, f64), Fault> {
        match value {
            [unit, exponent, mantissa @ ..] if (1..=4).contains(&mantissa.len()) => {
                let bits = u32::try_from(8 * mantissa.len()).unwrap_or(32);
                let mantissa = (unsigned(mantissa, self.order) << (64 - bits)).cast_signed() >> (64 - bits);
                #[expect(clippy::cast_precision_loss, reason = "a mantissa has at most 32 bits")]
                let number = mantissa as f64 * 10_f64.powi(i32::from(exponent.cast_signed()));
                Ok((*unit, number))
            }
            _ => Err(self.fault("a unit, an exponent and a mantissa of 1 to 4 bytes")),
        }
    }

    fn hertz(&self, value: &[u8]) -> Result<f64, Fault> {
        let hertz = match self.scaled(value)? {
            (0, hertz) => hertz,
            (1, seconds) => 1.0 / seconds,
            _ => return Err(self.fault("the interval is in Hz or seconds")),
        };
        if hertz.is_finite() && hertz > 0.0 { Ok(hertz) } else { Err(self.fault("the interval is above 0")) }
    }

    fn scale(&self, value: &[u8]) -> Result<(f64, &'static str), Fault> {
        const UNITS: [&str; 23] = [
            "V",
            "mmHg",
            "Pa",
            "cmH2O",
            "mmHg/s",
            "dyne",
            "N",
            "%",
            "degC",
            "1/min",
            "1/s",
            "Ohm",
            "A",
            "rpm",
            "W",
            "dB",
            "kg",
            "J",
            "dyne s/m2/cm5",
            "L",
            "L/s",
            "L/min",
            "cd",
        ];
        let (unit, scale) = self.scaled(value)?;
        let unit = UNITS.get(usize::from(unit)).ok_or_else(|| self.fault("the unit of the resolution is not known"))?;
        if scale.is_finite() && scale != 0.0 { Ok((scale, unit)) } else { Err(self.fault("the resolution is not 0")) }
    }

    /// A code, and a name behind it.
    fn lead(&self, value: &[u8]) -> Result<String, Fault> {
        let (code, name) = value.split_at(value.len().min(2));
        let name = self.text(name)?;
        if !name.is_empty() {
            return Ok(name);
        }
        Ok(match unsigned(code, self.order) {
            175 => "SpO2".to_owned(),
            code => format!("lead-{code}"),
        })
    }

    fn text(&self, value: &[u8]) -> Result<String, Fault> {
        let text = std::str::from_utf8(value).ok().filter(|text| self.utf8 || text.is_ascii());
        let text = text.ok_or_else(|| self.fault("a text is ASCII, or UTF-8 where `TXC` says so"))?;
        Ok(text.trim_matches(['\0', ' ']).to_owned())
    }

    /// Year, month, day, hour, minute, second, milliseconds and microseconds, the last two optional.
    fn time(&self, value: &[u8]) -> Result<DateTime, Fault> {
        let part = |from: usize, size: usize| value.get(from..from + size).map(|part| unsigned(part, self.order));
        let small = |from: usize| part(from, 1).and_then(|number| i8::try_from(number).ok());
        let read = || {
            let date = Date::new(i16::try_from(part(0, 2)?).ok()?, small(2)?, small(3)?).ok()?;
            let millis = i32::try_from(part(7, 2).unwrap_or(0)).ok().filter(|millis| *millis < 1000)?;
            let micros = i32::try_from(part(9, 2).unwrap_or(0)).ok().filter(|micros| *micros < 1000)?;
            let time = Time::new(small(4)?, small(5)?, small(6)?, (millis * 1000 + micros) * 1000).ok()?;
            Some(DateTime::from_parts(date, time))
        };
        read().ok_or_else(|| self.fault("a time is year, month, day, hour, minute, second and fractions"))
    }

    /// A frame: for each sequence, of each channel a block of samples.
    fn frame(&mut self, value: &[u8]) -> Result<(), Fault> {
        let mut layouts = Vec::with_capacity(self.channels.len());
        for (number, channel) in self.channels.iter().enumerate() {
            layouts.push(self.layout(number, &channel.own)?);
        }
        let step: usize = layouts.iter().map(|layout| layout.block * layout.size()).sum();
        let sequences = self.whole.sequences.unwrap_or_else(|| value.len().checked_div(step).unwrap_or(0));
        if step.checked_mul(sequences) != Some(value.len()) || value.is_empty() {
            let rule = format!("a frame of {} bytes is not {sequences} sequences of {step} bytes", value.len());
            return Err(self.fault(rule));
        }
        let pointer = self.pointer.take().filter(|_| self.framed);
        for (number, layout) in layouts.iter().enumerate() {
            let Some(channel) = self.channels.get(number) else { continue };
            // The pointer counts samples of the first channel's interval; a frame that goes back would overwrite.
            let gap = match pointer {
                None => 0,
                Some(pointer) => {
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "a quotient of small rates"
                    )]
                    let here = (pointer as f64 * layout.hertz / layouts.first().map_or(1.0, |first| first.hertz))
                        .round() as usize;
                    let gap = here.checked_sub(channel.samples.len()).filter(|gap| self.padded + gap <= LONGEST_GAPS);
                    gap.ok_or_else(|| {
                        self.fault("a frame lies before the end of the one before it, or days behind it")
                    })?
                }
            };
            if channel.hertz.is_some_and(|hertz| (hertz - layout.hertz).abs() > f64::EPSILON) {
                return Err(self.fault(format!("the interval of channel {} changes", number + 1)));
            }
            self.padded += gap;
            let before: usize = layouts.iter().take(number).map(|layout| layout.block * layout.size()).sum();
            let own = layout.block * layout.size();
            let blocks = value
                .chunks_exact(step)
                .flat_map(|chunk| chunk.get(before..before + own).unwrap_or_default().chunks_exact(layout.size()));
            let samples: Vec<Option<f32>> =
                std::iter::repeat_n(None, gap).chain(blocks.map(|raw| layout.value(raw, self.order))).collect();
            if let Some(channel) = self.channels.get_mut(number) {
                channel.hertz = Some(layout.hertz);
                (channel.unit, channel.calibrated) = (layout.unit, layout.calibrated);
                channel.samples.extend(samples);
            }
        }
        self.framed = true;
        Ok(())
    }

    fn layout(&self, number: usize, own: &Attributes) -> Result<Layout, Fault> {
        let all = &self.whole;
        let hertz = own
            .hertz
            .or(all.hertz)
            .ok_or_else(|| self.fault(format!("channel {} states no interval (`IVL`)", number + 1)))?;
        let kind = own.kind.or(all.kind).unwrap_or(Kind::I16);
        let block = own.block.or(all.block).unwrap_or(1);
        // As long as a file could hold.
        let block = Some(block)
            .filter(|block| *block <= self.bytes.len())
            .ok_or_else(|| self.fault("a block is longer than the file"))?;
        if own.sequences.is_some_and(|own| Some(own) != all.sequences) {
            return Err(self.fault("channels with different numbers of sequences are not read"));
        }
        let scale = own.scale.or(all.scale);
        let number_of = |raw: &Option<(Vec<u8>, Order)>| match raw {
            None => Ok(None),
            Some((raw, order)) if raw.len() == kind.size() => Ok(Some(kind.number(raw, *order))),
            Some(_) => Err(self.fault("an offset and a null value have the size of a sample")),
        };
        let offset = number_of(if own.offset.is_some() { &own.offset } else { &all.offset })?;
        let null = number_of(if own.null.is_some() { &own.null } else { &all.null })?;
        let (factor, unit) = scale.unwrap_or((1.0, ""));
        Ok(Layout {
            hertz,
            kind,
            block,
            factor,
            unit,
            calibrated: scale.is_some(),
            offset: offset.unwrap_or(0.0),
            null,
        })
    }

    fn signals(&mut self) -> Vec<Signal> {
        let whole = self.whole.lead.clone();
        let named = std::mem::take(&mut self.channels).into_iter().enumerate().map(|(number, channel)| Signal {
            // A name for all is the first one's.
            name: channel.own.lead.or_else(|| whole.clone().filter(|_| number == 0)).unwrap_or_default(),
            unit: channel.unit.to_owned(),
            calibrated: channel.calibrated,
            hertz: channel.hertz.unwrap_or_default(),
            samples: channel.samples,
        });
        named.collect()
    }
}

/// How the samples of a channel lie in a frame.
struct Layout {
    hertz: f64,
    kind: Kind,
    block: usize,
    factor: f64,
    unit: &'static str,
    calibrated: bool,
    offset: f64,
    null: Option<f64>,
}

impl Layout {
    fn size(&self) -> usize {
        self.kind.size()
    }

    fn value(&self, raw: &[u8], order: Order) -> Option<f32> {
        let number = self.kind.number(raw, order);
        #[expect(clippy::cast_possible_truncation, reason = "values of a monitor have few digits")]
        let value = ((number + self.offset) * self.factor) as f32;
        (Some(number) != self.null && value.is_finite()).then_some(value)
    }
}

impl Kind {
    const fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    fn number(self, raw: &[u8], order: Order) -> f64 {
        let bits = unsigned(raw, order);
        let signed = |width: u32| {
            let value = (bits << (64 - width)).cast_signed() >> (64 - width);
            #[expect(clippy::cast_precision_loss, reason = "at most 32 bits")]
            let value = value as f64;
            value
        };
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "at most 32 bits")]
        match self {
            Self::I8 => signed(8),
            Self::I16 => signed(16),
            Self::I32 => signed(32),
            Self::U8 | Self::U16 | Self::U32 => bits as f64,
            Self::F32 => f64::from(f32::from_bits(bits as u32)),
            Self::F64 => f64::from_bits(bits),
        }
    }
}

/// A number of up to eight bytes.
fn unsigned(value: &[u8], order: Order) -> u64 {
    let add = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
    match order {
        Order::Big => value.iter().take(8).fold(0, add),
        Order::Little => value.iter().take(8).rev().fold(0, add),
    }
}
