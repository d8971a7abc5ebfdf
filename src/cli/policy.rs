//! `ajisai policy simulate`: who would gain and lose what, before it is stated.

use super::consent::{Terms, own, refused, stated_at};
use super::directory::scope;
use super::explain::{category, time};
use super::terminal::{progress, remark, say, table};
use crate::client::{Client, Connection};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use model::{
    AgreementChange, AgreementEnd, AgreementId, ConsentChange, ConsentId, DirectoryChange, FacilityId, Link,
    LinkChange, LinkEvidence, LinkId, Member, MemberId, Moment, PatientNumber, PatientRef, Period, Purpose, Role,
    Unlink, Withdrawal,
};
use std::path::PathBuf;
use std::process::ExitCode;
use wire::v1;
use wire::v1::simulate_request::Draft;

/// 方針を試す：登録する前に、誰に何が見えるようになり、見えなくなるか。
/// Policies tried before they are stated.
#[derive(Debug, Args)]
pub struct PolicyCommand {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// 登録した場合の変化を実際の記録で数える。何も登録しない。Count over the real records what would change; nothing is stated.
    #[command(after_help = "例 Examples:\n  \
        ajisai policy simulate scope --from-file scope.toml --as hospital.token\n  \
        ajisai policy simulate scope --from-file scope.toml --records --as hospital.token\n  \
        ajisai policy simulate consent --patient 00012345 --viewer himawari-clinic --as hospital.token\n  \
        ajisai policy simulate withdraw c-0f3a… --as hospital.token\n  \
        ajisai policy simulate unlink l-0f3a… --as hospital.token\n  \
        ajisai policy simulate member dr-sato --until 2026-12-01 --at 2026-12-01T00:00:00+09:00 --as clinic.token\n\n\
        その記載ができる施設だけが試せる。Only who may make the statement may try it; refusals are the same.\n\
        終了コード Exit codes: 0 変化がある something changes, 3 何も変わらない nothing does, 1 失敗 failed")]
    Simulate(Box<Simulate>),
}

#[derive(Debug, Args)]
struct Simulate {
    #[command(subcommand)]
    draft: What,
}

/// How it is tried, whatever is.
#[derive(Debug, Args)]
struct How {
    /// 記録の一覧も List the records too.
    #[arg(long)]
    records: bool,
    /// 一覧の上限 List at most so many records; all are counted.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// 時計をいつとして読むか At which moment the clock is read; now when not given.
    #[arg(long, value_name = "TIME", value_parser = |text: &str| Moment::parse(text))]
    at: Option<Moment>,
    /// 閲覧の利用目的 For which purpose the viewers look.
    #[arg(long = "for-purpose", value_name = "CODE", default_value = "TREAT")]
    for_purpose: Purpose,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 自施設の開示範囲（`ajisai directory scope` と同じファイル） The facility's scope, in the form of `ajisai directory scope`.
    Scope {
        /// 開示範囲のファイル（TOML または JSON） The scope, in TOML or JSON.
        #[arg(long, value_name = "FILE")]
        from_file: PathBuf,
        #[command(flatten)]
        how: How,
    },
    /// 同意（`ajisai consent give` と同じ指定） A consent, said as for `ajisai consent give`.
    Consent {
        #[command(flatten)]
        terms: Box<Terms>,
        #[command(flatten)]
        how: How,
    },
    /// 同意の撤回 The withdrawal of a consent.
    Withdraw {
        /// 同意の番号 The consent's id.
        #[arg(value_parser = |text: &str| ConsentId::parse(text))]
        id: ConsentId,
        #[command(flatten)]
        how: How,
    },
    /// 紐付け A link.
    Link {
        /// 自施設の患者番号 The facility's own patient number.
        #[arg(long, value_name = "NUMBER", value_parser = |text: &str| PatientNumber::parse(text))]
        a_number: PatientNumber,
        /// もう一方の施設 The other facility.
        #[arg(long, value_name = "ID", value_parser = |text: &str| FacilityId::parse(text))]
        b: FacilityId,
        /// その患者番号 Its patient number.
        #[arg(long, value_name = "NUMBER", value_parser = |text: &str| PatientNumber::parse(text))]
        b_number: PatientNumber,
        #[command(flatten)]
        how: How,
    },
    /// 紐付けの解除 A link taken back.
    Unlink {
        /// 紐付けの番号 The link's id.
        #[arg(value_parser = |text: &str| LinkId::parse(text))]
        id: LinkId,
        #[command(flatten)]
        how: How,
    },
    /// 職員の在籍の終わり The end of a membership; with `--at`, as it will stand at that moment.
    Member {
        /// 職員の番号 The person's id.
        #[arg(value_parser = |text: &str| MemberId::parse(text))]
        id: MemberId,
        /// 在籍の終わり Member until.
        #[arg(long, value_name = "TIME", value_parser = |text: &str| Moment::parse(text))]
        until: Moment,
        #[command(flatten)]
        how: How,
    },
    /// 事前合意の終わり The end of an agreement to consents taken by others.
    AgreementEnd {
        /// 事前合意の番号 The agreement's id.
        #[arg(value_parser = |text: &str| AgreementId::parse(text))]
        id: AgreementId,
        #[command(flatten)]
        how: How,
    },
}

