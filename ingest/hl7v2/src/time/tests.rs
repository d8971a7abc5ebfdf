use super::*;
use proptest::prelude::*;
use rstest::rstest;

fn japan() -> TimeZone {
    TimeZone::fixed(jiff::tz::offset(9))
}

#[rstest]
#[case("2026", Precision::Year, "2025-12-31T15:00:00Z", "2026-12-31T14:59:59.999999Z")]
#[case("202602", Precision::Month, "2026-01-31T15:00:00Z", "2026-02-28T14:59:59.999999Z")]
#[case("20260401", Precision::Day, "2026-03-31T15:00:00Z", "2026-04-01T14:59:59.999999Z")]
#[case("2026040109", Precision::Hour, "2026-04-01T00:00:00Z", "2026-04-01T00:59:59.999999Z")]
#[case("202604010930", Precision::Minute, "2026-04-01T00:30:00Z", "2026-04-01T00:30:59.999999Z")]
#[case("20260401093001", Precision::Second, "2026-04-01T00:30:01Z", "2026-04-01T00:30:01.999999Z")]
#[case("20111220103059.0000", Precision::Fraction, "2011-12-20T01:30:59Z", "2011-12-20T01:30:59Z")]
#[case("20110613122406637", Precision::Fraction, "2011-06-13T03:24:06.637Z", "2011-06-13T03:24:06.637Z")]
#[case("20260401093001.5+0000", Precision::Fraction, "2026-04-01T09:30:01.5Z", "2026-04-01T09:30:01.5Z")]
#[case("202604010930-0330", Precision::Minute, "2026-04-01T13:00:00Z", "2026-04-01T13:00:59.999999Z")]
#[case::the_end_of_a_day("20260401240000", Precision::Second, "2026-04-01T15:00:00Z", "2026-04-01T15:00:00.999999Z")]
#[case::a_leap_second("20161231235960+0000", Precision::Second, "2016-12-31T23:59:59Z", "2016-12-31T23:59:59.999999Z")]
fn a_time_is_as_precise_as_it_is_written(
    #[case] text: &str,
    #[case] precision: Precision,
    #[case] start: &str,
    #[case] end: &str,
) {
    let ts = Ts::parse(text).unwrap();
    assert_eq!(ts.precision, precision);
    assert_eq!(ts.start(&japan()).unwrap().to_string(), start);
    assert_eq!(ts.end(&japan()).unwrap().to_string(), end);
}

#[rstest]
#[case("20260")]
#[case("20261301")]
#[case("20260230")]
#[case("20260401256000")]
#[case("2026-04-01")]
#[case("20260401.5")]
#[case("20260401093000+09")]
#[case("昨日")]
#[case("20260401093000.x")]
fn what_is_no_time_is_not_made_one(#[case] text: &str) {
    assert_eq!(Ts::parse(text), None);
}

#[test]
fn a_day_alone_has_no_offset_and_a_date() {
    let ts = Ts::parse("19700405").unwrap();
    assert_eq!((ts.date().unwrap().to_string().as_str(), ts.offset), ("1970-04-05", None));
    assert_eq!(Ts::parse("197004").unwrap().date(), None);
}

proptest! {
    #[test]
    fn a_time_that_is_written_reads_the_same(seconds in -2_000_000_000i64..4_000_000_000, minutes in -720i32..840) {
        let offset = Offset::from_seconds(minutes * 60).unwrap();
        let ts = Ts::of(Timestamp::from_second(seconds).unwrap(), offset);
        prop_assert_eq!(Ts::parse(&ts.to_string()), Some(ts));
        prop_assert_eq!(ts.start(&TimeZone::UTC).unwrap().as_second(), seconds);
    }

    #[test]
    fn any_text_may_be_asked_for_its_time(text in any::<String>()) {
        Ts::parse(&text);
    }
}
