//! `ajisai perinatal`: a facility's own perinatal limits, its confirmed matrix of levels and its tables of growth.

use super::consent::refused;
use super::terminal::{remark, say, table};
use crate::client::{Client, Connection};
use anyhow::Context;
use clap::{Args, Subcommand};
use clinical::Source;
use clinical::perinatal::ctg::{CtgLimit, JsogColumn, JsogRow, JsogTable, Verified};
use clinical::perinatal::maternal::MaternalLimit;
use clinical::perinatal::pregnancy::RiskLimit;
use clinical::perinatal::trace::TraceLimit;
use clinical::perinatal::{LimitRow, OwnPerinatal, PerinatalTables};
use model::{FacilityId, Frontier, Moment};
use query::Definitions;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use wire::v1;

/// 周産期の基準：自施設の値、確認済みのレベル分類表、発育曲線。
/// Perinatal tables: the facility's own limits, the matrix of levels it has confirmed, its tables of growth.
#[derive(Debug, Args)]
#[command(after_help = "書き方は docs/perinatal.md。述べないものは標準のまま。\n\
    How it is written: docs/perinatal.md. What is not said stays shipped.")]
pub struct PerinatalCommand {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// 自施設の表を登録する、または置き換える。State the facility's tables, or replace them.
    #[command(after_help = "例 Examples:\n  ajisai perinatal put own.yaml --as centre.token --try\n  \
        ajisai perinatal put own.yaml --as centre.token\n\n\
        終了コード Exit codes: 0 登録した stated, 1 読めない（行と項目を示す） cannot be read; line and field are named")]
    Put {
        /// YAML ファイル A YAML file.
        file: PathBuf,
        /// 読めるかだけを確かめる Only see whether it can be read.
        #[arg(long = "try")]
        try_only: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// 登録した表を書き出す。Write the facility's file.
    #[command(after_help = "例 Examples:\n  ajisai perinatal show --as centre.token > own.yaml\n  \
        ajisai perinatal show --as centre.token --definition-version 1")]
    Show {
        /// 版（省略時は現在） Which version; the one that holds when not given.
        #[arg(long, value_name = "N", default_value_t = 0)]
        definition_version: u64,
        #[command(flatten)]
        connection: Connection,
    },
    /// 登録を取り下げる。標準の表に戻る。Take the facility's tables back: the shipped ones hold again.
    #[command(after_help = "例 Example:\n  ajisai perinatal drop --as centre.token")]
    Drop {
        #[command(flatten)]
        connection: Connection,
    },
    /// 基準値と出典の一覧（ファイルを与えるとその値）。The limits with their sources; as a file has them, where one is given.
    #[command(after_help = "例 Examples:\n  ajisai perinatal limits\n  ajisai perinatal limits own.yaml")]
    Limits {
        /// YAML ファイル A YAML file.
        file: Option<PathBuf>,
    },
    /// レベル分類の判定表を、ガイドラインと突き合わせるために示す。The matrix of levels, for comparing it with the guideline.
    #[command(after_help = "例 Examples:\n  ajisai perinatal matrix\n  ajisai perinatal matrix own.yaml")]
    Matrix {
        /// YAML ファイル A YAML file.
        file: Option<PathBuf>,
    },
}

impl PerinatalCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses, or the file cannot be read.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.act {
            Act::Put { file, try_only, connection } => put(&connection, &file, try_only).await,
            Act::Show { definition_version, connection } => show(&connection, definition_version).await,
            Act::Drop { connection } => take_back(&connection).await,
            Act::Limits { file } => {
                let tables = tables(file.as_deref())?;
                limits(&tables);
                Ok(ExitCode::SUCCESS)
            }
            Act::Matrix { file } => {
                let tables = tables(file.as_deref())?;
                matrix(&tables.jsog);
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

fn text_of(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
}

/// The tables of a file, or the shipped ones. Whose they would be changes nothing of what is shown.
fn tables(file: Option<&Path>) -> anyhow::Result<Arc<PerinatalTables>> {
    let Some(file) = file else { return Ok(PerinatalTables::shared()) };
    let nobody = FacilityId::parse("this-facility")?;
    let own = OwnPerinatal::parse(&text_of(file)?, &nobody);
    Ok(Arc::clone(own.map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?.tables()))
}

async fn state(client: &Client, text: &str, try_only: bool) -> anyhow::Result<v1::PutDefinitionResponse> {
    let mut definition =
        v1::Definition { name: Definitions::PERINATAL.to_owned(), text: text.to_owned(), ..v1::Definition::default() };
    definition.set_kind(v1::DefinitionKind::Perinatal);
    let request = v1::PutDefinitionRequest { definition: Some(definition), request_id: String::new(), try_only };
    let response = client.definitions().put_definition(request).await;
    Ok(response.map_err(|status| anyhow::anyhow!(refused(&status)))?.into_inner())
}

async fn put(connection: &Connection, file: &Path, try_only: bool) -> anyhow::Result<ExitCode> {
    let text = text_of(file)?;
    let own = tables(Some(file))?;
    let stated = state(&connection.open().await?, &text, try_only).await?;
    let version = stated.version;
    match stated.at_least.map(Frontier::from) {
        Some(at_least) => say(format!("第{version}版 version {version}; --at-least {at_least}")),
        None => say(format!("第{version}版になる would be version {version}")),
    }
    remark(confirmed(&own.jsog));
    Ok(ExitCode::SUCCESS)
}

async fn show(connection: &Connection, version: u64) -> anyhow::Result<ExitCode> {
    let name = Definitions::PERINATAL.to_owned();
    let mut request = v1::GetDefinitionRequest { name, version, ..v1::GetDefinitionRequest::default() };
    request.set_kind(v1::DefinitionKind::Perinatal);
    let response = connection.open().await?.definitions().get_definition(request).await;
    let response = response.map_err(|status| anyhow::anyhow!(refused(&status)))?.into_inner();
    say(response.definition.context("the answer has no definition")?.text.trim_end());
    let (version, versions) = (response.version, response.versions);
    let stated = Moment::from_micros(response.stated_us)?;
    remark(format!("第 {version} 版（全 {versions} 版） version {version} of {versions}; {stated}"));
    Ok(ExitCode::SUCCESS)
}

async fn take_back(connection: &Connection) -> anyhow::Result<ExitCode> {
    let client = connection.open().await?;
    let mut request = v1::ListDefinitionsRequest::default();
    request.set_kind(v1::DefinitionKind::Perinatal);
    let known = client.definitions().list_definitions(request).await;
    let known = known.map_err(|status| anyhow::anyhow!(refused(&status)))?.into_inner();
    if known.definitions.is_empty() {
        anyhow::bail!("自施設の表は登録されていません the facility has stated no tables: the shipped ones hold");
    }
    let stated = state(&client, "", false).await?;
    remark(format!("取り下げました（第 {0} 版） taken back; version {0}", stated.version));
    Ok(ExitCode::SUCCESS)
}

fn limits(tables: &PerinatalTables) {
    let mut printed =
        table(&["表 table", "基準 limit", "値 value", "単位 unit", "範囲 span", "確度 certainty", "出典 source"]);
    let mut add = |list: &str, row: LimitRow, (value, source): (f64, Option<Source>)| {
        let (low, high) = row.span;
        let (certainty, source) = source.map_or_else(
            || (String::new(), "自施設 the facility's own".to_owned()),
            |source| (source.certainty.letter().to_string(), source.text.to_owned()),
        );
        let span = format!("{low}–{high}");
        let cells = [list, row.key, &value.to_string(), row.unit, &span, &certainty, &source].map(str::to_owned);
        printed.add_row(cells);
    };
    for one in CtgLimit::ALL {
        add("ctg", one.row(), (tables.ctg.value(*one), tables.ctg.source(*one)));
    }
    for one in TraceLimit::ALL {
        add("trace", one.row(), (tables.trace.value(*one), tables.trace.source(*one)));
    }
    for one in MaternalLimit::ALL {
        add("maternal", one.row(), (tables.maternal.value(*one), tables.maternal.source(*one)));
    }
    for one in RiskLimit::ALL {
        add("risk", one.row(), (tables.risk.value(*one), tables.risk.source(*one)));
    }
    say(printed.to_string());
    let growth: Vec<&str> = tables.growth.iter().map(|table| table.measure().code()).collect();
    let growth = if growth.is_empty() { "なし none".to_owned() } else { growth.join(", ") };
    remark(format!("発育曲線 growth: {growth}; {}", confirmed(&tables.jsog)));
}

/// Whether the matrix is confirmed, and by whom.
fn confirmed(jsog: &JsogTable) -> String {
    match jsog.verified() {
        Verified::ByNobody(source) => {
            format!("判定表は未確認です the matrix is one that nobody has confirmed: {}", source.text)
        }
        Verified::By(by) => {
            let on = clinical::diabetes::day_of(by.on());
            format!("判定表の確認 the matrix is confirmed: {} ({on}), {}", by.by(), by.document())
        }
    }
}

fn matrix(jsog: &JsogTable) {
    let head: Vec<&str> = std::iter::once("").chain(JsogColumn::ALL.iter().map(|column| column.code())).collect();
    let mut printed = table(&head);
    for row in JsogRow::ALL {
        let cells = JsogColumn::ALL.iter().map(|column| match jsog.cell(row, *column) {
            Some(cell) if cell.filled => format!("({})", cell.level.number()),
            Some(cell) if cell.little_reserve != cell.level => {
                format!("{} [{}]", cell.level.number(), cell.little_reserve.number())
            }
            Some(cell) => cell.level.number().to_string(),
            None => String::new(),
        });
        printed.add_row(std::iter::once(row.code().to_owned()).chain(cells));
    }
    say(printed.to_string());
    remark(
        "( ) 表に記載がなく隣の最悪値 no entry: the worst neighbour; [ ] FGR・胎盤異常のとき with growth restriction or an abnormal placenta",
    );
    remark(confirmed(jsog));
}
