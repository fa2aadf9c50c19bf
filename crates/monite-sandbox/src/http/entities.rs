//! `/entities` and partner metadata: the partner's own business, never an entity user's.

use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::call::Call;
use super::page_reply;
use super::reply::{Answer, Reply};
use crate::app::App;
use crate::refusal::Refusal;
use crate::rules::{self, both, query};
use crate::world::World;
use crate::world::entity::EntityStatus;
use crate::world::role::{Action, ObjectType};

/// Page tokens of this list work nowhere else.
const LIST: &str = "entities";

pub(super) fn create(app: &App, call: &Call) -> Answer {
    let details = rules::entity::create(call.raw_body(), call.version);
    let created = if call.version.creates_entities_with_200() { StatusCode::OK } else { StatusCode::CREATED };
    app.write(call, |world, caller| {
        let details = details?;
        world.partner_only(caller, Action::Create, ObjectType::Entity)?;
        world.create_entity(details, call.now).map(|entity| Reply::json(created, entity))
    })
}

pub(super) fn list(app: &App, call: &Call) -> Answer {
    let listing = query::entities(call.query.as_deref());
    app.read(call, |world, caller| {
        let listing = listing?;
        world.partner_only(caller, Action::Read, ObjectType::Entity)?;
        world.check_page(&listing, LIST, call.now)?;
        let page = world.list_entities(&listing);
        Ok(page_reply(&listing, LIST, &page, call.now, |number| world.entity_at(number)))
    })
}

pub(super) fn get(app: &App, call: &Call) -> Answer {
    app.read(call, |world, caller| {
        let id = call.id("entity_id")?;
        world.partner_only(caller, Action::Read, ObjectType::Entity)?;
        Ok(Reply::ok(world.entity_at(world.entity_number(id)?)))
    })
}

pub(super) fn patch(app: &App, call: &Call) -> Answer {
    let checked = both(call.id("entity_id"), rules::entity::update(call.raw_body(), call.version));
    app.write(call, |world, caller| {
        let (id, patch) = checked?;
        world.partner_only(caller, Action::Update, ObjectType::Entity)?;
        let number = world.entity_number(id)?;
        Ok(Reply::ok(world.patch_entity(number, patch, call.now)?))
    })
}

pub(super) fn activate(app: &App, call: &Call) -> Answer {
    set_status(app, call, EntityStatus::Active)
}

pub(super) fn deactivate(app: &App, call: &Call) -> Answer {
    set_status(app, call, EntityStatus::Inactive)
}

fn set_status(app: &App, call: &Call, status: EntityStatus) -> Answer {
    app.write(call, |world, caller| {
        let id = call.id("entity_id")?;
        world.partner_only(caller, Action::Update, ObjectType::Entity)?;
        let number = world.entity_number(id)?;
        Ok(Reply::ok(world.set_entity_status(number, status, call.now)))
    })
}

pub(super) fn metadata(app: &App, call: &Call) -> Answer {
    app.read(call, |world, caller| {
        let id = call.id("entity_id")?;
        world.partner_only(caller, Action::Read, ObjectType::Entity)?;
        Ok(Reply::ok(&json!({"metadata": world.metadata(entity_of_metadata(world, id)?)})))
    })
}

pub(super) fn put_metadata(app: &App, call: &Call) -> Answer {
    let checked = both(call.id("entity_id"), rules::metadata::replace(call.raw_body()));
    app.write(call, |world, caller| {
        let (id, metadata) = checked?;
        world.partner_only(caller, Action::Update, ObjectType::Entity)?;
        let number = entity_of_metadata(world, id)?;
        Ok(Reply::ok(&json!({"metadata": world.replace_metadata(number, metadata, call.now)})))
    })
}

fn entity_of_metadata(world: &World, id: Uuid) -> Result<u32, Refusal> {
    world.entity_number(id).map_err(|_| Refusal::NoEntityForMetadata(id))
}
