//! What a query's filters let a scan leave unread.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use std::collections::BTreeSet;

/// What rows a query can use at most. Absent means any.
#[derive(Clone, Debug)]
pub(crate) struct Pruning {
    pub(crate) sources: Option<BTreeSet<String>>,
    pub(crate) patients: Option<BTreeSet<String>>,
    pub(crate) own_patients: Option<BTreeSet<String>>,
    /// First and last `occurred` of use, in microseconds.
    pub(crate) occurred: (i64, i64),
}

impl Pruning {
    /// From filters that all hold. What is not understood prunes nothing.
    pub(crate) fn of(filters: &[Expr]) -> Self {
        let mut pruning = Self { sources: None, patients: None, own_patients: None, occurred: (i64::MIN, i64::MAX) };
        filters.iter().for_each(|filter| pruning.narrow(filter));
        pruning
    }

    fn narrow(&mut self, filter: &Expr) {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                self.narrow(left);
                self.narrow(right);
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (left.as_ref(), right.as_ref()) {
                (Expr::Column(column), Expr::Literal(value, _)) => self.compare(&column.name, *op, value),
                (Expr::Literal(value, _), Expr::Column(column)) => {
                    if let Some(op) = op.swap() {
                        self.compare(&column.name, op, value);
                    }
                }
                _ => {}
            },
            Expr::InList(list) if !list.negated => {
                let Expr::Column(column) = list.expr.as_ref() else { return };
                let texts = list.list.iter().map(|item| match item {
                    Expr::Literal(value, _) => text(value),
                    _ => None,
                });
                if let Some(texts) = texts.collect::<Option<BTreeSet<String>>>() {
                    self.keep(&column.name, texts);
                }
            }
            _ => {}
        }
    }

    fn compare(&mut self, column: &str, op: Operator, value: &ScalarValue) {
        if column == "occurred" {
            let ScalarValue::TimestampMicrosecond(Some(micros), _) = value else { return };
            let (from, until) = &mut self.occurred;
            match op {
                Operator::Eq => (*from, *until) = ((*from).max(*micros), (*until).min(*micros)),
                Operator::Gt | Operator::GtEq => *from = (*from).max(*micros),
                Operator::Lt | Operator::LtEq => *until = (*until).min(*micros),
                _ => {}
            }
        } else if op == Operator::Eq
            && let Some(text) = text(value)
        {
            self.keep(column, BTreeSet::from([text]));
        }
    }

    fn keep(&mut self, column: &str, texts: BTreeSet<String>) {
        let kept = match column {
            "source" => &mut self.sources,
            "patient_id" => &mut self.patients,
            crate::table::MY_PATIENT_ID => &mut self.own_patients,
            _ => return,
        };
        *kept = Some(match kept.take() {
            Some(before) => before.intersection(&texts).cloned().collect(),
            None => texts,
        });
    }

    /// Whether rows of a source are of use.
    pub(crate) fn source(&self, source: &str) -> bool {
        self.sources.as_ref().is_none_or(|sources| sources.contains(source))
    }
    /// Numbers of the viewer's own patients that are of use; `None` for all. Of own rows both numbers are one.
    pub(crate) fn own(&self) -> Option<BTreeSet<&str>> {
        fn texts(set: Option<&BTreeSet<String>>) -> Option<BTreeSet<&str>> {
            set.map(|set| set.iter().map(String::as_str).collect())
        }
        match (texts(self.patients.as_ref()), texts(self.own_patients.as_ref())) {
            (Some(patients), Some(own)) => Some(patients.intersection(&own).copied().collect()),
            (one, other) => one.or(other),
        }
    }
}

fn text(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text) => text.clone(),
        _ => None,
    }
}
