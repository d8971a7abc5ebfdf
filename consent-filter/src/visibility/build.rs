//! Making a visibility from the book, and keeping it in step.

use super::{Alternative, ClassMask, Entry, Resolved, Source, Visibility};
use crate::classes::Class;
use crate::directory::Viewer;
use crate::emergencies::{Released, released_until};
use crate::exceptions::Spans;
use crate::index::TermsIx;
use crate::intern::QuickMap;
use crate::planted::{Bug, is};
use crate::{Book, ClassIx, FacilityIx, PatientIx, Touched};
use model::{Moment, Principal};
use smallvec::SmallVec;
use std::sync::Arc;

/// What decides a set of alternatives, for one viewer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct SetKey {
    source: FacilityIx,
    /// The terms in force, sorted.
    terms: SmallVec<[TermsIx; 4]>,
    /// Whether the viewer has broken the glass.
    glass: bool,
    /// What of the patient's records is released, where anything is.
    released: Option<Box<Released>>,
}

/// Sets of alternatives, compiled once each: most patients of a source share theirs.
///
/// Copies of a visibility share them, because feeds copy one at each change of the book and few changes bring a new set.
#[derive(Clone, Default, Debug)]
pub(super) struct Sets(Arc<Known>);

#[derive(Clone, Default, Debug)]
struct Known {
    numbers: QuickMap<SetKey, u32>,
    sets: Vec<Arc<[Alternative]>>,
    any_hold: bool,
}

impl Sets {
    pub(super) fn get(&self, number: u32) -> Option<&[Alternative]> {
        self.0.sets.get(number as usize).map(AsRef::as_ref)
    }
    pub(super) fn any_hold(&self) -> bool {
        self.0.any_hold
    }
    fn number(&mut self, key: SetKey, book: &Book, viewer: &Viewer, moment: Moment) -> Option<u32> {
        if let Some(number) = self.0.numbers.get(&key) {
            return Some(*number);
        }
        let number = u32::try_from(self.0.sets.len()).ok()?;
        let set = book.alternatives(&key, viewer, moment);
        let known = Arc::make_mut(&mut self.0);
        known.any_hold |= set.iter().any(|alternative| alternative.hold != i64::MIN);
        known.sets.push(set.into());
        known.numbers.insert(key, number);
        Some(number)
    }
}

impl Book {
    /// What this principal sees at this moment. The only way to a [`Visibility`].
    ///
    /// Costs in proportion to the viewing facility's linked patients.
    pub fn visibility(&self, viewer: &Principal, moment: Moment) -> Visibility {
        let mut visibility = Visibility {
            viewer: viewer.clone(),
            moment,
            until: self.next_change_after(moment),
            frontier: self.frontier.clone(),
            generation: self.generation,
            classes: self.classes.len(),
            resolved: None,
            entries: Vec::new(),
            sources: Vec::new(),
            sets: Sets::default(),
        };
        let Ok(viewer) = self.directory.viewer(viewer, moment) else { return visibility };
        let Some(facility) = self.directory.entry(viewer.facility) else { return visibility };
        let own = facility.classes.iter().map(ClassIx::from_u32).collect::<ClassMask>();
        visibility.resolved = Some(Resolved { viewer, own: Alternative::everything(own) });
        for own in &facility.linked {
            let Some(person) = self.patients.person(PatientIx::from_u32(own)) else { continue };
            for member in self.links.members(person) {
                let entry = self.entry(member.patient, &viewer, moment, &mut visibility.sets);
                visibility.entries.extend(entry);
            }
        }
        visibility.entries.sort_unstable_by_key(|entry| entry.patient);
        visibility.entries.dedup_by_key(|entry| entry.patient);
        visibility.group(self);
        visibility
    }

    /// What the viewer is granted of one patient ref of another facility.
    fn entry(&self, patient: PatientIx, viewer: &Viewer, moment: Moment, sets: &mut Sets) -> Option<Entry> {
        let source = self.patients.source(patient)?;
        if source == viewer.facility || !self.directory.standing(source).active {
            return None;
        }
        let mut terms: SmallVec<[TermsIx; 4]> = SmallVec::new();
        for grant in self.patients.grants(patient) {
            if self.open_to(grant, source, viewer, moment).is_ok() {
                terms.push(grant.terms);
            }
        }
        let glass = self.glass_gate(patient, source, viewer, moment).is_ok();
        if terms.is_empty() && !glass {
            return None;
        }
        terms.sort_unstable();
        terms.dedup();
        if is(Bug::TermsConfused) {
            terms.truncate(1);
        }
        let own = self.own_ref(patient, viewer)?;
        let released = self.emergencies.releases_of(patient).map(|released| Box::new(*released));
        let set = sets.number(SetKey { source, terms, glass, released }, self, viewer, moment)?;
        sets.get(set).filter(|alternatives| !alternatives.is_empty())?;
        Some(Entry { patient, own, source, set })
    }

