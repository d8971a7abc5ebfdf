//! Every figure of the maternal rules, with its source and how certain that is.

use crate::perinatal::limit::limits;
use crate::{Certainty, Source};

const HAEMORRHAGE: Source = Source {
    text: "産科危機的出血への対応指針 2022 (igaku-shoin c23; expydoc 10048941)",
    certainty: Certainty::Primary,
};
const HDP: Source =
    Source { text: "妊娠高血圧症候群 (JSOG 2018, by igaku-shoin)", certainty: Certainty::Primary };
const HDP_RECALLED: Source =
    Source { text: "妊娠高血圧症候群 (JSOG 2018), from memory", certainty: Certainty::Memory };
const EMERGENCY: Source =
    Source { text: "高血圧緊急症 in pregnancy (180/120), from memory", certainty: Certainty::Memory };
const PERSISTING: Source = Source {
    text: "severe hypertension for 15 minutes (ACOG Committee Opinion 767), from memory",
    certainty: Certainty::Memory,
};
const GDM: Source = Source { text: "妊娠糖尿病 (IADPSG; localogi, excite)", certainty: Certainty::Primary };
const BISHOP: Source = Source { text: "Bishop score as used in Japan, from memory", certainty: Certainty::Memory };
const LCG: Source = Source { text: "WHO labour care guide 2020, from memory", certainty: Certainty::Memory };
const MERC: Source = Source { text: "maternal early warning criteria, from memory", certainty: Certainty::Memory };

const DIC: Source = Source {
    text: "産科DIC診断基準 (JSOG and JSOGNH, tentative of 2022 or revision of 2024: the page read, practical-haemostasis.com, does not say which; unverified)",
    certainty: Certainty::Secondary,
};
const SECOND_STAGE: Source = Source {
    text: "WHO intrapartum care 2018, recommendation 33: usually within 3 and 2 hours (by 123dok.com)",
    certainty: Certainty::Secondary,
};
const SECOND_STAGE_EPIDURAL: Source = Source {
    text: "an hour more with epidural analgesia (ACOG and SMFM, Obstetric Care Consensus 1, 2014), from memory",
    certainty: Certainty::Memory,
};

