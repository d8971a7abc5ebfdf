//! From text to the one statement it may be.

use super::size::{check_tables, check_text};
use crate::QueryError;
use crate::freshness::AtLeast;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::sql::parser::{DFParserBuilder, Statement as Parsed};
use datafusion::sql::sqlparser::ast::{SetExpr, Statement as Sql};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use views::Taking;

/// How deep expressions may nest.
const DEPTH: usize = 40;

/// One statement that only reads.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Shared: copying a statement recurses.
    parsed: Arc<Parsed>,
    form: Arc<str>,
    digest: Uuid,
}

impl Reading {
    /// Parses one statement. It needs a deep stack: call [`ReadingRoom::read`](crate::ReadingRoom::read) for a text
    /// from outside.
    ///
    /// # Errors
    /// When the text is not SQL, holds not exactly one statement, or the statement does something else than read.
    pub fn parse(sql: &str) -> Result<Self, QueryError> {
        check_text(sql)?;
        let syntax = |error: datafusion::error::DataFusionError| QueryError::from_datafusion(error, 0);
        let mut statements = DFParserBuilder::new(sql)
            .with_dialect(&PostgreSqlDialect {})
            .with_recursion_limit(DEPTH)
            .build()
            .and_then(|mut parser| parser.parse_statements())
            .map_err(syntax)?;
        match (statements.pop_front(), statements.len()) {
            (Some(statement), 0) => Self::admit(statement, sql),
            (Some(_), more) => Err(QueryError::NotOneStatement { count: more + 1 }),
            (None, _) => Err(QueryError::NotOneStatement { count: 0 }),
        }
    }

    /// Takes a statement that was parsed elsewhere, from a text that [`check_text`] let pass.
    ///
    /// # Errors
    /// When it does something else than read.
    pub(crate) fn of(statement: Sql) -> Result<Self, QueryError> {
        let text = statement.to_string();
        Self::admit(Parsed::Statement(Box::new(statement)), &text)
    }

    fn admit(parsed: Parsed, text: &str) -> Result<Self, QueryError> {
        only_reads(&parsed)?;
        check_tables_of(&parsed)?;
        let form = form(text);
        let digest = Uuid::new_v5(&Uuid::NAMESPACE_OID, form.as_bytes());
        Ok(Self { parsed: Arc::new(parsed), form: form.into(), digest })
    }

    /// A digest of the statement's form, without its literals: the same for the same question about another patient.
    pub fn digest(&self) -> Uuid {
        self.digest
    }

    /// The statement's form, without literals, comments and spaces.
    pub(crate) fn form(&self) -> &str {
        &self.form
    }

    pub(crate) fn parsed(&self) -> &Parsed {
        &self.parsed
    }
}

fn check_tables_of(parsed: &Parsed) -> Result<(), QueryError> {
    match parsed {
        Parsed::Statement(statement) => check_tables(statement),
        Parsed::Explain(explain) => check_tables_of(&explain.statement),
        Parsed::CreateExternalTable(_) | Parsed::CopyTo(_) | Parsed::Reset(_) => Ok(()),
    }
}

/// Refuses by kind what is not known to read only; the plan is checked again before it runs.
fn only_reads(parsed: &Parsed) -> Result<(), QueryError> {
    let refuse = |what: &str| Err(QueryError::ReadOnly { what: what.to_owned() });
    match parsed {
        Parsed::Statement(statement) => sql_only_reads(statement),
        Parsed::Explain(explain) => {
            only_reads(&explain.statement)?;
            if explain.options.analyze { Err(no_analysis()) } else { Ok(()) }
        }
        Parsed::CreateExternalTable(_) => refuse("CREATE EXTERNAL TABLE"),
        Parsed::CopyTo(_) => refuse("COPY"),
        Parsed::Reset(_) => refuse("RESET"),
    }
}

fn sql_only_reads(statement: &Sql) -> Result<(), QueryError> {
    match statement {
        Sql::Query(query) => match query.body.as_ref() {
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(QueryError::ReadOnly { what: first_words(statement) })
            }
            _ => Ok(()),
        },
        Sql::Explain { statement, analyze, .. } => {
            sql_only_reads(statement)?;
            if *analyze { Err(no_analysis()) } else { Ok(()) }
        }
        Sql::ExplainTable { .. }
        | Sql::ShowTables { .. }
        | Sql::ShowColumns { .. }
        | Sql::ShowVariable { .. }
        | Sql::ShowFunctions { .. } => Ok(()),
        other => Err(QueryError::ReadOnly { what: first_words(other) }),
    }
}

