//! What facilities are told: a fold of the log, one entry for each notice.
//!
//! What consents and glasses cause is taken in with them. What the ledger's letters cause (receipts of withdrawals, and
//! that somebody was told) is followed in the control partition; how far that has come is written in the same act, so that
//! nothing rests on when the disk was synced. What the clock alone raises is worked out when it is asked for.

use super::glasses::Turn;
use super::laboratory::Found;
use super::places::LookError;
use super::{Register, RegisterError};
use event_log::{EventLog, ReadError, ReadLimit};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch};
use ingest::{ConsentReader as _, GlassStanding, Standing};
use ledger::Entry;
use model::{
    AuditEvent, Consent, ConsentId, ConsentState, Event, FacilityId, Moment, NoticeId, NoticeKind, Offset, PartitionId,
    PatientRef, Position, What,
};
use prost::Message as _;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use wire::v1;

/// How long a broken glass waits for its review before that is a notice of its own.
pub const UNREVIEWED_AFTER: i64 = 3 * 24 * 3_600_000_000;
/// How many rings a slow listener may miss before it looks for itself.
const RINGS: usize = 1024;
/// How long the log is waited for, and how long after a failure it is asked again.
const WAIT: Duration = Duration::from_secs(1);
/// The key under which the state says how far the control partition was followed.
const AUDITED: &[u8] = b"audited-2";

/// Notices on disk.
pub(super) struct Notices {
    /// facility, 0, cause, kind, member → notice
    kept: Keyspace,
    /// notice id → acknowledgement
    acknowledged: Keyspace,
    /// facility, 0, moment, consent id → nothing
    majorities: Keyspace,
    state: Keyspace,
    bell: broadcast::Sender<FacilityId>,
}

/// A notice with its id.
#[derive(Debug, Clone)]
pub struct Told {
    /// Its id.
    pub id: NoticeId,
    /// What it says, without the words.
    pub notice: v1::Notice,
}

impl Told {
    pub(super) fn new(id: NoticeId, raised: Moment, patient: Option<&PatientRef>, subject: &str) -> Self {
        let notice = v1::Notice {
            id: id.to_string(),
            kind: id.kind.code().to_owned(),
            patient: patient.map(Into::into),
            subject: subject.to_owned(),
            raised_us: raised.micros(),
            cause: Some(id.cause.into()),
            ..Default::default()
        };
        Self { id, notice }
    }
    /// About a glass: who broke it, and until when.
    fn of_glass(mut self, standing: &GlassStanding) -> Self {
        let glass = &standing.glass;
        glass.facility.as_str().clone_into(&mut self.notice.viewer);
        glass.member.as_str().clone_into(&mut self.notice.member);
        self.notice.set_role(glass.role.into());
        self.notice.until_us = Some(glass.until().micros());
        self
    }
}

// === impl Notices ===

impl Notices {
    pub(super) fn open(database: &Database) -> Result<Self, RegisterError> {
        let keyspace = |name: &str| database.keyspace(name, KeyspaceCreateOptions::default);
        Ok(Self {
            kept: keyspace("notices")?,
            acknowledged: keyspace("acknowledgements")?,
            majorities: keyspace("majorities")?,
            state: keyspace("notices-state")?,
            bell: broadcast::channel(RINGS).0,
        })
    }

    /// What a turn of a glass's story tells; the facility that is told.
    pub(super) fn of_turn(
        &self,
        batch: &mut OwnedWriteBatch,
        (position, event): (Position, &Event),
        (turn, standing): (Turn, &GlassStanding),
    ) -> FacilityId {
        let glass = &standing.glass;
        let source = glass.patient.facility();
        let told = |kind, facility: &FacilityId, member| NoticeId {
            kind,
            cause: position,
            facility: facility.clone(),
            member,
        };
        // Whoever did it need not be told.
        let to_source = turn == Turn::Broken || event.key.source != *source;
        let told = if to_source {
            let kind = if turn == Turn::Broken { NoticeKind::GlassBroken } else { NoticeKind::GlassClosed };
            Told::new(told(kind, source, None), event.admitted_at, Some(&glass.patient), glass.id.as_str())
        } else {
            let id = told(NoticeKind::GlassClosed, &glass.facility, Some(glass.member.clone()));
            Told::new(id, event.admitted_at, None, glass.id.as_str())
        };
        let facility = told.id.facility.clone();
        self.keep(batch, &told.of_glass(standing));
        facility
    }

