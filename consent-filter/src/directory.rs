//! The directory as decisions need it: who takes part, and who works where.

use crate::FacilityIx;
use crate::decision::Reason;
use crate::index::MemberIx;
use crate::intern::QuickMap;
use crate::planted::{Bug, is};
use model::{
    BreakGlassRule, DisclosureScope, Facility, FacilityId, FacilityKind, FacilityStatus, GuardianConsents, Member,
    MemberId, Moment, Position, Principal, Purpose, Role, RoleSet,
};
use roaring::RoaringBitmap;

/// The roles that see clinical data at all. The others (clerk, auditor, administrator, patient) see none, and
/// [`Role::System`] counts as every one of these.
pub const CLINICAL: RoleSet = RoleSet::NONE
    .with(Role::Physician)
    .with(Role::Dentist)
    .with(Role::Nurse)
    .with(Role::Midwife)
    .with(Role::Pharmacist)
    .with(Role::LaboratoryStaff)
    .with(Role::CareManager);

/// What a facility's own machine counts as.
pub(crate) const MACHINE: RoleSet = CLINICAL.with(Role::System);

/// What the directory says of a facility, as small as the hot path wants it.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Standing {
    /// Its kind; `None` until the directory states the facility.
    pub kind: Option<FacilityKind>,
    pub active: bool,
    /// Whether its scope stops guardians' consents at majority.
    pub guardians_stop: bool,
}

/// One facility: everything the book holds by facility.
#[derive(Clone, Debug)]
pub(crate) struct FacilityEntry {
    pub id: FacilityId,
    pub stated: Option<Facility>,
    pub scope: Option<DisclosureScope>,
    /// Where its scope was stated.
    pub scope_at: Option<Position>,
    /// Its own patient refs.
    pub own: RoaringBitmap,
    /// Those of them that are linked to another ref.
    pub linked: RoaringBitmap,
    /// The classes whose source it is.
    pub classes: RoaringBitmap,
    /// Who works there, as the directory stands.
    pub members: Vec<MemberIx>,
    /// The book's generation when something last changed that it may see.
    pub changed: u64,
}

/// What the directory says of a member, as small as the hot path wants it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemberStanding {
    from: i64,
    until: i64,
    /// Where the directory has them; `NOWHERE` until it does.
    pub facility: FacilityIx,
    role: Role,
}

/// A principal, resolved: known, active, and in a role that sees clinical data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Viewer {
    pub facility: FacilityIx,
    pub kind: FacilityKind,
    /// The roles it counts as.
    pub roles: RoleSet,
    /// The person; absent for a machine, to which consents that name practitioners do not open.
    pub member: Option<MemberIx>,
    pub purpose: Purpose,
}

#[derive(Clone, Default, Debug)]
pub(crate) struct Directory {
    numbers: QuickMap<FacilityId, FacilityIx>,
    facilities: Vec<FacilityEntry>,
    standing: Vec<Standing>,
    member_numbers: QuickMap<MemberId, MemberIx>,
    members: Vec<MemberStanding>,
    stated_members: Vec<Option<Member>>,
}

// === impl MemberStanding ===

impl MemberStanding {
    /// Whether the membership holds.
    fn holds(&self, moment: Moment) -> bool {
        (self.from..self.until).contains(&moment.micros())
    }
}

// === impl Directory ===

impl Directory {
    /// The facility's number. A facility may be named before the directory states it; until then it permits nothing.
    pub(crate) fn facility(&mut self, id: &FacilityId) -> FacilityIx {
        if let Some(ix) = self.numbers.get(id) {
            return *ix;
        }
        let ix = FacilityIx::at(self.facilities.len());
        self.numbers.insert(id.clone(), ix);
        self.standing.push(Standing::default());
        self.facilities.push(FacilityEntry {
            id: id.clone(),
            stated: None,
            scope: None,
            scope_at: None,
            own: RoaringBitmap::new(),
            linked: RoaringBitmap::new(),
            classes: RoaringBitmap::new(),
            members: Vec::new(),
            changed: 0,
        });
        ix
    }
    pub(crate) fn find(&self, id: &FacilityId) -> Option<FacilityIx> {
        self.numbers.get(id).copied()
    }
    pub(crate) fn entry(&self, ix: FacilityIx) -> Option<&FacilityEntry> {
        self.facilities.get(ix.get())
    }
    pub(crate) fn entry_mut(&mut self, ix: FacilityIx) -> Option<&mut FacilityEntry> {
        self.facilities.get_mut(ix.get())
    }
    pub(crate) fn standing(&self, ix: FacilityIx) -> Standing {
        self.standing.get(ix.get()).copied().unwrap_or_default()
    }
    pub(crate) fn entries(&self) -> impl Iterator<Item = (FacilityIx, &FacilityEntry)> {
        self.facilities.iter().enumerate().map(|(at, entry)| (FacilityIx::at(at), entry))
    }
    /// States a facility; gives its number, and what it was before.
    pub(crate) fn state_facility(&mut self, facility: &Facility) -> (FacilityIx, Option<Facility>) {
        let ix = self.facility(&facility.id);
        if let Some(standing) = self.standing.get_mut(ix.get()) {
            let active = facility.status == FacilityStatus::Active || is(Bug::DepartureForgotten);
            *standing = Standing { kind: Some(facility.kind), active, ..*standing };
        }
        let before = self.entry_mut(ix).and_then(|entry| entry.stated.replace(facility.clone()));
        (ix, before)
    }

