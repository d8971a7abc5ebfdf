//! Where else a viewer's own patients are known, and what is open there: as much as the viewing facility may know, and nothing
//! of whether there is anything to see.
//!
//! A facility knows the links at an end of which its own patient stands (it lists them), and what is open to it. It does not learn
//! of links between others, unless what they lead to is open to it.

use crate::classes::Class;
use crate::directory::Viewer;
use crate::exceptions;
use crate::index::{DepartmentIx, TermsIx};
use crate::intern::QuickMap;
use crate::links::Parted;
use crate::{Book, FacilityIx, PatientIx};
use model::{
    Category, CategorySet, FacilityId, FetusNumber, HoldBack, Moment, PatientNumber, PatientRef, Principal, Role,
    ScopeRule,
};
use std::collections::BTreeMap;

/// How the viewing facility knows one of its own patients at another facility.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acquaintance {
    /// It is known which patient this is there, and these categories are open now; none where nothing is.
    ///
    /// A category is open when a consent in force (or the viewer's broken glass) and the source's scope both open records of it that
    /// occur now and bear no label. What is held back until it is released counts as open once something of it was.
    Linked(CategorySet),
    /// A link there was taken back: it is not known which patient this is.
    Parted,
}

/// A newborn of one of the viewing facility's own patients, who is its patient too.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Child {
    /// Which fetus it was, where that was said.
    pub fetus: Option<FetusNumber>,
    /// The viewing facility's own number of the newborn.
    pub number: PatientNumber,
}

/// A department that no consent, exception or record has named.
const UNNAMED: DepartmentIx = DepartmentIx::from_u32(u32::MAX - 1);

/// What one viewer knows of where its patients are known, at one moment.
#[derive(Debug)]
pub struct Acquaintances<'a> {
    book: &'a Book,
    viewer: Option<Viewer>,
    facility: &'a FacilityId,
    moment: Moment,
    parted: Parted,
    /// What terms and scope open, each pair worked out once.
    open: QuickMap<(FacilityIx, u32), CategorySet>,
}

impl Book {
    /// What this viewer knows of where its patients are known. Costs a look at every link that was taken back.
    pub fn acquaintances<'a>(&'a self, viewer: &'a Principal, moment: Moment) -> Acquaintances<'a> {
        let known = self.directory.viewer(viewer, moment).ok();
        let parted = known.map(|known| self.links.parted(&self.patients, known.facility)).unwrap_or_default();
        Acquaintances {
            book: self,
            viewer: known,
            facility: &viewer.facility,
            moment,
            parted,
            open: QuickMap::default(),
        }
    }
}

