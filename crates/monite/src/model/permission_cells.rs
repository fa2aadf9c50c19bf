//! The permission matrix as types: a pair that Monite does not have does not compile.

use super::permission_kinds::{Action, ObjectType, Permission};
use super::permissions::Permissions;

macro_rules! named {
    ($kind:ident, $naming:ident, $constant:ident: $($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl super::sealed::Sealed for $name {}

            impl super::$naming for $name {
                const $constant: super::$kind = super::$kind::$name;
            }
        )*

        /// Every one, in the order of the matrix.
        #[cfg(test)]
        pub(super) const ALL: &[super::$kind] = &[$(<$name as super::$naming>::$constant),*];
    };
}

/// The object types of the matrix, for [`Permissions::grant`].
pub mod object {
    named! {
        ObjectType, ObjectName, OBJECT:
    /// Approval policies.
    ApprovalPolicy,
    /// Approval requests.
    ApprovalRequest,
    /// Comments.
    Comment,
    /// Vendors and customers of the entity.
    Counterpart,
    /// Their VAT ids.
    CounterpartVatId,
    /// Delivery notes.
    DeliveryNote,
    /// The entity itself.
    Entity,
    /// Its bank accounts.
    EntityBankAccount,
    /// Its users.
    EntityUser,
    /// Its VAT ids.
    EntityVatIds,
    /// Data exports.
    Export,
    /// Mailboxes.
    Mailbox,
    /// OCR tasks.
    OcrTask,
    /// Onboarding.
    Onboarding,
    /// Overdue reminders.
    OverdueReminder,
    /// Bills to pay.
    Payable,
    /// Purchase orders.
    PayablesPurchaseOrder,
    /// Payment records.
    PaymentRecord,
    /// Payment reminders.
    PaymentReminder,
    /// Persons.
    Person,
    /// Products.
    Product,
    /// Projects.
    Project,
    /// Receipts.
    Receipt,
    /// Invoices, quotes, credit notes.
    Receivable,
    /// Reconciliation.
    Reconciliation,
    /// Roles.
    Role,
    /// Tags.
    Tag,
    /// To-do tasks.
    TodoTask,
    /// Muting of to-do tasks.
    TodoTaskMute,
    /// Transactions.
    Transaction,
    /// Workflows.
    Workflow,
    }
}

/// The actions of the matrix, for [`Permissions::grant`].
pub mod action {
    named! {
        Action, ActionName, ACTION:
    /// Make one.
    Create,
    /// See it.
    Read,
    /// Change it.
    Update,
    /// Remove it.
    Delete,
    /// Pay it.
    Pay,
    /// Approve it.
    Approve,
    /// Cancel it.
    Cancel,
    /// Submit it for approval.
    Submit,
    /// Make one from an e-mail.
    CreateFromMail,
    /// Open it again.
    Reopen,
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A name of [`object`].
pub trait ObjectName: sealed::Sealed {
    /// The same as a value.
    const OBJECT: ObjectType;
}

/// A name of [`action`].
pub trait ActionName: sealed::Sealed {
    /// The same as a value.
    const ACTION: Action;
}

/// Objects of which the matrix knows the action `A`.
#[diagnostic::on_unimplemented(
    message = "Monite's permission matrix has no `{A}` for `{Self}`",
    label = "no such pair",
    note = "every object knows Create, Read, Update and Delete; only `object::Payable` knows the rest"
)]
pub trait Knows<A: ActionName>: ObjectName {}

impl<O: ObjectName> Knows<action::Create> for O {}
impl<O: ObjectName> Knows<action::Read> for O {}
impl<O: ObjectName> Knows<action::Update> for O {}
impl<O: ObjectName> Knows<action::Delete> for O {}
impl Knows<action::Pay> for object::Payable {}
impl Knows<action::Approve> for object::Payable {}
impl Knows<action::Cancel> for object::Payable {}
impl Knows<action::Submit> for object::Payable {}
impl Knows<action::CreateFromMail> for object::Payable {}
impl Knows<action::Reopen> for object::Payable {}

impl Permissions {
    /// Allows one action on all objects of a type, for chains.
    ///
    /// ```
    /// use monite::{Action, ObjectType, Permission, Permissions, action, object};
    ///
    /// let approver = Permissions::new()
    ///     .grant(object::Payable, action::Approve)
    ///     .grant(object::Comment, action::Read)
    ///     .grant_own(object::Comment, action::Update)
    ///     .deny(object::Export, action::Read);
    /// assert_eq!(approver.get(ObjectType::Comment, Action::Update), Permission::AllowedForOwn);
    /// assert_eq!(approver.get(ObjectType::Payable, Action::Pay), Permission::NotAllowed);
    /// ```
    ///
    /// A pair that Monite would answer with 422 does not compile; [`Permissions::set`] is for names that are only known
    /// when the program runs.
    ///
    /// ```compile_fail,E0277
    /// use monite::{Permissions, action, object};
    ///
    /// Permissions::new().grant(object::Role, action::Pay);
    /// ```
    #[must_use]
    pub fn grant<O: Knows<A>, A: ActionName>(self, object: O, action: A) -> Self {
        self.with(object, action, Permission::Allowed)
    }

    /// Allows one action on the objects that the user itself created, for chains.
    #[must_use]
    pub fn grant_own<O: Knows<A>, A: ActionName>(self, object: O, action: A) -> Self {
        self.with(object, action, Permission::AllowedForOwn)
    }

    /// Says aloud that one action is not allowed, which is also what silence means; for chains.
    #[must_use]
    pub fn deny<O: Knows<A>, A: ActionName>(self, object: O, action: A) -> Self {
        self.with(object, action, Permission::NotAllowed)
    }

    fn with<O: Knows<A>, A: ActionName>(mut self, _: O, _: A, permission: Permission) -> Self {
        self.put(O::OBJECT, A::ACTION, permission);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knows<O: Knows<A>, A: ActionName>(_: O, _: A) -> (ObjectType, Action) {
        (O::OBJECT, A::ACTION)
    }

    #[test]
    fn the_types_are_the_names_and_the_pairs_are_those_accepted() {
        assert_eq!(object::ALL, ObjectType::ALL);
        assert_eq!(action::ALL, Action::ALL);
        let of_payables = [
            knows(object::Payable, action::Pay),
            knows(object::Payable, action::Approve),
            knows(object::Payable, action::Cancel),
            knows(object::Payable, action::Submit),
            knows(object::Payable, action::CreateFromMail),
            knows(object::Payable, action::Reopen),
        ];
        let common = [
            knows(object::Tag, action::Create),
            knows(object::Tag, action::Read),
            knows(object::Tag, action::Update),
            knows(object::Tag, action::Delete),
        ];
        for action in Action::ALL {
            let for_all = common.contains(&(ObjectType::Tag, *action));
            for object in ObjectType::ALL {
                let typed = for_all || of_payables.contains(&(*object, *action));
                assert_eq!(object.accepts(*action), typed, "{object}.{action}");
            }
        }
    }

    #[test]
    fn both_ways_make_the_same_matrix() {
        let typed = Permissions::new()
            .grant(object::Payable, action::Pay)
            .grant_own(object::Comment, action::Update)
            .deny(object::Tag, action::Read);
        let mut named = Permissions::new().allow(ObjectType::Payable, Action::Pay).unwrap();
        named.set(ObjectType::Comment, Action::Update, Permission::AllowedForOwn).unwrap();
        named.set(ObjectType::Tag, Action::Read, Permission::NotAllowed).unwrap();
        assert_eq!(serde_json::to_string(&typed).unwrap(), serde_json::to_string(&named).unwrap());
    }
}
