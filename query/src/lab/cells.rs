//! Columns made of rows: a column's name, what it means, what it holds and how that is made, in one place.

use clinical::diabetes::{Date, since_epoch};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, ListBuilder, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field};
use model::Moment;
use std::borrow::Cow;
use std::sync::Arc;
use views::table::{Column, Kind};

/// How a column's value is made of a row.
pub(crate) enum Cell<T> {
    Text(fn(&T) -> Option<Cow<'_, str>>),
    Texts(fn(&T) -> Vec<Cow<'_, str>>),
    Float(fn(&T) -> Option<f64>),
    Long(fn(&T) -> Option<i64>),
    Flag(fn(&T) -> Option<bool>),
    Time(fn(&T) -> Option<Moment>),
    Date(fn(&T) -> Option<Date>),
}

/// A column made of rows `T`.
pub(crate) struct Made<T> {
    pub(crate) column: Column,
    cell: Cell<T>,
}

impl<T> Made<T> {
    /// A column: its name, what it means in English and in Japanese, and how it is made.
    pub(crate) const fn of(name: &'static str, en: &'static str, ja: &'static str, cell: Cell<T>) -> Self {
        let kind = match cell {
            Cell::Text(_) => Kind::Text,
            Cell::Texts(_) => Kind::Texts,
            Cell::Float(_) => Kind::Float,
            Cell::Long(_) => Kind::Long,
            Cell::Flag(_) => Kind::Flag,
            Cell::Time(_) => Kind::Time,
            Cell::Date(_) => Kind::Date,
        };
        let nullable = !matches!(kind, Kind::Texts);
        Self { column: Column { name, kind, nullable, en, ja }, cell }
    }

    pub(crate) fn field(&self) -> Field {
        field(&self.column)
    }

    /// The column of these rows.
    pub(crate) fn array(&self, rows: &[T]) -> ArrayRef {
        match &self.cell {
            Cell::Text(of) => Arc::new(rows.iter().map(of).collect::<StringArray>()),
            Cell::Texts(of) => {
                let element = Field::new("element", DataType::Utf8, true);
                let mut lists = ListBuilder::new(StringBuilder::new()).with_field(element);
                for row in rows {
                    of(row).iter().for_each(|text| lists.values().append_value(text));
                    lists.append(true);
                }
                Arc::new(lists.finish())
            }
            Cell::Float(of) => Arc::new(rows.iter().map(of).collect::<Float64Array>()),
            Cell::Long(of) => Arc::new(rows.iter().map(of).collect::<Int64Array>()),
            Cell::Flag(of) => Arc::new(rows.iter().map(of).collect::<BooleanArray>()),
            Cell::Date(of) => Arc::new(rows.iter().map(|row| of(row).map(since_epoch)).collect::<Date32Array>()),
            Cell::Time(of) => {
                let micros = rows.iter().map(|row| of(row).map(Moment::micros));
                Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
            }
        }
    }
}

/// A documented column as a field.
pub(crate) fn field(column: &Column) -> Field {
    Field::new(column.name, column.kind.data_type(), column.nullable)
}
