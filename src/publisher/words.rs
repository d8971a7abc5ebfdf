//! Reasons in a few words, Japanese and English, for tables and pages.

use consent_filter::Reason;
use ingest::RefusalReason;

/// Why rows are held back, in Japanese and English; the code itself for one that is not known.
pub fn reason_words(code: &str) -> (&str, &str) {
    Reason::ALL.iter().find(|reason| reason.code() == code).map_or((code, code), |reason| words(*reason))
}

const fn words(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::UnknownRecord => ("不明な記録", "unknown record"),
        Reason::ViewerUnknown => ("台帳にない施設", "facility not in the directory"),
        Reason::ViewerInactive => ("参加していない施設", "facility takes no part"),
        Reason::MemberUnknown => ("登録のない職員", "person not in the directory"),
        Reason::MemberInactive => ("在籍していない職員", "membership does not hold"),
        Reason::RoleNotHeld => ("登録と異なる職種", "role not held"),
        Reason::Uninformed => ("本人に未告知", "patient not told"),
        Reason::RoleNotClinical => ("診療に携わらない職種", "role sees no clinical data"),
        Reason::SourceInactive => ("開示施設が参加していない", "source takes no part"),
        Reason::Undelivered => ("提供しない印のある記録", "marked never to leave"),
        Reason::NoConsent => ("同意がない", "no consent"),
        Reason::MemberNotNamed => ("同意は名指しの職員だけ", "consent names practitioners"),
        Reason::NoViewerAgreement => ("代行同意への事前合意がない", "no agreement to proxy consent"),
        Reason::ConsentWithdrawn => ("同意は撤回された", "consent withdrawn"),
        Reason::ConsentSuperseded => ("同意は新しいものに替わった", "consent superseded"),
        Reason::ConsentNotActive => ("同意が有効になっていない", "consent not active"),
        Reason::ConsentNotBegun => ("同意の期間前", "consent not begun"),
        Reason::ConsentExpired => ("同意の期間後", "consent expired"),
        Reason::GuardianConsentEnded => ("成年到達により終了", "guardian's consent ended"),
        Reason::PurposeNotCovered => ("目的が同意の外", "purpose not covered"),
        Reason::DataPeriod => ("同意した期間の外の記録", "outside the data period"),
        Reason::CategoryNotConsented => ("種別が同意の外", "category not consented"),
        Reason::DepartmentNotConsented => ("診療科が同意の外", "department not consented"),
        Reason::LabelNotConsented => ("機微情報が同意の外", "label not consented"),
        Reason::DeniedByException => ("同意の例外", "denied by an exception"),
        Reason::BreakGlassNotBegun => ("緊急閲覧の開始前", "break-glass not begun"),
        Reason::BreakGlassExpired => ("緊急閲覧の終了後", "break-glass ended"),
        Reason::NotPreauthorisedForBreakGlass => ("緊急閲覧が認められていない", "break-glass not allowed"),
        Reason::NoScope => ("開示範囲がない", "no scope"),
        Reason::OutOfScope => ("開示範囲の外", "out of scope"),
        Reason::ScopeLabel => ("機微情報が開示範囲の外", "label out of scope"),
        Reason::ScopeSince => ("開示開始日より前の記録", "before the scope begins"),
        Reason::HeldBack => ("一定日数の保留中", "held back for some days"),
        Reason::HeldUntilRelease => ("解除までの保留中", "held until released"),
        Reason::NotLinked => ("紐付けがない", "not linked"),
    }
}

/// Why something was refused at the door, in Japanese and English; the code itself for one that is not known.
pub fn refusal_words(code: &str) -> (&str, &str) {
    let known = RefusalReason::ALL.iter().find(|reason| reason.code() == code);
    known.map_or((code, code), |reason| match reason {
        RefusalReason::Unreadable => ("読めない", "unreadable"),
        RefusalReason::Invalid => ("内容の誤り", "invalid"),
        RefusalReason::TooLarge => ("大きすぎる", "too large"),
        RefusalReason::WrongSource => ("他施設の名による", "another facility's name"),
        RefusalReason::RoleNotPermitted => ("職種に許されない", "role not permitted"),
        RefusalReason::NotDiscloser => ("開示施設でない", "not the discloser"),
        RefusalReason::NotPermitted => ("許されない", "not permitted"),
        RefusalReason::IdReused => ("番号の使い回し", "id reused"),
    })
}
