//! Comparing two multisets.

use std::collections::BTreeMap;

/// One item: what it is called at its source, and a digest of what it says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item {
    /// Its key. Patient data.
    pub key: String,
    /// A digest of its content.
    pub digest: u128,
}

impl Item {
    /// An item.
    pub fn new(key: impl Into<String>, digest: u128) -> Self {
        Self { key: key.into(), digest }
    }
    /// A number for key and digest together. Numbers of a multiset are added up, so that order does not matter.
    fn number(&self) -> u64 {
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        hasher.update(self.key.as_bytes());
        hasher.update(&[0]);
        hasher.update(&self.digest.to_be_bytes());
        hasher.digest()
    }
}

// Redacted: a key may hold a patient number.
impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Item(******)")
    }
}

/// How an item is not the same at the source and here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum GapKind {
    /// The source has it, and it was not dealt with.
    Missing,
    /// It was dealt with, and says something else at the source.
    Differing,
    /// It was dealt with, and the source has it no longer.
    Vanished,
}

impl GapKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Missing, Self::Differing, Self::Vanished];
    /// `missing`, `differing` or `vanished`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Differing => "differing",
            Self::Vanished => "vanished",
        }
    }
}

/// One item that is not the same.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gap {
    /// Its key. Patient data.
    pub key: String,
    /// How.
    pub kind: GapKind,
}

impl std::fmt::Debug for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gap({:?}, ******)", self.kind)
    }
}

/// What comparing came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Comparison {
    /// Items of the source.
    pub offered: u64,
    /// Items that were dealt with.
    pub dealt_with: u64,
    /// A digest of the source's items, whatever their order.
    pub offered_digest: u64,
    /// A digest of the items that were dealt with.
    pub dealt_with_digest: u64,
    /// What is not the same, by key.
    pub gaps: Vec<Gap>,
}

impl Comparison {
    /// Whether both are the same.
    pub fn is_whole(&self) -> bool {
        self.gaps.is_empty()
    }
    /// Gaps of a kind.
    pub fn count(&self, kind: GapKind) -> u64 {
        self.gaps.iter().filter(|gap| gap.kind == kind).count() as u64
    }
    /// Adds what another part of the same day came to.
    pub fn add(&mut self, other: Self) {
        self.offered += other.offered;
        self.dealt_with += other.dealt_with;
        self.offered_digest = self.offered_digest.wrapping_add(other.offered_digest);
        self.dealt_with_digest = self.dealt_with_digest.wrapping_add(other.dealt_with_digest);
        self.gaps.extend(other.gaps);
    }
}

/// Compares what the source has with what was dealt with.
///
/// Of one key, equal digests are paired first; of what is left, as many as both sides have differ, and the rest is missing or
/// has vanished.
pub fn compare(offered: &[Item], dealt_with: &[Item]) -> Comparison {
    let mut comparison = Comparison {
        offered: offered.len() as u64,
        dealt_with: dealt_with.len() as u64,
        offered_digest: offered.iter().fold(0, |sum, item| sum.wrapping_add(item.number())),
        dealt_with_digest: dealt_with.iter().fold(0, |sum, item| sum.wrapping_add(item.number())),
        gaps: Vec::new(),
    };
    // Per key and digest, how many more the source has.
    let mut balance: BTreeMap<&str, BTreeMap<u128, i64>> = BTreeMap::new();
    for (items, one) in [(offered, 1), (dealt_with, -1)] {
        for item in items {
            *balance.entry(&item.key).or_default().entry(item.digest).or_default() += one;
        }
    }
    for (key, digests) in balance {
        let more: i64 = digests.values().filter(|count| **count > 0).sum();
        let fewer: i64 = -digests.values().filter(|count| **count < 0).sum::<i64>();
        let differing = more.min(fewer);
        let gaps = [
            (GapKind::Missing, more - differing),
            (GapKind::Differing, differing),
            (GapKind::Vanished, fewer - differing),
        ];
        for (kind, count) in gaps {
            comparison.gaps.extend((0..count).map(|_| Gap { key: key.to_owned(), kind }));
        }
    }
    comparison
}
