//! `cohort(name [, day])`: who is a member of a cohort that the caller's facility has by name, its own or a shipped one.
//!
//! A cohort by typed criteria is judged person by person, as `ajisai cohort run` judges it. One that a statement defines is planned
//! within the statement that asks, over the same view, and says nothing but who.

use super::Diabetes;
use super::asked::{Ask, AskedOf};
use super::made::PersonsTable;
use crate::lab::cells::{Cell, Made};
use crate::session::{Reading, plan};
use async_trait::async_trait;
use clinical::diabetes::Person;
use clinical::diabetes::cohort::{Cause, Cohort, CohortFile, Ground, Since};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Column, DataFusionError, Result, ScalarValue};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, TableType, cast, ident, lit};
use datafusion::physical_plan::ExecutionPlan;
use model::FacilityId;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use views::table::Column as Described;

/// The function's name.
pub(super) const COHORT: &str = "cohort";
pub(super) const USAGE: &str = "cohort('poor-control' [, '2026-03-31'])";

/// The table of a cohort's members.
pub(super) fn members(file: &CohortFile, diabetes: Diabetes, has_day: bool) -> Result<Arc<dyn TableProvider>> {
    match file {
        CohortFile::Typed(cohort) => {
            let diabetes = diabetes.reading(cohort.tables());
            Ok(Arc::new(PersonsTable::new(AskedOf { ask: Members(cohort.clone()), diabetes })))
        }
        CohortFile::Sql { .. } if has_day => Err(DataFusionError::Plan(
            "a statement defines this cohort, and a statement has no day / SQLで定義されたコホートに日付は指定できません".to_owned(),
        )),
        CohortFile::Sql { sql, .. } => Ok(Arc::new(ByStatement { sql: sql.clone() })),
    }
}

// === by criteria ===

struct Members(Cohort);

pub(super) struct Member {
    number: String,
    since: Since,
    grounds: Vec<Ground>,
}

const MEMBERS: &[Made<Member>] = &[
    Made::of(
        "my_patient_id",
        "the viewing facility's own number of the person",
        "自施設の患者番号",
        Cell::Text(|row| Some(row.number.as_str().into())),
    ),
    Made::of(
        "since",
        "since when the facts that are shown make the person a member; NULL where a statement defines the cohort",
        "該当した時点",
        Cell::Time(|row| Some(row.since.at)),
    ),
    Made::of(
        "cause",
        "what made the person enter then: `result`, `drug`, `diagnosis`, `visit`, `observation`, `death`, `person` or `time`",
        "該当の契機",
        Cell::Text(|row| Some(row.since.cause.code().into())),
    ),
    Made::of(
        "reasons",
        "the criteria that hold, each with what was found",
        "該当理由",
        Cell::Texts(|row| row.grounds.iter().map(reason).collect()),
    ),
    Made::of(
        "at",
        "moment of the latest fact it rests on",
        "根拠となる最新の事実の日時",
        Cell::Time(|row| row.grounds.iter().map(|ground| ground.at).max()),
    ),
    Made::of("source", "the facilities whose facts it rests on", "根拠の施設", Cell::Texts(sources)),
];

fn reason(ground: &Ground) -> Cow<'_, str> {
    if ground.fact.is_empty() {
        ground.criterion.into()
    } else {
        format!("{}: {}", ground.criterion, ground.fact).into()
    }
}

fn sources(row: &Member) -> Vec<Cow<'_, str>> {
    let mut all: Vec<&str> =
        row.grounds.iter().flat_map(|ground| ground.sources.iter().map(FacilityId::as_str)).collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter().map(Cow::from).collect()
}

impl Ask for Members {
    type Row = Member;
    const NAME: &'static str = "CohortMembers";

    fn columns() -> &'static [Made<Member>] {
        MEMBERS
    }
    fn rows(&self, number: &str, person: &Person<'_>, into: &mut Vec<Member>) {
        let (facts, tables, now) = (person.facts(), person.tables(), person.now());
        let verdict = self.0.of(facts, tables, now);
        if verdict.is_member() {
            let since = self.0.since(facts, tables, now).unwrap_or(Since { at: now, cause: Cause::Time });
            into.push(Member { number: number.to_owned(), since, grounds: verdict.grounds });
        }
    }
}

/// The columns, documented.
pub(super) fn membership() -> impl Iterator<Item = &'static Described> {
    MEMBERS.iter().map(|made| &made.column)
}

// === by a statement ===

/// Members by a statement: the texts of its first column.
struct ByStatement {
    sql: String,
}

impl fmt::Debug for ByStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CohortByStatement")
    }
}

#[async_trait]
impl TableProvider for ByStatement {
    fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(
            MEMBERS.iter().map(Made::field).map(|field| field.with_nullable(true)).collect::<Vec<Field>>(),
        ))
    }
    fn table_type(&self) -> TableType {
        TableType::Temporary
    }
    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let internal = || DataFusionError::Internal("a cohort is planned by a statement of this room".to_owned());
        let state = state.as_any().downcast_ref::<SessionState>().ok_or_else(internal)?;
        // without this function: a cohort that asks for itself would never be planned
        let mut inner = SessionStateBuilder::new_from_existing(state.clone());
        if let Some(functions) = inner.table_functions() {
            functions.remove(COHORT);
        }
        let inner = inner.build();
        let reading = Reading::parse(&self.sql)
            .map_err(|error| DataFusionError::Plan(format!("the cohort's statement: {error}")))?;
        let named = Box::pin(plan(&inner, &reading)).await?;
        let first = named.schema().iter().next().map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)));
        let first = first.filter(|(_, field)| {
            matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        });
        let Some((qualifier, field)) = first else {
            return Err(DataFusionError::Plan(
                "the cohort's statement: its first column must be text: the members' numbers (`my_patient_id`)"
                    .to_owned(),
            ));
        };
        let number = Expr::Column(Column::new(qualifier, field.name()));
        let nothing = |at: &Made<Member>| {
            let kind = at.field().data_type().clone();
            Ok::<Expr, DataFusionError>(lit(ScalarValue::try_from(&kind)?).alias(at.column.name))
        };
        let places: Vec<usize> = projection.cloned().unwrap_or_else(|| (0..MEMBERS.len()).collect());
        let numbers = LogicalPlanBuilder::from(named)
            .project([cast(number, DataType::Utf8).alias("my_patient_id")])?
            .filter(ident("my_patient_id").is_not_null())?
            .distinct()?;
        let columns = places.iter().filter_map(|at| MEMBERS.get(*at)).map(|made| match made.column.name {
            "my_patient_id" => Ok(ident("my_patient_id")),
            _ => nothing(made),
        });
        let columns = columns.collect::<Result<Vec<Expr>>>()?;
        inner.create_physical_plan(&numbers.project(columns)?.build()?).await
    }
}
