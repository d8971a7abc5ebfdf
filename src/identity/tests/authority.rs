//! What `ajisai dev ca` makes.

use super::*;
use crate::identity::certificate::facility_of;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::os::unix::fs::PermissionsExt as _;

fn der(path: &std::path::Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).unwrap()
}

#[test]
fn a_facilitys_certificate_names_it_and_the_nodes_names_none() {
    let dir = TempDir::new().unwrap();
    let authority = Authority::make(dir.path(), &[], &[facility("clinic")]).unwrap();
    assert_eq!(facility_of(&der(&authority.facility(&facility("clinic")).0)), Ok(facility("clinic")));
    assert_eq!(facility_of(&der(&authority.path("node.pem"))), Err(CertificateError::Absent));
    assert_eq!(facility_of(b"not a certificate"), Err(CertificateError::Unreadable));
}

#[test]
fn a_certificate_that_names_two_facilities_names_none() {
    let uri = |id: &str| rcgen::SanType::URI(format!("{URN_PREFIX}{id}").try_into().unwrap());
    let certify = |names: Vec<rcgen::SanType>| {
        let mut params = rcgen::CertificateParams::default();
        params.subject_alt_names = names;
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap()
    };
    assert_eq!(facility_of(certify(vec![uri("a"), uri("b")]).der()), Err(CertificateError::Ambiguous));
    let other = rcgen::SanType::URI("https://a.example".try_into().unwrap());
    assert_eq!(facility_of(certify(vec![other, uri("b")]).der()), Ok(facility("b")));
    assert!(matches!(facility_of(certify(vec![uri("Not An Id")]).der()), Err(CertificateError::Id(_))));
}

#[test]
fn private_keys_are_for_their_owner_only() {
    let dir = TempDir::new().unwrap();
    let authority = Authority::make(dir.path(), &[], &[facility("clinic")]).unwrap();
    let keys = [
        authority.path("ca.key"),
        authority.path("node.key"),
        authority.path("token.key"),
        authority.facility(&facility("clinic")).1,
    ];
    for key in keys {
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600, "{}", key.display());
    }
}

#[test]
fn making_it_again_keeps_what_is_there_and_adds_what_is_asked() {
    let dir = TempDir::new().unwrap();
    let contents = |names: &[&str]| -> Vec<Vec<u8>> {
        names.iter().map(|name| std::fs::read(dir.path().join(name)).unwrap()).collect()
    };
    let all =
        ["ca.pem", "ca.key", "node.pem", "node.key", "facilities/a.pem", "facilities/a.key", "token.key", "jwks.json"];
    Authority::make(dir.path(), &["node.example".to_owned()], &[facility("a")]).unwrap();
    let before = contents(&all);
    Authority::make(dir.path(), &["node.example".to_owned()], &[facility("a"), facility("b")]).unwrap();
    assert_eq!(contents(&all), before);
    assert!(dir.path().join("facilities/b.pem").exists());

    Authority::make(dir.path(), &["other.example".to_owned()], &[]).unwrap();
    let kept = ["ca.pem", "ca.key", "facilities/a.pem", "token.key"];
    assert_ne!(contents(&["node.pem"]), [before[2].clone()], "a new host needs a new certificate");
    assert_eq!(contents(&kept), [0, 1, 4, 6].map(|at: usize| before[at].clone()));
}

#[test]
fn a_token_is_not_made_without_a_key() {
    let dir = TempDir::new().unwrap();
    assert!(matches!(Authority::open(dir.path()), Err(crate::identity::authority::AuthorityError::NoTokenKey(_))));
}
