//! What a record says: one type per category, and two for waveforms.

use crate::{BedSession, Category, Moment, Waveform};
use std::fmt;

/// A coded concept: system, code and the text the source showed. All may be patient data in free-text systems.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Coding {
    /// The code system.
    pub system: CodeSystem,
    /// The code; empty when only text is known.
    pub code: String,
    /// What the source showed.
    pub display: String,
}

/// A code system by its short name here, or by its URI.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub enum CodeSystem {
    /// JLAC10, 17 digits.
    Jlac10,
    /// LOINC.
    Loinc,
    /// SNOMED CT.
    Snomed,
    /// ICD-10.
    Icd10,
    /// MEDIS standard disease master, exchange code.
    MedisDisease,
    /// HOT9 / HOT13 drug code.
    Hot,
    /// YJ drug code.
    Yj,
    /// RxNorm.
    RxNorm,
    /// The source's own codes.
    #[default]
    Local,
    /// Any other system, by URI.
    Other(String),
}

impl CodeSystem {
    const KNOWN: [(Self, &'static str, &'static str); 8] = [
        (Self::Jlac10, "jlac10", "http://medis.or.jp/CodeSystem/master-JLAC10-17digits"),
        (Self::Loinc, "loinc", "http://loinc.org"),
        (Self::Snomed, "snomed", "http://snomed.info/sct"),
        (Self::Icd10, "icd10", "http://jpfhir.jp/fhir/core/mhlw/CodeSystem/ICD10-2013-full"),
        (Self::MedisDisease, "medis-disease", "http://medis.or.jp/CodeSystem/master-disease-exCode"),
        (Self::Hot, "hot", "http://medis.or.jp/CodeSystem/master-HOT9"),
        (Self::Yj, "yj", "http://capstandard.jp/iyaku.info/CodeSystem/YJ-code"),
        (Self::RxNorm, "rxnorm", "http://www.nlm.nih.gov/research/umls/rxnorm"),
    ];
    /// The short name used in tables and on the wire; the URI for systems without one.
    pub fn code(&self) -> &str {
        match self {
            Self::Local => "local",
            Self::Other(uri) => uri,
            known => Self::KNOWN.iter().find(|(system, ..)| system == known).map_or("local", |(_, code, _)| code),
        }
    }
    /// From a short name or a URI (FHIR `Coding.system`); the empty text is [`CodeSystem::Local`].
    pub fn from_text(text: &str) -> Self {
        if text.is_empty() || text == "local" {
            return Self::Local;
        }
        Self::KNOWN
            .iter()
            .find(|(_, code, uri)| *code == text || *uri == text)
            .map_or_else(|| Self::Other(text.to_owned()), |(system, ..)| system.clone())
    }
}

/// A measured or stated value, as the source gave it.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// A number with its unit as written; `comparator` is empty, `<`, `<=`, `>` or `>=`.
    Quantity {
        /// The number.
        value: f64,
        /// The unit as the source wrote it (UCUM where the source says so); may be empty.
        unit: String,
        /// Empty, or how the true value relates to the number.
        comparator: String,
    },
    /// A coded value such as a blood group or `1+`.
    Coded(Coding),
    /// Text.
    Text(String),
    /// No value, and why (FHIR data-absent-reason code).
    Absent(String),
}

/// How final a laboratory result is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LabStatus {
    /// HL7 P.
    Preliminary,
    /// HL7 F.
    Final,
    /// HL7 C.
    Corrected,
    /// HL7 X.
    Cancelled,
}