limits! {
    /// A figure of the maternal rules.
    MaternalLimit, MaternalLimits, "2026-11-24";

    /// Shock index of 分娩時異常出血.
    ShockAbnormal: "shock-abnormal" = 1.0, (0.7, 1.0), "1", HAEMORRHAGE;
    /// Shock index of 産科危機的出血.
    ShockCritical: "shock-critical" = 1.5, (1.0, 1.5), "1", HAEMORRHAGE;
    /// Blood loss of 分娩時異常出血 at a vaginal delivery.
    LossVaginal: "loss-vaginal" = 1_000.0, (500.0, 1_000.0), "mL", HAEMORRHAGE;
    /// Blood loss of 分娩時異常出血 at a caesarean section.
    LossCaesarean: "loss-caesarean" = 2_000.0, (1_000.0, 2_000.0), "mL", HAEMORRHAGE;
    /// Obstetric DIC score of 産科危機的出血.
    DicScore: "dic-score" = 8.0, (5.0, 8.0), "points", HAEMORRHAGE;
    /// Fibrinogen below which it is 産科危機的出血.
    Fibrinogen: "fibrinogen" = 150.0, (150.0, 300.0), "mg/dL", HAEMORRHAGE;
    /// Points of 産科DIC診断基準 from which on it is a DIC.
    ObstetricDic: "obstetric-dic" = 8.0, (5.0, 8.0), "points", DIC;
    /// Its points of what a DIC may come of.
    DicDisease: "dic-disease-points" = 4.0, (4.0, 5.0), "points", DIC;
    /// Fibrinogen below which it has one point.
    DicFibrinogenOne: "dic-fibrinogen-1" = 300.0, (250.0, 350.0), "mg/dL", DIC;
    /// Below which it has two.
    DicFibrinogenTwo: "dic-fibrinogen-2" = 200.0, (175.0, 250.0), "mg/dL", DIC;
    /// Below which it has three.
    DicFibrinogenThree: "dic-fibrinogen-3" = 150.0, (100.0, 175.0), "mg/dL", DIC;
    /// FDP from which on it has one point.
    DicFdpOne: "dic-fdp-1" = 30.0, (20.0, 40.0), "ug/mL", DIC;
    /// From which on it has two.
    DicFdpTwo: "dic-fdp-2" = 60.0, (40.0, 80.0), "ug/mL", DIC;
    /// D-dimer from which on it has one point.
    DicDDimerOne: "dic-d-dimer-1" = 15.0, (10.0, 20.0), "ug/mL", DIC;
    /// From which on it has two.
    DicDDimerTwo: "dic-d-dimer-2" = 25.0, (20.0, 40.0), "ug/mL", DIC;
    /// The 90th percentile of blood loss: one child, vaginal.
    UsualVaginal: "usual-vaginal" = 800.0, (400.0, 1_000.0), "mL", HAEMORRHAGE;
    /// One child, caesarean section.
    UsualCaesarean: "usual-caesarean" = 1_500.0, (800.0, 2_000.0), "mL", HAEMORRHAGE;
    /// Several children, vaginal.
    UsualVaginalMultiple: "usual-vaginal-multiple" = 1_600.0, (800.0, 2_000.0), "mL", HAEMORRHAGE;
    /// Several children, caesarean section.
    UsualCaesareanMultiple: "usual-caesarean-multiple" = 2_300.0, (1_200.0, 3_000.0), "mL", HAEMORRHAGE;

    /// Systolic pressure of hypertension.
    Systolic: "hypertension-systolic" = 140.0, (130.0, 140.0), "mmHg", HDP;
    /// Diastolic pressure of hypertension.
    Diastolic: "hypertension-diastolic" = 90.0, (80.0, 90.0), "mmHg", HDP;
    /// Systolic pressure of severe hypertension.
    SevereSystolic: "severe-systolic" = 160.0, (150.0, 160.0), "mmHg", HDP;
    /// Diastolic pressure of severe hypertension.
    SevereDiastolic: "severe-diastolic" = 110.0, (100.0, 110.0), "mmHg", HDP;
    /// Systolic pressure of a hypertensive emergency.
    EmergencySystolic: "emergency-systolic" = 180.0, (160.0, 180.0), "mmHg", EMERGENCY;
    /// Diastolic pressure of a hypertensive emergency.
    EmergencyDiastolic: "emergency-diastolic" = 120.0, (110.0, 120.0), "mmHg", EMERGENCY;
    /// Severe for this long: a crisis.
    SeverePersisting: "severe-persisting" = 15.0, (5.0, 30.0), "min", PERSISTING;
    /// From this week on hypertension is of the pregnancy.
    HdpWeek: "hdp-week" = 20.0, (20.0, 20.0), "weeks", HDP;
    /// Before this week its onset is early.
    EarlyOnsetWeek: "early-onset-week" = 34.0, (32.0, 34.0), "weeks", HDP_RECALLED;
    /// Protein in the urine of a day.
    ProteinDay: "protein-day" = 300.0, (300.0, 300.0), "mg/d", HDP_RECALLED;
    /// Protein over creatinine in urine.
    ProteinRatio: "protein-ratio" = 0.3, (0.27, 0.3), "g/g", HDP_RECALLED;
    /// AST or ALT above this is organ damage.
    Transaminase: "transaminase" = 40.0, (30.0, 80.0), "U/L", HDP;
    /// Creatinine above this.
    Creatinine: "creatinine" = 1.0, (0.8, 1.1), "mg/dL", HDP;
    /// Platelets below this.
    Platelets: "platelets" = 150.0, (100.0, 150.0), "10^3/uL", HDP;

    /// Fasting glucose of gestational diabetes.
    GlucoseFasting: "glucose-fasting" = 92.0, (92.0, 95.0), "mg/dL", GDM;
    /// An hour after 75 g.
    GlucoseOneHour: "glucose-1h" = 180.0, (180.0, 180.0), "mg/dL", GDM;
    /// Two hours after 75 g.
    GlucoseTwoHours: "glucose-2h" = 153.0, (140.0, 153.0), "mg/dL", GDM;
    /// Fasting glucose of overt diabetes.
    OvertFasting: "overt-fasting" = 126.0, (126.0, 126.0), "mg/dL", GDM;
    /// HbA1c (NGSP) of overt diabetes.
    OvertHba1c: "overt-hba1c" = 6.5, (6.5, 6.5), "%", GDM;
    /// Casual glucose, or two hours after 75 g, from which on overt diabetes is looked for.
    OvertCheck: "overt-check" = 200.0, (200.0, 200.0), "mg/dL", GDM;

    /// Bishop score of a ripe cervix.
    Ripe: "bishop-ripe" = 9.0, (6.0, 9.0), "points", BISHOP;

    /// Hours at 5 cm.
    At5: "lcg-5cm" = 6.0, (2.0, 8.0), "h", LCG;
    /// Hours at 6 cm.
    At6: "lcg-6cm" = 5.0, (2.0, 8.0), "h", LCG;
    /// Hours at 7 cm.
    At7: "lcg-7cm" = 3.0, (1.0, 6.0), "h", LCG;
    /// Hours at 8 cm.
    At8: "lcg-8cm" = 2.5, (1.0, 6.0), "h", LCG;
    /// Hours at 9 cm.
    At9: "lcg-9cm" = 2.0, (0.5, 6.0), "h", LCG;
    /// Hours of the second stage at a first birth.
    SecondFirst: "second-stage-first" = 3.0, (1.0, 3.0), "h", SECOND_STAGE;
    /// Hours of the second stage at a later birth.
    SecondLater: "second-stage-later" = 2.0, (0.5, 2.0), "h", SECOND_STAGE;
    /// Hours of the second stage at a first birth with epidural analgesia.
    SecondFirstEpidural: "second-stage-first-epidural" = 4.0, (1.0, 4.0), "h", SECOND_STAGE_EPIDURAL;
    /// Hours of the second stage at a later birth with epidural analgesia.
    SecondLaterEpidural: "second-stage-later-epidural" = 3.0, (0.5, 3.0), "h", SECOND_STAGE_EPIDURAL;
    /// Fetal heart rate below this.
    LcgFetalLow: "lcg-fetal-low" = 110.0, (100.0, 120.0), "bpm", LCG;
    /// Fetal heart rate from this on.
    LcgFetalHigh: "lcg-fetal-high" = 160.0, (150.0, 170.0), "bpm", LCG;
    /// Systolic pressure below this.
    LcgSystolicLow: "lcg-systolic-low" = 80.0, (70.0, 100.0), "mmHg", LCG;
    /// Systolic pressure from this on.
    LcgSystolicHigh: "lcg-systolic-high" = 140.0, (130.0, 160.0), "mmHg", LCG;
    /// Pulse below this.
    LcgPulseLow: "lcg-pulse-low" = 60.0, (40.0, 60.0), "bpm", LCG;
    /// Pulse from this on.
    LcgPulseHigh: "lcg-pulse-high" = 120.0, (100.0, 130.0), "bpm", LCG;
    /// Temperature from this on.
    LcgTemperature: "lcg-temperature" = 37.5, (37.0, 38.0), "Cel", LCG;
    /// Contractions in ten minutes up to this.
    LcgContractionsFew: "lcg-contractions-few" = 2.0, (1.0, 3.0), "in 10 min", LCG;
    /// Contractions in ten minutes above this.
    LcgContractionsMany: "lcg-contractions-many" = 5.0, (4.0, 7.0), "in 10 min", LCG;

    /// Systolic pressure below this.
    MercSystolicLow: "merc-systolic-low" = 90.0, (80.0, 100.0), "mmHg", MERC;
    /// Systolic pressure above this.
    MercSystolicHigh: "merc-systolic-high" = 160.0, (140.0, 160.0), "mmHg", MERC;
    /// Diastolic pressure above this.
    MercDiastolicHigh: "merc-diastolic-high" = 100.0, (90.0, 110.0), "mmHg", MERC;
    /// Breaths below this.
    MercBreathingLow: "merc-breathing-low" = 10.0, (8.0, 12.0), "/min", MERC;
    /// Breaths above this.
    MercBreathingHigh: "merc-breathing-high" = 30.0, (20.0, 30.0), "/min", MERC;
    /// Oxygen saturation in room air below this.
    MercSaturation: "merc-saturation" = 95.0, (90.0, 97.0), "%", MERC;
    /// Pulse below this.
    MercPulseLow: "merc-pulse-low" = 50.0, (40.0, 60.0), "bpm", MERC;
    /// Pulse above this.
    MercPulseHigh: "merc-pulse-high" = 120.0, (100.0, 130.0), "bpm", MERC;
    /// Urine below this …
    MercUrine: "merc-urine" = 35.0, (20.0, 50.0), "mL/h", MERC;
    /// … for this long.
    MercUrineHours: "merc-urine-hours" = 2.0, (1.0, 4.0), "h", MERC;
}

