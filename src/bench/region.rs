//! The region a measurement runs in: sources, viewers, links and consents such that each record reaches a known
//! number of facilities; and the records themselves, one kilobyte each.

use model::{FacilityId, IdError, MemberId, Moment, PatientNumber, PatientRef};
use wire::v1;

/// How large the region is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Disclosing hospitals; each has a publishing stream of its own.
    pub sources: u32,
    /// Viewing clinics.
    pub viewers: u32,
    /// Patients of each source.
    pub patients: u32,
    /// How many viewers each patient's records reach.
    pub audience: u32,
}

/// The id of the n-th source.
///
/// # Errors
/// Never for the numbers used here; the id is parsed like any other.
pub fn source(n: u32) -> Result<FacilityId, IdError> {
    FacilityId::parse(&format!("bench-hospital-{n}"))
}

/// The id of the n-th viewer.
///
/// # Errors
/// As for [`source`].
pub fn viewer(n: u32) -> Result<FacilityId, IdError> {
    FacilityId::parse(&format!("bench-clinic-{n}"))
}

/// The administrator who sets the region up.
///
/// # Errors
/// As for [`source`].
pub fn administrator() -> Result<MemberId, IdError> {
    MemberId::parse("bench-administrator")
}

/// How a source writes the number of its n-th patient.
pub fn number(n: u32) -> String {
    format!("{n:08}")
}

fn patient(facility: FacilityId, n: u32) -> Result<PatientRef, IdError> {
    Ok(PatientRef::new(facility, PatientNumber::parse(&number(n))?))
}

/// Who sends an event of the set-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// The administrator of the network.
    Administrator,
    /// A source's own system.
    Source(u32),
}

/// Facilities and members: what must stand before anybody but the administrator can authenticate.
///
/// # Errors
/// As for [`source`].
pub fn facilities(size: Size) -> Result<Vec<v1::Facility>, IdError> {
    let facility = |id: FacilityId, kind: model::FacilityKind| {
        wire::v1::Facility::from(&model::Facility {
            name: id.as_str().to_owned(),
            name_en: id.as_str().to_owned(),
            id,
            kind,
            status: model::FacilityStatus::Active,
        })
    };
    let sources = (0..size.sources).map(|n| Ok(facility(source(n)?, model::FacilityKind::Hospital)));
    let viewers = (0..size.viewers).map(|n| Ok(facility(viewer(n)?, model::FacilityKind::Clinic)));
    sources.chain(viewers).collect()
}

/// What one source says before records flow: its scope, and for each patient links and one consent.
///
/// # Errors
/// As for [`source`].
pub fn agreements(size: Size, n: u32, now: Moment) -> Result<Vec<model::Event>, IdError> {
    let me = source(n)?;
    let mut bodies = vec![model::Body::Directory(model::DirectoryChange::Scope(model::DisclosureScope::of(
        me.clone(),
        vec![model::ScopeRule {
            categories: model::CategorySet::all(),
            viewer_kinds: model::FacilityKindSet::all(),
            viewer_roles: model::RoleSet::all(),
            departments: Vec::new(),
            author_roles: model::RoleSet::all(),
            labels: model::Labels::NONE,
            since: None,
            hold_back: model::HoldBack::None,
        }],
    )))];
    for number in 0..size.patients {
        let mine = patient(me.clone(), number)?;
        let mut viewers = Vec::new();
        for k in 0..size.audience {
            let viewer = viewer(audience_member(size, number, k))?;
            // A viewer's own numbers must differ between the sources, or their patients would become one person.
            let theirs = patient(viewer.clone(), n * size.patients + number)?;
            bodies.push(model::Body::Directory(model::DirectoryChange::Link(model::LinkChange::Linked(model::Link {
                id: model::LinkId::parse(&format!("l-{n}-{number}-{k}"))?,
                a: mine.clone(),
                b: theirs,
                evidence: model::LinkEvidence::ConsentForm,
                confirmed_by: administrator()?,
                confirmed_at: now,
            }))));
            viewers.push(viewer);
        }
        let consent = consent(&format!("c-{n}-{number}"), mine, viewers, now)?;
        bodies.push(model::Body::Consent(model::ConsentChange::Given(consent)));
    }
    bodies
        .into_iter()
        .enumerate()
        .map(|(i, body)| {
            let id = model::EventId::parse(&format!("setup-{n}-{i}"))?;
            Ok(model::Event { key: model::EventKey { source: me.clone(), id }, admitted_at: now, body })
        })
        .collect()
}

/// A consent to everything normal, for treatment, taken by the first viewer.
///
/// # Errors
/// As for [`source`].
pub fn consent(
    id: &str,
    patient: PatientRef,
    viewers: Vec<FacilityId>,
    now: Moment,
) -> Result<model::Consent, IdError> {
    Ok(model::Consent {
        id: model::ConsentId::parse(id)?,
        patient,
        viewers: model::Viewers::Facilities(viewers),
        state: model::ConsentState::Active,
        supersedes: None,
        period: model::Period::ALWAYS,
        data_period: model::Period::ALWAYS,
        categories: model::CategorySet::all(),
        departments: Vec::new(),
        labels: model::Labels::NONE,
        purposes: model::PurposeSet::of(model::Purpose::Treatment),
        exceptions: model::Exceptions::none(),
        signer: model::Signer::Patient,
        taken_by: viewer(0)?,
        signed_at: now,
        form_digest: String::new(),
        paper: Box::default(),
    })
}

