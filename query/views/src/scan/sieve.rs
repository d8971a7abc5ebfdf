//! The tests of single columns a scan makes itself: which filters they are, and how a column meets them.
//!
//! A test is asked of visible rows alone, and after they were counted as read: that a visible row does not meet it tells
//! the asker as much of it as that it does. It compares one stored column with constants, which cannot fail and calls
//! nothing, so it does not matter how often or in what order it is asked.

use crate::table::{Kind, MY_PATIENT_ID, stored_columns};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::prep_null_mask_filter;
use arrow::datatypes::{Field, Int32Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator, utils::split_conjunction};
use datafusion::physical_expr::PhysicalExpr;
use model::Category;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Columns that pruning asks by patient and source, or that no two rows have alike and nobody compares.
const UNTESTED: [&str; 4] = ["source", "patient_id", MY_PATIENT_ID, "content"];

/// A test of one stored column.
#[derive(Debug)]
pub(crate) struct Test {
    /// The column's place among the stored ones.
    pub(crate) at: usize,
    pub(crate) name: &'static str,
    kind: Kind,
    schema: SchemaRef,
    condition: Arc<dyn PhysicalExpr>,
}

/// The tests of one scan; rows must meet them all.
#[derive(Debug, Default)]
pub(crate) struct Sieve {
    tests: Vec<Test>,
}

/// Whether a scan of the table can make this filter itself, whole.
pub(crate) fn is_test(category: Category, filter: &Expr) -> bool {
    split_conjunction(filter).into_iter().all(|part| tested(category, part).is_some())
}

impl Sieve {
    /// Of the filters the tests; what is no test is left to the filter above the scan.
    pub(crate) fn of(session: &dyn Session, category: Category, filters: &[Expr]) -> Result<Self> {
        let mut conditions: BTreeMap<usize, Expr> = BTreeMap::new();
        for filter in filters.iter().filter(|filter| is_test(category, filter)) {
            for part in split_conjunction(filter) {
                let Some(at) = tested(category, part) else { continue };
                let part = unqualified(part)?;
                let both = match conditions.remove(&at) {
                    Some(before) => before.and(part),
                    None => part,
                };
                conditions.insert(at, both);
            }
        }
        let mut tests = Vec::with_capacity(conditions.len());
        for (at, condition) in conditions {
            let Some(column) = stored_columns(category).nth(at) else { continue };
            // Whatever the column says: a file from before it had the column reads as NULL.
            let schema = Arc::new(Schema::new(vec![Field::new(column.name, column.kind.data_type(), true)]));
            let condition = session.create_physical_expr(condition, &DFSchema::try_from(schema.clone())?)?;
            tests.push(Test { at, name: column.name, kind: column.kind, schema, condition });
        }
        // Texts first: they are compared once for all rows that have the same, and mostly leave the fewest rows.
        tests.sort_by_key(|test| test.kind != Kind::Text);
        Ok(Self { tests })
    }

    pub(crate) fn tests(&self) -> &[Test] {
        &self.tests
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }
}

impl Test {
    /// Which rows meet it: none where it cannot be said (NULL).
    pub(crate) fn met(&self, column: &ArrayRef, memo: &mut Memo) -> Result<BooleanArray> {
        let Some(folded) = column.as_dictionary_opt::<Int32Type>() else { return self.ask(column) };
        let met = memo.of(folded.values(), |values| self.ask(values))?;
        let unsaid = match folded.null_count() {
            0 => false,
            _ => self.ask(&new_null_array(&self.kind.data_type(), 1))?.value(0),
        };
        let meets = |key: &i32| usize::try_from(*key).ok().and_then(|key| met.get(key)) == Some(&true);
        let keys = folded.keys();
        let values = keys.values();
        let rows = BooleanBuffer::collect_bool(keys.len(), |row| match values.get(row) {
            Some(_) if keys.is_null(row) => unsaid,
            Some(key) => meets(key),
            None => false,
        });
        Ok(BooleanArray::new(rows, None))
    }

    fn ask(&self, column: &ArrayRef) -> Result<BooleanArray> {
        let batch = RecordBatch::try_new(self.schema.clone(), vec![column.clone()])?;
        let answer = self.condition.evaluate(&batch)?.into_array(column.len())?;
        let answer = answer.as_boolean();
        Ok(if answer.null_count() == 0 { answer.clone() } else { prep_null_mask_filter(answer) })
    }
}

/// What a test answered of the distinct texts of a piece: batches that follow each other share them.
#[derive(Default)]
pub(crate) struct Memo {
    last: Option<(ArrayRef, Arc<[bool]>)>,
}

impl Memo {
    fn of(&mut self, values: &ArrayRef, ask: impl FnOnce(&ArrayRef) -> Result<BooleanArray>) -> Result<Arc<[bool]>> {
        match &self.last {
            Some((known, met)) if Arc::ptr_eq(known, values) => Ok(met.clone()),
            _ => {
                let met: Arc<[bool]> = ask(values)?.values().iter().collect();
                self.last = Some((values.clone(), met.clone()));
                Ok(met)
            }
        }
    }
}

/// The place of the one stored column that a filter compares with constants, if it does nothing else.
fn tested(category: Category, filter: &Expr) -> Option<usize> {
    let mut only = None;
    compares(category, filter, &mut only).then_some(only).flatten()
}

/// Whether it says true or false of one column, without a function or a cast.
fn compares(category: Category, filter: &Expr, only: &mut Option<usize>) -> bool {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, right }) => {
            compares(category, left, only) && compares(category, right, only)
        }
        Expr::Not(inner) => compares(category, inner, only),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let compared = matches!(
                op,
                Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq
            );
            compared
                && (column(category, left, only).is_some_and(|kind| constant(right, kind))
                    || column(category, right, only).is_some_and(|kind| constant(left, kind)))
        }
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => column(category, inner, only).is_some(),
        Expr::InList(InList { expr, list, .. }) => {
            column(category, expr, only).is_some_and(|kind| list.iter().all(|item| constant(item, kind)))
        }
        Expr::Between(Between { expr, low, high, .. }) => {
            column(category, expr, only).is_some_and(|kind| constant(low, kind) && constant(high, kind))
        }
        _ => false,
    }
}

/// What the column holds, if it is one that may be tested and no other was met before.
fn column(category: Category, expr: &Expr, only: &mut Option<usize>) -> Option<Kind> {
    let Expr::Column(named) = expr else { return None };
    let (at, column) = stored_columns(category).enumerate().find(|(_, column)| column.name == named.name)?;
    let scalar =
        matches!(column.kind, Kind::Text | Kind::Float | Kind::Long | Kind::Int | Kind::Flag | Kind::Time | Kind::Date);
    if !scalar || UNTESTED.contains(&column.name) || only.is_some_and(|other| other != at) {
        return None;
    }
    *only = Some(at);
    Some(column.kind)
}

fn constant(expr: &Expr, kind: Kind) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.data_type() == kind.data_type())
}

/// The expression with the bare names of columns.
fn unqualified(expr: &Expr) -> Result<Expr> {
    use datafusion::common::tree_node::{Transformed, TreeNode};
    let bare = |expr| match expr {
        Expr::Column(column) => {
            Transformed::yes(Expr::Column(datafusion::common::Column::new_unqualified(column.name)))
        }
        other => Transformed::no(other),
    };
    Ok(expr.clone().transform(|expr| Ok(bare(expr)))?.data)
}
