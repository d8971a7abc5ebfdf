//! Arrow Flight SQL.
//!
//! A ticket is a question, never an answer or a right: it holds the statement's text, and `DoGet` runs it for the
//! principal who presents it. Passing a ticket on gives nothing but the text.

mod catalog;
mod headers;
mod prepared;

use crate::QueryError;
use crate::freshness::frontier_text;
use crate::principal::caller;
use crate::session::{Answer, Door, Reading, ReadingRoom, Statement, columns, shown};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult,
    CommandGetCatalogs, CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables, CommandGetXdbcTypeInfo,
    CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementIngest, CommandStatementQuery,
    CommandStatementUpdate, DoPutPreparedStatementResult, ProstMessageExt, SqlInfo, TicketStatementQuery,
};
use arrow_flight::{Action, FlightDescriptor, FlightEndpoint, FlightInfo, IpcMessage, SchemaAsIpc, Ticket};
use bytes::Bytes;
use datafusion::common::ParamValues;
use futures::{StreamExt, TryStreamExt};
use headers::Wishes;
use model::Principal;
use prepared::Prepared;
use prost::Message;
use std::collections::HashMap;
use std::sync::Arc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Request, Response, Status};

type Rows = Response<<FlightDesk as FlightService>::DoGetStream>;

/// How large a message from a client may be: statements and parameters, never bulk data.
const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// Answers Flight SQL.
#[derive(Debug, Clone)]
pub struct FlightDesk {
    room: Arc<ReadingRoom>,
    prepared: Arc<Prepared>,
}

/// What a ticket for a statement holds.
#[derive(Clone, PartialEq, Message)]
struct StatementTicket {
    #[prost(string, tag = "1")]
    sql: String,
    /// The wishes that came with the question, used where the fetch brings none of its own.
    #[prost(string, tag = "2")]
    at_least: String,
}

impl FlightDesk {
    /// The service over a room.
    pub fn service(room: Arc<ReadingRoom>) -> FlightServiceServer<Self> {
        let prepared = Arc::new(Prepared::new(room.limits().prepared_per_facility));
        FlightServiceServer::new(Self { room, prepared }).max_decoding_message_size(LARGEST_MESSAGE)
    }

    async fn answer(&self, principal: &Principal, statement: Statement) -> Result<Rows, Status> {
        let answer = self.room.run(principal, statement).await?;
        respond(answer)
    }

    /// The columns of a statement, as the rows will carry them.
    async fn columns(
        &self,
        principal: &Principal,
        reading: &Reading,
        values: Option<ParamValues>,
    ) -> Result<Schema, Status> {
        let plan = self.room.plan_without_rows(principal, reading).await?;
        let Some(values) = values else { return Ok(flat(&columns(&plan))) };
        let bound =
            self.room.aside(move || plan.replace_params_with_values(&values).map(|plan| columns(&plan))).await?;
        let bound = bound.map_err(|error| QueryError::from_datafusion(error, 0))?;
        Ok(flat(&bound))
    }
}

/// The answer as Flight data, its freshness in the schema's metadata, the first message's and the call's.
fn respond(answer: Answer) -> Result<Rows, Status> {
    let Answer { schema, frontier, moment, age, rows } = answer;
    let frontier = frontier_text(&frontier);
    let age_ms = age.as_millis().to_string();
    let told = HashMap::from([
        ("ajisai.frontier".to_owned(), frontier.clone()),
        ("ajisai.age_ms".to_owned(), age_ms.clone()),
        ("ajisai.moment".to_owned(), moment.to_string()),
    ]);
    let schema = Arc::new(Schema::new_with_metadata(schema.fields().clone(), told));
    let course = rows.course();
    let rows = rows.map_err(|error: QueryError| FlightError::Tonic(Box::new(error.into())));
    let stream = FlightDataEncoderBuilder::new()
        .with_schema(schema)
        .with_metadata(Bytes::from(format!("{{\"frontier\":\"{frontier}\",\"age_ms\":{age_ms}}}")))
        .build(rows)
        .map_err(outward);
    let mut response: Rows = Response::new(shown(stream, course, Status::from).boxed());
    for (name, text) in [("ajisai-frontier", frontier), ("ajisai-age-ms", age_ms)] {
        let value: MetadataValue<Ascii> = text.parse().map_err(|_| Status::internal("unwritable header"))?;
        response.metadata_mut().insert(name, value);
    }
    Ok(response)
}

fn outward(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        _ => QueryError::internal("flight encoder").into(),
    }
}

/// The schema with dictionaries spelled out, as the encoder sends them.
fn flat(schema: &Schema) -> Schema {
    fn field(from: &FieldRef) -> FieldRef {
        let data_type = match from.data_type() {
            DataType::Dictionary(_, value) => value.as_ref().clone(),
            DataType::List(item) => DataType::List(field(item)),
            _ => return Arc::clone(from),
        };
        Arc::new(Field::clone(from).with_data_type(data_type))
    }
    Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>())
}

