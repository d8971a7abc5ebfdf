use super::*;
use proptest::prelude::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn read(written: &str) -> ResultText {
    let text = ResultText::read(written, Expect::Anything);
    assert_eq!(text.original(), written);
    text
}

#[track_caller]
fn number(written: &str, comparator: &str, value: &str) {
    let found = read(written);
    let expected =
        ResultValue::Number { comparator: Comparator::from_code(comparator).unwrap(), value: decimal(value) };
    assert_eq!(found.value, expected, "{written}");
}

#[track_caller]
fn grade(written: &str, expected: Grade) {
    assert_eq!(read(written).value, ResultValue::Grade { comparator: Comparator::Equal, grade: expected }, "{written}");
}

#[track_caller]
fn text(written: &str) {
    assert_eq!(read(written).value, ResultValue::Text, "{written}");
}

#[test]
fn numbers_keep_their_places() {
    number("5.20", "", "5.20");
    number("２．３", "", "2.3");
    number("-4.5", "", "-4.5");
    number("−4.5", "", "-4.5");
    number(".5", "", "0.5");
    number("5.", "", "5");
    number("1,234", "", "1234");
    number("12,345.6", "", "12345.6");
    number("1.2×10^3", "", "1200");
    number("1.2E-2", "", "0.012");
    number("10^5", "", "100000");
    number("10⁵以上", ">=", "100000");
    assert_eq!(read("5.20").number().unwrap().1.to_string(), "5.20");
}

#[test]
fn a_sign_after_the_number_turns_its_sense() {
    for written in ["100<", "100 <", "100＜", "100〈", ">100", "＞ 100", "〉100", "100超過", "U100"] {
        number(written, ">", "100");
    }
    for written in [
        "200≦",
        "200<=",
        "200=<",
        "200＜＝",
        "200以上",
        "200 以上",
        "≧200",
        ">=200",
        "＝＞200",
        "200～",
        "200↑",
        "↑200",
        "≥200",
    ] {
        number(written, ">=", "200");
    }
    for written in ["300>", "300 ＞", "300〉", "300未満", "300 ミマン", "<300", "＜ 300", "L300", "〈300"] {
        number(written, "<", "300");
    }
    for written in [
        "400≧",
        "400>=",
        "400=>",
        "400以下",
        "400イカ",
        "≦400",
        "<= 400",
        "＝＜400",
        "< = 400",
        "400↓",
        "↓400",
        "400ｲｶ",
    ] {
        number(written, "<=", "400");
    }
    number("5.0以下", "<=", "5.0");
    number("<0.5", "<", "0.5");
}

#[test]
fn two_bounds_that_contradict_are_text() {
    text(">100以下");
    text("<5<");
}

#[test]
fn grades_are_read_in_every_way_they_are_written() {
    for written in [
        "-",
        "－",
        "(-)",
        "（－）",
        "陰性",
        "ｲﾝｾｲ",
        "検出せず",
        "ケンシュツセズ",
        "(-) 陰性",
        "陰性(-)",
        "[-]",
        "判定 （－）",
        "Negative",
        "(- )",
        "検出感度以下",
    ] {
        grade(written, Grade::Negative);
    }
    for written in ["+", "＋", "(+)", "（＋）", "陽性", "検出", "(+)陽性", "ﾖｳｾｲ(+)", "★陽性★", "POS"]
    {
        grade(written, Grade::Positive);
    }
    for written in ["±", "(±)", "+-", "+/-", "（＋－）", "-/+", "1+↓", "少量", "判定保留", "＋/－", "(+ー)"]
    {
        grade(written, Grade::Borderline);
    }
    grade("1+", Grade::Plus(1));
    grade("(2+)", Grade::Plus(2));
    grade("３＋", Grade::Plus(3));
    grade("(++)", Grade::Plus(2));
    grade("＋＋＋", Grade::Plus(3));
    grade("（４＋）", Grade::Plus(4));
    grade("1＋ 有", Grade::Plus(1));
    grade("陽性(2+)", Grade::Plus(2));
    assert_eq!(read(">3+").value, ResultValue::Grade { comparator: Comparator::More, grade: Grade::Plus(3) });
    text("6+");
    text("陰性(+)");
}

#[test]
fn ranks_rise_with_the_grade() {
    let grades = [Grade::Negative, Grade::Borderline, Grade::Plus(1), Grade::Plus(2), Grade::Plus(5)];
    assert_eq!(grades.map(Grade::rank), [1, 2, 3, 4, 7]);
    assert_eq!(Grade::Positive.rank(), Grade::Plus(1).rank());
}

