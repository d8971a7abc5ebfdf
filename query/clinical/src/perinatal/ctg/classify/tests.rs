use super::*;
use crate::perinatal::ctg::{
    Baseline, BaselineFrom, Contraction, CtgLimits, Deceleration, DecelerationKind, Excursion, NotAssessable, Reading,
    Severity, Side, Sinusoid, Standing, Variability, VariabilityClass, Window,
};
use model::{FacilityId, Moment};
use proptest::prelude::*;

fn deceleration(kind: DecelerationKind, severity: Severity, onset: usize, length: usize) -> Deceleration {
    let excursion = Excursion {
        side: Side::Below,
        onset,
        reached: onset + 10,
        extreme: onset + 10,
        end: onset + length,
        depth: 30.0,
        rate: 110.0,
        deep: 0,
        low: 0,
        whole: true,
    };
    Deceleration { excursion, kind, severity, contraction: None }
}

fn window(class: VariabilityClass, baseline: u16, decelerations: Vec<Deceleration>) -> Window {
    let amplitude = match class {
        VariabilityClass::Absent => 0.5,
        VariabilityClass::Decreased => 4.0,
        VariabilityClass::Moderate => 12.0,
        VariabilityClass::Increased => 30.0,
    };
    Window {
        from: 0,
        until: 600,
        standing: Standing::Final,
        measured: 1.0,
        suspect: 0.0,
        accelerations: vec![],
        decelerations,
        contractions: Some(vec![]),
        reading: Ok(Reading {
            baseline: Baseline { bpm: baseline, from: BaselineFrom::Here },
            weighted_median: f32::from(baseline),
            variability: Variability { amplitude, class, within_events: false },
            short_term: vec![],
            sinusoid: None,
        }),
    }
}

fn sinusoidal(mut window: Window) -> Window {
    if let Ok(reading) = &mut window.reading {
        reading.sinusoid = Some(Sinusoid { cycles: 4.0, amplitude: 10.0 });
    }
    window
}

const KINDS: [Option<(DecelerationKind, Severity)>; 8] = [
    None,
    Some((DecelerationKind::Early, Severity::Mild)),
    Some((DecelerationKind::Variable, Severity::Mild)),
    Some((DecelerationKind::Variable, Severity::Severe)),
    Some((DecelerationKind::Late, Severity::Mild)),
    Some((DecelerationKind::Late, Severity::Severe)),
    Some((DecelerationKind::Prolonged, Severity::Mild)),
    Some((DecelerationKind::Prolonged, Severity::Severe)),
];

fn unverified(said: Jsog) -> Verdict {
    match said {
        Jsog::Rated(Rating::Unverified { verdict, .. }) => verdict,
        other => panic!("{other:?}"),
    }
}

fn levels(window_of: impl Fn(Vec<Deceleration>) -> Window, reserve: Reserve) -> String {
    let level = |kind: &Option<(DecelerationKind, Severity)>| {
        let one = kind.map(|(kind, severity)| deceleration(kind, severity, 100, 60));
        match JsogTable::shipped().rate(&window_of(one.into_iter().collect()), reserve, &CtgLimits::shipped()) {
            Jsog::Rated(Rating::Unverified { verdict, source }) => {
                assert_eq!(source, JSOG_MATRIX);
                verdict.level.number().to_string()
            }
            other => panic!("{other:?}"),
        }
    };
    KINDS.iter().map(level).collect()
}

#[test]
fn every_cell_of_the_matrix_is_as_the_notes_have_it() {
    use VariabilityClass::{Absent, Decreased, Increased, Moderate};
    let rows = [
        // a window's level is its worst: a cell below that of its row without deceleration would not show
        (Moderate, 110, "12233334"),
        (Moderate, 160, "12233334"),
        (Moderate, 165, "22333434"),
        (Moderate, 105, "33344444"),
        (Moderate, 80, "33344444"),
        (Moderate, 75, "44444444"),
        (Decreased, 140, "23343445"),
        (Decreased, 165, "33444545"),
        (Decreased, 105, "44455555"),
        (Decreased, 75, "55555555"),
        (Absent, 140, "45555555"),
        (Absent, 75, "45555555"),
        (Increased, 140, "22333434"),
        (Increased, 75, "22333434"),
    ];
    for (class, baseline, expected) in rows {
        let of = |decelerations: Vec<Deceleration>| window(class, baseline, decelerations);
        assert_eq!(levels(of, Reserve::Usual), expected, "{class:?} {baseline}");
    }
    let wave = |decelerations: Vec<Deceleration>| sinusoidal(window(Moderate, 140, decelerations));
    assert_eq!(levels(wave, Reserve::Usual), "44445555");
}

