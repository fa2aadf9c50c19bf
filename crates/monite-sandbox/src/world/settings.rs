//! Settings of entities and of the partner: documents of documented shape, kept whole, changed leaf by leaf.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::World;
use super::hooks::{Happening, WebhookObject};
use super::rows::Changed;
use super::stamp::Stamp;
use crate::quirks::Point;
use crate::refusal::Refusal;
use crate::rules::version::Version;

/// A settings document as it is kept.
pub(crate) type Settings = Map<String, Value>;

/// Counters that may be set and are never shown.
const NEXT_NUMBER: &str = "next_number";

/// Dropped from partner settings with 2024-05-25.
const ACCOUNTING: &str = "accounting";

impl World {
    /// The settings of an entity as Monite renders them.
    pub(crate) fn entity_settings(&self, entity: u32) -> Settings {
        let mut shown = self.kept_settings(entity);
        if let Some(Value::Object(ids)) = shown.get_mut("document_ids") {
            ids.remove(NEXT_NUMBER);
        }
        shown
    }

    fn kept_settings(&self, entity: u32) -> Settings {
        self.household(entity).settings.as_deref().cloned().unwrap_or_else(entity_defaults)
    }

    /// Changes the fields that were sent. The entity itself stays untouched.
    pub(crate) fn patch_entity_settings(&mut self, entity: u32, patch: Settings, now: Stamp) -> Settings {
        let old = self.kept_settings(entity);
        let new = self.merge(&old, patch, entity_blank);
        if new != old {
            self.note(Changed::Entity(entity));
            self.household_mut(entity).settings = Some(Box::new(new));
            let id = self.household_id(entity);
            self.happened(WebhookObject::EntitySettings, Happening::Updated, id, id, now);
        }
        self.entity_settings(entity)
    }

    /// The partner's settings as this version renders them.
    pub(crate) fn partner_settings(&self, version: Version) -> Settings {
        let mut shown = self.partner_settings.clone();
        if !version.has_partner_accounting() {
            shown.remove(ACCOUNTING);
        }
        shown
    }

    /// Changes the fields that were sent.
    pub(crate) fn patch_partner_settings(
        &mut self, patch: Settings, version: Version, now: Stamp,
    ) -> Result<Settings, Refusal> {
        check_website(&patch)?;
        let new = self.merge(&self.partner_settings, patch, partner_blank);
        if new != self.partner_settings {
            self.note(Changed::PartnerSettings);
            self.partner_settings = new;
            self.happened(WebhookObject::PartnerSettings, Happening::Updated, Uuid::nil(), Uuid::nil(), now);
        }
        Ok(self.partner_settings(version))
    }

    /// The role every new entity gets, as the partner wrote it.
    pub(super) fn default_role_setting(&self) -> Option<&Value> {
        self.partner_settings.get("default_role").filter(|role| !role.is_null())
    }

    fn merge(&self, old: &Settings, patch: Settings, blank: Blank) -> Settings {
        let mut new = old.clone();
        let nested = if self.quirks.is(Point::NestedSettings, "replace") { Nested::Replace } else { Nested::Merge };
        merge(&mut new, patch, nested, blank);
        new
    }
}

/// What an object inside of the settings is when nothing was said about it yet. `None`: kept exactly as sent.
type Blank = fn(&str) -> Option<Settings>;

/// What a PATCH does with the fields it leaves out of an object that it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nested {
    Merge,
    Replace,
}

fn merge(document: &mut Settings, patch: Settings, nested: Nested, blank: Blank) {
    for (name, sent) in patch {
        let known = document.remove(&name);
        let merged = match (sent, blank(&name)) {
            (Value::Object(fields), Some(blank_object)) => {
                let mut object = match known {
                    Some(Value::Object(known)) if nested == Nested::Merge => known,
                    _ => blank_object,
                };
                merge(&mut object, fields, nested, blank);
                Value::Object(object)
            }
            (sent, _) => sent,
        };
        document.insert(name, merged);
    }
}

/// What a new entity has.
fn entity_defaults() -> Settings {
    object(json!({
        "accounting": null,
        "allow_purchase_order_autolinking": true,
        "currency": null,
        "document_ids": entity_blank("document_ids"),
        "document_rendering": entity_blank("document_rendering"),
        "generate_paid_invoice_pdf": false,
        "language": null,
        "mail": null,
        "payables_ocr_auto_tagging": null,
        "payables_skip_approval_flow": false,
        "payment_priority": "working_capital",
        "quote_signature_required": false,
        "receivable_edit_flow": "compliant",
        "reminder": entity_blank("reminder"),
        "vat_inclusive_discount_mode": "exclusive",
        "vat_mode": "exclusive",
    }))
}

