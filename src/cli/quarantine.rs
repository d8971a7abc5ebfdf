//! `ajisai quarantine`: what the door refused and kept aside, at a node or at a hospital's edge.

mod edit;

use super::consent::refused;
use super::terminal::{say, table};
use crate::client::{Calls, Client, Connection};
use crate::{edge, identity};
use anyhow::Context;
use clap::{Args, Subcommand};
use model::Moment;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use wire::v1;
use wire::v1::ingest_service_client::IngestServiceClient;

/// 隔離：受け付けられなかったものの一覧、表示、修正、再送、破棄。--edge でゲートウェイの隔離を扱う。
/// Quarantine: list, show, edit, replay and discard what was refused; with --edge, what a hospital's edge refused.
#[derive(Debug, Args)]
pub struct QuarantineCommand {
    #[command(subcommand)]
    act: Act,
}

/// Whose quarantine.
#[derive(Debug, Clone, Args)]
struct Whose {
    /// ゲートウェイのデータの置き場所（edge.data_dir）。動いていなければ、再送のほかはその場で扱う
    /// The quarantine of the edge whose `edge.data_dir` this is, asked on its own machine as its own user. While it is down,
    /// everything but replaying is done all the same.
    #[arg(long, value_name = "DIR")]
    edge: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

impl Whose {
    async fn open(&self) -> anyhow::Result<IngestServiceClient<Calls>> {
        let client = match &self.edge {
            Some(directory) => Client::over(edge::reach(directory, identity::system_clock()).await?),
            None => self.connection.open().await?,
        };
        Ok(client.ingest())
    }
}

#[derive(Debug, Subcommand)]
enum Act {
    /// 一覧。List, without the bytes.
    #[command(after_help = "例 Examples:\n  ajisai quarantine list --as hospital.token\n  \
        ajisai quarantine list --edge /var/lib/ajisai-edge")]
    List {
        #[command(flatten)]
        whose: Whose,
    },
    /// 一件を表示する（患者情報を含む）。Show one; it is patient data.
    #[command(after_help = "例 Examples:\n  ajisai quarantine show --as hospital.token 42 --output event.bin\n  \
        ajisai quarantine show --edge /var/lib/ajisai-edge 42")]
    Show {
        /// 隔離の番号 Its id in the quarantine.
        id: String,
        /// 元のバイト列の書き出し先 Where to write its bytes.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        whose: Whose,
    },
    /// エディタで直して送る（HL7、SS-MIX2、FHIR）。Put one right in an editor and send it: HL7, SS-MIX2, FHIR.
    #[command(after_help = "例 Examples:\n  ajisai quarantine edit --as hospital.token 42\n  \
        ajisai quarantine edit --edge /var/lib/ajisai-edge 42 --editor nano\n\n\
        文字コードは元のまま。患者情報を含む一時ファイルは終わると消える。The bytes keep their character set; the file, which is\n\
        patient data, is for you alone and gone at the end.\n\n\
        終了コード Exit codes: 0 受理 accepted, 1 変更なし・失敗 not changed, or failed, 3 再び拒否 refused again")]
    Edit {
        /// 隔離の番号 Its id in the quarantine.
        id: String,
        /// エディタのコマンド（既定は $VISUAL、$EDITOR、vi） The editor's command; by default $VISUAL, $EDITOR, vi.
        #[arg(long, value_name = "COMMAND")]
        editor: Option<String>,
        #[command(flatten)]
        whose: Whose,
    },
    /// もう一度、または直したものを送る。Send it through the door again, as it is or replaced.
    #[command(after_help = "例 Examples:\n  ajisai quarantine replay --as hospital.token 42\n  \
        ajisai quarantine replay --as hospital.token 42 --replacement fixed.bin\n  \
        ajisai quarantine replay --edge /var/lib/ajisai-edge 42\n\n\
        ゲートウェイからは、その列に入り、順にノードへ届く。From an edge it goes by its queue, in order.\n\n\
        終了コード Exit codes: 0 受理 accepted, 1 失敗 failed, 3 再び拒否 refused again")]
    Replay {
        /// 隔離の番号 Its id in the quarantine.
        id: String,
        /// 代わりに送る ajisai.v1.Event A serialised ajisai.v1.Event to send in its stead.
        #[arg(long, value_name = "FILE")]
        replacement: Option<PathBuf>,
        #[command(flatten)]
        whose: Whose,
    },
    /// 再送して受理されたものの由来。What was replayed, and what became of it.
    #[command(after_help = "例 Example:\n  ajisai quarantine replayed --as hospital.token")]
    Replayed {
        #[command(flatten)]
        whose: Whose,
    },
    /// 捨てる（取り消せない）。Throw one away for good.
    #[command(after_help = "例 Example:\n  ajisai quarantine discard --as hospital.token 42")]
    Discard {
        /// 隔離の番号 Its id in the quarantine.
        id: String,
        #[command(flatten)]
        whose: Whose,
    },
}

impl QuarantineCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let fail = |status: tonic::Status| anyhow::anyhow!(refused(&status));
        match self.act {
            Act::List { whose } => {
                let mut door = whose.open().await?;
                let mut printed = table(&COLUMNS);
                let mut page = String::new();
                loop {
                    let request = v1::ListQuarantinedRequest { page_size: 1000, page };
                    let response = door.list_quarantined(request).await.map_err(fail)?.into_inner();
                    for event in response.events {
                        printed.add_row(row(event)?);
                    }
                    if response.next_page.is_empty() {
                        break;
                    }
                    page = response.next_page;
                }
                say(printed.to_string());
            }
            Act::Show { id, output, whose } => {
                let mut door = whose.open().await?;
                let request = v1::GetQuarantinedRequest { id };
                let response = door.get_quarantined(request).await.map_err(fail)?.into_inner();
                let v1::GetQuarantinedResponse { event, bytes, name } = response;
                let mut printed = table(&["項目 item", "内容 content"]);
                for (column, content) in COLUMNS.into_iter().zip(row(event.context("an answer without an event")?)?) {
                    printed.add_row([column.to_owned(), content]);
                }
                if !name.is_empty() {
                    printed.add_row(["名称 name".to_owned(), name]);
                }
                say(printed.to_string());
                match output {
                    Some(file) => {
                        std::fs::write(&file, &bytes).with_context(|| format!("writing {}", file.display()))?
                    }
                    None => dump(&bytes),
                }
            }
            Act::Replay { id, replacement, whose } => {
                let replacement = match &replacement {
                    Some(file) => std::fs::read(file).with_context(|| format!("reading {}", file.display()))?,
                    None => Vec::new(),
                };
                return replay(&mut whose.open().await?, id, replacement).await;
            }
            Act::Edit { id, editor, whose } => return edit::edit(&mut whose.open().await?, id, editor).await,
            Act::Replayed { whose } => {
                let mut door = whose.open().await?;
                let mut printed = table(&REPLAYED);
                let mut page = String::new();
                loop {
                    let request = v1::ListReplayedRequest { page_size: 1000, page };
                    let response = door.list_replayed(request).await.map_err(fail)?.into_inner();
                    for replayed in response.replayed {
                        printed.add_row(replayed_row(replayed)?);
                    }
                    if response.next_page.is_empty() {
                        break;
                    }
                    page = response.next_page;
                }
                say(printed.to_string());
            }
            Act::Discard { id, whose } => {
                let mut door = whose.open().await?;
                let request = v1::DiscardQuarantinedRequest { id };
                door.discard_quarantined(request).await.map_err(fail)?;
                say("破棄しました discarded");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Sends it, says what became of it, and answers with what the command ends with.
async fn replay(door: &mut IngestServiceClient<Calls>, id: String, replacement: Vec<u8>) -> anyhow::Result<ExitCode> {
    let request = v1::ReplayQuarantinedRequest { id, replacement: replacement.into() };
    let response = door.replay_quarantined(request).await;
    let response = response.map_err(|status| anyhow::anyhow!(refused(&status)))?.into_inner();
    match response.outcome.context("an answer without an outcome")? {
        v1::replay_quarantined_response::Outcome::Accepted(v1::Accepted { position, duplicate }) => {
            let again = if duplicate { " (重複 duplicate)" } else { "" };
            say(match position {
                Some(position) => format!("受理 accepted {}{again}", model::Position::from(position)),
                None => "受理 accepted: ゲートウェイの列から順にノードへ届きます in the queue, on its way to the node"
                    .to_owned(),
            });
            Ok(ExitCode::SUCCESS)
        }
        v1::replay_quarantined_response::Outcome::Refused(v1::Refused { reason, field, rule, .. }) => {
            say(format!("拒否 refused {reason}: {field} {rule}"));
            Ok(ExitCode::from(REFUSED_AGAIN))
        }
    }
}

/// What a replay that is refused again ends with.
const REFUSED_AGAIN: u8 = 3;

/// What is shown of each, in the order of [`row`].
const COLUMNS: [&str; 9] = [
    "番号 id",
    "受信 received",
    "施設 facility",
    "形式 form",
    "由来 origin",
    "理由 reason",
    "項目 field",
    "規則 rule",
    "バイト bytes",
];

fn row(event: v1::Quarantined) -> anyhow::Result<[String; 9]> {
    let v1::Quarantined { id, received_us, facility, reason, field, rule, size, form, origin } = event;
    let received = Moment::from_micros(received_us)?.to_string();
    Ok([id, received, facility, form, origin, reason, field, rule, size.to_string()])
}

/// What is shown of each that was replayed, in the order of [`replayed_row`].
const REPLAYED: [&str; 7] =
    ["番号 id", "受信 received", "再送 replayed", "形式 form", "由来 origin", "修正 edited", "位置 positions"];

fn replayed_row(replayed: v1::Replayed) -> anyhow::Result<[String; 7]> {
    let v1::Replayed { origin, replayed_us, came_as, sent_as, positions } = replayed;
    let v1::Quarantined { id, received_us, form, origin, .. } = origin.context("an entry without an origin")?;
    let moment = |micros| Moment::from_micros(micros).map(|moment| moment.to_string());
    let edited = if came_as == sent_as { "-" } else { "はい yes" };
    let positions: Vec<String> =
        positions.into_iter().map(|position| model::Position::from(position).to_string()).collect();
    let (received, replayed) = (moment(received_us)?, moment(replayed_us)?);
    Ok([id, received, replayed, form, origin, edited.to_owned(), positions.join(", ")])
}

/// Sixteen bytes a line, in hex and as characters.
fn dump(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    for (line, chunk) in bytes.chunks(16).enumerate() {
        let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String =
            chunk.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect();
        if writeln!(out, "{:08x}  {:<47}  {text}", line * 16, hex.join(" ")).is_err() {
            return;
        }
    }
}