/// How many rows each step of each partition had follows from how rows lie in files, and so from rows of others as well.
fn no_analysis() -> QueryError {
    let message = "EXPLAIN ANALYZE is not offered: its figures would tell of rows that are not yours; use EXPLAIN";
    QueryError::NotOffered { message: message.to_owned() }
}

/// The words that name a statement's kind: the leading keywords, never a name or a value.
fn first_words(statement: &Sql) -> String {
    let text = statement.to_string();
    let words = text.split_whitespace().take_while(|word| word.chars().all(|c| c.is_ascii_uppercase()));
    let kind = words.take(3).collect::<Vec<_>>().join(" ");
    if kind.is_empty() { "this kind of statement".to_owned() } else { kind }
}

/// The text with every literal, comment and space taken out.
fn form(sql: &str) -> String {
    let mut form = String::with_capacity(sql.len());
    // What cannot be read as tokens was refused before; an empty form is then as good as any.
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize().unwrap_or_default();
    for token in tokens {
        match token {
            Token::Whitespace(_) => {}
            Token::Word(word) => {
                form.push_str(&word.value.to_lowercase());
                form.push(' ');
            }
            Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::NationalStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::Char(_) => form.push_str("? "),
            other => {
                form.push_str(&other.to_string());
                form.push(' ');
            }
        }
    }
    form
}

/// A statement with everything that says how to run it.
#[derive(Debug, Clone)]
pub struct Statement {
    /// What to read.
    pub reading: Reading,
    /// Values for its placeholders: it runs once for each set, one after the other. Without placeholders, empty.
    pub parameters: Vec<ParamValues>,
    /// How fresh the answer must be.
    pub at_least: AtLeast,
    /// How long it may run, within the server's limit.
    pub timeout: Option<Duration>,
    /// The protocol it came by.
    pub door: Door,
    /// Ends it early.
    pub ending: Ending,
}

impl Statement {
    /// A statement without parameters or wishes.
    pub fn new(reading: Reading, door: Door) -> Self {
        let (at_least, ending) = (AtLeast::default(), Ending::default());
        Self { reading, parameters: Vec::new(), at_least, timeout: None, door, ending }
    }

    /// The same statement with texts for its placeholders `$1`, `$2`, …: bound to them, never part of its words.
    #[must_use]
    pub fn with_texts<'a>(mut self, texts: impl IntoIterator<Item = &'a str>) -> Self {
        let values: Vec<ScalarValue> = texts.into_iter().map(ScalarValue::from).collect();
        self.parameters = if values.is_empty() { Vec::new() } else { vec![ParamValues::from(values)] };
        self
    }
}

/// By which protocol a statement came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Arrow Flight SQL.
    Flight,
    /// The PostgreSQL protocol.
    Postgres,
    /// `ajisai.v1.QueryService`.
    Grpc,
    /// The dashboards.
    Dashboards,
}

impl Door {
    /// `flight`, `postgres`, `grpc` or `dashboards`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Flight => "flight",
            Self::Postgres => "postgres",
            Self::Grpc => "grpc",
            Self::Dashboards => "dashboards",
        }
    }
    /// How rows leave by it: Flight SQL is the way of bulk transfers, and what leaves by it counts as an export.
    pub(crate) const fn taking(self) -> Taking {
        match self {
            Self::Flight => Taking::Export,
            Self::Postgres | Self::Grpc | Self::Dashboards => Taking::Query,
        }
    }
}

// === Ending ===

/// Ends a running statement from outside: its caller asked for it, or went away.
#[derive(Debug, Clone, Default)]
pub struct Ending(Arc<parking_lot::Mutex<EndingState>>);

#[derive(Debug, Default)]
struct EndingState {
    ended: bool,
    task: Option<tokio::task::AbortHandle>,
}

