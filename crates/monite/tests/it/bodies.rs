//! What goes out and what comes in: absent is not null, unknown values survive, headers are where Monite wants them.

use monite::{
    AddressPatch, BusinessStructure, Entity, EntityFilter, EntityId, EntityPatch, EntityStatus, EntityType,
    EntityUserFilter, EntityUserId, EntityUserPatch, Field, Order, Role, RoleFilter, RolePatch, Scope, SortBy,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{CLIENT_SECRET, Call, Reply, Script, client, clock, credentials};

fn entity_id() -> EntityId {
    EntityId::from_uuid(Uuid::from_u128(0xE))
}

fn entity() -> Value {
    json!({
        "id": entity_id(), "created_at": "2025-03-01T09:30:00.120034+00:00", "updated_at": "2025-03-01T09:30:00.120051Z",
        "type": "organization", "status": "active", "email": "ap@example.com", "phone": null, "website": null,
        "tax_id": null, "logo": null, "registration_number": null, "registration_authority": null,
        "address": {"country": "DE", "city": "Berlin", "line1": "Musterweg 1", "line2": null, "postal_code": "10115",
                    "state": null},
        "organization": {"legal_name": "Muster GmbH", "business_structure": "private_corporation"},
    })
}

#[test]
fn a_patch_sends_only_what_is_set_and_null_for_what_is_cleared() {
    let cases = [
        (EntityPatch::default(), json!({})),
        (EntityPatch { phone: Field::Clear, ..Default::default() }, json!({"phone": null})),
        (
            EntityPatch {
                email: Field::Set("a@b.example".to_owned()),
                address: AddressPatch {
                    line2: Field::Clear,
                    city: Field::Set("Köln".to_owned()),
                    ..Default::default()
                },
                ..Default::default()
            },
            json!({"email": "a@b.example", "address": {"city": "Köln", "line2": null}}),
        ),
    ];
    for (patch, wire) in cases {
        assert_eq!(serde_json::to_value(&patch).unwrap(), wire);
        assert_eq!(patch.is_empty(), wire == json!({}));
        assert_eq!(serde_json::from_value::<EntityPatch>(wire).unwrap(), patch);
    }
    assert!(EntityUserPatch::default().is_empty() && RolePatch::default().is_empty());
    assert_eq!(
        serde_json::to_value(RolePatch { name: "x".to_owned().into(), ..Default::default() }).unwrap(),
        json!({"name": "x"})
    );
}

#[test]
fn between_is_the_smallest_order() {
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(Field::between(&some("a"), &some("a")), Field::Keep);
    assert_eq!(Field::between(&None, &some("a")), Field::Set("a".to_owned()));
    assert_eq!(Field::between(&some("a"), &None), Field::Clear);
    assert_eq!(Field::<String>::between(&None, &None), Field::Keep);
}

#[test]
fn what_monite_adds_tomorrow_breaks_nothing() {
    let mut wire = entity();
    wire["status"] = json!("hibernating");
    wire["type"] = json!("trust");
    wire["organization"]["business_structure"] = json!("dao");
    wire["hologram"] = json!({"deep": [1, 2, 3]});
    wire["address"]["planet"] = json!("Earth");
    let entity: Entity = serde_json::from_value(wire).unwrap();
    assert_eq!(entity.status, EntityStatus::Other("hibernating".to_owned()));
    assert_eq!(entity.entity_type, EntityType::Other("trust".to_owned()));
    let structure = entity.organization.unwrap().business_structure;
    assert_eq!(structure, Some(BusinessStructure::Other("dao".to_owned())));
    assert_eq!(serde_json::to_value(&structure).unwrap(), json!("dao"), "and goes back as it came");

    let role: Role = serde_json::from_value(json!({
        "id": entity_id(), "name": "x", "status": "frozen", "created_at": "2025-03-01T09:30:00Z",
        "updated_at": "2025-03-01T09:30:00+02:00", "colour": "red",
        "permissions": {"objects": [{"object_type": "unicorn", "actions": [{"action_name": "ride"}]}]},
    }))
    .unwrap();
    assert_eq!(role.status.as_str(), "frozen");
    assert_eq!(role.permissions.unknown().len(), 1);
}

#[test]
fn timestamps_of_both_spellings_are_read() {
    let entity: Entity = serde_json::from_value(entity()).unwrap();
    assert_eq!(entity.created_at.as_microsecond() + 17, entity.updated_at.as_microsecond());
}

#[tokio::test]
async fn headers_are_where_monite_wants_them() {
    let script = Script::with_tokens(|call| match call.line.split_once(' ').unwrap().1 {
        "/entities" | "/roles" | "/entity_users" => Reply::json(200, json!({"data": []})),
        path if path.starts_with("/entities/") => Reply::json(200, entity()),
        path => panic!("{path}"),
    });
    let monite = client(&script, &clock());
    let handle = monite.entity(entity_id());
    monite.entities().list(&EntityFilter::default()).await.unwrap();
    handle.roles().list(&RoleFilter::default()).await.unwrap();
    handle.users().list(&EntityUserFilter::default()).await.unwrap();
    handle.get().await.unwrap();
    handle.activate().await.unwrap();
    handle.update(&EntityPatch::default()).await.unwrap();
    for call in script.calls() {
        assert_eq!(call.header("x-monite-version"), Some("2024-05-25"), "{}", call.line);
        let on_behalf = matches!(call.line.as_str(), "GET /roles" | "GET /entity_users");
        let entity = on_behalf.then(|| entity_id().to_string());
        assert_eq!(call.header("x-monite-entity-id"), entity.as_deref(), "{}", call.line);
        let token = (call.line != "POST /auth/token").then_some("Bearer token-0");
        assert_eq!(call.header("authorization"), token, "{}", call.line);
        let has_body = call.line.starts_with("PATCH") || call.line == "POST /auth/token";
        assert_eq!(call.header("content-type").is_some(), has_body, "{}", call.line);
        assert!(!call.line.ends_with('/'), "{}", call.line);
    }
}

#[tokio::test]
async fn filters_become_query_parameters_and_lists_repeat_their_key() {
    let script = Script::with_tokens(|_| Reply::json(200, json!({"data": []})));
    let monite = client(&script, &clock());
    let filter = EntityFilter {
        email_in: vec!["a+b@x.example".to_owned(), "c&d@x.example".to_owned()],
        status: Some(EntityStatus::Active),
        created_at_gte: Some("2025-01-31T00:00:00Z".parse().unwrap()),
        sort: Some(SortBy::UpdatedAt),
        order: Some(Order::Desc),
        limit: Some(1000),
        ..Default::default()
    };
    monite.entities().list(&filter).await.unwrap();
    monite.entity(entity_id()).users().list(&EntityUserFilter::with_login("ana maria")).await.unwrap();
    monite.entity(entity_id()).roles().list(&RoleFilter::named("x=y")).await.unwrap();
    let queries: Vec<String> = script.calls().into_iter().skip(1).map(|call: Call| call.query).collect();
    insta::assert_snapshot!(queries.join("\n"), @r"
    status=active&email__in=a%2Bb%40x.example&email__in=c%26d%40x.example&created_at__gte=2025-01-31T00%3A00%3A00Z&sort=updated_at&order=desc&limit=100
    login=ana+maria
    name=x%3Dy
    ");
}

#[tokio::test]
async fn token_calls_carry_the_credentials_in_the_body_and_nothing_else() {
    let script = Script::new(|_| Reply::token("t", 1800));
    let monite = client(&script, &clock());
    let user = EntityUserId::from_uuid(Uuid::from_u128(3));
    monite.auth().mint_entity_user(user).await.unwrap();
    monite.tokens().get(Scope::Partner, Default::default()).await.unwrap();
    let bodies: Vec<Value> = script.calls().into_iter().map(|call| call.body).collect();
    let (client_id, client_secret) = (credentials().client_id(), CLIENT_SECRET);
    let of_user = json!({"client_id": client_id, "client_secret": client_secret, "grant_type": "entity_user", "entity_user_id": user});
    let of_partner =
        json!({"client_id": client_id, "client_secret": client_secret, "grant_type": "client_credentials"});
    assert_eq!(bodies, [of_user, of_partner]);
}
