//! Every error of the API as RFC 9457 `application/problem+json`: one type that knows how to answer.
//!
//! What a 5xx says to the caller is a fixed sentence; what really happened goes to the log, once, with its whole chain.

use std::error::Error;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::domain::Generation;
use crate::domain::document::FieldError;
use crate::store::StoreError;

/// The media type of RFC 9457.
pub const CONTENT_TYPE: &str = "application/problem+json";

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $slug:literal, $title:literal;)*) => {
        /// What went wrong, as a program tells it apart: the `type` member is `urn:monite-bridge:problem:` and the slug.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// All of them, for the OpenAPI document.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The HTTP status it is answered with.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// The last part of the `type` member; never changes once released.
            #[must_use]
            pub fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            /// The `title` member: the same for every problem of the kind.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

kinds! {
    /// The body is not JSON.
    InvalidJson = BAD_REQUEST, "invalid-json", "The body is not valid JSON";
    /// The body broke off, or a header cannot be read.
    Unreadable = BAD_REQUEST, "unreadable-request", "The request cannot be read";
    /// No API key, or not a right one.
    Unauthorized = UNAUTHORIZED, "unauthorized", "A valid API key is needed";
    /// No session token, or one that is not accepted.
    InvalidSession = UNAUTHORIZED, "invalid-session", "The session is not accepted";
    /// A webhook that Monite did not sign, or not lately.
    InvalidSignature = UNAUTHORIZED, "invalid-signature", "The signature is not accepted";
    /// The key does not have the scope this route needs.
    Forbidden = FORBIDDEN, "missing-scope", "This API key may not do that";
    /// The session is fine, but its user is not known here.
    UserNotKnown = FORBIDDEN, "user-not-known", "The session's user is not known here";
    /// No token for a deleted user or a deactivated customer.
    Deactivated = FORBIDDEN, "deactivated", "Deleted or deactivated";
    /// No such route.
    NoSuchRoute = NOT_FOUND, "no-such-route", "There is no such route";
    /// No such customer.
    NoSuchCustomer = NOT_FOUND, "no-such-customer", "There is no such customer";
    /// No such user.
    NoSuchUser = NOT_FOUND, "no-such-user", "There is no such user";
    /// The browser-facing token route is switched off.
    SessionsOff = NOT_FOUND, "sessions-not-configured", "Sessions are not configured";
    /// The route exists, the method does not.
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method-not-allowed", "This method is not allowed here";
    /// No token yet: the user or its customer has not reached Monite.
    NotYet = CONFLICT, "not-at-monite-yet", "Not at Monite yet";
    /// A merge patch for something that was deleted.
    Deleted = CONFLICT, "deleted", "It was deleted";
    /// The customer is being erased.
    BeingErased = CONFLICT, "being-erased", "The customer is being erased";
    /// `If-Match` or `If-None-Match` does not hold.
    PreconditionFailed = PRECONDITION_FAILED, "precondition-failed", "It has changed meanwhile";
    /// The body is too long.
    TooLarge = PAYLOAD_TOO_LARGE, "too-large", "The body is too large";
    /// The body has another media type than the route reads.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "This media type is not read here";
    /// The document is wrong; `errors` names every wrong field.
    InvalidDocument = UNPROCESSABLE_ENTITY, "invalid-document", "The document is not accepted";
    /// A session or an address asks for tokens too often.
    TooManyRequests = TOO_MANY_REQUESTS, "too-many-requests", "Too many requests";
    /// An id in the path or a query parameter is wrong.
    InvalidParameter = UNPROCESSABLE_ENTITY, "invalid-parameter", "A parameter is not accepted";
    /// A defect of the bridge.
    Internal = INTERNAL_SERVER_ERROR, "internal-error", "Something went wrong inside the bridge";
    /// Monite refused the bridge's credentials.
    MoniteCredentials = BAD_GATEWAY, "monite-credentials", "Monite refused the bridge's credentials";
    /// Monite refused the call for another reason.
    MoniteRefused = BAD_GATEWAY, "monite-refused", "Monite refused the call";
    /// Monite's tokens live too short for the browser SDK.
    TokenLifeTooShort = BAD_GATEWAY, "token-life-too-short", "Monite's tokens do not live long enough";
    /// Monite cannot be asked right now.
    MoniteUnavailable = SERVICE_UNAVAILABLE, "monite-unavailable", "Monite cannot be asked right now";
    /// The keys that sessions are signed with cannot be had.
    SessionKeysUnavailable = SERVICE_UNAVAILABLE, "session-keys-unavailable", "The issuer's keys cannot be had right now";
    /// Whether a session is still alive must be asked, and cannot be.
    SessionCheckUnavailable = SERVICE_UNAVAILABLE, "session-check-unavailable", "The session cannot be checked right now";
    /// The bridge's database cannot be used right now.
    StoreUnavailable = SERVICE_UNAVAILABLE, "store-unavailable", "The database cannot be used right now";
    /// The process is shutting down.
    ShuttingDown = SERVICE_UNAVAILABLE, "shutting-down", "The bridge is shutting down";
    /// The answer took too long.
    TimedOut = SERVICE_UNAVAILABLE, "timed-out", "The answer took too long";
}

impl Kind {
    /// The `type` member.
    #[must_use]
    pub fn urn(self) -> String {
        format!("urn:monite-bridge:problem:{}", self.slug())
    }
}

/// One problem, ready to be answered.
#[derive(Debug)]
pub struct Problem {
    kind: Kind,
    detail: String,
    errors: Vec<FieldError>,
    generation: Option<Generation>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem with a sentence for the person who reads it.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), generation: None, headers: Vec::new() }
    }

    /// A document refused at the door, with everything that is wrong in it.
    #[must_use]
    pub fn document(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(Kind::InvalidDocument, "Correct the fields named in `errors` and send it again.") }
    }

    /// One parameter in the path or the query that is wrong.
    #[must_use]
    pub fn parameter(name: &str, message: impl Into<String>) -> Self {
        let error = FieldError { field: name.to_owned(), message: message.into() };
        let detail = format!("{}: {}", error.field, error.message);
        Self { errors: vec![error], ..Self::new(Kind::InvalidParameter, detail) }
    }

    /// `If-Match` or `If-None-Match` does not hold; what is there instead.
    #[must_use]
    pub fn precondition(there: Option<Generation>) -> Self {
        let detail = match there {
            Some(generation) => format!("It is at generation {generation} now. Read it again and decide anew."),
            None => "There is nothing yet that the condition could be true of.".to_owned(),
        };
        let mut problem = Self::new(Kind::PreconditionFailed, detail);
        problem.generation = there;
        match there {
            Some(generation) => problem.with_header(header::ETAG, &format!("\"{generation}\"")),
            None => problem,
        }
    }

    /// A failure that tells the caller nothing; the log gets it all, once, here.
    #[must_use]
    pub fn internal(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error, "a request failed");
        Self::new(Kind::Internal, "The log has the details under this answer's x-request-id.")
    }

    /// Adds a header; a value that no header can hold is left out.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// Says when to come back, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, &seconds.to_string())
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Closed => {
                Self::new(Kind::ShuttingDown, "Nothing was stored. Try again in a moment.").retry_after(1)
            }
            StoreError::Corrupt { .. } => Self::internal(&error),
            StoreError::Database { .. } | StoreError::Open { .. } => {
                tracing::error!(error = &error as &dyn Error, "the store failed");
                Self::new(Kind::StoreUnavailable, "Whether it was stored is not known; sending it again is safe.")
                    .retry_after(1)
            }
        }
    }
}

/// The members of RFC 9457, and two of our own.
#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<Generation>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: self.kind.urn(),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: &self.detail,
            errors: &self.errors,
            generation: self.generation,
        };
        // Strings and numbers only: this cannot fail, and an empty body would still carry the status.
        let bytes = serde_json::to_vec(&body).unwrap_or_default();
        let mut answer = (self.kind.status(), [(header::CONTENT_TYPE, CONTENT_TYPE)], bytes).into_response();
        for (name, value) in self.headers {
            answer.headers_mut().append(name, value);
        }
        answer
    }
}
