//! `/events` and `/webhook_deliveries`: what happened in an entity, and what was sent about it. The partner's own
//! business.

use super::call::Call;
use super::page_reply;
use super::reply::{Answer, Reply};
use crate::app::App;
use crate::rules::{both, query};
use crate::world::role::Action;

pub(super) fn list(app: &App, call: &Call) -> Answer {
    let checked = both(call.entity_header(), query::events(call.query.as_deref()));
    app.read(call, |world, caller| {
        let (entity, listing) = checked?;
        world.partner_alone_in(caller, entity, Action::Read, "event")?;
        let list = format!("events of {entity}");
        world.check_page(&listing, &list, call.now)?;
        let page = world.list_events(entity, &listing, call.now);
        Ok(page_reply(&listing, &list, &page, call.now, |number| world.event_at(number).view(&world.quirks)))
    })
}

pub(super) fn get(app: &App, call: &Call) -> Answer {
    app.read(call, |world, caller| {
        let id = call.id("event_id")?;
        world.partner_alone(caller, Action::Read, "event")?;
        Ok(Reply::ok(&world.event(id, call.now)?.view(&world.quirks)))
    })
}

pub(super) fn deliveries(app: &App, call: &Call) -> Answer {
    let checked = both(call.entity_header(), query::deliveries(call.query.as_deref()));
    app.read(call, |world, caller| {
        let (entity, listing) = checked?;
        world.partner_alone_in(caller, entity, Action::Read, "webhook_delivery")?;
        let list = format!("webhook deliveries of {entity}");
        world.check_page(&listing, &list, call.now)?;
        let page = world.list_deliveries(entity, &listing, call.now);
        Ok(page_reply(&listing, &list, &page, call.now, |number| world.delivery_at(number).view()))
    })
}
