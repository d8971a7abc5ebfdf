//! The table of items.
//!
//! JLAC10 analytes and LOINC codes: those checked against the JLAC10 master v137 and the NLM LOINC service by the
//! project behind `../shared/data/lab-codes` are `Secondary`; those marked so in the domain notes are `Memory`.
//! Where that data contradicts the domain notes (3D045 for HbA1c: that is the old JDS code), the notes hold.

use super::{Item, Pattern, SpecimenKind, Substance};
use crate::lab::decimal::dec;
use crate::{Certainty, Source};

/// Changes with every change of [`ITEMS`].
pub const ITEMS_VERSION: &str = "2026-11-23";

use Certainty::{Memory as C, Secondary as B};

/// Computed from standard atomic weights; a test computes them again.
const WEIGHTS: Source =
    Source { text: "computed from the formula with CIAAW standard atomic weights", certainty: Certainty::Primary };

const fn of(analyte: &'static str) -> Pattern {
    Pattern { analyte, results: &[] }
}
const fn part(analyte: &'static str, results: &'static [&'static str]) -> Pattern {
    Pattern { analyte, results }
}

const fn item(key: &'static str, ja: &'static str, en: &'static str, jlac10: &'static [Pattern]) -> Item {
    Item {
        key,
        ja,
        en,
        aliases: &[],
        jlac10,
        specimen: SpecimenKind::Blood,
        unit: "",
        loinc: &[],
        substance: None,
        valence: None,
        enzyme: false,
        plausible: None,
    }
}

impl Item {
    const fn also(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }
    const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }
    const fn loinc(mut self, loinc: &'static [(&'static str, Certainty)]) -> Self {
        self.loinc = loinc;
        self
    }
    const fn within(mut self, specimen: SpecimenKind) -> Self {
        self.specimen = specimen;
        self
    }
    const fn mass(mut self, formula: &'static str, grams_per_mole: &'static str) -> Self {
        self.substance = Some(Substance { formula, grams_per_mole: dec(grams_per_mole), source: WEIGHTS });
        self
    }
    const fn charges(mut self, valence: u32) -> Self {
        self.valence = Some(valence);
        self
    }
    const fn enzyme(mut self) -> Self {
        self.enzyme = true;
        self
    }
    const fn plausible(mut self, low: &'static str, high: &'static str) -> Self {
        self.plausible = Some((dec(low), dec(high)));
        self
    }
}

