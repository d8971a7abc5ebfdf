//! The log in Kafka keeps the contract, against a real broker.
#![cfg(feature = "kafka")]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test panics when it fails")]

#[path = "kafka/broker.rs"]
mod broker;
mod contract;

use contract::{Home, letter, read_all};
use event_log::{
    AppendError, EventLog, Letter,
    kafka::{KafkaConfig, KafkaLog, KafkaOpenError, KafkaSecurity},
};
use std::{
    num::NonZeroU32,
    sync::Arc,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

struct InKafka {
    config: KafkaConfig,
    log: Arc<KafkaLog>,
}

/// Topics nobody else has, on a broker that may outlive this run.
fn config(data_partitions: u32) -> KafkaConfig {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let prefix = format!("test-{}-{started}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let partitions = NonZeroU32::new(data_partitions).unwrap();
    let usual = KafkaConfig::new(broker::address(), prefix, partitions, KafkaSecurity::Plaintext);
    let fetch_wait = Duration::from_millis(10);
    KafkaConfig { replication: NonZeroU32::MIN, letter_bytes: 512 << 10, fetch_wait, ..usual }
}

impl Home for InKafka {
    const LETTER_BYTES: usize = 512 << 10;
    async fn begin(data_partitions: u32) -> Self {
        let config = config(data_partitions);
        let log = Arc::new(KafkaLog::open(&config).await.unwrap());
        Self { config, log }
    }
    fn log(&self) -> Arc<dyn EventLog> {
        Arc::clone(&self.log) as _
    }
    async fn reopen(self) -> Self {
        let Self { config, log } = self;
        drop(log);
        let log = Arc::new(KafkaLog::open(&config).await.unwrap());
        Self { config, log }
    }
}

contract!(InKafka);

#[tokio::test]
async fn topics_of_another_number_of_partitions_are_refused() {
    let home = InKafka::begin(2).await;
    let more = KafkaConfig { data_partitions: NonZeroU32::new(3).unwrap(), ..home.config.clone() };
    let refused = KafkaLog::open(&more).await;
    assert!(matches!(refused, Err(KafkaOpenError::Partitions { found: 2, expected: 3, .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn five_thousand_letters_of_one_call_keep_their_order() {
    let home = InKafka::begin(2).await;
    let sent: Vec<Letter> = (0..5000).map(|event| letter(u32::try_from(event % 50).unwrap(), event)).collect();
    let positions = home.log().append(sent.clone()).await.unwrap();
    let found = read_all(&*home.log()).await;
    assert_eq!(found.values().map(Vec::len).sum::<usize>(), 5000);
    for (position, letter) in positions.iter().zip(&sent) {
        let stored = &found[&position.partition][usize::try_from(position.offset.0).unwrap()];
        assert_eq!(&stored.letter, letter);
    }
    assert!(found.values().all(|letters| letters.is_sorted_by_key(|stored| stored.letter.event)));
}

#[tokio::test]
async fn a_broker_that_is_gone_is_unavailable_and_nothing_is_acknowledged() {
    let mut broker = broker::Broker::start();
    let brokers = broker.address.clone();
    let config = KafkaConfig { brokers, delivery_timeout: Duration::from_millis(1500), ..config(1) };
    let log = KafkaLog::open(&config).await.unwrap();
    log.append(vec![letter(1, 1)]).await.unwrap();
    broker.kill();
    let refused = log.append(vec![letter(1, 2)]).await;
    assert!(matches!(refused, Err(AppendError::Unavailable { .. })), "{refused:?}");
}
