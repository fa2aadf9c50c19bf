//! A call under `/v1` as it arrived, taken apart once.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Uri};
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
            now: Stamp::default(),
            visible_at: None,
            method: parts.method,
        }
    }

    pub(crate) fn raw_body(&self) -> &[u8] {
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

/// The path under `/v1`, if it is there.
pub(crate) fn under_v1(uri: &Uri) -> Option<&str> {
    uri.path().strip_prefix("/v1").filter(|rest| rest.starts_with('/'))
}

/// A header's text; unreadable bytes count as absent.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
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
