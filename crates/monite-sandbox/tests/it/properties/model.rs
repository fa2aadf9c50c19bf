//! The rules as a plain model: maps of small rows, ids counted from 0, one function per operation that says which
//! status Monite answers. Written from the behaviour page; it shares nothing with the sandbox's own world.

use std::collections::BTreeMap;

use super::news::News;

/// Documented life of a token, in seconds.
const LIFE: u64 = 1800;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    pub name: String,
    pub phone: Option<String>,
    pub active: bool,
    pub metadata: Option<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub entity: usize,
    pub name: String,
    pub rights: Rights,
    pub deleted: bool,
    pub made_by: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub entity: usize,
    pub login: String,
    pub first_name: String,
    pub role: usize,
    pub deleted: bool,
    pub made_by: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// `None`: the partner's.
    pub user: Option<usize>,
    until: u64,
    revoked: bool,
}

/// What a role permits on `role` and `entity_user`, all four actions alike, and on `entity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    Nothing,
    OwnOnly,
    RolesOnly,
    Everything,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    Role,
    EntityUser,
    Entity,
}

/// How far a right reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    All,
    Own(usize),
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Model {
    pub now: u64,
    pub entities: BTreeMap<usize, Entity>,
    pub roles: BTreeMap<usize, Role>,
    pub users: BTreeMap<usize, User>,
    pub tokens: BTreeMap<usize, Token>,
    pub news: News,
}

/// Which status refuses the call; `Ok` when it is done.
type Outcome<T = ()> = Result<T, u16>;

impl Rights {
    fn on(self, object: Object) -> Option<bool> {
        match (self, object) {
            (Self::Everything, _) | (Self::RolesOnly, Object::Role) => Some(true),
            (Self::OwnOnly, _) => Some(false),
            (Self::Nothing, _) | (Self::RolesOnly, _) => None,
        }
    }
}

impl Model {
    /// The user behind a token; `Ok(None)` for the partner.
    fn caller(&self, token: usize) -> Outcome<Option<usize>> {
        let token = &self.tokens[&token];
        let owner_is_gone = token.user.is_some_and(|user| self.users[&user].deleted);
        if token.revoked || token.until <= self.now || owner_is_gone { Err(400) } else { Ok(token.user) }
    }

    pub fn is_alive(&self, token: usize) -> bool {
        self.caller(token).is_ok()
    }

    pub fn partner_only(&self, token: usize) -> Outcome {
        if self.caller(token)?.is_none() { Ok(()) } else { Err(403) }
    }

    fn enter(&self, token: usize, entity: usize, object: Object) -> Outcome<(Reach, Option<usize>)> {
        let Some(user) = self.caller(token)? else {
            return Ok((Reach::All, None));
        };
        let home = self.users[&user].entity;
        if home != entity || !self.entities[&home].active {
            return Err(403);
        }
        let right = self.roles[&self.users[&user].role].rights.on(object).ok_or(403_u16)?;
        Ok((if right { Reach::All } else { Reach::Own(user) }, Some(user)))
    }

    /// Is something made by `made_by` part of what a list shows to this caller?
    pub fn sees(&self, token: usize, entity: usize, object: Object, made_by: Option<usize>) -> Outcome<bool> {
        self.enter(token, entity, object).map(|(reach, _)| reach.covers(made_by).is_ok())
    }

    pub fn create_entity(&mut self, token: usize, name: String) -> Outcome {
        self.partner_only(token)?;
        self.entities.insert(self.entities.len(), Entity { name, phone: None, active: true, metadata: None });
        Ok(())
    }

    /// `name` null is refused.
    pub fn patch_entity(
        &mut self, token: usize, entity: usize, name: Option<Option<String>>, phone: Option<Option<String>>,
    ) -> Outcome {
        self.partner_only(token)?;
        self.change_entity(entity, name, phone)
    }

    /// Through `my_entity`; what the partner made is nobody's own.
    pub fn patch_my_entity(
        &mut self, token: usize, name: Option<Option<String>>, phone: Option<Option<String>>,
    ) -> Outcome {
        let user = self.caller(token)?.ok_or(400_u16)?;
        let home = self.users[&user].entity;
        match self.enter(token, home, Object::Entity)? {
            (Reach::All, _) => self.change_entity(home, name, phone),
            (Reach::Own(_), _) => Err(403),
        }
    }

    fn change_entity(&mut self, entity: usize, name: Option<Option<String>>, phone: Option<Option<String>>) -> Outcome {
        let entity = self.entities.get_mut(&entity).unwrap();
        match name {
            Some(None) => return Err(400),
            Some(Some(name)) => entity.name = name,
            None => {}
        }
        if let Some(phone) = phone {
            entity.phone = phone;
        }
        Ok(())
    }

    pub fn set_active(&mut self, token: usize, entity: usize, active: bool) -> Outcome {
        self.partner_only(token)?;
        self.entities.get_mut(&entity).unwrap().active = active;
        Ok(())
    }

    pub fn put_metadata(&mut self, token: usize, entity: usize, metadata: u8) -> Outcome {
        self.partner_only(token)?;
        self.entities.get_mut(&entity).unwrap().metadata = Some(metadata);
        Ok(())
    }

