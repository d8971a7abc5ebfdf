//! Continuous glucose monitoring: `cgm_periods()`, `cgm_metrics()`, `cgm_agp()`, `cgm_picture([language])`.
//!
//! A sensor's readings are records of the table `laboratory` with the code of glucose in interstitial fluid.

use super::Diabetes;
use super::made::OfPersons;
use crate::lab::cells::{Cell, Made};
use crate::lab::read::{floats, number, text, texts, times};
use clinical::diabetes::cgm::{
    AGP_BIN_MINUTES, Agp, AgpBin, CGM_METRICS, EpisodeKind, EpisodeRule, Language, MetricRow, Trace, Wear, agp_svg,
    episodes, is_sensor, periods, sensor_value,
};
use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::TableType;
use futures::StreamExt;
use futures::future::BoxFuture;
use model::{Category, CodeSystem, Moment, PatientNumber};
use std::collections::BTreeMap;
use std::sync::Arc;
use views::table::Column;

/// The columns of `laboratory` a sensor's reading is read from, in its order.
const READ: [&str; 8] =
    ["source", "my_patient_id", "occurred", "code_system", "code", "value_number", "comparator", "unit"];
/// What a reading is taken to hold.
const READING: usize = 32;

/// One period of wear of one person's sensor.
pub(super) struct Period {
    number: String,
    source: String,
    /// Its place among the person's periods of that source, from 1.
    place: usize,
    trace: Trace,
    wear: Wear,
}

impl Period {
    fn metric(&self, key: &str) -> Option<f64> {
        clinical::diabetes::cgm::metric(key).and_then(|row| (row.of)(&self.trace))
    }
    fn episodes(&self, kind: EpisodeKind) -> Option<i64> {
        let rule = EpisodeRule::CONSENSUS.iter().find(|rule| rule.kind == kind)?;
        i64::try_from(episodes(&self.trace, rule).len()).ok()
    }
}

/// What is made of a period.
pub(super) trait OfPeriod: Send + Sync + 'static {
    /// A row.
    type Row: Send + 'static;
    /// How the plan names it.
    const NAME: &'static str;
    /// The columns.
    fn columns() -> &'static [Made<Self::Row>];
    /// A period's rows.
    fn rows(&self, period: Arc<Period>, into: &mut Vec<Self::Row>);
}

// === Periods ===

pub(super) struct Periods;