impl LabStatus {
    /// All, in order of the wire.
    pub const ALL: [Self; 4] = [Self::Preliminary, Self::Final, Self::Corrected, Self::Cancelled];
    /// `preliminary`, `final`, `corrected` or `cancelled`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Preliminary => "preliminary",
            Self::Final => "final",
            Self::Corrected => "corrected",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One laboratory result.
#[derive(Clone, PartialEq, Debug)]
pub struct LabResult {
    /// What was measured.
    pub code: Coding,
    /// The result.
    pub value: Value,
    /// Lower bound of the interval that came with the result.
    pub reference_low: Option<f64>,
    /// Upper bound of the interval that came with the result.
    pub reference_high: Option<f64>,
    /// HL7 table 0078 flag as the source set it (`H`, `L`, `HH`, `LL`, `A`, `N`); may be empty.
    pub flag: String,
    /// Specimen (JLAC10 specimen code or text); may be empty.
    pub specimen: String,
    /// How final it is.
    pub status: LabStatus,
    /// The order or report it belongs to; may be empty.
    pub order: String,
    /// What the laboratory wrote beside it, lines apart; may be empty.
    pub note: String,
}

/// One vital sign.
#[derive(Clone, PartialEq, Debug)]
pub struct VitalSign {
    /// What was measured.
    pub code: Coding,
    /// The measurement.
    pub value: Value,
}

/// A diagnosis or problem.
#[derive(Clone, PartialEq, Debug)]
pub struct Condition {
    /// What it is.
    pub code: Coding,
    /// FHIR clinical status (`active`, `resolved` …); may be empty.
    pub clinical_status: String,
    /// Whether it is only suspected (疑い).
    pub suspected: bool,
    /// When it began.
    pub onset: Option<Moment>,
    /// When it ended.
    pub abated: Option<Moment>,
}

/// An allergy or intolerance.
#[derive(Clone, PartialEq, Debug)]
pub struct Allergy {
    /// To what.
    pub code: Coding,
    /// `high`, `low`, `unable-to-assess`; may be empty.
    pub criticality: String,
    /// What happened; may be empty.
    pub reaction: String,
    /// FHIR clinical status; may be empty.
    pub clinical_status: String,
}

/// A prescription, dispensing or injection.
#[derive(Clone, PartialEq, Debug)]
pub struct Medication {
    /// The drug.
    pub code: Coding,
    /// FHIR MedicationRequest status (`active`, `completed`, `stopped` …); may be empty.
    pub status: String,
    /// How to take it, as text; may be empty.
    pub dosage: String,
    /// Amount prescribed.
    pub quantity: Option<f64>,
    /// Unit of the amount; may be empty.
    pub quantity_unit: String,
    /// Days supplied.
    pub days: Option<u32>,
}

/// Whether a vaccination took place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ImmunizationStatus {
    /// It was given.
    Completed,
    /// It was not given: refused, contraindicated, out of stock.
    NotDone,
}

impl ImmunizationStatus {
    /// All, in order of the wire.
    pub const ALL: [Self; 2] = [Self::Completed, Self::NotDone];
    /// FHIR's code: `completed` or `not-done`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::NotDone => "not-done",
        }
    }
}

/// A vaccination: one dose that was given, or one that was not and why.
#[derive(Clone, PartialEq, Debug)]
pub struct Immunization {
    /// The vaccine.
    pub code: Coding,
    /// Whether it was given.
    pub status: ImmunizationStatus,
    /// Why it was not given, as text; may be empty.
    pub reason: String,
    /// Lot number; may be empty.
    pub lot: String,
    /// Who made the vaccine; may be empty.
    pub manufacturer: String,
    /// Which dose of its series it is, as the source counts (`1`, `追加`); may be empty.
    pub dose_number: String,
    /// Amount given.
    pub quantity: Option<f64>,
    /// Unit of the amount; may be empty.
    pub quantity_unit: String,
    /// Where on the body, as text; may be empty.
    pub site: String,
    /// How it was given, as text; may be empty.
    pub route: String,
    /// Told by the patient or a handbook (母子健康手帳), not by who gave it.
    pub reported: bool,
    /// Less than a full dose was given, or it was not potent: it does not count as one.
    pub subpotent: bool,
    /// What was written beside it; may be empty.
    pub note: String,
}

/// Where a visit took place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EncounterClass {
    /// 外来
    Ambulatory,
    /// 入院
    Inpatient,
    /// 救急
    Emergency,
    /// 在宅
    Home,
    /// オンライン
    Virtual,
}

impl EncounterClass {
    /// All, in order of the wire.
    pub const ALL: [Self; 5] = [Self::Ambulatory, Self::Inpatient, Self::Emergency, Self::Home, Self::Virtual];
    /// HL7 ActCode: `AMB`, `IMP`, `EMER`, `HH`, `VR`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ambulatory => "AMB",
            Self::Inpatient => "IMP",
            Self::Emergency => "EMER",
            Self::Home => "HH",
            Self::Virtual => "VR",
        }
    }
}

/// A visit or admission.
#[derive(Clone, PartialEq, Debug)]
pub struct Encounter {
    /// Where it took place.
    pub class: EncounterClass,
    /// FHIR status (`planned`, `in-progress`, `finished`, `cancelled`); may be empty.
    pub status: String,
    /// Why the patient came.
    pub reason: Coding,
    /// Start; the record's `occurred` where the source says no more.
    pub start: Option<Moment>,
    /// End, when it has ended.
    pub end: Option<Moment>,
}

