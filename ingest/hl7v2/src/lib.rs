//! HL7 v2 as it really comes.
//!
//! Bytes of a message become decoded text, the text becomes segments, fields and their parts, and a part becomes a
//! typed value where one is asked for. Nothing is copied but where text has to be decoded or unescaped, and nothing is
//! judged before somebody asks: a message with one bad date is still a message.
//!
//! Bytes are decoded *before* they are split. In ISO-2022-JP, 582 of the 6,879 characters of JIS X 0208 contain a
//! byte that is also a delimiter (東京都 has a `~`), and a parser that splits first cuts them in two.
//!
//! ```
//! use hl7v2::{Message, Options};
//! let bytes = b"MSH|^~\\&|LAB|HOSP|||20260401||ORU^R01|7|P|2.5\rPID|||0042^^^HOSP^PI||\xe9\x95\xb7\xe5\xb4\x8e^\xe8\x8a\xb1\rOBX|1|NM|718-7^Hb^LN||13.2|g/dL||||F";
//! let message = Message::parse(bytes, &Options::default())?;
//! let result = message.segment("OBX").ok_or("no OBX")?;
//! assert_eq!(result.field(5).nm()?.map(|number| number.value), Some(13.2));
//! assert_eq!(message.segment("PID").ok_or("no PID")?.field(5).component(1).text(), "長崎");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is wrong is a [`Fault`]: the place and the code that go into an `ERR` segment, and a rule. It never carries a
//! value, because a value is patient data. For the same reason `Debug` of a message or of a part shows places and
//! lengths only.
//!
//! The crate does no I/O and reads no clock. [`mllp`] cuts frames out of a stream, [`Ack`] writes the answers,
//! [`batch`] cuts files.

mod ack;
pub mod batch;
mod charset;
mod escape;
mod fault;
mod iso2022;
mod message;
pub mod mllp;
mod part;
mod syntax;
mod time;
mod types;
mod write;

pub use ack::{Ack, AckCode, Condition, Envelope, Mode};
pub use charset::Charset;
pub use escape::{escape, unescape};
pub use fault::{ErrorCode, Fault, Location};
pub use message::{LARGEST_MESSAGE, Message, Options, Segment, SegmentId};
pub use part::{Part, Parts};
pub use syntax::Syntax;
pub use time::{Precision, Ts};
pub use types::{Coded, Cx, Ei, Hd, Nm, Representation, Sn, Xad, Xcn, Xpn};
pub use write::Writer;
