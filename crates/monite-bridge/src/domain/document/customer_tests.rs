use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::document::merge_patch;

fn organization() -> Value {
    json!({
        "type": "organization",
        "email": "accounts@example.com",
        "address": {"country": "DE", "city": "Berlin", "line1": "Musterweg 1", "postal_code": "10115"},
        "organization": {"legal_name": "Muster GmbH"},
        "website": null,
    })
}

fn individual() -> Value {
    json!({
        "type": "individual",
        "email": "ana@example.com",
        "address": {"country": "US", "state": "CA", "city": "Oakland", "line1": "1 Main Street", "postal_code": "94601"},
        "individual": {"first_name": "Ana", "last_name": "Ruiz"},
    })
}

fn errors(document: Value, change: &Value) -> Vec<String> {
    match CustomerDocument::parse(&merge_patch(document, change)) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(FieldError::to_string).collect(),
    }
}

#[test]
fn good_organizations_are_taken() {
    for change in [
        json!({}),
        json!({"registration_number": "HRB 202324", "registration_authority": "Amtsgericht Charlottenburg"}),
        json!({"registration_authority": "Amtsgericht Charlottenburg"}),
        json!({"address": {"country": "IC", "state": "Gran Canaria"}}),
        json!({"address": {"line1": "é".repeat(200), "postal_code": "〒".repeat(10)}}),
        json!({"website": "https://example.com", "phone": "+49 30 1", "tax_id": "DE1"}),
        json!({"organization": {"business_structure": "single_member_llc", "owners_provided": true, "legal_entity_id": "x"}}),
    ] {
        assert_eq!(errors(organization(), &change), [""; 0], "{change}");
    }
}

#[test]
fn every_mistake_in_an_organization_is_named() {
    let table = [
        (json!({"type": null}), "type: is missing; accepted: \"organization\" or \"individual\""),
        (json!({"type": "company"}), "type: \"company\" is not a type; accepted: \"organization\" or \"individual\""),
        (json!({"email": null}), "email: is missing; accepted: one address such as \"accounts@example.com\""),
        (
            json!({"email": "info@"}),
            "email: \"info@\" is not an e-mail address; accepted: one address such as \"accounts@example.com\"",
        ),
        (json!({"email": ["a@b.co"]}), "email: must be a text, not a list"),
        (
            json!({"address": null}),
            "address: is missing; accepted: an object with country, city, line1 and postal_code",
        ),
        (json!({"address": "Berlin"}), "address: must be a JSON object, not a text"),
        (
            json!({"address": {"postal_code": null}}),
            "address.postal_code: is missing; accepted: a text of 1 to 10 characters",
        ),
        (json!({"address": {"postal_code": 10115}}), "address.postal_code: must be a text, not a number"),
        (
            json!({"address": {"postal_code": "12345678901"}}),
            "address.postal_code: is 11 characters long; accepted: at most 10",
        ),
        (json!({"address": {"city": ""}}), "address.city: must not be empty; accepted: 1 to 100 characters"),
        (json!({"address": {"line2": ""}}), "address.line2: must not be empty; use null or leave it out"),
        (json!({"address": {"country": "Germany"}}), "address.country: \"Germany\" is not a country code; use \"DE\""),
        (json!({"address": {"country": "DEU"}}), "address.country: \"DEU\" is not a country code; use \"DE\""),
        (json!({"address": {"country": "de"}}), "address.country: \"de\" is not a country code; use \"DE\""),
        (
            json!({"address": {"country": "XX"}}),
            "address.country: \"XX\" is not a country code; accepted: a two-letter ISO 3166 code such as \"DE\"",
        ),
        (
            json!({"address": {"country": "US"}}),
            "address.state: is missing; accepted: the two-letter code of a US state or territory, such as \"CA\"",
        ),
        (
            json!({"address": {"country": "US", "state": "California"}}),
            "address.state: \"California\" is not a state code; use \"CA\"",
        ),
        (
            json!({"address": {"country": "US", "state": "XX"}}),
            "address.state: \"XX\" is not a state code; accepted: the two-letter code of a US state or territory, such as \"CA\"",
        ),
        (json!({"address": {"zip": "1"}}), "address.zip: unknown field; leave it out"),
        (
            json!({"organization": null}),
            "organization: is missing; an organization needs it: an object with legal_name",
        ),
        (
            json!({"organization": {"legal_name": null}}),
            "organization.legal_name: is missing; accepted: a text of 1 to 255 characters",
        ),
        (
            json!({"organization": {"owners_provided": "yes"}}),
            "organization.owners_provided: must be true or false, not a text",
        ),
        (
            json!({"organization": {"business_structure": "gmbh"}}),
            "organization.business_structure: \"gmbh\" is not known; accepted: incorporated_partnership, unincorporated_partnership, public_corporation, private_corporation, sole_proprietorship, single_member_llc, multi_member_llc, private_partnership, unincorporated_association, public_partnership",
        ),
        (
            json!({"individual": {"first_name": "A", "last_name": "B"}}),
            "individual: does not belong to type \"organization\"; leave it out or correct the type",
        ),
        (json!({"phone": ""}), "phone: must not be empty; use null or leave it out"),
        (json!({"phone": "1".repeat(101)}), "phone: is 101 characters long; accepted: at most 100"),
        (
            json!({"website": "example.com"}),
            "website: \"example.com\" is not a web address; accepted: \"https://www.example.com\"",
        ),
        (json!({"tax_id": "1".repeat(31)}), "tax_id: is 31 characters long; accepted: at most 30"),
        (
            json!({"registration_number": "HRB 1"}),
            "registration_authority: is missing; registration_number needs it: the local court, such as \"Amtsgericht Charlottenburg\"",
        ),
        (json!({"vat_number": "DE1"}), "vat_number: unknown field; leave it out"),
        (json!({"web_site": "https://example.com"}), "web_site: unknown field; did you mean website?"),
        (json!({"id": "x"}), "id: belongs to the address of the request or the import line, not into the document"),
        (
            json!({"users": []}),
            "users: has no place here: each user has an address of its own, and an import line takes them together",
        ),
    ];
    for (change, expected) in table {
        assert_eq!(errors(organization(), &change), [expected], "{change}");
    }
}

