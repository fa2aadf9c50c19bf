//! Every operation: what it is for, what goes in, what comes out. Who may call it is the router's to say.

use super::super::problem::Kind::{self, *};

/// One operation.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    /// Names below `components/parameters`.
    pub(super) parameters: &'static [&'static str],
    /// Media types, and the name of the schema.
    pub(super) body: Option<(&'static [&'static str], &'static str)>,
    pub(super) answers: Vec<Answer>,
    /// Those of its own; what every operation may answer is added.
    pub(super) problems: &'static [Kind],
}

/// One way to succeed.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) description: &'static str,
    /// Media type and name of the schema.
    pub(super) content: Option<(&'static str, &'static str)>,
    pub(super) headers: &'static [&'static str],
}

const JSON: &str = "application/json";
const DOCUMENT: &[&str] = &[JSON];
const PATCH: &[&str] = &["application/merge-patch+json", JSON];
const NDJSON: &str = "application/x-ndjson";
const WRITE: &[&str] = &["customer", "If-Match", "If-None-Match", "Prefer"];
const USER_WRITE: &[&str] = &["customer", "user", "If-Match", "If-None-Match", "Prefer"];
const WRITTEN: &[&str] = &["ETag", "Preference-Applied"];

const fn answer(status: u16, description: &'static str, content: Option<(&'static str, &'static str)>) -> Answer {
    Answer { status, description, content, headers: &[] }
}

fn written(schema: &'static str, answers: &[(u16, &'static str)]) -> Vec<Answer> {
    let of = |(status, description): &(u16, &'static str)| Answer {
        status: *status,
        description,
        content: Some((JSON, schema)),
        headers: WRITTEN,
    };
    answers.iter().map(of).collect()
}

const CREATED: (u16, &str) = (201, "It was not there before; now it is durable.");
const CHANGED: (u16, &str) =
    (200, "It replaced what was there, or it is what was there already (then no generation, no call at Monite).");
const WAITED: (u16, &str) =
    (202, "Accepted and durable, but it did not come to rest within the time of `Prefer: wait`.");
const DELETED: (u16, &str) = (200, "Its deletion is through.");
const DELETING: (u16, &str) = (202, "Accepted and durable: nobody gets a token any more, and Monite is told next.");
const RETRIED: (u16, &str) = (202, "It is due now.");
const NOTHING_TO_RETRY: (u16, &str) =
    (200, "Nothing was failing, or it came to rest within the time of `Prefer: wait`.");

pub(super) fn operations() -> Vec<Operation> {
    let mut all = customers();
    all.extend(users());
    all.extend(tokens());
    all.extend(the_rest());
    all
}

const PUT_PROBLEMS: &[Kind] = &[
    InvalidJson,
    Unreadable,
    BeingErased,
    PreconditionFailed,
    TooLarge,
    UnsupportedMediaType,
    InvalidDocument,
    InvalidParameter,
    StoreUnavailable,
    ShuttingDown,
];
const PUT_USER_PROBLEMS: &[Kind] = &[
    InvalidJson,
    Unreadable,
    NoSuchCustomer,
    BeingErased,
    PreconditionFailed,
    TooLarge,
    UnsupportedMediaType,
    InvalidDocument,
    InvalidParameter,
    StoreUnavailable,
    ShuttingDown,
];
const PATCH_PROBLEMS: &[Kind] = &[
    InvalidJson,
    Unreadable,
    NoSuchCustomer,
    BeingErased,
    Deleted,
    PreconditionFailed,
    TooLarge,
    UnsupportedMediaType,
    InvalidDocument,
    InvalidParameter,
    StoreUnavailable,
    ShuttingDown,
];
const PATCH_USER_PROBLEMS: &[Kind] = &[
    InvalidJson,
    Unreadable,
    NoSuchUser,
    BeingErased,
    Deleted,
    PreconditionFailed,
    TooLarge,
    UnsupportedMediaType,
    InvalidDocument,
    InvalidParameter,
    StoreUnavailable,
    ShuttingDown,
];
const DELETE_PROBLEMS: &[Kind] =
    &[Unreadable, NoSuchCustomer, PreconditionFailed, InvalidParameter, StoreUnavailable, ShuttingDown];
