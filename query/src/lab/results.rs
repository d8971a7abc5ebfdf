//! The table `lab_results`: the rows of `laboratory`, each read whole.

use super::cells::{Cell, Made};
use super::exec::{Out, ReadExec};
use super::{people, read};
use async_trait::async_trait;
use clinical::lab::{
    Agreement, Comparator, Detection, Doubt, Interval, LabRow, Missing, Reference, ResolvedBy, ResultValue, Sites,
    TestIdentity, to_loinc,
};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use model::Category;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, LazyLock};
use views::table::{Column, columns, view_schema};

/// The table's name.
pub(crate) const LAB_RESULTS: &str = "lab_results";

/// A row read whole, and what of it a column says again.
pub(super) struct Read {
    pub(super) row: LabRow,
    /// Why the source says there is no value.
    pub(super) absent: String,
    /// The flag as the source set it.
    pub(super) flag: String,
}

/// The columns of `laboratory` that pass through as they are, beside those every table begins with.
const PASSED: [&str; 8] = ["code_system", "code", "name", "specimen", "status", "order_id", "unit", "note"];
/// The columns a filter on which is handed down: patients, so that their demographics are pruned alike.
const WHOSE: [&str; 3] = ["source", "patient_id", "my_patient_id"];

const MADE: &[Made<Read>] = &[
    Made::of(
        "item",
        "item (docs/laboratory.md), where the code means one",
        "検査項目",
        Cell::Text(|read| Some(read.row.item()?.key.into())),
    ),
    Made::of("item_ja", "its Japanese name", "検査項目名", Cell::Text(|read| Some(read.row.item()?.ja.into()))),
    Made::of("item_en", "its English name", "検査項目名（英語）", Cell::Text(|read| Some(read.row.item()?.en.into()))),
    Made::of(
        "test",
        "what makes two results results of the same test",
        "同一検査の識別",
        Cell::Text(|read| Some(TestIdentity::of(read.row.resolved.as_ref()?)?.to_string().into())),
    ),
    Made::of(
        "code_read",
        "how the code was read: `itself`, `map` (the source's own map), `nothing` (its map says that it has no shared meaning), \
         `unmapped` or `bad-code`",
        "コードの読み方",
        Cell::Text(|read| Some(code_read(&read.row).into())),
    ),
    Made::of(
        "map_version",
        "the version of the source's map it was read by",
        "対応表の版",
        Cell::Long(|read| match read.row.resolved.as_ref()?.by {
            ResolvedBy::Map { version } => i64::try_from(version).ok(),
            ResolvedBy::Itself => None,
        }),
    ),
    Made::of("loinc", "LOINC code, where it is known", "LOINCコード", Cell::Text(|read| loinc(&read.row))),
    Made::of(
        "value_kind",
        "`number`, `range`, `grade`, `titre`, `fraction`, `missing` or `text`",
        "値の種類",
        Cell::Text(|read| Some(read.row.value.value.kind().into())),
    ),
    Made::of(
        "value_number",
        "the number in `value_unit`; NULL where it could not be brought to it",
        "数値（標準単位）",
        Cell::Float(|read| match read.row.normalised.as_ref()?.value {
            ResultValue::Number { value, .. } => f64::try_from(value).ok(),
            _ => None,
        }),
    ),
    Made::of(
        "comparator",
        "`<`, `<=`, `>` or `>=`; NULL when exact",
        "比較符号",
        Cell::Text(|read| comparator(&read.row)),
    ),
    Made::of(
        "range_low",
        "lower end of a range, in `value_unit`",
        "範囲値の下端",
        Cell::Float(|read| range(&read.row).map(|(low, _)| low)),
    ),
    Made::of(
        "range_high",
        "upper end of a range, in `value_unit`",
        "範囲値の上端",
        Cell::Float(|read| range(&read.row).map(|(_, high)| high)),
    ),
    Made::of(
        "rank",
        "rank of a grade: 1 negative, 2 borderline, 3 to 7 for 1+ to 5+",
        "定性値の順位",
        Cell::Long(|read| Some(i64::from(read.row.value.grade()?.1.rank()))),
    ),
    Made::of(
        "titre",
        "dilution of a titre, as its reciprocal",
        "抗体価（希釈倍率）",
        Cell::Float(|read| match read.row.value.value {
            ResultValue::Titre { dilution, .. } => f64::try_from(dilution).ok(),
            _ => None,
        }),
    ),
    Made::of("missing", "why there is no value (FHIR data-absent-reason)", "値がない理由", Cell::Text(missing)),
    Made::of(
        "value_text",
        "the value as the source wrote it",
        "値（原文）",
        Cell::Text(|read| Some(read.row.value.original()).filter(|text| !text.is_empty()).map(Cow::from)),
    ),
    Made::of(
        "unit_ucum",
        "`unit` as UCUM, where it could be read",
        "単位（UCUM）",
        Cell::Text(|read| Some(read.row.unit.as_ref()?.unit.code().into())),
    ),
    Made::of(
        "unit_read",
        "how the unit was read: `ucum`, `spelling`, `facility` or `supplied`",
        "単位の読み方",
        Cell::Text(|read| Some(read.row.unit.as_ref()?.how.code().into())),
    ),
    Made::of(
        "value_unit",
        "the item's unit (UCUM)",
        "標準単位",
        Cell::Text(|read| Some(read.row.normalised.as_ref()?.unit.into())),
    ),
    Made::of(
        "converted_by",
        "what the conversion to it rests on",
        "換算の根拠",
        Cell::Text(|read| Some(read.row.normalised.as_ref()?.by.code().into())),
    ),
    Made::of(
        "exact",
        "whether the conversion is exact",
        "換算が正確か",
        Cell::Flag(|read| Some(read.row.normalised.as_ref()?.exact)),
    ),
    Made::of(
        "not_converted",
        "why the value was not brought to the item's unit",
        "換算しない理由",
        Cell::Text(|read| {
            read.row.doubts.iter().find_map(|doubt| match doubt {
                Doubt::NotConverted(error) => Some(error.to_string().into()),
                _ => None,
            })
        }),
    ),
    Made::of(
        "reference_low",
        "lower bound of the interval that holds: in the source's unit where it came with the result, else in the item's",
        "適用した基準値下限",
        Cell::Float(|read| interval(&read.row)?.low.and_then(|(low, _)| f64::try_from(low).ok())),
    ),
    Made::of(
        "reference_high",
        "its upper bound",
        "適用した基準値上限",
        Cell::Float(|read| interval(&read.row)?.high.and_then(|(high, _)| f64::try_from(high).ok())),
    ),
    Made::of(
        "reference_from",
        "where the interval comes from: `result`, `laboratory` or `jccls`",
        "基準値の出所",
        Cell::Text(|read| Some(read.row.reference.as_ref()?.from.code().into())),
    ),
    Made::of(
        "flag_reported",
        "flag as the source set it",
        "判定（報告値）",
        Cell::Text(|read| Some(read.flag.as_str()).filter(|flag| !flag.is_empty()).map(Cow::from)),
    ),
    Made::of(
        "flag_computed",
        "flag computed here: `LL`, `L`, `N`, `H`, `HH` or `A`; NULL where it cannot be said",
        "判定（再計算）",
        Cell::Text(|read| Some(read.row.flag?.code().into())),
    ),
    Made::of(
        "agreement",
        "how the two flags agree: `agrees`, `differs` or `cannot-be-said`",
        "判定の一致",
        Cell::Text(|read| Some(Agreement::code(read.row.agreement).into())),
    ),
    Made::of(
        "critical",
        "`low`, `high`, `no` or `cannot-be-said` (a person looks at it); NULL for what has no limits",
        "パニック値",
        Cell::Text(|read| Some(detection(read.row.critical?).into())),
    ),
    Made::of(
        "doubts",
        "what is doubtful (docs/laboratory.md)",
        "疑義",
        Cell::Texts(|read| read.row.doubts.iter().map(|doubt| doubt.code().into()).collect()),
    ),
];

