//! What the booklet says, in Japanese with English.

/// Japanese, English.
pub(super) type Words = (&'static str, &'static str);

/// An item of the registry as the booklet calls it, with its unit.
pub(super) struct Called {
    pub(super) key: &'static str,
    pub(super) words: Words,
    pub(super) unit: &'static str,
}

const fn called(key: &'static str, words: Words, unit: &'static str) -> Called {
    Called { key, words, unit }
}

/// Who and how long.
pub(super) const BASIC: &[Called] = &[
    called("type", ("病型", "Type"), ""),
    called("duration", ("罹病期間", "Duration"), "年 a"),
    called("height", ("身長", "Height"), "cm"),
    called("weight", ("体重", "Weight"), "kg"),
    called("bmi", ("BMI", "BMI"), "kg/m²"),
    called("smoking", ("喫煙", "Smoking"), ""),
    called("last_contact", ("最終受診・接触", "Last contact"), ""),
];

/// What is taken and what is aimed at.
pub(super) const TREATMENT: &[Called] = &[
    called("treatment", ("治療薬", "Drugs"), ""),
    called("hypoglycaemia_drugs", ("低血糖リスク薬", "Risk of hypoglycaemia"), ""),
    called("elderly_category", ("高齢者カテゴリー", "Category of the elderly"), ""),
    called("target_below", ("HbA1c 目標（未満）", "HbA1c target, below"), "%"),
    called("target_floor", ("HbA1c 目標下限", "HbA1c target, floor"), "%"),
    called("over_treated", ("目標下限を下回る", "Below the floor"), ""),
    called("guidance_last", ("最終療養指導", "Last guidance"), ""),
];

/// The latest of what is measured and examined.
pub(super) const LATEST: &[Called] = &[
    called("hba1c", ("HbA1c", "HbA1c"), "%"),
    called("hba1c_mean", ("HbA1c 1年平均", "HbA1c, mean of a year"), "%"),
    called("gmi", ("GMI（センサー）", "GMI (sensor)"), "%"),
    called("glucose_fasting", ("空腹時血糖", "Fasting glucose"), "mg/dL"),
    called("glucose_casual", ("随時血糖", "Casual glucose"), "mg/dL"),
    called("systolic", ("収縮期血圧", "Systolic pressure"), "mmHg"),
    called("diastolic", ("拡張期血圧", "Diastolic pressure"), "mmHg"),
    called("ldl", ("LDL-C", "LDL-C"), "mg/dL"),
    called("hdl", ("HDL-C", "HDL-C"), "mg/dL"),
    called("triglyceride", ("中性脂肪", "Triglyceride"), "mg/dL"),
    called("creatinine", ("クレアチニン", "Creatinine"), "mg/dL"),
    called("egfr", ("eGFR", "eGFR"), "mL/分/1.73m²"),
    called("uacr", ("尿アルブミン/Cr", "Urine albumin/Cr"), "mg/gCr"),
    called("urine_protein", ("尿蛋白定性", "Urine protein, dipstick"), ""),
    called("eye_last", ("眼科検査", "Eyes"), ""),
    called("foot_last", ("足の観察", "Feet"), ""),
    called("dental_last", ("歯科受診", "Teeth"), ""),
];

/// What diabetes has done, as far as values say.
pub(super) const COMPLICATIONS: &[Called] = &[
    called("retinopathy", ("網膜症", "Retinopathy"), ""),
    called("nephropathy_2023", ("腎症病期（2023）", "Stage of nephropathy"), "期"),
    called("ckd_g", ("CKD G区分", "CKD G"), ""),
    called("ckd_a", ("CKD A区分", "CKD A"), ""),
    called("ckd_risk", ("CKDリスク", "CKD risk"), ""),
    called("egfr_rapid", ("eGFRの急速な低下", "Rapid decline of eGFR"), ""),
];

/// What is due next.
pub(super) const DUE: &[Called] = &[
    called("due_hba1c", ("HbA1c", "HbA1c"), ""),
    called("due_blood_pressure", ("血圧", "Blood pressure"), ""),
    called("due_kidney", ("腎機能", "Kidney"), ""),
    called("due_urine_albumin", ("尿アルブミン", "Urine albumin"), ""),
    called("due_lipids", ("脂質", "Lipids"), ""),
    called("due_eye", ("眼科", "Eyes"), ""),
    called("due_foot", ("足", "Feet"), ""),
    called("due_dental", ("歯科", "Teeth"), ""),
];

