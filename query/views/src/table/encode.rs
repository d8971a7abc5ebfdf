//! From a record to a row: one builder per column, filled in the order of [`super::columns`].

use super::{Column, Kind, stored_columns, stored_schema};
use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Float32Builder, Float64Builder, Int8Builder, Int32Builder, Int64Builder,
    ListBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{Field, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use clinical::lab::Jlac10;
use model::{
    BedSession, Category, CodeSystem, Coding, Moment, Payload, Position, Record, Value, Waveform, WaveformChannel,
    WaveformFrame,
};
use std::sync::Arc;

enum Cells {
    Text(StringBuilder),
    Texts(ListBuilder<StringBuilder>),
    Float(Float64Builder),
    Long(Int64Builder),
    Int(Int32Builder),
    Flag(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
    Date(Date32Builder),
    Samples(ListBuilder<Float32Builder>),
    Qualities(ListBuilder<Int8Builder>),
}

impl Cells {
    fn new(kind: Kind) -> Self {
        let element = |item| Arc::new(Field::new("element", item, true));
        match kind {
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Texts => Self::Texts(
                ListBuilder::new(StringBuilder::new()).with_field(element(arrow::datatypes::DataType::Utf8)),
            ),
            Kind::Float => Self::Float(Float64Builder::new()),
            Kind::Long => Self::Long(Int64Builder::new()),
            Kind::Int => Self::Int(Int32Builder::new()),
            Kind::Flag => Self::Flag(BooleanBuilder::new()),
            Kind::Time => Self::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Kind::Date => Self::Date(Date32Builder::new()),
            Kind::Samples => Self::Samples(
                ListBuilder::new(Float32Builder::new()).with_field(element(arrow::datatypes::DataType::Float32)),
            ),
            Kind::Qualities => Self::Qualities(
                ListBuilder::new(Int8Builder::new()).with_field(element(arrow::datatypes::DataType::Int8)),
            ),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(cells) => Arc::new(cells.finish()),
            Self::Texts(cells) => Arc::new(cells.finish()),
            Self::Float(cells) => Arc::new(cells.finish()),
            Self::Long(cells) => Arc::new(cells.finish()),
            Self::Int(cells) => Arc::new(cells.finish()),
            Self::Flag(cells) => Arc::new(cells.finish()),
            Self::Time(cells) => Arc::new(cells.finish()),
            Self::Date(cells) => Arc::new(cells.finish()),
            Self::Samples(cells) => Arc::new(cells.finish()),
            Self::Qualities(cells) => Arc::new(cells.finish()),
        }
    }
}

/// Builds rows of one category.
pub(crate) struct RowBuilder {
    schema: SchemaRef,
    cells: Vec<Cells>,
    rows: usize,
}

impl RowBuilder {
    pub(crate) fn new(category: Category) -> Self {
        Self {
            schema: stored_schema(category),
            cells: stored_columns(category).map(|column: &Column| Cells::new(column.kind)).collect(),
            rows: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Appends a record that has a payload; a record without one is no row and nothing is appended.
    pub(crate) fn push(&mut self, position: Position, record: &Record) -> bool {
        let Some(payload) = record.payload() else { return false };
        let mut row = Row { cells: self.cells.iter_mut() };
        row.common(position, record);
        row.payload(payload);
        debug_assert!(row.cells.next().is_none(), "every column is filled");
        self.rows += 1;
        true
    }

    /// The rows so far as a batch; the builder is empty afterwards.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows = 0;
        RecordBatch::try_new(self.schema.clone(), self.cells.iter_mut().map(Cells::finish).collect())
    }
}

/// One row being filled, column after column. A column of another kind than the value is a fault of this file
/// that the round-trip test finds; the row's length then differs and `finish` refuses the batch.
struct Row<'a> {
    cells: std::slice::IterMut<'a, Cells>,
}

impl Row<'_> {
    fn text(&mut self, value: &str) {
        if let Some(Cells::Text(cells)) = self.cells.next() {
            cells.append_option((!value.is_empty()).then_some(value));
        }
    }
    fn texts<'t>(&mut self, values: impl Iterator<Item = &'t str>) {
        if let Some(Cells::Texts(cells)) = self.cells.next() {
            for value in values {
                cells.values().append_value(value);
            }
            cells.append(true);
        }
    }
    fn float(&mut self, value: Option<f64>) {
        if let Some(Cells::Float(cells)) = self.cells.next() {
            cells.append_option(value);
        }
    }
    fn long(&mut self, value: Option<u64>) {
        if let Some(Cells::Long(cells)) = self.cells.next() {
            cells.append_option(value.map(|value| i64::try_from(value).unwrap_or(i64::MAX)));
        }
    }
    fn int(&mut self, value: u32) {
        if let Some(Cells::Int(cells)) = self.cells.next() {
            cells.append_value(i32::try_from(value).unwrap_or(i32::MAX));
        }
    }
    fn flag(&mut self, value: bool) {
        if let Some(Cells::Flag(cells)) = self.cells.next() {
            cells.append_value(value);
        }
    }
    fn time(&mut self, value: Option<Moment>) {
        if let Some(Cells::Time(cells)) = self.cells.next() {
            cells.append_option(value.map(Moment::micros));
        }
    }
    fn date(&mut self, value: Option<jiff::civil::Date>) {
        if let Some(Cells::Date(cells)) = self.cells.next() {
            cells.append_option(value.map(super::decode::days_of));
        }
    }

    fn common(&mut self, position: Position, record: &Record) {
        self.text(record.patient.facility().as_str());
        self.text(record.patient.number().as_str());
        self.text(record.id.as_str());
        self.long(Some(record.version.get()));
        self.time(Some(record.occurred));
        self.time(Some(record.recorded));
        self.text(record.department.as_ref().map_or("", |department| department.as_str()));
        self.text(record.author.role.code());
        self.text(record.author.member.as_ref().map_or("", |member| member.as_str()));
        // All of them: a file's rows find their class again by this column.
        self.texts(consent_filter::labels_of(record).iter().map(model::Label::code));
        self.text(record.change().code());
        self.int(position.partition.0);
        self.long(Some(position.offset.0));
    }

    fn coding(&mut self, coding: &Coding) {
        self.text(coding.system.code());
        self.text(&coding.code);
        self.text(&coding.display);
    }

    fn value(&mut self, value: &Value) {
        let (number, comparator, unit) = match value {
            Value::Quantity { value, unit, comparator } => (Some(*value), comparator.as_str(), unit.as_str()),
            _ => (None, "", ""),
        };
        self.float(number);
        self.text(comparator);
        self.text(unit);
        let (system, code, text) = match value {
            Value::Coded(coding) => (coding.system.code(), coding.code.as_str(), coding.display.as_str()),
            Value::Text(text) => ("", "", text.as_str()),
            _ => ("", "", ""),
        };
        self.text(system);
        self.text(code);
        self.text(text);
        self.text(match value {
            // An absence without a reason is still an absence.
            Value::Absent(reason) if reason.is_empty() => "unknown",
            Value::Absent(reason) => reason,
            _ => "",
        });
    }

    fn payload(&mut self, payload: &Payload) {
        match payload {
            Payload::Patient(patient) => {
                self.text(&patient.name);
                self.text(&patient.kana);
                self.date(patient.birth_date);
                self.text(patient.sex.code());
                self.text(&patient.postal_code);
                self.text(&patient.address);
                self.time(patient.deceased);
            }
            Payload::Laboratory(result) => {
                self.coding(&result.code);
                self.analyte(&result.code);
                self.value(&result.value);
                self.float(result.reference_low);
                self.float(result.reference_high);
                self.text(&result.flag);
                self.text(&result.specimen);
                self.text(result.status.code());
                self.text(&result.order);
                self.text(&result.note);
            }
            Payload::VitalSign(sign) => {
                self.coding(&sign.code);
                self.value(&sign.value);
            }
            Payload::Condition(condition) => {
                self.coding(&condition.code);
                self.text(&condition.clinical_status);
                self.flag(condition.suspected);
                self.time(condition.onset);
                self.time(condition.abated);
            }
            Payload::Allergy(allergy) => {
                self.coding(&allergy.code);
                self.text(&allergy.criticality);
                self.text(&allergy.reaction);
                self.text(&allergy.clinical_status);
            }
            Payload::Medication(medication) => {
                self.coding(&medication.code);
                self.text(&medication.status);
                self.text(&medication.dosage);
                self.float(medication.quantity);
                self.text(&medication.quantity_unit);
                self.long(medication.days.map(u64::from));
            }
            Payload::Encounter(encounter) => {
                self.text(encounter.class.code());
                self.text(&encounter.status);
                self.coding(&encounter.reason);
                self.time(encounter.start);
                self.time(encounter.end);
            }
            Payload::Document(document) => {
                self.coding(&document.kind);
                self.text(&document.title);
                self.text(&document.content_type);
                self.text(&document.content);
            }
            Payload::Imaging(imaging) => {
                self.text(&imaging.modality);
                self.coding(&imaging.procedure);
                self.text(&imaging.study_uid);
                self.text(&imaging.report);
            }
            Payload::Waveform(waveform) => self.waveform(waveform),
            Payload::Bed(bed) => self.bed(bed),
            Payload::Perinatal(perinatal) => {
                self.coding(&perinatal.code);
                self.long(perinatal.gestational_days.map(u64::from));
                self.value(&perinatal.value);
            }
            Payload::CarePlan(plan) => {
                self.coding(&plan.code);
                self.text(&plan.status);
                self.text(&plan.text);
            }
            Payload::Message(message) => {
                self.text(&message.subject);
                self.text(&message.text);
            }
            Payload::Immunization(given) => {
                self.coding(&given.code);
                self.text(given.status.code());
                self.text(&given.reason);
                self.text(&given.lot);
                self.text(&given.manufacturer);
                self.text(&given.dose_number);
                self.float(given.quantity);
                self.text(&given.quantity_unit);
                self.text(&given.site);
                self.text(&given.route);
                self.flag(given.reported);
                self.flag(given.subpotent);
                self.text(&given.note);
            }
        }
    }

    fn analyte(&mut self, code: &Coding) {
        match (&code.system, Jlac10::parse(&code.code)) {
            (CodeSystem::Jlac10, Ok(jlac10)) => self.text(jlac10.analyte()),
            _ => self.text(""),
        }
    }

    fn waveform(&mut self, waveform: &Waveform) {
        self.text(FRAME);
        self.text(&waveform.session);
        self.text(&waveform.device);
        self.float(Some(f64::from(waveform.hertz)));
        self.long(Some(waveform.sequence));
        self.time(waveform.hops.device);
        self.time(waveform.hops.gateway);
        self.time(waveform.hops.edge);
        self.flag(waveform.held_back);
        self.text("");
        self.time(None);
        self.time(None);
        self.text("");
        self.texts(std::iter::empty());
        self.texts(std::iter::empty());
        self.channels(&waveform.frames);
    }

    fn bed(&mut self, bed: &BedSession) {
        self.text(BED);
        self.text(&bed.session);
        self.text("");
        self.float(None);
        self.long(None);
        self.time(None);
        self.time(None);
        self.time(None);
        self.flag(false);
        self.text(&bed.bed);
        self.time(Some(bed.opened));
        self.time(bed.closed);
        self.text(&bed.closing);
        self.texts(bed.fetuses.iter().map(String::as_str));
        self.texts(bed.devices.iter().map(String::as_str));
        self.channels(&[]);
    }

    fn channels(&mut self, all: &[WaveformFrame]) {
        for channel in WaveformChannel::ALL {
            // Two frames of one channel in one record follow each other in one list.
            let frames = || all.iter().filter(|frame| frame.channel.code() == channel.code());
            let present = frames().next().is_some();
            if let Some(Cells::Samples(cells)) = self.cells.next() {
                for frame in frames() {
                    cells.values().append_slice(&frame.samples);
                }
                cells.append(present);
            }
            if let Some(Cells::Qualities(cells)) = self.cells.next() {
                for quality in frames().flat_map(|frame| frame.quality.iter()) {
                    cells.values().append_value(*quality as i8);
                }
                cells.append(present);
            }
        }
    }
}

/// The kinds of rows of the waveform table.
pub(super) const FRAME: &str = "frame";
pub(super) const BED: &str = "bed";
