//! From a row of `laboratory` to a result read whole.

use clinical::lab::{CodeText, LabInput, LabRow, Patient, SiteTables, Sites, Written, WrittenInterval, read_result};
use datafusion::arrow::array::{Array, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::common::cast::{as_float64_array, as_string_array, as_timestamp_microsecond_array};
use datafusion::common::{DataFusionError, Result};

/// The columns of `laboratory` a result is read from.
pub(super) const READ: [&str; 12] = [
    "source",
    "code_system",
    "code",
    "specimen",
    "value_number",
    "comparator",
    "unit",
    "value_code",
    "value_text",
    "reference_low",
    "reference_high",
    "flag",
];

/// The columns [`READ`] of a batch, or those of them that a value is read from: without interval and flag.
pub(crate) struct Inputs<'a> {
    sites: &'a Sites,
    sources: &'a StringArray,
    code_system: &'a StringArray,
    code: &'a StringArray,
    specimen: &'a StringArray,
    value_number: &'a Float64Array,
    comparator: &'a StringArray,
    unit: &'a StringArray,
    value_code: &'a StringArray,
    value_text: &'a StringArray,
    reference: Option<(&'a Float64Array, &'a Float64Array)>,
    flag: Option<&'a StringArray>,
}

/// The texts a value is read from, beside its number.
pub(crate) type ValueTexts<T> = [T; 8];

impl<'a> Inputs<'a> {
    /// The columns, each row to be read under its source's own tables.
    pub(super) fn of(batch: &'a RecordBatch, sites: &'a Sites) -> Result<Self> {
        let reference = (floats(batch, "reference_low")?, floats(batch, "reference_high")?);
        let flag = texts(batch, "flag")?;
        Ok(Self { reference: Some(reference), flag: Some(flag), ..Self::of_values(batch, sites)? })
    }

    /// The same for values alone: no interval came with them, and no flag.
    pub(crate) fn of_values(batch: &'a RecordBatch, sites: &'a Sites) -> Result<Self> {
        Ok(Self {
            sites,
            sources: texts(batch, "source")?,
            code_system: texts(batch, "code_system")?,
            code: texts(batch, "code")?,
            specimen: texts(batch, "specimen")?,
            value_number: floats(batch, "value_number")?,
            comparator: texts(batch, "comparator")?,
            unit: texts(batch, "unit")?,
            value_code: texts(batch, "value_code")?,
            value_text: texts(batch, "value_text")?,
            reference: None,
            flag: None,
        })
    }

    /// What a row's value is read from, of [`Inputs::of_values`] and nobody in particular: two rows with the same texts and the same
    /// number are read alike.
    pub(crate) fn parts(&self, row: usize) -> (ValueTexts<&'a str>, Option<f64>) {
        let columns = [
            self.sources,
            self.code_system,
            self.code,
            self.specimen,
            self.comparator,
            self.unit,
            self.value_code,
            self.value_text,
        ];
        (columns.map(|column| text(column, row)), number(self.value_number, row))
    }

    pub(super) fn flag(&self, row: usize) -> &'a str {
        self.flag.map_or("", |flag| text(flag, row))
    }

    pub(super) fn unit(&self, row: usize) -> &'a str {
        text(self.unit, row)
    }

    /// The tables of a row's source.
    fn site(&self, row: usize) -> &'a SiteTables {
        if self.sites.is_empty() { SiteTables::shipped() } else { self.sites.of_id(text(self.sources, row)) }
    }

    /// Reads one row.
    pub(crate) fn read(&self, row: usize, patient: Patient) -> LabRow {
        let code = text(self.code, row);
        let code = match text(self.code_system, row) {
            "jlac10" => CodeText::Jlac10(code),
            "loinc" => CodeText::Loinc(code),
            _ => CodeText::Local(code),
        };
        let words = [text(self.value_text, row), text(self.value_code, row)];
        let value = match (number(self.value_number, row), words) {
            (Some(value), _) => Written::Number(text(self.comparator, row), value),
            (None, ["", ""]) => Written::Absent,
            (None, ["", code]) => Written::Text(code),
            (None, [text, _]) => Written::Text(text),
        };
        let (low, high) = self.reference.map_or((None, None), |(low, high)| (number(low, row), number(high, row)));
        let input = LabInput {
            code,
            specimen: text(self.specimen, row),
            value,
            unit: self.unit(row),
            interval: WrittenInterval::Bounds(low, high),
            flag: self.flag(row),
            patient,
        };
        read_result(&input, &self.site(row).site())
    }
}

/// A text column of a batch.
pub(crate) fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray> {
    as_string_array(column(batch, name)?)
}

/// A time column of a batch.
pub(crate) fn times<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a TimestampMicrosecondArray> {
    as_timestamp_microsecond_array(column(batch, name)?)
}

/// A column of numbers of a batch.
pub(crate) fn floats<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Float64Array> {
    as_float64_array(column(batch, name)?)
}

pub(crate) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a datafusion::arrow::array::ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| DataFusionError::Internal("a column of the view is missing".to_owned()))
}

/// The text of a row; empty where there is none.
pub(crate) fn text(column: &StringArray, row: usize) -> &str {
    if column.is_null(row) { "" } else { column.value(row) }
}

/// The number of a row; `None` where there is none.
pub(crate) fn number(column: &Float64Array, row: usize) -> Option<f64> {
    column.is_valid(row).then(|| column.value(row))
}
