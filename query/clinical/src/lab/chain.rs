//! The chain of one result: preliminary, final, corrected, cancelled, in whatever order they arrive.

use model::{LabStatus, Moment};

/// One version of a result as its source issued it.
#[derive(Clone, PartialEq, Debug)]
pub struct Version<T> {
    /// The id of the message or record it came in. The same id is the same version.
    pub id: String,
    /// The source's number of the version, where it counts them; else 0.
    pub number: u64,
    /// When the source issued it.
    pub issued: Moment,
    /// How final the source calls it.
    pub status: LabStatus,
    /// The result.
    pub value: T,
}

/// What a version did.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Effect {
    /// It was the first.
    First,
    /// It made final, or said again, what already stood.
    Confirmed,
    /// It put another value in the place of one: who was shown the old one is told.
    Changed,
    /// It took the result back: who was shown it is told.
    Cancelled,
    /// It brought a result back that had been cancelled.
    Restored,
    /// A preliminary result after a final one: it is kept and changes nothing.
    Ignored,
}

/// A chain: all versions in the order of their source, what each did, and what stands.
#[derive(Clone, PartialEq, Debug)]
pub struct Chain<T> {
    entries: Vec<(Version<T>, Effect)>,
    current: usize,
}

/// A value that was taken back or replaced.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Replaced<'a, T> {
    /// What stood.
    pub old: &'a Version<T>,
    /// What stands in its place, or the cancellation.
    pub new: &'a Version<T>,
}

impl<T: Clone + PartialEq> Chain<T> {
    /// Puts versions in the order of their source and says what each did. Any order of arrival, each once or several
    /// times, gives the same chain. `None` of no versions.
    ///
    /// The order is the source's number, then the time of issue, then from preliminary to cancelled, then the id. Of two
    /// versions under one id the first in that order counts.
    pub fn of(versions: impl IntoIterator<Item = Version<T>>) -> Option<Self> {
        let mut versions: Vec<_> = versions.into_iter().collect();
        let key = |version: &Version<T>| (version.number, version.issued, rank(version.status));
        versions.sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id)));
        let mut seen = std::collections::BTreeSet::new();
        versions.retain(|version| seen.insert(version.id.clone()));
        let mut chain = Self { entries: Vec::with_capacity(versions.len()), current: 0 };
        for version in versions {
            let effect = match chain.entries.get(chain.current) {
                None => Effect::First,
                Some((standing, _)) => effect(standing, &version),
            };
            if effect != Effect::Ignored {
                chain.current = chain.entries.len();
            }
            chain.entries.push((version, effect));
        }
        (!chain.entries.is_empty()).then_some(chain)
    }

    /// What stands. Its status says whether it is a value: a cancelled version keeps what it cancelled out of sight.
    pub fn current(&self) -> Option<&Version<T>> {
        self.entries.get(self.current).map(|(version, _)| version)
    }

    /// The value that stands; `None` when the result is cancelled.
    pub fn value(&self) -> Option<&T> {
        self.current().filter(|version| version.status != LabStatus::Cancelled).map(|version| &version.value)
    }

    /// All versions in the order of their source, and what each did.
    pub fn history(&self) -> impl Iterator<Item = (&Version<T>, Effect)> {
        self.entries.iter().map(|(version, effect)| (version, *effect))
    }

    /// Every value that was replaced or taken back, with what took its place. Who was shown `old` is told.
    pub fn replaced(&self) -> Vec<Replaced<'_, T>> {
        let mut standing: Option<&Version<T>> = None;
        let mut replaced = Vec::new();
        for (version, effect) in &self.entries {
            if matches!(effect, Effect::Changed | Effect::Cancelled) {
                replaced.extend(standing.map(|old| Replaced { old, new: version }));
            }
            if *effect != Effect::Ignored {
                standing = Some(version);
            }
        }
        replaced
    }
}

const fn rank(status: LabStatus) -> u8 {
    match status {
        LabStatus::Preliminary => 0,
        LabStatus::Final => 1,
        LabStatus::Corrected => 2,
        LabStatus::Cancelled => 3,
    }
}

