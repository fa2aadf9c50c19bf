//! What events are about and what happened, as texts that may grow.

use super::open_enum::open_enum;

open_enum! {
    /// What an event is about. More than the permission matrix knows, and named differently in places.
    WebhookObjectType {
        /// Accounts.
        Account = "account",
        /// Connections to accounting systems.
        AccountingConnection = "accounting_connection",
        /// Approvals.
        Approval = "approval",
        /// Approval policies.
        ApprovalPolicy = "approval_policy",
        /// Runs of approval policies.
        ApprovalPolicyProcess = "approval_policy_process",
        /// Approval requests.
        ApprovalRequest = "approval_request",
        /// Batch payments.
        BatchPayment = "batch_payment",
        /// Comments.
        Comment = "comment",
        /// Vendors and customers of an entity.
        Counterpart = "counterpart",
        /// Their addresses.
        CounterpartAddress = "counterpart_address",
        /// Their bank accounts.
        CounterpartBankAccount = "counterpart_bank_account",
        /// Their contact persons.
        CounterpartContactPerson = "counterpart_contact_person",
        /// The partner's notes on them.
        CounterpartPartnerMetadata = "counterpart_partner_metadata",
        /// Their tax ids.
        CounterpartTaxId = "counterpart_tax_id",
        /// Delivery notes.
        DeliveryNote = "delivery_note",
        /// Entities.
        Entity = "entity",
        /// Bank accounts of entities.
        EntityBankAccount = "entity_bank_account",
        /// Settings of entities.
        EntitySettings = "entity_settings",
        /// Entity users.
        EntityUser = "entity_user",
        /// Data exports.
        Export = "export",
        /// OCR tasks.
        OcrTask = "ocr_task",
        /// Overdue reminders.
        OverdueReminder = "overdue_reminder",
        /// The partner's own settings; their events belong to no entity.
        PartnerSettings = "partner_settings",
        /// Bills to pay.
        Payable = "payable",
        /// Lines of bills.
        PayableLineItem = "payable.line_item",
        /// Credit notes on bills.
        PayablesCreditNote = "payables_credit_note",
        /// Purchase orders.
        PayablesPurchaseOrder = "payables_purchase_order",
        /// Payments.
        Payment = "payment",
        /// Payment intents.
        PaymentIntent = "payment_intent",
        /// Payment links.
        PaymentLink = "payment_link",
        /// Payment reminders.
        PaymentReminder = "payment_reminder",
        /// Products.
        Product = "product",
        /// Projects.
        Project = "project",
        /// Receipts.
        Receipt = "receipt",
        /// Invoices, quotes, credit notes.
        Receivable = "receivable",
        /// Recurrences.
        Recurrence = "recurrence",
        /// Roles.
        Role = "role",
        /// Tags.
        Tag = "tag",
        /// To-do tasks.
        TodoTask = "todo_task",
        /// Transactions.
        Transaction = "transaction",
        /// Workflows.
        Workflow = "workflow",
        /// Workflow pipelines.
        WorkflowPipeline = "workflow_pipeline",
    }
}

open_enum! {
    /// What happened, without the object's name in front. Objects differ in what can happen to them and even in the
    /// tense (comments say `create`), so compare exactly and expect [`EventAction::Other`].
    EventAction {
        /// It is new.
        Created = "created",
        /// It changed.
        Updated = "updated",
        /// It is gone.
        Deleted = "deleted",
        /// An entity has to hand in other papers.
        OnboardingRequirementsUpdated = "onboarding_requirements.updated",
        /// Monite looked at an entity's papers.
        OnboardingRequirementsStatusUpdated = "onboarding_requirements.status_updated",
        /// An entity may now be paid by ACH.
        UsAchActivated = "payment_method.us_ach.activated",
        /// And now no longer.
        UsAchDeactivated = "payment_method.us_ach.deactivated",
    }
}

impl EventAction {
    /// Reads the action of an event about `object`. Monite's documents show it both as `updated` and as
    /// `entity.updated`; both become the first. A name of which nothing would be left stays as it is.
    pub fn of(object: &WebhookObjectType, text: &str) -> Self {
        let bare = text.strip_prefix(object.as_str()).and_then(|rest| rest.strip_prefix('.'));
        Self::from(bare.filter(|bare| !bare.is_empty()).unwrap_or(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_the_same_with_and_without_its_object() {
        let table = [
            ("entity", "updated", "updated"),
            ("entity", "entity.updated", "updated"),
            ("entity", "entity_user.updated", "entity_user.updated"),
            ("entity", "entity.", "entity."),
            ("entity", "entity", "entity"),
            ("entity", "entity.entity.updated", "entity.updated"),
            ("entity", "entity.onboarding_requirements.updated", "onboarding_requirements.updated"),
            ("payable.line_item", "payable.line_item.created", "created"),
            ("payable", "payable.line_item.created", "line_item.created"),
            ("unicorn", "unicorn.flown", "flown"),
            ("comment", "create", "create"),
            ("entity", "", ""),
        ];
        for (object, text, bare) in table {
            assert_eq!(EventAction::of(&object.into(), text).as_str(), bare, "{text} of {object}");
        }
        assert_eq!(EventAction::of(&WebhookObjectType::Entity, "entity.updated"), EventAction::Updated);
    }
}
