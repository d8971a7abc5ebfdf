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
    Ok(Some(Opening {
        viewers: cell.who.viewers.clone().unwrap_or(Viewers::AllMembers),
        period: cell.period,
        data_period: cell.data,
        categories: cell.categories,
        departments: cell.departments.clone().unwrap_or_default(),
        labels,
        purposes: cell.purposes,
        exceptions: Exceptions::new(minus.iter().map(|part| provision(part, ProvisionKind::Deny)).collect())?,
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
    let nested = parts.iter().map(|part| provision(part, ProvisionKind::Permit)).collect();
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

/// A part as a provision.
fn provision(part: &Part, kind: ProvisionKind) -> Provision {
    let Part { cell, minus } = part;
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
    match cell.labels {
        Marks::Any(labels) => made.labels = labels,
        Marks::Within(said) => {
            let unsaid = Labels::NEED_SAYING.without(said);
            if !unsaid.is_empty() {
                made.nested.push(Provision { labels: unsaid, ..Provision::all(kind.opposite()) });
            }
        }
    }
    made.nested.extend(minus.iter().map(|part| provision(part, kind.opposite())));
    made
}
