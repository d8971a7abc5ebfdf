"""The PostgreSQL protocol by psycopg 3, against a running node.

Environment: PGHOST, PGPORT, AJISAI_TOKEN, AJISAI_FACILITY (whose token it is), optionally PGSSLMODE, PGSSLROOTCERT,
AJISAI_EXPECT_LABORATORY (how many laboratory rows the facility sees).
"""

import datetime
import os
import sys

import psycopg


def connect(**more):
    return psycopg.connect(user="anyone", password=os.environ["AJISAI_TOKEN"], dbname="ajisai", **more)


def refused(connection, statement, sqlstate):
    try:
        connection.execute(statement).fetchall()
    except psycopg.Error as error:
        assert error.sqlstate == sqlstate, (statement, error.sqlstate, str(error))
        return
    raise AssertionError(f"`{statement}` was not refused")


def main():
    facility = os.environ["AJISAI_FACILITY"]
    with connect(autocommit=True) as connection:
        assert connection.info.parameter_status("ajisai.facility") == facility
        (told, frontier, age) = connection.execute("SELECT ajisai_facility(), ajisai_frontier(), ajisai_age_ms()").fetchone()
        assert told == facility and ":" in frontier and age >= 0, (told, frontier, age)
        assert connection.info.parameter_status("ajisai.frontier"), "every answer says how fresh it is"

        (rows,) = connection.execute("SELECT count(*) FROM laboratory").fetchone()
        if "AJISAI_EXPECT_LABORATORY" in os.environ:
            assert rows == int(os.environ["AJISAI_EXPECT_LABORATORY"]), rows

        # Parameters of every usual kind, as text and as binary.
        for binary in (False, True):
            cursor = connection.cursor(binary=binary)
            values = (7, 2**40, 1.5, "あじさい", True, datetime.date(2026, 4, 1), None)
            cursor.execute(
                "SELECT %s::int, %s::bigint, %s::float8, %s::text, %s::boolean, %s::date, %s::text", values
            )
            assert cursor.fetchone() == values, binary
            cursor.execute("SELECT count(*) FROM laboratory WHERE source = %s AND version >= %s", ("nowhere", 1))
            assert cursor.fetchone() == (0,)

        # A prepared statement, run again with other values.
        for wanted in range(8):
            cursor = connection.execute("SELECT count(*) + %s::bigint FROM laboratory", (wanted,), prepare=True)
            assert cursor.fetchone() == (rows + wanted,)

        cursor = connection.execute("SELECT occurred, labels, value_number FROM laboratory LIMIT 1")
        assert [column.name for column in cursor.description] == ["occurred", "labels", "value_number"]
        for occurred, labels, value in cursor:
            assert isinstance(occurred, datetime.datetime) and occurred.tzinfo is not None, occurred
            assert isinstance(labels, list) and (value is None or isinstance(value, float)), (labels, value)

        refused(connection, "SELECT * FROM absent", "42P01")
        refused(connection, "SELECT absent FROM patient", "42703")
        refused(connection, "DELETE FROM patient", "25006")
        refused(connection, "SET datafusion.execution.batch_size = 1", "42704")

        connection.execute("SET statement_timeout = '300ms'")
        refused(connection, "SELECT sum(a.x * b.y % 7) FROM generate_series(1,100000) a(x), generate_series(1,100000000) b(y)", "57014")
        connection.execute("SET statement_timeout = 0")
        connection.execute("SET ajisai.wait_ms = 100")
        connection.execute("SET ajisai.at_least = '1:9000000000000'")
        refused(connection, "SELECT 1", "57014")
        connection.execute("SET ajisai.at_least = ''")
        assert connection.execute("SELECT 1").fetchone() == (1,)

    # A transaction holds statements together for the client; each still sees a view of its own.
    with connect() as connection, connection.transaction():
        assert connection.execute("SELECT ajisai_purpose()").fetchone()

    with connect(autocommit=True, options=f"-c ajisai.at_least={frontier}") as connection:
        assert connection.execute("SHOW ajisai.at_least").fetchone() == (frontier,)

    try:
        psycopg.connect(user="anyone", password="no.such.token", dbname="ajisai")
        raise AssertionError("a forged token was let in")
    except psycopg.OperationalError as error:
        assert "refused" in str(error), error
    print("psycopg_client: ok")


if __name__ == "__main__":
    sys.exit(main())
