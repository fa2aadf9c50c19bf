//! The HTTP API: thin routes over the store, the broker and the reconciler. In reading order:
//!
//! - [`mod@router`]: every route, who may call it, and what wraps it; [`mod@serve`]: the listening side, of
//!   [`connections`] (how many), each a [`connection`] (bounds in time and size) with or without [`tls`]
//! - [`problem`]: every error; [`auth`]: who calls; `extract`: paths, queries and bodies
//! - [`peer`]: from where a call comes; [`throttle`]: how often a session or an address may ask; `refusals`: those whose key was refused;
//!   `audit`: what is written down about a call
//! - `resource`: what customers and users have in common; `condition`, `prefer`, `wait`: their headers
//! - one file per resource; [`openapi`]: the document that describes it all

mod audit;
pub mod auth;
pub mod condition;
pub mod connection;
pub mod connections;
mod customers;
mod events;
mod extract;
mod health;
mod import;
mod metrics;
mod observe;
pub mod openapi;
pub mod peer;
pub mod prefer;
pub mod problem;
mod refusals;
mod resource;
mod roles;
pub mod router;
pub mod serve;
mod stats;
pub mod throttle;
pub mod tls;
mod tokens;
mod users;
mod view;
mod wait;
mod webhooks;

use std::sync::Arc;

use monite::Clock;
use tokio_util::sync::CancellationToken;

pub use self::metrics::HttpMetrics;
pub use self::observe::RequestIds;
pub use self::peer::Peer;
pub use self::router::{Access, Route, router, routes};
pub use self::serve::{Entrance, serve};
pub use self::throttle::Door;
pub use self::tls::{Tls, TlsError};
use crate::api_key::ApiKeys;
use crate::audit::Audit;
use crate::broker::Broker;
use crate::budget::SharedLimiter;
use crate::config::OnUserDelete;
use crate::domain::role::RoleTemplates;
use crate::events::Events;
use crate::reconcile::Reconciler;
use crate::session::Sessions;
use crate::store::Store;
use crate::webhook::Webhooks;

/// Everything the routes work with. One per process.
#[derive(Debug)]
pub struct App {
    /// The bridge's memory.
    pub store: Arc<dyn Store>,
    /// The role templates of the configuration.
    pub templates: Arc<RoleTemplates>,
    /// Woken after every accepted write.
    pub reconciler: Reconciler,
    /// Told of every accepted write, and listened to by those who wait.
    pub events: Events,
    /// Hands out tokens.
    pub broker: Broker,
    /// Checks session tokens; without it the browser-facing token route is off.
    pub sessions: Option<Sessions>,
    /// Who may call.
    pub keys: ApiKeys,
    /// Takes what Monite reports.
    pub webhooks: Webhooks,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Cancelled when the process begins to shut down: not ready any more, and streams end.
    pub stopping: CancellationToken,
    /// Origins whose pages may ask for tokens; `*` stands for all.
    pub cors_origins: Vec<String>,
    /// What stands in front of the routes besides keys and sessions.
    pub door: Arc<Door>,
    /// Where it is written down who did what.
    pub audit: Audit,
    /// What becomes of the entity user of a deleted user.
    pub on_user_delete: OnUserDelete,
    /// Names requests.
    pub request_ids: RequestIds,
    /// Counts requests.
    pub metrics: HttpMetrics,
    /// This process's part of the rate budget; `None`: there is no limit.
    pub limiter: Option<SharedLimiter>,
}

type Shared = Arc<App>;
