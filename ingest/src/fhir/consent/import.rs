//! A FHIR consent to one of ours.

use super::super::case::Case;
use super::super::{Reason, Refusal, reference};
use super::code::{OWN_CONSENT, OWN_PATIENT};
use super::criteria::{Context, Marks};
use super::emit::{self, EmitError, Opening};
use super::tree::{self, Fault, Kind, Provision, Read, Status, Tree};
use super::{Note, Remark, code, office, region};
use model::{
    CategorySet, Consent, ConsentChange, ConsentId, ConsentState, Exceptions, Labels, Moment, PatientNumber,
    PatientRef, Period, PurposeSet, Signer, Viewers, Withdrawal,
};
use serde_json::Value;

/// What became of a consent.
#[derive(Debug)]
pub(in super::super) struct Imported {
    /// The change it states. Where it was refused: the closing of what was opened under its id, if that id can be told.
    pub change: Option<(ConsentId, ConsentChange)>,
    /// Why it was refused.
    pub refusal: Option<Refusal>,
    /// What whoever sends it should know.
    pub notes: Vec<Note>,
}

/// Whose consent it is and which.
struct Identity {
    id: ConsentId,
    patient: PatientRef,
}

/// Reads the consent under conversion.
pub(in super::super) fn import(case: &Case<'_>) -> Imported {
    let identity = match identity(case) {
        Ok(identity) => identity,
        Err(refusal) => return Imported { change: None, refusal: Some(refusal), notes: Vec::new() },
    };
    let status = tree::status(case.json);
    let mut notes = Vec::new();
    match status.and_then(|status| change(case, &identity, status, &mut notes)) {
        Ok(change) => Imported { change: Some((identity.id, change)), refusal: None, notes },
        Err(Fault { reason, path, rule }) => {
            let path = path.strip_prefix('$').unwrap_or(&path);
            Imported {
                change: closing(case, identity),
                refusal: Some(case.refuse(reason, path, rule)),
                notes: Vec::new(),
            }
        }
    }
}

/// What takes back what an earlier version has opened; `None` for one that has never opened anything.
fn closing(case: &Case<'_>, identity: Identity) -> Option<(ConsentId, ConsentChange)> {
    let state = match tree::status(case.json) {
        Ok(Status::Draft | Status::Proposed) => return None,
        Ok(Status::Rejected) => ConsentState::Rejected,
        _ => ConsentState::Active,
    };
    let signed_at = tree::written(case.json).unwrap_or(case.context.received);
    let opening = nothing(case);
    let given = ConsentChange::Given(Consent {
        id: identity.id.clone(),
        patient: identity.patient,
        viewers: opening.viewers,
        state,
        supersedes: None,
        period: opening.period,
        data_period: opening.data_period,
        categories: opening.categories,
        departments: opening.departments,
        labels: opening.labels,
        purposes: opening.purposes,
        exceptions: opening.exceptions,
        signer: Signer::Patient,
        taken_by: case.context.source.clone(),
        signed_at,
        form_digest: String::new(),
        paper: Box::default(),
    });
    Some((identity.id, given))
}

/// What opens nothing. Its one viewer is the source, so that nobody else has a part in it.
fn nothing(case: &Case<'_>) -> Opening {
    Opening {
        viewers: Viewers::Facilities(vec![case.context.source.clone()]),
        period: Period::ALWAYS,
        data_period: Period::ALWAYS,
        categories: CategorySet::NONE,
        departments: Vec::new(),
        labels: Labels::NONE,
        purposes: PurposeSet::NONE,
        exceptions: Exceptions::none(),
    }
}

/// The consent's id: our own where an identifier says it, else `<source>.<FHIR id>`, or a digest of that.
fn identity(case: &Case<'_>) -> Result<Identity, Refusal> {
    let own = reference::identifiers(case.json)
        .find(|identifier| identifier.get("system").and_then(Value::as_str) == Some(OWN_CONSENT))
        .map(|identifier| identifier.get("value").and_then(Value::as_str).unwrap_or_default());
    let id = match own {
        Some(own) => ConsentId::parse(own).map_err(|_| {
            let rule = "a consent id has 1 to 64 visible ASCII characters";
            case.refuse(Reason::InvalidElement, ".identifier", rule)
        })?,
        None => {
            let record = case.id("")?;
            let fhir = record.as_str().strip_prefix("Consent/").unwrap_or_default();
            let whole = format!("{}.{fhir}", case.context.source);
            let fitting = if whole.len() <= 64 {
                whole
            } else {
                format!("~{:032x}", xxhash_rust::xxh3::xxh3_128(whole.as_bytes()))
            };
            let rule = "an id has 1 to 64 letters, digits, `-` and `.`";
            ConsentId::parse(&fitting).map_err(|_| case.refuse(Reason::InvalidElement, ".id", rule))?
        }
    };
    Ok(Identity { id, patient: patient(case)? })
}

/// The patient: by a number under our own system, which must be one of the source, else as in every resource.
fn patient(case: &Case<'_>) -> Result<PatientRef, Refusal> {
    let text = |pointer| case.json.pointer(pointer).and_then(Value::as_str);
    let own = text("/patient/identifier/system").and_then(|system| system.strip_prefix(OWN_PATIENT));
    let (Some(facility), Some(number)) = (own, text("/patient/identifier/value")) else { return case.patient() };
    let refuse = |rule| case.refuse(Reason::UnknownPatient, ".patient.identifier", rule);
    if facility != case.context.source.as_str() {
        return Err(refuse("a facility states consents to its own patients' records"));
    }
    let rule = "a patient number has 1 to 64 bytes without control characters or outer spaces";
    let number = PatientNumber::parse(number).map_err(|_| refuse(rule))?;
    Ok(PatientRef::new(case.context.source.clone(), number))
}