#[test]
fn a_double_value_is_both() {
    let found = read("3+(300)");
    assert_eq!(found.grade(), Some((Comparator::Equal, Grade::Plus(3))));
    assert_eq!(found.number(), Some((Comparator::Equal, decimal("300"))));
    let found = read("2.3（±）");
    assert_eq!(found.number(), Some((Comparator::Equal, decimal("2.3"))));
    assert_eq!(found.grade(), Some((Comparator::Equal, Grade::Borderline)));
    for written in ["(3+)300", "3+ 300", "(3+) 300"] {
        assert_eq!(read(written).number(), Some((Comparator::Equal, decimal("300"))), "{written}");
        assert_eq!(read(written).grade(), Some((Comparator::Equal, Grade::Plus(3))), "{written}");
    }
    assert_eq!(read("陽性 12.3").grade(), Some((Comparator::Equal, Grade::Positive)));
    assert_eq!(read("0.3 陰性").grade(), Some((Comparator::Equal, Grade::Negative)));
    let found = read("30(1+)mg/dL");
    assert_eq!((found.grade(), found.note.as_str()), (Some((Comparator::Equal, Grade::Plus(1))), "mg/dL"));
    assert_eq!(read("(-)(<5.0)").number(), Some((Comparator::Less, decimal("5.0"))));
}

#[test]
fn structured_numbers_of_hl7_are_read() {
    number(">^100", ">", "100");
    number("=^440", "", "440");
    number("^182", "", "182");
    grade("^2^+", Grade::Plus(2));
    grade("^^-", Grade::Negative);
    assert_eq!(read("^1^:^40").value, ResultValue::Titre { comparator: Comparator::Equal, dilution: decimal("40") });
    assert_eq!(read("^1^-^4").value.kind(), "range");
    text("<>^5");
}

#[test]
fn titres_are_dilutions() {
    for written in ["×40", "x40", "1:40", "１：４０", "40倍", "× 40", "40 倍"] {
        assert_eq!(
            read(written).value,
            ResultValue::Titre { comparator: Comparator::Equal, dilution: decimal("40") },
            "{written}"
        );
    }
    assert_eq!(
        read("×1280以上").value,
        ResultValue::Titre { comparator: Comparator::AtLeast, dilution: decimal("1280") }
    );
    assert_eq!(read("<1:4").value, ResultValue::Titre { comparator: Comparator::Less, dilution: decimal("4") });
    assert_eq!(read("10倍未満").value, ResultValue::Titre { comparator: Comparator::Less, dilution: decimal("10") });
}

#[test]
fn ranges_and_fractions_are_read() {
    let range = |low, high, below_high| ResultValue::Range { low: decimal(low), high: decimal(high), below_high };
    assert_eq!(read("1-4").value, range("1", "4", false));
    assert_eq!(read("0.5～2").value, range("0.5", "2", false));
    assert_eq!(read("0.5~2未満").value, range("0.5", "2", true));
    assert_eq!(read("≧10＜20").value, range("10", "20", true));
    assert_eq!(read("0.5-<2.0").value, range("0.5", "2.0", true));
    let sediment = read("5-9/HPF");
    assert_eq!((sediment.value, sediment.note.as_str()), (range("5", "9", false), "/HPF"));
    assert_eq!(read("52/3").value, ResultValue::Fraction { of: decimal("52"), among: decimal("3") });
    text("4-1");
}

#[test]
fn what_has_no_value_says_why() {
    let missing = |written| match read(written).value {
        ResultValue::Missing(missing) => missing,
        other => panic!("{written}: {other:?}"),
    };
    assert_eq!(missing("測定不能"), Missing::NotMeasurable);
    assert_eq!(missing("検体不足のため"), Missing::TooLittle);
    assert_eq!(missing("(溶血)"), Missing::Unfit);
    assert_eq!(missing("検査中止"), Missing::NotDone);
    assert_eq!(missing("検査中"), Missing::Pending);
    assert_eq!(missing("＊＊＊"), Missing::Blank);
    assert_eq!(missing("----"), Missing::Blank);
    assert_eq!(missing("　"), Missing::Blank);
    assert_eq!(missing("コメント参照"), Missing::Elsewhere);
}

#[test]
fn what_is_ambiguous_is_decided_by_what_is_expected() {
    let read = |written, expect| ResultText::read(written, expect).value;
    let negative = ResultValue::Grade { comparator: Comparator::Equal, grade: Grade::Negative };
    assert_eq!(read("-", Expect::Grade), negative);
    assert_eq!(read("-", Expect::Anything), negative);
    assert_eq!(read("-", Expect::Quantity), ResultValue::Missing(Missing::Blank));
    assert_eq!(read("+1", Expect::Grade), ResultValue::Grade { comparator: Comparator::Equal, grade: Grade::Plus(1) });
    assert_eq!(
        read("+1.5", Expect::Quantity),
        ResultValue::Number { comparator: Comparator::Equal, value: decimal("1.5") }
    );
    assert_eq!(read("+1", Expect::Anything), ResultValue::Text);
}

#[test]
fn words_beside_a_number_are_its_note() {
    let found = read("12.3 溶血あり");
    assert_eq!((found.number(), found.note.as_str()), (Some((Comparator::Equal, decimal("12.3"))), "溶血あり"));
    assert_eq!(read("5.2 H").note, "H");
    assert_eq!(read("98 mg/dL").note, "mg/dL");
    assert_eq!(read("12.3(再検済)").note, "(再検済)");
}