/// A note, summary, letter or report.
#[derive(Clone, PartialEq, Debug)]
pub struct Document {
    /// LOINC document type (57133-1, 18842-5 …) or the source's own.
    pub kind: Coding,
    /// Its title; may be empty.
    pub title: String,
    /// MIME type of `content`.
    pub content_type: String,
    /// The text, or a base64-free reference such as a URL of the source; may be empty.
    pub content: String,
}

/// An imaging study.
#[derive(Clone, PartialEq, Debug)]
pub struct Imaging {
    /// DICOM modality (`CT`, `MR`, `US` …).
    pub modality: String,
    /// Body part or procedure.
    pub procedure: Coding,
    /// DICOM Study Instance UID; may be empty.
    pub study_uid: String,
    /// The report's text; may be empty.
    pub report: String,
}

/// A pregnancy record entry (check-up, registration, delivery).
#[derive(Clone, PartialEq, Debug)]
pub struct Perinatal {
    /// What was recorded (`registration`, `checkup`, `delivery`, or a coded item).
    pub code: Coding,
    /// Gestational age in days, where known.
    pub gestational_days: Option<u32>,
    /// The value, where there is one.
    pub value: Value,
}

/// A care plan.
#[derive(Clone, PartialEq, Debug)]
pub struct CarePlan {
    /// What sort.
    pub code: Coding,
    /// FHIR status; may be empty.
    pub status: String,
    /// The plan as text.
    pub text: String,
}

/// A message between facilities.
#[derive(Clone, PartialEq, Debug)]
pub struct Message {
    /// What it is about.
    pub subject: String,
    /// Its text.
    pub text: String,
}

/// Administrative sex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Sex {
    /// Female.
    Female,
    /// Male.
    Male,
    /// Other.
    Other,
    /// Not known.
    Unknown,
}

impl Sex {
    /// All, in order of the wire.
    pub const ALL: [Self; 4] = [Self::Female, Self::Male, Self::Other, Self::Unknown];
    /// FHIR administrative gender code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Female => "female",
            Self::Male => "male",
            Self::Other => "other",
            Self::Unknown => "unknown",
        }
    }
}

/// Who the patient is, as the source knows them.
#[derive(Clone, PartialEq)]
pub struct Demographics {
    /// Name as written.
    pub name: String,
    /// Name in kana; may be empty.
    pub kana: String,
    /// Birth date `YYYY-MM-DD`, as a civil date.
    pub birth_date: Option<jiff::civil::Date>,
    /// Administrative sex.
    pub sex: Sex,
    /// Postal code; may be empty.
    pub postal_code: String,
    /// Address; may be empty.
    pub address: String,
    /// When the patient died.
    pub deceased: Option<Moment>,
}

impl fmt::Debug for Demographics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Demographics(******)")
    }
}

/// What a record says.
///
/// `Debug` names the category only: payloads are patient data.
#[derive(Clone, PartialEq)]
#[expect(missing_docs, reason = "each variant is documented on its own type")]
pub enum Payload {
    Patient(Demographics),
    Laboratory(LabResult),
    VitalSign(VitalSign),
    Condition(Condition),
    Allergy(Allergy),
    Medication(Medication),
    Encounter(Encounter),
    Document(Document),
    Imaging(Imaging),
    Waveform(Waveform),
    /// A bed's monitoring, of the category of its waveforms: whoever may see these may know of it.
    Bed(BedSession),
    Perinatal(Perinatal),
    CarePlan(CarePlan),
    Message(Message),
    Immunization(Immunization),
}

impl Payload {
    /// The category this payload belongs to.
    pub fn category(&self) -> Category {
        match self {
            Self::Patient(_) => Category::Patient,
            Self::Laboratory(_) => Category::Laboratory,
            Self::VitalSign(_) => Category::VitalSign,
            Self::Condition(_) => Category::Condition,
            Self::Allergy(_) => Category::Allergy,
            Self::Medication(_) => Category::Medication,
            Self::Encounter(_) => Category::Encounter,
            Self::Document(_) => Category::Document,
            Self::Imaging(_) => Category::Imaging,
            Self::Waveform(_) | Self::Bed(_) => Category::Waveform,
            Self::Perinatal(_) => Category::Perinatal,
            Self::CarePlan(_) => Category::CarePlan,
            Self::Message(_) => Category::Message,
            Self::Immunization(_) => Category::Immunization,
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({})", self.category())
    }
}