fn change(case: &Case<'_>, identity: &Identity, status: Status, notes: &mut Vec<Note>) -> Read<ConsentChange> {
    let (id, patient) = (identity.id.clone(), identity.patient.clone());
    let Some(state) = office::state(case.json, status)? else {
        // What is over is over, whatever it said: nothing of it is read that could refuse it.
        let withdrawn_at = tree::written(case.json).unwrap_or(case.context.received);
        return Ok(ConsentChange::Withdrawn(Withdrawal { id, patient, withdrawn_at }));
    };
    let tree = tree::read(case.json)?;
    if !tree.scope.is(code::SCOPE, "patient-privacy") {
        let rule = "a consent to the sharing of data (`patient-privacy`), not to treatment, research or a directive";
        return Err(Fault::new(Reason::ScopeNotRepresentable, "$.scope", rule));
    }
    let signed_at = signed_at(&tree)?;
    let opening = opening(case, &tree, notes)?;
    let (signer, relation) = office::signer(case, &tree, patient.number(), notes);
    Ok(ConsentChange::Given(Consent {
        id,
        patient,
        viewers: opening.viewers,
        state,
        supersedes: office::supersedes(case.json)?,
        period: opening.period,
        data_period: opening.data_period,
        categories: opening.categories,
        departments: opening.departments,
        labels: opening.labels,
        purposes: opening.purposes,
        exceptions: opening.exceptions,
        signer,
        taken_by: office::taken_by(case, &tree)?,
        signed_at,
        form_digest: office::form_digest(case.json)?,
        paper: Box::new(office::paper(case.json, relation)?),
    }))
}

fn signed_at(tree: &Tree) -> Read<Moment> {
    let rule = "the consent or its `meta.lastUpdated` says when it was given";
    tree.dated.or(tree.updated).ok_or_else(|| Fault::new(Reason::Undated, "$.dateTime", rule))
}

/// The base rule.
///
/// | root `type` | `policyRule` | base rule |
/// | --- | --- | --- |
/// | stated | absent, or the same | the type (IHE PCF) |
/// | stated | the other | refused: they contradict each other |
/// | absent | `OPTIN`, `OPTOUT` | permit, deny, if the root says no more than its period |
/// | absent | either, and the root says more | refused: R4 calls the root both a constraint on the base rule and an exception to it, which are opposites |
/// | absent | absent | refused: nothing says what holds |
fn base(tree: &Tree) -> Read<(Kind, Provision)> {
    let unclear = |path: &str, rule| Err(Fault::new(Reason::UnclearBaseRule, path, rule));
    let rule = match &tree.policy_rule {
        None => None,
        Some(rule) if rule.is(code::ACT_CODE, "OPTIN") => Some(Kind::Permit),
        Some(rule) if rule.is(code::ACT_CODE, "OPTOUT") => Some(Kind::Deny),
        Some(_) => {
            let rule = "a policy rule this network knows: `OPTIN` or `OPTOUT`";
            return Err(Fault::new(Reason::UnknownPolicy, "$.policyRule", rule));
        }
    };
    let root =
        tree.provision.clone().unwrap_or_else(|| Provision { path: "$.provision".to_owned(), ..Provision::default() });
    match (root.kind, rule) {
        (Some(kind), rule) if rule.is_none_or(|rule| rule == kind) => Ok((kind, root)),
        (Some(_), _) => unclear("$.provision.type", "the root's type and `policyRule` say the same"),
        (None, Some(kind)) if !root.is_narrowed() => Ok((kind, root)),
        (None, Some(_)) => unclear(
            "$.provision",
            "without a type, FHIR R4 calls the root both a constraint on the base rule and an exception to it, which \
             are opposites; state its type",
        ),
        (None, None) => unclear("$.policyRule", "the root's type or `policyRule` says what holds"),
    }
}

fn opening(case: &Case<'_>, tree: &Tree, notes: &mut Vec<Note>) -> Read<Opening> {
    let (kind, root) = base(tree)?;
    let mut context = Context { pcf: tree.pcf, notes: Vec::new() };
    let parts = region::permitted(case, &root, kind, &mut context)?;
    notes.append(&mut context.notes);
    if parts.iter().any(|part| part.cell.labels == Marks::ALL) {
        notes.push(Note { remark: Remark::EveryLabel, path: root.path.clone() });
    }
    match emit::opening(&parts) {
        Ok(Some(opening)) => Ok(opening),
        Ok(None) => {
            notes.push(Note { remark: Remark::OpensNothing, path: "$.provision".to_owned() });
            Ok(nothing(case))
        }
        Err(EmitError::Mixed) => {
            let rule = "what a consent opens, it opens to all members, to facilities or to practitioners; state one \
                        consent for the facilities and one for the practitioners";
            Err(Fault::new(Reason::ActorNotRepresentable, "$.provision", rule))
        }
        Err(EmitError::Exceptions) => {
            let rule = "the exceptions need at most 64 provisions on at most 8 levels here";
            Err(Fault::new(Reason::TooComplex, "$.provision", rule))
        }
    }
}
