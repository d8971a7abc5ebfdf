//! Composition: opens the rooms in the order in which they need each other, and closes them in the reverse order.
//!
//! Opening: log → store → book and register → feeds and views → identity → door → pipeline → listeners.
//! Closing: listeners stop admitting and drain, the pipeline reads what was acknowledged and commits, the door brings
//! its index to disk, the log closes.

mod beds;
mod book;
mod cohorts;
mod definitions;
mod explain;
mod laboratory;
mod ledger;
mod log;
mod measures;
mod node;
mod notices;
mod policy;
mod publisher;
mod referrals;
mod registered;
mod tasks;
mod windows;
mod worklist;

use crate::clerk::{Clerk, Keeping};
use crate::cohorts::Cohorts;
use crate::config::Config;
use crate::doors::{self, DoorListeners, Doors, DoorsError, House};
use crate::history::History;
use crate::identity::tls::{self, ALPN_GRPC, ALPN_HTTP, ALPN_POSTGRES, ClientCertificates, TlsError, server_config};
use crate::identity::{self, Connections, Identity, IdentityLayer, KeysError, TokenDoor};
use crate::notary::NotaryError;
use crate::pipeline::{self, PipelineError, Rooms, Unhindered, Withheld};
use crate::recorder::{Recorder, Recording};
use crate::register::{Register, RegisterError};
use crate::servers::{Bound, ListenError, Servers, bind, bind_if};
use crate::telemetry;
use consent_filter::Book;
use event_log::{AppendError, EventLog, ReadError, ReadLimit};
use ingest::fhir::endpoint::Endpoint;
use ingest::watch::Watch;
use ingest::{Admission, Door};
use model::{FacilityId, Frontier};
use parking_lot::RwLock;
use query::beds::{Boards, Charts};
use query::{Executor, FlightDesk, Limits, PostgresDesk, QueryDesk, ReadingRoom};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tower_http::trace::TraceLayer;
use views::{Feeds, Store, StoreConfig, StoreError, Views};

pub use book::BookDirectory;
pub use log::{LogOpenError, open_log};
pub use node::State;
use registered::Registered;
use tasks::{Corridor, Ledger};

