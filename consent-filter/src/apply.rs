//! How events change the book, and what each change touches.

mod emergency;

use crate::consents::{Grant, Opens, Standing, ViewerList, ViewersIx};
use crate::index::TermsIx;
use crate::links::Relinked;
use crate::planted::{Bug, is};
use crate::{Book, FacilityIx, PatientIx};
use model::{
    Body, Consent, ConsentChange, ConsentId, ConsentState, DirectoryChange, DisclosureScope, Facility, FacilityId,
    LinkChange, Member, Position, Viewers, Withdrawal,
};
use smallvec::SmallVec;

macro_rules! outcomes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal,)+) => {
        /// What became of an event that was applied to the book.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Outcome { $($(#[$doc])* $variant),+ }

        impl Outcome {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The stable code, as written in metrics.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }
        }
    };
}

outcomes! {
    /// The book says what the event says.
    Applied = "applied",
    /// It said so already.
    Unchanged = "unchanged",
    /// The book holds it, and it permits nothing until the directory states a facility or member that it names.
    AwaitsDirectory = "awaits_directory",
    /// The position was applied before; nothing was done.
    AlreadyApplied = "already_applied",
    /// A withdrawal of a consent that was never given: nothing to withdraw, and the id is barred from now on.
    UnknownConsent = "unknown_consent",
    /// A consent whose id was withdrawn: it stays withdrawn.
    ConsentIsWithdrawn = "consent_is_withdrawn",
    /// An unlink of a link that was never stated: nothing to part, and the id is barred from now on.
    UnknownLink = "unknown_link",
    /// A link whose id was unlinked: it stays unlinked.
    LinkIsUnlinked = "link_is_unlinked",
    /// A statement that its consent's state does not allow: a consent never moves back, and its ends are final.
    WrongTransition = "wrong_transition",
    /// A broken glass under an id that stands for another, which was stated first.
    FirstStatementStands = "first_statement_stands",
    /// A broken glass whose id was closed before it was stated: it stays closed.
    GlassIsClosed = "glass_is_closed",
    /// The end or the review of a glass that was never broken; an end bars the id from now on.
    UnknownGlass = "unknown_glass",
    /// An agreement whose id was ended: it stays ended.
    AgreementIsEnded = "agreement_is_ended",
    /// The end of an agreement that was never stated: the id is barred from now on.
    UnknownAgreement = "unknown_agreement",
    /// A kinship whose id was ended: it stays ended.
    KinshipIsEnded = "kinship_is_ended",
    /// The end of a kinship that was never stated: the id is barred from now on.
    UnknownKinship = "unknown_kinship",
    /// A record, or an account of what someone saw: it changes no permission.
    NotForTheBook = "not_for_the_book",
    /// The book's tables are full; a grant that found no room permits nothing.
    NoRoom = "no_room",
}

/// What an event did to the book.
#[must_use]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Applied {
    /// What became of it.
    pub outcome: Outcome,
    /// For whom something may have appeared or vanished.
    pub touched: Touched,
}

/// Which viewers a change of consent may concern.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TouchedViewers {
    /// Every facility.
    All,
    /// These, sorted.
    Facilities(SmallVec<[FacilityIx; 2]>),
}

/// For whom an event may have made something appear or vanish. Never too little; [`Book::pairs`] spells it out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Touched {
    /// Nobody.
    Nothing,
    /// One patient ref's records, for some viewers.
    Patient {
        /// Whose records.
        patient: PatientIx,
        /// For whom.
        viewers: TouchedViewers,
    },
    /// These refs' records, for each facility that has one of the refs: a person was joined or parted.
    Person(Vec<PatientIx>),
    /// Everything this source discloses.
    Source(FacilityIx),
    /// Everything people at these facilities see, their own records too.
    Viewers(SmallVec<[FacilityIx; 2]>),
    /// Everything this facility discloses and sees, its own records too.
    Facility(FacilityIx),
}

/// What a consent took the place of.
#[derive(Clone, Copy)]
enum Superseded {
    Nothing,
    /// An id that is not stated yet.
    Barred,
    /// A consent that opened to these.
    From(ViewersIx),
}

impl Superseded {
    fn viewers(self) -> ViewersIx {
        match self {
            Self::Nothing | Self::Barred => ViewersIx::NOBODY,
            Self::From(viewers) => viewers,
        }
    }
}

