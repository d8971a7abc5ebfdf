//! Forged, stale and foreign tokens; who is believed.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use keys::{KeySet, KeysError};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

fn claims() -> Value {
    let now = jiff::Timestamp::now().as_second();
    json!({
        "iss": "ajisai", "aud": "ajisai", "sub": "sato", "facility": "clinic", "role": "physician",
        "purpose": "TREAT", "nbf": now, "exp": now + 3600,
    })
}

impl Scene {
    fn kid(&self) -> String {
        let jwks: Value = serde_json::from_slice(&std::fs::read(self.authority.path("jwks.json")).unwrap()).unwrap();
        jwks["keys"][0]["kid"].as_str().unwrap().to_owned()
    }
    /// Signed with the authority's own key, whatever the claims say.
    fn signed(&self, claims: &Value) -> String {
        self.signed_as(claims, Some(self.kid()))
    }
    fn signed_as(&self, claims: &Value, kid: Option<String>) -> String {
        let pem = std::fs::read(self.authority.path("token.key")).unwrap();
        let mut header = Header::new(Algorithm::ES256);
        header.kid = kid;
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_pem(&pem).unwrap()).unwrap()
    }
    async fn refusal_with(&self, claim: &str, value: Value) -> Refusal {
        let mut claims = claims();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(claim);
        } else {
            claims[claim] = value;
        }
        self.refusal(&self.signed(&claims)).await
    }
}

#[tokio::test]
async fn a_good_token_is_its_bearer() {
    let scene = Scene::set().await;
    let sato = Principal {
        facility: facility("clinic"),
        member: Some(member("sato")),
        role: Role::Physician,
        purpose: Purpose::Treatment,
    };
    assert_eq!(scene.on_loopback(&scene.token()).await, Ok(sato.clone()));
    assert_eq!(scene.on_loopback(&scene.signed(&claims())).await, Ok(sato));
}

#[tokio::test]
async fn a_token_of_another_issuer_or_audience_is_refused() {
    let scene = Scene::set().await;
    assert_eq!(scene.refusal_with("iss", json!("elsewhere")).await, Refusal::Issuer);
    assert_eq!(scene.refusal_with("iss", Value::Null).await, Refusal::Issuer);
    assert_eq!(scene.refusal_with("aud", json!("elsewhere")).await, Refusal::Audience);
    assert_eq!(scene.refusal_with("aud", json!(["a", "b"])).await, Refusal::Audience);
    assert_eq!(scene.refusal_with("aud", Value::Null).await, Refusal::Audience);
}

#[tokio::test]
async fn a_token_holds_from_its_beginning_to_its_end_and_the_leeway() {
    let scene = Scene::set().await;
    let token = scene.token();
    for (shift, expected) in [(-31, Some(Refusal::NotYet)), (-29, None), (3629, None), (3631, Some(Refusal::Expired))] {
        scene.shift.store(shift, Ordering::Relaxed);
        assert_eq!(scene.on_loopback(&token).await.err(), expected, "{shift} s from now");
    }
    assert_eq!(scene.refusal_with("exp", Value::Null).await, Refusal::Claim("exp"));
}

#[tokio::test]
async fn the_algorithm_none_is_refused() {
    let scene = Scene::set().await;
    for alg in ["none", "None", "NONE"] {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let unsigned = format!("{}.{}.", part(&json!({"alg": alg, "kid": scene.kid()})), part(&claims()));
        assert_eq!(scene.refusal(&unsigned).await, Refusal::Algorithm);
    }
}

#[tokio::test]
async fn an_hmac_made_with_the_public_key_is_refused() {
    let scene = Scene::set().await;
    let public =
        rcgen::KeyPair::from_pem(&std::fs::read_to_string(scene.authority.path("token.key")).unwrap()).unwrap();
    for secret in [public.public_key_pem().into_bytes(), public.public_key_raw().to_vec()] {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(scene.kid());
        let forged = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(&secret)).unwrap();
        assert_eq!(scene.refusal(&forged).await, Refusal::Algorithm);
    }
}

