//! Whose a resource says that it is.
//!
//! Who sends is who authenticated, and every patient number in what they send is theirs. A body that came from another institution
//! (an export of the wrong server, a referral taken in and sent on) would put that institution's patients under the sender's numbers.
//! So what names another institution as its own is refused; who did or ordered something may be anybody.

use super::case::{Case, Kind};
use super::consent::OWN_FACILITY;
use super::reference::{NUMBER_SYSTEMS, identifier_key, identifiers, names_of, relative};
use super::{Context, Reason, Refusal};
use serde_json::Value;

/// What is asked of a resource that says whose it is.
pub(super) const RULE: &str = "the institution that is named is the sender's own, as configured for it";

/// Medical institution numbers: ten digits.
const NUMBER: &str = "http://jpfhir.jp/fhir/core/IdSystem/insurance-medical-institution-no";
/// The extension by which JP-CLINS says where a resource is from.
const EXTENSION: &str = "eCS_InstitutionNumber";

/// Refuses what says that it is another's: by the extension of JP-CLINS, by who keeps the patient or the document, by who ran the
/// encounter.
pub(super) fn check(case: &Case<'_>) -> Result<(), Refusal> {
    for extension in case.list("/extension") {
        let url = extension.get("url").and_then(Value::as_str).unwrap_or_default();
        let key = extension.get("valueIdentifier").and_then(identifier_key);
        if url.ends_with(EXTENSION) && key.is_some_and(|key| is_another_s(case, &[key])) {
            return Err(case.refuse(Reason::OtherInstitution, ".extension", RULE));
        }
    }
    let own = match case.kind() {
        Kind::Patient => Some("managingOrganization"),
        Kind::Encounter => Some("serviceProvider"),
        Kind::DocumentReference => Some("custodian"),
        _ => None,
    };
    let stated = own.and_then(|key| Some((key, case.json.get(key)?)));
    if let Some((key, organisation)) = stated
        && is_another_s(case, &names_of(case.json, organisation))
    {
        return Err(case.refuse(Reason::OtherInstitution, format!(".{key}"), RULE));
    }
    let composition = case.resource.bundle().and_then(|bundle| bundle.composition());
    if let Some(composition) = composition
        && let Some(custodian) = composition.get("custodian")
        && is_another_s(case, &names_of(composition, custodian))
    {
        return Err(case.refuse(Reason::OtherInstitution, "", RULE));
    }
    Ok(())
}

/// Whether an organisation under these names, or under those that they lead to, is another than the sender.
pub(super) fn is_another_s(case: &Case<'_>, names: &[String]) -> bool {
    let mut all = names.to_vec();
    for name in names {
        if let Some(found) = case.resource.bundle().and_then(|bundle| bundle.find(name)) {
            all.extend(identifiers(found).filter_map(identifier_key));
        }
        for key in [Some(name.as_str()), relative(name)].into_iter().flatten() {
            all.extend(case.references.actor(key).iter().cloned());
        }
    }
    let under = |system: &str| {
        let of = |key: &String| Some(key.strip_prefix(system)?.strip_prefix('|')?.to_owned());
        all.iter().filter_map(of).collect::<Vec<_>>()
    };
    let (facilities, numbers) = (under(OWN_FACILITY), under(NUMBER));
    let Context { source, institutions, .. } = case.context;
    let is_own =
        facilities.iter().any(|id| id == source.as_str()) || numbers.iter().any(|no| institutions.contains(no));
    !is_own && (!facilities.is_empty() || (!institutions.is_empty() && !numbers.is_empty()))
}

/// Whether a system of patient numbers is that of another institution, whose number stands at its end after a kind of one digit.
pub(super) fn numbers_another_s(system: &str, context: &Context) -> bool {
    let institution = NUMBER_SYSTEMS.iter().find_map(|known| system.strip_prefix(known)).unwrap_or_default();
    let institution = institution.trim_start_matches(['/', '.']);
    let own = |number: &String| institution == number || institution.get(1..) == Some(number);
    !institution.is_empty() && !context.institutions.is_empty() && !context.institutions.iter().any(own)
}

/// Whether an identifier is a patient number of another institution.
pub(super) fn is_another_s_number(identifier: &Value, context: &Context) -> bool {
    numbers_another_s(identifier.get("system").and_then(Value::as_str).unwrap_or_default(), context)
}
