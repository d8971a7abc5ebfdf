//! What holds for measures that facilities publish beside one another.

use super::{MeasureYear, QualityMeasure};
use crate::diabetes::facts::Facts;
use model::{FacilityId, Moment};
use std::collections::{BTreeMap, BTreeSet};

/// Persons that a published number speaks of at least (a choice; ten is usual for what leaves Japanese claims data).
pub const LEAST_CELL: usize = 10;

/// Publications of one series at most. What may follow is decided by all of them, so it costs more with each.
pub const MOST_RELEASES: usize = 24;

impl QualityMeasure {
    /// The measure that must not be published beside this one for the same year: the two numerators and the denominator would tell of
    /// those between them, however few.
    pub fn not_beside(&self) -> Option<&'static Self> {
        const APART: [[&str; 2]; 1] = [["hedis-gsd-below-8-my2024", "hedis-gsd-above-9-my2024"]];
        let [a, b] = APART.into_iter().find(|pair| pair.contains(&self.key))?;
        Self::by_key(if a == self.key { b } else { a })
    }
}

/// Whether a person is counted at a facility: as far as the facts show, nobody saw them on more days of the year; of equals the one that
/// saw them last, then the first by id. Where no visit of the year is seen they are the facility's own.
pub fn is_counted_at(facility: &FacilityId, facts: &Facts, year: MeasureYear) -> bool {
    let kept = facts.visits.iter().filter(|one| !one.value.planned && year.contains(one.at));
    let mut seen: BTreeMap<&FacilityId, (BTreeSet<_>, Option<Moment>)> = BTreeMap::new();
    for one in kept {
        let (days, last) = seen.entry(&one.source).or_default();
        days.insert(one.day());
        *last = (*last).max(Some(one.at));
    }
    let rank = |(id, (days, last)): (&&FacilityId, &(BTreeSet<_>, Option<Moment>))| {
        (days.len(), *last, std::cmp::Reverse((*id).clone()))
    };
    seen.iter().max_by_key(|one| rank((one.0, one.1))).is_none_or(|(id, _)| *id == facility)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diabetes::facts::{Dated, Visit};
    use crate::diabetes::testing::at;
    use model::EncounterClass;

    fn of(id: &str) -> FacilityId {
        FacilityId::parse(id).unwrap()
    }

    fn seen(visits: &[(&str, &str, bool)]) -> Facts {
        let visit = |(day, source, planned): &(&str, &str, bool)| Dated {
            value: Visit { class: EncounterClass::Ambulatory, planned: *planned, until: None },
            at: at(day),
            source: of(source),
        };
        Facts { visits: visits.iter().map(visit).collect(), ..Facts::default() }
    }

    #[test]
    fn a_person_is_counted_where_they_were_seen_most() {
        let at = |visits: &[(&str, &str, bool)]| {
            let (facts, year) = (seen(visits), MeasureYear::new(2026).unwrap());
            let counted = ["clinic", "hospital"].map(|one| is_counted_at(&of(one), &facts, year));
            assert!(counted[0] != counted[1] || visits.iter().all(|one| !one.0.starts_with("2026")), "by one of them");
            counted[0]
        };
        assert!(at(&[
            ("2026-01-01", "clinic", false),
            ("2026-02-01", "clinic", false),
            ("2026-03-01", "hospital", false)
        ]));
        assert!(!at(&[("2026-01-01", "clinic", false), ("2026-02-01", "hospital", false)]), "of equals the last");
        assert!(at(&[("2026-01-01", "clinic", false), ("2026-02-01", "hospital", true)]), "planned is not seen");
        assert!(
            at(&[
                ("2026-01-01", "clinic", false),
                ("2025-02-01", "hospital", false),
                ("2025-03-01", "hospital", false)
            ]),
            "of the year alone"
        );
        assert!(
            at(&[("2026-01-01", "clinic", false), ("2026-01-01", "hospital", false)]),
            "of the same moments the first by id"
        );
        assert!(at(&[]), "where nobody is seen to see them they are everybody's own");
    }

    #[test]
    fn two_numerators_that_leave_a_few_between_them_are_not_published_together() {
        let key = |key: &str| QualityMeasure::by_key(key).unwrap().not_beside().map(|one| one.key);
        assert_eq!(key("hedis-gsd-below-8-my2024"), Some("hedis-gsd-above-9-my2024"));
        assert_eq!(key("hedis-gsd-above-9-my2024"), Some("hedis-gsd-below-8-my2024"));
        assert_eq!(key("hedis-ked-my2024"), None);
    }
}
