use super::*;
use proptest::prelude::*;

fn all(decoder: &mut Decoder) -> Vec<Frame> {
    std::iter::from_fn(|| decoder.next_frame()).collect()
}

fn fed(bytes: &[u8], limit: usize) -> Vec<Frame> {
    let mut decoder = Decoder::new(limit);
    decoder.feed(bytes);
    all(&mut decoder)
}

fn message(text: &str) -> Frame {
    Frame::Message(text.into())
}

#[test]
fn messages_come_out_as_they_went_in() {
    let stream = [frame(b"one"), frame(b""), frame(b"three\r\n")].concat();
    assert_eq!(fed(&stream, 100), [message("one"), message(""), message("three\r\n")]);
}

#[test]
fn an_end_without_its_cr_is_an_end() {
    assert_eq!(fed(b"\x0bone\x1c\x0btwo\x1c\n", 100), [message("one"), message("two")]);
}

#[test]
fn what_is_outside_a_frame_is_counted() {
    assert_eq!(
        fed(b"hello\r\n\x0bone\x1c\r\r\nxx\x0btwo\x1c\r", 100),
        [Frame::Lost(5), message("one"), Frame::Lost(2), message("two")]
    );
}

#[test]
fn a_frame_that_lost_its_end_does_not_take_the_next_with_it() {
    assert_eq!(fed(b"\x0bhalf\x0btwo\x1c\r", 100), [Frame::Lost(4), message("two")]);
}

#[test]
fn a_frame_that_is_too_large_is_dropped_and_the_next_is_read() {
    let stream = [frame(&[b'x'; 101]), frame(&[b'y'; 100])].concat();
    let large = Frame::TooLarge { beginning: vec![b'x'; 101], length: 101 };
    assert_eq!(fed(&stream, 100), [large, Frame::Message(vec![b'y'; 100])]);
}

#[test]
fn a_frame_without_end_holds_no_more_than_its_beginning() {
    let mut decoder = Decoder::new(1000);
    decoder.feed(b"\x0b");
    for _ in 0..10_000 {
        decoder.feed(&[b'x'; 1000]);
    }
    assert!(decoder.is_inside());
    assert_eq!(decoder.next_frame(), None);
    match &decoder.state {
        State::Overflowing { beginning, length } => {
            assert_eq!((beginning.len() <= BEGINNING, *length), (true, 10_000_000))
        }
        _ => panic!("it overflows"),
    }
}

proptest! {
    #[test]
    fn it_does_not_matter_how_a_stream_is_chopped_up(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>().prop_filter("frame", |b| *b != START && *b != END), 0..60), 0..6),
        noise in "[a-z\r\n]{0,5}",
        chunk in 1usize..20,
    ) {
        let mut stream = Vec::new();
        for message in &messages {
            stream.extend_from_slice(noise.as_bytes());
            stream.extend(frame(message));
        }
        let whole = fed(&stream, 50);
        let mut decoder = Decoder::new(50);
        let mut chopped = Vec::new();
        for part in stream.chunks(chunk) {
            decoder.feed(part);
            chopped.extend(all(&mut decoder));
        }
        // A frame that is too large keeps as much of its beginning as had come.
        let lengths = |frames: &[Frame]| frames.iter().map(|frame| match frame {
            Frame::TooLarge { length, .. } => Frame::TooLarge { beginning: Vec::new(), length: *length },
            other => other.clone(),
        }).collect::<Vec<_>>();
        prop_assert_eq!(lengths(&whole), lengths(&chopped));
        let read = whole.iter().filter(|frame| matches!(frame, Frame::Message(_) | Frame::TooLarge { .. })).count();
        prop_assert_eq!(read, messages.len());
    }

    #[test]
    fn no_bytes_make_it_panic_or_hold_much(bytes in prop::collection::vec(prop_oneof![Just(START), Just(END), any::<u8>()], 0..500)) {
        let frames = fed(&bytes, 20);
        prop_assert!(frames.len() <= bytes.len());
    }
}
