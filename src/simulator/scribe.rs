//! Writing events down: ids, versions and keys that are unique within a simulation and the same for the same seed.

use super::SimulationError;
use model::{
    Author, Body, ChangeKind, CodeSystem, Coding, ConsentChange, DepartmentCode, DirectoryChange, Event, EventId,
    EventKey, FacilityId, Labels, Moment, PatientRef, Payload, Record, RecordId, Version,
};

/// What a new record says.
pub(super) struct Draft<'a> {
    pub(super) patient: &'a PatientRef,
    /// Begins the record id: `lab`, `vital` …
    pub(super) kind: &'static str,
    pub(super) occurred: Moment,
    pub(super) recorded: Moment,
    pub(super) labels: Labels,
    /// SS-MIX2 department code; empty for none.
    pub(super) department: &'static str,
    pub(super) author: Author,
    pub(super) payload: Payload,
}

/// Gives out ids.
#[derive(Debug)]
pub(super) struct Scribe {
    prefix: String,
    serial: u64,
}

impl Scribe {
    /// Ids begin with the seed, so that two simulations may be played into one node.
    pub(super) fn new(seed: u64) -> Self {
        Self { prefix: format!("s{seed}"), serial: 0 }
    }
    /// The next id of a kind, unique in the simulation.
    pub(super) fn id(&mut self, kind: &str) -> String {
        self.serial += 1;
        format!("{}-{kind}-{:07}", self.prefix, self.serial)
    }
    /// The first version of a new record.
    pub(super) fn record(&mut self, draft: Draft<'_>) -> Result<Event, SimulationError> {
        let id = RecordId::parse(&self.id(draft.kind))?;
        let department = match draft.department {
            "" => None,
            code => Some(DepartmentCode::parse(code)?),
        };
        let record = Record::new(
            draft.patient.clone(),
            id,
            Version::FIRST,
            draft.payload.category(),
            draft.occurred,
            draft.recorded,
            draft.labels,
            department,
            draft.author,
            ChangeKind::Upsert,
            Some(draft.payload),
        )?;
        event_of(record)
    }
    /// A consent change, said by `source`.
    pub(super) fn consent(
        &mut self,
        source: &FacilityId,
        at: Moment,
        change: ConsentChange,
    ) -> Result<Event, SimulationError> {
        let id = EventId::parse(&self.id("consent"))?;
        Ok(Event { key: EventKey { source: source.clone(), id }, admitted_at: at, body: Body::Consent(change) })
    }
    /// A directory change, said by `source`.
    pub(super) fn directory(
        &mut self,
        source: &FacilityId,
        at: Moment,
        change: DirectoryChange,
    ) -> Result<Event, SimulationError> {
        let id = EventId::parse(&self.id("directory"))?;
        Ok(Event { key: EventKey { source: source.clone(), id }, admitted_at: at, body: Body::Directory(change) })
    }
}

/// How a record changes after it was written.
pub(super) struct Amendment {
    pub(super) change: ChangeKind,
    pub(super) recorded: Moment,
    pub(super) labels: Labels,
    pub(super) payload: Option<Payload>,
}

/// The version that follows `earlier`.
pub(super) fn amend(earlier: &Record, amendment: Amendment) -> Result<Event, SimulationError> {
    let version = Version::new(earlier.version.get().saturating_add(1)).unwrap_or(Version::FIRST);
    let record = Record::new(
        earlier.patient.clone(),
        earlier.id.clone(),
        version,
        earlier.category(),
        earlier.occurred,
        amendment.recorded,
        amendment.labels,
        earlier.department.clone(),
        earlier.author.clone(),
        amendment.change,
        amendment.payload,
    )?;
    event_of(record)
}

fn event_of(record: Record) -> Result<Event, SimulationError> {
    let id = EventId::parse(&format!("{}.{}", record.id.as_str(), record.version.get()))?;
    let key = EventKey { source: record.patient.facility().clone(), id };
    // The door stamps the moment of admission; until then it is when the source wrote the record down.
    Ok(Event { key, admitted_at: record.recorded, body: Body::Record(Box::new(record)) })
}

/// A coded concept.
pub(super) fn coding(system: CodeSystem, code: &str, display: &str) -> Coding {
    Coding { system, code: code.to_owned(), display: display.to_owned() }
}
