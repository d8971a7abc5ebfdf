//! What each table's columns are. The documentation in `query/README.md` is made from here.

use arrow::datatypes::{DataType, Field, TimeUnit};
use model::Category;
use std::sync::Arc;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Text; an empty text at the source is NULL.
    Text,
    /// A list of texts, never NULL.
    Texts,
    /// A 64-bit float.
    Float,
    /// A 64-bit integer.
    Long,
    /// A 32-bit integer.
    Int,
    /// True or false.
    Flag,
    /// A moment, microseconds, UTC.
    Time,
    /// A civil date.
    Date,
    /// A list of 32-bit floats.
    Samples,
    /// A list of 8-bit integers, one per sample: 0 good, 1 doubtful, 2 lost.
    Qualities,
}

impl Kind {
    /// The Arrow type.
    pub fn data_type(self) -> DataType {
        let list = |item: DataType| DataType::List(Arc::new(Field::new("element", item, true)));
        match self {
            Self::Text => DataType::Utf8,
            Self::Texts => list(DataType::Utf8),
            Self::Float => DataType::Float64,
            Self::Long => DataType::Int64,
            Self::Int => DataType::Int32,
            Self::Flag => DataType::Boolean,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Date => DataType::Date32,
            Self::Samples => list(DataType::Float32),
            Self::Qualities => list(DataType::Int8),
        }
    }

    /// The type as SQL users know it.
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Texts => "text[]",
            Self::Float => "double",
            Self::Long => "bigint",
            Self::Int => "integer",
            Self::Flag => "boolean",
            Self::Time => "timestamp (µs, UTC)",
            Self::Date => "date",
            Self::Samples => "real[]",
            Self::Qualities => "tinyint[]",
        }
    }
}

/// One column of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// What it means, in English.
    pub en: &'static str,
    /// What it means, in Japanese.
    pub ja: &'static str,
}

impl Column {
    pub(crate) fn field(&self) -> Field {
        Field::new(self.name, self.kind.data_type(), self.nullable)
    }
}

/// The columns of a category's table in order: those all tables share, then its own.
pub fn columns(category: Category) -> impl Iterator<Item = &'static Column> {
    COMMON.iter().chain(own(category))
}

/// The number of columns all tables share, as a viewer sees them.
#[cfg(test)]
pub(crate) const COMMON_COLUMNS: usize = COMMON.len();

const fn must(name: &'static str, kind: Kind, en: &'static str, ja: &'static str) -> Column {
    Column { name, kind, nullable: false, en, ja }
}
const fn may(name: &'static str, kind: Kind, en: &'static str, ja: &'static str) -> Column {
    Column { name, kind, nullable: true, en, ja }
}

const COMMON: &[Column] = &[
    must("source", Kind::Text, "facility that made the record", "開示施設"),
    must("patient_id", Kind::Text, "the source's own patient number", "開示施設の患者番号"),
    may(
        "my_patient_id",
        Kind::Text,
        "the viewing facility's own number for the same person, through a confirmed link",
        "自施設の患者番号（紐付けによる）",
    ),
    must("record_id", Kind::Text, "the record's id at its source", "記録ID"),
    must("version", Kind::Long, "the record's version there, from 1", "版"),
    must("occurred", Kind::Time, "when the fact was true", "発生日時"),
    must("recorded", Kind::Time, "when the source wrote it down", "記録日時"),
    may("department", Kind::Text, "department that made it", "診療科"),
    must("author_role", Kind::Text, "role of the author", "記録者の職種"),
    may("author", Kind::Text, "the author, where the source says so", "記録者"),
    must("labels", Kind::Texts, "sensitivity labels and national tags", "機微ラベル"),
    must("change", Kind::Text, "`upsert` or `correct`", "変更の種類"),
    must("position_partition", Kind::Int, "partition of its place in the log", "ログ位置（区画）"),
    must("position_offset", Kind::Long, "offset of its place in the log", "ログ位置（番号）"),
];

const CODE_SYSTEM: Column =
    must("code_system", Kind::Text, "code system (`jlac10`, `loinc`, `icd10`, … or a URI)", "コード体系");
