//! `ajisai published`: what became of what the facility published.

use super::consent::refused;
use super::terminal::{progress, remark, say, table};
use crate::client::Connection;
use crate::publisher::{json_of, json_of_summary, reason_words, refusal_words};
use anyhow::Context as _;
use clap::Args;
use model::{Label, Moment};
use serde_json::json;
use std::process::ExitCode;
use wire::v1;
use wire::v1::published_response::Part;

/// 提供の状況：自施設の記録が、受け取る施設ごとにどうなったか（届いた、見られた、訂正された、保留、拒否、未対応コード）。
/// What became of the facility's own records at each facility that receives them: delivered, seen, corrected, held back;
/// and what was refused or has a code that nobody knows.
#[derive(Debug, Args)]
#[command(after_help = "例 Examples:\n  \
    ajisai published --as laboratory.token\n  \
    ajisai published --as laboratory.token --from 2026-11-01 --until 2026-11-30\n  \
    ajisai published --as laboratory.token --from 2026-11-01 --json > november.json\n\n\
    期間は、ログが受け入れた時刻による。The period is by when the log took in what happened.\n\
    「見えない」は今の同意・開示範囲・紐付けによる。What is held back is judged now.\n\
    自施設の事務・監査・検査技師・システムだけが尋ねられる。Who: the facility's clerks, auditors, laboratory staff and systems.\n\
    終了コード Exit codes: 0 すべて調べた whole, 3 一部だけ調べた a part alone was looked at, 1 失敗 failed")]
pub struct Published {
    /// この日（時刻）から。省略時は30日前 From this day or moment on; 30 days back when not given.
    #[arg(long, value_name = "TIME", value_parser = |text: &str| Moment::parse(text))]
    from: Option<Moment>,
    /// この日の終わり（時刻）まで。省略時は今 Through this day, or until this moment; until now when not given.
    #[arg(long, value_name = "TIME", value_parser = end)]
    until: Option<Moment>,
    /// JSONで As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// A day is meant with all of it.
fn end(text: &str) -> Result<Moment, String> {
    const DAY: i64 = 86_400_000_000;
    let moment = Moment::parse(text).map_err(|error| error.to_string())?;
    let is_day = text.len() == "2026-11-30".len();
    Ok(if is_day { moment.plus_micros(DAY) } else { moment })
}

impl Published {
    /// Asks and prints.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let failed = |status: tonic::Status| anyhow::anyhow!(refused(&status));
        let request =
            v1::PublishedRequest { from_us: self.from.map(Moment::micros), until_us: self.until.map(Moment::micros) };
        let client = self.connection.open().await?;
        let mut parts = client.publisher().published(request).await.map_err(failed)?.into_inner();
        let bar = progress("ログを読む reading the log", None);
        let (mut facilities, mut summary) = (Vec::new(), None);
        while let Some(answer) = parts.message().await.map_err(failed)? {
            match answer.part {
                Some(Part::Progress(v1::Progress { done, total })) => {
                    bar.set_length(total);
                    bar.set_position(done);
                }
                Some(Part::Facility(to)) => facilities.push(to),
                Some(Part::Summary(told)) => summary = Some(told),
                None => {}
            }
        }
        bar.finish_and_clear();
        let summary = summary.context("the answer ended early: ask again")?;
        if self.json {
            let facilities: Vec<_> = facilities.iter().map(json_of).collect();
            let whole = json!({ "facilities": facilities, "source": json_of_summary(&summary) });
            say(serde_json::to_string_pretty(&whole)?);
        } else {
            print(&facilities, &summary)?;
        }
        let is_whole = summary.partial.is_empty();
        if !is_whole {
            remark(format!(
                "量が多く、一部だけを数えました：{names}。期間を短くしてください。\n\
                 Too much to look at all: counted in part are {names}. Ask for a shorter period.",
                names = summary.partial.join(" "),
            ));
        }
        Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(3) })
    }
}

fn moment(micros: Option<i64>) -> anyhow::Result<String> {
    let at = micros.map(Moment::from_micros).transpose().context("the node's answer has a moment out of range")?;
    Ok(at.map(|at| at.to_string()).unwrap_or_default())
}

fn total(rows: &[v1::CategoryRows]) -> u64 {
    rows.iter().map(|row| row.rows).sum()
}

fn named(to: &v1::PublishedTo) -> String {
    let names: Vec<&str> =
        [to.name.as_str(), to.facility.as_str()].into_iter().filter(|name| !name.is_empty()).collect();
    names.join("\n")
}

