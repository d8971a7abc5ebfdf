//! Beds: the wall, one bed, and what is no longer shown.

use crate::lines::Lines;
use crate::region::{CLINIC, HOSPITAL, Region, STRANGER, days_ago, physician};
use axum::http::StatusCode;
use futures::StreamExt as _;
use model::Moment;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn now() -> Moment {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    Moment::from_micros(i64::try_from(micros).unwrap()).unwrap()
}

/// The number of a monitor's first stretch.
const FIRST: u64 = 100_000;

/// A monitor that sends half a second twice a second, until it is cut.
struct Source {
    on: Arc<AtomicBool>,
}

impl Source {
    fn begin(region: &Arc<Region>, number: usize) -> Self {
        let on = Arc::new(AtomicBool::new(true));
        let (region, sends) = (region.clone(), on.clone());
        tokio::spawn(async move {
            let (begun, mut ticks) = (now(), tokio::time::interval(Duration::from_millis(500)));
            ticks.tick().await;
            for sequence in 0.. {
                ticks.tick().await;
                if sends.load(Ordering::Relaxed) {
                    region.wave(number, FIRST + sequence, begun.plus_micros(sequence as i64 * 500_000));
                }
            }
        });
        Self { on }
    }
    fn cut(&self) {
        self.on.store(false, Ordering::Relaxed);
    }
}

/// A viewer's lines with the words they brought.
struct Screen {
    lines: Lines,
    words: serde_json::Map<String, Value>,
}

impl Screen {
    async fn of(region: &Region, path: &str, facility: &str) -> Self {
        Self { lines: Lines::of(region, path, facility).await, words: serde_json::Map::new() }
    }
    async fn next(&mut self) -> Value {
        let line = self.lines.next().await;
        if let Some(words) = line["words"].as_object() {
            self.words.extend(words.clone());
        }
        line
    }
    /// Lines until one of which this holds.
    async fn until(&mut self, holds: impl Fn(&Self, &Value) -> bool) -> Value {
        for _ in 0..200 {
            let line = self.next().await;
            if holds(self, &line) {
                return line;
            }
        }
        panic!("it never came");
    }
    fn code(&self, word: &Value) -> &str {
        word.as_u64().and_then(|word| self.words[&word.to_string()][0].as_str()).unwrap_or_default()
    }
    /// The states of a bed's traces.
    fn states(&self, bed: &Value) -> Vec<(String, String)> {
        let line = |line: &Value| (line["lead"].as_str().unwrap().to_owned(), self.code(&line["state"]).to_owned());
        bed["lines"].as_array().into_iter().flatten().map(line).collect()
    }
    fn all(&self, bed: &Value, state: &str) -> bool {
        let states = self.states(bed);
        states.len() == 3 && states.iter().all(|(_, is)| is == state)
    }
}

