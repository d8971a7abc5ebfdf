//! The words of perinatal medicine: a short name for a column, and what is shown, in Japanese and English.

use super::chart::{Finding, LittleReserve, Outcome, Rule, RulingSaid};
use super::ctg::{
    DecelerationKind, Epoch, FigoCategory, FigoReason, JsogColumn, JsogRow, Level, NichdCategory, NichdReason,
    NotAssessable, Severity, Standing, VariabilityClass,
};
use super::maternal::{Colour, Delivery, GlucoseClass, HaemorrhageLevel, HdpClass, PressureClass, Sign};
use super::pregnancy::{Dipstick, FetalMeasure, History, Presentation, TermClass};
use super::trace::{FrozenBecause, LostBecause, SuspectBecause};

macro_rules! words {
    ($($type:ident { $($variant:ident: $code:literal, $japanese:literal, $english:literal;)* })*) => {
        $(impl $type {
            /// A short name for a column.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
            /// What is shown, in Japanese.
            pub const fn japanese(self) -> &'static str {
                match self { $(Self::$variant => $japanese,)* }
            }
            /// What is shown, in English.
            pub const fn english(self) -> &'static str {
                match self { $(Self::$variant => $english,)* }
            }
        })*

        /// All words by type, for the tests.
        #[cfg(test)]
        const ALL: &[(&str, &[[&str; 3]])] = &[$((stringify!($type), &[$([$code, $japanese, $english],)*]),)*];
    };
}

