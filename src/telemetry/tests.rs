use super::*;
use crate::config::{Config, Source};
use redaction::leaks;
use std::io::Write;
use std::sync::{Arc, Mutex};
use tower::ServiceExt as _;

#[derive(Debug, Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn settings(text: &str) -> config::Telemetry {
    let text = format!("[identity]\njwt_keys_file = \"k\"\n[telemetry]\n{text}\n");
    Config::read(&Source::new("a.toml", &text)).unwrap().telemetry
}

/// What is written while `work` runs.
fn told(text: &str, work: impl FnOnce()) -> String {
    let settings = settings(text);
    let telemetry = Telemetry::build(&settings, "node-1").unwrap();
    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = telemetry.subscriber(&settings, move || writer.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, work);
    sink.text()
}

#[test]
fn lines_below_the_asked_level_are_not_written() {
    let work = || {
        tracing::info!(facility = "clinic", "opened");
        tracing::debug!("not asked for");
    };
    let text = told("log = \"info\"", work);
    assert!(text.contains("opened") && text.contains("facility=\"clinic\""), "{text}");
    assert!(!text.contains("not asked for"));
    assert!(!text.contains('\u{1b}'), "no colours in a file");
}

#[test]
fn a_json_line_is_one_object_with_the_fields() {
    let text = told("log_format = \"json\"", || tracing::warn!(offset = 7, "behind"));
    let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!((&line["level"], &line["message"], &line["offset"]), (&"WARN".into(), &"behind".into(), &7.into()));
}

#[tokio::test]
async fn a_trace_goes_through_a_traceparent_and_on() {
    let settings = settings("otlp_endpoint = \"http://127.0.0.1:1\"\nsample = 1.0");
    let telemetry = Telemetry::build(&settings, "node-1").unwrap();
    let sink = Sink::default();
    let subscriber = telemetry.subscriber(&settings, move || sink.clone()).unwrap();
    let (sent, continued) = tracing::subscriber::with_default(subscriber, || {
        let sent = tracing::info_span!("ingest").in_scope(trace_context::current).unwrap();
        let view = tracing::info_span!("view");
        assert!(trace_context::continue_from(&view, &sent));
        assert!(!trace_context::continue_from(&tracing::info_span!("other"), "00-nonsense"));
        (sent, trace_context::of(&view).unwrap())
    });
    let part = |text: &str, at: usize| text.split('-').nth(at).unwrap().to_owned();
    assert_eq!(part(&sent, 1), part(&continued, 1), "one trace");
    assert_ne!(part(&sent, 2), part(&continued, 2), "two spans");
    assert_eq!(part(&sent, 3), "01", "sampled");
}

#[tokio::test]
async fn a_request_continues_its_callers_trace() {
    let settings = settings("otlp_endpoint = \"http://127.0.0.1:1\"\nsample = 0.0");
    let telemetry = Telemetry::build(&settings, "node-1").unwrap();
    let subscriber = telemetry.subscriber(&settings, std::io::sink).unwrap();
    let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = http::Request::builder().header("traceparent", caller).uri("/ajisai.v1.X/Y").body(()).unwrap();
    let ours = tracing::subscriber::with_default(subscriber, || trace_context::of(&trace_context::grpc_span(&request)));
    let ours = ours.unwrap();
    assert!(ours.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && ours.ends_with("-01"), "{ours}");
}

#[tokio::test]
async fn a_call_carries_the_nodes_own_trace_on_and_a_stream_of_events_does_not() {
    let settings = settings("otlp_endpoint = \"http://127.0.0.1:1\"\nsample = 1.0");
    let telemetry = Telemetry::build(&settings, "node-1").unwrap();
    let subscriber = telemetry.subscriber(&settings, std::io::sink).unwrap();
    let carried = |path: &str| {
        let request = http::Request::builder().uri(path).body(()).unwrap();
        let span = trace_context::grpc_span(&request);
        let request = span.in_scope(|| trace_context::carry_on(request));
        (trace_context::of(&span), request.headers().get("traceparent").map(|value| value.to_str().unwrap().to_owned()))
    };
    tracing::subscriber::with_default(subscriber, || {
        let (span, batch) = carried("/ajisai.v1.IngestService/PublishBatch");
        assert!(batch.is_some() && batch == span, "{batch:?} {span:?}");
        assert_eq!(carried("/ajisai.v1.IngestService/Publish").1, None);
    });
}

#[test]
fn without_a_collector_no_trace_is_recorded() {
    let text = told("", || assert_eq!(tracing::info_span!("ingest").in_scope(trace_context::current), None));
    assert_eq!(text, "");
}

#[tokio::test]
async fn the_admin_listener_shows_metrics_and_readiness() {
    use opentelemetry::metrics::MeterProvider as _;
    let telemetry = Telemetry::build(&settings(""), "node-1").unwrap();
    telemetry.metrics.meter("ajisai.test").u64_counter("ajisai.test.events").build().add(3, &[]);
    let ready = Arc::new(Mutex::new(Readiness::NotReady("catching up".to_owned())));
    let asked = ready.clone();
    let router = router(telemetry.registry().clone(), Arc::new(move || asked.lock().unwrap().clone()));
    let get = async |path: &str| {
        let request = http::Request::get(path).body(axum::body::Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    let (status, metrics) = get("/metrics").await;
    assert_eq!(status, 200);
    assert!(metrics.contains("ajisai_test_events_total{otel_scope_name=\"ajisai.test\"} 3"), "{metrics}");
    assert!(metrics.contains("service_instance_id=\"node-1\""), "{metrics}");
    assert_eq!(get("/health").await, (200, "ok\n".to_owned()));
    assert_eq!(get("/ready").await, (503, "catching up\n".to_owned()));
    *ready.lock().unwrap() = Readiness::Ready;
    assert_eq!(get("/ready").await, (200, "ready\n".to_owned()));
}

#[test]
fn a_planted_patient_number_is_found_however_it_is_spelt() {
    const NUMBER: &str = "Planted-00417732";
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    for before in ["", "a", "ab", "abc"] {
        let letter = format!("{before}{NUMBER}x");
        let spelt = [
            (letter.clone(), "text"),
            (letter.to_uppercase(), "text"),
            (hex::encode(&letter), "hexadecimal"),
            (format!("{:?}", letter.as_bytes()), "bytes"),
            (STANDARD.encode(&letter), "base64"),
        ];
        for (text, spelling) in spelt {
            let found = leaks(&format!("first line\n{text}"), &["absent-0000", NUMBER]);
            assert_eq!(found, [redaction::Leak { planted: 1, line: 2, spelling }], "{text}");
        }
    }
    assert_eq!(leaks("facility=clinic offset=417732", &[NUMBER]), []);
    let japanese = "長崎花子長崎花子";
    assert_eq!(leaks(&japanese.escape_default().to_string(), &[japanese])[0].spelling, "escaped text");
}

#[test]
fn ids_with_patient_data_are_redacted_in_a_log_line() {
    let number = "Planted-00417732";
    let patient = model::PatientRef::new(
        model::FacilityId::parse("clinic").unwrap(),
        model::PatientNumber::parse(number).unwrap(),
    );
    let text = told("", || tracing::info!(?patient, "seen"));
    assert!(text.contains("clinic"), "{text}");
    assert_eq!(leaks(&text, &[number]), []);
    let text = told("", || tracing::info!(patient = patient.number().as_str(), "seen"));
    assert_eq!(leaks(&text, &[number]).len(), 1, "the search finds it where it is told");
}
