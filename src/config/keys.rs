//! Every key, once: its type, default, example, and what it means in Japanese and English. A [`Table`] is what one file may say.

mod edge;
mod feeds;
mod identity;
mod listen;
mod process;
mod reading;
mod telemetry;

use super::value::Kind;

/// A key of the configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// Dotted, as in `log.embedded.dir`.
    pub path: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What holds when it is not given.
    pub default: Fallback,
    /// A value it takes, as TOML.
    pub example: &'static str,
    /// What it means, in Japanese.
    pub ja: &'static str,
    /// What it means, in English.
    pub en: &'static str,
}

/// What holds when a key is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// This value, as TOML.
    Is(&'static str),
    /// This directory below the table's [`data_dir`](Table::data_dir).
    Below(&'static str),
    /// Nothing.
    Absent,
}

/// A section, what it is about, and its keys.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Dotted, as in `log.embedded`.
    pub path: &'static str,
    /// What it is about, in Japanese.
    pub ja: &'static str,
    /// What it is about, in English.
    pub en: &'static str,
    /// Its keys, in the order in which they are printed.
    pub keys: &'static [Key],
}

/// What one kind of file may say: its sections in the order in which they are printed.
#[derive(Debug)]
pub struct Table {
    /// The command that prints and checks such a file.
    pub command: &'static str,
    /// What is in it, in Japanese and English.
    pub about: &'static str,
    /// The key below which [`Fallback::Below`] lies.
    pub data_dir: &'static str,
    /// Its sections.
    pub sections: &'static [Section],
}

/// The file of a node.
pub static NODE: Table = Table {
    command: "ajisai config",
    about: "設定ファイル configuration",
    data_dir: "node.data_dir",
    sections: &[
        process::NODE,
        process::LOG,
        process::LOG_EMBEDDED,
        process::LOG_KAFKA,
        listen::LISTEN,
        listen::TLS,
        identity::IDENTITY,
        feeds::INGEST,
        feeds::MLLP,
        feeds::STORAGE,
        feeds::FHIR,
        reading::VIEWS,
        reading::LEDGER,
        reading::QUERY,
        telemetry::TELEMETRY,
    ],
};

/// The file of a hospital's edge.
pub static EDGE: Table = Table {
    command: "ajisai edge config",
    about: "院内ゲートウェイの設定ファイル configuration of a hospital's edge",
    data_dir: "edge.data_dir",
    sections: &[
        edge::EDGE,
        edge::UPSTREAM,
        listen::EDGE_LISTEN,
        listen::TLS,
        identity::EDGE_IDENTITY,
        feeds::INGEST,
        feeds::MLLP,
        feeds::STORAGE,
        feeds::FHIR,
        telemetry::TELEMETRY,
    ],
};

const fn key(path: &'static str, kind: Kind, default: Fallback, text: [&'static str; 3]) -> Key {
    let [example, ja, en] = text;
    Key { path, kind, default, example, ja, en }
}

const fn whole(least: u64, most: u64) -> Kind {
    Kind::Integer { least, most }
}

/// Debian's list of the CAs that the system trusts.
const SYSTEM_CA: &str = "\"/etc/ssl/certs/ca-certificates.crt\"";

/// Sections that may stand several times, as `[[mllp]]`. They are given in the file only.
const LISTS: &[&str] = &["mllp", "storage", "fhir"];

impl Section {
    /// Whether it may stand several times.
    pub fn is_list(&self) -> bool {
        LISTS.contains(&self.path)
    }
    /// How it is headed in a file.
    pub fn head(&self) -> String {
        if self.is_list() { format!("[[{}]]", self.path) } else { format!("[{}]", self.path) }
    }
}

impl Table {
    /// Every key, in the order in which it is printed.
    pub fn keys(&self) -> impl Iterator<Item = &'static Key> + use<> {
        self.sections.iter().flat_map(|section| section.keys)
    }
    /// The key of this path.
    pub fn find(&self, path: &str) -> Option<&'static Key> {
        self.keys().find(|key| key.path == path)
    }
    /// A value that a key takes, as TOML.
    pub(super) fn example(&self, path: &str) -> &'static str {
        self.find(path).map_or("", |key| key.example)
    }
    /// The section of this path.
    pub(super) fn section(&self, path: &str) -> Option<&'static Section> {
        self.sections.iter().find(|section| section.path == path)
    }
    /// Whether the section of this path may stand several times.
    pub(super) fn is_list(&self, path: &str) -> bool {
        self.section(path).is_some_and(Section::is_list)
    }
    /// The known key most like `path`, if one is near enough to be meant.
    pub(super) fn nearest(&self, path: &str) -> Option<&'static str> {
        let (_, name) = split(path);
        self.keys()
            .map(|key| {
                // The right name under another section is a likelier slip than a likeness of the whole.
                let distance = if split(key.path).1 == name { 1 } else { edits(path, key.path) };
                (distance, key.path)
            })
            .filter(|(distance, path)| *distance <= 2.max(path.len() / 4))
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, path)| path)
    }
}

/// The section and the name of a key: `log.embedded` and `dir`.
pub fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

/// Edit distance (Levenshtein) over characters.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        let mut left = i + 1;
        next.push(left);
        for (to, pair) in b.iter().zip(row.windows(2)) {
            let (diagonal, above) = match pair {
                [diagonal, above] => (*diagonal, *above),
                _ => continue,
            };
            left = (left + 1).min(above + 1).min(diagonal + usize::from(from != *to));
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
