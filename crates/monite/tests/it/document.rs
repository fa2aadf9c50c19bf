//! The types against Monite's OpenAPI document: every field, every enum value, every filter.

use std::collections::BTreeSet;
use std::fmt::Debug;

use monite::{
    Action, BusinessStructure, Entity, EntityFilter, EntityId, EntityPatch, EntitySettings, EntitySettingsPatch,
    EntityStatus, EntityType, EntityUser, EntityUserFilter, EntityUserPatch, Event, EventFilter, MePatch, NewEntity,
    NewEntityUser, NewRole, NewWebhookSubscription, ObjectType, Order, PartnerSettings, PartnerSettingsPatch,
    PaymentPriority, Permission, ReceivableEditFlow, Role, RoleFilter, RolePatch, RoleStatus, SortBy, VatMode,
    WebhookDelivery, WebhookDeliveryFilter, WebhookObjectType, WebhookSubscription, WebhookSubscriptionFilter,
    WebhookSubscriptionPatch, WebhookSubscriptionStatus,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Document, Reply, Script, client, clock};

/// Reads everything the schema has and writes it again: what the type does not know would be lost on the way.
fn keeps_all<T: DeserializeOwned + Serialize>(document: &Document, schema: &str) {
    let sample = document.sample(schema);
    let read: T =
        serde_json::from_value(sample.clone()).unwrap_or_else(|error| panic!("{schema}: {error} in {sample}"));
    let written = serde_json::to_value(&read).unwrap();
    let lost = lost(&sample, &written);
    assert!(lost.is_empty(), "{schema} loses {lost:?}");
}

/// The places where `written` has not what `sample` has. That it has more, such as a null, does no harm.
fn lost(sample: &Value, written: &Value) -> Vec<String> {
    let Value::Object(fields) = sample else {
        return if sample == written { Vec::new() } else { vec![format!(" = {sample}, not {written}")] };
    };
    let below = |(name, value)| {
        let deeper = lost(value, &written[name]);
        deeper.into_iter().map(move |place| format!(".{name}{place}"))
    };
    fields.iter().flat_map(below).collect()
}

#[test]
fn every_field_of_the_document_is_in_the_types() {
    let Some(document) = Document::load() else { return };
    keeps_all::<NewEntity>(&document, "CreateEntityRequest");
    keeps_all::<EntityPatch>(&document, "UpdateEntityRequest");
    keeps_all::<NewEntityUser>(&document, "CreateEntityUserRequest");
    keeps_all::<EntityUserPatch>(&document, "UpdateEntityUserRequest");
    keeps_all::<MePatch>(&document, "UpdateMeEntityUserRequest");
    keeps_all::<NewRole>(&document, "CreateRoleRequest");
    keeps_all::<RolePatch>(&document, "UpdateRoleRequest");
    keeps_all::<NewWebhookSubscription>(&document, "CreateWebhookSubscriptionRequest");
    keeps_all::<WebhookSubscriptionPatch>(&document, "UpdateWebhookSubscriptionRequest");
    keeps_all::<EntitySettingsPatch>(&document, "PatchSettingsPayload");
    keeps_all::<PartnerSettingsPatch>(&document, "PartnerProjectSettingsPayload-Input");
    keeps_all::<Entity>(&document, "EntityOrganizationResponse");
    keeps_all::<Entity>(&document, "EntityIndividualResponse");
    keeps_all::<EntityUser>(&document, "EntityUserResponse");
    keeps_all::<Role>(&document, "RoleResponse");
    keeps_all::<WebhookSubscription>(&document, "WebhookSubscriptionResource");
    keeps_all::<WebhookDelivery>(&document, "WebhookDeliveryResource");
    keeps_all::<Event>(&document, "EventResource");
    keeps_all::<Event>(&document, "EventResourceForWebhookClient");
    has_a_name_for_all::<EntitySettings>(&document, "SettingsResponse");
    has_a_name_for_all::<EntitySettingsPatch>(&document, "PatchSettingsPayload");
    has_a_name_for_all::<PartnerSettings>(&document, "PartnerProjectSettingsPayload-Output");
    has_a_name_for_all::<PartnerSettingsPatch>(&document, "PartnerProjectSettingsPayload-Input");
}

/// Settings and their parts keep unknown keys, so none is ever lost: one without a name of its own is among the others.
fn has_a_name_for_all<T: DeserializeOwned + Debug>(document: &Document, schema: &str) {
    let read: T = serde_json::from_value(document.sample(schema)).unwrap();
    let shown = format!("{read:?}");
    assert!(!shown.contains("other: {\"") && shown.contains("other: {}"), "{schema}: {shown}");
}

/// An unknown value would be read as `Other`.
fn knows_all<T: DeserializeOwned + Debug>(document: &Document, schema: &str) {
    for name in document.names(schema) {
        let read: T = serde_json::from_value(json!(name)).unwrap_or_else(|error| panic!("{schema}: {error}"));
        assert!(!format!("{read:?}").starts_with("Other"), "{schema} has {name}");
    }
}

