//! Statements over the wire: simple and extended.

use super::parameters::{Placeholder, placeholders, values};
use super::{Desk, refusal};
use crate::QueryError;
use crate::freshness::frontier_text;
use crate::session::{Door, Reading, ReadingRoom, Statement, check_text, shown};
use async_trait::async_trait;
use datafusion::common::ParamValues;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{DiscardObject, Statement as Sql};
use datafusion_postgres::arrow_pg::datatypes::{arrow_schema_to_pg_fields, encode_recordbatch};
use datafusion_postgres::pgwire::api::portal::{Format, Portal};
use datafusion_postgres::pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use datafusion_postgres::pgwire::api::results::{DataRowEncoder, FieldFormat, FieldInfo, QueryResponse, Response, Tag};
use datafusion_postgres::pgwire::api::stmt::QueryParser;
use datafusion_postgres::pgwire::api::store::PortalStore;
use datafusion_postgres::pgwire::api::{ClientInfo, ClientPortalStore, Type};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::PgWireBackendMessage;
use datafusion_postgres::pgwire::messages::data::DataRow;
use datafusion_postgres::pgwire::messages::response::TransactionStatus;
use datafusion_postgres::pgwire::messages::startup::ParameterStatus;
use datafusion_postgres::pgwire::types::format::FormatOptions;
use futures::stream::BoxStream;
use futures::{Sink, SinkExt, StreamExt, TryStreamExt};
use model::Principal;
use std::fmt::Debug;
use std::sync::Arc;

/// A statement that was parsed: one for the session, or one that reads.
#[derive(Debug, Clone)]
pub(super) enum Parsed {
    /// `SET`, `SHOW`, `BEGIN` and the like: nothing of the tables.
    Session(Arc<Sql>),
    /// A reading, and its plan over tables without rows. The plan that runs is made anew over a view of its own.
    Reading(Arc<ReadingParsed>),
}

#[derive(Debug)]
pub(super) struct ReadingParsed {
    reading: Reading,
    plan: Arc<LogicalPlan>,
    placeholders: Vec<Placeholder>,
}

impl Desk {
    async fn parsed(&self, principal: &Principal, statement: Sql) -> PgWireResult<Parsed> {
        if self.is_for_the_session(&statement)? {
            return Ok(Parsed::Session(Arc::new(statement)));
        }
        let reading = self.room.aside(|| Reading::of(statement)).await.flatten().map_err(|error| refusal(&error))?;
        let plan = self.room.plan_without_rows(principal, &reading).await.map_err(|error| refusal(&error))?;
        let plan = Arc::new(plan);
        let placed = Arc::clone(&plan);
        let placeholders = self.room.aside(move || placeholders(&placed)).await.map_err(|error| refusal(&error))??;
        Ok(Parsed::Reading(Arc::new(ReadingParsed { reading, plan, placeholders })))
    }

    async fn read(&self, sql: &str) -> PgWireResult<Vec<Sql>> {
        let (parser, sql) = (Arc::clone(&self.parser), sql.to_owned());
        let parsing = self.room.aside(move || {
            check_text(&sql)?;
            parser.parse(&sql).map_err(|error| QueryError::Syntax { message: error.to_string() })
        });
        parsing.await.flatten().map_err(|error| refusal(&error))
    }

    fn is_for_the_session(&self, statement: &Sql) -> PgWireResult<bool> {
        Ok(match statement {
            Sql::Set(_)
            | Sql::StartTransaction { .. }
            | Sql::Commit { .. }
            | Sql::Rollback { .. }
            | Sql::Discard { .. }
            | Sql::Deallocate { .. } => true,
            Sql::ShowVariable { variable } => {
                let settings = self.connection.settings.lock();
                settings.show(variable).map_err(|error| refusal(&error))?.is_some()
            }
            _ => false,
        })
    }

