use super::*;
use crate::register::tests::{Said, at, facility, given, glass_event, patient, register};
use event_log::{Letter, MemoryLog, PartitionKey};
use model::{
    ActId, AuditOutcome, Body, Category, ConsentChange, Counts, MemberId, Paper, Principal, Purpose, Reading, Receipt,
    ReviewOutcome, Role, Salt, Signer,
};
use std::num::NonZeroU32;

fn told(register: &Register, who: &str, now: Moment) -> Vec<String> {
    let all = register.notices_of(&facility(who), now).unwrap();
    let said = all.into_iter().map(|told| {
        let by = told.notice.acknowledged.map(|said| format!(" by {}", said.member)).unwrap_or_default();
        format!("{}{by}", told.notice.id)
    });
    said.collect()
}
/// A glass event that this facility said.
fn by(who: &str, said: Said) -> Event {
    let mut event = glass_event(said, "g-1", &patient("h", "1"), "c");
    event.key.source = facility(who);
    event
}
fn audited(what: What, who: &str, member: Option<&str>) -> Event {
    let member = member.map(|member| MemberId::parse(member).unwrap());
    let principal = Principal { facility: facility(who), member, role: Role::Clerk, purpose: Purpose::Operations };
    let reading = Reading::begin(ActId(5), &principal, what, at(1));
    let event = reading.finish(at(1), AuditOutcome::Completed, || Salt::from_bytes([0; 32])).remove(0);
    Event { body: Body::Audit(Box::new(event)), ..by(who, Said::Closed) }
}
fn acknowledged(notice: &str, who: &str, member: &str) -> Event {
    audited(What::Acknowledgement { notice: notice.parse().unwrap() }, who, Some(member))
}
fn receipt() -> Event {
    let rows: Counts = [(Category::Laboratory, 2)].into_iter().collect();
    let hidden = [("c", rows), ("d", Counts::default())].map(|(at, rows)| (facility(at), rows));
    let receipt = Receipt {
        consent: ConsentId::parse("c-1").unwrap(),
        patient: patient("h", "1"),
        position: Position::new(1, 9),
        withdrawn_at: at(0),
        hidden: hidden.into(),
        queries_passed: None,
        feeds_passed: None,
        exports_passed: None,
    };
    audited(What::Receipt(Box::new(receipt)), "h", None)
}
async fn log(events: &[Event]) -> Arc<dyn EventLog> {
    let log = MemoryLog::new(NonZeroU32::MIN);
    for (number, event) in (0..).zip(events) {
        let payload = wire::write_event(event);
        log.append(vec![Letter { key: PartitionKey::Control, event: number, trace: None, payload }]).await.unwrap();
    }
    log.close().await.unwrap();
    Arc::new(log)
}

#[test]
fn the_source_is_told_what_a_clinic_does_and_the_clinics_member_what_the_source_does() {
    let (_directory, register) = register();
    let mut bell = register.notice_bell();
    let story = [
        by("c", Said::Broken(0, 0)),
        by("c", Said::Broken(1, 1)), // the first statement stands
        by("c", Said::Closed),
        by("h", Said::Reviewed(ReviewOutcome::Unjustified)), // it was closed already
    ];
    for (offset, event) in (0..).zip(&story) {
        register.apply(Position::new(1, offset), event).unwrap();
    }
    let ours = ["glass-closed/1:2/h", "glass-broken/1:0/h"];
    assert_eq!(told(&register, "h", at(1)), ours);
    assert_eq!(told(&register, "c", at(1)), [""; 0]);
    let rung: Vec<FacilityId> = std::iter::from_fn(|| bell.try_recv().ok()).collect();
    assert_eq!(rung, [facility("h"), facility("h")]);
    // Read again after a restart, nothing doubles and nobody is rung.
    for (offset, event) in (0..).zip(&story) {
        register.apply(Position::new(1, offset), event).unwrap();
    }
    assert_eq!(told(&register, "h", at(1)), ours);
    assert!(bell.try_recv().is_err());

    let broken = &register.notices_of(&facility("h"), at(1)).unwrap()[1].notice;
    assert_eq!((broken.viewer.as_str(), broken.member.as_str(), broken.subject.as_str()), ("c", "m-0", "g-1"));
    assert_eq!(broken.patient.as_ref().unwrap().number, "1");

    for closing in [Said::Closed, Said::Reviewed(ReviewOutcome::Unjustified)] {
        let (_directory, register) = super::super::tests::register();
        register.apply(Position::new(1, 0), &by("c", Said::Broken(0, 0))).unwrap();
        register.apply(Position::new(1, 1), &by("h", closing)).unwrap();
        assert_eq!(told(&register, "h", at(1)), ["glass-broken/1:0/h"]);
        assert_eq!(told(&register, "c", at(1)), ["glass-closed/1:1/c/m-0"], "{closing:?}");
        let notices = register.notices_of(&facility("c"), at(1)).unwrap();
        assert_eq!(notices[0].notice.patient, None, "it is not the clinic's patient");
    }
}

