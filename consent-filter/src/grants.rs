//! All grants of all patients in one table, each patient's side by side.
//!
//! A table of its own for every patient would cost a decision one more step into cold memory and each grant a share of
//! an allocation.

use crate::consents::Grant;
use std::collections::BTreeMap;

/// Where one patient's grants lie.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Run {
    at: u32,
    len: u32,
}

#[derive(Clone, Default, Debug)]
pub(crate) struct Grants {
    table: Vec<Grant>,
    /// Runs that were left for longer ones, by length.
    left: BTreeMap<u32, Vec<u32>>,
    count: usize,
}

// === impl Run ===

impl Run {
    fn range(self) -> std::ops::Range<usize> {
        let at = self.at as usize;
        at..at.saturating_add(self.len as usize)
    }
}

// === impl Grants ===

impl Grants {
    pub(crate) fn get(&self, run: Run) -> &[Grant] {
        self.table.get(run.range()).unwrap_or_default()
    }
    pub(crate) fn get_mut(&mut self, run: Run) -> Option<&mut [Grant]> {
        self.table.get_mut(run.range())
    }
    /// The run with one grant more at its end; `None` when the table is full. The old run is left and may be given
    /// to another patient.
    pub(crate) fn add(&mut self, run: Run, grant: Grant) -> Option<Run> {
        let longer = Run { len: run.len.checked_add(1)?, ..run };
        let end = run.range().end;
        if run.len > 0 && end == self.table.len() {
            u32::try_from(end).ok()?;
            self.push(grant);
            self.count += 1;
            return Some(longer);
        }
        let at = match self.left.get_mut(&longer.len).and_then(Vec::pop) {
            Some(at) => at,
            None => {
                let at = u32::try_from(self.table.len()).ok()?;
                (0..longer.len).for_each(|_| self.push(grant));
                at
            }
        };
        let moved = Run { at, ..longer };
        self.table.copy_within(run.range(), at as usize);
        if let Some(last) = self.get_mut(moved).and_then(<[Grant]>::last_mut) {
            *last = grant;
        }
        if run.len > 0 {
            self.left.entry(run.len).or_default().push(run.at);
        }
        self.count += 1;
        Some(moved)
    }
    /// Grows by an eighth at a time: doubling would leave up to half of the table empty.
    fn push(&mut self, grant: Grant) {
        if self.table.len() == self.table.capacity() {
            self.table.reserve_exact(self.table.len() / 8 + 64);
        }
        self.table.push(grant);
    }
    pub(crate) fn count(&self) -> usize {
        self.count
    }
    pub(crate) fn bytes(&self) -> usize {
        let left = self.left.values().map(|runs| runs.capacity() * size_of::<u32>()).sum::<usize>();
        self.table.capacity() * size_of::<Grant>() + left
    }
}

#[cfg(test)]
mod tests;
