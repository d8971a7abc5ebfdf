"""Flight SQL by the ADBC driver, against a running node.

Environment: AJISAI_FLIGHT_URI (grpc://127.0.0.1:7443 or grpc+tls://…), AJISAI_TOKEN, AJISAI_FACILITY (whose token it
is), optionally AJISAI_CA (PEM file), AJISAI_OTHER_TOKEN (a token of another facility),
AJISAI_EXPECT_LABORATORY (how many laboratory rows the facility sees).
"""

import os
import sys
import warnings

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi as flight_sql
from adbc_driver_manager import DatabaseError, Error

HEADER = adbc_driver_flightsql.DatabaseOptions.RPC_CALL_HEADER_PREFIX.value
warnings.filterwarnings("ignore", message="Cannot disable autocommit")

TABLES = {
    "allergy", "beds", "care_plan", "condition", "ctg_events", "ctg_windows", "diabetes_benchmark", "diabetes_registry", "document", "encounter",
    "feed_days", "growth_tables", "imaging", "immunization", "lab_results", "lab_unmapped", "laboratory", "maternal_warnings", "medication", "message",
    "patient", "perinatal", "pregnancies", "pregnancy_checkups", "vital_sign", "waveform",
}  # fmt: skip

# (statement, expected column type, expected value): after the literal cases of the ADBC driver validation suite.
LITERALS = [
    ("SELECT CAST(TRUE AS BOOLEAN) AS res", "bool", True),
    ("SELECT CAST(42 AS SMALLINT) AS res", "int16", 42),
    ("SELECT CAST(42 AS INTEGER) AS res", "int32", 42),
    ("SELECT CAST(42 AS BIGINT) AS res", "int64", 42),
    ("SELECT CAST(3.14 AS REAL) AS res", "float", None),
    ("SELECT CAST(3.14159265358979 AS DOUBLE PRECISION) AS res", "double", 3.14159265358979),
    ("SELECT CAST('あじさい' AS VARCHAR) AS res", "string", "あじさい"),
    ("SELECT DATE '2023-05-15' AS res", "date32[day]", None),
]


def connect(token, **headers):
    options = {adbc_driver_flightsql.DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}"}
    if "AJISAI_CA" in os.environ:
        with open(os.environ["AJISAI_CA"], encoding="utf-8") as ca:
            options[adbc_driver_flightsql.DatabaseOptions.TLS_ROOT_CERTS.value] = ca.read()
    for name, value in headers.items():
        options[HEADER + name.replace("_", "-")] = value
    return flight_sql.connect(os.environ["AJISAI_FLIGHT_URI"], db_kwargs=options)


def refused(cursor, statement, *words):
    try:
        cursor.execute(statement)
        cursor.fetchall()
    except Error as error:
        text = str(error)
        assert any(word in text for word in words), f"{statement}: {text}"
        return
    raise AssertionError(f"`{statement}` was not refused")


def main():
    token, facility = os.environ["AJISAI_TOKEN"], os.environ["AJISAI_FACILITY"]
    with connect(token) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT ajisai_facility(), ajisai_frontier(), ajisai_age_ms()")
        ((told, frontier, age),) = cursor.fetchall()
        assert told == facility, told
        assert ":" in frontier and age >= 0, (frontier, age)

        for statement, column, value in LITERALS:
            cursor.execute(statement)
            table = cursor.fetch_arrow_table()
            assert str(table.schema.field(0).type) == column, (statement, table.schema)
            if value is not None:
                assert table.column(0)[0].as_py() == value, statement

        cursor.execute("SELECT count(*) FROM laboratory")
        ((rows,),) = cursor.fetchall()
        if "AJISAI_EXPECT_LABORATORY" in os.environ:
            assert rows == int(os.environ["AJISAI_EXPECT_LABORATORY"]), rows

        # A prepared statement: values of several kinds, and again with others.
        for number, text in ((7, "seven"), (-1, "minus"), (None, None)):
            cursor.execute("SELECT CAST($1 AS BIGINT) AS a, CAST($2 AS VARCHAR) AS b", (number, text))
            assert cursor.fetchall() == [(number, text)], (number, text)
        cursor.execute("SELECT count(*) FROM laboratory WHERE source = $1", ("nowhere",))
        assert cursor.fetchall() == [(0,)]

        objects = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
        assert [entry["catalog_name"] for entry in objects] == ["ajisai"], objects
        schemas = {schema["db_schema_name"]: schema["db_schema_tables"] for schema in objects[0]["catalog_db_schemas"]}
        assert {table["table_name"] for table in schemas["public"]} == TABLES, schemas
        assert connection.adbc_get_table_schema("laboratory", db_schema_filter="public").field("value_number")
        assert connection.adbc_get_table_types() == ["TABLE"]
        assert connection.adbc_get_info()["vendor_name"] == "ajisai"

        refused(cursor, "SELECT * FROM absent", "not found")
        refused(cursor, "CREATE TABLE t (a INT)", "only reads")
        refused(cursor, "SELECT * FROM '/etc/passwd'", "not found")

    with connect(token, ajisai_at_least=frontier) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)], "what was shown once is reached"
    ahead = {"ajisai_at_least": "1:9000000000000", "ajisai_wait_ms": "100"}
    with connect(token, **ahead) as connection, connection.cursor() as cursor:
        refused(cursor, "SELECT 1", "did not reach")

    if "AJISAI_OTHER_TOKEN" in os.environ:
        with connect(os.environ["AJISAI_OTHER_TOKEN"]) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT ajisai_facility()")
            ((other,),) = cursor.fetchall()
            assert other != facility, other

    try:
        with connect("no.such.token") as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        raise AssertionError("a forged token was let in")
    except DatabaseError as error:
        assert "UNAUTHENTICATED" in str(error).upper(), error
    print("flight_sql: ok")


if __name__ == "__main__":
    sys.exit(main())