const DELETE_USER_PROBLEMS: &[Kind] =
    &[Unreadable, NoSuchUser, PreconditionFailed, InvalidParameter, StoreUnavailable, ShuttingDown];
const OF_CUSTOMER: &[Kind] = &[NoSuchCustomer, InvalidParameter, StoreUnavailable, ShuttingDown];
const OF_USER: &[Kind] = &[NoSuchUser, InvalidParameter, StoreUnavailable, ShuttingDown];
const OF_ALL: &[Kind] = &[InvalidParameter, StoreUnavailable, ShuttingDown];
const STORE: &[Kind] = &[StoreUnavailable, ShuttingDown];

fn customers() -> Vec<Operation> {
    const PATH: &str = "/v1/customers/{customer}";
    let operation = |method, id, summary, description| Operation {
        method,
        path: PATH,
        id,
        tag: "customers",
        summary,
        description,
        parameters: WRITE,
        body: None,
        answers: Vec::new(),
        problems: OF_CUSTOMER,
    };
    vec![
        Operation {
            path: "/v1/customers",
            parameters: &["state", "limit", "cursor"],
            answers: vec![answer(200, "One page, in the order of the ids.", Some((JSON, "CustomerPage")))],
            problems: OF_ALL,
            ..operation("get", "listCustomers", "List customers", "Follow `next_cursor` until it is null.")
        },
        Operation {
            body: Some((DOCUMENT, "CustomerDocument")),
            answers: written("Customer", &[CREATED, CHANGED, WAITED]),
            problems: PUT_PROBLEMS,
            ..operation(
                "put",
                "putCustomer",
                "Say what a customer should be",
                "The document is Monite's CreateEntityRequest. What can be known without asking Monite is checked here and refused with every \
                 wrong field; what only Monite can know makes the customer `rejected`. `id` (equal to the one in the path) and `sync` of a GET \
                 may be sent back and are ignored. A customer that was deleted comes back with the entity it had.",
            )
        },
        Operation {
            body: Some((PATCH, "CustomerPatch")),
            answers: written("Customer", &[CHANGED, WAITED]),
            problems: PATCH_PROBLEMS,
            ..operation(
                "patch",
                "patchCustomer",
                "Change some fields of a customer",
                "JSON merge patch (RFC 7396): objects merge, null removes. The result is checked as a whole. Two patches at once both count.",
            )
        },
        Operation {
            parameters: &["customer"],
            answers: vec![Answer {
                headers: &["ETag"],
                ..answer(200, "The document and how far it has come.", Some((JSON, "Customer")))
            }],
            ..operation("get", "getCustomer", "Read a customer", "A deleted customer is still there, `deactivated`.")
        },
        Operation {
            answers: written("Customer", &[DELETED, DELETING]),
            problems: DELETE_PROBLEMS,
            ..operation(
                "delete",
                "deleteCustomer",
                "Deactivate a customer",
                "Monite has no deletion of entities: the entity is deactivated (unless `sync.on_customer_delete` is `keep`). Tokens of its users \
                 are not handed out any more from this answer on, and those already out are revoked.",
            )
        },
        Operation {
            path: "/v1/customers/{customer}/retry",
            parameters: &["customer", "Prefer"],
            answers: written("Customer", &[NOTHING_TO_RETRY, RETRIED]),
            ..operation(
                "post",
                "retryCustomer",
                "Try a failing customer again",
                "And its failing users. Attempts start again from zero.",
            )
        },
    ]
}

