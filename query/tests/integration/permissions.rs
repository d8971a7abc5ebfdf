//! A permission that ends while a statement runs: at every door nothing more of what was taken is shown.

use crate::house::{self, physician};
use crate::pg_client::Client;
use crate::region::{CLINIC, HOSPITAL, RESULTS, Region};
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::{StreamExt, TryStreamExt};
use query::{Answer, Door, QueryError, Statement};
use std::time::Duration;
use tonic::Code;
use tonic::transport::Channel;
use wire::v1;

/// So many times each row: far more than waits anywhere on the way.
const TIMES: usize = 200_000;

fn many() -> String {
    format!("SELECT l.record_id, l.patient_id, g.x FROM laboratory l, generate_series(1, {TIMES}) AS g(x)")
}

async fn asked(region: &Region, facility: &str, door: Door) -> Answer {
    let statement = Statement::new(region.room.read(&many()).await.unwrap(), door);
    region.room.run(&house::principal(facility), statement).await.unwrap()
}

/// Rows until the end, and the error if it was one.
async fn rest(answer: &mut Answer) -> (usize, Option<QueryError>) {
    let mut rows = 0;
    while let Some(batch) = answer.rows.next().await {
        match batch {
            Ok(batch) => rows += batch.num_rows(),
            Err(error) => return (rows, Some(error)),
        }
    }
    (rows, None)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_has_shown_rows_shows_no_further_batch_of_what_was_taken() {
    let region = Region::open().await;
    let mut answer = asked(&region, CLINIC, Door::Grpc).await;
    assert!(answer.rows.next().await.unwrap().unwrap().num_rows() > 0);
    region.withdraw(1);
    let (rows, error) = rest(&mut answer).await;
    assert!(matches!(error, Some(QueryError::PermissionsChanged)), "{error:?}");
    assert_eq!(rows, 0, "not one further batch");
    let said = error.unwrap().to_string();
    assert!(said.contains("許可が変わった") && said.contains("permissions changed"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_has_shown_nothing_begins_anew_and_nobody_notices() {
    let region = Region::open().await;
    let mut answer = asked(&region, CLINIC, Door::Grpc).await;
    region.withdraw(1);
    let (rows, error) = rest(&mut answer).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(rows, RESULTS * TIMES, "the rows of the patient whose consent stands, each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_lost_nothing_is_not_disturbed() {
    let region = Region::open().await;
    let (mut clinic, mut hospital) =
        (asked(&region, CLINIC, Door::Grpc).await, asked(&region, HOSPITAL, Door::Flight).await);
    for answer in [&mut clinic, &mut hospital] {
        assert!(answer.rows.next().await.unwrap().is_ok());
    }
    assert_eq!(region.views.feeds().statements(), 2);
    // Of this patient the clinic saw nothing; the hospital's own rows need no consent.
    region.withdraw(3);
    for answer in [&mut clinic, &mut hospital] {
        for _ in 0..8 {
            assert!(answer.rows.next().await.unwrap().is_ok());
        }
    }
    region.withdraw(0);
    let (_, error) = rest(&mut clinic).await;
    assert!(matches!(error, Some(QueryError::PermissionsChanged)), "{error:?}");
    for _ in 0..8 {
        assert!(hospital.rows.next().await.unwrap().is_ok());
    }
    drop((clinic, hospital));
    let gone = async {
        while region.views.feeds().statements() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("statements that ended are not open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_postgres_door_says_40001() {
    let region = Region::open().await;
    let mut client = Client::connect(region.postgres, &physician(CLINIC)).await.unwrap();
    client.send(&many()).await;
    // Its rows fill what lies between, and wait.
    tokio::time::sleep(Duration::from_millis(300)).await;
    region.withdraw(1);
    let error = client.until_ready().await.unwrap_err();
    assert_eq!((error.severity.as_str(), error.sqlstate.as_str()), ("ERROR", "40001"), "{error:?}");
    assert!(error.message.contains("許可が変わった"), "{error:?}");
    assert_eq!(client.value("SELECT count(*) FROM laboratory").await, RESULTS.to_string(), "the connection goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_flight_and_grpc_doors_say_aborted() {
    let region = Region::open().await;
    let channel = Channel::from_shared(format!("http://{}", region.grpc)).unwrap().connect().await.unwrap();
    let mut flight = FlightSqlServiceClient::new(channel.clone());
    flight.set_token(physician(CLINIC));
    let info = flight.execute(many(), None).await.unwrap();
    let mut rows = flight.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    assert!(rows.try_next().await.unwrap().is_some());

    let mut request = tonic::Request::new(v1::QueryRequest { sql: many(), ..Default::default() });
    request.metadata_mut().insert("authorization", format!("Bearer {}", physician(CLINIC)).parse().unwrap());
    let mut client = v1::query_service_client::QueryServiceClient::new(channel);
    let mut answer = client.query(request).await.unwrap().into_inner();
    for _ in 0..3 {
        assert!(answer.message().await.unwrap().is_some());
    }

    region.withdraw(0);
    let error = loop {
        match rows.try_next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the answer ended as if it were whole"),
            Err(error) => break error,
        }
    };
    let arrow_flight::error::FlightError::Tonic(status) = error else { panic!("{error:?}") };
    assert_eq!(status.code(), Code::Aborted, "{status:?}");
    let status = loop {
        match answer.message().await {
            Ok(Some(part)) => {
                assert!(!matches!(part.part, Some(v1::query_response::Part::Footer(_))), "no footer: it is not whole");
            }
            Ok(None) => panic!("the answer ended as if it were whole"),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::Aborted, "{status:?}");
    assert!(status.message().contains("許可が変わった"), "{status:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_of_a_member_who_leaves_ends_whatever_it_shows() {
    let region = Region::open().await;
    let mut answer = asked(&region, HOSPITAL, Door::Grpc).await;
    assert!(answer.rows.next().await.unwrap().is_ok());
    region.leave(HOSPITAL);
    let (_, error) = rest(&mut answer).await;
    assert!(matches!(error, Some(QueryError::PermissionsChanged)), "{error:?}");
}
