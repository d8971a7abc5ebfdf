//! Critical results on disk: who is told of one, and how far it has come: detected, notified, acknowledged, acted.
//!
//! What a notice says of it is worked out when it is asked for: the state is a fold of what happened until that moment
//! (`clinical::lab::Alert`), what escalates is raised by the clock, and what a caller may know is what their view shows them.

use super::critical::Alarm;
use super::known::{is_shown, own_number, reaches};
use super::places::{placed, position_of};
use super::{Register, RegisterError, Told, share_key};
use clinical::lab::{Alert, AlertEvent, AlertState, AlertStep, EscalationPolicy, Item};
use consent_filter::CLINICAL;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch};
use ledger::Entry;
use model::{FacilityId, Moment, NoticeId, NoticeKind, PatientRef, Position, Principal, Purpose, Record, Role, What};
use prost::Message as _;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use wire::v1;

const MINUTE: i64 = 60_000_000;

/// Critical results, and what was done about them.
pub(super) struct Alerts {
    /// patient ref, 0, position → [`CriticalEntry`]
    kept: Keyspace,
    /// notice id → the first delivery to a person
    delivered: Keyspace,
    /// notice id → the first action
    acted: Keyspace,
}

/// A critical result as it lies on disk.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct CriticalEntry {
    /// The event of the version that said it first.
    #[prost(bytes = "vec", tag = "1")]
    pub(super) event: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(super) item: String,
    #[prost(string, tag = "3")]
    pub(super) bound: String,
    #[prost(sfixed64, tag = "4")]
    pub(super) detected_us: i64,
    #[prost(sfixed64, optional, tag = "5")]
    pub(super) withdrawn_us: Option<i64>,
    /// The facilities in whose view it was.
    #[prost(string, repeated, tag = "6")]
    pub(super) facilities: Vec<String>,
    /// How long its publisher lets it wait.
    #[prost(uint32, tag = "7")]
    acknowledge_minutes: u32,
    #[prost(uint32, tag = "8")]
    act_minutes: u32,
}

impl fmt::Debug for CriticalEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CriticalEntry(******)")
    }
}

/// A critical result with its key's parts.
#[derive(Debug, Clone)]
pub(super) struct Critical {
    pub(super) patient: PatientRef,
    pub(super) cause: Position,
    pub(super) entry: CriticalEntry,
}

impl Critical {
    /// A version that raises an alarm.
    pub(super) fn of(cause: Position, (admitted, record, event): (Moment, &Record, Vec<u8>), alarm: Alarm) -> Self {
        let entry = CriticalEntry {
            event,
            item: alarm.item.key.to_owned(),
            bound: alarm.bound.code().to_owned(),
            detected_us: admitted.micros(),
            withdrawn_us: None,
            facilities: Vec::new(),
            acknowledge_minutes: alarm.policy.acknowledge_minutes,
            act_minutes: alarm.policy.act_minutes,
        };
        Self { patient: record.patient.clone(), cause, entry }
    }
    pub(super) fn key(&self) -> Vec<u8> {
        placed(&self.patient.partition_key(), self.cause)
    }
    fn detected(&self) -> Option<Moment> {
        Moment::from_micros(self.entry.detected_us).ok()
    }
    fn record(&self) -> Option<Record> {
        super::laboratory::record_of(super::entry::event_of(&self.entry.event)?)
    }
    /// When it escalates unless somebody acknowledges it.
    fn due(&self) -> Option<Moment> {
        Some(self.detected()?.plus_micros(i64::from(self.entry.acknowledge_minutes) * MINUTE))
    }
    fn notice_at(&self, facility: &FacilityId, kind: NoticeKind) -> NoticeId {
        NoticeId { kind, cause: self.cause, facility: facility.clone(), member: None }
    }
    /// Fills in whose view it is in, by the moment and the place it came.
    pub(super) fn see(&mut self, viewers: impl FnOnce((Position, Moment), &Record) -> Vec<FacilityId>) {
        if let (Some(record), Some(detected)) = (self.record(), self.detected()) {
            let reached = viewers((self.cause, detected), &record);
            self.entry.facilities = reached.into_iter().map(|facility| facility.as_str().to_owned()).collect();
        }
    }
    pub(super) fn facilities(&self) -> impl Iterator<Item = FacilityId> {
        self.entry.facilities.iter().filter_map(|facility| FacilityId::parse(facility).ok())
    }
    /// What the facilities in whose view it is are told.
    pub(super) fn notices(&self) -> Vec<Told> {
        let (Some(raised), Some(record)) = (self.detected(), self.record()) else { return Vec::new() };
        let told = |facility: FacilityId| {
            let id = self.notice_at(&facility, NoticeKind::CriticalResult);
            self.told(id, raised, &record)
        };
        self.facilities().map(told).collect()
    }
    fn told(&self, id: NoticeId, raised: Moment, record: &Record) -> Told {
        let mut told = Told::new(id, raised, Some(&self.patient), record.id.as_str());
        self.patient.facility().as_str().clone_into(&mut told.notice.source);
        told
    }
    /// What is said of it to those who may see it.
    fn value(&self, steps: &Steps) -> v1::CriticalValue {
        let item = Item::by_key(&self.entry.item);
        v1::CriticalValue {
            bound: self.entry.bound.clone(),
            item: self.entry.item.clone(),
            item_ja: item.map(|item| item.ja.to_owned()).unwrap_or_default(),
            item_en: item.map(|item| item.en.to_owned()).unwrap_or_default(),
            detected_us: self.entry.detected_us,
            due_us: self.due().map(Moment::micros).unwrap_or_default(),
            withdrawn_us: self.entry.withdrawn_us,
            delivered: steps.delivered.clone(),
            acted: steps.acted.clone(),
        }
    }
}