impl PolicyCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let Act::Simulate(simulate) = self.act;
        simulate.run().await
    }
}

fn consent(change: &ConsentChange) -> Draft {
    Draft::Consent(change.into())
}
fn directory(change: &DirectoryChange) -> Draft {
    Draft::Directory(change.into())
}

impl What {
    fn how(&self) -> &How {
        match self {
            Self::Scope { how, .. }
            | Self::Consent { how, .. }
            | Self::Withdraw { how, .. }
            | Self::Link { how, .. }
            | Self::Unlink { how, .. }
            | Self::Member { how, .. }
            | Self::AgreementEnd { how, .. } => how,
        }
    }

    /// The statement this stands for.
    async fn draft(&self, client: &Client) -> anyhow::Result<Draft> {
        let connection = &self.how().connection;
        let facility = own(connection)?;
        let speaker = match connection.member()? {
            Some(member) => member,
            // A system without a name speaks in the name of its facility.
            None => MemberId::parse(facility.as_str())?,
        };
        let now = stated_at(None)?;
        let fail = |status: tonic::Status| anyhow::anyhow!(refused(&status));
        Ok(match self {
            Self::Scope { from_file, .. } => {
                let text =
                    std::fs::read_to_string(from_file).with_context(|| format!("reading {}", from_file.display()))?;
                let scope = scope(&text, facility).with_context(|| from_file.display().to_string())?;
                directory(&DirectoryChange::Scope(scope))
            }
            Self::Consent { terms, .. } => {
                let digest = uuid::Uuid::now_v7().simple().to_string();
                consent(&ConsentChange::Given(terms.as_ref().clone().consent(&facility, now, &digest)?))
            }
            Self::Withdraw { id, .. } => {
                let request = v1::GetConsentRequest { id: id.as_str().to_owned() };
                let entry = client.consents().get(request).await.map_err(fail)?.into_inner();
                let known = model::Consent::try_from(entry.consent.context("an entry without a consent")?)?;
                consent(&ConsentChange::Withdrawn(Withdrawal {
                    id: id.clone(),
                    patient: known.patient,
                    withdrawn_at: now,
                }))
            }
            Self::Link { a_number, b, b_number, .. } => {
                let id = LinkId::parse(&format!("try-{}", uuid::Uuid::now_v7().simple()))?;
                directory(&DirectoryChange::Link(LinkChange::Linked(Link {
                    id,
                    a: PatientRef::new(facility, a_number.clone()),
                    b: PatientRef::new(b.clone(), b_number.clone()),
                    evidence: LinkEvidence::Manual,
                    confirmed_by: speaker,
                    confirmed_at: now,
                })))
            }
            Self::Unlink { id, .. } => {
                directory(&DirectoryChange::Link(LinkChange::Unlinked(Unlink { id: id.clone(), by: speaker, at: now })))
            }
            Self::Member { id, until, .. } => {
                let request = v1::ListMembersRequest { facility: String::new() };
                let members = client.directory().list_members(request).await.map_err(fail)?.into_inner().members;
                let known = members.into_iter().find(|member| member.id == id.as_str());
                let known = known.context("the directory has no such member at this facility")?;
                let known = Member::try_from(known)?;
                let period = Period::new(known.period.from(), Some(*until)).context("--until")?;
                directory(&DirectoryChange::Member(Member { period, ..known }))
            }
            Self::AgreementEnd { id, .. } => {
                directory(&DirectoryChange::Agreement(AgreementChange::Ended(AgreementEnd {
                    id: id.clone(),
                    facility,
                    at: now,
                })))
            }
        })
    }
}

