use super::*;
use crate::Charset;
use proptest::prelude::*;
use rstest::rstest;

#[rstest]
#[case(r"a\F\b\S\c\T\d\R\e\E\f", r"a|b^c&d~e\f")]
#[case(r"one\.br\two\.sp2\three", "one\ntwo\n\nthree")]
#[case(r"a\.sk3\b\.in+4\c", "a   bc")]
#[case(r"\H\loud\N\ quiet", "loud quiet")]
#[case(r"\X41420D\", "AB\r")]
#[case(r"\XE69DB1\", "東")]
#[case(r"\M2442\El5~\C2842\ ok", "東京 ok")]
#[case::local(r"\Zabc\", r"\Zabc\")]
#[case::alone(r"C:\temp", r"C:\temp")]
#[case::odd_digits(r"\X4\", r"\X4\")]
#[case::the_second_sign_opens(r"C:\dir\F\x", r"C:\dir|x")]
#[case::japanese_between(r"血糖\E\値", r"血糖\値")]
fn an_escape_sequence_becomes_what_it_means(#[case] raw: &str, #[case] text: &str) {
    assert_eq!(unescape(raw, &Syntax::default()), text);
}

#[test]
fn digits_are_bytes_of_the_messages_set() {
    let syntax = Syntax { charset: Charset::ShiftJis, ..Syntax::default() };
    assert_eq!(unescape(r"\X8D82\", &syntax), "高");
}

#[test]
fn a_message_without_an_escape_sign_has_no_escapes() {
    let syntax = Syntax { escape: 0, ..Syntax::default() };
    assert_eq!(unescape(r"a\F\b", &syntax), r"a\F\b");
    assert_eq!(escape("a|b", &syntax), "a|b");
}

proptest! {
    #[test]
    fn what_is_escaped_reads_the_same(text in any::<String>()) {
        let syntax = Syntax::default();
        let raw = escape(&text, &syntax);
        prop_assert!(!raw.contains(['|', '^', '&', '~', '\r', '\n']));
        prop_assert_eq!(unescape(&raw, &syntax), text.as_str());
    }

    #[test]
    fn any_text_can_be_unescaped(text in r"(\\|[A-Z0-9.]|[a-z ]|東){0,40}") {
        unescape(&text, &Syntax::default());
    }
}
