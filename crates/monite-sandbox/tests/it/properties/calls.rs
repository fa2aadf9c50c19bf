//! Each step as the call that does it at the sandbox, and done in the model. `None`: there is nothing to pick from.

use serde_json::{Map, Value, json};

use super::model::Rights;
use super::news::Subscription;
use super::play::{Ids, Play};
use super::steps::{By, Step};
use crate::support::direct::Ask;
use crate::support::{matrix, organization};

/// What the model says, the call, and where the id of what it makes belongs.
pub type Both = (Result<(), u16>, Ask, Made);

/// Out of 256.
const MOSTLY: u8 = 220;

pub type Made = Option<fn(&mut Ids) -> &mut Vec<String>>;

impl Play {
    /// The step done in the model, and the call that does it at the sandbox.
    pub fn both(&mut self, step: &Step) -> Option<Both> {
        match step {
            Step::CreateEntity { by, name } => {
                let by = self.by(*by)?;
                let ask = self.ask(by, "POST /entities").json(&organization(name));
                Some((self.model.create_entity(by, name.clone()), ask, Some(|ids| &mut ids.entities)))
            }
            Step::PatchEntity { .. } | Step::PatchMyEntity { .. } => self.change_entity(step),
            Step::SetActive { by, entity, active } => {
                let (by, entity) = (self.by(*by)?, self.entity(*entity)?);
                let verb = if *active { "activate" } else { "deactivate" };
                let ask = self.ask(by, &format!("POST /entities/{}/{verb}", self.ids.entities[entity]));
                Some((self.model.set_active(by, entity, *active), ask, None))
            }
            Step::PutMetadata { by, entity, value } => {
                let (by, entity) = (self.by(*by)?, self.entity(*entity)?);
                let ask = self.ask(by, &format!("PUT /entities/{}/partner_metadata", self.ids.entities[entity]));
                let ask = ask.json(&json!({"metadata": {"value": value}}));
                Some((self.model.put_metadata(by, entity, *value), ask, None))
            }
            Step::CreateRole { .. } | Step::PatchRole { .. } | Step::DeleteRole { .. } => self.on_roles(step),
            Step::CreateUser { .. } | Step::PatchUser { .. } | Step::DeleteUser { .. } => self.on_users(step),
            Step::PatchMe { by, first_name } => {
                let by = self.by(*by)?;
                let ask = self.ask(by, "PATCH /entity_users/me").json(&json!({"first_name": first_name}));
                Some((self.model.patch_me(by, first_name.clone()), ask, None))
            }
            Step::Issue { .. } | Step::Revoke { .. } => self.on_tokens(step),
            Step::Subscribe { .. } | Step::Enable { .. } | Step::Unsubscribe { .. } => self.on_subscriptions(step),
            Step::Advance { .. } => None,
        }
    }

    fn change_entity(&mut self, step: &Step) -> Option<Both> {
        match step {
            Step::PatchEntity { by, entity, name, phone } => {
                let (by, entity) = (self.by(*by)?, self.entity(*entity)?);
                let ask = self.ask(by, &format!("PATCH /entities/{}", self.ids.entities[entity]));
                let ask = ask.json(&entity_change(name, phone));
                Some((self.model.patch_entity(by, entity, name.clone(), phone.clone()), ask, None))
            }
            Step::PatchMyEntity { by, name, phone } => {
                let by = self.by(*by)?;
                let ask = self.ask(by, "PATCH /entity_users/my_entity").json(&entity_change(name, phone));
                Some((self.model.patch_my_entity(by, name.clone(), phone.clone()), ask, None))
            }
            _ => None,
        }
    }

    fn on_roles(&mut self, step: &Step) -> Option<Both> {
        match step {
            Step::CreateRole { by, entity, name, rights } => {
                let (by, entity) = (self.by(*by)?, self.entity(*entity)?);
                let body = json!({"name": name, "permissions": permissions(*rights)});
                let ask = self.ask(by, "POST /roles").inside(&self.ids.entities[entity]).json(&body);
                let done = self.model.create_role(by, entity, name.clone(), *rights);
                Some((done, ask, Some(|ids| &mut ids.roles)))
            }
            Step::PatchRole { by, entity, role, name, rights } => {
                let (by, role) = (self.by(*by)?, pick(*role, &self.ids.roles)?);
                let entity = self.home_or(self.model.roles[&role].entity, *entity);
                let body = body([("name", json!(name)), ("permissions", rights.map_or(Value::Null, permissions))]);
                let ask = self.ask(by, &format!("PATCH /roles/{}", self.ids.roles[role]));
                let ask = ask.inside(&self.ids.entities[entity]).json(&body);
                Some((self.model.patch_role(by, entity, role, name.clone(), *rights), ask, None))
            }
            Step::DeleteRole { by, entity, role } => {
                let (by, role) = (self.by(*by)?, pick(*role, &self.ids.roles)?);
                let entity = self.home_or(self.model.roles[&role].entity, *entity);
                let ask = self.ask(by, &format!("DELETE /roles/{}", self.ids.roles[role]));
                let ask = ask.inside(&self.ids.entities[entity]);
                Some((self.model.delete_role(by, entity, role), ask, None))
            }
            _ => None,
        }
    }

