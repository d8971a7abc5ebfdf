//! The ways in beside gRPC: MLLP listeners, the FHIR endpoint, SS-MIX2 storages, and the account of what came by them.

mod fhir;
mod storage;

use super::{App, AppError, BookDirectory};
use crate::config::{self, Config};
use crate::identity::tls::{self, ALPN_HTTP, ClientCertificates};
use crate::identity::{self, Connections, DirectoryCheck, Identity, Standing};
use bytes::Bytes;
use event_log::Clock;
use ingest::completeness::{FeedBook, FeedKind, Item};
use ingest::hl7::Feed;
use ingest::mllp::{Hl7Replayer, Line, Settings, Speaker, serve_mllp};
use ingest::{Admission, Aside, Door, DoorError, Form, LocalDoor, Published, Step};
use jiff::civil::Date;
use model::{FacilityId, Principal, Purpose, Role};
use rustls::ServerConfig;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use storage::{Replaying, Storage};
use tokio::net::TcpListener;

/// Why a way in could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DoorsError {
    /// Where it is kept how complete the feeds are.
    #[error("`node.data_dir`: what is known of the feeds, in `{path}`, cannot be opened: {reason}")]
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
    /// A thread.
    #[error("`storage.name` = \"{name}\": no thread could be started for it: {source}")]
    Thread {
        /// The storage.
        name: String,
        /// Why.
        source: std::io::Error,
    },
}

/// A bound listener and where.
type Bound = (TcpListener, SocketAddr);

/// The listeners of these ways in, in the order of the configuration.
pub(super) struct DoorListeners {
    pub mllp: Vec<Bound>,
    pub fhir: Option<Bound>,
}

/// What is opened before anything is listened to.
pub(super) struct Doors {
    mllp: Vec<HashMap<FacilityId, Line>>,
    storages: Vec<Storage>,
    clock: Clock,
}

impl Doors {
    /// Opens what is kept of the feeds, and says who reads quarantined bytes anew.
    pub(super) fn open(
        config: &Config,
        admission: &Arc<Admission>,
        directory: &Arc<BookDirectory>,
        clock: &Clock,
    ) -> Result<Self, DoorsError> {
        let path = config.node.data_dir.join("feeds");
        let book = FeedBook::open(&path, Arc::clone(clock))
            .map_err(|error| DoorsError::Feeds { path: path.display().to_string(), reason: error.to_string() })?;
        let book = Arc::new(book);
        admission.account_for(Arc::clone(&book));
        let door = |facility: &FacilityId| -> Arc<dyn Door> {
            Arc::new(Registered::new(Arc::clone(admission), facility.clone(), Arc::clone(directory), Arc::clone(clock)))
        };
        let mut first = HashMap::new();
        let mut mllp = Vec::new();
        for listener in &config.mllp {
            let line = |facility: &FacilityId| Line { feed: feed(listener, facility.clone()), door: door(facility) };
            let lines: HashMap<_, _> =
                listener.facilities.iter().map(|facility| (facility.clone(), line(facility))).collect();
            for (facility, line) in &lines {
                // What a facility's listeners refused is read anew as the first of them reads.
                first.entry(facility.clone()).or_insert_with(|| line.clone());
            }
            mllp.push(lines);
        }
        admission.replay_by(Form::Hl7v2, Arc::new(Hl7Replayer::new(first, Arc::clone(clock))));
        let below = config.node.data_dir.join("storages");
        let opened = config.storages.iter().map(|storage| {
            Storage::open(storage.clone(), &below.join(&storage.name), door(&storage.facility), Arc::clone(&book))
        });
        let storages = opened.collect::<Result<Vec<_>, _>>()?;
        admission.replay_by(Form::SsMix2, Arc::new(Replaying::new(&storages)));
        Ok(Self { mllp, storages, clock: Arc::clone(clock) })
    }
}

