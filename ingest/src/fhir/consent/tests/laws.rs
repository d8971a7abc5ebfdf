//! Laws of the import, for any consent.

use super::super::super::tests::laws::{SECRET, graft, poison, tree};
use super::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::strategy::ValueTree as _;

/// Some of `all`, as a criterion; absent half the time.
fn criterion(key: &'static str, all: Vec<Value>) -> impl Strategy<Value = Option<(&'static str, Value)>> {
    let most = all.len().min(2);
    option::weighted(0.35, subsequence(all, 1..=most).prop_map(move |some| (key, Value::Array(some))))
}

fn periods(key: &'static str) -> impl Strategy<Value = Option<(&'static str, Value)>> {
    let spans = [
        json!({"start": "2022"}),
        json!({"end": "2022-12-31"}),
        json!({"start": "2022-01-01", "end": "2022-12"}),
        json!({"start": "2026-03-02T00:00:00+09:00"}),
    ];
    option::weighted(0.2, select(spans.to_vec()).prop_map(move |span| (key, span)))
}

/// A provision of what can be told apart here, with others nested in it in any order of types.
fn provision(depth: u32) -> BoxedStrategy<Value> {
    let nested = if depth == 0 { Just(Vec::new()).boxed() } else { vec(provision(depth - 1), 0..=2).boxed() };
    let actors = vec![
        actor("Organization/clinic"),
        actor("Organization/ex-org-researcher"),
        actor("Practitioner/13"),
        actor("Practitioner/ex-practitioner"),
        actor("#nurse"),
    ];
    let labels = vec![level("N"), level("R"), level("V"), sensitive("PSY"), sensitive("HIV"), sensitive("BH")];
    let classes = ["Observation", "Condition", "DocumentReference"]
        .map(|code| coding("http://hl7.org/fhir/resource-types", code))
        .to_vec();
    let classes = if depth == 0 { classes.iter().take(2).cloned().collect() } else { vec![classes[0].clone()] };
    let author = json!({"meaning": "authoredby", "reference": {"reference": "#nurse"}});
    let department = json!({"coding": [coding("urn:ajisai:department", "01")]});
    let criteria = (
        criterion("actor", actors),
        criterion("purpose", ["TREAT", "ETREAT", "HRESCH", "BTG"].map(purpose).to_vec()),
        criterion("securityLabel", labels),
        criterion("class", classes),
        criterion("code", vec![department]),
        criterion("data", vec![author]),
        periods("dataPeriod"),
        periods("period"),
    );
    (select(vec!["permit", "deny"]), criteria, nested)
        .prop_map(|(kind, (a, b, c, d, e, f, g, h), nested)| {
            let mut json = json!({"type": kind});
            for (key, value) in [a, b, c, d, e, f, g, h].into_iter().flatten() {
                json[key] = value;
            }
            if !nested.is_empty() {
                json["provision"] = Value::Array(nested);
            }
            json
        })
        .boxed()
}

fn consent() -> impl Strategy<Value = Value> {
    (provision(3), any::<bool>()).prop_map(|(provision, pcf)| {
        let mut json = with_provision(provision);
        json["contained"] = json!([{"resourceType": "PractitionerRole", "id": "nurse",
            "code": [{"coding": [coding("urn:ajisai:role", "nurse")]}]}]);
        if pcf {
            let profile = "https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF.consentAdvanced";
            json["meta"] = json!({"profile": [profile]});
        }
        json
    })
}

