//! Sensors: periods of wear, their measures, profile and picture, out of the laboratory records of a view.

use crate::house;
use crate::pg_client::Client;
use crate::region::{CLINIC, HOSPITAL, Region, STRANGER, patient};
use clinical::diabetes::cgm::{CGM_METRICS, CgmInterval, Trace};
use model::*;
use std::path::{Path, PathBuf};
use std::process::Command;

const MINUTE: i64 = 60_000_000;

fn reading(at: &str, number: usize, moment: Moment, (code, value, unit, comparator): (&str, f64, &str, &str)) -> Body {
    let payload = Payload::Laboratory(LabResult {
        code: Coding { system: CodeSystem::Loinc, code: code.to_owned(), display: String::new() },
        value: Value::Quantity { value, unit: unit.to_owned(), comparator: comparator.to_owned() },
        reference_low: None,
        reference_high: None,
        flag: String::new(),
        specimen: String::new(),
        status: LabStatus::Final,
        order: String::new(),
        note: String::new(),
    });
    let record = Record::new(
        patient(at, number),
        RecordId::parse(&format!("{at}/{number}/cgm/{}/{code}/{value}", moment.micros())).unwrap(),
        Version::FIRST,
        Category::Laboratory,
        moment,
        moment,
        Labels::NONE,
        None,
        Author { member: None, role: Role::System },
        ChangeKind::Upsert,
        Some(payload),
    );
    Body::Record(Box::new(record.unwrap()))
}

fn at(minutes: i64) -> Moment {
    Moment::parse("2026-02-01").unwrap().plus_micros(minutes * MINUTE)
}

/// A fortnight of every 15 minutes at 100 mg/dL by day and 200 by night for the clinic's first patient, written by the hospital; before it a
/// day of every 5 minutes; and what is no reading.
fn fill(region: &Region) {
    let fortnight = (0..14 * 96).map(|step| (step * 15, if step % 96 < 48 { 100.0 } else { 200.0 }));
    for (minute, value) in fortnight {
        let _ = region.say(reading(HOSPITAL, 0, at(minute), ("99504-3", value, "mg/dL", "")));
    }
    for step in 0..288 {
        let moment = at(step * 5 - 5 * 1_440);
        let _ = region.say(reading(HOSPITAL, 0, moment, ("105272-9", 5.0, "mmol/L", "")));
    }
    for body in [
        // a laboratory's glucose, a mark for low, another unit, a value no sensor reads
        reading(HOSPITAL, 0, at(7), ("2345-7", 500.0, "mg/dL", "")),
        reading(HOSPITAL, 0, at(8), ("99504-3", 40.0, "mg/dL", "<")),
        reading(HOSPITAL, 0, at(9), ("99504-3", 100.0, "g/L", "")),
        reading(HOSPITAL, 0, at(10), ("99504-3", 5.0, "mg/dL", "")),
        // of a patient the clinic does not see, and of one that nobody else knows
        reading(HOSPITAL, 3, at(11), ("99504-3", 300.0, "mg/dL", "")),
        reading(STRANGER, 0, at(12), ("99504-3", 300.0, "mg/dL", "")),
    ] {
        let _ = region.say(body);
    }
}

#[tokio::test]
async fn periods_measures_profile_and_picture_are_those_of_the_view() {
    let region = Region::open().await;
    fill(&region);
    crate::sql::check(&region.room, &house::principal(CLINIC), "cgm.slt").await;
    let mut clinic = Client::connect(region.postgres, &house::physician(CLINIC)).await.unwrap();
    let svg = clinic.value("SELECT svg FROM cgm_picture('en') WHERE period = 2").await;
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>") && !svg.contains("clinic-0000"), "{svg}");
}

#[tokio::test]
async fn readings_of_sensors_are_no_laboratory_glucose() {
    let region = Region::open().await;
    fill(&region);
    let mut clinic = Client::connect(region.postgres, &house::physician(CLINIC)).await.unwrap();
    // but the indicator of a fortnight that was worn enough is the registry's, and stands for HbA1c in the measure that takes it
    let gmi = "SELECT gmi, gmi_source, gmi_at FROM diabetes_registry WHERE my_patient_id = 'clinic-0000'";
    let gmi = clinic.query(gmi).await.unwrap();
    assert_eq!(format!("{gmi:?}").matches("6.9").count(), 1, "{gmi:?}");
    let nobody = "SELECT gmi_absent FROM diabetes_registry WHERE my_patient_id = 'clinic-0001'";
    assert_eq!(clinic.value(nobody).await, "not-measured");
    let glucose = "SELECT glucose_casual FROM diabetes_registry WHERE my_patient_id = 'clinic-0000'";
    assert_eq!(clinic.value(glucose).await.parse::<f64>().unwrap().to_string(), "500");
}

/// One period of the Shanghai data (Zhao et al., Sci Data 2023, CC BY 4.0), its local times taken as of Japan.
#[expect(clippy::print_stderr, reason = "a test says what it did not find")]
fn shanghai(id: &str) -> Option<Vec<(Moment, f64)>> {
    let root = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let file = root.join("cgm/shanghai/shanghai_cgm_tidy.csv.gz");
    if !file.is_file() {
        eprintln!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test looked at nothing", file.display());
        return None;
    }
    let unpacked = Command::new("gzip").arg("-dc").arg(&file).output().unwrap();
    let text = String::from_utf8(unpacked.stdout).unwrap();
    let of_period = text.lines().filter(|line| line.split(',').next() == Some(id));
    let readings = of_period.map(|line| {
        let [_, _, time, value] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
        (Moment::parse(&format!("{}+09:00", time.replace(' ', "T"))).unwrap(), value.parse().unwrap())
    });
    Some(readings.collect())
}

#[tokio::test]
async fn a_real_period_has_every_measure_in_sql_as_it_was_computed_apart() {
    let Some(readings) = shanghai("1001_0_20210730") else { return };
    let region = Region::open().await;
    for (moment, value) in &readings {
        let _ = region.say(reading(CLINIC, 0, *moment, ("99504-3", *value, "mg/dL", "")));
    }
    let _ = region.views.store().commit().await.unwrap();
    let trace = Trace::new(CgmInterval::Fifteen, readings).unwrap();
    let mut clinic = Client::connect(region.postgres, &house::physician(CLINIC)).await.unwrap();
    assert_eq!(clinic.value("SELECT count(*) FROM cgm_metrics() WHERE value IS NOT NULL").await, "51");
    for row in CGM_METRICS {
        let found = clinic.value(&format!("SELECT value FROM cgm_metrics() WHERE metric = '{}'", row.key)).await;
        let (found, expected) = (found.parse::<f64>().unwrap(), (row.of)(&trace).unwrap());
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{}: {found} is not {expected}", row.key);
    }
    // computed apart with numpy (clinical/tests/cgm_shanghai.rs)
    for (metric, expected) in [("mean", "196.829179"), ("gmi", "8.018154"), ("tbr-70", "0.759878")] {
        let sql = format!("SELECT round(value, 6) FROM cgm_metrics() WHERE metric = '{metric}'");
        assert_eq!(clinic.value(&sql).await, expected, "{metric}");
    }
}
