//! Writing table files: rows sorted by patient and time, small pages, a runs file beside.

use super::runs::Runs;
use super::{FileEntry, TableFile, runs_path, table_dir};
use crate::StoreError;
use crate::files::create_dir;
use crate::hot::{Chunk, keys_of, numbers, place, texts};
use crate::table::{stored_schema, table_name};
use arrow::array::{Array as _, ArrayRef, Int32Array, UInt32Array};
use arrow::compute::{take, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use consent_filter::ScopeClass;
use model::{Category, FacilityId};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// The column that carries a row's scope class, as a number in the file's own list.
pub(crate) const CLASS_COLUMN: &str = "scope_class";

/// The schema inside a table file: the stored columns without the source, which names the directory, and the class.
pub(crate) fn file_schema(category: Category) -> SchemaRef {
    let stored = stored_schema(category);
    let mut fields: Vec<_> = stored.fields().iter().skip(1).cloned().collect();
    fields.push(Arc::new(Field::new(CLASS_COLUMN, DataType::Int32, false)));
    Arc::new(Schema::new(fields))
}

/// Where to write: the store's directory, the table and the part of the files' names that no two commits share.
pub(crate) struct Place<'a> {
    pub(crate) root: &'a Path,
    pub(crate) category: Category,
    pub(crate) stem: &'a str,
    pub(crate) level: u8,
}

/// Writes a chunk as one file per source. Rows may come in any order; every one is written.
pub(crate) fn write(place: &Place<'_>, chunk: &Chunk) -> Result<Vec<TableFile>, StoreError> {
    let order = sorted(chunk);
    let mut files = Vec::new();
    let mut rest = order.as_slice();
    let sources = texts(&chunk.batch, place::SOURCE);
    while let Some(first) = rest.first() {
        let source = sources.map_or("", |texts| texts.value(*first as usize));
        let length = rest.partition_point(|row| sources.is_some_and(|texts| texts.value(*row as usize) == source));
        let (rows, more) = rest.split_at(length.max(1));
        rest = more;
        files.push(write_source(place, chunk, source, rows)?);
    }
    Ok(files)
}

/// Row numbers by source, patient, time and place in the log.
fn sorted(chunk: &Chunk) -> Vec<u32> {
    let mut order: Vec<u32> = (0..u32::try_from(chunk.len()).unwrap_or(u32::MAX)).collect();
    let (Some(sources), Some(patients)) = (texts(&chunk.batch, place::SOURCE), texts(&chunk.batch, place::PATIENT))
    else {
        return order;
    };
    let occurred = chunk.occurred();
    order.sort_unstable_by(|a, b| {
        let (a, b) = (*a as usize, *b as usize);
        sources
            .value(a)
            .cmp(sources.value(b))
            .then_with(|| patients.value(a).cmp(patients.value(b)))
            .then_with(|| occurred.get(a).cmp(&occurred.get(b)))
            .then_with(|| chunk.keys.get(a).cmp(&chunk.keys.get(b)))
    });
    order
}

fn write_source(at: &Place<'_>, chunk: &Chunk, source: &str, rows: &[u32]) -> Result<TableFile, StoreError> {
    let table = table_name(at.category);
    let arrow = |source| StoreError::Arrow { table, source };
    let dir = table_dir(at.root, at.category);
    let facility = FacilityId::parse(source).map_err(|_| StoreError::damaged(&dir, "a row has no readable source"))?;
    let rows = UInt32Array::from(rows.to_vec());
    let batch = take_record_batch(&chunk.batch, &rows).map_err(arrow)?;
    let classes = take(&UInt32Array::from(chunk.classes.clone()), &rows, None).map_err(arrow)?;
    let numbers = crate::hot::values::<arrow::datatypes::UInt32Type>(Some(&classes));

    let mut runs = Runs::default();
    let mut bound: Vec<u32> = Vec::new();
    let mut local: HashMap<u32, i32> = HashMap::new();
    let mut column = Vec::with_capacity(numbers.len());
    for (row, class) in numbers.iter().enumerate() {
        let number = match local.get(class) {
            Some(number) => *number,
            None => {
                let number = i32::try_from(runs.classes.len()).unwrap_or(i32::MAX);
                runs.classes.push(class_of(at.category, &facility, &batch, row, &dir)?);
                bound.push(*class);
                local.insert(*class, number);
                number
            }
        };
        column.push(number);
    }
    describe(&mut runs, &batch);

    let path = format!("source={source}/{}.parquet", at.stem);
    let full = dir.join(&path);
    if let Some(parent) = full.parent() {
        create_dir(parent)?;
    }
    let mut columns: Vec<ArrayRef> = batch.columns().iter().skip(1).cloned().collect();
    columns.push(Arc::new(Int32Array::from(column)));
    let batch = RecordBatch::try_new(file_schema(at.category), columns).map_err(arrow)?;
    let bytes = write_parquet(&full, at.category, &batch)?;
    let runs_path = runs_path(&dir, &path);
    if let Some(parent) = runs_path.parent() {
        create_dir(parent)?;
    }
    runs.write(&runs_path, &facility, at.category)?;
    let entry = FileEntry {
        category: at.category.code().to_owned(),
        source: source.to_owned(),
        path,
        rows: batch.num_rows() as u64,
        bytes,
        level: at.level,
    };
    let file = TableFile::open(at.root, entry)?;
    file.bind_to(bound);
    Ok(file)
}

