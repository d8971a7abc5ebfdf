//! Entries of a pregnancy's record: Observations by their code, check-ups by Encounters, registrations by Conditions and
//! EpisodesOfCare.
//!
//! Which Observation is one says its code (LOINC, or a word of this project under `urn:ajisai:perinatal`), whatever its category:
//! FHIR has no category for them, and senders write `exam`, `survey`, `social-history` or `vital-signs`.

use super::case::{Case, Parts};
use super::code::{self, Prefer};
use super::{Reason, Refusal};
use crate::pregnancy::{FETUS, Known, NOTHING, SYSTEM, Wrong};
use model::{Category, ChangeKind, CodeSystem, Coding, Moment, Payload, Perinatal, Record, Value as Stated};
use serde_json::Value;

/// Pregnancy as a finding: SNOMED CT pregnant, normal pregnancy, high-risk pregnancy, multiple pregnancy (from memory; the first also
/// in the IPS's pregnancy status).
const PREGNANT: [&str; 4] = ["77386006", "72892002", "47200007", "16356006"];
/// ICD-10: pregnancy confirmed, pregnant state, supervision of pregnancy (from memory).
const PREGNANT_ICD10: [&str; 4] = ["Z321", "Z33", "Z34", "Z35"];
/// SNOMED CT: prenatal visit, initial prenatal visit, antenatal care (from memory; the first two as Synthea writes them).
const CHECKUP: [&str; 4] = ["424619006", "424441002", "18114009", "424525001"];
/// LOINC: pregnancy status, with the answer that she is.
const STATUS: (&str, [&str; 2]) = ("82810-3", ["77386006", "LA15173-0"]);
/// Younger than this nobody is pregnant (a choice): what is said of a newborn's gestational age is no entry of its own pregnancy.
const YOUNGEST: i64 = 8 * 366 * 86_400_000_000;

/// A code that makes a holder an entry, as it is kept.
pub(super) struct Found {
    pub(super) known: Known,
    code: Coding,
    /// Its value is what made it one, and says no more.
    bare: bool,
}

/// What an Observation or a component says of a pregnancy, by its code.
pub(super) fn found(holder: &Value) -> Option<Found> {
    let concept = holder.get("code")?;
    let text = concept.get("text").and_then(Value::as_str).unwrap_or_default().trim();
    let all: Vec<Coding> = code::codings(concept).filter_map(code::coding).collect();
    let shown = |coding: &Coding| if coding.display.is_empty() { text.to_owned() } else { coding.display.clone() };
    let own = all.iter().find_map(|coding| {
        let ours = coding.system == CodeSystem::Other(SYSTEM.to_owned());
        let known = Known::by_word(&coding.code).filter(|_| ours)?;
        let code = Coding { system: CodeSystem::Local, code: coding.code.clone(), display: shown(coding) };
        Some(Found { known, code, bare: false })
    });
    let loinc = || {
        all.iter().filter(|coding| coding.system == CodeSystem::Loinc).find_map(|coding| {
            if coding.code == STATUS.0 && says_pregnant(holder) {
                let code =
                    Coding { system: CodeSystem::Local, code: "registration".to_owned(), display: shown(coding) };
                return Some(Found { known: Known::by_word("registration")?, code, bare: true });
            }
            let code = Coding { display: shown(coding), ..coding.clone() };
            Some(Found { known: Known::by_loinc(&coding.code)?, code, bare: false })
        })
    };
    own.or_else(loinc)
}

fn says_pregnant(holder: &Value) -> bool {
    let said = holder.get("valueCodeableConcept").into_iter().flat_map(code::codings);
    said.filter_map(|coding| coding.get("code")?.as_str()).any(|code| STATUS.1.contains(&code))
}

/// Whether a resource says itself that it is an entry, as the ones that are written here do.
pub(super) fn is_one(case: &Case<'_>) -> bool {
    let codings = case.list("/category").iter().flat_map(code::codings);
    codings.filter_map(code::coding).any(|coding| {
        coding.system == CodeSystem::Other("urn:ajisai:category".to_owned())
            && coding.code == Category::Perinatal.code()
    })
}

