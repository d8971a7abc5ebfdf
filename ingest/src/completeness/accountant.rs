//! Notes for the account of the feeds, written together.
//!
//! Sixty senders that each wait for an answer would be sixty small writes, and two of them for every message. What comes while
//! one write is under way goes together into the next.

use super::book::{FeedBook, FeedError, Note};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Writes notes into a [`FeedBook`].
#[derive(Debug)]
pub(crate) struct Accountant {
    book: Arc<FeedBook>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    notes: Vec<Note>,
    told: Vec<oneshot::Sender<Result<(), FeedError>>>,
    /// Somebody writes, and will look again before leaving.
    writing: bool,
}

impl Accountant {
    pub(crate) fn new(book: Arc<FeedBook>) -> Arc<Self> {
        Arc::new(Self { book, waiting: Mutex::default() })
    }

    pub(crate) fn book(&self) -> &Arc<FeedBook> {
        &self.book
    }

    /// Notes items; they are written when it returns.
    pub(crate) async fn note(self: &Arc<Self>, note: Note) -> Result<(), FeedError> {
        let (tell, told) = oneshot::channel();
        let leads = {
            let mut waiting = self.waiting.lock();
            waiting.notes.push(note);
            waiting.told.push(tell);
            !std::mem::replace(&mut waiting.writing, true)
        };
        if leads {
            let writer = Writer { accountant: Arc::clone(self), done: false };
            tokio::task::spawn_blocking(move || writer.run());
        }
        told.await.unwrap_or_else(|_| Err(FeedError::stopped()))
    }
}

/// Whoever writes. However it ends, the next note finds nobody writing.
struct Writer {
    accountant: Arc<Accountant>,
    /// It has handed over: whoever writes now is another.
    done: bool,
}

impl Writer {
    fn run(mut self) {
        loop {
            let (notes, told) = {
                let mut waiting = self.accountant.waiting.lock();
                if waiting.notes.is_empty() {
                    waiting.writing = false;
                    self.done = true;
                    return;
                }
                (std::mem::take(&mut waiting.notes), std::mem::take(&mut waiting.told))
            };
            let written = self.accountant.book.write(&notes);
            for tell in told {
                // Whoever does not wait any longer need not know.
                let _gone = tell.send(written.clone());
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // After a panic, or when the runtime ends: nobody will write what is left, and who waits is told.
        if !self.done {
            *self.accountant.waiting.lock() = Waiting::default();
        }
    }
}
