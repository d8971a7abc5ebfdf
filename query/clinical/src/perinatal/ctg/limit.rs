//! Every figure the reading of a cardiotocogram rests on, with its source and how certain that is.

use crate::perinatal::limit::limits;
use crate::{Certainty, Source};

const TERMS: Source = Source {
    text: "JSOG terms of cardiotocography, revision of 2002 (mf-med.umin.jp page-06-(2))",
    certainty: Certainty::Primary,
};
const TERMS_RECALLED: Source = Source { text: "JSOG terms and severity, from memory", certainty: Certainty::Memory };
const CLEANING: Source = Source {
    text: "pre-processing of FHRMA as described in the domain notes (removesmallpart.m)",
    certainty: Certainty::Primary,
};
const USUAL: Source = Source { text: "usual limit, from memory", certainty: Certainty::Memory };
const CHOICE: Source = Source { text: "a choice of this project", certainty: Certainty::Memory };

limits! {
    /// A figure the reading of a cardiotocogram rests on.
    CtgLimit, CtgLimits, "2026-11-23";

    /// Below this a heart rate is no signal.
    LowestRate: "lowest-rate" = 30.0, (20.0, 60.0), "bpm", USUAL;
    /// Above this a heart rate is no signal.
    HighestRate: "highest-rate" = 240.0, (200.0, 300.0), "bpm", USUAL;
    /// Stretches of signal shorter than this are taken out.
    IslandShort: "island-short" = 5.0, (0.0, 15.0), "s", CLEANING;
    /// Stretches shorter than this are taken out where they lie off both neighbours.
    IslandLong: "island-long" = 30.0, (5.0, 60.0), "s", CLEANING;
    /// How far off both neighbours.
    IslandOffset: "island-offset" = 25.0, (10.0, 60.0), "bpm", CLEANING;
    /// How far away a neighbour may lie.
    IslandReach: "island-reach" = 30.0, (5.0, 60.0), "s", CHOICE;
    /// The fetal and the maternal rate coincide up to this difference.
    Coincidence: "coincidence" = 5.0, (1.0, 10.0), "bpm", CHOICE;
    /// For at least this long.
    CoincidenceTime: "coincidence-time" = 10.0, (2.0, 60.0), "s", CHOICE;
    /// Two fetal rates are near each other up to this difference.
    TwinNear: "twin-near" = 2.0, (0.5, 5.0), "bpm", CHOICE;
    /// As much of a minute near each other is one heart.
    TwinPart: "twin-part" = 0.9, (0.7, 1.0), "of the minute", CHOICE;
    /// Gaps up to this length are bridged by a straight line.
    Bridge: "bridge" = 15.0, (0.0, 15.0), "s", CHOICE;
    /// A window with more loss is not assessable.
    LostPart: "lost-part" = 0.33, (0.05, 0.5), "of the window", USUAL;
    /// Seconds of baseline that must be seen in a window.
    BaselineSeen: "baseline-seen" = 120.0, (120.0, 300.0), "s", TERMS;
    /// Candidates of a baseline that differ by this much leave it undetermined.
    BaselineSpread: "baseline-spread" = 26.0, (10.0, 40.0), "bpm", TERMS;
    /// Below this: bradycardia.
    BaselineLow: "baseline-low" = 110.0, (100.0, 120.0), "bpm", TERMS;
    /// Above this: tachycardia.
    BaselineHigh: "baseline-high" = 160.0, (150.0, 170.0), "bpm", TERMS;
    /// Below this: severe bradycardia.
    BaselineSevere: "baseline-severe" = 80.0, (60.0, 100.0), "bpm", TERMS_RECALLED;
    /// Variability below this is absent: what no eye sees at a resolution of one beat.
    VariabilityAbsent: "variability-absent" = 1.0, (0.0, 3.0), "bpm", CHOICE;
    /// Up to this it is decreased.
    VariabilityDecreased: "variability-decreased" = 5.0, (3.0, 8.0), "bpm", TERMS;
    /// Above this it is increased.
    VariabilityIncreased: "variability-increased" = 25.0, (20.0, 30.0), "bpm", TERMS;
    /// What lies off the baseline by more is part of an excursion.
    ExcursionEdge: "excursion-edge" = 5.0, (2.0, 10.0), "bpm", CLEANING;
    /// So long back at the baseline ends an excursion that does not cross it.
    ExcursionRest: "excursion-rest" = 15.0, (5.0, 30.0), "s", CHOICE;
    /// Part of the depth that counts as having reached the extreme.
    ExcursionReached: "excursion-reached" = 0.9, (0.5, 1.0), "of the depth", CHOICE;
    /// Rise of an acceleration.
    AccelerationRise: "acceleration-rise" = 15.0, (10.0, 20.0), "bpm", TERMS;
    /// Length of an acceleration.
    AccelerationTime: "acceleration-time" = 15.0, (10.0, 30.0), "s", TERMS;
    /// Rise of an acceleration before 32 weeks.
    PretermRise: "preterm-rise" = 10.0, (8.0, 15.0), "bpm", TERMS;
    /// Length of an acceleration before 32 weeks.
    PretermTime: "preterm-time" = 10.0, (8.0, 15.0), "s", TERMS;
    /// Fall of a variable or prolonged deceleration, and of a gradual one without a contraction.
    DecelerationFall: "deceleration-fall" = 15.0, (10.0, 20.0), "bpm", TERMS;
    /// Length of a deceleration.
    DecelerationTime: "deceleration-time" = 15.0, (10.0, 30.0), "s", TERMS;
    /// Fall from which a gradual deceleration with a contraction is told.
    ShallowFall: "shallow-fall" = 10.0, (5.0, 15.0), "bpm", CHOICE;
    /// From onset to extreme in less: abrupt; else gradual.
    Abrupt: "abrupt" = 30.0, (20.0, 40.0), "s", TERMS;
    /// From this on prolonged.
    Prolonged: "prolonged" = 120.0, (90.0, 180.0), "s", TERMS;
    /// From this on a change of the baseline.
    BaselineChange: "baseline-change" = 600.0, (600.0, 600.0), "s", TERMS;
    /// Nadir and peak of the contraction coincide up to this difference: early; after it: late.
    PeakLag: "peak-lag" = 15.0, (5.0, 30.0), "s", CHOICE;
    /// A late deceleration is severe from this fall on.
    LateSevere: "late-severe" = 15.0, (10.0, 30.0), "bpm", TERMS_RECALLED;
    /// A variable deceleration below this …
    VariableDeep: "variable-deep" = 70.0, (60.0, 80.0), "bpm", TERMS_RECALLED;
    /// … for this long is severe;
    VariableDeepTime: "variable-deep-time" = 30.0, (15.0, 60.0), "s", TERMS_RECALLED;
    /// and one below this …
    VariableLow: "variable-low" = 80.0, (70.0, 90.0), "bpm", TERMS_RECALLED;
    /// … for this long.
    VariableLowTime: "variable-low-time" = 60.0, (30.0, 90.0), "s", TERMS_RECALLED;
    /// A prolonged deceleration below this is severe.
    ProlongedSevere: "prolonged-severe" = 80.0, (60.0, 100.0), "bpm", TERMS_RECALLED;
    /// Rise of a contraction at its peak above the tone, in the units of the transducer.
    ContractionRise: "contraction-rise" = 20.0, (5.0, 60.0), "units", CHOICE;
    /// Rise at which it begins and ends.
    ContractionEdge: "contraction-edge" = 10.0, (3.0, 30.0), "units", CHOICE;
    /// Shortest contraction.
    ContractionTime: "contraction-time" = 30.0, (15.0, 60.0), "s", USUAL;
    /// More contractions than this in ten minutes: tachysystole.
    Tachysystole: "tachysystole" = 5.0, (4.0, 7.0), "in 10 min", USUAL;
    /// Mean amplitude of a sinusoidal pattern, at least.
    SinusoidLow: "sinusoid-low" = 5.0, (3.0, 8.0), "bpm", TERMS;
    /// Mean amplitude of a sinusoidal pattern, at most.
    SinusoidHigh: "sinusoid-high" = 15.0, (10.0, 20.0), "bpm", TERMS;
    /// No swing of it is larger.
    SinusoidLargest: "sinusoid-largest" = 35.0, (20.0, 40.0), "bpm", TERMS;
    /// How alike one cycle is to the next (autocorrelation).
    SinusoidLikeness: "sinusoid-likeness" = 0.75, (0.5, 0.95), "of 1", CHOICE;
}

