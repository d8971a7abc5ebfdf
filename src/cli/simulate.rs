//! `ajisai simulate`: play a simulated region into a node.

use super::terminal::{progress, say, table};
use crate::client::player::{Player, Tallies, Tally};
use crate::simulator::{Simulation, SimulationOptions};
use anyhow::Context;
use clap::Args;
use model::{FacilityId, MemberId, Moment};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// 模擬の地域（病院・診療所・薬局など7施設）をノードに流し込む。同じ種なら同じ内容。
/// Play a simulated region of seven facilities into a node; the same seed plays the same events.
#[derive(Debug, Args)]
#[command(after_help = "例 Examples:\n  \
    ajisai dev ca --dir pki --facility office\n  \
    ajisai simulate --dev-dir pki --patients 500 --hours 24 --rate max\n  \
    ajisai simulate --dev-dir pki --seed 7 --rate 2000/s\n  \
    ajisai simulate --dev-dir pki --rate real-time --start 2026-04-01T08:00:00+09:00\n\n\
    終了コード Exit codes: 0 すべて受理 all accepted, 3 一部拒否 some refused, 1 失敗 failed")]
pub struct Simulate {
    /// ノードのアドレス Address of the node.
    #[arg(long, env = "AJISAI_ADDRESS", default_value = "http://127.0.0.1:7443", value_name = "URL")]
    address: String,
    /// 開発用の鍵の場所 Directory of `ajisai dev ca`: each facility speaks with its own token.
    #[arg(long, env = "AJISAI_DEV_DIR", value_name = "DIR")]
    dev_dir: PathBuf,
    /// 施設を登録する運用者（ノードの設定にある「施設/利用者」） The operator, as in the node's configuration.
    #[arg(long, default_value = "office/operator-1", value_name = "FACILITY/MEMBER")]
    operator: String,
    /// 毎秒の件数（`2000/s`）、`max`、または `real-time` Events per second, `max`, or `real-time`.
    #[arg(long, default_value = "max")]
    rate: Rate,
    /// 患者数 How many people.
    #[arg(long, default_value_t = 120)]
    patients: u64,
    /// 何時間分か How many hours are played.
    #[arg(long, default_value_t = 24)]
    hours: u32,
    /// 乱数の種 The seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// 始まりの時刻 When play begins, in the simulation's time.
    #[arg(long, default_value = "2026-04-01T08:00:00+09:00")]
    start: String,
    /// 常に監視中の分娩監視装置の数（`real-time` では半秒ごと、それ以外では1秒ごとに送る） Beds of the perinatal centre monitored at
    /// every moment: in `real-time` they send every half second, otherwise every second.
    #[arg(long, default_value_t = 1)]
    beds: u32,
    /// 送らずに件数だけ示す Only count what would be sent.
    #[arg(long)]
    dry_run: bool,
}

/// How fast to play.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// As fast as the node takes it.
    Max,
    /// So many events a second.
    PerSecond(f64),
    /// As it would happen.
    RealTime,
}

impl std::str::FromStr for Rate {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "max" => Ok(Self::Max),
            "real-time" => Ok(Self::RealTime),
            number => match number.trim_end_matches("/s").parse::<f64>() {
                Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(Self::PerSecond(rate)),
                _ => Err("write a number such as `2000/s`, `max`, or `real-time`".to_owned()),
            },
        }
    }
}

impl Rate {
    /// How long after the beginning event number `number` at `at` is due.
    pub fn due(self, number: u64, at: Moment, start: Moment) -> Duration {
        match self {
            Self::Max => Duration::ZERO,
            #[expect(clippy::cast_precision_loss, reason = "a pace, not a count")]
            Self::PerSecond(rate) => Duration::from_secs_f64(number as f64 / rate),
            Self::RealTime => Duration::from_micros(u64::try_from(at.since(start)).unwrap_or_default()),
        }
    }
}

