//! Every route, who may call it, and what wraps it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::auth::require;
use super::{App, Shared, customers, events, health, import, observe, openapi, roles, stats, tokens, users, webhooks};
use crate::api_key::Scope;

/// How long a browser may remember the answer to a preflight.
const PREFLIGHT_GOOD_FOR: Duration = Duration::from_secs(600);

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever has an API key with this scope.
    Key(Scope),
    /// Whoever has a session of the product.
    Session,
    /// Monite, by its signature over the body: the handler checks it.
    Webhook,
    /// Everybody: it tells nothing about customers.
    Open,
}

/// One route, as the OpenAPI document must name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
}

/// Every route there is.
#[must_use]
pub fn routes() -> Vec<Route> {
    table().into_iter().map(|(route, _)| route).collect()
}

/// The API as a service.
pub fn router(app: App) -> Router {
    let app = Arc::new(app);
    let (browser, backend) = table().into_iter().partition(|(route, _)| route.access == Access::Session);
    let browser: Router<Shared> = assemble(browser, &app);
    let browser = if app.cors_origins.is_empty() { browser } else { browser.layer(cors(&app.cors_origins)) };
    assemble(backend, &app)
        .merge(browser)
        .fallback(observe::no_such_route)
        .layer(from_fn_with_state(Arc::clone(&app), observe::observe))
        .with_state(app)
}

fn assemble(table: Table, app: &Shared) -> Router<Shared> {
    let mut router = Router::new();
    for (route, handler) in table {
        let handler = handler.route_layer(from_fn(observe::guard));
        let handler = match route.access {
            Access::Key(scope) => handler.route_layer(from_fn_with_state((Arc::clone(app), scope), require)),
            Access::Session | Access::Webhook | Access::Open => handler,
        };
        router = router.route(route.path, handler);
    }
    router.method_not_allowed_fallback(observe::method_not_allowed)
}

type Table = Vec<(Route, MethodRouter<Shared>)>;

#[rustfmt::skip]
fn table() -> Table {
    use Access::{Key, Open, Session, Webhook};
    let (read, write, token) = (Key(Scope::Read), Key(Scope::Write), Key(Scope::Token));
    let entry = |method: Method, path: &'static str, access: Access, handler: MethodRouter<Shared>| {
        (Route { method, path, access }, handler)
    };
    const CUSTOMER: &str = "/v1/customers/{customer}";
    const USER: &str = "/v1/customers/{customer}/users/{user}";
    vec![
        entry(Method::GET, "/v1/customers", read, get(customers::list)),
        entry(Method::PUT, CUSTOMER, write, put(customers::put)),
        entry(Method::PATCH, CUSTOMER, write, patch(customers::patch)),
        entry(Method::GET, CUSTOMER, read, get(customers::get)),
        entry(Method::DELETE, CUSTOMER, write, delete(customers::delete)),
        entry(Method::POST, "/v1/customers/{customer}/retry", write, post(customers::retry)),
        entry(Method::GET, "/v1/customers/{customer}/users", read, get(users::list)),
        entry(Method::PUT, USER, write, put(users::put)),
        entry(Method::PATCH, USER, write, patch(users::patch)),
        entry(Method::GET, USER, read, get(users::get)),
        entry(Method::DELETE, USER, write, delete(users::delete)),
        entry(Method::POST, "/v1/customers/{customer}/users/{user}/retry", write, post(users::retry)),
        entry(Method::POST, "/v1/customers/{customer}/users/{user}/token", token, post(tokens::for_user)),
        entry(Method::GET, "/v1/token", Session, get(tokens::for_session)),
        entry(Method::POST, "/v1/token", Session, post(tokens::for_session)),
        entry(Method::POST, "/v1/import", write, post(import::import)),
        entry(Method::GET, "/v1/roles", read, get(roles::list)),
        entry(Method::GET, "/v1/stats", read, get(stats::stats)),
        entry(Method::GET, "/v1/events", read, get(events::stream)),
        entry(Method::POST, "/v1/webhooks/monite", Webhook, post(webhooks::monite)),
        entry(Method::GET, "/healthz", Open, get(health::healthz)),
        entry(Method::GET, "/readyz", Open, get(health::readyz)),
        entry(Method::GET, "/metrics", Open, get(super::metrics::metrics)),
        entry(Method::GET, "/openapi.json", Open, get(openapi::serve)),
    ]
}

/// Who may read the answers of the browser-facing route: exactly the configured origins.
fn cors(origins: &[String]) -> CorsLayer {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT])
        .expose_headers([header::RETRY_AFTER, header::WWW_AUTHENTICATE, observe::REQUEST_ID])
        .max_age(PREFLIGHT_GOOD_FOR)
}
