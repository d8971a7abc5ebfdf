//! The words of reports, in Japanese and English.

use model::{Act, AuditOutcome, Category, Counts, DirectoryChange, FacilityId, MemberId, Moment, Purpose, Role};
use std::collections::BTreeMap;

/// The language of a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// 日本語
    Japanese,
    /// English
    English,
}

impl Language {
    pub(crate) fn pick<'a>(self, (japanese, english): (&'a str, &'a str)) -> &'a str {
        match self {
            Self::Japanese => japanese,
            Self::English => english,
        }
    }
}

/// What facilities and people are called. Who left the directory keeps their name here.
#[derive(Clone, Debug, Default)]
pub struct Names {
    facilities: BTreeMap<FacilityId, (String, String)>,
    members: BTreeMap<MemberId, String>,
}

impl Names {
    /// Takes in a change of the directory; the latest name holds.
    pub fn observe(&mut self, change: &DirectoryChange) {
        match change {
            DirectoryChange::Facility(facility) => {
                let names = (facility.name.clone(), facility.name_en.clone());
                self.facilities.insert(facility.id.clone(), names);
            }
            DirectoryChange::Member(member) => {
                self.members.insert(member.id.clone(), member.name.clone());
            }
            // What else the directory says has no name.
            _ => {}
        }
    }
    /// A facility's name, or its id where there is none.
    pub fn facility<'a>(&'a self, id: &'a FacilityId, language: Language) -> &'a str {
        let name = self.facilities.get(id).map(|(japanese, english)| language.pick((japanese, english)));
        name.filter(|name| !name.is_empty()).unwrap_or(id.as_str())
    }
    /// A person's name, or their id where there is none.
    pub fn member<'a>(&'a self, id: &'a MemberId) -> &'a str {
        self.members.get(id).map_or(id.as_str(), String::as_str)
    }
}

pub(crate) const fn role(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Physician => ("医師", "physician"),
        Role::Dentist => ("歯科医師", "dentist"),
        Role::Nurse => ("看護師", "nurse"),
        Role::Midwife => ("助産師", "midwife"),
        Role::Pharmacist => ("薬剤師", "pharmacist"),
        Role::LaboratoryStaff => ("臨床検査技師", "laboratory staff"),
        Role::CareManager => ("ケアマネジャー等", "care manager"),
        Role::Clerk => ("事務職員", "clerk"),
        Role::Auditor => ("監査担当者", "auditor"),
        Role::Administrator => ("管理者", "administrator"),
        Role::System => ("情報システム", "computer system"),
        Role::Patient => ("患者本人", "the patient"),
    }
}

pub(crate) const fn purpose(purpose: Purpose) -> (&'static str, &'static str) {
    match purpose {
        Purpose::Treatment => ("診療のため", "for treatment"),
        Purpose::EmergencyTreatment => ("救急診療のため", "for emergency treatment"),
        Purpose::BreakGlass => ("緊急時の例外として", "as an emergency exception (break-glass)"),
        Purpose::Operations => ("施設の運営のため", "for healthcare operations"),
        Purpose::Research => ("研究のため", "for research"),
        Purpose::PublicHealth => ("公衆衛生のため", "for public health"),
        Purpose::PatientRequest => ("患者本人の求めにより", "at the patient's request"),
    }
}

pub(crate) const fn act(act: Act) -> (&'static str, &'static str) {
    match act {
        Act::Query => ("照会した", "looked at"),
        Act::Feed => ("継続して受信した", "watched live"),
        Act::Export => ("ファイルに書き出した", "exported as files"),
        Act::MachinePull => ("システムで取得した", "fetched by computer"),
        Act::Disclosure => ("閲覧できる状態になった", "was given access to"),
        Act::Receipt => ("同意の撤回を処理した", "carried out the withdrawal of consent"),
        Act::BreakGlass => ("緊急時の例外を開始した", "began an emergency exception"),
        Act::Acknowledgement => ("知らせを確認した", "acknowledged a notice"),
        Act::Delivery => ("パニック値の知らせを受け取った", "was told of a critical result"),
        Act::Action => ("パニック値に対応した", "acted on a critical result"),
        Act::Worklist => ("連絡リストに記入した", "marked an entry of a worklist"),
        Act::Bed => ("監視中のベッドで記録した", "acted at a bed that is watched"),
    }
}

/// What is worth saying of how it ended; nothing where it just did.
pub(crate) const fn outcome(outcome: AuditOutcome) -> (&'static str, &'static str) {
    match outcome {
        AuditOutcome::Completed | AuditOutcome::Ongoing => ("", ""),
        AuditOutcome::Refused => ("（拒否された）", " (refused)"),
        AuditOutcome::Failed => ("（途中で失敗した）", " (failed before its end)"),
        AuditOutcome::Cancelled => ("（途中でやめた）", " (stopped by the viewer)"),
        AuditOutcome::Closed => ("（許可が終わり打ち切られた）", " (ended because a permission ended)"),
    }
}

pub(crate) const fn category(category: Category) -> (&'static str, &'static str) {
    match category {
        Category::Patient => ("基本情報", "personal details"),
        Category::Laboratory => ("検査結果", "laboratory results"),
        Category::VitalSign => ("バイタルサイン", "vital signs"),
        Category::Condition => ("病名", "conditions"),
        Category::Allergy => ("アレルギー", "allergies"),
        Category::Medication => ("処方・注射", "medications"),
        Category::Encounter => ("受診・入院", "visits and admissions"),
        Category::Document => ("文書・記録", "documents and notes"),
        Category::Imaging => ("画像検査", "imaging"),
        Category::Waveform => ("波形", "waveforms"),
        Category::Perinatal => ("周産期の記録", "pregnancy records"),
        Category::CarePlan => ("ケアプラン", "care plans"),
        Category::Message => ("連絡", "messages"),
        Category::Immunization => ("予防接種", "immunizations"),
    }
}

/// `検査結果 12件、処方・注射 3件`, `12 laboratory results, 3 medications`.
pub(crate) fn counts(counts: &Counts, language: Language) -> String {
    let each = counts.iter().map(|(of, rows)| {
        let name = language.pick(category(of));
        match language {
            Language::Japanese => format!("{name} {rows}件"),
            Language::English => format!("{rows} × {name}"),
        }
    });
    each.collect::<Vec<_>>().join(language.pick(("、", ", ")))
}

/// Date, hour and minute in Japan.
pub fn japan_time(moment: Moment) -> String {
    const NINE_HOURS: i64 = 9 * 3600 * 1_000_000;
    moment.plus_micros(NINE_HOURS).to_string().replace('T', " ").chars().take(16).collect()
}
