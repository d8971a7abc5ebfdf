#!/usr/bin/env python3
"""The same questions, the same rows, one run: ajisai, DuckDB and PostgreSQL.

`ajisai bench --only registry --beside benches/beside/beside.py` runs it while its node serves. DuckDB reads the node's own
Parquet files; PostgreSQL gets the same rows with what one would prepare for these questions (prepare.postgres.sql), in a cluster of
its own that is removed afterwards (Debian package `postgresql`; left out with a word where it is not installed or AJISAI_BESIDE
names others). The registry is asked of them in SQL of its own: registry.duckdb.sql, registry.postgres.sql.

ajisai answers over Flight SQL, with consent asked of every row and every row written into the ledger before the answer
is whole; DuckDB answers in this process, PostgreSQL over its own protocol on a Unix socket. Answers must be equal, every column of every
row, numbers to 1e-9 of themselves (sums of floats depend on their order); where one differs or is refused, this ends with 1.

The first time is cold: what lies on the disk was put out of the page cache, DuckDB has a new connection, PostgreSQL a new server.
ajisai's node goes on as it is; the bench itself measures the registry of a node that has just begun.

Environment, set by the bench: AJISAI_FLIGHT_URI, AJISAI_TOKEN, AJISAI_TABLES (the directory of the table files).
By hand: AJISAI_BESIDE (`duckdb`, `postgres` or both, comma; both), AJISAI_BESIDE_TIMES (how often each is asked again; 7),
AJISAI_BESIDE_SECONDS (no more of that after so many seconds of one engine and question; 30).
"""

import contextlib
import glob
import math
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
HERE = pathlib.Path(__file__).parent
# What is copied: by table, the columns and their types.
COLUMNS = {
    "laboratory": "patient_id text, record_id text, occurred timestamptz, code text, value_number double precision,"
    " unit text, comparator text, status text",
    "patient": "patient_id text, birth_date date, sex text",
}
TIMES = int(os.environ.get("AJISAI_BESIDE_TIMES", "7"))
SECONDS = float(os.environ.get("AJISAI_BESIDE_SECONDS", "30"))
MEMORY_MB = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1 << 20)
REGISTRY = """
    SELECT my_patient_id, diabetes, hba1c, hba1c_mean, hba1c_slope, egfr, egfr_slope, nephropathy_2023, ckd_risk, due_hba1c,
        days_since_contact
    FROM diabetes_registry_at('{day}')"""
# One statement for all, or one for each of those that need their own.
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
    "eleven items of the registry, everybody": {
        "ajisai": REGISTRY,
        "duckdb": (HERE / "registry.duckdb.sql").read_text(encoding="utf-8"),
        "postgres": (HERE / "registry.postgres.sql").read_text(encoding="utf-8"),
    },
}


