//! Notices in words.

use crate::register::UNREVIEWED_AFTER;
use ledger::{Language, Names, japan_time};
use model::{FacilityId, MemberId, Moment, NoticeKind, ReferralStep};
use wire::v1;

/// A notice in words.
pub(super) fn words(kind: NoticeKind, notice: &v1::Notice, names: &Names, language: Language) -> String {
    let v1::Notice { patient, subject, viewer, member, until_us, .. } = notice;
    let number = patient.as_ref().map(|patient| patient.number.as_str()).unwrap_or_default();
    let viewer = FacilityId::parse(viewer).ok();
    let viewer = viewer.as_ref().map(|viewer| names.facility(viewer, language)).unwrap_or_default();
    let member = MemberId::parse(member).ok();
    let member = member.as_ref().map(|member| names.member(member)).unwrap_or_default();
    let until = until_us.and_then(|micros| Moment::from_micros(micros).ok()).map(japan_time);
    let until = until.unwrap_or_default();
    let own = patient.is_none();
    let source = FacilityId::parse(&notice.source).ok();
    let source = source.as_ref().map(|source| names.facility(source, language)).unwrap_or_default();
    let days = UNREVIEWED_AFTER / (24 * 3_600_000_000);
    match (kind, language) {
        (NoticeKind::GlassBroken, Language::Japanese) => {
            format!(
                "{viewer} の {member} が患者 {number} の緊急閲覧 {subject} を始めました（{until} まで）。確認してください。"
            )
        }
        (NoticeKind::GlassBroken, Language::English) => {
            format!("{member} of {viewer} broke the glass {subject} over patient {number}, until {until}. Review it.")
        }
        (NoticeKind::GlassClosed, Language::Japanese) if own => {
            format!("緊急閲覧 {subject} は開示施設によって閉じられました。")
        }
        (NoticeKind::GlassClosed, Language::English) if own => {
            format!("The disclosing facility closed the broken glass {subject}.")
        }
        (NoticeKind::GlassClosed, Language::Japanese) => {
            format!("{viewer} が患者 {number} の緊急閲覧 {subject} を終えました。")
        }
        (NoticeKind::GlassClosed, Language::English) => {
            format!("{viewer} closed the broken glass {subject} over patient {number}.")
        }
        (NoticeKind::GlassUnreviewed, Language::Japanese) => {
            format!(
                "患者 {number} の緊急閲覧 {subject}（{viewer} の {member}）が{days}日を過ぎても確認されていません。"
            )
        }
        (NoticeKind::GlassUnreviewed, Language::English) => {
            format!(
                "The glass {subject} that {member} of {viewer} broke over patient {number} was not reviewed within {days} days."
            )
        }
        (NoticeKind::ConsentWithdrawn, Language::Japanese) => {
            "見えていた情報の同意が撤回され、見えなくなりました。".to_owned()
        }
        (NoticeKind::ConsentWithdrawn, Language::English) => {
            "A consent under which data was shown to your facility was withdrawn; that data is shown no longer."
                .to_owned()
        }
        (NoticeKind::ReconsentDue, Language::Japanese) => {
            format!("患者 {number} は成年に達しました。代理人が署名した同意 {subject} を本人に確かめてください。")
        }
        (NoticeKind::ReconsentDue, Language::English) => {
            format!(
                "Patient {number} has come of age. Ask them about consent {subject}, which a representative signed."
            )
        }
        (NoticeKind::ReceiptReady, Language::Japanese) => {
            format!("患者 {number} の同意 {subject} の撤回が済みました。受領書を渡せます。")
        }
        (NoticeKind::ReceiptReady, Language::English) => {
            format!(
                "The withdrawal of consent {subject} of patient {number} is done; its receipt can be given to them."
            )
        }
        (NoticeKind::ReferralReceived, Language::Japanese) => {
            format!(
                "{source} から{}の紹介 {subject} が届きました。受けるかどうかを答えてください。",
                of(number, language)
            )
        }
        (NoticeKind::ReferralReceived, Language::English) => {
            format!("{source} refers a patient{}: {subject}. Accept or decline.", of(number, language))
        }
        (NoticeKind::ReferralTurned, _) => {
            let step = model::ReferralStep::try_from(notice.referral_step()).ok();
            turned((source, subject), number, step, language)
        }
        (NoticeKind::ResultCorrected, _) => corrected(source, number, language),
        (NoticeKind::CriticalResult, _) => critical(source, number, notice.critical.as_ref(), language),
        (NoticeKind::CriticalUnacknowledged, _) => {
            let facilities = notice.waiting_at.iter().filter_map(|at| FacilityId::parse(at).ok());
            let named: Vec<String> = facilities.map(|at| names.facility(&at, language).to_owned()).collect();
            let comma = if language == Language::Japanese { "、" } else { ", " };
            unacknowledged((source, &named.join(comma)), number, &until, language)
        }
    }
}

