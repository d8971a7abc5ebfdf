//! Writing table files: rows sorted by patient and time, small pages, a runs file beside.

use super::runs::Runs;
use super::{FileEntry, TableFile, runs_path, table_dir};
use crate::StoreError;
use crate::files::create_dir;
use crate::hot::{Chunk, place, texts};
use crate::table::{stored_schema, table_name};
use arrow::array::{ArrayRef, Int32Array, StringArray};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use consent_filter::ScopeClass;
use model::{Category, FacilityId};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
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

impl Place<'_> {
    fn dir(&self) -> PathBuf {
        table_dir(self.root, self.category)
    }
}

/// Writes the rows of some chunks as one file per source. Rows may come in any order; every one is written. Beside the chunks themselves
/// no more rows are held at once than [`SLICE_ROWS`].
pub(crate) fn write(place: &Place<'_>, chunks: &[Arc<Chunk>]) -> Result<Vec<TableFile>, StoreError> {
    let named = Named::of(place, chunks)?;
    let order = named.sorted();
    let mut files = Vec::new();
    let mut rest = order.as_slice();
    while let Some(first) = rest.first() {
        let source = named.name(*first).0;
        let (rows, more) = rest.split_at(rest.partition_point(|row| named.name(*row).0 == source).max(1));
        rest = more;
        let mut file = Growing::create(place, source)?;
        file.add(&named, rows)?;
        files.push(file.finish()?);
    }
    Ok(files)
}

/// A row: of which chunk, and which of its rows.
type Row = (usize, usize);

/// So many rows are put in order and handed to the file at once; in tests so few that their files take several times.
pub(crate) const SLICE_ROWS: usize = if cfg!(test) { 128 } else { 1 << 14 };

/// Chunks with whose their rows are.
struct Named<'a> {
    chunks: &'a [Arc<Chunk>],
    names: Vec<(&'a StringArray, &'a StringArray)>,
}

impl<'a> Named<'a> {
    fn of(place: &Place<'_>, chunks: &'a [Arc<Chunk>]) -> Result<Self, StoreError> {
        let of =
            |chunk: &'a Arc<Chunk>| Some((texts(&chunk.batch, place::SOURCE)?, texts(&chunk.batch, place::PATIENT)?));
        let names = chunks.iter().map(of).collect::<Option<Vec<_>>>();
        let nameless = || StoreError::damaged(place.dir(), "rows to be written have no names");
        Ok(Self { chunks, names: names.ok_or_else(nameless)? })
    }

    /// The source and its number of the patient.
    fn name(&self, (chunk, row): Row) -> (&'a str, &'a str) {
        self.names.get(chunk).map_or(("", ""), |(sources, patients)| (sources.value(row), patients.value(row)))
    }

    /// Something that each row of a chunk has.
    fn of_row<T: Copy + 'a>(&self, (chunk, row): Row, all: impl Fn(&'a Chunk) -> &'a [T]) -> Option<T> {
        all(self.chunks.get(chunk)?).get(row).copied()
    }

    /// The rows by source, patient, time and place in the log.
    fn sorted(&self) -> Vec<Row> {
        let rows = |(chunk, of): (usize, &Arc<Chunk>)| (0..of.len()).map(move |row| (chunk, row));
        let mut order: Vec<Row> = self.chunks.iter().enumerate().flat_map(rows).collect();
        let time = |row: Row| (self.of_row(row, Chunk::occurred), self.of_row(row, |chunk| &chunk.keys));
        order.sort_unstable_by(|a, b| self.name(*a).cmp(&self.name(*b)).then_with(|| time(*a).cmp(&time(*b))));
        order
    }
}

/// A table file of one source that is being written, from its first patient to its last.
pub(crate) struct Growing<'a> {
    place: &'a Place<'a>,
    source: FacilityId,
    path: String,
    writer: ArrowWriter<File>,
    runs: Runs,
    keys: BTreeMap<u64, (u64, u64)>,
    recorded_last: Option<i64>,
    /// The book's number of each class that the file lists, and where it lists it.
    bound: Vec<u32>,
    listed: HashMap<u32, i32>,
}

impl<'a> Growing<'a> {
    /// Begins the file.
    pub(crate) fn create(place: &'a Place<'a>, source: &str) -> Result<Self, StoreError> {
        let dir = place.dir();
        let facility =
            FacilityId::parse(source).map_err(|_| StoreError::damaged(&dir, "a row has no readable source"))?;
        let path = format!("source={source}/{}.parquet", place.stem);
        let full = dir.join(&path);
        if let Some(parent) = full.parent() {
            create_dir(parent)?;
        }
        let file = File::create(&full).map_err(StoreError::disk(&full, "created"))?;
        let writer = ArrowWriter::try_new(file, file_schema(place.category), Some(properties(place.category)));
        Ok(Self {
            writer: writer.map_err(|source| StoreError::Parquet { table: table_name(place.category), source })?,
            runs: Runs::of_nobody(),
            keys: BTreeMap::new(),
            recorded_last: None,
            bound: Vec::new(),
            listed: HashMap::new(),
            source: facility,
            place,
            path,
        })
    }

