//! Who calls: API keys with scopes, as `Authorization: Bearer KEY` (RFC 6750).

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::audit::{self, Pending};
use super::problem::{Kind, Problem};
use crate::api_key::ring::KeyRefusal;
use crate::api_key::{Caller, Scope};

/// Decides whether the call may use a route that needs `scope`.
async fn check(app: &Shared, headers: &HeaderMap, scope: Scope) -> Result<Caller, Option<KeyRefusal>> {
    let given = bearer(headers).ok_or(None)?;
    app.keys.check(given, scope).await.map_err(Some)
}

/// `None`: there was no key at all.
fn refuse(refusal: Option<KeyRefusal>) -> Problem {
    const INVALID: &str = "Bearer realm=\"monite-bridge\", error=\"invalid_token\"";
    let Some(refusal) = refusal else {
        let detail = "Send the API key as `Authorization: Bearer KEY`; `monite-bridge keys create` makes one.";
        return unauthorized(detail, "Bearer realm=\"monite-bridge\"");
    };
    match refusal {
        KeyRefusal::Unknown => {
            unauthorized("This API key is not known; `monite-bridge keys list` shows those there are.", INVALID)
        }
        KeyRefusal::Revoked { id, at } => unauthorized(format!("The API key {id} was revoked at {at}."), INVALID),
        KeyRefusal::Expired { id, at } => {
            let detail = format!("The API key {id} expired at {at}; `monite-bridge keys create` makes another one.");
            unauthorized(detail, INVALID)
        }
        KeyRefusal::Scope { id, needed } => {
            let needed = needed.as_str();
            let detail = format!("The API key {id} has not the scope {needed}, which this route needs.");
            let challenge = format!("Bearer realm=\"monite-bridge\", error=\"insufficient_scope\", scope=\"{needed}\"");
            Problem::new(Kind::Forbidden, detail).with_header(header::WWW_AUTHENTICATE, &challenge)
        }
        KeyRefusal::Store(error) => error.into(),
    }
}

fn unauthorized(detail: impl Into<String>, challenge: &str) -> Problem {
    Problem::new(Kind::Unauthorized, detail).with_header(header::WWW_AUTHENTICATE, challenge)
}

/// The token of `Authorization: Bearer TOKEN`; the scheme's case does not matter (RFC 9110, section 11.1).
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The middleware in front of one route that needs `scope`. Who called is an extension of the request from here on.
pub(super) async fn require(State((app, scope)): State<(Shared, Scope)>, mut request: Request, next: Next) -> Response {
    match check(&app, request.headers(), scope).await {
        Ok(caller) => {
            let pending = Pending::begin(&app, &caller, &mut request).await;
            request.extensions_mut().insert(caller);
            let answer = next.run(request).await;
            if let Some(pending) = pending {
                pending.end(answer.status());
            }
            answer
        }
        Err(refusal) => {
            audit::refused(&app, refusal.as_ref(), &mut request).await;
            refuse(refusal).into_response()
        }
    }
}
