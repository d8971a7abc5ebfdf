//! MLLP as a way in: HL7 v2 messages over a socket, each answered when what it says is durable.
//!
//! One task for each connection reads what has come, takes all whole messages of it together through the
//! [`Door`](crate::Door), and writes their answers in the order they came. A sender that waits for each answer waits for
//! one group commit; one that does not has many messages in one.
//!
//! | answer | when |
//! | --- | --- |
//! | `AA` | the message's events are durable, or it is kept aside for a person |
//! | `AE` | its content is wrong: what could be read is durable, its bytes are in quarantine, `ERR` says where and why |
//! | `AR` | it is not ours, or the door could not make it durable: it may be sent again |
//!
//! In the enhanced mode (`MSH-15`, `MSH-16`) each is preceded by `CA`, `CE` or `CR`, as far as the sender wants either.
//!
//! The same message twice is the same events, for their ids come from what it says; so a sender that lost an answer may
//! send again, also after a restart. What was answered lately is answered the same without another look.

mod bedside;
mod connection;
mod metrics;
mod recent;
mod replay;
mod take;

pub use bedside::{Bedside, BedsideError};
pub use replay::Hl7Replayer;

use crate::door::Door;
use crate::hl7::Feed;
use event_log::Clock;
use metrics::Metrics;
use model::FacilityId;
use recent::Recent;
use rustls::ServerConfig;
use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use take::Taker;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// How one facility's messages are read, and where they go.
#[derive(Clone)]
pub struct Line {
    /// How they are read.
    pub feed: Feed,
    /// Where they go.
    pub door: Arc<dyn Door>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({})", self.feed.source)
    }
}

/// Which facility a certificate (DER) names.
pub type FacilityOf = Arc<dyn Fn(&[u8]) -> Option<FacilityId> + Send + Sync>;

/// Which facility a connection speaks for.
#[derive(Clone)]
pub enum Speaker {
    /// The listener's: one port for each facility.
    Port(FacilityId),
    /// The one its client certificate (DER) names. `None`: it names none, and the connection is closed.
    Certificate(FacilityOf),
}

impl std::fmt::Debug for Speaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Port(facility) => write!(f, "Port({facility})"),
            Self::Certificate(_) => f.write_str("Certificate"),
        }
    }
}

/// How a listener listens.
#[derive(Clone)]
pub struct Settings {
    /// TLS. Without it the listener must be on loopback.
    pub tls: Option<Arc<ServerConfig>>,
    /// Who speaks.
    pub speaker: Speaker,
    /// The largest message, in bytes.
    pub largest: usize,
    /// After so long without a byte a connection is closed.
    pub idle: Duration,
    /// The most connections at a time; further ones wait to be accepted.
    pub most_connections: usize,
    /// The most messages of one connection that are taken together.
    pub most_together: usize,
    /// The clock of answers and receipts.
    pub clock: Clock,
    /// The beds of monitors whose messages open none.
    pub bedside: Arc<Bedside>,
    /// After so long without a frame such a bed is closed.
    pub bed_silent: Duration,
}

impl Settings {
    /// A listener with the usual limits: messages of 16 MiB, an hour of silence, 1,000 connections, 256 messages together, half an
    /// hour for a bed of which nothing comes; which beds are open is known for as long as it listens.
    pub fn new(speaker: Speaker, clock: Clock) -> Self {
        Self {
            tls: None,
            speaker,
            largest: hl7v2::LARGEST_MESSAGE,
            idle: Duration::from_secs(3600),
            most_connections: 1000,
            most_together: 256,
            bedside: Arc::new(Bedside::in_memory(Arc::clone(&clock))),
            bed_silent: bedside::SILENCE,
            clock,
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { tls, speaker, largest, idle, most_connections, most_together, clock: _, bedside, bed_silent } = self;
        f.debug_struct("Settings")
            .field("tls", &tls.is_some())
            .field("speaker", speaker)
            .field("largest", largest)
            .field("idle", idle)
            .field("most_connections", most_connections)
            .field("most_together", most_together)
            .field("bedside", bedside)
            .field("bed_silent", bed_silent)
            .finish()
    }
}

/// Why a listener does not listen.
#[derive(Debug, thiserror::Error)]
pub enum MllpError {
    /// Patient data would cross a network in the clear.
    #[error(
        "MLLP without TLS listens on loopback only, not on {address}: configure a certificate, or a loopback address"
    )]
    ClearText {
        /// Where it was to listen.
        address: SocketAddr,
    },
    /// A client certificate is asked for where there is no TLS.
    #[error("facilities cannot be told by their certificates without TLS: configure TLS, or one facility for the port")]
    NoCertificates,
    /// The port's facility has no line.
    #[error("the port is for `{facility}`, and nothing says how its messages are read")]
    UnknownFacility {
        /// The facility.
        facility: FacilityId,
    },
    /// The listener failed.
    #[error("the MLLP listener failed: {0}")]
    Listen(#[from] std::io::Error),
}

/// How often beds are looked after.
const BEDS_LOOKED_AFTER: Duration = Duration::from_secs(10);

/// What the connections of a listener share.
struct Shared {
    lines: HashMap<FacilityId, Line>,
    settings: Settings,
    taker: Taker,
    metrics: Metrics,
}

/// Listens until `stop` is ready; then takes in what has come whole, answers it, and closes.
///
/// # Errors
/// When the listener may not listen as it is set up, or fails.
pub async fn serve_mllp(
    listener: TcpListener,
    lines: HashMap<FacilityId, Line>,
    settings: Settings,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), MllpError> {
    let address = listener.local_addr()?;
    match (&settings.tls, &settings.speaker) {
        (None, _) if !address.ip().is_loopback() => return Err(MllpError::ClearText { address }),
        (None, Speaker::Certificate(_)) => return Err(MllpError::NoCertificates),
        (_, Speaker::Port(facility)) if !lines.contains_key(facility) => {
            return Err(MllpError::UnknownFacility { facility: facility.clone() });
        }
        _ => {}
    }
    let places = Arc::new(Semaphore::new(settings.most_connections));
    let acceptor = settings.tls.clone().map(TlsAcceptor::from);
    let metrics = Metrics::new();
    let bedside = (Arc::clone(&settings.bedside), settings.bed_silent);
    let taker = Taker::new(Arc::clone(&settings.clock), bedside, Recent::new(), metrics.clone());
    let shared = Arc::new(Shared { lines, settings, taker, metrics });
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    let looking = tokio::spawn(look_after(Arc::clone(&shared), stopped.clone()));
    loop {
        let place = tokio::select! {
            biased;
            () = &mut stop => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        // Those that ended are forgotten as new ones come.
        while connections.try_join_next().is_some() {}
        let (stream, _) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or a client that left at once: neither is the listener's end.
                tracing::warn!(%error, "an MLLP connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (shared, stopped, acceptor) = (Arc::clone(&shared), stopped.clone(), acceptor.clone());
        connections.spawn(async move {
            let _place = place;
            connection::run(stream, acceptor, &shared, stopped).await;
        });
    }
    stopping.send_replace(true);
    while connections.join_next().await.is_some() {}
    if looking.await.is_err() {
        tracing::warn!("beds of which nothing comes are no longer closed");
    }
    Ok(())
}

/// Closes the beds of which nothing comes, until the listener stops.
async fn look_after(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(BEDS_LOOKED_AFTER);
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            _ = ticks.tick() => {}
        }
        for line in shared.lines.values() {
            shared.taker.look_after(line).await;
        }
    }
}