/// A consent that is taken, with something of everything in it.
fn sound() -> Value {
    let mut json = with_provision(
        json!({"type": "permit", "actor": [actor("Organization/clinic")], "purpose": [purpose("TREAT")],
        "securityLabel": [level("N")], "period": {"start": "2026", "end": "2027-01-01T00:00:00Z"},
        "class": [coding("urn:ajisai:category", "laboratory")],
        "action": [{"coding": [coding("http://terminology.hl7.org/CodeSystem/consentaction", "access")]}],
        "provision": [{"type": "deny", "dataPeriod": {"end": "2020"}, "actor": [actor("#nurse")],
            "code": [{"coding": [coding("urn:ajisai:department", "01")], "text": "内科"}]}]}),
    );
    json["contained"] = json!([
        {"resourceType": "PractitionerRole", "id": "nurse", "code": [{"coding": [coding("urn:ajisai:role", "nurse")]}]},
        {"resourceType": "RelatedPerson", "id": "r", "relationship": [{"text": "母"}]}]);
    json["performer"] = json!([{"reference": "#r"}]);
    json["organization"] = json!([{"reference": "Organization/f001"}]);
    json["identifier"] = json!([{"system": "urn:ajisai:consent", "value": "c-7"}]);
    json["extension"] = json!([{"url": "urn:ajisai:consent:form-sha256", "valueString": "0".repeat(64)},
        {"url": "urn:ajisai:consent:received", "extension": [
            {"url": "urn:ajisai:consent:at", "valueDateTime": "2026-03-02T00:00:00Z"}]}]);
    json
}

#[test]
fn the_sound_consent_is_taken() {
    assert_eq!(outcome(&sound()).refusal, None);
}

#[test]
fn most_consents_of_the_law_below_are_taken_and_tell_something() {
    let (mut taken, mut opening) = (0, 0);
    let requests = grid::requests(&["2026-03-02"]);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..100 {
        let json = consent().new_tree(&mut runner).unwrap().current();
        let outcome = outcome(&json);
        if outcome.refusal.is_none() {
            taken += 1;
            let ConsentChange::Given(consent) = change(outcome) else { panic!("a consent") };
            opening += usize::from(requests.iter().any(|request| judge::permits(&consent, request)));
        }
    }
    assert!(taken > 25 && opening > 15, "taken {taken}, opening something {opening}: the law would say little");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// The law of the import: what is taken answers as the resource does.
    #[test]
    fn what_is_taken_answers_every_request_as_the_standard_says(json in consent(), seed in any::<Index>()) {
        let outcome = outcome(&json);
        if outcome.refusal.is_some() {
            return Ok(());
        }
        let ConsentChange::Given(consent) = change(outcome) else { panic!("a consent") };
        let requests = grid::requests(&["2022-06-13", "2026-03-02"]);
        let some: Vec<_> = requests.into_iter().skip(seed.index(10)).step_by(10).collect();
        grid::agree(&json, &consent, &some);
        // What came in goes out.
        grid::agree(&export(&consent), &consent, &some);
    }

    #[test]
    fn what_is_refused_opens_nothing(json in consent()) {
        let outcome = outcome(&json);
        if outcome.refusal.is_none() {
            return Ok(());
        }
        let ConsentChange::Given(closed) = change(outcome) else { panic!("a consent") };
        let requests = grid::requests(&["2026-03-02"]);
        prop_assert!(!requests.iter().any(|request| judge::permits(&closed, request)));
    }

    #[test]
    fn anything_put_anywhere_is_answered(at in 0..90_usize, put in tree()) {
        let mut json = sound();
        graft(&mut json, &mut { at }, &put);
        for event in outcome(&json).events {
            let sent = wire::v1::Event::from(&event);
            prop_assert_eq!(Event::try_from(sent).unwrap(), event, "the door takes what is sent");
        }
    }

    #[test]
    fn a_refusal_repeats_no_value(at in 0..90_usize) {
        let mut json = sound();
        let mut hidden = Value::String(SECRET.to_owned());
        poison(&mut hidden);
        graft(&mut json, &mut { at }, &hidden);
        let shown = format!("{:?}", outcome(&json).refusal);
        prop_assert!(!shown.contains(SECRET), "{}", shown);
        poison(&mut json);
        let outcome = outcome(&json);
        let shown = format!("{:?} {:?}", outcome.refusal, outcome.notes);
        prop_assert!(!shown.contains(SECRET), "{}", shown);
    }
}