impl CtgLimits {
    /// A limit as single precision.
    pub(super) fn f32(&self, limit: CtgLimit) -> f32 {
        self.value(limit) as f32
    }

    /// A limit in whole seconds.
    pub(super) fn seconds(&self, limit: CtgLimit) -> usize {
        self.value(limit).round() as usize
    }

    /// A limit of time in samples.
    pub(super) fn samples(&self, limit: CtgLimit) -> usize {
        (self.value(limit) * super::HERTZ as f64).round() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_named_once_and_lies_in_its_span() {
        crate::perinatal::limit::check_rows(CtgLimit::ALL.iter().map(|limit| limit.row()));
    }

    #[test]
    fn a_facilitys_limit_takes_the_place_of_the_shipped_one_and_has_no_source() {
        let own = CtgLimits::shipped().with("clinic-1", [(CtgLimit::ContractionRise, 15.0)]).unwrap();
        assert_eq!((own.value(CtgLimit::ContractionRise), own.version()), (15.0, "clinic-1"));
        assert_eq!(own.source(CtgLimit::ContractionRise), None);
        assert_eq!(own.source(CtgLimit::BaselineLow).unwrap().certainty, Certainty::Primary);
    }

    #[test]
    fn a_limit_outside_its_span_is_refused_by_name() {
        for value in [f64::NAN, 0.0, 500.0] {
            let error = CtgLimits::shipped().with("x", [(CtgLimit::BaselineHigh, value)]).unwrap_err();
            assert_eq!((error.key, error.low, error.high), ("baseline-high", 150.0, 170.0));
        }
        let error = CtgLimits::shipped().with("x", [(CtgLimit::LostPart, 0.9)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the limit `lost-part` must lie within 0.05 to 0.5 of the window, and is 0.9: correct the facility's row"
        );
    }
}