fn users() -> Vec<Operation> {
    const PATH: &str = "/v1/customers/{customer}/users/{user}";
    let operation = |method, id, summary, description| Operation {
        method,
        path: PATH,
        id,
        tag: "users",
        summary,
        description,
        parameters: USER_WRITE,
        body: None,
        answers: Vec::new(),
        problems: OF_USER,
    };
    vec![
        Operation {
            path: "/v1/customers/{customer}/users",
            parameters: &["customer", "limit", "cursor"],
            answers: vec![answer(200, "One page, in the order of the ids.", Some((JSON, "UserPage")))],
            problems: OF_CUSTOMER,
            ..operation("get", "listUsers", "List the users of a customer", "Follow `next_cursor` until it is null.")
        },
        Operation {
            body: Some((DOCUMENT, "UserDocument")),
            answers: written("User", &[CREATED, CHANGED, WAITED]),
            problems: PUT_USER_PROBLEMS,
            ..operation(
                "put",
                "putUser",
                "Say what a user should be",
                "The document is Monite's CreateEntityUserRequest with `role`, the name of a role template, in the place of `role_id`. An unknown \
                 role is refused, never replaced. A login may be held by one user of the customer only.",
            )
        },
        Operation {
            body: Some((PATCH, "UserPatch")),
            answers: written("User", &[CHANGED, WAITED]),
            problems: PATCH_USER_PROBLEMS,
            ..operation(
                "patch",
                "patchUser",
                "Change some fields of a user",
                "JSON merge patch (RFC 7396), as for customers.",
            )
        },
        Operation {
            parameters: &["customer", "user"],
            answers: vec![Answer {
                headers: &["ETag"],
                ..answer(200, "The document and how far it has come.", Some((JSON, "User")))
            }],
            ..operation(
                "get",
                "getUser",
                "Read a user",
                "A deleted user is there until its deletion is through, then 404.",
            )
        },
        Operation {
            answers: written("User", &[DELETED, DELETING]),
            problems: DELETE_USER_PROBLEMS,
            ..operation(
                "delete",
                "deleteUser",
                "Delete a user",
                "The entity user is deleted at Monite (unless `sync.on_user_delete` is `keep`). No token is handed out any more from this answer \
                 on, and those already out are revoked.",
            )
        },
        Operation {
            path: "/v1/customers/{customer}/users/{user}/retry",
            parameters: &["customer", "user", "Prefer"],
            answers: written("User", &[NOTHING_TO_RETRY, RETRIED]),
            ..operation("post", "retryUser", "Try a failing user again", "Attempts start again from zero.")
        },
    ]
}

const TOKEN_HEADERS: &[&str] = &["Cache-Control"];

fn tokens() -> Vec<Operation> {
    const DESCRIPTION: &str = "For the browser: an SDK's `fetchToken`. Can only give the token of the session's own user. Pages of the origins \
                               in `server.cors_origins` may read the answer, errors included. GET and POST are the same. \
                               A session and an address may ask so often only (`session.rate_limit`, `session.address_rate_limit`).";
    const PROBLEMS: &[Kind] = &[
        UserNotKnown,
        Deactivated,
        SessionsOff,
        TooManyRequests,
        NotYet,
        MoniteCredentials,
        MoniteRefused,
        TokenLifeTooShort,
        MoniteUnavailable,
        SessionKeysUnavailable,
        SessionCheckUnavailable,
        StoreUnavailable,
        ShuttingDown,
    ];
    let handed_out = || Answer {
        headers: TOKEN_HEADERS,
        ..answer(200, "A token with at least 660 s of its life left.", Some((JSON, "Token")))
    };
    let operation = |method, path, id, summary, description| Operation {
        method,
        path,
        id,
        tag: "tokens",
        summary,
        description,
        parameters: &[],
        body: None,
        answers: vec![handed_out()],
        problems: PROBLEMS,
    };
    vec![
        Operation {
            parameters: &["customer", "user"],
            problems: &[
                NoSuchCustomer,
                NoSuchUser,
                Deactivated,
                NotYet,
                InvalidParameter,
                MoniteCredentials,
                MoniteRefused,
                TokenLifeTooShort,
                MoniteUnavailable,
                StoreUnavailable,
                ShuttingDown,
            ],
            ..operation(
                "post",
                "/v1/customers/{customer}/users/{user}/token",
                "issueToken",
                "A token for a user",
                "For the product's backend, which knows who is logged in.",
            )
        },
        operation("get", "/v1/token", "fetchToken", "A token for the session's user", DESCRIPTION),
        operation("post", "/v1/token", "fetchTokenByPost", "A token for the session's user", DESCRIPTION),
    ]
}

