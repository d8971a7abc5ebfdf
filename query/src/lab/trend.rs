//! `lab_trend`: one person's values of one item, wherever they were measured.

use super::Asker;
use super::asking::{self, Asking, days_before};
use super::cells::{Cell, Made};
use super::history::History;
use super::lines::{Asked, Line, Question, is};
use clinical::lab::{Delta, Item, Measured, MixUp, Rule, RuleKind, Sites, Trend, trend};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::Expr;
use model::{LabStatus, Moment};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

const USAGE: &str = "lab_trend(my_patient_id, item [, days]) or lab_trend(source, patient_id, item [, days])";

/// The table function, over one statement's view.
#[derive(Debug)]
pub(super) struct LabTrend(pub(super) Asker);

impl TableFunctionImpl for LabTrend {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let asking = Asking::of("lab_trend", args.exprs())?;
        // A third text can only be the item: days are a number.
        let named_by_source = asking.text(2).is_some();
        let (who, item, days) = match (asking.text(0), asking.text(1), asking.text(2)) {
            (Some(source), Some(number), Some(item)) if named_by_source => {
                (Who::Of { source: source.to_owned(), number: number.to_owned() }, item, 3)
            }
            (Some(mine), Some(item), None) => (Who::Mine(mine.to_owned()), item, 2),
            _ => return Err(asking.wrong(USAGE)),
        };
        if asking.len() > days + 1 {
            return Err(asking.wrong(USAGE));
        }
        let item = asking::item("lab_trend", item)?;
        let since = asking.days(days)?.map(|days| days_before(self.0.moment, days));
        let question = Arc::new(Course { who, item, since });
        Ok(Arc::new(Asked { question, asker: self.0.clone() }))
    }
}

enum Who {
    /// By the asking facility's own number, over all sources it is linked to.
    Mine(String),
    /// By one source's number, there alone.
    Of { source: String, number: String },
}

struct Course {
    who: Who,
    item: &'static Item,
    since: Option<Moment>,
}

impl fmt::Debug for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Course")
    }
}

pub(super) struct Point {
    line: Line,
    item: &'static Item,
    before: Option<Measured>,
    delta: Option<Delta>,
    mix_up: Option<MixUp>,
    trend: Option<Trend>,
}

impl Point {
    fn change(&self) -> Option<f64> {
        let (now, before) = (self.line.measured?, self.before?);
        f64::try_from(now.value.checked_sub(before.value)?).ok()
    }

    fn percent(&self) -> Option<f64> {
        let before = f64::try_from(self.before?.value).ok().filter(|before| *before != 0.0)?;
        Some(self.change()? / before.abs() * 100.0)
    }
}

const DAY: f64 = 86_400_000_000.0;