#[tokio::test]
async fn a_key_that_is_not_known_verifies_nothing() {
    let scene = Scene::set().await;
    let unknown = scene.signed_as(&claims(), Some("another".to_owned()));
    assert_eq!(scene.refusal(&unknown).await, Refusal::UnknownKey);

    let stranger = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(scene.kid());
    let forged =
        jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_ec_pem(stranger.as_bytes()).unwrap()).unwrap();
    assert_eq!(scene.refusal(&forged).await, Refusal::Signature);
}

#[tokio::test]
async fn a_changed_claim_breaks_the_signature_even_after_the_token_was_remembered() {
    let scene = Scene::set().await;
    let token = scene.token();
    assert!(scene.on_loopback(&token).await.is_ok());
    let parts: Vec<&str> = token.split('.').collect();
    let mut changed: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    changed["facility"] = json!("hospital");
    let forged = format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(changed.to_string()), parts[2]);
    assert_eq!(scene.refusal(&forged).await, Refusal::Signature);
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let scene = Scene::set().await;
    for text in ["", ".", "..", "a.b", "a.b.c", "a.b.c.d", &"x".repeat(20_000)] {
        assert_eq!(scene.refusal(text).await, Refusal::Malformed, "{:.20}", text);
    }
    let header = URL_SAFE_NO_PAD.encode(json!({"alg": "ES256", "crit": ["b64"], "b64": false}).to_string());
    assert_eq!(scene.refusal(&format!("{header}.e30.AA")).await, Refusal::Malformed, "an extension we do not know");
}

#[tokio::test]
async fn a_missing_or_unknown_claim_is_named() {
    let scene = Scene::set().await;
    for claim in ["facility", "role", "purpose", "sub"] {
        let claim: &'static str = claim;
        assert_eq!(scene.refusal_with(claim, Value::Null).await, Refusal::Claim(claim));
        assert_eq!(scene.refusal_with(claim, json!("No such thing")).await, Refusal::Claim(claim));
    }
}

#[tokio::test]
async fn the_directory_must_know_the_bearer_in_that_role() {
    let scene = Scene::set().await;
    let standing = |standing| Refusal::Directory(standing);
    assert_eq!(scene.refusal_with("facility", json!("nowhere")).await, standing(Standing::UnknownFacility));
    assert_eq!(scene.refusal_with("facility", json!("closed")).await, standing(Standing::InactiveFacility));
    assert_eq!(scene.refusal_with("sub", json!("suzuki")).await, standing(Standing::UnknownMember));
    assert_eq!(scene.refusal_with("role", json!("nurse")).await, standing(Standing::OtherRole));
}

#[tokio::test]
async fn a_token_outlives_the_end_of_a_membership_by_no_request() {
    let scene = Scene::set().await;
    let token = scene.token();
    assert!(scene.on_loopback(&token).await.is_ok());
    scene.town.sato_has_left.store(true, Ordering::Relaxed);
    assert_eq!(scene.refusal(&token).await, Refusal::Directory(Standing::OutsideMembership));
}

#[tokio::test]
async fn an_operator_is_believed_as_administrator_and_as_nothing_else() {
    let scene = Scene::set().await;
    let mut operator = TokenRequest {
        member: Some(member("operator-1")),
        facility: facility("office"),
        role: Role::Administrator,
        ..Scene::request()
    };
    let token = scene.authority.token(&operator).unwrap();
    assert_eq!(scene.on_loopback(&token).await.unwrap().role, Role::Administrator);
    operator.role = Role::Physician;
    let token = scene.authority.token(&operator).unwrap();
    assert_eq!(scene.refusal(&token).await, Refusal::Directory(Standing::UnknownFacility));
}

#[tokio::test]
async fn a_certificate_alone_is_its_facilitys_system() {
    let scene = Scene::set().await;
    let shown = |id: &str| ClientCertificate::Facility(facility(id));
    let system = scene.over_tls(shown("hospital"), None).await.unwrap();
    assert_eq!((system.role, system.member, system.purpose), (Role::System, None, Purpose::Treatment));
    let closed = scene.over_tls(shown("closed"), None).await;
    assert_eq!(closed, Err(Refusal::Directory(Standing::InactiveFacility)));
    assert_eq!(scene.over_tls(ClientCertificate::Absent, None).await, Err(Refusal::Anonymous));
}