/// The names of objects are unique in this tree, so the name alone tells which one it is.
fn entity_blank(name: &str) -> Option<Settings> {
    let blank = match name {
        "accounting" => json!({"ledger_account_ids": null, "tax_ids": null}),
        "ledger_account_ids" => json!({"payments": null, "products": null}),
        "tax_ids" => json!({"deductions": null}),
        "currency" => json!({"exchange_rates": []}),
        "document_ids" => json!({
            "document_type_prefix": entity_blank("document_type_prefix"),
            "include_date": false, "min_digits": 5, "prefix": null, "separator": "-",
        }),
        "document_type_prefix" => {
            json!({"credit_note": "CN", "delivery_note": "DN", "invoice": "INV", "purchase_order": "PO", "quote": "Q"})
        }
        "document_rendering" => json!({"display_entity_bank_account": true, "display_line_items": true}),
        "credit_note" | "invoice" => json!({"display_entity_bank_account": true}),
        "quote" => json!({"display_entity_bank_account": true, "display_signature": false}),
        "line_items" => json!({"vat_amount": {"display": false}}),
        "discount"
        | "measure_unit"
        | "name"
        | "quantity"
        | "price"
        | "price_after_vat"
        | "total_price"
        | "total_price_after_vat"
        | "vat_amount"
        | "vat_rate" => json!({"display": true}),
        "mail" => json!({"reply_to": null}),
        "reminder" => json!({"enabled": true}),
        _ => json!({}),
    };
    Some(object(blank))
}

/// What a new partner has.
pub(super) fn partner_defaults() -> Settings {
    object(json!({
        "accounting": null,
        "api_version": null,
        "commercial_conditions": null,
        "currency": null,
        "default_role": null,
        "mail": null,
        "payable": null,
        "payments": null,
        "receivable": null,
        "units": null,
        "website": null,
    }))
}

fn partner_blank(name: &str) -> Option<Settings> {
    let blank = match name {
        "accounting" | "default_role" => return None,
        "currency" => json!({"exchange_rates": []}),
        "mail" => json!({"attach_documents_as_pdf": true, "from_email_username": null, "from_name": null}),
        "payable" => json!({
            "allow_cancel_duplicates_automatically": false, "allow_counterpart_autocreation": false,
            "allow_counterpart_autolinking": false, "allow_credit_note_autolinking": false,
            "default_state": null, "enable_line_items": true, "skip_approval_for_paid_invoice": false,
        }),
        "payments" => json!({"payment_page_domain": null, "payment_page_theme": null, "support_email": null}),
        "payment_page_theme" => json!({
            "background_color": null, "border_radius": null, "button": null, "card": null, "font_color": null,
            "font_family": null, "font_link_href": null, "logo_src": null,
        }),
        "button" => json!({
            "primary_color": null, "primary_hover_color": null, "secondary_color": null, "secondary_hover_color": null,
        }),
        "card" => json!({"background_color": null}),
        "receivable" => json!({"deduction_title": null}),
        _ => json!({}),
    };
    Some(object(blank))
}

/// Documented as an HTTPS address; the schema takes any text.
fn check_website(patch: &Settings) -> Result<(), Refusal> {
    let website = patch.get("website").and_then(Value::as_str);
    let is_https = |text: &str| url::Url::parse(text).is_ok_and(|url| url.scheme() == "https" && url.has_host());
    if website.is_none_or(is_https) { Ok(()) } else { Err(Refusal::WebsiteNotHttps) }
}

fn object(value: Value) -> Settings {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(known: Value, patch: Value, nested: Nested) -> Value {
        let mut document = object(known);
        merge(&mut document, object(patch), nested, entity_blank);
        Value::Object(document)
    }

    #[test]
    fn only_what_was_sent_changes() {
        let known = json!({"language": "de", "mail": {"reply_to": ["a@b.de"]}, "reminder": null});
        let cases = [
            (json!({}), known.clone()),
            (json!({"language": null}), json!({"language": null, "mail": {"reply_to": ["a@b.de"]}, "reminder": null})),
            (
                json!({"reminder": {}, "mail": {"reply_to": []}}),
                json!({"language": "de", "mail": {"reply_to": []}, "reminder": {"enabled": true}}),
            ),
        ];
        for (patch, expected) in cases {
            assert_eq!(merged(known.clone(), patch.clone(), Nested::Merge), expected, "{patch}");
        }
    }

    #[test]
    fn an_object_is_merged_or_replaced() {
        let known = json!({"document_ids": {"min_digits": 3, "prefix": "X", "document_type_prefix": {"quote": "QQ"}}});
        let patch = json!({"document_ids": {"separator": "/", "document_type_prefix": {"invoice": "RE"}}});
        let kept = merged(known.clone(), patch.clone(), Nested::Merge);
        assert_eq!(
            kept["document_ids"],
            json!({"min_digits": 3, "prefix": "X", "separator": "/",
                "document_type_prefix": {"quote": "QQ", "invoice": "RE"}})
        );
        let replaced = merged(known, patch, Nested::Replace);
        assert_eq!(replaced["document_ids"]["min_digits"], 5);
        assert_eq!(replaced["document_ids"]["document_type_prefix"]["quote"], "Q");
        assert_eq!(replaced["document_ids"]["document_type_prefix"]["invoice"], "RE");
    }
}
