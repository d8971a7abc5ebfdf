//! Answers that go on: one JSON object a line.

use crate::region::{Region, physician};
use axum::body::BodyDataStream;
use futures::StreamExt;
use serde_json::Value;
use std::time::Duration;

/// The lines of one watch.
pub struct Lines {
    pub body: BodyDataStream,
    rest: Vec<u8>,
}

impl Lines {
    pub async fn of(region: &Region, path: &str, facility: &str) -> Self {
        let response = region.get(path, Some(&physician(facility))).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { body: response.into_body().into_data_stream(), rest: Vec::new() }
    }

    pub async fn next(&mut self) -> Value {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return serde_json::from_slice(&line).unwrap();
            }
            let piece = tokio::time::timeout(Duration::from_secs(10), self.body.next()).await;
            self.rest.extend_from_slice(&piece.unwrap().unwrap().unwrap());
        }
    }
}
