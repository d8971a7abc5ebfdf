use super::*;
use model::{MemberId, Purpose};

fn at(micros: i64) -> Moment {
    Moment::from_micros(1_780_000_000_000_000 + micros).unwrap()
}
fn asked(from: Option<i64>, until: Option<i64>) -> Result<(i64, i64), tonic::Code> {
    let caller = Principal {
        facility: FacilityId::parse("lab").unwrap(),
        member: Some(MemberId::parse("clerk").unwrap()),
        role: Role::Clerk,
        purpose: Purpose::Operations,
    };
    let micros = |moment: i64| at(moment).micros();
    let request = v1::PublishedRequest { from_us: from.map(micros), until_us: until.map(micros) };
    let question = Question::parse(request, &caller, at(0)).map_err(|status| status.code())?;
    assert_eq!(question.source.as_str(), "lab", "of the caller's own records, whatever is asked");
    Ok((question.from.since(at(0)), question.until.since(at(0))))
}

#[test]
fn a_period_ends_now_at_the_latest_and_is_thirty_days_where_none_is_said() {
    assert_eq!(asked(None, None), Ok((-USUAL, 0)));
    assert_eq!(asked(Some(-5), None), Ok((-5, 0)));
    assert_eq!(asked(Some(-5), Some(100)), Ok((-5, 0)), "what is to come has not happened");
    assert_eq!(asked(None, Some(-100)), Ok((-100 - USUAL, -100)));
}

#[test]
fn a_period_that_ends_before_it_begins_is_refused() {
    for (from, until) in [(Some(-5), Some(-5)), (Some(-5), Some(-6)), (Some(0), None), (Some(7), Some(9))] {
        assert_eq!(asked(from, until), Err(tonic::Code::InvalidArgument), "{from:?} {until:?}");
    }
}

#[test]
fn whoever_sees_no_counts_of_the_facility_may_not_ask() {
    let may: Vec<Role> = Role::ALL.iter().copied().filter(|role| MAY_ASK.contains(*role)).collect();
    assert_eq!(may, [Role::LaboratoryStaff, Role::Clerk, Role::Auditor, Role::System]);
}
