//! Where Monite's documents are silent, every outcome they allow means the same to the caller.

use monite::{EntityId, EntityPatch, EntityUserId, Error, Field, NewEntityUser, NewRole, Priority};
use serde_json::json;
use uuid::Uuid;

use crate::support::{World, client_of, entity_role_user, organization, reader, world};

/// Runs `check` once for each way in which the sandbox can settle the point called `name`.
async fn each_way(name: &str, check: impl AsyncFn(World)) {
    let options = world().await.sandbox.quirks()[name]["options"].clone();
    let options: Vec<String> = serde_json::from_value(options).unwrap();
    assert!(options.len() > 1, "{name}");
    for option in options {
        let world = world().await;
        world.sandbox.set_quirk(name, &option).unwrap();
        check(world).await;
    }
}

fn nobody() -> EntityUserId {
    EntityUserId::from_uuid(Uuid::from_u128(404))
}

#[tokio::test]
async fn a_thing_that_is_missing_is_not_found() {
    each_way("missing_entity", async |World { monite, .. }| {
        let stranger = EntityId::from_uuid(Uuid::from_u128(404));
        assert!(monite.entity(stranger).get().await.unwrap_err().is_not_found());
        let patch = EntityPatch { phone: Field::Clear, ..Default::default() };
        assert!(monite.entity(stranger).update(&patch).await.unwrap_err().is_not_found());
    })
    .await;
    each_way("missing_entity_user", async |World { monite, .. }| {
        let (entity, ..) = entity_role_user(&monite).await;
        assert!(monite.entity(entity.id).users().get(nobody()).await.unwrap_err().is_not_found());
        assert!(monite.entity(entity.id).users().delete(nobody()).await.unwrap_err().is_not_found());
    })
    .await;
    each_way("missing_role", async |World { monite, .. }| {
        let (entity, ..) = entity_role_user(&monite).await;
        let stranger = Uuid::from_u128(404).into();
        assert!(monite.entity(entity.id).roles().get(stranger).await.unwrap_err().is_not_found());
    })
    .await;
    each_way("grant_for_unknown_entity_user", async |World { monite, .. }| {
        assert!(monite.auth().mint_entity_user(nobody()).await.unwrap_err().is_not_found());
    })
    .await;
}

#[tokio::test]
async fn a_name_that_is_taken_is_a_conflict() {
    each_way("duplicate_role_name", async |World { monite, .. }| {
        let (entity, role, _) = entity_role_user(&monite).await;
        let again = NewRole { name: role.name, permissions: reader() };
        assert!(monite.entity(entity.id).roles().create(&again).await.unwrap_err().is_conflict());
    })
    .await;
    each_way("duplicate_login", async |World { monite, .. }| {
        let (entity, role, user) = entity_role_user(&monite).await;
        let again = NewEntityUser {
            login: user.login,
            first_name: "B".to_owned(),
            role_id: Some(role.id),
            ..Default::default()
        };
        assert!(monite.entity(entity.id).users().create(&again).await.unwrap_err().is_conflict());
    })
    .await;
}

#[tokio::test]
async fn wrong_credentials_are_wrong_credentials() {
    each_way("bad_credentials", async |World { sandbox, clock, .. }| {
        let monite = client_of(&sandbox, "wrong", &clock).unlimited().build().unwrap();
        for error in [
            monite.entities().list(&Default::default()).await.unwrap_err(),
            monite.auth().mint_entity_user(nobody()).await.unwrap_err(),
        ] {
            assert!(matches!(error, Error::Credentials { .. }), "{error:?}");
        }
        assert_eq!(monite.calls_made(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_expired_token_goes_unnoticed() {
    each_way("expired_token", async |World { monite, sandbox, .. }| {
        monite.entities().create(&organization()).await.unwrap();
        sandbox.advance(std::time::Duration::from_secs(1801));
        monite.with_priority(Priority::Bulk).entities().create(&organization()).await.unwrap();
        assert_eq!((sandbox.calls("POST /auth/token"), sandbox.entities().len()), (2, 2));
    })
    .await;
}

#[tokio::test]
async fn a_missing_right_is_a_denial() {
    each_way("permission_denied", async |World { monite, .. }| {
        let (_, _, user) = entity_role_user(&monite).await;
        let patch = EntityPatch { phone: Field::Clear, ..Default::default() };
        let error = monite.as_entity_user(user.id).update_my_entity(&patch).await.unwrap_err();
        assert!(error.is_permission_denied() && !error.is_conflict() && !error.is_retryable(), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_refused_document_is_refused_once() {
    each_way("us_state", async |World { monite, sandbox, .. }| {
        let mut new = organization();
        (new.address.country, new.registration_number, new.registration_authority) = ("US".to_owned(), None, None);
        let error = monite.entities().create(&new).await.unwrap_err();
        assert!(!error.is_retryable() && !error.may_have_applied(), "{error}");
        assert_eq!(sandbox.calls("POST /entities"), 1);
    })
    .await;
    each_way("invalid_role_id", async |World { monite, .. }| {
        let entity = monite.entities().create(&organization()).await.unwrap();
        let new = NewEntityUser {
            login: "ana".to_owned(),
            first_name: "Ana".to_owned(),
            role_id: Some(Uuid::from_u128(404).into()),
            ..Default::default()
        };
        let error = monite.entity(entity.id).users().create(&new).await.unwrap_err();
        assert!(error.is_not_found() && !error.is_retryable(), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_role_that_comes_with_the_entity_is_seen() {
    each_way("default_role", async |World { monite, sandbox, .. }| {
        let entity = monite.entities().create(&organization()).await.unwrap();
        let roles = monite.entity(entity.id).roles().list(&Default::default()).await.unwrap().data;
        let expected = sandbox.quirks()["default_role"]["value"] != json!("none");
        assert_eq!(roles.len(), usize::from(expected));
        assert!(roles.iter().all(|role| !role.permissions.grants_nothing()));
    })
    .await;
}
