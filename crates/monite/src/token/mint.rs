//! `/auth/token` and `/auth/revoke`.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{AccessToken, Scope};
use crate::answer::Answer;
use crate::builder::Credentials;
use crate::clock::later;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::id::{ClientId, EntityUserId};
use crate::limit::Priority;
use crate::request::Request;
use crate::wire::{Journey, Wire};

/// Name of the mint in errors and logs.
pub(super) const MINT: &str = "auth.token";

/// Asks Monite for tokens. The only one who opens the client secret.
#[derive(Clone, Debug)]
pub(crate) struct Minter {
    wire: Arc<Wire>,
    credentials: Credentials,
}

#[derive(Serialize)]
struct TokenBody<'a> {
    client_id: ClientId,
    client_secret: &'a str,
    grant_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_user_id: Option<EntityUserId>,
}

#[derive(Serialize)]
struct RevokeBody<'a> {
    client_id: ClientId,
    client_secret: &'a str,
    token: &'a str,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    token_type: String,
    expires_in: u64,
}

#[derive(Deserialize)]
struct MessageAnswer {
    message: String,
}

impl Minter {
    pub(crate) fn new(wire: Arc<Wire>, credentials: Credentials) -> Self {
        Self { wire, credentials }
    }

    /// Fetches a new token. Older ones stay good, so a lost answer harms nobody and it may be asked again.
    pub(crate) async fn mint(
        &self, scope: Scope, priority: Priority, deadline: Option<Deadline>,
    ) -> Result<AccessToken, Error> {
        let (grant_type, entity_user_id) = match scope {
            Scope::Partner => ("client_credentials", None),
            Scope::EntityUser(user) => ("entity_user", Some(user)),
        };
        let body = TokenBody {
            client_id: self.credentials.client_id(),
            client_secret: self.credentials.expose_secret(),
            grant_type,
            entity_user_id,
        };
        let request = Request::post(MINT, "/auth/token").without_token().repeatable().for_all(scope == Scope::Partner);
        let request = request.json(&body);
        let answer = self.send(request, priority, &[], deadline).await.map_err(|error| refused(error, scope))?;
        token(&answer)
    }

    /// Makes a token worthless. The message is Monite's.
    pub(crate) async fn revoke(&self, token: &SecretString, priority: Priority) -> Result<String, Error> {
        let body = RevokeBody {
            client_id: self.credentials.client_id(),
            client_secret: self.credentials.expose_secret(),
            token: token.expose_secret(),
        };
        let request = Request::post("auth.revoke", "/auth/revoke").without_token().repeatable().json(&body);
        let answer = self.send(request, priority, &[token], None).await?;
        Ok(answer.json::<MessageAnswer>()?.message)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.wire.now()
    }

    pub(crate) fn chance(&self) -> f64 {
        self.wire.chance()
    }

    async fn send(
        &self, request: Request, priority: Priority, more: &[&SecretString], deadline: Option<Deadline>,
    ) -> Result<Answer, Error> {
        let mut secrets = vec![self.credentials.secret()];
        secrets.extend(more);
        self.wire.call(&request, None, &secrets, &mut Journey::new(priority, None, deadline)).await
    }
}

/// Monite documents neither the status nor the text for wrong credentials. 401, 403 and, for the partner's own token,
/// 400 can mean nothing else; for a user's token a 400 may also mean the user.
fn refused(error: Error, scope: Scope) -> Error {
    match error {
        Error::Api { operation, status, message, request_id, .. }
            if matches!(status, 401 | 403)
                || (status == 400 && (scope == Scope::Partner || is_about_client(&message))) =>
        {
            Error::Credentials { operation, status, message, request_id }
        }
        other => other,
    }
}

fn is_about_client(message: &str) -> bool {
    let text = message.to_ascii_lowercase();
    text.contains("client") || text.contains("credentials")
}

fn token(answer: &Answer) -> Result<AccessToken, Error> {
    let wire: TokenAnswer = answer.secret_json()?;
    let expires_at = later(answer.sent_at, Duration::from_secs(wire.expires_in));
    Ok(AccessToken::new(SecretString::from(wire.access_token), wire.token_type, answer.sent_at, expires_at))
}