/// A flight of one endpoint: fetch it here, with this ticket.
fn flight(schema: &Schema, ticket: Vec<u8>, descriptor: FlightDescriptor) -> Result<Response<FlightInfo>, Status> {
    let endpoint = FlightEndpoint::new().with_ticket(Ticket { ticket: ticket.into() });
    let info = FlightInfo::new()
        .try_with_schema(schema)
        .map_err(|_| Status::from(QueryError::internal("flight schema")))?
        .with_endpoint(endpoint)
        .with_descriptor(descriptor);
    Ok(Response::new(info))
}

fn no_transactions(transaction: Option<&Bytes>) -> Result<(), Status> {
    if transaction.is_some_and(|id| !id.is_empty()) {
        let message = "transactions are not offered: every statement sees one view of its own".to_owned();
        return Err(QueryError::NotOffered { message }.into());
    }
    Ok(())
}

fn read_only(what: &str) -> Status {
    QueryError::ReadOnly { what: what.to_owned() }.into()
}

#[tonic::async_trait]
impl FlightSqlService for FlightDesk {
    type FlightService = FlightDesk;

    // --- Statements

    async fn get_flight_info_statement(
        &self,
        query: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let principal = caller(&request)?;
        no_transactions(query.transaction_id.as_ref())?;
        let wishes = Wishes::of(request.metadata())?;
        let schema = self.columns(&principal, &self.room.read(&query.query).await?, None).await?;
        let ticket = StatementTicket { sql: query.query, at_least: wishes.at_least_text() };
        let ticket = TicketStatementQuery { statement_handle: ticket.encode_to_vec().into() };
        flight(&schema, ticket.as_any().encode_to_vec(), request.into_inner())
    }

    async fn do_get_statement(&self, ticket: TicketStatementQuery, request: Request<Ticket>) -> Result<Rows, Status> {
        let principal = caller(&request)?;
        let ticket = StatementTicket::decode(ticket.statement_handle)
            .map_err(|_| Status::invalid_argument("the ticket is not one of this server's"))?;
        let mut statement = Statement::new(self.room.read(&ticket.sql).await?, Door::Flight);
        Wishes::of(request.metadata())?.or_at_least(&ticket.at_least)?.apply(&mut statement);
        self.answer(&principal, statement).await
    }

    // --- Prepared statements