/// What has happened at one facility.
#[derive(Debug, Clone, Default)]
struct Steps {
    delivered: Option<v1::Acknowledgement>,
    acknowledged: Option<v1::Acknowledgement>,
    acted: Option<v1::Acted>,
}

impl Steps {
    /// The way so far. Delivery is left out where it is asked what is overdue: a list that somebody opened gives nobody
    /// more time.
    fn alert(&self, critical: &Critical, moment: Moment, with_delivery: bool) -> Option<Alert> {
        let mut events = vec![(Some(critical.entry.detected_us), AlertStep::Detected)];
        if let Some(said) = self.delivered.as_ref().filter(|_| with_delivery) {
            events.push((Some(said.at_us), AlertStep::Notified { whom: said.member.clone() }));
        }
        if let Some(said) = &self.acknowledged {
            events.push((Some(said.at_us), AlertStep::Acknowledged { by: said.member.clone() }));
        }
        if let Some(acted) = &self.acted {
            events.push((Some(acted.at_us), AlertStep::Acted { by: acted.member.clone() }));
        }
        events.push((critical.entry.withdrawn_us, AlertStep::Withdrawn));
        let events = events.into_iter().filter_map(|(at, step)| {
            // What somebody's clock puts before the detection happened after it all the same.
            let at = Moment::from_micros(at?.max(critical.entry.detected_us)).ok()?;
            Some(AlertEvent { at, step })
        });
        Alert::at(&events.collect::<Vec<_>>(), moment)
    }
    fn state(&self, critical: &Critical, moment: Moment) -> AlertState {
        self.alert(critical, moment, true).map_or(AlertState::Detected, |alert| alert.state())
    }
    /// Whether the present step has taken too long.
    fn is_overdue(&self, critical: &Critical, moment: Moment) -> bool {
        let CriticalEntry { acknowledge_minutes, act_minutes, .. } = critical.entry;
        let policy = EscalationPolicy { acknowledge_minutes, act_minutes };
        self.alert(critical, moment, false).is_some_and(|alert| alert.escalation(policy, moment).is_some())
    }
    /// Whether nobody had acknowledged it when it was due, and it was due by now.
    fn has_escalated(&self, critical: &Critical, now: Moment) -> bool {
        critical.due().is_some_and(|due| {
            let then = self.alert(critical, due, false);
            due <= now && then.is_some_and(|alert| alert.state() == AlertState::Detected)
        })
    }
}

// === impl Alerts ===

impl Alerts {
    pub(super) fn open(database: &Database) -> Result<Self, RegisterError> {
        let keyspace = |name: &str| database.keyspace(name, KeyspaceCreateOptions::default);
        Ok(Self {
            kept: keyspace("criticals")?,
            delivered: keyspace("critical-deliveries")?,
            acted: keyspace("critical-actions")?,
        })
    }
    pub(super) fn keep(&self, batch: &mut OwnedWriteBatch, critical: &Critical) {
        batch.insert(&self.kept, critical.key(), critical.entry.encode_to_vec());
    }
    pub(super) fn find(&self, patient: &PatientRef, cause: Position) -> Result<Option<Critical>, RegisterError> {
        let bytes = self.kept.get(placed(&patient.partition_key(), cause))?;
        let entry = bytes.and_then(|bytes| CriticalEntry::decode(bytes.as_ref()).ok());
        Ok(entry.map(|entry| Critical { patient: patient.clone(), cause, entry }))
    }
    /// A publisher's critical results.
    fn of(&self, source: &FacilityId) -> Result<Vec<Critical>, RegisterError> {
        let mut found = Vec::new();
        for guard in self.kept.prefix(share_key(source.as_str().as_bytes(), "")) {
            let (key, bytes) = guard.into_inner()?;
            let (Some(cause), Ok(entry)) = (position_of(&key), CriticalEntry::decode(bytes.as_ref())) else { continue };
            let event = super::entry::event_of(&entry.event);
            let Some(record) = event.and_then(super::laboratory::record_of) else { continue };
            found.push(Critical { patient: record.patient, cause, entry });
        }
        Ok(found)
    }

