//! `ajisai explain`: why a record is shown to a viewer, or is not; what a viewer could see at an earlier time.

use super::consent::refused;
use super::terminal::{progress, remark, say, table};
use crate::client::Connection;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use model::{Category, FacilityId, Frontier, MemberId, Moment, PatientNumber, Position, Purpose, RecordId, Role};
use std::process::ExitCode;
use std::str::FromStr;
use wire::v1;

/// 記録がなぜ見えるか、なぜ見えないか。開示施設には全ての理由を、閲覧側には結果だけを答える。
/// Why a record is shown to a viewer, or is not: every gate for the disclosing facility, the result alone for a viewer.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "例 Examples:\n  \
    ajisai explain --source nagasaki-mc --record lab-1 --viewer sakura-clinic --as nagasaki-mc.token\n  \
    ajisai explain --source nagasaki-mc --record lab-1 --viewer sakura-clinic --for-patient --as nagasaki-mc.token\n  \
    ajisai explain --source nagasaki-mc --record lab-1 --viewer sakura-clinic --as-of 2026-10-01 --consent-as-of 0:812 --as nagasaki-mc.token\n  \
    ajisai explain view --patient 00012345 --viewer sakura-clinic --on 2026-10-01 --as nagasaki-mc.token\n\n\
    いつの時点か Times: 日 a day (`2026-10-01`, その日の終わり its end in Japan), 時刻 a moment, ログの位置 a position (`3:1842`) or a \
    frontier (`0:5,1:120`).\n\
    終了コード Exit codes: 0 見える shown, 3 見えない not shown, 1 失敗 failed"
)]
pub struct Explain {
    #[command(subcommand)]
    act: Option<Act>,
    /// 開示施設 The disclosing facility.
    #[arg(long, value_name = "ID", required = true, value_parser = |text: &str| FacilityId::parse(text))]
    source: Option<FacilityId>,
    /// 記録のID The record's id there.
    #[arg(long, value_name = "ID", required = true, value_parser = |text: &str| RecordId::parse(text))]
    record: Option<RecordId>,
    #[command(flatten)]
    viewer: Viewer,
    /// どの時点の記録か The record as of this time; as of now when not given.
    #[arg(long, value_name = "TIME")]
    as_of: Option<AsOf>,
    /// どの時点の同意・開示範囲・紐付けか The statements as of this time; as of now when not given.
    #[arg(long, value_name = "TIME")]
    consent_as_of: Option<AsOf>,
    /// 患者に示す平易な文で The reason in plain sentences, for the patient.
    #[arg(long)]
    for_patient: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// その時、その閲覧者に患者の何が見えたか。What a viewer could see of a patient at a time, record by record.
    #[command(after_help = "例 Examples:\n  \
        ajisai explain view --patient 00012345 --viewer sakura-clinic --on 2026-10-01 --as nagasaki-mc.token\n  \
        ajisai explain view --patient 00012345 --viewer sakura-clinic --as-of 2026-10-01 --consent-as-of 0:812 --as nagasaki-mc.token\n  \
        ajisai explain view --source nagasaki-mc --patient 00012345 --on 2026-10-01 --as sakura-clinic.token\n\n\
        閲覧側には、その時見えて今も見えるものだけを答える。A viewer is told of what it was shown then and may still see now.\n\
        一日とはその日の終わりの時点。A day means its end; for what held at noon, give the moment.\n\
        終了コード Exit codes: 0 見えるものがある something is shown, 3 何も見えない nothing is, 1 失敗 failed")]
    View(Box<View>),
}

/// Who looks, and when the clock is read.
#[derive(Debug, Args)]
struct Viewer {
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
    /// 時計をいつとして読むか At which moment the clock is read; the time of the statements, or now, when not given.
    #[arg(long, value_name = "TIME", value_parser = |text: &str| Moment::parse(text))]
    at: Option<Moment>,
}

