//! `lab_duplicate`: the same test, recently done elsewhere, so that it need not be repeated.

use super::Asker;
use super::asking::{self, Asking, days_before};
use super::cells::{Cell, Made};
use super::history::History;
use super::lines::{Asked, Line, Question, since};
use clinical::lab::done_elsewhere;
use clinical::lab::{
    Asked as Order, Detection, Done, DuplicateTable, Item, Jlac10, Loinc, Resolved, Sites, TestIdentity,
};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::Expr;
use model::{FacilityId, Moment};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

const USAGE: &str = "lab_duplicate(analyte [, days])";
const DAY: i64 = 86_400_000_000;

static TABLE: LazyLock<DuplicateTable> = LazyLock::new(DuplicateTable::shipped);

/// The table function, over one statement's view.
#[derive(Debug)]
pub(super) struct LabDuplicate(pub(super) Asker);

impl TableFunctionImpl for LabDuplicate {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let asking = Asking::of("lab_duplicate", args.exprs())?;
        let Some(analyte) = asking.text(0).filter(|_| asking.len() <= 2) else { return Err(asking.wrong(USAGE)) };
        let tests = Tests::of(analyte)?;
        let days = asking.days(1)?;
        let Some(longest) = days.or_else(|| tests.days()) else {
            return Err(DataFusionError::Plan(
                "no test of this analyte is called needless by itself: say within how many days, as in \
                 lab_duplicate('glucose', 1) / この検査には既定の日数がありません。日数を指定してください"
                    .to_owned(),
            ));
        };
        let asker = self.0.clone();
        let moment = asker.moment;
        // Older ones say whether what is found is likely another patient's.
        let from = days_before(moment, longest.saturating_add(asker.sites.window_days()));
        let question = Arc::new(Needless { tests, days, from, here: asker.facility.clone(), now: moment });
        Ok(Arc::new(Asked { question, asker }))
    }
}

/// The tests somebody asks about.
enum Tests {
    /// Of these items, under any condition.
    Items(Vec<&'static Item>),
    /// What is no item here: of this JLAC10 analyte.
    Analyte(String),
    /// What is no item here: of this LOINC code.
    Loinc(TestIdentity),
}

impl Tests {
    fn of(text: &str) -> Result<Self> {
        let items = asking::items(text);
        let is_analyte = text.len() == 5 && text.chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
        if !items.is_empty() {
            Ok(Self::Items(items))
        } else if let Ok(code) = Jlac10::parse(text) {
            Ok(Self::Analyte(code.analyte().to_owned()))
        } else if is_analyte {
            Ok(Self::Analyte(text.to_owned()))
        } else if let Some(test) = Loinc::parse(text).ok().and_then(|code| TestIdentity::of(&Resolved::loinc(code))) {
            Ok(Self::Loinc(test))
        } else {
            Err(DataFusionError::Plan(
                "lab_duplicate knows no item, JLAC10 analyte or LOINC code of this name; the keys are in the column `item` \
                 of lab_results / 該当する検査項目がありません。lab_results の item 列の値を指定してください"
                    .to_owned(),
            ))
        }
    }

    /// The longest that one of them need not be repeated.
    fn days(&self) -> Option<u32> {
        let Self::Items(items) = self else { return None };
        let plain = |item: &&Item| TestIdentity::Item { item: item.key, condition: String::new() };
        items.iter().filter_map(|item| TABLE.days(&plain(item))).max()
    }

    fn hold(&self, test: &TestIdentity) -> bool {
        match (self, test) {
            (Self::Items(items), TestIdentity::Item { item, .. }) => items.iter().any(|one| one.key == *item),
            (Self::Analyte(analyte), TestIdentity::Jlac10 { analyte: of, .. }) => analyte == of,
            (Self::Loinc(asked), test) => asked == test,
            _ => false,
        }
    }
}

struct Needless {
    tests: Tests,
    days: Option<u32>,
    from: Moment,
    here: FacilityId,
    now: Moment,
}

impl fmt::Debug for Needless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Needless")
    }
}

/// A test that was done elsewhere.
pub(super) struct Found {
    line: Line,
    test: TestIdentity,
    age: i64,
    within: u32,
    repeat: Option<&'static str>,
}