class Ajisai:
    """A running node, as anybody reads it."""

    name = kind = "ajisai"

    def __init__(self, tables):
        header = adbc_driver_flightsql.DatabaseOptions.AUTHORIZATION_HEADER.value
        options = {header: "Bearer " + os.environ["AJISAI_TOKEN"]}
        self.tables = tables
        self.connection = flight_sql.connect(os.environ["AJISAI_FLIGHT_URI"], db_kwargs=options)

    def cool(self):
        forget(self.tables)

    def ask(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetch_arrow_table()


class DuckDB:
    """The same Parquet files, without a copy."""

    name, kind = "DuckDB " + duckdb.__version__, "duckdb"

    def __init__(self, tables, directory):
        self.tables, self.directory, self.connection = tables, directory, None
        self.cool()

    def cool(self):
        if self.connection:
            self.connection.close()
        forget(self.tables)
        # as much as PostgreSQL takes the machine to have for it; what is more goes to the disk
        self.connection = duckdb.connect(config={"memory_limit": f"{MEMORY_MB // 2}MB", "temp_directory": f"{self.directory}/duckdb"})
        for table in COLUMNS:
            files = glob.glob(f"{self.tables}/{table}/**/*.parquet", recursive=True)
            if not files:
                raise SystemExit(f"no Parquet files below {self.tables}/{table}")
            read = f"read_parquet({files!r}, hive_partitioning = true)"
            self.connection.execute(f"CREATE VIEW {table} AS SELECT {names(table)} FROM {read}")

    def ask(self, sql):
        return self.connection.execute(sql).fetch_arrow_table()


class Postgres:
    """A cluster of its own, with the rows copied and indexed."""

    kind = "postgres"

    def __init__(self, rows, directory):
        self.directory, self.serves = directory, False
        found = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True)
        self.programs = pathlib.Path(found.stdout.strip())
        if not (self.programs / "initdb").exists():
            raise FileNotFoundError(2, "not there", str(self.programs / "initdb"))
        version = subprocess.run([self.programs / "postgres", "--version"], capture_output=True, text=True, check=True)
        self.name = "PostgreSQL " + version.stdout.split()[2]
        # It refuses to run as root.
        self.user = "postgres" if os.getuid() == 0 else None
        if self.user:
            shutil.chown(directory, self.user)
        self.run("initdb", "-D", f"{directory}/data", "-A", "trust", "-U", "bench", "--no-sync")
        options = {
            "shared_buffers": f"{MEMORY_MB // 4}MB",
            "effective_cache_size": f"{MEMORY_MB // 2}MB",
            "work_mem": "256MB",
            "maintenance_work_mem": "2GB",
            # a copy that is made once is in no log: half the disk and the time
            "wal_level": "minimal",
            "max_wal_senders": 0,
            "max_wal_size": "2GB",
            "max_parallel_workers_per_gather": os.cpu_count(),
            # compiling these statements takes longer than it spares
            "jit": "off",
            "listen_addresses": "",
            "unix_socket_directories": directory,
        }
        settings = "".join(f"{key} = '{value}'\n" for key, value in options.items())
        with open(f"{directory}/data/postgresql.auto.conf", "a", encoding="utf-8") as file:
            file.write(settings)
        self.begin()
        self.load(rows)

    def run(self, program, *arguments):
        command = [str(self.programs / program), *arguments]
        if self.user:
            command = ["runuser", "-u", self.user, "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def begin(self):
        self.run("pg_ctl", "-D", f"{self.directory}/data", "-l", f"{self.directory}/log", "-w", "start")
        self.serves = True
        self.connection = psycopg.connect(host=self.directory, user="bench", dbname="postgres", autocommit=True)

    def end(self, how="immediate"):
        if self.serves:
            self.connection.close()
            self.run("pg_ctl", "-D", f"{self.directory}/data", "-m", how, "-t", "600", "-w", "stop")
            self.serves = False

    def load(self, duck):
        begun, copied = time.monotonic(), 0
        path = pathlib.Path(self.directory) / "rows.csv"
        for table, columns in COLUMNS.items():
            # an empty text is not NULL
            every = f"COPY (SELECT {names(table)} FROM {table}) TO '{path}' (HEADER false, FORCE_QUOTE *)"
            duck.connection.execute(every)
            # rows of a table that is made in the same transaction are not written to the log
            with self.connection.transaction(), self.connection.cursor() as cursor, open(path, "rb") as file:
                cursor.execute(f"CREATE TABLE {table} ({columns})")
                with cursor.copy(f"COPY {table} FROM STDIN (FORMAT csv)") as copy:
                    while block := file.read(1 << 22):
                        copy.write(block)
                        copied += len(block)
            path.unlink()
        self.connection.execute((HERE / "prepare.postgres.sql").read_text(encoding="utf-8"))
        for table in COLUMNS:
            self.connection.execute(f"VACUUM ANALYZE {table}")
        size = sum(file.stat().st_size for file in pathlib.Path(self.directory).rglob("*") if file.is_file())
        told(f"PostgreSQL: {copied / 1e6:.0f} MB copied and indexed in {time.monotonic() - begun:.0f} s; {size / 1e6:.0f} MB on disk")

    def cool(self):
        self.end("fast")
        forget(self.directory)
        self.begin()

    def ask(self, sql):
        with self.connection.cursor() as cursor:
            return cursor.execute(sql).fetchall()


def names(table):
    return ", ".join(column.split()[0] for column in COLUMNS[table].split(", "))


def told(words):
    print("… " + words, file=sys.stderr, flush=True)


def forget(directory):
    """Puts the files below a directory out of the page cache."""
    for path in pathlib.Path(directory).rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def measure(engine, sql):
    """The answer's rows, sorted; milliseconds of the first time and of the others."""
    engine.cool()
    spent, answer = [], None
    while len(spent) < 2 or (len(spent) <= TIMES and sum(spent) < SECONDS * 1_000):
        begun = time.perf_counter()
        answer = engine.ask(sql)
        spent.append((time.perf_counter() - begun) * 1_000)
    rows = answer if isinstance(answer, list) else zip(*(column.to_pylist() for column in answer.columns))
    return sorted(rows), spent[0], spent[1:]


def alike(one, other):
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return one == other


def difference(expected, found):
    """The first rows that are not alike, of persons who do not exist; None where all are."""
    if len(expected) != len(found):
        return f"{len(expected)} and {len(found)} rows"
    for one, other in zip(expected, found):
        if not all(map(alike, one, other)):
            return f"{one} and {other}"
    return None


def main():
    wanted = os.environ.get("AJISAI_BESIDE", "duckdb,postgres").split(",")
    tables = os.environ["AJISAI_TABLES"]
    ajisai = Ajisai(tables)

    def one(sql):
        return [column[0].as_py() for column in ajisai.ask(sql).columns]

    rows, patient, last = one("SELECT count(*), min(patient_id), CAST(max(occurred) AS VARCHAR) FROM laboratory")
    (since,) = one(f"SELECT CAST(TIMESTAMP WITH TIME ZONE '{last}' - INTERVAL '180 days' AS VARCHAR)")
    # the registry of today in Japan, as of its last moment
    (day,) = one("SELECT CAST(CAST(now() + INTERVAL '9 hours' AS DATE) AS VARCHAR)")
    asked = {"patient": patient, "since": since, "day": day, "now": f"{day} 23:59:59.999999+09"}
    with contextlib.ExitStack() as ends:
        directory = ends.enter_context(tempfile.TemporaryDirectory())
        duck = DuckDB(tables, directory)
        engines = [ajisai] + ([duck] if "duckdb" in wanted else [])
        if "postgres" in wanted:
            try:
                place = ends.enter_context(tempfile.TemporaryDirectory())
                engines.append(postgres := Postgres(duck, place))
                ends.callback(postgres.end)
            except FileNotFoundError as missing:
                told(f"PostgreSQL is left out: {missing.filename} is not there (Debian package postgresql)")
        print(f"{rows} rows; milliseconds: the first time, cold, then the median of how many more; beside ajisai's median")
        wrong = 0
        for what, statements in QUESTIONS.items():
            expected, ours = None, None
            for engine in engines:
                sql = statements if isinstance(statements, str) else statements[engine.kind]
                for key, value in asked.items():
                    sql = sql.replace("{" + key + "}", value)
                line = f"{what:42} {engine.name:18}"
                try:
                    found, first, more = measure(engine, sql)
                except (flight_sql.Error, duckdb.Error, psycopg.Error) as refused:
                    print(f"{line} refused: {str(refused).splitlines()[0]}", flush=True)
                    wrong += 1
                    continue
                warm = statistics.median(more)
                ours = ours or warm
                print(f"{line} {len(found):9} rows {first:10.1f} {warm:10.1f} of {len(more)}  ×{warm / ours:.2f}", flush=True)
                expected = expected or found
                if differs := difference(expected, found):
                    print(f"{line} differs: {differs}", flush=True)
                    wrong += 1
    if wrong:
        raise SystemExit(f"{wrong} answers differ or were refused")


if __name__ == "__main__":
    main()
