//! Pregnancies: of the caller's own view, who needs looking at first, and one woman's sheet.

use crate::region::{CLINIC, HOSPITAL, Region, STRANGER, days_ago, physician, token};
use model::{Moment, Role, Value};
use serde_json::{Value as Json, json};
use std::time::{SystemTime, UNIX_EPOCH};

fn number(value: f64, unit: &str) -> Value {
    Value::Quantity { value, unit: unit.to_owned(), comparator: String::new() }
}

fn word(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// Three women of the hospital, of whom the clinic is shown the first two: one whose check-up is overdue, one whose pressure is high
/// and who is watched, and one whose due date is near.
async fn region() -> Region {
    let region = Region::open().await;
    for (woman, begun) in [(0, 150), (1, 200), (2, 225)] {
        let began = days_ago(begun).day();
        region.entry(woman, "registration", word("単胎"), days_ago(begun - 60));
        region.entry(woman, "last-period", word(&began), days_ago(begun - 60));
        region.entry(woman, "gravida", number(2.0, ""), days_ago(begun - 60));
        region.entry(woman, "weight-before", number(52.0, "kg"), days_ago(begun - 60));
    }
    for (woman, days) in [(0, 50), (1, 20), (1, 3), (2, 2)] {
        let raised = f64::from(u8::from(woman == 1 && days == 3)) * 30.0;
        for (code, value) in [
            ("weight", number(57.5 - days as f64 / 10.0, "kg")),
            ("systolic", number(112.0 + raised, "mm[Hg]")),
            ("diastolic", number(70.0 + raised, "mm[Hg]")),
            ("bpd", number(80.0, "mm")),
            ("ac", number(270.0, "mm")),
            ("fl", number(60.0, "mm")),
        ] {
            region.entry(woman, code, value, days_ago(days));
        }
    }
    region.bed(1, days_ago(0));
    region
}

fn minutes_ago(minutes: i64) -> Moment {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    Moment::from_micros(i64::try_from(now).unwrap() - minutes * 60_000_000).unwrap()
}

fn women(told: &Json) -> Vec<(&str, bool, usize)> {
    let women = told["women"].as_array().unwrap();
    let of = |one: &Json| one["warnings"].as_array().unwrap().len();
    women
        .iter()
        .map(|one| (one["my_patient_id"].as_str().unwrap(), one["overdue"].as_bool().unwrap(), of(one)))
        .collect()
}

#[tokio::test]
async fn who_needs_looking_at_comes_first_and_only_of_the_callers_own_view() {
    let region = region().await;
    let (status, told) = region.json("/api/pregnancies?beds=true", &physician(CLINIC)).await;
    assert_eq!(status, 200, "{told:#}");
    assert_eq!(women(&told), [("clinic-0001", false, 1), ("clinic-0000", true, 0)]);
    let first = &told["women"][0];
    assert_eq!(first["warnings"][0]["rule"], "hypertensive-disorder", "{first:#}");
    assert_eq!(first["warnings"][0]["class"], "GH");
    assert_eq!(
        (&first["gestational_days"], &first["gravida"], &first["due_basis"]),
        (&json!(200), &json!(2), &json!("last-period"))
    );
    let bed = &told["beds"]["clinic-0001"];
    assert_eq!((&bed["bed"], &bed["source"]), (&json!("LDR 1"), &json!(HOSPITAL)));
    assert_eq!(bed["id"].as_str().unwrap().len(), 16, "a number of the board's, not the patient's: {bed:#}");
    assert_eq!(told["beds"].as_object().unwrap().len(), 1);
    assert_eq!(region.json("/api/pregnancies", &physician(CLINIC)).await.1["beds"], Json::Null);
    assert_eq!(told["names"][HOSPITAL], json!(["県立あじさい病院", "The hospital"]));
    assert_eq!(told["today"].as_str().unwrap(), days_ago(0).day());

    // The hospital sees its own under its own numbers; of two without a warning the one who is overdue, then the nearest.
    let (_, own) = region.json("/api/pregnancies", &physician(HOSPITAL)).await;
    assert_eq!(women(&own), [("hospital-0001", false, 1), ("hospital-0000", true, 0), ("hospital-0002", false, 0)]);
    for nobody in [physician(STRANGER), token(CLINIC, Role::Clerk)] {
        assert_eq!(women(&region.json("/api/pregnancies", &nobody).await.1), []);
    }
    assert_eq!(region.get("/api/pregnancies", None).await.status(), 401);
}

#[tokio::test]
async fn a_sheet_says_what_the_tables_say_and_of_nobody_elses_patient() {
    let region = region().await;
    // twenty-one minutes of the bed, a minute at a time
    let minute = |value: fn(f32) -> f32| (0..240).map(|at| value(at as f32)).collect::<Vec<f32>>();
    let fetus = minute(|at| 140.0 + 6.0 * (at / 9.0).sin());
    let (uterus, mother) = (minute(|_| 8.0), minute(|at| 80.0 + at % 3.0));
    for at in 0..21 {
        region.waves(1, at, minutes_ago(21 - at as i64), [&fetus, &uterus, &mother]);
    }
    let (status, told) = region.json("/api/pregnancy?patient=clinic-0001&beds=true", &physician(CLINIC)).await;
    assert_eq!(status, 200, "{told:#}");
    assert_eq!((&told["number"], &told["facility"]), (&json!("clinic-0001"), &json!(CLINIC)));
    let checkups = told["checkups"].as_array().unwrap();
    let said: Vec<_> = checkups
        .iter()
        .map(|one| json!([one["gestational_age"], one["weight"], one["systolic"], one["source"]]))
        .collect();
    assert_eq!(said, [json!(["25w5d", 55.5, 112.0, HOSPITAL]), json!(["28w1d", 57.2, 142.0, HOSPITAL])]);
    // 1.07 · 8³ + 0.30 · 27² · 6
    assert!((checkups[0]["estimated_weight"].as_f64().unwrap() - 1860.04).abs() < 1e-6, "{:#}", checkups[0]);
    assert_eq!((&checkups[0]["estimated_how"], &checkups[0]["deviations"]), (&json!("formula"), &Json::Null));
    assert_eq!(told["growth"], json!([]), "no table is shipped");
    let reached = told["warnings"].as_array().unwrap().iter().find(|one| one["said"] == "reached").unwrap();
    assert_eq!((&reached["rule"], &reached["value"]), (&json!("hypertensive-disorder"), &json!(142.0)), "{reached:#}");
    assert!(
        reached["rule_source"].is_string() && reached["version"].is_string() && reached["at"].is_i64(),
        "{reached:#}"
    );
    assert_eq!(told["beds"][0]["bed"], "LDR 1");
    // the course of the levels, and that nobody has confirmed their matrix
    let levels = told["levels"].as_array().unwrap();
    assert!(levels.len() >= 2, "{levels:#?}");
    let first = &levels[0];
    assert!(levels.windows(2).all(|pair| pair[0]["from_at"].as_i64() <= pair[1]["from_at"].as_i64()), "in order");
    assert_eq!((&first["bed"], &first["lead"]), (&told["beds"][0]["id"], &json!("fhr1")), "{first:#}");
    assert!(
        first["jsog_level"].is_i64() && first["week"].as_str().is_some_and(|week| week.starts_with("28w")),
        "{first:#}"
    );
    assert_eq!((&first["jsog_unverified"], &first["jsog_confirmed_by"]), (&json!(true), &Json::Null));
    assert!(first["patient_id"].is_null(), "{first:#}");
    let (_, without) = region.json("/api/pregnancy?patient=clinic-0001", &physician(CLINIC)).await;
    assert_eq!(
        (&without["levels"], &without["beds"]),
        (&Json::Null, &Json::Null),
        "what was measured is told where it is asked for"
    );

    for (path, who) in [
        ("hospital-0001", physician(CLINIC)),
        ("clinic-0002", physician(CLINIC)),
        ("clinic-0001", physician(HOSPITAL)),
        ("clinic-0001", physician(STRANGER)),
        ("clinic-0001", token(CLINIC, Role::Clerk)),
    ] {
        let (status, said) = region.json(&format!("/api/pregnancy?patient={path}"), &who).await;
        assert_eq!((status, said["error"].as_str()), (404, Some("nothing")), "{path}: {said:#}");
        assert!(!said.to_string().contains(path), "{said:#}");
    }
    assert_eq!(region.json("/api/pregnancy", &physician(CLINIC)).await.0, 400);
}

#[tokio::test]
async fn what_is_withdrawn_leaves_list_and_sheet() {
    let region = region().await;
    region.withdraw(1);
    let (_, told) = region.json("/api/pregnancies", &physician(CLINIC)).await;
    assert_eq!(women(&told), [("clinic-0000", true, 0)]);
    assert_eq!(region.json("/api/pregnancy?patient=clinic-0001", &physician(CLINIC)).await.0, 404);
    assert_eq!(region.json("/api/pregnancy?patient=hospital-0001", &physician(HOSPITAL)).await.0, 200);
}
