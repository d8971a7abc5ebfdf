//! `ajisai consent`: give, withdraw, list and show consents; break the glass and review; release what was held.

mod glass;

use super::rows::{self, Row};
use super::terminal::{remark, say, table};
use crate::client::{Client, Connection};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use ingest::fhir::consent::{export, export_withdrawn};
use model::{
    Category, CategorySet, Consent, ConsentForm, ConsentId, ConsentState, DepartmentCode, Exceptions, FacilityId,
    Label, Labels, MemberId, Moment, Paper, PatientNumber, PatientRef, Period, Provision, Purpose, PurposeSet, Signer,
    Viewers, Withdrawal,
};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wire::v1;

/// 同意：登録、撤回、一覧、表示、緊急閲覧とその確認、保留の解除。
/// Consents: give, withdraw, list, show; break the glass and review it; release what was held.
#[derive(Debug, Args)]
pub struct ConsentCommand {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// 同意を登録する。Give a consent, or many from a file.
    #[command(after_help = "例 Examples:\n  \
        ajisai consent give --as hospital.token --patient 00012345 --viewer himawari-clinic\n  \
        ajisai consent give --as hospital.token --patient 00012345 --all-members --category laboratory --until 2027-04-01\n  \
        ajisai consent give --as hospital.token --from-file consents.csv\n\n\
        ファイルの列（CSV の見出し、NDJSON のキー） Columns: patient, viewers or practitioners (separated by `|`) or all_members=true, and\n\
        optionally id, state, from, until, data_from, data_until, categories, departments, labels, purposes, signer,\n\
        relation, supersedes, taken_by, signed_at. 同じ行は再送しても一度だけ。The same row sent again is one consent.")]
    Give(Box<Give>),
    /// 同意を撤回する（取り消せない）。Withdraw a consent; it is final.
    #[command(after_help = "例 Example:\n  ajisai consent withdraw --as hospital.token --patient 00012345 c-0f3a…")]
    Withdraw(Withdraw),
    /// 自施設が関わる同意の一覧。The consents in which the facility has a part.
    #[command(after_help = "例 Example:\n  ajisai consent list --as hospital.token --active\n  \
        ajisai consent list --as hospital.token --fhir > Consent.ndjson")]
    List(List),
    /// 一つの同意を表示する。Show one consent.
    #[command(after_help = "例 Example:\n  ajisai consent show --as hospital.token c-0f3a…")]
    Show(Show),
    /// 緊急閲覧を始める（臨床職員本人が、同意を待てないとき）。Break the glass: clinical staff, each for themselves.
    ///
    /// 開示施設があらかじめ認めた職種と範囲だけが、最長24時間、利用目的BTGで見える。開示施設には直ちに知らされる。
    /// It opens, for purpose BTG and at most 24 hours, what the disclosing facility's scope has allowed beforehand. That
    /// facility is told at once and reviews it.
    #[command(after_help = "例 Example:\n  \
        ajisai consent break-glass --as dr-sato.token --source nagasaki-mc --patient 00012345 --reason '意識障害で搬送' --hours 2\n\n\
        終了コード Exit codes: 0 始まった broken, 3 拒否された refused, 1 失敗 failed")]
    BreakGlass(glass::Break),
    /// 緊急閲覧を終える。Close a broken glass before its time.
    #[command(after_help = "例 Example:\n  ajisai consent close-glass --as dr-sato.token g-0f3a…")]
    CloseGlass(glass::Close),
    /// 緊急閲覧の一覧（確認待ちが先）。The glasses over the facility's patients and by its members; those that wait first.
    #[command(after_help = "例 Examples:\n  \
        ajisai consent glasses --as hospital.token --waiting --own-patients   （自施設が確認するもの the review queue）\n  \
        ajisai consent glasses --as clinic.token")]
    Glasses(glass::Glasses),
    /// 緊急閲覧を確認する（開示施設）。Review a broken glass: the disclosing facility's staff.
    #[command(after_help = "例 Examples:\n  \
        ajisai consent review-glass --as clerk.token g-0f3a… --outcome justified --text 救急搬送を確認した\n  \
        ajisai consent review-glass --as clerk.token g-0f3a… --outcome unjustified   （直ちに閉じる it is closed at once）")]
    ReviewGlass(glass::Review),
    /// 保留していた記録を解除する（開示施設、取り消せない）。Release what the scope held until released; it is final.
    #[command(after_help = "例 Example:\n  \
        ajisai consent release --as hospital.token --patient 00012345 --category 'laboratory|document'")]
    Release(glass::ReleaseHeld),
}

