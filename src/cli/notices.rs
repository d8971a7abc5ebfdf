//! `ajisai notices`: what the facility is told.

use super::consent::refused;
use super::terminal::{remark, say, table};
use crate::client::{Connection, parse_at_least};
use anyhow::Context;
use clap::{Args, Subcommand};
use model::{CriticalAction, Moment, NoticeId};
use std::process::ExitCode;
use wire::v1;

/// 知らせ：緊急閲覧とその確認、同意の撤回、受領書、成年に達した患者の再同意、表示された検査結果の訂正、パニック値。
/// Notices: broken glasses and their review, withdrawn consents, receipts, patients who came of age, corrected laboratory
/// results, critical results.
#[derive(Debug, Args)]
pub struct NoticesCommand {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// 知らせの一覧（新しい順）。The facility's notices, the newest first.
    #[command(after_help = "例 Example:\n  ajisai notices list --as hospital.token --waiting")]
    List {
        /// 確認されていないものだけ Only those that nobody has acknowledged.
        #[arg(long)]
        waiting: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// 知らせを、来るたびに表示し続ける。Print notices as they come.
    #[command(after_help = "例 Examples:\n  ajisai notices watch --as hospital.token\n  \
        ajisai notices watch --as hospital.token --from 0:5,1:120   （前回の続き where the last watch ended）\n\n\
        記号 Signs: ! 未確認 waiting, = 確認済み acknowledged")]
    Watch {
        /// ここから（省略時は未確認のすべて） From this frontier; all that wait when not given.
        #[arg(long, value_name = "FRONTIER")]
        from: Option<String>,
        /// この件数で終わる End after so many.
        #[arg(long)]
        count: Option<u64>,
        #[command(flatten)]
        connection: Connection,
    },
    /// 自施設の検査結果の訂正：誰に知らされ、誰が確認したか（未確認のあるものから）。
    /// Corrections of the facility's own laboratory results: who is told and who has said so, outstanding ones first.
    #[command(after_help = "例 Example:\n  ajisai notices corrected --as laboratory.token --waiting\n\n\
        旧い値を表示された他施設の人だけに知らされる。Only people elsewhere who had been shown the old value are told.")]
    Corrected {
        /// 確認していない人がいるものだけ Only those that somebody has not acknowledged.
        #[arg(long)]
        waiting: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// 自施設の検査結果のパニック値：検出・通知・確認・対応の時刻と人（期限切れから）。
    /// Critical values among the facility's own results: detected, notified, acknowledged, acted, overdue ones first.
    #[command(after_help = "例 Example:\n  ajisai notices critical --as laboratory.token --waiting\n\n\
        記号 Signs: !! 期限切れ overdue")]
    Critical {
        /// 対応が済んでいないものだけ Only those that somewhere nobody has acted on.
        #[arg(long)]
        waiting: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// 知らせを確認したと記録する（職員本人）。パニック値は対応も記録する。
    /// Say that you were told: a person, for themselves; of a critical result also what you did. It is kept in the ledger.
    #[command(after_help = "例 Examples:\n  ajisai notices ack --as clerk.token glass-broken/3:1842/nagasaki-mc\n  \
        ajisai notices ack --as doctor.token critical-result/3:1842/sato-clinic --action called --remark 午後に来院")]
    Ack {
        /// 知らせの番号 The notice's id.
        #[arg(value_parser = |text: &str| text.parse::<NoticeId>())]
        id: NoticeId,
        /// 対応 What was done: seen 診察, called 連絡, treated 治療, repeated 再検, referred 紹介, expected 予想の範囲.
        #[arg(long, value_parser = |text: &str| text.parse::<CriticalAction>())]
        action: Option<CriticalAction>,
        /// 一言（500バイトまで） In your own words, one line.
        #[arg(long, requires = "action", default_value = "")]
        remark: String,
        #[command(flatten)]
        connection: Connection,
    },
}

impl NoticesCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.act {
            Act::List { waiting, connection } => list(waiting, &connection).await,
            Act::Watch { from, count, connection } => watch(from.as_deref(), count, &connection).await,
            Act::Corrected { waiting, connection } => corrected(waiting, &connection).await,
            Act::Critical { waiting, connection } => critical(waiting, &connection).await,
            Act::Ack { id, action, remark, connection } => acknowledge(&id, (action, remark), &connection).await,
        }
    }
}

fn fail(status: tonic::Status) -> anyhow::Error {
    anyhow::anyhow!(refused(&status))
}

/// Who was told, and when.
fn told(said: Option<&v1::Acknowledgement>) -> anyhow::Result<String> {
    let Some(said) = said else { return Ok("未確認 waiting".to_owned()) };
    Ok(format!("{} {}", said.member, Moment::from_micros(said.at_us)?))
}

async fn list(waiting_only: bool, connection: &Connection) -> anyhow::Result<ExitCode> {
    let client = connection.open().await?;
    let request = v1::ListNoticesRequest { waiting_only, page_size: 1000 };
    let notices = client.notices().list(request).await.map_err(fail)?.into_inner().notices;
    let mut printed = table(&["時刻 raised", "番号 id", "内容 notice", "確認 acknowledged"]);
    for notice in &notices {
        let v1::Notice { id, raised_us, text_ja, text_en, acknowledged, .. } = notice;
        printed.add_row([
            Moment::from_micros(*raised_us)?.to_string(),
            id.clone(),
            format!("{text_ja}\n{text_en}"),
            told(acknowledged.as_ref())?,
        ]);
    }
    say(printed.to_string());
    remark(format!("{} 件 notices", notices.len()));
    Ok(ExitCode::SUCCESS)
}

async fn watch(from: Option<&str>, count: Option<u64>, connection: &Connection) -> anyhow::Result<ExitCode> {
    let after = from.map(parse_at_least).transpose()?.map(|frontier| (&frontier).into());
    let client = connection.open().await?;
    let mut items = client.notices().watch(v1::WatchNoticesRequest { after }).await.map_err(fail)?.into_inner();
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
            Some(None) => anyhow::bail!("an empty item"),
            Some(Some(v1::notice_item::Item::Heartbeat(v1::NoticeHeartbeat { frontier }))) => {
                resume = model::Frontier::from(frontier.unwrap_or_default()).to_string();
            }
            Some(Some(v1::notice_item::Item::Notice(notice))) => {
                say(line(&notice)?);
                seen += 1;
                if count.is_some_and(|count| seen >= count) {
                    break;
                }
            }
        }
    }
    remark(format!("{seen} 件 notices; 再開位置 resume with --from {resume}"));
    Ok(ExitCode::SUCCESS)
}