    /// States a facility's scope; `None` when it says what was known.
    pub(crate) fn state_scope(&mut self, scope: &DisclosureScope) -> Option<FacilityIx> {
        let ix = self.facility(&scope.facility);
        let entry = self.entry_mut(ix).filter(|entry| entry.scope.as_ref() != Some(scope))?;
        entry.scope = Some(scope.clone());
        if let Some(standing) = self.standing.get_mut(ix.get()) {
            standing.guardians_stop = scope.guardian_consents == GuardianConsents::Stop;
        }
        Some(ix)
    }
    /// Whether the source has said that this role at this kind of facility may break the glass.
    pub(crate) fn may_break_glass(&self, source: FacilityIx, kind: FacilityKind, role: Role) -> bool {
        let rules = self.entry(source).and_then(|entry| entry.scope.as_ref()).map(|scope| scope.break_glass.as_slice());
        let allows = |rule: &BreakGlassRule| rule.viewer_kinds.contains(kind) && rule.viewer_roles.contains(role);
        is(Bug::GlassNotPreauthorised) || rules.unwrap_or_default().iter().any(allows)
    }

    /// The member's number. A member may be named before the directory states them.
    pub(crate) fn member(&mut self, id: &MemberId) -> MemberIx {
        if let Some(ix) = self.member_numbers.get(id) {
            return *ix;
        }
        let ix = MemberIx::at(self.members.len());
        self.member_numbers.insert(id.clone(), ix);
        let (facility, role) = (FacilityIx::NOWHERE, Role::Patient);
        self.members.push(MemberStanding { from: i64::MIN, until: i64::MIN, facility, role });
        self.stated_members.push(None);
        ix
    }
    pub(crate) fn member_standing(&self, ix: MemberIx) -> Option<&MemberStanding> {
        self.members.get(ix.get())
    }
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.stated_members.iter().flatten()
    }
    pub(crate) fn find_member(&self, id: &MemberId) -> Option<&Member> {
        self.member_numbers.get(id).and_then(|ix| self.stated_members.get(ix.get())).and_then(Option::as_ref)
    }
    pub(crate) fn member_id(&self, ix: MemberIx) -> Option<MemberId> {
        // Only accessors ask this, never a decision: a second table of ids is not worth its memory.
        self.member_numbers.iter().find(|(_, number)| **number == ix).map(|(id, _)| id.clone())
    }
    /// States a member; gives where they are now and what was stated before.
    pub(crate) fn state_member(&mut self, member: &Member) -> (FacilityIx, Option<Member>) {
        let facility = self.facility(&member.facility);
        let ix = self.member(&member.id);
        let (from, until) = crate::consents::sides(&member.period);
        let before = self.members.get(ix.get()).map(|standing| standing.facility);
        if let Some(entry) = before.and_then(|before| self.entry_mut(before)) {
            entry.members.retain(|other| *other != ix);
        }
        if let Some(entry) = self.entry_mut(facility) {
            entry.members.push(ix);
        }
        if let Some(standing) = self.members.get_mut(ix.get()) {
            *standing = MemberStanding { from, until, facility, role: member.role };
        }
        (facility, self.stated_members.get_mut(ix.get()).and_then(|stated| stated.replace(member.clone())))
    }
    /// The roles of this member if they work at `facility` at `moment` and see clinical data there.
    pub(crate) fn clinician_at(&self, ix: MemberIx, facility: FacilityIx, moment: Moment) -> Option<Role> {
        let member = self.member_standing(ix).filter(|member| member.facility == facility)?;
        (member.holds(moment) && CLINICAL.contains(member.role)).then_some(member.role)
    }

    /// Bytes of the facilities' sets of patients and of their tables, without names and scopes.
    pub(crate) fn bytes(&self) -> usize {
        let sets = |entry: &FacilityEntry| {
            entry.own.serialized_size() + entry.linked.serialized_size() + entry.classes.serialized_size()
        };
        self.facilities.capacity() * size_of::<FacilityEntry>() + self.facilities.iter().map(sets).sum::<usize>()
    }

    /// Who this is, or the first gate they do not pass.
    ///
    /// A person named in the principal must be a member of the facility now, in that role: leaving is an event, and
    /// a token that outlives it opens nothing. A principal without a person stands for its facility, whose
    /// authentication vouched for the role.
    pub(crate) fn viewer(&self, principal: &Principal, moment: Moment) -> Result<Viewer, Reason> {
        let Principal { facility, member, role, purpose } = principal;
        let facility = self.find(facility).ok_or(Reason::ViewerUnknown)?;
        let Standing { kind, active, .. } = self.standing(facility);
        let kind = kind.ok_or(Reason::ViewerUnknown)?;
        if !active {
            return Err(Reason::ViewerInactive);
        }
        let member = match member {
            None => None,
            Some(id) => {
                let ix = self.member_numbers.get(id).copied().ok_or(Reason::MemberUnknown)?;
                let member = self.member_standing(ix).filter(|member| member.facility == facility);
                let member = member.ok_or(Reason::MemberUnknown)?;
                if !member.holds(moment) {
                    return Err(Reason::MemberInactive);
                }
                if member.role != *role {
                    return Err(Reason::RoleNotHeld);
                }
                Some(ix)
            }
        };
        match role {
            Role::System => Ok(Viewer { facility, kind, roles: MACHINE, member: None, purpose: *purpose }),
            role if CLINICAL.contains(*role) => {
                Ok(Viewer { facility, kind, roles: RoleSet::of(*role), member, purpose: *purpose })
            }
            _ => Err(Reason::RoleNotClinical),
        }
    }
}