const PERIODS: &[Made<Arc<Period>>] = &[
    Made::of(
        "my_patient_id",
        "the viewing facility's own number of the person",
        "自施設の患者番号",
        Cell::Text(|row| Some(row.number.as_str().into())),
    ),
    Made::of(
        "source",
        "the facility the readings come from",
        "開示施設",
        Cell::Text(|row| Some(row.source.as_str().into())),
    ),
    Made::of(
        "period",
        "which of the person's periods there, from 1: a day without a reading ends one",
        "装着期間の番号",
        Cell::Long(|row| i64::try_from(row.place).ok()),
    ),
    Made::of("from_at", "the first reading", "開始", Cell::Time(|row| Some(row.trace.span().0))),
    Made::of("until_at", "the last reading", "終了", Cell::Time(|row| Some(row.trace.span().1))),
    Made::of(
        "minutes",
        "how often the device reads: 5 or 15",
        "測定間隔（分）",
        Cell::Long(|row| Some(row.trace.interval().minutes())),
    ),
    Made::of(
        "readings",
        "how many readings",
        "測定数",
        Cell::Long(|row| i64::try_from(row.trace.readings().len()).ok()),
    ),
    Made::of(
        "days",
        "days from the first reading to one interval after the last",
        "日数",
        Cell::Float(|row| Some(row.wear.days)),
    ),
    Made::of(
        "wear",
        "share of the readings expected that are there, %",
        "装着率（%）",
        Cell::Float(|row| Some(row.wear.percent)),
    ),
    Made::of(
        "sufficient",
        "whether it may be judged: 14 days and 70 %",
        "評価に足りるか",
        Cell::Flag(|row| Some(row.wear.sufficient)),
    ),
    Made::of("mean", "mean glucose, mg/dL", "平均グルコース", Cell::Float(|row| row.metric("mean"))),
    Made::of("gmi", "glucose management indicator, %", "GMI", Cell::Float(|row| row.metric("gmi"))),
    Made::of("cv", "coefficient of variation, %", "変動係数", Cell::Float(|row| row.metric("cv"))),
    Made::of("tir", "70 to 180 mg/dL, %", "目標範囲内（%）", Cell::Float(|row| row.metric("tir-70-180"))),
    Made::of("tbr", "below 70 mg/dL, %", "70未満（%）", Cell::Float(|row| row.metric("tbr-70"))),
    Made::of("tbr_54", "below 54 mg/dL, %", "54未満（%）", Cell::Float(|row| row.metric("tbr-54"))),
    Made::of("tar", "above 180 mg/dL, %", "180超（%）", Cell::Float(|row| row.metric("tar-180"))),
    Made::of("tar_250", "above 250 mg/dL, %", "250超（%）", Cell::Float(|row| row.metric("tar-250"))),
    Made::of(
        "low_episodes",
        "episodes below 70 mg/dL",
        "低血糖の回数",
        Cell::Long(|row| row.episodes(EpisodeKind::Low)),
    ),
    Made::of(
        "very_low_episodes",
        "episodes below 54 mg/dL",
        "54未満の回数",
        Cell::Long(|row| row.episodes(EpisodeKind::VeryLow)),
    ),
    Made::of(
        "high_episodes",
        "episodes above 180 mg/dL",
        "高血糖の回数",
        Cell::Long(|row| row.episodes(EpisodeKind::High)),
    ),
];

impl OfPeriod for Periods {
    type Row = Arc<Period>;
    const NAME: &'static str = "CgmPeriods";
    fn columns() -> &'static [Made<Arc<Period>>] {
        PERIODS
    }
    fn rows(&self, period: Arc<Period>, into: &mut Vec<Arc<Period>>) {
        into.push(period);
    }
}

// === Metrics ===

pub(super) struct Metrics;

type Metric = (Arc<Period>, &'static MetricRow);

const METRICS: &[Made<Metric>] = &[
    Made::of(
        "my_patient_id",
        "the viewing facility's own number of the person",
        "自施設の患者番号",
        Cell::Text(|row| Some(row.0.number.as_str().into())),
    ),
    Made::of(
        "source",
        "the facility the readings come from",
        "開示施設",
        Cell::Text(|row| Some(row.0.source.as_str().into())),
    ),
    Made::of(
        "period",
        "which period, as in cgm_periods",
        "装着期間の番号",
        Cell::Long(|row| i64::try_from(row.0.place).ok()),
    ),
    Made::of("metric", "one of the measures of docs/diabetes.md", "指標", Cell::Text(|row| Some(row.1.key.into()))),
    Made::of("value", "NULL where there is too little for it", "値", Cell::Float(|row| (row.1.of)(&row.0.trace))),
    Made::of(
        "unit",
        "its unit",
        "単位",
        Cell::Text(|row| Some(row.1.unit).filter(|unit| !unit.is_empty()).map(Into::into)),
    ),
    Made::of(
        "defined_by",
        "where its definition comes from",
        "定義の出典",
        Cell::Text(|row| Some(row.1.source.text.into())),
    ),
    Made::of(
        "sufficient",
        "whether the period may be judged",
        "評価に足りるか",
        Cell::Flag(|row| Some(row.0.wear.sufficient)),
    ),
];

impl OfPeriod for Metrics {
    type Row = Metric;
    const NAME: &'static str = "CgmMetrics";
    fn columns() -> &'static [Made<Metric>] {
        METRICS
    }
    fn rows(&self, period: Arc<Period>, into: &mut Vec<Metric>) {
        into.extend(CGM_METRICS.iter().map(|metric| (Arc::clone(&period), metric)));
    }
}

// === Profile ===