#[test]
fn germany_only_fields_are_refused_elsewhere_but_not_where_the_country_is_unreadable() {
    let registered = json!({"registration_number": "1", "registration_authority": "Amtsgericht X"});
    let french = merge_patch(organization(), &json!({"address": {"country": "FR"}}));
    assert_eq!(errors(french, &registered).len(), 2);
    let unclear = merge_patch(organization(), &json!({"address": {"country": "Deutschland"}}));
    assert_eq!(errors(unclear, &registered).len(), 1);
}

#[test]
fn every_mistake_in_an_individual_is_named() {
    let table = [
        (
            json!({"individual": null}),
            "individual: is missing; an individual needs it: an object with first_name and last_name",
        ),
        (
            json!({"individual": {"last_name": null}}),
            "individual.last_name: is missing; accepted: a text of 1 to 100 characters",
        ),
        (
            json!({"individual": {"title": "Professorin"}}),
            "individual.title: is 11 characters long; accepted: at most 10",
        ),
        (
            json!({"individual": {"date_of_birth": "1990-02-30"}}),
            "individual.date_of_birth: \"1990-02-30\" is not a date; accepted: a day that exists, as YYYY-MM-DD",
        ),
        (
            json!({"individual": {"ssn_last_4": "123456789"}}),
            "individual.ssn_last_4: must be exactly 4 characters: the last four digits of the number",
        ),
        (json!({"individual": {"legal_name": "X"}}), "individual.legal_name: unknown field; leave it out"),
        (
            json!({"organization": {"legal_name": "X"}}),
            "organization: does not belong to type \"individual\"; leave it out or correct the type",
        ),
    ];
    for (change, expected) in table {
        assert_eq!(errors(individual(), &change), [expected], "{change}");
    }
}

#[test]
fn all_wrong_fields_are_named_at_once() {
    let empty = errors(json!({}), &json!({}));
    assert_eq!(empty.len(), 3, "{empty:?}");
    let camel = errors(organization(), &json!({"address": {"postal_code": null, "postalCode": "1"}}));
    assert_eq!(camel[0], "address.postalCode: unknown field; did you mean postal_code?");
    assert_eq!(camel[1], "address.postal_code: is missing; accepted: a text of 1 to 10 characters");
    assert_eq!(errors(json!([]), &json!([])), ["must be a JSON object, not a list"]);
}

#[test]
fn a_hostile_document_gets_a_bounded_answer() {
    let document: serde_json::Map<String, Value> =
        (0..10_000).map(|i| (format!("{i}{}", "x".repeat(500)), json!(1))).collect();
    let errors = CustomerDocument::parse(&Value::Object(document)).unwrap_err();
    assert_eq!(errors.len(), 100);
    assert!(errors.iter().all(|error| error.field.chars().count() < 70));
}

#[test]
fn the_canonical_form_has_no_nulls_and_reads_back_as_the_same_document() {
    let document = CustomerDocument::parse(&organization()).unwrap();
    let text = document.to_text();
    assert!(!text.contains("null"), "{text}");
    assert_eq!(CustomerDocument::from_stored(&text).unwrap(), document);
    assert_eq!(CustomerDocument::parse(&document.to_json()).unwrap(), document);
}

/// JSON of every shape, with the names of real fields likelier than chance would have it.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec!["organization", "individual", "US", "DE", "", "a@b.co"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        let key = prop_oneof![
            4 => prop::sample::select(FIELDS.to_vec()).prop_map(str::to_owned),
            2 => prop::sample::select(vec!["id", "users", "country", "state", "login", "role", "legal_name"]).prop_map(str::to_owned),
            1 => any::<String>(),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..8).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_arrives_is_answered_and_what_is_taken_reads_back(value in any_json()) {
        let roles = crate::domain::role::RoleTemplates::presets();
        let wrapped = merge_patch(organization(), &value);
        for candidate in [&value, &wrapped] {
            let _ = crate::domain::document::parse_record(candidate, &roles);
            match CustomerDocument::parse(candidate) {
                Ok(document) => prop_assert_eq!(CustomerDocument::parse(&document.to_json()), Ok(document)),
                Err(errors) => prop_assert!(!errors.is_empty()),
            }
        }
    }
}
