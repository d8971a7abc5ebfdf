//! The cold tier: table files on disk, and what is kept in memory of each.
//!
//! A file holds rows of one table and one source, sorted by patient and time. Beside it lies a small index: which
//! rows are whose, and which scope classes its rows have. A scan goes from a visibility's patients to row ranges
//! without opening the file.

pub(crate) mod delta;
pub(crate) mod merge;
pub(crate) mod reader;
pub(crate) mod runs;
pub(crate) mod write;

use crate::StoreError;
use crate::planted::{Bug, is};
use crate::table::{stored_columns, stored_schema, table_name};
use arrow::array::{ArrayRef, StringArray, new_null_array};
use arrow::datatypes::{DataType, Schema};
use arrow::record_batch::RecordBatch;
use consent_filter::{Book, ClassIx};
use model::{Category, FacilityId};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::PageIndexPolicy;
use runs::Runs;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// A table file as the manifest names it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileEntry {
    /// The table's category, by its code.
    pub(crate) category: String,
    /// Whose records.
    pub(crate) source: String,
    /// Its path below the table's directory.
    pub(crate) path: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// How often its rows were merged: compaction takes files of one level together.
    pub(crate) level: u8,
}

/// One table file, open to scans. Removed from disk when it was superseded and the last scan let go of it.
#[derive(Debug)]
pub(crate) struct TableFile {
    pub(crate) entry: FileEntry,
    pub(crate) category: Category,
    pub(crate) source: FacilityId,
    pub(crate) runs: Runs,
    path: PathBuf,
    runs_path: PathBuf,
    /// The book's number of each of the file's classes.
    classes: OnceLock<Vec<u32>>,
    metadata: OnceLock<ArrowReaderMetadata>,
    folded: OnceLock<ArrowReaderMetadata>,
    places: OnceLock<Places>,
    doomed: AtomicBool,
}

/// How texts are read: each spelled out, or as places in the file's own list of those there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Texts {
    Spelled,
    Folded,
}

/// Where a file's columns lie. A file keeps the columns its table had when it was written: one that was added since is
/// not in it, and reads as NULL, as it does in a table made anew of letters that did not have it.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// By the place among the stored columns; the source, which names the directory, is in no file.
    stored: Vec<Option<usize>>,
    /// The class column's.
    pub(crate) class: usize,
}

impl Places {
    /// Where the stored column at a place lies in the file, if it is there.
    pub(crate) fn of(&self, stored: usize) -> Option<usize> {
        self.stored.get(stored).copied().flatten()
    }
}

/// The directory of a category's table.
pub(crate) fn table_dir(root: &Path, category: Category) -> PathBuf {
    root.join("tables").join(table_name(category))
}

/// Where a table file's runs lie. Names that begin with `_` are no data to readers of the open format.
pub(crate) fn runs_path(table_dir: &Path, path: &str) -> PathBuf {
    let name = path.trim_end_matches(".parquet").replace('/', "~");
    table_dir.join("_runs").join(format!("{name}.runs"))
}

impl TableFile {
    pub(crate) fn open(root: &Path, entry: FileEntry) -> Result<Self, StoreError> {
        let dir = root.join("tables");
        let category: Category =
            entry.category.parse().map_err(|_| StoreError::damaged(&dir, "the manifest names an unknown table"))?;
        let source = FacilityId::parse(&entry.source)
            .map_err(|_| StoreError::damaged(&dir, "the manifest names an unreadable source"))?;
        let dir = table_dir(root, category);
        let runs_path = runs_path(&dir, &entry.path);
        let runs = Runs::read(&runs_path)?;
        let path = dir.join(&entry.path);
        if runs.rows() as u64 != entry.rows {
            return Err(StoreError::damaged(runs_path, "it counts other rows than the manifest"));
        }
        Ok(Self {
            entry,
            category,
            source,
            runs,
            path,
            runs_path,
            classes: OnceLock::new(),
            metadata: OnceLock::new(),
            folded: OnceLock::new(),
            places: OnceLock::new(),
            doomed: AtomicBool::new(false),
        })
    }

    /// Gives the file's classes the numbers they have in `book`. Until then its rows have no class and are shown to
    /// nobody.
    pub(crate) fn bind(&self, book: &mut Book) {
        self.classes.get_or_init(|| {
            let mut classes: Vec<u32> = self.runs.classes.iter().map(|class| book.class(class).as_u32()).collect();
            if is(Bug::ClassesBoundBackwards) {
                classes.reverse();
            }
            classes
        });
    }

    pub(crate) fn bind_to(&self, classes: Vec<u32>) {
        self.classes.get_or_init(|| classes);
    }

    /// The book's class of a number in the file's class column.
    pub(crate) fn class(&self, local: i32) -> Option<ClassIx> {
        let classes = self.classes.get()?;
        usize::try_from(local).ok().and_then(|at| classes.get(at)).map(|number| ClassIx::from_u32(*number))
    }