    /// Remembers when a guardian's consent is to be asked about.
    pub(super) fn of_consent(&self, batch: &mut OwnedWriteBatch, consent: &Consent) {
        if let Some(majority) = consent.of_age_at(None) {
            let mut key = moment_key(consent.patient.facility(), majority);
            key.extend_from_slice(consent.id.as_str().as_bytes());
            batch.insert(&self.majorities, key, "");
        }
    }

    pub(super) fn keep(&self, batch: &mut OwnedWriteBatch, told: &Told) {
        batch.insert(&self.kept, key(&told.id), told.notice.encode_to_vec());
    }
    pub(super) fn ring(&self, facility: FacilityId) {
        // Nobody may be listening.
        let _ = self.bell.send(facility);
    }

    /// How far the control partition was followed.
    fn audited(&self) -> Result<Offset, RegisterError> {
        let bytes = self.state.get(AUDITED)?;
        let next = bytes.and_then(|bytes| Some(u64::from_be_bytes(bytes.as_ref().try_into().ok()?)));
        Ok(Offset(next.unwrap_or(0)))
    }

    /// Takes in what the ledger's letters cause.
    fn take(&self, batch: &mut OwnedWriteBatch, letters: &[Entry]) -> Result<Vec<FacilityId>, RegisterError> {
        let mut rung = Vec::new();
        let mut said_now = BTreeSet::new();
        for Entry { position, event } in letters {
            match &event.what {
                // The first stands, and it is of somebody whom the notice goes to.
                What::Acknowledgement { notice }
                    if event.agent.facility == notice.facility
                        && self.acknowledgement(notice)?.is_none_or(|(first, _)| first > *position)
                        && said_now.insert(notice) =>
                {
                    let said = acknowledgement(event, *position);
                    batch.insert(&self.acknowledged, notice.to_string(), said.encode_to_vec());
                    rung.push(notice.facility.clone());
                }
                What::Receipt(receipt) => {
                    let id = |kind, facility: &FacilityId| NoticeId {
                        kind,
                        cause: *position,
                        facility: facility.clone(),
                        member: None,
                    };
                    let source = receipt.patient.facility();
                    let (patient, consent) = (Some(&receipt.patient), receipt.consent.as_str());
                    self.keep(batch, &Told::new(id(NoticeKind::ReceiptReady, source), event.ended, patient, consent));
                    rung.push(source.clone());
                    // Whoever had seen nothing has lost nothing.
                    let lost = receipt.hidden.iter().filter(|(at, rows)| !rows.is_empty() && *at != source);
                    for (facility, _) in lost {
                        let id = id(NoticeKind::ConsentWithdrawn, facility);
                        self.keep(batch, &Told::new(id, event.ended, None, ""));
                        rung.push(facility.clone());
                    }
                }
                _ => {}
            }
        }
        Ok(rung)
    }

    pub(super) fn acknowledgement(
        &self,
        id: &NoticeId,
    ) -> Result<Option<(Position, v1::Acknowledgement)>, RegisterError> {
        let bytes = self.acknowledged.get(id.to_string())?;
        let read = bytes.and_then(|bytes| v1::Acknowledgement::decode(bytes.as_ref()).ok());
        Ok(read.and_then(|said| Some((said.position?.into(), said))))
    }