/// Whose, where the caller may know.
fn of(number: &str, language: Language) -> String {
    match (language, number) {
        (Language::Japanese, "") => "患者".to_owned(),
        (Language::Japanese, number) => format!("患者 {number} "),
        (Language::English, "") => String::new(),
        (Language::English, number) => format!(" ({number})"),
    }
}

fn turned((source, subject): (&str, &str), number: &str, step: Option<ReferralStep>, language: Language) -> String {
    let of = of(number, language);
    match (language, step) {
        (Language::Japanese, step) => {
            let what = match step {
                Some(ReferralStep::Accepted) => "受けました",
                Some(ReferralStep::Declined) => "受けられないと答えました",
                Some(ReferralStep::Departed) => "送り出しました",
                Some(ReferralStep::Arrived) => "到着を記録しました",
                Some(ReferralStep::Completed) => "終え、結果を知らせました",
                Some(ReferralStep::Cancelled) => "取り消しました",
                Some(ReferralStep::Closed) => "閉じました",
                None => "進めました",
            };
            format!("{source} が{of}の紹介 {subject} を{what}。")
        }
        (Language::English, step) => {
            let what = match step {
                Some(ReferralStep::Accepted) => "accepted",
                Some(ReferralStep::Declined) => "declined",
                Some(ReferralStep::Departed) => "sent on its way the patient of",
                Some(ReferralStep::Arrived) => "received the patient of",
                Some(ReferralStep::Completed) => "completed",
                Some(ReferralStep::Cancelled) => "cancelled",
                Some(ReferralStep::Closed) => "closed",
                None => "went on with",
            };
            format!("{source} {what} the referral {subject}{of}.")
        }
    }
}

fn corrected(source: &str, number: &str, language: Language) -> String {
    match (language, number) {
        (Language::Japanese, "") => format!("{source} が、以前に表示された検査結果を訂正しました。"),
        (Language::English, "") => format!("{source} corrected a laboratory result that had been shown."),
        (Language::Japanese, number) => format!(
            "{source} が患者 {number} の検査結果を訂正しました。以前に表示された値は正しくありません。いまの結果を確かめてください。"
        ),
        (Language::English, number) => format!(
            "{source} corrected a laboratory result of patient {number}. What was shown before is wrong: look at the result as it stands."
        ),
    }
}

/// The item and on which side it is critical, where the caller is still shown the result. Never the value.
fn critical(source: &str, number: &str, critical: Option<&v1::CriticalValue>, language: Language) -> String {
    let Some(critical) = critical else {
        return match language {
            Language::Japanese => format!("{source} の検査結果にパニック値がありました。いまは表示されません。"),
            Language::English => format!("{source} had a critical laboratory result, which is shown no longer."),
        };
    };
    let v1::CriticalValue { bound, item_ja, item_en, withdrawn_us, .. } = critical;
    let low = bound == "low";
    match (language, withdrawn_us) {
        (Language::Japanese, None) => {
            let bound = if low { "低値" } else { "高値" };
            format!(
                "{source}：患者 {number} の {item_ja} がパニック値（{bound}）です。確認し、対応を記録してください。"
            )
        }
        (Language::English, None) => {
            format!(
                "{source}: {item_en} of patient {number} is critically {bound}. Acknowledge it and say what was done."
            )
        }
        (Language::Japanese, Some(_)) => {
            format!("{source}：患者 {number} の {item_ja} のパニック値は、その後訂正されました。")
        }
        (Language::English, Some(_)) => {
            format!("{source}: the critical {item_en} of patient {number} was corrected since.")
        }
    }
}

/// To the facility itself, or to the one that published the result, which then telephones where it waits.
fn unacknowledged((source, at): (&str, &str), number: &str, until: &str, language: Language) -> String {
    let of = match (language, number) {
        (_, "") => String::new(),
        (Language::Japanese, number) => format!("患者 {number} の"),
        (Language::English, number) => format!(" of patient {number}"),
    };
    match (language, at) {
        (Language::Japanese, "") => {
            format!("{source} が報告した{of}パニック値が、期限（{until}）までに確認されませんでした。")
        }
        (Language::English, "") => {
            format!("A critical result{of} from {source} was not acknowledged by {until}.")
        }
        (Language::Japanese, at) => {
            format!("{of}パニック値が {at} で期限（{until}）までに確認されませんでした。電話で伝えてください。")
        }
        (Language::English, at) => {
            format!("A critical result{of} was not acknowledged at {at} by {until}: telephone.")
        }
    }
}
