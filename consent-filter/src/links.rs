//! Links: which patient refs are one person.
//!
//! A person is a connected component of the confirmed links. A ref without links belongs to no person here.

use crate::index::{PersonIx, Placed};
use crate::intern::{HashIndex, PackedIds, QuickMap, quick_hash};
use crate::patients::Patients;
use crate::{FacilityIx, PatientIx};
use model::{LinkId, Position};
use smallvec::{SmallVec, smallvec};

/// One ref of a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Member {
    pub facility: FacilityIx,
    pub patient: PatientIx,
}

/// The refs of one person, sorted by facility, then by number, so that "the first ref at a facility" does not depend
/// on the order in which refs became known. Held in place: a decision then finds them in one step.
type Members = SmallVec<[Member; 6]>;

/// For a facility's own patients: where a link of theirs was taken back.
pub(crate) type Parted = QuickMap<PatientIx, Vec<FacilityIx>>;

/// A person taken apart.
#[derive(Default)]
struct Taken {
    members: Members,
    links: Vec<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LinkState {
    Confirmed,
    /// Taken back; final for its id.
    Unlinked,
}

#[derive(Clone, Debug)]
struct LinkEntry {
    id: u32,
    a: PatientIx,
    b: PatientIx,
    state: LinkState,
    /// The statement by which it stands as it does.
    stated: Placed,
}

#[derive(Clone, Default, Debug)]
pub(crate) struct Links {
    ids: PackedIds,
    index: HashIndex,
    links: Vec<LinkEntry>,
    /// The places of the links taken back.
    taken_back: Vec<u32>,
    persons: Vec<Members>,
    /// For each person the places of the links that hold it together.
    held_by: Vec<Vec<u32>>,
    vacant: Vec<PersonIx>,
}

/// What became of a change of links. The refs are all those of the persons it joined or parted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Relinked {
    Changed(Vec<PatientIx>),
    Unchanged,
    /// The id was unlinked before.
    Final,
    /// No link of this id was known; it is now barred.
    Unknown,
    /// The table is full.
    NoRoom,
}

// === impl Links ===

