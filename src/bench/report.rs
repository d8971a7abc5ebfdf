//! What a measurement says, for people and for machines.

use comfy_table::{Table, presets};
use hdrhistogram::Histogram;
use serde::Serialize;

/// A latency distribution in microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Latency {
    /// Half are at or below this.
    pub p50_us: u64,
    /// 99 of 100 are at or below this.
    pub p99_us: u64,
    /// 999 of 1000 are at or below this.
    pub p999_us: u64,
    /// The longest.
    pub max_us: u64,
    /// How many were measured.
    pub count: u64,
}

impl From<&Histogram<u64>> for Latency {
    fn from(histogram: &Histogram<u64>) -> Self {
        Self {
            p50_us: histogram.value_at_quantile(0.5),
            p99_us: histogram.value_at_quantile(0.99),
            p999_us: histogram.value_at_quantile(0.999),
            max_us: histogram.max(),
            count: histogram.len(),
        }
    }
}

/// One figure beside its target.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// In which unit.
    pub unit: &'static str,
    /// What was found.
    pub found: f64,
    /// What is asked for, if anything is.
    pub target: Option<f64>,
    /// Whether more is better.
    pub more_is_better: bool,
}

impl Figure {
    /// A figure of which more is better.
    pub fn at_least(name: &str, unit: &'static str, found: f64, target: Option<f64>) -> Self {
        Self { name: name.to_owned(), unit, found, target, more_is_better: true }
    }
    /// A figure of which less is better.
    pub fn at_most(name: &str, unit: &'static str, found: f64, target: Option<f64>) -> Self {
        Self { name: name.to_owned(), unit, found, target, more_is_better: false }
    }
    /// Whether the target is met; `None` without one.
    pub fn met(&self) -> Option<bool> {
        self.target.map(|target| if self.more_is_better { self.found >= target } else { self.found <= target })
    }
}

/// A whole measurement.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Processor, cores and memory.
    pub machine: Machine,
    /// The program's version and whether it was optimised.
    pub build: String,
    /// The figures in order.
    pub figures: Vec<Figure>,
}

/// Where it was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// As `/proc/cpuinfo` names it.
    pub processor: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory in MiB.
    pub memory_mib: u64,
}

impl Machine {
    /// This machine, as far as it says.
    pub fn here() -> Self {
        let line = |file: &str, key: &str| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let found = text.lines().find(|line| line.starts_with(key)).and_then(|line| line.split_once(':'));
            found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let kib = line("/proc/meminfo", "MemTotal").split(' ').next().and_then(|n| n.parse::<u64>().ok());
        Self {
            processor: line("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_mib: kib.unwrap_or_default() / 1024,
        }
    }
}

impl Report {
    /// A table for people.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_BORDERS_ONLY);
        table.set_header(["計測 figure", "結果 found", "単位 unit", "目標 target", ""]);
        for figure in &self.figures {
            let sign = if figure.more_is_better { "≥" } else { "≤" };
            let target = figure.target.map(|target| format!("{sign} {}", plain(target))).unwrap_or_default();
            let verdict = match figure.met() {
                Some(true) => "達成 met".to_owned(),
                Some(false) => {
                    let target = figure.target.unwrap_or(1.0);
                    let ratio = figure.found / target;
                    format!("未達 missed ({ratio:.2}×)")
                }
                None => String::new(),
            };
            table.add_row([figure.name.clone(), plain(figure.found), figure.unit.to_owned(), target, verdict]);
        }
        table
    }
}

fn plain(number: f64) -> String {
    if number >= 100.0 || number.fract() == 0.0 { format!("{number:.0}") } else { format!("{number:.2}") }
}
