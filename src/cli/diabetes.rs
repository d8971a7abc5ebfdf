//! `ajisai diabetes`: the shared-care booklet, the picture of a sensor's glucose, and figures that facilities compare.

use super::consent::refused;
use super::sql::{Answer, ask};
use super::terminal::{remark, say, table};
use crate::client::{Client, Connection};
use anyhow::{Context, bail};
use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{Float64Type, Int64Type};
use clap::{Args, Subcommand, ValueEnum};
use clinical::diabetes::quality::QUALITY_MEASURES;
use dashboards::{BookletRows, BookletSize, booklet_html, booklet_statements};
use jiff::civil::Date;
use model::{Frontier, PatientNumber};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wire::v1;

/// 糖尿病：連携手帳、血糖プロファイル（AGP）、施設間の指標比較。
/// Diabetes: the shared-care booklet, glucose profiles, measures compared between facilities.
#[derive(Debug, Args)]
pub struct DiabetesCommand {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// 糖尿病連携手帳を一人分、印刷できる HTML で書く。Write one person's shared-care booklet as HTML to print.
    #[command(
        after_help = "例 Examples:\n  ajisai diabetes booklet --patient 0012345 -o booklet.html --as doctor.token\n  \
        ajisai diabetes booklet --patient 0012345 --size a6 -o booklet.html --as doctor.token\n\n\
        自施設のビューにある記録だけからなる。読んだことは台帳に残る。ファイルには患者の情報が入る。\n\
        It is made of the caller's own view alone, and the reading stands in the ledger. The file holds patient data."
    )]
    Booklet {
        /// 自施設の患者番号 The person's number at the facility.
        #[arg(long)]
        patient: String,
        /// 用紙 The paper.
        #[arg(long, value_enum, default_value_t = Paper::A4)]
        size: Paper,
        /// 書き出すファイル Where to.
        #[arg(short, long, value_name = "FILE.html")]
        output: PathBuf,
        #[command(flatten)]
        connection: Connection,
    },
    /// センサーの血糖プロファイル（AGP）を一人分、SVG で書く。Write one person's ambulatory glucose profile as SVG.
    #[command(after_help = "例 Examples:\n  ajisai diabetes agp --patient 0012345 -o agp.svg --as doctor.token\n  \
        ajisai diabetes agp --patient 0012345 --from 2026-03-01 --until 2026-03-14 -o agp.svg --as doctor.token\n\n\
        期間を指定しなければ、最後に装着した期間。両端の日を含む。The last period of wear where no days are named; both days are included.")]
    Agp {
        /// 自施設の患者番号 The person's number at the facility.
        #[arg(long)]
        patient: String,
        /// この日から From this day, in Japan.
        #[arg(long, value_name = "YYYY-MM-DD", requires = "until")]
        from: Option<Date>,
        /// この日まで Until this day, included.
        #[arg(long, value_name = "YYYY-MM-DD", requires = "from")]
        until: Option<Date>,
        /// 図の言語 The picture's language.
        #[arg(long, value_enum, default_value_t = Tongue::Ja)]
        language: Tongue,
        /// 書き出すファイル Where to.
        #[arg(short, long, value_name = "FILE.svg")]
        output: PathBuf,
        #[command(flatten)]
        connection: Connection,
    },
    /// 指標の公表と施設間比較。Measures of care, published and compared between facilities.
    Measures {
        #[command(subcommand)]
        act: Measures,
    },
}

