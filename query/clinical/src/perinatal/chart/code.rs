//! The codes by which records are read, as tables: the documentation is made of them.
//!
//! Pregnancy records have no national code system that was read: `local` codes are this project's own words. LOINC codes of
//! measures and dates stand in DICOM's value sets CID 12003, 12005, 12018 and 12019 (certainty: secondary); the others are from
//! memory.

use super::of_record::word;
use super::{Fact, HdpSign, LabMeasure};
use crate::Certainty;
use crate::perinatal::maternal::Amount;
use crate::perinatal::pregnancy::FetalMeasure;

/// What a code makes of a value.
#[derive(Clone, Copy)]
pub(super) enum Reads {
    /// The code alone says it.
    Alone(Fact0),
    /// A number within a span, in one of some units, each with its factor.
    Number { span: (f64, f64), units: &'static [(&'static str, f64)], fact: fn(f64) -> Fact },
    /// The same of a fetus, which the code's end names (`/2`), the first where it does not.
    OfFetus { span: (f64, f64), units: &'static [(&'static str, f64)], fact: fn(u8, f64) -> Fact },
    /// A word: a code or a text.
    Word(fn(&str) -> Option<Fact>),
    /// The same of a fetus.
    WordOfFetus(fn(u8, &str) -> Option<Fact>),
    /// A day, written `2026-10-08`.
    Day(fn(crate::diabetes::Date) -> Fact),
    /// The age that the record states is the finding.
    Age,
    /// The age that the record states, and nothing besides.
    Stated,
    /// A day and the embryo's age in days, written `2026-01-20/5`.
    Transfer,
    /// A newborn's patient number: `FACILITY:NUMBER`, or a number at the record's source.
    Newborn,
}

/// What a code says without a value.
#[derive(Clone, Copy)]
pub(super) enum Fact0 {
    CheckedUp,
    Ended,
}

/// A row of the tables of codes.
#[derive(Clone, Copy)]
pub struct ChartCode {
    /// The code of this project, used with the system `local` in records of the category perinatal.
    pub local: &'static str,
    /// JLAC10, of vital signs.
    pub jlac10: Option<&'static str>,
    /// LOINC, with how certain it is.
    pub loinc: &'static [(&'static str, Certainty)],
    /// What its value is.
    pub en: &'static str,
    /// The same in Japanese.
    pub ja: &'static str,
    pub(super) reads: Reads,
}

impl std::fmt::Debug for ChartCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChartCode").field("local", &self.local).finish_non_exhaustive()
    }
}

const B: Certainty = Certainty::Secondary;
const C: Certainty = Certainty::Memory;

const MMHG: &[(&str, f64)] = &[("mm[Hg]", 1.0), ("mmHg", 1.0), ("mm(hg)", 1.0)];
const PER_MINUTE: &[(&str, f64)] =
    &[("/min", 1.0), ("{beats}/min", 1.0), ("bpm", 1.0), ("(hb)", 1.0), ("/分", 1.0), ("{breaths}/min", 1.0)];
const CM: &[(&str, f64)] = &[("cm", 1.0), ("mm", 0.1), ("m", 100.0)];
const MM: &[(&str, f64)] = &[("mm", 1.0), ("cm", 10.0)];
const KG: &[(&str, f64)] = &[("kg", 1.0), ("g", 0.001)];
const GRAMS: &[(&str, f64)] = &[("g", 1.0), ("kg", 1_000.0)];
const CELSIUS: &[(&str, f64)] = &[("Cel", 1.0), ("cel", 1.0), ("℃", 1.0), ("°C", 1.0)];
const PERCENT: &[(&str, f64)] = &[("%", 1.0)];
const ML: &[(&str, f64)] = &[("mL", 1.0), ("ml", 1.0), ("g", 1.0)];
const PER_HOUR: &[(&str, f64)] = &[("mL/h", 1.0), ("ml/h", 1.0)];
const COUNT: &[(&str, f64)] =
    &[("", 1.0), ("1", 1.0), ("{#}", 1.0), ("回", 1.0), ("人", 1.0), ("{points}", 1.0), ("点", 1.0)];