const COLUMNS: &[Made<Found>] = &[
    Made::of(
        "my_patient_id",
        "the asking facility's own number for the person",
        "自施設の患者番号",
        Cell::Text(|found| Some(found.line.mine.as_str().into())),
    ),
    Made::of(
        "test",
        "what makes two results results of the same test",
        "同一検査の識別",
        Cell::Text(|found| Some(found.test.to_string().into())),
    ),
    Made::of("item", "item, where it is one", "検査項目", Cell::Text(|found| Some(found.line.item?.key.into()))),
    Made::of("item_ja", "its Japanese name", "検査項目名", Cell::Text(|found| Some(found.line.item?.ja.into()))),
    Made::of(
        "source",
        "facility where it was done",
        "実施施設",
        Cell::Text(|found| Some(found.line.source.as_str().into())),
    ),
    Made::of(
        "patient_id",
        "that facility's own patient number",
        "実施施設の患者番号",
        Cell::Text(|found| Some(found.line.patient.as_str().into())),
    ),
    Made::of(
        "record_id",
        "the record's id there",
        "記録ID",
        Cell::Text(|found| Some(found.line.record.as_str().into())),
    ),
    Made::of("occurred", "when the specimen was taken", "検体採取日時", Cell::Time(|found| Some(found.line.occurred))),
    Made::of(
        "status",
        "`preliminary`, `final` or `corrected`",
        "結果状態",
        Cell::Text(|found| Some(found.line.status.code().into())),
    ),
    Made::of(
        "value_number",
        "the exact value in `value_unit`",
        "数値（標準単位）",
        Cell::Float(|found| f64::try_from(found.line.measured?.value).ok()),
    ),
    Made::of(
        "value_unit",
        "the item's unit (UCUM)",
        "標準単位",
        Cell::Text(|found| Some(found.line.measured?.item.unit.into())),
    ),
    Made::of(
        "value_text",
        "the value as the source wrote it",
        "値（原文）",
        Cell::Text(|found| Some(found.line.value.as_str()).filter(|text| !text.is_empty()).map(Cow::from)),
    ),
    Made::of(
        "unit",
        "unit as the source wrote it",
        "単位（原文）",
        Cell::Text(|found| Some(found.line.unit.as_str()).filter(|text| !text.is_empty()).map(Cow::from)),
    ),
    Made::of("days_ago", "whole days since then", "経過日数", Cell::Long(|found| Some(found.age / DAY))),
    Made::of(
        "within_days",
        "the days within which the test need not be repeated",
        "再検不要の日数",
        Cell::Long(|found| Some(i64::from(found.within))),
    ),
    Made::of(
        "repeat_advised",
        "whether to repeat it all the same",
        "再検を勧めるか",
        Cell::Flag(|found| Some(found.repeat.is_some())),
    ),
    Made::of(
        "repeat_because",
        "why: `critical-low`, `critical-high`, `implausible`, `critical-cannot-be-said` or `likely-mix-up`",
        "再検を勧める理由",
        Cell::Text(|found| found.repeat.map(Cow::from)),
    ),
];

/// Why a result should be repeated all the same.
fn repeat(line: &Line, likely_mix_up: impl FnOnce() -> bool) -> Option<&'static str> {
    match line.critical {
        Some(Detection::Low) => return Some("critical-low"),
        Some(Detection::High) => return Some("critical-high"),
        Some(Detection::No | Detection::CannotBeSaid) | None => {}
    }
    if line.implausible {
        return Some("implausible");
    }
    if line.critical == Some(Detection::CannotBeSaid) {
        return Some("critical-cannot-be-said");
    }
    likely_mix_up().then_some("likely-mix-up")
}

impl Question for Needless {
    type Row = Found;
    const NAME: &'static str = "LabDuplicate";

    fn columns() -> &'static [Made<Found>] {
        COLUMNS
    }

    fn filters(&self) -> Vec<Expr> {
        vec![since(self.from)]
    }

    fn takes(&self, line: &Line) -> bool {
        let known = !line.mine.is_empty() && line.occurred >= self.from && line.occurred <= self.now;
        known && (line.measured.is_some() || line.test.as_ref().is_some_and(|test| self.tests.hold(test)))
    }

    fn answer(&self, lines: Vec<Line>, sites: &Sites) -> Vec<Found> {
        let asked = |line: &&Line| line.test.as_ref().is_some_and(|test| self.tests.hold(test));
        let mut candidates: Vec<&Line> =
            lines.iter().filter(asked).filter(|line| line.source != self.here.as_str()).collect();
        candidates.sort_by(|a, b| (a.occurred, &a.source, &a.record).cmp(&(b.occurred, &b.source, &b.record)));
        if candidates.is_empty() {
            return Vec::new();
        }
        let history = History::of(&lines);
        let reasons: Vec<_> = candidates
            .iter()
            .map(|line| repeat(line, || history.mix_up(line, sites).is_some_and(|mix_up| mix_up.is_likely)))
            .collect();
        let done = |line: &&Line, repeat_advised| {
            Some(Done {
                id: format!("{}/{}", line.source, line.record),
                test: line.test.clone()?,
                at: line.occurred,
                facility: line.source.clone(),
                status: line.status,
                has_value: line.has_value,
                repeat_advised,
            })
        };
        let dones: Vec<Done> =
            candidates.iter().zip(&reasons).filter_map(|(line, reason)| done(line, reason.is_some())).collect();
        // What is found only so is shown with the reason to repeat it.
        let whatever: Vec<Done> = dones.iter().map(|done| Done { repeat_advised: false, ..done.clone() }).collect();
        let tests: BTreeSet<&TestIdentity> = dones.iter().map(|done| &done.test).collect();
        let found = tests.into_iter().filter_map(|test| {
            let order = Order { test, here: self.here.as_str(), at: self.now };
            let last = |done: &[Done]| {
                let found = done_elsewhere(&order, done, self.days, &TABLE)?;
                done.iter().position(|one| std::ptr::eq(one, found))
            };
            let at = last(&dones).or_else(|| last(&whatever))?;
            let (line, repeat) = (candidates.get(at)?, reasons.get(at)?);
            let within = self.days.or_else(|| TABLE.days(test))?;
            let age = self.now.since(line.occurred);
            Some(Found { line: Line::clone(line), test: test.clone(), age, within, repeat: *repeat })
        });
        found.collect()
    }
}

/// The answer's columns, documented.
pub(super) fn columns() -> impl Iterator<Item = &'static views::table::Column> {
    COLUMNS.iter().map(|made| &made.column)
}
