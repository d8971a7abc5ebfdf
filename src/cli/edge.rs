//! `ajisai edge`: a hospital's gateway.

use super::terminal::{remark, say, table};
use super::{config as files, service};
use crate::config::{self, EdgeConfig};
use crate::edge::{Edge, EdgeStatus};
use crate::fetch::fetch;
use crate::telemetry::Telemetry;
use clap::{Args, Subcommand};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// 病院に置くゲートウェイを動かす。受け取ったものをまずディスクに溜め、回線がつながる限り順にノードへ届ける。
/// Run a hospital's gateway: what comes is kept on disk first, and brought to the node in order while the line holds.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
例 Examples:
  ajisai edge config > edge.toml                  設定の雛形 a template of every key
  ajisai edge config --check edge.toml            検査する check it
  ajisai edge --config edge.toml                  動かす run it (Ctrl-C, SIGTERM: 止める stop)
  ajisai edge status --config edge.toml           何が溜まり、どこまで届き、どの経路が途絶えているか
                                                  what waits, how far it has come, which feeds are silent

MLLPの AA は「このゲートウェイのディスクに確かに書いた」ことを意味します。回線が切れていても受け取り続けます。
AA over MLLP says: it is durable on this gateway's disk. It goes on taking while the line is cut.

終了コード Exit codes: 0 止まった stopped as asked, 1 動けなくなった could not run on, 2 設定の誤り configuration is wrong
説明 More: docs/edge.md")]
pub struct EdgeCommand {
    #[command(subcommand)]
    act: Option<Act>,
    /// 設定ファイル（TOML）。The configuration.
    #[arg(long, value_name = "FILE", env = "AJISAI_EDGE_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// 設定項目の一覧を表示し、設定ファイルを検査する。Print every configuration key; check a file.
    #[command(after_help = "\
例 Examples:
  ajisai edge config > edge.toml             全項目の雛形 a template of every key
  ajisai edge config --check edge.toml       ファイルと環境変数を検査する check a file and the environment
  ajisai edge config --document              docs/edge-configuration.md を表示する print the documentation

終了コード Exit codes: 0 誤りなし it is right, 2 誤りあり it is wrong")]
    Config {
        /// このファイルと環境変数を検査する。Check this file and the environment.
        #[arg(long, value_name = "FILE", conflicts_with = "document")]
        check: Option<PathBuf>,
        /// 説明をMarkdownで表示する。Print the documentation as Markdown.
        #[arg(long)]
        document: bool,
    },
    /// 動いているゲートウェイの状態。How the running gateway stands.
    #[command(after_help = "\
例 Examples:
  ajisai edge status --config edge.toml
  ajisai edge status --config edge.toml --json         監視の仕組みに渡す for a monitoring system

終了コード Exit codes: 0 正常 all is well, 1 答えない it does not answer, 2 設定の誤り configuration is wrong,
  3 手当てが要る somebody has to look: 回線が切れている the line is down, 経路が途絶えている a feed is silent,
    受け取れなかったものがある something was refused, 空きが1割未満 the queue is nearly full,
    ディスクに書けない its disk cannot be written")]
    Status {
        /// 動いているゲートウェイの設定ファイル。The running gateway's configuration.
        #[arg(long, value_name = "FILE", env = "AJISAI_EDGE_CONFIG")]
        config: Option<PathBuf>,
        /// JSONで表示する。As JSON.
        #[arg(long)]
        json: bool,
    },
}

impl EdgeCommand {
    /// Runs the edge to its end, or does what was asked.
    pub fn run(self) -> ExitCode {
        match self.act {
            Some(Act::Config { check: Some(file), .. }) => files::checked(&files::load_edge(Some(&file))),
            Some(Act::Config { document: true, .. }) => files::print(&config::edge_markdown()),
            Some(Act::Config { .. }) => files::print(&config::template(&config::keys::EDGE)),
            Some(Act::Status { config, json }) => match files::load_edge(config.as_deref()) {
                Ok(config) => super::drive(status(config, json)),
                Err(code) => code,
            },
            None => match files::load_edge(self.config.as_deref()) {
                Ok(config) => service::run(serve(config), failed),
                Err(code) => code,
            },
        }
    }
}

