use crate::recording::mfer::read;
use proptest::prelude::*;
use rstest::rstest;

fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = match value.len() {
        short @ 0..0x80 => vec![short as u8],
        long => vec![0x82, (long >> 8) as u8, long as u8],
    };
    [vec![tag], length, value.to_vec()].concat()
}
fn channel(number: u8, inside: &[Vec<u8>]) -> Vec<u8> {
    let inside = inside.concat();
    [vec![0x3f, number, inside.len() as u8], inside].concat()
}

/// Two channels, big end first: 4 Hz in hundredths of a beat a minute, and percent; two samples a block.
fn ctg() -> Vec<Vec<u8>> {
    vec![
        tlv(0x40, b"MFR Fetal monitor"),
        tlv(0x0b, &[0, 0, 4]),
        tlv(0x05, &[2]),
        tlv(0x04, &[2]),
        tlv(0x06, &[2]),
        channel(0, &[tlv(0x09, b"\0\0FHR1"), tlv(0x0c, &[9, 0xfe, 1]), tlv(0x12, &[0x80, 0])]),
        channel(1, &[tlv(0x09, &[0, 175]), tlv(0x0a, &[3]), tlv(0x0c, &[7, 0, 1])]),
        tlv(0x85, &[0x07, 0xe8, 2, 1, 10, 20, 30, 1, 244, 0, 0]),
        tlv(0x82, b"0042"),
    ]
}

fn frame() -> Vec<u8> {
    let block = |a: i16, b: i16, c: u8, d: u8| [&a.to_be_bytes()[..], &b.to_be_bytes(), &[c, d]].concat();
    tlv(0x1e, &[block(14_025, 14_050, 98, 97), block(i16::MIN, 14_100, 96, 95)].concat())
}

#[test]
fn definitions_of_all_and_of_channels_say_how_a_frame_lies() {
    let recording = read(&[ctg().concat(), frame(), vec![0x80, 0]].concat()).unwrap();
    assert_eq!(recording.patient.as_deref(), Some("0042"));
    assert_eq!(recording.begins.unwrap().to_string(), "2024-02-01T10:20:30.5");
    let [heart, oxygen] = recording.signals.as_slice() else { panic!("two signals") };
    assert_eq!((heart.name.as_str(), heart.unit.as_str(), heart.hertz, heart.calibrated), ("FHR1", "1/min", 4.0, true));
    assert!(heart.samples == [Some(140.25), Some(140.5), None, Some(141.0)]);
    assert_eq!((oxygen.name.as_str(), oxygen.unit.as_str()), ("SpO2", "%"));
    assert!(oxygen.samples == [Some(98.0), Some(97.0), Some(96.0), Some(95.0)]);
}

#[test]
fn little_end_first_seconds_offset_groups_and_open_ends_are_read() {
    let bytes = [
        tlv(0x01, &[1]),
        // A quarter of a second: 250 thousandths.
        tlv(0x0b, &[1, 0xfd, 250, 0]),
        vec![0x67, 0x80],
        tlv(0x0c, &[9, 0, 1]),
        tlv(0x0d, &[10, 0]),
        vec![0, 0],
        vec![0x3f, 0, 0x80],
        tlv(0x09, b"\0\0TOCO"),
        vec![0, 0],
        tlv(0x1e, &[1, 0, 2, 0]),
    ];
    let recording = read(&bytes.concat()).unwrap();
    let signal = &recording.signals[0];
    assert!((signal.hertz - 4.0).abs() < 1e-9);
    assert_eq!(signal.name, "TOCO");
    assert!(signal.samples == [Some(11.0), Some(12.0)]);
}

#[test]
fn frames_follow_each_other_with_gaps_where_the_pointer_says_so() {
    let later = [ctg().concat(), frame(), tlv(0x07, &[6]), frame()].concat();
    let recording = read(&later).unwrap();
    let lengths: Vec<usize> = recording.signals.iter().map(|signal| signal.samples.len()).collect();
    assert_eq!(lengths, [10, 10]);
    assert!(recording.signals[1].samples[3..7] == [Some(95.0), None, None, Some(98.0)]);
    let before = [ctg().concat(), frame(), tlv(0x07, &[3]), frame()].concat();
    assert!(read(&before).unwrap_err().to_string().contains("before the end of the one before it"));
}

#[rstest]
#[case(vec![], "there is no waveform")]
#[case(tlv(0x0e, &[0, 1]), "compressed waveforms are not read")]
#[case(tlv(0x0a, &[9]), "the data type is 0 to 8")]
#[case(tlv(0x01, &[2]), "the byte order is 0 or 1")]
#[case(tlv(0x05, &[0]), "there are 1 to 1024 channels")]
#[case(tlv(0x0b, &[2, 0, 4]), "the interval is in Hz or seconds")]
#[case(tlv(0x0b, &[0, 0, 0]), "the interval is above 0")]
#[case(tlv(0x0c, &[200, 0, 1]), "the unit of the resolution is not known")]
#[case(tlv(0x85, &[0x07, 0xe8, 13, 1, 0, 0, 0]), "a time is year, month, day")]
#[case(channel(5, &[]), "channel 6 is defined, there are 2")]
#[case(vec![0x1e, 0x80], "only groups and channels")]
#[case(vec![0x1e, 0x85, 1, 1, 1, 1, 1], "a length has at most 4 bytes")]
#[case(vec![0x1e, 9, 1], "a definition of 9 bytes ends early")]
#[case(vec![0x67, 0x80, 0x04, 1, 1], "a definition of indefinite length has no end")]
#[case(tlv(0x1e, &[0; 13]), "a frame of 13 bytes is not 2 sequences of 6 bytes")]
fn what_is_not_understood_is_refused_with_its_byte(#[case] more: Vec<u8>, #[case] expected: &str) {
    let error = read(&[ctg().concat(), more].concat()).unwrap_err().to_string();
    assert!(error.starts_with("byte ") && error.contains(expected), "{error}");
}

#[test]
fn a_channel_without_an_interval_is_refused_and_one_without_a_resolution_is_of_no_unit() {
    let error = read(&tlv(0x1e, &[0, 1])).unwrap_err().to_string();
    assert!(error.contains("channel 1 states no interval"), "{error}");
    let recording = read(&[tlv(0x0b, &[0, 0, 4]), tlv(0x1e, &[0, 1])].concat()).unwrap();
    assert!(!recording.signals[0].calibrated);
}

proptest! {
    #[test]
    fn no_bytes_stop_the_program(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _outcome = read(&bytes);
    }

    /// A real file of which some bytes are others, or that ends early.
    #[test]
    fn no_damage_stops_the_program(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = [ctg().concat(), frame(), tlv(0x07, &[6]), frame()].concat();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(end.index(bytes.len()) + 1);
        let _outcome = read(&bytes);
    }
}
