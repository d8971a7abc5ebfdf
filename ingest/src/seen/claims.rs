//! Events under way, or durable but not yet in the index.

use super::{Entry, Index};
use crate::error::AdmissionError;
use crate::refusal::{Refusal, RefusalReason};
use event_log::{AppendError, EventLog, Letter};
use model::{Frontier, Position};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How many events may be durable and not yet indexed before the door waits for the follower.
const MOST_PENDING: usize = 1 << 18;

/// How long the door waits for the follower before it says that it cannot store events.
const PATIENCE: Duration = Duration::from_secs(10);

/// A letter ready to be appended.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) letter: Letter,
    /// [`content_of`](super::content_of) its payload.
    pub(crate) content: u64,
}

/// What became of a candidate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Resolution {
    /// It is durable there since now.
    New(Position),
    /// It was durable there before.
    Known(Position),
    /// It was refused.
    Refused(Refusal),
}

#[derive(Debug)]
enum Claim {
    /// Being appended by a group; `at` is its place there.
    Underway { content: u64, at: usize, group: watch::Receiver<Answer> },
    /// Durable; the follower has not come by yet.
    Durable(Entry),
    /// An append failed without saying whether the letter is in the log.
    Uncertain,
}

/// What a group's claims came to: `None` until it is known.
type Answer = Option<Result<Arc<[Resolution]>, AdmissionError>>;

#[derive(Debug, Default)]
struct Pending {
    claims: HashMap<u128, Claim>,
    /// The uncertain ones among them, each with the number of the failure that made it so: a claim may be settled, made
    /// again and fail again while somebody still settles its first failure.
    uncertain: HashMap<u128, u64>,
    failures: u64,
    /// How far the follower has come: everything before is in the index.
    followed: Frontier,
}

/// The claims, and the way an event becomes durable exactly once.
#[derive(Debug)]
pub(crate) struct Claims {
    log: Arc<dyn EventLog>,
    index: Arc<Index>,
    pending: Mutex<Pending>,
    followed: watch::Sender<u64>,
}

/// What a candidate has to do next.
enum Slot {
    /// Wait for the answer of a group, perhaps this one.
    Wait { at: usize, group: watch::Receiver<Answer>, own: bool },
    /// Nothing.
    Resolved(Resolution),
}

fn reused() -> Refusal {
    let rule = "was used before for an event that says something else; a changed record is a new event with a new id \
                and a higher version";
    Refusal::new(RefusalReason::IdReused, "id", rule)
}

fn known(entry: Entry, content: u64) -> Resolution {
    if entry.content == content { Resolution::Known(entry.position) } else { Resolution::Refused(reused()) }
}

impl Claims {
    pub(crate) fn new(log: Arc<dyn EventLog>, index: Arc<Index>, followed: Frontier) -> Self {
        let pending = Mutex::new(Pending { followed, ..Pending::default() });
        Self { log, index, pending, followed: watch::Sender::new(0) }
    }

