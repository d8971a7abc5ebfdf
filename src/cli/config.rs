//! `ajisai config`: every key, and whether a file is right.

use crate::config::{self, Config, ConfigErrors, EdgeConfig, Source};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// 設定項目の一覧を表示し、設定ファイルを検査する。
/// Print every configuration key; check a file.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
例 Examples:
  ajisai config > ajisai.toml            全項目の雛形 a template of every key
  ajisai config --check ajisai.toml      ファイルと環境変数を検査する check a file and the environment
  ajisai config --document               docs/configuration.md を表示する print the documentation

院内ゲートウェイの設定は ajisai edge config
A hospital's edge has a file of its own: ajisai edge config")]
pub struct ConfigArgs {
    /// このファイルと環境変数を検査する。Check this file and the environment.
    #[arg(long, value_name = "FILE", conflicts_with = "document")]
    check: Option<PathBuf>,
    /// 説明をMarkdownで表示する。Print the documentation as Markdown.
    #[arg(long)]
    document: bool,
}

impl ConfigArgs {
    /// Prints what was asked for.
    pub fn run(self) -> ExitCode {
        match (self.check, self.document) {
            (Some(file), _) => checked(&load(Some(&file))),
            (None, true) => print(&config::markdown()),
            (None, false) => print(&config::template(&config::keys::NODE)),
        }
    }
}

/// Says that a file is right; its faults have been said.
pub(super) fn checked<T>(read: &Result<T, ExitCode>) -> ExitCode {
    match read {
        Ok(_) => print("設定に誤りはありません。\nThe configuration is right.\n"),
        Err(code) => *code,
    }
}

pub(super) fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Reads the file, if one is named, and this process's environment. Faults go to standard error in both languages.
///
/// # Errors
/// Exit code 2.
pub fn load(file: Option<&Path>) -> Result<Config, ExitCode> {
    read(file, Config::read)
}

/// Reads an edge's file and this process's environment, as [`load`] a node's.
///
/// # Errors
/// Exit code 2.
pub fn load_edge(file: Option<&Path>) -> Result<EdgeConfig, ExitCode> {
    read(file, EdgeConfig::read)
}

fn read<T>(file: Option<&Path>, read: impl FnOnce(&Source) -> Result<T, ConfigErrors>) -> Result<T, ExitCode> {
    let mut stderr = std::io::stderr();
    let source = match file {
        None => Source::none(),
        Some(path) => match std::fs::read_to_string(path) {
            Ok(text) => Source::new(&path.to_string_lossy(), &text),
            Err(error) => {
                let path = path.display();
                let _ = writeln!(stderr, "設定ファイル {path} を読めません: {error}");
                let _ = writeln!(stderr, "cannot read the configuration file {path}: {error}");
                return Err(ExitCode::from(2));
            }
        },
    };
    // A variable whose name or value is not Unicode cannot be one of ours.
    let env =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    read(&source.with_env(env)).map_err(|faults| {
        let _ = writeln!(stderr, "{}\n\n{faults}", faults.japanese());
        ExitCode::from(2)
    })
}
