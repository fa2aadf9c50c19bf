//! Wire types, one file per resource. A field or an enum value that Monite adds tomorrow breaks nothing here.

mod entity;
mod entity_patch;
mod entity_user;
mod event;
mod field;
mod open_enum;
mod partner_settings;
mod permission_cells;
mod permission_kinds;
mod permissions;
mod permissions_wire;
mod role;
mod settings;
mod settings_parts;
mod webhook_delivery;
mod webhook_kinds;
mod webhook_subscription;

pub use entity::{Address, BusinessStructure, Entity, EntityStatus, EntityType, Individual, NewEntity, Organization};
pub use entity_patch::{AddressPatch, EntityPatch, IndividualPatch, OrganizationPatch};
pub use entity_user::{EntityUser, EntityUserPatch, EntityUserStatus, MePatch, NewEntityUser};
pub use event::{Event, Subject};
pub use field::Field;
pub use partner_settings::{PartnerSettings, PartnerSettingsPatch};
pub use permission_cells::{ActionName, Knows, ObjectName, action, object};
pub use permission_kinds::{Action, ObjectType, Permission, UnknownName};
pub use permissions::{ImpossiblePermission, Permissions, UnknownGrant};
pub use role::{NewRole, Role, RolePatch, RoleStatus};
pub use settings::{EntitySettings, EntitySettingsPatch, PaymentPriority, ReceivableEditFlow, VatMode};
pub use settings_parts::{
    AccountingDefaults, AccountingTaxes, CurrencySettings, DocumentIds, DocumentPrefixes, EntityMail, ExchangeRate,
    LedgerAccounts, NextNumbers, OcrTag, PartnerMail, PayableSettings, PaymentSettings, ReceivableSettings, Reminder,
};
pub use webhook_delivery::WebhookDelivery;
pub use webhook_kinds::{EventAction, WebhookObjectType};
pub use webhook_subscription::{
    NewWebhookSubscription, WebhookSubscription, WebhookSubscriptionPatch, WebhookSubscriptionStatus,
    WebhookSubscriptionWithSecret,
};
