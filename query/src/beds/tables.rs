//! The tables `beds`, `ctg_windows` and `ctg_events`: what is monitored, and what the analysis says of it.
//!
//! They are made of the table `waveform` of the statement's own view and have no other way to a sample: isolation and the tally
//! hold without being asked again. What a window is called is `clinical::perinatal`'s to say.

use super::analysed::{Analysed, CtgExec, Of};
use super::rules::Rules;
use super::told::{EventTold, WindowTold, read_by};
use crate::lab::cells::{Cell, Made, field};
use crate::perinatal::Perinatal;
use async_trait::async_trait;
use clinical::perinatal::PerinatalTables;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, TableProviderFilterPushDown, TableType, col, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use model::Category;
use std::fmt;
use std::sync::{Arc, LazyLock};
use views::table::{Column, columns, view_schema};

/// What is monitored.
pub(crate) const BEDS: &str = "beds";
/// What is seen in each ten minutes of a fetus.
pub(crate) const CTG_WINDOWS: &str = "ctg_windows";
/// Accelerations, decelerations and contractions.
pub(crate) const CTG_EVENTS: &str = "ctg_events";

/// The columns of `beds`, which are those of `waveform`'s rows of beds.
const OF_BED: [&str; 10] =
    ["source", "patient_id", "my_patient_id", "session", "bed", "opened", "closed", "closing", "fetuses", "devices"];
/// The columns that say whose it is; filters on them are handed down.
const WHOSE: [&str; 4] = ["source", "patient_id", "my_patient_id", "session"];
/// The columns of `waveform` that an analysis is made of.
const READ: [&str; 22] = [
    "source",
    "patient_id",
    "my_patient_id",
    "record_id",
    "version",
    "occurred",
    "kind",
    "session",
    "opened",
    "closed",
    "device",
    "hertz",
    "sequence",
    "fhr1",
    "fhr1_quality",
    "fhr2",
    "fhr2_quality",
    "fhr3",
    "fhr3_quality",
    "uc",
    "uc_quality",
    "mhr",
];

/// A window with whose it is.
pub(super) type WindowRow = Analysed<WindowTold>;
/// An event likewise.
pub(super) type EventRow = Analysed<EventTold>;

macro_rules! whose {
    ($row:ty) => {
        [
            Made::of(
                "source",
                "facility that made the records",
                "開示施設",
                Cell::Text(|row: &$row| Some(row.whose.source.as_str().into())),
            ),
            Made::of(
                "patient_id",
                "the source's own patient number",
                "開示施設の患者番号",
                Cell::Text(|row: &$row| Some(row.whose.patient.as_str().into())),
            ),
            Made::of(
                "my_patient_id",
                "the viewing facility's own number for the same person",
                "自施設の患者番号",
                Cell::Text(|row: &$row| Some(row.whose.own.as_str()).filter(|own| !own.is_empty()).map(Into::into)),
            ),
            Made::of(
                "session",
                "monitoring session at the source",
                "モニタリング",
                Cell::Text(|row: &$row| Some(row.whose.session.as_str().into())),
            ),
        ]
    };
}

static WINDOW_WHOSE: [Made<WindowRow>; 4] = whose!(WindowRow);
static EVENT_WHOSE: [Made<EventRow>; 4] = whose!(EventRow);