// === impl Book ===

impl Book {
    /// Applies one event. Total: what cannot apply permits nothing, and the outcome says so.
    ///
    /// Events of one partition are applied in its order; how partitions interleave makes no difference to the book.
    /// A position that was applied before changes nothing.
    pub fn apply(&mut self, position: Position, body: &Body) -> Applied {
        let nothing = |outcome| Applied { outcome, touched: Touched::Nothing };
        if matches!(body, Body::Record(_) | Body::Referral(_) | Body::Audit(_)) {
            return nothing(Outcome::NotForTheBook);
        }
        if self.frontier.includes(position) {
            return nothing(Outcome::AlreadyApplied);
        }
        self.frontier.include(position);
        let (outcome, touched) = match body {
            Body::Consent(ConsentChange::Given(consent)) => self.give(consent),
            Body::Consent(ConsentChange::Withdrawn(withdrawal)) => self.withdraw(withdrawal),
            Body::Directory(DirectoryChange::Facility(facility)) => self.state_facility(facility),
            Body::Directory(DirectoryChange::Member(member)) => self.state_member(member),
            Body::Directory(DirectoryChange::Scope(scope)) => self.state_scope(scope),
            Body::Directory(DirectoryChange::Link(change)) => self.relink(change),
            Body::Directory(DirectoryChange::Agreement(change)) => self.agree(change),
            Body::Directory(DirectoryChange::Kinship(change)) => self.relate(change),
            Body::Consent(ConsentChange::Released(release)) => self.release(release),
            Body::Consent(ConsentChange::GlassBroken(glass)) => self.break_glass(glass),
            Body::Consent(ConsentChange::GlassClosed(end)) => self.close_glass(end),
            Body::Consent(ConsentChange::GlassReviewed(review)) => self.review_glass(review),
            Body::Directory(
                DirectoryChange::Laboratory(_) | DirectoryChange::Definition(_) | DirectoryChange::Measure(_),
            )
            | Body::Record(_)
            | Body::Referral(_)
            | Body::Audit(_) => (Outcome::NotForTheBook, Touched::Nothing),
        };
        if matches!(outcome, Outcome::Applied | Outcome::AwaitsDirectory) {
            self.note_statement(position, body);
        }
        self.note_change(&touched);
        Applied { outcome, touched }
    }

    /// Remembers which letter made a consent, a scope, a link or a glass stand as it does, for explanations.
    fn note_statement(&mut self, position: Position, body: &Body) {
        let consent = |book: &Self, patient, id| Some(book.grant_of(book.patients.find(patient)?, id)?.1.id);
        match body {
            Body::Consent(ConsentChange::Given(Consent { patient, id, .. }))
            | Body::Consent(ConsentChange::Withdrawn(Withdrawal { patient, id, .. })) => {
                if let Some(ix) = consent(self, patient, id) {
                    self.consents.note_statement(ix, position);
                }
            }
            Body::Consent(ConsentChange::GlassBroken(glass)) => {
                if let Some(patient) = self.patients.find(&glass.patient) {
                    self.emergencies.note_statement(patient, &glass.id, position);
                }
            }
            Body::Directory(DirectoryChange::Scope(scope)) => {
                let entry = self.directory.find(&scope.facility).and_then(|ix| self.directory.entry_mut(ix));
                if let Some(entry) = entry {
                    entry.scope_at = Some(position);
                }
            }
            Body::Directory(DirectoryChange::Link(LinkChange::Linked(link))) => {
                self.links.note_statement(&link.id, position);
            }
            _ => {}
        }
    }

    /// Keeps the generations in step, so that what is touched for one viewer leaves the others' visibilities current.
    fn note_change(&mut self, touched: &Touched) {
        if *touched == Touched::Nothing {
            return;
        }
        self.generation += 1;
        match touched {
            Touched::Patient { .. } | Touched::Person(_) => {
                for (viewer, _) in self.pairs(touched) {
                    if let Some(entry) = self.directory.entry_mut(viewer) {
                        entry.changed = self.generation;
                    }
                }
            }
            _ => self.changed_for_all = self.generation,
        }
    }

