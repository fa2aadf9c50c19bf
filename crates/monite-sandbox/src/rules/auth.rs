//! Bodies of `POST /auth/token` and `POST /auth/revoke`.

use serde_json::Value;
use uuid::Uuid;

use super::form::{Wrong, body};
use super::text::{choice, string, uuid};

/// What a client shows to prove who it is. Neither `Debug` nor `Display`: the secret must not slip into a log.
pub(crate) struct Presented {
    pub(crate) client_id: Uuid,
    pub(crate) client_secret: String,
}

/// Whose token is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grant {
    ClientCredentials,
    /// `None`: the id was left out.
    EntityUser(Option<Uuid>),
}

/// Reads `ObtainTokenPayload`. With the other grant type `entity_user_id` has no effect.
pub(crate) fn token(raw: &[u8]) -> Result<(Presented, Grant), Wrong> {
    body(raw, |form| {
        let grant = form.required("grant_type", choice(&[("client_credentials", false), ("entity_user", true)]));
        let client_id = form.required("client_id", uuid);
        let client_secret = form.required("client_secret", string);
        let entity_user_id = form.optional("entity_user_id", uuid);
        let presented = Presented { client_id: client_id?, client_secret: client_secret? };
        Some((presented, if grant? { Grant::EntityUser(entity_user_id) } else { Grant::ClientCredentials }))
    })
}

/// Reads `RevokeTokenPayload`: who asks, and the token to end.
pub(crate) fn revoke(raw: &[u8]) -> Result<(Presented, String), Wrong> {
    body(raw, |form| {
        let client_id = form.required("client_id", uuid);
        let client_secret = form.required("client_secret", string);
        let token = form.required("token", |value: Value| string(value));
        Some((Presented { client_id: client_id?, client_secret: client_secret? }, token?))
    })
}
