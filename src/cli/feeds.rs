//! `ajisai feeds`: how complete the facility's ways in are, per feed and day, and the exact list of gaps.

use super::consent::refused;
use super::terminal::{remark, say, table};
use crate::client::Connection;
use clap::{Args, Subcommand};
use model::Moment;
use std::process::ExitCode;
use wire::v1;

/// So many entries are asked for at a time.
const PAGE: u32 = 1000;

/// 経路（MLLP・FHIR・SS-MIX2）が途絶えていないか。経路ごと日ごとに、送り手の数と受け取った数を突き合わせる。
/// Whether a feed (MLLP, FHIR, SS-MIX2) is silent; per feed and day, what the source has against what was taken.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(
    after_help = "例 Examples:\n  ajisai feeds --as hospital.token\n  ajisai feeds --as hospital.token --feed std\n  \
    ajisai feeds gaps --as hospital.token --feed std --day 2026-04-01\n\n\
    送り手の数は、ストレージではファイル、MLLPではメッセージ、FHIRではリソース。日付は日本の日付。\n\
    Items are files of a storage, messages of MLLP, resources of FHIR; days are those of Japan.\n\n\
    院内ゲートウェイの経路は「ゲートウェイ名/経路」 Feeds of a hospital's edge are named `edge/feed`.\n\n\
    終了コード Exit codes: 0 漏れも途絶もなし nothing is missing or silent, 3 漏れか途絶がある there are gaps or silent feeds"
)]
pub struct Feeds {
    #[command(subcommand)]
    act: Option<Act>,
    /// この経路だけ Only this feed.
    #[arg(long, value_name = "NAME")]
    feed: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// ある日の漏れの一覧（患者情報を含む）。The gaps of one day; it is patient data.
    #[command(after_help = "例 Example:\n  ajisai feeds gaps --as hospital.token --feed std --day 2026-04-01\n\n\
        missing 届いていない not taken, differing 内容が違う says something else now, vanished 元にない no longer at the source\n\n\
        終了コード Exit codes: 0 漏れなし nothing is missing, 3 漏れあり there are gaps")]
    Gaps {
        /// 経路の名前 The feed's name.
        #[arg(long, value_name = "NAME")]
        feed: String,
        /// 日付 The day.
        #[arg(long, value_name = "YYYY-MM-DD")]
        day: jiff::civil::Date,
        #[command(flatten)]
        connection: Connection,
    },
}

impl Feeds {
    /// Lists what was asked for.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let gaps = match self.act {
            Some(Act::Gaps { feed, day, connection }) => gaps(&connection, &feed, day).await?,
            None => days(&self.connection, self.feed.unwrap_or_default()).await?,
        };
        Ok(if gaps == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) })
    }
}

/// An edge tells every half minute: one that has not for so long is down, or its line is.
const UNHEARD: i64 = 120_000_000;

/// How the feeds stand, and how many of them are silent or not told of.
fn standings(feeds: Vec<v1::FeedStanding>) -> anyhow::Result<u64> {
    let mut printed = table(&["経路 feed", "種類 kind", "最後 last heard", "状態 state"]);
    let now = (crate::identity::system_clock())();
    let mut amiss = 0;
    for v1::FeedStanding { feed, kind, heard_us, silent_since_us, expected_seconds: _, told_us } in feeds {
        let told = Moment::from_micros(told_us)?;
        let state = if now.since(told) > UNHEARD {
            amiss += 1;
            format!("知らせがない not told of since {told}")
        } else if silent_since_us > 0 {
            amiss += 1;
            format!("途絶 silent since {}", Moment::from_micros(silent_since_us)?)
        } else {
            "正常 well".to_owned()
        };
        let heard = if heard_us > 0 { Moment::from_micros(heard_us)?.to_string() } else { "-".to_owned() };
        printed.add_row([feed, kind, heard, state]);
    }
    say(printed.to_string());
    Ok(amiss)
}

/// The days, and how many gaps and silent feeds there are in all.
async fn days(connection: &Connection, feed: String) -> anyhow::Result<u64> {
    let client = connection.open().await?;
    let mut printed = table(&[
        "経路 feed",
        "種類 kind",
        "日 day",
        "送り手 source",
        "受領 ours",
        "隔離 refused",
        "未着 missing",
        "相違 differing",
        "消失 vanished",
    ]);
    let (mut page, mut listed, mut gaps) = (String::new(), 0, 0);
    loop {
        let request = v1::ListFeedsRequest { feed: feed.clone(), page_size: PAGE, page };
        let response = client.ingest().list_feeds(request).await;
        let v1::ListFeedsResponse { days, next_page, feeds } =
            response.map_err(|s| anyhow::anyhow!(refused(&s)))?.into_inner();
        if !feeds.is_empty() {
            gaps += standings(feeds)?;
        }
        for day in days {
            listed += 1;
            gaps += day.missing + day.differing + day.vanished;
            let counts = [day.offered, day.dealt_with, day.refused, day.missing, day.differing, day.vanished];
            printed.add_row([day.feed, day.kind, day.day].into_iter().chain(counts.map(|count| count.to_string())));
        }
        if next_page.is_empty() {
            break;
        }
        page = next_page;
    }
    say(printed.to_string());
    if listed == 0 {
        remark("まだ何も届いていません nothing has come by a feed yet; a storage is listed after its first survey");
    }
    Ok(gaps)
}

/// The gaps of one day.
async fn gaps(connection: &Connection, feed: &str, day: jiff::civil::Date) -> anyhow::Result<u64> {
    let client = connection.open().await?;
    let mut printed = table(&["種類 kind", "項目 item"]);
    let (mut page, mut listed) = (String::new(), 0);
    loop {
        let request = v1::ListGapsRequest { feed: feed.to_owned(), day: day.to_string(), page_size: PAGE, page };
        let response = client.ingest().list_gaps(request).await;
        let v1::ListGapsResponse { gaps, next_page } = response.map_err(|s| anyhow::anyhow!(refused(&s)))?.into_inner();
        for v1::Gap { kind, key } in gaps {
            listed += 1;
            printed.add_row([kind, key]);
        }
        if next_page.is_empty() {
            break;
        }
        page = next_page;
    }
    say(printed.to_string());
    Ok(listed)
}