    /// Makes the candidates durable, each once, in their order. One answer each.
    pub(crate) async fn commit(
        self: &Arc<Self>,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Resolution>, AdmissionError> {
        self.wait_for_room().await?;
        let (sender, group) = watch::channel(None);
        let (slots, mine) = loop {
            self.settle_uncertain().await?;
            let mut pending = self.pending.lock();
            // An append may have failed since.
            if !candidates.iter().any(|candidate| pending.uncertain.contains_key(&candidate.letter.event)) {
                break pending.claim_all(candidates, &group);
            }
        };
        if !mine.is_empty() {
            let digests = mine.iter().map(|candidate| candidate.letter.event).collect();
            let held = Held { claims: Arc::clone(self), digests, sent: false };
            let this = Arc::clone(self);
            // A task of its own: an append cannot be taken back, so it is seen through even if the caller goes away.
            tokio::spawn(async move {
                let answer = this.store(held, mine).await;
                sender.send_replace(Some(answer));
            });
        }
        let mut resolutions = Vec::with_capacity(slots.len());
        for slot in slots {
            resolutions.push(match slot {
                Slot::Resolved(resolution) => resolution,
                Slot::Wait { at, mut group, own } => await_answer(&mut group, at, own).await?,
            });
        }
        Ok(resolutions)
    }

    /// Appends what the index does not hold.
    async fn store(&self, mut held: Held, mine: Vec<Candidate>) -> Result<Arc<[Resolution]>, AdmissionError> {
        let entries = self.look_up(&held.digests).await?;
        let contents: Vec<u64> = mine.iter().map(|candidate| candidate.content).collect();
        let mut letters = Vec::with_capacity(mine.len());
        let mut resolutions: Vec<Option<Resolution>> = Vec::with_capacity(mine.len());
        for (candidate, entry) in mine.into_iter().zip(entries) {
            resolutions.push(entry.map(|entry| known(entry, candidate.content)));
            if entry.is_none() {
                letters.push(candidate.letter);
            }
        }
        held.sent = true;
        let mut appended = append(self.log.as_ref(), letters).await?.into_iter();
        let answers: Option<Arc<[Resolution]>> =
            resolutions.into_iter().map(|resolution| resolution.or_else(|| appended.next())).collect();
        let Some(answers) = answers else {
            let reason = "the log answered with fewer positions than letters".to_owned();
            return Err(AdmissionError::Unavailable { reason });
        };
        held.release(&answers, &contents);
        Ok(answers)
    }

    /// Looks events up in the index. It may read the disk, so large groups go to a thread that may block.
    pub(crate) async fn look_up(&self, digests: &[u128]) -> Result<Vec<Option<Entry>>, AdmissionError> {
        const FEW: usize = 32;
        let found = if digests.len() <= FEW {
            self.index.get(digests)
        } else {
            let (index, digests) = (Arc::clone(&self.index), digests.to_vec());
            match tokio::task::spawn_blocking(move || index.get(&digests)).await {
                Ok(found) => found,
                Err(error) => return Err(AdmissionError::Unavailable { reason: error.to_string() }),
            }
        };
        found.map_err(|error| AdmissionError::Unavailable { reason: error.to_string() })
    }

    /// Holds the caller back while the follower is far behind, so that claims do not fill the memory.
    async fn wait_for_room(&self) -> Result<(), AdmissionError> {
        if self.pending() <= MOST_PENDING {
            return Ok(());
        }
        self.wait_for_follower(|pending| pending.claims.len() <= MOST_PENDING).await
    }

    /// Where appends failed without saying what they left in the log, reads up to its end before anything is tried
    /// again.
    async fn settle_uncertain(&self) -> Result<(), AdmissionError> {
        let uncertain = self.pending.lock().uncertain.clone();
        if uncertain.is_empty() {
            return Ok(());
        }
        let unavailable = |error: event_log::ReadError| AdmissionError::Unavailable { reason: error.to_string() };
        let end = self.log.end().await.map_err(unavailable)?;
        self.wait_for_follower(|pending| pending.followed.covers(&end)).await?;
        let mut pending = self.pending.lock();
        for (digest, failure) in uncertain {
            if pending.uncertain.get(&digest) == Some(&failure) {
                pending.uncertain.remove(&digest);
                pending.claims.remove(&digest);
            }
        }
        Ok(())
    }

    async fn wait_for_follower(&self, enough: impl Fn(&Pending) -> bool) -> Result<(), AdmissionError> {
        let mut followed = self.followed.subscribe();
        let wait = async {
            while !enough(&self.pending.lock()) {
                if followed.changed().await.is_err() {
                    break;
                }
            }
        };
        let behind =
            |_| AdmissionError::Unavailable { reason: "the index of seen events is behind the log".to_owned() };
        tokio::time::timeout(PATIENCE, wait).await.map_err(behind)
    }

    /// How many events have a claim.
    pub(crate) fn pending(&self) -> usize {
        self.pending.lock().claims.len()
    }

    /// Which of these letters the door itself appended there, so that the index surely lacks them.
    pub(super) fn surely_new(&self, entries: &[(u128, Entry)]) -> Vec<bool> {
        let pending = self.pending.lock();
        let new = |(digest, entry): &(u128, Entry)| match pending.claims.get(digest) {
            Some(Claim::Durable(claim)) => claim.position == entry.position,
            _ => false,
        };
        entries.iter().map(new).collect()
    }

    /// The index holds everything before `frontier`, these letters among it.
    pub(super) fn indexed(&self, entries: &[(u128, Entry)], frontier: &Frontier) {
        let mut pending = self.pending.lock();
        for (partition, next) in frontier.iter() {
            pending.followed.advance(partition, next);
        }
        for (digest, _) in entries {
            if matches!(pending.claims.get(digest), Some(Claim::Durable(_) | Claim::Uncertain)) {
                pending.claims.remove(digest);
                pending.uncertain.remove(digest);
            }
        }
        drop(pending);
        self.followed.send_modify(|turn| *turn = turn.wrapping_add(1));
    }
}

impl Pending {
    /// Claims events for a group. Answers what each has to do next, and which this group must store.
    fn claim_all(
        &mut self,
        candidates: Vec<Candidate>,
        group: &watch::Receiver<Answer>,
    ) -> (Vec<Slot>, Vec<Candidate>) {
        let mut slots = Vec::with_capacity(candidates.len());
        let mut mine = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let content = candidate.content;
            slots.push(match self.claims.get(&candidate.letter.event) {
                Some(Claim::Underway { content: other, .. }) if *other != content => {
                    Slot::Resolved(Resolution::Refused(reused()))
                }
                Some(Claim::Underway { at, group, .. }) => Slot::Wait { at: *at, group: group.clone(), own: false },
                Some(Claim::Durable(entry)) => Slot::Resolved(known(*entry, content)),
                None | Some(Claim::Uncertain) => {
                    let at = mine.len();
                    let claim = Claim::Underway { content, at, group: group.clone() };
                    self.claims.insert(candidate.letter.event, claim);
                    mine.push(candidate);
                    Slot::Wait { at, group: group.clone(), own: true }
                }
            });
        }
        (slots, mine)
    }
}

