//! Exceptions to consents.

use crate::consent::ids;
use crate::error::{At, WireError, Within};
use crate::v1;
use crate::vocabulary::{Vocabulary, entries, numbers, period, period_out};
use model::{Category, DepartmentCode, Exceptions, Label, Provision, ProvisionKind, Purpose, Role, Viewers};

/// The exceptions of a consent.
pub(crate) fn exceptions(field: &str, wire: Vec<v1::Provision>) -> Result<Exceptions, WireError> {
    Exceptions::new(provisions(field, wire)?).at(field)
}

/// The exceptions of a consent on the wire.
pub(crate) fn exceptions_out(exceptions: &Exceptions) -> Vec<v1::Provision> {
    exceptions.provisions().iter().map(Into::into).collect()
}

fn provisions(field: &str, wire: Vec<v1::Provision>) -> Result<Vec<Provision>, WireError> {
    let one = |(i, provision)| Provision::try_from(provision).within(&format!("{field}[{i}]"));
    wire.into_iter().enumerate().map(one).collect()
}

impl TryFrom<v1::Provision> for Provision {
    type Error = WireError;
    fn try_from(wire: v1::Provision) -> Result<Self, WireError> {
        let v1::Provision {
            kind,
            viewers,
            roles,
            purposes,
            categories,
            departments,
            author_roles,
            labels,
            data_period,
            period: in_force,
            nested,
        } = wire;
        Ok(Self {
            kind: ProvisionKind::from_number(kind).at("kind")?,
            viewers: viewers.map(Viewers::try_from).transpose().within("viewers")?,
            roles: entries::<Role, _>("roles", &roles)?,
            purposes: entries::<Purpose, _>("purposes", &purposes)?,
            categories: entries::<Category, _>("categories", &categories)?,
            departments: ids("departments", &departments, DepartmentCode::parse)?,
            author_roles: entries::<Role, _>("author_roles", &author_roles)?,
            labels: entries::<Label, _>("labels", &labels)?,
            data_period: period("data_period", data_period)?,
            period: period("period", in_force)?,
            nested: provisions("nested", nested)?,
        })
    }
}

impl From<&Provision> for v1::Provision {
    fn from(provision: &Provision) -> Self {
        let Provision {
            kind,
            viewers,
            roles,
            purposes,
            categories,
            departments,
            author_roles,
            labels,
            data_period,
            period,
            nested,
        } = provision;
        Self {
            kind: kind.number(),
            viewers: viewers.as_ref().map(Into::into),
            roles: numbers(roles.iter()),
            purposes: numbers(purposes.iter()),
            categories: numbers(categories.iter()),
            departments: departments.iter().map(|code| code.as_str().to_owned()).collect(),
            author_roles: numbers(author_roles.iter()),
            labels: numbers(labels.iter()),
            data_period: period_out(*data_period),
            period: period_out(*period),
            nested: nested.iter().map(Into::into).collect(),
        }
    }
}
