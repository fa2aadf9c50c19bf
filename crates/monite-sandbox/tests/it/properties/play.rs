//! Does a step twice, over HTTP and in the model, and compares.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Map, Value, json};

use super::model::{Model, Rights};
use super::steps::{By, Step};
use crate::support::direct::{Ask, Direct};
use crate::support::{matrix, organization};

/// A sandbox, the model of it, and the real ids by the model's numbers.
pub struct Play {
    pub direct: Direct,
    pub model: Model,
    pub ids: Ids,
}

#[derive(Default)]
pub struct Ids {
    pub entities: Vec<String>,
    roles: Vec<String>,
    users: Vec<String>,
    tokens: Vec<String>,
}

/// Where the id of what a call made belongs.
type Made = Option<fn(&mut Ids) -> &mut Vec<String>>;

impl Play {
    /// The token that `direct` came with is the model's first.
    pub fn new(direct: Direct) -> Self {
        let mut model = Model::default();
        model.issue(None).unwrap();
        let ids = Ids { tokens: vec![direct.token.clone()], ..Ids::default() };
        Self { direct, model, ids }
    }

    /// Fails when the sandbox answers with another status than the model.
    pub async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        if let Step::Advance { seconds } = step {
            self.direct.sandbox.advance(Duration::from_secs(*seconds));
            self.model.now += seconds;
            return Ok(());
        }
        if self.partner_token().is_none() {
            self.call(&Step::Issue { user: None }).await?;
        }
        self.call(step).await
    }

    async fn call(&mut self, step: &Step) -> Result<(), TestCaseError> {
        // Nothing to pick from: no step.
        let Some((expected, ask, made)) = self.both(step) else {
            return Ok(());
        };
        let answer = self.direct.send(ask).await;
        match expected {
            Ok(()) => prop_assert!((200..300).contains(&answer.status), "{step:?} should be done, not {answer:?}"),
            Err(status) => prop_assert_eq!(answer.status, status, "{:?} answers {:?}", step, answer),
        }
        if let (Ok(()), Some(made)) = (expected, made) {
            let id = answer.body.get("access_token").unwrap_or(&answer.body["id"]);
            made(&mut self.ids).push(id.as_str().unwrap().to_owned());
        }
        Ok(())
    }

    /// The step done in the model, and the call that does it at the sandbox.
    fn both(&mut self, step: &Step) -> Option<(Result<(), u16>, Ask, Made)> {
        let partner = self.partner_token();
        let by = |by: &By, model: &Model| match by {
            By::Partner => partner,
            By::Token(number) => pick(*number, model.tokens.len()),
        };
        let (model, ids) = (&mut self.model, &self.ids);
        let call = |by: usize, call: String| Ask::new(&call).token(&ids.tokens[by]);
        let entity = |number: &u8| pick(*number, ids.entities.len());
        Some(match step {
            Step::CreateEntity { by: who, name } => {
                let by = by(who, model)?;
                let ask = call(by, "POST /entities".to_owned()).json(&organization(name));
                (model.create_entity(by, name.clone()), ask, Some(|ids| &mut ids.entities))
            }
            Step::PatchEntity { by: who, entity: number, name, phone } => {
                let (by, entity) = (by(who, model)?, entity(number)?);
                let ask =
                    call(by, format!("PATCH /entities/{}", ids.entities[entity])).json(&entity_change(name, phone));
                (model.patch_entity(by, entity, name.clone(), phone.clone()), ask, None)
            }
            Step::PatchMyEntity { by: who, name, phone } => {
                let by = by(who, model)?;
                let ask = call(by, "PATCH /entity_users/my_entity".to_owned()).json(&entity_change(name, phone));
                (model.patch_my_entity(by, name.clone(), phone.clone()), ask, None)
            }
            Step::SetActive { by: who, entity: number, active } => {
                let (by, entity) = (by(who, model)?, entity(number)?);
                let verb = if *active { "activate" } else { "deactivate" };
                let ask = call(by, format!("POST /entities/{}/{verb}", ids.entities[entity]));
                (model.set_active(by, entity, *active), ask, None)
            }
            Step::PutMetadata { by: who, entity: number, value } => {
                let (by, entity) = (by(who, model)?, entity(number)?);
                let ask = call(by, format!("PUT /entities/{}/partner_metadata", ids.entities[entity]));
                (model.put_metadata(by, entity, *value), ask.json(&json!({"metadata": {"value": value}})), None)
            }
            Step::CreateRole { by: who, entity: number, name, rights } => {
                let (by, entity) = (by(who, model)?, entity(number)?);
                let body = json!({"name": name, "permissions": permissions(*rights)});
                let ask = call(by, "POST /roles".to_owned()).inside(&ids.entities[entity]).json(&body);
                (model.create_role(by, entity, name.clone(), *rights), ask, Some(|ids| &mut ids.roles))
            }
            Step::PatchRole { by: who, entity: number, role, name, rights } => {
                let (by, entity, role) = (by(who, model)?, entity(number)?, pick(*role, ids.roles.len())?);
                let body = body([("name", json!(name)), ("permissions", rights.map_or(Value::Null, permissions))]);
                let ask =
                    call(by, format!("PATCH /roles/{}", ids.roles[role])).inside(&ids.entities[entity]).json(&body);
                (model.patch_role(by, entity, role, name.clone(), *rights), ask, None)
            }
            Step::DeleteRole { by: who, entity: number, role } => {
                let (by, entity, role) = (by(who, model)?, entity(number)?, pick(*role, ids.roles.len())?);
                let ask = call(by, format!("DELETE /roles/{}", ids.roles[role])).inside(&ids.entities[entity]);
                (model.delete_role(by, entity, role), ask, None)
            }
            Step::CreateUser { by: who, entity: number, login, role } => {
                let (by, entity, role) = (by(who, model)?, entity(number)?, pick(*role, ids.roles.len())?);
                let body = json!({"login": login, "first_name": login, "role_id": ids.roles[role]});
                let ask = call(by, "POST /entity_users".to_owned()).inside(&ids.entities[entity]).json(&body);
                (model.create_user(by, entity, login.clone(), role), ask, Some(|ids| &mut ids.users))
            }
            Step::PatchUser { by: who, entity: number, user, login, role } => {
                let (by, entity, user) = (by(who, model)?, entity(number)?, pick(*user, ids.users.len())?);
                let role = role.and_then(|role| pick(role, ids.roles.len()));
                let body = body([("login", json!(login)), ("role_id", json!(role.map(|role| &ids.roles[role])))]);
                let ask = call(by, format!("PATCH /entity_users/{}", ids.users[user]));
                let ask = ask.inside(&ids.entities[entity]).json(&body);
                (model.patch_user(by, entity, user, login.clone(), role), ask, None)
            }
            Step::DeleteUser { by: who, entity: number, user } => {
                let (by, entity, user) = (by(who, model)?, entity(number)?, pick(*user, ids.users.len())?);
                let ask = call(by, format!("DELETE /entity_users/{}", ids.users[user])).inside(&ids.entities[entity]);
                (model.delete_user(by, entity, user), ask, None)
            }
            Step::PatchMe { by: who, first_name } => {
                let by = by(who, model)?;
                let ask = call(by, "PATCH /entity_users/me".to_owned()).json(&json!({"first_name": first_name}));
                (model.patch_me(by, first_name.clone()), ask, None)
            }
            Step::Issue { user } => {
                let user = user.and_then(|user| pick(user, ids.users.len()));
                let grant = match user {
                    Some(user) => json!({"grant_type": "entity_user", "entity_user_id": ids.users[user]}),
                    None => json!({"grant_type": "client_credentials"}),
                };
                let ask = Ask::new("POST /auth/token").json(&self.direct.credentials(grant));
                (model.issue(user), ask, Some(|ids| &mut ids.tokens))
            }
            Step::Revoke { token } => {
                let token = pick(*token, ids.tokens.len())?;
                let body = self.direct.credentials(json!({"token": ids.tokens[token]}));
                (model.revoke(token)?, Ask::new("POST /auth/revoke").json(&body), None)
            }
            Step::Advance { .. } => return None,
        })
    }

    fn partner_token(&self) -> Option<usize> {
        let mut tokens = self.model.tokens.iter();
        tokens.find(|(number, token)| token.user.is_none() && self.model.is_alive(**number)).map(|(number, _)| *number)
    }

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
        }
        self.compare_tokens().await
    }

    fn entity_row(&self, number: usize, entity: &super::model::Entity) -> Value {
        let status = if entity.active { "active" } else { "inactive" };
        json!([self.ids.entities[number], status, entity.phone, entity.name])
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

fn pick(number: u8, count: usize) -> Option<usize> {
    (count > 0).then(|| usize::from(number) % count)
}

/// Some columns of every row.
fn rows(list: &Value, columns: &[&str], deep: Option<&str>) -> Vec<Value> {
    let row = |row: &Value| {
        let values = columns.iter().map(|name| row[name].clone());
        values.chain(deep.map(|path| row.pointer(path).cloned().unwrap_or_default())).collect()
    };
    list.as_array().unwrap().iter().map(row).collect()
}

/// What is null is left out.
fn body<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(fields.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

fn entity_change(name: &Option<Option<String>>, phone: &Option<Option<String>>) -> Value {
    let mut change = json!({});
    if let Some(name) = name {
        change["organization"] = json!({"legal_name": name});
    }
    if let Some(phone) = phone {
        change["phone"] = json!(phone);
    }
    change
}

fn permissions(rights: Rights) -> Value {
    matrix(match rights {
        Rights::Nothing => "",
        Rights::OwnOnly => {
            "role: create* read* update* delete*, entity_user: create* read* update* delete*, entity: read* update*"
        }
        Rights::RolesOnly => "role: create read update delete",
        Rights::Everything => {
            "role: create read update delete, entity_user: create read update delete, entity: read update"
        }
    })
}
