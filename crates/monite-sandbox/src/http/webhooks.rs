//! `/webhook_subscriptions`: the partner's own business, in no entity.

use http::StatusCode;
use uuid::Uuid;

use super::call::Call;
use super::page_reply;
use super::reply::{Answer, Reply};
use crate::app::App;
use crate::refusal::Refusal;
use crate::rules::{self, both, query};
use crate::world::World;
use crate::world::access::Caller;
use crate::world::hooks::SubscriptionStatus;
use crate::world::role::Action;

/// Page tokens of this list work nowhere else.
const LIST: &str = "webhook subscriptions";

/// What a refusal calls them.
const OBJECT: &str = "webhook_subscription";

pub(super) fn create(app: &App, call: &Call) -> Answer {
    let draft = rules::webhook::create(call.raw_body(), app.courier.settings.urls);
    app.write(call, |world, caller| {
        let draft = draft?;
        world.partner_alone(caller, Action::Create, OBJECT)?;
        let subscription = world.create_subscription(draft, call.now);
        Ok(Reply::json(StatusCode::CREATED, &subscription.view_with_secret()))
    })
}

pub(super) fn list(app: &App, call: &Call) -> Answer {
    let listing = query::subscriptions(call.query.as_deref());
    app.read(call, |world, caller| {
        let listing = listing?;
        world.partner_alone(caller, Action::Read, OBJECT)?;
        world.check_page(&listing, LIST, call.now)?;
        let page = world.list_subscriptions(&listing);
        Ok(page_reply(&listing, LIST, &page, call.now, |number| world.subscription_at(number).view()))
    })
}

pub(super) fn get(app: &App, call: &Call) -> Answer {
    app.read(call, |world, caller| {
        let id = id(call)?;
        world.partner_alone(caller, Action::Read, OBJECT)?;
        Ok(Reply::ok(&world.subscription(id)?.view()))
    })
}

pub(super) fn patch(app: &App, call: &Call) -> Answer {
    let checked = both(call.id(ID), rules::webhook::update(call.raw_body(), app.courier.settings.urls));
    app.write(call, |world, caller| {
        let (id, patch) = checked?;
        world.partner_alone(caller, Action::Update, OBJECT)?;
        Ok(Reply::ok(&world.patch_subscription(id, patch, call.now)?.view()))
    })
}

pub(super) fn delete(app: &App, call: &Call) -> Answer {
    change(app, call, Action::Delete, |world, id| {
        world.delete_subscription(id, call.now)?;
        Ok(Reply::no_content())
    })
}

pub(super) fn enable(app: &App, call: &Call) -> Answer {
    change(app, call, Action::Update, |world, id| {
        Ok(Reply::ok(&world.set_subscription_status(id, SubscriptionStatus::Enabled, call.now)?.view()))
    })
}

pub(super) fn disable(app: &App, call: &Call) -> Answer {
    change(app, call, Action::Update, |world, id| {
        Ok(Reply::ok(&world.set_subscription_status(id, SubscriptionStatus::Disabled, call.now)?.view()))
    })
}

pub(super) fn regenerate_secret(app: &App, call: &Call) -> Answer {
    change(app, call, Action::Update, |world, id| {
        Ok(Reply::ok(&world.regenerate_secret(id, call.now)?.view_with_secret()))
    })
}

const ID: &str = "webhook_subscription_id";

fn id(call: &Call) -> Result<Uuid, Refusal> {
    Ok(call.id(ID)?)
}

/// A change without a body.
fn change(app: &App, call: &Call, action: Action, change: impl FnOnce(&mut World, Uuid) -> Answer) -> Answer {
    app.write(call, |world, caller: Caller| {
        let id = id(call)?;
        world.partner_alone(caller, action, OBJECT)?;
        change(world, id)
    })
}
