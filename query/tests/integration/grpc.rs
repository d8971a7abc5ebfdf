//! `QueryService`.

use crate::house::{House, physician};
use crate::shelf::ROWS;
use arrow::ipc::reader::StreamReader;
use model::{Frontier, Position};
use tonic::{Code, Request, Status};
use wire::v1::query_response::Part;
use wire::v1::query_service_client::QueryServiceClient;
use wire::v1::{QueryFooter, QueryHeader, QueryRequest};

struct Whole {
    header: QueryHeader,
    rows: usize,
    footer: QueryFooter,
}

async fn ask(house: &House, token: Option<&str>, request: QueryRequest) -> Result<Whole, Status> {
    let mut client = QueryServiceClient::connect(format!("http://{}", house.grpc)).await.unwrap();
    let mut request = Request::new(request);
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    let mut stream = client.query(request).await?.into_inner();
    let (mut header, mut ipc, mut footer) = (None, Vec::new(), None);
    while let Some(response) = stream.message().await? {
        assert!(footer.is_none(), "nothing follows the footer");
        match response.part.unwrap() {
            Part::Header(first) => assert!(header.replace(first).is_none() && ipc.is_empty()),
            Part::ArrowIpc(piece) => ipc.extend_from_slice(&piece),
            Part::Footer(last) => footer = Some(last),
        }
    }
    let rows = StreamReader::try_new(ipc.as_slice(), None).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    Ok(Whole { header: header.unwrap(), rows, footer: footer.unwrap() })
}

fn sql(sql: &str) -> QueryRequest {
    QueryRequest { sql: sql.to_owned(), ..QueryRequest::default() }
}

#[tokio::test]
async fn an_answer_begins_with_its_freshness_and_ends_with_its_count() {
    let house = House::open().await;
    let answer = ask(&house, Some(&physician("clinic")), sql("SELECT * FROM laboratory")).await.unwrap();
    assert_eq!((answer.rows, answer.footer.rows), (ROWS, ROWS as u64));
    let frontier = Frontier::from(answer.header.frontier.unwrap());
    assert_eq!(frontier.to_string(), "0:5,1:42");
    assert_eq!(answer.header.age_us, 25_000);
}

#[tokio::test]
async fn an_answer_larger_than_one_message_comes_in_pieces() {
    let house = House::open().await;
    let large = "SELECT repeat('x', 1000) FROM generate_series(1, 20000)";
    assert_eq!(ask(&house, Some(&physician("clinic")), sql(large)).await.unwrap().rows, 20_000);
}

#[tokio::test]
async fn there_is_no_anonymous_door() {
    let house = House::open().await;
    for token in [None, Some("forged")] {
        let status = ask(&house, token, sql("SELECT 1")).await.err().unwrap();
        assert_eq!(status.code(), Code::Unauthenticated);
    }
    assert!(house.shelf.opened().is_empty(), "no view was opened");
}

#[tokio::test]
async fn faults_are_told_by_their_kind() {
    let house = House::open().await;
    let endless = QueryRequest { timeout_ms: 200, ..sql(crate::limits::ENDLESS) };
    let mut ahead = Frontier::start();
    ahead.include(Position::new(7, 1));
    let stale = QueryRequest { at_least: Some((&ahead).into()), wait_ms: 50, ..sql("SELECT 1") };
    for (request, code) in [
        (sql("SELEC"), Code::InvalidArgument),
        (sql("SELECT * FROM absent"), Code::InvalidArgument),
        (sql("DROP TABLE patient"), Code::PermissionDenied),
        (sql("SELECT 1; SELECT 2"), Code::InvalidArgument),
        (endless, Code::DeadlineExceeded),
        (stale, Code::DeadlineExceeded),
    ] {
        let text = request.sql.clone();
        let status = ask(&house, Some(&physician("clinic")), request).await.err().unwrap();
        assert_eq!(status.code(), code, "{text}: {}", status.message());
    }
}
