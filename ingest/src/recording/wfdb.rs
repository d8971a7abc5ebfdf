//! WFDB records (PhysioNet): a header of text beside files of packed samples.
//!
//! Read are ordinary records in the formats 0, 8, 16, 24, 32, 61, 80, 160, 212, 310 and 311, signals in one file or several, several
//! samples of a signal per frame, skew and offset. Refused by name: records of several segments, compressed formats
//! (508, 516, 524), a file that ends before the header says, and samples that do not add up to the header's checksum.
//!
//! Written from the description of the formats (header(5), signal(5) of the WFDB applications guide). The crates there are
//! read files by path and take a short file for the end of the record; this one takes bytes and refuses.

mod format;

use super::{Fault, Place, Recording, Signal};
use format::Format;
use jiff::civil::{Date, DateTime, Time};
use std::collections::BTreeMap;

/// Most signals of a record, and most samples of a signal per frame: beyond these a header is taken for damaged.
const MOST: usize = 1024;

/// A record's header.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    name: String,
    hertz: f64,
    frames: Option<usize>,
    begins: Option<DateTime>,
    signals: Vec<Spec>,
}

#[derive(Debug, Clone, PartialEq)]
struct Spec {
    line: usize,
    file: String,
    format: Format,
    per_frame: usize,
    skew: usize,
    offset: usize,
    gain: Option<f64>,
    baseline: f64,
    unit: String,
    initial: i32,
    checksum: Option<i64>,
    name: String,
}

impl Header {
    /// Reads a header.
    ///
    /// # Errors
    /// When it is no header of a record this crate reads; with the line.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
            Place::Line(line).fault("a header is ASCII or UTF-8 text")
        })?;
        let numbered = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
        let mut lines = numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let (number, line) =
            lines.next().ok_or_else(|| Place::Line(1).fault("a header begins with the record line"))?;
        let (mut header, count) = record_line(number, line)?;
        for (number, line) in lines.by_ref().take(count) {
            header.signals.push(signal_line(number, line)?);
        }
        if header.signals.len() < count {
            let rule = format!("the record line says {count} signals, {} follow", header.signals.len());
            return Err(Place::Line(number).fault(rule));
        }
        match lines.next() {
            Some((number, _)) => {
                Err(Place::Line(number).fault(format!("the record line says {count} signals, more follow")))
            }
            None => Ok(header),
        }
    }

    /// The record's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The files its samples lie in, beside the header.
    pub fn files(&self) -> Vec<&str> {
        let mut files: Vec<&str> = Vec::new();
        for spec in self.signals.iter().filter(|spec| spec.format != Format::Null) {
            if !files.contains(&spec.file.as_str()) {
                files.push(&spec.file);
            }
        }
        files
    }

    /// Reads the record out of its files.
    ///
    /// # Errors
    /// When a file is missing, ends early or was damaged; with the byte or the signal.
    pub fn read(&self, files: &BTreeMap<String, Vec<u8>>) -> Result<Recording, Fault> {
        let mut signals: Vec<Option<Signal>> = vec![None; self.signals.len()];
        for file in self.files() {
            let members: Vec<usize> = (0..self.signals.len())
                .filter(|at| self.signals.get(*at).is_some_and(|spec| spec.file == file))
                .collect();
            let bytes =
                files.get(file).ok_or_else(|| Place::Byte(file.to_owned(), 0).fault("the file is not there"))?;
            self.read_file(bytes, &members, &mut signals)?;
        }
        let length = signals.iter().flatten().map(|signal| signal.samples.len()).max().unwrap_or_default();
        let whole = signals.into_iter().zip(&self.signals).map(|(signal, spec)| {
            // A null signal has no file and no samples: it is as long as the longest.
            signal.unwrap_or_else(|| self.signal(spec, vec![None; length]))
        });
        Ok(Recording { name: self.name.clone(), patient: None, begins: self.begins, signals: whole.collect() })
    }

    fn signal(&self, spec: &Spec, samples: Vec<Option<f32>>) -> Signal {
        Signal {
            name: spec.name.clone(),
            unit: spec.unit.clone(),
            calibrated: spec.gain.is_some(),
            hertz: self.hertz * spec.per_frame as f64,
            samples,
        }
    }

    /// Reads the signals that lie in one file, a frame after the other.
    fn read_file(&self, bytes: &[u8], members: &[usize], signals: &mut [Option<Signal>]) -> Result<(), Fault> {
        let specs: Vec<&Spec> = members.iter().filter_map(|at| self.signals.get(*at)).collect();
        let Some(first) = specs.first() else { return Ok(()) };
        if let Some(other) = specs.iter().find(|spec| spec.format != first.format || spec.offset != first.offset) {
            return Err(Place::Line(other.line).fault("signals of one file have one format and one offset"));
        }
        let place = |at: usize| Place::Byte(first.file.clone(), at);
        let body = bytes
            .get(first.offset..)
            .ok_or_else(|| place(bytes.len()).fault("the file ends before its first sample"))?;
        let raw = first.format.decode(body);
        let width: usize = specs.iter().map(|spec| spec.per_frame).sum();
        let frames = match self.frames {
            Some(frames) if raw.len() / width < frames => {
                let rule = format!("the file ends after {} of {frames} frames", raw.len() / width);
                return Err(place(bytes.len()).fault(rule));
            }
            Some(frames) => frames,
            None => raw.len() / width,
        };
        let mut from = 0;
        for (at, spec) in members.iter().zip(specs.iter()) {
            let own: Vec<i32> = raw
                .chunks_exact(width)
                .take(frames)
                .flat_map(|frame| frame.get(from..from + spec.per_frame).unwrap_or_default().iter().copied())
                .collect();
            from += spec.per_frame;
            let own = first.format.finish(own, spec.initial);
            let sum: i64 = own.iter().map(|value| i64::from(*value)).sum();
            // With skew the sum is of other samples than lie in the frames.
            if let Some(said) = spec.checksum.filter(|_| spec.skew == 0 && self.frames.is_some())
                && (sum - said).rem_euclid(1 << 16) != 0
            {
                let rule = "its samples do not add up to the header's checksum: the file or the header is damaged";
                return Err(Place::Signal(at + 1, spec.name.clone()).fault(rule));
            }
            let gain = spec.gain.unwrap_or(DEFAULT_GAIN);
            let value = |raw: i32| {
                let there = Some(raw) != spec.format.invalid();
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "samples have at most 32 bits, their values few digits"
                )]
                there.then(|| ((f64::from(raw) - spec.baseline) / gain) as f32)
            };
            let mut samples: Vec<Option<f32>> = own.into_iter().skip(spec.skew * spec.per_frame).map(value).collect();
            samples.resize(frames * spec.per_frame, None);
            if let Some(place) = signals.get_mut(*at) {
                *place = Some(self.signal(spec, samples));
            }
        }
        Ok(())
    }
}

