//! Typed async client for Monite's API: tokens, expiry, retries, rate limit, entities, roles, entity users.
//!
//! In reading order:
//!
//! - [`client`]: [`Monite`], its handles and the one `send` that every call passes through
//! - [`builder`]: what a client is made of
//! - [`api`]: one handle per resource
//! - [`model`]: wire types, one file per resource
//! - [`request`]: a call as plain data
//! - `wire`: the way out, shared by all calls; `answer`: the way back
//! - [`error`]: what happened, whether to try again, and whom to ask
//! - [`retry`]: the pure decision "again, and when?"
//! - [`limit`]: who may send now
//! - [`token`]: one slot per scope, one mint at a time, refresh before expiry
//! - [`transport`]: request in, response out
//! - [`page`], [`call_log`], [`id`], [`clock`]

mod answer;
pub mod api;
pub mod builder;
pub mod call_log;
pub mod client;
pub mod clock;
pub mod error;
pub mod id;
pub mod limit;
pub mod model;
pub mod page;
pub mod request;
pub mod retry;
pub mod token;
pub mod transport;
mod wire;

pub use api::{EntityFilter, EntityUserFilter, RoleFilter, SortBy};
pub use builder::{API_VERSION, Credentials, Environment, MoniteBuilder};
pub use call_log::{CallLog, CallRecord};
pub use client::Monite;
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{Error, FieldError};
pub use id::{ClientId, EntityId, EntityUserId, InvalidId, RequestId, RoleId};
pub use limit::{Limiter, Permit, Priority, RateSignal, Unlimited, WindowLimiter};
pub use model::*;
pub use page::{Order, Page};
pub use request::Request;
pub use retry::RetryPolicy;
pub use secrecy::SecretString;
pub use token::{AccessToken, Scope, TokenCache, TokenSlot};
pub use transport::{ReqwestTransport, Transport, TransportError, TransportKind};
