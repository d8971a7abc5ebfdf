//! `ajisai sql`: ask a facility's view.

use super::terminal::{remark, say, table};
use crate::client::{Connection, parse_at_least};
use anyhow::{Context, bail};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::DataType;
use arrow::ipc::reader::StreamDecoder;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clap::Args;
use model::{Frontier, Moment};
use serde_json::Value;
use std::process::ExitCode;
use wire::v1;

/// 施設のビューにSQLで問い合わせる。
/// Ask a facility's view in SQL.
#[derive(Debug, Args)]
#[command(after_help = "例 Examples:\n  \
    ajisai sql --as clinic.token \"SELECT name, value_number, unit FROM laboratory LIMIT 10\"\n  \
    ajisai sql --dev-dir pki --as-facility himawari-clinic --as-role physician --as-member himawari-clinic/physician-1 \"SELECT count(*) FROM laboratory\"\n  \
    ajisai sql --as clinic.token --at-least 3:1842 --format csv \"SELECT * FROM condition\"\n\n\
    位置と鮮度は標準エラー出力に示す。Position and age of the answer go to standard error.")]
pub struct Sql {
    /// SQL文（読み取りのみ） One read-only statement.
    statement: String,
    /// 出力の形 How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// 少なくともこの位置までを含む答え（`3:1842` または `0:5,1:120`） The answer includes at least this position.
    #[arg(long, value_name = "POSITION")]
    at_least: Option<String>,
    /// 文の制限時間（秒、0 は既定） Limit of the statement in seconds; 0 is the node's.
    #[arg(long, default_value_t = 0)]
    timeout: u32,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// 表 A table.
    Table,
    /// RFC 4180, UTF-8.
    Csv,
    /// 一行に一件の JSON One JSON object per row.
    Json,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// The names of its columns.
    pub columns: Vec<String>,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// What they include.
    pub frontier: Frontier,
    /// The moment at which periods were judged.
    pub moment: Moment,
    /// How old the newest data was.
    pub age: std::time::Duration,
    /// How many rows.
    pub rows: u64,
}

impl Sql {
    /// Asks and prints.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses the statement.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let at_least = self.at_least.as_deref().map(parse_at_least).transpose()?;
        let client = self.connection.open().await?;
        let request = v1::QueryRequest {
            sql: self.statement,
            at_least: at_least.as_ref().map(Into::into),
            wait_ms: 0,
            timeout_ms: self.timeout.saturating_mul(1000),
        };
        let answer = ask(client.query(), request).await?;
        match self.format {
            Format::Table => print_table(&answer)?,
            Format::Csv => print_csv(&answer)?,
            Format::Json => print_json(&answer)?,
        }
        remark(format!(
            "{} 行 rows; 位置 position {}; 鮮度 age {:.1} ms",
            answer.rows,
            answer.frontier,
            answer.age.as_secs_f64() * 1e3
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// Runs one statement to the end of its answer.
///
/// # Errors
/// When the node refuses it, or the answer is not whole.
pub async fn ask(
    mut service: v1::query_service_client::QueryServiceClient<crate::client::Calls>,
    request: v1::QueryRequest,
) -> anyhow::Result<Answer> {
    let refused = |status: tonic::Status| anyhow::anyhow!("{:?}: {}", status.code(), status.message());
    let mut parts = service.query(request).await.map_err(refused)?.into_inner();
    let mut decoder = StreamDecoder::new();
    let mut batches = Vec::new();
    let mut header = None;
    let mut rows = None;
    while let Some(part) = parts.message().await.map_err(refused)? {
        match part.part {
            Some(v1::query_response::Part::Header(said)) => header = Some(said),
            Some(v1::query_response::Part::ArrowIpc(bytes)) => {
                let mut buffer = Buffer::from(bytes);
                while !buffer.is_empty() {
                    batches.extend(decoder.decode(&mut buffer).context("the answer is not Arrow")?);
                }
            }
            Some(v1::query_response::Part::Footer(footer)) => rows = Some(footer.rows),
            None => {}
        }
    }
    let (Some(v1::QueryHeader { frontier, moment_us, age_us }), Some(rows)) = (header, rows) else {
        bail!("the answer broke off before its end");
    };
    let columns = decoder.schema().map(|schema| schema.fields().iter().map(|field| field.name().clone()).collect());
    Ok(Answer {
        columns: columns.unwrap_or_default(),
        batches,
        frontier: frontier.unwrap_or_default().into(),
        moment: Moment::from_micros(moment_us)?,
        age: std::time::Duration::from_micros(age_us),
        rows,
    })
}

const OPTIONS: FormatOptions<'static> = FormatOptions::new();

fn print_table(answer: &Answer) -> anyhow::Result<()> {
    let mut printed = table(&answer.columns.iter().map(String::as_str).collect::<Vec<_>>());
    for batch in &answer.batches {
        for row in texts(batch)? {
            printed.add_row(row.into_iter().map(Option::unwrap_or_default));
        }
    }
    say(printed.to_string());
    Ok(())
}

fn print_csv(answer: &Answer) -> anyhow::Result<()> {
    let line = |cells: Vec<String>| cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",");
    say(line(answer.columns.clone()));
    for batch in &answer.batches {
        for row in texts(batch)? {
            say(line(row.into_iter().map(Option::unwrap_or_default).collect()));
        }
    }
    Ok(())
}

/// A cell of CSV (RFC 4180).
pub(super) fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

fn print_json(answer: &Answer) -> anyhow::Result<()> {
    for batch in &answer.batches {
        for row in 0..batch.num_rows() {
            let mut object = serde_json::Map::new();
            for (name, column) in answer.columns.iter().zip(batch.columns()) {
                object.insert(name.clone(), json(column, row)?);
            }
            say(Value::Object(object).to_string());
        }
    }
    Ok(())
}

/// The rows as text; `None` for null.
pub(super) fn texts(batch: &RecordBatch) -> anyhow::Result<Vec<Vec<Option<String>>>> {
    let formatters = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &OPTIONS))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((0..batch.num_rows())
        .map(|row| {
            formatters
                .iter()
                .zip(batch.columns())
                .map(|(formatter, column)| (!column.is_null(row)).then(|| formatter.value(row).to_string()))
                .collect()
        })
        .collect())
}