const DEFAULT_GAIN: f64 = 200.0;

/// `name[/segments] signals [frequency[/counter…] [frames [time [date]]]]`
fn record_line(number: usize, line: &str) -> Result<(Header, usize), Fault> {
    let fault = |rule: &str| Place::Line(number).fault(rule);
    let mut fields = line.split_whitespace();
    let name = fields.next().unwrap_or_default();
    if name.contains('/') {
        return Err(fault("a record of several segments is not read: play its segments one by one"));
    }
    let count = fields.next().and_then(|field| field.parse().ok()).filter(|count| (1..=MOST).contains(count));
    let count = count.ok_or_else(|| fault("the second field is the number of signals, 1 to 1024"))?;
    let hertz = match fields.next() {
        None => 250.0,
        Some(field) => {
            let text = field.split(['/', '(']).next().unwrap_or_default();
            let hertz = text.parse().ok().filter(|hertz: &f64| hertz.is_finite() && *hertz > 0.0);
            hertz.ok_or_else(|| fault("the third field is the frequency in Hz, above 0"))?
        }
    };
    let frames = match fields.next() {
        None => None,
        Some(field) => {
            let frames: usize = field.parse().map_err(|_| fault("the fourth field is the number of frames"))?;
            Some(frames).filter(|frames| *frames > 0)
        }
    };
    let time = fields
        .next()
        .map(|field| clock(field).ok_or_else(|| fault("the fifth field is a time, HH:MM:SS")))
        .transpose()?;
    let date = fields
        .next()
        .map(|field| day(field).ok_or_else(|| fault("the sixth field is a day, DD/MM/YYYY")))
        .transpose()?;
    let begins = time.zip(date).map(|(time, date)| DateTime::from_parts(date, time));
    Ok((Header { name: name.to_owned(), hertz, frames, begins, signals: Vec::new() }, count))
}

