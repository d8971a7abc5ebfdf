//! `CohortService`: who belongs to a cohort in the caller's view, and how that changes.

mod watcher;

use super::node::Node;
use crate::cohorts::{Closed, Cohorts, RunError, Side};
use arrow::array::Array as _;
use arrow::array::cast::AsArray as _;
use clinical::diabetes::cohort::{Cohort, CohortFile, Membership};
use futures::stream::{BoxStream, StreamExt as _, unfold};
use model::{Frontier, Moment, PatientNumber, PatientRef, Principal, Role};
use query::{Door, NamedCohort, ReadingRoom, Statement};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use views::Opening;
use wire::v1;
use wire::v1::cohort_service_server::{CohortService, CohortServiceServer};

/// How long a run waits to be as fresh as it is asked to be.
const AT_LEAST_WAIT: Duration = Duration::from_secs(5);

/// What the answers are taken from. Cheap to clone.
#[derive(Clone)]
pub(super) struct CohortDesk {
    pub(super) node: Arc<Node>,
    pub(super) cohorts: Arc<Cohorts>,
    pub(super) room: Arc<ReadingRoom>,
    /// Ends what is watched.
    pub(super) stop: CancellationToken,
}

/// The service over the keepers.
pub(super) fn service(desk: CohortDesk) -> CohortServiceServer<CohortDesk> {
    CohortServiceServer::new(desk)
}

impl std::fmt::Debug for CohortDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CohortDesk").finish_non_exhaustive()
    }
}

pub(super) fn invalid(field: &str, rule: &dyn std::fmt::Display) -> Status {
    Status::invalid_argument(format!("`{field}`: {rule}"))
}

fn caller<T>(request: &Request<T>) -> Result<Principal, Status> {
    let unknown = || Status::unauthenticated("who asks is not known");
    request.extensions().get::<Principal>().cloned().ok_or_else(unknown)
}

/// Who asks, where they see clinical data.
pub(super) fn clinical<T>(request: &Request<T>) -> Result<Principal, Status> {
    let caller = caller(request)?;
    // a courtesy: these roles would be shown nobody, and would wonder
    if matches!(caller.role, Role::Clerk | Role::Auditor | Role::Administrator | Role::Patient) {
        return Err(Status::permission_denied("this role sees no clinical data: ask as clinical staff or system"));
    }
    Ok(caller)
}

/// A cohort as it was asked for.
pub(super) struct Asked {
    pub(super) file: Arc<CohortFile>,
    /// The text, where it came as a file.
    pub(super) text: Option<String>,
}

impl Asked {
    fn typed(&self) -> Result<&Cohort, Status> {
        let by_sql =
            || Status::invalid_argument("`cohort`: a statement defines it; only typed criteria can be asked this");
        self.file.typed().ok_or_else(by_sql)
    }
}

pub(super) fn failed(error: &RunError) -> Status {
    match error {
        RunError::PermissionsChanged => Status::aborted(error.to_string()),
        RunError::Unrecorded(_) | RunError::Unreadable | RunError::Stopping => Status::unavailable(error.to_string()),
    }
}

pub(super) fn closed(closed: Closed) -> Status {
    match closed {
        Closed::Departed => Status::permission_denied("the facility or the member no longer takes part"),
        Closed::LetGo => Status::unavailable("the node stops, or let go of this cohort; ask again"),
        Closed::Failed => Status::unavailable("the view could not be read; ask again"),
    }
}

/// A member as the wire says it.
pub(super) fn member(caller: &Principal, number: &PatientNumber, membership: Option<&Membership>) -> v1::CohortMember {
    let patient = PatientRef::new(caller.facility.clone(), number.clone());
    let ground = |ground: &clinical::diabetes::cohort::Ground| v1::CohortGround {
        criterion: ground.criterion.to_owned(),
        fact: ground.fact.clone(),
        at_us: ground.at.micros(),
        sources: ground.sources.iter().map(|source| source.as_str().to_owned()).collect(),
    };
    v1::CohortMember {
        patient: Some((&patient).into()),
        since_us: membership.map_or(0, |one| one.since.at.micros()),
        cause: membership.map(|one| one.since.cause.code().to_owned()).unwrap_or_default(),
        grounds: membership.map(|one| one.grounds.iter().map(ground).collect()).unwrap_or_default(),
    }
}

impl CohortDesk {
    pub(super) fn named(&self, caller: &Principal, name: &str) -> Result<Arc<CohortFile>, Status> {
        let found = self.cohorts.named(caller).into_iter().find(|one| one.file.key() == name);
        let unknown = || Status::not_found(format!("there is no cohort `{name}`; `ajisai cohort list` names them"));
        found.map(|one| one.file).ok_or_else(unknown)
    }

