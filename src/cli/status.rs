//! `ajisai status`: how the node stands.

use super::consent::refused;
use super::terminal::{say, table};
use crate::client::Connection;
use clap::Args;
use model::{Frontier, Moment};
use std::process::ExitCode;
use wire::v1;

/// ノードの状態（運用者）。
/// How the node stands (administrators).
#[derive(Debug, Args)]
#[command(after_help = "例 Example:\n  ajisai status --as operator.token")]
pub struct Status {
    #[command(flatten)]
    connection: Connection,
}

impl Status {
    /// Asks and prints.
    ///
    /// # Errors
    /// When the node cannot be reached or the caller is no administrator.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let client = self.connection.open().await?;
        let response = client.node().status(v1::StatusRequest {}).await;
        let v1::StatusResponse {
            version,
            started_us,
            moment_us,
            log_kind,
            data_partitions,
            log_end,
            viewed,
            committed,
            lag_letters,
            lag_us,
            records,
            facilities,
            consents,
            feeds,
            quarantined,
            withheld_letters,
            state,
        } = response.map_err(|status| anyhow::anyhow!(refused(&status)))?.into_inner();
        let frontier = |frontier: Option<v1::Frontier>| Frontier::from(frontier.unwrap_or_default()).to_string();
        let mut printed = table(&["項目 item", "値 value"]);
        #[expect(clippy::cast_precision_loss, reason = "a lag for people")]
        let lag = format!("{lag_letters} 通 letters, {:.1} ms", lag_us as f64 / 1e3);
        for (item, value) in [
            ("状態 state", state),
            ("版 version", version),
            ("起動 started", Moment::from_micros(started_us)?.to_string()),
            ("時刻 moment", Moment::from_micros(moment_us)?.to_string()),
            ("ログ log", format!("{log_kind}, {data_partitions} 区画 partitions")),
            ("ログの終わり log end", frontier(log_end)),
            ("表示済み viewed", frontier(viewed)),
            ("保存済み committed", frontier(committed)),
            ("遅れ lag", lag),
            ("記録 records", records.to_string()),
            ("施設 facilities", facilities.to_string()),
            ("有効な同意 consents", consents.to_string()),
            ("ライブ feeds", feeds.to_string()),
            ("隔離 quarantined", quarantined.to_string()),
            ("読めない通 withheld letters", withheld_letters.to_string()),
        ] {
            printed.add_row([item.to_owned(), value]);
        }
        say(printed.to_string());
        Ok(ExitCode::SUCCESS)
    }
}