fn the_rest() -> Vec<Operation> {
    let operation = |method, path, id, summary, description| Operation {
        method,
        path,
        id,
        tag: "operations",
        summary,
        description,
        parameters: &[],
        body: None,
        answers: Vec::new(),
        problems: STORE,
    };
    vec![
        Operation {
            tag: "customers",
            body: Some((&[NDJSON], "ImportLine")),
            answers: vec![answer(
                200,
                "One result line per line that is not blank, in their order, as they are stored.",
                Some((NDJSON, "ImportResult")),
            )],
            problems: &[UnsupportedMediaType],
            ..operation(
                "post",
                "/v1/import",
                "importCustomers",
                "Write many customers with their users",
                "One JSON document per line, each at most 1 MiB, without end. Results come back while lines go in: read while you send. A line that \
                 is wrong costs nothing else, and nothing is ever deleted. Sending the same again costs nothing.",
            )
        },
        Operation {
            body: Some((DOCUMENT, "WebhookEvent")),
            answers: vec![answer(
                200,
                "Taken: what it points to is looked at, unless it is not looked after here or was here before.",
                None,
            )],
            problems: &[InvalidJson, Unreadable, TooLarge, InvalidDocument, StoreUnavailable, ShuttingDown],
            ..operation(
                "post",
                "/v1/webhooks/monite",
                "receiveWebhook",
                "Hear from Monite that something changed",
                "For Monite only. An event is a pointer: nothing of it is believed but which entity to look at again, which happens about ten \
                 seconds later. Unknown events are taken and ignored.",
            )
        },
        Operation {
            answers: vec![answer(200, "In the order of their names.", Some((JSON, "Roles")))],
            ..operation(
                "get",
                "/v1/roles",
                "listRoles",
                "Role templates and how far each has been rolled out",
                "Templates come from the configuration.",
            )
        },
        Operation {
            answers: vec![answer(200, "Every state is there, with 0 if need be.", Some((JSON, "Stats")))],
            ..operation(
                "get",
                "/v1/stats",
                "getStats",
                "Counts by state, and the last sweep",
                "`next_due` is null when nothing is left to do by itself.",
            )
        },
        Operation {
            answers: vec![answer(
                200,
                "Server-sent events: `state` with {customer, user, state}; `lagged` when some were lost because they were not read in time.",
                Some(("text/event-stream", "StateEvent")),
            )],
            problems: &[],
            ..operation(
                "get",
                "/v1/events",
                "streamEvents",
                "Changes of state as they happen",
                "Only those from now on; nothing is replayed.",
            )
        },
        Operation {
            answers: vec![answer(200, "The process lives.", Some(("text/plain", "Text")))],
            problems: &[],
            ..operation("get", "/healthz", "isAlive", "Liveness", "Asks nothing.")
        },
        Operation {
            answers: vec![answer(200, "It can do its work.", Some(("text/plain", "Text")))],
            ..operation(
                "get",
                "/readyz",
                "isReady",
                "Readiness",
                "Asks the database. 503 from the moment the process begins to shut down.",
            )
        },
        Operation {
            answers: vec![answer(200, "Prometheus' text format.", Some(("text/plain", "Text")))],
            ..operation("get", "/metrics", "getMetrics", "Metrics", "Counts only: no ids, no secrets.")
        },
        Operation {
            answers: vec![answer(200, "OpenAPI 3.1.", Some((JSON, "OpenApi")))],
            problems: &[],
            ..operation(
                "get",
                "/openapi.json",
                "getOpenApi",
                "This document",
                "`monite-bridge openapi` prints the same.",
            )
        },
    ]
}
