//! What a statement read, on its way to the ledger.

use super::statement::Reading;
use crate::QueryError;
use model::{AuditOutcome, Frontier, Moment, Principal};
use std::sync::Arc;
use views::{Asked, Opening, Tally, Witness};

/// The account of one statement. Dropped before its end (a caller who went away, a task that was aborted), it is written
/// with what was read until then.
pub(super) struct Account {
    account: Option<views::Account>,
    tally: Arc<Tally>,
    /// The view it is of, where that may end.
    opening: Option<Arc<Opening>>,
}

impl Account {
    pub(super) fn open(
        witness: Arc<dyn Witness>,
        principal: &Principal,
        statement: &Reading,
        (tally, opening): (Arc<Tally>, Option<Arc<Opening>>),
        (seen, moment): (&Frontier, Moment),
    ) -> Self {
        let reading = witness.begin(principal, Asked::Statement(statement.form()), seen, moment);
        Self { account: Some(views::Account::open(witness, reading)), tally, opening }
    }

    /// Writes the end, and waits until the ledger holds it. A statement that looked at no table is no reading.
    pub(super) async fn close(mut self, outcome: AuditOutcome) -> Result<(), QueryError> {
        let Some(account) = self.settle() else { return Ok(()) };
        account.close(outcome).await.map_err(|unwritten| QueryError::Unrecorded { reason: unwritten.reason })
    }

    /// Nothing of it reached anybody: nothing is written.
    pub(super) fn strike(mut self) {
        if let Some(account) = self.account.take() {
            account.strike();
        }
    }

    /// The account with everything counted, where there is anything to tell.
    fn settle(&mut self) -> Option<views::Account> {
        let mut account = self.account.take()?;
        if !self.tally.is_begun() {
            account.strike();
            return None;
        }
        account.all_rows(&self.tally);
        Some(account)
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let Some(account) = self.settle() else { return };
        // Whoever showed the rows may have seen the view end, and ended the statement, before its task did.
        let taken = self.opening.as_ref().is_some_and(|opening| opening.is_ended());
        account.leave(if taken { AuditOutcome::Closed } else { AuditOutcome::Cancelled });
    }
}
