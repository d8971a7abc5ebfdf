//! The same event is one event, whatever happens in between.

use super::fixture::*;
use crate::{AdmissionError, Answer, Incoming, RefusalReason};
use event_log::{AppendError, EventLog, PartitionKey, ReadLimit, TraceContext};
use model::{Moment, Offset, PartitionId, Position};
use std::sync::Arc;
use std::time::Duration;

fn accepted(answer: &Answer) -> (Position, bool) {
    match answer {
        Answer::Accepted { position, duplicate } => (*position, *duplicate),
        Answer::Refused { refusal, .. } => panic!("refused: {refusal}"),
    }
}
#[track_caller]
fn refused(answer: &Answer, reason: RefusalReason, field: &str) {
    match answer {
        Answer::Refused { refusal, kept } => {
            assert_eq!((refusal.reason, refusal.field.as_str()), (reason, field), "{refusal}");
            assert!(kept.is_ok(), "{kept:?}");
        }
        Answer::Accepted { .. } => panic!("accepted"),
    }
}

impl House {
    async fn send(&self, id: &str, text: &str) -> Answer {
        self.try_send(id, text).await.unwrap()
    }
    async fn try_send(&self, id: &str, text: &str) -> Result<Answer, AdmissionError> {
        let mut answers = self.admission.admit(&hospital(), vec![incoming(&event(id, text))]).await?;
        assert_eq!(answers.len(), 1);
        Ok(answers.remove(0))
    }
    /// The next process over what this one left behind.
    async fn restarted(self, log: event_log::MemoryLog) -> Self {
        let Self { admission, directory, .. } = self;
        admission.close().await;
        // The follower lets go of the index's files once its task is gone.
        let gone = Arc::downgrade(&admission);
        drop(admission);
        while gone.strong_count() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        reopen(Arc::new(log), directory).await
    }
}

#[tokio::test]
async fn an_event_is_durable_in_its_patients_partition_when_it_is_answered() {
    let house = house().await;
    let trace = TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None).unwrap();
    let sent = event("e-1", "x");
    let incoming = Incoming { trace: Some(trace.clone()), ..incoming(&sent) };
    let answers = house.admission.admit(&hospital(), vec![incoming]).await.unwrap();
    let (position, duplicate) = accepted(&answers[0]);
    assert!(!duplicate);

    let read = house.log.read(position.partition, position.offset, ReadLimit::default(), Duration::ZERO).await.unwrap();
    let letter = &read[0].letter;
    assert_eq!(letter.key, PartitionKey::Patient(patient("hospital", "1").partition_key().into()));
    assert_eq!((letter.event, &letter.trace), (sent.key.digest(), &Some(trace)));
    assert_eq!(wire::read_event(letter.payload.clone()), Ok(sent));
}

#[tokio::test]
async fn the_door_stamps_the_admission_whatever_the_sender_says() {
    let house = house().await;
    let mut early = event("e-1", "x");
    early.admitted_at = Moment::parse("1999-01-01").unwrap();
    let answers = house.admission.admit(&hospital(), vec![incoming(&early)]).await.unwrap();
    let (Position { partition, offset }, _) = accepted(&answers[0]);
    let read = house.log.read(partition, offset, ReadLimit::default(), Duration::ZERO).await.unwrap();
    assert_eq!(wire::read_event(read[0].letter.payload.clone()).unwrap().admitted_at, now());
}

#[tokio::test]
async fn directory_changes_lie_in_the_control_partition() {
    let house = house().await;
    let scope = model::DisclosureScope::of(facility("hospital"), Vec::new());
    let change = model::Body::Directory(model::DirectoryChange::Scope(scope));
    let event = event_of("hospital", "e-1", change);
    let answers = house.admission.admit(&hospital(), vec![incoming(&event)]).await.unwrap();
    assert_eq!(accepted(&answers[0]).0.partition, PartitionId::CONTROL);
}