const COLUMNS: &[Made<Point>] = &[
    Made::of(
        "source",
        "facility that made the result",
        "開示施設",
        Cell::Text(|one| Some(one.line.source.as_str().into())),
    ),
    Made::of(
        "patient_id",
        "the source's own patient number",
        "開示施設の患者番号",
        Cell::Text(|one| Some(one.line.patient.as_str().into())),
    ),
    Made::of(
        "my_patient_id",
        "the asking facility's own number for the person",
        "自施設の患者番号",
        Cell::Text(|one| Some(one.line.mine.as_str()).filter(|mine| !mine.is_empty()).map(Cow::from)),
    ),
    Made::of(
        "record_id",
        "the record's id at its source",
        "記録ID",
        Cell::Text(|one| Some(one.line.record.as_str().into())),
    ),
    Made::of("occurred", "when the specimen was taken", "検体採取日時", Cell::Time(|one| Some(one.line.occurred))),
    Made::of(
        "status",
        "`preliminary`, `final` or `corrected`",
        "結果状態",
        Cell::Text(|one| Some(one.line.status.code().into())),
    ),
    Made::of("item", "the item", "検査項目", Cell::Text(|one| Some(one.item.key.into()))),
    Made::of(
        "value_number",
        "the exact and plausible value in `value_unit`; what has none is shown and not counted",
        "数値（標準単位）",
        Cell::Float(|one| f64::try_from(one.line.measured?.value).ok()),
    ),
    Made::of("value_unit", "the item's unit (UCUM)", "標準単位", Cell::Text(|one| Some(one.item.unit.into()))),
    Made::of(
        "value_text",
        "the value as the source wrote it",
        "値（原文）",
        Cell::Text(|one| Some(one.line.value.as_str()).filter(|text| !text.is_empty()).map(Cow::from)),
    ),
    Made::of(
        "unit",
        "unit as the source wrote it",
        "単位（原文）",
        Cell::Text(|one| Some(one.line.unit.as_str()).filter(|text| !text.is_empty()).map(Cow::from)),
    ),
    Made::of(
        "previous_value",
        "the last value before, wherever it was measured",
        "前回値",
        Cell::Float(|one| f64::try_from(one.before?.value).ok()),
    ),
    Made::of("previous_occurred", "when that was", "前回日時", Cell::Time(|one| Some(one.before?.at))),
    Made::of(
        "days_since",
        "days since then",
        "前回からの日数",
        Cell::Float(|one| Some(one.line.occurred.since(one.before?.at) as f64 / DAY)),
    ),
    Made::of("change", "change since then, in `value_unit`", "前回差", Cell::Float(Point::change)),
    Made::of("change_percent", "the same in percent of the value before", "前回差（%）", Cell::Float(Point::percent)),
    Made::of(
        "reference_change",
        "reference change value in percent, where it is known and the value before is recent enough to compare",
        "基準変化値（RCV、%）",
        Cell::Float(|one| one.delta.as_ref()?.reference_change),
    ),
    Made::of(
        "real_change",
        "whether biology and method do not explain the change, or a rule is broken; NULL where nothing recent can be compared",
        "有意な変化",
        Cell::Flag(|one| Some(one.delta.as_ref()?.is_real_change())),
    ),
    Made::of(
        "broken_rules",
        "the rules it breaks",
        "該当した規則",
        Cell::Texts(|one| one.delta.iter().flat_map(|delta| &delta.broken).map(|rule| named(rule).into()).collect()),
    ),
    Made::of(
        "likely_mix_up",
        "whether the specimen is likely another patient's; NULL where too little can be compared",
        "検体取り違えの疑い",
        Cell::Flag(|one| one.mix_up.filter(|mix_up| mix_up.enough).map(|mix_up| mix_up.is_likely)),
    ),
    Made::of(
        "slope_per_year",
        "rise of the line through the series in a year, in `value_unit`; of fewer than three values or a day NULL",
        "傾き（年あたり）",
        Cell::Float(|one| Some(one.trend?.per_year)),
    ),
    Made::of(
        "explained",
        "share of the spread the line explains, 0 to 1",
        "決定係数",
        Cell::Float(|one| Some(one.trend?.explained)),
    ),
    Made::of(
        "value_count",
        "how many values the line goes through",
        "値の数",
        Cell::Long(|one| i64::try_from(one.trend?.count).ok()),
    ),
];

fn named(rule: &Rule) -> String {
    let (limit, days) = (rule.limit, rule.within_days);
    match rule.kind {
        RuleKind::Absolute => format!("{limit} {} in {days} d", rule_unit(rule)),
        RuleKind::Percent => format!("{limit} % in {days} d"),
        RuleKind::PerDay => format!("{limit} {} per d", rule_unit(rule)),
    }
}

fn rule_unit(rule: &Rule) -> &'static str {
    Item::by_key(rule.item).map_or("", |item| item.unit)
}

impl Question for Course {
    type Row = Point;
    const NAME: &'static str = "LabTrend";

    fn columns() -> &'static [Made<Point>] {
        COLUMNS
    }

    fn filters(&self) -> Vec<Expr> {
        match &self.who {
            Who::Mine(number) => vec![is("my_patient_id", number)],
            Who::Of { source, number } => vec![is("source", source), is("patient_id", number)],
        }
    }

    fn takes(&self, line: &Line) -> bool {
        let theirs = match &self.who {
            Who::Mine(number) => line.mine == *number,
            Who::Of { source, number } => line.source == *source && line.patient == *number,
        };
        // Other items of a specimen say whose it is.
        theirs && (line.measured.is_some() || line.item == Some(self.item))
    }

    fn answer(&self, lines: Vec<Line>, sites: &Sites) -> Vec<Point> {
        let history = History::of(&lines);
        let in_series = |line: &&Line| {
            line.item == Some(self.item)
                && line.status != LabStatus::Cancelled
                && self.since.is_none_or(|since| line.occurred >= since)
        };
        let mut series: Vec<&Line> = lines.iter().filter(in_series).collect();
        series.sort_by(|a, b| in_order(a, b));
        let values: Vec<Measured> = series.iter().filter_map(|line| line.measured).collect();
        let trend = trend(&values);
        let point = |line: &&Line| Point {
            line: Line::clone(line),
            item: self.item,
            before: line.measured.and_then(|now| history.before(now)),
            delta: line.measured.and_then(|now| history.delta(now, sites.of_id(&line.source).delta())),
            mix_up: history.mix_up(line, sites),
            trend,
        };
        series.iter().map(point).collect()
    }
}

fn in_order(a: &Line, b: &Line) -> Ordering {
    (a.occurred, &a.source, &a.record).cmp(&(b.occurred, &b.source, &b.record))
}

/// The answer's columns, documented.
pub(super) fn columns() -> impl Iterator<Item = &'static views::table::Column> {
    COLUMNS.iter().map(|made| &made.column)
}
