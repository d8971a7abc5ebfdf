use super::*;
use proptest::prelude::*;
use rstest::rstest;

const HEADER: &str = "MSH|^~\\&|LAB|HOSP|||20260401||ORU^R01^ORU_R01|7|P|2.5";

#[track_caller]
fn parse(text: &str) -> Message<'_> {
    Message::parse(text.as_bytes(), &Options::default()).unwrap()
}

#[rstest]
#[case::cr("\r")]
#[case::lf("\n")]
#[case::crlf("\r\n")]
#[case::empty_lines("\r\r\n\n")]
fn segments_end_as_their_sender_ends_them(#[case] end: &str) {
    let text = format!("{HEADER}{end}PID|1||42{end}OBX|1|NM{end}OBX|2|ST{end}");
    let message = parse(&text);
    let ids: Vec<String> = message.segments().map(|segment| segment.location().to_string()).collect();
    assert_eq!(ids, ["MSH^1", "PID^1", "OBX^1", "OBX^2"]);
    assert_eq!(message.segment("PID").unwrap().field(3).raw(), "42");
    assert_eq!(message.all("OBX").map(|segment| segment.field(2).raw()).collect::<Vec<_>>(), ["NM", "ST"]);
    assert_eq!(message.joined_lines(), 0);
}

#[test]
fn the_header_counts_its_first_delimiter_as_a_field() {
    let message = parse(HEADER);
    let header = message.header();
    assert_eq!(header.field(1).raw(), "|");
    assert_eq!((header.field(2).raw(), header.field(2).component(1).raw()), ("^~\\&", "^~\\&"));
    assert_eq!((header.field(3).raw(), header.field(12).raw()), ("LAB", "2.5"));
    assert_eq!(header.fields(), 12);
    assert!(header.field(13).is_absent());
    assert!(header.field(0).is_absent());
}

#[test]
fn a_message_may_choose_its_delimiters() {
    let message = parse("MSH#*@!%#LAB#HOSP###20260401##ADT*A08#1#P#2.3\rPID###a*b%c@d!F!");
    let field = message.segment("PID").unwrap().field(3);
    assert_eq!(field.component(2).subcomponent(2).text(), "c");
    assert_eq!(field.repetitions().nth(1).unwrap().text(), "d#");
    assert_eq!(message.header().field(9).component(2).text(), "A08");
}

#[test]
fn a_line_that_is_no_segment_is_text_of_the_field_before_it() {
    let text = format!("{HEADER}\rNTE|1||first line\nsecond | line\r\nthird\rOBX|1|NM");
    let message = parse(&text);
    assert_eq!(message.segment("NTE").unwrap().field(3).raw(), "first line\nsecond ");
    assert_eq!(message.joined_lines(), 2);
    assert_eq!(message.segment("OBX").unwrap().field(2).raw(), "NM");
}

#[test]
fn an_escape_sign_that_was_itself_escaped_is_one_sign() {
    let message = parse("MSH|^~\\\\&|A\rPID|||a&b");
    assert_eq!(message.segment("PID").unwrap().field(3).subcomponent(2).text(), "b");
}

#[test]
fn a_header_without_delimiters_is_no_second_message() {
    let text = format!("{HEADER}\rMSH\rPID|1");
    assert_eq!(parse(&text).segments().len(), 3);
}

#[rstest]
#[case::nothing("", "MSH^1", ErrorCode::SegmentSequence)]
#[case::no_header("PID|1", "MSH^1", ErrorCode::SegmentSequence)]
#[case::header_alone("MSH", "MSH^1^1", ErrorCode::RequiredFieldMissing)]
#[case::letters_between_fields("MSHA^~\\&A", "MSH^1^1", ErrorCode::DataType)]
#[case::no_delimiters("MSH||LAB", "MSH^1^2", ErrorCode::RequiredFieldMissing)]
#[case::twice_the_same("MSH|^^\\&|LAB", "MSH^1^2", ErrorCode::DataType)]
#[case::a_second_header("MSH|^~\\&|A\rPID|1\rMSH|^~\\&|B", "MSH^2", ErrorCode::SegmentSequence)]
fn what_is_no_message_is_refused_with_its_place(#[case] text: &str, #[case] place: &str, #[case] code: ErrorCode) {
    let fault = Message::parse(text.as_bytes(), &Options::default()).unwrap_err();
    assert_eq!((fault.location.to_string().as_str(), fault.code), (place, code));
}

