//! The ways in beside gRPC, as a node and a hospital's edge have them: MLLP listeners, the FHIR endpoint, SS-MIX2 storages; the
//! account of what came by them, and the watch over them.

mod fhir;
mod storage;

use crate::config::{self, Ways};
use crate::identity::tls::{self, ALPN_HTTP, ClientCertificates, TlsError};
use crate::identity::{self, Connections, Identity};
use crate::servers::{Bound, ListenError, Servers, bind, bind_if};
use event_log::Clock;
use ingest::completeness::{FeedBook, FeedKind};
use ingest::fhir::Context;
use ingest::fhir::endpoint::Endpoint;
use ingest::hl7::Feed;
use ingest::mllp::{Bedside, BedsideError, Hl7Replayer, Line, Settings, Speaker, serve_mllp};
use ingest::watch::{Expected, FeedName, Watch, WatchedDoor};
use ingest::{Door, Form, Replayer};
use model::FacilityId;
use rustls::ServerConfig;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use storage::{Replaying, Storage};
use tokio_util::sync::CancellationToken;

/// Why a way in could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DoorsError {
    /// Where it is kept how complete the feeds are.
    #[error("what is known of the feeds, in `{path}`, cannot be opened: {reason}")]
    Feeds {
        /// Where.
        path: String,
        /// Why.
        reason: String,
    },
    /// What was taken of a storage.
    #[error("`storage.name` = \"{name}\": the note of what was taken of it, in `{path}`, cannot be opened: {reason}")]
    Cursor {
        /// The storage.
        name: String,
        /// Where.
        path: String,
        /// Why.
        reason: String,
    },
    /// The beds that devices' messages opened.
    #[error("in `{path}`: {reason}")]
    Bedside {
        /// Where.
        path: String,
        /// Why.
        reason: BedsideError,
    },
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A listener.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A thread.
    #[error("`storage.name` = \"{name}\": no thread could be started for it: {source}")]
    Thread {
        /// The storage.
        name: String,
        /// Why.
        source: std::io::Error,
    },
}

/// The listeners of these ways in, in the order of the configuration.
#[derive(Debug)]
pub(crate) struct DoorListeners {
    mllp: Vec<Bound>,
    fhir: Option<Bound>,
}

impl DoorListeners {
    /// Binds them.
    pub(crate) async fn bind(ways: &Ways) -> Result<Self, ListenError> {
        let mut mllp = Vec::new();
        for listener in &ways.mllp {
            mllp.push(bind("mllp.address", listener.address).await?);
        }
        Ok(Self { mllp, fhir: bind_if("listen.fhir", ways.fhir).await? })
    }
}

/// What the ways in need of the process they run in.
pub(crate) struct House<'h> {
    /// The door of a facility's own system.
    pub(crate) door: &'h dyn Fn(&FacilityId) -> Arc<dyn Door>,
    /// The account of the feeds.
    pub(crate) book: Arc<FeedBook>,
    /// Who says that a feed is silent.
    pub(crate) watch: Watch,
    /// The clock of receipts.
    pub(crate) clock: Clock,
}

impl House<'_> {
    /// Watches a feed from now on; it was last heard when an earlier life noted it.
    fn watched(&self, facility: &FacilityId, feed: String, kind: FeedKind, within: Option<Duration>) -> Alive {
        let feed = FeedName { facility: facility.clone(), feed };
        let heard = self.book.heard(&feed).unwrap_or_else(|error| {
            tracing::warn!(%error, feed = feed.feed, "when a feed was last heard is not known");
            None
        });
        self.watch.feed(feed, Expected { kind, within, heard })
    }
}

/// Called at each sign of a feed's life.
type Alive = Arc<dyn Fn() + Send + Sync>;

/// What is opened before anything is listened to.
pub(crate) struct Doors {
    ways: Ways,
    mllp: Vec<HashMap<FacilityId, Line>>,
    bedside: Option<Arc<Bedside>>,
    storages: Vec<Storage>,
    clock: Clock,
}

