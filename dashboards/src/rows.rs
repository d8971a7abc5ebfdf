//! From an answer's batches to values.

use crate::refusal::Refusal;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use futures::StreamExt;
use query::{Answer, Door, Reading, Statement};
use serde_json::{Map, Value};

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

    /// All columns by name, as JSON: days as `2026-03-31`, moments in microseconds since 1970.
    pub(crate) fn object(&self) -> Result<Map<String, Value>, Refusal> {
        let schema = self.batch.schema();
        let columns = schema.fields().iter().zip(self.batch.columns());
        columns.map(|(field, column)| Ok((field.name().clone(), json(column.as_ref(), self.at)?))).collect()
    }
}

/// A value as JSON; the types are those that tables of this house have.
fn json(column: &dyn Array, at: usize) -> Result<Value, Refusal> {
    if column.is_null(at) {
        return Ok(Value::Null);
    }
    Ok(match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(at).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(at).into(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(at).into(),
        DataType::Boolean => column.as_boolean().value(at).into(),
        DataType::Date32 => day_of(i64::from(column.as_primitive::<Date32Type>().value(at))).into(),
        DataType::Timestamp(..) => {
            column.as_primitive_opt::<TimestampMicrosecondType>().ok_or(Refusal::Shape)?.value(at).into()
        }
        DataType::List(_) => {
            let list = column.as_list::<i32>().value(at);
            (0..list.len()).map(|at| json(list.as_ref(), at)).collect::<Result<Value, _>>()?
        }
        _ => return Err(Refusal::Shape),
    })
}

const DAY: i64 = 86_400_000_000;
const JAPAN: i64 = 9 * 3_600_000_000;

/// Which day of Unix time a moment is of, in Japan.
pub(crate) fn day_number(micros: i64) -> i64 {
    (micros + JAPAN).div_euclid(DAY)
}

/// A day of Unix time, as `2026-03-31`.
pub(crate) fn day_of(days: i64) -> Option<String> {
    let days = i32::try_from(days).ok()?;
    arrow::temporal_conversions::date32_to_datetime(days).map(|day| day.date().to_string())
}
