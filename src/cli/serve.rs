//! `ajisai serve`: the node.

use super::service;
use crate::app::App;
use crate::config::Config;
use crate::telemetry::Telemetry;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// ノードを動かす。SIGTERMまたはCtrl-Cで、受付を止め、処理を終え、書き込んでから止まる。
/// Run a node. SIGTERM or Ctrl-C stops it gracefully: stop admitting, drain, commit, close.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
例 Examples:
  ajisai serve --config /etc/ajisai/ajisai.toml
  AJISAI_TELEMETRY__LOG=debug ajisai serve --config ajisai.toml      環境変数で上書き override from the environment

終了コード Exit codes: 0 止まった stopped as asked, 1 動けなくなった could not run on, 2 設定の誤り configuration is wrong
全項目 All keys: ajisai config")]
pub struct ServeArgs {
    /// 設定ファイル（TOML）。省略時は既定値と環境変数だけで動く。The configuration; without it, defaults and the environment.
    #[arg(long, value_name = "FILE", env = "AJISAI_CONFIG")]
    config: Option<PathBuf>,
}

impl ServeArgs {
    /// Runs the node to its end.
    pub fn run(self) -> ExitCode {
        let config = match super::config::load(self.config.as_deref()) {
            Ok(config) => config,
            Err(code) => return code,
        };
        service::run(serve(config), failed)
    }
}

async fn serve(config: Config) -> Result<(), Box<dyn std::error::Error>> {
    let asked = service::asked()?;
    let telemetry = Telemetry::start(&config.telemetry, &config.node.name)?;
    let ended = match App::start(config, telemetry.registry().clone()).await {
        Ok(app) => app.run(asked).await,
        Err(error) => Err(error),
    };
    if let Err(error) = &ended {
        tracing::error!(%error, "the node stops");
    }
    // Export what is left; it blocks, so it must not keep a worker of this runtime.
    tokio::task::spawn_blocking(move || telemetry.stop()).await?;
    Ok(ended?)
}

fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "ノードは動けません: {error}\nthe node cannot run: {error}");
    ExitCode::FAILURE
}
