//! Views from memory, for what concerns the protocols alone: every facility has a few rows of its own.
//! What a facility may see is tested over the real views.

use datafusion::arrow::array::{ArrayRef, Float64Array, StringArray, TimestampMicrosecondArray, new_null_array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use futures::future::BoxFuture;
use model::{Category, CategorySet, FacilityId, Frontier, Moment, PatientNumber, Position, Principal};
use parking_lot::Mutex;
use query::{OpenView, ViewSource};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use views::table::view_schema;

pub const ROWS: usize = 10;

/// A source whose frontier the test moves.
pub struct Shelf {
    frontier: watch::Sender<Frontier>,
    opened: Mutex<Vec<Principal>>,
}

impl Shelf {
    pub fn new() -> Arc<Self> {
        let mut frontier = Frontier::start();
        frontier.include(Position::new(0, 4));
        frontier.include(Position::new(1, 41));
        Arc::new(Self { frontier: watch::Sender::new(frontier), opened: Mutex::default() })
    }
    pub fn include(&self, position: Position) {
        self.frontier.send_modify(|frontier| frontier.include(position));
    }
    /// Whose views were opened, in order.
    pub fn opened(&self) -> Vec<Principal> {
        self.opened.lock().clone()
    }
}

struct Opened {
    facility: String,
    frontier: Frontier,
}

impl ViewSource for Shelf {
    fn open(&self, principal: &Principal, _: Moment, _: views::Taking) -> Box<dyn OpenView> {
        self.opened.lock().push(principal.clone());
        let facility = principal.facility.as_str().to_owned();
        Box::new(Opened { facility, frontier: self.frontier.borrow().clone() })
    }
    fn frontier(&self) -> Frontier {
        self.frontier.borrow().clone()
    }
    fn reached<'a>(&'a self, frontier: &'a Frontier, wait: Duration) -> BoxFuture<'a, bool> {
        let mut moves = self.frontier.subscribe();
        Box::pin(async move {
            let reached = moves.wait_for(|now| now.covers(frontier));
            tokio::time::timeout(wait, reached).await.is_ok_and(|reached| reached.is_ok())
        })
    }
    fn witness(&self) -> Option<Arc<dyn views::Witness>> {
        None
    }
}

impl OpenView for Opened {
    fn table(&self, category: Category) -> Arc<dyn TableProvider> {
        let schema = view_schema(category);
        let columns = schema.fields().iter().map(|field| column(field, &self.facility)).collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
        Arc::new(MemTable::try_new(schema, vec![vec![batch]]).unwrap())
    }
    fn persons(&self, _: CategorySet) -> Vec<PatientNumber> {
        Vec::new()
    }
    fn acquaintances(&self, own: &[PatientNumber]) -> Vec<Vec<(FacilityId, views::Acquaintance)>> {
        vec![Vec::new(); own.len()]
    }
    fn children(&self, own: &[PatientNumber]) -> Vec<Vec<views::Child>> {
        vec![Vec::new(); own.len()]
    }
    fn frontier(&self) -> Frontier {
        self.frontier.clone()
    }
    fn tally(&self) -> Arc<views::Tally> {
        Arc::default()
    }
    fn opening(&self) -> Option<Arc<views::Opening>> {
        None
    }
    fn age(&self) -> Duration {
        Duration::from_millis(25)
    }
}

fn column(field: &Field, facility: &str) -> ArrayRef {
    let numbers = 0..ROWS;
    match (field.name().as_str(), field.data_type()) {
        ("source", _) => cast(&StringArray::from(vec![facility; ROWS]), field.data_type()).unwrap(),
        ("value_number", _) => Arc::new(numbers.map(|n| Some(n as f64 / 2.0)).collect::<Float64Array>()),
        (name, DataType::Utf8) if !field.is_nullable() => {
            Arc::new(numbers.map(|n| Some(format!("{name}-{n}"))).collect::<StringArray>())
        }
        (_, DataType::Timestamp(..)) if !field.is_nullable() => {
            let days = numbers.map(|n| Some(1_790_000_000_000_000 + n as i64 * 86_400_000_000));
            cast(&days.collect::<TimestampMicrosecondArray>(), field.data_type()).unwrap()
        }
        (_, data_type) if field.is_nullable() => new_null_array(data_type, ROWS),
        (_, DataType::List(item)) => {
            let mut builder =
                datafusion::arrow::array::ListBuilder::new(datafusion::arrow::array::StringBuilder::new())
                    .with_field(Arc::clone(item));
            for _ in numbers {
                builder.append(true);
            }
            Arc::new(builder.finish())
        }
        (_, data_type) => {
            let counted = datafusion::arrow::array::Int64Array::from_iter_values(numbers.map(|n| n as i64 + 1));
            cast(&counted, data_type).unwrap()
        }
    }
}
