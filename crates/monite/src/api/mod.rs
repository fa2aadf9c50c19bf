//! One handle per resource. Handles borrow the client and hold an id: cheap, stateless.
//!
//! Each method names Monite's operation and the permission that a call with a user's token takes
//! ([`Monite::acting_as`](crate::Monite::acting_as)); the partner token may do everything but what is about "me". In
//! the examples `monite` is a client of a sandbox in the same process, `acme` an entity, `approver` its one role and
//! `ana` its one user.

mod auth;
mod entities;
mod entity;
mod entity_users;
mod events;
mod filter;
mod me;
mod metadata;
mod roles;
mod settings;
mod webhook_deliveries;
mod webhook_subscriptions;

pub use auth::Auth;
pub use entities::{Entities, EntityFilter};
pub use entity::EntityHandle;
pub use entity_users::{EntityUserFilter, EntityUsers};
pub use events::{EventFilter, EventHandle, Events};
pub use filter::SortBy;
pub use me::AsEntityUser;
pub use metadata::Metadata;
pub use roles::{RoleFilter, Roles};
pub use settings::{SettingsOfEntity, SettingsOfPartner};
pub use webhook_deliveries::{WebhookDeliveries, WebhookDeliveryFilter};
pub use webhook_subscriptions::{WebhookSubscriptionFilter, WebhookSubscriptions};
