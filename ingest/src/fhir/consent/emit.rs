//! What is permitted, as the fields of a consent: what it opens, and exceptions to that.

use super::criteria::{Marks, Who, add};
use super::region::{self, Cell, Part};
use model::{
    CategorySet, DepartmentCode, Exceptions, ExceptionsError, Labels, Period, Provision, ProvisionKind, PurposeSet,
    RoleSet, Viewers,
};

/// The fields of a consent that say what it opens.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Opening {
    pub viewers: Viewers,
    pub period: Period,
    pub data_period: Period,
    pub categories: CategorySet,
    pub departments: Vec<DepartmentCode>,
    pub labels: Labels,
    pub purposes: PurposeSet,
    pub exceptions: Exceptions,
}

/// Why there are no such fields.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum EmitError {
    /// Viewers that are neither all facilities nor all practitioners.
    Mixed,
    /// More provisions, or deeper ones, than a consent holds.
    Exceptions,
}

impl From<ExceptionsError> for EmitError {
    fn from(_: ExceptionsError) -> Self {
        Self::Exceptions
    }
}

/// The opening that permits exactly these parts; `None` for none.
pub(super) fn opening(parts: &[Part]) -> Result<Option<Opening>, EmitError> {
    match parts {
        [] => Ok(None),
        [part] => match plain(part)? {
            Some(opening) => Ok(Some(opening)),
            None => several(parts).map(Some),
        },
        _ => several(parts).map(Some),
    }
}

/// One part whose cell a consent's own fields can say.
fn plain(part: &Part) -> Result<Option<Opening>, EmitError> {
    let Part { cell, minus } = part;
    let Marks::Within(labels) = cell.labels else { return Ok(None) };
    if !cell.who.roles.is_empty() || !cell.authors.is_empty() {
        return Ok(None);
    }
    let mut left = Exceptions::COUNT;
    let denials = minus.iter().map(|part| denied(part, &mut left)).collect::<Result<_, _>>()?;
    Ok(Some(Opening {
        viewers: cell.who.viewers.clone().unwrap_or(Viewers::AllMembers),
        period: cell.period,
        data_period: cell.data,
        categories: cell.categories,
        departments: cell.departments.clone().unwrap_or_default(),
        labels,
        purposes: cell.purposes,
        exceptions: Exceptions::new(denials)?,
    }))
}

/// Several parts: as much as all of them hold, closed by one `deny` to which the parts are exceptions.
fn several(parts: &[Part]) -> Result<Opening, EmitError> {
    let Some((first, rest)) = parts.split_first() else { return Err(EmitError::Exceptions) };
    let wide = |cell: &Cell| Cell {
        who: Who { roles: RoleSet::NONE, ..cell.who.clone() },
        authors: RoleSet::NONE,
        labels: if matches!(cell.labels, Marks::Within(_)) { cell.labels } else { Marks::ALL },
        ..cell.clone()
    };
    let mut hull = wide(&first.cell);
    for part in rest {
        let cell = wide(&part.cell);
        hull = Cell {
            who: Who { viewers: joined(&hull.who.viewers, &cell.who.viewers)?, roles: RoleSet::NONE },
            purposes: hull.purposes.union(cell.purposes),
            categories: hull.categories.union(cell.categories),
            departments: hull.departments.zip(cell.departments).map(|(mut all, more)| {
                add(&mut all, &more);
                all
            }),
            labels: match (hull.labels, cell.labels) {
                (Marks::Within(a), Marks::Within(b)) => Marks::Within(a.union(b)),
                _ => Marks::ALL,
            },
            data: region::hull(hull.data, cell.data),
            period: region::hull(hull.period, cell.period),
            ..hull
        };
    }
    let mut left = Exceptions::COUNT;
    let nested = permits(&parts.iter().collect::<Vec<_>>(), &mut left)?;
    let closed = Provision { nested, ..Provision::all(ProvisionKind::Deny) };
    let opening = plain(&Part { cell: hull, minus: Vec::new() })?.ok_or(EmitError::Exceptions)?;
    Ok(Opening { exceptions: Exceptions::new(vec![closed])?, ..opening })
}

fn joined(a: &Option<Viewers>, b: &Option<Viewers>) -> Result<Option<Viewers>, EmitError> {
    match (a.clone(), b) {
        (None, _) | (_, None) => Ok(None),
        (Some(Viewers::Facilities(mut all)), Some(Viewers::Facilities(more))) => {
            add(&mut all, more);
            Ok(Some(Viewers::Facilities(all)))
        }
        (Some(Viewers::Practitioners(mut all)), Some(Viewers::Practitioners(more))) => {
            add(&mut all, more);
            Ok(Some(Viewers::Practitioners(all)))
        }
        // All members would let every facility know of the consent.
        _ => Err(EmitError::Mixed),
    }
}

/// A part that is denied. It has no level: a denied level is read as the labels at and above it.
fn denied(part: &Part, left: &mut usize) -> Result<Provision, EmitError> {
    let made = provision(&part.cell, ProvisionKind::Deny, left)?;
    let nested = permits(&part.minus.iter().collect::<Vec<_>>(), left)?;
    Ok(Provision { nested, ..made })
}

/// Parts that are permitted beside each other.
///
/// A provision cannot say that all labels are among some, only that one is: so a permit up to a level denies the labels
/// beyond. Of siblings that disagree deny wins, so that this denial must not count where another of the parts permits:
/// it has the others as its exceptions; and what else is denied in the permit is not denied beyond its level.
fn permits(parts: &[&Part], left: &mut usize) -> Result<Vec<Provision>, EmitError> {
    let mut made = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let mut permit = provision(&part.cell, ProvisionKind::Permit, left)?;
        let mut denials = part.minus.iter().map(|part| denied(part, left)).collect::<Result<Vec<_>, _>>()?;
        if let Marks::Within(said) = part.cell.labels {
            let unsaid = Labels::NEED_SAYING.without(said);
            let others: Vec<&Part> =
                parts.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, part)| *part).collect();
            if !unsaid.is_empty() && !others.is_empty() {
                for denial in &mut denials {
                    if !denial.nested.is_empty() {
                        return Err(EmitError::Exceptions);
                    }
                    denial.nested.push(Provision { labels: unsaid, ..Provision::all(ProvisionKind::Permit) });
                }
            }
            if !unsaid.is_empty() {
                *left = left.checked_sub(1).ok_or(EmitError::Exceptions)?;
                let nested = permits(&others, left)?;
                permit.nested.push(Provision { labels: unsaid, nested, ..Provision::all(ProvisionKind::Deny) });
            }
        }
        permit.nested.append(&mut denials);
        made.push(permit);
    }
    Ok(made)
}

/// A cell as a provision without exceptions; its level, if it has one, is left to them. `left` is how many there may yet
/// be: parts that are exceptions to each other multiply.
fn provision(cell: &Cell, kind: ProvisionKind, left: &mut usize) -> Result<Provision, EmitError> {
    *left = left.checked_sub(1).ok_or(EmitError::Exceptions)?;
    let mut made = Provision {
        viewers: cell.who.viewers.clone(),
        roles: cell.who.roles,
        departments: cell.departments.clone().unwrap_or_default(),
        author_roles: cell.authors,
        data_period: cell.data,
        period: cell.period,
        ..Provision::all(kind)
    };
    // What covers everything is no criterion, and is written as none.
    if cell.purposes != PurposeSet::all() {
        made.purposes = cell.purposes;
    }
    if cell.categories != CategorySet::all() {
        made.categories = cell.categories;
    }
    if let Marks::Any(labels) = cell.labels {
        made.labels = labels;
    }
    Ok(made)
}
