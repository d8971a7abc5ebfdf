//! `ajisai bench`: measure this machine.

use crate::bench::region::Size;
use crate::bench::report::{Figure, Machine, Report};
use crate::bench::{self, Load, Targets, beds, chart, cohort, load, registry, withdrawal};
use anyhow::Context;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;

/// この機械での性能を測る。実ノードを起動し、gRPCで開ループの負荷をかける。
/// Measure this machine: starts a real node and loads it over gRPC, open loop, latency from the intended send time.
#[derive(Debug, Args)]
#[command(
    after_help = "例 Examples:\n  ajisai bench\n  ajisai bench --rate 20000 --seconds 30 --json > bench.json\n  \
    ajisai bench --only restart --events 10000000\n  ajisai bench --only withdrawal --feeds 1000\n  \
    ajisai bench --only registry --registry-patients 150000 --registry-rows 100000000\n  \
    ajisai bench --only registry --beside benches/beside/beside.py\n  \
    ajisai bench --only beds --beds 1000 --bed-viewers 2000 --bed-seconds 600\n\n\
    終了コード Exit codes: 0 計測できた measured, 1 計測できなかった could not measure, 他 --besideのプログラムのもの（計測値は表示される） \
    others that of the program of --beside, after the figures"
)]
pub struct Bench {
    /// 何を測るか What to measure; all when not given.
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// 遅延計測のときの毎秒イベント数 Events per second of the latency run.
    #[arg(long, default_value_t = 10_000.0)]
    rate: f64,
    /// 処理量計測のときの毎秒イベント数 Events per second offered in the throughput run.
    #[arg(long, default_value_t = 60_000.0)]
    throughput: f64,
    /// 各負荷の秒数 Seconds of each load.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// イベントの大きさ（バイト） Bytes per event.
    #[arg(long, default_value_t = 1024)]
    event_bytes: usize,
    /// 情報源病院数 Disclosing hospitals, each with one stream.
    #[arg(long, default_value_t = 4)]
    sources: u32,
    /// 閲覧施設数 Viewing clinics.
    #[arg(long, default_value_t = 20)]
    viewers: u32,
    /// 各病院の患者数 Patients of each hospital.
    #[arg(long, default_value_t = 2_000)]
    patients: u32,
    /// 一件が届く施設数 Facilities that each event reaches.
    #[arg(long, default_value_t = 5)]
    audience: u32,
    /// 再起動計測のイベント数 Events in the log for the restart run.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// 照会計測の検査行数 Laboratory rows in the region for the query run.
    #[arg(long, default_value_t = 5_000_000)]
    rows: u64,
    /// 照会計測の患者数（全病院） Patients of all hospitals in the query run.
    #[arg(long, default_value_t = 15_000)]
    query_patients: u32,
    /// 照会計測の診療所の患者数 Patients of the clinic that asks.
    #[arg(long, default_value_t = 2_000)]
    clinic_patients: u32,
    /// 登録簿計測の患者数 Patients of the hospital in the registry run.
    #[arg(long, default_value_t = 15_000)]
    registry_patients: u32,
    /// 登録簿計測の検査行数 Laboratory rows in the registry run.
    #[arg(long, default_value_t = 10_000_000)]
    registry_rows: u64,
    /// 登録簿計測のあいだに同じ問いを他のデータベースにもさせるプログラム（benches/beside/beside.py）
    /// In the registry run: a program that asks others the same while the node serves (benches/beside/beside.py).
    #[arg(long, value_name = "PROGRAM")]
    beside: Option<PathBuf>,
    /// 撤回計測の施設数 Facilities in the withdrawal run.
    #[arg(long, default_value_t = 300)]
    facilities: u32,
    /// 撤回計測の開いたフィード数 Open feeds in the withdrawal run.
    #[arg(long, default_value_t = 1_000)]
    feeds: u32,
    /// 撤回計測の照会し続ける施設数 Facilities that read their whole table over and over in the withdrawal run.
    #[arg(long, default_value_t = 20)]
    readers: u32,
    /// 撤回計測の毎秒記録数 Records per second in the withdrawal run.
    #[arg(long, default_value_t = 1_000.0)]
    withdrawal_rate: f64,
    /// 撤回の数 Withdrawals.
    #[arg(long, default_value_t = 300)]
    withdrawals: u32,
    /// 差し込み計測の患者の記録数 Records of the patient in the splice run.
    #[arg(long, default_value_t = 5_000)]
    history: u64,
    /// コホート計測の毎秒記録数 Records per second in the cohort run.
    #[arg(long, default_value_t = 5_000.0)]
    cohort_rate: f64,
    /// コホート計測の診療所の患者数 Patients of the clinic in the cohort run.
    #[arg(long, default_value_t = 20_000)]
    cohort_patients: u32,
    /// ベッド計測のベッド数 Beds in the run of beds.
    #[arg(long, default_value_t = 1_000)]
    beds: u32,
    /// ベッド計測の閲覧者数 Viewers in the run of beds; each is shown the beds of its facility.
    #[arg(long, default_value_t = 2_000)]
    bed_viewers: u32,
    /// ベッド計測の秒数 Seconds of the run of beds.
    #[arg(long, default_value_t = 60.0)]
    bed_seconds: f64,
    /// 作業用の場所（既定は一時の場所） Where to work; a temporary directory when not given.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// 機械可読で出力 Print JSON.
    #[arg(long)]
    json: bool,
}