async fn serve(config: EdgeConfig) -> Result<(), Box<dyn std::error::Error>> {
    let asked = service::asked()?;
    let telemetry = Telemetry::start(&config.telemetry, &config.edge.name)?;
    let ended = match Edge::start(config, telemetry.registry().clone()).await {
        Ok(edge) => edge.run(asked).await,
        Err(error) => Err(error),
    };
    if let Err(error) = &ended {
        tracing::error!(%error, "the edge stops");
    }
    // Export what is left; it blocks, so it must not keep a worker of this runtime.
    tokio::task::spawn_blocking(move || telemetry.stop()).await?;
    Ok(ended?)
}

fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "ゲートウェイは動けません: {error}\nthe edge cannot run: {error}");
    ExitCode::FAILURE
}

/// How long a running edge is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

async fn status(config: EdgeConfig, json: bool) -> anyhow::Result<ExitCode> {
    let address = config.listen.admin.ok_or_else(|| {
        anyhow::anyhow!(
            "`listen.admin` が \"off\" です。状態はそこで答えます\n`listen.admin` is off: the status is answered there"
        )
    })?;
    if config.tls.is_some() && !address.ip().is_loopback() {
        anyhow::bail!(
            "`listen.admin` = {address} はTLSです。クライアント証明書を付けて https://{address}/status を見てください\n\
             `listen.admin` = {address} is behind TLS: ask https://{address}/status with a client certificate, or let it \
             listen on loopback"
        );
    }
    let url = format!("http://{}/status", here(address));
    let asked = tokio::time::timeout(PATIENCE, fetch(&url, Path::new(""))).await;
    let text = asked.unwrap_or_else(|_| Err("no answer in time".to_owned())).map_err(|reason| {
        anyhow::anyhow!(
            "ゲートウェイが {url} で答えません（{reason}）。動いていますか\n\
             no edge answers at {url} ({reason}): is it running? its log says why not"
        )
    })?;
    let status: EdgeStatus = serde_json::from_str(&text)?;
    if json {
        say(text.trim());
    } else {
        print(&status);
        if status.quarantined > 0 {
            remark(format!(
                "ここで受け取れなかったもの What was refused here: ajisai quarantine list --edge {}",
                config.edge.data_dir.display()
            ));
        }
    }
    Ok(if status.needs_attention() { ExitCode::from(3) } else { ExitCode::SUCCESS })
}

/// Where this machine reaches a listener.
fn here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn print(status: &EdgeStatus) {
    let EdgeStatus { version, edge, facility, started, moment, queue, line, quarantined, feeds } = status;
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let state = match (&line.down_since, &line.reason) {
        (Some(since), reason) => format!("切れている down {since}\n{}", or_none(reason)),
        (None, _) => "つながっている carries".to_owned(),
    };
    let oldest = match &queue.fault {
        Some(fault) => format!("書き込めない cannot be written\n{fault}"),
        None => or_none(&queue.oldest),
    };
    let room = format!("{} / {} MiB", queue.bytes >> 20, queue.limit_bytes >> 20);
    let mut printed = table(&["項目 item", "値 value"]);
    for (item, value) in [
        ("ゲートウェイ edge", format!("{facility} / {edge} ({version})")),
        ("起動 started", started.clone()),
        ("時刻 moment", moment.clone()),
        ("ノード node", line.node.clone()),
        ("回線 line", state),
        ("未送 waiting", format!("{} 件 events, {room}", queue.events)),
        ("最も古い未送 oldest waiting", oldest),
        ("ノードの最後の位置 last position", or_none(&line.position)),
        ("ノードの最後の応答 last answer", or_none(&line.answered)),
        ("起動後の送信 sent since start", format!("{} (遅れて late {})", line.sent, line.late)),
        ("ノードが隔離 refused by the node", line.refused.to_string()),
        ("ここで隔離 refused here", quarantined.to_string()),
    ] {
        printed.add_row([item.to_owned(), value]);
    }
    say(printed.to_string());
    let mut printed = table(&["経路 feed", "種類 kind", "最後 last heard", "状態 state", "期待 expected"]);
    for feed in feeds {
        let state = match &feed.silent_since {
            Some(since) => format!("途絶 silent since {since}"),
            None => "正常 well".to_owned(),
        };
        let within = feed.expected_seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds} s"));
        printed.add_row([feed.feed.clone(), feed.kind.clone(), or_none(&feed.heard), state, within]);
    }
    say(printed.to_string());
    if line.refused > 0 {
        remark(
            "ノードが受け付けなかったものは、ノードの隔離にあります What the node refused is in its quarantine: `ajisai quarantine list`",
        );
    }
}
