//! What there is: one catalogue, its schemas and tables, and what this server can do. The same for everyone, save the tables
//! that a facility has defined itself.

use super::Rows;
use crate::QueryError;
use crate::catalogue::{CATALOG, SCHEMA};
use crate::standard::OwnTables;
use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::{
    SqlInfoData, SqlInfoDataBuilder, XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder,
};
use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetDbSchemas, CommandGetSqlInfo, CommandGetTables, CommandGetXdbcTypeInfo, Nullable,
    Searchable, SqlInfo, SqlSupportedTransaction, XdbcDataType,
};
use futures::{StreamExt, TryStreamExt};
use std::sync::{Arc, LazyLock};
use tonic::{Response, Status};

/// Every schema's name, as clients may list them.
const SCHEMAS: [&str; 2] = [SCHEMA, "information_schema"];
const TABLE: &str = "TABLE";

fn broken(_: impl std::error::Error) -> Status {
    QueryError::internal("flight catalogue").into()
}

fn send(schema: SchemaRef, batches: Vec<RecordBatch>) -> Rows {
    let batches = futures::stream::iter(batches.into_iter().map(Ok::<_, FlightError>));
    let stream = FlightDataEncoderBuilder::new().with_schema(schema).build(batches).map_err(Status::from);
    Response::new(stream.boxed())
}

fn one(batch: Result<RecordBatch, FlightError>) -> Result<Rows, Status> {
    let batch = batch.map_err(broken)?;
    Ok(send(batch.schema(), vec![batch]))
}

pub(super) fn nothing(schema: Schema) -> Result<Rows, Status> {
    Ok(send(Arc::new(schema), Vec::new()))
}

pub(super) fn catalogs(query: CommandGetCatalogs) -> Result<Rows, Status> {
    let mut builder = query.into_builder();
    builder.append(CATALOG);
    one(builder.build())
}

pub(super) fn schemas(query: CommandGetDbSchemas) -> Result<Rows, Status> {
    let mut builder = query.into_builder();
    for schema in SCHEMAS {
        builder.append(CATALOG, schema);
    }
    one(builder.build())
}

pub(super) fn tables(query: CommandGetTables, own: &OwnTables) -> Result<Rows, Status> {
    let mut builder = query.into_builder();
    for (name, schema) in crate::catalogue::tables() {
        builder.append(CATALOG, SCHEMA, name, TABLE, &super::flat(&schema)).map_err(broken)?;
    }
    for (name, schema) in own.all() {
        builder.append(CATALOG, SCHEMA, name, TABLE, &super::flat(schema)).map_err(broken)?;
    }
    one(builder.build())
}

pub(super) fn table_types_schema() -> Schema {
    Schema::new(vec![Field::new("table_type", DataType::Utf8, false)])
}

pub(super) fn table_types() -> Result<Rows, Status> {
    let names: StringArray = [TABLE].into_iter().map(Some).collect();
    let batch = RecordBatch::try_new(Arc::new(table_types_schema()), vec![Arc::new(names)]);
    one(batch.map_err(FlightError::from))
}

pub(super) fn primary_keys_schema() -> Schema {
    Schema::new(vec![
        Field::new("catalog_name", DataType::Utf8, true),
        Field::new("db_schema_name", DataType::Utf8, true),
        Field::new("table_name", DataType::Utf8, false),
        Field::new("column_name", DataType::Utf8, false),
        Field::new("key_name", DataType::Utf8, true),
        Field::new("key_sequence", DataType::Int32, false),
    ])
}

pub(super) fn foreign_keys_schema() -> Schema {
    Schema::new(vec![
        Field::new("pk_catalog_name", DataType::Utf8, true),
        Field::new("pk_db_schema_name", DataType::Utf8, true),
        Field::new("pk_table_name", DataType::Utf8, false),
        Field::new("pk_column_name", DataType::Utf8, false),
        Field::new("fk_catalog_name", DataType::Utf8, true),
        Field::new("fk_db_schema_name", DataType::Utf8, true),
        Field::new("fk_table_name", DataType::Utf8, false),
        Field::new("fk_column_name", DataType::Utf8, false),
        Field::new("key_sequence", DataType::Int32, false),
        Field::new("fk_key_name", DataType::Utf8, true),
        Field::new("pk_key_name", DataType::Utf8, true),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ])
}

