//! `ajisai directory`: facilities, members, scopes, links, viewers' agreements and kinships.

mod agreements;
mod kinship;

use super::consent::{each, one, own, refused, stated_at};
use super::rows::{self, Row};
use super::terminal::{say, table};
use crate::client::Connection;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use model::{
    BreakGlassRule, Category, CategorySet, DepartmentCode, DisclosureScope, Facility, FacilityId, FacilityKind,
    FacilityKindSet, FacilityStatus, GuardianConsents, HoldBack, Label, Labels, Link, LinkEvidence, LinkId, Member,
    MemberId, Moment, PatientNumber, PatientRef, Period, Role, RoleSet, ScopeRule, Unlink,
};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wire::v1;

/// 名簿：施設、職員、開示範囲、患者の紐付け、代行同意への事前の承諾、母子。
/// The directory: facilities, members, disclosure scopes, links, viewers' agreements, mothers and newborns.
#[derive(Debug, Args)]
pub struct DirectoryCommand {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// 施設を登録する（運用者）。State a facility (administrators).
    #[command(after_help = "例 Examples:\n  \
        ajisai directory facility --as operator.token --id himawari-clinic --kind clinic --name ひまわり内科\n  \
        ajisai directory facility --as operator.token --from-file facilities.csv   (id,kind,name,name_en,status)")]
    Facility(PutFacility),
    /// 職員を登録する。State a member.
    #[command(after_help = "例 Examples:\n  \
        ajisai directory member --as operator.token --id dr-sato --facility himawari-clinic --role physician --name '佐藤 洋子'\n  \
        ajisai directory member --as operator.token --from-file members.csv   (id,facility,role,name,from,until)")]
    Member(PutMember),
    /// 自施設の開示範囲を登録する。State the facility's own disclosure scope, from a TOML or JSON file.
    #[command(after_help = "例 Example:\n  ajisai directory scope --as hospital.token --from-file scope.toml\n\n\
        scope.toml:\n  [[rules]]\n  categories = [\"laboratory\", \"medication\"]   # or [\"all\"]\n  \
        viewer_kinds = [\"clinic\", \"hospital\"]           # or [\"all\"]\n  \
        viewer_roles = [\"clinical\"]                     # or roles such as \"physician\"\n  \
        labels = []                                     # sensitivity labels disclosed too\n  \
        hold_back_days = 0\n  # since, departments, author_roles are optional")]
    Scope(PutScope),
    /// 二つの患者番号を同一人物として紐付ける。State that two patient numbers are one person.
    #[command(after_help = "例 Examples:\n  \
        ajisai directory link --as hospital.token --a-number 00012345 --b himawari-clinic --b-number H-77\n  \
        ajisai directory link --as hospital.token --from-file links.csv   (a_number,b,b_number; optional a,id,evidence,confirmed_by)")]
    Link(PutLink),
    /// 紐付けを解く。Take a link back.
    #[command(after_help = "例 Example:\n  ajisai directory unlink --as hospital.token l-0f3a…")]
    Unlink(TakeBack),
    /// 代行同意の閲覧者になることを、あらかじめ承諾する（閲覧施設）。Agree beforehand to be named in consents that another takes.
    #[command(after_help = "例 Examples:\n  \
        ajisai directory agree --as clinic.token --source nagasaki-mc\n  \
        ajisai directory agree --as clinic.token --source nagasaki-mc --member dr-sato --until 2027-04-01")]
    Agree(agreements::Agree),
    /// 承諾を取り消す（同じ番号では戻せない）。Take an agreement back; it is final for its id.
    #[command(after_help = "例 Example:\n  ajisai directory end-agreement --as clinic.token a-0f3a…")]
    EndAgreement(agreements::End),
    /// 母と新生児であることを登録する（母の施設）。それだけでは何も開かない。State that two refs are mother and newborn; it opens nothing.
    #[command(after_help = "例 Example:\n  \
        ajisai directory kin --as hospital.token --mother 00012345 --newborn 00012399   （newborn は 施設:番号 でもよい FACILITY:NUMBER too)")]
    Kin(kinship::Kin),
    /// その登録を取り消す。Take such a statement back.
    #[command(after_help = "例 Example:\n  ajisai directory end-kin --as hospital.token k-0f3a… --mother 00012345")]
    EndKin(kinship::End),
    /// 一覧。List what the directory holds.
    #[command(after_help = "例 Examples:\n  ajisai directory list facilities --as clinic.token\n  \
        ajisai directory list links --as clinic.token")]
    List(List),
}

