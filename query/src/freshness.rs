//! How fresh an answer must be, and how fresh it is.

use crate::QueryError;
use model::{Frontier, PartitionId, Position};
use std::time::Duration;

/// "At least this fresh": the answer must include everything before a frontier.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AtLeast {
    frontier: Frontier,
    wait: Option<Duration>,
}

impl AtLeast {
    /// Everything before `frontier`; waiting no longer than `wait`, or than the server's limit where that is less.
    pub fn new(frontier: Frontier, wait: Option<Duration>) -> Self {
        Self { frontier, wait }
    }
    /// Parses `3:1842` or `0:5,1:120`.
    ///
    /// One pair is a *position*, as an acknowledgement carries it: the letter at that place is included. Several
    /// pairs are a *frontier*, as an answer carries it: for each partition everything before the offset is included.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let wrong = || QueryError::BadFrontier { text: text.chars().take(80).collect() };
        if text.contains(',') {
            return Ok(Self::new(text.parse().map_err(|_| wrong())?, None));
        }
        let position: Position = text.trim().parse().map_err(|_| wrong())?;
        let mut frontier = Frontier::start();
        frontier.include(position);
        Ok(Self::new(frontier, None))
    }
    /// The frontier the answer must cover.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }
    /// How long to wait for it, within the server's `limit`.
    pub(crate) fn wait(&self, limit: Duration) -> Duration {
        self.wait.map_or(limit, |wait| wait.min(limit))
    }
}

/// A frontier as text: always two pairs or more, so that it cannot be mistaken for a position.
pub fn frontier_text(frontier: &Frontier) -> String {
    let mut whole = frontier.clone();
    for partition in [0, 1] {
        whole.advance(PartitionId(partition), model::Offset(0));
    }
    whole.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pair_is_a_position_and_includes_its_letter() {
        let at_least = AtLeast::parse("3:1842").unwrap();
        assert!(at_least.frontier().includes(Position::new(3, 1842)));
        assert!(!at_least.frontier().includes(Position::new(3, 1843)));
    }

    #[test]
    fn several_pairs_are_a_frontier_and_exclude_the_offsets_named() {
        let at_least = AtLeast::parse("0:5, 1:7").unwrap();
        assert!(at_least.frontier().includes(Position::new(1, 6)));
        assert!(!at_least.frontier().includes(Position::new(1, 7)));
    }

    #[test]
    fn an_answers_frontier_asked_for_again_is_the_same_frontier() {
        for text in ["", "0:5", "1:7", "0:5,1:7,2:9"] {
            let frontier: Frontier = text.parse().unwrap();
            let asked = AtLeast::parse(&frontier_text(&frontier)).unwrap();
            assert!(frontier.covers(asked.frontier()) && asked.frontier().covers(&frontier), "{text}");
        }
    }

    #[test]
    fn what_is_neither_is_refused_with_an_example() {
        for text in ["", "x", "1", "1:", "1:2:3", "1:2,y", "-1:3", "1:99999999999999999999999"] {
            let error = AtLeast::parse(text).unwrap_err().to_string();
            assert!(error.contains("3:1842"), "{text}: {error}");
        }
    }
}
