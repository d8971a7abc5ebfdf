//! What a consent says beside what it permits: who signed, who took it, where it stands. Ours travels in extensions, none
//! of which changes what the standard's own elements permit.

use super::super::case::Case;
use super::super::{Reason, reference};
use super::actors::{self, Named};
use super::code::{OWN_EXTENSION, OWN_SIGNER, ROLE_CODE};
use super::tree::{Fault, Read, Status, Tree};
use super::{Note, Remark};
use model::{ConsentId, ConsentState, Done, FacilityId, MemberId, Moment, Paper, PatientNumber, Signer};
use serde_json::Value;

/// The value of one of our extensions among `holder`'s.
fn extension<'a>(holder: &'a Value, name: &str) -> Option<&'a Value> {
    let list = holder.get("extension")?.as_array()?;
    list.iter().find(|one| {
        one.get("url").and_then(Value::as_str).and_then(|url| url.strip_prefix(OWN_EXTENSION)) == Some(name)
    })
}

fn invalid(rule: &'static str) -> Fault {
    Fault::new(Reason::InvalidElement, "$.extension", rule)
}

fn text<'a>(holder: &'a Value, name: &str, value: &str) -> Read<Option<&'a str>> {
    let Some(found) = extension(holder, name) else { return Ok(None) };
    let text = found.get(value).and_then(Value::as_str);
    text.map(Some).ok_or_else(|| invalid("an extension under `urn:ajisai:consent:` holds the value it is named for"))
}

/// Where the consent stands: by our extension where it and the status agree, else by the status alone.
///
/// `None` for one that is over: that is a withdrawal.
pub(super) fn state(json: &Value, status: Status) -> Read<Option<ConsentState>> {
    let stated = text(json, "state", "valueCode")?;
    let stated = stated.map(|code| {
        let found = ConsentState::ALL.into_iter().find(|state| state.code() == code);
        found.ok_or_else(|| invalid("a state is one of this network's"))
    });
    let (by_status, also): (Option<ConsentState>, &[ConsentState]) = match status {
        Status::Draft => (Some(ConsentState::Draft), &[]),
        Status::Proposed => {
            (Some(ConsentState::Signed), &[ConsentState::Signed, ConsentState::Received, ConsentState::Activated])
        }
        Status::Active => (Some(ConsentState::Active), &[]),
        Status::Rejected => (Some(ConsentState::Rejected), &[]),
        Status::Inactive => (None, &[ConsentState::Superseded]),
        Status::EnteredInError => (None, &[]),
    };
    match stated.transpose()? {
        None => Ok(by_status),
        Some(state) if Some(state) == by_status || also.contains(&state) => Ok(Some(state)),
        Some(_) => Err(invalid("the state in the extension and `status` say the same")),
    }
}

/// What `status` says of a consent in this state.
pub(super) const fn status(state: ConsentState) -> &'static str {
    match state {
        ConsentState::Draft => "draft",
        ConsentState::Signed | ConsentState::Received | ConsentState::Activated => "proposed",
        ConsentState::Active => "active",
        ConsentState::Rejected => "rejected",
        ConsentState::Superseded => "inactive",
    }
}

/// Parents and guardians among the codes of RoleCode; everybody else signs as an agent.
const REPRESENTATIVES: [&str; 12] =
    ["PRN", "MTH", "FTH", "NMTH", "NFTH", "ADOPTP", "ADOPTM", "ADOPTF", "STPPRN", "STPMTH", "STPFTH", "GUARD"];

/// Who signed, and what they are to the patient.
///
/// | performer | signer |
/// | --- | --- |
/// | the patient, among others or alone | the patient |
/// | a `RelatedPerson` at hand who is a parent or guardian (RoleCode) | a representative |
/// | any other `RelatedPerson` or `Patient` | an agent |
/// | none but organisations and practitioners (who are bound by it), or none at all | the patient, with a note |
pub(super) fn signer(case: &Case<'_>, tree: &Tree, patient: &PatientNumber, notes: &mut Vec<Note>) -> (Signer, String) {
    let mut others: Vec<(Signer, String)> = Vec::new();
    let of_patient = |key: &str| case.json.get("patient").and_then(|patient| patient.get(key));
    for performer in &tree.performers {
        let same = ["reference", "identifier"]
            .into_iter()
            .any(|key| performer.get(key).is_some() && performer.get(key) == of_patient(key));
        let kind = kind_of(case, performer);
        if same || kind == "Patient" && case.number_at(performer).as_ref() == Ok(patient) {
            return (Signer::Patient, String::new());
        }
        match kind.as_str() {
            "RelatedPerson" => others.push(case.find(performer).map_or((Signer::Agent, String::new()), related)),
            "Patient" => others.push((Signer::Agent, String::new())),
            _ => {}
        }
    }
    // Where several signed, the one with the most right to.
    let representative = others.iter().position(|(signer, _)| *signer == Signer::Representative);
    match representative.or((!others.is_empty()).then_some(0)).map(|at| others.swap_remove(at)) {
        Some(signer) => signer,
        None => {
            notes.push(Note { remark: Remark::SignerNotStated, path: "$.performer".to_owned() });
            (Signer::Patient, String::new())
        }
    }
}

