//! From an answer's batches to values.

use crate::refusal::Refusal;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int64Type};
use arrow::record_batch::RecordBatch;
use futures::StreamExt;
use query::{Answer, Door, Reading, Statement};

/// A statement of this room, with texts for its placeholders.
pub(crate) fn statement(sql: &str, texts: &[&str]) -> Result<Statement, Refusal> {
    Ok(Statement::new(Reading::parse(sql)?, Door::Dashboards).with_texts(texts.iter().copied()))
}

/// All rows of an answer, each made by `make`.
pub(crate) async fn collect<T>(
    answer: &mut Answer,
    make: impl Fn(Row<'_>) -> Result<T, Refusal>,
) -> Result<Vec<T>, Refusal> {
    let mut made = Vec::new();
    while let Some(batch) = answer.rows.next().await {
        let batch = batch?;
        for at in 0..batch.num_rows() {
            made.push(make(Row { batch: &batch, at })?);
        }
    }
    Ok(made)
}

/// One row of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    batch: &'a RecordBatch,
    at: usize,
}

impl<'a> Row<'a> {
    fn column(&self, name: &str) -> Result<&'a dyn Array, Refusal> {
        self.batch.column_by_name(name).map(AsRef::as_ref).ok_or(Refusal::Shape)
    }

    /// A text; NULL is empty.
    pub(crate) fn text(&self, name: &str) -> Result<String, Refusal> {
        let column = self.column(name)?.as_string_opt::<i32>().ok_or(Refusal::Shape)?;
        Ok(if column.is_null(self.at) { String::new() } else { column.value(self.at).to_owned() })
    }

    /// A whole number that is never NULL.
    pub(crate) fn integer(&self, name: &str) -> Result<i64, Refusal> {
        Ok(self.column(name)?.as_primitive_opt::<Int64Type>().ok_or(Refusal::Shape)?.value(self.at))
    }

    /// A number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<f64>, Refusal> {
        let column = self.column(name)?.as_primitive_opt::<Float64Type>().ok_or(Refusal::Shape)?;
        Ok(column.is_valid(self.at).then(|| column.value(self.at)))
    }
}
