//! Waveforms and the beds they come from.

use crate::error::{At, Rule, WireError, said};
use crate::v1;
use crate::vocabulary::{Vocabulary, moment, moment_if, quality};
use model::{BedSession, FetusNumber, Hops, Moment, Period, Waveform, WaveformChannel, WaveformFrame};

impl TryFrom<v1::Waveform> for Waveform {
    type Error = WireError;
    fn try_from(wire: v1::Waveform) -> Result<Self, WireError> {
        let v1::Waveform { session, device, hertz, sequence, frames, device_us, gateway_us, edge_us, held_back } = wire;
        if !hertz.is_finite() {
            return Err(WireError::new("hertz", Rule::NotFinite));
        }
        if hertz <= 0.0 {
            return Err(WireError::new("hertz", Rule::NotPositive));
        }
        let mut channels: Vec<WaveformFrame> = Vec::with_capacity(frames.len());
        for (i, frame) in frames.into_iter().enumerate() {
            let frame = WaveformFrame::try_from(frame).map_err(|error| error.within(&format!("frames[{i}]")))?;
            if channels.iter().any(|other| other.channel == frame.channel) {
                return Err(WireError::new(format!("frames[{i}].channel"), Rule::Repeated));
            }
            channels.push(frame);
        }
        Ok(Self {
            session: said("session", session)?,
            device,
            hertz,
            sequence,
            frames: channels,
            hops: Hops {
                device: moment_if("device_us", device_us)?,
                gateway: moment_if("gateway_us", gateway_us)?,
                edge: moment_if("edge_us", edge_us)?,
            },
            held_back,
        })
    }
}

impl TryFrom<v1::WaveformFrame> for WaveformFrame {
    type Error = WireError;
    fn try_from(wire: v1::WaveformFrame) -> Result<Self, WireError> {
        let v1::WaveformFrame { channel, samples, quality: qualities } = wire;
        let channel = WaveformChannel::from_number(channel).at("channel")?;
        if qualities.len() != samples.len() {
            let rule = Rule::Length { found: qualities.len(), expected: samples.len(), other: "samples" };
            return Err(WireError::new("quality", rule));
        }
        if !samples.iter().all(|sample| sample.is_finite()) {
            return Err(WireError::new("samples", Rule::NotFinite));
        }
        let quality = qualities.iter().copied().map(quality).collect::<Result<_, _>>().at("quality")?;
        Ok(Self { channel, samples, quality })
    }
}

impl TryFrom<v1::BedSession> for BedSession {
    type Error = WireError;
    fn try_from(wire: v1::BedSession) -> Result<Self, WireError> {
        let v1::BedSession { session, bed, opened_us, closed_us, closing, fetuses, devices } = wire;
        let opened = moment("opened_us", opened_us)?;
        let closed = moment_if("closed_us", closed_us)?;
        Period::new(Some(opened), closed).at("closed_us")?;
        if closed.is_none() && !closing.is_empty() {
            return Err(WireError::new("closed_us", Rule::Required));
        }
        if fetuses.len() > FetusNumber::ALL.len() {
            return Err(WireError::new("fetuses", Rule::TooMany { limit: FetusNumber::ALL.len() }));
        }
        Ok(Self {
            session: said("session", session)?,
            bed: said("bed", bed)?,
            opened,
            closed,
            closing,
            fetuses,
            devices,
        })
    }
}

impl From<&Waveform> for v1::Waveform {
    fn from(it: &Waveform) -> Self {
        let Waveform {
            session,
            device,
            hertz,
            sequence,
            frames,
            hops: Hops { device: sampled, gateway, edge },
            held_back,
        } = it;
        let frames = frames.iter().map(|WaveformFrame { channel, samples, quality }| v1::WaveformFrame {
            channel: channel.number(),
            samples: samples.clone(),
            quality: quality.iter().map(|quality| *quality as u8).collect(),
        });
        Self {
            session: session.clone(),
            device: device.clone(),
            hertz: *hertz,
            sequence: *sequence,
            frames: frames.collect(),
            device_us: sampled.map(Moment::micros),
            gateway_us: gateway.map(Moment::micros),
            edge_us: edge.map(Moment::micros),
            held_back: *held_back,
        }
    }
}

impl From<&BedSession> for v1::BedSession {
    fn from(it: &BedSession) -> Self {
        let BedSession { session, bed, opened, closed, closing, fetuses, devices } = it;
        Self {
            session: session.clone(),
            bed: bed.clone(),
            opened_us: Some(opened.micros()),
            closed_us: closed.map(Moment::micros),
            closing: closing.clone(),
            fetuses: fetuses.clone(),
            devices: devices.clone(),
        }
    }
}
