//! Reasons in plain words, for the patient whose record it is. Closed lists: every reason and every gate has its sentence
//! in Japanese and in English, and none carries a code.

use crate::{Decision, Explanation, Gate, Permit, Reason, Verdict};

/// One sentence, in both languages.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Sentence {
    /// In Japanese.
    pub ja: &'static str,
    /// In English.
    pub en: &'static str,
}

const fn say(ja: &'static str, en: &'static str) -> Sentence {
    Sentence { ja, en }
}

impl Reason {
    /// Why the record is withheld, as the patient is told.
    pub const fn for_patient(self) -> Sentence {
        match self {
            Self::UnknownRecord => say(
                "この記録は登録されている患者番号と一致しません。",
                "The record does not belong to a known patient number.",
            ),
            Self::ViewerUnknown => say(
                "閲覧しようとする施設はこのネットワークに登録されていません。",
                "The facility that asks is not registered in this network.",
            ),
            Self::ViewerInactive => say(
                "閲覧しようとする施設は現在このネットワークに参加していません。",
                "The facility that asks takes no part in this network at present.",
            ),
            Self::MemberUnknown => say(
                "閲覧しようとする人はその施設の職員として登録されていません。",
                "The person who asks is not registered as staff of that facility.",
            ),
            Self::MemberInactive => say(
                "閲覧しようとする人の在籍期間外です。",
                "The person who asks is not on the staff of that facility at this time.",
            ),
            Self::RoleNotHeld => say(
                "閲覧しようとする人はその職種で登録されていません。",
                "The person who asks is registered in another profession.",
            ),
            Self::Uninformed => say(
                "この記録はまだ本人に説明されていないため、本人の画面には表示されません。担当の医師にお尋ねください。",
                "The record has not been explained to you yet and is not on your own screen. Please ask your doctor.",
            ),
            Self::RoleNotClinical => say(
                "診療に携わらない職種の人には診療の記録は表示されません。",
                "Clinical records are not shown to people who take no part in care.",
            ),
            Self::SourceInactive => say(
                "記録を持つ施設は現在このネットワークに参加していません。",
                "The facility that keeps the record takes no part in this network at present.",
            ),
            Self::Undelivered => say(
                "記録を持つ施設が、この記録を他の施設に提供しないと定めています。",
                "The facility that keeps the record does not give this record to others.",
            ),
            Self::NoConsent => say(
                "この施設に見せることへの同意がありません。",
                "You have not consented to showing it to this facility.",
            ),
            Self::MemberNotNamed => say(
                "同意された担当者の中に、この閲覧者は含まれていません。",
                "Your consent names certain people at this facility, and this viewer is not one of them.",
            ),
            Self::NoViewerAgreement => say(
                "代行で取得された同意に、閲覧する施設が事前に合意していません。",
                "The consent was taken on the facility's behalf, and the facility had not agreed to that beforehand.",
            ),
            Self::ConsentWithdrawn => say("同意が撤回されています。", "The consent has been withdrawn."),
            Self::ConsentSuperseded => {
                say("この同意は新しい同意に置き換えられています。", "A later consent has taken the place of this one.")
            }
            Self::ConsentNotActive => say(
                "同意はまだ有効になっていないか、受理されませんでした。",
                "The consent is not in force yet, or was not accepted.",
            ),
            Self::ConsentNotBegun => {
                say("同意の有効期間がまだ始まっていません。", "The period of the consent has not begun.")
            }
            Self::ConsentExpired => say("同意の有効期間が終わっています。", "The period of the consent is over."),
            Self::GuardianConsentEnded => say(
                "保護者による同意であり、本人が成人したため終了しました。あらためて本人の同意が必要です。",
                "A guardian gave the consent and it ended when you came of age. Your own consent is needed now.",
            ),
            Self::PurposeNotCovered => {
                say("同意された利用目的に含まれていません。", "The consent does not cover the purpose of this access.")
            }
            Self::DataPeriod => say(
                "同意された期間の記録ではありません。",
                "The record is from a time that the consent does not cover.",
            ),
            Self::CategoryNotConsented => {
                say("同意された記録の種類に含まれていません。", "The consent does not cover this kind of record.")
            }
            Self::DepartmentNotConsented => {
                say("同意された診療科の記録ではありません。", "The consent does not cover records of this department.")
            }
            Self::LabelNotConsented => say(
                "特に配慮が必要な記録であり、同意の中で明示されていません。",
                "The record is especially sensitive, and the consent does not name that kind expressly.",
            ),
            Self::DeniedByException => {
                say("同意の中で例外として除かれています。", "The consent leaves this out as an exception.")
            }
            Self::BreakGlassNotBegun => {
                say("緊急閲覧の時間がまだ始まっていません。", "The emergency access has not begun.")
            }
            Self::BreakGlassExpired => say("緊急閲覧の時間は終わっています。", "The emergency access is over."),
            Self::NotPreauthorisedForBreakGlass => say(
                "記録を持つ施設は、この職種による緊急閲覧を認めていません。",
                "The facility that keeps the record allows no emergency access by this profession.",
            ),
            Self::NoScope => say(
                "記録を持つ施設は、まだ何も開示していません。",
                "The facility that keeps the record discloses nothing yet.",
            ),
            Self::OutOfScope => say(
                "記録を持つ施設が定めた開示の範囲に含まれていません。",
                "The record is outside what the facility that keeps it discloses.",
            ),
            Self::ScopeLabel => say(
                "特に配慮が必要な記録であり、記録を持つ施設が開示していません。",
                "The record is especially sensitive, and the facility that keeps it does not disclose it.",
            ),
            Self::ScopeSince => say(
                "記録を持つ施設が開示を始めた日より前の記録です。",
                "The record is older than the day from which its facility discloses.",
            ),
            Self::HeldBack => say(
                "記録を持つ施設が一定の日数、開示を控えています。",
                "The facility that keeps the record holds it back for some days.",
            ),
            Self::HeldUntilRelease => say(
                "記録を持つ施設が確認を終えるまで、開示を控えています。",
                "The facility that keeps the record holds it back until it has been released.",
            ),
            Self::NotLinked => say(
                "閲覧する施設の患者として、本人であることの確認（紐付け）がされていません。",
                "Nobody has confirmed that you are a patient of the facility that asks.",
            ),
        }
    }
}