    fn asked(&self, caller: &Principal, field: &str, asked: Option<v1::CohortRef>) -> Result<Asked, Status> {
        match asked.and_then(|asked| asked.of) {
            None => Err(invalid(field, &"is required: say a name or a file")),
            Some(v1::cohort_ref::Of::Name(name)) => Ok(Asked { file: self.named(caller, &name)?, text: None }),
            Some(v1::cohort_ref::Of::File(text)) => {
                let file = CohortFile::parse(&text).map_err(|error| invalid(&format!("{field}.file"), &error))?;
                Ok(Asked { file: Arc::new(file), text: Some(text) })
            }
        }
    }

    /// The numbers that a statement gives: its first column.
    async fn numbers(
        &self,
        caller: &Principal,
        sql: &str,
    ) -> Result<(BTreeSet<PatientNumber>, Frontier, Moment), Status> {
        let statement = Statement::new(self.room.read(sql).await?, Door::Grpc);
        let answer = self.room.run(caller, statement).await?;
        let (frontier, moment, mut rows) = (answer.frontier, answer.moment, answer.rows);
        let mut numbers = BTreeSet::new();
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let no_text = || {
                Status::invalid_argument("`sql`: its first column must be text: the members' numbers (`my_patient_id`)")
            };
            let first = batch.columns().first().and_then(|column| column.as_string_opt::<i32>()).ok_or_else(no_text)?;
            for row in (0..first.len()).filter(|row| first.is_valid(*row)) {
                numbers.insert(PatientNumber::parse(first.value(row)).map_err(|error| invalid("sql", &error))?);
            }
        }
        Ok((numbers, frontier, moment))
    }

    async fn side(&self, caller: &Principal, asked: &Asked, (field, at): (&str, i64)) -> Result<Side, Status> {
        match asked.file.as_ref() {
            CohortFile::Typed(cohort) => {
                Ok(Side::At(cohort.clone(), moment(field, at)?.unwrap_or((crate::identity::system_clock())())))
            }
            CohortFile::Sql { .. } if at != 0 => Err(invalid(field, &"a statement has no moment")),
            CohortFile::Sql { sql, .. } => Ok(Side::These(self.numbers(caller, sql).await?.0)),
        }
    }
}

/// A moment of a request; `None` for now.
fn moment(field: &str, micros: i64) -> Result<Option<Moment>, Status> {
    if micros == 0 {
        return Ok(None);
    }
    Moment::from_micros(micros).map(Some).map_err(|error| invalid(field, &error))
}

type Items<T> = BoxStream<'static, Result<T, Status>>;

/// An answer as far as it may be shown: not one item further than the caller's permission.
fn showable<T: Send + 'static>(items: Vec<T>, opening: Option<Arc<Opening>>) -> Items<T> {
    unfold((items.into_iter(), Some(opening)), |(mut items, held)| async move {
        let opening = held?;
        if opening.as_ref().is_some_and(|opening| opening.is_ended()) {
            return Some((Err(failed(&RunError::PermissionsChanged)), (items, None)));
        }
        items.next().map(|item| (Ok(item), (items, Some(opening))))
    })
    .boxed()
}

#[tonic::async_trait]
impl CohortService for CohortDesk {
    type RunStream = Items<v1::RunCohortItem>;
    type DiffStream = Items<v1::DiffCohortItem>;
    type WatchStream = Items<v1::CohortItem>;

    async fn list(
        &self,
        request: Request<v1::ListCohortsRequest>,
    ) -> Result<Response<v1::ListCohortsResponse>, Status> {
        let caller = caller(&request)?;
        if caller.role == Role::Patient {
            return Err(Status::permission_denied("patients are not shown what a facility defines for its staff"));
        }
        let told = |NamedCohort { file, shipped }: NamedCohort| {
            let (ja, en) = file.names();
            v1::CohortInfo {
                name: file.key().to_owned(),
                version: file.version().to_owned(),
                ja: ja.to_owned(),
                en: en.to_owned(),
                shipped,
                file: file.to_yaml(),
            }
        };
        let cohorts = self.cohorts.named(&caller).into_iter().map(told).collect();
        Ok(Response::new(v1::ListCohortsResponse { cohorts }))
    }