    /// What was kept for a facility, in the order of its causes.
    fn of(&self, facility: &FacilityId) -> Result<Vec<Told>, RegisterError> {
        let mut found = Vec::new();
        for guard in self.kept.prefix(prefix(facility)) {
            let bytes = guard.value()?;
            let Ok(notice) = v1::Notice::decode(bytes.as_ref()) else { continue };
            let Ok(id) = notice.id.parse() else { continue };
            found.push(Told { id, notice });
        }
        Ok(found)
    }

    /// Whose consents came of age by `now`.
    fn of_age(&self, facility: &FacilityId, now: Moment) -> Result<Vec<ConsentId>, RegisterError> {
        let start = prefix(facility);
        let mut ids = Vec::new();
        for guard in self.majorities.prefix(&start) {
            let key = guard.key()?;
            let Some((moment, id)) = key.strip_prefix(start.as_slice()).and_then(|rest| rest.split_first_chunk::<8>())
            else {
                continue;
            };
            if *moment > sortable(now) {
                break;
            }
            ids.extend(std::str::from_utf8(id).ok().and_then(|id| ConsentId::parse(id).ok()));
        }
        Ok(ids)
    }
}

// === impl Register ===

impl Register {
    /// A facility's notices at a moment, with their acknowledgements, the newest first.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn notices_of(&self, facility: &FacilityId, now: Moment) -> Result<Vec<Told>, RegisterError> {
        let mut all = self.notices.of(facility)?;
        let unreviewed: Vec<Told> =
            all.iter().filter_map(|told| self.unreviewed(told, now).transpose()).collect::<Result<_, _>>()?;
        all.extend(unreviewed);
        let unacknowledged = self.unacknowledged(facility, &all, now)?;
        all.extend(unacknowledged);
        for id in self.notices.of_age(facility, now)? {
            all.extend(self.consent(&id).and_then(|standing| reconsent(&standing, facility, now)));
        }
        for told in &mut all {
            told.notice.acknowledged = match told.id.kind {
                NoticeKind::CriticalResult => self.critical_acknowledged(&told.id)?,
                _ => self.notices.acknowledgement(&told.id)?.map(|(_, said)| said),
            };
        }
        all.sort_by(|a, b| (b.notice.raised_us, &b.id).cmp(&(a.notice.raised_us, &a.id)));
        Ok(all)
    }
    /// The corrections of a facility's own laboratory results that others are told of, those that somebody has not
    /// acknowledged first, then the newest first.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn corrections_of(&self, source: &FacilityId) -> Result<Vec<v1::Correction>, RegisterError> {
        let mut all = Vec::new();
        for (cause, entry) in self.laboratory.corrections_of(source)? {
            let Some(old) = entry.old() else { continue };
            let told = entry.told.iter().filter_map(|told| {
                let facility = FacilityId::parse(&told.facility).ok()?;
                let id = NoticeId { kind: NoticeKind::ResultCorrected, cause, facility, member: told.member()? };
                Some((id, told.raised_us))
            });
            let told = told.map(|(id, raised_us)| {
                let acknowledged = self.notices.acknowledgement(&id)?.map(|(_, said)| said);
                Ok(v1::CorrectionTold {
                    notice: id.to_string(),
                    facility: id.facility.as_str().to_owned(),
                    member: id.member.map(|member| member.as_str().to_owned()).unwrap_or_default(),
                    raised_us,
                    acknowledged,
                })
            });
            let told = told.collect::<Result<Vec<_>, RegisterError>>()?;
            let acknowledged = told.iter().filter(|told| told.acknowledged.is_some()).count();
            all.push(v1::Correction {
                cause: Some(cause.into()),
                patient: Some((&old.patient).into()),
                record: old.id.as_str().to_owned(),
                change: entry.change,
                corrected_us: entry.corrected_us,
                acknowledged: u32::try_from(acknowledged).unwrap_or(u32::MAX),
                told,
            });
        }
        all.sort_by_key(|one| (one.told.len() == one.acknowledged as usize, std::cmp::Reverse(one.corrected_us)));
        Ok(all)
    }
    /// Is rung with the facility that is told something, after it can be read here.
    pub fn notice_bell(&self) -> broadcast::Receiver<FacilityId> {
        self.notices.bell.subscribe()
    }
    /// How far notices have come, where the rest has come to `frontier`: everything before it can be read here.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn noticed(&self, frontier: &model::Frontier) -> Result<model::Frontier, RegisterError> {
        let audited = self.notices.audited()?;
        let cut = |(partition, next): (PartitionId, Offset)| {
            let behind = match self.laboratory.behind(partition)? {
                _ if partition == PartitionId::CONTROL => Some(audited),
                behind => behind.map(|position| position.offset),
            };
            Ok((partition, behind.map_or(next, |behind| behind.min(next))))
        };
        frontier.iter().map(cut).collect()
    }
    /// Follows the ledger's letters in the control partition, and looks at the laboratory records that were noted, until the
    /// log is closed.
    pub async fn follow_notices(&self, log: &Arc<dyn EventLog>) {
        loop {
            match self.follow_once(log).await {
                Ok(()) => {}
                Err(Followed::Closed) => return,
                Err(Followed::Failed(reason)) => {
                    tracing::error!(%reason, "notices stand still; they are tried again");
                    tokio::time::sleep(WAIT).await;
                }
            }
        }
    }

    async fn follow_once(&self, log: &Arc<dyn EventLog>) -> Result<(), Followed> {
        let has_todo = self.laboratory.has_todo()?;
        if has_todo {
            self.laboratory.caught_up(log).await?;
            let found = self.laboratory.look(log, &self.places, &self.alerts, &self.sites).await?;
            self.write(&[], None, &found)?;
        }
        // However much is to be looked at, people are told of the rest meanwhile.
        let wait = if has_todo { Duration::ZERO } else { WAIT };
        let from = self.notices.audited()?;
        let read = tokio::select! {
            read = log.read(PartitionId::CONTROL, from, ReadLimit::default(), wait) => read,
            () = self.laboratory.rung() => return Ok(()),
        };
        let letters = read.map_err(LookError::from)?;
        let Some(last) = letters.last().map(|stored| stored.position.offset) else { return Ok(()) };
        let entries = letters.into_iter().filter_map(|stored| {
            // A letter that cannot be read is counted and kept where the views are made.
            Entry::of(stored.position, &wire::read_event(stored.letter.payload).ok()?)
        });
        let entries: Vec<Entry> = entries.collect();
        let concerned = self.laboratory.concerned(&entries)?;
        let found = if concerned.is_empty() {
            Found::default()
        } else {
            self.laboratory.caught_up(log).await?;
            self.laboratory.tell_concerned(log, &self.places, concerned).await?
        };
        self.write(&entries, Some(last.next()), &found)?;
        Ok(())
    }

    /// Writes what the ledger's letters cause, and what was found in the laboratory, in one act.
    fn write(&self, entries: &[Entry], audited: Option<Offset>, found: &Found) -> Result<(), RegisterError> {
        let mut batch = self.database.batch();
        let mut rung = self.notices.take(&mut batch, entries)?;
        rung.extend(self.alerts.take(&mut batch, entries)?);
        rung.extend(self.worklists.take(&mut batch, entries)?);
        let beds = self.beds.take(&mut batch, entries);
        for critical in &found.criticals {
            self.alerts.keep(&mut batch, critical);
            rung.extend(critical.facilities().chain([critical.patient.facility().clone()]));
        }
        self.laboratory.remember(&mut batch, entries);
        self.laboratory.keep(&mut batch, found);
        for told in &found.told {
            self.notices.keep(&mut batch, told);
            rung.push(told.id.facility.clone());
        }
        if let Some(audited) = audited {
            batch.insert(&self.notices.state, AUDITED, audited.0.to_be_bytes());
        }
        batch.commit()?;
        self.beds.changed(&beds);
        rung.into_iter().for_each(|facility| self.notices.ring(facility));
        Ok(())
    }

    /// That a glass of this notice still waits for its review.
    fn unreviewed(&self, told: &Told, now: Moment) -> Result<Option<Told>, RegisterError> {
        let Told { id, notice } = told;
        let due = Moment::from_micros(notice.raised_us.saturating_add(UNREVIEWED_AFTER));
        let (NoticeKind::GlassBroken, Ok(due)) = (id.kind, due) else { return Ok(None) };
        let Some(standing) = (due <= now).then(|| self.glass_of(notice)).transpose()?.flatten() else {
            return Ok(None);
        };
        if standing.review.is_some() {
            return Ok(None);
        }
        let id = NoticeId { kind: NoticeKind::GlassUnreviewed, ..id.clone() };
        let glass = &standing.glass;
        Ok(Some(Told::new(id, due, Some(&glass.patient), glass.id.as_str()).of_glass(&standing)))
    }
    fn glass_of(&self, notice: &v1::Notice) -> Result<Option<GlassStanding>, RegisterError> {
        let patient = notice.patient.clone().and_then(|patient| PatientRef::try_from(patient).ok());
        let facility = FacilityId::parse(&notice.viewer).ok();
        let glass = model::GlassId::parse(&notice.subject).ok();
        let (Some(patient), Some(facility), Some(glass)) = (patient, facility, glass) else { return Ok(None) };
        self.glasses.find(&facility, &patient, &glass)
    }
}

