//! What webhooks can be about.

use serde::{Deserialize, Serialize};

use crate::world::role::named;

named!(
    /// Kinds of objects a subscription can name. The sandbox only ever has news of the five that
    /// [`World::happened`](crate::world::World::happened) is called for.
    #[derive(Hash)]
    WebhookObject {
        Account = "account", AccountingConnection = "accounting_connection", Approval = "approval",
        ApprovalRequest = "approval_request", ApprovalPolicy = "approval_policy",
        ApprovalPolicyProcess = "approval_policy_process", BatchPayment = "batch_payment", Comment = "comment",
        Counterpart = "counterpart", CounterpartAddress = "counterpart_address",
        CounterpartBankAccount = "counterpart_bank_account", CounterpartContactPerson = "counterpart_contact_person",
        CounterpartPartnerMetadata = "counterpart_partner_metadata", CounterpartTaxId = "counterpart_tax_id",
        Entity = "entity", EntityBankAccount = "entity_bank_account", EntitySettings = "entity_settings",
        EntityUser = "entity_user", Export = "export", OverdueReminder = "overdue_reminder",
        PartnerSettings = "partner_settings", Payable = "payable", PayablesCreditNote = "payables_credit_note",
        PayablesPurchaseOrder = "payables_purchase_order", PayableLineItem = "payable.line_item", Payment = "payment",
        PaymentIntent = "payment_intent", PaymentLink = "payment_link", PaymentReminder = "payment_reminder",
        Product = "product", Project = "project", Receivable = "receivable", Recurrence = "recurrence", Role = "role",
        Tag = "tag", TodoTask = "todo_task", Workflow = "workflow", WorkflowPipeline = "workflow_pipeline",
        OcrTask = "ocr_task", DeliveryNote = "delivery_note", Receipt = "receipt", Transaction = "transaction",
    }
);

named!(
    /// What became of an object.
    Happening { Created = "created", Updated = "updated", Deleted = "deleted" }
);
