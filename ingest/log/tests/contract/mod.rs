//! What every log promises, asked of each implementation in the same words.

use bytes::Bytes;
use event_log::{AppendError, EventLog, Letter, PartitionKey, ReadError, ReadLimit, Stored, TraceContext, tail};
use futures::StreamExt;
use model::{Frontier, Offset, PartitionId, Position};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// Where a log under test lives.
pub trait Home: Sized + Send {
    /// The largest letter it takes, in bytes.
    const LETTER_BYTES: usize;
    /// A new, empty log with so many data partitions.
    fn begin(data_partitions: u32) -> impl Future<Output = Self> + Send;
    /// The log.
    fn log(&self) -> Arc<dyn EventLog>;
    /// The same log after the process that had it ended.
    fn reopen(self) -> impl Future<Output = Self> + Send;
}

/// Names each law as a test of one implementation.
#[macro_export]
macro_rules! contract {
    ($home:ty: $($law:ident),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $law() {
            contract::$law::<$home>().await;
        })*
    };
    ($home:ty) => {
        contract!($home:
            letters_come_back_as_they_were_sent,
            positions_count_from_zero_without_gaps_in_each_partition,
            letters_of_one_key_share_a_partition_and_keep_their_order,
            control_letters_stand_in_partition_zero,
            concurrent_callers_find_their_letters_where_they_were_told,
            a_read_waits_for_the_letter_it_asks_for,
            a_read_of_an_idle_partition_returns_empty_after_its_wait,
            a_read_keeps_to_its_limit_but_returns_at_least_one_letter,
            an_offset_past_the_end_is_an_error,
            a_partition_that_does_not_exist_is_an_error,
            the_end_is_the_frontier_of_what_was_acknowledged,
            a_letter_too_large_is_refused_and_the_log_goes_on,
            nothing_appended_is_no_position,
            a_letter_may_be_empty,
            the_tail_gives_everything_in_order_and_then_what_arrives,
            the_tail_follows_busy_callers_without_a_gap,
            the_tail_from_a_frontier_gives_only_what_is_after_it,
            the_tail_ends_with_an_error_when_letters_would_be_skipped,
            after_closing_nothing_is_accepted_and_everything_can_be_read,
            what_was_acknowledged_is_there_after_reopening,
        );
    };
}

const NO_WAIT: Duration = Duration::ZERO;
const PATIENCE: Duration = Duration::from_secs(20);

/// A letter of one of many patients.
pub fn letter(patient: u32, event: u128) -> Letter {
    let key = PartitionKey::Patient(Bytes::from(format!("nagasaki-mc\0{patient:08}")));
    Letter { key, event, trace: None, payload: Bytes::from(format!("event {event} of patient {patient}")) }
}

fn control(event: u128) -> Letter {
    Letter { key: PartitionKey::Control, event, trace: None, payload: Bytes::from(format!("directory change {event}")) }
}

/// Every letter of a log, partition by partition, read until its end.
pub async fn read_all(log: &dyn EventLog) -> BTreeMap<PartitionId, Vec<Stored>> {
    let mut found = BTreeMap::new();
    for (partition, end) in log.end().await.unwrap().iter() {
        let mut letters: Vec<Stored> = Vec::new();
        while (letters.len() as u64) < end.0 {
            let from = Offset(letters.len() as u64);
            let more = log.read(partition, from, ReadLimit::default(), PATIENCE).await.unwrap();
            assert!(!more.is_empty(), "{partition}:{from} was announced and cannot be read");
            letters.extend(more);
        }
        found.insert(partition, letters);
    }
    found
}

async fn read_one(log: &dyn EventLog, at: Position) -> Stored {
    let limit = ReadLimit { letters: 1, bytes: 0 };
    let mut found = log.read(at.partition, at.offset, limit, PATIENCE).await.unwrap();
    assert_eq!(found.len(), 1, "one letter at {at}");
    found.remove(0)
}

pub async fn letters_come_back_as_they_were_sent<H: Home>() {
    let home = H::begin(3).await;
    let trace = TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Some("vendor=1"));
    let plain = TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", None);
    let sent = vec![
        Letter { trace: trace.ok(), ..letter(1, u128::MAX) },
        Letter { trace: plain.ok(), payload: Bytes::from_static(&[0, 255, 0, 10, 13]), ..letter(2, 0) },
        Letter { key: PartitionKey::Patient(Bytes::from_static(&[0, 255, 254])), ..letter(3, 1 << 90) },
        control(4),
    ];
    let positions = home.log().append(sent.clone()).await.unwrap();
    assert_eq!(positions.len(), sent.len());
    for (position, letter) in positions.iter().zip(&sent) {
        let stored = read_one(&*home.log(), *position).await;
        assert_eq!((&stored.letter, stored.position), (letter, *position));
        assert_eq!(position.partition, home.log().partition_of(&letter.key));
        let age = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64
            - stored.appended_at.micros();
        assert!((-1_000_000..60_000_000).contains(&age), "appended {age} µs ago");
    }
}

