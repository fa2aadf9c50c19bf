//! Roles and the permission matrix.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::stamp::Stamp;
use crate::rules::Patch;

/// Everything the sandbox keeps about a role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Role {
    pub(crate) id: Uuid,
    pub(crate) entity_id: Uuid,
    pub(crate) created_at: Stamp,
    pub(crate) updated_at: Stamp,
    pub(crate) deleted: bool,
    /// The entity user whose token created this role; `None` when the partner did.
    pub(crate) created_by: Option<Uuid>,
    /// The role that users without `role_id` get.
    #[serde(default)]
    pub(crate) is_default: bool,
    pub(crate) name: String,
    pub(crate) permissions: Permissions,
    /// How many users have this role now; counted again when the state is loaded.
    #[serde(skip)]
    pub(crate) holders: u32,
}

/// A create request that passed the schema.
#[derive(Debug)]
pub(crate) struct RoleDraft {
    pub(crate) name: String,
    pub(crate) permissions: Permissions,
}

/// An update request that passed the schema.
#[derive(Debug, Default)]
pub(crate) struct RolePatch {
    pub(crate) name: Patch<String>,
    pub(crate) permissions: Patch<Permissions>,
}

/// Kept as sent: order, gaps and duplicates stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Permissions {
    pub(crate) objects: Vec<ObjectPermissions>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectPermissions {
    pub(crate) object_type: ObjectType,
    pub(crate) actions: Vec<ActionPermission>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActionPermission {
    pub(crate) action_name: Action,
    pub(crate) permission: Permission,
}

/// Which entry counts when an object or an action is listed twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twice {
    FirstCounts,
    LastCounts,
}

impl Twice {
    fn pick<T>(self, entries: &mut impl DoubleEndedIterator<Item = T>) -> Option<T> {
        match self {
            Self::FirstCounts => entries.next(),
            Self::LastCounts => entries.next_back(),
        }
    }
}

impl Permissions {
    /// What the matrix says about one action. Whatever is not listed is not allowed.
    pub(crate) fn of(&self, object: ObjectType, action: Action, twice: Twice) -> Permission {
        let mut objects = self.objects.iter().filter(|entry| entry.object_type == object);
        let Some(object) = twice.pick(&mut objects) else {
            return Permission::NotAllowed;
        };
        let mut actions = object.actions.iter().filter(|entry| entry.action_name == action);
        twice.pick(&mut actions).map_or(Permission::NotAllowed, |entry| entry.permission)
    }

    /// Every action on every object.
    pub(crate) fn everything() -> Self {
        let all = |object: ObjectType| {
            let actions = Action::NAMES.iter().map(|(_, action)| *action);
            let actions = actions.filter(|action| object == ObjectType::Payable || !action.is_payable_only());
            let allow = |action_name| ActionPermission { action_name, permission: Permission::Allowed };
            ObjectPermissions { object_type: object, actions: actions.map(allow).collect() }
        };
        Self { objects: ObjectType::NAMES.iter().map(|(_, object)| all(*object)).collect() }
    }

    /// These permissions with the objects of `newer` put over them, object by object.
    pub(crate) fn merged(&self, newer: Self) -> Self {
        let mut merged = self.clone();
        for object in newer.objects {
            match merged.objects.iter_mut().find(|known| known.object_type == object.object_type) {
                Some(known) => *known = object,
                None => merged.objects.push(object),
            }
        }
        merged
    }
}

/// Declares an enum whose JSON names are listed once.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub(crate) enum $name {
            $(#[serde(rename = $text)] $variant),+
        }

        impl $name {
            #[allow(dead_code, reason = "not every set of names is read")]
            pub(crate) const NAMES: &'static [(&'static str, Self)] = &[$(($text, Self::$variant)),+];

            #[allow(dead_code, reason = "not every set of names is spelled back")]
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

pub(crate) use named;

named!(Permission { Allowed = "allowed", AllowedForOwn = "allowed_for_own", NotAllowed = "not_allowed" });

named!(
    /// The first four exist for every object, the rest for payables only.
    Action {
        Create = "create", Read = "read", Update = "update", Delete = "delete", Pay = "pay", Approve = "approve",
        Cancel = "cancel", Submit = "submit", CreateFromMail = "create_from_mail", Reopen = "reopen",
    }
);

impl Action {
    pub(crate) fn is_payable_only(self) -> bool {
        !matches!(self, Self::Create | Self::Read | Self::Update | Self::Delete)
    }
}

named!(
    /// What a permission is about.
    ObjectType {
        Person = "person", Onboarding = "onboarding", Comment = "comment", Counterpart = "counterpart",
        EntityUser = "entity_user", Entity = "entity", EntityVatIds = "entity_vat_ids",
        CounterpartVatId = "counterpart_vat_id", EntityBankAccount = "entity_bank_account", Export = "export",
        Mailbox = "mailbox", PayablesPurchaseOrder = "payables_purchase_order", PaymentReminder = "payment_reminder",
        OverdueReminder = "overdue_reminder", Product = "product", Project = "project", Receivable = "receivable",
        DeliveryNote = "delivery_note", OcrTask = "ocr_task", Reconciliation = "reconciliation", Role = "role",
        Tag = "tag", TodoTask = "todo_task", TodoTaskMute = "todo_task_mute", Transaction = "transaction",
        Workflow = "workflow", ApprovalRequest = "approval_request", ApprovalPolicy = "approval_policy",
        PaymentRecord = "payment_record", Receipt = "receipt", Payable = "payable",
    }
);

/// A role as Monite renders it.
#[derive(Debug, Serialize)]
pub(crate) struct RoleView<'a> {
    id: Uuid,
    created_at: Stamp,
    updated_at: Stamp,
    name: &'a str,
    permissions: &'a Permissions,
    status: &'static str,
}

impl Role {
    pub(crate) fn view(&self) -> RoleView<'_> {
        RoleView {
            id: self.id,
            created_at: self.created_at,
            updated_at: self.updated_at,
            name: &self.name,
            permissions: &self.permissions,
            status: if self.deleted { "deleted" } else { "active" },
        }
    }
}
