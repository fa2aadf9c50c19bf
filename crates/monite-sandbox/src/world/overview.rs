//! How much there is, and the latest of it, for people who watch.

use serde_json::{Value, json};

use super::World;

impl World {
    /// How many of each, deleted ones apart.
    pub(crate) fn counts(&self) -> Value {
        json!({
            "entities": self.entities.len(),
            "roles": self.roles.iter().filter(|role| !role.deleted).count(),
            "entity_users": self.users.iter().filter(|user| !user.deleted).count(),
            "tokens": self.tokens.len(),
            "webhook_subscriptions": self.hooks.subscriptions().count(),
            "webhook_deliveries": self.hooks.deliveries().count(),
        })
    }

    /// The latest of each as Monite renders them, newest first, deleted ones too.
    pub(crate) fn latest(&self, most: usize) -> Value {
        let entities = self.entities.iter().rev().take(most).map(|household| json!(household.entity));
        let roles = self.roles.iter().rev().take(most).map(|role| {
            json!({"id": role.id, "entity_id": role.entity_id, "name": role.name, "created_at": role.created_at,
                   "status": if role.deleted { "deleted" } else { "active" }, "holders": role.holders})
        });
        let users = self.users.iter().rev().take(most).map(|user| {
            let mut shown = json!(user.view());
            shown["entity_id"] = json!(user.entity_id);
            shown
        });
        let subscriptions = self.hooks.subscriptions().rev().take(most).map(|row| {
            json!({"id": row.id, "object_type": row.object_type, "event_types": row.event_types, "status": row.status,
                   "url": without_secrets(&row.url)})
        });
        let deliveries = self.hooks.deliveries().rev().take(most).map(|row| {
            json!({"id": row.id, "url": without_secrets(&row.url), "requests_made_count": row.requests_made_count,
                   "response_status_code": row.response_status_code, "was_successful": row.was_successful,
                   "next_attempt_at": row.next_attempt_at, "failure": row.failure,
                   "event": self.hooks.event(row.event_id).map(|event| event.view(&self.quirks))})
        });
        json!({
            "webhook_subscriptions": subscriptions.collect::<Vec<_>>(),
            "webhook_deliveries": deliveries.collect::<Vec<_>>(),
            "entities": entities.collect::<Vec<_>>(),
            "roles": roles.collect::<Vec<_>>(),
            "entity_users": users.collect::<Vec<_>>(),
        })
    }
}

/// A receiver's address as far as a page may show it: without the query and without a name and password.
fn without_secrets(address: &str) -> String {
    let Ok(mut url) = url::Url::parse(address) else {
        return String::new();
    };
    url.set_query(None);
    url.set_fragment(None);
    // Fails for addresses that cannot have a name and password.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_what_may_be_secret() {
        for (address, shown) in [
            ("https://user:s3cret@example.com/hook?token=s3cret#s3cret", "https://example.com/hook"),
            ("http://127.0.0.1:9000/hook", "http://127.0.0.1:9000/hook"),
            ("not an address", ""),
        ] {
            assert_eq!(without_secrets(address), shown);
        }
    }
}
