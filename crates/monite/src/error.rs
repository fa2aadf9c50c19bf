//! What happened, whether to try again, and whom to ask.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::id::RequestId;
use crate::transport::TransportKind;

/// The cause below an [`Error`]. Shared, because everyone who waited for one token gets the same failure.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Why a call did not work. Its text never holds a secret: tokens and the client secret are cut out of
/// whatever a server or proxy sent back.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Monite answered, and the answer was no.
    #[error("Monite answered {status} to {operation}: {message}")]
    Api {
        /// Name of the call, such as `entities.create`.
        operation: &'static str,
        /// HTTP status.
        status: u16,
        /// Monite's words, at most 500 characters.
        message: String,
        /// The fields a 422 complains about.
        fields: Vec<FieldError>,
        /// Monite's number for the request.
        request_id: Option<RequestId>,
        /// How long Monite asks to wait.
        retry_after: Option<Duration>,
    },
    /// Monite does not accept the client id or the client secret. Trying again cannot help.
    #[error(
        "Monite refused the credentials with {status} ({message}): check that client id and client secret belong \
         together, are those of this environment (sandbox and production differ), and have not been revoked"
    )]
    Credentials {
        /// Name of the call.
        operation: &'static str,
        /// HTTP status.
        status: u16,
        /// Monite's words.
        message: String,
        /// Monite's number for the request.
        request_id: Option<RequestId>,
    },
    /// No answer arrived.
    #[error("{operation} got no answer: {kind}")]
    Transport {
        /// Name of the call.
        operation: &'static str,
        /// How far it came.
        kind: TransportKind,
        /// What the transport saw.
        #[source]
        source: Cause,
    },
    /// An answer arrived, but not one this crate can read.
    #[error("could not read Monite's answer to {operation}")]
    Decode {
        /// Name of the call.
        operation: &'static str,
        /// Monite's number for the request.
        request_id: Option<RequestId>,
        /// HTTP status.
        status: u16,
        /// What did not fit.
        #[source]
        source: Cause,
    },
    /// The call never went out, or was not repeated: its [`Deadline`](crate::Deadline) had passed.
    #[error("{operation} was not sent: {of} ended at {ended_at}")]
    TooLate {
        /// Name of the call.
        operation: &'static str,
        /// What ended.
        of: String,
        /// When.
        ended_at: Timestamp,
    },
    /// The call never went out: something the caller gave does not work.
    #[error("{what}")]
    Invalid {
        /// What is wrong, and what would be right.
        what: String,
    },
}

/// One wrong field of a 422.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldError {
    /// Where: `["body", "address", "city"]`.
    pub path: Vec<String>,
    /// Monite's words; versions differ, match on `path`.
    pub message: String,
    /// Monite's code, such as `missing`.
    pub kind: String,
}

impl FieldError {
    /// The path without `body`, dotted: `address.city`.
    pub fn dotted(&self) -> String {
        let path = match self.path.first().map(String::as_str) {
            Some("body") => &self.path[1..],
            _ => &self.path[..],
        };
        path.join(".")
    }
}

impl Error {
    /// Something the caller gave does not work.
    pub(crate) fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid { what: what.into() }
    }

    /// Name of the call, such as `entities.create`.
    pub fn operation(&self) -> Option<&'static str> {
        match self {
            Self::Api { operation, .. }
            | Self::Credentials { operation, .. }
            | Self::Transport { operation, .. }
            | Self::Decode { operation, .. }
            | Self::TooLate { operation, .. } => Some(operation),
            Self::Invalid { .. } => None,
        }
    }

    /// HTTP status, if an answer arrived.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Api { status, .. } | Self::Credentials { status, .. } | Self::Decode { status, .. } => Some(*status),
            Self::Transport { .. } | Self::TooLate { .. } | Self::Invalid { .. } => None,
        }
    }

    /// Monite's number for the request: what its support asks for.
    pub fn request_id(&self) -> Option<&RequestId> {
        match self {
            Self::Api { request_id, .. } | Self::Credentials { request_id, .. } | Self::Decode { request_id, .. } => {
                request_id.as_ref()
            }
            Self::Transport { .. } | Self::TooLate { .. } | Self::Invalid { .. } => None,
        }
    }

    /// The fields a 422 complains about; empty otherwise.
    pub fn fields(&self) -> &[FieldError] {
        match self {
            Self::Api { fields, .. } => fields,
            _ => &[],
        }
    }

    /// How long Monite asks to wait before the next try.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Might the same call work later? 409 is not here although Monite's Python SDK retries it: a conflict stays one.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Transport { .. } => true,
            Self::Api { status, .. } => matches!(status, 408 | 429 | 500..=599),
            // A 2xx that cannot be read has been done; asking again would be done again.
            Self::Decode { status, .. } => matches!(status, 408 | 429 | 500..=599),
            Self::Credentials { .. } | Self::TooLate { .. } | Self::Invalid { .. } => false,
        }
    }

    /// Could Monite have done it although we saw a failure? When true, look before you repeat a create.
    pub fn may_have_applied(&self) -> bool {
        match self {
            Self::Transport { kind, .. } => !kind.was_not_sent(),
            Self::Api { status, .. } => matches!(status, 408 | 500..=599),
            Self::Decode { status, .. } => matches!(status, 200..=399 | 408 | 500..=599),
            Self::Credentials { .. } | Self::TooLate { .. } | Self::Invalid { .. } => false,
        }
    }

    /// It was never sent, because a [`crate::Gate`] holds calls back.
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Transport { kind: TransportKind::Held, .. })
    }

    /// The call's [`Deadline`](crate::Deadline) had passed before it could leave: it was not made.
    pub fn is_too_late(&self) -> bool {
        matches!(self, Self::TooLate { .. })
    }

    /// The thing is not there: a 404, or a 400 that says so (older services of Monite answer that way).
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Api { status: 404, .. } => true,
            Self::Api { status: 400, message, .. } => {
                let text = message.to_ascii_lowercase();
                !says_token_dead(&text) && (text.contains("not found") || text.contains("there is no "))
            }
            _ => false,
        }
    }

    /// It clashes with something that exists: a name or login taken, a role in use.
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Api { status: 409, .. } => !self.is_permission_denied(),
            Self::Api { status: 400, message, .. } => {
                let text = message.to_ascii_lowercase();
                text.contains("already") && (text.contains("exist") || text.contains("taken") || text.contains("use"))
            }
            _ => false,
        }
    }

    /// The token lacks the right: 403, or the 409 `Action ... not allowed` that Monite's fixtures show.
    pub fn is_permission_denied(&self) -> bool {
        match self {
            Self::Api { status: 403, message, .. } => !says_token_dead(&message.to_ascii_lowercase()),
            Self::Api { status: 409, message, .. } => message.trim_end_matches('.').ends_with("not allowed"),
            _ => false,
        }
    }

    /// The access token expired or was revoked: get a new one and repeat, nothing was done.
    /// Monite answers 400 for it, not 401; the client accepts both.
    pub fn is_token_dead(&self) -> bool {
        match self {
            Self::Api { status: 401, .. } => true,
            Self::Api { status: 400 | 403, message, .. } => says_token_dead(&message.to_ascii_lowercase()),
            _ => false,
        }
    }
}