/// The entry that a holder (an Observation, or a component of one at `path`) states; `None` when it has no value.
pub(super) fn entry(
    case: &Case<'_>,
    (holder, path): (&Value, &str),
    value: Option<Stated>,
    at: Moment,
) -> Result<Option<Perinatal>, Refusal> {
    let Some(Found { known, code, bare }) = found(holder) else {
        // One that says itself that it is an entry, under a code that nothing is asked of.
        let Some(value) = value else { return Ok(None) };
        let code =
            holder.get("code").and_then(|concept| code::concept(concept, Prefer::VitalSign)).ok_or_else(|| {
                case.refuse(Reason::MissingElement, format!("{path}.code"), "what was noted, as a code or text")
            })?;
        return Ok(Some(Perinatal { code, gestational_days: None, value }));
    };
    of_a_woman(case, at)?;
    let value = match value {
        Some(_) if bare => Some(Stated::Absent(NOTHING.to_owned())),
        Some(Stated::Absent(reason)) if known.is_alone() && reason == "unknown" => {
            Some(Stated::Absent(NOTHING.to_owned()))
        }
        None if known.is_alone() => Some(Stated::Absent(NOTHING.to_owned())),
        stated => stated,
    };
    let Some(value) = value else { return Ok(None) };
    let fetus = if known.row.of_fetus { fetus(case, holder, path)? } else { None };
    known.entry(code, value, fetus, at).map(Some).map_err(|wrong| {
        let (end, rule) = match wrong {
            Wrong::Value(rule) => (".value", rule),
            Wrong::Unit(rule) => (".valueQuantity.unit", rule),
            Wrong::Fetus => (".focus", FETUS),
        };
        case.refuse(Reason::InvalidElement, format!("{path}{end}"), rule)
    })
}

/// Which fetus: the extension `urn:ajisai:extension:fetus` of the holder or of the whole, else the identifier of what the
/// Observation is focused on. A focus that is no number names somebody nobody can tell: it is refused.
fn fetus(case: &Case<'_>, holder: &Value, path: &str) -> Result<Option<u8>, Refusal> {
    let extension = |holder: &Value| {
        let all = holder.get("extension").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let own = all.iter().find(|one| one.get("url").and_then(Value::as_str) == Some("urn:ajisai:extension:fetus"));
        own.map(|own| ["valuePositiveInt", "valueInteger"].iter().find_map(|key| own.get(*key)?.as_u64()))
    };
    let focus = || {
        let focus = case.list("/focus").first()?;
        Some(focus.pointer("/identifier/value").and_then(Value::as_str).and_then(|text| text.trim().parse().ok()))
    };
    match extension(holder).or_else(|| extension(case.json)).or_else(focus) {
        None => Ok(None),
        Some(stated) => {
            let number =
                stated.and_then(|number: u64| u8::try_from(number).ok()).filter(|number| (1..=5).contains(number));
            let refuse = || case.refuse(Reason::InvalidElement, format!("{path}.focus"), FETUS);
            number.map(Some).ok_or_else(refuse)
        }
    }
}

/// What is said of a man, or of a child, is no entry of a pregnancy of theirs, as far as the Patient is at hand.
fn of_a_woman(case: &Case<'_>, at: Moment) -> Result<(), Refusal> {
    let subject = case.json.get("subject").or_else(|| case.json.get("patient")).or_else(|| case.outer?.get("subject"));
    let Some(patient) = subject.and_then(|subject| case.find(subject)) else { return Ok(()) };
    let text = |key| patient.get(key).and_then(Value::as_str);
    let born = text("birthDate").and_then(|day| Moment::parse(day).ok());
    if text("gender") == Some("male") || born.is_some_and(|born| at.since(born) < YOUNGEST) {
        let rule = "an entry of a pregnancy's record is the mother's: a newborn's gestational age is not taken";
        return Err(case.refuse(Reason::NotAFact, ".subject", rule));
    }
    Ok(())
}

// === what other resources say of a pregnancy ===

fn any_code(concepts: &[Value], is: impl Fn(&Coding) -> bool) -> bool {
    concepts.iter().flat_map(code::codings).filter_map(code::coding).any(|coding| is(&coding))
}

fn is_pregnancy(coding: &Coding) -> bool {
    let plain = || coding.code.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    match &coding.system {
        CodeSystem::Snomed => PREGNANT.contains(&coding.code.as_str()),
        CodeSystem::Icd10 => PREGNANT_ICD10.iter().any(|begin| plain().starts_with(begin)),
        CodeSystem::Other(system) => system == SYSTEM && coding.code == "registration",
        _ => false,
    }
}

