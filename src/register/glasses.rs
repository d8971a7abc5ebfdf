//! Broken glasses with their reasons, ends and reviews, which the book does not keep.
//!
//! The same statements hold as in the book: the first of an id stands, an end is final also where it comes first, and of
//! reviews the latest holds.

use super::entry::{event_bytes, event_of};
use super::{RegisterError, tell};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch};
use ingest::GlassStanding;
use model::{
    Body, BreakGlassEnd, BreakGlassReview, ConsentChange, Event, FacilityId, GlassId, PatientRef, Position,
    ReviewOutcome,
};

/// A turn in a glass's story that somebody is told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// It was broken.
    Broken,
    /// It was closed before its time, by somebody or by its review.
    Closed,
}

/// What an entry says of a glass.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Part {
    Broken = b'b',
    Closed = b'c',
    Reviewed = b'r',
    /// The first review that found it unjustified.
    Refused = b'u',
}

/// Broken glasses on disk.
pub(super) struct Glasses {
    /// viewing facility, 0, patient ref, 0, id, 0, part → position and event
    kept: Keyspace,
    /// facility at either end, 0, from when, the key above without its part → nothing
    ends: Keyspace,
}

impl Glasses {
    pub(super) fn open(database: &Database) -> Result<Self, RegisterError> {
        let keyspace = |name: &str| database.keyspace(name, KeyspaceCreateOptions::default);
        Ok(Self { kept: keyspace("glasses")?, ends: keyspace("glass-ends")? })
    }

    /// Takes in a change; consents change nothing here. Says what turn the story took, and of which glass; nothing where
    /// it was taken in before.
    pub(super) fn apply(
        &self,
        batch: &mut OwnedWriteBatch,
        position: Position,
        event: &Event,
    ) -> Result<Option<(Turn, GlassStanding)>, RegisterError> {
        let Body::Consent(change) = &event.body else { return Ok(None) };
        match change {
            ConsentChange::GlassBroken(glass) => {
                let key = key(&glass.facility, &glass.patient, &glass.id);
                if self.has(&key, Part::Broken)? || self.has(&key, Part::Closed)? {
                    return Ok(None);
                }
                batch.insert(&self.kept, of(&key, Part::Broken), bytes(position, event));
                for end in [glass.patient.facility(), &glass.facility] {
                    batch.insert(&self.ends, end_key(end, glass.from().micros(), &key), "");
                }
                let standing =
                    GlassStanding { glass: glass.clone(), position, end: None, review: None, refused: false };
                return Ok(Some((Turn::Broken, standing)));
            }
            ConsentChange::GlassClosed(end) => {
                let key = key(&end.facility, &end.patient, &end.id);
                if self.has(&key, Part::Closed)? {
                    return Ok(None);
                }
                batch.insert(&self.kept, of(&key, Part::Closed), bytes(position, event));
                return Ok(self.standing(&key)?.filter(was_open).map(|standing| (Turn::Closed, standing)));
            }
            ConsentChange::GlassReviewed(review) => {
                let key = key(&review.facility, &review.patient, &review.id);
                let [broken, known] = [self.read(&key, Part::Broken)?, self.read(&key, Part::Reviewed)?];
                // A review of what was not broken yet is of nothing, also when it is read again after a restart.
                let is_of_it = broken.is_some_and(|(stated, _)| stated < position);
                if is_of_it && known.is_none_or(|(held, _)| held < position) {
                    batch.insert(&self.kept, of(&key, Part::Reviewed), bytes(position, event));
                    let closes = review.outcome == ReviewOutcome::Unjustified;
                    let standing = if closes { self.standing(&key)? } else { None };
                    if closes && !self.has(&key, Part::Refused)? {
                        batch.insert(&self.kept, of(&key, Part::Refused), bytes(position, event));
                    }
                    return Ok(standing.filter(was_open).map(|standing| (Turn::Closed, standing)));
                }
            }
            ConsentChange::Given(_) | ConsentChange::Withdrawn(_) | ConsentChange::Released(_) => {}
        }
        Ok(None)
    }

