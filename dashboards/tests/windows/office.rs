//! Notices, broken glasses and the publisher's view: what is asked of the office, in whose name, and what becomes of a
//! refusal. What the office answers is tried against a real node in the workspace's own tests.

use crate::region::{CLINIC, Region, physician};
use axum::body::Body;
use axum::http::Request;
use dashboards::{Acknowledged, Asked, Declined, Deed, Office, Review, Why};
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tower::ServiceExt as _;

const PATHS: [&str; 3] = ["/api/notices", "/api/glasses", "/api/published"];
const REVIEW: &str = r#"{"id":"g-1","viewer":"clinic","patient":"001","outcome":"justified","text":"確認"}"#;

/// What an office was asked, with the token.
type Heard = Arc<Mutex<Vec<(String, Asked)>>>;

/// Writes down what it is asked, and answers or refuses as it was told to.
struct Listening {
    heard: Heard,
    refuses: Option<Why>,
}

impl Office for Listening {
    fn answer<'a>(&'a self, token: &'a str, asked: Asked) -> BoxFuture<'a, Result<Value, Declined>> {
        self.heard.lock().unwrap().push((token.to_owned(), asked));
        let answer = match self.refuses {
            None => Ok(json!({ "told": true })),
            Some(why) => Err(Declined { why, message: "so it is".to_owned() }),
        };
        Box::pin(async { answer })
    }
}

async fn region(refuses: Option<Why>) -> (Region, Heard) {
    let heard = Heard::default();
    let region = Region::with(Arc::new(Listening { heard: Arc::clone(&heard), refuses })).await;
    (region, heard)
}