const IN_TEN: &[(&str, f64)] = &[("/10min", 1.0), ("/(10.min)", 1.0), ("", 1.0), ("1", 1.0)];
const UG_ML: &[(&str, f64)] = &[("ug/mL", 1.0), ("ug/ml", 1.0), ("μg/mL", 1.0), ("mg/L", 1.0)];
const MG_DL: &[(&str, f64)] = &[("mg/dL", 1.0), ("mg/dl", 1.0), ("mmol/L", 18.0156)];

const fn row(local: &'static str, en: &'static str, ja: &'static str, reads: Reads) -> ChartCode {
    ChartCode { local, jlac10: None, loinc: &[], en, ja, reads }
}

impl ChartCode {
    const fn jlac10(self, code: &'static str) -> Self {
        Self { jlac10: Some(code), ..self }
    }
    const fn loinc(self, codes: &'static [(&'static str, Certainty)]) -> Self {
        Self { loinc: codes, ..self }
    }
}

const fn number(span: (f64, f64), units: &'static [(&'static str, f64)], fact: fn(f64) -> Fact) -> Reads {
    Reads::Number { span, units, fact }
}

const fn of_fetus(span: (f64, f64), units: &'static [(&'static str, f64)], fact: fn(u8, f64) -> Fact) -> Reads {
    Reads::OfFetus { span, units, fact }
}

fn small(value: f64) -> u8 {
    // within its span, which ends far below 255
    value.round() as u8
}

