//! Rows of files for bulk commands: CSV under a header, or NDJSON, told apart by the first character.

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::path::Path;

/// One row, and its number in the file (from 1).
#[derive(Debug)]
pub struct Row<T> {
    /// The line in the file.
    pub line: usize,
    /// What it says.
    pub content: T,
    /// A digest of the row and the command: sent again, it is the same request.
    pub digest: String,
}

/// Reads all rows; the first that cannot be read ends the reading, before anything is sent.
///
/// # Errors
/// When the file cannot be read or a row does not fit; the error names the line.
pub fn read<T: DeserializeOwned>(file: &Path, command: &str) -> anyhow::Result<Vec<Row<T>>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    parse(&text, command).with_context(|| file.display().to_string())
}

fn parse<T: DeserializeOwned>(text: &str, command: &str) -> anyhow::Result<Vec<Row<T>>> {
    let text = text.trim_start_matches('\u{feff}');
    let json = text.trim_start().starts_with('{');
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let header: Vec<String> = if json {
        Vec::new()
    } else {
        let (_, header) = lines.next().context("the file is empty")?;
        cells(header).context("the header has an open quote")?
    };
    let mut rows = Vec::new();
    for (at, line) in lines {
        let number = at + 1;
        let value = if json {
            serde_json::from_str(line).with_context(|| format!("line {number} is not JSON"))?
        } else {
            let cells = cells(line).with_context(|| format!("line {number} has an open quote"))?;
            if cells.len() != header.len() {
                bail!("line {number} has {} cells, the header {}", cells.len(), header.len());
            }
            let filled = header.iter().cloned().zip(cells).filter(|(_, cell)| !cell.is_empty());
            Value::Object(filled.map(|(name, cell)| (name, Value::String(cell))).collect::<Map<_, _>>())
        };
        let digest = hex::encode(Sha256::digest(format!("{command}\n{value}")));
        let content = serde_json::from_value(value).with_context(|| format!("line {number}"))?;
        rows.push(Row { line: number, content, digest });
    }
    Ok(rows)
}

/// The cells of a CSV line; `None` when a quote is not closed.
fn cells(line: &str) -> Option<Vec<String>> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, quoted) {
            ('"', true) if characters.peek() == Some(&'"') => {
                characters.next();
                cells.last_mut()?.push('"');
            }
            ('"', _) => quoted = !quoted,
            (',', false) => cells.push(String::new()),
            (c, _) => cells.last_mut()?.push(c),
        }
    }
    (!quoted).then(|| cells.into_iter().map(|cell| cell.trim().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Pair {
        a: String,
        #[serde(default)]
        b: String,
    }

    #[test]
    fn csv_and_ndjson_give_the_same_rows_and_the_same_row_has_the_same_digest() {
        let csv = parse::<Pair>("a,b\n1,\"x, y\"\n\n2,\n", "link").unwrap();
        let json = parse::<Pair>("{\"a\":\"1\",\"b\":\"x, y\"}\n{\"a\":\"2\"}", "link").unwrap();
        for (one, other) in csv.iter().zip(&json) {
            assert_eq!(one.content, other.content);
            assert_eq!(one.digest, other.digest);
        }
        assert_eq!(csv.len(), 2);
        assert_ne!(csv[0].digest, parse::<Pair>("a,b\n1,\"x, y\"\n", "unlink").unwrap()[0].digest);
    }

    #[test]
    fn a_row_that_does_not_fit_is_named_by_its_line() {
        let short = parse::<Pair>("a,b\n1\n", "link").unwrap_err();
        assert!(short.to_string().contains("line 2"), "{short}");
        let unknown = parse::<Pair>("a,c\n1,2\n", "link").unwrap_err();
        assert!(format!("{unknown:#}").contains('c'), "{unknown:#}");
    }
}
