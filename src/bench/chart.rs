//! How soon a clinic gets its answers out of a large region: charts and aggregates through Flight SQL.
//!
//! The rows are written straight into the table files of a stopped node, as its commits would write them; sending tens
//! of millions of events first would measure the door again.

use crate::bench::load::{count, microseconds, now};
use crate::bench::region::{self, Size};
use crate::bench::report::Latency;
use crate::rig::{Bearing, Rig};
use anyhow::Context;
use arrow_flight::sql::client::FlightSqlServiceClient;
use consent_filter::Book;
use futures::TryStreamExt;
use model::{FacilityId, Frontier, Moment, PartitionId, Position};
use parking_lot::Mutex;
use std::time::Instant;
use tonic::service::Interceptor;
use views::{LoadedRow, Loader, Store, StoreConfig};

/// Laboratory codes in turn; a fortieth of the rows has the one that is asked for.
const CODES: u64 = 40;
/// Rows written to one file at once.
const FILE_ROWS: u64 = 1_000_000;
/// Days over which each patient's rows are spread.
const DAYS: i64 = 5 * 365;

/// Writes `rows` laboratory rows, evenly over all patients, into the stopped node of `rig`.
///
/// # Errors
/// When the store cannot be opened or the disk is full.
pub async fn fill(rig: &Rig, size: Size, rows: u64) -> anyhow::Result<()> {
    let row = |source: &FacilityId, (patient, k): (u32, u64), offset: u64, occurred: Moment| {
        region::laboratory_row(source, patient, offset, (k + u64::from(patient)) % CODES, occurred)
    };
    fill_with(rig, size, rows, row).await
}

/// The same with rows that `row` makes: of a source, of its patient's so-manieth row, of a number of their own, of when. All are of
/// one category; another category's are written by another call.
///
/// # Errors
/// As for [`fill`].
pub async fn fill_with(
    rig: &Rig,
    size: Size,
    rows: u64,
    row: impl Fn(&FacilityId, (u32, u64), u64, Moment) -> anyhow::Result<model::Record> + Sync,
) -> anyhow::Result<()> {
    let row = &row;
    let (store, recovered) = Store::open(StoreConfig::in_dir(rig.data().join("views").join("store"))).await?;
    let book = Mutex::new(Book::new());
    let per_source = rows / u64::from(size.sources);
    let per_patient = per_source / u64::from(size.patients).max(1);
    // after those of an earlier call
    let begin = |n: u32| recovered.frontier.next(PartitionId(FIRST_PARTITION + n)).0;
    let loader = store.loader();
    let today = now()?;
    std::thread::scope(|scope| {
        let mut writers = Vec::new();
        for n in 0..size.sources {
            let (loader, book) = (&loader, &book);
            writers.push(scope.spawn(move || -> anyhow::Result<()> {
                let (source, begin) = (region::source(n)?, begin(n));
                let mut some = Vec::new();
                let mut offset = 0;
                for patient in 0..size.patients {
                    for k in 0..per_patient {
                        let days = DAYS * i64::try_from(k)? / i64::try_from(per_patient)?;
                        let occurred = today.plus_micros(-days * 86_400_000_000);
                        let record = row(&source, (patient, k), offset, occurred)?;
                        let facts = book.lock().facts(&record);
                        some.push((Position::new(FIRST_PARTITION + n, begin + offset), record, facts));
                        offset += 1;
                    }
                    if u64::try_from(some.len())? + per_patient > FILE_ROWS {
                        add(loader, &some)?;
                        some.clear();
                    }
                }
                add(loader, &some)
            }));
        }
        for writer in writers {
            writer.join().map_err(|_| anyhow::anyhow!("a writer ended early"))??;
        }
        anyhow::Ok(())
    })?;
    let mut frontier: Frontier = recovered.frontier.clone();
    for n in 0..size.sources {
        frontier.include(Position::new(FIRST_PARTITION + n, begin(n) + per_source));
    }
    loader.finish(&frontier).await?;
    Ok(())
}

fn add(loader: &Loader<'_>, rows: &[LoadedRow]) -> anyhow::Result<()> {
    let Some((_, first, _)) = rows.first() else { return Ok(()) };
    Ok(loader.add(first.category(), rows)?)
}

/// Partitions that no log has: the rows' positions stand beside those of the log.
const FIRST_PARTITION: u32 = 100_000;

/// One question and how long its answers took.
#[derive(Debug)]
pub struct Asked {
    /// In which words.
    pub what: &'static str,
    /// Rows of the answer.
    pub rows: usize,
    /// From sending the statement to the last row.
    pub latency: Latency,
}

/// Asks as the first viewer, through Flight SQL, warm.
///
/// # Errors
/// When the node does not answer.
pub async fn ask(rig: &Rig, size: Size, times: u32) -> anyhow::Result<Vec<Asked>> {
    let principal = Rig::system(region::viewer(0)?);
    let channel: Bearing = rig.channel(&principal).await?;
    let mut client =
        FlightSqlServiceClient::new_from_inner(arrow_flight::flight_service_client::FlightServiceClient::new(channel));
    let patient = region::number_at_viewer(size, 0, 0);
    let month =
        "SELECT date_trunc('month', occurred) AS month, avg(value_number) AS mean, count(*) AS n FROM laboratory";
    let questions = [
        (
            "one patient's chart",
            format!(
                "SELECT occurred, code, name, value_number, unit, flag FROM laboratory WHERE my_patient_id = '{patient}' ORDER BY occurred"
            ),
        ),
        ("monthly aggregate of one code", format!("{month} WHERE code = '{}' GROUP BY 1 ORDER BY 1", region::code(0))),
        ("monthly aggregate of all rows", format!("{month} GROUP BY 1 ORDER BY 1")),
        ("count of all visible rows", "SELECT count(*) FROM laboratory".to_owned()),
    ];
    let mut asked = Vec::new();
    for (what, sql) in questions {
        let mut latency = microseconds()?;
        let mut rows = 0;
        for round in 0..times + 3 {
            let begun = Instant::now();
            rows = answer(&mut client, &sql).await?;
            // The first rounds warm the caches.
            if round >= 3 {
                latency.saturating_record(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
            }
        }
        asked.push(Asked { what, rows, latency: Latency::from(&latency) });
    }
    Ok(asked)
}

pub(super) async fn answer<I>(
    client: &mut FlightSqlServiceClient<tonic::service::interceptor::InterceptedService<tonic::transport::Channel, I>>,
    sql: &str,
) -> anyhow::Result<usize>
where
    I: Interceptor + Clone + Send + 'static,
{
    let info = client.execute(sql.to_owned(), None).await?;
    let mut rows = 0;
    for endpoint in info.endpoint {
        let ticket = endpoint.ticket.context("an endpoint without a ticket")?;
        let batches: Vec<_> = client.do_get(ticket).await?.try_collect().await?;
        rows += batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>();
    }
    Ok(rows)
}

/// Milliseconds of a latency's microseconds.
pub fn milliseconds(micros: u64) -> f64 {
    count(micros) / 1000.0
}
