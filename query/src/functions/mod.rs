//! The SQL functions of a session, and bounds on the functions that make much out of little.

mod diabetes;
mod lab;
mod series;

pub(crate) use diabetes::of_diabetes;
pub(crate) use lab::{laboratory, suggest_item};
pub(crate) use series::aggregates;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::common::cast::as_int64_array;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

// === Fact ===

/// A function without arguments that says one thing about the statement it stands in, the same throughout it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Fact {
    name: &'static str,
    value: FactValue,
    signature: Signature,
}

/// What a fact says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum FactValue {
    Text(String),
    Number(i64),
}

impl Fact {
    fn function(name: &'static str, value: FactValue) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::from(Self { name, value, signature: Signature::nullary(Volatility::Stable) }))
    }
}

impl ScalarUDFImpl for Fact {
    fn name(&self) -> &str {
        self.name
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.value {
            FactValue::Text(_) => DataType::Utf8,
            FactValue::Number(_) => DataType::Int64,
        })
    }
    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(match &self.value {
            FactValue::Text(text) => ScalarValue::Utf8(Some(text.clone())),
            FactValue::Number(number) => ScalarValue::Int64(Some(*number)),
        }))
    }
}

/// What a statement says about itself in SQL.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) facility: String,
    pub(crate) purpose: String,
    pub(crate) role: String,
    pub(crate) member: String,
    pub(crate) frontier: String,
    pub(crate) age_ms: i64,
}

impl Facts {
    /// `ajisai_facility()`, `ajisai_purpose()`, `ajisai_role()`, `ajisai_member()`, `ajisai_frontier()`,
    /// `ajisai_age_ms()`, and `session_user` for clients that ask.
    pub(crate) fn functions(self) -> Vec<Arc<ScalarUDF>> {
        let user = if self.member.is_empty() { self.facility.clone() } else { self.member.clone() };
        vec![
            Fact::function("ajisai_facility", FactValue::Text(self.facility)),
            Fact::function("ajisai_purpose", FactValue::Text(self.purpose)),
            Fact::function("ajisai_role", FactValue::Text(self.role)),
            Fact::function("ajisai_member", FactValue::Text(self.member)),
            Fact::function("ajisai_frontier", FactValue::Text(self.frontier)),
            Fact::function("ajisai_age_ms", FactValue::Number(self.age_ms)),
            Fact::function("session_user", FactValue::Text(user)),
        ]
    }
}

// === Bounded ===

/// How a function makes much out of little: which argument says how often, and whether the first argument is what is
/// made so often (otherwise it makes that many single elements).
struct Growing {
    name: &'static str,
    times: usize,
    copies_first: bool,
}

/// What such functions make is not counted against a statement's memory before it exists, so it is bounded here.
const GROWING: &[Growing] = &[
    Growing { name: "repeat", times: 1, copies_first: true },
    Growing { name: "lpad", times: 1, copies_first: false },
    Growing { name: "rpad", times: 1, copies_first: false },
    Growing { name: "array_repeat", times: 1, copies_first: true },
    Growing { name: "array_resize", times: 1, copies_first: false },
];

/// Scalar functions that are not offered: the table functions of the same names make their rows one by one.
pub(crate) const NOT_OFFERED: &[&str] = &["generate_series", "range"];

/// How many bytes such a function may make at one call.
const LARGEST: usize = 64 * 1024 * 1024;
/// What an element is taken to need where it is not measured.
const ELEMENT: usize = 8;

#[derive(Debug)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    times: usize,
    copies_first: bool,
}

impl PartialEq for Bounded {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}
impl Eq for Bounded {}
impl Hash for Bounded {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

/// The functions of `state` that make much out of little, each behind a bound.
pub(crate) fn bounded(state: &SessionState) -> Vec<Arc<ScalarUDF>> {
    let mut bounded = Vec::new();
    for Growing { name, times, copies_first } in GROWING {
        if let Some(inner) = state.scalar_functions().get(*name) {
            let inner = Arc::clone(inner);
            bounded.push(Arc::new(ScalarUDF::from(Bounded { inner, times: *times, copies_first: *copies_first })));
        }
    }
    bounded
}

impl Bounded {
    /// At most how many bytes the call makes.
    fn estimate(&self, args: &ScalarFunctionArgs) -> Option<usize> {
        let times = match args.args.get(self.times)? {
            ColumnarValue::Scalar(scalar) => whole_number(scalar)?,
            ColumnarValue::Array(array) => {
                let numbers = datafusion::arrow::compute::cast(array, &DataType::Int64).ok()?;
                datafusion::arrow::compute::max(as_int64_array(&numbers).ok()?)?
            }
        };
        let times = usize::try_from(times).ok()?;
        let all_constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if all_constant { 1 } else { args.number_rows };
        let once = match args.args.first()? {
            ColumnarValue::Array(array) if self.copies_first => array.get_array_memory_size(),
            ColumnarValue::Scalar(scalar) if self.copies_first => scalar.size().saturating_mul(rows),
            _ => ELEMENT.saturating_mul(rows),
        };
        Some(once.saturating_mul(times))
    }
}

fn whole_number(scalar: &ScalarValue) -> Option<i64> {
    match scalar.cast_to(&DataType::Int64).ok()? {
        ScalarValue::Int64(number) => number,
        _ => None,
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }
    fn signature(&self) -> &Signature {
        self.inner.signature()
    }
    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }
    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }
    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.inner().coerce_types(arg_types)
    }
    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if self.estimate(&args).is_some_and(|bytes| bytes > LARGEST) {
            return Err(DataFusionError::ResourcesExhausted(format!("{} makes too much", self.inner.name())));
        }
        self.inner.invoke_with_args(args)
    }
}
