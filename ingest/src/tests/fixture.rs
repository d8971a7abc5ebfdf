//! A region of three facilities, a book of plain lists, and a door over a log in memory.

use crate::book::{ConsentQuery, ConsentReader, DirectoryReader, GlassStanding, Standing};
use crate::{Admission, Incoming, Settings};
use event_log::{Clock, EventLog, MemoryLog};
use model::*;
use parking_lot::Mutex;
use std::num::NonZeroU32;
use std::sync::Arc;
use tempfile::TempDir;

/// What a book holds, as lists to be searched.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    pub(crate) facilities: Vec<Facility>,
    pub(crate) members: Vec<Member>,
    pub(crate) scopes: Vec<DisclosureScope>,
    pub(crate) links: Vec<Link>,
    pub(crate) consents: Vec<Standing>,
    pub(crate) glasses: Vec<GlassStanding>,
}

#[derive(Debug, Default)]
pub(crate) struct TestBook(pub(super) Mutex<Lists>);

impl DirectoryReader for TestBook {
    fn facilities(&self) -> Vec<Facility> {
        self.0.lock().facilities.clone()
    }
    fn members(&self, facility: &FacilityId) -> Vec<Member> {
        self.0.lock().members.iter().filter(|member| member.facility == *facility).cloned().collect()
    }
    fn member(&self, id: &MemberId) -> Option<Member> {
        self.0.lock().members.iter().find(|member| member.id == *id).cloned()
    }
    fn scope(&self, facility: &FacilityId) -> Option<DisclosureScope> {
        self.0.lock().scopes.iter().find(|scope| scope.facility == *facility).cloned()
    }
    fn link(&self, id: &LinkId) -> Option<Link> {
        self.0.lock().links.iter().find(|link| link.id == *id).cloned()
    }
    fn visit_links(&self, _: &FacilityId, after: Option<&LinkId>, visit: &mut dyn FnMut(&Link) -> bool) {
        // Gives everything, also what is not the facility's: the door must look itself.
        let links = self.0.lock().links.clone();
        for link in links.iter().filter(|link| after.is_none_or(|after| link.id > *after)) {
            if !visit(link) {
                return;
            }
        }
    }
}

impl ConsentReader for TestBook {
    fn consent(&self, id: &ConsentId) -> Option<Standing> {
        self.0.lock().consents.iter().find(|standing| standing.consent.id == *id).cloned()
    }
    fn visit_glasses(&self, _: &FacilityId, visit: &mut dyn FnMut(&GlassStanding) -> bool) {
        // Gives everything, also what is not the facility's: the door must look itself.
        let glasses = self.0.lock().glasses.clone();
        let _all = glasses.iter().all(visit);
    }
    fn visit_consents(&self, query: &ConsentQuery<'_>, visit: &mut dyn FnMut(&Standing) -> bool) {
        let consents = self.0.lock().consents.clone();
        for standing in consents.iter().filter(|it| query.after.is_none_or(|after| it.consent.id > *after)) {
            if !visit(standing) {
                return;
            }
        }
    }
}

pub(crate) fn facility(id: &str) -> FacilityId {
    FacilityId::parse(id).unwrap()
}
pub(crate) fn member_id(id: &str) -> MemberId {
    MemberId::parse(id).unwrap()
}
pub(crate) fn patient(at: &str, number: &str) -> PatientRef {
    PatientRef::new(facility(at), PatientNumber::parse(number).unwrap())
}
pub(crate) fn now() -> Moment {
    Moment::parse("2026-04-01T09:30:00+09:00").unwrap()
}
pub(crate) fn caller(at: &str, role: Role) -> Principal {
    Principal { facility: facility(at), member: None, role, purpose: Purpose::Treatment }
}
/// The hospital's own system.
pub(crate) fn hospital() -> Principal {
    caller("hospital", Role::System)
}