/// `H:M:S`, `M:S` or `S`, the seconds with a fraction.
fn clock(text: &str) -> Option<Time> {
    let mut parts = text.rsplit(':');
    let seconds = parts.next()?;
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let nanos = match fraction.len() {
        0 => 0,
        digits @ 1..=9 => {
            fraction.parse::<i32>().ok()?.checked_mul(10_i32.checked_pow(u32::try_from(9 - digits).ok()?)?)?
        }
        _ => return None,
    };
    let minute = parts.next().map_or(Some(0), |part| part.parse().ok())?;
    let hour = parts.next().map_or(Some(0), |part| part.parse().ok())?;
    if parts.next().is_some() { None } else { Time::new(hour, minute, whole.parse().ok()?, nanos).ok() }
}

/// `DD/MM/YYYY`.
fn day(text: &str) -> Option<Date> {
    let mut parts = text.split('/');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        None
    } else {
        Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
    }
}

/// `file format[xN][:skew][+offset] [gain[(baseline)][/unit] [resolution [zero [initial [checksum [block [name]]]]]]]`
fn signal_line(number: usize, line: &str) -> Result<Spec, Fault> {
    let fault = |rule: &str| Place::Line(number).fault(rule);
    let mut rest = line;
    let mut next = || {
        let (field, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        rest = after.trim_start();
        Some(field).filter(|field| !field.is_empty())
    };
    let file = next().unwrap_or_default();
    let layout = next().ok_or_else(|| fault("the second field is the format"))?;
    let (layout, offset) = split(layout, '+').ok_or_else(|| fault("`+` is followed by an offset in bytes"))?;
    let (layout, skew) = split(layout, ':').ok_or_else(|| fault("`:` is followed by a skew in frames"))?;
    let (format, per_frame) = split(layout, 'x').ok_or_else(|| fault("`x` is followed by the samples per frame"))?;
    let per_frame = per_frame.unwrap_or(1);
    if !(1..=MOST).contains(&per_frame) {
        return Err(fault("the samples per frame are 1 to 1024"));
    }
    let format = Format::of(format).ok_or_else(|| {
        fault("the format is none of 0, 8, 16, 24, 32, 61, 80, 160, 212, 310, 311 (compressed ones are not read)")
    })?;
    if format != Format::Null && !is_beside(file) {
        return Err(fault("the file is named without a path: it lies beside the header"));
    }
    let (gain, baseline, unit) =
        gain(next().unwrap_or_default()).ok_or_else(|| fault("the gain is `gain(baseline)/unit`"))?;
    let mut whole = |what: &str| next().map(|field| field.parse::<i64>().map_err(|_| fault(what))).transpose();
    whole("the resolution is a number of bits")?;
    let zero = whole("the zero is a whole number")?;
    let initial = whole("the initial value is a whole number")?.or(zero).unwrap_or(0);
    let checksum = whole("the checksum is a whole number")?;
    whole("the block size is a whole number")?;
    let initial = i32::try_from(initial).map_err(|_| fault("the initial value has at most 32 bits"))?;
    #[expect(clippy::cast_precision_loss, reason = "a converter's zero has few digits")]
    let baseline = baseline.unwrap_or(zero.unwrap_or(0) as f64);
    Ok(Spec {
        line: number,
        file: file.to_owned(),
        format,
        per_frame,
        skew: skew.unwrap_or(0),
        offset: offset.unwrap_or(0),
        gain,
        baseline,
        unit,
        initial,
        checksum,
        name: rest.trim().to_owned(),
    })
}

/// A text before a mark and the number behind it; `None` where what follows the mark is no number.
fn split(text: &str, mark: char) -> Option<(&str, Option<usize>)> {
    match text.split_once(mark) {
        None => Some((text, None)),
        // Past four thousand million there is no file to hold it.
        Some((before, after)) => after.parse::<u32>().ok().map(|number| (before, usize::try_from(number).ok())),
    }
}

/// A name of a file in the header's own directory.
fn is_beside(file: &str) -> bool {
    !file.is_empty() && !file.contains(['/', '\\', '\0']) && !matches!(file, "." | ".." | "-" | "~")
}

/// `gain(baseline)/unit`, each but the first optional: the gain where it is stated and not 0.
fn gain(field: &str) -> Option<(Option<f64>, Option<f64>, String)> {
    let (field, unit) = field.split_once('/').unwrap_or((field, "mV"));
    let (gain, baseline) = match field.split_once('(') {
        None => (field, None),
        Some((gain, baseline)) => (gain, Some(baseline.strip_suffix(')')?.parse::<i32>().ok()?)),
    };
    let gain = match gain {
        "" => 0.0,
        text => text.parse::<f64>().ok().filter(|gain| gain.is_finite())?,
    };
    Some((Some(gain).filter(|gain| *gain != 0.0), baseline.map(f64::from), unit.to_owned()))
}
