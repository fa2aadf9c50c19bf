//! Whole requests through the router, one after the other in a small world.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderName, HeaderValue, Request, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{ManualClock, RateLimit, Sandbox};

/// Between two requests of one input.
const SEPARATOR: &str = "\n===\n";

/// More of them in one input say nothing new.
const MOST: usize = 8;

/// An input is a few requests: `METHOD /path`, header lines `name: value`, an empty line, the body. Of the world they
/// meet, `ENTITY`, `ROLE`, `USER` stand for ids, `PARTNER` and `PERSON` for tokens, `CLIENT` and `SECRET` for credentials.
pub(super) fn serve(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    Stage::run(async |stage| {
        for request in text.split(SEPARATOR).take(MOST) {
            if let Some(request) = parse(&stage.fill(request)) {
                stage.call(request).await;
            }
        }
    });
}

/// A small world, and how to call it.
pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    router: Router,
    names: Vec<(&'static str, String)>,
}

impl Stage {
    pub(super) fn run(play: impl AsyncFnOnce(&mut Self)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime without threads can always be had");
        runtime.block_on(async { play(&mut Self::new().await).await });
    }

    /// One call of every kind, in whatever world there is now.
    pub(super) async fn work(&mut self) {
        const GRANT: &str = r#"{"client_id":"CLIENT","client_secret":"SECRET","grant_type":"client_credentials"}"#;
        self.make("MANAGER", &format!("POST /v1/auth/token\n\n{GRANT}")).await;
        let headers = "authorization: Bearer MANAGER\nx-monite-version: 2024-05-25\nx-monite-entity-id: ENTITY\n\n";
        for call in [
            "GET /v1/entities?limit=1&order=desc",
            "GET /v1/entities?sort=updated_at&created_at__gt=2020-01-01T00:00:00Z",
            "GET /v1/roles?sort=updated_at&limit=1",
            "GET /v1/entity_users?name__istartswith=u",
            "POST /v1/entities/ENTITY/deactivate",
            "POST /v1/entities/ENTITY/activate",
            "DELETE /v1/entity_users/USER",
            "DELETE /v1/roles/ROLE",
            "GET /v1/entities/ENTITY/settings",
            "GET /v1/settings",
            "GET /v1/webhook_subscriptions?sort=updated_at",
            "GET /v1/events?object_type=entity&order=desc",
            "GET /v1/webhook_deliveries?sort=updated_at&limit=1",
        ] {
            let request = parse(&self.fill(&format!("{call}\n{headers}"))).expect("these calls are well formed");
            self.call(request).await;
        }
    }

    /// Ids and tokens follow from a seed, so that an input always means the same.
    async fn new() -> Self {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let builder = Sandbox::builder().seed(1).rate_limit(RateLimit::Off).clock(Arc::new(clock)).webhooks_by_hand();
        let sandbox = builder.in_process().await.expect("without a file nothing can be in the way");
        let credentials = [sandbox.client_id().to_owned(), sandbox.client_secret().to_owned()];
        let [client, secret] = credentials;
        let mut stage = Self { router: sandbox.router(), sandbox, names: vec![("CLIENT", client), ("SECRET", secret)] };
        let grant = r#"{"client_id":"CLIENT","client_secret":"SECRET","grant_type":"#;
        stage.make("PARTNER", &format!("POST /v1/auth/token\n\n{grant}\"client_credentials\"}}")).await;
        let headers = "authorization: Bearer PARTNER\nx-monite-version: 2024-05-25\nx-monite-entity-id: ENTITY\n\n";
        let entity = json!({
            "type": "organization", "email": "a@example.com", "organization": {"legal_name": "A"},
            "address": {"country": "DE", "city": "Berlin", "line1": "1", "postal_code": "1"},
        });
        stage.make("ENTITY", &format!("POST /v1/entities\n{headers}{entity}")).await;
        let actions = json!([{"action_name": "read"}, {"action_name": "update"}, {"action_name": "create", "permission": "allowed_for_own"}]);
        let role = json!({"name": "r", "permissions": {"objects": [
            {"object_type": "entity", "actions": actions}, {"object_type": "role", "actions": actions},
            {"object_type": "entity_user", "actions": actions},
        ]}});
        stage.make("ROLE", &format!("POST /v1/roles\n{headers}{role}")).await;
        let user = r#"{"login":"u","first_name":"U","role_id":"ROLE"}"#;
        stage.make("USER", &format!("POST /v1/entity_users\n{headers}{user}")).await;
        stage
            .make("PERSON", &format!("POST /v1/auth/token\n\n{grant}\"entity_user\",\"entity_user_id\":\"USER\"}}"))
            .await;
        stage
    }

    async fn make(&mut self, name: &'static str, request: &str) {
        let request = parse(&self.fill(request)).expect("the world's own requests are well formed");
        let answer = self.call(request).await;
        let made = answer.get("access_token").unwrap_or(&answer["id"]);
        self.names.push((name, made.as_str().unwrap_or_else(|| panic!("{name}: {answer}")).to_owned()));
    }

    fn fill(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    async fn call(&self, request: Request<Body>) -> Value {
        let told = format!("{} {}", request.method(), request.uri());
        let Ok(response) = self.router.clone().oneshot(request).await;
        let status = response.status();
        let is_preflight = response.headers().contains_key("access-control-max-age");
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body in memory can be read");
        if status == StatusCode::NO_CONTENT || is_preflight {
            assert!(body.is_empty(), "{told}: {status} with a body");
            return Value::Null;
        }
        let answer: Value = serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{told}: {status}, {error}"));
        assert!(is_in_shape(status, &answer), "{told}: {status} {answer}");
        answer
    }
}

/// Never a failure of the server, except where it says that it does not imitate something; every refusal in one of
/// Monite's three envelopes.
fn is_in_shape(status: StatusCode, answer: &Value) -> bool {
    let is_place = |step: &Value| step.is_string() || step.is_u64();
    let is_mistake = |error: &Value| {
        error["msg"].is_string()
            && error["type"].is_string()
            && error["loc"].as_array().is_some_and(|steps| !steps.is_empty() && steps.iter().all(is_place))
    };
    match status.as_u16() {
        200..=299 => answer.is_object(),
        422 => answer["detail"].as_array().is_some_and(|errors| !errors.is_empty() && errors.iter().all(is_mistake)),
        413 | 429 => answer["message"].is_string(),
        400..=499 | 501 => answer["error"]["message"].is_string(),
        _ => false,
    }
}

/// `None` for what no HTTP server would hand on.
fn parse(text: &str) -> Option<Request<Body>> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (method, path) = lines.next()?.split_once(' ')?;
    // The control routes break things on purpose.
    if path.contains("_sandbox") {
        return None;
    }
    let mut request = Request::builder().method(method).uri(path);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
        request = request.header(name, HeaderValue::from_str(value.trim()).ok()?);
    }
    request.body(Body::from(body.to_owned())).ok()
}