#[derive(Debug, Subcommand)]
enum Measures {
    /// 自施設の集計を公表する（10人未満のセル、差し引きで少人数が分かる値は出さない）。
    /// Publish the facility's figures: no cell below ten, nothing whose difference tells of a few.
    #[command(
        after_help = "例 Examples:\n  ajisai diabetes measures publish hedis-ked-my2024 --year 2026 --try --as doctor.token\n  \
        ajisai diabetes measures publish hedis-ked-my2024 --year 2026 --as doctor.token\n\n\
        同じ指標・年を公表する施設にだけ見える。誰を数えたかはログに残り、次の公表を決める。ほかへは出ない。\n\
        Shown to facilities that publish the same measure of the same year. Who was counted stays in the log and decides what may be\n\
        published next; it goes nowhere else.\n\n\
        終了コード Exit codes: 0 公表した published, 3 公表されなかった held or suppressed"
    )]
    Publish {
        /// 指標の名前 The measure's name.
        #[arg(value_name = "MEASURE")]
        measure: String,
        /// 年 The calendar year.
        #[arg(long)]
        year: i32,
        /// 最小セル（10以上。系列の初回だけ） The least cell, 10 or more; at the first publication of a series.
        #[arg(long, default_value_t = 0)]
        least: u32,
        /// 公表せずに確かめる Only say what would be published.
        #[arg(long = "try")]
        try_only: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// 公表された値を施設ごとに示す。Show what facilities have published.
    #[command(after_help = "例 Example:\n  ajisai diabetes measures show --year 2026 --as doctor.token")]
    Show {
        /// この年だけ This year alone.
        #[arg(long)]
        year: Option<i32>,
        /// それまでの公表も Earlier publications too.
        #[arg(long)]
        history: bool,
        #[command(flatten)]
        connection: Connection,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Paper {
    A4,
    A6,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Tongue {
    Ja,
    En,
}

impl DiabetesCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses, or the file cannot be written.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.act {
            Act::Booklet { patient, size, output, connection } => {
                let size = if size == Paper::A6 { BookletSize::A6 } else { BookletSize::A4 };
                booklet(&patient, size, &output, &connection).await
            }
            Act::Agp { patient, from, until, language, output, connection } => {
                agp(&patient, (from.zip(until), language), &output, &connection).await
            }
            Act::Measures { act: Measures::Publish { measure, year, least, try_only, connection } } => {
                publish(v1::PublishMeasureRequest { measure, year, least, try_only }, &connection).await
            }
            Act::Measures { act: Measures::Show { year, history, connection } } => {
                show(year, history, &connection).await
            }
        }
    }
}

/// A patient's number as a literal of SQL.
fn literal(patient: &str) -> anyhow::Result<String> {
    let number = PatientNumber::parse(patient).context("--patient")?;
    Ok(format!("'{}'", number.as_str().replace('\'', "''")))
}

async fn asked(client: &Client, sql: String) -> anyhow::Result<Answer> {
    ask(client.query(), v1::QueryRequest { sql, ..Default::default() }).await
}

/// Writes a file that only its owner may read: it holds patient data.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let shown = path.display();
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("cannot write `{shown}`"))?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write `{shown}`"))?;
    remark(format!("{shown} を書きました written"));
    Ok(())
}

async fn booklet(patient: &str, size: BookletSize, output: &Path, connection: &Connection) -> anyhow::Result<ExitCode> {
    let number = literal(patient)?;
    let client = connection.open().await?;
    let mut answers = [const { Vec::new() }; 4];
    let mut moment_us = 0;
    for (sql, batches) in booklet_statements(&number).into_iter().zip(&mut answers) {
        let answer = asked(&client, sql).await?;
        moment_us = answer.moment.micros();
        *batches = answer.batches;
    }
    let whose = asked(&client, "SELECT ajisai_facility() AS facility".to_owned()).await?;
    let facility = texts(&whose, "facility").into_iter().flatten().next().unwrap_or_default();
    // who may not list the directory reads ids in the place of names
    let listed = client.directory().list_facilities(v1::ListFacilitiesRequest::default()).await;
    let listed = listed.map(tonic::Response::into_inner).unwrap_or_default().facilities;
    let names: BTreeMap<String, (String, String)> =
        listed.into_iter().map(|one| (one.id, (one.name, one.name_en))).collect();
    let read = BookletRows { patient: patient.to_owned(), facility, moment_us, answers, names };
    let page = booklet_html(&read, size).context("nothing is shown of such a patient in the caller's view")?;
    write(output, &page)?;
    Ok(ExitCode::SUCCESS)
}

async fn agp(
    patient: &str,
    (within, language): (Option<(Date, Date)>, Tongue),
    output: &Path,
    connection: &Connection,
) -> anyhow::Result<ExitCode> {
    let number = literal(patient)?;
    let language = if language == Tongue::En { "en" } else { "ja" };
    let call = match within {
        Some((from, until)) => format!("cgm_picture('{language}', '{from}', '{until}')"),
        None => format!("cgm_picture('{language}')"),
    };
    let client = connection.open().await?;
    let sql = format!("SELECT svg FROM {call} WHERE my_patient_id = {number} ORDER BY from_at DESC LIMIT 1");
    let answer = asked(&client, sql).await?;
    let svg = texts(&answer, "svg").into_iter().flatten().next();
    write(output, &svg.context("the caller's view shows no sensor of this patient then")?)?;
    Ok(ExitCode::SUCCESS)
}

