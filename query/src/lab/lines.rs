//! Results gathered to be looked at together, and the plan that gathers them.

use super::Asker;
use super::cells::Made;
use super::read::{Inputs, READ, text, texts, times};
use async_trait::async_trait;
use clinical::lab::{Detection, Doubt, Item, Measured, ResultValue, Sites, TestIdentity};
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType, col, lit};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
    ReplaceChildrenOptions, SendableRecordBatchStream, execute_stream,
};
use futures::StreamExt;
use model::{Category, LabStatus, Moment};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use views::table::view_schema;

/// One result, as far as it is compared with others.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) source: String,
    pub(super) patient: String,
    /// The asking facility's own number for the person; empty where there is none.
    pub(super) mine: String,
    pub(super) record: String,
    pub(super) occurred: Moment,
    pub(super) status: LabStatus,
    pub(super) item: Option<&'static Item>,
    pub(super) test: Option<TestIdentity>,
    /// The exact value in the item's unit, if it is plausible.
    pub(super) measured: Option<Measured>,
    /// A bound or a range has a value, but none that can be compared.
    pub(super) has_value: bool,
    pub(super) critical: Option<Detection>,
    pub(super) implausible: bool,
    /// As it was written.
    pub(super) value: String,
    pub(super) unit: String,
}

impl Line {
    /// About how many bytes it holds.
    fn size(&self) -> usize {
        let texts = [&self.source, &self.patient, &self.mine, &self.record, &self.value, &self.unit];
        // an identity holds a few short texts more
        size_of::<Self>() + texts.iter().map(|text| text.capacity()).sum::<usize>() + 64
    }
}

/// A question over gathered results.
pub(super) trait Question: fmt::Debug + Send + Sync + Sized + 'static {
    /// A row of its answer.
    type Row: Send + 'static;
    /// How the plan names it.
    const NAME: &'static str;
    /// The answer's columns.
    fn columns() -> &'static [Made<Self::Row>];
    /// What the scan below may be told, so that it reads less. Rows are judged by [`Self::takes`] all the same.
    fn filters(&self) -> Vec<Expr>;
    /// Whether a result is looked at.
    fn takes(&self, line: &Line) -> bool;
    /// Answers for the results of one person, each compared by its source's own rules.
    fn answer(&self, lines: Vec<Line>, sites: &Sites) -> Vec<Self::Row>;
}

/// `occurred >= moment`.
pub(super) fn since(moment: Moment) -> Expr {
    col("occurred").gt_eq(lit(ScalarValue::TimestampMicrosecond(Some(moment.micros()), Some("UTC".into()))))
}

/// `column = 'text'`.
pub(super) fn is(column: &str, text: &str) -> Expr {
    col(column).eq(lit(text))
}

/// The columns of an answer as a schema.
pub(super) fn schema<Q: Question>() -> SchemaRef {
    Arc::new(Schema::new(Q::columns().iter().map(Made::field).collect::<Vec<Field>>()))
}

// === Table ===

/// The answer to a question as a table.
#[derive(Debug)]
pub(super) struct Asked<Q> {
    pub(super) question: Arc<Q>,
    pub(super) asker: Asker,
}

/// The columns of `laboratory` lines are made of, beside [`READ`].
const OF_LINES: [&str; 6] = ["source", "patient_id", "my_patient_id", "record_id", "occurred", "status"];

#[async_trait]
impl<Q: Question> TableProvider for Asked<Q> {
    fn schema(&self) -> SchemaRef {
        schema::<Q>()
    }
    fn table_type(&self) -> TableType {
        TableType::Temporary
    }
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // A person is answered for from all of that person's results and no others.
        let of = |filter: &&Expr| match of_person(filter) {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
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
        let table = view_schema(Category::Laboratory);
        let fields = table.fields().iter().enumerate();
        let wanted = |name: &str| OF_LINES.contains(&name) || READ.contains(&name);
        let places: Vec<usize> = fields.filter(|(_, field)| wanted(field.name())).map(|(at, _)| at).collect();
        let told: Vec<Expr> =
            self.question.filters().into_iter().chain(filters.iter().filter(|one| of_person(one)).cloned()).collect();
        let rows = self.asker.laboratory.scan(state, Some(&places), &told, None).await?;
        let every = || (0..Q::columns().len()).collect();
        let projection: Arc<[usize]> = projection.cloned().unwrap_or_else(every).into();
        Ok(Arc::new(Gather::new(rows, (Arc::clone(&self.question), Arc::clone(&self.asker.sites)), projection)?))
    }
}

fn of_person(filter: &Expr) -> bool {
    let columns = filter.column_refs();
    !columns.is_empty() && columns.iter().all(|column| column.name == "my_patient_id")
}

// === Plan ===