/// The claims of one group. Dropped before their release, they are given up; once letters were sent it is uncertain what
/// the log holds.
struct Held {
    claims: Arc<Claims>,
    digests: Vec<u128>,
    sent: bool,
}

impl Held {
    fn release(mut self, resolutions: &[Resolution], contents: &[u64]) {
        let digests = std::mem::take(&mut self.digests);
        let mut pending = self.claims.pending.lock();
        for ((digest, resolution), content) in digests.into_iter().zip(resolutions).zip(contents) {
            match resolution {
                Resolution::New(position) if !pending.followed.includes(*position) => {
                    let entry = Entry { position: *position, content: *content };
                    pending.claims.insert(digest, Claim::Durable(entry));
                }
                // The index has it, or it is nowhere.
                _ => {
                    pending.claims.remove(&digest);
                }
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut pending = self.claims.pending.lock();
        pending.failures += 1;
        let failure = pending.failures;
        for digest in &self.digests {
            if self.sent {
                pending.claims.insert(*digest, Claim::Uncertain);
                pending.uncertain.insert(*digest, failure);
            } else {
                pending.claims.remove(digest);
            }
        }
    }
}

async fn await_answer(group: &mut watch::Receiver<Answer>, at: usize, own: bool) -> Result<Resolution, AdmissionError> {
    let gone = || AdmissionError::Unavailable { reason: "the same event's earlier sending was cut short".to_owned() };
    let answer = group.wait_for(Option::is_some).await.map_err(|_| gone())?.clone();
    let resolutions = answer.ok_or_else(gone)??;
    let resolution = resolutions.get(at).cloned().ok_or_else(gone)?;
    Ok(match resolution {
        Resolution::New(position) if !own => Resolution::Known(position),
        resolution => resolution,
    })
}

/// Letters of one append that may have to be split again when the log finds them too large together.
const SPLITTABLE: usize = 1 << 20;

/// Appends in order. Only a letter that is too large alone is refused; too many together are split.
async fn append(log: &dyn EventLog, letters: Vec<Letter>) -> Result<Vec<Resolution>, AdmissionError> {
    if letters.is_empty() {
        return Ok(Vec::new());
    }
    let alone = letters.len() == 1;
    let size: usize = letters.iter().map(Letter::size).sum();
    let spare = (!alone && size > SPLITTABLE).then(|| letters.clone());
    match (log.append(letters).await, spare) {
        (Ok(positions), _) => Ok(positions.into_iter().map(Resolution::New).collect()),
        (Err(error @ AppendError::TooLarge { .. }), _) if alone => {
            Ok(vec![Resolution::Refused(Refusal::new(RefusalReason::TooLarge, "event", error.to_string()))])
        }
        (Err(AppendError::TooLarge { .. }), Some(mut first)) => {
            let second = first.split_off(first.len() / 2);
            let mut resolutions = Box::pin(append(log, first)).await?;
            resolutions.extend(Box::pin(append(log, second)).await?);
            Ok(resolutions)
        }
        (Err(error), _) => Err(error.into()),
    }
}
