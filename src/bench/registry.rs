//! How soon a facility has its diabetes registry: all of it, cold and warm, and one patient's row, through Flight SQL.

use crate::bench::chart::{answer, fill_with};
use crate::bench::diabetic;
use crate::bench::load::microseconds;
use crate::bench::region::{self, Size};
use crate::bench::report::Latency;
use crate::rig::{Bearing, Rig};
use anyhow::Context;
use arrow_flight::sql::client::FlightSqlServiceClient;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Instant;

/// What was measured, in milliseconds.
#[derive(Debug)]
pub struct Registry {
    /// Persons in the answer.
    pub persons: usize,
    /// The whole registry, some items of it, for the first time since the node began.
    pub cold_ms: f64,
    /// The same again, the median.
    pub warm_ms: f64,
    /// One patient's row, every item.
    pub chart: Latency,
}

/// Writes `rows` results of what diabetes care measures, evenly over the patients of the only source, and who each of them is, into
/// the stopped node.
///
/// # Errors
/// When the store cannot be opened or the disk is full.
pub async fn fill(rig: &Rig, size: Size, rows: u64) -> anyhow::Result<()> {
    fill_with(rig, size, rows, |source, (patient, _), id, at| diabetic::row(source, patient, id, at)).await?;
    let persons = u64::from(size.sources) * u64::from(size.patients);
    fill_with(rig, size, persons, |source, (patient, _), _, at| diabetic::person(source, patient, at)).await
}

/// Asks as the source itself.
///
/// # Errors
/// When the node does not answer.
pub async fn ask(rig: &Rig, times: u32) -> anyhow::Result<Registry> {
    const WHOLE: &str = "SELECT my_patient_id, diabetes, hba1c, hba1c_mean, hba1c_slope, egfr, egfr_slope, nephropathy_2023, ckd_risk, \
                         due_hba1c, days_since_contact FROM diabetes_registry";
    let channel: Bearing = rig.channel(&Rig::system(region::source(0)?)).await?;
    let mut client =
        FlightSqlServiceClient::new_from_inner(arrow_flight::flight_service_client::FlightServiceClient::new(channel));
    let mut whole = Vec::new();
    let mut persons = 0;
    for _ in 0..4 {
        let begun = Instant::now();
        persons = answer(&mut client, WHOLE).await?;
        whole.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    let cold_ms = whole.first().copied().unwrap_or_default();
    let mut warm: Vec<f64> = whole.into_iter().skip(1).collect();
    warm.sort_by(f64::total_cmp);
    let warm_ms = warm.get(warm.len() / 2).copied().unwrap_or_default();
    let mut chart = microseconds()?;
    for round in 0..times + 3 {
        let number = region::number(round % 50);
        let begun = Instant::now();
        answer(&mut client, &format!("SELECT * FROM diabetes_registry WHERE my_patient_id = '{number}'")).await?;
        // The first rounds warm the caches.
        if round >= 3 {
            chart.saturating_record(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
        }
    }
    Ok(Registry { persons, cold_ms, warm_ms, chart: Latency::from(&chart) })
}

/// Runs a program that asks the node and others the same, and prints what it finds itself. It is told where the node is
/// (`AJISAI_FLIGHT_URI`), who it is (`AJISAI_TOKEN`) and where the table files lie (`AJISAI_TABLES`). How it ended is its own word: it
/// says with its exit code whether the answers differ. What it prints goes where `says` leads.
///
/// # Errors
/// When it cannot be run.
pub async fn beside(rig: &Rig, program: &Path, says: Stdio) -> anyhow::Result<ExitStatus> {
    let status = tokio::process::Command::new(program)
        .env("AJISAI_FLIGHT_URI", format!("grpc://127.0.0.1:{}", rig.ports().grpc))
        .env("AJISAI_TOKEN", rig.token(&Rig::system(region::source(0)?))?)
        .env("AJISAI_TABLES", rig.data().join("views").join("store").join("tables"))
        .stdout(says)
        .status();
    status.await.with_context(|| format!("running {}", program.display()))
}
