//! The parts of settings: all of it optional, nothing lost.
//!
//! Whether a PATCH merges a part or replaces it is not documented. What was read, changed and sent back whole means the
//! same either way, so a part keeps the keys that it does not know.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

macro_rules! parts {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $name {
            $(
                $(#[$field_doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
            /// Whatever else Monite sent.
            #[serde(flatten)]
            pub other: Map<String, Value>,
        }
    )*};
}

parts! {
    /// Default currency and exchange rates.
    CurrencySettings {
        /// ISO 4217 code; Monite wants it whenever the part is sent.
        default: String,
        /// Rates between currencies; Monite allows empty places among them.
        exchange_rates: Vec<Option<ExchangeRate>>,
    }

    /// One rate: `1 base = rate to`.
    ExchangeRate {
        /// ISO 4217 code.
        base: String,
        /// ISO 4217 code.
        to: String,
        /// Above 0.
        rate: f64,
    }

    /// Mails of an entity.
    EntityMail {
        /// Where answers go.
        reply_to: Vec<String>,
    }

    /// Whether reminders go out.
    Reminder {
        /// On or off.
        enabled: bool,
    }

    /// Numbering of an entity's documents.
    DocumentIds {
        /// What the numbers begin with, for each kind of document.
        document_type_prefix: DocumentPrefixes,
        /// Whether the date is part of the number.
        include_date: bool,
        /// Digits of the number proper, 1 to 25.
        min_digits: u32,
        /// In front of everything, 1 to 25 characters.
        prefix: String,
        /// Between the parts: `/`, `-`, `|`, `.` or nothing.
        separator: String,
        /// Where counting goes on. Can be sent and is never shown.
        next_number: NextNumbers,
    }

    /// What document numbers begin with, 1 to 25 characters each.
    DocumentPrefixes {
        /// Of credit notes.
        credit_note: String,
        /// Of delivery notes.
        delivery_note: String,
        /// Of invoices.
        invoice: String,
        /// Of purchase orders.
        purchase_order: String,
        /// Of quotes.
        quote: String,
    }

    /// Where counting goes on, from 1.
    NextNumbers {
        /// For credit notes.
        credit_note: i64,
        /// For delivery notes.
        delivery_note: i64,
        /// For invoices.
        invoice: i64,
        /// For purchase orders.
        purchase_order: i64,
        /// For quotes.
        quote: i64,
    }

    /// A tag that OCR sets when it finds one of the keywords. Monite wants all three.
    OcrTag {
        /// On or off.
        enabled: bool,
        /// 1 to 50 of them.
        keywords: Vec<String>,
        /// Which tag.
        tag_id: Uuid,
    }

    /// What is booked where, unless said otherwise.
    AccountingDefaults {
        /// Ledger accounts.
        ledger_account_ids: LedgerAccounts,
        /// Tax rates.
        tax_ids: AccountingTaxes,
    }

    /// Ledger accounts, by their ids.
    LedgerAccounts {
        /// Of payments.
        payments: Uuid,
        /// Of products.
        products: Uuid,
    }

    /// Tax rates, by their ids.
    AccountingTaxes {
        /// Of deductions.
        deductions: Uuid,
    }

    /// Mails that Monite sends for the partner.
    PartnerMail {
        /// Whether documents are attached.
        attach_documents_as_pdf: bool,
        /// What stands before the `@`, 1 to 64 characters.
        from_email_username: String,
        /// The sender's name, 1 to 30 characters.
        from_name: String,
    }

    /// Bills, for all entities.
    PayableSettings {
        /// Drop what was received twice.
        allow_cancel_duplicates_automatically: bool,
        /// Make counterparts out of bills.
        allow_counterpart_autocreation: bool,
        /// Recognise counterparts in bills.
        allow_counterpart_autolinking: bool,
        /// Recognise which bill a credit note is about.
        allow_credit_note_autolinking: bool,
        /// Where approvers are sent; Monite wants it whenever the part is sent.
        approve_page_url: String,
        /// State of a new bill.
        default_state: String,
        /// Whether bills have lines.
        enable_line_items: bool,
        /// Bills that were paid already need no approval.
        skip_approval_for_paid_invoice: bool,
    }

    /// The page on which invoices are paid.
    PaymentSettings {
        /// Its domain.
        payment_page_domain: String,
        /// Its look, as Monite documents it.
        payment_page_theme: Value,
        /// Whom payers can ask.
        support_email: String,
    }

    /// Invoices, for all entities.
    ReceivableSettings {
        /// Whether individuals can be invoiced without saying who they are; Monite wants it whenever the part is sent.
        create_without_personal_info: bool,
        /// What deductions are called, 1 to 32 characters.
        deduction_title: String,
    }
}
