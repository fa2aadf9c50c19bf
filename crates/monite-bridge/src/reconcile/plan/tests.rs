//! One line per case: what is desired, what is known, what is to be done. Only [`check`] knows the API of `plan`.
//!
//! Desired: `entity` (or `entity:CITY`), `off`, `untouched`; `everywhere:ROLE`; `USER=ROLE` or `USER=gone`.
//! Observed: `entity`, `entity:CITY`, `entity-off`, `entity?` (unknown); `listed`; `ROLE!` (present), `ROLE~` (present, but with other
//! permissions), `ROLE?`; `USER=ROLE` (present with that role), `USER?`; `doubt:entity`, `doubt:USER`. What is not named is absent, or, for roles before `listed`, not known.

use std::collections::BTreeMap;

use jiff::Timestamp;
use monite::{Action as Do, EntityUserId, ObjectType};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::domain::Attempt;

const ROLES: [&str; 3] = ["admin", "payer", "viewer"];

#[test]
fn a_new_customer_is_created_then_looked_at_then_filled() {
    check(
        "entity ana=admin bob=payer",
        "",
        &["create entity", "list roles", "create role admin", "create role payer", "create ana", "create bob"],
    );
    check("entity", "", &["create entity"]);
    check("entity everywhere:viewer", "", &["create entity", "list roles", "create role viewer"]);
}

#[test]
fn what_is_as_desired_costs_nothing() {
    check("entity ana=admin", "entity listed admin! ana=admin", &[]);
    check("entity", "entity", &[]);
    check("off", "entity-off", &[]);
    check("off", "", &[]);
}

#[test]
fn an_unanswered_create_is_looked_for_and_nothing_else_happens_before() {
    check("entity ana=admin", "entity?", &["settle entity"]);
    check("off ana=gone", "entity?", &["settle entity"]);
    check("entity ana=admin", "entity listed admin! ana?", &["find ana for ana"]);
    check("entity ana=gone", "entity listed admin! ana?", &["find ana to delete"]);
    check("entity ana=admin", "entity listed admin?", &["list roles", "create role admin", "create ana"]);
}

#[test]
fn an_entity_that_is_not_due_is_left_alone_but_serves_its_users() {
    check("untouched ana=admin", "", &[]);
    check("untouched ana=admin", "entity?", &[]);
    check("untouched ana=admin", "entity listed admin!", &["create ana"]);
}

#[test]
fn a_fresh_entity_is_asked_for_its_roles_before_one_is_created() {
    check("entity ana=admin", "entity", &["list roles", "create role admin", "create ana"]);
    check("entity ana=admin", "entity listed", &["create role admin", "create ana"]);
}

#[test]
fn only_what_differs_is_changed() {
    check("entity:Bonn", "entity:Berlin", &["patch entity address.city"]);
    check("entity ana=payer", "entity listed admin! payer! ana=admin", &["patch ana role"]);
    check("entity ana=payer", "entity listed admin! ana=admin", &["create role payer", "patch ana role"]);
    check("entity", "entity listed admin~", &["update role admin"]);
    check("entity", "entity-off", &["activate entity"]);
    check("entity:Bonn", "entity-off", &["activate entity", "patch entity address.city"]);
}

#[test]
fn deletions_come_before_changes_and_changes_before_creates() {
    check(
        "entity ann=admin bob=gone cem=payer",
        "entity listed admin! payer! bob=admin cem=admin",
        &["delete bob", "patch cem role", "create ann"],
    );
}

#[test]
fn switching_off_touches_nothing_but_deletions() {
    check("off ana=gone bob=admin", "entity listed ana=admin", &["delete ana", "deactivate entity"]);
    check("entity ana=gone", "entity listed", &[]);
}

#[test]
fn what_an_unanswered_change_may_have_touched_is_looked_at_before_it_is_changed_again() {
    check("entity ana=admin", "entity doubt:entity listed admin!", &["look at entity"]);
    check("off", "entity-off doubt:entity", &["look at entity"]);
    check("untouched ana=admin", "entity doubt:entity listed admin!", &["create ana"]);
    check("entity ana=admin", "entity listed admin! ana=admin doubt:ana", &["look at ana"]);
    check("entity ana=gone", "entity listed admin! ana=admin doubt:ana", &["delete ana"]);
}

#[test]
fn a_role_without_a_template_is_left_alone() {
    check("entity ana=stranger", "entity listed stranger~", &["create ana"]);
}

#[track_caller]
fn check(desired: &str, observed: &str, expected: &[&str]) {
    let actions = plan(&desired_of(desired), &observed_of(observed));
    assert_eq!(actions.iter().map(said).collect::<Vec<_>>(), expected, "desired {desired:?}, observed {observed:?}");
}

fn said(action: &Action) -> String {
    let fields = |changes: &[FieldChange]| changes.iter().map(|c| c.field.clone()).collect::<Vec<_>>().join(" ");
    match action {
        Action::SettleEntity => "settle entity".to_owned(),
        Action::LookAtEntity(_) => "look at entity".to_owned(),
        Action::LookAtUser(user, _) => format!("look at {user}"),
        Action::CreateEntity(_) => "create entity".to_owned(),
        Action::ActivateEntity(_) => "activate entity".to_owned(),
        Action::PatchEntity { changes, .. } => format!("patch entity {}", fields(changes)),
        Action::DeactivateEntity(_) => "deactivate entity".to_owned(),
        Action::ListRoles => "list roles".to_owned(),
        Action::CreateRole(role, _) => format!("create role {role}"),
        Action::UpdateRole(role, ..) => format!("update role {role}"),
        Action::DeleteUser(user, _) => format!("delete {user}"),
        Action::FindUser { user, wanted: Some(login) } => format!("find {user} for {login}"),
        Action::FindUser { user, wanted: None } => format!("find {user} to delete"),
        Action::CreateUser(user, _) => format!("create {user}"),
        Action::PatchUser { user, changes, .. } => format!("patch {user} {}", fields(changes)),
    }
}

