//! What a tree of provisions permits: a sum of cells, each less other cells, each of those less others in turn.
//!
//! The reading of the standard, of which R4 and IHE PCF each give a part:
//!
//! - A provision matches where every criterion that it states matches.
//! - A nested provision of the other type is an exception: where it matches inside what it is nested in, it decides,
//!   unless one of its own exceptions matches in turn.
//! - A nested provision of the same type reaches further (`permit N … permit PSY to this practitioner`). A criterion that
//!   it does not state is its parent's; one it states stands in its parent's place; the parent's period bounds its own.
//! - Of siblings that match, each is permit or deny after its own exceptions; where they disagree, deny wins.

use super::super::Reason;
use super::super::case::Case;
use super::criteria::{self, Context, Criteria, Marks, Who};
use super::tree::{Fault, Kind, Provision, Read};
use model::{CategorySet, DepartmentCode, Labels, Moment, Period, PurposeSet, RoleSet, Viewers};

/// One set of requests: those that meet every criterion.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Cell {
    pub who: Who,
    pub purposes: PurposeSet,
    pub categories: CategorySet,
    /// `None`: all, those without a department too.
    pub departments: Option<Vec<DepartmentCode>>,
    /// Empty: all.
    pub authors: RoleSet,
    pub labels: Marks,
    pub data: Period,
    pub period: Period,
}

/// A cell, inside the one that it is taken from, less others.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Part {
    pub cell: Cell,
    pub minus: Vec<Part>,
}

fn within<T: PartialEq>(few: &[T], many: &[T]) -> bool {
    few.iter().all(|one| many.contains(one))
}

fn viewers_within(few: Option<&Viewers>, many: Option<&Viewers>) -> bool {
    match (few, many) {
        (_, None | Some(Viewers::AllMembers)) => true,
        (Some(Viewers::Facilities(few)), Some(Viewers::Facilities(many))) => within(few, many),
        (Some(Viewers::Practitioners(few)), Some(Viewers::Practitioners(many))) => within(few, many),
        _ => false,
    }
}

fn roles_within(few: RoleSet, many: RoleSet) -> bool {
    many.is_empty() || !few.is_empty() && few.is_subset(many)
}

fn labels_within(few: Marks, many: Marks) -> bool {
    match (few, many) {
        (_, Marks::Within(many)) if Labels::NEED_SAYING.is_subset(many) => true,
        (Marks::Within(few), Marks::Within(many)) => few.intersection(Labels::NEED_SAYING).is_subset(many),
        (Marks::Any(few), Marks::Any(many)) => few.is_subset(many),
        _ => false,
    }
}

fn period_within(few: Period, many: Period) -> bool {
    many.from().is_none_or(|many| few.from().is_some_and(|few| many <= few))
        && many.until().is_none_or(|many| few.until().is_some_and(|few| few <= many))
}

fn is_empty(period: Period) -> bool {
    period.from().zip(period.until()).is_some_and(|(from, until)| from == until)
}

/// What lies in both; an empty period where they do not meet.
fn meet(a: Period, b: Period) -> Period {
    let from = a.from().max(b.from());
    let until = [a.until(), b.until()].into_iter().flatten().min();
    Period::new(from, until).or_else(|_| Period::new(from, from)).unwrap_or_default()
}

/// The smallest period that holds both.
pub(super) fn hull(a: Period, b: Period) -> Period {
    let least = |a: Option<Moment>, b: Option<Moment>| a.zip(b).map(|(a, b)| a.min(b));
    let most = |a: Option<Moment>, b: Option<Moment>| a.zip(b).map(|(a, b)| a.max(b));
    Period::new(least(a.from(), b.from()), most(a.until(), b.until())).unwrap_or_default()
}

impl Cell {
    /// Everything.
    fn whole() -> Self {
        Self {
            who: Who::default(),
            purposes: PurposeSet::all(),
            categories: CategorySet::all(),
            departments: None,
            authors: RoleSet::NONE,
            labels: Marks::ALL,
            data: Period::ALWAYS,
            period: Period::ALWAYS,
        }
    }
    fn is_within(&self, other: &Self) -> bool {
        let departments = other
            .departments
            .as_ref()
            .is_none_or(|many| self.departments.as_ref().is_some_and(|few| within(few, many)));
        viewers_within(self.who.viewers.as_ref(), other.who.viewers.as_ref())
            && roles_within(self.who.roles, other.who.roles)
            && self.purposes.is_subset(other.purposes)
            && self.categories.is_subset(other.categories)
            && departments
            && roles_within(self.authors, other.authors)
            && labels_within(self.labels, other.labels)
            && period_within(self.data, other.data)
            && period_within(self.period, other.period)
    }
    fn is_empty(&self) -> bool {
        is_empty(self.data) || is_empty(self.period) || self.purposes.is_empty() || self.categories.is_empty()
    }
}

