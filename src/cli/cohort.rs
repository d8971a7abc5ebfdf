//! `ajisai cohort`: who belongs to a cohort in the facility's view, and how that changes.

use super::consent::refused;
use super::terminal::{remark, say, table};
use crate::client::{Connection, parse_at_least};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use clinical::diabetes::cohort::CohortFile;
use model::{Frontier, Moment};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wire::v1;

/// コホート：条件に合う患者を自施設のビューから求め、出入りを理由とともに追う。
/// Cohorts: who meets a definition in the facility's own view, who enters and leaves, and why.
#[derive(Debug, Args)]
#[command(after_help = "定義 Definitions:\n  \
    名前か YAML ファイル。書き方は docs/diabetes.md。A name, or a YAML file; docs/diabetes.md says how it is written.\n  \
    表示されるのは自施設の患者番号で、診断ではない。Persons are named by the facility's own numbers; nothing here is a diagnosis.")]
pub struct CohortCommand {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// 自施設の定義と標準のコホートの一覧。The facility's own cohorts and the shipped ones.
    #[command(after_help = "例 Example:\n  ajisai cohort list --as doctor.token")]
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// 定義をファイルとして書き出す。Write a definition as a file.
    #[command(after_help = "例 Example:\n  ajisai cohort show poor-control --as doctor.token > poor-control.yaml")]
    Show {
        /// 名前 Its name.
        name: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// 定義を自施設のものとして記録する（版になる）。標準と同じ名前なら置き換える。
    /// State a definition of the facility, as a version; under a shipped one's name it takes its place.
    #[command(after_help = "例 Examples:\n  ajisai cohort put young.yaml --as doctor.token --try\n  \
        ajisai cohort put young.yaml --as doctor.token\n  \
        ajisai cohort put --take-back young-and-high --as doctor.token   （取り下げる take it back）")]
    Put {
        /// 定義のファイル The file.
        #[arg(value_name = "FILE", required_unless_present = "take_back")]
        file: Option<PathBuf>,
        /// 受け付けられるかだけを確かめる Only say whether it would be taken.
        #[arg(long = "try")]
        try_only: bool,
        /// この名前の定義を取り下げる Take back the definition of this name.
        #[arg(long, value_name = "NAME", conflicts_with = "file")]
        take_back: Option<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// 今の該当者を、根拠とその日付・施設、いつからかとともに示す。
    /// The members now, with the facts that make them one, whose and of when, and since when.
    #[command(after_help = "例 Examples:\n  ajisai cohort run poor-control --as doctor.token\n  \
        ajisai cohort run ./young.yaml --as doctor.token --json\n  \
        ajisai cohort run lapsed-180 --as doctor.token --at 2026-10-01   （その時点まで by what was known of until then）\n\n\
        --at は今見える記録のうちその時より後のものを除いて判定する。With --at, of what is shown now nothing later counts.")]
    Run {
        /// 名前かファイル A name, or a file.
        #[arg(value_name = "NAME|FILE")]
        cohort: String,
        /// この時点で At this moment: RFC 3339, or a day (its end in Japan).
        #[arg(long, value_name = "WHEN", value_parser = when)]
        at: Option<Moment>,
        /// 少なくともこの位置まで読んだビューで With a view at least this fresh.
        #[arg(long, value_name = "FRONTIER")]
        at_least: Option<String>,
        /// 1行に1人の JSON で One JSON object per line.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// 二つの定義、または二つの時点の違い。The difference of two definitions, or of two moments.
    #[command(after_help = "例 Examples:\n  ajisai cohort diff poor-control ./stricter.yaml --as doctor.token\n  \
        ajisai cohort diff lapsed-180 --from 2026-10-01 --as doctor.token      （その時から今まで from then to now）\n  \
        ajisai cohort diff lapsed-180 --from 2026-09-01 --to 2026-10-01 --as doctor.token\n\n\
        両方とも、今見える記録で判定する。時点より後の記録は数えない。同意の変化は含まれない（watch が伝える）。\n\
        Both sides are judged by what is shown now; what is later than a side's moment does not count. What consents changed\n\
        in between is not told here: watch tells it.\n\n\
        終了コード Exit codes: 0 同じ the same, 3 違う they differ")]
    Diff {
        /// 名前かファイル A name, or a file.
        #[arg(value_name = "NAME|FILE")]
        before: String,
        /// もう一方の名前かファイル The other one.
        #[arg(value_name = "NAME|FILE")]
        after: Option<String>,
        /// 一方の時点 The moment of the one side.
        #[arg(long, value_name = "WHEN", value_parser = when)]
        from: Option<Moment>,
        /// もう一方の時点 The moment of the other side.
        #[arg(long, value_name = "WHEN", value_parser = when)]
        to: Option<Moment>,
        #[command(flatten)]
        connection: Connection,
    },
    /// 該当者を示し、その後の出入りを、起きるたびに理由とともに示し続ける。
    /// Print the members, then who enters and leaves as it happens, and why.
    #[command(after_help = "例 Examples:\n  ajisai cohort watch poor-control --as doctor.token\n  \
        ajisai cohort watch poor-control --as doctor.token --from 0:5,1:120   （前回の続き where the last watch ended）\n\n\
        記号 Signs: = 該当中 a member already, + 入った entered, - 出た left, ! 初めから anew")]
    Watch {
        /// 名前かファイル A name, or a file.
        #[arg(value_name = "NAME|FILE")]
        cohort: String,
        /// ここから From this frontier.
        #[arg(long, value_name = "FRONTIER")]
        from: Option<String>,
        /// 出入りがこの件数になったら終わる End after so many who entered or left.
        #[arg(long)]
        count: Option<u64>,
        /// 1行に1件の JSON で One JSON object per line.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        connection: Connection,
    },
}

/// A moment, or a day: its last moment in Japan.
fn when(text: &str) -> Result<Moment, String> {
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        let next = day.tomorrow().map_err(|error| error.to_string())?;
        let start = clinical::diabetes::start_of(next).ok_or_else(|| "is not a day".to_owned())?;
        return Ok(start.plus_micros(-1));
    }
    Moment::parse(text).map_err(|error| error.to_string())
}

impl CohortCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses, or the file is no definition.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.act {
            Act::List { connection } => list(&connection).await,
            Act::Show { name, connection } => show(&name, &connection).await,
            Act::Put { file: Some(file), try_only, connection, .. } => put(&file, try_only, &connection).await,
            Act::Put { take_back, try_only, connection, .. } => {
                state(&connection, take_back.unwrap_or_default(), String::new(), try_only).await
            }
            Act::Run { cohort, at, at_least, json, connection } => {
                run(&cohort, (at, at_least.as_deref()), json, &connection).await
            }
            Act::Diff { before, after, from, to, connection } => {
                diff((&before, after.as_deref()), (from, to), &connection).await
            }
            Act::Watch { cohort, from, count, json, connection } => {
                watch(&cohort, from.as_deref(), (count, json), &connection).await
            }
        }
    }
}

