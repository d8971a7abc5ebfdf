//! Closed vocabularies, identifiers, moments and periods: the small parts every message is made of.
//!
//! INVARIANT: number *n* + 1 of an enum of the .proto stands for entry *n* of the model's `ALL`; a test holds the two
//! against each other by name.

use crate::error::{At, Rule, WireError, Within, required};
use crate::v1;
use model::{
    AuditOutcome, Category, ChangeKind, ConsentState, CriticalAction, DefinitionKind, EncounterClass, FacilityId,
    FacilityKind, FacilityStatus, FrameQuality, GuardianConsents, ImmunizationStatus, LabStatus, LabTableKind, Label,
    LinkEvidence, Moment, PatientNumber, PatientRef, Period, ProvisionKind, Purpose, ReferralKind, ReferralStep,
    ReviewOutcome, Role, Sex, Signer, WaveformChannel, WorklistAct,
};

/// A vocabulary of the model and its numbers on the wire.
pub(crate) trait Vocabulary: Copy + PartialEq + 'static {
    const NAME: &'static str;
    const WIRE: &'static [Self];

    /// The number of this entry.
    fn number(self) -> i32 {
        // Every entry is in `WIRE` (a test counts them), so the 0 of absence never goes out.
        Self::WIRE.iter().position(|entry| *entry == self).and_then(|at| i32::try_from(at + 1).ok()).unwrap_or(0)
    }

    /// The entry of a number.
    fn from_number(number: i32) -> Result<Self, Rule> {
        if number == 0 {
            return Err(Rule::Required);
        }
        usize::try_from(number)
            .ok()
            .and_then(|number| Self::WIRE.get(number - 1))
            .copied()
            .ok_or(Rule::UnknownNumber { vocabulary: Self::NAME, number })
    }
}

macro_rules! vocabulary {
    ($($type:ty, $name:literal, $wire:expr;)+) => {
        $(impl Vocabulary for $type {
            const NAME: &'static str = $name;
            const WIRE: &'static [Self] = $wire;
        })+
    };
}

vocabulary! {
    Category, "category", Category::ALL;
    Label, "label", Label::ALL;
    FacilityKind, "facility kind", FacilityKind::ALL;
    Role, "role", Role::ALL;
    Purpose, "purpose", Purpose::ALL;
    Signer, "signer", &Signer::ALL;
    AuditOutcome, "audit outcome", AuditOutcome::ALL;
    ConsentState, "consent state", &ConsentState::ALL;
    ProvisionKind, "provision kind", &ProvisionKind::ALL;
    ReviewOutcome, "review outcome", ReviewOutcome::ALL;
    CriticalAction, "action", CriticalAction::ALL;
    WorklistAct, "worklist act", WorklistAct::ALL;
    GuardianConsents, "choice for guardians' consents", &GuardianConsents::ALL;
    LinkEvidence, "link evidence", &LinkEvidence::ALL;
    LabStatus, "laboratory status", &LabStatus::ALL;
    LabTableKind, "laboratory table", LabTableKind::ALL;
    DefinitionKind, "definition", DefinitionKind::ALL;
    ReferralKind, "referral", ReferralKind::ALL;
    ReferralStep, "step of a referral", ReferralStep::ALL;
    EncounterClass, "encounter class", &EncounterClass::ALL;
    ImmunizationStatus, "immunization status", &ImmunizationStatus::ALL;
    Sex, "sex", &Sex::ALL;
    ChangeKind, "change kind", &[ChangeKind::Upsert, ChangeKind::Correct, ChangeKind::Delete];
    FacilityStatus, "facility status", &[FacilityStatus::Active, FacilityStatus::Inactive];
    WaveformChannel, "waveform channel", &WaveformChannel::ALL;
}

/// The set or list of the entries of a repeated enum.
pub(crate) fn entries<T: Vocabulary, S: FromIterator<T>>(field: &str, numbers: &[i32]) -> Result<S, WireError> {
    numbers
        .iter()
        .enumerate()
        .map(|(i, number)| T::from_number(*number).map_err(|rule| WireError::new(format!("{field}[{i}]"), rule)))
        .collect()
}

/// The numbers of a set, in order.
pub(crate) fn numbers<T: Vocabulary>(set: impl Iterator<Item = T>) -> Vec<i32> {
    set.map(T::number).collect()
}

