//! A call as plain data: it can be looked at before it is sent.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Uri};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::error::Error;
use crate::gate::Subject;
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
    /// Every other call needs it.
    pub(crate) for_all: bool,
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
        Self { operation, method, path, query, entity, body, repeat, scope: Some(Scope::Partner), for_all: false }
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

    /// Every other call needs this one.
    #[must_use]
    pub(crate) fn for_all(mut self, for_all: bool) -> Self {
        self.for_all = for_all;
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

    /// It asks, or is about a token: whether it was carried out makes no difference to anybody.
    pub(crate) fn leaves_no_trace(&self) -> bool {
        self.method == Method::GET || self.scope.is_none()
    }

    /// What the call is about: its entity, else what exactly is asked for.
    pub(crate) fn subject(&self) -> Subject {
        let mut hasher = DefaultHasher::new();
        if self.for_all {
            return Subject::Everything;
        }
        let in_path = self.path.strip_prefix("/entities/").and_then(|rest| rest.split('/').next());
        match (self.entity, in_path) {
            (Some(entity), _) => entity.to_string().hash(&mut hasher),
            (None, Some(entity)) => entity.hash(&mut hasher),
            (None, None) => {
                let body = self.body.as_ref().and_then(|body| body.0.as_ref().ok());
                (self.method.as_str(), &self.path, &self.query, body).hash(&mut hasher);
            }
        }
        Subject::Thing(hasher.finish())
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
