//! The door: events in, acknowledgements out.
//!
//! gRPC, and every adapter beside it, comes through [`Admission`]: parse, authorise, de-duplicate, append,
//! acknowledge. It acknowledges after durability and promises no more; what becomes visible to whom is decided
//! elsewhere. The same event sent twice is one event. What is refused is named by field and rule, kept in
//! [quarantine](Quarantine), and can be sent again.
//!
//! The door does not know views or the conscience. What it must know of the directory to say who may change what,
//! it asks of a [`Book`].

mod admission;
mod authority;
mod book;
pub mod completeness;
mod door;
pub mod edge;
mod error;
pub mod fhir;
pub mod hl7;
mod interval;
mod metrics;
pub mod mllp;
mod pregnancy;
mod quarantine;
pub mod recording;
mod refusal;
mod replay;
mod seen;
pub mod service;
pub mod ss_mix2;
#[cfg(test)]
mod tests;
pub mod watch;

pub use admission::{Admission, Answer, Incoming, LARGEST_EVENT, Settings};
pub use book::{Book, ConsentQuery, ConsentReader, DirectoryReader, GlassStanding, Standing};
pub use door::{Door, DoorError, LocalDoor, Published, Step};
pub use error::{AdmissionError, OpenError};
pub use quarantine::{Aside, Form, Quarantine, QuarantineError, QuarantineSize, RefusedCount};
pub use refusal::{Refusal, RefusalReason};
pub use replay::Replayer;
