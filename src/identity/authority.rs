//! A directory that acts as certificate authority and token issuer, for trials, tests and the demo. Not for a
//! network in service: its CA key and token key lie on the node's disk.
//!
//! | file | what |
//! |---|---|
//! | `ca.pem`, `ca.key` | the CA |
//! | `node.pem`, `node.key` | the node's certificate, for `localhost`, `127.0.0.1`, `::1` and further hosts |
//! | `facilities/<id>.pem`, `.key` | a facility's client certificate, SAN URI `urn:ajisai:facility:<id>` |
//! | `token.key` | the private key that signs tokens (ES256) |
//! | `jwks.json` | its public half, for `identity.jwt_keys_file` |

use super::certificate::URN_PREFIX;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use model::{FacilityId, MemberId, Purpose, Role};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

const CA_YEARS: i16 = 10;
const LEAF_YEARS: i16 = 2;

/// Why the directory cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Reading or writing failed.
    #[error("cannot {act} `{path}`: {source}")]
    Io {
        /// `read`, `write` or `make`.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A certificate or key could not be made or read.
    #[error("cannot use `{path}`: {reason}")]
    Material {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The directory has no token key.
    #[error("`{0}` holds no token key; make it with `ajisai dev ca --dir`")]
    NoTokenKey(PathBuf),
    /// A claim's rule is broken.
    #[error("{0}")]
    Claim(&'static str),
}

/// The directory.
#[derive(Debug, Clone)]
pub struct Authority {
    dir: PathBuf,
}

/// What a token shall say.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// `sub`; `None` for role `system` alone.
    pub member: Option<MemberId>,
    /// `facility`
    pub facility: FacilityId,
    /// `role`
    pub role: Role,
    /// `purpose`
    pub purpose: Purpose,
    /// How long it holds, in hours.
    pub hours: u32,
    /// `iss`
    pub issuer: String,
    /// `aud`
    pub audience: String,
}

// === impl Authority ===

impl Authority {
    /// Makes what is missing in the directory and keeps what is there. The node's certificate is made anew when it
    /// lacks one of `hosts`.
    ///
    /// # Errors
    /// When files cannot be read or written, or what is there cannot be used.
    pub fn make(dir: &Path, hosts: &[String], facilities: &[FacilityId]) -> Result<Self, AuthorityError> {
        let authority = Self { dir: dir.to_path_buf() };
        make_dir(dir)?;
        make_dir(&dir.join("facilities"))?;
        authority.make_ca()?;
        authority.make_node(hosts)?;
        for facility in facilities {
            authority.make_facility(facility)?;
        }
        authority.make_token_key()?;
        Ok(authority)
    }

    /// A directory made before.
    ///
    /// # Errors
    /// When it has no token key.
    pub fn open(dir: &Path) -> Result<Self, AuthorityError> {
        let authority = Self { dir: dir.to_path_buf() };
        if !authority.path("token.key").exists() {
            return Err(AuthorityError::NoTokenKey(dir.to_path_buf()));
        }
        Ok(authority)
    }

    /// A file of the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
    /// A facility's client certificate and its key.
    pub fn facility(&self, facility: &FacilityId) -> (PathBuf, PathBuf) {
        let path = |ending: &str| self.dir.join("facilities").join(format!("{facility}.{ending}"));
        (path("pem"), path("key"))
    }

    /// A signed token.
    ///
    /// # Errors
    /// When the key cannot be used, or a person lacks a member id or a system has one.
    pub fn token(&self, request: &TokenRequest) -> Result<String, AuthorityError> {
        match (request.role, &request.member) {
            (Role::System, Some(_)) => return Err(AuthorityError::Claim("a token with role `system` has no member")),
            (role, None) if role != Role::System => {
                return Err(AuthorityError::Claim("a person's token names its member"));
            }
            _ => {}
        }
        let path = self.path("token.key");
        let pem = read(&path)?;
        let pair = KeyPair::from_pem(&pem).map_err(|error| material(&path, &error))?;
        let key = EncodingKey::from_ec_pem(pem.as_bytes()).map_err(|error| material(&path, &error))?;
        let now = jiff::Timestamp::now().as_second();
        let mut claims = serde_json::json!({
            "iss": request.issuer, "aud": request.audience,
            "facility": request.facility.as_str(), "role": request.role.to_string(),
            "purpose": request.purpose.to_string(),
            "iat": now, "nbf": now, "exp": now + i64::from(request.hours) * 3600,
        });
        if let (Some(member), Some(claims)) = (&request.member, claims.as_object_mut()) {
            claims.insert("sub".to_owned(), member.as_str().into());
        }
        let mut header = jsonwebtoken::Header::new(Algorithm::ES256);
        header.kid = Some(public_jwk(&pair, &path)?.0);
        jsonwebtoken::encode(&header, &claims, &key).map_err(|error| material(&path, &error))
    }

    fn make_ca(&self) -> Result<(), AuthorityError> {
        let (certificate, key) = (self.path("ca.pem"), self.path("ca.key"));
        if certificate.exists() && key.exists() {
            return Ok(());
        }
        let pair = KeyPair::generate().map_err(|error| material(&key, &error))?;
        let mut params = params("ajisai dev CA", CA_YEARS);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let signed = params.self_signed(&pair).map_err(|error| material(&certificate, &error))?;
        write_private(&key, &pair.serialize_pem())?;
        write(&certificate, &signed.pem())
    }

    fn make_node(&self, hosts: &[String]) -> Result<(), AuthorityError> {
        let (certificate, key) = (self.path("node.pem"), self.path("node.key"));
        let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        names.extend(hosts.iter().filter(|host| !["localhost", "127.0.0.1", "::1"].contains(&host.as_str())).cloned());
        if certificate.exists() && key.exists() && covers(&certificate, &names)? {
            return Ok(());
        }
        let mut params = params("ajisai node", LEAF_YEARS);
        let named = CertificateParams::new(names).map_err(|error| material(&certificate, &error))?;
        params.subject_alt_names = named.subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params, &certificate, &key)
    }

    /// Makes a facility's client certificate and its key where they are missing.
    ///
    /// # Errors
    /// When the CA's files cannot be read or used, or the certificate cannot be written.
    pub fn make_facility(&self, facility: &FacilityId) -> Result<(), AuthorityError> {
        let (certificate, key) = self.facility(facility);
        if certificate.exists() && key.exists() {
            return Ok(());
        }
        let mut params = params(facility.as_str(), LEAF_YEARS);
        let urn = format!("{URN_PREFIX}{facility}");
        let uri = urn.try_into().map_err(|error: rcgen::Error| material(&certificate, &error))?;
        params.subject_alt_names = vec![SanType::URI(uri)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params, &certificate, &key)
    }

    fn issue(&self, mut params: CertificateParams, certificate: &Path, key: &Path) -> Result<(), AuthorityError> {
        let (ca, ca_key) = (self.path("ca.pem"), self.path("ca.key"));
        let ca_pair = KeyPair::from_pem(&read(&ca_key)?).map_err(|error| material(&ca_key, &error))?;
        let issuer = Issuer::from_ca_cert_pem(&read(&ca)?, ca_pair).map_err(|error| material(&ca, &error))?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let pair = KeyPair::generate().map_err(|error| material(key, &error))?;
        let signed = params.signed_by(&pair, &issuer).map_err(|error| material(certificate, &error))?;
        write_private(key, &pair.serialize_pem())?;
        write(certificate, &signed.pem())
    }

    fn make_token_key(&self) -> Result<(), AuthorityError> {
        let path = self.path("token.key");
        if !path.exists() {
            let pair = KeyPair::generate().map_err(|error| material(&path, &error))?;
            write_private(&path, &pair.serialize_pem())?;
        }
        let pair = KeyPair::from_pem(&read(&path)?).map_err(|error| material(&path, &error))?;
        let jwk = public_jwk(&pair, &path)?.1;
        write(&self.path("jwks.json"), &format!("{:#}\n", serde_json::json!({ "keys": [jwk] })))
    }
}

