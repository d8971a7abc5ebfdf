//! `Debug` for messages that may carry patient data: their name and nothing else, so that a log line, a span or a
//! failed assertion cannot show what they say.

use crate::v1;
use std::fmt;

macro_rules! redacted {
    ($($($path:ident)::+,)+) => {
        $(impl fmt::Debug for v1::$($path)::+ {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($($path)::+), "(******)"))
            }
        })+
    };
}

redacted! {
    PatientRef, Event, event::Body, ConsentChange, consent_change::Kind, DirectoryChange, directory_change::Kind,
    Paper, BreakGlass, BreakGlassReview, Record, record::Payload, Coding, Quantity, Value, value::Kind, LabResult, VitalSign, Condition, Allergy,
    Medication, Encounter, Document, Imaging, WaveformFrame, Waveform, BedSession, Perinatal, CarePlan, Message, Immunization, Demographics,
    PublishRequest, PublishBatchRequest, GetQuarantinedResponse, ReplayQuarantinedRequest, ListGapsResponse, Gap, Vanished,
    ExplainRequest,
    AuditEvent, audit_event::What, ShownRows, WithdrawalReceipt,
    ReportResponse, SignedReceipt, RecallRequest, recall_request::Of, ExportItem, export_item::Item,
    Notice, NoticeItem, notice_item::Item, Acted, AuditedAction, AuditedWorklist, Correction, Critical, AcknowledgeNoticeRequest,
    FeedItem, feed_item::Item, QueryRequest, QueryResponse, query_response::Part,
    CohortMember, CohortStep, RunCohortItem, run_cohort_item::Item, DiffCohortItem, diff_cohort_item::Item, CohortItem,
    cohort_item::Item, WorklistDeed, WorklistEntry, ActOnWorklistRequest,
    MeasureRelease, CountedPerson,
    ViewOfRequest, ViewedRecord, AffectedRecord, UnmappedCode,
    Referral, ReferralTurn, ReferralChange, referral_change::Kind, SendReferralRequest, TurnReferralRequest,
    ListReferralsResponse, ReferralEntry,
    BedInfo, BedNote, ListBedsResponse, NoteBedRequest, AuditedBed, audited_bed::Deed, AuditedBedNote,
}
