//! Facilities, members, scopes and links.

use crate::consent::ids;
use crate::error::{At, Rule, WireError, Within, required, said};
use crate::v1;
use crate::vocabulary::{Vocabulary, entries, moment, moment_if, numbers, patient, period, period_out};
use model::{
    AgreementChange, BreakGlassRule, Category, DepartmentCode, DirectoryChange, DisclosureScope, Facility, FacilityId,
    FacilityKind, FacilityStatus, GuardianConsents, HoldBack, KinshipChange, Label, Link, LinkChange, LinkEvidence,
    LinkId, Member, MemberId, Moment, Role, ScopeRule, Unlink,
};

impl TryFrom<v1::DirectoryChange> for DirectoryChange {
    type Error = WireError;
    fn try_from(wire: v1::DirectoryChange) -> Result<Self, WireError> {
        use v1::directory_change::Kind;
        let v1::DirectoryChange { kind } = wire;
        Ok(match required("kind", kind)? {
            Kind::Facility(facility) => Self::Facility(facility.try_into().within("facility")?),
            Kind::Member(member) => Self::Member(member.try_into().within("member")?),
            Kind::Scope(scope) => Self::Scope(scope.try_into().within("scope")?),
            Kind::Linked(link) => Self::Link(LinkChange::Linked(link.try_into().within("linked")?)),
            Kind::Unlinked(unlink) => Self::Link(LinkChange::Unlinked(unlink.try_into().within("unlinked")?)),
            Kind::Agreement(agreement) => {
                Self::Agreement(AgreementChange::Stated(agreement.try_into().within("agreement")?))
            }
            Kind::AgreementEnded(end) => {
                Self::Agreement(AgreementChange::Ended(end.try_into().within("agreement_ended")?))
            }
            Kind::Kinship(kinship) => Self::Kinship(KinshipChange::Stated(kinship.try_into().within("kinship")?)),
            Kind::KinshipEnded(end) => Self::Kinship(KinshipChange::Ended(end.try_into().within("kinship_ended")?)),
            Kind::Laboratory(table) => Self::Laboratory(table.try_into().within("laboratory")?),
            Kind::Definition(definition) => Self::Definition(definition.try_into().within("definition")?),
            Kind::Measure(release) => Self::Measure(release.try_into().within("measure")?),
        })
    }
}

impl TryFrom<v1::Facility> for Facility {
    type Error = WireError;
    fn try_from(wire: v1::Facility) -> Result<Self, WireError> {
        let v1::Facility { id, kind, name, name_en, status } = wire;
        Ok(Self {
            id: FacilityId::parse(&id).at("id")?,
            kind: FacilityKind::from_number(kind).at("kind")?,
            name: said("name", name)?,
            name_en,
            status: FacilityStatus::from_number(status).at("status")?,
        })
    }
}

impl TryFrom<v1::Member> for Member {
    type Error = WireError;
    fn try_from(wire: v1::Member) -> Result<Self, WireError> {
        let v1::Member { id, facility, role, name, period: membership } = wire;
        Ok(Self {
            id: MemberId::parse(&id).at("id")?,
            facility: FacilityId::parse(&facility).at("facility")?,
            role: Role::from_number(role).at("role")?,
            name: said("name", name)?,
            period: period("period", membership)?,
        })
    }
}

impl TryFrom<v1::DisclosureScope> for DisclosureScope {
    type Error = WireError;
    fn try_from(wire: v1::DisclosureScope) -> Result<Self, WireError> {
        let v1::DisclosureScope { facility, rules, break_glass, guardian_consents } = wire;
        let rules = rules
            .into_iter()
            .enumerate()
            .map(|(i, rule)| ScopeRule::try_from(rule).map_err(|error| error.within(&format!("rules[{i}]"))))
            .collect::<Result<_, _>>()?;
        let break_glass = break_glass
            .into_iter()
            .enumerate()
            .map(|(i, rule)| BreakGlassRule::try_from(rule).map_err(|error| error.within(&format!("break_glass[{i}]"))))
            .collect::<Result<_, _>>()?;
        let guardian_consents = match guardian_consents {
            0 => GuardianConsents::default(),
            said => GuardianConsents::from_number(said).at("guardian_consents")?,
        };
        Ok(Self { facility: FacilityId::parse(&facility).at("facility")?, rules, break_glass, guardian_consents })
    }
}