const CODE: Column = may("code", Kind::Text, "code", "コード");
const NAME: Column = may("name", Kind::Text, "name as the source showed it", "名称");
const VALUE_NUMBER: Column = may("value_number", Kind::Float, "the value, if a number", "数値");
const COMPARATOR: Column = may("comparator", Kind::Text, "`<`, `<=`, `>` or `>=`; NULL when exact", "比較符号");
const UNIT: Column = may("unit", Kind::Text, "unit as the source wrote it", "単位");
const VALUE_CODE_SYSTEM: Column =
    may("value_code_system", Kind::Text, "code system of a coded value", "値のコード体系");
const VALUE_CODE: Column = may("value_code", Kind::Text, "code of a coded value", "値のコード");
const VALUE_TEXT: Column = may("value_text", Kind::Text, "the value as text, or a coded value's name", "文字の値");
const ABSENT: Column =
    may("value_absent", Kind::Text, "why there is no value (FHIR data-absent-reason)", "値がない理由");

fn own(category: Category) -> &'static [Column] {
    match category {
        Category::Patient => PATIENT,
        Category::Laboratory => LABORATORY,
        Category::VitalSign => VITAL_SIGN,
        Category::Condition => CONDITION,
        Category::Allergy => ALLERGY,
        Category::Medication => MEDICATION,
        Category::Encounter => ENCOUNTER,
        Category::Document => DOCUMENT,
        Category::Imaging => IMAGING,
        Category::Waveform => WAVEFORM,
        Category::Perinatal => PERINATAL,
        Category::CarePlan => CARE_PLAN,
        Category::Message => MESSAGE,
        Category::Immunization => IMMUNIZATION,
    }
}

const PATIENT: &[Column] = &[
    may("name", Kind::Text, "name as written", "氏名"),
    may("kana", Kind::Text, "name in kana", "カナ氏名"),
    may("birth_date", Kind::Date, "birth date", "生年月日"),
    must("sex", Kind::Text, "`female`, `male`, `other` or `unknown`", "性別"),
    may("postal_code", Kind::Text, "postal code", "郵便番号"),
    may("address", Kind::Text, "address", "住所"),
    may("deceased", Kind::Time, "when the patient died", "死亡日時"),
];

const LABORATORY: &[Column] = &[
    CODE_SYSTEM,
    CODE,
    NAME,
    may(
        "analyte",
        Kind::Text,
        "JLAC10 analyte (the first 5 characters), where the code is JLAC10",
        "JLAC10分析物コード",
    ),
    VALUE_NUMBER,
    COMPARATOR,
    UNIT,
    VALUE_CODE_SYSTEM,
    VALUE_CODE,
    VALUE_TEXT,
    ABSENT,
    may("reference_low", Kind::Float, "lower bound that came with the result", "基準値下限"),
    may("reference_high", Kind::Float, "upper bound that came with the result", "基準値上限"),
    may("flag", Kind::Text, "HL7 0078 flag as the source set it", "判定"),
    may("specimen", Kind::Text, "specimen", "材料"),
    must("status", Kind::Text, "`preliminary`, `final`, `corrected` or `cancelled`", "結果状態"),
    may("order_id", Kind::Text, "order or report it belongs to", "オーダー番号"),
    may("note", Kind::Text, "what the laboratory wrote beside it", "コメント"),
];

const VITAL_SIGN: &[Column] =
    &[CODE_SYSTEM, CODE, NAME, VALUE_NUMBER, COMPARATOR, UNIT, VALUE_CODE_SYSTEM, VALUE_CODE, VALUE_TEXT, ABSENT];

const CONDITION: &[Column] = &[
    CODE_SYSTEM,
    CODE,
    NAME,
    may("clinical_status", Kind::Text, "FHIR clinical status", "臨床状態"),
    must("suspected", Kind::Flag, "only suspected", "疑い"),
    may("onset", Kind::Time, "when it began", "発症日時"),
    may("abated", Kind::Time, "when it ended", "転帰日時"),
];

