//! Sealed letters: key, bytes, position. One trait, [`EventLog`], and three implementations that
//! pass one contract suite: [`embedded`] (the default, where there is no broker), `kafka`, and
//! [`memory`] (for simulations; the node never uses it).
//!
//! The log is the system's one history. It acknowledges after durability and promises nothing more:
//! it does not read payloads, does not de-duplicate, and knows neither consent nor clinical meaning.
//! A letter is placed by its key, so all letters of one patient ref share one partition and one order.
//!
//! ```
//! use event_log::{EventLog, Letter, MemoryLog, PartitionKey, ReadLimit};
//! use std::{num::NonZeroU32, time::Duration};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let log = MemoryLog::new(NonZeroU32::MIN);
//! let letter = Letter { key: PartitionKey::Control, event: 7, trace: None, payload: "sealed".into() };
//! let positions = log.append(vec![letter]).await?;
//! assert_eq!(positions, [model::Position::new(0, 0)]);
//!
//! let at = positions[0];
//! let read = log.read(at.partition, at.offset, ReadLimit::default(), Duration::ZERO).await?;
//! assert_eq!(read[0].letter.payload, "sealed");
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clock;
pub mod embedded;
#[cfg(feature = "kafka")]
pub mod kafka;
mod letter;
mod log;
pub mod memory;
mod metrics;
mod tail;
mod trace;

pub use clock::Clock;
pub use embedded::{EmbeddedConfig, EmbeddedLog, OpenError};
#[cfg(feature = "kafka")]
pub use kafka::{KafkaConfig, KafkaLog};
pub use letter::{Letter, PartitionKey, ReadLimit, Stored};
pub use log::{AppendError, EventLog, ReadError, partition_of};
pub use memory::MemoryLog;
pub use tail::tail;
pub use trace::{TraceContext, TraceContextError};
