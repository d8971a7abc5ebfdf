use super::*;
use model::ConsentChange;

fn terms(pairs: &[(&str, &str)]) -> anyhow::Result<Consent> {
    let object = pairs.iter().map(|(key, value)| ((*key).to_owned(), serde_json::json!(value))).collect();
    let terms: Terms = serde_json::from_value(serde_json::Value::Object(object))?;
    let own = FacilityId::parse("ajisai-central").unwrap();
    terms.consent(&own, Moment::parse("2026-04-01").unwrap(), "0123456789abcdef0123456789abcdef")
}

#[test]
fn the_plain_form_opens_everything_but_labels_for_treatment() {
    let consent = terms(&[("patient", "42"), ("viewers", "himawari-clinic|nagisa-clinic")]).unwrap();
    assert_eq!(consent.state, ConsentState::Active);
    assert_eq!(consent.categories, CategorySet::all());
    assert!(consent.labels.is_empty() && consent.purposes.contains(Purpose::Treatment));
    assert!(matches!(&consent.viewers, Viewers::Facilities(ids) if ids.len() == 2));
    assert_eq!(consent.id.as_str(), "c-0123456789abcdef01234567");
    let change = v1::ConsentChange::from(&ConsentChange::Given(consent.clone()));
    assert_eq!(ConsentChange::try_from(change).unwrap(), ConsentChange::Given(consent));
}

#[test]
fn the_viewing_side_has_taken_it_unless_said_otherwise() {
    let pairs = [("patient", "42"), ("viewers", "himawari-clinic")];
    assert_eq!(terms(&pairs).unwrap().form(), ConsentForm::Single);
    let by_proxy = terms(&[pairs[0], pairs[1], ("taken_by", "ajisai-central")]).unwrap();
    assert_eq!(by_proxy.form(), ConsentForm::Proxy);
}

#[test]
fn what_is_not_understood_is_refused_by_the_name_of_the_column() {
    for (pairs, named) in [
        (vec![("viewers", "a")], "patient"),
        (vec![("patient", "42")], "to whom"),
        (vec![("patient", "42"), ("viewers", "a"), ("all_members", "true")], "to whom"),
        (vec![("patient", "42"), ("viewers", "a"), ("categories", "lab")], "categories"),
        (vec![("patient", "42"), ("viewers", "a"), ("until", "soon")], "until"),
        (vec![("patient", "42"), ("viewers", "a"), ("state", "ok")], "state"),
        (vec![("patient", "42"), ("viewer", "a")], "viewer"),
    ] {
        let refused = format!("{:#}", terms(&pairs).unwrap_err());
        assert!(refused.contains(named), "{refused}");
    }
}

#[test]
fn a_file_sent_again_says_the_same_moment_and_a_command_says_now() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("consents.csv");
    std::fs::write(&file, "patient,viewers\n").unwrap();
    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(hour_ago).unwrap();
    let stated = stated_at(Some(&file)).unwrap();
    assert_eq!(stated, stated_at(Some(&file)).unwrap());
    assert!(stated_at(None).unwrap().since(stated) >= 3_600_000_000);
}

#[test]
fn lists_are_separated_by_bars() {
    assert_eq!(list("a| b|", |text| Ok::<_, ()>(text.to_owned())).unwrap(), ["a", "b"]);
}