words! {
    Standing {
        Provisional: "provisional", "暫定", "provisional";
        Final: "final", "確定", "final";
    }
    NotAssessable {
        TooShort: "too-short", "判定不能（10分に満たない）", "not assessable: less than ten minutes";
        Lost: "lost", "判定不能（信号消失）", "not assessable: signal lost";
        Suspect: "suspect", "判定不能（母体心拍の疑い）", "not assessable: may be the mother's pulse";
        NoBaseline: "no-baseline", "判定不能（基線を決められない）", "not assessable: no baseline";
        NoVariability: "no-variability", "判定不能（細変動を読めない）", "not assessable: variability cannot be read";
    }
    VariabilityClass {
        Absent: "absent", "消失", "absent";
        Decreased: "decreased", "減少", "decreased";
        Moderate: "moderate", "中等度", "moderate";
        Increased: "increased", "増加", "increased";
    }
    Epoch {
        Sixteenth: "stv16", "短期変動（3.75秒）", "short-term variability (3.75 s)";
        Sample: "stv240", "短期変動（0.25秒）", "short-term variability (0.25 s)";
    }
    DecelerationKind {
        Early: "early", "早発一過性徐脈", "early deceleration";
        Late: "late", "遅発一過性徐脈", "late deceleration";
        GradualAlone: "gradual-alone", "緩やかな一過性徐脈（子宮収縮との対応なし）", "gradual deceleration without a contraction";
        Variable: "variable", "変動一過性徐脈", "variable deceleration";
        Prolonged: "prolonged", "遷延一過性徐脈", "prolonged deceleration";
    }
    Severity {
        Mild: "mild", "軽度", "mild";
        Severe: "severe", "高度", "severe";
    }
    Level {
        L1: "1", "レベル1 正常波形", "level 1, normal";
        L2: "2", "レベル2 亜正常波形", "level 2, benign variant";
        L3: "3", "レベル3 異常波形（軽度）", "level 3, mild variant";
        L4: "4", "レベル4 異常波形（中等度）", "level 4, moderate variant";
        L5: "5", "レベル5 異常波形（高度）", "level 5, severe variant";
    }
    JsogRow {
        NormalNormal: "normal-normal", "細変動正常・正常脈", "normal variability, normal baseline";
        NormalTachycardia: "normal-tachycardia", "細変動正常・頻脈", "normal variability, tachycardia";
        NormalBradycardia: "normal-bradycardia", "細変動正常・徐脈", "normal variability, bradycardia";
        NormalSevereBradycardia: "normal-severe-bradycardia", "細変動正常・徐脈（80未満）", "normal variability, below 80";
        DecreasedNormal: "decreased-normal", "細変動減少・正常脈", "decreased variability, normal baseline";
        DecreasedTachycardia: "decreased-tachycardia", "細変動減少・頻脈", "decreased variability, tachycardia";
        DecreasedBradycardia: "decreased-bradycardia", "細変動減少・徐脈", "decreased variability, bradycardia";
        DecreasedSevereBradycardia: "decreased-severe-bradycardia", "細変動減少・徐脈（80未満）", "decreased variability, below 80";
        Absent: "absent", "細変動消失", "absent variability";
        Increased: "increased", "細変動増加", "increased variability";
        Sinusoidal: "sinusoidal", "サイナソイダルパターン", "sinusoidal pattern";
    }
    JsogColumn {
        Nothing: "none", "一過性徐脈なし", "no deceleration";
        Early: "early", "早発一過性徐脈", "early deceleration";
        VariableMild: "variable-mild", "変動一過性徐脈（軽度）", "variable deceleration, mild";
        VariableSevere: "variable-severe", "変動一過性徐脈（高度）", "variable deceleration, severe";
        LateMild: "late-mild", "遅発一過性徐脈（軽度）", "late deceleration, mild";
        LateSevere: "late-severe", "遅発一過性徐脈（高度）", "late deceleration, severe";
        ProlongedMild: "prolonged-mild", "遷延一過性徐脈（軽度）", "prolonged deceleration, mild";
        ProlongedSevere: "prolonged-severe", "遷延一過性徐脈（高度）", "prolonged deceleration, severe";
    }
    FigoCategory {
        Normal: "normal", "正常", "normal";
        Suspicious: "suspicious", "疑わしい", "suspicious";
        Pathological: "pathological", "病的", "pathological";
    }
    FigoReason {
        Baseline: "baseline", "基線が110〜160の外", "baseline outside 110 to 160";
        BaselineBelow100: "baseline-below-100", "基線が100未満", "baseline below 100";
        Variability: "variability", "細変動が5〜25の外", "variability outside 5 to 25";
        VariabilityReducedLong: "variability-reduced-long", "細変動の減少が50分を超える", "reduced variability for more than 50 minutes";
        VariabilityIncreasedLong: "variability-increased-long", "細変動の増加が30分を超える", "increased variability for more than 30 minutes";
        Sinusoidal: "sinusoidal", "サイナソイダルパターン", "sinusoidal pattern";
        SinusoidalLong: "sinusoidal-long", "サイナソイダルパターンが30分を超える", "sinusoidal pattern for more than 30 minutes";
        Repetitive: "repetitive", "反復する一過性徐脈", "repetitive decelerations";
        RepetitiveLateOrProlonged: "repetitive-late-or-prolonged", "遅発・遷延一過性徐脈の反復が続く", "repetitive late or prolonged decelerations for long";
        LongerThanFiveMinutes: "longer-than-5-min", "5分を超える一過性徐脈", "a deceleration of more than five minutes";
    }
    NichdCategory {
        One: "I", "カテゴリーI", "category I";
        Two: "II", "カテゴリーII", "category II";
        Three: "III", "カテゴリーIII", "category III";
    }
    NichdReason {
        Baseline: "baseline", "基線が110〜160の外", "baseline outside 110 to 160";
        Variability: "variability", "細変動が中等度でない", "variability not moderate";
        Deceleration: "deceleration", "早発以外の一過性徐脈", "a deceleration that is not early";
        Sinusoidal: "sinusoidal", "サイナソイダルパターン", "sinusoidal pattern";
        AbsentWithRecurrentLate: "absent-recurrent-late", "細変動消失と反復する遅発一過性徐脈", "absent variability with recurrent late decelerations";
        AbsentWithRecurrentVariable: "absent-recurrent-variable", "細変動消失と反復する変動一過性徐脈", "absent variability with recurrent variable decelerations";
        AbsentWithBradycardia: "absent-bradycardia", "細変動消失と徐脈", "absent variability with bradycardia";
    }
    LostBecause {
        NothingYet: "nothing-yet", "まだ届いていない", "nothing has arrived yet";
        NothingArrives: "nothing-arrives", "届かなくなった", "nothing arrives any more";
        NoSignal: "no-signal", "信号がない", "no signal";
    }
    FrozenBecause {
        ClockStands: "clock-stands", "測定時刻が進まない", "the times of measurement stand still";
        ValueStands: "value-stands", "値が変わらない", "the value stands still";
    }
    SuspectBecause {
        Clock: "clock", "送信元の時計が信用できない", "the source's clock cannot be trusted";
        Mother: "mother", "母体心拍と一致", "runs with the mother's heart rate";
    }
    HaemorrhageLevel {
        BelowThreshold: "below", "基準未満", "below the limits";
        Abnormal: "abnormal", "分娩時異常出血", "abnormal haemorrhage";
        Critical: "critical", "産科危機的出血", "critical haemorrhage";
    }
    PressureClass {
        NotHypertensive: "not-hypertensive", "高血圧でない", "not hypertensive";
        Hypertensive: "hypertensive", "高血圧", "hypertensive";
        Severe: "severe", "重症高血圧", "severe hypertension";
        Emergency: "emergency", "高血圧緊急症の血圧", "pressure of a hypertensive emergency";
    }
    HdpClass {
        GestationalHypertension: "GH", "妊娠高血圧", "gestational hypertension";
        Preeclampsia: "PE", "妊娠高血圧腎症", "preeclampsia";
        ChronicHypertension: "CH", "高血圧合併妊娠", "chronic hypertension";
        SuperimposedPreeclampsia: "SPE", "加重型妊娠高血圧腎症", "superimposed preeclampsia";
    }
    Colour {
        White: "white", "該当なし", "neither";
        Yellow: "yellow", "黄", "yellow";
        Red: "red", "赤", "red";
    }
    GlucoseClass {
        Pregestational: "pregestational", "糖尿病合併妊娠", "diabetes from before";
        Overt: "overt", "妊娠中の明らかな糖尿病", "overt diabetes in pregnancy";
        Gestational: "gestational", "妊娠糖尿病", "gestational diabetes";
        Neither: "neither", "いずれでもない", "neither";
        CannotBeSaid: "cannot-be-said", "判定できない", "cannot be said";
    }
    TermClass {
        Abortion: "abortion", "流産", "before 22 weeks";
        Preterm: "preterm", "早産", "preterm";
        Term: "term", "正期産", "term";
        Postterm: "postterm", "過期産", "post-term";
    }
    Presentation {
        Cephalic: "cephalic", "頭位", "cephalic";
        Breech: "breech", "骨盤位", "breech";
        Transverse: "transverse", "横位", "transverse";
    }
    Dipstick {
        Negative: "negative", "−", "negative";
        Trace: "trace", "±", "trace";
        One: "1", "1＋", "1+";
        Two: "2", "2＋", "2+";
        Three: "3", "3＋以上", "3+ and more";
    }
    Delivery {
        Vaginal: "vaginal", "経腟分娩", "vaginal";
        Caesarean: "caesarean", "帝王切開", "caesarean section";
    }
    FetalMeasure {
        Weight: "weight", "推定胎児体重", "estimated weight";
        Bpd: "bpd", "児頭大横径", "biparietal diameter";
        Ac: "ac", "腹囲", "abdominal circumference";
        Fl: "fl", "大腿骨長", "femur length";
    }
    Outcome {
        Pregnant: "pregnant", "妊娠中", "pregnant";
        Born: "born", "分娩", "born";
        Ended: "ended", "分娩以外の終了", "ended otherwise";
        NotKnown: "not-known", "転帰不明", "not known";
    }
    Rule {
        Haemorrhage: "haemorrhage", "産科危機的出血への対応", "haemorrhage protocol";
        ObstetricDic: "obstetric-dic", "産科DIC診断基準", "criteria for obstetric DIC";
        BloodLoss: "blood-loss", "出血量", "blood loss";
        Crisis: "hypertensive-crisis", "高血圧緊急症", "hypertensive crisis";
        Hypertension: "hypertensive-disorder", "妊娠高血圧症候群", "hypertensive disorder of pregnancy";
        Meows: "meows", "産科早期警告スコア（MEOWS）", "MEOWS";
        EarlyWarning: "early-warning", "母体早期警告基準（MERC）", "maternal early warning criteria";
        LabourCare: "labour-care-guide", "WHO分娩ケアガイド", "WHO labour care guide";
        SecondStage: "second-stage", "分娩第2期の長さ", "length of the second stage";
        Bishop: "bishop", "ビショップスコア", "Bishop score";
        Glucose: "glucose", "妊娠中の糖代謝異常", "glucose in pregnancy";
    }
    Sign {
        Systolic: "systolic", "収縮期血圧", "systolic pressure";
        Diastolic: "diastolic", "拡張期血圧", "diastolic pressure";
        HeartRate: "pulse", "脈拍", "heart rate";
        Breathing: "breathing", "呼吸数", "breaths";
        Temperature: "temperature", "体温", "temperature";
        Saturation: "saturation", "酸素飽和度", "oxygen saturation";
    }
    LittleReserve {
        Small: "small", "推定体重が小さい（施設の基準）", "small by the facility's own table";
        Uteroplacental: "uteroplacental", "子宮胎盤機能不全", "uteroplacental dysfunction";
        PlacentaPraevia: "placenta-praevia", "前置胎盤", "placenta praevia";
        Abruption: "abruption", "常位胎盤早期剥離", "placental abruption";
    }
    Finding {
        BleedingGoesOn: "bleeding-goes-on", "出血が続き、循環動態が安定しない", "bleeding goes on, circulation unstable";
        MeowsConsciousness: "meows-red-consciousness", "MEOWS 赤：意識", "MEOWS red: less than alert";
        MercConsciousness: "merc-consciousness", "MERC：意識", "MERC: less than alert";
        Neurological: "neurological", "神経症状", "neurological signs";
        Coagulation: "coagulation", "血液凝固障害", "disturbed coagulation";
        AbdominalPain: "abdominal-pain", "持続する上腹部痛", "lasting pain of the upper abdomen";
        Uteroplacental: "uteroplacental", "子宮胎盤機能不全", "uteroplacental dysfunction";
    }
    RulingSaid {
        Reached: "reached", "基準に達した", "reached";
        NotReached: "not-reached", "基準未満", "not reached";
        CannotBeSaid: "cannot-be-said", "判定できない", "cannot be said";
    }
    History {
        Hypertension: "hypertension", "高血圧", "hypertension";
        Diabetes: "diabetes", "糖尿病", "diabetes";
        Illness: "illness", "その他の合併症", "other illness";
        UterineScar: "uterine-scar", "帝王切開・子宮手術の既往", "uterine scar";
        PretermBirth: "preterm-birth", "早産の既往", "earlier preterm birth";
        Stillbirth: "stillbirth", "死産の既往", "earlier stillbirth";
        Haemorrhage: "haemorrhage", "分娩後出血の既往", "earlier postpartum haemorrhage";
        HypertensiveDisorder: "hypertensive-disorder", "妊娠高血圧症候群の既往", "earlier hypertensive disorder";
        Smokes: "smokes", "喫煙", "smokes";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_type_differs_from_its_others_in_each_language() {
        for (of, words) in ALL {
            for language in 0..3 {
                let mut said: Vec<&str> = words.iter().map(|word| word[language]).collect();
                said.sort_unstable();
                said.dedup();
                assert_eq!(said.len(), words.len(), "{of}: two are called the same");
                assert!(said.iter().all(|word| !word.trim().is_empty()), "{of}: one is called nothing");
            }
            let plain = |code: &str| code.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
            assert!(words.iter().all(|word| plain(word[0])), "{of}: a code is no plain word");
        }
    }

    #[test]
    fn what_is_not_assessable_is_never_called_normal() {
        for why in [
            NotAssessable::TooShort,
            NotAssessable::Lost,
            NotAssessable::Suspect,
            NotAssessable::NoBaseline,
            NotAssessable::NoVariability,
        ] {
            assert!(why.japanese().starts_with("判定不能") && why.english().starts_with("not assessable"));
        }
    }
}
