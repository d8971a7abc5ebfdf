//! Sealed letters: key, bytes, position. One trait, an embedded log and Kafka behind it.
