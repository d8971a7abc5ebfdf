//! The ledger of a running node, read: heads, proofs, a patient's entries, receipts.
//!
//! The shelf says where an entry lies, the log what it says. Whatever is proved leads to a head that was signed for the
//! answer, however much the ledger grows meanwhile.

use super::{Ledgered as _, Notary, NotaryError, Shelf};
use event_log::{EventLog, ReadLimit, Stored};
use ledger::{
    Entry, Names, Proof, Report, ReportLine, Subject, TreeHead, VerifyingKey, prove_consistency, prove_inclusion,
    sign_receipt,
};
use model::{DirectoryChange, Moment, PartitionId, PatientRef, Receipt, What};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Letters read at once where entries lie near each other.
const STRETCH: ReadLimit = ReadLimit { letters: 256, bytes: 1 << 20 };

/// The ledger of a running node, read. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader {
    notary: Arc<Notary>,
    shelf: Arc<Shelf>,
    log: Arc<dyn EventLog>,
}

/// A head, signed.
#[derive(Debug, Clone)]
pub struct Signed {
    /// What it says.
    pub head: TreeHead,
    /// The signed note.
    pub note: String,
}

impl Reader {
    /// Reads what this notary signs.
    pub fn new(notary: Arc<Notary>, shelf: Arc<Shelf>, log: Arc<dyn EventLog>) -> Self {
        Self { notary, shelf, log }
    }
    /// The key that verifies.
    pub fn verifying(&self) -> VerifyingKey {
        self.notary.verifying()
    }
    /// The log it is folded from.
    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.log
    }
    /// Everything that is durable in the log, signed.
    ///
    /// # Errors
    /// When the log or the disk fails, or the log is not the history that was signed.
    pub async fn head(&self, moment: Moment) -> Result<Signed, NotaryError> {
        self.shelf.catch_up(&self.log).await?;
        let (head, note) = self.notary.sign(self.shelf.as_ref(), moment)?;
        Ok(Signed { head, note })
    }
    /// The kept lines of heads up to this one.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn heads(&self, until: &Signed) -> Result<Vec<String>, NotaryError> {
        let mut lines = self.notary.heads()?;
        let last = lines.iter().position(|line| ledger::read_head_line(line).is_ok_and(|(note, _)| note == until.note));
        lines.truncate(last.map_or(0, |at| at + 1));
        Ok(lines)
    }
    /// The proof that the ledger of size `from` is the beginning of that of size `to`; `None` when it has no such sizes.
    pub fn consistency(&self, from: u64, to: u64) -> Option<Proof> {
        if from > to || to > self.shelf.size() { None } else { prove_consistency(self.shelf.nodes(), from, to) }
    }
    /// The proof that an entry is in the ledger of this head.
    ///
    /// # Errors
    /// When nodes are missing.
    pub fn proof(&self, head: &TreeHead, index: u64) -> Result<Proof, NotaryError> {
        prove_inclusion(self.shelf.nodes(), head.size, index).ok_or(NotaryError::Nodes)
    }
    /// A subject's entries below `head`, in order, each once.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn of(&self, subject: Subject<'_>, head: &TreeHead) -> Result<BTreeSet<u64>, NotaryError> {
        Ok(self.shelf.of(subject)?.into_iter().filter(|index| *index < head.size).collect())
    }
    /// The entries at these places, in their order.
    ///
    /// # Errors
    /// When the log or the disk fails, or an entry is not where it was.
    pub async fn entries(&self, indices: impl IntoIterator<Item = u64>) -> Result<Vec<(u64, Entry)>, NotaryError> {
        let mut found = Vec::new();
        let mut held: Vec<Stored> = Vec::new();
        for index in indices {
            let position = self.shelf.position(index)?.ok_or(NotaryError::Nodes)?;
            let at = |held: &[Stored]| held.binary_search_by(|stored| stored.position.cmp(&position));
            if at(&held).is_err() {
                let wait = Duration::from_secs(1);
                held = self.log.read(PartitionId::CONTROL, position.offset, STRETCH, wait).await?;
            }
            let stored = at(&held).ok().and_then(|at| held.get(at)).ok_or(NotaryError::Nodes)?;
            let event = wire::read_event(stored.letter.payload.clone()).ok();
            let entry = event.and_then(|event| Entry::of(position, &event)).ok_or(NotaryError::Nodes)?;
            found.push((index, entry));
        }
        Ok(found)
    }
    /// A patient's own report as of a head.
    ///
    /// # Errors
    /// When the log or the disk fails.
    pub async fn report(&self, patient: &PatientRef, signed: &Signed) -> Result<Report, NotaryError> {
        let entries = self.entries(self.of(Subject::Patient(patient), &signed.head)?).await?;
        let mut lines = Vec::with_capacity(entries.len());
        for (index, entry) in entries {
            lines.extend(ReportLine::of(patient, index, &entry, self.proof(&signed.head, index)?));
        }
        Ok(Report { patient: patient.clone(), note: signed.note.clone(), lines })
    }
    /// A report as JSON, under a signed cover.
    ///
    /// # Errors
    /// Never for a report that was made here; the library does not promise it.
    pub fn report_json(&self, report: &Report) -> Result<String, NotaryError> {
        Ok(report.json(self.notary.key())?)
    }
    /// The receipts of a patient's withdrawals, in the order of the ledger.
    ///
    /// # Errors
    /// When the log or the disk fails.
    pub async fn receipts(&self, patient: &PatientRef, head: &TreeHead) -> Result<Vec<(u64, Receipt)>, NotaryError> {
        let entries = self.entries(self.of(Subject::Patient(patient), head)?).await?;
        let receipts = entries.into_iter().filter_map(|(index, entry)| match entry.event.what {
            What::Receipt(receipt) if receipt.patient == *patient => Some((index, *receipt)),
            _ => None,
        });
        Ok(receipts.collect())
    }
    /// A receipt as a signed note.
    ///
    /// # Errors
    /// Never for a valid receipt; the library does not promise it.
    pub fn sign_receipt(&self, receipt: &Receipt) -> Result<String, NotaryError> {
        Ok(sign_receipt(receipt, self.notary.key())?)
    }
}

/// What the directory calls facilities and people; who left it keeps their name.
pub fn names(book: &consent_filter::Book) -> Names {
    let mut names = Names::default();
    book.facilities().for_each(|facility| names.observe(&DirectoryChange::Facility(facility.clone())));
    book.members().for_each(|member| names.observe(&DirectoryChange::Member(member.clone())));
    names
}