fn effect<T: PartialEq>(standing: &Version<T>, next: &Version<T>) -> Effect {
    use LabStatus::{Cancelled, Corrected, Final, Preliminary};
    match (standing.status, next.status) {
        (Cancelled, Cancelled) => Effect::Confirmed,
        (Cancelled, _) => Effect::Restored,
        (_, Cancelled) => Effect::Cancelled,
        (Final | Corrected, Preliminary) => Effect::Ignored,
        _ if standing.value == next.value => Effect::Confirmed,
        _ => Effect::Changed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minute: i64) -> Moment {
        Moment::from_micros(1_800_000_000_000_000 + minute * 60_000_000).unwrap()
    }

    fn version(id: &str, minute: i64, status: LabStatus, value: &str) -> Version<String> {
        Version { id: id.to_owned(), number: 0, issued: at(minute), status, value: value.to_owned() }
    }

    fn effects(versions: Vec<Version<String>>) -> Vec<Effect> {
        Chain::of(versions).unwrap().history().map(|(_, effect)| effect).collect()
    }

    #[test]
    fn a_result_goes_from_preliminary_to_cancelled() {
        let versions = vec![
            version("a", 0, LabStatus::Preliminary, "5.1"),
            version("b", 10, LabStatus::Final, "5.1"),
            version("c", 20, LabStatus::Corrected, "4.1"),
            version("d", 30, LabStatus::Cancelled, ""),
        ];
        let chain = Chain::of(versions.iter().take(3).cloned()).unwrap();
        assert_eq!(chain.value(), Some(&"4.1".to_owned()));
        let chain = Chain::of(versions.clone()).unwrap();
        assert_eq!((chain.value(), chain.current().unwrap().id.as_str()), (None, "d"));
        let told: Vec<_> = chain.replaced().iter().map(|one| (one.old.id.clone(), one.new.id.clone())).collect();
        assert_eq!(told, [("b".to_owned(), "c".to_owned()), ("c".to_owned(), "d".to_owned())]);
        assert_eq!(effects(versions), [Effect::First, Effect::Confirmed, Effect::Changed, Effect::Cancelled]);
    }

    #[test]
    fn a_preliminary_result_never_takes_the_place_of_a_final_one() {
        let versions = vec![version("a", 0, LabStatus::Final, "5.1"), version("b", 10, LabStatus::Preliminary, "9.9")];
        let chain = Chain::of(versions.clone()).unwrap();
        assert_eq!(chain.value(), Some(&"5.1".to_owned()));
        assert!(chain.replaced().is_empty());
        assert_eq!(effects(versions), [Effect::First, Effect::Ignored]);
    }

    #[test]
    fn a_final_result_after_a_correction_holds_when_the_source_issued_it_later() {
        let chain = Chain::of([
            version("a", 0, LabStatus::Final, "5.1"),
            version("b", 10, LabStatus::Corrected, "4.1"),
            version("c", 20, LabStatus::Final, "4.2"),
        ]);
        assert_eq!(chain.unwrap().value(), Some(&"4.2".to_owned()));
    }

    #[test]
    fn the_sources_number_goes_before_its_clock() {
        let first = Version { number: 1, ..version("a", 50, LabStatus::Final, "5.1") };
        let second = Version { number: 2, ..version("b", 10, LabStatus::Corrected, "4.1") };
        assert_eq!(Chain::of([second, first]).unwrap().value(), Some(&"4.1".to_owned()));
    }

    #[test]
    fn a_cancelled_result_may_come_back() {
        let chain = Chain::of([
            version("a", 0, LabStatus::Final, "5.1"),
            version("b", 10, LabStatus::Cancelled, ""),
            version("c", 20, LabStatus::Preliminary, "4.9"),
        ])
        .unwrap();
        assert_eq!(chain.value(), Some(&"4.9".to_owned()));
        assert_eq!(chain.history().last().map(|(_, effect)| effect), Some(Effect::Restored));
        assert_eq!(Chain::<String>::of([]), None);
    }

    fn versions() -> impl Strategy<Value = Vec<Version<String>>> {
        let one = ("[a-f]", 0_u64..3, 0_i64..4, 0..LabStatus::ALL.len(), "[xyz]").prop_map(
            |(id, number, minute, status, value)| Version {
                number,
                // an id is one version: what it says follows from it, but for copies that differ by mistake
                ..version(&id, minute, LabStatus::ALL[status], &value)
            },
        );
        proptest::collection::vec(one, 1..7)
    }

    /// Keeps one version per id, as sources do.
    fn unique(versions: Vec<Version<String>>) -> Vec<Version<String>> {
        let mut seen = std::collections::BTreeSet::new();
        versions.into_iter().filter(|version| seen.insert(version.id.clone())).collect()
    }

    proptest! {
        /// Any order of arrival gives the same chain, and so does arriving twice.
        #[test]
        fn any_order_of_arrival_gives_the_same_chain(versions in versions().prop_map(unique).prop_flat_map(|versions| {
            (Just(versions.clone()), Just([versions.clone(), versions].concat()).prop_shuffle())
        })) {
            let (versions, arrivals) = versions;
            prop_assert_eq!(Chain::of(arrivals), Chain::of(versions));
        }

        /// A final value stands until something later than it says otherwise, and nothing is lost.
        #[test]
        fn what_stands_is_the_last_that_was_not_ignored(versions in versions().prop_map(unique)) {
            let chain = Chain::of(versions.clone()).unwrap();
            prop_assert_eq!(chain.history().count(), versions.len());
            let last = chain.history().filter(|(_, effect)| *effect != Effect::Ignored).last().map(|(version, _)| version);
            prop_assert_eq!(chain.current(), last);
            prop_assert_eq!(chain.value().is_none(), last.unwrap().status == LabStatus::Cancelled);
        }

        /// Following the notices from the first value leads to the one that stands: nobody who heeds them is left with
        /// an old one.
        #[test]
        fn the_notices_lead_to_what_stands(versions in versions().prop_map(unique)) {
            let chain = Chain::of(versions).unwrap();
            let mut known: Option<String> = None;
            for (version, effect) in chain.history() {
                match effect {
                    Effect::First | Effect::Restored => known = (version.status != LabStatus::Cancelled).then(|| version.value.clone()),
                    Effect::Changed | Effect::Cancelled => {
                        let notice = chain.replaced().into_iter().find(|one| one.new.id == version.id).unwrap();
                        prop_assert_eq!(Some(&notice.old.value), known.as_ref());
                        known = (version.status != LabStatus::Cancelled).then(|| notice.new.value.clone());
                    }
                    Effect::Confirmed | Effect::Ignored => {}
                }
            }
            prop_assert_eq!(known.as_ref(), chain.value());
        }
    }
}