/// Codes of entries of a pregnancy's record and of vital signs.
pub const RECORD_CODES: &[ChartCode] = &[
    row(
        "registration",
        "registration; a number of children, or 単胎, 双胎, 品胎",
        "妊娠届出・初診（児数、または単胎・双胎・品胎）",
        Reads::Word(|text| Some(Fact::Registered(word::children(text)))),
    ),
    row(
        "gravida",
        "pregnancies, this one included",
        "妊娠回数（今回を含む）",
        number((1.0, 30.0), COUNT, |n| Fact::Gravida(small(n))),
    )
    .loinc(&[("11996-6", C)]),
    row("para", "births", "分娩回数", number((0.0, 30.0), COUNT, |n| Fact::Para(small(n)))).loinc(&[("11977-6", C)]),
    row("children", "children carried", "胎児数", number((1.0, 5.0), COUNT, |n| Fact::Children(small(n))))
        .loinc(&[("11878-6", B)]),
    row("height", "height", "身長", number((100.0, 220.0), CM, Fact::Height))
        .jlac10("9N001000000000001")
        .loinc(&[("8302-2", C)]),
    row("weight-before", "weight before the pregnancy", "妊娠前体重", number((25.0, 250.0), KG, Fact::WeightBefore))
        .loinc(&[("56077-1", C)]),
    row(
        "history",
        "known from before: `hypertension`, `diabetes`, `illness`, `uterine-scar`, `preterm-birth`, `stillbirth`, `haemorrhage`, \
         `hypertensive-disorder`, `smokes`",
        "既往・合併症・喫煙",
        Reads::Word(|text| word::history(text).map(Fact::History)),
    ),
    row("due-date", "the due date as written", "分娩予定日", Reads::Day(|day| Fact::Dated(word::written(day))))
        .loinc(&[("11778-8", B), ("11779-6", B), ("11780-4", B)]),
    row(
        "last-period",
        "first day of the last period",
        "最終月経開始日",
        Reads::Day(|day| Fact::Dated(word::last_period(day))),
    )
    .loinc(&[("8665-2", B)]),
    row(
        "conception",
        "day of ovulation or of the egg's retrieval",
        "排卵日・採卵日",
        Reads::Day(|day| Fact::Dated(word::conception(day))),
    )
    .loinc(&[("11976-8", B), ("33067-0", B)]),
    row(
        "transfer",
        "day of an embryo's transfer and its age in days: `2026-01-20/5`",
        "胚移植日/日齢",
        Reads::Transfer,
    ),
    row("gestational-age", "the age of the pregnancy", "妊娠週数", Reads::Stated).loinc(&[
        ("18185-9", B),
        ("49051-6", C),
        ("11884-4", B),
        ("11885-1", B),
        ("11886-9", B),
        ("11887-7", B),
    ]),
    row("ultrasound-dating", "the age stated was found by ultrasound", "超音波による妊娠週数", Reads::Age)
        .loinc(&[("11888-5", C)]),
    row("checkup", "a check-up took place", "妊婦健診", Reads::Alone(Fact0::CheckedUp)),
    row("weight", "weight", "体重", number((25.0, 250.0), KG, Fact::Weight))
        .jlac10("9N006000000000001")
        .loinc(&[("29463-7", C)]),
    row("systolic", "systolic pressure", "収縮期血圧", number((30.0, 300.0), MMHG, Fact::Systolic))
        .jlac10("9A751000000000001")
        .loinc(&[("8480-6", C)]),
    row("diastolic", "diastolic pressure", "拡張期血圧", number((10.0, 200.0), MMHG, Fact::Diastolic))
        .jlac10("9A761000000000001")
        .loinc(&[("8462-4", C)]),
    row("pulse", "heart rate", "脈拍・心拍数", number((20.0, 300.0), PER_MINUTE, Fact::Pulse))
        .jlac10("9P300000000000001")
        .loinc(&[("8867-4", C)]),
    row("breathing", "breaths", "呼吸数", number((0.0, 100.0), PER_MINUTE, Fact::Breathing))
        .jlac10("9P200000000000001")
        .loinc(&[("9279-1", C)]),
    row("temperature", "temperature", "体温", number((25.0, 45.0), CELSIUS, Fact::Temperature)).loinc(&[("8310-5", C)]),
    row("saturation", "oxygen saturation", "酸素飽和度", number((0.0, 100.0), PERCENT, Fact::Saturation))
        .loinc(&[("59408-5", C), ("2708-6", C)]),
    row(
        "consciousness",
        "`alert`, `voice`, `pain` or `unresponsive`",
        "意識（AVPU）",
        Reads::Word(|text| word::awake(text).map(Fact::Awake)),
    ),
    row(
        "urine-protein",
        "protein in urine by dipstick: `-`, `±`, `1+` …",
        "尿蛋白",
        Reads::Word(|text| word::dipstick(text).map(Fact::Protein)),
    ),
    row(
        "urine-glucose",
        "sugar in urine by dipstick",
        "尿糖",
        Reads::Word(|text| word::dipstick(text).map(Fact::Sugar)),
    ),
    row("fundal-height", "fundal height", "子宮底長", number((3.0, 60.0), CM, Fact::FundalHeight))
        .loinc(&[("11881-0", C)]),
    row("cervix-length", "length of the cervix", "頸管長", number((0.0, 100.0), MM, Fact::CervixLength)),
    row(
        "placenta-praevia",
        "whether the placenta covers the inner os: `yes`, `no`",
        "前置胎盤（有・無）",
        Reads::Word(|text| word::yes(text).map(Fact::PlacentaPraevia)),
    ),
    row(
        "estimated-fetal-weight",
        "estimated weight of a fetus",
        "推定胎児体重",
        of_fetus((50.0, 7_000.0), GRAMS, |fetus, n| Fact::Fetal(fetus, FetalMeasure::Weight, n)),
    )
    .loinc(&[("11727-5", B), ("89087-1", B)]),
    row(
        "bpd",
        "biparietal diameter",
        "児頭大横径",
        of_fetus((5.0, 130.0), MM, |fetus, n| Fact::Fetal(fetus, FetalMeasure::Bpd, n)),
    )
    .loinc(&[("11820-8", B)]),
    row(
        "ac",
        "abdominal circumference",
        "腹囲",
        of_fetus((20.0, 500.0), MM, |fetus, n| Fact::Fetal(fetus, FetalMeasure::Ac, n)),
    )
    .loinc(&[("11979-2", B)]),
    row(
        "fl",
        "femur length",
        "大腿骨長",
        of_fetus((2.0, 100.0), MM, |fetus, n| Fact::Fetal(fetus, FetalMeasure::Fl, n)),
    )
    .loinc(&[("11963-6", B)]),
    row(
        "fetal-heart-rate",
        "heart rate of a fetus",
        "胎児心拍数",
        of_fetus((20.0, 300.0), PER_MINUTE, Fact::FetalRate),
    )
    .loinc(&[("11948-7", B), ("55283-6", C), ("57068-9", B)]),
    row(
        "presentation",
        "how a fetus lies: `cephalic`, `breech` or `transverse`",
        "胎位",
        Reads::WordOfFetus(|fetus, text| word::presentation(text).map(|lie| Fact::Lie(fetus, lie))),
    ),
    row("dilatation", "the cervix is open", "子宮口開大", number((0.0, 10.0), CM, Fact::Dilatation)),
    row("effacement", "the cervix is effaced", "展退", number((0.0, 100.0), PERCENT, Fact::Effacement)),
    row(
        "station",
        "the station of the head",
        "児頭の下降度",
        number((-5.0, 5.0), &[("cm", 1.0), ("", 1.0), ("1", 1.0)], Fact::Station),
    ),
    row(
        "consistency",
        "the cervix is `hard`, `medium` or `soft`",
        "子宮頸部の硬度",
        Reads::Word(|text| word::consistency(text).map(Fact::Firm)),
    ),
    row(
        "position",
        "the cervix points `posterior`, `middle` or `anterior`",
        "子宮口の位置",
        Reads::Word(|text| word::position(text).map(Fact::Points)),
    ),
    row(
        "contractions",
        "contractions in ten minutes",
        "10分間の陣痛回数",
        number((0.0, 30.0), IN_TEN, Fact::Contractions),
    ),
    row(
        "blood-loss",
        "blood lost, weighed or collected",
        "出血量（計量）",
        number((0.0, 10_000.0), ML, |n| Fact::BloodLoss(n, Amount::Weighed)),
    ),
    row(
        "blood-loss-by-eye",
        "blood lost, by eye",
        "出血量（目測）",
        number((0.0, 10_000.0), ML, |n| Fact::BloodLoss(n, Amount::ByEye)),
    ),
    row("urine", "urine of the hour before", "時間尿量", number((0.0, 5_000.0), PER_HOUR, Fact::Urine)),
    row(
        "dic-score",
        "obstetric DIC score, as somebody scored it",
        "産科DICスコア",
        number((0.0, 100.0), COUNT, Fact::DicScore),
    ),
    row(
        "dic-disease",
        "what a DIC may come of: `abruption`, `amniotic-embolism`, `not-clotting` (what is lost after the birth does not clot), `none`",
        "産科DICの基礎疾患（早剝・羊水塞栓・非凝固性出血・なし）",
        Reads::Word(|text| word::dic_disease(text).map(Fact::DicDisease)),
    ),
    row("fdp", "FDP", "FDP", number((0.0, 10_000.0), UG_ML, |n| Fact::Lab(LabMeasure::Fdp, n))),
    row(
        "epidural",
        "whether she has epidural analgesia: `yes`, `no`",
        "硬膜外無痛分娩（有・無）",
        Reads::Word(|text| word::yes(text).map(Fact::Epidural)),
    ),
    row(
        "bleeding-goes-on",
        "whether the bleeding goes on with abnormal vital signs: `yes`, `no`",
        "出血持続かつバイタル異常（有・無）",
        Reads::Word(|text| word::yes(text).map(Fact::GoesOn)),
    ),
    row(
        "neurological",
        "eclampsia, stroke, lasting headache, disturbed sight: `yes`, `no`",
        "神経症状（有・無）",
        Reads::Word(|text| word::yes(text).map(|found| Fact::Sign(HdpSign::Neurological, found))),
    ),
    row(
        "coagulation",
        "DIC or haemolysis: `yes`, `no`",
        "DIC・溶血（有・無）",
        Reads::Word(|text| word::yes(text).map(|found| Fact::Sign(HdpSign::Coagulation, found))),
    ),
    row(
        "abdominal-pain",
        "lasting pain of the upper abdomen: `yes`, `no`",
        "持続する上腹部痛（有・無）",
        Reads::Word(|text| word::yes(text).map(|found| Fact::Sign(HdpSign::Pain, found))),
    ),
    row(
        "uteroplacental",
        "growth restriction, abnormal flow, stillbirth: `yes`, `no`",
        "子宮胎盤機能不全（有・無）",
        Reads::Word(|text| word::yes(text).map(|found| Fact::Sign(HdpSign::Uteroplacental, found))),
    ),
    row(
        "protein-day",
        "protein in the urine of a day",
        "1日尿蛋白量",
        number((0.0, 50_000.0), &[("mg", 1.0), ("mg/d", 1.0), ("mg/(24.h)", 1.0), ("g/d", 1_000.0)], |n| {
            Fact::Lab(LabMeasure::ProteinDay, n)
        }),
    ),
    row(
        "glucose-fasting",
        "75 g test: fasting",
        "75gOGTT 空腹時",
        number((10.0, 2_000.0), MG_DL, |n| Fact::Lab(LabMeasure::GlucoseFasting, n)),
    ),
    row(
        "glucose-1h",
        "75 g test: an hour",
        "75gOGTT 1時間値",
        number((10.0, 2_000.0), MG_DL, |n| Fact::Lab(LabMeasure::GlucoseOneHour, n)),
    ),
    row(
        "glucose-2h",
        "75 g test: two hours",
        "75gOGTT 2時間値",
        number((10.0, 2_000.0), MG_DL, |n| Fact::Lab(LabMeasure::GlucoseTwoHours, n)),
    ),
    row(
        "delivery",
        "the children were born: `vaginal` (経腟) or `caesarean` (帝王切開)",
        "分娩（経腟・帝王切開）",
        Reads::Word(|text| Some(Fact::Born(word::delivery(text)))),
    ),
    row(
        "newborn",
        "a newborn's patient number, `FACILITY:NUMBER` or a number at the record's source",
        "新生児の患者番号",
        Reads::Newborn,
    ),
    row("ended", "the pregnancy ended before a birth", "妊娠の終了（流産など）", Reads::Alone(Fact0::Ended)),
];