#[test]
fn one_cell_asks_for_the_reserve_of_the_fetus() {
    let little = |class, baseline| levels(|all| window(class, baseline, all), Reserve::Little);
    assert_eq!(little(VariabilityClass::Decreased, 140), "23344445");
    assert_eq!(little(VariabilityClass::Moderate, 140), "12233334");
    assert_eq!(little(VariabilityClass::Decreased, 165), "33444545");
}

#[test]
fn cells_without_an_entry_say_that_a_neighbour_stands_in() {
    let filled: Vec<(JsogRow, JsogColumn)> = JsogRow::ALL
        .into_iter()
        .flat_map(|row| JsogColumn::ALL.map(|column| (row, column)))
        .filter(|(row, column)| JsogTable::shipped().cell(*row, *column).unwrap().filled)
        .collect();
    let rows = [JsogRow::NormalSevereBradycardia, JsogRow::DecreasedSevereBradycardia];
    let columns = [JsogColumn::VariableMild, JsogColumn::ProlongedMild, JsogColumn::ProlongedSevere];
    assert_eq!(filled, rows.into_iter().flat_map(|row| columns.map(|column| (row, column))).collect::<Vec<_>>());
    let one = deceleration(DecelerationKind::Prolonged, Severity::Severe, 100, 200);
    let said = JsogTable::shipped().rate(
        &window(VariabilityClass::Moderate, 75, vec![one]),
        Reserve::Usual,
        &CtgLimits::shipped(),
    );
    let reasons = unverified(said).reasons;
    assert!(reasons.iter().any(|reason| reason.filled && reason.column == JsogColumn::ProlongedSevere));
}

fn confirmation() -> Confirmation {
    let facility = FacilityId::parse("nagasaki-mc").unwrap();
    Confirmation::new(facility, "X", "産科編2023 表2", Moment::parse("2026-11-01").unwrap()).unwrap()
}

#[test]
fn a_level_is_unverified_until_a_facility_confirms_its_table() {
    let quiet = window(VariabilityClass::Moderate, 140, vec![]);
    let rating = |table: &JsogTable| match table.rate(&quiet, Reserve::Usual, &CtgLimits::shipped()) {
        Jsog::Rated(rating) => rating,
        other => panic!("{other:?}"),
    };
    let Rating::Unverified { verdict, source } = rating(&JsogTable::shipped()) else { panic!() };
    assert_eq!((verdict.level, verdict.version.as_str(), source), (Level::L1, JSOG_VERSION, JSOG_MATRIX));
    let own = JsogTable::shipped().confirmed("n-1", confirmation(), []);
    let Rating::Confirmed { verdict, by } = rating(&own) else { panic!() };
    assert_eq!((verdict.level, verdict.version.as_str(), by), (Level::L1, "n-1", confirmation()));
}

#[test]
fn a_confirmation_names_what_it_was_compared_with() {
    let facility = FacilityId::parse("nagasaki-mc").unwrap();
    let at = Moment::parse("2026-11-01").unwrap();
    assert_eq!(Confirmation::new(facility, "X", "  ", at), Err(ConfirmationError::NoDocument));
}

#[test]
fn a_facility_sets_the_cells_it_found_to_be_others() {
    let (row, column) = (JsogRow::NormalSevereBradycardia, JsogColumn::ProlongedMild);
    let own = JsogTable::shipped().confirmed("n-1", confirmation(), [(row, column, Level::L5)]);
    assert_eq!(own.cell(row, column), Some(Cell { level: Level::L5, little_reserve: Level::L5, filled: false }));
    let late = (JsogRow::DecreasedNormal, JsogColumn::LateMild);
    assert_eq!(own.cell(late.0, late.1).unwrap().little_reserve, Level::L4);
}

#[test]
fn the_worst_reason_comes_first_and_all_are_told() {
    let all = vec![
        deceleration(DecelerationKind::Early, Severity::Mild, 50, 60),
        deceleration(DecelerationKind::GradualAlone, Severity::Severe, 300, 60),
        deceleration(DecelerationKind::Variable, Severity::Mild, 200, 60),
    ];
    let said = JsogTable::shipped().rate(
        &window(VariabilityClass::Decreased, 165, all),
        Reserve::Usual,
        &CtgLimits::shipped(),
    );
    let reasons = unverified(said).reasons;
    let told: Vec<_> = reasons.iter().map(|reason| (reason.level.number(), reason.deceleration)).collect();
    assert_eq!(told, [(5, Some(300)), (4, Some(200)), (3, None), (3, Some(50))]);
    assert!(reasons[0].counted_as_late && !reasons[1].counted_as_late);
}

