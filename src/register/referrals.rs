//! Referrals and what became of them.
//!
//! The first statement of an id at a sending facility stands; of steps those that follow, in the order of the partition.

use super::entry::{event_bytes, event_of};
use super::known::{own_number, reaches};
use super::{Register, RegisterError, Told, share_key};
use consent_filter::{Book, ScopeClass};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch};
use model::{
    Author, Body, Category, ChangeKind, ConsentId, Event, FacilityId, Labels, Message, Moment, NoticeId, NoticeKind,
    Payload, Position, Principal, Record, RecordId, Referral, ReferralChange, ReferralId, ReferralStep, ReferralTurn,
    Role, Version,
};
use prost::Message as _;
use std::borrow::Cow;
use std::fmt;
use wire::v1;

/// Referrals on disk.
pub(super) struct Referrals {
    /// sending facility, 0, id → [`Stored`]
    kept: Keyspace,
    /// facility at either end, 0, from when, the key above → nothing
    ends: Keyspace,
}

/// A referral as it lies on disk.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct Stored {
    #[prost(message, repeated, tag = "1")]
    letters: Vec<StoredLetter>,
}

/// The event that sent it or took a step, and where it lies.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct StoredLetter {
    #[prost(message, tag = "1")]
    position: Option<v1::Position>,
    #[prost(bytes = "vec", tag = "2")]
    event: Vec<u8>,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stored(******)")
    }
}

impl fmt::Debug for StoredLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredLetter(******)")
    }
}

/// A referral and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferralStanding {
    /// It.
    pub referral: Referral,
    /// Its place in the log.
    pub position: Position,
    /// What became of it, in order, each with its place in the log.
    pub turns: Vec<(Position, ReferralTurn)>,
}

impl ReferralStanding {
    /// The last step.
    pub fn step(&self) -> Option<ReferralStep> {
        self.turns.last().map(|(_, turn)| turn.step)
    }
    /// Whether somebody's step is waited for.
    pub fn is_open(&self) -> bool {
        !matches!(self.step(), Some(ReferralStep::Cancelled | ReferralStep::Closed))
    }
    /// The consent that was stated for it.
    pub fn opens(&self) -> Option<&ConsentId> {
        self.referral.opens.as_ref()
    }
    fn of(stored: &Stored) -> Option<Self> {
        let mut letters = stored.letters.iter().filter_map(|letter| {
            let position = letter.position?.into();
            match event_of(&letter.event)?.body {
                Body::Referral(change) => Some((position, *change)),
                _ => None,
            }
        });
        let (position, ReferralChange::Sent(referral)) = letters.next()? else { return None };
        let turns = letters.filter_map(|(position, change)| match change {
            ReferralChange::Turned(turn) => Some((position, turn)),
            ReferralChange::Sent(_) => None,
        });
        Some(Self { referral, position, turns: turns.collect() })
    }
}

// === impl Referrals ===

impl Referrals {
    pub(super) fn open(database: &Database) -> Result<Self, RegisterError> {
        let keyspace = |name: &str| database.keyspace(name, KeyspaceCreateOptions::default);
        Ok(Self { kept: keyspace("referrals")?, ends: keyspace("referral-ends")? })
    }

    /// Takes in what is said of a referral; the notice it causes, where it stands.
    pub(super) fn apply(
        &self,
        batch: &mut OwnedWriteBatch,
        position: Position,
        (event, change): (&Event, &ReferralChange),
    ) -> Result<Option<Told>, RegisterError> {
        let key = share_key(change.patient().facility().as_str().as_bytes(), change.id().as_str());
        let known = self.stored(&key)?;
        let letter = StoredLetter { position: Some(position.into()), event: event_bytes(event) };
        match (change, known) {
            (ReferralChange::Sent(_), Some(_)) | (ReferralChange::Turned(_), None) => Ok(None),
            (ReferralChange::Sent(referral), None) => {
                batch.insert(&self.kept, &key, Stored { letters: vec![letter] }.encode_to_vec());
                for end in [referral.from(), referral.to()] {
                    batch.insert(&self.ends, end_key(end, event.admitted_at, &key), "");
                }
                let id = notice(NoticeKind::ReferralReceived, position, referral.to());
                let mut told = Told::new(id, event.admitted_at, Some(referral.patient()), referral.id.as_str());
                referral.from().as_str().clone_into(&mut told.notice.source);
                Ok(Some(told))
            }
            (ReferralChange::Turned(turn), Some(mut stored)) => {
                let Some(standing) = ReferralStanding::of(&stored) else { return Ok(None) };
                let ReferralStanding { referral, position: sent, turns } = &standing;
                let is_new = turns.last().map_or(*sent, |(last, _)| *last) < position;
                let is_of_it = (referral.patient(), referral.to()) == (&turn.patient, &turn.to);
                if !is_new || !is_of_it || !turn.step.may_follow(standing.step()) {
                    return Ok(None);
                }
                stored.letters.push(letter);
                batch.insert(&self.kept, &key, stored.encode_to_vec());
                let other = if turn.step.is_receivers() { referral.from() } else { referral.to() };
                let id = notice(NoticeKind::ReferralTurned, position, other);
                let mut told = Told::new(id, event.admitted_at, Some(referral.patient()), referral.id.as_str());
                turn.facility().as_str().clone_into(&mut told.notice.source);
                told.notice.set_referral_step(turn.step.into());
                Ok(Some(told))
            }
        }
    }

