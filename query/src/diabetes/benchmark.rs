//! `diabetes_benchmark`: the figures that facilities publish of measures of care, for those who publish the same themselves.

use crate::lab::cells::{Cell, Made};
use clinical::diabetes::quality::{Figures, QualityMeasure};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::datasource::MemTable;
use model::{DefinitionName, FacilityId, Moment};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use views::table::Column;

/// The table's name.
pub(crate) const DIABETES_BENCHMARK: &str = "diabetes_benchmark";

/// Figures as they were published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The figures.
    pub figures: Figures,
    /// Persons that a number of the series speaks of at least.
    pub least: u32,
    /// When they were published.
    pub at: Moment,
}

type Series = BTreeMap<FacilityId, Vec<Published>>;

/// All published figures; nothing of who was counted. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Benchmark {
    of: BTreeMap<(DefinitionName, i16), Arc<Series>>,
}

impl Benchmark {
    /// Takes in what a facility published, after what it published before.
    pub fn add(&mut self, facility: &FacilityId, (measure, year): (&DefinitionName, i16), published: Published) {
        let series = self.of.entry((measure.clone(), year)).or_default();
        Arc::make_mut(series).entry(facility.clone()).or_default().push(published);
    }

    /// What a facility published of a measure and a year, first to last.
    pub fn of(&self, facility: &FacilityId, measure: &DefinitionName, year: i16) -> &[Published] {
        let series = self.of.get(&(measure.clone(), year)).and_then(|series| series.get(facility));
        series.map(Vec::as_slice).unwrap_or_default()
    }

    /// The table for a facility: every series beside which it has one of its own.
    pub(crate) fn table(&self, facility: &FacilityId) -> Result<Arc<dyn TableProvider>> {
        let mine = self.of.iter().filter(|(_, series)| series.contains_key(facility));
        let shown = mine.flat_map(|((measure, year), series)| {
            series.iter().flat_map(move |(of, all)| {
                all.iter().enumerate().map(move |(at, published)| Shown {
                    facility: of.clone(),
                    own: of == facility,
                    measure: measure.as_str().to_owned(),
                    year: *year,
                    published: *published,
                    latest: at + 1 == all.len(),
                })
            })
        });
        let rows: Vec<Shown> = shown.collect();
        let columns = SHOWN.iter().map(|made| made.array(&rows)).collect();
        let batch = RecordBatch::try_new(benchmark_schema(), columns)?;
        Ok(Arc::new(MemTable::try_new(benchmark_schema(), vec![vec![batch]])?))
    }
}

struct Shown {
    facility: FacilityId,
    own: bool,
    measure: String,
    year: i16,
    published: Published,
    latest: bool,
}

fn count(count: usize) -> Option<i64> {
    i64::try_from(count).ok()
}

const SHOWN: &[Made<Shown>] = &[
    Made::of("facility", "whose figures", "施設", Cell::Text(|row| Some(row.facility.as_str().into()))),
    Made::of("own", "the viewing facility's own", "自施設", Cell::Flag(|row| Some(row.own))),
    Made::of(
        "measure",
        "the measure's name with its version (docs/diabetes.md)",
        "指標",
        Cell::Text(|row| Some(row.measure.as_str().into())),
    ),
    Made::of(
        "measure_ja",
        "its Japanese name",
        "指標名",
        Cell::Text(|row| QualityMeasure::by_key(&row.measure).map(|one| one.ja.into())),
    ),
    Made::of(
        "measure_en",
        "its English name",
        "指標名（英語）",
        Cell::Text(|row| QualityMeasure::by_key(&row.measure).map(|one| one.en.into())),
    ),
    Made::of("year", "the calendar year", "年", Cell::Long(|row| Some(i64::from(row.year)))),
    Made::of(
        "of",
        "the day the figures are of, as `2026-11-23`",
        "集計日",
        Cell::Text(|row| Some(row.published.figures.of.to_string().into())),
    ),
    Made::of("published", "when they were published", "公表日時", Cell::Time(|row| Some(row.published.at))),
    Made::of("latest", "whether nothing was published after them", "最新", Cell::Flag(|row| Some(row.latest))),
    Made::of("denominator", "persons counted", "分母", Cell::Long(|row| count(row.published.figures.denominator))),
    Made::of(
        "numerator",
        "those in the numerator; NULL where they, or the others, are fewer than `least`",
        "分子",
        Cell::Long(|row| row.published.figures.numerator.and_then(count)),
    ),
    Made::of(
        "percent",
        "the numerator in percent of the denominator",
        "割合（%）",
        Cell::Float(|row| {
            let Figures { denominator, numerator, .. } = row.published.figures;
            numerator.map(|numerator| 100.0 * numerator as f64 / denominator as f64)
        }),
    ),
    Made::of(
        "least",
        "persons that a number of the series speaks of at least",
        "最小セル",
        Cell::Long(|row| Some(i64::from(row.published.least))),
    ),
];

/// The table's schema.
pub(crate) fn benchmark_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> =
        LazyLock::new(|| Arc::new(Schema::new(SHOWN.iter().map(Made::field).collect::<Vec<Field>>())));
    Arc::clone(&SCHEMA)
}

/// The columns, documented.
pub(super) fn shown() -> impl Iterator<Item = &'static Column> {
    SHOWN.iter().map(|made| &made.column)
}