const ALLERGY: &[Column] = &[
    CODE_SYSTEM,
    CODE,
    NAME,
    may("criticality", Kind::Text, "`high`, `low` or `unable-to-assess`", "重篤度"),
    may("reaction", Kind::Text, "what happened", "反応"),
    may("clinical_status", Kind::Text, "FHIR clinical status", "臨床状態"),
];

const MEDICATION: &[Column] = &[
    CODE_SYSTEM,
    CODE,
    NAME,
    may("status", Kind::Text, "FHIR MedicationRequest status", "状態"),
    may("dosage", Kind::Text, "how to take it", "用法"),
    may("quantity", Kind::Float, "amount prescribed", "数量"),
    may("quantity_unit", Kind::Text, "unit of the amount", "数量単位"),
    may("days", Kind::Long, "days supplied", "日数"),
];

const ENCOUNTER: &[Column] = &[
    must("class", Kind::Text, "HL7 ActCode: `AMB`, `IMP`, `EMER`, `HH` or `VR`", "区分"),
    may("status", Kind::Text, "FHIR encounter status", "状態"),
    must("reason_code_system", Kind::Text, "code system of the reason", "受診理由のコード体系"),
    may("reason_code", Kind::Text, "code of the reason", "受診理由のコード"),
    may("reason", Kind::Text, "why the patient came", "受診理由"),
    may("start_at", Kind::Time, "start", "開始"),
    may("end_at", Kind::Time, "end, when it has ended", "終了"),
];

const DOCUMENT: &[Column] = &[
    must("kind_code_system", Kind::Text, "code system of the document type", "文書種別のコード体系"),
    may("kind_code", Kind::Text, "document type", "文書種別コード"),
    may("kind", Kind::Text, "document type as text", "文書種別"),
    may("title", Kind::Text, "title", "表題"),
    may("content_type", Kind::Text, "MIME type", "MIMEタイプ"),
    may("content", Kind::Text, "the text, or a reference", "本文"),
];

const IMAGING: &[Column] = &[
    may("modality", Kind::Text, "DICOM modality", "モダリティ"),
    must("procedure_code_system", Kind::Text, "code system of the procedure", "検査のコード体系"),
    may("procedure_code", Kind::Text, "code of the procedure or body part", "検査コード"),
    may("procedure", Kind::Text, "procedure or body part", "検査・部位"),
    may("study_uid", Kind::Text, "DICOM Study Instance UID", "検査インスタンスUID"),
    may("report", Kind::Text, "the report's text", "レポート"),
];

