//! One person's exact values in order, so that each is compared with the earlier ones without looking at all of them.

use super::lines::Line;
use clinical::lab::{Delta, DeltaTable, Item, Measured, MixUp, Sites};
use model::{LabStatus, Moment};
use std::collections::HashMap;

const DAY: i64 = 86_400_000_000;

/// What was taken from whom and when: one specimen, as far as a result says.
type Specimen<'a> = (&'a str, &'a str, Moment);

/// One person's exact values.
pub(super) struct History<'a> {
    /// By item, in order of time.
    values: HashMap<&'static str, Vec<Measured>>,
    specimens: HashMap<Specimen<'a>, Vec<Measured>>,
}

impl<'a> History<'a> {
    /// Of a person's results. What was cancelled is not looked at.
    pub(super) fn of(lines: &'a [Line]) -> Self {
        let mut values: HashMap<_, Vec<Measured>> = HashMap::new();
        let mut specimens: HashMap<_, Vec<Measured>> = HashMap::new();
        for line in lines.iter().filter(|line| line.status != LabStatus::Cancelled) {
            if let Some(measured) = line.measured {
                values.entry(measured.item.key).or_default().push(measured);
                specimens.entry(specimen(line)).or_default().push(measured);
            }
        }
        for of_item in values.values_mut() {
            of_item.sort_by(|a, b| a.at.cmp(&b.at).then(a.value.cmp(&b.value)));
        }
        Self { values, specimens }
    }

    /// All values of an item, in order of time.
    pub(super) fn values(&self, item: &Item) -> &[Measured] {
        self.values.get(item.key).map(Vec::as_slice).unwrap_or_default()
    }

    /// The last value of the same item before another, however long before.
    pub(super) fn before(&self, now: Measured) -> Option<Measured> {
        let values = self.values(now.item);
        let earlier = values.partition_point(|one| one.at < now.at);
        values.get(..earlier)?.last().copied()
    }

    /// The change from the last earlier value within the item's window, by the rules of where it was measured now.
    pub(super) fn delta(&self, now: Measured, rules: &DeltaTable) -> Option<Delta> {
        let values = self.values(now.item);
        let window = i64::from(rules.window_days(now.item)) * DAY;
        let from = values.partition_point(|one| now.at.since(one.at) > window);
        let until = values.partition_point(|one| one.at < now.at);
        rules.delta(now, values.get(from..until)?)
    }

    /// What the changes of a result's whole specimen say of whose it is.
    pub(super) fn mix_up(&self, line: &'a Line, sites: &Sites) -> Option<MixUp> {
        let rules = sites.of_id(&line.source).delta();
        let of_specimen = self.specimens.get(&specimen(line))?;
        let deltas: Vec<_> = of_specimen.iter().filter_map(|one| self.delta(*one, rules)).collect();
        Some(rules.mix_up(&deltas))
    }
}

fn specimen(line: &Line) -> Specimen<'_> {
    (&line.source, &line.patient, line.occurred)
}