/// Monite's two sentences are "The token has been expired." and "The token has been revoked, expired or not found.";
/// its own client looks for `expired`.
fn says_token_dead(lowercase: &str) -> bool {
    lowercase.contains("token") && (lowercase.contains("expired") || lowercase.contains("revoked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(status: u16, message: &str) -> Error {
        Error::Api {
            operation: "test",
            status,
            message: message.to_owned(),
            fields: Vec::new(),
            request_id: None,
            retry_after: None,
        }
    }

    fn transport(kind: TransportKind) -> Error {
        Error::Transport { operation: "test", kind, source: Arc::new(std::io::Error::other("x")) }
    }

    fn decode(status: u16) -> Error {
        Error::Decode { operation: "test", request_id: None, status, source: Arc::new(std::io::Error::other("x")) }
    }

    #[test]
    fn again_and_may_have_applied() {
        let table: &[(Error, bool, bool)] = &[
            (transport(TransportKind::Connect), true, false),
            (transport(TransportKind::Timeout), true, true),
            (transport(TransportKind::Cut), true, true),
            (transport(TransportKind::Other), true, true),
            (transport(TransportKind::Held), true, false),
            (api(400, "no"), false, false),
            (api(401, "no"), false, false),
            (api(403, "no"), false, false),
            (api(404, "no"), false, false),
            (api(408, "slow"), true, true),
            (api(409, "taken"), false, false),
            (api(413, "big"), false, false),
            (api(422, "bad"), false, false),
            (api(429, "slow down"), true, false),
            (api(500, "oops"), true, true),
            (api(503, "later"), true, true),
            (decode(200), false, true),
            (decode(400), false, false),
            (Error::invalid("x"), false, false),
            (Error::TooLate { operation: "test", of: "x".to_owned(), ended_at: Timestamp::UNIX_EPOCH }, false, false),
        ];
        for (error, retryable, applied) in table {
            assert_eq!(error.is_retryable(), *retryable, "is_retryable of {error:?}");
            assert_eq!(error.may_have_applied(), *applied, "may_have_applied of {error:?}");
        }
    }

    #[test]
    fn what_kind_of_refusal() {
        let table: &[(u16, &str, &str)] = &[
            (400, "The token has been expired.", "token"),
            (400, "The token has been revoked, expired or not found.", "token"),
            (401, "whatever", "token"),
            (403, "Token expired", "token"),
            (400, "There is no entity by provided id: 1", "missing"),
            (400, "Payable not found", "missing"),
            (404, "Not Found", "missing"),
            (409, "Role with name \"x\" already exists", "conflict"),
            (400, "Login already exists", "conflict"),
            (409, "Action create for role not allowed", "denied"),
            (403, "Action read for payable not allowed", "denied"),
            (400, "state is required", "other"),
        ];
        for (status, message, kind) in table {
            let error = api(*status, message);
            assert_eq!(error.is_token_dead(), *kind == "token", "token: {error}");
            assert_eq!(error.is_not_found(), *kind == "missing", "missing: {error}");
            assert_eq!(error.is_conflict(), *kind == "conflict", "conflict: {error}");
            assert_eq!(error.is_permission_denied(), *kind == "denied", "denied: {error}");
        }
    }
}
