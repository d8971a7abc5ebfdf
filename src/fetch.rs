//! One GET of a small text.

use crate::identity::tls;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use std::path::Path;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

/// The largest answer that is read, in bytes: real key sets are a hundredth of it.
const LARGEST: usize = 256 * 1024;

/// One GET; `ca` is what an `https` address is checked against. Redirects are not followed: the address that was configured is the one that is trusted.
pub(crate) async fn fetch(url: &str, ca: &Path) -> Result<String, String> {
    let uri: http::Uri = url.parse().map_err(|_| "it is not a URL".to_owned())?;
    let host = uri.host().ok_or_else(|| "it has no host".to_owned())?;
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = TcpStream::connect((bare.as_str(), port)).await.map_err(|error| error.to_string())?;
    if !secure {
        return get(stream, &uri, host).await;
    }
    let config = tls::client_config(ca).map_err(|error| error.to_string())?;
    let name = ServerName::try_from(bare).map_err(|error| error.to_string())?;
    let connector = tokio_rustls::TlsConnector::from(config);
    let stream = connector.connect(name, stream).await.map_err(|error| error.to_string())?;
    get(stream, &uri, host).await
}

async fn get(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    uri: &http::Uri,
    host: &str,
) -> Result<String, String> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let _driver = AbortOnDropHandle::new(tokio::spawn(async move {
        // Its error also ends the request below, where it is told.
        let _ = connection.await;
    }));
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let host = uri.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let request = http::Request::get(path)
        .header(http::header::HOST, host)
        .header(http::header::ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    if response.status() != http::StatusCode::OK {
        return Err(format!("it answered {}", response.status()));
    }
    let body = Limited::new(response.into_body(), LARGEST).collect().await.map_err(|error| error.to_string())?;
    String::from_utf8(body.to_bytes().to_vec()).map_err(|_| "its answer is not text".to_owned())
}