    /// The file's footer and page places, read once.
    pub(crate) fn metadata(&self) -> Result<ArrowReaderMetadata, StoreError> {
        if let Some(metadata) = self.metadata.get() {
            return Ok(metadata.clone());
        }
        let file = self.reader()?;
        let options = ArrowReaderOptions::new()
            .with_offset_index_policy(PageIndexPolicy::Required)
            .with_column_index_policy(PageIndexPolicy::Skip);
        let loaded = ArrowReaderMetadata::load(&file, options)
            .map_err(|source| StoreError::Parquet { table: table_name(self.category), source })?;
        Ok(self.metadata.get_or_init(|| loaded).clone())
    }

    /// As [`Self::metadata`], for reading texts folded.
    pub(crate) fn folded(&self) -> Result<ArrowReaderMetadata, StoreError> {
        if let Some(folded) = self.folded.get() {
            return Ok(folded.clone());
        }
        let metadata = self.metadata()?;
        let has_dictionary = |at: usize| {
            let mut groups = metadata.metadata().row_groups().iter();
            groups.all(|group| group.columns().get(at).is_some_and(|column| column.dictionary_page_offset().is_some()))
        };
        let mut fields = Vec::new();
        // A list has leaves of its own, so columns are found by name.
        for field in metadata.schema().fields() {
            let descriptor = metadata.parquet_schema();
            let leaf = (0..descriptor.num_columns()).find(|at| descriptor.column(*at).path().string() == *field.name());
            let folds = *field.data_type() == DataType::Utf8 && leaf.is_some_and(has_dictionary);
            let kind = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            fields.push(if folds { Arc::new(field.as_ref().clone().with_data_type(kind)) } else { field.clone() });
        }
        let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
        let folded = ArrowReaderMetadata::try_new(metadata.metadata().clone(), options)
            .map_err(|source| StoreError::Parquet { table: table_name(self.category), source })?;
        Ok(self.folded.get_or_init(|| folded).clone())
    }

    /// Where the file's columns lie.
    pub(crate) fn places(&self) -> Result<&Places, StoreError> {
        if let Some(places) = self.places.get() {
            return Ok(places);
        }
        let metadata = self.metadata()?;
        let schema = metadata.schema();
        let class = schema.index_of(write::CLASS_COLUMN);
        let class = class.map_err(|_| StoreError::damaged(&self.path, "its class column is missing"))?;
        let stored = stored_columns(self.category).map(|column| schema.index_of(column.name).ok()).collect();
        Ok(self.places.get_or_init(|| Places { stored, class }))
    }

    /// A batch read from the file with all of its columns, as the stored columns again; one that the file is too old to have is NULL.
    pub(crate) fn stored(&self, batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
        let rows = batch.num_rows();
        let source: ArrayRef = Arc::new(StringArray::from_iter_values(std::iter::repeat_n(self.source.as_str(), rows)));
        let schema = stored_schema(self.category);
        let own = schema.fields().iter().skip(1).map(|field| {
            let column = batch.column_by_name(field.name()).cloned();
            column.unwrap_or_else(|| new_null_array(field.data_type(), rows))
        });
        let columns = std::iter::once(source).chain(own).collect();
        RecordBatch::try_new(schema.clone(), columns)
            .map_err(|source| StoreError::Arrow { table: table_name(self.category), source })
    }

    pub(crate) fn reader(&self) -> Result<reader::Pages, StoreError> {
        reader::Pages::open(&self.path)
    }

    /// The directories that carry the names of the file and its runs.
    pub(crate) fn directories(&self, root: &Path) -> Vec<PathBuf> {
        let table = table_dir(root, self.category);
        let parent = |path: &Path| path.parent().map(Path::to_owned);
        [Some(root.join("tables")), Some(table), parent(&self.path), parent(&self.runs_path)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Removes the file from disk once nothing reads it any more.
    pub(crate) fn doom(&self) {
        self.doomed.store(true, Ordering::Release);
    }
}

impl Drop for TableFile {
    fn drop(&mut self) {
        if self.doomed.load(Ordering::Acquire) {
            // What cannot be removed now is removed at the next opening: the manifest does not name it.
            let _ = std::fs::remove_file(&self.path);
            let _ = std::fs::remove_file(&self.runs_path);
        }
    }
}

/// The files of all tables as one commit left them.
#[derive(Clone, Default, Debug)]
pub(crate) struct ColdTables {
    files: Vec<Arc<TableFile>>,
}

impl ColdTables {
    pub(crate) fn new(files: Vec<Arc<TableFile>>) -> Self {
        Self { files }
    }
    pub(crate) fn all(&self) -> &[Arc<TableFile>] {
        &self.files
    }
    pub(crate) fn of(&self, category: Category) -> impl Iterator<Item = &Arc<TableFile>> {
        self.files.iter().filter(move |file| file.category == category)
    }
}
