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
    /// # Errors
    /// Any [`Error`].
    pub async fn get(&self) -> Result<Map<String, Value>, Error> {
        let envelope: Envelope = self.monite.send(Request::get("metadata.get", self.path())).await?;
        Ok(envelope.metadata.unwrap_or_default())
    }

    /// Replaces all of it.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn put(&self, metadata: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
        let request = Request::put("metadata.put", self.path()).json(&EnvelopeOut { metadata });
        let envelope: Envelope = self.monite.send(request).await?;
        Ok(envelope.metadata.unwrap_or_default())
    }

    fn path(&self) -> String {
        format!("/entities/{}/partner_metadata", self.entity)
    }
}
