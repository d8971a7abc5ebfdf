//! `ajisai feed watch`: live disclosures as they come.

use super::consent::refused;
use super::terminal::{remark, say};
use crate::client::{Connection, parse_at_least};
use anyhow::Context;
use clap::{Args, Subcommand};
use model::{Category, Moment, Payload, Record, Value};
use std::process::ExitCode;
use wire::v1;

/// ライブの開示。
/// Live disclosures.
#[derive(Debug, Args)]
pub struct FeedCommand {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// 自施設に見えるものの変化を表示し続ける。Print what appears, changes and vanishes in the facility's view.
    #[command(after_help = "例 Examples:\n  ajisai feed watch --as clinic.token\n  \
        ajisai feed watch --as clinic.token --category laboratory --from 0:5,1:120\n\n\
        記号 Signs: + 現れた appeared, ~ 更新 changed, - 消えた vanished, ! 初めから reset")]
    Watch(Watch),
}

#[derive(Debug, Args)]
struct Watch {
    /// ここから（`now`、`start`、または位置） From: `now`, `start`, or a frontier as a heartbeat gives it.
    #[arg(long, default_value = "now")]
    from: String,
    /// 種別で絞る Only these categories.
    #[arg(long = "category", value_name = "CODE")]
    categories: Vec<Category>,
    /// 鼓動の間隔（ミリ秒） Milliseconds between heartbeats.
    #[arg(long, default_value_t = 1000)]
    heartbeat_ms: u32,
    /// 鼓動も表示 Print heartbeats too.
    #[arg(long)]
    heartbeats: bool,
    /// この件数で終わる End after so many changes.
    #[arg(long)]
    count: Option<u64>,
    #[command(flatten)]
    connection: Connection,
}

impl FeedCommand {
    /// Watches until the feed ends or Ctrl-C.
    ///
    /// # Errors
    /// When the node cannot be reached or ends the feed.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let Act::Watch(watch) = self.act;
        watch.run().await
    }
}

impl Watch {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let from = match self.from.as_str() {
            "now" => v1::watch_request::From::Now(v1::Now {}),
            "start" => v1::watch_request::From::Frontier(v1::Frontier::default()),
            text => v1::watch_request::From::Frontier((&parse_at_least(text)?).into()),
        };
        // Entry n of the model's list is number n + 1 of the .proto.
        let numbers = self.categories.iter().map(|category| *category as i32 + 1).collect();
        let request = v1::WatchRequest { from: Some(from), categories: numbers, heartbeat_ms: self.heartbeat_ms };
        let client = self.connection.open().await?;
        let fail = |status: tonic::Status| anyhow::anyhow!(refused(&status));
        let mut items = client.feed().watch(request).await.map_err(fail)?.into_inner();
        let mut resume = String::new();
        let mut changes = 0;
        loop {
            let item = tokio::select! {
                item = items.message() => item,
                _ = tokio::signal::ctrl_c() => break,
            };
            let Some(item) = item.map_err(|status| {
                remark(format!("再開位置 resume with --from {resume}"));
                fail(status)
            })?
            else {
                break;
            };
            match item.item.context("an empty item")? {
                v1::feed_item::Item::Appeared(v1::Appeared { record, historic, .. }) => {
                    print('+', record.context("no record")?, historic)?;
                }
                v1::feed_item::Item::Changed(v1::Changed { record, historic, .. }) => {
                    print('~', record.context("no record")?, historic)?;
                }
                v1::feed_item::Item::Vanished(v1::Vanished { source, id, reason, position: _ }) => {
                    say(format!("- {source} {id} {reason}"));
                }
                v1::feed_item::Item::Reset(v1::Reset { reason }) => say(format!("! {reason}")),
                v1::feed_item::Item::Heartbeat(v1::Heartbeat { frontier, moment_us }) => {
                    resume = model::Frontier::from(frontier.unwrap_or_default()).to_string();
                    if self.heartbeats {
                        say(format!(". {} {resume}", Moment::from_micros(moment_us)?));
                    }
                    continue;
                }
            }
            changes += 1;
            if self.count.is_some_and(|count| changes >= count) {
                break;
            }
        }
        remark(format!("{changes} 件 changes; 再開位置 resume with --from {resume}"));
        Ok(ExitCode::SUCCESS)
    }
}

fn print(sign: char, record: v1::Record, historic: bool) -> anyhow::Result<()> {
    let record = Record::try_from(record)?;
    let past = if historic { " (過去 historic)" } else { "" };
    say(format!(
        "{sign} {} {} {} {} v{} {}{past}",
        record.occurred,
        record.patient.facility(),
        record.patient.number().as_str(),
        record.category(),
        record.version.get(),
        record.payload().map(summary).unwrap_or_default(),
    ));
    Ok(())
}

/// What a record says, in a few words.
fn summary(payload: &Payload) -> String {
    let value = |value: &Value| match value {
        Value::Quantity { value, unit, comparator } => format!("{comparator}{value} {unit}"),
        Value::Coded(coding) => coding.display.clone(),
        Value::Text(text) => text.clone(),
        Value::Absent(why) => format!("({why})"),
    };
    match payload {
        Payload::Patient(patient) => patient.name.clone(),
        Payload::Laboratory(result) => {
            format!("{} {} {}", result.code.display, value(&result.value), result.flag)
        }
        Payload::VitalSign(vital) => format!("{} {}", vital.code.display, value(&vital.value)),
        Payload::Condition(condition) => condition.code.display.clone(),
        Payload::Allergy(allergy) => allergy.code.display.clone(),
        Payload::Medication(medication) => format!("{} {}", medication.code.display, medication.dosage),
        Payload::Encounter(encounter) => format!("{} {}", encounter.class.code(), encounter.status),
        Payload::Document(document) => document.title.clone(),
        Payload::Imaging(imaging) => format!("{} {}", imaging.modality, imaging.procedure.display),
        Payload::Waveform(wave) => format!("{} #{}", wave.session, wave.sequence),
        Payload::Bed(bed) => {
            format!("{} {} {}", bed.bed, bed.session, if bed.closed.is_some() { "終了 closed" } else { "開 open" })
        }
        Payload::Perinatal(entry) => format!("{} {}", entry.code.display, value(&entry.value)),
        Payload::CarePlan(plan) => plan.code.display.clone(),
        Payload::Message(message) => message.subject.clone(),
        Payload::Immunization(given) => {
            format!("{} {} {}", given.code.display, given.dose_number, given.status.code())
        }
    }
}