pub(super) struct Profile;

type Bin = (Arc<Period>, AgpBin);

const BINS: &[Made<Bin>] = &[
    Made::of(
        "my_patient_id",
        "the viewing facility's own number of the person",
        "自施設の患者番号",
        Cell::Text(|row| Some(row.0.number.as_str().into())),
    ),
    Made::of(
        "source",
        "the facility the readings come from",
        "開示施設",
        Cell::Text(|row| Some(row.0.source.as_str().into())),
    ),
    Made::of(
        "period",
        "which period, as in cgm_periods",
        "装着期間の番号",
        Cell::Long(|row| i64::try_from(row.0.place).ok()),
    ),
    Made::of(
        "minute",
        "minutes from midnight in Japan to where the half hour begins",
        "時刻（0時からの分）",
        Cell::Long(|row| Some(i64::from(row.1.minute) - i64::from(AGP_BIN_MINUTES) / 2)),
    ),
    Made::of(
        "readings",
        "readings of that half hour of all days",
        "測定数",
        Cell::Long(|row| i64::try_from(row.1.count).ok()),
    ),
    Made::of("p5", "5th percentile, mg/dL", "5パーセンタイル", Cell::Float(|row| row.1.values.first().copied())),
    Made::of("p25", "25th percentile", "25パーセンタイル", Cell::Float(|row| row.1.values.get(1).copied())),
    Made::of("p50", "median", "中央値", Cell::Float(|row| row.1.values.get(2).copied())),
    Made::of("p75", "75th percentile", "75パーセンタイル", Cell::Float(|row| row.1.values.get(3).copied())),
    Made::of("p95", "95th percentile", "95パーセンタイル", Cell::Float(|row| row.1.values.get(4).copied())),
];

impl OfPeriod for Profile {
    type Row = Bin;
    const NAME: &'static str = "CgmAgp";
    fn columns() -> &'static [Made<Bin>] {
        BINS
    }
    fn rows(&self, period: Arc<Period>, into: &mut Vec<Bin>) {
        into.extend(Agp::of(&period.trace).bins.into_iter().map(|bin| (Arc::clone(&period), bin)));
    }
}

// === Picture ===

/// A picture of each period, or of what of it lies between two moments.
pub(super) struct Picture {
    pub(super) language: Language,
    pub(super) within: Option<(Moment, Moment)>,
}

type Drawn = (Arc<Period>, String);

const DRAWN: &[Made<Drawn>] = &[
    Made::of(
        "my_patient_id",
        "the viewing facility's own number of the person",
        "自施設の患者番号",
        Cell::Text(|row| Some(row.0.number.as_str().into())),
    ),
    Made::of(
        "source",
        "the facility the readings come from",
        "開示施設",
        Cell::Text(|row| Some(row.0.source.as_str().into())),
    ),
    Made::of(
        "period",
        "which period, as in cgm_periods",
        "装着期間の番号",
        Cell::Long(|row| i64::try_from(row.0.place).ok()),
    ),
    Made::of("from_at", "the first reading", "開始", Cell::Time(|row| Some(row.0.trace.span().0))),
    Made::of(
        "svg",
        "the ambulatory glucose profile as a picture: numbers and fixed texts, nothing of the patient",
        "AGPの図（SVG）",
        Cell::Text(|row| Some(row.1.as_str().into())),
    ),
];

impl OfPeriod for Picture {
    type Row = Drawn;
    const NAME: &'static str = "CgmPicture";
    fn columns() -> &'static [Made<Drawn>] {
        DRAWN
    }
    fn rows(&self, period: Arc<Period>, into: &mut Vec<Drawn>) {
        let svg = match self.within {
            None => agp_svg(&period.trace, &period.wear, self.language),
            Some((from, until)) => {
                let Some(part) = period.trace.between(from, until) else { return };
                agp_svg(&part, &part.wear(from, until), self.language)
            }
        };
        into.push((period, svg));
    }
}

