//! From JSON to a view. What cannot be taken is refused by place and rule, before any resource is seen.

use super::columns::is_name;
use super::{Column, Kind, Over, Placed, Select, View};
use crate::expression::Literal;
use crate::limits::{COLUMNS, DEFINITION_BYTES, SELECT_DEPTH};
use crate::parse::{self, Constants, GIVEN};
use crate::temporal::Temporal;
use crate::types::{is_temporal, of_choice};
use crate::value::decimal;
use serde_json::{Map, Value};

/// Why a definition is not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{place}: {rule}")]
pub struct DefinitionError {
    /// Where: a path into the definition such as `select[0].column[1].path`, or a line.
    pub place: String,
    /// What it breaks, and what to write instead.
    pub rule: String,
}

fn error<T>(place: &str, rule: impl Into<String>) -> Result<T, DefinitionError> {
    let place = if place.is_empty() { "the definition" } else { place };
    Err(DefinitionError { place: place.to_owned(), rule: rule.into() })
}

type Object = Map<String, Value>;

impl View {
    /// Reads a ViewDefinition.
    ///
    /// # Errors
    /// By place and rule: no JSON, an element that is missing, unknown or of another type, an expression that cannot be
    /// read, columns that are named twice or differ in a union, or a definition beyond [`crate::limits`].
    pub fn read(text: &str) -> Result<Self, DefinitionError> {
        if text.len() > DEFINITION_BYTES {
            return error("", format!("it has at most {DEFINITION_BYTES} bytes"));
        }
        let json: Value = match serde_json::from_str(text) {
            Ok(json) => json,
            Err(wrong) => {
                let place = format!("line {}, column {}", wrong.line(), wrong.column());
                return error(&place, "this is not JSON");
            }
        };
        Self::of(&json)
    }

    fn of(json: &Value) -> Result<Self, DefinitionError> {
        let definition = object(json, "")?;
        if let Some(kind) = definition.get("resourceType").filter(|kind| kind.as_str() != Some("ViewDefinition")) {
            let rule = if kind.is_string() { "it is a `ViewDefinition`" } else { "a text is expected here" };
            return error("resourceType", rule);
        }
        let Some(resource) = text(definition, "resource", "")? else {
            return error("resource", "it names the type of resource it reads, such as `Observation`");
        };
        let plain = resource.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !plain || !resource.starts_with(|first: char| first.is_ascii_uppercase()) {
            return error("resource", "it is a resource type, such as `Observation`");
        }
        let constants = constants(definition)?;
        let reader = Reader { constants: &constants };
        let conditions = reader.conditions(definition)?;
        let mut columns = Vec::new();
        let select = reader.selects(definition, "select", "", (&mut columns, 0))?;
        if columns.is_empty() {
            return error("select", "it has at least one column");
        }
        for (place, column) in columns.iter().enumerate() {
            if columns.iter().take(place).any(|other| other.name.eq_ignore_ascii_case(&column.name)) {
                return error("select", format!("two columns are named `{}`", column.name));
            }
        }
        let name = text(definition, "name", "")?.map(str::to_owned);
        Ok(Self { name, resource: resource.to_owned(), conditions, select, columns })
    }
}

// === elements ===

fn object<'a>(json: &'a Value, place: &str) -> Result<&'a Object, DefinitionError> {
    json.as_object().map_or_else(|| error(place, "an object is expected here"), Ok)
}

fn below(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

fn text<'a>(object: &'a Object, name: &str, place: &str) -> Result<Option<&'a str>, DefinitionError> {
    match object.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => error(&below(place, name), "a text is expected here"),
    }
}

fn list<'a>(object: &'a Object, name: &str, place: &str) -> Result<&'a [Value], DefinitionError> {
    match object.get(name) {
        None => Ok(&[]),
        Some(Value::Array(list)) if !list.is_empty() => Ok(list),
        Some(_) => error(&below(place, name), "a list that is not empty is expected here"),
    }
}

/// A misspelt element would be a view that quietly means something else.
fn only(object: &Object, known: &[&str], place: &str) -> Result<(), DefinitionError> {
    const ANYWHERE: [&str; 2] = ["id", "extension"];
    match object.keys().find(|key| !known.contains(&key.as_str()) && !ANYWHERE.contains(&key.as_str())) {
        None => Ok(()),
        Some(_) => error(place, format!("of its elements those known here are {}", known.join(", "))),
    }
}

