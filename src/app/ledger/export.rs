//! The ledger as a stream of lines.

use super::{LedgerDesk, failed};
use crate::notary::{NotaryError, Signed};
use futures::StreamExt as _;
use futures::stream::{BoxStream, unfold};
use ledger::{Entry, Names, Subject, Systems, audit_events, entry_line};
use model::{AuditEvent, FacilityId, PatientRef, Shown, What};
use tokio::sync::mpsc;
use tonic::Status;
use wire::v1;
use wire::v1::export_item::Item;

/// Entries read and proved at once.
const AT_ONCE: usize = 256;

/// What is exported, and to whom.
pub(super) struct Export {
    pub(super) signed: Signed,
    pub(super) names: Names,
    /// What a facility may be told; the whole where there is none.
    pub(super) of: Option<FacilityId>,
    pub(super) entries: bool,
    /// The URI below which identifiers lie; empty for no AuditEvents.
    pub(super) audit_events: String,
}

/// The lines, as fast as they are taken.
pub(super) fn stream(desk: LedgerDesk, export: Export) -> BoxStream<'static, Result<v1::ExportItem, Status>> {
    let (lines, taken) = mpsc::channel(AT_ONCE);
    tokio::spawn(async move {
        if let Err(error) = tell(&desk, &export, &lines).await {
            // Whoever went away need not know.
            let _ = lines.send(Err(failed(&error))).await;
        }
    });
    unfold(taken, |mut taken| async move { taken.recv().await.map(|item| (item, taken)) }).boxed()
}

type Lines = mpsc::Sender<Result<v1::ExportItem, Status>>;

/// Whether the caller still listens.
async fn send(lines: &Lines, item: Item) -> bool {
    lines.send(Ok(v1::ExportItem { item: Some(item) })).await.is_ok()
}

async fn tell(desk: &LedgerDesk, export: &Export, lines: &Lines) -> Result<(), NotaryError> {
    let reader = &desk.reader;
    let head = &export.signed.head;
    let systems = Systems::under(&export.audit_events, &desk.name);
    let mut indices: Box<dyn Iterator<Item = u64> + Send> = match &export.of {
        None => Box::new(0..head.size),
        Some(facility) => {
            let mut indices = reader.of(Subject::Facility(facility), head)?;
            indices.extend(reader.of(Subject::Source(facility), head)?);
            Box::new(indices.into_iter())
        }
    };
    loop {
        let some: Vec<u64> = indices.by_ref().take(AT_ONCE).collect();
        if some.is_empty() {
            break;
        }
        for (index, entry) in reader.entries(some).await? {
            if export.entries {
                let line = entry_line(index, &entry, &reader.proof(head, index)?)?;
                if !send(lines, Item::Entry(line)).await {
                    return Ok(());
                }
            }
            if export.audit_events.is_empty() {
                continue;
            }
            let Some(told) = for_facility(entry, export.of.as_ref()) else { continue };
            for event in audit_events(index, &told, &export.names, &systems) {
                if !send(lines, Item::AuditEvent(event.to_string())).await {
                    return Ok(());
                }
            }
        }
    }
    if export.entries {
        for line in reader.heads(&export.signed)? {
            if !send(lines, Item::Head(line)).await {
                return Ok(());
            }
        }
    }
    send(lines, Item::VerifyingKey(desk.key())).await;
    Ok(())
}

/// What a facility is told of an entry: all of its own acts; of others' acts what was shown of its patients.
pub(super) fn for_facility(entry: Entry, facility: Option<&FacilityId>) -> Option<Entry> {
    let Some(own) = facility.filter(|own| entry.event.agent.facility != **own) else { return Some(entry) };
    let is_own = |patient: &PatientRef| patient.facility() == own;
    let Entry { position, event } = entry;
    let mut shown = Shown::default();
    for (patient, counts) in event.shown.iter().filter(|(patient, _)| is_own(patient)) {
        counts.iter().for_each(|(category, rows)| shown.add(patient, category, rows));
    }
    let is_own_receipt = matches!(&event.what, What::Receipt(receipt) if is_own(&receipt.patient));
    (is_own_receipt || !shown.is_empty()).then(|| Entry { position, event: AuditEvent { shown, ..event } })
}
