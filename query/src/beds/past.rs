//! What was on the screen at a moment, made of what the log had taken in by then: back to the bed's admission.
//!
//! Nothing is kept for it. Each letter's place says whether it had come; when the log took letters in is the hall's to say
//! ([`Past`]). An hour of one bed is read, as the view shows it now: of the past nobody is told more than that.

use super::course::{Course, WINDOW_SLOTS};
use super::rules::Rules;
use super::stretch::Stretch;
use super::strip::{Slot, Strip};
use async_trait::async_trait;
use clinical::perinatal::ctg::Fetus;
use model::{Moment, Offset, PartitionId, Position};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// What the log had taken in by a moment.
#[async_trait]
pub trait Past: Send + Sync {
    /// The end of a partition at a moment: what lies before it had come by then. `None` where that cannot be told: the log has dropped
    /// what it held then, or cannot be read.
    async fn end_at(&self, partition: PartitionId, moment: Moment) -> Option<Offset>;
}

/// Where nothing is known of the past: what is kept in memory is all there is.
#[derive(Clone, Copy, Debug)]
pub struct NoPast;

#[async_trait]
impl Past for NoPast {
    async fn end_at(&self, _: PartitionId, _: Moment) -> Option<Offset> {
        None
    }
}

/// Leaves of stretches those that had come by a moment; `None` where that cannot be told.
pub(super) async fn come_by(
    past: &dyn Past,
    moment: Moment,
    stretches: Vec<(Position, Stretch)>,
) -> Option<Vec<(Position, Stretch)>> {
    let mut ends: HashMap<PartitionId, Offset> = HashMap::new();
    for (position, _) in &stretches {
        if let Entry::Vacant(unknown) = ends.entry(position.partition) {
            unknown.insert(past.end_at(position.partition, moment).await?);
        }
    }
    let had_come = |position: &Position| ends.get(&position.partition).is_some_and(|end| position.offset < *end);
    let mut come: Vec<_> = stretches.into_iter().filter(|(position, _)| had_come(position)).collect();
    // a patient's records share one order: in it they came
    come.sort_by_key(|(position, _)| (position.partition, position.offset));
    Some(come)
}

/// The picture of what had come, in order: samples from a moment on, and what the analysis makes of them. `whole` is a moment at which ten
/// minutes begin, so that windows are those that were on the screen.
pub(super) fn picture(
    come: &[(Position, Stretch)],
    (from, whole): (Moment, Moment),
    rules: &Arc<Rules>,
) -> (Strip, Course) {
    let mut strip = Strip::new(from);
    for (_, stretch) in come {
        for (lead, samples) in &stretch.traces {
            let newest = strip.last(*lead, strip.end());
            for (sample, slots) in samples.iter().zip(strip.slots_of(stretch)) {
                for at in slots {
                    // a sample that is older than one that was here had come late
                    let late = newest.is_some_and(|newest| at <= newest);
                    strip.put(*lead, at, Slot { sample: *sample, late, after: i32::MAX });
                }
            }
        }
    }
    let start = strip.slot_of(whole);
    let before = (strip.first() - start).div_euclid(WINDOW_SLOTS)
        + i64::from((strip.first() - start).rem_euclid(WINDOW_SLOTS) > 0);
    let mut course = Course::new(rules.clone(), start + before * WINDOW_SLOTS);
    for lead in strip.leads() {
        course.watch(lead.fetus().map_or(1, Fetus::number));
    }
    course.read(&strip, strip.end());
    (strip, course)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beds::Lead;
    use crate::beds::bed::tests::{at, stretch};
    use crate::beds::strip::{KEPT, SLOT};
    use clinical::perinatal::ctg::Sample;

    /// Letters of one partition, each taken in at a moment, in order; those before the first are gone.
    struct Taken(Vec<Moment>);

    #[async_trait]
    impl Past for Taken {
        async fn end_at(&self, partition: PartitionId, moment: Moment) -> Option<Offset> {
            let end = self.0.partition_point(|taken| *taken <= moment);
            (partition == PartitionId(3) && end > 0).then_some(Offset(end as u64))
        }
    }

    /// Four hours of half seconds, each taken in when its last sample was measured; one came a minute late.
    fn hours() -> (Taken, Vec<(Position, Stretch)>) {
        let late = 2 * KEPT;
        let mut all: Vec<(Moment, Stretch)> = (0..4 * KEPT / 2)
            .map(|two| {
                let came = at((two * 2 + 2 + if two * 2 == late { 240 } else { 0 }) * SLOT);
                (came, stretch("001", two * 2, |slot| Sample::good(140.0 + 6.0 * (slot as f32 / 9.0).sin())))
            })
            .collect();
        all.sort_by_key(|(came, _)| *came);
        let taken = Taken(all.iter().map(|(came, _)| *came).collect());
        let position = |offset: usize| Position { partition: PartitionId(3), offset: Offset(offset as u64) };
        let letters = all.into_iter().enumerate().map(|(offset, (_, stretch))| (position(offset), stretch));
        (taken, letters.collect())
    }

    /// What was on the screen when a slot was measured, of the hour before.
    async fn seen(slot: i64) -> Option<(Strip, Course)> {
        let (taken, mut letters) = hours();
        let (from, moment) = (at((slot - KEPT) * SLOT), at(slot * SLOT));
        letters.retain(|(_, stretch)| stretch.measured >= from);
        let come = come_by(&taken, moment, letters).await?;
        Some(picture(&come, (from, at(0)), &Arc::new(Rules::shipped())))
    }

    #[tokio::test]
    async fn three_hours_back_the_screen_held_what_had_come_by_then_and_nothing_else() {
        let whole = |moment: i64| at(moment * SLOT);
        for slot in [KEPT, KEPT + 4 * 600, 3 * KEPT + 17 * 4] {
            let (strip, course) = seen(slot).await.unwrap();
            let newest = strip.last(Lead::First, strip.end()).unwrap();
            let due = strip.slot_of(whole(slot));
            assert!((due - 2..=due).contains(&(newest + 1)), "{newest} of {due}");
            assert_eq!(strip.last(Lead::First, due), Some(newest));
            let windows: Vec<_> = course.windows().collect();
            assert!(windows.len() >= 5, "{}", windows.len());
            // in the ten minutes that were on the screen: from the bed's beginning on
            for window in windows {
                let from = strip.moment_of(window.slot(window.window.from)).since(at(0));
                assert_eq!(from % 600_000_000, 0);
            }
        }
    }

    #[tokio::test]
    async fn what_came_late_was_a_gap_until_it_came_and_is_marked_afterwards() {
        let late = 2 * KEPT;
        let (before, _) = seen(late + 200).await.unwrap();
        assert_eq!(before.get(Lead::First, before.slot_of(at(late * SLOT))), None);
        assert!(before.get(Lead::First, before.slot_of(at((late + 2) * SLOT))).is_some());
        let (after, _) = seen(late + 300).await.unwrap();
        let slot = |strip: &Strip, slot: i64| strip.get(Lead::First, strip.slot_of(at(slot * SLOT))).unwrap();
        assert!(slot(&after, late).late && slot(&after, late + 1).late && !slot(&after, late + 2).late);
    }

    #[tokio::test]
    async fn where_the_log_cannot_tell_nothing_is_said() {
        let (taken, letters) = hours();
        assert!(come_by(&taken, at(-SLOT), letters.clone()).await.is_none(), "it has dropped what it held then");
        assert!(come_by(&NoPast, at(KEPT * SLOT), letters).await.is_none());
    }
}
