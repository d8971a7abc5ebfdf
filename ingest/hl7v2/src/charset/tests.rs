use super::*;
use crate::{Message, Options};
use rstest::rstest;

fn message(charset: &str, name: &[u8]) -> Vec<u8> {
    let mut bytes = format!("MSH|^~\\&|A|B|||20260401||ADT^A08|1|P|2.5||||||{charset}\rPID|||1||").into_bytes();
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(b"^X");
    bytes
}

fn family(bytes: &[u8], options: &Options) -> Result<(String, Charset), Fault> {
    let message = Message::parse(bytes, options)?;
    let name = message.segment("PID").unwrap().field(5).component(1).text().into_owned();
    Ok((name, message.charset()))
}

/// 東京都目黒区: its bytes in JIS X 0208 hold a `~` and a `\`.
const TOWN: &[u8] = b"\x1b$BEl5~ETL\\9u6h\x1b(B";

#[rstest]
#[case::as_ss_mix2_writes("~ISO IR87", TOWN, "東京都目黒区", Charset::Iso2022Jp)]
#[case::without_the_space("~ISOIR87", TOWN, "東京都目黒区", Charset::Iso2022Jp)]
#[case::roman_and_kanji("ISO IR14~ISO IR87", TOWN, "東京都目黒区", Charset::Iso2022Jp)]
#[case::not_named("", TOWN, "東京都目黒区", Charset::Iso2022Jp)]
#[case::ascii_is_named("ASCII", TOWN, "東京都目黒区", Charset::Iso2022Jp)]
#[case::half_width_kana("ISO IR13", b"\x1b(IE6\x1b(B", "\u{ff85}\u{ff76}", Charset::Iso2022Jp)]
#[case::kana_in_the_right_half("ISO IR13~ISO IR87", b"\xc5\xb6", "\u{ff85}\u{ff76}", Charset::Iso2022Jp)]
#[case::two_escapes_in_succession("~ISO IR87", b"\x1b$B\x1b(BX\x1b$B0!\x1b(B", "X亜", Charset::Iso2022Jp)]
#[case::the_older_kanji("~ISO IR87", b"\x1b$@0!\x1b(J", "亜", Charset::Iso2022Jp)]
#[case::supplementary_kanji("~ISO IR87~ISO IR159", b"\x1b$(D0!\x1b(B", "丂", Charset::Iso2022Jp)]
#[case::shift_jis("SHIFT_JIS", b"\x83\x5c\x8b\x9e", "ソ京", Charset::ShiftJis)]
#[case::euc("EUC-JP", b"\xc5\xec", "東", Charset::EucJp)]
#[case::utf8("UNICODE UTF-8", "東京都".as_bytes(), "東京都", Charset::Utf8)]
#[case::utf8_not_named("", "東京都".as_bytes(), "東京都", Charset::Utf8)]
#[case::utf8_under_a_wrong_name("~ISO IR87", "東京都".as_bytes(), "東京都", Charset::Utf8)]
#[case::latin("8859/1", b"M\xfcller", "Müller", Charset::Iso8859(1))]
#[case::latin_nine("8859/15", b"\xa4", "€", Charset::Iso8859(15))]
fn a_name_is_read_in_the_set_that_is_named(
    #[case] charset: &str,
    #[case] bytes: &[u8],
    #[case] name: &str,
    #[case] found: Charset,
) {
    assert_eq!(family(&message(charset, bytes), &Options::default()).unwrap(), (name.to_owned(), found));
}

#[test]
fn every_kanji_with_a_delimiter_in_it_stays_whole() {
    let mut seen = 0;
    for (high, low) in (0x21..=0x74u8).flat_map(|high| (0x21..=0x7eu8).map(move |low| (high, low))) {
        let delimiters = [b'|', b'^', b'~', b'\\', b'&'];
        let euc = [high | 0x80, low | 0x80];
        let (expected, wrong) = Charset::EucJp.decode(&euc);
        if wrong || !(delimiters.contains(&high) || delimiters.contains(&low)) {
            continue;
        }
        seen += 1;
        let bytes = message("~ISO IR87", &[b"\x1b$B".as_slice(), &[high, low], b"\x1b(B"].concat());
        assert_eq!(family(&bytes, &Options::default()).unwrap().0, expected.trim(), "{high:02x}{low:02x}");
    }
    assert!(seen > 550, "{seen} characters with a delimiter among their bytes");
}