/// Gathers the results a question takes, and answers it person by person.
struct Gather<Q> {
    rows: Arc<dyn ExecutionPlan>,
    question: Arc<Q>,
    sites: Arc<Sites>,
    projection: Arc<[usize]>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl<Q: Question> Gather<Q> {
    fn new(
        rows: Arc<dyn ExecutionPlan>,
        (question, sites): (Arc<Q>, Arc<Sites>),
        projection: Arc<[usize]>,
    ) -> Result<Self> {
        let schema = Arc::new(schema::<Q>().project(&projection)?);
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema) as SchemaRef),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        ));
        Ok(Self { rows, question, sites, projection, schema, properties })
    }
}

impl<Q: Question> fmt::Debug for Gather<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Q::NAME)
    }
}

impl<Q: Question> DisplayAs for Gather<Q> {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "{}: columns=[{}]", Q::NAME, names.join(", "))
    }
}

impl<Q: Question> ExecutionPlan for Gather<Q> {
    fn name(&self) -> &'static str {
        Q::NAME
    }
    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.rows]
    }
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }
    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }
    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match <[_; 1]>::try_from(children) {
            Ok([rows]) => {
                let asked = (Arc::clone(&self.question), Arc::clone(&self.sites));
                Ok(Arc::new(Self::new(rows, asked, Arc::clone(&self.projection))?))
            }
            Err(_) => Err(DataFusionError::Internal("results are gathered from one table".to_owned())),
        }
    }
    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return Err(DataFusionError::Internal("an answer has one partition".to_owned()));
        }
        let memory = MemoryConsumer::new(Q::NAME).register(context.memory_pool());
        let rows = execute_stream(Arc::clone(&self.rows), context)?;
        let (question, sites) = (Arc::clone(&self.question), Arc::clone(&self.sites));
        let (projection, schema) = (Arc::clone(&self.projection), Arc::clone(&self.schema));
        let answer = async move { answer(rows, (question.as_ref(), &sites), &projection, schema, memory).await };
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), futures::stream::once(answer))))
    }
}

async fn answer<Q: Question>(
    mut rows: SendableRecordBatchStream,
    (question, sites): (&Q, &Sites),
    projection: &[usize],
    schema: SchemaRef,
    memory: MemoryReservation,
) -> Result<RecordBatch> {
    let mut persons: BTreeMap<(String, String), Vec<Line>> = BTreeMap::new();
    while let Some(batch) = rows.next().await {
        for line in lines(&batch?, sites)? {
            if question.takes(&line) {
                memory.try_grow(line.size())?;
                persons.entry(person(&line)).or_default().push(line);
            }
        }
    }
    let mut found = Vec::new();
    for (_, lines) in persons {
        let answers = question.answer(lines, sites);
        memory.try_grow(answers.len() * size_of::<Q::Row>())?;
        found.extend(answers);
        // A person's results are few; between persons the statement can be ended.
        tokio::task::yield_now().await;
    }
    let arrays = projection.iter().filter_map(|at| Q::columns().get(*at)).map(|made| made.array(&found)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(found.len()));
    Ok(RecordBatch::try_new_with_options(schema, arrays, &options)?)
}

/// Whose a result is: the asking facility's own number, or else the source's.
fn person(line: &Line) -> (String, String) {
    if line.mine.is_empty() { (line.source.clone(), line.patient.clone()) } else { (String::new(), line.mine.clone()) }
}

fn lines(batch: &RecordBatch, sites: &Sites) -> Result<Vec<Line>> {
    let inputs = Inputs::of(batch, sites)?;
    let (sources, patients, mine) =
        (texts(batch, "source")?, texts(batch, "patient_id")?, texts(batch, "my_patient_id")?);
    let (records, statuses, occurred) =
        (texts(batch, "record_id")?, texts(batch, "status")?, times(batch, "occurred")?);
    let line = |row| {
        // What stands in a table was a moment when it was stored.
        let occurred = Moment::from_micros(occurred.value(row)).ok()?;
        let status = LabStatus::ALL.into_iter().find(|status| status.code() == text(statuses, row));
        let read = inputs.read(row, clinical::lab::Patient::default());
        Some(Line {
            source: text(sources, row).to_owned(),
            patient: text(patients, row).to_owned(),
            mine: text(mine, row).to_owned(),
            record: text(records, row).to_owned(),
            occurred,
            status: status.unwrap_or(LabStatus::Preliminary),
            item: read.item(),
            test: read.resolved.as_ref().and_then(TestIdentity::of),
            measured: read.measured(occurred),
            has_value: !matches!(read.value.value, ResultValue::Missing(_)),
            critical: read.critical,
            implausible: read.doubts.contains(&Doubt::Implausible),
            value: read.value.original().to_owned(),
            unit: inputs.unit(row).to_owned(),
        })
    };
    Ok((0..batch.num_rows()).filter_map(line).collect())
}
