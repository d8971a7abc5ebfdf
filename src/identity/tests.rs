mod authority;
mod door;
mod tokens;

use super::authority::{Authority, TokenRequest};
use super::*;
use crate::config::{Operator, TokenKeys};
use model::{FacilityId, MemberId};
use std::time::Duration;
use tempfile::TempDir;

pub(super) fn facility(id: &str) -> FacilityId {
    FacilityId::parse(id).unwrap()
}

pub(super) fn member(id: &str) -> MemberId {
    MemberId::parse(id).unwrap()
}

/// Knows Dr Sato, a physician of `clinic`; `clinic` and `hospital` are active, `closed` is not.
#[derive(Debug, Default)]
pub(super) struct Town {
    sato_has_left: std::sync::atomic::AtomicBool,
}

impl DirectoryCheck for Town {
    fn standing(&self, principal: &Principal, _moment: Moment) -> Standing {
        match principal.facility.as_str() {
            "clinic" | "hospital" => {}
            "closed" => return Standing::InactiveFacility,
            _ => return Standing::UnknownFacility,
        }
        match (&principal.member, principal.role) {
            (None, _) => Standing::Good,
            (Some(id), role) if id.as_str() == "sato" && principal.facility.as_str() == "clinic" => {
                if self.sato_has_left.load(std::sync::atomic::Ordering::Relaxed) {
                    Standing::OutsideMembership
                } else if role == Role::Physician {
                    Standing::Good
                } else {
                    Standing::OtherRole
                }
            }
            _ => Standing::UnknownMember,
        }
    }
}

/// A made authority, the town, and an identity over both with a clock that can be moved.
pub(super) struct Scene {
    pub dir: TempDir,
    pub authority: Authority,
    pub town: Arc<Town>,
    pub identity: Arc<Identity>,
    pub shift: Arc<std::sync::atomic::AtomicI64>,
}

pub(super) fn settings(keys: Option<TokenKeys>) -> config::Identity {
    config::Identity {
        keys,
        issuer: "ajisai".to_owned(),
        audience: "ajisai".to_owned(),
        leeway: Duration::from_secs(30),
        operators: vec![Operator { facility: facility("office"), member: member("operator-1") }],
    }
}

impl Scene {
    pub async fn set() -> Self {
        let dir = TempDir::new().unwrap();
        let authority = Authority::make(dir.path(), &[], &[facility("clinic"), facility("hospital")]).unwrap();
        let keys = TokenKeys::File { path: authority.path("jwks.json"), refresh: Duration::from_secs(300) };
        Self::with(dir, authority, keys).await
    }

    pub async fn with(dir: TempDir, authority: Authority, keys: TokenKeys) -> Self {
        let town = Arc::new(Town::default());
        let shift = Arc::new(std::sync::atomic::AtomicI64::new(0));
        let moved = shift.clone();
        let clock: Clock =
            Arc::new(move || now().plus_micros(moved.load(std::sync::atomic::Ordering::Relaxed) * 1_000_000));
        let identity = Identity::open(&settings(Some(keys)), town.clone(), clock).await.unwrap();
        Self { dir, authority, town, identity: Arc::new(identity), shift }
    }

    pub fn request() -> TokenRequest {
        TokenRequest {
            member: Some(member("sato")),
            facility: facility("clinic"),
            role: Role::Physician,
            purpose: Purpose::Treatment,
            hours: 1,
            issuer: "ajisai".to_owned(),
            audience: "ajisai".to_owned(),
        }
    }

    pub fn token(&self) -> String {
        self.authority.token(&Self::request()).unwrap()
    }

    pub async fn on_loopback(&self, token: &str) -> Result<Principal, Refusal> {
        let caller = Caller { peer: "127.0.0.1:9".parse().unwrap(), transport: Transport::Loopback };
        self.identity.authenticate(&caller, Some(token)).await
    }

    pub async fn over_tls(&self, certificate: ClientCertificate, token: Option<&str>) -> Result<Principal, Refusal> {
        let caller = Caller { peer: "10.0.0.9:9".parse().unwrap(), transport: Transport::Tls(certificate) };
        self.identity.authenticate(&caller, token).await
    }

    pub async fn refusal(&self, token: &str) -> Refusal {
        self.on_loopback(token).await.expect_err("the token should be refused")
    }
}