/// The k-th viewer of a patient: neighbours on a ring, so that every viewer has the same number of patients.
fn audience_member(size: Size, patient: u32, k: u32) -> u32 {
    (patient + k) % size.viewers
}

/// How many of one source's patients the n-th viewer sees.
pub fn patients_of_viewer(size: Size, n: u32) -> u32 {
    let reached = |patient: u32| (0..size.audience).any(|k| audience_member(size, patient, k) == n);
    u32::try_from((0..size.patients).filter(|p| reached(*p)).count()).unwrap_or(u32::MAX)
}

/// Makes laboratory events of about one kilobyte.
#[derive(Debug)]
pub struct Records {
    source: FacilityId,
    run: String,
    patients: u32,
    padding: String,
}

impl Records {
    /// Records of the n-th source; `run` keeps their ids apart from those of earlier runs.
    ///
    /// # Errors
    /// As for [`source`].
    pub fn new(size: Size, n: u32, run: &str, event_bytes: usize) -> Result<Self, IdError> {
        // What the fixed fields of the event take, measured once on the wire.
        const FIXED: usize = 330;
        Ok(Self {
            source: source(n)?,
            run: run.to_owned(),
            patients: size.patients,
            padding: "あ".repeat(event_bytes.saturating_sub(FIXED) / 3),
        })
    }

    /// The i-th record, written down at `recorded`.
    ///
    /// # Errors
    /// When an id cannot be parsed.
    pub fn event(&self, i: u64, recorded: Moment) -> anyhow::Result<v1::Event> {
        let number = u32::try_from(i % u64::from(self.patients.max(1)))?;
        let text = format!("{}-{i}", self.run);
        let record = laboratory(&Row {
            source: &self.source,
            patient: number,
            id: &text,
            code: &code(0),
            padding: &self.padding,
            at: recorded,
        })?;
        let event = model::Event {
            key: model::EventKey { source: self.source.clone(), id: model::EventId::parse(&text)? },
            admitted_at: recorded,
            body: model::Body::Record(Box::new(record)),
        };
        Ok(v1::Event::from(&event))
    }
}

/// The n-th laboratory code of the bench.
pub fn code(n: u64) -> String {
    format!("3D046000001920{n:03}")
}

/// A viewer's own number for a patient of a source.
pub fn number_at_viewer(size: Size, source: u32, patient: u32) -> String {
    format!("{:08}", source * size.patients + patient)
}

/// One row of a large laboratory table.
///
/// # Errors
/// When an id cannot be parsed.
pub fn laboratory_row(
    source: &FacilityId,
    patient: u32,
    id: u64,
    code_number: u64,
    occurred: Moment,
) -> anyhow::Result<model::Record> {
    laboratory(&Row { source, patient, id: &format!("row-{id}"), code: &code(code_number), padding: "", at: occurred })
}

/// What differs between one bench record and the next.
struct Row<'a> {
    source: &'a FacilityId,
    patient: u32,
    id: &'a str,
    code: &'a str,
    padding: &'a str,
    at: Moment,
}

fn laboratory(row: &Row<'_>) -> anyhow::Result<model::Record> {
    let Row { source, patient: number, id, code, padding, at } = *row;
    let result = model::LabResult {
        code: model::Coding {
            system: model::CodeSystem::Jlac10,
            code: code.to_owned(),
            display: format!("HbA1c(NGSP){padding}"),
        },
        value: model::Value::Quantity {
            value: 5.0 + f64::from(number % 50) / 10.0,
            unit: "%".to_owned(),
            comparator: String::new(),
        },
        reference_low: Some(4.9),
        reference_high: Some(6.0),
        flag: String::new(),
        specimen: "019".to_owned(),
        status: model::LabStatus::Final,
        order: format!("o-{id}"),
        note: String::new(),
    };
    stored((source, number), id, at, model::Payload::Laboratory(result))
}

/// A record that stands, true and written down at a moment.
///
/// # Errors
/// When an id cannot be parsed.
pub(super) fn stored(
    (source, number): (&FacilityId, u32),
    id: &str,
    at: Moment,
    payload: model::Payload,
) -> anyhow::Result<model::Record> {
    Ok(model::Record::new(
        patient(source.clone(), number)?,
        model::RecordId::parse(id)?,
        model::Version::FIRST,
        payload.category(),
        at,
        at,
        model::Labels::NONE,
        None,
        model::Author { member: None, role: model::Role::LaboratoryStaff },
        model::ChangeKind::Upsert,
        Some(payload),
    )?)
}
