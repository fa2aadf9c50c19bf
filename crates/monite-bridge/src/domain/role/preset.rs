use monite::Action::{Approve, Cancel, Create, CreateFromMail, Delete, Pay, Read, Reopen, Submit, Update};
use monite::ObjectType as On;
use monite::Permission::{Allowed, AllowedForOwn};
use monite::{Action, ObjectType, Permission, Permissions};

use super::RoleName;

/// A role that comes ready-made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Preset {
    /// Everything, users and roles included.
    Admin,
    /// Keeps the books: enters bills, invoices and master data, but neither approves nor pays.
    Bookkeeper,
    /// Reads bills and approves or rejects them, but does not pay.
    Approver,
    /// Pays approved bills and records payments, but does not approve.
    Payer,
    /// Sells: invoices, customers and products; sees no bills.
    Sales,
    /// Reads the books and changes nothing.
    Viewer,
}

impl Preset {
    /// All presets.
    pub const ALL: &'static [Self] =
        &[Self::Admin, Self::Bookkeeper, Self::Approver, Self::Payer, Self::Sales, Self::Viewer];

    /// The word for it in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Bookkeeper => "bookkeeper",
            Self::Approver => "approver",
            Self::Payer => "payer",
            Self::Sales => "sales",
            Self::Viewer => "viewer",
        }
    }

    /// The preset of exactly this name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|preset| preset.as_str() == word)
    }

    /// The name of the role when no other is configured.
    #[must_use]
    pub fn name(self) -> RoleName {
        RoleName::from_stored(self.as_str())
    }

    /// What it allows.
    #[must_use]
    pub fn permissions(self) -> Permissions {
        match self {
            Self::Admin => admin(),
            Self::Bookkeeper => bookkeeper(),
            Self::Approver => approver(),
            Self::Payer => payer(),
            Self::Sales => sales(),
            Self::Viewer => viewer(),
        }
    }
}

const WRITE: &[Action] = &[Create, Read, Update, Delete];

fn admin() -> Permissions {
    let mut matrix = Permissions::new();
    for object in ObjectType::ALL {
        let actions: Vec<Action> = Action::ALL.iter().copied().filter(|action| object.accepts(*action)).collect();
        grant(&mut matrix, &[*object], &actions, Allowed);
    }
    matrix
}

fn bookkeeper() -> Permissions {
    let mut matrix = everybody();
    grant(
        &mut matrix,
        &[On::Payable],
        &[Create, Read, Update, Delete, Submit, Cancel, CreateFromMail, Reopen],
        Allowed,
    );
    grant(
        &mut matrix,
        &[
            On::Counterpart,
            On::CounterpartVatId,
            On::DeliveryNote,
            On::OcrTask,
            On::OverdueReminder,
            On::PayablesPurchaseOrder,
            On::PaymentRecord,
            On::PaymentReminder,
            On::Product,
            On::Project,
            On::Receipt,
            On::Receivable,
            On::Reconciliation,
            On::Tag,
        ],
        WRITE,
        Allowed,
    );
    grant(
        &mut matrix,
        &[
            On::ApprovalPolicy,
            On::ApprovalRequest,
            On::EntityBankAccount,
            On::EntityVatIds,
            On::Mailbox,
            On::Transaction,
            On::Workflow,
        ],
        &[Read],
        Allowed,
    );
    grant(&mut matrix, &[On::Export], &[Create, Read], Allowed);
    matrix
}

fn approver() -> Permissions {
    let mut matrix = everybody();
    grant(&mut matrix, &[On::Payable], &[Read, Approve], Allowed);
    grant(&mut matrix, &[On::ApprovalRequest], &[Read, Update], Allowed);
    grant(
        &mut matrix,
        &[
            On::ApprovalPolicy,
            On::Counterpart,
            On::CounterpartVatId,
            On::PayablesPurchaseOrder,
            On::PaymentRecord,
            On::Project,
            On::Receipt,
            On::Tag,
            On::Workflow,
        ],
        &[Read],
        Allowed,
    );
    matrix
}

fn payer() -> Permissions {
    let mut matrix = everybody();
    grant(&mut matrix, &[On::Payable], &[Read, Pay], Allowed);
    grant(&mut matrix, &[On::PaymentRecord], &[Create, Read, Update], Allowed);
    grant(
        &mut matrix,
        &[
            On::ApprovalPolicy,
            On::ApprovalRequest,
            On::Counterpart,
            On::CounterpartVatId,
            On::EntityBankAccount,
            On::PayablesPurchaseOrder,
            On::Receipt,
            On::Reconciliation,
            On::Tag,
            On::Transaction,
        ],
        &[Read],
        Allowed,
    );
    matrix
}

/// No exports either: an export may hold the bills that sales is not to see.
fn sales() -> Permissions {
    let mut matrix = everybody();
    grant(
        &mut matrix,
        &[On::Receivable, On::DeliveryNote, On::Product, On::PaymentReminder, On::OverdueReminder],
        WRITE,
        Allowed,
    );
    grant(&mut matrix, &[On::Counterpart, On::CounterpartVatId], &[Create, Read, Update], Allowed);
    grant(
        &mut matrix,
        // Invoices show the account to pay to, the VAT id and what has been paid.
        &[On::EntityBankAccount, On::EntityVatIds, On::PaymentRecord, On::Project, On::Tag],
        &[Read],
        Allowed,
    );
    matrix
}