fn viewer(viewer: &str, member: &str, role: i32) -> String {
    let role = v1::Role::try_from(role).ok().and_then(|role| Role::try_from(role).ok());
    let role = role.filter(|role| *role != Role::System).map_or("", Role::code);
    [viewer, member, role].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" ")
}

impl Simulate {
    async fn run(self) -> anyhow::Result<ExitCode> {
        use v1::simulate_response::Part;
        let How { records, limit, at, for_purpose, connection } = self.draft.how();
        let client = connection.open().await?;
        let request = v1::SimulateRequest {
            draft: Some(self.draft.draft(&client).await?),
            at_us: at.map(Moment::micros),
            purpose: v1::Purpose::from(*for_purpose).into(),
            records: *records,
            limit: *limit,
        };
        let failed = |status: tonic::Status| anyhow::anyhow!(refused(&status));
        let mut answers = client.policy().simulate(request).await.map_err(failed)?.into_inner();
        let bar = progress("閲覧施設 viewing facilities", None);
        let mut effects = table(&[
            "閲覧者 viewer",
            "種別 category",
            "増 gained: 患者 patients",
            "件 rows",
            "最初 first",
            "最後 last",
            "減 lost: 患者 patients",
            "件 rows",
            "最初 first",
            "最後 last",
        ]);
        let mut records = table(&[
            "± ",
            "閲覧者 viewer",
            "種別 category",
            "開示 source",
            "記録 record",
            "版 version",
            "発生 occurred",
        ]);
        let (mut end, mut changes) = (None, false);
        while let Some(answer) = answers.message().await.map_err(failed)? {
            match answer.part {
                Some(Part::Start(v1::SimulateStart { outcome, frontier: _, at_us })) => {
                    remark(format!("結果 outcome: {outcome} ／ 時計 clock {}", time(Some(at_us))?));
                }
                Some(Part::Progress(v1::Progress { done, total })) => {
                    bar.set_length(total);
                    bar.set_position(done);
                }
                Some(Part::Effect(effect)) => {
                    changes = true;
                    effects.add_row(cells(effect)?);
                }
                Some(Part::Record(record)) => {
                    let v1::AffectedRecord {
                        viewer: facility,
                        member,
                        role,
                        source,
                        record_id,
                        category: code,
                        version,
                        occurred_us,
                        gained,
                    } = record;
                    records.add_row([
                        if gained { "+" } else { "-" }.to_owned(),
                        viewer(&facility, &member, role),
                        category(code).to_owned(),
                        source,
                        record_id,
                        version.to_string(),
                        time(Some(occurred_us))?,
                    ]);
                }
                Some(Part::End(told)) => end = Some(told),
                None => {}
            }
        }
        bar.finish_and_clear();
        let v1::SimulateEnd { facilities, concerned, next_change_us, truncated } =
            end.context("the answer ended early: ask again")?;
        if changes {
            say(effects.to_string());
        } else {
            say("何も変わりません。 Nothing changes.");
        }
        if records.row_count() > 0 {
            say(records.to_string());
        }
        say(format!("閲覧施設 viewing facilities: {concerned} / {facilities}"));
        if next_change_us.is_some() {
            say(format!("次に変わる時 next change by the clock: {}", time(next_change_us)?));
        }
        if truncated {
            remark("表示しきれない記録があります。 There are more records: raise --limit.");
        }
        Ok(if changes { ExitCode::SUCCESS } else { ExitCode::from(3) })
    }
}

fn cells(effect: v1::Effect) -> anyhow::Result<Vec<String>> {
    let v1::Effect { viewer: facility, member, role, category: code, gained, lost } = effect;
    let mut cells = vec![viewer(&facility, &member, role), category(code).to_owned()];
    for rows in [gained, lost] {
        let v1::AffectedRows { patients, rows, first_us, last_us } = rows.unwrap_or_default();
        cells.extend([patients.to_string(), rows.to_string(), time(first_us)?, time(last_us)?]);
    }
    Ok(cells)
}
