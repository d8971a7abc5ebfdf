//! What can go wrong with a statement, and what of it leaves the house.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use std::time::Duration;
use uuid::Uuid;

/// Why a statement has no answer, or no whole one.
///
/// `Display` is the external message: it speaks of the caller's own world and words only. What happened inside is
/// logged by kind under the id that [`QueryError::Internal`] carries.
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueryError {
    /// The statement would do something else than read.
    #[error("`{what}` is not answered here: a session only reads its facility's view")]
    ReadOnly {
        /// The kind of statement.
        what: String,
    },
    /// More or fewer than one statement where one is expected.
    #[error("send one statement at a time; this text holds {count}")]
    NotOneStatement {
        /// How many there were.
        count: usize,
    },
    /// Longer, deeper or wider than can be planned safely.
    #[error("{message}")]
    TooLarge {
        /// In what.
        message: String,
    },
    /// Not SQL.
    #[error("the statement cannot be read: {message}")]
    Syntax {
        /// Where and why.
        message: String,
    },
    /// A table, schema or catalogue that is not in this world.
    #[error("{message}")]
    UnknownTable {
        /// Which.
        message: String,
    },
    /// A column that is not in this world.
    #[error("{message}")]
    UnknownColumn {
        /// Which.
        message: String,
    },
    /// The statement has no meaning over these tables (types, functions, arguments).
    #[error("{message}")]
    Meaning {
        /// Why.
        message: String,
    },
    /// The statement uses something that is not offered.
    #[error("{message}")]
    NotOffered {
        /// What.
        message: String,
    },
    /// The caller's own values or rows do not fit (a cast, a division by zero).
    #[error("{message}")]
    Data {
        /// Why.
        message: String,
    },
    /// It ran too long.
    #[error("the statement was ended: it ran longer than {} ms; narrow it, or ask for less at a time", limit.as_millis())]
    TooLong {
        /// The limit.
        limit: Duration,
    },
    /// The caller ended it.
    #[error("the statement was ended at the caller's request")]
    Cancelled,
    /// It took too much memory.
    #[error("the statement was ended: it needs more than the {} MiB one statement may hold; narrow it, group by less, or add a limit", limit_bytes / (1024 * 1024))]
    TooMuchMemory {
        /// The limit.
        limit_bytes: usize,
    },
    /// Too many at once.
    #[error("too many statements run at once for this facility (at most {limit}); try again when one has ended")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// The view did not become fresh enough in time.
    #[error("the view did not reach `{wanted}` within {} ms; it stands at `{reached}`", waited.as_millis())]
    NotFreshEnough {
        /// What was asked.
        wanted: String,
        /// Where the view stands.
        reached: String,
        /// How long the statement waited.
        waited: Duration,
    },
    /// A freshness that cannot be read.
    #[error("`{text}` is neither a position such as `3:1842` nor a frontier such as `0:5,1:120`")]
    BadFrontier {
        /// The text.
        text: String,
    },
    /// A session setting that does not exist, is fixed, or was given a value it cannot take.
    #[error("{message}")]
    Setting {
        /// Which and why.
        message: String,
    },
    /// A prepared statement that this caller does not have.
    #[error("there is no such prepared statement in this session; prepare it again")]
    UnknownPrepared,
    /// What was read cannot be written into the ledger, and without that an answer is not given whole.
    #[error("the answer is not whole: what was read could not be written into the ledger ({reason}); try again later")]
    Unrecorded {
        /// Why.
        reason: String,
    },
    /// Something that the statement shows was taken from the caller while it ran.
    #[error(
        "実行中に閲覧の許可が変わったため、照会を終了しました。もう一度実行してください。 / permissions changed while the \
         statement ran, and it was ended: ask again"
    )]
    PermissionsChanged,
    /// Something broke inside.
    #[error("the node could not answer; tell its administrator this id: {id}")]
    Internal {
        /// The id under which it was logged.
        id: Uuid,
    },
}

impl QueryError {
    /// A new internal error, logged by kind only: a message from below may quote a row.
    pub(crate) fn internal(kind: &'static str) -> Self {
        let id = Uuid::new_v4();
        tracing::error!(%id, kind, "a statement failed inside");
        Self::Internal { id }
    }

