//! Aggregates over dated and glucose values: `slope`, `slope_error`, `slope_low`, `slope_high`, `time_in_range`, `time_below_range`,
//! `time_above_range`.

use super::diabetes::SECTION;
use clinical::diabetes::{Line, line};
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Signature, TypeSignature, Volatility,
};
use model::Moment;
use std::sync::{Arc, LazyLock};

/// The aggregates, the same in every session.
pub(crate) fn aggregates() -> Vec<AggregateUDF> {
    let slopes = SLOPES.iter().map(|of| AggregateUDF::from(Slope { of, signature: dated() }));
    let shares = SHARES.iter().map(|of| AggregateUDF::from(Share { of, signature: glucose() }));
    slopes.chain(shares).collect()
}

fn dated() -> Signature {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Signature::exact(vec![time, DataType::Float64], Volatility::Immutable)
}

fn glucose() -> Signature {
    let forms = [1, 3].map(|count| TypeSignature::Exact(vec![DataType::Float64; count]));
    Signature::one_of(forms.to_vec(), Volatility::Immutable)
}

macro_rules! named {
    ($of:ident) => {
        impl PartialEq for $of {
            fn eq(&self, other: &Self) -> bool {
                self.of.name == other.of.name
            }
        }
        impl Eq for $of {}
        impl std::hash::Hash for $of {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.of.name.hash(state);
            }
        }
    };
}

// === Slope ===

/// What is said of the line.
struct OfLine {
    name: &'static str,
    of: fn(&Line) -> f64,
    documentation: LazyLock<Documentation>,
}

static SLOPES: [OfLine; 4] = [
    OfLine {
        name: "slope",
        of: |line| line.per_year,
        documentation: LazyLock::new(|| {
            Documentation::builder(
                SECTION,
                "How much the least-squares line through dated values rises in a year of 365.25 days. NULL values and times are left \
                 out; NULL of fewer than three values and of values of one moment: then nothing can be said of its error either. / \
                 日時つきの値の1年あたりの変化（最小二乗直線の傾き）。3点未満は NULL です。",
                "slope(at, value)",
            )
            .with_argument("at", "when / 日時")
            .with_argument("value", "the value / 値")
            .with_sql_example("SELECT my_patient_id, slope(occurred, value_number) FROM lab_results WHERE item = 'egfr' GROUP BY 1")
            .with_related_udf("slope_error")
            .build()
        }),
    },
    OfLine {
        name: "slope_error",
        of: |line| line.standard_error,
        documentation: LazyLock::new(|| {
            Documentation::builder(
                SECTION,
                "The standard error of slope(at, value). / 傾きの標準誤差。",
                "slope_error(at, value)",
            )
            .with_related_udf("slope")
            .build()
        }),
    },
    OfLine {
        name: "slope_low",
        of: |line| line.interval.0,
        documentation: LazyLock::new(|| {
            Documentation::builder(
                SECTION,
                "From where the 95 % confidence interval of slope(at, value) reaches (Student's t). / 傾きの95%信頼区間の下限。",
                "slope_low(at, value)",
            )
            .with_related_udf("slope_high")
            .build()
        }),
    },
    OfLine {
        name: "slope_high",
        of: |line| line.interval.1,
        documentation: LazyLock::new(|| {
            Documentation::builder(
                SECTION,
                "To where the 95 % confidence interval of slope(at, value) reaches (Student's t). / 傾きの95%信頼区間の上限。",
                "slope_high(at, value)",
            )
            .with_related_udf("slope_low")
            .build()
        }),
    },
];

struct Slope {
    of: &'static OfLine,
    signature: Signature,
}
named!(Slope);

impl std::fmt::Debug for Slope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.of.name)
    }
}

impl AggregateUDFImpl for Slope {
    fn name(&self) -> &str {
        self.of.name
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }
    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.of.documentation)
    }
    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Points { of: self.of, points: Vec::new() }))
    }
    fn state_fields(&self, _: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let list = |name: &str, of: DataType| Arc::new(Field::new_list(name, Field::new_list_field(of, true), true));
        Ok(vec![list("times", DataType::Int64), list("values", DataType::Float64)])
    }
}

/// The points so far. A line is told of all of them together: sums alone would lose what later points need.
struct Points {
    of: &'static OfLine,
    points: Vec<(Moment, f64)>,
}

impl std::fmt::Debug for Points {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} points", self.of.name, self.points.len())
    }
}

impl Points {
    fn add(&mut self, micros: Option<i64>, value: Option<f64>) {
        let at = micros.and_then(|micros| Moment::from_micros(micros).ok());
        self.points.extend(at.zip(value.filter(|value| value.is_finite())));
    }
}

