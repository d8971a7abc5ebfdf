//! From a visibility and a snapshot to the pieces of work of a scan.

use super::pruning::Pruning;
use super::sight::Sight;
use super::wanted::Wanted;
use crate::cold::TableFile;
use crate::hot::Chunk;
use crate::planted::{Bug, is};
use crate::store::Snapshot;
use consent_filter::Bounds;
use model::{Category, PatientNumber};
use std::ops::Range;
use std::sync::Arc;

/// One piece of work, done by one partition of the scan.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Hot(Arc<Chunk>),
    Cold(ColdPiece),
}

/// Some rows of one file, in order.
#[derive(Clone, Debug)]
pub(crate) struct ColdPiece {
    pub(crate) file: Arc<TableFile>,
    pub(crate) stretches: Vec<Stretch>,
    /// What rows must meet; stretches name theirs by place.
    pub(crate) terms: Arc<Vec<Vec<Term>>>,
    /// Some rows of the file are dead.
    pub(crate) has_dead: bool,
    /// Some term bounds `occurred` or `recorded` within what the file holds.
    pub(crate) has_bounds: bool,
}

impl ColdPiece {
    fn rows(&self) -> usize {
        self.stretches.iter().map(|stretch| stretch.rows.len()).sum()
    }

    /// Whether every row of the stretches is visible, whatever its class: then it need not be asked for.
    pub(crate) fn is_open(&self) -> bool {
        let open = |terms: &Vec<Term>| terms.iter().any(|term| term.classes.iter().all(|permitted| *permitted));
        let open: Vec<bool> = self.terms.iter().map(open).collect();
        !self.has_dead
            && !self.has_bounds
            && self.stretches.iter().all(|stretch| open.get(stretch.terms) == Some(&true))
    }
}

/// Consecutive rows of one patient, or of the whole file where it is the viewer's own.
#[derive(Clone, Debug)]
pub(crate) struct Stretch {
    pub(crate) rows: Range<usize>,
    pub(crate) terms: usize,
    /// The viewer's own number for the patient; `None` where the rows are the viewer's own.
    pub(crate) own: Option<PatientNumber>,
}

/// An alternative of a grant, with the file's classes looked up.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Term {
    /// By the number in the file's class column.
    pub(crate) classes: Vec<bool>,
    pub(crate) occurred_from: i64,
    pub(crate) occurred_until: i64,
    pub(crate) recorded_until: i64,
}

/// A piece of more rows is made several, so that they are read in parallel.
const PIECE_ROWS: usize = 32_768;
/// A piece has no more rows than this however many there are: what its tests leave is kept in memory.
const MOST_PIECE_ROWS: usize = 262_144;
/// Pieces there should be for each partition, so that none waits long for the last.
const PIECES_EACH: usize = 4;

/// The pieces of a scan, spread over `partitions` by their number of rows.
pub(crate) fn pieces(
    sight: &Sight,
    snapshot: &Snapshot,
    category: Category,
    pruning: &Pruning,
    partitions: usize,
) -> Vec<Vec<Piece>> {
    let mut all: Vec<(usize, Piece)> = Vec::new();
    all.extend(snapshot.hot_of(category).iter().map(|chunk| (chunk.len() / 8 + 1, Piece::Hot(chunk.clone()))));
    let wanted = Wanted::of(sight, pruning);
    let mut whole: Vec<ColdPiece> = Vec::new();
    for file in snapshot.cold.of(category) {
        let (first, last) = file.runs.occurred;
        if pruning.source(&file.entry.source) && first <= pruning.occurred.1 && pruning.occurred.0 <= last {
            whole.extend(cold(sight, snapshot, file, &wanted));
        }
    }
    // Each piece sets up a decompressor and reads the dictionary of each column: few large ones cost less than many small.
    let rows: usize = whole.iter().map(ColdPiece::rows).sum();
    let most = (rows / (partitions.max(1) * PIECES_EACH)).clamp(PIECE_ROWS, MOST_PIECE_ROWS);
    for piece in whole {
        cut(piece, most, &mut all);
    }
    all.sort_by_key(|(rows, _)| std::cmp::Reverse(*rows));
    let mut spread: Vec<(usize, Vec<Piece>)> = (0..partitions.max(1)).map(|_| (0, Vec::new())).collect();
    for (rows, piece) in all {
        if let Some(least) = spread.iter_mut().min_by_key(|(load, _)| *load) {
            least.0 += rows;
            least.1.push(piece);
        }
    }
    spread.into_iter().map(|(_, pieces)| pieces).collect()
}