async fn corrected(outstanding_only: bool, connection: &Connection) -> anyhow::Result<ExitCode> {
    let client = connection.open().await?;
    let request = v1::ListCorrectionsRequest { outstanding_only, page_size: 1000 };
    let corrections = client.notices().list_corrections(request).await.map_err(fail)?.into_inner().corrections;
    let mut printed = table(&[
        "時刻 corrected",
        "患者 patient",
        "記録 record",
        "訂正 change",
        "知らせた先 told",
        "確認 acknowledged",
    ]);
    for v1::Correction { corrected_us, patient, record, change, told: recipients, .. } in &corrections {
        let each = recipients.iter().map(|one| {
            let who = if one.member.is_empty() { "システム system" } else { one.member.as_str() };
            Ok((format!("{} {who}", one.facility), told(one.acknowledged.as_ref())?))
        });
        let (who, said): (Vec<_>, Vec<_>) = each.collect::<anyhow::Result<Vec<_>>>()?.into_iter().unzip();
        printed.add_row([
            Moment::from_micros(*corrected_us)?.to_string(),
            patient.as_ref().map(|patient| patient.number.clone()).unwrap_or_default(),
            record.clone(),
            change.clone(),
            who.join("\n"),
            said.join("\n"),
        ]);
    }
    say(printed.to_string());
    let all: usize = corrections.iter().map(|one| one.told.len()).sum();
    let said: usize = corrections.iter().map(|one| one.acknowledged as usize).sum();
    remark(format!("訂正 {} 件 corrections; 確認 {said}/{all} acknowledged", corrections.len()));
    Ok(ExitCode::SUCCESS)
}