#[derive(Debug, Args)]
struct PutFacility {
    #[command(flatten)]
    entry: FacilityRow,
    /// ファイルからまとめて Many, from a CSV or NDJSON file.
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Clone, Args, Deserialize)]
#[serde(deny_unknown_fields)]
struct FacilityRow {
    /// 施設の番号 Id: a-z, 0-9, `-`.
    #[arg(long, default_value = "")]
    id: String,
    /// 種別 hospital, clinic, pharmacy, home-nursing, laboratory, perinatal-centre, care-facility.
    #[arg(long, default_value = "")]
    kind: String,
    /// 名称 Name in Japanese.
    #[arg(long, default_value = "")]
    name: String,
    /// 英語名 Name in English.
    #[arg(long, default_value = "")]
    #[serde(default)]
    name_en: String,
    /// 参加 active or inactive.
    #[arg(long, default_value = "active")]
    #[serde(default = "active")]
    status: String,
}

fn active() -> String {
    "active".to_owned()
}

#[derive(Debug, Args)]
struct PutMember {
    #[command(flatten)]
    entry: MemberRow,
    /// ファイルからまとめて Many, from a CSV or NDJSON file.
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Clone, Args, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberRow {
    /// 職員の番号 The person's id.
    #[arg(long, default_value = "")]
    id: String,
    /// 施設 Facility; the caller's when not given.
    #[arg(long, default_value = "")]
    #[serde(default)]
    facility: String,
    /// 職種 Role.
    #[arg(long, default_value = "")]
    role: String,
    /// 氏名 Name.
    #[arg(long, default_value = "")]
    name: String,
    /// 在籍の始まり Member from.
    #[arg(long)]
    from: Option<String>,
    /// 在籍の終わり Member until.
    #[arg(long)]
    until: Option<String>,
}

#[derive(Debug, Args)]
struct PutScope {
    /// 開示範囲のファイル（TOML または JSON） The scope, in TOML or JSON.
    #[arg(long, value_name = "FILE")]
    from_file: PathBuf,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeFile {
    rules: Vec<RuleEntry>,
    #[serde(default)]
    break_glass: Vec<BreakGlassEntry>,
    #[serde(default)]
    guardian_consents: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BreakGlassEntry {
    viewer_kinds: Vec<String>,
    viewer_roles: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleEntry {
    categories: Vec<String>,
    viewer_kinds: Vec<String>,
    viewer_roles: Vec<String>,
    #[serde(default)]
    departments: Vec<String>,
    #[serde(default)]
    author_roles: Vec<String>,
    #[serde(default)]
    labels: Vec<String>,
    since: Option<String>,
    #[serde(default)]
    hold_back_days: u16,
    #[serde(default)]
    hold_until_released: bool,
}

#[derive(Debug, Args)]
struct PutLink {
    #[command(flatten)]
    entry: LinkRow,
    /// ファイルからまとめて Many, from a CSV or NDJSON file.
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Clone, Args, Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkRow {
    /// 一方の施設（既定は自施設） One facility; the caller's when not given.
    #[arg(long, default_value = "")]
    #[serde(default)]
    a: String,
    /// その患者番号 Its patient number.
    #[arg(long, default_value = "")]
    a_number: String,
    /// もう一方の施設 The other facility.
    #[arg(long, default_value = "")]
    b: String,
    /// その患者番号 Its patient number.
    #[arg(long, default_value = "")]
    b_number: String,
    /// 紐付けの番号（既定は内容から作る） Id; made from the content when not given.
    #[arg(long)]
    id: Option<String>,
    /// 根拠 consent-form, insured-id or manual.
    #[arg(long, default_value = "consent-form")]
    #[serde(default = "consent_form")]
    evidence: String,
    /// 確認した職員（既定は自分） Who confirmed it; the caller when not given.
    #[arg(long, default_value = "")]
    #[serde(default)]
    confirmed_by: String,
}

fn consent_form() -> String {
    "consent-form".to_owned()
}

#[derive(Debug, Args)]
struct TakeBack {
    /// 紐付けの番号 The link's id.
    id: String,
    /// 解いた職員（既定は自分） Who takes it back; the caller when not given.
    #[arg(long, default_value = "")]
    by: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
struct List {
    /// 何の一覧か What to list.
    #[arg(value_enum)]
    what: What,
    /// どの施設の（既定は自施設） Of which facility; the caller's when not given.
    #[arg(long, default_value = "")]
    facility: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// 施設 Facilities.
    Facilities,
    /// 職員 Members of a facility.
    Members,
    /// 開示範囲 A facility's scope.
    Scope,
    /// 紐付け The facility's links.
    Links,
}

impl DirectoryCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.act {
            Act::Facility(put) => put.run().await,
            Act::Member(put) => put.run().await,
            Act::Scope(put) => put.run().await,
            Act::Link(put) => put.run().await,
            Act::Unlink(take_back) => take_back.run().await,
            Act::Agree(agree) => agree.run().await,
            Act::EndAgreement(end) => end.run().await,
            Act::Kin(kin) => kin.run().await,
            Act::EndKin(end) => end.run().await,
            Act::List(list) => list.run().await,
        }
    }
}

/// The rows of a file, or the one row of the command line.
fn rows<T: serde::de::DeserializeOwned>(file: Option<&Path>, one: T, command: &str) -> anyhow::Result<Vec<Row<T>>> {
    match file {
        Some(file) => rows::read(file, command),
        None => Ok(vec![Row { line: 1, content: one, digest: uuid::Uuid::now_v7().simple().to_string() }]),
    }
}

fn done(response: tonic::Response<v1::DirectoryResponse>) -> (bool, Option<v1::Frontier>) {
    let v1::DirectoryResponse { position: _, at_least, duplicate } = response.into_inner();
    (duplicate, at_least)
}

impl PutFacility {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let rows = rows(self.from_file.as_deref(), self.entry, "directory facility")?;
        let client = self.connection.open().await?;
        each(&client, rows, async |row| {
            let FacilityRow { id, kind, name, name_en, status } = row.content;
            let facility = Facility {
                id: FacilityId::parse(&id)?,
                kind: kind.parse::<FacilityKind>()?,
                name,
                name_en,
                status: match status.as_str() {
                    "active" => FacilityStatus::Active,
                    "inactive" => FacilityStatus::Inactive,
                    _ => bail!("status: write active or inactive"),
                },
            };
            let request = v1::PutFacilityRequest { facility: Some((&facility).into()), request_id: row.digest };
            Ok(client.directory().put_facility(request).await.map(done))
        })
        .await
    }
}

impl PutMember {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let rows = rows(self.from_file.as_deref(), self.entry, "directory member")?;
        let own = self.connection.facility()?;
        let client = self.connection.open().await?;
        each(&client, rows, async |row| {
            let MemberRow { id, facility, role, name, from, until } = row.content;
            let moment = |text: Option<String>| text.map(|text| Moment::parse(&text)).transpose();
            let member = Member {
                id: MemberId::parse(&id)?,
                facility: match facility.as_str() {
                    "" => own.clone().context("name the facility: --facility")?,
                    text => FacilityId::parse(text)?,
                },
                role: role.parse::<Role>()?,
                name,
                period: Period::new(moment(from)?, moment(until)?)?,
            };
            let request = v1::PutMemberRequest { member: Some((&member).into()), request_id: row.digest };
            Ok(client.directory().put_member(request).await.map(done))
        })
        .await
    }
}

impl PutScope {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let text = std::fs::read_to_string(&self.from_file)
            .with_context(|| format!("reading {}", self.from_file.display()))?;
        let scope = scope(&text, own(&self.connection)?).with_context(|| self.from_file.display().to_string())?;
        let client = self.connection.open().await?;
        let digest = uuid::Uuid::now_v7().simple().to_string();
        each(&client, vec![Row { line: 1, content: scope, digest }], async |row| {
            let request = v1::PutScopeRequest { scope: Some((&row.content).into()), request_id: row.digest };
            Ok(client.directory().put_scope(request).await.map(done))
        })
        .await
    }
}

/// Reads a scope: JSON when it begins with `{`, else TOML.
pub(super) fn scope(text: &str, facility: FacilityId) -> anyhow::Result<DisclosureScope> {
    let ScopeFile { rules, break_glass, guardian_consents } =
        if text.trim_start().starts_with('{') { serde_json::from_str(text)? } else { toml::from_str(text)? };
    let rule = |(at, rule): (usize, RuleEntry)| rule.rule().with_context(|| format!("rules[{at}]"));
    let glass = |(at, rule): (usize, BreakGlassEntry)| rule.rule().with_context(|| format!("break_glass[{at}]"));
    let guardian_consents = match guardian_consents {
        Some(text) => one(&text, &GuardianConsents::ALL, GuardianConsents::code).context("guardian_consents")?,
        None => GuardianConsents::default(),
    };
    Ok(DisclosureScope {
        facility,
        rules: rules.into_iter().enumerate().map(rule).collect::<Result<_, _>>()?,
        break_glass: break_glass.into_iter().enumerate().map(glass).collect::<Result<_, _>>()?,
        guardian_consents,
    })
}

fn set<T, S>(name: &'static str, texts: &[String], all: S) -> anyhow::Result<S>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
    S: FromIterator<T>,
{
    if texts.iter().any(|text| text == "all") {
        return Ok(all);
    }
    texts.iter().map(|text| text.parse::<T>()).collect::<Result<S, _>>().context(name)
}

/// A set of roles; `clinical` stands for all that see clinical data.
fn roles(name: &'static str, texts: &[String], absent: RoleSet) -> anyhow::Result<RoleSet> {
    if texts.is_empty() {
        return Ok(absent);
    }
    let clinical = texts.iter().any(|text| text == "clinical");
    let named: Vec<String> = texts.iter().filter(|text| *text != "clinical").cloned().collect();
    let named: RoleSet = set::<Role, _>(name, &named, RoleSet::all())?;
    Ok(if clinical { named.union(crate::simulator::CLINICAL) } else { named })
}

impl BreakGlassEntry {
    fn rule(self) -> anyhow::Result<BreakGlassRule> {
        let kinds = set::<FacilityKind, FacilityKindSet>("viewer_kinds", &self.viewer_kinds, FacilityKindSet::all())?;
        Ok(BreakGlassRule {
            viewer_kinds: kinds,
            viewer_roles: roles("viewer_roles", &self.viewer_roles, RoleSet::NONE)?,
        })
    }
}

impl RuleEntry {
    fn rule(self) -> anyhow::Result<ScopeRule> {
        Ok(ScopeRule {
            categories: set::<Category, CategorySet>("categories", &self.categories, CategorySet::all())?,
            viewer_kinds: set::<FacilityKind, FacilityKindSet>(
                "viewer_kinds",
                &self.viewer_kinds,
                FacilityKindSet::all(),
            )?,
            viewer_roles: roles("viewer_roles", &self.viewer_roles, RoleSet::NONE)?,
            departments: self
                .departments
                .iter()
                .map(|text| DepartmentCode::parse(text))
                .collect::<Result<_, _>>()
                .context("departments")?,
            author_roles: roles("author_roles", &self.author_roles, RoleSet::all())?,
            labels: set::<Label, Labels>("labels", &self.labels, Labels::NEED_SAYING)?,
            since: self.since.map(|text| Moment::parse(&text)).transpose().context("since")?,
            hold_back: match (self.hold_back_days, self.hold_until_released) {
                (0, false) => HoldBack::None,
                (0, true) => HoldBack::UntilReleased,
                (days, false) => HoldBack::Days(days),
                (_, true) => anyhow::bail!("hold_back_days: must be left out where hold_until_released is true"),
            },
        })
    }
}

impl PutLink {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let rows = rows(self.from_file.as_deref(), self.entry, "directory link")?;
        let own = self.connection.facility()?;
        let member = self.connection.member()?;
        let client = self.connection.open().await?;
        let many = rows.len() > 1;
        let confirmed_at = stated_at(self.from_file.as_deref())?;
        each(&client, rows, async |row| {
            let LinkRow { a, a_number, b, b_number, id, evidence, confirmed_by } = row.content;
            let a = match a.as_str() {
                "" => own.clone().context("name the facility: --a")?,
                text => FacilityId::parse(text)?,
            };
            let id = id.unwrap_or_else(|| format!("l-{}", row.digest.chars().take(24).collect::<String>()));
            // A system without a name confirms in the name of its facility.
            let confirmed_by = match (confirmed_by.as_str(), &member) {
                ("", Some(member)) => member.clone(),
                ("", None) => MemberId::parse(a.as_str())?,
                (text, _) => MemberId::parse(text)?,
            };
            let link = Link {
                id: LinkId::parse(&id)?,
                a: PatientRef::new(a, PatientNumber::parse(&a_number)?),
                b: PatientRef::new(FacilityId::parse(&b)?, PatientNumber::parse(&b_number)?),
                evidence: one(&evidence, &LinkEvidence::ALL, LinkEvidence::code).context("evidence")?,
                confirmed_by,
                confirmed_at,
            };
            if !many {
                say(format!("紐付け link {}", link.id));
            }
            let request = v1::LinkRequest { link: Some((&link).into()), request_id: row.digest };
            Ok(client.directory().link(request).await.map(done))
        })
        .await
    }
}

impl TakeBack {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let by = match (self.by.as_str(), self.connection.member()?) {
            ("", Some(member)) => member,
            ("", None) => MemberId::parse(own(&self.connection)?.as_str())?,
            (text, _) => MemberId::parse(text)?,
        };
        let unlink = Unlink { id: LinkId::parse(&self.id)?, by, at: stated_at(None)? };
        let client = self.connection.open().await?;
        let digest = uuid::Uuid::now_v7().simple().to_string();
        each(&client, vec![Row { line: 1, content: unlink, digest }], async |row| {
            let request = v1::UnlinkRequest { unlink: Some((&row.content).into()), request_id: row.digest };
            Ok(client.directory().unlink(request).await.map(done))
        })
        .await
    }
}