#[tokio::test]
async fn the_same_event_twice_is_one_event() {
    let house = house().await;
    let (first, _) = accepted(&house.send("e-1", "x").await);
    assert_eq!(accepted(&house.send("e-1", "x").await), (first, true));
    assert_eq!(letters(&house.log).await, 1);
}

#[tokio::test]
async fn the_same_event_twice_in_one_call_is_one_event() {
    let house = house().await;
    let twice = [event("e-1", "x"), event("e-2", "y"), event("e-1", "x")];
    let answers = house.admission.admit(&hospital(), twice.iter().map(incoming).collect()).await.unwrap();
    let (first, duplicate) = accepted(&answers[0]);
    assert!(!duplicate);
    assert!(!accepted(&answers[1]).1);
    assert_eq!(accepted(&answers[2]), (first, true));
    assert_eq!(letters(&house.log).await, 2);
}

#[tokio::test]
async fn the_same_event_under_way_twice_is_one_event() {
    let house = house().await;
    house.log.hold();
    let release = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        house.log.release();
    };
    let (one, two, ()) = tokio::join!(house.send("e-1", "x"), house.send("e-1", "x"), release);
    let mut both = [accepted(&one), accepted(&two)];
    both.sort_by_key(|(_, duplicate)| *duplicate);
    assert_eq!((both[0].0, both.map(|(_, duplicate)| duplicate)), (both[1].0, [false, true]));
    assert_eq!(letters(&house.log).await, 1);
}

#[tokio::test]
async fn another_spelling_of_the_same_event_is_the_same_event() {
    let house = house().await;
    let (first, _) = accepted(&house.send("e-1", "x").await);
    let mut respelled = wire::write_event(&event("e-1", "x")).to_vec();
    respelled.extend_from_slice(&[0xf8, 0x06, 0x01]); // a field of a later version
    respelled.extend_from_slice(&[0x0a, 0x03, b'e', b'-', b'1']); // the id said twice
    let incoming = Incoming { event: respelled.into(), trace: None };
    let answers = house.admission.admit(&hospital(), vec![incoming]).await.unwrap();
    assert_eq!(accepted(&answers[0]), (first, true));
}

#[tokio::test]
async fn an_id_used_again_for_something_else_is_refused() {
    let house = house().await;
    house.send("e-1", "x").await;
    refused(&house.send("e-1", "y").await, RefusalReason::IdReused, "id");
    let both = vec![incoming(&event("e-2", "x")), incoming(&event("e-2", "y"))];
    let answers = house.admission.admit(&hospital(), both).await.unwrap();
    accepted(&answers[0]);
    refused(&answers[1], RefusalReason::IdReused, "id");
    assert_eq!(letters(&house.log).await, 2);
}

#[tokio::test]
async fn an_id_of_another_facility_is_another_event() {
    let house = house().await;
    house.send("e-1", "x").await;
    let body = model::Body::Record(Box::new(record_of(&patient("clinic", "1"), "y")));
    let other = incoming(&event_of("clinic", "e-1", body));
    let clinic = caller("clinic", model::Role::System);
    assert!(!accepted(&house.admission.admit(&clinic, vec![other]).await.unwrap()[0]).1);
}

