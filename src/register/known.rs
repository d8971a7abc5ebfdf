//! What a facility may still be told of a result it had been shown: its own number of the patient, the record where the
//! caller is shown it now, and nothing else. Worked out when it is asked for, by the book as it stands.

use super::{Register, RegisterError, Told};
use consent_filter::{Book, Facts, ScopeClass};
use model::{FacilityId, Moment, NoticeKind, PatientRef, Principal, Record};
use wire::v1;

impl Register {
    /// Brings a notice about a result to what this caller may know of it now.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn as_known_to(&self, caller: &Principal, told: Told, now: Moment) -> Result<Told, RegisterError> {
        let Told { id, mut notice } = told;
        let about = notice.patient.clone().and_then(|patient| PatientRef::try_from(patient).ok());
        let (NoticeKind::ResultCorrected, Some(patient)) = (id.kind, about) else { return Ok(Told { id, notice }) };
        let record = self.laboratory.corrected(&patient, id.cause)?;
        let book = self.book.read();
        notice.patient = own_number(&book, &patient, &id.facility).map(v1::PatientRef::from);
        if !record.is_some_and(|record| is_shown(&book, &record, caller, now)) {
            notice.subject = String::new();
        }
        drop(book);
        Ok(Told { id, notice })
    }
}

/// The patient as a facility knows them, if links still join the two.
fn own_number<'a>(book: &'a Book, patient: &'a PatientRef, facility: &FacilityId) -> Option<&'a PatientRef> {
    if patient.facility() == facility {
        return Some(patient);
    }
    let person = book.person_of(book.find_patient(patient)?);
    person.filter_map(|known| book.patient_ref(known)).filter(|known| known.facility() == facility).min()
}

/// Whether a caller is shown a record now. A patient or a class that the book has no number for is shown to nobody.
fn is_shown(book: &Book, record: &Record, caller: &Principal, now: Moment) -> bool {
    let (patient, class) = (book.find_patient(&record.patient), book.find_class(&ScopeClass::of(record)));
    let (Some(patient), Some(class)) = (patient, class) else { return false };
    let facts = Facts { patient, class, occurred: record.occurred, recorded: record.recorded };
    book.decide(&facts, caller, now).is_permit()
}
