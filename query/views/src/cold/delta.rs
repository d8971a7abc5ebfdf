//! The open table log (Delta Lake) of each table, so that other tools can read the files and see which log
//! positions they reach: each commit carries `txn("ajisai/<partition>", next offset)`.
//!
//! The manifest is what this store itself goes by. A table's log is brought to the manifest's files by difference:
//! what it lists and the next manifest does not name is removed, what is missing is added. So a table commit that a
//! crash left without a manifest is rolled over by the commit after it, and needs no special case.

use super::{FileEntry, table_dir};
use crate::StoreError;
use crate::files::create_dir;
use crate::table::{Kind, stored_columns, table_name};
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TableReference};
use deltalake_core::kernel::{Action, Add, ArrayType, DataType, StructField, Transaction};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError, ensure_table_uri};
use model::{Category, Frontier};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The tables' logs; each is opened at its first commit.
pub(crate) struct TableLogs {
    root: PathBuf,
    open: HashMap<Category, DeltaTable>,
}

impl TableLogs {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), open: HashMap::new() }
    }

    /// Brings a table's log to `files`, which reach `frontier`. Gives the version it then has.
    pub(crate) async fn bring_to(
        &mut self,
        category: Category,
        files: &[&FileEntry],
        frontier: &Frontier,
    ) -> Result<u64, StoreError> {
        let table = match self.open.remove(&category) {
            Some(table) => Ok(table),
            None => open_or_create(&self.root, category).await,
        };
        let failed = |source| StoreError::Delta { table: table_name(category), source: Box::new(source) };
        let (table, version) = commit(table.map_err(failed)?, files, frontier).await.map_err(failed)?;
        // Only a table whose commit went through is kept: after a failure the log on disk is asked again.
        self.open.insert(category, table);
        Ok(version)
    }
}

async fn open_or_create(root: &Path, category: Category) -> Result<DeltaTable, DeltaTableError> {
    let dir = table_dir(root, category);
    create_dir(&dir).map_err(|error| DeltaTableError::Generic(error.to_string()))?;
    let location = dir.to_str().ok_or_else(|| DeltaTableError::Generic("the path is not Unicode".to_owned()))?;
    let url = ensure_table_uri(location)?;
    let mut columns: Vec<StructField> = stored_columns(category)
        .map(|column| StructField::new(column.name, data_type(column.kind), column.nullable))
        .collect();
    columns.push(StructField::new(super::write::CLASS_COLUMN, DataType::INTEGER, false));
    if dir.join("_delta_log").is_dir() {
        let mut table = DeltaTableBuilder::from_url(url.clone())?.build()?;
        if table.load().await.is_ok() {
            // Columns the table has got since its log was begun.
            let known = table.snapshot()?.schema();
            columns.retain(|column| known.field(&column.name).is_none());
            return if columns.is_empty() { Ok(table) } else { table.add_columns().with_fields(columns).await };
        }
    }
    CreateBuilder::new()
        .with_location(url.as_str())
        .with_table_name(table_name(category))
        .with_columns(columns)
        .with_partition_columns(["source"])
        .with_save_mode(SaveMode::Ignore)
        .await
}

async fn commit(
    table: DeltaTable,
    files: &[&FileEntry],
    frontier: &Frontier,
) -> Result<(DeltaTable, u64), DeltaTableError> {
    let state = table.snapshot()?;
    let wanted: HashSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut listed = HashSet::new();
    let mut actions = Vec::new();
    for file in state.log_data().iter() {
        let path = file.path().into_owned();
        if !wanted.contains(path.as_str()) {
            actions.push(Action::Remove(file.remove_action(true)));
        }
        listed.insert(path);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    for file in files.iter().filter(|file| !listed.contains(&file.path)) {
        actions.push(Action::Add(Add {
            path: file.path.clone(),
            partition_values: HashMap::from([("source".to_owned(), Some(file.source.clone()))]),
            size: i64::try_from(file.bytes).unwrap_or(i64::MAX),
            modification_time: now,
            data_change: true,
            stats: Some(format!("{{\"numRecords\":{}}}", file.rows)),
            ..Add::default()
        }));
    }
    let reached = frontier.iter().map(|(partition, next)| {
        Transaction::new(format!("ajisai/{partition}"), i64::try_from(next.0).unwrap_or(i64::MAX))
    });
    let operation = DeltaOperation::Write {
        mode: SaveMode::Append,
        partition_by: Some(vec!["source".to_owned()]),
        predicate: None,
    };
    let done = CommitBuilder::from(CommitProperties::default().with_application_transactions(reached.collect()))
        .with_actions(actions)
        .build(Some(state as &dyn TableReference), table.log_store(), operation)
        .await?;
    let version = done.version();
    let mut table = table;
    table.state = Some(done.snapshot());
    Ok((table, version))
}

fn data_type(kind: Kind) -> DataType {
    let list = |item| DataType::from(ArrayType::new(item, true));
    match kind {
        Kind::Text => DataType::STRING,
        Kind::Texts => list(DataType::STRING),
        Kind::Float => DataType::DOUBLE,
        Kind::Long => DataType::LONG,
        Kind::Int => DataType::INTEGER,
        Kind::Flag => DataType::BOOLEAN,
        Kind::Time => DataType::TIMESTAMP,
        Kind::Date => DataType::DATE,
        Kind::Samples => list(DataType::FLOAT),
        Kind::Qualities => list(DataType::BYTE),
    }
}