#[tokio::test]
async fn a_token_over_a_certificate_is_of_the_same_facility() {
    let scene = Scene::set().await;
    let token = scene.token();
    let shown = |id: &str| ClientCertificate::Facility(facility(id));
    assert_eq!(scene.over_tls(shown("hospital"), Some(&token)).await, Err(Refusal::OtherFacility));
    assert_eq!(scene.over_tls(shown("clinic"), Some(&token)).await.unwrap().member, Some(member("sato")));
    assert!(scene.over_tls(ClientCertificate::Absent, Some(&token)).await.is_ok());
    let unusable = ClientCertificate::Unusable(CertificateError::Absent);
    assert_eq!(scene.over_tls(unusable, Some(&token)).await, Err(Refusal::Certificate(CertificateError::Absent)));
}

#[tokio::test]
async fn a_system_shows_its_certificate_except_on_loopback() {
    let scene = Scene::set().await;
    let request = TokenRequest { member: None, role: Role::System, ..Scene::request() };
    let token = scene.authority.token(&request).unwrap();
    assert_eq!(scene.on_loopback(&token).await.unwrap().role, Role::System);
    for shown in [ClientCertificate::Absent, ClientCertificate::Facility(facility("clinic"))] {
        assert_eq!(scene.over_tls(shown, Some(&token)).await, Err(Refusal::SystemWithoutCertificate));
    }
    assert_eq!(scene.refusal_with("role", json!("system")).await, Refusal::Claim("sub"), "a person is no system");
}

