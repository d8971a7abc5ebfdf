//! Emergencies: breaking the glass, closing it, listing and reviewing what was broken; and releasing what was held.

use super::{each, list, own, refused, stated_at};
use crate::cli::rows::Row;
use crate::cli::terminal::{remark, say, table};
use crate::client::{Client, Connection};
use anyhow::{Context, bail};
use clap::Args;
use model::{
    BreakGlass, BreakGlassEnd, BreakGlassReview, Category, CategorySet, FacilityId, GlassId, Moment, PatientNumber,
    PatientRef, Release, ReviewOutcome,
};
use std::process::ExitCode;
use wire::v1;

#[derive(Debug, Args)]
pub(super) struct Break {
    /// 開示施設 The facility that holds the records.
    #[arg(long, value_name = "ID", value_parser = |text: &str| FacilityId::parse(text))]
    source: FacilityId,
    /// 開示施設の患者番号 The patient's number there.
    #[arg(long, value_name = "NUMBER", value_parser = |text: &str| PatientNumber::parse(text))]
    patient: PatientNumber,
    /// 理由（開示施設が読む） Why consent cannot be waited for; the disclosing facility reads it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// 何時間（最長24） For how many hours, at most 24.
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u8).range(1..=24))]
    hours: u8,
    /// 番号（既定は新しく作る） Id; a new one when not given.
    #[arg(long, value_parser = |text: &str| GlassId::parse(text))]
    id: Option<GlassId>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub(super) struct Close {
    /// 緊急閲覧の番号 The glass's id.
    #[arg(value_parser = |text: &str| GlassId::parse(text))]
    id: GlassId,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub(super) struct Glasses {
    /// 確認待ちだけ Only those that wait for a review.
    #[arg(long)]
    waiting: bool,
    /// 自施設の患者のものだけ（確認する側） Only those over the facility's own patients: its review queue.
    #[arg(long)]
    own_patients: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub(super) struct Review {
    /// 緊急閲覧の番号 The glass's id.
    #[arg(value_parser = |text: &str| GlassId::parse(text))]
    id: GlassId,
    /// 判断 justified（緊急だった） or unjustified（緊急ではなく、直ちに閉じる）
    #[arg(long, value_name = "OUTCOME")]
    outcome: ReviewOutcome,
    /// 所見 What was found, in words.
    #[arg(long, value_name = "TEXT", default_value = "")]
    text: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub(super) struct ReleaseHeld {
    /// 自施設の患者番号 The patient's number at the disclosing facility, which is the caller's.
    #[arg(long, value_name = "NUMBER", value_parser = |text: &str| PatientNumber::parse(text))]
    patient: PatientNumber,
    /// 種別（`|` 区切り、既定はすべて） Categories, separated by `|`; all when not given.
    #[arg(long = "category", value_name = "CODES")]
    categories: Option<String>,
    /// この時刻までに記録されたもの（既定は今） Records recorded up to this moment; now when not given.
    #[arg(long, value_name = "TIME", value_parser = |text: &str| Moment::parse(text))]
    until: Option<Moment>,
    #[command(flatten)]
    connection: Connection,
}

type Answered = Result<tonic::Response<v1::ConsentResponse>, tonic::Status>;

/// Sends one statement, and returns when it is in effect: exit code 3 when it was refused.
async fn state<T>(client: &Client, content: T, send: impl AsyncFn(T, String) -> Answered) -> anyhow::Result<ExitCode> {
    let digest = uuid::Uuid::now_v7().simple().to_string();
    each(client, vec![Row { line: 1, content, digest }], async |row| {
        Ok(send(row.content, row.digest).await.map(|response| {
            let v1::ConsentResponse { position: _, at_least, duplicate } = response.into_inner();
            (duplicate, at_least)
        }))
    })
    .await
}

async fn listed(client: &Client, request: v1::ListGlassesRequest) -> anyhow::Result<Vec<v1::GlassEntry>> {
    let response = client.consents().list_glasses(request).await;
    Ok(response.map_err(|status| anyhow::anyhow!(refused(&status)))?.into_inner().glasses)
}

/// A glass in which the caller's facility has a part, by its id. Ids are unique only per viewing facility and patient.
async fn find(client: &Client, id: &GlassId) -> anyhow::Result<BreakGlass> {
    let request = v1::ListGlassesRequest { page_size: 1000, ..Default::default() };
    let mut found = Vec::new();
    for entry in listed(client, request).await? {
        let glass = BreakGlass::try_from(entry.glass.context("an entry without a glass")?)?;
        if glass.id == *id {
            found.push(glass);
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(glass), true) => Ok(glass),
        (None, _) => bail!("その番号の緊急閲覧はありません no broken glass of the caller's facility has this id"),
        (Some(_), false) => {
            bail!("その番号の緊急閲覧が複数あります several glasses have this id; use gRPC and name all of it")
        }
    }
}

impl Break {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let facility = own(&self.connection)?;
        let member = self.connection.member()?;
        let member = member.context("緊急閲覧は本人だけ a person breaks the glass: use their token")?;
        let from = stated_at(None)?;
        let id = match self.id {
            Some(id) => id,
            None => GlassId::parse(&format!("g-{}", uuid::Uuid::now_v7().simple()))?,
        };
        let client = self.connection.open().await?;
        let glass = v1::BreakGlass {
            id: id.as_str().to_owned(),
            facility: facility.as_str().to_owned(),
            member: member.as_str().to_owned(),
            // The caller's, whatever the token says it is.
            role: 0,
            patient: Some((&PatientRef::new(self.source, self.patient)).into()),
            reason: self.reason,
            from_us: Some(from.micros()),
            until_us: Some(from.plus_micros(i64::from(self.hours) * 3_600_000_000).micros()),
        };
        say(format!("緊急閲覧 glass {id}"));
        let code = state(&client, glass, async |glass, request_id| {
            let request = v1::BreakGlassRequest { glass: Some(glass), request_id };
            client.consents().break_glass(request).await
        })
        .await?;
        if code == ExitCode::SUCCESS {
            remark(
                "利用目的 BTG で照会すると、開示施設が認めた範囲が見えます。開示施設に知らされ、後で確認されます。\n\
                 Ask with purpose BTG: you see what the disclosing facility allows. It has been told and will review this.",
            );
        }
        Ok(code)
    }
}

impl Close {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let client = self.connection.open().await?;
        let BreakGlass { id, facility, patient, .. } = find(&client, &self.id).await?;
        let end = BreakGlassEnd { id, facility, patient, at: stated_at(None)? };
        state(&client, end, async |end, request_id| {
            let request = v1::CloseGlassRequest { end: Some((&end).into()), request_id };
            client.consents().close_glass(request).await
        })
        .await
    }
}

impl Review {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let reviewer = self.connection.member()?;
        let reviewer = reviewer.context("確認は職員が行う a person reviews: use their token")?;
        let client = self.connection.open().await?;
        let BreakGlass { id, facility, patient, .. } = find(&client, &self.id).await?;
        let (outcome, text, at) = (self.outcome, self.text, stated_at(None)?);
        let review = BreakGlassReview { id, facility, patient, reviewer, outcome, text, at };
        state(&client, review, async |review, request_id| {
            let request = v1::ReviewGlassRequest { review: Some((&review).into()), request_id };
            client.consents().review_glass(request).await
        })
        .await
    }
}

