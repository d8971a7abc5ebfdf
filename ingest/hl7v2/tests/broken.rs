//! Real messages, broken in every way: nothing panics, and what is read holds together. The stable half of the fuzz targets;
//! `make test-long` runs it long (`PROPTEST_CASES`).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use hl7v2::mllp::{Decoder, Frame, frame};
use hl7v2::{Ack, AckCode, Charset, Envelope, Message, Options, Ts, batch};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The messages to break: other projects' where they are there, and one of ours.
static WHOLE: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut found = vec![include_bytes!("../benches/result.hl7").to_vec()];
    let shared = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    for folder in ["hl7v2/linuxforhealth", "hl7v2/ms-fhir-converter"] {
        let Ok(entries) = std::fs::read_dir(shared.join(folder)) else { continue };
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "hl7")) {
            found.extend(batch::messages(&std::fs::read(file).unwrap()).map(<[u8]>::to_vec));
        }
    }
    found
});

/// What is done to a message: a byte set, a stretch taken out, a stretch said twice.
#[derive(Debug, Clone)]
enum Harm {
    Set(usize, u8),
    Cut(usize, usize),
    Repeat(usize, usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    let sign = prop_oneof![any::<u8>(), prop::sample::select(b"|^~\\&\r\n\x1b\x0b\x1c$BJ(\"".to_vec()),];
    prop_oneof![
        (any::<usize>(), sign).prop_map(|(at, b)| Harm::Set(at, b)),
        (any::<usize>(), 0usize..60).prop_map(|(at, length)| Harm::Cut(at, length)),
        (any::<usize>(), 0usize..60).prop_map(|(at, length)| Harm::Repeat(at, length)),
    ]
}

fn broken(which: usize, harms: &[Harm]) -> Vec<u8> {
    let mut bytes = WHOLE[which % WHOLE.len()].clone();
    for harm in harms {
        if bytes.is_empty() {
            break;
        }
        match *harm {
            Harm::Set(at, b) => {
                let at = at % bytes.len();
                bytes[at] = b;
            }
            Harm::Cut(at, length) => {
                let at = at % bytes.len();
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Harm::Repeat(at, length) => {
                let at = at % bytes.len();
                let part = bytes[at..(at + length).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

proptest! {
    #[test]
    fn a_broken_message_is_read_or_refused_and_answered(which in any::<usize>(), harms in prop::collection::vec(harm(), 1..20)) {
        let bytes = broken(which, &harms);
        for charset in [None, Some(Charset::Iso2022Jp), Some(Charset::ShiftJis)] {
            let Ok(message) = Message::parse(&bytes, &Options { charset, ..Options::default() }) else { continue };
            let within: usize = message.segments().map(|segment| segment.raw().len()).sum();
            prop_assert!(within <= message.text().len());
            for segment in message.segments() {
                for number in 1..=segment.fields() {
                    let field = segment.field(number);
                    let _ = (field.ts(), field.nm(), field.sn(), field.cx(), field.xpn(), field.coded(), field.xad());
                    for component in field.repetitions().flat_map(|repetition| repetition.components()) {
                        prop_assert!(field.raw().contains(component.raw()));
                        component.whole_text();
                    }
                }
            }
        }
        let written = Ts::parse("20260401093000+0900").unwrap();
        let answer = Ack::new(AckCode::Error).write(&Envelope::sniff(&bytes), "1", written);
        let read = Message::parse(&answer, &Options { charset: Some(Charset::Utf8), ..Options::default() });
        prop_assert!(read.is_ok());
    }

    #[test]
    fn a_broken_stream_comes_to_itself_at_the_next_frame(which in any::<usize>(), harms in prop::collection::vec(harm(), 1..20)) {
        let mut stream = frame(&broken(which, &harms));
        stream.extend(frame(b"whole"));
        let mut decoder = Decoder::new(1 << 20);
        decoder.feed(&stream);
        let last = std::iter::from_fn(|| decoder.next_frame()).last();
        prop_assert_eq!(last, Some(Frame::Message(b"whole".to_vec())));
    }
}