impl Ending {
    /// Ends the statement, now or as soon as it starts.
    pub fn end(&self) {
        let mut state = self.0.lock();
        state.ended = true;
        if let Some(task) = &state.task {
            task.abort();
        }
    }
    pub(crate) fn ended(&self) -> bool {
        self.0.lock().ended
    }
    /// Whether there is nothing left to end.
    pub(crate) fn over(&self) -> bool {
        self.0.lock().task.as_ref().is_some_and(tokio::task::AbortHandle::is_finished)
    }
    pub(crate) fn attach(&self, task: tokio::task::AbortHandle) {
        let mut state = self.0.lock();
        if state.ended {
            task.abort();
        }
        state.task = Some(task);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_does_more_than_read_is_refused_by_its_kind() {
        for sql in [
            "CREATE TABLE t (a INT)",
            "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '/etc'",
            "CREATE VIEW v AS SELECT 1",
            "CREATE SCHEMA s",
            "CREATE DATABASE d",
            "CREATE FUNCTION f() RETURNS INT RETURN 1",
            "DROP TABLE patient",
            "ALTER TABLE patient ADD COLUMN a INT",
            "INSERT INTO patient VALUES (1)",
            "UPDATE patient SET patient_id = 'x'",
            "DELETE FROM patient",
            "TRUNCATE TABLE patient",
            "COPY patient TO '/tmp/x.parquet'",
            "COPY (SELECT 1) TO 'x.csv'",
            "SET datafusion.execution.batch_size = 1",
            "RESET datafusion.execution.batch_size",
            "BEGIN",
            "COMMIT",
            "PREPARE p AS SELECT 1",
            "EXECUTE p",
            "EXPLAIN INSERT INTO patient VALUES (1)",
            "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1",
            "EXPLAIN COPY patient TO 'x.parquet'",
            "VACUUM",
            "GRANT SELECT ON patient TO x",
        ] {
            match Reading::parse(sql) {
                Err(QueryError::ReadOnly { .. }) => {}
                // What this dialect does not even parse is refused earlier.
                Err(QueryError::Syntax { .. }) if sql.starts_with("CREATE FUNCTION") => {}
                other => panic!("`{sql}` gave {other:?}"),
            }
        }
    }

    #[test]
    fn what_reads_is_admitted() {
        for sql in [
            "SELECT 1",
            "WITH a AS (SELECT 1) SELECT * FROM a",
            "VALUES (1)",
            "EXPLAIN SELECT 1",
            "SHOW TABLES",
            "DESCRIBE patient",
        ] {
            assert!(Reading::parse(sql).is_ok(), "{sql}");
        }
    }

    #[test]
    fn a_plan_is_told_and_not_how_it_ran() {
        for sql in ["EXPLAIN ANALYZE SELECT 1", "EXPLAIN ANALYZE VERBOSE SELECT * FROM patient"] {
            assert!(matches!(Reading::parse(sql), Err(QueryError::NotOffered { .. })), "{sql}");
        }
        assert!(Reading::parse("EXPLAIN VERBOSE SELECT * FROM patient").is_ok());
    }

    #[test]
    fn one_statement_at_a_time() {
        assert!(matches!(Reading::parse("SELECT 1; SELECT 2"), Err(QueryError::NotOneStatement { count: 2 })));
        assert!(matches!(Reading::parse(""), Err(QueryError::NotOneStatement { count: 0 })));
        assert!(Reading::parse("SELECT 1;").is_ok());
    }

    #[test]
    fn a_refusal_does_not_repeat_names_or_values() {
        let error = Reading::parse("INSERT INTO \"Tanaka\" VALUES ('00012345')").unwrap_err().to_string();
        assert!(!error.contains("Tanaka") && !error.contains("00012345"), "{error}");
    }

    #[test]
    fn the_digest_forgets_literals_and_spacing_and_keeps_the_form() {
        let of = |sql| Reading::parse(sql).unwrap().digest();
        assert_eq!(
            of("SELECT * FROM patient WHERE patient_id = '1'"),
            of("select *  from patient\nwhere patient_id='22'")
        );
        assert_ne!(
            of("SELECT * FROM patient WHERE patient_id = '1'"),
            of("SELECT * FROM laboratory WHERE patient_id = '1'")
        );
    }
}
