//! How the node tells what it does: log lines, metrics, traces, and the admin listener.
//!
//! No patient data goes through here: log lines and spans carry facilities and positions. [`redaction`] searches
//! what a run has told for planted patient data, so that a test can hold every room to it.

mod admin;
pub mod redaction;
pub mod trace_context;

pub use admin::{Readiness, router};

use crate::config::{self, LogFormat, Otlp};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithTonicConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tower_http::classify::{GrpcCode, GrpcErrorsAsFailures, SharedClassifier};
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// Which answers of the gRPC door count as failures of the node: not those that tell the caller what to mend.
pub fn grpc_failures() -> SharedClassifier<GrpcErrorsAsFailures> {
    let callers = [
        GrpcCode::InvalidArgument,
        GrpcCode::NotFound,
        GrpcCode::AlreadyExists,
        GrpcCode::PermissionDenied,
        GrpcCode::ResourceExhausted,
        GrpcCode::FailedPrecondition,
        GrpcCode::OutOfRange,
        GrpcCode::Unauthenticated,
        GrpcCode::Cancelled,
    ];
    SharedClassifier::new(callers.into_iter().fold(GrpcErrorsAsFailures::new(), GrpcErrorsAsFailures::with_success))
}

/// Why telemetry cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The file of the collector's CA cannot be read.
    #[error("cannot read `telemetry.otlp_ca` ({path}): {source}")]
    Ca {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The collector's address cannot be used.
    #[error("`telemetry.otlp_endpoint` cannot be used: {0}")]
    Endpoint(#[from] tonic::transport::Error),
    /// An exporter could not be made.
    #[error("an exporter could not be made: {0}")]
    Exporter(String),
    /// `telemetry.log` cannot be read.
    #[error("`telemetry.log` cannot be read: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Telemetry was started before in this process.
    #[error("telemetry was started before in this process: {0}")]
    Started(#[from] tracing_subscriber::util::TryInitError),
}

/// Telemetry under way. Stop it last: it sends what is left.
#[derive(Debug)]
pub struct Telemetry {
    registry: prometheus::Registry,
    metrics: SdkMeterProvider,
    traces: Option<SdkTracerProvider>,
}

// === impl Telemetry ===

impl Telemetry {
    /// Starts it for the process. Call it inside the runtime and before any room is opened: a meter taken earlier
    /// measures nothing.
    ///
    /// # Errors
    /// When the collector's settings cannot be used, or it was started before.
    pub fn start(config: &config::Telemetry, node: &str) -> Result<Self, TelemetryError> {
        let telemetry = Self::build(config, node)?;
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        opentelemetry::global::set_meter_provider(telemetry.metrics.clone());
        if let Some(traces) = &telemetry.traces {
            opentelemetry::global::set_tracer_provider(traces.clone());
        }
        telemetry.subscriber(config, std::io::stderr)?.try_init()?;
        Ok(telemetry)
    }

    fn build(config: &config::Telemetry, node: &str) -> Result<Self, TelemetryError> {
        let resource = Resource::builder()
            .with_service_name(config.service_name.clone())
            .with_attributes([
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                KeyValue::new("service.instance.id", node.to_owned()),
            ])
            .build();
        let failed = |error: &dyn std::fmt::Display| TelemetryError::Exporter(error.to_string());
        let registry = prometheus::Registry::new();
        let prometheus = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .build()
            .map_err(|error| failed(&error))?;
        let mut metrics = SdkMeterProvider::builder().with_resource(resource.clone()).with_reader(prometheus);
        let mut traces = None;
        if let Some(otlp) = &config.otlp {
            let channel = channel(otlp)?;
            let exporter = opentelemetry_otlp::MetricExporter::builder()
                .with_tonic()
                .with_channel(channel.clone())
                .build()
                .map_err(|error| failed(&error))?;
            metrics = metrics.with_reader(PeriodicReader::builder(exporter).with_interval(otlp.interval).build());
            let exporter = opentelemetry_otlp::SpanExporter::builder()
                .with_tonic()
                .with_channel(channel)
                .build()
                .map_err(|error| failed(&error))?;
            // A caller that records its trace gets the node's part of it; the share is of traces that begin here.
            let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.sample)));
            let provider = SdkTracerProvider::builder()
                .with_resource(resource)
                .with_sampler(sampler)
                .with_batch_exporter(exporter)
                .build();
            traces = Some(provider);
        }
        Ok(Self { registry, metrics: metrics.build(), traces })
    }

    /// Where log lines and spans go: lines to `writer`, spans to the collector if there is one.
    fn subscriber<W>(&self, config: &config::Telemetry, writer: W) -> Result<impl Subscriber + use<W>, TelemetryError>
    where
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        // The table format's library tells of every snapshot it reads; a later directive for it still wins.
        let filter = EnvFilter::try_new(format!("buoyant_kernel=warn,deltalake_core=warn,{}", config.log))?;
        let lines = tracing_subscriber::fmt::layer().with_writer(writer);
        let lines = match config.log_format {
            LogFormat::Text => lines.with_ansi(false).boxed(),
            LogFormat::Json => lines.json().flatten_event(true).boxed(),
        };
        let spans =
            self.traces.as_ref().map(|traces| tracing_opentelemetry::layer().with_tracer(traces.tracer("ajisai")));
        Ok(tracing_subscriber::registry().with(filter).with(lines).with(spans))
    }

    /// The metrics as Prometheus reads them.
    pub fn registry(&self) -> &prometheus::Registry {
        &self.registry
    }

    /// Sends what is left. It waits for the collector a few seconds at most; call it outside of async code's hot
    /// path (`spawn_blocking`), last of all.
    pub fn stop(self) {
        // There is nobody left to tell: a collector that is away has lost the last interval, no more.
        if let Some(traces) = &self.traces
            && let Err(error) = traces.shutdown()
        {
            tracing::debug!(%error, "traces not flushed");
        }
        if let Err(error) = self.metrics.shutdown() {
            tracing::debug!(%error, "metrics not flushed");
        }
    }
}

fn channel(otlp: &Otlp) -> Result<Channel, TelemetryError> {
    let mut endpoint = Endpoint::from_shared(otlp.endpoint.clone())?;
    if otlp.endpoint.starts_with("https://") {
        let ca = std::fs::read(&otlp.ca)
            .map_err(|source| TelemetryError::Ca { path: otlp.ca.display().to_string(), source })?;
        crate::identity::tls::install_provider();
        endpoint = endpoint.tls_config(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca)))?;
    }
    // Lazy: a collector that is away must not keep the node from starting.
    Ok(endpoint.connect_lazy())
}

#[cfg(test)]
mod tests;
