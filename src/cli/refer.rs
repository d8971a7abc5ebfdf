//! `ajisai refer`: 紹介, 逆紹介, 搬送.

use super::consent::{own, refused};
use super::terminal::{remark, say, table};
use crate::client::Connection;
use anyhow::Context;
use clap::{Args, Subcommand};
use model::{FacilityId, MemberId, Moment, PatientNumber, PatientRef, ReferralId, ReferralKind, ReferralStep};
use std::path::PathBuf;
use std::process::ExitCode;
use wire::v1;

/// 紹介・逆紹介・搬送：患者を他の施設へ送り、受け入れから結果までを記録する。
/// Referrals: send a patient to another facility, send them back, transfer them, and keep what becomes of it.
#[derive(Debug, Args)]
#[command(
    after_help = "流れ Course:\n  送る send → 受ける accept → (出発 depart →) 到着 arrive → 結果 complete → 閉じる close\n  \
    受けられない decline → close；到着前なら取消 cancel before the arrival\n\n\
    紹介だけでは何も開かない。受ける側に見えるのは、患者の同意と開示範囲がこの患者の「message」を開いている間だけ。\n\
    A referral opens nothing. The receiving side is shown it while consent and scope open messages of the patient.\n\
    搬送では --open-hours で、受ける側に期限つきですべてを開ける（代行同意。相手の事前の合意が要る）。\n\
    For a transfer, --open-hours opens everything to the receiving side for so long (consent by proxy: it needs that\n\
    side's agreement, `ajisai directory agree`)."
)]
pub struct Refer {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// 紹介する。Send a referral.
    #[command(
        after_help = "例 Examples:\n  ajisai refer send --as clinic.token --patient 0012 --to nagasaki-mc --reason 腎機能の精査をお願いします\n  \
        ajisai refer send --as clinic.token --patient 0012 --to perinatal --kind transfer --open-hours 12 \\\n      --reason '28週 血圧168/112 頭痛'\n  \
        ajisai refer send --as hospital.token --patient 77 --to sato-clinic --kind refer-back --answers r-0192 --reason-file letter.txt\n\n\
        終了コード Exit codes: 0 受ける側に見えている it is shown, 3 送ったが見えていない sent, but not shown there"
    )]
    Send(Box<Send>),
    /// 紹介の一覧（送ったもの、届いたもの、新しい順）。Referrals sent and received, the newest first.
    #[command(after_help = "例 Example:\n  ajisai refer list --as hospital.token --open")]
    List {
        /// 終わっていないものだけ Only those that are not cancelled or closed.
        #[arg(long)]
        open: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// 受ける。Accept (the receiving facility).
    #[command(
        after_help = "例 Example:\n  ajisai refer accept r-0192 --from sato-clinic --as hospital.token --words 明日10時に外来へ"
    )]
    Accept(Turn),
    /// 受けられない。Decline (the receiving facility).
    #[command(
        after_help = "例 Example:\n  ajisai refer decline r-0192 --from sato-clinic --as hospital.token --words 満床"
    )]
    Decline(Turn),
    /// 出発した。The patient has left (the sending facility).
    #[command(after_help = "例 Example:\n  ajisai refer depart r-0192 --as clinic.token")]
    Depart(Turn),
    /// 到着した。The patient has come (the receiving facility).
    #[command(after_help = "例 Example:\n  ajisai refer arrive r-0192 --from sato-clinic --as hospital.token")]
    Arrive(Turn),
    /// 結果を知らせる。Say how it ended (the receiving facility).
    #[command(
        after_help = "例 Example:\n  ajisai refer complete r-0192 --from sato-clinic --as hospital.token --words 帝王切開 母児とも安定"
    )]
    Complete(Turn),
    /// 取り消す（到着前）。Take it back before the arrival (the sending facility).
    #[command(after_help = "例 Example:\n  ajisai refer cancel r-0192 --as clinic.token")]
    Cancel(Turn),
    /// 結果を読み、開いたものを閉じる。Close it, and what it opened (the sending facility).
    #[command(after_help = "例 Example:\n  ajisai refer close r-0192 --as clinic.token")]
    Close(Turn),
}

