//! `ajisai dev`: certificates and tokens for trials.

use crate::identity::authority::{Authority, AuthorityError, TokenRequest};
use model::{FacilityId, MemberId, Purpose, Role};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// 試用のための証明書とトークンを作る。
/// Make certificates and tokens for trials.
#[derive(Debug, clap::Args)]
pub struct DevArgs {
    #[command(subcommand)]
    command: DevCommand,
}

/// What can be made.
#[derive(Debug, clap::Subcommand)]
enum DevCommand {
    Ca(CaArgs),
    Token(TokenArgs),
}

/// 認証局、ノードと施設の証明書、トークンの鍵を作る。既にあるものは残す。
/// Make a CA, certificates of the node and of facilities, and token keys. What is there is kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
例 Example:
  ajisai dev ca --dir pki --facility nagasaki-mc --facility sakura-clinic --host ajisai.example.jp

作られるもの What is made:
  ca.pem ca.key                 認証局 the CA
  node.pem node.key             ノードの証明書 the node's certificate ([tls] certificate, key)
  facilities/ID.pem ID.key      施設のクライアント証明書 client certificates
  token.key                     トークンの秘密鍵 private key of tokens
  jwks.json                     その公開鍵 its public key ([identity] jwt_keys_file)")]
struct CaArgs {
    /// 置き場所。Where they lie.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// 施設ID（繰り返し可）。A facility's id; may be repeated.
    #[arg(long, value_name = "ID", value_parser = facility)]
    facility: Vec<FacilityId>,
    /// localhost のほかにノードが名乗る名前またはIPアドレス（繰り返し可）。A further name or IP address of the node.
    #[arg(long, value_name = "HOST")]
    host: Vec<String>,
}

/// 署名したトークン（JWT）を表示する。
/// Print a signed token (JWT).
#[derive(Debug, clap::Args)]
#[command(after_help = "\
例 Examples:
  ajisai dev token --dir pki --facility sakura-clinic --member dr-sato --role physician
  PGPASSWORD=$(ajisai dev token --dir pki --facility sakura-clinic --member dr-sato --role physician) \\
      psql -h 127.0.0.1 -p 7432 -U dr-sato ajisai
  ajisai dev token --dir pki --facility nagasaki-mc --role system     ループバックのみ loopback only

役割 Roles: physician dentist nurse midwife pharmacist laboratory-staff care-manager clerk auditor administrator system
目的 Purposes: TREAT ETREAT BTG HOPERAT HRESCH PUBHLTH PATRQT")]
struct TokenArgs {
    /// `ajisai dev ca` の置き場所。The directory of `ajisai dev ca`.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// 職員ID（role が system のときは付けない）。The member's id; none for role `system`.
    #[arg(long, value_name = "ID", value_parser = member)]
    member: Option<MemberId>,
    /// 施設ID。The facility's id.
    #[arg(long, value_name = "ID", value_parser = facility)]
    facility: FacilityId,
    /// 役割。The role.
    #[arg(long, value_parser = role)]
    role: Role,
    /// 利用目的。The purpose.
    #[arg(long, default_value = "TREAT", value_parser = purpose)]
    purpose: Purpose,
    /// 有効時間。How long it holds.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=8760))]
    hours: u32,
    /// iss
    #[arg(long, default_value = "ajisai")]
    issuer: String,
    /// aud
    #[arg(long, default_value = "ajisai")]
    audience: String,
}

impl DevArgs {
    /// Makes what was asked for.
    pub fn run(self) -> ExitCode {
        let made = match self.command {
            DevCommand::Ca(args) => args.make(),
            DevCommand::Token(args) => args.print(),
        };
        match made {
            Ok(text) if std::io::stdout().write_all(text.as_bytes()).is_ok() => ExitCode::SUCCESS,
            Ok(_) => ExitCode::FAILURE,
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "{}\n{error}", japanese(&error));
                ExitCode::FAILURE
            }
        }
    }
}

impl CaArgs {
    fn make(self) -> Result<String, AuthorityError> {
        let authority = Authority::make(&self.dir, &self.host, &self.facility)?;
        let mut text = String::from(
            "試用のための鍵です。実際の運用には使わないでください。\nFor trials only, never in service.\n\n",
        );
        let mut line = |what: &str, path: PathBuf| text.push_str(&format!("{what}: {}\n", path.display()));
        line("認証局 CA", authority.path("ca.pem"));
        line("ノード node", authority.path("node.pem"));
        for facility in &self.facility {
            line(&format!("施設 facility {facility}"), authority.facility(facility).0);
        }
        line("トークンの公開鍵 token keys", authority.path("jwks.json"));
        Ok(text)
    }
}

impl TokenArgs {
    fn print(self) -> Result<String, AuthorityError> {
        let Self { dir, member, facility, role, purpose, hours, issuer, audience } = self;
        let request = TokenRequest { member, facility, role, purpose, hours, issuer, audience };
        Ok(format!("{}\n", Authority::open(&dir)?.token(&request)?))
    }
}

fn japanese(error: &AuthorityError) -> String {
    match error {
        AuthorityError::Io { path, .. } => format!("{} を読み書きできません", path.display()),
        AuthorityError::Material { path, .. } => format!("{} を使えません", path.display()),
        AuthorityError::NoTokenKey(dir) => {
            format!("{} にトークンの鍵がありません。`ajisai dev ca --dir` で作ってください", dir.display())
        }
        AuthorityError::Claim(_) => "system 以外の役割には --member が必要です。system には付けられません".to_owned(),
    }
}

fn facility(text: &str) -> Result<FacilityId, String> {
    FacilityId::parse(text).map_err(|error| error.to_string())
}
fn member(text: &str) -> Result<MemberId, String> {
    MemberId::parse(text).map_err(|error| error.to_string())
}
fn role(text: &str) -> Result<Role, String> {
    text.parse().map_err(|error: model::UnknownRole| error.to_string())
}
fn purpose(text: &str) -> Result<Purpose, String> {
    text.parse().map_err(|error: model::UnknownPurpose| error.to_string())
}
