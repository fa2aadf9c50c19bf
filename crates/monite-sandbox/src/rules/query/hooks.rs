//! Query strings of the lists about webhooks.

use uuid::Uuid;

use super::{CreatedRange, Listing, SORTS, listing, verbatim};
use crate::rules::Wrong;
use crate::rules::text::{choose, parse_uuid};
use crate::world::hooks::WebhookObject;

#[derive(Debug, Default)]
pub(crate) struct SubscriptionFilter {
    pub(crate) object_type: Option<WebhookObject>,
    pub(crate) created: CreatedRange,
}

#[derive(Debug, Default)]
pub(crate) struct EventFilter {
    pub(crate) object_type: Option<WebhookObject>,
    pub(crate) created: CreatedRange,
}

#[derive(Debug, Default)]
pub(crate) struct DeliveryFilter {
    pub(crate) event_id: Option<Uuid>,
    pub(crate) object_type: Option<WebhookObject>,
    pub(crate) event_action: Option<String>,
    pub(crate) created: CreatedRange,
}

pub(crate) fn subscriptions(raw: Option<&str>) -> Result<Listing<SubscriptionFilter>, Wrong> {
    listing(raw, SORTS, |query| SubscriptionFilter {
        object_type: query.one("object_type", object_type),
        created: query.created(),
    })
}

pub(crate) fn events(raw: Option<&str>) -> Result<Listing<EventFilter>, Wrong> {
    listing(raw, SORTS, |query| EventFilter {
        object_type: query.one("object_type", object_type),
        created: query.created(),
    })
}

pub(crate) fn deliveries(raw: Option<&str>) -> Result<Listing<DeliveryFilter>, Wrong> {
    listing(raw, SORTS, |query| DeliveryFilter {
        event_id: query.one("event_id", parse_uuid),
        object_type: query.one("object_type", object_type),
        event_action: query.one("event_action", verbatim),
        created: query.created(),
    })
}

fn object_type(text: &str) -> Result<WebhookObject, Wrong> {
    choose(Some(text), WebhookObject::NAMES)
}