    /// Which records pass both the terms and the source's scope, for one viewer: every pair of terms and rule that can
    /// pass together, pairs with the same bounds put into one.
    fn alternatives(&self, key: &SetKey, viewer: &Viewer, moment: Moment) -> Box<[Alternative]> {
        // Few bounds differ, so a list is searched faster than a tree.
        let mut by_bounds: Vec<((i64, i64, i64, i64), ClassMask)> = Vec::new();
        let classes = self.directory.entry(key.source).map(|entry| &entry.classes);
        for ix in classes.into_iter().flatten().map(ClassIx::from_u32) {
            let Some(class) = self.classes.get(ix).filter(|class| !class.undelivered) else { continue };
            let spans = self.consented_spans(key, class, viewer, moment);
            for rule in self.classes.rules(class).iter().filter(|rule| rule.opens_to(viewer)) {
                let recorded_until = match rule.until_released {
                    false => i64::MAX,
                    true => match key.released.as_ref().and_then(|all| released_until(all, class.category)) {
                        Some(until) => until,
                        None => continue,
                    },
                };
                for (from, until) in &spans {
                    let from = (*from).max(rule.since);
                    if from >= *until {
                        continue;
                    }
                    let bounds = (from, *until, rule.hold, recorded_until);
                    match by_bounds.iter_mut().find(|(known, _)| *known == bounds) {
                        Some((_, classes)) => classes.insert(ix),
                        None => by_bounds.push((bounds, ClassMask::from_iter([ix]))),
                    }
                }
            }
        }
        by_bounds.sort_unstable_by_key(|(bounds, _)| *bounds);
        let alternative = |((occurred_from, occurred_until, hold, recorded_until), classes)| Alternative {
            classes,
            occurred_from,
            occurred_until,
            hold,
            recorded_until,
        };
        by_bounds.into_iter().map(alternative).collect()
    }

    /// When records of this class must have occurred for one of the consents, or the broken glass, to open them.
    fn consented_spans(&self, key: &SetKey, class: &Class, viewer: &Viewer, moment: Moment) -> Spans {
        let mut spans = Spans::new();
        if key.glass {
            spans.push((i64::MIN, i64::MAX));
        }
        for terms in key.terms.iter().filter_map(|terms| self.consents.terms(*terms)) {
            if terms.data_from < terms.data_until && terms.admit_class(class).is_ok() {
                let asked = self.question(class, viewer, moment);
                let data = (terms.data_from, terms.data_until);
                spans.extend(self.consents.trees.open_spans(terms.exceptions, &asked, data));
            }
        }
        spans
    }
}

impl Visibility {
    /// Brings this visibility to where `book` stands after an event that touched `touched`, at the moment it already
    /// has: the result equals a new one. Cheap when one person was touched; otherwise it is made anew.
    ///
    /// Every event since this visibility was made or last refreshed is to be followed, in order.
    pub fn refresh(&mut self, book: &Book, touched: &Touched) {
        let patients = match touched {
            Touched::Nothing => &[],
            Touched::Patient { patient, .. } => std::slice::from_ref(patient),
            Touched::Person(refs) => refs.as_slice(),
            Touched::Source(_) | Touched::Viewers(_) | Touched::Facility(_) => {
                *self = book.visibility(&self.viewer, self.moment);
                return;
            }
        };
        let Some(Resolved { viewer, .. }) = self.resolved.as_ref().filter(|_| self.classes == book.class_count())
        else {
            *self = book.visibility(&self.viewer, self.moment);
            return;
        };
        let viewer = *viewer;
        self.until = book.next_change_after(self.moment);
        self.frontier = book.frontier().clone();
        self.generation = book.generation();
        for patient in patients {
            let entry = book.entry(*patient, &viewer, self.moment, &mut self.sets);
            self.replace(*patient, entry, book);
        }
    }
    fn replace(&mut self, patient: PatientIx, entry: Option<Entry>, book: &Book) {
        match (self.entries.binary_search_by_key(&patient, |entry| entry.patient), entry) {
            (Ok(_), _) if is(Bug::RefreshKeepsOldEntry) => {}
            (Ok(at), Some(entry)) => {
                if let Some(held) = self.entries.get_mut(at) {
                    *held = entry;
                }
            }
            (Ok(at), None) => {
                let was = self.entries.remove(at);
                if let Ok(at) = self.sources.binary_search_by_key(&was.source, |source| source.ix) {
                    let emptied = self.sources.get_mut(at).is_some_and(|source| {
                        source.patients.retain(|listed| *listed != patient);
                        source.patients.is_empty()
                    });
                    if emptied {
                        self.sources.remove(at);
                    }
                }
            }
            (Err(at), Some(entry)) => {
                self.entries.insert(at, entry);
                self.list(entry, book);
            }
            (Err(_), None) => {}
        }
    }
    /// Lists the patients by source.
    fn group(&mut self, book: &Book) {
        self.sources.clear();
        for entry in std::mem::take(&mut self.entries) {
            self.list(entry, book);
            self.entries.push(entry);
        }
    }
    fn list(&mut self, entry: Entry, book: &Book) {
        let at = match self.sources.binary_search_by_key(&entry.source, |source| source.ix) {
            Ok(at) => at,
            Err(at) => {
                let Some(id) = book.facility_id(entry.source).cloned() else { return };
                self.sources.insert(at, Source { ix: entry.source, id, patients: Vec::new() });
                at
            }
        };
        if let Some(source) = self.sources.get_mut(at)
            && let Err(place) = source.patients.binary_search(&entry.patient)
        {
            source.patients.insert(place, entry.patient);
        }
    }
}

impl PartialEq for Visibility {
    /// Equal when they show the same to the same principal at the same moment.
    fn eq(&self, other: &Self) -> bool {
        let own = |visibility: &Self| visibility.resolved.as_ref().map(|resolved| resolved.own.clone());
        let meaning = |visibility: &Self, entry: &Entry| {
            (entry.patient, entry.own, visibility.sets.get(entry.set).map(<[Alternative]>::to_vec))
        };
        self.viewer == other.viewer
            && self.moment == other.moment
            && own(self) == own(other)
            && self.sources == other.sources
            && self.entries.len() == other.entries.len()
            && self.entries.iter().zip(&other.entries).all(|(a, b)| meaning(self, a) == meaning(other, b))
    }
}
impl Eq for Visibility {}