/// Opens the account of the feeds of a process.
pub(crate) fn open_book(ways: &Ways, clock: &Clock) -> Result<Arc<FeedBook>, DoorsError> {
    let path = ways.data_dir.join("feeds");
    let book = FeedBook::open(&path, Arc::clone(clock));
    let book =
        book.map_err(|error| DoorsError::Feeds { path: path.display().to_string(), reason: error.to_string() })?;
    Ok(Arc::new(book))
}

impl Doors {
    /// Opens what is kept of the feeds.
    pub(crate) fn open(ways: Ways, house: &House<'_>) -> Result<Self, DoorsError> {
        let mut mllp = Vec::new();
        for listener in &ways.mllp {
            let line = |facility: &FacilityId| {
                let name = format!("mllp:{}", listener.address.port());
                let alive = house.watched(facility, name, FeedKind::Mllp, listener.silent);
                let door = Arc::new(WatchedDoor::new((house.door)(facility), alive)) as Arc<dyn Door>;
                Line { feed: feed(listener, facility.clone()), door }
            };
            let lines: HashMap<_, _> =
                listener.facilities.iter().map(|facility| (facility.clone(), line(facility))).collect();
            mllp.push(lines);
        }
        let beside = ways.data_dir.join("beds");
        let bedside = (!mllp.is_empty()).then(|| Bedside::open(&beside, Arc::clone(&house.clock))).transpose();
        let bedside =
            bedside.map_err(|reason| DoorsError::Bedside { path: beside.display().to_string(), reason })?.map(Arc::new);
        let below = ways.data_dir.join("storages");
        let opened = ways.storages.iter().map(|storage| {
            let alive = house.watched(&storage.facility, storage.name.clone(), FeedKind::SsMix2, storage.silent);
            let door = Arc::new(WatchedDoor::new((house.door)(&storage.facility), Arc::clone(&alive)));
            Storage::open(storage.clone(), &below.join(&storage.name), (door, alive), Arc::clone(&house.book))
        });
        let storages = opened.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { ways, mllp, bedside, storages, clock: Arc::clone(&house.clock) })
    }

    /// Who reads quarantined bytes anew.
    pub(crate) fn replayers(&self) -> [(Form, Arc<dyn Replayer>); 2] {
        let mut first = HashMap::new();
        for (facility, line) in self.mllp.iter().flatten() {
            // What a facility's listeners refused is read anew as the first of them reads.
            first.entry(facility.clone()).or_insert_with(|| line.clone());
        }
        [
            (Form::Hl7v2, Arc::new(Hl7Replayer::new(first, Arc::clone(&self.clock)))),
            (Form::SsMix2, Arc::new(Replaying::new(&self.storages))),
        ]
    }

    /// Begins to take what comes by these ways, each until `stop`.
    pub(crate) fn serve(
        self,
        listeners: DoorListeners,
        (fhir, identity): (Endpoint, &Arc<Identity>),
        stop: &CancellationToken,
        servers: &mut Servers,
    ) -> Result<(), DoorsError> {
        let Self { ways, mllp, bedside, storages, clock } = self;
        for (((listener, _), lines), config) in listeners.mllp.into_iter().zip(mllp).zip(&ways.mllp) {
            let mut settings = mllp_settings(&ways, config, &clock)?;
            if let Some(bedside) = &bedside {
                settings.bedside = Arc::clone(bedside);
            }
            servers.spawn("MLLP", serve_mllp(listener, lines, settings, stop.clone().cancelled_owned()));
        }
        if let Some((listener, address)) = listeners.fhir {
            let tls = server_tls(&ways, ClientCertificates::Optional, ALPN_HTTP)?;
            let connections = Connections::open(listener, tls).map_err(|source| ListenError {
                key: "listen.fhir",
                address,
                source,
            })?;
            let router = fhir::router(fhir, Arc::clone(identity));
            let service = router.into_make_service_with_connect_info::<identity::Caller>();
            let stopped = stop.clone().cancelled_owned();
            servers.spawn("FHIR", axum::serve(connections, service).with_graceful_shutdown(stopped).into_future());
        }
        for storage in storages {
            servers.spawn("storage", storage.follow(stop.clone())?);
        }
        Ok(())
    }
}

