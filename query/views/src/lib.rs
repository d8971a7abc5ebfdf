//! The record store, the scan that takes a visibility, and the feed.
//!
//! A record is stored once. A facility's view of it is not a copy but a way of looking: a [`View`] joins the rows of
//! the [`Store`] with what `consent-filter` grants one principal, and its tables hold those rows and no others. The
//! [`Feeds`] say how a view changes.
//!
//! It is *not* a query engine: [`View::table`] gives tables to DataFusion, sessions and protocols are the reading
//! room's. And it decides nothing: only `consent-filter` says who sees what. There is no other way to rows:
//!
//! ```compile_fail
//! // A view is made by `Views::view`, for a principal, and by nothing else.
//! let view = views::View { ..todo!() };
//! ```
//!
//! The pipeline drives it in this order, for each batch of letters: `book.facts` → [`Store::put`] → `book.audience` →
//! [`Feeds::publish`] for records; `book.apply` → [`Feeds::splice`] → [`Store::keep_book_letter`] for the others; then
//! [`Store::publish`] and [`Feeds::published`]. About once a second [`Feeds::tick`], and [`Store::commit`] when
//! [`Store::commit_due`] says so, from a task of its own; [`Store::compact`] after some commits. At the start:
//! [`Store::open`], the recovered letters applied to the book, [`Views::new`], then the log from the recovered
//! frontier on.
//!
//! ```
//! use model::{Category, FacilityId, Frontier, Moment, Principal, Purpose, Role};
//! use parking_lot::RwLock;
//! use std::sync::Arc;
//! use views::{Feeds, Store, StoreConfig, Views};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let dir = tempfile::tempdir()?;
//! let (store, recovered) = Store::open(StoreConfig::in_dir(dir.path())).await?;
//! assert_eq!(recovered.frontier, Frontier::start());
//! let book = Arc::new(RwLock::new(consent_filter::Book::new()));
//! let views = Views::new(Arc::new(store), book.clone(), Feeds::new(book));
//! let nobody = Principal {
//!     facility: FacilityId::parse("sakura-clinic")?,
//!     member: None,
//!     role: Role::System,
//!     purpose: Purpose::Treatment,
//! };
//! let view = views.view(&nobody, Moment::parse("2026-04-01")?);
//! let table = view.table(Category::Laboratory);
//! assert_eq!(table.schema().field(0).name(), "source");
//! # Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod cold;
mod error;
mod feed;
mod files;
mod glance;
mod hidden;
mod hot;
mod index;
mod letters;
mod manifest;
mod opening;
mod planted;
mod rows;
mod scan;
mod store;
pub mod table;
#[cfg(test)]
mod testing;
mod view;
mod witness;

pub use consent_filter::{Acquaintance, Child};
pub use error::StoreError;
pub use feed::{
    Closing, FeedItem, FeedStart, Feeds, Passing, Past, Put, ResetReason, Subscription, TouchFeed, TouchedBy, Touches,
    Vanishing,
};
pub use glance::{Glance, Shown, ShownRow};
pub use hidden::{ConsentChanged, Pinned};
pub use letters::BookLetters;
pub use opening::{Opening, Taking};
pub use scan::Tally;
pub use store::{
    Committed, Compacted, ContentDigest, LoadedRow, Loader, PutOutcome, Recovered, StandingVersion, Store, StoreConfig,
};
pub use view::{View, Views};
pub use witness::{Account, Asked, Unwritten, Witness, Written};