impl List {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let client = self.connection.open().await?;
        let fail = |status: tonic::Status| anyhow::anyhow!(refused(&status));
        let facility = self.facility;
        match self.what {
            What::Facilities => {
                let request = v1::ListFacilitiesRequest {};
                let response = client.directory().list_facilities(request).await.map_err(fail)?.into_inner();
                let mut printed = table(&["番号 id", "種別 kind", "名称 name", "英語名 English", "参加 status"]);
                for facility in response.facilities {
                    let Facility { id, kind, name, name_en, status } = Facility::try_from(facility)?;
                    let status = if status == FacilityStatus::Active { "active" } else { "inactive" };
                    printed.add_row([id.as_str(), kind.code(), name.as_str(), name_en.as_str(), status]);
                }
                say(printed.to_string());
            }
            What::Members => {
                let request = v1::ListMembersRequest { facility };
                let response = client.directory().list_members(request).await.map_err(fail)?.into_inner();
                let mut printed = table(&["番号 id", "施設 facility", "職種 role", "氏名 name"]);
                for member in response.members {
                    let Member { id, facility, role, name, period: _ } = Member::try_from(member)?;
                    printed.add_row([id.as_str(), facility.as_str(), role.code(), name.as_str()]);
                }
                say(printed.to_string());
            }
            What::Scope => {
                let request = v1::GetScopeRequest { facility };
                let scope = client.directory().get_scope(request).await.map_err(fail)?.into_inner();
                print_scope(&DisclosureScope::try_from(scope)?);
            }
            What::Links => {
                let mut printed = table(&["番号 id", "施設 a", "患者 a", "施設 b", "患者 b", "根拠 evidence"]);
                let mut page = String::new();
                loop {
                    let request = v1::ListLinksRequest { patient: None, page_size: 1000, page };
                    let response = client.directory().list_links(request).await.map_err(fail)?.into_inner();
                    for link in response.links {
                        let Link { id, a, b, evidence, confirmed_by: _, confirmed_at: _ } = Link::try_from(link)?;
                        let [a, b] = [&a, &b].map(|one| (one.facility().as_str(), one.number().as_str()));
                        printed.add_row([id.as_str(), a.0, a.1, b.0, b.1, evidence.code()]);
                    }
                    if response.next_page.is_empty() {
                        break;
                    }
                    page = response.next_page;
                }
                say(printed.to_string());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print_scope(scope: &DisclosureScope) {
    let mut printed =
        table(&["種別 categories", "閲覧施設 kinds", "職種 roles", "ラベル labels", "開始 since", "保留 hold back"]);
    for rule in &scope.rules {
        let join = |codes: Vec<&str>| codes.join(", ");
        printed.add_row([
            join(rule.categories.iter().map(Category::code).collect()),
            join(rule.viewer_kinds.iter().map(FacilityKind::code).collect()),
            join(rule.viewer_roles.iter().map(Role::code).collect()),
            join(rule.labels.iter().map(Label::code).collect()),
            rule.since.map(|moment| moment.to_string()).unwrap_or_default(),
            match rule.hold_back {
                HoldBack::None => String::new(),
                HoldBack::Days(days) => format!("{days} 日 days"),
                HoldBack::UntilReleased => "解除まで until released".to_owned(),
            },
        ]);
    }
    say(printed.to_string());
}

#[cfg(test)]
mod tests;