    /// Adds all rows of the next patients: no patient of theirs was added before, nor any that comes after one of them.
    pub(crate) fn add_all(&mut self, chunks: &[Arc<Chunk>]) -> Result<(), StoreError> {
        let named = Named::of(self.place, chunks)?;
        self.add(&named, &named.sorted())
    }

    fn add(&mut self, named: &Named<'_>, rows: &[Row]) -> Result<(), StoreError> {
        let table = table_name(self.place.category);
        let schema = file_schema(self.place.category);
        let arrow = |source| StoreError::Arrow { table, source };
        let batches: Vec<&RecordBatch> = named.chunks.iter().map(|chunk| &chunk.batch).collect();
        for rows in rows.chunks(SLICE_ROWS) {
            let classes = rows.iter().map(|row| self.class(named, *row)).collect::<Result<Vec<i32>, _>>()?;
            let batch = interleave_record_batch(&batches, rows).map_err(arrow)?;
            let mut columns: Vec<ArrayRef> = batch.columns().iter().skip(1).cloned().collect();
            columns.push(Arc::new(Int32Array::from(classes)));
            let batch = RecordBatch::try_new(schema.clone(), columns).map_err(arrow)?;
            self.writer.write(&batch).map_err(|source| StoreError::Parquet { table, source })?;
        }
        self.describe(named, rows);
        Ok(())
    }

    /// Where the file lists a row's class; one that is new to it is added to the list.
    fn class(&mut self, named: &Named<'_>, row: Row) -> Result<i32, StoreError> {
        let class = named.of_row(row, |chunk| &chunk.classes).unwrap_or(u32::MAX);
        if let Some(number) = self.listed.get(&class) {
            return Ok(*number);
        }
        let dir = self.place.dir();
        let number = i32::try_from(self.runs.classes.len()).unwrap_or(i32::MAX);
        let chunk = named.chunks.get(row.0);
        let chunk = chunk.ok_or_else(|| StoreError::damaged(&dir, "a row to be written is in no chunk"))?;
        self.runs.classes.push(class_of(self.place.category, &self.source, &chunk.batch, row.1, &dir)?);
        self.bound.push(class);
        self.listed.insert(class, number);
        Ok(number)
    }

    /// Notes what the runs say of sorted rows: whose they are, and the bounds of keys and times.
    fn describe(&mut self, named: &Named<'_>, rows: &[Row]) {
        for of_one in rows.chunk_by(|one, other| named.name(*one) == named.name(*other)) {
            if let Some(first) = of_one.first() {
                self.runs.push(named.name(*first).1, of_one.len());
            }
        }
        for key in rows.iter().filter_map(|row| named.of_row(*row, |chunk| &chunk.keys)) {
            let bounds = self.keys.entry(key.partition()).or_insert((key.0, key.0));
            *bounds = (bounds.0.min(key.0), bounds.1.max(key.0));
        }
        let (first, last) = &mut self.runs.occurred;
        for occurred in rows.iter().filter_map(|row| named.of_row(*row, Chunk::occurred)) {
            (*first, *last) = ((*first).min(occurred), (*last).max(occurred));
        }
        let recorded = rows.iter().filter_map(|row| named.of_row(*row, Chunk::recorded)).max();
        self.recorded_last = self.recorded_last.max(recorded);
    }

    /// Ends the file, syncs it, writes its runs beside and opens it.
    pub(crate) fn finish(self) -> Result<TableFile, StoreError> {
        let Self { place, source, path, writer, mut runs, .. } = self;
        let table = table_name(place.category);
        let full = place.dir().join(&path);
        let file = writer.into_inner().map_err(|source| StoreError::Parquet { table, source })?;
        file.sync_all().map_err(StoreError::disk(&full, "synced"))?;
        let bytes = file.metadata().map_err(StoreError::disk(&full, "read"))?.len();
        runs.keys = self.keys.into_values().collect();
        runs.recorded_last = self.recorded_last.unwrap_or(i64::MAX);
        let runs_path = runs_path(&place.dir(), &path);
        if let Some(parent) = runs_path.parent() {
            create_dir(parent)?;
        }
        runs.write(&runs_path, &source, place.category)?;
        let entry = FileEntry {
            category: place.category.code().to_owned(),
            source: source.as_str().to_owned(),
            path,
            rows: runs.rows() as u64,
            bytes,
            level: place.level,
        };
        let file = TableFile::open(place.root, entry)?;
        file.bind_to(self.bound);
        Ok(file)
    }
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