#[derive(Debug, Args)]
struct Give {
    /// ファイルからまとめて Many, from a CSV or NDJSON file.
    #[arg(long, value_name = "FILE", conflicts_with = "patient")]
    from_file: Option<PathBuf>,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    connection: Connection,
}

/// What a consent says, on the command line or in a row.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Terms {
    /// 開示施設の患者番号 The patient's number at the disclosing facility.
    #[arg(long, value_name = "NUMBER")]
    patient: Option<String>,
    /// 開示施設（既定は自施設） The disclosing facility; the caller's when not given.
    #[arg(long, value_name = "ID")]
    source: Option<String>,
    /// 閲覧施設（`|` 区切り） Viewing facilities, separated by `|`.
    #[arg(long = "viewer", value_name = "IDS")]
    viewers: Option<String>,
    /// 閲覧する職員（`|` 区切り） Named practitioners, separated by `|`.
    #[arg(long = "practitioner", value_name = "IDS")]
    practitioners: Option<String>,
    /// 全参加施設に All members of the network.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    all_members: Option<String>,
    /// 同意の番号（既定は内容から作る） Id; made from the content when not given.
    #[arg(long)]
    id: Option<String>,
    /// 状態 draft, signed, received, active, rejected.
    #[arg(long)]
    state: Option<String>,
    /// 有効期間の始まり In force from.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// 有効期間の終わり In force until.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// 対象データの始まり Data from.
    #[arg(long, value_name = "TIME")]
    data_from: Option<String>,
    /// 対象データの終わり Data until.
    #[arg(long, value_name = "TIME")]
    data_until: Option<String>,
    /// 種別（`|` 区切り、既定はすべて） Categories, separated by `|`; all when not given.
    #[arg(long = "category", value_name = "CODES")]
    categories: Option<String>,
    /// 診療科（`|` 区切り、既定はすべて） Departments, separated by `|`; all when not given.
    #[arg(long = "department", value_name = "CODES")]
    departments: Option<String>,
    /// 機微情報ラベル（`|` 区切り） Sensitivity labels opened, separated by `|`.
    #[arg(long = "label", value_name = "CODES")]
    labels: Option<String>,
    /// 利用目的（`|` 区切り、既定は治療と救急） Purposes; TREAT|ETREAT when not given.
    #[arg(long = "purpose", value_name = "CODES")]
    purposes: Option<String>,
    /// 署名者 patient, representative, agent.
    #[arg(long)]
    signer: Option<String>,
    /// 署名者の続柄（代理人のとき） What a representative or agent is to the patient.
    #[arg(long)]
    relation: Option<String>,
    /// 置き換える同意の番号 The id of the consent whose place this one takes.
    #[arg(long, value_name = "ID")]
    supersedes: Option<String>,
    /// 同意を取得した施設（既定は閲覧施設、開示施設を書けば代行同意） The facility that took it. When not given: the first
    /// viewer if the caller discloses, else the caller. The discloser itself takes it by proxy, which opens only to
    /// viewers that have agreed beforehand.
    #[arg(long, value_name = "ID")]
    taken_by: Option<String>,
    /// 署名の時刻（既定は今） When it was signed; now when not given.
    #[arg(long, value_name = "TIME")]
    signed_at: Option<String>,
}

