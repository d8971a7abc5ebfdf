//! Connections of every listener: TLS by one configuration, and with each the facts that identify its caller.

use super::certificate::{CertificateError, facility_of};
use futures::Stream;
use model::FacilityId;
use rustls::ServerConfig;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::task::AbortOnDropHandle;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at once: those who begin one and do not finish must not keep others out for long.
const HANDSHAKES: usize = 256;
/// Rest after an accept that failed, which is mostly for want of file descriptors.
const REST: Duration = Duration::from_millis(100);

/// What a connection says of its caller. In a request's extensions, put there by the listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Their address.
    pub peer: SocketAddr,
    /// What the transport proves.
    pub transport: Transport,
}

/// What the transport proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// Nothing but that they are on this machine.
    Loopback,
    /// TLS, with or without a client certificate.
    Tls(ClientCertificate),
}

/// A client certificate that the handshake verified against the CA, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCertificate {
    /// None was shown.
    Absent,
    /// It names this facility.
    Facility(FacilityId),
    /// It is trusted but names no facility: no token makes up for that.
    Unusable(CertificateError),
}

/// One connection, ready to be served.
#[derive(Debug)]
pub struct Connection {
    caller: Caller,
    io: Io,
}

#[derive(Debug)]
enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The connections of one listener, for tonic (a stream) and for axum (a listener). Dropping it closes the listener.
#[derive(Debug)]
pub struct Connections {
    ready: mpsc::Receiver<Connection>,
    address: SocketAddr,
    _accepting: AbortOnDropHandle<()>,
}

// === impl Connections ===

impl Connections {
    /// Begins to accept. Without TLS only callers on this machine are let in, whatever the listener's address.
    ///
    /// # Errors
    /// When the listener has no address.
    pub fn open(listener: TcpListener, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, ready) = mpsc::channel(64);
        let accepting = AbortOnDropHandle::new(tokio::spawn(accept(listener, tls.map(TlsAcceptor::from), sender)));
        Ok(Self { ready, address, _accepting: accepting })
    }
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, ready: mpsc::Sender<Connection>) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        // Answers are small and awaited: do not gather them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY not set");
        }
        let Some(tls) = &tls else {
            if !peer.ip().to_canonical().is_loopback() {
                tracing::warn!(%peer, "plaintext connection from another machine closed");
                continue;
            }
            let caller = Caller { peer, transport: Transport::Loopback };
            if ready.send(Connection { caller, io: Io::Plain(stream) }).await.is_err() {
                return;
            }
            continue;
        };
        let Ok(permit) = handshakes.clone().acquire_owned().await else { return };
        let (tls, ready) = (tls.clone(), ready.clone());
        tokio::spawn(async move {
            let _permit = permit;
            match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let caller = Caller { peer, transport: Transport::Tls(certificate(&stream)) };
                    // The listener is gone: so is the reason to serve.
                    let _ = ready.send(Connection { caller, io: Io::Tls(Box::new(stream)) }).await;
                }
                Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
                Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
            }
        });
    }
}

fn certificate(stream: &TlsStream<TcpStream>) -> ClientCertificate {
    let (_, session) = stream.get_ref();
    match session.peer_certificates().and_then(<[_]>::first) {
        None => ClientCertificate::Absent,
        Some(der) => match facility_of(der) {
            Ok(facility) => ClientCertificate::Facility(facility),
            Err(fault) => ClientCertificate::Unusable(fault),
        },
    }
}

impl Stream for Connections {
    type Item = io::Result<Connection>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.ready.poll_recv(cx).map(|connection| connection.map(Ok))
    }
}

impl axum::serve::Listener for Connections {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => {
                let peer = connection.caller.peer;
                (connection, peer)
            }
            // The accepting task ends only with this value.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}

// === impl Connection ===

impl Connection {
    /// What it says of its caller.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl tonic::transport::server::Connected for Connection {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.caller.clone()
    }
}

impl axum::extract::connect_info::Connected<axum::serve::IncomingStream<'_, Connections>> for Caller {
    fn connect_info(stream: axum::serve::IncomingStream<'_, Connections>) -> Self {
        stream.io().caller.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Io::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Io::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Io::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }
    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Plain(stream) => stream.is_write_vectored(),
            Io::Tls(stream) => stream.is_write_vectored(),
        }
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Io::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Io::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
