//! Observations of devices (IHE DEC: MDC codes, containment in `OBX-4`) → stretches of signals at a bed.
//!
//! A metric that is a channel of a bed becomes a frame: of one sample where it is a number (`NM`), of an array's samples (`NA`)
//! at the rate its facet states. What is measured at one time at one rate by one device is one record. Which code is which
//! channel is a short table; codes that are not in it (no nomenclature with the codes of fetal heart rates was at hand)
//! are named by the feed.

use super::case::{Case, Out, Parts, key};
use super::group::Group;
use super::{Reason, Remark};
use hl7v2::{ErrorCode, Fault, Part, Segment};
use model::{
    Category, ChangeKind, FrameQuality, Hops, Labels, Moment, Payload, Waveform, WaveformChannel, WaveformFrame,
};
use std::str::FromStr;

/// What a feed says of a device's code: `61643=fhr1`, `61643@1.1.2=fhr2` (below a place of `OBX-4`), `MDC_X=uc` (by its name).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeviceChannel {
    code: String,
    below: Vec<u32>,
    channel: WaveformChannel,
}

/// A text that says nothing of a device's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write CODE=CHANNEL or CODE@PLACE=CHANNEL: a code or name of `OBX-3`, the beginning of `OBX-4` (`1.1.2`), and one of fhr1, \
    fhr2, fhr3, uc, mhr, spo2, nibp_sys, nibp_dia, nibp_mean, temp"
)]
pub struct DeviceChannelError;

impl FromStr for DeviceChannel {
    type Err = DeviceChannelError;
    fn from_str(text: &str) -> Result<Self, DeviceChannelError> {
        let (code, channel) = text.rsplit_once('=').ok_or(DeviceChannelError)?;
        let (code, below) = match code.split_once('@') {
            None => (code, Vec::new()),
            Some((code, place)) => (code, numbers(place).ok_or(DeviceChannelError)?),
        };
        let channel = WaveformChannel::from_code(channel).filter(|_| !code.is_empty()).ok_or(DeviceChannelError)?;
        Ok(Self { code: code.to_owned(), below, channel })
    }
}

/// Codes of the nomenclature (11073-10101) and their channels.
const CODES: [(&str, WaveformChannel); 13] = [
    ("147842", WaveformChannel::MaternalHeartRate), // MDC_ECG_HEART_RATE
    ("149514", WaveformChannel::MaternalHeartRate), // MDC_PULS_RATE
    ("149530", WaveformChannel::MaternalHeartRate), // MDC_PULS_OXIM_PULS_RATE
    ("149546", WaveformChannel::MaternalHeartRate), // MDC_PULS_RATE_NON_INV
    ("150456", WaveformChannel::Spo2),              // MDC_PULS_OXIM_SAT_O2
    ("150021", WaveformChannel::SystolicPressure),  // MDC_PRESS_BLD_NONINV_SYS
    ("150022", WaveformChannel::DiastolicPressure), // MDC_PRESS_BLD_NONINV_DIA
    ("150023", WaveformChannel::MeanPressure),      // MDC_PRESS_BLD_NONINV_MEAN
    ("150301", WaveformChannel::SystolicPressure),  // MDC_PRESS_CUFF_SYS
    ("150302", WaveformChannel::DiastolicPressure), // MDC_PRESS_CUFF_DIA
    ("150303", WaveformChannel::MeanPressure),      // MDC_PRESS_CUFF_MEAN
    ("150344", WaveformChannel::Temperature),       // MDC_TEMP
    ("150364", WaveformChannel::Temperature),       // MDC_TEMP_BODY
];

/// The numbers of a place, `1.1.2`.
fn numbers(place: &str) -> Option<Vec<u32>> {
    place.split('.').map(|number| number.parse().ok()).collect()
}

/// Where a device's observation lies: system, device, channel, metric, and facet below them.
fn place(obx: &Segment<'_>) -> Option<Vec<u32>> {
    let coded = obx.field(3).coded();
    let place = obx.field(4).text();
    (coded.system == "MDC" && place.contains('.')).then(|| numbers(&place)).flatten()
}