    fn on_users(&mut self, step: &Step) -> Option<Both> {
        match step {
            Step::CreateUser { by, entity, login, role } => {
                let (by, entity) = (self.by(*by)?, self.entity(*entity)?);
                let role = self.role_for(entity, *role)?;
                let body = json!({"login": login, "first_name": login, "role_id": self.ids.roles[role]});
                let ask = self.ask(by, "POST /entity_users").inside(&self.ids.entities[entity]).json(&body);
                let done = self.model.create_user(by, entity, login.clone(), role);
                Some((done, ask, Some(|ids| &mut ids.users)))
            }
            Step::PatchUser { by, entity, user, login, role } => {
                let (by, user) = (self.by(*by)?, pick(*user, &self.ids.users)?);
                let entity = self.home_or(self.model.users[&user].entity, *entity);
                let role = role.and_then(|role| self.role_for(entity, role));
                let body = body([("login", json!(login)), ("role_id", json!(role.map(|role| &self.ids.roles[role])))]);
                let ask = self.ask(by, &format!("PATCH /entity_users/{}", self.ids.users[user]));
                let ask = ask.inside(&self.ids.entities[entity]).json(&body);
                Some((self.model.patch_user(by, entity, user, login.clone(), role), ask, None))
            }
            Step::DeleteUser { by, entity, user } => {
                let (by, user) = (self.by(*by)?, pick(*user, &self.ids.users)?);
                let entity = self.home_or(self.model.users[&user].entity, *entity);
                let ask = self.ask(by, &format!("DELETE /entity_users/{}", self.ids.users[user]));
                let ask = ask.inside(&self.ids.entities[entity]);
                Some((self.model.delete_user(by, entity, user), ask, None))
            }
            _ => None,
        }
    }

    fn on_tokens(&mut self, step: &Step) -> Option<Both> {
        match step {
            Step::Issue { user } => {
                let user = user.and_then(|user| pick(user, &self.ids.users));
                let grant = match user {
                    Some(user) => json!({"grant_type": "entity_user", "entity_user_id": self.ids.users[user]}),
                    None => json!({"grant_type": "client_credentials"}),
                };
                let ask = Ask::new("POST /auth/token").json(&self.direct.credentials(grant));
                Some((self.model.issue(user), ask, Some(|ids| &mut ids.tokens)))
            }
            Step::Revoke { token } => {
                let token = pick(*token, &self.ids.tokens)?;
                let body = self.direct.credentials(json!({"token": self.ids.tokens[token]}));
                Some((self.model.revoke(token)?, Ask::new("POST /auth/revoke").json(&body), None))
            }
            _ => None,
        }
    }

    fn on_subscriptions(&mut self, step: &Step) -> Option<Both> {
        match step {
            Step::Subscribe { by, object, created_only } => {
                let by = self.by(*by)?;
                let body = Subscription::document(*object, *created_only);
                let ask = self.ask(by, "POST /webhook_subscriptions").json(&body);
                let done = self.model.subscribe(by, *object, *created_only);
                Some((done, ask, Some(|ids| &mut ids.subscriptions)))
            }
            Step::Enable { by, subscription, on } => {
                let (by, number) = (self.by(*by)?, pick(*subscription, &self.ids.subscriptions)?);
                let verb = if *on { "enable" } else { "disable" };
                let call = format!("POST /webhook_subscriptions/{}/{verb}", self.ids.subscriptions[number]);
                let ask = self.ask(by, &call);
                Some((self.model.set_enabled(by, number, *on), ask, None))
            }
            Step::Unsubscribe { by, subscription } => {
                let (by, number) = (self.by(*by)?, pick(*subscription, &self.ids.subscriptions)?);
                let ask = self.ask(by, &format!("DELETE /webhook_subscriptions/{}", self.ids.subscriptions[number]));
                Some((self.model.unsubscribe(by, number), ask, None))
            }
            _ => None,
        }
    }

    fn by(&self, by: By) -> Option<usize> {
        match by {
            By::Partner => self.partner_token(),
            By::Token(number) => pick(number, &self.ids.tokens),
        }
    }

    fn entity(&self, number: u8) -> Option<usize> {
        pick(number, &self.ids.entities)
    }

    /// Mostly where the object lives, sometimes any entity.
    fn home_or(&self, home: usize, number: u8) -> usize {
        if number < MOSTLY { home } else { self.entity(number).unwrap_or(home) }
    }

    /// Mostly a role of that entity, deleted ones too; sometimes any.
    fn role_for(&self, entity: usize, number: u8) -> Option<usize> {
        let own: Vec<usize> =
            self.model.roles.iter().filter(|(_, role)| role.entity == entity).map(|(id, _)| *id).collect();
        if number < MOSTLY && !own.is_empty() {
            return Some(own[usize::from(number) % own.len()]);
        }
        pick(number, &self.ids.roles)
    }

    fn ask(&self, by: usize, call: &str) -> Ask {
        Ask::new(call).token(&self.ids.tokens[by])
    }
}

fn pick(number: u8, among: &[String]) -> Option<usize> {
    (!among.is_empty()).then(|| usize::from(number) % among.len())
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

pub fn permissions(rights: Rights) -> Value {
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
