//! The records of a saved state, each with the names and values of its columns.

use serde::{Deserialize, Serialize};

#[cfg(doc)]
use super::Saved;

/// See [`Saved::Setting`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedSetting {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// See [`Saved::Secret`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedSecret {
    /// Its name.
    pub name: String,
    /// Ciphertext in hexadecimal digits.
    pub sealed: String,
    /// When it was stored.
    pub written_at: i64,
}

/// See [`Saved::ApiKey`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedApiKey {
    /// Its visible beginning.
    pub id: String,
    /// What somebody called it.
    pub name: String,
    /// Words with commas between them.
    pub scopes: String,
    /// SHA-256 of the key in hexadecimal digits.
    pub digest: String,
    /// When it was made.
    pub created_at: i64,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// Since when it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<i64>,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<i64>,
}

/// See [`Saved::Customer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedCustomer {
    /// The product's id.
    pub customer_id: String,
    /// `present` or `gone`.
    pub wish: String,
    /// The word of its state.
    pub state: String,
    /// What the product wrote last.
    pub generation: i64,
    /// When the product last changed it.
    pub written_at: i64,
    /// What Monite confirmed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_generation: Option<i64>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_at: Option<i64>,
    /// Failed attempts since the last success.
    pub attempts: i64,
    /// JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it is tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<i64>,
    /// `absent`, `unknown` or `present`.
    pub seen: String,
    /// Monite's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<String>,
    /// Whether the entity is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// By which attempts of the same look are found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt_email: Option<String>,
    /// Whether the entity's roles have been listed.
    pub roles_listed: bool,
    /// When a create went out that nobody saw answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt_at: Option<i64>,
    /// Until when it may land.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lands_by: Option<i64>,
    /// The generation of a change that nobody saw answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt_generation: Option<i64>,
    /// Until when that may land.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt_until: Option<i64>,
    /// JSON: what Monite confirmed, or what was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_monite: Option<String>,
    /// JSON: the latest calls, newest first.
    pub calls: String,
    /// Changes of links so far.
    pub links: i64,
    /// When its stamp is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp_due_at: Option<i64>,
    /// Failed attempts.
    pub stamp_attempts: i64,
    /// JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp_error: Option<String>,
    /// Until when a stamp may land that nobody saw answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp_unsure_until: Option<i64>,
    /// When the lease of a worker that did not give it back ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_until: Option<i64>,
    /// JSON: what the product last wrote.
    pub document: String,
}

/// See [`Saved::Role`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedRole {
    /// The customer.
    pub customer_id: String,
    /// The template's name.
    pub role: String,
    /// `unknown` or `present`.
    pub seen: String,
    /// Monite's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_id: Option<String>,
    /// When its create went out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt_at: Option<i64>,
    /// Until when it may land.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lands_by: Option<i64>,
    /// JSON: what it grants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<String>,
}

/// See [`Saved::User`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedUser {
    /// The customer.
    pub customer_id: String,
    /// The product's id.
    pub user_id: String,
    /// `present` or `gone`.
    pub wish: String,
    /// The word of its state.
    pub state: String,
    /// What the product wrote last.
    pub generation: i64,
    /// What Monite confirmed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_generation: Option<i64>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_at: Option<i64>,
    /// Failed attempts since the last success.
    pub attempts: i64,
    /// JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it is tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<i64>,
    /// `absent`, `unknown` or `present`.
    pub seen: String,
    /// Monite's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_user_id: Option<String>,
    /// When a create went out that nobody saw answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt_at: Option<i64>,
    /// Until when it may land.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lands_by: Option<i64>,
    /// The generation of a change that nobody saw answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt_generation: Option<i64>,
    /// Until when that may land.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt_until: Option<i64>,
    /// JSON: what Monite confirmed, or what was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_monite: Option<String>,
    /// JSON: the latest calls, newest first.
    pub calls: String,
    /// Its login.
    pub login: String,
    /// The template's name.
    pub role: String,
    /// JSON: what the product last wrote.
    pub document: String,
}
