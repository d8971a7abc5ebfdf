//! Tables that a facility defines itself: SQL-on-FHIR ViewDefinitions over its records' FHIR form.
//!
//! Like what `lab` reads, they are made of the tables of the statement's own view, batch by batch as they are read, and have no
//! other way to a row: isolation, withdrawals and the tally hold without being asked again, and nothing of them is kept.

mod cells;
mod exec;
mod table;

pub(crate) use exec::MAKES;
pub(crate) use table::OwnTables;

use crate::catalogue;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use fhirpath::{DefinitionError, View};
use model::{Category, DefinitionName};
use std::sync::Arc;

/// Why a ViewDefinition is no table here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewFault {
    /// The definition cannot be read.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// No record takes the form of this resource type.
    #[error("resource: no record here takes the form of that type; those are {}", forms())]
    NoForm,
    /// Something of that name is there for everybody.
    #[error("`name`: `{name}` is there already, for everybody; choose another")]
    Taken {
        /// The name.
        name: String,
    },
}

fn forms() -> String {
    fhir_form::TYPES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// A ViewDefinition as a table.
#[derive(Debug)]
pub struct StandardView {
    name: DefinitionName,
    view: View,
    categories: &'static [Category],
    schema: SchemaRef,
}

impl StandardView {
    /// Reads a ViewDefinition that is to be the table `name`.
    ///
    /// # Errors
    /// With the place in the definition and the rule; and where the table cannot be made, or not under that name.
    pub fn read(name: &DefinitionName, text: &str) -> Result<Self, ViewFault> {
        if catalogue::is_taken(name.as_str()) {
            return Err(ViewFault::Taken { name: name.to_string() });
        }
        let view = View::read(text)?;
        let categories = fhir_form::categories(view.resource()).ok_or(ViewFault::NoForm)?;
        let fields: Vec<_> = view.columns().iter().map(cells::field).collect();
        Ok(Self { name: name.clone(), view, categories, schema: Arc::new(Schema::new(fields)) })
    }
    /// The table's name.
    pub fn name(&self) -> &DefinitionName {
        &self.name
    }
    /// The ViewDefinition.
    pub fn view(&self) -> &View {
        &self.view
    }
    /// The table's columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
}