    async fn run(&self, request: Request<v1::RunCohortRequest>) -> Result<Response<Self::RunStream>, Status> {
        use v1::run_cohort_item::Item;
        let caller = clinical(&request)?;
        let v1::RunCohortRequest { cohort, at_least, moment_us } = request.into_inner();
        let asked = self.asked(&caller, "cohort", cohort)?;
        if let Some(at_least) = at_least.map(Frontier::from)
            && !self.node.rooms().store.reached(&at_least, AT_LEAST_WAIT).await
        {
            return Err(Status::deadline_exceeded("the view has not come so far yet; ask again"));
        }
        let at = moment("moment_us", moment_us)?;
        let (members, footer, (frontier, moment), opening) = match asked.file.as_ref() {
            CohortFile::Typed(cohort) => {
                let found = self.cohorts.run(&caller, cohort, at).await.map_err(|error| failed(&error))?;
                let footer = v1::CohortFooter {
                    members: found.members.len() as u64,
                    persons: found.persons,
                    unknown: found.unknown,
                };
                let members = found.members.iter().map(|(number, one)| member(&caller, number, Some(one)));
                (members.collect::<Vec<_>>(), footer, (found.frontier, found.moment), found.opening)
            }
            CohortFile::Sql { .. } if at.is_some() => return Err(invalid("moment_us", &"a statement has no moment")),
            CohortFile::Sql { sql, .. } => {
                let (numbers, frontier, moment) = self.numbers(&caller, sql).await?;
                let footer = v1::CohortFooter { members: numbers.len() as u64, persons: 0, unknown: 0 };
                (numbers.iter().map(|number| member(&caller, number, None)).collect(), footer, (frontier, moment), None)
            }
        };
        let header = v1::CohortHeader {
            name: asked.file.key().to_owned(),
            version: asked.file.version().to_owned(),
            frontier: Some((&frontier).into()),
            moment_us: moment.micros(),
        };
        let items = std::iter::once(Item::Header(header))
            .chain(members.into_iter().map(Item::Member))
            .chain(std::iter::once(Item::Footer(footer)));
        Ok(Response::new(showable(items.map(|item| v1::RunCohortItem { item: Some(item) }).collect(), opening)))
    }

    async fn diff(&self, request: Request<v1::DiffCohortRequest>) -> Result<Response<Self::DiffStream>, Status> {
        use v1::diff_cohort_item::Item;
        let caller = clinical(&request)?;
        let v1::DiffCohortRequest { before, after, before_us, after_us } = request.into_inner();
        let asked = self.asked(&caller, "before", before)?;
        let other = match after {
            Some(after) => Some(self.asked(&caller, "after", Some(after))?),
            None => None,
        };
        let is_one = other.as_ref().is_none_or(|other| other.file == asked.file);
        let now = (crate::identity::system_clock())().micros();
        // both sides are of one moment where none is said
        let at = |asked: &Asked, us: i64| if us == 0 && asked.file.typed().is_some() { now } else { us };
        if is_one && at(&asked, before_us) > at(&asked, after_us) {
            return Err(invalid("before_us", &"of one definition the earlier moment comes first"));
        }
        let other = other.as_ref().unwrap_or(&asked);
        let a = self.side(&caller, &asked, ("before_us", at(&asked, before_us))).await?;
        let b = self.side(&caller, other, ("after_us", at(other, after_us))).await?;
        let found = self.cohorts.diff(&caller, &a, &b).await.map_err(|error| failed(&error))?;
        let step = |way: v1::CohortWay, member: v1::CohortMember, cause: Option<clinical::diabetes::cohort::Cause>| {
            let cause = cause.map_or("definition", |cause| cause.code()).to_owned();
            Item::Step(v1::CohortStep { way: way.into(), member: Some(member), cause, at_us: now })
        };
        let footer = v1::DiffCohortFooter {
            entered: found.entered.len() as u64,
            left: found.left.len() as u64,
            stayed: found.stayed,
        };
        let entered = found.entered.iter().map(|(number, membership, cause)| {
            step(v1::CohortWay::Enter, member(&caller, number, membership.as_ref()), *cause)
        });
        let left =
            found.left.iter().map(|(number, cause)| step(v1::CohortWay::Leave, member(&caller, number, None), *cause));
        let items = entered.chain(left).chain(std::iter::once(Item::Footer(footer)));
        let items = items.map(|item| v1::DiffCohortItem { item: Some(item) }).collect();
        Ok(Response::new(showable(items, found.opening)))
    }

    async fn watch(&self, request: Request<v1::WatchCohortRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let caller = clinical(&request)?;
        let v1::WatchCohortRequest { cohort, after } = request.into_inner();
        let asked = self.asked(&caller, "cohort", cohort)?;
        let cohort = asked.typed()?;
        let file = asked.text.as_deref().map(|text| (text, cohort));
        let keeper = self.cohorts.keeper(&caller, file);
        let keeper = keeper.map_err(|error| Status::resource_exhausted(error.to_string()))?;
        tracing::info!(facility = %caller.facility, "cohort watch begins");
        let name = cohort.key.clone();
        Ok(Response::new(watcher::watch((caller, keeper, name), after.map(Frontier::from), self.stop.clone())))
    }
}
