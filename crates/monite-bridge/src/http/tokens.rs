//! Tokens: for the product's backend, and for the browser with a session. Both can only ever give entity-user tokens.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use monite::{EntityId, EntityUserId};
use serde::Serialize;

use super::auth::bearer;
use super::customers::no_such_customer;
use super::extract::OfUser;
use super::peer::ClientAddress;
use super::problem::{Kind, Problem};
use super::users::no_such_user;
use super::{App, Shared};
use crate::broker::{BrokerError, Handout};
use crate::domain::{CustomerId, UserId};
use crate::session::{SessionError, SessionUser};

/// What an SDK's `fetchToken` answers, and what the React SDK needs before its first call.
#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    token_type: &'a str,
    expires_in: u64,
    entity_id: EntityId,
    entity_user_id: EntityUserId,
    api_url: &'a str,
}

/// `POST /v1/customers/{customer}/users/{user}/token`.
pub(super) async fn for_user(State(app): State<Shared>, OfUser(customer, user): OfUser) -> Result<Response, Problem> {
    match app.broker.token_for(&customer, &user).await {
        Ok(handout) => Ok(hand_out(&app, &handout)),
        Err(error) => Err(refuse(error, &customer, &user)),
    }
}

/// `GET|POST /v1/token`.
pub(super) async fn for_session(
    State(app): State<Shared>, ClientAddress(address): ClientAddress, headers: HeaderMap,
) -> Result<Response, Problem> {
    app.door.admit_address(address, app.clock.now())?;
    let SessionUser { customer, user } = session(&app, &headers).await?;
    match app.broker.token_for(&customer, &user).await {
        Ok(handout) => Ok(hand_out(&app, &handout)),
        Err(BrokerError::NoSuchCustomer | BrokerError::NoSuchUser) => {
            let detail = format!(
                "The session is fine, but its user {user} of the customer {customer} is not known here: PUT it first."
            );
            Err(Problem::new(Kind::UserNotKnown, detail))
        }
        Err(error) => Err(refuse(error, &customer, &user)),
    }
}

async fn session(app: &App, headers: &HeaderMap) -> Result<SessionUser, Problem> {
    let Some(sessions) = &app.sessions else {
        let detail = "Sessions are not configured: set session.preset, jwks_url, jwks_file or hs256_secret_env, or ask with an API key at \
                      /v1/customers/{customer}/users/{user}/token.";
        return Err(Problem::new(Kind::SessionsOff, detail));
    };
    let Some(token) = bearer(headers) else {
        let detail = "Send the session's JWT as `Authorization: Bearer JWT`.";
        return Err(Problem::new(Kind::InvalidSession, detail)
            .with_header(header::WWW_AUTHENTICATE, "Bearer realm=\"session\""));
    };
    let user = sessions.verify(token).await.map_err(no_session)?;
    app.door.admit_session(token, app.clock.now())?;
    Ok(user)
}

/// What the page is told when its session counts for nothing, or cannot be judged now.
fn no_session(error: SessionError) -> Problem {
    match error {
        SessionError::Refused(refusal) => {
            let challenge = "Bearer realm=\"session\", error=\"invalid_token\"";
            Problem::new(Kind::InvalidSession, format!("The session token is refused: {refusal}."))
                .with_header(header::WWW_AUTHENTICATE, challenge)
        }
        SessionError::KeysUnavailable { retry_after } => {
            let detail = "Whether the session is a good one cannot be told: its issuer does not show the key it is signed with. Ask again.";
            Problem::new(Kind::SessionKeysUnavailable, detail).retry_after(whole_seconds(retry_after))
        }
        SessionError::CheckUnavailable => {
            let detail =
                "The session is signed well, but its issuer does not say whether it is still alive. Ask again.";
            Problem::new(Kind::SessionCheckUnavailable, detail).retry_after(1)
        }
    }
}

/// In full, and never at once.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1000).clamp(1, 3600) as u64
}

fn hand_out(app: &App, handout: &Handout) -> Response {
    let answer = Answer {
        access_token: handout.token.expose(),
        token_type: handout.token.token_type(),
        expires_in: handout.expires_in,
        entity_id: handout.entity_id,
        entity_user_id: handout.entity_user_id,
        api_url: app.broker.api_url(),
    };
    let mut response = Json(answer).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// What the caller is told when there is no token.
fn refuse(error: BrokerError, customer: &CustomerId, user: &UserId) -> Problem {
    match error {
        BrokerError::NoSuchCustomer => no_such_customer(customer),
        BrokerError::NoSuchUser => no_such_user(customer, user),
        BrokerError::CustomerGone => {
            Problem::new(Kind::Deactivated, format!("The customer {customer} is deactivated."))
        }
        BrokerError::UserGone => {
            Problem::new(Kind::Deactivated, format!("The user {user} of the customer {customer} is deleted."))
        }
        BrokerError::NotYet { customer, user } => {
            let detail =
                format!("The customer is {customer} and the user is {user}: there is a token once both are in_sync.");
            Problem::new(Kind::NotYet, detail).retry_after(1)
        }
        BrokerError::Changed => Problem::new(Kind::NotYet, "The user changed just now; ask again.").retry_after(1),
        BrokerError::Late => unavailable(&error).retry_after(1),
        BrokerError::LifeTooShort { .. } => {
            tracing::error!(%error, "no token can be handed out");
            Problem::new(Kind::TokenLifeTooShort, format!("{error}. Ask Monite for a longer token life."))
        }
        BrokerError::Monite(error) => of_monite(&error),
        BrokerError::Store(error) => error.into(),
    }
}

fn of_monite(error: &monite::Error) -> Problem {
    if matches!(error, monite::Error::Credentials { .. }) {
        tracing::error!(error = error as &dyn std::error::Error, "Monite refused the credentials");
        return Problem::new(
            Kind::MoniteCredentials,
            "Somebody has to mend the bridge's client id and client secret; its log says more.",
        );
    }
    if error.is_retryable() {
        let seconds = error.retry_after().map_or(1, |wait| wait.as_secs().max(1));
        return unavailable(error).retry_after(seconds);
    }
    tracing::error!(error = error as &dyn std::error::Error, "Monite refused a token");
    Problem::new(Kind::MoniteRefused, "Monite gave no token for this user; the bridge's log has its reason.")
}

fn unavailable(error: &dyn std::error::Error) -> Problem {
    tracing::warn!(%error, "no token: Monite cannot be asked");
    Problem::new(
        Kind::MoniteUnavailable,
        "No token is in memory that lives long enough, and no new one is to be had. Ask again.",
    )
}
