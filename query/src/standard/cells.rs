//! From a view's cells to columns.

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, ListArray, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use fhirpath::{Cell, Column, Kind};
use model::Moment;
use std::sync::Arc;

/// Why a value is not one of its column's type.
const MOMENT: &str = "a date, or a time with an offset, between the years 1800 and 2300";

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Boolean => DataType::Boolean,
        Kind::Integer => DataType::Int64,
        Kind::Decimal => DataType::Float64,
        Kind::Date => DataType::Date32,
        Kind::DateTime | Kind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Kind::Time | Kind::Text => DataType::Utf8,
    }
}

fn element(kind: Kind) -> Arc<Field> {
    Arc::new(Field::new("element", data_type(kind), true))
}

/// A column of the table.
pub(super) fn field(column: &Column) -> Field {
    let of = if column.collection { DataType::List(element(column.kind)) } else { data_type(column.kind) };
    Field::new(&column.name, of, true)
}

/// What FHIR leaves out of a date is its beginning, in Japan, as at the door.
fn moment(text: &str) -> Option<Moment> {
    match text.len() {
        4 => Moment::parse(&format!("{text}-01-01")).ok(),
        7 => Moment::parse(&format!("{text}-01")).ok(),
        _ => Moment::parse(text).ok(),
    }
}

/// Days since 1970-01-01.
fn day(text: &str) -> Option<i32> {
    const JAPAN: i64 = 9 * 3_600_000_000;
    i32::try_from((moment(text)?.micros() + JAPAN).div_euclid(86_400_000_000)).ok()
}

/// A column of these cells.
///
/// # Errors
/// The rule that a value breaks; never the value.
pub(super) fn array<'a>(
    column: &Column,
    cells: impl Iterator<Item = &'a Cell> + Clone,
) -> Result<ArrayRef, &'static str> {
    if !column.collection {
        return plain(column.kind, cells);
    }
    let of = |cell: &'a Cell| match cell {
        Cell::List(list) => list.as_slice(),
        _ => &[],
    };
    let offsets = OffsetBuffer::from_lengths(cells.clone().map(|cell| of(cell).len()));
    let values = plain(column.kind, cells.flat_map(of))?;
    Ok(Arc::new(ListArray::new(element(column.kind), offsets, values, None)))
}

fn plain<'a>(kind: Kind, cells: impl Iterator<Item = &'a Cell>) -> Result<ArrayRef, &'static str> {
    let text = |cell: &'a Cell| match cell {
        Cell::Text(text) => Some(text.as_str()),
        _ => None,
    };
    Ok(match kind {
        Kind::Boolean => {
            let truth = |cell: &Cell| match cell {
                Cell::Boolean(truth) => Some(*truth),
                _ => None,
            };
            Arc::new(cells.map(truth).collect::<BooleanArray>())
        }
        Kind::Integer => {
            let number = |cell: &Cell| match cell {
                Cell::Integer(number) => Some(*number),
                _ => None,
            };
            Arc::new(cells.map(number).collect::<Int64Array>())
        }
        Kind::Decimal => {
            let number = |cell: &Cell| match cell {
                Cell::Decimal(number) => f64::try_from(*number).ok(),
                _ => None,
            };
            Arc::new(cells.map(number).collect::<Float64Array>())
        }
        Kind::Date => {
            let days = cells.map(|cell| text(cell).map(|text| day(text).ok_or(MOMENT)).transpose());
            Arc::new(days.collect::<Result<Date32Array, _>>()?)
        }
        Kind::DateTime | Kind::Instant => {
            let micros =
                cells.map(|cell| text(cell).map(|text| moment(text).map(Moment::micros).ok_or(MOMENT)).transpose());
            Arc::new(micros.collect::<Result<TimestampMicrosecondArray, _>>()?.with_timezone("UTC"))
        }
        Kind::Time | Kind::Text => Arc::new(cells.map(text).collect::<StringArray>()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(kind: Kind, collection: bool) -> Column {
        Column { name: "a".to_owned(), kind, collection, description: None }
    }
    fn texts(texts: &[&str]) -> Vec<Cell> {
        texts.iter().map(|text| if text.is_empty() { Cell::Null } else { Cell::Text((*text).to_owned()) }).collect()
    }

    #[test]
    fn each_column_has_the_type_its_field_says() {
        for kind in [
            Kind::Boolean,
            Kind::Integer,
            Kind::Decimal,
            Kind::Date,
            Kind::DateTime,
            Kind::Instant,
            Kind::Time,
            Kind::Text,
        ] {
            for collection in [false, true] {
                let column = column(kind, collection);
                let cells = if collection {
                    vec![Cell::List(vec![Cell::Null]), Cell::List(Vec::new())]
                } else {
                    vec![Cell::Null]
                };
                assert_eq!(array(&column, cells.iter()).unwrap().data_type(), field(&column).data_type(), "{column:?}");
            }
        }
    }

    #[test]
    fn dates_are_days_in_japan_and_what_is_none_is_refused_without_its_value() {
        let days = array(&column(Kind::Date, false), texts(&["1970-01-02", "1970-02", ""]).iter()).unwrap();
        assert_eq!(days.as_ref(), &Date32Array::from(vec![Some(1), Some(31), None]));
        let times = texts(&["1970-01-01T09:00:01+09:00", "1970-01-01"]);
        let times = array(&column(Kind::DateTime, false), times.iter()).unwrap();
        let expected = TimestampMicrosecondArray::from(vec![1_000_000, -9 * 3_600_000_000]).with_timezone("UTC");
        assert_eq!(times.as_ref(), &expected);
        let wrong = array(&column(Kind::Instant, false), texts(&["secret"]).iter()).unwrap_err();
        assert_eq!(wrong, MOMENT);
    }
}
