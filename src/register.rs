//! The register: consents and links in full, with their paper, as last stated, broken glasses with their reasons,
//! what people did at beds, and what facilities are told: also who had been shown a laboratory result that was put right, and of
//! critical results.
//!
//! The book keeps only what decides. Who may withdraw a consent or take back a link, and what is listed to the people
//! who handle the forms or review an emergency, needs the rest; it lies here, on disk, one entry per id. Like everything derived it is a
//! function of the log: the pipeline applies each letter to it, twice as harmlessly as once, and at the start the
//! letters that the store kept for the book are applied again, so that nothing rests on when this disk was synced.
//!
//! It decides nothing about disclosure: a withdrawn id stays withdrawn here exactly as in the book.

mod alerts;
mod beds;
mod course;
mod critical;
mod definitions;
mod entry;
mod glasses;
mod known;
mod laboratory;
mod measures;
mod notices;
mod places;
mod referrals;
mod shown;
mod sites;
mod worklists;

#[cfg(test)]
mod tests;

use crate::register::alerts::Alerts;
use crate::register::beds::Beds;
use crate::register::entry::{ConsentEntry, event_bytes, event_of};
use crate::register::glasses::Glasses;
use crate::register::laboratory::Laboratory;
use crate::register::measures::Measures;
use crate::register::notices::Notices;
use crate::register::places::Places;
use crate::register::referrals::Referrals;
use crate::register::worklists::Worklists;
use consent_filter::Book;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use ingest::completeness::FeedBook;
use ingest::{ConsentQuery, ConsentReader, DirectoryReader, GlassStanding, Standing};
use model::{
    Body, Consent, ConsentChange, ConsentId, ConsentState, DirectoryChange, DisclosureScope, Event, Facility,
    FacilityId, Frontier, GlassId, Link, LinkChange, LinkId, Member, MemberId, Moment, PatientRef, Position, Record,
    Viewers,
};
use parking_lot::RwLock;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

pub use alerts::sees_clinical_data;
pub use laboratory::Noted;
pub use measures::NotTaken;
pub use notices::{Told, UNREVIEWED_AFTER};
pub use referrals::ReferralStanding;
pub use worklists::follows as worklist_follows;

/// The register's disk failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the register of consents and links failed: {reason}; check the disk, or delete the views and rebuild them")]
pub struct RegisterError {
    reason: String,
}

impl From<fjall::Error> for RegisterError {
    fn from(error: fjall::Error) -> Self {
        Self { reason: error.to_string() }
    }
}

/// Consents and links in full, over the book for the rest of the directory.
pub struct Register {
    database: Database,
    /// id → [`ConsentEntry`]
    consents: Keyspace,
    /// facility, 0, consent id → nothing; patient ref, 0, 0, consent id → nothing
    shares: Keyspace,
    /// id → position and event bytes; no event for a link that was taken back
    links: Keyspace,
    /// facility, 0, link id → nothing
    ends: Keyspace,
    glasses: Glasses,
    notices: Notices,
    sites: sites::Stated,
    definitions: definitions::Defined,
    laboratory: Laboratory,
    alerts: Alerts,
    referrals: Referrals,
    places: Places,
    worklists: Worklists,
    measures: Measures,
    beds: Beds,
    book: Arc<RwLock<Book>>,
    /// The account of the feeds, where one is kept.
    feeds: OnceLock<Arc<FeedBook>>,
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Register")
    }
}

