//! `ajisai.v1.QueryService` and `ajisai.v1.FeedService`.

mod feed;
mod query;

pub use feed::FeedDesk;
pub use query::QueryDesk;