async fn publish(request: v1::PublishMeasureRequest, connection: &Connection) -> anyhow::Result<ExitCode> {
    if !QUALITY_MEASURES.iter().any(|one| one.key == request.measure) {
        let known: Vec<&str> = QUALITY_MEASURES.iter().map(|one| one.key).collect();
        bail!("`{}` is no measure; there are {}", request.measure, known.join(", "));
    }
    let client = connection.open().await?;
    let (measure, try_only) = (request.measure.clone(), request.try_only);
    let answer =
        client.measures().publish_measure(request).await.map_err(|status| anyhow::anyhow!(refused(&status)))?;
    let v1::PublishMeasureResponse { outcome, reason, figures, at_least, elsewhere } = answer.into_inner();
    let shown = match figures {
        Some(v1::MeasureFigures { of, denominator, numerator }) => {
            let numerator = numerator.map_or_else(|| "—".to_owned(), |numerator| numerator.to_string());
            format!("{numerator} / {denominator} ({of})")
        }
        None => "—".to_owned(),
    };
    let said = match (outcome.as_str(), try_only) {
        ("published", true) => "公表できる would be published",
        ("published", false) => "公表した published",
        ("held", _) => "前の値のまま held",
        _ => "公表しない suppressed",
    };
    let reason = if reason.is_empty() { String::new() } else { format!(" [{reason}]") };
    say(format!("{measure}: {said}{reason} {shown}"));
    let position = at_least.map(|at_least| format!("; --at-least {}", Frontier::from(at_least))).unwrap_or_default();
    remark(format!("{elsewhere} 名は他施設で数える counted elsewhere{position}"));
    Ok(if outcome == "published" { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

async fn show(year: Option<i32>, history: bool, connection: &Connection) -> anyhow::Result<ExitCode> {
    let client = connection.open().await?;
    let mut wanted = vec!["true".to_owned()];
    wanted.extend(year.map(|year| format!("year = {year}")));
    wanted.extend((!history).then(|| "latest".to_owned()));
    let sql = format!(
        "SELECT measure, year, facility, own, \"of\", denominator, numerator, percent FROM diabetes_benchmark \
         WHERE {} ORDER BY measure, year, facility, published",
        wanted.join(" AND ")
    );
    let answer = asked(&client, sql).await?;
    let mut printed = table(&["指標 measure", "年 year", "施設 facility", "集計日 of", "分子/分母 n/N", "%"]);
    for batch in &answer.batches {
        let text = |name: &str, row| {
            batch
                .column_by_name(name)
                .and_then(|column| column.as_string_opt::<i32>())
                .map(|column| column.value(row).to_owned())
        };
        let count = |name: &str, row| {
            let column = batch.column_by_name(name)?.as_primitive_opt::<Int64Type>()?;
            column.is_valid(row).then(|| column.value(row).to_string())
        };
        let percent = |row| {
            let column = batch.column_by_name("percent")?.as_primitive_opt::<Float64Type>()?;
            column.is_valid(row).then(|| format!("{:.1}", column.value(row)))
        };
        let own = batch.column_by_name("own").and_then(|column| column.as_boolean_opt().cloned());
        for row in 0..batch.num_rows() {
            let mine = own.as_ref().is_some_and(|own| own.value(row));
            let facility = text("facility", row).unwrap_or_default();
            let none = || "—".to_owned();
            printed.add_row([
                text("measure", row).unwrap_or_default(),
                count("year", row).unwrap_or_default(),
                if mine { format!("{facility}（自施設 own）") } else { facility },
                text("of", row).unwrap_or_default(),
                format!(
                    "{}/{}",
                    count("numerator", row).unwrap_or_else(none),
                    count("denominator", row).unwrap_or_default()
                ),
                percent(row).unwrap_or_else(none),
            ]);
        }
    }
    say(printed.to_string());
    remark(format!("{} 行 rows; 自施設が公表した指標・年だけ of what the facility publishes itself", answer.rows));
    Ok(ExitCode::SUCCESS)
}

/// A column of texts.
fn texts(answer: &Answer, name: &str) -> Vec<Option<String>> {
    let columns = answer.batches.iter().filter_map(|batch| batch.column_by_name(name)?.as_string_opt::<i32>());
    columns.flat_map(|column| column.iter().map(|text| text.map(str::to_owned)).collect::<Vec<_>>()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_literal_and_nothing_else() {
        assert_eq!(literal("0012345").unwrap(), "'0012345'");
        assert!(literal("").is_err());
        let quoted = literal("0'1").unwrap_or_else(|_| "refused".to_owned());
        assert!(quoted == "'0''1'" || quoted == "refused", "{quoted}");
    }
}