static WINDOWS: [Made<WindowRow>; 26] = [
    Made::of("lead", "the trace: `fhr1`, `fhr2` or `fhr3`", "波形", Cell::Text(|row| Some(row.told.lead.into()))),
    Made::of("from_at", "when it begins, by the source's clock", "開始", Cell::Time(|row| Some(row.told.from))),
    Made::of("until_at", "the first moment after it", "終了", Cell::Time(|row| Some(row.told.until))),
    Made::of(
        "standing",
        "`final`, or `provisional`: it may still change",
        "確定・暫定",
        Cell::Text(|row| Some(row.told.standing.code.into())),
    ),
    Made::of(
        "measured",
        "the part of it that was measured, 0 to 1",
        "測定できた割合",
        Cell::Float(|row| Some(f64::from(row.told.measured))),
    ),
    Made::of(
        "suspect",
        "the part of it that may be the mother's pulse",
        "母体心拍の疑いの割合",
        Cell::Float(|row| Some(f64::from(row.told.suspect))),
    ),
    Made::of(
        "week",
        "the age of the pregnancy when the session began, by which accelerations are told (before 32 weeks 10 bpm for 10 s, else 15 for \
         15); `unknown` where no entry of the view dates it: read as from 32 weeks on",
        "読み取りに用いた妊娠週数",
        Cell::Text(|row| Some(read_by(&row.whose.at_bed).week_text().into())),
    ),
    Made::of(
        "little_reserve",
        "by what growth restriction or an abnormal placenta is known, of which one cell of the matrix asks: `small`, `uteroplacental`, \
         `placenta-praevia`, `abruption`; empty where neither is known",
        "予備能低下の根拠",
        Cell::Texts(|row| row.whose.at_bed.because.iter().map(|one| one.code().into()).collect()),
    ),
    Made::of(
        "not_assessable",
        "why nothing can be said of it; NULL where something can",
        "判定不能の理由",
        Cell::Text(|row| row.told.jsog.as_ref().err().map(|why| why.code.into())),
    ),
    Made::of(
        "jsog_level",
        "the JSOG's level, 1 to 5",
        "レベル分類",
        Cell::Long(|row| row.told.jsog.as_ref().ok().map(|level| i64::from(level.number))),
    ),
    Made::of(
        "jsog_unverified",
        "whether the matrix of levels is one that nobody has confirmed",
        "未確認の判定表か",
        Cell::Flag(|row| row.told.jsog.as_ref().ok().map(|level| level.unverified.is_some())),
    ),
    Made::of(
        "jsog_confirmed_by",
        "who has confirmed it, where somebody has: facility, document, person, day",
        "判定表の確認者",
        Cell::Text(|row| {
            let (facility, how) = row.told.jsog.as_ref().ok()?.confirmed.as_ref()?;
            Some(format!("{facility}: {how}").into())
        }),
    ),
    Made::of(
        "jsog_version",
        "the version of the matrix",
        "判定表の版",
        Cell::Text(|row| row.told.jsog.as_ref().ok().map(|level| level.version.as_str().into())),
    ),
    Made::of(
        "jsog_reasons",
        "the cells of the matrix that were met, the worst first: row, column",
        "判定の理由",
        Cell::Texts(|row| {
            let reasons = row.told.jsog.as_ref().map(|level| level.reasons.as_slice()).unwrap_or_default();
            reasons.iter().map(|one| format!("{}, {}", one.row.code, one.column.code).into()).collect()
        }),
    ),
    Made::of(
        "figo",
        "FIGO 2015, of final windows; from memory",
        "FIGO分類",
        Cell::Text(|row| row.told.figo.map(|word| word.code.into())),
    ),
    Made::of(
        "nichd",
        "NICHD 2008, likewise",
        "NICHD分類",
        Cell::Text(|row| row.told.nichd.map(|word| word.code.into())),
    ),
    Made::of("baseline", "baseline, beats per minute", "基線", Cell::Long(|row| row.told.baseline.map(i64::from))),
    Made::of(
        "variability",
        "amplitude of variability, beats per minute",
        "細変動（振幅）",
        Cell::Float(|row| row.told.variability.map(|(amplitude, _)| f64::from(amplitude))),
    ),
    Made::of(
        "variability_class",
        "`absent`, `decreased`, `moderate` or `increased`",
        "細変動",
        Cell::Text(|row| row.told.variability.map(|(_, class)| class.code.into())),
    ),
    Made::of(
        "stv16",
        "short-term variability, ms, epoch 3.75 s",
        "短期変動（3.75秒）",
        Cell::Float(|row| short_term(row, "stv16")),
    ),
    Made::of(
        "stv240",
        "short-term variability, ms, epoch 0.25 s; never compared with `stv16`",
        "短期変動（0.25秒）",
        Cell::Float(|row| short_term(row, "stv240")),
    ),
    Made::of(
        "sinusoidal",
        "whether the pattern is sinusoidal",
        "サイナソイダルパターン",
        Cell::Flag(|row| row.told.jsog.is_ok().then_some(row.told.sinusoidal)),
    ),
    Made::of(
        "contractions",
        "contractions that peak in it; NULL where they are not seen",
        "子宮収縮の数",
        Cell::Long(|row| row.told.contractions.and_then(|count| i64::try_from(count).ok())),
    ),
    Made::of(
        "tachysystole",
        "whether there are too many; NULL where they are not seen",
        "子宮頻収縮",
        Cell::Flag(|row| row.told.tachysystole),
    ),
    Made::of(
        "accelerations",
        "accelerations that touch it",
        "一過性頻脈の数",
        Cell::Long(|row| count(row, |code| code == "acceleration")),
    ),
    Made::of(
        "decelerations",
        "decelerations that touch it",
        "一過性徐脈の数",
        Cell::Long(|row| count(row, |code| code != "acceleration" && code != "contraction")),
    ),
];

