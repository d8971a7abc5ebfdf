//! A store from before a table had a column, or was there at all, opens as it is.

use super::Node;
use crate::cold::write::CLASS_COLUMN;
use crate::testing::{facility, moment, record, rng, saying};
use arrow::array::RecordBatch;
use datafusion::prelude::SessionContext;
use model::*;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

const SOURCE: &str = "alpha-hospital";

/// A laboratory result with a note, or from before there were notes.
fn result(at: u64, note: &str) -> Record {
    let made = record(Category::Laboratory, SOURCE, "001", &format!("r{at}"), &mut rng(at));
    let Some(Payload::Laboratory(result)) = made.payload() else { panic!("a result") };
    let payload = Payload::Laboratory(LabResult { note: note.to_owned(), ..result.clone() });
    saying(&made, made.version, payload)
}

fn log(records: Vec<Record>, from: u64) -> Vec<(Position, Event)> {
    let event = |(at, record): (u64, Record)| {
        let key = EventKey { source: facility(SOURCE), id: EventId::parse(&format!("e{at}")).unwrap() };
        let event = Event { key, admitted_at: moment(1_700_000_000_000_000), body: Body::Record(Box::new(record)) };
        (Position::new(1, at), event)
    };
    (from..).zip(records).map(event).collect()
}

/// Who the facility is, without which nobody there sees anything.
fn directory() -> (Position, Event) {
    let alpha = Facility {
        id: facility(SOURCE),
        kind: FacilityKind::Hospital,
        name: SOURCE.to_owned(),
        name_en: String::new(),
        status: FacilityStatus::Active,
    };
    let key = EventKey { source: facility(SOURCE), id: EventId::parse("alpha").unwrap() };
    let body = Body::Directory(DirectoryChange::Facility(alpha));
    (Position::new(0, 0), Event { key, admitted_at: moment(1_700_000_000_000_000), body })
}

async fn commit(node: &mut Node, letters: &[(Position, Event)]) {
    node.take_all(letters);
    node.publish();
    node.store.commit().await.unwrap();
}

/// What a statement gives the facility itself, as text.
async fn asked(node: &Node, sql: &str) -> String {
    let me = Principal { facility: facility(SOURCE), member: None, role: Role::System, purpose: Purpose::Treatment };
    let view = node.views().view(&me, moment(1_701_300_000_000_000));
    let context = SessionContext::new();
    for category in [Category::Laboratory, Category::Immunization] {
        context.register_table(crate::table::table_name(category), view.table(category)).unwrap();
    }
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
}

fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_str().is_some_and(|name| name.ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Takes the column out of the table's files and out of its open log, as a program that did not know it left them.
fn forget(root: &Path, table: &str, column: &str) {
    let dir = root.join("tables").join(table);
    let tables = files(&dir, ".parquet");
    assert!(!tables.is_empty());
    for path in tables {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap().build().unwrap();
        let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        let schema = batches[0].schema();
        assert_eq!(schema.fields().last().unwrap().name(), CLASS_COLUMN);
        let kept: Vec<usize> = (0..schema.fields().len()).filter(|at| schema.field(*at).name() != column).collect();
        assert_eq!(kept.len() + 1, schema.fields().len(), "the column was there");
        let narrow = std::sync::Arc::new(schema.project(&kept).unwrap());
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), narrow, None).unwrap();
        batches.iter().for_each(|batch| writer.write(&batch.project(&kept).unwrap()).unwrap());
        writer.close().unwrap();
    }
    for path in files(&dir.join("_delta_log"), ".json") {
        let said = fs::read_to_string(&path).unwrap();
        let without = said.lines().map(|line| {
            let mut action: serde_json::Value = serde_json::from_str(line).unwrap();
            if let Some(text) = action.pointer_mut("/metaData/schemaString") {
                let mut schema: serde_json::Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
                let fields = schema["fields"].as_array_mut().unwrap();
                fields.retain(|field| field["name"] != column);
                *text = serde_json::Value::String(schema.to_string());
            }
            action.to_string()
        });
        fs::write(&path, without.collect::<Vec<_>>().join("\n")).unwrap();
    }
}

/// The columns of a table for those who read its files with a program of their own.
async fn open_columns(root: &Path, table: &str) -> Vec<String> {
    let uri = deltalake_core::ensure_table_uri(root.join("tables").join(table).to_str().unwrap()).unwrap();
    let table = deltalake_core::open_table(uri).await.unwrap();
    table.snapshot().unwrap().schema().fields().map(|field| field.name().clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_from_before_a_column_show_it_as_null_and_are_merged_with_those_that_have_it() {
    let mut old = log((0..30).map(|at| result(at, "")).collect(), 0);
    old.push(directory());
    let mut node = Node::new().await;
    commit(&mut node, &old).await;
    let digest = node.store.content_digest().await.unwrap();
    let Node { dir, store, .. } = node;
    drop(store);
    forget(dir.path(), "laboratory", "note");
    assert!(!open_columns(dir.path(), "laboratory").await.contains(&"note".to_owned()));
    assert!(!dir.path().join("tables/immunization").exists(), "nor had it a table for what nobody said");

    let mut node = Node::open(dir, &old).await;
    assert_eq!(node.store.content_digest().await.unwrap(), digest, "it is the store it was");
    let counted = "SELECT count(*) AS rows, count(note) AS notes, count(DISTINCT record_id) AS records FROM laboratory";
    assert!(asked(&node, counted).await.contains("| 30   | 0     | 30      |"));
    assert!(asked(&node, "SELECT count(*) AS given FROM immunization").await.contains("| 0     |"));

    // It goes on as a new one does, and comes to the same.
    let mut new: Vec<Record> = (30..60).map(|at| result(at, "溶血あり")).collect();
    new.push(record(Category::Immunization, SOURCE, "001", "v1", &mut rng(7)));
    let new = log(new, 30);
    commit(&mut node, &new).await;
    assert!(asked(&node, counted).await.contains("| 60   | 30    | 60      |"));
    assert!(asked(&node, "SELECT count(*) AS given FROM immunization").await.contains("| 1     |"));
    let merged = node.store.compact().await.unwrap();
    assert!(merged.files >= 2 && merged.rows >= 60, "{merged:?}");
    assert!(asked(&node, counted).await.contains("| 60   | 30    | 60      |"));
    assert!(open_columns(node.dir.path(), "laboratory").await.contains(&"note".to_owned()));

    let mut fresh = Node::new().await;
    commit(&mut fresh, &[old.clone(), new.clone()].concat()).await;
    let (grown, made) = (node.store.content_digest().await.unwrap(), fresh.store.content_digest().await.unwrap());
    assert_eq!(grown, made, "a view is a function of the log");
}
