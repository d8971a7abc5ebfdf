//! `WorklistService`: who of a cohort is to be called, and who has taken it.

use super::cohorts::{CohortDesk, clinical, closed, invalid, member};
use crate::cohorts::Keeper;
use crate::pipeline::Clock;
use crate::register::{RegisterError, worklist_follows};
use clinical::diabetes::cohort::Membership;
use model::{
    ActId, AuditOutcome, DefinitionName, OwnWords, PatientNumber, PatientRef, Principal, Reading, What, WorklistAct,
    WorklistEntry,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tonic::{Request, Response, Status};
use views::Witness;
use wire::v1;
use wire::v1::worklist_service_server::{WorklistService, WorklistServiceServer};

/// How long a list waits until everybody of the view was looked at once.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long an act waits to be read before it is answered all the same: it is durable.
const SEEN_WITHIN: Duration = Duration::from_secs(5);

/// What the answers are taken from. Cheap to clone.
#[derive(Clone)]
pub(super) struct WorklistDesk {
    pub(super) cohorts: CohortDesk,
    pub(super) witness: Arc<dyn Witness>,
    pub(super) clock: Clock,
}

/// The service over the keepers and the register.
pub(super) fn service(desk: WorklistDesk) -> WorklistServiceServer<WorklistDesk> {
    WorklistServiceServer::new(desk)
}

impl std::fmt::Debug for WorklistDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorklistDesk").finish_non_exhaustive()
    }
}

fn failed(error: &RegisterError) -> Status {
    tracing::error!(%error, "worklists could not be read");
    Status::unavailable("worklists cannot be read just now; try again")
}

/// How an entry stands. What was done is of what was known then: a later entry into the cohort, or a later fact, is to be called
/// about again.
fn state(membership: &Membership, last: Option<&v1::WorklistDeed>) -> &'static str {
    match last.map(|last| (last.act(), last.at_us)) {
        Some((v1::WorklistAct::Take, _)) => "taken",
        Some((v1::WorklistAct::Done, at)) => {
            let newest = membership.grounds.iter().map(|ground| ground.at).chain([membership.since.at]).max();
            if newest.is_some_and(|newest| newest.micros() > at) { "waiting" } else { "done" }
        }
        _ => "waiting",
    }
}

impl WorklistDesk {
    /// The caller's keeper, once it has looked at everybody.
    async fn keeper(&self, caller: &Principal, cohort: &DefinitionName) -> Result<Arc<Keeper>, Status> {
        let file = self.cohorts.named(caller, cohort.as_str())?;
        if file.typed().is_none() {
            return Err(invalid("cohort", &"a statement defines it; worklists are of cohorts by typed criteria"));
        }
        let keeper = self.cohorts.cohorts.keeper(caller, None);
        let keeper = keeper.map_err(|error| Status::resource_exhausted(error.to_string()))?;
        let mut bell = keeper.bell();
        let deadline = tokio::time::Instant::now() + READY_WITHIN;
        while keeper.has(cohort.as_str()) != Some(true) {
            if let Some(why) = keeper.closed() {
                return Err(closed(why));
            }
            if tokio::time::timeout_at(deadline, bell.changed()).await.is_err() {
                return Err(Status::unavailable("the view is still being read; ask again"));
            }
        }
        Ok(keeper)
    }

    fn entry(
        caller: &Principal,
        cohort: &DefinitionName,
        (number, membership): (&PatientNumber, &Membership),
        last: Option<v1::WorklistDeed>,
    ) -> v1::WorklistEntry {
        v1::WorklistEntry {
            cohort: cohort.as_str().to_owned(),
            member: Some(member(caller, number, Some(membership))),
            state: state(membership, last.as_ref()).to_owned(),
            last,
        }
    }
}

fn cohort_name(name: &str) -> Result<DefinitionName, Status> {
    DefinitionName::parse(name).map_err(|error| invalid("cohort", &error))
}

#[tonic::async_trait]
impl WorklistService for WorklistDesk {
    async fn list(
        &self,
        request: Request<v1::ListWorklistRequest>,
    ) -> Result<Response<v1::ListWorklistResponse>, Status> {
        let caller = clinical(&request)?;
        let v1::ListWorklistRequest { cohort, with_done, page_size } = request.into_inner();
        let cohort = cohort_name(&cohort)?;
        let limit = match page_size {
            0 => 100,
            1..=1000 => usize::try_from(page_size).unwrap_or(1000),
            _ => return Err(invalid("page_size", &"must be at most 1000")),
        };
        let keeper = self.keeper(&caller, &cohort).await?;
        let look =
            keeper.look(cohort.as_str()).ok_or_else(|| Status::not_found("the cohort is not defined any more"))?;
        let register = &self.cohorts.node.rooms().register;
        let deeds = register.worklist(&caller.facility, &cohort);
        let mut deeds: HashMap<PatientNumber, v1::WorklistDeed> = deeds.map_err(|error| failed(&error))?;
        let entries = look.members.iter().map(|(number, membership)| {
            let last = deeds.remove(number);
            Self::entry(&caller, &cohort, (number, membership), last)
        });
        let mut entries: Vec<v1::WorklistEntry> = entries.filter(|entry| with_done || entry.state != "done").collect();
        let rank = |entry: &v1::WorklistEntry| match entry.state.as_str() {
            "waiting" => 0,
            "taken" => 1,
            _ => 2,
        };
        entries.sort_by_key(|entry| (rank(entry), entry.member.as_ref().map_or(0, |member| member.since_us)));
        let waiting = entries.iter().filter(|entry| entry.state == "waiting").count() as u64;
        entries.truncate(limit);
        Ok(Response::new(v1::ListWorklistResponse { entries, waiting }))
    }

