//! Flight SQL.

use crate::house::{House, physician};
use crate::shelf::ROWS;
use arrow::array::{Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{CommandGetDbSchemas, CommandGetTables};
use arrow_flight::{FlightInfo, Ticket};
use futures::TryStreamExt;
use std::sync::Arc;
use tonic::transport::Channel;

type Client = FlightSqlServiceClient<Channel>;

async fn client(house: &House, facility: &str) -> Client {
    let channel = Channel::from_shared(format!("http://{}", house.grpc)).unwrap().connect().await.unwrap();
    let mut client = FlightSqlServiceClient::new(channel);
    client.set_token(physician(facility));
    client
}

fn ticket(info: &FlightInfo) -> Ticket {
    info.endpoint[0].ticket.clone().unwrap()
}

async fn rows(client: &mut Client, info: &FlightInfo) -> Vec<RecordBatch> {
    client.do_get(ticket(info)).await.unwrap().try_collect().await.unwrap()
}

fn count(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

fn strings(batches: &[RecordBatch], column: &str) -> Vec<String> {
    let mut found = Vec::new();
    for batch in batches {
        let texts = arrow::compute::cast(batch.column_by_name(column).unwrap(), &DataType::Utf8).unwrap();
        let texts = texts.as_any().downcast_ref::<StringArray>().unwrap();
        found.extend(texts.iter().flatten().map(str::to_owned));
    }
    found
}

#[tokio::test]
async fn a_statement_answers_with_rows_and_their_freshness() {
    let house = House::open().await;
    let mut client = client(&house, "clinic").await;
    let info = client.execute("SELECT source, value_number FROM laboratory".to_owned(), None).await.unwrap();
    let stream = client.do_get(ticket(&info)).await.unwrap();
    let headers = stream.headers().clone();
    let batches: Vec<RecordBatch> = stream.try_collect().await.unwrap();
    assert_eq!(count(&batches), ROWS);
    assert_eq!(headers.get("ajisai-frontier").unwrap(), "0:5,1:42");
    assert_eq!(headers.get("ajisai-age-ms").unwrap(), "25");
    let told = batches[0].schema().metadata().clone();
    assert_eq!(told.get("ajisai.frontier").map(String::as_str), Some("0:5,1:42"));
    assert_eq!(info.try_decode_schema().unwrap().fields(), batches[0].schema().fields());
}

#[tokio::test]
async fn a_ticket_in_other_hands_shows_the_others_own_view() {
    let house = House::open().await;
    let mut clinic = client(&house, "clinic").await;
    let info = clinic.execute("SELECT DISTINCT source FROM laboratory".to_owned(), None).await.unwrap();
    let mut hospital = client(&house, "hospital").await;
    assert_eq!(strings(&rows(&mut hospital, &info).await, "source"), ["hospital"]);
    assert_eq!(strings(&rows(&mut clinic, &info).await, "source"), ["clinic"]);
    let mut nobody = client(&house, "clinic").await;
    nobody.set_token("forged".to_owned());
    let error = nobody.do_get(ticket(&info)).await.err().unwrap().to_string();
    assert!(error.contains("not known"), "{error}");
}

#[tokio::test]
async fn a_prepared_statement_takes_values_and_runs_again_with_others() {
    let house = House::open().await;
    let mut client = client(&house, "clinic").await;
    let sql = "SELECT record_id FROM laboratory WHERE record_id = $1 AND version >= $2".to_owned();
    let mut prepared = client.prepare(sql, None).await.unwrap();
    let names: Vec<_> = prepared.parameter_schema().unwrap().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["$1", "$2"]);
    for wanted in ["record_id-3", "record_id-7"] {
        let schema =
            Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true), Field::new("b", DataType::Int64, true)]));
        let values: Vec<Arc<dyn Array>> =
            vec![Arc::new(StringArray::from(vec![wanted])), Arc::new(Int64Array::from(vec![1]))];
        prepared.set_parameters(RecordBatch::try_new(schema, values).unwrap()).unwrap();
        let info = prepared.execute().await.unwrap();
        assert_eq!(strings(&rows(&mut client, &info).await, "record_id"), [wanted]);
    }
}