/// The columns of [`MADE`] that ask for the patient's sex and age.
const OF_PATIENT: [&str; 5] = ["reference_low", "reference_high", "reference_from", "flag_computed", "agreement"];

/// How a code was read; the map's word that it has no shared meaning is a reading.
fn code_read(row: &LabRow) -> &'static str {
    match &row.resolved {
        Some(resolved) if resolved.by == ResolvedBy::Itself => "itself",
        Some(resolved) if resolved.jlac10.is_none() && resolved.loinc.is_none() => "nothing",
        Some(_) => "map",
        None if row.doubts.contains(&Doubt::BadCode) => "bad-code",
        None => "unmapped",
    }
}

fn loinc(row: &LabRow) -> Option<Cow<'_, str>> {
    let resolved = row.resolved.as_ref()?;
    if let Some(code) = &resolved.loinc {
        return Some(code.as_str().into());
    }
    let unit = row.unit.as_ref().map(|read| &read.unit);
    Some(to_loinc(resolved.jlac10.as_ref()?, unit).ok()?.code.as_str().to_owned().into())
}

fn comparator(row: &LabRow) -> Option<Cow<'_, str>> {
    let comparator = match row.value.value {
        ResultValue::Number { comparator, .. }
        | ResultValue::Grade { comparator, .. }
        | ResultValue::Titre { comparator, .. } => comparator,
        _ => return None,
    };
    (comparator != Comparator::Equal).then(|| comparator.code().into())
}

fn range(row: &LabRow) -> Option<(f64, f64)> {
    match row.normalised.as_ref()?.value {
        ResultValue::Range { low, high, .. } => Some((f64::try_from(low).ok()?, f64::try_from(high).ok()?)),
        _ => None,
    }
}

fn missing(read: &Read) -> Option<Cow<'_, str>> {
    match (&read.row.value.value, read.absent.as_str()) {
        (ResultValue::Missing(missing), "") => Some(Missing::code(*missing).into()),
        (ResultValue::Missing(_), said) => Some(said.into()),
        _ => None,
    }
}

