//! The two topics: their names, their creation, and which partition of the log each of theirs is.

use super::config::{KafkaConfig, KafkaOpenError};
use model::PartitionId;
use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    types::RDKafkaErrorCode,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How long the broker may take over topics and metadata.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

/// The names of the topics.
#[derive(Clone, Debug)]
pub(super) struct Topics {
    control: Arc<str>,
    events: Arc<str>,
    data_partitions: u32,
}

impl Topics {
    pub(super) fn new(config: &KafkaConfig) -> Self {
        let prefix = &config.topic_prefix;
        Self {
            control: format!("{prefix}.control").into(),
            events: format!("{prefix}.events").into(),
            data_partitions: config.data_partitions.get(),
        }
    }
    /// The last partition of the log.
    pub(super) fn last(&self) -> u32 {
        self.data_partitions
    }
    /// The topic and its partition that a partition of the log is; `None` when it has no such partition.
    pub(super) fn locate(&self, partition: PartitionId) -> Option<(&str, i32)> {
        match partition.0.checked_sub(1) {
            None => Some((&self.control, 0)),
            Some(data) if data < self.data_partitions => Some((&self.events, i32::try_from(data).ok()?)),
            Some(_) => None,
        }
    }
    /// Creates what is missing and checks what is there.
    pub(super) async fn prepare(&self, config: &KafkaConfig) -> Result<(), KafkaOpenError> {
        let admin: AdminClient<DefaultClientContext> =
            config.client().create().map_err(KafkaOpenError::configuration)?;
        let size = config.message_bytes().to_string();
        let replication = i32::try_from(config.replication.get()).unwrap_or(i32::MAX);
        let events = i32::try_from(self.data_partitions).unwrap_or(i32::MAX);
        let wanted = [(&self.control, 1), (&self.events, events)];
        let new: Vec<_> = wanted
            .iter()
            .map(|(topic, partitions)| {
                NewTopic::new(topic, *partitions, TopicReplication::Fixed(replication))
                    .set("cleanup.policy", "delete")
                    .set("retention.ms", "-1")
                    .set("retention.bytes", "-1")
                    .set("max.message.bytes", &size)
            })
            .collect();
        let unavailable = |reason| KafkaOpenError::Unavailable { action: "create the log's topics", reason };
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE));
        let created = admin.create_topics(&new, &options).await.map_err(|error| unavailable(error.to_string()))?;
        for result in created {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) => return Err(unavailable(format!("`{topic}`: {code}"))),
            }
        }
        let admin = Arc::new(admin);
        for (topic, partitions) in wanted {
            check(&admin, topic, usize::try_from(partitions).unwrap_or(usize::MAX)).await?;
        }
        Ok(())
    }
}

/// Waits until the topic is known and has leaders, and checks its number of partitions.
async fn check(
    admin: &Arc<AdminClient<DefaultClientContext>>,
    topic: &Arc<str>,
    expected: usize,
) -> Result<(), KafkaOpenError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (asked, of) = (Arc::clone(admin), Arc::clone(topic));
        let answer = tokio::task::spawn_blocking(move || {
            let metadata = asked.inner().fetch_metadata(Some(&of), PATIENCE)?;
            let found = metadata.topics().first().map(|topic| {
                let ready = topic.error().is_none() && topic.partitions().iter().all(|p| p.leader() >= 0);
                (topic.partitions().len(), ready)
            });
            Ok::<_, rdkafka::error::KafkaError>(found)
        });
        let reason = match answer.await {
            Ok(Ok(Some((found, true)))) if found == expected => return Ok(()),
            Ok(Ok(Some((found, true)))) if found > 0 => {
                return Err(KafkaOpenError::Partitions { topic: topic.to_string(), found, expected });
            }
            Ok(Ok(_)) => format!("topic `{topic}` has no leader"),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        if Instant::now() > deadline {
            return Err(KafkaOpenError::Unavailable { action: "describe the log's topics", reason });
        }
        tokio::time::sleep(PAUSE).await;
    }
}
