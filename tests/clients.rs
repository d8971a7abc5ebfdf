//! The SQL clients that people use, against a real node: the Python ADBC driver for Flight SQL, psycopg, psql.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands, also in its helpers")]

use ajisai::bench::region::{self, Size};
use ajisai::bench::{self, Load};
use ajisai::rig::Rig;
use std::path::{Path, PathBuf};
use std::process::Command;

const SIZE: Size = Size { sources: 1, viewers: 3, patients: 20, audience: 2 };

/// The Python that has the drivers: the project's own environment, or the one of this shell.
fn python() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    if own.exists() { own } else { PathBuf::from("python3") }
}

fn client(rig: &Rig, program: &Path, script: &str, viewer: u32) -> Command {
    let facility = region::viewer(viewer).unwrap();
    let token = |n: u32| rig.token(&Rig::system(region::viewer(n).unwrap())).unwrap();
    let mut command = Command::new(program);
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script))
        .env("AJISAI_FLIGHT_URI", format!("grpc://127.0.0.1:{}", rig.ports().grpc))
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", rig.ports().postgres.to_string())
        .env("PGSSLMODE", "disable")
        .env("AJISAI_FACILITY", facility.as_str())
        .env("AJISAI_TOKEN", token(viewer))
        .env("AJISAI_OTHER_TOKEN", token(viewer + 1));
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn python_adbc_psycopg_and_psql_read_their_facilitys_view_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let rig = bench::raise(program, directory.path(), SIZE, "").await.unwrap();
    let load =
        Load { rate: 400.0, seconds: 0.5, warm_up: 0.0, event_bytes: 500, run: "clients".to_owned(), watch: false };
    bench::load(&rig, SIZE, &load).await.unwrap();
    let expected = 200 / SIZE.patients * region::patients_of_viewer(SIZE, 0);
    for (program, script) in
        [(python(), "flight_sql.py"), (python(), "psycopg_client.py"), (PathBuf::from("sh"), "psql.sh")]
    {
        let output =
            client(&rig, &program, script, 0).env("AJISAI_EXPECT_LABORATORY", expected.to_string()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script} (`make tools` installs the clients): {told}");
    }
}
