//! One receipt, from the withdrawal that was applied to its letter in the log.

use super::{AGAIN, Desk, receipt_act};
use crate::recorder::salt;
use consent_filter::Book;
use model::{
    Agent, AuditEvent, AuditOutcome, ConsentId, Counts, FacilityId, Moment, Purpose, Receipt, Role, Shown, What,
};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use views::{ConsentChanged, Feeds, Passing, Past, Pinned, StoreError};

/// A withdrawal that was applied.
#[derive(Debug)]
pub(crate) struct Withdrawn {
    /// The consent.
    pub(crate) consent: ConsentId,
    /// When the patient withdrew.
    pub(crate) withdrawn_at: Moment,
    /// The patient's consents before and after.
    pub(crate) change: ConsentChanged,
    /// The rows as they stood before it.
    pub(crate) rows: Pinned,
    /// What was open.
    pub(crate) passing: Passing,
}

/// A table file that cannot be read is tried so often.
const TRIES: usize = 5;

impl Desk {
    pub(super) async fn issue(self: Arc<Self>, withdrawn: Withdrawn, feeds: &Arc<Feeds>, book: &Arc<RwLock<Book>>) {
        let position = withdrawn.change.position;
        match self.hidden(&withdrawn.change, &withdrawn.rows, book).await {
            Ok(hidden) => {
                let past = feeds.passed(&withdrawn.passing).await;
                let event = self.receipt(withdrawn, hidden, past);
                while let Err(error) = self.write_once(vec![event.clone()]).await {
                    tracing::error!(error, %position, "a receipt could not be written; tried again");
                    tokio::time::sleep(AGAIN).await;
                }
            }
            // A receipt with a wrong count would be worse than none, and the node must go on.
            Err(error) => tracing::error!(%error, %position, "what a withdrawal hid could not be counted: no receipt"),
        }
        self.outstanding.lock().remove(&position);
        self.bell.send_modify(|()| ());
    }

    async fn hidden(
        &self,
        change: &ConsentChanged,
        rows: &Pinned,
        book: &Arc<RwLock<Book>>,
    ) -> Result<BTreeMap<FacilityId, Counts>, StoreError> {
        let _turn = self.counting.acquire().await;
        let mut tries = 1;
        loop {
            let (change, rows, book) = (change.clone(), rows.clone(), Arc::clone(book));
            let counted = tokio::task::spawn_blocking(move || rows.hidden_by(&change, &book)).await;
            match counted.unwrap_or(Err(StoreError::Interrupted)) {
                Err(error) if tries < TRIES => {
                    tracing::warn!(%error, "what a withdrawal hid could not be counted; tried again");
                    tries += 1;
                    tokio::time::sleep(AGAIN).await;
                }
                counted => return counted,
            }
        }
    }

    fn receipt(&self, withdrawn: Withdrawn, hidden: BTreeMap<FacilityId, Counts>, past: Past) -> AuditEvent {
        let Withdrawn { consent, withdrawn_at, change, rows: _, passing: _ } = withdrawn;
        let ConsentChanged { patient, position, moment: began, .. } = change;
        AuditEvent {
            id: receipt_act(position),
            part: 0,
            // The disclosing facility's node carried it out.
            agent: Agent { facility: patient.facility().clone(), member: None, role: Role::System },
            purpose: Purpose::PatientRequest,
            began,
            ended: (self.clock)().max(began),
            outcome: AuditOutcome::Completed,
            shown: Shown::default(),
            salt: salt(),
            what: What::Receipt(Box::new(Receipt {
                consent,
                patient,
                position,
                withdrawn_at,
                hidden,
                queries_passed: past.queries,
                feeds_passed: past.feeds,
                exports_passed: past.exports,
            })),
        }
    }
}