/// The books, but not the papers of the people behind the company (`person`, `onboarding`).
fn viewer() -> Permissions {
    let mut matrix = everybody();
    grant(
        &mut matrix,
        &[
            On::ApprovalPolicy,
            On::ApprovalRequest,
            On::Counterpart,
            On::CounterpartVatId,
            On::DeliveryNote,
            On::EntityBankAccount,
            On::EntityVatIds,
            On::Export,
            On::OverdueReminder,
            On::Payable,
            On::PayablesPurchaseOrder,
            On::PaymentRecord,
            On::PaymentReminder,
            On::Product,
            On::Project,
            On::Receipt,
            On::Receivable,
            On::Reconciliation,
            On::Tag,
            On::Transaction,
            On::Workflow,
        ],
        &[Read],
        Allowed,
    );
    matrix
}

/// What every user needs to see a screen at all, and to talk and keep tasks: changing only what is their own.
fn everybody() -> Permissions {
    let mut matrix = Permissions::new();
    grant(&mut matrix, &[On::Entity, On::EntityUser, On::Role], &[Read], Allowed);
    let talk = [On::Comment, On::TodoTask];
    grant(&mut matrix, &talk, &[Create, Read], Allowed);
    grant(&mut matrix, &talk, &[Update, Delete], AllowedForOwn);
    grant(&mut matrix, &[On::TodoTaskMute], WRITE, AllowedForOwn);
    matrix
}

fn grant(matrix: &mut Permissions, objects: &[ObjectType], actions: &[Action], permission: Permission) {
    for object in objects {
        for action in actions {
            matrix
                .set(*object, *action, permission)
                .expect("presets grant an object only actions it has; every preset is built in tests");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use monite::Permission::NotAllowed;

    /// What may be created by everybody: talk and one's own tasks are no business objects.
    const TALK: [ObjectType; 3] = [On::Comment, On::TodoTask, On::TodoTaskMute];

    #[test]
    fn who_can_do_what() {
        let table = [
            ("admin", On::Payable, Pay, Allowed),
            ("admin", On::Role, Delete, Allowed),
            ("admin", On::EntityUser, Create, Allowed),
            ("bookkeeper", On::Payable, Create, Allowed),
            ("bookkeeper", On::Payable, Submit, Allowed),
            ("bookkeeper", On::Payable, Approve, NotAllowed),
            ("bookkeeper", On::Payable, Pay, NotAllowed),
            ("bookkeeper", On::EntityBankAccount, Update, NotAllowed),
            ("approver", On::Payable, Approve, Allowed),
            ("approver", On::Payable, Pay, NotAllowed),
            ("approver", On::Payable, Update, NotAllowed),
            ("approver", On::Receivable, Read, NotAllowed),
            ("payer", On::Payable, Pay, Allowed),
            ("payer", On::Payable, Approve, NotAllowed),
            ("payer", On::PaymentRecord, Create, Allowed),
            ("payer", On::Counterpart, Update, NotAllowed),
            ("sales", On::Receivable, Create, Allowed),
            ("sales", On::Payable, Read, NotAllowed),
            ("sales", On::PayablesPurchaseOrder, Read, NotAllowed),
            ("sales", On::Export, Read, NotAllowed),
            ("viewer", On::Payable, Read, Allowed),
            ("viewer", On::Receivable, Read, Allowed),
            ("viewer", On::Export, Create, NotAllowed),
            ("viewer", On::Person, Read, NotAllowed),
            ("viewer", On::Comment, Update, AllowedForOwn),
        ];
        for (word, object, action, expected) in table {
            let permissions = Preset::from_word(word).unwrap().permissions();
            assert_eq!(permissions.get(object, action), expected, "{word}: {action} {object}");
        }
    }

    #[test]
    fn only_admin_touches_roles_users_and_the_entity_and_everybody_sees_them() {
        for preset in Preset::ALL {
            let permissions = preset.permissions();
            for object in [On::Role, On::EntityUser, On::Entity] {
                assert_eq!(permissions.get(object, Read), Allowed, "{preset:?} {object}");
                for action in [Create, Update, Delete] {
                    let allowed = permissions.get(object, action) != NotAllowed;
                    assert_eq!(allowed, *preset == Preset::Admin, "{preset:?}: {action} {object}");
                }
            }
        }
    }

    #[test]
    fn nobody_but_admin_both_approves_and_pays() {
        for preset in Preset::ALL.iter().filter(|preset| **preset != Preset::Admin) {
            let may = |action| preset.permissions().get(On::Payable, action) != NotAllowed;
            assert!(!(may(Approve) && may(Pay)), "{preset:?}");
        }
    }

    #[test]
    fn the_viewer_changes_nothing_and_sales_sees_no_bills() {
        let viewer = Preset::Viewer.permissions();
        for object in ObjectType::ALL.iter().filter(|object| !TALK.contains(object)) {
            for action in Action::ALL.iter().filter(|action| **action != Read) {
                assert_eq!(viewer.get(*object, *action), NotAllowed, "{action} {object}");
            }
        }
        let sales = Preset::Sales.permissions();
        for action in Action::ALL {
            assert_eq!(sales.get(On::Payable, *action), NotAllowed, "{action}");
        }
    }

    #[test]
    fn the_admin_has_every_cell_of_the_matrix() {
        let admin = Preset::Admin.permissions();
        for object in ObjectType::ALL {
            for action in Action::ALL {
                let expected = if object.accepts(*action) { Allowed } else { NotAllowed };
                assert_eq!(admin.get(*object, *action), expected, "{action} {object}");
            }
        }
    }
}
