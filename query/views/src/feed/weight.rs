//! About how much memory an item of a feed holds while it is remembered.
//!
//! What is remembered is bounded by this and not by a count alone: a frame of a bed with eight channels holds three times what a
//! result does, a document may hold a thousand times as much, and beds bring thousands of frames a second.

use super::FeedItem;
use model::{FrameQuality, Payload, Record, WaveformFrame};

/// A record, its payload and their short texts.
const RECORD: usize = 1024;
/// What the allocator adds to a list.
const LIST: usize = 16;
/// An item and the names in it, without the record.
const NAME: usize = 192;

/// About how many bytes an item holds that so many groups are told: the record is the same for all, and each bears a part of it.
pub(super) fn weight(item: &FeedItem, told: usize) -> usize {
    match item {
        FeedItem::Appeared { record, .. } | FeedItem::Changed { record, .. } => of_record(record) / told.max(1) + NAME,
        _ => NAME,
    }
}

fn of_record(record: &Record) -> usize {
    let bulk = match record.payload() {
        Some(Payload::Waveform(wave)) => wave.frames.iter().map(frame).sum(),
        Some(Payload::Document(document)) => document.content.len(),
        Some(Payload::Message(message)) => message.text.len(),
        _ => 0,
    };
    RECORD + bulk
}

fn frame(frame: &WaveformFrame) -> usize {
    let samples = frame.samples.len() * size_of::<f32>() + frame.quality.len() * size_of::<FrameQuality>();
    size_of::<WaveformFrame>() + samples + 2 * LIST
}
