//! One connection.

use super::{Line, Shared, Speaker};
use hl7v2::mllp::{Decoder, Frame};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// A client that has not finished its handshake by then has gone.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// What is read at once.
const CHUNK: usize = 64 << 10;

/// Serves a connection to its end.
pub(super) async fn run(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    shared: &Shared,
    stopped: watch::Receiver<bool>,
) {
    // Answers are small and waited for.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "an MLLP connection keeps its delay");
    }
    shared.metrics.connected();
    let ended = match acceptor {
        None => match line_of(shared, None) {
            Some(line) => Connection { stream, line, shared }.serve(stopped).await,
            None => Ok(()),
        },
        Some(acceptor) => match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let certificate =
                    stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).map(|der| der.to_vec());
                match line_of(shared, certificate.as_deref()) {
                    Some(line) => Connection { stream, line, shared }.serve(stopped).await,
                    None => {
                        tracing::warn!(
                            "an MLLP client's certificate names no facility with a line here; it is turned away"
                        );
                        Ok(())
                    }
                }
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "the TLS handshake took too long")),
        },
    };
    if let Err(error) = ended {
        tracing::info!(%error, "an MLLP connection broke off");
    }
    shared.metrics.disconnected();
}

fn line_of<'s>(shared: &'s Shared, certificate: Option<&[u8]>) -> Option<&'s Line> {
    let facility = match &shared.settings.speaker {
        Speaker::Port(facility) => facility.clone(),
        Speaker::Certificate(facility_of) => facility_of(certificate?)?,
    };
    shared.lines.get(&facility)
}

/// Ends when the listener stops, or is gone.
async fn stop(stopped: &mut watch::Receiver<bool>) {
    // The value is looked at inside; what is borrowed of it must not be held.
    let _ = stopped.wait_for(|stopped| *stopped).await.map(|_| ());
}

/// A connection whose facility is known.
struct Connection<'s, S> {
    stream: S,
    line: &'s Line,
    shared: &'s Shared,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    /// Reads, takes, answers, until the sender closes, falls silent, or the listener stops.
    async fn serve(mut self, mut stopped: watch::Receiver<bool>) -> std::io::Result<()> {
        let settings = &self.shared.settings;
        let mut decoder = Decoder::new(settings.largest);
        let mut chunk = vec![0; CHUNK];
        let mut stopping = *stopped.borrow();
        while !stopping {
            let read = tokio::select! {
                biased;
                () = stop(&mut stopped) => {
                    stopping = true;
                    // What lies in the socket already may be whole messages: one more look, without waiting.
                    match tokio::time::timeout(Duration::ZERO, self.stream.read(&mut chunk)).await {
                        Ok(read) => read?,
                        Err(_) => 0,
                    }
                }
                read = tokio::time::timeout(settings.idle, self.stream.read(&mut chunk)) => match read {
                    Ok(read) => read?,
                    Err(_) => {
                        tracing::info!(seconds = settings.idle.as_secs(), "a silent MLLP connection is closed");
                        0
                    }
                }
            };
            decoder.feed(chunk.get(..read).unwrap_or_default());
            loop {
                let frames: Vec<Frame> =
                    std::iter::from_fn(|| decoder.next_frame()).take(settings.most_together.max(1)).collect();
                if frames.is_empty() {
                    break;
                }
                let answers = self.shared.taker.take(self.line, frames).await;
                self.stream.write_all(&answers).await?;
                self.stream.flush().await?;
            }
            if read == 0 {
                break;
            }
        }
        if decoder.is_inside() {
            self.shared.metrics.cut_off();
        }
        self.stream.shutdown().await
    }
}
