//! Wire types, one file per resource. A field or an enum value that Monite adds tomorrow breaks nothing here.

mod entity;
mod entity_patch;
mod entity_user;
mod field;
mod open_enum;
mod permission_kinds;
mod permissions;
mod permissions_wire;
mod role;
mod settings;

pub use entity::{Address, BusinessStructure, Entity, EntityStatus, EntityType, Individual, NewEntity, Organization};
pub use entity_patch::{AddressPatch, EntityPatch, IndividualPatch, OrganizationPatch};
pub use entity_user::{EntityUser, EntityUserPatch, EntityUserStatus, MePatch, NewEntityUser};
pub use field::Field;
pub use permission_kinds::{Action, ObjectType, Permission, UnknownName};
pub use permissions::{ImpossiblePermission, Permissions, UnknownGrant};
pub use role::{NewRole, Role, RolePatch, RoleStatus};
pub use settings::{EntitySettings, PaymentPriority, ReceivableEditFlow, Reminder, VatMode};
