//! Calls made at Monite, against the fewest that could have done it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::stage::Stage;
use crate::domain::Seen;
use crate::store::{Customer, CustomerFilter, Store, StoreError};

/// Customers and users read at a time.
const PAGE: u32 = 500;

/// What was called, what would have been enough, and what is there now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Ledger {
    pub(super) kinds: Vec<Kind>,
    pub(super) made: u64,
    pub(super) fewest: u64,
    /// Answers 429.
    pub(super) too_many_requests: u64,
    /// Entities, roles or entity users at Monite that no customer, template or user stands behind.
    pub(super) duplicates: u64,
}

/// One kind of call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Kind {
    pub(super) what: &'static str,
    pub(super) call: &'static str,
    pub(super) made: u64,
    pub(super) fewest: u64,
}

/// What the stored documents need at Monite, each thing once.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Needs {
    entities: u64,
    /// Entities that came into being: each is stamped once.
    linked: u64,
    /// Entities with at least one role: a fresh entity may hold some, so each is looked at once.
    entities_with_roles: u64,
    roles: u64,
    users: u64,
}

impl Ledger {
    pub(super) async fn read(stage: &Stage) -> Result<Self, StoreError> {
        let needs = Needs::read(stage.bridge.store.as_ref()).await?;
        let kinds = [
            ("access tokens", "POST /auth/token", u64::from(needs.entities > 0)),
            ("entities created", "POST /entities", needs.entities),
            ("entities asked for their roles", "GET /roles", needs.entities_with_roles),
            ("roles created", "POST /roles", needs.roles),
            ("entity users created", "POST /entity_users", needs.users),
            // A stamp keeps what others wrote there, so it takes two calls.
            ("entities asked for their metadata", "GET /entities/{entity_id}/partner_metadata", needs.linked),
            ("links stamped into it", "PUT /entities/{entity_id}/partner_metadata", needs.linked),
        ];
        let mut kinds: Vec<Kind> =
            kinds.map(|(what, call, fewest)| Kind { what, call, made: stage.sandbox.calls(call), fewest }).to_vec();
        let made = stage.sandbox.total_calls();
        let known: u64 = kinds.iter().map(|kind| kind.made).sum();
        kinds.push(Kind { what: "anything else", call: "", made: made - known, fewest: 0 });
        let fewest = kinds.iter().map(|kind| kind.fewest).sum();
        let too_many_requests = stage.sandbox.journal().iter().filter(|entry| entry.status == Some(429)).count() as u64;
        let duplicates = duplicates(&stage.sandbox.state());
        Ok(Self { kinds, made, fewest, too_many_requests, duplicates: duplicates + stage.surplus(needs) })
    }
}

impl Stage {
    /// Entities and entity users at Monite beyond those that are needed.
    fn surplus(&self, needs: Needs) -> u64 {
        let state = self.sandbox.state();
        let there = |key: &str| state[key].as_array().map_or(0, |rows| rows.len() as u64);
        there("entities").saturating_sub(needs.entities) + there("entity_users").saturating_sub(needs.users)
    }
}

impl Needs {
    async fn read(store: &dyn Store) -> Result<Self, StoreError> {
        let mut needs = Self::default();
        let mut filter = CustomerFilter { limit: PAGE, ..CustomerFilter::default() };
        loop {
            let page = store.customers(&filter).await?;
            let Some(last) = page.last() else { return Ok(needs) };
            filter.after = Some(last.id.clone());
            for customer in &page {
                needs.add(store, customer).await?;
            }
        }
    }

    async fn add(&mut self, store: &dyn Store, customer: &Customer) -> Result<(), StoreError> {
        self.entities += 1;
        self.linked += u64::from(matches!(customer.entity, Seen::Present(_)));
        let mut roles = BTreeSet::new();
        let mut after = None;
        loop {
            let users = store.users(&customer.id, after.as_ref(), PAGE).await?;
            let Some(last) = users.last() else { break };
            after = Some(last.id.clone());
            // A customer that Monite refused gets no users.
            if matches!(customer.entity, Seen::Present(_)) {
                self.users += users.len() as u64;
                roles.extend(users.into_iter().map(|user| user.document.role));
            }
        }
        self.roles += roles.len() as u64;
        self.entities_with_roles += u64::from(!roles.is_empty());
        Ok(())
    }
}

/// Roles with one name in one entity, and users with one login in one entity, beyond the first.
fn duplicates(state: &Value) -> u64 {
    let of = |rows: &str, key: &str| {
        let mut seen: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for row in state[rows].as_array().into_iter().flatten() {
            let owner = (row["entity_id"].as_str().unwrap_or(""), row[key].as_str().unwrap_or(""));
            *seen.entry(owner).or_default() += 1;
        }
        seen.values().map(|count| count - 1).sum::<u64>()
    };
    of("roles", "name") + of("entity_users", "login")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_name_in_two_entities_is_no_duplicate() {
        let role = |entity: &str, name: &str| json!({"entity_id": entity, "name": name});
        let state = json!({"roles": [role("a", "admin"), role("b", "admin"), role("a", "payer")], "entity_users": []});
        assert_eq!(duplicates(&state), 0);
        let state = json!({"roles": [role("a", "admin"), role("a", "admin"), role("a", "admin")], "entity_users": []});
        assert_eq!(duplicates(&state), 2);
    }
}