/// How each facility's FHIR is read; who is not named is read by the standard systems.
pub(crate) fn fhir_contexts(ways: &Ways, clock: &Clock) -> HashMap<FacilityId, Context> {
    let of = |of: &config::FhirOf| {
        let config::FhirOf { facility, institutions, patient_number_system } = of.clone();
        let read = Context { institutions, patient_number_system, ..Context::new(facility.clone(), clock()) };
        (facility, read)
    };
    ways.fhir_of.iter().map(of).collect()
}

/// A facility's door for FHIR, watched. Where no FHIR is taken nothing is watched.
pub(crate) fn fhir_alive(ways: &Ways, house: &House<'_>, facility: &FacilityId) -> Alive {
    if ways.fhir.is_none() {
        return Arc::new(|| {});
    }
    house.watched(facility, "fhir".to_owned(), FeedKind::Fhir, ways.fhir_silent)
}

/// How often it is noted how the feeds stand; at once when there is something to say.
const NOTED: Duration = Duration::from_secs(10);

/// Says when a feed falls silent and notes how all stand, until `stop`.
pub(crate) async fn keep_watch(watch: Watch, book: Arc<FeedBook>, stop: CancellationToken) {
    let mut said = watch.said();
    let noting = async {
        loop {
            let (book, standings) = (Arc::clone(&book), watch.standings());
            let noted = tokio::task::spawn_blocking(move || book.stand(&standings)).await;
            if let Ok(Err(error)) = noted {
                tracing::warn!(%error, "how the feeds stand is not noted");
            }
            tokio::select! {
                _ = said.changed() => {}
                () = tokio::time::sleep(NOTED) => {}
            }
        }
    };
    tokio::select! {
        () = watch.clone().run() => {}
        () = noting => {}
        () = stop.cancelled() => {}
    }
}

fn server_tls(ways: &Ways, clients: ClientCertificates, alpn: &[&[u8]]) -> Result<Option<Arc<ServerConfig>>, TlsError> {
    ways.tls.as_ref().map(|tls| tls::server_config(tls, clients, alpn)).transpose()
}

fn mllp_settings(ways: &Ways, config: &config::Mllp, clock: &Clock) -> Result<Settings, TlsError> {
    let tls = if config.tls { server_tls(ways, ClientCertificates::Required, &[])? } else { None };
    let speaker = match config.facilities.as_slice() {
        [facility] if !config.tls => Speaker::Port(facility.clone()),
        _ => Speaker::Certificate(Arc::new(|der| identity::facility_of(der).ok())),
    };
    Ok(Settings {
        tls,
        largest: config.largest,
        idle: config.idle,
        bed_silent: config.bed_silent,
        most_connections: config.most_connections,
        ..Settings::new(speaker, Arc::clone(clock))
    })
}

/// How a listener reads a facility's messages.
fn feed(listener: &config::Mllp, facility: FacilityId) -> Feed {
    let mut feed = Feed {
        sending_facilities: listener.sending_facilities.clone(),
        assigning_authorities: listener.assigning_authorities.clone(),
        channels: listener.device_channels.clone(),
        take_tests: listener.take_tests,
        ..read_as(&listener.text, facility)
    };
    feed.options.largest = listener.largest;
    feed
}

fn read_as(text: &config::Text, facility: FacilityId) -> Feed {
    let mut feed = Feed { zone: text.zone.clone(), ..Feed::new(facility) };
    feed.options.charset = text.charset;
    feed
}
