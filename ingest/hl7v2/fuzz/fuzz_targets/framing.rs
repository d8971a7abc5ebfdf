//! Any stream, cut anywhere: the same frames, and never more of them than bytes.
#![no_main]

use hl7v2::mllp::{Decoder, Frame};
use libfuzzer_sys::fuzz_target;

fn frames(decoder: &mut Decoder) -> Vec<Frame> {
    std::iter::from_fn(|| decoder.next_frame())
        .map(|frame| match frame {
            // Of a frame that is too large, as much is kept as had come.
            Frame::TooLarge { length, .. } => Frame::TooLarge { beginning: Vec::new(), length },
            other => other,
        })
        .collect()
}

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, stream) = input;
    let mut whole = Decoder::new(64);
    whole.feed(stream);
    let expected = frames(&mut whole);
    let mut chopped = Decoder::new(64);
    let mut found = Vec::new();
    for part in stream.chunks(usize::from(cut) + 1) {
        chopped.feed(part);
        found.extend(frames(&mut chopped));
    }
    assert_eq!(expected, found);
    assert!(expected.len() <= stream.len());
});
