use super::*;
use model::{PatientNumber, PatientRef, Position, Purpose};

fn facility(id: &str) -> FacilityId {
    FacilityId::parse(id).unwrap()
}
fn principal(at: &str, member: Option<&str>, role: Role) -> Principal {
    let member = member.map(|member| MemberId::parse(member).unwrap());
    Principal { facility: facility(at), member, role, purpose: Purpose::Operations }
}
fn id(kind: NoticeKind, member: Option<&str>) -> NoticeId {
    let member = member.map(|member| MemberId::parse(member).unwrap());
    NoticeId { kind, cause: Position::new(3, 7), facility: facility("nmc"), member }
}
fn told(kind: NoticeKind, acknowledged_at: Option<Position>) -> Told {
    let acknowledged =
        acknowledged_at.map(|position| v1::Acknowledgement { position: Some(position.into()), ..Default::default() });
    Told { id: id(kind, None), notice: v1::Notice { acknowledged, ..Default::default() } }
}

#[test]
fn a_notice_is_for_its_facility_or_for_one_person_there_and_its_system() {
    let (all, one) = (id(NoticeKind::GlassBroken, None), id(NoticeKind::GlassClosed, Some("dr-sato")));
    for who in [principal("nmc", Some("dr-sato"), Role::Physician), principal("nmc", None, Role::System)] {
        assert!(is_for(&who, &all) && is_for(&who, &one), "{who:?}");
    }
    let colleague = principal("nmc", Some("dr-ueda"), Role::Physician);
    assert!(is_for(&colleague, &all) && !is_for(&colleague, &one));
    let stranger = principal("sato", Some("dr-sato"), Role::Physician);
    assert!(!is_for(&stranger, &all) && !is_for(&stranger, &one));
}

#[test]
fn a_critical_result_is_for_those_who_see_clinical_data_and_what_escalates_is_for_all() {
    let critical = id(NoticeKind::CriticalResult, None);
    let escalated = id(NoticeKind::CriticalUnacknowledged, None);
    for (role, sees) in [
        (Role::Physician, true),
        (Role::LaboratoryStaff, true),
        (Role::Clerk, false),
        (Role::Auditor, false),
        (Role::Administrator, false),
    ] {
        let who = principal("nmc", Some("m-1"), role);
        assert_eq!(is_for(&who, &critical), sees, "{role}");
        assert!(is_for(&who, &escalated), "{role}");
        assert_eq!(is_for(&who, &id(NoticeKind::GlassBroken, None)), role != Role::Administrator, "{role}");
    }
    assert!(is_for(&principal("nmc", None, Role::System), &critical));
    assert!(!is_for(&principal("sato", Some("m-1"), Role::Physician), &escalated));
}

#[test]
fn an_action_is_said_of_a_critical_result_alone_and_words_go_with_one() {
    let critical = id(NoticeKind::CriticalResult, None);
    let seen = v1::CriticalAction::Seen as i32;
    assert_eq!(action_of(&critical, 0, "").unwrap(), None);
    let said = action_of(&critical, seen, " 診察済み ").unwrap().unwrap();
    assert_eq!((said.0, said.1.as_str()), (CriticalAction::Seen, "診察済み"));
    for (id, action, remark, field) in [
        (&critical, 0, "words alone", "remark"),
        (&critical, seen, "two\nlines", "remark"),
        (&critical, 99, "", "action"),
        (&id(NoticeKind::GlassBroken, None), seen, "", "action"),
    ] {
        let refused = action_of(id, action, remark).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
        assert!(refused.message().starts_with(&format!("`{field}`")), "{refused:?}");
        assert!(remark.is_empty() || !refused.message().contains(remark), "no words of a person in an error");
    }
}

#[test]
fn patients_are_told_of_nothing_and_administrators_of_what_escalates() {
    let ask = |role| {
        let mut request = Request::new(());
        request.extensions_mut().insert(principal("nmc", Some("m-1"), role));
        let staff = staff(&request).map(|caller| caller.role).map_err(|status| status.code());
        (caller(&request).map(|caller| caller.role).map_err(|status| status.code()), staff)
    };
    let denied = tonic::Code::PermissionDenied;
    assert_eq!(ask(Role::Clerk), (Ok(Role::Clerk), Ok(Role::Clerk)));
    assert_eq!(ask(Role::Patient), (Err(denied), Err(denied)));
    assert_eq!(ask(Role::Administrator), (Ok(Role::Administrator), Err(denied)));
    assert_eq!(caller(&Request::new(())).unwrap_err().code(), tonic::Code::Unauthenticated);
}

#[test]
fn a_watcher_that_resumes_misses_nothing() {
    let frontier = |text: &str| Some(text.parse::<Frontier>().unwrap());
    let (broken, due) = (told(NoticeKind::GlassBroken, None), told(NoticeKind::ReconsentDue, None));
    assert!(is_new(&broken, None) && is_new(&broken, frontier("0:9,3:7").as_ref()));
    assert!(!is_new(&broken, frontier("3:8").as_ref()), "it was sent before");
    assert!(is_new(&due, frontier("3:8").as_ref()), "a frontier does not speak of the clock");
    let said = told(NoticeKind::GlassBroken, Some(Position::new(0, 5)));
    assert!(!is_new(&said, None), "nobody waits for it");
    assert!(is_new(&said, frontier("0:5,3:8").as_ref()) && !is_new(&said, frontier("0:6,3:8").as_ref()));
}

#[test]
fn every_kind_is_worded_in_both_languages_and_a_patient_is_named_only_where_the_notice_does() {
    let patient = PatientRef::new(facility("nmc"), PatientNumber::parse("00012345").unwrap());
    let notice = v1::Notice {
        patient: Some((&patient).into()),
        subject: "g-1".to_owned(),
        viewer: "sato".to_owned(),
        member: "dr-sato".to_owned(),
        until_us: Some(1_780_000_000_000_000),
        critical: Some(v1::CriticalValue { item_ja: "カリウム".to_owned(), ..Default::default() }),
        ..Default::default()
    };
    for kind in NoticeKind::ALL {
        let [ja, en] =
            [Language::Japanese, Language::English].map(|each| words(*kind, &notice, &Names::default(), each));
        assert!(en.is_ascii() && !ja.is_ascii(), "{kind}: {ja} {en}");
        assert_eq!(ja.contains("00012345"), *kind != NoticeKind::ConsentWithdrawn, "{ja}");
        let without = v1::Notice { patient: None, ..notice.clone() };
        assert!(!words(*kind, &without, &Names::default(), Language::Japanese).contains("00012345"));
    }
}
