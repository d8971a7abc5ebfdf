//! Which codes are entries of a pregnancy's record, and what a value of each must be.
//!
//! LOINC codes come from value sets that were read in secondary places (DICOM CID 12003, 12005, 12018, 12019; the IPS's methods of
//! due dates; examples of IHE mAPS and HL7 IBCM) or from memory; docs/perinatal.md says which. `last-period` has none here: LOINC
//! 8665-2 is asked of every woman and does not say that she is pregnant.

use super::Says;

/// A code.
pub(crate) struct Row {
    /// The word of this project (docs/perinatal.md).
    pub(crate) word: &'static str,
    pub(crate) loinc: &'static [&'static str],
    pub(super) says: Says,
    /// Whether it is of one of the fetuses.
    pub(crate) of_fetus: bool,
    /// What is asked of its value, in words.
    pub(super) rule: &'static str,
}

const fn row(word: &'static str, loinc: &'static [&'static str], says: Says, rule: &'static str) -> Row {
    Row { word, loinc, says, of_fetus: false, rule }
}
const fn of_fetus(word: &'static str, loinc: &'static [&'static str], says: Says, rule: &'static str) -> Row {
    Row { word, loinc, says, of_fetus: true, rule }
}
const fn number(low: f64, high: f64, units: &'static [(&'static str, f64)]) -> Says {
    Says::Number { low, high, units }
}
const fn word(word: &'static str, rule: &'static str) -> Row {
    row(word, &[], Says::Word, rule)
}

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
const PLAIN_CM: &[(&str, f64)] = &[("cm", 1.0), ("", 1.0), ("1", 1.0)];
const UG_ML: &[(&str, f64)] = &[("ug/mL", 1.0), ("ug/ml", 1.0), ("μg/mL", 1.0), ("mg/L", 1.0)];
const MG_DL: &[(&str, f64)] = &[("mg/dL", 1.0), ("mg/dl", 1.0), ("mmol/L", 18.0156)];
const MG_DAY: &[(&str, f64)] = &[("mg", 1.0), ("mg/d", 1.0), ("mg/(24.h)", 1.0), ("g/d", 1_000.0)];

const AGE: &str = "a gestational age up to 44 weeks 6 days: whole weeks (`wk`) or days (`d`), or a text such as `32w3d`; a fraction of \
                   weeks other than whole days is not taken, for 32.3 may be 32 weeks 3 days";
const GLUCOSE: &str = "glucose of 10 to 2000 mg/dL, or in mmol/L";
const YES: &str = "`yes` or `no`, as a code or a text";