    fn give(&mut self, consent: &Consent) -> (Outcome, Touched) {
        let patient = self.patient(&consent.patient);
        let known = self.grant_of(patient, &consent.id);
        let now = match known.map(|(_, grant)| grant.standing) {
            Some(Standing::Withdrawn) if !is(Bug::WithdrawnReturns) => {
                return (Outcome::ConsentIsWithdrawn, Touched::Nothing);
            }
            Some(Standing::Stated(state)) => Some(state),
            Some(Standing::Withdrawn) | None => None,
        };
        if !ConsentState::may_become(now, consent.state) && !is(Bug::TransitionsIgnored) {
            return (Outcome::WrongTransition, Touched::Nothing);
        }
        let Some(id) = known.map(|(_, grant)| grant.id).or_else(|| self.consents.push_id(&consent.id)) else {
            return (Outcome::NoRoom, Touched::Nothing);
        };
        let grant = self.consents.grant(id, consent, &mut self.directory);
        let superseded = self.supersede(patient, consent);
        let mut viewers = self.reach(superseded.viewers());
        match known {
            Some((_, before)) if before == grant => {
                return match superseded {
                    Superseded::Nothing => (Outcome::Unchanged, Touched::Nothing),
                    Superseded::Barred => (Outcome::Applied, Touched::Nothing),
                    Superseded::From(_) => (Outcome::Applied, Touched::Patient { patient, viewers }),
                };
            }
            Some((place, before)) => {
                if !is(Bug::RestatementMissesRetraction) {
                    viewers = viewers.and(self.reach(before.viewers));
                }
                if let Some(held) = self.patients.grant_mut(patient, place) {
                    *held = grant;
                }
            }
            None if self.patients.add_grant(patient, grant) => {}
            None => return (Outcome::NoRoom, Touched::Nothing),
        }
        viewers = viewers.and(self.reach(grant.viewers));
        self.consents.note_grant(&grant);
        let outcome = if self.awaits_directory(consent) { Outcome::AwaitsDirectory } else { Outcome::Applied };
        (outcome, Touched::Patient { patient, viewers })
    }

    /// Takes the place of the consent an active one supersedes.
    fn supersede(&mut self, patient: PatientIx, consent: &Consent) -> Superseded {
        let active = consent.state == ConsentState::Active && !is(Bug::SupersessionForgotten);
        let Some(id) = consent.supersedes.as_ref().filter(|id| active && **id != consent.id) else {
            return Superseded::Nothing;
        };
        let Some((place, before)) = self.grant_of(patient, id) else {
            // Not stated yet: it is barred, so that the order of the two statements does not matter.
            let barred = self.bar(patient, id, Standing::Stated(ConsentState::Superseded));
            return if barred { Superseded::Barred } else { Superseded::Nothing };
        };
        match before.standing {
            Standing::Stated(state)
                if state != ConsentState::Superseded
                    && ConsentState::may_become(Some(state), ConsentState::Superseded) =>
            {
                if let Some(held) = self.patients.grant_mut(patient, place) {
                    held.standing = Standing::Stated(ConsentState::Superseded);
                }
                Superseded::From(before.viewers)
            }
            _ => Superseded::Nothing,
        }
    }
    /// Holds an id that was never stated, so that it never opens anything; `false` when there is no room.
    fn bar(&mut self, patient: PatientIx, id: &ConsentId, standing: Standing) -> bool {
        let Some(id) = self.consents.push_id(id) else { return false };
        let (terms, viewers) = (TermsIx::NOWHERE, ViewersIx::NOBODY);
        let bar = Grant { from: i64::MIN, until: i64::MAX, id, terms, viewers, standing };
        self.patients.add_grant(patient, bar)
    }

    fn withdraw(&mut self, withdrawal: &Withdrawal) -> (Outcome, Touched) {
        let patient = self.patient(&withdrawal.patient);
        let Some((place, before)) = self.grant_of(patient, &withdrawal.id) else {
            let barred = self.bar(patient, &withdrawal.id, Standing::Withdrawn);
            return (if barred { Outcome::UnknownConsent } else { Outcome::NoRoom }, Touched::Nothing);
        };
        if before.standing == Standing::Withdrawn || is(Bug::WithdrawalForgotten) {
            return (Outcome::Unchanged, Touched::Nothing);
        }
        if let Some(held) = self.patients.grant_mut(patient, place) {
            held.standing = Standing::Withdrawn;
        }
        if is(Bug::WithdrawalMissesRetraction) {
            return (Outcome::Applied, Touched::Nothing);
        }
        (Outcome::Applied, Touched::Patient { patient, viewers: self.reach(before.viewers) })
    }

