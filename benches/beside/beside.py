#!/usr/bin/env python3
"""The same questions, the same rows, one run: ajisai, DuckDB and PostgreSQL.

`ajisai bench --only registry --beside benches/beside/beside.py` runs it while its node serves. DuckDB reads the node's own
Parquet files; PostgreSQL gets the same rows with the indexes one would make for these questions, in a cluster of its own that is
removed afterwards (Debian package `postgresql`; left out with a word where it is not installed or AJISAI_BESIDE names others).

ajisai answers over Flight SQL, with consent asked of every row and every row written into the ledger before the answer
is whole; DuckDB answers in this process, PostgreSQL over its own protocol on a Unix socket. Answers must be equal, or this ends with 1.

Environment, set by the bench: AJISAI_FLIGHT_URI, AJISAI_TOKEN, AJISAI_TABLES (the directory of the table files).
By hand: AJISAI_BESIDE (`duckdb`, `postgres` or both, comma; both), AJISAI_BESIDE_TIMES (how often each is asked; 7).
"""

import contextlib
import glob
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi as flight_sql
import duckdb
import psycopg

warnings.filterwarnings("ignore", message="Cannot disable autocommit")
COLUMNS = "patient_id, record_id, occurred, code, value_number, unit"
TIMES = int(os.environ.get("AJISAI_BESIDE_TIMES", "7"))
QUESTIONS = {
    "one patient's chart": """
        SELECT code, occurred, value_number, unit FROM laboratory
        WHERE patient_id = '{patient}' ORDER BY occurred, record_id""",
    "cohort: a code, a value, a date": """
        SELECT DISTINCT patient_id FROM laboratory
        WHERE code = '4548-4' AND value_number >= 8.5 AND occurred >= TIMESTAMP WITH TIME ZONE '{since}'""",
    "the last value of each item of everybody": """
        SELECT DISTINCT ON (patient_id, code) patient_id, code, value_number FROM laboratory
        ORDER BY patient_id, code, occurred DESC, record_id DESC""",
}


