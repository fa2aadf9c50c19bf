//! Customers and users as the API shows them: the document, and `sync`.

use serde_json::{Map, Value, json};

use crate::domain::{Generation, LastError, Seen, SyncState, SyncStatus};
use crate::store::{Customer, User, Wish};

/// What the API shows of a customer or of a user.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct View {
    /// The product's id.
    pub(super) id: String,
    /// What the product wrote.
    pub(super) document: Value,
    /// Whether it is to be there.
    pub(super) wish: Wish,
    /// How far it has come.
    pub(super) sync: SyncStatus,
    /// `entity_id` or `entity_user_id`, and Monite's id once there is one.
    link: (&'static str, Option<String>),
}

impl From<Customer> for View {
    fn from(customer: Customer) -> Self {
        Self {
            id: customer.id.as_str().to_owned(),
            document: customer.document.to_json(),
            wish: customer.wish,
            sync: customer.sync,
            link: ("entity_id", customer.entity.present().map(|link| link.id.to_string())),
        }
    }
}

impl From<User> for View {
    fn from(user: User) -> Self {
        let id = match &user.entity_user {
            Seen::Present(link) => Some(link.id.to_string()),
            Seen::Absent | Seen::Unknown(_) => None,
        };
        Self {
            id: user.id.as_str().to_owned(),
            document: user.document.to_json(),
            wish: user.wish,
            sync: user.sync,
            link: ("entity_user_id", id),
        }
    }
}

impl View {
    pub(super) fn generation(&self) -> Generation {
        self.sync.generation
    }

    /// Whether it will not move any further by itself.
    pub(super) fn is_settled(&self) -> bool {
        !matches!(self.sync.state, SyncState::Pending | SyncState::Retrying)
    }

    /// The same after its deletion is through.
    pub(super) fn switched_off(mut self) -> Self {
        self.sync.state = SyncState::Deactivated;
        self.sync.next_attempt_at = None;
        self.sync.last_error = None;
        self
    }

    /// As JSON: the id, the document's fields, `sync`.
    pub(super) fn to_json(&self) -> Value {
        let mut shown = Map::new();
        shown.insert("id".to_owned(), Value::from(self.id.as_str()));
        if let Value::Object(fields) = &self.document {
            shown.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        shown.insert("sync".to_owned(), self.sync_json());
        Value::Object(shown)
    }

    fn sync_json(&self) -> Value {
        let sync = &self.sync;
        json!({
            "state": sync.state,
            (self.link.0): self.link.1,
            "generation": sync.generation,
            "synced_generation": sync.synced_generation,
            "attempts": sync.attempts,
            "next_attempt_at": sync.next_attempt_at,
            "synced_at": sync.synced_at,
            "last_error": sync.last_error.as_ref().map(error_json),
        })
    }
}

fn error_json(error: &LastError) -> Value {
    json!({"status": error.status, "message": error.message, "request_id": error.request_id, "at": error.at})
}