    /// Takes in that somebody was told, or acted. The first of each stands, and it is of the facility it goes to.
    pub(super) fn take(
        &self,
        batch: &mut OwnedWriteBatch,
        entries: &[Entry],
    ) -> Result<Vec<FacilityId>, RegisterError> {
        let mut rung = Vec::new();
        // What is in the batch cannot be read yet.
        let mut now = BTreeMap::new();
        for Entry { position, event } in entries {
            let (keyspace, notice, bytes) = match &event.what {
                What::Delivery { notice } => {
                    (&self.delivered, notice, super::notices::acknowledgement(event, *position).encode_to_vec())
                }
                What::Action { notice, .. } => (&self.acted, notice, acted(event, *position)),
                _ => continue,
            };
            let is_its = notice.kind == NoticeKind::CriticalResult && event.agent.facility == notice.facility;
            let key = (notice.to_string(), event.what.act());
            if is_its && !keyspace.contains_key(&key.0)? && now.insert(key, ()).is_none() {
                batch.insert(keyspace, notice.to_string(), bytes);
                rung.push(notice.facility.clone());
            }
        }
        Ok(rung)
    }
    fn delivered(&self, id: &NoticeId) -> Result<Option<v1::Acknowledgement>, RegisterError> {
        let bytes = self.delivered.get(id.to_string())?;
        Ok(bytes.and_then(|bytes| v1::Acknowledgement::decode(bytes.as_ref()).ok()))
    }
    fn acted(&self, id: &NoticeId) -> Result<Option<v1::Acted>, RegisterError> {
        let bytes = self.acted.get(id.to_string())?;
        Ok(bytes.and_then(|bytes| v1::Acted::decode(bytes.as_ref()).ok()))
    }
}

fn acted(event: &model::AuditEvent, position: Position) -> Vec<u8> {
    let What::Action { action, remark, .. } = &event.what else { return Vec::new() };
    let mut acted = v1::Acted {
        member: event.agent.member.as_ref().map(|member| member.as_str().to_owned()).unwrap_or_default(),
        at_us: event.began.micros(),
        position: Some(position.into()),
        remark: remark.as_str().to_owned(),
        ..Default::default()
    };
    acted.set_role(event.agent.role.into());
    acted.set_action((*action).into());
    acted.encode_to_vec()
}

// === impl Register ===

impl Register {
    fn steps(&self, id: &NoticeId) -> Result<Steps, RegisterError> {
        let (delivered, acted) = (self.alerts.delivered(id)?, self.alerts.acted(id)?);
        // Who acts knows.
        let known = acted.as_ref().map(|acted| v1::Acknowledgement {
            member: acted.member.clone(),
            role: acted.role,
            at_us: acted.at_us,
            position: acted.position,
        });
        let acknowledged = self.notices.acknowledgement(id)?.map(|(_, said)| said);
        let earlier = |said: &v1::Acknowledgement| said.position.map(Position::from);
        let acknowledged = [acknowledged, known].into_iter().flatten().min_by_key(earlier);
        Ok(Steps { delivered, acknowledged, acted })
    }

    /// That a critical result was acknowledged, by whom said so or acted first.
    pub(super) fn critical_acknowledged(&self, id: &NoticeId) -> Result<Option<v1::Acknowledgement>, RegisterError> {
        Ok(self.steps(id)?.acknowledged)
    }

    /// What of a facility's critical results, or of those published by it, nobody has acknowledged in time.
    pub(super) fn unacknowledged(
        &self,
        facility: &FacilityId,
        kept: &[Told],
        now: Moment,
    ) -> Result<Vec<Told>, RegisterError> {
        let mut all = Vec::new();
        for told in kept.iter().filter(|told| told.id.kind == NoticeKind::CriticalResult) {
            if let Some(critical) = self.critical_of(told)?
                && self.steps(&told.id)?.has_escalated(&critical, now)
            {
                all.extend(escalated(&critical, facility, Vec::new()));
            }
        }
        for critical in self.alerts.of(facility)? {
            if critical.due().is_none_or(|due| due > now) {
                continue;
            }
            let mut waiting = Vec::new();
            for at in critical.facilities() {
                let id = critical.notice_at(&at, NoticeKind::CriticalResult);
                if self.steps(&id)?.has_escalated(&critical, now) {
                    waiting.push(at.as_str().to_owned());
                }
            }
            if !waiting.is_empty() {
                all.extend(escalated(&critical, facility, waiting));
            }
        }
        Ok(all)
    }

