//! Body of `PATCH /settings`: `PartnerProjectSettingsPayload`. Unknown keys are tolerated on every level but in
//! `currency`.

use serde_json::{Map, Value};

use super::codes::color;
use super::document::{document, document_body, items};
use super::entity_settings::currencies;
use super::form::{Extras, Wrong};
use super::text::{boolean, email, link, one_of, string, text, uri};
use super::version::{self, Version};

/// Reads the fields that were sent.
pub(crate) fn patch(raw: &[u8], version: Version) -> Result<Map<String, Value>, Wrong> {
    document_body(raw, Extras::Ignore, |settings| {
        if version.has_partner_accounting() {
            settings.nullable("accounting", free_object);
        }
        settings.nullable("api_version", one_of(&version::LISTED));
        settings.nullable("commercial_conditions", |value| items(value, 0, usize::MAX, string));
        settings.nullable("currency", currencies);
        settings.nullable("default_role", free_object);
        settings.nullable("mail", mail);
        settings.nullable("payable", payable);
        settings.nullable("payments", payments);
        settings.nullable("receivable", receivable);
        settings.nullable("units", |value| items(value, 0, usize::MAX, unit));
        settings.nullable("website", string);
    })
}

fn free_object(value: Value) -> Result<Value, Wrong> {
    if value.is_object() { Ok(value) } else { Err(Wrong::here("Input should be a valid dictionary", "dict_type")) }
}

fn mail(value: Value) -> Result<Value, Wrong> {
    document(value, Extras::Ignore, |mail| {
        mail.field("attach_documents_as_pdf", boolean);
        mail.nullable("from_email_username", text(1, 64));
        mail.nullable("from_name", text(1, 30));
    })
}

fn payable(value: Value) -> Result<Value, Wrong> {
    document(value, Extras::Ignore, |payable| {
        payable.nullable("allow_cancel_duplicates_automatically", boolean);
        payable.nullable("allow_counterpart_autocreation", boolean);
        payable.nullable("allow_counterpart_autolinking", boolean);
        payable.nullable("allow_credit_note_autolinking", boolean);
        payable.required("approve_page_url", uri);
        payable.nullable("default_state", string);
        payable.field("enable_line_items", boolean);
        payable.nullable("skip_approval_for_paid_invoice", boolean);
    })
}

fn payments(value: Value) -> Result<Value, Wrong> {
    document(value, Extras::Ignore, |payments| {
        payments.nullable("payment_page_domain", string);
        payments.nullable("payment_page_theme", theme);
        payments.nullable("support_email", email);
    })
}

fn theme(value: Value) -> Result<Value, Wrong> {
    let button = |value| {
        document(value, Extras::Ignore, |button| {
            for name in ["primary_color", "primary_hover_color", "secondary_color", "secondary_hover_color"] {
                button.nullable(name, color);
            }
        })
    };
    let card = |value| document(value, Extras::Ignore, |card| card.nullable("background_color", color));
    document(value, Extras::Ignore, |theme| {
        theme.nullable("background_color", color);
        theme.nullable("border_radius", string);
        theme.nullable("button", button);
        theme.nullable("card", card);
        theme.nullable("font_color", color);
        theme.nullable("font_family", string);
        theme.nullable("font_link_href", link);
        theme.nullable("logo_src", link);
    })
}

fn receivable(value: Value) -> Result<Value, Wrong> {
    document(value, Extras::Ignore, |receivable| {
        receivable.required("create_without_personal_info", boolean);
        receivable.nullable("deduction_title", text(1, 32));
    })
}

fn unit(value: Value) -> Result<Value, Wrong> {
    document(value, Extras::Ignore, |unit| {
        unit.required("designation", text(1, usize::MAX));
        unit.required("name", text(1, usize::MAX));
    })
}