/// All that is to be read of a file.
fn cold(sight: &Sight, snapshot: &Snapshot, file: &Arc<TableFile>, wanted: &Wanted<'_>) -> Option<ColdPiece> {
    let mut terms = Terms { file, known: Vec::new(), sets: Vec::new(), has_bounds: false };
    let mut stretches = Vec::new();
    if file.source == *sight.facility() {
        let own = sight.own()?;
        let set = terms.set(own.alternatives());
        let mut add = |rows| stretches.push(Stretch { rows, terms: set, own: None });
        match wanted.own() {
            None => add(0..file.runs.rows()),
            // In order of number, which is the order of rows.
            Some(numbers) => numbers.iter().filter_map(|number| file.runs.find(number)).for_each(add),
        }
    } else {
        for seen in wanted.patients_of(&file.source) {
            let (Some(rows), Some(grant)) = (file.runs.find(seen.number.as_str()), sight.visibility.grant(seen.ix))
            else {
                continue;
            };
            let set = terms.set(grant.alternatives());
            stretches.push(Stretch { rows, terms: set, own: Some(seen.own.clone()) });
        }
    }
    let has_dead =
        !is(Bug::ColdDeadShown) && file.runs.keys.iter().any(|(first, last)| snapshot.dead.touches(*first, *last));
    let has_bounds = terms.has_bounds && !is(Bug::ColdBoundsIgnored);
    let (file, terms) = (file.clone(), Arc::new(terms.sets));
    Some(ColdPiece { file, stretches, terms, has_dead, has_bounds })
}

/// Cuts a piece into such of `most` rows at most.
fn cut(piece: ColdPiece, most: usize, into: &mut Vec<(usize, Piece)>) {
    let ColdPiece { file, stretches, terms, has_dead, has_bounds } = piece;
    let mut current = Vec::new();
    let mut rows = 0;
    let mut end = |stretches: &mut Vec<Stretch>, rows: &mut usize| {
        if !stretches.is_empty() {
            let (file, terms) = (file.clone(), terms.clone());
            let stretches = std::mem::take(stretches);
            into.push((std::mem::take(rows), Piece::Cold(ColdPiece { file, stretches, terms, has_dead, has_bounds })));
        }
    };
    for stretch in stretches {
        let mut start = stretch.rows.start;
        while start < stretch.rows.end {
            let take = (stretch.rows.end - start).min(most - rows);
            current.push(Stretch { rows: start..start + take, ..stretch.clone() });
            start += take;
            rows += take;
            if rows >= most {
                end(&mut current, &mut rows);
            }
        }
    }
    end(&mut current, &mut rows);
}

/// The distinct sets of terms of one file's stretches. Most patients of a source share theirs.
struct Terms<'a> {
    file: &'a TableFile,
    known: Vec<Vec<(usize, i64, i64, i64)>>,
    sets: Vec<Vec<Term>>,
    has_bounds: bool,
}

impl Terms<'_> {
    fn set<'b>(&mut self, alternatives: impl Iterator<Item = Bounds<'b>>) -> usize {
        let alternatives: Vec<Bounds<'b>> = alternatives.collect();
        // One visibility outlives the planning, so the place of a mask in memory names it.
        let name = |bounds: &Bounds<'_>| {
            let mask = std::ptr::from_ref(bounds.classes) as usize;
            (mask, bounds.occurred_from, bounds.occurred_until, bounds.recorded_until)
        };
        let key: Vec<_> = alternatives.iter().map(name).collect();
        if let Some(at) = self.known.iter().rposition(|known| *known == key) {
            return at;
        }
        let (first, last) = self.file.runs.occurred;
        let set = alternatives.iter().map(|bounds| {
            self.has_bounds |= bounds.occurred_from > first
                || bounds.occurred_until <= last
                || bounds.recorded_until < self.file.runs.recorded_last;
            let permitted = |local: usize| {
                let class = i32::try_from(local).ok().and_then(|local| self.file.class(local));
                class.is_some_and(|class| bounds.classes.contains(class))
            };
            Term {
                classes: (0..self.file.runs.classes.len()).map(permitted).collect(),
                occurred_from: bounds.occurred_from,
                occurred_until: bounds.occurred_until,
                recorded_until: bounds.recorded_until,
            }
        });
        let set = set.collect();
        self.sets.push(set);
        self.known.push(key);
        self.sets.len() - 1
    }
}
