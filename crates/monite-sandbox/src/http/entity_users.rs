//! `/entity_users`, inside the entity named by `x-monite-entity-id`.

use super::call::Call;
use super::page_reply;
use super::reply::{Answer, Reply};
use crate::app::App;
use crate::rules::{self, both, query};
use crate::world::role::{Action, ObjectType};

pub(super) fn create(app: &App, call: &Call) -> Answer {
    let checked = both(call.entity_header(), rules::entity_user::create(call.raw_body()));
    app.write(call, |world, caller| {
        let (entity, draft) = checked?;
        let scope = world.enter(caller, entity, Action::Create, ObjectType::EntityUser)?;
        let number = world.create_entity_user(&scope, draft, call.now)?;
        Ok(Reply::ok(&world.user_view(number, call.version)))
    })
}

pub(super) fn list(app: &App, call: &Call) -> Answer {
    let checked = both(call.entity_header(), query::entity_users(call.query.as_deref()));
    app.read(call, |world, caller| {
        let (entity, listing) = checked?;
        let scope = world.enter(caller, entity, Action::Read, ObjectType::EntityUser)?;
        let list = format!("entity users of {entity}");
        world.check_page(&listing, &list, call.now)?;
        let page = world.list_entity_users(&scope, &listing);
        Ok(page_reply(&listing, &list, &page, call.now, |number| world.user_view(number, call.version)))
    })
}

pub(super) fn get(app: &App, call: &Call) -> Answer {
    let checked = both(call.id("entity_user_id"), call.entity_header());
    app.read(call, |world, caller| {
        let (id, entity) = checked?;
        let scope = world.enter(caller, entity, Action::Read, ObjectType::EntityUser)?;
        let number = world.entity_user(&scope, Action::Read, id)?;
        Ok(Reply::ok(&world.user_view(number, call.version)))
    })
}

pub(super) fn patch(app: &App, call: &Call) -> Answer {
    let target = both(call.id("entity_user_id"), call.entity_header());
    let checked = both(target, rules::entity_user::update(call.raw_body()));
    app.write(call, |world, caller| {
        let ((id, entity), patch) = checked?;
        let scope = world.enter(caller, entity, Action::Update, ObjectType::EntityUser)?;
        let number = world.entity_user(&scope, Action::Update, id)?;
        world.patch_entity_user(number, patch, call.now)?;
        Ok(Reply::ok(&world.user_view(number, call.version)))
    })
}

pub(super) fn delete(app: &App, call: &Call) -> Answer {
    let checked = both(call.id("entity_user_id"), call.entity_header());
    app.write(call, |world, caller| {
        let (id, entity) = checked?;
        let scope = world.enter(caller, entity, Action::Delete, ObjectType::EntityUser)?;
        let number = world.entity_user(&scope, Action::Delete, id)?;
        world.delete_entity_user(number, call.now);
        Ok(Reply::no_content())
    })
}