    async fn for_the_session<C>(&self, client: &mut C, statement: &Sql) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
    {
        let failed = client.transaction_status() == TransactionStatus::Error;
        Ok(match statement {
            Sql::StartTransaction { .. } => Response::TransactionStart(Tag::new("BEGIN")),
            Sql::Commit { .. } if failed => Response::TransactionEnd(Tag::new("ROLLBACK")),
            Sql::Commit { .. } => Response::TransactionEnd(Tag::new("COMMIT")),
            Sql::Rollback { .. } => Response::TransactionEnd(Tag::new("ROLLBACK")),
            Sql::Set(set) => {
                self.connection.settings.lock().apply(set).map_err(|error| refusal(&error))?;
                Response::Execution(Tag::new("SET"))
            }
            Sql::ShowVariable { variable } => {
                let shown = self.connection.settings.lock().show(variable).map_err(|error| refusal(&error))?;
                let (name, value) = shown.unwrap_or_default();
                Response::Query(one_text(&name, &value)?)
            }
            Sql::Discard { object_type } => {
                if *object_type == DiscardObject::ALL {
                    *self.connection.settings.lock() = super::settings::Settings::default();
                }
                client.portal_store().clear_portals();
                Response::Execution(Tag::new("DISCARD"))
            }
            Sql::Deallocate { name, .. } => {
                client.portal_store().rm_statement(&name.value);
                Response::Execution(Tag::new("DEALLOCATE"))
            }
            _ => return Err(refusal(&QueryError::internal("session statement"))),
        })
    }

    fn statement(&self, reading: &Reading, parameters: Vec<ParamValues>) -> PgWireResult<Statement> {
        let settings = self.connection.settings.lock().clone();
        let mut statement = Statement::new(reading.clone(), Door::Postgres);
        statement.parameters = parameters;
        statement.at_least = settings.at_least().map_err(|error| refusal(&error))?;
        statement.timeout = settings.timeout();
        statement.ending = self.connection.begin();
        Ok(statement)
    }
}

// === Rows ===

/// Says in the session how fresh the answer to come is; libpq keeps it as a parameter of the connection.
async fn tell<C>(client: &mut C, frontier: &model::Frontier, age: std::time::Duration) -> PgWireResult<()>
where
    C: Sink<PgWireBackendMessage> + Unpin + Send,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    let told = [("ajisai.frontier", frontier_text(frontier)), ("ajisai.age_ms", age.as_millis().to_string())];
    for (name, value) in told {
        let status = ParameterStatus::new(name.to_owned(), value);
        client.feed(PgWireBackendMessage::ParameterStatus(status)).await?;
    }
    Ok(())
}

type PgRows = BoxStream<'static, PgWireResult<DataRow>>;

fn encoded(fields: &Arc<Vec<FieldInfo>>, rows: crate::session::AnswerRows) -> PgRows {
    let (fields, course) = (Arc::clone(fields), rows.course());
    let rows = rows
        .map_err(|error| refusal(&error))
        .map_ok(move |batch| futures::stream::iter(encode_recordbatch(Arc::clone(&fields), batch)))
        .try_flatten();
    shown(rows.boxed(), course, |error| refusal(&error)).boxed()
}

/// Runs a statement when its first row is asked for: of several statements in one text each runs after the one before.
fn later(room: Arc<ReadingRoom>, principal: Principal, statement: Statement, fields: &Arc<Vec<FieldInfo>>) -> PgRows {
    let fields = Arc::clone(fields);
    let run = async move {
        let answer = room.run(&principal, statement).await.map_err(|error| refusal(&error))?;
        Ok::<_, PgWireError>(encoded(&fields, answer.rows))
    };
    futures::stream::once(run).try_flatten().boxed()
}

fn fields(plan: &LogicalPlan, format: &Format, options: Arc<FormatOptions>) -> PgWireResult<Arc<Vec<FieldInfo>>> {
    Ok(Arc::new(arrow_schema_to_pg_fields(plan.schema().as_arrow(), format, Some(options))?))
}

fn one_text(name: &str, value: &str) -> PgWireResult<QueryResponse> {
    let fields = Arc::new(vec![text_field(name)]);
    let mut encoder = DataRowEncoder::new(Arc::clone(&fields));
    encoder.encode_field(&Some(value))?;
    let row = Ok(encoder.take_row());
    let mut response = QueryResponse::new(fields, futures::stream::iter([row]));
    response.set_command_tag("SHOW");
    Ok(response)
}

fn text_field(name: &str) -> FieldInfo {
    FieldInfo::new(name.to_owned(), None, None, Type::TEXT, FieldFormat::Text)
}

fn in_failed_transaction() -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new(
        "ERROR".to_owned(),
        "25P02".to_owned(),
        "an earlier statement of this transaction failed; end it with ROLLBACK".to_owned(),
    )))
}

fn ends_transaction(statement: &Parsed) -> bool {
    matches!(statement, Parsed::Session(sql) if matches!(sql.as_ref(), Sql::Commit { .. } | Sql::Rollback { .. }))
}

// === Simple ===

