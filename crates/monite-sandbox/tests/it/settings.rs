//! Settings of entities: documented defaults, complete validation, leaf by leaf changes.

use serde_json::{Value, json};

use crate::support::{Api, builder, organization, send};

const UNKNOWN: &str = "9d2b4c8f-2087-4738-ba91-7359683c49a4";

fn path(entity: &str) -> String {
    format!("/entities/{entity}/settings")
}

#[tokio::test]
async fn an_entity_starts_with_the_documented_defaults() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let shown = api.get(&path(&entity)).await;
    assert_eq!(shown.status, 200);
    insta::assert_json_snapshot!(shown.body, @r#"
    {
      "accounting": null,
      "allow_purchase_order_autolinking": true,
      "currency": null,
      "document_ids": {
        "document_type_prefix": {
          "credit_note": "CN",
          "delivery_note": "DN",
          "invoice": "INV",
          "purchase_order": "PO",
          "quote": "Q"
        },
        "include_date": false,
        "min_digits": 5,
        "prefix": null,
        "separator": "-"
      },
      "document_rendering": {
        "display_entity_bank_account": true,
        "display_line_items": true
      },
      "generate_paid_invoice_pdf": false,
      "language": null,
      "mail": null,
      "payables_ocr_auto_tagging": null,
      "payables_skip_approval_flow": false,
      "payment_priority": "working_capital",
      "quote_signature_required": false,
      "receivable_edit_flow": "compliant",
      "reminder": {
        "enabled": true
      },
      "vat_inclusive_discount_mode": "exclusive",
      "vat_mode": "exclusive"
    }
    "#);
    assert_eq!(api.patch(&path(&entity), json!({})).await.body, shown.body, "a PATCH that changes nothing");
    assert_eq!(send(api.request(&format!("PATCH {}", path(&entity)))).await.body, shown.body, "not even a body");
    for call in ["GET", "PATCH"] {
        assert_eq!(send(api.request(&format!("{call} {}", path(UNKNOWN)))).await.status, 404, "{call}");
    }
}

#[tokio::test]
async fn only_the_fields_that_were_sent_change() {
    let api = Api::start().await;
    let (entity, other) = (api.entity().await, api.entity().await);
    let before = api.get(&path(&entity)).await.body;
    let entity_before = api.get(&format!("/entities/{entity}")).await.body;
    let patch = json!({
        "language": "de",
        "vat_mode": "inclusive",
        "payment_priority": null,
        "currency": {"default": "EUR", "exchange_rates": [{"base": "USD", "to": "EUR", "rate": 0.98}, null]},
        "document_ids": {"min_digits": 3, "document_type_prefix": {"invoice": "RE"}, "next_number": {"invoice": 17}},
        "document_rendering": {"line_items": {"price": {"label": "Preis", "precision": 2}}},
        "mail": {"reply_to": ["a@example.com"]},
        "payables_ocr_auto_tagging": [{"enabled": true, "keywords": ["rent"], "tag_id": UNKNOWN}],
        "accounting": {"tax_ids": {"deductions": UNKNOWN}},
    });
    let changed = api.patch(&path(&entity), patch).await;
    let mut expected = before.clone();
    expected["language"] = json!("de");
    expected["vat_mode"] = json!("inclusive");
    expected["payment_priority"] = Value::Null;
    expected["currency"] =
        json!({"default": "EUR", "exchange_rates": [{"base": "USD", "to": "EUR", "rate": 0.98}, null]});
    expected["document_ids"]["min_digits"] = json!(3);
    expected["document_ids"]["document_type_prefix"]["invoice"] = json!("RE");
    expected["document_rendering"]["line_items"] =
        json!({"price": {"display": true, "label": "Preis", "precision": 2}, "vat_amount": {"display": false}});
    expected["mail"] = json!({"reply_to": ["a@example.com"]});
    expected["payables_ocr_auto_tagging"] = json!([{"enabled": true, "keywords": ["rent"], "tag_id": UNKNOWN}]);
    expected["accounting"] = json!({"ledger_account_ids": null, "tax_ids": {"deductions": UNKNOWN}});
    assert_eq!((changed.status, &changed.body), (200, &expected), "next_number can be set and is never shown");

    let again = api.patch(&path(&entity), json!({"mail": null, "document_ids": {"prefix": "X"}})).await;
    expected["mail"] = Value::Null;
    expected["document_ids"]["prefix"] = json!("X");
    assert_eq!(again.body, expected);
    assert_eq!(api.get(&path(&entity)).await.body, expected);
    assert_eq!(api.get(&path(&other)).await.body, before, "of this entity only");
    assert_eq!(api.get(&format!("/entities/{entity}")).await.body, entity_before, "the entity itself stays");
}

