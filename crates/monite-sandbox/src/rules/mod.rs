//! What Monite refuses, as pure functions: raw request in, checked plain data or every mistake at once out.

pub(crate) mod auth;
pub(crate) mod countries;
pub(crate) mod entity;
pub(crate) mod entity_user;
pub(crate) mod form;
pub(crate) mod metadata;
pub(crate) mod query;
pub(crate) mod role;
pub(crate) mod text;
pub(crate) mod version;

pub(crate) use form::{FieldError, Patch, Wrong, both};
