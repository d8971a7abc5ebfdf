//! What a scan tests itself, against a filter above it and against what was put in.

use super::Node;
use crate::testing::world::World;
use model::{Body, Position};

/// The tests a scan makes itself, and the same ones said so that it cannot: with a function, or of two columns.
fn tests_of_columns(code: &str, unit: &str) -> Vec<(String, String)> {
    let both = |test: &str, plain: &str| (test.to_owned(), plain.to_owned());
    vec![
        (format!("code = '{code}'"), format!("code || '' = '{code}'")),
        (format!("'{code}' <> code"), format!("code || '' <> '{code}'")),
        (format!("code IN ('{code}', 'none', 'of', 'these', 'others')"), format!("code || '' IN ('{code}')")),
        (format!("NOT (unit = '{unit}')"), format!("NOT (unit || '' = '{unit}')")),
        (format!("unit = '{unit}' OR unit IS NULL"), format!("unit || '' = '{unit}' OR unit || '' IS NULL")),
        both("value_number >= 100.0", "value_number + 0.0 >= 100.0"),
        both("value_number IS NOT NULL", "value_number + 0.0 IS NOT NULL"),
        both("value_number BETWEEN 0.0 AND 300.0", "value_number + 0.0 BETWEEN 0.0 AND 300.0"),
        both("version > 1 AND version < 4", "version + 0 > 1 AND version + 0 < 4"),
        both("department = '01'", "department || '' = '01'"),
        (
            format!("code = '{code}' AND value_number < 500.0 AND recorded > TIMESTAMP '2023-11-01T00:00:00Z'"),
            format!(
                "code || '' = '{code}' AND value_number + 0.0 < 500.0 \
                 AND recorded + INTERVAL '0 days' > TIMESTAMP '2023-11-01T00:00:00Z'"
            ),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_made_by_the_scan_finds_what_a_filter_above_finds_and_is_counted_alike() {
    use datafusion::prelude::SessionContext;
    let (mut found, mut left_out) = (0, 0);
    for seed in 60..63 {
        let world = World::new(seed, 600);
        let mut node = Node::new().await;
        for (at, (position, event)) in world.log.iter().enumerate() {
            node.take(*position, event);
            if at == 150 || at == 400 {
                node.publish();
                node.store.commit().await.unwrap();
            }
        }
        node.publish();
        let of = |pick: fn(&model::LabResult) -> &str| {
            let mut texts = world.log.iter().filter_map(|(_, event)| match &event.body {
                Body::Record(record) => match record.payload() {
                    Some(model::Payload::Laboratory(laboratory)) => Some(pick(laboratory)),
                    _ => None,
                },
                _ => None,
            });
            texts.rfind(|text| !text.is_empty() && !text.contains('\'')).unwrap_or("none").to_owned()
        };
        let code = of(|laboratory| laboratory.code.code.as_str());
        let unit = of(|laboratory| match &laboratory.value {
            model::Value::Quantity { unit, .. } => unit.as_str(),
            _ => "",
        });
        for principal in &world.principals {
            let context = SessionContext::new();
            let view = node.views().view(principal, world.moment);
            context.register_table("laboratory", view.table(model::Category::Laboratory)).unwrap();
            let ask = async |sql: &str| {
                let frame = context.sql(sql).await.unwrap();
                let plan = frame.clone().create_physical_plan().await.unwrap();
                let filtered = datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string();
                let batches = frame.collect().await.unwrap();
                let mut read = view.tally().take();
                // The numbers of patients do not show themselves.
                read.sort_by(|(a, _, _), (b, _, _)| {
                    (a.facility(), a.number().as_str()).cmp(&(b.facility(), b.number().as_str()))
                });
                let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
                let answer = datafusion::arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
                (filtered.contains("FilterExec"), rows, answer, read)
            };
            for (test, plain) in tests_of_columns(&code, &unit) {
                let sql = |condition: &str| {
                    format!(
                        "SELECT source, patient_id, my_patient_id, record_id, version, code FROM laboratory \
                         WHERE {condition} ORDER BY 1, 2, 4, 5"
                    )
                };
                let (by_scan, by_filter) = (ask(&sql(&test)).await, ask(&sql(&plain)).await);
                assert_eq!(by_scan.2, by_filter.2, "{test}, {principal:?}, world {seed}");
                assert_eq!(by_scan.3, by_filter.3, "what was read: {test}, {principal:?}, world {seed}");
                assert!(!by_scan.0 && by_filter.0, "who tests: {test}");
                let rows: u64 = by_scan.3.iter().map(|(_, _, rows)| rows).sum();
                found += by_scan.1;
                left_out += usize::try_from(rows).unwrap() - by_scan.1;
                // A limit is the scan's own where nothing is filtered above it. Another view's: a scan that was left early may
                // still be counting.
                let apart = SessionContext::new();
                let view = node.views().view(principal, world.moment);
                apart.register_table("laboratory", view.table(model::Category::Laboratory)).unwrap();
                let limited = format!("SELECT record_id FROM laboratory WHERE {test} LIMIT 3");
                let limited = apart.sql(&limited).await.unwrap().count().await.unwrap();
                assert_eq!(limited, by_scan.1.min(3), "{test}");
            }
        }
    }
    assert!(found > 100 && left_out > 200, "tests find rows and leave some out: {found}, {left_out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_lie_far_apart_and_close_together_are_found_in_many_row_groups() {
    use crate::testing::{facility, payload, record, rng, saying};
    use datafusion::prelude::SessionContext;
    const ROWS: u64 = 3_000;
    let world = World::new(70, 40);
    let mut node = Node::new().await;
    node.take_all(&world.log);
    let mut random = rng(7);
    let mut wanted = std::collections::BTreeSet::new();
    for at in 0..ROWS {
        let (number, id) = (format!("{:03}", at % 7), format!("r-{at:05}"));
        let drawn = record(model::Category::Laboratory, "alpha-hospital", &number, &id, &mut random);
        let model::Payload::Laboratory(mut result) = payload(model::Category::Laboratory, &mut random) else {
            panic!()
        };
        // Some alone, some in a crowd, of one patient and of all.
        let rare = at % 611 == 0 || (1_000..1_100).contains(&at) || (at % 7 == 3 && at > 2_500);
        result.code.code = if rare { "rare" } else { "common" }.to_owned();
        if rare && at % 2 == 0 {
            wanted.insert((id.clone(), number.clone()));
        }
        result.order = format!("order-{}", at % 2);
        let made = saying(&drawn, drawn.version, model::Payload::Laboratory(result));
        let facts = node.book.write().facts(&made);
        let position = Position { partition: model::PartitionId(9), offset: model::Offset(at) };
        node.frontier.include(position);
        node.store.put(position, &made, &facts);
    }
    node.publish();
    node.store.commit().await.unwrap();
    let of_alpha = |principal: &&model::Principal| principal.facility == facility("alpha-hospital");
    let principal = world.principals.iter().find(of_alpha).unwrap();
    let view = node.views().view(principal, world.moment);
    let context = SessionContext::new();
    context.register_table("laboratory", view.table(model::Category::Laboratory)).unwrap();
    let sql = "SELECT record_id, my_patient_id FROM laboratory WHERE code = 'rare' AND order_id = 'order-0'";
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    let texts = |batch: &arrow::record_batch::RecordBatch, at: usize| crate::hot::texts(batch, at).unwrap().clone();
    let found: std::collections::BTreeSet<_> = batches
        .iter()
        .flat_map(|batch| {
            let (ids, numbers) = (texts(batch, 0), texts(batch, 1));
            let row = move |row| (ids.value(row).to_owned(), numbers.value(row).to_owned());
            (0..batch.num_rows()).map(row).collect::<Vec<_>>()
        })
        .collect();
    assert!(wanted.len() > 80);
    assert_eq!(found, wanted);
    let read: u64 = view.tally().take().into_iter().map(|(_, _, rows)| rows).sum();
    assert!(read >= ROWS, "all of them were asked: {read}");
}