#[tokio::test]
async fn a_renewed_key_file_brings_new_keys_and_forgets_old_ones() {
    let dir = TempDir::new().unwrap();
    let authority = Authority::make(dir.path(), &[], &[]).unwrap();
    let keys = TokenKeys::File { path: authority.path("jwks.json"), refresh: Duration::from_millis(20) };
    let scene = Scene::with(dir, authority, keys).await;
    let old = scene.token();
    assert!(scene.on_loopback(&old).await.is_ok());

    std::fs::remove_file(scene.authority.path("token.key")).unwrap();
    Authority::make(scene.dir.path(), &[], &[]).unwrap();
    let new = scene.token();
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while scene.on_loopback(&new).await.is_err() {
        assert!(std::time::Instant::now() < deadline, "the new key was never read");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(scene.refusal(&old).await, Refusal::UnknownKey, "remembering it must not outlive its key");
}

#[tokio::test]
async fn keys_come_from_an_address_and_stay_when_it_falls_silent() {
    let dir = TempDir::new().unwrap();
    let authority = Authority::make(dir.path(), &[], &[]).unwrap();
    let jwks = std::fs::read_to_string(authority.path("jwks.json")).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let app = axum::Router::new().route("/keys", axum::routing::get(move || async move { jwks }));
    let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let keys = TokenKeys::Address { url, ca: "/nowhere".into(), refresh: Duration::from_millis(20) };
    let scene = Scene::with(dir, authority, keys).await;
    let token = scene.token();
    assert!(scene.on_loopback(&token).await.is_ok());
    server.abort();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(scene.on_loopback(&token).await.is_ok());
}

#[tokio::test]
async fn an_https_address_is_checked_against_its_ca() {
    let dir = TempDir::new().unwrap();
    let authority = Authority::make(dir.path(), &[], &[]).unwrap();
    let jwks = std::fs::read_to_string(authority.path("jwks.json")).unwrap();
    let files = crate::config::Tls {
        certificate: authority.path("node.pem"),
        key: authority.path("node.key"),
        client_ca: authority.path("ca.pem"),
        client_crl: None,
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = tls::server_config(&files, tls::ClientCertificates::Optional, tls::ALPN_HTTP).unwrap();
    let app = axum::Router::new().route("/keys", axum::routing::get(move || async move { jwks }));
    let connections = Connections::open(listener, Some(config)).unwrap();
    let _server = tokio::spawn(async move { axum::serve(connections, app).await.unwrap() });
    let address = |ca| TokenKeys::Address {
        url: format!("https://localhost:{port}/keys"),
        ca,
        refresh: Duration::from_secs(300),
    };

    let stranger = TempDir::new().unwrap();
    let other_ca = Authority::make(stranger.path(), &[], &[]).unwrap().path("ca.pem");
    let town = Arc::new(Town::default());
    let distrusting = Identity::open(&settings(Some(address(other_ca))), town, system_clock()).await.unwrap();
    let caller = Caller { peer: "127.0.0.1:9".parse().unwrap(), transport: Transport::Loopback };
    let token = authority.token(&Scene::request()).unwrap();
    assert_eq!(distrusting.authenticate(&caller, Some(&token)).await, Err(Refusal::UnknownKey));

    let ca = authority.path("ca.pem");
    let scene = Scene::with(dir, authority, address(ca)).await;
    assert!(scene.on_loopback(&token).await.is_ok());
}

#[test]
fn keys_that_could_be_misused_are_refused() {
    let keys = |text: &str| KeySet::parse(text).map(|_| ());
    let pair = rcgen::KeyPair::generate().unwrap();
    assert!(keys(&pair.public_key_pem()).is_ok());
    assert!(matches!(keys(&pair.serialize_pem()), Err(KeysError::Private)));
    assert!(matches!(keys(r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#), Err(KeysError::Symmetric)));
    let short = URL_SAFE_NO_PAD.encode([0xff; 128]);
    let rsa = format!(r#"{{"keys":[{{"kty":"RSA","n":"{short}","e":"AQAB"}}]}}"#);
    assert!(matches!(keys(&rsa), Err(KeysError::Short { bits: 1024 })));
    assert!(matches!(keys(r#"{"keys":[]}"#), Err(KeysError::Empty)));
    assert!(matches!(keys(r#"{"keys":[{"kty":"EC","crv":"P-384"}]}"#), Err(KeysError::Empty)));
    assert!(matches!(keys("keys"), Err(KeysError::Empty)));
    assert!(matches!(keys("{"), Err(KeysError::Unreadable(_))));
    assert!(matches!(keys(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}]}"#), Err(KeysError::Private)));
}

#[tokio::test]
async fn an_ed25519_key_in_pem_verifies_eddsa() {
    let dir = TempDir::new().unwrap();
    let authority = Authority::make(dir.path(), &[], &[]).unwrap();
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let path = dir.path().join("ed.pem");
    std::fs::write(&path, pair.public_key_pem()).unwrap();
    let scene = Scene::with(dir, authority, TokenKeys::File { path, refresh: Duration::from_secs(300) }).await;
    let key = EncodingKey::from_ed_der(pair.serialized_der());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims(), &key).unwrap();
    assert!(scene.on_loopback(&token).await.is_ok());
    assert_eq!(scene.refusal(&scene.token()).await, Refusal::UnknownKey, "an ES256 token fits no Ed25519 key");
}

#[tokio::test]
async fn a_door_that_knows_only_a_token_takes_systems_on_loopback_only() {
    let scene = Scene::set().await;
    let request = TokenRequest { member: None, role: Role::System, ..Scene::request() };
    let system = scene.authority.token(&request).unwrap();
    let door = |tls| TokenDoor::new(scene.identity.clone(), "127.0.0.1:7432".parse().unwrap(), tls);
    assert_eq!(door(false).principal(&system).await.unwrap().role, Role::System);
    assert_eq!(door(true).principal(&system).await, Err(Refusal::SystemWithoutCertificate));
    assert_eq!(door(true).principal(&scene.token()).await.unwrap().member, Some(member("sato")));
    let refused = query::Authenticator::token(&door(true), "no token").await.unwrap_err();
    assert_eq!(refused.to_string(), "the token was refused: the token is not a readable JWT");
}
