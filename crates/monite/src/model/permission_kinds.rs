//! The names in Monite's permission matrix.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! closed_enum {
    ($(#[$doc:meta])* $name:ident ($kind:literal) { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every one, in the order in which they are sent.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The text on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    other => Err(UnknownName { kind: $kind, name: other.to_owned(), known: &[$($text),*] }),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

closed_enum! {
    /// What a permission is about: the 31 object types of Monite's matrix.
    ObjectType ("object type") {
        /// Approval policies.
        ApprovalPolicy = "approval_policy",
        /// Approval requests.
        ApprovalRequest = "approval_request",
        /// Comments.
        Comment = "comment",
        /// Vendors and customers of the entity.
        Counterpart = "counterpart",
        /// Their VAT ids.
        CounterpartVatId = "counterpart_vat_id",
        /// Delivery notes.
        DeliveryNote = "delivery_note",
        /// The entity itself.
        Entity = "entity",
        /// Its bank accounts.
        EntityBankAccount = "entity_bank_account",
        /// Its users.
        EntityUser = "entity_user",
        /// Its VAT ids.
        EntityVatIds = "entity_vat_ids",
        /// Data exports.
        Export = "export",
        /// Mailboxes.
        Mailbox = "mailbox",
        /// OCR tasks.
        OcrTask = "ocr_task",
        /// Onboarding.
        Onboarding = "onboarding",
        /// Overdue reminders.
        OverdueReminder = "overdue_reminder",
        /// Bills to pay.
        Payable = "payable",
        /// Purchase orders.
        PayablesPurchaseOrder = "payables_purchase_order",
        /// Payment records.
        PaymentRecord = "payment_record",
        /// Payment reminders.
        PaymentReminder = "payment_reminder",
        /// Persons.
        Person = "person",
        /// Products.
        Product = "product",
        /// Projects.
        Project = "project",
        /// Receipts.
        Receipt = "receipt",
        /// Invoices, quotes, credit notes.
        Receivable = "receivable",
        /// Reconciliation.
        Reconciliation = "reconciliation",
        /// Roles.
        Role = "role",
        /// Tags.
        Tag = "tag",
        /// To-do tasks.
        TodoTask = "todo_task",
        /// Muting of to-do tasks.
        TodoTaskMute = "todo_task_mute",
        /// Transactions.
        Transaction = "transaction",
        /// Workflows.
        Workflow = "workflow",
    }
}

closed_enum! {
    /// What is done to it. Every object knows the first four, only payables the rest.
    Action ("action") {
        /// Make one.
        Create = "create",
        /// See it.
        Read = "read",
        /// Change it.
        Update = "update",
        /// Remove it.
        Delete = "delete",
        /// Pay it.
        Pay = "pay",
        /// Approve it.
        Approve = "approve",
        /// Cancel it.
        Cancel = "cancel",
        /// Submit it for approval.
        Submit = "submit",
        /// Make one from an e-mail.
        CreateFromMail = "create_from_mail",
        /// Open it again.
        Reopen = "reopen",
    }
}

closed_enum! {
    /// How far it is allowed.
    Permission ("permission") {
        /// For all objects.
        Allowed = "allowed",
        /// Only for objects the user created.
        AllowedForOwn = "allowed_for_own",
        /// Not at all; the same as not being mentioned.
        NotAllowed = "not_allowed",
    }
}

impl ObjectType {
    /// Whether Monite's schema knows `action` for this object; it answers 422 otherwise.
    pub fn accepts(self, action: Action) -> bool {
        match action {
            Action::Create | Action::Read | Action::Update | Action::Delete => true,
            Action::Pay
            | Action::Approve
            | Action::Cancel
            | Action::Submit
            | Action::CreateFromMail
            | Action::Reopen => self == Self::Payable,
        }
    }
}

/// A name that is not in the matrix. Refused, never replaced by something that exists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind} {name:?}; known: {}", known.join(", "))]
pub struct UnknownName {
    kind: &'static str,
    name: String,
    known: &'static [&'static str],
}
