//! What a caller may still be told of a result: their facility's own number of the patient, the record where they are shown
//! it now, and nothing else. Worked out when it is asked for, by the book as it stands.

use super::{Register, RegisterError, Told};
use consent_filter::{Audience, Book, Facts, ScopeClass};
use model::{FacilityId, Moment, NoticeKind, PatientRef, Principal, Record};
use wire::v1;

impl Register {
    /// Brings a notice about a result or a referral to what this caller may know of it now; `None` where it is not for them.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn as_known_to(&self, caller: &Principal, told: Told, now: Moment) -> Result<Option<Told>, RegisterError> {
        if matches!(told.id.kind, NoticeKind::CriticalResult | NoticeKind::CriticalUnacknowledged) {
            return self.critical_known_to(caller, told, now);
        }
        if matches!(told.id.kind, NoticeKind::ReferralReceived | NoticeKind::ReferralTurned) {
            return self.referral_known_to(caller, told, now);
        }
        let Told { id, mut notice } = told;
        let about = notice.patient.clone().and_then(|patient| PatientRef::try_from(patient).ok());
        let (NoticeKind::ResultCorrected, Some(patient)) = (id.kind, about) else {
            return Ok(Some(Told { id, notice }));
        };
        let record = self.laboratory.corrected(&patient, id.cause)?;
        let book = self.book.read();
        notice.patient = own_number(&book, &patient, &id.facility).map(v1::PatientRef::from);
        if !record.is_some_and(|record| is_shown(&book, &record, caller, now)) {
            notice.subject = String::new();
        }
        drop(book);
        Ok(Some(Told { id, notice }))
    }
}

/// The patient as a facility knows them, if links still join the two.
pub(super) fn own_number<'a>(book: &'a Book, patient: &'a PatientRef, facility: &FacilityId) -> Option<&'a PatientRef> {
    if patient.facility() == facility {
        return Some(patient);
    }
    let person = book.person_of(book.find_patient(patient)?);
    person.filter_map(|known| book.patient_ref(known)).filter(|known| known.facility() == facility).min()
}

/// Whether a caller is shown a record now. A patient or a class that the book has no number for is shown to nobody.
pub(super) fn is_shown(book: &Book, record: &Record, caller: &Principal, now: Moment) -> bool {
    facts(book, record).is_some_and(|facts| book.decide(&facts, caller, now).is_permit())
}

/// Whether anybody at a facility is shown a record now.
pub(super) fn reaches(book: &Book, record: &Record, facility: &FacilityId, now: Moment) -> bool {
    let (Some(facts), Some(facility)) = (facts(book, record), book.facility(facility)) else { return false };
    let mut audience = Audience::new();
    book.audience(&facts, now, &mut audience);
    audience.contains(facility)
}

fn facts(book: &Book, record: &Record) -> Option<Facts> {
    let (patient, class) = (book.find_patient(&record.patient)?, book.find_class(&ScopeClass::of(record))?);
    Some(Facts { patient, class, occurred: record.occurred, recorded: record.recorded })
}
