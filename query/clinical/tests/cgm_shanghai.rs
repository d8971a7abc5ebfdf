//! Periods of the Shanghai data (`../shared/data/cgm/shanghai`; Zhao et al., Sci Data 2023, CC BY 4.0) against values computed
//! apart.
//!
//! The measures were computed with numpy 2.4 from the published definitions, written a second time. iglu-python 0.4.3 gives
//! the same for mean, SD, CV, IQR, MAD, GMI, eA1C, J, LBGI, HBGI, GRI, GRADE and its shares (but hypoglycaemia below 70 here, its
//! default is another), M, hyper and hypo index, IGC, COGI, MODD, CONGA, SD of the rate of change, SDhh:mm, SDwsh and SDb; and
//! within 0.01 % for ADRR, 0.04 % for the area, 1.3 % for MAGE (moving averages there), 2.5 % for SDw, SDdm, SDbdm and the
//! daily CVs (its days begin one reading later). MAG and GVP are of neighbouring readings here and of interpolated ones
//! there, up to 15 % less. The counts of episodes (low, very low, extended low, high, very high) are iglu-python's.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may stop where it stands and says what it did not find"
)]

use clinical::diabetes::cgm::{CGM_METRICS, CgmInterval, EpisodeRule, Ranges, Trace, episodes, metric};
use model::Moment;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

struct Period {
    id: &'static str,
    measures: &'static [(&'static str, f64)],
    episodes: [usize; 5],
}

const PERIODS: &[Period] = &[
    Period {
        id: "1001_0_20210730",
        measures: &[
            ("mean", 196.829179),
            ("sd", 50.141982),
            ("cv", 25.474872),
            ("median", 195.300000),
            ("iqr", 66.600000),
            ("mad", 49.370580),
            ("range", 259.200000),
            ("gmi", 8.018154),
            ("ea1c", 8.485337),
            ("tir-70-180", 38.297872),
            ("tir-70-140", 11.854103),
            ("tir-63-140", 11.854103),
            ("tbr-70", 0.759878),
            ("tbr-63", 0.759878),
            ("tbr-54", 0.303951),
            ("tar-140", 87.386018),
            ("tar-180", 60.942249),
            ("tar-250", 16.261398),
            ("j-index", 60.994754),
            ("lbgi", 0.177621),
            ("hbgi", 12.261563),
            ("adrr", 29.476935),
            ("gri", 63.768997),
            ("grade", 13.182315),
            ("grade-hypo", 0.618946),
            ("grade-hyper", 97.212270),
            ("grade-eu", 2.168785),
            ("m-value", 46.972945),
            ("hyper-index", 3.126167),
            ("hypo-index", 0.163052),
            ("igc", 3.289219),
            ("cogi", 62.018890),
            ("mage", 131.815385),
            ("mage-both", 130.392000),
            ("modd", 45.063102),
            ("conga-1", 30.311680),
            ("conga-2", 46.464191),
            ("conga-4", 65.916540),
            ("conga-24", 56.323841),
            ("mag", 29.479452),
            ("gvp", 17.547324),
            ("auc-hourly", 196.854795),
            ("sd-roc", 0.656859),
            ("sd-w", 42.003490),
            ("sd-hhmm", 23.267121),
            ("sd-wsh", 8.684384),
            ("sd-dm", 23.674078),
            ("sd-b", 46.446142),
            ("sd-bdm", 40.696496),
            ("cv-mean", 21.550693),
            ("cv-sd", 5.425540),
        ],
        episodes: [1, 1, 0, 21, 11],
    },
    Period {
        id: "2012_0_20220126",
        measures: &[
            ("mean", 130.850000),
            ("sd", 43.134503),
            ("cv", 32.964848),
            ("median", 118.800000),
            ("iqr", 47.700000),
            ("mad", 33.358500),
            ("range", 194.400000),
            ("gmi", 6.439932),
            ("ea1c", 6.186411),
            ("tir-70-180", 82.638889),
            ("tir-70-140", 66.666667),
            ("tir-63-140", 67.708333),
            ("tbr-70", 1.736111),
            ("tbr-63", 0.694444),
            ("tbr-54", 0.000000),
            ("tar-140", 31.597222),
            ("tar-180", 15.625000),
            ("tar-250", 0.694444),
            ("j-index", 30.270607),
            ("lbgi", 0.808490),
            ("hbgi", 2.956780),
            ("adrr", 22.277063),
            ("gri", 17.222222),
            ("grade", 4.732838),
            ("grade-hypo", 1.761755),
            ("grade-hyper", 75.277952),
            ("grade-eu", 22.960294),
            ("m-value", 11.475240),
            ("hyper-index", 0.691876),
            ("hypo-index", 0.237231),
            ("igc", 0.929107),
            ("cogi", 83.079435),
            ("mage", 101.400000),
            ("mage-both", 106.941176),
            ("modd", 45.224293),
            ("conga-1", 34.032684),
            ("conga-2", 49.459486),
            ("conga-4", 65.027850),
            ("conga-24", 61.094192),
            ("mag", 32.763763),
            ("gvp", 20.904948),
            ("auc-hourly", 130.816725),
            ("sd-roc", 0.718443),
            ("sd-w", 37.056807),
            ("sd-hhmm", 28.517040),
            ("sd-wsh", 9.573697),
            ("sd-dm", 18.081818),
            ("sd-b", 32.992583),
            ("sd-bdm", 31.131022),
            ("cv-mean", 28.455834),
            ("cv-sd", 5.182735),
        ],
        episodes: [2, 0, 0, 6, 1],
    },
    Period {
        id: "2055_1_20201207",
        measures: &[
            ("mean", 139.027483),
            ("sd", 26.972025),
            ("cv", 19.400499),
            ("median", 131.400000),
            ("iqr", 37.800000),
            ("mad", 24.018120),
            ("range", 151.200000),
            ("gmi", 6.635537),
            ("ea1c", 6.471341),
            ("tir-70-180", 90.515310),
            ("tir-70-140", 59.372666),
            ("tir-63-140", 59.372666),
            ("tbr-70", 0.000000),
            ("tbr-63", 0.000000),
            ("tbr-54", 0.000000),
            ("tar-140", 40.627334),
            ("tar-180", 9.484690),
            ("tar-250", 0.000000),
            ("j-index", 27.555837),
            ("lbgi", 0.027573),
            ("hbgi", 2.484815),
            ("adrr", 12.825777),
            ("gri", 7.587752),
            ("grade", 5.139737),
            ("grade-hypo", 0.000000),
            ("grade-hyper", 70.100872),
            ("grade-eu", 29.899128),
            ("m-value", 9.714091),
            ("hyper-index", 0.507166),
            ("hypo-index", 0.000000),
            ("igc", 0.507166),
            ("cogi", 93.762317),
            ("mage", 68.538462),
            ("mage-both", 68.780769),
            ("modd", 18.092271),
            ("conga-1", 25.862567),
            ("conga-2", 35.963343),
            ("conga-4", 32.209920),
            ("conga-24", 25.780216),
            ("mag", 25.937220),
            ("gvp", 14.242844),
            ("auc-hourly", 139.030493),
            ("sd-roc", 0.553536),
            ("sd-w", 25.043952),
            ("sd-hhmm", 19.444468),
            ("sd-wsh", 7.408186),
            ("sd-dm", 6.467391),
            ("sd-b", 17.030637),
            ("sd-bdm", 17.292541),
            ("cv-mean", 17.939052),
            ("cv-sd", 4.494345),
        ],
        episodes: [0, 0, 0, 27, 0],
    },
];