/// What a provision and those of the same type around it state together: any of `who` and any of `labels`.
#[derive(Clone, Debug)]
struct Reach {
    who: Vec<Who>,
    labels: Vec<Marks>,
    rest: Cell,
}

impl Reach {
    fn whole() -> Self {
        Self { who: vec![Who::default()], labels: vec![Marks::ALL], rest: Cell::whole() }
    }
    fn with(&self, criteria: Criteria) -> Self {
        let Criteria { who, purposes, categories, departments, authors, labels, data, period } = criteria;
        let outer = &self.rest;
        Self {
            who: who.unwrap_or_else(|| self.who.clone()),
            labels: labels.unwrap_or_else(|| self.labels.clone()),
            rest: Cell {
                purposes: purposes.unwrap_or(outer.purposes),
                categories: categories.unwrap_or(outer.categories),
                departments: departments.or_else(|| outer.departments.clone()),
                authors: authors.unwrap_or(outer.authors),
                data: data.unwrap_or(outer.data),
                period: meet(outer.period, period.unwrap_or_default()),
                ..Cell::whole()
            },
        }
    }
    fn cells(&self) -> Vec<Cell> {
        let one = |who: &Who, labels: Marks| Cell { who: who.clone(), labels, ..self.rest.clone() };
        let all = self.who.iter().flat_map(|who| self.labels.iter().map(move |labels| one(who, *labels)));
        all.filter(|cell| !cell.is_empty()).collect()
    }
}

/// The most provisions a consent may have here, all levels together, and the deepest level.
const MOST: usize = 64;
const DEEPEST: usize = 8;
/// The most parts, counted with those inside them, that are worked with.
const PARTS: usize = 4096;

fn check_size(provision: &Provision, level: usize, left: &mut usize) -> Read<()> {
    let rule = "a consent has at most 64 provisions on at most 8 levels";
    let too_complex = || Fault::new(Reason::TooComplex, &provision.path, rule);
    *left = left.checked_sub(1).ok_or_else(too_complex)?;
    if level > DEEPEST {
        return Err(too_complex());
    }
    provision.nested.iter().try_for_each(|inner| check_size(inner, level + 1, left))
}

fn count(parts: &[Part]) -> usize {
    parts.iter().map(|part| 1 + count(&part.minus)).sum()
}

/// What the tree under `root` permits, where the root's type is `kind`.
pub(super) fn permitted(case: &Case<'_>, root: &Provision, kind: Kind, context: &mut Context) -> Read<Vec<Part>> {
    let mut left = MOST;
    check_size(root, 0, &mut left)?;
    let criteria = criteria::read(case, root, kind, context)?;
    let Decided { own, further } = decided(case, (root, kind, criteria), &Reach::whole(), context)?;
    match kind {
        Kind::Permit => Ok(own.into_iter().chain(further).collect()),
        // What is not denied is not thereby permitted: only the exceptions to the base denial are, and only inside it.
        Kind::Deny => own
            .into_iter()
            .flat_map(|Part { cell, minus }| minus.into_iter().map(move |part| inside(&cell, part)))
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()
            .map_err(|rule| Fault::new(Reason::ActorNotRepresentable, &root.path, rule)),
    }
}

/// What a provision decides: in cells of its own, and in those of the nested ones that reach further.
#[derive(Debug)]
struct Decided {
    own: Vec<Part>,
    further: Vec<Part>,
}

/// What a provision decides as its type says, relative to what it is nested in.
fn decided(
    case: &Case<'_>,
    (provision, kind, mut criteria): (&Provision, Kind, Criteria),
    outer: &Reach,
    context: &mut Context,
) -> Read<Decided> {
    let mut nested = Vec::new();
    for inner in &provision.nested {
        let kind = inner.kind.unwrap_or(Kind::Deny);
        nested.push((inner, kind, criteria::read(case, inner, kind, context)?));
    }
    if kind == Kind::Permit {
        all_said(&mut criteria, &mut nested);
    }
    let reach = outer.with(criteria);
    let cells = reach.cells();
    let has_exceptions = nested.iter().any(|(_, inner, _)| *inner != kind);
    let (mut further, mut exceptions) = (Vec::new(), Vec::new());
    for (inner, inner_kind, criteria) in nested {
        if inner_kind != kind {
            let Decided { own, further } = decided(case, (inner, inner_kind, criteria), &Reach::whole(), context)?;
            exceptions.extend(own.into_iter().chain(further));
        } else {
            // A narrower deny beside a permit still cuts into the permit; anything else that is narrower does nothing.
            let reached = reach.with(criteria.clone()).cells();
            let narrower = reached.iter().all(|inner| cells.iter().any(|cell| inner.is_within(cell)));
            if narrower && (kind == Kind::Permit || !has_exceptions) {
                let rule = "a nested provision of the same type reaches further than what it is nested in; this one \
                            changes nothing, so that what was meant is not clear";
                return Err(Fault::new(Reason::ExceptionWithoutEffect, &inner.path, rule));
            }
            let inner = decided(case, (inner, inner_kind, criteria), &reach, context)?;
            further.extend(inner.own.into_iter().chain(inner.further));
        }
    }
    let mut own: Vec<Part> = cells.into_iter().map(|cell| Part { cell, minus: exceptions.clone() }).collect();
    // Deny wins: it cuts into each permit beside it, and no permit cuts into a deny beside it.
    match kind {
        Kind::Permit => further.iter_mut().for_each(|part| part.minus.extend(exceptions.iter().cloned())),
        Kind::Deny => own.iter_mut().flat_map(|part| &mut part.minus).for_each(|permit| {
            permit.minus.extend(further.iter().cloned());
        }),
    }
    if count(&own) + count(&further) > PARTS {
        let rule = "the exceptions overlap in more ways than are worked out here; state them as several consents";
        return Err(Fault::new(Reason::TooComplex, &provision.path, rule));
    }
    Ok(Decided { own, further })
}

