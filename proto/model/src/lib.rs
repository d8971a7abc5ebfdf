//! What the words of the network mean: ids, records, consent, directory, positions.
//!
//! This crate is a leaf: it names no other room, does no I/O and reads no clock. A value of one of
//! its types is already valid; text and bytes become such values only through the parsing
//! constructors here and the one door in `wire`.
//!
//! It is *not* serialisable on purpose: each outer room (protobuf, Arrow, JSON) makes its own twin.
//!
//! ```
//! use model::{FacilityId, PatientNumber, PatientRef};
//! let patient = PatientRef::new(FacilityId::parse("nagasaki-mc")?, PatientNumber::parse("00012345")?);
//! assert_eq!(patient.facility().as_str(), "nagasaki-mc");
//! assert_eq!(format!("{patient:?}"), "PatientRef(nagasaki-mc, ******)", "patient numbers are redacted");
//! # Ok::<(), model::IdError>(())
//! ```

mod agreement;
mod audit;
mod bed;
mod break_glass;
mod category;
mod consent;
mod definition;
mod event;
mod facility;
mod guardian;
mod id;
mod kinship;
mod label;
mod laboratory;
mod link;
mod measure;
mod moment;
mod notice;
mod payload;
mod position;
mod principal;
mod provision;
mod reading;
mod record;
mod referral;
mod scope;
mod waveform;
mod worklist;

pub use agreement::{AgreementChange, AgreementEnd, ViewerAgreement};
pub use audit::{
    Act, ActId, ActSet, Agent, AuditEvent, AuditOutcome, AuditOutcomeSet, Counts, Digest, DigestError, Receipt, Salt,
    Shown, UnknownAct, UnknownAuditOutcome, What,
};
pub use bed::{
    BedAlarm, BedAlarmError, BedAlarmKind, BedAlarmKinds, BedDeed, BedHandover, BedPlace, BedWatcher,
    UnknownBedAlarmKind,
};
pub use break_glass::{
    BreakGlass, BreakGlassEnd, BreakGlassError, BreakGlassReview, ReviewOutcome, ReviewOutcomes, UnknownReviewOutcome,
};
pub use category::{Category, CategorySet, UnknownCategory};
pub use consent::{
    Consent, ConsentChange, ConsentForm, ConsentState, Done, Paper, Purpose, PurposeSet, Signer, UnknownPurpose,
    Viewers, Withdrawal,
};
pub use definition::{
    Definition, DefinitionError, DefinitionKind, DefinitionKinds, DefinitionName, UnknownDefinitionKind,
};
pub use event::{Body, DirectoryChange, Event, EventKey};
pub use facility::{
    Facility, FacilityKind, FacilityKindSet, FacilityStatus, Member, Role, RoleSet, UnknownFacilityKind, UnknownRole,
};
pub use guardian::{ConsentFlag, MAJORITY, majority};
pub use id::{
    AgreementId, ConsentId, DepartmentCode, EventId, FacilityId, GlassId, IdError, LinkId, MemberId, PatientNumber,
    PatientRef, RecordId, RecordRef, ReferralId, Version,
};
pub use kinship::{Kinship, KinshipChange, KinshipEnd, KinshipError};
pub use label::{Label, Labels, UnknownLabel};
pub use laboratory::{LabTable, LabTableError, LabTableKind, LabTableKinds, UnknownLabTableKind};
pub use link::{Link, LinkChange, LinkEvidence, Unlink};
pub use measure::MeasureRelease;
pub use moment::{Moment, MomentError, Period, PeriodError};
pub use notice::{
    CriticalAction, CriticalActions, NoticeId, NoticeIdError, NoticeKind, NoticeKinds, OwnWords, OwnWordsError,
    UnknownCriticalAction, UnknownNoticeKind,
};
pub use payload::{
    Allergy, CarePlan, CodeSystem, Coding, Condition, Demographics, Document, Encounter, EncounterClass, Imaging,
    Immunization, ImmunizationStatus, LabResult, LabStatus, Medication, Message, Payload, Perinatal, Sex, Value,
    VitalSign,
};
pub use position::{Frontier, Offset, PartitionId, Position, PositionError};
pub use principal::Principal;
pub use provision::{Exceptions, ExceptionsError, Provision, ProvisionKind};
pub use reading::Reading;
pub use record::{Author, ChangeKind, Record, RecordError};
pub use referral::{
    Referral, ReferralChange, ReferralError, ReferralKind, ReferralKinds, ReferralStep, ReferralSteps, ReferralTurn,
    UnknownReferralKind, UnknownReferralStep,
};
pub use scope::{BreakGlassRule, DisclosureScope, GuardianConsents, HoldBack, Release, ScopeRule};
pub use waveform::{
    BedSession, FetusNumber, FetusNumberError, FrameQuality, Hops, Waveform, WaveformChannel, WaveformFrame,
};
pub use worklist::{UnknownWorklistAct, WorklistAct, WorklistActs, WorklistEntry};
