//! Which facilities a record reaches.

use crate::classes::{Class, ClassRule};
use crate::consents::{Grant, Opens, Terms, ViewerList};
use crate::directory::{CLINICAL, MACHINE, Standing, Viewer};
use crate::emergencies::Glass;
use crate::planted::{Bug, is};
use crate::{Book, FacilityIx, Facts, PatientIx};
use model::{FacilityKind, Moment, PatientRef, Role, RoleSet};
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

/// Consents that may open a record.
#[derive(Default)]
struct Open<'a> {
    /// Whom those open it to that depend on the facility alone.
    plain: SmallVec<[Opens; 8]>,
    /// Those with exceptions, by proxy, or a guardian's.
    others: SmallVec<[(&'a Grant, &'a Terms); 2]>,
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

/// A patient ref's consents as they stood at one moment: kept across a change, they say what the change did.
#[derive(Clone, Default)]
pub struct Wishes {
    grants: SmallVec<[Grant; 4]>,
}

impl std::fmt::Debug for Wishes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wishes").field("consents", &self.grants.len()).finish()
    }
}

impl Book {
    /// A patient ref's consents as they stand now: some 32 bytes each.
    pub fn wishes(&self, patient: &PatientRef) -> Wishes {
        let grants = self.patients.find(patient).map(|ix| self.patients.grants(ix)).unwrap_or_default();
        Wishes { grants: SmallVec::from_slice(grants) }
    }

    /// Which facilities a record reaches: those where some principal there could be permitted it at this moment.
    /// Replaces what `into` held.
    pub fn audience(&self, facts: &Facts, moment: Moment, into: &mut Audience) {
        self.audience_of(facts, self.patients.grants(facts.patient), moment, into);
    }

    /// Which facilities a record would reach if its patient's consents were these, and all else as the book has it.
    pub fn audience_under(&self, wishes: &Wishes, facts: &Facts, moment: Moment, into: &mut Audience) {
        self.audience_of(facts, &wishes.grants, moment, into);
    }

    fn audience_of(&self, facts: &Facts, grants: &[Grant], moment: Moment, into: &mut Audience) {
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
        let open = self.open_grants(grants, (facts, class), moment);
        let glasses = self.emergencies.glasses(facts.patient);
        if open.plain.is_empty() && open.others.is_empty() && glasses.is_empty() {
            return;
        }
        let times = self.times(facts, class, moment);
        let rules: SmallVec<[&ClassRule; 4]> = self
            .classes
            .rules(class)
            .iter()
            .filter(|rule| rule.is_open_at(&times) || is(Bug::AudienceIgnoresHold) && rule.labels_said)
            .collect();
        let mut last = FacilityIx::NOWHERE;
        for member in self.links.members(person) {
            // Members lie sorted by facility: the first ref of a facility stands for it.
            if member.facility == last || member.facility == class.source {
                continue;
            }
            last = member.facility;
            let Standing { kind: Some(kind), active: true, .. } = self.directory.standing(member.facility) else {
                continue;
            };
            let mut roles = self.roles_reached(&open.plain, member.facility, moment);
            for (grant, terms) in &open.others {
                roles =
                    roles.union(self.roles_of_other((facts, class), (grant, terms), (member.facility, kind), moment));
            }
            if !glasses.is_empty() {
                let edge = (class.source, member.facility, kind);
                roles = roles.union(self.roles_of_glasses(glasses, edge, moment));
            }
            let reaches = |rule: &&ClassRule| rule.kinds.contains(kind) && !rule.roles.intersection(roles).is_empty();
            if !roles.is_empty() && rules.iter().any(reaches) {
                into.reached.push(Reached { facility: member.facility, own_patient: member.patient });
            }
        }
        into.reached.sort_unstable();
    }

    /// The consents that may open this record now to somebody; purposes count as covered when there are any.
    fn open_grants<'a>(&'a self, grants: &'a [Grant], (facts, class): (&Facts, &Class), moment: Moment) -> Open<'a> {
        let mut open = Open::default();
        for grant in grants {
            if grant.in_force(moment.micros()).is_err() {
                continue;
            }
            let Some(terms) = self.consents.terms(grant.terms) else { continue };
            if terms.purposes.is_empty() || terms.admit(class, facts.occurred.micros()).is_err() {
                continue;
            }
            if terms.is_plain() || is(Bug::AudienceIgnoresExceptions) {
                open.plain.push(grant.viewers.opens());
            } else {
                open.others.push((grant, terms));
            }
        }
        open
    }

    /// The roles in which somebody at the facility is covered by a consent that depends on more than the
    /// facility: everybody who could ask there is asked for.
    fn roles_of_other(
        &self,
        (facts, class): (&Facts, &Class),
        (grant, terms): (&Grant, &Terms),
        (facility, kind): (FacilityIx, FacilityKind),
        moment: Moment,
    ) -> RoleSet {
        let mut roles = RoleSet::NONE;
        let asks = |viewer: &Viewer| {
            self.open_to(grant, class.source, viewer, moment).is_ok()
                && self.consents.trees.leave_open(
                    terms.exceptions,
                    &self.question(class, viewer, moment),
                    facts.occurred.micros(),
                )
        };
        for purpose in terms.purposes.iter() {
            let anybody = Viewer { facility, kind, roles: MACHINE, member: None, purpose };
            if asks(&anybody) {
                roles = roles.union(MACHINE);
            }
            let unnamed = CLINICAL.iter().filter(|role| asks(&Viewer { roles: RoleSet::of(*role), ..anybody }));
            roles = unnamed.fold(roles, RoleSet::with);
            for ix in self.directory.entry(facility).map(|entry| entry.members.as_slice()).unwrap_or_default() {
                let Some(role) = self.directory.clinician_at(*ix, facility, moment) else { continue };
                if asks(&Viewer { roles: RoleSet::of(role), member: Some(*ix), ..anybody }) {
                    roles = roles.with(role);
                }
            }
        }
        roles
    }

    /// The roles in which somebody at the facility has broken the glass.
    fn roles_of_glasses(
        &self,
        glasses: &[Glass],
        (source, facility, kind): (FacilityIx, FacilityIx, FacilityKind),
        moment: Moment,
    ) -> RoleSet {
        let broken = glasses.iter().filter(|glass| {
            glass.stated
                && !is(Bug::AudienceMissesGlass)
                && glass.facility == facility
                && glass.in_force(moment.micros()).is_ok()
                && self.directory.clinician_at(glass.member, facility, moment) == Some(glass.role)
                && self.directory.may_break_glass(source, kind, glass.role)
        });
        broken.map(|glass| glass.role).collect()
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