class Ajisai:
    """A running node, as anybody reads it."""

    name = "ajisai"

    def __init__(self):
        header = adbc_driver_flightsql.DatabaseOptions.AUTHORIZATION_HEADER.value
        options = {header: "Bearer " + os.environ["AJISAI_TOKEN"]}
        self.connection = flight_sql.connect(os.environ["AJISAI_FLIGHT_URI"], db_kwargs=options)

    def ask(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetch_arrow_table()

    def one(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()


class DuckDB:
    """The same Parquet files, without a copy."""

    name = "DuckDB " + duckdb.__version__

    def __init__(self, tables):
        self.connection = duckdb.connect()
        files = glob.glob(f"{tables}/laboratory/**/*.parquet", recursive=True)
        if not files:
            raise SystemExit(f"no Parquet files below {tables}/laboratory")
        self.connection.execute(
            f"CREATE VIEW laboratory AS SELECT {COLUMNS} FROM read_parquet({files!r}, hive_partitioning = true)"
        )

    def ask(self, sql):
        return self.connection.execute(sql).fetch_arrow_table()


class Postgres:
    """A cluster of its own, with the rows copied and indexed."""

    def __init__(self, rows, directory):
        self.directory, self.server = directory, None
        self.programs = pathlib.Path(
            subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True).stdout.strip()
        )
        if not (self.programs / "initdb").exists():
            raise FileNotFoundError(self.programs / "initdb")
        version = subprocess.run([self.programs / "postgres", "--version"], capture_output=True, text=True, check=True)
        self.name = "PostgreSQL " + version.stdout.split()[2]
        # It refuses to run as root.
        self.user = "postgres" if os.getuid() == 0 else None
        if self.user:
            shutil.chown(directory, self.user)
        self.run("initdb", "-D", f"{directory}/data", "-A", "trust", "-U", "bench", "--no-sync")
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1 << 20)
        options = {
            "shared_buffers": f"{memory // 4}MB",
            "effective_cache_size": f"{memory // 2}MB",
            "work_mem": "256MB",
            "maintenance_work_mem": "2GB",
            "max_wal_size": "8GB",
            "listen_addresses": "",
            "unix_socket_directories": directory,
        }
        settings = "".join(f"{key} = '{value}'\n" for key, value in options.items())
        with open(f"{directory}/data/postgresql.auto.conf", "a", encoding="utf-8") as file:
            file.write(settings)
        self.run("pg_ctl", "-D", f"{directory}/data", "-l", f"{directory}/log", "-w", "start")
        self.server = True
        self.connection = psycopg.connect(host=directory, user="bench", dbname="postgres", autocommit=True)
        self.load(rows)

    def run(self, program, *arguments):
        command = [str(self.programs / program), *arguments]
        if self.user:
            command = ["runuser", "-u", self.user, "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def load(self, duck):
        begun = time.monotonic()
        self.connection.execute(
            "CREATE TABLE laboratory (patient_id text, record_id text, occurred timestamptz, code text,"
            " value_number double precision, unit text)"
        )
        copied = 0
        with self.connection.cursor() as cursor, cursor.copy(f"COPY laboratory ({COLUMNS}) FROM STDIN (FORMAT csv)") as copy:
            path = pathlib.Path(self.directory) / "rows.csv"
            duck.connection.execute(f"COPY (SELECT {COLUMNS} FROM laboratory) TO '{path}' (HEADER false)")
            with open(path, "rb") as file:
                while block := file.read(1 << 22):
                    copy.write(block)
                    copied += len(block)
            path.unlink()
        self.connection.execute("CREATE INDEX of_patient ON laboratory (patient_id, occurred)")
        self.connection.execute("CREATE INDEX of_code ON laboratory (code, occurred) INCLUDE (value_number, patient_id)")
        self.connection.execute("VACUUM ANALYZE laboratory")
        told(f"PostgreSQL: {copied / 1e6:.0f} MB copied and indexed in {time.monotonic() - begun:.0f} s")

    def ask(self, sql):
        with self.connection.cursor() as cursor:
            return cursor.execute(sql).fetchall()

    def close(self):
        if self.server:
            self.connection.close()
            self.run("pg_ctl", "-D", f"{self.directory}/data", "-m", "immediate", "stop")


def told(words):
    print("… " + words, file=sys.stderr, flush=True)


def measure(engine, sql):
    """The answer's first column, sorted; milliseconds of the first time and the median of the others."""
    spent, answer = [], None
    for _ in range(TIMES + 1):
        begun = time.perf_counter()
        answer = engine.ask(sql)
        spent.append((time.perf_counter() - begun) * 1_000)
    first = [row[0] for row in answer] if isinstance(answer, list) else answer.column(0).to_pylist()
    return sorted(first), spent[0], statistics.median(spent[1:])


def main():
    wanted = os.environ.get("AJISAI_BESIDE", "duckdb,postgres").split(",")
    ajisai = Ajisai()
    rows, patient, last = ajisai.one("SELECT count(*), min(patient_id), CAST(max(occurred) AS VARCHAR) FROM laboratory")
    (since,) = ajisai.one(f"SELECT CAST(TIMESTAMP WITH TIME ZONE '{last}' - INTERVAL '180 days' AS VARCHAR)")
    duck = DuckDB(os.environ["AJISAI_TABLES"])
    engines = [ajisai] + ([duck] if "duckdb" in wanted else [])
    with contextlib.ExitStack() as ends:
        if "postgres" in wanted:
            directory = ends.enter_context(tempfile.TemporaryDirectory())
            try:
                engines.append(postgres := Postgres(duck, directory))
                ends.callback(postgres.close)
            except FileNotFoundError as missing:
                told(f"PostgreSQL is left out: {missing.filename} is not there (Debian package postgresql)")
        print(f"{rows} rows; each question asked {TIMES + 1} times; milliseconds: first, then the median of the others")
        differ = False
        for what, sql in QUESTIONS.items():
            sql = sql.format(patient=patient, since=since)
            expected, ours = None, None
            for engine in engines:
                found, first, warm = measure(engine, sql)
                expected, ours = expected or found, ours or warm
                differ |= found != expected
                rows = len(found)
                print(f"{what:42} {engine.name:18} {rows:9} rows {first:10.1f} {warm:10.1f}  ×{warm / ours:.2f}", flush=True)
    if differ:
        raise SystemExit("the engines do not answer alike")


if __name__ == "__main__":
    main()
