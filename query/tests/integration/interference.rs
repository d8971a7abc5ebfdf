//! Non-interference: two worlds that differ only in what is hidden from a viewer give that viewer the same, byte for
//! byte: rows, counts, errors, plans, schemas, catalogues, feeds. How far the log reaches and how fresh an answer is are
//! left aside, and so is how long anything took.
//!
//! What SQL leaves open is left open: rows without ORDER BY are compared as a set.

use crate::house;
use crate::pg_client::Client;
use crate::twin::{Deed, Twin, VIEWERS, hidden, shared, tail};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{CommandGetDbSchemas, CommandGetTables};
use futures::TryStreamExt;
use model::Principal;
use query::{Door, Statement};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tonic::transport::Channel;

/// Whether the order of the rows is said by the statement.
#[derive(Clone, Copy, PartialEq)]
enum Rows {
    Ordered,
    AnyOrder,
    /// Only how many: which ones is left open.
    Some,
}
use Rows::{AnyOrder, Ordered, Some as SomeRows};

/// Statements of many shapes, among them those that fail, and those that would if they saw what they may not.
const STATEMENTS: &[(Rows, &str)] = &[
    (Ordered, "SELECT * FROM laboratory ORDER BY source, record_id"),
    (AnyOrder, "SELECT * FROM laboratory"),
    (AnyOrder, "SELECT * FROM condition"),
    (AnyOrder, "SELECT * FROM medication"),
    (AnyOrder, "SELECT * FROM document"),
    (AnyOrder, "SELECT * FROM patient"),
    (SomeRows, "SELECT record_id FROM laboratory LIMIT 3"),
    (SomeRows, "SELECT record_id FROM laboratory LIMIT 3 OFFSET 30"),
    (SomeRows, "SELECT record_id FROM laboratory LIMIT 100000"),
    (Ordered, "SELECT record_id FROM laboratory ORDER BY record_id LIMIT 5 OFFSET 2"),
    (Ordered, "SELECT count(*) FROM laboratory"),
    (Ordered, "SELECT count(*), count(DISTINCT patient_id), min(occurred), max(recorded) FROM laboratory"),
    (Ordered, "SELECT sum(value_number), avg(value_number), min(value_number), max(value_number) FROM laboratory"),
    (
        Ordered,
        "SELECT approx_distinct(patient_id), median(value_number), round(stddev(value_number), 6) FROM laboratory",
    ),
    (Ordered, "SELECT source, code, count(*) FROM laboratory GROUP BY source, code ORDER BY 1, 2"),
    (
        Ordered,
        "SELECT my_patient_id, string_agg(record_id, ',' ORDER BY record_id) FROM laboratory GROUP BY 1 ORDER BY 1",
    ),
    (Ordered, "SELECT labels, count(*) FROM laboratory GROUP BY labels ORDER BY 2, 1"),
    (Ordered, "SELECT DISTINCT department, author_role, change FROM laboratory ORDER BY 1, 2, 3"),
    (Ordered, "SELECT count(*) FROM laboratory WHERE patient_id = 'hospital-0003'"),
    (Ordered, "SELECT count(*) FROM laboratory WHERE patient_id = 'hospital-0009'"),
    (Ordered, "SELECT count(*) FROM laboratory WHERE source = 'stranger'"),
    (Ordered, "SELECT count(*) FROM laboratory WHERE occurred >= TIMESTAMP '2026-03-03T00:00:00Z'"),
    (Ordered, "SELECT count(*) FROM laboratory WHERE occurred < TIMESTAMP '2020-01-01T00:00:00Z'"),
    (Ordered, "SELECT EXISTS (SELECT 1 FROM laboratory WHERE value_number = 8.0)"),
    // Nobody who is seen has 8.0: whoever divided by it saw somebody else.
    (Ordered, "SELECT count(*) FROM laboratory WHERE 1 / CAST(value_number - 8.0 AS INT) IS NOT NULL"),
    (AnyOrder, "SELECT 10 / CAST(value_number - 8.0 AS INT) FROM laboratory WHERE value_number IS NOT NULL"),
    (Ordered, "SELECT sum(1 / CAST(value_number * 2 - 16 AS INT)) FROM laboratory"),
    // Texts that are seen are numbers; those that are hidden are not.
    (Ordered, "SELECT sum(CAST(value_text AS INT)) FROM laboratory"),
    (Ordered, "SELECT count(*) FROM laboratory WHERE CAST(value_text AS BIGINT) > 0"),
    (Ordered, "SELECT count(*) FROM laboratory WHERE to_timestamp(value_text) IS NULL"),
    // A subquery of more than one row is an error: of hidden patients there is none.
    (Ordered, "SELECT (SELECT record_id FROM laboratory WHERE patient_id = 'hospital-0009')"),
    (
        Ordered,
        "SELECT count(*) FROM laboratory WHERE value_number = (SELECT value_number FROM laboratory WHERE unit = 'hidden')",
    ),
    (Ordered, "SELECT (SELECT max(record_id) FROM laboratory WHERE patient_id = 'hospital-0000')"),
    (Ordered, "SELECT l.record_id, c.record_id FROM laboratory l JOIN condition c USING (patient_id) ORDER BY 1, 2"),
    (
        Ordered,
        "SELECT l.record_id FROM laboratory l WHERE NOT EXISTS (SELECT 1 FROM condition c WHERE c.patient_id = l.patient_id) ORDER BY 1",
    ),
    (
        Ordered,
        "SELECT record_id, row_number() OVER (PARTITION BY patient_id ORDER BY occurred, record_id) FROM laboratory ORDER BY 1",
    ),
    (Ordered, "SELECT record_id, lag(value_number) OVER (ORDER BY occurred, record_id) FROM laboratory ORDER BY 1"),
    (Ordered, "SELECT count(*) FROM (SELECT record_id FROM laboratory UNION ALL SELECT record_id FROM condition)"),
    (Ordered, "SELECT record_id FROM laboratory EXCEPT SELECT record_id FROM condition ORDER BY 1"),
    (Ordered, "SELECT source, patient_id, count(*) FROM laboratory GROUP BY ROLLUP (source, patient_id) ORDER BY 1, 2"),
    (Ordered, "SELECT max(version), bool_or(change = 'correct') FROM laboratory"),
    (Ordered, "SELECT * FROM diabetes_registry ORDER BY my_patient_id"),
    (Ordered, "SELECT count(*), count(hba1c_absent), max(ldl_note) FROM diabetes_registry"),
    (
        Ordered,
        "SELECT my_patient_id, ldl_absent, ldl_note, last_contact FROM diabetes_registry WHERE my_patient_id = 'clinic-0003'",
    ),
    (AnyOrder, "EXPLAIN SELECT my_patient_id, hba1c FROM diabetes_registry WHERE hba1c > 8"),
    (Ordered, "SELECT * FROM diabetes_measures(2026) ORDER BY my_patient_id, measure"),
    (Ordered, "SELECT * FROM diabetes_programme('2026-04-01') ORDER BY my_patient_id"),
    (Ordered, "SELECT count(*) FROM cgm_metrics()"),
    (Ordered, "SELECT * FROM pregnancies ORDER BY my_patient_id, pregnancy"),
    (Ordered, "SELECT * FROM pregnancy_checkups ORDER BY my_patient_id, at, source, fetus"),
    (Ordered, "SELECT * FROM maternal_warnings ORDER BY my_patient_id, pregnancy, rule, limit_key"),
    (Ordered, "SELECT * FROM growth_tables ORDER BY measure, gestational_days"),
    // These fail for everybody; how must not depend on what is hidden.
    (Ordered, "SELECT 1 / CAST(version - version AS INT) FROM laboratory"),
    (Ordered, "SELECT CAST(record_id AS INT) FROM laboratory ORDER BY record_id"),
    (Ordered, "SELECT absent FROM laboratory"),
    (Ordered, "SELECT * FROM absent"),
    (Ordered, "SELECT * FROM stranger.public.laboratory"),
    (Ordered, "SELECT sum(record_id) FROM laboratory"),
    (Ordered, "DELETE FROM laboratory"),
    (
        Ordered,
        "EXPLAIN SELECT count(*) FROM laboratory WHERE patient_id = 'hospital-0003' AND occurred > TIMESTAMP '2026-03-02T00:00:00Z'",
    ),
    (Ordered, "EXPLAIN VERBOSE SELECT * FROM laboratory ORDER BY occurred LIMIT 3"),
    (Ordered, "EXPLAIN FORMAT TREE SELECT source, count(*) FROM laboratory GROUP BY source"),
    (Ordered, "EXPLAIN SELECT l.record_id FROM laboratory l JOIN condition c USING (patient_id)"),
    (Ordered, "EXPLAIN ANALYZE SELECT count(*) FROM laboratory"),
    (
        Ordered,
        "EXPLAIN ANALYZE SELECT source, avg(value_number) FROM laboratory WHERE patient_id <> 'x' GROUP BY source",
    ),
    (Ordered, "EXPLAIN ANALYZE SELECT * FROM laboratory ORDER BY occurred LIMIT 3"),
    (Ordered, "EXPLAIN ANALYZE VERBOSE SELECT l.record_id FROM laboratory l JOIN condition c USING (patient_id)"),
    (
        Ordered,
        "SELECT table_catalog, table_schema, table_name, table_type FROM information_schema.tables ORDER BY 1, 2, 3",
    ),
    (Ordered, "SELECT * FROM information_schema.columns ORDER BY table_schema, table_name, ordinal_position"),
    (Ordered, "SELECT * FROM information_schema.schemata ORDER BY 2"),
    (AnyOrder, "SELECT * FROM information_schema.df_settings"),
    (AnyOrder, "SHOW TABLES"),
    (AnyOrder, "SHOW COLUMNS FROM laboratory"),
    (AnyOrder, "DESCRIBE laboratory"),
    (Ordered, "SELECT relname, relkind, reltuples, relpages FROM pg_catalog.pg_class ORDER BY 1, 2"),
    (Ordered, "SELECT nspname FROM pg_catalog.pg_namespace ORDER BY 1"),
    (Ordered, "SELECT attname, attnum FROM pg_catalog.pg_attribute ORDER BY 1, 2"),
    (Ordered, "SELECT datname FROM pg_catalog.pg_database ORDER BY 1"),
    (Ordered, "SELECT count(*) FROM pg_catalog.pg_stat_user_tables"),
    (Ordered, "SELECT rolname FROM pg_catalog.pg_roles ORDER BY 1"),
];

