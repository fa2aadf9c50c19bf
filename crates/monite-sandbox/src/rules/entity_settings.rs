//! Body of `PATCH /entities/{id}/settings`: `PatchSettingsPayload`.

use serde_json::{Map, Value};

use super::codes::{currency, language};
use super::document::{Document, document, document_body, items};
use super::form::{Extras, Wrong};
use super::number::{integer, positive};
use super::text::{boolean, email, one_of, string, text, uuid_text};

/// The most keywords one tag listens to.
const KEYWORDS: usize = 50;

/// Reads the fields that were sent.
pub(crate) fn patch(raw: &[u8]) -> Result<Map<String, Value>, Wrong> {
    document_body(raw, Extras::Refuse, |settings| {
        settings.nullable("accounting", accounting);
        settings.nullable("allow_purchase_order_autolinking", boolean);
        settings.nullable("currency", currencies);
        settings.nullable("document_ids", document_ids);
        settings.field("document_rendering", document_rendering);
        settings.field("generate_paid_invoice_pdf", boolean);
        settings.nullable("language", language);
        settings.nullable("mail", mail);
        settings.nullable("payables_ocr_auto_tagging", |value| items(value, 0, usize::MAX, auto_tagging));
        settings.field("payables_skip_approval_flow", boolean);
        settings.nullable("payment_priority", one_of(&["working_capital", "balanced", "bottom_line"]));
        settings.field("quote_signature_required", boolean);
        settings.nullable("receivable_edit_flow", one_of(&["compliant", "partially_compliant", "non_compliant"]));
        settings.nullable("reminder", reminder);
        settings.field("vat_inclusive_discount_mode", vat_mode);
        settings.nullable("vat_mode", vat_mode);
    })
}

fn vat_mode(value: Value) -> Result<&'static str, Wrong> {
    one_of(&["exclusive", "inclusive"])(value)
}

fn accounting(value: Value) -> Result<Value, Wrong> {
    let ledger_accounts = |value| {
        document(value, Extras::Refuse, |ids| {
            ids.nullable("payments", uuid_text);
            ids.nullable("products", uuid_text);
        })
    };
    let taxes = |value| document(value, Extras::Refuse, |ids| ids.nullable("deductions", uuid_text));
    document(value, Extras::Refuse, |accounting| {
        accounting.nullable("ledger_account_ids", ledger_accounts);
        accounting.nullable("tax_ids", taxes);
    })
}

/// `CurrencySettings`, which partners have too.
pub(super) fn currencies(value: Value) -> Result<Value, Wrong> {
    document(value, Extras::Refuse, |currencies| {
        currencies.required("default", currency);
        currencies.field("exchange_rates", |value| items(value, 0, usize::MAX, exchange_rate));
    })
}

/// The schema lets a rate be null.
fn exchange_rate(value: Value) -> Result<Value, Wrong> {
    if value.is_null() {
        return Ok(value);
    }
    document(value, Extras::Refuse, |rate| {
        rate.required("base", currency);
        rate.required("to", currency);
        rate.required("rate", positive);
    })
}

const DOCUMENT_TYPES: [&str; 5] = ["credit_note", "delivery_note", "invoice", "purchase_order", "quote"];

fn document_ids(value: Value) -> Result<Value, Wrong> {
    let prefixes = |value| {
        document(value, Extras::Refuse, |prefixes| {
            DOCUMENT_TYPES.into_iter().for_each(|name| prefixes.field(name, text(1, 25)));
        })
    };
    let next_numbers = |value| {
        document(value, Extras::Refuse, |numbers| {
            DOCUMENT_TYPES.into_iter().for_each(|name| numbers.nullable(name, integer(1, i64::MAX)));
        })
    };
    document(value, Extras::Ignore, |ids| {
        ids.field("document_type_prefix", prefixes);
        ids.field("include_date", boolean);
        ids.field("min_digits", integer(1, 25));
        ids.nullable("next_number", next_numbers);
        ids.nullable("prefix", text(1, 25));
        ids.field("separator", one_of(&["/", "-", "|", ".", ""]));
    })
}

fn document_rendering(value: Value) -> Result<Value, Wrong> {
    let paid_by_bank = |value| document(value, Extras::Ignore, bank_account);
    let quote = |value| {
        document(value, Extras::Ignore, |quote| {
            bank_account(quote);
            quote.field("display_signature", boolean);
        })
    };
    document(value, Extras::Refuse, |rendering| {
        bank_account(rendering);
        rendering.field("display_line_items", boolean);
        rendering.field("credit_note", paid_by_bank);
        rendering.field("invoice", paid_by_bank);
        rendering.field("quote", quote);
        rendering.field("line_items", line_items);
    })
}

fn bank_account(rendering: &mut Document<'_>) {
    rendering.field("display_entity_bank_account", boolean);
}

fn line_items(value: Value) -> Result<Value, Wrong> {
    document(value, Extras::Ignore, |columns| {
        for name in ["discount", "measure_unit", "name", "quantity"] {
            columns.field(name, |value| document(value, Extras::Ignore, column));
        }
        for name in ["price", "price_after_vat", "total_price", "total_price_after_vat", "vat_amount", "vat_rate"] {
            columns.field(name, |value| {
                document(value, Extras::Ignore, |numbers| {
                    column(numbers);
                    numbers.field("precision", integer(2, 4));
                })
            });
        }
    })
}

fn column(column: &mut Document<'_>) {
    column.field("display", boolean);
    column.field("label", text(1, 32));
}

fn mail(value: Value) -> Result<Value, Wrong> {
    document(value, Extras::Refuse, |mail| {
        mail.nullable("reply_to", |value| items(value, 0, usize::MAX, email));
    })
}

fn auto_tagging(value: Value) -> Result<Value, Wrong> {
    document(value, Extras::Refuse, |tagging| {
        tagging.required("enabled", boolean);
        tagging.required("keywords", |value| items(value, 1, KEYWORDS, string));
        tagging.required("tag_id", uuid_text);
    })
}

fn reminder(value: Value) -> Result<Value, Wrong> {
    document(value, Extras::Ignore, |reminder| reminder.field("enabled", boolean))
}
