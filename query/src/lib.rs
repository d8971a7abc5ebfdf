//! The reading room: SQL over one facility's view, by Flight SQL, the PostgreSQL protocol and gRPC.
//!
//! One session has one principal; each statement sees one catalogue, made from one view, and nothing outside it
//! exists: not as a row, a count, a name, a plan or an error. Statements only read. Each is held to its own time,
//! memory and seat, on threads of the room's own, so that none hurts another or the pipeline.
//!
//! This room decides nothing about visibility: it takes views as [`ViewSource`] hands them out, and has no other way
//! to a row. It authenticates nobody either: principals come from the hall's identity layer (in a request's
//! extensions, or through an [`Authenticator`] where the password is a token).

pub mod beds;
mod catalogue;
mod definition;
mod diabetes;
mod error;
mod executor;
mod feeds;
mod flight;
mod freshness;
mod functions;
mod grpc;
mod lab;
mod limits;
mod perinatal;
mod postgres;
mod principal;
mod session;
mod standard;
mod told;

pub use beds::bed_table_columns;
pub use catalogue::{CATALOG, OpenView, SCHEMA, ViewSource, category_of};
pub use definition::{Defined, DefinitionFault, Definitions, Meaning, NamedCohort};
pub use diabetes::{Benchmark, PersonFacts, Persons, PersonsRead, Published, diabetes_columns};
pub use error::QueryError;
pub use executor::Executor;
pub use feeds::feed_columns;
pub use flight::FlightDesk;
pub use freshness::{AtLeast, frontier_text};
pub use grpc::{FeedDesk, QueryDesk};
pub use lab::{SiteSource, laboratory_columns};
pub use limits::Limits;
pub use perinatal::perinatal_table_columns;
pub use postgres::{PostgresDesk, PostgresError};
pub use principal::{AuthError, Authenticator};
pub use session::{Answer, AnswerRows, Door, Ending, Reading, ReadingRoom, Statement};
pub use standard::{StandardView, ViewFault};
