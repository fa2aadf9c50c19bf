//! A Monite that holds state, in this process, and a client of it.

use std::sync::Arc;

use monite::{
    Action, Address, Credentials, Entity, EntityType, EntityUser, ManualClock, Monite, MoniteBuilder, NewEntity,
    NewEntityUser, NewRole, ObjectType, Organization, Permission, Permissions, Role, SecretString,
};
use monite_sandbox::{RateLimit, Sandbox};

use super::{ServiceTransport, clock};

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) monite: Monite,
    pub(crate) clock: ManualClock,
}

/// A sandbox in this process and a client of it. Time is real for the sandbox; waits of the client cost nothing.
pub(crate) async fn world() -> World {
    let sandbox = Sandbox::builder().rate_limit(RateLimit::Off).seed(7).in_process().await.unwrap();
    let clock = clock();
    clock.auto_advance(true);
    let monite = client_of(&sandbox, sandbox.client_secret(), &clock).unlimited().build().unwrap();
    World { sandbox, monite, clock }
}

/// A client of `sandbox` without a socket in between.
pub(crate) fn client_of(sandbox: &Sandbox, secret: &str, clock: &ManualClock) -> MoniteBuilder {
    Monite::builder()
        .base_url(sandbox.base_url())
        .transport(Arc::new(ServiceTransport::new(sandbox.router())))
        .credentials(Credentials::parse(sandbox.client_id(), SecretString::from(secret)).unwrap())
        .clock(Arc::new(clock.clone()))
        .jitter_seed(1)
}

pub(crate) fn organization() -> NewEntity {
    NewEntity {
        entity_type: EntityType::Organization,
        email: "ap@muster.example".to_owned(),
        address: Address {
            country: "DE".to_owned(),
            city: "Berlin".to_owned(),
            line1: "Musterweg 1".to_owned(),
            line2: Some("Hinterhaus".to_owned()),
            postal_code: "10115".to_owned(),
            state: None,
        },
        organization: Some(Organization { legal_name: "Muster GmbH".to_owned(), ..Default::default() }),
        individual: None,
        phone: Some("+49301234567".to_owned()),
        website: Some("https://muster.example".to_owned()),
        tax_id: Some("DE123456789".to_owned()),
        registration_number: Some("HRB 1".to_owned()),
        registration_authority: Some("Charlottenburg".to_owned()),
    }
}

pub(crate) fn reader() -> Permissions {
    let mut permissions = Permissions::new().allow(ObjectType::Payable, Action::Read).unwrap();
    permissions.set(ObjectType::Entity, Action::Read, Permission::Allowed).unwrap();
    permissions.set(ObjectType::Comment, Action::Update, Permission::AllowedForOwn).unwrap();
    permissions.set(ObjectType::Tag, Action::Delete, Permission::NotAllowed).unwrap();
    permissions
}

pub(crate) async fn entity_role_user(monite: &Monite) -> (Entity, Role, EntityUser) {
    let entity = monite.entities().create(&organization()).await.unwrap();
    let new_role = NewRole { name: "reader".to_owned(), permissions: reader() };
    let role = monite.entity(entity.id).roles().create(&new_role).await.unwrap();
    let new_user = NewEntityUser {
        login: "ana".to_owned(),
        first_name: "Ana".to_owned(),
        last_name: Some("Sol".to_owned()),
        email: Some("ana@muster.example".to_owned()),
        phone: Some("+4930111".to_owned()),
        title: Some("CFO".to_owned()),
        role_id: Some(role.id),
    };
    let user = monite.entity(entity.id).users().create(&new_user).await.unwrap();
    (entity, role, user)
}