    pub fn create_role(&mut self, token: usize, entity: usize, name: String, rights: Rights) -> Outcome {
        let (_, made_by) = self.enter(token, entity, Object::Role)?;
        self.name_is_free(entity, &name, None)?;
        self.roles.insert(self.roles.len(), Role { entity, name, rights, deleted: false, made_by });
        Ok(())
    }

    pub fn patch_role(
        &mut self, token: usize, entity: usize, role: usize, name: Option<String>, rights: Option<Rights>,
    ) -> Outcome {
        self.reach_role(token, entity, role)?;
        if let Some(name) = &name {
            self.name_is_free(entity, name, Some(role))?;
        }
        let role = self.roles.get_mut(&role).unwrap();
        role.name = name.unwrap_or(role.name.clone());
        role.rights = rights.unwrap_or(role.rights);
        Ok(())
    }

    pub fn delete_role(&mut self, token: usize, entity: usize, role: usize) -> Outcome {
        self.reach_role(token, entity, role)?;
        if self.users.values().any(|user| user.role == role && !user.deleted) {
            return Err(409);
        }
        self.roles.get_mut(&role).unwrap().deleted = true;
        Ok(())
    }

    fn reach_role(&self, token: usize, entity: usize, role: usize) -> Outcome {
        let (reach, _) = self.enter(token, entity, Object::Role)?;
        self.role_in(entity, role).ok_or(404_u16)?;
        reach.covers(self.roles[&role].made_by)
    }

    fn role_in(&self, entity: usize, role: usize) -> Option<&Role> {
        self.roles.get(&role).filter(|role| role.entity == entity && !role.deleted)
    }

    fn name_is_free(&self, entity: usize, name: &str, own: Option<usize>) -> Outcome {
        let taken = |(id, role): (&usize, &Role)| {
            Some(*id) != own && role.entity == entity && !role.deleted && role.name == name
        };
        if self.roles.iter().any(taken) { Err(409) } else { Ok(()) }
    }

    pub fn create_user(&mut self, token: usize, entity: usize, login: String, role: usize) -> Outcome {
        let (_, made_by) = self.enter(token, entity, Object::EntityUser)?;
        self.login_is_free(entity, &login, None)?;
        self.role_in(entity, role).ok_or(400_u16)?;
        let first_name = login.clone();
        self.users.insert(self.users.len(), User { entity, login, first_name, role, deleted: false, made_by });
        Ok(())
    }

    pub fn patch_user(
        &mut self, token: usize, entity: usize, user: usize, login: Option<String>, role: Option<usize>,
    ) -> Outcome {
        self.reach_user(token, entity, user)?;
        if let Some(login) = &login {
            self.login_is_free(entity, login, Some(user))?;
        }
        if role.is_some_and(|role| self.users[&user].role != role && self.role_in(entity, role).is_none()) {
            return Err(400);
        }
        let user = self.users.get_mut(&user).unwrap();
        user.login = login.unwrap_or(user.login.clone());
        user.role = role.unwrap_or(user.role);
        Ok(())
    }

    pub fn delete_user(&mut self, token: usize, entity: usize, user: usize) -> Outcome {
        self.reach_user(token, entity, user)?;
        self.users.get_mut(&user).unwrap().deleted = true;
        Ok(())
    }

    fn reach_user(&self, token: usize, entity: usize, user: usize) -> Outcome {
        let (reach, _) = self.enter(token, entity, Object::EntityUser)?;
        let found = self.users.get(&user).filter(|user| user.entity == entity && !user.deleted).ok_or(404_u16)?;
        reach.covers(found.made_by)
    }

    fn login_is_free(&self, entity: usize, login: &str, own: Option<usize>) -> Outcome {
        let taken = |(id, user): (&usize, &User)| {
            Some(*id) != own && user.entity == entity && !user.deleted && user.login == login
        };
        if self.users.iter().any(taken) { Err(409) } else { Ok(()) }
    }

    pub fn patch_me(&mut self, token: usize, first_name: String) -> Outcome {
        let user = self.caller(token)?.ok_or(400_u16)?;
        if !self.entities[&self.users[&user].entity].active {
            return Err(403);
        }
        self.users.get_mut(&user).unwrap().first_name = first_name;
        Ok(())
    }

    pub fn issue(&mut self, user: Option<usize>) -> Outcome {
        if user.is_some_and(|user| self.users[&user].deleted || !self.entities[&self.users[&user].entity].active) {
            return Err(400);
        }
        self.tokens.insert(self.tokens.len(), Token { user, until: self.now + LIFE, revoked: false });
        Ok(())
    }

    /// Works once. `None` for a token that expired: whether Monite still knows it then is not said.
    pub fn revoke(&mut self, token: usize) -> Option<Outcome> {
        let token = self.tokens.get_mut(&token).filter(|token| token.until > self.now)?;
        Some(if std::mem::replace(&mut token.revoked, true) { Err(400) } else { Ok(()) })
    }
}

impl Reach {
    fn covers(self, made_by: Option<usize>) -> Outcome {
        match self {
            Self::All => Ok(()),
            Self::Own(user) if made_by == Some(user) => Ok(()),
            Self::Own(_) => Err(403),
        }
    }
}