/// Why the control partition is not followed further.
enum Followed {
    Closed,
    Failed(String),
}

impl From<LookError> for Followed {
    fn from(error: LookError) -> Self {
        match error {
            LookError::Log(ReadError::Closed) => Self::Closed,
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<RegisterError> for Followed {
    fn from(error: RegisterError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// That a guardian's consent which still opens something is to be asked about.
fn reconsent(standing: &Standing, facility: &FacilityId, now: Moment) -> Option<Told> {
    let Standing { consent, withdrawn_at, position } = standing;
    let majority = consent.of_age_at(None).filter(|majority| *majority <= now)?;
    let opens = consent.state == ConsentState::Active
        && withdrawn_at.is_none()
        && consent.period.until().is_none_or(|until| now < until);
    if !opens || consent.patient.facility() != facility {
        return None;
    }
    let (cause, facility) = (*position, facility.clone());
    let id = NoticeId { kind: NoticeKind::ReconsentDue, cause, facility, member: None };
    Some(Told::new(id, majority, Some(&consent.patient), consent.id.as_str()))
}

pub(super) fn acknowledgement(event: &AuditEvent, position: Position) -> v1::Acknowledgement {
    let mut said = v1::Acknowledgement {
        member: event.agent.member.as_ref().map(|member| member.as_str().to_owned()).unwrap_or_default(),
        at_us: event.began.micros(),
        position: Some(position.into()),
        ..Default::default()
    };
    said.set_role(event.agent.role.into());
    said
}

fn prefix(facility: &FacilityId) -> Vec<u8> {
    let mut prefix = facility.as_str().as_bytes().to_vec();
    prefix.push(0);
    prefix
}

fn key(id: &NoticeId) -> Vec<u8> {
    let mut key = prefix(&id.facility);
    key.extend_from_slice(&id.cause.partition.0.to_be_bytes());
    key.extend_from_slice(&id.cause.offset.0.to_be_bytes());
    key.push(id.kind as u8);
    key.extend_from_slice(id.member.as_ref().map_or("", |member| member.as_str()).as_bytes());
    key
}

/// Bytes that sort as moments do, also before 1970.
fn sortable(moment: Moment) -> [u8; 8] {
    (moment.micros() ^ i64::MIN).to_be_bytes()
}

fn moment_key(facility: &FacilityId, moment: Moment) -> Vec<u8> {
    let mut key = prefix(facility);
    key.extend_from_slice(&sortable(moment));
    key
}

#[cfg(test)]
mod tests;
