//! The four commands, what they must answer, and how an answer is read.

use super::House;
use crate::simulator::{Expectation, Office, Site};
use anyhow::{Context, bail};
use model::{
    Body, Category, Consent, ConsentChange, Event, EventId, EventKey, Moment, Principal, Purpose, Role, Withdrawal,
};
use std::collections::BTreeMap;
use std::path::Path;

/// Rows of a text and a count, as the answer to a question.
pub type Expected = Vec<BTreeMap<String, u64>>;

/// A command to try.
#[derive(Debug, Clone)]
pub struct Trial {
    /// What it shows, in Japanese.
    pub japanese: String,
    /// What it shows, in English.
    pub english: String,
    /// The command as a shell takes it.
    pub command: String,
    /// What it must answer, table by table, as of the events when it was written.
    pub expected: Expected,
    /// What to install when its program is missing.
    pub needs: &'static str,
}

/// Writes the four commands for the region as it stands. The last one withdraws a consent.
///
/// # Errors
/// When a token cannot be written, or the region has no consent whose withdrawal would show.
pub fn trials(
    house: &House,
    offices: &[Office],
    expectation: &Expectation,
    (program, python): (&Path, &str),
    moment: Moment,
) -> anyhow::Result<Vec<Trial>> {
    let clinic = principal(offices, Site::Clinic, Role::Physician)?;
    let hospital = principal(offices, Site::Harbour, Role::Physician)?;
    let pharmacist = principal(offices, Site::Pharmacy, Role::Pharmacist)?;
    let ports = house.ports();
    let by_source = |viewer: &Principal, category| expectation.by_source(viewer, category, moment);
    let laboratory = "SELECT source, count(*) FROM laboratory GROUP BY source ORDER BY source";
    let medication = "SELECT source, count(*) AS n FROM medication GROUP BY source ORDER BY source";
    let whole = Category::ALL
        .iter()
        .map(|category| {
            let table = category.code().replace('-', "_");
            format!("SELECT '{}' AS category, count(*) AS n FROM {table}", category.code())
        })
        .collect::<Vec<_>>()
        .join(" UNION ALL ");
    let every = house.directory().join("every_category.sql");
    std::fs::write(&every, whole)?;
    let script = house.directory().join("flight_sql.py");
    std::fs::write(&script, include_str!("flight_sql.py"))?;
    let visible = expectation.visible(&hospital, moment);
    let program = quote(&program.display().to_string());
    let token = |principal: &Principal| anyhow::Ok(quote(&house.token(principal)?.display().to_string()));
    let member = |principal: &Principal| principal.member.as_ref().map(|id| id.as_str().to_owned()).unwrap_or_default();

    let psql = Trial {
        japanese: format!("psql で、{} の医師として検査結果を施設別に数える", Site::Clinic.id()),
        english: "psql as a clinic's physician: laboratory results by the facility that made them".to_owned(),
        command: format!(
            "PGPASSWORD=$(cat {token}) psql -h 127.0.0.1 -p {port} -U {user} -d ajisai -c {sql}",
            token = token(&clinic)?,
            port = ports.postgres,
            user = member(&clinic),
            sql = quote(laboratory),
        ),
        expected: vec![by_source(&clinic, Category::Laboratory)],
        needs: "psql: apt-get install postgresql-client",
    };
    let flight = Trial {
        japanese: format!("Python の Flight SQL で、{} の医師として全種別を数える", Site::Harbour.id()),
        english: "Flight SQL from Python as a hospital's physician: every category".to_owned(),
        command: format!(
            "{python} {script} grpc://127.0.0.1:{port} {token} \"$(cat {sql})\"",
            python = quote(python),
            script = quote(&script.display().to_string()),
            port = ports.grpc,
            token = token(&hospital)?,
            sql = quote(&every.display().to_string()),
        ),
        expected: vec![visible.iter().map(|(category, count)| (category.code().to_owned(), *count)).collect()],
        needs: "the Python driver: python3 -m venv .venv && .venv/bin/pip install adbc-driver-flightsql pyarrow",
    };
    let sql = Trial {
        japanese: format!("ajisai sql で、{} の薬剤師として処方・調剤を施設別に数える", Site::Pharmacy.id()),
        english: "ajisai sql as a pharmacist: prescriptions and dispensing by facility".to_owned(),
        command: format!(
            "{program} sql --address {address} --as {token} {sql}",
            address = house.address(),
            token = token(&pharmacist)?,
            sql = quote(medication),
        ),
        expected: vec![by_source(&pharmacist, Category::Medication)],
        needs: "this program",
    };
    let (consent, rows) = withdrawable(expectation, &clinic, moment)?;
    let count = format!(
        "{program} sql --address {address} --as {token} {sql}",
        address = house.address(),
        token = token(&clinic)?,
        sql = quote(&format!(
            "SELECT 'rows' AS what, count(*) AS n FROM laboratory WHERE source = '{}' AND patient_id = '{}'",
            consent.patient.facility(),
            consent.patient.number().as_str()
        )),
    );
    let discloser = Principal {
        facility: consent.patient.facility().clone(),
        member: None,
        role: Role::System,
        purpose: Purpose::Treatment,
    };
    let withdraw = format!(
        "{program} consent withdraw --address {address} --as {token} --patient {number} {id}",
        address = house.address(),
        token = token(&discloser)?,
        number = quote(consent.patient.number().as_str()),
        id = consent.id,
    );
    let table = |n: u64| BTreeMap::from([("rows".to_owned(), n)]);
    let withdrawal = Trial {
        japanese: "同意を撤回すると、その患者の行が診療所のビューから消える".to_owned(),
        english: "withdraw a consent, and the clinic's rows of that patient are gone".to_owned(),
        command: format!("{count} && {withdraw} && {count}"),
        expected: vec![table(rows), table(0)],
        needs: "this program",
    };
    Ok(vec![psql, flight, sql, withdrawal])
}

