//! Prepared statements: kept for the principal who prepared them, and for nobody else.

use crate::QueryError;
use crate::session::Reading;
use arrow::datatypes::{DataType, Field};
use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use bytes::Bytes;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::logical_expr::LogicalPlan;
use futures::{Stream, StreamExt};
use model::Principal;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long a prepared statement is kept without use.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// How many sets of parameters one execution takes.
const SETS: usize = 10_000;

/// All prepared statements of this server.
#[derive(Debug)]
pub(super) struct Prepared {
    statements: Mutex<HashMap<Bytes, Kept>>,
    per_facility: usize,
}

#[derive(Debug)]
struct Kept {
    owner: Principal,
    reading: Reading,
    placeholders: usize,
    parameters: Vec<ParamValues>,
    used: Instant,
}

impl Prepared {
    pub(super) fn new(per_facility: usize) -> Self {
        Self { statements: Mutex::new(HashMap::new()), per_facility }
    }

    /// Keeps a statement; the handle is a random number that says nothing.
    ///
    /// # Errors
    /// When the facility holds too many.
    pub(super) fn keep(&self, owner: &Principal, reading: Reading, fields: Vec<Field>) -> Result<Bytes, QueryError> {
        let mut statements = self.statements.lock();
        let now = Instant::now();
        statements.retain(|_, kept| now.duration_since(kept.used) < IDLE);
        if statements.values().filter(|kept| kept.owner.facility == owner.facility).count() >= self.per_facility {
            return Err(QueryError::TooMany { limit: self.per_facility });
        }
        let handle = Bytes::copy_from_slice(Uuid::new_v4().as_bytes());
        let (owner, placeholders, parameters) = (owner.clone(), fields.len(), Vec::new());
        statements.insert(handle.clone(), Kept { owner, reading, placeholders, parameters, used: now });
        Ok(handle)
    }

    /// Sets the values of the next execution.
    ///
    /// # Errors
    /// When the caller has no such statement, or the number of values is another than that of the placeholders.
    pub(super) fn bind(&self, owner: &Principal, handle: &Bytes, sets: Vec<ParamValues>) -> Result<(), QueryError> {
        let mut statements = self.statements.lock();
        let kept = statements.get_mut(handle).filter(|kept| kept.owner == *owner).ok_or(QueryError::UnknownPrepared)?;
        for set in &sets {
            if let ParamValues::List(values) = set
                && values.len() != kept.placeholders
            {
                let (given, wanted) = (values.len(), kept.placeholders);
                let message = format!("the statement has {wanted} placeholders and was given {given} values");
                return Err(QueryError::Meaning { message });
            }
        }
        kept.parameters = sets;
        kept.used = Instant::now();
        Ok(())
    }

    /// The statement and its values.
    ///
    /// # Errors
    /// When the caller has no such statement.
    pub(super) fn take(&self, owner: &Principal, handle: &Bytes) -> Result<(Reading, Vec<ParamValues>), QueryError> {
        let mut statements = self.statements.lock();
        let kept = statements.get_mut(handle).filter(|kept| kept.owner == *owner).ok_or(QueryError::UnknownPrepared)?;
        kept.used = Instant::now();
        Ok((kept.reading.clone(), kept.parameters.clone()))
    }

    /// Forgets the statement, if it is the caller's.
    pub(super) fn close(&self, owner: &Principal, handle: &Bytes) {
        let mut statements = self.statements.lock();
        if statements.get(handle).is_some_and(|kept| kept.owner == *owner) {
            statements.remove(handle);
        }
    }
}

/// A plan's placeholders in order, as columns. One whose type the statement does not say is a text.
///
/// # Errors
/// When the placeholders are not `$1` to `$n`.
pub(super) fn placeholders(plan: &LogicalPlan) -> Result<Vec<Field>, QueryError> {
    let types = plan.get_parameter_types().map_err(|error| QueryError::from_datafusion(error, 0))?;
    let mut numbered = Vec::with_capacity(types.len());
    for (name, data_type) in types {
        let number: usize = name.trim_start_matches('$').parse().map_err(|_| QueryError::Meaning {
            message: format!("the placeholder `{name}` has no number; write `$1`, `$2` and so on"),
        })?;
        numbered.push((number, Field::new(name, data_type.unwrap_or(DataType::Utf8), true)));
    }
    numbered.sort_by_key(|(number, _)| *number);
    Ok(numbered.into_iter().map(|(_, field)| field).collect())
}

/// Reads sets of values: each row is one.
///
/// # Errors
/// When the stream cannot be read or is too long.
pub(super) async fn parameter_sets<S>(stream: S) -> Result<Vec<ParamValues>, tonic::Status>
where
    S: Stream<Item = Result<FlightData, FlightError>> + Send + 'static,
{
    let mut batches = FlightRecordBatchStream::new_from_flight_data(stream);
    let mut sets = Vec::new();
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(|error| match error {
            FlightError::Tonic(status) => *status,
            _ => tonic::Status::invalid_argument("the parameters are not Arrow data"),
        })?;
        if sets.len() + batch.num_rows() > SETS {
            return Err(tonic::Status::invalid_argument(format!("at most {SETS} sets of parameters at a time")));
        }
        for row in 0..batch.num_rows() {
            let values = batch.columns().iter().map(|column| ScalarValue::try_from_array(column, row));
            let values = values.collect::<Result<Vec<_>, _>>();
            let values = values.map_err(|error| QueryError::from_datafusion(error, 0))?;
            sets.push(ParamValues::from(values));
        }
    }
    Ok(sets)
}
