//! One person at one moment: what several questions ask alike is worked out once.

use super::answer::Answer;
use super::day::Date;
use super::denominator::HasDiabetes;
use super::drug::DrugClass;
use super::due::last_contact;
use super::facts::{Dated, Facts, Supply};
use super::glycaemia::{Hba1cCourse, hba1c_course};
use super::kidney::{
    Albuminuria, CkdCell, Decline, Edition, Filtration, NephropathyStage, albuminuria, ckd_cell, decline, filtration,
    nephropathy_stage,
};
use super::tables::Tables;
use model::Moment;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt;

/// A person's facts under a facility's tables at a moment.
pub struct Person<'a> {
    facts: &'a Facts,
    tables: &'a Tables,
    now: Moment,
    has: OnceCell<HasDiabetes>,
    course: OnceCell<Answer<Hba1cCourse>>,
    egfr: OnceCell<Answer<Filtration>>,
    albumin: OnceCell<Answer<Albuminuria>>,
    stages: [OnceCell<Answer<NephropathyStage>>; 2],
    ckd: OnceCell<Answer<CkdCell>>,
    decline: OnceCell<Answer<Decline>>,
    contact: OnceCell<Answer<Date>>,
    current: OnceCell<BTreeMap<DrugClass, &'a Dated<Supply>>>,
}

impl fmt::Debug for Person<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person(******, {})", self.now)
    }
}

impl<'a> Person<'a> {
    /// A person.
    pub fn new(facts: &'a Facts, tables: &'a Tables, now: Moment) -> Self {
        Self {
            facts,
            tables,
            now,
            has: OnceCell::new(),
            course: OnceCell::new(),
            egfr: OnceCell::new(),
            albumin: OnceCell::new(),
            stages: [OnceCell::new(), OnceCell::new()],
            ckd: OnceCell::new(),
            decline: OnceCell::new(),
            contact: OnceCell::new(),
            current: OnceCell::new(),
        }
    }

    /// The facts.
    pub fn facts(&self) -> &'a Facts {
        self.facts
    }
    /// The tables.
    pub fn tables(&self) -> &'a Tables {
        self.tables
    }
    /// The moment.
    pub fn now(&self) -> Moment {
        self.now
    }
    /// Whether the person has diabetes, and why.
    pub fn has(&self) -> &HasDiabetes {
        self.has.get_or_init(|| self.tables.denominator.of(self.facts, &self.tables.drugs, self.now))
    }
    /// HbA1c over time.
    pub fn course(&self) -> Answer<Hba1cCourse> {
        self.course.get_or_init(|| hba1c_course(self.facts, self.now)).clone()
    }
    /// The latest filtration.
    pub fn egfr(&self) -> Answer<Filtration> {
        self.egfr.get_or_init(|| filtration(self.facts, self.now)).clone()
    }
    /// The latest albuminuria.
    pub fn albuminuria(&self) -> Answer<Albuminuria> {
        self.albumin.get_or_init(|| albuminuria(self.facts, &self.tables.kidney, self.now)).clone()
    }
    /// The stage of nephropathy.
    pub fn stage(&self, edition: Edition) -> Answer<NephropathyStage> {
        let [earlier, later] = &self.stages;
        let cell = if edition == Edition::Y2014 { earlier } else { later };
        cell.get_or_init(|| nephropathy_stage(self.facts, &self.tables.kidney, edition, self.now)).clone()
    }
    /// The cell of the risk map.
    pub fn ckd(&self) -> Answer<CkdCell> {
        self.ckd.get_or_init(|| ckd_cell(self.facts, &self.tables.kidney, self.now)).clone()
    }
    /// The decline of filtration.
    pub fn decline(&self) -> Answer<Decline> {
        self.decline.get_or_init(|| decline(self.facts, &self.tables.kidney, self.now)).clone()
    }
    /// The classes of diabetes drugs that are taken, each with the supply that lasts longest.
    pub fn drugs(&self) -> &BTreeMap<DrugClass, &'a Dated<Supply>> {
        self.current.get_or_init(|| self.tables.drugs.current(self.facts, self.now))
    }
    /// The last contact.
    pub fn last_contact(&self) -> Answer<Date> {
        self.contact.get_or_init(|| last_contact(self.facts, &self.tables.drugs, self.now)).clone()
    }
}