    fn stored(&self, key: &[u8]) -> Result<Option<Stored>, RegisterError> {
        Ok(self.kept.get(key)?.and_then(|bytes| Stored::decode(bytes.as_ref()).ok()))
    }

    fn find(&self, from: &FacilityId, id: &ReferralId) -> Result<Option<ReferralStanding>, RegisterError> {
        let stored = self.stored(&share_key(from.as_str().as_bytes(), id.as_str()))?;
        Ok(stored.as_ref().and_then(ReferralStanding::of))
    }
}

// === impl Register ===

impl Register {
    pub(super) fn apply_referral(
        &self,
        position: Position,
        event: &Event,
        change: &ReferralChange,
    ) -> Result<(), RegisterError> {
        let mut batch = self.database.batch();
        let told = self.referrals.apply(&mut batch, position, (event, change))?;
        if let Some(told) = &told {
            self.notices.keep(&mut batch, told);
        }
        batch.commit()?;
        told.into_iter().for_each(|told| self.notices.ring(told.id.facility));
        Ok(())
    }

    /// A referral by its sending facility and its id there.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn referral(&self, from: &FacilityId, id: &ReferralId) -> Result<Option<ReferralStanding>, RegisterError> {
        self.referrals.find(from, id)
    }

    /// A facility's referrals, sent and received, the newest first, given to `visit` until it answers `false`.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn referrals_of(
        &self,
        facility: &FacilityId,
        visit: &mut dyn FnMut(ReferralStanding) -> bool,
    ) -> Result<(), RegisterError> {
        let start = end_prefix(facility);
        for guard in self.referrals.ends.prefix(&start).rev() {
            let key = guard.key()?;
            let Some(key) = key.strip_prefix(start.as_slice()).and_then(|rest| rest.get(8..)) else { continue };
            let standing = self.referrals.stored(key)?.as_ref().and_then(ReferralStanding::of);
            if let Some(standing) = standing
                && !visit(standing)
            {
                break;
            }
        }
        Ok(())
    }

    /// Whether a caller of the receiving facility is shown a referral now: as they would be a message of the patient's
    /// record. The sending facility knows what it wrote.
    pub fn shows_referral(&self, referral: &Referral, caller: &Principal, now: Moment) -> bool {
        if caller.facility == *referral.from() {
            return true;
        }
        let book = self.book.read();
        let Some(message) = as_message(&book, referral) else { return false };
        let book = knowing(&book, &message);
        super::known::is_shown(&book, &message, caller, now)
    }

    /// Whether anybody at the receiving facility is shown a referral now.
    pub fn referral_reaches(&self, referral: &Referral, now: Moment) -> bool {
        let book = self.book.read();
        let Some(message) = as_message(&book, referral) else { return false };
        let book = knowing(&book, &message);
        reaches(&book, &message, referral.to(), now)
    }

    /// The patient of a referral as a facility knows them, if links join the two.
    pub fn referred_as(&self, referral: &Referral, facility: &FacilityId) -> Option<model::PatientRef> {
        own_number(&self.book.read(), referral.patient(), facility).cloned()
    }

    /// Brings a notice of a referral to what this caller may know of it now.
    pub(super) fn referral_known_to(
        &self,
        caller: &Principal,
        told: Told,
        now: Moment,
    ) -> Result<Option<Told>, RegisterError> {
        let Told { id, mut notice } = told;
        let patient = notice.patient.take().and_then(|patient| model::PatientRef::try_from(patient).ok());
        let Some(patient) = patient else { return Ok(Some(Told { id, notice })) };
        let sent = ReferralId::parse(&notice.subject).ok();
        let standing = sent.map(|sent| self.referrals.find(patient.facility(), &sent)).transpose()?.flatten();
        if standing.is_some_and(|standing| self.shows_referral(&standing.referral, caller, now)) {
            notice.patient = own_number(&self.book.read(), &patient, &id.facility).map(v1::PatientRef::from);
        }
        Ok(Some(Told { id, notice }))
    }
}

/// A referral as a record: a message of the sending facility about the patient, by who refers.
fn as_message(book: &Book, referral: &Referral) -> Option<Record> {
    let role = book.member(&referral.by).map_or(Role::System, |member| member.role);
    let message = Message { subject: String::new(), text: String::new() };
    let record = Record::new(
        referral.patient().clone(),
        RecordId::parse("referral").ok()?,
        Version::new(1)?,
        Category::Message,
        referral.at,
        referral.at,
        Labels::NONE,
        None,
        Author { member: Some(referral.by.clone()), role },
        ChangeKind::Upsert,
        Some(Payload::Message(message)),
    );
    record.ok()
}

