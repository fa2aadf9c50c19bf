//! What a role allows is what can be done, and what no role can allow is not asked for.

use futures::TryStreamExt;
use monite::{EntityUserFilter, NewEntityUser, NewRole, Permissions, Role, RoleFilter, RolePatch, action, object};
use serde_json::json;

use crate::support::{World, entity_role_user, organization, world};

#[tokio::test]
async fn a_user_can_be_acted_for_within_the_role_and_no_further() {
    let World { monite, sandbox, .. } = world().await;
    let (entity, ..) = entity_role_user(&monite).await;
    let permissions = Permissions::new().grant(object::Role, action::Read).grant(object::Entity, action::Read);
    let new = NewRole { name: "looker".to_owned(), permissions };
    let looker = monite.entity(entity.id).roles().create(&new).await.unwrap();
    let new = NewEntityUser {
        login: "bob".to_owned(),
        first_name: "Bob".to_owned(),
        role_id: Some(looker.id),
        ..Default::default()
    };
    let bob = monite.entity(entity.id).users().create(&new).await.unwrap();

    let as_bob = monite.acting_as(bob.id);
    let handle = as_bob.entity(entity.id);
    assert_eq!(handle.roles().list(&RoleFilter::default()).await.unwrap().data.len(), 2);
    let roles: Vec<Role> = handle.roles().stream(RoleFilter::default()).try_collect().await.unwrap();
    assert_eq!(roles.len(), 2);
    handle.settings().get().await.unwrap();
    let denied = [
        handle.users().list(&EntityUserFilter::default()).await.map(drop),
        handle.roles().delete(roles[0].id).await,
        handle.get().await.map(drop),
        handle.metadata().get().await.map(drop),
        as_bob.entities().create(&organization()).await.map(drop),
    ];
    for error in denied.map(Result::unwrap_err) {
        assert!(error.is_permission_denied(), "{error}");
    }
    assert_eq!(sandbox.entities().len(), 1);
    monite.entity(entity.id).get().await.unwrap();
}

#[tokio::test]
async fn an_impossible_permission_is_not_sent() {
    let World { monite, sandbox, .. } = world().await;
    let (entity, role, _) = entity_role_user(&monite).await;
    let wire = json!({"objects": [{"object_type": "tag", "actions": [{"action_name": "pay"}]}]});
    let permissions: Permissions = serde_json::from_value(wire).unwrap();
    let roles = monite.entity(entity.id).roles();
    let created = roles.create(&NewRole { name: "x".to_owned(), permissions: permissions.clone() }).await;
    let patch = RolePatch { permissions: permissions.into(), ..Default::default() };
    for error in [created.unwrap_err(), roles.update(role.id, &patch).await.unwrap_err()] {
        assert!(matches!(error, monite::Error::Invalid { .. }), "{error:?}");
        assert!(error.to_string().contains("tag has no action pay"), "{error}");
    }
    assert_eq!((sandbox.calls("POST /roles"), sandbox.calls("PATCH /roles/*")), (1, 0));

    // A name that Monite may know tomorrow is for Monite to judge.
    let wire = json!({"objects": [{"object_type": "unicorn", "actions": [{"action_name": "pay"}]}]});
    let new = NewRole { name: "y".to_owned(), permissions: serde_json::from_value(wire).unwrap() };
    assert_eq!(roles.create(&new).await.unwrap_err().status(), Some(422));
}