    /// What DataFusion said, in words that may leave.
    pub(crate) fn from_datafusion(error: DataFusionError, memory_bytes: usize) -> Self {
        match error {
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
                Self::from_datafusion(*inner, memory_bytes)
            }
            DataFusionError::Shared(inner) => Self::from_shared(&inner, memory_bytes),
            DataFusionError::Collection(errors) => match errors.into_iter().next() {
                Some(first) => Self::from_datafusion(first, memory_bytes),
                None => Self::internal("empty collection of errors"),
            },
            other => Self::from_shared(&other, memory_bytes),
        }
    }

    fn from_shared(error: &DataFusionError, memory_bytes: usize) -> Self {
        match error {
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
                Self::from_shared(inner, memory_bytes)
            }
            DataFusionError::Shared(inner) => Self::from_shared(inner, memory_bytes),
            DataFusionError::Collection(errors) => match errors.first() {
                Some(first) => Self::from_shared(first, memory_bytes),
                None => Self::internal("empty collection of errors"),
            },
            DataFusionError::SQL(parser, _) => Self::Syntax { message: parser.to_string() },
            DataFusionError::Plan(message) if names_a_missing_table(message) => {
                Self::UnknownTable { message: message.clone() }
            }
            DataFusionError::Plan(message) | DataFusionError::Configuration(message) => {
                Self::Meaning { message: message.clone() }
            }
            DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
                SchemaError::FieldNotFound { .. } => Self::UnknownColumn { message: schema.to_string() },
                _ => Self::Meaning { message: schema.to_string() },
            },
            DataFusionError::NotImplemented(message) => Self::NotOffered { message: message.clone() },
            DataFusionError::ResourcesExhausted(_) => Self::TooMuchMemory { limit_bytes: memory_bytes },
            DataFusionError::Execution(message) => Self::Data { message: without_values(message) },
            DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
                arrow::error::ArrowError::ExternalError(_)
                | arrow::error::ArrowError::IoError(..)
                | arrow::error::ArrowError::ParquetError(_)
                | arrow::error::ArrowError::IpcError(_)
                | arrow::error::ArrowError::MemoryError(_) => Self::internal("arrow"),
                fault => Self::Data { message: without_values(&fault.to_string()) },
            },
            DataFusionError::ParquetError(_) => Self::internal("table file"),
            DataFusionError::ObjectStore(_) => Self::internal("object store"),
            DataFusionError::IoError(_) => Self::internal("disk"),
            DataFusionError::ExecutionJoin(_) => Self::internal("worker"),
            DataFusionError::External(_) => Self::internal("store"),
            _ => Self::internal("engine"),
        }
    }

    /// The outcome's code, from a closed list: for metrics and for clients that tell errors apart.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ReadOnly { .. } => "read_only",
            Self::NotOneStatement { .. } => "not_one_statement",
            Self::TooLarge { .. } => "too_large",
            Self::Syntax { .. } => "syntax",
            Self::UnknownTable { .. } => "unknown_table",
            Self::UnknownColumn { .. } => "unknown_column",
            Self::Meaning { .. } => "meaning",
            Self::NotOffered { .. } => "not_offered",
            Self::Data { .. } => "data",
            Self::TooLong { .. } => "too_long",
            Self::Cancelled => "cancelled",
            Self::TooMuchMemory { .. } => "too_much_memory",
            Self::TooMany { .. } => "too_many",
            Self::NotFreshEnough { .. } => "not_fresh_enough",
            Self::BadFrontier { .. } => "bad_frontier",
            Self::Setting { .. } => "setting",
            Self::UnknownPrepared => "unknown_prepared",
            Self::Unrecorded { .. } => "unrecorded",
            Self::PermissionsChanged => "permissions_changed",
            Self::Internal { .. } => "internal",
        }
    }

    /// The PostgreSQL SQLSTATE: the one place where it is chosen.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::ReadOnly { .. } => "25006",
            Self::Syntax { .. } | Self::NotOneStatement { .. } => "42601",
            Self::TooLarge { .. } => "54001",
            Self::UnknownTable { .. } => "42P01",
            Self::UnknownColumn { .. } => "42703",
            Self::Meaning { .. } => "42000",
            Self::NotOffered { .. } => "0A000",
            Self::Data { .. } => "22000",
            Self::TooLong { .. } | Self::Cancelled => "57014",
            Self::TooMuchMemory { .. } => "53200",
            Self::TooMany { .. } => "53300",
            Self::NotFreshEnough { .. } => "57014",
            Self::BadFrontier { .. } => "22023",
            Self::Setting { .. } => "42704",
            Self::UnknownPrepared => "26000",
            Self::Unrecorded { .. } => "58030",
            Self::PermissionsChanged => "40001",
            Self::Internal { .. } => "XX000",
        }
    }
}