/// `permit {N, HIV} but deny {every other label}` says that all labels are among HIV: one set instead of two.
fn all_said(criteria: &mut Criteria, nested: &mut Vec<(&Provision, Kind, Criteria)>) {
    let Some([Marks::Within(Labels::NONE), Marks::Any(said)]) = criteria.labels.as_deref() else { return };
    let said = *said;
    let unsaid = Labels::NEED_SAYING.without(said);
    let only_labels = Criteria { labels: Some(vec![Marks::Any(unsaid)]), ..Criteria::default() };
    let at = nested
        .iter()
        .position(|(inner, kind, criteria)| *kind == Kind::Deny && inner.nested.is_empty() && *criteria == only_labels);
    // A permit beside the deny would lose what cuts into it.
    let alone = nested.iter().all(|(_, kind, _)| *kind == Kind::Deny);
    match at {
        _ if unsaid.is_empty() => criteria.labels = Some(vec![Marks::Within(said)]),
        Some(at) if alone => {
            nested.remove(at);
            criteria.labels = Some(vec![Marks::Within(said)]);
        }
        _ => {}
    }
}

/// The part of `part` that lies inside `cell`; `None` where nothing does.
fn inside(cell: &Cell, part: Part) -> Result<Option<Part>, &'static str> {
    let Part { cell: own, minus } = part;
    let common = |a: RoleSet, b: RoleSet| match (a.is_empty(), b.is_empty()) {
        (true, _) => Some(b),
        (_, true) => Some(a),
        _ => Some(a.intersection(b)).filter(|both| !both.is_empty()),
    };
    let viewers = match (cell.who.viewers.clone(), own.who.viewers) {
        (None, viewers) | (viewers, None) => viewers,
        (Some(Viewers::Facilities(a)), Some(Viewers::Facilities(b))) => {
            Some(Viewers::Facilities(a.into_iter().filter(|id| b.contains(id)).collect()))
        }
        (Some(Viewers::Practitioners(a)), Some(Viewers::Practitioners(b))) => {
            Some(Viewers::Practitioners(a.into_iter().filter(|id| b.contains(id)).collect()))
        }
        _ => return Err("a denial to facilities with an exception for practitioners; state the exception alone"),
    };
    let nobody = match &viewers {
        Some(Viewers::Facilities(ids)) => ids.is_empty(),
        Some(Viewers::Practitioners(ids)) => ids.is_empty(),
        _ => false,
    };
    let labels = match (cell.labels, own.labels) {
        (a, b) if labels_within(b, a) => b,
        (a, b) if labels_within(a, b) => a,
        (Marks::Within(a), Marks::Within(b)) => Marks::Within(a.intersection(b)),
        (Marks::Within(said), Marks::Any(any)) | (Marks::Any(any), Marks::Within(said))
            if any.intersection(said).is_empty() =>
        {
            return Ok(None);
        }
        _ => return Err("a denial of some labels with an exception for others; state the exception alone"),
    };
    let departments = match (cell.departments.clone(), own.departments) {
        (None, departments) | (departments, None) => departments,
        (Some(a), Some(b)) => Some(a.into_iter().filter(|code| b.contains(code)).collect::<Vec<_>>()),
    };
    let (Some(roles), Some(authors)) = (common(cell.who.roles, own.who.roles), common(cell.authors, own.authors))
    else {
        return Ok(None);
    };
    if nobody || departments.as_ref().is_some_and(Vec::is_empty) {
        return Ok(None);
    }
    let cell = Cell {
        who: Who { viewers, roles },
        purposes: cell.purposes.intersection(own.purposes),
        categories: cell.categories.intersection(own.categories),
        departments,
        authors,
        labels,
        data: meet(cell.data, own.data),
        period: meet(cell.period, own.period),
    };
    Ok((!cell.is_empty()).then_some(Part { cell, minus }))
}
