//! Documents and answers, field by field.

use serde_json::{Map, Value, json};

use super::super::problem::Kind;
use crate::domain::SyncState;

pub(super) fn all() -> Value {
    let mut all = documents();
    all.extend(answers());
    all.extend(the_rest());
    Value::Object(all)
}

fn object(schemas: Value) -> Map<String, Value> {
    match schemas {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// A text of 1 to `longest` characters.
fn text(longest: u32, description: &str) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": longest, "description": description})
}

/// The same, where null means the same as leaving it out.
fn optional(longest: u32, description: &str) -> Value {
    json!({"type": ["string", "null"], "minLength": 1, "maxLength": longest, "description": description})
}

fn flag(description: &str) -> Value {
    json!({"type": ["boolean", "null"], "description": description})
}

fn documents() -> Map<String, Value> {
    object(json!({
        "Id": {
            "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[A-Za-z0-9._~@:+,-]{1,200}$",
            "description": "The product's own id: unreserved URL characters plus @ : + ,",
        },
        "CustomerDocument": {
            "type": "object", "additionalProperties": false,
            "required": ["type", "email", "address"],
            "properties": customer_fields(),
            "oneOf": [
                {"properties": {"type": {"const": "organization"}, "individual": {"type": "null"}}, "required": ["organization"]},
                {"properties": {"type": {"const": "individual"}, "organization": {"type": "null"}}, "required": ["individual"]},
            ],
        },
        "CustomerPatch": {
            "type": "object", "additionalProperties": false, "properties": patch_of(customer_fields(), &["address", "organization", "individual"]),
            "description": "Any fields of a customer document; null removes one. What comes out must be a customer document.",
        },
        "Address": {
            "type": "object", "additionalProperties": false,
            "required": ["country", "city", "line1", "postal_code"],
            "properties": {
                "country": {"type": "string", "pattern": "^[A-Z]{2}$", "description": "ISO 3166 alpha-2, or AN, EA, IC. Cannot change once the entity exists."},
                "city": text(100, "City."),
                "line1": text(200, "Street and number."),
                "line2": optional(100, "More of the address."),
                "postal_code": text(10, "Postal code."),
                "state": optional(100, "State or region. In the US the two-letter code of a state or territory, and required."),
            },
        },
        "Organization": {
            "type": "object", "additionalProperties": false, "required": ["legal_name"],
            "properties": {
                "legal_name": text(255, "Registered name; at most 100 characters where payments are used."),
                "legal_entity_id": optional(20, "Identifier of the legal entity."),
                "business_structure": {
                    "type": ["string", "null"], "description": "Legal form; needed for payments only.",
                    "enum": ["incorporated_partnership", "unincorporated_partnership", "public_corporation", "private_corporation",
                             "sole_proprietorship", "single_member_llc", "multi_member_llc", "private_partnership",
                             "unincorporated_association", "public_partnership", null],
                },
                "directors_provided": flag("All directors have been named."),
                "executives_provided": flag("All executives have been named."),
                "owners_provided": flag("All owners have been named."),
                "representative_provided": flag("The representative has been named."),
            },
        },
        "Individual": {
            "type": "object", "additionalProperties": false, "required": ["first_name", "last_name"],
            "properties": {
                "first_name": text(100, "Given name."),
                "last_name": text(100, "Family name."),
                "title": optional(10, "Title, such as Dr."),
                "date_of_birth": {"type": ["string", "null"], "format": "date", "description": "A day that exists."},
                "id_number": optional(100, "Number of a government-issued identity document."),
                "ssn_last_4": {"type": ["string", "null"], "minLength": 4, "maxLength": 4, "description": "Last four digits of the US social security number."},
            },
        },
        "UserDocument": {
            "type": "object", "additionalProperties": false, "required": ["login", "first_name", "role"],
            "properties": user_fields(),
        },
        "UserPatch": {
            "type": "object", "additionalProperties": false, "properties": patch_of(user_fields(), &[]),
            "description": "Any fields of a user document; null removes one. What comes out must be a user document.",
        },
    }))
}

fn customer_fields() -> Value {
    json!({
        "type": {"type": "string", "enum": ["organization", "individual"], "description": "Cannot change once the entity exists."},
        "email": {"type": "string", "format": "email", "description": "Where Monite writes to the customer."},
        "address": reference("Address"),
        "organization": {"oneOf": [reference("Organization"), {"type": "null"}], "description": "Required when type is organization, refused otherwise."},
        "individual": {"oneOf": [reference("Individual"), {"type": "null"}], "description": "Required when type is individual, refused otherwise."},
        "phone": optional(100, "Phone number; US organizations need one for payments."),
        "website": {"type": ["string", "null"], "format": "uri", "minLength": 1, "maxLength": 2083, "description": "http or https."},
        "tax_id": optional(30, "Tax number; needed for receivables unless there is a VAT id."),
        "registration_number": optional(100, "Germany only: number in the commercial register."),
        "registration_authority": optional(100, "Germany only: the court of the register; required with registration_number."),
    })
}

fn user_fields() -> Value {
    let short = |description: &str| json!({"type": ["string", "null"], "maxLength": 255, "description": description});
    json!({
        "login": text(255, "Unique within the customer. Monite keeps it and does not use it."),
        "first_name": {"type": "string", "maxLength": 255, "description": "Given name."},
        "last_name": short("Family name."),
        "email": {"type": ["string", "null"], "format": "email", "description": "E-mail address."},
        "phone": {"type": ["string", "null"], "description": "Phone number."},
        "title": short("Job title. Monite takes it and never shows it."),
        "role": {"type": "string", "description": "The name of a role template; GET /v1/roles lists them."},
    })
}

/// The same fields for a merge patch: each may be null, and objects may come in part.
fn patch_of(fields: Value, parts: &[&str]) -> Value {
    let patched = object(fields).into_iter().map(|(name, schema)| {
        let patch = if parts.contains(&name.as_str()) {
            json!({"type": ["object", "null"], "description": "Merged with what is there."})
        } else {
            json!({"oneOf": [without_null(schema), {"type": "null"}]})
        };
        (name, patch)
    });
    Value::Object(patched.collect())
}

fn without_null(mut schema: Value) -> Value {
    if let Some(first) = schema["type"].as_array().and_then(|types| types.first().cloned()) {
        schema["type"] = first;
    }
    schema
}

fn answers() -> Map<String, Value> {
    object(json!({
        "Customer": shown(&object(customer_fields()), &["type", "email", "address"], "entity_id", "Monite's id of the entity; null until it exists."),
        "User": shown(&object(user_fields()), &["login", "first_name", "role"], "entity_user_id", "Monite's id of the entity user; null until it exists."),
        "CustomerPage": page("Customer"),
        "UserPage": page("User"),
        "LastError": {
            "type": ["object", "null"], "description": "Why the last attempt failed; null after a success.",
            "required": ["status", "message", "request_id", "at"],
            "properties": {
                "status": {"type": ["integer", "null"], "description": "Monite's HTTP status; null when no answer came."},
                "message": {"type": "string", "description": "What Monite said, or what happened instead."},
                "request_id": {"type": ["string", "null"], "description": "Monite's x-request-id, to quote to its support."},
                "at": time("When it happened."),
            },
        },
        "State": {
            "type": "string", "enum": SyncState::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>(),
            "description": "pending: accepted, not yet at Monite. in_sync: Monite confirmed it. retrying: will try again by itself. rejected: Monite \
                            refused this document; waits for a new one or a retry. drifted: Monite holds something else. deactivated: switched off, or a user that waits for its customer to come back.",
        },
        "Token": {
            "type": "object", "required": ["access_token", "token_type", "expires_in", "entity_id", "entity_user_id", "api_url"],
            "properties": {
                "access_token": {"type": "string", "description": "An entity-user token. Opaque."},
                "token_type": {"type": "string", "examples": ["Bearer"]},
                "expires_in": {"type": "integer", "minimum": 660, "description": "Seconds it still works."},
                "entity_id": {"type": "string", "format": "uuid", "description": "The user's entity: the React SDK's `entityId`."},
                "entity_user_id": {"type": "string", "format": "uuid"},
                "api_url": {"type": "string", "format": "uri", "description": "Where Monite is: the React SDK's `apiUrl`."},
            },
        },
        "ImportResult": {
            "type": "object", "required": ["line", "id", "status", "created", "changed", "unchanged", "errors"],
            "properties": {
                "line": {"type": "integer", "minimum": 1, "description": "The line it is about."},
                "id": {"type": ["string", "null"], "description": "The customer's id, if the line could be read that far."},
                "status": {"type": "string", "enum": ["created", "changed", "unchanged", "refused", "failed"],
                           "description": "refused: `errors` says why. failed: the database failed; send it again."},
                "created": {"type": "integer", "description": "Objects (the customer, its users) that were not there before."},
                "changed": {"type": "integer", "description": "Objects with a new generation."},
                "unchanged": {"type": "integer", "description": "Objects that were the same."},
                "errors": {"type": "array", "items": reference("FieldError")},
            },
        },
    }))
}

/// A document with `id` and `sync`.
fn shown(fields: &Map<String, Value>, required: &[&str], link: &str, of_link: &str) -> Value {
    let mut properties = fields.clone();
    properties.insert("id".to_owned(), reference("Id"));
    properties.insert("sync".to_owned(), json!({
        "type": "object",
        "required": ["state", link, "generation", "synced_generation", "attempts", "next_attempt_at", "synced_at", "last_error"],
        "properties": {
            "state": reference("State"),
            (link): {"type": ["string", "null"], "format": "uuid", "description": of_link},
            "generation": {"type": "integer", "minimum": 1, "description": "Counts the accepted changes; the ETag."},
            "synced_generation": {"type": ["integer", "null"], "description": "The generation Monite last confirmed."},
            "attempts": {"type": "integer", "minimum": 0, "description": "Failed attempts since the last success or write."},
            "next_attempt_at": nullable_time("When it is tried next; null when nothing is left to do or somebody must act first."),
            "synced_at": nullable_time("When Monite last confirmed it."),
            "last_error": reference("LastError"),
        },
    }));
    let required: Vec<&str> = ["id"].into_iter().chain(required.iter().copied()).chain(["sync"]).collect();
    json!({"type": "object", "required": required, "properties": properties})
}

fn page(of: &str) -> Value {
    json!({
        "type": "object", "required": ["data", "next_cursor"],
        "properties": {
            "data": {"type": "array", "items": reference(of)},
            "next_cursor": {"type": ["string", "null"], "description": "For the next page; null at the end."},
        },
    })
}

fn time(description: &str) -> Value {
    json!({"type": "string", "format": "date-time", "description": description})
}

fn nullable_time(description: &str) -> Value {
    json!({"type": ["string", "null"], "format": "date-time", "description": description})
}

fn the_rest() -> Map<String, Value> {
    let kinds: Vec<String> = Kind::ALL.iter().map(|kind| kind.urn()).collect();
    let counts: Map<String, Value> = SyncState::ALL
        .iter()
        .map(|state| (state.as_str().to_owned(), json!({"type": "integer", "minimum": 0})))
        .collect();
    let states: Vec<&str> = SyncState::ALL.iter().map(|state| state.as_str()).collect();
    let counts = json!({"type": "object", "required": states, "properties": counts});
    let number = json!({"type": "integer", "minimum": 0});
    let stamps = json!({
        "type": "object", "required": ["linked", "stamped"], "properties": {"linked": number, "stamped": number},
        "description": "Customers that have an entity, and those of them whose links stand in the entity's partner metadata, too.",
    });
    let mut line = customer_fields();
    line["id"] = reference("Id");
    line["users"] = json!({"type": "array", "items": {"allOf": [reference("ImportUser")]}, "description": "Users not mentioned are left as they are."});
    let mut user = user_fields();
    user["id"] = reference("Id");
    object(json!({
        "ImportLine": {
            "type": "object", "additionalProperties": false, "required": ["id", "type", "email", "address"], "properties": line,
            "description": "A customer document with `id` and `users`. One per line.",
        },
        "ImportUser": {"type": "object", "additionalProperties": false, "required": ["id", "login", "first_name", "role"], "properties": user},
        "FieldError": {
            "type": "object", "required": ["field", "message"],
            "properties": {
                "field": {"type": "string", "examples": ["address.postal_code"], "description": "Empty when it is the document as a whole."},
                "message": {"type": "string", "description": "What is wrong and what is accepted."},
            },
        },
        "Problem": {
            "type": "object", "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {"type": "string", "enum": kinds},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string", "description": "For the person who reads it."},
                "errors": {"type": "array", "items": reference("FieldError"), "description": "Every wrong field."},
                "generation": {"type": "integer", "description": "With 412: the generation that is there."},
            },
        },
        "Roles": {
            "type": "array",
            "items": {
                "type": "object", "required": ["name", "permissions", "everywhere", "entities", "current", "users"],
                "properties": {
                    "name": {"type": "string"},
                    "permissions": {"type": "object", "description": "As Monite writes them: objects, their actions, a permission each."},
                    "everywhere": {"type": "boolean", "description": "Whether every entity gets it, used or not."},
                    "entities": {"type": "integer", "description": "Entities in which it is a role now."},
                    "current": {"type": "integer", "description": "Those of them whose permissions are the template's."},
                    "users": {"type": "integer", "description": "Users who have it."},
                },
            },
        },
        "Stats": {
            "type": "object", "required": ["customers", "users", "stamps", "next_due", "last_sweep"],
            "properties": {
                "customers": counts.clone(), "users": counts, "stamps": stamps, "next_due": nullable_time("When the next visit is due."),
                "last_sweep": {"anyOf": [{"$ref": "#/components/schemas/Sweep"}, {"type": "null"}]},
            },
        },
        "Sweep": {
            "type": "object", "required": ["started_at", "finished_at", "tally"],
            "description": "The last time that everything at Monite was looked at again; null before the first.",
            "properties": {
                "started_at": {"type": "string", "format": "date-time"},
                "finished_at": {"type": "string", "format": "date-time"},
                "tally": {
                    "type": "object",
                    "properties": {
                        "entities": {"type": "integer", "description": "Entities that belong to a customer."},
                        "strangers": {"type": "integer", "description": "Entities that belong to none; never touched."},
                        "roles": {"type": "integer"},
                        "users": {"type": "integer"},
                        "drifted": {"type": "integer", "description": "Customers and users that were not as they should be."},
                        "missing": {"type": "integer", "description": "Linked entities that Monite does not show; nothing is done about them."},
                        "failed": {"type": "integer", "description": "Entities that could not be looked into."},
                        "look_at": {"type": "array", "items": {"type": "string"}, "description": "Up to ten customers of those missing or failed."},
                    },
                },
            },
        },
        "WebhookEvent": {
            "type": "object",
            "description": "Monite's EventResourceForWebhookClient. Only what is named here is read.",
            "required": ["id", "action", "object_type"],
            "properties": {
                "id": {"type": "string", "format": "uuid", "description": "The same in every delivery of the event."},
                "action": {"type": "string", "examples": ["entity.updated"]},
                "object_type": {"type": "string", "examples": ["entity", "entity_user", "role"]},
                "entity_id": {"type": ["string", "null"], "format": "uuid"},
                "object": {"description": "At least `id`, for most."},
            },
        },
        "StateEvent": {"type": "string", "description": "A stream of server-sent events."},
        "Text": {"type": "string"},
        "OpenApi": {"type": "object"},
    }))
}