#[async_trait]
impl SimpleQueryHandler for Desk {
    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let statements = self.read(query).await?;
        if statements.is_empty() {
            return Ok(vec![Response::EmptyQuery]);
        }
        let principal = self.principal().await?;
        let alone = statements.len() == 1;
        let mut responses = Vec::with_capacity(statements.len());
        for statement in statements {
            let parsed = self.parsed(&principal, statement).await?;
            if client.transaction_status() == TransactionStatus::Error && !ends_transaction(&parsed) {
                return Err(in_failed_transaction());
            }
            let read = match parsed {
                Parsed::Session(sql) => {
                    responses.push(self.for_the_session(client, &sql).await?);
                    continue;
                }
                Parsed::Reading(read) => read,
            };
            if !read.placeholders.is_empty() {
                let message = "placeholders need values: prepare the statement and bind them".to_owned();
                return Err(refusal(&QueryError::Meaning { message }));
            }
            let options = Arc::new(FormatOptions::from_client_metadata(client.metadata()));
            let fields = fields(&read.plan, &Format::UnifiedText, options)?;
            let statement = self.statement(&read.reading, Vec::new())?;
            let rows = if alone {
                let answer = self.room.run(&principal, statement).await.map_err(|error| refusal(&error))?;
                tell(client, &answer.frontier, answer.age).await?;
                encoded(&fields, answer.rows)
            } else {
                later(Arc::clone(&self.room), principal.clone(), statement, &fields)
            };
            responses.push(Response::Query(QueryResponse::new(fields, rows)));
        }
        Ok(responses)
    }
}

// === Extended ===

#[async_trait]
impl ExtendedQueryHandler for Desk {
    type Statement = Parsed;
    type QueryParser = Desk;

    fn query_parser(&self) -> Arc<Self::QueryParser> {
        Arc::new(self.clone())
    }

    async fn do_query<C>(&self, client: &mut C, portal: &Portal<Self::Statement>, _: usize) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let parsed = &portal.statement.statement;
        if client.transaction_status() == TransactionStatus::Error && !ends_transaction(parsed) {
            return Err(in_failed_transaction());
        }
        let principal = self.principal().await?;
        let read = match parsed {
            Parsed::Session(sql) => return self.for_the_session(client, sql).await,
            Parsed::Reading(read) => read,
        };
        let parameters = match read.placeholders.is_empty() {
            true => Vec::new(),
            false => vec![values(portal, &read.placeholders)?],
        };
        let options = Arc::new(FormatOptions::from_client_metadata(client.metadata()));
        let fields = fields(&read.plan, &portal.result_column_format, options)?;
        let statement = self.statement(&read.reading, parameters)?;
        let answer = self.room.run(&principal, statement).await.map_err(|error| refusal(&error))?;
        tell(client, &answer.frontier, answer.age).await?;
        let rows = encoded(&fields, answer.rows);
        Ok(Response::Query(QueryResponse::new(fields, rows)))
    }
}

#[async_trait]
impl QueryParser for Desk {
    type Statement = Parsed;

    async fn parse_sql<C>(&self, _: &C, sql: &str, _: &[Option<Type>]) -> PgWireResult<Option<Self::Statement>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let mut statements = self.read(sql).await?;
        match (statements.pop(), statements.len()) {
            (None, _) => Ok(None),
            (Some(statement), 0) => {
                let principal = self.principal().await?;
                Ok(Some(self.parsed(&principal, statement).await?))
            }
            (Some(_), before) => Err(refusal(&QueryError::NotOneStatement { count: before + 1 })),
        }
    }

    fn get_parameter_types(&self, statement: &Self::Statement) -> PgWireResult<Vec<Type>> {
        Ok(match statement {
            Parsed::Session(_) => Vec::new(),
            Parsed::Reading(read) => read.placeholders.iter().map(|placeholder| placeholder.wire().clone()).collect(),
        })
    }

    fn get_result_schema(&self, statement: &Self::Statement, format: Option<&Format>) -> PgWireResult<Vec<FieldInfo>> {
        match statement {
            Parsed::Session(sql) => match sql.as_ref() {
                Sql::ShowVariable { variable } => {
                    let shown = self.connection.settings.lock().show(variable).map_err(|error| refusal(&error))?;
                    Ok(vec![text_field(&shown.unwrap_or_default().0)])
                }
                _ => Ok(Vec::new()),
            },
            Parsed::Reading(read) => {
                let format = format.unwrap_or(&Format::UnifiedText);
                arrow_schema_to_pg_fields(read.plan.schema().as_arrow(), format, None)
            }
        }
    }
}
