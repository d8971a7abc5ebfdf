//! A facility's own tables over one view.

use super::StandardView;
use super::exec::{MakeExec, Making};
use crate::definition::{Definitions, Meaning};
use async_trait::async_trait;
use clinical::diabetes::Thresholds;
use clinical::perinatal::PerinatalTables;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType, col, lit};
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
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // they only spare reading; the rows that are made are filtered again above
        let of = |filter: &&Expr| match whose(&self.view, filter) {
            Some(_) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(of).collect())
    }
    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = || (0..self.view.schema().fields().len()).collect();
        let columns: Vec<usize> = projection.cloned().unwrap_or_else(all);
        let schema = Arc::new(self.view.schema().project(&columns)?);
        let columns: Arc<[usize]> = columns.into();
        let wanted: Vec<Expr> = filters.iter().filter_map(|filter| whose(&self.view, filter)).flatten().collect();
        let mut plans: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        for (category, rows) in &self.rows {
            // An expression may ask for anything of a resource, so the whole row is read.
            let rows = rows.scan(state, None, &wanted, None).await?;
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

/// What a filter that names patients by their keys leaves of the records: their sources and their numbers there. `None` where it does not
/// name them, or one in a way that no record is found by.
fn whose(view: &StandardView, filter: &Expr) -> Option<[Expr; 2]> {
    let keys = match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => match (left.as_ref(), right.as_ref()) {
            (Expr::Column(column), Expr::Literal(value, _)) | (Expr::Literal(value, _), Expr::Column(column)) => {
                is_patient(view, &column.name).then(|| vec![value])?
            }
            _ => return None,
        },
        Expr::InList(list) if !list.negated => {
            let Expr::Column(column) = list.expr.as_ref() else { return None };
            let values = list.list.iter().map(|item| match item {
                Expr::Literal(value, _) => Some(value),
                _ => None,
            });
            is_patient(view, &column.name).then(|| values.collect::<Option<Vec<_>>>())??
        }
        _ => return None,
    };
    let of = |value: &ScalarValue| {
        let key = value.try_as_str()??;
        let (source, number) = fhir_form::patient_of_key(key)?;
        Some((lit(source), lit(number)))
    };
    let (sources, numbers): (Vec<Expr>, Vec<Expr>) =
        keys.into_iter().map(of).collect::<Option<Vec<_>>>()?.into_iter().unzip();
    Some([col("source").in_list(sources, false), col("patient_id").in_list(numbers, false)])
}

/// Whether a column is the key of the patient a resource is about.
fn is_patient(view: &StandardView, name: &str) -> bool {
    let column = view.view().columns().iter().find(|column| column.name == name && !column.collection);
    let Some(path) = column.and_then(|column| column.of_resource.as_deref()) else { return false };
    let path: String = path.chars().filter(|c| !c.is_whitespace()).collect();
    let path = path.strip_prefix("$this.").unwrap_or(&path);
    match view.view().resource() {
        "Patient" => path == "getResourceKey()",
        _ => ["subject", "patient"].iter().any(|whose| {
            path.strip_prefix(whose)
                .is_some_and(|call| matches!(call, ".getReferenceKey()" | ".getReferenceKey(Patient)"))
        }),
    }
}