/// Every period, by its id. The times are local; here they are taken as of Japan.
fn periods() -> Option<BTreeMap<String, Vec<(Moment, f64)>>> {
    let root = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let file = root.join("cgm/shanghai/shanghai_cgm_tidy.csv.gz");
    if !file.is_file() {
        eprintln!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test looked at nothing", file.display());
        return None;
    }
    let unpacked = Command::new("gzip").arg("-dc").arg(&file).output().unwrap();
    assert!(unpacked.status.success(), "gzip -dc {}", file.display());
    let mut found: BTreeMap<String, Vec<(Moment, f64)>> = BTreeMap::new();
    for line in String::from_utf8(unpacked.stdout).unwrap().lines().skip(1) {
        let [id, _, time, value] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
        let at = Moment::parse(&format!("{}+09:00", time.replace(' ', "T"))).unwrap();
        found.entry(id.to_owned()).or_default().push((at, value.parse().unwrap()));
    }
    Some(found)
}

#[test]
fn measures_and_episodes_of_real_periods_are_those_computed_apart() {
    let Some(all) = periods() else { return };
    for period in PERIODS {
        let trace = Trace::new(CgmInterval::Fifteen, all.get(period.id).unwrap().clone()).unwrap();
        for (key, expected) in period.measures {
            let found = (metric(key).unwrap().of)(&trace).unwrap();
            let near = (found - expected).abs() <= 1e-6 * expected.abs().max(1.0);
            assert!(near, "{} {key}: {found} is not {expected}", period.id);
        }
        let counts = EpisodeRule::CONSENSUS.map(|rule| episodes(&trace, &rule).len());
        assert_eq!(counts, period.episodes, "{}", period.id);
    }
}

#[test]
fn all_125_periods_are_read_whole_and_have_every_measure() {
    let Some(all) = periods() else { return };
    assert_eq!((all.len(), all.values().map(Vec::len).sum::<usize>()), (125, 127_982));
    for (id, readings) in all {
        let trace = Trace::new(CgmInterval::Fifteen, readings).unwrap();
        let ranges = Ranges::of(&trace);
        assert!((ranges.below() + ranges.in_range + ranges.above() - 100.0).abs() < 1e-9, "{id}");
        for row in CGM_METRICS {
            assert!((row.of)(&trace).is_some_and(f64::is_finite), "{id} {}", row.key);
        }
    }
}