// === constants ===

fn constants(definition: &Object) -> Result<Constants, DefinitionError> {
    let mut constants = Constants::new();
    for (index, json) in list(definition, "constant", "")?.iter().enumerate() {
        let place = format!("constant[{index}]");
        let constant = object(json, &place)?;
        let Some(name) = text(constant, "name", &place)?.filter(|name| is_name(name)) else {
            return error(&below(&place, "name"), "a letter, then letters, digits and `_`");
        };
        if GIVEN.contains(&name) || constants.contains_key(name) {
            return error(&below(&place, "name"), format!("`%{name}` is already something"));
        }
        let mut values =
            constant.iter().filter_map(|(key, value)| Some((of_choice(key.strip_prefix("value")?)?, value)));
        let (Some((kind, value)), None) = (values.next(), values.next()) else {
            return error(&place, "it has one value, such as `valueString`");
        };
        let Some(literal) = literal(kind, value) else {
            return error(&place, format!("its value is not a {kind}"));
        };
        constants.insert(name.to_owned(), literal);
    }
    Ok(constants)
}

fn literal(kind: &str, value: &Value) -> Option<Literal> {
    match (Kind::of_type(kind)?, value) {
        (Kind::Boolean, Value::Bool(truth)) => Some(Literal::Boolean(*truth)),
        (Kind::Integer, Value::Number(number)) => number.as_i64().map(Literal::Integer),
        (Kind::Integer, Value::String(text)) if kind == "integer64" => text.parse().ok().map(Literal::Integer),
        (Kind::Decimal, Value::Number(number)) => decimal(&number.to_string()).map(Literal::Decimal),
        (Kind::Text, Value::String(text)) => Some(Literal::Text(text.clone())),
        (_, Value::String(text)) if is_temporal(kind) => Temporal::of_type(kind, text).map(Literal::Time),
        _ => None,
    }
}

// === selects ===

struct Reader<'a> {
    constants: &'a Constants,
}

