use crate::recording::wfdb::Header;
use crate::recording::{Fault, Recording};
use proptest::prelude::*;
use rstest::rstest;
use std::collections::BTreeMap;

fn read(header: &str, file: &[u8]) -> Result<Recording, Fault> {
    let files = BTreeMap::from([("r.dat".to_owned(), file.to_vec())]);
    Header::parse(header.as_bytes())?.read(&files)
}

/// The samples of one signal of gain 1.
#[track_caller]
fn samples(format: &str, file: &[u8]) -> Vec<Option<f32>> {
    let recording = read(&format!("r 1 4\nr.dat {format} 1/x 12 0 0\n"), file).unwrap();
    recording.signals.into_iter().next().unwrap().samples
}

/// Each format by an example worked out by hand from its description.
#[rstest]
#[case("8", &[1, 2, 0xff], &[Some(1.0), Some(3.0), Some(2.0)])]
#[case("16", &[0x01, 0x00, 0xff, 0xff, 0x00, 0x80], &[Some(1.0), Some(-1.0), None])]
#[case("24", &[0x01, 0x00, 0x00, 0xff, 0xff, 0xff, 0x00, 0x00, 0x80], &[Some(1.0), Some(-1.0), None])]
#[case("32", &[0x02, 0, 0, 0, 0, 0, 0, 0x80], &[Some(2.0), None])]
#[case("61", &[0x00, 0x01, 0x80, 0x00], &[Some(1.0), None])]
#[case("80", &[128, 129, 127, 0], &[Some(0.0), Some(1.0), Some(-1.0), None])]
#[case("160", &[0x01, 0x80, 0x00, 0x00], &[Some(1.0), None])]
// 0xE34 with the next four bits 5: -460; then 0x5C7: 1479.
#[case("212", &[0x34, 0x5e, 0xc7], &[Some(-460.0), Some(1479.0)])]
#[case("212", &[0x00, 0x08, 0x00], &[None, Some(0.0)])]
// Words of 2·a + 2048·low and 2·b + 2048·high, a = 3, b = -2, c = 33.
#[case("310", &[0x06, 0x08, 0xfc, 0x0f], &[Some(3.0), Some(-2.0), Some(33.0)])]
// a + 1024·b + 1048576·c, a = 3, b = -2, c = 33.
#[case("311", &[0x03, 0xf8, 0x1f, 0x02], &[Some(3.0), Some(-2.0), Some(33.0)])]
fn every_format_is_read_as_its_description_says(
    #[case] format: &str,
    #[case] file: &[u8],
    #[case] expected: &[Option<f32>],
) {
    assert_eq!(samples(format, file), expected);
}

#[test]
fn signals_of_one_file_take_turns_with_offset_samples_per_frame_gain_and_baseline() {
    let header = "# a comment\nr 2 4/8 2 10:20:30.5 01/02/2024\nr.dat 16x2+1 2(10)/bpm 12 0 0 60 0 FHR one\nr.dat 16+1 10/% 12 0 0 1910 0 SpO2\n";
    let words: Vec<u8> = [12_i16, 14, 950, 16, 18, 960].iter().flat_map(|word| word.to_le_bytes()).collect();
    let recording = read(header, &[vec![0xee], words].concat()).unwrap();
    assert_eq!(recording.begins.unwrap().to_string(), "2024-02-01T10:20:30.5");
    let [heart, oxygen] = recording.signals.as_slice() else { panic!("two signals") };
    assert_eq!((heart.name.as_str(), heart.unit.as_str(), heart.hertz), ("FHR one", "bpm", 8.0));
    assert!(heart.samples == [Some(1.0), Some(2.0), Some(3.0), Some(4.0)]);
    assert!(oxygen.hertz.to_bits() == 4.0_f64.to_bits() && oxygen.samples == [Some(95.0), Some(96.0)]);
}

#[test]
fn skew_moves_a_signal_and_a_null_signal_holds_nothing() {
    let header = "r 2 4 3\nr.dat 80:1 1/x\nnone 0\n";
    let recording = read(header, &[129, 130, 131]).unwrap();
    assert!(recording.signals[0].samples == [Some(2.0), Some(3.0), None]);
    assert!(recording.signals[1].samples == [None, None, None] && !recording.signals[1].calibrated);
}

