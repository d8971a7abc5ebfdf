//! The arguments of the table functions.

use clinical::lab::{ITEMS, Item};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::Expr;
use model::Moment;

/// The most days that can be looked back.
const LONGEST: i64 = 36_525;
const DAY: i64 = 86_400_000_000;

/// The arguments of one call.
pub(crate) struct Asking<'a> {
    function: &'static str,
    values: Vec<&'a ScalarValue>,
}

impl<'a> Asking<'a> {
    /// Literals only: the table is made while the statement is planned.
    pub(crate) fn of(function: &'static str, exprs: &'a [Expr]) -> Result<Self> {
        let values = exprs.iter().map(|expr| match expr {
            Expr::Literal(value, _) => Ok(value),
            _ => Err(DataFusionError::Plan(format!(
                "{function} takes literals: no placeholder and no column / {function} の引数には定数だけを書けます"
            ))),
        });
        Ok(Self { function, values: values.collect::<Result<_>>()? })
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// A mistake in how it is called.
    pub(crate) fn wrong(&self, usage: &str) -> DataFusionError {
        DataFusionError::Plan(format!("call it as {usage} / 使い方: {usage}"))
    }

    /// The text at a place, if it is one and not empty.
    pub(crate) fn text(&self, at: usize) -> Option<&'a str> {
        match self.values.get(at)? {
            ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => {
                Some(text.as_str()).filter(|text| !text.is_empty())
            }
            _ => None,
        }
    }

    /// The whole number at a place, if it is one.
    pub(crate) fn whole(&self, at: usize) -> Option<i64> {
        match self.values.get(at)? {
            ScalarValue::Int64(number) => *number,
            ScalarValue::Int32(number) => number.map(i64::from),
            _ => None,
        }
    }

    /// The number of days at a place; `None` where nothing stands there.
    pub(crate) fn days(&self, at: usize) -> Result<Option<u32>> {
        let Some(value) = self.values.get(at) else { return Ok(None) };
        let days = match value {
            ScalarValue::Int64(Some(days)) => Some(*days),
            ScalarValue::Int32(Some(days)) => Some(i64::from(*days)),
            _ => None,
        };
        let days = days.filter(|days| (1..=LONGEST).contains(days)).and_then(|days| u32::try_from(days).ok());
        days.map(Some).ok_or_else(|| {
            let function = self.function;
            DataFusionError::Plan(format!(
                "the days of {function} are a whole number from 1 to {LONGEST} / {function} の日数は 1 から {LONGEST} までの整数です"
            ))
        })
    }
}

/// The items that somebody names: by key, by a JLAC10 or LOINC code, by the five characters of a JLAC10 analyte, or by a
/// name.
pub(super) fn items(text: &str) -> Vec<&'static Item> {
    let text = text.trim();
    if let Some(item) = Item::find(text) {
        return vec![item];
    }
    let of_analyte = |item: &&Item| item.jlac10.iter().any(|pattern| pattern.analyte == text);
    let found: Vec<_> = ITEMS.iter().filter(of_analyte).collect();
    if !found.is_empty() {
        return found;
    }
    let lower = text.to_lowercase();
    ITEMS.iter().filter(|item| item.names().any(|name| name.to_lowercase() == lower)).collect()
}

/// The one item that somebody names.
pub(super) fn item(function: &str, text: &str) -> Result<&'static Item> {
    match items(text).as_slice() {
        [item] => Ok(item),
        [] => Err(DataFusionError::Plan(format!(
            "{function} knows no item of this name or code; the keys are in the column `item` of lab_results / \
             該当する検査項目がありません。lab_results の item 列の値を指定してください"
        ))),
        several => {
            let keys: Vec<&str> = several.iter().map(|item| item.key).collect();
            let keys = keys.join(", ");
            Err(DataFusionError::Plan(format!(
                "this may mean {keys}: write one of them / 候補が複数あります（{keys}）。一つを指定してください"
            )))
        }
    }
}

/// The moment so many days before another.
pub(super) fn days_before(moment: Moment, days: u32) -> Moment {
    moment.plus_micros(-i64::from(days) * DAY)
}
