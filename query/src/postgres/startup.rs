//! Opening a connection: TLS where it is required, the token as the password, the options sent along.

use super::settings::Settings;
use super::{Desk, fatal};
use crate::QueryError;
use crate::catalogue::CATALOG;
use crate::principal::AuthError;
use async_trait::async_trait;
use datafusion_postgres::pgwire::api::auth::{
    DefaultServerParameterProvider, ServerParameterProvider, StartupHandler, finish_authentication,
    protocol_negotiation, save_startup_parameters_to_metadata,
};
use datafusion_postgres::pgwire::api::{
    ClientInfo, METADATA_DATABASE, METADATA_USER, PgWireConnectionState, PidSecretKeyGenerator,
    RandomPidSecretKeyGenerator,
};
use datafusion_postgres::pgwire::error::{PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::startup::Authentication;
use datafusion_postgres::pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use futures::{Sink, SinkExt};
use model::Principal;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::LazyLock;

/// The PostgreSQL version clients are told, which decides what they ask of `pg_catalog`.
pub(super) const SERVER_VERSION: &str = "16.6 (ajisai)";

static KEYS: LazyLock<RandomPidSecretKeyGenerator> = LazyLock::new(RandomPidSecretKeyGenerator::default);

/// Startup parameters that are not settings.
const NOT_SETTINGS: &[&str] = &["user", "database", "options", "replication"];

#[async_trait]
impl StartupHandler for Desk {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        match message {
            PgWireFrontendMessage::Startup(ref startup) => {
                if self.tls.is_some() && !client.is_secure() {
                    return Err(fatal("28000", "this server takes TLS only; connect with sslmode=verify-full".into()));
                }
                protocol_negotiation(client, startup).await?;
                save_startup_parameters_to_metadata(client, startup);
                client.set_state(PgWireConnectionState::AuthenticationInProgress);
                client.send(PgWireBackendMessage::Authentication(Authentication::CleartextPassword)).await?;
            }
            PgWireFrontendMessage::PasswordMessageFamily(password) => {
                let token = password.into_password()?.password;
                let principal = self.recognise(&token).await?;
                let database =
                    client.metadata().get(METADATA_DATABASE).or_else(|| client.metadata().get(METADATA_USER));
                if database.is_some_and(|database| database != CATALOG) {
                    return Err(fatal(
                        "3D000",
                        format!("the only database here is `{CATALOG}`; connect with dbname={CATALOG}"),
                    ));
                }
                *self.connection.settings.lock() =
                    settings(client.metadata()).map_err(|e| fatal(e.sqlstate(), e.to_string()))?;
                let _ = self.connection.token.set(token);
                let (pid, key) = KEYS.generate(client);
                client.set_pid_and_secret_key(pid, key.clone());
                self.connections.open(pid, key, &self.connection);
                finish_authentication(client, &Told(principal)).await?;
            }
            _ => {}
        }
        Ok(())
    }
}

impl Desk {
    /// Whose token this is, now.
    async fn recognise(&self, token: &str) -> PgWireResult<Principal> {
        self.authenticator.token(token).await.map_err(|error| match error {
            AuthError::Refused { .. } => fatal("28P01", error.to_string()),
            AuthError::Unavailable => fatal("57P03", error.to_string()),
        })
    }

    /// The connection's principal, recognised anew.
    pub(super) async fn principal(&self) -> PgWireResult<Principal> {
        match self.connection.token.get() {
            Some(token) => self.recognise(token).await,
            None => Err(fatal("28000", "who asks is not known".to_owned())),
        }
    }
}

/// The settings among the startup parameters, and in `options` as `-c name=value` or `--name=value`.
fn settings(parameters: &HashMap<String, String>) -> Result<Settings, QueryError> {
    let mut settings = Settings::default();
    for (name, value) in parameters {
        if !NOT_SETTINGS.contains(&name.as_str()) {
            settings.set(name, value)?;
        }
    }
    let mut words = parameters.get("options").map(String::as_str).unwrap_or_default().split_whitespace();
    while let Some(word) = words.next() {
        let pair = match word {
            "-c" => words.next(),
            _ => word.strip_prefix("-c").or_else(|| word.strip_prefix("--")),
        };
        let pair = pair.and_then(|pair| pair.split_once('='));
        let (name, value) =
            pair.ok_or_else(|| QueryError::Setting { message: "`options` takes `-c name=value`".to_owned() })?;
        settings.set(&name.replace('-', "_"), value)?;
    }
    Ok(settings)
}

/// What the server says of itself and of the session when it opens.
struct Told(Principal);

impl ServerParameterProvider for Told {
    fn server_parameters<C: ClientInfo>(&self, client: &C) -> Option<HashMap<String, String>> {
        let mut standard = DefaultServerParameterProvider::default();
        standard.server_version = SERVER_VERSION.to_owned();
        standard.is_superuser = false;
        standard.default_transaction_read_only = true;
        let mut parameters = standard.server_parameters(client)?;
        parameters.insert("ajisai.facility".to_owned(), self.0.facility.as_str().to_owned());
        parameters.insert("ajisai.purpose".to_owned(), self.0.purpose.code().to_owned());
        Some(parameters)
    }
}
