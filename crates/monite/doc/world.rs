// What the examples in the documentation begin with, hidden there: a sandbox in this process and a client of it.

#[allow(unused_imports)]
use monite::*;

/// Something to work with. Dropping the sandbox stops it.
#[allow(dead_code)]
struct World {
    sandbox: monite_sandbox::Sandbox,
    monite: Monite,
    /// An organization in Berlin.
    acme: EntityId,
    /// Its role `approver`.
    approver: RoleId,
    /// Its user `ana`, who is an approver.
    ana: EntityUserId,
}

fn example(body: impl AsyncFnOnce(World) -> Result<(), Box<dyn std::error::Error>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { body(world().await.unwrap()).await.unwrap() });
}

async fn world() -> Result<World, Box<dyn std::error::Error>> {
    let sandbox = monite_sandbox::Sandbox::builder().rate_limit(monite_sandbox::RateLimit::Off).start().await?;
    let secret = SecretString::from(sandbox.client_secret().to_owned());
    let monite = Monite::builder()
        .base_url(sandbox.base_url())
        .credentials(Credentials::parse(sandbox.client_id(), secret)?)
        .build()?;
    let acme = monite.entities().create(&organization("ap@acme.example")).await?.id;
    let permissions = Permissions::new()
        .grant(object::Payable, action::Approve)
        .grant(object::Entity, action::Read)
        .grant(object::Entity, action::Update)
        .grant(object::Role, action::Read);
    let approver = NewRole { name: "approver".to_owned(), permissions };
    let approver = monite.entity(acme).roles().create(&approver).await?.id;
    let ana = NewEntityUser {
        login: "ana".to_owned(),
        first_name: "Ana".to_owned(),
        role_id: Some(approver),
        ..Default::default()
    };
    let ana = monite.entity(acme).users().create(&ana).await?.id;
    Ok(World { sandbox, monite, acme, approver, ana })
}

fn organization(email: &str) -> NewEntity {
    NewEntity {
        entity_type: EntityType::Organization,
        email: email.to_owned(),
        address: Address {
            country: "DE".to_owned(),
            city: "Berlin".to_owned(),
            line1: "Musterweg 1".to_owned(),
            line2: None,
            postal_code: "10115".to_owned(),
            state: None,
        },
        organization: Some(Organization { legal_name: "Acme GmbH".to_owned(), ..Default::default() }),
        individual: None,
        phone: None,
        website: None,
        tax_id: None,
        registration_number: None,
        registration_authority: None,
    }
}
