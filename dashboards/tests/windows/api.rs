//! Summary and trend: the caller's own view, and nobody without a token.

use crate::region::{CLINIC, HBA1C, HOSPITAL, PATIENTS, RESULTS, Region, STRANGER, physician, token};
use model::Role;
use serde_json::Value;

const DATA: [&str; 4] = [
    "/api/summary",
    "/api/laboratory?patient=clinic-0000&code=3D046000001906202",
    "/api/laboratory/codes?patient=clinic-0000",
    "/api/feed",
];

#[tokio::test]
async fn without_a_token_nothing_is_answered() {
    let region = Region::open().await;
    for path in DATA {
        let response = region.get(path, None).await;
        assert_eq!(response.status(), 401, "{path}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn a_refused_token_is_answered_with_the_reason_and_nothing_else() {
    let region = Region::open().await;
    for path in DATA {
        if path == "/api/feed" {
            assert_eq!(region.get(path, Some("forged")).await.status(), 401);
            continue;
        }
        let (status, body) = region.json(path, "forged").await;
        assert_eq!((status, &body["error"]), (401, &Value::from("token_refused")), "{path}");
        assert!(!body.to_string().contains("forged"), "a token is not repeated");
    }
}

async fn rows(region: &Region, token: &str, category: &str) -> i64 {
    let (status, summary) = region.json("/api/summary", token).await;
    assert_eq!(status, 200, "{summary}");
    let counts = summary["categories"].as_array().unwrap();
    let count = counts.iter().find(|count| count["category"] == category).unwrap();
    count["rows"].as_i64().unwrap()
}

#[tokio::test]
async fn another_facilitys_rows_are_not_counted() {
    let region = Region::open().await;
    assert_eq!(rows(&region, &physician(HOSPITAL), "laboratory").await, (PATIENTS * RESULTS) as i64);
    assert_eq!(rows(&region, &physician(CLINIC), "laboratory").await, (2 * RESULTS) as i64);
    assert_eq!(rows(&region, &physician(STRANGER), "laboratory").await, 1);
    assert_eq!(rows(&region, &token(HOSPITAL, Role::Clerk), "laboratory").await, 0);
    region.withdraw(1);
    assert_eq!(rows(&region, &physician(CLINIC), "laboratory").await, RESULTS as i64);
}

#[tokio::test]
async fn the_summary_says_who_looks_and_has_a_count_for_every_category() {
    let region = Region::open().await;
    let (_, summary) = region.json("/api/summary", &physician(CLINIC)).await;
    assert_eq!(summary["facility"]["id"], CLINIC);
    assert_eq!(summary["facility"]["name"], "さくら医院");
    assert_eq!(summary["role"], "physician");
    assert_eq!(summary["purpose"], "TREAT");
    assert!(summary["frontier"].as_str().unwrap().contains("1:"), "{summary}");
    let told: Vec<&str> =
        summary["categories"].as_array().unwrap().iter().map(|count| count["category"].as_str().unwrap()).collect();
    let tables: Vec<&str> = model::Category::ALL.iter().map(|category| views::table::table_name(*category)).collect();
    assert_eq!(told, tables);
}

#[tokio::test]
async fn a_trend_is_of_the_callers_own_patient_number() {
    let region = Region::open().await;
    let path = |patient: &str| format!("/api/laboratory?patient={patient}&code={HBA1C}");
    let (status, series) = region.json(&path("clinic-0000"), &physician(CLINIC)).await;
    assert_eq!(status, 200, "{series}");
    let results = series["results"].as_array().unwrap();
    assert_eq!(results.len(), RESULTS);
    let values: Vec<f64> = results.iter().map(|result| result["value"].as_f64().unwrap()).collect();
    assert_eq!(values, [5.0, 6.0, 7.0, 8.0], "from the oldest to the newest");
    assert_eq!(results[0]["occurred_us"], model::Moment::parse("2026-04-01").unwrap().micros());
    assert_eq!((&results[0]["unit"], &results[0]["source"]), (&Value::from("%"), &Value::from(HOSPITAL)));
    assert_eq!(results[0]["reference_low"].as_f64(), Some(4.6));
    assert_eq!(results[0]["reference_high"].as_f64(), Some(6.2));

    // The same number may be another person elsewhere: the hospital's number is none of the clinic's.
    for hidden in ["hospital-0000", "hospital-0003", "clinic-0003", "stranger-0000"] {
        let (status, series) = region.json(&path(hidden), &physician(CLINIC)).await;
        assert_eq!((status, series["results"].as_array().unwrap().len()), (200, 0), "{hidden}");
    }
}

#[tokio::test]
async fn codes_are_listed_for_a_patient_of_the_caller_only() {
    let region = Region::open().await;
    let (_, codes) = region.json("/api/laboratory/codes?patient=clinic-0001", &physician(CLINIC)).await;
    assert_eq!(codes, serde_json::json!([{ "code": HBA1C, "name": "HbA1c", "results": RESULTS }]));
    let (_, codes) = region.json("/api/laboratory/codes?patient=hospital-0001", &physician(CLINIC)).await;
    assert_eq!(codes, serde_json::json!([]));
}

#[tokio::test]
async fn what_the_caller_types_is_a_value_and_never_part_of_the_statement() {
    let region = Region::open().await;
    for typed in ["x%27%20OR%20%271%27%3D%271", "clinic-0000%27%3B%20SELECT%201--", "%241", "%22my_patient_id%22"] {
        let path = format!("/api/laboratory?patient={typed}&code={HBA1C}");
        let (status, series) = region.json(&path, &physician(CLINIC)).await;
        assert_eq!((status, series["results"].as_array().unwrap().len()), (200, 0), "{typed}");
    }
}

#[tokio::test]
async fn a_missing_or_impossible_parameter_is_the_callers_mistake() {
    let region = Region::open().await;
    let long = "x".repeat(300);
    for query in ["", "?patient=a", "?code=a", "?patient=%00&code=a", &format!("?patient={long}&code=a")] {
        let (status, body) = region.json(&format!("/api/laboratory{query}"), &physician(CLINIC)).await;
        assert_eq!((status, &body["error"]), (400, &Value::from("parameter")), "{query}");
    }
}