async fn send(region: &Region, request: Request<Body>) -> (u16, Value) {
    let response = region.router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn post(region: &Region, path: &str, token: Option<&str>, body: &str) -> (u16, Value) {
    let mut request = Request::post(path).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    send(region, request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn each_path_asks_the_office_in_the_name_of_the_tokens_owner() {
    let (region, heard) = region(None).await;
    let token = physician(CLINIC);
    for path in PATHS {
        let (status, answer) = region.json(path, &token).await;
        assert_eq!((status, &answer["told"]), (200, &Value::from(true)), "{path}");
    }
    region.json("/api/published?from_us=-5&until_us=1780000000000000", &token).await;
    assert_eq!(post(&region, "/api/notices/acknowledge", Some(&token), r#"{"id":"n-1"}"#).await.0, 200);
    const ACTED: &str = r#"{"id":"n-2","action":"called","remark":"午後に来院"}"#;
    assert_eq!(post(&region, "/api/notices/acknowledge", Some(&token), ACTED).await.0, 200);
    assert_eq!(post(&region, "/api/notices/acknowledge", Some(&token), r#"{"id":"n-2","value":7}"#).await.0, 400);
    assert_eq!(post(&region, "/api/glasses/review", Some(&token), REVIEW).await.0, 200);
    let heard = std::mem::take(&mut *heard.lock().unwrap());
    assert!(heard.iter().all(|(by, _)| *by == token));
    let asked: Vec<Asked> = heard.into_iter().map(|(_, asked)| asked).collect();
    assert!(matches!(
        asked.as_slice(),
        [
            Asked::Notices,
            Asked::Glasses,
            Asked::Published { from_us: None, until_us: None },
            Asked::Published { from_us: Some(-5), until_us: Some(1_780_000_000_000_000) },
            Asked::Acknowledge(Acknowledged { id, action: None, remark: _ }),
            Asked::Acknowledge(Acknowledged { id: second, action: Some(action), remark }),
            Asked::Review(Review { outcome, text, .. }),
        ] if id == "n-1" && (second.as_str(), action.as_str(), remark.as_str()) == ("n-2", "called", "午後に来院")
            && outcome == "justified" && text == "確認"
    ));
}

#[tokio::test]
async fn without_a_token_the_office_is_not_asked() {
    let (region, heard) = region(None).await;
    for path in PATHS {
        assert_eq!(region.get(path, None).await.status(), 401, "{path}");
    }
    for (path, body) in
        [("/api/notices/acknowledge", r#"{"id":"n-1"}"#), ("/api/glasses/review", REVIEW), ("/api/glasses/review", "")]
    {
        assert_eq!(post(&region, path, None, body).await.0, 401, "{path}");
    }
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_worklist_is_asked_for_and_worked_on_with_what_was_typed_in_the_body() {
    const DEED: &str = r#"{"cohort":"lapsed-180","patient":"0012345","act":"done","remark":"来週受診"}"#;
    let (region, heard) = region(None).await;
    let token = physician(CLINIC);
    for path in ["/api/worklist", "/api/worklist?cohort=lapsed-180"] {
        assert_eq!(region.get(path, None).await.status(), 401, "{path}");
        assert_eq!(region.json(path, &token).await.0, 200, "{path}");
    }
    assert_eq!(post(&region, "/api/worklist/act", None, DEED).await.0, 401);
    assert_eq!(post(&region, "/api/worklist/act", Some(&token), r#"{"cohort":"lapsed-180"}"#).await.0, 400);
    assert_eq!(post(&region, "/api/worklist/act", Some(&token), DEED).await.0, 200);
    let asked: Vec<Asked> = std::mem::take(&mut *heard.lock().unwrap()).into_iter().map(|(_, asked)| asked).collect();
    let told = format!("{asked:?}");
    assert!(!told.contains("0012345") && !told.contains("来週受診"), "{told}");
    assert!(matches!(
        asked.as_slice(),
        [
            Asked::Worklist { cohort: None },
            Asked::Worklist { cohort: Some(cohort) },
            Asked::WorkOn(Deed { patient, act, remark, .. }),
        ] if cohort == "lapsed-180" && patient == "0012345" && act == "done" && remark == "来週受診"
    ));
}

#[tokio::test]
async fn a_refusal_keeps_its_reason_and_no_answer_is_kept_by_a_browser() {
    for (why, status, code) in [
        (Why::Token, 401, "token_refused"),
        (Why::Role, 403, "not_permitted"),
        (Why::Invalid, 400, "invalid"),
        (Why::Nothing, 404, "nothing"),
        (Why::Busy, 429, "too_many"),
        (Why::Unavailable, 503, "unavailable"),
        (Why::Internal, 500, "internal"),
    ] {
        let (region, _) = region(Some(why)).await;
        let response = region.get("/api/glasses", Some(&physician(CLINIC))).await;
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers().contains_key("www-authenticate"), status == 401);
        assert_eq!(response.status().as_u16(), status);
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!((&body["error"], &body["message"]), (&Value::from(code), &Value::from("so it is")));
    }
}

#[tokio::test]
async fn a_body_that_is_none_is_refused_and_not_repeated() {
    let (region, heard) = region(None).await;
    let token = physician(CLINIC);
    let large = format!(r#"{{"id":"{}"}}"#, "x".repeat(20_000));
    for body in ["", "{", r#"{"id":7}"#, r#"{"id":"g-1","patient":"0012345"}"#, r#"{"id":"n","more":1}"#, &large] {
        for path in ["/api/notices/acknowledge", "/api/glasses/review"] {
            let (status, answer) = post(&region, path, Some(&token), body).await;
            assert_eq!((status, &answer["error"]), (400, &Value::from("parameter")), "{path} {body:.40}");
            assert!(!answer.to_string().contains("0012345"));
        }
    }
    let by_link = Request::get("/api/glasses/review?id=g-1").header("authorization", format!("Bearer {token}"));
    assert_eq!(send(&region, by_link.body(Body::empty()).unwrap()).await.0, 405, "nothing is done by following a link");
    assert!(heard.lock().unwrap().is_empty());
}

#[test]
fn what_a_person_typed_is_in_no_debug() {
    let asked: Review = serde_json::from_str(REVIEW).unwrap();
    let told = format!("{:?}", Asked::Review(asked));
    assert!(!told.contains("001") && !told.contains("確認"), "{told}");
}