#[derive(Debug, Args)]
struct Withdraw {
    /// 同意の番号 The consent's id.
    #[arg(required_unless_present = "from_file")]
    id: Option<String>,
    /// 開示施設の患者番号 The patient's number at the disclosing facility; looked up when not given.
    #[arg(long, value_name = "NUMBER")]
    patient: Option<String>,
    /// まとめて（列: id, patient, source） Many, from a file with the columns id, patient and optionally source.
    #[arg(long, value_name = "FILE", conflicts_with = "id")]
    from_file: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WithdrawRow {
    id: String,
    patient: String,
    source: Option<String>,
}

#[derive(Debug, Args)]
struct List {
    /// 患者番号で絞る Only this patient of the caller's facility.
    #[arg(long, value_name = "NUMBER")]
    patient: Option<String>,
    /// 有効なものだけ Only what is active and not withdrawn.
    #[arg(long)]
    active: bool,
    /// FHIR R4 Consent として一行に一つ As FHIR R4 Consent resources, one to a line.
    #[arg(long)]
    fhir: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
struct Show {
    /// 同意の番号 The consent's id.
    id: String,
    #[command(flatten)]
    connection: Connection,
}

impl ConsentCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.act {
            Act::Give(give) => give.run().await,
            Act::Withdraw(withdraw) => withdraw.run().await,
            Act::List(list) => list.run().await,
            Act::Show(show) => show.run().await,
            Act::BreakGlass(act) => act.run().await,
            Act::CloseGlass(act) => act.run().await,
            Act::Glasses(act) => act.run().await,
            Act::ReviewGlass(act) => act.run().await,
            Act::Release(act) => act.run().await,
        }
    }
}

pub(super) fn refused(status: &tonic::Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}

/// When what is stated was stated, where it does not say so itself: for a file the file's own time, so that the same
/// file sent again says the same, else now.
pub(super) fn stated_at(file: Option<&Path>) -> anyhow::Result<Moment> {
    let Some(file) = file else { return Ok(Moment::from_micros(jiff::Timestamp::now().as_microsecond())?) };
    let modified = std::fs::metadata(file).with_context(|| format!("reading {}", file.display()))?.modified()?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(Moment::from_micros(i64::try_from(since.as_micros())?)?)
}

/// The caller's facility.
pub(super) fn own(connection: &Connection) -> anyhow::Result<FacilityId> {
    let facility = connection.facility()?;
    facility.context("the facility is not known from the credentials: name it (--source, or --as-facility)")
}

