//! Values out of an answer's batches, and texts into a page.

use crate::rows::{day_number, day_of};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Date32Type, Float64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;

/// One row of an answer.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    batch: &'a RecordBatch,
    at: usize,
}

/// The rows of an answer.
pub(super) fn rows(batches: &[RecordBatch]) -> impl Iterator<Item = Row<'_>> {
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |at| Row { batch, at }))
}

impl<'a> Row<'a> {
    fn column(&self, name: &str) -> Option<&'a ArrayRef> {
        self.batch.column_by_name(name).filter(|column| column.is_valid(self.at))
    }
    /// A text that is there.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        let text = self.column(name)?.as_string_opt::<i32>()?.value(self.at);
        Some(text).filter(|text| !text.is_empty())
    }
    /// A number.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        Some(self.column(name)?.as_primitive_opt::<Float64Type>()?.value(self.at))
    }
    /// Whether a flag is set.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        Some(self.column(name)?.as_boolean_opt()?.value(self.at))
    }
    /// Texts of a list.
    pub(super) fn texts(&self, name: &str) -> Vec<&'a str> {
        let Some(list) = self.column(name).and_then(|column| column.as_list_opt::<i32>()) else { return Vec::new() };
        let (Some(from), Some(until)) = (list.value_offsets().get(self.at), list.value_offsets().get(self.at + 1))
        else {
            return Vec::new();
        };
        let Some(texts) = list.values().as_string_opt::<i32>() else { return Vec::new() };
        let places = usize::try_from(*from).unwrap_or(0)..usize::try_from(*until).unwrap_or(0);
        places.filter(|at| texts.is_valid(*at)).map(|at| texts.value(at)).collect()
    }
    /// A day, or the day in Japan of a moment, as `2026-03-31`.
    pub(super) fn day(&self, name: &str) -> Option<String> {
        let column = self.column(name)?;
        match column.data_type() {
            DataType::Date32 => {
                let days = column.as_primitive_opt::<Date32Type>()?.value(self.at);
                day_of(i64::from(days))
            }
            DataType::Timestamp(..) => {
                day_of_micros(column.as_primitive_opt::<TimestampMicrosecondType>()?.value(self.at))
            }
            _ => None,
        }
    }
}

/// The day in Japan of a moment.
pub(super) fn day_of_micros(micros: i64) -> Option<String> {
    day_of(day_number(micros))
}

/// A text as it stands in a page: nothing in it is markup.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_never_markup() {
        assert_eq!(escaped("<b onclick=\"x('&')\">"), "&lt;b onclick=&quot;x(&#39;&amp;&#39;)&quot;&gt;");
    }

    #[test]
    fn a_day_begins_at_midnight_in_japan() {
        // 2026-03-31T15:00:00Z
        let midnight = 1_774_969_200_000_000;
        assert_eq!(day_of_micros(midnight).as_deref(), Some("2026-04-01"));
        assert_eq!(day_of_micros(midnight - 1).as_deref(), Some("2026-03-31"));
    }
}
