//! An SS-MIX2 storage as a way in: a tree of files, one HL7 message each, which a hospital's systems write and rename.
//!
//! ```text
//! <root>/<first 3>/<next 3>/<patient>/<date | ->/<type>/<patient>_<date>_<type>_<order>_<timestamp>_<department>_<flag>
//! ```
//!
//! The storage is mutable by rename: a new version turns the old file's flag from `1` to `2`, a deletion turns all to `0`.
//! So the tree is never trusted to say *what happened*; it is compared with what was taken of it. Whatever says that
//! something happened (a journal, a watch, the clock) makes one thing happen: a folder is [looked](look) at, and what is new in it
//! goes to a [`Taker`], in the order in which files replace each other.
//!
//! - [`FileName`], [`place()`]: the grammar of a path, parsed into what it means. A fault says which part, and never the path.
//! - [`Kind`], [`MESSAGES`]: the 26 data types and 36 kinds of message, and what becomes of each.
//! - [`step`]: what a file does to what its place last stated.
//! - [`Sweeper`]: the first load, and every later sweep. [`Follower`]: everything after.
//! - [`Cursor`]: what was taken, durably.
//!
//! A path names a patient. It stands in no log and no error; [`FileName::origin`] is what may be said.

mod cursor;
mod diet;
mod folder;
mod follow;
mod intake;
mod kind;
mod messages;
mod name;
mod place;
mod plan;
mod slot;
mod survey;
mod sweep;
mod transactions;
mod watch;

pub use cursor::{Changes, Cursor, CursorError, FileKey, Outcome, Print, Seen};
pub use folder::{Body, Folder, Found, Known, LookError, Nothing, Reading, Volume, look};
pub use follow::{Follower, Following, Report};
pub use intake::{Counts, Intake};
pub use kind::{DataType, ExtendedKind, Kind, MESSAGES, MessageKind, Treatment};
pub use messages::{Messages, OtherPatient, states};
pub use name::{Condition, FileName, NameError, OrderNumber, Part};
pub use place::{Level, PathError, place};
pub use plan::{Interpreter, Said};
pub use slot::{Slot, State, Stated, Step, step, withdrawal};
pub use survey::{Day, Survey, SurveyError, note, survey};
pub use sweep::{Hint, Progress, Sweeper, Swept, TakeError, Taker};
pub use transactions::{Transactions, named_in};

#[cfg(test)]
mod tests;
