//! FHIRPath over FHIR JSON, and SQL-on-FHIR v2 ViewDefinitions: a resource goes in, rows come out.
//!
//! A [`View`] is read once, with its expressions; what is wrong in it is said by place and rule before any resource is seen.
//! Reading and evaluating are pure, and every step of them is bounded ([`limits`]): whoever writes a definition is not
//! trusted, nor is what the resources hold. Errors name places and rules, never a value of a resource.
//!
//! It knows FHIR's types by their names and not its structure definitions: the type of `value[x]` is read from the element's
//! name, of a date from a short table of elements, and of anything else from its JSON.
//!
//! ```
//! let view = fhirpath::View::read(r#"{
//!     "resource": "Patient",
//!     "select": [{"column": [{"name": "id", "path": "getResourceKey()"}]},
//!                {"forEach": "name.where(use = 'official')", "column": [{"name": "family", "path": "family", "type": "string"}]}]
//! }"#)?;
//! let patient = serde_json::json!({"resourceType": "Patient", "id": "p1", "name": [{"use": "official", "family": "長崎"}]});
//! let rows = view.rows(&patient)?;
//! assert_eq!(rows, [["Patient/p1", "長崎"].map(|text| fhirpath::Cell::Text(text.to_owned())).to_vec()]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod boundary;
mod error;
mod expression;
mod function;
mod lex;
pub mod limits;
mod meaning;
mod operator;
mod parse;
mod path;
mod temporal;
mod types;
mod value;
mod view;

pub use error::{EvaluationError, SyntaxError};
pub use temporal::{Precision, Temporal};
pub use view::{Cell, Column, DefinitionError, Kind, RowError, View};