fn kind_of(case: &Case<'_>, json: &Value) -> String {
    let found = case.find(json).and_then(|found| found.get("resourceType")?.as_str());
    let target = json.get("reference").and_then(Value::as_str).unwrap_or_default();
    let written = reference::relative(target).unwrap_or(target).split_once('/').map(|(kind, _)| kind);
    let kind = found.or_else(|| json.get("type").and_then(Value::as_str)).or(written);
    kind.unwrap_or_default().to_owned()
}

fn related(person: &Value) -> (Signer, String) {
    let list = |json: &Value, key: &str| json.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut signer = Signer::Agent;
    let mut relation = String::new();
    for concept in list(person, "relationship") {
        if let Some(text) = concept.get("text").and_then(Value::as_str) {
            text.clone_into(&mut relation);
        }
        for coding in list(&concept, "coding") {
            let code = coding.get("code").and_then(Value::as_str).unwrap_or_default();
            match coding.get("system").and_then(Value::as_str) {
                Some(OWN_SIGNER) if code == Signer::Representative.code() => signer = Signer::Representative,
                Some(ROLE_CODE) => {
                    if REPRESENTATIVES.contains(&code) {
                        signer = Signer::Representative;
                    }
                    if relation.is_empty() {
                        code.clone_into(&mut relation);
                    }
                }
                _ => {}
            }
        }
    }
    (signer, relation)
}

/// The facility that took it: the one custodian; the source where none is named.
pub(super) fn taken_by(case: &Case<'_>, tree: &Tree) -> Read<FacilityId> {
    let mut taken: Option<FacilityId> = None;
    for (place, organization) in tree.organizations.iter().enumerate() {
        let path = || format!("$.organization[{place}]");
        let facility = match actors::named(case, organization) {
            Ok(Named::Facility(facility)) => facility,
            Ok(_) => return Err(Fault::new(Reason::InvalidElement, path(), "a custodian is an organisation")),
            Err((reason, rule)) => return Err(Fault::new(reason, path(), rule)),
        };
        if taken.as_ref().is_some_and(|taken| *taken != facility) {
            return Err(Fault::new(Reason::InvalidElement, path(), "one facility takes a consent"));
        }
        taken = Some(facility);
    }
    Ok(taken.unwrap_or_else(|| case.context.source.clone()))
}

/// SHA-256 of the scanned form, where our extension says it.
pub(super) fn form_digest(json: &Value) -> Read<String> {
    let Some(text) = text(json, "form-sha256", "valueString")? else { return Ok(String::new()) };
    let is_digest = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if is_digest { Ok(text.to_owned()) } else { Err(invalid("a SHA-256 digest has 64 digits of lower-case hex")) }
}

/// The consent whose place this one takes.
pub(super) fn supersedes(json: &Value) -> Read<Option<ConsentId>> {
    let text = text(json, "supersedes", "valueString")?;
    text.map(|text| ConsentId::parse(text).map_err(|_| invalid("a consent id has 1 to 64 visible ASCII characters")))
        .transpose()
}

/// What else its paper says.
pub(super) fn paper(json: &Value, relation: String) -> Read<Paper> {
    let member = |text: &str| MemberId::parse(text).map_err(|_| invalid("a member id has 1 to 64 visible characters"));
    let done = |name: &str| -> Read<Option<Done>> {
        let Some(holder) = extension(json, name) else { return Ok(None) };
        let at = text(holder, "at", "valueDateTime")?.and_then(|text| Moment::parse(text).ok());
        let at = at.ok_or_else(|| invalid("a step says when it was done"))?;
        Ok(Some(Done { by: text(holder, "by", "valueString")?.map(member).transpose()?, at }))
    };
    let born = text(json, "born", "valueDate")?;
    let born = born.map(|text| text.parse().map_err(|_| invalid("a birth date is YYYY-MM-DD"))).transpose()?;
    let explainer = text(json, "explainer", "valueString")?.map(member).transpose()?;
    Ok(Paper { relation, born, explainer, received: done("received")?, activated: done("activated")? })
}
