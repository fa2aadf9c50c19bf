//! What the sandbox promises, one module per promise.
// A test that cannot go on fails where it stands, and `support` has no outside to be private from.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod access;
mod auth;
mod binary;
mod conformance;
mod control;
mod door;
mod entities;
mod entity_users;
mod faults;
mod guard;
mod guide;
mod journal;
mod page;
mod pages;
mod partner_settings;
mod properties;
mod protocol;
mod quirks;
mod rate_limit;
mod rbac;
mod roles;
mod settings;
mod snapshots;
mod stale;
mod storage;
mod support;
mod versions;
mod webhooks;
