//! The examples of IHE PCF and of FHIR R4, each with its fate.

#![expect(clippy::print_stdout, reason = "a test says when it found nothing to look at")]

use super::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// When the grid asks.
const NOWS: [&str; 5] =
    ["2015-01-15T00:00:00Z", "2015-06-01", "2022-06-13", "2022-12-31T23:59:59.999999+09:00", "2023-01-01"];

/// What becomes of each file: how many of the grid's 30,240 requests it permits, or why and where it is refused.
const FATES: &str = "\
consent-example-Emergency: refused unclear_base_rule at $.provision
consent-example-Out: refused unclear_base_rule at $.provision
consent-example-basic: evaluated, permits 12096, every_label, signer_not_stated
consent-example-grantor: refused unclear_base_rule at $.provision
consent-example-notAuthor: refused unclear_base_rule at $.provision
consent-example-notOrg: refused unclear_base_rule at $.provision.type
consent-example-notThem: refused unclear_base_rule at $.provision
consent-example-notThis: refused unclear_base_rule at $.provision
consent-example-notTime: evaluated, permits 6048, every_label, signer_not_stated
consent-example-pkb: refused missing_element at $.provision.provision[0].type
consent-example-signature: refused unclear_base_rule at $.provision
consent-example-smartonfhir: refused class_not_representable at $.provision.provision[0].class[0]
ex-consent-advanced-normal: evaluated, permits 1440, purpose_never_asked
ex-consent-advanced-normal-break-glass-restricted: refused actor_not_representable at $.provision.provision[0].actor[0].reference
ex-consent-advanced-normal-focused-psy: evaluated, permits 1920, purpose_never_asked
ex-consent-advanced-normal-focused-psy-or-sdv: evaluated, permits 2040, purpose_never_asked
ex-consent-advanced-normal-focused-restricted: evaluated, permits 2400, purpose_never_asked
ex-consent-advanced-normal-not-restricted: evaluated, permits 1440, purpose_never_asked
ex-consent-advanced-normal-restricted: evaluated, permits 7200, purpose_never_asked
ex-consent-basic-ink: evaluated, permits 8640, purpose_never_asked, every_label
ex-consent-basic-reject: evaluated, permits 0, purpose_never_asked, opens_nothing
ex-consent-basic-research: evaluated, permits 4320, every_label
ex-consent-basic-treat: evaluated, permits 8640, purpose_never_asked, every_label
ex-consent-basic-treat-infant: evaluated, permits 8640, purpose_never_asked, every_label
ex-consent-expired-treat: evaluated, permits 6912, purpose_never_asked, every_label
ex-consent-intermediate-authoredby: refused author_not_representable at $.provision.data[0]
ex-consent-intermediate-data: refused data_instance_not_representable at $.provision.data[0]
ex-consent-intermediate-encounter: refused data_relation_not_representable at $.provision.data[0]
ex-consent-intermediate-not-authoredby: refused author_not_representable at $.provision.provision[0].data[0]
ex-consent-intermediate-not-data: refused data_instance_not_representable at $.provision.provision[0].data[0]
ex-consent-intermediate-not-encounter: refused data_relation_not_representable at $.provision.provision[0].data[0]
ex-consent-intermediate-not-timeframe: evaluated, permits 4320, purpose_never_asked, every_label
ex-consent-intermediate-purpose: refused purpose_not_representable at $.provision.purpose[0]
ex-consent-intermediate-timeframe: evaluated, permits 4320, purpose_never_asked, every_label
ex-dissent-intermediate-break-glass: refused actor_not_representable at $.provision.provision[0].actor[0].reference
";

fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let found = Some(root.join("fhir").join(folder)).filter(|folder| folder.is_dir());
    if found.is_none() {
        println!("NOT FOUND: {folder} (set AJISAI_SHARED_DATA); this test looked at nothing");
    }
    found
}

#[test]
fn every_example_is_evaluated_as_the_standard_says_or_refused_with_the_reason() {
    let requests = grid::requests(&NOWS);
    let mut fates = BTreeMap::new();
    for folder in ["consents-ihe-pcf", "consents-r4"] {
        let Some(path) = shared(folder) else { return };
        let mut references = References::default();
        let mut consents = Vec::new();
        for entry in std::fs::read_dir(&path).unwrap() {
            let file = entry.unwrap().path();
            for resource in super::super::super::open(&file).unwrap() {
                let resource = resource.unwrap();
                references.learn(&resource, &context());
                if resource.resource_type() == "Consent" {
                    let name = file.file_stem().unwrap().to_string_lossy().replacen("Consent-", "", 1);
                    consents.push((name, resource));
                }
            }
        }
        for (name, resource) in consents {
            let outcome = events(&resource, &context(), &references);
            let fate = match &outcome.refusal {
                Some(refusal) => format!("refused {} at {}", refusal.reason, refusal.path),
                None => {
                    let notes: String = outcome.notes.iter().map(|note| format!(", {}", note.remark)).collect();
                    let ConsentChange::Given(consent) = change(outcome) else { panic!("{name}: a consent") };
                    let permitted = grid::agree(resource.json(), &consent, &requests);
                    format!("evaluated, permits {permitted}{notes}")
                }
            };
            fates.insert(name, fate);
        }
    }
    let table: String = fates.iter().map(|(name, fate)| format!("{name}: {fate}\n")).collect();
    // A file that is not in the table, or no longer there, fails here as one whose fate has changed.
    assert_eq!(table, FATES, "of {} requests; the table is now:\n{table}", requests.len());
}
