//! Roles, users, what users do themselves, and tokens.

use std::time::Duration;

use futures::TryStreamExt;
use monite::{
    EntityPatch, EntityUser, EntityUserFilter, EntityUserId, EntityUserPatch, Error, Field, MePatch, NewEntityUser,
    NewRole, Permissions, Request, Role, RoleFilter, RoleId, RolePatch, RoleStatus, Scope, action, object,
};

use super::{Walk, denied, missing, only, refused, stranger, taken};
use crate::support::{client_of, entity_role_user, organization, reader};

pub(super) async fn roles(walk: &Walk<'_>) {
    let (entity, role, user) = entity_role_user(&walk.monite).await;
    let roles = walk.monite.entity(entity.id).roles();
    let named = |name: &str| NewRole { name: name.to_owned(), permissions: reader() };
    taken(roles.create(&named(&role.name)).await);
    refused(roles.create(&named("Café")).await);

    assert_eq!(roles.get(role.id).await.unwrap(), role);
    assert_eq!(only(roles.list(&RoleFilter::named("reader")).await.unwrap().data), role);
    // A default role may have come with the entity.
    let all: Vec<Role> = roles.stream(RoleFilter::default()).try_collect().await.unwrap();
    assert!(all.contains(&role) && all.iter().all(|role| role.status == RoleStatus::Active));
    refused(roles.list_next("nonsense").await);

    // Said in full, permissions become what was said whether they are replaced or merged.
    let more = reader().grant(object::Role, action::Read);
    let patch = RolePatch { name: Field::Keep, permissions: Field::Set(more.clone()) };
    assert_eq!(roles.update(role.id, &patch).await.unwrap().permissions, more);
    let other = roles.create(&named("other")).await.unwrap();
    let patch = RolePatch { name: Field::Set("other".to_owned()), permissions: Field::Keep };
    taken(roles.update(role.id, &patch).await);

    missing(roles.get(stranger::<RoleId>()).await);
    missing(roles.update(stranger(), &RolePatch::default()).await);
    missing(roles.delete(stranger()).await);
    taken(roles.delete(user.role_id).await);
    roles.delete(other.id).await.unwrap();
    missing(roles.delete(other.id).await);
}

pub(super) async fn users(walk: &Walk<'_>) {
    let (entity, role, ana) = entity_role_user(&walk.monite).await;
    let users = walk.monite.entity(entity.id).users();
    let new = |login: &str, role_id| NewEntityUser {
        login: login.to_owned(),
        first_name: "Ben".to_owned(),
        last_name: Some("Bensen".to_owned()),
        role_id,
        ..Default::default()
    };
    taken(users.create(&new("ana", Some(role.id))).await);
    missing(users.create(&new("bob", Some(stranger()))).await);
    // Without a role there is a default one, or there is not.
    match users.create(&new("bob", None)).await {
        Ok(bob) => users.delete(bob.id).await.unwrap(),
        error => drop(refused(error)),
    }
    let bob = users.create(&new("bob", Some(role.id))).await.unwrap();

    assert_eq!(users.get(bob.id).await.unwrap(), bob);
    assert_eq!(only(users.list(&EntityUserFilter::with_login("bob")).await.unwrap().data), bob);
    let by_name = EntityUserFilter { name_istartswith: Some("bEN".to_owned()), ..Default::default() };
    assert_eq!(only(users.list(&by_name).await.unwrap().data), bob);
    let all: Vec<EntityUser> = users.stream(EntityUserFilter::default()).try_collect().await.unwrap();
    assert_eq!(all, [ana, bob.clone()]);
    refused(users.list_next("nonsense").await);

    let patch = EntityUserPatch { email: Field::Set("bob@muster.example".to_owned()), ..Default::default() };
    assert_eq!(users.update(bob.id, &patch).await.unwrap().email.as_deref(), Some("bob@muster.example"));
    taken(users.update(bob.id, &EntityUserPatch { login: Field::Set("ana".to_owned()), ..Default::default() }).await);
    missing(users.update(bob.id, &EntityUserPatch { role_id: Field::Set(stranger()), ..Default::default() }).await);
    match users.update(bob.id, &EntityUserPatch { first_name: Field::Clear, ..Default::default() }).await {
        Ok(same) => assert_eq!(same.first_name, bob.first_name, "a null that is ignored changes nothing"),
        error => drop(refused(error)),
    }
    missing(users.get(stranger::<EntityUserId>()).await);
    missing(users.update(stranger(), &patch).await);
    missing(users.delete(stranger()).await);
    users.delete(bob.id).await.unwrap();
    missing(users.delete(bob.id).await);
}

