//! What was given: the file's leaves and the environment's variables, each with where it stood.

use super::error::ConfigError;
use super::keys::Table;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// The variables that carry configuration begin with this.
pub const PREFIX: &str = "AJISAI_";

/// A configuration file's text and the environment it is read in.
#[derive(Debug, Clone)]
pub struct Source {
    file: String,
    text: String,
    env: BTreeMap<String, String>,
    base: PathBuf,
}

/// Where a value stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the file.
    File {
        /// The file's name as it was given.
        name: String,
        /// Its line, from 1.
        line: usize,
    },
    /// In an environment variable.
    Env(String),
}

/// A value as it was given, before its key says what it must be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given {
    Text(String),
    Integer(i64),
    Float(f64),
    Switch(bool),
    List(Vec<Given>),
    /// From the environment: a text that stands for any type.
    Env(String),
    /// An entry of a list of sections begins.
    Entry,
    /// A TOML value no key takes, by the name of its type.
    Other(&'static str),
}

/// One given value.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    pub key: String,
    /// Which of a list's entries it stands in, from 0.
    pub entry: Option<usize>,
    pub given: Given,
    pub origin: Origin,
}

// === impl Source ===

impl Source {
    /// A file's name and text, without an environment. Relative paths in it start at the file's directory.
    pub fn new(file: &str, text: &str) -> Self {
        let base = Path::new(file).parent().map(Path::to_path_buf).unwrap_or_default();
        Self { file: file.to_owned(), text: text.to_owned(), env: BTreeMap::new(), base }
    }
    /// No file: every key is its default or comes from the environment. Relative paths start at the working directory.
    pub fn none() -> Self {
        Self::new("", "")
    }
    /// Adds the environment's variables; those that do not begin with `AJISAI_` are left out.
    #[must_use]
    pub fn with_env(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.env.extend(variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX)));
        self
    }
    /// The directory at which relative paths start.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The file's leaves in the order of their keys. Tables become dotted keys.
    pub(super) fn file_leaves(&self, known: &Table) -> Result<Vec<Leaf>, ConfigError> {
        let table = DeTable::parse(&self.text).map_err(|error| ConfigError::Unreadable {
            origin: self.at(error.span().map_or(0, |span| span.start)),
            reason: error.message().to_owned(),
        })?;
        let mut leaves = Vec::new();
        self.walk(known, ("", None), table.get_ref(), &mut leaves);
        Ok(leaves)
    }

    fn walk(&self, known: &Table, (prefix, entry): (&str, Option<usize>), table: &DeTable<'_>, leaves: &mut Vec<Leaf>) {
        for (name, value) in table {
            let key =
                if prefix.is_empty() { name.get_ref().to_string() } else { format!("{prefix}.{}", name.get_ref()) };
            match value.get_ref() {
                // An empty table of an unknown name is a misspelling too: it must not vanish.
                DeValue::Table(inner) if !inner.is_empty() || known.section(&key).is_some() => {
                    self.walk(known, (&key, entry), inner, leaves);
                }
                DeValue::Array(entries)
                    if known.is_list(&key)
                        && entries.iter().all(|entry| matches!(entry.get_ref(), DeValue::Table(_))) =>
                {
                    for (number, table) in entries.iter().enumerate() {
                        if let DeValue::Table(table) = table.get_ref() {
                            // Also of an entry that says nothing something is left: that it is there.
                            let origin = self.at(name.span().start);
                            leaves.push(Leaf { key: key.clone(), entry: Some(number), given: Given::Entry, origin });
                            self.walk(known, (&key, Some(number)), table, leaves);
                        }
                    }
                }
                other => {
                    let (given, origin) = (Given::from_toml(other), self.at(name.span().start));
                    leaves.push(Leaf { key, entry, given, origin });
                }
            }
        }
    }

    fn at(&self, byte: usize) -> Origin {
        let line = 1 + self.text.bytes().take(byte).filter(|b| *b == b'\n').count();
        Origin::File { name: self.file.clone(), line }
    }

    /// The environment's leaves. `AJISAI_LOG__EMBEDDED__SEGMENT_MIB` is `log.embedded.segment_mib`.
    ///
    /// A variable without `__` is not configuration (`AJISAI_CONFIG` names the file), unless it spells a key
    /// with single underscores: that is a slip, and is returned as that unknown key.
    pub(super) fn env_leaves(&self, known: &Table) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        for (name, value) in &self.env {
            let rest = name.strip_prefix(PREFIX).unwrap_or(name);
            let slip = known.keys().any(|key| variable(key.path).replace("__", "_") == *name);
            if !rest.contains("__") && !slip {
                continue;
            }
            leaves.push(Leaf {
                key: rest.replace("__", ".").to_lowercase(),
                entry: None,
                given: Given::Env(value.clone()),
                origin: Origin::Env(name.clone()),
            });
        }
        leaves
    }
}

/// The environment variable that overrides a key.
pub fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

// === impl Given ===

impl Given {
    pub(super) fn from_toml(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(integer) => {
                let digits = integer.as_str().replace('_', "");
                i64::from_str_radix(&digits, integer.radix())
                    .map_or(Self::Other("an integer out of range"), Self::Integer)
            }
            DeValue::Float(float) => {
                float.as_str().replace('_', "").parse().map_or(Self::Other("an unreadable number"), Self::Float)
            }
            DeValue::Boolean(switch) => Self::Switch(*switch),
            DeValue::Array(list) => Self::List(list.iter().map(|item| Self::from_toml(item.get_ref())).collect()),
            DeValue::Datetime(_) => Self::Other("a date"),
            DeValue::Table(_) => Self::Other("a table"),
        }
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Env(text) => write!(f, "`{text}`"),
            Self::Integer(integer) => write!(f, "{integer}"),
            Self::Float(float) => write!(f, "{float}"),
            Self::Switch(switch) => write!(f, "{switch}"),
            Self::List(list) => {
                let items: Vec<String> = list.iter().map(Self::to_string).collect();
                write!(f, "[{}]", items.join(", "))
            }
            Self::Entry => f.write_str("a table"),
            Self::Other(what) => f.write_str(what),
        }
    }
}

// === impl Origin ===

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line } => write!(f, "{name} line {line}"),
            Self::Env(name) => write!(f, "environment variable {name}"),
        }
    }
}
