use super::*;
use crate::{ErrorCode, Location, SegmentId};
use rstest::rstest;

fn envelope(version: &str, rest: &str) -> Envelope {
    let text = format!("MSH|^~\\&|LAB|HOSP^1.2^ISO|AJISAI|REGION|20260401||OUL^R22^OUL_R22|A&1|D|{version}{rest}");
    Envelope::of(&Message::parse(text.as_bytes(), &Options::default()).unwrap())
}

fn written() -> Ts {
    Ts::parse("20260401093000+0900").unwrap()
}

fn fault() -> Fault {
    let mut place = Location::segment(SegmentId::new("OBX").unwrap(), 2).at_field(5);
    place.repetition = 1;
    Fault::new(place, ErrorCode::DataType, "a number | digits")
}

#[test]
fn a_newer_sender_is_told_in_err_2_and_3() {
    let bytes = Ack::new(AckCode::Error).with([fault()]).write(&envelope("2.5", "||||||~ISO IR87"), "9", written());
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(
        text,
        "MSH|^~\\&|AJISAI|REGION|LAB|HOSP^1.2^ISO|20260401093000+0900||ACK^R22^ACK|9|D|2.5||||||~ISO IR87\r\
         MSA|AE|A&1\r\
         ERR||OBX^2^5^1|102^Data type error^HL70357|E||||a number \\F\\ digits\r"
    );
}

#[test]
fn an_older_sender_is_told_in_err_1_and_msa_3() {
    let text = String::from_utf8(Ack::new(AckCode::Error).with([fault()]).write(&envelope("2.3", ""), "9", written()))
        .unwrap();
    assert!(text.contains("|ACK^R22|9|D|2.3\r"), "{text}");
    assert!(text.contains("\rMSA|AE|A&1|OBX\\S\\2\\S\\5\\S\\1: a number \\F\\ digits (Data type error)\r"), "{text}");
    assert!(text.ends_with("\rERR|OBX^2^5^102&Data type error&HL70357\r"), "{text}");
}

#[rstest]
#[case("", Mode::Original)]
#[case("|||AL|NE", Mode::Enhanced { accept: Condition::Always, application: Condition::Never })]
#[case("||||ER", Mode::Enhanced { accept: Condition::Never, application: Condition::Error })]
fn the_header_says_which_answers_are_waited_for(#[case] rest: &str, #[case] mode: Mode) {
    assert_eq!(envelope("2.5", rest).mode(), mode);
}

#[test]
fn conditions_are_those_of_table_0155() {
    let wants = |code: &str| Condition::of(code).map(|condition| (condition.wants(true), condition.wants(false)));
    assert_eq!(wants("AL"), Some((true, true)));
    assert_eq!(wants("NE"), Some((false, false)));
    assert_eq!(wants("ER"), Some((false, true)));
    assert_eq!(wants("SU"), Some((true, false)));
    assert_eq!(wants(""), None);
}

#[test]
fn what_cannot_be_read_is_answered_as_far_as_its_header_can() {
    let sniffed = Envelope::sniff(b"junk MSH|^~\\&|LAB|HOSP|||20260401||ORU^R01|C-1|P|2.5||||||EBCDIC\rPID");
    assert_eq!(sniffed.control_id(), "C-1");
    let answer = String::from_utf8(Ack::new(AckCode::Error).write(&sniffed, "9", written())).unwrap();
    assert!(answer.contains("|LAB|HOSP|2026"), "{answer}");
    assert!(answer.contains("\rMSA|AE|C-1\r"), "{answer}");
    let nothing =
        String::from_utf8(Ack::new(AckCode::Error).write(&Envelope::sniff(b"\xff\xff"), "9", written())).unwrap();
    assert_eq!(nothing, "MSH|^~\\&|||||20260401093000+0900||ACK|9|P|2.5\rMSA|AE\r");
}

#[test]
fn an_answer_is_written_in_the_senders_delimiters_and_set() {
    let bytes = [b"MSH#*@!%#\x1b$BEl\x1b(B#HOSP###20260401##ADT*A08#7#P#2.5######@ISO IR87".as_slice()].concat();
    let envelope = Envelope::of(&Message::parse(&bytes, &Options::default()).unwrap());
    let answer = Ack::new(AckCode::Error).with([fault()]).write(&envelope, "9", written());
    let read = Message::parse(&answer, &Options::default()).unwrap();
    assert_eq!(read.header().field(5).text(), "東");
    assert_eq!(read.segment("MSA").unwrap().field(2).text(), "7");
    assert_eq!(read.segment("ERR").unwrap().field(2).component(3).text(), "5");
    assert_eq!(read.segment("ERR").unwrap().field(3).component(1).text(), "102");
}

proptest::proptest! {
    #[test]
    fn any_bytes_get_an_answer_that_can_be_read(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        for bytes in [bytes.clone(), [b"MSH|^~\\&|".as_slice(), &bytes].concat()] {
            let answer = Ack::new(AckCode::Reject).with([fault()]).write(&Envelope::sniff(&bytes), "9", written());
            let read = Message::parse(&answer, &Options { charset: Some(Charset::Utf8), ..Options::default() }).unwrap();
            proptest::prop_assert_eq!(read.segment("MSA").unwrap().field(1).text(), "AR");
        }
    }
}

#[test]
fn an_answer_names_no_character_set_that_there_is_not() {
    // A header whose fields have slipped, in bytes of no set: what stands at `MSH-18` is no name.
    let bytes = b"MSH|^~\\&|LAB|R\xd0\xd0|AJISAI|REGION|20260401||ADT^A01|7|P|2.5||||||^WPN^PH^099-286-1377\rPID|1";
    let answer = Ack::new(AckCode::Error).write(&Envelope::sniff(bytes), "1", written());
    let read = Message::parse(&answer, &Options { charset: Some(Charset::Utf8), ..Options::default() });
    assert_eq!(read.unwrap().header().field(18).raw(), "");
    let named = envelope("2.5", "||||||~ISO IR87");
    let answer = Ack::new(AckCode::Accept).write(&named, "1", written());
    assert!(answer.windows(10).any(|part| part == b"|~ISO IR87"), "one that there is is named again");
}
