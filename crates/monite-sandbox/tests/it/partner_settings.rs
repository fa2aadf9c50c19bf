//! Settings of the partner: unknown keys tolerated, everything else checked, and a role for every new entity.

use serde_json::{Value, json};

use crate::support::{Api, matrix};

#[tokio::test]
async fn the_partners_settings_change_field_by_field() {
    let api = Api::start().await;
    let first = api.get("/settings").await;
    assert_eq!(first.status, 200);
    assert!(first.body.as_object().unwrap().values().all(Value::is_null), "{first:?}");
    let patch = json!({
        "api_version": "2024-05-25",
        "website": "https://example.com",
        "mail": {"from_name": "Acme"},
        "payable": {"approve_page_url": "https://example.com/approve"},
        "payments": {"payment_page_theme": {"button": {"primary_color": "orange"}}},
        "receivable": {"create_without_personal_info": true},
        "units": [{"designation": "kg", "name": "Kilogram"}],
        "commercial_conditions": ["net 30"],
        "a_key_nobody_knows": {"is": "ignored"},
    });
    let changed = api.patch("/settings", patch).await;
    assert_eq!(changed.status, 200);
    insta::assert_json_snapshot!(changed.body, @r#"
    {
      "api_version": "2024-05-25",
      "commercial_conditions": [
        "net 30"
      ],
      "currency": null,
      "default_role": null,
      "mail": {
        "attach_documents_as_pdf": true,
        "from_email_username": null,
        "from_name": "Acme"
      },
      "payable": {
        "allow_cancel_duplicates_automatically": false,
        "allow_counterpart_autocreation": false,
        "allow_counterpart_autolinking": false,
        "allow_credit_note_autolinking": false,
        "approve_page_url": "https://example.com/approve",
        "default_state": null,
        "enable_line_items": true,
        "skip_approval_for_paid_invoice": false
      },
      "payments": {
        "payment_page_domain": null,
        "payment_page_theme": {
          "background_color": null,
          "border_radius": null,
          "button": {
            "primary_color": "orange",
            "primary_hover_color": null,
            "secondary_color": null,
            "secondary_hover_color": null
          },
          "card": null,
          "font_color": null,
          "font_family": null,
          "font_link_href": null,
          "logo_src": null
        },
        "support_email": null
      },
      "receivable": {
        "create_without_personal_info": true,
        "deduction_title": null
      },
      "units": [
        {
          "designation": "kg",
          "name": "Kilogram"
        }
      ],
      "website": "https://example.com"
    }
    "#);
    assert_eq!(api.patch("/settings", json!({"mail": {"attach_documents_as_pdf": false}})).await.status, 200);
    let shown = api.get("/settings").await.body;
    let mail = json!({"attach_documents_as_pdf": false, "from_email_username": null, "from_name": "Acme"});
    assert_eq!(shown["mail"], mail);
    assert_eq!(shown["website"], "https://example.com");
    assert_eq!(api.patch("/settings", json!({})).await.body, shown);
}

#[tokio::test]
async fn every_wrong_field_of_the_partners_settings_is_named() {
    let api = Api::start().await;
    let patch = json!({
        "api_version": "2024-06-01",
        "website": 7,
        "default_role": "admin",
        "mail": {"from_name": "x".repeat(31), "from_email_username": "", "attach_documents_as_pdf": null},
        "payable": {"enable_line_items": 1},
        "payments": {"support_email": "nobody", "payment_page_theme": {"card": {"background_color": "dark"}}},
        "receivable": {"deduction_title": "x".repeat(33)},
        "units": [{"name": ""}],
        "currency": {"default": "EURO"},
        "commercial_conditions": [1],
    });
    let mut fields = api.patch("/settings", patch).await.wrong_fields();
    fields.sort();
    insta::assert_json_snapshot!(fields, @r#"
    [
      "body.api_version",
      "body.commercial_conditions.0",
      "body.currency.default",
      "body.default_role",
      "body.mail.attach_documents_as_pdf",
      "body.mail.from_email_username",
      "body.mail.from_name",
      "body.payable.approve_page_url",
      "body.payable.enable_line_items",
      "body.payments.payment_page_theme.card.background_color",
      "body.payments.support_email",
      "body.receivable.create_without_personal_info",
      "body.receivable.deduction_title",
      "body.units.0.designation",
      "body.units.0.name",
      "body.website"
    ]
    "#);
}

#[tokio::test]
async fn the_partners_website_is_https() {
    let api = Api::start().await;
    for (website, status) in [
        (json!("https://example.com"), 200),
        (json!("HTTPS://example.com/a"), 200),
        (json!(null), 200),
        (json!("http://example.com"), 400),
        (json!("example.com"), 400),
        (json!("https://"), 400),
        (json!(""), 400),
    ] {
        assert_eq!(api.patch("/settings", json!({"website": website})).await.status, status, "{website}");
    }
}

#[tokio::test]
async fn new_entities_get_the_default_role_of_the_settings() {
    let api = Api::start().await;
    let old = api.entity().await;
    let permissions = matrix("payable: read");
    let role = json!({"name": "clerk", "permissions": permissions, "note": "a free object"});
    let kept = api.patch("/settings", json!({"default_role": role})).await;
    assert_eq!(kept.body["default_role"], role, "kept as sent");
    // The quirk is only what happens without the setting.
    api.sandbox.set_quirk("default_role", "admin").unwrap();
    let entity = api.entity().await;
    let roles = api.sandbox.roles(&entity);
    assert_eq!((roles.len(), &roles[0]["name"], &roles[0]["permissions"]), (1, &json!("clerk"), &permissions));
    let user = api.inside_json(&entity, "POST /entity_users", json!({"login": "ana", "first_name": "A"})).await;
    assert_eq!((user.status, &user.body["role_id"]), (200, &roles[0]["id"]));
    assert!(api.sandbox.roles(&old).is_empty(), "entities from before are left alone");

    for says_nothing in [json!({"default_role": {"name": "x"}}), json!({"default_role": {}})] {
        assert_eq!(api.patch("/settings", says_nothing).await.status, 200);
        let entity = api.entity().await;
        assert!(api.sandbox.roles(&entity).is_empty());
    }
    api.patch("/settings", json!({"default_role": null})).await;
    let entity = api.entity().await;
    assert_eq!(api.sandbox.roles(&entity)[0]["name"], "admin");
}