/// All items known here. What is not here is shared all the same, under its own code.
pub const ITEMS: &[Item] = &[
    // blood count: JLAC10 2A990 holds all of it, told apart by the result part
    item("wbc", "白血球数", "White blood cell count", &[of("2A010"), part("2A990", &["52"])])
        .also(&["WBC", "白血球"])
        .unit("10*3/uL")
        .loinc(&[("6690-2", B)])
        .plausible("0.01", "1000"),
    item("rbc", "赤血球数", "Red blood cell count", &[of("2A020"), part("2A990", &["51"])])
        .also(&["RBC", "赤血球"])
        .unit("10*6/uL")
        .loinc(&[("789-8", B)])
        .plausible("0.2", "15"),
    item("haemoglobin", "ヘモグロビン", "Haemoglobin", &[of("2A030"), part("2A990", &["53"])])
        .also(&["Hb", "HGB", "血色素量", "Hemoglobin"])
        .unit("g/dL")
        .loinc(&[("718-7", B)])
        .plausible("0.5", "30"),
    item("haematocrit", "ヘマトクリット", "Haematocrit", &[of("2A040"), part("2A990", &["54"])])
        .also(&["Ht", "Hct", "Hematocrit"])
        .unit("%")
        .loinc(&[("4544-3", B)])
        .plausible("1", "90"),
    item("platelets", "血小板数", "Platelet count", &[of("2A050"), part("2A990", &["55"])])
        .also(&["PLT", "血小板"])
        .unit("10*3/uL")
        .loinc(&[("777-3", B)])
        .plausible("0.5", "6000"),
    item("mcv", "平均赤血球容積", "Mean corpuscular volume", &[of("2A060"), part("2A990", &["56"])])
        .also(&["MCV"])
        .unit("fL")
        .loinc(&[("787-2", C)]),
    item("mch", "平均赤血球血色素量", "Mean corpuscular haemoglobin", &[of("2A070"), part("2A990", &["57"])])
        .also(&["MCH"])
        .unit("pg")
        .loinc(&[("785-6", C)]),
    item(
        "mchc",
        "平均赤血球血色素濃度",
        "Mean corpuscular haemoglobin concentration",
        &[of("2A080"), part("2A990", &["58"])],
    )
    .also(&["MCHC"])
    .unit("g/dL")
    .loinc(&[("786-4", C)]),
    // coagulation: one analyte, several results
    item("pt-seconds", "プロトロンビン時間", "Prothrombin time", &[part("2B030", &["51"])])
        .also(&["PT", "PT秒"])
        .unit("s")
        .loinc(&[("5902-2", B)]),
    item("pt-percent", "プロトロンビン活性", "Prothrombin activity", &[part("2B030", &["53"])])
        .also(&["PT%", "PT活性"])
        .unit("%")
        .loinc(&[("5894-1", C)]),
    item("pt-inr", "プロトロンビン時間 INR", "Prothrombin time INR", &[part("2B030", &["57"])])
        .also(&["PT-INR", "INR"])
        .unit("{INR}")
        .loinc(&[("6301-6", B)]),
    item(
        "aptt",
        "活性化部分トロンボプラスチン時間",
        "Activated partial thromboplastin time",
        &[part("2B020", &["51"])],
    )
    .also(&["APTT"])
    .unit("s")
    .loinc(&[("14979-9", B)]),
    item("fibrinogen", "フィブリノゲン", "Fibrinogen", &[of("2B100")])
        .also(&["Fib", "Fbg"])
        .unit("mg/dL")
        .loinc(&[("3255-7", B)]),
    item("d-dimer", "Dダイマー", "D-dimer", &[of("2B140")])
        .also(&["D-Dダイマー", "D-D dimer", "DD"])
        .unit("ug/mL")
        .loinc(&[("48065-7", B), ("48066-5", B)]),
    // proteins and enzymes
    item("total-protein", "総蛋白", "Total protein", &[of("3A010")]).also(&["TP"]).unit("g/dL").loinc(&[("2885-2", B)]),
    item("albumin", "アルブミン", "Albumin", &[of("3A015")]).also(&["Alb", "ALB"]).unit("g/dL").loinc(&[("1751-7", B)]),
    item(
        "urine-albumin-creatinine",
        "尿アルブミン/クレアチニン比",
        "Urine albumin/creatinine ratio",
        &[part("3A015", &["51", "28"])],
    )
    .also(&["UACR", "尿中アルブミン", "ACR"])
    .within(SpecimenKind::Urine)
    .unit("mg/g{creat}")
    .loinc(&[("9318-7", C), ("14959-1", C)]),
    item("ck", "クレアチンキナーゼ", "Creatine kinase", &[of("3B010")])
        .also(&["CK", "CPK"])
        .unit("U/L")
        .loinc(&[("2157-6", B)])
        .enzyme(),
    item("ck-mb", "クレアチンキナーゼMB", "Creatine kinase-MB", &[of("3B015")]).also(&["CK-MB"]),
    item("ast", "アスパラギン酸アミノトランスフェラーゼ", "Aspartate aminotransferase", &[of("3B035")])
        .also(&["AST", "GOT", "AST(GOT)"])
        .unit("U/L")
        .loinc(&[("1920-8", B)])
        .enzyme(),
    item("alt", "アラニンアミノトランスフェラーゼ", "Alanine aminotransferase", &[of("3B045")])
        .also(&["ALT", "GPT", "ALT(GPT)"])
        .unit("U/L")
        .loinc(&[("1742-6", B)])
        .enzyme(),
    item("ld", "乳酸脱水素酵素", "Lactate dehydrogenase", &[of("3B050")])
        .also(&["LD", "LDH"])
        .unit("U/L")
        .loinc(&[("2532-0", B), ("14804-9", B)])
        .enzyme(),
    item("alp", "アルカリフォスファターゼ", "Alkaline phosphatase", &[of("3B070")])
        .also(&["ALP", "ALP(IFCC)", "アルカリホスファターゼ"])
        .unit("U/L")
        .loinc(&[("6768-6", B)])
        .enzyme(),
    item("ggt", "γ-グルタミルトランスフェラーゼ", "Gamma-glutamyl transferase", &[of("3B090")])
        .also(&["γ-GT", "γ-GTP", "GGT"])
        .unit("U/L")
        .loinc(&[("2324-2", B)])
        .enzyme(),
    item("che", "コリンエステラーゼ", "Cholinesterase", &[of("3B110")])
        .also(&["ChE"])
        .unit("U/L")
        .loinc(&[("2098-2", C)])
        .enzyme(),
    item("amylase", "アミラーゼ", "Amylase", &[of("3B160")])
        .also(&["AMY"])
        .unit("U/L")
        .loinc(&[("1798-8", C)])
        .enzyme(),
    // nitrogen
    item("creatinine", "クレアチニン", "Creatinine", &[of("3C015")])
        .also(&["Cre", "CRE", "Cr", "CRTN"])
        .unit("mg/dL")
        .loinc(&[("2160-0", B), ("38483-4", C)])
        .mass("C4H7N3O", "113.120"),
    item("cystatin-c", "シスタチンC", "Cystatin C", &[of("3C016")])
        .also(&["CysC"])
        .unit("mg/L")
        .loinc(&[("33863-2", C)]),
    item("uric-acid", "尿酸", "Uric acid", &[of("3C020")])
        .also(&["UA"])
        .unit("mg/dL")
        .loinc(&[("3084-1", C)])
        .mass("C5H4N4O3", "168.112"),
    item("urea-nitrogen", "尿素窒素", "Urea nitrogen", &[of("3C025")])
        .also(&["BUN", "UN"])
        .unit("mg/dL")
        .loinc(&[("3094-0", B)])
        // reported as the mass of the two nitrogens, in mmol as urea
        .mass("N2", "28.014"),
    // carbohydrates
    item("glucose", "グルコース", "Glucose", &[of("3D010")])
        .also(&["血糖", "Glu", "GLU", "BS", "空腹時血糖", "随時血糖"])
        .unit("mg/dL")
        // 2339-0 is of whole blood; meters calibrated to plasma report under it
        .loinc(&[("2345-7", B), ("1558-6", C), ("2339-0", C)])
        .mass("C6H12O6", "180.156"),
    item("hba1c", "ヘモグロビンA1c(NGSP)", "Haemoglobin A1c (NGSP)", &[of("3D046")])
        .also(&["HbA1c", "HbA1c(NGSP)", "グリコヘモグロビンA1c", "A1c"])
        .unit("%")
        .loinc(&[("4548-4", B), ("59261-8", C)]),
    item("hba1c-jds", "ヘモグロビンA1c(JDS)", "Haemoglobin A1c (JDS)", &[of("3D045")]).also(&["HbA1c(JDS)"]).unit("%"),
    item("glycoalbumin", "グリコアルブミン", "Glycated albumin", &[of("3D055")])
        .also(&["GA"])
        .unit("%")
        .loinc(&[("13873-5", C)]),
    item("anhydroglucitol", "1,5-アンヒドログルシトール", "1,5-anhydroglucitol", &[of("3D085")])
        .also(&["1,5-AG"])
        .unit("ug/mL"),
    item("lactate", "乳酸", "Lactate", &[of("3E010")])
        .also(&["Lac"])
        .unit("mmol/L")
        .loinc(&[("2524-7", B)])
        .mass("C3H6O3", "90.078"),
    // lipids
    item("triglyceride", "トリグリセリド", "Triglyceride", &[of("3F015")])
        .also(&["TG", "中性脂肪"])
        .unit("mg/dL")
        .loinc(&[("2571-8", B)])
        // by convention counted as triolein
        .mass("C57H104O6", "885.453"),
    item("total-cholesterol", "総コレステロール", "Total cholesterol", &[of("3F050")])
        .also(&["TC", "T-CHO", "コレステロール"])
        .unit("mg/dL")
        .loinc(&[("2093-3", B)])
        .mass("C27H46O", "386.664"),
    item("hdl-cholesterol", "HDLコレステロール", "HDL cholesterol", &[of("3F070")])
        .also(&["HDL-C", "HDL"])
        .unit("mg/dL")
        .loinc(&[("2085-9", B)])
        .mass("C27H46O", "386.664"),
    item("ldl-cholesterol", "LDLコレステロール", "LDL cholesterol", &[of("3F077")])
        .also(&["LDL-C", "LDL"])
        .unit("mg/dL")
        .loinc(&[("18262-6", C), ("13457-7", B), ("2089-1", C)])
        .mass("C27H46O", "386.664"),
    item("non-hdl-cholesterol", "non-HDLコレステロール", "Non-HDL cholesterol", &[of("3F069")])
        .also(&["non-HDL-C"])
        .unit("mg/dL")
        .loinc(&[("43396-1", C)])
        .mass("C27H46O", "386.664"),
    // electrolytes, iron, gases
    item("sodium", "ナトリウム", "Sodium", &[of("3H010")])
        .also(&["Na"])
        .unit("mmol/L")
        .loinc(&[("2951-2", B)])
        .mass("Na", "22.990")
        .charges(1),
    item("potassium", "カリウム", "Potassium", &[of("3H015")])
        .also(&["K"])
        .unit("mmol/L")
        .loinc(&[("2823-3", B)])
        .mass("K", "39.098")
        .charges(1),
    item("chloride", "クロール", "Chloride", &[of("3H020")])
        .also(&["Cl", "クロル"])
        .unit("mmol/L")
        .loinc(&[("2075-0", B)])
        .mass("Cl", "35.45")
        .charges(1),
    item("magnesium", "マグネシウム", "Magnesium", &[of("3H025")])
        .also(&["Mg"])
        .unit("mg/dL")
        .loinc(&[("19123-9", B)])
        .mass("Mg", "24.305")
        .charges(2),
    item("calcium", "カルシウム", "Calcium", &[of("3H030")])
        .also(&["Ca"])
        .unit("mg/dL")
        .loinc(&[("17861-6", B)])
        .mass("Ca", "40.078")
        .charges(2),
    item("phosphate", "無機リン", "Inorganic phosphate", &[of("3H040")])
        .also(&["IP", "P", "リン"])
        .unit("mg/dL")
        .loinc(&[("2777-1", B)])
        // reported as phosphorus; its charge depends on the pH, so mEq is refused
        .mass("P", "30.974"),
    item("iron", "血清鉄", "Iron", &[of("3I010")])
        .also(&["Fe", "鉄"])
        .unit("ug/dL")
        .loinc(&[("2498-4", C)])
        .mass("Fe", "55.845"),
    item("ph", "動脈血pH", "Arterial pH", &[of("3H050")])
        .within(SpecimenKind::Arterial)
        .unit("[pH]")
        .loinc(&[("2744-1", B)]),
    item("pco2", "動脈血CO2分圧", "Arterial pCO2", &[of("3H055")])
        .also(&["pCO2", "PaCO2"])
        .within(SpecimenKind::Arterial)
        .unit("mm[Hg]")
        .loinc(&[("2019-8", B)]),
    item("po2", "動脈血O2分圧", "Arterial pO2", &[of("3H060")])
        .also(&["pO2", "PaO2"])
        .within(SpecimenKind::Arterial)
        .unit("mm[Hg]")
        .loinc(&[("2703-7", B)]),
    item("bicarbonate", "重炭酸イオン", "Bicarbonate", &[of("3G125")])
        .also(&["HCO3-", "HCO3"])
        .within(SpecimenKind::Arterial)
        .unit("mmol/L")
        .loinc(&[("1959-6", B)])
        .charges(1),
    item("bilirubin", "総ビリルビン", "Total bilirubin", &[of("3J010")])
        .also(&["T-Bil", "TB"])
        .unit("mg/dL")
        .loinc(&[("1975-2", B)])
        .mass("C33H36N4O6", "584.673"),
    // endocrine and markers
    item("tsh", "甲状腺刺激ホルモン", "Thyroid-stimulating hormone", &[of("4A055")])
        .also(&["TSH"])
        .unit("u[IU]/mL")
        .loinc(&[("3016-3", B), ("11580-8", B)]),
    item("free-t4", "遊離サイロキシン", "Free thyroxine", &[of("4B035")])
        .also(&["FT4", "F-T4"])
        .unit("ng/dL")
        .loinc(&[("3024-7", C)])
        .mass("C15H11I4NO4", "776.87"),
    item("insulin", "インスリン", "Insulin", &[of("4G010")]).also(&["IRI"]).unit("u[IU]/mL").loinc(&[("20448-7", C)]),
    item("c-peptide", "C-ペプチド", "C-peptide", &[of("4G020")]).also(&["CPR"]).unit("ng/mL").loinc(&[("1986-9", C)]),
    item("hcg", "ヒト絨毛性ゴナドトロピン", "Chorionic gonadotropin", &[of("4F080")])
        .also(&["hCG", "HCG"])
        .unit("m[IU]/mL")
        .loinc(&[("21198-7", C)]),
    item("bnp", "脳性Na利尿ペプチド", "Brain natriuretic peptide", &[of("4Z271")])
        .also(&["BNP"])
        .unit("pg/mL")
        .loinc(&[("30934-4", B), ("42637-9", B)]),
    item("nt-probnp", "NT-proBNP", "NT-proBNP", &[of("4Z272")]).unit("pg/mL").loinc(&[("33762-6", B)]),
    item("crp", "C反応性蛋白", "C-reactive protein", &[of("5C070")])
        .also(&["CRP"])
        .unit("mg/dL")
        .loinc(&[("1988-5", B)]),
    item("troponin-i", "トロポニンI", "Troponin I", &[of("5C094")]).also(&["TnI", "cTnI"]).unit("ng/mL"),
    item("procalcitonin", "プロカルシトニン", "Procalcitonin", &[of("5C215")])
        .also(&["PCT"])
        .unit("ng/mL")
        .loinc(&[("75241-0", B)]),
    item("egfr", "推算GFRcreat", "Estimated GFR from creatinine", &[of("8A065")])
        .also(&["eGFR", "eGFRcreat"])
        .unit("mL/min/{1.73_m2}")
        .loinc(&[("48642-3", C), ("98979-8", C), ("33914-3", B)]),
    // urine
    item("urine-protein", "尿蛋白定性", "Urine protein, dipstick", &[part("1A990", &["53"])])
        .also(&["尿蛋白", "U-PRO"])
        .within(SpecimenKind::Urine)
        .loinc(&[("20454-5", C)]),
    item(
        "urine-protein-creatinine",
        "尿蛋白/クレアチニン比",
        "Urine protein/creatinine ratio",
        &[part("1A015", &["28"])],
    )
    .also(&["UPCR", "U-P/C"])
    .within(SpecimenKind::Urine)
    .unit("g/g{creat}")
    .loinc(&[("2890-2", C)]),
    item("urine-glucose", "尿糖", "Urine glucose", &[of("3D010")])
        .within(SpecimenKind::Urine)
        .unit("mg/dL")
        .mass("C6H12O6", "180.156"),
    item("urine-creatinine", "尿クレアチニン", "Urine creatinine", &[of("3C015")])
        .within(SpecimenKind::Urine)
        .unit("mg/dL")
        .loinc(&[("2161-8", C)])
        .mass("C4H7N3O", "113.120"),
];