/// The public half of a P-256 key: its id (RFC 7638 thumbprint) and the JWK.
fn public_jwk(pair: &KeyPair, path: &Path) -> Result<(String, serde_json::Value), AuthorityError> {
    let point = match pair.public_key_raw() {
        [4, coordinates @ ..] if coordinates.len() == 64 => coordinates.split_at(32),
        _ => return Err(material(path, &"it is not a P-256 key")),
    };
    let (x, y) = (URL_SAFE_NO_PAD.encode(point.0), URL_SAFE_NO_PAD.encode(point.1));
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    let id = URL_SAFE_NO_PAD.encode(Sha256::digest(canonical.as_bytes()));
    let jwk = serde_json::json!({
        "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": id, "use": "sig", "alg": "ES256",
    });
    Ok((id, jwk))
}

fn params(name: &str, years: i16) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, "ajisai dev");
    // From yesterday, so that a clock a little behind still accepts it.
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let from = today.yesterday().unwrap_or(today);
    let until = jiff::civil::Date::new(today.year().saturating_add(years), today.month(), 1).unwrap_or(today);
    let [not_before, not_after] = [from, until].map(|date| {
        rcgen::date_time_ymd(i32::from(date.year()), date.month().unsigned_abs(), date.day().unsigned_abs())
    });
    params.not_before = not_before;
    params.not_after = not_after;
    params
}

/// Whether a certificate's SANs hold all the names.
fn covers(path: &Path, names: &[String]) -> Result<bool, AuthorityError> {
    let der = CertificateDer::from_pem_file(path).map_err(|error| material(path, &error))?;
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|error| material(path, &error))?;
    let extension = certificate.subject_alternative_name().map_err(|error| material(path, &error))?;
    let held: Vec<String> = extension
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => match *bytes {
                [a, b, c, d] => Some(std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string()),
                other => <[u8; 16]>::try_from(other).ok().map(|o| std::net::Ipv6Addr::from(o).to_string()),
            },
            _ => None,
        })
        .collect();
    Ok(names.iter().all(|name| held.contains(name)))
}

fn material(path: &Path, reason: &dyn std::fmt::Display) -> AuthorityError {
    AuthorityError::Material { path: path.to_path_buf(), reason: reason.to_string() }
}

fn read(path: &Path) -> Result<String, AuthorityError> {
    fs::read_to_string(path).map_err(|source| AuthorityError::Io { act: "read", path: path.to_path_buf(), source })
}

fn make_dir(path: &Path) -> Result<(), AuthorityError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|source| AuthorityError::Io {
        act: "make",
        path: path.to_path_buf(),
        source,
    })
}

fn write(path: &Path, text: &str) -> Result<(), AuthorityError> {
    fs::write(path, text).map_err(|source| AuthorityError::Io { act: "write", path: path.to_path_buf(), source })
}

fn write_private(path: &Path, text: &str) -> Result<(), AuthorityError> {
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| AuthorityError::Io { act: "write", path: path.to_path_buf(), source })
}
