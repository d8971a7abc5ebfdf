//! `ajisai lab`: a laboratory's own tables, the codes nobody has mapped, and the items there are.

use super::consent::{own, refused};
use super::rows;
use super::sql::{Answer, ask, quoted, texts};
use super::terminal::{remark, say, table};
use crate::client::{Client, Connection};
use anyhow::Context;
use clap::{Args, Subcommand};
use clinical::lab::{ITEMS, Item, columns};
use model::{LabTableKind, Moment};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wire::v1;

/// 検査室の表：独自コードの対応表、パニック値、基準値、単位の書き方、デルタチェック。
/// A laboratory's own tables: what its codes mean, critical limits, intervals, units, delta rules.
#[derive(Debug, Args)]
#[command(after_help = "表 Tables and their columns:\n  \
    codes      code,specimen,system,target,unit       system: jlac10, loinc, nothing\n  \
    critical   item,low,high,limit_is_critical        空欄だけなら限界なし without limits: none for the item\n  \
    intervals  item,sex,from_age,below_age,low,high   sex: female, male, or empty\n  \
    units      written,ucum\n  \
    delta      item,what,direction,within_days,limit  what: absolute, percent, per-day, analytical, none\n  \
    settings   name,value                             critical-acknowledge-minutes, critical-act-minutes,\n                                                    \
    blank-flag-is-normal, delta-window-days\n\n\
    表は全体を置き換え、版として記録され、過去の結果もすぐ新しい表で読まれる。\n\
    A table is replaced whole, is kept as a version, and results of any age are read under it at once.")]
pub struct LabCommand {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// 対応のない検査コードを、件数と候補とともに挙げる。
    /// The codes whose results are of no known item, with counts and what they most likely are.
    #[command(after_help = "例 Examples:\n  ajisai lab unmapped --as laboratory.token\n  \
        ajisai lab unmapped --as laboratory.token --as-map > codes.csv   （# を外して put する remove the # and put it）\n\n\
        終了コード Exit codes: 0 なし there are none, 3 あり there are some")]
    Unmapped {
        /// 候補を対応表の行として書き出す（決めるのは人） Write the suggestions as rows of a map; a person decides.
        #[arg(long)]
        as_map: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// 表を置き換える。何が変わるかを先に示す。Replace a table; what changes is shown first.
    #[command(
        after_help = "例 Examples:\n  ajisai lab put codes --as laboratory.token --from-file codes.csv --try\n  \
        ajisai lab put codes --as laboratory.token --from-file codes.csv\n  \
        ajisai lab put critical --as laboratory.token --from-file critical.csv"
    )]
    Put {
        /// 表の種類 Which table.
        #[arg(value_parser = kind)]
        kind: LabTableKind,
        /// CSV（見出しつき）か NDJSON CSV under a header, or NDJSON.
        #[arg(long, value_name = "FILE")]
        from_file: PathBuf,
        /// 何が変わるかだけを示す Only show what would change.
        #[arg(long = "try")]
        try_only: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// 表を CSV で書き出す。Write a table as CSV.
    #[command(after_help = "例 Examples:\n  ajisai lab get codes --as laboratory.token > codes.csv\n  \
        ajisai lab get codes --as laboratory.token --table-version 3")]
    Get {
        /// 表の種類 Which table.
        #[arg(value_parser = kind)]
        kind: LabTableKind,
        /// 版（省略時は現在） Which version; the one that holds when not given.
        #[arg(id = "table_version", long = "table-version", value_name = "N", default_value_t = 0)]
        version: u64,
        #[command(flatten)]
        connection: Connection,
    },
    /// 検査項目の一覧（表で使う名前、単位、LOINC）。The items: their names in tables, units, LOINC codes.
    #[command(after_help = "例 Example:\n  ajisai lab items")]
    Items,
}

fn kind(text: &str) -> Result<LabTableKind, String> {
    let names = || LabTableKind::ALL.iter().map(|kind| kind.code()).collect::<Vec<_>>().join(", ");
    text.parse().map_err(|_| format!("one of {}", names()))
}