impl TryFrom<v1::BreakGlassRule> for BreakGlassRule {
    type Error = WireError;
    fn try_from(wire: v1::BreakGlassRule) -> Result<Self, WireError> {
        let v1::BreakGlassRule { viewer_kinds, viewer_roles } = wire;
        Ok(Self {
            viewer_kinds: entries::<FacilityKind, _>("viewer_kinds", &viewer_kinds)?,
            viewer_roles: entries::<Role, _>("viewer_roles", &viewer_roles)?,
        })
    }
}

impl TryFrom<v1::ScopeRule> for ScopeRule {
    type Error = WireError;
    fn try_from(wire: v1::ScopeRule) -> Result<Self, WireError> {
        let v1::ScopeRule {
            categories,
            viewer_kinds,
            viewer_roles,
            departments,
            author_roles,
            labels,
            since_us,
            hold_back_days,
            hold_until_released,
        } = wire;
        if hold_until_released && hold_back_days != 0 {
            return Err(WireError::new("hold_back_days", Rule::RuledOut { other: "hold_until_released" }));
        }
        let hold_back = match u16::try_from(hold_back_days) {
            Ok(0) if hold_until_released => HoldBack::UntilReleased,
            Ok(0) => HoldBack::None,
            Ok(days) => HoldBack::Days(days),
            Err(_) => return Err(WireError::new("hold_back_days", Rule::TooLarge { limit: u64::from(u16::MAX) })),
        };
        Ok(Self {
            categories: entries::<Category, _>("categories", &categories)?,
            viewer_kinds: entries::<FacilityKind, _>("viewer_kinds", &viewer_kinds)?,
            viewer_roles: entries::<Role, _>("viewer_roles", &viewer_roles)?,
            departments: ids("departments", &departments, DepartmentCode::parse)?,
            author_roles: entries::<Role, _>("author_roles", &author_roles)?,
            labels: entries::<Label, _>("labels", &labels)?,
            since: moment_if("since_us", since_us)?,
            hold_back,
        })
    }
}

impl TryFrom<v1::Link> for Link {
    type Error = WireError;
    fn try_from(wire: v1::Link) -> Result<Self, WireError> {
        let v1::Link { id, a, b, evidence, confirmed_by, confirmed_us } = wire;
        let (a, b) = (patient("a", a)?, patient("b", b)?);
        if a.facility() == b.facility() {
            return Err(WireError::new("b.facility", Rule::SameFacility));
        }
        Ok(Self {
            id: LinkId::parse(&id).at("id")?,
            a,
            b,
            evidence: LinkEvidence::from_number(evidence).at("evidence")?,
            confirmed_by: MemberId::parse(&confirmed_by).at("confirmed_by")?,
            confirmed_at: moment("confirmed_us", confirmed_us)?,
        })
    }
}

impl TryFrom<v1::Unlink> for Unlink {
    type Error = WireError;
    fn try_from(wire: v1::Unlink) -> Result<Self, WireError> {
        let v1::Unlink { id, by, at_us } = wire;
        Ok(Self { id: LinkId::parse(&id).at("id")?, by: MemberId::parse(&by).at("by")?, at: moment("at_us", at_us)? })
    }
}