    fn state_facility(&mut self, facility: &Facility) -> (Outcome, Touched) {
        let (ix, before) = self.directory.state_facility(facility);
        match before {
            Some(before) if before == *facility => (Outcome::Unchanged, Touched::Nothing),
            Some(before) if (before.kind, before.status) == (facility.kind, facility.status) => {
                (Outcome::Applied, Touched::Nothing)
            }
            _ => (Outcome::Applied, Touched::Facility(ix)),
        }
    }

    fn state_member(&mut self, member: &Member) -> (Outcome, Touched) {
        let (ix, before) = self.directory.state_member(member);
        let outcome =
            if self.directory.standing(ix).kind.is_none() { Outcome::AwaitsDirectory } else { Outcome::Applied };
        let (from, until) = crate::consents::sides(&member.period);
        self.consents.note_boundaries(from, until);
        let mut facilities = SmallVec::from_slice(&[ix]);
        if let Some(before) = before {
            if before == *member {
                return (Outcome::Unchanged, Touched::Nothing);
            }
            if (&before.facility, before.role, before.period) == (&member.facility, member.role, member.period) {
                return (outcome, Touched::Nothing);
            }
            if is(Bug::MoveMissesRetraction) {
                return (outcome, Touched::Viewers(facilities));
            }
            facilities.extend(self.directory.find(&before.facility).filter(|before| *before != ix));
        }
        facilities.sort_unstable();
        (outcome, Touched::Viewers(facilities))
    }

    fn state_scope(&mut self, scope: &DisclosureScope) -> (Outcome, Touched) {
        let Some(ix) = self.directory.state_scope(scope) else { return (Outcome::Unchanged, Touched::Nothing) };
        if !is(Bug::ScopeNotRecompiled) {
            self.classes.compile_source(ix, &self.directory);
        }
        let known = self.directory.standing(ix).kind.is_some();
        (if known { Outcome::Applied } else { Outcome::AwaitsDirectory }, Touched::Source(ix))
    }

    fn relink(&mut self, change: &LinkChange) -> (Outcome, Touched) {
        let relinked = match change {
            LinkChange::Linked(link) => {
                let (a, b) = (self.patient(&link.a), self.patient(&link.b));
                self.links.link(&link.id, a, b, &mut self.patients)
            }
            LinkChange::Unlinked(_) if is(Bug::UnlinkForgotten) => Relinked::Unchanged,
            LinkChange::Unlinked(unlink) => self.links.unlink(&unlink.id, &mut self.patients),
        };
        match relinked {
            Relinked::Changed(refs) => {
                self.note_linked(&refs);
                (Outcome::Applied, Touched::Person(refs))
            }
            Relinked::Unchanged => (Outcome::Unchanged, Touched::Nothing),
            Relinked::Final => (Outcome::LinkIsUnlinked, Touched::Nothing),
            Relinked::Unknown => (Outcome::UnknownLink, Touched::Nothing),
            Relinked::NoRoom => (Outcome::NoRoom, Touched::Nothing),
        }
    }

    /// Keeps each facility's set of linked refs in step with the links.
    fn note_linked(&mut self, refs: &[PatientIx]) {
        for patient in refs {
            let linked = self.patients.person(*patient).is_some();
            let source = self.patients.source(*patient);
            if let Some(entry) = source.and_then(|source| self.directory.entry_mut(source)) {
                if linked {
                    entry.linked.insert(patient.as_u32());
                } else {
                    entry.linked.remove(patient.as_u32());
                }
            }
        }
    }

    fn grant_of(&self, patient: PatientIx, id: &ConsentId) -> Option<(usize, Grant)> {
        let mut grants = self.patients.grants(patient).iter().copied().enumerate();
        grants.find(|(_, grant)| self.consents.is(grant, id))
    }