fn lost(why: NotAssessable) -> Window {
    Window { reading: Err(why), ..window(VariabilityClass::Moderate, 140, vec![]) }
}

#[test]
fn what_is_not_assessable_has_no_level_and_no_category() {
    for why in [NotAssessable::Lost, NotAssessable::Suspect, NotAssessable::NoBaseline, NotAssessable::TooShort] {
        let windows = [window(VariabilityClass::Moderate, 140, vec![]), lost(why)];
        let jsog = JsogTable::shipped().rate(&windows[1], Reserve::Usual, &CtgLimits::shipped());
        assert_eq!(jsog, Jsog::NotAssessable(why));
        assert_eq!(figo(&windows), Some(Figo::NotAssessable(why)));
        assert_eq!(nichd(&windows), Some(Nichd::NotAssessable(why)));
    }
    assert_eq!((figo(&[]), nichd(&[])), (None, None));
}

fn figo_of(windows: &[Window]) -> (FigoCategory, Vec<FigoReason>) {
    match figo(windows).unwrap() {
        Figo::Rated { category, reasons } => (category, reasons),
        other => panic!("{other:?}"),
    }
}

#[test]
fn figo_is_normal_suspicious_and_pathological_at_its_limits() {
    use FigoCategory::{Normal, Pathological, Suspicious};
    let of = |class, baseline| figo_of(&[window(class, baseline, vec![])]).0;
    let moderate = VariabilityClass::Moderate;
    for (baseline, expected) in
        [(110, Normal), (160, Normal), (105, Suspicious), (165, Suspicious), (100, Suspicious), (95, Pathological)]
    {
        assert_eq!(of(moderate, baseline), expected, "{baseline}");
    }
    assert_eq!(of(VariabilityClass::Decreased, 140), Suspicious);
    assert_eq!(of(VariabilityClass::Increased, 140), Suspicious);
}

#[test]
fn figo_counts_how_long_something_has_lasted() {
    use FigoCategory::{Pathological, Suspicious};
    let run = |class, count: usize| figo_of(&vec![window(class, 140, vec![]); count]).0;
    assert_eq!((run(VariabilityClass::Decreased, 5), run(VariabilityClass::Decreased, 6)), (Suspicious, Pathological));
    assert_eq!((run(VariabilityClass::Increased, 3), run(VariabilityClass::Increased, 4)), (Suspicious, Pathological));
    let wave = |count: usize| figo_of(&vec![sinusoidal(window(VariabilityClass::Moderate, 140, vec![])); count]).0;
    assert_eq!((wave(3), wave(4)), (Suspicious, Pathological));
    // what is interrupted begins anew
    let mut broken = vec![window(VariabilityClass::Decreased, 140, vec![]); 7];
    broken[3] = window(VariabilityClass::Moderate, 140, vec![]);
    assert_eq!(figo_of(&broken).0, Suspicious);
}

/// A window with some contractions, of which the first come with a deceleration.
fn with_contractions(class: VariabilityClass, kind: DecelerationKind, (all, with): (usize, usize)) -> Window {
    let peak = |which: usize| 60 + 100 * which;
    let contraction =
        |which| Contraction { onset: peak(which) - 40, peak: peak(which), end: peak(which) + 40, rise: 50.0 };
    let one =
        |which| Deceleration { contraction: Some(peak(which)), ..deceleration(kind, Severity::Mild, peak(which), 60) };
    let mut window = window(class, 140, (0..with).map(one).collect());
    window.contractions = Some((0..all).map(contraction).collect());
    window
}

#[test]
fn repetitive_means_with_more_than_half_of_the_contractions() {
    let of = |all, with| {
        let window = with_contractions(VariabilityClass::Moderate, DecelerationKind::Late, (all, with));
        figo_of(std::slice::from_ref(&window)).1.contains(&FigoReason::Repetitive)
    };
    assert_eq!((of(4, 2), of(4, 3), of(5, 2), of(5, 3), of(0, 0)), (false, true, false, true, false));
    let run = |class, count: usize| figo_of(&vec![with_contractions(class, DecelerationKind::Late, (4, 3)); count]).0;
    use FigoCategory::{Pathological, Suspicious};
    assert_eq!((run(VariabilityClass::Moderate, 3), run(VariabilityClass::Moderate, 4)), (Suspicious, Pathological));
    assert_eq!((run(VariabilityClass::Decreased, 2), run(VariabilityClass::Decreased, 3)), (Suspicious, Pathological));
}

