//! Categories: the kind of a record and the unit of scope.

use crate::label::closed_set;

closed_set! {
    /// The kind of a record, and the unit of disclosure scope.
    ///
    /// `Patient` (demographics) is a category of its own, because a viewer who may see a result may still not
    /// see the name and address the source holds.
    Category, CategorySet, u16, UnknownCategory, "category" {
        /// Demographics of the patient at the source.
        Patient = "patient",
        /// Laboratory results.
        Laboratory = "laboratory",
        /// Vital signs: pressure, pulse, temperature, height, weight.
        VitalSign = "vital-sign",
        /// Diagnoses and problems.
        Condition = "condition",
        /// Allergies and intolerances.
        Allergy = "allergy",
        /// Prescriptions, dispensing, injections.
        Medication = "medication",
        /// Visits and admissions.
        Encounter = "encounter",
        /// Notes, summaries, referral letters, reports.
        Document = "document",
        /// Imaging studies.
        Imaging = "imaging",
        /// Sampled signals such as cardiotocograms.
        Waveform = "waveform",
        /// Pregnancy records.
        Perinatal = "perinatal",
        /// Care plans and shared-care booklets.
        CarePlan = "care-plan",
        /// Messages between facilities.
        Message = "message",
        /// Vaccinations given, or not given and why.
        Immunization = "immunization",
    }
}