impl Acquaintances<'_> {
    /// Where else the viewing facility's own patient of this number is known, by facility. Of several patients of one facility
    /// that are the person, what is open of each of them.
    pub fn of(&mut self, own: &PatientNumber) -> Vec<(FacilityId, Acquaintance)> {
        let Some(viewer) = self.viewer else { return Vec::new() };
        let Some(own) = self.book.find_patient(&PatientRef::new(self.facility.clone(), own.clone())) else {
            return Vec::new();
        };
        let mut known: BTreeMap<FacilityIx, CategorySet> = BTreeMap::new();
        let directly = self.book.links.directly(own, &self.book.patients);
        for patient in self.book.person_of(own).filter(|patient| *patient != own) {
            let Some(source) = self.book.patient_source(patient) else { continue };
            if source == viewer.facility || !self.book.directory.standing(source).active {
                continue;
            }
            let open = self.open_of(patient, source, &viewer);
            if open.is_empty() && !directly.contains(&patient) {
                continue;
            }
            known.entry(source).and_modify(|all| *all = all.intersection(open)).or_insert(open);
        }
        let parted = self.parted.get(&own).map(Vec::as_slice).unwrap_or_default().iter().copied();
        let parted =
            parted.filter(|source| !known.contains_key(source) && self.book.directory.standing(*source).active);
        let parted: Vec<_> = parted.map(|source| (source, Acquaintance::Parted)).collect();
        let linked = known.into_iter().map(|(source, open)| (source, Acquaintance::Linked(open)));
        let named =
            linked.chain(parted).filter_map(|(source, how)| Some((self.book.facility_id(source)?.clone(), how)));
        let mut named: Vec<_> = named.collect();
        named.sort_by(|a, b| a.0.cmp(&b.0));
        named
    }

    /// The newborns of the viewing facility's own patient of this number, as far as that facility may know it: a statement about
    /// another facility's patients is told where the mother's pregnancy records and something of the newborn are open there, and
    /// the newborn is a patient of the viewing facility too. Own statements are told. A kinship opens nothing.
    pub fn children_of(&mut self, own: &PatientNumber) -> Vec<Child> {
        let Some(viewer) = self.viewer else { return Vec::new() };
        let book = self.book;
        let Some(own) = book.find_patient(&PatientRef::new(self.facility.clone(), own.clone())) else {
            return Vec::new();
        };
        let mut mothers: Vec<PatientIx> = std::iter::once(own).chain(book.person_of(own)).collect();
        mothers.retain(|mother| self.may_know(*mother, &viewer, |open| open.contains(Category::Perinatal)));
        let mut children = Vec::new();
        for kin in book.kinships.all().filter(|kin| kin.holds && mothers.contains(&kin.mother)) {
            if !self.may_know(kin.newborn, &viewer, |open| !open.is_empty()) {
                continue;
            }
            let person = std::iter::once(kin.newborn).chain(book.person_of(kin.newborn));
            let mut known = person.filter(|patient| book.patient_source(*patient) == Some(viewer.facility));
            if let Some(number) = known.next().and_then(|patient| book.patient_ref(patient)) {
                children.push(Child { fetus: kin.fetus, number: number.number().clone() });
            }
        }
        children.sort();
        children.dedup();
        children
    }

    /// Whether a patient is the viewing facility's own, or of an active facility that has opened enough.
    fn may_know(&mut self, patient: PatientIx, viewer: &Viewer, enough: fn(CategorySet) -> bool) -> bool {
        match self.book.patient_source(patient) {
            Some(source) if source == viewer.facility => true,
            Some(source) => {
                self.book.directory.standing(source).active && enough(self.open_of(patient, source, viewer))
            }
            None => false,
        }
    }

    /// The categories of a patient's records that are open now.
    fn open_of(&mut self, patient: PatientIx, source: FacilityIx, viewer: &Viewer) -> CategorySet {
        let book = self.book;
        let released = |category| book.emergencies.released(patient, category).is_some();
        let held: CategorySet = Category::ALL.iter().copied().filter(|category| !released(*category)).collect();
        let mut open = CategorySet::NONE;
        for grant in book.patients.grants(patient) {
            if book.open_to(grant, source, viewer, self.moment).is_ok() {
                let key = (source, grant.terms.as_u32());
                // What a release changes is this patient's alone.
                let known = self.open.get(&key).filter(|_| held == CategorySet::all()).copied();
                let of_terms = known.unwrap_or_else(|| self.open_by(source, Some(grant.terms.as_u32()), viewer, held));
                if held == CategorySet::all() {
                    self.open.insert(key, of_terms);
                }
                open = open.union(of_terms);
            }
        }
        if book.glass_gate(patient, source, viewer, self.moment).is_ok() {
            open = open.union(self.open_by(source, None, viewer, held));
        }
        open
    }

    /// What a consent's terms and the source's scope open now; without terms, what the scope alone does.
    fn open_by(&self, source: FacilityIx, terms: Option<u32>, viewer: &Viewer, held: CategorySet) -> CategorySet {
        let rules = self.book.directory.entry(source).and_then(|entry| entry.scope.as_ref());
        let rules = rules.map(|scope| scope.rules.as_slice()).unwrap_or_default();
        let now = self.moment.micros();
        let mine = |rule: &&ScopeRule| {
            rule.viewer_kinds.contains(viewer.kind)
                && !rule.viewer_roles.intersection(viewer.roles).is_empty()
                && rule.since.is_none_or(|since| since.micros() <= now)
        };
        let mut open = CategorySet::NONE;
        for rule in rules.iter().filter(mine) {
            for category in Category::ALL.iter().copied().filter(|category| rule.categories.contains(*category)) {
                let waits = rule.hold_back == HoldBack::UntilReleased && held.contains(category);
                if !waits && !open.contains(category) && self.admits(source, (terms, rule), category, viewer) {
                    open = open.with(category);
                }
            }
        }
        open
    }

    /// Whether some ordinary record of the category that occurs now passes both a consent's terms and a rule.
    fn admits(
        &self,
        source: FacilityIx,
        (terms, rule): (Option<u32>, &ScopeRule),
        category: Category,
        viewer: &Viewer,
    ) -> bool {
        let Some(terms) = terms else { return true };
        let consents = &self.book.consents;
        let Some(terms) = consents.terms(TermsIx::from_u32(terms)) else { return false };
        let now = self.moment.micros();
        let departments: Vec<DepartmentIx> = if !rule.departments.is_empty() {
            rule.departments.iter().map(|code| consents.find_department(code).unwrap_or(UNNAMED)).collect()
        } else if terms.exceptions == exceptions::NONE {
            std::iter::once(DepartmentIx::NOWHERE).chain(terms.departments.iter().copied()).collect()
        } else {
            // An exception may open one department that neither the terms nor the rule name.
            [DepartmentIx::NOWHERE, UNNAMED].into_iter().chain(consents.known_departments()).collect()
        };
        let roles: Vec<Role> = Role::ALL.iter().copied().filter(|role| rule.author_roles.contains(*role)).collect();
        departments.into_iter().any(|department| {
            roles.iter().any(|role| {
                let class = Class::ordinary(source, category, department, *role);
                terms.admit(&class, now).is_ok()
                    && consents.trees.leave_open(
                        terms.exceptions,
                        &self.book.question(&class, viewer, self.moment),
                        now,
                    )
            })
        })
    }
}