impl Accumulator for Points {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [times, values] = values else { return Err(arguments()) };
        let times = times.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(arguments)?;
        let values = values.as_primitive_opt::<Float64Type>().ok_or_else(arguments)?;
        times.iter().zip(values).for_each(|(at, value)| self.add(at, value));
        Ok(())
    }
    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(line(&self.points).as_ref().map(self.of.of)))
    }
    fn size(&self) -> usize {
        size_of_val(self) + self.points.capacity() * size_of::<(Moment, f64)>()
    }
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let times: Vec<_> = self.points.iter().map(|point| ScalarValue::Int64(Some(point.0.micros()))).collect();
        let values: Vec<_> = self.points.iter().map(|point| ScalarValue::Float64(Some(point.1))).collect();
        Ok(vec![
            ScalarValue::List(ScalarValue::new_list_nullable(&times, &DataType::Int64)),
            ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Float64)),
        ])
    }
    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [times, values] = states else { return Err(arguments()) };
        let (times, values) = (times.as_list::<i32>(), values.as_list::<i32>());
        for (times, values) in times.iter().zip(values.iter()) {
            let (Some(times), Some(values)) = (times, values) else { continue };
            let times = times.as_primitive_opt::<Int64Type>().ok_or_else(arguments)?;
            let values = values.as_primitive_opt::<Float64Type>().ok_or_else(arguments)?;
            times.iter().zip(values).for_each(|(at, value)| self.add(at, value));
        }
        Ok(())
    }
}

fn arguments() -> DataFusionError {
    DataFusionError::Internal("an aggregate was given other columns than it takes".to_owned())
}

// === Time in range ===

/// What counts as fitting.
struct OfRange {
    name: &'static str,
    fits: fn(f64, f64, f64) -> bool,
    documentation: LazyLock<Documentation>,
}

static SHARES: [OfRange; 3] = [
    OfRange {
        name: "time_in_range",
        fits: |value, low, high| (low..=high).contains(&value),
        documentation: LazyLock::new(|| {
            Documentation::builder(
                SECTION,
                "The share of a sensor's readings from 70 to 180 mg/dL, or from low to high, both included, in percent (2019 consensus). \
                 Readings that are NULL or outside 20 to 600 mg/dL are not counted: NULL where none is left. Whether the sensor was worn \
                 long enough it does not say: cgm_periods does. / \
                 センサーグルコース値が目標範囲にある割合（%）。NULL と範囲外（20～600 mg/dL 以外）は数えません。",
                "time_in_range(glucose [, low, high])",
            )
            .with_argument("glucose", "mg/dL / センサーグルコース値")
            .with_argument("low", "70 where it is not given / 下限")
            .with_argument("high", "180 where it is not given / 上限")
            .with_related_udf("gmi")
            .build()
        }),
    },
    OfRange {
        name: "time_below_range",
        fits: |value, low, _| value < low,
        documentation: LazyLock::new(|| {
            Documentation::builder(
                SECTION,
                "The share below the range of time_in_range, in percent. / 目標範囲より低い割合（%）。",
                "time_below_range(glucose [, low, high])",
            )
            .with_related_udf("time_in_range")
            .build()
        }),
    },
    OfRange {
        name: "time_above_range",
        fits: |value, _, high| value > high,
        documentation: LazyLock::new(|| {
            Documentation::builder(
                SECTION,
                "The share above the range of time_in_range, in percent. / 目標範囲より高い割合（%）。",
                "time_above_range(glucose [, low, high])",
            )
            .with_related_udf("time_in_range")
            .build()
        }),
    },
];

struct Share {
    of: &'static OfRange,
    signature: Signature,
}
named!(Share);

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.of.name)
    }
}

impl AggregateUDFImpl for Share {
    fn name(&self) -> &str {
        self.of.name
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }
    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.of.documentation)
    }
    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Counted { of: self.of, fitting: 0, all: 0 }))
    }
    fn state_fields(&self, _: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let count = |name: &str| Arc::new(Field::new(name, DataType::Int64, false));
        Ok(vec![count("fitting"), count("all")])
    }
}

struct Counted {
    of: &'static OfRange,
    fitting: i64,
    all: i64,
}

impl std::fmt::Debug for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} of {}", self.of.name, self.fitting, self.all)
    }
}

impl Accumulator for Counted {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let floats = |array: &ArrayRef| array.as_primitive_opt::<Float64Type>().cloned().ok_or_else(arguments);
        let (glucose, bounds) = match values {
            [glucose] => (floats(glucose)?, None),
            [glucose, low, high] => (floats(glucose)?, Some((floats(low)?, floats(high)?))),
            _ => return Err(arguments()),
        };
        for row in 0..glucose.len() {
            let (low, high) = match &bounds {
                None => (70.0, 180.0),
                Some((low, high)) if low.is_valid(row) && high.is_valid(row) => (low.value(row), high.value(row)),
                Some(_) => continue,
            };
            if glucose.is_valid(row) && (20.0..=600.0).contains(&glucose.value(row)) {
                self.all += 1;
                self.fitting += i64::from((self.of.fits)(glucose.value(row), low, high));
            }
        }
        Ok(())
    }
    #[expect(clippy::cast_precision_loss, reason = "fewer readings than a float counts exactly")]
    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64((self.all > 0).then(|| self.fitting as f64 * 100.0 / self.all as f64)))
    }
    fn size(&self) -> usize {
        size_of_val(self)
    }
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Int64(Some(self.fitting)), ScalarValue::Int64(Some(self.all))])
    }
    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [fitting, all] = states else { return Err(arguments()) };
        let sum = |array: &ArrayRef| {
            array.as_primitive_opt::<Int64Type>().map(|array| array.iter().flatten().sum::<i64>()).ok_or_else(arguments)
        };
        self.fitting += sum(fitting)?;
        self.all += sum(all)?;
        Ok(())
    }
}