/// The one interval that holds; of two (the sex is not known) none is said.
fn interval(row: &LabRow) -> Option<Interval> {
    match row.reference.as_ref()?.references.as_slice() {
        [Reference::Numbers(interval)] => Some(*interval),
        _ => None,
    }
}

/// A short name for a column.
const fn detection(detection: Detection) -> &'static str {
    match detection {
        Detection::Low => "low",
        Detection::High => "high",
        Detection::No => "no",
        Detection::CannotBeSaid => "cannot-be-said",
    }
}

/// A column of the table: passed through, or made.
enum Source {
    Passed,
    Made(usize),
}

/// The columns in order, and where each comes from.
fn all() -> impl Iterator<Item = (&'static Column, Source)> {
    let common = columns(Category::Laboratory).take_while(|column| column.name != "code_system");
    let named = |name: &str| columns(Category::Laboratory).find(|column| column.name == name);
    let passed = PASSED.iter().filter_map(move |name| named(name));
    let made = MADE.iter().enumerate().map(|(at, made)| (&made.column, Source::Made(at)));
    common.chain(passed).map(|column| (column, Source::Passed)).chain(made)
}

/// The table's schema.
pub(crate) fn lab_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let fields: Vec<Field> = all().map(|(column, _)| super::cells::field(column)).collect();
        Arc::new(Schema::new(fields))
    });
    Arc::clone(&SCHEMA)
}

/// The table's own columns, after those every table begins with.
pub(super) fn own_columns() -> impl Iterator<Item = &'static Column> {
    all().map(|(column, _)| column).skip_while(|column| column.name != "code_system")
}

/// The table over one view's `laboratory` and `patient`.
pub(crate) struct LabResults {
    laboratory: Arc<dyn TableProvider>,
    patient: Arc<dyn TableProvider>,
    sites: Arc<Sites>,
}

impl LabResults {
    pub(crate) fn over(laboratory: Arc<dyn TableProvider>, patient: Arc<dyn TableProvider>, sites: Arc<Sites>) -> Self {
        Self { laboratory, patient, sites }
    }
}

impl fmt::Debug for LabResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LabResults")
    }
}

/// Whether a filter speaks only of these columns.
fn speaks_of(filter: &Expr, may: impl Fn(&str) -> bool) -> bool {
    let columns = filter.column_refs();
    !columns.is_empty() && columns.iter().all(|column| may(&column.name))
}

fn is_passed(name: &str) -> bool {
    all().any(|(column, source)| column.name == name && matches!(source, Source::Passed))
}

/// The places of these columns in the table of a category, in its order.
fn places(category: Category, wanted: &BTreeSet<&str>) -> Vec<usize> {
    let schema = view_schema(category);
    let fields = schema.fields().iter().enumerate();
    fields.filter(|(_, field)| wanted.contains(field.name().as_str())).map(|(at, _)| at).collect()
}

#[async_trait]
impl TableProvider for LabResults {
    fn schema(&self) -> SchemaRef {
        lab_schema()
    }
    fn table_type(&self) -> TableType {
        TableType::Base
    }
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let of = |filter: &&Expr| match speaks_of(filter, is_passed) {
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
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(projection) => Arc::new(lab_schema().project(projection)?),
            None => lab_schema(),
        };
        let mut wanted: BTreeSet<&str> = BTreeSet::new();
        let mut outs = Vec::with_capacity(schema.fields().len());
        let (mut reads, mut asks_patient) = (false, false);
        for (column, source) in
            schema.fields().iter().filter_map(|field| all().find(|(column, _)| column.name == field.name()))
        {
            match source {
                Source::Passed => {
                    wanted.insert(column.name);
                    outs.push(Out::Passed(column.name));
                }
                Source::Made(at) => {
                    reads = true;
                    asks_patient |= OF_PATIENT.contains(&column.name);
                    if let Some(made) = MADE.get(at) {
                        outs.push(Out::Made(made));
                    }
                }
            }
        }
        if reads {
            wanted.extend(read::READ);
            wanted.insert("value_absent");
        }
        if asks_patient {
            wanted.extend(["source", "patient_id", "occurred"]);
        }
        let rows = self
            .laboratory
            .scan(state, Some(&places(Category::Laboratory, &wanted)), &handed_down(filters, is_passed), limit)
            .await?;
        let patients = if asks_patient {
            let columns = places(Category::Patient, &people::READ.into_iter().collect());
            let filters = handed_down(filters, |name| WHOSE.contains(&name));
            Some(self.patient.scan(state, Some(&columns), &filters, None).await?)
        } else {
            None
        };
        Ok(Arc::new(ReadExec::new(rows, patients, Arc::clone(&self.sites), outs.into(), schema)))
    }
}

/// The filters that speak only of such columns: what is below filters for reading less, what is above filters again.
fn handed_down(filters: &[Expr], may: impl Fn(&str) -> bool) -> Vec<Expr> {
    filters.iter().filter(|filter| speaks_of(filter, &may)).cloned().collect()
}