/// What one observation says.
struct Metric<'m> {
    obx: Segment<'m>,
    channel: WaveformChannel,
    at: Moment,
    /// By the device's clock, where it is said.
    measured: Option<Moment>,
    hertz: f32,
    device: String,
    samples: Vec<f32>,
    quality: Vec<FrameQuality>,
    corrected: bool,
}

/// Makes records of the observations of devices; the others are given back.
pub(super) fn take<'m>(case: &Case<'_>, group: &Group<'m>, out: &mut Out) -> Vec<Segment<'m>> {
    // Alarms (R40) have the same form and say something else.
    if case.kind.trigger == 40 || !group.obx.iter().any(|obx| place(obx).is_some()) {
        return group.obx.clone();
    }
    let mut rest = Vec::new();
    let mut metrics: Vec<Metric<'m>> = Vec::new();
    for obx in &group.obx {
        let Some(at) = place(obx) else {
            rest.push(*obx);
            continue;
        };
        // A place of three numbers, or one that ends in 0, is a device and no metric; one of five is a facet of a metric.
        if at.len() != 4 || at.last() == Some(&0) || (obx.field(2).is_absent() && obx.field(5).is_absent()) {
            continue;
        }
        let coded = obx.field(3).coded();
        let Some(channel) = channel(case, [&coded.code, &coded.text], &at) else {
            if super::result::is_vital(&coded.other_code) {
                rest.push(*obx);
            } else {
                out.leave(
                    Reason::NoCategory,
                    &obx.field(3),
                    "a device's measurement of no channel; the feed may say which it is",
                );
            }
            continue;
        };
        match metric(case, group, (obx, &at), channel) {
            Ok(Some(metric)) => {
                let same = |other: &&Metric<'_>| other.channel == metric.channel && other.is_with(&metric);
                if metrics.iter().find(same).is_some() {
                    out.leave(
                        Reason::NoCategory,
                        &obx.field(3),
                        "another measurement of the same channel at the same time",
                    );
                } else {
                    metrics.push(metric);
                }
            }
            Ok(None) => out.leave(Reason::NoValue, &obx.field(5), "a value, or a status that says why there is none"),
            Err(remark) => out.remarks.push(remark),
        }
    }
    while let Some(first) = metrics.first() {
        let (own, others): (Vec<Metric<'m>>, Vec<Metric<'m>>) = {
            let key = first.key();
            metrics.into_iter().partition(|metric| metric.key() == key)
        };
        metrics = others;
        out.put(record(case, group, own));
    }
    rest
}

/// The channel of a code at a place: what the feed says of the longest place, else the nomenclature.
fn channel(case: &Case<'_>, names: [&str; 2], at: &[u32]) -> Option<WaveformChannel> {
    let said =
        case.feed.channels.iter().filter(|said| names.contains(&said.code.as_str()) && at.starts_with(&said.below));
    let said = said.max_by_key(|said| said.below.len()).map(|said| said.channel);
    said.or_else(|| CODES.iter().find(|(code, _)| *code == names[0]).map(|(_, channel)| *channel))
}

fn metric<'m>(
    case: &Case<'_>,
    group: &Group<'m>,
    (obx, at): (&Segment<'m>, &[u32]),
    channel: WaveformChannel,
) -> Result<Option<Metric<'m>>, Remark> {
    let status = obx.field(11).text();
    let (missing, corrected) = match &*status {
        "" | "R" | "P" | "F" | "S" | "U" | "V" | "B" => (false, false),
        "C" | "A" => (false, true),
        "X" => (true, false),
        "N" => return Ok(None),
        _ => {
            return Err(obx
                .fault(11, ErrorCode::TableValue, "a status of a device's value: R, P, F, S, U, V, B, C, A, X or N")
                .into());
        }
    };
    unit(obx, channel)?;
    let field = obx.field(5);
    let values: Vec<Option<f32>> = match &*obx.field(2).text() {
        "NM" => vec![number(&field.first())?],
        "NA" => {
            let all = field.repetitions().flat_map(|row| row.components().collect::<Vec<_>>());
            all.map(|part| number(&part)).collect::<Result<_, _>>()?
        }
        _ => return Err(obx.fault(2, ErrorCode::TableValue, "a number (`NM`) or an array of numbers (`NA`)").into()),
    };
    let hertz = match values.len() {
        1 => 1.0,
        _ => rate(group, obx, at)?,
    };
    let worst = flags(&obx.field(8));
    let worst = if missing { FrameQuality::Lost } else { worst };
    let quality: Vec<FrameQuality> =
        values.iter().map(|value| if value.is_some() { worst } else { FrameQuality::Lost }).collect();
    let measured = case.first_start([Some(obx.field(14)), group.obr.map(|obr| obr.field(7))])?;
    Ok(Some(Metric {
        obx: *obx,
        channel,
        at: measured.unwrap_or(case.written),
        measured,
        hertz,
        device: device(group, obx, at),
        samples: values.into_iter().map(Option::unwrap_or_default).collect(),
        quality,
        corrected,
    }))
}