#[tokio::test]
async fn the_wall_shows_what_comes_says_when_it_stops_and_closes_a_bed_with_a_word() {
    let region = Arc::new(Region::open().await);
    let mut wall = Screen::of(&region, "/api/beds", CLINIC).await;
    let first = wall.next().await;
    assert_eq!((&first["kind"], &first["beds"], &first["ended"]), (&json!("beds"), &json!([]), &json!([])));
    region.entry(0, "last-period", model::Value::Text(days_ago(200).day()), days_ago(100));
    let [source, other] = [0, 1].map(|number| Source::begin(&region, number));
    let hidden = Source::begin(&region, 3);

    let line = wall.until(|wall, line| {
        let beds = line["beds"].as_array().unwrap();
        beds.len() == 2 && beds.iter().all(|bed| wall.all(bed, "live") && bed["patient"] != "")
    });
    let line = line.await;
    let of = |line: &Value, session: &str| {
        line["beds"].as_array().unwrap().iter().find(|bed| bed["session"] == session).cloned()
    };
    let bed = of(&line, "bed-0").unwrap();
    assert_eq!(bed["patient"], "clinic-0000", "the patient has the viewer's own number");
    assert_eq!((&bed["source"], &bed["named"][0]), (&json!(HOSPITAL), &json!("県立あじさい病院")));
    assert!(bed["lines"][0]["value"].as_f64().unwrap() >= 140.0);
    assert!((0..2_000_000).contains(&bed["lines"][0]["age_us"].as_i64().unwrap()), "{bed}");
    assert!(bed["strip"]["fresh"].get("mhr").is_none() && bed["strip"]["fresh"].get("fhr1").is_some());

    // the wall says what came since, once
    let next = wall.next().await;
    let from = of(&next, "bed-0").unwrap()["strip"]["fresh"]["from"].as_i64().unwrap();
    let told = bed["strip"]["fresh"]["fhr1"].as_array().unwrap().len() as i64;
    assert_eq!(from, bed["strip"]["fresh"]["from"].as_i64().unwrap() + told);

    // by which week of the pregnancy each is read, or that none is known
    let read =
        wall.until(|_, line| of(line, "bed-0").is_some_and(|bed| bed["read_by"]["week"] == json!([28, 4]))).await;
    assert_eq!(of(&read, "bed-1").unwrap()["read_by"], json!({ "week": null, "little_reserve": [] }));

    // one line is cut: that bed alone is lost
    source.cut();
    let line = wall.until(|wall, line| of(line, "bed-0").is_some_and(|bed| wall.all(&bed, "lost"))).await;
    assert!(wall.all(&of(&line, "bed-1").unwrap(), "live"));
    let lost = &of(&line, "bed-0").unwrap()["lines"][0];
    assert_eq!((wall.code(&lost["because"]), &lost["value"]), ("nothing-arrives", &Value::Null));

    // and comes again
    source.on.store(true, Ordering::Relaxed);
    wall.until(|wall, line| of(line, "bed-0").is_some_and(|bed| wall.all(&bed, "live"))).await;

    // consent ends: nothing of the bed is in the next line but that it was closed
    let id = bed["bed"].clone();
    region.withdraw(0);
    let line = wall.next().await;
    assert_eq!(of(&line, "bed-0"), None, "{line}");
    let line = if line["ended"] == json!([]) { wall.next().await } else { line };
    assert_eq!((&line["ended"][0]["bed"], &line["ended"][0]["why"]), (&id, &json!("withheld")));
    assert!(!line["ended"].to_string().contains("clinic-0000"));
    assert!(of(&line, "bed-1").is_some());
    drop((other, hidden));
}