/// One answer in text: its columns, its rows, or its error.
async fn answer(twin: &Twin, viewer: &Principal, rows: Rows, sql: &str) -> String {
    let reading = match twin.room.read(sql).await {
        Ok(reading) => reading,
        Err(error) => return format!("refused: {error} {}", error.sqlstate()),
    };
    let answer = match twin.room.run(viewer, Statement::new(reading, Door::Grpc)).await {
        Ok(answer) => answer,
        Err(error) => return format!("failed: {error} {}", error.sqlstate()),
    };
    let columns = format!("{:?}", answer.schema.fields());
    let batches: Vec<_> = match answer.rows.try_collect().await {
        Ok(batches) => batches,
        Err(error) => return format!("failed: {error} {}", error.sqlstate()),
    };
    let options = FormatOptions::default().with_null("NULL");
    let mut lines = Vec::new();
    for batch in &batches {
        let columns: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
            lines.push(cells.join(" | "));
        }
    }
    match rows {
        Ordered => {}
        AnyOrder => lines.sort(),
        SomeRows => lines = vec![lines.len().to_string()],
    }
    // How rows fall into batches is told only where the order of rows is: it is part of what a client receives.
    format!("{columns}\n{}", lines.join("\n"))
}

async fn both(seed: u64) -> (Twin, Twin, StdRng) {
    let mut rng = StdRng::seed_from_u64(seed);
    let base = shared(&mut rng);
    let plain = Twin::open(base.iter().cloned().map(Deed::Say).collect()).await;
    let mut deeds = Vec::new();
    for body in base {
        for _ in 0..rng.random_range(0..4) {
            deeds.push(Deed::Hide(hidden(&mut rng)));
        }
        if rng.random_bool(0.06) {
            deeds.push(if rng.random_bool(0.7) { Deed::Commit } else { Deed::Merge });
        }
        deeds.push(Deed::Say(body));
    }
    let crowded = Twin::open(deeds).await;
    (plain, crowded, rng)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_hidden_changes_no_answer() {
    let mut shown = 0;
    for seed in 0..3 {
        let (plain, crowded, _) = both(seed).await;
        for viewer in VIEWERS.iter().map(|viewer| viewer()) {
            for (rows, sql) in STATEMENTS {
                let one = answer(&plain, &viewer, *rows, sql).await;
                let other = answer(&crowded, &viewer, *rows, sql).await;
                assert_eq!(one, other, "seed {seed}, {viewer:?}: {sql}");
                shown += one.lines().count();
            }
        }
        // The other side sees that the worlds are not the same.
        let hospital = house::principal("hospital");
        let all = "SELECT count(*) FROM laboratory";
        assert_ne!(answer(&plain, &hospital, Ordered, all).await, answer(&crowded, &hospital, Ordered, all).await);
    }
    assert!(shown > 10_000, "{shown} lines were compared");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_hidden_changes_no_answer_over_the_postgres_wire() {
    let (plain, crowded, _) = both(10).await;
    let (mut one, mut other) = (
        Client::connect(plain.postgres, &house::physician("clinic")).await.unwrap(),
        Client::connect(crowded.postgres, &house::physician("clinic")).await.unwrap(),
    );
    for (rows, sql) in STATEMENTS {
        let (mut a, mut b) = (one.query(sql).await, other.query(sql).await);
        for answer in [&mut a, &mut b] {
            match (rows, answer) {
                (AnyOrder, Ok(lines)) => lines.sort(),
                (SomeRows, Ok(lines)) => lines.iter_mut().for_each(Vec::clear),
                _ => {}
            }
        }
        assert_eq!(a, b, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_hidden_changes_nothing_that_flight_says_of_itself() {
    let (plain, crowded, _) = both(11).await;
    let mut told = Vec::new();
    for twin in [&plain, &crowded] {
        let channel = Channel::from_shared(format!("http://{}", twin.grpc)).unwrap().connect().await.unwrap();
        let mut client = FlightSqlServiceClient::new(channel);
        client.set_token(house::physician("clinic"));
        let mut infos = vec![
            client.get_catalogs().await.unwrap(),
            client.get_db_schemas(CommandGetDbSchemas::default()).await.unwrap(),
            client.get_tables(CommandGetTables { include_schema: true, ..CommandGetTables::default() }).await.unwrap(),
            client.get_table_types().await.unwrap(),
        ];
        for (_, sql) in STATEMENTS.iter().filter(|(rows, sql)| *rows == Ordered && sql.starts_with("SELECT")) {
            match client.execute((*sql).to_owned(), None).await {
                Ok(info) => infos.push(info),
                Err(error) => told.push(format!("{sql}: {error}")),
            }
        }
        for info in infos {
            told.push(format!("{:?} {} {}", info.schema, info.total_records, info.total_bytes));
            let ticket = info.endpoint[0].ticket.clone().unwrap();
            told.push(match client.do_get(ticket).await {
                // Message by message: also how rows fall into batches.
                Ok(rows) => match rows.try_collect::<Vec<_>>().await {
                    Ok(batches) => batches.iter().map(|batch| format!("{:?}\n", batch.columns())).collect(),
                    Err(error) => error.to_string(),
                },
                Err(error) => error.to_string(),
            });
        }
        told.push("---".to_owned());
    }
    let half = told.len() / 2;
    for (one, other) in told[..half].iter().zip(&told[half..]) {
        assert_eq!(one, other);
    }
    assert_eq!(told[half - 1], "---");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_hidden_changes_nothing_that_a_feed_says() {
    let mut said = 0;
    for seed in 20..23 {
        let (plain, crowded, mut rng) = both(seed).await;
        let tail = tail(&mut rng);
        for viewer in VIEWERS.iter().map(|viewer| viewer()) {
            let mut told = Vec::new();
            for (at, twin) in [&plain, &crowded].into_iter().enumerate() {
                let mut rng = StdRng::seed_from_u64(seed);
                let mut feed = twin.listen(&viewer);
                // The whole view comes in the order of the files; only what it comes to is compared.
                let mut history = twin.said(&mut feed).await;
                history.sort();
                let mut live = Vec::new();
                for body in tail.iter().cloned() {
                    if at == 1 && viewer == VIEWERS[0]() {
                        for _ in 0..rng.random_range(0..3) {
                            twin.deed(Deed::Hide(hidden(&mut rng))).await;
                            live.extend(twin.said(&mut feed).await);
                        }
                    }
                    if viewer == VIEWERS[0]() {
                        twin.deed(Deed::Say(body)).await;
                    }
                    live.extend(twin.said(&mut feed).await);
                }
                said += history.len() + live.len();
                told.push((history, live));
            }
            for (one, other) in [(&told[0].0, &told[1].0), (&told[0].1, &told[1].1)] {
                let parted = one.iter().zip(other).find(|(one, other)| one != other);
                assert_eq!(parted, None, "seed {seed}, {viewer:?}");
                assert_eq!(one.len(), other.len(), "seed {seed}, {viewer:?}");
            }
        }
    }
    assert!(said > 200, "{said} items were compared");
}
