//! As much of a PostgreSQL client as these tests need.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub struct Client {
    socket: TcpStream,
    pub parameters: Vec<(String, String)>,
    pub key: (i32, Vec<u8>),
}

#[derive(Debug, PartialEq, Eq)]
pub struct PgError {
    pub severity: String,
    pub sqlstate: String,
    pub message: String,
}

pub type Rows = Vec<Vec<Option<String>>>;

fn message(kind: Option<u8>, body: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = kind.into_iter().collect();
    bytes.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

fn texts(parts: &[&str]) -> Vec<u8> {
    parts.iter().flat_map(|part| part.bytes().chain([0])).collect()
}

impl Client {
    pub async fn connect(address: SocketAddr, token: &str) -> Result<Self, PgError> {
        Self::connect_with(address, token, &["user", "shown", "database", "ajisai"]).await
    }

    pub async fn connect_with(address: SocketAddr, token: &str, parameters: &[&str]) -> Result<Self, PgError> {
        let socket = TcpStream::connect(address).await.unwrap();
        let mut client = Self { socket, parameters: Vec::new(), key: (0, Vec::new()) };
        let mut startup = 196_608u32.to_be_bytes().to_vec();
        startup.extend(texts(parameters));
        startup.push(0);
        client.socket.write_all(&message(None, &startup)).await.unwrap();
        let (kind, _) = client.read().await;
        assert_eq!(kind, b'R', "a password is asked for");
        client.socket.write_all(&message(Some(b'p'), &texts(&[token]))).await.unwrap();
        client.until_ready().await.map(|_| client)
    }

    pub async fn send(&mut self, sql: &str) {
        self.socket.write_all(&message(Some(b'Q'), &texts(&[sql]))).await.unwrap();
    }

    pub async fn query(&mut self, sql: &str) -> Result<Rows, PgError> {
        self.send(sql).await;
        self.until_ready().await
    }

    /// The one value of the one row.
    pub async fn value(&mut self, sql: &str) -> String {
        let rows = self.query(sql).await.unwrap();
        assert_eq!((rows.len(), rows[0].len()), (1, 1), "{sql} gives one value");
        rows[0][0].clone().unwrap()
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub async fn until_ready(&mut self) -> Result<Rows, PgError> {
        let (mut rows, mut error) = (Rows::new(), None);
        loop {
            let (kind, body) = self.read().await;
            match kind {
                b'D' => rows.push(row(&body)),
                b'S' => {
                    let parts = strings(&body);
                    self.parameters.push((parts[0].clone(), parts[1].clone()));
                }
                b'K' => {
                    self.key = (i32::from_be_bytes(body[..4].try_into().unwrap()), body[4..].to_vec());
                }
                b'E' => {
                    let part = |code: char| {
                        let fields = strings(&body);
                        fields.iter().find_map(|f| f.strip_prefix(code).map(str::to_owned)).unwrap_or_default()
                    };
                    let found = PgError { severity: part('S'), sqlstate: part('C'), message: part('M') };
                    if found.severity == "FATAL" {
                        return Err(found);
                    }
                    error = Some(found);
                }
                b'Z' => return error.map_or(Ok(rows), Err),
                _ => {}
            }
        }
    }

    async fn read(&mut self) -> (u8, Vec<u8>) {
        let kind = self.socket.read_u8().await.unwrap();
        let length = self.socket.read_u32().await.unwrap() as usize - 4;
        let mut body = vec![0; length];
        self.socket.read_exact(&mut body).await.unwrap();
        (kind, body)
    }

    /// Asks, on a connection of its own as the protocol has it, that this connection's statement be ended.
    pub async fn cancel(address: SocketAddr, key: &(i32, Vec<u8>)) {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let mut body = 80_877_102u32.to_be_bytes().to_vec();
        body.extend_from_slice(&key.0.to_be_bytes());
        body.extend_from_slice(&key.1);
        socket.write_all(&message(None, &body)).await.unwrap();
        let _ = socket.read(&mut [0; 16]).await;
    }
}

fn strings(body: &[u8]) -> Vec<String> {
    body.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

fn row(mut body: &[u8]) -> Vec<Option<String>> {
    let mut take = |length: usize| {
        let (head, tail) = body.split_at(length);
        body = tail;
        head
    };
    let count = u16::from_be_bytes(take(2).try_into().unwrap());
    let mut values = Vec::new();
    for _ in 0..count {
        let length = i32::from_be_bytes(take(4).try_into().unwrap());
        let value = usize::try_from(length).ok().map(|length| String::from_utf8_lossy(take(length)).into_owned());
        values.push(value);
    }
    values
}
