//! `ajisai demo`: a node, a region, four commands to try.

use super::terminal::{progress, remark, say};
use crate::client::player::{Player, await_frontier};
use crate::demo::{House, Ports, Trial, USUAL_PORTS, trials, withdrawal};
use crate::simulator::{Expectation, Office, Simulation, SimulationOptions};
use anyhow::{Context, bail};
use clap::Args;
use model::Moment;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

/// ノードを一つ起動し、模擬の地域を流し込み、試せる四つの命令を示す。
/// Start a node, play a small region into it, and print four commands to try.
#[derive(Debug, Args)]
#[command(after_help = "例 Examples:\n  ajisai demo --dir data/demo\n  ajisai demo --dir $(mktemp -d) --check\n\n\
    --check は命令を自ら実行し、シミュレーションから独立に数えた答えと比べる。\n\
    --check runs the commands itself and compares with counts made from the simulation, independently of the node.\n\n\
    終了コード Exit codes: 0 正しい right, 1 誤りがある、またはクライアントがない wrong, or a client is missing")]
pub struct Demo {
    /// すべてを置く場所 Where everything lies: keys, tokens, log, views.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// 命令を自ら実行して答えを確かめる Run the commands and check the answers.
    #[arg(long)]
    check: bool,
    /// 実時間で続ける秒数（既定: --check では5秒、なければ止めるまで）
    /// Seconds of live play; 5 with --check, else until stopped.
    #[arg(long)]
    seconds: Option<u64>,
    /// 患者数 How many people.
    #[arg(long, default_value_t = 120)]
    patients: u64,
    /// 先に一気に流す過去の時間数 Hours played at once before the live play.
    #[arg(long, default_value_t = 3)]
    hours: u32,
    /// 乱数の種 The seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Demo {
    /// Shows the region; with `--check`, proves the answers.
    ///
    /// # Errors
    /// When the node does not start, the region is refused, or an answer is wrong.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let program = std::env::current_exe().context("finding this program")?;
        let mut house = House::furnish(&self.dir, Ports::choose(USUAL_PORTS)?)?;
        let seed = self.unused_seed(house.directory())?;
        say("ノードを起動しています Starting the node …");
        house.start(&program).await?;
        house.usual_tokens()?;
        let told = self.play(&house, &program, seed).await;
        let stopped = house.stop().await;
        told.and_then(|code| stopped.map(|()| code))
    }

    /// A region is played once: played again into the same directory, the next seed makes other people.
    fn unused_seed(&self, directory: &Path) -> anyhow::Result<u64> {
        let file = directory.join("seeds");
        let used = std::fs::read_to_string(&file).unwrap_or_default();
        let played: Vec<u64> = used.lines().filter_map(|line| line.parse().ok()).collect();
        if self.check && !played.is_empty() {
            bail!("--check needs a directory in which no region was played: {}", directory.display());
        }
        let mut seed = self.seed;
        while played.contains(&seed) {
            seed += 1;
        }
        std::fs::write(&file, format!("{used}{seed}\n"))?;
        Ok(seed)
    }

    async fn play(&self, house: &House, program: &Path, seed: u64) -> anyhow::Result<ExitCode> {
        let now = now()?;
        let start = now.plus_micros(-i64::from(self.hours) * 3_600_000_000);
        let seconds = self.seconds.or(self.check.then_some(5));
        let live_hours = seconds.map_or(24 * 30, |seconds| u32::try_from(seconds / 3600).unwrap_or(u32::MAX - 24) + 1);
        let options = SimulationOptions {
            patients: self.patients,
            hours: self.hours + live_hours,
            ..SimulationOptions::new(seed, start)
        };
        let simulation = Simulation::new(options)?;
        let offices = simulation.offices().to_vec();
        let mut simulation = simulation.peekable();
        let (office, operator) = house.operator()?;
        let mut player = Player::connect(&house.address(), &house.keys(), (&office, &operator), &offices).await?;
        let mut expectation = Expectation::new();

        // What lies in the past goes at once.
        let bar = progress("過去を再生 playing the past", None);
        while let Some(timed) = simulation.next_if(|timed| timed.as_ref().map_or(true, |timed| timed.at <= now)) {
            let timed = timed?;
            expectation.observe(&timed.event);
            player.play(&timed.event).await?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        if !self.check {
            self.announce(house, &trials(house, &offices, &expectation, (program, &python().await), now)?);
        }

        // Then life goes on at its own pace.
        let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let began = Instant::now();
        let lasts = async || match until {
            Some(until) => tokio::time::sleep_until(until.into()).await,
            None => std::future::pending().await,
        };
        loop {
            let Some(timed) = simulation.next().transpose()? else {
                // The last event is said; the node stays up for as long as was asked.
                tokio::select! {
                    () = lasts() => break,
                    _ = tokio::signal::ctrl_c() => break,
                }
            };
            let due = began + Duration::from_micros(u64::try_from(timed.at.since(now)).unwrap_or_default());
            tokio::select! {
                biased;
                () = lasts() => break,
                _ = tokio::signal::ctrl_c() => break,
                () = tokio::time::sleep_until(due.into()) => {}
            }
            if self.check {
                expectation.observe(&timed.event);
            }
            player.play(&timed.event).await?;
        }
        let administrator = player.administrator().clone();
        let (tallies, reached) = player.finish().await?;
        let played = super::simulate::outcome(&tallies);
        if !self.check {
            return Ok(played);
        }
        if played != ExitCode::SUCCESS {
            bail!("the node refused events of the region");
        }
        await_frontier(&administrator, &reached).await?;
        self.prove(house, program, &offices, expectation).await
    }

    /// Prints where the node is and what to try.
    fn announce(&self, house: &House, trials: &[Trial]) {
        let ports = house.ports();
        say(format!(
            "\nノードが動いています The node is running.\n  \
             場所 directory    {}\n  gRPC, Flight SQL  127.0.0.1:{}\n  PostgreSQL        127.0.0.1:{}\n  \
             画面 dashboards   http://127.0.0.1:{}\n  計測 metrics      http://127.0.0.1:{}/metrics\n  \
             トークン tokens   {}/tokens\n\n試せる命令 Commands to try:",
            house.directory().display(),
            ports.grpc,
            ports.postgres,
            ports.dashboards,
            ports.admin,
            house.directory().display(),
        ));
        for (number, trial) in (1..).zip(trials) {
            say(format!("\n{number}. {}\n   {}\n\n{}", trial.japanese, trial.english, trial.command));
        }
        say("\n止めるには Ctrl-C. Ctrl-C stops it. 地域は実時間で続きます The region goes on in real time.");
    }

    /// Runs the commands as printed and compares; then the first one again, after the withdrawal.
    async fn prove(
        &self,
        house: &House,
        program: &Path,
        offices: &[Office],
        mut expectation: Expectation,
    ) -> anyhow::Result<ExitCode> {
        let python = python().await;
        let moment = now()?;
        let commands = trials(house, offices, &expectation, (program, &python), moment)?;
        expectation.observe(&withdrawal(offices, &expectation, moment)?);
        let after = trials(house, offices, &expectation, (program, &python), moment)?;
        let mut wrong = 0;
        for (number, trial) in (1..).zip(commands.iter().chain(after.first())) {
            let outcome = trial.check().await;
            let again = if number > commands.len() { "（撤回の後 after the withdrawal）" } else { "" };
            match outcome {
                Ok(()) => {
                    let rows: u64 = trial.expected.iter().flat_map(|table| table.values()).sum();
                    say(format!("正 right  {} {}{again} ({rows} 行 rows)", trial.japanese, trial.english));
                }
                Err(error) => {
                    wrong += 1;
                    remark(format!(
                        "誤 WRONG  {} {}{again}\n{}\n{error:#}",
                        trial.japanese, trial.english, trial.command
                    ));
                }
            }
        }
        if wrong > 0 {
            bail!("{wrong} 件の誤り {wrong} of {} answers were wrong", commands.len() + 1);
        }
        say("すべて正しい答えでした Every answer was right.");
        Ok(ExitCode::SUCCESS)
    }
}

fn now() -> anyhow::Result<Moment> {
    Ok(Moment::from_micros(jiff::Timestamp::now().as_microsecond())?)
}

/// A Python with the Flight SQL driver: that of `make demo`, else any; when none has it, the plain one, whose own
/// message then says so.
async fn python() -> String {
    let here = std::env::current_dir().unwrap_or_default().join(".venv/bin/python").display().to_string();
    for candidate in [here, "python3".to_owned()] {
        let mut command = tokio::process::Command::new(&candidate);
        command.args(["-c", "import adbc_driver_flightsql.dbapi"]).stdout(Stdio::null()).stderr(Stdio::null());
        if command.status().await.is_ok_and(|status| status.success()) {
            return candidate;
        }
    }
    "python3".to_owned()
}
