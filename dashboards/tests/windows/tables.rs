//! The tables that are read out of cardiotocograms: of the viewer's own view, like every other.

use crate::region::{CLINIC, Region, STRANGER, facility};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt as _;
use model::{MemberId, Moment, Principal, Purpose, Role};
use query::{Door, Statement};
use std::fmt::Write as _;

async fn rows(region: &Region, at: &str, sql: &str) -> Vec<String> {
    let principal = Principal {
        facility: facility(at),
        member: Some(MemberId::parse(&format!("dr@{at}")).unwrap()),
        role: Role::Physician,
        purpose: Purpose::Treatment,
    };
    let statement = Statement::new(region.room.read(sql).await.unwrap(), Door::Dashboards);
    let answer = region.room.run(&principal, statement).await.unwrap();
    let options = FormatOptions::default().with_null("NULL");
    let mut told = Vec::new();
    for batch in answer.rows.try_collect::<Vec<_>>().await.unwrap() {
        let columns: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            told.push(columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(" | "));
        }
    }
    told
}

#[tokio::test]
async fn windows_are_a_table_of_the_viewers_own_view() {
    let region = Region::open().await;
    let begun = Moment::parse("2026-05-01T09:00:00+09:00").unwrap();
    // 25 minutes of a patient the clinic may see, and a minute of one it may not
    for sequence in 0..25 * 120 {
        region.wave(0, sequence, begun.plus_micros(sequence as i64 * 500_000));
    }
    for sequence in 0..120 {
        region.wave(3, sequence, begun.plus_micros(sequence as i64 * 500_000));
    }
    let windows = "SELECT my_patient_id, session, lead, from_at, standing, measured, not_assessable, jsog_unverified \
         FROM ctg_windows ORDER BY from_at";
    assert_eq!(
        rows(&region, CLINIC, windows).await,
        [
            "clinic-0000 | bed-0 | fhr1 | 2026-05-01T00:00:00Z | final | 1.0 | NULL | true",
            "clinic-0000 | bed-0 | fhr1 | 2026-05-01T00:10:00Z | final | 1.0 | NULL | true",
            "clinic-0000 | bed-0 | fhr1 | 2026-05-01T00:20:00Z | final | 0.5 | too-short | NULL",
        ]
    );
    let count = "SELECT count(*), min(jsog_level) FROM ctg_windows WHERE patient_id = 'hospital-0003'";
    assert_eq!(rows(&region, CLINIC, count).await, ["0 | NULL"], "it may not see that patient");
    for table in ["ctg_windows", "ctg_events", "beds"] {
        assert_eq!(rows(&region, STRANGER, &format!("SELECT count(*) FROM {table}")).await, ["0"], "{table}");
    }
    assert_eq!(rows(&region, CLINIC, "SELECT count(*) FROM ctg_windows").await, ["3"]);
    region.withdraw(0);
    assert_eq!(rows(&region, CLINIC, "SELECT count(*) FROM ctg_windows").await, ["0"]);
}

#[test]
fn the_readme_of_query_documents_these_tables_as_they_are() {
    let mut text = String::new();
    for (name, columns) in query::bed_table_columns() {
        write!(text, "### `{name}`\n\n| column | type | NULL | meaning | 意味 |\n| --- | --- | --- | --- | --- |\n")
            .unwrap();
        for views::table::Column { name, kind, nullable, en, ja } in columns {
            let null = if *nullable { "yes" } else { "no" };
            writeln!(text, "| `{name}` | {} | {null} | {en} | {ja} |", kind.sql()).unwrap();
        }
        text.push('\n');
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../query/README.md");
    let (begin, end) = ("<!-- beds: begin -->\n", "<!-- beds: end -->");
    let readme = std::fs::read_to_string(path).unwrap();
    let (head, rest) = readme.split_once(begin).expect("the mark where the tables begin");
    let (found, tail) = rest.split_once(end).expect("the mark where the tables end");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, format!("{head}{begin}{text}{end}{tail}")).unwrap();
        return;
    }
    assert_eq!(found, text, "run with UPDATE_EXPECT=1 to write the section anew");
}