impl From<&DirectoryChange> for v1::DirectoryChange {
    fn from(change: &DirectoryChange) -> Self {
        use v1::directory_change::Kind;
        let kind = match change {
            DirectoryChange::Facility(facility) => Kind::Facility(facility.into()),
            DirectoryChange::Member(member) => Kind::Member(member.into()),
            DirectoryChange::Scope(scope) => Kind::Scope(scope.into()),
            DirectoryChange::Link(LinkChange::Linked(link)) => Kind::Linked(link.into()),
            DirectoryChange::Link(LinkChange::Unlinked(unlink)) => Kind::Unlinked(unlink.into()),
            DirectoryChange::Agreement(AgreementChange::Stated(agreement)) => Kind::Agreement(agreement.into()),
            DirectoryChange::Agreement(AgreementChange::Ended(end)) => Kind::AgreementEnded(end.into()),
            DirectoryChange::Kinship(KinshipChange::Stated(kinship)) => Kind::Kinship(kinship.into()),
            DirectoryChange::Kinship(KinshipChange::Ended(end)) => Kind::KinshipEnded(end.into()),
            DirectoryChange::Laboratory(table) => Kind::Laboratory(table.into()),
            DirectoryChange::Definition(definition) => Kind::Definition(definition.into()),
            DirectoryChange::Measure(release) => Kind::Measure(release.into()),
        };
        Self { kind: Some(kind) }
    }
}

impl From<&Facility> for v1::Facility {
    fn from(facility: &Facility) -> Self {
        let Facility { id, kind, name, name_en, status } = facility;
        Self {
            id: id.as_str().to_owned(),
            kind: kind.number(),
            name: name.clone(),
            name_en: name_en.clone(),
            status: status.number(),
        }
    }
}

impl From<&Member> for v1::Member {
    fn from(member: &Member) -> Self {
        let Member { id, facility, role, name, period } = member;
        Self {
            id: id.as_str().to_owned(),
            facility: facility.as_str().to_owned(),
            role: role.number(),
            name: name.clone(),
            period: period_out(*period),
        }
    }
}

impl From<&DisclosureScope> for v1::DisclosureScope {
    fn from(scope: &DisclosureScope) -> Self {
        let DisclosureScope { facility, rules, break_glass, guardian_consents } = scope;
        Self {
            facility: facility.as_str().to_owned(),
            rules: rules.iter().map(Into::into).collect(),
            break_glass: break_glass.iter().map(Into::into).collect(),
            // What goes without saying is left out.
            guardian_consents: match guardian_consents {
                GuardianConsents::GoOn => 0,
                stop => stop.number(),
            },
        }
    }
}

impl From<&BreakGlassRule> for v1::BreakGlassRule {
    fn from(rule: &BreakGlassRule) -> Self {
        let BreakGlassRule { viewer_kinds, viewer_roles } = rule;
        Self { viewer_kinds: numbers(viewer_kinds.iter()), viewer_roles: numbers(viewer_roles.iter()) }
    }
}

impl From<&ScopeRule> for v1::ScopeRule {
    fn from(rule: &ScopeRule) -> Self {
        let ScopeRule { categories, viewer_kinds, viewer_roles, departments, author_roles, labels, since, hold_back } =
            rule;
        Self {
            categories: numbers(categories.iter()),
            viewer_kinds: numbers(viewer_kinds.iter()),
            viewer_roles: numbers(viewer_roles.iter()),
            departments: departments.iter().map(|code| code.as_str().to_owned()).collect(),
            author_roles: numbers(author_roles.iter()),
            labels: numbers(labels.iter()),
            since_us: since.map(Moment::micros),
            hold_back_days: match hold_back {
                HoldBack::None | HoldBack::UntilReleased => 0,
                HoldBack::Days(days) => u32::from(*days),
            },
            hold_until_released: *hold_back == HoldBack::UntilReleased,
        }
    }
}

impl From<&Link> for v1::Link {
    fn from(link: &Link) -> Self {
        let Link { id, a, b, evidence, confirmed_by, confirmed_at } = link;
        Self {
            id: id.as_str().to_owned(),
            a: Some(a.into()),
            b: Some(b.into()),
            evidence: evidence.number(),
            confirmed_by: confirmed_by.as_str().to_owned(),
            confirmed_us: Some(confirmed_at.micros()),
        }
    }
}

impl From<&Unlink> for v1::Unlink {
    fn from(unlink: &Unlink) -> Self {
        let Unlink { id, by, at } = unlink;
        Self { id: id.as_str().to_owned(), by: by.as_str().to_owned(), at_us: Some(at.micros()) }
    }
}
