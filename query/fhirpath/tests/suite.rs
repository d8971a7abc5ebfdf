//! The official SQL-on-FHIR v2 tests, all of them; docs/sql-on-fhir.md holds the table of what they find.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops where it stands, and says when it looked at nothing"
)]

use fhirpath::{Cell, View};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn shared() -> Option<PathBuf> {
    let root = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let folder = root.join("sql-on-fhir/tests");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test looked at nothing", folder.display());
    None
}

/// A cell beside what the suite expects: numbers as numbers, whatever their digits.
fn is(cell: &Cell, expected: &Value) -> bool {
    match (cell, expected) {
        (Cell::Null, Value::Null) => true,
        (Cell::Boolean(found), Value::Bool(expected)) => found == expected,
        (Cell::Integer(found), Value::Number(number)) => number.as_i64() == Some(*found),
        (Cell::Decimal(found), Value::Number(number)) => {
            found.normalize().to_string() == number.to_string().trim_end_matches(".0")
        }
        (Cell::Text(found), Value::String(expected)) => found == expected,
        (Cell::List(found), Value::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(cell, expected)| is(cell, expected))
        }
        _ => false,
    }
}

/// How a test is passed, or why not; the suite's rows have no order.
fn run(test: &Value, resources: &[Value]) -> Result<String, String> {
    let made = View::read(&test["view"].to_string()).map_err(|error| error.to_string()).and_then(|view| {
        let mut rows = Vec::new();
        for resource in resources {
            rows.extend(view.rows(resource).map_err(|error| error.to_string())?);
        }
        Ok((view, rows))
    });
    let expects_error = test.get("expectError").and_then(Value::as_bool) == Some(true);
    let (view, mut rows) = match made {
        Err(why) if expects_error => return Ok(format!("passed, refused: {}", why.replace('|', "\\|"))),
        Ok(_) if expects_error => return Err("taken, and should be refused".to_owned()),
        made => made?,
    };
    let names: Vec<&str> = view.columns().iter().map(|column| column.name.as_str()).collect();
    if let Some(expected) = test.get("expectColumns") {
        let expected: Vec<&str> = expected.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        if names != expected {
            return Err(format!("columns {names:?}"));
        }
    }
    if let Some(count) = test.get("expectCount").and_then(Value::as_u64) {
        return if rows.len() as u64 == count { Ok("passed".to_owned()) } else { Err(format!("{} rows", rows.len())) };
    }
    for expected in test["expect"].as_array().unwrap() {
        let expected = expected.as_object().unwrap();
        let place = rows.iter().position(|row| {
            expected.len() == names.len()
                && names.iter().zip(row).all(|(name, cell)| expected.get(*name).is_some_and(|value| is(cell, value)))
        });
        match place {
            Some(place) => rows.swap_remove(place),
            None => return Err(format!("no such row: {}", Value::Object(expected.clone()))),
        };
    }
    if rows.is_empty() { Ok("passed".to_owned()) } else { Err(format!("{} rows more than expected", rows.len())) }
}

fn is_written_down(found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sql-on-fhir.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- suite -->\n", "<!-- /suite -->");
    let (head, rest) = text.split_once(begin).unwrap_or_else(|| panic!("sql-on-fhir.md has no mark `suite`"));
    let (written, tail) = rest.split_once(end).unwrap();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, format!("{head}{begin}{found}{end}{tail}")).unwrap();
        return;
    }
    assert_eq!(written, found, "docs/sql-on-fhir.md says something else; UPDATE_EXPECT=1 writes it anew");
}

#[test]
fn the_official_suite_is_passed_as_the_table_says() {
    let Some(folder) = shared() else { return };
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut table, mut passed, mut all) = (String::new(), 0, 0);
    for file in files {
        let suite: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let resources = suite["resources"].as_array().unwrap();
        for test in suite["tests"].as_array().unwrap() {
            all += 1;
            let fate = match run(test, resources) {
                Ok(how) => {
                    passed += 1;
                    how
                }
                Err(why) => format!("not passed: {why}"),
            };
            let file = file.file_stem().unwrap().to_string_lossy();
            writeln!(table, "| {file} | {} | {fate} |", test["title"].as_str().unwrap()).unwrap();
        }
    }
    assert!(all >= 134, "{all} tests were found; the suite has 134");
    assert!(passed >= 126, "{passed} of {all} are passed:\n{table}");
    is_written_down(&format!("Passed: {passed} of {all}.\n\n| file | test | result |\n| --- | --- | --- |\n{table}"));
}