/// A consent whose withdrawal the clinic notices, and how many rows go: the one with the most rows, so that the
/// choice does not depend on the order of a map.
fn withdrawable(expectation: &Expectation, clinic: &Principal, moment: Moment) -> anyhow::Result<(Consent, u64)> {
    let candidates = expectation.withdrawable(clinic, Category::Laboratory, moment);
    let best = candidates.into_iter().max_by_key(|(consent, rows)| (*rows, consent.id.clone()));
    let (consent, rows) = best.context("no consent opens laboratory results to the clinic: simulate more patients")?;
    Ok((consent.clone(), rows))
}

/// The event that the last command makes, for the expectation.
///
/// # Errors
/// When the region has no such consent.
pub fn withdrawal(offices: &[Office], expectation: &Expectation, moment: Moment) -> anyhow::Result<Event> {
    let clinic = principal(offices, Site::Clinic, Role::Physician)?;
    let (consent, _) = withdrawable(expectation, &clinic, moment)?;
    let source = consent.patient.facility().clone();
    let change = Withdrawal { id: consent.id, patient: consent.patient, withdrawn_at: moment };
    Ok(Event {
        key: EventKey { source, id: EventId::parse("demo-withdrawal")? },
        admitted_at: moment,
        body: Body::Consent(ConsentChange::Withdrawn(change)),
    })
}

fn principal(offices: &[Office], site: Site, role: Role) -> anyhow::Result<Principal> {
    let office = offices.iter().find(|office| office.site == site).context("the region lacks a facility")?;
    let member = office.member(role).context("the facility lacks somebody of that role")?;
    Ok(Principal { facility: office.id().clone(), member: Some(member.id.clone()), role, purpose: Purpose::Treatment })
}

