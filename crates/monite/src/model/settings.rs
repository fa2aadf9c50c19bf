//! Settings of one entity.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::field::Field;
use super::open_enum::open_enum;
use super::settings_parts::{AccountingDefaults, CurrencySettings, DocumentIds, EntityMail, OcrTag, Reminder};

/// Answer of `GET /entities/{id}/settings`. The look of documents stays as JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct EntitySettings {
    /// Default currency and exchange rates.
    pub currency: Option<CurrencySettings>,
    /// Language of documents and mails.
    pub language: Option<String>,
    /// Reply-to addresses of mails.
    pub mail: Option<EntityMail>,
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
    pub document_ids: Option<DocumentIds>,
    /// Look of documents.
    pub document_rendering: Option<Value>,
    /// Tags set by OCR keywords.
    pub payables_ocr_auto_tagging: Option<Vec<OcrTag>>,
    /// Ledger account and tax defaults.
    pub accounting: Option<AccountingDefaults>,
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

/// Body of `PATCH /entities/{id}/settings`. Monite refuses keys it does not know. Whether it merges or replaces
/// the deep parts is not documented: send them whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EntitySettingsPatch {
    /// Default currency and exchange rates.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub currency: Field<CurrencySettings>,
    /// Language of documents and mails, two letters.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub language: Field<String>,
    /// Reply-to addresses of mails.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub mail: Field<EntityMail>,
    /// Whether reminders go out.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub reminder: Field<Reminder>,
    /// Default VAT mode.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub vat_mode: Field<VatMode>,
    /// Whether discounts include VAT. Cannot be cleared.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub vat_inclusive_discount_mode: Field<VatMode>,
    /// What the payment suggestions optimise.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub payment_priority: Field<PaymentPriority>,
    /// Link bills to purchase orders by themselves.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub allow_purchase_order_autolinking: Field<bool>,
    /// How far issued documents may be edited.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub receivable_edit_flow: Field<ReceivableEditFlow>,
    /// Numbering of documents.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub document_ids: Field<DocumentIds>,
    /// Look of documents. Cannot be cleared.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub document_rendering: Field<Value>,
    /// Tags set by OCR keywords.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub payables_ocr_auto_tagging: Field<Vec<OcrTag>>,
    /// Ledger account and tax defaults.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub accounting: Field<AccountingDefaults>,
    /// Quotes need a signature. Cannot be cleared.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub quote_signature_required: Field<bool>,
    /// Paid invoices get a PDF of their own. Cannot be cleared.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub generate_paid_invoice_pdf: Field<bool>,
    /// Bills skip approval. Cannot be cleared.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub payables_skip_approval_flow: Field<bool>,
}

impl EntitySettingsPatch {
    /// True when nothing would change: such a patch need not be sent.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
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
