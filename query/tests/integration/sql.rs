//! SQL behaviour, from `.slt` files, beginning with what must not exist.

use crate::house::{House, principal};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use async_trait::async_trait;
use futures::TryStreamExt;
use model::Principal;
use query::{Door, QueryError, ReadingRoom, Statement};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};
use std::path::Path;
use std::sync::Arc;

struct Session {
    room: Arc<ReadingRoom>,
    principal: Principal,
}

#[async_trait]
impl AsyncDB for Session {
    type Error = QueryError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, QueryError> {
        let statement = Statement::new(self.room.read(sql).await?, Door::Grpc);
        let answer = self.room.run(&self.principal, statement).await?;
        let types = vec![DefaultColumnType::Any; answer.schema.fields().len()];
        let batches: Vec<_> = answer.rows.try_collect().await?;
        let options = FormatOptions::default().with_null("NULL");
        let mut rows = Vec::new();
        for batch in batches {
            let columns: Vec<_> =
                batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
            for row in 0..batch.num_rows() {
                rows.push(columns.iter().map(|column| column.value(row).to_string()).collect());
            }
        }
        Ok(DBOutput::Rows { types, rows })
    }
    async fn shutdown(&mut self) {}
}

pub async fn check(room: &Arc<ReadingRoom>, principal: &Principal, file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt").join(file);
    let mut runner = Runner::new(|| {
        let session = Session { room: Arc::clone(room), principal: principal.clone() };
        async move { Ok(session) }
    });
    if let Err(error) = runner.run_file_async(path).await {
        panic!("{}", error.display(false));
    }
}

#[tokio::test]
async fn what_must_not_exist_does_not() {
    let house = House::open().await;
    check(&house.room, &principal("clinic"), "absent.slt").await;
}

#[tokio::test]
async fn what_a_session_says_of_itself() {
    let house = House::open().await;
    check(&house.room, &principal("clinic"), "session.slt").await;
}
