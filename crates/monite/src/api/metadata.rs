//! The partner's own notes on an entity.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::client::Monite;
use crate::error::Error;
use crate::id::EntityId;
use crate::request::Request;

/// `monite.entity(id).metadata()`.
#[derive(Clone, Copy, Debug)]
pub struct Metadata<'a> {
    pub(crate) monite: &'a Monite,
    pub(crate) entity: EntityId,
}

#[derive(Deserialize)]
struct Envelope {
    metadata: Option<Map<String, Value>>,
}

#[derive(Serialize)]
struct EnvelopeOut<'a> {
    metadata: &'a Map<String, Value>,
}

impl Metadata<'_> {
    /// What was last put; empty before.
    ///
    /// `GET /entities/{id}/partner_metadata`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is no such entity.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, .. }| {
    /// assert!(monite.entity(acme).metadata().get().await?.is_empty());
    /// # Ok(()) }) }
    /// ```
    pub async fn get(&self) -> Result<Map<String, Value>, Error> {
        let envelope: Envelope = self.monite.send(Request::get("metadata.get", self.path())).await?;
        Ok(envelope.metadata.unwrap_or_default())
    }

    /// Replaces all of it.
    ///
    /// `PUT /entities/{id}/partner_metadata`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is no such entity.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, .. }| {
    /// let mut notes = serde_json::Map::new();
    /// notes.insert("customer".into(), "acme".into());
    /// assert_eq!(monite.entity(acme).metadata().put(&notes).await?, notes);
    /// # Ok(()) }) }
    /// ```
    pub async fn put(&self, metadata: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
        let request = Request::put("metadata.put", self.path()).json(&EnvelopeOut { metadata });
        let envelope: Envelope = self.monite.send(request).await?;
        Ok(envelope.metadata.unwrap_or_default())
    }

    fn path(&self) -> String {
        format!("/entities/{}/partner_metadata", self.entity)
    }
}
