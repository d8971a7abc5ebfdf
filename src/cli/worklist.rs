//! `ajisai worklist`: who of a cohort is to be called, and who has taken it.

use super::consent::refused;
use super::terminal::{remark, say, table};
use crate::client::Connection;
use anyhow::Context;
use clap::{Args, Subcommand};
use model::{Moment, OwnWords};
use std::process::ExitCode;
use wire::v1;

/// 連絡リスト：コホートの誰に、なぜ、いつから連絡が要るか、誰が引き受けたか。
/// Worklists: who of a cohort is to be called, why, since when, and who has taken it.
#[derive(Debug, Args)]
#[command(
    after_help = "引き受け・解除・完了は台帳に残る。完了した人は、新しい事実か新たな該当で戻る。コホートを出た人は消える。\n\
    Taking, releasing and finishing are kept in the ledger. Who is done comes back with a newer fact or a new entry; who\n\
    leaves the cohort leaves the list."
)]
pub struct WorklistCommand {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// 一覧（待っている人から、長く待つ順）。The entries, waiting ones first, the longest waiting first.
    #[command(after_help = "例 Example:\n  ajisai worklist list lapsed-180 --as nurse.token")]
    List {
        /// コホートの名前 The cohort's name.
        cohort: String,
        /// 完了したものも Finished ones too.
        #[arg(long)]
        done: bool,
        /// 多くともこの件数 At most so many.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        #[command(flatten)]
        connection: Connection,
    },
    /// 自分が連絡する。I call this person.
    #[command(after_help = "例 Example:\n  ajisai worklist take lapsed-180 0012345 --as nurse.token")]
    Take(Of),
    /// 引き受けを解く（誰でもできる）。Release it; anybody may.
    #[command(after_help = "例 Example:\n  ajisai worklist release lapsed-180 0012345 --as nurse.token --remark 交代")]
    Release(Of),
    /// 済んだ（引き受けた本人）。It is done; by whoever has taken it.
    #[command(after_help = "例 Example:\n  ajisai worklist done lapsed-180 0012345 --as nurse.token --remark 来週受診")]
    Done(Of),
}

#[derive(Debug, Args)]
struct Of {
    /// コホートの名前 The cohort's name.
    cohort: String,
    /// 自施設の患者番号 The person's number at the facility.
    patient: String,
    /// 一言（500バイトまで） In your own words, one line.
    #[arg(long, default_value = "")]
    remark: OwnWords,
    #[command(flatten)]
    connection: Connection,
}

impl WorklistCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.act {
            Act::List { cohort, done, limit, connection } => list(cohort, done, limit, &connection).await,
            Act::Take(of) => act(of, v1::WorklistAct::Take).await,
            Act::Release(of) => act(of, v1::WorklistAct::Release).await,
            Act::Done(of) => act(of, v1::WorklistAct::Done).await,
        }
    }
}

fn fail(status: tonic::Status) -> anyhow::Error {
    anyhow::anyhow!(refused(&status))
}

fn said(state: &str, last: Option<&v1::WorklistDeed>) -> anyhow::Result<String> {
    let state = match state {
        "waiting" => "待ち waiting",
        "taken" => "対応中 taken",
        _ => "完了 done",
    };
    let Some(v1::WorklistDeed { member, at_us, remark, .. }) = last else { return Ok(state.to_owned()) };
    Ok(format!("{state}\n{member} {}\n{remark}", Moment::from_micros(*at_us)?).trim_end().to_owned())
}

fn row(entry: &v1::WorklistEntry) -> anyhow::Result<[String; 4]> {
    let member = entry.member.clone().unwrap_or_default();
    let facts = member.grounds.iter().map(|ground| {
        let v1::CohortGround { criterion, fact, at_us, sources } = ground;
        let fact = if fact.is_empty() { String::new() } else { format!(": {fact}") };
        Ok(format!("{criterion}{fact} ({}, {})", Moment::from_micros(*at_us)?, sources.join(" ")))
    });
    Ok([
        member.patient.as_ref().map(|patient| patient.number.clone()).unwrap_or_default(),
        format!("{}\n{}", Moment::from_micros(member.since_us)?, member.cause),
        facts.collect::<anyhow::Result<Vec<_>>>()?.join("\n"),
        said(&entry.state, entry.last.as_ref())?,
    ])
}

async fn list(cohort: String, with_done: bool, page_size: u32, connection: &Connection) -> anyhow::Result<ExitCode> {
    let client = connection.open().await?;
    let request = v1::ListWorklistRequest { cohort, with_done, page_size };
    let v1::ListWorklistResponse { entries, waiting } =
        client.worklists().list(request).await.map_err(fail)?.into_inner();
    let mut printed = table(&["患者 patient", "いつから since", "理由 why", "状態 state"]);
    for entry in &entries {
        printed.add_row(row(entry)?);
    }
    say(printed.to_string());
    remark(format!("{} 件 entries; 待ち {waiting} waiting", entries.len()));
    Ok(ExitCode::SUCCESS)
}

async fn act(Of { cohort, patient, remark, connection }: Of, act: v1::WorklistAct) -> anyhow::Result<ExitCode> {
    let client = connection.open().await?;
    let remark = remark.as_str().to_owned();
    let request = v1::ActOnWorklistRequest { cohort, patient, act: act.into(), remark };
    let v1::ActOnWorklistResponse { entry, duplicate } =
        client.worklists().act(request).await.map_err(fail)?.into_inner();
    let entry = entry.context("記録されましたが、まだ見えません it is durable and not visible yet")?;
    let before = if duplicate { "すでにそうなっています it stood so before: " } else { "" };
    say(format!("{before}{}", said(&entry.state, entry.last.as_ref())?.replace('\n', " ")));
    Ok(ExitCode::SUCCESS)
}