impl Gate {
    /// What the gate says, as the patient is told.
    pub const fn for_patient(self, verdict: Verdict) -> Sentence {
        match (self, verdict) {
            (_, Verdict::Shuts(reason)) => reason.for_patient(),
            (Self::Viewer, _) => say(
                "閲覧者はネットワークに参加する施設の、診療に携わる人です。",
                "The viewer takes part in care at a facility of this network.",
            ),
            (Self::Own, Verdict::Opens) => {
                say("閲覧者の施設自身の記録です。", "The record is the viewer's own facility's.")
            }
            (Self::Own, Verdict::Silent) => {
                say("閲覧者とは別の施設の記録です。", "The record is another facility's than the viewer's.")
            }
            (Self::Source, _) => say(
                "記録を持つ施設はネットワークに参加しています。",
                "The facility that keeps the record takes part in this network.",
            ),
            (Self::Tag, _) => say("他の施設に提供してよい記録です。", "The record may be given to other facilities."),
            (Self::Consent, _) => say("あなたの同意があります。", "You have consented."),
            (Self::Glass, Verdict::Opens) => say(
                "同意によらず、緊急閲覧の手続きがとられています。この閲覧は後に審査されます。",
                "Emergency access was declared in place of a consent. It will be reviewed.",
            ),
            (Self::Glass, Verdict::Silent) => {
                say("緊急閲覧の手続きはとられていません。", "No emergency access was declared.")
            }
            (Self::Scope, _) => say(
                "記録を持つ施設が定めた開示の範囲に含まれています。",
                "The record is within what the facility that keeps it discloses.",
            ),
            (Self::Link, _) => say(
                "閲覧する施設の患者として本人であることが確認されています。",
                "It is confirmed that you are a patient of the viewing facility.",
            ),
        }
    }
}

impl Explanation {
    /// The whole reason in plain words: the answer, then each gate. For the patient whose record it is, through the
    /// disclosing facility.
    pub fn for_patient(&self) -> Vec<Sentence> {
        let answer = match self.decision {
            Decision::Permit(Permit::Own | Permit::Shared { .. }) => {
                say("この記録は閲覧者に表示されます。", "The record is shown to the viewer.")
            }
            Decision::Permit(Permit::BrokenGlass { .. }) => say(
                "この記録は緊急閲覧により閲覧者に表示されます。",
                "The record is shown to the viewer by emergency access.",
            ),
            Decision::Withhold(_) => {
                say("この記録は閲覧者に表示されません。", "The record is not shown to the viewer.")
            }
        };
        let mut told = vec![answer];
        if self.gates.is_empty()
            && let Decision::Withhold(reason) = self.decision
        {
            told.push(reason.for_patient());
        }
        told.extend(self.gates.iter().map(|gate| gate.what.for_patient(gate.verdict)));
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const GATES: [Gate; 8] =
        [Gate::Viewer, Gate::Own, Gate::Source, Gate::Tag, Gate::Consent, Gate::Glass, Gate::Scope, Gate::Link];

    fn everything_said() -> Vec<Sentence> {
        let gates = GATES.iter().flat_map(|gate| [Verdict::Opens, Verdict::Silent].map(|said| gate.for_patient(said)));
        Reason::ALL.iter().map(|reason| reason.for_patient()).chain(gates).collect()
    }

    #[test]
    fn every_reason_and_gate_is_a_sentence_in_both_languages_without_codes() {
        for Sentence { ja, en } in everything_said() {
            assert!(ja.ends_with('。') && ja.chars().filter(char::is_ascii_alphanumeric).count() == 0, "{ja}");
            assert!(en.ends_with('.') && en.is_ascii() && en.chars().next().is_some_and(char::is_uppercase), "{en}");
            assert!(!en.contains('_') && !en.contains("  "), "a code or a broken line in: {en}");
        }
    }

    #[test]
    fn no_two_reasons_are_told_alike() {
        let told: Vec<Sentence> = Reason::ALL.iter().map(|reason| reason.for_patient()).collect();
        let ja: BTreeSet<_> = told.iter().map(|sentence| sentence.ja).collect();
        let en: BTreeSet<_> = told.iter().map(|sentence| sentence.en).collect();
        assert_eq!((ja.len(), en.len()), (Reason::ALL.len(), Reason::ALL.len()));
    }
}