#[test]
fn limits_hold() {
    let options = Options { largest: 100, ..Options::default() };
    let fault = Message::parse(&[b'x'; 101], &options).unwrap_err();
    assert_eq!(fault.code, ErrorCode::TooLong);
    let text = format!("{HEADER}{}", "\rNTE|1".repeat(20));
    let options = Options { most_segments: 20, ..Options::default() };
    assert_eq!(Message::parse(text.as_bytes(), &options).unwrap_err().code, ErrorCode::SegmentSequence);
    let options = Options { most_segments: 21, ..Options::default() };
    assert_eq!(Message::parse(text.as_bytes(), &options).unwrap().segments().len(), 21);
}

#[test]
fn nothing_of_a_message_is_shown_by_debug() {
    let text = format!("{HEADER}\rPID|||SECRET||SECRET^X");
    let message = parse(&text);
    let pid = message.segment("PID").unwrap();
    let shown = format!("{message:?} {pid:?} {:?} {:?} {:?}", pid.field(5), pid.field(3).cx(), pid.field(5).xpn());
    assert!(!shown.contains("SECRET"), "{shown}");
}

/// Text for a value: anything but `""`, which means null, and blanks at the ends, which are trimmed.
fn value() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.trim().to_owned()).prop_filter("null", |text| text != "\"\"")
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(
        segments in prop::collection::vec(
            ("[A-LN-Z][A-Z0-9]{2}", prop::collection::vec(prop::collection::vec(value(), 1..4), 1..6)), 0..6)
    ) {
        let mut writer = crate::Writer::new(Syntax::default());
        writer.header("MSH").text("LAB");
        for (name, fields) in &segments {
            writer.segment(name);
            for components in fields {
                let components: Vec<&str> = components.iter().map(String::as_str).collect();
                writer.field(&[&components]);
            }
        }
        let text = writer.finish();
        let message = Message::parse(text.as_bytes(), &Options { charset: Some(Charset::Utf8), ..Options::default() }).unwrap();
        prop_assert_eq!(message.segments().len(), segments.len() + 1);
        for (segment, (name, fields)) in message.segments().skip(1).zip(&segments) {
            prop_assert!(segment.id() == *name.as_str());
            for (n, components) in (1..).zip(fields) {
                for (c, text) in (1..).zip(components) {
                    prop_assert_eq!(segment.field(n).component(c).text(), text.as_str());
                }
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_everything(&bytes);
        read_everything(&[b"MSH|^~\\&|".as_slice(), &bytes].concat());
    }

    #[test]
    fn no_broken_message_makes_it_panic(
        cuts in prop::collection::vec((0usize..500, any::<u8>()), 0..8),
    ) {
        let mut bytes = format!(
            "{HEADER}||||||~ISO IR87\rPID|1||42^^^H&1.2&ISO^PI||\u{1b}$BEl5~\u{1b}(B^a~b^^^^^^L^P\rOBX|1|SN|x^y^LN||>^1|mg/dl|1-2|H\\X0D\\||F|||20260401"
        ).into_bytes();
        for (at, b) in cuts {
            let at = at % bytes.len();
            bytes[at] = b;
        }
        read_everything(&bytes);
    }
}

/// Everything that can be asked of a message; and what it says of itself must hold together.
fn read_everything(bytes: &[u8]) {
    for charset in [None, Some(Charset::ShiftJis), Some(Charset::Iso2022Jp), Some(Charset::Utf16)] {
        let Ok(message) = Message::parse(bytes, &Options { charset, ..Options::default() }) else { continue };
        for segment in message.segments() {
            assert!(segment.raw().starts_with(segment.id().as_str()));
            for n in 0..=segment.fields().min(40) {
                let field = segment.field(n);
                assert!(message.text().contains(field.raw()));
                let _ = (field.ts(), field.nm(), field.sn());
                let _ = (field.cx(), field.xpn(), field.coded(), field.xad(), field.xcn(), field.ei(), field.hd());
                for repetition in field.repetitions() {
                    repetition.components().for_each(|component| {
                        component.text();
                        component.whole_text();
                    });
                }
            }
        }
    }
}