/// Items of the laboratory (docs/laboratory.md). Glucose counts as casual unless its code says that it was taken fasting.
pub const LAB_CODES: &[(&str, LabMeasure)] = &[
    ("ast", LabMeasure::Ast),
    ("alt", LabMeasure::Alt),
    ("creatinine", LabMeasure::Creatinine),
    ("platelets", LabMeasure::Platelets),
    ("fibrinogen", LabMeasure::Fibrinogen),
    ("d-dimer", LabMeasure::DDimer),
    ("urine-protein-creatinine", LabMeasure::ProteinRatio),
    ("hba1c", LabMeasure::Hba1c),
    ("glucose", LabMeasure::GlucoseCasual),
];

/// Glucose after a load of 75 g by LOINC (from memory). JLAC10's identifications of load times were not read.
pub(super) const LOADS: [(&str, LabMeasure); 2] =
    [("1507-3", LabMeasure::GlucoseOneHour), ("1518-0", LabMeasure::GlucoseTwoHours)];

/// The codes of entries and vital signs as rows of a table: local code, JLAC10, LOINC, English, Japanese.
pub fn chart_codes() -> impl Iterator<Item = (String, String, String, &'static str, &'static str)> {
    RECORD_CODES.iter().map(|row| {
        let loinc: Vec<String> =
            row.loinc.iter().map(|(code, certainty)| format!("{code} ({})", certainty.letter())).collect();
        let of_fetus = matches!(row.reads, Reads::OfFetus { .. } | Reads::WordOfFetus(_) | Reads::Newborn);
        let local = if of_fetus { format!("{0}, {0}/2 …", row.local) } else { row.local.to_owned() };
        (local, row.jlac10.unwrap_or_default().to_owned(), loinc.join(", "), row.en, row.ja)
    })
}