    async fn act(
        &self,
        request: Request<v1::ActOnWorklistRequest>,
    ) -> Result<Response<v1::ActOnWorklistResponse>, Status> {
        let caller = clinical(&request)?;
        let v1::ActOnWorklistRequest { cohort, patient, act, remark } = request.into_inner();
        let cohort = cohort_name(&cohort)?;
        let number = PatientNumber::parse(&patient).map_err(|error| invalid("patient", &error))?;
        let act = v1::WorklistAct::try_from(act).map_err(|_| invalid("act", &"is no known act"))?;
        let act = WorklistAct::try_from(act).map_err(|error| invalid("act", &error))?;
        let remark = OwnWords::parse(&remark).map_err(|error| invalid("remark", &error))?;
        let Some(person) = caller.member.clone() else {
            return Err(Status::permission_denied("a person takes an entry, each for themselves"));
        };
        let keeper = self.keeper(&caller, &cohort).await?;
        let no_member = || Status::not_found("the person is no member of the cohort in the caller's view");
        let membership = keeper.membership(cohort.as_str(), &number).ok_or_else(no_member)?;
        let register = &self.cohorts.node.rooms().register;
        let entry =
            WorklistEntry { cohort: cohort.clone(), patient: PatientRef::new(caller.facility.clone(), number.clone()) };
        let last = register.worklist_entry(&entry).map_err(|error| failed(&error))?;
        let told = |last| Self::entry(&caller, &cohort, (&number, &membership), last);
        let is_so =
            |last: &v1::WorklistDeed| last.member == person.as_str() && last.act() == v1::WorklistAct::from(act);
        let stands = last.as_ref().is_some_and(|last| is_so(last) && state(&membership, Some(last)) != "waiting");
        if stands {
            return Ok(Response::new(v1::ActOnWorklistResponse { entry: Some(told(last)), duplicate: true }));
        }
        if !worklist_follows(last.as_ref(), act, person.as_str()) {
            let by = last.filter(|last| last.act() == v1::WorklistAct::Take).map(|last| last.member);
            return Err(Status::failed_precondition(match by {
                Some(by) => format!("`{by}` has taken it: release it first"),
                None => "nobody has taken it".to_owned(),
            }));
        }
        let what = What::Worklist { entry: entry.clone(), act, remark };
        let id = ActId(uuid::Uuid::new_v4().as_u128());
        let reading = Reading::begin(id, &caller, what, (self.clock)());
        let written = self.witness.end(reading, AuditOutcome::Completed).await;
        written.map_err(|error| Status::unavailable(format!("the ledger could not be written: {error}")))?;
        let before = last.and_then(|last| last.position);
        let deadline = tokio::time::Instant::now() + SEEN_WITHIN;
        loop {
            let now = register.worklist_entry(&entry).map_err(|error| failed(&error))?;
            if let Some(now) = now.filter(|now| now.position != before) {
                // somebody may have been quicker
                if !is_so(&now) {
                    let by = now.member;
                    return Err(Status::failed_precondition(format!("`{by}` was quicker: list the entries again")));
                }
                return Ok(Response::new(v1::ActOnWorklistResponse { entry: Some(told(Some(now))), duplicate: false }));
            }
            if tokio::time::Instant::now() > deadline {
                return Ok(Response::new(v1::ActOnWorklistResponse { entry: None, duplicate: false }));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clinical::diabetes::cohort::{Cause, Ground, Since};
    use model::Moment;

    fn at(text: &str) -> Moment {
        Moment::parse(text).unwrap()
    }

    #[test]
    fn what_is_done_comes_back_with_a_newer_fact_and_with_a_newer_entry() {
        let ground = Ground { criterion: "at-least", fact: String::new(), at: at("2026-11-01"), sources: Vec::new() };
        let since = Since { at: at("2026-10-01"), cause: Cause::Result };
        let membership = Membership { grounds: vec![ground], since };
        let deed = |act: v1::WorklistAct, day| v1::WorklistDeed {
            act: act.into(),
            at_us: at(day).micros(),
            ..Default::default()
        };
        assert_eq!(state(&membership, None), "waiting");
        assert_eq!(state(&membership, Some(&deed(v1::WorklistAct::Take, "2026-11-02"))), "taken");
        assert_eq!(state(&membership, Some(&deed(v1::WorklistAct::Release, "2026-11-02"))), "waiting");
        assert_eq!(state(&membership, Some(&deed(v1::WorklistAct::Done, "2026-11-02"))), "done");
        assert_eq!(state(&membership, Some(&deed(v1::WorklistAct::Done, "2026-10-31"))), "waiting", "a newer result");
    }
}