#[tokio::test]
async fn the_index_forgets_nothing_when_the_claims_are_gone() {
    let house = house().await;
    let events: Vec<_> = (0..3000).map(|i| event(&format!("e-{i}"), "x")).collect();
    let sent: Vec<_> = events.iter().map(incoming).collect();
    let first = house.admission.admit(&hospital(), sent.clone()).await.unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while house.admission.pending() > 0 {
        assert!(std::time::Instant::now() < deadline, "the follower does not come by");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let second = house.admission.admit(&hospital(), sent).await.unwrap();
    for (first, second) in first.iter().zip(&second) {
        assert_eq!(accepted(second), (accepted(first).0, true));
    }
    assert_eq!(letters(&house.log).await, 3000);
}

#[tokio::test]
async fn the_same_event_after_a_restart_is_one_event() {
    let house = house().await;
    let (first, _) = accepted(&house.send("e-1", "x").await);
    let log = house.log.crash();
    let house = house.restarted(log).await;
    assert_eq!(accepted(&house.send("e-1", "x").await), (first, true));
    refused(&house.send("e-1", "y").await, RefusalReason::IdReused, "id");
}

#[tokio::test]
async fn the_same_event_after_a_crash_between_append_and_index_is_one_event() {
    let house = house().await;
    house.send("e-0", "x").await;
    // A letter the log holds and the index never saw: the node died in between.
    let late = event("e-1", "x");
    let key = PartitionKey::Patient(patient("hospital", "1").partition_key().into());
    let payload = wire::write_event(&late);
    let crashed = house.log.crash();
    let letter = event_log::Letter { key, event: late.key.digest(), trace: None, payload };
    let positions = crashed.append(vec![letter]).await.unwrap();
    let house = house.restarted(crashed).await;
    assert_eq!(accepted(&house.send("e-1", "x").await), (positions[0], true));
    assert_eq!(letters(&house.log).await, 2);
}

#[tokio::test]
async fn a_lost_index_is_rebuilt_from_the_log() {
    let house = house().await;
    let (first, _) = accepted(&house.send("e-1", "x").await);
    let log = house.log.crash();
    let index = settings(&house.directory).index;
    let house = house.restarted(log).await;
    let log = house.log.crash();
    let House { admission, directory, .. } = house;
    admission.close().await;
    drop(admission);
    tokio::time::sleep(Duration::from_millis(50)).await;
    std::fs::remove_dir_all(index).unwrap();
    let house = reopen(Arc::new(log), directory).await;
    assert_eq!(accepted(&house.send("e-1", "x").await), (first, true));
}

#[tokio::test]
async fn an_index_of_another_log_is_rebuilt() {
    let house = house().await;
    house.send("e-1", "x").await;
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while house.admission.pending() > 0 {
        assert!(std::time::Instant::now() < deadline, "the follower does not come by");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let other = event_log::MemoryLog::new(std::num::NonZeroU32::new(4).unwrap());
    let house = house.restarted(other).await;
    assert!(!accepted(&house.send("e-1", "x").await).1, "the new log has never seen it");
}

#[tokio::test]
async fn after_an_append_that_failed_in_doubt_the_log_is_asked() {
    let house = house().await;
    house.send("e-0", "x").await;
    // The broker did not confirm, yet the letter is there: someone else's append stands for the lost answer.
    house.log.refuse_next(AppendError::Unavailable { reason: "timed out".into() });
    let error = house.try_send("e-1", "x").await.unwrap_err();
    assert!(matches!(error, AdmissionError::Unavailable { .. }), "{error}");
    let lost = event("e-1", "x");
    let key = PartitionKey::Patient(patient("hospital", "1").partition_key().into());
    let letter = event_log::Letter { key, event: lost.key.digest(), trace: None, payload: wire::write_event(&lost) };
    let there = house.log.append(vec![letter]).await.unwrap();

    assert_eq!(accepted(&house.send("e-1", "x").await), (there[0], true));
    assert_eq!(letters(&house.log).await, 2);
}

#[tokio::test]
async fn after_an_append_that_left_nothing_the_event_is_stored_once() {
    let house = house().await;
    house.log.refuse_next(AppendError::Unavailable { reason: "timed out".into() });
    house.try_send("e-1", "x").await.unwrap_err();
    let (position, duplicate) = accepted(&house.send("e-1", "x").await);
    assert!(!duplicate);
    assert_eq!((position.offset, letters(&house.log).await), (Offset(0), 1));
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_no_claim_that_blocks_the_next() {
    let house = house().await;
    house.log.hold();
    let gave_up = tokio::time::timeout(Duration::from_millis(20), house.send("e-1", "x")).await;
    assert!(gave_up.is_err());
    house.log.release();
    // The append was under way and cannot be taken back: it counts.
    let (_, duplicate) = accepted(&house.send("e-1", "x").await);
    assert!(duplicate);
    assert_eq!(letters(&house.log).await, 1);
}

#[tokio::test]
async fn a_full_disk_refuses_says_so_and_recovers() {
    let house = house().await;
    house.log.refuse_next(AppendError::Full { bytes: 1 });
    let error = house.try_send("e-1", "x").await.unwrap_err();
    assert!(matches!(&error, AdmissionError::Full { reason } if reason.contains("disk is full")), "{error}");
    assert!(!accepted(&house.send("e-1", "x").await).1);
}

#[tokio::test]
async fn poisoned_storage_shuts_the_door_and_calls_for_a_restart() {
    let house = house().await;
    house.log.refuse_next(AppendError::Poisoned { reason: "fsync failed".into() });
    assert_eq!(house.try_send("e-1", "x").await.unwrap_err(), AdmissionError::Poisoned);
    let reason = tokio::time::timeout(Duration::from_secs(1), house.admission.poisoned()).await.unwrap();
    assert!(reason.contains("storage failed"));
    assert_eq!(house.try_send("e-2", "x").await.unwrap_err(), AdmissionError::Poisoned);
}

#[tokio::test]
async fn a_letter_too_large_for_the_log_is_refused_alone() {
    let house = house().await;
    house.log.refuse_next(AppendError::TooLarge { bytes: 9, limit: 1 });
    refused(&house.send("e-1", "x").await, RefusalReason::TooLarge, "event");
    assert!(!accepted(&house.send("e-2", "x").await).1);
}

#[tokio::test]
async fn letters_too_large_together_are_split() {
    let house = house().await;
    house.log.refuse_next(AppendError::TooLarge { bytes: 9, limit: 1 });
    let large = "x".repeat(400 << 10);
    let events = (0..4).map(|i| incoming(&event(&format!("e-{i}"), &large))).collect();
    let answers = house.admission.admit(&hospital(), events).await.unwrap();
    let offsets: Vec<u64> = answers.iter().map(|answer| accepted(answer).0.offset.0).collect();
    assert_eq!(offsets, [0, 1, 2, 3], "their order is kept");
}

#[tokio::test]
async fn an_event_over_the_limit_is_refused() {
    let house = house().await;
    let answer = house.send("e-1", &"x".repeat(crate::LARGEST_EVENT)).await;
    let Answer::Refused { refusal, .. } = answer else { panic!("accepted") };
    assert_eq!(refusal.reason, RefusalReason::TooLarge);
}

#[tokio::test]
async fn a_refused_event_holds_up_nothing_after_it() {
    let house = house().await;
    let garbage = Incoming { event: "no event".into(), trace: None };
    let mut versionless = wire::v1::Event::from(&event("e-2", "x"));
    if let Some(wire::v1::event::Body::Record(record)) = versionless.body.as_mut() {
        record.version = 0;
    }
    let versionless = Incoming { event: prost::Message::encode_to_vec(&versionless).into(), trace: None };
    let foreign = event_of("clinic", "e-3", event("e-3", "x").body);
    let events =
        vec![incoming(&event("e-1", "x")), garbage, versionless, incoming(&foreign), incoming(&event("e-4", "x"))];
    let answers = house.admission.admit(&hospital(), events).await.unwrap();
    accepted(&answers[0]);
    refused(&answers[1], RefusalReason::Unreadable, "event");
    refused(&answers[2], RefusalReason::Invalid, "record.version");
    refused(&answers[3], RefusalReason::WrongSource, "source");
    accepted(&answers[4]);
    assert_eq!(house.admission.quarantined().events, 3);
}

#[tokio::test]
async fn a_stopped_door_turns_events_away() {
    let house = house().await;
    house.admission.stop();
    assert_eq!(house.try_send("e-1", "x").await.unwrap_err(), AdmissionError::Stopping);
}