#[derive(Debug, Args)]
struct View {
    /// 開示施設（省略時は自施設） The disclosing facility; the caller's own when not given.
    #[arg(long, value_name = "ID", value_parser = |text: &str| FacilityId::parse(text))]
    source: Option<FacilityId>,
    /// 開示施設の患者番号 The patient's number there.
    #[arg(long, value_name = "NUMBER", value_parser = |text: &str| PatientNumber::parse(text))]
    patient: PatientNumber,
    #[command(flatten)]
    viewer: Viewer,
    /// その時に（記録も同意も） At that time: records and statements both.
    #[arg(long, value_name = "TIME", conflicts_with_all = ["as_of", "consent_as_of"])]
    on: Option<AsOf>,
    /// どの時点の記録か The records as of this time; as of now when not given.
    #[arg(long, value_name = "TIME")]
    as_of: Option<AsOf>,
    /// どの時点の同意・開示範囲・紐付けか The statements as of this time; as of now when not given.
    #[arg(long, value_name = "TIME")]
    consent_as_of: Option<AsOf>,
    /// 表示する記録の上限 Print at most so many records; all are counted.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// 件数だけ Print the counts alone.
    #[arg(long)]
    counts: bool,
    #[command(flatten)]
    connection: Connection,
}

/// A time as it is written on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum AsOf {
    Moment(Moment),
    Letter(Position),
    Frontier(Frontier),
}

/// A day in microseconds.
const DAY: i64 = 86_400_000_000;

impl FromStr for AsOf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains(',') {
            return text.parse().map(Self::Frontier).map_err(|error: model::PositionError| error.to_string());
        }
        if let Ok(position) = text.parse() {
            return Ok(Self::Letter(position));
        }
        let moment = Moment::parse(text).map_err(|error| {
            format!("{error}; write a day, a moment, a position `3:1842` or a frontier `0:5,1:120`")
        })?;
        // A day is meant with all that was stated in it; the one that has not ended yet, until now.
        let now = (crate::identity::system_clock())();
        let is_day = text.len() == "2026-10-01".len();
        Ok(Self::Moment(if is_day { moment.plus_micros(DAY - 1).min(now.max(moment)) } else { moment }))
    }
}

impl From<AsOf> for v1::AsOf {
    fn from(as_of: AsOf) -> Self {
        use v1::as_of::When;
        let when = match as_of {
            AsOf::Moment(moment) => When::AtUs(moment.micros()),
            AsOf::Letter(position) => When::Position(position.into()),
            AsOf::Frontier(frontier) => When::Frontier((&frontier).into()),
        };
        Self { when: Some(when) }
    }
}

fn id(id: Option<&FacilityId>) -> String {
    id.map(|id| id.as_str().to_owned()).unwrap_or_default()
}

impl Viewer {
    fn member(&self) -> String {
        self.member.as_ref().map(|id| id.as_str().to_owned()).unwrap_or_default()
    }
    fn role(&self) -> i32 {
        self.role.map_or(0, |role| v1::Role::from(role).into())
    }
    fn purpose(&self) -> i32 {
        v1::Purpose::from(self.purpose).into()
    }
}

impl Explain {
    /// Asks and prints.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses the question.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        if let Some(Act::View(view)) = self.act {
            return view.run().await;
        }
        let request = v1::ExplainRequest {
            source: id(self.source.as_ref()),
            record_id: self.record.map(|id| id.as_str().to_owned()).unwrap_or_default(),
            viewer: id(self.viewer.viewer.as_ref()),
            member: self.viewer.member(),
            role: self.viewer.role(),
            purpose: self.viewer.purpose(),
            at_us: self.viewer.at.map(Moment::micros),
            data_as_of: self.as_of.map(Into::into),
            consent_as_of: self.consent_as_of.map(Into::into),
            for_patient: self.for_patient,
        };
        let client = self.connection.open().await?;
        let response = client.explain().explain(request).await;
        let v1::ExplainResponse {
            answer,
            answer_ja,
            answer_en,
            explanation,
            frontier: _,
            consent_frontier: _,
            at_us: _,
        } = response.map_err(|status| anyhow::anyhow!(refused(&status)))?.into_inner();
        match explanation {
            Some(explanation) if self.for_patient => print_for_patient(explanation)?,
            explanation => {
                say(format!("{answer_ja} {answer_en}"));
                if let Some(explanation) = explanation {
                    print(explanation)?;
                }
            }
        }
        Ok(if answer == "nothing-here" { ExitCode::from(3) } else { ExitCode::SUCCESS })
    }
}