/// All of them. Vital signs have words here and no LOINC: by that they come as vital signs.
pub(crate) static ROWS: &[Row] = &[
    word("registration", "a number of children, or nothing more"),
    row("gravida", &["11996-6"], number(1.0, 30.0, COUNT), "pregnancies, this one included: a number from 1 to 30"),
    row("para", &["11977-6"], number(0.0, 30.0, COUNT), "births: a number from 0 to 30"),
    row("children", &["11878-6"], number(1.0, 5.0, COUNT), "fetuses: a number from 1 to 5"),
    row("height", &[], number(100.0, 220.0, CM), "a height of 100 to 220 cm, in cm, mm or m"),
    row("weight-before", &["56077-1"], number(25.0, 250.0, KG), "a weight of 25 to 250 kg, in kg or g"),
    word("history", "a word of what is known from before"),
    row(
        "due-date",
        &["11778-8", "11779-6", "11780-4"],
        Says::Day { from: -60, to: 300 },
        "a due date: a whole day, at most 300 days after the observation and 60 before it",
    ),
    row(
        "last-period",
        &[],
        Says::Day { from: -320, to: 0 },
        "the first day of the last period: a whole day, within the 320 days before the observation",
    ),
    row(
        "conception",
        &["11976-8", "33067-0"],
        Says::Day { from: -310, to: 0 },
        "a day of ovulation or conception: a whole day, within the 310 days before the observation",
    ),
    word("transfer", "a day and the embryo's age in days: `2026-01-20/5`"),
    row("gestational-age", &["18185-9", "49051-6", "11884-4", "11885-1", "11886-9", "11887-7"], Says::Age, AGE),
    row("ultrasound-dating", &["11888-5"], Says::Age, AGE),
    row("checkup", &[], Says::Alone, "nothing more"),
    row("weight", &[], number(25.0, 250.0, KG), "a weight of 25 to 250 kg, in kg or g"),
    row("systolic", &[], number(30.0, 300.0, MMHG), "a systolic pressure of 30 to 300 mm[Hg]"),
    row("diastolic", &[], number(10.0, 200.0, MMHG), "a diastolic pressure of 10 to 200 mm[Hg]"),
    row("pulse", &[], number(20.0, 300.0, PER_MINUTE), "a pulse of 20 to 300 /min"),
    row("breathing", &[], number(0.0, 100.0, PER_MINUTE), "breaths, up to 100 /min"),
    row("temperature", &[], number(25.0, 45.0, CELSIUS), "a temperature of 25 to 45 Cel"),
    row("saturation", &[], number(0.0, 100.0, PERCENT), "a saturation of 0 to 100 %"),
    word("consciousness", "`alert`, `voice`, `pain` or `unresponsive`"),
    word("urine-protein", "a dipstick's word: `-`, `±`, `1+` …"),
    word("urine-glucose", "a dipstick's word: `-`, `±`, `1+` …"),
    row("fundal-height", &["11881-0"], number(3.0, 60.0, CM), "a fundal height of 3 to 60 cm, in cm, mm or m"),
    row("cervix-length", &[], number(0.0, 100.0, MM), "a length of the cervix of 0 to 100 mm, in mm or cm"),
    word("placenta-praevia", YES),
    of_fetus(
        "estimated-fetal-weight",
        &["11727-5", "89087-1"],
        number(50.0, 7_000.0, GRAMS),
        "an estimated weight of a fetus of 50 to 7000 g, in g or kg",
    ),
    of_fetus("bpd", &["11820-8"], number(5.0, 130.0, MM), "a biparietal diameter of 5 to 130 mm, in mm or cm"),
    of_fetus("ac", &["11979-2"], number(20.0, 500.0, MM), "an abdominal circumference of 20 to 500 mm, in mm or cm"),
    of_fetus("fl", &["11963-6"], number(2.0, 100.0, MM), "a femur length of 2 to 100 mm, in mm or cm"),
    of_fetus(
        "fetal-heart-rate",
        &["11948-7", "55283-6", "57068-9"],
        number(20.0, 300.0, PER_MINUTE),
        "a fetal heart rate of 20 to 300 /min",
    ),
    of_fetus("presentation", &[], Says::Word, "`cephalic`, `breech` or `transverse`"),
    row("dilatation", &[], number(0.0, 10.0, CM), "a dilatation of 0 to 10 cm"),
    row("effacement", &[], number(0.0, 100.0, PERCENT), "an effacement of 0 to 100 %"),
    row("station", &[], number(-5.0, 5.0, PLAIN_CM), "a station of -5 to 5 cm"),
    word("consistency", "`hard`, `medium` or `soft`"),
    word("position", "`posterior`, `middle` or `anterior`"),
    row("contractions", &[], number(0.0, 30.0, IN_TEN), "contractions in ten minutes, up to 30"),
    row("blood-loss", &[], number(0.0, 10_000.0, ML), "a blood loss of 0 to 10000 mL or g"),
    row("blood-loss-by-eye", &[], number(0.0, 10_000.0, ML), "a blood loss of 0 to 10000 mL or g"),
    row("urine", &[], number(0.0, 5_000.0, PER_HOUR), "urine of 0 to 5000 mL/h"),
    row("dic-score", &[], number(0.0, 100.0, COUNT), "a score of 0 to 100"),
    word("dic-disease", "`abruption`, `amniotic-embolism`, `not-clotting` or `none`"),
    row("fdp", &[], number(0.0, 10_000.0, UG_ML), "FDP of 0 to 10000 ug/mL"),
    word("epidural", YES),
    word("bleeding-goes-on", YES),
    word("neurological", YES),
    word("coagulation", YES),
    word("abdominal-pain", YES),
    word("uteroplacental", YES),
    row("protein-day", &[], number(0.0, 50_000.0, MG_DAY), "protein in the urine of a day, 0 to 50000 mg, or in g/d"),
    row("glucose-fasting", &[], number(10.0, 2_000.0, MG_DL), GLUCOSE),
    row("glucose-1h", &[], number(10.0, 2_000.0, MG_DL), GLUCOSE),
    row("glucose-2h", &[], number(10.0, 2_000.0, MG_DL), GLUCOSE),
    word("delivery", "`vaginal` or `caesarean`"),
    of_fetus("newborn", &[], Says::Word, "a newborn's patient number"),
    row("ended", &[], Says::Alone, "nothing more"),
];
