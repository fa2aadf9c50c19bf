//! One handle per resource. Handles borrow the client and hold an id: cheap, stateless.

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
