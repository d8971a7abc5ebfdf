//! One connection: whose it is, what it runs, and how that is ended from outside.

use super::settings::Settings;
use crate::session::Ending;
use async_trait::async_trait;
use datafusion_postgres::pgwire::api::cancel::CancelHandler;
use datafusion_postgres::pgwire::messages::cancel::CancelRequest;
use datafusion_postgres::pgwire::messages::startup::SecretKey;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

/// A connection's state.
#[derive(Default)]
pub(super) struct Connection {
    /// The token it was opened with, shown again for every statement.
    pub(super) token: OnceLock<String>,
    pub(super) settings: Mutex<Settings>,
    key: OnceLock<(i32, SecretKey)>,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    statements: Vec<Ending>,
    left: bool,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

impl Connection {
    /// The means to end the connection's next statement.
    pub(super) fn begin(&self) -> Ending {
        let ending = Ending::default();
        let mut running = self.running.lock();
        if running.left {
            ending.end();
        }
        running.statements.retain(|statement| !statement.over());
        running.statements.push(ending.clone());
        ending
    }
    fn end(&self) {
        for statement in self.running.lock().statements.drain(..) {
            statement.end();
        }
    }
    fn leave(&self) {
        self.running.lock().left = true;
        self.end();
    }
}

// === Connections ===

/// All connections, by the key a client was given to cancel with.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: Mutex<HashMap<i32, (SecretKey, Arc<Connection>)>>,
}

impl Connections {
    pub(super) fn open(&self, pid: i32, key: SecretKey, connection: &Arc<Connection>) {
        let _ = connection.key.set((pid, key.clone()));
        self.open.lock().insert(pid, (key, Arc::clone(connection)));
    }
}

#[async_trait]
impl CancelHandler for Connections {
    async fn on_cancel_request(&self, request: CancelRequest) {
        let open = self.open.lock();
        if let Some((key, connection)) = open.get(&request.pid)
            && key.to_bytes() == request.secret_key.to_bytes()
        {
            connection.end();
        }
    }
}

// === Closing ===

/// What remains to be done when a connection ends.
pub(super) struct Closing {
    pub(super) leaving: AbortHandle,
    pub(super) connection: Arc<Connection>,
    pub(super) connections: Arc<Connections>,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.leaving.abort();
        self.connection.leave();
        if let Some((pid, _)) = self.connection.key.get() {
            self.connections.open.lock().remove(pid);
        }
    }
}

/// A second handle on a socket, to watch it while the protocol waits for a statement and does not read.
///
/// # Errors
/// When the operating system gives no second descriptor.
pub(super) fn twin(socket: TcpStream) -> io::Result<(TcpStream, TcpStream)> {
    let socket = socket.into_std()?;
    let twin = socket.try_clone()?;
    Ok((TcpStream::from_std(socket)?, TcpStream::from_std(twin)?))
}

/// Ends the connection's statements when its client closes or dies, which a long statement would otherwise not notice
/// before it writes its first row.
pub(super) async fn end_when_client_leaves(socket: TcpStream, connection: Arc<Connection>) {
    loop {
        match socket.ready(Interest::READABLE).await {
            Ok(ready) if !ready.is_read_closed() => {
                // Readiness is per event; without this the same event would be seen again at once.
                let _ = socket.try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
            }
            _ => return connection.leave(),
        }
    }
}
