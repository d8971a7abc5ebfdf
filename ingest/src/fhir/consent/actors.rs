//! Who the organisations and practitioners of FHIR files are in this network.

use super::super::case::Case;
use super::super::{Reason, reference};
use super::code::{OWN_FACILITY, OWN_MEMBER, OWN_ROLE};
use model::{FacilityId, MemberId, Role, RoleSet, Viewers};
use serde_json::Value;
use std::collections::BTreeMap;

/// Which facility an organisation is, and which member a practitioner.
///
/// A key is a reference as files write it (`Organization/f001`), or an identifier as `<system>|<value>`. Identifiers under
/// `urn:ajisai:facility` and `urn:ajisai:member` need no entry: their value is the id. An organisation or practitioner that
/// is not found here is not guessed at; a consent that names one is refused.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Actors {
    facilities: BTreeMap<String, FacilityId>,
    members: BTreeMap<String, MemberId>,
}

impl Actors {
    /// The organisation under this key is this facility.
    #[must_use]
    pub fn with_facility(mut self, key: impl Into<String>, facility: FacilityId) -> Self {
        self.facilities.insert(key.into(), facility);
        self
    }
    /// The practitioner under this key is this member.
    #[must_use]
    pub fn with_member(mut self, key: impl Into<String>, member: MemberId) -> Self {
        self.members.insert(key.into(), member);
        self
    }
    fn facility_of(&self, keys: &[String]) -> Option<FacilityId> {
        let own = |key: &String| FacilityId::parse(key.strip_prefix(OWN_FACILITY)?.strip_prefix('|')?).ok();
        keys.iter().find_map(|key| self.facilities.get(key).cloned().or_else(|| own(key)))
    }
    fn member_of(&self, keys: &[String]) -> Option<MemberId> {
        let own = |key: &String| MemberId::parse(key.strip_prefix(OWN_MEMBER)?.strip_prefix('|')?).ok();
        keys.iter().find_map(|key| self.members.get(key).cloned().or_else(|| own(key)))
    }
}

/// Whom a reference names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Named {
    Facility(FacilityId),
    Member(MemberId),
    /// Everybody, or everybody at a facility, or one member, in these roles.
    InRole(Option<Viewers>, RoleSet),
}

/// A reference, what it leads to where that is at hand, and every name it has.
struct Trail<'a> {
    kind: String,
    found: Option<&'a Value>,
    keys: Vec<String>,
}

fn trail<'a>(case: &Case<'a>, json: &Value) -> Trail<'a> {
    let found = case.find(json);
    let mut keys: Vec<String> = json.get("identifier").and_then(reference::identifier_key).into_iter().collect();
    if let Some(found) = found {
        keys.extend(reference::identifiers(found).filter_map(reference::identifier_key));
    }
    let target = json.get("reference").and_then(Value::as_str).map(reference::without_history).unwrap_or_default();
    for name in [Some(target), reference::relative(target)].into_iter().flatten().filter(|name| !name.is_empty()) {
        keys.push(name.to_owned());
        keys.extend(case.references.actor(name).iter().cloned());
    }
    let stated = || json.get("type").and_then(Value::as_str);
    let written = || reference::relative(target).or(Some(target))?.split_once('/').map(|(kind, _)| kind);
    let by_system = || {
        let starts = |system| keys.iter().any(|key| key.strip_prefix(system).is_some_and(|rest| rest.starts_with('|')));
        if starts(OWN_FACILITY) {
            Some("Organization")
        } else if starts(OWN_MEMBER) {
            Some("Practitioner")
        } else {
            None
        }
    };
    let of_found = found.and_then(|found| found.get("resourceType")?.as_str());
    let kind = of_found.or_else(stated).or_else(written).or_else(by_system).unwrap_or_default().to_owned();
    Trail { kind, found, keys }
}

/// Whom the reference names.
///
/// | leads to | names |
/// | --- | --- |
/// | `Organization` | the facility under its identifier or its reference |
/// | `Practitioner` | the member, likewise |
/// | `PractitionerRole` at hand, with nothing but roles of ours, an organisation, a practitioner | those in the role |
/// | `PractitionerRole` elsewhere | the member under its reference |
/// | `Group`, `CareTeam`, `Device`, `Patient`, `RelatedPerson` | nobody this network knows |
pub(super) fn named(case: &Case<'_>, json: &Value) -> Result<Named, (Reason, &'static str)> {
    const UNKNOWN: &str = "the reference or its identifier is that of a facility or member, as told by the caller or by \
                           an identifier under `urn:ajisai:facility` or `urn:ajisai:member`";
    let Trail { kind, found, keys } = trail(case, json);
    let unknown = || (Reason::UnknownActor, UNKNOWN);
    let actors = &case.context.actors;
    match kind.as_str() {
        "Organization" => actors.facility_of(&keys).map(Named::Facility).ok_or_else(unknown),
        "Practitioner" => actors.member_of(&keys).map(Named::Member).ok_or_else(unknown),
        "PractitionerRole" => match found {
            Some(found) => in_role(case, found),
            None => actors.member_of(&keys).map(Named::Member).ok_or_else(unknown),
        },
        "" => Err(unknown()),
        _ => Err((
            Reason::ActorNotRepresentable,
            "an actor is an organisation, a practitioner, or a role; members of a group or team may change without the \
             consent being stated again, so name them",
        )),
    }
}

/// Whom a `PractitionerRole` at hand names.
fn in_role(case: &Case<'_>, json: &Value) -> Result<Named, (Reason, &'static str)> {
    const RULE: &str =
        "a role names an organisation or a practitioner, and codes under `urn:ajisai:role`, nothing more";
    let refused = (Reason::ActorNotRepresentable, RULE);
    let known = ["resourceType", "id", "meta", "text", "identifier", "practitioner", "organization", "code"];
    let members = json.as_object().ok_or(refused)?;
    if members.keys().any(|key| !known.contains(&key.as_str())) {
        return Err(refused);
    }
    let mut roles = RoleSet::NONE;
    for concept in json.get("code").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default() {
        let codings = concept.get("coding").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let role = codings.iter().find(|coding| coding.get("system").and_then(Value::as_str) == Some(OWN_ROLE));
        let role = role.and_then(|coding| coding.get("code")?.as_str()?.parse::<Role>().ok()).ok_or(refused)?;
        roles = roles.with(role);
    }
    // A further role would narrow to those who have both; one reference is one role.
    if roles.iter().count() > 1 {
        return Err(refused);
    }
    let one = |key: &str| json.get(key).map(|json| named(case, json)).transpose();
    let viewers = match (one("organization")?, one("practitioner")?) {
        (None, None) => None,
        (Some(Named::Facility(facility)), None) => Some(Viewers::Facilities(vec![facility])),
        (None, Some(Named::Member(member))) => Some(Viewers::Practitioners(vec![member])),
        _ => return Err(refused),
    };
    match (&viewers, roles.is_empty()) {
        (None, true) => Err(refused),
        _ => Ok(Named::InRole(viewers, roles)),
    }
}