#[test]
fn what_waits_too_long_is_told_by_the_clock_until_it_is_reviewed() {
    let (_directory, register) = register();
    register.apply(Position::new(1, 0), &by("c", Said::Broken(0, 0))).unwrap();
    let raised = Moment::from_micros(register.notices_of(&facility("h"), at(0)).unwrap()[0].notice.raised_us).unwrap();
    let due = raised.plus_micros(UNREVIEWED_AFTER);
    assert_eq!(told(&register, "h", due.plus_micros(-1)), ["glass-broken/1:0/h"]);
    assert_eq!(told(&register, "h", due), ["glass-unreviewed/1:0/h", "glass-broken/1:0/h"]);
    register.apply(Position::new(1, 1), &by("h", Said::Reviewed(ReviewOutcome::Justified))).unwrap();
    assert_eq!(told(&register, "h", due), ["glass-broken/1:0/h"]);
}

#[test]
fn a_guardians_consent_is_asked_about_from_majority_on_while_it_stands() {
    let (_directory, register) = register();
    let mut event = given("c-1", patient("h", "1"), "c");
    let Body::Consent(ConsentChange::Given(consent)) = &mut event.body else { unreachable!() };
    consent.signer = Signer::Representative;
    *consent.paper = Paper { born: Some("2010-04-01".parse().unwrap()), ..Paper::default() };
    let majority = consent.of_age_at(None).unwrap();
    register.apply(Position::new(1, 3), &event).unwrap();
    register.apply(Position::new(1, 4), &given("c-2", patient("h", "1"), "c")).unwrap();
    assert_eq!(told(&register, "h", majority.plus_micros(-1)), [""; 0]);
    assert_eq!(told(&register, "h", majority), ["reconsent-due/1:3/h"]);
    assert_eq!(told(&register, "c", majority), [""; 0]);
    register.apply(Position::new(1, 5), &crate::register::tests::withdrawn("c-1", patient("h", "1"))).unwrap();
    assert_eq!(told(&register, "h", majority), [""; 0]);
}

#[tokio::test]
async fn a_withdrawal_is_told_to_the_source_and_to_those_who_lost_something() {
    let (_directory, register) = register();
    register.follow_notices(&log(&[by("c", Said::Closed), receipt()]).await).await;
    assert_eq!(told(&register, "h", at(2)), ["receipt-ready/0:1/h"]);
    assert_eq!(told(&register, "c", at(2)), ["consent-withdrawn/0:1/c"]);
    assert_eq!(told(&register, "d", at(2)), [""; 0], "it had seen nothing");
    let lost = &register.notices_of(&facility("c"), at(2)).unwrap()[0].notice;
    assert_eq!((lost.patient.as_ref(), lost.subject.as_str()), (None, ""), "no more than that it was");
    let whole: model::Frontier = "0:9,1:4".parse().unwrap();
    assert_eq!(register.noticed(&whole).unwrap(), "0:2,1:4".parse().unwrap());
}

#[tokio::test]
async fn the_first_acknowledgement_stands_and_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Register::open(directory.path(), Arc::default()).unwrap();
    let notice = "glass-broken/1:0/h";
    let said = [
        acknowledged(notice, "c", "m-7"), // not of the facility it goes to
        acknowledged(notice, "h", "m-1"),
        acknowledged(notice, "h", "m-2"),
    ];
    let log = log(&said).await;
    {
        let register = open();
        register.apply(Position::new(1, 0), &by("c", Said::Broken(0, 0))).unwrap();
        assert_eq!(told(&register, "h", at(1)), [notice]);
        register.follow_notices(&log).await;
        assert_eq!(told(&register, "h", at(1)), ["glass-broken/1:0/h by m-1"]);
    }
    let register = open();
    assert_eq!(told(&register, "h", at(1)), ["glass-broken/1:0/h by m-1"]);
    register.follow_notices(&log).await;
    assert_eq!(told(&register, "h", at(1)), ["glass-broken/1:0/h by m-1"]);
}
