//! Places in the log.

use std::fmt;

/// Why a text is not a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a position: write `partition:offset`, for example `3:1842`")]
pub struct PositionError {
    text: String,
}

/// A partition of the log. Partition 0 is the control partition that every worker reads
/// (directory, scopes, links); partitions from 1 carry patients' records and consents.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PartitionId(pub u32);

impl PartitionId {
    /// The control partition.
    pub const CONTROL: Self = Self(0);
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A place in one partition, counted from 0 without gaps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Offset(pub u64);

impl Offset {
    /// The offset after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One letter's place in the log. Written `partition:offset`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Position {
    /// The partition.
    pub partition: PartitionId,
    /// The place in it.
    pub offset: Offset,
}

impl Position {
    /// The position `partition:offset`.
    pub const fn new(partition: u32, offset: u64) -> Self {
        Self { partition: PartitionId(partition), offset: Offset(offset) }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.partition, self.offset)
    }
}

impl std::str::FromStr for Position {
    type Err = PositionError;
    fn from_str(text: &str) -> Result<Self, PositionError> {
        let parse = || {
            let (partition, offset) = text.split_once(':')?;
            Some(Self::new(partition.parse().ok()?, offset.parse().ok()?))
        };
        parse().ok_or_else(|| PositionError { text: text.chars().take(40).collect() })
    }
}

/// How far something has come in every partition: for each, the *next* offset, so that everything before it is
/// included (half-open). A partition that is not listed stands at 0. Written `0:5,1:120,2:98`.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Frontier(std::collections::BTreeMap<PartitionId, Offset>);

impl Frontier {
    /// The frontier before everything.
    pub fn start() -> Self {
        Self::default()
    }
    /// The next offset of a partition.
    pub fn next(&self, partition: PartitionId) -> Offset {
        self.0.get(&partition).copied().unwrap_or_default()
    }
    /// Moves one partition to `next`, never backwards.
    pub fn advance(&mut self, partition: PartitionId, next: Offset) {
        let at = self.0.entry(partition).or_default();
        *at = (*at).max(next);
    }
    /// Takes in one letter: everything up to and with `position` is included.
    pub fn include(&mut self, position: Position) {
        self.advance(position.partition, position.offset.next());
    }
    /// Whether the letter at `position` is included.
    pub fn includes(&self, position: Position) -> bool {
        position.offset < self.next(position.partition)
    }
    /// Whether everything `other` includes is included here too.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|(partition, next)| self.next(*partition) >= *next)
    }
    /// Partitions and their next offsets, in order.
    pub fn iter(&self) -> impl Iterator<Item = (PartitionId, Offset)> + '_ {
        self.0.iter().map(|(partition, offset)| (*partition, *offset))
    }
    /// How many letters `self` is ahead of `other`, over all partitions.
    pub fn ahead_of(&self, other: &Self) -> u64 {
        self.iter().map(|(p, next)| next.0.saturating_sub(other.next(p).0)).sum()
    }
}

impl FromIterator<(PartitionId, Offset)> for Frontier {
    fn from_iter<I: IntoIterator<Item = (PartitionId, Offset)>>(entries: I) -> Self {
        let mut frontier = Self::start();
        for (partition, next) in entries {
            frontier.advance(partition, next);
        }
        frontier
    }
}

impl fmt::Display for Frontier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (partition, next)) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{partition}:{next}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Frontier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self})")
    }
}

impl std::str::FromStr for Frontier {
    type Err = PositionError;
    fn from_str(text: &str) -> Result<Self, PositionError> {
        text.split(',')
            .filter(|part| !part.trim().is_empty())
            .map(|part| part.trim().parse::<Position>().map(|p| (p.partition, p.offset)))
            .collect()
    }
}
