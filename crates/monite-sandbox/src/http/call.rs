//! A call under `/v1` as it arrived, taken apart once.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use super::operations::{self, Route};
use crate::rules::version::{self, Version};
use crate::rules::{Wrong, text};
use crate::world::access::Bearer;
use crate::world::stamp::Stamp;
use crate::world::token::digest;

pub(crate) const VERSION_HEADER: &str = "x-monite-version";
pub(crate) const ENTITY_HEADER: &str = "x-monite-entity-id";

/// What the client sent, before anybody judged it.
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Under `/v1`.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) route: Option<&'static Route>,
    /// The raw id in the path.
    id: Option<String>,
    pub(crate) bearer: Bearer,
    /// As sent.
    pub(crate) version_header: Option<String>,
    /// What the header leads to; the newest without a header, or when it leads nowhere.
    pub(crate) version: Version,
    pub(crate) entity: Option<String>,
    pub(crate) body: Body,
    /// As the content type says it; without one it counts as JSON.
    is_json: bool,
    /// The sandbox's time when the call is handled.
    pub(crate) now: Stamp,
    /// When reads show what the call writes; `None`: at once.
    pub(crate) visible_at: Option<Stamp>,
}

/// A request body as far as it was read.
#[derive(Debug)]
pub(crate) enum Body {
    Whole(Bytes),
    TooLarge,
}

impl Call {
    pub(crate) fn new(parts: Parts, path: String, body: Body) -> Self {
        let version_header = header(&parts.headers, VERSION_HEADER);
        let version = version_header.as_deref().and_then(|header| version::judge(header).ok().flatten());
        let found = operations::find_for(version.unwrap_or(Version::NEWEST), &path);
        let (route, id) = found.map_or((None, None), |(route, id)| (Some(route), id.map(str::to_owned)));
        Self {
            query: parts.uri.query().map(str::to_owned),
            route,
            id,
            path,
            bearer: bearer(&parts.headers),
            version: version.unwrap_or(Version::NEWEST),
            version_header,
            entity: header(&parts.headers, ENTITY_HEADER),
            body,
            is_json: is_json(&parts.headers),
            now: Stamp::default(),
            visible_at: None,
            method: parts.method,
        }
    }

    /// The body as Monite reads it: FastAPI takes one that does not call itself JSON for a text, which is no object.
    pub(crate) fn raw_body(&self) -> &[u8] {
        let received = self.received_body();
        if self.is_json || received.is_empty() { received } else { b"\"not JSON\"" }
    }

    /// The body as it arrived.
    pub(crate) fn received_body(&self) -> &[u8] {
        match &self.body {
            Body::Whole(bytes) => bytes,
            Body::TooLarge => &[],
        }
    }

    /// The id in the path, called `name` in Monite's document.
    pub(crate) fn id(&self, name: &'static str) -> Result<Uuid, Wrong> {
        let raw = self.id.as_deref().unwrap_or_default();
        text::parse_uuid(raw).map_err(|wrong| wrong.at_key(name).at_key("path"))
    }

    /// The entity the call works in.
    pub(crate) fn entity_header(&self) -> Result<Uuid, Wrong> {
        let read = match &self.entity {
            Some(raw) => text::parse_uuid(raw),
            None => Err(Wrong::here("Field required", "missing")),
        };
        read.map_err(|wrong| wrong.at_key(ENTITY_HEADER).at_key("header"))
    }
}

/// The path under `/v1`, if it is there. Percent signs are decoded before anything looks at it, as Monite's server
/// does, slashes included.
pub(crate) fn under_v1(uri: &Uri) -> Option<String> {
    let path = percent_decode_str(uri.path()).decode_utf8_lossy();
    path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).map(str::to_owned)
}

/// The text of a header, of the first one if there are several. What is not UTF-8 is no value that anything accepts.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(http::header::CONTENT_TYPE) else {
        return true;
    };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/");
    subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

fn bearer(headers: &HeaderMap) -> Bearer {
    let Some(value) = headers.get(http::header::AUTHORIZATION) else {
        return Bearer::Absent;
    };
    let token = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty());
    token.map_or(Bearer::Garbled, |(_, token)| Bearer::Token(digest(token.trim())))
}
