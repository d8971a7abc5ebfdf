//! Where in the log something began and ceased to be shown, for the recall list.

use super::{NotaryError, walk};
use event_log::{EventLog, PartitionKey};
use ledger::{Cause, Recall};
use model::{
    Body, Category, ChangeKind, Consent, ConsentChange, ConsentId, ConsentState, DirectoryChange, Event, Link,
    LinkChange, LinkId, Offset, PartitionId, PatientRef, Position, RecordRef, Version,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What has since been withdrawn, corrected, deleted or found wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecallOf {
    /// A consent that was withdrawn; of this patient, where that is known.
    Consent(ConsentId, Option<PatientRef>),
    /// A record that was corrected or deleted.
    Record(RecordRef),
    /// A link that was taken back.
    Link(LinkId),
}

impl RecallOf {
    /// Where in the log it began and ceased to be shown. Empty when the log holds no such end.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn recalls(&self, log: &Arc<dyn EventLog>) -> Result<Vec<Recall>, NotaryError> {
        match self {
            Self::Consent(id, patient) => of_consent(log, id, patient.as_ref()).await,
            Self::Record(record) => of_record(log, record).await,
            Self::Link(id) => of_link(log, id).await,
        }
    }
}

/// Every statement of a consent that opened something, up to its withdrawal or the next statement. Empty while it is
/// not withdrawn. Where the patient is known, only their partition is read.
async fn of_consent(
    log: &Arc<dyn EventLog>,
    id: &ConsentId,
    patient: Option<&PatientRef>,
) -> Result<Vec<Recall>, NotaryError> {
    let partitions = match patient {
        Some(patient) => vec![log.partition_of(&PartitionKey::Patient(patient.partition_key().into()))],
        None => all(log.as_ref()),
    };
    let mut recalls = Vec::new();
    let mut open: Option<(Consent, Position)> = None;
    let mut withdrawn = false;
    everywhere((log, &partitions), &mut |position, event| {
        let stated = match &event.body {
            Body::Consent(ConsentChange::Given(consent)) if consent.id == *id => Some(consent),
            Body::Consent(ConsentChange::Withdrawn(withdrawal)) if withdrawal.id == *id => {
                withdrawn = true;
                None
            }
            _ => return,
        };
        if let Some((consent, from)) = open.take() {
            recalls.push(Recall::withdrawn(&consent, (from, position)));
        }
        let opens = |consent: &&Consent| consent.state == ConsentState::Active && !withdrawn;
        open = stated.filter(opens).map(|consent| (consent.clone(), position));
    })
    .await?;
    Ok(if withdrawn { recalls } else { Vec::new() })
}

/// Every version of a record that was the one shown, up to where a later one took its place. A correction may move a record
/// to another patient, so that all partitions are read.
async fn of_record(log: &Arc<dyn EventLog>, record: &RecordRef) -> Result<Vec<Recall>, NotaryError> {
    struct Standing {
        version: Version,
        patient: PatientRef,
        category: Category,
        from: Option<Position>,
    }
    let mut recalls = Vec::new();
    let mut standing: Option<Standing> = None;
    everywhere((log, &all(log.as_ref())), &mut |position, event| {
        let Body::Record(read) = &event.body else { return };
        // A late version that is no newer was never shown.
        if read.reference() != *record || standing.as_ref().is_some_and(|held| held.version >= read.version) {
            return;
        }
        let is_deleted = read.change() == ChangeKind::Delete;
        if let Some(Standing { patient, category, from: Some(from), .. }) = standing.take() {
            let cause = if is_deleted { Cause::Deleted } else { Cause::Corrected };
            recalls.push(Recall::record(cause, patient, category, (from, position)));
        }
        let (version, patient, category) = (read.version, read.patient.clone(), read.category());
        standing = Some(Standing { version, patient, category, from: (!is_deleted).then_some(position) });
    })
    .await?;
    Ok(recalls)
}

/// The two persons that a link joined, until it was taken back. Empty while it is not.
async fn of_link(log: &Arc<dyn EventLog>, id: &LinkId) -> Result<Vec<Recall>, NotaryError> {
    let mut links: BTreeMap<LinkId, Link> = BTreeMap::new();
    let (mut linked, mut unlinked) = (None, None);
    walk(log, (PartitionId::CONTROL, Offset(0)), &mut |position, event| {
        match event.map(|event| event.body) {
            Some(Body::Directory(DirectoryChange::Link(LinkChange::Linked(link)))) => {
                if link.id == *id && unlinked.is_none() {
                    linked.get_or_insert(position);
                }
                links.insert(link.id.clone(), link);
            }
            Some(Body::Directory(DirectoryChange::Link(LinkChange::Unlinked(unlink)))) if unlink.id == *id => {
                unlinked.get_or_insert(position);
            }
            _ => {}
        }
        Ok(())
    })
    .await?;
    let (Some(wrong), Some(linked), Some(unlinked)) = (links.remove(id), linked, unlinked) else {
        return Ok(Vec::new());
    };
    // Links that came or went meanwhile count as there: nobody who saw it may be missing.
    let (one, other) = (person(wrong.a, &links), person(wrong.b, &links));
    Ok(Recall::wrongly_linked(&one, &other, (linked, unlinked)))
}

/// All refs that links join to this one, itself among them.
fn person(patient: PatientRef, links: &BTreeMap<LinkId, Link>) -> Vec<PatientRef> {
    let mut refs = vec![patient];
    loop {
        let ends = links.values().flat_map(|link| [(&link.a, &link.b), (&link.b, &link.a)]);
        let joined = ends.filter(|(known, new)| refs.contains(known) && !refs.contains(new));
        let mut joined: Vec<PatientRef> = joined.map(|(_, new)| new.clone()).collect();
        joined.sort();
        joined.dedup();
        if joined.is_empty() {
            return refs;
        }
        refs.extend(joined);
    }
}

/// Every partition where patients' letters lie.
fn all(log: &dyn EventLog) -> Vec<PartitionId> {
    (1..=log.data_partitions()).map(PartitionId).collect()
}

/// Reads partitions to their ends.
async fn everywhere(
    (log, partitions): (&Arc<dyn EventLog>, &[PartitionId]),
    visit: &mut (dyn FnMut(Position, &Event) + Send),
) -> Result<(), NotaryError> {
    for partition in partitions {
        let each = &mut |position: Position, event: Option<Event>| {
            if let Some(event) = event {
                visit(position, &event);
            }
            Ok(())
        };
        walk(log, (*partition, Offset(0)), each).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
