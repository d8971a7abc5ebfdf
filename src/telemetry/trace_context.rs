//! The W3C trace context: into a letter of the log, and out of it again.

use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The header's name, and the letter's.
pub const TRACEPARENT: &str = "traceparent";

/// The current span as a `traceparent`; `None` where no trace is recorded.
pub fn current() -> Option<String> {
    of(&Span::current())
}

/// A span as a `traceparent`; `None` where no trace is recorded.
pub fn of(span: &Span) -> Option<String> {
    let context = span.context();
    let context = context.span().span_context().clone();
    context
        .is_valid()
        .then(|| format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags().to_u8()))
}

/// Makes `span` a child of the trace in `traceparent`. A text that is none leaves the span as it is, and is `false`.
pub fn continue_from(span: &Span, traceparent: &str) -> bool {
    let context = TraceContextPropagator::new().extract(&One(traceparent));
    context.span().span_context().is_valid() && span.set_parent(context).is_ok()
}

/// The span of a gRPC request, continuing the caller's trace; for `tower_http`'s `TraceLayer::make_span_with`.
pub fn grpc_span<B>(request: &http::Request<B>) -> Span {
    let span = tracing::info_span!("grpc", otel.name = request.uri().path(), otel.kind = "server");
    if let Some(traceparent) = request.headers().get(TRACEPARENT).and_then(|value| value.to_str().ok()) {
        continue_from(&span, traceparent);
    }
    span
}

/// Puts the request's span, where it is recorded, in the place of the caller's trace, so that what is appended carries
/// it through the log to the view. A stream of events goes on for days: its trace would be one without end, so each
/// of its events brings its own or none.
pub fn carry_on<B>(mut request: http::Request<B>) -> http::Request<B> {
    if request.uri().path() == "/ajisai.v1.IngestService/Publish" {
        return request;
    }
    let sampled = Span::current().context().span().span_context().is_sampled();
    let traceparent = if sampled { current().and_then(|text| text.parse().ok()) } else { None };
    if let Some(traceparent) = traceparent {
        request.headers_mut().insert(TRACEPARENT, traceparent);
    }
    request
}

struct One<'a>(&'a str);

impl Extractor for One<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0)
    }
    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}
