//! Holds what HTTP shows against the model.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use super::calls::permissions;
use super::model::{Entity, Object};
use super::news::Event;
use super::play::Play;
use super::steps::Step;
use crate::support::direct::Ask;

impl Play {
    /// Compares everything that HTTP shows with the model.
    pub async fn compare(&mut self) -> Result<(), TestCaseError> {
        // A fresh token, so that there is somebody to ask.
        self.take(&Step::Issue { user: None }).await?;
        let token = self.ids.tokens[self.partner_token().unwrap()].clone();
        let get = async |path: &str, entity: &str| {
            let answer = self.direct.send(Ask::new(&format!("GET {path}")).token(&token).inside(entity)).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            answer.body
        };
        let entities = get("/entities", "").await["data"].take();
        let expected: Vec<Value> =
            self.model.entities.iter().map(|(number, entity)| self.entity_row(*number, entity)).collect();
        prop_assert_eq!(rows(&entities, &["id", "status", "phone"], Some("/organization/legal_name")), expected);
        for (number, entity) in &self.model.entities {
            let id = &self.ids.entities[*number];
            let metadata = get(&format!("/entities/{id}/partner_metadata"), id).await;
            prop_assert_eq!(&metadata["metadata"]["value"], &json!(entity.metadata));
            let roles = get("/roles", id).await["data"].take();
            let living = self.model.roles.iter().filter(|(_, role)| role.entity == *number && !role.deleted);
            let expected: Vec<Value> =
                living.map(|(role, row)| json!([self.ids.roles[*role], row.name, permissions(row.rights)])).collect();
            prop_assert_eq!(rows(&roles, &["id", "name", "permissions"], None), expected);
            let users = get("/entity_users", id).await["data"].take();
            let living = self.model.users.iter().filter(|(_, user)| user.entity == *number && !user.deleted);
            let expected: Vec<Value> = living
                .map(|(user, row)| json!([self.ids.users[*user], row.login, row.first_name, self.ids.roles[row.role]]))
                .collect();
            prop_assert_eq!(rows(&users, &["id", "login", "first_name", "role_id"], None), expected);
            let events = get("/events", id).await["data"].take();
            let expected: Vec<Value> = self
                .model
                .news
                .events
                .iter()
                .filter(|event| event.entity == *number)
                .map(|event| self.event_row(event))
                .collect();
            // A page is all that is compared; sequences are that short.
            prop_assert_eq!(rows(&events, &["object_type", "action"], Some("/object/id")), expected);
        }
        self.compare_tokens().await?;
        self.compare_views().await
    }

    /// What each user's token shows of its own entity: everything, only what that user made, or a refusal.
    async fn compare_views(&self) -> Result<(), TestCaseError> {
        for (number, token) in &self.model.tokens {
            let Some(user) = token.user.filter(|_| self.model.is_alive(*number)) else {
                continue;
            };
            let home = self.model.users[&user].entity;
            let mine = |object, made_by| self.model.sees(*number, home, object, made_by);
            let roles = self.model.roles.iter().filter(|(_, role)| role.entity == home && !role.deleted);
            let roles: Result<Vec<_>, u16> =
                roles.filter_map(|(id, role)| kept(mine(Object::Role, role.made_by), &self.ids.roles[*id])).collect();
            self.view(*number, home, "/roles", roles).await?;
            let users = self.model.users.iter().filter(|(_, user)| user.entity == home && !user.deleted);
            let users: Result<Vec<_>, u16> = users
                .filter_map(|(id, user)| kept(mine(Object::EntityUser, user.made_by), &self.ids.users[*id]))
                .collect();
            self.view(*number, home, "/entity_users", users).await?;
        }
        Ok(())
    }

    async fn view(
        &self, token: usize, home: usize, path: &str, expected: Result<Vec<Value>, u16>,
    ) -> Result<(), TestCaseError> {
        let ask = Ask::new(&format!("GET {path}")).token(&self.ids.tokens[token]).inside(&self.ids.entities[home]);
        let answer = self.direct.send(ask).await;
        match expected {
            Ok(ids) => prop_assert_eq!(rows(&answer.body["data"], &["id"], None), ids, "{} for token {}", path, token),
            Err(status) => prop_assert_eq!(answer.status, status, "{} for token {}", path, token),
        }
        Ok(())
    }

    fn entity_row(&self, number: usize, entity: &Entity) -> Value {
        let status = if entity.active { "active" } else { "inactive" };
        json!([self.ids.entities[number], status, entity.phone, entity.name])
    }

    fn event_row(&self, event: &Event) -> Value {
        let ids = match event.object {
            Object::Entity => &self.ids.entities,
            Object::Role => &self.ids.roles,
            Object::EntityUser => &self.ids.users,
        };
        let object = event.object.name();
        json!([object, format!("{object}.{}", event.happening), ids[event.id]])
    }

    /// A dead token is refused as such; a living one gets as far as the path.
    async fn compare_tokens(&self) -> Result<(), TestCaseError> {
        for (number, token) in self.ids.tokens.iter().enumerate() {
            let answer = self.direct.send(Ask::new("GET /entities?limit=1").token(token)).await;
            let is_alive = answer.status != 400;
            prop_assert_eq!(is_alive, self.model.is_alive(number), "token {}: {:?}", number, answer);
        }
        Ok(())
    }
}

fn kept(seen: Result<bool, u16>, id: &str) -> Option<Result<Value, u16>> {
    match seen {
        Ok(false) => None,
        Ok(true) => Some(Ok(json!([id]))),
        Err(status) => Some(Err(status)),
    }
}

/// Some columns of every row.
fn rows(list: &Value, columns: &[&str], deep: Option<&str>) -> Vec<Value> {
    let row = |row: &Value| {
        let values = columns.iter().map(|name| row[name].clone());
        values.chain(deep.map(|path| row.pointer(path).cloned().unwrap_or_default())).collect()
    };
    list.as_array().unwrap().iter().map(row).collect()
}