#[test]
fn what_is_no_number_stays_text() {
    // no grade and no bound either: ND is not detected or not done, `L 5` a flag or a bound
    for written in ["ND", "L 5", "5.1±0.2", "1e400", "1E-40", "1/0", "5^2", "H 5.1", "- 5"] {
        text(written);
    }
    for written in ["2020-01-02", "1.2.3", "12 34", "1,5", "A型", "Escherichia coli", "0120-444-444", "1:40:20"] {
        text(written);
    }
    text("12345678901234567890123456789012345");
}

#[test]
fn a_value_lies_on_a_side_of_a_bound_or_it_cannot_be_said() {
    let side = |written, bound| read(written).span().unwrap().side_of(decimal(bound));
    assert_eq!(side("5.0", "4.0"), Side::Above);
    assert_eq!(side("5.0", "5.0"), Side::On);
    assert_eq!(side("<0.5", "0.5"), Side::Below);
    assert_eq!(side("<0.5", "0.3"), Side::Unknown);
    assert_eq!(side("0.5以下", "0.5"), Side::Unknown);
    assert_eq!(side("100<", "100"), Side::Above);
    assert_eq!(side("5-9", "4"), Side::Above);
    assert_eq!(read("≧6.0").span().unwrap().at_least(decimal("6.0")), Some(true));
    assert_eq!(read("<6.0").span().unwrap().at_least(decimal("6.0")), Some(false));
    assert_eq!(read("<8.0").span().unwrap().at_least(decimal("6.0")), None);
}

/// ASCII as full-width.
fn widened(text: &str) -> String {
    text.chars()
        .map(|c| if ('!'..='~').contains(&c) { char::from_u32(c as u32 + 0xFEE0).unwrap() } else { c })
        .collect()
}

proptest! {
    /// Whatever is written is kept, and reading it ends.
    #[test]
    fn nothing_is_lost(written in "\\PC{0,24}", expect in prop_oneof![Just(Expect::Anything), Just(Expect::Quantity), Just(Expect::Grade)]) {
        let read = ResultText::read(&written, expect);
        prop_assert_eq!(read.original(), written.as_str());
    }

    /// The same from the signs a laboratory uses.
    #[test]
    fn nothing_is_lost_of_signs(written in "[0-9.,+\\-<>=()～以上下未満±×:/ 陰陽性検出せず]{0,12}") {
        let read = ResultText::read(&written, Expect::Anything);
        prop_assert_eq!(read.original(), written.as_str());
    }

    /// Every notation of a bound means the same, in every width.
    #[test]
    fn every_notation_of_a_bound_means_the_same(digits in 0_i64..10_000_000, scale in 0_u32..5, notation in 0_usize..4) {
        let value = Decimal::new(digits, scale);
        let (comparator, forms): (_, &[&str]) = [
            (Comparator::Less, &["<{}", "{}>", "{}未満", "< {}"][..]),
            (Comparator::AtMost, &["<={}", "≦{}", "{}以下", "{}≧"][..]),
            (Comparator::More, &[">{}", "{}<", "{}超過", "> {}"][..]),
            (Comparator::AtLeast, &[">={}", "≧{}", "{}以上", "{}≦"][..]),
        ][notation];
        for form in forms {
            for written in [form.replace("{}", &value.to_string()), widened(&form.replace("{}", &value.to_string()))] {
                let read = ResultText::read(&written, Expect::Quantity);
                prop_assert_eq!(&read.value, &ResultValue::Number { comparator, value }, "{}", written);
            }
        }
    }

    /// A number that is written is read to its last place.
    #[test]
    fn a_number_is_read_to_its_last_place(digits in any::<i64>(), scale in 0_u32..18) {
        let value = Decimal::new(digits, scale);
        let read = ResultText::read(&value.to_string(), Expect::Quantity);
        prop_assert_eq!(read.number().map(|(_, found)| found.to_string()), Some(value.to_string()));
    }

    /// The sides of a bound: no value is certainly on two.
    #[test]
    fn a_span_agrees_with_the_numbers_in_it(bound in -100_i64..100, value in -100_i64..100, probe in -100_i64..100, which in 0_usize..5) {
        let comparator = [Comparator::Equal, Comparator::Less, Comparator::AtMost, Comparator::More, Comparator::AtLeast][which];
        let holds = match comparator {
            Comparator::Equal => probe == value,
            Comparator::Less => probe < value,
            Comparator::AtMost => probe <= value,
            Comparator::More => probe > value,
            Comparator::AtLeast => probe >= value,
        };
        prop_assume!(holds);
        let span = ResultValue::Number { comparator, value: Decimal::from(value) }.span().unwrap();
        match span.side_of(Decimal::from(bound)) {
            Side::Below => prop_assert!(probe < bound),
            Side::On => prop_assert_eq!(probe, bound),
            Side::Above => prop_assert!(probe > bound),
            Side::Unknown => {}
        }
        prop_assert_ne!(span.at_least(Decimal::from(bound)), Some(probe < bound));
        prop_assert_ne!(span.at_most(Decimal::from(bound)), Some(probe > bound));
    }
}
