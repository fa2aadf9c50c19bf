//! One answer of the bridge.

use std::fmt;

use axum::response::Response;
use http::HeaderMap;
use serde_json::Value;

/// Status, headers and the whole body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: String,
}

impl Answer {
    pub(super) async fn read(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Self { status: head.status.as_u16(), headers: head.headers, body: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub(crate) fn text(&self) -> &str {
        &self.body
    }

    pub(crate) fn try_json(&self) -> Option<Value> {
        serde_json::from_str(&self.body).ok()
    }

    pub(crate) fn json(&self) -> Value {
        self.try_json().unwrap_or_else(|| panic!("not JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Where the object stands.
    pub(crate) fn state(&self) -> String {
        self.json()["sync"]["state"].as_str().unwrap_or_else(|| panic!("no state: {self:?}")).to_owned()
    }

    /// The last part of a problem's type, after insisting that the answer is one.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{self:?}");
        problem["type"].as_str().and_then(|urn| urn.strip_prefix("urn:monite-bridge:problem:")).unwrap().to_owned()
    }

    /// The fields a problem names.
    pub(crate) fn fields(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.body)
    }
}
