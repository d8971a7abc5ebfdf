//! `ajisai beds`: the beds of a view, who knows of their alarms, what was written beside their traces.

use super::consent::refused;
use super::terminal::{remark, say, table};
use crate::client::Connection;
use clap::{Args, Subcommand};
use model::{BedAlarm, Moment, OwnWords};
use std::process::ExitCode;
use wire::v1;

/// 分娩監視：見える範囲のベッド、警報とその確認、記録紙への書き込み、誰が見ているか。
/// Beds: those of the caller's view, their alarms and who knows of them, notes beside the traces, who watches.
#[derive(Debug, Args)]
#[command(after_help = "ベッドの番号は一覧が示す。ノードが新しく始まると番号は変わる。確認と書き込みは台帳に残る。\n\
    The list shows the beds' numbers; they change when the node begins anew. Acknowledgements and notes stay in the ledger.")]
pub struct BedsCommand {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// 一覧。The beds.
    #[command(after_help = "例 Example:\n  ajisai beds list --as midwife.token")]
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// 警報を確認した（施設の全員に示される）。I know of its alarms; everybody of the facility is shown so.
    #[command(after_help = "例 Example:\n  ajisai beds acknowledge 91f2c0a7d3b54e68 lost/1 --as midwife.token")]
    Acknowledge {
        /// ベッドの番号 The bed's number.
        bed: String,
        /// 警報（省けばすべて） Which alarms, as the list writes them; all where none is named.
        alarms: Vec<BedAlarm>,
        #[command(flatten)]
        connection: Connection,
    },
    /// 記録紙に書き込む（ベッドが見える全員に示される）。Writes beside the trace; whoever is shown the bed is shown it.
    #[command(after_help = "例 Example:\n  ajisai beds note 91f2c0a7d3b54e68 体位変換 左側臥位 --as midwife.token")]
    Note {
        /// ベッドの番号 The bed's number.
        bed: String,
        /// 一言（500バイトまで） In your own words, one line.
        text: OwnWords,
        /// 記録紙の時刻（省けば今） The moment on the trace; now where it is not said.
        #[arg(long, value_name = "TIME", value_parser = |text: &str| Moment::parse(text))]
        at: Option<Moment>,
        /// 直す書き込みの番号（本人のもの） The note of your own that this one puts right.
        #[arg(long, default_value = "")]
        replaces: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// 自分の書き込みを取り消す（台帳には残る）。Takes a note of your own back; it stays in the ledger.
    #[command(after_help = "例 Example:\n  ajisai beds take-back 91f2c0a7d3b54e68 0f0e…(32 digits) --as midwife.token")]
    TakeBack {
        /// ベッドの番号 The bed's number.
        bed: String,
        /// 書き込みの番号 The note's id.
        id: String,
        #[command(flatten)]
        connection: Connection,
    },
}

impl BedsCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.act {
            Act::List { connection } => list(&connection).await,
            Act::Acknowledge { bed, alarms, connection } => {
                let alarms = alarms.iter().map(ToString::to_string).collect();
                let request = v1::AcknowledgeBedRequest { bed, alarms };
                let said = connection.open().await?.beds().acknowledge_bed(request).await.map_err(fail)?.into_inner();
                if said.alarms.is_empty() {
                    remark("新しく確認した警報はありません no alarm was there that nobody knew of");
                }
                said.alarms.into_iter().for_each(say);
                Ok(ExitCode::SUCCESS)
            }
            Act::Note { bed, text, at, replaces, connection } => {
                let (at_us, text) = (at.map(Moment::micros), text.as_str().to_owned());
                let request = v1::NoteBedRequest { bed, at_us, text, replaces };
                let noted = connection.open().await?.beds().note_bed(request).await.map_err(fail)?.into_inner();
                say(noted.id);
                Ok(ExitCode::SUCCESS)
            }
            Act::TakeBack { bed, id, connection } => {
                let request = v1::TakeBackBedNoteRequest { bed, id };
                connection.open().await?.beds().take_back_bed_note(request).await.map_err(fail)?;
                remark("取り消しました it is taken back");
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

fn fail(status: tonic::Status) -> anyhow::Error {
    anyhow::anyhow!(refused(&status))
}

fn at(micros: i64) -> anyhow::Result<Moment> {
    Ok(Moment::from_micros(micros)?)
}

fn row(bed: v1::BedInfo) -> anyhow::Result<[String; 6]> {
    let v1::BedInfo {
        bed,
        source,
        patient,
        named_bed,
        session,
        until_us,
        traces,
        alarms,
        notes,
        presence,
        read_by,
        legs,
    } = bed;
    let until = until_us.map(at).transpose()?.map(|until| format!("\n{until} まで until")).unwrap_or_default();
    let read = read_by.map(|read| format!("\n{}", reading(&read))).unwrap_or_default();
    let mut traces = traces.iter().map(|trace| format!("{} {}", trace.lead, trace.state)).collect::<Vec<_>>();
    traces.extend(late(&legs));
    let alarms = alarms.iter().map(|alarm| {
        let known = match &alarm.acknowledged {
            Some(known) => format!(" 確認 {} {}", known.member, at(known.at_us)?),
            None => String::new(),
        };
        Ok(format!("{} {}{known}", alarm.alarm, at(alarm.since_us)?))
    });
    let notes = notes.iter().map(|note| {
        let v1::BedNote { id, at_us, text, facility, member, corrected, .. } = note;
        let corrected = if *corrected { " (訂正 corrected)" } else { "" };
        Ok(format!("{} {text}{corrected}\n  {facility} {member} {id}", at(*at_us)?))
    });
    let v1::BedPresence { lookers, source_watches } = presence.unwrap_or_default();
    let mut watched: Vec<String> = lookers.iter().map(|one| format!("{} {}", one.facility, one.member)).collect();
    if source_watches {
        watched.push(format!("{source}: 見ている watches"));
    }
    let place = [source, if named_bed.is_empty() { session } else { named_bed }].join(" ");
    Ok([
        bed,
        format!("{patient}\n{place}{read}{until}"),
        traces.join("\n"),
        alarms.collect::<anyhow::Result<Vec<_>>>()?.join("\n"),
        notes.collect::<anyhow::Result<Vec<_>>>()?.join("\n"),
        watched.join("\n"),
    ])
}

/// By what of the pregnancy a bed is read.
fn reading(read: &v1::BedReadBy) -> String {
    let v1::BedReadBy { week, little_reserve } = read;
    let week = match week.as_str() {
        "" | "unknown" => "週数不明：32週以降として判読 week unknown: read as from 32 weeks on".to_owned(),
        week => format!("{week} として判読 read by this week"),
    };
    let reserve = match little_reserve.as_slice() {
        [] => String::new(),
        because => format!("\n予備能低下 little reserve: {}", because.join(", ")),
    };
    format!("{week}{reserve}")
}

/// Where on their way the newest samples are late, leg by leg; `None` where they are nowhere.
fn late(legs: &[v1::BedLeg]) -> Option<String> {
    /// Less than this beyond its quickest is no delay of a leg; in microseconds.
    const DELAY: i64 = 100_000;
    let hop = |code: &str| match code {
        "source" => "送信元 source",
        "gateway" => "中継 gateway",
        "edge" => "エッジ edge",
        _ => "ノード node",
    };
    let leg = |leg: &v1::BedLeg| {
        let beyond = leg.beyond_us.filter(|beyond| *beyond >= DELAY)?;
        Some(format!("\n  {} → {} +{:.1} s", hop(&leg.from), hop(&leg.to), beyond as f64 / 1e6))
    };
    let legs: String = legs.iter().filter_map(leg).collect();
    (!legs.is_empty()).then(|| format!("経路の遅れ delay on the way{legs}"))
}

async fn list(connection: &Connection) -> anyhow::Result<ExitCode> {
    let client = connection.open().await?;
    let beds = client.beds().list_beds(v1::ListBedsRequest {}).await.map_err(fail)?.into_inner().beds;
    if beds.is_empty() {
        remark("見える範囲に監視中のベッドはありません no bed in the caller's view is monitored");
        return Ok(ExitCode::SUCCESS);
    }
    let heads = ["番号 bed", "患者 patient", "波形 traces", "警報 alarms", "書き込み notes", "見ている人 watched by"];
    let mut printed = table(&heads);
    for bed in beds {
        printed.add_row(row(bed)?);
    }
    say(printed.to_string());
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(from: &str, to: &str, beyond_us: Option<i64>) -> v1::BedLeg {
        v1::BedLeg { from: from.to_owned(), to: to.to_owned(), last_us: 3_000_000, beyond_us }
    }

    #[test]
    fn a_way_is_told_leg_by_leg_where_it_is_late_and_nowhere_else() {
        let legs = [
            leg("source", "gateway", Some(20_000)),
            leg("gateway", "edge", None),
            leg("edge", "node", Some(1_940_000)),
        ];
        let told = late(&legs).unwrap();
        assert_eq!(told, "経路の遅れ delay on the way\n  エッジ edge → ノード node +1.9 s");
        assert_eq!(late(&legs[..2]), None);
    }

    #[test]
    fn a_bed_says_by_which_week_it_is_read_and_that_none_is_known() {
        let read = |week: &str, because: &[&str]| {
            let little_reserve = because.iter().map(|one| (*one).to_owned()).collect();
            reading(&v1::BedReadBy { week: week.to_owned(), little_reserve })
        };
        assert_eq!(read("unknown", &[]), "週数不明：32週以降として判読 week unknown: read as from 32 weeks on");
        let told = read("28w3d", &["placenta-praevia", "small"]);
        assert_eq!(told, "28w3d として判読 read by this week\n予備能低下 little reserve: placenta-praevia, small");
    }
}