fn moment(micros: i64) -> anyhow::Result<Moment> {
    Moment::from_micros(micros).context("the node's answer has a moment out of range")
}

/// The reason alone, as it may be handed to the patient: sentences and times, no codes.
fn print_for_patient(explanation: v1::Explanation) -> anyhow::Result<()> {
    let v1::Explanation { for_patient, since_us, next_change_us, .. } = explanation;
    for_patient.iter().for_each(|sentence| say(&sentence.ja));
    let times = [("この時から表示されています", since_us), ("次にこの答えが変わる時", next_change_us)];
    for (name, micros) in times {
        if let Some(micros) = micros {
            say(format!("{name}：{}", moment(micros)?));
        }
    }
    say("");
    for_patient.iter().for_each(|sentence| say(&sentence.en));
    let times = [("Shown since", since_us), ("This answer next changes at", next_change_us)];
    for (name, micros) in times {
        if let Some(micros) = micros {
            say(format!("{name} {}.", moment(micros)?));
        }
    }
    Ok(())
}

fn print(explanation: v1::Explanation) -> anyhow::Result<()> {
    let v1::Explanation {
        shown: _,
        reason,
        gates,
        consents,
        glasses,
        rules,
        labels,
        links,
        since_us,
        next_change_us,
        opened_by,
        for_patient: _,
    } = explanation;
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
    for v1::Opening { kind, id, position, appended_us } in opened_by {
        let position = position.map(|position| Position::from(position).to_string()).unwrap_or_default();
        let taken_in = appended_us.map(moment).transpose()?.map(|at| format!(" ({at})")).unwrap_or_default();
        say(format!("開いた記載 opened by: {kind} {id} @ {position}{taken_in}"));
    }
    let moments = [("開示の始まり shown since", since_us), ("次に変わる時 next change", next_change_us)];
    for (name, micros) in moments {
        if let Some(micros) = micros {
            say(format!("{name}: {}", moment(micros)?));
        }
    }
    Ok(())
}

pub(super) fn category(code: i32) -> &'static str {
    v1::Category::try_from(code).ok().and_then(|code| Category::try_from(code).ok()).map_or("?", Category::code)
}

pub(super) fn time(micros: Option<i64>) -> anyhow::Result<String> {
    Ok(micros.map(moment).transpose()?.map(|moment| moment.to_string()).unwrap_or_default())
}