#[derive(Debug, Args)]
struct Send {
    /// 自施設の患者番号 The patient's number at the sending facility, which is the caller's.
    #[arg(long, value_name = "NUMBER", value_parser = |text: &str| PatientNumber::parse(text))]
    patient: PatientNumber,
    /// 受ける施設 The receiving facility.
    #[arg(long, value_name = "ID", value_parser = |text: &str| FacilityId::parse(text))]
    to: FacilityId,
    /// 種類 refer（紹介）, refer-back（逆紹介）, transfer（搬送）
    #[arg(long, default_value = "refer")]
    kind: ReferralKind,
    /// 理由 Why.
    #[arg(long, value_name = "TEXT", required_unless_present = "reason_file", conflicts_with = "reason_file")]
    reason: Option<String>,
    /// 理由を書いたファイル（UTF-8） A file that says why.
    #[arg(long, value_name = "FILE")]
    reason_file: Option<PathBuf>,
    /// この紹介への返事 The receiving facility's referral that this one answers.
    #[arg(long, value_name = "ID", value_parser = |text: &str| ReferralId::parse(text))]
    answers: Option<ReferralId>,
    /// 何時間、すべてを開けるか（0なら開けない） For how many hours everything is opened; 0: nothing is.
    #[arg(long, value_name = "HOURS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=72))]
    open_hours: u32,
    /// 番号（既定は新しく作る） Id; a new one when not given.
    #[arg(long, value_parser = |text: &str| ReferralId::parse(text))]
    id: Option<ReferralId>,
    /// 紹介する人（システムとして送るとき） Who refers, where the caller is a system.
    #[arg(long, value_name = "MEMBER", value_parser = |text: &str| MemberId::parse(text))]
    by: Option<MemberId>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
struct Turn {
    /// 紹介の番号 The referral's id.
    #[arg(value_parser = |text: &str| ReferralId::parse(text))]
    id: ReferralId,
    /// 紹介した施設（既定は自施設） The sending facility; the caller's when not given.
    #[arg(long, value_name = "ID", value_parser = |text: &str| FacilityId::parse(text))]
    from: Option<FacilityId>,
    /// 一言（500バイトまで） In your own words, one line.
    #[arg(long, value_name = "TEXT", default_value = "")]
    words: String,
    /// だれが（システムとして送るとき） Who, where the caller is a system.
    #[arg(long, value_name = "MEMBER", value_parser = |text: &str| MemberId::parse(text))]
    by: Option<MemberId>,
    #[command(flatten)]
    connection: Connection,
}

impl Refer {
    /// Does what was asked.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.act {
            Act::Send(send) => send.run().await,
            Act::List { open, connection } => list(&connection, open).await,
            Act::Accept(turn) => turn.take(ReferralStep::Accepted).await,
            Act::Decline(turn) => turn.take(ReferralStep::Declined).await,
            Act::Depart(turn) => turn.take(ReferralStep::Departed).await,
            Act::Arrive(turn) => turn.take(ReferralStep::Arrived).await,
            Act::Complete(turn) => turn.take(ReferralStep::Completed).await,
            Act::Cancel(turn) => turn.take(ReferralStep::Cancelled).await,
            Act::Close(turn) => turn.take(ReferralStep::Closed).await,
        }
    }
}

fn text<T>(id: Option<&T>, of: fn(&T) -> &str) -> String {
    id.map(of).unwrap_or_default().to_owned()
}