/// Sample qualities are one byte each on the wire.
pub(crate) fn quality(byte: u8) -> Result<FrameQuality, Rule> {
    match byte {
        0 => Ok(FrameQuality::Good),
        1 => Ok(FrameQuality::Fair),
        2 => Ok(FrameQuality::Lost),
        other => Err(Rule::UnknownNumber { vocabulary: "sample quality", number: i32::from(other) }),
    }
}

/// A moment that must be said.
pub(crate) fn moment(field: &str, micros: Option<i64>) -> Result<Moment, WireError> {
    Moment::from_micros(required(field, micros)?).at(field)
}

/// A moment that may be absent.
pub(crate) fn moment_if(field: &str, micros: Option<i64>) -> Result<Option<Moment>, WireError> {
    micros.map(Moment::from_micros).transpose().at(field)
}

/// A civil date `YYYY-MM-DD` that may be absent.
pub(crate) fn date_if<T: std::str::FromStr>(field: &str, text: &str) -> Result<Option<T>, WireError> {
    match text {
        "" => Ok(None),
        // The parser takes other forms too; the field is `YYYY-MM-DD`.
        text if text.len() != 10 => Err(WireError::new(field, Rule::Date)),
        text => text.parse().map(Some).map_err(|_| WireError::new(field, Rule::Date)),
    }
}

/// A text of at most so many bytes.
pub(crate) fn text(field: &str, text: String, limit: usize) -> Result<String, WireError> {
    if text.len() > limit { Err(WireError::new(field, Rule::TooLong { limit })) } else { Ok(text) }
}

/// An identifier that may be absent: an empty text.
pub(crate) fn id_if<T>(
    field: &str,
    text: &str,
    parse: fn(&str) -> Result<T, model::IdError>,
) -> Result<Option<T>, WireError> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some).at(field) }
}

/// A period; absent means always.
pub(crate) fn period(field: &str, period: Option<v1::Period>) -> Result<Period, WireError> {
    period.map_or(Ok(Period::ALWAYS), Period::try_from).within(field)
}

/// A patient ref that must be said.
pub(crate) fn patient(field: &str, patient: Option<v1::PatientRef>) -> Result<PatientRef, WireError> {
    PatientRef::try_from(required(field, patient)?).within(field)
}

impl TryFrom<v1::PatientRef> for PatientRef {
    type Error = WireError;
    fn try_from(wire: v1::PatientRef) -> Result<Self, WireError> {
        let v1::PatientRef { facility, number } = wire;
        Ok(Self::new(FacilityId::parse(&facility).at("facility")?, PatientNumber::parse(&number).at("number")?))
    }
}

impl From<&PatientRef> for v1::PatientRef {
    fn from(patient: &PatientRef) -> Self {
        Self { facility: patient.facility().as_str().to_owned(), number: patient.number().as_str().to_owned() }
    }
}

impl TryFrom<v1::Period> for Period {
    type Error = WireError;
    fn try_from(wire: v1::Period) -> Result<Self, WireError> {
        let v1::Period { from_us, until_us } = wire;
        Self::new(moment_if("from_us", from_us)?, moment_if("until_us", until_us)?).at("until_us")
    }
}

impl From<Period> for v1::Period {
    fn from(period: Period) -> Self {
        Self { from_us: period.from().map(Moment::micros), until_us: period.until().map(Moment::micros) }
    }
}

/// A period that holds always is left out.
pub(crate) fn period_out(period: Period) -> Option<v1::Period> {
    (period != Period::ALWAYS).then(|| period.into())
}

macro_rules! twins {
    ($($model:ident),+) => {
        $(impl From<$model> for v1::$model {
            fn from(entry: $model) -> Self {
                Self::try_from(entry.number()).unwrap_or_default()
            }
        }
        impl TryFrom<v1::$model> for $model {
            type Error = Rule;
            fn try_from(wire: v1::$model) -> Result<Self, Rule> {
                Self::from_number(wire as i32)
            }
        })+
    };
}

twins!(
    AuditOutcome,
    Category,
    Label,
    FacilityKind,
    Role,
    Purpose,
    Signer,
    ConsentState,
    ProvisionKind,
    ReviewOutcome,
    CriticalAction,
    WorklistAct,
    GuardianConsents,
    LinkEvidence,
    LabStatus,
    LabTableKind,
    DefinitionKind,
    ReferralKind,
    ReferralStep,
    EncounterClass,
    Sex,
    ChangeKind,
    FacilityStatus,
    WaveformChannel
);
