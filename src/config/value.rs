//! What a key's value must be, and the one place that decides whether a given value is that.

use super::source::Given;
use std::fmt;
use std::net::SocketAddr;

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Any text that is not empty.
    Text,
    /// A file or directory.
    Path,
    /// `host:port`, the host an IP address.
    Address,
    /// As [`Kind::Address`], or `"off"`.
    AddressOrOff,
    /// `http://…` or `https://…`.
    Url,
    /// A whole number between two bounds, both included.
    Integer {
        /// The least.
        least: u64,
        /// The greatest.
        most: u64,
    },
    /// A number from 0 to 1.
    Ratio,
    /// `true` or `false`.
    Switch,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of texts; in the environment, separated by commas.
    Texts,
}

/// A value of the kind its key asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Address(Option<SocketAddr>),
    Integer(u64),
    Ratio(f64),
    Switch(bool),
    Texts(Vec<String>),
}

// === impl Kind ===

impl Kind {
    /// The given value as this kind, or `None` when it is not one.
    pub(super) fn accept(self, given: &Given) -> Option<Value> {
        let text = match given {
            Given::Text(text) | Given::Env(text) => Some(text.trim()),
            _ => None,
        };
        let from_env = matches!(given, Given::Env(_));
        match self {
            Self::Text | Self::Path => text.filter(|t| !t.is_empty()).map(|t| Value::Text(t.to_owned())),
            Self::Address => text?.parse().ok().map(|address| Value::Address(Some(address))),
            Self::AddressOrOff => match text? {
                "off" => Some(Value::Address(None)),
                address => address.parse().ok().map(|address| Value::Address(Some(address))),
            },
            Self::Url => {
                let uri: http::Uri = text?.parse().ok()?;
                let known = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
                known.then(|| Value::Text(text.unwrap_or_default().to_owned()))
            }
            Self::Integer { least, most } => {
                let number = match given {
                    Given::Integer(number) => u64::try_from(*number).ok()?,
                    Given::Env(text) => text.trim().replace('_', "").parse().ok()?,
                    _ => return None,
                };
                (least..=most).contains(&number).then_some(Value::Integer(number))
            }
            Self::Ratio => {
                let number = match given {
                    Given::Float(number) => *number,
                    Given::Integer(0) => 0.0,
                    Given::Integer(1) => 1.0,
                    Given::Env(text) => text.trim().parse().ok()?,
                    _ => return None,
                };
                (0.0..=1.0).contains(&number).then_some(Value::Ratio(number))
            }
            Self::Switch => match given {
                Given::Switch(switch) => Some(Value::Switch(*switch)),
                Given::Env(text) => text.trim().parse().ok().map(Value::Switch),
                _ => None,
            },
            Self::OneOf(words) => words.contains(&text?).then(|| Value::Text(text.unwrap_or_default().to_owned())),
            Self::Texts => match given {
                Given::List(items) => items
                    .iter()
                    .map(|item| match item {
                        Given::Text(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
                        _ => None,
                    })
                    .collect::<Option<Vec<_>>>()
                    .map(Value::Texts),
                Given::Env(text) if from_env => Some(Value::Texts(
                    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect(),
                )),
                _ => None,
            },
        }
    }

    /// What this kind takes, in Japanese.
    pub fn japanese(self) -> String {
        match self {
            Self::Text => "空でない文字列".to_owned(),
            Self::Path => "ファイルまたはディレクトリのパス".to_owned(),
            Self::Address => "IPアドレス:ポート".to_owned(),
            Self::AddressOrOff => "IPアドレス:ポート、または \"off\"".to_owned(),
            Self::Url => "http:// または https:// で始まるURL".to_owned(),
            Self::Integer { least, most } => format!("{least} から {most} までの整数"),
            Self::Ratio => "0 から 1 までの数".to_owned(),
            Self::Switch => "true または false".to_owned(),
            Self::OneOf(words) => format!("{} のいずれか", quoted(words)),
            Self::Texts => "文字列の配列（環境変数ではコンマ区切り）".to_owned(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a text that is not empty"),
            Self::Path => f.write_str("a path"),
            Self::Address => f.write_str("an IP address and port"),
            Self::AddressOrOff => f.write_str("an IP address and port, or \"off\""),
            Self::Url => f.write_str("a URL with http:// or https://"),
            Self::Integer { least, most } => write!(f, "a whole number from {least} to {most}"),
            Self::Ratio => f.write_str("a number from 0 to 1"),
            Self::Switch => f.write_str("true or false"),
            Self::OneOf(words) => write!(f, "one of {}", quoted(words)),
            Self::Texts => f.write_str("a list of texts (in the environment: separated by commas)"),
        }
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}