fn number(part: &Part<'_>) -> Result<Option<f32>, Remark> {
    let Some(number) = part.nm()? else { return Ok(None) };
    #[expect(clippy::cast_possible_truncation, reason = "a monitor's values have few digits")]
    let value = number.value as f32;
    let fault = || Remark::from(part.fault(ErrorCode::DataType, "a number that 32 bits hold"));
    Some(value).filter(|value| value.is_finite()).map(Some).ok_or_else(fault)
}

/// What the flags of `OBX-8` leave of a value. Of a flag that is not known it is doubtful; a limit passed says nothing of it.
fn flags(field: &Part<'_>) -> FrameQuality {
    let worst = field.repetitions().map(|flag| match &*flag.text() {
        "" | "N" | "L" | "H" | "LL" | "HH" | "A" | "AA" | "<" | ">" => FrameQuality::Good,
        "INV" | "NAV" | "OFF" | "INOP" | "DEMO" | "TEST" | "CAL" => FrameQuality::Lost,
        _ => FrameQuality::Fair,
    });
    worst.max_by_key(|quality| *quality as u8).unwrap_or(FrameQuality::Good)
}

fn unit(obx: &Segment<'_>, channel: WaveformChannel) -> Result<(), Remark> {
    let (units, rule): (&[&str], &'static str) = match channel {
        // A transducer of uterine activity has no scale.
        WaveformChannel::UterineActivity => return Ok(()),
        WaveformChannel::FetalHeartRate(_) | WaveformChannel::MaternalHeartRate => (
            &["264864", "MDC_DIM_BEAT_PER_MIN", "bpm", "/min", "1/min", "{beat}/min", "{beats}/min"],
            "a heart rate in beats a minute (MDC_DIM_BEAT_PER_MIN)",
        ),
        WaveformChannel::Spo2 => (&["262688", "MDC_DIM_PERCENT", "%"], "a saturation in percent (MDC_DIM_PERCENT)"),
        WaveformChannel::SystolicPressure | WaveformChannel::DiastolicPressure | WaveformChannel::MeanPressure => {
            (&["266016", "MDC_DIM_MMHG", "mmHg", "mm[Hg]"], "a pressure in mmHg (MDC_DIM_MMHG)")
        }
        WaveformChannel::Temperature => {
            (&["268192", "MDC_DIM_DEGC", "Cel", "degC"], "a temperature in degrees Celsius (MDC_DIM_DEGC)")
        }
    };
    let stated = obx.field(6).coded();
    let known = [&stated.code, &stated.text, &stated.other_code, &stated.other_text].into_iter();
    if known.map(AsRef::<str>::as_ref).any(|unit| units.contains(&unit)) {
        return Ok(());
    }
    let fault: Fault = obx.fault(6, ErrorCode::TableValue, rule);
    Err(Remark::new(Reason::InvalidElement, fault))
}