impl App {
    /// Begins to take what comes by these ways; each ends when the node stops serving.
    pub(super) fn open_doors(
        &mut self,
        doors: Doors,
        listeners: DoorListeners,
        identity: &Arc<Identity>,
    ) -> Result<(), AppError> {
        let Doors { mllp, storages, clock } = doors;
        let configured = std::mem::take(&mut self.config.mllp);
        for (((listener, _), lines), config) in listeners.mllp.into_iter().zip(mllp).zip(&configured) {
            let settings = self.mllp_settings(config, &clock)?;
            let stopped = self.stop_serving.clone().cancelled_owned();
            self.spawn("MLLP", serve_mllp(listener, lines, settings, stopped));
        }
        if let Some((listener, address)) = listeners.fhir {
            let tls = self.tls(ClientCertificates::Optional, ALPN_HTTP)?;
            let connections = Connections::open(listener, tls).map_err(|source| AppError::Listen {
                key: "listen.fhir",
                address,
                source,
            })?;
            let stopped = self.stop_serving.clone().cancelled_owned();
            let router = fhir::router(Arc::clone(&self.admission), self.config.ingest.fhir_bytes, Arc::clone(identity));
            let service = router.into_make_service_with_connect_info::<identity::Caller>();
            self.spawn("FHIR", axum::serve(connections, service).with_graceful_shutdown(stopped).into_future());
        }
        for storage in storages {
            let ended = storage.follow(self.stop_serving.clone())?;
            self.spawn("storage", ended);
        }
        Ok(())
    }

    fn tls(&self, clients: ClientCertificates, alpn: &[&[u8]]) -> Result<Option<Arc<ServerConfig>>, AppError> {
        Ok(self.config.tls.as_ref().map(|tls| tls::server_config(tls, clients, alpn)).transpose()?)
    }

    fn mllp_settings(&self, config: &config::Mllp, clock: &Clock) -> Result<Settings, AppError> {
        let tls = if config.tls { self.tls(ClientCertificates::Required, &[])? } else { None };
        let speaker = match config.facilities.as_slice() {
            [facility] if !config.tls => Speaker::Port(facility.clone()),
            _ => Speaker::Certificate(Arc::new(|der| identity::facility_of(der).ok())),
        };
        Ok(Settings {
            tls,
            largest: config.largest,
            idle: config.idle,
            most_connections: config.most_connections,
            ..Settings::new(speaker, Arc::clone(clock))
        })
    }
}

/// How a listener reads a facility's messages.
fn feed(listener: &config::Mllp, facility: FacilityId) -> Feed {
    let mut feed = Feed {
        sending_facilities: listener.sending_facilities.clone(),
        assigning_authorities: listener.assigning_authorities.clone(),
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

/// The door for a facility's system, as long as the directory stands behind the facility: a configured line opens no more
/// than a certificate would. Until then nothing is taken and everything may be sent again.
struct Registered {
    door: LocalDoor,
    principal: Principal,
    directory: Arc<BookDirectory>,
    clock: Clock,
}

impl Registered {
    fn new(admission: Arc<Admission>, facility: FacilityId, directory: Arc<BookDirectory>, clock: Clock) -> Self {
        let principal = Principal { facility, member: None, role: Role::System, purpose: Purpose::Treatment };
        Self { door: LocalDoor::new(admission, principal.clone()), principal, directory, clock }
    }

    fn ask(&self) -> Result<(), DoorError> {
        match self.directory.standing(&self.principal, (self.clock)()) {
            Standing::Good => Ok(()),
            standing => Err(DoorError { reason: format!("`{}`: {standing}", self.principal.facility) }),
        }
    }
}

#[tonic::async_trait]
impl Door for Registered {
    fn facility(&self) -> &FacilityId {
        self.door.facility()
    }
    async fn publish(&self, events: Vec<Bytes>) -> Result<Vec<Published>, DoorError> {
        self.ask()?;
        self.door.publish(events).await
    }
    async fn set_aside(&self, refused: Vec<Aside>) -> Result<(), DoorError> {
        self.ask()?;
        self.door.set_aside(refused).await
    }
    async fn note(&self, feed: FeedKind, name: &'static str, step: Step, items: Vec<(Date, Item)>) {
        self.door.note(feed, name, step, items).await;
    }
}