    fn critical_of(&self, told: &Told) -> Result<Option<Critical>, RegisterError> {
        let patient = told.notice.patient.clone().and_then(|patient| PatientRef::try_from(patient).ok());
        let Some(patient) = patient else { return Ok(None) };
        self.alerts.find(&patient, told.id.cause)
    }

    /// A notice of a critical result as this caller may know it; `None` where it is not for them: the facility is shown the
    /// result, and they are not.
    pub(super) fn critical_known_to(
        &self,
        caller: &Principal,
        told: Told,
        now: Moment,
    ) -> Result<Option<Told>, RegisterError> {
        let Some(critical) = self.critical_of(&told)? else { return Ok(None) };
        let Some(record) = critical.record() else { return Ok(None) };
        let Told { id, mut notice } = told;
        let steps = self.steps(&critical.notice_at(&id.facility, NoticeKind::CriticalResult))?;
        if critical.patient.facility() == &id.facility {
            // Its clerks and administrators telephone; they see no clinical data.
            notice.critical = sees_clinical_data(caller.role).then(|| critical.value(&steps));
            return Ok(Some(Told { id, notice }));
        }
        let book = self.book.read();
        // It is told for the treatment of the patient, whatever the caller is signed in for.
        let treating = Principal { purpose: Purpose::Treatment, ..caller.clone() };
        let (shown, reached) = (is_shown(&book, &record, &treating, now), reaches(&book, &record, &id.facility, now));
        let own = own_number(&book, &critical.patient, &id.facility).filter(|_| reached);
        notice.patient = own.map(v1::PatientRef::from);
        drop(book);
        if shown {
            notice.critical = Some(critical.value(&steps));
        } else {
            notice.subject = String::new();
            if reached && id.kind == NoticeKind::CriticalResult {
                return Ok(None);
            }
        }
        Ok(Some(Told { id, notice }))
    }

    /// The critical values among a facility's own results that others are told of, overdue ones first, then the newest.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn criticals_of(&self, source: &FacilityId, now: Moment) -> Result<Vec<v1::Critical>, RegisterError> {
        let mut all = Vec::new();
        for critical in self.alerts.of(source)? {
            let Some(record) = critical.record().filter(|_| !critical.entry.facilities.is_empty()) else { continue };
            let mut told = Vec::new();
            for facility in critical.facilities() {
                let id = critical.notice_at(&facility, NoticeKind::CriticalResult);
                let steps = self.steps(&id)?;
                told.push(v1::CriticalTold {
                    notice: id.to_string(),
                    facility: facility.as_str().to_owned(),
                    state: steps.state(&critical, now).code().to_owned(),
                    overdue: steps.is_overdue(&critical, now),
                    delivered: steps.delivered,
                    acknowledged: steps.acknowledged,
                    acted: steps.acted,
                });
            }
            all.push(v1::Critical {
                cause: Some(critical.cause.into()),
                patient: Some((&critical.patient).into()),
                record: record.id.as_str().to_owned(),
                value: Some(critical.value(&Steps::default())),
                told,
            });
        }
        let overdue = |one: &v1::Critical| one.told.iter().any(|told| told.overdue);
        let detected = |one: &v1::Critical| one.value.as_ref().map(|value| value.detected_us);
        all.sort_by_key(|one| (Reverse(overdue(one)), Reverse(detected(one))));
        Ok(all)
    }
}

/// Whether a role sees clinical data at all; a facility's own system stands for all of them.
pub fn sees_clinical_data(role: Role) -> bool {
    CLINICAL.contains(role) || role == Role::System
}

/// That a critical result was not acknowledged in time: to the facility where it was not, or to its publisher, with where.
fn escalated(critical: &Critical, facility: &FacilityId, waiting_at: Vec<String>) -> Option<Told> {
    let (due, record) = (critical.due()?, critical.record()?);
    let mut told = critical.told(critical.notice_at(facility, NoticeKind::CriticalUnacknowledged), due, &record);
    told.notice.until_us = Some(due.micros());
    told.notice.waiting_at = waiting_at;
    Some(told)
}
