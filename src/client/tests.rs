use super::*;

fn connection(address: &str) -> Connection {
    let principal = Principal {
        facility: FacilityId::parse("himawari-clinic").unwrap(),
        member: None,
        role: Role::System,
        purpose: Purpose::Treatment,
    };
    Connection { token: Some("a.b.c".to_owned()), ..Connection::with_dev(address, Path::new("/nowhere"), &principal) }
}

#[tokio::test]
async fn plain_text_to_another_machine_is_refused_before_anything_is_sent() {
    let refused = connection("http://192.0.2.1:7443").open().await.unwrap_err();
    assert!(matches!(refused, ClientError::Plaintext(_)), "{refused}");
}

#[tokio::test]
async fn nobody_cannot_ask() {
    let nobody = Connection { token: None, dev_dir: None, ..connection("http://127.0.0.1:9") };
    assert!(matches!(nobody.open().await.unwrap_err(), ClientError::Nobody));
}

#[test]
fn a_token_is_taken_from_its_file_and_its_facility_is_read_from_it() {
    use base64::Engine as _;
    let claims =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(r#"{"sub":"dr-1","facility":"nagisa-clinic"}"#);
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("token");
    std::fs::write(&file, format!("x.{claims}.y\n")).unwrap();
    let asks = Connection {
        token: Some(file.display().to_string()),
        as_facility: None,
        dev_dir: None,
        ..connection("http://127.0.0.1:9")
    };
    assert_eq!(asks.token_text().unwrap().unwrap(), format!("x.{claims}.y"));
    assert_eq!(asks.facility().unwrap().unwrap().as_str(), "nagisa-clinic");
    assert_eq!(asks.member().unwrap().unwrap().as_str(), "dr-1");
    let missing = Connection { token: Some("no/such/file".to_owned()), ..asks };
    assert!(matches!(missing.token_text().unwrap_err(), ClientError::File { .. }));
}

#[test]
fn a_position_is_included_and_a_frontier_is_taken_as_it_is() {
    assert!(parse_at_least("3:1842").unwrap().includes(Position::new(3, 1842)));
    let frontier = parse_at_least("0:5,1:7").unwrap();
    assert!(frontier.includes(Position::new(1, 6)) && !frontier.includes(Position::new(1, 7)));
    assert!(parse_at_least("yesterday").is_err());
}
