//! The PostgreSQL protocol.

use crate::house::{House, physician};
use crate::pg_client::Client;
use crate::shelf::ROWS;
use model::Position;
use std::time::{Duration, Instant};

async fn client(house: &House) -> Client {
    Client::connect(house.postgres, &physician("clinic")).await.unwrap()
}

#[tokio::test]
async fn a_token_that_is_not_good_opens_nothing() {
    let house = House::open().await;
    let error = Client::connect(house.postgres, "forged").await.err().unwrap();
    assert_eq!((error.severity.as_str(), error.sqlstate.as_str()), ("FATAL", "28P01"));
    assert!(!error.message.contains("forged"), "the token is not repeated: {}", error.message);
}

#[tokio::test]
async fn another_database_does_not_exist() {
    let house = House::open().await;
    let parameters = ["user", "shown", "database", "hospital"];
    let error = Client::connect_with(house.postgres, &physician("clinic"), &parameters).await.err().unwrap();
    assert_eq!(error.sqlstate, "3D000");
}

#[tokio::test]
async fn a_session_reads_the_tables_of_its_facility() {
    let house = House::open().await;
    let mut clinic = client(&house).await;
    let mut hospital = Client::connect(house.postgres, &physician("hospital")).await.unwrap();
    assert_eq!(clinic.value("SELECT count(*) FROM laboratory").await, ROWS.to_string());
    assert_eq!(clinic.value("SELECT DISTINCT source FROM laboratory").await, "clinic");
    assert_eq!(hospital.value("SELECT DISTINCT source FROM laboratory").await, "hospital");
    assert_eq!(clinic.value("SELECT ajisai_facility() || ' ' || ajisai_purpose()").await, "clinic TREAT");
}

#[tokio::test]
async fn an_answer_says_how_fresh_it_is_in_sql_and_as_parameters() {
    let house = House::open().await;
    let mut clinic = client(&house).await;
    assert_eq!(clinic.value("SELECT ajisai_frontier()").await, "0:5,1:42");
    assert_eq!(clinic.parameter("ajisai.frontier"), Some("0:5,1:42"));
    let age: i64 = clinic.value("SELECT ajisai_age_ms()").await.parse().unwrap();
    assert_eq!(age, 25);
    assert_eq!(clinic.parameter("ajisai.age_ms"), Some("25"));
}

#[tokio::test]
async fn a_session_waits_for_the_position_it_asked_for_and_says_when_it_does_not_come() {
    let house = House::open().await;
    let mut clinic = client(&house).await;
    clinic.query("SET ajisai.at_least = '1:42'").await.unwrap();
    let error = clinic.query("SELECT count(*) FROM patient").await.unwrap_err();
    assert_eq!(error.sqlstate, "57014");
    assert!(error.message.contains("`0:0,1:43`") && error.message.contains("`0:5,1:42`"), "{}", error.message);

    let shelf = house.shelf.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        shelf.include(Position::new(1, 42));
    });
    assert_eq!(clinic.value("SELECT ajisai_frontier()").await, "0:5,1:43");
    assert_eq!(clinic.value("SHOW ajisai.at_least").await, "1:42");
}

#[tokio::test]
async fn freshness_can_be_asked_for_when_the_session_opens() {
    let house = House::open().await;
    let parameters = ["user", "shown", "database", "ajisai", "options", "-c ajisai.at_least=1:99"];
    let mut clinic = Client::connect_with(house.postgres, &physician("clinic"), &parameters).await.unwrap();
    assert_eq!(clinic.query("SELECT 1").await.unwrap_err().sqlstate, "57014");
}

#[tokio::test]
async fn several_statements_in_one_text_answer_in_order() {
    let house = House::open().await;
    let mut clinic = client(&house).await;
    let rows = clinic.query("SELECT 1; SELECT 2; SHOW timezone; SELECT 3").await.unwrap();
    let values: Vec<_> = rows.iter().map(|row| row[0].clone().unwrap()).collect();
    assert_eq!(values, ["1", "2", "UTC", "3"]);
}

#[tokio::test]
async fn more_statements_in_one_text_than_seats_answer_too() {
    let limits = query::Limits { concurrent_per_facility: 1, turn: Duration::from_millis(300), ..Default::default() };
    let house = House::with(limits).await;
    let mut clinic = client(&house).await;
    assert_eq!(clinic.query("SELECT 1; SELECT 2; SELECT 3").await.unwrap().len(), 3);
}

#[tokio::test]
async fn an_error_leaves_the_session_usable_and_the_transaction_failed() {
    let house = House::open().await;
    let mut clinic = client(&house).await;
    assert_eq!(clinic.query("SELECT * FROM absent").await.unwrap_err().sqlstate, "42P01");
    assert_eq!(clinic.query("SELECT absent FROM patient").await.unwrap_err().sqlstate, "42703");
    assert_eq!(clinic.query("SELEC 1").await.unwrap_err().sqlstate, "42601");
    assert_eq!(clinic.query("SELECT 1/0").await.unwrap_err().sqlstate, "22000");
    assert_eq!(clinic.query("DELETE FROM patient").await.unwrap_err().sqlstate, "25006");
    clinic.query("BEGIN").await.unwrap();
    clinic.query("SELECT * FROM absent").await.unwrap_err();
    assert_eq!(clinic.query("SELECT 1").await.unwrap_err().sqlstate, "25P02");
    clinic.query("ROLLBACK").await.unwrap();
    assert_eq!(clinic.value("SELECT 1").await, "1");
}

#[tokio::test]
async fn a_cancel_request_ends_the_statement_and_only_with_the_right_key() {
    let house = House::open().await;
    let mut clinic = client(&house).await;
    clinic.send(crate::limits::ENDLESS).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let key = clinic.key.clone();
    Client::cancel(house.postgres, &(key.0, vec![0; key.1.len()])).await;
    assert!(tokio::time::timeout(Duration::from_millis(300), clinic.until_ready()).await.is_err(), "still running");
    Client::cancel(house.postgres, &key).await;
    let error = tokio::time::timeout(Duration::from_secs(5), clinic.until_ready()).await.unwrap().unwrap_err();
    assert_eq!(error.sqlstate, "57014");
    assert_eq!(clinic.value("SELECT 1").await, "1");
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_statement_along() {
    let limits = query::Limits { concurrent_per_facility: 1, turn: Duration::from_secs(3), ..Default::default() };
    let house = House::with(limits).await;
    let mut gone = client(&house).await;
    gone.send(crate::limits::ENDLESS).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(gone);
    let started = Instant::now();
    assert_eq!(client(&house).await.value("SELECT 1").await, "1", "the only seat is free again");
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn plain_text_beyond_loopback_is_refused() {
    let house = House::open().await;
    struct Nobody;
    #[async_trait::async_trait]
    impl query::Authenticator for Nobody {
        async fn token(&self, _: &str) -> Result<model::Principal, query::AuthError> {
            Err(query::AuthError::Unavailable)
        }
    }
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let desk = query::PostgresDesk::new(house.room.clone(), std::sync::Arc::new(Nobody), None);
    let error = desk.serve(listener, std::future::pending()).await.unwrap_err();
    assert!(matches!(error, query::PostgresError::Plaintext { .. }), "{error}");
}