#[test]
fn unseen_contractions_do_not_make_decelerations_rare() {
    let unseen = |count: usize| {
        let all =
            (0..count).map(|which| deceleration(DecelerationKind::Late, Severity::Mild, 100 * which, 60)).collect();
        Window { contractions: None, ..window(VariabilityClass::Absent, 140, all) }
    };
    let recurrent = |count| match nichd(&[unseen(count)]).unwrap() {
        Nichd::Rated { reasons, .. } => reasons.contains(&NichdReason::AbsentWithRecurrentLate),
        other => panic!("{other:?}"),
    };
    assert_eq!((recurrent(0), recurrent(1), recurrent(2)), (false, false, true));
}

#[test]
fn one_deceleration_of_more_than_five_minutes_is_pathological() {
    let of = |length| {
        figo_of(&[window(
            VariabilityClass::Moderate,
            140,
            vec![deceleration(DecelerationKind::Prolonged, Severity::Mild, 0, length)],
        )])
        .0
    };
    assert_ne!(of(300), FigoCategory::Pathological);
    assert_eq!(of(301), FigoCategory::Pathological);
}

fn nichd_of(windows: &[Window]) -> NichdCategory {
    match nichd(windows).unwrap() {
        Nichd::Rated { category, .. } => category,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nichd_one_needs_all_and_three_needs_absent_variability_or_a_sinusoid() {
    use NichdCategory::{One, Three, Two};
    let of = |class, baseline, all| nichd_of(&[window(class, baseline, all)]);
    let one = |kind| vec![deceleration(kind, Severity::Mild, 100, 60)];
    assert_eq!(of(VariabilityClass::Moderate, 140, vec![]), One);
    assert_eq!(of(VariabilityClass::Moderate, 140, one(DecelerationKind::Early)), One);
    for kind in [
        DecelerationKind::Late,
        DecelerationKind::GradualAlone,
        DecelerationKind::Variable,
        DecelerationKind::Prolonged,
    ] {
        assert_eq!(of(VariabilityClass::Moderate, 140, one(kind)), Two, "{kind:?}");
    }
    assert_eq!(of(VariabilityClass::Moderate, 105, vec![]), Two);
    assert_eq!(of(VariabilityClass::Decreased, 140, vec![]), Two);
    assert_eq!(of(VariabilityClass::Absent, 140, vec![]), Two);
    assert_eq!(of(VariabilityClass::Absent, 110, vec![]), Two);
    assert_eq!(of(VariabilityClass::Absent, 105, vec![]), Three);
    assert_eq!(nichd_of(&[sinusoidal(window(VariabilityClass::Moderate, 140, vec![]))]), Three);
}

#[test]
fn recurrent_is_half_of_the_contractions_of_twenty_minutes() {
    let of = |kind, counts: [(usize, usize); 3]| {
        nichd_of(&counts.map(|counts| with_contractions(VariabilityClass::Absent, kind, counts)))
    };
    use NichdCategory::{Three, Two};
    for kind in [DecelerationKind::Late, DecelerationKind::Variable] {
        // within one window the peaks of the two are the same places, so distinct ones are counted once
        assert_eq!(of(kind, [(0, 0), (0, 0), (4, 2)]), Three);
        assert_eq!(of(kind, [(0, 0), (0, 0), (5, 2)]), Two);
        assert_eq!(of(kind, [(0, 0), (4, 0), (4, 3)]), Two, "seldom over twenty minutes");
        assert_eq!(of(kind, [(4, 4), (4, 0), (4, 0)]), Two, "longer ago");
    }
}

proptest! {
    #[test]
    fn one_deceleration_more_never_makes_a_level_milder(
        class in 0_usize..4,
        baseline in (10_u16..40).prop_map(|five| five * 5),
        kinds in proptest::collection::vec(1_usize..8, 0..6),
        more in 1_usize..8,
        little in any::<bool>(),
    ) {
        use VariabilityClass::{Absent, Decreased, Increased, Moderate};
        let class = [Absent, Decreased, Moderate, Increased][class];
        let reserve = if little { Reserve::Little } else { Reserve::Usual };
        let level = |kinds: &[usize]| {
            let all = kinds.iter().filter_map(|kind| KINDS[*kind]);
            let all = all.enumerate().map(|(at, (kind, severity))| deceleration(kind, severity, 60 * at, 50)).collect();
            match JsogTable::shipped().rate(&window(class, baseline, all), reserve, &CtgLimits::shipped()) {
                Jsog::Rated(Rating::Unverified { verdict, .. }) => {
                    assert_eq!(verdict.reasons.iter().map(|reason| reason.level).max(), Some(verdict.level));
                    verdict.level
                }
                other => panic!("{other:?}"),
            }
        };
        let before = level(&kinds);
        let after = level(&[kinds, vec![more]].concat());
        prop_assert!(after >= before);
    }
}