impl ReleaseHeld {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let categories = match &self.categories {
            Some(text) => list::<_, Category, _>(text, str::parse).context("categories")?.into_iter().collect(),
            None => CategorySet::all(),
        };
        let recorded_until = match self.until {
            Some(until) => until,
            None => stated_at(None)?,
        };
        let patient = PatientRef::new(own(&self.connection)?, self.patient);
        let client = self.connection.open().await?;
        state(&client, Release { patient, categories, recorded_until }, async |release, request_id| {
            let request = v1::ReleaseRequest { release: Some((&release).into()), request_id };
            client.consents().release(request).await
        })
        .await
    }
}

impl Glasses {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let client = self.connection.open().await?;
        let request = v1::ListGlassesRequest {
            waiting_only: self.waiting,
            own_patients_only: self.own_patients,
            page_size: 1000,
        };
        let mut printed = table(&[
            "番号 id",
            "閲覧 viewer",
            "職員 member",
            "開示 source",
            "患者 patient",
            "期間 from – until",
            "状態 standing",
            "確認 review",
            "閲覧行数 rows read",
            "理由 reason",
        ]);
        let glasses = listed(&client, request).await?;
        let readings = readings(&client, &glasses).await?;
        for (entry, reading) in glasses.iter().zip(readings) {
            printed.add_row(row(entry, &reading)?);
        }
        say(printed.to_string());
        remark(format!("{} 件 glasses", glasses.len()));
        Ok(ExitCode::SUCCESS)
    }
}

/// What was read under each, as the ledger has it.
async fn readings(client: &Client, glasses: &[v1::GlassEntry]) -> anyhow::Result<Vec<v1::GlassReading>> {
    let mut readings = Vec::with_capacity(glasses.len());
    for some in glasses.chunks(1000) {
        let named = some.iter().filter_map(|entry| entry.glass.clone()).map(|glass| v1::GlassRef {
            id: glass.id,
            facility: glass.facility,
            patient: glass.patient,
        });
        let request = v1::ReadingsRequest { glasses: named.collect() };
        let answer = client.ledger().readings(request).await;
        readings.extend(answer.map_err(|status| anyhow::anyhow!(refused(&status)))?.into_inner().readings);
    }
    if readings.len() != glasses.len() {
        bail!("the node answered about {} of {} glasses: ask again", readings.len(), glasses.len());
    }
    Ok(readings)
}

fn row(entry: &v1::GlassEntry, reading: &v1::GlassReading) -> anyhow::Result<[String; 10]> {
    let v1::GlassEntry { glass, position: _, open, closed_us, review } = entry.clone();
    let glass = BreakGlass::try_from(glass.context("an entry without a glass")?)?;
    let review = review.map(BreakGlassReview::try_from).transpose()?;
    let standing = match (open, closed_us) {
        (true, _) => "閲覧中 open".to_owned(),
        (false, Some(micros)) => format!("閉じた closed {}", Moment::from_micros(micros)?),
        (false, None) => "終了 ended".to_owned(),
    };
    let review = match review {
        None => "確認待ち waiting".to_owned(),
        Some(review) => {
            let found = match review.outcome {
                ReviewOutcome::Justified => "緊急だった justified",
                ReviewOutcome::Unjustified => "緊急ではない unjustified",
            };
            format!("{found} ({}) {}", review.reviewer, review.text)
        }
    };
    Ok([
        glass.id.as_str().to_owned(),
        glass.facility.as_str().to_owned(),
        format!("{} ({})", glass.member, glass.role.code()),
        glass.patient.facility().as_str().to_owned(),
        glass.patient.number().as_str().to_owned(),
        format!("{} – {}", glass.from(), glass.until()),
        standing,
        review,
        reading.rows.iter().map(|row| row.rows).sum::<u64>().to_string(),
        glass.reason().to_owned(),
    ])
}