    async fn do_action_create_prepared_statement(
        &self,
        query: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let principal = caller(&request)?;
        no_transactions(query.transaction_id.as_ref())?;
        let reading = self.room.read(&query.query).await?;
        let plan = self.room.plan_without_rows(&principal, &reading).await?;
        let dataset = ipc_schema(&flat(&columns(&plan)))?;
        let placeholders = self.room.aside(move || prepared::placeholders(&plan)).await??;
        let parameters = ipc_schema(&Schema::new(placeholders.clone()))?;
        let handle = self.prepared.keep(&principal, reading, placeholders)?;
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: handle,
            dataset_schema: dataset,
            parameter_schema: parameters,
        })
    }

    async fn do_put_prepared_statement_query(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let principal = caller(&request)?;
        let handle = query.prepared_statement_handle;
        let stream = request.into_inner().map_err(|status| FlightError::Tonic(Box::new(status)));
        let sets = prepared::parameter_sets(stream).await?;
        self.prepared.bind(&principal, &handle, sets)?;
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) })
    }

    async fn get_flight_info_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let principal = caller(&request)?;
        let (reading, parameters) = self.prepared.take(&principal, &query.prepared_statement_handle)?;
        let schema = self.columns(&principal, &reading, parameters.into_iter().next()).await?;
        flight(&schema, query.as_any().encode_to_vec(), request.into_inner())
    }

    async fn do_get_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<Ticket>,
    ) -> Result<Rows, Status> {
        let principal = caller(&request)?;
        let (reading, parameters) = self.prepared.take(&principal, &query.prepared_statement_handle)?;
        let mut statement = Statement::new(reading, Door::Flight);
        statement.parameters = parameters;
        Wishes::of(request.metadata())?.apply(&mut statement);
        self.answer(&principal, statement).await
    }

    async fn do_action_close_prepared_statement(
        &self,
        query: ActionClosePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<(), Status> {
        self.prepared.close(&caller(&request)?, &query.prepared_statement_handle);
        Ok(())
    }

    // --- What would change something

    async fn do_put_statement_update(
        &self,
        _: CommandStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        caller(&request)?;
        Err(read_only("an update"))
    }

    async fn do_put_prepared_statement_update(
        &self,
        _: CommandPreparedStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        caller(&request)?;
        Err(read_only("an update"))
    }

    async fn do_put_statement_ingest(
        &self,
        _: CommandStatementIngest,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        caller(&request)?;
        Err(read_only("an ingest"))
    }

    // --- What there is

    async fn get_flight_info_catalogs(
        &self,
        query: CommandGetCatalogs,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        caller(&request)?;
        flight(&query.into_builder().schema(), query.as_any().encode_to_vec(), request.into_inner())
    }

    async fn do_get_catalogs(&self, query: CommandGetCatalogs, request: Request<Ticket>) -> Result<Rows, Status> {
        caller(&request)?;
        catalog::catalogs(query)
    }

    async fn get_flight_info_schemas(
        &self,
        query: CommandGetDbSchemas,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        caller(&request)?;
        flight(&query.clone().into_builder().schema(), query.as_any().encode_to_vec(), request.into_inner())
    }

    async fn do_get_schemas(&self, query: CommandGetDbSchemas, request: Request<Ticket>) -> Result<Rows, Status> {
        caller(&request)?;
        catalog::schemas(query)
    }

    async fn get_flight_info_tables(
        &self,
        query: CommandGetTables,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        caller(&request)?;
        flight(&query.clone().into_builder().schema(), query.as_any().encode_to_vec(), request.into_inner())
    }

    async fn do_get_tables(&self, query: CommandGetTables, request: Request<Ticket>) -> Result<Rows, Status> {
        let principal = caller(&request)?;
        catalog::tables(query, &self.room.own(&principal))
    }

    async fn get_flight_info_table_types(
        &self,
        query: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        caller(&request)?;
        flight(&catalog::table_types_schema(), query.as_any().encode_to_vec(), request.into_inner())
    }

    async fn do_get_table_types(&self, _: CommandGetTableTypes, request: Request<Ticket>) -> Result<Rows, Status> {
        caller(&request)?;
        catalog::table_types()
    }

    async fn get_flight_info_sql_info(
        &self,
        query: CommandGetSqlInfo,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        caller(&request)?;
        let schema = catalog::sql_info_schema(query.clone())?;
        flight(&schema, query.as_any().encode_to_vec(), request.into_inner())
    }

    async fn do_get_sql_info(&self, query: CommandGetSqlInfo, request: Request<Ticket>) -> Result<Rows, Status> {
        caller(&request)?;
        catalog::sql_info(query)
    }

    async fn get_flight_info_xdbc_type_info(
        &self,
        query: CommandGetXdbcTypeInfo,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        caller(&request)?;
        let schema = catalog::type_info_schema(query)?;
        flight(&schema, query.as_any().encode_to_vec(), request.into_inner())
    }

    async fn do_get_xdbc_type_info(
        &self,
        query: CommandGetXdbcTypeInfo,
        request: Request<Ticket>,
    ) -> Result<Rows, Status> {
        caller(&request)?;
        catalog::type_info(query)
    }

    // Records have no keys that a client could join by: the answers are empty, in their usual form.

    async fn get_flight_info_primary_keys(
        &self,
        query: CommandGetPrimaryKeys,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        caller(&request)?;
        flight(&catalog::primary_keys_schema(), query.as_any().encode_to_vec(), request.into_inner())
    }

    async fn do_get_primary_keys(&self, _: CommandGetPrimaryKeys, request: Request<Ticket>) -> Result<Rows, Status> {
        caller(&request)?;
        catalog::nothing(catalog::primary_keys_schema())
    }

    async fn get_flight_info_exported_keys(
        &self,
        query: CommandGetExportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        caller(&request)?;
        flight(&catalog::foreign_keys_schema(), query.as_any().encode_to_vec(), request.into_inner())
    }

    async fn do_get_exported_keys(&self, _: CommandGetExportedKeys, request: Request<Ticket>) -> Result<Rows, Status> {
        caller(&request)?;
        catalog::nothing(catalog::foreign_keys_schema())
    }

    async fn get_flight_info_imported_keys(
        &self,
        query: CommandGetImportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        caller(&request)?;
        flight(&catalog::foreign_keys_schema(), query.as_any().encode_to_vec(), request.into_inner())
    }

    async fn do_get_imported_keys(&self, _: CommandGetImportedKeys, request: Request<Ticket>) -> Result<Rows, Status> {
        caller(&request)?;
        catalog::nothing(catalog::foreign_keys_schema())
    }

    async fn get_flight_info_cross_reference(
        &self,
        query: CommandGetCrossReference,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        caller(&request)?;
        flight(&catalog::foreign_keys_schema(), query.as_any().encode_to_vec(), request.into_inner())
    }

    async fn do_get_cross_reference(
        &self,
        _: CommandGetCrossReference,
        request: Request<Ticket>,
    ) -> Result<Rows, Status> {
        caller(&request)?;
        catalog::nothing(catalog::foreign_keys_schema())
    }

    async fn register_sql_info(&self, _: i32, _: &SqlInfo) {}
}

fn ipc_schema(schema: &Schema) -> Result<Bytes, Status> {
    let options = arrow::ipc::writer::IpcWriteOptions::default();
    let message: IpcMessage = SchemaAsIpc::new(schema, &options)
        .try_into()
        .map_err(|_| Status::from(QueryError::internal("flight schema")))?;
    Ok(message.0)
}
