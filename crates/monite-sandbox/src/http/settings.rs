//! `/entities/{id}/settings` and the partner's own `/settings`.

use uuid::Uuid;

use super::call::Call;
use super::reply::{Answer, Reply};
use crate::app::App;
use crate::refusal::Refusal;
use crate::rules::{self, both};
use crate::world::World;
use crate::world::access::{Caller, Reach};
use crate::world::role::{Action, ObjectType};

pub(super) fn get(app: &App, call: &Call) -> Answer {
    app.read(call, |world, caller| {
        let entity = enter(world, caller, call.id("entity_id")?, Action::Read)?;
        Ok(Reply::ok(&world.entity_settings(entity)))
    })
}

pub(super) fn patch(app: &App, call: &Call) -> Answer {
    let checked = both(call.id("entity_id"), rules::entity_settings::patch(call.raw_body()));
    app.write(call, |world, caller| {
        let (id, patch) = checked?;
        let entity = enter(world, caller, id, Action::Update)?;
        Ok(Reply::ok(&world.patch_entity_settings(entity, patch, call.now)))
    })
}

/// The entity whose settings the caller may touch. Entities are created by the partner, so "own" reaches none.
fn enter(world: &World, caller: Caller, id: Uuid, action: Action) -> Result<u32, Refusal> {
    let scope = world.enter_by_path(caller, id, action, ObjectType::Entity)?;
    match scope.reach {
        Reach::All => Ok(scope.entity),
        Reach::Own(_) => Err(Refusal::NotAllowed(action, ObjectType::Entity)),
    }
}

/// What a refusal calls the partner's own settings, which no role can open.
const PARTNER: &str = "partner_settings";

pub(super) fn get_partner(app: &App, call: &Call) -> Answer {
    app.read(call, |world, caller| {
        world.partner_alone(caller, Action::Read, PARTNER)?;
        Ok(Reply::ok(&world.partner_settings(call.version)))
    })
}

pub(super) fn patch_partner(app: &App, call: &Call) -> Answer {
    let patch = rules::partner_settings::patch(call.raw_body(), call.version);
    app.write(call, |world, caller| {
        let patch = patch?;
        world.partner_alone(caller, Action::Update, PARTNER)?;
        Ok(Reply::ok(&world.patch_partner_settings(patch, call.version, call.now)?))
    })
}