/// One part of the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Acknowledgement and visibility at a steady rate.
    Latency,
    /// As many events as the node takes.
    Throughput,
    /// How soon a node serves again over a long log.
    Restart,
    /// How soon a clinic gets charts and aggregates out of a large region.
    Query,
    /// How soon a withdrawal holds in open feeds and running statements.
    Withdrawal,
    /// How soon one patient's history is in an open feed, and out of it.
    Splice,
    /// How soon a facility has its diabetes registry, and one patient's row of it.
    Registry,
    /// How soon what is measured at beds is with their viewers.
    Beds,
    /// How soon a clinic that follows a cohort is told who entered or left, and how long finding one takes.
    Cohort,
}

impl Bench {
    /// Measures and prints.
    ///
    /// # Errors
    /// When the node cannot be started or refuses.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let program = std::env::current_exe().context("finding this program")?;
        let place = tempfile::tempdir()?;
        // the node of a run works in a place of its own
        let directory = std::path::absolute(self.dir.as_deref().unwrap_or_else(|| place.path()))?;
        let size = Size {
            sources: self.sources,
            viewers: self.viewers,
            patients: self.patients,
            audience: self.audience.min(self.viewers),
        };
        let wanted = |part| self.only.is_none_or(|only| only == part);
        let mut figures = Vec::new();
        let mut beside = Ok(ExitCode::SUCCESS);
        if wanted(Part::Latency) || wanted(Part::Throughput) {
            self.progress("地域を用意しています setting up the region");
            let mut rig = bench::raise(&program, &directory.join("load"), size, "").await?;
            if wanted(Part::Latency) {
                self.progress("遅延 latency");
                let outcome = bench::load(&rig, size, &self.plan(self.rate, "latency", true)).await?;
                let targets = Targets {
                    ack_p50_ms: Some(1.0),
                    ack_p99_ms: Some(25.0),
                    visible_p99_ms: Some(100.0),
                    ..Targets::default()
                };
                figures.extend(bench::figures(&format!("{} events/s", self.rate), &outcome, targets));
            }
            if wanted(Part::Throughput) {
                self.progress("処理量 throughput");
                let outcome = bench::load(&rig, size, &self.plan(self.throughput, "throughput", false)).await?;
                let targets = Targets { rate: Some(50_000.0), ..Targets::default() };
                figures.extend(bench::figures(&format!("{} events/s offered", self.throughput), &outcome, targets));
            }
            rig.stop(Duration::from_secs(120)).await?;
        }
        if wanted(Part::Restart) {
            figures.extend(self.restart(&program, &directory.join("restart"), size).await?);
        }
        if wanted(Part::Query) {
            figures.extend(self.query(&program, &directory.join("query")).await?);
        }
        if wanted(Part::Withdrawal) {
            figures.extend(self.withdrawal(&program, &directory.join("withdrawal")).await?);
        }
        if wanted(Part::Splice) {
            figures.extend(self.splice(&program, &directory.join("splice")).await?);
        }
        if wanted(Part::Registry) {
            let measured;
            (measured, beside) = self.registry(&program, &directory.join("registry")).await?;
            figures.extend(measured);
        }
        if wanted(Part::Cohort) {
            figures.extend(self.cohort(&program, &directory.join("cohort")).await?);
        }
        if wanted(Part::Beds) {
            figures.extend(self.beds(&program, &directory.join("beds")).await?);
        }
        self.print(figures)?;
        beside
    }

    async fn beds(&self, program: &Path, directory: &Path) -> anyhow::Result<Vec<Figure>> {
        let plan = beds::Plan { beds: self.beds, viewers: self.bed_viewers, seconds: self.bed_seconds };
        self.progress("ベッドの準備 setting up the beds");
        let mut rig = bench::raise(program, directory, plan.size(), "").await?;
        self.progress("ベッド beds");
        let figures = beds::run(&rig, plan).await?;
        rig.stop(Duration::from_secs(120)).await?;
        Ok(figures)
    }

    /// The node's own figures, and how the program beside it ended: what it finds takes no figure away.
    async fn registry(
        &self,
        program: &Path,
        directory: &Path,
    ) -> anyhow::Result<(Vec<Figure>, anyhow::Result<ExitCode>)> {
        let size = Size { sources: 1, viewers: 1, patients: self.registry_patients, audience: 1 };
        self.progress("登録簿の準備 filling the tables for the registry");
        let mut rig = bench::raise(program, directory, size, "[query]\nstatement_seconds = 600\n").await?;
        rig.stop(Duration::from_secs(300)).await?;
        registry::fill(&rig, size, self.registry_rows).await?;
        rig.start(Duration::from_secs(600)).await?;
        self.progress("登録簿 the registry");
        let measured = registry::ask(&rig, 50).await?;
        let name = |what: &str| {
            format!("registry of {} patients, {} rows: {what}", self.registry_patients, self.registry_rows)
        };
        let whole = |which: &str| name(&format!("eleven items of {} persons, {which}", measured.persons));
        let chart = |which: &str| name(&format!("one patient's row, all items, {which}"));
        let figures = vec![
            Figure::at_most(&whole("cold"), "ms", measured.cold_ms, None),
            Figure::at_most(&whole("warm"), "ms", measured.warm_ms, None),
            Figure::at_most(&chart("p50"), "ms", chart::milliseconds(measured.chart.p50_us), Some(20.0)),
            Figure::at_most(&chart("p99"), "ms", chart::milliseconds(measured.chart.p99_us), None),
            Figure::at_most(&name("peak memory of the node"), "MiB", bench::peak_mib(&rig)?, None),
        ];
        let mut ended = Ok(ExitCode::SUCCESS);
        if let Some(program) = &self.beside {
            // said before, too: the others may take an hour, and somebody may end it
            self.progress(&format!("登録簿、このノード the registry, this node\n{}", report(figures.clone()).table()));
            self.progress("同じ問いを他でも the same asked of others");
            // standard output is the report's where a machine reads it
            let says = if self.json { Stdio::from(std::io::stderr()) } else { Stdio::inherit() };
            ended = registry::beside(&rig, program, says).await.and_then(|status| ended_with(program, status));
        }
        rig.stop(Duration::from_secs(300)).await?;
        Ok((figures, ended))
    }

    async fn cohort(&self, program: &Path, directory: &Path) -> anyhow::Result<Vec<Figure>> {
        let size = cohort::size(self.cohort_patients);
        self.progress("コホートの準備 setting up for the cohort");
        let mut rig = bench::raise(program, directory, size, "").await?;
        self.progress("コホート cohort");
        let plan = cohort::Plan { rate: self.cohort_rate, seconds: self.seconds, runs: 5 };
        let figures = cohort::run(&rig, size, plan).await?;
        rig.stop(Duration::from_secs(120)).await?;
        Ok(figures)
    }

    async fn withdrawal(&self, program: &Path, directory: &Path) -> anyhow::Result<Vec<Figure>> {
        const SOURCES: u32 = 10;
        let viewers = self.facilities.saturating_sub(SOURCES).max(1);
        // Enough patients that none is withdrawn from twice.
        let patients = self.withdrawals.div_ceil(SOURCES).max(viewers);
        let size = Size { sources: SOURCES, viewers, patients, audience: self.audience.min(viewers) };
        self.progress("撤回の準備 setting up for the withdrawals");
        let mut rig = bench::raise(program, directory, size, "").await?;
        self.progress("撤回 withdrawals");
        let plan = withdrawal::Load {
            feeds: self.feeds,
            readers: self.readers,
            rate: self.withdrawal_rate,
            withdrawals: self.withdrawals,
            pause: Duration::from_millis(100),
        };
        let mut figures = withdrawal::run(&rig, size, plan).await?;
        figures.push(Figure::at_most("withdrawal: peak memory of the node", "MiB", bench::peak_mib(&rig)?, None));
        rig.stop(Duration::from_secs(120)).await?;
        Ok(figures)
    }

    async fn splice(&self, program: &Path, directory: &Path) -> anyhow::Result<Vec<Figure>> {
        let size = Size { sources: 1, viewers: 5, patients: 50, audience: 5 };
        self.progress("履歴の差し込み splicing history");
        let mut rig = bench::raise(program, directory, size, "").await?;
        let figures = withdrawal::splice(&rig, size, self.history, 20).await?;
        rig.stop(Duration::from_secs(120)).await?;
        Ok(figures)
    }

    async fn query(&self, program: &Path, directory: &Path) -> anyhow::Result<Vec<Figure>> {
        const SOURCES: u32 = 10;
        // Each patient reaches five clinics of so many that each clinic has the patients asked for.
        let audience = 5;
        let viewers =
            (u64::from(self.query_patients) * u64::from(audience)).div_ceil(u64::from(self.clinic_patients.max(1)));
        let size = Size {
            sources: SOURCES,
            viewers: u32::try_from(viewers)?.max(audience),
            patients: self.query_patients / SOURCES,
            audience,
        };
        self.progress("照会の準備 filling the tables for the queries");
        let mut rig = bench::raise(program, directory, size, "").await?;
        rig.stop(Duration::from_secs(300)).await?;
        chart::fill(&rig, size, self.rows).await?;
        let serving = rig.start(Duration::from_secs(600)).await?;
        self.progress("照会 queries");
        let name = |what: &str| {
            format!(
                "clinic with {} of {} patients, {} rows: {what}",
                self.clinic_patients, self.query_patients, self.rows
            )
        };
        let mut figures = vec![Figure::at_most(&name("start"), "s", serving.as_secs_f64(), None)];
        for asked in chart::ask(&rig, size, 50).await? {
            let target = match asked.what {
                "one patient's chart" => Some(20.0),
                "monthly aggregate of one code" => Some(50.0),
                _ => None,
            };
            let what = |which: &str| name(&format!("{} ({} rows) {which}", asked.what, asked.rows));
            figures.push(Figure::at_most(&what("p50"), "ms", chart::milliseconds(asked.latency.p50_us), target));
            figures.push(Figure::at_most(&what("p99"), "ms", chart::milliseconds(asked.latency.p99_us), None));
        }
        figures.push(Figure::at_most(&name("peak memory of the node"), "MiB", bench::peak_mib(&rig)?, None));
        rig.stop(Duration::from_secs(300)).await?;
        Ok(figures)
    }

    async fn restart(&self, program: &Path, directory: &Path, size: Size) -> anyhow::Result<Vec<Figure>> {
        self.progress("再起動の準備 filling the log for the restart");
        let mut rig = bench::raise(program, directory, size, "").await?;
        let seconds = load::count(self.events) / self.throughput;
        let plan = Load { seconds, watch: false, ..self.plan(self.throughput, "restart", false) };
        bench::load(&rig, size, &plan).await?;
        let name = |what: &str| format!("restart with {} events: {what}", self.events);
        let stopped = rig.stop(Duration::from_secs(300)).await?;
        let serving = rig.start(Duration::from_secs(600)).await?;
        let peak = bench::peak_mib(&rig)?;
        rig.kill()?;
        let after_kill = rig.start(Duration::from_secs(600)).await?;
        rig.stop(Duration::from_secs(300)).await?;
        Ok(vec![
            Figure::at_most(&name("graceful stop"), "s", stopped.as_secs_f64(), None),
            Figure::at_most(&name("serving again"), "s", serving.as_secs_f64(), Some(10.0)),
            Figure::at_most(&name("serving again after SIGKILL"), "s", after_kill.as_secs_f64(), Some(10.0)),
            Figure::at_most(&name("memory after start"), "MiB", peak, None),
        ])
    }

    fn plan(&self, rate: f64, run: &str, watch: bool) -> Load {
        Load {
            rate,
            seconds: self.seconds,
            warm_up: (self.seconds / 5.0).min(3.0),
            event_bytes: self.event_bytes,
            run: run.to_owned(),
            watch,
        }
    }

    #[expect(clippy::print_stderr, reason = "progress of a command a person waits for")]
    fn progress(&self, what: &str) {
        if !self.json {
            eprintln!("… {what}");
        }
    }

    #[expect(clippy::print_stdout, reason = "the command's answer")]
    fn print(&self, figures: Vec<Figure>) -> anyhow::Result<()> {
        let report = report(figures);
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            println!(
                "{} · {} cores · {} MiB · {}",
                report.machine.processor, report.machine.cores, report.machine.memory_mib, report.build
            );
            println!("{}", report.table());
        }
        Ok(())
    }
}

fn report(figures: Vec<Figure>) -> Report {
    let optimised = if cfg!(debug_assertions) { "not optimised" } else { "optimised" };
    Report { machine: Machine::here(), build: format!("ajisai {} ({optimised})", env!("CARGO_PKG_VERSION")), figures }
}

/// The exit code of a program that ended by itself.
fn ended_with(program: &Path, status: ExitStatus) -> anyhow::Result<ExitCode> {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    let code = code.with_context(|| format!("{} ended with {status}", program.display()))?;
    Ok(ExitCode::from(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn ended(script: &str) -> anyhow::Result<ExitCode> {
        let status = Command::new("sh").args(["-c", script]).status().unwrap();
        ended_with(Path::new("beside.py"), status)
    }

    #[test]
    fn the_exit_code_of_the_program_beside_is_the_commands() {
        assert_eq!(ended("exit 0").unwrap(), ExitCode::SUCCESS);
        assert_eq!(ended("exit 3").unwrap(), ExitCode::from(3));
        let killed = ended("kill -9 $$").unwrap_err().to_string();
        assert!(killed.starts_with("beside.py ended with signal: 9"), "{killed}");
    }
}