    /// One glass.
    pub(super) fn find(
        &self,
        facility: &FacilityId,
        patient: &PatientRef,
        id: &GlassId,
    ) -> Result<Option<GlassStanding>, RegisterError> {
        self.standing(&key(facility, patient, id))
    }

    /// A facility's glasses, the newest first, given to `visit` until it answers `false`.
    pub(super) fn visit(&self, facility: &FacilityId, visit: &mut dyn FnMut(&GlassStanding) -> bool) {
        if let Err(error) = self.try_visit(facility, visit) {
            tell(&error);
        }
    }

    fn try_visit(
        &self,
        facility: &FacilityId,
        visit: &mut dyn FnMut(&GlassStanding) -> bool,
    ) -> Result<(), RegisterError> {
        let prefix = facility_prefix(facility);
        for guard in self.ends.prefix(&prefix).rev() {
            let key = guard.key()?;
            let Some((_, glass)) = key.strip_prefix(prefix.as_slice()).and_then(|rest| rest.split_at_checked(8)) else {
                continue;
            };
            if let Some(standing) = self.standing(glass)?
                && !visit(&standing)
            {
                break;
            }
        }
        Ok(())
    }

    fn standing(&self, key: &[u8]) -> Result<Option<GlassStanding>, RegisterError> {
        let Some((position, ConsentChange::GlassBroken(glass))) = self.read(key, Part::Broken)? else {
            return Ok(None);
        };
        let end: Option<BreakGlassEnd> = match self.read(key, Part::Closed)? {
            Some((_, ConsentChange::GlassClosed(end))) => Some(end),
            _ => None,
        };
        let review: Option<BreakGlassReview> = match self.read(key, Part::Reviewed)? {
            Some((_, ConsentChange::GlassReviewed(review))) => Some(review),
            _ => None,
        };
        let refused = self.has(key, Part::Refused)?;
        Ok(Some(GlassStanding { glass, position, end, review, refused }))
    }
    fn has(&self, key: &[u8], part: Part) -> Result<bool, RegisterError> {
        Ok(self.kept.contains_key(of(key, part))?)
    }
    fn read(&self, key: &[u8], part: Part) -> Result<Option<(Position, ConsentChange)>, RegisterError> {
        let Some(value) = self.kept.get(of(key, part))? else { return Ok(None) };
        let read = || {
            let (partition, rest) = value.split_first_chunk::<4>()?;
            let (offset, event) = rest.split_first_chunk::<8>()?;
            let position = Position::new(u32::from_be_bytes(*partition), u64::from_be_bytes(*offset));
            match event_of(event)?.body {
                Body::Consent(change) => Some((position, change)),
                _ => None,
            }
        };
        Ok(read())
    }
}

/// Whether nobody had closed it before.
fn was_open(standing: &GlassStanding) -> bool {
    standing.end.is_none() && !standing.refused
}

fn key(facility: &FacilityId, patient: &PatientRef, id: &GlassId) -> Vec<u8> {
    let mut key = facility_prefix(facility);
    key.extend(patient.partition_key());
    key.push(0);
    key.extend_from_slice(id.as_str().as_bytes());
    key
}

fn of(key: &[u8], part: Part) -> Vec<u8> {
    let mut key = key.to_vec();
    key.extend([0, part as u8]);
    key
}

fn facility_prefix(facility: &FacilityId) -> Vec<u8> {
    let mut prefix = facility.as_str().as_bytes().to_vec();
    prefix.push(0);
    prefix
}

/// Sorts by the moment within one facility, also before 1970.
fn end_key(facility: &FacilityId, from: i64, glass: &[u8]) -> Vec<u8> {
    let mut key = facility_prefix(facility);
    key.extend_from_slice(&(from ^ i64::MIN).to_be_bytes());
    key.extend_from_slice(glass);
    key
}

fn bytes(position: Position, event: &Event) -> Vec<u8> {
    let mut bytes = position.partition.0.to_be_bytes().to_vec();
    bytes.extend_from_slice(&position.offset.0.to_be_bytes());
    bytes.extend(event_bytes(event));
    bytes
}