#[test]
fn every_enum_value_of_the_document_has_a_name() {
    let Some(document) = Document::load() else { return };
    knows_all::<EntityType>(&document, "EntityTypeEnum");
    knows_all::<EntityStatus>(&document, "EntityStatusEnum");
    knows_all::<BusinessStructure>(&document, "EntityBusinessStructure");
    knows_all::<RoleStatus>(&document, "StatusEnum");
    knows_all::<WebhookObjectType>(&document, "WebhookObjectType");
    knows_all::<WebhookSubscriptionStatus>(&document, "WebhookSubscriptionStatus");
    knows_all::<VatMode>(&document, "VatModeEnum");
    knows_all::<PaymentPriority>(&document, "PaymentPriorityEnum");
    knows_all::<ReceivableEditFlow>(&document, "ReceivableEditFlow");
    knows_all::<Permission>(&document, "PermissionEnum");
    knows_all::<Action>(&document, "ActionEnum");
    knows_all::<Action>(&document, "PayableActionEnum");
}

#[test]
fn the_matrix_is_that_of_the_document() {
    let Some(document) = Document::load() else { return };
    let set = |names: Vec<String>| names.into_iter().collect::<BTreeSet<_>>();
    let known = ObjectType::ALL.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(known, set(document.objects_of_the_matrix()));
    for object in ObjectType::ALL {
        let schema = if *object == ObjectType::Payable { "PayableActionEnum" } else { "ActionEnum" };
        let accepted = Action::ALL.iter().filter(|action| object.accepts(**action));
        let accepted = accepted.map(ToString::to_string).collect::<BTreeSet<_>>();
        assert_eq!(accepted, set(document.names(schema)), "{object}");
    }
}

/// Every filter, filled to the brim.
#[tokio::test]
async fn every_query_parameter_of_the_document_is_in_the_filters() {
    let Some(document) = Document::load() else { return };
    let script = Script::with_tokens(|_| Reply::json(200, json!({"data": []})));
    let monite = client(&script, &clock());
    let acme = monite.entity(EntityId::from_uuid(Uuid::from_u128(0xE)));
    monite.entities().list(&entities()).await.unwrap();
    acme.users().list(&users()).await.unwrap();
    acme.roles().list(&roles()).await.unwrap();
    monite.webhook_subscriptions().list(&subscriptions()).await.unwrap();
    acme.webhook_deliveries().list(&deliveries()).await.unwrap();
    acme.events().list(&events()).await.unwrap();
    let calls = script.calls();
    assert_eq!(calls.len(), 7, "a token and six lists");
    for call in &calls[1..] {
        let (method, path) = call.line.split_once(' ').unwrap();
        let mut sent: Vec<String> =
            url::form_urlencoded::parse(call.query.as_bytes()).map(|(key, _)| key.into()).collect();
        sent.push("pagination_token".to_owned()); // has methods of its own
        sent.sort();
        assert_eq!(sent, document.query(method, path), "{path}");
    }
}

fn id<T: From<Uuid>>() -> T {
    Uuid::from_u128(1).into()
}

fn text() -> Option<String> {
    Some("x".to_owned())
}

macro_rules! filled {
    ($filter:ident { $($field:ident: $value:expr),* $(,)? }) => {{
        let now = Some("2026-11-24T09:00:00Z".parse().unwrap());
        $filter {
            $($field: $value,)*
            created_at_gt: now,
            created_at_lt: now,
            created_at_gte: now,
            created_at_lte: now,
            sort: Some(SortBy::UpdatedAt),
            order: Some(Order::Desc),
            limit: Some(10),
        }
    }};
}

fn entities() -> EntityFilter {
    filled!(EntityFilter {
        entity_type: Some(EntityType::Individual),
        status: Some(EntityStatus::Active),
        email: text(),
        email_in: vec!["x".to_owned()],
        email_not_in: vec!["x".to_owned()],
        id_in: vec![id()],
        id_not_in: vec![id()],
    })
}

fn users() -> EntityUserFilter {
    filled!(EntityUserFilter {
        id_in: vec![id()],
        id_not_in: vec![id()],
        role_id: Some(id()),
        role_id_in: vec![id()],
        login: text(),
        status: Some("active".into()),
        first_name: text(),
        name_istartswith: text(),
    })
}

fn roles() -> RoleFilter {
    filled!(RoleFilter { id_in: vec![id()], name: text(), created_at: Some("2026-11-24T09:00:00Z".parse().unwrap()) })
}

fn subscriptions() -> WebhookSubscriptionFilter {
    filled!(WebhookSubscriptionFilter { object_type: Some(WebhookObjectType::Role) })
}

fn deliveries() -> WebhookDeliveryFilter {
    filled!(WebhookDeliveryFilter {
        event_id: Some(id()),
        object_type: Some(WebhookObjectType::Role),
        event_action: text(),
    })
}

fn events() -> EventFilter {
    filled!(EventFilter { object_type: Some(WebhookObjectType::Role) })
}