impl Register {
    /// Opens the register in `directory`, making it where there is none.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn open(directory: &Path, book: Arc<RwLock<Book>>) -> Result<Self, RegisterError> {
        let database = Database::builder(directory).cache_size(8 << 20).open()?;
        let keyspace = |name: &str| database.keyspace(name, KeyspaceCreateOptions::default);
        Ok(Self {
            consents: keyspace("consents")?,
            shares: keyspace("shares")?,
            links: keyspace("links")?,
            ends: keyspace("ends")?,
            glasses: Glasses::open(&database)?,
            notices: Notices::open(&database)?,
            sites: sites::Stated::default(),
            definitions: definitions::Defined::default(),
            laboratory: Laboratory::open(&database)?,
            alerts: Alerts::open(&database)?,
            referrals: Referrals::open(&database)?,
            places: Places::open(&database)?,
            worklists: Worklists::open(&database)?,
            measures: Measures::open(&database)?,
            beds: Beds::open(&database)?,
            database,
            book,
            feeds: OnceLock::new(),
        })
    }

    /// Says where the feeds' completeness is kept, so that a facility can ask for its own in SQL. The first counts.
    pub fn account_for(&self, feeds: Arc<FeedBook>) {
        let _ = self.feeds.set(feeds);
    }

    /// Takes in one event; records and what only the book keeps change nothing here.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn apply(&self, position: Position, event: &Event) -> Result<(), RegisterError> {
        self.places.note(position, event)?;
        match &event.body {
            Body::Consent(change) => self.apply_consent(position, event, change),
            Body::Directory(DirectoryChange::Link(change)) => self.apply_link(event, change),
            Body::Directory(DirectoryChange::Laboratory(table)) => {
                self.sites.apply(position, event.admitted_at, table);
                Ok(())
            }
            Body::Directory(DirectoryChange::Definition(definition)) => {
                self.definitions.apply(position, event.admitted_at, definition);
                Ok(())
            }
            Body::Directory(DirectoryChange::Measure(release)) => {
                self.measures.apply(position, event.admitted_at, release)
            }
            Body::Referral(change) => self.apply_referral(position, event, change),
            Body::Record(_) | Body::Directory(_) | Body::Audit(_) => Ok(()),
        }
    }

    /// Remembers laboratory records that have more than one version, or may be critical, before they become visible.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn note(&self, noted: &[Noted]) -> Result<(), RegisterError> {
        let mut batch = self.database.batch();
        self.laboratory.note(&mut batch, noted);
        batch.commit()?;
        self.laboratory.ring();
        Ok(())
    }
    /// Whether a version of a laboratory record is to be looked at for being critical: by the publisher's tables as they
    /// held. Where those may not have been read yet, everything is looked at that was new when it came.
    pub(crate) fn may_be_critical(&self, record: &Record, admitted: Moment, tables_unread: bool) -> bool {
        critical::is_new(record, admitted)
            && (tables_unread
                || critical::Alarm::of(record, admitted, &self.sites.at(record.patient.facility(), admitted)).is_some())
    }
    /// Says that everything before `frontier` is visible: what was noted of it can be looked at.
    pub fn published(&self, frontier: &Frontier) {
        self.laboratory.publish(frontier);
    }
    /// Brings what was taken in to disk.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sync(&self) -> Result<(), RegisterError> {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }
    /// One broken glass.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn glass(
        &self,
        facility: &FacilityId,
        patient: &PatientRef,
        id: &GlassId,
    ) -> Result<Option<GlassStanding>, RegisterError> {
        self.glasses.find(facility, patient, id)
    }

    fn apply_consent(&self, position: Position, event: &Event, change: &ConsentChange) -> Result<(), RegisterError> {
        let id = match change {
            ConsentChange::Given(consent) => &consent.id,
            ConsentChange::Withdrawn(withdrawal) => &withdrawal.id,
            // The book keeps these.
            ConsentChange::Released(_) => return Ok(()),
            ConsentChange::GlassBroken(_) | ConsentChange::GlassClosed(_) | ConsentChange::GlassReviewed(_) => {
                let mut batch = self.database.batch();
                let turn = self.glasses.apply(&mut batch, position, event)?;
                let told =
                    turn.map(|(turn, glass)| self.notices.of_turn(&mut batch, (position, event), (turn, &glass)));
                batch.commit()?;
                told.into_iter().for_each(|facility| self.notices.ring(facility));
                return Ok(());
            }
        };
        let known = self.entry(id)?;
        let next = match (known, change) {
            (Some(known), _) if known.position >= position && known.position.partition == position.partition => {
                return Ok(());
            }
            // A withdrawn id is withdrawn for good, and no consent moves back, as in the book.
            (Some(ConsentEntry { withdrawn_at: Some(_), .. }), ConsentChange::Given(_)) => return Ok(()),
            (known, ConsentChange::Given(consent)) => {
                let now = known.and_then(|known| consent_of(&known.given)).map(|known| known.state);
                if !ConsentState::may_become(now, consent.state) {
                    return Ok(());
                }
                ConsentEntry { position, withdrawn_at: None, given: event_bytes(event) }
            }
            (known, ConsentChange::Withdrawn(withdrawal)) => ConsentEntry {
                position,
                withdrawn_at: Some(withdrawal.withdrawn_at),
                given: known.map(|known| known.given).unwrap_or_default(),
            },
            _ => return Ok(()),
        };
        let mut batch = self.database.batch();
        batch.insert(&self.consents, id.as_str(), next.to_bytes());
        if let ConsentChange::Given(consent) = change {
            self.notices.of_consent(&mut batch, consent);
            if let Some((id, entry)) = self.superseded(consent, position)? {
                batch.insert(&self.consents, id, entry.to_bytes());
            }
            let mut facilities = vec![consent.patient.facility(), &consent.taken_by];
            if let Viewers::Facilities(viewers) = &consent.viewers {
                facilities.extend(viewers);
            }
            for facility in facilities {
                batch.insert(&self.shares, share_key(facility.as_str().as_bytes(), id.as_str()), "");
            }
            batch.insert(&self.shares, share_key(&patient_key(&consent.patient), id.as_str()), "");
        }
        Ok(batch.commit()?)
    }

    /// The consent whose place an active one takes, as it stands from then on.
    fn superseded(&self, by: &Consent, position: Position) -> Result<Option<(String, ConsentEntry)>, RegisterError> {
        let Some(id) = by.supersedes.as_ref().filter(|_| by.state == ConsentState::Active) else { return Ok(None) };
        let Some(entry) = self.entry(id)? else { return Ok(None) };
        let Some(mut event) = event_of(&entry.given) else { return Ok(None) };
        match &mut event.body {
            Body::Consent(ConsentChange::Given(consent))
                if consent.patient == by.patient
                    && ConsentState::may_become(Some(consent.state), ConsentState::Superseded) =>
            {
                consent.state = ConsentState::Superseded;
            }
            _ => return Ok(None),
        }
        let entry = ConsentEntry { position, given: event_bytes(&event), ..entry };
        Ok(Some((id.as_str().to_owned(), entry)))
    }

    fn apply_link(&self, event: &Event, change: &LinkChange) -> Result<(), RegisterError> {
        let mut batch = self.database.batch();
        match change {
            LinkChange::Linked(link) => {
                // An empty entry is a link that was taken back: its id is barred, as in the book.
                if self.links.get(link.id.as_str())?.is_some_and(|entry| entry.is_empty()) {
                    return Ok(());
                }
                batch.insert(&self.links, link.id.as_str(), event_bytes(event));
                for end in [&link.a, &link.b] {
                    batch.insert(&self.ends, share_key(end.facility().as_str().as_bytes(), link.id.as_str()), "");
                }
            }
            LinkChange::Unlinked(unlink) => {
                if let Some(link) = self.link_entry(&unlink.id)? {
                    for end in [&link.a, &link.b] {
                        batch.remove(&self.ends, share_key(end.facility().as_str().as_bytes(), unlink.id.as_str()));
                    }
                }
                batch.insert(&self.links, unlink.id.as_str(), "");
            }
        }
        Ok(batch.commit()?)
    }

    fn entry(&self, id: &ConsentId) -> Result<Option<ConsentEntry>, RegisterError> {
        Ok(self.consents.get(id.as_str())?.and_then(|bytes| ConsentEntry::from_bytes(&bytes)))
    }

    fn standing(&self, id: &ConsentId) -> Result<Option<Standing>, RegisterError> {
        let Some(entry) = self.entry(id)? else { return Ok(None) };
        let Some(consent) = consent_of(&entry.given) else { return Ok(None) };
        Ok(Some(Standing { consent, withdrawn_at: entry.withdrawn_at, position: entry.position }))
    }

    fn link_entry(&self, id: &LinkId) -> Result<Option<Link>, RegisterError> {
        let event = self.links.get(id.as_str())?.and_then(|bytes| event_of(&bytes));
        Ok(match event.map(|event| event.body) {
            Some(Body::Directory(DirectoryChange::Link(LinkChange::Linked(link)))) => Some(link),
            _ => None,
        })
    }

    /// Ids listed in an index under `prefix`, after `after`, given to `visit` until it answers `false`.
    fn visit_ids(
        keyspace: &Keyspace,
        prefix: &[u8],
        after: &str,
        visit: &mut dyn FnMut(&str) -> Result<bool, RegisterError>,
    ) -> Result<(), RegisterError> {
        let start = share_key(prefix, after);
        for guard in keyspace.range(start.clone()..) {
            let key = guard.key()?;
            let Some(id) = key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(&[0])) else { break };
            let is_start = key.as_ref() == start.as_slice();
            // A longer facility id or a patient ref under the same first bytes has a zero of its own further on.
            let Ok(id) = std::str::from_utf8(id) else { continue };
            if is_start || id.contains('\0') {
                continue;
            }
            if !visit(id)? {
                break;
            }
        }
        Ok(())
    }
}

