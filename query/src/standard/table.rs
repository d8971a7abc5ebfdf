//! A facility's own tables over one view.

use super::StandardView;
use super::exec::{MakeExec, Making};
use crate::definition::{Definitions, Meaning};
use async_trait::async_trait;
use clinical::diabetes::Thresholds;
use clinical::perinatal::PerinatalTables;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::union::UnionExec;
use model::{Category, DefinitionKind, DefinitionName, FacilityId};
use std::fmt;
use std::sync::Arc;

/// What a facility has defined, tables and limits, as it holds when a statement begins.
#[derive(Debug, Clone)]
pub(crate) struct OwnTables {
    facility: FacilityId,
    definitions: Arc<Definitions>,
}

impl OwnTables {
    pub(crate) fn of(facility: FacilityId, definitions: Arc<Definitions>) -> Self {
        Self { facility, definitions }
    }

    /// Whose they are, and all that is defined.
    pub(crate) fn defined(&self) -> (FacilityId, Arc<Definitions>) {
        (self.facility.clone(), Arc::clone(&self.definitions))
    }
    /// Whose they are.
    pub(crate) fn facility(&self) -> &FacilityId {
        &self.facility
    }
    /// The facility's own limits of diabetes care, where it has stated any.
    pub(crate) fn thresholds(&self) -> Option<&Arc<Thresholds>> {
        self.definitions.thresholds(&self.facility)
    }

    /// The perinatal tables that hold at the facility.
    pub(crate) fn perinatal(&self) -> Arc<PerinatalTables> {
        self.definitions.perinatal(&self.facility)
    }

    /// Their names and columns.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &SchemaRef)> {
        let defined = self.definitions.of(&self.facility, DefinitionKind::View);
        defined.filter_map(|defined| match defined.meaning()? {
            Meaning::View(view) => Some((view.name().as_str(), view.schema())),
            _ => None,
        })
    }

    /// What the table of that name is.
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<StandardView>> {
        let name = DefinitionName::parse(name).ok()?;
        match self.definitions.get(&self.facility, DefinitionKind::View, &name)?.meaning()? {
            Meaning::View(view) => Some(view),
            _ => None,
        }
    }

    /// The table of that name, made of the tables that `of` gives.
    pub(crate) fn table(
        &self,
        name: &str,
        of: impl Fn(Category) -> Arc<dyn TableProvider>,
    ) -> Option<Arc<dyn TableProvider>> {
        let view = Arc::clone(self.get(name)?);
        let rows = view.categories.iter().map(|category| (*category, of(*category))).collect();
        Some(Arc::new(OwnTable { view, rows, facility: self.facility.clone() }))
    }
}

/// One of them.
struct OwnTable {
    view: Arc<StandardView>,
    rows: Vec<(Category, Arc<dyn TableProvider>)>,
    facility: FacilityId,
}

impl fmt::Debug for OwnTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnTable")
    }
}

#[async_trait]
impl TableProvider for OwnTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.view.schema())
    }
    fn table_type(&self) -> TableType {
        TableType::Base
    }
    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = || (0..self.view.schema().fields().len()).collect();
        let columns: Vec<usize> = projection.cloned().unwrap_or_else(all);
        let schema = Arc::new(self.view.schema().project(&columns)?);
        let columns: Arc<[usize]> = columns.into();
        let mut plans: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        for (category, rows) in &self.rows {
            // An expression may ask for anything of a resource, so the whole row is read.
            let rows = rows.scan(state, None, &[], None).await?;
            let making = Making {
                view: Arc::clone(&self.view),
                category: *category,
                facility: self.facility.clone(),
                columns: Arc::clone(&columns),
                schema: Arc::clone(&schema),
            };
            plans.push(Arc::new(MakeExec::new(rows, making)));
        }
        match (plans.pop(), plans.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(last), false) => {
                plans.push(last);
                UnionExec::try_new(plans)
            }
            (None, _) => UnionExec::try_new(plans),
        }
    }
}