fn is_checkup(coding: &Coding) -> bool {
    let plain = || coding.code.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    match &coding.system {
        CodeSystem::Snomed => CHECKUP.contains(&coding.code.as_str()),
        CodeSystem::Icd10 => ["Z34", "Z35"].iter().any(|begin| plain().starts_with(begin)),
        CodeSystem::Other(system) => system == SYSTEM && coding.code == "checkup",
        _ => false,
    }
}

/// A record beside that of the resource itself, told apart by the word it is.
fn beside(case: &Case<'_>, word: &str, at: (Moment, Option<Moment>), change: ChangeKind) -> Result<Record, Refusal> {
    let payload = match change {
        ChangeKind::Delete => None,
        _ => {
            of_a_woman(case, at.0)?;
            let code = Coding { system: CodeSystem::Local, code: word.to_owned(), display: String::new() };
            Some(Payload::Perinatal(Perinatal {
                code,
                gestational_days: None,
                value: Stated::Absent(NOTHING.to_owned()),
            }))
        }
    };
    let parts = Parts { category: Category::Perinatal, occurred: at.0, recorded: at.1, change, payload };
    case.record(word, parts)
}

/// A Condition that says that she is pregnant registers the pregnancy; one that is only suspected takes it back.
pub(super) fn of_condition(
    case: &Case<'_>,
    at: (Moment, Option<Moment>),
    (change, suspected): (ChangeKind, bool),
) -> Result<Option<Record>, Refusal> {
    let concept = case.json.get("code").map(std::slice::from_ref).unwrap_or_default();
    if !any_code(concept, is_pregnancy) {
        return Ok(None);
    }
    beside(case, "registration", at, if suspected { ChangeKind::Delete } else { change }).map(Some)
}

/// An Encounter of prenatal care is a check-up, by its type, its service or its reason, once it took place.
pub(super) fn of_encounter(
    case: &Case<'_>,
    at: Moment,
    (change, status): (ChangeKind, &str),
) -> Result<Option<Record>, Refusal> {
    let service = case.json.get("serviceType").map(std::slice::from_ref).unwrap_or_default();
    let said = [case.list("/type"), service, case.list("/reasonCode")];
    if !said.iter().any(|concepts| any_code(concepts, is_checkup)) {
        return Ok(None);
    }
    let change = match status {
        "planned" => return Ok(None),
        "cancelled" => ChangeKind::Delete,
        _ => change,
    };
    beside(case, "checkup", (at, None), change).map(Some)
}

/// An EpisodeOfCare of a pregnancy registers it: by its type, or by the Condition it names.
///
/// | `status` | change |
/// | --- | --- |
/// | `active`, `onhold`, `finished` | upsert |
/// | `cancelled`, `entered-in-error` | delete |
/// | `planned`, `waitlist` | refused: not yet |
pub(super) fn episode(case: &Case<'_>) -> Result<Vec<Record>, Refusal> {
    let of_type = any_code(case.list("/type"), |coding| is_pregnancy(coding) || is_checkup(coding));
    let of_condition = || {
        let named = case.list("/diagnosis").iter().filter_map(|one| case.find(one.get("condition")?));
        named
            .filter_map(|condition| condition.get("code"))
            .any(|code| any_code(std::slice::from_ref(code), is_pregnancy))
    };
    if !of_type && !of_condition() {
        let rule =
            "an episode of care of a pregnancy, by its type or by a Condition beside it; of others no category is made";
        return Err(case.refuse(Reason::UnsupportedResource, ".type", rule));
    }
    let change = case.closed("/status", |code| match code {
        "active" | "onhold" | "finished" => Some(Some(ChangeKind::Upsert)),
        "cancelled" | "entered-in-error" => Some(Some(ChangeKind::Delete)),
        "planned" | "waitlist" => Some(None),
        _ => None,
    })?;
    let change = change.ok_or_else(|| case.refuse(Reason::NotAFact, ".status", "an episode that has begun"))?;
    let occurred = case.occurred(&["/period/start"], change)?;
    Ok(vec![beside(case, "registration", (occurred, None), change)?])
}
