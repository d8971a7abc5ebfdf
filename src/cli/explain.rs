//! `ajisai explain`: why a record is shown to a viewer, or is not.

use super::consent::refused;
use super::terminal::{say, table};
use crate::client::Connection;
use anyhow::Context as _;
use clap::Args;
use model::{FacilityId, MemberId, Moment, Purpose, RecordId, Role};
use std::process::ExitCode;
use wire::v1;

/// 記録がなぜ見えるか、なぜ見えないか。開示施設には全ての理由を、閲覧側には結果だけを答える。
/// Why a record is shown to a viewer, or is not: every gate for the disclosing facility, the result alone for a viewer.
#[derive(Debug, Args)]
#[command(after_help = "例 Examples:\n  \
    ajisai explain --source nagasaki-mc --record lab-1 --viewer sakura-clinic --as nagasaki-mc.token\n  \
    ajisai explain --source nagasaki-mc --record lab-1 --viewer sakura-clinic --member M-0001 --at 2026-04-01T09:00:00+09:00 --as nagasaki-mc.token\n\n\
    終了コード Exit codes: 0 見える shown, 3 見えない not shown, 1 失敗 failed")]
pub struct Explain {
    /// 開示施設 The disclosing facility.
    #[arg(long, value_name = "ID", value_parser = |text: &str| FacilityId::parse(text))]
    source: FacilityId,
    /// 記録のID The record's id there.
    #[arg(long, value_name = "ID", value_parser = |text: &str| RecordId::parse(text))]
    record: RecordId,
    /// 閲覧施設（省略時は自施設） The viewing facility; the caller's own when not given.
    #[arg(long, value_name = "ID", value_parser = |text: &str| FacilityId::parse(text))]
    viewer: Option<FacilityId>,
    /// 閲覧する職員 The member who looks; the facility's system when not given.
    #[arg(long, value_name = "ID", value_parser = |text: &str| MemberId::parse(text))]
    member: Option<MemberId>,
    /// 職種 In which role; the member's in the directory when not given.
    #[arg(long, value_name = "ROLE")]
    role: Option<Role>,
    /// 利用目的 For which purpose.
    #[arg(long, value_name = "CODE", default_value = "TREAT")]
    purpose: Purpose,
    /// 時計をいつとして読むか At which moment the clock is read; now when not given.
    #[arg(long, value_name = "TIME", value_parser = |text: &str| Moment::parse(text))]
    at: Option<Moment>,
    #[command(flatten)]
    connection: Connection,
}

impl Explain {
    /// Asks and prints.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses the question.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let request = v1::ExplainRequest {
            source: self.source.as_str().to_owned(),
            record_id: self.record.as_str().to_owned(),
            viewer: self.viewer.map(|id| id.as_str().to_owned()).unwrap_or_default(),
            member: self.member.map(|id| id.as_str().to_owned()).unwrap_or_default(),
            role: self.role.map_or(0, |role| v1::Role::from(role).into()),
            purpose: v1::Purpose::from(self.purpose).into(),
            at_us: self.at.map(Moment::micros),
        };
        let client = self.connection.open().await?;
        let response = client.explain().explain(request).await;
        let v1::ExplainResponse { answer, answer_ja, answer_en, explanation, frontier: _ } =
            response.map_err(|status| anyhow::anyhow!(refused(&status)))?.into_inner();
        say(format!("{answer_ja} {answer_en}"));
        if let Some(explanation) = explanation {
            print(explanation)?;
        }
        Ok(if answer == "nothing-here" { ExitCode::from(3) } else { ExitCode::SUCCESS })
    }
}

fn print(explanation: v1::Explanation) -> anyhow::Result<()> {
    let v1::Explanation { shown: _, reason, gates, consents, glasses, rules, labels, links, since_us, next_change_us } =
        explanation;
    if !reason.is_empty() {
        say(format!("理由 reason: {reason}"));
    }
    let mut printed = table(&["種類 kind", "対象 what", "判定 verdict", "理由 reason"]);
    let kinds = [
        ("関門 gate", gates),
        ("同意 consent", consents),
        ("緊急閲覧 broken glass", glasses),
        ("開示範囲 scope rule", rules),
    ];
    for (kind, findings) in kinds {
        for v1::GateFinding { what, verdict, reason } in findings {
            printed.add_row([kind.to_owned(), what, verdict, reason]);
        }
    }
    say(printed.to_string());
    let labels: Vec<&str> = labels
        .into_iter()
        .filter_map(|label| model::Label::try_from(v1::Label::try_from(label).ok()?).ok())
        .map(model::Label::code)
        .collect();
    if !labels.is_empty() {
        say(format!("標識 labels: {}", labels.join(" ")));
    }
    if !links.is_empty() {
        say(format!("紐付け links: {}", links.join(" ")));
    }
    let moments = [("開示の始まり shown since", since_us), ("次に変わる時 next change", next_change_us)];
    for (name, micros) in moments {
        if let Some(micros) = micros {
            say(format!("{name}: {}", Moment::from_micros(micros).context("a moment out of range")?));
        }
    }
    Ok(())
}