/// A limit that was reached, and by what value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Reached {
    /// Which limit.
    pub limit: MaternalLimit,
    /// The value that reached it.
    pub value: f64,
}

impl MaternalLimits {
    /// The limit, where a value is at least as large.
    pub(in crate::perinatal) fn from(&self, limit: MaternalLimit, value: Option<f64>) -> Option<Reached> {
        value.filter(|value| *value >= self.value(limit)).map(|value| Reached { limit, value })
    }
    /// The limit, where a value is larger.
    pub(in crate::perinatal) fn above(&self, limit: MaternalLimit, value: Option<f64>) -> Option<Reached> {
        value.filter(|value| *value > self.value(limit)).map(|value| Reached { limit, value })
    }
    /// The limit, where a value is smaller.
    pub(in crate::perinatal) fn below(&self, limit: MaternalLimit, value: Option<f64>) -> Option<Reached> {
        value.filter(|value| *value < self.value(limit)).map(|value| Reached { limit, value })
    }
    /// The limit, where a value is at most as large.
    pub(in crate::perinatal) fn up_to(&self, limit: MaternalLimit, value: Option<f64>) -> Option<Reached> {
        value.filter(|value| *value <= self.value(limit)).map(|value| Reached { limit, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_named_once_and_lies_in_its_span() {
        crate::perinatal::limit::check_rows(MaternalLimit::ALL.iter().map(|limit| limit.row()));
    }

    #[test]
    fn a_facility_may_be_stricter_than_the_protocol_and_not_laxer() {
        let with = |limit, value| MaternalLimits::shipped().with("x", [(limit, value)]);
        assert!(with(MaternalLimit::ShockAbnormal, 0.9).is_ok());
        assert!(with(MaternalLimit::LossVaginal, 500.0).is_ok());
        let laxer = [
            (MaternalLimit::ShockAbnormal, 1.1),
            (MaternalLimit::ShockCritical, 1.6),
            (MaternalLimit::LossVaginal, 1_500.0),
            (MaternalLimit::Fibrinogen, 100.0),
            (MaternalLimit::SevereSystolic, 170.0),
        ];
        for (limit, value) in laxer {
            assert_eq!(with(limit, value).unwrap_err().key, limit.row().key);
        }
    }
}