impl Simulate {
    /// Plays and prints what became of it.
    ///
    /// # Errors
    /// When the node cannot be reached or ends a stream.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let start = Moment::parse(&self.start).context("--start")?;
        let options = SimulationOptions {
            patients: self.patients,
            hours: self.hours,
            beds: self.beds,
            frame_millis: if self.rate == Rate::RealTime { 500 } else { 1000 },
            ..SimulationOptions::new(self.seed, start)
        };
        let simulation = Simulation::new(options)?;
        if self.dry_run {
            return dry_run(simulation);
        }
        let (office, member) = self.operator.split_once('/').context("--operator: write FACILITY/MEMBER")?;
        let operator = (&FacilityId::parse(office)?, &MemberId::parse(member)?);
        let mut player = Player::connect(&self.address, &self.dev_dir, operator, simulation.offices()).await?;
        let bar = progress("再生中 playing", None);
        let began = Instant::now();
        let mut number = 0;
        for timed in simulation {
            let timed = timed?;
            let due = self.rate.due(number, timed.at, start);
            if due > began.elapsed() {
                tokio::time::sleep_until((began + due).into()).await;
            }
            player.play(&timed.event).await?;
            number += 1;
            bar.inc(1);
        }
        let (tallies, reached) = player.finish().await?;
        let seconds = began.elapsed().as_secs_f64();
        bar.finish_and_clear();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = number as f64 / seconds;
        let reached = query::frontier_text(&reached);
        say(format!("{number} 件を {seconds:.1} 秒で送信 events sent, {rate:.0}/s; 到達位置 log position {reached}"));
        Ok(outcome(&tallies))
    }
}

fn dry_run(simulation: Simulation) -> anyhow::Result<ExitCode> {
    let mut counts: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    for timed in simulation {
        let kind = match &timed?.event.body {
            model::Body::Record(record) => record.category().code(),
            model::Body::Consent(_) => "consent",
            model::Body::Directory(_) => "directory",
            model::Body::Referral(_) => "referral",
            model::Body::Audit(_) => "audit",
        };
        *counts.entry(kind).or_default() += 1;
    }
    let mut table = table(&["種類 kind", "件数 events"]);
    for (kind, count) in &counts {
        table.add_row([(*kind).to_owned(), count.to_string()]);
    }
    table.add_row(["計 total".to_owned(), counts.values().sum::<u64>().to_string()]);
    say(table.to_string());
    Ok(ExitCode::SUCCESS)
}

/// Prints the table of what became of the events; gives exit code 3 when something was refused.
pub fn outcome(tallies: &Tallies) -> ExitCode {
    let mut table = table(&["種類 kind", "受理 accepted", "重複 duplicate", "拒否 refused", "理由 why"]);
    for (kind, tally) in tallies {
        let why: Vec<String> = tally.refused.iter().map(|(reason, count)| format!("{count} × {reason}")).collect();
        table.add_row([
            (*kind).to_owned(),
            tally.accepted.to_string(),
            tally.duplicate.to_string(),
            tally.refusals().to_string(),
            why.join("\n"),
        ]);
    }
    say(table.to_string());
    let refused: u64 = tallies.values().map(Tally::refusals).sum();
    if refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_max_or_real_time() {
        assert_eq!("2000/s".parse(), Ok(Rate::PerSecond(2000.0)));
        assert_eq!("50".parse(), Ok(Rate::PerSecond(50.0)));
        assert_eq!("max".parse(), Ok(Rate::Max));
        assert_eq!("real-time".parse(), Ok(Rate::RealTime));
        assert!("0/s".parse::<Rate>().is_err() && "fast".parse::<Rate>().is_err());
        let start = Moment::parse("2026-04-01").unwrap();
        assert_eq!(Rate::PerSecond(100.0).due(50, start, start), Duration::from_millis(500));
        assert_eq!(Rate::RealTime.due(9, start.plus_micros(2_000_000), start), Duration::from_secs(2));
    }
}
