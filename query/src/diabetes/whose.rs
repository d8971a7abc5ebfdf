//! Whom a statement asks about, as far as its filters say: then nobody else is read.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown};
use model::PatientNumber;
use std::collections::BTreeSet;

const WHOSE: &str = "my_patient_id";

/// Filters are judged above too; those that say whose rows are wanted spare reading.
pub(crate) fn pushdown(filters: &[&Expr]) -> Vec<TableProviderFilterPushDown> {
    let of = |filter: &&Expr| match named(filter) {
        Some(_) => TableProviderFilterPushDown::Inexact,
        None => TableProviderFilterPushDown::Unsupported,
    };
    filters.iter().map(of).collect()
}

/// The persons that filters, which all hold, leave; `None` where they leave everybody. What is no patient number is nobody's.
pub(crate) fn of(filters: &[Expr]) -> Option<Vec<PatientNumber>> {
    let mut sets = filters.iter().filter_map(named);
    let first = sets.next()?;
    let left = sets.fold(first, |left, set| left.intersection(&set).cloned().collect());
    Some(left.into_iter().filter_map(|number| PatientNumber::parse(&number).ok()).collect())
}

/// The numbers of a filter that says `my_patient_id` is one of some.
fn named(filter: &Expr) -> Option<BTreeSet<String>> {
    let is_whose = |expr: &Expr| matches!(expr, Expr::Column(column) if column.name == WHOSE);
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => match (left.as_ref(), right.as_ref()) {
            (column, Expr::Literal(value, _)) | (Expr::Literal(value, _), column) if is_whose(column) => {
                text(value).map(|text| BTreeSet::from([text]))
            }
            _ => None,
        },
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some(named(left)?.union(&named(right)?).cloned().collect())
        }
        Expr::InList(list) if !list.negated && is_whose(&list.expr) => {
            let texts = list.list.iter().map(|item| match item {
                Expr::Literal(value, _) => text(value),
                _ => None,
            });
            texts.collect()
        }
        _ => None,
    }
}

fn text(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text) => text.clone(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::logical_expr::{col, lit};

    fn left(filters: &[Expr]) -> Option<Vec<String>> {
        of(filters).map(|numbers| numbers.iter().map(|number| number.as_str().to_owned()).collect())
    }

    #[test]
    fn who_is_named_is_read_and_nobody_else() {
        let is = |number: &str| col(WHOSE).eq(lit(number));
        assert_eq!(left(&[is("1").or(is("2"))]).unwrap(), ["1", "2"]);
        assert_eq!(left(&[lit("1").eq(col(WHOSE))]).unwrap(), ["1"]);
        assert_eq!(left(&[col(WHOSE).in_list(vec![lit("1"), lit("2")], false), is("2")]).unwrap(), ["2"]);
        assert_eq!(left(&[is("1"), is("2")]).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_does_not_name_persons_leaves_everybody() {
        let other = col("hba1c").eq(lit(8.0));
        assert_eq!(left(std::slice::from_ref(&other)), None);
        assert_eq!(left(&[col(WHOSE).eq(lit("1")).or(other)]), None);
        assert_eq!(left(&[col(WHOSE).in_list(vec![lit("1")], true)]), None);
        assert_eq!(left(&[col(WHOSE).gt(lit("1"))]), None);
    }
}
