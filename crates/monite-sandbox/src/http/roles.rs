//! `/roles`, inside the entity named by `x-monite-entity-id`.

use super::call::Call;
use super::page_reply;
use super::reply::{Answer, Reply};
use crate::app::App;
use crate::rules::{self, both, query};
use crate::world::role::{Action, ObjectType};

pub(super) fn create(app: &App, call: &Call) -> Answer {
    let checked = both(call.entity_header(), rules::role::create(call.raw_body()));
    app.write(call, |world, caller| {
        let (entity, draft) = checked?;
        let scope = world.enter(caller, entity, Action::Create, ObjectType::Role)?;
        let role = world.create_role(scope.entity, draft, scope.actor, call.now)?;
        Ok(Reply::ok(&role.view()))
    })
}

pub(super) fn list(app: &App, call: &Call) -> Answer {
    let checked = both(call.entity_header(), query::roles(call.query.as_deref()));
    app.read(call, |world, caller| {
        let (entity, listing) = checked?;
        let scope = world.enter(caller, entity, Action::Read, ObjectType::Role)?;
        let list = format!("roles of {entity}");
        world.check_page(&listing, &list, call.now)?;
        let page = world.list_roles(&scope, &listing);
        Ok(page_reply(&listing, &list, &page, call.now, |number| world.role_at(number).view()))
    })
}

pub(super) fn get(app: &App, call: &Call) -> Answer {
    let checked = both(call.id("role_id"), call.entity_header());
    app.read(call, |world, caller| {
        let (id, entity) = checked?;
        let scope = world.enter(caller, entity, Action::Read, ObjectType::Role)?;
        let number = world.role(&scope, Action::Read, id)?;
        Ok(Reply::ok(&world.role_at(number).view()))
    })
}

pub(super) fn patch(app: &App, call: &Call) -> Answer {
    let checked = both(both(call.id("role_id"), call.entity_header()), rules::role::update(call.raw_body()));
    app.write(call, |world, caller| {
        let ((id, entity), patch) = checked?;
        let scope = world.enter(caller, entity, Action::Update, ObjectType::Role)?;
        let number = world.role(&scope, Action::Update, id)?;
        Ok(Reply::ok(&world.patch_role(number, patch, call.now)?.view()))
    })
}

pub(super) fn delete(app: &App, call: &Call) -> Answer {
    let checked = both(call.id("role_id"), call.entity_header());
    app.write(call, |world, caller| {
        let (id, entity) = checked?;
        let scope = world.enter(caller, entity, Action::Delete, ObjectType::Role)?;
        let number = world.role(&scope, Action::Delete, id)?;
        world.delete_role(number, call.now)?;
        Ok(Reply::no_content())
    })
}
