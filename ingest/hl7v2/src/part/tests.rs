use crate::{Message, Options};

fn with<T>(field: &str, look: impl FnOnce(crate::Part<'_>) -> T) -> T {
    let text = format!("MSH|^~\\&|A\rZZZ|{field}");
    let message = Message::parse(text.as_bytes(), &Options::default()).unwrap();
    look(message.segment("ZZZ").unwrap().field(1))
}

#[test]
fn null_is_not_absence() {
    with("", |part| assert!(part.is_absent() && !part.is_null() && part.present().is_none()));
    with("\"\"", |part| {
        assert!(!part.is_absent() && part.is_null() && part.present().is_none() && part.text().is_empty())
    });
    with("^^^~^", |part| assert!(!part.is_absent() && part.present().is_none()));
    with("0", |part| assert!(part.present().is_some()));
}

#[test]
fn a_part_without_parts_is_its_own_first() {
    with("x", |part| {
        assert_eq!(part.component(1).subcomponent(1).text(), "x");
        assert_eq!(part.component(1).component(1).text(), "x");
        assert!(part.component(2).is_absent());
        assert_eq!(part.repetitions().count(), 1);
    });
}

#[test]
fn places_go_down_to_the_subcomponent() {
    with("a~b^c&d", |part| {
        let second = part.repetitions().nth(1).unwrap();
        let place = second.component(2).subcomponent(2);
        assert_eq!((place.text().as_ref(), place.location().to_string().as_str()), ("d", "ZZZ^1^1^2^2^2"));
        assert_eq!(second.component(9).location().to_string(), "ZZZ^1^1^2^9");
        assert_eq!(
            place.fault(crate::ErrorCode::DataType, "a rule").to_string(),
            "ZZZ^1^1^2^2^2: a rule (Data type error)"
        );
    });
}

#[test]
fn a_text_is_whole_also_where_its_sender_escaped_nothing() {
    with("5 & 6 ^ 7", |part| assert_eq!(part.whole_text(), "5 & 6 ^ 7"));
    with("one~two\\.br\\three", |part| assert_eq!(part.whole_text(), "one\ntwo\nthree"));
}