#[allow(deprecated)] // the old paths are operations, too
pub(super) async fn in_the_name_of_a_user(walk: &Walk<'_>) {
    let monite = &walk.monite;
    let (entity, role, user) = entity_role_user(monite).await;
    let ana = monite.as_entity_user(user.id);
    assert_eq!(ana.me().await.unwrap(), user);
    let patch = MePatch { first_name: Field::Set("Anna".to_owned()), ..Default::default() };
    assert_eq!(ana.update_me(&patch).await.unwrap().first_name.as_deref(), Some("Anna"));
    assert_eq!(ana.my_role().await.unwrap(), role);
    assert_eq!((ana.my_entity().await.unwrap().id, ana.entity_me().await.unwrap().id), (entity.id, entity.id));
    let patch = EntityPatch { phone: Field::Clear, ..Default::default() };
    denied(ana.update_my_entity(&patch).await);
    let editor = Permissions::new().grant(object::Entity, action::Read).grant(object::Entity, action::Update);
    let editor = RolePatch { permissions: Field::Set(editor), ..Default::default() };
    monite.entity(entity.id).roles().update(role.id, &editor).await.unwrap();
    assert_eq!(ana.update_my_entity(&patch).await.unwrap().phone, None);
    assert_eq!(ana.update_entity_me(&EntityPatch::default()).await.unwrap().phone, None);

    let acting = monite.acting_as(user.id);
    denied(acting.entity(entity.id).users().list(&EntityUserFilter::default()).await);
    denied(acting.entities().create(&organization()).await);
    let other = monite.entities().create(&organization()).await.unwrap();
    let error = refused(acting.entity(other.id).roles().list(&RoleFilter::default()).await);
    assert!(error.is_permission_denied() || error.is_not_found(), "{error:?}");
    refused(monite.send::<EntityUser>(Request::get("me.get", "/entity_users/me")).await);

    // A deactivated entity stops its users, or does not; activation always lets them work again.
    monite.entity(entity.id).deactivate().await.unwrap();
    if let Err(error) = ana.me().await {
        assert!(error.is_permission_denied(), "{error:?}");
    }
    monite.entity(entity.id).activate().await.unwrap();
    ana.me().await.unwrap();
    // A deleted user's token dies, or lives until it expires; a new one there is not.
    monite.entity(entity.id).users().delete(user.id).await.unwrap();
    if let Err(error) = ana.me().await {
        assert!(error.is_not_found(), "{error:?}");
    }
    missing(monite.auth().mint_entity_user(user.id).await);
}

pub(super) async fn tokens(walk: &Walk<'_>) {
    let monite = &walk.monite;
    let (_, _, user) = entity_role_user(monite).await;
    missing(monite.auth().mint_entity_user(stranger()).await);
    let token = monite.auth().mint_entity_user(user.id).await.unwrap();
    monite.auth().revoke(token.secret()).await.unwrap();
    if let Err(error) = monite.auth().revoke(token.secret()).await {
        assert!(error.is_token_dead() && !error.is_not_found(), "{error:?}");
    }
    let world = walk.world;
    let wrong = client_of(&world.sandbox, "wrong", &world.clock).unlimited().build().unwrap();
    for error in [
        wrong.entities().list(&Default::default()).await.unwrap_err(),
        wrong.auth().mint_entity_user(user.id).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Credentials { .. }), "{error:?}");
    }
    // Every token dies of age, and nobody notices.
    world.sandbox.advance(Duration::from_secs(1801));
    monite.as_entity_user(user.id).me().await.unwrap();
    assert!(monite.tokens().get(Scope::EntityUser(user.id), Duration::ZERO).await.is_ok());
    monite.entities().list(&Default::default()).await.unwrap();
}