/// The consent that an entry's bytes state.
fn consent_of(given: &[u8]) -> Option<Consent> {
    match event_of(given).map(|event| event.body) {
        Some(Body::Consent(ConsentChange::Given(consent))) => Some(consent),
        _ => None,
    }
}

/// `prefix`, 0, `id`: sorts by id within one prefix.
fn share_key(prefix: &[u8], id: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(prefix.len() + 1 + id.len());
    key.extend_from_slice(prefix);
    key.push(0);
    key.extend_from_slice(id.as_bytes());
    key
}

/// A patient's prefix among the shares. The second zero keeps it apart from the facility's own entries.
fn patient_key(patient: &PatientRef) -> Vec<u8> {
    let mut key = patient.partition_key();
    key.push(0);
    key
}

fn tell(error: &RegisterError) {
    tracing::error!(%error, "the register could not be read; the answer is that there is nothing");
}

// === impl DirectoryReader, ConsentReader ===

impl DirectoryReader for Register {
    fn facilities(&self) -> Vec<Facility> {
        let mut facilities: Vec<Facility> = self.book.read().facilities().cloned().collect();
        facilities.sort_by(|a, b| a.id.cmp(&b.id));
        facilities
    }
    fn members(&self, facility: &FacilityId) -> Vec<Member> {
        let book = self.book.read();
        let mut members: Vec<Member> = book.members().filter(|member| member.facility == *facility).cloned().collect();
        members.sort_by(|a, b| a.id.cmp(&b.id));
        members
    }
    fn member(&self, id: &MemberId) -> Option<Member> {
        self.book.read().member(id).cloned()
    }
    fn scope(&self, facility: &FacilityId) -> Option<DisclosureScope> {
        self.book.read().scope_of(facility).cloned()
    }
    fn link(&self, id: &LinkId) -> Option<Link> {
        self.link_entry(id).unwrap_or_else(|error| {
            tell(&error);
            None
        })
    }
    fn visit_links(&self, facility: &FacilityId, after: Option<&LinkId>, visit: &mut dyn FnMut(&Link) -> bool) {
        let after = after.map_or("", LinkId::as_str);
        let visited = Self::visit_ids(&self.ends, facility.as_str().as_bytes(), after, &mut |id| {
            let Ok(id) = LinkId::parse(id) else { return Ok(true) };
            Ok(self.link_entry(&id)?.is_none_or(|link| visit(&link)))
        });
        if let Err(error) = visited {
            tell(&error);
        }
    }
}

impl ConsentReader for Register {
    fn consent(&self, id: &ConsentId) -> Option<Standing> {
        self.standing(id).unwrap_or_else(|error| {
            tell(&error);
            None
        })
    }
    fn visit_glasses(&self, facility: &FacilityId, visit: &mut dyn FnMut(&GlassStanding) -> bool) {
        self.glasses.visit(facility, visit);
    }
    fn visit_consents(&self, query: &ConsentQuery<'_>, visit: &mut dyn FnMut(&Standing) -> bool) {
        let prefix = match query.patient {
            Some(patient) => patient_key(patient),
            None => query.facility.as_str().as_bytes().to_vec(),
        };
        let after = query.after.map_or("", ConsentId::as_str);
        let visited = Self::visit_ids(&self.shares, &prefix, after, &mut |id| {
            let Ok(id) = ConsentId::parse(id) else { return Ok(true) };
            Ok(self.standing(&id)?.is_none_or(|standing| visit(&standing)))
        });
        if let Err(error) = visited {
            tell(&error);
        }
    }
}
