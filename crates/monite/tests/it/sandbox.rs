//! Bodies and behaviour against a Monite that holds state: everything the client sends is understood and comes back.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use monite::{
    Action, Address, AddressPatch, Clock, Credentials, Entity, EntityFilter, EntityPatch, EntityStatus, EntityType,
    EntityUserFilter, EntityUserPatch, Field, Individual, ManualClock, MePatch, Monite, NewEntity, NewEntityUser,
    NewRole, ObjectType, RoleFilter, RolePatch, Scope, SecretString,
};
use monite_sandbox::{Fault, RateLimit, Sandbox};
use serde_json::{Map, json};

use crate::support::{World, client_of, clock, entity_role_user, organization, reader, world};

#[tokio::test]
async fn every_field_of_an_entity_survives_the_trip() {
    let World { monite, .. } = world().await;
    let new = organization();
    let entity = monite.entities().create(&new).await.unwrap();
    assert_eq!(entity.status, EntityStatus::Active);
    let back = NewEntity {
        entity_type: entity.entity_type.clone(),
        email: entity.email.clone().unwrap(),
        address: entity.address.clone(),
        organization: entity.organization.clone(),
        individual: entity.individual.clone(),
        phone: entity.phone.clone(),
        website: entity.website.clone(),
        tax_id: entity.tax_id.clone(),
        registration_number: entity.registration_number.clone(),
        registration_authority: entity.registration_authority.clone(),
    };
    assert_eq!(back, new);
    assert_eq!(monite.entity(entity.id).get().await.unwrap(), entity);

    let person = NewEntity {
        entity_type: EntityType::Individual,
        organization: None,
        individual: Some(Individual {
            first_name: "José".to_owned(),
            last_name: "Peña".to_owned(),
            date_of_birth: Some("1980-02-29".to_owned()),
            ..Default::default()
        }),
        registration_number: None,
        registration_authority: None,
        ..organization()
    };
    let entity = monite.entities().create(&person).await.unwrap();
    assert_eq!((entity.individual, entity.organization), (person.individual, None));
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_nothing_else() {
    let World { monite, .. } = world().await;
    let before = monite.entities().create(&organization()).await.unwrap();
    let patch = EntityPatch {
        phone: Field::Clear,
        address: AddressPatch { line2: Field::Clear, city: Field::Set("Köln".to_owned()), ..Default::default() },
        ..Default::default()
    };
    let after = monite.entity(before.id).update(&patch).await.unwrap();
    let mut expected = before.clone();
    expected.address = Address { city: "Köln".to_owned(), line2: None, ..before.address.clone() };
    (expected.phone, expected.updated_at) = (None, after.updated_at);
    assert_eq!(after, expected);
    assert!(after.updated_at > before.updated_at);
    let same = monite.entity(before.id).update(&EntityPatch::default()).await.unwrap();
    assert_eq!(same, after, "an empty patch is understood and changes nothing");
}

#[tokio::test]
async fn refusals_of_a_real_server_are_understood() {
    let World { monite, .. } = world().await;
    let bad = NewEntity { email: "nonsense".to_owned(), tax_id: Some(String::new()), ..organization() };
    let error = monite.entities().create(&bad).await.unwrap_err();
    assert_eq!(error.status(), Some(422));
    let mut fields: Vec<String> = error.fields().iter().map(monite::FieldError::dotted).collect();
    fields.sort();
    assert_eq!(fields, ["email", "tax_id"]);
    assert!(error.request_id().is_some());

    let (entity, role, user) = entity_role_user(&monite).await;
    let handle = monite.entity(entity.id);
    let again = NewRole { name: role.name.clone(), permissions: reader() };
    assert!(handle.roles().create(&again).await.unwrap_err().is_conflict());
    let again = NewEntityUser {
        login: user.login.clone(),
        first_name: "B".to_owned(),
        role_id: Some(role.id),
        ..Default::default()
    };
    assert!(handle.users().create(&again).await.unwrap_err().is_conflict());
    assert!(handle.roles().delete(role.id).await.unwrap_err().is_conflict(), "in use");
    handle.users().delete(user.id).await.unwrap();
    assert!(handle.users().delete(user.id).await.unwrap_err().is_not_found());
    handle.roles().delete(role.id).await.unwrap();
    assert!(handle.roles().get(role.id).await.unwrap_err().is_not_found());
    let stranger = "00000000-0000-4000-8000-000000000000".parse().unwrap();
    assert!(monite.entity(stranger).get().await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn roles_users_metadata_and_settings() {
    let World { monite, .. } = world().await;
    let (entity, role, user) = entity_role_user(&monite).await;
    let handle = monite.entity(entity.id);
    assert!(role.permissions.grants_same_as(&reader()));
    assert_eq!((user.login.as_str(), user.role_id, user.phone.as_deref()), ("ana", role.id, Some("+4930111")));

    let wider = reader().allow(ObjectType::Payable, Action::Pay).unwrap();
    let patch = RolePatch { permissions: wider.clone().into(), ..Default::default() };
    assert_eq!(handle.roles().update(role.id, &patch).await.unwrap().permissions, wider);
    let patch =
        EntityUserPatch { last_name: Field::Clear, email: "a@b.example".to_owned().into(), ..Default::default() };
    let changed = handle.users().update(user.id, &patch).await.unwrap();
    assert_eq!(
        (changed.last_name, changed.email.as_deref(), changed.first_name.as_deref()),
        (None, Some("a@b.example"), Some("Ana"))
    );

    assert!(handle.metadata().get().await.unwrap().is_empty());
    let notes: Map<String, _> = [("customer".to_owned(), json!({"id": "acme"}))].into_iter().collect();
    assert_eq!(handle.metadata().put(&notes).await.unwrap(), notes);
    assert_eq!(handle.metadata().get().await.unwrap(), notes);
    let settings = handle.settings().get().await.unwrap();
    assert_eq!(settings.vat_mode.unwrap().as_str(), "exclusive");

    assert_eq!(handle.deactivate().await.unwrap().status, EntityStatus::Inactive);
    assert_eq!(handle.deactivate().await.unwrap().status, EntityStatus::Inactive);
    assert_eq!(handle.activate().await.unwrap().status, EntityStatus::Active);
}

#[tokio::test]
async fn a_user_acts_with_its_own_token_and_rights() {
    let World { monite, sandbox, .. } = world().await;
    let (entity, role, user) = entity_role_user(&monite).await;
    let ana = monite.as_entity_user(user.id);
    assert_eq!(ana.me().await.unwrap(), user);
    assert_eq!(ana.my_entity().await.unwrap(), entity);
    assert_eq!(ana.my_role().await.unwrap(), role);
    let patch = MePatch { first_name: "Anna".to_owned().into(), ..Default::default() };
    assert_eq!(ana.update_me(&patch).await.unwrap().first_name.as_deref(), Some("Anna"));
    let patch = EntityPatch { phone: Field::Clear, ..Default::default() };
    assert!(ana.update_my_entity(&patch).await.unwrap_err().is_permission_denied());
    assert_eq!(sandbox.calls("POST /auth/token"), 2, "one for the partner, one for the user");

    let token = monite.tokens().forget(Scope::EntityUser(user.id)).unwrap();
    assert!(!monite.auth().revoke(token.secret()).await.unwrap().is_empty());
    assert!(monite.auth().revoke(token.secret()).await.unwrap_err().is_token_dead(), "worthless already");
    assert_eq!(ana.me().await.unwrap().id, user.id, "the next call simply fetches another");
    let loose = monite.auth().mint_entity_user(user.id).await.unwrap();
    assert_eq!((loose.token_type(), loose.life()), ("Bearer", Duration::from_secs(1800)));
}

#[tokio::test]
async fn lists_page_filter_and_stream() {
    let World { monite, .. } = world().await;
    let mut ids = Vec::new();
    for n in 0..7 {
        let new = NewEntity { email: format!("ap{n}@muster.example"), ..organization() };
        ids.push(monite.entities().create(&new).await.unwrap().id);
    }
    let filter = EntityFilter { limit: Some(3), ..Default::default() };
    let rows: Vec<Entity> = monite.entities().stream(filter.clone()).try_collect().await.unwrap();
    assert_eq!(rows.iter().map(|entity| entity.id).collect::<Vec<_>>(), ids);
    let first = monite.entities().list(&filter).await.unwrap();
    let second = monite.entities().list_next(first.next.as_deref().unwrap()).await.unwrap();
    assert_eq!(second.data, rows[3..6]);
    assert_eq!(monite.entities().list_next(second.prev.as_deref().unwrap()).await.unwrap().data, rows[..3]);
    let some = EntityFilter { id_in: vec![ids[1], ids[4]], ..Default::default() };
    assert_eq!(monite.entities().list(&some).await.unwrap().data, [rows[1].clone(), rows[4].clone()]);
    let by_mail = EntityFilter { email_in: vec!["ap2@muster.example".to_owned()], ..Default::default() };
    assert_eq!(monite.entities().list(&by_mail).await.unwrap().data, [rows[2].clone()]);

    let (entity, role, user) = entity_role_user(&monite).await;
    let handle = monite.entity(entity.id);
    assert_eq!(handle.roles().list(&RoleFilter::named("reader")).await.unwrap().data, [role]);
    assert!(handle.roles().list(&RoleFilter::named("Reader")).await.unwrap().data.is_empty());
    assert_eq!(handle.users().list(&EntityUserFilter::with_login("ana")).await.unwrap().data, [user]);
    assert!(handle.users().list(&EntityUserFilter::with_login("ann")).await.unwrap().data.is_empty());
}

#[tokio::test]
async fn a_lost_answer_is_told_and_the_work_is_there() {
    let World { monite, sandbox, .. } = world().await;
    sandbox.once("POST /entities", Fault::LoseAnswer);
    let error = monite.entities().create(&organization()).await.unwrap_err();
    assert!(error.may_have_applied(), "{error:?}");
    assert_eq!((sandbox.calls("POST /entities"), sandbox.entities().len()), (1, 1));

    let (entity, role, user) = entity_role_user(&monite).await;
    let handle = monite.entity(entity.id);
    sandbox.once("DELETE /entity_users/*", Fault::LoseAnswer);
    handle.users().delete(user.id).await.unwrap();
    sandbox.once("PATCH /roles/*", Fault::LoseAnswer);
    let patch = RolePatch { name: "renamed".to_owned().into(), ..Default::default() };
    assert_eq!(handle.roles().update(role.id, &patch).await.unwrap().name, "renamed");
    assert!(sandbox.unused_faults().is_empty());
}

#[tokio::test]
async fn tokens_that_expire_under_way_go_unnoticed() {
    let World { monite, sandbox, .. } = world().await;
    for path in ["GET /entities", "POST /entities"] {
        sandbox.once(path, Fault::ExpireTokens);
        match path {
            "GET /entities" => drop(monite.entities().list(&Default::default()).await.unwrap()),
            _ => drop(monite.entities().create(&organization()).await.unwrap()),
        }
    }
    assert_eq!(sandbox.entities().len(), 1);
    assert_eq!(sandbox.calls("POST /auth/token"), 3);
}

#[tokio::test]
async fn a_429_is_waited_out() {
    let World { monite, sandbox, clock } = world().await;
    let before = clock.now();
    sandbox.once("POST /entities", Fault::Status { status: 429, retry_after: Some(3) });
    monite.entities().create(&organization()).await.unwrap();
    let waited = clock.now().duration_since(before);
    assert_eq!((waited.as_secs(), sandbox.entities().len()), (3, 1));
}

#[tokio::test]
async fn wrong_credentials_of_a_real_server() {
    let World { sandbox, clock, .. } = world().await;
    let monite = client_of(&sandbox, "wrong", &clock).build().unwrap();
    let error = monite.entities().list(&Default::default()).await.unwrap_err();
    assert!(matches!(error, monite::Error::Credentials { .. }), "{error:?}");
    assert_eq!(monite.calls_made(), 1);
}

#[tokio::test]
async fn over_sockets_a_cut_line_and_a_dead_port_are_told_apart() {
    let sandbox = Sandbox::builder().rate_limit(RateLimit::Off).start().await.unwrap();
    let credentials =
        Credentials::parse(sandbox.client_id(), SecretString::from(sandbox.client_secret().to_owned())).unwrap();
    let builder = |url: String| {
        let clock = clock();
        clock.auto_advance(true);
        Monite::builder().base_url(url).credentials(credentials.clone()).clock(Arc::new(clock)).build().unwrap()
    };
    let monite = builder(sandbox.base_url());
    sandbox.once("POST /entities", Fault::LoseAnswer);
    let error = monite.entities().create(&organization()).await.unwrap_err();
    assert!(matches!(error, monite::Error::Transport { kind: monite::TransportKind::Cut, .. }), "{error:?}");
    assert!(error.may_have_applied());
    assert_eq!(sandbox.entities().len(), 1);
    let url = sandbox.base_url();
    sandbox.shutdown().await;
    let error = builder(url).entities().create(&organization()).await.unwrap_err();
    assert!(matches!(error, monite::Error::Transport { kind: monite::TransportKind::Connect, .. }), "{error:?}");
    assert!(!error.may_have_applied());
}

/// The client's clock, so that both sides live in the same time.
#[derive(Debug)]
struct Shared(ManualClock);

impl monite_sandbox::Clock for Shared {
    fn now(&self) -> jiff::Timestamp {
        self.0.now()
    }
}

#[tokio::test]
async fn at_the_default_limit_nothing_is_refused_and_little_is_wasted() {
    let clock = clock();
    clock.auto_advance(true);
    let sandbox = Sandbox::builder().clock(Arc::new(Shared(clock.clone()))).in_process().await.unwrap();
    let monite = client_of(&sandbox, sandbox.client_secret(), &clock).build().unwrap();
    let start = clock.now();
    for _ in 0..299 {
        monite.entities().create(&organization()).await.unwrap();
    }
    let took = clock.now().duration_since(start).as_secs_f64();
    assert!(sandbox.journal().iter().all(|entry| entry.status != Some(429)));
    assert!(took < 300.0 / 28.5 + 0.1, "300 requests, the mint included, took {took} s");
}