#[tokio::test]
async fn several_sets_of_values_answer_one_after_the_other() {
    let house = House::open().await;
    let mut client = client(&house, "clinic").await;
    let mut prepared = client.prepare("SELECT $1 AS given".to_owned(), None).await.unwrap();
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true)]));
    let values = StringArray::from(vec!["one", "two", "three"]);
    prepared.set_parameters(RecordBatch::try_new(schema, vec![Arc::new(values)]).unwrap()).unwrap();
    let info = prepared.execute().await.unwrap();
    assert_eq!(strings(&rows(&mut client, &info).await, "given"), ["one", "two", "three"]);
}

#[tokio::test]
async fn a_prepared_statement_is_nobody_elses() {
    let house = House::open().await;
    let mut clinic = client(&house, "clinic").await;
    let mut prepared = clinic.prepare("SELECT source FROM laboratory".to_owned(), None).await.unwrap();
    let info = prepared.execute().await.unwrap();
    let mut hospital = client(&house, "hospital").await;
    let error = hospital.do_get(ticket(&info)).await.err().unwrap().to_string();
    assert!(error.contains("no such prepared statement"), "{error}");
}

#[tokio::test]
async fn every_run_of_a_prepared_statement_opens_a_view_of_its_own() {
    let house = House::open().await;
    let mut client = client(&house, "clinic").await;
    let mut prepared = client.prepare("SELECT count(*) FROM laboratory".to_owned(), None).await.unwrap();
    assert!(house.shelf.opened().is_empty(), "preparing opens none");
    for run in 1..=2 {
        let info = prepared.execute().await.unwrap();
        rows(&mut client, &info).await;
        assert_eq!(house.shelf.opened().len(), run);
    }
}

#[tokio::test]
async fn the_catalogue_lists_one_database_and_its_tables() {
    let house = House::open().await;
    let mut client = client(&house, "clinic").await;
    let info = client.get_catalogs().await.unwrap();
    assert_eq!(strings(&rows(&mut client, &info).await, "catalog_name"), ["ajisai"]);
    let info = client.get_db_schemas(CommandGetDbSchemas::default()).await.unwrap();
    let schemas = strings(&rows(&mut client, &info).await, "db_schema_name");
    assert_eq!(schemas, ["information_schema", "public"]);
    let wanted = CommandGetTables { include_schema: true, ..CommandGetTables::default() };
    let info = client.get_tables(wanted).await.unwrap();
    let tables = strings(&rows(&mut client, &info).await, "table_name");
    let categories = model::Category::ALL.iter().map(|category| views::table::table_name(*category));
    for table in categories.chain(["lab_results", "diabetes_registry", "beds", "ctg_windows"]) {
        assert!(tables.contains(&table.to_owned()), "{table} is missing in {tables:?}");
    }
    let info = client.get_table_types().await.unwrap();
    assert_eq!(strings(&rows(&mut client, &info).await, "table_type"), ["TABLE"]);
    let info = client.get_xdbc_type_info(Default::default()).await.unwrap();
    assert!(strings(&rows(&mut client, &info).await, "type_name").contains(&"VARCHAR".to_owned()));
}

#[tokio::test]
async fn nothing_can_be_written() {
    let house = House::open().await;
    let mut client = client(&house, "clinic").await;
    let error = client.execute("INSERT INTO patient SELECT * FROM patient".to_owned(), None).await.unwrap_err();
    assert!(error.to_string().contains("only reads"), "{error}");
    let error = client.execute_update("DELETE FROM patient".to_owned(), None).await.unwrap_err();
    assert!(error.to_string().contains("only reads"), "{error}");
}

#[tokio::test]
async fn a_fetch_waits_for_the_position_in_its_header() {
    let house = House::open().await;
    let mut client = client(&house, "clinic").await;
    client.set_header("ajisai-at-least", "1:42");
    let info = client.execute("SELECT 1".to_owned(), None).await.unwrap();
    let error = client.do_get(ticket(&info)).await.err().unwrap().to_string();
    assert!(error.contains("did not reach"), "{error}");
    house.shelf.include(model::Position::new(1, 42));
    assert_eq!(count(&rows(&mut client, &info).await), 1);
}