/// Samples per second of an array, from the facets of its metric.
fn rate(group: &Group<'_>, obx: &Segment<'_>, at: &[u32]) -> Result<f32, Remark> {
    let facets =
        || group.obx.iter().filter(|facet| place(facet).is_some_and(|place| place.len() > 4 && place.starts_with(at)));
    let named = |name: &str| facets().find(|facet| facet.field(3).coded().text == name).copied();
    if let Some(scale) = facets().find(|facet| facet.field(3).coded().text.starts_with("MDC_ATTR_SCALE_SPEC")) {
        let rule = "an array of values in its unit: one that is still to be scaled is not read";
        return Err(Remark::new(Reason::InvalidElement, scale.fault(3, ErrorCode::TableValue, rule)));
    }
    let Some(facet) = named("MDC_ATTR_SAMP_RATE") else {
        return Err(obx
            .fault(
                5,
                ErrorCode::RequiredFieldMissing,
                "an array has a rate: a facet MDC_ATTR_SAMP_RATE below its place",
            )
            .into());
    };
    let unit = facet.field(6).coded();
    let per_second = ["264608", "MDC_DIM_PER_SEC", "264992", "MDC_DIM_HZ", "Hz", "/s", "1/s"];
    let stated = facet.field(5).nm()?.map(|number| number.value).filter(|rate| rate.is_finite() && *rate > 0.0);
    if !per_second.contains(&&*unit.code) && !per_second.contains(&&*unit.text) {
        return Err(Remark::new(
            Reason::InvalidElement,
            facet.fault(6, ErrorCode::TableValue, "a rate per second (MDC_DIM_PER_SEC)"),
        ));
    }
    let stated =
        stated.ok_or_else(|| Remark::from(facet.fault(5, ErrorCode::RequiredFieldMissing, "a rate above 0")))?;
    #[expect(clippy::cast_possible_truncation, reason = "a rate has few digits")]
    let hertz = stated as f32;
    Some(hertz)
        .filter(|hertz| hertz.is_finite() && *hertz > 0.0)
        .ok_or_else(|| facet.fault(5, ErrorCode::DataType, "a rate above 0").into())
}

/// The device's identity: of the metric, else of the first part of its system that states one.
fn device(group: &Group<'_>, obx: &Segment<'_>, at: &[u32]) -> String {
    let own = Some(*obx).into_iter();
    let around =
        group.obx.iter().copied().filter(|other| place(other).is_some_and(|place| place.first() == at.first()));
    let ids = own.chain(around).map(|obx| obx.field(18).component(1).text().into_owned());
    ids.into_iter().find(|id| !id.is_empty()).unwrap_or_default()
}

impl Metric<'_> {
    fn key(&self) -> (Moment, u32, String) {
        (self.at, self.hertz.to_bits(), self.device.clone())
    }
    fn is_with(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

/// The record of what was measured at one time at one rate by one device.
fn record(case: &Case<'_>, group: &Group<'_>, metrics: Vec<Metric<'_>>) -> Result<model::Record, Remark> {
    let Some(first) = metrics.first() else {
        return Err(Remark::from(super::no_request("a measurement")));
    };
    let (obx, at, measured, hertz, device) = (first.obx, first.at, first.measured, first.hertz, first.device.clone());
    let corrected = metrics.iter().any(|metric| metric.corrected);
    let session = place_of(case).unwrap_or_else(|| device.clone());
    if session.is_empty() {
        let rule = "a bed (`PV1-3`) or a device (`OBX-18`) that the signals come from";
        return Err(obx.fault(18, ErrorCode::RequiredFieldMissing, rule).into());
    }
    let frames = metrics.into_iter().map(|metric| WaveformFrame {
        channel: metric.channel,
        samples: metric.samples,
        quality: metric.quality,
    });
    let payload = Payload::Waveform(Waveform {
        session: session.clone(),
        device: device.clone(),
        hertz,
        // A message does not number what devices send.
        sequence: 0,
        frames: frames.collect(),
        hops: Hops { device: measured, gateway: Some(case.written), edge: None },
        held_back: false,
    });
    let parts = Parts {
        key: vec![key(&session), key(&device), at.micros().to_string(), hertz.to_string()],
        kind: "waveform",
        category: Category::Waveform,
        occurred: Some(at),
        recorded: None,
        change: if corrected { ChangeKind::Correct } else { ChangeKind::Upsert },
        rank: if corrected { 2 } else { 1 },
        labels: Labels::NONE,
        payload: Some(payload),
    };
    case.record(&obx, Some(group), parts)
}

/// The bed of the visit: point of care, room and bed.
pub(super) fn place_of(case: &Case<'_>) -> Option<String> {
    let place = case.section.pv1?.field(3);
    let parts: Vec<String> =
        (1..=3).map(|part| place.component(part).text().into_owned()).filter(|text| !text.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join("-"))
}

#[cfg(test)]
mod tests;
