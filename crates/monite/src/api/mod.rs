//! One handle per resource. Handles borrow the client and hold an id: cheap, stateless.

mod auth;
mod entities;
mod entity;
mod entity_users;
mod filter;
mod me;
mod metadata;
mod roles;

pub use auth::Auth;
pub use entities::{Entities, EntityFilter};
pub use entity::EntityHandle;
pub use entity_users::{EntityUserFilter, EntityUsers};
pub use filter::SortBy;
pub use me::AsEntityUser;
pub use metadata::Metadata;
pub use roles::{RoleFilter, Roles};
