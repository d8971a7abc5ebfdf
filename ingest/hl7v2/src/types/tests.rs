use super::*;
use crate::{Message, Options};

fn with<T>(field: &str, look: impl FnOnce(Part<'_>) -> T) -> T {
    let text = format!("MSH|^~\\&|A\rZZZ|{field}");
    let message = Message::parse(text.as_bytes(), &Options::default()).unwrap();
    look(message.segment("ZZZ").unwrap().field(1))
}

#[test]
fn a_number_is_a_sign_digits_and_one_point() {
    for (text, value) in [("7.2", 7.2), ("-.5", -0.5), ("+3", 3.0), (" 12 ", 12.0), ("5.", 5.0), ("1e3", f64::NAN)] {
        with(text, |part| match part.nm() {
            Ok(Some(number)) => assert_eq!((number.value, number.written), (value, text.trim())),
            other => assert!(value.is_nan() && other.is_err(), "{text}: {other:?}"),
        });
    }
    for text in ["<5", "1.2.3", "１２", "-", ".", "inf", "100未満"] {
        let fault = with(text, |part| part.nm().unwrap_err());
        assert_eq!((fault.code, fault.location.to_string().as_str()), (ErrorCode::DataType, "ZZZ^1^1"), "{text}");
    }
    assert!(with("", |part| part.nm().unwrap().is_none()));
    assert!(with("\"\"", |part| part.nm().unwrap().is_none()));
}

#[test]
fn a_structured_number_has_a_comparator_or_two_numbers() {
    with(">^100", |part| {
        let number = part.sn().unwrap().unwrap();
        assert_eq!((number.comparator.as_ref(), number.first, number.is_compound()), (">", Some(100.0), false));
    });
    with("^1^:^128", |part| {
        let number = part.sn().unwrap().unwrap();
        assert_eq!((number.separator.as_ref(), number.second, number.is_compound()), (":", Some(128.0), true));
    });
    assert_eq!(with("about^5", |part| part.sn().unwrap_err()).location.to_string(), "ZZZ^1^1^1^1");
    assert_eq!(with("<^five", |part| part.sn().unwrap_err()).code, ErrorCode::DataType);
}

#[test]
fn an_identifier_says_who_gave_it() {
    with("0042^^^HOSP&1.2.392&ISO^PI", |part| {
        let cx = part.cx();
        assert_eq!((cx.id.as_ref(), cx.kind.as_ref()), ("0042", "PI"));
        assert_eq!((cx.authority.namespace.as_ref(), cx.authority.universal.as_ref()), ("HOSP", "1.2.392"));
    });
    with("A1^HOSP^1.2.3^ISO", |part| assert_eq!(part.ei().authority.universal, "1.2.3"));
    with("HOSP^1.2.3^ISO", |part| assert_eq!(part.hd().universal, "1.2.3"));
}

#[test]
fn a_japanese_name_is_written_and_spoken() {
    with("長崎^花子^^^^^L^I~ナガサキ^ハナコ^^^^^L^P", |part| {
        let names: Vec<_> = part.repetitions().map(|name| name.xpn()).collect();
        assert_eq!(names[0].representation, Some(Representation::Ideographic));
        assert_eq!((names[1].family.as_ref(), names[1].representation), ("ナガサキ", Some(Representation::Phonetic)));
    });
    with("van den Berg&van den&Berg^Jan^Piet", |part| assert_eq!(part.xpn().family, "van den Berg"));
}

#[test]
fn a_code_keeps_both_systems_and_the_words_of_a_person() {
    with("3A010^総蛋白^JC10^TP^TP & more^99XYZ^1^2^蛋白", |part| {
        let coded = part.coded();
        assert_eq!(
            (coded.system.as_ref(), coded.other_text.as_ref(), coded.original.as_ref()),
            ("JC10", "TP & more", "蛋白")
        );
        assert!(!coded.is_empty());
    });
    assert!(with("^^LN", |part| part.coded().is_empty()));
}

#[test]
fn an_address_may_be_whole_in_its_eighth_component() {
    with("^^^^422-8033^JPN^H^静岡市", |part| {
        let address = part.xad();
        assert_eq!((address.postal_code.as_ref(), address.whole.as_ref()), ("422-8033", "静岡市"));
    });
    with("607^上野^花子^^^^^^HOSP&1.2&ISO^L", |part| {
        assert_eq!((part.xcn().id.as_ref(), part.xcn().authority.namespace.as_ref()), ("607", "HOSP"))
    });
}