/// Why the node could not start, or stopped before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A directory could not be made.
    #[error("`{path}` cannot be used as a directory: {source}")]
    Directory {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The log.
    #[error(transparent)]
    Log(#[from] LogOpenError),
    /// The log, while running.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log, at the end.
    #[error("the log did not close cleanly: {0}")]
    Close(#[from] AppendError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The register.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The pipeline.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The ledger's key or files.
    #[error(transparent)]
    Ledger(#[from] NotaryError),
    /// The door.
    #[error(transparent)]
    Door(#[from] ingest::OpenError),
    /// A way in beside gRPC.
    #[error(transparent)]
    Doors(#[from] DoorsError),
    /// The keys that verify tokens.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The reading room.
    #[error("the reading room could not be opened: {0}")]
    Room(String),
    /// A listener.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A server ended by itself.
    #[error("the {0} server ended: {1}")]
    Server(&'static str, String),
    /// The log's storage failed.
    #[error("the log's storage failed and nothing more may be acknowledged: {0}; check the disk and start again")]
    Poisoned(String),
}

/// A running node.
#[derive(Debug)]
pub struct App {
    config: Config,
    log: Arc<dyn EventLog>,
    admission: Arc<Admission>,
    state: Arc<node::Node>,
    stop_reading: CancellationToken,
    stop_serving: CancellationToken,
    pipeline: Corridor,
    recording: Recording,
    ledger: Ledger,
    servers: Servers,
}

/// What the listeners are served from.
struct Opened {
    listeners: Listeners,
    doors: Doors,
    views: Arc<Views>,
    identity: Arc<Identity>,
    ledger: ledger::LedgerDesk,
    notices: notices::NoticeDesk,
    publisher: publisher::PublisherDesk,
    /// The log's end at the start: the node serves once it has caught up with it.
    end: Frontier,
    registry: prometheus::Registry,
}

impl App {
    /// Opens everything and begins to serve; queries say how fresh they are while it catches up with the log.
    ///
    /// # Errors
    /// See [`AppError`].
    pub async fn start(config: Config, registry: prometheus::Registry) -> Result<Self, AppError> {
        tls::install_provider();
        let clock = identity::system_clock();
        make(&config.node.data_dir)?;
        let listeners = Listeners::bind(&config).await?;
        let log = open_log(&config.log).await?;
        let end = log.end().await?;
        let (store, recovered) = Store::open(store_config(&config)).await?;
        let store = Arc::new(store);
        let book = Arc::new(RwLock::new(Book::new()));
        let register = Arc::new(Register::open(&register_dir(&config), Arc::clone(&book))?);
        let withheld = Arc::new(Withheld::default());
        let letters = pipeline::restore_book(&book, &register, &withheld, recovered.book_letters)?;
        tracing::info!(letters, frontier = %recovered.frontier, end = %end, "views opened");
        let feeds = Feeds::new(Arc::clone(&book));
        let views = Arc::new(Views::new(Arc::clone(&store), Arc::clone(&book), Arc::clone(&feeds)));

        let directory = Arc::new(BookDirectory::new(Arc::clone(&book)));
        let identity =
            Arc::new(Identity::open(&config.identity, Arc::clone(&directory) as _, Arc::clone(&clock)).await?);
        let settings = ingest::Settings {
            index: config.node.data_dir.join("seen"),
            quarantine: config.node.data_dir.join("quarantine"),
            quarantine_share: config.ingest.quarantine_bytes,
        };
        let admission =
            Admission::open(Arc::clone(&log), Arc::clone(&register) as _, &settings, Arc::clone(&clock)).await?;

        let ways = config.ways();
        let (watch, book_of_feeds) = (Watch::new(Arc::clone(&clock)), doors::open_book(&ways, &clock)?);
        admission.account_for(Arc::clone(&book_of_feeds));
        register.account_for(Arc::clone(&book_of_feeds));
        let door = |facility: &FacilityId| -> Arc<dyn Door> {
            let (admission, directory) = (Arc::clone(&admission), Arc::clone(&directory));
            Arc::new(Registered::new(admission, facility.clone(), directory, Arc::clone(&clock)))
        };
        let (house_book, house_watch) = (Arc::clone(&book_of_feeds), watch.clone());
        let house = House { door: &door, book: house_book, watch: house_watch, clock: Arc::clone(&clock) };
        let doors = Doors::open(ways, &house)?;
        for (form, replayer) in doors.replayers() {
            admission.replay_by(form, replayer);
        }

        let (recorder, recording) = Recorder::start(Arc::clone(&log), Arc::clone(&clock));
        feeds.witnessed_by(Arc::clone(&recorder) as _);
        let clerk = Clerk::open(&log, &recorder, &clock, &recovered.frontier, keeping(&config)).await?;

        let ledger = Ledger::begin(&config, &log, &clock)?;

        let rooms =
            Rooms { log: Arc::clone(&log), book, store, feeds, register, withheld, clerk: Some(Arc::new(clerk)) };
        let state = Arc::new(node::Node::new(&config, rooms.clone(), Arc::clone(&admission)));
        let desk = ledger::LedgerDesk {
            node: Arc::clone(&state),
            reader: ledger.reader(),
            witness: Arc::clone(&recorder) as _,
            clock: Arc::clone(&clock),
            name: config.node.name.clone(),
        };
        let stop_serving = CancellationToken::new();
        let notices = notices::NoticeDesk {
            node: Arc::clone(&state),
            witness: recorder,
            clock: Arc::clone(&clock),
            stop: stop_serving.clone(),
        };
        let publisher = publisher::PublisherDesk::new(desk.clone(), config.ledger.disclosures);
        tasks::follow_notices(&rooms);
        let stop_reading = CancellationToken::new();
        let pipeline = {
            let (rooms, clock, stop) = (rooms.clone(), Arc::clone(&clock), stop_reading.clone());
            tokio::spawn(
                async move { pipeline::run(&rooms, ReadLimit::default(), &clock, &mut Unhindered, stop).await },
            )
        };
        let mut app = Self {
            config,
            log,
            admission,
            state,
            stop_reading,
            stop_serving,
            pipeline: Corridor::new(pipeline),
            recording,
            ledger,
            servers: Servers::default(),
        };
        tokio::spawn(doors::keep_watch(watch, book_of_feeds, app.stop_serving.clone()));
        app.serve(Opened { listeners, doors, views, identity, ledger: desk, notices, publisher, end, registry })?;
        Ok(app)
    }

    fn serve(&mut self, opened: Opened) -> Result<(), AppError> {
        let Opened { listeners, doors, views, identity, ledger, notices, publisher, end, registry } = opened;
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let executor = Executor::start(threads).map_err(|error| AppError::Room(error.to_string()))?;
        let limits = Limits {
            statement: self.config.query.statement,
            memory_bytes: self.config.query.memory_bytes,
            concurrent_per_facility: self.config.query.max_concurrent,
            at_least: self.config.query.at_least_wait,
            ..Limits::default()
        };
        let sites = Arc::clone(&self.state.rooms().register);
        let room = ReadingRoom::open_with(Arc::clone(&views) as _, sites, limits, executor)
            .map_err(|error| AppError::Room(error.to_string()))?;

        let kept = Cohorts::new(
            self.state.rooms().clone(),
            Arc::clone(&views),
            Arc::clone(&notices.clock),
            self.stop_serving.clone(),
        );
        let cohorts = cohorts::CohortDesk {
            node: Arc::clone(&self.state),
            cohorts: kept.map_err(|error| AppError::Room(error.to_string()))?,
            room: Arc::clone(&room),
            stop: self.stop_serving.clone(),
        };
        let charts: Arc<dyn Charts> = Arc::clone(&self.state.rooms().register) as _;
        let past = beds::LogPast(History::new(self.state.rooms().clone()));
        let boards = Boards::new(Arc::clone(&room), Arc::clone(&views), charts).with_past(Arc::new(past));
        let boards = Arc::new(boards);
        let beds = beds::BedDesk {
            node: Arc::clone(&self.state),
            boards: Arc::clone(&boards),
            witness: Arc::clone(&notices.witness),
            clock: Arc::clone(&notices.clock),
        };
        let referrals = referrals::ReferralDesk {
            node: Arc::clone(&self.state),
            admission: Arc::clone(&self.admission),
            beds: beds.clone(),
        };
        let worklists = worklist::WorklistDesk {
            cohorts: cohorts.clone(),
            witness: Arc::clone(&notices.witness),
            clock: Arc::clone(&notices.clock),
        };

        let (health, health_service) = tonic_health::server::health_reporter();
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(wire::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()
            .map_err(|error| AppError::Server("reflection", error.to_string()))?;
        let certificates = self.config.tls.clone();
        let tls = |clients, alpn: &[&[u8]]| match &certificates {
            Some(tls) => server_config(tls, clients, alpn).map(Some),
            None => Ok(None),
        };
        let grpc_tls = tls(ClientCertificates::Optional, ALPN_GRPC)?;
        let (listener, address) = listeners.grpc;
        let connections = Connections::open(listener, grpc_tls).map_err(|source| ListenError {
            key: "listen.grpc",
            address,
            source,
        })?;
        let routes = tonic::transport::Server::builder()
            // For gRPC-web, which is the outermost: what is inside sees calls alone.
            .accept_http1(true)
            .tcp_nodelay(true)
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(16 << 20)
            .http2_keepalive_interval(Some(Duration::from_secs(20)))
            .layer(tonic_web::GrpcWebLayer::new())
            .layer(TraceLayer::new(telemetry::grpc_failures()).make_span_with(telemetry::trace_context::grpc_span))
            .layer(tower::util::MapRequestLayer::new(telemetry::trace_context::carry_on))
            .layer(IdentityLayer::new(Arc::clone(&identity)))
            .add_service(health_service)
            .add_service(reflection)
            .add_service(ingest::service::ingest(Arc::clone(&self.admission)))
            .add_service(ingest::service::consents(Arc::clone(&self.admission)))
            .add_service(ingest::service::directory(Arc::clone(&self.admission)))
            .add_service(QueryDesk::service(Arc::clone(&room)))
            .add_service(query::FeedDesk::service(Arc::clone(&views)))
            .add_service(FlightDesk::service(Arc::clone(&room)))
            .add_service(explain::service(self.state.rooms().clone()))
            .add_service(ledger::service(ledger.clone()))
            .add_service(policy::service(self.state.rooms().clone(), Arc::clone(&self.admission)))
            .add_service(notices::service(notices.clone()))
            .add_service(laboratory::service(Arc::clone(&self.state), Arc::clone(&self.admission)))
            .add_service(referrals::service(referrals.clone()))
            .add_service(beds::service(beds.clone()))
            .add_service(cohorts::service(cohorts.clone()))
            .add_service(measures::service(cohorts.clone(), Arc::clone(&self.admission), Arc::clone(&notices.clock)))
            .add_service(worklist::service(worklists.clone()))
            .add_service(definitions::service(Arc::clone(&self.state), Arc::clone(&self.admission)))
            .add_service(publisher.clone().service())
            .add_service(node::service(Arc::clone(&self.state)));
        let stopped = self.stop_serving.clone().cancelled_owned();
        self.servers.spawn("gRPC", routes.serve_with_incoming_shutdown(connections, stopped));
        if let Some((listener, address)) = listeners.postgres {
            let tls = tls(ClientCertificates::NotAsked, ALPN_POSTGRES)?;
            let passwords = Arc::new(TokenDoor::new(Arc::clone(&identity), address, tls.is_some()));
            let desk = PostgresDesk::new(Arc::clone(&room), passwords, tls);
            let stopped = self.stop_serving.clone().cancelled_owned();
            self.servers.spawn("Postgres", async move { desk.serve(listener, stopped).await });
        }
        if let Some((listener, address)) = listeners.dashboards {
            let tls = tls(ClientCertificates::NotAsked, ALPN_HTTP)?;
            let tokens = Arc::new(TokenDoor::new(Arc::clone(&identity), address, tls.is_some()));
            let connections = Connections::open(listener, tls).map_err(|source| ListenError {
                key: "listen.dashboards",
                address,
                source,
            })?;
            let counter = windows::Counter {
                tokens: Arc::clone(&tokens) as _,
                consents: ingest::service::Consents::new(Arc::clone(&self.admission)),
                ledger: ledger.clone(),
                notices: notices.clone(),
                publisher: publisher.clone(),
                worklists: worklists.clone(),
                beds,
                referrals,
            };
            let (room, views) = (Arc::clone(&room), Arc::clone(&views));
            let router = dashboards::router(room, views, boards, tokens, Arc::new(counter));
            let stop = self.stop_serving.clone();
            self.servers.spawn("dashboards", async move {
                // A page's connection stays open for what may come: there is nothing to drain, it reconnects.
                tokio::select! {
                    served = axum::serve(connections, router) => served,
                    () = stop.cancelled() => Ok(()),
                }
            });
        }
        if let Some((listener, address)) = listeners.admin {
            let tls = tls(ClientCertificates::Required, ALPN_HTTP)?;
            let connections = Connections::open(listener, tls).map_err(|source| ListenError {
                key: "listen.admin",
                address,
                source,
            })?;
            let state = Arc::clone(&self.state);
            let router = telemetry::router(registry, Arc::new(move || state.readiness()));
            let stopped = self.stop_serving.clone().cancelled_owned();
            self.servers.spawn("admin", axum::serve(connections, router).with_graceful_shutdown(stopped).into_future());
        }
        let contexts = doors::fhir_contexts(&self.config.ways(), &identity::system_clock());
        let fhir = Endpoint::of(&self.admission, contexts, self.config.ingest.fhir_bytes);
        doors.serve(listeners.doors, (fhir, &identity), &self.stop_serving, &mut self.servers)?;
        let (state, store, stop) = (Arc::clone(&self.state), Arc::clone(views.store()), self.stop_serving.clone());
        tokio::spawn(async move {
            health.set_service_status("", tonic_health::ServingStatus::NotServing).await;
            tokio::select! {
                () = stop.cancelled() => return,
                () = caught_up(&store, &end) => {}
            }
            state.set(State::Serving);
            health.set_service_status("", tonic_health::ServingStatus::Serving).await;
            tracing::info!("serving");
            stop.cancelled().await;
            health.set_service_status("", tonic_health::ServingStatus::NotServing).await;
        });
        Ok(())
    }

    /// How the node stands, for health and status.
    pub fn state(&self) -> Arc<node::Node> {
        Arc::clone(&self.state)
    }

    /// Runs until `asked` resolves, then stops gracefully. Ends early, with the reason, when a part of the node fails.
    ///
    /// # Errors
    /// See [`AppError`].
    pub async fn run(mut self, asked: impl Future<Output = ()>) -> Result<(), AppError> {
        let failed = tokio::select! {
            () = asked => None,
            reason = self.admission.poisoned() => Some(AppError::Poisoned(reason)),
            ended = self.pipeline.ended() => {
                Some(ended.err().unwrap_or(AppError::Server("pipeline", "it ended early".to_owned())))
            }
            (name, reason) = self.servers.first_to_end() => Some(AppError::Server(name, reason)),
        };
        let stopped = self.stop().await;
        match failed {
            Some(error) => Err(error),
            None => stopped,
        }
    }

    /// Stop admitting, drain, commit, close.
    async fn stop(mut self) -> Result<(), AppError> {
        tracing::info!("stopping");
        self.state.set(State::Stopping);
        self.admission.stop();
        self.stop_serving.cancel();
        self.state.rooms().feeds.close();
        let deadline = tokio::time::Instant::now() + self.config.node.drain;
        self.servers.drain(deadline).await;
        // What was acknowledged is read and committed before the log closes; what was done for it is written down before.
        let committed = self.finish_reading(deadline).await;
        let unrecorded = self.recording.close().await;
        if unrecorded > 0 {
            tracing::warn!(unrecorded, "the ledger lacks readings");
        }
        self.ledger.end().await;
        self.admission.close().await;
        self.log.close().await?;
        tracing::info!("stopped");
        committed
    }

    /// Lets the pipeline come to the end of the log, commit and end. Nothing is left to do when it has ended already.
    async fn finish_reading(&mut self, deadline: tokio::time::Instant) -> Result<(), AppError> {
        if self.pipeline.has_ended() {
            return Ok(());
        }
        let end = self.log.end().await?;
        if tokio::time::timeout_at(deadline, caught_up(&self.state.rooms().store, &end)).await.is_err() {
            tracing::warn!("the views were not caught up at the end of the drain time; the next start reads the rest");
        }
        self.stop_reading.cancel();
        self.pipeline.ended().await
    }
}

/// How the store is kept, from the configuration.
pub fn store_config(config: &Config) -> StoreConfig {
    StoreConfig {
        flush_rows: config.views.flush_rows,
        flush_interval: config.views.flush_interval,
        ..StoreConfig::in_dir(config.views.dir.join("store"))
    }
}

/// How the clerk is kept, from the configuration.
pub fn keeping(config: &Config) -> Keeping {
    Keeping { disclosures: config.ledger.disclosures, mark: config.views.dir.join("told-from-the-beginning") }
}

/// Where the register lies, from the configuration.
pub fn register_dir(config: &Config) -> std::path::PathBuf {
    config.views.dir.join("register")
}

async fn caught_up(store: &Store, end: &Frontier) {
    while !store.reached(end, Duration::from_secs(1)).await {}
}

fn make(directory: &std::path::Path) -> Result<(), AppError> {
    std::fs::create_dir_all(directory)
        .map_err(|source| AppError::Directory { path: directory.display().to_string(), source })
}

struct Listeners {
    grpc: Bound,
    postgres: Option<Bound>,
    admin: Option<Bound>,
    dashboards: Option<Bound>,
    doors: DoorListeners,
}

impl Listeners {
    async fn bind(config: &Config) -> Result<Self, ListenError> {
        Ok(Self {
            grpc: bind("listen.grpc", config.listen.grpc).await?,
            postgres: bind_if("listen.postgres", config.listen.postgres).await?,
            admin: bind_if("listen.admin", config.listen.admin).await?,
            dashboards: bind_if("listen.dashboards", config.listen.dashboards).await?,
            doors: DoorListeners::bind(&config.ways()).await?,
        })
    }
}
