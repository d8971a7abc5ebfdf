//! Which facilities a record reaches.

use crate::classes::{Class, ClassRule};
use crate::consents::{Opens, ViewerList};
use crate::directory::{CLINICAL, MACHINE, Standing};
use crate::{Book, FacilityIx, Facts, PatientIx};
use model::{Moment, Role, RoleSet};
use smallvec::SmallVec;

/// The facilities a record reaches, each with its own ref of the person. Reused from record to record.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Audience {
    reached: Vec<Reached>,
}

/// One facility a record reaches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Reached {
    /// The facility.
    pub facility: FacilityIx,
    /// Its own ref of the record's person: the record's own patient at the source.
    pub own_patient: PatientIx,
}

impl Audience {
    /// An audience of nobody.
    pub fn new() -> Self {
        Self::default()
    }
    /// Who is reached, sorted by facility, each once.
    pub fn reached(&self) -> &[Reached] {
        &self.reached
    }
    /// Whether a facility is reached.
    pub fn contains(&self, facility: FacilityIx) -> bool {
        self.reached.binary_search_by_key(&facility, |reached| reached.facility).is_ok()
    }
}

impl Book {
    /// Which facilities a record reaches: those where some principal there could be permitted it at this moment.
    /// Replaces what `into` held.
    pub fn audience(&self, facts: &Facts, moment: Moment, into: &mut Audience) {
        into.reached.clear();
        let Some(class) = self.classes.get(facts.class) else { return };
        let source = self.directory.standing(class.source);
        if source.kind.is_none() || !source.active {
            return;
        }
        let own = Reached { facility: class.source, own_patient: facts.patient };
        into.reached.push(own);
        if class.undelivered || self.patients.source(facts.patient) != Some(class.source) {
            return;
        }
        let Some(person) = self.patients.person(facts.patient) else { return };
        let grants = self.open_grants(facts, class, moment);
        if grants.is_empty() {
            return;
        }
        let age = moment.since(facts.recorded);
        let open = |rule: &&ClassRule| rule.labels_said && facts.occurred.micros() >= rule.since && age >= rule.hold;
        let rules: SmallVec<[&ClassRule; 4]> = self.classes.rules(class).iter().filter(open).collect();
        let mut last = FacilityIx::NOWHERE;
        for member in self.links.members(person) {
            // Members lie sorted by facility: the first ref of a facility stands for it.
            if member.facility == last || member.facility == class.source {
                continue;
            }
            last = member.facility;
            let Standing { kind: Some(kind), active: true } = self.directory.standing(member.facility) else {
                continue;
            };
            let roles = self.roles_reached(&grants, member.facility, moment);
            let reaches = |rule: &&ClassRule| rule.kinds.contains(kind) && !rule.roles.intersection(roles).is_empty();
            if !roles.is_empty() && rules.iter().any(reaches) {
                into.reached.push(Reached { facility: member.facility, own_patient: member.patient });
            }
        }
        into.reached.sort_unstable();
    }

    /// Whom the consents that open this record now open it to; purposes count as covered when there are any.
    fn open_grants(&self, facts: &Facts, class: &Class, moment: Moment) -> SmallVec<[Opens; 8]> {
        let mut open = SmallVec::new();
        for grant in self.patients.grants(facts.patient) {
            if grant.in_force(moment.micros()).is_err() {
                continue;
            }
            let Some(terms) = self.consents.terms(grant.terms) else { continue };
            if !terms.purposes.is_empty() && terms.admit(class, facts.occurred.micros()).is_ok() {
                open.push(grant.viewers.opens());
            }
        }
        open
    }

    /// The roles in which somebody at `facility` is covered by one of the consents.
    fn roles_reached(&self, grants: &[Opens], facility: FacilityIx, moment: Moment) -> RoleSet {
        let mut roles = RoleSet::NONE;
        for viewers in grants {
            let number = match viewers {
                Opens::All => return MACHINE,
                Opens::One(one) if *one == facility => return MACHINE,
                Opens::One(_) | Opens::Nobody => continue,
                Opens::Several(number) => *number,
            };
            match self.consents.list(number) {
                Some(ViewerList::Facilities(list)) if list.binary_search(&facility).is_ok() => return MACHINE,
                Some(ViewerList::Practitioners(members)) => {
                    let here = members.iter().filter_map(|ix| self.directory.clinician_at(*ix, facility, moment));
                    roles = here.fold(roles, RoleSet::with);
                }
                _ => {}
            }
        }
        roles
    }
}

// `MACHINE` is every clinical role and the machine's own: a covered facility is reached if any rule names one of them.
const _: () = assert!(CLINICAL.is_subset(MACHINE) && MACHINE.contains(Role::System));
