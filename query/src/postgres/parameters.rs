//! Placeholders of prepared statements: their types for the client, their values for the plan.

use super::refusal;
use crate::QueryError;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ParamValues;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion_postgres::arrow_pg::datatypes::df::deserialize_parameters_with_server_types;
use datafusion_postgres::arrow_pg::datatypes::{PG_OID_ALIAS_KEY, into_pg_type, pg_type_for_alias_kind};
use datafusion_postgres::pgwire::api::Type;
use datafusion_postgres::pgwire::api::portal::Portal;
use datafusion_postgres::pgwire::error::PgWireResult;
use std::collections::BTreeMap;

/// A placeholder's type in the engine, where the statement says it, and on the wire.
#[derive(Debug, Clone)]
pub(super) struct Placeholder {
    inside: Option<DataType>,
    wire: Type,
}

impl Placeholder {
    pub(super) fn wire(&self) -> &Type {
        &self.wire
    }
}

/// A plan's placeholders, `$1` first.
///
/// # Errors
/// When a placeholder has no number or a type that cannot be sent.
pub(super) fn placeholders(plan: &LogicalPlan) -> PgWireResult<Vec<Placeholder>> {
    let types = plan.get_parameter_types().map_err(|error| refusal(&QueryError::from_datafusion(error, 0)))?;
    let hints = hints(plan);
    let mut numbered = BTreeMap::new();
    for (name, inside) in types {
        let number: u32 = name.trim_start_matches('$').parse().map_err(|_| {
            refusal(&QueryError::Meaning { message: format!("the placeholder `{name}` has no number; write `$1`") })
        })?;
        let hint = hints.get(&name);
        let inside = inside.or_else(|| hint.and_then(|hint| hint.cast.clone()));
        let wire = match (hint.and_then(|hint| hint.alias.clone()), &inside) {
            (Some(alias), _) => alias,
            (None, Some(data_type)) => match into_pg_type(data_type)? {
                Type::UNKNOWN => Type::TEXT,
                known => known,
            },
            // Not said by the statement: a text fits everywhere a literal would.
            (None, None) => Type::TEXT,
        };
        numbered.insert(number, Placeholder { inside, wire });
    }
    Ok(numbered.into_values().collect())
}

/// The values bound to a portal.
///
/// # Errors
/// When a value cannot be read as its type.
pub(super) fn values<S: Clone>(portal: &Portal<S>, placeholders: &[Placeholder]) -> PgWireResult<ParamValues> {
    let inside = placeholders.iter().map(|placeholder| placeholder.inside.as_ref()).collect::<Vec<_>>();
    let wire = placeholders.iter().map(|placeholder| Some(&placeholder.wire)).collect::<Vec<_>>();
    deserialize_parameters_with_server_types(portal, &inside, &wire)
}

/// What a placeholder's surroundings say of it.
#[derive(Debug, Default)]
struct Hint {
    /// `$1::date`
    cast: Option<DataType>,
    /// Compared with a column of `pg_catalog` that holds an object id: clients must bind an unsigned number.
    alias: Option<Type>,
}

fn hints(plan: &LogicalPlan) -> BTreeMap<String, Hint> {
    let mut hints: BTreeMap<String, Hint> = BTreeMap::new();
    // The visits below return no error; a subtree that cannot be visited has no hints.
    let _ = plan.apply_with_subqueries(|node| {
        for expression in node.expressions() {
            let _ = expression.apply(|expression| {
                match expression {
                    Expr::Cast(cast) => {
                        if let Expr::Placeholder(placeholder) = cast.expr.as_ref() {
                            let hint = hints.entry(placeholder.id.clone()).or_default();
                            hint.cast = Some(cast.field.data_type().clone());
                        }
                    }
                    Expr::Placeholder(placeholder) => {
                        let field = placeholder.field.as_ref().filter(|field| *field.data_type() == DataType::Int32);
                        let kind = field.and_then(|field| field.metadata().get(PG_OID_ALIAS_KEY));
                        if let Some(alias) = kind.and_then(|kind| pg_type_for_alias_kind(kind)) {
                            hints.entry(placeholder.id.clone()).or_default().alias = Some(alias);
                        }
                    }
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            });
        }
        Ok(TreeNodeRecursion::Continue)
    });
    hints
}