impl View {
    async fn run(self) -> anyhow::Result<ExitCode> {
        use v1::view_of_response::Part;
        let (data_as_of, consent_as_of) = match self.on {
            Some(on) => (Some(on.clone()), Some(on)),
            None => (self.as_of, self.consent_as_of),
        };
        let request = v1::ViewOfRequest {
            source: id(self.source.as_ref()),
            patient_number: self.patient.as_str().to_owned(),
            viewer: id(self.viewer.viewer.as_ref()),
            member: self.viewer.member(),
            role: self.viewer.role(),
            purpose: self.viewer.purpose(),
            at_us: self.viewer.at.map(Moment::micros),
            data_as_of: data_as_of.map(Into::into),
            consent_as_of: consent_as_of.map(Into::into),
            limit: self.limit,
        };
        let client = self.connection.open().await?;
        let failed = |status: tonic::Status| anyhow::anyhow!(refused(&status));
        let mut answers = client.explain().view_of(request).await.map_err(failed)?.into_inner();
        let bar = progress("ログを読む reading the log", None);
        let mut records =
            table(&["種別 category", "記録 record", "版 version", "発生 occurred", "判定 answer", "理由 reason"]);
        let mut summary = None;
        while let Some(answer) = answers.message().await.map_err(failed)? {
            match answer.part {
                Some(Part::Progress(v1::Progress { done, total })) => {
                    bar.set_length(total);
                    bar.set_position(done);
                }
                Some(Part::Record(record)) if !self.counts => {
                    let v1::ViewedRecord { record_id, category: code, version, occurred_us, answer, reason, .. } =
                        record;
                    let occurred = moment(occurred_us)?.to_string();
                    let cells = [category(code).to_owned(), record_id, version.to_string(), occurred, answer, reason];
                    records.add_row(cells);
                }
                Some(Part::Summary(told)) => summary = Some(told),
                Some(Part::Record(_)) | None => {}
            }
        }
        bar.finish_and_clear();
        let v1::ViewOfSummary { categories, data_frontier, consent_frontier, at_us, truncated, unreadable } =
            summary.context("the answer ended early: ask again")?;
        if !self.counts && records.row_count() > 0 {
            say(records.to_string());
        }
        let mut counted = table(&["種別 category", "見える shown", "見えない hidden", "最初 first", "最後 last"]);
        let mut any = false;
        for v1::ViewedCategory { category: code, shown, hidden, first_us, last_us } in categories {
            any |= shown > 0;
            let (first, last) = (time(first_us)?, time(last_us)?);
            counted.add_row([category(code).to_owned(), shown.to_string(), hidden.to_string(), first, last]);
        }
        if counted.row_count() > 0 {
            say(counted.to_string());
        }
        if !any {
            say("見えるものはありません。 Nothing is shown.");
        }
        let frontier = |told: Option<v1::Frontier>| Frontier::from(told.unwrap_or_default()).to_string();
        remark(format!(
            "記録 records {} ／ 同意 statements {} ／ 時計 clock {}",
            frontier(data_frontier),
            frontier(consent_frontier),
            moment(at_us)?
        ));
        if truncated {
            remark("表示しきれない記録があります。 There are more records: raise --limit.");
        }
        if unreadable > 0 {
            remark(format!(
                "読めない記載 {unreadable} 件を除きました。 {unreadable} letters could not be read and are left out."
            ));
        }
        Ok(if any { ExitCode::SUCCESS } else { ExitCode::from(3) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_day_a_moment_a_position_or_a_frontier() {
        let moment = |text: &str| Moment::parse(text).unwrap();
        // A day is its last moment in Japan.
        let day = AsOf::from_str("2026-10-01").unwrap();
        assert_eq!(day, AsOf::Moment(moment("2026-10-02").plus_micros(-1)));
        let at = "2026-10-01T09:00:00+09:00";
        assert_eq!(AsOf::from_str(at).unwrap(), AsOf::Moment(moment(at)));
        assert_eq!(AsOf::from_str("3:1842").unwrap(), AsOf::Letter(Position::new(3, 1842)));
        assert_eq!(AsOf::from_str("0:5,1:120").unwrap(), AsOf::Frontier("0:5,1:120".parse().unwrap()));
        assert!(AsOf::from_str("yesterday").unwrap_err().contains("3:1842"), "it is said what can be written");
    }

    #[test]
    fn a_day_that_has_not_ended_ends_now() {
        let now = (crate::identity::system_clock())();
        let today = now.to_string();
        let AsOf::Moment(meant) = AsOf::from_str(today.get(..10).unwrap()).unwrap() else {
            unreachable!("it is a day")
        };
        assert!(meant.since(now) < DAY, "not the end of a day that is to come");
    }
}