/// What was done, by whom, when.
fn done(acted: &v1::Acted) -> anyhow::Result<String> {
    let action = CriticalAction::try_from(acted.action()).map(CriticalAction::code).unwrap_or_default();
    let v1::Acted { member, at_us, remark, .. } = acted;
    Ok(format!("{action} {member} {} {remark}", Moment::from_micros(*at_us)?).trim_end().to_owned())
}

async fn critical(outstanding_only: bool, connection: &Connection) -> anyhow::Result<ExitCode> {
    let client = connection.open().await?;
    let request = v1::ListCriticalsRequest { outstanding_only, page_size: 1000 };
    let criticals = client.notices().list_criticals(request).await.map_err(fail)?.into_inner().criticals;
    let mut printed = table(&[
        "検出 detected",
        "患者 patient",
        "記録 record",
        "項目 item",
        "施設 facility",
        "状態 state",
        "通知 notified",
        "確認 acknowledged",
        "対応 acted",
    ]);
    let mut overdue = 0;
    for v1::Critical { patient, record, value, told: facilities, .. } in &criticals {
        let Some(v1::CriticalValue { bound, item, item_ja, detected_us, .. }) = value else { continue };
        for one in facilities {
            overdue += usize::from(one.overdue);
            printed.add_row([
                Moment::from_micros(*detected_us)?.to_string(),
                patient.as_ref().map(|patient| patient.number.clone()).unwrap_or_default(),
                record.clone(),
                format!("{item_ja} {item} {bound}"),
                one.facility.clone(),
                format!("{}{}", if one.overdue { "!! " } else { "" }, one.state),
                told(one.delivered.as_ref())?,
                told(one.acknowledged.as_ref())?,
                one.acted.as_ref().map(done).transpose()?.unwrap_or_default(),
            ]);
        }
    }
    say(printed.to_string());
    remark(format!("パニック値 {} 件 critical values; 期限切れ {overdue} overdue", criticals.len()));
    Ok(ExitCode::SUCCESS)
}

fn line(notice: &v1::Notice) -> anyhow::Result<String> {
    let v1::Notice { id, raised_us, text_ja, text_en, acknowledged, .. } = notice;
    let sign = if acknowledged.is_some() { '=' } else { '!' };
    let raised = Moment::from_micros(*raised_us)?;
    let who = match acknowledged {
        Some(_) => format!(" [{}]", told(acknowledged.as_ref())?),
        None => String::new(),
    };
    Ok(format!("{sign} {raised} {id} {text_ja} {text_en}{who}"))
}

async fn acknowledge(
    id: &NoticeId,
    (action, remark): (Option<CriticalAction>, String),
    connection: &Connection,
) -> anyhow::Result<ExitCode> {
    let client = connection.open().await?;
    let action = action.map(v1::CriticalAction::from).unwrap_or_default();
    let request = v1::AcknowledgeNoticeRequest { id: id.to_string(), action: action.into(), remark };
    let answer = client.notices().acknowledge(request).await.map_err(fail)?.into_inner();
    let v1::AcknowledgeNoticeResponse { acknowledged, duplicate, acted } = answer;
    let acknowledged =
        acknowledged.context("確認は記録されましたが、まだ見えません it is durable and not visible yet")?;
    let before = if duplicate { "すでに確認済み it had been before: " } else { "" };
    let done = acted.as_ref().map(done).transpose()?.map(|done| format!("; {done}")).unwrap_or_default();
    say(format!("{before}{}{done}", told(Some(&acknowledged))?));
    Ok(ExitCode::SUCCESS)
}
