//! How large a statement may be, judged before and after it is parsed.
//!
//! Parsing, planning and dropping a statement recurse as deep as its operators chain, and a planner copies a common
//! table expression as often as it is named. Neither asks the memory pool, and a stack that overflows ends the node.

use crate::QueryError;
use datafusion::sql::sqlparser::ast::{Query, Statement, Visit, Visitor, visit_relations};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// How many bytes of text. A list of a thousand patient numbers is a tenth of it.
const TEXT: usize = 256 * 1024;
/// How many operators and other words that chain.
const CHAINED: usize = 400;
/// How many tables, where each naming of a common table expression counts for all it names.
const TABLES: u64 = 256;

/// Refuses a text that could not be parsed, planned and dropped on the stack there is.
///
/// # Errors
/// When it is too long or chains too much.
pub(crate) fn check_text(sql: &str) -> Result<(), QueryError> {
    let refuse = |message: String| Err(QueryError::TooLarge { message });
    if sql.len() > TEXT {
        return refuse(format!("the statement is {} bytes long; at most {TEXT} are read", sql.len()));
    }
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize();
    let tokens = tokens.map_err(|error| QueryError::Syntax { message: error.to_string() })?;
    let chained = tokens.iter().filter(|token| chains(token)).count();
    if chained > CHAINED {
        return refuse(format!(
            "the statement chains {chained} operators; at most {CHAINED} are read: use `IN (…)` or bind values"
        ));
    }
    Ok(())
}

/// Whether what stands after the token takes what stands before it in.
fn chains(token: &Token) -> bool {
    match token {
        Token::Word(word) if word.value.eq_ignore_ascii_case("isnull") => true,
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::IS
                | Keyword::IN
                | Keyword::LIKE
                | Keyword::ILIKE
                | Keyword::SIMILAR
                | Keyword::BETWEEN
                | Keyword::COLLATE
                | Keyword::AT
                | Keyword::OPERATOR
                | Keyword::NOTNULL
                | Keyword::UNION
                | Keyword::INTERSECT
                | Keyword::EXCEPT
                | Keyword::JOIN
        ),
        Token::EOF
        | Token::Number(..)
        | Token::Char(_)
        | Token::SingleQuotedString(_)
        | Token::DollarQuotedString(_)
        | Token::EscapedStringLiteral(_)
        | Token::NationalStringLiteral(_)
        | Token::UnicodeStringLiteral(_)
        | Token::HexStringLiteral(_)
        | Token::Whitespace(_)
        | Token::Comma
        | Token::Period
        | Token::SemiColon
        | Token::LParen
        | Token::RParen
        | Token::RBracket
        | Token::Placeholder(_) => false,
        _ => true,
    }
}

/// Refuses a statement whose plan would hold too many tables.
///
/// # Errors
/// When it would.
pub(crate) fn check_tables(statement: &Statement) -> Result<(), QueryError> {
    let mut weights = Weights::default();
    let _ = statement.visit(&mut weights);
    let tables = weights.of(statement);
    if tables > TABLES {
        let message = format!("the statement reads {tables} tables, repeated ones counted; at most {TABLES} are read");
        return Err(QueryError::TooLarge { message });
    }
    Ok(())
}

/// How many tables each common table expression stands for, by name. Scopes are not told apart: of two of one name
/// the heavier counts.
#[derive(Default)]
struct Weights(HashMap<String, u64>);

impl Weights {
    fn of(&self, node: &impl Visit) -> u64 {
        let mut total = 0_u64;
        let _ = visit_relations(node, |name| {
            let known = name.0.last().and_then(|part| part.as_ident());
            let weight = known.and_then(|ident| self.0.get(&ident.value.to_lowercase()));
            total = total.saturating_add(weight.copied().unwrap_or(1));
            ControlFlow::<()>::Continue(())
        });
        total
    }
}

impl Visitor for Weights {
    type Break = ();

    // Before its body: an expression is weighed by those before it.
    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            let inner = table.query.visit(self);
            debug_assert!(inner.is_continue(), "nothing breaks");
            let weight = self.of(&table.query).max(1);
            let known = self.0.entry(table.alias.name.value.to_lowercase()).or_default();
            *known = (*known).max(weight);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Reading;

    /// On a stack as deep as the executor's.
    fn deep(work: impl FnOnce() + Send + 'static) {
        std::thread::Builder::new().stack_size(64 * 1024 * 1024).spawn(work).unwrap().join().unwrap();
    }

    #[test]
    fn a_chain_is_bounded_whatever_it_is_made_of() {
        deep(|| {
            for (first, link) in [("SELECT 1", "+1"), ("SELECT true", " OR true"), ("SELECT 1", " UNION ALL SELECT 1")]
            {
                let at = |links: usize| Reading::parse(&format!("{first}{}", link.repeat(links)));
                assert!(at(CHAINED).is_ok(), "{link}");
                assert!(matches!(at(CHAINED + 1), Err(QueryError::TooLarge { .. })), "{link}");
                assert!(matches!(at(60_000), Err(QueryError::TooLarge { .. })), "{link}");
            }
        });
        assert!(Reading::parse(&format!("SELECT 1 IN ({})", vec!["1"; 10_000].join(","))).is_ok());
    }

    #[test]
    fn tables_named_through_others_count_each_time() {
        let mut sql = "WITH t0 AS (SELECT * FROM patient)".to_owned();
        for level in 1..=20 {
            let below = level - 1;
            sql.push_str(&format!(", t{level} AS (SELECT 1 FROM t{below} AS a, t{below} AS b)"));
        }
        sql.push_str(" SELECT * FROM t20");
        assert!(matches!(Reading::parse(&sql), Err(QueryError::TooLarge { .. })));
        let inner = "SELECT * FROM (WITH a AS (SELECT * FROM patient) SELECT * FROM a) AS b, patient";
        assert!(Reading::parse(inner).is_ok());
    }
}
