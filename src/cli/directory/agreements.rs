//! A viewing facility's prior agreement to consents by proxy (代行同意).

use super::done;
use crate::cli::consent::{each, own, stated_at};
use crate::cli::rows::Row;
use crate::cli::terminal::say;
use crate::client::Connection;
use clap::Args;
use model::{AgreementEnd, AgreementId, FacilityId, MemberId, Moment, Period, ViewerAgreement};
use std::process::ExitCode;
use wire::v1;

#[derive(Debug, Args)]
pub(super) struct Agree {
    /// 同意を代行して取る開示施設 The disclosing facility that takes the consents.
    #[arg(long, value_name = "ID", value_parser = |text: &str| FacilityId::parse(text))]
    source: FacilityId,
    /// 承諾する職員（既定は施設全体） The members it agrees for; the whole facility when none is given.
    #[arg(long = "member", value_name = "ID", value_parser = |text: &str| MemberId::parse(text))]
    members: Vec<MemberId>,
    /// 期間の始まり From.
    #[arg(long, value_name = "TIME", value_parser = |text: &str| Moment::parse(text))]
    from: Option<Moment>,
    /// 期間の終わり Until.
    #[arg(long, value_name = "TIME", value_parser = |text: &str| Moment::parse(text))]
    until: Option<Moment>,
    /// 番号（既定は新しく作る） Id; a new one when not given.
    #[arg(long, value_parser = |text: &str| AgreementId::parse(text))]
    id: Option<AgreementId>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub(super) struct End {
    /// 承諾の番号 The agreement's id.
    #[arg(value_parser = |text: &str| AgreementId::parse(text))]
    id: AgreementId,
    #[command(flatten)]
    connection: Connection,
}

impl Agree {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let digest = uuid::Uuid::now_v7().simple().to_string();
        let id = match self.id {
            Some(id) => id,
            None => AgreementId::parse(&format!("a-{digest}"))?,
        };
        let agreement = ViewerAgreement {
            id,
            facility: own(&self.connection)?,
            source: self.source,
            members: self.members,
            period: Period::new(self.from, self.until)?,
        };
        let client = self.connection.open().await?;
        say(format!("承諾 agreement {}", agreement.id));
        each(&client, vec![Row { line: 1, content: agreement, digest }], async |row| {
            let request = v1::PutAgreementRequest { agreement: Some((&row.content).into()), request_id: row.digest };
            Ok(client.directory().put_agreement(request).await.map(done))
        })
        .await
    }
}

impl End {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let end = AgreementEnd { id: self.id, facility: own(&self.connection)?, at: stated_at(None)? };
        let client = self.connection.open().await?;
        let digest = uuid::Uuid::now_v7().simple().to_string();
        each(&client, vec![Row { line: 1, content: end, digest }], async |row| {
            let request = v1::EndAgreementRequest { end: Some((&row.content).into()), request_id: row.digest };
            Ok(client.directory().end_agreement(request).await.map(done))
        })
        .await
    }
}