impl Links {
    /// The refs of a person, sorted by facility.
    pub(crate) fn members(&self, person: PersonIx) -> &[Member] {
        self.persons.get(person.get()).map(SmallVec::as_slice).unwrap_or_default()
    }
    /// The first ref of the person at a facility.
    pub(crate) fn member_at(&self, person: PersonIx, facility: FacilityIx) -> Option<PatientIx> {
        self.members(person).iter().find(|member| member.facility == facility).map(|member| member.patient)
    }
    /// Reads a person's refs; see [`crate::Book::look_ahead`].
    pub(crate) fn touch(&self, person: Option<PersonIx>) -> u32 {
        let members = person.map(|person| self.members(person)).unwrap_or_default();
        let ends = [members.first(), members.last()];
        ends.into_iter().flatten().fold(0, |sum, member| sum ^ member.patient.as_u32())
    }
    /// Ids and ends of the links that hold, in the order of their first statement.
    pub(crate) fn confirmed(&self) -> impl Iterator<Item = (Option<LinkId>, PatientIx, PatientIx)> {
        let confirmed = self.links.iter().filter(|link| link.state == LinkState::Confirmed);
        confirmed.map(|link| (self.id(link), link.a, link.b))
    }
    /// The links that hold a person together: id and both ends.
    pub(crate) fn holding(&self, person: PersonIx) -> impl Iterator<Item = (Option<LinkId>, PatientIx, PatientIx)> {
        let places = self.held_by.get(person.get()).map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|at| self.links.get(*at as usize)).map(|link| (self.id(link), link.a, link.b))
    }
    /// Ids of the links taken back.
    pub(crate) fn unlinked(&self) -> impl Iterator<Item = LinkId> {
        self.links.iter().filter(|link| link.state == LinkState::Unlinked).filter_map(|link| self.id(link))
    }
    /// The refs that a link joins this one to without another between them.
    pub(crate) fn directly(&self, patient: PatientIx, patients: &Patients) -> SmallVec<[PatientIx; 4]> {
        let places = patients.person(patient).and_then(|person| self.held_by.get(person.get()));
        let links = places.map(Vec::as_slice).unwrap_or_default().iter();
        let ends = links.filter_map(|at| self.links.get(*at as usize)).filter_map(|link| match (link.a, link.b) {
            (a, b) if a == patient => Some(b),
            (a, b) if b == patient => Some(a),
            _ => None,
        });
        ends.collect()
    }
    /// Where links of a facility's own patients were taken back.
    pub(crate) fn parted(&self, patients: &Patients, facility: FacilityIx) -> Parted {
        let mut parted = Parted::default();
        for link in self.taken_back.iter().filter_map(|at| self.links.get(*at as usize)) {
            for (own, other) in [(link.a, link.b), (link.b, link.a)] {
                if let (Some(source), true) = (patients.source(other), patients.source(own) == Some(facility)) {
                    parted.entry(own).or_default().push(source);
                }
            }
        }
        parted.values_mut().for_each(|sources| {
            sources.sort_unstable();
            sources.dedup();
        });
        parted
    }
    fn id(&self, link: &LinkEntry) -> Option<LinkId> {
        self.ids.text(link.id).and_then(|text| LinkId::parse(&text).ok())
    }
    fn find(&self, id: &LinkId) -> Option<u32> {
        let is = |at: u32| self.links.get(at as usize).is_some_and(|link| self.ids.is(link.id, id.as_str()));
        self.index.find(quick_hash(&id.as_str()), is)
    }
    fn push(&mut self, id: &LinkId, state: LinkState, a: PatientIx, b: PatientIx) -> Option<u32> {
        let text = self.ids.push(id.as_str())?;
        let at = self.index.push(quick_hash(&id.as_str()))?;
        self.links.push(LinkEntry { id: text, a, b, state, stated: Placed::NOWHERE });
        Some(at)
    }

    /// The statement by which a link stands as it does.
    pub(crate) fn stated_at(&self, id: &LinkId) -> Option<Position> {
        self.links.get(self.find(id)? as usize).and_then(|link| link.stated.get())
    }
    pub(crate) fn note_statement(&mut self, id: &LinkId, position: Position) {
        if let Some(link) = self.find(id).and_then(|at| self.links.get_mut(at as usize)) {
            link.stated = Placed::at(position);
        }
    }

    pub(crate) fn link(&mut self, id: &LinkId, a: PatientIx, b: PatientIx, patients: &mut Patients) -> Relinked {
        let Some(at) = self.find(id) else {
            let Some(at) = self.push(id, LinkState::Confirmed, a, b) else { return Relinked::NoRoom };
            return Relinked::Changed(self.join(at, patients));
        };
        match self.links.get(at as usize) {
            Some(known) if known.state == LinkState::Unlinked => Relinked::Final,
            Some(known) if (known.a, known.b) == (a, b) => Relinked::Unchanged,
            _ => {
                // Stated again with other ends: what it joined before is parted first.
                let mut touched = self.part(at, patients);
                if let Some(link) = self.links.get_mut(at as usize) {
                    (link.a, link.b) = (a, b);
                }
                touched.extend(self.join(at, patients));
                touched.sort_unstable();
                touched.dedup();
                Relinked::Changed(touched)
            }
        }
    }
    pub(crate) fn unlink(&mut self, id: &LinkId, patients: &mut Patients) -> Relinked {
        let Some(at) = self.find(id) else {
            let pushed = self.push(id, LinkState::Unlinked, PatientIx::NOWHERE, PatientIx::NOWHERE);
            return if pushed.is_some() { Relinked::Unknown } else { Relinked::NoRoom };
        };
        match self.links.get_mut(at as usize) {
            Some(link) if link.state == LinkState::Confirmed => link.state = LinkState::Unlinked,
            _ => return Relinked::Unchanged,
        }
        self.taken_back.push(at);
        Relinked::Changed(self.part(at, patients))
    }

    /// Makes one person of the two ends of link `at`; gives all their refs.
    fn join(&mut self, at: u32, patients: &mut Patients) -> Vec<PatientIx> {
        let Some((a, b)) = self.links.get(at as usize).map(|link| (link.a, link.b)) else { return Vec::new() };
        let (a, b) = (self.person_of(a, patients), self.person_of(b, patients));
        let mut taken = if a == b { Taken::default() } else { self.take(b) };
        if let Some(links) = self.held_by.get_mut(a.get()) {
            links.push(at);
            links.append(&mut taken.links);
        }
        let Some(members) = self.persons.get_mut(a.get()) else { return Vec::new() };
        members.extend_from_slice(&taken.members);
        patients.sort_members(members);
        for member in &taken.members {
            patients.set_person(member.patient, a);
        }
        members.iter().map(|member| member.patient).collect()
    }
    /// Takes link `at` out of its person and lets what remains fall apart; gives all refs the person had.
    fn part(&mut self, at: u32, patients: &mut Patients) -> Vec<PatientIx> {
        let end = self.links.get(at as usize).map_or(PatientIx::NOWHERE, |link| link.a);
        let Some(person) = patients.person(end) else { return Vec::new() };
        let was = self.take(person);
        for member in &was.members {
            patients.set_person(member.patient, PersonIx::NOWHERE);
        }
        for link in was.links {
            if link != at {
                self.join(link, patients);
            }
        }
        was.members.iter().map(|member| member.patient).collect()
    }
    /// The person of a ref; a new one that holds it alone when it had none.
    fn person_of(&mut self, patient: PatientIx, patients: &mut Patients) -> PersonIx {
        if let Some(person) = patients.person(patient) {
            return person;
        }
        let ix = self.vacant.pop().unwrap_or_else(|| {
            self.persons.push(Members::new());
            self.held_by.push(Vec::new());
            PersonIx::at(self.persons.len() - 1)
        });
        let facility = patients.source(patient).unwrap_or(FacilityIx::NOWHERE);
        if let Some(members) = self.persons.get_mut(ix.get()) {
            *members = smallvec![Member { facility, patient }];
        }
        patients.set_person(patient, ix);
        ix
    }
    fn take(&mut self, person: PersonIx) -> Taken {
        self.vacant.push(person);
        let members = self.persons.get_mut(person.get()).map(std::mem::take).unwrap_or_default();
        let links = self.held_by.get_mut(person.get()).map(std::mem::take).unwrap_or_default();
        Taken { members, links }
    }

    /// How many links hold.
    pub(crate) fn count(&self) -> usize {
        self.links.iter().filter(|link| link.state == LinkState::Confirmed).count()
    }
    pub(crate) fn bytes(&self) -> usize {
        let outside = |members: &Members| if members.spilled() { members.capacity() * size_of::<Member>() } else { 0 };
        self.ids.bytes()
            + self.index.bytes()
            + self.links.capacity() * size_of::<LinkEntry>()
            + self.taken_back.capacity() * size_of::<u32>()
            + self.persons.capacity() * size_of::<Members>()
            + self.persons.iter().map(outside).sum::<usize>()
            + self.held_by.capacity() * size_of::<Vec<u32>>()
            + self.held_by.iter().map(|links| links.capacity() * size_of::<u32>()).sum::<usize>()
    }
}
