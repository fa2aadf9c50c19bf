//! A call as plain data: it can be looked at before it is sent.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Uri};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::error::Error;
use crate::id::EntityId;
use crate::token::Scope;

/// Which API version the call speaks.
pub(crate) const VERSION_HEADER: HeaderName = HeaderName::from_static("x-monite-version");
/// Which entity the call is about, where the path does not say it.
pub(crate) const ENTITY_HEADER: HeaderName = HeaderName::from_static("x-monite-entity-id");

/// One call to Monite, before it is sent. [`crate::Monite::send`] sends any, also to endpoints without a handle here.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) entity: Option<EntityId>,
    pub(crate) body: Option<Body>,
    pub(crate) repeat: Repeat,
    pub(crate) scope: Option<Scope>,
}

/// Whether sending a call twice leaves the same state as sending it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Safe: reads, absolute values, switches, deletes.
    Safe,
    /// Creates something: a second one would be a duplicate.
    Unsafe,
}

/// A JSON body, already encoded. Not shown in `Debug`: that of a token call holds the client secret.
#[derive(Clone)]
pub(crate) struct Body(pub(crate) Result<Bytes, String>);

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Ok(bytes) => write!(f, "[{} bytes]", bytes.len()),
            Err(what) => write!(f, "[{what}]"),
        }
    }
}

impl Request {
    /// A read. `operation` names the call in errors and logs, such as `entities.list`.
    pub fn get(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::GET, path, Repeat::Safe)
    }

    /// A create, unless [`Request::repeatable`] says otherwise.
    pub fn post(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::POST, path, Repeat::Unsafe)
    }

    /// A change to absolute values.
    pub fn patch(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::PATCH, path, Repeat::Safe)
    }

    /// A replacement.
    pub fn put(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::PUT, path, Repeat::Safe)
    }

    /// A removal. When a repeated one finds nothing, the first one did it.
    pub fn delete(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::DELETE, path, Repeat::Safe)
    }

    fn new(operation: &'static str, method: Method, path: impl Into<String>, repeat: Repeat) -> Self {
        let (path, query, entity, body) = (path.into(), Vec::new(), None, None);
        Self { operation, method, path, query, entity, body, repeat, scope: Some(Scope::Partner) }
    }

    /// The call is about this entity (`x-monite-entity-id`).
    #[must_use]
    pub fn on_behalf_of(mut self, entity: EntityId) -> Self {
        self.entity = Some(entity);
        self
    }

    /// With this token instead of that of the client, which is the partner's unless [`crate::Monite::acting_as`] made
    /// it.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Without any token; the body carries the credentials.
    #[must_use]
    pub(crate) fn without_token(mut self) -> Self {
        self.scope = None;
        self
    }

    /// Adds query parameters. Lists repeat their key: `id__in=a&id__in=b`.
    #[must_use]
    pub fn query(mut self, pairs: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        self.query.extend(pairs);
        self
    }

    /// Adds a JSON body.
    #[must_use]
    pub fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Self {
        self.body = Some(Body(serde_json::to_vec(body).map(Bytes::from).map_err(|error| error.to_string())));
        self
    }

    /// Sending it twice does no harm although it is a POST.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeat = Repeat::Safe;
        self
    }

    /// Name of the call in errors and logs.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// Whether it may be sent again when the first answer was lost.
    pub fn is_repeatable(&self) -> bool {
        self.repeat == Repeat::Safe
    }

    /// The HTTP request below `base_url`, for one attempt.
    pub(crate) fn to_http(
        &self, base_url: &str, version: &HeaderValue, token: Option<&SecretString>,
    ) -> Result<http::Request<Bytes>, Error> {
        let body = match &self.body {
            None => Bytes::new(),
            Some(Body(Ok(bytes))) => bytes.clone(),
            Some(Body(Err(what))) => {
                return Err(Error::invalid(format!("{}: {what}", self.operation)));
            }
        };
        let mut request = http::Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri(base_url)?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(VERSION_HEADER, version.clone());
        if self.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(entity) = self.entity {
            headers.insert(ENTITY_HEADER, header(&entity.to_string())?);
        }
        if let Some(token) = token {
            let mut bearer = header(&format!("Bearer {}", token.expose_secret()))?;
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        Ok(request)
    }

    fn uri(&self, base_url: &str) -> Result<Uri, Error> {
        let mut text = format!("{base_url}{}", self.path);
        if !self.query.is_empty() {
            text.push('?');
            let start = text.len();
            let mut encoded = url::form_urlencoded::Serializer::for_suffix(text, start);
            encoded.extend_pairs(&self.query);
            text = encoded.finish();
        }
        text.parse().map_err(|_| Error::invalid(format!("{}: {} is not a valid address", self.operation, self.path)))
    }
}

/// The error names no value: it may be a token.
fn header(value: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(value).map_err(|_| Error::invalid("a header value holds characters that HTTP does not allow"))
}
