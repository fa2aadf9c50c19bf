//! Paths, queries and bodies, parsed once into types that need no further check.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use futures::StreamExt as _;
use serde_json::Value;

use super::problem::{Kind, Problem};
use crate::domain::{CustomerId, UserId};

/// Longest document, in bytes. The longest that is valid takes a few KiB.
pub(super) const MAX_DOCUMENT_BYTES: usize = 1024 * 1024;

const TOO_LONG: &str = "A document has at most 1 MiB; many go through POST /v1/import.";

/// `{customer}` of the path.
pub(super) struct OfCustomer(pub(super) CustomerId);

/// `{customer}` and `{user}` of the path.
pub(super) struct OfUser(pub(super) CustomerId, pub(super) UserId);

impl<S: Send + Sync> FromRequestParts<S> for OfCustomer {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = params(parts, state).await?;
        Ok(Self(param(&params, "customer", CustomerId::parse)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OfUser {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = params(parts, state).await?;
        Ok(Self(param(&params, "customer", CustomerId::parse)?, param(&params, "user", UserId::parse)?))
    }
}

async fn params<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<RawPathParams, Problem> {
    let refused = |_| Problem::parameter("path", "the percent-encoded bytes in the path are not UTF-8");
    RawPathParams::from_request_parts(parts, state).await.map_err(refused)
}

fn param<T, E: std::fmt::Display>(
    params: &RawPathParams, name: &str, parse: fn(&str) -> Result<T, E>,
) -> Result<T, Problem> {
    // The router only comes here with every parameter of its pattern.
    let text = params.iter().find(|(given, _)| *given == name).map_or("", |(_, text)| text);
    parse(text).map_err(|error| Problem::parameter(name, error.to_string()))
}

/// The parameters of a query, each at most once.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query; a parameter that is not in `known` is refused, because a filter with a typo would show everything.
    pub(super) fn read(parts: &Parts, known: &[&str]) -> Result<Self, Problem> {
        let mut found: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            if !known.contains(&name.as_ref()) {
                return Err(Problem::parameter(&name, format!("unknown parameter; known are {}", known.join(", "))));
            }
            if found.iter().any(|(earlier, _)| *earlier == name) {
                return Err(Problem::parameter(&name, "given twice"));
            }
            found.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(found))
    }

    /// A parameter's value; an empty one is as good as none.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, value)| given == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }
}

/// A JSON document in the body.
pub(super) struct Document(pub(super) Value);

impl<S: Send + Sync> FromRequest<S> for Document {
    type Rejection = Problem;
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read_json(request, &["application/json"]).await.map(Self)
    }
}

/// A JSON merge patch in the body.
pub(super) struct MergePatch(pub(super) Value);

impl<S: Send + Sync> FromRequest<S> for MergePatch {
    type Rejection = Problem;
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read_json(request, &["application/merge-patch+json", "application/json"]).await.map(Self)
    }
}

async fn read_json(request: Request, accepted: &[&str]) -> Result<Value, Problem> {
    check_media_type(request.headers(), accepted)?;
    let bytes = read_whole(request.into_body(), MAX_DOCUMENT_BYTES, TOO_LONG).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        // Without the place that serde_json writes at the end: it is named in front.
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or_default().to_owned();
        let detail = match (error.line(), error.column()) {
            (0, _) => what,
            (line, column) => format!("line {line}, column {column}: {what}"),
        };
        Problem::new(Kind::InvalidJson, detail)
    })
}

/// Refuses a body that says it is something else. One that says nothing is taken at its bytes.
pub(super) fn check_media_type(headers: &HeaderMap, accepted: &[&str]) -> Result<(), Problem> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let given = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if accepted.iter().any(|one| one.eq_ignore_ascii_case(given)) {
        return Ok(());
    }
    let detail = format!("Send it as Content-Type: {}.", accepted.join(" or "));
    Err(Problem::new(Kind::UnsupportedMediaType, detail).with_header(header::ACCEPT, &accepted.join(", ")))
}

/// The whole body, if it has at most `limit` bytes; no more of it is read otherwise.
pub(super) async fn read_whole(body: Body, limit: usize, too_long: &str) -> Result<Vec<u8>, Problem> {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Problem::new(Kind::Unreadable, "The body broke off."))?;
        if bytes.len() + chunk.len() > limit {
            return Err(Problem::new(Kind::TooLarge, too_long));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
