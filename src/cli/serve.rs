//! `ajisai serve`: what the node is told on its command line.

use crate::config::Config;
use std::path::PathBuf;
use std::process::ExitCode;

/// ノードを動かす。
/// Run a node.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
例 Examples:
  ajisai serve --config /etc/ajisai/ajisai.toml
  AJISAI_TELEMETRY__LOG=debug ajisai serve --config ajisai.toml      環境変数で上書き override from the environment

全項目 All keys: ajisai config")]
pub struct ServeArgs {
    /// 設定ファイル（TOML）。省略時は既定値と環境変数だけで動く。The configuration; without it, defaults and the environment.
    #[arg(long, value_name = "FILE", env = "AJISAI_CONFIG")]
    config: Option<PathBuf>,
}

impl ServeArgs {
    /// The node's configuration; faults have been told on standard error.
    ///
    /// # Errors
    /// Exit code 2.
    pub fn config(&self) -> Result<Config, ExitCode> {
        super::config::load(self.config.as_deref())
    }
}