pub(crate) fn record_of(whose: &PatientRef, text: &str) -> Record {
    Record::new(
        whose.clone(),
        RecordId::parse("r-1").unwrap(),
        Version::FIRST,
        Category::Message,
        now(),
        now(),
        Labels::NONE,
        None,
        Author { member: None, role: Role::System },
        ChangeKind::Upsert,
        Some(Payload::Message(Message { subject: String::new(), text: text.to_owned() })),
    )
    .unwrap()
}

pub(crate) fn event_of(source: &str, id: &str, body: Body) -> Event {
    let key = EventKey { source: facility(source), id: EventId::parse(id).unwrap() };
    Event { key, admitted_at: now(), body }
}

/// A record of the hospital's patient 1.
pub(crate) fn event(id: &str, text: &str) -> Event {
    event_of("hospital", id, Body::Record(Box::new(record_of(&patient("hospital", "1"), text))))
}

pub(crate) fn incoming(event: &Event) -> Incoming {
    Incoming { event: wire::write_event(event), trace: None }
}

pub(crate) fn consent(id: &str, state: ConsentState) -> Consent {
    Consent {
        id: ConsentId::parse(id).unwrap(),
        patient: patient("hospital", "1"),
        viewers: Viewers::Facilities(vec![facility("clinic")]),
        state,
        supersedes: None,
        period: Period::ALWAYS,
        data_period: Period::ALWAYS,
        categories: CategorySet::all(),
        departments: Vec::new(),
        labels: Labels::NONE,
        purposes: PurposeSet::of(Purpose::Treatment),
        exceptions: Exceptions::none(),
        signer: Signer::Patient,
        taken_by: facility("clinic"),
        signed_at: now(),
        form_digest: String::new(),
        paper: Box::default(),
    }
}

pub(crate) fn standing(consent: Consent) -> Standing {
    Standing { consent, withdrawn_at: None, position: Position::new(1, 0) }
}

pub(crate) fn link(id: &str, a: &PatientRef, b: &PatientRef) -> Link {
    Link {
        id: LinkId::parse(id).unwrap(),
        a: a.clone(),
        b: b.clone(),
        evidence: LinkEvidence::ConsentForm,
        confirmed_by: member_id("m-1"),
        confirmed_at: now(),
    }
}

pub(crate) fn clock() -> Clock {
    Arc::new(now)
}

/// A door over a log in memory, and what it stands on.
pub(crate) struct House {
    pub(crate) admission: Arc<Admission>,
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) directory: TempDir,
}

pub(crate) fn settings(directory: &TempDir) -> Settings {
    Settings {
        index: directory.path().join("index"),
        quarantine: directory.path().join("quarantine"),
        quarantine_share: 64 << 10,
    }
}

pub(crate) async fn house() -> House {
    reopen(Arc::new(MemoryLog::new(NonZeroU32::new(4).unwrap())), tempfile::tempdir().unwrap()).await
}

/// One whose quarantine holds megabytes.
pub(crate) async fn roomy_house() -> House {
    let (log, directory) = (Arc::new(MemoryLog::new(NonZeroU32::new(4).unwrap())), tempfile::tempdir().unwrap());
    let settings = Settings { quarantine_share: 8 << 20, ..settings(&directory) };
    let book = Arc::new(TestBook::default());
    let admission = Admission::open(Arc::clone(&log) as _, book, &settings, clock()).await.unwrap();
    House { admission, log, directory }
}

pub(crate) async fn reopen(log: Arc<MemoryLog>, directory: TempDir) -> House {
    let book = Arc::new(TestBook::default());
    let shared: Arc<dyn EventLog> = Arc::clone(&log) as _;
    let admission = Admission::open(shared, book, &settings(&directory), clock()).await.unwrap();
    House { admission, log, directory }
}

/// How many letters the log holds.
pub(crate) async fn letters(log: &MemoryLog) -> u64 {
    log.end().await.unwrap().ahead_of(&Frontier::start())
}