#[tokio::test]
async fn one_bed_is_shown_whole_with_what_was_before_and_what_was_on_the_screen() {
    let region = Arc::new(Region::open().await);
    // twelve minutes of before, without a viewer; the last stretch ended just now
    let begun = now().plus_micros(-12 * 60_000_000);
    for sequence in 0..12 * 120 {
        region.wave(0, sequence, begun.plus_micros(sequence as i64 * 500_000));
    }
    let mut wall = Screen::of(&region, "/api/beds", CLINIC).await;
    let line = wall.until(|_, line| line["beds"] != json!([])).await;
    let id = line["beds"][0]["bed"].as_str().unwrap().to_owned();
    let path = format!("/api/beds/bed?bed={id}");
    let mut screen = Screen::of(&region, &path, CLINIC).await;
    let line = screen.until(|_, line| line["bed"]["now"].as_array().is_some_and(|now| !now.is_empty())).await;
    let now_told = &line["bed"]["now"][0];
    assert_eq!(now_told["lead"], "fhr1");
    assert!(now_told["jsog"].is_object() || now_told["not"].is_u64(), "{now_told}");
    if let Some(level) = now_told["jsog"].as_object() {
        assert!(level["unverified"].as_str().unwrap().contains("from memory"), "an unverified matrix says so");
    }
    assert!(screen.all(&line["bed"], "lost"), "history says nothing of the line: {}", line["bed"]["lines"]);

    // what was here is in the picture of a moment; before somebody looked there is none
    let source = Source::begin(&region, 0);
    let live = screen.until(|screen, line| screen.all(&line["bed"], "live")).await;
    let at = live["moment_us"].as_i64().unwrap();
    let (status, seen) = region.json(&format!("/api/beds/seen?bed={id}&at_us={at}"), &physician(CLINIC)).await;
    assert_eq!(status, 200);
    let count = |told: &Value| told["samples"]["fhr1"].as_array().unwrap().iter().filter(|at| !at.is_null()).count();
    assert!((12 * 240..12 * 240 + 60).contains(&count(&seen)), "{} samples were here", count(&seen));
    let (_, before) =
        region.json(&format!("/api/beds/seen?bed={id}&at_us={}", at - 60_000_000), &physician(CLINIC)).await;
    assert!(before["samples"].get("fhr1").is_none(), "{before}");

    let (from, until) = (begun.micros(), begun.micros() + 60_000_000);
    let history = format!("/api/beds/history?bed={id}&from_us={from}&until_us={until}");
    let (status, told) = region.json(&history, &physician(CLINIC)).await;
    assert_eq!((status, count(&told)), (200, 240));

    // to others there is no such bed
    let (status, refused) = region.json(&history, &physician(STRANGER)).await;
    assert_eq!((status, &refused["error"]), (404, &json!("nothing")));
    for path in ["/api/beds/bed?bed=1", "/api/beds/history?bed=0000000000000001&from_us=9&until_us=9"] {
        assert_eq!(region.get(path, Some(&physician(CLINIC))).await.status(), StatusCode::BAD_REQUEST, "{path}");
    }

    // consent ends: the bed closes with a word, and that is the last line
    region.withdraw(0);
    let closed = screen.until(|_, line| line["kind"] != "bed").await;
    assert_eq!((&closed["kind"], &closed["why"]), (&json!("closed"), &json!("withheld")));
    assert!(screen.lines.body.next().await.is_none());
    let (status, _) = region.json(&history, &physician(CLINIC)).await;
    assert_eq!(status, 404);
    source.cut();
}

#[tokio::test]
async fn nobody_is_told_of_a_bed_that_is_not_in_their_view() {
    let region = Arc::new(Region::open().await);
    let source = Source::begin(&region, 0);
    let mut wall = Screen::of(&region, "/api/beds", CLINIC).await;
    let line = wall.until(|_, line| line["beds"] != json!([])).await;
    let id = line["beds"][0]["bed"].as_str().unwrap().to_owned();
    let mut stranger = Screen::of(&region, "/api/beds", STRANGER).await;
    for _ in 0..8 {
        assert_eq!(stranger.next().await["beds"], json!([]));
    }
    let mut one = Screen::of(&region, &format!("/api/beds/bed?bed={id}"), STRANGER).await;
    let mut nothing = Screen::of(&region, "/api/beds/bed?bed=00000000000000ab", CLINIC).await;
    for screen in [&mut one, &mut nothing] {
        let last = screen.until(|_, line| line["kind"] != "waiting").await;
        assert_eq!((&last["kind"], &last["why"]), (&json!("closed"), &json!("unknown")), "hidden and absent are one");
    }
    source.cut();
}

#[tokio::test]
async fn a_wall_ends_with_the_authority_it_was_opened_by() {
    let region = Region::open().await;
    assert_eq!(region.get("/api/beds", None).await.status(), StatusCode::UNAUTHORIZED);
    let mut wall = Screen::of(&region, "/api/beds", CLINIC).await;
    wall.next().await;
    region.accepts.store(false, Ordering::Relaxed);
    let last = wall.until(|_, line| line["kind"] != "beds").await;
    assert_eq!(last, json!({ "kind": "ended", "reason": "token_refused" }));
    assert!(wall.lines.body.next().await.is_none());
}
