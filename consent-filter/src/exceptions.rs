//! Exceptions to consents, compiled: a tree is judged for one viewer, one class and two moments.

use crate::FacilityIx;
use crate::classes::Class;
use crate::directory::{CLINICAL, Directory, Viewer};
use crate::index::{DepartmentIx, MemberIx};
use crate::intern::Interner;
use crate::planted::{Bug, is};
use model::{
    CategorySet, DepartmentCode, Exceptions, Labels, Provision, ProvisionKind, PurposeSet, Role, RoleSet, Viewers,
};
use smallvec::SmallVec;

/// No exceptions: the number of most consents.
pub(crate) const NONE: u32 = u32::MAX;

/// Stretches of `occurred`, half-open, in order.
pub(crate) type Spans = SmallVec<[(i64, i64); 2]>;

/// For whom a provision is.
#[derive(Clone, Debug)]
enum Whom {
    Everybody,
    Facilities(Box<[FacilityIx]>),
    Practitioners(Box<[MemberIx]>),
}

#[derive(Clone, Debug)]
struct Node {
    kind: ProvisionKind,
    whom: Whom,
    roles: RoleSet,
    purposes: PurposeSet,
    categories: CategorySet,
    /// Sorted.
    departments: Box<[DepartmentIx]>,
    author_roles: RoleSet,
    labels: Labels,
    data: (i64, i64),
    period: (i64, i64),
    nested: Box<[Node]>,
}

/// What is asked of a tree.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub viewer: &'a Viewer,
    pub directory: &'a Directory,
    pub class: &'a Class,
    pub moment: i64,
}

/// The distinct trees; most consents have none, and those of one form share theirs.
#[derive(Clone, Default, Debug)]
pub(crate) struct Trees {
    stated: Interner<Exceptions>,
    compiled: Vec<Box<[Node]>>,
}

// === impl Node ===

impl Node {
    fn compile(
        provision: &Provision,
        directory: &mut Directory,
        department: &mut impl FnMut(&DepartmentCode) -> DepartmentIx,
    ) -> Self {
        let mut departments: Vec<_> = provision.departments.iter().map(&mut *department).collect();
        departments.sort_unstable();
        let whom = match &provision.viewers {
            None | Some(Viewers::AllMembers) => Whom::Everybody,
            Some(Viewers::Facilities(ids)) => Whom::Facilities(ids.iter().map(|id| directory.facility(id)).collect()),
            Some(Viewers::Practitioners(ids)) => {
                Whom::Practitioners(ids.iter().map(|id| directory.member(id)).collect())
            }
        };
        Self {
            kind: provision.kind,
            whom,
            roles: provision.roles,
            purposes: provision.purposes,
            categories: provision.categories,
            departments: departments.into_boxed_slice(),
            author_roles: provision.author_roles,
            labels: provision.labels,
            data: crate::consents::sides(&provision.data_period),
            period: crate::consents::sides(&provision.period),
            nested: provision.nested.iter().map(|inner| Self::compile(inner, directory, department)).collect(),
        }
    }

    /// Whether every criterion but the record's time matches.
    fn matches(&self, asked: &Question<'_>) -> bool {
        let Question { viewer, class, moment, .. } = asked;
        let deny = self.kind == ProvisionKind::Deny;
        // What is not known counts against opening: it meets a deny's list and no permit's.
        let department = self.departments.is_empty()
            || match class.department {
                DepartmentIx::NOWHERE => deny && !is(Bug::DenyMissesUnknownDepartment),
                department => self.departments.binary_search(&department).is_ok(),
            };
        let author = self.author_roles.is_empty()
            || self.author_roles.contains(class.author_role)
            || deny && class.author_role == Role::System;
        (self.period.0 <= *moment && *moment < self.period.1 || is(Bug::ExceptionPeriodIgnored))
            && (self.purposes.is_empty() || self.purposes.contains(viewer.purpose))
            && (self.categories.is_empty() || self.categories.contains(class.category))
            && (self.labels.is_empty() || !self.labels.intersection(class.labels).is_empty())
            && department
            && author
            && self.is_for_role(viewer)
            && self.is_for(viewer, asked.directory)
    }
    fn is_for_role(&self, viewer: &Viewer) -> bool {
        if self.roles.is_empty() {
            return true;
        }
        match self.kind {
            ProvisionKind::Deny => !self.roles.intersection(viewer.roles).is_empty(),
            // A machine's are all the clinical roles: it is permitted what each of them is.
            ProvisionKind::Permit if viewer.roles.contains(Role::System) => {
                self.roles.contains(Role::System) || CLINICAL.is_subset(self.roles)
            }
            ProvisionKind::Permit => viewer.roles.is_subset(self.roles),
        }
    }
    fn is_for(&self, viewer: &Viewer, directory: &Directory) -> bool {
        match (&self.whom, viewer.member) {
            (Whom::Everybody, _) => true,
            (Whom::Facilities(facilities), _) => facilities.contains(&viewer.facility),
            (Whom::Practitioners(members), Some(member)) => members.contains(&member),
            // Whoever stands for a facility's people is denied what one of them is, and permitted what no list grants all.
            (Whom::Practitioners(members), None) => {
                let here = |member: &MemberIx| {
                    directory.member_standing(*member).is_some_and(|entry| entry.facility == viewer.facility)
                };
                self.kind == ProvisionKind::Deny && members.iter().any(here) && !is(Bug::DenyMissesMachine)
            }
        }
    }
}

