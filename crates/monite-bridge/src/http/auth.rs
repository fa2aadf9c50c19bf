//! Who calls: API keys with scopes, compared in constant time.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::problem::{Kind, Problem};

/// What a key may do. Every route below `/v1` names the one it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Read customers, users, roles, counts.
    Read,
    /// Write customers and users, import, retry.
    Write,
    /// Ask for users' tokens.
    Token,
    /// Manage the bridge itself.
    Admin,
}

impl Scope {
    /// The word `keys create --scopes` uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Token => "token",
            Self::Admin => "admin",
        }
    }
}

/// The keys that open `/v1`. Holds digests only.
#[derive(Clone, Default)]
pub struct ApiKeys {
    bootstrap: Option<[u8; 32]>,
}

impl std::fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKeys").field("bootstrap", &self.bootstrap.map(|_| "[redacted]")).finish()
    }
}

impl ApiKeys {
    /// The bootstrap key of `MONITE_BRIDGE_API_KEY`, which has every scope. Without one (or with a blank one) every call is refused.
    #[must_use]
    pub fn bootstrap(key: Option<&SecretString>) -> Self {
        let key = key.map(|key| key.expose_secret().trim()).filter(|key| !key.is_empty());
        Self { bootstrap: key.map(digest) }
    }

    /// Decides whether the call may use a route that needs `scope`.
    ///
    /// # Errors
    /// A 401 [`Problem`] for no key or a wrong one.
    pub fn check(&self, headers: &HeaderMap, _scope: Scope) -> Result<(), Problem> {
        let Some(expected) = &self.bootstrap else {
            let detail = "This bridge has no API key yet, so every call is refused: set MONITE_BRIDGE_API_KEY and start it again.";
            return Err(unauthorized(detail, "Bearer realm=\"monite-bridge\""));
        };
        let Some(given) = bearer(headers) else {
            let detail = "Send the API key as `Authorization: Bearer KEY`.";
            return Err(unauthorized(detail, "Bearer realm=\"monite-bridge\""));
        };
        // Digests are compared, so neither the length nor the first difference shows in the time it takes.
        if bool::from(digest(given).ct_eq(expected)) {
            return Ok(());
        }
        let detail = "This API key is not known.";
        Err(unauthorized(detail, "Bearer realm=\"monite-bridge\", error=\"invalid_token\""))
    }
}

fn unauthorized(detail: &str, challenge: &str) -> Problem {
    Problem::new(Kind::Unauthorized, detail).with_header(header::WWW_AUTHENTICATE, challenge)
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// The token of `Authorization: Bearer TOKEN`; the scheme's case does not matter (RFC 9110, section 11.1).
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The middleware in front of one route that needs `scope`.
pub(super) async fn require(
    State((keys, scope)): State<(Arc<ApiKeys>, Scope)>, request: Request, next: Next,
) -> Response {
    match keys.check(request.headers(), scope) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(configured: Option<&str>, sent: Option<&str>) -> Result<(), Kind> {
        let keys = ApiKeys::bootstrap(configured.map(SecretString::from).as_ref());
        let mut headers = HeaderMap::new();
        if let Some(sent) = sent {
            headers.insert(header::AUTHORIZATION, sent.parse().unwrap());
        }
        keys.check(&headers, Scope::Read).map_err(|problem| problem.kind())
    }

    #[test]
    fn only_the_right_key_opens() {
        let refused = Err(Kind::Unauthorized);
        for (configured, sent, expected) in [
            (Some("k1"), Some("Bearer k1"), Ok(())),
            (Some("k1"), Some("bearer  k1"), Ok(())),
            (Some("k1\n"), Some("Bearer k1"), Ok(())),
            (Some("k1"), Some("Bearer k2"), refused),
            (Some("k1"), Some("Bearer k11"), refused),
            (Some("k1"), Some("Bearer "), refused),
            (Some("k1"), Some("Basic k1"), refused),
            (Some("k1"), Some("k1"), refused),
            (Some("k1"), None, refused),
            (Some(""), Some("Bearer "), refused),
            (Some(" "), Some("Bearer  "), refused),
            (None, Some("Bearer k1"), refused),
            (None, None, refused),
        ] {
            assert_eq!(check(configured, sent), expected, "{configured:?} {sent:?}");
        }
    }

    #[test]
    fn the_key_does_not_show() {
        let shown = format!("{:?}", ApiKeys::bootstrap(Some(&SecretString::from("s3cr3t"))));
        assert_eq!(shown, "ApiKeys { bootstrap: Some(\"[redacted]\") }");
    }
}
