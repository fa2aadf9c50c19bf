//! `GET /entities/{id}/settings`: the documented defaults, which nobody can change here yet.

use serde_json::{Value, json};

use super::call::Call;
use super::reply::{Answer, Reply};
use crate::app::App;
use crate::refusal::Refusal;
use crate::world::access::Reach;
use crate::world::role::{Action, ObjectType};

pub(super) fn get(app: &App, call: &Call) -> Answer {
    app.read(call, |world, caller| {
        let id = call.id("entity_id")?;
        let scope = world.enter_by_path(caller, id, Action::Read, ObjectType::Entity)?;
        match scope.reach {
            Reach::All => Ok(Reply::ok(&defaults())),
            // Entities are created by the partner, so "own" reaches none.
            Reach::Own(_) => Err(Refusal::NotAllowed(Action::Read, ObjectType::Entity)),
        }
    })
}

fn defaults() -> Value {
    json!({
        "accounting": null,
        "allow_purchase_order_autolinking": true,
        "currency": null,
        "document_ids": {
            "document_type_prefix": {
                "credit_note": "CN", "delivery_note": "DN", "invoice": "INV", "purchase_order": "PO", "quote": "Q",
            },
            "include_date": false,
            "min_digits": 5,
            "prefix": null,
            "separator": "-",
        },
        "document_rendering": {},
        "generate_paid_invoice_pdf": false,
        "language": null,
        "mail": null,
        "payables_ocr_auto_tagging": null,
        "payables_skip_approval_flow": false,
        "payment_priority": "working_capital",
        "quote_signature_required": false,
        "receivable_edit_flow": "compliant",
        "reminder": {"enabled": true},
        "vat_inclusive_discount_mode": "exclusive",
        "vat_mode": "exclusive",
    })
}
