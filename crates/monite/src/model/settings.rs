//! Settings of one entity.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::open_enum::open_enum;

/// Answer of `GET /entities/{id}/settings`. The deep parts stay as JSON: they belong to other products of Monite.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EntitySettings {
    /// Default currency and exchange rates.
    pub currency: Option<Value>,
    /// Language of documents and mails.
    pub language: Option<String>,
    /// Reply-to addresses of mails.
    pub mail: Option<Value>,
    /// Whether reminders go out.
    pub reminder: Option<Reminder>,
    /// Default VAT mode.
    pub vat_mode: Option<VatMode>,
    /// Whether discounts include VAT.
    pub vat_inclusive_discount_mode: Option<VatMode>,
    /// What the payment suggestions optimise.
    pub payment_priority: Option<PaymentPriority>,
    /// Link bills to purchase orders by themselves.
    pub allow_purchase_order_autolinking: Option<bool>,
    /// How far issued documents may be edited.
    pub receivable_edit_flow: Option<ReceivableEditFlow>,
    /// Numbering of documents.
    pub document_ids: Option<Value>,
    /// Look of documents.
    pub document_rendering: Option<Value>,
    /// Tags set by OCR keywords.
    pub payables_ocr_auto_tagging: Option<Value>,
    /// Ledger account and tax defaults.
    pub accounting: Option<Value>,
    /// Quotes need a signature.
    pub quote_signature_required: Option<bool>,
    /// Paid invoices get a PDF of their own.
    pub generate_paid_invoice_pdf: Option<bool>,
    /// Bills skip approval.
    pub payables_skip_approval_flow: Option<bool>,
    /// Whatever else Monite sent.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Whether reminders go out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reminder {
    /// On or off.
    pub enabled: Option<bool>,
}

open_enum! {
    /// Whether prices contain VAT.
    VatMode {
        /// Without VAT.
        Exclusive = "exclusive",
        /// With VAT.
        Inclusive = "inclusive",
    }
}

open_enum! {
    /// What the payment suggestions optimise.
    PaymentPriority {
        /// Keep the cash as long as possible.
        WorkingCapital = "working_capital",
        /// Between the two.
        Balanced = "balanced",
        /// Take every discount.
        BottomLine = "bottom_line",
    }
}

open_enum! {
    /// How far issued documents may be edited.
    ReceivableEditFlow {
        /// Not at all.
        Compliant = "compliant",
        /// In part.
        PartiallyCompliant = "partially_compliant",
        /// Freely.
        NonCompliant = "non_compliant",
    }
}