    /// The facilities a consent may open to, as the directory stands.
    fn reach(&self, viewers: ViewersIx) -> TouchedViewers {
        let mut facilities: SmallVec<[FacilityIx; 2]> = match viewers.opens() {
            Opens::All => return TouchedViewers::All,
            Opens::Nobody => SmallVec::new(),
            Opens::One(facility) => SmallVec::from_slice(&[facility]),
            Opens::Several(number) => match self.consents.list(number) {
                Some(ViewerList::Facilities(facilities)) => SmallVec::from_slice(facilities),
                Some(ViewerList::Practitioners(members)) => {
                    let entries = members.iter().filter_map(|member| self.directory.member_standing(*member));
                    entries.map(|entry| entry.facility).filter(|at| *at != FacilityIx::NOWHERE).collect()
                }
                None => SmallVec::new(),
            },
        };
        facilities.sort_unstable();
        facilities.dedup();
        TouchedViewers::Facilities(facilities)
    }

    fn awaits_directory(&self, consent: &Consent) -> bool {
        let unknown = |id: &FacilityId| self.stated_facility(id).is_none();
        unknown(consent.patient.facility())
            || match &consent.viewers {
                Viewers::AllMembers => false,
                Viewers::Facilities(ids) => ids.iter().any(unknown),
                Viewers::Practitioners(ids) => {
                    ids.iter().any(|id| self.member(id).is_none_or(|at| unknown(&at.facility)))
                }
            }
    }

    /// Spells out what was touched: (viewing facility, patient ref) pairs, sorted, each once. A pair's own records are
    /// among them where they may change. Asked after the event was applied.
    pub fn pairs(&self, touched: &Touched) -> Vec<(FacilityIx, PatientIx)> {
        let mut pairs = Vec::new();
        match touched {
            Touched::Nothing => {}
            Touched::Patient { patient, viewers } => {
                pairs.extend(self.viewers_of(*patient).filter(|(viewer, _)| viewers.contain(*viewer)));
            }
            Touched::Person(refs) => {
                let facility = |patient: &PatientIx| self.patients.source(*patient);
                let mut facilities: Vec<FacilityIx> = refs.iter().filter_map(facility).collect();
                facilities.sort_unstable();
                facilities.dedup();
                for patient in refs {
                    let others = facilities.iter().filter(|at| facility(patient) != Some(**at));
                    pairs.extend(others.map(|at| (*at, *patient)));
                }
            }
            Touched::Source(source) => self.disclosed_pairs(*source, &mut pairs),
            Touched::Viewers(facilities) => facilities.iter().for_each(|viewer| self.seen_pairs(*viewer, &mut pairs)),
            Touched::Facility(facility) => {
                self.disclosed_pairs(*facility, &mut pairs);
                self.seen_pairs(*facility, &mut pairs);
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }
    /// The other facilities that have a ref of the patient's person.
    fn viewers_of(&self, patient: PatientIx) -> impl Iterator<Item = (FacilityIx, PatientIx)> {
        let source = self.patients.source(patient);
        let members = self.patients.person(patient).map(|person| self.links.members(person)).unwrap_or_default();
        members
            .iter()
            .filter(move |member| Some(member.facility) != source)
            .map(move |member| (member.facility, patient))
    }
    fn disclosed_pairs(&self, source: FacilityIx, into: &mut Vec<(FacilityIx, PatientIx)>) {
        let Some(entry) = self.directory.entry(source) else { return };
        into.extend(entry.linked.iter().flat_map(|patient| self.viewers_of(PatientIx::from_u32(patient))));
    }
    fn seen_pairs(&self, viewer: FacilityIx, into: &mut Vec<(FacilityIx, PatientIx)>) {
        let Some(entry) = self.directory.entry(viewer) else { return };
        into.extend(entry.own.iter().map(|own| (viewer, PatientIx::from_u32(own))));
        for own in &entry.linked {
            into.extend(self.person_of(PatientIx::from_u32(own)).map(|patient| (viewer, patient)));
        }
    }
}

// === impl TouchedViewers ===

impl TouchedViewers {
    /// Whether a facility is among them.
    pub fn contain(&self, facility: FacilityIx) -> bool {
        match self {
            Self::All => true,
            Self::Facilities(facilities) => facilities.binary_search(&facility).is_ok(),
        }
    }
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Facilities(mut some), Self::Facilities(more)) => {
                some.extend(more);
                some.sort_unstable();
                some.dedup();
                Self::Facilities(some)
            }
            _ => Self::All,
        }
    }
}