#[rstest]
#[case("", "line 1 of the header: a header begins with the record line")]
#[case("r/2 2 4 10\n", "line 1 of the header: a record of several segments")]
#[case("r 0 4\n", "line 1 of the header: the second field is the number of signals")]
#[case("r 1 0\nr.dat 16\n", "line 1 of the header: the third field is the frequency")]
#[case("r 1 4 x\nr.dat 16\n", "line 1 of the header: the fourth field")]
#[case("r 1 4 1 25:00:00\nr.dat 16\n", "line 1 of the header: the fifth field is a time")]
#[case("r 1 4 1 10:00:00 31/02/2024\nr.dat 16\n", "line 1 of the header: the sixth field is a day")]
#[case("r 2 4\n\nr.dat 16\n", "line 1 of the header: the record line says 2 signals, 1 follow")]
#[case("r 1 4\nr.dat 16\nr.dat 16\n", "line 3 of the header: the record line says 1 signals, more follow")]
#[case("r 1 4\nr.dat 516\n", "line 2 of the header: the format is none of")]
#[case("r 1 4\n../r.dat 16\n", "line 2 of the header: the file is named without a path")]
#[case("r 1 4\nr.dat 16x0\n", "line 2 of the header: the samples per frame are 1 to 1024")]
#[case("r 1 4\nr.dat 16 1(x)/mV\n", "line 2 of the header: the gain is")]
#[case("r 1 4\nr.dat 16 1/x 12 a\n", "line 2 of the header: the zero is a whole number")]
#[case("r 2 4\nr.dat 16\nr.dat 80\n", "line 3 of the header: signals of one file have one format")]
#[case("r 1 4\nr.dat 16+99 1/x\n", "byte 4 of r.dat: the file ends before its first sample")]
#[case("r 1 4 3\nr.dat 16 1/x\n", "byte 4 of r.dat: the file ends after 2 of 3 frames")]
#[case("r 1 4 2\nr.dat 16 1/x 12 0 1 9 0 FHR\n", "signal 1 (`FHR`): its samples do not add up")]
#[case("r 1 4\nother.dat 16 1/x\n", "byte 0 of other.dat: the file is not there")]
fn what_is_not_understood_is_refused_with_its_place(#[case] header: &str, #[case] expected: &str) {
    let error = read(header, &[1, 0, 2, 0]).unwrap_err().to_string();
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn a_checksum_that_adds_up_is_taken_whatever_its_sign() {
    for sum in ["3", "65539", "-65533"] {
        assert!(read(&format!("r 1 4 2\nr.dat 16 1/x 12 0 1 {sum} 0 FHR\n"), &[1, 0, 2, 0]).is_ok(), "{sum}");
    }
}

proptest! {
    /// Bytes of a file are samples of some number, and bytes of a header are refused or read: neither stops the program.
    #[test]
    fn no_bytes_stop_the_program(
        header in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "(r( [0-9/.:]{1,6}){0,5}\n)((r.dat|x) [0-9]{1,3}(x[0-9]{1,2})?(:[0-9]{1,3})?(\\+[0-9]{1,3})?( [0-9()/a-z.-]{1,6}){0,7}\n){0,4}"
                .prop_map(String::into_bytes),
        ],
        file in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        if let Ok(header) = Header::parse(&header) {
            let files = BTreeMap::from([("r.dat".to_owned(), file.clone()), ("x".to_owned(), file)]);
            let _outcome = header.read(&files);
        }
    }

    /// What is packed comes back, in the formats that pack.
    #[test]
    fn packed_samples_come_back(values in prop::collection::vec(-511_i32..511, 0..60)) {
        let expected: Vec<Option<f32>> = values.iter().map(|value| Some(*value as f32)).collect();
        let low = |value: i32, bits: u32| value.cast_unsigned() & ((1 << bits) - 1);
        let twelve: Vec<u8> = values.chunks(2).flat_map(|pair| {
            let (a, b) = (low(pair[0], 12), pair.get(1).map_or(0, |b| low(*b, 12)));
            let word = (a | ((b >> 8) << 12)).to_le_bytes();
            let bytes = [word[0], word[1], (b & 0xff) as u8];
            if pair.len() == 2 { bytes.to_vec() } else { bytes[..2].to_vec() }
        }).collect();
        prop_assert_eq!(samples("212", &twelve), expected.clone());
        let whole = values.len() / 3 * 3;
        let three = |of: &dyn Fn(u32, u32, u32) -> u32| -> Vec<u8> {
            let chunks = values[..whole].chunks(3);
            chunks.flat_map(|c| of(low(c[0], 10), low(c[1], 10), low(c[2], 10)).to_le_bytes()).collect()
        };
        let dense = three(&|a, b, c| a | (b << 10) | (c << 20));
        prop_assert_eq!(samples("311", &dense), expected[..whole].to_vec());
        let split = three(&|a, b, c| (a << 1) | ((c & 31) << 11) | (b << 17) | ((c >> 5) << 27));
        prop_assert_eq!(samples("310", &split), expected[..whole].to_vec());
    }
}