/// Codes that name a complication, by their beginning (ICD-10; from memory), under one heading each.
pub(super) const CODED: &[(Words, &[&str])] = &[
    (("網膜症など眼の合併症", "Eyes"), &["E103", "E113", "E123", "E133", "E143", "H360"]),
    (("腎症・慢性腎臓病", "Kidney"), &["E102", "E112", "E122", "E132", "E142", "N083", "N18"]),
    (("神経障害", "Nerves"), &["E104", "E114", "E124", "E134", "E144", "G632", "G590", "G990"]),
    (("末梢動脈・足病変", "Feet and their arteries"), &["E105", "E115", "E125", "E135", "E145", "I702", "I739", "L97"]),
    (("虚血性心疾患", "Heart"), &["I20", "I21", "I22", "I23", "I24", "I25"]),
    (("脳血管障害", "Brain"), &["I60", "I61", "I62", "I63", "I64", "I65", "I66", "I67", "I68", "I69"]),
    (("歯周病", "Gums"), &["K05"]),
];

/// The columns of the course: heading, unit, and the items of `diabetes_course` that stand in it, slash between them.
pub(super) const COURSE: &[(Words, &str, &[&str])] = &[
    (("体重", "Weight"), "kg", &["weight"]),
    (("血圧", "BP"), "mmHg", &["systolic", "diastolic"]),
    (("HbA1c", "HbA1c"), "%", &["hba1c"]),
    (("血糖 空腹", "fasting"), "mg/dL", &["glucose-fasting"]),
    (("血糖 随時", "casual"), "mg/dL", &["glucose-casual"]),
    (("LDL-C", "LDL-C"), "mg/dL", &["ldl-cholesterol"]),
    (("Cr", "Cr"), "mg/dL", &["creatinine"]),
    (("eGFR", "eGFR"), "", &["egfr"]),
    (("尿Alb", "UACR"), "mg/gCr", &["urine-albumin-creatinine"]),
    (("眼", "Eyes"), "", &["eye"]),
    (("足", "Feet"), "", &["foot"]),
    (("歯科", "Teeth"), "", &["dental"]),
];

/// Why there is no value: three different answers, and two more.
pub(super) const ABSENT: &[(&str, Words)] = &[
    ("not-measured", ("未測定", "not measured")),
    ("not-consented", ("同意なし", "not consented")),
    ("not-linked", ("未紐付け", "not linked")),
    ("cannot-be-said", ("判定不能", "cannot be said")),
    ("does-not-apply", ("対象外", "does not apply")),
];

/// Words of values that come as codes.
const CODES: &[(&str, Words)] = &[
    ("type-1", ("1型", "type 1")),
    ("type-2", ("2型", "type 2")),
    ("other", ("その他", "other")),
    ("unspecified", ("病型不明", "not specified")),
    ("gestational", ("妊娠糖尿病", "gestational")),
    ("insulin", ("インスリン", "insulin")),
    ("glp1", ("GLP-1受容体作動薬", "GLP-1 RA")),
    ("gip-glp1", ("GIP/GLP-1受容体作動薬", "GIP/GLP-1 RA")),
    ("sulfonylurea", ("SU薬", "sulfonylurea")),
    ("glinide", ("グリニド薬", "glinide")),
    ("biguanide", ("ビグアナイド薬", "biguanide")),
    ("dpp4", ("DPP-4阻害薬", "DPP-4 inhibitor")),
    ("sglt2", ("SGLT2阻害薬", "SGLT2 inhibitor")),
    ("alpha-glucosidase", ("α-グルコシダーゼ阻害薬", "α-glucosidase inhibitor")),
    ("thiazolidinedione", ("チアゾリジン薬", "thiazolidinedione")),
    ("imeglimin", ("イメグリミン", "imeglimin")),
    ("none", ("なし", "none")),
    ("simple", ("単純", "simple")),
    ("pre-proliferative", ("増殖前", "pre-proliferative")),
    ("proliferative", ("増殖", "proliferative")),
    ("never", ("なし", "never")),
    ("former", ("過去", "former")),
    ("current", ("現在", "current")),
    ("certainly", ("確か", "certainly")),
    ("probably", ("疑い", "probably")),
    ("no", ("なし", "no")),
    ("green", ("緑", "green")),
    ("yellow", ("黄", "yellow")),
    ("orange", ("橙", "orange")),
    ("red", ("赤", "red")),
    ("female", ("女性", "female")),
    ("male", ("男性", "male")),
    ("unknown", ("不明", "unknown")),
];

/// The words of a code; of none that is known the code itself.
pub(super) fn of_code(code: &str) -> String {
    match CODES.iter().find(|(known, _)| *known == code) {
        Some((_, (ja, en))) => format!("{ja} {en}"),
        None => code.to_owned(),
    }
}