/// The gRPC status: the one place where it is chosen, for Flight SQL and `QueryService` alike.
impl From<QueryError> for tonic::Status {
    fn from(error: QueryError) -> Self {
        let code = match &error {
            QueryError::ReadOnly { .. } => tonic::Code::PermissionDenied,
            QueryError::Syntax { .. }
            | QueryError::TooLarge { .. }
            | QueryError::NotOneStatement { .. }
            | QueryError::UnknownTable { .. }
            | QueryError::UnknownColumn { .. }
            | QueryError::Meaning { .. }
            | QueryError::Data { .. }
            | QueryError::BadFrontier { .. }
            | QueryError::Setting { .. } => tonic::Code::InvalidArgument,
            QueryError::NotOffered { .. } => tonic::Code::Unimplemented,
            QueryError::TooLong { .. } | QueryError::NotFreshEnough { .. } => tonic::Code::DeadlineExceeded,
            QueryError::Cancelled => tonic::Code::Cancelled,
            QueryError::TooMuchMemory { .. } | QueryError::TooMany { .. } => tonic::Code::ResourceExhausted,
            QueryError::UnknownPrepared => tonic::Code::NotFound,
            QueryError::Unrecorded { .. } => tonic::Code::Unavailable,
            QueryError::PermissionsChanged => tonic::Code::Aborted,
            QueryError::Internal { .. } => tonic::Code::Internal,
        };
        tonic::Status::new(code, error.to_string())
    }
}

/// What failed, without what it failed on: an error carries no patient's values, and which row fails first is nobody's
/// business (it follows from how rows lie in files, and so from rows the caller does not see).
fn without_values(message: &str) -> String {
    let mut told = message.to_owned();
    for quote in ['\'', '"'] {
        if let (Some(first), Some(last)) = (told.find(quote), told.rfind(quote))
            && first < last
        {
            told.replace_range(first + 1..last, "…");
        }
    }
    // The functions of this house quote with ` and say more between two quotations; one too many may be a value's own.
    let quotations: Vec<&str> = told.split('`').collect();
    told = match quotations.as_slice() {
        [before, .., after] if quotations.len().is_multiple_of(2) => format!("{before}`…`{after}"),
        parts => {
            let said = parts.iter().enumerate().map(|(at, part)| if at % 2 == 0 { *part } else { "…" });
            said.collect::<Vec<_>>().join("`")
        }
    };
    let mut plain = String::with_capacity(told.len());
    let mut chars = told.chars().peekable();
    let mut within_word = false;
    while let Some(c) = chars.next() {
        if c.is_ascii_digit() && !within_word {
            plain.push('…');
            while chars.next_if(|next| next.is_ascii_alphanumeric() || matches!(next, '.' | '+' | '-' | ':')).is_some()
            {
            }
            continue;
        }
        within_word = c.is_alphanumeric() || c == '_';
        plain.push(c);
    }
    plain
}

fn names_a_missing_table(message: &str) -> bool {
    message.contains("not found") && message.starts_with("table")
        || message.starts_with("failed to resolve schema")
        || message.starts_with("failed to resolve catalog")
}

#[cfg(test)]
mod tests {
    use super::without_values;

    #[test]
    fn an_error_names_no_value() {
        for (said, told) in [
            (
                "Cast error: Cannot cast string 'r-17' to value of Int32 type",
                "Cast error: Cannot cast string '…' to value of Int32 type",
            ),
            (
                "Error parsing timestamp from 'O'Brien': timestamp must contain at least 10 characters",
                "Error parsing timestamp from '…': timestamp must contain at least … characters",
            ),
            (
                "Arithmetic overflow: Overflow happened on: 9223372036854775807 + 1",
                "Arithmetic overflow: Overflow happened on: … + …",
            ),
            ("from `mg/dL` to `mmol/L` needs a molar mass", "from `…` to `…` needs a molar mass"),
            ("from `m`g` to `mmol/L` needs a molar mass", "from `…` needs a molar mass"),
            ("Divide by zero error", "Divide by zero error"),
            ("Can't cast value 1e300 to type Int64", "Can't cast value … to type Int64"),
        ] {
            assert_eq!(without_values(said), told);
        }
    }
}