/// The columns of the table functions, documented.
pub(super) fn columns() -> Vec<(&'static str, Vec<&'static Column>)> {
    fn of<T>(made: &'static [Made<T>]) -> Vec<&'static Column> {
        made.iter().map(|made| &made.column).collect()
    }
    vec![("cgm_periods", of(PERIODS)), ("cgm_metrics", of(METRICS)), ("cgm_agp", of(BINS)), ("cgm_picture", of(DRAWN))]
}

// === Table ===

/// What is made of the periods of one view's persons.
pub(super) struct Worn<P> {
    pub(super) of: P,
    pub(super) diabetes: Diabetes,
}

impl<P: OfPeriod> OfPersons for Worn<P> {
    type Person = Vec<Arc<Period>>;
    type Row = P::Row;
    const NAME: &'static str = P::NAME;
    const TYPE: TableType = TableType::Temporary;

    fn columns() -> &'static [Made<P::Row>] {
        P::columns()
    }
    fn everybody(&self) -> Vec<PatientNumber> {
        self.diabetes.persons.numbers_of(Category::Laboratory)
    }
    fn read<'a>(
        &'a self,
        whose: &'a [PatientNumber],
        context: Arc<TaskContext>,
    ) -> BoxFuture<'a, Result<(Vec<Self::Person>, MemoryReservation)>> {
        Box::pin(read(&self.diabetes, whose, context))
    }
    fn rows(&self, of: &Self::Person, into: &mut Vec<P::Row>) {
        of.iter().for_each(|period| self.of.rows(Arc::clone(period), into));
    }
}

type Readings = BTreeMap<(String, String), Vec<(Moment, f64)>>;

async fn read(
    diabetes: &Diabetes,
    whose: &[PatientNumber],
    context: Arc<TaskContext>,
) -> Result<(Vec<Vec<Arc<Period>>>, MemoryReservation)> {
    let memory = MemoryConsumer::new("sensor readings").register(context.memory_pool());
    let mut readings = Readings::new();
    let rows = diabetes.persons.rows(Category::Laboratory, &READ, whose, context).await?;
    if let Some(mut rows) = rows {
        while let Some(batch) = rows.next().await {
            memory.try_grow(READING * add(&mut readings, &batch?, diabetes.moment)?)?;
        }
    }
    let persons = readings.into_iter().map(|((number, source), readings)| {
        let worn = periods(readings).into_iter().zip(1..);
        let period = |(trace, place): (Trace, usize)| {
            let (from, last) = trace.span();
            let wear = trace.wear(from, last.plus_micros(trace.interval().minutes() * 60_000_000));
            Arc::new(Period { number: number.clone(), source: source.clone(), place, trace, wear })
        };
        worn.map(period).collect()
    });
    Ok((persons.collect(), memory))
}

/// Takes in the sensor's readings of a batch up to a moment; how many they are.
fn add(readings: &mut Readings, batch: &RecordBatch, now: Moment) -> Result<usize> {
    let (sources, mine, occurred) =
        (texts(batch, "source")?, texts(batch, "my_patient_id")?, times(batch, "occurred")?);
    let (systems, codes) = (texts(batch, "code_system")?, texts(batch, "code")?);
    let (values, comparators, units) =
        (floats(batch, "value_number")?, texts(batch, "comparator")?, texts(batch, "unit")?);
    let mut added = 0;
    for row in 0..batch.num_rows() {
        if !is_sensor(&CodeSystem::from_text(text(systems, row)), text(codes, row)) || mine.is_null(row) {
            continue;
        }
        // A mark for low or high (`<40`) is no reading.
        let exact = text(comparators, row).is_empty();
        let value = number(values, row).filter(|_| exact).and_then(|value| sensor_value(value, text(units, row)));
        let at = Moment::from_micros(occurred.value(row)).ok().filter(|at| *at <= now);
        if let (Some(at), Some(value)) = (at, value) {
            readings.entry((text(mine, row).to_owned(), text(sources, row).to_owned())).or_default().push((at, value));
            added += 1;
        }
    }
    Ok(added)
}