// === SqlInfo ===

static INFO: LazyLock<Result<SqlInfoData, FlightError>> = LazyLock::new(|| {
    let mut builder = SqlInfoDataBuilder::new();
    builder.append(SqlInfo::FlightSqlServerName, "ajisai");
    builder.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    builder.append(SqlInfo::FlightSqlServerArrowVersion, "1.3");
    builder.append(SqlInfo::FlightSqlServerReadOnly, true);
    builder.append(SqlInfo::FlightSqlServerSql, true);
    builder.append(SqlInfo::FlightSqlServerSubstrait, false);
    builder.append(SqlInfo::FlightSqlServerTransaction, SqlSupportedTransaction::None as i32);
    builder.append(SqlInfo::FlightSqlServerCancel, false);
    builder.append(SqlInfo::FlightSqlServerStatementTimeout, 0i32);
    builder.append(SqlInfo::SqlDdlCatalog, false);
    builder.append(SqlInfo::SqlDdlSchema, false);
    builder.append(SqlInfo::SqlDdlTable, false);
    builder.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    builder.build()
});

pub(super) fn sql_info_schema(query: CommandGetSqlInfo) -> Result<SchemaRef, Status> {
    Ok(query.into_builder(INFO.as_ref().map_err(broken)?).schema())
}

pub(super) fn sql_info(query: CommandGetSqlInfo) -> Result<Rows, Status> {
    one(query.into_builder(INFO.as_ref().map_err(broken)?).build())
}

// === Types ===

static TYPES: LazyLock<Result<XdbcTypeInfoData, FlightError>> = LazyLock::new(|| {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    for (name, kind, size) in [
        ("BOOLEAN", XdbcDataType::XdbcBit, 1),
        ("INTEGER", XdbcDataType::XdbcInteger, 32),
        ("BIGINT", XdbcDataType::XdbcBigint, 64),
        ("REAL", XdbcDataType::XdbcFloat, 32),
        ("DOUBLE PRECISION", XdbcDataType::XdbcDouble, 64),
        ("VARCHAR", XdbcDataType::XdbcVarchar, i32::MAX),
        ("DATE", XdbcDataType::XdbcDate, 32),
        ("TIMESTAMP", XdbcDataType::XdbcTimestamp, 64),
    ] {
        let quoted = matches!(name, "VARCHAR" | "DATE" | "TIMESTAMP");
        builder.append(XdbcTypeInfo {
            type_name: name.into(),
            data_type: kind,
            column_size: Some(size),
            literal_prefix: quoted.then(|| "'".into()),
            literal_suffix: quoted.then(|| "'".into()),
            create_params: None,
            nullable: Nullable::NullabilityNullable,
            case_sensitive: name == "VARCHAR",
            searchable: Searchable::Full,
            unsigned_attribute: None,
            fixed_prec_scale: false,
            auto_increment: None,
            local_type_name: Some(name.into()),
            minimum_scale: None,
            maximum_scale: None,
            sql_data_type: kind,
            datetime_subcode: None,
            num_prec_radix: None,
            interval_precision: None,
        });
    }
    builder.build()
});

pub(super) fn type_info_schema(query: CommandGetXdbcTypeInfo) -> Result<SchemaRef, Status> {
    Ok(query.into_builder(TYPES.as_ref().map_err(broken)?).schema())
}

pub(super) fn type_info(query: CommandGetXdbcTypeInfo) -> Result<Rows, Status> {
    one(query.into_builder(TYPES.as_ref().map_err(broken)?).build())
}