fn desired_of(text: &str) -> Desired {
    let mut desired = Desired {
        entity: EntityWish::Untouched,
        roles: BTreeMap::new(),
        templates: ROLES.iter().map(|role| (name(role), permissions(role))).collect(),
        users: Vec::new(),
    };
    for word in text.split_whitespace() {
        match word.split_once(['=', ':']) {
            None if word == "entity" => desired.entity = EntityWish::As(Box::new(entity("Berlin"))),
            None if word == "off" => desired.entity = EntityWish::Off,
            None => assert_eq!(word, "untouched"),
            Some(("entity", city)) => desired.entity = EntityWish::As(Box::new(entity(city))),
            Some(("everywhere", role)) => drop(desired.roles.insert(name(role), permissions(role))),
            Some((user, "gone")) => desired.users.push((id(user), UserWish::Gone)),
            Some((user, role)) => desired.users.push((id(user), UserWish::As(user_document(user, role)))),
        }
    }
    desired
}

fn observed_of(text: &str) -> Observed {
    let mut observed = Observed {
        entity: Seen::Absent,
        roles: BTreeMap::new(),
        roles_listed: false,
        users: BTreeMap::new(),
        entity_doubt: None,
        user_doubts: BTreeMap::new(),
    };
    let doubt = Doubt { until: Timestamp::UNIX_EPOCH, generation: Generation(1) };
    for word in text.split_whitespace() {
        match word.split_once(['=', ':']) {
            Some(("doubt", "entity")) => observed.entity_doubt = Some(doubt),
            Some(("doubt", user)) => drop(observed.user_doubts.insert(id(user), doubt)),
            Some(("entity", city)) => observed.entity = present_entity(city, true),
            Some((user, role)) => drop(observed.users.insert(id(user), present_user(user, role))),
            None => observe_word(word, &mut observed),
        }
    }
    observed
}

fn observe_word(word: &str, observed: &mut Observed) {
    match (word, word.split_at(word.len() - 1)) {
        ("entity", _) => observed.entity = present_entity("Berlin", true),
        ("entity-off", _) => observed.entity = present_entity("Berlin", false),
        ("entity?", _) => observed.entity = Seen::Unknown(attempt(entity("Berlin"))),
        ("listed", _) => observed.roles_listed = true,
        (_, (role, "!")) => drop(observed.roles.insert(name(role), present_role(role, permissions(role)))),
        (_, (role, "~")) => drop(observed.roles.insert(name(role), present_role(role, Permissions::new()))),
        (_, (role, "?")) if ROLES.contains(&role) => {
            drop(observed.roles.insert(name(role), Seen::Unknown(attempt(()))));
        }
        (_, (user, "?")) => {
            let sent = user_document(user, "admin").to_entity_user(None);
            observed.users.insert(id(user), Seen::Unknown(attempt(sent)));
        }
        _ => panic!("cannot read {word:?}"),
    }
}

fn attempt<A>(sent: A) -> Attempt<A> {
    Attempt { at: Timestamp::UNIX_EPOCH, lands_by: Timestamp::UNIX_EPOCH, sent }
}

fn name(role: &str) -> RoleName {
    RoleName::parse(role).unwrap()
}

fn id(user: &str) -> UserId {
    UserId::parse(user).unwrap()
}

fn permissions(role: &str) -> Permissions {
    let action = if role == "viewer" { Do::Read } else { Do::Create };
    Permissions::new().allow(ObjectType::Tag, action).unwrap()
}

/// The same role always has the same id, another role another one.
fn role_id(role: &str) -> RoleId {
    Uuid::from_u128(role.bytes().fold(7, |sum, byte| sum * 31 + u128::from(byte))).into()
}

fn entity(city: &str) -> NewEntity {
    serde_json::from_value(json!({
        "type": "organization", "email": "ap@muster.example",
        "address": {"country": "DE", "city": city, "line1": "Musterweg 1", "postal_code": "10115"},
        "organization": {"legal_name": "Muster GmbH"},
    }))
    .unwrap()
}

fn present_entity(city: &str, active: bool) -> Seen<EntityLink, NewEntity> {
    Seen::Present(EntityLink { id: Uuid::from_u128(1).into(), confirmed: entity(city), active })
}

fn present_role(role: &str, confirmed: Permissions) -> Seen<RoleLink> {
    Seen::Present(RoleLink { id: role_id(role), confirmed })
}

fn present_user(user: &str, role: &str) -> Seen<UserLink, NewEntityUser> {
    let confirmed = user_document(user, role).to_entity_user(Some(role_id(role)));
    Seen::Present(UserLink { id: EntityUserId::from(Uuid::from_u128(2)), confirmed })
}

fn user_document(login: &str, role: &str) -> UserDocument {
    UserDocument::from_stored(&json!({"login": login, "first_name": "Ana", "role": role}).to_string()).unwrap()
}