/// The scope class a row has, from its own columns.
fn class_of(
    category: Category,
    source: &FacilityId,
    batch: &RecordBatch,
    row: usize,
    dir: &Path,
) -> Result<ScopeClass, StoreError> {
    let (_, record) = crate::table::record_of(category, batch, row)
        .ok_or_else(|| StoreError::damaged(dir, "a row to be written is not readable"))?;
    Ok(ScopeClass {
        source: source.clone(),
        category,
        department: record.department,
        author_role: record.author.role,
        labels: record.labels,
    })
}

/// Fills in what the runs say of sorted rows: whose they are, and the bounds of keys and times.
fn describe(runs: &mut Runs, batch: &RecordBatch) {
    if let Some(patients) = texts(batch, place::PATIENT) {
        let mut begin = 0;
        for row in 1..=patients.len() {
            if row == patients.len() || patients.value(row) != patients.value(begin) {
                runs.push(patients.value(begin), row - begin);
                begin = row;
            }
        }
    }
    let mut keys: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for key in keys_of(batch) {
        let bounds = keys.entry(key.partition()).or_insert((key.0, key.0));
        *bounds = (bounds.0.min(key.0), bounds.1.max(key.0));
    }
    runs.keys = keys.into_values().collect();
    let occurred = numbers::<TimestampMicrosecondType>(batch, place::OCCURRED);
    let recorded = numbers::<TimestampMicrosecondType>(batch, place::RECORDED);
    runs.occurred =
        (occurred.iter().copied().min().unwrap_or(i64::MAX), occurred.iter().copied().max().unwrap_or(i64::MIN));
    runs.recorded_last = recorded.iter().copied().max().unwrap_or(i64::MAX);
}

/// Pages are small, so that one patient's few hundred rows do not cost a page of thousands of strangers'.
const PAGE_ROWS: usize = 1024;
/// Those of waveforms hold two hours of a bed.
const WAVEFORM_PAGE_ROWS: usize = 8192;

/// Tests have groups so small that their few rows lie in several.
const GROUP_ROWS: usize = if cfg!(test) { 300 } else { 1 << 20 };

fn properties(category: Category) -> WriterProperties {
    let column = |name: &str| ColumnPath::from(name);
    let mut properties = WriterProperties::builder()
        .set_compression(ZstdLevel::try_new(1).map_or(Compression::UNCOMPRESSED, Compression::ZSTD))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        // Bounds per page are of no use to a scan that knows its rows; those per file serve other readers.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_column_dictionary_enabled(column("record_id"), false)
        .set_column_dictionary_enabled(column("position_offset"), false)
        .set_column_encoding(column("position_offset"), Encoding::DELTA_BINARY_PACKED);
    if category == Category::Document {
        properties = properties.set_column_dictionary_enabled(column("content"), false);
    }
    if category == Category::Waveform {
        // Frames of a bed follow each other: their numbers and times grow in equal steps, their ids differ in the last
        // characters. The samples repeat few values, so that a dictionary and a slow compressor serve them best: a bed
        // writes little, and reading costs the same at any level.
        for name in STEPPING {
            properties = properties
                .set_column_dictionary_enabled(column(name), false)
                .set_column_encoding(column(name), Encoding::DELTA_BINARY_PACKED);
        }
        // A bed has thousands of rows an hour, mostly of empty columns: larger pages cost a reader no strangers' rows.
        properties = properties
            .set_data_page_row_count_limit(WAVEFORM_PAGE_ROWS)
            .set_write_batch_size(WAVEFORM_PAGE_ROWS)
            .set_compression(ZstdLevel::try_new(9).map_or(Compression::UNCOMPRESSED, Compression::ZSTD))
            .set_column_encoding(column("record_id"), Encoding::DELTA_BYTE_ARRAY);
    }
    properties.build()
}

/// The columns of waveforms that grow in steps.
const STEPPING: [&str; 6] = ["occurred", "recorded", "sequence", "device_at", "gateway_at", "edge_at"];

fn write_parquet(path: &Path, category: Category, batch: &RecordBatch) -> Result<u64, StoreError> {
    let failed = |source| StoreError::Parquet { table: table_name(category), source };
    let file = File::create(path).map_err(StoreError::disk(path, "created"))?;
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties(category))).map_err(failed)?;
    writer.write(batch).map_err(failed)?;
    let file = writer.into_inner().map_err(failed)?;
    file.sync_all().map_err(StoreError::disk(path, "synced"))?;
    Ok(file.metadata().map_err(StoreError::disk(path, "read"))?.len())
}