/// One cell as JSON: numbers and booleans as such, lists as arrays, everything else as text.
fn json(column: &ArrayRef, row: usize) -> anyhow::Result<Value> {
    if column.is_null(row) {
        return Ok(Value::Null);
    }
    if let DataType::List(_) = column.data_type() {
        let items = column.as_list::<i32>().value(row);
        return Ok(Value::Array((0..items.len()).map(|item| json(&items, item)).collect::<anyhow::Result<_>>()?));
    }
    let text = ArrayFormatter::try_new(column, &OPTIONS)?.value(row).to_string();
    let plain = column.data_type().is_numeric() || column.data_type() == &DataType::Boolean;
    // A number that JSON cannot say (NaN) stays text.
    Ok(if plain { serde_json::from_str(&text).unwrap_or(Value::String(text)) } else { Value::String(text) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float64Array, Int64Array, ListArray, StringArray};
    use arrow::datatypes::Int32Type;
    use std::sync::Arc;

    #[test]
    fn cells_become_json_of_their_own_kind() {
        let number: ArrayRef = Arc::new(Float64Array::from(vec![Some(7.5), None, Some(f64::NAN)]));
        assert_eq!(json(&number, 0).unwrap(), serde_json::json!(7.5));
        assert_eq!(json(&number, 1).unwrap(), Value::Null);
        assert_eq!(json(&number, 2).unwrap(), serde_json::json!("NaN"));
        let text: ArrayRef = Arc::new(StringArray::from(vec!["血糖"]));
        assert_eq!(json(&text, 0).unwrap(), serde_json::json!("血糖"));
        let list: ArrayRef =
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), Some(2)])]));
        assert_eq!(json(&list, 0).unwrap(), serde_json::json!([1, 2]));
    }

    #[test]
    fn csv_cells_with_commas_quotes_or_lines_are_quoted() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
    }

    #[test]
    fn a_null_cell_is_not_an_empty_text() {
        let batch = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef)]);
        assert_eq!(texts(&batch.unwrap()).unwrap(), [vec![Some("1".to_owned())], vec![None]]);
    }
}