#[test]
fn a_byte_order_mark_says_which_set_it_is() {
    let plain = message("", "長崎".as_bytes());
    let text = String::from_utf8(plain.clone()).unwrap();
    let marked = [b"\xef\xbb\xbf".as_slice(), &plain].concat();
    assert_eq!(family(&marked, &Options::default()).unwrap(), ("長崎".to_owned(), Charset::Utf8));
    for (mark, unit) in [(b"\xfe\xff", u16::to_be_bytes as fn(u16) -> [u8; 2]), (b"\xff\xfe", u16::to_le_bytes)] {
        let wide: Vec<u8> = mark.iter().copied().chain(text.encode_utf16().flat_map(unit)).collect();
        assert_eq!(family(&wide, &Options::default()).unwrap(), ("長崎".to_owned(), Charset::Utf16));
    }
}

#[test]
fn bytes_that_could_be_two_sets_are_not_guessed_at() {
    let bytes = message("", b"\xc5\xec\xb5\xfe");
    let fault = family(&bytes, &Options::default()).unwrap_err();
    assert_eq!((fault.location.to_string().as_str(), fault.code), ("MSH^1^18", ErrorCode::RequiredFieldMissing));
    let options = Options { charset: Some(Charset::EucJp), ..Options::default() };
    assert_eq!(family(&bytes, &options).unwrap().0, "東京");
}

#[test]
fn an_unknown_set_is_a_fault_of_the_field_that_names_it() {
    let fault = family(&message("EBCDIC", b"x"), &Options::default()).unwrap_err();
    assert_eq!((fault.location.to_string().as_str(), fault.code), ("MSH^1^18", ErrorCode::TableValue));
}

#[test]
fn the_set_is_found_behind_a_header_with_delimiters_in_its_characters() {
    // 能 is 94 5C in Shift_JIS and 期 hides a `|` in ISO-2022-JP.
    let sjis = b"MSH|^~\\&|\x94\x5c|\x8f\x5c|||20260401||ADT^A08|1|P|2.5||||||SHIFT_JIS\rPID|||1||\x83\x5c";
    assert_eq!(family(sjis, &Options::default()).unwrap(), ("ソ".to_owned(), Charset::ShiftJis));
    let jis = b"MSH|^~\\&|\x1b$B4|\x1b(B|B|||20260401||ADT^A08|1|P|2.5||||||~ISO IR87\rPID|||1||\x1b$B4|\x1b(B";
    assert_eq!(family(jis, &Options::default()).unwrap(), ("期".to_owned(), Charset::Iso2022Jp));
}

#[test]
fn a_line_that_forgot_to_leave_kanji_does_not_eat_the_next() {
    let bytes = b"MSH|^~\\&|A|||||||1|P|2.5||||||~ISO IR87\rPID|||1||\x1b$B0!\rPV1||O";
    let message = Message::parse(bytes, &Options::default()).unwrap();
    assert_eq!(message.segment("PV1").unwrap().field(2).text(), "O");
    assert_eq!(message.segment("PID").unwrap().field(5).text(), "亜");
}

#[test]
fn what_a_set_does_not_have_is_written_as_a_question_mark() {
    assert_eq!(Charset::Iso8859(1).encode("a&東"), b"a&?");
    assert_eq!(Charset::Ascii.encode("é"), b"?");
    assert_eq!(Charset::Iso2022Jp.encode("東"), b"\x1b$BEl\x1b(B");
}

#[test]
fn characters_without_a_place_in_the_set_are_marked() {
    let bytes = message("~ISO IR87", b"\x1b$B~~\x1b(B");
    let message = Message::parse(&bytes, &Options::default()).unwrap();
    assert!(message.is_damaged());
    assert_eq!(message.segment("PID").unwrap().field(5).component(2).text(), "X");
}
