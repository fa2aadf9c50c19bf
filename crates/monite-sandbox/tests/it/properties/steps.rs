//! Operations as plain data, drawn by chance. Numbers pick among what exists at that moment.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::model::{Object, Rights};

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub enum By {
    /// The partner, with a token that is still good.
    Partner,
    /// Whoever has this token, dead or alive.
    Token(u8),
}

#[derive(Debug, Clone)]
pub enum Step {
    CreateEntity {
        by: By,
        name: String,
    },
    /// `Some(None)` is null.
    PatchEntity {
        by: By,
        entity: u8,
        name: Option<Option<String>>,
        phone: Option<Option<String>>,
    },
    PatchMyEntity {
        by: By,
        name: Option<Option<String>>,
        phone: Option<Option<String>>,
    },
    SetActive {
        by: By,
        entity: u8,
        active: bool,
    },
    PutMetadata {
        by: By,
        entity: u8,
        value: u8,
    },
    CreateRole {
        by: By,
        entity: u8,
        name: String,
        rights: Rights,
    },
    PatchRole {
        by: By,
        entity: u8,
        role: u8,
        name: Option<String>,
        rights: Option<Rights>,
    },
    DeleteRole {
        by: By,
        entity: u8,
        role: u8,
    },
    CreateUser {
        by: By,
        entity: u8,
        login: String,
        role: u8,
    },
    PatchUser {
        by: By,
        entity: u8,
        user: u8,
        login: Option<String>,
        role: Option<u8>,
    },
    DeleteUser {
        by: By,
        entity: u8,
        user: u8,
    },
    PatchMe {
        by: By,
        first_name: String,
    },
    Issue {
        user: Option<u8>,
    },
    Revoke {
        token: u8,
    },
    Advance {
        seconds: u64,
    },
    Subscribe {
        by: By,
        object: Object,
        created_only: bool,
    },
    Enable {
        by: By,
        subscription: u8,
        on: bool,
    },
    Unsubscribe {
        by: By,
        subscription: u8,
    },
}

/// Up to `most` operations, on few objects with few names, so that they get into each other's way.
pub fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    // Rarely short: what goes wrong needs something to be there first. A failure shrinks to few steps all the same.
    prop_oneof![1 => vec(step(), 1..most), 7 => vec(step(), most / 2..=most)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => entity_step(),
        6 => role_step(),
        6 => user_step(),
        4 => token_step(),
        2 => subscription_step(),
    ]
}

fn by() -> impl Strategy<Value = By> {
    prop_oneof![3 => Just(By::Partner), 2 => any::<u8>().prop_map(By::Token)]
}

fn name() -> impl Strategy<Value = String> {
    select(vec!["a", "b", "c", "A"]).prop_map(str::to_owned)
}

fn rights() -> impl Strategy<Value = Rights> {
    select(vec![Rights::Nothing, Rights::OwnOnly, Rights::RolesOnly, Rights::Everything, Rights::Everything])
}

/// Leaves out, null or a name.
fn change() -> impl Strategy<Value = Option<Option<String>>> {
    option::of(option::weighted(0.8, name()))
}

fn entity_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (by(), name()).prop_map(|(by, name)| Step::CreateEntity { by, name }),
        3 => (by(), any::<u8>(), change(), change())
            .prop_map(|(by, entity, name, phone)| Step::PatchEntity { by, entity, name, phone }),
        1 => (by(), change(), change()).prop_map(|(by, name, phone)| Step::PatchMyEntity { by, name, phone }),
        2 => (by(), any::<u8>(), any::<bool>()).prop_map(|(by, entity, active)| Step::SetActive { by, entity, active }),
        1 => (by(), any::<u8>(), any::<u8>()).prop_map(|(by, entity, value)| Step::PutMetadata { by, entity, value }),
    ]
}

fn role_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (by(), any::<u8>(), name(), rights())
            .prop_map(|(by, entity, name, rights)| Step::CreateRole { by, entity, name, rights }),
        2 => (by(), any::<u8>(), any::<u8>(), option::of(name()), option::of(rights()))
            .prop_map(|(by, entity, role, name, rights)| Step::PatchRole { by, entity, role, name, rights }),
        2 => (by(), any::<u8>(), any::<u8>()).prop_map(|(by, entity, role)| Step::DeleteRole { by, entity, role }),
    ]
}

fn user_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (by(), any::<u8>(), name(), any::<u8>())
            .prop_map(|(by, entity, login, role)| Step::CreateUser { by, entity, login, role }),
        2 => (by(), any::<u8>(), any::<u8>(), option::of(name()), option::of(any::<u8>()))
            .prop_map(|(by, entity, user, login, role)| Step::PatchUser { by, entity, user, login, role }),
        1 => (by(), any::<u8>(), any::<u8>()).prop_map(|(by, entity, user)| Step::DeleteUser { by, entity, user }),
        1 => (by(), name()).prop_map(|(by, first_name)| Step::PatchMe { by, first_name }),
    ]
}

fn token_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => option::weighted(0.8, any::<u8>()).prop_map(|user| Step::Issue { user }),
        1 => any::<u8>().prop_map(|token| Step::Revoke { token }),
        1 => select(vec![1, 60, 1799, 1800]).prop_map(|seconds| Step::Advance { seconds }),
    ]
}

fn subscription_step() -> impl Strategy<Value = Step> {
    let object = select(vec![Object::Entity, Object::Role, Object::EntityUser]);
    prop_oneof![
        4 => (by(), object, any::<bool>())
            .prop_map(|(by, object, created_only)| Step::Subscribe { by, object, created_only }),
        2 => (by(), any::<u8>(), any::<bool>())
            .prop_map(|(by, subscription, on)| Step::Enable { by, subscription, on }),
        1 => (by(), any::<u8>()).prop_map(|(by, subscription)| Step::Unsubscribe { by, subscription }),
    ]
}
