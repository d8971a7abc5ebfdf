//! `ajisai.v1.QueryService` and `ajisai.v1.FeedService`.

mod query;

pub use query::QueryDesk;