impl Send {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let reason = match (self.reason, self.reason_file) {
            (Some(reason), _) => reason,
            (None, Some(file)) => {
                std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?
            }
            (None, None) => String::new(),
        };
        let patient = PatientRef::new(own(&self.connection)?, self.patient);
        let referral = v1::Referral {
            id: text(self.id.as_ref(), ReferralId::as_str),
            patient: Some((&patient).into()),
            to: self.to.as_str().to_owned(),
            kind: v1::ReferralKind::from(self.kind).into(),
            reason,
            answers: text(self.answers.as_ref(), ReferralId::as_str),
            opens: String::new(),
            by: text(self.by.as_ref(), MemberId::as_str),
            at_us: None,
        };
        let client = self.connection.open().await?;
        let request = v1::SendReferralRequest { referral: Some(referral), open_hours: self.open_hours };
        let sent = client.referrals().send_referral(request).await;
        let sent = sent.map_err(|status| anyhow::anyhow!(refused(&status)))?.into_inner();
        say(&sent.id);
        if sent.opened {
            remark(format!("{} に見えています it is shown there", self.to));
            return Ok(ExitCode::SUCCESS);
        }
        remark(format!(
            "送りましたが、{} にはまだ内容が見えません。患者の同意、開示範囲、代行同意への合意を確かめてください。\n\
             Sent, but its content is not shown there yet: look at the patient's consent, the disclosure scope and, for a \
             consent by proxy, the agreement.",
            self.to
        ));
        Ok(ExitCode::from(3))
    }
}

impl Turn {
    async fn take(self, step: ReferralStep) -> anyhow::Result<ExitCode> {
        let client = self.connection.open().await?;
        let request = v1::TurnReferralRequest {
            id: self.id.as_str().to_owned(),
            from: text(self.from.as_ref(), FacilityId::as_str),
            step: v1::ReferralStep::from(step).into(),
            words: self.words,
            by: text(self.by.as_ref(), MemberId::as_str),
        };
        let turned = client.referrals().turn_referral(request).await;
        let turned = turned.map_err(|status| anyhow::anyhow!(refused(&status)))?.into_inner();
        say(format!("{} {step}", self.id));
        if turned.closed {
            remark("開いていた同意を撤回しました the consent of the referral is withdrawn");
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(connection: &Connection, open: bool) -> anyhow::Result<ExitCode> {
    let client = connection.open().await?;
    let request = v1::ListReferralsRequest { open_only: open, page_size: 1000 };
    let found = client.referrals().list_referrals(request).await;
    let found = found.map_err(|status| anyhow::anyhow!(refused(&status)))?.into_inner().referrals;
    let mut printed =
        table(&["番号 id", "種類 kind", "患者 patient", "から from", "へ to", "状態 state", "理由 reason"]);
    let waits = found.len();
    for v1::ReferralEntry { referral, turns, from, .. } in found {
        let v1::Referral { id, patient, to, kind, reason, at_us, .. } = referral.unwrap_or_default();
        let kind = v1::ReferralKind::try_from(kind).ok().and_then(|kind| ReferralKind::try_from(kind).ok());
        let sent = Moment::from_micros(at_us.unwrap_or_default())?;
        let steps = turns.iter().map(|turn| {
            let step = ReferralStep::try_from(turn.step()).map_or("", ReferralStep::code);
            let at = turn.at_us.and_then(|at| Moment::from_micros(at).ok()).map(|at| at.to_string());
            format!("{step} {} {}", at.unwrap_or_default(), turn.words)
        });
        let state: Vec<String> = std::iter::once(format!("sent {sent}")).chain(steps).collect();
        let patient = patient.unwrap_or_default();
        printed.add_row([
            id,
            kind.map_or("", ReferralKind::code).to_owned(),
            format!("{} {}", patient.facility, patient.number),
            from,
            to,
            state.join("\n"),
            reason,
        ]);
    }
    if waits == 0 {
        remark("紹介はありません there are no referrals");
    } else {
        say(printed.to_string());
    }
    Ok(ExitCode::SUCCESS)
}
