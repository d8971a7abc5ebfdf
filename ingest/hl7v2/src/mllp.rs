//! The minimal lower layer protocol: messages in a stream of bytes, `VT message FS CR`.

use std::collections::VecDeque;

/// Begins a frame.
pub const START: u8 = 0x0b;
/// Ends a frame; a CR follows.
pub const END: u8 = 0x1c;
const CR: u8 = b'\r';

/// What came out of a stream.
#[derive(Clone, PartialEq, Eq)]
pub enum Frame {
    /// A whole message.
    Message(Vec<u8>),
    /// Bytes outside a frame, other than line ends, or a frame that another began in before it had ended; how many bytes.
    /// They are dropped.
    Lost(u64),
    /// A frame grew beyond the limit and was dropped; how many bytes it had, once it had ended. The beginning is kept, so
    /// that its sender can be told.
    TooLarge {
        /// Its first bytes: the header, as far as it is within.
        beginning: Vec<u8>,
        /// Its length.
        length: u64,
    },
}

/// Shows lengths only: what comes in is patient data.
impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Message(bytes) => write!(f, "Message({} bytes)", bytes.len()),
            Self::Lost(bytes) => write!(f, "Lost({bytes} bytes)"),
            Self::TooLarge { length, .. } => write!(f, "TooLarge({length} bytes)"),
        }
    }
}

/// How much of a frame that is too large is kept.
const BEGINNING: usize = 4096;

enum State {
    /// Between frames; so many bytes were there that belong to none.
    Outside { lost: u64 },
    /// In a frame.
    Inside(Vec<u8>),
    /// In a frame that is too large.
    Overflowing { beginning: Vec<u8>, length: u64 },
}

/// Cuts a stream into frames, however it is chopped up on its way. It never holds more than one frame's limit and what it
/// was just fed.
///
/// A CR after the end is not waited for: a sender that forgets it would wait for its answer for ever.
pub struct Decoder {
    state: State,
    limit: usize,
    ready: VecDeque<Frame>,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("ready", &self.ready.len()).finish_non_exhaustive()
    }
}

impl Decoder {
    /// A decoder of messages of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { state: State::Outside { lost: 0 }, limit, ready: VecDeque::new() }
    }

    /// Takes bytes in.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = match &mut self.state {
                State::Outside { lost } => {
                    let at = memchr::memchr(START, bytes).unwrap_or(bytes.len());
                    let (before, after) = bytes.split_at(at);
                    let noise = before.iter().filter(|b| !matches!(**b, CR | b'\n')).count();
                    *lost = lost.saturating_add(u64::try_from(noise).unwrap_or(u64::MAX));
                    match after.split_first() {
                        Some((_, inside)) => {
                            if *lost > 0 {
                                self.ready.push_back(Frame::Lost(*lost));
                            }
                            self.state = State::Inside(Vec::new());
                            inside
                        }
                        None => after,
                    }
                }
                State::Inside(message) => {
                    let at = memchr::memchr2(START, END, bytes).unwrap_or(bytes.len());
                    let (part, after) = bytes.split_at(at);
                    if message.len() + part.len() > self.limit {
                        let length = u64::try_from(message.len()).unwrap_or(u64::MAX);
                        message.extend_from_slice(part.get(..BEGINNING.min(part.len())).unwrap_or_default());
                        message.truncate(BEGINNING);
                        self.state = State::Overflowing { beginning: std::mem::take(message), length };
                        continue;
                    }
                    message.extend_from_slice(part);
                    match after.split_first() {
                        Some((&END, after)) => {
                            self.ready.push_back(Frame::Message(std::mem::take(message)));
                            self.state = State::Outside { lost: 0 };
                            after
                        }
                        // Its end was lost on the way; here the next one begins.
                        Some((_, after)) => {
                            self.ready.push_back(Frame::Lost(u64::try_from(message.len()).unwrap_or(u64::MAX)));
                            message.clear();
                            after
                        }
                        None => after,
                    }
                }
                State::Overflowing { beginning, length } => {
                    let at = memchr::memchr2(START, END, bytes).unwrap_or(bytes.len());
                    let (part, after) = bytes.split_at(at);
                    *length = length.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
                    match after.split_first() {
                        Some((&sign, after)) => {
                            let (beginning, length) = (std::mem::take(beginning), *length);
                            self.ready.push_back(Frame::TooLarge { beginning, length });
                            self.state =
                                if sign == END { State::Outside { lost: 0 } } else { State::Inside(Vec::new()) };
                            after
                        }
                        None => after,
                    }
                }
            };
        }
    }

    /// The next frame, when it is whole.
    pub fn next_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    /// Whether a frame has begun and not ended.
    pub fn is_inside(&self) -> bool {
        !matches!(self.state, State::Outside { .. })
    }
}

/// A message in its frame.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(message.len() + 3);
    framed.push(START);
    framed.extend_from_slice(message);
    framed.extend_from_slice(&[END, CR]);
    framed
}

#[cfg(test)]
mod tests;