/// A word for the shell, quoted in the plainest way that keeps it.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else if word.contains('\'') && !word.contains(['"', '$', '`', '\\', '!']) {
        format!("\"{word}\"")
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Reads the tables of a text and a count out of what a command printed, whichever client drew them. A table begins
/// with a header; lines that are not two cells are frames, and the header's second cell is no number.
pub fn counts(output: &str) -> Expected {
    let mut tables: Expected = Vec::new();
    for line in output.lines() {
        let cells: Vec<&str> = line.split(['|', '│', '┆']).map(str::trim).filter(|cell| !cell.is_empty()).collect();
        let [name, number] = cells.as_slice() else { continue };
        match (number.parse::<u64>(), tables.last_mut()) {
            (Ok(count), Some(table)) => {
                table.insert((*name).to_owned(), count);
            }
            (Ok(_), None) => {}
            (Err(_), _) => tables.push(BTreeMap::new()),
        }
    }
    tables
}

impl Trial {
    /// Runs the command as printed and compares its answer.
    ///
    /// # Errors
    /// When it fails, its program is missing, or it answers otherwise than expected.
    pub async fn check(&self) -> anyhow::Result<()> {
        let output = tokio::process::Command::new("sh").arg("-c").arg(&self.command).output().await?;
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        if output.status.code() == Some(127) || complained.contains("ModuleNotFoundError") {
            bail!("a client is missing; install {}\n{complained}", self.needs);
        }
        if !output.status.success() {
            bail!("the command failed with {}\n{said}{complained}", output.status);
        }
        let answered = counts(&said);
        if answered != self.expected {
            bail!("the answer is {answered:?}, the simulation says {:?}", self.expected);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_from_whichever_client_drew_them() {
        let expected = vec![BTreeMap::from([("a".to_owned(), 12), ("b".to_owned(), 3)])];
        let psql = " source | count(*) \n--------+----------\n a      |       12\n b      |        3\n(2 rows)\n";
        assert_eq!(counts(psql), expected);
        let python = "source | n\na | 12\nb | 3\n";
        assert_eq!(counts(python), expected);
        let table =
            "┌────────┬────┐\n│ source ┆ n  │\n╞════════╪════╡\n│ a      ┆ 12 │\n│ b      ┆ 3  │\n└────────┴────┘\n";
        assert_eq!(counts(table), expected);
    }

    #[test]
    fn two_answers_after_each_other_are_two_tables_and_an_empty_one_is_there() {
        let said = "what | n\nrows | 4\n受理 accepted 1\nwhat | n\nrows | 0\n";
        let table = |n| BTreeMap::from([("rows".to_owned(), n)]);
        assert_eq!(counts(said), vec![table(4), table(0)]);
        assert_eq!(counts(" source | count\n--------+-------\n(0 rows)\n"), vec![BTreeMap::new()]);
    }

    #[test]
    fn a_word_for_the_shell_survives_quotes() {
        assert_eq!(quote("/tmp/x.token"), "/tmp/x.token");
        assert_eq!(quote("a 'b' c"), "\"a 'b' c\"");
        assert_eq!(quote("it's $5"), "'it'\\''s $5'");
    }

    #[tokio::test]
    async fn a_wrong_answer_a_failure_and_a_missing_program_are_told_apart() {
        let trial = |command: &str| Trial {
            japanese: String::new(),
            english: String::new(),
            command: command.to_owned(),
            expected: vec![BTreeMap::from([("a".to_owned(), 1)])],
            needs: "it",
        };
        assert!(trial("printf 'x | n\\na | 1\\n'").check().await.is_ok());
        let wrong = trial("printf 'x | n\\na | 2\\n'").check().await.unwrap_err();
        assert!(wrong.to_string().contains("the simulation says"));
        assert!(trial("exit 3").check().await.unwrap_err().to_string().contains("failed"));
        let missing = trial("surely-no-such-program").check().await.unwrap_err();
        assert!(missing.to_string().contains("install it"));
    }
}