static EVENTS: [Made<EventRow>; 9] = [
    Made::of("lead", "the trace; `uc` of a contraction", "波形", Cell::Text(|row| Some(row.told.lead.into()))),
    Made::of(
        "kind",
        "`acceleration`, `early`, `late`, `gradual-alone`, `variable`, `prolonged` or `contraction`",
        "種類",
        Cell::Text(|row| Some(row.told.kind.code.into())),
    ),
    Made::of(
        "severity",
        "`mild` or `severe`, of decelerations",
        "程度",
        Cell::Text(|row| row.told.severity.map(|word| word.code.into())),
    ),
    Made::of("from_at", "when it begins, by the source's clock", "開始", Cell::Time(|row| Some(row.told.from))),
    Made::of("extreme_at", "its nadir or peak", "極値の時刻", Cell::Time(|row| Some(row.told.extreme))),
    Made::of("until_at", "the first moment after it", "終了", Cell::Time(|row| Some(row.told.until))),
    Made::of(
        "value",
        "heart rate at the extreme; of a contraction the rise above the tone",
        "極値",
        Cell::Float(|row| Some(f64::from(row.told.value))),
    ),
    Made::of("whole", "whether its end was seen", "終わりまで見えたか", Cell::Flag(|row| Some(row.told.whole))),
    Made::of(
        "standing",
        "that of the window it was read in",
        "確定・暫定",
        Cell::Text(|row| Some(row.told.standing.code.into())),
    ),
];

fn short_term(row: &WindowRow, epoch: &str) -> Option<f64> {
    let found = row.told.short_term.iter().find(|(code, _)| *code == epoch);
    found.map(|(_, milliseconds)| f64::from(*milliseconds))
}

fn count(row: &WindowRow, is: impl Fn(&str) -> bool) -> Option<i64> {
    i64::try_from(row.told.events.iter().filter(|event| is(event.kind.code)).count()).ok()
}

// === Schemas ===

fn schema_of<T: 'static>(columns: impl Iterator<Item = &'static Made<T>>) -> SchemaRef {
    Arc::new(Schema::new(columns.map(Made::field).collect::<Vec<Field>>()))
}

/// The columns of `ctg_windows`.
pub(super) fn window_columns() -> impl Iterator<Item = &'static Made<WindowRow>> {
    WINDOW_WHOSE.iter().chain(&WINDOWS)
}

/// The columns of `ctg_events`.
pub(super) fn event_columns() -> impl Iterator<Item = &'static Made<EventRow>> {
    EVENT_WHOSE.iter().chain(&EVENTS)
}

fn bed_columns() -> impl Iterator<Item = &'static Column> {
    OF_BED.iter().filter_map(|name| columns(Category::Waveform).find(|column| column.name == *name))
}

