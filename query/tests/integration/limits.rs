//! What one statement may take, and that the others do not feel it.

use crate::house::{House, physician, principal};
use crate::pg_client::Client;
use futures::StreamExt;
use query::{Door, Limits, QueryError, Reading, Statement};
use std::time::{Duration, Instant};

/// Counts for longer than any test waits, row by row.
pub const ENDLESS: &str =
    "SELECT sum(a.x * b.y % 7) FROM generate_series(1, 100000) AS a(x), generate_series(1, 100000000) AS b(y)";

async fn outcome(house: &House, sql: &str) -> Result<usize, QueryError> {
    let statement = Statement::new(house.room.read(sql).await?, Door::Grpc);
    let mut rows = house.room.run(&principal("clinic"), statement).await?.rows;
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        count += batch?.num_rows();
    }
    Ok(count)
}

#[tokio::test]
async fn a_statement_that_runs_too_long_is_ended_and_says_so() {
    let house = House::with(Limits { statement: Duration::from_millis(300), ..Limits::default() }).await;
    let started = Instant::now();
    let error = outcome(&house, ENDLESS).await.unwrap_err();
    assert!(matches!(error, QueryError::TooLong { .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!(outcome(&house, "SELECT * FROM laboratory").await.unwrap(), crate::shelf::ROWS);
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_ended_too() {
    let house = House::with(Limits { statement: Duration::from_millis(300), ..Limits::default() }).await;
    let reading = Reading::parse("SELECT * FROM generate_series(1, 100000000)").unwrap();
    let mut rows = house.room.run(&principal("clinic"), Statement::new(reading, Door::Grpc)).await.unwrap().rows;
    tokio::time::sleep(Duration::from_millis(900)).await;
    let mut last = None;
    while let Some(item) = rows.next().await {
        last = Some(item);
    }
    assert!(matches!(last, Some(Err(QueryError::TooLong { .. }))), "{last:?}");
}

#[tokio::test]
async fn a_statement_that_takes_too_much_memory_is_ended_and_another_beside_it_is_not() {
    let house = House::with(Limits { memory_bytes: 16 * 1024 * 1024, ..Limits::default() }).await;
    let (greedy, modest) = tokio::join!(
        outcome(&house, "SELECT x FROM generate_series(1, 5000000) AS a(x) ORDER BY x * 7919 % 1000003"),
        outcome(&house, "SELECT source, count(*) FROM laboratory GROUP BY source"),
    );
    assert!(matches!(greedy, Err(QueryError::TooMuchMemory { .. })), "{greedy:?}");
    assert_eq!(modest.unwrap(), 1);
    let grouped =
        outcome(&house, "SELECT count(*) FROM generate_series(1, 5000000) AS a(x) GROUP BY x * 7919 % 4999999").await;
    assert!(matches!(grouped, Err(QueryError::TooMuchMemory { .. })), "{grouped:?}");
}

#[tokio::test]
async fn a_function_that_makes_much_out_of_little_is_bounded_while_it_is_planned() {
    let house = House::open().await;
    for sql in [
        "SELECT repeat('x', 2000000000)",
        "SELECT repeat(repeat('x', 100000), 100000)",
        "SELECT lpad('x', 2000000000, 'y')",
        "SELECT array_repeat(1, 2000000000)",
        "SELECT length(repeat(record_id, 2000000000)) FROM laboratory",
    ] {
        let outcome = outcome(&house, sql).await;
        assert!(matches!(outcome, Err(QueryError::TooMuchMemory { .. })), "{sql}: {outcome:?}");
    }
    assert_eq!(outcome(&house, "SELECT repeat('x', 10), lpad('7', 8, '0') FROM laboratory").await.unwrap(), 10);
}

#[tokio::test]
async fn deep_nesting_is_refused_and_does_not_end_the_node() {
    let house = House::open().await;
    let deep = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(matches!(outcome(&house, &deep).await, Err(QueryError::Syntax { .. })));
    for link in ["+1", " OR true", "||'x'", "::text::int", " UNION ALL SELECT 1"] {
        let long = format!("SELECT 1{}", link.repeat(50_000));
        assert!(matches!(outcome(&house, &long).await, Err(QueryError::TooLarge { .. })), "{link}");
    }
    assert_eq!(outcome(&house, "SELECT 1").await.unwrap(), 1);
}

#[tokio::test]
async fn the_longest_chains_that_are_read_are_answered_at_every_door() {
    let house = House::open().await;
    let mut clinic = Client::connect(house.postgres, &physician("clinic")).await.unwrap();
    for sql in [
        format!("SELECT count(*) FROM laboratory WHERE version = 1{}", " OR version = 2".repeat(199)),
        format!("SELECT 1{}", "+1".repeat(400)),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(150)),
        format!("SELECT count(*) FROM laboratory WHERE record_id IN ({})", vec!["'x'"; 5_000].join(",")),
    ] {
        let rows = outcome(&house, &sql).await.unwrap();
        assert_eq!(clinic.query(&sql).await.unwrap().len(), rows);
    }
}

#[tokio::test]
async fn one_facilitys_statements_do_not_take_anothers_seats() {
    let limits = Limits { concurrent_per_facility: 2, turn: Duration::from_millis(200), ..Limits::default() };
    let house = House::with(limits).await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = Client::connect(house.postgres, &physician("clinic")).await.unwrap();
        client.send(ENDLESS).await;
        clients.push(client);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut third = Client::connect(house.postgres, &physician("clinic")).await.unwrap();
    assert_eq!(third.query("SELECT 1").await.unwrap_err().sqlstate, "53300");
    let mut hospital = Client::connect(house.postgres, &physician("hospital")).await.unwrap();
    assert_eq!(hospital.value("SELECT 1").await, "1");
}

#[tokio::test]
async fn now_is_the_statements_own_time() {
    let house = House::with(Limits::default()).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let before = jiff::Timestamp::now();
    // true of the time of this statement, not of when the room was opened; a row more where it holds
    let sql = format!("SELECT 1 WHERE now() >= TIMESTAMP '{}'", before);
    assert_eq!(outcome(&house, &sql).await.unwrap(), 1);
    let sql =
        format!("SELECT 1 WHERE now() > TIMESTAMP '{}'", jiff::Timestamp::now() + jiff::SignedDuration::from_secs(60));
    assert_eq!(outcome(&house, &sql).await.unwrap(), 0);
}