/// Sends each row and says what became of them: exit code 3 when some were refused.
///
/// It returns when what was accepted is in effect: when everything that `client` is shown includes it.
pub(super) async fn each<T, F>(client: &Client, rows: Vec<Row<T>>, mut send: F) -> anyhow::Result<ExitCode>
where
    F: AsyncFnMut(Row<T>) -> anyhow::Result<Result<(bool, Option<v1::Frontier>), tonic::Status>>,
{
    let (mut accepted, mut duplicate, mut faults) = (0u64, 0u64, 0u64);
    let mut reached = model::Frontier::start();
    let bar = super::terminal::progress("送信中 sending", Some(rows.len() as u64));
    for row in rows {
        let line = row.line;
        match send(row).await.with_context(|| format!("line {line}"))? {
            Ok((again, at_least)) => {
                if again {
                    duplicate += 1
                } else {
                    accepted += 1
                }
                for (partition, next) in model::Frontier::from(at_least.unwrap_or_default()).iter() {
                    reached.advance(partition, next);
                }
            }
            Err(status) => {
                faults += 1;
                remark(format!("{line} 行目 line {line}: {}", refused(&status)));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if accepted + duplicate > 0 {
        crate::client::player::await_frontier(client, &reached).await?;
    }
    say(format!(
        "受理 accepted {accepted}, 重複 duplicate {duplicate}, 拒否 refused {faults}; 位置 at least {reached}"
    ));
    Ok(if faults == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

impl Give {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let rows = match &self.from_file {
            Some(file) => rows::read::<Terms>(file, "consent give")?,
            None => {
                let digest = uuid::Uuid::now_v7().simple().to_string();
                vec![Row { line: 1, content: self.terms.clone(), digest }]
            }
        };
        let own = own(&self.connection)?;
        let now = stated_at(self.from_file.as_deref())?;
        // Everything is read before anything is sent.
        let mut consents = Vec::new();
        for Row { line, content, digest } in rows {
            let consent = content.consent(&own, now, &digest).with_context(|| format!("line {line}"))?;
            consents.push(Row { line, content: consent, digest });
        }
        let client = self.connection.open().await?;
        let many = self.from_file.is_some();
        each(&client, consents, async |row| {
            if !many {
                say(format!("同意 consent {}", row.content.id));
            }
            let consent = Some(v1::Consent::from(&row.content));
            let request = v1::GiveConsentRequest { consent, request_id: row.digest };
            Ok(client.consents().give(request).await.map(|response| {
                let v1::ConsentResponse { position: _, at_least, duplicate } = response.into_inner();
                (duplicate, at_least)
            }))
        })
        .await
    }
}

impl Terms {
    pub(super) fn consent(self, own: &FacilityId, now: Moment, digest: &str) -> anyhow::Result<Consent> {
        let Self {
            patient,
            source,
            viewers,
            practitioners,
            all_members,
            id,
            state,
            from,
            until,
            data_from,
            data_until,
            categories,
            departments,
            labels,
            purposes,
            signer,
            relation,
            supersedes,
            taken_by,
            signed_at,
        } = self;
        let number = patient.context("name the patient: --patient NUMBER")?;
        let source = source.map_or_else(|| Ok(own.clone()), |text| FacilityId::parse(&text)).context("source")?;
        let all = all_members.is_some_and(|text| text == "true");
        let viewers = match (viewers, practitioners, all) {
            (Some(text), None, false) => Viewers::Facilities(list(&text, FacilityId::parse).context("viewers")?),
            (None, Some(text), false) => Viewers::Practitioners(list(&text, MemberId::parse).context("practitioners")?),
            (None, None, true) => Viewers::AllMembers,
            _ => bail!("say to whom: one of --viewer, --practitioner, --all-members"),
        };
        let moment =
            |name: &'static str, text: Option<String>| text.map(|text| Moment::parse(&text)).transpose().context(name);
        let signed_at = moment("signed_at", signed_at)?.unwrap_or(now);
        let taken_by = match (taken_by, &viewers) {
            (Some(text), _) => FacilityId::parse(&text).context("taken_by")?,
            (None, Viewers::Facilities(ids)) if source == *own => ids.first().unwrap_or(own).clone(),
            (None, _) => own.clone(),
        };
        Ok(Consent {
            id: ConsentId::parse(&id.unwrap_or_else(|| format!("c-{}", digest.chars().take(24).collect::<String>())))?,
            patient: PatientRef::new(source, PatientNumber::parse(&number)?),
            viewers,
            state: one(state.as_deref().unwrap_or("active"), &ConsentState::ALL, ConsentState::code)
                .context("state")?,
            supersedes: supersedes.map(|text| ConsentId::parse(&text)).transpose().context("supersedes")?,
            period: Period::new(moment("from", from)?, moment("until", until)?)?,
            data_period: Period::new(moment("data_from", data_from)?, moment("data_until", data_until)?)?,
            categories: match categories {
                Some(text) => list::<_, Category, _>(&text, str::parse).context("categories")?.into_iter().collect(),
                None => CategorySet::all(),
            },
            departments: departments
                .map_or_else(|| Ok(Vec::new()), |text| list(&text, DepartmentCode::parse))
                .context("departments")?,
            labels: labels
                .map_or_else(|| Ok(Vec::new()), |text| list::<_, Label, _>(&text, str::parse))
                .context("labels")?
                .into_iter()
                .collect::<Labels>(),
            purposes: match purposes {
                Some(text) => list::<_, Purpose, _>(&text, str::parse).context("purposes")?.into_iter().collect(),
                None => PurposeSet::of(Purpose::Treatment).with(Purpose::EmergencyTreatment),
            },
            exceptions: Exceptions::none(),
            signer: one(signer.as_deref().unwrap_or("patient"), &Signer::ALL, Signer::code).context("signer")?,
            taken_by,
            signed_at,
            form_digest: String::new(),
            paper: Box::new(Paper { relation: relation.unwrap_or_default(), ..Paper::default() }),
        })
    }
}

/// The entries of a text separated by `|`.
fn list<'a, F, T, E>(text: &'a str, parse: F) -> Result<Vec<T>, E>
where
    F: Fn(&'a str) -> Result<T, E>,
{
    text.split('|').map(str::trim).filter(|part| !part.is_empty()).map(parse).collect()
}

/// The entry of a closed list with that code.
pub(super) fn one<T: Copy>(text: &str, all: &[T], code: impl Fn(T) -> &'static str) -> anyhow::Result<T> {
    all.iter().copied().find(|entry| code(*entry) == text).with_context(|| {
        let known: Vec<&str> = all.iter().map(|entry| code(*entry)).collect();
        format!("write one of {}", known.join(", "))
    })
}

impl Withdraw {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let own = own(&self.connection)?;
        let client = self.connection.open().await?;
        let rows = match (&self.from_file, self.id) {
            (Some(file), _) => rows::read::<WithdrawRow>(file, "consent withdraw")?,
            (None, Some(id)) => {
                let (patient, source) = match self.patient {
                    Some(number) => (number, None),
                    None => {
                        let found = get(&client, &id).await?.consent.and_then(|consent| consent.patient);
                        let found = found.context("the node does not say whose consent it is: give --patient")?;
                        (found.number, Some(found.facility))
                    }
                };
                let digest = uuid::Uuid::now_v7().simple().to_string();
                vec![Row { line: 1, content: WithdrawRow { id, patient, source }, digest }]
            }
            (None, None) => bail!("name the consent"),
        };
        let withdrawn_at = stated_at(self.from_file.as_deref())?;
        each(&client, rows, async |row| {
            let WithdrawRow { id, patient, source } = row.content;
            let source = source.map_or_else(|| Ok(own.clone()), |text| FacilityId::parse(&text))?;
            let withdrawal = Withdrawal {
                id: ConsentId::parse(&id)?,
                patient: PatientRef::new(source, PatientNumber::parse(&patient)?),
                withdrawn_at,
            };
            let withdrawal = Some(v1::Withdrawal::from(&withdrawal));
            let request = v1::WithdrawConsentRequest { withdrawal, request_id: row.digest };
            Ok(client.consents().withdraw(request).await.map(|response| {
                let v1::ConsentResponse { position: _, at_least, duplicate } = response.into_inner();
                (duplicate, at_least)
            }))
        })
        .await
    }
}

async fn get(client: &Client, id: &str) -> anyhow::Result<v1::ConsentEntry> {
    let request = v1::GetConsentRequest { id: id.to_owned() };
    let response = client.consents().get(request).await.map_err(|status| anyhow::anyhow!(refused(&status)))?;
    Ok(response.into_inner())
}

/// A consent as its parts in words.
fn describe(entry: v1::ConsentEntry) -> anyhow::Result<(Consent, String)> {
    let v1::ConsentEntry { consent, withdrawn_us, position: _ } = entry;
    let consent = Consent::try_from(consent.context("an entry without a consent")?)?;
    let standing = match withdrawn_us {
        Some(micros) => format!("撤回 withdrawn {}", Moment::from_micros(micros)?),
        None => consent.state.code().to_owned(),
    };
    Ok((consent, standing))
}

/// The consent as FHIR, or that it was withdrawn.
fn fhir(entry: v1::ConsentEntry) -> anyhow::Result<serde_json::Value> {
    let v1::ConsentEntry { consent, withdrawn_us, position: _ } = entry;
    let consent = Consent::try_from(consent.context("an entry without a consent")?)?;
    Ok(match withdrawn_us {
        Some(micros) => {
            let withdrawn_at = Moment::from_micros(micros)?;
            export_withdrawn(&Withdrawal { id: consent.id, patient: consent.patient, withdrawn_at })
        }
        None => export(&consent),
    })
}

fn viewers(consent: &Consent) -> String {
    match &consent.viewers {
        Viewers::AllMembers => "全参加施設 all members".to_owned(),
        Viewers::Facilities(ids) => ids.iter().map(FacilityId::as_str).collect::<Vec<_>>().join(", "),
        Viewers::Practitioners(ids) => ids.iter().map(MemberId::as_str).collect::<Vec<_>>().join(", "),
    }
}

impl List {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let client = self.connection.open().await?;
        let patient = match self.patient {
            Some(number) => {
                let own = own(&self.connection)?;
                Some(v1::PatientRef::from(&PatientRef::new(own, PatientNumber::parse(&number)?)))
            }
            None => None,
        };
        let mut printed =
            table(&["同意 id", "開示 source", "患者 patient", "閲覧 viewers", "状態 standing", "期限 until"]);
        let mut page = String::new();
        loop {
            let request =
                v1::ListConsentsRequest { patient: patient.clone(), active_only: self.active, page_size: 1000, page };
            let response = client.consents().list(request).await.map_err(|status| anyhow::anyhow!(refused(&status)))?;
            let v1::ListConsentsResponse { consents, next_page } = response.into_inner();
            for entry in consents {
                if self.fhir {
                    say(fhir(entry)?.to_string());
                    continue;
                }
                let (consent, standing) = describe(entry)?;
                printed.add_row([
                    consent.id.as_str().to_owned(),
                    consent.patient.facility().as_str().to_owned(),
                    consent.patient.number().as_str().to_owned(),
                    viewers(&consent),
                    standing,
                    consent.period.until().map(|moment| moment.to_string()).unwrap_or_default(),
                ]);
            }
            if next_page.is_empty() {
                break;
            }
            page = next_page;
        }
        if !self.fhir {
            say(printed.to_string());
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let client = self.connection.open().await?;
        let (consent, standing) = describe(get(&client, &self.id).await?)?;
        let period = |period: &Period| {
            let side = |moment: Option<Moment>| moment.map(|moment| moment.to_string()).unwrap_or_default();
            format!("{} – {}", side(period.from()), side(period.until()))
        };
        let mut printed = table(&["項目 item", "内容 content"]);
        for (item, content) in [
            ("同意 id", consent.id.as_str().to_owned()),
            ("状態 standing", standing),
            ("開示施設 source", consent.patient.facility().as_str().to_owned()),
            ("患者番号 patient", consent.patient.number().as_str().to_owned()),
            ("閲覧者 viewers", viewers(&consent)),
            ("有効期間 in force", period(&consent.period)),
            ("対象期間 data", period(&consent.data_period)),
            ("種別 categories", consent.categories.iter().map(Category::code).collect::<Vec<_>>().join(", ")),
            ("ラベル labels", consent.labels.iter().map(Label::code).collect::<Vec<_>>().join(", ")),
            ("目的 purposes", consent.purposes.iter().map(Purpose::code).collect::<Vec<_>>().join(", ")),
            ("署名 signed", format!("{} ({})", consent.signed_at, consent.signer.code())),
            ("取得施設 taken by", consent.taken_by.as_str().to_owned()),
            ("形式 form", form(&consent).to_owned()),
            ("例外 exceptions", exceptions(consent.exceptions.provisions()).to_string()),
        ] {
            printed.add_row([item.to_owned(), content]);
        }
        say(printed.to_string());
        Ok(ExitCode::SUCCESS)
    }
}

fn form(consent: &Consent) -> &'static str {
    match consent.form() {
        ConsentForm::Blanket => "一括同意 all members",
        ConsentForm::List => "施設を列挙 a list of facilities",
        ConsentForm::Single => "一施設 one facility",
        ConsentForm::Practitioners => "担当者を指名 named practitioners",
        ConsentForm::Proxy => "代行同意 by proxy",
    }
}

/// How many provisions there are, the nested ones counted.
fn exceptions(provisions: &[Provision]) -> usize {
    provisions.iter().map(|provision| 1 + exceptions(&provision.nested)).sum()
}

#[cfg(test)]
mod tests;