fn fail(status: tonic::Status) -> anyhow::Error {
    anyhow::anyhow!(refused(&status))
}

/// A file where there is one or the text is a path; else a name.
fn reference(text: &str) -> anyhow::Result<v1::CohortRef> {
    let is_path = text.contains(['/', '.']) || Path::new(text).is_file();
    let of = if is_path {
        v1::cohort_ref::Of::File(read(Path::new(text))?.0)
    } else {
        v1::cohort_ref::Of::Name(text.to_owned())
    };
    Ok(v1::CohortRef { of: Some(of) })
}

/// The text of a file that is a definition, and its name.
fn read(file: &Path) -> anyhow::Result<(String, String)> {
    let path = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{path}`"))?;
    let parsed = CohortFile::parse(&text).with_context(|| format!("`{path}` is no definition of a cohort"))?;
    Ok((text, parsed.key().to_owned()))
}

async fn list(connection: &Connection) -> anyhow::Result<ExitCode> {
    let client = connection.open().await?;
    let cohorts = client.cohorts().list(v1::ListCohortsRequest {}).await.map_err(fail)?.into_inner().cohorts;
    let mut printed = table(&["名前 name", "版 version", "内容 what", "由来 origin"]);
    for v1::CohortInfo { name, version, ja, en, shipped, .. } in &cohorts {
        let origin = if *shipped { "標準 shipped" } else { "自施設 own" };
        printed.add_row([name.clone(), version.clone(), format!("{ja}\n{en}"), origin.to_owned()]);
    }
    say(printed.to_string());
    Ok(ExitCode::SUCCESS)
}

async fn show(name: &str, connection: &Connection) -> anyhow::Result<ExitCode> {
    let client = connection.open().await?;
    let cohorts = client.cohorts().list(v1::ListCohortsRequest {}).await.map_err(fail)?.into_inner().cohorts;
    let found = cohorts.into_iter().find(|one| one.name == name);
    let found = found.with_context(|| format!("there is no cohort `{name}`; `ajisai cohort list` names them"))?;
    say(found.file.trim_end());
    Ok(ExitCode::SUCCESS)
}

async fn put(file: &Path, try_only: bool, connection: &Connection) -> anyhow::Result<ExitCode> {
    let (text, name) = read(file)?;
    state(connection, name, text, try_only).await
}

async fn state(connection: &Connection, name: String, text: String, try_only: bool) -> anyhow::Result<ExitCode> {
    let client = connection.open().await?;
    let kind = v1::DefinitionKind::Cohort.into();
    let definition = Some(v1::Definition { facility: String::new(), kind, name: name.clone(), text });
    let request = v1::PutDefinitionRequest { definition, request_id: String::new(), try_only };
    let stated = client.definitions().put_definition(request).await.map_err(fail)?.into_inner();
    let v1::PutDefinitionResponse { version, at_least, .. } = stated;
    match at_least.map(Frontier::from) {
        Some(at_least) => say(format!("{name} 第{version}版 version {version}; --at-least {at_least}")),
        None => say(format!("{name} 第{version}版になる would be version {version}")),
    }
    Ok(ExitCode::SUCCESS)
}

fn number(member: &v1::CohortMember) -> String {
    member.patient.as_ref().map(|patient| patient.number.clone()).unwrap_or_default()
}

fn grounds(member: &v1::CohortMember) -> anyhow::Result<String> {
    let each = member.grounds.iter().map(|ground| {
        let v1::CohortGround { criterion, fact, at_us, sources } = ground;
        let at = Moment::from_micros(*at_us)?;
        let fact = if fact.is_empty() { String::new() } else { format!(": {fact}") };
        Ok(format!("{criterion}{fact} ({at}, {})", sources.join(" ")))
    });
    Ok(each.collect::<anyhow::Result<Vec<_>>>()?.join("\n"))
}

fn since(member: &v1::CohortMember) -> anyhow::Result<String> {
    if member.since_us == 0 {
        return Ok(String::new());
    }
    Ok(format!("{}\n{}", Moment::from_micros(member.since_us)?, member.cause))
}

pub(super) fn as_json(member: &v1::CohortMember) -> anyhow::Result<serde_json::Value> {
    let moment = |us: i64| anyhow::Ok(Moment::from_micros(us)?.to_string());
    let each = member.grounds.iter().map(|ground| {
        let v1::CohortGround { criterion, fact, at_us, sources } = ground;
        Ok(json!({ "criterion": criterion, "fact": fact, "at": moment(*at_us)?, "sources": sources }))
    });
    let grounds = each.collect::<anyhow::Result<Vec<_>>>()?;
    let since = if member.since_us == 0 { None } else { Some(moment(member.since_us)?) };
    Ok(json!({ "patient": number(member), "since": since, "cause": member.cause, "grounds": grounds }))
}

async fn run(
    cohort: &str,
    (at, at_least): (Option<Moment>, Option<&str>),
    as_lines: bool,
    connection: &Connection,
) -> anyhow::Result<ExitCode> {
    use v1::run_cohort_item::Item;
    let at_least = at_least.map(parse_at_least).transpose()?.map(|frontier| (&frontier).into());
    let moment_us = at.map_or(0, Moment::micros);
    let request = v1::RunCohortRequest { cohort: Some(reference(cohort)?), at_least, moment_us };
    let client = connection.open().await?;
    let mut items = client.cohorts().run(request).await.map_err(fail)?.into_inner();
    let mut printed = table(&["患者 patient", "いつから since", "根拠 by"]);
    let (mut header, mut footer) = (None, None);
    while let Some(item) = items.message().await.map_err(fail)? {
        match item.item {
            Some(Item::Header(said)) => header = Some(said),
            Some(Item::Member(member)) if as_lines => say(as_json(&member)?.to_string()),
            Some(Item::Member(member)) => {
                printed.add_row([number(&member), since(&member)?, grounds(&member)?]);
            }
            Some(Item::Footer(said)) => footer = Some(said),
            None => {}
        }
    }
    let (Some(header), Some(footer)) = (header, footer) else { bail!("the answer broke off before its end") };
    if !as_lines {
        say(printed.to_string());
    }
    let v1::CohortHeader { name, version, frontier, moment_us } = header;
    let v1::CohortFooter { members, persons, unknown } = footer;
    let frontier = Frontier::from(frontier.unwrap_or_default());
    remark(format!(
        "{name} {version}: {members} 名 members; {persons} 名を判定 looked at, {unknown} 名は不明 cannot be said; {} {frontier}",
        Moment::from_micros(moment_us)?
    ));
    Ok(ExitCode::SUCCESS)
}

async fn diff(
    (before, after): (&str, Option<&str>),
    (from, to): (Option<Moment>, Option<Moment>),
    connection: &Connection,
) -> anyhow::Result<ExitCode> {
    use v1::diff_cohort_item::Item;
    if after.is_none() && from.is_none() {
        bail!("say what is compared: a second definition, or --from and perhaps --to");
    }
    let request = v1::DiffCohortRequest {
        before: Some(reference(before)?),
        after: after.map(reference).transpose()?,
        before_us: from.map_or(0, Moment::micros),
        after_us: to.map_or(0, Moment::micros),
    };
    let client = connection.open().await?;
    let mut items = client.cohorts().diff(request).await.map_err(fail)?.into_inner();
    let mut footer = None;
    while let Some(item) = items.message().await.map_err(fail)? {
        match item.item {
            Some(Item::Step(step)) => say(line(&step)?),
            Some(Item::Footer(said)) => footer = Some(said),
            None => {}
        }
    }
    let v1::DiffCohortFooter { entered, left, stayed } = footer.context("the answer broke off before its end")?;
    remark(format!("+ {entered} 名が加わる enter; - {left} 名が抜ける leave; {stayed} 名は変わらない stay"));
    Ok(if entered + left == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// Somebody who entered or left, in one line.
fn line(step: &v1::CohortStep) -> anyhow::Result<String> {
    let sign = if step.way() == v1::CohortWay::Enter { '+' } else { '-' };
    let member = step.member.clone().unwrap_or_default();
    let by = grounds(&member)?.replace('\n', "; ");
    let at = Moment::from_micros(step.at_us)?;
    Ok(format!("{sign} {at} {} [{}] {by}", number(&member), step.cause).trim_end().to_owned())
}

async fn watch(
    cohort: &str,
    from: Option<&str>,
    (count, as_lines): (Option<u64>, bool),
    connection: &Connection,
) -> anyhow::Result<ExitCode> {
    use v1::cohort_item::Item;
    let after = from.map(parse_at_least).transpose()?.map(|frontier| (&frontier).into());
    let request = v1::WatchCohortRequest { cohort: Some(reference(cohort)?), after };
    let client = connection.open().await?;
    let mut items = client.cohorts().watch(request).await.map_err(fail)?.into_inner();
    let (mut resume, mut seen) = (from.unwrap_or_default().to_owned(), 0);
    loop {
        let item = tokio::select! {
            item = items.message() => item,
            _ = tokio::signal::ctrl_c() => break,
        };
        let item = item.map_err(|status| {
            remark(format!("再開位置 resume with --from {resume}"));
            fail(status)
        })?;
        match item.map(|item| item.item) {
            None => break,
            Some(None) => bail!("an empty item"),
            Some(Some(Item::Heartbeat(v1::CohortHeartbeat { frontier, .. }))) => {
                resume = Frontier::from(frontier.unwrap_or_default()).to_string();
            }
            Some(Some(Item::Reset(_))) if as_lines => say(json!({ "reset": true }).to_string()),
            Some(Some(Item::Reset(_))) => say("! 初めから anew"),
            Some(Some(Item::Member(member))) if as_lines => say(json!({ "member": as_json(&member)? }).to_string()),
            Some(Some(Item::Member(member))) => {
                say(format!("= {} {}", number(&member), grounds(&member)?.replace('\n', "; ")));
            }
            Some(Some(Item::Step(step))) => {
                if as_lines {
                    let way = if step.way() == v1::CohortWay::Enter { "enter" } else { "leave" };
                    let member = as_json(&step.member.clone().unwrap_or_default())?;
                    let at = Moment::from_micros(step.at_us)?.to_string();
                    say(json!({ "step": way, "cause": step.cause, "at": at, "member": member }).to_string());
                } else {
                    say(line(&step)?);
                }
                seen += 1;
                if count.is_some_and(|count| seen >= count) {
                    break;
                }
            }
        }
    }
    remark(format!("{seen} 件の出入り entered or left; 再開位置 resume with --from {resume}"));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_last_moment_in_japan() {
        let day = when("2026-10-01").unwrap();
        assert_eq!(day.plus_micros(1), Moment::parse("2026-10-01T15:00:00Z").unwrap());
        assert_eq!(when("2026-10-01T00:00:00Z"), Ok(Moment::parse("2026-10-01T00:00:00Z").unwrap()));
        assert!(when("soon").is_err());
    }

    #[test]
    fn a_path_is_a_file_and_anything_else_a_name() {
        assert_eq!(reference("poor-control").unwrap().of, Some(v1::cohort_ref::Of::Name("poor-control".to_owned())));
        let missing = reference("./no-such-file.yaml").unwrap_err().to_string();
        assert!(missing.contains("no-such-file.yaml"), "{missing}");
    }
}
