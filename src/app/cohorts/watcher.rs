//! What a watcher of a cohort is told.

use super::{closed, member};
use crate::cohorts::{Came, Event, Keeper};
use clinical::diabetes::cohort::Step;
use futures::stream::{BoxStream, StreamExt as _, unfold};
use model::{Frontier, Principal};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use wire::v1;
use wire::v1::cohort_item::Item;

/// How often a watcher hears that nothing is lost.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// The caller went away, or heard why it ends.
struct Ended;

struct Watcher {
    caller: Principal,
    keeper: Arc<Keeper>,
    cohort: String,
    tell: mpsc::Sender<Result<v1::CohortItem, Status>>,
}

/// The items of one watch.
pub(super) fn watch(
    (caller, keeper, cohort): (Principal, Arc<Keeper>, String),
    after: Option<Frontier>,
    stop: CancellationToken,
) -> BoxStream<'static, Result<v1::CohortItem, Status>> {
    let (tell, told) = mpsc::channel(64);
    let watcher = Watcher { caller, keeper, cohort, tell };
    tokio::spawn(async move {
        let stopped = watcher.tell.clone();
        tokio::select! {
            _ended = watcher.run(after) => {}
            () = stop.cancelled() => {
                let _ = stopped.send(Err(Status::unavailable("the node stops; watch again"))).await;
            }
        }
    });
    unfold(told, |mut told| async move { told.recv().await.map(|item| (item, told)) }).boxed()
}

impl Watcher {
    async fn run(self, after: Option<Frontier>) -> Result<Infallible, Ended> {
        let mut bell = self.keeper.bell();
        self.ready(&mut bell).await?;
        let resumed = after.as_ref().and_then(|after| self.keeper.resume(after));
        let Some((mut cohort, mut at)) = (match resumed {
            Some(at) => self.keeper.look(&self.cohort).map(|look| (look.cohort, at)),
            None => Some(self.begin(after.is_some()).await?),
        }) else {
            return Err(Ended);
        };
        loop {
            bell.mark_unchanged();
            match self.keeper.since(at, cohort) {
                Some(Came { events, at: next, frontier, members }) => {
                    for event in &events {
                        self.say(Item::Step(step(&self.caller, event))).await?;
                    }
                    at = next;
                    let (frontier, members) = (Some((&frontier).into()), members);
                    self.say(Item::Heartbeat(v1::CohortHeartbeat { frontier, members })).await?;
                }
                // the cohorts themselves have changed, or too much came: everything anew
                None => {
                    self.ready(&mut bell).await?;
                    (cohort, at) = self.begin(true).await?;
                    continue;
                }
            }
            self.open().await?;
            tokio::select! {
                _ = bell.changed() => {}
                () = tokio::time::sleep(HEARTBEAT) => {}
                () = self.tell.closed() => return Err(Ended),
            }
        }
    }

    /// Waits until everybody was looked at once.
    async fn ready(&self, bell: &mut tokio::sync::watch::Receiver<u64>) -> Result<(), Ended> {
        loop {
            self.open().await?;
            bell.mark_unchanged();
            match self.keeper.has(&self.cohort) {
                Some(true) => return Ok(()),
                Some(false) => {
                    let gone = Status::not_found("the cohort is not defined any more");
                    return self.end(gone).await;
                }
                None => {}
            }
            tokio::select! {
                _ = bell.changed() => {}
                () = tokio::time::sleep(HEARTBEAT) => {}
                () = self.tell.closed() => return Err(Ended),
            }
        }
    }

    /// Tells the members, and where that was.
    async fn begin(&self, anew: bool) -> Result<(usize, (u64, u64)), Ended> {
        let Some(look) = self.keeper.look(&self.cohort) else {
            self.end::<Infallible>(Status::not_found("the cohort is not defined any more")).await?;
            return Err(Ended);
        };
        if anew {
            self.say(Item::Reset(v1::CohortReset {})).await?;
        }
        for (number, _) in &look.members {
            // who has left since is not told
            let Some(membership) = self.keeper.membership(&self.cohort, number) else { continue };
            self.say(Item::Member(member(&self.caller, number, Some(&membership)))).await?;
        }
        Ok((look.cohort, look.at))
    }

    async fn open(&self) -> Result<(), Ended> {
        match self.keeper.closed() {
            Some(why) => self.end(closed(why)).await,
            None => Ok(()),
        }
    }
    async fn end<T>(&self, status: Status) -> Result<T, Ended> {
        let _ = self.tell.send(Err(status)).await;
        Err(Ended)
    }
    async fn say(&self, item: Item) -> Result<(), Ended> {
        self.tell.send(Ok(v1::CohortItem { item: Some(item) })).await.map_err(|_| Ended)
    }
}

fn step(caller: &Principal, event: &Event) -> v1::CohortStep {
    let way = match event.step {
        Step::Enter => v1::CohortWay::Enter,
        Step::Leave => v1::CohortWay::Leave,
    };
    v1::CohortStep {
        way: way.into(),
        member: Some(member(caller, &event.number, event.membership.as_ref())),
        cause: event.cause.code().to_owned(),
        at_us: event.at.micros(),
    }
}
