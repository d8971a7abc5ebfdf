//! How often decelerations come with contractions.

use crate::perinatal::ctg::{Deceleration, Window};
use std::collections::BTreeSet;

/// Of the contractions of some windows, how many came with a deceleration of some kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Recurrence {
    /// Contractions; `None` where they are not seen in one of the windows.
    pub contractions: Option<usize>,
    /// Contractions with such a deceleration, and decelerations without one.
    pub with: usize,
}

/// Decelerations from which on they count as recurrent where contractions are not seen.
const UNSEEN: usize = 2;

impl Recurrence {
    pub(super) fn of(windows: &[Window], is: impl Fn(&Deceleration) -> bool) -> Self {
        let contractions =
            windows.iter().map(|window| window.contractions.as_ref().map(Vec::len)).sum::<Option<usize>>();
        // one deceleration may touch two windows; it is one
        let events: BTreeSet<(Option<usize>, usize)> = windows
            .iter()
            .flat_map(|window| &window.decelerations)
            .filter(|one| is(one))
            .map(|one| (one.contraction, if one.contraction.is_some() { 0 } else { one.excursion.onset }))
            .collect();
        Self { contractions, with: events.len() }
    }

    /// Whether at least a part of the contractions came with one: half of them, or more than half where `strictly`. Where
    /// contractions are not seen it cannot be said that they did not: two such decelerations are then enough.
    pub(super) fn recurrent(self, strictly: bool) -> bool {
        match self.contractions {
            None | Some(0) => self.with >= UNSEEN,
            Some(all) if strictly => self.with > 0 && 2 * self.with > all,
            Some(all) => self.with > 0 && 2 * self.with >= all,
        }
    }
}
