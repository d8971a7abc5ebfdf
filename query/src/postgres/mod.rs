//! The PostgreSQL protocol.
//!
//! The password is the token; the user name is only shown back. A connection has one principal from its first message
//! to its last, and the token is checked again for every statement, so that it outlives a membership by no more than
//! that. The wire's messages, encodings and the `pg_catalog` tables are those of `pgwire` and `datafusion-postgres`;
//! the handlers are our own, because theirs share one session among all connections and keep a prepared statement's
//! plan, and with it an old view.

mod connection;
mod parameters;
mod settings;
mod startup;
mod statements;

use crate::principal::Authenticator;
use crate::session::ReadingRoom;
use connection::{Connection, Connections};
use datafusion_postgres::datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use datafusion_postgres::pgwire::api::auth::StartupHandler;
use datafusion_postgres::pgwire::api::cancel::CancelHandler;
use datafusion_postgres::pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use datafusion_postgres::pgwire::api::{ClientInfo, ErrorHandler, PgWireServerHandlers};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError};
use datafusion_postgres::pgwire::tokio::process_socket;
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Why the listener did not open or went down.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// Plain text is for loopback only.
    #[error("the PostgreSQL listener on `{address}` needs TLS: without it only a loopback address may be used")]
    Plaintext {
        /// Where it would listen.
        address: std::net::SocketAddr,
    },
    /// The listener failed.
    #[error("the PostgreSQL listener failed: {0}")]
    Listener(#[from] io::Error),
}

/// How many connections at the same time.
const CONNECTIONS: usize = 1_000;

/// Answers the PostgreSQL protocol.
pub struct PostgresDesk {
    room: Arc<ReadingRoom>,
    authenticator: Arc<dyn Authenticator>,
    tls: Option<TlsAcceptor>,
    parser: Arc<PostgresCompatibilityParser>,
    connections: Arc<Connections>,
}

impl fmt::Debug for PostgresDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresDesk").field("tls", &self.tls.is_some()).finish_non_exhaustive()
    }
}

impl PostgresDesk {
    /// A desk over a room. With `tls`, every client must use it.
    pub fn new(
        room: Arc<ReadingRoom>,
        authenticator: Arc<dyn Authenticator>,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Self {
        let tls = tls.map(TlsAcceptor::from);
        let parser = Arc::new(PostgresCompatibilityParser::new());
        Self { room, authenticator, tls, parser, connections: Arc::default() }
    }

    /// Serves until `stop` resolves; then running statements are ended and connections closed.
    ///
    /// # Errors
    /// When the listener is not on loopback and there is no TLS, or when it cannot be read.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), PostgresError> {
        let address = listener.local_addr()?;
        if self.tls.is_none() && !address.ip().is_loopback() {
            return Err(PostgresError::Plaintext { address });
        }
        let seats = Arc::new(Semaphore::new(CONNECTIONS));
        let mut open = JoinSet::new();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return Ok(()),
                Some(_) = open.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((socket, peer)) => match Arc::clone(&seats).try_acquire_owned() {
                        Ok(seat) => {
                            let desk = self.desk();
                            open.spawn(async move {
                                let _seat = seat;
                                if let Err(error) = desk.attend(socket).await {
                                    tracing::debug!(%peer, kind = %error.kind(), "a connection ended badly");
                                }
                            });
                        }
                        Err(_) => tracing::warn!(%peer, limit = CONNECTIONS, "connection refused: too many are open"),
                    },
                    // A client may be gone before it is accepted, or descriptors be short for a while.
                    Err(error) => {
                        tracing::warn!(kind = %error.kind(), "a connection could not be accepted");
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    }
                },
            }
        }
    }

    fn desk(&self) -> Desk {
        Desk {
            room: Arc::clone(&self.room),
            authenticator: Arc::clone(&self.authenticator),
            tls: self.tls.clone(),
            parser: Arc::clone(&self.parser),
            connections: Arc::clone(&self.connections),
            connection: Arc::default(),
        }
    }
}

// === Desk ===

/// What answers one connection.
#[derive(Clone)]
struct Desk {
    room: Arc<ReadingRoom>,
    authenticator: Arc<dyn Authenticator>,
    tls: Option<TlsAcceptor>,
    parser: Arc<PostgresCompatibilityParser>,
    connections: Arc<Connections>,
    connection: Arc<Connection>,
}

impl Desk {
    async fn attend(self, socket: TcpStream) -> io::Result<()> {
        let (socket, watched) = connection::twin(socket)?;
        let leaving = tokio::spawn(connection::end_when_client_leaves(watched, Arc::clone(&self.connection)));
        let (tls, connection, connections) =
            (self.tls.clone(), Arc::clone(&self.connection), Arc::clone(&self.connections));
        // Ends with the connection however this task ends.
        let _closing = connection::Closing { leaving: leaving.abort_handle(), connection, connections };
        process_socket(socket, tls, Arc::new(self)).await
    }
}

impl PgWireServerHandlers for Desk {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::new(self.clone())
    }
    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        Arc::new(self.clone())
    }
    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        Arc::new(self.clone())
    }
    fn error_handler(&self) -> Arc<impl ErrorHandler> {
        Arc::new(Mask)
    }
    fn cancel_handler(&self) -> Arc<impl CancelHandler> {
        Arc::clone(&self.connections)
    }
}

// === Mask ===

/// Lets no error out that this room did not word itself, save the protocol's own.
struct Mask;

impl ErrorHandler for Mask {
    fn on_error<C: ClientInfo>(&self, _: &C, error: &mut PgWireError) {
        if matches!(error, PgWireError::ApiError(_) | PgWireError::FailedToParseParameter(_)) {
            *error = refusal(&crate::QueryError::internal("postgres encoding"));
        }
    }
}

/// The one place where a statement's error becomes a PostgreSQL error.
fn refusal(error: &crate::QueryError) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".to_owned(), error.sqlstate().to_owned(), error.to_string())))
}

/// An error that ends the connection.
fn fatal(sqlstate: &str, message: String) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new("FATAL".to_owned(), sqlstate.to_owned(), message)))
}
