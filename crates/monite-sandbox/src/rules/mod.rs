//! What Monite refuses, as pure functions: raw request in, checked plain data or every mistake at once out.

pub(crate) mod auth;
mod codes;
pub(crate) mod countries;
mod document;
pub(crate) mod entity;
pub(crate) mod entity_settings;
pub(crate) mod entity_user;
pub(crate) mod form;
pub(crate) mod metadata;
mod number;
pub(crate) mod partner_settings;
pub(crate) mod query;
pub(crate) mod role;
pub(crate) mod text;
pub(crate) mod version;
pub(crate) mod webhook;

pub(crate) use form::{FieldError, Patch, Wrong, both};
