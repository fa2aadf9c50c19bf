//! Typed async client for Monite's API: tokens, expiry, retries, rate limit, entities, roles, entity users, settings,
//! webhooks.
//!
//! The eight steps of an integration, here against the local sandbox; against Monite itself only the builder differs:
//! `.environment(Environment::Sandbox)` instead of `.base_url(..)`.
//!
//! ```
//! use std::time::Duration;
//!
//! use monite::{
//!     Address, Credentials, EntityPatch, EntityType, EntityUserPatch, Field, Monite, NewEntity, NewEntityUser, NewRole,
//!     Organization, Permissions, Scope, SecretString, action, object,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = monite_sandbox::Sandbox::builder().start().await?;
//!
//! // 1 and 2: the partner token is fetched with the first call, renewed before it expires, replaced if Monite drops it.
//! let secret = SecretString::from(sandbox.client_secret().to_owned());
//! let monite = Monite::builder()
//!     .base_url(sandbox.base_url())
//!     .credentials(Credentials::parse(sandbox.client_id(), secret)?)
//!     .build()?;
//!
//! // 3: an entity for a customer.
//! let entity = monite
//!     .entities()
//!     .create(&NewEntity {
//!         entity_type: EntityType::Organization,
//!         email: "ap@muster.example".into(),
//!         address: Address {
//!             country: "DE".into(),
//!             city: "Berlin".into(),
//!             line1: "Musterweg 1".into(),
//!             line2: None,
//!             postal_code: "10115".into(),
//!             state: None,
//!         },
//!         organization: Some(Organization { legal_name: "Muster GmbH".into(), ..Default::default() }),
//!         individual: None,
//!         phone: None,
//!         website: None,
//!         tax_id: None,
//!         registration_number: None,
//!         registration_authority: None,
//!     })
//!     .await?;
//! let acme = monite.entity(entity.id);
//!
//! // 4: kept equal to what the product stores.
//! acme.update(&EntityPatch { phone: Field::Set("+49 30 1234567".into()), ..Default::default() }).await?;
//!
//! // 5: a role.
//! let permissions =
//!     Permissions::new().grant(object::Payable, action::Read).grant(object::Payable, action::Approve);
//! let role = acme.roles().create(&NewRole { name: "approver".into(), permissions }).await?;
//!
//! // 6: a user with that role.
//! let user = NewEntityUser {
//!     login: "ana".into(),
//!     first_name: "Ana".into(),
//!     role_id: Some(role.id),
//!     ..Default::default()
//! };
//! let ana = acme.users().create(&user).await?;
//!
//! // 7: kept equal, too.
//! acme.users().update(ana.id, &EntityUserPatch { last_name: Field::Set("Sol".into()), ..Default::default() }).await?;
//!
//! // 8: a token for the browser, with at least eleven minutes left.
//! let token = monite.tokens().get(Scope::EntityUser(ana.id), Duration::from_secs(660)).await?;
//! assert_eq!(token.token_type(), "Bearer");
//! assert_eq!(monite.as_entity_user(ana.id).me().await?.login, "ana");
//! # Ok(())
//! # }
//! ```
//!
//! In reading order:
//!
//! - [`client`]: [`Monite`], its handles and the one `send` that every call passes through
//! - [`builder`]: what a client is made of
//! - [`api`]: one handle per resource
//! - [`model`]: wire types, one file per resource
//! - [`request`]: a call as plain data
//! - `wire`: the way out, shared by all calls; `answer`: the way back
//! - [`error`]: what happened, whether to try again, and whom to ask
//! - [`deadline`]: until when calls may still go out
//! - [`retry`]: the pure decision "again, and when?"
//! - [`limit`]: who may send now; [`gate`]: whether anybody may
//! - [`token`]: one slot per scope, one mint at a time, refresh before expiry
//! - [`transport`]: request in, response out
//! - [`webhook`]: is this really from Monite, and what does it say?
//! - [`page`], [`call_log`], [`id`], [`clock`]

mod answer;
pub mod api;
pub mod builder;
pub mod call_log;
pub mod client;
pub mod clock;
pub mod deadline;
pub mod error;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
pub mod gate;
pub mod id;
pub mod limit;
pub mod model;
pub mod page;
pub mod request;
pub mod retry;
pub mod token;
pub mod transport;
pub mod webhook;
mod wire;

pub use api::{
    EntityFilter, EntityUserFilter, EventFilter, RoleFilter, SortBy, WebhookDeliveryFilter, WebhookSubscriptionFilter,
};
pub use builder::{API_VERSION, Credentials, Environment, MoniteBuilder};
pub use call_log::{CallLog, CallRecord};
pub use client::Monite;
pub use clock::{Clock, ManualClock, SystemClock};
pub use deadline::Deadline;
pub use error::{Error, FieldError};
pub use gate::Gate;
pub use id::{
    ClientId, EntityId, EntityUserId, EventId, InvalidId, RequestId, RoleId, WebhookDeliveryId, WebhookSubscriptionId,
};
pub use limit::{Limiter, Permit, Priority, RateSignal, Unlimited, WindowLimiter};
pub use model::*;
pub use page::{Order, Page};
pub use request::Request;
pub use retry::RetryPolicy;
pub use secrecy::{ExposeSecret, SecretString};
pub use token::{AccessToken, Scope, TokenCache, TokenSlot, TokenVault};
pub use transport::{ReqwestTransport, Transport, TransportError, TransportKind};