/// What siblings come to: deny if one of those that match does, else permit if one does, else what they except from.
fn verdict(nodes: &[Node], outer: ProvisionKind, asked: &Question<'_>, occurred: i64) -> ProvisionKind {
    let mut verdict = outer;
    for node in nodes {
        if node.data.0 <= occurred && occurred < node.data.1 && node.matches(asked) {
            let nested = if is(Bug::NestedIgnored) { &[] } else { &*node.nested };
            verdict = self::verdict(nested, node.kind, asked, occurred);
            let wins = if is(Bug::PermitWins) { ProvisionKind::Permit } else { ProvisionKind::Deny };
            if verdict == wins {
                return verdict;
            }
        }
    }
    verdict
}

fn each(nodes: &[Node], visit: &mut impl FnMut(&Node)) {
    for node in nodes {
        visit(node);
        each(&node.nested, visit);
    }
}

// === impl Trees ===

impl Trees {
    /// The number of these exceptions.
    pub(crate) fn number(
        &mut self,
        exceptions: &Exceptions,
        directory: &mut Directory,
        mut department: impl FnMut(&DepartmentCode) -> DepartmentIx,
    ) -> u32 {
        if exceptions.is_empty() {
            return NONE;
        }
        let number = self.stated.number(exceptions);
        if number as usize == self.compiled.len() {
            let nodes = exceptions.provisions().iter();
            self.compiled.push(nodes.map(|one| Node::compile(one, directory, &mut department)).collect());
        }
        number
    }
    /// The exceptions as they were stated.
    pub(crate) fn stated(&self, number: u32) -> Exceptions {
        self.stated.get(number).cloned().unwrap_or_default()
    }
    /// Whether the exceptions leave open what the consent's own terms open. A number that is not known leaves nothing.
    pub(crate) fn leave_open(&self, number: u32, asked: &Question<'_>, occurred: i64) -> bool {
        number == NONE
            || is(Bug::ExceptionsIgnored)
            || self
                .nodes(number)
                .is_some_and(|nodes| verdict(nodes, ProvisionKind::Permit, asked, occurred) == ProvisionKind::Permit)
    }
    /// The stretches of `occurred` within `[from, until)` that the exceptions leave open. The answer for a record changes
    /// only where a provision's data period begins or ends: between these cuts one question answers for all.
    pub(crate) fn open_spans(&self, number: u32, asked: &Question<'_>, (from, until): (i64, i64)) -> Spans {
        let mut spans = Spans::new();
        if number == NONE {
            spans.push((from, until));
            return spans;
        }
        let Some(nodes) = self.nodes(number) else { return spans };
        let mut cuts: SmallVec<[i64; 8]> = SmallVec::from_slice(&[from]);
        let within = |cut: &i64| from < *cut && *cut < until;
        each(nodes, &mut |node| cuts.extend([node.data.0, node.data.1].into_iter().filter(within)));
        cuts.sort_unstable();
        cuts.dedup();
        cuts.push(until);
        for pair in cuts.windows(2) {
            let [begin, end] = pair else { continue };
            let at = if is(Bug::CutAnsweredAtItsEnd) { *end } else { *begin };
            if verdict(nodes, ProvisionKind::Permit, asked, at) == ProvisionKind::Deny {
                continue;
            }
            match spans.last_mut() {
                Some(last) if last.1 == *begin => last.1 = *end,
                _ => spans.push((begin.saturating_add(i64::from(is(Bug::CutOffByOne))), *end)),
            }
        }
        spans
    }
    /// The moments at which a provision begins or ends to be in force.
    pub(crate) fn boundaries(&self, number: u32, mut note: impl FnMut(i64, i64)) {
        if let Some(nodes) = self.nodes(number) {
            each(nodes, &mut |node| note(node.period.0, node.period.1));
        }
    }
    /// The moments at which the data periods of provisions begin or end.
    pub(crate) fn data_boundaries(&self, number: u32, mut note: impl FnMut(i64, i64)) {
        if let Some(nodes) = self.nodes(number) {
            each(nodes, &mut |node| note(node.data.0, node.data.1));
        }
    }
    fn nodes(&self, number: u32) -> Option<&[Node]> {
        self.compiled.get(number as usize).map(AsRef::as_ref)
    }
    pub(crate) fn bytes(&self) -> usize {
        let mut nodes = 0;
        self.compiled.iter().for_each(|tree| each(tree, &mut |_| nodes += 1));
        // Stated and compiled.
        self.stated.bytes() + nodes * (size_of::<Node>() + size_of::<Provision>())
    }
}