#[tokio::test]
async fn every_wrong_field_of_an_entitys_settings_is_named() {
    let api = Api::start().await;
    let entity = api.entity().await;
    let before = api.get(&path(&entity)).await.body;
    let patch = json!({
        "language": "german",
        "generate_paid_invoice_pdf": null,
        "document_rendering": null,
        "vat_mode": "both",
        "surprise": 1,
        "currency": {"exchange_rates": [{"base": "USD", "rate": 0}], "more": 1},
        "document_ids": {
            "min_digits": 26, "separator": "_", "prefix": "", "unknown": "is tolerated here",
            "document_type_prefix": {"invoice": "", "letter": "L"}, "next_number": {"invoice": 0, "quote": 1.5},
        },
        "payables_ocr_auto_tagging": [{"enabled": "maybe", "keywords": [], "tag_id": "7"}],
        "mail": {"reply_to": ["nobody"], "from": "a@b.de"},
        "accounting": {"ledger_account_ids": {"payments": "x"}},
    });
    let mut fields = api.patch(&path(&entity), patch.clone()).await.wrong_fields();
    fields.sort();
    insta::assert_json_snapshot!(fields, @r#"
    [
      "body.accounting.ledger_account_ids.payments",
      "body.currency.default",
      "body.currency.exchange_rates.0.rate",
      "body.currency.exchange_rates.0.to",
      "body.currency.more",
      "body.document_ids.document_type_prefix.invoice",
      "body.document_ids.document_type_prefix.letter",
      "body.document_ids.min_digits",
      "body.document_ids.next_number.invoice",
      "body.document_ids.next_number.quote",
      "body.document_ids.prefix",
      "body.document_ids.separator",
      "body.document_rendering",
      "body.generate_paid_invoice_pdf",
      "body.language",
      "body.mail.from",
      "body.mail.reply_to.0",
      "body.payables_ocr_auto_tagging.0.enabled",
      "body.payables_ocr_auto_tagging.0.keywords",
      "body.payables_ocr_auto_tagging.0.tag_id",
      "body.surprise",
      "body.vat_mode"
    ]
    "#);
    let refused = api.patch("/entities/x/settings", json!({"language": "german"})).await;
    assert_eq!(refused.wrong_fields(), ["path.entity_id", "body.language"]);
    assert_eq!(api.get(&path(&entity)).await.body, before, "nothing of it was kept");
}

#[tokio::test]
async fn users_reach_the_settings_of_their_own_entity_by_their_right() {
    let api = Api::start().await;
    let (entity, other) = (api.entity().await, api.entity().await);
    let cases = [
        ("entity: read update", 200, 200),
        ("entity: read", 200, 403),
        ("entity: update", 403, 200),
        // Entities are the partner's, so nobody has one of his own.
        ("entity: read* update*", 403, 403),
        ("", 403, 403),
    ];
    for (rights, read, update) in cases {
        let name = format!("may {rights}");
        let role = api.role(&entity, &name, rights).await;
        let user = api.user(&entity, &name, &role).await;
        let token = api.user_token(&user).await;
        let call = async |call: &str, entity: &str| {
            send(api.request_as(&token, &format!("{call} {}", path(entity))).body("{}")).await.status
        };
        assert_eq!((call("GET", &entity).await, call("PATCH", &entity).await), (read, update), "{rights}");
        assert_eq!((call("GET", &other).await, call("PATCH", &other).await), (403, 403), "{rights}");
        let partner = send(api.request_as(&token, "GET /settings")).await;
        assert_eq!((partner.status, partner.message()), (403, "Action read for partner_settings not allowed"));
        let partner = send(api.request_as(&token, "PATCH /settings").body("{}")).await;
        assert_eq!((partner.status, partner.message()), (403, "Action update for partner_settings not allowed"));
    }
}

#[tokio::test]
async fn settings_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sandbox.db");
    let api = Api::with(builder().data_file(&file)).await;
    let entity = api.post("/entities", organization("A")).await.id();
    let settings = json!({"language": "fr", "document_ids": {"next_number": {"quote": 9}}});
    let before = api.patch(&path(&entity), settings).await.body;
    let partner = api.patch("/settings", json!({"website": "https://example.com"})).await.body;
    api.sandbox.shutdown().await;

    let api = Api::with(builder().data_file(&file)).await;
    assert_eq!(api.get(&path(&entity)).await.body, before);
    assert_eq!(api.get("/settings").await.body, partner);
    assert_eq!(api.sandbox.state()["entity_settings"][&entity], before);
    api.sandbox.reset();
    let token = api.partner_token().await;
    assert_ne!(send(api.request_as(&token, "GET /settings")).await.body, partner);
}