fn print(facilities: &[v1::PublishedTo], summary: &v1::PublishedSummary) -> anyhow::Result<()> {
    say(format!("{} – {}", moment(Some(summary.from_us))?, moment(Some(summary.until_us))?));
    let mut printed = table(&[
        "施設 facility",
        "届いた delivered",
        "見た seen",
        "人 persons",
        "回 acts",
        "最初 – 最後 first – last",
        "訂正・削除 corrected",
        "今見える visible now",
        "見えない held back",
    ]);
    for to in facilities {
        let delivered = to.delivered.clone().unwrap_or_default();
        let seen = to.seen.clone().unwrap_or_default();
        let held: u64 = to.held.iter().map(|held| held.rows).sum();
        let times = [moment(seen.first_us)?, moment(seen.last_us)?];
        let emergency = if to.emergency_rows > 0 {
            format!("（うち緊急閲覧 {n} of them break-glass {n}）", n = to.emergency_rows)
        } else {
            String::new()
        };
        printed.add_row([
            named(to),
            format!("{} ({} 人 patients)", total(&delivered.rows), delivered.patients),
            format!("{} ({} 人 patients){emergency}", total(&seen.rows), seen.patients),
            to.persons.to_string(),
            format!("{} (システム system {})", to.acts, to.system_acts),
            times.iter().filter(|time| !time.is_empty()).cloned().collect::<Vec<_>>().join(" –\n"),
            to.corrected.to_string(),
            to.visible.to_string(),
            held.to_string(),
        ]);
    }
    if facilities.is_empty() {
        say("受け取る施設はありません。 No facility receives anything.");
    } else {
        say(printed.to_string());
    }
    let mut printed = table(&[
        "施設 facility",
        "見えない理由 held back because",
        "行 rows",
        "期間中 of the period",
        "患者 patients",
        "見えるようになる時 let go",
        "標識 labels",
    ]);
    for (to, held) in facilities.iter().flat_map(|to| to.held.iter().map(move |held| (to, held))) {
        let (ja, en) = reason_words(&held.reason);
        let labels = held.labels.iter().filter_map(|label| Label::try_from(v1::Label::try_from(*label).ok()?).ok());
        let times = [moment(held.next_us)?, moment(held.last_us)?];
        printed.add_row([
            named(to),
            format!("{ja} {en}"),
            held.rows.to_string(),
            held.of_period.to_string(),
            held.patients.to_string(),
            times.iter().filter(|time| !time.is_empty()).cloned().collect::<Vec<_>>().join(" –\n"),
            labels.map(Label::code).collect::<Vec<_>>().join(" "),
        ]);
    }
    if printed.row_count() > 0 {
        say(printed.to_string());
    }
    say(format!(
        "記録 rows {}（期間中 of the period {}）、訂正 corrected {}、削除 deleted {}",
        summary.rows, summary.of_period, summary.corrected, summary.deleted
    ));
    let mut printed = table(&["拒否の理由 refused because", "保管中 waiting", "再送済み replayed"]);
    for one in &summary.refused {
        let (ja, en) = refusal_words(&one.reason);
        printed.add_row([format!("{ja} {en}"), one.waiting.to_string(), one.replayed.to_string()]);
    }
    if printed.row_count() > 0 {
        say(printed.to_string());
    }
    let mut printed = table(&["未対応コード unmapped code", "体系 system", "名称 display", "なぜ why", "結果 results"]);
    for v1::UnmappedCode { system, code, display, why, results } in summary.unmapped.iter().cloned() {
        printed.add_row([code, system, display, why, results.to_string()]);
    }
    if printed.row_count() > 0 {
        say(printed.to_string());
        say(format!(
            "未対応コード {} 種、結果 {} 件 codes {}, results {}",
            summary.unmapped_codes, summary.unmapped_results, summary.unmapped_codes, summary.unmapped_results
        ));
    }
    if !summary.disclosures {
        remark(
            "このノードは開示を台帳に書かない設定のため、「届いた」は数えられません。\n\
             This node does not write disclosures into the ledger: nothing is told as delivered.",
        );
    }
    if summary.unreadable > 0 {
        remark(format!("読めない記載 {n} 件を除きました。 {n} letters could not be read.", n = summary.unreadable));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_at_the_end_is_meant_with_all_of_it_and_a_moment_is_a_moment() {
        assert_eq!(end("2026-11-30").unwrap(), Moment::parse("2026-12-01").unwrap());
        let at = "2026-11-30T12:00:00+09:00";
        assert_eq!(end(at).unwrap(), Moment::parse(at).unwrap());
        assert!(end("yesterday").is_err());
    }
}