pub async fn positions_count_from_zero_without_gaps_in_each_partition<H: Home>() {
    let home = H::begin(4).await;
    let mut next = BTreeMap::new();
    for round in 0..5 {
        let letters: Vec<_> = (0..40).map(|patient| letter(patient, u128::from(round * 40 + patient))).collect();
        for position in home.log().append(letters).await.unwrap() {
            let expected = next.entry(position.partition).or_insert(0);
            assert_eq!(position.offset.0, *expected);
            *expected += 1;
        }
    }
    assert!(next.len() > 1, "forty patients are spread over partitions");
}

pub async fn letters_of_one_key_share_a_partition_and_keep_their_order<H: Home>() {
    let home = H::begin(5).await;
    let callers = (0..6).map(|patient| {
        let log = home.log();
        tokio::spawn(async move {
            let mut at = Vec::new();
            for event in 0..30 {
                at.extend(log.append(vec![letter(patient, event * 2), letter(patient, event * 2 + 1)]).await.unwrap());
            }
            at
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        let at = caller.await.unwrap();
        assert!(at.is_sorted_by(|a, b| a.partition == b.partition && a.offset < b.offset), "{at:?}");
    }
}

pub async fn control_letters_stand_in_partition_zero<H: Home>() {
    let home = H::begin(2).await;
    let at = home.log().append(vec![control(1), letter(1, 2), control(3)]).await.unwrap();
    assert_eq!((at[0], at[2]), (Position::new(0, 0), Position::new(0, 1)));
    assert_ne!(at[1].partition, PartitionId::CONTROL);
}

pub async fn concurrent_callers_find_their_letters_where_they_were_told<H: Home>() {
    let home = H::begin(3).await;
    let callers = (0..24u32).map(|caller| {
        let log = home.log();
        tokio::spawn(async move {
            let mut told = Vec::new();
            for round in 0..8u32 {
                let letters: Vec<_> =
                    (0..5).map(|n| letter(caller * 7 + n, u128::from((caller * 8 + round) * 5 + n))).collect();
                let positions = log.append(letters.clone()).await.unwrap();
                told.extend(positions.into_iter().zip(letters));
            }
            told
        })
    });
    let mut told = BTreeMap::new();
    for caller in callers.collect::<Vec<_>>() {
        for (position, letter) in caller.await.unwrap() {
            assert_eq!(told.insert(position, letter), None, "two letters were told {position}");
        }
    }
    let found: BTreeMap<_, _> =
        read_all(&*home.log()).await.into_values().flatten().map(|stored| (stored.position, stored.letter)).collect();
    assert_eq!(found, told);
}

pub async fn a_read_waits_for_the_letter_it_asks_for<H: Home>() {
    let home = H::begin(1).await;
    home.log().append(vec![letter(1, 0)]).await.unwrap();
    let log = home.log();
    let reading =
        tokio::spawn(async move { log.read(PartitionId(1), Offset(1), ReadLimit::default(), PATIENCE).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!reading.is_finished(), "a read returned before there was a letter");
    home.log().append(vec![letter(1, 1)]).await.unwrap();
    let found = reading.await.unwrap().unwrap();
    assert_eq!(found.iter().map(|stored| stored.letter.event).collect::<Vec<_>>(), [1]);
}

pub async fn a_read_of_an_idle_partition_returns_empty_after_its_wait<H: Home>() {
    let home = H::begin(1).await;
    for wait in [NO_WAIT, Duration::from_millis(80)] {
        let asked = std::time::Instant::now();
        let found = home.log().read(PartitionId(1), Offset(0), ReadLimit::default(), wait).await;
        assert_eq!(found, Ok(Vec::new()));
        assert!(asked.elapsed() >= wait, "it did not wait");
    }
}

pub async fn a_read_keeps_to_its_limit_but_returns_at_least_one_letter<H: Home>() {
    let home = H::begin(1).await;
    let sent: Vec<_> = (0..10).map(|event| Letter { payload: vec![b'x'; 1000].into(), ..letter(1, event) }).collect();
    let size = sent[0].size();
    home.log().append(sent).await.unwrap();
    for (letters, bytes, expected) in [
        (3, usize::MAX, 3),
        (100, size * 4, 4),
        (100, size * 4 - 1, 3),
        (100, 0, 1),
        (0, usize::MAX, 1),
        (100, usize::MAX, 10),
    ] {
        let limit = ReadLimit { letters, bytes };
        let found = home.log().read(PartitionId(1), Offset(0), limit, PATIENCE).await.unwrap();
        // A broker may hand out fewer than there are, never more than asked.
        assert!((1..=expected).contains(&found.len()), "{limit:?} gave {}", found.len());
        if H::LETTER_BYTES > 4 << 20 {
            assert_eq!(found.len(), expected, "{limit:?}");
        }
    }
}

pub async fn an_offset_past_the_end_is_an_error<H: Home>() {
    let home = H::begin(1).await;
    home.log().append(vec![letter(1, 0)]).await.unwrap();
    let found = home.log().read(PartitionId(1), Offset(2), ReadLimit::default(), PATIENCE).await;
    let (partition, from) = (PartitionId(1), Offset(2));
    assert_eq!(found, Err(ReadError::OutOfRange { partition, from, first: Offset(0), end: Offset(1) }));
}

pub async fn a_partition_that_does_not_exist_is_an_error<H: Home>() {
    let home = H::begin(2).await;
    let found = home.log().read(PartitionId(3), Offset(0), ReadLimit::default(), NO_WAIT).await;
    assert_eq!(found, Err(ReadError::UnknownPartition { partition: PartitionId(3), last: 2 }));
}

pub async fn the_end_is_the_frontier_of_what_was_acknowledged<H: Home>() {
    let home = H::begin(3).await;
    let nothing = home.log().end().await.unwrap();
    assert_eq!(nothing.iter().collect::<Vec<_>>(), (0..4).map(|p| (PartitionId(p), Offset(0))).collect::<Vec<_>>());
    let mut expected = nothing;
    for position in home.log().append((0..20).map(|n| letter(n, u128::from(n))).collect()).await.unwrap() {
        expected.include(position);
    }
    assert_eq!(home.log().end().await, Ok(expected));
}

pub async fn a_letter_too_large_is_refused_and_the_log_goes_on<H: Home>() {
    let home = H::begin(1).await;
    let large = Letter { payload: vec![1; H::LETTER_BYTES + 1].into(), ..letter(1, 1) };
    let refused = home.log().append(vec![letter(1, 0), large]).await;
    assert!(matches!(refused, Err(AppendError::TooLarge { .. })), "{refused:?}");
    let nearly = Letter { payload: vec![1; H::LETTER_BYTES / 2].into(), ..letter(1, 2) };
    let at = home.log().append(vec![nearly.clone()]).await.unwrap();
    assert_eq!(read_one(&*home.log(), at[0]).await.letter, nearly);
}

pub async fn nothing_appended_is_no_position<H: Home>() {
    let home = H::begin(1).await;
    assert_eq!(home.log().append(Vec::new()).await, Ok(Vec::new()));
}

pub async fn a_letter_may_be_empty<H: Home>() {
    let home = H::begin(1).await;
    let empty = Letter { key: PartitionKey::Patient(Bytes::new()), event: 0, trace: None, payload: Bytes::new() };
    let at = home.log().append(vec![empty.clone()]).await.unwrap();
    assert_eq!(read_one(&*home.log(), at[0]).await.letter, empty);
}

async fn take(
    stream: &mut (impl futures::Stream<Item = Result<Vec<Stored>, ReadError>> + Unpin),
    count: usize,
) -> Vec<Stored> {
    let mut found = Vec::new();
    while found.len() < count {
        let next = tokio::time::timeout(PATIENCE, stream.next()).await.expect("the tail is silent");
        found.extend(next.expect("the tail ended").expect("the tail failed"));
    }
    assert_eq!(found.len(), count);
    found
}

/// Whether letters of each partition follow one another without gaps from a frontier on.
fn assert_follows(letters: &[Stored], from: &Frontier) {
    let mut frontier = from.clone();
    for stored in letters {
        assert_eq!(
            stored.position.offset,
            frontier.next(stored.position.partition),
            "a gap before {}",
            stored.position
        );
        frontier.include(stored.position);
    }
}

pub async fn the_tail_gives_everything_in_order_and_then_what_arrives<H: Home>() {
    let home = H::begin(4).await;
    home.log().append((0..100).map(|n| letter(n, u128::from(n))).collect()).await.unwrap();
    let limit = ReadLimit { letters: 7, bytes: usize::MAX };
    let mut tail = Box::pin(tail(home.log(), Frontier::start(), limit));
    let mut found = take(&mut tail, 100).await;
    home.log().append(vec![control(100), letter(3, 101)]).await.unwrap();
    found.extend(take(&mut tail, 2).await);
    assert_follows(&found, &Frontier::start());
    let events: std::collections::BTreeSet<_> = found.iter().map(|stored| stored.letter.event).collect();
    assert_eq!(events.len(), 102);
}

pub async fn the_tail_follows_busy_callers_without_a_gap<H: Home>() {
    let home = H::begin(2).await;
    let mut tail = Box::pin(tail(home.log(), Frontier::start(), ReadLimit::default()));
    let callers = (0..8u32).map(|caller| {
        let log = home.log();
        tokio::spawn(async move {
            for round in 0..150u32 {
                let letters = (0..4).map(|n| letter(caller * 11 + n, u128::from((caller * 150 + round) * 4 + n)));
                log.append(letters.collect()).await.unwrap();
            }
        })
    });
    let callers: Vec<_> = callers.collect();
    let found = take(&mut tail, 8 * 150 * 4).await;
    assert_follows(&found, &Frontier::start());
    for caller in callers {
        caller.await.unwrap();
    }
}

pub async fn the_tail_from_a_frontier_gives_only_what_is_after_it<H: Home>() {
    let home = H::begin(2).await;
    home.log().append((0..30).map(|n| letter(n, u128::from(n))).collect()).await.unwrap();
    let from = home.log().end().await.unwrap();
    home.log().append((0..30).map(|n| letter(n, u128::from(100 + n))).collect()).await.unwrap();
    let mut tail = Box::pin(tail(home.log(), from.clone(), ReadLimit::default()));
    let found = take(&mut tail, 30).await;
    assert_follows(&found, &from);
    assert!(found.iter().all(|stored| stored.letter.event >= 100));
}

pub async fn the_tail_ends_with_an_error_when_letters_would_be_skipped<H: Home>() {
    let home = H::begin(1).await;
    let beyond = [(PartitionId(1), Offset(5))].into_iter().collect();
    let mut tail = Box::pin(tail(home.log(), beyond, ReadLimit::default()));
    let item = tokio::time::timeout(PATIENCE, tail.next()).await.expect("the tail is silent");
    assert!(matches!(item, Some(Err(ReadError::OutOfRange { .. }))), "{item:?}");
    assert_eq!(tail.next().await, None);
}

pub async fn after_closing_nothing_is_accepted_and_everything_can_be_read<H: Home>() {
    let home = H::begin(2).await;
    let log = home.log();
    let tailing = tail(home.log(), Frontier::start(), ReadLimit::default());
    let tailed = tokio::spawn(async move { tailing.map(|batch| batch.unwrap().len()).collect::<Vec<_>>().await });
    let at = log.append(vec![letter(1, 1)]).await.unwrap()[0];
    log.close().await.unwrap();
    log.close().await.unwrap();
    assert_eq!(log.append(vec![letter(1, 2)]).await, Err(AppendError::Closed));
    assert_eq!(read_one(&*log, at).await.letter, letter(1, 1));
    let end = log.read(at.partition, at.offset.next(), ReadLimit::default(), PATIENCE).await;
    assert_eq!(end, Err(ReadError::Closed));
    let tailed = tokio::time::timeout(PATIENCE, tailed).await.expect("the tail of a closed log goes on").unwrap();
    assert_eq!(tailed.iter().sum::<usize>(), 1);
}

pub async fn what_was_acknowledged_is_there_after_reopening<H: Home>() {
    let mut home = H::begin(3).await;
    let mut expected = BTreeMap::new();
    for round in 0..4u32 {
        let letters: Vec<_> = (0..25).map(|n| letter(n, u128::from(round * 25 + n))).collect();
        let positions = home.log().append(letters.clone()).await.unwrap();
        for (position, letter) in positions.into_iter().zip(letters) {
            assert_eq!(expected.insert(position, letter), None, "{position} was given twice");
        }
        home = home.reopen().await;
        let found: BTreeMap<_, _> = read_all(&*home.log())
            .await
            .into_values()
            .flatten()
            .map(|stored| (stored.position, stored.letter))
            .collect();
        assert_eq!(found, expected, "round {round}");
    }
}
