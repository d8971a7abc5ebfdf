//! Suggestions for codes that have no meaning yet: by name, unit and specimen, ranked. A suggestion is shown to the
//! person who maintains the map; nothing is mapped by it.

use crate::lab::fold::fold_name;
use crate::lab::{ITEMS, Item, SpecimenKind, Unit, convert};
use rust_decimal::Decimal;
use std::sync::LazyLock;

/// A code without a meaning, with what is known of its results.
#[derive(Clone, Debug, Default)]
pub struct Unmapped<'a> {
    /// What the facility calls it.
    pub name: &'a str,
    /// The unit its results carry.
    pub unit: Option<&'a Unit>,
    /// The specimen its results carry.
    pub specimen: Option<SpecimenKind>,
}

/// How something known of the code agrees with an item.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fit {
    /// It agrees.
    Agrees,
    /// It is not known.
    Unknown,
    /// It does not agree.
    Differs,
}

impl Fit {
    const fn weight(self) -> f64 {
        match self {
            Self::Agrees => 1.0,
            Self::Unknown => 0.5,
            Self::Differs => 0.0,
        }
    }
}

/// An item a code may mean.
#[derive(Clone, Debug)]
pub struct Suggestion {
    /// The item.
    pub item: &'static Item,
    /// From 0 to 1: 70 % name, 20 % unit, 10 % specimen; halved where unit or specimen contradict.
    pub score: f64,
    /// The item's name that was closest.
    pub name: &'static str,
    /// Whether the unit could be the item's.
    pub unit: Fit,
    /// Whether the specimen is the item's.
    pub specimen: Fit,
}

/// Below this a suggestion helps nobody.
const LEAST: f64 = 0.45;

struct Folded {
    item: &'static Item,
    names: Vec<(&'static str, String)>,
    unit: Option<&'static Unit>,
}

static FOLDED: LazyLock<Vec<Folded>> = LazyLock::new(|| {
    let fold = |item: &'static Item| Folded {
        item,
        names: item.names().map(|name| (name, fold_name(name))).collect(),
        unit: item.own_unit(),
    };
    ITEMS.iter().map(fold).collect()
});

/// The items a code may mean, the likeliest first, at most `limit`.
pub fn suggest(unmapped: &Unmapped<'_>, limit: usize) -> Vec<Suggestion> {
    let name = fold_name(unmapped.name);
    if name.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<_> = FOLDED.iter().filter_map(|folded| score(folded, &name, unmapped)).collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.item.key.cmp(b.item.key)));
    found.truncate(limit);
    found
}

fn score(folded: &Folded, name: &str, unmapped: &Unmapped<'_>) -> Option<Suggestion> {
    let similar = folded.names.iter().map(|(written, candidate)| (*written, similarity(name, candidate)));
    let (closest, similarity) = similar.max_by(|a, b| a.1.total_cmp(&b.1))?;
    let unit = match (unmapped.unit, folded.unit) {
        (Some(given), Some(own)) if convert(Decimal::ONE, given, own, Some(folded.item)).is_ok() => Fit::Agrees,
        (Some(_), _) => Fit::Differs,
        (None, _) => Fit::Unknown,
    };
    let specimen = match unmapped.specimen {
        None | Some(SpecimenKind::Unsaid | SpecimenKind::Other) => Fit::Unknown,
        Some(given) if given == folded.item.specimen => Fit::Agrees,
        Some(_) => Fit::Differs,
    };
    let sum = 0.7 * similarity + 0.2 * unit.weight() + 0.1 * specimen.weight();
    let contradicted = unit == Fit::Differs || specimen == Fit::Differs;
    let score = if contradicted { sum / 2.0 } else { sum };
    let enough = score >= LEAST && similarity >= 0.5;
    enough.then_some(Suggestion { item: folded.item, score, name: closest, unit, specimen })
}

/// From 0 to 1. A name that holds the whole other one (`血清クレアチニン`) is near; two letters within a word are not.
fn similarity(a: &str, b: &str) -> f64 {
    if a == b {
        return 1.0;
    }
    let (short, long) = if a.chars().count() < b.chars().count() { (a, b) } else { (b, a) };
    let (few, many) = (short.chars().count() as f64, long.chars().count() as f64);
    // a Latin abbreviation must not be found inside another (`k` in `ck`), a Japanese word may
    let whole_word = short.chars().count() >= 3 || !short.is_ascii();
    let within = if whole_word && long.contains(short) { 0.55 + 0.4 * few / many } else { 0.0 };
    let edits = strsim::normalized_damerau_levenshtein(a, b);
    let pairs = strsim::sorensen_dice(a, b) * 0.95;
    within.max(edits).max(pairs)
}
