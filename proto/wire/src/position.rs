//! Places in the log. Every number is a place, so nothing can be refused.

use crate::v1;
use model::{Frontier, Offset, PartitionId, Position};

impl From<Position> for v1::Position {
    fn from(position: Position) -> Self {
        let Position { partition: PartitionId(partition), offset: Offset(offset) } = position;
        Self { partition, offset }
    }
}

impl From<v1::Position> for Position {
    fn from(wire: v1::Position) -> Self {
        let v1::Position { partition, offset } = wire;
        Self::new(partition, offset)
    }
}

impl From<&Frontier> for v1::Frontier {
    fn from(frontier: &Frontier) -> Self {
        Self { next: frontier.iter().map(|(partition, offset)| Position { partition, offset }.into()).collect() }
    }
}

impl From<v1::Frontier> for Frontier {
    fn from(wire: v1::Frontier) -> Self {
        let v1::Frontier { next } = wire;
        next.into_iter().map(|v1::Position { partition, offset }| (PartitionId(partition), Offset(offset))).collect()
    }
}