const WAVEFORM: &[Column] = &[
    must(
        "kind",
        Kind::Text,
        "`frame`: a stretch of signals; `bed`: a bed's monitoring is opened, changed or closed",
        "行の種類",
    ),
    may("session", Kind::Text, "monitoring session at the source", "モニタリング"),
    may("device", Kind::Text, "device", "装置"),
    may("hertz", Kind::Float, "samples per second", "標本化周波数"),
    may("sequence", Kind::Long, "frame number of the device within the session", "フレーム番号"),
    may("device_at", Kind::Time, "when the device took the first sample, by its own clock", "装置の時刻"),
    may("gateway_at", Kind::Time, "when the ward's gateway took the frame, by its clock", "病棟ゲートウェイの時刻"),
    may("edge_at", Kind::Time, "when the hospital's edge took it, by its clock", "院内エッジの時刻"),
    must("held_back", Kind::Flag, "the source held it back, for instance while a line was cut", "後から送信"),
    may("bed", Kind::Text, "bed as the ward calls it (`bed` rows)", "ベッド"),
    may("opened", Kind::Time, "when monitoring began (`bed` rows)", "開始日時"),
    may("closed", Kind::Time, "when it ended (`bed` rows)", "終了日時"),
    may("closing", Kind::Text, "why it ended (`bed` rows)", "終了理由"),
    must("fetuses", Kind::Texts, "how the ward names the fetus on `fhr1`, `fhr2`, `fhr3` (`bed` rows)", "胎児の呼称"),
    must("devices", Kind::Texts, "devices at the bed (`bed` rows)", "ベッドの装置"),
    may("fhr1", Kind::Samples, "fetal heart rate, first fetus, beats per minute", "胎児心拍数（第1児）"),
    may("fhr1_quality", Kind::Qualities, "quality of each sample of `fhr1`: 0 good, 1 doubtful, 2 lost", "同・品質"),
    may("fhr2", Kind::Samples, "fetal heart rate, second fetus", "胎児心拍数（第2児）"),
    may("fhr2_quality", Kind::Qualities, "quality of `fhr2`", "同・品質"),
    may("fhr3", Kind::Samples, "fetal heart rate, third fetus", "胎児心拍数（第3児）"),
    may("fhr3_quality", Kind::Qualities, "quality of `fhr3`", "同・品質"),
    may("uc", Kind::Samples, "uterine activity, relative units or mmHg", "子宮収縮"),
    may("uc_quality", Kind::Qualities, "quality of `uc`", "同・品質"),
    may("mhr", Kind::Samples, "maternal heart rate, beats per minute", "母体心拍数"),
    may("mhr_quality", Kind::Qualities, "quality of `mhr`", "同・品質"),
    may("spo2", Kind::Samples, "oxygen saturation, percent", "酸素飽和度"),
    may("spo2_quality", Kind::Qualities, "quality of `spo2`", "同・品質"),
    may("nibp_sys", Kind::Samples, "non-invasive pressure, systolic, mmHg", "血圧（収縮期）"),
    may("nibp_sys_quality", Kind::Qualities, "quality of `nibp_sys`", "同・品質"),
    may("nibp_dia", Kind::Samples, "non-invasive pressure, diastolic, mmHg", "血圧（拡張期）"),
    may("nibp_dia_quality", Kind::Qualities, "quality of `nibp_dia`", "同・品質"),
    may("nibp_mean", Kind::Samples, "non-invasive pressure, mean, mmHg", "血圧（平均）"),
    may("nibp_mean_quality", Kind::Qualities, "quality of `nibp_mean`", "同・品質"),
    may("temp", Kind::Samples, "temperature, degrees Celsius", "体温"),
    may("temp_quality", Kind::Qualities, "quality of `temp`", "同・品質"),
];

const PERINATAL: &[Column] = &[
    CODE_SYSTEM,
    CODE,
    NAME,
    may("gestational_days", Kind::Long, "gestational age in days", "妊娠日数"),
    VALUE_NUMBER,
    COMPARATOR,
    UNIT,
    VALUE_CODE_SYSTEM,
    VALUE_CODE,
    VALUE_TEXT,
    ABSENT,
];

const CARE_PLAN: &[Column] = &[
    CODE_SYSTEM,
    CODE,
    NAME,
    may("status", Kind::Text, "FHIR status", "状態"),
    may("text", Kind::Text, "the plan", "内容"),
];

const MESSAGE: &[Column] =
    &[may("subject", Kind::Text, "what it is about", "件名"), may("text", Kind::Text, "its text", "本文")];

const IMMUNIZATION: &[Column] = &[
    CODE_SYSTEM,
    CODE,
    NAME,
    must("status", Kind::Text, "`completed` or `not-done`", "接種状態"),
    may("reason", Kind::Text, "why it was not given", "接種しなかった理由"),
    may("lot", Kind::Text, "lot number", "ロット番号"),
    may("manufacturer", Kind::Text, "who made the vaccine", "製造販売業者"),
    may("dose_number", Kind::Text, "which dose of its series, as the source counts", "接種回数"),
    may("quantity", Kind::Float, "amount given", "接種量"),
    may("quantity_unit", Kind::Text, "unit of the amount", "接種量の単位"),
    may("site", Kind::Text, "where on the body", "接種部位"),
    may("route", Kind::Text, "how it was given", "接種経路"),
    must("reported", Kind::Flag, "told by the patient or a handbook, not by who gave it", "申告・手帳による"),
    must("subpotent", Kind::Flag, "less than a full dose: it does not count as one", "規定量未満"),
    may("note", Kind::Text, "what was written beside it", "コメント"),
];