/// Each table with its schema.
pub(crate) fn schemas() -> [(&'static str, SchemaRef); 3] {
    static SCHEMAS: LazyLock<[SchemaRef; 3]> = LazyLock::new(|| {
        let beds = Arc::new(Schema::new(bed_columns().map(field).collect::<Vec<Field>>()));
        [beds, schema_of(window_columns()), schema_of(event_columns())]
    });
    let [beds, windows, events] = SCHEMAS.clone();
    [(BEDS, beds), (CTG_WINDOWS, windows), (CTG_EVENTS, events)]
}

/// The tables' columns, for the documentation: it is made from here.
pub fn bed_table_columns() -> Vec<(&'static str, Vec<&'static Column>)> {
    vec![
        (BEDS, bed_columns().collect()),
        (CTG_WINDOWS, window_columns().map(|made| &made.column).collect()),
        (CTG_EVENTS, event_columns().map(|made| &made.column).collect()),
    ]
}

/// One of the tables, over a view's `waveform` and the pregnancies it shows; `None` where the name is none of them.
pub(crate) fn table(
    name: &str,
    (waveform, perinatal): (Arc<dyn TableProvider>, Option<Perinatal>),
    tables: &PerinatalTables,
) -> Option<Result<Arc<dyn TableProvider>>> {
    let of = |of| {
        let (rules, perinatal) = (Arc::new(Rules::of(tables)), perinatal.clone());
        Some(Ok(Arc::new(Ctg { waveform: waveform.clone(), of, rules, perinatal }) as Arc<dyn TableProvider>))
    };
    match name {
        BEDS => Some(beds(waveform)),
        CTG_WINDOWS => of(Of::Windows),
        CTG_EVENTS => of(Of::Events),
        _ => None,
    }
}

fn beds(waveform: Arc<dyn TableProvider>) -> Result<Arc<dyn TableProvider>> {
    let plan = LogicalPlanBuilder::scan("waveform", provider_as_source(waveform), None)?
        .filter(col("kind").eq(lit("bed")))?
        .project(OF_BED.map(col))?
        .build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

// === The table over an analysis ===

struct Ctg {
    waveform: Arc<dyn TableProvider>,
    of: Of,
    rules: Arc<Rules>,
    /// Whose weeks are known by it; `None` while a statement is planned.
    perinatal: Option<Perinatal>,
}

impl fmt::Debug for Ctg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ctg")
    }
}

/// Whether a filter speaks only of whose it is: what it leaves out changes nothing of another's windows.
fn is_of_whom(filter: &Expr) -> bool {
    let columns = filter.column_refs();
    !columns.is_empty() && columns.iter().all(|column| WHOSE.contains(&column.name.as_str()))
}

#[async_trait]
impl TableProvider for Ctg {
    fn schema(&self) -> SchemaRef {
        let [_, (_, windows), (_, events)] = schemas();
        match self.of {
            Of::Windows => windows,
            Of::Events => events,
        }
    }
    fn table_type(&self) -> TableType {
        TableType::Base
    }
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let of = |filter: &&Expr| match is_of_whom(filter) {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(of).collect())
    }
    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let places: Vec<usize> = view_schema(Category::Waveform)
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, field)| READ.contains(&field.name().as_str()) || field.name() == "mhr_quality")
            .map(|(at, _)| at)
            .collect();
        let handed: Vec<Expr> = filters.iter().filter(|filter| is_of_whom(filter)).cloned().collect();
        let rows = self.waveform.scan(state, Some(&places), &handed, None).await?;
        let whole = self.schema();
        let projection = projection.cloned().unwrap_or_else(|| (0..whole.fields().len()).collect());
        let schema = Arc::new(whole.project(&projection)?);
        let rows: Arc<dyn ExecutionPlan> = Arc::new(CoalescePartitionsExec::new(rows));
        let of = (self.of, Arc::clone(&self.rules), self.perinatal.clone());
        Ok(Arc::new(CtgExec::new(rows, of, projection, schema)))
    }
}
