//! What an entity user asks about itself: `/entity_users/me`, `my_entity`, `my_role`, and the old `/entities/me`.

use super::call::Call;
use super::reply::{Answer, Reply};
use crate::app::App;
use crate::refusal::Refusal;
use crate::rules;
use crate::world::role::Action;

pub(super) fn get(app: &App, call: &Call) -> Answer {
    app.read(call, |world, caller| Ok(Reply::ok(&world.user_view(world.me(caller)?, call.version))))
}

pub(super) fn patch(app: &App, call: &Call) -> Answer {
    let patch = rules::entity_user::update_me(call.raw_body());
    app.write(call, |world, caller| {
        let patch = patch?;
        let me = world.me(caller)?;
        world.patch_entity_user(me, patch, call.now)?;
        Ok(Reply::ok(&world.user_view(me, call.version)))
    })
}

pub(super) fn entity(app: &App, call: &Call) -> Answer {
    app.read(call, |world, caller| Ok(Reply::ok(world.entity_at(world.my_entity(caller, Action::Read)?))))
}

pub(super) fn patch_entity(app: &App, call: &Call) -> Answer {
    let patch = rules::entity::update(call.raw_body(), call.version);
    app.write(call, |world, caller| {
        let patch = patch?;
        let entity = world.my_entity(caller, Action::Update)?;
        Ok(Reply::ok(world.patch_entity(entity, patch, call.now)?))
    })
}

pub(super) fn role(app: &App, call: &Call) -> Answer {
    app.read(call, |world, caller| {
        let me = world.me(caller)?;
        // Roles in use cannot be deleted, so only a deleted user's token (a quirk) can miss here.
        let role = world.role_of(me).ok_or_else(|| Refusal::NoRole(world.user_at(me).role_id))?;
        Ok(Reply::ok(&world.role_at(role).view()))
    })
}
