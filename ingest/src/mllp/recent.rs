//! What was answered lately.

use hl7v2::Ack;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};

/// How many messages are remembered. Beyond them the ids of events say that a message is known.
const MOST: usize = 10_000;

/// Answers by the digest of who sent what. It saves a second look, and a second copy in quarantine.
pub(super) struct Recent(Mutex<Held>);

#[derive(Default)]
struct Held {
    answers: HashMap<u128, Ack>,
    order: VecDeque<u128>,
}

impl Recent {
    pub fn new() -> Self {
        Self(Mutex::default())
    }
    pub fn get(&self, digest: u128) -> Option<Ack> {
        self.0.lock().answers.get(&digest).cloned()
    }
    pub fn put(&self, digest: u128, answer: Ack) {
        let mut held = self.0.lock();
        if held.answers.insert(digest, answer).is_none() {
            held.order.push_back(digest);
        }
        if held.order.len() > MOST
            && let Some(oldest) = held.order.pop_front()
        {
            held.answers.remove(&oldest);
        }
    }
}