/// A book that has numbers for this record. Where no record of its class has come, a copy of the book is given them: the
/// book's own numbers belong to the tables.
fn knowing<'a>(book: &'a Book, record: &Record) -> Cow<'a, Book> {
    if book.find_class(&ScopeClass::of(record)).is_some() && book.find_patient(&record.patient).is_some() {
        return Cow::Borrowed(book);
    }
    let mut copy = book.clone();
    copy.facts(record);
    Cow::Owned(copy)
}

fn notice(kind: NoticeKind, cause: Position, facility: &FacilityId) -> NoticeId {
    NoticeId { kind, cause, facility: facility.clone(), member: None }
}

fn end_prefix(facility: &FacilityId) -> Vec<u8> {
    let mut key = facility.as_str().as_bytes().to_vec();
    key.push(0);
    key
}

/// Sorts by when the door admitted it.
fn end_key(facility: &FacilityId, at: Moment, key: &[u8]) -> Vec<u8> {
    let mut end = end_prefix(facility);
    end.extend_from_slice(&(at.micros() ^ i64::MIN).to_be_bytes());
    end.extend_from_slice(key);
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::tests::{at, facility, patient};
    use model::{EventId, EventKey, MemberId, OwnWords, ReferralKind};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn said(change: ReferralChange) -> Event {
        let key = EventKey { source: facility("clinic"), id: EventId::parse("e").unwrap() };
        Event { key, admitted_at: at(0), body: Body::Referral(Box::new(change)) }
    }
    fn sent(id: &str, to: &str) -> Event {
        let (id, by) = (ReferralId::parse(id).unwrap(), MemberId::parse("dr").unwrap());
        let ends = (patient("clinic", "7"), facility(to));
        let referral = Referral::new(id, ends, ReferralKind::Refer, "x".to_owned(), (by, at(0)));
        said(ReferralChange::Sent(referral.unwrap()))
    }
    fn turned(id: &str, to: &str, step: ReferralStep) -> Event {
        let (id, by) = (ReferralId::parse(id).unwrap(), MemberId::parse("dr").unwrap());
        let (patient, to, words) = (patient("clinic", "7"), facility(to), OwnWords::default());
        said(ReferralChange::Turned(ReferralTurn { id, patient, to, step, by, at: at(1), words }))
    }
    fn register() -> (tempfile::TempDir, Register) {
        let directory = tempfile::tempdir().unwrap();
        let register = Register::open(directory.path(), Arc::default()).unwrap();
        (directory, register)
    }
    fn all(register: &Register, of: &str) -> Vec<ReferralStanding> {
        let mut found = Vec::new();
        register
            .referrals_of(&facility(of), &mut |standing| {
                found.push(standing);
                true
            })
            .unwrap();
        found
    }

    #[test]
    fn the_first_of_an_id_stands_and_what_is_not_of_it_is_no_step() {
        let (_directory, register) = register();
        let apply = |offset, event| register.apply(Position::new(3, offset), &event).unwrap();
        apply(1, turned("r-1", "hospital", ReferralStep::Accepted));
        apply(2, sent("r-1", "hospital"));
        apply(3, sent("r-1", "pharmacy"));
        apply(4, turned("r-1", "pharmacy", ReferralStep::Accepted));
        apply(5, turned("r-1", "hospital", ReferralStep::Arrived));
        apply(6, turned("r-1", "hospital", ReferralStep::Accepted));
        let [standing] = all(&register, "hospital").try_into().unwrap();
        assert_eq!((standing.position, standing.turns.len()), (Position::new(3, 2), 1));
        assert_eq!(standing.step(), Some(ReferralStep::Accepted));
        assert_eq!(all(&register, "clinic"), [standing]);
        assert!(all(&register, "pharmacy").is_empty());
        let told = |of| register.notices_of(&facility(of), at(2)).unwrap();
        assert_eq!((told("hospital").len(), told("clinic").len(), told("pharmacy").len()), (1, 1, 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn letters_read_again_change_nothing(
            steps in prop::collection::vec(prop::sample::select(ReferralStep::ALL), 0..8), cut in 0usize..9,
        ) {
            let (_directory, register) = register();
            let turns = steps.iter().map(|step| turned("r-1", "hospital", *step));
            let letters: Vec<Event> = std::iter::once(sent("r-1", "hospital")).chain(turns).collect();
            let apply = |from: usize| {
                for (offset, event) in (0..).zip(&letters).skip(from) {
                    register.apply(Position::new(3, offset), event).unwrap();
                }
                (all(&register, "clinic"), register.notices_of(&facility("hospital"), at(2)).unwrap().len())
            };
            let once = apply(0);
            prop_assert_eq!(apply(cut.min(letters.len())), once);
        }
    }
}
