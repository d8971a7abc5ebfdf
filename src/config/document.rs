//! The table of keys as people read it: docs/configuration.md, and a file to start from.

use super::keys::{EDGE, Fallback, Key, NODE, Section, Table, split};
use std::fmt::Write as _;

/// docs/configuration.md: every key in Japanese and English.
pub fn markdown() -> String {
    page(HEAD, &NODE)
}

/// docs/edge-configuration.md: every key of an edge.
pub fn edge_markdown() -> String {
    page(EDGE_HEAD, &EDGE)
}

fn page(head: &str, table: &Table) -> String {
    let mut text = String::from(head);
    for section in table.sections {
        let Section { ja, en, .. } = section;
        let _ = write!(text, "\n## `{}`\n\n{ja} — {en}\n\n", section.head());
        text.push_str("| 項目 key | 値 takes | 既定値 default | 意味 meaning |\n|---|---|---|---|\n");
        for key in section.keys {
            let (_, name) = split(key.path);
            let _ = writeln!(
                text,
                "| `{name}` | {}<br>{} | {} | {}<br>{}<br>例 example: `{}` |",
                cell(&key.kind.japanese()),
                cell(&key.kind.to_string()),
                cell(&default(table, key)),
                cell(key.ja),
                cell(key.en),
                cell(key.example),
            );
        }
    }
    text
}

/// A configuration file with every key commented out at its default or an example.
pub fn template(table: &Table) -> String {
    let mut text = format!("# ajisai: {}\n", table.about);
    for section in table.sections {
        let Section { ja, en, .. } = section;
        // An empty entry of a list would be an entry, so its head is a comment too.
        let sign = if section.is_list() { "# " } else { "" };
        let _ = write!(text, "\n# {ja}\n# {en}\n{sign}{}\n", section.head());
        for key in section.keys {
            let (_, name) = split(key.path);
            let _ = writeln!(text, "\n# {}\n# {}", key.ja, key.en);
            let _ = writeln!(text, "# {} / {}", key.kind.japanese(), key.kind);
            let _ = match key.default {
                Fallback::Is(value) => writeln!(text, "# {name} = {value}"),
                Fallback::Below(_) | Fallback::Absent => {
                    writeln!(
                        text,
                        "# 既定 default: {}\n# {name} = {}",
                        default(table, key).replace('`', ""),
                        key.example
                    )
                }
            };
        }
    }
    text
}

fn default(table: &Table, key: &Key) -> String {
    match key.default {
        Fallback::Is(value) => format!("`{value}`"),
        Fallback::Below(name) => format!("`{}` + `/{name}`", table.data_dir),
        Fallback::Absent => "なし none".to_owned(),
    }
}

/// A vertical bar would end the table's cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

const HEAD: &str = "\
# 設定 Configuration

This page is printed by `ajisai config --document` from the tables in `src/config/keys`; a test keeps them equal.

`ajisai serve --config FILE` はTOMLファイルを読みます。知らない項目や値の誤りがあれば、項目名・場所・正しい例を示して起動しません。
環境変数はファイルより優先されます。`log.embedded.dir` は `AJISAI_LOG__EMBEDDED__DIR` です（`.` は `__`、英大文字）。
`ajisai config` は全項目の雛形を、`ajisai config --check FILE` は検査の結果を表示します。

`ajisai serve --config FILE` reads a TOML file. An unknown key or a bad value is refused with its name, its place and an
example. The environment overrides the file: `log.embedded.dir` is `AJISAI_LOG__EMBEDDED__DIR` (`.` becomes `__`, upper
case). `ajisai config` prints a template of all keys, `ajisai config --check FILE` what is wrong with a file.

`[[mllp]]` のように二重の括弧で示す節は、必要な数だけ繰り返して書きます（ファイルでのみ指定できます）。
A section in double brackets, such as `[[mllp]]`, is written once for each; it is given in the file only.

証明書・鍵・パスワードは、設定ファイルには書かずファイルで渡します。
Certificates, keys and passwords are given as files, never as text in the configuration.
";

const EDGE_HEAD: &str = "\
# 院内ゲートウェイの設定 Configuration of a hospital's edge

This page is printed by `ajisai edge config --document` from the tables in `src/config/keys`; a test keeps them equal.
How to run an edge is in docs/edge.md.

`ajisai edge --config FILE` はTOMLファイルを読みます。知らない項目や値の誤りがあれば、項目名・場所・正しい例を示して起動しません。
環境変数はファイルより優先されます。`edge.queue_mib` は `AJISAI_EDGE__QUEUE_MIB` です（`.` は `__`、英大文字）。
`ajisai edge config` は全項目の雛形を、`ajisai edge config --check FILE` は検査の結果を表示します。

`ajisai edge --config FILE` reads a TOML file. An unknown key or a bad value is refused with its name, its place and an
example. The environment overrides the file: `edge.queue_mib` is `AJISAI_EDGE__QUEUE_MIB` (`.` becomes `__`, upper case).
`ajisai edge config` prints a template of all keys, `ajisai edge config --check FILE` what is wrong with a file.

`[[mllp]]` のように二重の括弧で示す節は、必要な数だけ繰り返して書きます（ファイルでのみ指定できます）。
A section in double brackets, such as `[[mllp]]`, is written once for each; it is given in the file only.

証明書・鍵は、設定ファイルには書かずファイルで渡します。
Certificates and keys are given as files, never as text in the configuration.
";