impl LabCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses, or the file is no such table.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.act {
            Act::Unmapped { as_map, connection } => unmapped(&connection, as_map).await,
            Act::Put { kind, from_file, try_only, connection } => put(&connection, kind, &from_file, try_only).await,
            Act::Get { kind, version, connection } => get(&connection, kind, version).await,
            Act::Items => {
                items();
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// A CSV line.
fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    cells.into_iter().map(quoted).collect::<Vec<_>>().join(",")
}

/// A statement's rows, as text.
async fn rows_of(client: &Client, sql: String) -> anyhow::Result<Vec<Vec<Option<String>>>> {
    let request = v1::QueryRequest { sql, at_least: None, wait_ms: 0, timeout_ms: 0 };
    let Answer { batches, .. } = ask(client.query(), request).await?;
    let mut rows = Vec::new();
    for batch in &batches {
        rows.extend(texts(batch)?);
    }
    Ok(rows)
}

async fn unmapped(connection: &Connection, as_map: bool) -> anyhow::Result<ExitCode> {
    let client = connection.open().await?;
    let sql = "SELECT code, specimen, name, unit, results, patients, reason, suggestion, code_system FROM lab_unmapped \
               WHERE source = ajisai_facility() ORDER BY results DESC, code";
    let found = rows_of(&client, sql.to_owned()).await?;
    if as_map {
        say(line(columns(LabTableKind::Codes).0.iter().copied()));
        for row in &found {
            say(map_row(row));
        }
    } else {
        let header =
            ["コード code", "材料 specimen", "名称 name", "単位 unit", "件数 results", "患者 patients", "理由 reason"];
        let mut printed = table(&[header.as_slice(), &["候補 suggestion"]].concat());
        for row in &found {
            printed.add_row(row.iter().take(8).map(|cell| cell.clone().unwrap_or_default()));
        }
        say(printed.to_string());
    }
    remark(format!("{} 件のコード codes", found.len()));
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// A row of the map for a code, left out until somebody has decided.
fn map_row(row: &[Option<String>]) -> String {
    let cell = |at: usize| row.get(at).and_then(Option::as_deref).unwrap_or_default();
    let item = Item::by_key(cell(7));
    let loinc = item.and_then(|item| item.loinc.first()).map_or("", |(code, _)| code);
    let said = item.map_or_else(|| "?".to_owned(), |item| format!("{} {}", item.ja, item.en));
    let mapped = line([cell(0), cell(1), "loinc", loinc, ""]);
    format!("# {} {} ({}) → {said}\n# {mapped}", cell(2), cell(3), cell(4))
}

/// The table that a file says.
fn read(file: &Path, kind: LabTableKind) -> anyhow::Result<v1::LabTable> {
    let (names, _) = columns(kind);
    let mut rows = Vec::new();
    for row in rows::read::<BTreeMap<String, String>>(file, "lab put")? {
        if let Some(name) = row.content.keys().find(|name| !names.contains(&name.as_str())) {
            anyhow::bail!(
                "{}: line {}: no column `{name}`; the columns are {}",
                file.display(),
                row.line,
                names.join(",")
            );
        }
        let cells = names.iter().map(|name| row.content.get(*name).cloned().unwrap_or_default()).collect();
        rows.push(v1::LabTableRow { cells });
    }
    let mut table = v1::LabTable { rows, ..Default::default() };
    table.set_kind(kind.into());
    Ok(table)
}

async fn put(connection: &Connection, kind: LabTableKind, file: &Path, try_only: bool) -> anyhow::Result<ExitCode> {
    let table = read(file, kind)?;
    let client = connection.open().await?;
    let ask = |try_only| {
        let request = v1::PutLabTableRequest { table: Some(table.clone()), request_id: String::new(), try_only };
        let mut service = client.laboratory();
        async move { service.put_table(request).await.map_err(|s| anyhow::anyhow!(refused(&s))) }
    };
    let v1::PutLabTableResponse { version, changes, .. } = ask(true).await?.into_inner();
    let counts = match kind {
        LabTableKind::Codes if !changes.is_empty() => counts(&client, connection).await,
        _ => HashMap::new(),
    };
    show(kind, &changes, &counts);
    if try_only {
        remark(format!("第 {version} 版になります（記録していません） would be version {version}; nothing was stated"));
        return Ok(ExitCode::SUCCESS);
    }
    let v1::PutLabTableResponse { version, position, .. } = ask(false).await?.into_inner();
    let position = position.map(|position| model::Position::from(position).to_string()).unwrap_or_default();
    remark(format!("第 {version} 版 version {version}; 位置 position {position}"));
    Ok(ExitCode::SUCCESS)
}

/// How many of the facility's own results carry each of its own codes, as far as the caller may read them.
async fn counts(client: &Client, connection: &Connection) -> HashMap<String, u64> {
    let Ok(facility) = own(connection) else { return HashMap::new() };
    let sql = format!(
        "SELECT code, count(*) FROM laboratory WHERE source = '{facility}' AND code_system NOT IN ('jlac10', 'loinc') \
         GROUP BY code"
    );
    let rows = rows_of(client, sql).await.unwrap_or_else(|error| {
        remark(format!("件数は数えられません results are not counted: {error:#}"));
        Vec::new()
    });
    let pair = |row: Vec<Option<String>>| {
        let mut cells = row.into_iter().flatten();
        Some((cells.next()?, cells.next()?.parse().ok()?))
    };
    rows.into_iter().filter_map(pair).collect()
}

fn show(kind: LabTableKind, changes: &[v1::LabTableChange], counts: &HashMap<String, u64>) {
    let mut header = vec!["変更前 before", "変更後 now"];
    if kind == LabTableKind::Codes {
        header.push("読み直す結果 results read anew");
    }
    let mut printed = table(&header);
    let cells = |row: &Option<v1::LabTableRow>| row.as_ref().map(|row| row.cells.clone()).unwrap_or_default();
    for change in changes {
        let (before, now) = (cells(&change.before), cells(&change.now));
        let mut row = vec![line(before.iter().map(String::as_str)), line(now.iter().map(String::as_str))];
        if kind == LabTableKind::Codes {
            let code = now.first().or(before.first());
            row.push(code.and_then(|code| counts.get(code)).copied().unwrap_or(0).to_string());
        }
        printed.add_row(row);
    }
    say(printed.to_string());
    remark(format!("{} 行の変更 rows change", changes.len()));
}

async fn get(connection: &Connection, kind: LabTableKind, version: u64) -> anyhow::Result<ExitCode> {
    let mut request = v1::GetLabTableRequest { facility: String::new(), version, ..Default::default() };
    request.set_kind(kind.into());
    let response = connection.open().await?.laboratory().get_table(request).await;
    let response = response.map_err(|s| anyhow::anyhow!(refused(&s)))?.into_inner();
    let v1::GetLabTableResponse { table, version, position, stated_us, versions } = response;
    let (names, _) = columns(kind);
    say(line(names.iter().copied()));
    for row in table.context("the answer has no table")?.rows {
        let missing = names.len().saturating_sub(row.cells.len());
        say(line(row.cells.iter().map(String::as_str).chain(std::iter::repeat_n("", missing))));
    }
    let position = position.map(|position| model::Position::from(position).to_string()).unwrap_or_default();
    let at = Moment::from_micros(stated_us)?;
    remark(format!(
        "第 {version} 版（全 {versions} 版）version {version} of {versions}; {at}; 位置 position {position}"
    ));
    Ok(ExitCode::SUCCESS)
}

fn items() {
    let mut printed = table(&["項目 item", "名称 name", "英語 English", "単位 unit", "LOINC"]);
    for item in ITEMS {
        let loinc = item.loinc.first().map_or("", |(code, _)| code);
        printed.add_row([item.key, item.ja, item.en, item.unit, loinc]);
    }
    say(printed.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_becomes_a_table_whatever_the_order_of_its_columns() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("codes.csv");
        std::fs::write(&file, "target,code,system\n2823-3,K01,loinc\n# a remark\n,X99,nothing\n").unwrap();
        let table = read(&file, LabTableKind::Codes).unwrap();
        let rows: Vec<String> = table.rows.iter().map(|row| row.cells.join(",")).collect();
        assert_eq!(rows, ["K01,,loinc,2823-3,", "X99,,nothing,,"]);
        std::fs::write(&file, "code,colour\nK01,red\n").unwrap();
        let error = read(&file, LabTableKind::Codes).unwrap_err().to_string();
        assert!(
            error.contains("line 2: no column `colour`; the columns are code,specimen,system,target,unit"),
            "{error}"
        );
    }

    #[test]
    fn a_suggestion_is_no_row_until_somebody_takes_the_sign_away() {
        let row =
            ["K01", "", "カリウム", "mEq/L", "12", "3", "unmapped", "potassium"].map(|cell| Some(cell.to_owned()));
        let written = map_row(&row);
        assert!(written.lines().all(|line| line.starts_with("# ")), "{written}");
        assert!(written.ends_with("# K01,,loinc,2823-3,"), "{written}");
    }
}