impl Reader<'_> {
    fn expression(&self, written: &str, place: &str) -> Result<Placed, DefinitionError> {
        match parse::read(written, self.constants) {
            Ok(expression) => Ok(Placed { place: place.to_owned(), expression }),
            Err(wrong) => error(place, wrong.to_string()),
        }
    }

    fn path(&self, object: &Object, name: &str, place: &str) -> Result<Option<Placed>, DefinitionError> {
        let written = text(object, name, place)?;
        written.map(|written| self.expression(written, &below(place, name))).transpose()
    }

    fn conditions(&self, definition: &Object) -> Result<Vec<Placed>, DefinitionError> {
        let mut conditions = Vec::new();
        for (index, json) in list(definition, "where", "")?.iter().enumerate() {
            let place = format!("where[{index}]");
            let condition = object(json, &place)?;
            only(condition, &["path", "description"], &place)?;
            match self.path(condition, "path", &place)? {
                Some(path) => conditions.push(path),
                None => return error(&place, "it has a `path`"),
            }
        }
        Ok(conditions)
    }

    /// The selects under `name`; their columns go to `to.0`, and `to.1` is how deep this is.
    fn selects(
        &self,
        object: &Object,
        name: &str,
        place: &str,
        to: (&mut Vec<Column>, usize),
    ) -> Result<Vec<Select>, DefinitionError> {
        let (columns, depth) = to;
        let place = below(place, name);
        if depth >= SELECT_DEPTH {
            return error(&place, format!("selects are nested at most {SELECT_DEPTH} deep"));
        }
        let mut selects = Vec::new();
        for (index, json) in list(object, name, &place)?.iter().enumerate() {
            selects.push(self.select(json, &format!("{place}[{index}]"), (columns, depth + 1))?);
        }
        Ok(selects)
    }

    fn select(&self, json: &Value, place: &str, to: (&mut Vec<Column>, usize)) -> Result<Select, DefinitionError> {
        const KNOWN: &[&str] = &["column", "select", "forEach", "forEachOrNull", "repeat", "unionAll"];
        let (columns, depth) = to;
        let object = object(json, place)?;
        only(object, KNOWN, place)?;
        let before = columns.len();
        let over = self.over(object, place)?;
        let mut own = Vec::new();
        for (index, json) in list(object, "column", place)?.iter().enumerate() {
            let place = format!("{place}.column[{index}]");
            let (path, column) = self.column(json, &place)?;
            own.push((path, column.kind, column.collection));
            columns.push(column);
            if columns.len() > COLUMNS {
                return error(&place, format!("a view has at most {COLUMNS} columns"));
            }
        }
        let select = self.selects(object, "select", place, (columns, depth))?;
        let union = self.union(object, place, (columns, depth))?;
        if columns.len() == before {
            return error(place, "it has a `column`, a `select` or a `unionAll`");
        }
        Ok(Select { over, columns: own, select, union, width: columns.len() - before })
    }

    fn over(&self, object: &Object, place: &str) -> Result<Over, DefinitionError> {
        let each = self.path(object, "forEach", place)?;
        let or_null = self.path(object, "forEachOrNull", place)?;
        let mut repeat = Vec::new();
        for (index, json) in list(object, "repeat", place)?.iter().enumerate() {
            let place = format!("{place}.repeat[{index}]");
            let Some(written) = json.as_str() else { return error(&place, "a text is expected here") };
            repeat.push(self.expression(written, &place)?);
        }
        match (each, or_null, repeat.is_empty()) {
            (None, None, true) => Ok(Over::Here),
            (Some(path), None, true) => Ok(Over::Each(path)),
            (None, Some(path), true) => Ok(Over::EachOrNull(path)),
            (None, None, false) => Ok(Over::Repeat(repeat)),
            _ => error(place, "it has only one of `forEach`, `forEachOrNull` and `repeat`"),
        }
    }

    fn column(&self, json: &Value, place: &str) -> Result<(Placed, Column), DefinitionError> {
        let column = object(json, place)?;
        only(column, &["name", "path", "type", "collection", "description", "tag"], place)?;
        let Some(name) = text(column, "name", place)?.filter(|name| is_name(name)) else {
            return error(&below(place, "name"), "a letter, then letters, digits and `_`, at most 63");
        };
        let Some(path) = self.path(column, "path", place)? else {
            return error(place, "it has a `path`");
        };
        let Some(kind) = text(column, "type", place)?.map_or(Some(Kind::Text), Kind::of_type) else {
            return error(&below(place, "type"), "the name of a primitive FHIR type, such as `string` or `dateTime`");
        };
        let collection = match column.get("collection") {
            None => false,
            Some(Value::Bool(collection)) => *collection,
            Some(_) => return error(&below(place, "collection"), "`true` or `false` is expected here"),
        };
        let description = text(column, "description", place)?.map(str::to_owned);
        Ok((path, Column { name: name.to_owned(), kind, collection, description }))
    }

    /// The branches of a union: each has the columns of the first, in its order.
    fn union(
        &self,
        object: &Object,
        place: &str,
        to: (&mut Vec<Column>, usize),
    ) -> Result<Vec<Select>, DefinitionError> {
        let (columns, depth) = to;
        let branches = list(object, "unionAll", place)?;
        let place = below(place, "unionAll");
        if !branches.is_empty() && depth >= SELECT_DEPTH {
            return error(&place, format!("selects are nested at most {SELECT_DEPTH} deep"));
        }
        let mut union = Vec::new();
        let mut first: Option<Vec<Column>> = None;
        for (index, json) in branches.iter().enumerate() {
            let place = format!("{place}[{index}]");
            let mut own = Vec::new();
            union.push(self.select(json, &place, (&mut own, depth + 1))?);
            let sorts = |columns: &[Column]| -> Vec<(String, Kind, bool)> {
                columns.iter().map(|column| (column.name.clone(), column.kind, column.collection)).collect()
            };
            match &first {
                None => first = Some(own),
                Some(first) if sorts(first) == sorts(&own) => {}
                Some(_) => {
                    return error(&place, "each of a union has the columns of the first: names, types, order");
                }
            }
        }
        columns.extend(first.into_iter().flatten());
        Ok(union)
    }
}
